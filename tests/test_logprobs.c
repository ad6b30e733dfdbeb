/* Logit bias and logprobs: order, ties, ranges, and accuracy against the C library's binary64 functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "num/sample.h"

enum { VOCAB = 3000 };

static uint64_t scratch[VOCAB * 2];

static void test_bias(void **state) {
    (void)state;
    struct num_history none = {NULL, 0, 0};
    struct sil_bias bias[3] = {{2, 5.0f}, {0, -2.0f}, {2, -1.0f}};
    struct sil_sampling p = num_sampling_default();
    float l[4] = {3.0f, 2.0f, -3.0f, 1.5f};
    uint32_t token;
    p.bias = bias;
    p.n_bias = 3;
    assert_int_equal(num_sample(&p, l, 4, &none, 0, 0, scratch, &token), SIL_OK);
    assert_int_equal(token, 1);
    assert_true(l[0] == 1.0f && l[1] == 2.0f && l[2] == 1.0f && l[3] == 1.5f);
    /* Before penalties: the sign that a penalty looks at is the biased logit's. */
    static const uint32_t tokens[] = {2};
    struct num_history h = {tokens, 1, 1};
    p.repeat_penalty = 2.0f;
    float m[4] = {0.0f, 0.0f, -3.0f, 0.0f};
    assert_int_equal(num_sample(&p, m, 4, &h, 1, 0, scratch, &token), SIL_OK);
    assert_true(m[2] == 0.5f);
    bias[1].token = 4;
    assert_int_equal(num_sample(&p, m, 4, &h, 1, 0, scratch, &token), SIL_ARG);
    struct sil_error e = {0};
    static const float off[] = {NAN, INFINITY, -1000.5f, 1001.0f};
    for (int i = 0; i < 4; i++) {
        bias[1] = (struct sil_bias){1, off[i]};
        assert_int_equal(num_sampling_check(&p, &e), SIL_ARG);
        assert_non_null(strstr(e.text, "token 1"));
    }
    p.n_bias = 4097;
    assert_int_equal(num_sampling_check(&p, &e), SIL_ARG);
    p.n_bias = 1;
    p.bias = NULL;
    assert_int_equal(num_sampling_check(&p, &e), SIL_ARG);
}

/* A bias of the greatest size bans a token, or leaves no other. */
static void test_ban(void **state) {
    (void)state;
    struct num_history none = {NULL, 0, 0};
    struct sil_bias bias = {0, -1000.0f};
    struct sil_sampling p = num_sampling_default();
    p.temperature = 2.0f;
    p.bias = &bias;
    p.n_bias = 1;
    for (uint64_t i = 0; i < 400; i++) {
        float l[3] = {9.0f, 1.0f, 1.0f};
        uint32_t token;
        bias.bias = i < 200 ? -1000.0f : 1000.0f;
        assert_int_equal(num_sample(&p, l, 3, &none, i, 0, scratch, &token), SIL_OK);
        assert_int_equal(token == 0, i >= 200);
    }
}

static void check_logprobs(const float *l, uint32_t n, uint32_t n_top) {
    struct sil_logprob top[SIL_TOP_MAX], one;
    long double max = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++) max = l[i] > max ? l[i] : max;
    for (uint32_t i = 0; i < n; i++) sum += expl((long double)l[i] - max);
    assert_int_equal(num_logprobs(l, n, 0, NULL, n_top, top), SIL_OK);
    for (uint32_t i = 0; i < n_top; i++) {
        long double want = (long double)l[top[i].token] - max - logl(sum);
        assert_true(fabsl((long double)top[i].logprob - want) <= 3e-7L + fabsl(want) * 1e-7L);
        assert_int_equal(num_logprobs(l, n, top[i].token, &one, 0, NULL), SIL_OK);
        assert_memory_equal(&one, &top[i], sizeof one);
        if (i == 0) continue;
        assert_true(l[top[i - 1].token] > l[top[i].token] ||
                    (l[top[i - 1].token] == l[top[i].token] && top[i - 1].token < top[i].token));
    }
    uint32_t above = 0; /* nothing that was left out is better than the last */
    for (uint32_t i = 0; n_top && i < n; i++) above += l[i] > l[top[n_top - 1].token];
    if (n_top) assert_true(above < n_top);
}

static void test_logprobs(void **state) {
    (void)state;
    static float l[VOCAB];
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct rng r = {.seed = seed};
        uint32_t n = seed < 30 ? 1 + (uint32_t)rng_below(&r, 80) : VOCAB;
        for (uint32_t i = 0; i < n; i++) l[i] = seed % 3 ? rng_normal(&r) * 8.0f : (float)rng_below(&r, 5);
        check_logprobs(l, n, (uint32_t)rng_below(&r, n < SIL_TOP_MAX ? n + 1 : SIL_TOP_MAX + 1));
    }
    float flat[8] = {0.0f, -0.0f, 0.0f, -0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    struct sil_logprob top[2], one;
    assert_int_equal(num_logprobs(flat, 8, 3, &one, 2, top), SIL_OK);
    assert_true(top[0].token == 0 && top[1].token == 1 && one.logprob == -0x1.0a2b24p+1f); /* -log 8 */
    assert_int_equal(num_logprobs(flat, 8, 8, &one, 0, NULL), SIL_ARG);
    assert_int_equal(num_logprobs(flat, 8, 0, NULL, 9, top), SIL_ARG);
    assert_int_equal(num_logprobs(l, VOCAB, 0, NULL, SIL_TOP_MAX + 1, top), SIL_ARG);
    flat[7] = NAN;
    assert_int_equal(num_logprobs(flat, 8, 0, &one, 0, NULL), SIL_NONFINITE);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bias), cmocka_unit_test(test_ban),
                                       cmocka_unit_test(test_logprobs)};
    return cmocka_run_group_tests_name("logprobs", tests, NULL, NULL);
}
