/* gate_db: opening the file, and what changes it. gate_db_read.c reads it. */
#include "serve/gate_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "serve/gate_db_impl.h"
#include "serve/usage.h"

enum { APPLICATION = 0x53494c4b /* "SILK" */, SCHEMA = 2, PATH_BYTES = 4096, PATIENT_MS = 5000, HASTY_MS = 250 };

/* AUTOINCREMENT: a number is never given again, also after its row is gone. */
static const char schema[] =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
    "CREATE TABLE tenants(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " weight INTEGER NOT NULL DEFAULT 1, suspended INTEGER NOT NULL DEFAULT 0, transcript INTEGER,"
    " requests_minute INTEGER, tokens_minute INTEGER, tokens_day INTEGER, concurrent INTEGER, models TEXT,"
    " created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE keys(id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL REFERENCES tenants(id),"
    " name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, created INTEGER NOT NULL, expires INTEGER NOT NULL DEFAULT 0,"
    " revoked INTEGER NOT NULL DEFAULT 0, admin INTEGER NOT NULL DEFAULT 0, UNIQUE(tenant, name)) STRICT;"
    "CREATE TABLE usage(day INTEGER NOT NULL, tenant INTEGER NOT NULL, model TEXT NOT NULL, key INTEGER NOT NULL,"
    " requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,"
    " answer_tokens INTEGER NOT NULL, energy_j REAL NOT NULL, PRIMARY KEY(day, tenant, model, key))"
    " STRICT, WITHOUT ROWID;";

bool gate_name_ok(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n >= CALLER_NAME || name[0] == ' ' || name[n - 1] == ' ') return false;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = utf8_decode(name + i, n - i, &cp);
        bool reorders = (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
        if (len == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == '"' || cp == '\\' || reorders) return false;
        i += len;
    }
    return true;
}

sil_err gate_db_error(struct gate_db *db, const char *doing, struct sil_error *e) {
    int code = sqlite3_errcode(db->sql);
    const char *why = sqlite3_errmsg(db->sql);
    switch (code & 0xff) {
    case SQLITE_NOMEM: return err_nomem(e, db->path, 0);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return err_set(e, SIL_FORMAT, "%s: %s: %s; put the last copy in its place, or move it away and add keys anew",
                       db->path, doing, why);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, SIL_IO, "%s: %s: another process is writing to it; try again", db->path, doing);
    case SQLITE_INTERRUPT: return err_set(e, SIL_LIMIT, "that takes too long to add up; ask for fewer days");
    case SQLITE_FULL: return err_set(e, SIL_IO, "%s: %s: the disk is full", db->path, doing);
    case SQLITE_CONSTRAINT: return err_set(e, SIL_ARG, "%s: %s: %s", db->path, doing, why);
    default: return err_set(e, SIL_IO, "%s: %s: %s", db->path, doing, why);
    }
}

sil_err gate_db_prepare(struct gate_db *db, const char *sql, sqlite3_stmt **out, struct sil_error *e) {
    if (sqlite3_prepare_v2(db->sql, sql, -1, out, NULL) == SQLITE_OK) return SIL_OK;
    return gate_db_error(db, "prepare", e);
}

static sil_err run(struct gate_db *db, const char *sql, const char *doing, struct sil_error *e) {
    if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) == SQLITE_OK) return SIL_OK;
    return gate_db_error(db, doing, e);
}

/* Runs a statement without rows to its end, and gives it back. */
static sil_err finish(struct gate_db *db, sqlite3_stmt *s, const char *doing, struct sil_error *e) {
    sil_err err = SIL_OK;
    if (sqlite3_step(s) != SQLITE_DONE) err = gate_db_error(db, doing, e);
    sqlite3_finalize(s);
    return err;
}

/* ---- opening ---- */

static sil_err one_number(struct gate_db *db, const char *sql, int64_t *out, struct sil_error *e) {
    sqlite3_stmt *s;
    SIL_TRY(gate_db_prepare(db, sql, &s, e));
    sil_err err = SIL_OK;
    if (sqlite3_step(s) == SQLITE_ROW) *out = sqlite3_column_int64(s, 0);
    else err = gate_db_error(db, "read", e);
    sqlite3_finalize(s);
    return err;
}

static sil_err make_schema(struct gate_db *db, struct sil_error *e) {
    char sql[128];
    sqlite3_stmt *s;
    uint8_t salt[GATE_SALT];
    randombytes_buf(salt, sizeof salt);
    SIL_TRY(run(db, schema, "make tables", e));
    SIL_TRY(gate_db_prepare(db, "INSERT INTO meta(name, value) VALUES('salt', ?1)", &s, e));
    sqlite3_bind_blob(s, 1, salt, sizeof salt, SQLITE_STATIC);
    SIL_TRY(finish(db, s, "make tables", e));
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION, SCHEMA);
    return run(db, sql, "make tables", e);
}

