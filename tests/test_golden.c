/* The arithmetic's own bits: FNV-1a hashes of what every kernel, function and the sampler give on seeded inputs, the
 * same on every machine, by every compiler and at every level. A hash that changes is a new profile
 * (docs/arithmetic.md), never a detail. The program prints the whole list when one differs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "num/elementary.h"
#include "num/fp16.h"
#include "num/num.h"
#include "num/rope.h"
#include "num/sample.h"
#include "support.h"

enum { ROWS = 37, COLS = 1280, BATCH = 3, HEAD = 80, PAGES = 4, VOCAB = 3000, LISTED = 48 };

struct list {
    struct num_kernels k;
    struct {
        char name[24];
        uint64_t hash;
    } entry[LISTED];
    uint32_t n;
};

static void put(struct list *l, const char *name, const void *p, size_t bytes) {
    uint64_t h = 0xcbf29ce484222325u;
    const uint8_t *b = p;
    for (size_t i = 0; i < bytes; i++) h = (h ^ b[i]) * 0x100000001b3u;
    assert_true(l->n < LISTED);
    snprintf(l->entry[l->n].name, sizeof l->entry->name, "%s", name);
    l->entry[l->n++].hash = h;
}

/* Normal values over some twenty binary orders of magnitude, zeros of both signs among them. */
static void fill(struct rng *r, float *x, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint64_t u = rng_u64(r);
        x[i] = u % 17 == 0 ? (u & 32 ? 0.0f : -0.0f) : rng_normal(r) * ldexpf(1.0f, (int)(u >> 32 & 3) * 7 - 14);
    }
}

static void weights(struct rng *r, enum dtype type, uint8_t *p, size_t blocks) {
    const struct dtype_info *t = dtype_get(type);
    for (size_t b = 0; b < blocks; b++, p += t->block_bytes) {
        for (uint32_t i = 0; i < t->block_bytes; i++) p[i] = (uint8_t)(rng_u64(r) >> 40);
        float v = rng_normal(r);
        uint16_t h[2] = {num_f32_to_f16(v), num_f32_to_f16(rng_normal(r) * 0.25f)}, bf = num_f32_to_bf16(v);
        if (type == DTYPE_F32) memcpy(p, &v, 4);
        else if (type == DTYPE_BF16) memcpy(p, &bf, 2);
        else memcpy(type == DTYPE_Q6_K ? p + 208 : p, h, 2);
        if (type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K)
            memcpy(p + 2, h + 1, 2);
    }
}

static void list_linear(struct list *l) {
    static uint8_t data[(size_t)ROWS * COLS * 4];
    static float x[BATCH * COLS], d[BATCH * COLS / 32], out[BATCH * ROWS], row[COLS];
    static int8_t q[BATCH * COLS];
    static int32_t asum[BATCH * COLS / 32];
    struct rng r = {.seed = 1};
    fill(&r, x, BATCH * COLS);
    assert_true(l->k.quantize(x, BATCH * COLS, q, d, asum));
    put(l, "quantize q", q, sizeof q);
    put(l, "quantize d", d, sizeof d);
    put(l, "quantize asum", asum, sizeof asum);
    struct num_act a = {.n_rows = BATCH, .cols = COLS, .x = x, .q = q, .d = d, .asum = asum};
    for (uint32_t t = 0; t < DTYPE_COUNT; t++) {
        const struct dtype_info *info = dtype_get(t);
        if (!info) continue;
        struct num_matrix w = {.type = (enum dtype)t, .rows = ROWS, .cols = COLS, .data = data};
        w.row_bytes = COLS / info->block_len * info->block_bytes;
        r = (struct rng){.seed = 2, .stream = t};
        weights(&r, (enum dtype)t, data, (size_t)ROWS * COLS / info->block_len);
        char name[24];
        l->k.linear[t](&w, &a, 0, ROWS, out, ROWS);
        snprintf(name, sizeof name, "linear %s", info->name);
        put(l, name, out, sizeof out);
        l->k.row[t](&w, ROWS / 2, row);
        snprintf(name, sizeof name, "row %s", info->name);
        put(l, name, row, sizeof row);
    }
}

static void list_elementwise(struct list *l) {
    static const char *const names[] = {"silu", "gelu_tanh", "gelu_erf", "relu"};
    float x[COLS], w[COLS], y[COLS];
    struct rng r = {.seed = 3};
    fill(&r, x, COLS);
    fill(&r, w, COLS);
    l->k.rmsnorm(x, w, COLS - 3, 1e-5f, y);
    put(l, "rmsnorm", y, (COLS - 3) * sizeof *y);
    memcpy(y, x, sizeof y);
    l->k.rope_pairs(y, w, w + 100, 100);
    l->k.rope_halves(y + 500, w + 200, w + 300, 100);
    put(l, "rope", y, sizeof y);
    for (int act = 0; act < 4; act++) {
        for (int i = 0; i < COLS; i++) y[i] = x[i] * 4.0f;
        l->k.gated((enum num_act_fn)act, y, w, COLS);
        put(l, names[act], y, sizeof y);
    }
    memcpy(y, x, sizeof y);
    l->k.add(y, w, COLS);
    put(l, "add", y, sizeof y);
}

