/* AVX-512 (F, BW, DQ, VL). */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX512F__)
#include "num/simd_avx512.h"
#include "num/simd_kernels.h"
#include "num/tile_avx512_plain.h"

static inline __attribute__((always_inline)) __m256i dot_u(__m256i w, __m256i a) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(w, a), _mm256_set1_epi16(1));
}

#include "num/tile_float.h"
#include "num/tile_quant.h"

void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX512)) return;
    k->name = "avx512";
    simd_install(k);
    tile_float_install(k);
    tile_quant_install(k);
}
#else
void isa_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
