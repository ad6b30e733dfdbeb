/* attend_dotprod: attention with AArch64 dot-product instructions, for int8 keys and values. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__ARM_FEATURE_DOTPROD)
#include "num/simd_neon.h"

#include "num/simd_attend_int8.h"

void attend_dotprod(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_DOTPROD)) return;
    k->attend[SIL_KV_INT8] = simd_attend_int8;
}
#else
void attend_dotprod(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
