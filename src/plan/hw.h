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

/* X(id, name, title, bf16, fp8, fp4, hbm, rate, gpu_w, gpus, system_w, link, domain, liquid, price, low, high); one
 * table for the catalogue and for `plan sources`. Units: PFLOP/s, GB, TB/s, W, kW, TB/s, USD. */
#define HW_CATALOGUE(X)                                                                                                \
    X(H100, "dgx-h100", "DGX H100", .989, 1.979, 0, 80, 3.35, 700, 8, 10.2, .9, 8, 0, 30e3, 25e3, 40e3)                \
    X(H200, "dgx-h200", "DGX H200", .989, 1.979, 0, 141, 4.8, 700, 8, 10.2, .9, 8, 0, 35e3, 30e3, 45e3)                \
    X(B200, "dgx-b200", "DGX B200", 2.25, 4.5, 9, 180, 7.7, 1000, 8, 14.3, 1.8, 8, 0, 40e3, 35e3, 50e3)                \
    X(B300, "dgx-b300", "DGX B300", 2.25, 4.5, 14, 288, 7.75, 1100, 8, 14, 1.8, 8, 0, 40.6e3, 37.5e3, 43.8e3)          \
    X(GB200, "gb200-nvl72", "GB200 NVL72", 2.5, 5, 10, 186, 8, 1200, 72, 132, 1.8, 72, .85, 56e3, 43e3, 69e3)          \
    X(GB300, "gb300-nvl72", "GB300 NVL72", 2.5, 5, 15, 288, 8, 1400, 72, 142, 1.8, 72, .85, 60e3, 42e3, 69e3)

extern const struct hw_system hw_systems[];
extern const size_t hw_n_systems;
/* In the order of hw_systems. */
#define HW_NAMES "dgx-h100|dgx-h200|dgx-b200|dgx-b300|gb200-nvl72|gb300-nvl72"

#define HW_IDLE        .11
#define HW_ACTIVE      .18
#define HW_MEMORY      .25
#define HW_COMPUTE     1.05
#define HW_HOST_IDLE   .33
#define HW_HOST_ACTIVE .61
#define HW_VOLTAGE     1.5

/* How power follows load; shares of the board's limit. */
struct hw_power {
    double idle;                   /* powered, nothing running */
    double active;                 /* clocks up, units idle */
    double memory;                 /* added at full HBM bandwidth */
    double compute;                /* added at the peak FLOP rate (which no kernel reaches) */
    double host_idle, host_active; /* of the nameplate that is not GPUs, idle and busy */
    double voltage;                /* exponent of dynamic power per operation over the clock: energy ~ clock^voltage */
};

/* The values above; their sources are with the variables fleet.power.*. */
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
