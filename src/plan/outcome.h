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

enum { OUTCOME_YEARS_MAX = FIN_YEARS_MAX };

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
    bool tornado;
    struct pool *pool; /* NULL: one thread. The outcome does not depend on it */
    /* Called now and then from the calling thread: part done of 1, and what is being done. NULL: not wanted. */
    void (*progress)(void *ctx, double done, const char *what);
    void *ctx;
    const struct plan_stop *stop; /* the run ends with SIL_CANCELLED when it is asked to; NULL: never */
};

/* Simulates and counts. The design must outlive the outcome. */
sil_err plan_outcome_run(const struct plan_design *d, const struct outcome_options *o, struct mem mem,
                         struct plan_outcome **out, struct sil_error *e);
void plan_outcome_free(struct plan_outcome *o);

/* The project's NPV, KRW, of a design under other values, with the outline's steps and no rows: for the tornado, later
 * for sizing and Monte-Carlo. like: as sim_open. May be called from several threads at once. */
sil_err plan_outcome_npv(const struct plan_design *d, const struct sim *like, struct mem mem, double *npv,
                         struct sil_error *e);

#endif
