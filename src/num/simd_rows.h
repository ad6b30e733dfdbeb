/* simd_rows: products with quantised weights on the file's layout, QL_OUT output rows at a time, written once on the
 * operations of linear_x86.h or linear_arm.h, which the including file names first. Integer sums are exact in any
 * order; the float chains are the reference's, one per output, a lane each. */
#ifndef SIL_NUM_SIMD_ROWS_H
#define SIL_NUM_SIMD_ROWS_H

#include <assert.h>
#include <string.h>

#include "num/blocks.h"
#include "num/num.h"

QL_INLINE void rows_small(enum dtype type, const uint8_t *const row[QL_OUT], uint32_t b, struct ql_tile *t) {
    uint16_t d[QL_OUT], m[QL_OUT] = {0};
    for (int j = 0; j < QL_OUT; j++) {
        if (type == DTYPE_Q8_0) {
            const struct blk_q8_0 *p = (const struct blk_q8_0 *)row[j] + b;
            t->w[j] = ql_bytes(p->qs);
            d[j] = blk_u16(p->d);
        } else if (type == DTYPE_Q4_0) {
            const struct blk_q4_0 *p = (const struct blk_q4_0 *)row[j] + b;
            t->w[j] = ql_nibbles(p->qs);
            d[j] = blk_u16(p->d);
        } else if (type == DTYPE_Q4_1) {
            const struct blk_q4_1 *p = (const struct blk_q4_1 *)row[j] + b;
            t->w[j] = ql_nibbles(p->qs);
            d[j] = blk_u16(p->d);
            m[j] = blk_u16(p->m) ^ 0x8000u;
        } else if (type == DTYPE_Q5_0) {
            const struct blk_q5_0 *p = (const struct blk_q5_0 *)row[j] + b;
            t->w[j] = ql_fifth(ql_nibbles(p->qs), p->qh);
            d[j] = blk_u16(p->d);
        } else {
            const struct blk_q5_1 *p = (const struct blk_q5_1 *)row[j] + b;
            t->w[j] = ql_fifth(ql_nibbles(p->qs), p->qh);
            d[j] = blk_u16(p->d);
            m[j] = blk_u16(p->m) ^ 0x8000u;
        }
    }
    t->s = ql_of_f16(d);
    t->m = ql_of_f16(m);
}

QL_INLINE void rows_k45(enum dtype type, const uint8_t *const row[QL_OUT], uint32_t b, struct ql_tile *t) {
    uint16_t d[QL_OUT], dmin[QL_OUT];
    int32_t scale[QL_OUT], min[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        if (type == DTYPE_Q4_K) {
            const struct blk_q4_k *p = (const struct blk_q4_k *)row[j] + b / 8;
            t->w[j] = ql_k(p->qs, NULL, b % 8);
            blk_scale_min(p->scales, b % 8, &scale[j], &min[j]);
            d[j] = blk_u16(p->d);
            dmin[j] = blk_u16(p->dmin);
        } else {
            const struct blk_q5_k *p = (const struct blk_q5_k *)row[j] + b / 8;
            t->w[j] = ql_k(p->qs, p->qh, b % 8);
            blk_scale_min(p->scales, b % 8, &scale[j], &min[j]);
            d[j] = blk_u16(p->d);
            dmin[j] = blk_u16(p->dmin);
        }
    }
    t->s = ql_mul(ql_of_f16(d), ql_of_int(ql_ints(scale)));
    t->m = ql_mul(ql_of_f16(dmin), ql_of_int(ql_ints(min)));
}

QL_INLINE void rows_q6(const uint8_t *const row[QL_OUT], uint32_t b, struct ql_tile *t) {
    uint16_t d[QL_OUT];
    for (int j = 0; j < QL_OUT; j++) {
        const struct blk_q6_k *p = (const struct blk_q6_k *)row[j] + b / 8;
        t->w[j] = ql_q6(p, b % 8);
        t->sub[j] = ql_sub_scales(p->scales + 2 * (b % 8));
        d[j] = blk_u16(p->d);
    }
    t->s = ql_of_f16(d);
}

