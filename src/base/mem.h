/* mem: where memory comes from. Everything that allocates takes a struct mem, so that tests can fail each allocation
 * in turn and count what is not given back. */
#ifndef SIL_BASE_MEM_H
#define SIL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

struct mem {
    /* As realloc: p == NULL allocates (aligned for any type), size == 0 frees and returns NULL. NULL on failure. */
    void *(*resize)(void *ctx, void *p, size_t size);
    void *ctx;
};

/* The C library's heap. */
struct mem mem_libc(void);

/* NULL when it could not be had; size > 0. The memory is not cleared. */
void *mem_alloc(struct mem m, size_t size);

/* As mem_alloc for n elements of size bytes, cleared; NULL when the product overflows. */
void *mem_array(struct mem m, size_t n, size_t size);

void mem_free(struct mem m, void *p);

/* Memory of another, up to max bytes at once; what would pass it fails. For one thread at a time. */
struct mem_bound {
    struct mem under;
    size_t max, used;
    bool full; /* something was refused for its sake */
};

/* b must outlive every allocation. */
struct mem mem_bounded(struct mem_bound *b);

#endif
