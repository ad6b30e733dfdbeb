/* Sampling (rule 8): what each parameter keeps, ties, the mapping of seeds and indices to draws, and the distribution.
 */
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
#include "num/sample.h"

__extension__ typedef unsigned __int128 u128;

enum { VOCAB_MAX = 5000 };

static uint64_t scratch[VOCAB_MAX * 2];

/* A draw from a copy of the logits, without a history. */
static uint32_t draw(const struct sil_sampling *p, const float *logits, uint32_t n, uint64_t index, uint32_t choice) {
    static float copy[VOCAB_MAX];
    struct num_history none = {NULL, 0, 0};
    uint32_t token = UINT32_MAX;
    memcpy(copy, logits, n * sizeof *copy);
    assert_true(num_sample_scratch(n) <= sizeof scratch);
    assert_int_equal(num_sample(p, copy, n, &none, index, choice, scratch, &token), SIL_OK);
    assert_true(token < n);
    return token;
}

static struct sil_sampling at(float temperature) {
    struct sil_sampling p = num_sampling_default();
    p.temperature = temperature;
    return p;
}

/* Which of n tokens ever come in many draws, as a bit mask. */
static uint32_t seen(const struct sil_sampling *p, const float *logits, uint32_t n) {
    uint32_t mask = 0;
    for (uint64_t i = 0; i < 2000; i++) mask |= 1u << draw(p, logits, n, i, 0);
    return mask;
}

static void test_greedy(void **state) {
    (void)state;
    struct sil_sampling p = num_sampling_default();
    float l[5] = {-1.0f, 3.0f, 2.0f, 3.0f, -5.0f}, zero[2] = {-0.0f, 0.0f};
    assert_int_equal(draw(&p, l, 5, 0, 0), 1); /* ties to the lower id */
    assert_int_equal(draw(&p, zero, 2, 0, 0), 0);
    assert_int_equal(draw(&p, l, 1, 9, 9), 0);
}

/* Two equal weights of 2^30: the token is what the draw's 64 bits times 2^31, shifted, says. */
static void test_philox_mapping(void **state) {
    (void)state;
    struct sil_sampling p = at(1.0f);
    float l[2] = {0.0f, 0.0f}, three[3] = {1.0f, 0.0f, 0.5f};
    uint64_t w[3] = {1u << 30, (uint32_t)(num_expf(-1.0f) * 0x1p30f), (uint32_t)(num_expf(-0.5f) * 0x1p30f)};
    for (uint64_t i = 0; i < 500; i++) {
        p.seed = 0x123456789abcdefull * i;
        uint64_t index = i * 0x300000007ull;
        uint32_t choice = (uint32_t)i % 7, out[4];
        uint32_t key[2] = {(uint32_t)p.seed, (uint32_t)(p.seed >> 32)};
        uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), choice, 0};
        rng_philox(key, counter, out);
        uint64_t u = (uint64_t)out[1] << 32 | out[0];
        assert_int_equal(draw(&p, l, 2, index, choice), u >> 63);
        uint64_t x = (uint64_t)((u128)u * (w[0] + w[1] + w[2]) >> 64);
        uint32_t want = x < w[0] ? 0 : x < w[0] + w[1] ? 1 : 2;
        assert_int_equal(draw(&p, three, 3, index, choice), want);
    }
}

static void test_top_k(void **state) {
    (void)state;
    struct sil_sampling p = at(1.0f);
    float l[6] = {1.0f, 2.0f, 1.0f, 2.0f, 1.0f, 0.0f};
    p.top_k = 1;
    assert_int_equal(seen(&p, l, 6), 0x02);
    p.top_k = 2;
    assert_int_equal(seen(&p, l, 6), 0x0a);
    p.top_k = 4; /* of the three at 1.0 the two of lower id */
    assert_int_equal(seen(&p, l, 6), 0x0f);
    p.top_k = 6;
    assert_int_equal(seen(&p, l, 6), 0x3f);
    p.top_k = 100;
    assert_int_equal(seen(&p, l, 6), 0x3f);
    float zeros[3] = {-0.0f, 0.0f, -0.0f}; /* equal values: ids decide, not signs */
    p.top_k = 1;
    assert_int_equal(seen(&p, zeros, 3), 0x01);
}

