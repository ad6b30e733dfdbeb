/* gemm: matrix products in f32, every output one fma chain over k in segments of LEARN_SEGMENT (rule 3), whatever the
 * threads, blocks and vector width. C[i][j] = (add ? C[i][j] : +0) + seg_0 + seg_1 + ..., k ascending. */
#ifndef SIL_LEARN_GEMM_H
#define SIL_LEARN_GEMM_H

#include "base/mem.h"
#include "base/pool.h"
#include "learn/kern.h"

/* One product. a holds A[i][k] at a[i*lda + k], or (a_cols) at a[k*lda + i]; b holds B[k][j] at b[k*ldb + j], or
 * (b_rows: rows are outputs, as weights are) at b[j*ldb + k]. All sizes at least 1.
 *   forward  Y = X W'   a = X, b = W, b_rows          dX = dY W    a = dY, b = W
 *   dW += dY' X         a = dY, a_cols, b = X, add */
struct gemm {
    const float *a;
    size_t lda;
    bool a_cols;
    const float *b;
    size_t ldb;
    bool b_rows;
    float *c;
    size_t ldc;
    uint32_t m, n, k;
    bool add;
};

/* The threads, kernels and buffers that products use; one thread at a time. */
struct gemm_env {
    struct pool *pool;
    struct learn_kernels k;
    struct mem mem;
    float *packed; /* a whole B */
    size_t packed_max;
    float *rows; /* blocks of A, rows_max for each worker */
    size_t rows_max;
};

/* Buffers for products whose gemm_packed is at most `packed`. The pool outlives the environment. */
sil_err gemm_open(struct gemm_env *env, struct mem mem, struct pool *pool, uint32_t cpu_mask, size_t packed,
                  struct sil_error *e);
void gemm_close(struct gemm_env *env);

/* Floats of a packed B of k rows and n columns, with any kernels. */
size_t gemm_packed(size_t k, size_t n);
/* Floats that gemm_rows needs for blocks of m rows. */
size_t gemm_block(size_t m);

/* Spread over the pool. */
void gemm_run(struct gemm_env *env, const struct gemm *g);

/* The parts of a product, for callers that are one of many tasks already. */
void gemm_pack(const struct learn_kernels *k, const struct gemm *g, float *packed);
/* Rows m0 .. m1-1 and the terms k0 <= k < k1 only; others count as +0. packed: of the whole B. block: gemm_block(m1 -
 * m0) floats. */
void gemm_rows(const struct learn_kernels *k, const struct gemm *g, uint32_t m0, uint32_t m1, uint32_t k0, uint32_t k1,
               const float *packed, float *block);

#endif
