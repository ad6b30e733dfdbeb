/* AVX2 with FMA: 6 rows by two vectors are 12 chains in 16 registers. */
#include "base/cpu.h"
#include "learn/kern.h"

#if defined(__AVX2__)
#define TILE_MR 6
#include "num/simd_avx2.h"

#include "learn/simd_learn.h"

void kern_avx2(struct learn_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX2)) return;
    k->name = "avx2";
    simd_learn_install(k);
}
#else
void kern_avx2(struct learn_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
