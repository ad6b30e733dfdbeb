/* peak_isa: the loops of single instruction sets, behind peak.h. */
#ifndef SIL_NUM_PEAK_ISA_H
#define SIL_NUM_PEAK_ISA_H

#include "num/peak.h"

uint64_t peak_int8_avx2(uint64_t n);
uint64_t peak_f32_avx2(uint64_t n);
uint64_t peak_read_avx2(const void *p, size_t n);
uint64_t peak_int8_vnni(uint64_t n);
uint64_t peak_f32_avx512(uint64_t n);
uint64_t peak_read_avx512(const void *p, size_t n);

#endif
