/* The sun and what follows from it: SPA against its own report, geometry, transposition, generation shapes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/pv.h"
#include "plan/sun.h"
#include "plan/weather.h"
#include "plan/wind.h"
#include "support.h"

#define RAD (3.14159265358979323846 / 180.0)
#define NEAR(got, want, tolerance)                                                                                     \
    do {                                                                                                               \
        double near_got = (got), near_want = (want);                                                                   \
        if (!(fabs(near_got - near_want) <= (tolerance))) {                                                            \
            fail_msg("%s = %.12g, not %.12g +- %g", #got, near_got, near_want, (double)(tolerance));                   \
        }                                                                                                              \
    } while (0)

static const struct sun_site gwangju = {35.1731, 126.8917, 9.0, 74.0};

/* NREL/TP-560-34302, table A4.1. */
static void julian_days(void **state) {
    (void)state;
    NEAR(sun_julian_day(2000, 1, 1.5), 2451545.0, 0);
    NEAR(sun_julian_day(1999, 1, 1.0), 2451179.5, 0);
    NEAR(sun_julian_day(1987, 1, 27.0), 2446822.5, 0);
    NEAR(sun_julian_day(1987, 6, 19.5), 2446966.0, 0);
    NEAR(sun_julian_day(1988, 6, 19.5), 2447332.0, 0);
    NEAR(sun_julian_day(1900, 1, 1.0), 2415020.5, 0);
    NEAR(sun_julian_day(1600, 12, 31.0), 2305812.5, 0);
}

/* Table A5.1's intermediate values for its example. */
static void spa_example(void **state) {
    (void)state;
    const struct sun_site golden = {39.742476, -105.1786, -7.0, 1830.14};
    struct sun_position p;
    double jd = sun_julian_day(2003, 10, 17.0 + (12.0 + 30.0 / 60.0 + 30.0 / 3600.0 + 7.0) / 24.0);
    NEAR(jd, 2452930.312847, 1e-6);
    sun_position(jd, 67.0, &golden, &p);
    NEAR(p.distance_au, 0.9965422974, 1e-10);
    NEAR(p.right_ascension_deg, 202.22741, 1e-5);
    NEAR(p.declination_deg, -9.31434, 1e-5);
    NEAR(p.azimuth_deg, 194.34024, 1e-5);
    NEAR(p.elevation_deg, 39.872046, 1e-6);
}

/* At the sun's highest it stands due south, at 90 degrees - latitude + declination, less its parallax. */
static void solar_noon(void **state) {
    (void)state;
    for (int day = 1; day <= 28; day += 9) {
        for (int month = 1; month <= 12; month++) {
            double lo = sun_julian_day(2027, month, day + 2.5 / 24.0), hi = lo + 2.0 / 24.0;
            struct sun_position p;
            for (int i = 0; i < 60; i++) { /* the azimuth rises through 180 */
                double mid = 0.5 * (lo + hi);
                sun_position(mid, 70.0, &gwangju, &p);
                if (p.azimuth_deg > 180.0) hi = mid;
                else lo = mid;
            }
            NEAR(p.azimuth_deg, 180.0, 1e-4);
            double zenith = gwangju.latitude_deg - p.declination_deg;
            NEAR(p.elevation_deg, 90.0 - zenith - 8.794 / 3600.0 / p.distance_au * sin(zenith * RAD), 1.5e-5);
        }
    }
}

static void seasons(void **state) {
    (void)state;
    struct sun_position p;
    /* 2027: solstices and equinoxes (UT) as almanacs print them, to the minute. */
    sun_position(sun_julian_day(2027, 6, 21.0 + (14.0 + 11.0 / 60) / 24), 70.0, &gwangju, &p);
    NEAR(p.declination_deg, 23.4358, 0.002);
    sun_position(sun_julian_day(2027, 3, 20.0 + (20.0 + 25.0 / 60) / 24), 70.0, &gwangju, &p);
    NEAR(p.declination_deg, 0.0, 0.002);
    sun_position(sun_julian_day(2027, 1, 3.1), 70.0, &gwangju, &p);
    NEAR(p.distance_au, 0.98333, 2e-5);
    const struct sun_site sydney = {-33.87, 151.21, 10.0, 0.0};
    sun_position(sun_julian_day(2027, 6, 21.0 + 2.0 / 24.0), 70.0, &sydney, &p);
    assert_true(p.azimuth_deg < 10.0 || p.azimuth_deg > 350.0);
}

