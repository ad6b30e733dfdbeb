/* fuzz_plan_body: any bytes as the body of a plan; behind a first '=' the parts of one, so that what changes is not
 * mostly JSON that is broken: lines "PATH VALUE" of changes, an empty line, and the text of the design (none: the
 * server's). A refusal has a status, a code and words; what is accepted is a design of the length allowed that names no
 * file, reads the same again from its text, and has the numbers that were set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "serve/planner.h"

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_design(const struct planner_ask *a) {
    struct plan_design *again = malloc(sizeof *again);
    struct plan_item it = {0};
    if (!again) return;
    PROMISE(a->text.n <= PLANNER_DESIGN_MAX);
    PROMISE(plan_design_parse(buf_view(&a->text), "again", again, NULL) == SIL_OK);
    for (size_t m = 0; m < plan_n_modules; m++)
        PROMISE(plan_same(plan_modules[m].group, (char *)&again->c + plan_modules[m].offset,
                          (const char *)&a->design.c + plan_modules[m].offset));
    while (plan_item_next(&a->design, &it))
        PROMISE(it.var->kind != PLAN_PATH || ((const char *)it.base + it.var->offset)[0] == '\0');
    free(again);
}

static void check_numbers(const struct planner_ask *a) {
    const char *path;
    json_t *value;
    json_object_foreach(a->set, path, value) {
        struct plan_item it;
        if (!json_is_number(value)) continue;
        double want = json_number_value(value);
        PROMISE(plan_design_find(&a->design, path, &it));
        if (it.var->kind != PLAN_NUM) continue;
        double si = *(const double *)(const void *)((const char *)it.base + it.var->offset);
        PROMISE(fabs(plan_shown(it.var, si) - want) <= 1e-9 * fabs(want));
    }
}

/* The body's JSON, the caller's; NULL when a part is no UTF-8. */
static char *body_of(struct str parts) {
    json_t *body = json_object(), *set = json_object();
    while (parts.n) {
        const char *end = memchr(parts.p, '\n', parts.n);
        size_t n = end ? (size_t)(end - parts.p) : parts.n;
        const char *space = memchr(parts.p, ' ', n);
        struct str line = {parts.p, n};
        parts = (struct str){parts.p + n + (end != NULL), parts.n - n - (end != NULL)};
        if (line.n == 0) break;
        struct str key = {line.p, space ? (size_t)(space - line.p) : line.n};
        struct str value = {line.p + key.n + (space != NULL), line.n - key.n - (space != NULL)};
        json_error_t e;
        json_t *v = json_loadb(value.p, value.n, JSON_DECODE_ANY, &e);
        json_object_setn_new(set, key.p, key.n, v ? v : json_stringn(value.p, value.n));
    }
    json_object_set_new(body, "set", set);
    if (parts.n) json_object_set_new(body, "design", json_stringn(parts.p, parts.n));
    char *text = json_dumps(body, 0);
    json_decref(body);
    return text;
}

static void read_body(struct str body) {
    struct fault f = {0};
    struct planner_ask *a = malloc(sizeof *a);
    if (!a) return;
    bool ok = planner_read(mem_libc(), body, a, &f);
    PROMISE(ok || (f.status >= 400 && f.status < 500 && f.code && f.message[0]));
    if (ok) {
        check_design(a);
        check_numbers(a);
    }
    planner_ask_free(a);
    free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct str in = {(const char *)p, n};
    if (n == 0 || p[0] != '=') {
        read_body(in);
        return 0;
    }
    char *body = body_of((struct str){in.p + 1, in.n - 1});
    if (body) read_body(str_of(body));
    free(body);
    return 0;
}
