/* gate_secret: API keys. A key is "sk-sillok-" and 32 random bytes in base64url. Only a hash is kept: BLAKE2b-256 keyed
 * with a salt of the state directory's own (RFC 7693). With 256 random bits nothing can be guessed, so no slow hash is
 * needed; the salt keeps the hashes of two servers apart and makes places in a table unpredictable from outside. */
#ifndef SIL_SERVE_GATE_SECRET_H
#define SIL_SERVE_GATE_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { GATE_SALT = 32, GATE_HASH = 32, GATE_RANDOM = 32, GATE_SECRET = 10 + 43 + 1 };

/* The key's text, NUL-terminated. The caller wipes it after use (sodium_memzero). */
void gate_secret_text(const uint8_t random[GATE_RANDOM], char out[GATE_SECRET]);

/* False when the text cannot be one of our keys by its form. */
bool gate_secret_hash(struct str secret, const uint8_t salt[GATE_SALT], uint8_t out[GATE_HASH]);

#endif