/* The year's interpolated geometry against the full algorithm, leap years included. */
static void year_geometry(void **state) {
    (void)state;
    static const int years[] = {2027, 2028};
    for (int y = 0; y < 2; y++) {
        struct sun_year sun;
        struct sil_error e;
        assert_int_equal(sun_year_new(&gwangju, years[y], 12, mem_libc(), &sun, &e), SIL_OK);
        double delta_t = sun_delta_t(years[y] + 0.5), worst = 0.0;
        for (uint32_t i = 7; i < sun.n; i += 997) {
            struct sun_position p;
            double day = i / 288 + (years[y] == 2028 && i >= 59 * 288 ? 1 : 0);
            sun_position(sun_julian_day(years[y], 1, 1.0) + day - 9.0 / 24.0 + (i % 288 + 0.5) / 288.0, delta_t,
                         &gwangju, &p);
            const struct sun_step *s = &sun.step[i];
            double elevation = asin(s->up) / RAD, azimuth = atan2(s->east, s->north) / RAD;
            double across = remainder(azimuth - p.azimuth_deg, 360.0) * cos(p.elevation_deg * RAD);
            /* Near the zenith the elevation in float has fewer digits; Gwangju's sun stays below 79 degrees. */
            worst = fmax(worst, fmax(fabs(elevation - p.elevation_deg), fabs(across)));
            NEAR(s->east * s->east + s->north * s->north + s->up * s->up, 1.0, 3e-7);
        }
        printf("# %d: at most %.2e degrees from the full algorithm\n", years[y], worst);
        NEAR(worst, 0.0, 3e-5); /* of which float's rounding is 1e-5 */
        double up = 0.0, daylight = 0.0;
        for (uint32_t i = 0; i < sun.n; i++) {
            if (sun.step[i].up > 0.0f) up += sun.step[i].up, daylight += 1.0;
        }
        for (int h = 0; h < 8760; h++) up -= 12.0 * sun.hour_up[h];
        NEAR(up, 0.0, 1e-6);
        /* Half of the year is day, but for the Earth's slower pace in northern summer (without refraction). */
        NEAR(daylight / sun.n, 0.5, 0.006);
        NEAR(sun.hour_extra_w_m2[48], 1361.0 / (0.98333 * 0.98333), 0.1);
        sun_year_free(&sun, mem_libc());
    }
}

static sil_err geometry_step(void *ctx, struct mem mem) {
    (void)ctx;
    struct sun_year sun;
    sil_err err = sun_year_new(&gwangju, 2027, 1, mem, &sun, NULL);
    if (err == SIL_OK) sun_year_free(&sun, mem);
    return err;
}

static void allocation_failures(void **state) {
    (void)state;
    assert_int_equal(test_each_allocation(geometry_step, NULL), 3);
    struct sun_year sun;
    struct sil_error e;
    assert_int_equal(sun_year_new(&gwangju, 2027, 0, mem_libc(), &sun, &e), SIL_ARG);
    assert_int_equal(sun_year_new(&gwangju, 2027, 61, mem_libc(), &sun, &e), SIL_ARG);
}

static void transposition(void **state) {
    (void)state;
    /* A level plane sees what the horizon sees, whatever the sky's model. */
    for (double z = 10; z <= 85; z += 5) {
        double cz = cos(z * RAD), dni = 700, dhi = 120;
        NEAR(pv_plane_w_m2(dni * cz + dhi, dni, dhi, 1361, cz, cz, 0.0, 0.3), dni * cz + dhi, 1e-9);
    }
    /* Overcast: isotropic; a vertical plane sees half the sky and half the ground. */
    NEAR(pv_plane_w_m2(200, 0, 200, 1361, 0.2, 0.6, 90.0, 0.2), 0.5 * 200 + 0.5 * 0.2 * 200, 1e-9);
    /* All sky brightness around the sun when the beam is that of space. */
    NEAR(pv_plane_w_m2(0, 1361, 100, 1361, 1.0, 0.5, 60.0, 0.0), 1361 + 200, 1e-9);
    /* Behind the plane only sky and ground remain. */
    NEAR(pv_plane_w_m2(500, 600, 100, 1361, -0.5, 0.6, 30.0, 0.0),
         100 * (1.0 - 600.0 / 1361.0) * 0.5 * (1.0 + cos(30.0 * RAD)), 1e-9);
}

