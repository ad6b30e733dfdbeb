/* template_origin: which bytes of a text the template wrote, and which are data. Only the template's own may become
 * control tokens.
 *
 * Strings are views, and are copied in few places, so origins go by address. A text that a rendering makes lies in a
 * chunk that has one byte of origin for each byte of text, and each copy brings its origins along. Text outside of the
 * chunks is the template's own if it lies in the template's memory; everything else (strings of the JSON, formatted
 * numbers, what a filter makes up) is data. So whatever is forgotten here is data, and can only lose its meaning, not
 * gain one. */
#include "text/template_impl.h"

enum { CHUNK_MIN = 16 * 1024, CHUNK_MAX = 1024 * 1024 };

struct tpl_chunk {
    struct tpl_chunk *next;
    char *text;
    unsigned char *origin; /* [n]: enum template_origin */
    size_t n, used;
};

static struct tpl_chunk *chunk_of(const struct tpl_eval *ev, const char *p) {
    struct tpl_chunk *c = ev->chunks;
    while (c && ((uintptr_t)p < (uintptr_t)c->text || (uintptr_t)p >= (uintptr_t)c->text + c->n)) c = c->next;
    return c;
}

sil_err tpl_text_alloc(struct tpl_eval *ev, size_t n, char **out) {
    if (!ev->origin) return tpl_alloc(ev, n, 1, out);
    struct tpl_chunk *c = ev->chunks;
    if (!c || c->n - c->used < n) {
        size_t size = !c ? CHUNK_MIN : c->n < CHUNK_MAX ? c->n * 2 : CHUNK_MAX;
        if (size < n) size = n;
        SIL_TRY(tpl_alloc(ev, 1, sizeof *c, &c));
        SIL_TRY(tpl_alloc(ev, size, 1, &c->text));
        SIL_TRY(tpl_alloc(ev, size, 1, &c->origin));
        c->n = size;
        c->next = ev->chunks;
        ev->chunks = c;
    }
    *out = c->text + c->used;
    c->used += n;
    return SIL_OK;
}

/* The origins of a view: of a chunk as they are there, otherwise n times *same. */
static const unsigned char *origins(const struct tpl_eval *ev, struct str s, unsigned char *same) {
    const struct tpl_chunk *c = chunk_of(ev, s.p);
    *same = !c && arena_holds(&ev->t->arena, s.p) ? TEMPLATE_OWN : TEMPLATE_DATA;
    return c ? c->origin + (s.p - c->text) : NULL;
}

void tpl_origin_copy(struct tpl_eval *ev, const char *to, struct str from) {
    if (!ev->origin || from.n == 0) return;
    struct tpl_chunk *c = chunk_of(ev, to);
    if (!c) return;
    unsigned char same, *dst = c->origin + (to - c->text);
    const unsigned char *src = origins(ev, from, &same);
    if (src) memmove(dst, src, from.n);
    else memset(dst, same, from.n);
}

sil_err tpl_origin_emit(struct tpl_eval *ev, struct str s) {
    if (!ev->origin || s.n == 0) return SIL_OK;
    unsigned char same;
    const unsigned char *src = origins(ev, s, &same);
    if (src) return buf_put(ev->origin, src, s.n);
    SIL_TRY(buf_reserve(ev->origin, s.n));
    memset(ev->origin->p + ev->origin->n, same, s.n);
    ev->origin->n += s.n;
    return SIL_OK;
}

bool tpl_is_own(const struct tpl_eval *ev, struct str s) {
    unsigned char same;
    if (!ev->origin || s.n == 0) return true;
    const unsigned char *src = origins(ev, s, &same);
    return src ? !memchr(src, TEMPLATE_DATA, s.n) : same == TEMPLATE_OWN;
}

void tpl_origin_own(struct tpl_eval *ev, struct str s) {
    const struct tpl_chunk *c = ev->origin && s.n ? chunk_of(ev, s.p) : NULL;
    if (c) memset(c->origin + (s.p - c->text), TEMPLATE_OWN, s.n);
}

sil_err tpl_own(struct tpl_eval *ev, struct tv *v) {
    char *p;
    if (!ev->origin || v->type != TV_STR || v->n == 0) return SIL_OK;
    SIL_TRY(tpl_text_alloc(ev, v->n, &p)); /* its origins are TEMPLATE_OWN, as all fresh memory */
    memcpy(p, v->s, v->n);
    *v = tv_str(p, v->n);
    return SIL_OK;
}

bool tpl_is_role(struct str s) {
    static const char *const roles[] = {"system", "developer", "user",    "assistant",  "tool",
                                        "model",  "function",  "ipython", "observation"};
    for (size_t i = 0; i < TPL_COUNT(roles); i++)
        if (str_eq(s, str_of(roles[i]))) return true;
    return false;
}
