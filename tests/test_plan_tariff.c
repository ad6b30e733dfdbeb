/* Tariff and calendar: flat loads billed by hand, hours and holidays against published tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/calendar.h"
#include "plan/tariff.h"

/* cmocka's own comparison is of float. */
#define NEAR(got, want, tolerance) assert_true(fabs((got) - (want)) <= (tolerance))

static struct tariff_config config(int klass, int voltage, int option) {
    struct tariff_config c;
    plan_defaults(&tariff_group, &c);
    c.klass = klass;
    c.voltage = voltage;
    c.option = option;
    c.power_factor = 0.90;
    return c;
}

static struct tariff_year year;

/* A flat load over a whole calendar year. */
static void flat(const struct tariff_config *c, int y, double w, double dt_s, struct tariff_meter *m) {
    struct calendar cal;
    assert_int_equal(calendar_fill(y, c->labour_day, &cal, NULL), SIL_OK);
    assert_int_equal(tariff_prepare(c, &cal, &year, NULL), SIL_OK);
    tariff_meter_begin(m);
    uint32_t per_hour = (uint32_t)(3600 / dt_s);
    for (uint32_t i = 0; i < year.n_hours * per_hour; i++) tariff_meter_step(m, &year, i / per_hour, dt_s, w, w);
}

/* The published row: 400 kW flat in July 2023, general-eul B-II with the hours of 2026. */
static void test_july_2023(void **state) {
    (void)state;
    struct tariff_config c = config(TARIFF_GENERAL, TARIFF_HV_B, TARIFF_II);
    struct tariff_meter m;
    struct tariff_bill b;
    flat(&c, 2023, 400e3, 300, &m);
    assert_int_equal(tariff_bill(&c, &m, 400e3, NULL, &b, NULL), SIL_OK);
    const struct tariff_month *july = &b.month[6];
    NEAR(july->kwh[TARIFF_OFF], 152000, 1e-6);
    NEAR(july->kwh[TARIFF_MID], 95200, 1e-6);
    NEAR(july->kwh[TARIFF_PEAK], 50400, 1e-6);
    assert_true(july->energy_krw == 39116320);
    assert_true(july->base_krw == 2952000);
    assert_true(july->total_krw == 52106522);
}

/* By hand: April 2026 has 30 days: 22 working days, 4 Saturdays, 4 Sundays and no other holiday. */
static void test_industrial_april(void **state) {
    (void)state;
    struct tariff_config c = config(TARIFF_INDUSTRIAL, TARIFF_HV_B, TARIFF_III);
    struct tariff_meter m;
    struct tariff_bill b;
    flat(&c, 2026, 1e6, 3600, &m);
    assert_int_equal(tariff_bill(&c, &m, 1e6, NULL, &b, NULL), SIL_OK);
    const struct tariff_month *april = &b.month[3];
    double off = 22 * 10 + 4 * 10 + 4 * 24, mid = 22 * 8 + 4 * 14, peak = 22 * 6;
    NEAR(april->kwh[TARIFF_OFF], off * 1000, 1e-3);
    NEAR(april->kwh[TARIFF_MID], mid * 1000, 1e-3);
    NEAR(april->kwh[TARIFF_PEAK], peak * 1000, 1e-3);
    /* Saturdays 11-14 at half of mid, Sundays at half of off-peak. */
    double krw = 1000 * (off * 125.9 + mid * 143.2 + peak * 160.3 - 0.5 * (4 * 3 * 143.2 + 4 * 3 * 125.9));
    NEAR(april->energy_krw, krw, 1.0);
}

