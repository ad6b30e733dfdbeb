/* num: the canonical arithmetic CA/1 (docs/arithmetic.md). ref_*.c is the definition, written to be read beside the
 * document; every other kernel must equal it in every bit. All functions here are pure: no allocation, no I/O, no
 * shared state; any number of threads may call them on disjoint outputs, in the floating-point mode of pool_fp_mode.
 * Matrices are row-major; a linear layer computes out[r][o] = sum_k x[r][k] * w[o][k]. Lengths are in elements. */
#ifndef SIL_NUM_NUM_H
#define SIL_NUM_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "sillok.h"

enum {
    NUM_BLOCK = 32,    /* activations per quantisation block (rule 2) */
    NUM_SEGMENT = 512, /* products per fma chain of a float product (rule 3) */
    NUM_LANES = 16,    /* partial sums of a row reduction (rule 4) */
    NUM_KV_PAGE = 64,  /* absolute positions in an attention block and in a KV page (rule 5) */
    NUM_KEY_TILE = 16, /* positions interleaved in a tile of keys (rule 3) */
    NUM_HEAD_DIM_MAX = 512
};

/* A weight matrix as it lies in the file (or packed by num_kernels.pack): rows outputs of cols inputs each. */
struct num_matrix {
    enum dtype type;
    uint32_t rows, cols; /* cols is a multiple of the type's block_len */
    const uint8_t *data; /* rows * row_bytes */
    size_t row_bytes;
    const void *packed; /* in the layout of the kernels in use; NULL: they read data */
};

/* Rows of activations prepared for linear layers: quantised once, used by every matrix that reads them.
 * For row r and block b: value k is q[r*cols + k] * d[r*(cols/32) + b]; asum is the sum of the block's 32 q. */
struct num_act {
    uint32_t n_rows, cols;
    const float *x; /* n_rows * cols: what the float formats read */
    int8_t *q;      /* n_rows * cols */
    float *d;       /* n_rows * cols / 32, rounded up */
    int32_t *asum;  /* as d */
    /* q, d and asum again as the kernels in use like them (num_kernels.pack_act); NULL: they have only those. */
    uint8_t *panels; /* num_panel_bytes(n_rows, cols) */
};

enum { NUM_PANEL_ROW = 48, NUM_PANEL_SLACK = 32 };

static inline size_t num_panel_bytes(size_t n_rows, uint32_t cols) {
    return n_rows * (cols / NUM_BLOCK) * NUM_PANEL_ROW + NUM_PANEL_SLACK;
}

/* A KV page holds, for each layer and KV head, NUM_KV_PAGE positions. As binary16: keys as 4 tiles
 * [head_dim][NUM_KEY_TILE] (element (position p, i) at (p/16)*head_dim*16 + i*16 + p%16), then values
 * [NUM_KV_PAGE][head_dim]. As int8: num/kv_int8.h. num_kv_bytes gives the bytes of one (layer, KV head). */
static inline size_t num_kv_bytes(enum sil_kv kv, uint32_t head_dim) {
    if (kv == SIL_KV_F16) return (size_t)2 * 2 * NUM_KV_PAGE * head_dim;
    return (size_t)NUM_KV_PAGE * ((head_dim + 3) / 4 * 4 + head_dim + 2 * sizeof(float));
}

struct num_attn {
    uint32_t head_dim;
    uint32_t n_pos; /* keys 0 .. n_pos-1 exist, the query's own included (its position is n_pos - 1) */
    uint32_t first; /* positions below it are masked (sliding window); 0 for full attention */
    float scale;    /* multiplies each dot product */
    bool has_sink;
    float sink; /* logit of the sink (rule 5) */
};

/* One query of attend. */
struct num_query {
    struct num_attn shape; /* head_dim and scale are the same for all of a call */
    const float *query;    /* [head_dim], finite */
    float *out;            /* [head_dim] */
};

