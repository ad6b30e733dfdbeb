/* simd_kernels: kernels written once on the vector operations of a simd_*.h, which the including file names first.
 * Each equals its reference in ref_*.c because every lane does the operations of one output (or one element) in the
 * reference's order; only sums that are exact in any order, and maxima, are taken across lanes. */
#ifndef SIL_NUM_SIMD_KERNELS_H
#define SIL_NUM_SIMD_KERNELS_H

#include <assert.h>
#include <math.h>

#include "num/blocks.h"
#include "num/elementary.h"
#include "num/ref.h"
#include "num/simd_math.h"

static bool simd_quantize(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum) {
    assert(n % NUM_BLOCK == 0);
    for (uint32_t b = 0; b < n / NUM_BLOCK; b++, x += NUM_BLOCK, q += NUM_BLOCK) {
        vi max = vi_set1(0);
        for (int i = 0; i < NUM_BLOCK; i += VF_W) max = vi_max(max, vf_bits(vf_abs(vf_load(x + i))));
        int32_t lanes[VF_W], most = 0;
        vi_store(lanes, max);
        for (int i = 0; i < VF_W; i++) most = lanes[i] > most ? lanes[i] : most;
        if (most >= 0x7f800000) return false;
        float amax = bits_float((uint32_t)most);
        bool zero = amax < 0x1p-60f;
        vf scale = vf_set1(zero ? 0.0f : 127.0f / amax);
        int32_t codes[NUM_BLOCK], sum = 0;
        for (int i = 0; i < NUM_BLOCK; i += VF_W) vi_store(codes + i, vf_rint(vf_mul(vf_load(x + i), scale)));
        for (int i = 0; i < NUM_BLOCK; i++) {
            q[i] = (int8_t)codes[i];
            sum += codes[i];
        }
        d[b] = zero ? 0.0f : amax / 127.0f;
        asum[b] = sum;
    }
    return true;
}

static bool simd_finite(const float *x, size_t n) {
    vi max = vi_set1(0);
    size_t i = 0;
    for (; i + VF_W <= n; i += VF_W) max = vi_max(max, vf_bits(vf_abs(vf_load(x + i))));
    max = vi_max(max, vf_bits(vf_abs(vf_load_part(x + i, n - i))));
    int32_t lanes[VF_W], most = 0;
    vi_store(lanes, max);
    for (int l = 0; l < VF_W; l++) most = lanes[l] > most ? lanes[l] : most;
    return most < 0x7f800000;
}

static void simd_rmsnorm(const float *x, const float *w, uint32_t n, float eps, float *y) {
    enum { V = NUM_LANES / VF_W };
    vf part[V];
    float lane[NUM_LANES];
    for (int v = 0; v < V; v++) part[v] = vf_set1(0.0f);
    uint32_t i = 0;
    for (; i + NUM_LANES <= n; i += NUM_LANES) {
        for (uint32_t v = 0; v < V; v++) {
            vf a = vf_load(x + i + v * VF_W);
            part[v] = vf_fma(a, a, part[v]);
        }
    }
    for (int v = 0; v < V; v++) vf_store(lane + v * VF_W, part[v]);
    for (uint32_t l = 0; i + l < n; l++) lane[l] = fmaf(x[i + l], x[i + l], lane[l]);
    /* lanes without elements are +0 here, and adding +0 to a sum of squares changes no bit */
    float r = num_rsqrtf(ref_tree(lane, 0xffffu) / (float)n + eps);
    vf vr = vf_set1(r);
    for (i = 0; i + VF_W <= n; i += VF_W) vf_store(y + i, vf_mul(vf_mul(vf_load(x + i), vr), vf_load(w + i)));
    for (; i < n; i++) y[i] = (x[i] * r) * w[i];
}

static inline vf vf_activate(enum num_act_fn act, vf x) {
    const vf one = vf_set1(1.0f), half = vf_set1(0.5f);
    switch (act) {
    case NUM_SILU: return vf_div(x, vf_add(one, vf_exp(vf_neg(x))));
    case NUM_GELU_TANH: {
        vf p = vf_fma(vf_mul(x, x), vf_set1(0x1.6e4e26p-5f), one);
        return vf_mul(vf_mul(half, x), vf_add(one, vf_tanh(vf_mul(vf_mul(x, vf_set1(0x1.988454p-1f)), p))));
    }
    case NUM_GELU_ERF: return vf_mul(vf_mul(half, x), vf_add(one, vf_erf(vf_mul(x, vf_set1(0x1.6a09e6p-1f)))));
    case NUM_RELU: break;
    }
    return vf_pick(vf_lt(vf_set1(0.0f), x), x, vf_set1(0.0f));
}

