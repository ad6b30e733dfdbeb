/* strtab: open-addressing hash from strings to token ids. The strings themselves live in the tokenizer's blobs. */
#ifndef SIL_TEXT_STRTAB_H
#define SIL_TEXT_STRTAB_H

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "sillok.h"

enum { STRTAB_PROBES_MAX = 4096 }; /* more than that is a vocabulary made to collide */

struct strtab {
    uint64_t *slots; /* high half: hash; low half: id + 1; 0 is free */
    uint32_t mask;
    const char *blob; /* the string of id is blob[off[id] .. off[id + 1]) */
    const uint32_t *off;
};

/* Not cryptographic. Reads only the n bytes at p. */
static inline uint64_t strtab_hash(const char *p, size_t n) {
    uint64_t h = n * 0x9e3779b97f4a7c15u, w;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&w, p, 8);
        h = (h ^ w) * 0xd6e8feb86659fd93u;
        h ^= h >> 32;
    }
    w = 0;
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        w = (uint64_t)a << 32 | b;
    } else if (n) {
        w = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n >> 1] << 8 | (unsigned char)p[n - 1];
    }
    h = (h ^ w) * 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 29;
}

/* Room for n strings. */
sil_err strtab_init(struct strtab *t, struct arena *a, size_t n, const char *blob, const uint32_t *off);

/* Puts the string of id into the table; when the same string is there already, the later one replaces it if `replace`.
 * SIL_LIMIT when too many strings collide. */
sil_err strtab_put(struct strtab *t, uint32_t id, bool replace);

/* The id, or -1. */
static inline int32_t strtab_get(const struct strtab *t, const char *p, size_t n, uint64_t hash) {
    for (uint32_t i = (uint32_t)(hash >> 32) & t->mask;; i = (i + 1) & t->mask) {
        uint64_t s = t->slots[i];
        if (s == 0) return -1;
        if (s >> 32 != (hash & 0xffffffffu)) continue;
        uint32_t id = (uint32_t)s - 1, at = t->off[id];
        if (t->off[id + 1] - at == n && memcmp(t->blob + at, p, n) == 0) return (int32_t)id;
    }
}

static inline int32_t strtab_find(const struct strtab *t, const char *p, size_t n) {
    return strtab_get(t, p, n, strtab_hash(p, n));
}

#endif
