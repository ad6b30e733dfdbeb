/* kv: the pool of pages that hold keys and values. A page is NUM_KV_PAGE positions of every layer and KV head. Pages
 * are counted: whoever holds one has a reference; a page with several is read only. One thread at a time. */
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
    uint32_t *refs; /* [n_pages]; 0: free */
};

/* Takes the memory of all pages at once (touched only as pages are used). */
sil_err kv_open(struct mem mem, size_t page_bytes, uint32_t n_pages, struct kv *kv, struct sil_error *e);
void kv_close(struct kv *kv);

/* A page with one reference; NULL when no page is free. The contents are whatever was there. */
uint8_t *kv_take(struct kv *kv);
/* One reference more. */
void kv_share(struct kv *kv, const uint8_t *page);
/* One reference less; returns how many are left. */
uint32_t kv_give(struct kv *kv, const uint8_t *page);

/* Pages by number, 0 .. n_pages - 1. */
uint32_t kv_number(const struct kv *kv, const uint8_t *page);
uint8_t *kv_page(const struct kv *kv, uint32_t number);

#endif
