#define _GNU_SOURCE /* memmem */
#include "text/norm.h"

#include <string.h>
#include <utf8proc.h>

#include "base/err.h"
#include "base/utf8.h"

void norm_scratch_init(struct norm_scratch *s, struct mem mem) {
    *s = (struct norm_scratch){0};
    buf_init(&s->a, mem, NORM_OUT_MAX);
    buf_init(&s->b, mem, NORM_OUT_MAX);
    s->list.mem = mem;
}

void norm_scratch_free(struct norm_scratch *s) {
    mem_free(s->a.mem, s->cp);
    s->cp = NULL;
    s->cap = 0;
    buf_free(&s->a);
    buf_free(&s->b);
    split_list_free(&s->list);
}

static sil_err cp_reserve(struct norm_scratch *s, size_t n) {
    if (n <= s->cap) return SIL_OK;
    size_t cap = s->cap * 2 > n ? s->cap * 2 : n + 64;
    int32_t *p = s->a.mem.resize(s->a.mem.ctx, s->cp, cap * sizeof(*p));
    if (!p) return SIL_NOMEM;
    s->cp = p;
    s->cap = cap;
    return SIL_OK;
}

static uint8_t ccc(int32_t cp) {
    return (uint8_t)utf8proc_get_property(cp)->combining_class;
}

/* Canonical order of each run of marks: a stable counting sort by combining class, so that a hostile run of a million
 * marks stays linear. The upper part of the buffer is the second copy. */
static void reorder(int32_t *p, size_t n, int32_t *spare) {
    for (size_t i = 0; i < n;) {
        size_t j = i;
        bool sorted = true;
        uint8_t last = 0;
        for (uint8_t c; j < n && (c = ccc(p[j])) != 0; j++) {
            if (c < last) sorted = false;
            last = c;
        }
        if (!sorted) {
            size_t start[257] = {0};
            for (size_t k = i; k < j; k++) start[ccc(p[k]) + 1]++;
            for (int c = 0; c < 256; c++) start[c + 1] += start[c];
            for (size_t k = i; k < j; k++) spare[start[ccc(p[k])]++] = p[k];
            memcpy(p + i, spare, (j - i) * sizeof(*p));
        }
        i = j + 1;
    }
}

/* Appends the normal form of text to out. */
static sil_err whole_form(struct str text, int options, struct norm_scratch *s, struct buf *out) {
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        uint32_t cp;
        int last_class = 0;
        i += uchar_next(text.p + i, &cp);
        if (s->cap < n + 32) SIL_TRY(cp_reserve(s, n + 32));
        utf8proc_ssize_t k =
            utf8proc_decompose_char((int32_t)cp, s->cp + n, 32, (utf8proc_option_t)options, &last_class);
        if (k < 0 || k > 32) return SIL_LIMIT; /* 18 is the longest there is */
        n += (size_t)k;
    }
    SIL_TRY(cp_reserve(s, n * 2));
    reorder(s->cp, n, s->cp + n);
    if (options & UTF8PROC_COMPOSE) {
        utf8proc_ssize_t k = utf8proc_normalize_utf32(s->cp, (utf8proc_ssize_t)n, (utf8proc_option_t)options);
        if (k < 0) return SIL_LIMIT;
        n = (size_t)k;
    }
    for (size_t i = 0; i < n; i++) {
        char c[4];
        SIL_TRY(buf_put(out, c, utf8_encode((uint32_t)s->cp[i], c)));
    }
    return SIL_OK;
}

/* The first place from `from` on where NFC might change something; text.n when there is none. */
static size_t unsafe_at(const struct uchar *u, struct str text, size_t from) {
    size_t len;
    while (from < text.n && (uchar_at(u, text.p + from, &len) & UC_NFC_SAFE)) from += len;
    return from;
}

static size_t before(const char *p, size_t i) {
    do i--;
    while (((unsigned char)p[i] & 0xc0) == 0x80);
    return i;
}

/* NFC, working only on the stretches from the starter before an unsafe character to the next safe one. */
static sil_err nfc(const struct uchar *u, struct str text, struct norm_scratch *s, struct buf *out) {
    const int options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    size_t done = 0, len;
    for (size_t i = unsafe_at(u, text, 0); i < text.n; i = unsafe_at(u, text, i)) {
        size_t from = i > done ? before(text.p, i) : i;
        while (i < text.n && !(uchar_at(u, text.p + i, &len) & UC_NFC_SAFE)) i += len;
        SIL_TRY(buf_put(out, text.p + done, from - done));
        SIL_TRY(whole_form((struct str){text.p + from, i - from}, options, s, out));
        done = i;
    }
    return buf_put(out, text.p + done, text.n - done);
}

