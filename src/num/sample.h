/* sample: from logits to a token by integers (rule 8). Pure: the same logits, history, parameters and indices give
 * the same token everywhere. */
#ifndef SIL_NUM_SAMPLE_H
#define SIL_NUM_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "sillok.h"

/* What penalties count: repeat_penalty every token, the other two only those behind the prompt. */
struct num_history {
    const uint32_t *tokens;
    size_t n, n_prompt; /* n_prompt <= n */
};

/* Greedy, no penalties. */
struct sil_sampling num_sampling_default(void);
/* SIL_ARG with the name and range of the parameter that is off. */
sil_err num_sampling_check(const struct sil_sampling *p, struct sil_error *e);

/* Bytes of scratch that num_sample needs for n_vocab tokens. */
size_t num_sample_scratch(uint32_t n_vocab);

/* logits[n_vocab] is overwritten by penalties and temperature.
 * token_index: how many tokens the sequence has before this one; choice: which of n parallel answers. scratch is
 * aligned for uint64_t. SIL_NONFINITE when a logit is not finite; SIL_ARG also for a bias on a token >= n_vocab. */
sil_err num_sample(const struct sil_sampling *p, float *logits, uint32_t n_vocab, const struct num_history *history,
                   uint64_t token_index, uint32_t choice, void *scratch, uint32_t *token);

/* Logarithms of probabilities, from logits as the model gave them: of `token`, where chosen is not NULL, and of the
 * n_top <= SIL_TOP_MAX greatest in order. SIL_ARG for a token or n_top beyond n_vocab, SIL_NONFINITE. */
sil_err num_logprobs(const float *logits, uint32_t n_vocab, uint32_t token, struct sil_logprob *chosen, uint32_t n_top,
                     struct sil_logprob *top);

#endif
