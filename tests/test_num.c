/* The scalar definition of CA/1: 16-bit floats, quantisation, linear layers, norms, rotations, activations. Cases that
 * are worked out by hand, and binary64 with bounds that follow from the number of roundings. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "num/blocks.h"
#include "num/ref.h"
#include "num/rope.h"
#include "ref64.h"

static const enum dtype types[] = {DTYPE_F32,  DTYPE_F16,  DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1,
                                   DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
enum { N_TYPES = sizeof types / sizeof *types, COLS = 1280 };

static const double half_ulp = 0x1p-24; /* the relative error of one rounding */

static void assert_bits(float got, float want) {
    assert_int_equal(float_bits(got), float_bits(want));
}

/* --- 16-bit floats --- */

static double f16_value(uint16_t h) {
    int e = h >> 10 & 31, f = h & 1023;
    double v = e == 0 ? ldexp(f, -24) : e == 31 ? (f ? (double)NAN : (double)INFINITY) : ldexp(1024 + f, e - 25);
    return h & 0x8000 ? -v : v;
}

static void test_f16(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = num_f16_to_f32((uint16_t)h);
        double want = f16_value((uint16_t)h);
        if (isnan(want)) {
            assert_true(isnan(x));
            assert_true((num_f32_to_f16(x) & 0x7fffu) > 0x7c00u);
            continue;
        }
        assert_bits(x, (float)want);
        assert_int_equal(num_f32_to_f16(x), h);
        if ((h & 0x7fffu) >= 0x7bffu) continue;
        /* halfway to the next one: to the even; a hair more or less: to the nearer */
        float middle = (float)((want + f16_value((uint16_t)(h + 1))) / 2);
        assert_int_equal(num_f32_to_f16(middle), h + (h & 1u));
        assert_int_equal(num_f32_to_f16(bits_float(float_bits(middle) + 1)), h + 1);
        assert_int_equal(num_f32_to_f16(bits_float(float_bits(middle) - 1)), h);
    }
    assert_int_equal(num_f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(num_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(num_f32_to_f16(0x1p-149f), 0);
    assert_int_equal(num_f32_to_f16(-0x1p-149f), 0x8000);
    assert_int_equal(num_f32_to_f16_sat(65520.0f), 0x7bff);
    assert_int_equal(num_f32_to_f16_sat(-3e38f), 0xfbff);
    assert_int_equal(num_f32_to_f16_sat(-INFINITY), 0xfc00);
}

static void test_bf16(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++) {
        float x = num_bf16_to_f32((uint16_t)h);
        assert_int_equal(float_bits(x), h << 16);
        if (isnan(x)) assert_true(isnan(num_bf16_to_f32(num_f32_to_bf16(x))));
        else assert_int_equal(num_f32_to_bf16(x), h);
    }
    assert_int_equal(num_f32_to_bf16(bits_float(0x3f808000u)), 0x3f80); /* ties to even */
    assert_int_equal(num_f32_to_bf16(bits_float(0x3f818000u)), 0x3f82);
    assert_int_equal(num_f32_to_bf16(bits_float(0x3f808001u)), 0x3f81);
    assert_int_equal(num_f32_to_bf16(bits_float(0x7f7fffffu)), 0x7f80);
    assert_true(isnan(num_bf16_to_f32(num_f32_to_bf16(bits_float(0x7f800001u)))));
}

/* --- quantisation of activations --- */

static void test_quantize_by_hand(void **state) {
    (void)state;
    float x[32] = {127.0f, -127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -0.0f, 0x1p-149f, 3.49f};
    static const int8_t want[32] = {127, -127, 0, 2, 2, 0, -2, 0, 0, 3}; /* ties to even */
    int8_t q[32];
    float d;
    int32_t sum;
    assert_true(ref_quantize(x, 32, q, &d, &sum));
    assert_bits(d, 1.0f);
    assert_memory_equal(q, want, 32);
    assert_int_equal(sum, 5);

    for (int i = 0; i < 32; i++) x[i] = -0.0f;
    assert_true(ref_quantize(x, 32, q, &d, &sum));
    assert_bits(d, 0.0f);
    assert_int_equal(sum, 0);

    x[3] = nextafterf(0x1p-60f, 0.0f); /* just below the limit: a zero block */
    assert_true(ref_quantize(x, 32, q, &d, &sum));
    assert_bits(d, 0.0f);
    assert_int_equal(q[3], 0);
    x[3] = -0x1p-60f; /* on it */
    assert_true(ref_quantize(x, 32, q, &d, &sum));
    assert_bits(d, 0x1p-60f / 127.0f);
    assert_int_equal(q[3], -127);
    assert_int_equal(sum, -127);
}

