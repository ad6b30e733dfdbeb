#include "plan/sun.h"

#include <math.h>
#include <stdbool.h>

#include "base/err.h"
#include "plan/sun_tables.h"

#define PI        3.14159265358979323846
#define RAD       (PI / 180.0)
#define SOLAR_W   1361.0 /* W/m2 at 1 AU: Kopp and Lean, Geophys. Res. Lett. 38 (2011) L01706 */
#define J2000     2451545.0
#define CENTURY   36525.0
#define FLATTENED 0.99664719 /* polar over equatorial radius of the Earth */
#define RADIUS_M  6378140.0

enum { HOURS = 8760, KNOTS_MAX = 370 };

double sun_julian_day(int year, int month, double day) {
    if (month <= 2) {
        year--;
        month += 12;
    }
    int a = year / 100, leap_days = 2 - a + a / 4; /* of the Gregorian calendar */
    return floor(365.25 * (year + 4716)) + floor(30.6001 * (month + 1)) + day + leap_days - 1524.5;
}

/* Polynomials for 2005..2050: F. Espenak, J. Meeus, "Five Millennium Canon of Solar Eclipses" (NASA/TP-2006-214141). */
double sun_delta_t(double year) {
    double t = year - 2000.0;
    return 62.92 + 0.32217 * t + 0.005589 * t * t;
}

static double series(const struct sun_series *s, size_t powers, double t) {
    double sum = 0.0;
    for (size_t i = powers; i-- > 0;) {
        double part = 0.0;
        for (size_t k = 0; k < s[i].n; k++) part += s[i].term[k].a * cos(s[i].term[k].b + s[i].term[k].c * t);
        sum = sum * t + part;
    }
    return sum * 1e-8;
}

static double wrapped(double deg) {
    double r = fmod(deg, 360.0);
    return r < 0.0 ? r + 360.0 : r;
}

/* Nutation in longitude and obliquity, degrees; t in Julian centuries of terrestrial time (section 3.4). */
static void nutation(double t, double *longitude, double *obliquity) {
    const double x[5] = {297.85036 + t * (445267.11148 + t * (-0.0019142 + t / 189474.0)),
                         357.52772 + t * (35999.05034 + t * (-0.0001603 - t / 300000.0)),
                         134.96298 + t * (477198.867398 + t * (0.0086972 + t / 56250.0)),
                         93.27191 + t * (483202.017538 + t * (-0.0036825 + t / 327270.0)),
                         125.04452 + t * (-1934.136261 + t * (0.0020708 + t / 450000.0))};
    double psi = 0.0, eps = 0.0;
    for (size_t i = 0; i < sun_n_nutation; i++) {
        const struct sun_nutation *n = &sun_nutation[i];
        double arg = 0.0;
        for (int j = 0; j < 5; j++) arg += n->y[j] * x[j];
        arg = wrapped(arg) * RAD;
        psi += (n->a + n->b * t) * sin(arg);
        eps += (n->c + n->d * t) * cos(arg);
    }
    *longitude = psi / 36000000.0;
    *obliquity = eps / 36000000.0;
}

/* Mean obliquity of the ecliptic, degrees; u in ten Julian millennia (section 3.5). */
static double mean_obliquity(double u) {
    static const double c[11] = {84381.448, -4680.93, -1.55, 1999.25, -51.38, -249.67, -39.05, 7.12, 27.87, 5.79, 2.45};
    double sum = 0.0;
    for (int i = 10; i >= 0; i--) sum = sum * u + c[i];
    return sum / 3600.0;
}

/* What of the sun's place changes slowly, so that a day's step can be interpolated. Degrees and AU. */
struct slow {
    double right_ascension, declination, distance;
    double equinoxes; /* apparent less mean sidereal time */
};

static void slow_part(double jd, double delta_t_s, struct slow *out) {
    double jce = (jd + delta_t_s / 86400.0 - J2000) / CENTURY, jme = jce / 10.0;
    double longitude = series(sun_l, SUN_L, jme) / RAD + 180.0;
    double latitude = -series(sun_b, SUN_B, jme) / RAD;
    out->distance = series(sun_r, SUN_R, jme);
    double psi, eps;
    nutation(jce, &psi, &eps);
    double obliquity = (mean_obliquity(jme / 10.0) + eps) * RAD;
    double aberration = -20.4898 / (3600.0 * out->distance);
    double lambda = wrapped(longitude + psi + aberration) * RAD, beta = latitude * RAD;
    out->right_ascension = wrapped(atan2(sin(lambda) * cos(obliquity) - tan(beta) * sin(obliquity), cos(lambda)) / RAD);
    out->declination = asin(sin(beta) * cos(obliquity) + cos(beta) * sin(obliquity) * sin(lambda)) / RAD;
    out->equinoxes = psi * cos(obliquity);
}

/* Greenwich mean sidereal time, degrees (section 3.8). */
static double sidereal(double jd) {
    double d = jd - J2000, t = d / CENTURY;
    return wrapped(280.46061837 + 360.98564736629 * d + t * t * (0.000387933 - t / 38710000.0));
}

/* What depends on the place alone: its position in radii of the Earth, and its horizon. */
struct place {
    double x, y, sin_lat, cos_lat, longitude_deg;
};

static struct place place_of(const struct sun_site *s) {
    double phi = s->latitude_deg * RAD, u = atan(FLATTENED * tan(phi)), h = s->height_m / RADIUS_M;
    return (struct place){.x = cos(u) + h * cos(phi),
                          .y = FLATTENED * sin(u) + h * sin(phi),
                          .sin_lat = sin(phi),
                          .cos_lat = cos(phi),
                          .longitude_deg = s->longitude_deg};
}

