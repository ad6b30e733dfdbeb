/* attend_avx512: attention with AVX-512 (F, BW, DQ, VL). */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX512F__)
#include "num/simd_avx512.h"

#include "num/simd_attend.h"
#include "num/simd_attend_int8.h"

void attend_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX512)) return;
    k->attend[SIL_KV_F16] = simd_attend;
    k->attend[SIL_KV_INT8] = simd_attend_int8;
}
#else
void attend_avx512(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
