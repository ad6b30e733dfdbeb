/* tile_panel: rows of activations as the tile kernels read them (num_act.panels), beside tile_quant.h.
 *
 * Rows are cut into panels of TILE_PANEL (the last may have fewer), columns into chunks as those of tiles.h. Panels
 * follow one another chunk by chunk, so that a pass over a chunk of weights reads one run of memory from front to back.
 * A panel of m rows is, for each block of 32 columns: m times 32 codes, then m scales, m times the negated sum of all
 * codes, of the first 16 and of the last 16. */
#ifndef SIL_NUM_TILE_PANEL_H
#define SIL_NUM_TILE_PANEL_H

#include <string.h>

#include "num/num.h"
#include "num/tiles.h"

/* Bytes of one row's block that stand before each part, and all of them. */
enum {
    PANEL_SCALE = NUM_BLOCK,
    PANEL_ALL = PANEL_SCALE + 4,
    PANEL_LOW = PANEL_ALL + 4,
    PANEL_HIGH = PANEL_LOW + 4,
    PANEL_ROW = NUM_PANEL_ROW,
    PANEL_SLACK = NUM_PANEL_SLACK /* a kernel reads eight rows' sums, however many there are */
};
_Static_assert(PANEL_ROW == PANEL_HIGH + 4, "a row's block");

/* Where a part of a block of a panel of mr rows begins. */
static inline const uint8_t *panel_at(const uint8_t *block, int mr, int part) {
    return block + mr * part;
}

/* One block of a panel of mr rows, the first of which is row r. */
static inline void panel_block(const struct num_act *a, uint32_t r, uint32_t mr, uint32_t b, uint8_t *out) {
    const uint32_t n_blocks = a->cols / NUM_BLOCK;
    for (uint32_t i = 0; i < mr; i++) {
        size_t at = (size_t)(r + i) * n_blocks + b;
        const int8_t *q = a->q + at * NUM_BLOCK;
        int32_t all = -a->asum[at], low = -tile_sum16(q), high = all - low;
        memcpy(out + (size_t)i * NUM_BLOCK, q, NUM_BLOCK);
        memcpy(out + mr * PANEL_SCALE + 4 * (size_t)i, a->d + at, 4);
        memcpy(out + mr * PANEL_ALL + 4 * (size_t)i, &all, 4);
        memcpy(out + mr * PANEL_LOW + 4 * (size_t)i, &low, 4);
        memcpy(out + mr * PANEL_HIGH + 4 * (size_t)i, &high, 4);
    }
}

/* Rows r0 .. r1-1 (r0 is the first of a panel), blocks b0 .. b0+n-1 (b0 the first of a chunk) into panels of `stride`
 * rows; out is where those of row r0 and block b0 would be if these were the first. */
static void panel_fill(const struct num_act *a, uint32_t r0, uint32_t r1, uint32_t b0, uint32_t n, uint8_t *out,
                       uint32_t stride) {
    for (uint32_t c = 0; c < n; c += TILE_CHUNK) {
        uint32_t blocks = n - c < TILE_CHUNK ? n - c : TILE_CHUNK;
        uint8_t *to = out + (size_t)c * stride * PANEL_ROW;
        for (uint32_t r = r0; r < r1; r += TILE_PANEL) {
            uint32_t mr = r1 - r < TILE_PANEL ? r1 - r : TILE_PANEL;
            for (uint32_t b = 0; b < blocks; b++, to += (size_t)mr * PANEL_ROW) panel_block(a, r, mr, b0 + c + b, to);
        }
    }
}

/* num_kernels.pack_act */
static void panel_pack(const struct num_act *a, uint32_t r0, uint32_t r1) {
    uint32_t n_blocks = a->cols / NUM_BLOCK;
    for (uint32_t b = 0; b < n_blocks; b += TILE_CHUNK) {
        uint32_t n = n_blocks - b < TILE_CHUNK ? n_blocks - b : TILE_CHUNK;
        uint8_t *to = a->panels + ((size_t)b * a->n_rows + (size_t)n * r0) * PANEL_ROW;
        panel_fill(a, r0, r1, b, n, to, a->n_rows);
    }
}

#endif
