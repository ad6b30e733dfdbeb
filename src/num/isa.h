/* isa: each instruction set's entry into the kernel table. Each function overrides the kernels that the mask allows
 * and that this build holds, and does nothing otherwise. */
#ifndef SIL_NUM_ISA_H
#define SIL_NUM_ISA_H

#include "num/num.h"

void isa_avx2(struct num_kernels *k, uint32_t cpu_mask);
void isa_avx512(struct num_kernels *k, uint32_t cpu_mask);
void isa_vnni(struct num_kernels *k, uint32_t cpu_mask); /* after isa_avx512 */
void isa_neon(struct num_kernels *k, uint32_t cpu_mask);
void isa_dotprod(struct num_kernels *k, uint32_t cpu_mask); /* after isa_neon */

/* Attention alone, in files that are compiled for it. */
void attend_avx2(struct num_kernels *k, uint32_t cpu_mask);
void attend_avx512(struct num_kernels *k, uint32_t cpu_mask);
void attend_vnni(struct num_kernels *k, uint32_t cpu_mask); /* after attend_avx512 */
void attend_neon(struct num_kernels *k, uint32_t cpu_mask);
void attend_dotprod(struct num_kernels *k, uint32_t cpu_mask); /* after attend_neon */

#endif
