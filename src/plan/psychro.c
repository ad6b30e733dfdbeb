#include "plan/psychro.h"

#include <math.h>
#include <stdbool.h>

#define KELVIN      273.15
#define LATENT_ICE  2830000.0 /* J/kg: ASHRAE 2017, 1.35 */
#define CP_VAPOUR   1860.0
#define CP_WATER    4186.0
#define CP_ICE      2100.0
#define PSAT_0C     611.2126982            /* Pa, over water: ASHRAE 2017, 1.6 (tests hold it to psychro_psat) */
#define SLOPE_WATER (CP_WATER - CP_VAPOUR) /* 2326: latent heat falls by it per kelvin */
#define SLOPE_ICE   (CP_ICE - CP_VAPOUR)   /* 240 */

/* Logarithm of the saturation pressure over water (ASHRAE 2017, 1.6) and its derivative. */
static double ln_psat_water(double k, double *slope) {
    double inv = 1.0 / k;
    *slope =
        5.8002206e3 * inv * inv - 4.8640239e-2 + k * (2.0 * 4.1764768e-5 - 3.0 * 1.4452093e-8 * k) + 6.5459673 * inv;
    return -5.8002206e3 * inv + 1.3914993 + k * (-4.8640239e-2 + k * (4.1764768e-5 - k * 1.4452093e-8)) +
           6.5459673 * log(k);
}

/* The same over ice (1.5). */
static double ln_psat_ice(double k, double *slope) {
    double inv = 1.0 / k;
    *slope = 5.6745359e3 * inv * inv - 9.677843e-3 +
             k * (2.0 * 6.2215701e-7 + k * (3.0 * 2.0747825e-9 - 4.0 * 9.484024e-13 * k)) + 4.1635019 * inv;
    return -5.6745359e3 * inv + 6.3925247 +
           k * (-9.677843e-3 + k * (6.2215701e-7 + k * (2.0747825e-9 - k * 9.484024e-13))) + 4.1635019 * log(k);
}

static double psat_slope(double t_c, bool ice, double *slope) {
    double ln_slope, ln = ice ? ln_psat_ice(t_c + KELVIN, &ln_slope) : ln_psat_water(t_c + KELVIN, &ln_slope);
    double p = exp(ln);
    *slope = p * ln_slope;
    return p;
}

double psychro_psat(double t_c) {
    double slope;
    return exp(t_c < 0.0 ? ln_psat_ice(t_c + KELVIN, &slope) : ln_psat_water(t_c + KELVIN, &slope));
}

double psychro_ratio(double vapour_pa, double pressure_pa) {
    double most = 0.95 * pressure_pa;
    double v = vapour_pa < most ? vapour_pa : most;
    return PSYCHRO_RATIO * v / (pressure_pa - v);
}

double psychro_ratio_rh(double t_c, double rh, double pressure_pa) {
    return psychro_ratio(rh * psychro_psat(t_c), pressure_pa);
}

double psychro_ratio_saturated(double t_c, double pressure_pa) {
    return psychro_ratio(psychro_psat(t_c), pressure_pa);
}

double psychro_rh(double t_c, double ratio, double pressure_pa) {
    return pressure_pa * ratio / ((PSYCHRO_RATIO + ratio) * psychro_psat(t_c));
}

double psychro_enthalpy(double t_c, double ratio) {
    return PSYCHRO_CP_AIR * t_c + ratio * (PSYCHRO_HFG0 + CP_VAPOUR * t_c);
}

