/* simd_learn: the kernels of training written once on the vector operations of a num/simd_*.h, which the including
 * file names first, with TILE_MR. Lanes are different outputs, or the 16 partial sums of rule 4, so each equals its
 * definition in kern_ref.c in every bit. */
#ifndef SIL_LEARN_SIMD_LEARN_H
#define SIL_LEARN_SIMD_LEARN_H

#include <math.h>

#include "learn/kern.h"
#include "num/elementary.h"
#include "num/ref.h"
#include "num/simd_math.h"

#define SL_INLINE static inline __attribute__((always_inline))

enum { TILE_NR = 2 * VF_W, LANE_V = NUM_LANES / VF_W };

SL_INLINE void tile_rows(int rows, uint32_t cols, uint32_t k, const float *a, const float *b, float *c, size_t ldc,
                         bool fresh) {
    vf acc[TILE_MR][2];
    for (int r = 0; r < rows; r++) acc[r][0] = acc[r][1] = vf_set1(0.0f);
    for (uint32_t p = 0; p < k; p++, a += TILE_MR, b += TILE_NR) {
        vf b0 = vf_load(b), b1 = vf_load(b + VF_W);
        for (int r = 0; r < rows; r++) {
            vf x = vf_set1(a[r]);
            acc[r][0] = vf_fma(x, b0, acc[r][0]);
            acc[r][1] = vf_fma(x, b1, acc[r][1]);
        }
    }
    const vf zero = vf_set1(0.0f);
    for (int r = 0; r < rows; r++) {
        float part[TILE_NR], *y = c + (size_t)r * ldc;
        if (cols == TILE_NR) {
            vf_store(y, vf_add(fresh ? zero : vf_load(y), acc[r][0]));
            vf_store(y + VF_W, vf_add(fresh ? zero : vf_load(y + VF_W), acc[r][1]));
        } else {
            vf_store(part, acc[r][0]);
            vf_store(part + VF_W, acc[r][1]);
            for (uint32_t j = 0; j < cols; j++) y[j] = (fresh ? 0.0f : y[j]) + part[j];
        }
    }
}

typedef void (*sl_tile_fn)(uint32_t cols, uint32_t k, const float *a, const float *b, float *c, size_t ldc, bool fresh);

#define SL_TILE(rows)                                                                                                  \
    static __attribute__((noinline)) void tile_##rows(uint32_t cols, uint32_t k, const float *a, const float *b,       \
                                                      float *c, size_t ldc, bool fresh) {                              \
        tile_rows(rows, cols, k, a, b, c, ldc, fresh);                                                                 \
    }
SL_TILE(1)
SL_TILE(2)
SL_TILE(3)
SL_TILE(4)
SL_TILE(5)
SL_TILE(6)
#if TILE_MR > 6
SL_TILE(7)
SL_TILE(8)
#endif
#if TILE_MR > 8
SL_TILE(9)
SL_TILE(10)
SL_TILE(11)
SL_TILE(12)
SL_TILE(13)
SL_TILE(14)
#endif

static void sl_tile(uint32_t rows, uint32_t cols, uint32_t k, const float *a, const float *b, float *c, size_t ldc,
                    bool fresh) {
    static const sl_tile_fn fn[TILE_MR] = {
        tile_1,
        tile_2,
        tile_3,
        tile_4,
        tile_5,
        tile_6,
#if TILE_MR > 6
        tile_7,
        tile_8,
#endif
#if TILE_MR > 8
        tile_9,
        tile_10,
        tile_11,
        tile_12,
        tile_13,
        tile_14,
#endif
    };
    fn[rows - 1](cols, k, a, b, c, ldc, fresh);
}

/* Square blocks are transposed in registers. A store may go beyond the row's width: what it overwrites is written
 * afterwards, or lies in the room that the caller leaves behind the last row. */
static void sl_pack(const float *src, size_t ld, uint32_t rows, uint32_t n, uint32_t width, float *dst) {
    for (uint32_t k0 = 0; k0 < n; k0 += VF_W) {
        uint32_t len = n - k0 < VF_W ? n - k0 : VF_W;
        vf part[4][VF_W];
        uint32_t blocks = (width + VF_W - 1) / VF_W;
        for (uint32_t b = 0; b < blocks; b++) {
            for (uint32_t i = 0; i < VF_W; i++) {
                uint32_t r = b * VF_W + i;
                const float *p = src + r * ld + k0;
                if (r >= rows) part[b][i] = vf_set1(0.0f);
                else part[b][i] = len == VF_W ? vf_load(p) : vf_load_part(p, len);
            }
            vf_transpose(part[b]);
        }
        for (uint32_t k = 0; k < len; k++)
            for (uint32_t b = 0; b < blocks; b++)
                vf_store(dst + (size_t)(k0 + k) * width + (size_t)b * VF_W, part[b][k]);
    }
}

