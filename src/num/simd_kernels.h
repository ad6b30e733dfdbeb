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

/* --- attention: lanes are keys for the scores, elements of the head for the values --- */

/* Scores of the tiles that hold positions from .. to-1; those of other positions in them are meaningless. */
static void attn_scores(const struct num_attn *shape, const float *query, const uint16_t *keys, uint32_t from,
                        uint32_t to, float *s) {
    enum { V = NUM_KEY_TILE / VF_W };
    for (uint32_t t = from / NUM_KEY_TILE; t <= (to - 1) / NUM_KEY_TILE; t++) {
        const uint16_t *k = keys + (size_t)t * shape->head_dim * NUM_KEY_TILE;
        vf dot[V];
        for (int v = 0; v < V; v++) dot[v] = vf_set1(0.0f);
        for (uint32_t i = 0; i < shape->head_dim; i++, k += NUM_KEY_TILE)
            for (int v = 0; v < V; v++) dot[v] = vf_fma(vf_set1(query[i]), vf_load_f16(k + v * VF_W), dot[v]);
        for (int v = 0; v < V; v++) vf_store(s + t * NUM_KEY_TILE + v * VF_W, vf_mul(dot[v], vf_set1(shape->scale)));
    }
}

/* The greatest of s[from .. to-1]: a maximum is the same in any order. */
static float attn_max(const float *s, uint32_t from, uint32_t to) {
    uint32_t p = from;
    float m = s[p++], lane[NUM_LANES];
    for (; p < to && p % NUM_LANES != 0; p++) m = s[p] > m ? s[p] : m;
    if (p + NUM_LANES <= to) {
        vf most[NUM_LANES / VF_W];
        for (int v = 0; v < NUM_LANES / VF_W; v++) most[v] = vf_load(s + p + v * VF_W);
        for (p += NUM_LANES; p + NUM_LANES <= to; p += NUM_LANES) {
            for (int v = 0; v < NUM_LANES / VF_W; v++) {
                vf x = vf_load(s + p + v * VF_W);
                most[v] = vf_pick(vf_lt(most[v], x), x, most[v]);
            }
        }
        for (int v = 0; v < NUM_LANES / VF_W; v++) vf_store(lane + v * VF_W, most[v]);
        for (int step = NUM_LANES / 2; step >= 1; step /= 2)
            for (int l = 0; l < step; l++) lane[l] = lane[l + step] > lane[l] ? lane[l + step] : lane[l];
        m = lane[0] > m ? lane[0] : m;
    }
    for (; p < to; p++) m = s[p] > m ? s[p] : m;
    return m;
}

/* s becomes exp(s - max), +0 for masked positions of the same tiles; gives max and the sum by rule 4. */
static void attn_exponents(uint32_t from, uint32_t to, float *s, float *max, float *sum) {
    uint32_t t0 = from / NUM_KEY_TILE * NUM_KEY_TILE, t1 = (to - 1) / NUM_KEY_TILE * NUM_KEY_TILE + NUM_KEY_TILE;
    float m = attn_max(s, from, to), lane[NUM_LANES];
    for (uint32_t p = t0; p < t1; p += VF_W) vf_store(s + p, vf_exp(vf_sub(vf_load(s + p), vf_set1(m))));
    for (uint32_t p = t0; p < from; p++) s[p] = 0.0f;
    for (uint32_t p = to; p < t1; p++) s[p] = 0.0f;
    for (uint32_t l = 0; l < NUM_LANES; l += VF_W) {
        vf all = vf_set1(0.0f);
        for (uint32_t p = t0 + l; p < t1; p += NUM_LANES) all = vf_add(all, vf_load(s + p));
        vf_store(lane + l, all); /* +0 changes no sum of exponentials */
    }
    for (int step = NUM_LANES / 2; step >= 1; step /= 2)
        for (int l = 0; l < step; l++) lane[l] = lane[l] + lane[l + step];
    *max = m;
    *sum = lane[0];
}

