/* Power: a bucket of joules. It fills with cap less idle power, up to what power_window_ns brings; a step runs when
 * what it will take is there (or the bucket is full: a step that is larger than the bucket), and what it took is taken
 * out, even into debt. So over any time T the steps take at most (cap - idle) * (T + window), and beyond that no more
 * than one step's misjudgement, or one step where a single smallest one is larger than the bucket. */
#include <math.h>

#include "sched/sched_impl.h"

static double seconds(uint64_t ns) {
    return (double)ns * 1e-9;
}

bool power_capped(const struct sched *s) {
    return s->power.cap_w >= 0;
}

static double rate_w(const struct sched *s) {
    double rate = s->power.cap_w - s->power.idle_w;
    return rate > 0 ? rate : 0;
}

static double bucket_j(const struct sched *s) {
    return rate_w(s) * seconds(s->c.power_window_ns);
}

void power_accrue(struct sched *s, uint64_t ns) {
    if (!power_capped(s)) return;
    s->power.credit_j += rate_w(s) * seconds(ns);
    double most = bucket_j(s);
    if (s->power.credit_j > most) s->power.credit_j = most;
}

void power_spend(struct sched *s, const struct work *w, uint64_t took_ns, double joules) {
    struct power *p = &s->power;
    if (!p->model) return;
    double guess = cost_of(&s->power_cost, w), active = guess;
    if (joules >= 0 && isfinite(joules)) {
        active = joules - p->idle_w * seconds(took_ns);
        if (active < 0) active = 0;
        cost_learn(&s->power_cost, w, active);
        s->stats.joules += joules;
    } else {
        s->stats.joules += guess + p->idle_w * seconds(took_ns);
    }
    if (power_capped(s)) p->credit_j -= active;
}

double power_step_budget(const struct sched *s) {
    return power_capped(s) ? rate_w(s) * seconds(s->c.power_stall_ns) : INFINITY;
}

uint32_t power_batch(const struct sched *s) {
    if (!power_capped(s)) return s->c.max_batch;
    struct sched_cost c = cost_now(&s->power_cost);
    double left = power_step_budget(s) - c.step;
    if (c.decode <= 0 || left >= c.decode * s->c.max_batch) return s->c.max_batch;
    return left > c.decode ? (uint32_t)(left / c.decode) : 1;
}

static uint64_t wait_for(const struct sched *s, double missing) {
    if (missing <= 0) return 0;
    double ns = missing / rate_w(s) * 1e9;
    return ns < 1e18 ? (uint64_t)ns + 1 : SCHED_FOREVER;
}

uint64_t power_wait(const struct sched *s, double joules) {
    if (!power_capped(s)) return 0;
    double most = bucket_j(s);
    if (most <= 0) return SCHED_FOREVER;
    return wait_for(s, (joules < most ? joules : most) - s->power.credit_j);
}

uint64_t power_wait_deferrable(const struct sched *s, double joules) {
    return power_wait(s, power_capped(s) ? joules + bucket_j(s) / 2 : joules);
}

void sched_idle_power(struct sched *s, double watts) {
    if (!(watts >= 0) || !isfinite(watts)) return;
    const double rate = 0.2;
    s->power.idle_w += rate * (watts - s->power.idle_w);
}

sil_err sched_set_cap(struct sched *s, uint64_t now_ns, double watts) {
    if (!isfinite(watts)) return SIL_ARG;
    if (!s->power.model && watts >= 0) return SIL_UNSUPPORTED;
    time_advance(s, now_ns);
    bool had = power_capped(s);
    s->power.cap_w = watts < 0 ? -1 : watts;
    if (!had) s->power.credit_j = 0; /* nothing was saved up before */
    power_accrue(s, 0);
    return SIL_OK;
}
