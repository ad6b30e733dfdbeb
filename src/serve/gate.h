/* gate: who may ask, how much, and what they have used. Keys (only their hashes), tenants and usage live in SQLite;
 * what a request needs is held in memory, so that no request waits for a disk.
 *
 * Threads: every function from any thread. gate_authenticate and gate_admit take one short lock. */
#ifndef SIL_SERVE_GATE_H
#define SIL_SERVE_GATE_H

#include "base/clock.h"
#include "base/str.h"
#include "serve/caller.h"
#include "serve/config.h"
#include "serve/gate_db.h"
#include "serve/gate_ticket.h"
#include "serve/request.h"

struct gate;
struct log;

/* Opens (or makes) STATE/keys.db as the configuration says. The configuration must outlive the gate. */
sil_err gate_open(const struct config *c, struct clock clock, struct gate **out, struct sil_error *e);
/* Writes what is not written yet. NULL is allowed. */
void gate_close(struct gate *g);
/* SIGHUP: keys and limits anew. Requests that run keep what they were given. On failure everything stays as it was. */
sil_err gate_reload(struct gate *g, const struct config *c, struct sil_error *e);

/* secret: the bearer token of the request ("sk-sillok-..."), maybe empty. With keys switched off in the configuration
 * everybody is the tenant "local". Compares hashes in constant time. On failure f is 401 (no key, unknown key) or 403
 * (revoked key, suspended tenant, a model that the tenant may not use is checked by gate_admit). */
bool gate_authenticate(struct gate *g, struct str secret, struct caller *out, struct fault *f);

/* What holds for the caller's tenant. models: allowed names joined by newlines, where some_models. */
struct gate_terms {
    struct config_rates rates; /* 0: no limit */
    uint64_t tokens_today;     /* prompts and answers, UTC */
    bool some_models;
    char models[4096];
};
void gate_terms(struct gate *g, const struct caller *c, struct gate_terms *out);
bool gate_terms_allow(const struct gate_terms *t, const char *model);

/* Counts one request and reserves its tokens: prompt tokens and the most that may be answered, all choices together.
 * Fills r->ticket (headers, also on failure). On failure f is 429 (rate: with retry_ms; daily budget: do_not_retry) or
 * 403 (model). Called by a worker once the token ids are known. */
bool gate_admit(struct gate *g, struct request *r, uint64_t n_tokens, struct fault *f);

/* The end of an admitted request, however it ended: gives back what was reserved and not used, counts the usage for
 * tenant, key, model and day. usage may be all zero. Called once, where ticket.admitted. */
void gate_settle(struct gate *g, struct request *r, const struct answer_usage *usage);

/* Requests of a tenant that are admitted and not settled. */
uint32_t gate_running(struct gate *g, uint64_t tenant);

/* ---- for administrators: these read or write keys.db, so from workers only. What they change holds at once ---- */

/* Every key; as gate_db_keys. Tenants: as gate_db_tenants. */
sil_err gate_keys(struct gate *g, sil_err (*each)(void *arg, const struct gate_key *k), void *arg, struct sil_error *e);
sil_err gate_tenants(struct gate *g, sil_err (*each)(void *arg, const struct gate_tenant *t), void *arg,
                     struct sil_error *e);
/* A key of the tenant k->tenant_name, which is made where it is new: k->name, admin, expires; k->id and created are
 * set, and secret is the only copy of it. SIL_ARG: a name that is none, or that is taken. */
sil_err gate_key_make(struct gate *g, struct gate_key *k, char secret[GATE_SECRET], struct sil_error *e);
/* *k: the key as it was before. SIL_ARG when there is none. */
sil_err gate_key_revoke(struct gate *g, uint64_t id, struct gate_key *k, struct sil_error *e);
/* What was used until now; q->tenant of a tenant's name by gate_tenant_id (SIL_ARG when there is none). */
sil_err gate_usage(struct gate *g, const struct gate_usage_query *q,
                   sil_err (*each)(void *arg, const struct gate_usage *u), void *arg, struct sil_error *e);
sil_err gate_tenant_id(struct gate *g, const char *name, uint64_t *id, struct sil_error *e);

/* Where the gate says that keys.db cannot be read or written, and that it can again; NULL: nowhere. Before requests. */
void gate_set_log(struct gate *g, struct log *l);

/* Takes over what other processes changed in keys.db (a key that `sillok key revoke` took away) and writes the usage
 * counted since. A thread of the gate does it five times a second; tests do it at once. On failure what
 * was there stays, and the usage is kept for the next time. */
sil_err gate_poll(struct gate *g, struct sil_error *e);

#endif
