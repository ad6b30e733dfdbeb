/* Battery, rule dispatcher, market and the supply side as a whole: conservation, limits and years by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/battery.h"
#include "plan/energy.h"
#include "plan/market.h"
#include "plan/rule.h"

/* cmocka's own comparison is of float. */
#define NEAR(got, want, tolerance) assert_true(fabs((got) - (want)) <= (tolerance))

#define MWH 3.6e9

static struct battery_config battery_of(double mw, double mwh) {
    struct battery_config c;
    plan_defaults(&battery_group, &c);
    c.power_w = mw * 1e6;
    c.energy_j = mwh * MWH;
    return c;
}

static double uniform(struct rng *r) {
    return (double)rng_f32(r);
}

/* ---- battery ---- */

/* In less out less losses is what is stored, whatever happens, and no limit is passed. */
static void test_battery_conserves(void **state) {
    (void)state;
    struct battery_config c = battery_of(10, 40);
    struct battery b;
    struct rng r = {.seed = 20260601};
    battery_begin(&b, &c);
    for (int step = 0; step < 2 * 365 * 96; step++) {
        double w = uniform(&r);
        int what = (int)rng_below(&r, 3);
        if (what == 0) battery_charge(&b, w * battery_charge_max_w(&b, 900), uniform(&r), 900);
        if (what == 1) (void)battery_discharge(&b, w * battery_discharge_max_w(&b, 900), 900);
        battery_pass(&b, 900);
        if (step % 96 == 95) battery_day(&b);
        assert_true(b.stored_j >= 0 && b.stored_j <= b.capacity_j * (1 + 1e-12));
        assert_true(b.green_j >= 0 && b.green_j <= b.stored_j * (1 + 1e-9));
        double kept = b.charged_j - b.discharged_j - b.lost_j;
        NEAR(kept, b.stored_j - b.stored_start_j, 1e-9 * b.charged_j + 1);
    }
    assert_true(b.soh < 1 && b.soh > 0.9);
    NEAR(b.capacity_j, b.soh * c.energy_j, 1);
}

/* A full turn without self-discharge loses exactly what the two efficiencies say. */
static void test_battery_round_trip(void **state) {
    (void)state;
    struct battery_config c = battery_of(10, 40);
    struct battery b;
    c.self_discharge = 0;
    c.soc_start = c.soc_min;
    battery_begin(&b, &c);
    assert_true(battery_discharge_max_w(&b, 3600) == 0);
    while (battery_charge_max_w(&b, 3600) > 1) battery_charge(&b, battery_charge_max_w(&b, 3600), 1, 3600);
    NEAR(b.stored_j, 0.95 * 40 * MWH, 1e3);
    double green = 0;
    while (battery_discharge_max_w(&b, 3600) > 1)
        green += battery_discharge(&b, battery_discharge_max_w(&b, 3600), 3600);
    NEAR(b.discharged_j / b.charged_j, 0.94 * 0.94, 1e-9);
    NEAR(b.charged_j, 0.85 * 40 * MWH / 0.94, 1e4);
    /* A tenth of what was stored was there before, of unknown origin. */
    NEAR(green * 3600 / b.discharged_j, 0.85 / 0.95, 1e-9);
}

/* By hand: 0.5 mean charge for a year is 1.16e-3 * 0.5 * sum(0.428 d^-0.572), a cycle a day 365 * 2.46e-5. */
static void test_battery_ageing(void **state) {
    (void)state;
    struct battery_config c = battery_of(10, 40);
    double sum = 0;
    for (int d = 1; d <= 365; d++) sum += 0.428 * pow(d, -0.572);
    double want = 1 - 1.16e-3 * 0.5 * sum - 365 * 2.46e-5;
    NEAR(battery_soh_after(&c, 365, 0.5, 1), want, 1e-12);
    /* The integral of the power law bounds the sum. */
    assert_in_range((int)(1e6 * (1 - want)), (int)(1e6 * (1.16e-3 * 0.5 * (pow(366, 0.428) - 1) + 365 * 2.46e-5)),
                    (int)(1e6 * (1.16e-3 * 0.5 * pow(365, 0.428) + 365 * 2.46e-5)) + 1);
    /* And the running battery does the same: held at half for a year. */
    struct battery b;
    c.self_discharge = 0;
    c.soc_start = 0.5;
    battery_begin(&b, &c);
    for (int d = 0; d < 365; d++) {
        for (int h = 0; h < 24; h++) battery_pass(&b, 3600);
        battery_day(&b);
    }
    NEAR(b.soh, battery_soh_after(&c, 365, 0.5, 0), 1e-12);
    /* Calendar fade alone takes decades; the day on which it ends is that of the sum. */
    assert_true(battery_life_years(&b) == 40);
    c.soh_end = 0.99;
    double life = battery_life_years(&b);
    assert_true(battery_soh_after(&c, (uint32_t)lround(life * 365), 0.5, 0) <= 0.99);
    assert_true(battery_soh_after(&c, (uint32_t)lround(life * 365) - 1, 0.5, 0) > 0.99);
}

