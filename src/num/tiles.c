/* Packing (tiles.h): portable, a few loads and stores for each group of four columns. */
#include "num/tiles.h"

#include <assert.h>
#include <string.h>

#include "num/blocks.h"

/* The file's bytes of a row of zeros for every quantised type: no codes, no scales. */
static const uint8_t zero_block[sizeof(struct blk_q6_k)];

size_t tiles_stride(const struct num_matrix *w) {
    const struct dtype_info *info = dtype_get(w->type);
    return (size_t)TILE_ROWS * (w->cols / info->block_len) * info->block_bytes;
}

static size_t tiles_bytes(const struct num_matrix *w) {
    return (w->rows + (size_t)TILE_ROWS - 1) / TILE_ROWS * tiles_stride(w);
}

/* Byte 4r of group g. */
static uint8_t *at_group(uint8_t *part, uint32_t g, uint32_t r) {
    return part + (size_t)g * TILE_GROUP + 4 * (size_t)r;
}

static uint32_t load_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* 16 bytes of nibbles of row r, whose order within the group is already the tile's. */
static void put_nibbles(uint8_t *part, uint32_t r, const uint8_t qs[16]) {
    for (uint32_t j = 0; j < 4; j++) memcpy(at_group(part, j, r), qs + 4 * (size_t)j, 4);
}

/* Bit 4 of 32 codes: bit i of qh is that of column i. */
static void put_fifth(uint8_t *part, uint32_t r, uint32_t qh) {
    uint32_t out = 0;
    for (uint32_t e = 0; e < 4; e++) {
        uint32_t y = qh >> e & 0x11111111u; /* bits 4j + e; brought together to the bits j */
        y = (y | y >> 3) & 0x03030303u;
        y = (y | y >> 6) & 0x000f000fu;
        y = (y | y >> 12) & 0xffu;
        out |= y << 8 * e;
    }
    memcpy(at_group(part, 0, r), &out, sizeof out);
}

static void put_half(uint8_t *part, uint32_t r, const uint8_t h[2]) {
    memcpy(part + 2 * (size_t)r, h, 2);
}

/* One block of 32 columns of row r. */
static void pack_q8_0(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q8_0 *p = (const struct blk_q8_0 *)src;
    for (uint32_t g = 0; g < 8; g++) {
        uint32_t v;
        memcpy(&v, p->qs + 4 * (size_t)g, sizeof v);
        v ^= 0x80808080u;
        memcpy(at_group(out, g, r), &v, sizeof v);
    }
    put_half(scales, r, p->d);
}

static void pack_q4_0(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q4_0 *p = (const struct blk_q4_0 *)src;
    put_nibbles(out, r, p->qs);
    put_half(scales, r, p->d);
}

static void pack_q4_1(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q4_1 *p = (const struct blk_q4_1 *)src;
    put_nibbles(out, r, p->qs);
    put_half(scales, r, p->d);
    put_half(scales + TILE_HALFS, r, p->m);
}

static void pack_q5_0(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q5_0 *p = (const struct blk_q5_0 *)src;
    put_fifth(out, r, blk_u32(p->qh));
    put_nibbles(out + TILE_GROUP, r, p->qs);
    put_half(scales, r, p->d);
}

static void pack_q5_1(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q5_1 *p = (const struct blk_q5_1 *)src;
    put_fifth(out, r, blk_u32(p->qh));
    put_nibbles(out + TILE_GROUP, r, p->qs);
    put_half(scales, r, p->d);
    put_half(scales + TILE_HALFS, r, p->m);
}

/* 32 bytes hold the nibbles of columns 0-31, all low or all high: brought to the tile's order, where byte i holds
 * column i low and column i + 16 high. */
static void put_k_nibbles(uint8_t *part, uint32_t r, const uint8_t b[32], uint32_t high) {
    const uint64_t mask = 0x0f0f0f0f0f0f0f0fu;
    uint64_t v[4];
    memcpy(v, b, sizeof v);
    for (int i = 0; i < 4; i++) v[i] = v[i] >> 4 * high & mask;
    uint64_t out[2] = {v[0] | v[2] << 4, v[1] | v[3] << 4};
    put_nibbles(part, r, (const uint8_t *)out);
}

