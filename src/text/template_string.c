/* template_string: text as Python sees it, a sequence of characters, kept as UTF-8. Every view that comes in is valid
 * UTF-8 (JSON and sources are checked), so decoding cannot fail. */
#define _GNU_SOURCE /* memmem */
#include "base/utf8.h"
#include "text/template_impl.h"
#include "utf8proc.h"

bool tpl_is_space(uint32_t cp) {
    if (cp < 0x80) return (cp >= 0x09 && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x20);
    return cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

size_t tpl_next(struct str s, size_t i, uint32_t *cp) {
    if ((unsigned char)s.p[i] < 0x80) {
        *cp = (unsigned char)s.p[i];
        return 1;
    }
    size_t n = utf8_decode(s.p + i, s.n - i, cp);
    if (n) return n;
    *cp = 0xfffd; /* not reached with valid text */
    return 1;
}

size_t tpl_space_at(struct str s, size_t i) {
    uint32_t cp;
    size_t n = tpl_next(s, i, &cp);
    return tpl_is_space(cp) ? n : 0;
}

/* The offset of the character that ends at `end` > 0. */
static size_t before(struct str s, size_t end) {
    size_t i = end - 1;
    while (i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80) i--;
    return i;
}

struct str tpl_rstrip_space(struct str s) {
    return tpl_strip(s, NULL, false, true);
}

struct str tpl_lstrip_space(struct str s) {
    return tpl_strip(s, NULL, true, false);
}

static bool stripped(struct str s, size_t i, size_t n, const struct str *chars) {
    if (!chars) return tpl_space_at(s, i) > 0;
    return tpl_find(*chars, (struct str){s.p + i, n}) != NULL;
}

struct str tpl_strip(struct str s, const struct str *chars, bool left, bool right) {
    size_t from = 0, to = s.n;
    uint32_t cp;
    while (left && from < to) {
        size_t n = tpl_next(s, from, &cp);
        if (!stripped(s, from, n, chars)) break;
        from += n;
    }
    while (right && from < to) {
        size_t at = before(s, to);
        if (!stripped(s, at, to - at, chars)) break;
        to = at;
    }
    return (struct str){s.p + from, to - from};
}

size_t tpl_count_chars(struct str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

size_t tpl_offset(struct str s, size_t chars) {
    size_t i = 0;
    uint32_t cp;
    for (; chars > 0 && i < s.n; chars--) i += tpl_next(s, i, &cp);
    return i;
}

const char *tpl_find(struct str hay, struct str needle) {
    if (needle.n == 0) return hay.p;
    if (needle.n > hay.n) return NULL;
    return memmem(hay.p, hay.n, needle.p, needle.n);
}

/* ---- letter case ---- */

/* Simple mappings of one character to one, and the few that chat text may meet where Python writes several. */
static sil_err put_upper(struct tpl_eval *ev, struct tpl_text *t, uint32_t cp, bool title) {
    static const struct {
        uint32_t cp;
        char upper[7], title[7];
    } several[] = {
        {0xdf, "SS", "Ss"},     {0x149, "\xca\xbcN", "\xca\xbcN"},
        {0xfb00, "FF", "Ff"},   {0xfb01, "FI", "Fi"},
        {0xfb02, "FL", "Fl"},   {0xfb03, "FFI", "Ffi"},
        {0xfb04, "FFL", "Ffl"}, {0xfb05, "ST", "St"},
        {0xfb06, "ST", "St"},
    };
    for (size_t i = 0; i < TPL_COUNT(several) && cp >= 0xdf; i++)
        if (several[i].cp == cp) return text_str(ev, t, str_of(title ? several[i].title : several[i].upper));
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    return text_cp(ev, t, (uint32_t)(title ? utf8proc_totitle(c) : utf8proc_toupper(c)));
}

static bool is_cased(uint32_t cp) {
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    return utf8proc_category(c) == UTF8PROC_CATEGORY_LT || utf8proc_isupper(c) || utf8proc_islower(c);
}

static sil_err put_lower(struct tpl_eval *ev, struct tpl_text *t, struct str s, size_t i, uint32_t cp) {
    if (cp == 0x130) return text_str(ev, t, STR("i\xcc\x87"));
    if (cp == 0x3a3) { /* sigma at the end of a word */
        uint32_t next = 0, prev = 0;
        if (i > 0) tpl_next(s, before(s, i), &prev);
        if (i + 2 < s.n) tpl_next(s, i + 2, &next);
        if (is_cased(prev) && !is_cased(next)) return text_cp(ev, t, 0x3c2);
    }
    return text_cp(ev, t, (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp));
}

/* Characters that begin a word for Jinja's filter title. */
static bool jinja_break(uint32_t cp) {
    return tpl_is_space(cp) || (cp < 0x80 && cp && strchr("-({[<", (int)cp));
}

static sil_err put_case(struct tpl_eval *ev, struct tpl_text *t, struct str s, size_t i, uint32_t cp, enum tpl_case how,
                        bool first) {
    utf8proc_int32_t c = (utf8proc_int32_t)cp;
    switch (how) {
    case CASE_UPPER: return put_upper(ev, t, cp, false);
    case CASE_FOLD:
        if (cp == 0xdf) return text_str(ev, t, STR("ss"));
        return put_lower(ev, t, s, i, cp == 0x3c2 ? 0x3c3 : cp);
    case CASE_SWAP: return utf8proc_isupper(c) ? put_lower(ev, t, s, i, cp) : put_upper(ev, t, cp, false);
    case CASE_JINJA_TITLE: return first ? put_upper(ev, t, cp, false) : put_lower(ev, t, s, i, cp);
    case CASE_TITLE:
    case CASE_CAPITALIZE: return first ? put_upper(ev, t, cp, true) : put_lower(ev, t, s, i, cp);
    default: return put_lower(ev, t, s, i, cp);
    }
}

sil_err tpl_case(struct tpl_eval *ev, struct str s, enum tpl_case how, struct tv *out) {
    struct tpl_text t = {0};
    bool first = true;
    SIL_TRY(tpl_charge(ev, s.n / 8));
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t n = tpl_next(s, i, &cp);
        SIL_TRY(put_case(ev, &t, s, i, cp, how, first));
        first = how == CASE_TITLE ? !is_cased(cp) : how == CASE_JINJA_TITLE && jinja_break(cp);
        i += n;
    }
    *out = text_value(&t);
    if (tpl_is_own(ev, s)) tpl_origin_own(ev, tv_view(*out));
    return SIL_OK;
}

/* ---- replace ---- */

/* Python puts `new` before each character and at the end when `old` is empty. */
static sil_err replace_empty(struct tpl_eval *ev, struct str s, struct str new_, int64_t count, struct tv *out) {
    struct tpl_text t = {0};
    size_t i = 0;
    for (; count != 0; count--) {
        uint32_t cp;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(text_str(ev, &t, new_));
        if (i >= s.n) break;
        size_t n = tpl_next(s, i, &cp);
        SIL_TRY(text_put(ev, &t, s.p + i, n));
        i += n;
    }
    SIL_TRY(text_put(ev, &t, s.p + i, s.n - i));
    *out = text_value(&t);
    return SIL_OK;
}

sil_err tpl_replace(struct tpl_eval *ev, struct str s, struct str old, struct str new_, int64_t count, struct tv *out) {
    struct tpl_text t = {0};
    if (old.n == 0) return replace_empty(ev, s, new_, count, out);
    SIL_TRY(tpl_charge_bytes(ev, s.n));
    size_t from = 0;
    for (; count != 0; count--) {
        const char *hit = tpl_find((struct str){s.p + from, s.n - from}, old);
        if (!hit) break;
        SIL_TRY(tpl_charge(ev, 1));
        SIL_TRY(text_put(ev, &t, s.p + from, (size_t)(hit - s.p) - from));
        SIL_TRY(text_str(ev, &t, new_));
        from = (size_t)(hit - s.p) + old.n;
    }
    if (from == 0) {
        *out = tv_str(s.p, s.n);
        return SIL_OK;
    }
    SIL_TRY(text_put(ev, &t, s.p + from, s.n - from));
    *out = text_value(&t);
    return SIL_OK;
}
