/* gate_ticket: what the limits said to one request, carried by it from admission to its end. */
#ifndef SIL_SERVE_GATE_TICKET_H
#define SIL_SERVE_GATE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

/* x-ratelimit-{limit,remaining,reset}-{requests,tokens}; limit 0: there is none, and no header. */
struct gate_rate {
    uint64_t limit, remaining;
    uint32_t reset_ms;
};

struct gate_ticket {
    bool admitted;   /* gate_settle is owed */
    uint64_t tokens; /* reserved: prompt and the most that may be answered */
    uint64_t at_ns;
    struct gate_rate requests, tokens_rate;
    void *account; /* the gate's own */
};

#endif
