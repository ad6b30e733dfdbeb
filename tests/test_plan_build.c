/* Phases: chains, late starts, commissioning, what operates in a month, the score of the impact assessment. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/build.h"

#define MONTH           (365.0 * 86400 / 12)
#define AT(year, month) ((year)*12 + (month)-1)

static struct build_config config(void) {
    struct build_config c;
    plan_defaults(&build_group, &c);
    c.decision = AT(2026, 1);
    c.grid_lead_s = 24 * MONTH;
    c.permit_s = 6 * MONTH;
    c.construction_s = 18 * MONTH;
    c.delivery_s = 9 * MONTH;
    c.commissioning_s = 4 * MONTH;
    return c;
}

static void add(struct build_config *c, int64_t start, double contract_w, double gpus) {
    struct build_phase *p = &c->phases[c->n_phases++];
    *p = (struct build_phase){.start = start, .contract_w = contract_w, .gpu_share = gpus};
    p->pv_share = p->wind_share = p->battery_share = NAN;
}

static void without_phases_all_comes_at_once(void **state) {
    (void)state;
    struct build_config c = config();
    struct build_plan p;
    struct build_state s;
    build_make(&c, 100e6, NULL, 0, &p);
    assert_int_equal(p.n, 1);
    assert_true(p.start[0] == AT(2028, 1) && p.late[0] == 0); /* the grid and permit with halls: 24 months each */
    build_at(&p, AT(2027, 12), &s);
    assert_true(s.phase == -1 && s.contract_w == 0 && s.gpu_share == 0 && s.built == 0);
    build_at(&p, AT(2028, 1), &s);
    assert_true(s.contract_w == 100e6 && s.built == 1 && fabs(s.gpu_share - 0.125) < 1e-12); /* half a month of four */
    build_at(&p, AT(2028, 5), &s);
    assert_true(s.gpu_share == 1 && s.pv_share == 1 && s.demand == 1);
    assert_int_equal(build_full_year(&p), 2029);
}

static void late_phases_say_why(void **state) {
    (void)state;
    struct build_config c = config();
    struct build_plan p;
    add(&c, AT(2027, 6), 40e6, 0.4);
    add(&c, AT(2030, 1), 100e6, 1);
    c.phases[1].grid_order = AT(2026, 7);
    build_make(&c, 100e6, NULL, 0, &p);
    assert_true(p.start[0] == AT(2028, 1) && p.late[0] == 7);
    assert_true(p.start[1] == AT(2030, 1) && p.late[1] == 0);
    c.grid_lead_s = 60 * MONTH;
    build_make(&c, 100e6, NULL, 0, &p);
    assert_true(p.start[0] == AT(2031, 1) && p.holds[0] == BUILD_GRID);
    assert_true(p.start[1] == AT(2031, 7) && p.late[1] == 18);
    c.grid_lead_s = 0;
    c.delivery_s = 40 * MONTH;
    build_make(&c, 100e6, NULL, 0, &p);
    assert_true(p.start[0] == AT(2029, 5) && p.holds[0] == BUILD_DELIVERY);
    for (uint32_t i = 0; i < p.n_bars; i++) assert_true(p.bar[i].end >= p.bar[i].begin && p.bar[i].begin >= c.decision);
}

static void shares_and_demand_follow_the_phases(void **state) {
    (void)state;
    static const double ramp[] = {0.5, 0.5, 1};
    struct build_config c = config();
    struct build_plan p;
    struct build_state s;
    add(&c, AT(2029, 1), 40e6, 0.4);
    add(&c, AT(2030, 1), 100e6, 1);
    c.phases[1].pv_share = 0.5;
    build_make(&c, 100e6, ramp, 3, &p);
    build_at(&p, AT(2029, 5), &s);
    assert_true(s.gpu_share == 0.4 && s.pv_share == 0.4 && s.demand == 0.5 && s.contract_w == 40e6);
    build_at(&p, AT(2029, 12), &s);
    assert_true(s.demand == 1 && s.phase == 0);
    build_at(&p, AT(2030, 5), &s); /* 0.4 sold to the full, 0.6 by half */
    assert_true(s.gpu_share == 1 && s.pv_share == 0.5 && fabs(s.demand - 0.7) < 1e-12);
    assert_true(fabs(s.years - 16.5 / 12) < 1e-12);
    assert_int_equal(build_first_month(&p), AT(2029, 1));
    assert_int_equal(build_full_year(&p), 2031);
}

static void score_adds_up(void **state) {
    (void)state;
    struct build_config c = config();
    double points[BUILD_SCORES], most = 0, sum = 0;
    for (int i = 0; i < BUILD_SCORES; i++) {
        c.score[i] = build_scores[i].max;
        most += build_scores[i].max;
    }
    assert_true(most == 100);
    assert_true(build_score(&c, 0, 3, points) == 100);
    c.dispersion = -15;
    assert_true(build_score(&c, 0, 3, points) == 85);
    c.score[BUILD_SCORE_SELF] = c.score[BUILD_SCORE_EFFICIENCY] = NAN; /* from the run */
    assert_true(build_score(&c, 0.1, 1.3, points) == 100 - 15 - 5 - 2.5);
    for (int i = 0; i < BUILD_SCORES; i++) sum += points[i];
    assert_true(sum == 92.5);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_phases_all_comes_at_once),
        cmocka_unit_test(late_phases_say_why),
        cmocka_unit_test(shares_and_demand_follow_the_phases),
        cmocka_unit_test(score_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