static void test_quantize_refuses(void **state) {
    (void)state;
    static const uint32_t bad[] = {0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800001u, 0xffffffffu};
    float x[64] = {0}, d[2];
    int8_t q[64];
    int32_t sum[2];
    for (int i = 0; i < 5; i++) {
        for (int at = 0; at < 64; at += 21) {
            x[at] = bits_float(bad[i]);
            assert_false(ref_quantize(x, 64, q, d, sum));
            assert_false(ref_finite(x, 64));
            x[at] = 3.4e38f;
            assert_true(ref_quantize(x, 64, q, d, sum));
            assert_true(ref_finite(x, 64));
            x[at] = 0.0f;
        }
    }
}

static void test_quantize_error(void **state) {
    (void)state;
    struct rng r = {.seed = 1};
    for (int n = 0; n < 3000; n++) {
        float x[32], d;
        int8_t q[32];
        int32_t sum, total = 0;
        float scale = ldexpf(1.0f, (int)rng_below(&r, 180) - 59); /* blocks just above the limit to near overflow */
        for (int i = 0; i < 32; i++) x[i] = rng_normal(&r) * scale;
        assert_true(ref_quantize(x, 32, q, &d, &sum));
        for (int i = 0; i < 32; i++) {
            total += q[i];
            assert_true(abs(q[i]) <= 127);
            /* half a step, and the rounding of d and of the factor 127/amax: 127 steps times a few half_ulp */
            double bound = (double)d * (0.5 + 127 * 4 * half_ulp);
            assert_true(fabs((double)x[i] - (double)q[i] * (double)d) <= bound);
        }
        assert_int_equal(sum, total);
    }
}

/* --- weights --- */

/* Random bytes; 16-bit scales finite and at most 64. */
static void random_weights(struct rng *r, enum dtype type, uint32_t cols, uint8_t *row) {
    const struct dtype_info *t = dtype_get(type);
    for (uint32_t b = 0; b < cols / t->block_len; b++, row += t->block_bytes) {
        for (uint32_t i = 0; i < t->block_bytes; i++) row[i] = (uint8_t)rng_u64(r);
        uint16_t a = num_f32_to_f16(rng_normal(r)), c = num_f32_to_f16(rng_normal(r));
        if (type == DTYPE_F32) memcpy(row, &(float){rng_normal(r)}, 4);
        else if (type == DTYPE_BF16) memcpy(row, &(uint16_t){num_f32_to_bf16(rng_normal(r))}, 2);
        else memcpy(type == DTYPE_Q6_K ? row + 208 : row, &a, 2);
        if (type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K)
            memcpy(row + 2, &c, 2);
    }
}

/* What block b of 32 subtracts from each value. */
static double minimum(enum dtype type, const uint8_t *row, uint32_t b) {
    int scale, min;
    if (type == DTYPE_Q4_1) return -f16_value(blk_u16(row + 20 * b + 2));
    if (type == DTYPE_Q5_1) return -f16_value(blk_u16(row + 24 * b + 2));
    if (type != DTYPE_Q4_K && type != DTYPE_Q5_K) return 0;
    const uint8_t *blk = row + (type == DTYPE_Q4_K ? 144 : 176) * (b / 8);
    blk_scale_min(blk + 4, b % 8, &scale, &min);
    return f16_value(blk_u16(blk + 2)) * min;
}

