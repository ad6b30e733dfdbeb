/* attend_avx2: attention with AVX2, FMA and F16C. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX2__)
#include "num/simd_avx2.h"

#include "num/simd_attend.h"
#include "num/simd_attend_int8.h"

void attend_avx2(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_AVX2)) return;
    k->attend[SIL_KV_F16] = simd_attend;
    k->attend[SIL_KV_INT8] = simd_attend_int8;
}
#else
void attend_avx2(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
