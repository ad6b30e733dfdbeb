/* linear_arm: products with quantised weights on the file's layout, four output rows at a time. The including file
 * defines dot16: the four 32-bit sums of four products each of 16 signed bytes and 16 others. Integer sums are exact in
 * any order; the float chains are the reference's, one per output, a lane each. */
#ifndef SIL_NUM_LINEAR_ARM_H
#define SIL_NUM_LINEAR_ARM_H

#include <arm_neon.h>
#include <assert.h>

#include "num/blocks.h"
#include "num/num.h"

#define ARM_INLINE static inline __attribute__((always_inline))

enum { ARM_OUT = 4, ARM_ROWS = 8 };

/* Block b (of 32) of four rows. */
struct arm_tile {
    int8x16_t w[ARM_OUT][2]; /* codes, one row each */
    int32_t sub[ARM_OUT][2]; /* Q6_K: the group scale of each half */
    float32x4_t s, m;        /* s_w, m_w of each row */
};

ARM_INLINE void split_nibbles(const uint8_t *qs, int8x16_t w[2]) {
    uint8x16_t q = vld1q_u8(qs);
    w[0] = vreinterpretq_s8_u8(vandq_u8(q, vdupq_n_u8(15)));
    w[1] = vreinterpretq_s8_u8(vshrq_n_u8(q, 4));
}

/* Adds 16 to code i where bit i of qh is set. */
ARM_INLINE void add_fifth(const uint8_t qh[4], int8x16_t w[2]) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bit = vld1q_u8(bits);
    for (int h = 0; h < 2; h++) {
        uint8x16_t spread = vcombine_u8(vdup_n_u8(qh[2 * h]), vdup_n_u8(qh[2 * h + 1]));
        uint8x16_t high = vandq_u8(vtstq_u8(spread, bit), vdupq_n_u8(16));
        w[h] = vorrq_s8(w[h], vreinterpretq_s8_u8(high));
    }
}

/* Codes of group g of a Q4_K or Q5_K block; qh NULL for Q4_K. */
ARM_INLINE void k_codes(const uint8_t *qs, const uint8_t *qh, uint32_t g, int8x16_t w[2]) {
    for (uint32_t h = 0; h < 2; h++) {
        uint8x16_t q = vld1q_u8(qs + g / 2 * 32 + 16 * h);
        q = g % 2 ? vshrq_n_u8(q, 4) : vandq_u8(q, vdupq_n_u8(15));
        if (qh) {
            uint8x16_t set = vtstq_u8(vld1q_u8(qh + 16 * h), vdupq_n_u8((uint8_t)(1u << g)));
            q = vorrq_u8(q, vandq_u8(set, vdupq_n_u8(16)));
        }
        w[h] = vreinterpretq_s8_u8(q);
    }
}

ARM_INLINE void q6_codes(const struct blk_q6_k *p, uint32_t g, int8x16_t w[2]) {
    uint32_t half = g / 4, run = g % 4;
    for (uint32_t h = 0; h < 2; h++) {
        uint8x16_t low = vld1q_u8(p->ql + 64 * half + 32 * (run % 2) + 16 * h);
        uint8x16_t high = vld1q_u8(p->qh + 32 * half + 16 * h);
        low = run / 2 ? vshrq_n_u8(low, 4) : vandq_u8(low, vdupq_n_u8(15));
        high = vandq_u8(vshlq_u8(high, vdupq_n_s8((int8_t)(-2 * (int)run))), vdupq_n_u8(3));
        uint8x16_t code = vorrq_u8(low, vshlq_n_u8(high, 4));
        w[h] = vsubq_s8(vreinterpretq_s8_u8(code), vdupq_n_s8(32));
    }
}

ARM_INLINE float32x4_t floats_of_f16(const uint16_t h[ARM_OUT]) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h)));
}