static inline __attribute__((always_inline)) void gated_loop(enum num_act_fn act, float *gate, const float *up,
                                                             size_t n) {
    size_t i = 0;
    for (; i + VF_W <= n; i += VF_W) vf_store(gate + i, vf_mul(vf_activate(act, vf_load(gate + i)), vf_load(up + i)));
    vf last = vf_mul(vf_activate(act, vf_load_part(gate + i, n - i)), vf_load_part(up + i, n - i));
    vf_store_part(gate + i, last, n - i);
}

static void simd_gated(enum num_act_fn act, float *gate, const float *up, size_t n) {
    switch (act) {
    case NUM_SILU: gated_loop(NUM_SILU, gate, up, n); break;
    case NUM_GELU_TANH: gated_loop(NUM_GELU_TANH, gate, up, n); break;
    case NUM_GELU_ERF: gated_loop(NUM_GELU_ERF, gate, up, n); break;
    case NUM_RELU: gated_loop(NUM_RELU, gate, up, n); break;
    }
}

static void simd_add(float *x, const float *y, size_t n) {
    size_t i = 0;
    for (; i + VF_W <= n; i += VF_W) vf_store(x + i, vf_add(vf_load(x + i), vf_load(y + i)));
    for (; i < n; i++) x[i] = x[i] + y[i];
}

static void simd_rope_halves(float *x, const float *cosine, const float *sine, uint32_t n_rot) {
    uint32_t h = n_rot / 2, i = 0;
    for (; i + VF_W <= h; i += VF_W) {
        vf a = vf_load(x + i), b = vf_load(x + h + i), c = vf_load(cosine + i), s = vf_load(sine + i);
        vf_store(x + i, vf_fma(a, c, vf_neg(vf_mul(b, s))));
        vf_store(x + h + i, vf_fma(a, s, vf_mul(b, c)));
    }
    for (; i < h; i++) {
        float a = x[i], b = x[h + i];
        x[i] = fmaf(a, cosine[i], -(b * sine[i]));
        x[h + i] = fmaf(a, sine[i], b * cosine[i]);
    }
}

static void simd_rope_pairs(float *x, const float *cosine, const float *sine, uint32_t n_rot) {
    for (uint32_t i = 0; i < n_rot / 2; i++) {
        float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = fmaf(a, cosine[i], -(b * sine[i]));
        x[2 * i + 1] = fmaf(a, sine[i], b * cosine[i]);
    }
}

/* --- float linear layers: lanes are outputs; tiles of weights are transposed on the way in --- */

enum { FL_OUT = 32, FL_K = 64, FL_ROWS = 16, FL_VECS = FL_OUT / VF_W };

static inline __attribute__((always_inline)) vf load_weights(enum dtype type, const uint8_t *p, uint32_t n) {
    if (n >= VF_W)
        return type == DTYPE_F32   ? vf_load((const float *)(const void *)p)
               : type == DTYPE_F16 ? vf_load_f16(p)
                                   : vf_load_bf16(p);
    uint8_t part[VF_W * sizeof(float)] = {0};
    memcpy(part, p, n * (type == DTYPE_F32 ? 4u : 2u));
    return type == DTYPE_F32   ? vf_load((const float *)(const void *)part)
           : type == DTYPE_F16 ? vf_load_f16(part)
                               : vf_load_bf16(part);
}

/* tile[k][o] = w[o0 + o][k0 + k], k < n; outputs beyond the last repeat it. */
static inline __attribute__((always_inline)) void load_tile(const struct num_matrix *w, enum dtype type, uint32_t o0,
                                                            uint32_t o1, uint32_t k0, uint32_t n,
                                                            float tile[FL_K][FL_OUT]) {
    size_t bytes = type == DTYPE_F32 ? 4 : 2;
    for (uint32_t v = 0; v < FL_OUT; v += VF_W) {
        if (o0 + v >= o1) break;
        for (uint32_t k = 0; k < n; k += VF_W) {
            vf m[VF_W];
            for (uint32_t j = 0; j < VF_W; j++) {
                uint32_t o = o0 + v + j < o1 ? o0 + v + j : o1 - 1;
                m[j] = load_weights(type, w->data + (size_t)o * w->row_bytes + bytes * (k0 + k), n - k);
            }
            vf_transpose(m);
            for (uint32_t j = 0; j < VF_W; j++) vf_store(&tile[k + j][v], m[j]);
        }
    }
}

