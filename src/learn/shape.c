#include "learn/shape.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "num/num.h"

enum { LAYER_TENSORS = 9, OTHER_TENSORS = 3, ALIGN = 16, INIT_STREAM = 1 << 16 };

sil_err learn_shape_check(const struct learn_shape *s, struct sil_error *e) {
    const struct {
        const char *name;
        uint32_t value, max;
    } size[] = {{"layers", s->layers, LEARN_LAYERS_MAX},
                {"width", s->width, LEARN_WIDTH_MAX},
                {"heads", s->heads, LEARN_WIDTH_MAX},
                {"kv_heads", s->kv_heads, LEARN_WIDTH_MAX},
                {"head_dim", s->head_dim, NUM_HEAD_DIM_MAX},
                {"ffn", s->ffn, LEARN_FFN_MAX},
                {"the tokenizer's size", s->vocab, LEARN_VOCAB_MAX},
                {"context", s->ctx, LEARN_CTX_MAX}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        if (size[i].value < 1 || size[i].value > size[i].max)
            return err_set(e, SIL_ARG, "model: %s is %u; 1 to %u are possible", size[i].name, size[i].value,
                           size[i].max);
    if (s->heads % s->kv_heads != 0)
        return err_set(e, SIL_ARG, "model: %u heads cannot share %u kv_heads evenly", s->heads, s->kv_heads);
    if (s->head_dim % 2 != 0) return err_set(e, SIL_ARG, "model: head_dim is %u; it must be even", s->head_dim);
    if ((uint64_t)s->heads * s->head_dim > LEARN_WIDTH_MAX)
        return err_set(e, SIL_ARG, "model: heads times head_dim pass the limit of %d", LEARN_WIDTH_MAX);
    if (s->vocab < 2 || s->ctx < 2) return err_set(e, SIL_ARG, "model: a context and a vocabulary of 2 are the least");
    return SIL_OK;
}

__attribute__((format(printf, 6, 7))) static uint32_t put(struct params *p, uint32_t rows, uint32_t cols, bool decays,
                                                          float init, const char *fmt, ...) {
    struct param *t = &p->list[p->n];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(t->name, sizeof t->name, fmt, ap);
    va_end(ap);
    assert(len > 0 && len < LEARN_NAME);
    t->rows = rows;
    t->cols = cols;
    t->decays = decays;
    t->init = init;
    t->at = p->size;
    p->size += (param_size(t) + ALIGN - 1) / ALIGN * ALIGN;
    p->count += param_size(t);
    return p->n++;
}

static void put_layer(struct params *p, uint32_t i, float std, float out_std) {
    const struct learn_shape *s = &p->shape;
    struct layer_params *l = &p->layers[i];
    l->attn_norm = put(p, 1, s->width, false, 1.0f, "blk.%u.attn_norm", i);
    l->qkv = put(p, shape_qkv(s), s->width, true, std, "blk.%u.attn_qkv", i);
    l->qkv_bias = l->q_norm = l->k_norm = PARAM_NONE;
    if (s->bias) l->qkv_bias = put(p, 1, shape_qkv(s), false, 0.0f, "blk.%u.attn_qkv.bias", i);
    if (s->family == LEARN_QWEN3) {
        l->q_norm = put(p, 1, s->head_dim, false, 1.0f, "blk.%u.attn_q_norm", i);
        l->k_norm = put(p, 1, s->head_dim, false, 1.0f, "blk.%u.attn_k_norm", i);
    }
    l->o = put(p, s->width, s->heads * s->head_dim, true, out_std, "blk.%u.attn_output", i);
    l->ffn_norm = put(p, 1, s->width, false, 1.0f, "blk.%u.ffn_norm", i);
    l->gate_up = put(p, 2 * s->ffn, s->width, true, std, "blk.%u.ffn_gate_up", i);
    l->down = put(p, s->width, s->ffn, true, out_std, "blk.%u.ffn_down", i);
}

sil_err params_open(struct mem mem, const struct learn_shape *s, float init_std, struct params *out,
                    struct sil_error *e) {
    SIL_TRY(learn_shape_check(s, e));
    size_t n = (size_t)s->layers * LAYER_TENSORS + OTHER_TENSORS;
    struct params p = {.mem = mem, .shape = *s};
    p.list = mem_array(mem, n, sizeof *p.list);
    p.layers = mem_array(mem, s->layers, sizeof *p.layers);
    if (!p.list || !p.layers) {
        params_close(&p);
        return err_nomem(e, "the list of tensors", n * sizeof *p.list);
    }
    p.embed = put(&p, s->vocab, s->width, true, init_std, "token_embd");
    /* Residual branches begin small, so that the sum of all layers keeps its size (as in GPT-2). */
    float out_std = init_std / sqrtf(2.0f * (float)s->layers);
    for (uint32_t i = 0; i < s->layers; i++) put_layer(&p, i, init_std, out_std);
    p.out_norm = put(&p, 1, s->width, false, 1.0f, "output_norm");
    p.output = s->tied ? p.embed : put(&p, s->vocab, s->width, true, init_std, "output");
    *out = p;
    return SIL_OK;
}

void params_close(struct params *p) {
    mem_free(p->mem, p->list);
    mem_free(p->mem, p->layers);
    *p = (struct params){0};
}

void params_init(const struct params *p, uint64_t seed, float *w) {
    memset(w, 0, p->size * sizeof *w);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct param *t = &p->list[i];
        struct rng r = {.seed = seed, .stream = INIT_STREAM + i};
        for (size_t k = 0; k < param_size(t); k++) w[t->at + k] = t->rows == 1 ? t->init : rng_normal(&r) * t->init;
    }
}
