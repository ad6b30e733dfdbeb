/* gate_db_impl: what the two files of gate_db share. Private to them. */
#ifndef SIL_SERVE_GATE_DB_IMPL_H
#define SIL_SERVE_GATE_DB_IMPL_H

#include <sqlite3.h>

#include "serve/gate_db.h"

struct gate_db {
    sqlite3 *sql;
    uint8_t salt[GATE_SALT];
    char path[4096];
};

/* SQLite's last error, in our words. */
sil_err gate_db_error(struct gate_db *db, const char *doing, struct sil_error *e);
sil_err gate_db_prepare(struct gate_db *db, const char *sql, sqlite3_stmt **out, struct sil_error *e);

#endif
