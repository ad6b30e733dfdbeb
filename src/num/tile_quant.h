/* tile_quant: linear layers on packed tiles of quantised weights (tiles.h), written once on the vector operations of a
 * simd_*.h and the integer operations of a tile_*.h, which the including file names first.
 *
 * The order of work: for a block of activation rows, for each tile of 32 outputs, for each chunk of 16 blocks (512
 * columns): scales are expanded to floats and codes, where they are not a plain byte or nibble, to bytes, both in
 * scratch that stays in the first-level cache; then for each panel of up to TILE_MR rows the kernel keeps one integer
 * sum and one float chain per output in registers. Each output has the reference's one chain, blocks ascending; only
 * integer sums, exact in any order, are regrouped. An offset of the codes is cancelled by the sum's start value. */
#ifndef SIL_NUM_TILE_QUANT_H
#define SIL_NUM_TILE_QUANT_H

#include <assert.h>
#include <string.h>

#include "num/linear_x86.h"
#include "num/num.h"
#include "num/tiles.h"

#define TILE_INLINE static inline __attribute__((always_inline))

enum {
    TILE_MR = 6,                  /* the most rows of activations in a panel */
    TILE_NV = VF_W == 16 ? 2 : 4, /* vectors of outputs at once: all 32 for a row or two, else two vectors */
    TILE_META = 512,              /* (row, chunk) pairs prepared at a time */
    TILE_BLOCK_ROWS = 128,        /* rows of activations in a block */
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

/* What the kernel needs of one row's chunk of activations. */
struct tile_meta {
    float d[TILE_CHUNK];
    union {
        int32_t start[2][TILE_CHUNK]; /* initial values of the integer sums; FORM_SUB has two */
        float neg_sum[TILE_CHUNK];    /* FORM_MIN: -asum */
    };
};

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

/* Four activations of row r, columns 4g .. 4g+3, in every lane. */
TILE_INLINE vi load_four(const int8_t *q, size_t cols, int r, int g) {
    int32_t four;
    memcpy(&four, q + (size_t)r * cols + 4 * g, sizeof four);
    return vi_set1(four);
}

/* The integer sums of one block: sum[r][v] += codes x activations of groups g0 .. g1-1. */
#ifdef TILE_HAS_DOT
TILE_INLINE void block_dot(enum tile_codes kind, int mr, int nv, const uint8_t *codes, int at, const int8_t *q,
                           size_t cols, int g0, int g1, vi sum[TILE_MR][TILE_NV]) {
#pragma GCC unroll 8
    for (int g = g0; g < g1; g++) {
        vi w[TILE_NV];
        for (int v = 0; v < nv; v++) w[v] = load_codes(kind, codes, g, at + 4 * VF_W * v);
        for (int r = 0; r < mr; r++) {
            vi a = load_four(q, cols, r, g);
            for (int v = 0; v < nv; v++) sum[r][v] = tile_dot4(sum[r][v], w[v], a);
        }
    }
}
#else
/* Signed bytes: |w| unsigned, its sign moved to the activation. A pair of products is at most 2 * 128 * 127, which a
 * saturating 16-bit sum holds. */
TILE_INLINE void block_dot_signed(int mr, int nv, const uint8_t *codes, int at, const int8_t *q, size_t cols,
                                  vi sum[TILE_MR][TILE_NV]) {
#pragma GCC unroll 2
    for (int g = 0; g < 8; g++) {
        vi w[TILE_NV], size[TILE_NV];
        for (int v = 0; v < nv; v++) {
            w[v] = vi_xor(load_codes(CODES_BYTES, codes, g, at + 4 * VF_W * v), vi_set1_8(-128));
            size[v] = vi_abs8(w[v]);
        }
        for (int r = 0; r < mr; r++) {
            vi a = load_four(q, cols, r, g);
            for (int v = 0; v < nv; v++) sum[r][v] = vi_add(sum[r][v], vi_quads(vi_pairs(size[v], vi_sign8(a, w[v]))));
        }
    }
}

/* Small codes: pairs are added in 16 bits while they fit: 8 * 2 * 15 * 127, 4 * 2 * 31 * 127 and 2 * 2 * 63 * 127 are
 * all below 2^15. */
TILE_INLINE void block_dot(enum tile_codes kind, int mr, int nv, const uint8_t *codes, int at, const int8_t *q,
                           size_t cols, int g0, int g1, vi sum[TILE_MR][TILE_NV]) {
    if (kind == CODES_BYTES) {
        block_dot_signed(mr, nv, codes, at, q, cols, sum);
        return;
    }
    const int fit = kind == CODES_NIBBLES ? 8 : kind == CODES_5 || kind == CODES_5_EXPANDED ? 4 : 2;
#pragma GCC unroll 4
    for (int g = g0; g < g1; g += fit) {
        vi pairs[TILE_MR][TILE_NV];
#pragma GCC unroll 8
        for (int i = 0; i < fit; i++) {
            vi w[TILE_NV];
            for (int v = 0; v < nv; v++) w[v] = load_codes(kind, codes, g + i, at + 4 * VF_W * v);
            for (int r = 0; r < mr; r++) {
                vi a = load_four(q, cols, r, g + i);
                for (int v = 0; v < nv; v++)
                    pairs[r][v] = i == 0 ? vi_pairs(w[v], a) : vi_add16(pairs[r][v], vi_pairs(w[v], a));
            }
        }
        for (int r = 0; r < mr; r++)
            for (int v = 0; v < nv; v++) sum[r][v] = vi_add(sum[r][v], vi_quads(pairs[r][v]));
    }
}
#endif

/* The sums begin at what cancels the codes' offset, or have it added at the end where registers are short. */
TILE_INLINE void start_sums(enum tile_form form, int mr, int nv, const int32_t *start, vi sum[TILE_MR][TILE_NV]) {
    for (int r = 0; r < mr; r++, start += sizeof(struct tile_meta) / sizeof *start)
        for (int v = 0; v < nv; v++) sum[r][v] = form == FORM_MIN || TILE_SHORT ? vi_zero() : vi_set1(*start);
}

TILE_INLINE void end_sums(enum tile_form form, int mr, int nv, const int32_t *start, vi sum[TILE_MR][TILE_NV],
                          vf isum[TILE_MR][TILE_NV]) {
    for (int r = 0; r < mr; r++, start += sizeof(struct tile_meta) / sizeof *start) {
        for (int v = 0; v < nv; v++) {
            bool late = form != FORM_MIN && TILE_SHORT;
            isum[r][v] = vf_of_vi(late ? vi_add(sum[r][v], vi_set1(*start)) : sum[r][v]);
        }
    }
}

/* The integer sums of a block as floats, exactly: they stay below 2^24, products with sub-scales included. */
TILE_INLINE void block_sums(enum tile_codes kind, enum tile_form form, int mr, int nv, const struct tile_chunk *c,
                            uint32_t b, int part, const int8_t *q, size_t cols, const struct tile_meta *meta,
                            vf isum[TILE_MR][TILE_NV]) {
    vi sum[TILE_MR][TILE_NV];
    start_sums(form, mr, nv, &meta->start[0][b], sum);
    block_dot(kind, mr, nv, c->codes[b], 4 * part, q, cols, 0, form == FORM_SUB ? 4 : 8, sum);
    end_sums(form, mr, nv, &meta->start[0][b], sum, isum);
    if (form != FORM_SUB) return;
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++) isum[r][v] = vf_mul(isum[r][v], vf_load(c->m[0][b] + part + v * VF_W));
    vf high[TILE_MR][TILE_NV];
    start_sums(form, mr, nv, &meta->start[1][b], sum);
    block_dot(kind, mr, nv, c->codes[b], 4 * part, q, cols, 4, 8, sum);
    end_sums(form, mr, nv, &meta->start[1][b], sum, high);
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++) isum[r][v] = vf_fma(high[r][v], vf_load(c->m[1][b] + part + v * VF_W), isum[r][v]);
}

