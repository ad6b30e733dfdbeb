#include "engine/prefix.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

sil_err prefix_open(struct mem mem, struct kv *kv, struct prefix *p, struct sil_error *e) {
    *p = (struct prefix){.mem = mem, .kv = kv, .n_buckets = 1, .oldest = PREFIX_NONE, .newest = PREFIX_NONE};
    while (p->n_buckets < kv->n_pages) p->n_buckets *= 2; /* at most KV_PAGES_MAX */
    p->nodes = mem_array(mem, kv->n_pages, sizeof *p->nodes);
    p->buckets = mem_array(mem, p->n_buckets, sizeof *p->buckets);
    if (!p->nodes || !p->buckets) {
        prefix_close(p);
        return err_nomem(e, "the prefix tree", kv->n_pages * sizeof *p->nodes);
    }
    for (uint32_t i = 0; i < p->n_buckets; i++) p->buckets[i] = PREFIX_NONE;
    return SIL_OK;
}

void prefix_close(struct prefix *p) {
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

static uint32_t number_of(const struct prefix *p, const uint8_t *page) {
    return page ? kv_number(p->kv, page) : PREFIX_NONE;
}

/* Takes a page that has no children out of the tree; the tree's reference passes to the caller. */
static void forget(struct prefix *p, uint32_t i) {
    struct prefix_node *n = &p->nodes[i];
    assert(n->used && n->n_children == 0);
    uint32_t *link = look_up(p, n->space, n->parent, n->tokens);
    assert(*link == i);
    *link = n->chain;
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
    struct prefix_node *n = &p->nodes[i];
    assert(!n->used && (up == PREFIX_NONE || (p->nodes[up].used && p->nodes[up].space == space)));
    *n = (struct prefix_node){.used = true, .space = space, .parent = up, .chain = PREFIX_NONE};
    memcpy(n->tokens, tokens, sizeof n->tokens);
    *link = i;
    if (up != PREFIX_NONE) p->nodes[up].n_children++;
    kv_share(p->kv, page);
    p->n_used++;
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
