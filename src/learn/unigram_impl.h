/* What unigram.c (probabilities) and unigram_seed.c (the first pieces) share. */
#ifndef SIL_LEARN_UNIGRAM_IMPL_H
#define SIL_LEARN_UNIGRAM_IMPL_H

#include "learn/bpe_impl.h"
#include "learn/unigram.h"

/* A map of 64-bit keys to numbers. */
struct uni_map {
    uint64_t *keys; /* UINT64_MAX: free */
    uint32_t *values;
    size_t n, cap;
};

/* Characters in a row that have pieces of their own. */
struct uni_segment {
    size_t at; /* in sym */
    uint32_t n;
    uint64_t count;
};

struct uni_piece {
    size_t at; /* where it stands in sym, once */
    uint32_t n, node;
};

struct unigram {
    struct mem mem;
    const struct bpe_options *o;
    uint32_t *code_points; /* of each symbol; those below 128 come first */
    uint32_t n_own;
    uint32_t *sym; /* of all segments */
    size_t n_sym, cap_sym;
    struct uni_segment *segments;
    size_t n_segments, cap_segments;
    uint64_t gap_bytes; /* of characters without a piece */

    struct uni_piece *pieces; /* the first n_own are the characters */
    size_t n_pieces, cap_pieces;
    double *p, *log_p, *expected;
    struct uni_map tree; /* (node, symbol) to node; 0 is the root */
    uint32_t *piece_of;  /* of each node; BPE_NONE */
    size_t n_nodes, cap_nodes;
    size_t *edge_at; /* n_sym + 1: the pieces that begin at a symbol, by length */
    uint32_t *edges;
    size_t n_edges, cap_edges;
};

/* The number under a key; BPE_NONE. */
uint32_t uni_map_get(const struct uni_map *m, uint64_t key);

/* Symbols, segments, the first pieces, their tree and edges; log_p by their counts. `most`: pieces beside characters.
 */
sil_err unigram_seed(struct unigram *u, const struct bpe *b, size_t most, struct sil_error *e);

#endif
