#include "plan/hw.h"

#include <assert.h>
#include <math.h>

#define SHEET "vendor data sheet (dense); price: press, mid-2026, uncertain"

#define ROW(id, name, title, bf16, fp8, fp4, hbm, rate, gpu, gpus, system, link, domain, liquid, price, low, high)     \
    {name,      title,        {(bf16)*1e15, (fp8)*1e15, (fp4)*1e15},                                                   \
     (hbm)*1e9, (rate)*1e12,  gpu,                                                                                     \
     gpus,      (system)*1e3, (link)*1e12,                                                                             \
     domain,    liquid,       price,                                                                                   \
     low,       high,         SHEET},
const struct hw_system hw_systems[] = {HW_CATALOGUE(ROW)};
const size_t hw_n_systems = sizeof hw_systems / sizeof *hw_systems;

const struct hw_power hw_power_default = {.idle = HW_IDLE,
                                          .active = HW_ACTIVE,
                                          .memory = HW_MEMORY,
                                          .compute = HW_COMPUTE,
                                          .host_idle = HW_HOST_IDLE,
                                          .host_active = HW_HOST_ACTIVE,
                                          .voltage = HW_VOLTAGE};

/* speed^1.5 is what the default needs; other exponents are rounded to halves so that no step calls libm. */
static double power_of_clock(double speed, double exponent) {
    int halves = (int)(2 * exponent + .5);
    double p = halves % 2 ? sqrt(speed) : 1;
    for (int i = 0; i < halves / 2; i++) p *= speed;
    return p;
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
