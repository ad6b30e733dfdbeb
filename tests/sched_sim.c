#include "sched_sim.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void bad(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void bad(struct sim *s, const char *fmt, ...) {
    if (s->failure[0]) return;
    int n = snprintf(s->failure, sizeof s->failure, "step %llu: ", (unsigned long long)s->step);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->failure + n, sizeof s->failure - (size_t)n, fmt, ap);
    va_end(ap);
}

static uint32_t below(struct sim *s, uint32_t n) {
    return (uint32_t)rng_below(&s->rng, n);
}

static uint32_t between(struct sim *s, uint32_t low, uint32_t high) {
    return low + below(s, high - low + 1);
}

static bool chance(struct sim *s, double p) {
    return (double)rng_f32(&s->rng) < p;
}

/* Few small ones, few large ones: even in the logarithm. */
static uint32_t spread(struct sim *s, uint32_t low, uint32_t high) {
    double x = (double)rng_f32(&s->rng) * log((high + 1.0) / low);
    uint32_t v = (uint32_t)(low * exp(x));
    return v > high ? high : v;
}

/* ---- time and joules, kept a second time ---- */

double sim_joules_bucket(const struct sim_joules *j) {
    double rate = j->cap_w - j->idle_w;
    return rate > 0 ? rate * (double)j->window_ns * 1e-9 : 0;
}

void sim_joules_pass(struct sim_joules *j, uint64_t now, uint64_t gap) {
    if (j->shared) {
        bool late = j->has_now && now < j->last_now && j->last_now - now <= j->max_gap_ns;
        if (late) return;
        gap = j->has_now && now > j->last_now ? now - j->last_now : 0;
        if (gap > j->max_gap_ns) gap = j->max_gap_ns;
    }
    j->has_now = true;
    j->last_now = now;
    if (j->cap_w < 0) return;
    double most = sim_joules_bucket(j);
    j->level_j = fmin(most, j->level_j + most * (double)gap / (double)j->window_ns);
}

void sim_joules_set_cap(struct sim_joules *j, double watts) {
    bool had = j->cap_w >= 0;
    j->cap_w = watts;
    j->largest_j = 0;
    j->level_j = had ? fmin(j->level_j, sim_joules_bucket(j)) : 0;
}

static double bucket_j(const struct sim *s) {
    return sim_joules_bucket(s->joules);
}

static bool capped(const struct sim *s) {
    return s->joules->cap_w >= 0;
}

static uint64_t seen(struct sim *s) {
    uint64_t gap = s->has_now && s->now > s->last_now ? s->now - s->last_now : 0;
    if (gap > s->c.max_gap_ns) gap = s->c.max_gap_ns;
    s->has_now = true;
    s->last_now = s->now;
    s->own += gap;
    sim_joules_pass(s->joules, s->now, gap);
    return s->now;
}

/* ---- a random world ---- */

