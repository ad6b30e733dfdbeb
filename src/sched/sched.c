/* The life of a request, from submit to its end. */
#include "sched/sched.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "sched/sched_impl.h"

/* ---- opening ---- */

static uint64_t or_default(uint64_t v, uint64_t standard) {
    return v ? v : standard;
}

static void fill_defaults(struct sched_config *c) {
    c->page_tokens = (uint32_t)or_default(c->page_tokens, 64);
    c->max_logits = (uint32_t)or_default(c->max_logits, c->max_batch);
    c->max_sessions = (uint32_t)or_default(c->max_sessions, 2 * (uint64_t)c->max_batch);
    c->quantum = (uint32_t)or_default(c->quantum, 16);
    c->slice = (uint32_t)or_default(c->slice, 256);
    c->min_chunk = (uint32_t)or_default(c->min_chunk, 8);
    c->stall_percent = (uint32_t)or_default(c->stall_percent, 170);
    c->aging_ns = or_default(c->aging_ns, 10000000000u);
    c->defer_max_ns = or_default(c->defer_max_ns, 86400000000000u);
    c->max_gap_ns = or_default(c->max_gap_ns, MAX_GAP_NS);
    c->power_window_ns = or_default(c->power_window_ns, POWER_WINDOW_NS);
    c->power_stall_ns = or_default(c->power_stall_ns, 500000000u);
    const struct sched_cost *t = &c->time;
    if (t->step == 0 && t->prefill == 0 && t->decode == 0 && t->attend == 0)
        c->time = (struct sched_cost){.step = 5e-3, .prefill = 1e-3, .decode = 1e-3, .attend = 1e-4};
}

static sil_err in_range(uint64_t v, uint64_t low, uint64_t high, const char *name, struct sil_error *e) {
    if (v >= low && v <= high) return SIL_OK;
    return err_set(e, SIL_ARG, "the scheduler's %s is %llu; it may be %llu to %llu", name, (unsigned long long)v,
                   (unsigned long long)low, (unsigned long long)high);
}

static sil_err cost_in_range(const struct sched_cost *c, const char *name, struct sil_error *e) {
    const double v[] = {c->step, c->prefill, c->decode, c->attend};
    for (int i = 0; i < 4; i++)
        if (!isfinite(v[i]) || v[i] < 0 || v[i] > 1e9)
            return err_set(e, SIL_ARG, "the scheduler's cost of %s is %g; it may be 0 to 1e9", name, v[i]);
    return SIL_OK;
}

static sil_err check(const struct sched_config *c, struct sil_error *e) {
    const uint64_t hour = 3600u * 1000000000ull, year = 8766 * hour;
    SIL_TRY(in_range(c->n_ctx, 1, 1u << 24, "n_ctx", e));
    SIL_TRY(in_range(c->n_pages, 1, 1u << 24, "n_pages", e));
    SIL_TRY(in_range(c->page_tokens, 1, 1u << 16, "page_tokens", e));
    SIL_TRY(in_range(c->step_rows, 1, SCHED_BATCH_MAX, "step_rows", e));
    SIL_TRY(in_range(c->max_batch, 1, c->step_rows, "max_batch", e));
    SIL_TRY(in_range(c->max_logits, c->max_batch, SCHED_BATCH_MAX, "max_logits", e));
    SIL_TRY(in_range(c->max_draft, 0, 255, "max_draft", e));
    SIL_TRY(in_range(c->max_requests, 1, SCHED_REQUESTS_MAX, "max_requests", e));
    SIL_TRY(in_range(c->max_tenants, 1, SCHED_TENANTS_MAX, "max_tenants", e));
    SIL_TRY(in_range(c->max_sessions, c->max_batch, 2 * (uint64_t)SCHED_BATCH_MAX, "max_sessions", e));
    SIL_TRY(in_range(c->quantum, 1, 1u << 20, "quantum", e));
    SIL_TRY(in_range(c->slice, 1, 1u << 24, "slice", e));
    SIL_TRY(in_range(c->min_chunk, 1, SCHED_BATCH_MAX, "min_chunk", e));
    SIL_TRY(in_range(c->stall_percent, 100, 10000, "stall_percent", e));
    SIL_TRY(in_range(c->aging_ns, 1, hour, "aging_ns", e));
    SIL_TRY(in_range(c->defer_max_ns, 1, year, "defer_max_ns", e));
    SIL_TRY(in_range(c->max_gap_ns, 1000000, year, "max_gap_ns", e));
    SIL_TRY(in_range(c->power_window_ns, 1000000, hour, "power_window_ns", e));
    SIL_TRY(in_range(c->power_stall_ns, 1, c->power_window_ns, "power_stall_ns", e));
    SIL_TRY(cost_in_range(&c->time, "time", e));
    SIL_TRY(cost_in_range(&c->power, "energy", e));
    if (!isfinite(c->idle_w) || c->idle_w < 0)
        return err_set(e, SIL_ARG, "the scheduler's idle power is %g W; it may not be negative", c->idle_w);
    return SIL_OK;
}

