/* Random texts that tokenizers find hard: scripts, jamo, marks, emoji sequences, controls, digits, mixed white space.
 */
#ifndef SIL_TESTS_TEXT_RANDOM_H
#define SIL_TESTS_TEXT_RANDOM_H

#include "base/buf.h"
#include "base/rng.h"

/* Appends about n characters of valid UTF-8 to b. */
void text_random(struct rng *r, size_t n, struct buf *b);

/* One code point of the kinds above; never a surrogate. */
uint32_t text_random_char(struct rng *r);

#endif
