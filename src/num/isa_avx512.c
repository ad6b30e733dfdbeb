/* AVX-512 (F, BW, DQ, VL), and its VNNI for quantised weights. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX512VNNI__)
#include "num/simd_avx512.h"

#include "num/simd_kernels.h"

static inline __attribute__((always_inline)) __m256i dot_u(__m256i w, __m256i a) {
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, a);
}

#include "num/linear_x86.h"

void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX512)) return;
    k->name = "avx512";
    simd_install(k);
    if (!(cpu_mask & CPU_VNNI)) return; /* the AVX2 products stay */
    k->name = "avx512+vnni";
    x86_install(k);
}
#else
void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
