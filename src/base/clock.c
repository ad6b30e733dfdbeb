#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t system_now_ns(void *ctx) {
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t system_unix_s(void *ctx) {
    (void)ctx;
    return (int64_t)time(NULL);
}

static int64_t system_unix_ms(void *ctx) {
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct clock clock_system(void) {
    return (struct clock){.now_ns = system_now_ns, .unix_s = system_unix_s, .unix_ms = system_unix_ms};
}

uint64_t clock_thread_cpu_ns(void) {
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
