/* qwen3: Qwen3, dense. As the Llama class, but each head of Q and K is normalised before the rotation (QK-norm), and
 * rotary pairs are the halves of a head (i, i + head_dim/2). */
#include "model/dense.h"
#include "model/families.h"
#include "model/parts.h"

static sil_err qwen3_open(struct model *m, struct sil_error *e) {
    return dense_open(m, true, e);
}

static void qwen3_forward(const struct model *m, struct model_step *s) {
    parts_embed(m, s);
    for (uint32_t i = 0; i < m->shape.n_layers && !step_stopped(s); i++) {
        const struct model_layer *l = &m->layers[i];
        parts_norm(m, s, s->x, l->attn_norm, s->xn);
        parts_qkv(m, s, l);
        parts_head_norm(m, s, s->q, m->shape.n_heads, l->q_norm);
        parts_head_norm(m, s, s->k_new, m->shape.n_kv_heads, l->k_norm);
        parts_rope(m, s, s->q, m->shape.n_heads, true);
        parts_rope(m, s, s->k_new, m->shape.n_kv_heads, true);
        parts_attention(m, s, i);
        parts_attention_out(m, s, l);

        parts_norm(m, s, s->x, l->ffn_norm, s->xn);
        parts_mlp(m, s, l, NUM_SILU);
    }
    parts_logits(m, s);
}

const struct model_family qwen3_family = {"qwen3", qwen3_open, qwen3_forward};
