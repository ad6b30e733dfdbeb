/* Finance: rates of known flows, a project small enough to count by hand, debt cover by hand, and identities that hold
 * for any project. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/rng.h"
#include "plan/finance.h"
#include "plan/tornado.h"

/* cmocka's own comparison is of float. */
#define NEAR(got, want, tolerance) assert_true(fabs((got) - (want)) <= (tolerance))

static void test_known_flows(void **state) {
    (void)state;
    const double bond[] = {-100, 10, 10, 110}, five[] = {-1000, 500, 400, 300, 100};
    const double never[] = {-100, -1, -1}, loss[] = {-100, 0, 0, 50}, twice[] = {-100, 230, -132};
    NEAR(fin_irr(bond, 4, 1), 0.10, 1e-12);
    NEAR(fin_irr(five, 5, 1), 0.1448884, 1e-7);
    NEAR(fin_irr(twice, 3, 1), 0.20, 1e-12); /* zero at 10 % as well, where the value rises */
    NEAR(fin_irr(loss, 4, 1), pow(0.5, 1.0 / 3) - 1, 1e-12);
    assert_true(isnan(fin_irr(never, 3, 1)));
    NEAR(fin_npv(bond, 4, 0.10, 1), 0, 1e-12);
    NEAR(fin_npv(five, 5, 0.08, 1), -1000 + 500 / 1.08 + 400 / 1.1664 + 300 / 1.259712 + 100 / 1.36048896, 1e-9);
    /* The same bond in quarters: a year is four of them. */
    double quarters[13] = {0};
    for (int i = 0; i < 4; i++) quarters[4 * i] = bond[i];
    NEAR(fin_irr(quarters, 13, 4), 0.10, 1e-12);
    NEAR(fin_annuity(0.05, 10), 0.12950457, 1e-8);
    NEAR(fin_annuity(0, 8), 0.125, 1e-15);
}

/* Everything that is not set here is zero. */
static void bare(struct finance_config *c, struct fin_input *in) {
    memset(c, 0, sizeof *c);
    memset(in, 0, sizeof *in);
    c->years = 3;
    c->fx = 1000;
    c->gpu_usd = NAN;
    c->vat_recovered = c->realised = 1;
    c->life_gpu = 2;
    c->life_plant = c->life_building = c->life_renewable = 10;
    c->tech_revenue = 0.6;
    c->tech_engineering = 1;
    in->start_year = 2028;
    in->gpu_usd = 10;
    in->n_phases = 1;
    in->phase[0] = (struct fin_phase){.gpus = 100, .contract_kw = 10, .it_kw = 8, .online_quarter = 4};
    in->n_ops = 3;
    for (int y = 1; y < 3; y++)
        in->op[y] = (struct fin_ops){.service_usd = 800,
                                     .mtokens = 40,
                                     .gpu_hours = 876000,
                                     .power_krw = 100e3,
                                     .power_vat_krw = 10e3,
                                     .it_kw = 8};
}

/* 100 GPUs at USD 10 and KRW 1,000 a dollar: 1 M in the last quarter of the first year. Then 0.8 M a year of revenue,
 * 0.1 M of power. */
