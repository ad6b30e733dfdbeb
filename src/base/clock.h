/* clock: time as an injected function, so that tests and simulations choose it. */
#ifndef SIL_BASE_CLOCK_H
#define SIL_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*now_ns)(void *ctx); /* monotonic, from an arbitrary origin */
    int64_t (*unix_s)(void *ctx);  /* seconds since 1970-01-01T00:00:00Z */
    void *ctx;
    int64_t (*unix_ms)(void *ctx); /* the same in milliseconds; NULL: unix_s gives them */
};

/* The system's clocks. */
struct clock clock_system(void);
/* Processor time that the calling thread has had: for figures, never for a decision. */
uint64_t clock_thread_cpu_ns(void);

static inline uint64_t clock_now_ns(struct clock c) {
    return c.now_ns(c.ctx);
}

static inline int64_t clock_unix_s(struct clock c) {
    return c.unix_s(c.ctx);
}

static inline int64_t clock_unix_ms(struct clock c) {
    return c.unix_ms ? c.unix_ms(c.ctx) : c.unix_s(c.ctx) * 1000;
}

#endif
