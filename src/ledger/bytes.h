/* bytes: numbers as the record's files have them, and a cursor that never reads past its end. */
#ifndef SIL_LEDGER_BYTES_H
#define SIL_LEDGER_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

static inline void put_u32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static inline void put_u64(uint8_t *p, uint64_t v) {
    put_u32(p, (uint32_t)v);
    put_u32(p + 4, (uint32_t)(v >> 32));
}

static inline uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t get_u64(const uint8_t *p) {
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

/* What is left of some bytes. Each read returns false, and moves nothing, when there is not enough. */
struct bytes {
    const uint8_t *p;
    size_t n;
};

static inline struct bytes bytes_of(struct str s) {
    return (struct bytes){(const uint8_t *)s.p, s.n};
}

static inline bool bytes_take(struct bytes *b, size_t n, const uint8_t **out) {
    if (n > b->n) return false;
    *out = b->p;
    b->p += n;
    b->n -= n;
    return true;
}

static inline bool bytes_str(struct bytes *b, size_t n, struct str *out) {
    const uint8_t *p;
    if (!bytes_take(b, n, &p)) return false;
    *out = (struct str){(const char *)p, n};
    return true;
}

static inline bool bytes_u32(struct bytes *b, uint32_t *out) {
    const uint8_t *p;
    if (!bytes_take(b, 4, &p)) return false;
    *out = get_u32(p);
    return true;
}

static inline bool bytes_u64(struct bytes *b, uint64_t *out) {
    const uint8_t *p;
    if (!bytes_take(b, 8, &p)) return false;
    *out = get_u64(p);
    return true;
}

/* An entry of a C2SP entry bundle: its length as 16 bits big-endian, then its bytes. */
static inline bool bytes_entry(struct bytes *b, struct str *out) {
    if (b->n < 2) return false;
    size_t n = (size_t)b->p[0] << 8 | b->p[1];
    if (n > b->n - 2) return false;
    *out = (struct str){(const char *)b->p + 2, n};
    b->p += 2 + n;
    b->n -= 2 + n;
    return true;
}

#endif
