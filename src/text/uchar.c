#include "text/uchar.h"

#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

static bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static uint8_t category_flags(uint32_t cp) {
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT: return UC_LETTER | UC_UPPER;
    case UTF8PROC_CATEGORY_LL: return UC_LETTER | UC_LOWER;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return UC_LETTER;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return UC_MARK;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return UC_NUMBER;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return UC_PUNCT;
    default: return 0;
    }
}

/* Neither decomposes nor takes part in a composition. */
static bool inert(uint32_t cp) {
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    return p->combining_class == 0 && p->decomp_seqindex == UINT16_MAX && p->comb_index == UINT16_MAX;
}

uint8_t uchar_astral(uint32_t cp) {
    return category_flags(cp) | (inert(cp) ? UC_NFC_SAFE : 0);
}

/* Marks every character that stands behind the first in some canonical decomposition: the only ones, with the
 * conjoining jamo, that composition can draw into the character before them. */
static void mark_seconds(uint32_t cp, uint8_t *unsafe) {
    utf8proc_int32_t to[8];
    int last_class = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)cp, to, 8, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last_class);
    for (utf8proc_ssize_t i = 1; i < n && i < 8; i++)
        if (to[i] < 0x10000) unsafe[to[i]] = 1;
    if (n > 8 || n < 1) {
        unsafe[cp] = 1;
        return;
    }
    /* composes back to itself? */
    if (n == 1 && (uint32_t)to[0] == cp) return;
    n = utf8proc_normalize_utf32(to, n, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (n != 1 || (uint32_t)to[0] != cp) unsafe[cp] = 1;
}

void uchar_init(struct uchar *u) {
    uint8_t *unsafe = u->bmp; /* first used to collect, then overwritten in place */
    memset(u->bmp, 0, sizeof(u->bmp));
    for (uint32_t c = 0x80; c < 0x10000; c++) {
        const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
        if (p->combining_class != 0) unsafe[c] = 1;
        if (p->decomp_seqindex != UINT16_MAX && p->decomp_type == 0) mark_seconds(c, unsafe);
    }
    for (uint32_t c = 0x1160; c <= 0x11ff; c++) unsafe[c] = 1; /* conjoining vowels and final consonants */
    for (uint32_t c = 0; c < 0x10000; c++) {
        uint8_t f = category_flags(c) | (unsafe[c] ? 0 : UC_NFC_SAFE);
        if (is_space(c)) f |= UC_SPACE;
        if (c < 128 && c > 32 && c < 127 && !(f & (UC_LETTER | UC_NUMBER))) f |= UC_PUNCT;
        u->bmp[c] = f;
    }
}

bool uchar_valid(const char *p, size_t n, size_t *bad) {
    for (size_t i = 0; i < n;) {
        uint64_t w;
        while (n - i >= 8 && (memcpy(&w, p + i, 8), !(w & 0x8080808080808080u))) i += 8;
        uint32_t cp;
        size_t len = i < n ? utf8_decode(p + i, n - i, &cp) : 0;
        if (i < n && len == 0) {
            if (bad) *bad = i;
            return false;
        }
        i += len;
    }
    return true;
}
