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
    out->fan_w = (c->rejection == COOL_TOWER ? c->tower_fan : c->dry_fan) * rejected;
    out->leaving_c = water_c + 0.5 * l->rise_k;
    out->leaving_psat_pa = psychro_psat(out->leaving_c);
    out->evaporator_k = water_c - c->evaporator_k + KELVIN;
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

/* Chillers take heat_w; their condensers reject through coolers of their own at full air flow. */
static void chill(const struct cool_plant *p, const struct cool_loop *l, const struct climate_step *now,
                  double outside_c, bool wet, double heat_w, struct cool_out *out) {
    const struct cool_config *c = &p->c;
    double lift = outside_c + p->condenser_above_k + KELVIN - l->evaporator_k;
    if (lift < c->lift_min_k) lift = c->lift_min_k;
    double power = heat_w * lift / (c->carnot * l->evaporator_k);
    double condenser = heat_w + power;
    double pump = condenser * p->condenser_pump;
    condenser += pump;
    out->chilled_w += heat_w;
    out->chiller_w += power;
    out->pump_w += pump;
    out->rejected_w += condenser;
    out->outdoor_fan_w += condenser * (c->rejection == COOL_TOWER ? c->tower_fan : c->dry_fan);
    if (c->rejection == COOL_TOWER) {
        double leaving_c = outside_c + p->approach_k + 0.5 * c->condenser_rise_k;
        out->evaporation_kg_s += condenser * evaporation_kg_j(now, leaving_c, psychro_psat(leaving_c));
        out->drift_kg_s += c->drift * condenser * p->circulating;
    } else if (wet) {
        out->evaporation_kg_s += pads_kg_s(p, now, outside_c, condenser);
    }
}

static void step_loop(const struct cool_plant *p, const struct cool_loop *l, const struct climate_step *now,
                      double heat_w, struct cool_out *out) {
    const struct cool_config *c = &p->c;
    if (!(l->heat_w > 0.0)) return;
    double x = heat_w * l->inverse_heat;
    double flow = x < c->pump_flow_min ? c->pump_flow_min : x < 1.0 ? x : 1.0;
    double part = flow * (c->pump_static + (1.0 - c->pump_static) * flow * flow);
    double pump = (l->pump_w + l->rack_pump_w) * part;
    double hall = x < c->air_flow_min ? c->air_flow_min : x < 1.0 ? x : 1.0;
    double hall_fan = l->hall_fan_w * hall * hall * hall;
    double heat = heat_w + pump + hall_fan;
    out->pump_w += pump;
    out->hall_fan_w += hall_fan;

    /* What full air flow needs between returning water and air; the air's temperature is a limit too. */
    double need = heat * l->inverse_design_w_k, rise = l->rise_k * x / flow;
    double least = need > rise ? need : rise;
    bool wet;
    double outside = air_c(p, now, l->supply_c + rise - least, &wet);
    double have = l->supply_c + rise - outside;
    double air_flow = 1.0, chilled = 0.0;
    if (have >= least) {
        air_flow = need / have;
        if (!(air_flow > c->fan_flow_min)) air_flow = c->fan_flow_min;
    } else if (!c->chiller) {
        if (least - have > out->over_k) out->over_k = least - have;
    } else {
        double free = have > 0.0 ? have / least : 0.0;
        if (free <= 0.0) air_flow = 0.0;
        chilled = heat * (1.0 - free);
    }
    double free_w = heat - chilled;
    out->outdoor_fan_w += l->fan_w * air_flow * air_flow * air_flow;
    out->rejected_w += free_w;
    if (c->rejection == COOL_TOWER) {
        out->evaporation_kg_s += free_w * evaporation_kg_j(now, l->leaving_c, l->leaving_psat_pa);
        out->drift_kg_s += c->drift * free_w / (CP_WATER * l->rise_k);
    } else if (wet) {
        out->evaporation_kg_s +=
            air_flow * pads_kg_s(p, now, outside, (l->rise_k + p->approach_k) / l->inverse_design_w_k);
    }
    if (chilled > 0.0) chill(p, l, now, outside, wet, chilled, out);
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