/* ---- market ---- */

static void test_market_matched(void **state) {
    (void)state;
    assert_true(market_cfe_w(100, 0, 0.4) == 40);
    assert_true(market_cfe_w(100, 50, 0.4) == 70);
    assert_true(market_cfe_w(100, 150, 0.4) == 100);
    assert_true(market_cfe_w(100, 100, 0) == 100);
    struct market_config c;
    struct market m;
    struct market_result r;
    plan_defaults(&market_group, &c);
    c.n_ppa = 1;
    c.ppa[0] = (struct market_ppa){.name = "sun",
                                   .shape = MARKET_PV,
                                   .capacity_w = 100e6,
                                   .capacity_factor = 0.25,
                                   .price = 150,
                                   .wheeling = 20,
                                   .settlement = MARKET_AS_PRODUCED};
    const double mean[3] = {0.5, 0, 0};
    assert_int_equal(market_begin(&m, &c, mean, NULL), SIL_OK);
    /* Two hours: full sun for 40 MW of load, then night. Half the shape's mean: 50 MW come. */
    const double noon[3] = {1, 0, 0}, night[3] = {0};
    assert_true(market_ppa_w(&m, noon) == 50e6);
    assert_true(market_step(&m, 12, 3600, 40e6, 40e6, 0, 0, 0) == 40e6);
    assert_true(market_ppa_w(&m, night) == 0);
    assert_true(market_step(&m, 0, 3600, 40e6, 40e6, 0, 0, 0) == 0);
    market_close(&m, &r);
    NEAR(r.ppa_kwh, 40000, 1e-6);
    NEAR(r.ppa_krw, 50000 * 150.0, 1e-3);
    NEAR(r.wheeling_krw, 40000 * 20.0, 1e-3);
    NEAR(r.ppa_surplus_krw, 10000 * m.smp_krw_kwh[12], 1e-3);
    NEAR(r.carbon_free_own, 0.5, 1e-12);
    NEAR(r.carbon_free_share, 0.5 + 0.5 * c.grid_carbon_free, 1e-12);
    NEAR(r.location_t, 80 * 0.4173, 1e-9);
    NEAR(r.market_t, 40 * 0.4173, 1e-9);
    c.ppa[0].settlement = MARKET_AS_CONSUMED;
    market_close(&m, &r);
    NEAR(r.ppa_krw, 40000 * 150.0, 1e-3);
    c.ppa[0].shape = MARKET_ONSHORE;
    assert_int_equal(market_begin(&m, &c, mean, NULL), SIL_ARG);
    double smp = 0;
    for (int h = 0; h < 24; h++) smp += m.smp_krw_kwh[h] / 24;
    NEAR(smp, c.smp, 1e-9);
}

/* Selling the certificates gives the claim away; buying covers grid power. */
static void test_market_certificates(void **state) {
    (void)state;
    struct market_config c;
    struct market m;
    struct market_result r;
    const double none[3] = {0};
    plan_defaults(&market_group, &c);
    c.own_rec = MARKET_REC_SELL;
    c.rec_buy = 0.25;
    assert_int_equal(market_begin(&m, &c, none, NULL), SIL_OK);
    (void)market_ppa_w(&m, none);
    (void)market_step(&m, 3, 3600, 100e6, 80e6, 0, 20e6, 20e6);
    market_close(&m, &r);
    NEAR(r.rec_kwh, 0.25 * 80000 - 20000, 1e-6);
    NEAR(r.market_t, (80 - 20 + 20) * 0.4173, 1e-9);
    NEAR(r.renewable_annual, 0.2, 1e-12);
}

