#include "text/uchar.h"

#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

static bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* What Unicode 15.1 and 16.0 added to the 15.0 of utf8proc 2.8: letters, marks and numbers, in order. */
static const struct {
    uint32_t first, last;
    uint8_t flags;
} newer[] = {{0x897, 0x897, UC_MARK},
             {0x1c89, 0x1c89, UC_LETTER | UC_UPPER},
             {0x1c8a, 0x1c8a, UC_LETTER | UC_LOWER},
             {0xa7cb, 0xa7cc, UC_LETTER | UC_UPPER},
             {0xa7cd, 0xa7cd, UC_LETTER | UC_LOWER},
             {0xa7da, 0xa7da, UC_LETTER | UC_UPPER},
             {0xa7db, 0xa7db, UC_LETTER | UC_LOWER},
             {0xa7dc, 0xa7dc, UC_LETTER | UC_UPPER},
             {0x105c0, 0x105f3, UC_LETTER},
             {0x10d40, 0x10d49, UC_NUMBER},
             {0x10d4a, 0x10d4f, UC_LETTER},
             {0x10d50, 0x10d65, UC_LETTER | UC_UPPER},
             {0x10d69, 0x10d6d, UC_MARK},
             {0x10d6f, 0x10d6f, UC_LETTER},
             {0x10d70, 0x10d85, UC_LETTER | UC_LOWER},
             {0x10ec2, 0x10ec4, UC_LETTER},
             {0x10efc, 0x10efc, UC_MARK},
             {0x11380, 0x11389, UC_LETTER},
             {0x1138b, 0x1138b, UC_LETTER},
             {0x1138e, 0x1138e, UC_LETTER},
             {0x11390, 0x113b5, UC_LETTER},
             {0x113b7, 0x113b7, UC_LETTER},
             {0x113b8, 0x113c0, UC_MARK},
             {0x113c2, 0x113c2, UC_MARK},
             {0x113c5, 0x113c5, UC_MARK},
             {0x113c7, 0x113ca, UC_MARK},
             {0x113cc, 0x113d0, UC_MARK},
             {0x113d1, 0x113d1, UC_LETTER},
             {0x113d2, 0x113d2, UC_MARK},
             {0x113d3, 0x113d3, UC_LETTER},
             {0x113e1, 0x113e2, UC_MARK},
             {0x116d0, 0x116e3, UC_NUMBER},
             {0x11bc0, 0x11be0, UC_LETTER},
             {0x11bf0, 0x11bf9, UC_NUMBER},
             {0x11f5a, 0x11f5a, UC_MARK},
             {0x13460, 0x143fa, UC_LETTER},
             {0x16100, 0x1611d, UC_LETTER},
             {0x1611e, 0x1612f, UC_MARK},
             {0x16130, 0x16139, UC_NUMBER},
             {0x16d40, 0x16d6c, UC_LETTER},
             {0x16d70, 0x16d79, UC_NUMBER},
             {0x18cff, 0x18cff, UC_LETTER},
             {0x1ccf0, 0x1ccf9, UC_NUMBER},
             {0x1e5d0, 0x1e5ed, UC_LETTER},
             {0x1e5ee, 0x1e5ef, UC_MARK},
             {0x1e5f0, 0x1e5f0, UC_LETTER},
             {0x1e5f1, 0x1e5fa, UC_NUMBER},
             {0x2ebf0, 0x2ee5d, UC_LETTER}};

/* For characters that utf8proc calls unassigned. */
static uint8_t newer_flags(uint32_t cp) {
    size_t lo = 0, hi = sizeof(newer) / sizeof(newer[0]);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cp > newer[mid].last) lo = mid + 1;
        else hi = mid;
    }
    return lo < sizeof(newer) / sizeof(newer[0]) && cp >= newer[lo].first ? newer[lo].flags : 0;
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
    case UTF8PROC_CATEGORY_CN: return newer_flags(cp);
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
