/* The kernels of training against their definition, bit for bit, on every instruction set of this machine, and the
 * matrix product against its formula in three nested loops. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "base/rng.h"
#include "learn/gemm.h"
#include "support.h"

enum { N_MAX = 700, TRIALS = 40 };

static const char *const levels[] = {"avx2", "avx512", "neon"};
enum { LEVELS = 3 };

static float edge(uint64_t u) {
    static const float v[] = {0.0f, -0.0f, 1e-42f, -3e-40f, 1e-30f, 90.0f, -90.0f, 1.0f};
    return v[u % 8];
}

static void fill(struct rng *r, float *x, size_t n, float scale) {
    for (size_t i = 0; i < n; i++) {
        uint64_t u = rng_u64(r);
        x[i] = u % 29 == 0 ? edge(u >> 8) : ((float)(u >> 40) * 0x1p-23f - 1.0f) * scale;
    }
}

static void same(const char *what, const char *isa, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i])))
            fail_msg("%s, %s: element %zu of %zu is %a, the definition gives %a", isa, what, i, n, (double)b[i],
                     (double)a[i]);
}

struct arrays {
    float v[6][N_MAX + 64]; /* inputs */
    float x[4][N_MAX + 64], y[4][N_MAX + 64];
};

static void row_kernels(const struct learn_kernels *ref, const struct learn_kernels *k, struct rng *r,
                        struct arrays *a) {
    uint32_t n = 1 + (uint32_t)rng_below(r, N_MAX), live = 1 + (uint32_t)rng_below(r, n);
    for (int i = 0; i < 6; i++) fill(r, a->v[i], N_MAX + 64, i == 5 ? 0.01f : 3.0f);
    for (int i = 0; i < 4; i++) {
        fill(r, a->x[i], N_MAX + 64, 2.0f);
        memcpy(a->y[i], a->x[i], sizeof a->x[i]);
    }
#define CHECK(what)                                                                                                    \
    for (int i = 0; i < 4; i++) same(what, k->name, a->x[i], a->y[i], N_MAX + 64)
    a->x[1][0] = ref->norm(a->v[0], a->v[1], n, 1e-5f, a->x[0]);
    a->y[1][0] = k->norm(a->v[0], a->v[1], n, 1e-5f, a->y[0]);
    CHECK("norm");
    ref->norm_back(a->v[0], a->v[1], 0.7f, a->v[2], n, NULL, a->x[0]);
    k->norm_back(a->v[0], a->v[1], 0.7f, a->v[2], n, NULL, a->y[0]);
    ref->norm_back(a->v[0], a->v[1], 0.7f, a->v[2], n, a->v[3], a->x[1]);
    k->norm_back(a->v[0], a->v[1], 0.7f, a->v[2], n, a->v[3], a->y[1]);
    CHECK("norm_back");
    ref->swiglu(a->v[0], a->v[1], n, a->x[0]);
    k->swiglu(a->v[0], a->v[1], n, a->y[0]);
    ref->swiglu_back(a->v[0], a->v[1], a->v[2], n, a->x[1], a->x[2]);
    k->swiglu_back(a->v[0], a->v[1], a->v[2], n, a->y[1], a->y[2]);
    CHECK("swiglu");
    ref->softmax(a->x[0], live, n, 0.3f);
    k->softmax(a->y[0], live, n, 0.3f);
    CHECK("softmax");
    ref->softmax_back(a->v[0], a->x[1], live, n, 0.3f);
    k->softmax_back(a->v[0], a->y[1], live, n, 0.3f);
    CHECK("softmax_back");
    uint32_t target = (uint32_t)rng_below(r, n);
    a->x[3][0] = ref->cross_entropy(a->x[2], n, target, live % 5 ? 0.01f : 0.0f);
    a->y[3][0] = k->cross_entropy(a->y[2], n, target, live % 5 ? 0.01f : 0.0f);
    CHECK("cross_entropy");
    ref->add(a->x[0], a->v[4], n);
    k->add(a->y[0], a->v[4], n);
    a->x[1][0] = ref->square_sum(a->v[0], n);
    a->y[1][0] = k->square_sum(a->v[0], n);
    CHECK("add, square_sum");
    struct learn_adam adam = {1e-3f, 0.9f, 0.95f, 0.1f, 0.05f, 1.7f, 3.1f, 1e-8f, 0.1f, 0.8f};
    for (uint32_t i = 0; i < n; i++) a->x[2][i] = a->y[2][i] = fabsf(a->v[5][i]);
    ref->adamw(&adam, a->v[0], a->x[0], a->x[1], a->x[2], n);
    k->adamw(&adam, a->v[0], a->y[0], a->y[1], a->y[2], n);
    CHECK("adamw");
#undef CHECK
}

static void column_kernels(const struct learn_kernels *ref, const struct learn_kernels *k, struct rng *r) {
    uint32_t n = 1 + (uint32_t)rng_below(r, 40), inner = 1 + (uint32_t)rng_below(r, 3),
             rows = inner * (1 + (uint32_t)rng_below(r, 700));
    size_t ld = (size_t)n * inner + 3, size = rows / inner * ld + 64;
    float *dy = malloc(size * 4), *x = malloc(size * 4), *rr = malloc(rows * 4), a[64], b[64];
    assert_true(dy && x && rr);
    fill(r, dy, size, 1);
    fill(r, x, size, 1);
    fill(r, rr, rows, 1);
    fill(r, a, 64, 1);
    memcpy(b, a, sizeof a);
    ref->norm_weight(dy, ld, x, ld, rr, rows, inner, n, a);
    k->norm_weight(dy, ld, x, ld, rr, rows, inner, n, b);
    same("norm_weight", k->name, a, b, 64);
    ref->column_sum(dy, ld, rows / inner, n, a);
    k->column_sum(dy, ld, rows / inner, n, b);
    same("column_sum", k->name, a, b, 64);
    free(dy);
    free(x);
    free(rr);
}

