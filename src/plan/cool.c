#include "plan/cool.h"

#include <math.h>
#include <stddef.h>

#include "base/err.h"
#include "plan/psychro.h"

#define KELVIN    273.15
#define CP_WATER  4186.0 /* J/(kg K) */
#define RHO_WATER 995.0  /* kg/m3 at 30 degC */

/* Power of a pump that carries this heat at the design flow: dp * V / eta. */
static double pump_w(double heat_w, double rise_k, double dp_pa, double eta) {
    return dp_pa * heat_w / (RHO_WATER * CP_WATER * rise_k) / eta;
}

static double approach_k(const struct cool_config *c) {
    return c->rejection == COOL_TOWER ? c->tower_approach_k : c->dry_approach_k;
}

static double fan_share(const struct cool_config *c) {
    return c->rejection == COOL_TOWER ? c->tower_fan : c->dry_fan;
}

static sil_err init_loop(const struct cool_config *c, const struct cool_loop_config *l, bool air, double heat_w,
                         struct cool_loop *out, struct sil_error *e) {
    *out = (struct cool_loop){0};
    if (!(heat_w > 0.0)) return SIL_OK;
    if (!(l->rise_k > 0.0) || !(approach_k(c) > 0.0)) {
        return err_set(e, SIL_ARG, "cooling: the %s loop needs a rise and an approach above 0 K",
                       air ? "air" : "liquid");
    }
    double water_c = l->supply_c - l->exchange_k;
    out->supply_c = water_c;
    out->return_c = water_c + l->rise_k;
    out->rise_k = l->rise_k;
    out->hall_fan_w = air ? c->air_fan * heat_w : 0.0;
    out->rack_pump_w = air ? 0.0 : pump_w(heat_w, l->rise_k, c->pump_dp_rack_pa, c->pump_eta);
    out->pump_w = pump_w(heat_w, l->rise_k, c->pump_dp_facility_pa, c->pump_eta);
    out->heat_w = heat_w;
    out->inverse_heat = 1.0 / heat_w;
    double rejected = (heat_w + out->hall_fan_w + out->rack_pump_w + out->pump_w) * (1.0 + c->margin);
    out->inverse_design_w_k = (l->rise_k + approach_k(c)) / rejected;
    out->rejected_w = rejected;
    out->fan_w = fan_share(c) * rejected;
    out->leaving_c = water_c + 0.5 * l->rise_k;
    out->leaving_psat_pa = psychro_psat(out->leaving_c);
    out->evaporator_k = water_c - c->evaporator_k + KELVIN;
    out->inverse_carnot_k = 1.0 / (c->carnot * out->evaporator_k);
    return SIL_OK;
}

sil_err cool_init(const struct cool_config *c, double liquid_heat_w, double air_heat_w, struct cool_plant *out,
                  struct sil_error *e) {
    *out = (struct cool_plant){.c = *c};
    SIL_TRY(init_loop(c, &c->liquid, false, liquid_heat_w, &out->liquid, e));
    SIL_TRY(init_loop(c, &c->air, true, air_heat_w, &out->air, e));
    if (!(c->condenser_rise_k > 0.0) || !(c->cycles > 1.0) || !(c->pump_eta > 0.0) || !(c->carnot > 0.0)) {
        return err_set(e, SIL_ARG,
                       "cooling: condenser rise, pump efficiency and Carnot fraction must be above 0, and "
                       "cycles of concentration above 1");
    }
    out->approach_k = approach_k(c);
    out->fan = fan_share(c);
    out->condenser_above_k = out->approach_k + c->condenser_rise_k + c->condenser_k;
    out->condenser_pump = pump_w(1.0, c->condenser_rise_k, c->pump_dp_condenser_pa, c->pump_eta);
    out->circulating = 1.0 / (CP_WATER * c->condenser_rise_k);
    return SIL_OK;
}

/* What a tower evaporates per joule: from the air outside to saturated air at leaving_c. */
static double evaporation_kg_j(const struct climate_step *now, double leaving_c, double leaving_psat_pa) {
    double leaving = psychro_ratio(leaving_psat_pa, now->pressure_pa);
    double gain = psychro_enthalpy(leaving_c, leaving) - psychro_enthalpy(now->dry_bulb_c, now->ratio);
    double water = leaving - now->ratio;
    return gain > 0.0 && water > 0.0 ? water / gain : 0.0;
}

/* Temperature of the air that the coolers see, and whether the pads are wet. */
static double air_c(const struct cool_plant *p, const struct climate_step *now, double wanted_c, bool *wet) {
    *wet = false;
    if (p->c.rejection == COOL_TOWER) return now->wet_bulb_c;
    if (p->c.rejection == COOL_DRY || now->dry_bulb_c <= wanted_c) return now->dry_bulb_c;
    *wet = true;
    return now->dry_bulb_c - p->c.adiabatic_effect * (now->dry_bulb_c - now->wet_bulb_c);
}

/* Water of dry coolers whose pads cool an air flow that takes heat_w at the design's rise. */
static double pads_kg_s(const struct cool_plant *p, const struct climate_step *now, double outside_c, double heat_w) {
    double air_kg_s = heat_w / (PSYCHRO_CP_AIR * p->c.dry_air_rise_k);
    return air_kg_s * PSYCHRO_CP_AIR * (now->dry_bulb_c - outside_c) / PSYCHRO_HFG0;
}

