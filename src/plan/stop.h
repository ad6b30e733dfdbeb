/* stop: how a long run learns that nobody wants it any more. Asked between months of a simulated year, between years,
 * and between the values of a tornado; a run that is asked to stop ends with SIL_CANCELLED. */
#ifndef SIL_PLAN_STOP_H
#define SIL_PLAN_STOP_H

#include <stdbool.h>

#include "base/err.h"

struct plan_stop {
    bool (*asked)(void *ctx); /* from any thread of the run; NULL: never */
    void *ctx;
};

/* SIL_CANCELLED when it is asked for. s may be NULL. */
static inline sil_err plan_stop_check(const struct plan_stop *s, struct sil_error *e) {
    if (!s || !s->asked || !s->asked(s->ctx)) return SIL_OK;
    return err_set(e, SIL_CANCELLED, "the run was stopped");
}

#endif
