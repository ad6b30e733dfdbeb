/* tornado: one variable at a time. Evaluations go into slots by index, so that their order does not matter. */
#include "plan/tornado.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct task {
    struct tornado *t;
    tornado_fn fn;
    void *ctx;
};

static void evaluate(void *arg, uint32_t task, uint32_t worker) {
    const struct task *k = arg;
    struct tornado_bar *b = &k->t->bar[task / 2];
    double *at = task % 2 ? &b->at_high : &b->at_low;
    *at = k->fn(k->ctx, b, task % 2 ? b->high : b->low, worker);
}

static void collect(const struct plan_group *g, size_t group, struct tornado *t) {
    for (size_t i = 0; i < g->n_vars; i++) {
        const struct plan_var *v = &g->vars[i];
        if (v->kind != PLAN_NUM || v->constant || v->offset == PLAN_NO_FIELD || !(v->low < v->high)) continue;
        if (t->n == TORNADO_BARS_MAX) return;
        t->bar[t->n++] =
            (struct tornado_bar){.var = v, .group = group, .low = plan_si(v, v->low), .high = plan_si(v, v->high)};
    }
}

static double width(const struct tornado_bar *b, double base) {
    double low = isnan(b->at_low) ? base : b->at_low, high = isnan(b->at_high) ? base : b->at_high;
    return fmax(fabs(high - low), fmax(fabs(low - base), fabs(high - base)));
}

/* Insertion keeps equal bars in the order of declaration; there are at most 128. */
static void sort(struct tornado *t) {
    for (uint32_t i = 1; i < t->n; i++) {
        struct tornado_bar b = t->bar[i];
        uint32_t k = i;
        for (; k > 0 && t->bar[k - 1].swing < b.swing; k--) t->bar[k] = t->bar[k - 1];
        t->bar[k] = b;
    }
}

void tornado_run(const struct plan_group *const *groups, size_t n_groups, double base, tornado_fn fn, void *ctx,
                 struct pool *pool, struct tornado *out) {
    struct task task = {out, fn, ctx};
    memset(out, 0, sizeof *out);
    out->base = base;
    for (size_t g = 0; g < n_groups; g++) collect(groups[g], g, out);
    if (pool) {
        pool_run(pool, 2 * out->n, evaluate, &task);
    } else {
        for (uint32_t i = 0; i < 2 * out->n; i++) evaluate(&task, i, 0);
    }
    for (uint32_t i = 0; i < out->n; i++) out->bar[i].swing = width(&out->bar[i], base);
    sort(out);
}