static void make_config(struct sim *s) {
    struct sched_config *c = &s->c;
    c->n_ctx = spread(s, 16, 400);
    c->page_tokens = 4u << below(s, 3);
    uint32_t full = (c->n_ctx + c->page_tokens - 1) / c->page_tokens;
    c->n_pages = full + below(s, full * between(s, 1, 6));
    c->max_batch = spread(s, 1, 12);
    c->step_rows = c->max_batch + between(s, 0, 48);
    c->max_logits = c->max_batch + below(s, 16);
    c->max_draft = below(s, 3) ? 0 : below(s, 5);
    c->max_requests = spread(s, 2, SIM_REQUESTS);
    c->max_tenants = SIM_TENANTS;
    c->max_sessions = c->max_batch * 2 + below(s, 6);
    c->quantum = spread(s, 4, 128);
    c->slice = spread(s, 8, 256);
    c->min_chunk = spread(s, 1, 24);
    c->stall_percent = between(s, 110, 400);
    c->aging_ns = (uint64_t)spread(s, 1, 2000) * 1000000;
    c->defer_max_ns = (uint64_t)spread(s, 100, 100000) * 1000000;
    c->max_gap_ns = 500000000;
    c->power_window_ns = (uint64_t)between(s, 1, 10) * 200000000;
    c->power_stall_ns = c->power_window_ns / between(s, 2, 10);
    c->idle_w = between(s, 0, 30);
    c->time = (struct sched_cost){.step = 4e-3, .prefill = 3e-4, .decode = 6e-4, .attend = 2e-4};
    c->power = (struct sched_cost){.step = 0.3, .prefill = 0.02, .decode = 0.05, .attend = 0.01};
    s->same = chance(s, 0.15) ? c->page_tokens * between(s, 1, 3) : 0;
    if (s->same >= c->n_ctx) s->same = 0;
    s->exact = chance(s, 0.5);
    s->time = c->time;
    s->power = c->power;
    if (s->exact) return;
    double slow = 0.3 + 3 * (double)rng_f32(&s->rng), hungry = 0.3 + 3 * (double)rng_f32(&s->rng);
    s->time = (struct sched_cost){4e-3 * slow, 3e-4 * slow, 9e-4 * slow, 4e-4};
    s->power = (struct sched_cost){0.3 * hungry, 0.03 * hungry, 0.03 * hungry, 0.02};
}

static void make_tenants(struct sim *s) {
    double load = spread(s, 1, 40) / 20.0;
    for (uint32_t t = 0; t < SIM_TENANTS; t++) {
        s->terms[t].weight = chance(s, 0.5) ? 1 : between(s, 1, 4);
        if (chance(s, 0.1)) s->terms[t].max_running = between(s, 1, 4);
        if (chance(s, 0.2)) s->terms[t].max_live = between(s, 1, 30);
        s->busy[t] = chance(s, 0.3) ? 0 : load * (chance(s, 0.3) ? 4 : 0.5);
        if (sched_set_tenant(s->sched, t, &s->terms[t]) != SIL_OK) bad(s, "terms are refused");
    }
}

/* ---- arrivals ---- */

static bool fits(const struct sim *s, const struct sched_request *r) {
    uint32_t tokens = r->n_prompt + r->max_new - 1;
    return tokens <= s->c.n_ctx && (tokens + s->c.page_tokens - 1) / s->c.page_tokens <= s->c.n_pages;
}

static void check_verdict(struct sim *s, const struct sched_request *r, const struct sched_answer *a) {
    uint32_t live = 0;
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) live += s->requests[i].alive && s->requests[i].tenant == r->tenant;
    const struct sched_tenant *t = &s->terms[r->tenant];
    enum sched_verdict want = s->draining                          ? SCHED_DRAINING
                              : !fits(s, r)                        ? SCHED_TOO_LONG
                              : t->max_live && live >= t->max_live ? SCHED_TENANT_FULL
                              : s->n_alive >= s->c.max_requests    ? SCHED_FULL
                                                                   : SCHED_ACCEPTED;
    if (a->verdict != want) bad(s, "the verdict is %d, not %d", (int)a->verdict, (int)want);
    if ((a->id != 0) != (want == SCHED_ACCEPTED))
        bad(s, "verdict %d has id %llx", (int)want, (unsigned long long)a->id);
}