/* Rule 4 on vectors: full groups of 16, then the rest element by element. */
SL_INLINE void lanes_end(const vf part[LANE_V], float lane[NUM_LANES]) {
    for (size_t v = 0; v < LANE_V; v++) vf_store(lane + v * VF_W, part[v]);
}

static float sl_products(const float *a, const float *b, uint32_t n) {
    vf part[LANE_V];
    float lane[NUM_LANES];
    for (size_t v = 0; v < LANE_V; v++) part[v] = vf_set1(0.0f);
    uint32_t i = 0;
    for (; i + NUM_LANES <= n; i += NUM_LANES)
        for (size_t v = 0; v < LANE_V; v++)
            part[v] = vf_fma(vf_load(a + i + v * VF_W), vf_load(b + i + v * VF_W), part[v]);
    lanes_end(part, lane);
    for (uint32_t l = 0; i + l < n; l++) lane[l] = fmaf(a[i + l], b[i + l], lane[l]);
    return ref_tree(lane, 0xffffu);
}

static float sl_square_sum(const float *x, uint32_t n) {
    return sl_products(x, x, n);
}

static float sl_norm(const float *x, const float *w, uint32_t n, float eps, float *y) {
    float r = num_rsqrtf(sl_products(x, x, n) / (float)n + eps);
    vf vr = vf_set1(r);
    uint32_t i = 0;
    for (; i + VF_W <= n; i += VF_W) vf_store(y + i, vf_mul(vf_mul(vf_load(x + i), vr), vf_load(w + i)));
    for (; i < n; i++) y[i] = (x[i] * r) * w[i];
    return r;
}

static void sl_norm_back(const float *x, const float *w, float r, const float *dy, uint32_t n, const float *add,
                         float *dx) {
    vf part[LANE_V], vr = vf_set1(r);
    float lane[NUM_LANES];
    for (size_t v = 0; v < LANE_V; v++) part[v] = vf_set1(0.0f);
    uint32_t i = 0;
    for (; i + NUM_LANES <= n; i += NUM_LANES) {
        for (size_t v = 0; v < LANE_V; v++) {
            size_t at = i + v * VF_W;
            vf h = vf_mul(vf_load(dy + at), vf_load(w + at));
            part[v] = vf_fma(h, vf_mul(vf_load(x + at), vr), part[v]);
        }
    }
    lanes_end(part, lane);
    for (uint32_t l = 0; i + l < n; l++) lane[l] = fmaf(dy[i + l] * w[i + l], x[i + l] * r, lane[l]);
    float c = ref_tree(lane, 0xffffu) / (float)n;
    vf minus = vf_set1(-c);
    for (i = 0; i + VF_W <= n; i += VF_W) {
        vf h = vf_mul(vf_load(dy + i), vf_load(w + i));
        vf d = vf_mul(vf_fma(minus, vf_mul(vf_load(x + i), vr), h), vr);
        vf_store(dx + i, add ? vf_add(vf_load(add + i), d) : d);
    }
    for (; i < n; i++) {
        float d = fmaf(-c, x[i] * r, dy[i] * w[i]) * r;
        dx[i] = add ? add[i] + d : d;
    }
}

static void sl_norm_weight(const float *dy, size_t ld, const float *x, size_t ldx, const float *r, uint32_t rows,
                           uint32_t inner, uint32_t n, float *out) {
    for (uint32_t j = 0; j < n; j += VF_W) {
        uint32_t len = n - j < VF_W ? n - j : VF_W;
        for (uint32_t i0 = 0; i0 < rows; i0 += LEARN_SEGMENT) {
            uint32_t end = rows - i0 < LEARN_SEGMENT ? rows : i0 + LEARN_SEGMENT;
            vf chain = vf_set1(0.0f);
            for (uint32_t i = i0; i < end; i++) {
                size_t t = i / inner, h = (size_t)(i % inner) * n + j;
                const float *a = dy + t * ld + h, *b = x + t * ldx + h;
                vf va = len == VF_W ? vf_load(a) : vf_load_part(a, len);
                vf vb = len == VF_W ? vf_load(b) : vf_load_part(b, len);
                chain = vf_fma(va, vf_mul(vb, vf_set1(r[i])), chain);
            }
            if (len == VF_W) vf_store(out + j, vf_add(vf_load(out + j), chain));
            else vf_store_part(out + j, vf_add(vf_load_part(out + j, len), chain), len);
        }
    }
}

