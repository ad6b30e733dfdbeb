/* The scheduler's inside. Requests and flows are named by their index; NONE is no one. */
#ifndef SIL_SCHED_SCHED_IMPL_H
#define SIL_SCHED_SCHED_IMPL_H

#include <stdbool.h>

#include "sched/cost.h"
#include "sched/sched.h"

#define NONE UINT32_MAX

enum state {
    ST_FREE,
    ST_WAITING,  /* in its flow's heap */
    ST_STARTING, /* a START decision is out */
    ST_HELD,     /* has a session */
    ST_ENDING    /* waits for its END decision */
};

struct request {
    uint64_t user;
    uint64_t key, seq;          /* its order inside the flow; the order of submits */
    uint64_t deadline, promote; /* in the scheduler's own time; SCHED_FOREVER: none */
    uint64_t preempted;         /* the step before which it lost its session, counted from 1 */
    uint32_t generation, tenant;
    uint32_t up, left, right; /* in the flow's heap while it waits */
    uint32_t prev, next;      /* in the flow's list while held, among the ending, or among the free (next) */
    uint32_t timer;           /* its place among the timers, or NONE */
    uint32_t held_at;         /* its place in s->held while STARTING or HELD */
    uint32_t n_prompt, max_new;
    uint32_t made;        /* tokens of the answer so far */
    uint32_t held;        /* tokens in the session */
    uint32_t high;        /* tokens that were computed once already */
    uint32_t rows, draft; /* of the planned step; rows 0: not in it */
    enum state state;
    enum sched_why why; /* ENDING */
    uint8_t level;      /* 0; 1: deferrable */
    bool own_page;      /* its next step may have to copy the page that its session ends in */
};

enum { LEVELS = 2, WAIT_RING = 0, HELD_RING = 1, RINGS = 2 };

/* One tenant's requests of one level. */
struct flow {
    int64_t deficit; /* tokens that it is owed; as of round `seen` */
    uint64_t seen;
    uint64_t prompt, answer; /* tokens that its waiting requests ask for */
    uint32_t tenant, n_waiting, n_held;
    uint32_t heap;        /* of waiting requests, the first in order */
    uint32_t first, last; /* of those held, in order */
    uint32_t cursor;      /* the next to consider in a selection */
    uint32_t planned;     /* tokens in the step that is being planned */
    struct {
        uint32_t prev, next;
    } ring[RINGS];
    uint8_t level;
    bool in_ring[RINGS];
};

struct tenant {
    struct sched_tenant terms;
    uint32_t n_live, n_held;
    uint64_t tokens;
};

struct ring {
    uint32_t turn; /* the next flow to be served, or NONE where the ring is empty */
    uint32_t n;
};

/* One of the schedulers that draw from a budget. */
struct drawer {
    const struct sched *of; /* NULL: the place is free */
    double drawn_j;         /* so far; who has drawn less goes first. Of no meaning but in comparison */
    double need_j;          /* what its next step waits for, which those behind it leave there; 0: it waits for none */
};

/* Watts become joules that may be spent: they run up at cap less idle power, to what a window brings. */
struct sched_budget {
    struct mem mem;
    uint64_t window_ns, max_gap_ns;
    bool has_now;
    uint64_t last_now; /* the clock as it was seen by whichever scheduler asked last */
    double cap_w;      /* negative: none */
    double idle_w;
    double credit_j;
    double front_j; /* what whoever stepped last had drawn before: where who begins to work begins */
    uint32_t n_max;
    struct drawer *drawers; /* [n_max] */
};