static void submit(struct sim *s, uint32_t tenant) {
    uint32_t at = 0;
    while (at < SIM_REQUESTS && s->requests[at].alive) at++;
    uint32_t longest = s->c.n_ctx + s->c.n_ctx / 16;
    struct sched_request r = {.user = at, .tenant = tenant, .priority = below(s, SCHED_CLASSES)};
    r.deferrable = chance(s, 0.2);
    r.n_prompt = spread(s, 1, longest);
    bool again = chance(s, s->same ? 0.8 : 0.1); /* the same question as others asked, which ends with a page */
    if (again && s->same) r.n_prompt = s->same;
    if (again && r.n_prompt >= s->c.page_tokens) r.n_prompt -= r.n_prompt % s->c.page_tokens;
    r.max_new = spread(s, 1, longest - (r.n_prompt < longest ? r.n_prompt - 1 : longest - 1));
    if (chance(s, 0.15)) r.timeout_ns = (uint64_t)spread(s, 1, 20000) * 1000000;
    struct sched_answer a;
    sched_submit(s->sched, seen(s), &r, &a);
    check_verdict(s, &r, &a);
    if (a.verdict != SCHED_ACCEPTED || s->failure[0]) return;
    struct sim_request *q = &s->requests[at];
    *q = (struct sim_request){.alive = true, .id = a.id, .tenant = tenant, .deferrable = r.deferrable};
    q->priority = r.priority;
    q->n_prompt = r.n_prompt;
    q->max_new = r.max_new;
    q->length = chance(s, 0.4) ? r.max_new : between(s, 1, r.max_new);
    q->key = r.timeout_ns ? UINT64_MAX : s->own + r.priority * s->c.aging_ns;
    q->deadline = r.timeout_ns ? s->own + r.timeout_ns : UINT64_MAX;
    q->promote = r.deferrable ? s->own + s->c.defer_max_ns : UINT64_MAX;
    q->text = (struct sm_text){.group = below(s, 3), .own = rng_u64(&s->rng)};
    q->text.shared = chance(s, 0.5) ? below(s, r.n_prompt + 1) : 0;
    if (again) q->text = (struct sm_text){.group = r.n_prompt, .own = tenant, .shared = r.n_prompt};
    q->seq = s->accepted;
    s->n_alive++;
    s->accepted++;
}

/* Whether it counts as deferrable still. */
static bool deferred(const struct sim *s, const struct sim_request *q) {
    return q->deferrable && s->own < q->promote;
}

static void end(struct sim *s, struct sim_request *q) {
    if (q->session.open) {
        sm_close(&s->engine, &q->session);
        s->n_open--;
    }
    if (!q->alive) bad(s, "a request ends twice");
    q->alive = false;
    s->n_alive--;
    s->ended++;
}

/* ---- events ---- */

static void set_cap(struct sim *s, double watts) {
    seen(s);
    if (sched_set_cap(s->sched, s->now, watts) != SIL_OK) bad(s, "a cap is refused");
    sim_joules_set_cap(s->joules, watts);
}

static void disturb_clock(struct sim *s) {
    if (chance(s, 0.02)) {
        bool low = chance(s, 0.1);
        set_cap(s, chance(s, 0.3) ? -1 : low ? s->c.idle_w : s->c.idle_w + spread(s, 1, 200));
    }
    if (chance(s, 0.01)) s->now += (uint64_t)spread(s, 1, 1000000) * 10000000;
    if (chance(s, 0.01)) s->now -= s->now < 1000 ? 0 : rng_below(&s->rng, s->now);
}

static void disturb(struct sim *s) {
    if (!s->joules->shared) disturb_clock(s);
    if (chance(s, 0.03)) {
        struct sim_request *q = &s->requests[below(s, SIM_REQUESTS)];
        bool was = sched_cancel(s->sched, q->id);
        if (was != q->alive) bad(s, "cancelling says %d", was);
        q->cancelled = q->alive;
    }
    if (chance(s, 0.004)) {
        struct sim_request *q = &s->requests[below(s, SIM_REQUESTS)];
        bool was = sched_drop(s->sched, q->id);
        if (was != q->alive) bad(s, "dropping says %d", was);
        if (was) end(s, q);
    }
    if (chance(s, 0.01)) {
        uint32_t t = below(s, SIM_TENANTS);
        s->busy[t] = chance(s, 0.4) ? 0 : spread(s, 1, 40) / 10.0;
    }
}

static void drain(struct sim *s) {
    uint64_t within = (uint64_t)spread(s, 1, 10000) * 1000000;
    sched_drain(s->sched, seen(s), within, chance(s, 0.5));
    s->draining = true;
    s->drain_at = s->own + within;
}

