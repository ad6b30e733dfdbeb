/* AVX-512 (F, BW, DQ, VL). */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX512F__)
#include "num/simd_avx512.h"

#include "num/simd_kernels.h"

void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX512)) return;
    k->name = "avx512";
    simd_install(k);
}
#else
void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
