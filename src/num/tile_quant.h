/* tile_quant: linear layers on packed tiles of quantised weights (tiles.h), written once on the vector operations of a
 * simd_*.h and the integer operations of a tile_*.h, which the including file names first.
 *
 * The order of work: for a block of activation rows, for each tile of 32 outputs, for each chunk of 16 blocks (512
 * columns): scales are expanded to floats and codes, where they are not a plain byte or nibble, to bytes, both in
 * scratch that stays in the first-level cache; then for each panel of up to TILE_PANEL rows (tile_panel.h) the kernel
 * keeps one integer sum and one float chain per output in registers. Each output has the reference's one chain, blocks
 * ascending; only integer sums, exact in any order, are regrouped. An offset of the codes, a power of two, is cancelled
 * by the sum's start value. */
#ifndef SIL_NUM_TILE_QUANT_H
#define SIL_NUM_TILE_QUANT_H

#include <assert.h>
#include <string.h>

#include "num/linear_x86.h"
#include "num/num.h"
#include "num/tile_panel.h"
#include "num/tiles.h"

/* 1: a build for comparison only (tests/tool_free_order_vnni.c), free in the order of additions and in what the product
 * of a minimum is rounded with. */
#ifndef TILE_FREE_ORDER
#define TILE_FREE_ORDER 0
#endif

enum {
    TILE_MR = 6,                       /* the most rows of activations in a panel */
    TILE_NV = VF_W == 16 ? 2 : 4,      /* vectors of outputs at once: all 32 for a row or two, else two vectors */
    TILE_BLOCK_ROWS = 43 * TILE_PANEL, /* rows of activations in a block: whole panels */
    TILE_LOCAL = 128, /* (row, chunk) pairs that are put in panels at a time where the caller has not */
    TILE_FEW = 2,
    TILE_FETCHERS = 4, /* panels that share the fetching of the next chunk */
};

/* How codes lie where the kernel reads them, by their largest value: what fits a 16-bit sum depends on it. */
enum tile_codes {
    CODES_BYTES, /* value + 128, 8 bits */
    CODES_NIBBLES,
    CODES_5,          /* as packed: nibbles and fifth bits */
    CODES_6,          /* as packed: nibbles and top bits */
    CODES_5_EXPANDED, /* bytes, at most 31 */
    CODES_6_EXPANDED  /* bytes, at most 63 */
};

/* What else a block has beside s_w: nothing but a start value, a minimum, or two sub-scales (Q6_K). */
enum tile_form { FORM_START, FORM_MIN, FORM_SUB };

/* A chunk of a tile, ready for the kernel. */
struct tile_chunk {
    _Alignas(64) uint8_t bytes[TILE_CHUNK][TILE_BYTES];
    const uint8_t *ahead;        /* what a panel fetches meanwhile: `fetch` bytes for each block, a line in `every` */
    uint32_t fetch, every, step; /* step: from one block's to the next's */
    uint32_t n;                  /* blocks */
    const uint8_t *codes[TILE_CHUNK];
    _Alignas(64) float s[TILE_CHUNK][TILE_ROWS]; /* s_w */
    float m[2][TILE_CHUNK][TILE_ROWS];           /* FORM_MIN: m_w in [0]; FORM_SUB: the sub-scales */
};

/* --- kernel --- */

/* Bits at and at + 1 (or only the first) of each byte, brought to bit 4. */
TILE_INLINE vi to_bit4(vi v, int at, int8_t mask) {
    return vi_and(at < 4 ? vi_shl(v, (uint32_t)(4 - at)) : vi_shr(v, (uint32_t)(at - 4)), vi_set1_8(mask));
}

