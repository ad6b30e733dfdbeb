#include "serve/gate_secret.h"

#include <assert.h>
#include <sodium.h>

static const char PREFIX[] = "sk-sillok-";

void gate_secret_text(const uint8_t random[GATE_RANDOM], char out[GATE_SECRET]) {
    size_t n = sizeof PREFIX - 1;
    memcpy(out, PREFIX, n);
    char *p =
        sodium_bin2base64(out + n, GATE_SECRET - n, random, GATE_RANDOM, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    assert(p);
}

bool gate_secret_hash(struct str secret, const uint8_t salt[GATE_SALT], uint8_t out[GATE_HASH]) {
    if (secret.n != GATE_SECRET - 1 || !str_starts(secret, (struct str){PREFIX, sizeof PREFIX - 1})) return false;
    return crypto_generichash(out, GATE_HASH, (const unsigned char *)secret.p, secret.n, salt, GATE_SALT) == 0;
}
