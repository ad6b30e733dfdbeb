/* attend_vnni: attention with AVX-512 VNNI, for int8 keys and values. */
#include "base/cpu.h"
#include "num/isa.h"

#if defined(__AVX512VNNI__)
#include "num/simd_avx512.h"

#include "num/simd_attend_int8.h"

void attend_vnni(struct num_kernels *k, uint32_t cpu_mask) {
    if (!(cpu_mask & CPU_VNNI)) return;
    k->attend[SIL_KV_INT8] = simd_attend_int8;
}
#else
void attend_vnni(struct num_kernels *k, uint32_t cpu_mask) {
    (void)k;
    (void)cpu_mask;
}
#endif