/* QL_OUT outputs of rows r0 .. r1-1 (at most QL_ROWS), of which the first n are stored. */
QL_INLINE void rows_tile(enum dtype type, const uint8_t *const row[QL_OUT], const struct num_act *a, uint32_t r0,
                         uint32_t r1, uint32_t n, float *out, size_t out_stride) {
    uint32_t n_blocks = a->cols / NUM_BLOCK;
    bool has_min = type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K;
    ql_f acc[QL_ROWS];
    for (uint32_t r = 0; r < r1 - r0; r++) acc[r] = ql_set1(0.0f);
    for (uint32_t b = 0; b < n_blocks; b++) {
        struct ql_tile t;
        if (type == DTYPE_Q6_K) rows_q6(row, b, &t);
        else if (type == DTYPE_Q4_K || type == DTYPE_Q5_K) rows_k45(type, row, b, &t);
        else rows_small(type, row, b, &t);
        for (uint32_t r = r0; r < r1; r++) {
            size_t at = (size_t)r * n_blocks + b;
            ql_i isum = ql_dot(type, &t, a->q + at * NUM_BLOCK, a->asum[at]);
            ql_f d = ql_set1(a->d[at]), v = ql_fma(ql_of_int(isum), ql_mul(t.s, d), acc[r - r0]);
            if (has_min) v = ql_fma(ql_set1(-(float)a->asum[at]), ql_mul(t.m, d), v);
            acc[r - r0] = v;
        }
    }
    for (uint32_t r = r0; r < r1; r++) {
        float y[QL_OUT];
        ql_store(y, acc[r - r0]);
        memcpy(out + r * out_stride, y, n * sizeof *y);
    }
}

QL_INLINE void rows_linear(enum dtype type, const struct num_matrix *w, const struct num_act *a, uint32_t o0,
                           uint32_t o1, float *out, size_t out_stride) {
    assert(a->cols == w->cols && o0 <= o1 && o1 <= w->rows);
    for (uint32_t o = o0; o < o1; o += QL_OUT) {
        const uint8_t *row[QL_OUT]; /* beyond the last row: the first again, not stored */
        uint32_t n = o1 - o < QL_OUT ? o1 - o : QL_OUT;
        for (uint32_t j = 0; j < QL_OUT; j++) row[j] = w->data + (size_t)(j < n ? o + j : o) * w->row_bytes;
        for (uint32_t r = 0; r < a->n_rows; r += QL_ROWS) {
            uint32_t end = a->n_rows - r < QL_ROWS ? a->n_rows : r + QL_ROWS;
            rows_tile(type, row, a, r, end, n, out + o, out_stride);
        }
    }
}

#define ROWS_LINEAR(name, type)                                                                                        \
    static void rows_##name(const struct num_matrix *w, const struct num_act *a, uint32_t o0, uint32_t o1, float *out, \
                            size_t out_stride) {                                                                       \
        rows_linear(type, w, a, o0, o1, out, out_stride);                                                              \
    }
ROWS_LINEAR(q8_0, DTYPE_Q8_0)
ROWS_LINEAR(q4_0, DTYPE_Q4_0)
ROWS_LINEAR(q4_1, DTYPE_Q4_1)
ROWS_LINEAR(q5_0, DTYPE_Q5_0)
ROWS_LINEAR(q5_1, DTYPE_Q5_1)
ROWS_LINEAR(q4_k, DTYPE_Q4_K)
ROWS_LINEAR(q5_k, DTYPE_Q5_K)
ROWS_LINEAR(q6_k, DTYPE_Q6_K)

static void rows_install(struct num_kernels *k) {
    k->linear[DTYPE_Q8_0] = rows_q8_0;
    k->linear[DTYPE_Q4_0] = rows_q4_0;
    k->linear[DTYPE_Q4_1] = rows_q4_1;
    k->linear[DTYPE_Q5_0] = rows_q5_0;
    k->linear[DTYPE_Q5_1] = rows_q5_1;
    k->linear[DTYPE_Q4_K] = rows_q4_k;
    k->linear[DTYPE_Q5_K] = rows_q5_k;
    k->linear[DTYPE_Q6_K] = rows_q6_k;
}

#endif
