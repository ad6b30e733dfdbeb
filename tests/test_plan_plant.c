/* Losses and cooling: hand-made numbers, limits without loss, conservation of heat and power, monotony. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/cool.h"
#include "plan/elec.h"
#include "plan/facility.h"
#include "plan/psychro.h"
#include "plan/raps.h"
#include "plan/var.h"
#include "support.h"

#define NEAR(got, want, tolerance)                                                                                     \
    do {                                                                                                               \
        double near_got = (got), near_want = (want);                                                                   \
        if (!(fabs(near_got - near_want) <= (tolerance))) {                                                            \
            fail_msg("%s = %.12g, not %.12g +- %g", #got, near_got, near_want, (double)(tolerance));                   \
        }                                                                                                              \
    } while (0)

static struct climate_step air_of(double dry_c, double rh) {
    struct climate_step s = {.dry_bulb_c = dry_c, .pressure_pa = 101325};
    s.ratio = psychro_ratio_rh(dry_c, rh, s.pressure_pa);
    s.wet_bulb_c = psychro_wet_bulb(dry_c, s.ratio, s.pressure_pa, dry_c);
    return s;
}

static void stage_by_hand(void **state) {
    (void)state;
    struct elec_stage s;
    struct elec_stage_config c = {.unit_w = 1e6, .a = 0.01, .b = 0.02, .c = 0.03, .load_max = 0.8};
    /* 2 MW at 80 % need 2.5, that is 3 units; x = 2/3. */
    elec_stage_init(&c, 2e6, &s);
    NEAR(s.units, 3, 0);
    NEAR(elec_loss_w(&s, 2e6), 3e6 * (0.01 + 0.02 * 2 / 3 + 0.03 * 4 / 9), 1e-6);
    c.redundancy = ELEC_N1;
    elec_stage_init(&c, 2e6, &s);
    NEAR(elec_loss_w(&s, 2e6), 4e6 * (0.01 + 0.02 / 2 + 0.03 / 4), 1e-6);
    c.redundancy = ELEC_2N;
    elec_stage_init(&c, 2e6, &s);
    NEAR(s.units, 6, 0);
    NEAR(elec_loss_w(&s, 2e6), 6e6 * (0.01 + 0.02 / 3 + 0.03 / 9), 1e-6);
    /* No load still magnetises every unit. */
    NEAR(elec_in_w(&s, 0.0), 6e4, 1e-9);
    c.unit_w = 0;
    elec_stage_init(&c, 2e6, &s);
    assert_true(elec_in_w(&s, 12345.0) == 12345.0 && elec_out_w(&s, 12345.0) == 12345.0);
}

static void stage_inverse(void **state) {
    (void)state;
    struct rng r = {.seed = 3};
    for (int i = 0; i < 1000; i++) {
        struct elec_stage_config c = {.unit_w = 1e5 + 1e6 * rng_f32(&r),
                                      .a = 0.01 * rng_f32(&r),
                                      .b = 0.05 * rng_f32(&r),
                                      .c = i % 3 ? 0.05 * rng_f32(&r) : 0.0,
                                      .load_max = 0.5 + 0.5 * rng_f32(&r),
                                      .redundancy = i % 3};
        struct elec_stage s;
        double p = 1e4 + 1e8 * rng_f32(&r);
        elec_stage_init(&c, p, &s);
        assert_true(s.rating_w * c.load_max >= p);
        double out = p * rng_f32(&r);
        NEAR(elec_out_w(&s, elec_in_w(&s, out)), out, 1e-7 + 1e-9 * p);
        assert_true(elec_in_w(&s, out) >= out && elec_out_w(&s, 0.0) == 0.0);
    }
}

/* RAPS' rectifier is a stage: (P + 17) / 0.96 for one group. */
static void rectifier_of_frontier(void **state) {
    (void)state;
    struct elec_stage s;
    double p = 4 * (2704.26 + 13) / 0.98 + 250;
    struct elec_stage_config c = {.unit_w = p, .a = 17 / 0.96 / p, .b = 1 / 0.96 - 1, .load_max = 1};
    elec_stage_init(&c, p, &s);
    NEAR(74 * 32 * elec_in_w(&s, p) + 25 * 8473.47, raps_system_w(&raps_frontier, 2704.26), 1e-3);
    NEAR(raps_node_w(&raps_frontier_idle), 626.26, 1e-9);
    NEAR(raps_node_w(&raps_frontier_peak), 2704.26, 1e-9);
}

