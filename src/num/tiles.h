/* tiles: the packed layout of weight matrices that the x86 kernels read (num_kernels.pack). A matrix is cut into tiles
 * of 32 output rows; a tile runs over all columns, tile after tile, and takes exactly the bytes that its rows take in
 * the file, with the file's own codes and scales in another order. Rows beyond the last are zero rows.
 *
 * A tile is a sequence of chunks of 512 columns (the last may be shorter), each of which is read from front to back:
 * first the scales of all its blocks, then the codes of its blocks of 32 columns. (Scales beside each block's codes
 * would be touched ahead of the codes, which keeps the processor from fetching ahead: measured at half the bandwidth.)
 *
 * Within a tile, lanes are output rows. Codes stand in groups of four columns: byte 4r + e of a group is column
 * 4*group + e of row r, so that one 512-bit load is a group of 16 rows. The parts of a block of 32 columns:
 *   bytes    [8 groups][32 rows][4]: one code each; Q8_0 holds value + 128
 *   nibbles  [4][32][4]: group j in the low, group 4 + j in the high nibble
 *   fifth    [32][4]: bit j of byte e is bit 4 of the code of column 4j + e; stands before the nibbles
 *   top      [32][4]: bits 2j, 2j+1 of byte e are bits 4, 5 of the code of column 4j + e; of columns 0-15 before the
 *            nibbles, of columns 16-31 after them, so that a block too is read from front to back
 * Scales are binary16 [32 rows] for each block of 32 or 256 columns: d, and m or dmin where the type has it. Q4_K and
 * Q5_K go on with their 12 bytes of 6-bit scales as in the file, [3][32][4]; Q6_K with int8 [16][32].
 * F32, F16 and BF16 are [column][32 rows]. */
#ifndef SIL_NUM_TILES_H
#define SIL_NUM_TILES_H

#include "num/num.h"

enum {
    TILE_ROWS = 32,
    TILE_CHUNK = 16,                 /* blocks of 32 columns in a chunk */
    TILE_GROUP = 4 * TILE_ROWS,      /* bytes of a group of four columns */
    TILE_BYTES = 8 * TILE_GROUP,     /* of the part `bytes` */
    TILE_NIBBLES = 4 * TILE_GROUP,   /* of the part `nibbles` */
    TILE_HALFS = 2 * TILE_ROWS,      /* of a row of binary16 scales */
    TILE_SCALES_K = 12 * TILE_ROWS,  /* of the 6-bit scales of Q4_K and Q5_K */
    TILE_SCALES_Q6 = 16 * TILE_ROWS, /* of the scales of Q6_K */
};

/* Kernels are inlined and unrolled for each number of rows; not where a sanitizer checks them, whose compilation would
 * take minutes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TILE_INLINE static __attribute__((unused))
#define TILE_UNROLL(n)
#else
#define TILE_INLINE       static inline __attribute__((always_inline))
#define TILE_PRAGMA(text) _Pragma(#text)
#define TILE_UNROLL(n)    TILE_PRAGMA(GCC unroll n)
#endif

/* The sizes of a type's parts. */
struct tile_layout {
    uint32_t span;   /* blocks of 32 columns that share a header of scales: 1 or 8 */
    uint32_t header; /* its bytes */
    uint32_t codes;  /* bytes of codes of a block of 32 */
};

static inline struct tile_layout tile_layout(enum dtype type) {
    switch (type) {
    case DTYPE_Q8_0: return (struct tile_layout){1, TILE_HALFS, TILE_BYTES};
    case DTYPE_Q4_0: return (struct tile_layout){1, TILE_HALFS, TILE_NIBBLES};
    case DTYPE_Q4_1: return (struct tile_layout){1, 2 * TILE_HALFS, TILE_NIBBLES};
    case DTYPE_Q5_0: return (struct tile_layout){1, TILE_HALFS, TILE_NIBBLES + TILE_GROUP};
    case DTYPE_Q5_1: return (struct tile_layout){1, 2 * TILE_HALFS, TILE_NIBBLES + TILE_GROUP};
    case DTYPE_Q4_K: return (struct tile_layout){8, 2 * TILE_HALFS + TILE_SCALES_K, TILE_NIBBLES};
    case DTYPE_Q5_K: return (struct tile_layout){8, 2 * TILE_HALFS + TILE_SCALES_K, TILE_NIBBLES + TILE_GROUP};
    case DTYPE_Q6_K: return (struct tile_layout){8, TILE_HALFS + TILE_SCALES_Q6, TILE_NIBBLES + 2 * TILE_GROUP};
    default: return (struct tile_layout){1, 0, 0};
    }
}

/* Bytes of a block of 32 columns with its share of the header. */
static inline uint32_t tile_block_bytes(enum dtype type) {
    struct tile_layout l = tile_layout(type);
    return l.codes + l.header / l.span;
}

/* Bytes of one tile of w. */
size_t tiles_stride(const struct num_matrix *w);

/* Set pack_rows, pack_bytes and pack for the quantised types, and for F32, F16 and BF16. */
void tiles_install_quant(struct num_kernels *k);
void tiles_install_float(struct num_kernels *k);

#endif
