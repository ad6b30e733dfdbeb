#include "ledger/tree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

void tree_leaf(struct str entry, uint8_t out[LEDGER_HASH]) {
    static const uint8_t zero = 0;
    crypto_hash_sha256_state s;
    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, &zero, 1);
    crypto_hash_sha256_update(&s, (const uint8_t *)entry.p, entry.n);
    crypto_hash_sha256_final(&s, out);
}

void tree_join(const uint8_t left[LEDGER_HASH], const uint8_t right[LEDGER_HASH], uint8_t out[LEDGER_HASH]) {
    uint8_t both[1 + 2 * LEDGER_HASH] = {1};
    memcpy(both + 1, left, LEDGER_HASH);
    memcpy(both + 1 + LEDGER_HASH, right, LEDGER_HASH);
    crypto_hash_sha256(out, both, sizeof both);
}

/* The largest h with 2^h <= n; n > 0. */
static uint32_t log2_below(uint64_t n) {
    return 63 - (uint32_t)__builtin_clzll(n);
}

/* The hash of the leaves [lo, lo + n): complete subtrees, largest first, joined from the right. lo is a multiple of the
 * largest, since that is how a tree splits. */
static sil_err range(struct tree_nodes nodes, uint64_t lo, uint64_t n, uint8_t out[LEDGER_HASH], struct sil_error *e) {
    uint8_t part[TREE_PATH_MAX][LEDGER_HASH];
    uint32_t k = 0;
    assert(n > 0);
    do {
        uint32_t h = log2_below(n);
        assert((lo & (((uint64_t)1 << h) - 1)) == 0 && k < TREE_PATH_MAX);
        sil_err err = nodes.node(nodes.ctx, h, lo >> h, part[k++], e);
        if (err != SIL_OK) return err;
        lo += (uint64_t)1 << h;
        n -= (uint64_t)1 << h;
    } while (n > 0);
    memcpy(out, part[--k], LEDGER_HASH);
    while (k > 0) tree_join(part[--k], out, out);
    return SIL_OK;
}

sil_err tree_root(struct tree_nodes nodes, uint64_t size, uint8_t out[LEDGER_HASH], struct sil_error *e) {
    if (size > 0) return range(nodes, 0, size, out, e);
    crypto_hash_sha256(out, (const uint8_t *)"", 0);
    return SIL_OK;
}

sil_err tree_path(struct tree_nodes nodes, uint64_t index, uint64_t size, uint8_t out[TREE_PATH_MAX][LEDGER_HASH],
                  uint32_t *n, struct sil_error *e) {
    uint64_t lo = 0, len = size;
    assert(index < size);
    *n = 0;
    while (len > 1) {
        uint64_t left = (uint64_t)1 << log2_below(len - 1); /* the largest power of two below len */
        bool go_left = index < lo + left;
        assert(*n < TREE_PATH_MAX);
        sil_err err = go_left ? range(nodes, lo + left, len - left, out[*n], e) : range(nodes, lo, left, out[*n], e);
        if (err != SIL_OK) return err;
        ++*n;
        if (!go_left) lo += left;
        len = go_left ? left : len - left;
    }
    for (uint32_t i = 0; i < *n / 2; i++) { /* it was found from the root downwards */
        uint8_t swap[LEDGER_HASH];
        memcpy(swap, out[i], LEDGER_HASH);
        memcpy(out[i], out[*n - 1 - i], LEDGER_HASH);
        memcpy(out[*n - 1 - i], swap, LEDGER_HASH);
    }
    return SIL_OK;
}

bool tree_path_check(const uint8_t leaf[LEDGER_HASH], uint64_t index, uint64_t size, const uint8_t (*path)[LEDGER_HASH],
                     uint32_t n, const uint8_t root[LEDGER_HASH]) {
    if (index >= size) return false;
    uint64_t at = index, last = size - 1;
    uint8_t hash[LEDGER_HASH];
    memcpy(hash, leaf, LEDGER_HASH);
    for (uint32_t i = 0; i < n; i++) {
        if (last == 0) return false;
        if (!(at & 1) && at != last) {
            tree_join(hash, path[i], hash);
        } else {
            tree_join(path[i], hash, hash);
            for (; at && !(at & 1); at >>= 1) last >>= 1;
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(hash, root, LEDGER_HASH) == 0;
}

/* ---- tiles ---- */

static uint32_t node_offset(uint32_t height) {
    return 2 * TILE_WIDTH - (2 * TILE_WIDTH >> height);
}

void tile_push(struct tile *t, const uint8_t hash[LEDGER_HASH]) {
    assert(t->n < TILE_WIDTH);
    memcpy(t->node[t->n], hash, LEDGER_HASH);
    uint32_t n = ++t->n;
    for (uint32_t h = 1; n % 2 == 0; h++) {
        n /= 2;
        const uint8_t(*below)[LEDGER_HASH] = (const uint8_t(*)[LEDGER_HASH])t->node + node_offset(h - 1);
        tree_join(below[2 * n - 2], below[2 * n - 1], t->node[node_offset(h) + n - 1]);
        if (h == TILE_HEIGHT) break;
    }
}

const uint8_t *tile_node(const struct tile *t, uint32_t height, uint64_t i) {
    if (height > TILE_HEIGHT || i >= t->n >> height) return NULL;
    return t->node[node_offset(height) + i];
}

sil_err edge_push(struct edge *edge, const uint8_t leaf[LEDGER_HASH], struct edge_sink sink, struct sil_error *e) {
    uint8_t hash[LEDGER_HASH];
    memcpy(hash, leaf, LEDGER_HASH);
    for (uint32_t level = 0; level < TILE_LEVELS; level++) {
        struct tile *t = &edge->level[level];
        tile_push(t, hash);
        if (t->n < TILE_WIDTH) break;
        sil_err err = sink.full ? sink.full(sink.ctx, level, edge_tile(edge->size, level), t, e) : SIL_OK;
        if (err != SIL_OK) return err;
        memcpy(hash, tile_node(t, TILE_HEIGHT, 0), LEDGER_HASH);
        t->n = 0;
    }
    edge->size++;
    return SIL_OK;
}

void edge_copy(struct edge *to, const struct edge *from) {
    to->size = from->size;
    for (uint32_t level = 0; level < TILE_LEVELS; level++) {
        if (from->level[level].n) to->level[level] = from->level[level];
        else to->level[level].n = 0;
    }
}

uint32_t edge_width(uint64_t size, uint32_t level) {
    return (uint32_t)(size >> (TILE_HEIGHT * level)) % TILE_WIDTH;
}

uint64_t edge_tile(uint64_t size, uint32_t level) {
    return level + 1 < TILE_LEVELS ? size >> (TILE_HEIGHT * (level + 1)) : 0;
}

void tile_path(char out[TILE_PATH], const char *prefix, uint64_t index, uint32_t width) {
    char text[TILE_PATH];
    int n = snprintf(text, sizeof text, "%03u", (unsigned)(index % 1000));
    for (index /= 1000; index > 0; index /= 1000) {
        char with[TILE_PATH];
        snprintf(with, sizeof with, "x%03u/%.*s", (unsigned)(index % 1000), 64, text);
        n = snprintf(text, sizeof text, "%s", with);
    }
    assert(n > 0 && strlen(prefix) <= 20);
    if (width % TILE_WIDTH) snprintf(out, TILE_PATH, "%.20s/%.60s.p/%u", prefix, text, (unsigned)width);
    else snprintf(out, TILE_PATH, "%.20s/%.60s", prefix, text);
}