static struct cool_config plant_config(void) {
    struct cool_config c;
    plan_defaults(&cool_group, &c);
    return c;
}

/* Everything that goes in comes out, in any weather, with any kind of outdoor unit. */
static void heat_is_conserved(void **state) {
    (void)state;
    struct rng r = {.seed = 17};
    for (int i = 0; i < 3000; i++) {
        struct cool_config c = plant_config();
        c.rejection = i % 3;
        c.chiller = i % 5 != 0;
        c.liquid.supply_c = 18 + 30 * rng_f32(&r);
        struct cool_plant p;
        struct cool_out o;
        assert_int_equal(cool_init(&c, 80e6, 20e6, &p, NULL), SIL_OK);
        struct climate_step now = air_of(-15 + 55 * rng_f32(&r), 0.1 + 0.9 * rng_f32(&r));
        double liquid = 90e6 * rng_f32(&r), heat = 22e6 * rng_f32(&r);
        cool_step(&p, &now, liquid, heat, &o);
        /* Outdoor fans warm the air outside only. */
        NEAR(o.rejected_w, liquid + heat + o.power_w - o.outdoor_fan_w, 1e-9 * 1e8);
        NEAR(o.power_w, o.chiller_w + o.outdoor_fan_w + o.pump_w + o.hall_fan_w, 1e-6);
        NEAR(o.water_kg_s, o.evaporation_kg_s + o.blowdown_kg_s + o.drift_kg_s, 1e-9);
        assert_true(o.chilled_w >= 0 && o.chilled_w <= o.rejected_w && o.over_k >= 0 && o.evaporation_kg_s >= 0);
        if (!c.chiller) assert_true(o.chiller_w == 0);
        if (c.chiller) assert_true(o.over_k == 0);
        if (c.rejection == COOL_DRY) assert_true(o.water_kg_s == 0);
        /* Where the tower does not also cool the air, no more evaporates than the heat can, at some 2.4 MJ/kg. */
        if (c.rejection == COOL_TOWER && now.dry_bulb_c < fmin(p.air.leaving_c, now.wet_bulb_c + 6.0))
            assert_true(o.evaporation_kg_s * 2.4e6 < o.rejected_w);
    }
}

/* One loop at its design in free cooling, by hand. */
static void free_cooling_by_hand(void **state) {
    (void)state;
    struct cool_config c = plant_config();
    c.rejection = COOL_DRY;
    c.margin = 0;
    c.pump_dp_rack_pa = c.pump_dp_condenser_pa = 0;
    c.liquid = (struct cool_loop_config){.supply_c = 40, .rise_k = 10, .exchange_k = 5};
    c.dry_approach_k = 10;
    c.dry_fan = 0.02;
    c.fan_flow_min = 0;
    struct cool_plant p;
    struct cool_out o;
    assert_int_equal(cool_init(&c, 1e6, 0, &p, NULL), SIL_OK);
    double pump = c.pump_dp_facility_pa * (1e6 / (995.0 * 4186.0 * 10)) / c.pump_eta, heat = 1e6 + pump;
    /* Water 35 to 45 degC; at 25 degC the approach of 10 K is just met: full air flow, no chiller. */
    struct climate_step now = air_of(25 - 1e-9, 0.5);
    cool_step(&p, &now, 1e6, 0, &o);
    NEAR(o.pump_w, pump, 1e-6);
    NEAR(o.outdoor_fan_w, 0.02 * heat, 1e-3);
    assert_true(o.chiller_w == 0);
    /* At 5 degC the difference is 40 K instead of 20: half the air, an eighth of the fan power. */
    now = air_of(5, 0.5);
    cool_step(&p, &now, 1e6, 0, &o);
    NEAR(o.outdoor_fan_w, 0.02 * heat / 8, 1e-6);
    /* At 35 degC 10 of the 20 K remain: half the heat is left to chillers between Te = 35 - 1.5 and
     * Tc = 35 + 10 + condenser rise and approach. */
    now = air_of(35, 0.5);
    cool_step(&p, &now, 1e6, 0, &o);
    double te = 35 - c.evaporator_k + 273.15, tc = 35 + 10 + c.condenser_rise_k + c.condenser_k + 273.15;
    NEAR(o.chilled_w, heat / 2, 1e-3);
    NEAR(o.chiller_w, heat / 2 * (tc - te) / (c.carnot * te), 1e-3);
    /* At 46 degC the returning water is colder than the air: all by chillers, the free coolers stand still. */
    now = air_of(46, 0.2);
    cool_step(&p, &now, 1e6, 0, &o);
    NEAR(o.chilled_w, heat, 1e-3);
    NEAR(o.outdoor_fan_w, 0.02 * (heat + o.chiller_w), 1e-3);
    /* Without chillers the supply warms by what is missing. */
    c.chiller = false;
    assert_int_equal(cool_init(&c, 1e6, 0, &p, NULL), SIL_OK);
    now = air_of(35, 0.5);
    cool_step(&p, &now, 1e6, 0, &o);
    NEAR(o.over_k, 10, 1e-9);
}

