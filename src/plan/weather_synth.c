/* weather_synth: a year made up from monthly normals, for sites without a weather file. Temperatures are a broken line
 * through twelve knots plus a daily wave plus an autoregressive anomaly; the knots are solved so that every month has
 * its mean. Humidity likewise in the dew point. Irradiance is a clearness index per day on the geometry of the sun,
 * split by D. G. Erbs, S. A. Klein, J. A. Duffie, Solar Energy 28 (1982) 293. */
#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "plan/psychro.h"
#include "plan/weather.h"
#include "plan/weather_sun.h"
#include "plan/weather_text.h"

#define PI 3.14159265358979323846

enum { DAYS = 365 };

struct normals {
    const char *name;
    double latitude_deg, longitude_deg, height_m;
    double month_c[12], month_rh[12]; /* 2016-2025; % */
};

/* Korea Meteorological Administration, monthly means 2016-2025 of the stations. */
static const struct normals places[WEATHER_NORMALS_CUSTOM] = {
    {"Seoul",
     37.5714,
     126.9658,
     86,
     {-2.9, -.7, 5.5, 11.7, 16.9, 21.9, 25.4, 25.7, 21.0, 13.7, 6.1, -1.6},
     {59, 61, 66, 65, 69, 73, 82, 82, 79, 75, 70, 63}},
    {"Incheon",
     37.4777,
     126.6249,
     69,
     {-2.1, -.2, 5.5, 11.2, 16.1, 20.9, 25.0, 25.8, 21.5, 14.4, 7.0, -.4},
     {60, 62, 69, 70, 74, 80, 85, 83, 78, 73, 68, 62}},
    {"Gunsan",
     36.0053,
     126.7614,
     28,
     {.7, 1.9, 6.8, 12.0, 16.9, 21.5, 25.7, 26.8, 22.5, 15.9, 9.4, 2.8},
     {68, 68, 73, 74, 77, 82, 86, 82, 80, 74, 71, 68}},
    {"Ulsan",
     35.5824,
     129.3347,
     82,
     {1.0, 3.1, 8.2, 13.0, 17.7, 21.9, 25.7, 26.5, 22.0, 15.9, 9.2, 2.3},
     {57, 57, 65, 66, 69, 76, 83, 82, 82, 75, 68, 59}},
};

/* Assumptions on the weather between the normals, typical of Korea: spread of the daily means, share of a day's anomaly
 * that remains on the next, half the daily range under a mean sky, and monthly clearness (the monsoon in July). */
static const double spread_k[12] = {3.4, 3.3, 3.1, 2.9, 2.4, 1.9, 1.9, 1.7, 2.0, 2.6, 3.3, 3.5};
static const double clearness[12] = {.49, .51, .51, .51, .52, .48, .40, .44, .46, .52, .48, .47};
#define DAY_MEMORY  0.65
#define HALF_RANGE  4.0 /* K */
#define WIND_MEMORY 0.9

static const int month_start[13] = {0, 744, 1416, 2160, 2880, 3624, 4344, 5088, 5832, 6552, 7296, 8016, 8760}; /* h */

/* out[h] for h = 0..8759: the value at the end of hour h of the broken line through knots at the middles of months,
 * round the year. */
static void broken_line(const double knot[12], double out[WEATHER_HOURS]) {
    for (int m = 0; m < 12; m++) {
        int next = (m + 1) % 12;
        int from = (month_start[m] + month_start[m + 1]) / 2;
        int to = next ? (month_start[next] + month_start[next + 1]) / 2 : WEATHER_HOURS + month_start[1] / 2;
        double slope = (knot[next] - knot[m]) / (to - from);
        for (int h = from; h < to; h++)
            out[h < WEATHER_HOURS ? h : h - WEATHER_HOURS] = knot[m] + slope * (h + 1 - from);
    }
}

/* A day's standard normal anomalies, autoregressive, stationary from the first day on. */
static void anomalies(uint64_t seed, uint64_t stream, double memory, double out[DAYS]) {
    struct rng r = {.seed = seed, .stream = stream};
    double x = rng_normal(&r), fresh = sqrt(1.0 - memory * memory);
    for (int i = 0; i < DAYS; i++) {
        out[i] = x;
        x = memory * x + fresh * rng_normal(&r);
    }
}

