/* Moist air and the weather of steps: published values, identities, and the wet bulb against bisection. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/check_env.h"
#include "plan/climate.h"
#include "plan/psychro.h"
#include "plan/var.h"
#include "plan/weather_sun.h"
#include "support.h"

#define NEAR(got, want, tolerance)                                                                                     \
    do {                                                                                                               \
        double near_got = (got), near_want = (want);                                                                   \
        if (!(fabs(near_got - near_want) <= (tolerance))) {                                                            \
            fail_msg("%s = %.12g, not %.12g +- %g", #got, near_got, near_want, (double)(tolerance));                   \
        }                                                                                                              \
    } while (0)

/* ASHRAE Fundamentals 2017, chapter 1, table 3, which is of a newer formulation than equations 5 and 6: they agree to
 * 0.03 % (the tolerance of PsychroLib's tests). */
static void saturation_pressure(void **state) {
    (void)state;
    static const double table[][2] = {{-60, 1.08},  {-20, 103.24}, {-5, 401.74},    {5, 872.6},
                                      {25, 3169.7}, {50, 12351.3}, {100, 101418.0}, {150, 476101.4}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        NEAR(psychro_psat(table[i][0]), table[i][1], fmax(3e-4 * table[i][1], 0.01));
    }
    /* Ice and water meet at the triple point (they are two fits: 0.02 %). */
    NEAR(psychro_psat(-1e-9) / psychro_psat(0.0), 1.0, 3e-4);
}

static void published_values(void **state) {
    (void)state;
    /* PsychroLib's tests. */
    NEAR(psychro_ratio_wet_bulb(30, 25, 95461), 0.0192281274241096, 0.0003 * 0.0192);
    NEAR(psychro_ratio_wet_bulb(-1, -5, 95461), 0.00120399819933844, 0.0003 * 0.0012);
    NEAR(psychro_wet_bulb(30, 0.0192281274241096, 95461, 0), 25, 0.003);
    NEAR(psychro_wet_bulb(-1, 0.00120399819933844, 95461, 0), -5, 0.003);
    NEAR(psychro_wet_bulb(7, psychro_ratio_rh(7, 0.61, 100000), 100000, 0), 3.92667433781955, 0.001);
    NEAR(psychro_enthalpy(30, 0.02), 81316, 0.5);
    NEAR(psychro_pressure(0), 101325, 1e-9);
    NEAR(psychro_pressure(1000), 89874.6, 20);
}

static double by_bisection(double t, double ratio, double p) {
    /* The same rule for air at freezing: water's branch where it exists. */
    bool water = t >= 0 && psychro_ratio_wet_bulb(t, 0.0, p) <= ratio;
    double lo = water ? 0.0 : -100.0, hi = water ? t : t < 0 ? t : -1e-13;
    for (int i = 0; i < 50; i++) {
        double mid = 0.5 * (lo + hi);
        if (psychro_ratio_wet_bulb(t, mid, p) > ratio) hi = mid;
        else lo = mid;
    }
    return lo;
}

/* Over temperature, humidity, pressure and bad guesses. */
static void wet_bulb_is_the_root(void **state) {
    (void)state;
    struct rng r = {.seed = 11};
    for (int i = 0; i < 20000; i++) {
        double t = -40.0 + 95.0 * rng_f32(&r), rh = 0.01 + 0.99 * rng_f32(&r), p = 70000 + 35000.0 * rng_f32(&r);
        double guess = -60.0 + 120.0 * rng_f32(&r), ratio = psychro_ratio_rh(t, rh, p);
        double got = psychro_wet_bulb(t, ratio, p, guess);
        /* Below -30 degC the ratio is close to 0 and its clamp hides the root from the bisection. */
        if (t < -30.0) continue;
        NEAR(got, by_bisection(t, ratio, p), 1e-6);
    }
}

static void saturated_air(void **state) {
    (void)state;
    for (double t = -30; t <= 50; t += 0.5) {
        double w = psychro_ratio_saturated(t, 101325);
        NEAR(psychro_wet_bulb(t, w, 101325, t - 9.0), t, 1e-6);
        NEAR(psychro_dew_point(w, 101325), t, 1e-5);
        NEAR(psychro_rh(t, w, 101325), 1.0, 1e-12);
        assert_true(psychro_wet_bulb(t, 2.0 * w, 101325, t - 9.0) == t); /* fog */
    }
    /* Dry air: adiabatic saturation conserves enthalpy but for that of the water added. */
    double t = 35, b = psychro_wet_bulb(t, 0.0, 101325, 0), ws = psychro_ratio_saturated(b, 101325);
    NEAR(psychro_enthalpy(t, 0.0) + ws * 4186.0 * b, psychro_enthalpy(b, ws), 5.0);
}

