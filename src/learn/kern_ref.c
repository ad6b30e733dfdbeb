/* The arithmetic of training in scalar C: the definition, written to be read beside docs/arithmetic.md, section 12. */
#include <math.h>

#include "learn/kern.h"
#include "num/elementary.h"
#include "num/ref.h"

enum { MR = 4, NR = 4 };

static float lanes_sum(const float lane[NUM_LANES]) {
    return ref_tree(lane, 0xffffu);
}

static void tile(uint32_t rows, uint32_t cols, uint32_t k, const float *a, const float *b, float *c, size_t ldc,
                 bool fresh) {
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t j = 0; j < cols; j++) {
            float chain = 0.0f, *y = c + i * ldc + j;
            for (uint32_t p = 0; p < k; p++) chain = fmaf(a[p * MR + i], b[p * NR + j], chain);
            *y = (fresh ? 0.0f : *y) + chain;
        }
    }
}

static void pack(const float *src, size_t ld, uint32_t rows, uint32_t n, uint32_t width, float *dst) {
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < width; i++) dst[(size_t)k * width + i] = i < rows ? src[i * ld + k] : 0.0f;
}

static float norm(const float *x, const float *w, uint32_t n, float eps, float *y) {
    float lane[NUM_LANES] = {0};
    for (uint32_t i = 0; i < n; i++) lane[i % NUM_LANES] = fmaf(x[i], x[i], lane[i % NUM_LANES]);
    float r = num_rsqrtf(lanes_sum(lane) / (float)n + eps);
    for (uint32_t i = 0; i < n; i++) y[i] = (x[i] * r) * w[i];
    return r;
}

static void norm_back(const float *x, const float *w, float r, const float *dy, uint32_t n, const float *add,
                      float *dx) {
    float lane[NUM_LANES] = {0};
    for (uint32_t i = 0; i < n; i++) lane[i % NUM_LANES] = fmaf(dy[i] * w[i], x[i] * r, lane[i % NUM_LANES]);
    float c = lanes_sum(lane) / (float)n;
    for (uint32_t i = 0; i < n; i++) {
        float d = fmaf(-c, x[i] * r, dy[i] * w[i]) * r;
        dx[i] = add ? add[i] + d : d;
    }
}

static void norm_weight(const float *dy, size_t ld, const float *x, size_t ldx, const float *r, uint32_t rows,
                        uint32_t inner, uint32_t n, float *out) {
    for (uint32_t j = 0; j < n; j++) {
        for (uint32_t i0 = 0; i0 < rows; i0 += LEARN_SEGMENT) {
            uint32_t end = rows - i0 < LEARN_SEGMENT ? rows : i0 + LEARN_SEGMENT;
            float chain = 0.0f;
            for (uint32_t i = i0; i < end; i++) {
                size_t t = i / inner, h = (size_t)(i % inner) * n + j;
                chain = fmaf(dy[t * ld + h], x[t * ldx + h] * r[i], chain);
            }
            out[j] = out[j] + chain;
        }
    }
}

static void column_sum(const float *dy, size_t ld, uint32_t rows, uint32_t n, float *out) {
    for (uint32_t j = 0; j < n; j++) {
        for (uint32_t i0 = 0; i0 < rows; i0 += LEARN_SEGMENT) {
            uint32_t end = rows - i0 < LEARN_SEGMENT ? rows : i0 + LEARN_SEGMENT;
            float sum = 0.0f;
            for (uint32_t i = i0; i < end; i++) sum = sum + dy[i * ld + j];
            out[j] = out[j] + sum;
        }
    }
}

static void swiglu(const float *g, const float *u, uint32_t n, float *h) {
    for (uint32_t i = 0; i < n; i++) h[i] = (g[i] / (1.0f + num_expf(-g[i]))) * u[i];
}

