/* The encoders, judged by an independent reading of the formats in binary64 (ref64_dequant). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/sha.h"
#include "num/encode.h"
#include "num/num.h"
#include "ref64.h"

enum { ROW = 1024 };

static const enum dtype types[] = {DTYPE_F32,  DTYPE_F16,  DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1,
                                   DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
enum { N_TYPES = sizeof types / sizeof *types };

static void normal_row(struct rng *r, float scale, float *x) {
    for (int i = 0; i < ROW; i++) x[i] = scale * rng_normal(r);
}

/* Encodes and decodes; returns the encoded bytes, which stay until the next call. */
static const uint8_t *round_trip(enum dtype type, const float *x, uint32_t n, double *y) {
    static uint8_t out[ROW * 4 + 1];
    const struct dtype_info *t = dtype_get(type);
    size_t bytes = n / t->block_len * t->block_bytes;
    out[bytes] = 0xa5;
    encode_row(type, x, n, out);
    assert_int_equal(out[bytes], 0xa5);
    ref64_dequant(type, out, n, y);
    return out;
}

static double square_error(const float *x, const double *y, uint32_t n) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sum;
}

/* The error of rounding to nearest without any search: the step that just covers the block's range. The encoders
 * try that step among others, so over many blocks they must do better; by how much is printed. */
static double plain_error(enum dtype type, const float *x, uint32_t n) {
    uint32_t len = type == DTYPE_Q6_K ? 16 : 32;
    bool line = type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K;
    double levels = type == DTYPE_Q6_K ? 64 : type == DTYPE_Q4_0 || type == DTYPE_Q4_1 || type == DTYPE_Q4_K ? 16 : 32;
    double sum = 0;
    for (uint32_t b = 0; b < n; b += len) {
        double lo = x[b], hi = x[b], far = 0;
        for (uint32_t i = b; i < b + len; i++) {
            lo = fmin(lo, x[i]);
            hi = fmax(hi, x[i]);
            if (fabs(x[i]) > fabs(far)) far = x[i];
        }
        double d = line ? (hi - lo) / (levels - 1) : -far / (levels / 2), base = line ? lo : d * -levels / 2;
        for (uint32_t i = b; i < b + len; i++) {
            double q = fmin(levels - 1, fmax(0, rint((x[i] - base) / d)));
            sum += pow(x[i] - base - d * q, 2);
        }
    }
    return sum;
}

static void test_error(void **state) {
    (void)state;
    float x[ROW];
    double y[ROW];
    for (int t = 0; t < N_TYPES; t++) {
        struct rng r = {.seed = 7};
        double error = 0, plain = 0, power = 0;
        for (int row = 0; row < 40; row++) {
            normal_row(&r, ldexpf(1, row % 8 - 4), x);
            round_trip(types[t], x, ROW, y);
            error += square_error(x, y, ROW);
            plain += plain_error(types[t], x, ROW);
            for (int i = 0; i < ROW; i++) power += (double)x[i] * x[i];
        }
        const char *name = dtype_get(types[t])->name;
        print_message("# %-5s relative rms error %.2e, of plain rounding %.2e\n", name, sqrt(error / power),
                      sqrt(plain / power));
        if (types[t] == DTYPE_F32) assert_true(error == 0);
        else if (types[t] == DTYPE_F16) assert_true(sqrt(error / power) < 0x1p-11);
        else if (types[t] == DTYPE_BF16) assert_true(sqrt(error / power) < 0x1p-8);
        else if (types[t] == DTYPE_Q8_0) { /* the best step of 127 a side: amax/127, error step/sqrt(12) */
            assert_true(sqrt(error / power) < 3.5 / 127 / sqrt(12));
        } else if (types[t] == DTYPE_Q4_K || types[t] == DTYPE_Q5_K) {
            /* the 6-bit scales cost at most half a part in 63 of range at either end, beside the rounding itself */
            assert_true(error < plain * 1.15);
        } else assert_true(error < plain);
    }
}

/* Every quant is the nearest that the block's own scales allow: no other of its values, found by decoding the block
 * again with one quant changed, is nearer. */
