/* fuzz_plan_body: any bytes as the body of a plan. A refusal has a status, a code and words; what is accepted is a
 * design of the length allowed that names no file, reads the same again from its text, and has the numbers that were
 * set. */
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

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct fault f = {0};
    struct planner_ask *a = malloc(sizeof *a);
    if (!a) return 0;
    bool ok = planner_read(mem_libc(), (struct str){(const char *)p, n}, a, &f);
    PROMISE(ok || (f.status >= 400 && f.status < 500 && f.code && f.message[0]));
    if (ok) {
        check_design(a);
        check_numbers(a);
    }
    planner_ask_free(a);
    free(a);
    return 0;
}