static void list_attend(struct list *l) {
    static uint16_t part[PAGES][2 * NUM_KV_PAGE * HEAD];
    static int32_t part8[PAGES][NUM_KV_PAGE * (HEAD / 2 + 2)];
    uint8_t *pages[PAGES];
    struct num_query group[3];
    float k[HEAD], v[HEAD], q[HEAD], out[3][HEAD];
    struct rng r = {.seed = 4};
    memset(part, 0, sizeof part);
    for (uint32_t p = 0; p < PAGES * NUM_KV_PAGE; p++) {
        fill(&r, v, HEAD);
        for (int i = 0; i < HEAD; i++) k[i] = rng_normal(&r);
        assert_true(l->k.kv_store[SIL_KV_F16](part[p / NUM_KV_PAGE], p, k, v, HEAD));
        assert_true(l->k.kv_store[SIL_KV_INT8](part8[p / NUM_KV_PAGE], p, k, v, HEAD));
    }
    put(l, "kv_store", part, sizeof part);
    put(l, "kv_store int8", part8, sizeof part8);
    for (int i = 0; i < PAGES; i++) pages[i] = (uint8_t *)part[i];
    for (int i = 0; i < HEAD; i++) q[i] = rng_normal(&r);
    struct num_attn a[3] = {
        {HEAD, 256, 0, 0.125f, false, 0.0f}, {HEAD, 201, 90, 0.5f, false, 0.0f}, {HEAD, 130, 3, 0.0625f, true, 0.75f}};
    for (int i = 0; i < 3; i++) group[i] = (struct num_query){a[i], q, out[i]};
    for (int i = 0; i < 3; i++) l->k.attend[SIL_KV_F16](&group[i], 1, pages, 0);
    put(l, "attend", out, sizeof out);
    assert_int_equal(sizeof *part8, num_kv_bytes(SIL_KV_INT8, HEAD));
    for (int i = 0; i < PAGES; i++) pages[i] = (uint8_t *)part8[i];
    for (int i = 0; i < 3; i++) l->k.attend[SIL_KV_INT8](&group[i], 1, pages, 0);
    put(l, "attend int8", out, sizeof out);
}

static void list_functions(struct list *l) {
    static float (*const fn[])(float) = {num_expf, num_logf, num_tanhf, num_erff, num_sinf, num_cosf, num_rsqrtf};
    static const char *const names[] = {"expf", "logf", "tanhf", "erff", "sinf", "cosf", "rsqrtf"};
    static float y[20000];
    static double z[4][5000];
    for (int f = 0; f < 7; f++) {
        struct rng r = {.seed = 5};
        for (int i = 0; i < 20000; i++) {
            float x = rng_normal(&r) * ldexpf(1.0f, i % 16 - 8);
            y[i] = fn[f](f == 1 || f == 6 ? fabsf(x) + 0x1p-130f : x);
        }
        put(l, names[f], y, sizeof y);
    }
    struct rng r = {.seed = 6};
    for (int i = 0; i < 5000; i++) {
        double x = (double)rng_normal(&r) * ldexp(1.0, i % 30 - 6);
        z[0][i] = num_exp(x > 700.0 ? 700.0 : x);
        z[1][i] = num_log(fabs(x) + 0x1p-1040);
        num_sincos(x, &z[2][i], &z[3][i]);
    }
    put(l, "binary64", z, sizeof z);
    struct num_rope yarn = {.n_rot = 64,
                            .base = 150000.0,
                            .scaling = NUM_ROPE_YARN,
                            .factor = 32.0,
                            .orig_ctx = 4096,
                            .ext_factor = 1.0,
                            .attn_factor = 1.0,
                            .beta_fast = 32.0,
                            .beta_slow = 1.0};
    double freq[32], magnitude;
    float angles[2][32];
    num_rope_freqs(&yarn, freq, &magnitude);
    num_rope_angles(freq, 32, magnitude, 123457, angles[0], angles[1]);
    put(l, "yarn frequencies", freq, sizeof freq);
    put(l, "yarn angles", angles, sizeof angles);
}

static void list_sampler(struct list *l) {
    static float base[VOCAB], logits[VOCAB];
    static uint64_t scratch[VOCAB * 2];
    static const uint32_t history[] = {5, 5, 9, 100, 2999, 5, 77};
    struct num_history h = {history, 7, 2};
    uint32_t tokens[400];
    struct rng r = {.seed = 7};
    for (int i = 0; i < VOCAB; i++) base[i] = rng_normal(&r) * 3.0f;
    for (uint32_t i = 0; i < 400; i++) {
        struct sil_sampling p = num_sampling_default();
        p.temperature = 0.5f + 0.25f * (float)(i % 5);
        p.top_k = i % 3 == 0 ? 0 : i;
        p.top_p = i % 4 == 0 ? 1.0f : 0.9f;
        p.min_p = i % 7 == 0 ? 0.05f : 0.0f;
        p.repeat_penalty = i % 2 ? 1.1f : 1.0f;
        p.presence_penalty = i % 2 ? 0.3f : 0.0f;
        p.seed = i / 10;
        memcpy(logits, base, sizeof base);
        assert_int_equal(num_sample(&p, logits, VOCAB, &h, i, i % 3, scratch, &tokens[i]), SIL_OK);
    }
    put(l, "sampler", tokens, sizeof tokens);
}

