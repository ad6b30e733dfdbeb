/* export: weights to a GGUF file and back. */
#ifndef SIL_LEARN_EXPORT_H
#define SIL_LEARN_EXPORT_H

#include "learn/recipe.h"
#include "learn/vocab.h"

/* Writes the model with its tokenizer; matrices in r->type, vectors in F32. The same bytes for the same weights. The
 * file takes its name only when it is whole. */
sil_err export_gguf(struct mem mem, const struct recipe *r, const struct learn_vocab *v, const struct params *p,
                    const float *w, const char *path, struct sil_error *e);

/* Fills w from a model file of exactly this shape (any weight format). */
sil_err import_gguf(struct mem mem, const char *path, const struct params *p, float *w, struct sil_error *e);

#endif