/* A tower's water against balances of air and energy made here. */
static void tower_water_by_hand(void **state) {
    (void)state;
    struct cool_config c = plant_config();
    c.rejection = COOL_TOWER;
    c.liquid = (struct cool_loop_config){.supply_c = 40, .rise_k = 10, .exchange_k = 4};
    struct cool_plant p;
    struct cool_out o;
    assert_int_equal(cool_init(&c, 1e6, 0, &p, NULL), SIL_OK);
    struct climate_step now = air_of(20, 0.6);
    cool_step(&p, &now, 1e6, 0, &o);
    assert_true(o.chilled_w == 0);
    /* Leaving air is saturated at the mean water temperature of 41 degC: how much air takes the heat, and its water. */
    double leaving = psychro_ratio_saturated(41, 101325);
    double air_kg_s = o.rejected_w / (psychro_enthalpy(41, leaving) - psychro_enthalpy(20, now.ratio));
    NEAR(o.evaporation_kg_s, air_kg_s * (leaving - now.ratio), 1e-9);
    NEAR(o.drift_kg_s, c.drift * o.rejected_w / (4186.0 * 10), 1e-12);
    NEAR(o.blowdown_kg_s, o.evaporation_kg_s / (c.cycles - 1) - o.drift_kg_s, 1e-12);
    /* Concentration: what dissolves in the make-up leaves with blow-down and drift. */
    NEAR(o.water_kg_s / (o.blowdown_kg_s + o.drift_kg_s), c.cycles, 1e-9);
    /* In saturated cold air a smaller part of the heat goes into vapour. */
    struct cool_out cold;
    now = air_of(-5, 1.0);
    cool_step(&p, &now, 1e6, 0, &cold);
    assert_true(cold.evaporation_kg_s < o.evaporation_kg_s && cold.evaporation_kg_s > 0.3 * o.evaporation_kg_s);
}

static void adiabatic_pads(void **state) {
    (void)state;
    struct cool_config c = plant_config();
    c.rejection = COOL_ADIABATIC;
    c.liquid = (struct cool_loop_config){.supply_c = 36, .rise_k = 10, .exchange_k = 4};
    struct cool_plant wet, dry;
    struct cool_out a, b;
    assert_int_equal(cool_init(&c, 1e6, 0, &wet, NULL), SIL_OK);
    c.rejection = COOL_DRY;
    assert_int_equal(cool_init(&c, 1e6, 0, &dry, NULL), SIL_OK);
    struct climate_step now = air_of(15, 0.5);
    cool_step(&wet, &now, 1e6, 0, &a);
    cool_step(&dry, &now, 1e6, 0, &b);
    assert_memory_equal(&a, &b, sizeof a); /* cool enough: the pads stay dry */
    now = air_of(34, 0.4);
    cool_step(&wet, &now, 1e6, 0, &a);
    cool_step(&dry, &now, 1e6, 0, &b);
    assert_true(a.evaporation_kg_s > 0 && a.power_w < b.power_w && b.water_kg_s == 0);
    now = air_of(34, 1.0); /* saturated air cannot be cooled by water */
    cool_step(&wet, &now, 1e6, 0, &a);
    cool_step(&dry, &now, 1e6, 0, &b);
    NEAR(a.power_w, b.power_w, 1e-6);
    NEAR(a.evaporation_kg_s, 0, 1e-9);
}

