/* simd_avx512: the vector operations of simd_kernels.h on 16 lanes of AVX-512 (F, BW, DQ, VL). */
#ifndef SIL_NUM_SIMD_AVX512_H
#define SIL_NUM_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>

typedef __m512 vf;    /* floats */
typedef __m512i vi;   /* 32-bit integers */
typedef __mmask16 vm; /* one bit per lane */

enum { VF_W = 16 };

static inline vf vf_set1(float x) {
    return _mm512_set1_ps(x);
}
static inline vf vf_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void vf_store(float *p, vf v) {
    _mm512_storeu_ps(p, v);
}
static inline vf vf_load_f16(const void *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
static inline vf vf_load_bf16(const void *p) {
    __m256i h = _mm256_loadu_si256((const __m256i *)p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
static inline vf vf_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}
static inline vf vf_sqrt(vf a) {
    return _mm512_sqrt_ps(a);
}
static inline vf vf_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vm vf_lt(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline vf vf_pick(vm m, vf yes, vf no) {
    return _mm512_mask_blend_ps(m, no, yes);
}
static inline vi vf_bits(vf v) {
    return _mm512_castps_si512(v);
}
static inline vf vi_float_of_bits(vi v) {
    return _mm512_castsi512_ps(v);
}
static inline vi vf_rint(vf v) {
    return _mm512_cvtps_epi32(v);
}
static inline vi vi_set1(int32_t x) {
    return _mm512_set1_epi32(x);
}
static inline void vi_store(int32_t *p, vi v) {
    _mm512_storeu_si512(p, v);
}
static inline vi vi_add(vi a, vi b) {
    return _mm512_add_epi32(a, b);
}
static inline vi vi_sub(vi a, vi b) {
    return _mm512_sub_epi32(a, b);
}
static inline vi vi_and(vi a, vi b) {
    return _mm512_and_si512(a, b);
}
static inline vi vi_xor(vi a, vi b) {
    return _mm512_xor_si512(a, b);
}
static inline vi vi_max(vi a, vi b) {
    return _mm512_max_epi32(a, b);
}
static inline vi vi_half(vi a) { /* arithmetic shift by one */
    return _mm512_srai_epi32(a, 1);
}
static inline vi vi_shl23(vi a) {
    return _mm512_slli_epi32(a, 23);
}

static inline vi i8_load(const void *p) {
    return _mm512_loadu_si512(p);
}
static inline vf vf_of_int(vi v) {
    return _mm512_cvtepi32_ps(v);
}
/* The low byte of each lane. */
static inline void vi_store_bytes(int8_t *p, vi v) {
    _mm_storeu_si128((__m128i *)(void *)p, _mm512_cvtepi32_epi8(v));
}

/* i8_begin: where sums of i8_dot over values whose sum is x_sum begin. i8_dot: sum + the four products of each lane's
 * bytes of k and x, all in [-127, 127]. i8_dot_weights: the same for bytes of w in [0, 127]. */
#if defined(__AVX512VNNI__)
static inline vi i8_begin(int32_t x_sum) { /* keys are read as unsigned bytes, 128 too much */
    return _mm512_set1_epi32(-128 * x_sum);
}
static inline vi i8_dot(vi sum, vi k, vi x) {
    return _mm512_dpbusd_epi32(sum, _mm512_xor_si512(k, _mm512_set1_epi8(-128)), x);
}
static inline vi i8_dot_weights(vi sum, vi w, vi v) {
    return _mm512_dpbusd_epi32(sum, w, v);
}
#else
static inline vi i8_begin(int32_t x_sum) {
    (void)x_sum;
    return _mm512_setzero_si512();
}
static inline vi i8_dot(vi sum, vi k, vi x) { /* the sign of k goes to x; a sum of two products fits 16 bits */
    __m512i signed_x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(k), _mm512_setzero_si512(), x);
    __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(k), signed_x);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
static inline vi i8_dot_weights(vi sum, vi w, vi v) {
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(w, v), _mm512_set1_epi16(1)));
}
#endif

/* Rows of a 16 x 16 matrix to columns, in place: 4 x 4 within each 128-bit part, then the parts. */
static inline void vf_transpose(vf m[VF_W]) {
    vf p[VF_W], q[VF_W];
    for (int i = 0; i < VF_W; i += 2) {
        p[i] = _mm512_unpacklo_ps(m[i], m[i + 1]);
        p[i + 1] = _mm512_unpackhi_ps(m[i], m[i + 1]);
    }
    for (int i = 0; i < VF_W; i += 4) {
        q[i] = _mm512_shuffle_ps(p[i], p[i + 2], 0x44);
        q[i + 1] = _mm512_shuffle_ps(p[i], p[i + 2], 0xee);
        q[i + 2] = _mm512_shuffle_ps(p[i + 1], p[i + 3], 0x44);
        q[i + 3] = _mm512_shuffle_ps(p[i + 1], p[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) { /* q[i + 4r] holds columns i, i+4, i+8, i+12 of rows 4r .. 4r+3 */
        vf a = _mm512_shuffle_f32x4(q[i], q[i + 4], 0x88), b = _mm512_shuffle_f32x4(q[i], q[i + 4], 0xdd);
        vf c = _mm512_shuffle_f32x4(q[i + 8], q[i + 12], 0x88), d = _mm512_shuffle_f32x4(q[i + 8], q[i + 12], 0xdd);
        m[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        m[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        m[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        m[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#endif