/* Decoding a row is the exact value rounded once, in every format. */
static void test_rows(void **state) {
    (void)state;
    struct rng r = {.seed = 2};
    for (int t = 0; t < N_TYPES; t++) {
        static uint8_t data[COLS * 4];
        float got[COLS];
        double want[COLS];
        const struct dtype_info *info = dtype_get(types[t]);
        struct num_matrix w = {.type = types[t], .rows = 1, .cols = COLS, .data = data};
        w.row_bytes = COLS / info->block_len * info->block_bytes;
        for (int n = 0; n < 20; n++) {
            random_weights(&r, types[t], COLS, data);
            ref_row(&w, 0, got);
            ref64_dequant(types[t], data, COLS, want);
            for (int i = 0; i < COLS; i++)
                if (got[i] != (float)want[i])
                    fail_msg("%s element %d: %a, want %a", info->name, i, (double)got[i], want[i]);
        }
    }
}

struct layer {
    struct num_matrix w;
    struct num_act a;
    uint8_t data[COLS * 4];
    float x[COLS], d[COLS / 32];
    int8_t q[COLS];
    int32_t asum[COLS / 32];
};

static void layer_init(struct layer *l, enum dtype type, uint32_t cols) {
    const struct dtype_info *info = dtype_get(type);
    l->w = (struct num_matrix){.type = type, .rows = 1, .cols = cols, .data = l->data};
    l->w.row_bytes = cols / info->block_len * info->block_bytes;
    l->a = (struct num_act){.n_rows = 1, .cols = cols, .x = l->x, .q = l->q, .d = l->d, .asum = l->asum};
}

static float layer_run(struct layer *l) {
    float y = NAN;
    if (dtype_is_quant(l->w.type)) ref_linear_quant(&l->w, &l->a, 0, 1, &y, 1);
    else ref_linear_float(&l->w, &l->a, 0, 1, &y, 1);
    return y;
}

/* Against binary64 on the same quantised activations: what remains are the chain's roundings. Each step rounds the
 * product of scales (relative to its term) and the sum so far. */
static void test_linear_quant(void **state) {
    (void)state;
    static struct layer l;
    struct rng r = {.seed = 3};
    for (int t = 3; t < N_TYPES; t++) {
        double worst = 0;
        for (int n = 0; n < 100; n++) {
            layer_init(&l, types[t], COLS);
            random_weights(&r, types[t], COLS, l.data);
            for (int i = 0; i < COLS; i++) l.x[i] = rng_normal(&r);
            assert_true(ref_quantize(l.x, COLS, l.q, l.d, l.asum));
            double w[COLS], sum = 0, bound = 0;
            ref64_dequant(types[t], l.data, COLS, w);
            for (uint32_t b = 0; b < COLS / 32; b++) {
                double d = (double)l.d[b], part = 0, low = minimum(types[t], l.data, b) * l.asum[b] * d;
                for (uint32_t i = 32 * b; i < 32 * b + 32; i++) part += w[i] * l.q[i] * d;
                bound += fabs(part + low) + fabs(sum + part + low) + (low != 0 ? fabs(low) + fabs(sum + part) : 0);
                sum += part;
            }
            bound *= half_ulp * 1.0001; /* terms of second order */
            double error = fabs((double)layer_run(&l) - sum);
            if (error > bound) fail_msg("%s: error %g, bound %g", dtype_get(types[t])->name, error, bound);
            worst = fmax(worst, error / bound);
        }
        printf("# %s: at most %.3f of the bound\n", dtype_get(types[t])->name, worst);
        assert_true(worst > 0.01);
    }
}

static void test_linear_float(void **state) {
    (void)state;
    static struct layer l;
    struct rng r = {.seed = 4};
    for (int t = 0; t < 3; t++) {
        for (int n = 0; n < 100; n++) {
            uint32_t cols = 1 + (uint32_t)rng_below(&r, COLS);
            layer_init(&l, types[t], cols);
            random_weights(&r, types[t], cols, l.data);
            double w[COLS], sum = 0, size = 0, bound = 0;
            ref64_dequant(types[t], l.data, cols, w);
            for (uint32_t i = 0; i < cols; i++) {
                l.x[i] = rng_normal(&r);
                sum += w[i] * (double)l.x[i];
                size += fabs(w[i] * (double)l.x[i]);
                bound += half_ulp * size * 1.001;
            }
            bound += 3 * half_ulp * size; /* the sums of segments */
            double error = fabs((double)layer_run(&l) - sum);
            if (error > bound)
                fail_msg("%s, %u columns: error %g, bound %g", dtype_get(types[t])->name, cols, error, bound);
        }
    }
}

