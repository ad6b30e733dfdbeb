/* Every gradient against central differences of an independent loss in binary64; and the same bits with any number of
 * threads and any instruction set. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/sha.h"
#include "learn/net.h"
#include "learn_ref.h"
#include "support.h"

enum { TOKENS_MAX = 700, DOCS_MAX = 32 };

struct made_batch {
    struct batch b;
    uint32_t doc_at[DOCS_MAX + 1], ids[TOKENS_MAX], targets[TOKENS_MAX];
    float weights[TOKENS_MAX];
};

/* Documents of the given lengths; some tokens without loss, some with another weight. */
static void make_batch(struct made_batch *m, const uint32_t *lengths, uint32_t n_docs, uint32_t vocab) {
    struct rng r = {.seed = 5};
    m->b = (struct batch){
        .n_docs = n_docs, .doc_at = m->doc_at, .ids = m->ids, .targets = m->targets, .weights = m->weights};
    m->doc_at[0] = 0;
    for (uint32_t d = 0; d < n_docs; d++) m->doc_at[d + 1] = m->doc_at[d] + lengths[d];
    m->b.n = m->doc_at[n_docs];
    assert_true(m->b.n <= TOKENS_MAX);
    for (uint32_t i = 0; i < m->b.n; i++) {
        m->ids[i] = (uint32_t)rng_below(&r, vocab);
        m->targets[i] = (uint32_t)rng_below(&r, vocab);
        m->weights[i] = i % 5 == 2 ? 0.0f : i % 7 == 3 ? 2.5f : 1.0f;
    }
}

struct rig {
    struct params p;
    struct pool *pool;
    struct gemm_env env;
    struct net net;
    float *w, *g;
};

static void rig_open(struct rig *r, const struct learn_shape *s, uint32_t mask, uint32_t threads, uint32_t n_max,
                     enum net_storage storage) {
    struct sil_error e = {0};
    assert_int_equal(pool_open(threads, &r->pool, &e), SIL_OK);
    assert_int_equal(params_open(mem_libc(), s, 0.3f, &r->p, &e), SIL_OK);
    assert_int_equal(gemm_open(&r->env, mem_libc(), r->pool, mask, net_packed(s, n_max), &e), SIL_OK);
    assert_int_equal(net_open(mem_libc(), &r->p, &r->env, mask, n_max, storage, &r->net, &e), SIL_OK);
    r->w = malloc(r->p.size * sizeof(float));
    r->g = calloc(r->p.size, sizeof(float));
    assert_true(r->w && r->g);
    params_init(&r->p, 3, r->w);
    struct rng rng = {.seed = 9};
    for (uint32_t i = 0; i < r->p.n; i++) /* norms and biases away from their first values */
        if (r->p.list[i].rows == 1)
            for (uint32_t k = 0; k < r->p.list[i].cols; k++) r->w[r->p.list[i].at + k] += 0.3f * rng_normal(&rng);
}

static void rig_close(struct rig *r) {
    net_close(&r->net);
    gemm_close(&r->env);
    params_close(&r->p);
    pool_close(r->pool);
    free(r->w);
    free(r->g);
}

static void check_tensor(const struct rig *r, uint32_t index, double *w, const struct batch *b, double scale) {
    const struct param *t = &r->p.list[index];
    size_t n = param_size(t), step = n / 16 + 1;
    double largest = 0, worst = 0;
    for (size_t k = 0; k < n; k++) { /* gcc 12 for aarch64 cannot vectorize fmax of converted floats */
        double x = fabs((double)r->g[t->at + k]);
        largest = x > largest ? x : largest;
    }
    assert_true(largest > 0);
    for (size_t k = 0; k < n; k += step) {
        double *x = &w[t->at + k], old = *x, h = 1e-4;
        *x = old + h;
        double up = learn_ref_loss(&r->p, w, b);
        *x = old - h;
        double down = learn_ref_loss(&r->p, w, b);
        *x = old;
        double want = scale * (up - down) / (2 * h), got = (double)r->g[t->at + k];
        worst = fmax(worst, fabs(want - got) / largest);
    }
    if (worst > 2e-5) fail_msg("%s: gradients differ by %g of the largest", t->name, worst);
}

