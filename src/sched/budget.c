/* budget: joules that one scheduler draws from, or several that share a machine and its power cap. What goes for one
 * goes for all together, since there is one bucket: README.md.
 *
 * Among several, who has drawn least goes first: what its next step waits for is left there by the others, so that
 * small steps of one model do not eat up the joules before the large ones of another ever have enough (start-time fair
 * queueing: Goyal, Vin and Cheng 1996). Who begins to work begins where the others are, and nobody is owed more than
 * one full bucket. */
#include <math.h>

#include "base/err.h"
#include "sched/sched_impl.h"

/* ---- the bucket ---- */

double budget_rate_w(const struct sched_budget *b) {
    double rate = b->cap_w - b->idle_w;
    return rate > 0 ? rate : 0;
}

double budget_bucket_j(const struct sched_budget *b) {
    return budget_rate_w(b) * (double)b->window_ns * 1e-9;
}

void budget_accrue(struct sched_budget *b, uint64_t ns) {
    if (b->cap_w < 0) return;
    b->credit_j += budget_rate_w(b) * (double)ns * 1e-9;
    double most = budget_bucket_j(b);
    if (b->credit_j > most) b->credit_j = most;
}

/* A scheduler may be told a time a little before what another was told already: that brings nothing, and does not bring
 * the time in between twice. A clock that was really set back counts on from there. */
void budget_advance(struct sched_budget *b, uint64_t now_ns) {
    uint64_t gap = 0;
    if (b->has_now && now_ns < b->last_now && b->last_now - now_ns <= b->max_gap_ns) return;
    if (b->has_now && now_ns > b->last_now) gap = now_ns - b->last_now;
    b->has_now = true;
    b->last_now = now_ns;
    budget_accrue(b, gap < b->max_gap_ns ? gap : b->max_gap_ns);
}

/* ---- who draws ---- */

uint32_t budget_working(const struct sched_budget *b) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_max; i++) n += b->drawers[i].of && b->drawers[i].of->n_live > 0;
    return n ? n : 1;
}

static bool goes_before(const struct sched_budget *b, uint32_t i, uint32_t other) {
    double a = b->drawers[i].drawn_j, c = b->drawers[other].drawn_j;
    return a < c || (a == c && i < other);
}

double budget_kept(const struct sched *s, bool all) {
    const struct sched_budget *b = s->budget;
    double kept = 0;
    for (uint32_t i = 0; i < b->n_max; i++) {
        const struct drawer *d = &b->drawers[i];
        if (i == s->drawer || !d->of || d->of->n_live == 0) continue;
        if (all || goes_before(b, i, s->drawer)) kept += d->need_j;
    }
    return kept;
}

void budget_begin(struct sched *s) {
    struct drawer *d = &s->budget->drawers[s->drawer];
    if (d->drawn_j < s->budget->front_j) d->drawn_j = s->budget->front_j;
}

void budget_need(struct sched *s, double joules) {
    double most = budget_bucket_j(s->budget);
    s->budget->drawers[s->drawer].need_j = joules < most ? joules : most;
}

void budget_draw(struct sched *s, double joules) {
    struct sched_budget *b = s->budget;
    struct drawer *d = &b->drawers[s->drawer];
    if (b->cap_w < 0) return;
    b->credit_j -= joules;
    if (d->drawn_j > b->front_j) b->front_j = d->drawn_j;
    d->drawn_j += joules;
    double least = d->drawn_j - budget_bucket_j(b);
    for (uint32_t i = 0; i < b->n_max; i++)
        if (b->drawers[i].drawn_j < least) b->drawers[i].drawn_j = least;
}

/* ---- several schedulers ---- */

sil_err sched_budget_open(struct mem mem, const struct sched_budget_config *c, struct sched_budget **out,
                          struct sil_error *e) {
    const uint64_t hour = 3600u * 1000000000ull;
    uint64_t window = c->window_ns ? c->window_ns : POWER_WINDOW_NS, gap = c->max_gap_ns ? c->max_gap_ns : MAX_GAP_NS;
    if (c->max_schedulers == 0 || c->max_schedulers > SCHED_SHARING_MAX || window < 1000000 || window > hour ||
        gap < 1000000 || !isfinite(c->idle_w) || c->idle_w < 0)
        return err_set(e, SIL_ARG, "a power budget's number is out of range");
    struct sched_budget *b = mem_array(mem, 1, sizeof *b);
    struct drawer *drawers = b ? mem_array(mem, c->max_schedulers, sizeof *drawers) : NULL;
    if (!drawers) {
        mem_free(mem, b);
        return err_nomem(e, "a power budget", c->max_schedulers * sizeof *drawers);
    }
    *b = (struct sched_budget){.mem = mem,
                               .window_ns = window,
                               .max_gap_ns = gap,
                               .cap_w = -1,
                               .idle_w = c->idle_w,
                               .n_max = c->max_schedulers,
                               .drawers = drawers};
    *out = b;
    return SIL_OK;
}

void sched_budget_close(struct sched_budget *b) {
    if (!b) return;
    mem_free(b->mem, b->drawers);
    mem_free(b->mem, b);
}

static void set_cap(struct sched_budget *b, double watts) {
    bool had = b->cap_w >= 0;
    b->cap_w = watts < 0 ? -1 : watts;
    if (!had) b->credit_j = 0; /* nothing was saved up before */
    budget_accrue(b, 0);
    double most = budget_bucket_j(b);
    for (uint32_t i = 0; i < b->n_max; i++)
        if (b->drawers[i].need_j > most) b->drawers[i].need_j = most;
}

sil_err sched_budget_set_cap(struct sched_budget *b, uint64_t now_ns, double watts) {
    if (!isfinite(watts)) return SIL_ARG;
    for (uint32_t i = 0; i < b->n_max && watts >= 0; i++)
        if (b->drawers[i].of && !b->drawers[i].of->has_power) return SIL_UNSUPPORTED;
    budget_advance(b, now_ns);
    set_cap(b, watts);
    return SIL_OK;
}

void sched_budget_get(const struct sched_budget *b, double *cap_w, double *idle_w, double *credit_j) {
    *cap_w = b->cap_w;
    *idle_w = b->idle_w;
    *credit_j = b->credit_j;
}

sil_err sched_join(struct sched *s, struct sched_budget *b) {
    uint32_t at = 0;
    if (s->budget != &s->own) return SIL_ARG;
    if (b->cap_w >= 0 && !s->has_power) return SIL_UNSUPPORTED;
    while (at < b->n_max && b->drawers[at].of) at++;
    if (at == b->n_max) return SIL_LIMIT;
    b->drawers[at] = (struct drawer){.of = s, .drawn_j = b->front_j};
    s->budget = b;
    s->drawer = at;
    return SIL_OK;
}

void sched_leave(struct sched *s) {
    if (s->budget == &s->own) return;
    s->budget->drawers[s->drawer].of = NULL; /* what it drew stays drawn */
    s->budget = &s->own;
    s->drawer = 0;
}

sil_err sched_set_cap(struct sched *s, uint64_t now_ns, double watts) {
    if (!isfinite(watts)) return SIL_ARG;
    if (!s->has_power && watts >= 0) return SIL_UNSUPPORTED;
    time_advance(s, now_ns);
    set_cap(s->budget, watts);
    return SIL_OK;
}

void sched_idle_power(struct sched *s, double watts) {
    if (!(watts >= 0) || !isfinite(watts)) return;
    const double rate = 0.2;
    s->budget->idle_w += rate * (watts - s->budget->idle_w);
}
