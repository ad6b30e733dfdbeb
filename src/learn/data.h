/* data: texts as documents of tokens, and the order in which they are learnt. The order is a function of the documents,
 * the recipe and the seed; where a run is in it is a few numbers that a checkpoint holds. */
#ifndef SIL_LEARN_DATA_H
#define SIL_LEARN_DATA_H

#include "base/sha.h"
#include "learn/net.h"
#include "learn/noise.h"
#include "learn/recipe.h"
#include "learn/vocab.h"

enum { DATA_FILE_MAX = 1 << 30 };

/* Documents of one file. A document has 2 to context + 1 tokens (bits beside their ids: noise.h). */
struct source {
    const struct recipe_source *r;
    uint32_t *tokens;
    size_t n_tokens, cap_tokens;
    size_t *docs; /* n_docs + 1 beginnings */
    uint32_t n_docs, cap_docs;
    uint32_t n_cut, n_dropped; /* texts cut into pieces; dialogues longer than the context, left out */
    uint32_t *order;           /* of the present reading; order_of: its number + 1 */
    uint64_t order_of;
};

/* Where the reading of a source stands. */
struct source_state {
    uint64_t reading; /* how often it has been read before */
    uint64_t next;    /* documents of this reading given */
    uint64_t given;   /* tokens in all */
    double credit;    /* tokens that it is behind its share */
};

struct dataset {
    struct mem mem;
    uint32_t n;
    struct source *sources;
    struct source_state *state;
    uint64_t seed;
    uint32_t ctx;
    struct parts parts; /* where a source splits tokens */
    uint32_t *altered;  /* context + 1: a document as it is read this time, where a source alters it; NULL: none does */
};

/* Reads and tokenizes all files. SIL_IO for a file that is missing, SIL_FORMAT with its line for a dialogue that is
 * wrong. */
sil_err dataset_open(struct mem mem, const struct recipe_source *list, uint32_t n, const struct learn_vocab *v,
                     uint32_t ctx, uint64_t seed, struct dataset *out, struct sil_error *e);
void dataset_close(struct dataset *d);

/* Memory for batches of n tokens. */
sil_err batch_open(struct mem mem, uint32_t n, struct batch *b, struct sil_error *e);
void batch_close(struct mem mem, struct batch *b);

/* The next batch of up to n_max tokens, at `progress` (0 to 1) of the run. n == 0: every source that is used now has
 * been read as often as it may be. */
void dataset_next(struct dataset *d, double progress, uint32_t n_max, struct batch *b);

/* Documents from number *doc of source s on, in the file's order and as they are, up to n_max tokens; for evaluation.
 */
void source_batch(const struct source *s, uint32_t *doc, uint32_t n_max, struct batch *b);

/* All tokens and limits of documents. */
void dataset_digest(const struct dataset *d, struct sha *h);

#endif
