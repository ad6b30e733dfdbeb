/* simd_attend: attention of several queries over the same binary16 keys and values (num_kernels.attend), written
 * once on the vector operations of a simd_*.h, which the including file names first. A key or value is widened once for
 * all queries. Lanes are keys for the scores, elements of the head for the values. */
#ifndef SIL_NUM_SIMD_ATTEND_H
#define SIL_NUM_SIMD_ATTEND_H

#include <string.h>

#include "num/fp16.h"
#include "num/simd_softmax.h"

enum {
    AT_TILES = VF_W == 16 ? 4 : 1,  /* tiles of keys at once, where so many are wanted */
    AT_VALUE_V = VF_W == 8 ? 2 : 4, /* vectors of a row of values at once */
};

/* Scores of n_tiles tiles of keys from tile t on. */
AT_INLINE void at_scores(int n, int n_tiles, struct at_query *a, const uint16_t *keys, uint32_t t) {
    uint32_t d = a->q->shape.head_dim;
    size_t tile = (size_t)d * NUM_KEY_TILE;
    vf dot[AT_QUERIES][AT_TILES * AT_TILE_V];
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_tiles * AT_TILE_V; v++) dot[q][v] = vf_set1(0.0f);
    const uint16_t *k = keys + t * tile;
    for (uint32_t i = 0; i < d; i++, k += NUM_KEY_TILE) {
        vf key[AT_TILES * AT_TILE_V];
        for (int v = 0; v < n_tiles * AT_TILE_V; v++)
            key[v] = vf_load_f16(k + (size_t)(v / AT_TILE_V) * tile + v % AT_TILE_V * VF_W);
        for (int q = 0; q < n; q++) {
            vf x = vf_set1(a[q].q->query[i]);
            for (int v = 0; v < n_tiles * AT_TILE_V; v++) dot[q][v] = vf_fma(x, key[v], dot[q][v]);
        }
    }
    vf scale = vf_set1(a->q->shape.scale);
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_tiles * AT_TILE_V; v++)
            vf_store(a[q].s + t * NUM_KEY_TILE + v * VF_W, vf_mul(dot[q][v], scale));
}

/* Elements i .. i + n_v * VF_W - 1: o += e[p] * value[p], positions from .. to-1 ascending. */
AT_INLINE void at_values(int n, int n_v, struct at_query *a, const uint16_t *values, uint32_t i, uint32_t from,
                         uint32_t to) {
    uint32_t d = a->q->shape.head_dim;
    vf acc[AT_QUERIES][AT_VALUE_V];
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_v; v++) acc[q][v] = vf_load(a[q].o + i + v * VF_W);
    const uint16_t *at = values + (size_t)from * d + i;
    for (uint32_t p = from; p < to; p++, at += d) {
        vf value[AT_VALUE_V];
        for (int v = 0; v < n_v; v++) value[v] = vf_load_f16(at + v * VF_W);
        for (int q = 0; q < n; q++) {
            vf e = vf_set1(a[q].s[p]);
            for (int v = 0; v < n_v; v++) acc[q][v] = vf_fma(e, value[v], acc[q][v]);
        }
    }
    for (int q = 0; q < n; q++)
        for (int v = 0; v < n_v; v++) vf_store(a[q].o + i + v * VF_W, acc[q][v]);
}

/* The tiles of positions lo .. hi-1, or the values of positions from .. to-1, for n queries. */
AT_INLINE void at_run(int n, bool scores, struct at_query *a, const uint16_t *part, uint32_t from, uint32_t to) {
    if (scores) {
        uint32_t t = from / NUM_KEY_TILE, end = (to - 1) / NUM_KEY_TILE + 1;
        for (; AT_TILES > 1 && t + AT_TILES <= end; t += AT_TILES) at_scores(n, AT_TILES, a, part, t);
        for (; t < end; t++) at_scores(n, 1, a, part, t);
        return;
    }
    uint32_t d = a->q->shape.head_dim, i = 0;
    for (; i + AT_VALUE_V * VF_W <= d; i += AT_VALUE_V * VF_W) at_values(n, AT_VALUE_V, a, part, i, from, to);
    for (; i + VF_W <= d; i += VF_W) at_values(n, 1, a, part, i, from, to);
    for (; i < d; i++)
        for (int q = 0; q < n; q++)
            for (uint32_t p = from; p < to; p++)
                a[q].o[i] = fmaf(a[q].s[p], num_f16_to_f32(part[(size_t)p * d + i]), a[q].o[i]);
}

static void at_some(uint32_t n, bool scores, struct at_query *a, const uint16_t *part, uint32_t from, uint32_t to) {
    if (from >= to) return;
    switch (n) {
    case 1: at_run(1, scores, a, part, from, to); break;
    case 2: at_run(2, scores, a, part, from, to); break;
    case 3: at_run(3, scores, a, part, from, to); break;
    case 4: at_run(4, scores, a, part, from, to); break;
#if defined(__AVX512F__)
    case 5: at_run(5, scores, a, part, from, to); break;
    case 6: at_run(6, scores, a, part, from, to); break;
#endif
    default: assert(false);
    }
}

/* The page's sums for n queries, each of which has positions in it. Positions that only some have are added for those
 * alone: a masked position performs no operation. */
static void at_page(struct at_query *a, uint32_t n, void *page) {
    const uint16_t *part = page;
    uint32_t d = a->q->shape.head_dim, lo = NUM_KV_PAGE, hi = 0, from = 0, to = NUM_KV_PAGE;
    const uint16_t *values = part + (size_t)NUM_KV_PAGE * d;
    for (uint32_t q = 0; q < n; q++) {
        lo = a[q].from < lo ? a[q].from : lo;
        hi = a[q].to > hi ? a[q].to : hi;
        from = a[q].from > from ? a[q].from : from;
        to = a[q].to < to ? a[q].to : to;
        memset(a[q].o, 0, d * sizeof(float));
    }
    at_some(n, true, a, part, lo, hi);
    if (from > to) to = from; /* nothing in common */
    for (uint32_t q = 0; q < n; q++) {
        attn_exponents(a[q].from, a[q].to, a[q].s, &a[q].m, &a[q].l);
        at_some(1, false, a + q, values, a[q].from, from < a[q].to ? from : a[q].to);
    }
    at_some(n, false, a, values, from, to);
    for (uint32_t q = 0; q < n; q++) at_some(1, false, a + q, values, to > a[q].from ? to : a[q].from, a[q].to);
}

static void simd_attend(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset) {
    at_all(queries, NULL, n, pages, offset, at_page);
}

#endif
