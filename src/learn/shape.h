/* shape: the model that is trained, and where its parameters lie: one array of floats for weights, and one each of the
 * same layout for gradients and the optimiser's two moments. */
#ifndef SIL_LEARN_SHAPE_H
#define SIL_LEARN_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "sillok.h"

enum {
    LEARN_LAYERS_MAX = 256,
    LEARN_WIDTH_MAX = 16384,
    LEARN_FFN_MAX = 65536,
    LEARN_VOCAB_MAX = 1 << 20,
    LEARN_CTX_MAX = 8192,
    LEARN_NAME = 48
};

enum learn_family { LEARN_LLAMA, LEARN_QWEN3 };

struct learn_shape {
    enum learn_family family; /* llama: rotation of adjacent pairs; qwen3: of halves, and QK-norm */
    uint32_t layers, width, heads, kv_heads, head_dim, ffn, vocab, ctx;
    float eps;
    double rope_base;
    bool tied, bias; /* output matrix is the embedding; biases of q, k, v */
};

/* SIL_ARG for sizes that do not go together, naming them as the recipe does. */
sil_err learn_shape_check(const struct learn_shape *s, struct sil_error *e);

/* One tensor: rows of cols; vectors have rows == 1. q, k and v are one matrix (rows of q, then k, then v), gate and up
 * too. */
struct param {
    char name[LEARN_NAME]; /* "blk.3.attn_qkv" */
    size_t at;             /* in the arrays, a multiple of 16 */
    uint32_t rows, cols;
    bool decays; /* matrices; not norms and biases */
    float init;  /* standard deviation of matrices; the value of vectors */
};

static inline size_t param_size(const struct param *p) {
    return (size_t)p->rows * p->cols;
}

/* Indices of a layer's tensors; NONE for one that the family lacks. */
#define PARAM_NONE UINT32_MAX
struct layer_params {
    uint32_t attn_norm, qkv, qkv_bias, q_norm, k_norm, o, ffn_norm, gate_up, down;
};

struct params {
    struct mem mem;
    struct learn_shape shape;
    struct param *list; /* in the order of initial values, norms and files */
    uint32_t n;
    uint32_t embed, out_norm, output; /* output == embed when tied */
    struct layer_params *layers;
    size_t size;  /* floats of an array, gaps included (they stay +0) */
    size_t count; /* parameters */
};

sil_err params_open(struct mem mem, const struct learn_shape *s, float init_std, struct params *out,
                    struct sil_error *e);
void params_close(struct params *p);

/* Rows of q, k and v together. */
static inline uint32_t shape_qkv(const struct learn_shape *s) {
    return (s->heads + 2 * s->kv_heads) * s->head_dim;
}

/* Initial weights: a function of seed, index and position alone. */
void params_init(const struct params *p, uint64_t seed, float *w);

#endif
