#include "sched/cost.h"

static const double rate = 0.1, gain_least = 1.0 / 64, gain_most = 64, outlier = 8;

void cost_open(struct cost *c, const struct sched_cost *start) {
    *c = (struct cost){.unit = {start->step, start->prefill, start->decode, start->attend}, .gain = {1, 1, 1, 1}};
}

static void parts(const struct cost *c, const struct work *w, double x[COST_PARTS]) {
    const double work[COST_PARTS] = {w->steps, w->prefill, w->decode, w->attend};
    for (int i = 0; i < COST_PARTS; i++) x[i] = work[i] * c->unit[i];
}

double cost_of(const struct cost *c, const struct work *w) {
    double x[COST_PARTS], sum = 0;
    parts(c, w, x);
    for (int i = 0; i < COST_PARTS; i++) sum += x[i] * c->gain[i];
    return sum;
}

void cost_learn(struct cost *c, const struct work *w, double measured) {
    double x[COST_PARTS], norm = 0, guess = cost_of(c, w);
    if (!(measured > 0) || !(guess > 0)) return;
    if (measured > guess * outlier) measured = guess * outlier;
    if (measured < guess / outlier) measured = guess / outlier;
    parts(c, w, x);
    for (int i = 0; i < COST_PARTS; i++) norm += x[i] * x[i];
    if (!(norm > 0)) return;
    for (int i = 0; i < COST_PARTS; i++) {
        double g = c->gain[i] + rate * (measured - guess) * x[i] / norm;
        if (g < gain_least) g = gain_least;
        c->gain[i] = g > gain_most ? gain_most : g;
    }
}

struct sched_cost cost_now(const struct cost *c) {
    return (struct sched_cost){.step = c->unit[0] * c->gain[0],
                               .prefill = c->unit[1] * c->gain[1],
                               .decode = c->unit[2] * c->gain[2],
                               .attend = c->unit[3] * c->gain[3]};
}
