/* tornado: how far one result moves when each variable alone goes to its low and high end. The evaluation is given by
 * the caller (a whole simulation, or finance alone); this picks the variables and sorts the bars. */
#ifndef SIL_PLAN_TORNADO_H
#define SIL_PLAN_TORNADO_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "plan/var.h"
#include "sillok.h"

enum { TORNADO_BARS_MAX = 128 };

struct tornado_bar {
    const struct plan_var *var;
    size_t group;           /* index into the groups given */
    double low, high;       /* of the variable, canonical unit */
    double at_low, at_high; /* of the result; NAN when the evaluation failed there */
    double swing;           /* largest of |at - base|, and |at_high - at_low| */
};

struct tornado {
    double base;
    struct tornado_bar bar[TORNADO_BARS_MAX]; /* by falling swing; equal ones in order of declaration */
    uint32_t n;
};

/* The result with one field (PLAN_NUM at bar->group, bar->var->offset) set to `value`, everything else as designed.
 * Called from several threads at once with different `worker`; must not depend on worker. NAN when there is none. */
typedef double (*tornado_fn)(void *ctx, const struct tornado_bar *bar, double value, uint32_t worker);

/* Bars for every PLAN_NUM with a declared spread (low < high) of the groups' own variables (not of list elements).
 * pool NULL: in this thread. The result does not depend on the number of threads. */
void tornado_run(const struct plan_group *const *groups, size_t n_groups, double base, tornado_fn fn, void *ctx,
                 struct pool *pool, struct tornado *out);

#endif