struct sched {
    struct mem mem;
    struct sched_config c;
    struct request *requests;         /* [c.max_requests] */
    struct tenant *tenants;           /* [c.max_tenants] */
    struct flow *flows;               /* [c.max_tenants][LEVELS] */
    uint32_t *held;                   /* [c.max_sessions], the first n_held: who has a session, or is to get one */
    uint32_t *timers;                 /* [c.max_requests], the first n_timers: a heap by time */
    struct sched_decision *decisions; /* [max_decisions] */
    uint32_t max_decisions, n_decisions;
    uint32_t n_live, n_waiting, n_deferred, n_held, n_held_at[LEVELS], n_timers;
    uint32_t free, ending; /* lists */
    struct ring rings[LEVELS][RINGS];
    uint64_t rounds[LEVELS];
    int64_t debt_max;          /* for each unit of weight */
    uint32_t reserved[LEVELS]; /* the flow whose first request waits for pages: none other starts before it; or NONE */
    uint64_t weights;          /* of tenants with live requests, added up */

    bool has_now;
    uint64_t last_now, time; /* the caller's clock at the last call; our own, which never jumps */
    uint64_t next_seq;
    bool draining, drop_waiting;
    bool has_power; /* there is an energy model */
    uint64_t drain_at;

    uint64_t step_no;                                 /* counts plans without `again`, from 1 */
    uint32_t starts_left, preempts_left, guests_left; /* before the step */
    uint32_t promised;                                /* pages that prompts which hold a session still need */
    struct work planned;                              /* the step that was planned */
    bool stepping;

    struct cost time_cost, power_cost;
    struct sched_budget own;     /* while it shares no other's */
    struct drawer own_drawer;    /* the only one of that */
    struct sched_budget *budget; /* the one it draws from */
    uint32_t drawer;             /* which one it is there */
    double answer_part;          /* how much of max_new answers use, a running mean */
    struct sched_stats stats;
};

#define POWER_WINDOW_NS UINT64_C(10000000000)
#define MAX_GAP_NS      UINT64_C(10000000000)

