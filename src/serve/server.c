#include "serve/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "ledger/ledger.h"
#include "serve/gate.h"
#include "serve/http.h"
#include "serve/meter.h"
#include "serve/record.h"

enum { STATE_PATH = 512, ALIVE_NS_MAX = 60 };

struct server {
    const struct config *config;
    struct metrics metrics;
    struct catalog catalog;
    struct gate *gate;
    struct meter_machine *meter;
    struct ledger *ledger;
    struct ledger_writer *writer;
    char record_key[LEDGER_VKEY];
    struct record *record;
    struct job_env env;
    _Atomic uint64_t n_open;
    struct history *history;
    struct loop *loop;
    struct keeper *keeper;
    struct planner *planner;
    struct work *work;
    struct http *http;
};

/* ---- open ---- */

static sil_err make_dir(const char *path, struct sil_error *e) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST) return SIL_OK;
    return err_set(e, SIL_IO, "cannot make the directory %s: %s", path, strerror(errno));
}

static sil_err state_path(const struct config *c, const char *name, char out[STATE_PATH], struct sil_error *e) {
    int n = snprintf(out, STATE_PATH, "%s/%s", c->state, name);
    return n > 0 && n < STATE_PATH ? SIL_OK : err_set(e, SIL_LIMIT, "the path of the state directory is too long");
}

static sil_err open_metrics(struct server *s, struct sil_error *e) {
    struct metrics *m = &s->metrics;
    m->models = mem_array(s->env.mem, s->config->n_models, sizeof *m->models);
    if (!m->models) return err_nomem(e, "metrics", s->config->n_models * sizeof *m->models);
    m->n_models = s->config->n_models;
    for (uint32_t i = 0; i < m->n_models; i++) m->models[i].name = s->config->models[i].name;
    m->started_ns = clock_now_ns(s->env.clock);
    m->started_unix_s = clock_unix_s(s->env.clock);
    return SIL_OK;
}

static sil_err open_record(struct server *s, struct sil_error *e) {
    char path[STATE_PATH];
    struct ledger_key key;
    SIL_TRY(state_path(s->config, "ledger.key", path, e));
    SIL_TRY(ledger_key_load_or_make(path, s->config->origin, &key, NULL, e));
    SIL_TRY(state_path(s->config, "ledger", path, e));
    struct ledger_config c = {.dir = path, .key = &key, .mem = s->env.mem};
    struct ledger_writer_config w = {.max_queue = 2 * s->config->limits.waiting, .mem = s->env.mem};
    sil_err err = ledger_open(&c, &s->ledger, e);
    if (err == SIL_OK) err = ledger_writer_start(s->ledger, &w, &s->writer, e);
    ledger_key_public(&key, s->record_key);
    memset(&key, 0, sizeof key);
    /* Whoever browses the record leaves a worker to those who ask the models, where there are some; a page asks for its
     * head and its list together. */
    struct record_config r = {.mem = s->env.mem, .dir = path, .vkey = s->record_key, .catalog = &s->catalog};
    r.metrics = &s->metrics;
    r.n_readers = s->config->workers > 3 ? s->config->workers - 1 : 2;
    return err == SIL_OK ? record_open(&r, &s->record, e) : err;
}

static sil_err open_history(struct server *s, bool metered, struct sil_error *e) {
    struct history_config c = {.mem = s->env.mem,
                               .clock = s->env.clock,
                               .metrics = &s->metrics,
                               .ledger = s->writer,
                               .gate = s->gate,
                               .metered = metered};
    SIL_TRY(history_open(&c, &s->history, e));
    s->env.history = s->history;
    return history_start(s->history, e);
}