/* Codes of group g (a constant where it matters) from byte `at` of the group on. */
TILE_INLINE vi load_codes(enum tile_codes kind, const uint8_t *codes, int g, int at) {
    if (kind == CODES_BYTES || kind == CODES_5_EXPANDED || kind == CODES_6_EXPANDED)
        return vi_load(codes + g * TILE_GROUP + at);
    const uint8_t *nibbles = kind == CODES_NIBBLES ? codes : codes + TILE_GROUP;
    vi v = vi_load(nibbles + g % 4 * TILE_GROUP + at);
    if (g >= 4) v = vi_shr(v, 4);
    v = vi_and(v, vi_set1_8(15));
    if (kind == CODES_5) return vi_or(v, to_bit4(vi_load(codes + at), g, 16));
    if (kind == CODES_6) {
        const uint8_t *top = g < 4 ? codes : nibbles + TILE_NIBBLES;
        return vi_or(v, to_bit4(vi_load(top + at), g % 4 * 2, 48));
    }
    return v;
}

/* Four activations of row r of a panel's block, columns 4g .. 4g+3, in every lane. */
TILE_INLINE vi load_four(const uint8_t *q, int r, int g) {
    int32_t four;
    memcpy(&four, q + r * NUM_BLOCK + 4 * g, sizeof four);
    return vi_set1(four);
}

/* The integer sums of one block: sum[r][v] += codes x activations of groups g0 .. g1-1. */
#ifdef TILE_HAS_DOT
TILE_INLINE void block_dot(enum tile_codes kind, int mr, int nv, const uint8_t *codes, int at, const uint8_t *q, int g0,
                           int g1, vi sum[TILE_MR][TILE_NV]) {
    TILE_UNROLL(8)
    for (int g = g0; g < g1; g++) {
        vi w[TILE_NV];
        for (int v = 0; v < nv; v++) w[v] = load_codes(kind, codes, g, at + 4 * VF_W * v);
        for (int r = 0; r < mr; r++) {
            vi a = load_four(q, r, g);
            for (int v = 0; v < nv; v++) sum[r][v] = tile_dot4(sum[r][v], w[v], a);
        }
    }
}
#else
/* Signed bytes: |w| unsigned, its sign moved to the activation. A pair of products is at most 2 * 128 * 127, which a
 * saturating 16-bit sum holds. */
TILE_INLINE void block_dot_signed(int mr, int nv, const uint8_t *codes, int at, const uint8_t *q,
                                  vi sum[TILE_MR][TILE_NV]) {
    TILE_UNROLL(2)
    for (int g = 0; g < 8; g++) {
        vi w[TILE_NV], size[TILE_NV];
        for (int v = 0; v < nv; v++) {
            w[v] = vi_xor(load_codes(CODES_BYTES, codes, g, at + 4 * VF_W * v), vi_set1_8(-128));
            size[v] = vi_abs8(w[v]);
        }
        for (int r = 0; r < mr; r++) {
            vi a = load_four(q, r, g);
            for (int v = 0; v < nv; v++) sum[r][v] = vi_add(sum[r][v], vi_quads(vi_pairs(size[v], vi_sign8(a, w[v]))));
        }
    }
}

/* Small codes: pairs are added in 16 bits while they fit: 8 * 2 * 15 * 127, 4 * 2 * 31 * 127 and 2 * 2 * 63 * 127 are
 * all below 2^15. */
TILE_INLINE void block_dot(enum tile_codes kind, int mr, int nv, const uint8_t *codes, int at, const uint8_t *q, int g0,
                           int g1, vi sum[TILE_MR][TILE_NV]) {
    if (kind == CODES_BYTES) {
        block_dot_signed(mr, nv, codes, at, q, sum);
        return;
    }
    const int fit = kind == CODES_NIBBLES ? 8 : kind == CODES_5 || kind == CODES_5_EXPANDED ? 4 : 2;
    TILE_UNROLL(4)
    for (int g = g0; g < g1; g += fit) {
        vi pairs[TILE_MR][TILE_NV];
        TILE_UNROLL(8)
        for (int i = 0; i < fit; i++) {
            vi w[TILE_NV];
            for (int v = 0; v < nv; v++) w[v] = load_codes(kind, codes, g + i, at + 4 * VF_W * v);
            for (int r = 0; r < mr; r++) {
                vi a = load_four(q, r, g + i);
                for (int v = 0; v < nv; v++)
                    pairs[r][v] = i == 0 ? vi_pairs(w[v], a) : vi_add16(pairs[r][v], vi_pairs(w[v], a));
            }
        }
        for (int r = 0; r < mr; r++)
            for (int v = 0; v < nv; v++) sum[r][v] = vi_add(sum[r][v], vi_quads(pairs[r][v]));
    }
}
#endif

