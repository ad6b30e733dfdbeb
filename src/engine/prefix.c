#include "engine/prefix.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

sil_err prefix_open(struct mem mem, struct kv *kv, struct prefix *p, struct sil_error *e) {
    *p = (struct prefix){.mem = mem, .kv = kv, .n_buckets = 1, .oldest = PREFIX_NONE, .newest = PREFIX_NONE};
    while (p->n_buckets < kv->n_pages) p->n_buckets *= 2; /* at most KV_PAGES_MAX */
    p->nodes = mem_array(mem, kv->n_pages, sizeof *p->nodes);
    p->buckets = mem_array(mem, p->n_buckets, sizeof *p->buckets);
    p->kin = mem_array(mem, p->n_buckets, sizeof *p->kin);
    if (!p->nodes || !p->buckets || !p->kin) {
        prefix_close(p);
        return err_nomem(e, "the prefix tree", kv->n_pages * sizeof *p->nodes);
    }
    for (uint32_t i = 0; i < p->n_buckets; i++) p->buckets[i] = p->kin[i] = PREFIX_NONE;
    return SIL_OK;
}

void prefix_close(struct prefix *p) {
    mem_free(p->mem, p->kin);
    mem_free(p->mem, p->buckets);
    mem_free(p->mem, p->nodes);
    *p = (struct prefix){0};
}

/* ---- the list of idle pages ---- */

static void idle_add(struct prefix *p, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    n->older = p->newest;
    n->newer = PREFIX_NONE;
    if (p->newest != PREFIX_NONE) p->nodes[p->newest].newer = i;
    else p->oldest = i;
    p->newest = i;
    p->n_idle++;
}

static void idle_remove(struct prefix *p, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    if (n->older != PREFIX_NONE) p->nodes[n->older].newer = n->newer;
    else p->oldest = n->newer;
    if (n->newer != PREFIX_NONE) p->nodes[n->newer].older = n->older;
    else p->newest = n->older;
    p->n_idle--;
}

/* ---- the hash table from (space, parent, tokens) to a page ---- */

/* Any mixing will do: a chain has at most n_pages links, and finding nothing costs time only. */
static uint32_t *bucket(const struct prefix *p, uint64_t space, uint32_t parent, const uint32_t *tokens) {
    const uint64_t k = 0x9e3779b97f4a7c15u;
    uint64_t h = (space ^ space >> 32) * k + parent;
    for (uint32_t i = 0; i < NUM_KV_PAGE; i++) {
        h = (h ^ tokens[i]) * k;
        h ^= h >> 29;
    }
    return &p->buckets[(h * k >> 32) & (p->n_buckets - 1)];
}

/* The link that leads to the page, or to PREFIX_NONE. */
static uint32_t *look_up(const struct prefix *p, uint64_t space, uint32_t parent, const uint32_t *tokens) {
    uint32_t *link = bucket(p, space, parent, tokens);
    for (; *link != PREFIX_NONE; link = &p->nodes[*link].chain) {
        const struct prefix_node *n = &p->nodes[*link];
        if (n->space == space && n->parent == parent && memcmp(n->tokens, tokens, sizeof n->tokens) == 0) break;
    }
    return link;
}

/* ---- the lists of pages that may have the same parent ---- */

static uint32_t *kin_of(const struct prefix *p, uint64_t space, uint32_t parent) {
    const uint64_t k = 0x9e3779b97f4a7c15u;
    uint64_t h = ((space ^ space >> 32) * k + parent) * k;
    return &p->kin[(h >> 32) & (p->n_buckets - 1)];
}

static void kin_add(struct prefix *p, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    uint32_t *first = kin_of(p, n->space, n->parent);
    n->kin_last = PREFIX_NONE;
    n->kin_next = *first;
    if (*first != PREFIX_NONE) p->nodes[*first].kin_last = i;
    *first = i;
}

static void kin_remove(struct prefix *p, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    if (n->kin_next != PREFIX_NONE) p->nodes[n->kin_next].kin_last = n->kin_last;
    if (n->kin_last != PREFIX_NONE) p->nodes[n->kin_last].kin_next = n->kin_next;
    else *kin_of(p, n->space, n->parent) = n->kin_next;
}

static uint32_t common_beginning(const struct prefix_node *n, const uint32_t *tokens, uint32_t n_tokens) {
    uint32_t i = 0, most = n->n_tokens < n_tokens ? n->n_tokens : n_tokens;
    while (i < most && n->tokens[i] == tokens[i]) i++;
    return i;
}

/* The page behind `parent` with the longest common beginning; PREFIX_NONE when none has any. */
static uint32_t nearest(const struct prefix *p, uint64_t space, uint32_t parent, const uint32_t *tokens,
                        uint32_t n_tokens, uint32_t *common) {
    uint32_t best = PREFIX_NONE, looked = 0;
    *common = 0;
    for (uint32_t i = *kin_of(p, space, parent); i != PREFIX_NONE && looked < PREFIX_KIN_MAX && *common < n_tokens;
         i = p->nodes[i].kin_next, looked++) {
        const struct prefix_node *n = &p->nodes[i];
        if (n->space != space || n->parent != parent) continue;
        uint32_t same = common_beginning(n, tokens, n_tokens);
        if (same <= *common) continue;
        *common = same;
        best = i;
    }
    return best;
}

