/* gate_admin: what administrators ask of keys.db and change in it, through the server. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "serve/gate_impl.h"

sil_err gate_keys(struct gate *g, sil_err (*each)(void *arg, const struct gate_key *k), void *arg,
                  struct sil_error *e) {
    pthread_mutex_lock(&g->files);
    sil_err err = gate_db_keys(g->db, each, arg, e);
    pthread_mutex_unlock(&g->files);
    return err;
}

sil_err gate_tenants(struct gate *g, sil_err (*each)(void *arg, const struct gate_tenant *t), void *arg,
                     struct sil_error *e) {
    pthread_mutex_lock(&g->files);
    sil_err err = gate_db_tenants(g->db, each, arg, e);
    pthread_mutex_unlock(&g->files);
    return err;
}

sil_err gate_tenant_id(struct gate *g, const char *name, uint64_t *id, struct sil_error *e) {
    pthread_mutex_lock(&g->files);
    sil_err err = gate_db_tenant_find(g->db, name, id, e);
    pthread_mutex_unlock(&g->files);
    return err;
}

sil_err gate_usage(struct gate *g, const struct gate_usage_query *q,
                   sil_err (*each)(void *arg, const struct gate_usage *u), void *arg, struct sil_error *e) {
    struct sil_error ignored = {0};
    pthread_mutex_lock(&g->files);
    (void)gate_flush(g, &ignored); /* what cannot be written stays counted for later */
    sil_err err = gate_db_usage_sum(g->db, q, each, arg, e);
    pthread_mutex_unlock(&g->files);
    return err;
}

/* ---- changes ---- */

/* Takes over what this process changed itself: data_version tells of others' changes only. */
static sil_err taken_over(struct gate *g, sil_err err, struct sil_error *e) {
    struct sil_error later = {0};
    if (err == SIL_OK) err = gate_load(g, NULL, e);
    if (err != SIL_OK) g->version = -1; /* read again soon, whatever has become of it */
    (void)gate_db_durable(g->db, false, &later);
    return err;
}

static sil_err make(struct gate *g, struct gate_key *k, char secret[GATE_SECRET], struct sil_error *e) {
    struct gate_tenant t = {.weight = 1};
    memcpy(t.name, k->tenant_name, sizeof t.name);
    k->created = clock_unix_s(g->clock);
    SIL_TRY(gate_db_durable(g->db, true, e));
    sil_err err = gate_db_tenant_put(g->db, &t, 0, k->created, &k->tenant, e);
    if (err == SIL_OK) err = gate_db_key_make(g->db, k, secret, e);
    return taken_over(g, err, e);
}

sil_err gate_key_make(struct gate *g, struct gate_key *k, char secret[GATE_SECRET], struct sil_error *e) {
    if (!gate_name_ok(k->tenant_name) || (k->name[0] && !gate_name_ok(k->name)))
        return err_set(e, SIL_ARG, "a name has 1 to %d bytes, without quotes and control characters", CALLER_NAME - 1);
    pthread_mutex_lock(&g->files);
    sil_err err = make(g, k, secret, e);
    pthread_mutex_unlock(&g->files);
    if (err != SIL_OK) sodium_memzero(secret, GATE_SECRET);
    return err;
}

static sil_err is_it(void *arg, const struct gate_key *k) {
    struct gate_key *wanted = arg;
    if (k->id == wanted->id) *wanted = *k;
    return SIL_OK;
}

static sil_err revoke(struct gate *g, struct gate_key *k, struct sil_error *e) {
    uint64_t id = k->id;
    bool was;
    SIL_TRY(gate_db_keys(g->db, is_it, k, e));
    SIL_TRY(gate_db_durable(g->db, true, e));
    return taken_over(g, gate_db_key_revoke(g->db, id, clock_unix_s(g->clock), &was, e), e);
}

sil_err gate_key_revoke(struct gate *g, uint64_t id, struct gate_key *k, struct sil_error *e) {
    *k = (struct gate_key){.id = id};
    pthread_mutex_lock(&g->files);
    sil_err err = revoke(g, k, e);
    pthread_mutex_unlock(&g->files);
    return err;
}
