/* history: the last hour of this server in numbers: a sample every five seconds, and what each tenant asked in each
 * minute. All memory is taken at the start; sampling and counting take none.
 *
 * Threads: history_count from any, history_write* from any; sampling has a thread of its own (history_start). */
#ifndef SIL_SERVE_HISTORY_H
#define SIL_SERVE_HISTORY_H

#include "base/buf.h"
#include "base/clock.h"
#include "serve/metrics.h"
#include "serve/request.h"

enum {
    HISTORY_EVERY_S = 5,
    HISTORY_SAMPLES = 720, /* an hour */
    HISTORY_SMOOTH = 12,   /* quantiles of a sample are those of the minute before it */
    HISTORY_MINUTES = 60,
    HISTORY_TENANTS = 256, /* that asked in the last hour; more are counted together */
    HISTORY_BYTES_MAX = 32 << 20
};

struct ledger_writer;
struct gate;
struct history;

struct history_config {
    struct mem mem;
    struct clock clock;
    const struct metrics *metrics;
    struct ledger_writer *ledger; /* NULL: its numbers are 0 */
    struct gate *gate;            /* says how many requests of a tenant run; NULL: 0 */
    bool metered;                 /* there is an energy counter */
};

/* The first sample is of what is counted until then. */
sil_err history_open(const struct history_config *c, struct history **out, struct sil_error *e);
/* Samples by a thread, until history_close. */
sil_err history_start(struct history *h, struct sil_error *e);
void history_close(struct history *h); /* NULL is allowed */

/* One sample, of what happened since the last. */
void history_sample(struct history *h);
/* The end of a request, for its tenant. failed: it ended with a server error. NULL is allowed. */
void history_count(struct history *h, const struct request *r, const struct answer_usage *u, bool failed);

/* What is asked for besides what is true now. */
struct history_query {
    uint64_t after; /* samples behind this one; 0: all. One that was not taken yet: all, the server was restarted */
    uint64_t tenant;
    bool minutes; /* of the tenant */
};
/* GET /admin/state, as docs/api.md describes it: everything. */
sil_err history_write(struct history *h, const struct history_query *q, struct buf *out);
/* GET /state: the caller's tenant alone. */
sil_err history_write_tenant(struct history *h, const struct caller *who, struct buf *out);

/* The q-th quantile, 0 to 1, of a histogram's counts, in seconds; linear within a bucket as Prometheus does it, in the
 * last bucket its lower bound; negative when nothing was counted. */
double history_quantile(const uint64_t bucket[METRICS_BUCKETS + 1], double q);

#endif
