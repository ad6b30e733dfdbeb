/* Estimates of waiting, for Retry-After and for people: from the learnt times, never binding. */
#include <math.h>

#include "sched/sched_impl.h"

/* Seconds that a token takes when the batch is full, with the pace that a cap allows. */
struct pace {
    double prefill, decode, step;
};

static struct pace pace_of(const struct sched *s) {
    struct sched_cost t = cost_now(&s->time_cost), e = cost_now(&s->power_cost);
    uint32_t batch = power_batch(s);
    double step = t.step + t.decode * batch, prefill = t.prefill;
    if (power_capped(s)) {
        double watts = power_rate_w(s);
        if (!(watts > 0)) return (struct pace){INFINITY, INFINITY, INFINITY};
        step = fmax(step, (e.step + e.decode * batch) / watts);
        prefill = fmax(prefill, e.prefill / watts);
    }
    return (struct pace){prefill, step / batch, step};
}

/* The mean time in which one of those that hold a session ends. */
static double turnover_s(const struct sched *s, const struct pace *p) {
    double sum = 0;
    if (!s->n_held) return p->step;
    for (uint32_t i = 0; i < s->n_held; i++) {
        const struct request *r = &s->requests[s->held[i]];
        sum += (known(r) - r->held) * p->prefill + (r->max_new - r->made) * s->answer_part * p->step;
    }
    return sum / s->n_held / s->n_held;
}

static uint64_t to_ns(double seconds) {
    const double least = 1e-3, most = 3600;
    return (uint64_t)(fmin(fmax(seconds, least), most) * 1e9);
}

static double work_s(const struct sched *s, const struct flow *f, const struct pace *p) {
    return (double)f->prompt * p->prefill + (double)f->answer * s->answer_part * p->decode;
}

uint64_t estimate_wait(const struct sched *s, const struct flow *f) {
    if (!s->n_waiting && s->n_held < power_batch(s)) return 0;
    struct pace p = pace_of(s);
    double weight = weight_of(s, f), own = work_s(s, f, &p);
    double others = (double)(s->weights - (s->tenants[f->tenant].n_live ? (uint64_t)weight : 0));
    return to_ns(own * (weight + others) / weight + turnover_s(s, &p));
}

uint64_t estimate_place(const struct sched *s) {
    struct pace p = pace_of(s);
    return to_ns(turnover_s(s, &p));
}