ARM_INLINE void tile_small(enum dtype type, const uint8_t *const row[ARM_OUT], uint32_t b, struct arm_tile *t) {
    uint16_t d[ARM_OUT], m[ARM_OUT] = {0};
    for (int j = 0; j < ARM_OUT; j++) {
        if (type == DTYPE_Q8_0) {
            const struct blk_q8_0 *p = (const struct blk_q8_0 *)row[j] + b;
            t->w[j][0] = vld1q_s8(p->qs);
            t->w[j][1] = vld1q_s8(p->qs + 16);
            d[j] = blk_u16(p->d);
        } else if (type == DTYPE_Q4_0) {
            const struct blk_q4_0 *p = (const struct blk_q4_0 *)row[j] + b;
            split_nibbles(p->qs, t->w[j]);
            d[j] = blk_u16(p->d);
        } else if (type == DTYPE_Q4_1) {
            const struct blk_q4_1 *p = (const struct blk_q4_1 *)row[j] + b;
            split_nibbles(p->qs, t->w[j]);
            d[j] = blk_u16(p->d);
            m[j] = blk_u16(p->m) ^ 0x8000u;
        } else if (type == DTYPE_Q5_0) {
            const struct blk_q5_0 *p = (const struct blk_q5_0 *)row[j] + b;
            split_nibbles(p->qs, t->w[j]);
            add_fifth(p->qh, t->w[j]);
            d[j] = blk_u16(p->d);
        } else {
            const struct blk_q5_1 *p = (const struct blk_q5_1 *)row[j] + b;
            split_nibbles(p->qs, t->w[j]);
            add_fifth(p->qh, t->w[j]);
            d[j] = blk_u16(p->d);
            m[j] = blk_u16(p->m) ^ 0x8000u;
        }
    }
    t->s = floats_of_f16(d);
    t->m = floats_of_f16(m);
}

ARM_INLINE void tile_k45(enum dtype type, const uint8_t *const row[ARM_OUT], uint32_t b, struct arm_tile *t) {
    uint16_t d[ARM_OUT], dmin[ARM_OUT];
    int32_t scale[ARM_OUT], min[ARM_OUT];
    for (int j = 0; j < ARM_OUT; j++) {
        if (type == DTYPE_Q4_K) {
            const struct blk_q4_k *p = (const struct blk_q4_k *)row[j] + b / 8;
            k_codes(p->qs, NULL, b % 8, t->w[j]);
            blk_scale_min(p->scales, b % 8, &scale[j], &min[j]);
            d[j] = blk_u16(p->d);
            dmin[j] = blk_u16(p->dmin);
        } else {
            const struct blk_q5_k *p = (const struct blk_q5_k *)row[j] + b / 8;
            k_codes(p->qs, p->qh, b % 8, t->w[j]);
            blk_scale_min(p->scales, b % 8, &scale[j], &min[j]);
            d[j] = blk_u16(p->d);
            dmin[j] = blk_u16(p->dmin);
        }
    }
    t->s = vmulq_f32(floats_of_f16(d), vcvtq_f32_s32(vld1q_s32(scale)));
    t->m = vmulq_f32(floats_of_f16(dmin), vcvtq_f32_s32(vld1q_s32(min)));
}

ARM_INLINE void tile_q6(const uint8_t *const row[ARM_OUT], uint32_t b, struct arm_tile *t) {
    uint16_t d[ARM_OUT];
    for (int j = 0; j < ARM_OUT; j++) {
        const struct blk_q6_k *p = (const struct blk_q6_k *)row[j] + b / 8;
        q6_codes(p, b % 8, t->w[j]);
        for (uint32_t h = 0; h < 2; h++) t->sub[j][h] = p->scales[2 * (b % 8) + h];
        d[j] = blk_u16(p->d);
    }
    t->s = floats_of_f16(d);
}

/* isum of each row with 32 activations whose sum is asum. */
ARM_INLINE int32x4_t tile_dot(enum dtype type, const struct arm_tile *t, const int8_t *q, int32_t asum) {
    int8x16_t a0 = vld1q_s8(q), a1 = vld1q_s8(q + 16);
    int32x4_t v[ARM_OUT];
    for (int j = 0; j < ARM_OUT; j++) {
        int32x4_t x = dot16(t->w[j][0], a0), y = dot16(t->w[j][1], a1);
        if (type == DTYPE_Q6_K) v[j] = vmlaq_n_s32(vmulq_n_s32(x, t->sub[j][0]), y, t->sub[j][1]);
        else v[j] = vaddq_s32(x, y);
    }
    int32_t offset = type == DTYPE_Q4_0 ? 8 : type == DTYPE_Q5_0 ? 16 : 0;
    int32x4_t sums = vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
    return vsubq_s32(sums, vdupq_n_s32(offset * asum));
}

