/* sched_sim: one random life of a scheduler, from a seed: requests come, are cancelled, pass their deadlines; pages are
 * few, caps move, clocks jump, steps fail, drains begin. What the scheduler decides is done to a model of an engine,
 * and everything that it promises is checked at every step. */
#ifndef SIL_TESTS_SCHED_SIM_H
#define SIL_TESTS_SCHED_SIM_H

#include "base/rng.h"
#include "sched_model.h"

enum { SIM_REQUESTS = 96, SIM_TENANTS = 5, SIM_TEXT = 320 };

struct sim_request {
    bool alive, cancelled, deferrable, late; /* late: deferrable still, when the step was planned */
    sched_id id;
    uint32_t tenant, priority, n_prompt, max_new, length; /* length: the answer's, unless something ends it before */
    uint32_t made, high, rows, fresh; /* high: tokens that were computed; fresh: of them, by the step */
    uint64_t seq, key, deadline, promote,
        preempted_at; /* own time; the number of the step before which it was preempted */
    struct sm_text text;
    struct sm_session session;
};

/* How much more one tenant got than another that was waiting, since the other began to wait. */
struct sim_lead {
    double least, most;
};

struct sim {
    struct rng rng;
    struct sched *sched;
    struct sched_config c;
    struct sched_cost time, power; /* what steps really cost */
    uint32_t same;                 /* tokens of a question that most ask; 0: none */
    bool exact;                    /* they cost what the scheduler thinks */
    struct sched_tenant terms[SIM_TENANTS];
    double busy[SIM_TENANTS]; /* arrivals a step */
    struct sm_engine engine;
    struct sim_request requests[SIM_REQUESTS];
    uint32_t n_alive, n_open;
    uint64_t now, last_now, own;    /* the clock that the scheduler sees; time as it must count it */
    bool has_now, draining, ebbing; /* ebbing: nothing comes any more */
    bool start_failed;              /* in this plan */
    uint64_t drain_at;
    double cap_w, level_j; /* the bucket of joules, kept here a second time */
    double served[SIM_TENANTS];
    bool backlog[SIM_TENANTS];
    struct sim_lead leads[SIM_TENANTS][SIM_TENANTS];
    uint64_t accepted, ended, step, idle_steps;
    uint32_t n_steps;

    double worst_lead;                      /* the largest lead as a part of what is allowed */
    uint64_t n_preempted, n_fresh, n_again; /* what happened, to see that the tests reach it */
    char failure[SIM_TEXT];                 /* what is wrong; empty: nothing */
};

/* Lives the life of the seed for n_steps steps and until the last request has ended. False: see failure. */
bool sched_sim_run(struct sim *s, uint64_t seed, uint32_t n_steps);

/* What may come between two tenants: README.md of src/sched has the reasons. In tokens for each unit of weight. */
double sched_sim_lead_bound(const struct sched_config *c);

#endif
