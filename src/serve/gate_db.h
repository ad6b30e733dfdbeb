/* gate_db: STATE/keys.db, in SQLite: tenants, keys (only their hashes), usage. Opened by the server and, beside it, by
 * `sillok key` and `sillok usage`: write-ahead log, short transactions, every value bound as a parameter.
 * One thread at a time for each handle. */
#ifndef SIL_SERVE_GATE_DB_H
#define SIL_SERVE_GATE_DB_H

#include "serve/caller.h"
#include "serve/config.h"
#include "serve/gate_secret.h"

enum { GATE_TENANTS_MAX = 1 << 16, GATE_KEYS_MAX = 1 << 20, GATE_MODELS_MAX = 4096 /* bytes of names */ };

struct gate_db;

/* Opens, or makes, STATE/keys.db (the folder too; only their owner may read). patient: waits some seconds for another
 * process; otherwise a quarter of one. Errors: SIL_IO, SIL_FORMAT (damaged, or no such file), SIL_UNSUPPORTED (made by
 * a newer Sillok), SIL_NOMEM. */
sil_err gate_db_open(const char *state, bool patient, struct gate_db **out, struct sil_error *e);
void gate_db_close(struct gate_db *db); /* NULL is allowed */

/* Random bytes of this file alone, made with it. */
const uint8_t *gate_db_salt(const struct gate_db *db);
/* A number that changes when another process has written; cheap. */
sil_err gate_db_version(struct gate_db *db, int64_t *out, struct sil_error *e);

/* GATE_OWN says which of the numbers are the tenant's own; of the others the configuration speaks. */
enum {
    GATE_OWN_REQUESTS = 1,
    GATE_OWN_TOKENS = 2,
    GATE_OWN_DAY = 4,
    GATE_OWN_CONCURRENT = 8,
    GATE_OWN_TRANSCRIPT = 16,
    GATE_OWN_MODELS = 32,
    GATE_OWN_WEIGHT = 64,    /* for gate_db_tenant_put only */
    GATE_OWN_SUSPENDED = 128 /* the same */
};
struct gate_tenant {
    uint64_t id;
    char name[CALLER_NAME];
    unsigned own;
    struct config_rates rates;
    enum caller_transcript transcript;
    uint32_t weight;
    bool suspended;
    char models[GATE_MODELS_MAX]; /* names joined by newlines; with GATE_OWN_MODELS only these are allowed */
    uint64_t n_keys;              /* that are not revoked */
};
struct gate_key {
    uint64_t id, tenant;
    char name[CALLER_NAME], tenant_name[CALLER_NAME];
    uint8_t hash[GATE_HASH];
    bool admin;                        /* may do what the operator may, see caller.h */
    int64_t created, expires, revoked; /* Unix seconds; expires, revoked: 0 for never */
};
struct gate_usage {
    int64_t day; /* since 1970-01-01 */
    uint64_t tenant, key;
    char tenant_name[CALLER_NAME], key_name[CALLER_NAME];
    const char *model;
    uint64_t requests, prompt_tokens, cached_tokens, answer_tokens;
    double energy_j; /* of answers that were measured */
};

/* Each calls back for every row; anything but SIL_OK from the callback ends it and is returned. What is handed over is
 * valid during the call. Tenants by id, keys by id, usage by day, tenant, model, key. */
sil_err gate_db_tenants(struct gate_db *db, sil_err (*each)(void *arg, const struct gate_tenant *t), void *arg,
                        struct sil_error *e);
sil_err gate_db_keys(struct gate_db *db, sil_err (*each)(void *arg, const struct gate_key *k), void *arg,
                     struct sil_error *e);
sil_err gate_db_usage(struct gate_db *db, int64_t from_day, int64_t to_day,
                      sil_err (*each)(void *arg, const struct gate_usage *u), void *arg, struct sil_error *e);

/* The same, added up by what `by` says: the other fields of a row are 0 or empty. At most `limit` rows. */
enum { USAGE_BY_DAY = 1, USAGE_BY_TENANT = 2, USAGE_BY_MODEL = 4, USAGE_BY_KEY = 8 };
struct gate_usage_query {
    unsigned by;
    int64_t from_day, to_day;
    bool all; /* tenants; else only this one */
    uint64_t tenant;
    uint32_t limit;
    uint32_t within_ms; /* SIL_LIMIT when it takes longer; 0: as long as it takes */
};
sil_err gate_db_usage_sum(struct gate_db *db, const struct gate_usage_query *q,
                          sil_err (*each)(void *arg, const struct gate_usage *u), void *arg, struct sil_error *e);

/* Makes the tenant of that name, or changes what `own` names of it; `unset` gives back to the configuration. *id. */
sil_err gate_db_tenant_put(struct gate_db *db, const struct gate_tenant *t, unsigned unset, int64_t now, uint64_t *id,
                           struct sil_error *e);
/* SIL_ARG when there is none of that name. */
sil_err gate_db_tenant_find(struct gate_db *db, const char *name, uint64_t *id, struct sil_error *e);
/* k->tenant, name, hash, admin, created, expires. SIL_ARG when the tenant has a key of that name. */
sil_err gate_db_key_add(struct gate_db *db, const struct gate_key *k, uint64_t *id, struct sil_error *e);
/* The same with a key that is drawn here: k->hash is set, and secret is its only copy, which the caller wipes. k->name
 * empty: "key-" and the time. k->id is set. */
sil_err gate_db_key_make(struct gate_db *db, struct gate_key *k, char secret[GATE_SECRET], struct sil_error *e);
/* *was: it was revoked before. SIL_ARG when there is none. */
sil_err gate_db_key_revoke(struct gate_db *db, uint64_t id, int64_t now, bool *was, struct sil_error *e);

/* What changes from now on is on disk when the call returns, also through a power cut (or, again, soon afterwards). */
sil_err gate_db_durable(struct gate_db *db, bool on, struct sil_error *e);

/* Adds n rows of usage, all or none. */
sil_err gate_db_usage_add(struct gate_db *db, const struct gate_usage *rows, size_t n, struct sil_error *e);

/* 1 to 63 bytes of UTF-8 without control characters, '"', '\\' and spaces at the ends. */
bool gate_name_ok(const char *name);

#endif