enum num_act_fn { NUM_SILU, NUM_GELU_TANH, NUM_GELU_ERF, NUM_RELU };

/* One instruction set's functions. Filled by num_kernels_init; owned by whoever holds the struct. */
struct num_kernels {
    const char *name; /* "scalar", "avx2", ... */

    /* Quantises one row (rule 2): q[n], d and asum [n/32]. n is a multiple of 32. False when a value is not finite;
     * outputs are then unspecified. */
    bool (*quantize)(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum);
    /* True when every one of n values is finite. */
    bool (*finite)(const float *x, size_t n);

    /* out[r*out_stride + o] for all rows r of a and outputs o0 <= o < o1. NULL for numbers that are not types. */
    void (*linear[DTYPE_COUNT])(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1,
                                float *out, size_t out_stride);
    /* Hooks of a tuned layout: bytes that num_matrix.packed needs for w, and the function that fills those of rows
     * r0 <= r < r1, so that threads may share the work; r0 and r1 are multiples of pack_rows or w->rows. The last part
     * fills the padding. linear reads w->packed where it is set and the file's layout otherwise; it is fastest when o0
     * and o1 are such multiples too and packed is aligned to 64 bytes. 0 and NULL: there is no tuned layout. */
    uint32_t pack_rows[DTYPE_COUNT];
    size_t (*pack_bytes[DTYPE_COUNT])(const struct num_matrix *w);
    void (*pack[DTYPE_COUNT])(const struct num_matrix *w, void *packed, uint32_t r0, uint32_t r1);
    /* Fills a->panels with rows r0 <= r < r1; r0 is a multiple of act_rows, r1 too or a->n_rows. linear is fastest for
     * several rows where a->panels is set. 0 and NULL: nothing is to be filled. */
    uint32_t act_rows;
    void (*pack_act)(const struct num_act *a, uint32_t r0, uint32_t r1);
    /* Row `row` of a matrix as f32 (embedding look-up): out[cols]. */
    void (*row[DTYPE_COUNT])(const struct num_matrix *w, uint32_t row, float *out);

    /* y = x * (1/sqrt(mean(x^2) + eps)) * w, operation by operation as documented. y may be x. */
    void (*rmsnorm)(const float *x, const float *w, uint32_t n, float eps, float *y);
    /* Rotates the first n_rot of a head's values in place; cosine/sine of n_rot/2 angles. Adjacent pairs (2i, 2i+1)
     * or halves (i, i + n_rot/2). */
    void (*rope_pairs)(float *x, const float *cosine, const float *sine, uint32_t n_rot);
    void (*rope_halves)(float *x, const float *cosine, const float *sine, uint32_t n_rot);
    /* gate[i] = act(gate[i]) * up[i] */
    void (*gated)(enum num_act_fn act, float *gate, const float *up, size_t n);
    void (*add)(float *x, const float *y, size_t n); /* x += y */

    /* Rounds one position's key and value (head_dim each) to the KV type and stores them in a page's part for one
     * (layer, KV head; aligned to 4 bytes) at position pos % 64. False when a value is not finite. */
    bool (*kv_store[SIL_KV_KINDS])(void *part, uint32_t pos, const float *k, const float *v, uint32_t head_dim);
    /* Attention (rule 5) of n query heads (1 .. NUM_ATTN_QUERIES) over the same pages: positions 64i .. 64i+63 of their
     * layer and KV head lie at pages[i] + offset, and every position from the least `first` to the greatest n_pos - 1
     * has been stored. Each query's result is as if it were alone. */
    void (*attend[SIL_KV_KINDS])(const struct num_query *queries, uint32_t n, uint8_t *const *pages, size_t offset);
};

enum { NUM_ATTN_QUERIES = 24 };

/* The kernels for a CPU mask (base/cpu.h): the scalar definition, overridden by what the mask allows. */
void num_kernels_init(struct num_kernels *k, uint32_t cpu_mask);

#endif