/* o[i] = sum of e[p] * v[p][i], p ascending. */
static void attn_values(const uint16_t *values, uint32_t head_dim, uint32_t from, uint32_t to, const float *e,
                        float *o) {
    enum { V = 32 / VF_W };
    uint32_t i = 0;
    for (; i + 32 <= head_dim; i += 32) {
        vf acc[V];
        for (int v = 0; v < V; v++) acc[v] = vf_set1(0.0f);
        for (uint32_t p = from; p < to; p++) {
            const uint16_t *at = values + (size_t)p * head_dim + i;
            for (int v = 0; v < V; v++) acc[v] = vf_fma(vf_set1(e[p]), vf_load_f16(at + v * VF_W), acc[v]);
        }
        for (int v = 0; v < V; v++) vf_store(o + i + v * VF_W, acc[v]);
    }
    for (; i < head_dim; i++) {
        float acc = 0.0f;
        for (uint32_t p = from; p < to; p++) acc = fmaf(e[p], num_f16_to_f32(values[(size_t)p * head_dim + i]), acc);
        o[i] = acc;
    }
}

/* Merges (m, l, o2) into (*am, *al, o); o2 NULL is a row of +0. */
static void attn_merge(float *am, float *al, float *o, float m, float l, const float *o2, uint32_t head_dim) {
    float top = m > *am ? m : *am, fa = num_expf(*am - top), fb = num_expf(m - top);
    *am = top;
    *al = fmaf(*al, fa, l * fb);
    uint32_t i = 0;
    for (; i + VF_W <= head_dim; i += VF_W) {
        vf other = o2 ? vf_load(o2 + i) : vf_set1(0.0f);
        vf_store(o + i, vf_fma(vf_load(o + i), vf_set1(fa), vf_mul(other, vf_set1(fb))));
    }
    for (; i < head_dim; i++) o[i] = fmaf(o[i], fa, (o2 ? o2[i] : 0.0f) * fb);
}

static void simd_attend(const struct num_attn *shape, const float *query, uint8_t *const *pages, size_t offset,
                        float *out, float *scratch) {
    assert(shape->first < shape->n_pos && shape->head_dim <= NUM_HEAD_DIM_MAX);
    uint32_t d = shape->head_dim, first_page = shape->first / NUM_KV_PAGE;
    uint32_t last_page = (shape->n_pos - 1) / NUM_KV_PAGE;
    float max = 0.0f, sum = 0.0f, *s = scratch, *next = scratch + NUM_KV_PAGE;
    for (uint32_t page = first_page; page <= last_page; page++) {
        uint32_t from = page == first_page ? shape->first % NUM_KV_PAGE : 0;
        uint32_t to = page == last_page ? (shape->n_pos - 1) % NUM_KV_PAGE + 1 : NUM_KV_PAGE;
        const uint16_t *part = (const uint16_t *)(const void *)(pages[page] + offset);
        const uint16_t *values = part + (size_t)NUM_KV_PAGE * d;
        float m, l;
        attn_scores(shape, query, part, from, to, s);
        attn_exponents(from, to, s, &m, &l);
        attn_values(values, d, from, to, s, page == first_page ? out : next);
        if (page == first_page) {
            max = m;
            sum = l;
        } else {
            attn_merge(&max, &sum, out, m, l, next, d);
        }
    }
    if (shape->has_sink) attn_merge(&max, &sum, out, shape->sink, 1.0f, NULL, d);
    for (uint32_t i = 0; i < d; i++) out[i] = out[i] / sum;
}

#include "num/simd_attend.h"

static void simd_install(struct num_kernels *k) {
    k->quantize = simd_quantize;
    k->finite = simd_finite;
    k->rmsnorm = simd_rmsnorm;
    k->rope_pairs = simd_rope_pairs;
    k->rope_halves = simd_rope_halves;
    k->gated = simd_gated;
    k->add = simd_add;
    k->attend = simd_attend;
    k->attend_group = simd_attend_group;
    k->linear[DTYPE_F32] = simd_linear_f32;
    k->linear[DTYPE_F16] = simd_linear_f16;
    k->linear[DTYPE_BF16] = simd_linear_bf16;
}

#endif
