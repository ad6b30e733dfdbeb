/* encode: from f32 to the weight formats of GGUF files, the inverse of num_kernels.row. Block layouts: ggml-common.h
 * and ggml-quants.c of llama.cpp (the formats' source). Used to make files, never in a forward pass. */
#ifndef SIL_NUM_ENCODE_H
#define SIL_NUM_ENCODE_H

#include <stdint.h>

#include "base/dtype.h"

/* Encodes x[0..n) as one row of `type` into out[n / block_len * block_bytes]; n is a multiple of the type's block_len.
 * Scales are those of least squares over a few trial roundings, values the nearest that the scales allow. Values beyond
 * a format's range saturate; a NaN becomes some finite value. Pure and the same in every bit on every machine. */
void encode_row(enum dtype type, const float *x, uint32_t n, uint8_t *out);

#endif