static void sl_column_sum(const float *dy, size_t ld, uint32_t rows, uint32_t n, float *out) {
    for (uint32_t j = 0; j < n; j += VF_W) {
        uint32_t len = n - j < VF_W ? n - j : VF_W;
        for (uint32_t i0 = 0; i0 < rows; i0 += LEARN_SEGMENT) {
            uint32_t end = rows - i0 < LEARN_SEGMENT ? rows : i0 + LEARN_SEGMENT;
            vf sum = vf_set1(0.0f);
            for (uint32_t i = i0; i < end; i++) {
                const float *a = dy + i * ld + j;
                sum = vf_add(sum, len == VF_W ? vf_load(a) : vf_load_part(a, len));
            }
            if (len == VF_W) vf_store(out + j, vf_add(vf_load(out + j), sum));
            else vf_store_part(out + j, vf_add(vf_load_part(out + j, len), sum), len);
        }
    }
}

SL_INLINE vf swiglu_one(vf g, vf u) {
    return vf_mul(vf_div(g, vf_add(vf_set1(1.0f), vf_exp(vf_neg(g)))), u);
}

static void sl_swiglu(const float *g, const float *u, uint32_t n, float *h) {
    uint32_t i = 0;
    for (; i + VF_W <= n; i += VF_W) vf_store(h + i, swiglu_one(vf_load(g + i), vf_load(u + i)));
    if (i < n) vf_store_part(h + i, swiglu_one(vf_load_part(g + i, n - i), vf_load_part(u + i, n - i)), n - i);
}

SL_INLINE void swiglu_back_one(vf g, vf u, vf dh, vf *dg, vf *du) {
    const vf one = vf_set1(1.0f);
    vf t = vf_add(one, vf_exp(vf_neg(g))), s = vf_div(one, t);
    vf slope = vf_mul(s, vf_fma(g, vf_sub(one, s), one));
    *du = vf_mul(dh, vf_div(g, t));
    *dg = vf_mul(vf_mul(dh, u), slope);
}

static void sl_swiglu_back(const float *g, const float *u, const float *dh, uint32_t n, float *dg, float *du) {
    vf a, b;
    uint32_t i = 0;
    for (; i + VF_W <= n; i += VF_W) {
        swiglu_back_one(vf_load(g + i), vf_load(u + i), vf_load(dh + i), &a, &b);
        vf_store(dg + i, a);
        vf_store(du + i, b);
    }
    if (i < n) {
        swiglu_back_one(vf_load_part(g + i, n - i), vf_load_part(u + i, n - i), vf_load_part(dh + i, n - i), &a, &b);
        vf_store_part(dg + i, a, n - i);
        vf_store_part(du + i, b, n - i);
    }
}

/* Multiplies by scale and gives the greatest. */
static float sl_scale_max(float *x, uint32_t n, float scale) {
    float lane[VF_W], most = x[0] * scale;
    vf max = vf_set1(most), vs = vf_set1(scale);
    uint32_t i = 0;
    for (; i + VF_W <= n; i += VF_W) {
        vf v = vf_mul(vf_load(x + i), vs);
        vf_store(x + i, v);
        max = vf_pick(vf_lt(max, v), v, max);
    }
    vf_store(lane, max);
    for (int l = 0; l < VF_W; l++) most = most < lane[l] ? lane[l] : most;
    for (; i < n; i++) {
        x[i] = x[i] * scale;
        most = most < x[i] ? x[i] : most;
    }
    return most;
}

/* x becomes exp(x - max); returns the sum by rule 4. */
static float sl_exp_sum(float *x, uint32_t n, float max) {
    vf part[LANE_V], base = vf_set1(max);
    float lane[NUM_LANES];
    for (size_t v = 0; v < LANE_V; v++) part[v] = vf_set1(0.0f);
    uint32_t i = 0;
    for (; i + NUM_LANES <= n; i += NUM_LANES) {
        for (size_t v = 0; v < LANE_V; v++) {
            float *p = x + i + v * VF_W;
            vf y = vf_exp(vf_sub(vf_load(p), base));
            vf_store(p, y);
            part[v] = vf_add(part[v], y);
        }
    }
    lanes_end(part, lane);
    float rest[NUM_LANES] = {0};
    for (uint32_t l = 0; i + l < n; l++) rest[l] = x[i + l];
    for (size_t v = 0; i < n && v < LANE_V; v++)
        vf_store(rest + v * VF_W, vf_exp(vf_sub(vf_load(rest + v * VF_W), base)));
    for (uint32_t l = 0; i + l < n; l++) {
        x[i + l] = rest[l];
        lane[l] = lane[l] + rest[l];
    }
    return ref_tree(lane, 0xffffu);
}

