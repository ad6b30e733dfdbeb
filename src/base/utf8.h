/* utf8: strict UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
#ifndef SIL_BASE_UTF8_H
#define SIL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length in bytes (1-4) of the valid character at p, which has n > 0 bytes, with its code point in *cp; 0 when
 * the bytes are not a valid character. */
size_t utf8_decode(const char *p, size_t n, uint32_t *cp);

/* Writes cp (a valid scalar value) to out and returns the length. */
size_t utf8_encode(uint32_t cp, char out[4]);

/* True when all n bytes are valid; otherwise *bad (if not NULL) is the offset of the first byte that is not. */
bool utf8_valid(const char *p, size_t n, size_t *bad);

/* How many bytes at the end of p[0..n) are the beginning of a valid character that more bytes could complete (0-3). */
size_t utf8_tail(const char *p, size_t n);

#endif