/* ---- decisions that prepare a step ---- */

static void on_end(struct sim *s, struct sim_request *q, const struct sched_decision *d) {
    bool right = d->why == SCHED_CANCELLED  ? q->cancelled
                 : d->why == SCHED_DEADLINE ? q->deadline <= s->own
                 : d->why == SCHED_DRAINED  ? s->draining && (s->drain_at <= s->own || q->made == 0)
                                            : q->made == q->max_new;
    if (!right) bad(s, "an end is not justified: %d", (int)d->why);
    end(s, q);
}

/* Nobody of its tenant that is before it in order is passed over. */
static void check_order(struct sim *s, const struct sim_request *q) {
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) {
        const struct sim_request *o = &s->requests[i];
        if (!o->alive || o == q || o->session.open || o->tenant != q->tenant || o->cancelled) continue;
        if (o->preempted_at == s->step + 1 || deferred(s, o) != deferred(s, q)) continue;
        if (q->key != UINT64_MAX && o->key < q->key) bad(s, "request %u is passed over", i);
    }
}

static bool limited(const struct sim *s, uint32_t tenant) {
    uint32_t open = 0;
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) open += s->requests[i].session.open && s->requests[i].tenant == tenant;
    return s->terms[tenant].max_running && open >= s->terms[tenant].max_running;
}

static void on_start(struct sim *s, struct sim_request *q, const struct sched_decision *d) {
    if (q->preempted_at == s->step + 1) bad(s, "a start where nothing has happened since it was preempted");
    if (q->session.open || q->cancelled) bad(s, "a start that makes no sense");
    if (d->n_tokens != q->n_prompt + q->made) bad(s, "a start with %u tokens", d->n_tokens);
    if (s->n_open >= s->c.max_sessions) bad(s, "too many sessions");
    if (limited(s, q->tenant)) bad(s, "a tenant holds too many sessions");
    check_order(s, q);
    for (uint32_t i = 0; deferred(s, q) && !s->start_failed && i < SIM_REQUESTS; i++) {
        const struct sim_request *o = &s->requests[i];
        if (o->alive && !o->session.open && !o->cancelled && !deferred(s, o) && !limited(s, o->tenant))
            bad(s, "what can wait starts before request %u", i);
    }
    if (s->failure[0]) return;
    if (chance(s, 0.002)) { /* there was no memory for a session */
        if (!sched_drop(s->sched, q->id)) bad(s, "a start cannot be dropped");
        end(s, q);
        s->start_failed = true; /* what was decided behind it could not know */
        return;
    }
    uint32_t cached = sm_start(&s->engine, &q->session, q->tenant, q->text, d->n_tokens);
    s->n_open++;
    if (cached > q->high) q->high = cached;
    sched_started(s->sched, q->id, cached);
}

/* Where no other tenant waits, pages are short: then it hits who came last, the deferrable first. */
static void check_victim(struct sim *s, const struct sim_request *q) {
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) {
        const struct sim_request *o = &s->requests[i];
        if (o->alive && !o->session.open && o->tenant != q->tenant) return;
    }
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) {
        const struct sim_request *o = &s->requests[i];
        bool later = deferred(s, o) != deferred(s, q) ? deferred(s, o) : o->seq > q->seq;
        if (o->session.open && later) bad(s, "request %u should have given way", i);
    }
}

static void on_preempt(struct sim *s, struct sim_request *q) {
    if (!q->session.open) bad(s, "preempted without a session");
    check_victim(s, q);
    sm_close(&s->engine, &q->session);
    s->n_open--;
    s->n_preempted++;
    q->preempted_at = s->step + 1;
}

static struct sim_request *request_of(struct sim *s, const struct sched_decision *d) {
    struct sim_request *q = d->user < SIM_REQUESTS ? &s->requests[d->user] : NULL;
    if (q && q->alive && q->id == d->id && q->tenant == d->tenant) return q;
    bad(s, "a decision on somebody who is not there");
    return NULL;
}

