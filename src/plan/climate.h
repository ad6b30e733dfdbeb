/* climate: the weather of every step of a simulated year, between the hours of a struct weather.
 *
 * Dry bulb, humidity ratio, pressure and wind are linear between the ends of hours, taken at the middle of the step.
 * The wet bulb is exact at the ends and middles of hours and a parabola between them (error below 0.01 K against the
 * iterative solution over the years that were tried; tests/test_climate.c holds it to 0.05 K), and exact in every step
 * of an hour in which it comes near freezing (ice and water are two curves) or changes by more than 4 K. Global
 * irradiance follows the sun within the hour with the hour's mean kept.
 */
#ifndef SIL_PLAN_CLIMATE_H
#define SIL_PLAN_CLIMATE_H

#include <stdint.h>

#include "base/mem.h"
#include "plan/sun.h"
#include "plan/weather.h"
#include "sillok.h"

struct climate_step {
    double dry_bulb_c, wet_bulb_c, ratio, pressure_pa, wind_m_s, ghi_w_m2;
};

/* n = 8760 * per_hour rows. */
struct climate {
    uint32_t n, per_hour;
    struct climate_step *step;
};

/* Allocates the rows (climate_free) for the sun's steps; fill may be repeated for other weather without allocating. */
sil_err climate_new(uint32_t per_hour, struct mem mem, struct climate *out, struct sil_error *e);
void climate_fill(struct climate *c, const struct weather *w, const struct sun_year *sun);
void climate_free(struct climate *c, struct mem mem);

#endif
