/* kv: the pool of pages that hold keys and values. A page is NUM_KV_PAGE positions of every layer and KV head.
 * One thread at a time. */
#ifndef SIL_ENGINE_KV_H
#define SIL_ENGINE_KV_H

#include "base/mem.h"
#include "sillok.h"

enum { KV_PAGES_MAX = 1 << 24 };

struct kv {
    struct mem mem;
    void *slab;     /* as allocated */
    uint8_t *first; /* aligned to a cache line; pages lie one behind the other */
    size_t page_bytes;
    uint32_t n_pages, n_free;
    uint32_t *free; /* a stack of free page numbers */
};

/* Takes the memory of all pages at once (touched only as pages are used). */
sil_err kv_open(struct mem mem, size_t page_bytes, uint32_t n_pages, struct kv *kv, struct sil_error *e);
void kv_close(struct kv *kv);

/* NULL when no page is free. The contents are whatever was there. */
uint8_t *kv_take(struct kv *kv);
void kv_give(struct kv *kv, uint8_t *page);

#endif
