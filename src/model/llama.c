/* llama: the Llama class: Llama 2 and 3.x, Mistral, Kanana, Mi:dm, A.X 3.1, HyperCLOVA X SEED (small).
 * Pre-norm decoder, grouped-query attention, rotary positions on adjacent pairs (GGUF files of this architecture hold
 * Q and K permuted to that order), SiLU-gated MLP. */
#include "model/dense.h"
#include "model/families.h"
#include "model/parts.h"

static sil_err llama_open(struct model *m, struct sil_error *e) {
    return dense_open(m, false, e);
}

static void llama_forward(const struct model *m, struct model_step *s) {
    parts_embed(m, s);
    for (uint32_t i = 0; i < m->shape.n_layers && !step_stopped(s); i++) {
        const struct model_layer *l = &m->layers[i];
        parts_norm(m, s, s->x, l->attn_norm, s->xn);
        parts_qkv(m, s, l);
        parts_rope(m, s, s->q, m->shape.n_heads, false);
        parts_rope(m, s, s->k_new, m->shape.n_kv_heads, false);
        parts_attention(m, s, i);
        parts_attention_out(m, s, l);

        parts_norm(m, s, s->x, l->ffn_norm, s->xn);
        parts_mlp(m, s, l, NUM_SILU);
    }
    parts_logits(m, s);
}

const struct model_family llama_family = {"llama", llama_open, llama_forward};
