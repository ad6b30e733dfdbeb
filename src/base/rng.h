/* rng: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * A pure function of key and counter: a draw never depends on the draws before it. */
#ifndef SIL_BASE_RNG_H
#define SIL_BASE_RNG_H

#include <stdint.h>

/* Ten rounds. key: 64 bits; counter: 128 bits as four words; four words out. */
void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* A stream of words for tests, initial weights and data order: key = seed, counter = (position, stream). */
struct rng {
    uint64_t seed, stream, position;
};

uint64_t rng_u64(struct rng *r);
/* Uniform in [0, 1) with 24 bits: exact in f32. */
float rng_f32(struct rng *r);
/* Uniform in [0, n), n > 0, by the high half of a product (bias below n / 2^64). */
uint64_t rng_below(struct rng *r, uint64_t n);
/* Mean 0, variance 1: the sum of twelve uniforms less six (exact arithmetic, the same everywhere; tails end at 6). */
float rng_normal(struct rng *r);

#endif
