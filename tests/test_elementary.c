/* Elementary functions against GNU MPFR: the errors that num/elementary.h states, and the values at the edges. A sweep
 * takes every STRIDEth bit pattern; SILLOK_SWEEP=N in the environment makes it N times denser. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mpfr.h>

#include "base/rng.h"
#include "num/elementary.h"
#include "num/floatbits.h"

enum { STRIDE = 32749, DOUBLES = 24000, PRECISION = 200 };

typedef int (*mpfr_fn)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

static uint32_t density(void) {
    const char *s = getenv("SILLOK_SWEEP");
    long n = s ? strtol(s, NULL, 10) : 1;
    return n >= 1 && n <= STRIDE ? (uint32_t)n : 1;
}

/* |got - want| in units of the last of `digits` binary digits of want; of the smallest subnormal below 2^low. */
static double ulps(double got, mpfr_srcptr want, int digits, int low) {
    mpfr_t d;
    mpfr_init2(d, PRECISION);
    mpfr_sub_d(d, want, got, MPFR_RNDN);
    long e = mpfr_zero_p(want) ? low : mpfr_get_exp(want);
    if (e < low) e = low;
    mpfr_mul_2si(d, d, digits - e, MPFR_RNDN);
    double r = fabs(mpfr_get_d(d, MPFR_RNDN));
    mpfr_clear(d);
    return isnan(got) ? (double)INFINITY : r;
}

struct worst {
    double ulp, at;
};

static void try_float(struct worst *w, float (*fn)(float), mpfr_fn exact, float x, mpfr_ptr a, mpfr_ptr b) {
    mpfr_set_flt(a, x, MPFR_RNDN);
    exact(b, a, MPFR_RNDN);
    double u = ulps((double)fn(x), b, 24, -125);
    if (u > w->ulp) *w = (struct worst){u, (double)x};
}

/* Every STRIDEth float of [low, high], and as many in [dense_low, dense_high] alone. */
static void sweep(const char *name, float (*fn)(float), mpfr_fn exact, float low, float high, float dense_low,
                  float dense_high, double stated) {
    struct worst w = {0, 0};
    uint32_t stride = STRIDE / density(), n = 0;
    mpfr_t a, b;
    mpfr_init2(a, 24);
    mpfr_init2(b, PRECISION);
    for (uint32_t u = 0; u < 0x7f800000u; u += stride) {
        float x = bits_float(u);
        if (x >= low && x <= high) try_float(&w, fn, exact, x, a, b), n++;
        if (-x >= low && -x <= high) try_float(&w, fn, exact, -x, a, b), n++;
    }
    struct rng r = {.seed = 7};
    for (uint32_t i = 0; i < 20000 * density(); i++, n++)
        try_float(&w, fn, exact, dense_low + (dense_high - dense_low) * rng_f32(&r), a, b);
    mpfr_clear(a);
    mpfr_clear(b);
    printf("# %s: %.4f ulp at %a over %u values (stated %.2f)\n", name, w.ulp, w.at, n, stated);
    assert_true(w.ulp <= stated);
    assert_true(w.ulp > 0.5); /* nothing here is rounded correctly everywhere: less means that nothing was measured */
}

static void test_floats(void **state) {
    (void)state;
    sweep("expf", num_expf, mpfr_exp, -80.0f, 88.72283f, -1.0f, 1.0f, NUM_EXPF_ULP);
    sweep("logf", num_logf, mpfr_log, 0x1p-149f, 3.4e38f, 0.5f, 2.0f, NUM_LOGF_ULP);
    sweep("tanhf", num_tanhf, mpfr_tanh, -3e38f, 3e38f, -2.0f, 2.0f, NUM_TANHF_ULP);
    sweep("erff", num_erff, mpfr_erf, -3e38f, 3e38f, -2.0f, 2.0f, NUM_ERFF_ULP);
    sweep("sinf", num_sinf, mpfr_sin, -0x1p16f, 0x1p16f, -20000.0f, 20000.0f, NUM_SINF_ULP);
    sweep("cosf", num_cosf, mpfr_cos, -0x1p16f, 0x1p16f, -20000.0f, 20000.0f, NUM_COSF_ULP);
    sweep("rsqrtf", num_rsqrtf, mpfr_rec_sqrt, 0x1p-126f, 3e38f, 1.0f, 4.0f, NUM_RSQRTF_ULP);
}

static double sine(double x) {
    double s, c;
    num_sincos(x, &s, &c);
    return s;
}

static double cosine(double x) {
    double s, c;
    num_sincos(x, &s, &c);
    return c;
}

/* Half of the values spread evenly over [low, high], half over the magnitudes below |high|; the nearest doubles to
 * multiples of pi/2 among them when asked. */
static void sweep_double(const char *name, double (*fn)(double), mpfr_fn exact, double low, double high, bool turns,
                         double stated) {
    struct worst w = {0, 0};
    struct rng r = {.seed = 11};
    mpfr_t a, b;
    mpfr_init2(a, 53);
    mpfr_init2(b, PRECISION);
    for (uint32_t i = 0; i < DOUBLES * density(); i++) {
        double u = (double)(rng_u64(&r) >> 11) * 0x1p-53, x = low + (high - low) * u;
        if (i % 2) x = ldexp(1.0 + u, (int)rng_below(&r, 60) - 29) * (low < 0 && i % 4 == 1 ? -1.0 : 1.0);
        if (turns && i % 5 == 0) x = rint(x) * 0x1.921fb54442d18p+0;
        if (x < low || x > high) continue;
        mpfr_set_d(a, x, MPFR_RNDN);
        exact(b, a, MPFR_RNDN);
        double e = ulps(fn(x), b, 53, -1021);
        if (e > w.ulp) w = (struct worst){e, x};
    }
    mpfr_clear(a);
    mpfr_clear(b);
    printf("# %s: %.4f ulp at %a (stated %.2f)\n", name, w.ulp, w.at, stated);
    assert_true(w.ulp <= stated);
    assert_true(w.ulp > 0.5);
}