static void order_of_temperatures(void **state) {
    (void)state;
    for (double t = -20; t <= 45; t += 2.5) {
        double last = -1000;
        for (double rh = 0.05; rh <= 1.0; rh += 0.05) {
            double w = psychro_ratio_rh(t, rh, 98000), b = psychro_wet_bulb(t, w, 98000, 0);
            assert_true(b > last && b <= t + 1e-9 && psychro_dew_point(w, 98000) <= b + 0.4);
            last = b;
        }
    }
}

/* Largest difference of the steps' wet bulbs from bisection. */
static double worst_wet_bulb(const struct weather *w, const struct climate *c) {
    double worst = 0.0;
    (void)w;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct climate_step *s = &c->step[i];
        double d = fabs(s->wet_bulb_c - by_bisection(s->dry_bulb_c, s->ratio, s->pressure_pa));
        if (d > worst) worst = d;
    }
    return worst;
}

static void steps_of(const struct weather *w, uint32_t per_hour, double bound) {
    struct climate c;
    struct sil_error e;
    struct sun_year sun;
    struct sun_site site = {w->latitude_deg, w->longitude_deg, w->zone_h, w->height_m};
    assert_int_equal(sun_year_new(&site, 2027, per_hour, mem_libc(), &sun, &e), SIL_OK);
    assert_int_equal(climate_new(per_hour, mem_libc(), &c, &e), SIL_OK);
    climate_fill(&c, w, &sun);
    assert_int_equal(c.n, WEATHER_HOURS * per_hour);
    double worst = worst_wet_bulb(w, &c), dry = 0, ratio = 0, ghi = 0, dry_h = 0, ratio_h = 0, ghi_h = 0;
    printf("# %s, %u steps an hour: wet bulb within %.4f K of the iterative solution\n", w->place, per_hour, worst);
    if (!(worst <= bound)) fail_msg("wet bulb is off by %g K", worst);
    for (uint32_t i = 0; i < c.n; i++) {
        dry += c.step[i].dry_bulb_c / per_hour;
        ratio += c.step[i].ratio / per_hour;
        ghi += c.step[i].ghi_w_m2 / per_hour;
        assert_true(c.step[i].wet_bulb_c <= c.step[i].dry_bulb_c);
    }
    for (int i = 0; i < WEATHER_HOURS; i++) {
        dry_h += w->hour[i].dry_bulb_c;
        ratio_h += w->hour[i].ratio;
        if (sun.hour_up[i] > 0.0) ghi_h += w->hour[i].ghi_w_m2;
    }
    /* Means of the year are kept: straight lines round the year. */
    NEAR(dry, dry_h, 1e-7);
    NEAR(ratio, ratio_h, 1e-10);
    NEAR(ghi, ghi_h, 1e-6 * ghi_h);
    climate_free(&c, mem_libc());
    sun_year_free(&sun, mem_libc());
}

static void steps_of_synthetic(void **state) {
    (void)state;
    struct weather *w = calloc(1, sizeof *w);
    struct weather_config c;
    plan_defaults(&weather_group, &c);
    for (c.normals = 0; c.normals < 4; c.normals++) {
        weather_synthetic(&c, w);
        steps_of(w, 12, 0.05);
    }
    steps_of(w, 1, 0.05);
    free(w);
}

/* Weather that jumps by up to 12 K and from dry to damp in an hour, through freezing. */
static void steps_of_wild_weather(void **state) {
    (void)state;
    struct weather *w = calloc(1, sizeof *w);
    struct rng r = {.seed = 5};
    snprintf(w->place, sizeof w->place, "wild");
    w->latitude_deg = 37;
    w->longitude_deg = 127;
    w->zone_h = 9;
    double t = 10;
    for (int i = 0; i < WEATHER_HOURS; i++) {
        t += 24.0 * (rng_f32(&r) - 0.5);
        if (t > 42.0) t -= 12.0;
        if (t < -20.0) t += 12.0;
        w->hour[i] = (struct weather_hour){.dry_bulb_c = t, .pressure_pa = 101325};
        w->hour[i].ratio = psychro_ratio_rh(t, 0.2 + 0.8 * rng_f32(&r), 101325);
        w->hour[i].ghi_w_m2 = 500;
    }
    steps_of(w, 12, 0.05);
    free(w);
}