static const struct {
    const char *name;
    uint64_t hash;
} golden[] = {
    {"quantize q", 0xafcc0fea1cb77a6du},
    {"quantize d", 0xf178e5924b6bac0au},
    {"quantize asum", 0x74502971f72520d6u},
    {"linear F32", 0x8e46f5784d19a8a1u},
    {"row F32", 0x1e5425034a7c3d7du},
    {"linear F16", 0x424298d905c02db7u},
    {"row F16", 0x5f1e35b41fb76aecu},
    {"linear Q4_0", 0x311becc9dac27047u},
    {"row Q4_0", 0xe620a952d2bca37bu},
    {"linear Q4_1", 0x8155aadddb6488a2u},
    {"row Q4_1", 0x5b1c7f6f2bf53688u},
    {"linear Q5_0", 0x34cc90626aa56581u},
    {"row Q5_0", 0x3a92a88f2f982c87u},
    {"linear Q5_1", 0x9608262af13f0c45u},
    {"row Q5_1", 0x7ab0453a6a721809u},
    {"linear Q8_0", 0xf31553e8c4419762u},
    {"row Q8_0", 0x05a81e9cfb4596e3u},
    {"linear Q4_K", 0x55bcd11617197531u},
    {"row Q4_K", 0x290ad05e50c08619u},
    {"linear Q5_K", 0xa5114a8b895aeea4u},
    {"row Q5_K", 0x2adb94a813089cd3u},
    {"linear Q6_K", 0x3f1d092786bbb141u},
    {"row Q6_K", 0x0050b3c5f226db45u},
    {"linear BF16", 0x4b1aea83c38b16c4u},
    {"row BF16", 0x7af615ed2546293au},
    {"rmsnorm", 0xdcf64ee8b6f3d03bu},
    {"rope", 0x73f757d6b0b839bdu},
    {"silu", 0x1fbc154b7896b979u},
    {"gelu_tanh", 0x5aa15b4552f56ddau},
    {"gelu_erf", 0xc0491af59d2da2d2u},
    {"relu", 0x1037cdd27d4c4d09u},
    {"add", 0x8728f918c2914e3bu},
    {"kv_store", 0x18dcf443272fbddcu},
    {"kv_store int8", 0x5b70966808b2357fu},
    {"attend", 0x992bb220ca6876f4u},
    {"attend int8", 0x74cf26aacd09a676u},
    {"expf", 0x7c1d02cc271b8080u},
    {"logf", 0x2af3d9febca64571u},
    {"tanhf", 0xcb9164788fb831deu},
    {"erff", 0x1d3b515d30f4652bu},
    {"sinf", 0x2eb609e3751b1712u},
    {"cosf", 0x48397715156a51efu},
    {"rsqrtf", 0x3802b50fe510b97au},
    {"binary64", 0x5bf7cd8fd6393727u},
    {"yarn frequencies", 0x897cb91ec1b37982u},
    {"yarn angles", 0x3035438dfa9e5141u},
    {"sampler", 0xa11c02c38073dc70u},
};

static void check_level(uint32_t mask) {
    if (mask & ~cpu_detect()) TEST_SKIP("this processor has no %s", cpu_name(mask));
    struct list l = {.n = 0};
    num_kernels_init(&l.k, mask);
    list_linear(&l);
    list_elementwise(&l);
    list_attend(&l);
    list_functions(&l);
    list_sampler(&l);
    bool same = l.n == sizeof golden / sizeof *golden;
    for (uint32_t i = 0; i < l.n && same; i++)
        same = strcmp(l.entry[i].name, golden[i].name) == 0 && l.entry[i].hash == golden[i].hash;
    for (uint32_t i = 0; i < l.n && !same; i++)
        printf("# {\"%s\", 0x%016llxu},\n", l.entry[i].name, (unsigned long long)l.entry[i].hash);
    assert_true(same);
}

static void test_scalar(void **state) {
    (void)state;
    check_level(0);
}
static void test_avx2(void **state) {
    (void)state;
    check_level(CPU_AVX2);
}
static void test_avx512(void **state) {
    (void)state;
    check_level(CPU_AVX2 | CPU_AVX512);
}
static void test_vnni(void **state) {
    (void)state;
    check_level(CPU_AVX2 | CPU_AVX512 | CPU_VNNI);
}
static void test_neon(void **state) {
    (void)state;
    check_level(CPU_NEON);
}
static void test_dotprod(void **state) {
    (void)state;
    check_level(CPU_NEON | CPU_DOTPROD);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalar), cmocka_unit_test(test_avx2),
                                       cmocka_unit_test(test_avx512), cmocka_unit_test(test_vnni),
                                       cmocka_unit_test(test_neon),   cmocka_unit_test(test_dotprod)};
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
