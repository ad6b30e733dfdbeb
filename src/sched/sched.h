/* sched: which requests the next step of an engine computes, and how much of each. A state machine without I/O,
 * threads, clock or randomness: time comes with each call, the engine's state with each plan, and everything is
 * allocated by sched_open. The same code runs in the server and in the planner's simulator, which put a real engine or
 * a model of one behind it. One scheduler serves one engine; one thread at a time.
 *
 * What a caller does, over and over:
 *
 *     sched_submit, sched_cancel, ...                 whenever something arrives
 *     do {
 *         sched_plan(s, now, pages_available, &plan)  what to do next; see enum sched_kind
 *         do what the decisions say, in their order
 *     } while (plan.again);
 *     step the engine with the SCHED_PREFILL and SCHED_DECODE decisions, if there are any
 *     sched_report(s, now, &step)                     what became of them; or, without any, wait at most plan.wait_ns
 *
 * A request is a sequence of tokens, its prompt and then its answer. It waits, holds an engine's session (prefilling,
 * then decoding), may lose the session and get another (its tokens are computed again; no bit of the answer changes),
 * and ends exactly once: by `ended` in a report, by a SCHED_END decision, or by sched_drop.
 *
 * Who goes first. Between tenants: deficit round robin over tokens, by weight. Inside a tenant: the earliest first,
 * where a lower priority counts as an arrival that is later by aging_ns for each class; so priorities never starve, and
 * no tenant gains anything from another by claiming one. Deferrable requests come behind all others and are the first
 * that a power cap stops; after defer_max_ns they count as the others. README.md states the bounds, and why they hold.
 */
#ifndef SIL_SCHED_SCHED_H
#define SIL_SCHED_SCHED_H

#include "base/mem.h"
#include "sillok.h"

enum {
    SCHED_REQUESTS_MAX = 1 << 20, /* live at once */
    SCHED_TENANTS_MAX = 1 << 16,
    SCHED_BATCH_MAX = 1 << 16, /* sequences in a step */
    SCHED_WEIGHT_MAX = 1000,
    SCHED_SHARING_MAX = 1 << 12, /* schedulers that share a power budget */
    SCHED_CLASSES = 4            /* priorities 0 (first) to 3 */
};

#define SCHED_FOREVER UINT64_MAX

struct sched;

/* Names a request from submit to its end; never 0, and not used again for long after (2^32 requests in its place), so
 * that a late call with an old id is recognised and does nothing. */
typedef uint64_t sched_id;

/* What work costs, in seconds or in joules: for each step, each row of prompt, each row of answer, and each 1,024
 * positions that rows attend to. The values given are where learning starts; what is 0 stays 0. */
struct sched_cost {
    double step, prefill, decode, attend;
};

struct sched_config {
    /* the engine */
    uint32_t n_ctx;       /* positions of a session, at least 1 */
    uint32_t n_pages;     /* KV pages in all, at least 1 */
    uint32_t page_tokens; /* positions of a page; 0: 64 */
    uint32_t step_rows;   /* rows of a step (the engine's n_batch, or less), at least 1 */
    uint32_t max_batch;   /* sequences in a step, at least 1 and at most step_rows */
    uint32_t max_logits;  /* rows of logits a step can give, at least max_batch; 0: max_batch */
    uint32_t max_draft;   /* guesses that one answer may try in a step; 0: none */

    /* room for requests */
    uint32_t max_requests; /* waiting and holding a session together; further ones are refused */
    uint32_t max_tenants;  /* tenants are numbered 0 to max_tenants - 1 */
    uint32_t max_sessions; /* sessions open at once, at least max_batch; 0: twice max_batch. Beyond max_batch only
                              tenants that are owed service get one, so that nobody waits for another's long answers */

    /* policy; 0 stands for the default named */
    uint32_t quantum;       /* tokens that a tenant of weight 1 gains in a round: 16 */
    uint32_t slice;         /* tokens that a tenant may be ahead of its share before others take its place: 256 */
    uint32_t min_chunk;     /* rows of prompt that a step has at least, when prompts wait: 8 */
    uint32_t stall_percent; /* how long a step may take because of rows of prompt, in percent of the same step without
                               any (as far as min_chunk allows), while answers are being written: 170 */
    uint64_t aging_ns;      /* how much later a request counts as arrived for each class of priority: 10 s */
    uint64_t defer_max_ns;  /* how long a deferrable request can be put off: 24 h */
    uint64_t max_gap_ns;    /* time between two calls counts as at most this much, so that a clock that jumps ahead does
                               not end everything; one that jumps back counts as standing still: 10 s */