/* nv vectors of outputs of the tile from part on for mr rows of activations (q: row 0 at the chunk's first column),
 * added to acc[r][32]: the one chain of each output, in a register or, where these are short, in place. */
TILE_INLINE void tile_kernel(enum tile_codes kind, enum tile_form form, int mr, int nv, const struct tile_chunk *c,
                             int part, const int8_t *q, size_t cols, const struct tile_meta *meta, float *acc) {
    vf f[TILE_MR][TILE_NV];
    acc += part;
    for (int r = 0; r < mr && !TILE_SHORT; r++)
        for (int v = 0; v < nv; v++) f[r][v] = vf_load(acc + r * TILE_ROWS + v * VF_W);
    for (uint32_t b = 0; b < c->n; b++, q += NUM_BLOCK) {
        for (uint32_t i = 0; i < c->fetch; i += c->every)
            _mm_prefetch((const char *)c->ahead + (size_t)b * c->step + i, _MM_HINT_T1);
        vf isum[TILE_MR][TILE_NV];
        block_sums(kind, form, mr, nv, c, b, part, q, cols, meta, isum);
        for (int v = 0; v < nv; v++) {
            vf s = vf_load(c->s[b] + part + v * VF_W), m;
            if (form == FORM_MIN) m = vf_load(c->m[0][b] + part + v * VF_W);
            for (int r = 0; r < mr; r++) {
                vf d = vf_set1(meta[r].d[b]), chain = TILE_SHORT ? vf_load(acc + r * TILE_ROWS + v * VF_W) : f[r][v];
                chain = vf_fma(isum[r][v], vf_mul(s, d), chain);
                if (form == FORM_MIN) chain = vf_fma(vf_set1(meta[r].neg_sum[b]), vf_mul(m, d), chain);
                f[r][v] = chain;
                if (TILE_SHORT) vf_store(acc + r * TILE_ROWS + v * VF_W, chain);
            }
        }
    }
    for (int r = 0; r < mr && !TILE_SHORT; r++)
        for (int v = 0; v < nv; v++) vf_store(acc + r * TILE_ROWS + v * VF_W, f[r][v]);
}