/* Humidity ratio of air at t_c whose wet bulb is b_c, and its derivative by b_c. */
static double ratio_wet_bulb(double t_c, double b_c, double pressure_pa, bool ice, double *slope) {
    double ps_slope, ps = psat_slope(b_c, ice, &ps_slope);
    double most = 0.95 * pressure_pa;
    if (ps > most) ps = most, ps_slope = 0.0;
    double inv = 1.0 / (pressure_pa - ps), ws = PSYCHRO_RATIO * ps * inv;
    double ws_slope = PSYCHRO_RATIO * pressure_pa * inv * inv * ps_slope;
    double latent = ice ? LATENT_ICE - SLOPE_ICE * b_c : PSYCHRO_HFG0 - SLOPE_WATER * b_c;
    double latent_slope = ice ? -SLOPE_ICE : -SLOPE_WATER;
    double condensed = ice ? CP_ICE : CP_WATER;
    double below = 1.0 / ((ice ? LATENT_ICE : PSYCHRO_HFG0) + CP_VAPOUR * t_c - condensed * b_c);
    double w = (latent * ws - PSYCHRO_CP_AIR * (t_c - b_c)) * below;
    *slope = (latent * ws_slope + latent_slope * ws + PSYCHRO_CP_AIR + w * condensed) * below;
    return w;
}

double psychro_ratio_wet_bulb(double t_c, double wet_bulb_c, double pressure_pa) {
    double slope, w = ratio_wet_bulb(t_c, wet_bulb_c, pressure_pa, wet_bulb_c < 0.0, &slope);
    return w > 0.0 ? w : 0.0;
}

double psychro_dew_point(double ratio, double pressure_pa) {
    double v = pressure_pa * ratio / (PSYCHRO_RATIO + ratio);
    double slope, lo = -100.0, t;
    if (!(v > psychro_psat(lo))) return lo;
    double ln = log(v);
    bool ice = v < psychro_psat(0.0);
    /* Newton in the logarithm, which is nearly straight in 1/T: quadratic from anywhere in the range. */
    t = ice ? -10.0 : 10.0;
    for (int i = 0; i < 20; i++) {
        double f = (ice ? ln_psat_ice(t + KELVIN, &slope) : ln_psat_water(t + KELVIN, &slope)) - ln;
        double step = f / slope;
        t -= step;
        if (t < lo) t = lo;
        if (t > 200.0) t = 200.0;
        if (fabs(step) < 1e-7) break;
    }
    return t;
}

/* The wet bulb on one branch between lo and hi, where the ratio is rising in the wet bulb; hi when that is not enough.
 */
static double solve_branch(double t_c, double ratio, double pressure_pa, bool ice, double lo, double hi, double guess) {
    double b = guess > lo && guess < hi ? guess : 0.5 * (lo + hi);
    bool hi_tried = false;
    for (int i = 0; i < 60; i++) {
        double slope, f = ratio_wet_bulb(t_c, b, pressure_pa, ice, &slope) - ratio;
        if (f > 0.0) hi = b, hi_tried = true;
        else lo = b;
        double next = b - f / slope;
        if (fabs(next - b) < 1e-3 && next >= lo && next <= hi)
            return next; /* quadratic: what is left is below 1e-6 K */
        if (!hi_tried && next >= hi) {
            hi_tried = true;
            if (ratio_wet_bulb(t_c, hi, pressure_pa, ice, &slope) <= ratio) return hi;
        }
        b = next > lo && next < hi ? next : 0.5 * (lo + hi);
        if (hi - lo < 1e-7) return b;
    }
    return b;
}

double psychro_wet_bulb(double t_c, double ratio, double pressure_pa, double guess_c) {
    if (t_c < 0.0) return solve_branch(t_c, ratio, pressure_pa, true, -100.0, t_c, guess_c);
    /* The branch of water begins at 0 degC; there the ratio needs no exponential. */
    double ws = psychro_ratio(PSAT_0C, pressure_pa);
    double at_0 = (PSYCHRO_HFG0 * ws - PSYCHRO_CP_AIR * t_c) / (PSYCHRO_HFG0 + CP_VAPOUR * t_c);
    if (at_0 <= ratio) return solve_branch(t_c, ratio, pressure_pa, false, 0.0, t_c, guess_c);
    return solve_branch(t_c, ratio, pressure_pa, true, -100.0, 0.0, guess_c);
}

double psychro_pressure(double height_m) {
    return PSYCHRO_P0 * pow(1.0 - 2.25577e-5 * height_m, 5.2559);
}