    /* cost models, learnt from the reports */
    struct sched_cost time;   /* seconds; all zero: a step 5 ms, rows 1 ms and 1 ms, attention 0.1 ms */
    struct sched_cost power;  /* joules above the idle power; all zero: no energy model, and caps are refused */
    double idle_w;            /* what the machine takes when nothing runs */
    uint64_t power_window_ns; /* a cap holds as the mean over any window of this length (README.md): 10 s */
    uint64_t power_stall_ns;  /* the batch shrinks under a cap until answers advance about this often: 500 ms */
};

/* Allocates everything; about 200 bytes a request and 300 a tenant. c is copied. SIL_ARG names a value out of range. */
sil_err sched_open(struct mem mem, const struct sched_config *c, struct sched **out, struct sil_error *e);
void sched_close(struct sched *s); /* NULL is allowed */

/* ---- tenants ---- */

struct sched_tenant {
    uint32_t weight;      /* 1 to SCHED_WEIGHT_MAX; 0: 1. The share of tokens against other tenants */
    uint32_t max_running; /* sessions at once; 0: no limit of its own */
    uint32_t max_live; /* requests at once, waiting ones included; further ones are refused. 0: no limit of its own */
};

/* Sets one tenant's terms, at any time; whoever is not set has all zero. A tenant's number is its name space for reused
 * pages: while the engine lives, the server never gives the number to another tenant. SIL_ARG. */
sil_err sched_set_tenant(struct sched *s, uint32_t tenant, const struct sched_tenant *t);

/* ---- requests ---- */

struct sched_request {
    uint64_t user; /* the caller's, handed back in each decision */
    uint32_t tenant;
    uint32_t priority; /* 0 (first) to SCHED_CLASSES - 1 */
    bool deferrable;
    uint32_t n_prompt;   /* tokens, at least 1 */
    uint32_t max_new;    /* tokens of the answer, at least 1 */
    uint64_t timeout_ns; /* from now to the end of the answer; 0: no deadline */
};

enum sched_verdict {
    SCHED_ACCEPTED,
    SCHED_TOO_LONG,    /* prompt and answer pass the context or all pages: never possible; wait_ns is SCHED_FOREVER */
    SCHED_FULL,        /* all places are taken */
    SCHED_TENANT_FULL, /* the tenant's max_live is reached */
    SCHED_DRAINING,    /* nothing is accepted any more */
    SCHED_BAD_REQUEST  /* tenant, priority, n_prompt or max_new is out of range: the caller's fault */
};

struct sched_answer {
    enum sched_verdict verdict;
    sched_id id;      /* 0 unless accepted */
    uint64_t wait_ns; /* an estimate. Accepted: until the request starts. Refused: when it may be worth another try, for
                         Retry-After */
};

void sched_submit(struct sched *s, uint64_t now_ns, const struct sched_request *r, struct sched_answer *out);

/* Asks for a request's end: a SCHED_END decision (SCHED_CANCELLED) follows with the next plan, unless a report says
 * `ended` before it. False, with nothing done, for an id that has ended. */
bool sched_cancel(struct sched *s, sched_id id);
/* The caller has ended the request and closed its session: it is forgotten, no decision follows. False as above. */
bool sched_drop(struct sched *s, sched_id id);

/* ---- plans ---- */

enum sched_kind {
    SCHED_END,     /* the request is over, for the reason in `why`: close its session if it has one, tell the client */
    SCHED_PREEMPT, /* close the session; keep the tokens (prompt and answer so far): it will start again */
    SCHED_START, /* open a session in the tenant's space and reuse what is computed (sil_session_reuse with all n_tokens
                    of prompt and answer so far), then say sched_started; or sched_drop where that failed */
    SCHED_PREFILL, /* step: tokens [from, from + n_tokens) of prompt and answer. Where `last` is set, logits of the last
                      row are wanted: they give the next token of the answer (made 1, by sil_decode_first) */
    SCHED_DECODE   /* step: the last token of the answer, and up to n_draft guesses */
};

enum sched_why {
    SCHED_CANCELLED, /* sched_cancel */
    SCHED_DEADLINE,  /* timeout_ns is over */
    SCHED_LENGTH,    /* max_new tokens are made, though no report said `ended` */
    SCHED_DRAINED    /* the drain's time is over, or it dropped what waited */
};

struct sched_decision {
    enum sched_kind kind;
    enum sched_why why; /* SCHED_END only */
    bool last;          /* SCHED_PREFILL only */
    uint32_t tenant;
    sched_id id;
    uint64_t user;
    uint32_t from, n_tokens; /* SCHED_PREFILL, SCHED_DECODE (n_tokens 1); SCHED_START: n_tokens in all */
    uint32_t n_draft;        /* SCHED_DECODE only */
};

struct sched_plan {
    const struct sched_decision *decisions; /* valid until the next sched_plan */
    uint32_t n;
    bool again;       /* only END, PREEMPT and START here; plan again, with the pages then available, before the step */
    uint64_t wait_ns; /* where nothing is to be stepped: how long to wait unless something arrives; else 0 */
};