/* ---- dispatcher ---- */

static struct energy *en;
static struct tariff_config tariff;
static struct market_config market;
static struct battery_config battery;
static struct rule_config rule;

static void begin(int year, double contract_w, const double mean[3]) {
    struct energy_configs c = {&tariff, &market, &battery, &rule};
    assert_int_equal(energy_begin(en, c, year, contract_w, mean, NULL), SIL_OK);
}

static int setup(void **state) {
    (void)state;
    en = calloc(1, sizeof *en);
    plan_defaults(&tariff_group, &tariff);
    plan_defaults(&market_group, &market);
    plan_defaults(&rule_group, &rule);
    battery = battery_of(0, 0);
    return en ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    free(en);
    return 0;
}

/* Any load within available_w: the balance closes, import and export keep their limits, nothing is negative. */
static void random_year(double dt_s, uint64_t seed) {
    const double mean[3] = {0.15, 0.25, 0};
    struct rng r = {.seed = seed};
    struct energy_result res;
    begin(2028, 100e6, mean);
    struct plan_dispatcher d = energy_dispatcher(en);
    uint32_t n = (uint32_t)(365 * 86400 / dt_s);
    double import_j = 0, in_j = 0, out_j = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct plan_supply s;
        struct plan_flow f;
        double unit[3] = {uniform(&r), uniform(&r), 0};
        energy_supply(en, i, dt_s, unit, 60e6 * unit[0], 50e6 * unit[1], 100e6 * (i % 50 == 7 ? 0.3 : 1), 10e6, &s);
        double most = d.available_w(d.state, &s), load = fmin(most, 130e6 * uniform(&r));
        if (i % 97 == 0) load = most;
        d.step(d.state, &s, load, &f);
        struct energy_settled e = energy_settle(en, &s, &f, load);
        assert_true(plan_flow_error(&f, load) < 1e-9);
        assert_true(f.import_w <= s.import_max_w * (1 + 1e-12) + 1e-6 && f.export_w <= s.export_max_w);
        assert_true(f.pv_w >= 0 && f.wind_w >= 0 && f.curtailed_w >= 0 && f.charge_w >= 0 && f.discharge_w >= 0);
        assert_true(f.import_w >= 0 && f.export_w >= 0 && (f.charge_w == 0 || f.discharge_w == 0));
        NEAR(f.pv_w + f.wind_w + f.curtailed_w, s.pv_w + s.wind_w, 1e-3);
        assert_true(e.carbon_free_w >= 0 && e.carbon_free_w <= load && e.ppa_w <= f.import_w);
        import_j += f.import_w * dt_s;
        in_j += f.charge_w * dt_s;
        out_j += f.discharge_w * dt_s;
    }
    assert_int_equal(energy_close(en, &res, NULL), SIL_OK);
    const double *kwh = res.bill.year.kwh;
    NEAR(kwh[0] + kwh[1] + kwh[2] + res.market.ppa_kwh, import_j / 3.6e6, 1e-9 * import_j / 3.6e6);
    NEAR(res.battery_in_kwh, in_j / 3.6e6, 1e-6 * (in_j / 3.6e6 + 1));
    NEAR(res.battery_out_kwh, out_j / 3.6e6, 1e-6 * (out_j / 3.6e6 + 1));
    assert_true(res.battery_soh <= 1 && res.battery_soh > 0.9);
}

static void test_rule_any_load(void **state) {
    (void)state;
    market.n_ppa = 1;
    market.ppa[0] = (struct market_ppa){
        .name = "wind", .shape = MARKET_ONSHORE, .capacity_w = 30e6, .capacity_factor = 0.3, .price = 160};
    random_year(3600, 1);
    battery = battery_of(20, 80);
    random_year(3600, 2);
    rule.demand_target = 0.7;
    random_year(3600, 3);
    random_year(900, 4);
}

/* A flat load with a battery: it gives in the dearest hours and takes in the cheapest, and saves money; without grid
 * charging nothing happens. */
