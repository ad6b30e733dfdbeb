/* ref: the scalar kernels that define CA/1. num_kernels_init puts them into a table; the self-test compares every
 * other kernel with them. Contracts: num.h. */
#ifndef SIL_NUM_REF_H
#define SIL_NUM_REF_H

#include "num/num.h"

/* Sum of lanes 0 .. NUM_LANES-1 of which those with a bit in `live` exist (rule 4); at least one. */
float ref_tree(const float lane[NUM_LANES], uint32_t live);

bool ref_quantize(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum);
/* Section 3.1 over n values of any number as one block; *asum may be NULL. */
bool ref_quantize_block(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum);
bool ref_finite(const float *x, size_t n);
void ref_linear_quant(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                      size_t out_stride);
void ref_linear_float(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                      size_t out_stride);
void ref_row(const struct num_matrix *w, uint32_t row, float *out);
void ref_rmsnorm(const float *x, const float *w, uint32_t n, float eps, float *y);
void ref_rope_pairs(float *x, const float *cosine, const float *sine, uint32_t n_rot);
void ref_rope_halves(float *x, const float *cosine, const float *sine, uint32_t n_rot);
void ref_gated(enum num_act_fn act, float *gate, const float *up, size_t n);
void ref_add(float *x, const float *y, size_t n);
bool ref_kv_store(void *part, uint32_t pos, const float *k, const float *v, uint32_t head_dim);
/* One query over binary16; scratch: NUM_ATTN_SCRATCH floats. */
enum { NUM_ATTN_SCRATCH = NUM_KV_PAGE + NUM_HEAD_DIM_MAX };
void ref_attend_one(const struct num_attn *shape, const float *query, uint8_t *const *pages, size_t offset, float *out,
                    float *scratch);
void ref_attend(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset);
bool ref_kv_store_int8(void *part, uint32_t pos, const float *k, const float *v, uint32_t head_dim);
void ref_attend_int8(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset);

#endif