/* 2^24 + 1 rounds back to 2^24: within a segment ones are lost behind it, a segment of ones arrives whole. */
static void test_segments(void **state) {
    (void)state;
    static struct layer l;
    layer_init(&l, DTYPE_F32, 1024);
    float w[1024];
    for (int i = 0; i < 1024; i++) {
        l.x[i] = 1.0f;
        w[i] = i == 0 ? 0x1p24f : 1.0f;
    }
    memcpy(l.data, w, sizeof w);
    assert_bits(layer_run(&l), 0x1p24f + 512.0f);
    w[0] = 1.0f;
    w[511] = 0x1p24f; /* now the chain has 511 when 2^24 comes: 2^24 + 511 rounds to even */
    memcpy(l.data, w, sizeof w);
    assert_bits(layer_run(&l), 0x1p24f + 512.0f + 512.0f);
    l.x[0] = -0.0f;
    layer_init(&l, DTYPE_F32, 1);
    assert_bits(layer_run(&l), 0.0f); /* the chain begins at +0 */
}

/* Each format's largest integer sum is exact in binary32 (below 2^24). */
static void test_integer_extremes(void **state) {
    (void)state;
    static const struct {
        enum dtype type;
        uint8_t fill, one_at; /* all bytes; where the f16 scale 1.0 lies */
        int sign;
        float want;
    } cases[] = {
        {DTYPE_Q8_0, 0x80, 0, -1, 32 * 128.0f * 127},
        {DTYPE_Q4_0, 0x00, 0, -1, 32 * 8.0f * 127},
        {DTYPE_Q5_0, 0x00, 0, -1, 32 * 16.0f * 127},
        {DTYPE_Q6_K, 0x80, 208, 1, 0}, /* below */
    };
    static struct layer l;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint32_t cols = dtype_get(cases[c].type)->block_len;
        layer_init(&l, cases[c].type, cols);
        memset(l.data, cases[c].fill, l.w.row_bytes);
        if (cases[c].type == DTYPE_Q6_K) memset(l.data, 0, 192); /* codes -32, scales -128 */
        l.data[cases[c].one_at] = 0x00;
        l.data[cases[c].one_at + 1] = 0x3c;
        for (uint32_t i = 0; i < cols; i++) l.x[i] = (float)(cases[c].sign * 127);
        assert_true(ref_quantize(l.x, cols, l.q, l.d, l.asum));
        float want = cases[c].type == DTYPE_Q6_K ? 8 * 32.0f * 32 * 128 * 127 : cases[c].want;
        assert_bits(layer_run(&l), want);
    }
    assert_true(32 * 32 * 128 * 127 < 1 << 24);
    assert_true(31 * 127 * 32 < 1 << 24);
}

/* Q4_K by hand: d = 2, dmin = 0.5, group 0: scale 3, minimum 5, codes 7; the rest zero. */
static void test_q4_k_by_hand(void **state) {
    (void)state;
    static struct layer l;
    layer_init(&l, DTYPE_Q4_K, 256);
    memset(l.data, 0, sizeof l.data);
    l.data[1] = 0x40; /* 2.0 */
    l.data[3] = 0x38; /* 0.5 */
    l.data[4] = 3;
    l.data[8] = 5;
    memset(l.data + 16, 0x07, 32);
    float row[256];
    ref_row(&l.w, 0, row);
    assert_bits(row[0], 2 * 3 * 7 - 0.5f * 5);
    assert_bits(row[31], 39.5f);
    assert_bits(row[32], 0.0f);
    for (int i = 0; i < 256; i++) l.x[i] = i < 32 ? 127.0f : 0.0f;
    assert_true(ref_quantize(l.x, 256, l.q, l.d, l.asum));
    assert_bits(layer_run(&l), 39.5f * 127 * 32);
}

/* --- row reductions and elementwise formulas --- */

