/* tile_float: linear layers on packed tiles of F32, F16 and BF16 weights (tiles.h: [column][32 rows]), written once on
 * the vector operations of a simd_*.h. Rule 3: one fma chain per output and segment of 512 columns, segments added in
 * ascending order. Lanes are outputs, so that a column of weights is loaded and widened once for several rows. */
#ifndef SIL_NUM_TILE_FLOAT_H
#define SIL_NUM_TILE_FLOAT_H

#include <assert.h>
#include <string.h>

#include "num/num.h"
#include "num/tiles.h"

enum {
    TF_MR = 8,                         /* the most rows of activations in a panel */
    TF_PANEL = VF_W == 16 ? TF_MR : 6, /* as many as leave registers for two vectors of weights */
    TF_NV = VF_W == 16 ? 2 : 4,        /* vectors of outputs at once: all 32 for a row or two, else two vectors */
    TF_ROWS = 128,                     /* rows of activations in a block */
    TF_STEP = 8,                       /* columns between hints of what to fetch */
    TF_AHEAD = 2048
};

TILE_INLINE uint32_t tf_width(enum dtype type) {
    return type == DTYPE_F32 ? 4 : 2;
}

TILE_INLINE vf tf_load(enum dtype type, const uint8_t *p) {
    if (type == DTYPE_F32) return vf_load((const float *)(const void *)p);
    return type == DTYPE_F16 ? vf_load_f16(p) : vf_load_bf16(p);
}

TILE_INLINE void tf_column(enum dtype type, int mr, int nv, const uint8_t *w, const float *x, size_t cols,
                           vf chain[TF_MR][TF_NV]) {
    vf weight[TF_NV];
    for (int v = 0; v < nv; v++) weight[v] = tf_load(type, w + (size_t)v * VF_W * tf_width(type));
    for (int r = 0; r < mr; r++) {
        vf a = vf_set1(x[(size_t)r * cols]);
        for (int v = 0; v < nv; v++) chain[r][v] = vf_fma(a, weight[v], chain[r][v]);
    }
}

/* n columns of a segment for mr rows: acc[r][32] = or += the chains of nv vectors of outputs from part on. */
TILE_INLINE void tf_kernel(enum dtype type, int mr, int nv, const uint8_t *w, uint32_t n, const float *x, size_t cols,
                           int part, bool first, float *acc) {
    const uint32_t step = TILE_ROWS * tf_width(type);
    vf chain[TF_MR][TF_NV];
    for (int r = 0; r < mr; r++)
        for (int v = 0; v < nv; v++) chain[r][v] = vf_set1(0.0f);
    w += (size_t)part * tf_width(type);
    uint32_t k = 0;
    for (; k + TF_STEP <= n; k += TF_STEP) {
        if (mr <= 2) __builtin_prefetch(w + TF_AHEAD);
        for (int i = 0; i < TF_STEP; i++, w += step, x++) tf_column(type, mr, nv, w, x, cols, chain);
    }
    for (; k < n; k++, w += step, x++) tf_column(type, mr, nv, w, x, cols, chain);
    for (int r = 0; r < mr; r++) {
        for (int v = 0; v < nv; v++) {
            float *y = acc + r * TILE_ROWS + part + v * VF_W;
            vf_store(y, first ? chain[r][v] : vf_add(vf_load(y), chain[r][v]));
        }
    }
}

typedef void (*tf_fn)(const uint8_t *w, uint32_t n, const float *x, size_t cols, bool first, float *acc);

#define TF_KERNEL(name, type, mr)                                                                                      \
    static __attribute__((noinline)) void name##mr(const uint8_t *w, uint32_t n, const float *x, size_t cols,          \
                                                   bool first, float *acc) {                                           \
        const int nv = (mr) <= 2 ? TF_NV : 2;                                                                          \
        for (int part = 0; part < TILE_ROWS; part += nv * VF_W)                                                        \
            tf_kernel(type, mr, nv, w, n, x, cols, part, first, acc);                                                  \
    }