/* Keeps the compiler from taking eight numbers out of a register, by shuffles, instead of out of memory, for nothing.
 */
#define TILE_IN_MEMORY(p) __asm__("" : "+m"(*(int64_t(*)[4])(void *)(p)))

/* What the sums of a block of mr rows begin with: -(sum of activations) << shift, which cancels the codes' offset. */
TILE_INLINE void block_starts(int mr, int shift, const uint8_t *sums, int32_t start[8]) {
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)sums); /* of more rows than mr: what follows them */
    _Static_assert(TILE_MR <= 8, "rows of a panel");
    (void)mr;
    _mm256_store_si256((__m256i *)(void *)start, _mm256_slli_epi32(v, shift));
    TILE_IN_MEMORY(start);
}

/* The sums begin there, or have it added at the end where registers are short. No shift: codes without an offset. */
TILE_INLINE void start_sums(int mr, int nv, int shift, const int32_t *start, vi sum[TILE_MR][TILE_NV]) {
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++) sum[r][v] = shift == 0 || TILE_SHORT ? vi_zero() : vi_set1(start[r]);
}

TILE_INLINE void end_sums(int mr, int nv, int shift, const int32_t *start, vi sum[TILE_MR][TILE_NV],
                          vf isum[TILE_MR][TILE_NV]) {
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++)
            isum[r][v] = vf_of_vi(shift > 0 && TILE_SHORT ? vi_add(sum[r][v], vi_set1(start[r])) : sum[r][v]);
}

/* The integer sums of a block as floats, exactly: they stay below 2^24, products with sub-scales included. */
TILE_INLINE void block_sums(enum tile_codes kind, enum tile_form form, int shift, int mr, int nv,
                            const struct tile_chunk *c, uint32_t b, int part, const uint8_t *panel,
                            vf isum[TILE_MR][TILE_NV]) {
    _Alignas(32) int32_t start[8];
    vi sum[TILE_MR][TILE_NV];
    if (shift > 0) block_starts(mr, shift, panel_at(panel, mr, form == FORM_SUB ? PANEL_LOW : PANEL_ALL), start);
    start_sums(mr, nv, shift, start, sum);
    block_dot(kind, mr, nv, c->codes[b], 4 * part, panel, 0, form == FORM_SUB ? 4 : 8, sum);
    end_sums(mr, nv, shift, start, sum, isum);
    if (form != FORM_SUB) return;
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++) isum[r][v] = vf_mul(isum[r][v], vf_load(c->m[0][b] + part + v * VF_W));
    vf high[TILE_MR][TILE_NV];
    block_starts(mr, shift, panel_at(panel, mr, PANEL_HIGH), start);
    start_sums(mr, nv, shift, start, sum);
    block_dot(kind, mr, nv, c->codes[b], 4 * part, panel, 4, 8, sum);
    end_sums(mr, nv, shift, start, sum, high);
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++) isum[r][v] = vf_fma(high[r][v], vf_load(c->m[1][b] + part + v * VF_W), isum[r][v]);
}

/* -asum of a block's rows as floats. */
TILE_INLINE void block_mins(const uint8_t *panel, int mr, float neg[8]) {
    __m256 v = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(const void *)panel_at(panel, mr, PANEL_ALL)));
    if (TILE_FREE_ORDER) v = _mm256_mul_ps(v, _mm256_loadu_ps((const float *)(const void *)(panel + mr * PANEL_SCALE)));
    _mm256_store_ps(neg, v);
    TILE_IN_MEMORY(neg);
}

