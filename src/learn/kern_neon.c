/* Advanced SIMD: 8 rows by two vectors are 16 chains in 32 registers. */
#include "base/cpu.h"
#include "learn/kern.h"

#if defined(__ARM_NEON)
#define TILE_MR 8
#include "num/simd_neon.h"

#include "learn/simd_learn.h"

void kern_neon(struct learn_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_NEON)) return;
    k->name = "neon";
    simd_learn_install(k);
}
#else
void kern_neon(struct learn_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
