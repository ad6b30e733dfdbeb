/* step: one pass of a batch of rows (tokens of any sequences, prefill and decode mixed) through a model. */
#ifndef SIL_MODEL_STEP_H
#define SIL_MODEL_STEP_H

#include "base/pool.h"
#include "model/model.h"

/* One token of one sequence. */
struct step_row {
    uint32_t token;        /* < n_vocab */
    uint32_t pos;          /* its absolute position; rows of one sequence are in ascending order */
    uint8_t *const *pages; /* the sequence's KV pages; pages[pos / NUM_KV_PAGE] is writable */
    size_t tag;            /* the caller's own */
    bool failed;           /* out: SIL_NONFINITE */
};

/* Rows to compute and the memory to do it in: made once for max_rows by step_open, then no pass allocates. */
struct model_step {
    const struct num_kernels *k;
    struct pool *pool;
    enum sil_kv kv; /* what the rows' pages hold */
    uint32_t max_rows, max_logits;
    uint32_t n_rows;
    struct step_row *rows; /* [max_rows]; the caller fills n_rows of them */
    uint32_t n_logits;     /* how many rows want logits */
    uint32_t *logit_rows;  /* [max_logits]: which, ascending */
    float *logits;         /* out: [n_logits][n_vocab] */

    /* Asked between layers unless NULL: true ends the pass there; logits and pages are then worth nothing. */
    bool (*stop)(void *ctx);
    void *stop_ctx;
    bool stopped; /* out */

    float *x, *xn;              /* [max_rows][d_model]: residual stream, normalised */
    float *q, *k_new, *v_new;   /* [max_rows][heads * head_dim] */
    float *att;                 /* as q */
    float *gate, *up;           /* [max_rows][d_ffn] */
    float *cosine, *sine;       /* [max_rows][n_rot / 2] */
    uint32_t n_groups, *groups; /* [max_rows]: first rows of what attends together */
    struct num_act act;         /* prepared rows, for the widest input */
    struct arena arena;         /* owns all of the above */
};

sil_err step_open(struct mem mem, const struct model *m, enum sil_kv kv, struct pool *pool, uint32_t max_rows,
                  uint32_t max_logits, struct model_step *s, struct sil_error *e);
void step_close(struct model_step *s);
/* What step_open takes, but for at most a mebibyte of rounding. */
uint64_t step_bytes(const struct model_shape *shape, uint32_t max_rows, uint32_t max_logits);

/* Runs the batch: stores each row's keys and values in its pages, and gives the logits that are asked for, unless
 * s->stopped afterwards. */
void step_run(const struct model *m, struct model_step *s);

/* For families, before each layer: whether the pass is to end. */
bool step_stopped(struct model_step *s);

#endif