/* The rates that the 2026 reform published follow from the sheet of 2024 and the announced differences. */
static void test_industrial_rates(void **state) {
    (void)state;
    static const struct {
        int voltage, option;
        double base, rate[9];
    } want[] = {
        {TARIFF_HV_A, TARIFF_II, 8320, {116.0, 163.8, 229.0, 116.0, 133.4, 150.9, 123.0, 164.0, 204.6}},
        {TARIFF_HV_B, TARIFF_II, 7380, {127.6, 174.8, 239.1, 127.6, 144.8, 161.9, 134.6, 174.8, 214.1}},
        {TARIFF_HV_B, TARIFF_III, 8190, {125.9, 173.1, 237.5, 125.9, 143.2, 160.3, 133.0, 173.1, 212.4}},
        {TARIFF_HV_C, TARIFF_III, 8090, {125.1, 172.9, 236.9, 125.1, 142.9, 160.1, 132.0, 172.5, 212.2}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct tariff_config c = config(TARIFF_INDUSTRIAL, want[i].voltage, want[i].option);
        struct tariff_rates r;
        assert_true(tariff_rates(&c, (enum tariff_option)want[i].option, &r));
        assert_true(r.base_krw_kw == want[i].base);
        for (int k = 0; k < 9; k++) NEAR(r.krw_kwh[k / 3][k % 3], want[i].rate[k], 1e-9);
    }
}

/* A load that runs all the time takes option III, one of few hours option I (the sheet: below 200 h a month). */
static void test_cheapest(void **state) {
    (void)state;
    struct tariff_config c = config(TARIFF_GENERAL, TARIFF_HV_B, TARIFF_CHEAPEST);
    struct tariff_meter m;
    struct tariff_bill b;
    flat(&c, 2030, 250e6, 3600, &m);
    assert_int_equal(tariff_bill(&c, &m, 250e6, NULL, &b, NULL), SIL_OK);
    assert_int_equal(b.option, TARIFF_III);
    NEAR(b.load_factor, 1.0, 1e-9);
    assert_true(b.option_krw[TARIFF_III] < b.option_krw[TARIFF_II]);
    tariff_meter_begin(&m);
    for (uint32_t h = 0; h < year.n_hours; h++) {
        double w = h % 24 == 10 ? 250e6 : 0;
        tariff_meter_step(&m, &year, h, 3600, w, w);
    }
    assert_int_equal(tariff_bill(&c, &m, 250e6, NULL, &b, NULL), SIL_OK);
    assert_int_equal(b.option, TARIFF_I);
    c = config(TARIFF_PPA_CUSTOMER, TARIFF_HV_B, TARIFF_CHEAPEST);
    assert_int_equal(tariff_bill(&c, &m, 250e6, NULL, &b, NULL), SIL_OK);
    assert_true(isnan(b.option_krw[TARIFF_II]));
    c.option = TARIFF_II;
    assert_int_equal(tariff_bill(&c, &m, 250e6, NULL, &b, NULL), SIL_ARG);
}

/* One high quarter of an hour in August binds for the year, one in April only for April, one at night for none. */
static void test_ratchet(void **state) {
    (void)state;
    struct tariff_config c = config(TARIFF_GENERAL, TARIFF_HV_B, TARIFF_III);
    struct tariff_meter m;
    struct tariff_bill b;
    flat(&c, 2026, 100e3, 300, &m);
    m.demand_w[3][TARIFF_MID] = 400e3;
    m.demand_w[7][TARIFF_PEAK] = 200e3;
    m.demand_w[5][TARIFF_OFF] = 900e3;
    assert_int_equal(tariff_bill(&c, &m, 1e6, NULL, &b, NULL), SIL_OK);
    assert_true(b.month[3].billing_kw == 400); /* April */
    assert_true(b.month[4].billing_kw == 300); /* floor 30 % of 1 MW is above the ratchet of 200 kW */
    assert_int_equal(tariff_bill(&c, &m, 500e3, NULL, &b, NULL), SIL_OK);
    assert_true(b.month[4].billing_kw == 200); /* steady state: last August */
    assert_true(b.month[9].billing_kw == 200);
    double quiet[12] = {0};
    assert_int_equal(tariff_bill(&c, &m, 500e3, quiet, &b, NULL), SIL_OK);
    assert_true(b.month[4].billing_kw == 150); /* first year: nothing before August */
    assert_true(b.month[9].billing_kw == 200);
    assert_true(tariff_billing_w(&c, &m, 4, 500e3) == 150e3);
    assert_true(tariff_billing_w(&c, &m, 9, 500e3) == 200e3);
    c.demand_in_offpeak = true;
    assert_int_equal(tariff_bill(&c, &m, 500e3, NULL, &b, NULL), SIL_OK);
    assert_true(b.month[5].billing_kw == 900);
}

/* Demand is the mean of 15 minutes: 5 minutes at 900 kW and 10 at 300 kW are 500 kW. */
static void test_window(void **state) {
    (void)state;
    struct tariff_config c = config(TARIFF_GENERAL, TARIFF_HV_A, TARIFF_I);
    struct tariff_meter m;
    flat(&c, 2026, 300e3, 300, &m);
    tariff_meter_begin(&m);
    uint32_t noon = 24 * 190 + 12; /* a Friday in July */
    for (int k = 0; k < 12; k++) tariff_meter_step(&m, &year, noon, 300, k == 4 ? 900e3 : 300e3, 0);
    assert_true(m.demand_w[6][TARIFF_MID] == 500e3);
    assert_true(m.energy_j[6][TARIFF_MID] == 0); /* nothing bought from KEPCO */
}

static void test_power_factor(void **state) {
    (void)state;
    struct tariff_config c = config(TARIFF_GENERAL, TARIFF_HV_B, TARIFF_II);
    struct tariff_meter m;
    struct tariff_bill b;
    flat(&c, 2026, 100e3, 3600, &m);
    const struct {
        double pf, share;
    } want[] = {{0.90, 0}, {0.95, -0.01}, {1.0, -0.01}, {0.80, 0.02}, {0.50, 0.06}, {0.925, -0.004}, {0.895, 0.002}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        c.power_factor = want[i].pf;
        assert_int_equal(tariff_bill(&c, &m, 100e3, NULL, &b, NULL), SIL_OK);
        NEAR(b.month[0].power_factor_krw, 738000 * want[i].share, 1.0);
    }
}

/* Hours of the sheets, by the clock, and of Jeju. */
static void test_hours(void **state) {
    (void)state;
    static const struct {
        int sheet, region, day; /* day: of 2026; 4 is Monday 5 January, 187 Tuesday 7 July */
        const char *hours;
    } want[] = {
        {TARIFF_2026, TARIFF_MAINLAND, 187, "000000001111111222222100"},
        {TARIFF_2024, TARIFF_MAINLAND, 187, "000000001112122222111100"},
        {TARIFF_2026, TARIFF_MAINLAND, 4, "000000001222111122211100"},
        {TARIFF_2024, TARIFF_MAINLAND, 4, "000000001222111122211100"},
        {TARIFF_2026, TARIFF_JEJU, 4, "000000001111111122222200"},
        {TARIFF_2026, TARIFF_MAINLAND, 191, "000000001111111111111100"}, /* Saturday 11 July */
        {TARIFF_2026, TARIFF_MAINLAND, 192, "000000000000000000000000"}, /* Sunday */
        {TARIFF_2026, TARIFF_MAINLAND, 0, "000000000000000000000000"},   /* New Year */
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct tariff_config c = config(TARIFF_GENERAL, TARIFF_HV_B, TARIFF_III);
        struct calendar cal;
        c.sheet = want[i].sheet;
        c.region = want[i].region;
        assert_int_equal(calendar_fill(2026, false, &cal, NULL), SIL_OK);
        assert_int_equal(tariff_prepare(&c, &cal, &year, NULL), SIL_OK);
        for (int h = 0; h < 24; h++) assert_int_equal(year.slot[want[i].day * 24 + h], want[i].hours[h] - '0');
    }
}

/* ---- calendar ---- */

/* Weekday holidays other than Sundays, by year, as the almanacs of the Korea Astronomy and Space Science Institute and
 * the government gave them (temporary ones left out). */
static void test_holidays(void **state) {
    (void)state;
    static const struct {
        int year;
        uint16_t days[24];
    } want[] = {
        {2020, {101, 124, 125, 127, 415, 430, 505, 606, 815, 930, 1001, 1002, 1003, 1009, 1225}},
        {2021, {101, 211, 212, 213, 301, 505, 519, 816, 920, 921, 922, 1004, 1009, 1011, 1225}},
        {2022, {101, 131, 201, 202, 301, 309, 505, 601, 606, 815, 909, 910, 912, 1003, 1010}},
        {2023, {121, 123, 124, 301, 505, 527, 529, 606, 815, 928, 929, 930, 1003, 1009, 1225}},
        {2024, {101, 209, 210, 212, 301, 410, 506, 515, 606, 815, 916, 917, 918, 1003, 1009, 1225}},
        {2025, {101, 128, 129, 130, 301, 303, 505, 506, 606, 815, 1003, 1006, 1007, 1008, 1009, 1225}},
        {2026, {101, 216, 217, 218, 302, 505, 525, 603, 606, 717, 815, 817, 924, 925, 926, 1003, 1005, 1009, 1225}},
        {2027, {101, 206, 208, 209, 301, 505, 513, 717, 719, 816, 914, 915, 916, 1004, 1009, 1011, 1225, 1227}},
        {2028, {101, 126, 127, 128, 301, 412, 502, 505, 606, 717, 815, 1002, 1003, 1004, 1005, 1009, 1225}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct calendar c;
        size_t n = 0;
        assert_int_equal(calendar_fill(want[i].year, false, &c, NULL), SIL_OK);
        for (int d = 0; d < c.n_days; d++) {
            if (c.kind[d] != CALENDAR_HOLIDAY || c.weekday[d] == 6) continue;
            assert_int_equal((c.month[d] + 1) * 100 + c.mday[d], want[i].days[n]);
            n++;
        }
        assert_true(n < 24 && want[i].days[n] == 0);
    }
}

/* Election days follow from the terms: the first Wednesday on or after `before` days before a term ends, a week later
 * when that day or a neighbour is a holiday. */
static void test_elections(void **state) {
    (void)state;
    static const struct {
        int end_year, end_month, end_day, before, month, day;
    } want[] = {
        {2020, 5, 29, 50, 4, 15}, {2022, 5, 9, 70, 3, 9},   {2022, 6, 30, 30, 6, 1},  {2024, 5, 29, 50, 4, 10},
        {2026, 6, 30, 30, 6, 3},  {2028, 5, 29, 50, 4, 12}, {2030, 6, 3, 70, 3, 27},  {2030, 6, 30, 30, 6, 12},
        {2032, 5, 29, 50, 4, 14}, {2034, 6, 30, 30, 5, 31}, {2035, 6, 3, 70, 3, 28},  {2036, 5, 29, 50, 4, 9},
        {2038, 6, 30, 30, 6, 2},  {2040, 6, 3, 70, 3, 28},  {2040, 5, 29, 50, 4, 11},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct calendar c;
        int y = want[i].end_year;
        assert_int_equal(calendar_fill(y, false, &c, NULL), SIL_OK);
        int d = calendar_days(y, want[i].end_month, want[i].end_day) - calendar_days(y, 1, 1) - want[i].before;
        while (c.weekday[d] != 2) d++;
        if (c.kind[d - 1] == CALENDAR_HOLIDAY || c.kind[d + 1] == CALENDAR_HOLIDAY) d += 7;
        assert_int_equal(c.month[d] + 1, want[i].month);
        assert_int_equal(c.mday[d], want[i].day);
        assert_int_equal(c.kind[d], CALENDAR_HOLIDAY);
    }
}

static void test_calendar(void **state) {
    (void)state;
    struct calendar c;
    assert_int_equal(calendar_days(1970, 1, 1), 0);
    assert_int_equal(calendar_days(2000, 3, 1), 11017);
    assert_int_equal(calendar_days(2026, 11, 22), 20779);
    assert_int_equal(calendar_fill(2019, false, &c, NULL), SIL_ARG);
    assert_int_equal(calendar_fill(2041, false, &c, NULL), SIL_ARG);
    for (int y = CALENDAR_FIRST; y <= CALENDAR_LAST; y++) {
        int kinds[3] = {0};
        assert_int_equal(calendar_fill(y, true, &c, NULL), SIL_OK);
        assert_int_equal(c.n_days, 365 + calendar_leap(y));
        for (int d = 0; d < c.n_days; d++) kinds[c.kind[d]]++;
        /* 52 or 53 Sundays and 13 to 20 other days, as in every almanac of these years. */
        assert_in_range(kinds[CALENDAR_HOLIDAY], 64, 74);
        assert_in_range(kinds[CALENDAR_SATURDAY], 46, 53);
    }
    assert_int_equal(calendar_fill(2029, true, &c, NULL), SIL_OK);
    assert_int_equal(c.kind[120], CALENDAR_HOLIDAY); /* Tuesday 1 May */
    assert_int_equal(calendar_fill(2029, false, &c, NULL), SIL_OK);
    assert_int_equal(c.kind[120], CALENDAR_WORKDAY);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_july_2023),        cmocka_unit_test(test_industrial_april),
        cmocka_unit_test(test_industrial_rates), cmocka_unit_test(test_cheapest),
        cmocka_unit_test(test_ratchet),          cmocka_unit_test(test_window),
        cmocka_unit_test(test_power_factor),     cmocka_unit_test(test_hours),
        cmocka_unit_test(test_holidays),         cmocka_unit_test(test_elections),
        cmocka_unit_test(test_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