static void test_by_hand(void **state) {
    (void)state;
    struct finance_config c;
    struct fin_input in;
    struct finance f;
    bare(&c, &in);
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.capex[FIN_GPU], 1e6, 1e-6);
    NEAR(f.capex_first, 1e6, 1e-6);
    NEAR(f.npv, -1e6 + 2 * 0.7e6, 1e-6);
    /* 175,000 a quarter from quarter 4 on: paid back within the sixth quarter of operation. */
    NEAR(f.payback_years, (4 + 1e6 / 175e3) / 4, 1e-9);
    NEAR(f.krw_per_mtoken, 1.2e6 / 80, 1e-9);
    NEAR(f.krw_per_gpu_hour, 1.2e6 / (2 * 876000), 1e-12);
    NEAR(f.year[1].party[FIN_TECH], 0.6 * 800e3, 1e-6);
    NEAR(f.year[1].party[FIN_INFRA], 0.4 * 800e3 - 100e3, 1e-6);
    /* Discounted, quarter by quarter. */
    c.discount = 0.08;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    double want = -1e6 / pow(1.08, 0.75);
    for (int q = 4; q < 12; q++) want += 175e3 / pow(1.08, q / 4.0);
    NEAR(f.npv, want, 1e-3);
    double irr = f.irr, at = -1e6 / pow(1 + irr, 0.75);
    for (int q = 4; q < 12; q++) at += 175e3 / pow(1 + irr, q / 4.0);
    NEAR(at, 0, 1e-3);
    /* Prices move from the first year of operation on; a quarter of list prices is got, rentals in full. */
    c.discount = 0;
    c.token_price_drift = -0.2;
    c.realised = 0.25;
    in.op[1].rental_usd = in.op[2].rental_usd = 100;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    double sold = 0;
    for (int q = 0; q < 4; q++) sold += 75e3 * pow(0.8, q / 4.0);
    NEAR(f.year[1].revenue, sold, 1e-6);
    NEAR(f.year[2].revenue, 0.8 * sold, 1e-6);
    NEAR(fin_revenue_usd(&c, &in.op[1]), 300, 1e-9);
    bare(&c, &in);
    /* Dollars by a path; past its end the drift goes on, by quarter. */
    c.n_fx_path = 2;
    c.fx_path[0] = 1100;
    c.fx_path[1] = 1200;
    c.fx_drift = 0.21;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.capex_first, 1.1e6, 1e-6);
    NEAR(f.year[1].revenue, 960e3, 1e-6);
    double later = 0;
    for (int q = 4; q < 8; q++) later += 200 * 1200 * pow(1.21, q / 4.0);
    NEAR(f.year[2].revenue, later, 1e-6);
    bare(&c, &in);
    /* Not all VAT comes back. */
    c.discount = 0;
    c.vat_recovered = 0.5;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.npv, 0.4e6 - 2 * 5e3, 1e-6);
}

/* Tax by hand: technology earns 0.48 M a year and writes 0.5 M off in each of two years: never income. Infrastructure
 * earns 0.22 M, taxed at 20 %. Then with longer lives and losses carried forward. */
static void test_tax(void **state) {
    (void)state;
    struct finance_config c;
    struct fin_input in;
    struct finance f;
    bare(&c, &in);
    c.tax_rate = 0.2;
    c.loss_limit = 0.8;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[1].tax, 0.2 * 220e3, 1e-6);
    NEAR(f.year[1].depreciation, 0.5e6, 1e-6);
    /* One year of life: 0.52 M of loss in the first year, of which 80 % of the next year's 0.48 M are used. */
    c.life_gpu = 1;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[1].tax, 0.2 * 220e3, 1e-6);
    NEAR(f.year[2].tax, 0.2 * 220e3 + 0.2 * (480e3 - 0.8 * 480e3), 1e-6);
}

/* Debt cover by hand: 60 % of 1 M drawn in quarter 3, no grace, two years of eight equal payments. */
static void test_debt_cover(void **state) {
    (void)state;
    struct finance_config c;
    struct fin_input in;
    struct finance f;
    bare(&c, &in);
    c.debt_share = 0.6;
    c.debt_rate = 0.06;
    c.debt_years = 2;
    c.debt_for_gpu = true;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    double rate = pow(1.06, 0.25) - 1, pay = 600e3 * rate / (1 - pow(1.06, -2));
    NEAR(f.year[1].interest + f.year[1].principal, 4 * pay, 1e-6);
    NEAR(f.year[1].dscr, 700e3 / (4 * pay), 1e-12);
    NEAR(f.dscr_min, f.dscr_mean, 1e-12);
    NEAR(f.year[1].principal + f.year[2].principal, 600e3, 1e-6);
    NEAR(f.year[2].debt, 0, 1e-6);
    NEAR(f.year[0].equity, -400e3, 1e-6);
    /* With a year of grace only interest is paid in it; what is left falls due at the end. */
    c.debt_grace_years = 1;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[1].interest, 600e3 * rate * 4, 1e-6);
    NEAR(f.year[1].principal, 0, 1e-9);
    assert_true(isnan(f.year[1].dscr) && !isnan(f.year[2].dscr));
    NEAR(f.year[2].principal, 600e3, 1e-6);
    /* Debt for the plant only: there is none. */
    c.debt_for_gpu = false;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[1].interest, 0, 0);
    assert_true(isnan(f.dscr_min));
}

