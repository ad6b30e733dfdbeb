/* fuzz_template: the bytes before the first NUL are a template, those behind it JSON variables. Whatever they are, the
 * interpreter keeps its limits, gives its memory back, leaves the output alone on failure, writes UTF-8, says the
 * same twice, and the same when it is asked who wrote each byte. */
#include <stdlib.h>
#include <string.h>

#include "base/jsonx.h"
#include "base/utf8.h"
#include "text/template.h"

enum { OUT_MAX = 1 << 16, MEMORY_MAX = 4 << 20 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static sil_err render(const struct template *t, const json_t *vars, struct buf *out) {
    struct sil_error e = {0};
    buf_clear(out);
    PROMISE(buf_char(out, '!') == SIL_OK);
    sil_err err = template_render(t, vars, 1700000000, out, &e);
    PROMISE(e.code == err);
    PROMISE(out->p[0] == '!' && out->n <= OUT_MAX);
    if (err != SIL_OK) PROMISE(out->n == 1 && e.text[0]);
    else PROMISE(utf8_valid(out->p, out->n, NULL));
    return err;
}

/* Knowing who wrote what costs memory and steps, and changes nothing else. */
static void render_marked(const struct template *t, const json_t *vars, struct str want, sil_err expected) {
    struct sil_error e = {0};
    struct buf out, origin;
    buf_init(&out, mem_libc(), OUT_MAX);
    buf_init(&origin, mem_libc(), OUT_MAX);
    sil_err err = template_render_marked(t, vars, 1700000000, &out, &origin, &e);
    PROMISE(out.n == origin.n);
    if (err == SIL_OK) PROMISE(expected == SIL_OK && str_eq(buf_view(&out), want));
    else PROMISE(out.n == 0 && (err == expected || err == SIL_LIMIT));
    for (size_t i = 0; i < origin.n; i++) PROMISE(origin.p[i] == TEMPLATE_OWN || origin.p[i] == TEMPLATE_DATA);
    buf_free(&out);
    buf_free(&origin);
}

static void run(struct str source, const json_t *vars) {
    struct template_limits limits = {
        .source = 1 << 20, .steps = 20000, .depth = 80, .output = OUT_MAX - 1, .memory = MEMORY_MAX};
    struct template *t;
    struct sil_error e = {0};
    struct buf once, again;
    sil_err err = template_parse(mem_libc(), source, &limits, &t, &e);
    PROMISE(e.code == err && (t != NULL) == (err == SIL_OK));
    if (err != SIL_OK) PROMISE(strstr(e.text, "line ") || strstr(e.text, "memory"));
    if (err != SIL_OK) return;
    buf_init(&once, mem_libc(), OUT_MAX);
    buf_init(&again, mem_libc(), OUT_MAX);
    err = render(t, vars, &once);
    PROMISE(render(t, vars, &again) == err);
    PROMISE(str_eq(buf_view(&once), buf_view(&again)));
    render_marked(t, vars, (struct str){once.p + 1, once.n - 1}, err);
    buf_free(&once);
    buf_free(&again);
    template_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    const uint8_t *cut = n ? memchr(p, 0, n) : NULL;
    size_t source = cut ? (size_t)(cut - p) : n;
    json_t *vars = NULL;
    if (cut) jsonx_parse((struct str){(const char *)cut + 1, n - source - 1}, "vars", &vars, NULL);
    char *copy = malloc(source ? source : 1); /* so that a sanitizer sees a read past the end */
    if (copy && source) memcpy(copy, p, source);
    if (copy) run((struct str){copy, source}, json_is_object(vars) ? vars : NULL);
    free(copy);
    json_decref(vars);
    return 0;
}
