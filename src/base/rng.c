#include "base/rng.h"

__extension__ typedef unsigned __int128 u128;

void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t rng_u64(struct rng *r) {
    uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)}, out[4];
    uint32_t counter[4] = {(uint32_t)r->position, (uint32_t)(r->position >> 32), (uint32_t)r->stream,
                           (uint32_t)(r->stream >> 32)};
    rng_philox(key, counter, out);
    r->position++;
    return (uint64_t)out[1] << 32 | out[0];
}

float rng_f32(struct rng *r) {
    return (float)(rng_u64(r) >> 40) * 0x1p-24f;
}

uint64_t rng_below(struct rng *r, uint64_t n) {
    return (uint64_t)((u128)rng_u64(r) * n >> 64);
}

float rng_normal(struct rng *r) {
    int32_t sum = 0; /* of twelve 21-bit integers: below 2^25, so the conversion rounds at most once */
    for (int i = 0; i < 4; i++) {
        uint64_t u = rng_u64(r);
        sum += (int32_t)(u & 0x1fffff) + (int32_t)(u >> 21 & 0x1fffff) + (int32_t)(u >> 42 & 0x1fffff);
    }
    return (float)(sum - 6 * 0x200000) * 0x1p-21f;
}
