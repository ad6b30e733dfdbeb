/* scrape: /metrics of a running server, as numbers. */
#ifndef SIL_CMD_SCRAPE_H
#define SIL_CMD_SCRAPE_H

#include "base/buf.h"
#include "serve/config.h"
#include "serve/metrics.h"

enum { SCRAPE_BYTES_MAX = 8 << 20, SCRAPE_NAME = 136, SCRAPE_TIMEOUT_S = 10 };

struct scrape_from {
    const char *where; /* "http://HOST:PORT", "https://HOST:PORT", "unix:PATH" or a path of a socket */
    const char *key;   /* an API key, or NULL */
    float seconds;     /* to wait at most, for all of it */
    const char *ca;    /* https: file of the authorities to trust, PEM; NULL: the system's */
};

/* Appends the body of the answer to out. SIL_ARG for an address that is none, SIL_IO with what to do. */
sil_err scrape_get(const struct scrape_from *from, const char *path, struct buf *out, struct sil_error *e);

enum scrape_value {
    SCRAPE_RUNNING,
    SCRAPE_WAITING,
    SCRAPE_PAGES,
    SCRAPE_PAGES_USED,
    SCRAPE_PROMPT,
    SCRAPE_CACHED,
    SCRAPE_ANSWER,
    SCRAPE_STEPS,
    SCRAPE_JOULES,
    SCRAPE_VALUES
};
enum scrape_spread { SCRAPE_FIRST, SCRAPE_BETWEEN, SCRAPE_WHOLE, SCRAPE_QUEUE, SCRAPE_SPREADS };
enum scrape_total {
    SCRAPE_HTTP,
    SCRAPE_CONNECTIONS,
    SCRAPE_ENTRIES,
    SCRAPE_FAILURES,
    SCRAPE_STARTED,
    SCRAPE_REPLAYS,
    SCRAPE_TOTALS
};

struct scrape_model {
    char name[SCRAPE_NAME]; /* as in the label, escapes included */
    double value[SCRAPE_VALUES];
    double bucket[SCRAPE_SPREADS][METRICS_BUCKETS + 1]; /* as in the text: each holds those before it */
};

struct scrape {
    double total[SCRAPE_TOTALS], refused;
    double replays[METRICS_REPLAYS]; /* by what became of them */
    struct scrape_model models[CONFIG_MODELS_MAX];
    uint32_t n_models;
};

/* Reads Prometheus text; lines that it does not know are left out. SIL_FORMAT when none of them is Sillok's. */
sil_err scrape_parse(struct str text, struct scrape *out, struct sil_error *e);

/* The q-quantile (0 to 1) in seconds of what was observed between two scrapes (before may be NULL: since the start),
 * as Prometheus' histogram_quantile: within a bucket by its part. Negative when nothing was. */
double scrape_quantile(const struct scrape_model *now, const struct scrape_model *before, enum scrape_spread s,
                       double q);

#endif
