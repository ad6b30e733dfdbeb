/* selftest: every kernel of a table against the scalar definition, bit for bit, in the manner of dav1d's checkasm: odd
 * sizes, misaligned rows, NaN-filled borders, signed zeros, subnormals, values beyond the range. `sillok kernels`
 * prints what it reports; tests/test_num.c runs it without timing. */
#ifndef SIL_NUM_SELFTEST_H
#define SIL_NUM_SELFTEST_H

#include <stdint.h>

#include "base/clock.h"
#include "base/mem.h"
#include "num/num.h"
#include "sillok.h"

/* What one kernel did. */
struct num_selftest_row {
    const char *kernel; /* "linear Q4_K"; lives during the report */
    bool is_reference;  /* the table holds the definition itself here */
    uint32_t cases, failures;
    char first[160]; /* the first failure in words; empty when there is none */
    double gb_s;     /* bytes read (weights, pages, rows) per second, one row of activations; 0: not timed */
    double gop_s;    /* multiplications and additions per second; linear layers: 16 rows of activations */
};

struct num_selftest {
    const struct num_kernels *kernels;
    uint64_t seed;
    uint32_t cases;            /* per kernel */
    const struct clock *clock; /* NULL: no timing */
    struct mem mem;
    void (*report)(void *ctx, const struct num_selftest_row *row);
    void *ctx;
};

/* Runs all; *failures counts the cases that differ. SIL_NOMEM when memory ran out. */
sil_err num_selftest(const struct num_selftest *t, uint32_t *failures, struct sil_error *e);

#endif
