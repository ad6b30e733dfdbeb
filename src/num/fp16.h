/* fp16: IEEE binary16 and bfloat16. To f32 every conversion is exact (NaN stays NaN); from f32 it rounds to nearest
 * even. These are the definition; hardware conversions may be used where they agree for every input. */
#ifndef SIL_NUM_FP16_H
#define SIL_NUM_FP16_H

#include <stdint.h>

#include "num/floatbits.h"

static inline float num_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest >= 0x7c00u) return bits_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    /* exponent and fraction moved into place, off by the difference of the biases: a power of two, exact */
    return bits_float(sign | float_bits(bits_float(rest << 13) * 0x1p112f));
}

/* Round to nearest even; overflow gives infinity, NaN a quiet NaN. */
static inline uint16_t num_f32_to_f16(float x) {
    uint32_t u = float_bits(x), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
    if (a > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (a >> 13 & 0x1ffu));
    if (a >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* from 65520 on */
    if (a < 0x38800000u) {                                   /* below 2^-14: units of 2^-24, rounded by the adder */
        return (uint16_t)(sign | (float_bits(bits_float(a) + 0.5f) - float_bits(0.5f)));
    }
    a += 0xfffu + (a >> 13 & 1u); /* ties to even */
    return (uint16_t)(sign | (a - (112u << 23)) >> 13);
}

/* The same, but a finite value that would overflow becomes +-65504 (KV cache, rule 5). */
static inline uint16_t num_f32_to_f16_sat(float x) {
    uint16_t h = num_f32_to_f16(x);
    uint32_t a = float_bits(x) & 0x7fffffffu;
    return (h & 0x7fffu) == 0x7c00u && a < 0x7f800000u ? (uint16_t)(h - 1u) : h;
}

static inline float num_bf16_to_f32(uint16_t h) {
    return bits_float((uint32_t)h << 16);
}

static inline uint16_t num_f32_to_bf16(float x) {
    uint32_t u = float_bits(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

#endif
