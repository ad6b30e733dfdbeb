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

/* The bucket of joules, kept here a second time, of one scheduler or of several that share it. */
struct sim_joules {
    double cap_w, level_j, idle_w; /* cap_w negative: none */
    uint64_t window_ns, max_gap_ns;
    bool shared; /* then with the clock of all, which some may see a little late */
    bool has_now;
    uint64_t last_now;
    double largest_j; /* step since the cap was set */
    double drawn_j;   /* in all */
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
    struct sim_joules own_joules, *joules;
    double served[SIM_TENANTS];
    bool backlog[SIM_TENANTS];
    struct sim_lead leads[SIM_TENANTS][SIM_TENANTS];
    uint64_t accepted, ended, step, idle_steps;
    bool stepped;     /* in its last turn; otherwise */
    uint64_t wait_ns; /* it waits so long, unless something arrives */
    uint32_t n_steps;

    double worst_lead;                      /* the largest lead as a part of what is allowed */
    uint64_t n_preempted, n_fresh, n_again; /* what happened, to see that the tests reach it */
    char failure[SIM_TEXT];                 /* what is wrong; empty: nothing */
};

/* Lives the life of the seed for n_steps steps and until the last request has ended. False: see failure. */
bool sched_sim_run(struct sim *s, uint64_t seed, uint32_t n_steps);

/* The same in parts. joules: shared with others, whose clock and cap are not its own to change; NULL: its own. The
 * scheduler is made, and shares nothing yet. */
bool sched_sim_open(struct sim *s, uint64_t seed, uint32_t n_steps, struct sim_joules *joules);
/* One turn: arrivals and accidents, a plan, a step. With shared joules time does not go on where it only waits. */
void sched_sim_turn(struct sim *s);
/* Nothing comes any more. */
void sched_sim_ebb(struct sim *s);
/* False where pages are lost or requests left behind; left: they may be. */
bool sched_sim_close(struct sim *s, bool left);
/* The same step of the bucket that the scheduler must make when it is told the time. */
void sim_joules_pass(struct sim_joules *j, uint64_t now, uint64_t gap);
void sim_joules_set_cap(struct sim_joules *j, double watts);
double sim_joules_bucket(const struct sim_joules *j);
/* Whether it has work that cannot wait. */
bool sched_sim_is_urgent(const struct sim *s);

/* What may come between two tenants: README.md of src/sched has the reasons. In tokens for each unit of weight. */
double sched_sim_lead_bound(const struct sched_config *c);

#endif