/* Unit vector to the sun on the horizon of the place: geocentric direction less the place (parallax), turned. The
 * parallax of 8.794" at 1 AU is the Earth's equatorial radius over the distance. */
static void horizon(const struct place *p, const struct slow *s, double jd, double out[3]) {
    double hour = (sidereal(jd) + s->equinoxes + p->longitude_deg - s->right_ascension) * RAD;
    double dec = s->declination * RAD, parallax = sin(8.794 / 3600.0 * RAD / s->distance);
    double cos_dec = cos(dec);
    double meridian = cos_dec * cos(hour) - p->x * parallax; /* towards the equator on the meridian */
    double west = cos_dec * sin(hour), pole = sin(dec) - p->y * parallax;
    double scale = 1.0 / sqrt(meridian * meridian + west * west + pole * pole);
    out[0] = -west * scale;
    out[1] = (pole * p->cos_lat - meridian * p->sin_lat) * scale;
    out[2] = (meridian * p->cos_lat + pole * p->sin_lat) * scale;
}

void sun_position(double julian_day_ut, double delta_t_s, const struct sun_site *site, struct sun_position *out) {
    struct slow s;
    struct place p = place_of(site);
    double v[3];
    slow_part(julian_day_ut, delta_t_s, &s);
    horizon(&p, &s, julian_day_ut, v);
    out->elevation_deg = atan2(v[2], sqrt(v[0] * v[0] + v[1] * v[1])) / RAD;
    out->azimuth_deg = wrapped(atan2(v[0], v[1]) / RAD);
    out->declination_deg = s.declination;
    out->right_ascension_deg = s.right_ascension;
    out->distance_au = s.distance;
}

/* Lagrange's cubic through four values a day apart, at x in [0, 1] between the middle two. */
static double cubic(double a, double b, double c, double d, double x) {
    double l = x - 1.0, m = x + 1.0, r = x - 2.0;
    return -a * x * l * r / 6.0 + b * m * l * r / 2.0 - c * m * x * r / 2.0 + d * m * x * l / 6.0;
}

static void interpolate(const struct slow *k, double x, struct slow *out) {
    out->right_ascension =
        cubic(k[0].right_ascension, k[1].right_ascension, k[2].right_ascension, k[3].right_ascension, x);
    out->declination = cubic(k[0].declination, k[1].declination, k[2].declination, k[3].declination, x);
    out->distance = cubic(k[0].distance, k[1].distance, k[2].distance, k[3].distance, x);
    out->equinoxes = cubic(k[0].equinoxes, k[1].equinoxes, k[2].equinoxes, k[3].equinoxes, x);
}

static void fill(const struct sun_site *site, int year, struct sun_year *y) {
    struct slow knot[KNOTS_MAX];
    struct place p = place_of(site);
    double jd0 = sun_julian_day(year, 1, 1.0) - site->zone_h / 24.0, first = floor(jd0) - 1.0;
    double delta_t_s = sun_delta_t(year + 0.5);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (int i = 0; i < KNOTS_MAX; i++) {
        slow_part(first + i, delta_t_s, &knot[i]);
        /* No wrap inside the year, so that neighbours can be interpolated. */
        while (i > 0 && knot[i].right_ascension < knot[i - 1].right_ascension) knot[i].right_ascension += 360.0;
    }
    for (uint32_t h = 0, step = 0; h < HOURS; h++) {
        /* 59 days before 29 February. */
        double jd_hour = jd0 + (h + (leap && h >= 59 * 24 ? 24 : 0)) / 24.0, up = 0.0;
        struct slow s = {0};
        for (uint32_t i = 0; i < y->per_hour; i++, step++) {
            double jd = jd_hour + (i + 0.5) / (24.0 * y->per_hour), at = jd - first, v[3];
            int k = (int)at;
            interpolate(&knot[k - 1], at - k, &s);
            horizon(&p, &s, jd, v);
            y->step[step] = (struct sun_step){(float)v[0], (float)v[1], (float)v[2]};
            if (y->step[step].up > 0.0f) up += y->step[step].up;
        }
        y->hour_up[h] = up / y->per_hour;
        y->hour_extra_w_m2[h] = SOLAR_W / (s.distance * s.distance);
    }
}

sil_err sun_year_new(const struct sun_site *site, int year, uint32_t per_hour, struct mem mem, struct sun_year *out,
                     struct sil_error *e) {
    *out = (struct sun_year){0};
    if (per_hour < 1 || per_hour > 60) return err_set(e, SIL_ARG, "sun: %u steps an hour (1 to 60)", per_hour);
    uint32_t n = HOURS * per_hour;
    out->n = n;
    out->per_hour = per_hour;
    out->step = mem_array(mem, n, sizeof *out->step);
    out->hour_up = mem_array(mem, HOURS, sizeof *out->hour_up);
    out->hour_extra_w_m2 = mem_array(mem, HOURS, sizeof *out->hour_extra_w_m2);
    if (!out->step || !out->hour_up || !out->hour_extra_w_m2) {
        sun_year_free(out, mem);
        return err_nomem(e, "the sun's year", n * sizeof *out->step);
    }
    fill(site, year, out);
    return SIL_OK;
}

void sun_year_free(struct sun_year *s, struct mem mem) {
    mem_free(mem, s->step);
    mem_free(mem, s->hour_up);
    mem_free(mem, s->hour_extra_w_m2);
    *s = (struct sun_year){0};
}
