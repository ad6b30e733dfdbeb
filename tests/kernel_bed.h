/* kernel_bed: linear layers of random weights to time kernels on, for tools. */
#ifndef SIL_TESTS_KERNEL_BED_H
#define SIL_TESTS_KERNEL_BED_H

#include "num/num.h"

struct bed {
    struct num_kernels k;
    uint32_t mask, cols;
    uint8_t *file, *packed; /* the weights as in a file; many copies of them packed */
    struct num_matrix w;
    struct num_act a;
    float *out;
    uint64_t sink;
};

/* The best of what was measured: GB/s read and Gop/s (float formats: Gflop/s) at most; GB/s with 1 row, Gop/s with 16
 * and with 256 rows. */
struct bed_rates {
    double read, peak, one, some, many;
};

/* False when memory is short. Everything stays until the program ends. */
bool bed_open(struct bed *b, uint32_t cpu_mask, uint32_t cols);
/* Weights of another type, packed; false when the kernels have no packed layout for it. */
bool bed_weights(struct bed *b, enum dtype type);
/* Measures once more, some tens of milliseconds each. */
void bed_limits(struct bed *b, struct bed_rates *r);
void bed_kernels(struct bed *b, struct bed_rates *r);

#endif