static void inverter(void **state) {
    (void)state;
    /* Nominal efficiency at the rating; nothing from nothing; never more than the rating. */
    NEAR(pv_ac_w(1.0 / 0.96, 1.0, 0.96), 0.96 * (0.9858 - 0.0162 - 0.0059) / 0.9637 / 0.96, 1e-9);
    assert_true(pv_ac_w(0.0, 1.0, 0.96) == 0.0 && pv_ac_w(0.001, 1.0, 0.96) == 0.0 && pv_ac_w(9.0, 1.0, 0.96) == 1.0);
    for (double p = 0.05; p < 1.5; p += 0.05) assert_true(pv_ac_w(p, 1.0, 0.96) <= p);
}

struct site_year {
    struct weather w;
    struct sun_year sun;
    double out[8760 * 12];
};

static struct site_year *site_year(void) {
    struct site_year *y = calloc(1, sizeof *y);
    struct weather_config c;
    struct sil_error e;
    plan_defaults(&weather_group, &c);
    weather_synthetic(&c, &y->w);
    struct sun_site site = {y->w.latitude_deg, y->w.longitude_deg, y->w.zone_h, y->w.height_m};
    assert_int_equal(sun_year_new(&site, 2027, 12, mem_libc(), &y->sun, &e), SIL_OK);
    return y;
}

static void free_site_year(struct site_year *y) {
    sun_year_free(&y->sun, mem_libc());
    free(y);
}

/* The fast series against the public formulas, step by step. */
static void series_is_the_formulas(void **state) {
    (void)state;
    struct site_year *y = site_year();
    struct pv_config c;
    struct pv_summary s;
    struct sil_error e = {0};
    plan_defaults(&pv_group, &c);
    c.tilt_deg = 25;
    c.azimuth_deg = 200;
    if (pv_series(&c, &y->w, &y->sun, y->out, &s, &e) != SIL_OK) fail_msg("%s", e.text);
    double sum = 0.0;
    int lit = 0;
    for (uint32_t i = 0; i < y->sun.n; i++) {
        uint32_t h = i / 12;
        const struct weather_hour *b = &y->w.hour[h], *a = &y->w.hour[(h + 8759) % 8760];
        const struct sun_step *p = &y->sun.step[i];
        double up = y->sun.hour_up[h], want = 0.0;
        sum += y->out[i];
        if (p->up <= 0.0f || up < 0.1) { /* twilight hours have their own rule */
            if (p->up <= 0.0f) assert_true(y->out[i] == 0.0);
            continue;
        }
        double t = c.tilt_deg * RAD, az = c.azimuth_deg * RAD;
        double aoi = p->east * sin(t) * sin(az) + p->north * sin(t) * cos(az) + p->up * cos(t);
        /* Global and diffuse follow the sun's height within the hour. */
        double ghi = b->ghi_w_m2 * p->up / up, dhi = b->dhi_w_m2 * p->up / up, dni = (ghi - dhi) / p->up;
        double poa = pv_plane_w_m2(ghi, dni, dhi, y->sun.hour_extra_w_m2[h], aoi, p->up, c.tilt_deg, c.albedo);
        double air = 0.5 * (a->dry_bulb_c + b->dry_bulb_c), wind = 0.5 * (a->wind_m_s + b->wind_m_s);
        double cell = pv_cell_c(poa, pv_module_c(poa, air, wind, c.sapm_a, c.sapm_b), c.sapm_dt_k);
        want = pv_ac_w(s.scale * (1.0 - c.losses) * pv_dc_w(poa, cell, 1.0, c.gamma_per_k), c.inverter / c.dc_ac,
                       c.inverter);
        if (p->up > 0.01745f) NEAR(y->out[i], want, 2e-6);
        lit++;
    }
    assert_true(lit > 40000);
    NEAR(sum / y->sun.n, c.capacity_factor, 1e-9);
    NEAR(s.factor, c.capacity_factor, 1e-9);
    printf("# synthetic Seoul: %.4f before scaling by %.4f\n", s.raw_factor, s.scale);
    free_site_year(y);
}

