/* history_impl: the history's memory. Private to history*.c. */
#ifndef SIL_SERVE_HISTORY_IMPL_H
#define SIL_SERVE_HISTORY_IMPL_H

#include <pthread.h>

#include "serve/history.h"
#include "serve/jout.h"

enum { HISTORY_SPREADS = 2 }; /* time to the first token; from a token to the next */

/* What only grows, of one model and of the server, as it stood at some moment. */
struct history_totals_model {
    uint64_t prompt_tokens, answer_tokens, answers, failed, energy_uj;
    uint64_t spread[HISTORY_SPREADS][METRICS_BUCKETS + 1];
};
struct history_totals_server {
    uint64_t requests, invalid, denied, limited, failed; /* HTTP: all; by kinds of refusal */
    uint64_t entries, commits, unrecorded;               /* of the record */
};
struct history_totals {
    uint64_t at_ns;
    struct history_totals_server server;
    struct history_totals_model *models; /* [n_models] */
};

/* One sample: gauges at its end, the rest of its time. */
struct history_sample_model {
    uint32_t running, waiting, pages, pages_used;
    uint32_t prompt_tokens, answer_tokens, answers, failed;
    float joules;
    uint32_t spread[HISTORY_SPREADS][METRICS_BUCKETS + 1];
};
struct history_sample_server {
    int64_t unix_ms;
    float took_s;
    uint32_t connections, requests, invalid, denied, limited, failed, entries, commits, unrecorded;
};

struct history_minute {
    uint64_t minute; /* of the monotonic clock, from 1; 0: none */
    uint32_t requests, failed, prompt_tokens, cached_tokens, answer_tokens, n_first;
    float first_s, joules; /* sums */
};
struct history_tenant {
    bool used;
    uint64_t id, latest; /* latest: its newest minute */
    char name[CALLER_NAME];
    struct history_minute minutes[HISTORY_MINUTES];
};

struct history {
    struct history_config c;
    uint32_t n_models;

    pthread_mutex_t lock;                  /* of the samples */
    uint64_t n;                            /* samples taken, from the first on: sample k is at k % HISTORY_SAMPLES */
    struct history_totals last, before;    /* at the last sample, and at the one before */
    struct history_totals now;             /* scratch */
    struct history_sample_server *servers; /* [HISTORY_SAMPLES] */
    struct history_sample_model *models;   /* [HISTORY_SAMPLES][n_models] */

    pthread_mutex_t tenants_lock;
    struct history_tenant *tenants; /* [HISTORY_TENANTS + 1]; the last one counts those without a place */

    pthread_t thread;
    bool has_thread, stop; /* stop: under `lock` */
    pthread_cond_t wake;
};

/* What has been counted up to now. With `lock` held. */
void history_totals_take(struct history *h, struct history_totals *t);
/* "tenants":[...], and "minutes" of one of them. */
void history_put_tenants(struct history *h, struct jout *o, const struct history_query *q);
void history_put_minutes(struct history *h, struct jout *o, uint64_t tenant);

#endif