static void test_nearest(void **state) {
    (void)state;
    float x[256];
    double y[256], z[256];
    struct rng r = {.seed = 11};
    for (int t = 3; t < N_TYPES; t++) {
        const struct dtype_info *info = dtype_get(types[t]);
        uint32_t n = info->block_len;
        uint8_t b[256];
        for (uint32_t i = 0; i < n; i++) x[i] = 3 * rng_normal(&r);
        memcpy(b, round_trip(types[t], x, n, y), info->block_bytes);
        for (uint32_t byte = 0; byte < info->block_bytes; byte++) {
            for (int bit = 0; bit < 8; bit++) {
                b[byte] ^= (uint8_t)(1 << bit);
                ref64_dequant(types[t], b, n, z);
                b[byte] ^= (uint8_t)(1 << bit);
                uint32_t changed = 0, at = 0;
                for (uint32_t i = 0; i < n; i++)
                    if (z[i] != y[i]) {
                        changed++;
                        at = i;
                    }
                if (changed != 1) continue; /* a scale; Q6_K's -0 and the like change nothing */
                assert_true(fabs(x[at] - y[at]) <= fabs(x[at] - z[at]) * (1 + 1e-6));
            }
        }
    }
}

/* A row that the format can hold exactly comes back exactly. */
static void test_exact(void **state) {
    (void)state;
    static const int low[] = {[DTYPE_Q8_0] = -127, [DTYPE_Q4_0] = -8, [DTYPE_Q4_1] = 0, [DTYPE_Q5_0] = -16,
                              [DTYPE_Q5_1] = 0,    [DTYPE_Q4_K] = 0,  [DTYPE_Q5_K] = 0, [DTYPE_Q6_K] = -32};
    float x[256];
    double y[256];
    for (int t = 0; t < N_TYPES; t++) {
        enum dtype type = types[t];
        bool quant = dtype_is_quant(type);
        bool k = type == DTYPE_Q4_K || type == DTYPE_Q5_K;
        int levels = !quant                                                           ? 80
                     : type == DTYPE_Q8_0                                             ? 255
                     : type == DTYPE_Q6_K                                             ? 64
                     : type == DTYPE_Q4_0 || type == DTYPE_Q4_1 || type == DTYPE_Q4_K ? 16
                                                                                      : 32;
        for (int i = 0; i < 256; i++) { /* each group of 16 or 32 holds both ends of the range */
            int in = i % (type == DTYPE_Q6_K ? 16 : 32);
            int q = (quant ? low[type] : -40) + (in == 0 ? 0 : in == 1 ? levels - 1 : in * 37 % levels);
            x[i] = 0.375f * (float)q;
            if (type == DTYPE_Q4_1 || type == DTYPE_Q5_1) x[i] -= 2.25f;
            if (type == DTYPE_Q6_K) x[i] = 0.375f * 128 * (float)q; /* scale -128 of d -0.375 */
            if (k) x[i] = 63 * (0.375f * (float)q - 0.25f);         /* scale 63 of d, 63 of dmin */
        }
        round_trip(type, x, 256, y);
        for (int i = 0; i < 256; i++) assert_true(x[i] == y[i]);
    }
}

/* Zeros, constants, one outlier, subnormals, huge values, infinities and NaN: finite values come back, near where the
 * format can hold them. */
static void test_edges(void **state) {
    (void)state;
    static const float values[] = {0, -0.0f, 1, -1, 1e-9f, -1e-9f, 1e-40f, -1e-40f, 65504, 1e6f, -1e6f, 3e38f, -3e38f};
    float x[256];
    double y[256];
    for (int t = 0; t < N_TYPES; t++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            for (int i = 0; i < 256; i++) x[i] = values[v];
            round_trip(types[t], x, 256, y);
            double far = fabsf(values[v]) > 65504 && types[t] != DTYPE_BF16 && types[t] != DTYPE_F32 ? INFINITY : 0;
            for (int i = 0; i < 256; i++) {
                assert_true(isfinite(y[i]));
                if (far == 0) assert_true(fabs(y[i] - values[v]) <= fabs(values[v]) / 60 + 127 * 0x1p-24);
            }
        }
        for (int i = 0; i < 256; i++) x[i] = i % 3 ? NAN : i % 2 ? INFINITY : 3e38f * (i % 5 ? 1.0f : -1.0f);
        if (types[t] == DTYPE_F32) continue;
        round_trip(types[t], x, 256, y);
        for (int i = 0; i < 256; i++) assert_true(isfinite(y[i]));
        for (int i = 0; i < 256; i++) x[i] = i == 77 ? 40.0f : 0.0f;
        round_trip(types[t], x, 256, y);
        for (int i = 0; i < 256; i++) assert_true(fabs(y[i] - x[i]) <= 40 * 0x1p-8);
    }
}

/* Binary16 and bfloat16 against the definition, over every binary16 value, the points half way to its neighbour and
 * those just beside them. */
