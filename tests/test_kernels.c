/* Every kernel that this processor can run against the definition; that the comparison notices a wrong kernel; and that
 * it gives its memory back when it runs out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "num/kv_int8.h"
#include "num/ref.h"
#include "num/selftest.h"
#include "support.h"

enum { SEED = 20261122, CASES = 100 };

static void note(void *ctx, const struct num_selftest_row *row) {
    *(uint32_t *)ctx += row->failures != 0;
    if (row->failures) printf("# %s: %u of %u differ, first: %s\n", row->kernel, row->failures, row->cases, row->first);
}

/* How many kernels differ. */
static uint32_t wrong_kernels(const struct num_kernels *k, uint32_t cases) {
    uint32_t wrong = 0, failures;
    struct sil_error e = {0};
    struct num_selftest t = {
        .kernels = k, .seed = SEED, .cases = cases, .mem = mem_libc(), .report = note, .ctx = &wrong};
    if (num_selftest(&t, &failures, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(failures != 0, wrong != 0);
    return wrong;
}

static void test_level(uint32_t mask) {
    if (mask & ~cpu_detect()) TEST_SKIP("this processor has no %s", cpu_name(mask));
    struct num_kernels k;
    num_kernels_init(&k, mask);
    printf("# level %s, seed %d\n", k.name, SEED);
    assert_int_equal(wrong_kernels(&k, CASES), 0);
}

static void test_scalar(void **state) {
    (void)state;
    struct num_kernels k;
    num_kernels_init(&k, 0);
    assert_string_equal(k.name, "scalar");
    assert_ptr_equal(k.attend[SIL_KV_F16], ref_attend);
    for (uint32_t t = 0; t < DTYPE_COUNT; t++) {
        assert_int_equal(k.linear[t] != NULL, dtype_get(t) != NULL);
        assert_int_equal(k.row[t] != NULL, dtype_get(t) != NULL);
    }
    test_level(0);
}

static void test_avx2(void **state) {
    (void)state;
    test_level(CPU_AVX2);
}

static void test_avx512(void **state) {
    (void)state;
    test_level(CPU_AVX2 | CPU_AVX512);
}

static void test_vnni(void **state) {
    (void)state;
    test_level(CPU_AVX2 | CPU_AVX512 | CPU_VNNI);
}

static void test_neon(void **state) {
    (void)state;
    test_level(CPU_NEON);
}

static void test_dotprod(void **state) {
    (void)state;
    test_level(CPU_NEON | CPU_DOTPROD);
}

/* --- kernels that are wrong in ways that matter --- */

static void add_flips_zero(float *x, const float *y, size_t n) {
    ref_add(x, y, n);
    for (size_t i = 0; i < n; i++)
        if (x[i] == 0.0f) x[i] = 0.0f; /* the sign of zero */
}

static void rmsnorm_one_chain(const float *x, const float *w, uint32_t n, float eps, float *y) {
    float s = 0.0f;
    for (uint32_t i = 0; i < n; i++) s = fmaf(x[i], x[i], s);
    float r = 1.0f / sqrtf(s / (float)n + eps);
    for (uint32_t i = 0; i < n; i++) y[i] = (x[i] * r) * w[i];
}

static void linear_writes_beyond(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1,
                                 float *out, size_t stride) {
    ref_linear_quant(w, a, o0, o1, out, stride);
    out[(size_t)(a->n_rows - 1) * stride + o1] = 0.0f;
}

static bool quantize_away_from_zero(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum) {
    if (!ref_quantize(x, n, q, d, asum)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (d[i / 32] == 1.0f && x[i] == 2.5f) q[i] = 3;
    return true;
}

static void attend_ignores_window(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset) {
    struct num_query q[NUM_ATTN_QUERIES];
    for (uint32_t i = 0; i < n; i++) {
        q[i] = queries[i];
        q[i].shape.first = q[i].shape.first / NUM_KV_PAGE * NUM_KV_PAGE;
    }
    ref_attend(q, n, pages, offset);
}

static void attend_alone(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset) {
    for (uint32_t i = 0; i < n; i++) ref_attend_int8(&queries[n - 1], 1, pages, offset);
}

static bool kv_store_truncates(void *part, uint32_t pos, const float *k, const float *v, uint32_t head_dim) {
    if (!ref_kv_store_int8(part, pos, k, v, head_dim)) return false;
    struct kv8 p = kv8_part(part, head_dim);
    float d = p.dk[pos % NUM_KV_PAGE];
    if (d > 0.0f) p.k[kv8_key(head_dim, pos % NUM_KV_PAGE, 0)] = (int8_t)(k[0] / d);
    return true;
}

static void silu_unfused(enum num_act_fn act, float *gate, const float *up, size_t n) {
    if (act != NUM_SILU) {
        ref_gated(act, gate, up, n);
        return;
    }
    for (size_t i = 0; i < n; i++) gate[i] = gate[i] * (1.0f / (1.0f + expf(-gate[i]))) * up[i];
}

static void test_notices(void **state) {
    (void)state;
    struct num_kernels k;
    num_kernels_init(&k, 0);
    k.add = add_flips_zero;
    k.rmsnorm = rmsnorm_one_chain;
    k.linear[DTYPE_Q5_K] = linear_writes_beyond;
    k.linear[DTYPE_Q6_K] = linear_writes_beyond;
    k.quantize = quantize_away_from_zero;
    k.attend[SIL_KV_F16] = attend_ignores_window;
    k.attend[SIL_KV_INT8] = attend_alone;
    k.kv_store[SIL_KV_INT8] = kv_store_truncates;
    k.gated = silu_unfused;
    assert_int_equal(wrong_kernels(&k, CASES), 9);
}

static sil_err one_round(void *ctx, struct mem mem) {
    uint32_t failures;
    struct num_selftest t = {.kernels = ctx, .seed = SEED, .cases = 1, .mem = mem};
    return num_selftest(&t, &failures, NULL);
}

static void test_out_of_memory(void **state) {
    (void)state;
    struct num_kernels k;
    num_kernels_init(&k, 0);
    assert_true(test_each_allocation(one_round, &k) > 60);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar),  cmocka_unit_test(test_avx2),          cmocka_unit_test(test_avx512),
        cmocka_unit_test(test_vnni),    cmocka_unit_test(test_neon),          cmocka_unit_test(test_dotprod),
        cmocka_unit_test(test_notices), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("kernels", tests, NULL, NULL);
}
