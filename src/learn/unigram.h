/* unigram: makes a unigram tokenizer from the words that a struct bpe counted (bpe.h): a vocabulary of pieces with
 * probabilities, where a word becomes the pieces whose product is greatest. Pieces are one byte or whole characters,
 * lie within words (no piece crosses a space, digits stand alone), and characters without a piece fall to their bytes.
 *
 * Frequent substrings are the beginning (counted length by length); then, in turns, expectation and maximisation of the
 * pieces' probabilities over all segmentations, and dropping of the quarter of them that is missed least (Kudo 2018,
 * "Subword Regularization", section 3.2); at last the most probable stay. Sums have one order and logarithms are our
 * own: the same texts give the same bytes everywhere. Scores are multiples of 1/4096, so that sums of them are exact in
 * binary64 and in binary32. */
#ifndef SIL_LEARN_UNIGRAM_H
#define SIL_LEARN_UNIGRAM_H

#include "learn/bpe.h"

enum {
    UNIGRAM_CHARS = 16,   /* characters of a piece, at most */
    UNIGRAM_SEGMENT = 32, /* longer words are learnt from in parts of so many characters */
    UNIGRAM_SCORE = 4096  /* steps of a score in a unit */
};

/* As bpe_train. */
sil_err unigram_train(struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                      struct sil_error *e);

#endif
