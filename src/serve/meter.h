/* meter: joules that the machine has taken, where it has a counter (RAPL's package domain, NVML). Injected, so that
 * tests choose it. Read by the engine thread around each step. */
#ifndef SIL_SERVE_METER_H
#define SIL_SERVE_METER_H

#include "sillok.h"

struct meter {
    /* Joules since some moment, never going back, all counters together; false when it cannot be read just now. NULL:
     * the machine has no counter. */
    bool (*read)(void *ctx, double *joules);
    void *ctx;
};

#endif