static void test_rule_arbitrage(void **state) {
    (void)state;
    const double none[3] = {0};
    double cost[3], out[3];
    for (int k = 0; k < 3; k++) {
        struct energy_result res;
        battery = k ? battery_of(20, 80) : battery_of(0, 0);
        rule.grid_charge = k == 1;
        begin(2026, 100e6, none);
        struct plan_dispatcher d = energy_dispatcher(en);
        for (uint32_t h = 0; h < 8760; h++) {
            struct plan_supply s;
            struct plan_flow f;
            energy_supply(en, h, 3600, none, 0, 0, 100e6, 0, &s);
            d.step(d.state, &s, 70e6, &f);
            if (k == 1 && f.discharge_w > 0) assert_true(s.price_krw_kwh == en->rule.day_high[h / 24]);
            if (k == 1 && f.charge_w > 0) assert_true(s.price_krw_kwh == en->rule.day_low[h / 24]);
            (void)energy_settle(en, &s, &f, 70e6);
        }
        assert_int_equal(energy_close(en, &res, NULL), SIL_OK);
        cost[k] = res.bill.year.total_krw;
        out[k] = res.battery_out_kwh;
    }
    assert_true(cost[1] < cost[0]);
    assert_true(out[1] > 200 * 50e3); /* most days, most of the battery */
    assert_true(out[0] == 0 && out[2] < 80e3);
}

/* Sun by day, load by night: the surplus comes back less the losses, and all of it is carbon-free. */
static void test_rule_own_first(void **state) {
    (void)state;
    const double none[3] = {0};
    struct energy_result res;
    battery = battery_of(20, 80);
    battery.soc_start = battery.soc_min = 0;
    rule.reserve = 0;
    rule.arbitrage = false;
    begin(2026, 100e6, none);
    struct plan_dispatcher d = energy_dispatcher(en);
    double import_j = 0;
    for (uint32_t h = 0; h < 8760; h++) {
        struct plan_supply s;
        struct plan_flow f;
        double pv = h % 24 == 12 ? 25e6 : 0; /* 15 MW over the load of 10 */
        energy_supply(en, h, 3600, none, pv, 0, 100e6, 0, &s);
        d.step(d.state, &s, 10e6, &f);
        (void)energy_settle(en, &s, &f, 10e6);
        import_j += f.import_w * 3600;
    }
    assert_int_equal(energy_close(en, &res, NULL), SIL_OK);
    NEAR(res.battery_in_kwh, 365 * 15e3, 1e-3);
    NEAR(res.battery_out_kwh / res.battery_in_kwh, 0.94 * 0.94, 1e-3);
    NEAR(import_j / 3.6e6, 365 * 230e3 - res.battery_out_kwh, 1e-3);
    NEAR(res.market.carbon_free_own, (365 * 10e3 + res.battery_out_kwh) / (8760 * 10e3), 1e-6);
}

/* When the connection is short, the battery carries the load down to its floor, and available_w says so. */
static void test_rule_short_supply(void **state) {
    (void)state;
    const double none[3] = {0};
    battery = battery_of(20, 40);
    rule.grid_charge = false;
    rule.arbitrage = false;
    begin(2026, 100e6, none);
    struct plan_dispatcher d = energy_dispatcher(en);
    double served = 0;
    for (uint32_t h = 0; h < 24; h++) {
        struct plan_supply s;
        struct plan_flow f;
        energy_supply(en, h, 3600, none, 0, 0, 50e6, 0, &s);
        double load = fmin(60e6, d.available_w(d.state, &s));
        d.step(d.state, &s, load, &f);
        assert_true(f.import_w <= 50e6 * (1 + 1e-12));
        served += f.discharge_w;
    }
    /* From half full to a tenth: 16 MWh inside, 15.04 outside, less a day's self-discharge. */
    assert_true(served < 16e6 * 0.94 && served > 15.9e6 * 0.94);
}

