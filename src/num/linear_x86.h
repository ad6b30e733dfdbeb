/* linear_x86: products with quantised weights on the file's layout, eight output rows at a time. The including file
 * defines dot_u: the eight 32-bit sums of four products each of 32 unsigned and 32 signed bytes, where no sum of two
 * products exceeds 2 * 128 * 127 in size (a saturating multiply-add does not saturate). Integer sums are exact in any
 * order; the float chains are the reference's, one per output, a lane each. */
#ifndef SIL_NUM_LINEAR_X86_H
#define SIL_NUM_LINEAR_X86_H

#include <assert.h>
#include <immintrin.h>

#include "num/blocks.h"
#include "num/num.h"

#define X86_INLINE static inline __attribute__((always_inline))

enum { QL_OUT = 8, QL_ROWS = 16 };

/* Block b (of 32) of eight rows. */
struct x86_tile {
    __m256i w[QL_OUT];   /* codes, one row each */
    __m256i sub[QL_OUT]; /* Q6_K: the group scale of each 32-bit sum */
    __m256 s, m;         /* s_w, m_w of each row */
};

X86_INLINE __m256i dot_s(__m256i w, __m256i a) {
    return dot_u(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
}

/* Lane j: the sum of the lanes of v[j]. */
X86_INLINE __m256i sum_rows(const __m256i v[QL_OUT]) {
    __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

/* 16 bytes of nibbles to 32 codes: low ones first. */
X86_INLINE __m256i split_nibbles(const uint8_t *qs) {
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)qs), mask = _mm_set1_epi8(15);
    return _mm256_set_m128i(_mm_and_si128(_mm_srli_epi16(q, 4), mask), _mm_and_si128(q, mask));
}

/* 16 in byte i where bit i of qh is set. */
X86_INLINE __m256i fifth_bits(const uint8_t *qh) {
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3,
                                            3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201ull);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int32_t)blk_u32(qh)), spread);
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

X86_INLINE __m256i load32(const void *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}

/* Codes of group g of a Q4_K or Q5_K block; qh NULL for Q4_K. */
X86_INLINE __m256i k_codes(const uint8_t *qs, const uint8_t *qh, uint32_t g) {
    __m256i q = load32(qs + g / 2 * 32);
    if (g % 2) q = _mm256_srli_epi16(q, 4);
    q = _mm256_and_si256(q, _mm256_set1_epi8(15));
    if (!qh) return q;
    __m256i high = _mm256_srl_epi16(load32(qh), _mm_cvtsi32_si128((int)g));
    high = _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(1)), 4);
    return _mm256_or_si256(q, high);
}

X86_INLINE __m256i q6_codes(const struct blk_q6_k *p, uint32_t g) {
    uint32_t half = g / 4, run = g % 4;
    __m256i low = load32(p->ql + 64 * half + 32 * (run % 2)), high = load32(p->qh + 32 * half);
    if (run / 2) low = _mm256_srli_epi16(low, 4);
    high = _mm256_srl_epi16(high, _mm_cvtsi32_si128((int)(2 * run)));
    high = _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(3)), 4);
    __m256i code = _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(15)), high);
    return _mm256_sub_epi8(code, _mm256_set1_epi8(32));
}

X86_INLINE __m256 floats_of_f16(const uint16_t h[QL_OUT]) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)h));
}

X86_INLINE __m256 floats_of_int(const int32_t v[QL_OUT]) {
    return _mm256_cvtepi32_ps(load32(v));
}