/* Plans until there is a step, or nothing to do. */
static void plan(struct sim *s, struct sched_plan *p) {
    uint32_t rounds = 0, most = 2 * s->c.max_sessions + s->c.max_requests + 2;
    do {
        sched_plan(s->sched, seen(s), sm_available(&s->engine), p);
        s->start_failed = false;
        if (++rounds > most) bad(s, "planning does not come to an end");
        if (p->again && !p->n) bad(s, "planning again for nothing");
        s->n_again += p->again;
        for (uint32_t i = 0; i < p->n && !s->failure[0]; i++) {
            const struct sched_decision *d = &p->decisions[i];
            struct sim_request *q = request_of(s, d);
            if (!q || (d->kind == SCHED_PREFILL || d->kind == SCHED_DECODE) != !p->again) {
                bad(s, "decision %d in the wrong place", (int)d->kind);
                return;
            }
            if (d->kind == SCHED_END) on_end(s, q, d);
            if (d->kind == SCHED_START) on_start(s, q, d);
            if (d->kind == SCHED_PREEMPT) on_preempt(s, q);
        }
    } while (p->again && !s->failure[0]);
}

/* ---- the step ---- */

struct tally {
    uint32_t items, rows, prefill, decode, urgent, drafts,
        logits; /* urgent: of decode, those that are not deferrable; drafts: computed */
    double attend, attend_prefill;
    bool deferred;
};

static double attended(uint32_t from, uint32_t n) {
    return n * (from + (n + 1) / 2.0) / 1024;
}

static bool decoding(const struct sim_request *q) {
    return q->session.open && q->made && q->session.n + 1 == q->n_prompt + q->made;
}

static void check_item(struct sim *s, const struct sim_request *q, const struct sched_decision *d, struct tally *t) {
    uint32_t known = q->n_prompt + q->made, n = q->session.n;
    if (!q->session.open || q->rows) bad(s, "a step without a session, or twice");
    if (d->from != n || d->n_tokens == 0 || n + d->n_tokens > known)
        bad(s, "rows %u+%u of %u", d->from, d->n_tokens, n);
    if ((d->kind == SCHED_DECODE) != decoding(q)) bad(s, "decision %d does not fit", (int)d->kind);
    if (d->kind == SCHED_DECODE && (d->n_tokens != 1 || q->made + 1 + d->n_draft > q->max_new)) bad(s, "too many rows");
    if (d->kind == SCHED_PREFILL && d->last != (n + d->n_tokens == known)) bad(s, "last is %d", d->last);
    t->items++;
    t->rows += d->n_tokens + d->n_draft;
    t->attend += attended(n, d->n_tokens);
    t->deferred |= q->late;
    if (d->kind == SCHED_DECODE) {
        t->decode++;
        t->urgent += !q->late;
        t->logits += 1 + d->n_draft;
        return;
    }
    t->prefill += d->n_tokens;
    t->attend_prefill += attended(n, d->n_tokens);
    t->logits += d->last;
}

/* Who writes an answer goes on writing while there is room for everyone. */
static void check_running(struct sim *s, const struct tally *t, uint32_t pages) {
    uint32_t candidates = 0, writing = 0, planned = 0;
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) {
        const struct sim_request *q = &s->requests[i];
        if (!q->session.open || q->late) continue;
        candidates++;
        writing += decoding(q);
        planned += decoding(q) && q->rows;
    }
    bool room = candidates <= s->c.max_batch && pages >= 2 * writing && !capped(s);
    if (room && planned < writing) bad(s, "an answer stalls: %u of %u go on", planned, writing);
    (void)t;
}