#define TF_KERNELS(name, type)                                                                                         \
    TF_KERNEL(name, type, 1)                                                                                           \
    TF_KERNEL(name, type, 2)                                                                                           \
    TF_KERNEL(name, type, 3)                                                                                           \
    TF_KERNEL(name, type, 4)                                                                                           \
    TF_KERNEL(name, type, 5)                                                                                           \
    TF_KERNEL(name, type, 6)                                                                                           \
    TF_KERNEL(name, type, 7)                                                                                           \
    TF_KERNEL(name, type, 8)                                                                                           \
    static const tf_fn name[TF_MR] = {name##1, name##2, name##3, name##4, name##5, name##6, name##7, name##8};

TF_KERNELS(tf_f32, DTYPE_F32)
TF_KERNELS(tf_f16, DTYPE_F16)
TF_KERNELS(tf_bf16, DTYPE_BF16)

/* Outputs o0 .. o1-1 of the tile that begins at output o, for rows r0 .. r0 + rows - 1. */
static void tf_tile(const tf_fn *kernel, const struct num_matrix *w, const struct num_act *a, uint32_t r0,
                    uint32_t rows, uint32_t o, uint32_t o0, uint32_t o1, float *out, size_t stride) {
    _Alignas(64) float acc[TF_ROWS * TILE_ROWS];
    const uint8_t *tile = (const uint8_t *)w->packed + o / TILE_ROWS * tiles_stride(w);
    size_t column = (size_t)TILE_ROWS * tf_width(w->type);
    uint32_t panels = (rows + TF_PANEL - 1) / TF_PANEL;
    for (uint32_t k0 = 0; k0 < w->cols; k0 += NUM_SEGMENT) {
        uint32_t n = w->cols - k0 < NUM_SEGMENT ? w->cols - k0 : NUM_SEGMENT;
        for (uint32_t p = 0; p < panels; p++) {
            uint32_t r = p * rows / panels, end = (p + 1) * rows / panels;
            const float *x = a->x + (size_t)(r0 + r) * a->cols + k0;
            kernel[end - r - 1](tile + k0 * column, n, x, a->cols, k0 == 0, acc + (size_t)r * TILE_ROWS);
        }
    }
    uint32_t from = o0 > o ? o0 - o : 0, to = o1 - o < TILE_ROWS ? o1 - o : TILE_ROWS;
    for (uint32_t r = 0; r < rows; r++)
        memcpy(out + (r0 + r) * stride + o + from, acc + (size_t)r * TILE_ROWS + from, (to - from) * sizeof *out);
}

static void tf_linear(const tf_fn *kernel, const struct num_matrix *w, const struct num_act *a, uint32_t o0,
                      uint32_t o1, float *out, size_t stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    for (uint32_t r = 0; r < a->n_rows; r += TF_ROWS) {
        uint32_t rows = a->n_rows - r < TF_ROWS ? a->n_rows - r : TF_ROWS;
        for (uint32_t o = o0 / TILE_ROWS * TILE_ROWS; o < o1; o += TILE_ROWS)
            tf_tile(kernel, w, a, r, rows, o, o0, o1, out, stride);
    }
}

#define TF_LINEAR(type)                                                                                                \
    static void tile_##type(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out, \
                            size_t stride) {                                                                           \
        if (w->packed) tf_linear(tf_##type, w, a, o0, o1, out, stride);                                                \
        else simd_linear_##type(w, a, o0, o1, out, stride);                                                            \
    }
TF_LINEAR(f32)
TF_LINEAR(f16)
TF_LINEAR(bf16)

static void tile_float_install(struct num_kernels *k) {
    tiles_install_float(k);
    k->linear[DTYPE_F32] = tile_f32;
    k->linear[DTYPE_F16] = tile_f16;
    k->linear[DTYPE_BF16] = tile_bf16;
}

#endif
