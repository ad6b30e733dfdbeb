#include "base/sha.h"

#include <sodium.h>

void sha_hex(const void *p, size_t n, char out[SHA_HEX]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, p, n);
    sodium_bin2hex(out, SHA_HEX, digest, sizeof digest);
}
