/* tile_avx512_plain: what tile_quant.h needs to know of AVX-512 without VNNI. */
#ifndef SIL_NUM_TILE_AVX512_PLAIN_H
#define SIL_NUM_TILE_AVX512_PLAIN_H

#include "num/tile_avx512_bits.h"

enum {
    TILE_PANEL = 4,
    TILE_DIRECT_5 = 1,   /* up to so many panels take 5-bit codes as packed, */
    TILE_DIRECT_6 = 1,   /* and 6-bit codes */
    TILE_SHORT = 0,      /* registers are too few for the chains beside the sums */
    TILE_BYTES_SHIFT = 0 /* bytes are made signed again */
};

#endif
