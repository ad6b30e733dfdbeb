/* attend_neon: attention with Advanced SIMD of every AArch64 processor. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__ARM_NEON)
#include "num/simd_neon.h"

#include "num/simd_attend.h"
#include "num/simd_attend_int8.h"

void attend_neon(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_NEON)) return;
    k->attend[SIL_KV_F16] = simd_attend;
    k->attend[SIL_KV_INT8] = simd_attend_int8;
}
#else
void attend_neon(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