static sil_err allocate(struct sched *s, struct sil_error *e) {
    const struct sched_config *c = &s->c;
    s->max_decisions = 2 * c->max_sessions + 64;
    s->requests = mem_array(s->mem, c->max_requests, sizeof *s->requests);
    s->tenants = mem_array(s->mem, c->max_tenants, sizeof *s->tenants);
    s->flows = mem_array(s->mem, (size_t)c->max_tenants * LEVELS, sizeof *s->flows);
    s->held = mem_array(s->mem, c->max_sessions, sizeof *s->held);
    s->timers = mem_array(s->mem, c->max_requests, sizeof *s->timers);
    s->decisions = mem_array(s->mem, s->max_decisions, sizeof *s->decisions);
    if (s->requests && s->tenants && s->flows && s->held && s->timers && s->decisions) return SIL_OK;
    return err_nomem(e, "the scheduler's queues",
                     c->max_requests * sizeof *s->requests + (size_t)c->max_tenants * LEVELS * sizeof *s->flows);
}

/* More than flows that compete for the same can come apart (README.md), so that no debt is forgotten early. */
static int64_t debt_max(const struct sched_config *c) {
    return 4 * (int64_t)c->slice + 2 * (int64_t)c->quantum + 4 * (int64_t)c->step_rows +
           (2 + (int64_t)c->max_batch) * c->n_ctx;
}

static void open_budget(struct sched *s) {
    s->own_drawer.of = s;
    s->own = (struct sched_budget){.window_ns = s->c.power_window_ns, .cap_w = -1, .idle_w = s->c.idle_w, .n_max = 1};
    s->own.drawers = &s->own_drawer;
    s->budget = &s->own;
}

sil_err sched_open(struct mem mem, const struct sched_config *c, struct sched **out, struct sil_error *e) {
    struct sched_config full = *c;
    fill_defaults(&full);
    SIL_TRY(check(&full, e));
    struct sched *s = mem_array(mem, 1, sizeof *s);
    if (!s) return err_nomem(e, "a scheduler", sizeof *s);
    s->mem = mem;
    s->c = full;
    open_budget(s);
    if (allocate(s, e) != SIL_OK) {
        sched_close(s);
        return SIL_NOMEM;
    }
    for (uint32_t i = 0; i < full.max_requests; i++) s->requests[i].next = i + 1 < full.max_requests ? i + 1 : NONE;
    for (uint32_t i = 0; i < full.max_tenants; i++) s->tenants[i].terms.weight = 1;
    for (uint32_t i = 0; i < full.max_tenants * LEVELS; i++)
        s->flows[i] = (struct flow){
            .tenant = i / LEVELS, .level = (uint8_t)(i % LEVELS), .heap = NONE, .first = NONE, .last = NONE};
    for (int level = 0; level < LEVELS; level++) {
        s->reserved[level] = NONE;
        for (int kind = 0; kind < RINGS; kind++) s->rings[level][kind].turn = NONE;
    }
    s->debt_max = debt_max(&full);
    s->ending = NONE;
    s->step_no = 1;
    s->starts_left = s->preempts_left = full.max_sessions;
    s->drain_at = SCHED_FOREVER;
    s->answer_part = 0.5;
    cost_open(&s->time_cost, &full.time);
    cost_open(&s->power_cost, &full.power);
    s->has_power = full.power.step > 0 || full.power.prefill > 0 || full.power.decode > 0;
    *out = s;
    return SIL_OK;
}

void sched_close(struct sched *s) {
    if (!s) return;
    sched_leave(s);
    mem_free(s->mem, s->decisions);
    mem_free(s->mem, s->timers);
    mem_free(s->mem, s->held);
    mem_free(s->mem, s->flows);
    mem_free(s->mem, s->tenants);
    mem_free(s->mem, s->requests);
    mem_free(s->mem, s);
}