static void check_step(struct sim *s, const struct tally *t) {
    if (t->items > s->c.max_batch) bad(s, "%u sequences", t->items);
    if (t->rows > s->c.step_rows) bad(s, "%u rows", t->rows);
    if (t->logits > s->c.max_logits) bad(s, "%u logits", t->logits);
    if (!s->exact) return;
    double alone = sm_cost(&s->time, 0, t->decode, t->attend - t->attend_prefill);
    double all = sm_cost(&s->time, t->prefill, t->decode, t->attend);
    if (t->urgent && t->prefill > s->c.min_chunk && all > alone * s->c.stall_percent / 100.0 * (1 + 1e-9))
        bad(s, "prompts hold answers up: %g s, alone %g s", all, alone);
}

static void check_power(struct sim *s, const struct tally *t, double joules) {
    struct sim_joules *j = s->joules;
    j->drawn_j += joules;
    if (!capped(s)) return;
    double bucket = bucket_j(s), need = s->exact ? fmin(joules, bucket) : 0;
    if (bucket <= 0) bad(s, "a step under a cap that allows none");
    if (j->level_j < need - 1e-9 * (1 + bucket)) bad(s, "over the cap: %g J, %g J needed", j->level_j, need);
    if (t->deferred && j->level_j < bucket / 2 - 1e-9 * (1 + bucket)) bad(s, "what can wait runs at %g J", j->level_j);
    j->level_j -= joules;
    j->largest_j = fmax(j->largest_j, joules);
}

/* What one request does in the step: its pages are taken, tokens are made, sometimes something fails. */
static void perform(struct sim *s, struct sim_request *q, const struct sched_decision *d, struct sched_result *r,
                    uint32_t *drafts) {
    *r = (struct sched_result){.id = q->id};
    q->fresh = 0;
    if (chance(s, 0.01)) {
        r->ended = chance(s, 0.3);
        return;
    }
    uint32_t n = d->n_tokens, in_page = s->c.page_tokens - 1 - q->session.n % s->c.page_tokens;
    if (d->kind == SCHED_DECODE) {
        uint32_t tried = d->n_draft < in_page ? d->n_draft : in_page;
        *drafts += tried;
        n = 1 + below(s, tried + 1);
        if (n > q->length - q->made) n = q->length - q->made;
        r->made = n;
    } else {
        r->made = d->last;
    }
    if (!sm_append(&s->engine, &q->session, n)) bad(s, "pages run out in a step");
    r->advanced = true;
    uint32_t fresh = r->made; /* and prompt that was never computed before */
    for (uint32_t i = q->session.n - n; i < q->session.n && i < q->n_prompt; i++) fresh += i >= q->high;
    if (q->session.n > q->high) q->high = q->session.n;
    q->made += r->made;
    q->fresh = fresh;
    r->ended = q->made == q->length && (q->length < q->max_new || chance(s, 0.9));
}

/* Counts what it got; nothing more is counted of one that was cancelled while the step ran. */
static void settle_up(struct sim *s, struct sim_request *q, bool ended) {
    if (!q->cancelled) {
        s->n_fresh += q->fresh;
        if (!q->late) s->served[q->tenant] += q->fresh;
    }
    q->rows = q->fresh = 0;
    if (ended) end(s, q);
}

static void step(struct sim *s, const struct sched_plan *p) {
    static struct sched_result results[SIM_REQUESTS];
    struct tally t = {0};
    uint32_t n = 0, pages = sm_available(&s->engine);
    for (uint32_t i = 0; i < p->n && !s->failure[0]; i++) {
        struct sim_request *q = request_of(s, &p->decisions[i]);
        if (!q) return;
        check_item(s, q, &p->decisions[i], &t);
        q->rows = p->decisions[i].n_tokens;
    }
    check_running(s, &t, pages);
    check_step(s, &t);
    for (uint32_t i = 0; i < p->n && !s->failure[0]; i++)
        perform(s, request_of(s, &p->decisions[i]), &p->decisions[i], &results[n++], &t.drafts);
    double took = sm_cost(&s->time, t.prefill, t.decode + t.drafts, t.attend);
    double joules = sm_cost(&s->power, t.prefill, t.decode + t.drafts, t.attend);
    if (!s->exact) took *= 0.8 + 0.4 * (double)rng_f32(&s->rng);
    check_power(s, &t, joules);
    uint64_t took_ns = (uint64_t)(took * 1e9);
    struct sched_step done = {.results = results, .n = n, .n_drafted = t.drafts, .took_ns = took_ns};
    done.joules = s->exact && chance(s, 0.3) ? -1 : joules + s->c.idle_w * (double)took_ns * 1e-9;
    s->now += took_ns + below(s, 100000);
    if (!s->ebbing && chance(s, 0.01)) disturb(s);
    for (uint32_t i = 0; i < n; i++) {
        struct sim_request *q = &s->requests[p->decisions[i].user];
        if (q->alive && q->id == results[i].id) settle_up(s, q, results[i].ended);
    }
    sched_report(s->sched, seen(s), &done);
}

