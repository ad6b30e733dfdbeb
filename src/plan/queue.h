/* queue: waiting in M/M/1, M/M/k and G/G/k systems in closed form, and the same by event simulation to check it.
 *
 * lambda: arrivals per second; mu: services per second of one server; k: servers. Offered load a = lambda / mu.
 * Sources: Erlang 1917; Cooper, Introduction to Queueing Theory (recursion of B, C from B); Allen and Cunneen's
 * approximation for general gaps and services. Pure functions. */
#ifndef SIL_PLAN_QUEUE_H
#define SIL_PLAN_QUEUE_H

#include <stdint.h>

/* Probability that all k servers are busy: without waiting room (B), with it (C; 1 when a >= k). k is rounded down, at
 * least 1; at most 1e6. */
double queue_erlang_b(double k, double a);
double queue_erlang_c(double k, double a);

/* Waiting as a mixture: none with 1 - p, else exponential with `rate`. */
struct queue_wait {
    double p, rate;
};

/* G/G/k by Allen and Cunneen: the M/M/k wait, lengthened by (arrival_cv2 + service_cv2) / 2. a >= k: p = 1, rate 0. */
struct queue_wait queue_wait_of(double k, double lambda, double mu, double arrival_cv2, double service_cv2);
double queue_wait_mean(struct queue_wait w);
/* P(wait > t); 1 for t < 0. */
double queue_wait_tail(struct queue_wait w, double t);
/* The wait that a share q of the arrivals does not exceed; 0 when fewer than 1 - q wait at all; INFINITY when p = 1
 * and rate = 0. */
double queue_wait_quantile(struct queue_wait w, double q);

struct queue_sim {
    double wait_mean, waited; /* s; share that waited */
    double wait_p99;          /* s, from a histogram of logarithmic bins: within 0.5 % */
    double busy;              /* mean busy servers */
};

enum { QUEUE_SIM_SERVERS = 256 };

/* First come, first served, Poisson arrivals, exponential services: n customers after a warm-up of n / 10, from the
 * seed. k at most QUEUE_SIM_SERVERS (asserted). A pure function. */
void queue_simulate(uint32_t k, double lambda, double mu, uint64_t n, uint64_t seed, struct queue_sim *out);

#endif
