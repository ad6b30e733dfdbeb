#include "plan/hw.h"

#include <assert.h>

#define SHEET "vendor data sheet (dense); price: press, mid-2026, uncertain"

const struct hw_system hw_systems[] = {
    {"dgx-h100",
     "DGX H100",
     {.989e15, 1.979e15, 0},
     80e9,
     3.35e12,
     700,
     8,
     10200,
     .9e12,
     8,
     0,
     30e3,
     25e3,
     40e3,
     SHEET},
    {"dgx-h200",
     "DGX H200",
     {.989e15, 1.979e15, 0},
     141e9,
     4.8e12,
     700,
     8,
     10200,
     .9e12,
     8,
     0,
     35e3,
     30e3,
     45e3,
     SHEET},
    {"dgx-b200",
     "DGX B200",
     {2.25e15, 4.5e15, 9e15},
     180e9,
     7.7e12,
     1000,
     8,
     14300,
     1.8e12,
     8,
     0,
     40e3,
     35e3,
     50e3,
     SHEET},
    {"dgx-b300",
     "DGX B300",
     {2.25e15, 4.5e15, 14e15},
     288e9,
     7.75e12,
     1100,
     8,
     14000,
     1.8e12,
     8,
     0,
     40.6e3,
     37.5e3,
     43.8e3,
     SHEET},
    {"gb200-nvl72",
     "GB200 NVL72",
     {2.5e15, 5e15, 10e15},
     186e9,
     8e12,
     1200,
     72,
     132000,
     1.8e12,
     72,
     .85,
     56e3,
     43e3,
     69e3,
     SHEET},
    {"gb300-nvl72",
     "GB300 NVL72",
     {2.5e15, 5e15, 15e15},
     288e9,
     8e12,
     1400,
     72,
     142000,
     1.8e12,
     72,
     .85,
     60e3,
     42e3,
     69e3,
     SHEET},
};
const size_t hw_n_systems = sizeof hw_systems / sizeof *hw_systems;
const char hw_names[] = "dgx-h100|dgx-h200|dgx-b200|dgx-b300|gb200-nvl72|gb300-nvl72";

/* idle, active, memory: decode draws 137 to 300 W of the 700 W of an H200 (arXiv 2605.11999): .2 of the limit when the
 * memory is hardly used, .43 when it is saturated. compute: so that a kernel at 70 % of the peak rate and a third of
 * the bandwidth meets the limit, as large dense products do. hosts: half of the nameplate that is not GPUs is drawn at
 * load, a third when idle (nameplates allow for every fan and adapter at its worst). voltage: over the upper half of
 * the clock range voltage falls less than linearly with the clock. */
const struct hw_power hw_power_default = {
    .idle = .11, .active = .18, .memory = .25, .compute = 1.05, .host_idle = .33, .host_active = .5, .voltage = 1.5};

/* speed^1.5 is what the default needs; other exponents are rounded to halves so that no step calls libm. */
static double power_of_clock(double speed, double exponent) {
    double p = 1;
    for (; exponent >= 1; exponent -= 1) p *= speed;
    return exponent >= .25 ? p * __builtin_sqrt(speed) : p;
}

double hw_gpu_power(const struct hw_system *s, const struct hw_power *p, double busy, double compute, double memory,
                    double speed) {
    assert(busy >= 0 && busy <= 1 && speed > 0 && speed <= 1);
    double scale = power_of_clock(speed, p->voltage);
    double share = p->idle + (p->active - p->idle) * busy * speed + p->memory * memory + p->compute * compute * scale;
    return s->gpu_w * (share < 1 ? share : 1);
}

double hw_host_power(const struct hw_system *s, const struct hw_power *p, double busy) {
    double host = s->system_w / s->gpus - s->gpu_w;
    if (host < 0) host = 0;
    return host * (p->host_idle + (p->host_active - p->host_idle) * busy);
}

double hw_idle_power(const struct hw_system *s, const struct hw_power *p) {
    return hw_gpu_power(s, p, 0, 0, 0, 1) + hw_host_power(s, p, 0);
}
