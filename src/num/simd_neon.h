/* simd_neon: the vector operations of simd_kernels.h on 4 lanes of Advanced SIMD (AArch64). */
#ifndef SIL_NUM_SIMD_NEON_H
#define SIL_NUM_SIMD_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

typedef float32x4_t vf; /* floats */
typedef int32x4_t vi;   /* 32-bit integers */
typedef uint32x4_t vm;  /* a mask: all bits of a lane or none */

enum { VF_W = 4 };

static inline vf vf_set1(float x) {
    return vdupq_n_f32(x);
}
static inline vf vf_load(const float *p) {
    return vld1q_f32(p);
}
static inline void vf_store(float *p, vf v) {
    vst1q_f32(p, v);
}
static inline vf vf_load_f16(const void *p) {
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p)));
}
static inline vf vf_load_bf16(const void *p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16));
}
static inline vf vf_add(vf a, vf b) {
    return vaddq_f32(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return vsubq_f32(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return vmulq_f32(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return vdivq_f32(a, b);
}
static inline vf vf_sqrt(vf a) {
    return vsqrtq_f32(a);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return vfmaq_f32(c, a, b);
}
static inline vm vf_lt(vf a, vf b) {
    return vcltq_f32(a, b);
}
static inline vf vf_pick(vm m, vf yes, vf no) {
    return vbslq_f32(m, yes, no);
}
static inline vi vf_bits(vf v) {
    return vreinterpretq_s32_f32(v);
}
static inline vf vi_float_of_bits(vi v) {
    return vreinterpretq_f32_s32(v);
}
static inline vi vf_rint(vf v) {
    return vcvtnq_s32_f32(v);
}
static inline vi vi_set1(int32_t x) {
    return vdupq_n_s32(x);
}
static inline void vi_store(int32_t *p, vi v) {
    vst1q_s32(p, v);
}
static inline vi vi_add(vi a, vi b) {
    return vaddq_s32(a, b);
}
static inline vi vi_sub(vi a, vi b) {
    return vsubq_s32(a, b);
}
static inline vi vi_and(vi a, vi b) {
    return vandq_s32(a, b);
}
static inline vi vi_xor(vi a, vi b) {
    return veorq_s32(a, b);
}
static inline vi vi_max(vi a, vi b) {
    return vmaxq_s32(a, b);
}
static inline vi vi_half(vi a) { /* arithmetic shift by one */
    return vshrq_n_s32(a, 1);
}
static inline vi vi_shl23(vi a) {
    return vshlq_n_s32(a, 23);
}

static inline vi i8_load(const void *p) {
    return vreinterpretq_s32_s8(vld1q_s8(p));
}
static inline vf vf_of_int(vi v) {
    return vcvtq_f32_s32(v);
}
/* The low byte of each lane; lanes are in [-128, 127]. */
static inline void vi_store_bytes(int8_t *p, vi v) {
    int16x4_t h = vmovn_s32(v);
    int32_t bytes = vget_lane_s32(vreinterpret_s32_s8(vmovn_s16(vcombine_s16(h, h))), 0);
    memcpy(p, &bytes, sizeof bytes);
}

/* Where sums of i8_dot over values whose sum is x_sum begin. */
static inline vi i8_begin(int32_t x_sum) {
    (void)x_sum;
    return vdupq_n_s32(0);
}
/* sum + the four products of each lane's bytes of k and x, all in [-127, 127]: a sum of two fits 16 bits. */
static inline vi i8_dot(vi sum, vi k, vi x) {
    int8x16_t a = vreinterpretq_s8_s32(k), b = vreinterpretq_s8_s32(x);
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, a, b);
#else
    int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
#endif
}
/* The same for bytes of w in [0, 127]. */
static inline vi i8_dot_weights(vi sum, vi w, vi v) {
    return i8_dot(sum, w, v);
}

/* Rows of a 4 x 4 matrix to columns, in place. */
static inline void vf_transpose(vf m[VF_W]) {
    vf a = vzip1q_f32(m[0], m[2]), b = vzip1q_f32(m[1], m[3]);
    vf c = vzip2q_f32(m[0], m[2]), d = vzip2q_f32(m[1], m[3]);
    m[0] = vzip1q_f32(a, b);
    m[1] = vzip2q_f32(a, b);
    m[2] = vzip1q_f32(c, d);
    m[3] = vzip2q_f32(c, d);
}

#endif