sil_err sched_set_tenant(struct sched *s, uint32_t tenant, const struct sched_tenant *t) {
    if (tenant >= s->c.max_tenants || t->weight > SCHED_WEIGHT_MAX) return SIL_ARG;
    struct tenant *own = &s->tenants[tenant];
    for (uint32_t level = 0; level < LEVELS; level++) /* what it gained until now, it gained by the old weight */
        flow_credit(s, &s->flows[tenant * LEVELS + level]);
    if (own->n_live) s->weights -= own->terms.weight;
    own->terms = *t;
    if (!own->terms.weight) own->terms.weight = 1;
    if (own->n_live) s->weights += own->terms.weight;
    return SIL_OK;
}

/* ---- requests by name ---- */

sched_id request_id(const struct sched *s, uint32_t r) {
    return (uint64_t)s->requests[r].generation << 32 | r;
}

struct request *request_find(struct sched *s, sched_id id) {
    uint32_t at = (uint32_t)id;
    if (at >= s->c.max_requests) return NULL;
    struct request *r = &s->requests[at];
    return r->state != ST_FREE && r->generation == id >> 32 ? r : NULL;
}

static uint32_t index_of(const struct sched *s, const struct request *r) {
    return (uint32_t)(r - s->requests);
}

static void leave_queues(struct sched *s, uint32_t at) {
    struct request *r = &s->requests[at];
    timer_clear(s, at);
    if (r->state == ST_WAITING) queue_unwait(s, at);
    if (r->state == ST_HELD || r->state == ST_STARTING) queue_unhold(s, at);
    if (r->state != ST_ENDING) return;
    if (r->prev == NONE) s->ending = r->next;
    else s->requests[r->prev].next = r->next;
    if (r->next != NONE) s->requests[r->next].prev = r->prev;
}

void request_forget(struct sched *s, uint32_t at) {
    struct request *r = &s->requests[at];
    struct tenant *t = &s->tenants[r->tenant];
    leave_queues(s, at);
    if (--t->n_live == 0) s->weights -= t->terms.weight;
    s->n_live--;
    s->stats.n_ended++;
    r->state = ST_FREE;
    r->next = s->free;
    s->free = at;
}

void request_end(struct sched *s, uint32_t at, enum sched_why why) {
    struct request *r = &s->requests[at];
    if (r->state == ST_ENDING) return;
    leave_queues(s, at);
    r->state = ST_ENDING;
    r->why = why;
    r->prev = NONE;
    r->next = s->ending;
    if (r->next != NONE) s->requests[r->next].prev = at;
    s->ending = at;
}

void request_preempt(struct sched *s, uint32_t at) {
    struct request *r = &s->requests[at];
    r->state = ST_WAITING;
    r->held = 0;
    r->preempted = s->step_no;
    s->stats.n_preempted++;
    queue_wait(s, at); /* first, so that the flow does not seem to have gone */
    queue_unhold(s, at);
}

/* Takes it out of its deferrable flow and into the other, as it is. */
void request_promote(struct sched *s, uint32_t at) {
    struct request *r = &s->requests[at];
    r->promote = SCHED_FOREVER;
    timer_set(s, at);
    if (r->state == ST_WAITING) {
        queue_unwait(s, at);
        r->level = 0;
        queue_wait(s, at);
    } else if (r->state == ST_HELD || r->state == ST_STARTING) {
        queue_unhold(s, at);
        r->level = 0;
        queue_hold(s, at);
    }
}

/* ---- what callers ask ---- */

static enum sched_verdict judge(const struct sched *s, const struct request *r, uint32_t priority) {
    if (r->tenant >= s->c.max_tenants || priority >= SCHED_CLASSES || r->n_prompt == 0 || r->max_new == 0)
        return SCHED_BAD_REQUEST;
    if (s->draining) return SCHED_DRAINING;
    /* the last token of an answer is not computed */
    uint64_t tokens = (uint64_t)r->n_prompt + r->max_new - 1;
    if (tokens > s->c.n_ctx || pages_for(s, (uint32_t)tokens) > s->c.n_pages) return SCHED_TOO_LONG;
    const struct tenant *t = &s->tenants[r->tenant];
    if (t->terms.max_live && t->n_live >= t->terms.max_live) return SCHED_TENANT_FULL;
    return s->n_live >= s->c.max_requests ? SCHED_FULL : SCHED_ACCEPTED;
}

/* A lower priority is a later arrival. A deadline makes it an earlier one again, where it would else be missed. */
static uint64_t order_key(const struct sched *s, const struct request *r, uint32_t priority) {
    uint64_t key = add_time(s->time, priority * s->c.aging_ns);
    if (r->deadline == SCHED_FOREVER) return key;
    struct sched_cost c = cost_now(&s->time_cost);
    double run_s = r->n_prompt * c.prefill + r->max_new * s->answer_part * (c.step + c.decode);
    uint64_t run = run_s < 1e9 ? (uint64_t)(run_s * 1e9) : SCHED_FOREVER;
    uint64_t latest = r->deadline > run ? r->deadline - run : 0;
    if (latest < s->time) latest = s->time;
    return key < latest ? key : latest;
}

