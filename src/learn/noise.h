/* noise: questions that are a little different at each reading: tokens left out, tokens cut into the two that they were
 * merged of (docs/arithmetic.md, section 12). What is drawn follows from the seed and the place in the order of texts
 * alone. */
#ifndef SIL_LEARN_NOISE_H
#define SIL_LEARN_NOISE_H

#include "base/rng.h"
#include "learn/vocab.h"

/* Bits beside the id of a document's token: it is to be learnt (predicted from what is before it); it is a word of a
 * prompt that a message brought, not the template. */
#define DATA_LEARN 0x80000000u
#define DATA_ASKED 0x40000000u
#define DATA_ID    0x3fffffffu

struct noise {
    double drop, split; /* chances, 0 to 1 */
};

/* The two tokens of which each token is made. Immutable after opening. */
struct parts {
    struct mem mem;
    uint32_t *of; /* 2 * id: left, right; both UINT32_MAX: the token stays whole */
};

/* By the first merge that makes a token, unless it would cut a character. SIL_ARG for a tokenizer without merges. */
sil_err parts_open(struct mem mem, const struct learn_vocab *v, struct parts *out, struct sil_error *e);
void parts_close(struct parts *p);

/* Marks with DATA_ASKED those of the n tokens of `text` of which every byte has the origin TEMPLATE_DATA (one byte for
 * each byte of text). SIL_ARG when the tokens do not spell the text. */
sil_err noise_mark(const struct learn_vocab *v, struct str text, const char *origin, uint32_t *tokens, size_t n,
                   struct sil_error *e);

/* Copies a document of n tokens, altered, to out; returns how many these are, n_max at most (n <= n_max). Its first
 * token stays. p: NULL where nothing is split. */
uint32_t noise_apply(const struct noise *x, const struct parts *p, struct rng *r, const uint32_t *in, uint32_t n,
                     uint32_t n_max, uint32_t *out);

#endif
