/* reader: a bounded cursor over bytes that somebody else owns. Every read either succeeds whole and moves on, or
 * returns false and moves nothing; the cursor never leaves the bytes. Integers are little-endian. */
#ifndef SIL_FORMATS_READER_H
#define SIL_FORMATS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Sillok reads and maps little-endian files on little-endian machines only"
#endif

struct reader {
    const uint8_t *p;
    size_t n, at; /* at <= n */
};

static inline struct reader reader_over(const void *p, size_t n) {
    return (struct reader){p, n, 0};
}

static inline size_t reader_left(const struct reader *r) {
    return r->n - r->at;
}

/* True when `count` things of at least `size` bytes each (size > 0) can be in what is left: ask before allocating. */
static inline bool reader_fits(const struct reader *r, uint64_t count, size_t size) {
    return count <= reader_left(r) / size;
}

/* A view of the next n bytes. */
static inline bool reader_take(struct reader *r, uint64_t n, const uint8_t **out) {
    if (n > reader_left(r)) return false;
    *out = r->p + r->at;
    r->at += (size_t)n;
    return true;
}

static inline bool reader_bytes(struct reader *r, void *out, size_t n) {
    const uint8_t *p;
    if (!reader_take(r, n, &p)) return false;
    memcpy(out, p, n);
    return true;
}

static inline bool reader_u32(struct reader *r, uint32_t *out) {
    return reader_bytes(r, out, sizeof *out);
}

static inline bool reader_u64(struct reader *r, uint64_t *out) {
    return reader_bytes(r, out, sizeof *out);
}

#endif
