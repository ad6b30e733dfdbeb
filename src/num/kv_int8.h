/* kv_int8: where int8 keys and values lie in a page's part for one (layer, KV head). Four elements of a key and four
 * positions of a value are neighbours, as the products of four bytes need them:
 *   keys    4 tiles [head_dim/4, rounded up][16 positions][4 elements], missing elements 0
 *   values  [16 groups of positions][head_dim][4 positions]
 *   scales  of the keys [64 positions], of the values [64 positions], binary32 */
#ifndef SIL_NUM_KV_INT8_H
#define SIL_NUM_KV_INT8_H

#include "num/num.h"

enum { KV8_RUN = 4 /* bytes that one lane multiplies at once */ };

struct kv8 {
    int8_t *k, *v;
    float *dk, *dv;
};

/* Runs of a key. */
static inline uint32_t kv8_runs(uint32_t head_dim) {
    return (head_dim + KV8_RUN - 1) / KV8_RUN;
}

static inline struct kv8 kv8_part(void *part, uint32_t head_dim) {
    int8_t *k = part, *v = k + (size_t)NUM_KV_PAGE * KV8_RUN * kv8_runs(head_dim);
    float *dk = (float *)(void *)(v + (size_t)NUM_KV_PAGE * head_dim);
    return (struct kv8){k, v, dk, dk + NUM_KV_PAGE};
}

/* Elements 4r .. 4r+3 of the key of position p of the page. */
static inline size_t kv8_key(uint32_t head_dim, uint32_t p, uint32_t r) {
    size_t tile = (size_t)p / NUM_KEY_TILE * kv8_runs(head_dim);
    return ((tile + r) * NUM_KEY_TILE + p % NUM_KEY_TILE) * KV8_RUN;
}

/* Element i of the value of position p of the page. */
static inline size_t kv8_value(uint32_t head_dim, uint32_t p, uint32_t i) {
    return ((size_t)p / KV8_RUN * head_dim + i) * KV8_RUN + p % KV8_RUN;
}

#endif
