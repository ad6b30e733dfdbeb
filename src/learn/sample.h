/* sample: what a model answers to the recipe's prompts, through the same engine that runs it. */
#ifndef SIL_LEARN_SAMPLE_H
#define SIL_LEARN_SAMPLE_H

#include "learn/recipe.h"
#include "learn/runlog.h"
#include "learn/vocab.h"

/* Greedy answers of the model file r->out to each prompt (as a user's message where there is a chat template) go to the
 * log. */
sil_err sample_texts(struct mem mem, const struct recipe *r, const struct learn_vocab *v, uint32_t n_threads,
                     uint64_t step, struct runlog *log, struct sil_error *e);

#endif