static const struct learn_shape shapes[] = {
    {LEARN_LLAMA, 2, 24, 4, 2, 6, 20, 23, 32, 1e-5f, 10000.0, true, false},
    {LEARN_LLAMA, 2, 16, 2, 2, 8, 40, 30, 32, 1e-5f, 500.0, false, true},
    {LEARN_QWEN3, 3, 20, 6, 2, 8, 24, 25, 32, 1e-6f, 10000.0, true, false},
};

static void gradients_equal_differences(void **state) {
    (void)state;
    const uint32_t lengths[] = {7, 1, 12, 20};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct made_batch m;
        struct rig r;
        const float scale = 0.125f;
        rig_open(&r, &shapes[i], cpu_detect(), 2, 64, NET_F32);
        make_batch(&m, lengths, 4, shapes[i].vocab);
        double *w = malloc(r.p.size * sizeof *w), loss = net_pass(&r.net, r.w, &m.b, scale, r.g);
        assert_non_null(w);
        for (size_t k = 0; k < r.p.size; k++) w[k] = (double)r.w[k];
        double want = learn_ref_loss(&r.p, w, &m.b);
        if (fabs(loss - want) > 2e-6 * want) fail_msg("loss %.9g, in binary64 %.9g", loss, want);
        for (uint32_t t = 0; t < r.p.n; t++) check_tensor(&r, t, w, &m.b, (double)scale);
        free(w);
        rig_close(&r);
    }
}

/* Documents above a segment and above a block; everything hashed. */
static void digest(uint32_t shape, enum net_storage storage, uint32_t mask, uint32_t threads, char out[SHA_HEX]) {
    const uint32_t lengths[] = {530, 3, 1, 129};
    struct learn_shape s = shapes[shape];
    struct made_batch m;
    struct rig r;
    struct sha h;
    s.ctx = 600;
    rig_open(&r, &s, mask, threads, TOKENS_MAX, storage);
    make_batch(&m, lengths, 4, s.vocab);
    double loss = net_pass(&r.net, r.w, &m.b, 0.01f, r.g);
    loss += net_pass(&r.net, r.w, &m.b, 0.02f, r.g); /* onto the first */
    assert_true(isfinite(loss));
    sha_begin(&h);
    sha_add(&h, &loss, sizeof loss);
    sha_add(&h, r.g, r.p.size * sizeof(float));
    sha_end(&h, out);
    rig_close(&r);
}

static void same_bits(enum net_storage storage, uint32_t first_shape) {
    static const char *const levels[] = {"scalar", "avx2", "avx512", "neon"};
    for (uint32_t shape = first_shape; shape < 3; shape++) {
        char first[SHA_HEX], hex[SHA_HEX];
        digest(shape, storage, 0, 1, first);
        for (size_t l = 0; l < 4; l++) {
            uint32_t mask;
            if (cpu_parse(levels[l], cpu_detect(), &mask, NULL) != SIL_OK) continue;
            for (uint32_t threads = 1; threads <= 4; threads *= 2) {
                digest(shape, storage, mask, threads, hex);
                if (strcmp(first, hex) != 0)
                    fail_msg("shape %u, %s, %u threads: other bits", shape, levels[l], threads);
            }
        }
    }
}

static void same_bits_everywhere(void **state) {
    (void)state;
    same_bits(NET_F32, 0);
}

static void same_bits_everywhere_in_bf16(void **state) {
    (void)state;
    same_bits(NET_BF16, 2);
}