static void put_k_header(uint8_t *out, uint32_t r, const uint8_t d[2], const uint8_t dmin[2],
                         const uint8_t scales[12]) {
    put_half(out, r, d);
    put_half(out + TILE_HALFS, r, dmin);
    for (uint32_t i = 0; i < 3; i++) memcpy(at_group(out + 2 * TILE_HALFS, i, r), scales + 4 * (size_t)i, 4);
}

/* One block of 256 columns of row r. */
static void pack_q4_k(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q4_k *p = (const struct blk_q4_k *)src;
    put_k_header(scales, r, p->d, p->dmin, p->scales);
    for (uint32_t g = 0; g < 8; g++, out += tile_layout(DTYPE_Q4_K).codes)
        put_k_nibbles(out, r, p->qs + g / 2 * 32, g % 2);
}

static void pack_q5_k(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q5_k *p = (const struct blk_q5_k *)src;
    put_k_header(scales, r, p->d, p->dmin, p->scales);
    for (uint32_t g = 0; g < 8; g++, out += tile_layout(DTYPE_Q5_K).codes) {
        put_k_nibbles(out + TILE_GROUP, r, p->qs + g / 2 * 32, g % 2);
        uint32_t fifth = 0;
        for (uint32_t j = 0; j < 8; j++) fifth |= (load_u32(p->qh + 4 * (size_t)j) >> g & 0x01010101u) << j;
        memcpy(at_group(out, 0, r), &fifth, sizeof fifth);
    }
}

static void pack_q6_k(const uint8_t *src, uint8_t *scales, uint8_t *out, uint32_t r) {
    const struct blk_q6_k *p = (const struct blk_q6_k *)src;
    put_half(scales, r, p->d);
    for (size_t i = 0; i < 16; i++) scales[TILE_HALFS + i * TILE_ROWS + r] = (uint8_t)p->scales[i];
    for (uint32_t g = 0; g < 8; g++, out += tile_layout(DTYPE_Q6_K).codes) {
        uint32_t half = g / 4, run = g % 4;
        put_k_nibbles(out + TILE_GROUP, r, p->ql + 64 * half + 32 * (run % 2), run / 2);
        for (uint32_t h = 0; h < 2; h++) {
            const uint8_t *qh = p->qh + 32 * half + 16 * h;
            uint32_t top = 0;
            for (uint32_t j = 0; j < 4; j++) top |= (load_u32(qh + 4 * (size_t)j) >> 2 * run & 0x03030303u) << 2 * j;
            memcpy(at_group(out, h * 5, r), &top, sizeof top); /* before and after the nibbles */
        }
    }
}

typedef void (*pack_block)(const uint8_t *src, uint8_t *scales, uint8_t *codes, uint32_t r);

/* One tile: rows o .. o+31, block after block so that every row is read in order. */
static inline __attribute__((always_inline)) void pack_tile(const struct num_matrix *w, uint8_t *out, uint32_t o,
                                                            enum dtype type, pack_block block) {
    const struct tile_layout l = tile_layout(type);
    uint32_t n_spans = w->cols / NUM_BLOCK / l.span, per_chunk = TILE_CHUNK / l.span;
    size_t block_bytes = dtype_get(type)->block_bytes, span_codes = (size_t)l.span * l.codes;
    for (uint32_t s0 = 0; s0 < n_spans; s0 += per_chunk) {
        uint32_t n = n_spans - s0 < per_chunk ? n_spans - s0 : per_chunk;
        uint8_t *scales = out, *codes = out + (size_t)n * l.header;
        for (uint32_t r = 0; r < TILE_ROWS; r++) {
            bool real = o + r < w->rows;
            const uint8_t *src = real ? w->data + (o + r) * w->row_bytes + s0 * block_bytes : zero_block;
            for (uint32_t s = 0; s < n; s++)
                block(src + (real ? s * block_bytes : 0), scales + s * l.header, codes + s * span_codes, r);
        }
        out = codes + n * span_codes;
    }
}

