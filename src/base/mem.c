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

void mem_free(struct mem m, void *p) {
    if (p) m.resize(m.ctx, p, 0);
}
