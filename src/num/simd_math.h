/* simd_math: partial vectors and the elementary functions of docs/arithmetic.md on the vector operations of a simd_*.h,
 * which the including file names first. Each lane does what the scalar function does. */
#ifndef SIL_NUM_SIMD_MATH_H
#define SIL_NUM_SIMD_MATH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "num/elementary_poly.h"

/* n < VF_W values, the other lanes +0. */
static inline vf vf_load_part(const float *p, size_t n) {
    float part[VF_W] = {0};
    memcpy(part, p, n * sizeof *p);
    return vf_load(part);
}

static inline void vf_store_part(float *p, vf v, size_t n) {
    float part[VF_W];
    vf_store(part, v);
    memcpy(p, part, n * sizeof *p);
}

static inline vf vf_neg(vf v) {
    return vi_float_of_bits(vi_xor(vf_bits(v), vi_set1(INT32_MIN)));
}

static inline vf vf_abs(vf v) {
    return vi_float_of_bits(vi_and(vf_bits(v), vi_set1(INT32_MAX)));
}

static inline vf vf_copysign(vf x, vf s) {
    return vi_float_of_bits(vi_xor(vf_bits(vf_abs(x)), vi_and(vf_bits(s), vi_set1(INT32_MIN))));
}

static inline vf vf_poly(vf x, const float *c, int degree) {
    vf s = vf_set1(c[degree]);
    for (int i = degree - 1; i >= 0; i--) s = vf_fma(s, x, vf_set1(c[i]));
    return s;
}

/* num_expf, num_tanhf, num_erff line by line. */
static inline vf vf_exp(vf x) {
    const vf one = vf_set1(1.0f), magic = vf_set1(0x1.8p23f), low = vf_set1(-80.0f), high = vf_set1(89.0f);
    vf v = vf_pick(vf_lt(high, x), high, x);
    v = vf_pick(vf_lt(v, low), low, v);
    vf t = vf_fma(v, vf_set1(0x1.715476p+0f), magic), n = vf_sub(t, magic);
    vi k = vi_sub(vf_bits(t), vf_bits(magic));
    vf r = vf_fma(n, vf_set1(-NUM_LN2_HI), v);
    r = vf_fma(n, vf_set1(-NUM_LN2_LO), r);
    vf p = vf_add(vf_fma(vf_mul(r, r), vf_poly(r, num_exp_poly, NUM_EXP_DEGREE), r), one);
    vi half = vi_half(k), bias = vi_set1(127);
    vf a = vi_float_of_bits(vi_shl23(vi_add(half, bias)));
    vf b = vi_float_of_bits(vi_shl23(vi_add(vi_sub(k, half), bias)));
    vf y = vf_mul(vf_mul(p, a), b);
    return vf_pick(vf_lt(x, low), vf_set1(0.0f), y);
}

static inline vf vf_tanh(vf x) {
    const vf one = vf_set1(1.0f), limit = vf_set1(10.0f);
    vf a = vf_abs(x), z = vf_mul(a, a);
    vf small = vf_fma(vf_mul(a, z), vf_poly(z, num_tanh_poly, NUM_TANH_DEGREE), a);
    vf v = vf_pick(vf_lt(limit, a), limit, a);
    vf large = vf_sub(one, vf_div(vf_set1(2.0f), vf_add(vf_exp(vf_add(v, v)), one)));
    return vf_copysign(vf_pick(vf_lt(a, vf_set1(0.625f)), small, large), x);
}

static inline vf vf_erf(vf x) {
    const vf one = vf_set1(1.0f), limit = vf_set1(4.0f);
    vf a = vf_abs(x), z = vf_mul(a, a);
    vf small = vf_fma(a, vf_poly(z, num_erf_poly, NUM_ERF_DEGREE), a);
    vf v = vf_pick(vf_lt(limit, a), limit, a);
    vf large = vf_sub(one, vf_exp(vf_poly(vf_sub(v, vf_set1(1.5f)), num_erfc_poly, NUM_ERFC_DEGREE)));
    return vf_copysign(vf_pick(vf_lt(a, one), small, large), x);
}

#endif
