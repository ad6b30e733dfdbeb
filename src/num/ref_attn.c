/* Rule 5: storing keys and values, and attention of one query over pages, in binary16 and in int8. */
#include <assert.h>
#include <math.h>

#include "num/elementary.h"
#include "num/fp16.h"
#include "num/kv_int8.h"
#include "num/ref.h"

enum { TILES = NUM_KV_PAGE / NUM_KEY_TILE };

bool ref_kv_store(void *part, uint32_t pos, const float *k, const float *v, uint32_t head_dim) {
    if (!ref_finite(k, head_dim) || !ref_finite(v, head_dim)) return false;
    uint32_t p = pos % NUM_KV_PAGE;
    uint16_t *keys = (uint16_t *)part + (size_t)p / NUM_KEY_TILE * head_dim * NUM_KEY_TILE + p % NUM_KEY_TILE;
    uint16_t *values = (uint16_t *)part + (size_t)TILES * head_dim * NUM_KEY_TILE + (size_t)p * head_dim;
    for (uint32_t i = 0; i < head_dim; i++) {
        keys[(size_t)i * NUM_KEY_TILE] = num_f32_to_f16_sat(k[i]);
        values[i] = num_f32_to_f16_sat(v[i]);
    }
    return true;
}

bool ref_kv_store_int8(void *part, uint32_t pos, const float *k, const float *v, uint32_t head_dim) {
    int8_t kq[NUM_HEAD_DIM_MAX + KV8_RUN] = {0}, vq[NUM_HEAD_DIM_MAX];
    uint32_t p = pos % NUM_KV_PAGE;
    float dk, dv;
    if (!ref_quantize_block(k, head_dim, kq, &dk, NULL) || !ref_quantize_block(v, head_dim, vq, &dv, NULL))
        return false;
    struct kv8 to = kv8_part(part, head_dim);
    for (uint32_t r = 0; r < kv8_runs(head_dim); r++)
        memcpy(to.k + kv8_key(head_dim, p, r), kq + (size_t)r * KV8_RUN, KV8_RUN);
    for (uint32_t i = 0; i < head_dim; i++) to.v[kv8_value(head_dim, p, i)] = vq[i];
    to.dk[p] = dk;
    to.dv[p] = dv;
    return true;
}

/* What a set of positions gives: the greatest score, the sum of exponentials relative to it, and the values weighted
 * by them. */
struct part_sum {
    float m, l, *o; /* o[head_dim] */
};

/* Scores of positions from <= p < to of one page: dot products by rule 3, times scale. */
static void scores(const struct num_attn *shape, const float *query, const uint16_t *keys, uint32_t from, uint32_t to,
                   float *s) {
    for (uint32_t p = from; p < to; p++) {
        const uint16_t *k = keys + (size_t)(p / NUM_KEY_TILE) * shape->head_dim * NUM_KEY_TILE + p % NUM_KEY_TILE;
        float dot = 0.0f;
        for (uint32_t i = 0; i < shape->head_dim; i++)
            dot = fmaf(query[i], num_f16_to_f32(k[(size_t)i * NUM_KEY_TILE]), dot);
        s[p] = dot * shape->scale;
    }
}

/* Scores become exponentials relative to the greatest; gives that and their sum by rule 4. */
static void exponents(uint32_t from, uint32_t to, float *s, struct part_sum *out) {
    float lane[NUM_LANES] = {0};
    uint32_t live = 0;
    out->m = s[from];
    for (uint32_t p = from + 1; p < to; p++) out->m = s[p] > out->m ? s[p] : out->m;
    for (uint32_t p = from; p < to; p++) {
        s[p] = num_expf(s[p] - out->m);
        lane[p % NUM_LANES] = lane[p % NUM_LANES] + s[p];
        live |= 1u << p % NUM_LANES;
    }
    out->l = ref_tree(lane, live);
}

/* One block of 64 positions, of which from <= p < to are not masked. s: NUM_KV_PAGE floats. */
static void block(const struct num_attn *shape, const float *query, const uint16_t *part, uint32_t from, uint32_t to,
                  float *s, struct part_sum *out) {
    uint32_t d = shape->head_dim;
    const uint16_t *values = part + (size_t)TILES * d * NUM_KEY_TILE;
    scores(shape, query, part, from, to, s);
    exponents(from, to, s, out);
    for (uint32_t i = 0; i < d; i++) out->o[i] = 0.0f;
    for (uint32_t p = from; p < to; p++)
        for (uint32_t i = 0; i < d; i++) out->o[i] = fmaf(s[p], num_f16_to_f32(values[(size_t)p * d + i]), out->o[i]);
}

/* A query as codes; d is its scale times that of the scores. */
struct query8 {
    int8_t q[NUM_HEAD_DIM_MAX];
    float d;
};

