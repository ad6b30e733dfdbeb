#include "num/isa.h"

void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
