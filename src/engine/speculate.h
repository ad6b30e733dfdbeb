/* speculate: guessing the next tokens from the sequence itself (prompt lookup): what followed when the last few tokens
 * stood there before. Pure. */
#ifndef SIL_ENGINE_SPECULATE_H
#define SIL_ENGINE_SPECULATE_H

#include <stdint.h>

/* The shortest and the longest run of tokens that is looked for. */
enum { SPEC_MATCH_MIN = 2, SPEC_MATCH_MAX = 5 };

/* Writes at most n_draft tokens that may follow tokens[n] and returns how many: the continuation of the longest match
 * with the end of the sequence, the latest of several; a match that runs into the end goes on with its own guesses. One
 * pass over the sequence. */
uint32_t spec_draft(const uint32_t *tokens, uint32_t n, uint32_t n_draft, uint32_t *draft);

#endif
