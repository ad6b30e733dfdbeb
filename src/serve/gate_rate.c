#include "serve/gate_rate.h"

#include <math.h>

static const double MINUTE_NS = 60e9, MINUTE_MS = 60e3;

void gate_bucket_set(struct gate_bucket *b, uint64_t limit, uint64_t now_ns) {
    if (b->limit == 0) *b = (struct gate_bucket){.level = (double)limit, .at_ns = now_ns};
    b->limit = limit;
    if (b->level > (double)limit) b->level = (double)limit;
}

static uint32_t clamp_ms(double ms) {
    if (!(ms > 0)) return 0;
    return ms < (double)UINT32_MAX ? (uint32_t)ceil(ms) : UINT32_MAX;
}

uint32_t gate_bucket_wait(struct gate_bucket *b, uint64_t n, uint64_t now_ns) {
    if (b->limit == 0) return 0;
    const double limit = (double)b->limit;
    if (now_ns > b->at_ns) b->level += (double)(now_ns - b->at_ns) / MINUTE_NS * limit;
    if (b->level > limit) b->level = limit;
    b->at_ns = now_ns;
    double need = (double)n < limit ? (double)n : limit;
    if (b->level >= need) return 0;
    uint32_t ms = clamp_ms((need - b->level) / limit * MINUTE_MS);
    return ms ? ms : 1;
}

void gate_bucket_take(struct gate_bucket *b, uint64_t n) {
    if (b->limit) b->level -= (double)n;
}

void gate_bucket_give(struct gate_bucket *b, uint64_t n) {
    if (!b->limit) return;
    b->level += (double)n;
    if (b->level > (double)b->limit) b->level = (double)b->limit;
}

struct gate_rate gate_bucket_rate(const struct gate_bucket *b) {
    if (b->limit == 0) return (struct gate_rate){0};
    return (struct gate_rate){.limit = b->limit,
                              .remaining = b->level > 0 ? (uint64_t)b->level : 0,
                              .reset_ms = clamp_ms(((double)b->limit - b->level) / (double)b->limit * MINUTE_MS)};
}

int64_t gate_day_of(int64_t unix_s) {
    const int64_t day = 86400;
    return unix_s >= 0 ? unix_s / day : -((-unix_s + day - 1) / day);
}

struct gate_day *gate_days_at(struct gate_days *d, int64_t day) {
    struct gate_day *a = &d->slot[0], *b = &d->slot[1];
    if (a->day == day) return a;
    if (b->day == day) return b;
    struct gate_day *old = a->day < b->day ? a : b;
    *old = (struct gate_day){.day = day};
    return old;
}
