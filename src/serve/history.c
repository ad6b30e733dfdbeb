#include "serve/history.h"

#include <string.h>
#include <time.h>

#include "base/err.h"
#include "ledger/ledger.h"
#include "serve/history_impl.h"

#define NS_PER_S UINT64_C(1000000000)

/* ---- taking a sample ---- */

static void totals_model(const struct metrics_model *m, struct history_totals_model *t) {
    const struct metrics_histogram *spreads[HISTORY_SPREADS] = {&m->first_token, &m->between_tokens};
    t->prompt_tokens = metrics_get(&m->step_prompt_tokens);
    t->answer_tokens = metrics_get(&m->step_answer_tokens);
    t->energy_uj = metrics_get(&m->step_energy_uj);
    t->failed = metrics_get(&m->failed) + metrics_get(&m->finished[FINISH_ERROR]);
    t->answers = 0;
    for (int f = 0; f < FINISH_KINDS; f++)
        if (f != FINISH_ERROR) t->answers += metrics_get(&m->finished[f]);
    for (int s = 0; s < HISTORY_SPREADS; s++)
        for (int i = 0; i <= METRICS_BUCKETS; i++) t->spread[s][i] = metrics_get(&spreads[s]->bucket[i]);
}

void history_totals_take(struct history *h, struct history_totals *t) {
    const struct metrics *m = h->c.metrics;
    struct ledger_writer_stats s = {0};
    if (h->c.ledger) ledger_writer_stats(h->c.ledger, &s);
    t->at_ns = clock_now_ns(h->c.clock);
    t->server = (struct history_totals_server){
        .requests = metrics_get(&m->http_requests),
        .invalid = metrics_get(&m->http_refused[0]),
        .denied = metrics_get(&m->http_refused[1]) + metrics_get(&m->http_refused[2]),
        .limited = metrics_get(&m->http_refused[3]),
        .failed = metrics_get(&m->http_refused[4]) + metrics_get(&m->http_refused[5]),
        .entries = s.entries,
        .commits = s.commits,
        .unrecorded = s.failures,
    };
    for (uint32_t k = 0; k < h->n_models; k++) totals_model(&m->models[k], &t->models[k]);
}

static uint32_t grown(uint64_t now, uint64_t before) {
    uint64_t d = now > before ? now - before : 0;
    return d < UINT32_MAX ? (uint32_t)d : UINT32_MAX;
}

static uint32_t gauge(const _Atomic uint64_t *g) {
    return grown(metrics_get(g), 0);
}

static void sample_model(const struct metrics_model *m, const struct history_totals_model *now,
                         const struct history_totals_model *last, struct history_sample_model *s) {
    s->running = gauge(&m->running);
    s->waiting = gauge(&m->waiting);
    s->pages = gauge(&m->pages);
    s->pages_used = gauge(&m->pages_used);
    s->prompt_tokens = grown(now->prompt_tokens, last->prompt_tokens);
    s->answer_tokens = grown(now->answer_tokens, last->answer_tokens);
    s->answers = grown(now->answers, last->answers);
    s->failed = grown(now->failed, last->failed);
    s->joules = (float)((double)(now->energy_uj - last->energy_uj) * 1e-6);
    for (int k = 0; k < HISTORY_SPREADS; k++)
        for (int i = 0; i <= METRICS_BUCKETS; i++) s->spread[k][i] = grown(now->spread[k][i], last->spread[k][i]);
}

static void sample_locked(struct history *h) {
    const struct metrics *m = h->c.metrics;
    size_t at = (size_t)(h->n % HISTORY_SAMPLES);
    struct history_totals *now = &h->now, *last = &h->last;
    history_totals_take(h, now);
    h->servers[at] = (struct history_sample_server){
        .unix_ms = clock_unix_ms(h->c.clock),
        .took_s = (float)((double)(now->at_ns - last->at_ns) / (double)NS_PER_S),
        .connections = gauge(&m->connections),
        .requests = grown(now->server.requests, last->server.requests),
        .invalid = grown(now->server.invalid, last->server.invalid),
        .denied = grown(now->server.denied, last->server.denied),
        .limited = grown(now->server.limited, last->server.limited),
        .failed = grown(now->server.failed, last->server.failed),
        .entries = grown(now->server.entries, last->server.entries),
        .commits = grown(now->server.commits, last->server.commits),
        .unrecorded = grown(now->server.unrecorded, last->server.unrecorded),
    };
    for (uint32_t k = 0; k < h->n_models; k++)
        sample_model(&m->models[k], &now->models[k], &last->models[k], &h->models[at * h->n_models + k]);
    h->n++;
    struct history_totals oldest = h->before; /* its memory is written next */
    h->before = h->last;
    h->last = h->now;
    h->now = oldest;
}

