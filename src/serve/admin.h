/* admin: what the console's pages of models, keys and usage ask: JSON (and CSV) out of the gate and the catalog. Which
 * of it an ordinary key may ask is route.c's to say; what is its tenant's own is told apart here. */
#ifndef SIL_SERVE_ADMIN_H
#define SIL_SERVE_ADMIN_H

#include "base/buf.h"
#include "serve/catalog.h"
#include "serve/gate.h"

/* GET /whoami: {"tenant","key","key_id","admin","models":[allowed names],"limits":{...; null: none},"tokens_today"}. */
sil_err admin_whoami(struct gate *g, const struct catalog *c, const struct caller *who, struct buf *out);

#endif
