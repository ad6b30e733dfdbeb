/* Attention and the KV cache's storage by the scalar definition (rule 5): against binary64, at page borders, with
 * windows and sinks, and with everything that is masked set to NaN. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "num/elementary.h"
#include "num/fp16.h"
#include "num/ref.h"

enum { PAGES = 5, DIM = 96, POSITIONS = PAGES * NUM_KV_PAGE, OFFSET = 128 };

static const double half_ulp = 0x1p-24;

struct cache {
    uint8_t *pages[PAGES];
    float k[POSITIONS][DIM], v[POSITIONS][DIM]; /* as given, not as rounded */
    float query[DIM], scratch[NUM_ATTN_SCRATCH];
};

/* Only positions first .. n_pos-1 are stored; all else is NaN. */
static struct cache *cache_new(uint64_t seed, uint32_t first, uint32_t n_pos) {
    struct rng r = {.seed = seed};
    struct cache *c = malloc(sizeof *c);
    assert_non_null(c);
    for (int i = 0; i < PAGES; i++) {
        c->pages[i] = malloc(OFFSET + num_kv_bytes(SIL_KV_F16, DIM));
        assert_non_null(c->pages[i]);
        memset(c->pages[i], 0xff, OFFSET + num_kv_bytes(SIL_KV_F16, DIM));
    }
    for (uint32_t p = 0; p < POSITIONS; p++) {
        for (int i = 0; i < DIM; i++) {
            c->k[p][i] = rng_normal(&r);
            c->v[p][i] = rng_normal(&r);
        }
        if (p >= first && p < n_pos)
            assert_true(ref_kv_store(c->pages[p / NUM_KV_PAGE] + OFFSET, p, c->k[p], c->v[p], DIM));
    }
    for (int i = 0; i < DIM; i++) c->query[i] = rng_normal(&r);
    return c;
}

static void cache_free(struct cache *c) {
    for (int i = 0; i < PAGES; i++) free(c->pages[i]);
    free(c);
}

static double rounded(float x) {
    return (double)num_f16_to_f32(num_f32_to_f16_sat(x));
}

/* Softmax attention in binary64 over the rounded keys and values; *spread: the largest sum of |q k|, for the bound. */
static void exact(const struct cache *c, const struct num_attn *a, double out[DIM], double *spread) {
    double s[POSITIONS], max = a->has_sink ? (double)a->sink : -INFINITY, sum = 0;
    *spread = 0;
    for (uint32_t p = a->first; p < a->n_pos; p++) {
        double size = 0;
        s[p] = 0;
        for (int i = 0; i < DIM; i++) {
            s[p] += (double)c->query[i] * rounded(c->k[p][i]);
            size += fabs((double)c->query[i] * rounded(c->k[p][i]));
        }
        s[p] *= (double)a->scale;
        max = fmax(max, s[p]);
        *spread = fmax(*spread, size * (double)a->scale);
    }
    for (int i = 0; i < DIM; i++) out[i] = 0;
    for (uint32_t p = a->first; p < a->n_pos; p++) {
        double e = exp(s[p] - max);
        sum += e;
        for (int i = 0; i < DIM; i++) out[i] += e * rounded(c->v[p][i]);
    }
    if (a->has_sink) sum += exp((double)a->sink - max);
    for (int i = 0; i < DIM; i++) out[i] /= sum;
}

static void check(struct cache *c, const struct num_attn *a) {
    float got[DIM];
    double want[DIM], spread;
    ref_attend_one(a, c->query, c->pages, OFFSET, got, c->scratch);
    exact(c, a, want, &spread);
    /* A score has at most DIM + 2 roundings relative to its spread, and moves its weight by as much; a weight has the
     * error of exp (2 half ulps) and of the difference before it; a sum over a block and its merges at most 64 + 4
     * per page. Values here are below 6, so errors of weights are at most 12 times that in the output. */
    double bound = 12 * half_ulp * ((DIM + 2) * spread + 2 * spread + 4 + 64 + 4 * PAGES);
    for (int i = 0; i < DIM; i++) {
        if (!(fabs((double)got[i] - want[i]) <= bound))
            fail_msg("positions %u..%u, element %d: %g, want %g (bound %g)", a->first, a->n_pos - 1, i, (double)got[i],
                     want[i], bound);
    }
}

static void test_against_binary64(void **state) {
    (void)state;
    static const uint32_t ends[] = {1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 200, POSITIONS};
    for (size_t n = 0; n < sizeof ends / sizeof *ends; n++) {
        uint32_t firsts[] = {0, ends[n] - 1, ends[n] / 2, ends[n] > 64 ? 64 : 0, ends[n] > 70 ? ends[n] - 70 : 0};
        for (int f = 0; f < 5; f++) {
            struct cache *c = cache_new(n * 5 + (uint64_t)f, firsts[f], ends[n]);
            struct num_attn a = {.head_dim = DIM, .n_pos = ends[n], .first = firsts[f], .scale = 0.102f};
            check(c, &a);
            a.has_sink = true;
            a.sink = 1.5f;
            check(c, &a);
            cache_free(c);
        }
    }
}