/* What to do now. pages_available: pages that a step can take (the engine's n_free + n_idle). Each plan
 * with `again` ends, starts or preempts somebody, and before one step at most max_sessions are started and as many
 * preempted, so that the loop comes to its end. */
void sched_plan(struct sched *s, uint64_t now_ns, uint32_t pages_available, struct sched_plan *out);

/* After SCHED_START: the session is open and n_cached tokens (below the decision's n_tokens) need no computing. */
void sched_started(struct sched *s, sched_id id, uint32_t n_cached);

/* What one request of the step did. */
struct sched_result {
    sched_id id;
    bool advanced; /* the planned tokens are in the session; false: it is as before (out of pages, guesses refused) and
                      is planned again */
    bool ended;    /* the answer is finished or has failed, and the session is closed: the last word on this id */
    uint32_t made; /* new tokens of the answer: 1 behind a `last` prefill, 1 to 1 + n_draft behind a decode */
};

struct sched_step {
    const struct sched_result *results; /* at most one for each request of the step; who is missing did not advance */
    uint32_t n;
    uint32_t n_drafted; /* guesses that were computed, in all */
    uint64_t took_ns;   /* of the step; 0: not measured */
    double joules;      /* that the machine took during the step, idle power included; negative: not measured */
};

/* The step that was planned last has been done. */
void sched_report(struct sched *s, uint64_t now_ns, const struct sched_step *step);

/* ---- power, drain ---- */

/* The machine's mean power may not pass `watts` from now on; negative: no cap. At or below the idle power nothing runs.
 * SIL_ARG for a number that is not finite, SIL_UNSUPPORTED without an energy model. Of a scheduler that shares a
 * budget, the cap of all that share it. */
sil_err sched_set_cap(struct sched *s, uint64_t now_ns, double watts);
/* A measurement of the machine's power while no step ran, of any that share the budget: one of them is told. */
void sched_idle_power(struct sched *s, double watts);

/* One cap for several schedulers, whose engines take turns on one machine: they draw from one bucket of joules, so that
 * what is promised for one holds for all together, whoever comes and goes. Among those that want more than there is,
 * each gets as many joules (budget.c). Budget and schedulers belong to one thread at a time, and see one clock. */
struct sched_budget;
struct sched_budget_config {
    uint32_t max_schedulers; /* at once; 1 to SCHED_SHARING_MAX */
    double idle_w;
    uint64_t window_ns, max_gap_ns; /* 0: as in sched_config */
};
sil_err sched_budget_open(struct mem mem, const struct sched_budget_config *c, struct sched_budget **out,
                          struct sil_error *e);
void sched_budget_close(struct sched_budget *b); /* all have left. NULL is allowed */
sil_err sched_budget_set_cap(struct sched_budget *b, uint64_t now_ns, double watts);
void sched_budget_get(const struct sched_budget *b, double *cap_w, double *idle_w, double *credit_j);
/* From now on it draws from b: its own cap, idle power and window are of no meaning. SIL_LIMIT when max_schedulers do
 * already, SIL_UNSUPPORTED when b has a cap and s no energy model, SIL_ARG when it shares one. */
sil_err sched_join(struct sched *s, struct sched_budget *b);
/* And not any more; closing does it too. What it has drawn stays drawn. */
void sched_leave(struct sched *s);

/* Accepts nothing any more. What holds a session or has begun its answer runs on for at most within_ns, and what waits
 * too, unless drop_waiting; then SCHED_END (SCHED_DRAINED). May be called again to change its mind about the time. */
void sched_drain(struct sched *s, uint64_t now_ns, uint64_t within_ns, bool drop_waiting);

/* ---- looking ---- */

struct sched_stats {
    uint32_t n_waiting, n_running; /* running: with a session */
    uint32_t n_deferred;           /* of the waiting, the deferrable */
    bool draining;
    uint64_t n_accepted, n_ended; /* requests so far; the difference is alive */
    uint64_t n_preempted;         /* sessions taken away */
    uint64_t n_steps;
    uint64_t prefilled, decoded;   /* tokens computed for the first time, and tokens made */
    uint64_t recomputed, cached;   /* tokens computed again after a preemption; tokens that reuse saved */
    struct sched_cost time, power; /* as learnt so far */
    double idle_w, cap_w;          /* cap_w negative: none */
    double credit_j;               /* what may be spent above idle before the cap stops work */
    double joules;                 /* spent in steps, measured where it was and else modelled, idle power included */
};
void sched_get_stats(const struct sched *s, struct sched_stats *out);

struct sched_tenant_stats {
    uint32_t n_waiting, n_running;
    uint64_t tokens; /* prefilled and decoded, as above */
};
/* False for a number out of range. */
bool sched_get_tenant(const struct sched *s, uint32_t tenant, struct sched_tenant_stats *out);

#endif
