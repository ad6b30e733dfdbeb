#include "text/merge.h"

#include <assert.h>
#include <string.h>

#include "base/checked.h"

sil_err merge_init(struct merge_table *t, struct arena *a, size_t max_merges, uint32_t n_ids, bool with_prio) {
    if (max_merges > MERGE_MAX || n_ids > MERGE_ID_MAX) return SIL_LIMIT;
    uint32_t log2 = 4;
    while (((size_t)1 << log2) < max_merges + max_merges / 2 + 1) log2++;
    size_t slots = (size_t)1 << log2;
    *t = (struct merge_table){.shift = 64 - log2, .mask = (uint32_t)(slots - 1), .n_ids = n_ids};
    t->slots = ARENA_ARRAY(a, slots, uint64_t);
    t->result = ARENA_ARRAY(a, max_merges, uint32_t);
    t->sides = ARENA_ARRAY(a, (size_t)n_ids / 32 + 1, uint64_t);
    t->seen = ARENA_ARRAY(a, slots * 4 / 64, uint64_t);
    if (with_prio) t->prio = ARENA_ARRAY(a, max_merges, uint32_t);
    if (!t->slots || !t->result || !t->sides || !t->seen || (with_prio && !t->prio)) return SIL_NOMEM;
    memset(t->slots, 0xff, slots * sizeof(uint64_t));
    return SIL_OK;
}

sil_err merge_add(struct merge_table *t, uint32_t left, uint32_t right, uint32_t result, uint32_t prio, bool replace) {
    assert(left < t->n_ids && right < t->n_ids && t->n < MERGE_MAX);
    uint64_t key = (uint64_t)left << 20 | right;
    uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> t->shift);
    for (int probes = 0; probes < MERGE_PROBES_MAX; probes++, i = (i + 1) & t->mask) {
        bool is_free = t->slots[i] == UINT64_MAX;
        if (!is_free && t->slots[i] >> 24 != key) continue;
        uint32_t m = t->n++; /* the number is the rank, so a duplicate takes one too */
        t->result[m] = result;
        if (t->prio) t->prio[m] = prio;
        if (is_free || replace) t->slots[i] = key << 24 | m;
        uint64_t bit = key * 0x9e3779b97f4a7c15u >> (t->shift - 2);
        t->seen[bit >> 6] |= (uint64_t)1 << (bit & 63);
        t->sides[left >> 5] |= (uint64_t)1 << ((left & 31) * 2);
        t->sides[right >> 5] |= (uint64_t)2 << ((right & 31) * 2);
        return SIL_OK;
    }
    return SIL_LIMIT;
}

void merge_scratch_free(struct merge_scratch *s) {
    mem_free(s->mem, s->sym);
    mem_free(s->mem, s->heap);
    s->sym = NULL;
    s->heap = NULL;
    s->cap = 0;
}

sil_err merge_reserve(struct merge_scratch *s, size_t n) {
    if (n <= s->cap) return SIL_OK;
    if (n >= UINT32_MAX / 2) return SIL_LIMIT;
    size_t cap = n + n / 2 + 64, bytes;
    merge_scratch_free(s);
    if (!size_mul(cap, 5 * sizeof(uint32_t), &bytes)) return SIL_LIMIT;
    s->sym = mem_alloc(s->mem, bytes);
    s->heap = mem_alloc(s->mem, cap * 3 * sizeof(uint64_t));
    if (!s->sym || !s->heap) {
        merge_scratch_free(s);
        return SIL_NOMEM;
    }
    s->merge = s->sym + cap;
    s->prio = s->merge + cap;
    s->next = s->prio + cap;
    s->prev = s->next + cap;
    s->cap = cap;
    return SIL_OK;
}

/* Looks up the merge of the pair that begins at i. */
static inline void pair_set(const struct merge_table *t, struct merge_scratch *s, size_t i, uint32_t left,
                            uint32_t right) {
    uint32_t m = merge_find(t, left, right);
    s->merge[i] = m;
    s->prio[i] = m == MERGE_NONE ? MERGE_NONE : t->prio ? t->prio[m] : m;
}

