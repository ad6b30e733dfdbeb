/* The simulated year: balances close in every step, the contract is never passed, work is given up by
 * priority, and a year leaves no trace in the next. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/outcome.h"
#include "support.h"

struct year {
    struct plan_design *design;
    struct sim *sim;
    struct plan_step *rows;
    struct sim_sums sums;
    struct energy_result energy;
    uint32_t n;
};

static const char hub[] = "site: {name: hub, contract: 3 MW, export: 1 MW}\n"
                          "run.step: 15 min\n"
                          "weather: {source: synthetic, normals: gunsan}\n"
                          "pools:\n  - {name: a, hardware: dgx-b200, gpus: 1600}\n"
                          "services:\n"
                          "  - {name: talk, kind: chat, model: llama3.3-70b, gpu_share: 45 %}\n"
                          "  - {name: batch, kind: batch, model: llama3.3-70b, gpu_share: 20 %}\n"
                          "  - {name: train, kind: training, model: llama3.3-70b, gpu_share: 25 %, job_gpus: 64}\n"
                          "electrical: {transformer.unit: 2 MW, ups.unit: 0.5 MW, pdu.unit: 0.5 MW}\n"
                          "pv.capacity: 4 MW\n"
                          "wind.capacity: 2 MW\n"
                          "battery: {power: 1 MW, energy: 4 MWh}\n";

static struct year run_year(const char *yaml) {
    struct year y = {.design = malloc(sizeof *y.design)};
    struct sil_error e = {0};
    if (plan_design_parse(str_of(yaml), "test.yaml", y.design, &e) != SIL_OK) fail_msg("%s", e.text);
    if (sim_open(y.design, y.design->c.run.step_s, NULL, mem_libc(), &y.sim, &e) != SIL_OK) fail_msg("%s", e.text);
    y.n = sim_steps(y.sim);
    y.rows = calloc(y.n, sizeof *y.rows);
    if (sim_run(y.sim, sim_year_shown(y.sim), y.rows, &y.sums, &y.energy, &e) != SIL_OK) fail_msg("%s", e.text);
    return y;
}

static void free_year(struct year *y) {
    sim_close(y->sim);
    free(y->rows);
    free(y->design);
}

static bool near(double a, double b, double scale) {
    return fabs(a - b) <= 1e-9 * fmax(scale, 1);
}

static void every_step_balances(void **state) {
    (void)state;
    struct year y = run_year(hub);
    double stored = NAN, in = 0, out = 0;
    for (uint32_t i = 0; i < y.n; i++) {
        const struct plan_step *r = &y.rows[i];
        double supply = r->pv_w + r->wind_w + r->discharge_w + r->import_w;
        if (!near(supply, r->facility_w + r->charge_w + r->export_w, supply))
            fail_msg("step %u: supply and use differ", i);
        if (!near(r->it_w + r->cooling_w + r->loss_w + r->other_w, r->facility_w, r->facility_w))
            fail_msg("step %u: parts of the facility", i);
        assert_true(r->import_w >= 0 && r->import_w <= 3e6 * (1 + 1e-9));
        assert_true(r->export_w >= 0 && r->export_w <= 1e6 * (1 + 1e-9));
        assert_true(r->pv_w >= 0 && r->wind_w >= 0 && r->curtailed_w >= 0 && r->facility_w >= r->it_w &&
                    r->other_w >= 0);
        assert_true(r->charge_w == 0 || r->discharge_w == 0);
        assert_true(r->twb_c <= r->tdb_c + 1e-9 && r->slo >= 0 && r->slo <= 1 && r->busy >= 0 && r->busy <= 1 + 1e-9);
        assert_true(r->carbon_free_w <= r->facility_w * (1 + 1e-9));
        if (!isnan(stored)) { /* what the battery gained is less than what went in, more than what came out */
            double gain = r->stored_j - stored;
            assert_true(gain <= r->charge_w * 900 * (1 + 1e-9) + 1 && gain >= -r->discharge_w * 900 * 1.2 - 1e6);
        }
        stored = r->stored_j;
        in += r->charge_w * 900;
        out += r->discharge_w * 900;
    }
    assert_true(out > 0 && out < in);
    assert_true(y.sums.balance_error < 1e-9);
    free_year(&y);
}

/* Sums of the year are the sums of its rows. */
static void sums_are_of_the_rows(void **state) {
    (void)state;
    struct year y = run_year(hub);
    double facility = 0, import = 0, water = 0, peak = 0, emission = 0;
    for (uint32_t i = 0; i < y.n; i++) {
        facility += y.rows[i].facility_w * 900;
        import += y.rows[i].import_w * 900;
        water += y.rows[i].water_kg_s * 900;
        emission += y.rows[i].emission_kg_s * 900;
        peak = fmax(peak, y.rows[i].import_w);
    }
    assert_true(near(facility, y.sums.facility_j, facility) && near(import, y.sums.import_j, import));
    assert_true(near(water, y.sums.water_kg, water) && peak == y.sums.import_peak_w);
    assert_true(near(emission, y.sums.emission_kg, emission));
    double months = 0, billed = 0, demand = 0;
    for (int m = 0; m < 12; m++) months += y.sums.month_import_j[m];
    for (int p = 0; p < TARIFF_N_PERIODS; p++) billed += y.energy.bill.year.kwh[p];
    for (int m = 0; m < 12; m++) demand = fmax(demand, y.sums.month_import_w[m]);
    assert_true(near(months, import, import) &&
                near(billed * 3.6e6, import, import)); /* no agreements: all from KEPCO */
    assert_true(near(demand, peak, peak));             /* quarter hours are the steps */
    free_year(&y);
}

