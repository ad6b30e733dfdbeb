/* pack: weights rearranged for the kernels in use, when a model is opened. */
#ifndef SIL_MODEL_PACK_H
#define SIL_MODEL_PACK_H

#include "base/pool.h"
#include "model/model.h"

/* Packs every linear layer for which m->k has a layout, sharing the work among the pool's threads, into one block of
 * memory that belongs to the model (m->packed). The mapped pages of what has been packed are given back. Look-ups in
 * the embedding go on reading the file. */
sil_err pack_model(struct model *m, struct pool *pool, struct sil_error *e);
void pack_free(struct model *m);

#endif
