/* lane: one model on the engine thread: its engine, its scheduler, the jobs that are in it. A turn of a lane is one
 * step of its engine: plan, open and close sessions, step, sample, show, report. */
#ifndef SIL_SERVE_LANE_H
#define SIL_SERVE_LANE_H

#include "serve/catalog.h"
#include "serve/job.h"
#include "serve/meter.h"

enum { LANE_TENANTS = 1024 /* tenants with requests at the same time */ };

struct lane_tenant {
    uint64_t tenant;
    uint32_t n_live; /* jobs; 0: the place is free */
};

struct lane {
    struct job_env *env;
    const struct catalog_model *model;
    struct sil_engine *eng;
    struct sched *sched;
    struct meter meter;
    struct job *jobs; /* not ended */
    uint32_t max_batch, n_vocab;
    struct sil_step_item *items;  /* [max_batch] */
    struct choice **stepping;     /* [max_batch] */
    bool leaving;                 /* the model is being unloaded: nothing new is taken */
    uint32_t n_drafted;           /* guesses in the step that is being made */
    struct sched_result *results; /* [max_batch] */
    struct lane_tenant tenants[LANE_TENANTS];
};

sil_err lane_open(struct lane *l, struct job_env *env, const struct catalog_model *m, struct meter meter,
                  struct sil_error *e);
void lane_close(struct lane *l); /* its jobs are ended with a fault */

/* Of the models that take turns, from here to lane_exit: it draws from their power budget. On the thread of the turns.
 */
void lane_enter(struct lane *l, struct sched_budget *b);
void lane_exit(struct lane *l);

/* A request comes in: queued, or ended at once with a fault. Takes over the caller's reference. */
void lane_admit(struct lane *l, uint64_t now_ns, struct request *r);
/* Looks for jobs whose client has gone. */
void lane_cancels(struct lane *l);
/* One step, if there is anything to step. Returns 0 when it stepped, otherwise how long nothing will be to do. */
uint64_t lane_turn(struct lane *l, uint64_t now_ns);
/* What the machine took while no lane stepped; one of those that take turns is told. */
void lane_idle_power(struct lane *l, double watts);
void lane_drain(struct lane *l, uint64_t now_ns, uint64_t within_ns);
/* The same for this model alone, which is to be unloaded. */
void lane_leave(struct lane *l, uint64_t now_ns, uint64_t within_ns);

#endif