static void test_doubles(void **state) {
    (void)state;
    sweep_double("exp", num_exp, mpfr_exp, -700.0, 709.7, false, NUM_EXP_ULP);
    sweep_double("log", num_log, mpfr_log, 0x1p-1000, 0x1p31, false, NUM_LOG_ULP);
    sweep_double("sin", sine, mpfr_sin, -0x1p31, 0x1p31, true, NUM_SINCOS_ULP);
    sweep_double("cos", cosine, mpfr_cos, -0x1p31, 0x1p31, true, NUM_SINCOS_ULP);
}

/* Equal bits, so that signed zeros count. */
static void assert_bits(float got, float want) {
    if (isnan(want)) assert_true(isnan(got));
    else assert_int_equal(float_bits(got), float_bits(want));
}

static void test_float_edges(void **state) {
    (void)state;
    assert_bits(num_expf(0.0f), 1.0f);
    assert_bits(num_expf(-0.0f), 1.0f);
    assert_true(num_expf(-80.0f) > 0.0f);
    assert_bits(num_expf(nextafterf(-80.0f, -100.0f)), 0.0f);
    assert_bits(num_expf(-INFINITY), 0.0f);
    assert_true(num_expf(88.72283f) < INFINITY);
    assert_bits(num_expf(88.73f), INFINITY);
    assert_bits(num_expf(1000.0f), INFINITY);
    assert_bits(num_expf(INFINITY), INFINITY);
    assert_bits(num_expf(NAN), NAN);
    assert_bits(num_logf(1.0f), 0.0f);
    assert_bits(num_logf(0.0f), -INFINITY);
    assert_bits(num_logf(-0.0f), -INFINITY);
    assert_bits(num_logf(-1.0f), NAN);
    assert_bits(num_logf(-0x1p-149f), NAN);
    assert_bits(num_logf(INFINITY), INFINITY);
    assert_bits(num_logf(-INFINITY), NAN);
    assert_bits(num_logf(NAN), NAN);
    assert_bits(num_tanhf(-0.0f), -0.0f);
    assert_bits(num_tanhf(0x1p-149f), 0x1p-149f);
    assert_bits(num_tanhf(INFINITY), 1.0f);
    assert_bits(num_tanhf(-INFINITY), -1.0f);
    assert_bits(num_tanhf(NAN), NAN);
    assert_bits(num_erff(-0.0f), -0.0f);
    assert_bits(num_erff(INFINITY), 1.0f);
    assert_bits(num_erff(-4.5f), -1.0f);
    assert_bits(num_erff(NAN), NAN);
    assert_bits(num_sinf(-0.0f), -0.0f);
    assert_bits(num_cosf(0.0f), 1.0f);
    assert_bits(num_sinf(65537.0f), NAN);
    assert_bits(num_cosf(INFINITY), NAN);
    assert_bits(num_sinf(NAN), NAN);
    assert_bits(num_rsqrtf(4.0f), 0.5f);
    assert_bits(num_rsqrtf(INFINITY), 0.0f);
}

static void test_double_edges(void **state) {
    (void)state;
    double s, c;
    assert_true(num_exp(0.0) == 1.0 && num_exp(-700.5) == 0.0 && isinf(num_exp(710.0)) && isnan(num_exp((double)NAN)));
    assert_true(num_log(1.0) == 0.0 && isinf(num_log(0.0)) && isnan(num_log(-1.0)) && isinf(num_log((double)INFINITY)));
    assert_true(fabs(num_log(0x1p-1074) + 744.4400719213812) < 1e-12);
    num_sincos(-0.0, &s, &c);
    assert_true(double_bits(s) == double_bits(-0.0) && c == 1.0);
    num_sincos(0x1p31 + 1.0, &s, &c);
    assert_true(isnan(s) && isnan(c));
    num_sincos((double)INFINITY, &s, &c);
    assert_true(isnan(s) && isnan(c));
}

/* The functions are odd or even to the bit, and exponentials of what attention subtracts never exceed 1. */
static void test_symmetry(void **state) {
    (void)state;
    struct rng r = {.seed = 3};
    for (int i = 0; i < 20000; i++) {
        float x = bits_float((uint32_t)rng_u64(&r) & 0x47ffffffu);
        assert_bits(num_tanhf(-x), -num_tanhf(x));
        assert_bits(num_erff(-x), -num_erff(x));
        if (x <= 0x1p16f) {
            assert_bits(num_sinf(-x), -num_sinf(x));
            assert_bits(num_cosf(-x), num_cosf(x));
        }
        assert_true(num_expf(-x) <= 1.0f && num_tanhf(x) <= 1.0f && num_erff(x) <= 1.0f);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),       cmocka_unit_test(test_doubles),  cmocka_unit_test(test_float_edges),
        cmocka_unit_test(test_double_edges), cmocka_unit_test(test_symmetry),
    };
    return cmocka_run_group_tests_name("elementary", tests, NULL, NULL);
}
