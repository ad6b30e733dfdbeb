#include "plan/queue.h"

#include <assert.h>
#include <math.h>

#include "base/rng.h"

double queue_erlang_b(double k, double a) {
    assert(k <= 1e6);
    double b = 1;
    for (double n = 1; n <= k || n == 1; n++) b = a * b / (n + a * b);
    return b;
}

double queue_erlang_c(double k, double a) {
    k = k < 1 ? 1 : floor(k);
    if (a >= k) return 1;
    double b = queue_erlang_b(k, a);
    return b / (1 - (a / k) * (1 - b));
}

struct queue_wait queue_wait_of(double k, double lambda, double mu, double arrival_cv2, double service_cv2) {
    k = k < 1 ? 1 : floor(k);
    if (lambda <= 0) return (struct queue_wait){0, INFINITY};
    if (lambda >= k * mu) return (struct queue_wait){1, 0};
    double longer = (arrival_cv2 + service_cv2) / 2;
    return (struct queue_wait){queue_erlang_c(k, lambda / mu), longer > 0 ? (k * mu - lambda) / longer : INFINITY};
}

double queue_wait_mean(struct queue_wait w) {
    return w.p > 0 ? w.p / w.rate : 0;
}

double queue_wait_tail(struct queue_wait w, double t) {
    if (t < 0) return 1;
    return w.rate == INFINITY ? 0 : w.p * exp(-w.rate * t);
}

double queue_wait_quantile(struct queue_wait w, double q) {
    return w.p <= 1 - q ? 0 : log(w.p / (1 - q)) / w.rate;
}

/* ---- event simulation ---- */

static double exponential(struct rng *r, double rate) {
    double u = ((double)(rng_u64(r) >> 11) + 0.5) * 0x1p-53;
    return -log(u) / rate;
}

/* The next server that becomes free is at heap[0]; puts `time` in its place. */
static void heap_replace(double *heap, uint32_t k, double time) {
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= k) break;
        if (child + 1 < k && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= time) break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = time;
}

enum { BINS = 4096 };

/* 200 bins per factor of e, from 1e-6 of a service time upwards. */
static uint32_t bin_of(double wait, double mu) {
    double x = log(wait * mu * 1e6) * 200;
    return x < 0 ? 0 : x >= BINS ? BINS - 1 : (uint32_t)x;
}

static double bin_time(uint32_t bin, double mu) {
    return exp((bin + .5) / 200) * 1e-6 / mu;
}

void queue_simulate(uint32_t k, double lambda, double mu, uint64_t n, uint64_t seed, struct queue_sim *out) {
    assert(k >= 1 && k <= QUEUE_SIM_SERVERS);
    double free_at[QUEUE_SIM_SERVERS] = {0}, now = 0, waits = 0, work = 0, first = 0;
    uint64_t bins[BINS] = {0}, waited = 0, warm = n / 10;
    struct rng gaps = {.seed = seed, .stream = 1}, services = {.seed = seed, .stream = 2};
    for (uint64_t i = 0; i < n + warm; i++) {
        now += exponential(&gaps, lambda);
        double service = exponential(&services, mu), wait = free_at[0] > now ? free_at[0] - now : 0;
        heap_replace(free_at, k, now + wait + service);
        if (i < warm) {
            first = now;
            continue;
        }
        waits += wait;
        work += service;
        if (wait > 0) waited++, bins[bin_of(wait, mu)]++;
    }
    uint64_t above = 0, want = n / 100;
    uint32_t b = BINS;
    while (b > 0 && above < want) above += bins[--b];
    double count = (double)n;
    *out = (struct queue_sim){.wait_mean = waits / count,
                              .waited = (double)waited / count,
                              .wait_p99 = above < want ? 0 : bin_time(b, mu),
                              .busy = work / (now - first)};
}