static void swiglu_back(const float *g, const float *u, const float *dh, uint32_t n, float *dg, float *du) {
    for (uint32_t i = 0; i < n; i++) {
        float t = 1.0f + num_expf(-g[i]), s = 1.0f / t, slope = s * fmaf(g[i], 1.0f - s, 1.0f);
        float gate = g[i] / t, to_gate = (dh[i] * u[i]) * slope;
        du[i] = dh[i] * gate;
        dg[i] = to_gate;
    }
}

static void softmax(float *s, uint32_t n_live, uint32_t n, float scale) {
    float lane[NUM_LANES] = {0}, max = s[0] * scale;
    for (uint32_t i = 0; i < n_live; i++) {
        s[i] = s[i] * scale;
        max = max < s[i] ? s[i] : max;
    }
    for (uint32_t i = 0; i < n_live; i++) {
        s[i] = num_expf(s[i] - max);
        lane[i % NUM_LANES] = lane[i % NUM_LANES] + s[i];
    }
    float inverse = 1.0f / lanes_sum(lane);
    for (uint32_t i = 0; i < n; i++) s[i] = i < n_live ? s[i] * inverse : 0.0f;
}

static void softmax_back(const float *p, float *dp, uint32_t n_live, uint32_t n, float scale) {
    float lane[NUM_LANES] = {0};
    for (uint32_t i = 0; i < n_live; i++) lane[i % NUM_LANES] = fmaf(p[i], dp[i], lane[i % NUM_LANES]);
    float mean = lanes_sum(lane);
    for (uint32_t i = 0; i < n; i++) dp[i] = i < n_live ? (p[i] * (dp[i] - mean)) * scale : 0.0f;
}

static float cross_entropy(float *logits, uint32_t n, uint32_t target, float weight) {
    float lane[NUM_LANES] = {0}, max = logits[0], own = logits[target];
    for (uint32_t i = 0; i < n; i++) max = max < logits[i] ? logits[i] : max;
    for (uint32_t i = 0; i < n; i++) {
        logits[i] = num_expf(logits[i] - max);
        lane[i % NUM_LANES] = lane[i % NUM_LANES] + logits[i];
    }
    float sum = lanes_sum(lane), share = weight / sum;
    if (weight != 0.0f) {
        for (uint32_t i = 0; i < n; i++) logits[i] = logits[i] * share;
        logits[target] = logits[target] - weight;
    }
    return (num_logf(sum) + max) - own;
}

static void add(float *x, const float *y, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = x[i] + y[i];
}

static float square_sum(const float *x, uint32_t n) {
    float lane[NUM_LANES] = {0};
    for (uint32_t i = 0; i < n; i++) lane[i % NUM_LANES] = fmaf(x[i], x[i], lane[i % NUM_LANES]);
    return lanes_sum(lane);
}

static void adamw(const struct learn_adam *a, const float *g, float *w, float *m, float *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * a->clip;
        m[i] = fmaf(a->rest1, d, a->beta1 * m[i]);
        v[i] = fmaf(a->rest2, d * d, a->beta2 * v[i]);
        float step = (m[i] * a->fix1) / (sqrtf(v[i] * a->fix2) + a->eps);
        w[i] = fmaf(-a->lr, fmaf(a->decay, w[i], step), w[i]);
    }
}

void kern_ref(struct learn_kernels *k) {
    *k = (struct learn_kernels){.name = "scalar",
                                .mr = MR,
                                .nr = NR,
                                .tile = tile,
                                .pack = pack,
                                .norm = norm,
                                .norm_back = norm_back,
                                .norm_weight = norm_weight,
                                .column_sum = column_sum,
                                .swiglu = swiglu,
                                .swiglu_back = swiglu_back,
                                .softmax = softmax,
                                .softmax_back = softmax_back,
                                .cross_entropy = cross_entropy,
                                .add = add,
                                .square_sum = square_sum,
                                .adamw = adamw};
}

void learn_kernels_init(struct learn_kernels *k, uint32_t cpu_mask) {
    kern_ref(k);
    kern_avx2(k, cpu_mask);
    kern_avx512(k, cpu_mask);
    kern_neon(k, cpu_mask);
}
