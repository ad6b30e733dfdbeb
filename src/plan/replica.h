/* replica: one replica of a language model as an event simulation, step of the engine by step, on the same roofline as
 * the closed form of serving.h. It checks that form, and is a source of surfaces too.
 *
 * Poisson arrivals (burstier ones hyperexponential), lognormal prompts and answers. A step takes in waiting
 * prompts first come, first served, up to `budget` tokens and the places of the batch, and gives every sequence in the
 * batch one token; longer prompts are cut into chunks. First tokens come at the end of the step with the last chunk. */
#ifndef SIL_PLAN_REPLICA_H
#define SIL_PLAN_REPLICA_H

#include <stdint.h>

#include "base/mem.h"
#include "plan/serving.h"
#include "plan/surface.h"

enum { REPLICA_BATCH = 4096, REPLICA_WAITING = 16384, REPLICA_REQUESTS_MAX = 1 << 17 };

struct replica_sim {
    const struct serving *serving;
    uint64_t requests; /* measured, after a tenth of warm-up; at most REPLICA_REQUESTS_MAX */
    uint64_t seed;
    double budget; /* prompt tokens of a step */
    struct mem mem;
};

/* As the eval of a surface_source; ctx is a struct replica_sim. A pure function. Requests beyond REPLICA_WAITING are
 * turned away and count as outside the level. SIL_NOMEM; SIL_ARG when the model does not fit. */
sil_err replica_eval(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                     struct sil_error *e);

#endif