/* Four outputs of rows r0 .. r1-1 (at most ARM_ROWS), of which the first n are stored. */
ARM_INLINE void quant_tile(enum dtype type, const uint8_t *const row[ARM_OUT], const struct num_act *a, uint32_t r0,
                           uint32_t r1, uint32_t n, float *out, size_t out_stride) {
    uint32_t n_blocks = a->cols / NUM_BLOCK;
    bool has_min = type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K;
    float32x4_t acc[ARM_ROWS];
    for (uint32_t r = 0; r < ARM_ROWS; r++) acc[r] = vdupq_n_f32(0.0f);
    for (uint32_t b = 0; b < n_blocks; b++) {
        struct arm_tile t;
        if (type == DTYPE_Q6_K) tile_q6(row, b, &t);
        else if (type == DTYPE_Q4_K || type == DTYPE_Q5_K) tile_k45(type, row, b, &t);
        else tile_small(type, row, b, &t);
        for (uint32_t r = r0; r < r1; r++) {
            size_t at = (size_t)r * n_blocks + b;
            int32x4_t isum = tile_dot(type, &t, a->q + at * NUM_BLOCK, a->asum[at]);
            float32x4_t d = vdupq_n_f32(a->d[at]), v = acc[r - r0];
            v = vfmaq_f32(v, vcvtq_f32_s32(isum), vmulq_f32(t.s, d));
            if (has_min) v = vfmaq_f32(v, vdupq_n_f32(-(float)a->asum[at]), vmulq_f32(t.m, d));
            acc[r - r0] = v;
        }
    }
    for (uint32_t r = r0; r < r1; r++) {
        float y[ARM_OUT];
        vst1q_f32(y, acc[r - r0]);
        memcpy(out + r * out_stride, y, n * sizeof *y);
    }
}

ARM_INLINE void quant_linear(enum dtype type, const struct num_matrix *w, const struct num_act *a, uint32_t o0,
                             uint32_t o1, float *out, size_t out_stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    for (uint32_t o = o0; o < o1; o += ARM_OUT) {
        const uint8_t *row[ARM_OUT]; /* beyond the last row: the first again, not stored */
        uint32_t n = o1 - o < ARM_OUT ? o1 - o : ARM_OUT;
        for (uint32_t j = 0; j < ARM_OUT; j++) row[j] = w->data + (size_t)(j < n ? o + j : o) * w->row_bytes;
        for (uint32_t r = 0; r < a->n_rows; r += ARM_ROWS) {
            uint32_t end = a->n_rows - r < ARM_ROWS ? a->n_rows : r + ARM_ROWS;
            quant_tile(type, row, a, r, end, n, out + o, out_stride);
        }
    }
}

#define ARM_LINEAR(name, type)                                                                                         \
    static void name(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,        \
                     size_t out_stride) {                                                                              \
        quant_linear(type, w, a, o0, o1, out, out_stride);                                                             \
    }
ARM_LINEAR(arm_q8_0, DTYPE_Q8_0)
ARM_LINEAR(arm_q4_0, DTYPE_Q4_0)
ARM_LINEAR(arm_q4_1, DTYPE_Q4_1)
ARM_LINEAR(arm_q5_0, DTYPE_Q5_0)
ARM_LINEAR(arm_q5_1, DTYPE_Q5_1)
ARM_LINEAR(arm_q4_k, DTYPE_Q4_K)
ARM_LINEAR(arm_q5_k, DTYPE_Q5_K)
ARM_LINEAR(arm_q6_k, DTYPE_Q6_K)

static void arm_install(struct num_kernels *k) {
    k->linear[DTYPE_Q8_0] = arm_q8_0;
    k->linear[DTYPE_Q4_0] = arm_q4_0;
    k->linear[DTYPE_Q4_1] = arm_q4_1;
    k->linear[DTYPE_Q5_0] = arm_q5_0;
    k->linear[DTYPE_Q5_1] = arm_q5_1;
    k->linear[DTYPE_Q4_K] = arm_q4_k;
    k->linear[DTYPE_Q5_K] = arm_q5_k;
    k->linear[DTYPE_Q6_K] = arm_q6_k;
}

#endif
