#include "plan/check_env.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "plan/elec.h"
#include "plan/psychro.h"
#include "plan/pv.h"
#include "plan/raps.h"
#include "plan/sun.h"
#include "plan/var.h"
#include "plan/weather.h"

#define INCHEON "data/weather/KOR_IN_Incheon.WS.471120_TMYx.2011-2025.epw.zst"
#define GWANGJU "data/weather/KOR_KJ_Gwangju.471560_TMYx.2011-2025.epw.zst"

static sil_err raps(const struct plan_check_ctx *ctx, int peak, double *got, struct sil_error *e) {
    (void)ctx, (void)e;
    *got = raps_system_w(&raps_frontier, raps_node_w(peak ? &raps_frontier_peak : &raps_frontier_idle)) / 1e6;
    return SIL_OK;
}

static sil_err spa(const struct plan_check_ctx *ctx, int azimuth, double *got, struct sil_error *e) {
    (void)ctx, (void)e;
    const struct sun_site golden = {39.742476, -105.1786, -7.0, 1830.14};
    struct sun_position p;
    double local_h = 12.0 + 30.0 / 60.0 + 30.0 / 3600.0;
    sun_position(sun_julian_day(2003, 10, 17.0 + (local_h + 7.0) / 24.0), 67.0, &golden, &p);
    *got = azimuth ? p.azimuth_deg : p.elevation_deg;
    return SIL_OK;
}

enum { SAPM_CELL, PVWATTS_DC, TRANSFORMER };

static sil_err pvlib(const struct plan_check_ctx *ctx, int which, double *got, struct sil_error *e) {
    (void)ctx, (void)e;
    const struct elec_stage_config c = {.unit_w = 2.75e6, .a = 0.002, .c = 0.007, .load_max = 1.0};
    struct elec_stage transformer;
    switch (which) {
    case SAPM_CELL: *got = pv_cell_c(900.0, pv_module_c(900.0, 20.0, 5.0, -3.47, -0.0594), 3.0); break;
    case PVWATTS_DC: *got = pv_dc_w(900.0, 30.0, 100.0, -0.003); break;
    default: elec_stage_init(&c, 2.75e6, &transformer); *got = elec_out_w(&transformer, 1616441.797);
    }
    return SIL_OK;
}

enum { PSAT, SATURATED, ENTHALPY, FROM_WET_BULB, WET_BULB };

static sil_err psychro(const struct plan_check_ctx *ctx, int which, double *got, struct sil_error *e) {
    (void)ctx, (void)e;
    switch (which) {
    case PSAT: *got = psychro_psat(25.0); break;
    case SATURATED: *got = psychro_ratio_saturated(25.0, 101325.0); break;
    case ENTHALPY: *got = psychro_enthalpy(30.0, 0.02); break;
    case FROM_WET_BULB: *got = psychro_ratio_wet_bulb(30.0, 25.0, 95461.0); break;
    default: *got = psychro_wet_bulb(7.0, psychro_ratio_rh(7.0, 0.61, 100000.0), 100000.0, 0.0);
    }
    return SIL_OK;
}

static sil_err load(const struct plan_check_ctx *ctx, const char *file, struct weather **w, struct sil_error *e) {
    struct weather_config c;
    plan_defaults(&weather_group, &c);
    c.source = WEATHER_FROM_EPW;
    int n = snprintf(c.file, sizeof c.file, "%s/%s", ctx->shared ? ctx->shared : ".", file);
    if (n < 0 || (size_t)n >= sizeof c.file) return err_set(e, SIL_LIMIT, "%s: the path is too long", file);
    return weather_load(&c, ctx->mem, w, e);
}

static sil_err irradiation(const struct plan_check_ctx *ctx, int arg, double *got, struct sil_error *e) {
    (void)arg;
    struct weather *w = NULL;
    struct weather_summary s;
    SIL_TRY(load(ctx, INCHEON, &w, e));
    weather_summarise(w, &s);
    *got = s.ghi_j_m2 / 1e6;
    mem_free(ctx->mem, w);
    return SIL_OK;
}