/* [column][32 rows], a few columns of all rows at a time so that reads stay in the first-level cache. */
static inline __attribute__((always_inline)) void pack_width(const struct num_matrix *w, void *packed, uint32_t r0,
                                                             uint32_t r1, uint32_t width) {
    enum { COLS = 16 };
    assert(r0 % TILE_ROWS == 0);
    for (uint32_t o = r0; o < r1; o += TILE_ROWS) {
        uint8_t *tile = (uint8_t *)packed + o / TILE_ROWS * tiles_stride(w);
        for (uint32_t k0 = 0; k0 < w->cols; k0 += COLS) {
            uint32_t n = w->cols - k0 < COLS ? w->cols - k0 : COLS;
            for (uint32_t r = 0; r < TILE_ROWS; r++) {
                uint8_t *out = tile + ((size_t)k0 * TILE_ROWS + r) * width;
                bool real = o + r < w->rows;
                const uint8_t *src = real ? w->data + (o + r) * w->row_bytes + (size_t)k0 * width : zero_block;
                size_t step = real ? width : 0;
                for (uint32_t k = 0; k < n; k++) memcpy(out + (size_t)k * TILE_ROWS * width, src + k * step, width);
            }
        }
    }
}

#define PACK_QUANT(name, type, block)                                                                                  \
    static void name(const struct num_matrix *w, void *packed, uint32_t r0, uint32_t r1) {                             \
        assert(r0 % TILE_ROWS == 0);                                                                                   \
        for (uint32_t o = r0; o < r1; o += TILE_ROWS)                                                                  \
            pack_tile(w, (uint8_t *)packed + o / TILE_ROWS * tiles_stride(w), o, type, block);                         \
    }
PACK_QUANT(tiles_q8_0, DTYPE_Q8_0, pack_q8_0)
PACK_QUANT(tiles_q4_0, DTYPE_Q4_0, pack_q4_0)
PACK_QUANT(tiles_q4_1, DTYPE_Q4_1, pack_q4_1)
PACK_QUANT(tiles_q5_0, DTYPE_Q5_0, pack_q5_0)
PACK_QUANT(tiles_q5_1, DTYPE_Q5_1, pack_q5_1)
PACK_QUANT(tiles_q4_k, DTYPE_Q4_K, pack_q4_k)
PACK_QUANT(tiles_q5_k, DTYPE_Q5_K, pack_q5_k)
PACK_QUANT(tiles_q6_k, DTYPE_Q6_K, pack_q6_k)

static void tiles_f32(const struct num_matrix *w, void *packed, uint32_t r0, uint32_t r1) {
    pack_width(w, packed, r0, r1, 4);
}

static void tiles_half(const struct num_matrix *w, void *packed, uint32_t r0, uint32_t r1) {
    pack_width(w, packed, r0, r1, 2);
}

static void install(struct num_kernels *k, enum dtype t,
                    void (*pack)(const struct num_matrix *w, void *packed, uint32_t r0, uint32_t r1)) {
    k->pack_rows[t] = TILE_ROWS;
    k->pack_bytes[t] = tiles_bytes;
    k->pack[t] = pack;
}

void tiles_install_quant(struct num_kernels *k) {
    install(k, DTYPE_Q8_0, tiles_q8_0);
    install(k, DTYPE_Q4_0, tiles_q4_0);
    install(k, DTYPE_Q4_1, tiles_q4_1);
    install(k, DTYPE_Q5_0, tiles_q5_0);
    install(k, DTYPE_Q5_1, tiles_q5_1);
    install(k, DTYPE_Q4_K, tiles_q4_k);
    install(k, DTYPE_Q5_K, tiles_q5_k);
    install(k, DTYPE_Q6_K, tiles_q6_k);
}

void tiles_install_float(struct num_kernels *k) {
    install(k, DTYPE_F32, tiles_f32);
    install(k, DTYPE_F16, tiles_half);
    install(k, DTYPE_BF16, tiles_half);
}
