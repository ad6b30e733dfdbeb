/* linear_arm: what simd_rows.h needs of Advanced SIMD, four outputs at a time. The including file defines dot16: the
 * four 32-bit sums of four products each of 16 signed bytes and 16 others. */
#ifndef SIL_NUM_LINEAR_ARM_H
#define SIL_NUM_LINEAR_ARM_H

#include <arm_neon.h>

#include "num/blocks.h"
#include "num/num.h"

#define QL_INLINE static inline __attribute__((always_inline))

enum { QL_OUT = 4, QL_ROWS = 8 };

typedef float32x4_t ql_f;
typedef int32x4_t ql_i;

/* 32 codes of a row. */
struct ql_codes {
    int8x16_t v[2];
};

struct ql_sub {
    int32_t of[2];
};

/* Block b (of 32) of four rows. */
struct ql_tile {
    struct ql_codes w[QL_OUT];
    struct ql_sub sub[QL_OUT]; /* Q6_K: the group scale of each half */
    float32x4_t s, m;          /* s_w, m_w of each row */
};

QL_INLINE struct ql_codes ql_bytes(const int8_t *qs) {
    return (struct ql_codes){{vld1q_s8(qs), vld1q_s8(qs + 16)}};
}

QL_INLINE struct ql_codes ql_nibbles(const uint8_t *qs) {
    uint8x16_t q = vld1q_u8(qs);
    return (struct ql_codes){{vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15))), vreinterpretq_s8_u8(vshrq_n_u8(q, 4))}};
}

/* Adds 16 to code i where bit i of qh is set. */
QL_INLINE struct ql_codes ql_fifth(struct ql_codes w, const uint8_t qh[4]) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bit = vld1q_u8(bits);
    for (int h = 0; h < 2; h++) {
        uint8x16_t spread = vcombine_u8(vdup_n_u8(qh[2 * h]), vdup_n_u8(qh[2 * h + 1]));
        uint8x16_t high = vandq_u8(vtstq_u8(spread, bit), vdupq_n_u8(16));
        w.v[h] = vorrq_s8(w.v[h], vreinterpretq_s8_u8(high));
    }
    return w;
}

/* Codes of group g of a Q4_K or Q5_K block; qh NULL for Q4_K. */
QL_INLINE struct ql_codes ql_k(const uint8_t *qs, const uint8_t *qh, uint32_t g) {
    struct ql_codes w;
    for (uint32_t h = 0; h < 2; h++) {
        uint8x16_t q = vld1q_u8(qs + g / 2 * 32 + 16 * h);
        q = g % 2 ? vshrq_n_u8(q, 4) : vandq_u8(q, vdupq_n_u8(15));
        if (qh) {
            uint8x16_t set = vtstq_u8(vld1q_u8(qh + 16 * h), vdupq_n_u8((uint8_t)(1u << g)));
            q = vorrq_u8(q, vandq_u8(set, vdupq_n_u8(16)));
        }
        w.v[h] = vreinterpretq_s8_u8(q);
    }
    return w;
}

QL_INLINE struct ql_codes ql_q6(const struct blk_q6_k *p, uint32_t g) {
    uint32_t half = g / 4, run = g % 4;
    struct ql_codes w;
    for (uint32_t h = 0; h < 2; h++) {
        uint8x16_t low = vld1q_u8(p->ql + 64 * half + 32 * (run % 2) + 16 * h);
        uint8x16_t high = vld1q_u8(p->qh + 32 * half + 16 * h);
        low = run / 2 ? vshrq_n_u8(low, 4) : vandq_u8(low, vdupq_n_u8(15));
        high = vandq_u8(vshlq_u8(high, vdupq_n_s8((int8_t)(-2 * (int)run))), vdupq_n_u8(3));
        uint8x16_t code = vorrq_u8(low, vshlq_n_u8(high, 4));
        w.v[h] = vsubq_s8(vreinterpretq_s8_u8(code), vdupq_n_s8(32));
    }
    return w;
}

QL_INLINE struct ql_sub ql_sub_scales(const int8_t sc[2]) {
    return (struct ql_sub){{sc[0], sc[1]}};
}

QL_INLINE ql_f ql_of_f16(const uint16_t h[QL_OUT]) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h)));
}
QL_INLINE ql_i ql_ints(const int32_t v[QL_OUT]) {
    return vld1q_s32(v);
}
QL_INLINE ql_f ql_of_int(ql_i v) {
    return vcvtq_f32_s32(v);
}
QL_INLINE ql_f ql_set1(float x) {
    return vdupq_n_f32(x);
}
QL_INLINE ql_f ql_mul(ql_f a, ql_f b) {
    return vmulq_f32(a, b);
}
QL_INLINE ql_f ql_fma(ql_f a, ql_f b, ql_f c) {
    return vfmaq_f32(c, a, b);
}
QL_INLINE void ql_store(float *p, ql_f v) {
    vst1q_f32(p, v);
}

/* isum of each row with 32 activations whose sum is asum. */
QL_INLINE ql_i ql_dot(enum dtype type, const struct ql_tile *t, const int8_t *q, int32_t asum) {
    int8x16_t a0 = vld1q_s8(q), a1 = vld1q_s8(q + 16);
    int32x4_t v[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        int32x4_t x = dot16(t->w[j].v[0], a0), y = dot16(t->w[j].v[1], a1);
        if (type == DTYPE_Q6_K) v[j] = vmlaq_n_s32(vmulq_n_s32(x, t->sub[j].of[0]), y, t->sub[j].of[1]);
        else v[j] = vaddq_s32(x, y);
    }
    int32_t offset = type == DTYPE_Q4_0 ? 8 : type == DTYPE_Q5_0 ? 16 : 0;
    int32x4_t sums = vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
    return vsubq_s32(sums, vdupq_n_s32(offset * asum));
}

#include "num/simd_rows.h"

#endif
