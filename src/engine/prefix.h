/* prefix: KV pages that outlive their session, found again by the tokens that lead to them. A tree whose edges are full
 * pages of NUM_KV_PAGE tokens, one tree for each space (a tenant's namespace): a page is found only in the space it was
 * put into, because whether a prefix is there can be seen in the time that an answer takes. Where two sequences part
 * inside a page, its beginning is found too; the end of a sequence stays as a leaf that is not full.
 * The tree holds one reference to each of its pages. A page that nobody else holds is idle: it stays until the pool
 * needs it, the least recently used first. Whoever holds a page holds all pages before it and gives them back from
 * the end, so that a page's children are always older in that order than the page, and leaves go first.
 * Everything is allocated at opening. One thread at a time. */
#ifndef SIL_ENGINE_PREFIX_H
#define SIL_ENGINE_PREFIX_H

#include "engine/kv.h"
#include "num/num.h"

enum {
    PREFIX_NONE = UINT32_MAX >> 1, /* no page */
    PREFIX_END_MIN = 8,            /* an end of fewer tokens is sooner computed than a page kept for it */
    PREFIX_KIN_MAX = 256           /* pages behind one parent that are searched for a common beginning, newest first */
};

/* What the tree knows of the page of the same number. */
struct prefix_node {
    bool used; /* the page is in the tree */
    uint64_t space;
    uint32_t parent, n_children; /* parent PREFIX_NONE: the page begins a sequence */
    uint32_t chain;              /* next in the hash bucket; full pages only */
    uint32_t kin_next, kin_last; /* in the bucket of pages that may have the same parent */
    uint32_t older, newer;       /* in the list of idle pages */
    uint32_t n_tokens;           /* fewer than NUM_KV_PAGE: a leaf that is not full */
    uint32_t tokens[NUM_KV_PAGE];
};

struct prefix {
    struct mem mem;
    struct kv *kv;
    struct prefix_node *nodes; /* [kv->n_pages] */
    uint32_t *buckets;         /* [n_buckets], a power of two: by space, parent and tokens */
    uint32_t *kin;             /* [n_buckets]: by space and parent */
    uint32_t n_buckets;
    uint32_t oldest, newest; /* idle pages */
    uint32_t n_used, n_idle;
};

/* kv must outlive the tree. */
sil_err prefix_open(struct mem mem, struct kv *kv, struct prefix *p, struct sil_error *e);
void prefix_close(struct prefix *p);

/* A page for writing: a free one, else the oldest idle page is forgotten. NULL when every page is in use. */
uint8_t *prefix_take(struct prefix *p);
/* Gives up one reference to any page. */
void prefix_give(struct prefix *p, uint8_t *page);

/* The page that holds `tokens` (NUM_KV_PAGE of them) behind `parent` (a page of the same space in the tree, or NULL),
 * with a reference for the caller; NULL when there is none. */
uint8_t *prefix_find(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens);

/* Puts the caller's page, full and not to be written any more, into the tree behind `parent`. When the tree has such a
 * page already, that one is returned in exchange (same bits), otherwise `page`; the caller holds it either way. */
uint8_t *prefix_put(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens, uint8_t *page);

/* The page behind `parent` that has the longest beginning in common with the n tokens, if that is more than `have`;
 * with a reference for the caller, who reads its first *common positions. NULL when there is none. */
uint8_t *prefix_begin(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens, uint32_t n,
                      uint32_t have, uint32_t *common);

/* Leaves the page that a sequence ended in, n < NUM_KV_PAGE positions full, in the tree, unless these can be found
 * there already. The caller's reference stays the caller's, who writes the page no more. */
void prefix_leave(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens, uint32_t n,
                  uint8_t *page);

/* A page that the caller may write, with what was in `page`, to which the caller gives up its reference: the page
 * itself when nobody else has it, a copy, or for want of pages the page taken out of the tree. NULL (and nothing
 * changed) when every page is in use. */
uint8_t *prefix_own(struct prefix *p, uint8_t *page);

#endif
