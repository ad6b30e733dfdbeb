/* outcome: a whole run: the year shown, the outline of all years of the build, money, results and the tornado. What the
 * screen, JSON, CSV and the report are made of. */
#ifndef SIL_PLAN_OUTCOME_H
#define SIL_PLAN_OUTCOME_H

#include "base/pool.h"
#include "plan/design.h"
#include "plan/finance.h"
#include "plan/result.h"
#include "plan/series.h"
#include "plan/sim.h"
#include "plan/tornado.h"

enum { OUTCOME_YEARS_MAX = 16 };

/* One calendar year while the site grows, in coarser steps. */
struct outcome_year {
    int32_t year;
    double gpu_share, contract_w; /* in December */
    struct sim_sums sums;
    struct energy_result energy;
};

struct plan_outcome {
    const struct plan_design *design; /* the caller's */
    struct sim *sim;                  /* prepared: weather, plant, fleet, phases */
    int32_t year;                     /* shown */
    struct plan_series series;
    struct sim_sums sums;
    struct energy_result energy;
    struct outcome_year *years; /* from the first start to the year shown */
    uint32_t n_years;
    struct fin_input money_in;
    struct finance *money;
    struct tornado *tornado; /* of the project's NPV, KRW; NULL when not asked for */
    struct weather_summary weather;
    double score, score_points[BUILD_SCORES]; /* impact assessment */
    struct plan_results results;
    struct mem mem;
};

struct outcome_options {
    bool outline; /* the other years */
    bool tornado;
    struct pool *pool; /* NULL: one thread. The outcome does not depend on it */
    /* Called now and then from the calling thread: part done of 1, and what is being done. NULL: not wanted. */
    void (*progress)(void *ctx, double done, const char *what);
    void *ctx;
};

/* Simulates and counts. The design must outlive the outcome. */
sil_err plan_outcome_run(const struct plan_design *d, const struct outcome_options *o, struct mem mem,
                         struct plan_outcome **out, struct sil_error *e);
void plan_outcome_free(struct plan_outcome *o);

/* One result of a design under other values, for tornado, sizing, Monte-Carlo: NPV and the like by key; hourly steps,
 * no rows. like: as sim_open. */
sil_err plan_outcome_value(const struct plan_design *d, const struct sim *like, const char *key, struct mem mem,
                           double *value, struct sil_error *e);

#endif