static void test_top_p(void **state) {
    (void)state;
    struct sil_sampling p = at(1.0f);
    float l[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    p.top_p = 0.5f; /* exactly two of four equal weights */
    assert_int_equal(seen(&p, l, 4), 0x03);
    p.top_p = nextafterf(0.5f, 1.0f);
    assert_int_equal(seen(&p, l, 4), 0x07);
    p.top_p = 1e-30f; /* at least one */
    assert_int_equal(seen(&p, l, 4), 0x01);
    p.top_p = nextafterf(1.0f, 0.0f);
    assert_int_equal(seen(&p, l, 4), 0x0f);
    float m[4] = {0.0f, logf(4.0f), logf(2.0f), logf(8.0f)}; /* shares 1, 4, 2, 8 of 15 */
    p.top_p = 0.53f;
    assert_int_equal(seen(&p, m, 4), 0x08);
    p.top_p = 0.54f;
    assert_int_equal(seen(&p, m, 4), 0x0a);
    p.top_p = 0.9f;
    assert_int_equal(seen(&p, m, 4), 0x0e);
    p.top_k = 2; /* top-p is of what top-k leaves: 8 and 4 of 12 */
    p.top_p = 0.66f;
    assert_int_equal(seen(&p, m, 4), 0x08);
    p.top_p = 0.67f;
    assert_int_equal(seen(&p, m, 4), 0x0a);
}

static void test_min_p(void **state) {
    (void)state;
    struct sil_sampling p = at(1.0f);
    float l[4] = {0.0f, logf(0.5f), logf(0.26f), logf(0.24f)};
    p.min_p = 0.25f;
    assert_int_equal(seen(&p, l, 4), 0x07);
    p.min_p = 0.6f;
    assert_int_equal(seen(&p, l, 4), 0x01);
    p.min_p = 1.0f; /* only what equals the greatest */
    assert_int_equal(seen(&p, l, 4), 0x01);
    p.temperature = 2.0f; /* comes before: 0.24 becomes 0.49 */
    p.min_p = 0.45f;
    assert_int_equal(seen(&p, l, 4), 0x0f);
}

static void test_penalties(void **state) {
    (void)state;
    static const uint32_t tokens[] = {0, 0, 1, 2, 2, 2, 77};
    struct num_history h = {tokens, 7, 2};
    struct sil_sampling p = num_sampling_default();
    p.repeat_penalty = 2.0f;
    p.frequency_penalty = 0.25f;
    p.presence_penalty = 0.5f;
    float l[4] = {4.0f, -1.0f, 6.0f, 1.0f};
    uint32_t token;
    assert_int_equal(num_sample(&p, l, 4, &h, 0, 0, scratch, &token), SIL_OK);
    assert_true(l[0] == 2.0f);                 /* in the prompt only: repeat_penalty alone */
    assert_true(l[1] == -2.0f - 0.25f - 0.5f); /* negative: multiplied */
    assert_true(l[2] == 3.0f - 0.75f - 0.5f);  /* three times in the answer */
    assert_true(l[3] == 1.0f);
    assert_int_equal(token, 0);
}

static void test_refusals(void **state) {
    (void)state;
    struct num_history none = {NULL, 0, 0};
    struct sil_sampling p = at(1.0f), bad;
    uint32_t token;
    float l[3] = {0.0f, NAN, 1.0f};
    assert_int_equal(num_sample(&p, l, 3, &none, 0, 0, scratch, &token), SIL_NONFINITE);
    l[1] = -INFINITY;
    assert_int_equal(num_sample(&p, l, 3, &none, 0, 0, scratch, &token), SIL_NONFINITE);
    p.temperature = 0.001f;
    l[1] = 3e38f; /* overflows when divided */
    assert_int_equal(num_sample(&p, l, 3, &none, 0, 0, scratch, &token), SIL_NONFINITE);
    struct sil_error e = {0};
    static const float values[] = {-1.0f, NAN, INFINITY, 2e6f};
    for (int i = 0; i < 4; i++) {
        for (int field = 0; field < 6; field++) {
            bad = num_sampling_default();
            float *f[] = {&bad.temperature,       &bad.top_p,           &bad.min_p, &bad.repeat_penalty,
                          &bad.frequency_penalty, &bad.presence_penalty};
            if (field >= 4 && i == 0) continue; /* -1 is allowed there */
            *f[field] = values[i];
            assert_int_equal(num_sampling_check(&bad, &e), SIL_ARG);
        }
    }
    bad = num_sampling_default();
    bad.top_p = 0.0f;
    assert_int_equal(num_sampling_check(&bad, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "top_p"));
    p = num_sampling_default();
    assert_int_equal(num_sampling_check(&p, &e), SIL_OK);
}

/* The same draw again, and other indices, choices and seeds give other draws. */
static void test_pure(void **state) {
    (void)state;
    struct rng r = {.seed = 4};
    static float l[1000];
    for (int i = 0; i < 1000; i++) l[i] = rng_normal(&r) * 2.0f;
    struct sil_sampling p = at(0.8f), q;
    p.top_k = 200;
    p.top_p = 0.98f;
    q = p;
    q.seed = 1;
    int by_index = 0, by_choice = 0, by_seed = 0;
    for (uint64_t i = 0; i < 200; i++) {
        uint32_t t = draw(&p, l, 1000, i, 0);
        assert_int_equal(t, draw(&p, l, 1000, i, 0));
        by_index += t != draw(&p, l, 1000, i + 1, 0);
        by_choice += t != draw(&p, l, 1000, i, 1);
        by_seed += t != draw(&q, l, 1000, i, 0);
    }
    assert_true(by_index > 100 && by_choice > 100 && by_seed > 100);
}

/* The filters against sorting everything, on many random rows with many ties. */
static void test_against_sorting(void **state) {
    (void)state;
    struct rng r = {.seed = 5};
    for (int n = 0; n < 300; n++) {
        uint32_t vocab = 1 + (uint32_t)rng_below(&r, 60);
        float l[64];
        for (uint32_t i = 0; i < vocab; i++) l[i] = (float)rng_below(&r, 12) - (n % 3 == 0 ? 4.0f * (float)(i % 9) : 0);
        struct sil_sampling p = at(1.0f);
        p.top_k = (uint32_t)rng_below(&r, 20);
        p.top_p = n % 2 ? 1.0f : 0.05f + 0.9f * rng_f32(&r);
        p.seed = rng_u64(&r);
        /* the plain way */
        uint32_t order[64];
        uint64_t w[64], kept[64] = {0}, mass = 0, sum = 0;
        float max = -INFINITY;
        for (uint32_t i = 0; i < vocab; i++) max = l[i] > max ? l[i] : max;
        for (uint32_t i = 0; i < vocab; i++) {
            uint32_t j = i;
            w[i] = (uint64_t)(num_expf(l[i] - max) * 0x1p30f);
            for (; j > 0 && l[order[j - 1]] < l[i]; j--) order[j] = order[j - 1];
            order[j] = i;
        }
        uint32_t k = p.top_k && p.top_k < vocab ? p.top_k : vocab;
        for (uint32_t i = 0; i < k; i++) mass += w[order[i]];
        uint64_t share = (uint64_t)((double)p.top_p * 0x1p32);
        for (uint32_t i = 0; i < k; i++) {
            kept[order[i]] = w[order[i]];
            sum += w[order[i]];
            if ((u128)sum << 32 >= (u128)share * mass) break;
        }
        struct rng d = {.seed = p.seed, .stream = 3, .position = 17};
        uint64_t x = (uint64_t)((u128)rng_u64(&d) * sum >> 64);
        uint32_t want = 0;
        while (x >= kept[want]) x -= kept[want++];
        assert_int_equal(draw(&p, l, vocab, 17, 3), want);
    }
}

/* Chi-square of 200,000 draws from 40 tokens; 99.9 % of fair samples stay below 72.1 with 39 degrees of freedom. The
 * draws are the same each time, so this passes always or never. */
static void test_distribution(void **state) {
    (void)state;
    enum { N = 40, DRAWS = 200000 };
    struct rng r = {.seed = 6};
    float l[N];
    double sum = 0, chi = 0;
    uint32_t count[N] = {0};
    for (int i = 0; i < N; i++) {
        l[i] = rng_normal(&r);
        sum += exp((double)l[i] / 0.7);
    }
    struct sil_sampling p = at(0.7f);
    p.seed = 42;
    for (uint64_t i = 0; i < DRAWS; i++) count[draw(&p, l, N, i, 0)]++;
    for (int i = 0; i < N; i++) {
        double want = exp((double)l[i] / 0.7) / sum * DRAWS;
        chi += (count[i] - want) * (count[i] - want) / want;
    }
    printf("# chi-square %.1f of %d\n", chi, N - 1);
    assert_true(chi < 72.1);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),          cmocka_unit_test(test_philox_mapping),
        cmocka_unit_test(test_top_k),           cmocka_unit_test(test_top_p),
        cmocka_unit_test(test_min_p),           cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_pure),
        cmocka_unit_test(test_against_sorting), cmocka_unit_test(test_distribution),
    };
    return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
