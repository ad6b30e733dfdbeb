#include "engine/kv.h"

#include <assert.h>

#include "base/checked.h"
#include "base/err.h"

enum { CACHE_LINE = 64 };

sil_err kv_open(struct mem mem, size_t page_bytes, uint32_t n_pages, struct kv *kv, struct sil_error *e) {
    *kv = (struct kv){.mem = mem, .n_pages = n_pages, .n_free = n_pages};
    size_t bytes;
    if (n_pages > KV_PAGES_MAX || !size_align(page_bytes, CACHE_LINE, &kv->page_bytes) ||
        !size_mul(kv->page_bytes, n_pages, &bytes) || !size_add(bytes, CACHE_LINE, &bytes))
        return err_set(e, SIL_LIMIT, "%u KV pages of %zu bytes pass the limit; use a smaller context", n_pages,
                       page_bytes);
    kv->slab = mem_alloc(mem, bytes);
    kv->free = mem_array(mem, n_pages, sizeof *kv->free);
    kv->refs = mem_array(mem, n_pages, sizeof *kv->refs);
    if (!kv->slab || !kv->free || !kv->refs) {
        kv_close(kv);
        return err_nomem(e, "keys and values of the context", bytes);
    }
    kv->first = (uint8_t *)(((uintptr_t)kv->slab + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    for (uint32_t i = 0; i < n_pages; i++) kv->free[i] = n_pages - 1 - i;
    return SIL_OK;
}

void kv_close(struct kv *kv) {
    mem_free(kv->mem, kv->refs);
    mem_free(kv->mem, kv->free);
    mem_free(kv->mem, kv->slab);
    *kv = (struct kv){0};
}

uint8_t *kv_take(struct kv *kv) {
    if (!kv->n_free) return NULL;
    uint32_t i = kv->free[--kv->n_free];
    assert(kv->refs[i] == 0);
    kv->refs[i] = 1;
    return kv_page(kv, i);
}

void kv_share(struct kv *kv, const uint8_t *page) {
    uint32_t i = kv_number(kv, page);
    assert(kv->refs[i] > 0 && kv->refs[i] < UINT32_MAX);
    kv->refs[i]++;
}

uint32_t kv_give(struct kv *kv, const uint8_t *page) {
    uint32_t i = kv_number(kv, page);
    assert(kv->refs[i] > 0);
    if (--kv->refs[i] == 0) kv->free[kv->n_free++] = i;
    return kv->refs[i];
}

uint32_t kv_number(const struct kv *kv, const uint8_t *page) {
    size_t i = (size_t)(page - kv->first) / kv->page_bytes;
    assert(page >= kv->first && i < kv->n_pages);
    return (uint32_t)i;
}

uint8_t *kv_page(const struct kv *kv, uint32_t number) {
    return kv->first + number * kv->page_bytes;
}
