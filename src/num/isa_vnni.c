/* AVX-512 VNNI: quantised weights. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX512VNNI__)
#include "num/tile_vnni.h"

static inline __attribute__((always_inline)) __m256i dot_u(__m256i w, __m256i a) {
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, a);
}

#include "num/tile_quant.h"

void isa_vnni(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_VNNI)) return;
    k->name = "avx512+vnni";
    tile_quant_install(k);
}
#else
void isa_vnni(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