#define TILE_KERNEL(name, kind, form, mr)                                                                              \
    static __attribute__((noinline)) void name##mr(const struct tile_chunk *c, const int8_t *q, size_t cols,           \
                                                   const struct tile_meta *meta, float *acc) {                         \
        const int nv = (mr) <= 2 ? TILE_NV : 2;                                                                        \
        for (int part = 0; part < TILE_ROWS; part += nv * VF_W)                                                        \
            tile_kernel(kind, form, mr, nv, c, part, q, cols, meta, acc);                                              \
    }
#define TILE_KERNELS(name, kind, form)                                                                                 \
    TILE_KERNEL(name, kind, form, 1)                                                                                   \
    TILE_KERNEL(name, kind, form, 2)                                                                                   \
    TILE_KERNEL(name, kind, form, 3)                                                                                   \
    TILE_KERNEL(name, kind, form, 4)                                                                                   \
    TILE_KERNEL(name, kind, form, 5)                                                                                   \
    TILE_KERNEL(name, kind, form, 6)                                                                                   \
    static const tile_kernel_fn name[TILE_MR] = {name##1, name##2, name##3, name##4, name##5, name##6};

typedef void (*tile_kernel_fn)(const struct tile_chunk *, const int8_t *, size_t, const struct tile_meta *, float *);

TILE_KERNELS(kernel_bytes, CODES_BYTES, FORM_START)
TILE_KERNELS(kernel_nibbles, CODES_NIBBLES, FORM_START)
TILE_KERNELS(kernel_nibbles_min, CODES_NIBBLES, FORM_MIN)
TILE_KERNELS(kernel_5, CODES_5, FORM_START)
TILE_KERNELS(kernel_5_min, CODES_5, FORM_MIN)
TILE_KERNELS(kernel_6, CODES_6, FORM_SUB)
TILE_KERNELS(kernel_5_expanded, CODES_5_EXPANDED, FORM_START)
TILE_KERNELS(kernel_5_min_expanded, CODES_5_EXPANDED, FORM_MIN)
TILE_KERNELS(kernel_6_expanded, CODES_6_EXPANDED, FORM_SUB)

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
#pragma GCC unroll 8
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

/* --- activations --- */

/* Row r's blocks b0 .. b0+n-1. */
TILE_INLINE void make_meta(enum tile_form form, int32_t offset, const struct num_act *a, uint32_t r, uint32_t b0,
                           uint32_t n, struct tile_meta *m) {
    size_t at = (size_t)r * (a->cols / NUM_BLOCK) + b0;
    const int32_t *sums = a->asum + at;
    const float *d = a->d + at;
    struct tile_meta part; /* a last chunk of fewer blocks, filled up */
    if (n < TILE_CHUNK) {
        memset(&part, 0, sizeof part);
        memcpy(part.d, d, n * sizeof *d);
        memcpy(part.start[0], sums, n * sizeof *sums);
        d = part.d;
        sums = part.start[0];
    }
    for (int i = 0; i < TILE_CHUNK; i += VF_W) {
        vf_store(m->d + i, vf_load(d + i));
        vi sum = vi_load(sums + i);
        if (form == FORM_START) vi_put(m->start[0] + i, vi_mul(sum, -offset));
        else if (form == FORM_MIN)
            vf_store(m->neg_sum + i, vi_float_of_bits(vi_xor(vf_bits(vf_of_vi(sum)), vi_set1(INT32_MIN))));
        else vi_put(m->start[1] + i, sum);
    }
    if (form != FORM_SUB) return;
    for (uint32_t b = 0; b < n; b++) {
        int32_t half = tile_sum16(a->q + (at + b) * NUM_BLOCK);
        m->start[0][b] = -offset * half;
        m->start[1][b] = -offset * (m->start[1][b] - half);
    }
}

/* --- the layer --- */

struct tile_job {
    const struct num_matrix *w;
    const struct num_act *a;
    const tile_kernel_fn *few, *many; /* kernels for one panel, and for codes that are expanded for several */
    uint32_t mr;                      /* the most rows of a panel */
    uint32_t r0, rows;                /* block of activation rows */
    uint32_t c0, chunks;              /* chunks of columns in hand */
    const struct tile_meta *meta;     /* [chunks][rows] */
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

/* One tile over the chunks in hand: acc[rows][32] += ... */
TILE_INLINE void run_tile(enum dtype type, enum tile_codes kind, const struct tile_job *j, const uint8_t *tile,
                          struct tile_chunk *c, float *acc) {
    uint32_t n_blocks = j->a->cols / NUM_BLOCK, panels = (j->rows + j->mr - 1) / j->mr;
    const tile_kernel_fn *kernel = panels > 1 ? j->many : j->few;
    bool few_rows = j->rows <= TILE_FEW;
    for (uint32_t i = 0; i < j->chunks; i++) {
        uint32_t b0 = (j->c0 + i) * TILE_CHUNK, n = n_blocks - b0 < TILE_CHUNK ? n_blocks - b0 : TILE_CHUNK;
        const uint8_t *chunk = tile + (size_t)b0 * tile_block_bytes(type);
        expand(type, kind, panels > 1 && j->few != j->many, chunk, n, c);
        plan_fetch(type, chunk, panels, few_rows, c);
        for (uint32_t p = 0; p < panels; p++) {
            uint32_t r = p * j->rows / panels, end = (p + 1) * j->rows / panels;
            const int8_t *q = j->a->q + (size_t)(j->r0 + r) * j->a->cols + (size_t)b0 * NUM_BLOCK;
            if (p == TILE_FETCHERS) c->fetch = 0;
            kernel[end - r - 1](c, q, j->a->cols, j->meta + (size_t)i * j->rows + r, acc + (size_t)r * TILE_ROWS);
            c->ahead += c->fetch;
        }
    }
}

/* Outputs o0 .. o1-1 that lie in the tile beginning at output o, to or from acc. */
static void move_outputs(bool in, float *acc, uint32_t rows, uint32_t o, uint32_t o0, uint32_t o1, float *out,
                         size_t stride) {
    uint32_t from = o0 > o ? o0 - o : 0, to = o1 - o < TILE_ROWS ? o1 - o : TILE_ROWS;
    for (uint32_t r = 0; r < rows; r++) {
        float *a = acc + (size_t)r * TILE_ROWS + from, *y = out + r * stride + o + from;
        if (in) memcpy(a, y, (to - from) * sizeof *a);
        else memcpy(y, a, (to - from) * sizeof *a);
    }
}

TILE_INLINE void tile_linear(enum dtype type, enum tile_codes kind, enum tile_form form, int32_t offset,
                             const tile_kernel_fn *few, const tile_kernel_fn *many, const struct num_matrix *w,
                             const struct num_act *a, uint32_t o0, uint32_t o1, float *out, size_t stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    struct tile_meta meta[TILE_META];
    struct tile_chunk chunk;
    _Alignas(64) float acc[TILE_BLOCK_ROWS * TILE_ROWS];
    uint32_t n_blocks = a->cols / NUM_BLOCK, n_chunks = (n_blocks + TILE_CHUNK - 1) / TILE_CHUNK;
    uint32_t mr = form == FORM_SUB ? TILE_PANEL_SUB : TILE_PANEL;
    uint32_t most = TILE_META / n_chunks; /* rows whose activations can be prepared over all columns */
    if (most < mr) most = mr;
    if (most > TILE_BLOCK_ROWS) most = TILE_BLOCK_ROWS;
    size_t tile_bytes = tiles_stride(w);
    for (uint32_t r0 = 0; r0 < a->n_rows; r0 += most) {
        struct tile_job j = {.w = w, .a = a, .few = few, .many = many, .mr = mr, .r0 = r0, .meta = meta};
        j.rows = a->n_rows - r0 < most ? a->n_rows - r0 : most;
        uint32_t step = TILE_META / j.rows;
        for (j.c0 = 0; j.c0 < n_chunks; j.c0 += step) {
            j.chunks = n_chunks - j.c0 < step ? n_chunks - j.c0 : step;
            for (uint32_t i = 0; i < j.chunks; i++) {
                uint32_t b0 = (j.c0 + i) * TILE_CHUNK, n = n_blocks - b0 < TILE_CHUNK ? n_blocks - b0 : TILE_CHUNK;
                for (uint32_t r = 0; r < j.rows; r++)
                    make_meta(form, offset, a, r0 + r, b0, n, &meta[(size_t)i * j.rows + r]);
            }
            for (uint32_t o = o0 / TILE_ROWS * TILE_ROWS; o < o1; o += TILE_ROWS) {
                const uint8_t *tile = (const uint8_t *)w->packed + o / TILE_ROWS * tile_bytes;
                memset(acc, 0, (size_t)j.rows * TILE_ROWS * sizeof *acc);
                if (j.c0 > 0) move_outputs(true, acc, j.rows, o, o0, o1, out + r0 * stride, stride);
                run_tile(type, kind, &j, tile, &chunk, acc);
                move_outputs(false, acc, j.rows, o, o0, o1, out + r0 * stride, stride);
            }
        }
    }
}

#define TILE_LINEAR(name, type, kind, form, offset, few, many)                                                         \
    static void tile_##name(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out, \
                            size_t stride) {                                                                           \
        if (w->packed) tile_linear(type, kind, form, offset, few, many, w, a, o0, o1, out, stride);                    \
        else x86_##name(w, a, o0, o1, out, stride);                                                                    \
    }
TILE_LINEAR(q8_0, DTYPE_Q8_0, CODES_BYTES, FORM_START, TILE_BYTES_OFFSET, kernel_bytes, kernel_bytes)
TILE_LINEAR(q4_0, DTYPE_Q4_0, CODES_NIBBLES, FORM_START, 8, kernel_nibbles, kernel_nibbles)
TILE_LINEAR(q4_1, DTYPE_Q4_1, CODES_NIBBLES, FORM_MIN, 0, kernel_nibbles_min, kernel_nibbles_min)
TILE_LINEAR(q5_0, DTYPE_Q5_0, CODES_5, FORM_START, 16, kernel_5, kernel_5_expanded)
TILE_LINEAR(q5_1, DTYPE_Q5_1, CODES_5, FORM_MIN, 0, kernel_5_min, kernel_5_min_expanded)
TILE_LINEAR(q4_k, DTYPE_Q4_K, CODES_NIBBLES, FORM_MIN, 0, kernel_nibbles_min, kernel_nibbles_min)
TILE_LINEAR(q5_k, DTYPE_Q5_K, CODES_5, FORM_MIN, 0, kernel_5_min, kernel_5_min_expanded)
TILE_LINEAR(q6_k, DTYPE_Q6_K, CODES_6, FORM_SUB, 32, kernel_6, kernel_6_expanded)

static void tile_quant_install(struct num_kernels *k) {
    x86_install(k);
    tiles_install_quant(k);
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
