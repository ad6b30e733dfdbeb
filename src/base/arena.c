#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/checked.h"

enum { CHUNK_MIN = 16 * 1024, CHUNK_MAX = 1024 * 1024, ALIGN_MAX = 4096 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used; /* of bytes[] */
    unsigned char bytes[];
};

void arena_init(struct arena *a, struct mem mem, size_t limit) {
    *a = (struct arena){.mem = mem, .limit = limit};
}

void arena_free(struct arena *a) {
    while (a->chunk) {
        struct arena_chunk *next = a->chunk->next;
        mem_free(a->mem, a->chunk);
        a->chunk = next;
    }
    a->used = 0;
}

/* Takes size bytes from the newest chunk; NULL when it has no room. */
static void *chunk_take(struct arena_chunk *c, size_t size, size_t align) {
    if (!c) return NULL;
    uintptr_t at = (uintptr_t)(c->bytes + c->used);
    size_t pad = (size_t)(-at & (align - 1));
    if (c->size - c->used < pad || c->size - c->used - pad < size) return NULL;
    void *p = c->bytes + c->used + pad;
    c->used += pad + size;
    return p;
}

static bool chunk_add(struct arena *a, size_t room) {
    size_t grow = a->used < CHUNK_MIN ? CHUNK_MIN : a->used < CHUNK_MAX ? a->used : CHUNK_MAX;
    size_t body = room > grow ? room : grow, total;
    if (!size_add(body, sizeof(struct arena_chunk), &total)) return false;
    if (a->limit - a->used < total) { /* near the limit: only what is asked */
        body = room;
        if (!size_add(body, sizeof(struct arena_chunk), &total) || a->limit - a->used < total) return false;
    }
    struct arena_chunk *c = mem_alloc(a->mem, total);
    if (!c) return false;
    *c = (struct arena_chunk){.next = a->chunk, .size = body};
    a->chunk = c;
    a->used += total;
    return true;
}

void *arena_alloc(struct arena *a, size_t size, size_t align) {
    assert(align && (align & (align - 1)) == 0 && align <= ALIGN_MAX);
    if (size == 0) size = 1;
    void *p = chunk_take(a->chunk, size, align);
    if (!p) {
        size_t room;
        if (!size_add(size, align, &room) || !chunk_add(a, room)) return NULL;
        p = chunk_take(a->chunk, size, align);
        assert(p);
    }
    memset(p, 0, size);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size, size_t align) {
    size_t bytes;
    return size_mul(n, size, &bytes) ? arena_alloc(a, bytes, align) : NULL;
}

char *arena_copy(struct arena *a, const char *s, size_t n) {
    size_t bytes;
    char *p = size_add(n, 1, &bytes) ? arena_alloc(a, bytes, 1) : NULL;
    if (p && n) memcpy(p, s, n);
    return p;
}

bool arena_holds(const struct arena *a, const void *p) {
    uintptr_t at = (uintptr_t)p;
    for (const struct arena_chunk *c = a->chunk; c; c = c->next)
        if (at >= (uintptr_t)c->bytes && at < (uintptr_t)c->bytes + c->used) return true;
    return false;
}