static void test_tree(void **state) {
    (void)state;
    float lane[16];
    for (int i = 0; i < 16; i++) lane[i] = (float)(1 << i);
    assert_bits(ref_tree(lane, 0xffff), 65535.0f);
    assert_bits(ref_tree(lane, 0x0120), 32.0f + 256.0f);
    for (int i = 0; i < 16; i++) lane[i] = -0.0f;
    assert_bits(ref_tree(lane, 0x0008), -0.0f); /* absent lanes are not added as +0 */
    /* the order: (0, 8) before (0, 4) before (0, 2) before (0, 1) */
    memset(lane, 0, sizeof lane);
    lane[0] = 0x1p24f;
    lane[8] = 1.0f; /* lost */
    lane[4] = lane[12] = 1.0f;
    assert_bits(ref_tree(lane, 0xffff), 0x1p24f + 2.0f);
}

static void test_rmsnorm(void **state) {
    (void)state;
    float x[1000], w[1000], y[1000];
    for (int i = 0; i < 4; i++) x[i] = w[i] = 2.0f;
    ref_rmsnorm(x, w, 4, 0.0f, y);
    for (int i = 0; i < 4; i++) assert_bits(y[i], 2.0f);
    struct rng r = {.seed = 5};
    for (uint32_t n = 1; n < 1000; n += 37) {
        double sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            x[i] = rng_normal(&r);
            w[i] = rng_normal(&r);
            sum += (double)x[i] * (double)x[i];
        }
        ref_rmsnorm(x, w, n, 1e-5f, y);
        double f = 1.0 / sqrt(sum / n + (double)1e-5f);
        /* n/16 + 4 additions at most in a chain, half of their error after the root, and six more roundings */
        double bound = (n / 16.0 + 4) / 2 * half_ulp + 6 * half_ulp;
        for (uint32_t i = 0; i < n; i++) {
            double want = (double)x[i] * f * (double)w[i];
            assert_true(fabs((double)y[i] - want) <= fabs(want) * bound);
        }
    }
}

static void test_rope_kernels(void **state) {
    (void)state;
    float c[2] = {0.0f, 0.5f}, s[2] = {1.0f, 0.25f}, x[4] = {1.0f, 2.0f, 4.0f, 8.0f}, y[4];
    memcpy(y, x, sizeof y);
    ref_rope_pairs(y, c, s, 4);
    assert_bits(y[0], -2.0f);
    assert_bits(y[1], 1.0f);
    assert_bits(y[2], 0.0f);
    assert_bits(y[3], 5.0f);
    memcpy(y, x, sizeof y);
    ref_rope_halves(y, c, s, 4);
    assert_bits(y[0], -4.0f);
    assert_bits(y[2], 1.0f);
    assert_bits(y[1], -1.0f);
    assert_bits(y[3], 4.5f);
}