TILE_INLINE vf set1_at(const uint8_t *p) {
    float x;
    memcpy(&x, p, sizeof x);
    return vf_set1(x);
}

/* Block b for the chains f, or those in place. */
TILE_INLINE void tile_block(enum tile_codes kind, enum tile_form form, int shift, int mr, int nv, bool in_place,
                            const struct tile_chunk *c, uint32_t b, int part, const uint8_t *panel, float *acc,
                            vf f[TILE_MR][TILE_NV]) {
    for (uint32_t i = 0; i < c->fetch; i += c->every)
        _mm_prefetch((const char *)c->ahead + (size_t)b * c->step + i, _MM_HINT_T1);
    vf isum[TILE_MR][TILE_NV];
    block_sums(kind, form, shift, mr, nv, c, b, part, panel, isum);
    _Alignas(32) float neg[8];
    if (form == FORM_MIN) block_mins(panel, mr, neg);
    for (int v = 0; v < nv; v++) {
        vf s = vf_load(c->s[b] + part + v * VF_W), m;
        if (form == FORM_MIN) m = vf_load(c->m[0][b] + part + v * VF_W);
        for (int r = 0; r < mr; r++) {
            vf d = set1_at(panel_at(panel, mr, PANEL_SCALE) + 4 * r);
            vf chain = in_place ? vf_load(acc + r * TILE_ROWS + v * VF_W) : f[r][v];
            chain = vf_fma(isum[r][v], vf_mul(s, d), chain);
            if (form == FORM_MIN) chain = vf_fma(vf_set1(neg[r]), TILE_FREE_ORDER ? m : vf_mul(m, d), chain);
            f[r][v] = chain;
            if (in_place) vf_store(acc + r * TILE_ROWS + v * VF_W, chain);
        }
    }
}

/* nv vectors of outputs of the tile from part on for a panel of mr rows, added to acc[r][32]: the one chain of each
 * output, in a register or, where these are short, in place. */
TILE_INLINE void tile_kernel(enum tile_codes kind, enum tile_form form, int shift, int mr, int nv,
                             const struct tile_chunk *c, int part, const uint8_t *panel, float *acc) {
    const bool in_place = TILE_SHORT || (form == FORM_SUB && mr * nv > 8), halves = TILE_FREE_ORDER && mr <= 2;
    vf f[TILE_MR][TILE_NV], odd[TILE_MR][TILE_NV];
    acc += part;
    for (int r = 0; r < mr && !in_place; r++) {
        for (int v = 0; v < nv; v++) {
            f[r][v] = vf_load(acc + r * TILE_ROWS + v * VF_W);
            odd[r][v] = vf_set1(0.0f);
        }
    }
    uint32_t b = 0;
    for (; halves && b + 2 <= c->n; b += 2, panel += 2 * mr * PANEL_ROW) {
        tile_block(kind, form, shift, mr, nv, in_place, c, b, part, panel, acc, f);
        tile_block(kind, form, shift, mr, nv, in_place, c, b + 1, part, panel + mr * PANEL_ROW, acc, odd);
    }
    for (; b < c->n; b++, panel += mr * PANEL_ROW)
        tile_block(kind, form, shift, mr, nv, in_place, c, b, part, panel, acc, f);
    for (int r = 0; r < mr && !in_place; r++)
        for (int v = 0; v < nv; v++)
            vf_store(acc + r * TILE_ROWS + v * VF_W, halves ? vf_add(f[r][v], odd[r][v]) : f[r][v]);
}

