/* shape: reading and checking a model's hyperparameters. */
#ifndef SIL_MODEL_SHAPE_H
#define SIL_MODEL_SHAPE_H

#include "model/model.h"

/* Fills *s from the metadata keys "<arch>.*" (n_vocab comes from the embedding's rows). SIL_FORMAT for values that
 * contradict each other, SIL_LIMIT beyond the limits of model.h, SIL_UNSUPPORTED for features that would change the
 * result (experts, multipliers, unknown rope scaling). */
sil_err shape_read(const struct gguf *g, const char *arch, struct model_shape *s, struct sil_error *e);

#endif