/* Compressor power per watt taken from this loop, by the Carnot limit and the declared fraction of it. */
static double compressor(const struct cool_plant *p, const struct cool_loop *l, double outside_c) {
    double lift = outside_c + p->condenser_above_k + KELVIN - l->evaporator_k;
    if (lift < p->c.lift_min_k) lift = p->c.lift_min_k;
    return lift * l->inverse_carnot_k;
}

/* Chillers take heat_w; their condensers reject through coolers of their own at full air flow. */
static void chill(const struct cool_plant *p, const struct climate_step *now, double outside_c, bool wet, double heat_w,
                  double per_w, struct cool_out *out) {
    const struct cool_config *c = &p->c;
    double power = heat_w * per_w, pump = (heat_w + power) * p->condenser_pump;
    double condenser = heat_w + power + pump;
    out->chilled_w += heat_w;
    out->chiller_w += power;
    out->pump_w += pump;
    out->rejected_w += condenser;
    out->outdoor_fan_w += condenser * p->fan;
    if (c->rejection == COOL_TOWER) {
        double leaving_c = outside_c + p->approach_k + 0.5 * c->condenser_rise_k;
        out->evaporation_kg_s += condenser * evaporation_kg_j(now, leaving_c, psychro_psat(leaving_c));
        out->drift_kg_s += c->drift * condenser * p->circulating;
    } else if (wet) {
        out->evaporation_kg_s += pads_kg_s(p, now, outside_c, condenser);
    }
}

/* How the outdoor units of a loop run in a step. */
struct running {
    double outside_c; /* temperature of the air that they see */
    bool wet;
    double air_flow; /* of the free coolers, 0..1 */
    double free;     /* share of the heat that they take */
    double per_w;    /* compressor power per watt of the rest */
    double over_k;
};

static struct running run_outdoor(const struct cool_plant *p, const struct cool_loop *l, const struct climate_step *now,
                                  double heat_w, double rise_k) {
    const struct cool_config *c = &p->c;
    struct running r = {.air_flow = 1.0, .free = 1.0};
    /* What full air flow needs between returning water and air; the air's temperature is a limit too. */
    double need = heat_w * l->inverse_design_w_k, least = need > rise_k ? need : rise_k;
    r.outside_c = air_c(p, now, l->supply_c + rise_k - least, &r.wet);
    double have = l->supply_c + rise_k - r.outside_c;
    if (have >= least) {
        r.air_flow = need / have;
        if (!(r.air_flow > c->fan_flow_min)) r.air_flow = c->fan_flow_min;
    } else if (!c->chiller) {
        r.over_k = least - have;
    } else {
        r.free = have > 0.0 ? have / least : 0.0;
        r.per_w = compressor(p, l, r.outside_c);
        /* Free coolers stand still where their fans take more than they save the chillers. */
        double saves = r.per_w + (1.0 + r.per_w) * (p->condenser_pump + p->fan * (1.0 + p->condenser_pump));
        if (r.free * heat_w * saves <= l->fan_w) r.free = r.air_flow = 0.0;
    }
    return r;
}

static void step_loop(const struct cool_plant *p, const struct cool_loop *l, const struct climate_step *now,
                      double heat_w, struct cool_out *out) {
    const struct cool_config *c = &p->c;
    if (!(l->heat_w > 0.0)) return;
    double x = heat_w * l->inverse_heat;
    double flow = x < c->pump_flow_min ? c->pump_flow_min : x < 1.0 ? x : 1.0;
    double pump = (l->pump_w + l->rack_pump_w) * flow * (c->pump_static + (1.0 - c->pump_static) * flow * flow);
    double hall = x < c->air_flow_min ? c->air_flow_min : x < 1.0 ? x : 1.0;
    double hall_fan = l->hall_fan_w * hall * hall * hall;
    double heat = heat_w + pump + hall_fan;
    struct running r = run_outdoor(p, l, now, heat, l->rise_k * x / flow);
    double free_w = heat * r.free;
    out->pump_w += pump;
    out->hall_fan_w += hall_fan;
    out->outdoor_fan_w += l->fan_w * r.air_flow * r.air_flow * r.air_flow;
    out->rejected_w += free_w;
    if (r.over_k > out->over_k) out->over_k = r.over_k;
    if (c->rejection == COOL_TOWER) {
        out->evaporation_kg_s += free_w * evaporation_kg_j(now, l->leaving_c, l->leaving_psat_pa);
        out->drift_kg_s += c->drift * free_w / (CP_WATER * l->rise_k);
    } else if (r.wet) {
        out->evaporation_kg_s += r.air_flow * pads_kg_s(p, now, r.outside_c, l->rejected_w);
    }
    if (r.free < 1.0) chill(p, now, r.outside_c, r.wet, heat - free_w, r.per_w, out);
}

void cool_step(const struct cool_plant *p, const struct climate_step *now, double liquid_heat_w, double air_heat_w,
               struct cool_out *out) {
    *out = (struct cool_out){0};
    step_loop(p, &p->liquid, now, liquid_heat_w, out);
    step_loop(p, &p->air, now, air_heat_w, out);
    out->power_w = out->chiller_w + out->outdoor_fan_w + out->pump_w + out->hall_fan_w;
    double blowdown = out->evaporation_kg_s / (p->c.cycles - 1.0) - out->drift_kg_s;
    out->blowdown_kg_s = blowdown > 0.0 ? blowdown : 0.0;
    out->water_kg_s = out->evaporation_kg_s + out->blowdown_kg_s + out->drift_kg_s;
}
