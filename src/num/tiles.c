/* Packing (tiles.h): portable; four rows and four groups of columns at a time. */
#include "num/tiles.h"

#include <assert.h>
#include <stddef.h>
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

/* Four rows are packed together: their codes are brought from [row][group] to [group][row] in 4 x 4 words. */
enum { QUAD = 4 };
typedef uint32_t words __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(16)));
typedef const uint8_t *rows[QUAD];

/* Byte 4r of group g. */
static uint8_t *at_group(uint8_t *part, uint32_t g, uint32_t r) {
    return part + (size_t)g * TILE_GROUP + 4 * (size_t)r;
}

static uint32_t load_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bytes load_bytes(const uint8_t *p) {
    bytes v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* v[i]: the four groups first_group .. +3 of row r + i. */
static inline void put_groups(uint8_t *part, uint32_t first_group, uint32_t r, const bytes v[QUAD]) {
    words a = (words)v[0], b = (words)v[1], c = (words)v[2], d = (words)v[3];
    words ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    words cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const words out[QUAD] = {
        __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
        __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5), __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7)};
    for (uint32_t g = 0; g < QUAD; g++) memcpy(at_group(part, first_group + g, r), &out[g], sizeof out[g]);
}

/* 16 bytes of nibbles of each row, `at` bytes into its block, whose order within the group is already the tile's. */
static inline void put_nibbles(uint8_t *part, uint32_t r, rows src, size_t at) {
    bytes v[QUAD];
    for (uint32_t i = 0; i < QUAD; i++) v[i] = load_bytes(src[i] + at);
    put_groups(part, 0, r, v);
}

/* Bit 4 of 32 codes, from the four bytes at `at`: bit i is that of column i. */
static inline void put_fifth(uint8_t *part, uint32_t r, rows src, size_t at) {
    for (uint32_t i = 0; i < QUAD; i++) {
        uint32_t qh = blk_u32(src[i] + at), out = 0;
        for (uint32_t e = 0; e < 4; e++) {
            uint32_t y = qh >> e & 0x11111111u; /* bits 4j + e; brought together to the bits j */
            y = (y | y >> 3) & 0x03030303u;
            y = (y | y >> 6) & 0x000f000fu;
            y = (y | y >> 12) & 0xffu;
            out |= y << 8 * e;
        }
        memcpy(at_group(part, 0, r + i), &out, sizeof out);
    }
}

static inline void put_half(uint8_t *part, uint32_t r, rows src, size_t at) {
    for (uint32_t i = 0; i < QUAD; i++) memcpy(part + 2 * (size_t)(r + i), src[i] + at, 2);
}

/* One block of 32 columns of rows r .. r+3. */
static inline void pack_q8_0(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    for (uint32_t h = 0; h < 2; h++) {
        bytes v[QUAD];
        for (uint32_t i = 0; i < QUAD; i++) v[i] = load_bytes(src[i] + offsetof(struct blk_q8_0, qs) + 16 * h) ^ 0x80;
        put_groups(out, 4 * h, r, v);
    }
    put_half(scales, r, src, offsetof(struct blk_q8_0, d));
}

static inline void pack_q4_0(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_nibbles(out, r, src, offsetof(struct blk_q4_0, qs));
    put_half(scales, r, src, offsetof(struct blk_q4_0, d));
}

static inline void pack_q4_1(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_nibbles(out, r, src, offsetof(struct blk_q4_1, qs));
    put_half(scales, r, src, offsetof(struct blk_q4_1, d));
    put_half(scales + TILE_HALFS, r, src, offsetof(struct blk_q4_1, m));
}

static inline void pack_q5_0(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_fifth(out, r, src, offsetof(struct blk_q5_0, qh));
    put_nibbles(out + TILE_GROUP, r, src, offsetof(struct blk_q5_0, qs));
    put_half(scales, r, src, offsetof(struct blk_q5_0, d));
}

static inline void pack_q5_1(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_fifth(out, r, src, offsetof(struct blk_q5_1, qh));
    put_nibbles(out + TILE_GROUP, r, src, offsetof(struct blk_q5_1, qs));
    put_half(scales, r, src, offsetof(struct blk_q5_1, d));
    put_half(scales + TILE_HALFS, r, src, offsetof(struct blk_q5_1, m));
}

/* The 32 bytes at `at` hold the nibbles of columns 0-31, all low or all high: brought to the tile's order, where byte i
 * holds column i low and column i + 16 high. */
static inline void put_k_nibbles(uint8_t *part, uint32_t r, rows src, size_t at, bool high) {
    bytes v[QUAD];
    for (uint32_t i = 0; i < QUAD; i++) {
        bytes a = load_bytes(src[i] + at), b = load_bytes(src[i] + at + 16);
        v[i] = high ? a >> 4 | (b & 0xf0) : (a & 0x0f) | b << 4;
    }
    put_groups(part, 0, r, v);
}

