#include "base/sha.h"

void sha_begin(struct sha *s) {
    crypto_hash_sha256_init(&s->state);
}

void sha_add(struct sha *s, const void *p, size_t n) {
    crypto_hash_sha256_update(&s->state, p, n);
}

void sha_end(struct sha *s, char out[SHA_HEX]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&s->state, digest);
    sodium_bin2hex(out, SHA_HEX, digest, sizeof digest);
}

void sha_hex(const void *p, size_t n, char out[SHA_HEX]) {
    struct sha s;
    sha_begin(&s);
    sha_add(&s, p, n);
    sha_end(&s, out);
}