/* chain[o] = fma(x[k], tile[k][o], chain[o]), k ascending. */
static inline void run_chains(const float *x, uint32_t n, float tile[FL_K][FL_OUT], float chain[FL_OUT]) {
    vf acc[FL_VECS];
    for (int v = 0; v < FL_VECS; v++) acc[v] = vf_load(chain + v * VF_W);
    for (uint32_t k = 0; k < n; k++)
        for (int v = 0; v < FL_VECS; v++) acc[v] = vf_fma(vf_set1(x[k]), vf_load(&tile[k][v * VF_W]), acc[v]);
    for (int v = 0; v < FL_VECS; v++) vf_store(chain + v * VF_W, acc[v]);
}

/* Outputs o0 .. o1-1 (at most FL_OUT) of rows r0 .. r1-1 (at most FL_ROWS). */
static inline __attribute__((always_inline)) void float_block(const struct num_matrix *w, enum dtype type,
                                                              const struct num_act *a, uint32_t o0, uint32_t o1,
                                                              uint32_t r0, uint32_t r1, float *out, size_t out_stride) {
    float tile[FL_K][FL_OUT] = {{0}}, chain[FL_ROWS][FL_OUT];
    for (uint32_t s = 0; s < w->cols; s += NUM_SEGMENT) {
        uint32_t end = w->cols - s < NUM_SEGMENT ? w->cols : s + NUM_SEGMENT;
        memset(chain, 0, sizeof chain);
        for (uint32_t k = s; k < end; k += FL_K) {
            uint32_t n = end - k < FL_K ? end - k : FL_K;
            load_tile(w, type, o0, o1, k, n, tile);
            for (uint32_t r = r0; r < r1; r++) run_chains(a->x + (size_t)r * a->cols + k, n, tile, chain[r - r0]);
        }
        for (uint32_t r = r0; r < r1; r++) {
            for (uint32_t o = o0; o < o1; o++) {
                float *y = out + r * out_stride + o, seg = chain[r - r0][o - o0];
                *y = s == 0 ? seg : *y + seg;
            }
        }
    }
}

static inline __attribute__((always_inline)) void float_linear(const struct num_matrix *w, enum dtype type,
                                                               const struct num_act *a, uint32_t o0, uint32_t o1,
                                                               float *out, size_t out_stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    for (uint32_t o = o0; o < o1; o += FL_OUT) {
        uint32_t oe = o1 - o < FL_OUT ? o1 : o + FL_OUT;
        for (uint32_t r = 0; r < a->n_rows; r += FL_ROWS) {
            uint32_t re = a->n_rows - r < FL_ROWS ? a->n_rows : r + FL_ROWS;
            float_block(w, type, a, o, oe, r, re, out, out_stride);
        }
    }
}

static void simd_linear_f32(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                            size_t out_stride) {
    float_linear(w, DTYPE_F32, a, o0, o1, out, out_stride);
}

static void simd_linear_f16(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                            size_t out_stride) {
    float_linear(w, DTYPE_F16, a, o0, o1, out, out_stride);
}

static void simd_linear_bf16(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                             size_t out_stride) {
    float_linear(w, DTYPE_BF16, a, o0, o1, out, out_stride);
}

static void simd_install(struct num_kernels *k) {
    k->quantize = simd_quantize;
    k->finite = simd_finite;
    k->rmsnorm = simd_rmsnorm;
    k->rope_pairs = simd_rope_pairs;
    k->rope_halves = simd_rope_halves;
    k->gated = simd_gated;
    k->add = simd_add;
    k->linear[DTYPE_F32] = simd_linear_f32;
    k->linear[DTYPE_F16] = simd_linear_f16;
    k->linear[DTYPE_BF16] = simd_linear_bf16;
}

#endif