static uint32_t number_of(const struct prefix *p, const uint8_t *page) {
    return page ? kv_number(p->kv, page) : PREFIX_NONE;
}

/* Takes a page that has no children out of the tree; the tree's reference passes to the caller. */
static void forget(struct prefix *p, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    assert(n->used && n->n_children == 0);
    if (n->n_tokens == NUM_KV_PAGE) {
        uint32_t *link = look_up(p, n->space, n->parent, n->tokens);
        assert(*link == i);
        *link = n->chain;
    }
    kin_remove(p, i);
    if (n->parent != PREFIX_NONE) p->nodes[n->parent].n_children--;
    n->used = false;
    p->n_used--;
}

uint8_t *prefix_take(struct prefix *p) {
    uint8_t *page = kv_take(p->kv);
    if (page || p->oldest == PREFIX_NONE) return page;
    uint32_t i = p->oldest;
    idle_remove(p, i);
    forget(p, i);
    return kv_page(p->kv, i); /* with the reference that was the tree's */
}

void prefix_give(struct prefix *p, uint8_t *page) {
    uint32_t i = kv_number(p->kv, page);
    if (kv_give(p->kv, page) == 1 && p->nodes[i].used) idle_add(p, i);
}

static void hold(struct prefix *p, uint32_t i) {
    if (p->kv->refs[i] == 1) idle_remove(p, i);
    kv_share(p->kv, kv_page(p->kv, i));
}

uint8_t *prefix_find(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens) {
    uint32_t i = *look_up(p, space, number_of(p, parent), tokens);
    if (i == PREFIX_NONE) return NULL;
    hold(p, i);
    return kv_page(p->kv, i);
}

uint8_t *prefix_begin(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens, uint32_t n,
                      uint32_t have, uint32_t *common) {
    uint32_t i = nearest(p, space, number_of(p, parent), tokens, n, common);
    if (i == PREFIX_NONE || *common <= have) return NULL;
    hold(p, i);
    return kv_page(p->kv, i);
}

/* Makes the page a node behind `up`; the tree takes a reference. */
static void add(struct prefix *p, uint64_t space, uint32_t up, const uint32_t *tokens, uint32_t n_tokens, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    assert(!n->used && (up == PREFIX_NONE || (p->nodes[up].used && p->nodes[up].space == space)));
    *n = (struct prefix_node){.used = true, .space = space, .parent = up, .chain = PREFIX_NONE, .n_tokens = n_tokens};
    memcpy(n->tokens, tokens, n_tokens * sizeof *tokens);
    kin_add(p, i);
    if (up != PREFIX_NONE) p->nodes[up].n_children++;
    kv_share(p->kv, kv_page(p->kv, i));
    p->n_used++;
}

void prefix_leave(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens, uint32_t n,
                  uint8_t *page) {
    uint32_t up = number_of(p, parent), i = kv_number(p->kv, page), common;
    assert(n > 0 && n < NUM_KV_PAGE);
    if (p->nodes[i].used) return;
    uint32_t old = nearest(p, space, up, tokens, n, &common);
    if (common == n) return;
    add(p, space, up, tokens, n, i);
    if (old == PREFIX_NONE || p->nodes[old].n_tokens != common || p->kv->refs[old] != 1) return;
    idle_remove(p, old); /* the new page says all that it said */
    forget(p, old);
    kv_give(p->kv, kv_page(p->kv, old));
}

uint8_t *prefix_put(struct prefix *p, uint64_t space, const uint8_t *parent, const uint32_t *tokens, uint8_t *page) {
    uint32_t up = number_of(p, parent), i = kv_number(p->kv, page);
    uint32_t *link = look_up(p, space, up, tokens);
    if (*link != PREFIX_NONE) {
        uint8_t *old = kv_page(p->kv, *link);
        if (*link == i) return page;
        hold(p, *link);
        prefix_give(p, page);
        return old;
    }
    *link = i;
    add(p, space, up, tokens, NUM_KV_PAGE, i);
    return page;
}

uint8_t *prefix_own(struct prefix *p, uint8_t *page) {
    uint32_t i = kv_number(p->kv, page);
    if (p->kv->refs[i] == 1) return page;
    uint8_t *copy = prefix_take(p);
    if (copy) {
        memcpy(copy, page, p->kv->page_bytes);
        prefix_give(p, page);
        return copy;
    }
    if (p->kv->refs[i] != 2 || !p->nodes[i].used || p->nodes[i].n_children != 0) return NULL;
    forget(p, i);
    kv_give(p->kv, page);
    return page;
}
