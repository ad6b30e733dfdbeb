/* cost: what a step costs, in seconds or joules, as a sum over its parts with factors learnt from measurements. */
#ifndef SIL_SCHED_COST_H
#define SIL_SCHED_COST_H

#include "sched/sched.h"

/* What a step does. */
struct work {
    double steps, prefill, decode, attend; /* 1; rows of prompt; rows of answers; 1,024 positions attended to */
};

enum { COST_PARTS = 4 };

/* unit: the values learning starts from. gain: the factor on each, learnt. */
struct cost {
    double unit[COST_PARTS], gain[COST_PARTS];
};

/* The values must be finite and not negative. */
void cost_open(struct cost *c, const struct sched_cost *start);
double cost_of(const struct cost *c, const struct work *w);
/* One measurement of such a step: the factors move along it by a part of the error (normalised least mean squares:
 * Widrow and Hoff 1960, normalised as by Nagumo and Noda 1967). A measurement further off than eight times counts as
 * eight times: one stall of the machine must not spoil what was learnt. */
void cost_learn(struct cost *c, const struct work *w, double measured);
struct sched_cost cost_now(const struct cost *c);

#endif