static void test_gated(void **state) {
    (void)state;
    struct rng r = {.seed = 6};
    for (int n = 0; n < 20000; n++) {
        float x = rng_normal(&r) * 4.0f, up = 1.0f;
        double v = (double)x, g[4];
        g[NUM_SILU] = v / (1 + exp(-v));
        g[NUM_GELU_TANH] = 0.5 * v * (1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
        g[NUM_GELU_ERF] = 0.5 * v * (1 + erf(v * M_SQRT1_2));
        g[NUM_RELU] = v > 0 ? v : 0;
        for (int act = 0; act < 4; act++) {
            float y = x;
            ref_gated((enum num_act_fn)act, &y, &up, 1);
            /* silu: the relative error of exp (2 half_ulp) and of three operations. gelu: 1 + f loses to the left, so
             * the error is relative to x; tanh's argument has five roundings, worth |z| times as much each. */
            double bound = act == NUM_SILU ? fabs(g[act]) * 8 * half_ulp : fabs(v) * 8 * half_ulp;
            if (fabs((double)y - g[act]) > bound)
                fail_msg("activation %d at %a: %a, want %a", act, v, (double)y, g[act]);
        }
    }
    float x[4] = {-1000.0f, 1000.0f, -0.0f, -3.0f}, up[4] = {2.0f, 2.0f, 2.0f, 2.0f};
    ref_gated(NUM_SILU, x, up, 3);
    assert_bits(x[0], -0.0f);
    assert_bits(x[1], 2000.0f);
    assert_bits(x[2], -0.0f);
    ref_gated(NUM_RELU, x, up, 4);
    assert_bits(x[3], 0.0f);
}

/* --- rotary positions --- */

static void test_rope_plain(void **state) {
    (void)state;
    struct num_rope r = {.n_rot = 128, .base = 500000.0, .factor = 1.0};
    double f[64], m;
    num_rope_freqs(&r, f, &m);
    assert_true(m == 1.0 && f[0] == 1.0);
    for (int i = 0; i < 64; i++) assert_true(fabs(f[i] / pow(500000.0, -2.0 * i / 128) - 1) < 1e-14);
    r.scaling = NUM_ROPE_LINEAR;
    r.factor = 4.0;
    double g[64];
    num_rope_freqs(&r, g, &m);
    for (int i = 0; i < 64; i++) assert_true(g[i] == f[i] / 4.0);
    float divisors[64];
    for (int i = 0; i < 64; i++) divisors[i] = 1.0f + (float)i;
    r.scaling = NUM_ROPE_NONE;
    r.freq_factors = divisors;
    num_rope_freqs(&r, g, &m);
    for (int i = 0; i < 64; i++) assert_true(g[i] == f[i] / (1.0 + i));
    float c[64], s[64];
    static const uint32_t positions[] = {0, 1, 4095, 131071, 1000003, 10000000};
    for (int p = 0; p < 6; p++) {
        num_rope_angles(f, 64, m, positions[p], c, s);
        for (int i = 0; i < 64; i++) {
            double angle = positions[p] * f[i];
            assert_true(fabs((double)c[i] - cos(angle)) <= half_ulp && fabs((double)s[i] - sin(angle)) <= half_ulp);
        }
    }
}

/* YaRN as its paper has it, for the settings of a model with 32 x 4096 positions. */
static void test_rope_yarn(void **state) {
    (void)state;
    struct num_rope r = {.n_rot = 64,
                         .base = 150000.0,
                         .scaling = NUM_ROPE_YARN,
                         .factor = 32.0,
                         .orig_ctx = 4096,
                         .ext_factor = 1.0,
                         .attn_factor = 1.0,
                         .beta_fast = 32.0,
                         .beta_slow = 1.0};
    double f[32], m;
    num_rope_freqs(&r, f, &m);
    assert_true(fabs(m - (1.0 + 0.1 * log(32.0))) < 1e-14);
    double low = floor(64 * log(4096 / (32.0 * 2 * M_PI)) / (2 * log(150000.0)));
    double high = ceil(64 * log(4096 / (1.0 * 2 * M_PI)) / (2 * log(150000.0)));
    int kept = 0, interpolated = 0;
    for (int i = 0; i < 32; i++) {
        double plain = pow(150000.0, -2.0 * i / 64), ramp = fmin(1, fmax(0, (i - low) / (high - low)));
        double want = plain / 32 * ramp + plain * (1 - ramp);
        assert_true(fabs(f[i] / want - 1) < 1e-13);
        kept += ramp == 0;
        interpolated += ramp == 1;
    }
    assert_true(kept > 0 && interpolated > 0 && kept + interpolated < 32);
    r.ext_factor = 0.0; /* interpolation alone */
    r.attn_factor = 1.25;
    num_rope_freqs(&r, f, &m);
    assert_true(m == 1.25);
    assert_true(fabs(f[5] / (pow(150000.0, -10.0 / 64) / 32) - 1) < 1e-14);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_f16),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_quantize_by_hand),
        cmocka_unit_test(test_quantize_refuses),
        cmocka_unit_test(test_quantize_error),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_linear_quant),
        cmocka_unit_test(test_linear_float),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_integer_extremes),
        cmocka_unit_test(test_q4_k_by_hand),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_rmsnorm),
        cmocka_unit_test(test_rope_kernels),
        cmocka_unit_test(test_gated),
        cmocka_unit_test(test_rope_plain),
        cmocka_unit_test(test_rope_yarn),
    };
    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