#define TILE_KERNEL(name, kind, form, shift, mr)                                                                       \
    static __attribute__((noinline)) void name##mr(const struct tile_chunk *c, const uint8_t *panel, float *acc) {     \
        const int nv = (mr) <= 2 ? TILE_NV : 2;                                                                        \
        for (int part = 0; part < TILE_ROWS; part += nv * VF_W)                                                        \
            tile_kernel(kind, form, shift, mr, nv, c, part, panel, acc);                                               \
    }
#define TILE_KERNELS(name, kind, form, shift)                                                                          \
    TILE_KERNEL(name, kind, form, shift, 1)                                                                            \
    TILE_KERNEL(name, kind, form, shift, 2)                                                                            \
    TILE_KERNEL(name, kind, form, shift, 3)                                                                            \
    TILE_KERNEL(name, kind, form, shift, 4)                                                                            \
    TILE_KERNEL(name, kind, form, shift, 5)                                                                            \
    TILE_KERNEL(name, kind, form, shift, 6)                                                                            \
    static const tile_kernel_fn name[TILE_MR] = {name##1, name##2, name##3, name##4, name##5, name##6};

typedef void (*tile_kernel_fn)(const struct tile_chunk *, const uint8_t *panel, float *acc);

TILE_KERNELS(kernel_bytes, CODES_BYTES, FORM_START, TILE_BYTES_SHIFT)
TILE_KERNELS(kernel_nibbles, CODES_NIBBLES, FORM_START, 3)
TILE_KERNELS(kernel_nibbles_min, CODES_NIBBLES, FORM_MIN, 0)
TILE_KERNELS(kernel_5, CODES_5, FORM_START, 4)
TILE_KERNELS(kernel_5_min, CODES_5, FORM_MIN, 0)
TILE_KERNELS(kernel_6, CODES_6, FORM_SUB, 5)
TILE_KERNELS(kernel_5_expanded, CODES_5_EXPANDED, FORM_START, 4)
TILE_KERNELS(kernel_5_min_expanded, CODES_5_EXPANDED, FORM_MIN, 0)
TILE_KERNELS(kernel_6_expanded, CODES_6_EXPANDED, FORM_SUB, 5)

/* --- a chunk's scales and codes --- */

/* Scale and minimum of group g from the 6-bit scales of 16 or 8 rows (blk_scale_min, lanes are rows). */
TILE_INLINE void scales_k(const uint8_t *words, uint32_t g, vi *scale, vi *min) {
    vi a = vi_load(words), b = vi_load(words + TILE_GROUP), m6 = vi_set1(63), m4 = vi_set1(15), m2 = vi_set1(48);
    if (g < 4) {
        *scale = vi_and(vi_shr(a, 8 * g), m6);
        *min = vi_and(vi_shr(b, 8 * g), m6);
        return;
    }
    vi c = vi_load(words + 2 * TILE_GROUP);
    uint32_t at = 8 * (g - 4); /* the two top bits stand at 6, and belong at 4 */
    *scale = vi_or(vi_and(vi_shr(c, at), m4), vi_and(vi_shr(a, at + 2), m2));
    *min = vi_or(vi_and(vi_shr(c, at + 4), m4), vi_and(vi_shr(b, at + 2), m2));
}

/* Block b of a chunk; scales: its header. */
TILE_INLINE void expand_scales(enum dtype type, const uint8_t *scales, uint32_t b, struct tile_chunk *c) {
    for (uint32_t o = 0; o < TILE_ROWS; o += VF_W) {
        vf s = vf_load_f16(scales + 2 * (size_t)o);
        if (type == DTYPE_Q4_K || type == DTYPE_Q5_K) {
            vi scale, min;
            scales_k(scales + 2 * TILE_HALFS + 4 * (size_t)o, b % 8, &scale, &min);
            s = vf_mul(s, vf_of_vi(scale)); /* 11 bits times 6: exact */
            vf_store(&c->m[0][b][o], vf_mul(vf_load_f16(scales + TILE_HALFS + 2 * (size_t)o), vf_of_vi(min)));
        } else if (type == DTYPE_Q6_K) {
            const int8_t *sub = (const int8_t *)scales + TILE_HALFS + (size_t)(b % 8) * 2 * TILE_ROWS + o;
            vf_store(&c->m[0][b][o], vf_of_vi(vi_load_i8(sub)));
            vf_store(&c->m[1][b][o], vf_of_vi(vi_load_i8(sub + TILE_ROWS)));
        } else if (type == DTYPE_Q4_1 || type == DTYPE_Q5_1) {
            vf m = vf_load_f16(scales + TILE_HALFS + 2 * (size_t)o);
            vf_store(&c->m[0][b][o], vi_float_of_bits(vi_xor(vf_bits(m), vi_set1(INT32_MIN))));
        }
        vf_store(&c->s[b][o], s);
    }
}

/* Packed codes to bytes. */
TILE_INLINE void expand_codes(enum tile_codes kind, const uint8_t *codes, uint8_t *out) {
    TILE_UNROLL(8)
    for (int g = 0; g < 8; g++)
        for (int at = 0; at < TILE_GROUP; at += 4 * VF_W)
            vi_put(out + g * TILE_GROUP + at, load_codes(kind, codes, g, at));
}

/* A chunk of n blocks. */
TILE_INLINE void expand(enum dtype type, enum tile_codes kind, bool to_bytes, const uint8_t *chunk, uint32_t n,
                        struct tile_chunk *c) {
    const struct tile_layout l = tile_layout(type);
    const uint8_t *codes = chunk + (size_t)(n / l.span) * l.header;
    c->n = n;
    for (uint32_t b = 0; b < n; b++) {
        expand_scales(type, chunk + (size_t)(b / l.span) * l.header, b, c);
        c->codes[b] = codes + (size_t)b * l.codes;
    }
    if (!to_bytes) return;
    for (uint32_t b = 0; b < n; b++) {
        expand_codes(kind, c->codes[b], c->bytes[b]);
        c->codes[b] = c->bytes[b];
    }
}

/* --- the layer --- */

struct tile_job {
    const tile_kernel_fn *few, *many; /* kernels for few panels, and for codes that are expanded for many */
    uint32_t rows, n_blocks;          /* rows of activations in hand, and blocks of their columns */
    uint32_t b0;                      /* blocks of the weights' rows before these */
    const uint8_t *panels;            /* of these columns and `stride` rows, the first in hand being r0 */
    uint32_t stride, r0;
};

/* What panels fetch while they work on a chunk: the next one, in parts, into the second-level cache. With so few rows
 * that memory is the limit, the processor's own fetching is faster than ours, and needs only a hint of what comes next
 * (measured: a fetch of every line takes a third of the bandwidth). */
TILE_INLINE void plan_fetch(enum dtype type, const uint8_t *chunk, uint32_t panels, bool few_rows,
                            struct tile_chunk *c) {
    uint32_t sharers = panels < TILE_FETCHERS ? panels : TILE_FETCHERS;
    c->step = tile_block_bytes(type);
    c->every = few_rows ? 256 : 64;
    c->fetch = (c->step / 64 + sharers - 1) / sharers * 64;
    c->ahead = chunk + (size_t)(few_rows ? 4 : TILE_CHUNK) * c->step;
}

/* One tile over the blocks in hand: acc[rows][32] += ... */
TILE_INLINE void run_tile(enum dtype type, enum tile_codes kind, const struct tile_job *j, const uint8_t *tile,
                          struct tile_chunk *c, float *acc) {
    uint32_t panels = (j->rows + TILE_PANEL - 1) / TILE_PANEL;
    bool expanded = j->few != j->many && panels > (kind == CODES_5 ? TILE_DIRECT_5 : TILE_DIRECT_6);
    const tile_kernel_fn *kernel = expanded ? j->many : j->few;
    bool few_rows = j->rows <= TILE_FEW;
    for (uint32_t b = 0; b < j->n_blocks; b += TILE_CHUNK) {
        uint32_t n = j->n_blocks - b < TILE_CHUNK ? j->n_blocks - b : TILE_CHUNK;
        const uint8_t *chunk = tile + (size_t)(j->b0 + b) * tile_block_bytes(type);
        const uint8_t *panel = j->panels + ((size_t)b * j->stride + (size_t)n * j->r0) * PANEL_ROW;
        expand(type, kind, expanded, chunk, n, c);
        plan_fetch(type, chunk, panels, few_rows, c);
        for (uint32_t r = 0; r < j->rows; r += TILE_PANEL) {
            uint32_t mr = j->rows - r < TILE_PANEL ? j->rows - r : TILE_PANEL;
            if (r == TILE_FETCHERS * TILE_PANEL) c->fetch = 0;
            kernel[mr - 1](c, panel, acc + (size_t)r * TILE_ROWS);
            c->ahead += c->fetch;
            panel += (size_t)mr * n * PANEL_ROW;
        }
    }
}

/* Outputs o0 .. o1-1 that lie in the tile beginning at output o, to or from acc. */
static void move_outputs(bool in, float *acc, uint32_t rows, uint32_t o, uint32_t o0, uint32_t o1, float *out,
                         size_t stride) {
    uint32_t from = o0 > o ? o0 - o : 0, to = o1 - o < TILE_ROWS ? o1 - o : TILE_ROWS;
    bool whole = to - from == TILE_ROWS;
    for (uint32_t r = 0; r < rows; r++) {
        float *a = acc + (size_t)r * TILE_ROWS + from, *y = out + r * stride + o + from;
        if (in) memcpy(a, y, (to - from) * sizeof *a);
        else if (whole)
            for (int i = 0; i < TILE_ROWS; i += VF_W) vf_store(y + i, vf_load(a + i));
        else memcpy(y, a, (to - from) * sizeof *a);
    }
}

/* Outputs o0 .. o1-1 over what is in hand: out[rows][stride] = or, beyond the first columns, += ... */
TILE_INLINE void run_tiles(enum dtype type, enum tile_codes kind, const struct tile_job *j, const struct num_matrix *w,
                           uint32_t o0, uint32_t o1, float *out, size_t stride) {
    struct tile_chunk chunk;
    _Alignas(64) float acc[TILE_BLOCK_ROWS * TILE_ROWS];
    size_t tile_bytes = tiles_stride(w);
    for (uint32_t o = o0 / TILE_ROWS * TILE_ROWS; o < o1; o += TILE_ROWS) {
        if (j->b0 > 0) move_outputs(true, acc, j->rows, o, o0, o1, out, stride);
        else memset(acc, 0, (size_t)j->rows * TILE_ROWS * sizeof *acc);
        run_tile(type, kind, j, (const uint8_t *)w->packed + o / TILE_ROWS * tile_bytes, &chunk, acc);
        move_outputs(false, acc, j->rows, o, o0, o1, out, stride);
    }
}

/* Without panels of the caller's: some rows and columns at a time are put in panels here. */
TILE_INLINE void tile_linear_local(enum dtype type, enum tile_codes kind, const tile_kernel_fn *few,
                                   const tile_kernel_fn *many, const struct num_matrix *w, const struct num_act *a,
                                   uint32_t o0, uint32_t o1, float *out, size_t stride) {
    uint8_t local[TILE_LOCAL * TILE_CHUNK * PANEL_ROW + PANEL_SLACK];
    uint32_t n_blocks = a->cols / NUM_BLOCK, n_chunks = (n_blocks + TILE_CHUNK - 1) / TILE_CHUNK;
    uint32_t most = TILE_LOCAL / n_chunks / TILE_PANEL * TILE_PANEL;
    if (most < TILE_PANEL) most = TILE_PANEL;
    struct tile_job j = {.few = few, .many = many, .panels = local};
    for (uint32_t r0 = 0; r0 < a->n_rows; r0 += most) {
        j.rows = j.stride = a->n_rows - r0 < most ? a->n_rows - r0 : most;
        uint32_t step = TILE_LOCAL / j.rows * TILE_CHUNK;
        for (j.b0 = 0; j.b0 < n_blocks; j.b0 += step) {
            j.n_blocks = n_blocks - j.b0 < step ? n_blocks - j.b0 : step;
            panel_fill(a, r0, r0 + j.rows, j.b0, j.n_blocks, local, j.rows);
            run_tiles(type, kind, &j, w, o0, o1, out + r0 * stride, stride);
        }
    }
}

TILE_INLINE void tile_linear(enum dtype type, enum tile_codes kind, const tile_kernel_fn *few,
                             const tile_kernel_fn *many, const struct num_matrix *w, const struct num_act *a,
                             uint32_t o0, uint32_t o1, float *out, size_t stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    if (!a->panels) {
        tile_linear_local(type, kind, few, many, w, a, o0, o1, out, stride);
        return;
    }
    struct tile_job j = {.few = few, .many = many, .panels = a->panels};
    j.n_blocks = a->cols / NUM_BLOCK;
    j.stride = a->n_rows;
    for (uint32_t r0 = 0; r0 < a->n_rows; r0 += TILE_BLOCK_ROWS) {
        j.rows = a->n_rows - r0 < TILE_BLOCK_ROWS ? a->n_rows - r0 : TILE_BLOCK_ROWS;
        j.r0 = r0;
        run_tiles(type, kind, &j, w, o0, o1, out + r0 * stride, stride);
    }
}

#define TILE_LINEAR(name, type, kind, few, many)                                                                       \
    static void tile_##name(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out, \
                            size_t stride) {                                                                           \
        if (w->packed) tile_linear(type, kind, few, many, w, a, o0, o1, out, stride);                                  \
        else rows_##name(w, a, o0, o1, out, stride);                                                                   \
    }
