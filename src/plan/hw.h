/* hw: the catalogue of GPU systems, and the power of a GPU and its host over load and clock.
 *
 * Source of the catalogue: vendors' data sheets as listed in the project's plan; prices are mid-2026 press figures and
 * uncertain. Peaks are dense (no structured sparsity). */
#ifndef SIL_PLAN_HW_H
#define SIL_PLAN_HW_H

#include <stdbool.h>
#include <stddef.h>

enum hw_precision { HW_BF16, HW_FP8, HW_FP4, HW_PRECISIONS };

/* Everything per GPU unless said. */
struct hw_system {
    const char *name;                                /* "dgx-h100": the word in design files */
    const char *title;                               /* "DGX H100" */
    double flops[HW_PRECISIONS];                     /* FLOP/s; 0: the hardware has no such format */
    double hbm_bytes, hbm_rate;                      /* B, B/s */
    double gpu_w;                                    /* board power limit */
    double gpus;                                     /* per system */
    double system_w;                                 /* nameplate of the whole system */
    double link_rate;                                /* NVLink, B/s, both directions together */
    double domain;                                   /* GPUs that NVLink joins */
    double liquid_share;                             /* of the heat that goes to the liquid loop */
    double price_usd, price_low_usd, price_high_usd; /* per GPU with its share of the system */
    const char *source;
};

extern const struct hw_system hw_systems[];
extern const size_t hw_n_systems;
/* "dgx-h100|dgx-h200|..." in the order of hw_systems. */
extern const char hw_names[];

/* How power follows load; shares of the board's limit. */
struct hw_power {
    double idle;                   /* powered, nothing running */
    double active;                 /* clocks up, units idle */
    double memory;                 /* added at full HBM bandwidth */
    double compute;                /* added at the peak FLOP rate (which no kernel reaches) */
    double host_idle, host_active; /* of the nameplate that is not GPUs, idle and busy */
    double voltage;                /* exponent of dynamic power per operation over the clock: energy ~ clock^voltage */
};

extern const struct hw_power hw_power_default;

/* Mean power of one GPU (W) that is busy a share `busy` of the time, with mean rates `compute` (share of the peak FLOP
 * rate at full clock) and `memory` (share of the HBM bandwidth) over all time, at clock `speed`. At most gpu_w. */
double hw_gpu_power(const struct hw_system *s, const struct hw_power *p, double busy, double compute, double memory,
                    double speed);
/* The host's share per GPU (W): everything in the system that is not a GPU. */
double hw_host_power(const struct hw_system *s, const struct hw_power *p, double busy);
/* Both together when nothing runs. */
double hw_idle_power(const struct hw_system *s, const struct hw_power *p);

#endif
