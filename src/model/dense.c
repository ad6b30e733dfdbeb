#include "model/dense.h"

#include "base/err.h"
#include "model/tensors.h"

static sil_err open_layer(struct model *m, int i, bool qk_norm, struct model_layer *l, struct sil_error *e) {
    const struct model_shape *s = &m->shape;
    uint32_t q_width = s->n_heads * s->head_dim, kv_width = s->n_kv_heads * s->head_dim;
    char name[TENSOR_NAME];
    SIL_TRY(tensors_vector(m, tensors_name(name, i, "attn_norm.weight"), s->d_model, &l->attn_norm, e));
    SIL_TRY(tensors_vector(m, tensors_name(name, i, "ffn_norm.weight"), s->d_model, &l->ffn_norm, e));
    if (qk_norm) {
        SIL_TRY(tensors_vector(m, tensors_name(name, i, "attn_q_norm.weight"), s->head_dim, &l->q_norm, e));
        SIL_TRY(tensors_vector(m, tensors_name(name, i, "attn_k_norm.weight"), s->head_dim, &l->k_norm, e));
    }
    SIL_TRY(tensors_linear(m, i, "attn_q", q_width, s->d_model, &l->q, e));
    SIL_TRY(tensors_linear(m, i, "attn_k", kv_width, s->d_model, &l->k, e));
    SIL_TRY(tensors_linear(m, i, "attn_v", kv_width, s->d_model, &l->v, e));
    SIL_TRY(tensors_linear(m, i, "attn_output", s->d_model, q_width, &l->o, e));
    SIL_TRY(tensors_linear(m, i, "ffn_gate", s->d_ffn, s->d_model, &l->gate, e));
    SIL_TRY(tensors_linear(m, i, "ffn_up", s->d_ffn, s->d_model, &l->up, e));
    return tensors_linear(m, i, "ffn_down", s->d_model, s->d_ffn, &l->down, e);
}

sil_err dense_open(struct model *m, bool qk_norm, struct sil_error *e) {
    m->layers = ARENA_ARRAY(&m->arena, m->shape.n_layers, struct model_layer);
    if (!m->layers) return err_nomem(e, "the model's layers", m->shape.n_layers * sizeof(struct model_layer));
    for (uint32_t i = 0; i < m->shape.n_layers; i++) SIL_TRY(open_layer(m, (int)i, qk_norm, &m->layers[i], e));
    return SIL_OK;
}
