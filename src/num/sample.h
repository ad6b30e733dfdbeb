/* sample: from logits to a token by integers (rule 8). Pure: the same logits, history, parameters and indices give
 * the same token everywhere. */
#ifndef SIL_NUM_SAMPLE_H
#define SIL_NUM_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "sillok.h"

struct num_sampling {
    float temperature;                         /* 0: greedy, the highest logit, ties to the lower id */
    uint32_t top_k;                            /* 0: all */
    float top_p;                               /* 1: all */
    float min_p;                               /* 0: all */
    float repeat_penalty;                      /* 1: none */
    float frequency_penalty, presence_penalty; /* 0: none */
    uint64_t seed;
};

/* Greedy, no penalties. */
struct num_sampling num_sampling_default(void);
/* SIL_ARG with the name and range of the parameter that is off. */
sil_err num_sampling_check(const struct num_sampling *p, struct sil_error *e);

/* Bytes of scratch that num_sample needs for n_vocab tokens. */
size_t num_sample_scratch(uint32_t n_vocab);

/* logits[n_vocab] is overwritten by penalties and temperature. history[n_history]: the ids that penalties count.
 * token_index: how many tokens the sequence has before this one; choice: which of n parallel answers. scratch is
 * aligned for uint64_t. SIL_NONFINITE when a logit is not finite. */
sil_err num_sample(const struct num_sampling *p, float *logits, uint32_t n_vocab, const uint32_t *history,
                   size_t n_history, uint64_t token_index, uint32_t choice, void *scratch, uint32_t *token);

#endif
