/* cpu: what this processor can do, as a mask that the user may narrow (--cpu, SILLOK_CPU), and how many threads this
 * process may use. */
#ifndef SIL_BASE_CPU_H
#define SIL_BASE_CPU_H

#include <stdint.h>

#include "sillok.h"

enum {
    CPU_AVX2 = 1u << 0,   /* AVX2, FMA, F16C */
    CPU_AVX512 = 1u << 1, /* AVX-512 F, BW, DQ, VL (implies CPU_AVX2) */
    CPU_VNNI = 1u << 2,   /* AVX-512 VNNI */
    CPU_NEON = 1u << 3,
    CPU_DOTPROD = 1u << 4
};

/* Everything that processor and operating system support. 0 is the portable scalar code. */
uint32_t cpu_detect(void);

/* Narrows `have` to a named level: "scalar", "avx2", "avx512" (with VNNI where there), "neon", "native" (all of have).
 * SIL_ARG for another name or a level that this machine lacks; e says which there are. */
sil_err cpu_parse(const char *name, uint32_t have, uint32_t *mask, struct sil_error *e);

/* The name of the highest level in a mask: "scalar", "avx2", "avx512", "avx512+vnni", "neon", "neon+dotprod". */
const char *cpu_name(uint32_t mask);

/* Threads that this process can run at once: the affinity mask, lowered by the cgroup's CPU quota (rounded up).
 * At least 1. */
uint32_t cpu_threads(void);

#endif