static void capacity_factors(void **state) {
    (void)state;
    struct site_year *y = site_year();
    struct pv_config c;
    struct pv_summary s;
    struct sil_error e = {0};
    plan_defaults(&pv_group, &c);
    for (c.capacity_factor = 0.02; c.capacity_factor < 0.3; c.capacity_factor += 0.03) {
        if (pv_series(&c, &y->w, &y->sun, y->out, &s, &e) != SIL_OK) fail_msg("%s", e.text);
        double sum = 0.0;
        for (uint32_t i = 0; i < y->sun.n; i++) {
            sum += y->out[i];
            assert_true(y->out[i] >= 0.0 && y->out[i] <= c.inverter / c.dc_ac);
        }
        NEAR(sum / y->sun.n, c.capacity_factor, 1e-9);
    }
    c.capacity_factor = 0.9; /* night is longer */
    assert_int_equal(pv_series(&c, &y->w, &y->sun, y->out, &s, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "pv.capacity_factor"));
    for (int h = 0; h < 8760; h++) y->w.hour[h].ghi_w_m2 = y->w.hour[h].dhi_w_m2 = y->w.hour[h].dni_w_m2 = 0.0;
    assert_int_equal(pv_series(&c, &y->w, &y->sun, y->out, &s, &e), SIL_ARG);
    free_site_year(y);
}

static void wind_shape(void **state) {
    (void)state;
    struct site_year *y = site_year();
    struct wind_config c;
    struct wind_summary s;
    struct sil_error e = {0};
    plan_defaults(&wind_group, &c);
    /* Cubic between cut-in and rated. */
    NEAR(wind_curve(&c, 8.0), (512.0 - 27.0) / (1728.0 - 27.0), 1e-12);
    assert_true(wind_curve(&c, 2.99) == 0.0 && wind_curve(&c, 3.0) == 0.0 && wind_curve(&c, 12.0) == 1.0 &&
                wind_curve(&c, 24.9) == 1.0 && wind_curve(&c, 25.0) == 0.0);
    static const double factors[] = {0.1, 0.24, 0.33, 0.45};
    double last = 0.0;
    for (size_t k = 0; k < 4; k++) {
        c.capacity_factor = factors[k];
        if (wind_series(&c, &y->w, 12, y->out, &s, &e) != SIL_OK) fail_msg("%s", e.text);
        double sum = 0.0, most = 0.0;
        for (uint32_t i = 0; i < 8760 * 12; i++) {
            sum += y->out[i];
            most = fmax(most, y->out[i]);
            assert_true(y->out[i] >= 0.0);
        }
        NEAR(sum / (8760 * 12), factors[k], 1e-9);
        assert_true(most <= 1.0 - c.losses + 1e-12 && s.speed_factor > last);
        last = s.speed_factor;
    }
    for (int h = 0; h < 8760; h++) y->w.hour[h].wind_m_s = 0.0;
    assert_int_equal(wind_series(&c, &y->w, 12, y->out, &s, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "wind.capacity_factor"));
    free_site_year(y);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(julian_days),      cmocka_unit_test(spa_example),   cmocka_unit_test(solar_noon),
        cmocka_unit_test(seasons),          cmocka_unit_test(year_geometry), cmocka_unit_test(allocation_failures),
        cmocka_unit_test(transposition),    cmocka_unit_test(inverter),      cmocka_unit_test(series_is_the_formulas),
        cmocka_unit_test(capacity_factors), cmocka_unit_test(wind_shape),
    };
    return cmocka_run_group_tests_name("plan_sun", tests, NULL, NULL);
}
