/* results: from a run's sums to its named numbers. */
#ifndef SIL_PLAN_RESULTS_H
#define SIL_PLAN_RESULTS_H

#include "plan/outcome.h"

/* Fills o->results from everything else in o. */
sil_err plan_results_fill(struct plan_outcome *o, struct sil_error *e);

#endif