/* Without anything but the grid, import is the load and the bill that of the flat load. */
static void test_energy_flat(void **state) {
    (void)state;
    const double none[3] = {0};
    struct energy_result res;
    begin(2028, 250e6, none); /* a leap year: 365 days are billed */
    struct plan_dispatcher d = energy_dispatcher(en);
    for (uint32_t i = 0; i < 105120; i++) {
        struct plan_supply s;
        struct plan_flow f;
        energy_supply(en, i, 300, none, 0, 0, 250e6, 0, &s);
        d.step(d.state, &s, 200e6, &f);
        assert_true(f.import_w == 200e6);
        (void)energy_settle(en, &s, &f, 200e6);
    }
    assert_int_equal(energy_close(en, &res, NULL), SIL_OK);
    const struct tariff_month *y = &res.bill.year;
    NEAR(y->kwh[0] + y->kwh[1] + y->kwh[2], 200e3 * 8760, 1);
    NEAR(y->base_krw, 12 * 8190 * 200e3, 1);
    NEAR(res.market.location_t, 200 * 8760 * 0.4173, 1e-3);
    NEAR(res.market.carbon_free_share, 0.4, 1e-9);
    NEAR(res.cost_krw, y->total_krw - y->vat_krw + res.market.carbon_krw, 1);
    assert_true(res.class_krw[TARIFF_INDUSTRIAL] > res.class_krw[TARIFF_GENERAL]);
}

/* A room of 100 kW is billed on the small class, at its rates; the classes for 300 kW and more are not offered. */
static void test_energy_small(void **state) {
    (void)state;
    const double none[3] = {0};
    struct energy_result res;
    tariff.voltage = TARIFF_HV_A;
    tariff.option = TARIFF_III;
    tariff.power_factor = 0.9;
    begin(2026, 100e3, none);
    struct plan_dispatcher d = energy_dispatcher(en);
    for (uint32_t h = 0; h < 8760; h++) {
        struct plan_supply s;
        struct plan_flow f;
        energy_supply(en, h, 3600, none, 0, 0, 100e3, 0, &s);
        d.step(d.state, &s, 80e3, &f);
        (void)energy_settle(en, &s, &f, 80e3);
    }
    assert_int_equal(energy_close(en, &res, NULL), SIL_OK);
    assert_int_equal(res.bill.option, TARIFF_II);
    NEAR(res.bill.year.base_krw, 12 * 80 * 8230, 1e-6);
    assert_true(isnan(res.class_krw[TARIFF_GENERAL]) && isnan(res.class_krw[TARIFF_INDUSTRIAL]));
    NEAR(res.class_krw[TARIFF_GENERAL_SMALL], res.bill.year.total_krw, 0);
}

/* What ranges alone cannot say: each names the variable to blame. */
static void test_checks(void **state) {
    (void)state;
    const char *path = NULL;
    struct sil_error e;
    struct battery_config b = battery_of(10, 40);
    assert_int_equal(battery_group.check(&b, &path, &e), SIL_OK);
    b.soc_min = b.soc_max;
    assert_int_equal(battery_group.check(&b, &path, &e), SIL_ARG);
    assert_string_equal(path, "battery.soc_min");
    b = battery_of(10, 40);
    b.soc_start = 0.05;
    assert_int_equal(battery_group.check(&b, &path, &e), SIL_ARG);
    assert_string_equal(path, "battery.soc_start");
    b = battery_of(10, 0);
    assert_int_equal(battery_group.check(&b, &path, &e), SIL_ARG);
    assert_string_equal(path, "battery.energy");
    assert_int_equal(tariff_group.check(&tariff, &path, &e), SIL_OK);
    tariff.klass = TARIFF_GENERAL_SMALL;
    tariff.option = TARIFF_III;
    assert_int_equal(tariff_group.check(&tariff, &path, &e), SIL_ARG);
    assert_string_equal(path, "tariff.option");
    tariff.option = TARIFF_I;
    tariff.pf_reference = 0.99;
    assert_int_equal(tariff_group.check(&tariff, &path, &e), SIL_ARG);
    assert_string_equal(path, "tariff.pf_reference");
    /* A class of one's own has one option, at its rates. */
    struct tariff_rates r;
    tariff.klass = TARIFF_CUSTOM;
    assert_true(tariff_rates(&tariff, TARIFF_I, &r) && !tariff_rates(&tariff, TARIFF_II, &r));
    assert_true(r.base_krw_kw == 8190 && r.krw_kwh[TARIFF_WINTER][TARIFF_PEAK] == 198.9);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_battery_conserves),
        cmocka_unit_test(test_battery_round_trip),
        cmocka_unit_test(test_battery_ageing),
        cmocka_unit_test(test_market_matched),
        cmocka_unit_test(test_market_certificates),
        cmocka_unit_test_setup_teardown(test_rule_any_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rule_arbitrage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rule_own_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rule_short_supply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_energy_flat, setup, teardown),
        cmocka_unit_test_setup_teardown(test_energy_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
