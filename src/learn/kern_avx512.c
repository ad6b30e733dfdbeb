/* AVX-512: 14 rows by two vectors are 28 chains in 32 registers. */
#include "base/cpu.h"
#include "learn/kern.h"

#if defined(__AVX512F__)
#define TILE_MR 14
#include "num/simd_avx512.h"

#include "learn/simd_learn.h"

void kern_avx512(struct learn_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX512)) return;
    k->name = "avx512";
    simd_learn_install(k);
}
#else
void kern_avx512(struct learn_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
