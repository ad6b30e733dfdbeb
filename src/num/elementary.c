/* The fixed sequences of docs/arithmetic.md, section "Elementary functions". No tables and no branches that matter:
 * every condition picks between finished values, so that a vector version is the same lines with a select. The
 * coefficients come from bench/derive_elementary.py. */
#include "num/elementary.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "num/elementary_poly.h"
#include "num/floatbits.h"

static const double ln2_hi_d = 0x1.62e42fefa39efp-1, ln2_lo_d = 0x1.abc9e3b39803fp-56;
static const float magic = 0x1.8p23f;   /* magic + x holds rint(x) in its low bits, |x| < 2^22 */
static const double magic_d = 0x1.8p52; /* the same in binary64, |x| < 2^51 */

/* Horner's rule with one fma per coefficient; c[0] is the constant term. */
static float poly(float x, const float *c, int degree) {
    float s = c[degree];
    for (int i = degree - 1; i >= 0; i--) s = fmaf(s, x, c[i]);
    return s;
}

static double poly_d(double x, const double *c, int degree) {
    double s = c[degree];
    for (int i = degree - 1; i >= 0; i--) s = fma(s, x, c[i]);
    return s;
}

float num_expf(float x) {
    float v = x > 89.0f ? 89.0f : x; /* overflows by itself; NaN stays NaN */
    v = v < -80.0f ? -80.0f : v;
    float t = fmaf(v, 0x1.715476p+0f, magic), n = t - magic;
    int32_t k = (int32_t)(float_bits(t) - float_bits(magic));
    float r = fmaf(n, -NUM_LN2_LO, fmaf(n, -NUM_LN2_HI, v));
    float p = fmaf(r * r, poly(r, num_exp_poly, NUM_EXP_DEGREE), r) + 1.0f;
    int32_t half = k >> 1; /* two factors, for 2^128 is not a float */
    float y = p * bits_float((uint32_t)(half + 127) << 23) * bits_float((uint32_t)(k - half + 127) << 23);
    return x < -80.0f ? 0.0f : y;
}

float num_logf(float x) {
    static const float c[] = {0x1.555556p-2f, -0x1p-2f,       0x1.9998d4p-3f,  -0x1.55549ep-3f, 0x1.24c926p-3f,
                              -0x1.00331p-3f, 0x1.bc8cf8p-4f, -0x1.8fc5f6p-4f, 0x1.dba26p-4f,   -0x1.b56246p-4f};
    float scaled = x < 0x1p-126f ? x * 0x1p23f : x, bias = x < 0x1p-126f ? -23.0f : 0.0f;
    uint32_t ix = float_bits(scaled);
    uint32_t e = (ix - 0x3f2aaaabu) & 0xff800000u; /* the exponent for which m is in [2/3, 4/3) */
    float m = bits_float(ix - e), n = (float)((int32_t)e >> 23) + bias;
    float f = m - 1.0f;
    float r = fmaf(f * f, fmaf(f, poly(f, c, 9), -0.5f), f);
    float y = fmaf(n, NUM_LN2_HI, fmaf(n, NUM_LN2_LO, r));
    y = x == INFINITY ? INFINITY : y;
    y = x == 0.0f ? -INFINITY : y;
    return x >= 0.0f ? y : NAN;
}

float num_tanhf(float x) {
    float a = fabsf(x), z = a * a;
    float small = fmaf(a * z, poly(z, num_tanh_poly, NUM_TANH_DEGREE), a);
    float v = a > 10.0f ? 10.0f : a; /* tanh is 1 from 9.02 on */
    float large = 1.0f - 2.0f / (num_expf(v + v) + 1.0f);
    return copysignf(a < 0.625f ? small : large, x);
}

float num_erff(float x) {
    float a = fabsf(x), z = a * a;
    float small = fmaf(a, poly(z, num_erf_poly, NUM_ERF_DEGREE), a);
    float v = a > 4.0f ? 4.0f : a; /* erf is 1 from 3.92 on */
    float large = 1.0f - num_expf(poly(v - 1.5f, num_erfc_poly, NUM_ERFC_DEGREE));
    return copysignf(a < 1.0f ? small : large, x);
}

/* x - n * pi/2 with n = rint(x * 2/pi), whose lowest two bits go to *quadrant. |x| <= 2^16. */
static float reduce(float x, uint32_t *quadrant) {
    float t = fmaf(x, 0x1.45f306p-1f, magic), n = t - magic;
    *quadrant = float_bits(t) & 3u;
    return fmaf(n, 0x1.ee59dap-50f, fmaf(n, 0x1.777a5cp-25f, fmaf(n, -0x1.921fb6p+0f, x)));
}

/* sin(x + quadrants * pi/2). The polynomials are sine and cosine on [-pi/4, pi/4]. */
static float sin_shifted(float x, uint32_t quadrants) {
    static const float cs[] = {-0x1.555556p-3f, 0x1.11110ep-7f, -0x1.a01396p-13f, 0x1.6db8acp-19f};
    static const float cc[] = {0x1.555556p-5f, -0x1.6c16cp-10f, 0x1.a015bap-16f, -0x1.2520bap-22f};
    uint32_t q;
    float r = reduce(x, &q), z = r * r;
    q += quadrants;
    float s = fmaf(r * z, poly(z, cs, 3), r);
    float c = fmaf(z, fmaf(z, poly(z, cc, 3), -0.5f), 1.0f);
    float y = q & 1u ? c : s;
    y = q & 2u ? -y : y;
    return fabsf(x) <= 0x1p16f ? y : NAN;
}

