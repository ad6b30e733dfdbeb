/* tile_vnni: the integer operations of tile_quant.h on AVX-512 VNNI, beside simd_avx512.h. */
#ifndef SIL_NUM_TILE_VNNI_H
#define SIL_NUM_TILE_VNNI_H

#include "num/tile_avx512_bits.h"

enum {
    TILE_MR = 6,            /* rows of activations held in registers */
    TILE_MR_SUB = 4,        /* the same where two integer sums are held for each output */
    TILE_BYTES_OFFSET = 128 /* what cancels the offset of CODES_BYTES */
};

/* sum + the four products of each lane's unsigned bytes of w and signed bytes of a. */
static inline __attribute__((always_inline)) vi tile_dot4(vi sum, vi w, vi a) {
    return _mm512_dpbusd_epi32(sum, w, a);
}

#define TILE_HAS_DOT 1
#endif
