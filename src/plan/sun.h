/* sun: where the sun is. I. Reda, A. Andreas, "Solar Position Algorithm for Solar Radiation Applications",
 * NREL/TP-560-34302 (2008): +-0.0003 degrees for the years -2000..6000.
 *
 * The slow part (declination, right ascension, equation of the equinoxes, distance) is computed once a day and
 * interpolated by cubics; sun_position computes it afresh. They differ by less than 1e-5 degrees (tests/test_sun.c). */
#ifndef SIL_PLAN_SUN_H
#define SIL_PLAN_SUN_H

#include <stdint.h>

#include "base/mem.h"
#include "sillok.h"

struct sun_site {
    double latitude_deg, longitude_deg, zone_h, height_m; /* north and east positive */
};

struct sun_position {
    double elevation_deg;                        /* of the sun's centre, topocentric, without refraction */
    double azimuth_deg;                          /* clockwise from north */
    double declination_deg, right_ascension_deg; /* geocentric, apparent */
    double distance_au;
};

/* Julian day of a civil moment, Gregorian calendar, in UT. month 1..12; day may have a fraction. */
double sun_julian_day(int year, int month, double day);

/* delta_t_s: terrestrial less universal time; sun_delta_t estimates it for 2005..2050 (Espenak and Meeus). */
void sun_position(double julian_day_ut, double delta_t_s, const struct sun_site *site, struct sun_position *out);
double sun_delta_t(double year);

/* A direction on a plane of the horizon: towards east, north and up; unit length. Float: 24 bits are 0.003 degrees at
 * worst, a tenth of the sun's radius. */
struct sun_step {
    float east, north, up; /* up is the cosine of the zenith angle; below 0 at night */
};

/* Geometry of a simulated year: the middle of every step. It belongs to site and year and is meant to be kept. */
struct sun_year {
    uint32_t n, per_hour;
    struct sun_step *step;
    double *hour_up;         /* 8,760: mean of max(up, 0) over the hour's steps */
    double *hour_extra_w_m2; /* 8,760: extraterrestrial normal irradiance */
};

/* 365 days (29 February is left out); per_hour steps an hour (1..60). */
sil_err sun_year_new(const struct sun_site *site, int year, uint32_t per_hour, struct mem mem, struct sun_year *out,
                     struct sil_error *e);
void sun_year_free(struct sun_year *s, struct mem mem);

#endif
