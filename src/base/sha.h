/* sha: SHA-256 digests as lower-case hexadecimal text (libsodium). */
#ifndef SIL_BASE_SHA_H
#define SIL_BASE_SHA_H

#include <stddef.h>

enum { SHA_HEX = 65 }; /* 64 digits and a NUL */

void sha_hex(const void *p, size_t n, char out[SHA_HEX]);

#endif
