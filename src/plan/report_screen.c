/* report_screen: the results as one screen of a terminal. Columns are counted in cells, since Hangul takes two.
 * Services come first over the whole width; the other sections stand in two columns where the terminal has room for
 * them. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "plan/fmt.h"
#include "plan/report_parts.h"

enum {
    LINES_MAX = PLAN_RESULTS_MAX + 2 * PLAN_N_SECS,
    LINE_BYTES = 512, /* WIDTH_MAX characters of three bytes and more */
    TWO_FROM = 96,    /* columns from which two blocks stand side by side */
    GUTTER = 4,
    WIDTH_MAX = 120,
    NAME_COLUMNS = 16
};

struct lines {
    char (*text)[LINE_BYTES];
    size_t n;
};

/* Appends as much of `s` as fits cap bytes and `room` columns, whole characters only; returns the columns taken. */
static size_t put_cut(char *out, size_t cap, const char *s, size_t room) {
    size_t at = strlen(out), columns = 0;
    char one[8];
    while (*s) {
        size_t len = 1;
        while (((unsigned char)s[len] & 0xc0) == 0x80 && len < 4) len++;
        memcpy(one, s, len);
        one[len] = 0;
        size_t w = fmt_columns(one);
        if (columns + w > room || at + len + 1 > cap) break;
        memcpy(out + at, s, len);
        at += len;
        columns += w;
        s += len;
    }
    out[at] = 0;
    return columns;
}

static void put_spaces(char *out, size_t cap, size_t n) {
    size_t at = strlen(out);
    while (n-- > 0 && at + 1 < cap) out[at++] = ' ';
    out[at] = 0;
}

static void put_value(char out[FMT_MAX], const struct plan_result *r, enum plan_lang lang) {
    fmt_value(out, r->value, r->unit, 4, lang);
}

/* "label .... value", the value flush right at `width`. */
static void put_row(struct lines *l, const struct plan_result *r, size_t width, enum plan_lang lang) {
    char value[FMT_MAX], *out = l->text[l->n++];
    put_value(value, r, lang);
    size_t value_w = fmt_columns(value), room = width > value_w + 2 ? width - value_w - 2 : 0;
    out[0] = 0;
    const char *label = lang == PLAN_KO ? r->ko : r->en;
    bool whole = fmt_columns(label) <= room;
    size_t used = put_cut(out, LINE_BYTES, label, whole ? room : room - 1);
    if (!whole) used += put_cut(out, LINE_BYTES, "…", 1);
    if (r->of[0] && used + 4 < room) {
        used += put_cut(out, LINE_BYTES, ", ", 2);
        used += put_cut(out, LINE_BYTES, report_of_text(r->of, lang), room - used);
    }
    put_spaces(out, LINE_BYTES, width - value_w - used);
    (void)put_cut(out, LINE_BYTES, value, value_w);
}

static void put_heading(struct lines *l, enum plan_section k, size_t width, enum plan_lang lang) {
    char *out = l->text[l->n++];
    out[0] = 0;
    size_t used = put_cut(out, LINE_BYTES, lang == PLAN_KO ? plan_section_ko(k) : plan_section_en(k), width);
    used += put_cut(out, LINE_BYTES, " ", 1);
    for (; used < width; used++) (void)put_cut(out, LINE_BYTES, "─", 1);
}

static bool shown(const struct plan_result *r, bool all) {
    return all || r->screen;
}

static size_t count_rows(const struct plan_results *t, enum plan_section k, bool all) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->r[i].section == k && shown(&t->r[i], all);
    return n;
}

static void put_section(struct lines *l, const struct plan_results *t, enum plan_section k, size_t width, bool all,
                        enum plan_lang lang) {
    if (count_rows(t, k, all) == 0) return;
    put_heading(l, k, width, lang);
    for (size_t i = 0; i < t->n; i++)
        if (t->r[i].section == k && shown(&t->r[i], all)) put_row(l, &t->r[i], width, lang);
}

/* One line per service: "chat   생성 토큰 21.0조 · 처리 요청 1.2억 · 서비스 수준 충족 99.4 %", wrapped. */
static void put_service(struct lines *l, const struct plan_results *t, const char *of, size_t width, bool all,
                        enum plan_lang lang) {
    char item[256], value[FMT_MAX], *out = l->text[l->n++];
    out[0] = 0;
    size_t used = put_cut(out, LINE_BYTES, of, NAME_COLUMNS), at = NAME_COLUMNS + 2;
    put_spaces(out, LINE_BYTES, at - used);
    bool first = true;
    for (size_t i = 0; i < t->n && l->n < LINES_MAX; i++) {
        const struct plan_result *r = &t->r[i];
        if (r->section != PLAN_SEC_SERVICE || strcmp(r->of, of) != 0 || !shown(r, all)) continue;
        put_value(value, r, lang);
        (void)snprintf(item, sizeof item, "%.120s %.60s", lang == PLAN_KO ? r->ko : r->en, value);
        size_t w = fmt_columns(item);
        if (!first && at + 3 + w > width) {
            out = l->text[l->n++];
            out[0] = 0;
            at = NAME_COLUMNS + 2;
            put_spaces(out, LINE_BYTES, at);
            first = true;
        }
        if (!first) at += put_cut(out, LINE_BYTES, " · ", 3);
        at += put_cut(out, LINE_BYTES, item, width - at);
        first = false;
    }
}

