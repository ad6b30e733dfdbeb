/* admin: what the console's pages of models, keys and usage ask: JSON (and CSV) out of the gate and the catalog. Which
 * of it an ordinary key may ask is route.c's to say; what is its tenant's own is told apart here. */
#ifndef SIL_SERVE_ADMIN_H
#define SIL_SERVE_ADMIN_H

#include "base/buf.h"
#include "serve/catalog.h"
#include "serve/gate.h"

/* GET /whoami: {"tenant","key","key_id","admin","models":[allowed names],"limits":{...; null: none},"tokens_today"}. */
sil_err admin_whoami(struct gate *g, const struct catalog *c, const struct caller *who, struct buf *out);

/* GET /admin/models: every configured model, loaded or not, and the memory they take. */
sil_err admin_models(const struct catalog *c, const struct config *config, struct clock clock, struct buf *out);
/* One of them: what POST /admin/models/NAME/load and /unload answer. */
sil_err admin_model(const struct catalog *c, uint32_t index, struct clock clock, struct buf *out);

#endif