static inline uint32_t least_u32(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static inline uint32_t most_u32(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static inline uint64_t add_time(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint32_t known(const struct request *r) {
    return r->n_prompt + r->made;
}

/* Whether its next row is a row of the answer; else it has prompt to compute, or tokens to compute again. */
static inline bool decoding(const struct request *r) {
    return r->made > 0 && r->held + 1 == known(r);
}

static inline uint32_t flow_of(const struct request *r) {
    return r->tenant * LEVELS + r->level;
}

static inline uint32_t pages_for(const struct sched *s, uint32_t tokens) {
    return tokens ? (tokens - 1) / s->c.page_tokens + 1 : 0;
}

static inline uint32_t weight_of(const struct sched *s, const struct flow *f) {
    return s->tenants[f->tenant].terms.weight;
}

/* Whether somebody of the flow waits, and not for a session of its own tenant's to end. */
static inline bool tenant_may_start(const struct sched *s, const struct flow *f) {
    const struct tenant *t = &s->tenants[f->tenant];
    return f->n_waiting && (!t->terms.max_running || t->n_held < t->terms.max_running);
}

/* ---- queue.c: order inside flows, turns between them ---- */

/* Into the flow's heap (WAITING), out of it; into its list of held ones, out of it. The state is the caller's. */
void queue_wait(struct sched *s, uint32_t r);
void queue_unwait(struct sched *s, uint32_t r);
void queue_hold(struct sched *s, uint32_t r);
void queue_unhold(struct sched *s, uint32_t r);

/* Tokens that the flow is owed now, those planned already taken off. */
int64_t flow_credit(struct sched *s, struct flow *f);
/* The same for each unit of weight: comparable between flows. */
double flow_lead(struct sched *s, struct flow *f);
void flow_charge(struct sched *s, struct flow *f, uint32_t tokens);
/* Rounds: in each, every flow of the level gains its quantum. A flow with nobody waiting is owed one at most; and
 * nothing is remembered beyond debt_max for each unit of weight. */
void flow_rounds(struct sched *s, uint32_t level, uint64_t n);
/* How many rounds bring the flow above zero; 0 where it is there. */
uint64_t flow_rounds_needed(struct sched *s, struct flow *f);
/* Nobody wants more than they get: what was is forgotten. */
void flow_forgive(struct sched *s, uint32_t level);

/* ---- timer.c: what happens by time alone ---- */

/* Sets, moves or takes away the request's timer, by its deadline and promotion. */
void timer_set(struct sched *s, uint32_t r);
void timer_clear(struct sched *s, uint32_t r);
/* The request whose timer is first, or NONE; *at is its time. */
uint32_t timer_first(const struct sched *s, uint64_t *at);

/* ---- budget.c: whose joules they are ---- */

double budget_rate_w(const struct sched_budget *b);   /* cap less idle power */
double budget_bucket_j(const struct sched_budget *b); /* what a window brings: the most that is saved up */
void budget_accrue(struct sched_budget *b, uint64_t ns);
/* Brings a budget that several share forward to a scheduler's clock. */
void budget_advance(struct sched_budget *b, uint64_t now_ns);
/* How many of its schedulers have requests; at least 1. */
uint32_t budget_working(const struct sched_budget *b);
/* Joules that others' next steps wait for: of those that have drawn less than s, or of all others. */
double budget_kept(const struct sched *s, bool all);
/* The scheduler has requests now, and had none. */
void budget_begin(struct sched *s);
void budget_need(struct sched *s, double joules);
void budget_draw(struct sched *s, double joules);

/* ---- power.c ---- */

/* Time has gone by, so much of it as counts. */
void power_accrue(struct sched *s, uint64_t now_ns, uint64_t ns);
void power_spend(struct sched *s, const struct work *w, uint64_t took_ns, double joules);
/* Whether a cap is set. */
bool power_capped(const struct sched *s);
/* What may be spent above idle as time goes by: all of it, or an equal part where other schedulers have work too. */
double power_rate_w(const struct sched *s);
/* Joules that one step may take so that answers advance about every power_stall_ns; infinite without a cap. */
double power_step_budget(const struct sched *s);
/* Sequences in a step under the cap, 1 to max_batch. */
uint32_t power_batch(const struct sched *s);
/* How long until a step of so many joules may run, and others' that come first: 0 now, SCHED_FOREVER never under this
 * cap. */
uint64_t power_wait(const struct sched *s, double joules);
/* The same where half of the window's joules are kept back for others. */
uint64_t power_wait_deferrable(const struct sched *s, double joules);

/* ---- requests: sched.c ---- */

struct request *request_find(struct sched *s, sched_id id);
sched_id request_id(const struct sched *s, uint32_t r);
/* Takes it out of everything and frees its place. */
void request_forget(struct sched *s, uint32_t r);
/* Takes it out of queues and lets a END decision follow. */
void request_end(struct sched *s, uint32_t r, enum sched_why why);
/* Its session is taken away; it waits again. */
void request_preempt(struct sched *s, uint32_t r);
/* Brings the scheduler's own time forward. */
void time_advance(struct sched *s, uint64_t now_ns);
/* The deferrable request counts as any other from now on. */
void request_promote(struct sched *s, uint32_t r);

/* ---- the parts of a plan ---- */

struct sched_decision *decide(struct sched *s, enum sched_kind kind, uint32_t r); /* NULL: no room for more */
/* start.c: STARTs, and the PREEMPTs that make way for them. */
void start_some(struct sched *s, uint32_t pages);
/* Whether somebody could start but for want of room: its tenant's own limit is not reached. */
bool start_wanted(const struct sched *s, uint32_t level);
/* rows.c: the step itself, or a PREEMPT where pages are short. Returns how long to wait where there is nothing. */
uint64_t rows_plan(struct sched *s, uint32_t pages);
/* estimate.c: how long a request of the flow would wait, with those of its tenant that wait already before it. */
uint64_t estimate_wait(const struct sched *s, const struct flow *f);
/* How long until one of n requests that are alive has ended. */
uint64_t estimate_place(const struct sched *s);

#endif
