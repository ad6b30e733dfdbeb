/* simd_softmax: what attention on vectors has in common, whatever its keys and values are: exponentials and merging of
 * blocks, and the way through the pages of several queries at once, page by page, so that a key or value is loaded once
 * for all of them. Every operation is the reference's; lanes are positions, or elements of the head. */
#ifndef SIL_NUM_SIMD_SOFTMAX_H
#define SIL_NUM_SIMD_SOFTMAX_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/elementary.h"
#include "num/num.h"
#include "num/simd_math.h"

enum {
    AT_QUERIES = VF_W == 16 ? 6 : 4, /* queries whose sums are in registers */
    AT_TILE_V = NUM_KEY_TILE / VF_W  /* vectors of a tile */
};

#define AT_INLINE static inline __attribute__((always_inline))

/* A query as 8-bit codes, for int8 keys. */
struct at_code {
    float d;     /* its scale times that of the scores */
    int32_t sum; /* of the codes */
    int8_t q[NUM_HEAD_DIM_MAX];
};

/* One query's part in a page. */
struct at_query {
    const struct num_query *q;
    const struct at_code *code; /* NULL: keys are floats */
    uint32_t from, to;          /* its positions in the page */
    float m, l;                 /* of the page */
    float s[NUM_KV_PAGE];       /* scores, then exponentials */
    float o[NUM_HEAD_DIM_MAX];  /* of the page */
};

/* Fills m, l and o of n queries, each of which has positions in the page. */
typedef void at_page_fn(struct at_query *a, uint32_t n, void *part);

/* The greatest of s[from .. to-1]: a maximum is the same in any order. */
static inline float attn_max(const float *s, uint32_t from, uint32_t to) {
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
static inline void attn_exponents(uint32_t from, uint32_t to, float *s, float *max, float *sum) {
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

/* Merges (m, l, o2) into (*am, *al, o); o2 NULL is a row of +0. */
static inline void attn_merge(float *am, float *al, float *o, float m, float l, const float *o2, uint32_t head_dim) {
    float top = m > *am ? m : *am, fa[VF_W], fb[VF_W];
    vf va = vf_exp(vf_set1(*am - top)), vb = vf_exp(vf_set1(m - top));
    vf_store(fa, va);
    vf_store(fb, vb);
    *am = top;
    *al = fmaf(*al, fa[0], l * fb[0]);
    uint32_t i = 0;
    for (; i + VF_W <= head_dim; i += VF_W) {
        vf other = o2 ? vf_load(o2 + i) : vf_set1(0.0f);
        vf_store(o + i, vf_fma(vf_load(o + i), va, vf_mul(other, vb)));
    }
    for (; i < head_dim; i++) o[i] = fmaf(o[i], fa[0], (o2 ? o2[i] : 0.0f) * fb[0]);
}

/* Queries g0 .. g1-1 whose positions reach into the page. */
static inline void at_page_queries(const struct num_query *queries, const struct at_code *codes, uint32_t g0,
                                   uint32_t g1, uint32_t page, void *part, at_page_fn *run, float *max, float *sum) {
    struct at_query a[AT_QUERIES];
    uint32_t n = 0, begin = page * NUM_KV_PAGE;
    for (uint32_t g = g0; g < g1; g++) {
        const struct num_attn *shape = &queries[g].shape;
        if (shape->first >= begin + NUM_KV_PAGE || shape->n_pos <= begin) continue;
        a[n].q = &queries[g];
        a[n].code = codes ? &codes[g] : NULL;
        a[n].from = shape->first > begin ? shape->first - begin : 0;
        a[n].to = shape->n_pos - begin < NUM_KV_PAGE ? shape->n_pos - begin : NUM_KV_PAGE;
        n++;
    }
    if (n == 0) return;
    run(a, n, part);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t g = (uint32_t)(a[i].q - queries), d = a[i].q->shape.head_dim;
        if (a[i].q->shape.first >= begin) { /* the first page is copied, not merged */
            max[g] = a[i].m;
            sum[g] = a[i].l;
            memcpy(a[i].q->out, a[i].o, d * sizeof(float));
        } else {
            attn_merge(&max[g], &sum[g], a[i].q->out, a[i].m, a[i].l, a[i].o, d);
        }
    }
}

/* Attention of n queries; codes NULL: keys are floats. */
AT_INLINE void at_all(const struct num_query *queries, const struct at_code *codes, uint32_t n, uint8_t *const *pages,
                      size_t offset, at_page_fn *run) {
    float max[NUM_ATTN_QUERIES], sum[NUM_ATTN_QUERIES];
    uint32_t first = UINT32_MAX, n_pos = 0;
    assert(n >= 1 && n <= NUM_ATTN_QUERIES);
    for (uint32_t g = 0; g < n; g++) {
        const struct num_attn *shape = &queries[g].shape;
        assert(shape->first < shape->n_pos && shape->head_dim <= NUM_HEAD_DIM_MAX);
        first = shape->first < first ? shape->first : first;
        n_pos = shape->n_pos > n_pos ? shape->n_pos : n_pos;
    }
    uint32_t parts = (n + AT_QUERIES - 1) / AT_QUERIES;
    for (uint32_t page = first / NUM_KV_PAGE; page <= (n_pos - 1) / NUM_KV_PAGE; page++) {
        for (uint32_t i = 0; i < parts; i++)
            at_page_queries(queries, codes, i * n / parts, (i + 1) * n / parts, page, pages[page] + offset, run, max,
                            sum);
    }
    for (uint32_t g = 0; g < n; g++) {
        const struct num_attn *shape = &queries[g].shape;
        float *out = queries[g].out;
        if (shape->has_sink) attn_merge(&max[g], &sum[g], out, shape->sink, 1.0f, NULL, shape->head_dim);
        for (uint32_t i = 0; i < shape->head_dim; i++) out[i] = out[i] / sum[g];
    }
}

#endif
