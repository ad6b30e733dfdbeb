/* attn: causal attention within each document of a batch, forward and backward (docs/arithmetic.md, section 12). */
#ifndef SIL_LEARN_ATTN_H
#define SIL_LEARN_ATTN_H

#include "learn/net.h"

/* Floats of scratch that a worker needs for documents of up to ctx tokens. */
size_t attn_scratch(const struct learn_shape *s, uint32_t ctx);

/* qkv: [n][(heads + 2 kv_heads) * head_dim], rotated. att: [n][heads * head_dim]. */
void attn_forward(const struct net *n, const struct batch *b, const float *qkv, float *att);
/* dqkv is overwritten. */
void attn_backward(const struct net *n, const struct batch *b, const float *qkv, const float *datt, float *dqkv);

#endif
