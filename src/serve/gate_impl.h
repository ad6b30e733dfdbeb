/* gate_impl: the gate's memory. Private to gate*.c.
 *
 * Two locks. `lock` guards what requests touch: it is held for a look-up and some additions, never during I/O. `files`
 * guards the database and everything that only reading it changes; it is taken first. */
#ifndef SIL_SERVE_GATE_IMPL_H
#define SIL_SERVE_GATE_IMPL_H

#include <pthread.h>

#include "serve/gate.h"
#include "serve/gate_db.h"
#include "serve/gate_rate.h"

enum { GATE_ROWS_MAX = 1 << 20, GATE_POLL_MS = 200 };

/* A tenant. Never freed before the gate: tickets point to it. */
struct gate_account {
    uint64_t id; /* 0: everybody, where keys are switched off */
    char name[CALLER_NAME];
    uint32_t weight;
    bool suspended;
    unsigned own;                         /* GATE_OWN_: what of the next two is the tenant's, as in keys.db */
    struct config_rates own_rates, rates; /* rates: what holds */
    enum caller_transcript own_transcript, transcript;
    char *models; /* allowed names, joined by newlines; NULL: all */

    struct gate_bucket requests, tokens;
    struct gate_days days; /* tokens used */
    uint64_t reserved;     /* tokens of requests that run */
    uint32_t running;
};

struct gate_entry {
    uint8_t hash[GATE_HASH];
    uint64_t id;
    struct gate_account *account; /* NULL: an empty place */
    char name[CALLER_NAME];
    int64_t expires, revoked;
    bool admin;
};

/* Keys by their hashes: a power of two of places, at most half of them taken. The hash is keyed with a secret salt, so
 * that nobody can choose places. */
struct gate_table {
    size_t mask;
    struct gate_entry entries[];
};

/* What one key used of one model since it was last written. Never freed before the gate. */
struct gate_counts {
    int64_t day;
    uint64_t requests, prompt_tokens, cached_tokens, answer_tokens;
    double energy_j;
};
struct gate_row {
    struct gate_account *account;
    uint64_t key;
    struct gate_counts slot[2]; /* of two days at most; see gate_rate.h */
    struct gate_row *dirty_next;
    bool dirty;
    char model[];
};

struct gate {
    struct mem mem;
    struct clock clock;
    struct log *log;
    uint8_t salt[GATE_SALT];

    pthread_mutex_t lock;
    bool keys; /* ask for them */
    enum caller_transcript transcript;
    struct config_rates rates; /* of tenants without their own */
    struct gate_account **accounts;
    size_t n_accounts; /* sorted by id */
    struct gate_table *table;
    struct gate_row **rows; /* a table of places, as above */
    size_t n_rows, row_mask;
    struct gate_row *dirty;

    pthread_mutex_t files;
    struct gate_db *db;
    int64_t version;
    bool failing; /* said in the log */

    pthread_t thread;
    bool has_thread, stop; /* under `lock` */
    pthread_cond_t wake;
};

/* gate_open with other memory (SQLite has its own), and maybe without the thread: for tests. */
sil_err gate_open_mem(struct mem mem, const struct config *c, struct clock clock, bool thread, struct gate **out,
                      struct sil_error *e);

struct gate_account *gate_account_find(const struct gate *g, uint64_t id);
/* What holds for the account, of its own numbers and the gate's. With `lock` held. */
void gate_account_apply(const struct gate *g, struct gate_account *a, uint64_t now_ns);
/* Adds to what is to be written. With `lock` held. */
void gate_row_add(struct gate *g, struct gate_row *row, const struct gate_counts *c);

/* Reads tenants and keys and takes them over, together with c's limits unless c is NULL. With `files` held. */
sil_err gate_load(struct gate *g, const struct config *c, struct sil_error *e);
/* Writes what is counted. With `files` held. */
sil_err gate_flush(struct gate *g, struct sil_error *e);
/* The tokens that today's usage has already. Before the first request. */
sil_err gate_load_today(struct gate *g, struct sil_error *e);

#endif
