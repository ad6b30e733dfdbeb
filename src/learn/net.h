/* net: one pass forward and backward over a batch of packed documents. Forward keeps what backward needs; gradients are
 * added to those of earlier batches. All memory is taken when the net is opened. */
#ifndef SIL_LEARN_NET_H
#define SIL_LEARN_NET_H

#include "learn/gemm.h"
#include "learn/shape.h"
#include "num/num.h"

/* Documents one behind the other, without padding. Token i of document d (doc_at[d] <= i < doc_at[d+1]) is at position
 * i - doc_at[d] and sees its own document only. The arrays are the caller's. */
struct batch {
    uint32_t n, n_docs;
    uint32_t *doc_at;  /* n_docs + 1 */
    uint32_t *ids;     /* n */
    uint32_t *targets; /* n: the token that follows */
    float *weights;    /* n: of the loss; 0 for tokens that are not to be learnt */
};

/* How layers keep what their backward pass needs. f32: everything that forward computed. bf16: the few arrays of struct
 * net_kept, rounded; the rest is computed again from them, and the arrays of struct net_layer are shared by all layers.
 * Forward computes the same bits in either. */
enum net_storage { NET_F32, NET_BF16 };

/* What one layer keeps, rows of a batch each. */
struct net_layer {
    float *x;           /* [width] the residual stream before the layer */
    float *xn1, *r1;    /* [width] its norm; [1] */
    float *raw, *raw_r; /* QK-norm: q and k before it, [(heads + kv) * head_dim]; and its 1/rms */
    float *qkv;         /* after norm and rotation */
    float *att;         /* [heads * head_dim] */
    float *mid;         /* [width] the stream between attention and MLP */
    float *xn2, *r2;
    float *gate_up; /* [2 * ffn] */
    float *h;       /* [ffn] */
};

struct net_kept {
    uint16_t *x;   /* [width] */
    uint16_t *qkv; /* as the product gives them: before bias, norm and rotation */
    uint16_t *att, *mid, *gate_up;
};

struct net {
    struct mem mem;
    const struct params *p;
    struct gemm_env *env;
    struct num_kernels num; /* rotation */
    uint32_t n_max;         /* tokens of a batch */
    enum net_storage storage;
    struct net_layer *layers;
    struct net_kept *kept;                    /* NET_BF16 */
    float *x_end, *xn_end, *r_end;            /* behind the last layer */
    float *cosine, *sine, *minus_sine;        /* [ctx][head_dim / 2] */
    float *dx, *dxn, *dqkv, *datt, *dgu, *dh; /* gradients on their way */
    float *loss_x, *loss_dx, *logits;         /* [LEARN_SEGMENT] rows with a loss */
    float *losses;                            /* [n_max] */
    uint32_t *loss_rows;                      /* [n_max] */
    float *scratch;                           /* attention, for each worker */
    size_t scratch_size;
    float *memory; /* what most of the above points into */
};

/* For batches of up to n_max tokens. params, env and its pool outlive the net. */
sil_err net_open(struct mem mem, const struct params *p, struct gemm_env *env, uint32_t cpu_mask, uint32_t n_max,
                 enum net_storage storage, struct net *out, struct sil_error *e);
void net_close(struct net *n);
/* Floats that a gemm_env needs for nets of this shape. */
size_t net_packed(const struct learn_shape *s, uint32_t n_max);
/* Bytes that net_open takes. */
size_t net_bytes(const struct learn_shape *s, uint32_t n_max, uint32_t n_threads, enum net_storage storage);

/* The sum of weight times loss over the batch's tokens, in ascending order in binary64. With g, gradients of
 * scale * loss are added to it (layout of params). w: the weights. */
double net_pass(struct net *n, const float *w, const struct batch *b, float scale, float *g);

/* Logits of the row behind the last token of a batch of one document: out[vocab]. For tests. */
void net_logits(struct net *n, const float *w, const struct batch *b, float *out);

#endif
