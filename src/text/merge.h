/* merge: byte-pair merging over token ids. The table maps (left, right) to a merge; the merge of lowest priority value,
 * leftmost among equals, is done first, as in the original BPE and in SentencePiece (where the value is the order of
 * the scores). O(n log n) with a binary heap, or a plain scan for short words; no recursion. */
#ifndef SIL_TEXT_MERGE_H
#define SIL_TEXT_MERGE_H

#include <stdint.h>

#include "base/arena.h"
#include "sillok.h"

enum {
    MERGE_ID_MAX = (1 << 20) - 1, /* ids fit 20 bits */
    MERGE_MAX = (1 << 24) - 1,    /* merges fit 24 bits */
    MERGE_PROBES_MAX = 4096,
    MERGE_SHORT = 40 /* words of up to so many symbols are merged by scanning */
};
#define MERGE_NONE UINT32_MAX

struct merge_table {
    uint64_t *slots; /* left:20 right:20 merge:24; all ones is free */
    uint32_t shift;  /* 64 - log2 of the number of slots */
    uint32_t mask;
    uint32_t n;
    uint32_t n_ids;   /* ids that may be a side */
    uint64_t *sides;  /* bits 2 * id: is some merge's left side; 2 * id + 1: right side. Small enough to stay in the
                         cache, it answers most questions */
    uint64_t *seen;   /* a bit for each value of the upper bits of a hash, four for each slot */
    uint32_t *result; /* id made by merge m */
    uint32_t *prio;   /* priority of merge m; NULL: m itself */
};

/* Working memory of one thread, grown on demand. */
struct merge_scratch {
    struct mem mem;
    size_t cap;      /* symbols that fit */
    uint32_t *sym;   /* the word: ids in, ids out */
    uint32_t *merge; /* merge of symbol i with the next one, or MERGE_NONE */
    uint32_t *prio;  /* its priority, MERGE_NONE when there is none */
    uint32_t *next, *prev;
    uint64_t *heap; /* prio:32 position:32; 2 * cap entries */
};

sil_err merge_init(struct merge_table *t, struct arena *a, size_t max_merges, uint32_t n_ids, bool with_prio);
/* Adds (left, right) -> result, or changes what is there if `replace`. SIL_LIMIT past the limits above or max_merges.
 */
sil_err merge_add(struct merge_table *t, uint32_t left, uint32_t right, uint32_t result, uint32_t prio, bool replace);

static inline uint32_t merge_find(const struct merge_table *t, uint32_t left, uint32_t right) {
    uint64_t l = t->sides[left >> 5] >> ((left & 31) * 2), r = t->sides[right >> 5] >> ((right & 31) * 2 + 1);
    if (!(l & r & 1)) return MERGE_NONE;
    uint64_t key = (uint64_t)left << 20 | right;
    uint64_t hash = key * 0x9e3779b97f4a7c15u, bit = hash >> (t->shift - 2);
    if (!(t->seen[bit >> 6] >> (bit & 63) & 1)) return MERGE_NONE;
    for (uint32_t i = (uint32_t)(hash >> t->shift);; i = (i + 1) & t->mask) {
        uint64_t s = t->slots[i];
        if (s >> 24 == key) return (uint32_t)s & 0xffffff;
        if (s == UINT64_MAX) return MERGE_NONE;
    }
}

/* Makes room for words of n symbols. */
sil_err merge_reserve(struct merge_scratch *s, size_t n);
void merge_scratch_free(struct merge_scratch *s);

/* Merges the n symbols in s->sym (below n_ids) until nothing is left to merge; returns how many remain there. */
size_t merge_run(const struct merge_table *t, struct merge_scratch *s, size_t n);

#endif