/* An hour or a time zone too early or late would show: the sun's height explains the file's irradiance best unshifted.
 */
static void sun_and_file_agree(const struct weather *w) {
    struct sun_year sun;
    struct sil_error e;
    struct sun_site site = {w->latitude_deg, w->longitude_deg, w->zone_h, w->height_m};
    assert_int_equal(sun_year_new(&site, 2023, 12, mem_libc(), &sun, &e), SIL_OK);
    double fit[5] = {0}, all = 0, night = 0;
    for (int i = 2; i < WEATHER_HOURS - 2; i++) {
        for (int k = 0; k < 5; k++) fit[k] += w->hour[i].ghi_w_m2 * sun.hour_up[i + k - 2];
        all += w->hour[i].ghi_w_m2;
        if (!(sun.hour_up[i] > 0)) night += w->hour[i].ghi_w_m2;
    }
    for (int k = 0; k < 5; k++) assert_true(k == 2 || fit[k] < 0.98 * fit[2]);
    assert_true(night < 1e-3 * all);
    sun_year_free(&sun, mem_libc());
}

static void steps_of_files(void **state) {
    (void)state;
    static const char *const files[] = {"KOR_IN_Incheon.WS.471120", "KOR_KJ_Gwangju.471560",
                                        "KOR_PU_Busan-Daecheongdong.WS.471590", "KOR_TJ_Daejeon.WS.471330"};
    struct sil_error e = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct weather_config c;
        plan_defaults(&weather_group, &c);
        c.source = WEATHER_FROM_EPW;
        char path[PLAN_TEXT_MAX];
        snprintf(path, sizeof path, "data/weather/%s_TMYx.2011-2025.epw.zst", files[i]);
        snprintf(c.file, sizeof c.file, "%s", test_shared(path));
        if (!test_exists(c.file)) TEST_SKIP("no %s", c.file);
        struct weather *w;
        if (weather_load(&c, mem_libc(), &w, &e) != SIL_OK) fail_msg("%s", e.text);
        steps_of(w, 12, 0.05);
        sun_and_file_agree(w);
        struct weather_summary s;
        weather_summarise(w, &s);
        printf("# %s; %s\n", w->place, w->origin);
        printf("# %s: mean %.1f, 0.4 %% %.1f, wet bulb 0.4 %% %.1f degC, RH %.0f %%, GHI %.0f MJ/m2, wind %.1f m/s\n",
               w->place, s.mean_c, s.design_c, s.wet_design_c, 100 * s.rh, s.ghi_j_m2 / 1e6, s.wind_m_s);
        assert_true(s.design_c > s.wet_design_c && s.max_c >= s.design_c && s.min_c < 0);
        mem_free(mem_libc(), w);
    }
}