/* Hours of full output a day in a month of a plant scaled to 15.8 %. */
static sil_err pv_month(const struct plan_check_ctx *ctx, int month, double *got, struct sil_error *e) {
    struct weather *w = NULL;
    struct sun_year sun = {0};
    struct pv_config c;
    struct pv_summary summary;
    plan_defaults(&pv_group, &c);
    SIL_TRY(load(ctx, GWANGJU, &w, e));
    assert(w);
    struct sun_site site = {w->latitude_deg, w->longitude_deg, w->zone_h, w->height_m};
    double *out = mem_array(ctx->mem, WEATHER_HOURS, sizeof *out);
    sil_err err = out ? sun_year_new(&site, 2021, 1, ctx->mem, &sun, e) : err_nomem(e, "a year of generation", 0);
    if (err == SIL_OK) err = pv_series(&c, w, &sun, out, &summary, e);
    if (err == SIL_OK && out) {
        static const int start[13] = {0, 744, 1416, 2160, 2880, 3624, 4344, 5088, 5832, 6552, 7296, 8016, 8760};
        double sum = 0.0;
        for (int h = start[month]; h < start[month + 1]; h++) sum += out[h];
        *got = 24.0 * sum / (start[month + 1] - start[month]);
    }
    sun_year_free(&sun, ctx->mem);
    mem_free(ctx->mem, out);
    mem_free(ctx->mem, w);
    return err;
}

/* clang-format off */
const struct plan_check env_checks[] = {
    {"RAPS Frontier", "all nodes idle (626.26 W)", "MW", 7.307, 1e-4, 0, NULL, NULL, raps, 0},
    {"RAPS Frontier", "all nodes at peak (2704.26 W)", "MW", 28.228, 1e-4, 0, NULL, NULL, raps, 1},
    {"pvlib: SPA", "elevation, Golden 2003-10-17 12:30:30 MST", "deg", 39.872046, 0, 1e-5, NULL, "without refraction", spa, 0},
    {"pvlib: SPA", "azimuth, Golden 2003-10-17 12:30:30 MST", "deg", 194.340241, 0, 1e-5, NULL, NULL, spa, 1},
    {"pvlib: SAPM", "cell at 900 W/m2, 20 degC, 5 m/s", "degC", 43.509, 0, 1e-3, NULL, "a -3.47, b -0.0594, 3 K", pvlib, SAPM_CELL},
    {"pvlib: PVWatts", "dc at 900 W/m2, cell 30 degC, 100 W, -0.3 %/K", "W", 88.65, 0, 1e-9, NULL, NULL, pvlib, PVWATTS_DC},
    {"pvlib: transformer", "2.75 MVA, 0.2 %, 0.7 %: output of 1,616,441.797 W", "W", 1604389.628, 0, 1e-2, NULL, NULL, pvlib, TRANSFORMER},
    {"PsychroLib", "saturation pressure at 25 degC", "Pa", 3169.7, 5e-3, 0, NULL, NULL, psychro, PSAT},
    {"PsychroLib", "saturated humidity ratio at 25 degC", "kg/kg", 0.020173, 5e-3, 0, NULL, "101,325 Pa; the table counts the enhancement factor (0.45 %), the formulas do not", psychro, SATURATED},
    {"PsychroLib", "enthalpy at 30 degC, 0.02 kg/kg", "J/kg", 81316, 5e-3, 0, NULL, NULL, psychro, ENTHALPY},
    {"PsychroLib", "humidity ratio at 30 degC, wet bulb 25 degC", "kg/kg", 0.01922813, 5e-3, 0, NULL, "95,461 Pa", psychro, FROM_WET_BULB},
    {"PsychroLib", "wet bulb at 7 degC, 61 %", "degC", 3.92667, 0, 0.05, NULL, "100,000 Pa", psychro, WET_BULB},
    {"EPW Incheon", "global irradiation of the year", "MJ/m2", 5561, 1e-3, 0, INCHEON, NULL, irradiation, 0},
    {"Jeonnam PV 2021", "full-load hours a day in April, scaled to 15.8 %", "h", 4.80, 0.15, 0, GWANGJU, "typical year of Gwangju against the year 2021 of a province", pv_month, 3},
    {"Jeonnam PV 2021", "full-load hours a day in January, scaled to 15.8 %", "h", 2.56, 0.15, 0, GWANGJU,
     "missed: the typical year's January (GHI 2.8 kWh/m2 a day, from a reanalysis) gives more than the province's plants gave in January 2021; not tuned", pv_month, 0},
};
/* clang-format on */
const size_t env_n_checks = sizeof env_checks / sizeof *env_checks;
