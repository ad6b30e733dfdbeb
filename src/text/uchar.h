/* uchar: the few Unicode properties that pre-splitting and normalisation need, as one byte per code point.
 * Categories are those of Unicode 16.0 (utf8proc's, and a table of what is newer than utf8proc 2.8), as
 * in Oniguruma 6.9.10; decompositions are utf8proc's alone (Unicode 15.0); white space is the White_Space
 * property, which is what Oniguruma's \s and Rust's char::is_whitespace mean. */
#ifndef SIL_TEXT_UCHAR_H
#define SIL_TEXT_UCHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UC_LETTER = 1,    /* L: Lu Lt Ll Lm Lo */
    UC_NUMBER = 2,    /* N: Nd Nl No */
    UC_SPACE = 4,     /* White_Space */
    UC_UPPER = 8,     /* Lu, Lt */
    UC_LOWER = 16,    /* Ll */
    UC_MARK = 32,     /* M: Mn Mc Me */
    UC_PUNCT = 64,    /* P, and the ASCII punctuation that Unicode calls symbols */
    UC_NFC_SAFE = 128 /* a starter that NFC leaves alone whatever stands before it */
};

struct uchar {
    uint8_t bmp[65536];
};

/* Fills the table; about 2 ms. */
void uchar_init(struct uchar *u);

/* For cp >= 0x10000. */
uint8_t uchar_astral(uint32_t cp);

static inline uint8_t uchar_flags(const struct uchar *u, uint32_t cp) {
    return cp < 0x10000 ? u->bmp[cp] : uchar_astral(cp);
}

/* Decodes the character at p, which begins a valid one; returns its length. */
static inline size_t uchar_next(const char *s, uint32_t *cp) {
    const unsigned char *p = (const unsigned char *)s;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    if (p[0] < 0xe0) {
        *cp = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
        return 2;
    }
    if (p[0] < 0xf0) {
        *cp = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        return 3;
    }
    *cp = (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    return 4;
}

/* The length of the valid character at p. */
static inline size_t uchar_len(const char *p) {
    unsigned char c = (unsigned char)*p;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* The flags of the character at p and its length. */
static inline uint8_t uchar_at(const struct uchar *u, const char *p, size_t *len) {
    uint32_t cp;
    *len = uchar_next(p, &cp);
    return uchar_flags(u, cp);
}

/* utf8_valid of base, several times faster on ASCII. */
bool uchar_valid(const char *p, size_t n, size_t *bad);

#endif
