/* tile_avx512_bits: the operations of tile_quant.h on 16 lanes that every AVX-512 has, beside simd_avx512.h. */
#ifndef SIL_NUM_TILE_AVX512_BITS_H
#define SIL_NUM_TILE_AVX512_BITS_H

#include "num/simd_avx512.h"

static inline vi vi_load(const void *p) {
    return _mm512_loadu_si512(p);
}
static inline void vi_put(void *p, vi v) {
    _mm512_storeu_si512(p, v);
}
static inline vi vi_zero(void) {
    return _mm512_setzero_si512();
}
static inline vi vi_load_i8(const int8_t *p) { /* 16 bytes to 16 lanes */
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vi vi_or(vi a, vi b) {
    return _mm512_or_si512(a, b);
}
static inline vi vi_set1_8(int8_t x) {
    return _mm512_set1_epi8(x);
}
typedef uint32_t tile_u32 __attribute__((vector_size(64)));
static inline vi vi_shr(vi v, uint32_t n) { /* lanes of 32 bits, zeros come in */
    return (vi)((tile_u32)v >> n);
}
static inline vi vi_shl(vi v, uint32_t n) {
    return (vi)((tile_u32)v << n);
}
static inline vi vi_mul(vi v, int32_t x) {
    return _mm512_mullo_epi32(v, _mm512_set1_epi32(x));
}
static inline vf vf_neg(vf v) {
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(v), _mm512_set1_epi32(INT32_MIN)));
}
static inline vf vf_of_vi(vi v) {
    return _mm512_cvtepi32_ps(v);
}

/* The sum of 16 signed bytes. */
static inline int32_t tile_sum16(const int8_t *q) {
    __m128i v = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)q), _mm_set1_epi8(-128));
    __m128i s = _mm_sad_epu8(v, _mm_setzero_si128());
    return _mm_cvtsi128_si32(s) + _mm_extract_epi16(s, 4) - 16 * 128;
}

#endif