TILE_LINEAR(q8_0, DTYPE_Q8_0, CODES_BYTES, kernel_bytes, kernel_bytes)
TILE_LINEAR(q4_0, DTYPE_Q4_0, CODES_NIBBLES, kernel_nibbles, kernel_nibbles)
TILE_LINEAR(q4_1, DTYPE_Q4_1, CODES_NIBBLES, kernel_nibbles_min, kernel_nibbles_min)
TILE_LINEAR(q5_0, DTYPE_Q5_0, CODES_5, kernel_5, kernel_5_expanded)
TILE_LINEAR(q5_1, DTYPE_Q5_1, CODES_5, kernel_5_min, kernel_5_min_expanded)
TILE_LINEAR(q4_k, DTYPE_Q4_K, CODES_NIBBLES, kernel_nibbles_min, kernel_nibbles_min)
TILE_LINEAR(q5_k, DTYPE_Q5_K, CODES_5, kernel_5_min, kernel_5_min_expanded)
TILE_LINEAR(q6_k, DTYPE_Q6_K, CODES_6, kernel_6, kernel_6_expanded)

static void tile_quant_install(struct num_kernels *k) {
    rows_install(k);
    tiles_install_quant(k);
    k->act_rows = TILE_PANEL;
    k->pack_act = panel_pack;
    k->linear[DTYPE_Q8_0] = tile_q8_0;
    k->linear[DTYPE_Q4_0] = tile_q4_0;
    k->linear[DTYPE_Q4_1] = tile_q4_1;
    k->linear[DTYPE_Q5_0] = tile_q5_0;
    k->linear[DTYPE_Q5_1] = tile_q5_1;
    k->linear[DTYPE_Q4_K] = tile_q4_k;
    k->linear[DTYPE_Q5_K] = tile_q5_k;
    k->linear[DTYPE_Q6_K] = tile_q6_k;
}

#endif
