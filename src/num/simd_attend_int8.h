/* simd_attend_int8: attention of several queries over the same int8 keys and values (num_kernels.attend), written
 * once on the vector and byte operations of a simd_*.h, which the including file names first. Integer sums are exact in
 * any order; lanes are keys for the scores, elements of the head for the values. */
#ifndef SIL_NUM_SIMD_ATTEND_INT8_H
#define SIL_NUM_SIMD_ATTEND_INT8_H

#include <string.h>

#include "num/floatbits.h"
#include "num/kv_int8.h"
#include "num/ref.h"
#include "num/simd_softmax.h"

enum {
    A8_RUN_BYTES = NUM_KEY_TILE * KV8_RUN,
    A8_GROUPS = NUM_KV_PAGE / NUM_BLOCK,
    A8_TILES = VF_W == 16 ? 2 : 1, /* tiles of keys at once, where so many are wanted */
    A8_VALUE_V = VF_W == 4 ? 4 : 2 /* vectors of a row of values at once */
};

/* Weights of a page's positions as codes, with a scale for each group of 32. */
struct a8_weights {
    float d[A8_GROUPS];
    int8_t q[NUM_KV_PAGE];
};

static inline vi a8_run(const int8_t *p) {
    int32_t run;
    memcpy(&run, p, sizeof run);
    return vi_set1(run);
}

/* Scores of n_tiles tiles of keys from tile t on. */
AT_INLINE void a8_scores(int n, int n_tiles, struct at_query *a, const struct kv8 *page, uint32_t t) {
    uint32_t runs = kv8_runs(a->q->shape.head_dim);
    size_t tile = (size_t)runs * A8_RUN_BYTES;
    vi dot[AT_QUERIES][A8_TILES * AT_TILE_V];
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_tiles * AT_TILE_V; v++) dot[q][v] = i8_begin(a[q].code->sum);
    const int8_t *k = page->k + t * tile;
    for (uint32_t r = 0; r < runs; r++, k += A8_RUN_BYTES) {
        vi key[A8_TILES * AT_TILE_V];
        for (int v = 0; v < n_tiles * AT_TILE_V; v++)
            key[v] = i8_load(k + (size_t)(v / AT_TILE_V) * tile + (size_t)(v % AT_TILE_V) * VF_W * KV8_RUN);
        for (int q = 0; q < n; q++) {
            vi x = a8_run(a[q].code->q + (size_t)r * KV8_RUN);
            for (int v = 0; v < n_tiles * AT_TILE_V; v++) dot[q][v] = i8_dot(dot[q][v], key[v], x);
        }
    }
    for (int q = 0; q < n; q++) {
        vf d = vf_set1(a[q].code->d);
        for (int v = 0; v < n_tiles * AT_TILE_V; v++) {
            uint32_t p = t * NUM_KEY_TILE + (uint32_t)v * VF_W;
            vf_store(a[q].s + p, vf_mul(vf_of_int(dot[q][v]), vf_mul(d, vf_load(page->dk + p))));
        }
    }
}

/* Elements i .. i + n_v * VF_W - 1 of n queries over groups g0 .. g1-1 of 32 positions. */
AT_INLINE void a8_values(int n, int n_v, struct at_query *a, const struct a8_weights *w, const struct kv8 *page,
                         uint32_t i, uint32_t g0, uint32_t g1) {
    size_t row = (size_t)a->q->shape.head_dim * KV8_RUN;
    vf acc[AT_QUERIES][A8_VALUE_V];
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_v; v++) acc[q][v] = vf_set1(0.0f);
    for (uint32_t g = g0; g < g1; g++) {
        vi sum[AT_QUERIES][A8_VALUE_V];
        for (int q = 0; q < n; q++)
            for (int v = 0; v < n_v; v++) sum[q][v] = vi_set1(0);
        const int8_t *at = page->v + (size_t)g * (NUM_BLOCK / KV8_RUN) * row + (size_t)i * KV8_RUN;
        for (uint32_t r = g * NUM_BLOCK; r < (g + 1) * NUM_BLOCK; r += KV8_RUN, at += row) {
            vi value[A8_VALUE_V];
            for (int v = 0; v < n_v; v++) value[v] = i8_load(at + (size_t)v * VF_W * KV8_RUN);
            for (int q = 0; q < n; q++) {
                vi c = a8_run(w[q].q + r);
                for (int v = 0; v < n_v; v++) sum[q][v] = i8_dot_weights(sum[q][v], c, value[v]);
            }
        }
        for (int q = 0; q < n; q++)
            for (int v = 0; v < n_v; v++) acc[q][v] = vf_fma(vf_of_int(sum[q][v]), vf_set1(w[q].d[g]), acc[q][v]);
    }
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_v; v++) vf_store(a[q].o + i + v * VF_W, acc[q][v]);
}

/* Element i, where a vector would pass the head's end. */
static inline void a8_value(struct at_query *a, const struct a8_weights *w, const struct kv8 *page, uint32_t i,
                            uint32_t g0, uint32_t g1) {
    a->o[i] = 0.0f;
    for (uint32_t g = g0; g < g1; g++) {
        int32_t sum = 0;
        for (uint32_t p = g * NUM_BLOCK; p < (g + 1) * NUM_BLOCK; p++)
            sum += w->q[p] * page->v[kv8_value(a->q->shape.head_dim, p, i)];
        a->o[i] = fmaf((float)sum, w->d[g], a->o[i]);
    }
}

