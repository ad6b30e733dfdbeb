/* tile_avx2: the operations of tile_quant.h on 8 lanes, beside simd_avx2.h. */
#ifndef SIL_NUM_TILE_AVX2_H
#define SIL_NUM_TILE_AVX2_H

#include "num/simd_avx2.h"

static inline vi vi_load(const void *p) {
    return _mm256_loadu_si256((const __m256i *)p);
}
static inline void vi_put(void *p, vi v) {
    _mm256_storeu_si256((__m256i *)p, v);
}
static inline vi vi_zero(void) {
    return _mm256_setzero_si256();
}
static inline vi vi_load_i8(const int8_t *p) { /* 8 bytes to 8 lanes */
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
static inline vi vi_or(vi a, vi b) {
    return _mm256_or_si256(a, b);
}
static inline vi vi_set1_8(int8_t x) {
    return _mm256_set1_epi8(x);
}
typedef uint32_t tile_u32 __attribute__((vector_size(32)));
static inline vi vi_shr(vi v, uint32_t n) { /* lanes of 32 bits, zeros come in */
    return (vi)((tile_u32)v >> n);
}
static inline vi vi_shl(vi v, uint32_t n) {
    return (vi)((tile_u32)v << n);
}
static inline vi vi_mul(vi v, int32_t x) {
    return _mm256_mullo_epi32(v, _mm256_set1_epi32(x));
}
static inline vf vf_of_vi(vi v) {
    return _mm256_cvtepi32_ps(v);
}

/* What tile_quant.h makes a dot product of: 16-bit sums of pairs of products of unsigned and signed bytes. */
static inline vi vi_pairs(vi w, vi a) {
    return _mm256_maddubs_epi16(w, a);
}
static inline vi vi_add16(vi a, vi b) {
    return _mm256_add_epi16(a, b);
}
static inline vi vi_quads(vi pairs) { /* 16-bit sums to 32-bit sums of two */
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
static inline vi vi_abs8(vi v) {
    return _mm256_abs_epi8(v);
}
static inline vi vi_sign8(vi a, vi w) { /* a where w > 0, -a where w < 0; where w = 0 the product is 0 anyway */
    return _mm256_sign_epi8(a, w);
}

enum {
    TILE_PANEL = 4,
    TILE_DIRECT_5 = 1,   /* up to so many panels take 5-bit codes as packed, */
    TILE_DIRECT_6 = 1,   /* and 6-bit codes */
    TILE_SHORT = 1,      /* registers are too few for the chains beside the sums */
    TILE_BYTES_SHIFT = 0 /* bytes are made signed again */
};

/* The sum of 16 signed bytes. */
static inline int32_t tile_sum16(const int8_t *q) {
    __m128i v = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)q), _mm_set1_epi8(-128));
    __m128i s = _mm_sad_epu8(v, _mm_setzero_si128());
    return _mm_cvtsi128_si32(s) + _mm_extract_epi16(s, 4) - 16 * 128;
}

#endif