/* One key alone: its weight is exactly 1, so the output is the rounded value, to the bit. */
static void test_one_key(void **state) {
    (void)state;
    for (uint32_t p = 0; p < POSITIONS; p += 67) {
        struct cache *c = cache_new(p, p, p + 1);
        struct num_attn a = {.head_dim = DIM, .n_pos = p + 1, .first = p, .scale = 0.1f};
        float got[DIM];
        ref_attend_one(&a, c->query, c->pages, OFFSET, got, c->scratch);
        for (int i = 0; i < DIM; i++) assert_int_equal(float_bits(got[i]), float_bits((float)rounded(c->v[p][i])));
        cache_free(c);
    }
}

/* Equal scores: every weight is exactly 1, sums are exact where values are small integers. */
static void test_equal_scores(void **state) {
    (void)state;
    struct cache *c = cache_new(1, 0, 0);
    for (uint32_t p = 0; p < 256; p++) {
        for (int i = 0; i < DIM; i++) {
            c->k[p][i] = 1.0f;
            c->v[p][i] = (float)((int)(p + (uint32_t)i) % 8);
        }
        ref_kv_store(c->pages[p / NUM_KV_PAGE] + OFFSET, p, c->k[p], c->v[p], DIM);
    }
    struct num_attn a = {.head_dim = DIM, .n_pos = 256, .scale = 1.0f};
    float got[DIM];
    ref_attend_one(&a, c->query, c->pages, OFFSET, got, c->scratch);
    for (int i = 0; i < DIM; i++) assert_true(got[i] == 3.5f);
    cache_free(c);
}

/* The sequence of rule 5 for two pages, written out again for one element. */
static void test_merge_by_hand(void **state) {
    (void)state;
    struct cache *c = cache_new(2, 0, 0);
    struct num_attn a = {.head_dim = 1, .n_pos = 66, .first = 62, .scale = 0.5f, .has_sink = true, .sink = 0.25f};
    static const float k[4] = {1.0f, -3.0f, 2.5f, 4.0f}, v[4] = {0.5f, 7.0f, -2.0f, 3.0f};
    for (uint32_t p = 62; p < 66; p++) ref_kv_store(c->pages[p / NUM_KV_PAGE] + OFFSET, p, &k[p - 62], &v[p - 62], 1);
    float query = 1.5f, got, e, l, o, m = 0.75f;
    e = num_expf(-2.25f - m);
    l = 1.0f + e; /* lanes 14 and 15: the tree adds the higher to the lower */
    o = fmaf(e, 7.0f, 0.5f);
    float m2 = 3.0f, e2 = num_expf(1.875f - m2), l2 = e2 + 1.0f, o2 = fmaf(1.0f, 3.0f, e2 * -2.0f);
    float f = num_expf(m - m2);
    l = fmaf(l, f, l2 * 1.0f);
    o = fmaf(o, f, o2 * 1.0f);
    float fs = num_expf(0.25f - m2);
    l = fmaf(l, 1.0f, 1.0f * fs);
    o = fmaf(o, 1.0f, 0.0f * fs);
    ref_attend_one(&a, &query, c->pages, OFFSET, &got, c->scratch);
    assert_int_equal(float_bits(got), float_bits(o / l));
    cache_free(c);
}

static void test_store(void **state) {
    (void)state;
    float k[3] = {1.0f, -70000.0f, 0x1p-25f}, v[3] = {65520.0f, 0.1f, -0.0f};
    uint16_t part[2 * NUM_KV_PAGE * 3];
    memset(part, 0xff, sizeof part);
    assert_true(ref_kv_store(part, 64 + 35, k, v, 3)); /* tile 2, lane 3 */
    assert_int_equal(part[2 * 3 * 16 + 0 * 16 + 3], 0x3c00);
    assert_int_equal(part[2 * 3 * 16 + 1 * 16 + 3], 0xfbff); /* saturates */
    assert_int_equal(part[2 * 3 * 16 + 2 * 16 + 3], 0);      /* ties to even */
    assert_int_equal(part[64 * 3 + 35 * 3 + 0], 0x7bff);
    assert_int_equal(part[64 * 3 + 35 * 3 + 1], 0x2e66);
    assert_int_equal(part[64 * 3 + 35 * 3 + 2], 0x8000);
    int written = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) written += part[i] != 0xffff;
    assert_int_equal(written, 6);
    v[1] = NAN;
    assert_false(ref_kv_store(part, 0, k, v, 3));
    v[1] = 0.0f;
    k[2] = INFINITY;
    assert_false(ref_kv_store(part, 0, k, v, 3));
}