/* A file whose rows hold other hours than they say, by month: the clock finds it and undoes it, and keeps the sums. */
static void clock_of_files(void **state) {
    (void)state;
    static const double late[12] = {0.5, 0.5, -0.5, 0, 0, 1.0, -1.0, 0.5, 0, -0.5, 1.5, 0};
    static const int first[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    struct weather *w = calloc(1, sizeof *w), *want = calloc(1, sizeof *want);
    struct weather_config c;
    plan_defaults(&weather_group, &c);
    weather_synthetic(&c, w);
    double sum = 0, after = 0;
    for (int m = 0; m < 12; m++) {
        for (int h = 24 * first[m]; h < 24 * first[m + 1]; h++) {
            struct weather_sun s;
            weather_sun_day(w, h / 24, &s);
            double said = 0, true_up = 0, clear = 300.0 + 50.0 * (h / 24 % 8);
            for (int k = 0; k < 60; k++) {
                said += weather_sun_up(&s, h % 24 + late[m] + (k + 0.5) / 60) / 60;
                true_up += weather_sun_up(&s, h % 24 + (k + 0.5) / 60) / 60;
            }
            w->hour[h].ghi_w_m2 = clear * said;
            w->hour[h].dhi_w_m2 = 0.3 * clear * said;
            w->hour[h].dni_w_m2 = said > 0 ? 400 : 0;
            want->hour[h].ghi_w_m2 = clear * true_up;
            sum += clear * said;
        }
    }
    weather_clock(w);
    for (int m = 0; m < 12; m++) NEAR(w->moved_h[m], late[m], 0);
    for (int h = 0; h < WEATHER_HOURS; h++) {
        NEAR(w->hour[h].ghi_w_m2, want->hour[h].ghi_w_m2, 3.0);
        NEAR(w->hour[h].dhi_w_m2, 0.3 * w->hour[h].ghi_w_m2, 1e-9);
        after += w->hour[h].ghi_w_m2;
    }
    NEAR(after, sum, 1e-9 * sum);
    assert_non_null(strstr(w->origin, "moved"));
    free(w);
    free(want);
}

static void synthetic_year(void **state) {
    (void)state;
    struct weather *w = calloc(1, sizeof *w), *again = calloc(1, sizeof *again);
    struct weather_config c;
    struct weather_summary s;
    static const double ulsan_c[12] = {1.0, 3.1, 8.2, 13.0, 17.7, 21.9, 25.7, 26.5, 22.0, 15.9, 9.2, 2.3};
    static const double ulsan_rh[12] = {57, 57, 65, 66, 69, 76, 83, 82, 82, 75, 68, 59};
    plan_defaults(&weather_group, &c);
    c.normals = 3;
    c.seed = 1;
    weather_synthetic(&c, w);
    weather_synthetic(&c, again);
    sun_and_file_agree(w);
    assert_memory_equal(w, again, sizeof *w);
    weather_summarise(w, &s);
    for (int m = 0; m < 12; m++) {
        NEAR(s.month_c[m], ulsan_c[m], 1e-6);
        NEAR(100 * s.month_rh[m], ulsan_rh[m], 1e-4);
    }
    NEAR(s.ghi_j_m2, c.ghi_j_m2, 1e-6 * c.ghi_j_m2);
    NEAR(s.wind_m_s, c.wind_m_s, 1e-9);
    for (int i = 0; i < WEATHER_HOURS; i++) {
        const struct weather_hour *h = &w->hour[i];
        double rh = psychro_rh(h->dry_bulb_c, h->ratio, h->pressure_pa);
        assert_true(rh > 0.005 && rh <= 1.0 + 1e-9 && h->dhi_w_m2 <= h->ghi_w_m2 && h->dni_w_m2 < 1400 &&
                    h->wind_m_s >= 0 && h->dry_bulb_c > -30 && h->dry_bulb_c < 45);
    }
    printf("# Ulsan: %.1f..%.1f degC, 0.4 %% %.1f, wet bulb 0.4 %% %.1f\n", s.min_c, s.max_c, s.design_c,
           s.wet_design_c);
    assert_string_equal(weather_class_name(w->class), "synthetic year");
    c.seed = 2;
    weather_synthetic(&c, again);
    assert_memory_not_equal(w, again, sizeof *w);
    free(w);
    free(again);
}

/* Every row of the check table that needs no data, and those that do where it is there. */
static void check_rows(void **state) {
    (void)state;
    struct plan_check_ctx ctx = {.shared = test_shared(""), .mem = mem_libc()};
    char shared[512];
    snprintf(shared, sizeof shared, "%s", ctx.shared);
    ctx.shared = shared;
    for (size_t i = 0; i < env_n_checks; i++) {
        const struct plan_check *c = &env_checks[i];
        struct sil_error e = {0};
        double got;
        if (c->needs && !test_exists(test_shared(c->needs))) {
            printf("# skip: %s: no %s\n", c->what, c->needs);
            continue;
        }
        if (c->got(&ctx, c->arg, &got, &e) != SIL_OK) fail_msg("%s: %s", c->what, e.text);
        printf("# %s, %s: expected %.9g, got %.9g %s\n", c->source, c->what, c->expected, got, c->unit);
        /* A miss is stated and explained in the row; one that no longer misses has a stale note. */
        bool passes = fabs(got - c->expected) <= fmax(c->abs, c->rel * fabs(c->expected));
        bool explained = c->note && strncmp(c->note, "missed:", 7) == 0;
        if (passes == explained) fail_msg("%s, %s: expected %g, got %g", c->source, c->what, c->expected, got);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saturation_pressure),
        cmocka_unit_test(published_values),
        cmocka_unit_test(wet_bulb_is_the_root),
        cmocka_unit_test(saturated_air),
        cmocka_unit_test(order_of_temperatures),
        cmocka_unit_test(steps_of_synthetic),
        cmocka_unit_test(steps_of_wild_weather),
        cmocka_unit_test(steps_of_files),
        cmocka_unit_test(clock_of_files),
        cmocka_unit_test(synthetic_year),
        cmocka_unit_test(check_rows),
    };
    return cmocka_run_group_tests_name("plan_air", tests, NULL, NULL);
}
