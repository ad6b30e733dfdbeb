/* tile_vnni: what tile_quant.h needs of AVX-512 VNNI, beside simd_avx512.h. */
#ifndef SIL_NUM_TILE_VNNI_H
#define SIL_NUM_TILE_VNNI_H

#include "num/tile_avx512_bits.h"

enum {
    TILE_PANEL = 6,      /* rows of activations whose sums and chains are in registers */
    TILE_DIRECT_5 = 8,   /* up to so many panels take 5-bit codes as packed, */
    TILE_DIRECT_6 = 2,   /* and 6-bit codes */
    TILE_SHORT = 0,      /* registers are too few for the chains beside the sums */
    TILE_BYTES_SHIFT = 7 /* bytes are values + 2^7 */
};

#define TILE_HAS_DOT 1

/* sum + the four products of each lane's unsigned bytes of w and signed bytes of a. */
static inline __attribute__((always_inline)) vi tile_dot4(vi sum, vi w, vi a) {
    return _mm512_dpbusd_epi32(sum, w, a);
}

#endif
