/* Rule 2: activations to 8-bit blocks, and products with the quantised weight formats. */
#include <assert.h>
#include <math.h>

#include "num/blocks.h"
#include "num/ref.h"

bool ref_quantize_block(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum) {
    uint32_t max = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t u = float_bits(x[i]) & 0x7fffffffu;
        if (u > max) max = u;
    }
    if (max >= 0x7f800000u) return false;
    float amax = bits_float(max);
    bool zero = amax < 0x1p-60f;
    float scale = zero ? 0.0f : 127.0f / amax;
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        q[i] = (int8_t)rintf(x[i] * scale);
        sum += q[i];
    }
    *d = zero ? 0.0f : amax / 127.0f;
    if (asum) *asum = sum;
    return true;
}

bool ref_quantize(const float *x, uint32_t n, int8_t *q, float *d, int32_t *asum) {
    assert(n % NUM_BLOCK == 0);
    for (uint32_t b = 0; b < n / NUM_BLOCK; b++)
        if (!ref_quantize_block(x + (size_t)b * NUM_BLOCK, NUM_BLOCK, q + (size_t)b * NUM_BLOCK, d + b, asum + b))
            return false;
    return true;
}

bool ref_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((float_bits(x[i]) & 0x7fffffffu) >= 0x7f800000u) return false;
    return true;
}

/* A block of 32 weights as rule 2 reads it: isum = sub[0] * dot(first 16) + sub[1] * dot(last 16). */
struct wblock {
    int8_t w[NUM_BLOCK];
    int32_t sub[2];
    float s, m; /* s_w and m_w, exact */
    bool has_min;
};

/* 4-bit codes of elements 0-31, less `offset`; high: bit i is bit 4 of element i. */
static void nibbles(const uint8_t qs[16], uint32_t high, int offset, int8_t w[NUM_BLOCK]) {
    for (int i = 0; i < 16; i++) {
        w[i] = (int8_t)((int)((qs[i] & 15u) | (high >> i & 1u) << 4) - offset);
        w[i + 16] = (int8_t)((int)((qs[i] >> 4) | (high >> (i + 16) & 1u) << 4) - offset);
    }
}

static void small_block(enum dtype type, const uint8_t *row, uint32_t b, struct wblock *o) {
    if (type == DTYPE_Q8_0) {
        const struct blk_q8_0 *p = (const struct blk_q8_0 *)row + b;
        memcpy(o->w, p->qs, NUM_BLOCK);
        o->s = blk_f16(p->d);
    } else if (type == DTYPE_Q4_0) {
        const struct blk_q4_0 *p = (const struct blk_q4_0 *)row + b;
        nibbles(p->qs, 0, 8, o->w);
        o->s = blk_f16(p->d);
    } else if (type == DTYPE_Q5_0) {
        const struct blk_q5_0 *p = (const struct blk_q5_0 *)row + b;
        nibbles(p->qs, blk_u32(p->qh), 16, o->w);
        o->s = blk_f16(p->d);
    } else if (type == DTYPE_Q4_1) {
        const struct blk_q4_1 *p = (const struct blk_q4_1 *)row + b;
        nibbles(p->qs, 0, 0, o->w);
        o->s = blk_f16(p->d);
        o->m = -blk_f16(p->m);
        o->has_min = true;
    } else {
        assert(type == DTYPE_Q5_1);
        const struct blk_q5_1 *p = (const struct blk_q5_1 *)row + b;
        nibbles(p->qs, blk_u32(p->qh), 0, o->w);
        o->s = blk_f16(p->d);
        o->m = -blk_f16(p->m);
        o->has_min = true;
    }
}

/* Group g of a Q4_K (qh NULL) or Q5_K block. */
static void k_group(const uint8_t d[2], const uint8_t dmin[2], const uint8_t scales[12], const uint8_t *qh,
                    const uint8_t *qs, uint32_t g, struct wblock *o) {
    const uint8_t *codes = qs + g / 2 * NUM_BLOCK;
    for (int i = 0; i < NUM_BLOCK; i++) {
        uint32_t code = g % 2 ? codes[i] >> 4 : codes[i] & 15u;
        if (qh) code |= (qh[i] >> g & 1u) << 4;
        o->w[i] = (int8_t)code;
    }
    int scale, min;
    blk_scale_min(scales, g, &scale, &min);
    o->s = blk_f16(d) * (float)scale; /* 11 bits times 6: exact */
    o->m = blk_f16(dmin) * (float)min;
    o->has_min = true;
}