/* ---- what must hold at any time ---- */

double sched_sim_lead_bound(const struct sched_config *c) {
    return c->slice + 2.0 * c->quantum + c->n_ctx + c->n_ctx * (1 + ceil((double)c->max_batch / c->min_chunk)) +
           4.0 * c->step_rows;
}

/* Whose requests wait though their tenant may have more sessions. */
static void note_backlog(struct sim *s) {
    memset(s->backlog, 0, sizeof s->backlog);
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) {
        struct sim_request *q = &s->requests[i];
        q->late = q->alive && deferred(s, q);
        if (q->alive && !q->session.open && !q->late) s->backlog[q->tenant] = true;
    }
    for (uint32_t t = 0; t < SIM_TENANTS; t++) s->backlog[t] = s->backlog[t] && !limited(s, t);
}

static void check_leads(struct sim *s) {
    double bound = sched_sim_lead_bound(&s->c);
    for (uint32_t i = 0; i < SIM_TENANTS; i++)
        for (uint32_t j = 0; j < SIM_TENANTS; j++) {
            struct sim_lead *l = &s->leads[i][j];
            double lead = s->served[j] / s->terms[j].weight - s->served[i] / s->terms[i].weight;
            if (!s->backlog[i] || i == j) {
                l->least = lead;
                continue;
            }
            if (lead < l->least) l->least = lead;
            double part = (lead - l->least) / bound;
            if (part > s->worst_lead) s->worst_lead = part;
            if (part > 1) bad(s, "tenant %u is %g tokens ahead of %u, which waits", j, lead - l->least, i);
        }
}

static void check_world(struct sim *s) {
    static const struct sm_session *open[SIM_REQUESTS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) {
        const struct sim_request *q = &s->requests[i];
        if (q->session.open) open[n++] = &q->session;
        if (q->alive && (q->cancelled || q->deadline <= s->own)) bad(s, "request %u should have ended", i);
        if (q->alive && s->draining && s->drain_at <= s->own) bad(s, "request %u outlives the drain", i);
    }
    if (n != s->n_open || !sm_consistent(&s->engine, open, n)) bad(s, "pages are not in order");
    struct sched_stats st;
    sched_get_stats(s->sched, &st);
    if (st.n_running != s->n_open || st.n_waiting != s->n_alive - s->n_open) bad(s, "the counts are wrong");
    if (st.prefilled + st.decoded != s->n_fresh) bad(s, "the tokens are miscounted");
    if (st.n_accepted != s->accepted || st.n_ended != s->ended) bad(s, "accepted and ended do not add up");
}

static void wait_for(struct sim *s, uint64_t wait) {
    bool allowed = !capped(s) || bucket_j(s) > 0;
    s->wait_ns = wait;
    if (wait == SCHED_FOREVER && s->n_alive && allowed) bad(s, "stuck with %u requests", s->n_alive);
    if (s->n_alive && !capped(s) && wait) {
        for (uint32_t i = 0; i < SIM_REQUESTS; i++)
            if (s->requests[i].alive) bad(s, "waits %llu ns though request %u is there", (unsigned long long)wait, i);
    }
    s->idle_steps++;
    if (s->joules->shared) return;
    s->now += wait < 1000000000 ? wait : chance(s, 0.5) ? 1000000000 : 1000000;
}

