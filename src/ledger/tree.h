/* tree: the Merkle tree of RFC 6962, section 2.1, with SHA-256, and its tiles of 256 hashes (c2sp.org/tlog-tiles).
 * node(h, i) is the hash of the complete subtree over the leaves [i * 2^h, (i + 1) * 2^h). */
#ifndef SIL_LEDGER_TREE_H
#define SIL_LEDGER_TREE_H

#include "ledger/ledger.h"

enum {
    TREE_PATH_MAX = 64,              /* hashes of an inclusion proof */
    TILE_HEIGHT = 8,                 /* levels of the tree in a tile */
    TILE_WIDTH = 256,                /* hashes of a full tile */
    TILE_NODES = 2 * TILE_WIDTH - 1, /* with those above them */
    TILE_BYTES = TILE_WIDTH * LEDGER_HASH,
    TILE_LEVELS = 8 /* 256^8 leaves: all that 64 bits can count */
};

void tree_leaf(struct str entry, uint8_t out[LEDGER_HASH]);
void tree_join(const uint8_t left[LEDGER_HASH], const uint8_t right[LEDGER_HASH], uint8_t out[LEDGER_HASH]);

/* Where complete subtrees come from. Asked only for nodes inside the tree. */
struct tree_nodes {
    sil_err (*node)(void *ctx, uint32_t height, uint64_t index, uint8_t out[LEDGER_HASH], struct sil_error *e);
    void *ctx;
};

/* The root of the tree's first `size` leaves; for 0 the hash of nothing. */
sil_err tree_root(struct tree_nodes nodes, uint64_t size, uint8_t out[LEDGER_HASH], struct sil_error *e);
/* The inclusion proof of leaf index < size, from the leaf's sibling upwards. */
sil_err tree_path(struct tree_nodes nodes, uint64_t index, uint64_t size, uint8_t out[TREE_PATH_MAX][LEDGER_HASH],
                  uint32_t *n, struct sil_error *e);
/* True when the path leads from the leaf to the root (RFC 9162, section 2.1.3.2). */
bool tree_path_check(const uint8_t leaf[LEDGER_HASH], uint64_t index, uint64_t size, const uint8_t (*path)[LEDGER_HASH],
                     uint32_t n, const uint8_t root[LEDGER_HASH]);

/* ---- tiles ---- */

/* The first n hashes of a tile and all complete nodes above them, lowest first. */
struct tile {
    uint32_t n;
    uint8_t node[TILE_NODES][LEDGER_HASH];
};

/* Adds a hash; n < TILE_WIDTH. */
void tile_push(struct tile *t, const uint8_t hash[LEDGER_HASH]);
/* Node i at a height of 0 to 8 inside the tile; NULL when it is not complete. */
const uint8_t *tile_node(const struct tile *t, uint32_t height, uint64_t i);

/* The right edge of a growing tree: on each level the tile that is not full. */
struct edge {
    uint64_t size;
    struct tile level[TILE_LEVELS];
};

/* Called with a tile that became full; its contents are gone after the call. */
struct edge_sink {
    sil_err (*full)(void *ctx, uint32_t level, uint64_t index, const struct tile *t, struct sil_error *e);
    void *ctx;
};

/* Adds a leaf. On failure (of the sink only) the edge is useless. */
sil_err edge_push(struct edge *edge, const uint8_t leaf[LEDGER_HASH], struct edge_sink sink, struct sil_error *e);
/* Copies only what is in use. */
void edge_copy(struct edge *to, const struct edge *from);
/* How many hashes the tile at the right edge has on a level, and which tile that is. */
uint32_t edge_width(uint64_t size, uint32_t level);
uint64_t edge_tile(uint64_t size, uint32_t level);

enum { TILE_PATH = 96 };

/* "PREFIX/x001/x234/067", with ".p/W" behind it for 0 < width < 256. The prefix is at most 20 bytes. */
void tile_path(char out[TILE_PATH], const char *prefix, uint64_t index, uint32_t width);

#endif