/* A second generation after two years: bought again, sold for a tenth, half as much revenue again. */
static void test_refresh(void **state) {
    (void)state;
    struct finance_config c;
    struct fin_input in;
    struct finance f;
    bare(&c, &in);
    c.years = 5;
    c.refresh_years = 2;
    c.refresh_cost = 0.9;
    c.new_systems = sqrt(1.5) - 1;
    c.resale = 0.1;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[3].capex[FIN_GPU], 0.9e6, 1e-6);
    NEAR(f.year[3].resale, 0.1e6, 1e-6);
    NEAR(f.year[3].revenue, 1.2e6, 1e-6);
    NEAR(f.year[4].resale, 0.09e6, 1e-6);
    NEAR(f.capex_first, 1e6, 1e-6);
    NEAR(f.capex_all, 1.9e6, 1e-6);
    /* A second phase half a refresh later has half the progress, in the exponent. */
    c.progress = true;
    in.n_phases = 2;
    in.phase[1] = in.phase[0];
    in.phase[1].online_quarter += 4;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[2].revenue, 0.8e6 * (1 + sqrt(1.5)) / 2, 1e-6);
    in.n_phases = 1;
    /* A generation later prices have halved twice: new systems serve four times the tokens for the same money. */
    c.new_systems = 0;
    c.token_price_drift = -0.5;
    c.progress = false;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.year[3].mtokens, 160, 1e-9);
    NEAR(f.year[3].revenue, f.year[1].revenue, 1e-6);
    NEAR(f.year[2].revenue, 0.5 * f.year[1].revenue, 1e-6);
    c.token_price_drift = 0;
    /* No new systems when less than half their life is left. */
    c.years = 3;
    assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
    NEAR(f.capex_all, 1e6, 1e-6);
}

static void random_project(struct rng *r, struct finance_config *c, struct fin_input *in) {
    plan_defaults(&finance_group, c);
    memset(in, 0, sizeof *in);
    c->years = 12 + (int64_t)rng_below(r, 20);
    c->deal = (int)rng_below(r, 2);
    c->gpu_hour_share = (double)rng_f32(r);
    c->debt_for_gpu = rng_below(r, 2);
    c->refresh_years = (int64_t)rng_below(r, 8);
    c->tech_staff = (double)rng_f32(r);
    c->fx_drift = 0.1 * (double)rng_f32(r) - 0.05;
    in->start_year = 2027;
    in->gpu_usd = 35000;
    in->n_phases = 1 + (uint32_t)rng_below(r, 6);
    struct fin_ops full = {.service_usd = 1.5e9,
                           .mtokens = 1e9,
                           .gpu_hours = 6e8,
                           .power_krw = 300e9,
                           .power_vat_krw = 30e9,
                           .ppa_krw = 20e9,
                           .water_m3 = 1e6,
                           .it_kw = 190e3};
    for (uint32_t i = 0; i < in->n_phases; i++) {
        uint32_t spend = (uint32_t)rng_below(r, 16), online = spend + (uint32_t)rng_below(r, 16);
        in->phase[i] = (struct fin_phase){.gpus = 1e4,
                                          .contract_kw = 40e3,
                                          .it_kw = 30e3,
                                          .pv_kw = 1e4,
                                          .offshore_kw = 1e4,
                                          .battery_kw = 1e4,
                                          .battery_kwh = 4e4,
                                          .spend_quarter = spend,
                                          .online_quarter = online};
    }
    finance_scale(c, in, &full);
}