bool sched_sim_is_urgent(const struct sim *s) {
    bool any = false;
    for (uint32_t i = 0; i < SIM_REQUESTS; i++) any |= s->requests[i].alive && !deferred(s, &s->requests[i]);
    return any;
}

void sched_sim_turn(struct sim *s) {
    bool busy = !s->ebbing;
    for (uint32_t t = 0; busy && t < SIM_TENANTS; t++)
        for (double p = s->busy[t]; p > 0; p -= 1)
            if (chance(s, p)) submit(s, t);
    if (busy) disturb(s);
    if (busy && !s->draining && chance(s, 0.3 / s->n_steps)) drain(s);
    struct sched_plan p;
    plan(s, &p);
    if (s->failure[0]) return;
    note_backlog(s);
    check_world(s);
    s->stepped = p.n > 0;
    if (p.n) step(s, &p);
    else wait_for(s, p.wait_ns);
    check_leads(s);
    s->step++;
}

bool sched_sim_open(struct sim *s, uint64_t seed, uint32_t n_steps, struct sim_joules *joules) {
    struct sil_error e;
    *s = (struct sim){.rng = {.seed = seed}, .n_steps = n_steps};
    make_config(s);
    s->joules = joules;
    if (joules) {
        s->c.idle_w = joules->idle_w;
        s->c.max_gap_ns = joules->max_gap_ns;
        s->c.power_window_ns = joules->window_ns;
        s->c.power_stall_ns = joules->window_ns / between(s, 2, 10);
        s->now = joules->last_now;
    } else {
        s->joules = &s->own_joules;
        s->own_joules = (struct sim_joules){.cap_w = -1, .idle_w = s->c.idle_w, .window_ns = s->c.power_window_ns};
        s->now = below(s, 2) ? 0 : rng_below(&s->rng, 1ull << 50);
    }
    if (sched_open(mem_libc(), &s->c, &s->sched, &e) != SIL_OK) {
        bad(s, "%s", e.text);
        return false;
    }
    sm_open(&s->engine, s->c.n_pages, s->c.page_tokens);
    make_tenants(s);
    return true;
}

void sched_sim_ebb(struct sim *s) {
    s->ebbing = true;
}

bool sched_sim_close(struct sim *s, bool left) {
    if (s->n_alive && !left) {
        struct sched_stats st;
        sched_get_stats(s->sched, &st);
        bad(s, "%u requests do not end: %llu steps, %llu tokens, %llu again, %llu preempted", s->n_alive,
            (unsigned long long)st.n_steps, (unsigned long long)(st.prefilled + st.decoded),
            (unsigned long long)st.recomputed, (unsigned long long)st.n_preempted);
    }
    for (uint32_t i = 0; left && i < SIM_REQUESTS; i++)
        if (s->requests[i].alive) end(s, &s->requests[i]);
    if (sm_available(&s->engine) != s->c.n_pages) bad(s, "pages are lost");
    sched_close(s->sched);
    s->sched = NULL;
    return !s->failure[0];
}

bool sched_sim_run(struct sim *s, uint64_t seed, uint32_t n_steps) {
    if (!sched_sim_open(s, seed, n_steps, NULL)) return false;
    while (s->step < n_steps && !s->failure[0]) sched_sim_turn(s);
    uint64_t left = 1000;
    for (uint32_t i = 0; i < SIM_REQUESTS; i++)
        if (s->requests[i].alive) left += 4 * (uint64_t)(s->requests[i].n_prompt + s->requests[i].max_new);
    set_cap(s, -1);
    sched_sim_ebb(s);
    for (; s->n_alive && left && !s->failure[0]; left--) sched_sim_turn(s);
    return sched_sim_close(s, false);
}
