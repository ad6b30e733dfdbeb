/* parts: the building blocks that families are put together from. Each works on all rows of a step, spreads itself
 * over the pool, and calls the kernels of step->k. docs/arithmetic.md gives every formula. */
#ifndef SIL_MODEL_PARTS_H
#define SIL_MODEL_PARTS_H

#include "model/step.h"

/* s->x = rows of the embedding; s->cosine, s->sine = angles of the rows' positions. */
void parts_embed(const struct model *m, struct model_step *s);

/* out = rmsnorm(x) * w, both [n_rows][d_model]. */
void parts_norm(const struct model *m, struct model_step *s, const float *x, const float *w, float *out);

/* s->q, s->k_new, s->v_new = the layer's projections of s->xn. Rows that are not finite are marked as failed and go on
 * as zeros, here and before every other linear layer. */
void parts_qkv(const struct model *m, struct model_step *s, const struct model_layer *l);

/* Normalises each of n_heads heads of x in place (QK-norm). */
void parts_head_norm(const struct model *m, struct model_step *s, float *x, uint32_t n_heads, const float *w);

/* Rotates each head of x; halves: pairs (i, i + n_rot/2), else (2i, 2i+1). */
void parts_rope(const struct model *m, struct model_step *s, float *x, uint32_t n_heads, bool halves);

/* Stores s->k_new and s->v_new in the rows' pages, then s->att = attention of s->q over them. */
void parts_attention(const struct model *m, struct model_step *s, uint32_t layer);

/* s->x += the layer's output projection of s->att. */
void parts_attention_out(const struct model *m, struct model_step *s, const struct model_layer *l);

/* s->x += down(act(gate(s->xn)) * up(s->xn)). */
void parts_mlp(const struct model *m, struct model_step *s, const struct model_layer *l, enum num_act_fn act);

/* s->logits from s->x of the rows that want them: output norm, output layer, check for finiteness. */
void parts_logits(const struct model *m, struct model_step *s);

#endif