static void test_identities(void **state) {
    (void)state;
    struct rng r = {.seed = 4};
    for (int run = 0; run < 200; run++) {
        struct finance_config c;
        struct fin_input in;
        static struct finance f;
        random_project(&r, &c, &in);
        assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
        double scale = f.capex_all; /* rounding goes with the largest flows */
        for (uint32_t y = 0; y < f.n_years; y++) scale += f.year[y].revenue;
        double drawn = 0, repaid = 0, written = 0, waterfall = f.revenue_pv + f.resale_pv - f.tax_pv;
        for (uint32_t y = 0; y < f.n_years; y++) {
            const struct fin_year *k = &f.year[y];
            NEAR(k->party[0] + k->party[1], k->equity, 1e-9 * scale);
            drawn += k->drawn;
            repaid += k->principal;
            written += k->depreciation;
        }
        for (int i = 0; i < FIN_N_ITEMS; i++) waterfall -= f.capex_pv[i];
        for (int i = 0; i < FIN_N_OPEX; i++) waterfall -= f.opex_pv[i];
        NEAR(waterfall, f.npv, 1e-9 * scale);
        NEAR(drawn, repaid, 1e-9 * scale);
        NEAR(written, f.capex_all, 1e-9 * scale);
        NEAR(f.year[f.n_years - 1].debt, 0, 1e-9 * scale);
        NEAR(f.party_npv[0] + f.party_npv[1], f.equity_npv, 1e-9 * scale);
        NEAR(f.party_capex[0] + f.party_capex[1], f.capex_first, 1e-9 * scale);
        /* Without tax the deal between the parties changes nothing for the project. */
        double npv[2];
        c.tax_rate = 0;
        for (int deal = 0; deal < 2; deal++) {
            c.deal = deal;
            assert_int_equal(finance_run(&c, &in, &f, NULL), SIL_OK);
            npv[deal] = f.npv;
        }
        NEAR(npv[0], npv[1], 1e-9 * scale);
    }
}

static void test_bad_input(void **state) {
    (void)state;
    struct finance_config c;
    struct fin_input in;
    static struct finance f;
    struct sil_error e;
    bare(&c, &in);
    in.phase[0].online_quarter = 12;
    assert_int_equal(finance_run(&c, &in, &f, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "finance.years"));
    in.n_phases = 0;
    assert_int_equal(finance_run(&c, &in, &f, &e), SIL_ARG);
    c.years = 41;
    in.n_phases = 1;
    assert_int_equal(finance_run(&c, &in, &f, &e), SIL_ARG);
    const char *path = NULL;
    plan_defaults(&finance_group, &c);
    assert_int_equal(finance_group.check(&c, &path, &e), SIL_OK);
    c.debt_years = 30;
    assert_int_equal(finance_group.check(&c, &path, &e), SIL_ARG);
    assert_string_equal(path, "finance.debt_years");
}

/* ---- tornado ---- */

struct case_of {
    struct finance_config c;
    struct fin_input in;
};

static double npv_with(void *ctx, const struct tornado_bar *bar, double value, uint32_t worker) {
    (void)worker;
    const struct case_of *k = ctx;
    struct finance_config c = k->c;
    struct finance f;
    memcpy((char *)&c + bar->var->offset, &value, sizeof value);
    return finance_run(&c, &k->in, &f, NULL) == SIL_OK ? f.npv : NAN;
}

static void test_tornado(void **state) {
    (void)state;
    struct rng r = {.seed = 9};
    struct case_of k;
    static struct finance f;
    static struct tornado one, four;
    const struct plan_group *groups[] = {&finance_group};
    struct pool *pool;
    random_project(&r, &k.c, &k.in);
    assert_int_equal(finance_run(&k.c, &k.in, &f, NULL), SIL_OK);
    tornado_run(groups, 1, f.npv, npv_with, &k, NULL, &one);
    assert_int_equal(pool_open(4, &pool, NULL), SIL_OK);
    tornado_run(groups, 1, f.npv, npv_with, &k, pool, &four);
    pool_close(pool);
    assert_memory_equal(&one, &four, sizeof one);
    assert_in_range(one.n, 15, TORNADO_BARS_MAX);
    bool discount = false;
    for (uint32_t i = 0; i < one.n; i++) {
        const struct tornado_bar *b = &one.bar[i];
        if (i) assert_true(one.bar[i - 1].swing >= b->swing);
        assert_true(b->low < b->high && b->swing >= fabs(b->at_high - b->at_low));
        if (strcmp(b->var->path, "finance.discount") != 0) continue;
        discount = true;
        k.c.discount = 0.06;
        assert_int_equal(finance_run(&k.c, &k.in, &f, NULL), SIL_OK);
        assert_true(b->at_low == f.npv);
    }
    assert_true(discount);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_flows), cmocka_unit_test(test_by_hand), cmocka_unit_test(test_tax),
        cmocka_unit_test(test_debt_cover),  cmocka_unit_test(test_refresh), cmocka_unit_test(test_identities),
        cmocka_unit_test(test_bad_input),   cmocka_unit_test(test_tornado),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