/* Tables of an older Sillok, brought up to date: since 2, keys say whether they are the administrator's. */
static sil_err upgrade(struct gate_db *db, int64_t version, struct sil_error *e) {
    char sql[64];
    if (version < 1) return err_set(e, SIL_FORMAT, "%s has no version of its tables", db->path);
    if (version < 2)
        SIL_TRY(run(db, "ALTER TABLE keys ADD COLUMN admin INTEGER NOT NULL DEFAULT 0", "bring up to date", e));
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", SCHEMA);
    return run(db, sql, "bring up to date", e);
}

static sil_err check_schema(struct gate_db *db, struct sil_error *e) {
    int64_t application = 0, version = 0, tables = 0;
    SIL_TRY(one_number(db, "PRAGMA application_id", &application, e));
    SIL_TRY(one_number(db, "PRAGMA user_version", &version, e));
    SIL_TRY(one_number(db, "SELECT count(*) FROM sqlite_schema", &tables, e));
    if (tables == 0) return make_schema(db, e);
    if (application != APPLICATION)
        return err_set(e, SIL_FORMAT, "%s is a database of another program; give another state directory", db->path);
    if (version > SCHEMA)
        return err_set(e, SIL_UNSUPPORTED,
                       "%s was made by a newer Sillok (version %lld of its tables, this one knows %d)", db->path,
                       (long long)version, SCHEMA);
    return version < SCHEMA ? upgrade(db, version, e) : SIL_OK;
}

static sil_err read_salt(struct gate_db *db, struct sil_error *e) {
    sqlite3_stmt *s;
    SIL_TRY(gate_db_prepare(db, "SELECT value FROM meta WHERE name = 'salt'", &s, e));
    sil_err err = SIL_OK;
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == GATE_SALT)
        memcpy(db->salt, sqlite3_column_blob(s, 0), GATE_SALT);
    else if (rc == SQLITE_ROW || rc == SQLITE_DONE) err = err_set(e, SIL_FORMAT, "%s has no salt", db->path);
    else err = gate_db_error(db, "read", e);
    sqlite3_finalize(s);
    return err;
}