/* More heat, warmer air: never less power in total. */
static void monotony(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct cool_config c = plant_config();
        c.rejection = kind;
        struct cool_plant p;
        struct cool_out o;
        assert_int_equal(cool_init(&c, 85e6, 18e6, &p, NULL), SIL_OK);
        double last = 0;
        for (double t = -10; t <= 42; t += 0.05) {
            struct climate_step now = air_of(t, 0.6);
            cool_step(&p, &now, 60e6, 12e6, &o);
            if (kind != COOL_ADIABATIC) assert_true(o.power_w >= last * (1 - 1e-12));
            last = o.power_w;
        }
        if (kind == COOL_ADIABATIC) continue; /* wetting the pads saves power */
        struct climate_step now = air_of(31, 0.6);
        last = 0;
        for (double x = 0; x <= 1.2; x += 0.002) {
            cool_step(&p, &now, 85e6 * x, 18e6 * x, &o);
            assert_true(o.power_w >= last * (1 - 1e-12));
            last = o.power_w;
        }
    }
}

static void bad_plants(void **state) {
    (void)state;
    struct sil_error e;
    struct cool_plant p;
    struct cool_config c = plant_config();
    c.cycles = 1;
    assert_int_equal(cool_init(&c, 1e6, 1e6, &p, &e), SIL_ARG);
    c = plant_config();
    c.air.rise_k = 0;
    assert_int_equal(cool_init(&c, 1e6, 1e6, &p, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "air loop"));
}

static void configs(struct elec_config *e, struct cool_config *c) {
    plan_defaults(&elec_group, e);
    plan_defaults(&cool_group, c);
}

/* Without losses, fans and pumps, in the cold, the site takes what the computers take. */
static void lossless_limit(void **state) {
    (void)state;
    struct elec_config e = {0};
    struct cool_config c = plant_config();
    c.dry_fan = c.tower_fan = c.air_fan = 0;
    c.pump_dp_rack_pa = c.pump_dp_facility_pa = c.pump_dp_condenser_pa = 0;
    struct facility f;
    struct facility_out o;
    struct climate_step now = air_of(-5, 0.5);
    assert_int_equal(facility_init(&e, &c, 1e8, 0, &now, &f, NULL), SIL_OK);
    facility_step(&f, &now, 7e7, &o);
    assert_true(o.pue == 1.0 && o.total_w == 7e7 && o.loss_w == 0 && o.cool.power_w == 0);
    NEAR(facility_it_limit(&f, &now, 5e7), 5e7, 0.1);
}

static void facility_balance(void **state) {
    (void)state;
    struct elec_config e;
    struct cool_config c;
    configs(&e, &c);
    struct rng r = {.seed = 23};
    struct climate_step design = air_of(33, 0.55);
    for (int i = 0; i < 300; i++) {
        c.rejection = i % 3;
        c.loss_liquid = i % 2 ? 0.0 : 0.7;
        struct facility f;
        struct facility_out o;
        double it = 5e5 + 3e8 * rng_f32(&r);
        assert_int_equal(facility_init(&e, &c, it, 0.01, &design, &f, NULL), SIL_OK);
        struct climate_step now = air_of(-10 + 48 * rng_f32(&r), 0.2 + 0.8 * rng_f32(&r));
        double load = it * rng_f32(&r);
        facility_step(&f, &now, load, &o);
        NEAR(o.total_w, load + o.loss_w + o.cool.power_w + o.other_w, 1e-9 * it);
        NEAR(o.loss_w, o.transformer_loss_w + o.ups_loss_w + o.pdu_loss_w + o.rectifier_loss_w, 1e-9 * it);
        assert_true(o.pue > 1.0 && f.design_pue > 1.0 && f.design_pue < 2.0);
        /* All that the halls take becomes heat outside: IT, and losses behind the transformers. */
        NEAR(o.cool.rejected_w + o.cool.outdoor_fan_w,
             load + o.ups_loss_w + o.pdu_loss_w + o.rectifier_loss_w + o.cool.power_w, 1e-9 * it);
        /* The limit undoes the step, from below. */
        double back = facility_it_limit(&f, &now, o.total_w);
        struct facility_out again;
        facility_step(&f, &now, back, &again);
        assert_true(again.total_w <= o.total_w * (1 + 1e-15));
        if (c.rejection != COOL_ADIABATIC) NEAR(back, load, 1e-8 * it);
        facility_step(&f, &now, 0, &again);
        assert_true(facility_it_limit(&f, &now, 0.5 * again.total_w) == 0.0 && isnan(again.pue));
    }
}

