#include "text/viterbi.h"

#include <string.h>

#include "base/err.h"
#include "text/uchar.h"

#define FREE UINT64_MAX
enum { NODE_BITS = 28 };

sil_err viterbi_init(struct viterbi *v, struct arena *a, size_t n_bytes, const double *score, double unknown) {
    uint32_t log2 = 4;
    if (n_bytes >= VITERBI_NODES_MAX) return SIL_LIMIT;
    while (((size_t)1 << log2) < 2 * (n_bytes + 1)) log2++;
    *v = (struct viterbi){.shift = 64 - log2,
                          .mask = ((uint32_t)1 << log2) - 1,
                          .n_nodes = 1,
                          .max_nodes = (uint32_t)n_bytes + 1,
                          .score = score,
                          .unknown = unknown};
    v->slots = ARENA_ARRAY(a, (size_t)1 << log2, uint64_t);
    v->token = ARENA_ARRAY(a, v->max_nodes, uint32_t);
    if (!v->slots || !v->token) return SIL_NOMEM;
    memset(v->slots, 0xff, sizeof(uint64_t) << log2);
    memset(v->token, 0xff, v->max_nodes * sizeof *v->token);
    return SIL_OK;
}

/* The slot of a child, or the free one where it would go; UINT32_MAX when too many collide. */
static inline uint32_t slot_of(const struct viterbi *v, uint32_t node, char byte) {
    uint64_t key = (uint64_t)node << 8 | (unsigned char)byte;
    uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> v->shift);
    for (int probes = 0; probes < VITERBI_PROBES_MAX; probes++, i = (i + 1) & v->mask)
        if (v->slots[i] == FREE || v->slots[i] >> NODE_BITS == key) return i;
    return UINT32_MAX;
}

sil_err viterbi_put(struct viterbi *v, const char *p, size_t n, uint32_t id) {
    uint32_t node = 0;
    if (n > VITERBI_TOKEN_MAX) return SIL_LIMIT;
    for (size_t k = 0; k < n; k++) {
        uint32_t i = slot_of(v, node, p[k]);
        if (i == UINT32_MAX || (v->slots[i] == FREE && v->n_nodes == v->max_nodes)) return SIL_LIMIT;
        if (v->slots[i] == FREE) v->slots[i] = ((uint64_t)node << 8 | (unsigned char)p[k]) << NODE_BITS | v->n_nodes++;
        node = (uint32_t)(v->slots[i] & (((uint32_t)1 << NODE_BITS) - 1));
    }
    if (n) v->token[node] = id;
    return SIL_OK;
}

void viterbi_scratch_free(struct viterbi_scratch *s) {
    mem_free(s->mem, s->best);
    mem_free(s->mem, s->from);
    s->best = NULL;
    s->from = NULL;
    s->cap = 0;
}

static sil_err reserve(struct viterbi_scratch *s, size_t n) {
    if (n <= s->cap) return SIL_OK;
    if (n >= UINT32_MAX / 4) return SIL_LIMIT;
    size_t cap = n + n / 2 + 64;
    viterbi_scratch_free(s);
    s->best = mem_alloc(s->mem, cap * sizeof *s->best);
    s->from = mem_alloc(s->mem, cap * 3 * sizeof *s->from);
    if (!s->best || !s->from) {
        viterbi_scratch_free(s);
        return SIL_NOMEM;
    }
    s->last = s->from + cap;
    s->next = s->last + cap;
    s->cap = cap;
    return SIL_OK;
}

static inline void offer(struct viterbi_scratch *s, size_t start, size_t end, uint32_t token, double score) {
    double sum = s->best[start] + score;
    if (s->from[end] != VITERBI_NONE && !(sum > s->best[end])) return;
    s->best[end] = sum;
    s->from[end] = (uint32_t)start;
    s->last[end] = token;
}

/* Every token that begins at i; one symbol has `len` bytes. */
static void tokens_from(const struct viterbi *v, struct viterbi_scratch *s, const char *p, size_t n, size_t i,
                        size_t len) {
    uint32_t node = 0;
    bool single = false;
    for (size_t k = i; k < n; k++) {
        uint32_t at = slot_of(v, node, p[k]);
        if (at == UINT32_MAX || v->slots[at] == FREE) break;
        node = (uint32_t)(v->slots[at] & (((uint32_t)1 << NODE_BITS) - 1));
        if (v->token[node] == VITERBI_NONE) continue;
        offer(s, i, k + 1, v->token[node], v->score[v->token[node]]);
        single = single || k + 1 == i + len;
    }
    if (!single) offer(s, i, i + len, VITERBI_NONE, v->unknown);
}

sil_err viterbi_run(const struct viterbi *v, struct viterbi_scratch *s, const char *p, size_t n, bool chars) {
    uint32_t cp;
    SIL_TRY(reserve(s, n + 1));
    memset(s->from, 0xff, (n + 1) * sizeof *s->from);
    s->best[0] = 0;
    for (size_t i = 0, len; i < n; i += len) {
        len = chars ? uchar_next(p + i, &cp) : 1;
        tokens_from(v, s, p, n, i, len);
    }
    for (size_t end = n; end > 0; end = s->from[end]) s->next[s->from[end]] = (uint32_t)end;
    return SIL_OK;
}
