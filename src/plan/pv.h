/* pv: the shape of photovoltaic generation over a year from a site's irradiance, scaled to a declared capacity factor.
 *
 * Transposition by Hay and Davies (1980) with a ground of constant albedo; module and cell temperature after King
 * (SAPM, SAND2004-3535, open rack by default); direct current and inverter after PVWatts version 5
 * (NREL/TP-6A20-62641). Fixed tilt. */
#ifndef SIL_PLAN_PV_H
#define SIL_PLAN_PV_H

#include <stdint.h>

#include "plan/sun.h"
#include "plan/var.h"
#include "plan/weather.h"
#include "sillok.h"

/* Group "pv". */
struct pv_config {
    double capacity_w;            /* direct current, at standard test conditions */
    double capacity_factor;       /* annual mean of alternating current over capacity, declared */
    double tilt_deg, azimuth_deg; /* azimuth clockwise from north: 180 faces south */
    double albedo;
    double gamma_per_k; /* power per kelvin of cell temperature, negative */
    double dc_ac;       /* direct current capacity over inverter rating */
    double inverter;    /* nominal efficiency */
    double losses;      /* soiling, wiring, mismatch ... as a share */
    double sapm_a, sapm_b, sapm_dt_k;
    double interannual; /* standard deviation of yearly yield over its mean, declared: for Monte-Carlo, not used here */
};
extern const struct plan_group pv_group;

/* SAPM: module (back) and cell temperature in degC. e0 = 1000 W/m2. */
double pv_module_c(double poa_w_m2, double air_c, double wind_m_s, double a, double b);
double pv_cell_c(double poa_w_m2, double module_c, double dt_k);
/* PVWatts: direct current in W of a field of dc0_w. */
double pv_dc_w(double poa_w_m2, double cell_c, double dc0_w, double gamma_per_k);
/* PVWatts inverter: alternating current in W, at most the rating ac0_w. */
double pv_ac_w(double dc_w, double ac0_w, double nominal);

/* Irradiance on the plane: beam and diffuse by Hay and Davies. cos_aoi and cos_zenith of the sun; all W/m2. */
double pv_plane_w_m2(double ghi, double dni, double dhi, double extra, double cos_aoi, double cos_zenith,
                     double tilt_deg, double albedo);

struct pv_summary {
    double raw_factor; /* capacity factor of the physical model before scaling */
    double scale;      /* applied to direct current; 1 when raw and declared agree */
    double factor;     /* mean of the series: the declared factor to 1e-9 */
};

/* W per W of capacity in every step of the sun's year, into out[sun->n]. SIL_ARG when the declared factor cannot be
 * reached by this shape (no sun, or always clipped). Allocates nothing. */
sil_err pv_series(const struct pv_config *c, const struct weather *w, const struct sun_year *sun, double *out,
                  struct pv_summary *summary, struct sil_error *e);

#endif