/* The scores of tiles t0 .. t1-1, or the values' sums over groups t0 .. t1-1, for n queries. */
AT_INLINE void a8_run_all(int n, bool scores, struct at_query *a, const struct a8_weights *w, const struct kv8 *page,
                          uint32_t t0, uint32_t t1) {
    if (scores) {
        uint32_t t = t0;
        for (; A8_TILES > 1 && t + A8_TILES <= t1; t += A8_TILES) a8_scores(n, A8_TILES, a, page, t);
        for (; t < t1; t++) a8_scores(n, 1, a, page, t);
        return;
    }
    uint32_t d = a->q->shape.head_dim, i = 0;
    for (; i + A8_VALUE_V * VF_W <= d; i += A8_VALUE_V * VF_W) a8_values(n, A8_VALUE_V, a, w, page, i, t0, t1);
    for (; i + VF_W <= d; i += VF_W) a8_values(n, 1, a, w, page, i, t0, t1);
    for (; i < d; i++)
        for (int q = 0; q < n; q++) a8_value(a + q, w + q, page, i, t0, t1);
}

static void a8_some(uint32_t n, bool scores, struct at_query *a, const struct a8_weights *w, const struct kv8 *page,
                    uint32_t t0, uint32_t t1) {
    switch (n) {
    case 1: a8_run_all(1, scores, a, w, page, t0, t1); break;
    case 2: a8_run_all(2, scores, a, w, page, t0, t1); break;
    case 3: a8_run_all(3, scores, a, w, page, t0, t1); break;
    case 4: a8_run_all(4, scores, a, w, page, t0, t1); break;
#if defined(__AVX512F__)
    case 5: a8_run_all(5, scores, a, w, page, t0, t1); break;
    case 6: a8_run_all(6, scores, a, w, page, t0, t1); break;
#endif
    default: assert(false);
    }
}

/* Exponentials times the values' scales, as codes. Masked positions weigh +0 whatever their scale is. */
static inline void a8_quantize(const struct at_query *a, const float *dv, struct a8_weights *w) {
    const vf zero = vf_set1(0.0f);
    uint32_t t0 = a->from / NUM_KEY_TILE * NUM_KEY_TILE, t1 = (a->to - 1) / NUM_KEY_TILE * NUM_KEY_TILE + NUM_KEY_TILE;
    for (uint32_t g = 0; g < A8_GROUPS; g++) {
        vf x[NUM_BLOCK / VF_W], most = zero;
        float lane[VF_W], amax = 0.0f;
        for (uint32_t v = 0; v < NUM_BLOCK / VF_W; v++) {
            uint32_t p = g * NUM_BLOCK + v * VF_W;
            x[v] = zero;
            if (p < t0 || p >= t1) continue;
            vf e = vf_load(a->s + p);
            x[v] = vf_pick(vf_lt(zero, e), vf_mul(e, vf_load(dv + p)), zero);
            most = vf_pick(vf_lt(most, x[v]), x[v], most);
        }
        vf_store(lane, most);
        for (int l = 0; l < VF_W; l++) amax = lane[l] > amax ? lane[l] : amax;
        bool none = amax < 0x1p-60f;
        vf scale = vf_set1(none ? 0.0f : 127.0f / amax);
        w->d[g] = none ? 0.0f : amax / 127.0f;
        for (uint32_t v = 0; v < NUM_BLOCK / VF_W; v++)
            vi_store_bytes(w->q + g * NUM_BLOCK + v * VF_W, vf_rint(vf_mul(x[v], scale)));
    }
}

static void a8_page(struct at_query *a, uint32_t n, void *part) {
    struct kv8 page = kv8_part(part, a->q->shape.head_dim);
    struct a8_weights w[AT_QUERIES];
    uint32_t lo = NUM_KV_PAGE, hi = 0;
    for (uint32_t q = 0; q < n; q++) {
        lo = a[q].from < lo ? a[q].from : lo;
        hi = a[q].to > hi ? a[q].to : hi;
    }
    a8_some(n, true, a, NULL, &page, lo / NUM_KEY_TILE, (hi - 1) / NUM_KEY_TILE + 1);
    for (uint32_t q = 0; q < n; q++) {
        attn_exponents(a[q].from, a[q].to, a[q].s, &a[q].m, &a[q].l);
        a8_quantize(&a[q], page.dv, &w[q]);
    }
    a8_some(n, false, a, w, &page, lo / NUM_BLOCK, (hi - 1) / NUM_BLOCK + 1);
}

static void simd_attend_int8(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset) {
    struct at_code codes[NUM_ATTN_QUERIES];
    assert(n >= 1 && n <= NUM_ATTN_QUERIES);
    for (uint32_t g = 0; g < n; g++) {
        struct at_code *c = &codes[g];
        uint32_t d = queries[g].shape.head_dim;
        bool ok = ref_quantize_block(queries[g].query, d, c->q, &c->d, &c->sum);
        assert(ok);
        (void)ok;
        memset(c->q + d, 0, kv8_runs(d) * KV8_RUN - d);
        c->d = c->d * queries[g].shape.scale;
    }
    at_all(queries, codes, n, pages, offset, a8_page);
}

#endif
