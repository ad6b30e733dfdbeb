/* blocks: the weight blocks of GGUF files (layouts: ggml-common.h and ggml-quants.c of llama.cpp, the format's
 * source). Every struct is bytes only, so any address is aligned. Numbers are little-endian. */
#ifndef SIL_NUM_BLOCKS_H
#define SIL_NUM_BLOCKS_H

#include <stdint.h>
#include <string.h>

#include "num/fp16.h"

/* 32 values; v = d * (code - offset) or d * code + m. Low nibbles are elements 0-15, high nibbles 16-31. */
struct blk_q4_0 {
    uint8_t d[2], qs[16];
};
struct blk_q4_1 {
    uint8_t d[2], m[2], qs[16];
};
struct blk_q5_0 {
    uint8_t d[2], qh[4], qs[16]; /* bit i of qh is bit 4 of element i */
};
struct blk_q5_1 {
    uint8_t d[2], m[2], qh[4], qs[16];
};
struct blk_q8_0 {
    uint8_t d[2];
    int8_t qs[32];
};
/* 256 values in 8 groups of 32; v = d * sc * code - dmin * m. Groups 2j and 2j+1 are the low and high nibbles of
 * qs[32j .. 32j+31]; bit g of qh[i] is bit 4 of element i of group g. */
struct blk_q4_k {
    uint8_t d[2], dmin[2], scales[12], qs[128];
};
struct blk_q5_k {
    uint8_t d[2], dmin[2], scales[12], qh[32], qs[128];
};
/* 256 values in 16 groups of 16; v = d * scales[g] * (code - 32). */
struct blk_q6_k {
    uint8_t ql[128], qh[64];
    int8_t scales[16];
    uint8_t d[2];
};

_Static_assert(sizeof(struct blk_q4_0) == 18 && sizeof(struct blk_q4_1) == 20 && sizeof(struct blk_q5_0) == 22, "");
_Static_assert(sizeof(struct blk_q5_1) == 24 && sizeof(struct blk_q8_0) == 34 && sizeof(struct blk_q4_k) == 144, "");
_Static_assert(sizeof(struct blk_q5_k) == 176 && sizeof(struct blk_q6_k) == 210, "");

static inline uint16_t blk_u16(const uint8_t p[2]) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline float blk_f16(const uint8_t p[2]) {
    return num_f16_to_f32(blk_u16(p));
}

static inline uint32_t blk_u32(const uint8_t p[4]) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Scale and minimum of group g (0-7), 6 bits each, of Q4_K and Q5_K. */
static inline void blk_scale_min(const uint8_t s[12], uint32_t g, int *scale, int *min) {
    if (g < 4) {
        *scale = s[g] & 63;
        *min = s[g + 4] & 63;
    } else {
        *scale = (s[g + 4] & 15) | (s[g - 4] >> 6) << 4;
        *min = s[g + 4] >> 4 | (s[g] >> 6) << 4;
    }
}

#endif