/* Elements 32g .. 32g+31 of a Q6_K block: each half of 128 holds four runs of 32, run r with the nibble r/2 of
 * ql[32 * (r % 2) + i] and the bits 2r, 2r+1 of qh[i]. */
static void q6_group(const struct blk_q6_k *p, uint32_t g, struct wblock *o) {
    uint32_t half = g / 4, run = g % 4;
    const uint8_t *ql = p->ql + 64 * half + 32 * (run % 2), *qh = p->qh + 32 * half;
    for (int i = 0; i < NUM_BLOCK; i++) {
        uint32_t low = run / 2 ? ql[i] >> 4 : ql[i] & 15u;
        o->w[i] = (int8_t)((int)(low | (qh[i] >> 2 * run & 3u) << 4) - 32);
    }
    o->sub[0] = p->scales[2 * g];
    o->sub[1] = p->scales[2 * g + 1];
    o->s = blk_f16(p->d);
}

/* Block b (of 32) of a row. */
static void unpack(enum dtype type, const uint8_t *row, uint32_t b, struct wblock *o) {
    *o = (struct wblock){.sub = {1, 1}};
    if (type == DTYPE_Q4_K) {
        const struct blk_q4_k *p = (const struct blk_q4_k *)row + b / 8;
        k_group(p->d, p->dmin, p->scales, NULL, p->qs, b % 8, o);
    } else if (type == DTYPE_Q5_K) {
        const struct blk_q5_k *p = (const struct blk_q5_k *)row + b / 8;
        k_group(p->d, p->dmin, p->scales, p->qh, p->qs, b % 8, o);
    } else if (type == DTYPE_Q6_K) {
        q6_group((const struct blk_q6_k *)row + b / 8, b % 8, o);
    } else {
        small_block(type, row, b, o);
    }
}

static int32_t dot16(const int8_t *w, const int8_t *q) {
    int32_t sum = 0;
    for (int i = 0; i < 16; i++) sum += w[i] * q[i];
    return sum;
}

void ref_linear_quant(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out,
                      size_t out_stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    uint32_t n_blocks = w->cols / NUM_BLOCK;
    for (uint32_t o = o0; o < o1; o++) {
        const uint8_t *row = w->data + (size_t)o * w->row_bytes;
        for (uint32_t r = 0; r < a->n_rows; r++) out[r * out_stride + o] = 0.0f;
        for (uint32_t b = 0; b < n_blocks; b++) {
            struct wblock blk;
            unpack(w->type, row, b, &blk);
            for (uint32_t r = 0; r < a->n_rows; r++) { /* one chain per output, blocks ascending */
                size_t at = (size_t)r * n_blocks + b;
                const int8_t *q = a->q + at * NUM_BLOCK;
                int32_t isum = blk.sub[0] * dot16(blk.w, q) + blk.sub[1] * dot16(blk.w + 16, q + 16);
                float acc = fmaf((float)isum, blk.s * a->d[at], out[r * out_stride + o]);
                if (blk.has_min) acc = fmaf(-(float)a->asum[at], blk.m * a->d[at], acc);
                out[r * out_stride + o] = acc;
            }
        }
    }
}

/* A block of 32 values: d * code exactly, less the minimum with one rounding. */
static void quant_row(const struct num_matrix *w, const uint8_t *row, float *out) {
    for (uint32_t b = 0; b < w->cols / NUM_BLOCK; b++) {
        struct wblock blk;
        unpack(w->type, row, b, &blk);
        for (int i = 0; i < NUM_BLOCK; i++) {
            float v = blk.s * (float)(blk.sub[i / 16] * blk.w[i]);
            out[b * NUM_BLOCK + i] = blk.has_min ? v - blk.m : v;
        }
    }
}

void ref_row(const struct num_matrix *w, uint32_t row, float *out) {
    assert(row < w->rows);
    const uint8_t *p = w->data + (size_t)row * w->row_bytes;
    if (w->type == DTYPE_F32) {
        memcpy(out, p, (size_t)w->cols * sizeof *out);
    } else if (w->type == DTYPE_F16) {
        for (uint32_t i = 0; i < w->cols; i++) out[i] = blk_f16(p + 2 * i);
    } else if (w->type == DTYPE_BF16) {
        for (uint32_t i = 0; i < w->cols; i++) out[i] = num_bf16_to_f32(blk_u16(p + 2 * i));
    } else {
        quant_row(w, p, out);
    }
}
