/* sha: SHA-256 digests as lower-case hexadecimal text (libsodium). */
#ifndef SIL_BASE_SHA_H
#define SIL_BASE_SHA_H

#include <stddef.h>

#include <sodium.h>

enum { SHA_HEX = 65 }; /* 64 digits and a NUL */

struct sha {
    crypto_hash_sha256_state state;
};

void sha_begin(struct sha *s);
void sha_add(struct sha *s, const void *p, size_t n);
void sha_end(struct sha *s, char out[SHA_HEX]);

/* All at once. */
void sha_hex(const void *p, size_t n, char out[SHA_HEX]);

#endif