/* The kernels of a level, or false where this machine lacks it. */
static bool at_level(const char *name, uint32_t *mask) {
    return cpu_parse(name, cpu_detect(), mask, NULL) == SIL_OK;
}

static void kernels_equal_definition(void **state) {
    (void)state;
    struct arrays *a = malloc(sizeof *a);
    assert_non_null(a);
    struct learn_kernels ref, k;
    learn_kernels_init(&ref, 0);
    for (int l = 0; l < LEVELS; l++) {
        uint32_t mask;
        if (!at_level(levels[l], &mask)) continue;
        struct rng r = {.seed = 7, .stream = (uint64_t)l};
        learn_kernels_init(&k, mask);
        assert_string_not_equal(k.name, "scalar");
        for (int t = 0; t < TRIALS; t++) row_kernels(&ref, &k, &r, a);
        for (int t = 0; t < 12; t++) column_kernels(&ref, &k, &r);
    }
    free(a);
}

/* The formula of docs/arithmetic.md, section 12. */
static void product(const struct gemm *g, float *c) {
    for (uint32_t i = 0; i < g->m; i++) {
        for (uint32_t j = 0; j < g->n; j++) {
            float y = g->add ? c[i * g->ldc + j] : 0.0f;
            for (uint32_t k0 = 0; k0 < g->k; k0 += 512) {
                float chain = 0.0f;
                for (uint32_t k = k0; k < g->k && k < k0 + 512; k++)
                    chain = fmaf(g->a_cols ? g->a[k * g->lda + i] : g->a[i * g->lda + k],
                                 g->b_rows ? g->b[j * g->ldb + k] : g->b[k * g->ldb + j], chain);
                y = y + chain;
            }
            c[i * g->ldc + j] = y;
        }
    }
}

static void one_product(struct gemm_env *env, struct rng *r) {
    struct gemm g = {.m = 1 + (uint32_t)rng_below(r, 70),
                     .n = 1 + (uint32_t)rng_below(r, 70),
                     .k = 1 + (uint32_t)rng_below(r, rng_below(r, 4) ? 60 : 1300)};
    g.a_cols = rng_below(r, 2);
    g.b_rows = rng_below(r, 2);
    g.add = rng_below(r, 2);
    g.lda = (g.a_cols ? g.m : g.k) + rng_below(r, 5);
    g.ldb = (g.b_rows ? g.k : g.n) + rng_below(r, 5);
    g.ldc = g.n + rng_below(r, 5);
    size_t na = g.lda * (g.a_cols ? g.k : g.m), nb = g.ldb * (g.b_rows ? g.n : g.k), nc = g.ldc * g.m;
    float *a = malloc(na * 4), *b = malloc(nb * 4), *want = malloc(nc * 4);
    g.c = malloc(nc * 4);
    assert_true(a && b && want && g.c);
    fill(r, a, na, 1);
    fill(r, b, nb, 1);
    fill(r, g.c, nc, 1);
    memcpy(want, g.c, nc * 4);
    g.a = a;
    g.b = b;
    product(&g, want);
    gemm_run(env, &g);
    same("product", env->k.name, want, g.c, nc);
    /* Terms left out are terms of +0. */
    uint32_t k0 = (uint32_t)rng_below(r, g.k), k1 = k0 + 1 + (uint32_t)rng_below(r, g.k - k0);
    float *packed = malloc(gemm_packed(g.k, g.n) * 4), *block = malloc(gemm_block(g.m) * 4);
    assert_true(packed && block);
    gemm_pack(&env->k, &g, packed);
    gemm_rows(&env->k, &g, 0, g.m, k0, k1, packed, block);
    for (uint32_t i = 0; i < g.m; i++)
        for (uint32_t k = 0; k < g.k; k++)
            if (k < k0 || k >= k1) a[g.a_cols ? k * g.lda + i : i * g.lda + k] = 0.0f;
    product(&g, want);
    same("product of some terms", env->k.name, want, g.c, nc);
    free(packed);
    free(block);
    free(a);
    free(b);
    free(want);
    free(g.c);
}

static void products_equal_formula(void **state) {
    (void)state;
    struct rng r = {.seed = 11};
    for (uint32_t threads = 1; threads <= 4; threads += threads) {
        struct pool *pool;
        assert_int_equal(pool_open(threads, &pool, NULL), SIL_OK);
        for (int l = -1; l < LEVELS; l++) {
            uint32_t mask = 0;
            struct gemm_env env;
            if (l >= 0 && !at_level(levels[l], &mask)) continue;
            assert_int_equal(gemm_open(&env, mem_libc(), pool, mask, gemm_packed(1300, 96), NULL), SIL_OK);
            for (int t = 0; t < TRIALS; t++) one_product(&env, &r);
            gemm_close(&env);
        }
        pool_close(pool);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    bool ok = pool_fp_mode();
    assert_true(ok);
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_equal_definition),
                                       cmocka_unit_test(products_equal_formula)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