static sil_err open_all(struct server *s, struct log *log, struct mem mem, const struct meter *given,
                        struct sil_error *e) {
    const struct config *c = s->config;
    s->env = (struct job_env){.mem = mem, .clock = clock_system(), .config = c, .log = log};
    s->env.n_open = &s->n_open;
    SIL_TRY(make_dir(c->state, e));
    SIL_TRY(open_metrics(s, e));
    SIL_TRY(catalog_open(c, s->env.mem, &s->metrics, &s->catalog, e));
    SIL_TRY(gate_open(c, s->env.clock, &s->gate, e));
    gate_set_log(s->gate, log);
    SIL_TRY(open_record(s, e));
    s->env.ledger = s->writer;
    s->env.record = s->record;
    s->env.gate = s->gate;
    s->env.metrics = &s->metrics;
    struct meter meter;
    const char *why = NULL;
    SIL_TRY(meter_open(s->env.mem, "/sys/class/powercap", &s->meter, &meter, &why, e));
    if (given) meter = *given;
    if (!meter.read) LOG(log, LOG_INFO, "energy is not measured", LOG_S("why", why));
    SIL_TRY(open_history(s, meter.read != NULL, e));
    SIL_TRY(loop_open(&s->env, &s->catalog, meter, &s->loop, e));
    SIL_TRY(keeper_open(&s->env, &s->catalog, s->loop, &s->keeper, e));
    SIL_TRY(planner_open(&s->env, &s->planner, e));
    SIL_TRY(work_open(&s->env, &s->catalog, s->loop, s->planner, &s->work, e));
    struct http_env http = {.env = &s->env,
                            .catalog = &s->catalog,
                            .loop = s->loop,
                            .keeper = s->keeper,
                            .work = s->work,
                            .planner = s->planner,
                            .record_key = s->record_key};
    return http_open(&http, &s->http, e);
}

sil_err server_open(const struct config *c, struct log *log, struct mem mem, struct server **out, struct sil_error *e) {
    return server_open_metered(c, log, mem, NULL, out, e);
}

sil_err server_open_metered(const struct config *c, struct log *log, struct mem mem, const struct meter *meter,
                            struct server **out, struct sil_error *e) {
    struct server *s = mem_array(mem_libc(), 1, sizeof *s);
    if (!s) return err_nomem(e, "the server", sizeof *s);
    s->config = c;
    sil_err err = open_all(s, log, mem, meter, e);
    if (err != SIL_OK) {
        server_close(s);
        return err;
    }
    *out = s;
    return SIL_OK;
}

/* ---- running ---- */

const char *server_address(const struct server *s, uint32_t i) {
    return http_address(s->http, i);
}

struct gate *server_gate(const struct server *s) {
    return s->gate;
}

sil_err server_reload(struct server *s, const struct config *c, struct sil_error *e) {
    SIL_TRY(http_reload(s->http, c, e));
    return gate_reload(s->gate, c, e);
}

bool server_alive(const struct server *s) {
    return clock_now_ns(s->env.clock) - loop_beat_ns(s->loop) < ALIVE_NS_MAX * UINT64_C(1000000000);
}

void server_drain(struct server *s) {
    http_drain(s->http);
    loop_drain(s->loop, s->config->limits.drain_ms * UINT64_C(1000000));
}

bool server_is_idle(const struct server *s) {
    return atomic_load(&s->n_open) == 0;
}

/* ---- close ---- */

static void wait_for_record(const struct server *s) {
    const struct timespec nap = {.tv_nsec = 1000000};
    while (!server_is_idle(s)) nanosleep(&nap, NULL); /* each is with the ledger, which gives every one its outcome */
}

/* The order matters: the HTTP threads end last of those that have requests, when every answer has ended; all that they
 * may still look at lives on until then. */
void server_close(struct server *s) {
    if (!s) return;
    if (s->http) http_drain(s->http);
    if (s->work) work_stop(s->work);
    if (s->keeper) keeper_stop(s->keeper);
    if (s->loop) loop_stop(s->loop);
    wait_for_record(s);
    http_close(s->http);
    work_close(s->work);
    keeper_close(s->keeper);
    planner_close(s->planner);
    loop_close(s->loop);
    history_close(s->history);
    record_close(s->record);
    ledger_writer_stop(s->writer);
    ledger_close(s->ledger);
    gate_close(s->gate);
    catalog_close(&s->catalog);
    meter_close(s->meter);
    mem_free(s->env.mem, s->metrics.models);
    mem_free(mem_libc(), s);
}
