/* metrics: numbers that operators chart. Counted by everybody with one atomic addition; written as Prometheus text by
 * metrics_write, under sillok_ names and, with the compatibility switch, under vLLM's. Label: model_name. */
#ifndef SIL_SERVE_METRICS_H
#define SIL_SERVE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "serve/answer.h"
#include "sillok.h"

enum { METRICS_BUCKETS = 20 };

/* What became of an answer that was asked to be computed again. */
enum metrics_replay {
    METRICS_REPLAY_EQUAL,     /* the record's bytes came out again */
    METRICS_REPLAY_DIFFERENT, /* others did, or the transcript is not that of the entry */
    METRICS_REPLAY_REFUSED,   /* it cannot be or may not be, or not now (400s) */
    METRICS_REPLAY_FAILED,    /* the server could not (500s) */
    METRICS_REPLAY_CANCELLED, /* the client went away before its end */
    METRICS_REPLAYS
};
extern const char *const metrics_replay_names[METRICS_REPLAYS];

/* Bucket i counts observations of at most bounds[i] that are above the bound before; the last one those above all.
 * (Prometheus' sums of buckets are made by metrics_write.) Seconds, added up in nanoseconds. */
struct metrics_histogram {
    _Atomic uint64_t bucket[METRICS_BUCKETS + 1];
    _Atomic uint64_t sum_ns;
};
/* 1 ms, 2 ms, 4 ms, ... to 524 s: whatever the hardware, some of them are near. The same for all. */
extern const double metrics_bounds_s[METRICS_BUCKETS];

/* Of one model. Counters only grow; gauges are what is true now. */
struct metrics_model {
    const char *name;
    _Atomic uint64_t prompt_tokens, generation_tokens, cached_tokens; /* counters */
    _Atomic uint64_t prefix_asked, prefix_found;                      /* tokens looked for in the prefix cache */
    _Atomic uint64_t finished[FINISH_KINDS];                          /* choices, by how they ended */
    _Atomic uint64_t preemptions, steps, step_ns;
    _Atomic uint64_t energy_uj; /* microjoules that were attributed */
    _Atomic uint64_t failed;    /* requests that a server error ended */
    /* As it happens, where those above are counted at the end of an answer. */
    _Atomic uint64_t step_prompt_tokens, step_answer_tokens, step_energy_uj;
    _Atomic uint64_t running, waiting, pages, pages_used;                /* gauges */
    struct metrics_histogram first_token, between_tokens, whole, queued; /* seconds */
};

struct metrics {
    struct metrics_model *models; /* [n_models] */
    uint32_t n_models;
    _Atomic uint64_t http_requests, http_refused[6]; /* refused: 400s but 401/403/429, 401, 403, 429, 500s, 503 */
    _Atomic uint64_t connections;                    /* gauge */
    _Atomic uint64_t ledger_entries, ledger_commits, ledger_failures, ledger_sync_ns, ledger_cpu_ns;
    _Atomic uint64_t replays_asked, replays[METRICS_REPLAYS]; /* asked: those that run now too */
    uint64_t started_ns;
    int64_t started_unix_s;
};

static inline void metrics_add(_Atomic uint64_t *c, uint64_t n) {
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}
static inline void metrics_set(_Atomic uint64_t *g, uint64_t n) {
    atomic_store_explicit(g, n, memory_order_relaxed);
}
static inline uint64_t metrics_get(const _Atomic uint64_t *c) {
    return atomic_load_explicit(c, memory_order_relaxed);
}
void metrics_observe(struct metrics_histogram *h, uint64_t ns);

/* Prometheus text format 0.0.4. */
sil_err metrics_write(const struct metrics *m, bool vllm_names, struct buf *out);

#endif
