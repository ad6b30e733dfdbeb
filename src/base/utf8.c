#include "base/utf8.h"

#include <assert.h>

/* The length that a first byte announces, and the range of the second byte (table 3-7 of the Unicode standard). */
static size_t lead(unsigned char c, unsigned char *lo, unsigned char *hi) {
    *lo = 0x80;
    *hi = 0xbf;
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c <= 0xdf) return 2;
    if (c >= 0xe0 && c <= 0xef) {
        if (c == 0xe0) *lo = 0xa0;
        if (c == 0xed) *hi = 0x9f;
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (c == 0xf0) *lo = 0x90;
        if (c == 0xf4) *hi = 0x8f;
        return 4;
    }
    return 0;
}

/* How many of the first `len` bytes are there and right; len itself when the character is complete. */
static size_t good_bytes(const unsigned char *p, size_t n, size_t len, unsigned char lo, unsigned char hi) {
    size_t i = 1;
    for (; i < len && i < n; i++) {
        unsigned char a = i == 1 ? lo : 0x80, b = i == 1 ? hi : 0xbf;
        if (p[i] < a || p[i] > b) return 0;
    }
    return i;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *cp) {
    const unsigned char *p = (const unsigned char *)s;
    unsigned char lo, hi;
    size_t len = lead(p[0], &lo, &hi);
    if (len == 0 || len > n || good_bytes(p, n, len, lo, hi) != len) return 0;
    static const unsigned char mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & mask[len];
    for (size_t i = 1; i < len; i++) c = c << 6 | (p[i] & 0x3f);
    *cp = c;
    return len;
}

size_t utf8_encode(uint32_t cp, char out[4]) {
    assert(cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff));
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

bool utf8_valid(const char *p, size_t n, size_t *bad) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = utf8_decode(p + i, n - i, &cp);
        if (len == 0) {
            if (bad) *bad = i;
            return false;
        }
        i += len;
    }
    return true;
}

size_t utf8_tail(const char *s, size_t n) {
    for (size_t k = 1; k <= 3 && k <= n; k++) {
        const unsigned char *p = (const unsigned char *)s + n - k;
        unsigned char lo, hi;
        if ((*p & 0xc0) == 0x80) continue;
        size_t len = lead(*p, &lo, &hi);
        return len > k && good_bytes(p, k, len, lo, hi) == k ? k : 0;
    }
    return 0;
}
