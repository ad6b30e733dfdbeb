/* linear_x86: what simd_rows.h needs of AVX2, eight outputs at a time. The including file defines dot_u: the eight
 * 32-bit sums of four products each of 32 unsigned and 32 signed bytes, where no sum of two products exceeds 2 * 128 *
 * 127 in size (a saturating multiply-add does not saturate). */
#ifndef SIL_NUM_LINEAR_X86_H
#define SIL_NUM_LINEAR_X86_H

#include <immintrin.h>

#include "num/blocks.h"
#include "num/num.h"

#define QL_INLINE static inline __attribute__((always_inline))

enum { QL_OUT = 8, QL_ROWS = 16 };

typedef __m256 ql_f;
typedef __m256i ql_i;

/* Block b (of 32) of eight rows. */
struct ql_tile {
    __m256i w[QL_OUT];   /* codes, one row each */
    __m256i sub[QL_OUT]; /* Q6_K: the group scale of each 32-bit sum */
    __m256 s, m;         /* s_w, m_w of each row */
};

QL_INLINE __m256i dot_s(__m256i w, __m256i a) {
    return dot_u(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));
}

/* Lane j: the sum of the lanes of v[j]. */
QL_INLINE __m256i sum_rows(const __m256i v[QL_OUT]) {
    __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
    __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
}

/* 16 bytes of nibbles to 32 codes: low ones first. */
QL_INLINE __m256i ql_nibbles(const uint8_t *qs) {
    __m128i q = _mm_loadu_si128((const __m128i *)(const void *)qs), mask = _mm_set1_epi8(15);
    return _mm256_set_m128i(_mm_and_si128(_mm_srli_epi16(q, 4), mask), _mm_and_si128(q, mask));
}

/* Adds 16 to code i where bit i of qh is set. */
QL_INLINE __m256i ql_fifth(__m256i w, const uint8_t *qh) {
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3,
                                            3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201ull);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int32_t)blk_u32(qh)), spread);
    __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
    return _mm256_or_si256(w, _mm256_and_si256(set, _mm256_set1_epi8(16)));
}

QL_INLINE __m256i load32(const void *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}

/* Codes of group g of a Q4_K or Q5_K block; qh NULL for Q4_K. */
QL_INLINE __m256i ql_k(const uint8_t *qs, const uint8_t *qh, uint32_t g) {
    __m256i q = load32(qs + g / 2 * 32);
    if (g % 2) q = _mm256_srli_epi16(q, 4);
    q = _mm256_and_si256(q, _mm256_set1_epi8(15));
    if (!qh) return q;
    __m256i high = _mm256_srl_epi16(load32(qh), _mm_cvtsi32_si128((int)g));
    high = _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(1)), 4);
    return _mm256_or_si256(q, high);
}

QL_INLINE __m256i ql_q6(const struct blk_q6_k *p, uint32_t g) {
    uint32_t half = g / 4, run = g % 4;
    __m256i low = load32(p->ql + 64 * half + 32 * (run % 2)), high = load32(p->qh + 32 * half);
    if (run / 2) low = _mm256_srli_epi16(low, 4);
    high = _mm256_srl_epi16(high, _mm_cvtsi32_si128((int)(2 * run)));
    high = _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(3)), 4);
    __m256i code = _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(15)), high);
    return _mm256_sub_epi8(code, _mm256_set1_epi8(32));
}

QL_INLINE __m256 ql_of_f16(const uint16_t h[QL_OUT]) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)h));
}

QL_INLINE __m256i ql_bytes(const int8_t *qs) {
    return load32(qs);
}

QL_INLINE __m256i ql_sub_scales(const int8_t sc[2]) {
    return _mm256_set_m128i(_mm_set1_epi32(sc[1]), _mm_set1_epi32(sc[0]));
}

QL_INLINE ql_i ql_ints(const int32_t v[QL_OUT]) {
    return load32(v);
}
QL_INLINE ql_f ql_of_int(ql_i v) {
    return _mm256_cvtepi32_ps(v);
}
QL_INLINE ql_f ql_set1(float x) {
    return _mm256_set1_ps(x);
}
QL_INLINE ql_f ql_mul(ql_f a, ql_f b) {
    return _mm256_mul_ps(a, b);
}
QL_INLINE ql_f ql_fma(ql_f a, ql_f b, ql_f c) {
    return _mm256_fmadd_ps(a, b, c);
}
QL_INLINE void ql_store(float *p, ql_f v) {
    _mm256_storeu_ps(p, v);
}

/* isum of each row with 32 activations whose sum is asum. */
QL_INLINE ql_i ql_dot(enum dtype type, const struct ql_tile *t, const int8_t *q, int32_t asum) {
    __m256i a = load32(q);
    __m256i v[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        if (type == DTYPE_Q8_0) v[j] = dot_s(t->w[j], a);
        else if (type == DTYPE_Q6_K) v[j] = _mm256_mullo_epi32(dot_s(t->w[j], a), t->sub[j]);
        else v[j] = dot_u(t->w[j], a);
    }
    int32_t offset = type == DTYPE_Q4_0 ? 8 : type == DTYPE_Q5_0 ? 16 : 0;
    return _mm256_sub_epi32(sum_rows(v), _mm256_set1_epi32(offset * asum));
}

#include "num/simd_rows.h"

#endif
