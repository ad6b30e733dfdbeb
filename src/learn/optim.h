/* optim: what is done with the gradients of a step: their norm, clipping, AdamW, the schedule of the learning rate. */
#ifndef SIL_LEARN_OPTIM_H
#define SIL_LEARN_OPTIM_H

#include "learn/gemm.h"
#include "learn/recipe.h"

enum { OPTIM_BLOCK = 4096 /* parameters whose squares are one f32 sum */ };

/* The state of a run that a step changes. Arrays have the layout of params. */
struct optim {
    struct mem mem;
    const struct params *p;
    float *w, *g, *m, *v;
    double *sums; /* one for each block */
    struct optim_block *blocks;
    uint32_t n_blocks;
};

sil_err optim_open(struct mem mem, const struct params *p, struct optim *out, struct sil_error *e);
void optim_close(struct optim *o);

/* Learning rate of step 0, 1, ...: linear warm-up, then half a cosine down to min_lr at the last step. */
double optim_rate(const struct recipe *r, uint64_t step);

/* Root of the sum of squares of all gradients: blocks by rule 4, added in binary64 ascending. */
double optim_norm(const struct optim *o, struct gemm_env *env);

/* Step number `step` (from 0), with gradients that are sums over `weight` tokens and have (divided by it) this norm.
 * Sets gradients to +0. */
void optim_step(struct optim *o, struct gemm_env *env, const struct recipe *r, uint64_t step, double norm,
                double weight);

#endif
