/* dense: reading the layers of dense pre-norm decoders, shared by their families. */
#ifndef SIL_MODEL_DENSE_H
#define SIL_MODEL_DENSE_H

#include "model/model.h"

/* Fills m->layers; with qk_norm each layer has attn_q_norm and attn_k_norm of head_dim elements. */
sil_err dense_open(struct model *m, bool qk_norm, struct sil_error *e);

#endif