X86_INLINE void tile_small(enum dtype type, const uint8_t *const row[QL_OUT], uint32_t b, struct x86_tile *t) {
    uint16_t d[QL_OUT], m[QL_OUT] = {0};
    for (int j = 0; j < QL_OUT; j++) {
        if (type == DTYPE_Q8_0) {
            const struct blk_q8_0 *p = (const struct blk_q8_0 *)row[j] + b;
            t->w[j] = load32(p->qs);
            d[j] = blk_u16(p->d);
        } else if (type == DTYPE_Q4_0) {
            const struct blk_q4_0 *p = (const struct blk_q4_0 *)row[j] + b;
            t->w[j] = split_nibbles(p->qs);
            d[j] = blk_u16(p->d);
        } else if (type == DTYPE_Q4_1) {
            const struct blk_q4_1 *p = (const struct blk_q4_1 *)row[j] + b;
            t->w[j] = split_nibbles(p->qs);
            d[j] = blk_u16(p->d);
            m[j] = blk_u16(p->m) ^ 0x8000u;
        } else if (type == DTYPE_Q5_0) {
            const struct blk_q5_0 *p = (const struct blk_q5_0 *)row[j] + b;
            t->w[j] = _mm256_or_si256(split_nibbles(p->qs), fifth_bits(p->qh));
            d[j] = blk_u16(p->d);
        } else {
            const struct blk_q5_1 *p = (const struct blk_q5_1 *)row[j] + b;
            t->w[j] = _mm256_or_si256(split_nibbles(p->qs), fifth_bits(p->qh));
            d[j] = blk_u16(p->d);
            m[j] = blk_u16(p->m) ^ 0x8000u;
        }
    }
    t->s = floats_of_f16(d);
    t->m = floats_of_f16(m);
}

X86_INLINE void tile_k45(enum dtype type, const uint8_t *const row[QL_OUT], uint32_t b, struct x86_tile *t) {
    uint16_t d[QL_OUT], dmin[QL_OUT];
    int32_t scale[QL_OUT], min[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        if (type == DTYPE_Q4_K) {
            const struct blk_q4_k *p = (const struct blk_q4_k *)row[j] + b / 8;
            t->w[j] = k_codes(p->qs, NULL, b % 8);
            blk_scale_min(p->scales, b % 8, &scale[j], &min[j]);
            d[j] = blk_u16(p->d);
            dmin[j] = blk_u16(p->dmin);
        } else {
            const struct blk_q5_k *p = (const struct blk_q5_k *)row[j] + b / 8;
            t->w[j] = k_codes(p->qs, p->qh, b % 8);
            blk_scale_min(p->scales, b % 8, &scale[j], &min[j]);
            d[j] = blk_u16(p->d);
            dmin[j] = blk_u16(p->dmin);
        }
    }
    t->s = _mm256_mul_ps(floats_of_f16(d), floats_of_int(scale));
    t->m = _mm256_mul_ps(floats_of_f16(dmin), floats_of_int(min));
}

X86_INLINE void tile_q6(const uint8_t *const row[QL_OUT], uint32_t b, struct x86_tile *t) {
    uint16_t d[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        const struct blk_q6_k *p = (const struct blk_q6_k *)row[j] + b / 8;
        uint32_t g = b % 8;
        t->w[j] = q6_codes(p, g);
        t->sub[j] = _mm256_set_m128i(_mm_set1_epi32(p->scales[2 * g + 1]), _mm_set1_epi32(p->scales[2 * g]));
        d[j] = blk_u16(p->d);
    }
    t->s = floats_of_f16(d);
}

/* isum of each row with 32 activations whose sum is asum. */
X86_INLINE __m256i tile_dot(enum dtype type, const struct x86_tile *t, __m256i a, int32_t asum) {
    __m256i v[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        if (type == DTYPE_Q8_0) v[j] = dot_s(t->w[j], a);
        else if (type == DTYPE_Q6_K) v[j] = _mm256_mullo_epi32(dot_s(t->w[j], a), t->sub[j]);
        else v[j] = dot_u(t->w[j], a);
    }
    int32_t offset = type == DTYPE_Q4_0 ? 8 : type == DTYPE_Q5_0 ? 16 : 0;
    return _mm256_sub_epi32(sum_rows(v), _mm256_set1_epi32(offset * asum));
}

