#define _GNU_SOURCE /* memmem */
#include "text/split.h"

#include <assert.h>

#include "base/err.h"
#include "text/split_regex.h"

sil_err split_list_put(struct split_list *l, size_t at, size_t n) {
    if (n == 0) return SIL_OK;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct split_piece *p = l->mem.resize(l->mem.ctx, l->p, cap * sizeof(*p));
        if (!p) return SIL_NOMEM;
        l->p = p;
        l->cap = cap;
    }
    l->p[l->n++] = (struct split_piece){at, n};
    return SIL_OK;
}

void split_list_free(struct split_list *l) {
    mem_free(l->mem, l->p);
    l->p = NULL;
    l->n = l->cap = 0;
}

/* Puts matches and gaps, given in order, together as the behaviour says. */
struct joiner {
    const struct split_step *step;
    struct split_list *out;
    size_t at, n;         /* the piece being put together; n == 0: none */
    bool held_match, any; /* was the last one a match; was there one at all */
};

static sil_err flush(struct joiner *j) {
    sil_err err = split_list_put(j->out, j->at, j->n);
    j->n = 0;
    return err;
}

static sil_err join(struct joiner *j, size_t at, size_t n, bool match) {
    if (n == 0) return SIL_OK;
    if (j->step->invert) match = !match;
    bool previous = j->any && j->held_match, glue = false;
    switch (j->step->behaviour) {
    case SPLIT_ISOLATED:
    case SPLIT_REMOVED: break;
    case SPLIT_MERGE_PREVIOUS: glue = match && !previous; break;
    case SPLIT_MERGE_NEXT: glue = !match && previous; break;
    case SPLIT_CONTIGUOUS: glue = match == previous; break;
    }
    j->any = true;
    j->held_match = match;
    if (glue && j->n) {
        j->n += n;
        return SIL_OK;
    }
    SIL_TRY(flush(j));
    if (match && j->step->behaviour == SPLIT_REMOVED) return SIL_OK;
    j->at = at;
    j->n = n;
    return SIL_OK;
}

/* The next match in p[from..n): false when there is none. */
static bool find_char(const struct uchar *u, uint8_t flags, const char *p, size_t n, size_t from, size_t *at,
                      size_t *end) {
    size_t len;
    for (size_t i = from; i < n; i += len) {
        if (!(uchar_at(u, p + i, &len) & flags)) continue;
        *at = i;
        *end = i + len;
        return true;
    }
    return false;
}

static bool find_literal(struct str needle, const char *p, size_t n, size_t from, size_t *at, size_t *end) {
    if (needle.n == 0 || from > n) return false;
    const char *hit = memmem(p + from, n - from, needle.p, needle.n);
    if (!hit) return false;
    *at = (size_t)(hit - p);
    *end = *at + needle.n;
    return true;
}

static sil_err find(const struct split_step *s, const struct uchar *u, struct split_matcher *m, struct str text,
                    size_t from, bool *found, size_t *at, size_t *end, struct sil_error *e) {
    static const uint8_t flags[] = {UC_NUMBER, UC_PUNCT, UC_SPACE};
    switch (s->kind) {
    case SPLIT_DIGIT:
    case SPLIT_PUNCT:
    case SPLIT_SPACE: *found = find_char(u, flags[s->kind - SPLIT_DIGIT], text.p, text.n, from, at, end); return SIL_OK;
    case SPLIT_LITERAL: *found = find_literal(s->literal, text.p, text.n, from, at, end); return SIL_OK;
    default: return split_regex_find(s, m, text, from, found, at, end, e);
    }
}

static sil_err apply_scanner(const struct split_step *s, const struct uchar *u, const char *text, struct split_piece in,
                             struct split_list *out) {
    for (size_t i = 0, n; i < in.n; i += n) {
        n = split_scan(s->kind, u, text + in.at + i, in.n - i);
        assert(n > 0);
        SIL_TRY(split_list_put(out, in.at + i, n));
    }
    return SIL_OK;
}

sil_err split_apply(const struct split_step *step, const struct uchar *u, struct split_matcher *m, const char *text,
                    struct split_piece in, struct split_list *out, struct sil_error *e) {
    if (step->kind < SPLIT_SCANNERS) {
        sil_err err = apply_scanner(step, u, text, in, out);
        return err == SIL_OK ? SIL_OK : err_set(e, err, "no memory for the pieces of a text");
    }
    struct joiner j = {.step = step, .out = out};
    struct str view = {text + in.at, in.n};
    size_t done = 0, from = 0;
    sil_err err = SIL_OK;
    while (err == SIL_OK && from <= in.n) {
        bool found = false;
        size_t at = 0, end = 0;
        SIL_TRY(find(step, u, m, view, from, &found, &at, &end, e));
        if (!found) break;
        err = join(&j, in.at + done, at - done, false);
        if (err == SIL_OK) err = join(&j, in.at + at, end - at, true);
        done = end;
        from = end > at ? end : end < in.n ? end + uchar_len(text + in.at + end) : in.n + 1;
    }
    if (err == SIL_OK) err = join(&j, in.at + done, in.n - done, false);
    if (err == SIL_OK) err = flush(&j);
    return err == SIL_OK ? SIL_OK : err_set(e, err, "no memory for the pieces of a text");
}