/* Stored as bf16, losses are the same in every bit, gradients nearly (bf16 has 8 bits), and the memory is a part. */
static void storage_changes_gradients_little(void **state) {
    (void)state;
    const uint32_t lengths[] = {7, 1, 12, 20};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct made_batch m;
        struct rig a, b;
        double sum = 0, gap = 0;
        rig_open(&a, &shapes[i], cpu_detect(), 2, 64, NET_F32);
        rig_open(&b, &shapes[i], cpu_detect(), 2, 64, NET_BF16);
        make_batch(&m, lengths, 4, shapes[i].vocab);
        double x = net_pass(&a.net, a.w, &m.b, 1, a.g), y = net_pass(&b.net, b.w, &m.b, 1, b.g);
        assert_memory_equal(&x, &y, sizeof x);
        y = net_pass(&b.net, b.w, &m.b, 0, NULL);
        assert_memory_equal(&x, &y, sizeof x);
        for (size_t k = 0; k < a.p.size; k++) {
            double d = (double)a.g[k] - (double)b.g[k];
            sum += (double)a.g[k] * (double)a.g[k];
            gap += d * d;
        }
        assert_true(gap > 0 && sqrt(gap / sum) < 0x1p-7);
        rig_close(&a);
        rig_close(&b);
    }
    struct learn_shape s = {LEARN_QWEN3, 8, 256, 8, 4, 32, 768, 8192, 512, 1e-6f, 10000, true, false};
    assert_true(net_bytes(&s, 4096, 2, NET_BF16) < net_bytes(&s, 4096, 2, NET_F32) / 100 * 55);
}

/* A document's loss does not depend on its neighbours. */
static void documents_are_alone(void **state) {
    (void)state;
    const uint32_t lengths[] = {9, 14};
    struct made_batch m;
    struct rig r;
    rig_open(&r, &shapes[2], cpu_detect(), 1, 64, NET_F32);
    make_batch(&m, lengths, 2, shapes[2].vocab);
    double both = net_pass(&r.net, r.w, &m.b, 1, NULL), parts = 0;
    for (uint32_t d = 0; d < 2; d++) {
        uint32_t at = m.doc_at[d], ends[2] = {0, lengths[d]};
        struct batch one = {lengths[d], 1, ends, m.ids + at, m.targets + at, m.weights + at};
        parts += net_pass(&r.net, r.w, &one, 1, NULL);
    }
    assert_true(fabs(both - parts) < 1e-9 * both); /* the sum's order differs */
    rig_close(&r);
}

static sil_err open_and_close(void *ctx, struct mem mem) {
    struct rig *r = ctx;
    struct net n;
    struct params p;
    struct gemm_env env;
    if (params_open(mem, &shapes[0], 0.02f, &p, NULL) != SIL_OK) return SIL_NOMEM;
    sil_err err = gemm_open(&env, mem, r->pool, 0, 1000, NULL);
    if (err == SIL_OK) {
        err = net_open(mem, &p, &env, 0, 8, NET_BF16, &n, NULL);
        if (err == SIL_OK) net_close(&n);
        gemm_close(&env);
    }
    params_close(&p);
    return err;
}

static void allocations_may_fail(void **state) {
    (void)state;
    struct rig r = {0};
    assert_int_equal(pool_open(1, &r.pool, NULL), SIL_OK);
    assert_true(test_each_allocation(open_and_close, &r) >= 6);
    pool_close(r.pool);
}

static void sizes_that_do_not_fit(void **state) {
    (void)state;
    struct sil_error e = {0};
    struct learn_shape s = shapes[0];
    s.kv_heads = 3;
    assert_int_equal(learn_shape_check(&s, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "kv_heads"));
    s = shapes[0];
    s.head_dim = 7;
    assert_int_equal(learn_shape_check(&s, &e), SIL_ARG);
    s = shapes[0];
    s.layers = 0;
    assert_int_equal(learn_shape_check(&s, &e), SIL_ARG);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (!pool_fp_mode()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_differences),  cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(same_bits_everywhere_in_bf16), cmocka_unit_test(storage_changes_gradients_little),
        cmocka_unit_test(documents_are_alone),          cmocka_unit_test(allocations_may_fail),
        cmocka_unit_test(sizes_that_do_not_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
