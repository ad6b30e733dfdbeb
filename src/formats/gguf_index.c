#include "formats/gguf_index.h"

#include <string.h>

#include "base/checked.h"
#include "base/err.h"
#include "base/utf8.h"

int gguf_compare(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

bool gguf_printable(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f) return false;
    return utf8_valid(s.p, s.n, NULL);
}

/* Heap sort: no worse on hostile input, no recursion, no second array. */
static void sift(uint32_t *p, size_t i, size_t n, gguf_before before, const void *ctx) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n) return;
        if (child + 1 < n && before(ctx, p[child], p[child + 1])) child++;
        if (!before(ctx, p[i], p[child])) return;
        uint32_t t = p[i];
        p[i] = p[child];
        p[child] = t;
        i = child;
    }
}

uint32_t *gguf_sorted(struct arena *a, size_t n, gguf_before before, const void *ctx) {
    uint32_t *p = ARENA_ARRAY(a, n, uint32_t);
    if (!p) return NULL;
    for (size_t i = 0; i < n; i++) p[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;) sift(p, i, n, before, ctx);
    for (size_t end = n; end-- > 1;) {
        uint32_t t = p[0];
        p[0] = p[end];
        p[end] = t;
        sift(p, 0, end, before, ctx);
    }
    return p;
}

static bool key_before(const void *ctx, uint32_t a, uint32_t b) {
    const struct gguf *g = ctx;
    return gguf_compare(g->kv[a].key, g->kv[b].key) < 0;
}

static bool tensor_before(const void *ctx, uint32_t a, uint32_t b) {
    const struct gguf *g = ctx;
    return gguf_compare(g->tensors[a].name, g->tensors[b].name) < 0;
}

sil_err gguf_index(struct arena *a, struct gguf *g, struct sil_error *e) {
    g->kv_index = gguf_sorted(a, g->n_kv, key_before, g);
    g->tensor_index = gguf_sorted(a, g->n_tensors, tensor_before, g);
    if (!g->kv_index || !g->tensor_index)
        return err_nomem(e, "the index of a GGUF file", (g->n_kv + g->n_tensors) * sizeof(uint32_t));
    for (size_t i = 1; i < g->n_kv; i++) {
        struct str key = g->kv[g->kv_index[i]].key;
        if (str_eq(key, g->kv[g->kv_index[i - 1]].key))
            return err_set(e, SIL_FORMAT, "key \"%.*s\" is there twice", STR_ARG(key));
    }
    for (size_t i = 1; i < g->n_tensors; i++) {
        struct str name = g->tensors[g->tensor_index[i]].name;
        if (str_eq(name, g->tensors[g->tensor_index[i - 1]].name))
            return err_set(e, SIL_FORMAT, "tensor \"%.*s\" is there twice", STR_ARG(name));
    }
    return SIL_OK;
}

bool gguf_tensor_bytes(const struct dtype_info *info, const uint64_t dims[GGUF_DIMS_MAX], uint64_t *out) {
    uint64_t bytes;
    if (dims[0] % info->block_len != 0) return false;
    if (!u64_mul(dims[0] / info->block_len, info->block_bytes, &bytes)) return false;
    for (int i = 1; i < GGUF_DIMS_MAX; i++)
        if (!u64_mul(bytes, dims[i], &bytes)) return false;
    *out = bytes;
    return true;
}
