/* A plan from its parts, and the report that follows it. */
#include <assert.h>

#include "sched/sched_impl.h"

void time_advance(struct sched *s, uint64_t now_ns) {
    uint64_t gap = s->has_now && now_ns > s->last_now ? now_ns - s->last_now : 0;
    if (gap > s->c.max_gap_ns) gap = s->c.max_gap_ns;
    s->has_now = true;
    s->last_now = now_ns;
    s->time = add_time(s->time, gap);
    power_accrue(s, now_ns, gap);
}

struct sched_decision *decide(struct sched *s, enum sched_kind kind, uint32_t at) {
    if (s->n_decisions == s->max_decisions) return NULL;
    const struct request *r = &s->requests[at];
    struct sched_decision *d = &s->decisions[s->n_decisions++];
    *d = (struct sched_decision){.kind = kind, .tenant = r->tenant, .id = request_id(s, at), .user = r->user};
    return d;
}

static void forget_plan(struct sched *s) {
    for (uint32_t i = 0; i < s->n_held; i++) {
        struct request *r = &s->requests[s->held[i]];
        assert(r->state == ST_HELD); /* else a START was not answered with sched_started */
        s->flows[flow_of(r)].planned = 0;
        r->rows = r->draft = 0;
    }
    s->stepping = false;
}

static void run_timers(struct sched *s) {
    uint64_t due;
    for (uint32_t at; (at = timer_first(s, &due)) != NONE && due <= s->time;)
        if (s->requests[at].deadline <= s->time) request_end(s, at, SCHED_DEADLINE);
        else request_promote(s, at);
    if (s->drain_at > s->time) return;
    s->drain_at = SCHED_FOREVER;
    for (uint32_t i = 0; i < s->c.max_requests; i++)
        if (s->requests[i].state != ST_FREE) request_end(s, i, SCHED_DRAINED);
}

void sched_plan(struct sched *s, uint64_t now_ns, uint32_t pages_available, struct sched_plan *out) {
    time_advance(s, now_ns);
    forget_plan(s);
    run_timers(s);
    s->n_decisions = 0;
    while (s->ending != NONE) {
        struct sched_decision *d = decide(s, SCHED_END, s->ending);
        if (!d) break;
        d->why = s->requests[s->ending].why;
        request_forget(s, s->ending);
    }
    if (!s->n_decisions) start_some(s, pages_available);
    uint64_t wait = s->n_decisions ? 0 : rows_plan(s, pages_available);
    *out = (struct sched_plan){.decisions = s->decisions, .n = s->n_decisions, .wait_ns = wait};
    out->again = s->n_decisions && !s->stepping;
    if (out->again) return;
    /* who was preempted, or found no start left because of others that failed, may start now */
    if (!s->stepping && s->preempts_left + s->starts_left < 2 * s->c.max_sessions) out->wait_ns = 0;
    s->step_no++;
    s->starts_left = s->preempts_left = s->c.max_sessions;
    s->guests_left = most_u32(1, s->c.max_batch / 4);
}

/* ---- reports ---- */

static void count_tokens(struct sched *s, const struct request *r, uint32_t prompt, uint32_t answer) {
    s->stats.prefilled += prompt;
    s->stats.decoded += answer;
    s->tenants[r->tenant].tokens += prompt + answer;
    flow_charge(s, &s->flows[flow_of(r)], prompt + answer);
}

/* A tenant pays for each token of a prompt when it is computed first, and for each of an answer when it is made. */
static void advance(struct sched *s, struct request *r, const struct sched_result *result) {
    bool decode = decoding(r);
    assert(result->made <= r->max_new - r->made && result->made <= 1 + r->draft);
    assert(result->ended || (result->made > 0) == (decode || r->held + r->rows == known(r)));
    uint32_t had = most_u32(r->held, r->high), prompt = 0;
    r->held += decode ? result->made : r->rows;
    if (!decode) {
        prompt = least_u32(r->held, r->n_prompt) - least_u32(least_u32(had, r->held), r->n_prompt);
        s->stats.recomputed += r->rows - (r->held > had ? r->held - had : 0);
    }
    r->high = most_u32(r->high, r->held);
    r->made += result->made;
    r->own_page = false;
    count_tokens(s, r, prompt, result->made);
}

static void learn_length(struct sched *s, const struct request *r) {
    const double rate = 0.02;
    s->answer_part += rate * ((double)r->made / r->max_new - s->answer_part);
}

/* Returns whether the request advanced as planned. */
static bool report_one(struct sched *s, const struct sched_result *result) {
    struct request *r = request_find(s, result->id);
    if (!r) return false;
    uint32_t at = (uint32_t)result->id;
    bool planned = r->state == ST_HELD && r->rows > 0;
    if (planned) s->flows[flow_of(r)].planned -= r->rows;
    if (planned && result->advanced) advance(s, r, result);
    else r->own_page = true;
    r->rows = 0;
    if (result->ended) {
        if (planned && result->advanced) learn_length(s, r);
        request_forget(s, at);
    } else if (r->made == r->max_new) {
        request_end(s, at, SCHED_LENGTH);
    }
    return planned && result->advanced;
}

void sched_report(struct sched *s, uint64_t now_ns, const struct sched_step *step) {
    time_advance(s, now_ns);
    if (!s->stepping) return;
    uint32_t planned = 0, advanced = 0;
    for (uint32_t i = 0; i < s->n_held; i++) planned += s->requests[s->held[i]].rows > 0;
    for (uint32_t i = 0; i < step->n; i++) advanced += report_one(s, &step->results[i]);
    s->stats.n_steps++;
    s->planned.decode += step->n_drafted;
    if (advanced == planned && step->took_ns) cost_learn(&s->time_cost, &s->planned, (double)step->took_ns * 1e-9);
    power_spend(s, &s->planned, step->took_ns, step->joules);
    forget_plan(s);
}