/* A facility made for a contract takes it in the design hour, but for a unit more or less. */
static void contracts(void **state) {
    (void)state;
    struct elec_config e;
    struct cool_config c;
    configs(&e, &c);
    struct climate_step design = air_of(33, 0.55);
    static const double sizes[] = {1e6, 10e6, 103e6, 250e6, 2e9};
    for (size_t i = 0; i < 5; i++) {
        struct facility f;
        struct facility_out o;
        e.transformer.unit_w = sizes[i] < 50e6 ? 2.5e6 : 40e6;
        assert_int_equal(facility_size(&e, &c, sizes[i], 0.005, &design, &f, NULL), SIL_OK);
        facility_step(&f, &design, f.design_it_w, &o);
        assert_true(o.total_w <= sizes[i] && o.total_w > 0.97 * sizes[i]);
        NEAR(o.total_w, f.design_total_w, 1e-6);
        NEAR(o.pue, f.design_pue, 1e-12);
    }
    struct facility f;
    struct sil_error err = {0};
    assert_int_equal(facility_size(&e, &c, 1000, 0.005, &design, &f, &err), SIL_ARG);
    assert_non_null(strstr(err.text, "too little"));
    assert_int_equal(facility_size(&e, &c, 0, 0.005, &design, &f, &err), SIL_ARG);
}

static void design_hours(void **state) {
    (void)state;
    struct weather *w = calloc(1, sizeof *w);
    struct weather_config wc;
    struct weather_summary s;
    plan_defaults(&weather_group, &wc);
    weather_synthetic(&wc, w);
    weather_summarise(w, &s);
    struct cool_config c = plant_config();
    struct climate_step d;
    c.rejection = COOL_TOWER;
    facility_design_hour(&c, w, &d);
    NEAR(d.wet_bulb_c, s.wet_design_c, 1e-6);
    c.rejection = COOL_DRY;
    facility_design_hour(&c, w, &d);
    NEAR(d.dry_bulb_c, s.design_c, 0);
    int hotter = 0;
    for (int i = 0; i < WEATHER_HOURS; i++) hotter += w->hour[i].dry_bulb_c > d.dry_bulb_c;
    assert_int_equal(hotter, 35);
    free(w);
}

/* The four groups declare what their structs need: every default is inside its range and the whole passes its check. */
static void declarations(void **state) {
    (void)state;
    struct elec_config e;
    struct cool_config c;
    configs(&e, &c);
    assert_true(e.transformer.unit_w == 40e6 && e.transformer.a == 0.002 && e.ups.redundancy == ELEC_N1 &&
                e.pdu.redundancy == ELEC_2N && e.rectifier.unit_w == 0);
    assert_true(c.rejection == COOL_TOWER && c.chiller && c.liquid_share == 0.85 && c.pump_dp_facility_pa == 250e3);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stage_by_hand),
        cmocka_unit_test(stage_inverse),
        cmocka_unit_test(rectifier_of_frontier),
        cmocka_unit_test(heat_is_conserved),
        cmocka_unit_test(free_cooling_by_hand),
        cmocka_unit_test(tower_water_by_hand),
        cmocka_unit_test(adiabatic_pads),
        cmocka_unit_test(monotony),
        cmocka_unit_test(bad_plants),
        cmocka_unit_test(lossless_limit),
        cmocka_unit_test(facility_balance),
        cmocka_unit_test(contracts),
        cmocka_unit_test(design_hours),
        cmocka_unit_test(declarations),
    };
    return cmocka_run_group_tests_name("plan_plant", tests, NULL, NULL);
}
