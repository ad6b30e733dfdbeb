/* gate_rate: limits over time, as pure functions of numbers and the clock. Not locked: the gate's lock guards them.
 *
 * A rate is a bucket that holds a minute's worth and fills steadily, so that in any T minutes at most T + 1 times the
 * limit passes. A request that alone needs more than a minute's worth passes when the bucket is full and leaves a debt,
 * so that no limit makes a request impossible for ever.
 * Clocks may jump: one that goes back counts as standing still, one that goes ahead fills the bucket at most. */
#ifndef SIL_SERVE_GATE_RATE_H
#define SIL_SERVE_GATE_RATE_H

#include "serve/gate_ticket.h"

struct gate_bucket {
    uint64_t limit; /* a minute; 0: none */
    double level;   /* what may be taken now; below 0: a debt */
    uint64_t at_ns;
};

/* Takes over a limit that may have changed; what is there stays, up to the new limit. A new bucket is full. */
void gate_bucket_set(struct gate_bucket *b, uint64_t limit, uint64_t now_ns);
/* Fills up to now. Returns 0 when n may be taken, else the milliseconds until it may. */
uint32_t gate_bucket_wait(struct gate_bucket *b, uint64_t n, uint64_t now_ns);
void gate_bucket_take(struct gate_bucket *b, uint64_t n);
void gate_bucket_give(struct gate_bucket *b, uint64_t n);
/* For the headers. */
struct gate_rate gate_bucket_rate(const struct gate_bucket *b);

/* What was used on two days: the present one, and the one before it or after it (a clock that jumped ahead and came
 * back finds its day as it was). */
struct gate_day {
    int64_t day; /* since 1970-01-01, UTC */
    uint64_t used;
};
struct gate_days {
    struct gate_day slot[2];
};
int64_t gate_day_of(int64_t unix_s);
/* The slot of a day; a day that has none takes that of the earlier day. */
struct gate_day *gate_days_at(struct gate_days *d, int64_t day);

#endif
