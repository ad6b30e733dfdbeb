/* kern: the arithmetic of training (docs/arithmetic.md, section 12) as a table of functions. kern_ref.c is the
 * definition in scalar C; the others equal it in every bit. Pure functions: no allocation, no shared state, any number
 * of threads on disjoint outputs, in the floating-point mode of pool_fp_mode. Matrices are row-major f32; a leading
 * dimension (ld) is the distance of rows in floats. */
#ifndef SIL_LEARN_KERN_H
#define SIL_LEARN_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEARN_SEGMENT = 512, /* products per fma chain (rule 3) */
    LEARN_MR_MAX = 16,   /* rows of a register tile, at most */
    LEARN_NR_MAX = 32
};

/* The constants of one optimiser step. */
struct learn_adam {
    float lr, beta1, beta2, rest1, rest2; /* rest = 1 - beta, rounded once */
    float fix1, fix2;                     /* 1 / (1 - beta^t) */
    float eps, decay, clip;               /* decay: of this group; clip: multiplies gradients */
};

struct learn_kernels {
    const char *name;

    /* A register tile of a matrix product: mr rows by nr columns at most. */
    uint32_t mr, nr;
    /* c[i][j] = (fresh ? +0 : c[i][j]) + chain over k of a[k*mr + i] * b[k*nr + j], for i < rows, j < cols; k is at
     * most LEARN_SEGMENT. b holds nr columns (those beyond cols are not used but must be there). */
    void (*tile)(uint32_t rows, uint32_t cols, uint32_t k, const float *a, const float *b, float *c, size_t ldc,
                 bool fresh);
    /* dst[k*width + i] = src[i*ld + k] for i < rows, +0 for rows <= i < width, k < n. May write 16 floats beyond. */
    void (*pack)(const float *src, size_t ld, uint32_t rows, uint32_t n, uint32_t width, float *dst);

    /* RMSNorm of a row (section 4): y[i] = (x[i] * r) * w[i]; returns r. */
    float (*norm)(const float *x, const float *w, uint32_t n, float eps, float *y);
    /* dx[i] = (add ? add[i] : nothing) + gradient; dx may be dy or add. */
    void (*norm_back)(const float *x, const float *w, float r, const float *dy, uint32_t n, const float *add,
                      float *dx);
    /* out[j] += sum over rows of dy * (x * r), j < n, in chains of LEARN_SEGMENT rows. Row i = (t, h) with h < inner
     * lies at t*ld + h*n of dy and t*ldx + h*n of x; its r is r[i]. */
    void (*norm_weight)(const float *dy, size_t ld, const float *x, size_t ldx, const float *r, uint32_t rows,
                        uint32_t inner, uint32_t n, float *out);
    /* out[j] += sum over rows of dy, in sums of LEARN_SEGMENT rows. */
    void (*column_sum)(const float *dy, size_t ld, uint32_t rows, uint32_t n, float *out);

    /* h[i] = silu(g[i]) * u[i], and its gradients. */
    void (*swiglu)(const float *g, const float *u, uint32_t n, float *h);
    void (*swiglu_back)(const float *g, const float *u, const float *dh, uint32_t n, float *dg, float *du);

    /* Attention weights of a row of n scores, of which the first n_live take part: s becomes p; the rest +0. */
    void (*softmax)(float *s, uint32_t n_live, uint32_t n, float scale);
    /* dp becomes the gradient of the scores (before scale); the rest +0. */
    void (*softmax_back)(const float *p, float *dp, uint32_t n_live, uint32_t n, float scale);
    /* Returns -log p(target); logits become their gradient times weight, unless weight is 0. */
    float (*cross_entropy)(float *logits, uint32_t n, uint32_t target, float weight);

    void (*add)(float *x, const float *y, size_t n); /* x += y */
    float (*square_sum)(const float *x, uint32_t n); /* by rule 4 */
    void (*adamw)(const struct learn_adam *a, const float *g, float *w, float *m, float *v, size_t n);
};

/* The table for a CPU mask (base/cpu.h). */
void learn_kernels_init(struct learn_kernels *k, uint32_t cpu_mask);

/* The definition, and what overrides it where the mask and this build allow. */
void kern_ref(struct learn_kernels *k);
void kern_avx2(struct learn_kernels *k, uint32_t cpu_mask);
void kern_avx512(struct learn_kernels *k, uint32_t cpu_mask);
void kern_neon(struct learn_kernels *k, uint32_t cpu_mask);

#endif