/* Simple lower case, and the one unconditional mapping to two characters (U+0130). */
static sil_err lower(struct str text, struct buf *out) {
    for (size_t i = 0; i < text.n;) {
        uint32_t cp;
        char c[4];
        i += uchar_next(text.p + i, &cp);
        if (cp == 0x130) SIL_TRY(buf_str(out, STR("i\xcc\x87")));
        else SIL_TRY(buf_put(out, c, utf8_encode((uint32_t)utf8proc_tolower((int32_t)cp), c)));
    }
    return SIL_OK;
}

static sil_err strip_accents(const struct uchar *u, struct str text, struct buf *out) {
    size_t len;
    for (size_t i = 0; i < text.n; i += len)
        if (!(uchar_at(u, text.p + i, &len) & UC_MARK)) SIL_TRY(buf_put(out, text.p + i, len));
    return SIL_OK;
}

static struct str strip(const struct uchar *u, struct str t, bool left, bool right) {
    size_t len;
    while (left && t.n && (uchar_at(u, t.p, &len) & UC_SPACE)) t.p += len, t.n -= len;
    while (right && t.n && (uchar_at(u, t.p + before(t.p, t.n), &len) & UC_SPACE)) t.n -= len;
    return t;
}

static sil_err replace_literal(struct str from, struct str to, struct str text, struct buf *out) {
    for (const char *hit; from.n && (hit = memmem(text.p, text.n, from.p, from.n));) {
        size_t n = (size_t)(hit - text.p);
        SIL_TRY(buf_put(out, text.p, n));
        SIL_TRY(buf_str(out, to));
        text.p += n + from.n;
        text.n -= n + from.n;
    }
    return buf_str(out, text);
}

static sil_err replace_regex(const struct norm_step *step, struct split_matcher *m, struct str text, struct buf *out,
                             struct sil_error *e) {
    size_t done = 0, from = 0, at, end;
    while (from <= text.n) {
        bool found;
        SIL_TRY(split_regex_find(&step->match, m, text, from, &found, &at, &end, e));
        if (!found) break;
        SIL_TRY(buf_put(out, text.p + done, at - done));
        SIL_TRY(buf_str(out, step->to));
        done = end;
        from = end > at ? end : end < text.n ? end + uchar_len(text.p + end) : text.n + 1;
    }
    return buf_put(out, text.p + done, text.n - done);
}

/* One step from text into out; *view is set instead when nothing has to be written. */
static sil_err step_apply(const struct norm_step *st, const struct uchar *u, struct norm_scratch *s,
                          struct split_matcher *m, struct str text, bool first, struct buf *out, struct str *view,
                          struct sil_error *e) {
    *view = text;
    switch (st->kind) {
    case NORM_NFC: return unsafe_at(u, text, 0) == text.n ? SIL_OK : nfc(u, text, s, out);
    case NORM_NFD: return whole_form(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, s, out);
    case NORM_NFKC: return whole_form(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT, s, out);
    case NORM_NFKD: return whole_form(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, s, out);
    case NORM_LOWER: return lower(text, out);
    case NORM_STRIP_ACCENTS: return strip_accents(u, text, out);
    case NORM_STRIP: *view = strip(u, text, st->left, st->right); return SIL_OK;
    case NORM_REPLACE:
        if (st->match.kind == SPLIT_LITERAL) return replace_literal(st->match.literal, st->to, text, out);
        return replace_regex(st, m, text, out, e);
    case NORM_PREFIX_FIRST:
        if (!first) return SIL_OK;
        /* fall through */
    case NORM_PREFIX:
        if (str_starts(text, st->to)) return SIL_OK;
        /* fall through */
    case NORM_PREPEND: SIL_TRY(buf_str(out, st->to)); return buf_str(out, text);
    }
    return SIL_OK;
}

sil_err norm_apply(const struct norm_step *steps, size_t n, const struct uchar *u, struct norm_scratch *s,
                   struct split_matcher *m, struct str text, bool first, struct str *out, struct sil_error *e) {
    struct buf *to = &s->a;
    for (size_t i = 0; i < n && text.n > 0; i++) {
        struct str view;
        buf_clear(to);
        if (e) e->code = SIL_OK;
        sil_err err = step_apply(&steps[i], u, s, m, text, first, to, &view, e);
        if (err != SIL_OK)
            return e && e->code == err ? err : err_set(e, err, "normalising a text of %zu bytes", text.n);
        if (to->n > 0 || steps[i].kind == NORM_STRIP_ACCENTS || steps[i].kind == NORM_REPLACE) {
            text = buf_view(to);
            to = to == &s->a ? &s->b : &s->a;
        } else {
            text = view;
        }
    }
    *out = text;
    return SIL_OK;
}