static void put_services(struct lines *l, const struct plan_results *t, size_t width, bool all, enum plan_lang lang) {
    if (count_rows(t, PLAN_SEC_SERVICE, all) == 0) return;
    put_heading(l, PLAN_SEC_SERVICE, width, lang);
    for (size_t i = 0; i < t->n && l->n < LINES_MAX; i++) {
        const struct plan_result *r = &t->r[i];
        if (r->section != PLAN_SEC_SERVICE || !shown(r, all)) continue;
        bool seen = false; /* a service is printed where its first row stands */
        for (size_t k = 0; k < i && !seen; k++)
            seen = t->r[k].section == PLAN_SEC_SERVICE && shown(&t->r[k], all) && strcmp(t->r[k].of, r->of) == 0;
        if (r->of[0] == 0) put_row(l, r, width > 60 ? 60 : width, lang);
        else if (!seen) put_service(l, t, r->of, width, all, lang);
    }
}

/* Sections below, as equal as whole sections allow: `split` is the first one of the right column. */
static enum plan_section find_split(const struct plan_results *t, bool all) {
    size_t rows[PLAN_N_SECS] = {0}, total = 0, left = 0, best = (size_t)-1;
    enum plan_section split = PLAN_N_SECS;
    for (int k = PLAN_SEC_SERVICE + 1; k < PLAN_N_SECS; k++) {
        size_t n = count_rows(t, (enum plan_section)k, all);
        rows[k] = n ? n + 1 : 0;
        total += rows[k];
    }
    for (int k = PLAN_SEC_SERVICE + 1; k < PLAN_N_SECS; k++) {
        left += rows[k];
        size_t tall = left > total - left ? left : total - left;
        if (tall < best) {
            best = tall;
            split = (enum plan_section)(k + 1);
        }
    }
    return split;
}

static sil_err put_lines(struct buf *out, const struct lines *l) {
    for (size_t i = 0; i < l->n; i++) {
        SIL_TRY(buf_str(out, str_of(l->text[i])));
        SIL_TRY(buf_char(out, '\n'));
    }
    return SIL_OK;
}

static sil_err put_both(struct buf *out, const struct lines *a, const struct lines *b, size_t width) {
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        char line[2 * LINE_BYTES + 64] = "";
        if (i < a->n) (void)put_cut(line, sizeof line, a->text[i], width);
        if (i < b->n) {
            put_spaces(line, sizeof line, width + GUTTER - fmt_columns(line));
            (void)put_cut(line, sizeof line, b->text[i], width);
        }
        SIL_TRY(buf_str(out, str_of(line)));
        SIL_TRY(buf_char(out, '\n'));
    }
    return SIL_OK;
}

static sil_err put_screen(const struct plan_results *t, enum plan_lang lang, size_t width, bool all, struct lines l[3],
                          struct buf *out) {
    bool two = width >= TWO_FROM;
    size_t each = two ? (width - GUTTER) / 2 : width;
    enum plan_section split = two ? find_split(t, all) : PLAN_N_SECS;
    put_services(&l[0], t, width, all, lang);
    for (int k = PLAN_SEC_SERVICE + 1; k < PLAN_N_SECS; k++)
        put_section(&l[k < (int)split ? 1 : 2], t, (enum plan_section)k, each, all, lang);
    SIL_TRY(put_lines(out, &l[0]));
    return two ? put_both(out, &l[1], &l[2], each) : put_lines(out, &l[1]);
}

sil_err report_screen(const struct plan_results *t, enum plan_lang lang, size_t width, bool all, struct mem mem,
                      struct buf *out, struct sil_error *e) {
    struct lines l[3];
    size_t bytes = (size_t)3 * LINES_MAX * LINE_BYTES;
    if (width < 60) width = 60;
    if (width > WIDTH_MAX) width = WIDTH_MAX;
    char(*text)[LINE_BYTES] = mem_alloc(mem, bytes);
    if (!text) return err_nomem(e, "a screen of results", bytes);
    for (size_t i = 0; i < 3; i++) l[i] = (struct lines){.text = text + i * LINES_MAX};
    sil_err err = put_screen(t, lang, width, all, l, out);
    mem_free(mem, text);
    return err == SIL_OK ? SIL_OK : err_set(e, err, "the screen of results does not fit %zu bytes", out->max);
}
