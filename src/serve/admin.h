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

/* ---- on a worker's thread; r->admin says what is asked ---- */

/* GET /admin/keys: keys without their secrets, and the tenants. */
bool admin_keys(struct gate *g, const struct request *r, struct buf *out, struct fault *f);
/* POST /admin/keys {tenant, name?, admin?, expires_days?}: the key with its secret, this once. */
bool admin_key_add(struct gate *g, struct log *log, const struct request *r, struct str body, struct buf *out,
                   struct fault *f);
/* POST /admin/keys/N/revoke. 409 own_key. */
bool admin_key_revoke(struct gate *g, struct log *log, const struct request *r, struct buf *out, struct fault *f);
/* GET /usage (the caller's tenant), /admin/usage: JSON {from, to, rows, total}, or CSV as of `sillok usage`. */
bool admin_usage(struct gate *g, const struct request *r, struct buf *out, struct fault *f);

#endif
