/* AArch64 with the dot-product instructions (ARMv8.2 and later). */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>

static inline __attribute__((always_inline)) int32x4_t dot16(int8x16_t w, int8x16_t a) {
    return vdotq_s32(vdupq_n_s32(0), w, a);
}

#include "num/linear_arm.h"

void isa_dotprod(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_DOTPROD)) return;
    k->name = "neon+dotprod";
    rows_install(k);
}
#else
void isa_dotprod(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
