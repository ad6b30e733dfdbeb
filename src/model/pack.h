/* pack: weights rearranged for the kernels in use, when a model is opened or while its first steps run. */
#ifndef SIL_MODEL_PACK_H
#define SIL_MODEL_PACK_H

#include "base/pool.h"
#include "model/model.h"

/* Takes one block of memory for every linear layer for which m->k has a layout; it belongs to the model (m->packed).
 * Nothing is packed yet: the kernels read the file's layout. */
sil_err pack_open(struct model *m, struct sil_error *e);
void pack_free(struct model *m);

/* Packs all that is left, sharing the work among the pool's threads. The mapped pages of what has been packed are given
 * back. Look-ups in the embedding go on reading the file. Nobody else uses the model meanwhile. */
void pack_all(struct model *m, struct pool *pool);

/* Before a pass of n_rows rows: packs what is worth it, and keeps every layer's layout as it is until pack_end, which
 * is owed where true is returned. Many rows are worth all that is left; for a few the file's layout is as good, and a
 * part is packed from the second pass on. From any thread; no result depends on it. */
bool pack_begin(struct model *m, struct pool *pool, uint32_t n_rows);
void pack_end(struct model *m);

#endif