/* Daily values joined by straight lines from noon to noon, round the year. */
static double daily_at(const double day[DAYS], double hour) {
    double x = hour / 24.0 - 0.5, f = floor(x);
    int a = ((int)f + DAYS) % DAYS, b = (a + 1) % DAYS;
    return day[a] + (day[b] - day[a]) * (x - f);
}

static double daily_wave(double hour) {
    return cos(2.0 * PI * (hour - 15.0) / 24.0);
}

static int month_of_day(int d) {
    int m = 0;
    while (24 * d >= month_start[m + 1]) m++;
    return m;
}

/* Solves knots so that the monthly means of min(1, gain * line + offset) are the normals, with line and the result in
 * w's hours given by the callers' arrays. Each round moves every knot by its month's error over its month's gain, which
 * shrinks the error to less than half. */
static void solve_knots(const double normal[12], const double *gain, const double *offset, double most,
                        double line[WEATHER_HOURS]) {
    double knot[12];
    for (int m = 0; m < 12; m++) knot[m] = normal[m];
    for (int round = 0; round < 60; round++) {
        broken_line(knot, line);
        double worst = 0.0;
        for (int m = 0; m < 12; m++) {
            double sum = 0.0, slope = 0.0, hours = month_start[m + 1] - month_start[m];
            for (int h = month_start[m]; h < month_start[m + 1]; h++) {
                double v = gain[h] * line[h] + offset[h];
                line[h] = v < most ? v : most;
                sum += line[h];
                if (v < most) slope += gain[h];
            }
            double error = normal[m] - sum / hours, least = 0.1 * hours;
            knot[m] += error * hours / (slope > least ? slope : least);
            worst = fmax(worst, fabs(error));
        }
        if (worst < 1e-8) break;
    }
}

/* Mean cosine of the zenith angle, night as 0, over each of a day's hours of local standard time. */
static void day_heights(const struct weather *w, int day, double up[24], double *extra) {
    struct weather_sun s;
    weather_sun_day(w, day, &s);
    *extra = s.extra_w_m2;
    for (int h = 0; h < 24; h++) {
        double from = (h - s.noon_h) * PI / 12.0;
        if (from < -PI) from += 2.0 * PI;
        double to = fmin(from + PI / 12.0, s.half_day);
        from = fmax(from, -s.half_day);
        up[h] = to > from ? (s.a * (to - from) + s.b * (sin(to) - sin(from))) * 12.0 / PI : 0.0;
    }
}

/* Diffuse share of the global irradiance at a clearness index (Erbs, Klein, Duffie, hourly). */
static double erbs(double kt) {
    if (kt <= 0.22) return 1.0 - 0.09 * kt;
    if (kt > 0.80) return 0.165;
    return 0.9511 + kt * (-0.1604 + kt * (4.388 + kt * (-16.638 + kt * 12.336)));
}

/* Clearness of each day, scaled so that the year has its irradiation; at most 0.8. */
static void light(const struct weather_config *c, double kt[DAYS], struct weather *w) {
    static const double most = 0.8;
    double extraterrestrial[DAYS], up[24], extra, scale = 1.0;
    for (int d = 0; d < DAYS; d++) {
        day_heights(w, d, up, &extra);
        extraterrestrial[d] = 0.0;
        for (int h = 0; h < 24; h++) extraterrestrial[d] += 3600.0 * extra * up[h];
        double clear = clearness[month_of_day(d)];
        kt[d] = clear * fmax(1.0 + 0.42 * kt[d], 0.15);
    }
    for (int round = 0; round < 60; round++) {
        double sum = 0.0;
        for (int d = 0; d < DAYS; d++) sum += extraterrestrial[d] * fmin(scale * kt[d], most);
        if (!(sum > 0.0) || fabs(sum - c->ghi_j_m2) < 1e-10 * c->ghi_j_m2) break;
        scale *= c->ghi_j_m2 / sum;
    }
    for (int d = 0; d < DAYS; d++) {
        day_heights(w, d, up, &extra);
        kt[d] = fmin(scale * kt[d], most);
        for (int h = 0; h < 24; h++) {
            struct weather_hour *o = &w->hour[24 * d + h];
            o->ghi_w_m2 = kt[d] * extra * up[h];
            o->dhi_w_m2 = o->ghi_w_m2 * erbs(kt[d]);
            o->dni_w_m2 = up[h] > 0.0 ? (o->ghi_w_m2 - o->dhi_w_m2) / up[h] : 0.0;
        }
    }
}

