/* gate_db_read: rows of the tables as structs. A file that somebody changed by hand is not trusted: numbers are brought
 * into their ranges, and a text that is no name ends the reading with an error. */
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "serve/gate_db_impl.h"

enum { LATE_STEPS = 1000 };

static uint64_t column_u64(sqlite3_stmt *s, int i) {
    sqlite3_int64 v = sqlite3_column_int64(s, i);
    return v > 0 ? (uint64_t)v : 0;
}

static uint32_t column_u32(sqlite3_stmt *s, int i, uint32_t low, uint32_t high) {
    uint64_t v = column_u64(s, i);
    return v < low ? low : v > high ? high : (uint32_t)v;
}

static const char *column_text(sqlite3_stmt *s, int i) {
    const unsigned char *p = sqlite3_column_text(s, i);
    return p ? (const char *)p : "";
}

static bool column_name(sqlite3_stmt *s, int i, char out[CALLER_NAME]) {
    const char *p = column_text(s, i);
    if (!gate_name_ok(p) || strlen(p) != (size_t)sqlite3_column_bytes(s, i)) return false;
    snprintf(out, CALLER_NAME, "%s", p);
    return true;
}

static sil_err bad_row(struct gate_db *db, const char *table, sqlite3_stmt *s, struct sil_error *e) {
    if (sqlite3_errcode(db->sql) == SQLITE_NOMEM) return err_nomem(e, db->path, 0); /* no memory for its text */
    return err_set(e, SIL_FORMAT, "%s: row %lld of %s is damaged", db->path, (long long)sqlite3_column_int64(s, 0),
                   table);
}

static uint64_t own(sqlite3_stmt *s, int i, unsigned flag, struct gate_tenant *t) {
    if (sqlite3_column_type(s, i) == SQLITE_NULL) return 0;
    t->own |= flag;
    return column_u64(s, i);
}

static sil_err read_tenant(struct gate_db *db, sqlite3_stmt *s, struct gate_tenant *t, struct sil_error *e) {
    *t = (struct gate_tenant){.id = column_u64(s, 0)};
    size_t n = strlen(column_text(s, 9));
    if (t->id == 0 || !column_name(s, 1, t->name) || n >= sizeof t->models) return bad_row(db, "tenants", s, e);
    t->weight = column_u32(s, 2, 1, 1000);
    t->suspended = sqlite3_column_int64(s, 3) != 0;
    t->transcript = (enum caller_transcript)own(s, 4, GATE_OWN_TRANSCRIPT, t);
    if (t->transcript > TRANSCRIPT_TEXT) return bad_row(db, "tenants", s, e);
    t->rates.requests_minute = own(s, 5, GATE_OWN_REQUESTS, t);
    t->rates.tokens_minute = own(s, 6, GATE_OWN_TOKENS, t);
    t->rates.tokens_day = own(s, 7, GATE_OWN_DAY, t);
    uint64_t concurrent = own(s, 8, GATE_OWN_CONCURRENT, t);
    t->rates.concurrent = concurrent < UINT32_MAX ? (uint32_t)concurrent : UINT32_MAX;
    if (sqlite3_column_type(s, 9) != SQLITE_NULL) t->own |= GATE_OWN_MODELS;
    memcpy(t->models, column_text(s, 9), n + 1);
    t->n_keys = column_u64(s, 10);
    return SIL_OK;
}

sil_err gate_db_tenants(struct gate_db *db, sil_err (*each)(void *arg, const struct gate_tenant *t), void *arg,
                        struct sil_error *e) {
    sqlite3_stmt *s;
    struct gate_tenant t;
    sil_err err = SIL_OK;
    int rc;
    SIL_TRY(
        gate_db_prepare(db,
                        "SELECT id, name, weight, suspended, transcript, requests_minute, tokens_minute, tokens_day,"
                        " concurrent, models, (SELECT count(*) FROM keys WHERE tenant = tenants.id AND revoked = 0)"
                        " FROM tenants ORDER BY id",
                        &s, e));
    while (err == SIL_OK && (rc = sqlite3_step(s)) != SQLITE_DONE) {
        if (rc != SQLITE_ROW) err = gate_db_error(db, "read", e);
        if (err == SIL_OK) err = read_tenant(db, s, &t, e);
        if (err == SIL_OK) err = each(arg, &t);
    }
    sqlite3_finalize(s);
    return err;
}

static sil_err read_key(struct gate_db *db, sqlite3_stmt *s, struct gate_key *k, struct sil_error *e) {
    *k = (struct gate_key){.id = column_u64(s, 0), .tenant = column_u64(s, 1)};
    if (!column_name(s, 2, k->name) || !column_name(s, 3, k->tenant_name) || sqlite3_column_bytes(s, 4) != GATE_HASH)
        return bad_row(db, "keys", s, e);
    memcpy(k->hash, sqlite3_column_blob(s, 4), GATE_HASH);
    k->created = sqlite3_column_int64(s, 5);
    k->expires = sqlite3_column_int64(s, 6);
    k->revoked = sqlite3_column_int64(s, 7);
    k->admin = sqlite3_column_int64(s, 8) != 0;
    return SIL_OK;
}

