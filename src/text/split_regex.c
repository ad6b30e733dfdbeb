#define _GNU_SOURCE /* memmem */
#include "text/split_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buf.h"
#include "base/err.h"

static void *from_mem(size_t size, void *ctx) {
    const struct mem *m = ctx;
    return mem_alloc(*m, size);
}

static void to_mem(void *p, void *ctx) {
    const struct mem *m = ctx;
    mem_free(*m, p);
}

/* An escape at p[0] == '\\', p[1]: what PCRE2 needs for what Oniguruma means; NULL to leave it. Inside a class the
 * replacement must be a class item. */
static const char *escape(char c, bool in_class) {
    switch (c) {
    case 's': return "\\p{White_Space}";
    case 'S': return "\\P{White_Space}";
    case 'h': return in_class ? "0-9A-Fa-f" : "[0-9A-Fa-f]";
    case 'H': return in_class ? NULL : "[^0-9A-Fa-f]";
    default: return NULL;
    }
}

static sil_err unsupported(struct sil_error *e, const char *what, size_t at) {
    return err_set(e, SIL_UNSUPPORTED, "regular expression: %s at byte %zu is not supported", what, at);
}

static sil_err translate(struct str in, struct buf *out, struct sil_error *e) {
    bool in_class = false;
    size_t first = 0; /* where the class's first item may stand: a ']' there is literal */
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i], next = i + 1 < in.n ? in.p[i + 1] : '\0';
        sil_err err = SIL_OK;
        if (c == '\\' && i + 1 < in.n) {
            const char *to = escape(next, in_class);
            if (!to && next == 'H') return unsupported(e, "\\H in a class", i);
            if (next == 'K' || next == 'G' || next == 'R' || next == 'X' || next == 'C')
                return unsupported(e, "this escape", i);
            err = to ? buf_str(out, str_of(to)) : buf_put(out, in.p + i, 2);
            i++;
        } else if (in_class && c == '&' && next == '&') {
            return unsupported(e, "a class intersection", i);
        } else if (in_class && c == '[' && next != ':') {
            return unsupported(e, "a class in a class", i);
        } else {
            if (!in_class && c == '[') {
                in_class = true;
                first = i + 1 + (next == '^');
            } else if (in_class && c == ']' && i > first) {
                in_class = false;
            } else if (in_class && c == '[') { /* [:name:] */
                const char *close = memmem(in.p + i, in.n - i, ":]", 2);
                size_t len = close ? (size_t)(close - in.p) + 2 - i : in.n - i;
                if (buf_put(out, in.p + i, len - 1) != SIL_OK) return err_nomem(e, "a regular expression", in.n);
                i += len - 1;
                c = in.p[i];
            }
            err = buf_char(out, c);
        }
        if (err != SIL_OK) return err_nomem(e, "a regular expression", in.n);
    }
    return SIL_OK;
}

sil_err split_compile(const struct mem *mem, struct str pattern, struct split_step *step, struct sil_error *e) {
    if (pattern.n > SPLIT_PATTERN_MAX)
        return err_set(e, SIL_LIMIT, "a regular expression of %zu bytes; at most %d are allowed", pattern.n,
                       SPLIT_PATTERN_MAX);
    struct buf b;
    buf_init(&b, *mem, (size_t)SPLIT_PATTERN_MAX * 16);
    sil_err err = translate(pattern, &b, e);
    void *ctx = (void *)(uintptr_t)mem;
    pcre2_general_context *g = err == SIL_OK ? pcre2_general_context_create(from_mem, to_mem, ctx) : NULL;
    pcre2_compile_context *c = g ? pcre2_compile_context_create(g) : NULL;
    if (err == SIL_OK && !c) err = err_nomem(e, "a regular expression", pattern.n);
    if (err == SIL_OK) {
        int code;
        size_t at;
        pcre2_set_parens_nest_limit(c, 100);
        struct str p = buf_view(&b);
        step->regex = pcre2_compile((PCRE2_SPTR)p.p, p.n, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &code, &at, c);
        if (!step->regex) {
            PCRE2_UCHAR text[160];
            pcre2_get_error_message(code, text, sizeof(text));
            err = code == PCRE2_ERROR_NOMEMORY || code == 121 /* failed to get memory */
                      ? err_nomem(e, "a regular expression", pattern.n)
                      : err_set(e, SIL_UNSUPPORTED, "regular expression \"%.*s\": %s", STR_ARG(pattern),
                                (const char *)text);
        }
    }
    pcre2_compile_context_free(c);
    pcre2_general_context_free(g);
    buf_free(&b);
    return err;
}

void split_step_free(struct split_step *step) {
    pcre2_code_free(step->regex);
    step->regex = NULL;
}

void split_matcher_free(struct split_matcher *m) {
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_general_context_free(m->general);
    m->data = m->context = m->general = NULL;
}

static sil_err ready(struct split_matcher *m, struct sil_error *e) {
    if (m->data) return SIL_OK;
    if (!m->general) m->general = pcre2_general_context_create(from_mem, to_mem, &m->mem);
    if (m->general && !m->context) m->context = pcre2_match_context_create(m->general);
    if (m->context) m->data = pcre2_match_data_create(1, m->general);
    if (!m->data) return err_nomem(e, "matching a regular expression", 0);
    pcre2_set_match_limit(m->context, SPLIT_MATCH_LIMIT);
    pcre2_set_depth_limit(m->context, SPLIT_DEPTH_LIMIT);
    pcre2_set_heap_limit(m->context, SPLIT_HEAP_LIMIT_KIB);
    return SIL_OK;
}

sil_err split_regex_find(const struct split_step *s, struct split_matcher *m, struct str text, size_t from, bool *found,
                         size_t *at, size_t *end, struct sil_error *e) {
    SIL_TRY(ready(m, e));
    int rc = pcre2_match(s->regex, (PCRE2_SPTR)text.p, text.n, from, PCRE2_NO_UTF_CHECK, m->data, m->context);
    *found = rc >= 0;
    if (rc >= 0) {
        const size_t *o = pcre2_get_ovector_pointer(m->data);
        *at = o[0];
        *end = o[1];
        /* \K is refused when compiling, but a lookahead may still set the end before the start */
        if (*end < *at) *end = *at;
        return SIL_OK;
    }
    if (rc == PCRE2_ERROR_NOMATCH) return SIL_OK;
    if (rc == PCRE2_ERROR_NOMEMORY) return err_nomem(e, "matching a regular expression", 0);
    return err_set(e, SIL_LIMIT, "the tokenizer's regular expression backtracks too much on this text at byte %zu",
                   from);
}
