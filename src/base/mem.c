#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static void *libc_resize(void *ctx, void *p, size_t size) {
    (void)ctx;
    if (size == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, size);
}

struct mem mem_libc(void) {
    return (struct mem){libc_resize, NULL};
}

void *mem_alloc(struct mem m, size_t size) {
    return m.resize(m.ctx, NULL, size ? size : 1);
}

void *mem_array(struct mem m, size_t n, size_t size) {
    size_t bytes;
    if (!size_mul(n, size, &bytes)) return NULL;
    void *p = mem_alloc(m, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

enum { BOUND_HEAD = 16 }; /* before each bounded allocation: its size, in room that keeps the alignment */

static void *bounded_resize(void *ctx, void *p, size_t size) {
    struct mem_bound *b = ctx;
    char *old = p ? (char *)p - BOUND_HEAD : NULL;
    size_t had = 0, bytes;
    if (old) memcpy(&had, old, sizeof had);
    if (size == 0) {
        b->under.resize(b->under.ctx, old, 0);
        b->used -= had;
        return NULL;
    }
    if (!size_add(size, BOUND_HEAD, &bytes) || bytes > b->max || b->used - had > b->max - bytes) {
        b->full = true;
        return NULL;
    }
    char *now = b->under.resize(b->under.ctx, old, bytes);
    if (!now) return NULL;
    memcpy(now, &bytes, sizeof bytes);
    b->used += bytes - had;
    return now + BOUND_HEAD;
}

struct mem mem_bounded(struct mem_bound *b) {
    return (struct mem){bounded_resize, b};
}

void mem_free(struct mem m, void *p) {
    if (p) m.resize(m.ctx, p, 0);
}