/* Rayleigh-distributed speeds from two autoregressive normals, stronger in the afternoon and in winter. */
static void winds(const struct weather_config *c, struct weather *w) {
    struct rng r = {.seed = (uint64_t)c->seed, .stream = 3};
    double x = rng_normal(&r), y = rng_normal(&r), fresh = sqrt(1.0 - WIND_MEMORY * WIND_MEMORY), sum = 0.0;
    for (int h = 0; h < WEATHER_HOURS; h++) {
        double season = 1.0 + 0.15 * cos(2.0 * PI * (h - 360.0) / WEATHER_HOURS);
        w->hour[h].wind_m_s = sqrt(x * x + y * y) * season * (1.0 + 0.2 * daily_wave(h % 24 + 1.0));
        sum += w->hour[h].wind_m_s;
        x = WIND_MEMORY * x + fresh * rng_normal(&r);
        y = WIND_MEMORY * y + fresh * rng_normal(&r);
    }
    double scale = c->wind_m_s * WEATHER_HOURS / sum;
    for (int h = 0; h < WEATHER_HOURS; h++) w->hour[h].wind_m_s *= scale;
}

static void air(const struct normals *n, const double day_c[DAYS], const double kt[DAYS], struct weather *w) {
    double gain[WEATHER_HOURS], rest[WEATHER_HOURS], line[WEATHER_HOURS];
    double wave[24], pressure = psychro_pressure(w->height_m);
    for (int h = 0; h < 24; h++) wave[h] = daily_wave(h + 1.0);
    for (int h = 0; h < WEATHER_HOURS; h++) {
        int m = month_of_day(h / 24);
        gain[h] = 1.0;
        rest[h] = daily_at(day_c, h + 1.0) + HALF_RANGE * kt[h / 24] / clearness[m] * wave[h % 24];
    }
    solve_knots(n->month_c, gain, rest, 200.0, line);
    for (int h = 0; h < WEATHER_HOURS; h++) {
        int m = month_of_day(h / 24);
        double swing = HALF_RANGE * kt[h / 24] / clearness[m] * wave[h % 24];
        w->hour[h].dry_bulb_c = line[h];
        w->hour[h].pressure_pa = pressure;
        /* The vapour stays through the day while the temperature swings. */
        gain[h] = psychro_psat(line[h] - swing) / psychro_psat(line[h]);
        rest[h] = 0.0;
    }
    solve_knots(n->month_rh, gain, rest, 100.0, line);
    for (int h = 0; h < WEATHER_HOURS; h++) {
        struct weather_hour *o = &w->hour[h];
        o->ratio = psychro_ratio_rh(o->dry_bulb_c, fmax(line[h], 1.0) / 100.0, o->pressure_pa);
    }
}

void weather_synthetic(const struct weather_config *c, struct weather *out) {
    struct normals n;
    if (c->normals >= 0 && c->normals < WEATHER_NORMALS_CUSTOM) {
        n = places[c->normals];
        out->zone_h = 9.0;
    } else {
        n = (struct normals){"custom normals", c->latitude_deg, c->longitude_deg, c->height_m, {0}, {0}};
        for (int m = 0; m < 12; m++) n.month_c[m] = c->month_c[m], n.month_rh[m] = 100.0 * c->month_rh[m];
        out->zone_h = c->zone_s / 3600.0;
    }
    out->class = WEATHER_SYNTHETIC;
    snprintf(out->place, sizeof out->place, "%s", n.name);
    snprintf(out->origin, sizeof out->origin, "synthetic from monthly normals, seed %lld", (long long)c->seed);
    out->latitude_deg = n.latitude_deg;
    out->longitude_deg = n.longitude_deg;
    out->height_m = n.height_m;
    double day_c[DAYS], kt[DAYS];
    anomalies((uint64_t)c->seed, 1, DAY_MEMORY, day_c);
    anomalies((uint64_t)c->seed, 2, 0.35, kt);
    for (int d = 0; d < DAYS; d++) day_c[d] *= spread_k[month_of_day(d)];
    light(c, kt, out);
    winds(c, out);
    air(&n, day_c, kt, out);
}
