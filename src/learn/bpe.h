/* bpe: makes a byte-level BPE tokenizer from texts. Texts are normalised (NFC) and split as the "qwen2" rules do: no
 * merge crosses a space, digits stand alone. Frequent characters are built from their bytes first, and only whole
 * characters merge further: no token holds a part of a character beside anything else, and what is rare stays bytes.
 * Counts are integers and ties have an order, so the same texts give the same bytes. */
#ifndef SIL_LEARN_BPE_H
#define SIL_LEARN_BPE_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sillok.h"

enum {
    BPE_VOCAB_MAX = 1 << 20,
    BPE_SPECIALS_MAX = 256,
    BPE_WORDS_MAX = 1 << 26,
    BPE_TOKEN_BYTES = 64 /* of a merged token */
};

struct bpe_options {
    uint32_t vocab;              /* tokens in all, bytes and special ones included */
    uint64_t min_count;          /* of a merge */
    double coverage;             /* share of the texts' characters that get a token of their own if there is room */
    const char *const *specials; /* n_specials names, put at the end */
    uint32_t n_specials;
};

struct bpe_report {
    uint64_t n_bytes, n_chars, n_words; /* of the texts; words that differ */
    uint32_t n_tokens, n_own_chars;
    uint64_t n_pieces; /* tokens that the texts become */
};

struct bpe;

/* An empty count of words. */
sil_err bpe_new(struct mem mem, struct bpe **out, struct sil_error *e);
void bpe_free(struct bpe *b); /* NULL is allowed */

/* Counts a text's words; SIL_FORMAT when it is not UTF-8. */
sil_err bpe_add(struct bpe *b, struct str text, struct sil_error *e);

/* Learns the merges and appends a tokenizer.json to out. Once for each bpe. */
sil_err bpe_train(struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                  struct sil_error *e);

#endif