/* A connection far below what the machines want: deferrable work stops first, talk is touched last. */
static void cap_follows_priority(void **state) {
    (void)state;
    char text[2048];
    const char *rest = strstr(hub, ", export"), *pv = strstr(hub, "pv.capacity"); /* no generation, no battery */
    snprintf(text, sizeof text, "site: {name: hub, contract: 1.5 MW%.*s", (int)(pv - rest), rest);
    struct year y = run_year(text);
    const struct sim_service *s = y.sums.service;
    assert_true(y.sums.capped_s > 0 && y.sums.capped_j > 0);
    assert_true(y.sums.limit_s[SIM_LIMIT_CONTRACT] == y.sums.capped_s);
    assert_true(y.sums.import_peak_w <= 1.5e6 * (1 + 1e-12));
    /* The cap is used to the full: the power that is there is not left lying. */
    double least = INFINITY;
    for (uint32_t i = 0; i < y.n; i++)
        if (y.rows[i].wanted_w > 1.5e6 * 1.001) least = fmin(least, y.rows[i].import_w);
    assert_true(least > 1.5e6 * 0.98);
    struct year free_run = run_year(hub);
    const struct sim_service *f = free_run.sums.service;
    double talk = s[0].served / f[0].served, train = s[2].gpu_s / f[2].gpu_s;
    print_message("# talk %.4f, training %.4f of the free run\n", talk, train);
    assert_true(train < 0.999 && train < talk);
    free_year(&free_run);
    free_year(&y);
}

static void too_small_a_contract_is_named(void **state) {
    (void)state;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    struct sim *s = NULL;
    assert_int_equal(plan_design_parse(STR("site:\n  name: a\n  contract: 0.2 MW\n"
                                           "pools:\n  - {name: a, hardware: dgx-b200, gpus: 1600}\n"
                                           "services:\n  - {name: t, kind: chat}\n"),
                                       "test.yaml", d, &e),
                     SIL_OK);
    assert_int_equal(sim_open(d, 3600, NULL, mem_libc(), &s, &e), SIL_ARG);
    print_message("# %s\n", e.text);
    assert_non_null(strstr(e.text, "test.yaml:3: site.contract"));
    free(d);
}

/* Twice the same, and a year in the middle of the build. */
static void phases_and_repetition(void **state) {
    (void)state;
    char text[2048];
    snprintf(text, sizeof text,
             "%sbuild:\n  decision: 2026Q1\n  grid_lead: 12 months\n  phases:\n"
             "    - {name: one, start: 2029Q1, gpus: 40 %%, contract: 1.5 MW}\n    - {name: two, start: 2031Q1}\n",
             hub);
    struct year y = run_year(text);
    struct sim_sums *t = malloc(sizeof *t), *again = malloc(sizeof *again);
    struct sil_error e;
    assert_int_equal(sim_run(y.sim, 2028, NULL, t, NULL, &e), SIL_OK);
    assert_true(t->facility_j == 0 && t->tokens == 0);
    assert_int_equal(sim_run(y.sim, 2030, NULL, t, NULL, &e), SIL_OK);
    assert_true(t->import_peak_w <= 1.5e6 && t->gpu_s > 0 && t->gpu_s < 0.45 * y.sums.gpu_s);
    assert_int_equal(sim_run(y.sim, 2030, NULL, again, NULL, &e), SIL_OK);
    assert_memory_equal(t, again, sizeof *t);
    assert_int_equal(sim_run(y.sim, sim_year_shown(y.sim), NULL, again, NULL, &e), SIL_OK);
    assert_memory_equal(again, &y.sums, sizeof *again); /* leap years, and whatever ran before, leave no trace */
    free(again);
    free(t);
    free_year(&y);
}

static sil_err open_with(void *ctx, struct mem mem) {
    struct sim *s = NULL;
    sil_err rc = sim_open(ctx, 3600, NULL, mem, &s, NULL);
    if (rc == SIL_OK) sim_close(s);
    return rc;
}

static void memory_runs_out(void **state) {
    (void)state;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    assert_int_equal(plan_design_parse(str_of(hub), "test.yaml", d, &e), SIL_OK);
    assert_true(test_each_allocation(open_with, d) > 5);
    free(d);
}

static sil_err outcome_with(void *ctx, struct mem mem) {
    struct plan_outcome *o = NULL;
    struct outcome_options opt = {0};
    sil_err rc = plan_outcome_run(ctx, &opt, mem, &o, NULL);
    if (rc == SIL_OK) plan_outcome_free(o);
    return rc;
}

static void memory_of_an_outcome_runs_out(void **state) {
    (void)state;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    assert_int_equal(plan_design_parse(str_of(hub), "test.yaml", d, &e), SIL_OK);
    d->c.run.step_s = 3600;
    assert_true(test_each_allocation(outcome_with, d) > 10);
    free(d);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_balances),           cmocka_unit_test(sums_are_of_the_rows),
        cmocka_unit_test(cap_follows_priority),          cmocka_unit_test(too_small_a_contract_is_named),
        cmocka_unit_test(phases_and_repetition),         cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(memory_of_an_outcome_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