static void test_halves(void **state) {
    (void)state;
    double value, next;
    for (uint32_t h = 0; h < 0x7bff; h++) {
        uint8_t bytes[2] = {(uint8_t)h, (uint8_t)(h >> 8)}, up[2] = {(uint8_t)(h + 1), (uint8_t)((h + 1) >> 8)};
        ref64_dequant(DTYPE_F16, bytes, 1, &value);
        ref64_dequant(DTYPE_F16, up, 1, &next);
        float half_way = (float)((value + next) / 2);
        float x[4] = {(float)value, half_way, nextafterf(half_way, 0), nextafterf(half_way, INFINITY)};
        for (int sign = 0; sign < 2; sign++)
            for (int i = 0; i < 4; i++) {
                float v = sign ? -x[i] : x[i];
                uint8_t out[2];
                double y;
                encode_row(DTYPE_F16, &v, 1, out);
                ref64_dequant(DTYPE_F16, out, 1, &y);
                assert_true(y == ref64_half(v));
            }
    }
    for (uint32_t i = 0; i < 200000; i++) { /* bfloat16: the top half of the bits, nearest even */
        uint32_t u = i * 0x9e3779b1u, back;
        float v, w;
        memcpy(&v, &u, 4);
        if (!isfinite(v)) continue;
        uint8_t out[2];
        encode_row(DTYPE_BF16, &v, 1, out);
        back = (uint32_t)out[0] << 16 | (uint32_t)out[1] << 24;
        memcpy(&w, &back, 4);
        uint32_t low = u & 0xffff0000, high = low + 0x10000;
        bool up = (u & 0xffff) > 0x8000 || ((u & 0xffff) == 0x8000 && (low & 0x10000));
        if ((high & 0x7f800000) == 0x7f800000) up = false;
        assert_int_equal(back, up ? high : low);
    }
}

/* What the engine reads from an encoded row is what the format says: the exact value, rounded once (every format's
 * value fits a double). Blocks of random bytes. */
static void test_row(void **state) {
    (void)state;
    struct num_kernels k;
    uint8_t bytes[256 * 4];
    float y[256];
    double z[256];
    struct rng r = {.seed = 3};
    num_kernels_init(&k, 0);
    for (int t = 0; t < N_TYPES; t++) {
        const struct dtype_info *info = dtype_get(types[t]);
        struct num_matrix w = {.type = types[t], .rows = 1, .cols = 256, .data = bytes};
        w.row_bytes = 256 / info->block_len * info->block_bytes;
        for (int round = 0; round < 200; round++) {
            for (size_t i = 0; i < w.row_bytes; i++) bytes[i] = (uint8_t)rng_u64(&r);
            k.row[types[t]](&w, 0, y);
            ref64_dequant(types[t], bytes, 256, z);
            for (int i = 0; i < 256; i++) {
                if (isfinite(z[i])) assert_true(y[i] == (float)z[i]); /* random scales are at times infinite */
            }
        }
    }
}

/* The same bytes from every compiler and processor: model files are made, not shipped. */
static void test_same_bytes(void **state) {
    (void)state;
    static const char *const golden[N_TYPES] = {"3f54e160deff5e5c", "d9886f1a3234126c", "ee20143edc0e0577",
                                                "90ad02d354c03df3", "5394f0b892454191", "882e60bf07eb6557",
                                                "09354c49cb208e8e", "8498283f3c718266", "7faee0e3a9313958",
                                                "5d63f68c60ced931", "b0bdd5456171d6e4"};
    float x[ROW];
    uint8_t *out = malloc((size_t)8 * ROW * 4);
    assert_non_null(out);
    for (int t = 0; t < N_TYPES; t++) {
        struct rng r = {.seed = 5};
        const struct dtype_info *info = dtype_get(types[t]);
        size_t bytes = ROW / info->block_len * info->block_bytes;
        for (size_t row = 0; row < 8; row++) {
            normal_row(&r, ldexpf(1, (int)row * 3 - 20), x);
            encode_row(types[t], x, ROW, out + row * bytes);
        }
        char hex[SHA_HEX];
        sha_hex(out, 8 * bytes, hex);
        hex[16] = 0;
        assert_string_equal(hex, golden[t]);
    }
    free(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error),      cmocka_unit_test(test_nearest), cmocka_unit_test(test_exact),
        cmocka_unit_test(test_edges),      cmocka_unit_test(test_halves),  cmocka_unit_test(test_row),
        cmocka_unit_test(test_same_bytes),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