/* Eight outputs of rows r0 .. r1-1 (at most QL_ROWS), of which the first n are stored. */
X86_INLINE void quant_tile(enum dtype type, const uint8_t *const row[QL_OUT], const struct num_act *a, uint32_t r0,
                           uint32_t r1, uint32_t n, float *out, size_t out_stride) {
    uint32_t n_blocks = a->cols / NUM_BLOCK;
    bool has_min = type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K;
    __m256 acc[QL_ROWS];
    for (uint32_t r = 0; r < r1 - r0; r++) acc[r] = _mm256_setzero_ps();
    for (uint32_t b = 0; b < n_blocks; b++) {
        struct x86_tile t;
        if (type == DTYPE_Q6_K) tile_q6(row, b, &t);
        else if (type == DTYPE_Q4_K || type == DTYPE_Q5_K) tile_k45(type, row, b, &t);
        else tile_small(type, row, b, &t);
        for (uint32_t r = r0; r < r1; r++) {
            size_t at = (size_t)r * n_blocks + b;
            __m256i isum = tile_dot(type, &t, load32(a->q + at * NUM_BLOCK), a->asum[at]);
            __m256 d = _mm256_set1_ps(a->d[at]), v = acc[r - r0];
            v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(isum), _mm256_mul_ps(t.s, d), v);
            if (has_min) v = _mm256_fmadd_ps(_mm256_set1_ps(-(float)a->asum[at]), _mm256_mul_ps(t.m, d), v);
            acc[r - r0] = v;
        }
    }
    for (uint32_t r = r0; r < r1; r++) {
        float y[QL_OUT];
        _mm256_storeu_ps(y, acc[r - r0]);
        memcpy(out + r * out_stride, y, n * sizeof *y);
    }
}

X86_INLINE void quant_linear(enum dtype type, const struct num_matrix *w, const struct num_act *a, uint32_t o0,
                             uint32_t o1, float *out, size_t out_stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    for (uint32_t o = o0; o < o1; o += QL_OUT) {
        const uint8_t *row[QL_OUT]; /* beyond the last row: the last again, not stored */
        uint32_t n = o1 - o < QL_OUT ? o1 - o : QL_OUT;
        for (uint32_t j = 0; j < QL_OUT; j++) row[j] = w->data + (size_t)(j < n ? o + j : o) * w->row_bytes;
        for (uint32_t r = 0; r < a->n_rows; r += QL_ROWS) {
            uint32_t end = a->n_rows - r < QL_ROWS ? a->n_rows : r + QL_ROWS;
            quant_tile(type, row, a, r, end, n, out + o, out_stride);
        }
    }
}

#define X86_LINEAR(name, type)                                                                                         \
    static void name(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,        \
                     size_t out_stride) {                                                                              \
        quant_linear(type, w, a, o0, o1, out, out_stride);                                                             \
    }
X86_LINEAR(x86_q8_0, DTYPE_Q8_0)
X86_LINEAR(x86_q4_0, DTYPE_Q4_0)
X86_LINEAR(x86_q4_1, DTYPE_Q4_1)
X86_LINEAR(x86_q5_0, DTYPE_Q5_0)
X86_LINEAR(x86_q5_1, DTYPE_Q5_1)
X86_LINEAR(x86_q4_k, DTYPE_Q4_K)
X86_LINEAR(x86_q5_k, DTYPE_Q5_K)
X86_LINEAR(x86_q6_k, DTYPE_Q6_K)

static void x86_install(struct num_kernels *k) {
    k->linear[DTYPE_Q8_0] = x86_q8_0;
    k->linear[DTYPE_Q4_0] = x86_q4_0;
    k->linear[DTYPE_Q4_1] = x86_q4_1;
    k->linear[DTYPE_Q5_0] = x86_q5_0;
    k->linear[DTYPE_Q5_1] = x86_q5_1;
    k->linear[DTYPE_Q4_K] = x86_q4_k;
    k->linear[DTYPE_Q5_K] = x86_q5_k;
    k->linear[DTYPE_Q6_K] = x86_q6_k;
}

#endif
