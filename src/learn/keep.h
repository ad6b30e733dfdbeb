/* keep: rows of f32 stored as bf16, rounded to nearest even, and back. What a layer needs for its backward pass takes
 * half the memory so (storage: bf16); arithmetic stays f32. Spread over the pool; each number by itself, so threads and
 * instruction set change no bit. */
#ifndef SIL_LEARN_KEEP_H
#define SIL_LEARN_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

/* n numbers; NaN becomes a quiet NaN. */
void keep_store(struct pool *pool, const float *x, size_t n, uint16_t *out);
void keep_load(struct pool *pool, const uint16_t *x, size_t n, float *out);

#endif
