/* viterbi: the best segmentation of a word into tokens, by the sum of their scores (unigram models). A sum runs from
 * the front of the word to its end in binary64, ((s1 + s2) + s3) ...; among equal sums for the text up to some place,
 * the one whose last token begins first wins, as in the Rust library behind tokenizer.json. */
#ifndef SIL_TEXT_VITERBI_H
#define SIL_TEXT_VITERBI_H

#include <stdint.h>

#include "base/arena.h"
#include "sillok.h"

enum {
    VITERBI_TOKEN_MAX = 512,     /* bytes of a token; a word costs at most so many steps for each of its bytes */
    VITERBI_NODES_MAX = 1 << 27, /* of the tree of tokens */
    VITERBI_PROBES_MAX = 4096    /* more than that is a vocabulary made to collide */
};
#define VITERBI_NONE UINT32_MAX /* no token; in a result: a symbol that no token is */

/* The tokens as a tree of their bytes. */
struct viterbi {
    uint64_t *slots; /* node:28 byte:8 child:28; all ones is free */
    uint32_t shift, mask;
    uint32_t n_nodes, max_nodes;
    uint32_t *token;     /* of a node; VITERBI_NONE */
    const double *score; /* of each token; the caller's */
    double unknown;      /* of a symbol that is no token */
};

/* Working memory of one thread, grown on demand. */
struct viterbi_scratch {
    struct mem mem;
    size_t cap;
    double *best;                 /* of the text up to each place */
    uint32_t *from, *last, *next; /* where its last token begins, which one it is; where the token from here ends */
};

/* Room for tokens of n_bytes in all. SIL_LIMIT, SIL_NOMEM. */
sil_err viterbi_init(struct viterbi *v, struct arena *a, size_t n_bytes, const double *score, double unknown);
/* The last of equal texts wins. SIL_LIMIT for a text that is too long or made to collide. */
sil_err viterbi_put(struct viterbi *v, const char *p, size_t n, uint32_t id);

/* Segments p[0..n), n > 0, whose symbols are bytes or (chars) characters of valid UTF-8. Afterwards the token from i, i
 * = 0 and on, is s->last[s->next[i]] and ends at s->next[i]; VITERBI_NONE for a symbol that is no token. */
sil_err viterbi_run(const struct viterbi *v, struct viterbi_scratch *s, const char *p, size_t n, bool chars);
void viterbi_scratch_free(struct viterbi_scratch *s);

#endif
