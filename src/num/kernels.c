/* The kernel table: the scalar definition first, then whatever the mask allows over it. */
#include "num/isa.h"
#include "num/ref.h"

void num_kernels_init(struct num_kernels *k, uint32_t cpu_mask) {
    *k = (struct num_kernels){.name = "scalar",
                              .quantize = ref_quantize,
                              .finite = ref_finite,
                              .rmsnorm = ref_rmsnorm,
                              .rope_pairs = ref_rope_pairs,
                              .rope_halves = ref_rope_halves,
                              .gated = ref_gated,
                              .add = ref_add,
                              .kv_store = {[SIL_KV_F16] = ref_kv_store, [SIL_KV_INT8] = ref_kv_store_int8},
                              .attend = {[SIL_KV_F16] = ref_attend, [SIL_KV_INT8] = ref_attend_int8}};
    for (uint32_t t = 0; t < DTYPE_COUNT; t++) {
        if (!dtype_get(t)) continue;
        k->linear[t] = dtype_is_quant((enum dtype)t) ? ref_linear_quant : ref_linear_float;
        k->row[t] = ref_row;
    }
    attend_avx2(k, cpu_mask);
    attend_avx512(k, cpu_mask);
    attend_vnni(k, cpu_mask);
    attend_neon(k, cpu_mask);
    attend_dotprod(k, cpu_mask);
    isa_avx2(k, cpu_mask);
    isa_avx512(k, cpu_mask);
    isa_vnni(k, cpu_mask);
    isa_neon(k, cpu_mask);
    isa_dotprod(k, cpu_mask);
}