static void scores_int8(uint32_t head_dim, const struct query8 *query, const struct kv8 *page, uint32_t from,
                        uint32_t to, float *s) {
    for (uint32_t p = from; p < to; p++) {
        int32_t dot = 0;
        for (uint32_t i = 0; i < head_dim; i++)
            dot += query->q[i] * page->k[kv8_key(head_dim, p, i / KV8_RUN) + i % KV8_RUN];
        s[p] = (float)dot * (query->d * page->dk[p]);
    }
}

/* The same block on int8 keys and values: weights are quantised with the values' scales, 32 positions at a time. */
static void block_int8(const struct num_attn *shape, const struct query8 *query, const struct kv8 *page, uint32_t from,
                       uint32_t to, float *s, struct part_sum *out) {
    scores_int8(shape->head_dim, query, page, from, to, s);
    exponents(from, to, s, out);
    for (uint32_t i = 0; i < shape->head_dim; i++) out->o[i] = 0.0f;
    for (uint32_t g = 0; g < NUM_KV_PAGE; g += NUM_BLOCK) {
        uint32_t begin = from > g ? from : g, end = to < g + NUM_BLOCK ? to : g + NUM_BLOCK;
        float w[NUM_BLOCK] = {0}, d;
        int8_t c[NUM_BLOCK];
        for (uint32_t p = begin; p < end; p++) w[p - g] = s[p] * page->dv[p];
        if (!ref_quantize_block(w, NUM_BLOCK, c, &d, NULL)) continue; /* l is NaN, and with it the output */
        for (uint32_t i = 0; i < shape->head_dim; i++) {
            int32_t sum = 0;
            for (uint32_t p = 0; p < NUM_BLOCK; p++) sum += c[p] * page->v[kv8_value(shape->head_dim, g + p, i)];
            out->o[i] = fmaf((float)sum, d, out->o[i]);
        }
    }
}

/* b.o NULL stands for a row of +0. */
static void merge(struct part_sum *a, const struct part_sum *b, uint32_t head_dim) {
    float m = b->m > a->m ? b->m : a->m;
    float fa = num_expf(a->m - m), fb = num_expf(b->m - m);
    a->m = m;
    a->l = fmaf(a->l, fa, b->l * fb);
    for (uint32_t i = 0; i < head_dim; i++) a->o[i] = fmaf(a->o[i], fa, (b->o ? b->o[i] : 0.0f) * fb);
}

/* codes NULL: keys and values are binary16. */
static void attend(const struct num_attn *shape, const float *query, const struct query8 *codes, uint8_t *const *pages,
                   size_t offset, float *out, float *scratch) {
    assert(shape->first < shape->n_pos && shape->head_dim <= NUM_HEAD_DIM_MAX);
    struct part_sum sum = {.o = out}, next = {.o = scratch + NUM_KV_PAGE};
    uint32_t first_page = shape->first / NUM_KV_PAGE, last_page = (shape->n_pos - 1) / NUM_KV_PAGE;
    for (uint32_t page = first_page; page <= last_page; page++) {
        uint32_t from = page == first_page ? shape->first % NUM_KV_PAGE : 0;
        uint32_t to = page == last_page ? (shape->n_pos - 1) % NUM_KV_PAGE + 1 : NUM_KV_PAGE;
        struct part_sum *into = page == first_page ? &sum : &next; /* the first block is copied, not merged */
        void *part = pages[page] + offset;
        struct kv8 part8 = kv8_part(part, shape->head_dim);
        if (codes) block_int8(shape, codes, &part8, from, to, scratch, into);
        else block(shape, query, part, from, to, scratch, into);
        if (page != first_page) merge(&sum, &next, shape->head_dim);
    }
    if (shape->has_sink) {
        struct part_sum sink = {.m = shape->sink, .l = 1.0f};
        merge(&sum, &sink, shape->head_dim);
    }
    for (uint32_t i = 0; i < shape->head_dim; i++) out[i] = out[i] / sum.l;
}

void ref_attend_one(const struct num_attn *shape, const float *query, uint8_t *const *pages, size_t offset, float *out,
                    float *scratch) {
    attend(shape, query, NULL, pages, offset, out, scratch);
}

void ref_attend(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset) {
    float scratch[NUM_ATTN_SCRATCH];
    for (uint32_t i = 0; i < n; i++)
        ref_attend_one(&queries[i].shape, queries[i].query, pages, offset, queries[i].out, scratch);
}

void ref_attend_int8(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset) {
    float scratch[NUM_ATTN_SCRATCH] = {0};
    for (uint32_t i = 0; i < n; i++) {
        struct query8 codes;
        bool ok = ref_quantize_block(queries[i].query, queries[i].shape.head_dim, codes.q, &codes.d, NULL);
        assert(ok); /* a query is finite: docs/arithmetic.md, section 9 */
        (void)ok;
        codes.d = codes.d * queries[i].shape.scale;
        attend(&queries[i].shape, NULL, &codes, pages, offset, queries[i].out, scratch);
    }
}
