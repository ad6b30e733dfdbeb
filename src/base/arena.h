/* arena: memory with one named lifetime (process, model, session, request, step), given back all at once.
 * Not for use from two threads at a time. */
#ifndef SIL_BASE_ARENA_H
#define SIL_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct arena_chunk;

struct arena {
    struct mem mem;
    struct arena_chunk *chunk; /* newest first */
    size_t used, limit;        /* bytes taken from mem, and the most that may be */
};

/* An empty arena that will take at most `limit` bytes from mem. Allocates nothing yet. */
void arena_init(struct arena *a, struct mem mem, size_t limit);

/* Gives everything back; the arena may be used again. */
void arena_free(struct arena *a);

/* size bytes, cleared, aligned to `align` (a power of two, at most 4096). NULL when memory or the limit is used up. */
void *arena_alloc(struct arena *a, size_t size, size_t align);

/* n elements of size bytes, cleared; NULL also when the product overflows. */
void *arena_array(struct arena *a, size_t n, size_t size, size_t align);

/* A copy of n bytes with a NUL behind them. */
char *arena_copy(struct arena *a, const char *s, size_t n);

/* True when p points into memory that the arena gave. Looks at each chunk: their number grows with the logarithm of
 * what is taken, and then by one for each MiB. */
bool arena_holds(const struct arena *a, const void *p);

#define ARENA_NEW(a, T)      ((T *)arena_alloc((a), sizeof(T), _Alignof(T)))
#define ARENA_ARRAY(a, n, T) ((T *)arena_array((a), (n), sizeof(T), _Alignof(T)))

#endif