static size_t run_short(const struct merge_table *t, struct merge_scratch *s, size_t n) {
    for (size_t i = 0; i + 1 < n; i++) pair_set(t, s, i, s->sym[i], s->sym[i + 1]);
    while (n > 1) {
        uint32_t best = MERGE_NONE;
        for (size_t i = 0; i + 1 < n; i++) best = s->prio[i] < best ? s->prio[i] : best;
        if (best == MERGE_NONE) break;
        size_t at = 0;
        while (s->prio[at] != best) at++;
        s->sym[at] = t->result[s->merge[at]];
        size_t rest = n - at - 2;
        memmove(s->sym + at + 1, s->sym + at + 2, rest * sizeof(uint32_t));
        if (rest) {
            memmove(s->merge + at + 1, s->merge + at + 2, (rest - 1) * sizeof(uint32_t));
            memmove(s->prio + at + 1, s->prio + at + 2, (rest - 1) * sizeof(uint32_t));
        }
        n--;
        if (at + 1 < n) pair_set(t, s, at, s->sym[at], s->sym[at + 1]);
        if (at > 0) pair_set(t, s, at - 1, s->sym[at - 1], s->sym[at]);
    }
    return n;
}

static void sift_down(uint64_t *h, size_t n, size_t i) {
    uint64_t x = h[i];
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n) break;
        if (c + 1 < n && h[c + 1] < h[c]) c++;
        if (h[c] >= x) break;
        h[i] = h[c];
        i = c;
    }
    h[i] = x;
}

static void sift_up(uint64_t *h, size_t i) {
    uint64_t x = h[i];
    while (i > 0 && h[(i - 1) / 2] > x) {
        h[i] = h[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h[i] = x;
}

/* Each merge removes one entry and adds at most two, and there are at most n - 1 merges: 3n entries always suffice. */
static void heap_push(const struct merge_scratch *s, size_t *hn, size_t i) {
    if (s->prio[i] == MERGE_NONE) return;
    s->heap[*hn] = (uint64_t)s->prio[i] << 32 | i;
    sift_up(s->heap, (*hn)++);
}

static size_t run_long(const struct merge_table *t, struct merge_scratch *s, size_t n) {
    const uint32_t end = UINT32_MAX;
    size_t hn = 0;
    for (size_t i = 0; i < n; i++) {
        s->next[i] = i + 1 < n ? (uint32_t)i + 1 : end;
        s->prev[i] = i > 0 ? (uint32_t)i - 1 : end;
        s->prio[i] = MERGE_NONE;
        if (i + 1 < n) pair_set(t, s, i, s->sym[i], s->sym[i + 1]);
        if (s->prio[i] != MERGE_NONE) s->heap[hn++] = (uint64_t)s->prio[i] << 32 | i;
    }
    for (size_t i = hn / 2; i-- > 0;) sift_down(s->heap, hn, i);
    while (hn > 0) {
        uint64_t top = s->heap[0];
        s->heap[0] = s->heap[--hn];
        if (hn) sift_down(s->heap, hn, 0);
        uint32_t at = (uint32_t)top;
        if (s->prio[at] != top >> 32) continue; /* the pair has changed since */
        uint32_t gone = s->next[at];
        s->sym[at] = t->result[s->merge[at]];
        s->next[at] = s->next[gone];
        s->prio[gone] = MERGE_NONE;
        s->prio[at] = MERGE_NONE;
        if (s->next[at] != end) {
            s->prev[s->next[at]] = at;
            pair_set(t, s, at, s->sym[at], s->sym[s->next[at]]);
            heap_push(s, &hn, at);
        }
        if (s->prev[at] != end) {
            uint32_t before = s->prev[at];
            pair_set(t, s, before, s->sym[before], s->sym[at]);
            heap_push(s, &hn, before);
        }
    }
    size_t out = 0;
    for (uint32_t i = 0; i != end; i = s->next[i]) s->sym[out++] = s->sym[i];
    return out;
}

size_t merge_run(const struct merge_table *t, struct merge_scratch *s, size_t n) {
    assert(n <= s->cap);
    if (n < 2) return n;
    return n <= MERGE_SHORT ? run_short(t, s, n) : run_long(t, s, n);
}
