/* simd_avx2: the vector operations of simd_kernels.h on 8 lanes of AVX2 with FMA and F16C. */
#ifndef SIL_NUM_SIMD_AVX2_H
#define SIL_NUM_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

typedef __m256 vf;  /* floats */
typedef __m256i vi; /* 32-bit integers */
typedef __m256 vm;  /* a mask: all bits of a lane or none */

enum { VF_W = 8 };

static inline vf vf_set1(float x) {
    return _mm256_set1_ps(x);
}
static inline vf vf_load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void vf_store(float *p, vf v) {
    _mm256_storeu_ps(p, v);
}
static inline vf vf_load_f16(const void *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
static inline vf vf_load_bf16(const void *p) {
    __m128i h = _mm_loadu_si128((const __m128i *)p);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
static inline vf vf_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return _mm256_div_ps(a, b);
}
static inline vf vf_sqrt(vf a) {
    return _mm256_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
static inline vm vf_lt(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
static inline vf vf_pick(vm m, vf yes, vf no) {
    return _mm256_blendv_ps(no, yes, m);
}
static inline vi vf_bits(vf v) {
    return _mm256_castps_si256(v);
}
static inline vf vi_float_of_bits(vi v) {
    return _mm256_castsi256_ps(v);
}
static inline vi vf_rint(vf v) {
    return _mm256_cvtps_epi32(v);
}
static inline vi vi_set1(int32_t x) {
    return _mm256_set1_epi32(x);
}
static inline void vi_store(int32_t *p, vi v) {
    _mm256_storeu_si256((__m256i *)p, v);
}
static inline vi vi_add(vi a, vi b) {
    return _mm256_add_epi32(a, b);
}
static inline vi vi_sub(vi a, vi b) {
    return _mm256_sub_epi32(a, b);
}
static inline vi vi_and(vi a, vi b) {
    return _mm256_and_si256(a, b);
}
static inline vi vi_xor(vi a, vi b) {
    return _mm256_xor_si256(a, b);
}
static inline vi vi_max(vi a, vi b) {
    return _mm256_max_epi32(a, b);
}
static inline vi vi_half(vi a) { /* arithmetic shift by one */
    return _mm256_srai_epi32(a, 1);
}
static inline vi vi_shl23(vi a) {
    return _mm256_slli_epi32(a, 23);
}

static inline vi i8_load(const void *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}
static inline vf vf_of_int(vi v) {
    return _mm256_cvtepi32_ps(v);
}
/* The low byte of each lane; lanes are in [-128, 127]. */
static inline void vi_store_bytes(int8_t *p, vi v) {
    __m128i h = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *)(void *)p, _mm_packs_epi16(h, h));
}

/* Where sums of i8_dot over values whose sum is x_sum begin. */
static inline vi i8_begin(int32_t x_sum) {
    (void)x_sum;
    return _mm256_setzero_si256();
}
/* sum + the four products of each lane's bytes of k and x, all in [-127, 127]: a sum of two fits 16 bits. */
static inline vi i8_dot(vi sum, vi k, vi x) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(k), _mm256_sign_epi8(x, k));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
/* The same for bytes of w in [0, 127] and v in [-127, 127]. */
static inline vi i8_dot_weights(vi sum, vi w, vi v) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(w, v), _mm256_set1_epi16(1)));
}

/* Rows of an 8 x 8 matrix to columns, in place. */
static inline void vf_transpose(vf m[VF_W]) {
    vf p[VF_W], q[VF_W];
    for (int i = 0; i < VF_W; i += 2) {
        p[i] = _mm256_unpacklo_ps(m[i], m[i + 1]);
        p[i + 1] = _mm256_unpackhi_ps(m[i], m[i + 1]);
    }
    for (int i = 0; i < VF_W; i += 4) {
        q[i] = _mm256_shuffle_ps(p[i], p[i + 2], 0x44);
        q[i + 1] = _mm256_shuffle_ps(p[i], p[i + 2], 0xee);
        q[i + 2] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0x44);
        q[i + 3] = _mm256_shuffle_ps(p[i + 1], p[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        m[i] = _mm256_permute2f128_ps(q[i], q[i + 4], 0x20);
        m[i + 4] = _mm256_permute2f128_ps(q[i], q[i + 4], 0x31);
    }
}

#endif