static uint64_t wait_of(const struct sched *s, enum sched_verdict v, const struct request *r) {
    if (v == SCHED_ACCEPTED) return estimate_wait(s, &s->flows[flow_of(r)]);
    if (v == SCHED_FULL || v == SCHED_TENANT_FULL) return estimate_place(s);
    if (v == SCHED_DRAINING && s->drain_at != SCHED_FOREVER && s->drain_at > s->time) return s->drain_at - s->time;
    return v == SCHED_DRAINING ? 0 : SCHED_FOREVER;
}

void sched_submit(struct sched *s, uint64_t now_ns, const struct sched_request *q, struct sched_answer *out) {
    time_advance(s, now_ns);
    struct request r = {.user = q->user,
                        .tenant = q->tenant,
                        .n_prompt = q->n_prompt,
                        .max_new = q->max_new,
                        .level = q->deferrable,
                        .deadline = q->timeout_ns ? add_time(s->time, q->timeout_ns) : SCHED_FOREVER,
                        .promote = q->deferrable ? add_time(s->time, s->c.defer_max_ns) : SCHED_FOREVER,
                        .timer = NONE,
                        .seq = s->next_seq,
                        .state = ST_WAITING};
    *out = (struct sched_answer){.verdict = judge(s, &r, q->priority)};
    out->wait_ns = wait_of(s, out->verdict, &r);
    if (out->verdict != SCHED_ACCEPTED) return;
    uint32_t at = s->free;
    s->free = s->requests[at].next;
    r.generation = s->requests[at].generation + 1 ? s->requests[at].generation + 1 : 1;
    r.key = order_key(s, &r, q->priority);
    s->requests[at] = r;
    s->next_seq++;
    if (s->n_live++ == 0) budget_begin(s);
    s->stats.n_accepted++;
    struct tenant *t = &s->tenants[r.tenant];
    if (t->n_live++ == 0) s->weights += t->terms.weight;
    queue_wait(s, at);
    timer_set(s, at);
    out->id = request_id(s, at);
}

bool sched_cancel(struct sched *s, sched_id id) {
    struct request *r = request_find(s, id);
    if (r) request_end(s, index_of(s, r), SCHED_CANCELLED);
    return r != NULL;
}

bool sched_drop(struct sched *s, sched_id id) {
    struct request *r = request_find(s, id);
    if (r) request_forget(s, index_of(s, r));
    return r != NULL;
}

void sched_started(struct sched *s, sched_id id, uint32_t n_cached) {
    struct request *r = request_find(s, id);
    if (!r || r->state != ST_STARTING) return; /* cancelled in between */
    assert(n_cached < known(r));
    r->state = ST_HELD;
    r->held = n_cached;
    if (n_cached > r->high) {
        s->stats.cached += n_cached - r->high;
        r->high = n_cached;
    }
    r->own_page = n_cached % s->c.page_tokens != 0;
}

void sched_drain(struct sched *s, uint64_t now_ns, uint64_t within_ns, bool drop_waiting) {
    time_advance(s, now_ns);
    s->draining = true;
    s->drain_at = add_time(s->time, within_ns);
    if (!drop_waiting) return;
    for (uint32_t i = 0; i < s->c.max_requests; i++)
        if (s->requests[i].state == ST_WAITING && s->requests[i].made == 0) request_end(s, i, SCHED_DRAINED);
}

/* ---- looking ---- */

void sched_get_stats(const struct sched *s, struct sched_stats *out) {
    *out = s->stats;
    out->n_waiting = s->n_waiting;
    out->n_running = s->n_held;
    out->n_deferred = s->n_deferred;
    out->draining = s->draining;
    out->time = cost_now(&s->time_cost);
    out->power = cost_now(&s->power_cost);
    sched_budget_get(s->budget, &out->cap_w, &out->idle_w, &out->credit_j);
}

bool sched_get_tenant(const struct sched *s, uint32_t tenant, struct sched_tenant_stats *out) {
    if (tenant >= s->c.max_tenants) return false;
    const struct tenant *t = &s->tenants[tenant];
    *out = (struct sched_tenant_stats){.n_running = t->n_held, .tokens = t->tokens};
    for (uint32_t level = 0; level < LEVELS; level++) out->n_waiting += s->flows[tenant * LEVELS + level].n_waiting;
    return true;
}
