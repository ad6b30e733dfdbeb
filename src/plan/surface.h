/* surface: what one replica of a service gives (served requests, latencies, power) over offered load, mix and power
 * cap, tabulated once per design so that a step of the year is a look-up.
 *
 * The table does not know where its points come from: a struct surface_source evaluates one operating point. Today
 * that is the analytic queueing model (serving.h); the event simulation of the live scheduler will implement the same
 * function. Linear interpolation between the points; outside the axes the edge holds, but for served requests, which
 * stay at what the replica can do.
 *
 * Threads: a filled table is read-only and may be shared. Nothing allocates. */
#ifndef SIL_PLAN_SURFACE_H
#define SIL_PLAN_SURFACE_H

#include <stdint.h>

#include "sillok.h"

enum {
    SURFACE_LOADS = 49, /* offered load, 0 .. SURFACE_LOAD_MAX of the rate that meets the service level uncapped */
    SURFACE_MIXES = 3,  /* share of the long class of requests: 0, 1/2, 1 (only the first when the mix is fixed) */
    SURFACE_CAPS = 5,   /* speed of the clock under a power cap, `cap_min` .. 1 of the highest */
};
#define SURFACE_LOAD_MAX 1.5

/* One operating point of one replica. Rates per second, times in s, power in W of the replica's GPUs and hosts. */
enum surface_out {
    SURFACE_SERVED,   /* requests served, 1/s */
    SURFACE_POWER,    /* W, system power of the GPUs of the replica with their share of the host */
    SURFACE_SLO,      /* share of the served requests within the service level */
    SURFACE_UTIL,     /* share of time in which the GPUs compute */
    SURFACE_TTFT_P50, /* time to first token, s */
    SURFACE_TTFT_P90,
    SURFACE_TTFT_P99,
    SURFACE_TPOT_P50, /* time per output token after the first, s */
    SURFACE_TPOT_P99,
    SURFACE_BATCH, /* mean sequences in decode */
    SURFACE_OUTS,
};

struct surface_point {
    double v[SURFACE_OUTS];
};

/* Evaluates one point: `rate` requests per second offered to one replica (>= 0), `mix` in [0, 1], `speed` of the clock
 * in (0, 1]. Pure. A rate above what the replica can do is served up to that, with an SLO share that says so. */
struct surface_source {
    sil_err (*eval)(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                    struct sil_error *e);
    const void *ctx;
    double rate_slo;  /* the highest rate that meets the service level at the usual mix and full clock, 1/s, > 0 */
    double speed_min; /* lowest clock, in (0, 1] */
    uint32_t mixes;   /* 1 or SURFACE_MIXES */
};

struct surface {
    double rate_slo, speed_min;
    uint32_t mixes;
    struct surface_point at[SURFACE_CAPS][SURFACE_MIXES][SURFACE_LOADS]; /* cap 0 is speed_min, the last is 1 */
};

/* Evaluates the source at every point. Errors are the source's. */
sil_err surface_fill(struct surface *s, const struct surface_source *src, struct sil_error *e);

/* The point at load = rate / rate_slo, mix and speed. No allocation, no libm; some 20 ns at full speed. */
void surface_at(const struct surface *s, double load, double mix, double speed, struct surface_point *out);

/* The same at full clock and mix 0 for loops that need few of the outputs: the two points around `load`, and the way
 * (0 .. 1) from the first to the second. */
static inline const struct surface_point *surface_row(const struct surface *s, double load, double *part) {
    double x = load * ((SURFACE_LOADS - 1) / SURFACE_LOAD_MAX);
    x = x > 0 ? (x < SURFACE_LOADS - 1 ? x : SURFACE_LOADS - 1) : 0;
    int i = (int)x;
    if (i > SURFACE_LOADS - 2) i = SURFACE_LOADS - 2;
    *part = x - i;
    return &s->at[SURFACE_CAPS - 1][0][i];
}

#endif