/* What Q4_K and Q5_K begin with: d, dmin and twelve bytes of scales. */
static inline void put_k_header(uint8_t *out, uint32_t r, rows src) {
    put_half(out, r, src, offsetof(struct blk_q4_k, d));
    put_half(out + TILE_HALFS, r, src, offsetof(struct blk_q4_k, dmin));
    for (uint32_t i = 0; i < QUAD; i++)
        for (uint32_t j = 0; j < 3; j++)
            memcpy(at_group(out + 2 * TILE_HALFS, j, r + i), src[i] + offsetof(struct blk_q4_k, scales) + 4 * j, 4);
}
_Static_assert(offsetof(struct blk_q5_k, d) == offsetof(struct blk_q4_k, d) &&
                   offsetof(struct blk_q5_k, dmin) == offsetof(struct blk_q4_k, dmin) &&
                   offsetof(struct blk_q5_k, scales) == offsetof(struct blk_q4_k, scales),
               "Q4_K and Q5_K begin alike");

/* One block of 256 columns of rows r .. r+3. */
static inline void pack_q4_k(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_k_header(scales, r, src);
    for (uint32_t g = 0; g < 8; g++, out += tile_layout(DTYPE_Q4_K).codes)
        put_k_nibbles(out, r, src, offsetof(struct blk_q4_k, qs) + g / 2 * 32, g % 2);
}

static inline void pack_q5_k(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_k_header(scales, r, src);
    for (uint32_t g = 0; g < 8; g++, out += tile_layout(DTYPE_Q5_K).codes) {
        put_k_nibbles(out + TILE_GROUP, r, src, offsetof(struct blk_q5_k, qs) + g / 2 * 32, g % 2);
        for (uint32_t i = 0; i < QUAD; i++) {
            const uint8_t *qh = src[i] + offsetof(struct blk_q5_k, qh);
            uint32_t fifth = 0;
            for (uint32_t j = 0; j < 8; j++) fifth |= (load_u32(qh + 4 * (size_t)j) >> g & 0x01010101u) << j;
            memcpy(at_group(out, 0, r + i), &fifth, sizeof fifth);
        }
    }
}

static inline void pack_q6_k(rows src, uint8_t *scales, uint8_t *out, uint32_t r) {
    put_half(scales, r, src, offsetof(struct blk_q6_k, d));
    for (uint32_t i = 0; i < QUAD; i++)
        for (size_t j = 0; j < 16; j++)
            scales[TILE_HALFS + j * TILE_ROWS + r + i] = src[i][offsetof(struct blk_q6_k, scales) + j];
    for (uint32_t g = 0; g < 8; g++, out += tile_layout(DTYPE_Q6_K).codes) {
        uint32_t half = g / 4, run = g % 4;
        put_k_nibbles(out + TILE_GROUP, r, src, offsetof(struct blk_q6_k, ql) + 64 * half + 32 * (run % 2), run / 2);
        for (uint32_t h = 0; h < 2 * QUAD; h++) {
            const uint8_t *qh = src[h / 2] + offsetof(struct blk_q6_k, qh) + 32 * half + 16 * (h % 2);
            uint32_t top = 0;
            for (uint32_t j = 0; j < 4; j++) top |= (load_u32(qh + 4 * (size_t)j) >> 2 * run & 0x03030303u) << 2 * j;
            memcpy(at_group(out, h % 2 * 5, r + h / 2), &top, sizeof top); /* before and after the nibbles */
        }
    }
}

typedef void (*pack_block)(rows src, uint8_t *scales, uint8_t *codes, uint32_t r);

/* n spans of four rows; step[i] is 0 for a row of zeros. */
static inline __attribute__((always_inline)) void pack_quad(rows src, const size_t step[QUAD], uint32_t n, uint32_t r,
                                                            const struct tile_layout *l, uint8_t *scales,
                                                            uint8_t *codes, pack_block block) {
    for (uint32_t s = 0; s < n; s++) {
        rows at = {src[0] + s * step[0], src[1] + s * step[1], src[2] + s * step[2], src[3] + s * step[3]};
        block(at, scales + (size_t)s * l->header, codes + (size_t)s * l->span * l->codes, r);
    }
}

/* One tile: rows o .. o+31, block after block so that every row is read in order. */
static inline __attribute__((always_inline)) void pack_tile(const struct num_matrix *w, uint8_t *out, uint32_t o,
                                                            enum dtype type, pack_block block) {
    const struct tile_layout l = tile_layout(type);
    uint32_t n_spans = w->cols / NUM_BLOCK / l.span, per_chunk = TILE_CHUNK / l.span;
    size_t block_bytes = dtype_get(type)->block_bytes;
    for (uint32_t s0 = 0; s0 < n_spans; s0 += per_chunk) {
        uint32_t n = n_spans - s0 < per_chunk ? n_spans - s0 : per_chunk;
        uint8_t *scales = out, *codes = out + (size_t)n * l.header;
        for (uint32_t r = 0; r < TILE_ROWS; r += QUAD) {
            const uint8_t *src[QUAD];
            size_t step[QUAD];
            for (uint32_t i = 0; i < QUAD; i++) {
                bool real = o + r + i < w->rows;
                src[i] = real ? w->data + (o + r + i) * w->row_bytes + s0 * block_bytes : zero_block;
                step[i] = real ? block_bytes : 0;
            }
            pack_quad(src, step, n, r, &l, scales, codes, block);
        }
        out = codes + (size_t)n * l.span * l.codes;
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
