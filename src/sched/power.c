/* Power: a bucket of joules (budget.c). It fills with cap less idle power, up to what power_window_ns brings; a step
 * runs when what it will take is there (or the bucket is full: a step that is larger than the bucket), and what it took
 * is taken out, even into debt. So over any time T the steps take at most (cap - idle) * (T + window), and beyond that
 * no more than one step's misjudgement, or one step where a single smallest one is larger than the bucket. */
#include <math.h>

#include "sched/sched_impl.h"

static double seconds(uint64_t ns) {
    return (double)ns * 1e-9;
}

bool power_capped(const struct sched *s) {
    return s->budget->cap_w >= 0;
}

void power_accrue(struct sched *s, uint64_t now_ns, uint64_t ns) {
    if (s->budget == &s->own) budget_accrue(s->budget, ns);
    else budget_advance(s->budget, now_ns);
}

void power_spend(struct sched *s, const struct work *w, uint64_t took_ns, double joules) {
    const struct sched_budget *b = s->budget;
    if (!s->has_power) return;
    double guess = cost_of(&s->power_cost, w), active = guess;
    if (joules >= 0 && isfinite(joules)) {
        active = joules - b->idle_w * seconds(took_ns);
        if (active < 0) active = 0;
        cost_learn(&s->power_cost, w, active);
        s->stats.joules += joules;
    } else {
        s->stats.joules += guess + b->idle_w * seconds(took_ns);
    }
    budget_draw(s, active);
}

/* Its part of the power, where others work too. */
double power_rate_w(const struct sched *s) {
    return budget_rate_w(s->budget) / budget_working(s->budget);
}

double power_step_budget(const struct sched *s) {
    return power_capped(s) ? power_rate_w(s) * seconds(s->c.power_stall_ns) : INFINITY;
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
    double ns = missing / budget_rate_w(s->budget) * 1e9;
    return ns < 1e18 ? (uint64_t)ns + 1 : SCHED_FOREVER;
}

static uint64_t wait_beside(const struct sched *s, double joules, bool last) {
    if (!power_capped(s)) return 0;
    double most = budget_bucket_j(s->budget);
    if (most <= 0) return SCHED_FOREVER;
    return wait_for(s, (joules < most ? joules : most) + budget_kept(s, last) - s->budget->credit_j);
}

uint64_t power_wait(const struct sched *s, double joules) {
    return wait_beside(s, joules, false);
}

uint64_t power_wait_deferrable(const struct sched *s, double joules) {
    return wait_beside(s, power_capped(s) ? joules + budget_bucket_j(s->budget) / 2 : joules, true);
}