/* Scores that overflow give NaN, never a number that looks right. */
static void test_overflow_is_seen(void **state) {
    (void)state;
    struct cache *c = cache_new(3, 0, 70);
    struct num_attn a = {.head_dim = DIM, .n_pos = 70, .scale = 1.0f};
    float got[DIM];
    for (int i = 0; i < DIM; i++) c->query[i] = 3e38f;
    ref_attend_one(&a, c->query, c->pages, OFFSET, got, c->scratch);
    assert_false(ref_finite(got, DIM));
    cache_free(c);
}

/* Section 6.1: where codes and scales lie. */
static void test_store_int8(void **state) {
    (void)state;
    float k[3] = {1.0f, -2.0f, 0x1p-9f}, v[3] = {0.5f, 0.0f, -127.0f};
    uint32_t part[NUM_KV_PAGE * 15 / 4 + 1];
    const int8_t *bytes = (const int8_t *)part;
    assert_int_equal(num_kv_bytes(SIL_KV_INT8, 3), NUM_KV_PAGE * (4 + 3 + 8));
    memset(part, 0x55, sizeof part);
    assert_true(ref_kv_store_int8(part, 64 + 35, k, v, 3)); /* tile 2, lane 3; run 8, byte 3 */
    static const int8_t key[4] = {64, -127, 0, 0};          /* 63.5 to the even; the fourth is no element */
    assert_memory_equal(bytes + (2 * 16 + 3) * 4, key, 4);
    const int8_t *values = bytes + NUM_KV_PAGE * 4 + 8 * 3 * 4;
    assert_int_equal(values[3], 0); /* 0.5: half to even */
    assert_int_equal(values[4 + 3], 0);
    assert_int_equal(values[8 + 3], -127);
    const float *scales = (const float *)(const void *)(bytes + NUM_KV_PAGE * 7);
    assert_true(scales[35] == 2.0f / 127.0f && scales[NUM_KV_PAGE + 35] == 1.0f);
    int written = 0;
    for (size_t i = 0; i < num_kv_bytes(SIL_KV_INT8, 3); i++) written += bytes[i] != 0x55;
    assert_true(written > 7 && written <= 4 + 3 + 8);
    k[0] = NAN;
    assert_false(ref_kv_store_int8(part, 0, k, v, 3));
}

/* The sequence of section 6.1 over two pages, written out again for one element. */
static void test_int8_by_hand(void **state) {
    (void)state;
    static const float k[4] = {1.0f, -3.0f, 2.5f, 4.0f}, v[4] = {0.5f, 7.0f, -2.0f, 3.0f};
    static uint32_t parts[2][NUM_KV_PAGE * 13 / 4];
    uint8_t *pages[2] = {(uint8_t *)parts[0], (uint8_t *)parts[1]};
    float query = 1.5f, got, dq = 1.5f / 127.0f * 0.5f, s[4], w[4];
    memset(parts, 0xff, sizeof parts);
    for (uint32_t p = 62; p < 66; p++) assert_true(ref_kv_store_int8(pages[p / 64], p, &k[p - 62], &v[p - 62], 1));
    for (int i = 0; i < 4; i++) s[i] = (k[i] > 0.0f ? 16129.0f : -16129.0f) * (dq * (fabsf(k[i]) / 127.0f));
    float e1 = num_expf(s[1] - s[0]), e2 = num_expf(s[2] - s[3]);
    const float e[4] = {1.0f, e1, e2, 1.0f};
    for (int i = 0; i < 4; i++) w[i] = e[i] * (fabsf(v[i]) / 127.0f);
    /* each page has its two positions in one half; the greater weight becomes 127 */
    float top = w[0] > w[1] ? w[0] : w[1], f = 127.0f / top, q0 = rintf(w[0] * f), q1 = rintf(w[1] * f);
    float o = fmaf(q0 * 127.0f + q1 * 127.0f, top / 127.0f, 0.0f), l = 1.0f + e1;
    top = w[2] > w[3] ? w[2] : w[3], f = 127.0f / top, q0 = rintf(w[2] * f), q1 = rintf(w[3] * f);
    float o2 = fmaf(q0 * -127.0f + q1 * 127.0f, top / 127.0f, 0.0f), l2 = e2 + 1.0f;
    float a = num_expf(s[0] - s[3]);
    l = fmaf(l, a, l2 * 1.0f);
    o = fmaf(o, a, o2 * 1.0f);
    struct num_attn shape = {.head_dim = 1, .n_pos = 66, .first = 62, .scale = 0.5f};
    ref_attend_int8(&(struct num_query){shape, &query, &got}, 1, pages, 0);
    assert_int_equal(float_bits(got), float_bits(o / l));
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_binary64),
        cmocka_unit_test(test_one_key),
        cmocka_unit_test(test_equal_scores),
        cmocka_unit_test(test_merge_by_hand),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_overflow_is_seen),
        cmocka_unit_test(test_store_int8),
        cmocka_unit_test(test_int8_by_hand),
    };
    return cmocka_run_group_tests_name("attend", tests, NULL, NULL);
}
