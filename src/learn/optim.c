#include "learn/optim.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "num/elementary.h"

/* Part of one tensor. */
struct optim_block {
    size_t at;
    uint32_t n;
    bool decays;
};

sil_err optim_open(struct mem mem, const struct params *p, struct optim *out, struct sil_error *e) {
    struct optim o = {.mem = mem, .p = p};
    size_t blocks = 0, all = p->size;
    for (uint32_t i = 0; i < p->n; i++) blocks += (param_size(&p->list[i]) + OPTIM_BLOCK - 1) / OPTIM_BLOCK;
    o.w = mem_array(mem, all, sizeof(float));
    o.g = mem_array(mem, all, sizeof(float));
    o.m = mem_array(mem, all, sizeof(float));
    o.v = mem_array(mem, all, sizeof(float));
    o.sums = mem_array(mem, blocks, sizeof *o.sums);
    o.blocks = mem_array(mem, blocks, sizeof *o.blocks);
    if (!o.w || !o.g || !o.m || !o.v || !o.sums || !o.blocks || blocks > UINT32_MAX) {
        optim_close(&o);
        return err_nomem(e, "parameters and their moments", all * 16);
    }
    for (uint32_t i = 0; i < p->n; i++) {
        size_t n = param_size(&p->list[i]);
        for (size_t k = 0; k < n; k += OPTIM_BLOCK)
            o.blocks[o.n_blocks++] = (struct optim_block){
                p->list[i].at + k, (uint32_t)(n - k < OPTIM_BLOCK ? n - k : OPTIM_BLOCK), p->list[i].decays};
    }
    *out = o;
    return SIL_OK;
}

void optim_close(struct optim *o) {
    mem_free(o->mem, o->w);
    mem_free(o->mem, o->g);
    mem_free(o->mem, o->m);
    mem_free(o->mem, o->v);
    mem_free(o->mem, o->sums);
    mem_free(o->mem, o->blocks);
    *o = (struct optim){0};
}

double optim_rate(const struct recipe *r, uint64_t step) {
    if (step < r->warmup) return r->lr * (double)(step + 1) / (double)r->warmup;
    double sine, cosine, span = (double)(r->steps - r->warmup);
    double x = span > 1 ? (double)(step - r->warmup) / (span - 1) : 0;
    num_sincos(0x1.921fb54442d18p+1 * x, &sine, &cosine);
    return r->min_lr + 0.5 * (r->lr - r->min_lr) * (1 + cosine);
}

struct job {
    const struct optim *o;
    const struct learn_kernels *k;
    struct learn_adam plain, decaying;
};

static void norm_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    const struct optim_block *b = &j->o->blocks[task];
    (void)worker;
    j->o->sums[task] = (double)j->k->square_sum(j->o->g + b->at, b->n);
}

double optim_norm(const struct optim *o, struct gemm_env *env) {
    struct job j = {.o = o, .k = &env->k};
    double sum = 0;
    pool_run(env->pool, o->n_blocks, norm_task, &j);
    for (uint32_t i = 0; i < o->n_blocks; i++) sum += o->sums[i];
    return sqrt(sum);
}

static void step_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    const struct optim *o = j->o;
    const struct optim_block *b = &o->blocks[task];
    (void)worker;
    j->k->adamw(b->decays ? &j->decaying : &j->plain, o->g + b->at, o->w + b->at, o->m + b->at, o->v + b->at, b->n);
    memset(o->g + b->at, 0, b->n * sizeof(float));
}

/* 1 / (1 - beta^t), by our own functions so that it is the same everywhere. */
static float bias_fix(double beta, uint64_t t) {
    return (float)(1 / (1 - (beta > 0 ? num_exp((double)t * num_log(beta)) : 0)));
}

void optim_step(struct optim *o, struct gemm_env *env, const struct recipe *r, uint64_t step, double norm,
                double weight) {
    struct job j = {.o = o, .k = &env->k};
    j.plain = (struct learn_adam){.lr = (float)optim_rate(r, step),
                                  .beta1 = (float)r->beta1,
                                  .beta2 = (float)r->beta2,
                                  .rest1 = (float)(1 - r->beta1),
                                  .rest2 = (float)(1 - r->beta2),
                                  .fix1 = bias_fix(r->beta1, step + 1),
                                  .fix2 = bias_fix(r->beta2, step + 1),
                                  .eps = (float)r->eps,
                                  .clip = (float)((norm > r->clip ? r->clip / norm : 1) / weight)};
    j.decaying = j.plain;
    j.decaying.decay = (float)r->decay;
    pool_run(env->pool, o->n_blocks, step_task, &j);
}
