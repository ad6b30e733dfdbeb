/* gate_keep: opening and closing, and the thread that keeps memory and keys.db in step. */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "serve/gate_impl.h"
#include "serve/log.h"

enum { BATCH = 256, ROWS_FIRST = 64 };

static sil_err account_local(struct gate *g, struct sil_error *e) {
    struct gate_account *a = mem_array(g->mem, 1, sizeof *a);
    g->accounts = mem_array(g->mem, 1, sizeof(struct gate_account *));
    g->rows = mem_array(g->mem, ROWS_FIRST, sizeof(struct gate_row *));
    if (!a || !g->accounts || !g->rows) {
        mem_free(g->mem, a);
        return err_nomem(e, "accounts", sizeof *a);
    }
    snprintf(a->name, sizeof a->name, "local");
    a->weight = 1;
    g->accounts[0] = a;
    g->n_accounts = 1;
    g->row_mask = ROWS_FIRST - 1;
    return SIL_OK;
}

/* ---- usage ---- */

/* Takes at most BATCH rows out of memory. */
static size_t take_rows(struct gate *g, struct gate_usage *out, struct gate_row **rows) {
    size_t n = 0;
    pthread_mutex_lock(&g->lock);
    while (g->dirty && n + 2 <= BATCH) {
        struct gate_row *r = g->dirty;
        g->dirty = r->dirty_next;
        r->dirty = false;
        for (int i = 0; i < 2; i++) {
            const struct gate_counts *c = &r->slot[i];
            if (!c->requests) continue;
            rows[n] = r;
            out[n++] = (struct gate_usage){.day = c->day,
                                           .tenant = r->account->id,
                                           .key = r->key,
                                           .model = r->model,
                                           .requests = c->requests,
                                           .prompt_tokens = c->prompt_tokens,
                                           .cached_tokens = c->cached_tokens,
                                           .answer_tokens = c->answer_tokens,
                                           .energy_j = c->energy_j};
            r->slot[i] = (struct gate_counts){0};
        }
    }
    pthread_mutex_unlock(&g->lock);
    return n;
}

static void put_back(struct gate *g, const struct gate_usage *u, struct gate_row **rows, size_t n) {
    pthread_mutex_lock(&g->lock);
    for (size_t i = 0; i < n; i++) {
        struct gate_counts c = {.day = u[i].day,
                                .requests = u[i].requests,
                                .prompt_tokens = u[i].prompt_tokens,
                                .cached_tokens = u[i].cached_tokens,
                                .answer_tokens = u[i].answer_tokens,
                                .energy_j = u[i].energy_j};
        gate_row_add(g, rows[i], &c);
    }
    pthread_mutex_unlock(&g->lock);
}

sil_err gate_flush(struct gate *g, struct sil_error *e) {
    struct gate_usage usage[BATCH];
    struct gate_row *rows[BATCH];
    size_t n;
    while ((n = take_rows(g, usage, rows)) > 0) {
        sil_err err = gate_db_usage_add(g->db, usage, n, e);
        if (err == SIL_OK) continue;
        put_back(g, usage, rows, n);
        return err;
    }
    return SIL_OK;
}

/* ---- in step ---- */

/* Says in the log that it fails, once, and that it is over. */
static void report(struct gate *g, sil_err err, const struct sil_error *e) {
    if ((err != SIL_OK) == g->failing) return;
    g->failing = err != SIL_OK;
    if (g->failing) LOG(g->log, LOG_ERROR, "keys.db", LOG_S("error", e->text));
    else LOG(g->log, LOG_INFO, "keys.db", LOG_S("state", "works again"));
}

static sil_err poll_locked(struct gate *g, struct sil_error *e) {
    int64_t version = 0;
    SIL_TRY(gate_db_version(g->db, &version, e));
    if (version != g->version) SIL_TRY(gate_load(g, NULL, e));
    return gate_flush(g, e);
}

sil_err gate_poll(struct gate *g, struct sil_error *e) {
    struct sil_error own = {0};
    if (!e) e = &own;
    pthread_mutex_lock(&g->files);
    sil_err err = poll_locked(g, e);
    report(g, err, e);
    pthread_mutex_unlock(&g->files);
    return err;
}

sil_err gate_reload(struct gate *g, const struct config *c, struct sil_error *e) {
    pthread_mutex_lock(&g->files);
    sil_err err = gate_load(g, c, e);
    pthread_mutex_unlock(&g->files);
    return err;
}

void gate_set_log(struct gate *g, struct log *l) {
    pthread_mutex_lock(&g->files);
    g->log = l;
    pthread_mutex_unlock(&g->files);
}

static void *keep(void *arg) {
    struct gate *g = arg;
    const struct clock real = clock_system(); /* waiting is in real time, whatever clock the limits have */
    pthread_mutex_lock(&g->lock);
    while (!g->stop) {
        uint64_t until = clock_now_ns(real) + GATE_POLL_MS * 1000000ull;
        struct timespec t = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
        while (!g->stop && pthread_cond_timedwait(&g->wake, &g->lock, &t) != ETIMEDOUT) {
        }
        if (g->stop) break;
        pthread_mutex_unlock(&g->lock);
        gate_poll(g, NULL);
        pthread_mutex_lock(&g->lock);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- opening and closing ---- */

static sil_err start(struct gate *g, struct sil_error *e) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&g->thread, NULL, keep, g) != 0) return err_set(e, SIL_NOMEM, "no thread for keys.db");
    g->has_thread = true;
    return SIL_OK;
}

static void gate_free(struct gate *g) {
    for (size_t i = 0; i < g->n_accounts; i++) {
        mem_free(g->mem, g->accounts[i]->models);
        mem_free(g->mem, g->accounts[i]);
    }
    for (size_t i = 0; g->rows && i <= g->row_mask; i++) mem_free(g->mem, g->rows[i]);
    mem_free(g->mem, g->accounts);
    mem_free(g->mem, g->rows);
    mem_free(g->mem, g->table);
    gate_db_close(g->db);
    pthread_mutex_destroy(&g->lock);
    pthread_mutex_destroy(&g->files);
    mem_free(g->mem, g);
}

sil_err gate_open_mem(struct mem mem, const struct config *c, struct clock clock, bool thread, struct gate **out,
                      struct sil_error *e) {
    struct gate *g = mem_array(mem, 1, sizeof *g);
    if (!g) return err_nomem(e, "the gate", sizeof *g);
    g->mem = mem;
    g->clock = clock;
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->files, NULL);
    sil_err err = account_local(g, e);
    if (err == SIL_OK) err = gate_db_open(c->state, false, &g->db, e);
    if (err == SIL_OK) memcpy(g->salt, gate_db_salt(g->db), GATE_SALT);
    if (err == SIL_OK) err = gate_load(g, c, e);
    if (err == SIL_OK) err = gate_load_today(g, e);
    if (err == SIL_OK && thread) err = start(g, e);
    if (err != SIL_OK) {
        gate_free(g);
        return err;
    }
    *out = g;
    return SIL_OK;
}

sil_err gate_open(const struct config *c, struct clock clock, struct gate **out, struct sil_error *e) {
    return gate_open_mem(mem_libc(), c, clock, true, out, e);
}

void gate_close(struct gate *g) {
    if (!g) return;
    if (g->has_thread) {
        pthread_mutex_lock(&g->lock);
        g->stop = true;
        pthread_cond_signal(&g->wake);
        pthread_mutex_unlock(&g->lock);
        pthread_join(g->thread, NULL);
        pthread_cond_destroy(&g->wake);
    }
    gate_poll(g, NULL);
    gate_free(g);
}
