/* gguf_join: the shards of one model as one. */
#include <string.h>

#include "base/err.h"
#include "formats/gguf_index.h"

/* split.no and split.count as the writer of the shards gave them. */
static sil_err check_shard(const struct gguf *g, size_t i, size_t n, struct sil_error *e) {
    uint32_t no, count;
    SIL_TRY(gguf_u32(g, "split.no", &no, e));
    SIL_TRY(gguf_u32(g, "split.count", &count, e));
    if (count != n) return err_set(e, SIL_FORMAT, "split.count is %u, but there are %zu shards", count, n);
    if (no != i) return err_set(e, SIL_FORMAT, "split.no is %u where shard %zu (counted from 0) is needed", no, i);
    return SIL_OK;
}

static sil_err count_tensors(struct gguf *const *shards, size_t n, size_t *out, struct sil_error *e) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        sil_err err = check_shard(shards[i], i, n, e);
        if (err != SIL_OK) return err_prefix(e, err, "shard %zu of %zu", i + 1, n);
        total += shards[i]->n_tensors; /* each at most GGUF_TENSORS_MAX, and n at most GGUF_SHARDS_MAX */
    }
    uint32_t stated;
    if (total > GGUF_TENSORS_MAX)
        return err_set(e, SIL_LIMIT, "%zu tensors in all shards; the limit is %d", total, GGUF_TENSORS_MAX);
    if (gguf_find(shards[0], "split.tensors.count")) {
        SIL_TRY(gguf_u32(shards[0], "split.tensors.count", &stated, e));
        if (stated != total)
            return err_set(e, SIL_FORMAT, "split.tensors.count is %u, but the shards hold %zu tensors", stated, total);
    }
    *out = total;
    return SIL_OK;
}

sil_err gguf_join(struct arena *a, struct gguf *const *shards, size_t n, struct gguf **out, struct sil_error *e) {
    size_t total = 0, at = 0;
    if (n == 0 || n > GGUF_SHARDS_MAX)
        return err_set(e, SIL_LIMIT, "%zu shards; there can be 1 to %d", n, GGUF_SHARDS_MAX);
    if (n == 1 && !gguf_find(shards[0], "split.count")) {
        *out = shards[0];
        return SIL_OK;
    }
    SIL_TRY(count_tensors(shards, n, &total, e));
    struct gguf *g = ARENA_NEW(a, struct gguf);
    struct gguf_tensor *t = ARENA_ARRAY(a, total, struct gguf_tensor);
    if (!g || !t) return err_nomem(e, "the tensor table of all shards", total * sizeof *t);
    *g = *shards[0];
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < shards[i]->n_tensors; k++, at++) {
            t[at] = shards[i]->tensors[k];
            t[at].shard = (uint32_t)i;
        }
    g->tensors = t;
    g->n_tensors = total;
    g->n_shards = (uint32_t)n;
    SIL_TRY(gguf_index(a, g, e));
    *out = g;
    return SIL_OK;
}