static void sl_multiply(float *x, uint32_t n, float factor) {
    vf f = vf_set1(factor);
    uint32_t i = 0;
    for (; i + VF_W <= n; i += VF_W) vf_store(x + i, vf_mul(vf_load(x + i), f));
    for (; i < n; i++) x[i] = x[i] * factor;
}

static void sl_softmax(float *s, uint32_t n_live, uint32_t n, float scale) {
    float max = sl_scale_max(s, n_live, scale);
    sl_multiply(s, n_live, 1.0f / sl_exp_sum(s, n_live, max));
    for (uint32_t i = n_live; i < n; i++) s[i] = 0.0f;
}

static void sl_softmax_back(const float *p, float *dp, uint32_t n_live, uint32_t n, float scale) {
    float mean = sl_products(p, dp, n_live);
    vf vmean = vf_set1(mean), vs = vf_set1(scale);
    uint32_t i = 0;
    for (; i + VF_W <= n_live; i += VF_W)
        vf_store(dp + i, vf_mul(vf_mul(vf_load(p + i), vf_sub(vf_load(dp + i), vmean)), vs));
    for (; i < n; i++) dp[i] = i < n_live ? (p[i] * (dp[i] - mean)) * scale : 0.0f;
}

static float sl_cross_entropy(float *logits, uint32_t n, uint32_t target, float weight) {
    float own = logits[target], max = sl_scale_max(logits, n, 1.0f), sum = sl_exp_sum(logits, n, max);
    if (weight != 0.0f) {
        sl_multiply(logits, n, weight / sum);
        logits[target] = logits[target] - weight;
    }
    return (num_logf(sum) + max) - own;
}

static void sl_add(float *x, const float *y, size_t n) {
    size_t i = 0;
    for (; i + VF_W <= n; i += VF_W) vf_store(x + i, vf_add(vf_load(x + i), vf_load(y + i)));
    for (; i < n; i++) x[i] = x[i] + y[i];
}

static void sl_adamw(const struct learn_adam *a, const float *g, float *w, float *m, float *v, size_t n) {
    const vf clip = vf_set1(a->clip), rest1 = vf_set1(a->rest1), beta1 = vf_set1(a->beta1), rest2 = vf_set1(a->rest2);
    const vf beta2 = vf_set1(a->beta2), fix1 = vf_set1(a->fix1), fix2 = vf_set1(a->fix2), eps = vf_set1(a->eps);
    const vf decay = vf_set1(a->decay), lr = vf_set1(-a->lr);
    for (size_t i = 0; i < n; i += VF_W) {
        size_t len = n - i < VF_W ? n - i : VF_W;
        bool all = len == VF_W;
        vf d = vf_mul(all ? vf_load(g + i) : vf_load_part(g + i, len), clip);
        vf mi = vf_fma(rest1, d, vf_mul(beta1, all ? vf_load(m + i) : vf_load_part(m + i, len)));
        vf vi_ = vf_fma(rest2, vf_mul(d, d), vf_mul(beta2, all ? vf_load(v + i) : vf_load_part(v + i, len)));
        vf wi = all ? vf_load(w + i) : vf_load_part(w + i, len);
        vf step = vf_div(vf_mul(mi, fix1), vf_add(vf_sqrt(vf_mul(vi_, fix2)), eps));
        wi = vf_fma(lr, vf_fma(decay, wi, step), wi);
        if (all) {
            vf_store(m + i, mi);
            vf_store(v + i, vi_);
            vf_store(w + i, wi);
        } else {
            vf_store_part(m + i, mi, len);
            vf_store_part(v + i, vi_, len);
            vf_store_part(w + i, wi, len);
        }
    }
}

static void simd_learn_install(struct learn_kernels *k) {
    k->mr = TILE_MR;
    k->nr = TILE_NR;
    k->tile = sl_tile;
    k->pack = sl_pack;
    k->norm = sl_norm;
    k->norm_back = sl_norm_back;
    k->norm_weight = sl_norm_weight;
    k->column_sum = sl_column_sum;
    k->swiglu = sl_swiglu;
    k->swiglu_back = sl_swiglu_back;
    k->softmax = sl_softmax;
    k->softmax_back = sl_softmax_back;
    k->cross_entropy = sl_cross_entropy;
    k->add = sl_add;
    k->square_sum = sl_square_sum;
    k->adamw = sl_adamw;
}

#endif
