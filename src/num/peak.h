/* peak: loops that do nothing but the machine's fastest arithmetic or reading, to state shares of a limit instead of
 * absolute times. The caller takes the time; any number of threads may run them at once. */
#ifndef SIL_NUM_PEAK_H
#define SIL_NUM_PEAK_H

#include <stddef.h>
#include <stdint.h>

/* Multiplies and adds 8-bit integers (int32 sums) in registers for n turns with the best instruction of a CPU mask
 * (base/cpu.h); returns the operations done (a product and its addition are two). */
uint64_t peak_int8(uint32_t cpu_mask, uint64_t n);
/* The same with f32 fused multiply-adds. */
uint64_t peak_f32(uint32_t cpu_mask, uint64_t n);
/* Reads n bytes (a multiple of 256, aligned to 64) once; the result depends on all of them. */
uint64_t peak_read(uint32_t cpu_mask, const void *p, size_t n);

#endif