sil_err gate_db_keys(struct gate_db *db, sil_err (*each)(void *arg, const struct gate_key *k), void *arg,
                     struct sil_error *e) {
    sqlite3_stmt *s;
    struct gate_key k;
    sil_err err = SIL_OK;
    int rc;
    SIL_TRY(
        gate_db_prepare(db,
                        "SELECT keys.id, tenant, keys.name, tenants.name, hash, keys.created, expires, revoked, admin"
                        " FROM keys JOIN tenants ON tenants.id = tenant ORDER BY keys.id",
                        &s, e));
    while (err == SIL_OK && (rc = sqlite3_step(s)) != SQLITE_DONE) {
        if (rc != SQLITE_ROW) err = gate_db_error(db, "read", e);
        if (err == SIL_OK) err = read_key(db, s, &k, e);
        if (err == SIL_OK) err = each(arg, &k);
    }
    sqlite3_finalize(s);
    return err;
}

/* A model's name is printed to terminals and into JSON. */
static const char *column_model(sqlite3_stmt *s, int i) {
    const char *name = column_text(s, i);
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\') return "?";
    return name;
}

/* Tenant and key 0 are those of a server without keys. */
static void read_usage(sqlite3_stmt *s, struct gate_usage *u) {
    *u = (struct gate_usage){.day = sqlite3_column_int64(s, 0), .tenant = column_u64(s, 1), .key = column_u64(s, 2)};
    if (!column_name(s, 3, u->tenant_name)) snprintf(u->tenant_name, CALLER_NAME, "%s", u->tenant ? "?" : "local");
    if (!column_name(s, 4, u->key_name)) snprintf(u->key_name, CALLER_NAME, "%s", u->key ? "?" : "local");
    u->model = column_model(s, 5);
    u->requests = column_u64(s, 6);
    u->prompt_tokens = column_u64(s, 7);
    u->cached_tokens = column_u64(s, 8);
    u->answer_tokens = column_u64(s, 9);
    u->energy_j = sqlite3_column_double(s, 10);
}

static sil_err each_row(struct gate_db *db, sqlite3_stmt *s, sil_err (*each)(void *arg, const struct gate_usage *u),
                        void *arg, struct sil_error *e) {
    struct gate_usage u;
    sil_err err = SIL_OK;
    int rc;
    while (err == SIL_OK && (rc = sqlite3_step(s)) != SQLITE_DONE) {
        if (rc != SQLITE_ROW) {
            err = gate_db_error(db, "read", e);
            break;
        }
        read_usage(s, &u);
        err = each(arg, &u);
    }
    sqlite3_finalize(s);
    return err;
}

sil_err gate_db_usage(struct gate_db *db, int64_t from_day, int64_t to_day,
                      sil_err (*each)(void *arg, const struct gate_usage *u), void *arg, struct sil_error *e) {
    sqlite3_stmt *s;
    SIL_TRY(gate_db_prepare(db,
                            "SELECT day, usage.tenant, key, tenants.name, keys.name, model, requests, prompt_tokens,"
                            " cached_tokens, answer_tokens, energy_j FROM usage"
                            " LEFT JOIN tenants ON tenants.id = usage.tenant LEFT JOIN keys ON keys.id = key"
                            " WHERE day BETWEEN ?1 AND ?2 ORDER BY day, usage.tenant, model, key",
                            &s, e));
    sqlite3_bind_int64(s, 1, from_day);
    sqlite3_bind_int64(s, 2, to_day);
    return each_row(db, s, each, arg, e);
}

/* What SQLite asks every so many steps of a query: whether to give up. */
static int is_late(void *arg) {
    return clock_now_ns(clock_system()) > *(const uint64_t *)arg;
}

sil_err gate_db_usage_sum(struct gate_db *db, const struct gate_usage_query *q,
                          sil_err (*each)(void *arg, const struct gate_usage *u), void *arg, struct sil_error *e) {
    sqlite3_stmt *s;
    SIL_TRY(gate_db_prepare(
        db,
        "SELECT iif(?1 & 1, day, 0) d, iif(?1 & 2, usage.tenant, 0) t, iif(?1 & 8, key, 0) k, max(tenants.name),"
        " max(keys.name), iif(?1 & 4, model, '') m, sum(requests), sum(prompt_tokens), sum(cached_tokens),"
        " sum(answer_tokens), sum(energy_j) FROM usage"
        " LEFT JOIN tenants ON tenants.id = usage.tenant LEFT JOIN keys ON keys.id = key"
        " WHERE day BETWEEN ?2 AND ?3 AND (?4 OR usage.tenant = ?5) GROUP BY d, t, m, k ORDER BY d, t, m, k LIMIT ?6",
        &s, e));
    sqlite3_bind_int64(s, 1, (int64_t)q->by);
    sqlite3_bind_int64(s, 2, q->from_day);
    sqlite3_bind_int64(s, 3, q->to_day);
    sqlite3_bind_int(s, 4, q->all);
    sqlite3_bind_int64(s, 5, q->tenant > INT64_MAX ? INT64_MAX : (int64_t)q->tenant);
    sqlite3_bind_int64(s, 6, q->limit);
    uint64_t until = clock_now_ns(clock_system()) + q->within_ms * UINT64_C(1000000);
    if (q->within_ms) sqlite3_progress_handler(db->sql, LATE_STEPS, is_late, &until);
    sil_err err = each_row(db, s, each, arg, e);
    sqlite3_progress_handler(db->sql, 0, NULL, NULL);
    return err;
}
