/* Advanced SIMD of every AArch64 processor. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__ARM_NEON)
#include "num/simd_neon.h"

#include "num/simd_kernels.h"

/* |w| <= 128 and |a| <= 127: a product fits 16 bits, and products are widened before they are added. */
static inline __attribute__((always_inline)) int32x4_t dot16(int8x16_t w, int8x16_t a) {
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(a)), high = vmull_high_s8(w, a);
    return vpadalq_s16(vpaddlq_s16(low), high);
}

#include "num/linear_arm.h"

void isa_neon(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_NEON)) return;
    k->name = "neon";
    simd_install(k);
    rows_install(k);
}
#else
void isa_neon(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
