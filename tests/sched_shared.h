/* sched_shared: random lives of several schedulers (sched_sim.h) whose engines take turns on one machine under one
 * power cap, with models that are loaded and unloaded on the way, caps that move, a clock that jumps. What all draw
 * together is held against the cap in two ways: a second bucket, and every window of time. */
#ifndef SIL_TESTS_SCHED_SHARED_H
#define SIL_TESTS_SCHED_SHARED_H

#include "sched_sim.h"

enum { SHARED_MODELS = 4 };

struct sched_shared {
    struct rng rng;
    struct sim sims[SHARED_MODELS];
    bool loaded[SHARED_MODELS];
    struct sched_budget *budget;
    struct sim_joules joules;
    uint64_t now, seed, next_seed;
    uint32_t n_steps;
    bool exact; /* what steps cost is what the schedulers think */

    double excess_j;     /* the most that any window which ends now took above the cap's rate, since the last change */
    double worst_window; /* as a part of what is allowed */
    double starved_j[SHARED_MODELS];               /* drawn by others while it could not step for want of joules */
    double worst_starved;                          /* as a part of what is allowed */
    uint64_t n_loads, n_unloads, n_drawn, n_waits; /* what happened, to see that the tests reach it */
    char failure[SIM_TEXT + 64];
};

/* False: see failure. */
bool sched_shared_run(struct sched_shared *w, uint64_t seed, uint32_t n_turns);

#endif