void history_sample(struct history *h) {
    pthread_mutex_lock(&h->lock);
    sample_locked(h);
    pthread_mutex_unlock(&h->lock);
}

/* ---- the thread ---- */

static void *history_main(void *arg) {
    struct history *h = arg;
    uint64_t next = clock_now_ns(h->c.clock) + HISTORY_EVERY_S * NS_PER_S;
    pthread_mutex_lock(&h->lock);
    while (!h->stop) {
        uint64_t now = clock_now_ns(h->c.clock);
        if (now >= next) {
            sample_locked(h);
            /* Steps that a sleep of the machine left out are not made up for. */
            next = now - next < HISTORY_EVERY_S * NS_PER_S ? next + HISTORY_EVERY_S * NS_PER_S
                                                           : now + HISTORY_EVERY_S * NS_PER_S;
        }
        struct timespec t = {.tv_sec = (time_t)(next / NS_PER_S), .tv_nsec = (long)(next % NS_PER_S)};
        pthread_cond_timedwait(&h->wake, &h->lock, &t);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

sil_err history_start(struct history *h, struct sil_error *e) {
    if (pthread_create(&h->thread, NULL, history_main, h) != 0)
        return err_set(e, SIL_NOMEM, "a thread could not be started");
    h->has_thread = true;
    return SIL_OK;
}

/* ---- open, close ---- */

static bool open_memory(struct history *h) {
    struct history_totals *all[3] = {&h->last, &h->before, &h->now};
    bool ok = true;
    for (int i = 0; i < 3; i++) {
        all[i]->models = mem_array(h->c.mem, h->n_models, sizeof *all[i]->models);
        ok = ok && all[i]->models;
    }
    h->servers = mem_array(h->c.mem, HISTORY_SAMPLES, sizeof *h->servers);
    h->models = mem_array(h->c.mem, (size_t)HISTORY_SAMPLES * h->n_models, sizeof *h->models);
    h->tenants = mem_array(h->c.mem, HISTORY_TENANTS + 1, sizeof *h->tenants);
    return ok && h->servers && h->models && h->tenants;
}

static bool open_locks(struct history *h) {
    pthread_condattr_t attr;
    if (pthread_mutex_init(&h->lock, NULL) != 0) return false;
    pthread_mutex_init(&h->tenants_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    return true;
}

static void free_memory(struct history *h) {
    struct mem mem = h->c.mem;
    mem_free(mem, h->last.models);
    mem_free(mem, h->before.models);
    mem_free(mem, h->now.models);
    mem_free(mem, h->servers);
    mem_free(mem, h->models);
    mem_free(mem, h->tenants);
    mem_free(mem, h);
}

sil_err history_open(const struct history_config *c, struct history **out, struct sil_error *e) {
    struct history *h = mem_array(c->mem, 1, sizeof *h);
    if (!h) return err_nomem(e, "the last hour's numbers", sizeof *h);
    h->c = *c;
    h->n_models = c->metrics->n_models;
    if (!open_memory(h) || !open_locks(h)) {
        free_memory(h);
        return err_nomem(e, "the last hour's numbers",
                         (size_t)HISTORY_SAMPLES * c->metrics->n_models * sizeof(struct history_sample_model));
    }
    history_totals_take(h, &h->last);
    h->before.at_ns = h->last.at_ns;
    h->before.server = h->last.server;
    memcpy(h->before.models, h->last.models, h->n_models * sizeof *h->last.models);
    *out = h;
    return SIL_OK;
}

void history_close(struct history *h) {
    if (!h) return;
    if (h->has_thread) {
        pthread_mutex_lock(&h->lock);
        h->stop = true;
        pthread_cond_signal(&h->wake);
        pthread_mutex_unlock(&h->lock);
        pthread_join(h->thread, NULL);
    }
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->tenants_lock);
    pthread_mutex_destroy(&h->lock);
    free_memory(h);
}

/* ---- quantiles ---- */

double history_quantile(const uint64_t bucket[METRICS_BUCKETS + 1], double q) {
    uint64_t total = 0, below = 0;
    for (int i = 0; i <= METRICS_BUCKETS; i++) total += bucket[i];
    if (total == 0) return -1;
    double rank = q * (double)total;
    for (int i = 0; i < METRICS_BUCKETS; i++) {
        if (bucket[i] && (double)(below + bucket[i]) >= rank) {
            double from = i ? metrics_bounds_s[i - 1] : 0;
            return from + (metrics_bounds_s[i] - from) * (rank - (double)below) / (double)bucket[i];
        }
        below += bucket[i];
    }
    return metrics_bounds_s[METRICS_BUCKETS - 1];
}
