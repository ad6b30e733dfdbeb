/* selftest_data: buffers and inputs of the self-test. Private to selftest*.c. */
#ifndef SIL_NUM_SELFTEST_DATA_H
#define SIL_NUM_SELFTEST_DATA_H

#include "base/rng.h"
#include "num/selftest.h"

enum { ST_BUFS = 48, ST_BORDER = 64 };

/* One case's state. Buffers live until st_release. */
struct st {
    const struct num_selftest *t;
    struct num_kernels ref;
    struct rng rng;
    struct num_selftest_row row;
    void *bufs[ST_BUFS];
    uint32_t n_bufs;
    bool nomem;
};

/* bytes of memory, all bits set (NaN in every float format). In every other case exactly that many from the heap, so
 * that a sanitizer sees a step outside; otherwise with borders of NaN, and at an odd distance from alignment when
 * `shift` allows. NULL sets st->nomem. */
void *st_bytes(struct st *st, size_t bytes, uint32_t shift);
float *st_floats(struct st *st, size_t n);
void st_release(struct st *st);

uint32_t st_below(struct st *st, uint32_t n);
uint32_t st_pick(struct st *st, const uint32_t *from, uint32_t n);

/* n finite values of a kind chosen at random: normal, many magnitudes, zeros of both signs and subnormals, halves
 * that tie in quantisation. */
void st_fill(struct st *st, float *x, size_t n);
/* A matrix with random codes and finite scales, at least rows x cols, rows misaligned and padded. */
bool st_matrix(struct st *st, enum dtype type, uint32_t rows, uint32_t cols, struct num_matrix *w);
/* Activations for it: x filled, the rest quantised by the reference. */
bool st_act(struct st *st, uint32_t n_rows, uint32_t cols, struct num_act *a);
/* Gives a the panels of the kernels under test. */
bool st_panels(struct st *st, struct num_act *a);

/* Equal bits, or NaN in both. */
bool st_same(const float *a, const float *b, size_t n);

/* Measures the kernels that row speaks of; sets row->gb_s and row->gop_s. */
void st_time_linear(struct st *st, enum dtype type);
void st_time_attend(struct st *st, enum sil_kv kv); /* bytes with one query, operations with NUM_ATTN_QUERIES */
void st_time_rows(struct st *st, void (*once)(struct st *st, float *x, float *y, uint32_t n), double bytes_each);

#endif