static sil_err set_up(struct gate_db *db, bool patient, struct sil_error *e) {
    sqlite3_busy_timeout(db->sql, patient ? PATIENT_MS : HASTY_MS);
    sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* Usage of the last second may be lost with the power; keys that people add or revoke may not. */
    SIL_TRY(run(db, patient ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", "set up", e));
    SIL_TRY(run(db,
                "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;"
                "PRAGMA temp_store = MEMORY" /* the sandbox has no place for temporary files */,
                "set up", e));
    SIL_TRY(run(db, "PRAGMA journal_mode = WAL", "set up", e));
    SIL_TRY(run(db, "BEGIN IMMEDIATE", "open", e));
    sil_err err = check_schema(db, e);
    if (err == SIL_OK) err = read_salt(db, e);
    if (err == SIL_OK) err = run(db, "COMMIT", "open", e);
    if (err != SIL_OK) sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

/* For its owner alone; files that SQLite puts beside it take the same mode. */
static sil_err make_file(const char *state, const char *path, struct sil_error *e) {
    char words[128];
    if (mkdir(state, 0700) != 0 && errno != EEXIST) {
        if (strerror_r(errno, words, sizeof words) != 0) words[0] = '\0';
        return err_set(e, SIL_IO, "cannot make the state directory %s: %s", state, words);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (strerror_r(errno, words, sizeof words) != 0) words[0] = '\0';
        return err_set(e, SIL_IO, "cannot open %s: %s", path, words);
    }
    close(fd);
    return SIL_OK;
}

sil_err gate_db_open(const char *state, bool patient, struct gate_db **out, struct sil_error *e) {
    struct gate_db *db = mem_array(mem_libc(), 1, sizeof *db);
    if (!db) return err_nomem(e, "keys.db", sizeof *db);
    int n = snprintf(db->path, sizeof db->path, "%s/keys.db", state);
    sil_err err = n < 0 || (size_t)n >= sizeof db->path
                      ? err_set(e, SIL_LIMIT, "the state directory's path is too long")
                      : make_file(state, db->path, e);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (err == SIL_OK && sodium_init() < 0) err = err_set(e, SIL_IO, "no source of randomness");
    if (err == SIL_OK && sqlite3_open_v2(db->path, &db->sql, flags, NULL) != SQLITE_OK)
        err = db->sql ? gate_db_error(db, "open", e) : err_nomem(e, db->path, 0);
    if (err == SIL_OK) err = set_up(db, patient, e);
    if (err != SIL_OK) {
        gate_db_close(db);
        return err;
    }
    *out = db;
    return SIL_OK;
}

void gate_db_close(struct gate_db *db) {
    if (!db) return;
    sqlite3_close(db->sql);
    mem_free(mem_libc(), db);
}

const uint8_t *gate_db_salt(const struct gate_db *db) {
    return db->salt;
}

sil_err gate_db_version(struct gate_db *db, int64_t *out, struct sil_error *e) {
    return one_number(db, "PRAGMA data_version", out, e);
}

/* ---- changing ---- */

static void bind_u64(sqlite3_stmt *s, int i, uint64_t v) {
    sqlite3_bind_int64(s, i, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

static void bind_own(sqlite3_stmt *s, int i, const struct gate_tenant *t, unsigned flag, uint64_t v) {
    if (t->own & flag) bind_u64(s, i, v);
}

sil_err gate_db_tenant_find(struct gate_db *db, const char *name, uint64_t *id, struct sil_error *e) {
    sqlite3_stmt *s;
    SIL_TRY(gate_db_prepare(db, "SELECT id FROM tenants WHERE name = ?1", &s, e));
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    sil_err err = SIL_OK;
    if (rc == SQLITE_ROW) *id = (uint64_t)sqlite3_column_int64(s, 0);
    else if (rc == SQLITE_DONE) err = err_set(e, SIL_ARG, "there is no tenant \"%s\"", name);
    else err = gate_db_error(db, "read", e);
    sqlite3_finalize(s);
    return err;
}

/* A value that was not given (NULL) leaves the column as it is, unless its flag is in `unset` (?10). */
sil_err gate_db_tenant_put(struct gate_db *db, const struct gate_tenant *t, unsigned unset, int64_t now, uint64_t *id,
                           struct sil_error *e) {
    sqlite3_stmt *s;
    if (!gate_name_ok(t->name)) return err_set(e, SIL_ARG, "a tenant's name has 1 to 63 bytes, without quotes");
    SIL_TRY(gate_db_prepare(db,
                            "INSERT INTO tenants(name, weight, suspended, transcript, requests_minute, tokens_minute,"
                            " tokens_day, concurrent, models, created)"
                            " VALUES(?1, coalesce(?2, 1), coalesce(?3, 0), ?4, ?5, ?6, ?7, ?8, ?9, ?11)"
                            " ON CONFLICT(name) DO UPDATE SET weight = coalesce(?2, weight),"
                            " suspended = coalesce(?3, suspended),"
                            " transcript = iif(?10 & 16, NULL, coalesce(?4, transcript)),"
                            " requests_minute = iif(?10 & 1, NULL, coalesce(?5, requests_minute)),"
                            " tokens_minute = iif(?10 & 2, NULL, coalesce(?6, tokens_minute)),"
                            " tokens_day = iif(?10 & 4, NULL, coalesce(?7, tokens_day)),"
                            " concurrent = iif(?10 & 8, NULL, coalesce(?8, concurrent)),"
                            " models = iif(?10 & 32, NULL, coalesce(?9, models))",
                            &s, e));
    sqlite3_bind_text(s, 1, t->name, -1, SQLITE_STATIC);
    bind_own(s, 2, t, GATE_OWN_WEIGHT, t->weight);
    bind_own(s, 3, t, GATE_OWN_SUSPENDED, t->suspended);
    bind_own(s, 4, t, GATE_OWN_TRANSCRIPT, (uint64_t)t->transcript);
    bind_own(s, 5, t, GATE_OWN_REQUESTS, t->rates.requests_minute);
    bind_own(s, 6, t, GATE_OWN_TOKENS, t->rates.tokens_minute);
    bind_own(s, 7, t, GATE_OWN_DAY, t->rates.tokens_day);
    bind_own(s, 8, t, GATE_OWN_CONCURRENT, t->rates.concurrent);
    if (t->own & GATE_OWN_MODELS) sqlite3_bind_text(s, 9, t->models, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 10, (int64_t)unset);
    sqlite3_bind_int64(s, 11, now);
    SIL_TRY(finish(db, s, "change a tenant", e));
    return gate_db_tenant_find(db, t->name, id, e);
}

sil_err gate_db_key_add(struct gate_db *db, const struct gate_key *k, uint64_t *id, struct sil_error *e) {
    sqlite3_stmt *s;
    if (!gate_name_ok(k->name)) return err_set(e, SIL_ARG, "a key's name has 1 to 63 bytes, without quotes");
    SIL_TRY(gate_db_prepare(
        db, "INSERT INTO keys(tenant, name, hash, created, expires, admin) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &s, e));
    bind_u64(s, 1, k->tenant);
    sqlite3_bind_text(s, 2, k->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(s, 3, k->hash, GATE_HASH, SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, k->created);
    sqlite3_bind_int64(s, 5, k->expires);
    sqlite3_bind_int(s, 6, k->admin);
    sil_err err = finish(db, s, "add a key", e);
    if (err == SIL_ARG)
        return err_set(e, err, "the tenant has a key called \"%s\" already; give another --name", k->name);
    if (err == SIL_OK) *id = (uint64_t)sqlite3_last_insert_rowid(db->sql);
    return err;
}

sil_err gate_db_key_make(struct gate_db *db, struct gate_key *k, char secret[GATE_SECRET], struct sil_error *e) {
    uint8_t random[GATE_RANDOM];
    char when[USAGE_DATE];
    usage_time(k->created, when);
    if (!k->name[0]) snprintf(k->name, sizeof k->name, "key-%s", when);
    randombytes_buf(random, sizeof random);
    gate_secret_text(random, secret);
    sodium_memzero(random, sizeof random);
    sil_err err = gate_secret_hash(str_of(secret), db->salt, k->hash) ? SIL_OK : err_set(e, SIL_ARG, "no hash");
    if (err == SIL_OK) err = gate_db_key_add(db, k, &k->id, e);
    if (err != SIL_OK) sodium_memzero(secret, GATE_SECRET);
    return err;
}

sil_err gate_db_durable(struct gate_db *db, bool on, struct sil_error *e) {
    return run(db, on ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", "set up", e);
}

sil_err gate_db_key_revoke(struct gate_db *db, uint64_t id, int64_t now, bool *was, struct sil_error *e) {
    sqlite3_stmt *s;
    SIL_TRY(gate_db_prepare(db, "UPDATE keys SET revoked = ?2 WHERE id = ?1 AND revoked = 0", &s, e));
    bind_u64(s, 1, id);
    sqlite3_bind_int64(s, 2, now > 0 ? now : 1);
    SIL_TRY(finish(db, s, "revoke a key", e));
    *was = false;
    if (sqlite3_changes(db->sql) > 0) return SIL_OK;
    SIL_TRY(gate_db_prepare(db, "SELECT 1 FROM keys WHERE id = ?1", &s, e));
    bind_u64(s, 1, id);
    int rc = sqlite3_step(s);
    sil_err err = SIL_OK;
    if (rc == SQLITE_DONE) err = err_set(e, SIL_ARG, "there is no key %llu", (unsigned long long)id);
    else if (rc != SQLITE_ROW) err = gate_db_error(db, "read", e);
    sqlite3_finalize(s);
    *was = err == SIL_OK;
    return err;
}

/* ---- usage ---- */

static sil_err add_row(struct gate_db *db, sqlite3_stmt *s, const struct gate_usage *u, struct sil_error *e) {
    sqlite3_bind_int64(s, 1, u->day);
    bind_u64(s, 2, u->tenant);
    sqlite3_bind_text(s, 3, u->model, -1, SQLITE_STATIC);
    bind_u64(s, 4, u->key);
    bind_u64(s, 5, u->requests);
    bind_u64(s, 6, u->prompt_tokens);
    bind_u64(s, 7, u->cached_tokens);
    bind_u64(s, 8, u->answer_tokens);
    sqlite3_bind_double(s, 9, u->energy_j);
    sil_err err = sqlite3_step(s) == SQLITE_DONE ? SIL_OK : gate_db_error(db, "count usage", e);
    sqlite3_reset(s);
    return err;
}

sil_err gate_db_usage_add(struct gate_db *db, const struct gate_usage *rows, size_t n, struct sil_error *e) {
    sqlite3_stmt *s;
    if (n == 0) return SIL_OK;
    SIL_TRY(run(db, "BEGIN IMMEDIATE", "count usage", e));
    sil_err err = gate_db_prepare(db,
                                  "INSERT INTO usage VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                                  " ON CONFLICT DO UPDATE SET requests = requests + ?5,"
                                  " prompt_tokens = prompt_tokens + ?6, cached_tokens = cached_tokens + ?7,"
                                  " answer_tokens = answer_tokens + ?8, energy_j = energy_j + ?9",
                                  &s, e);
    if (err == SIL_OK) {
        for (size_t i = 0; i < n && err == SIL_OK; i++) err = add_row(db, s, &rows[i], e);
        sqlite3_finalize(s);
    }
    if (err == SIL_OK) err = run(db, "COMMIT", "count usage", e);
    if (err != SIL_OK) sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
    return err;
}
