/* meter: joules that the machine has taken, where it has a counter (RAPL's package domain, NVML). Injected, so that
 * tests choose it. Read by the engine thread around each step. */
#ifndef SIL_SERVE_METER_H
#define SIL_SERVE_METER_H

#include "base/mem.h"
#include "sillok.h"

struct meter {
    /* Joules since some moment, never going back, all counters together; false when it cannot be read just now. NULL:
     * the machine has no counter. */
    bool (*read)(void *ctx, double *joules);
    void *ctx;
};

/* The counters of this machine: RAPL's domains of packages and of memory, as the kernel's powercap shows them
 * (Documentation/power/powercap; AMD's too). Their files are opened once, so that a sandbox may close the door behind
 * them; most systems let only root read them. Accelerators' counters (NVML) would be further sources in here.
 * powercap: the folder, "/sys/class/powercap"; tests have their own. On success meter->read is NULL where there is
 * nothing to read, and *why says so. One thread at a time. */
struct meter_machine;
sil_err meter_open(struct mem mem, const char *powercap, struct meter_machine **out, struct meter *meter,
                   const char **why, struct sil_error *e);
void meter_close(struct meter_machine *m); /* NULL is allowed */

#endif