float num_sinf(float x) {
    return x == 0.0f ? x : sin_shifted(x, 0);
}

float num_cosf(float x) {
    return sin_shifted(x, 1);
}

float num_rsqrtf(float x) {
    return 1.0f / sqrtf(x);
}

double num_exp(double x) {
    static const double c[] = {0x1p-1,
                               0x1.5555555555555p-3,
                               0x1.5555555555557p-5,
                               0x1.1111111111111p-7,
                               0x1.6c16c16c15a6cp-10,
                               0x1.a01a01a0196aep-13,
                               0x1.a01a01a9e80fep-16,
                               0x1.71de3a5aa6edbp-19,
                               0x1.27e4d41d6f553p-22,
                               0x1.ae642c8730352p-26,
                               0x1.1f7f2000f4cf3p-29,
                               0x1.61bfa22dd3437p-33};
    double v = x > 710.0 ? 710.0 : x;
    v = v < -700.0 ? -700.0 : v;
    double t = fma(v, 0x1.71547652b82fep+0, magic_d), n = t - magic_d;
    int64_t k = (int64_t)(double_bits(t) - double_bits(magic_d));
    double r = fma(n, -ln2_lo_d, fma(n, -ln2_hi_d, v));
    double p = fma(r * r, poly_d(r, c, 11), r) + 1.0;
    int64_t half = k >> 1;
    double y = p * bits_double((uint64_t)(half + 1023) << 52) * bits_double((uint64_t)(k - half + 1023) << 52);
    return x < -700.0 ? 0.0 : y;
}

double num_log(double x) {
    static const double c[] = {0x1.5555555555555p-1, 0x1.9999999999f30p-2, 0x1.24924923dba6ap-2, 0x1.c71c72e2f78d5p-3,
                               0x1.745cab2727663p-3, 0x1.3b29fcbbce66dp-3, 0x1.0e88ea4725d3dp-3, 0x1.16b68338bd78bp-3};
    double scaled = x < 0x1p-1022 ? x * 0x1p54 : x, bias = x < 0x1p-1022 ? -54.0 : 0.0;
    uint64_t ix = double_bits(scaled);
    uint64_t e = (ix - 0x3fe5555555555555u) & 0xfff0000000000000u;
    double m = bits_double(ix - e), n = (double)((int64_t)e >> 52) + bias;
    double f = m - 1.0, s = f / (m + 1.0), z = s * s, h = 0.5 * f * f;
    /* log m = 2 atanh(s) = f - (h - s (h + R)), R = the series' tail times z */
    double r = f - fma(-s, fma(z, poly_d(z, c, 7), h), h);
    double y = fma(n, ln2_hi_d, fma(n, ln2_lo_d, r));
    y = x == (double)INFINITY ? (double)INFINITY : y;
    y = x == 0.0 ? -(double)INFINITY : y;
    return x >= 0.0 ? y : (double)NAN;
}

void num_sincos(double x, double *sine, double *cosine) {
    static const double cs[] = {-0x1.5555555555555p-3, 0x1.1111111111110p-7,   -0x1.a01a01a01990ap-13,
                                0x1.71de3a545b148p-19, -0x1.ae6454093c147p-26, 0x1.61217781a8ccdp-33,
                                -0x1.ab13654fd392ap-41};
    static const double cc[] = {0x1.5555555555555p-5,   -0x1.6c16c16c16c16p-10, 0x1.a01a01a019cf6p-16,
                                -0x1.27e4fb7710638p-22, 0x1.1eed8de759d0dp-29,  -0x1.9394b3581cec8p-37,
                                0x1.ab746999271a1p-45};
    double t = fma(x, 0x1.45f306dc9c883p-1, magic_d), n = t - magic_d;
    uint64_t q = double_bits(t);
    double a = fma(n, -0x1.921fb54442d18p+0, x); /* exact */
    double b = n * -0x1.1a62633145c07p-54, b_low = fma(n, -0x1.1a62633145c07p-54, -b);
    double sum = a + b, back = sum - a; /* the sum and its rounding error, exactly */
    double rest = ((a - (sum - back)) + (b - back)) + b_low;
    rest = fma(n, 0x1.f1976b7ed8fbcp-110, rest);
    double r = sum + rest, lost = (sum - r) + rest; /* r + lost is x - n pi/2 to more than 100 bits */
    double z = r * r, h = 0.5 * z, w = 1.0 - h;
    double s = r + fma(r * z, poly_d(z, cs, 6), lost * w);
    double c = w + (((1.0 - w) - h) + fma(z * z, poly_d(z, cc, 6), -(r * lost)));
    double sy = q & 1u ? c : s, cy = q & 1u ? s : c;
    sy = q & 2u ? -sy : sy;
    cy = (q + 1u) & 2u ? -cy : cy;
    bool inside = fabs(x) <= 0x1p31;
    sy = x == 0.0 ? x : sy;
    *sine = inside ? sy : (double)NAN;
    *cosine = inside ? cy : (double)NAN;
}
