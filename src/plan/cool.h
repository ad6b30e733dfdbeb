/* cool: heat from the IT equipment to the air outside. Two water loops, one for heat taken by liquid at the chip, one
 * for heat taken by air (with the losses inside the halls), each with its own coolers outside: dry, dry with adiabatic
 * pre-cooling, or towers; chillers take what these leave.
 *
 * Heat rejected by the outdoor units at full fan speed is proportional to the difference between the water that returns
 * and the air (dry bulb; wet bulb for towers): Q = Qd * (Treturn - Tair) / (rise + approach). Below full speed the air
 * flow follows the heat and fan power its cube. What exceeds is left to chillers of COP = carnot * Te / (Tc - Te), and
 * all where the free coolers' fans would take more than they save. Water: evaporation from the enthalpy and humidity of
 * saturated air leaving the tower, blow-down = evaporation / (cycles - 1) - drift (not below 0), drift as a share of
 * the circulating flow. Pumps: dp * V / eta, with flow following load down to a minimum. */
#ifndef SIL_PLAN_COOL_H
#define SIL_PLAN_COOL_H

#include <stdbool.h>

#include "plan/climate.h"
#include "plan/var.h"
#include "sillok.h"

enum cool_rejection { COOL_DRY, COOL_ADIABATIC, COOL_TOWER };

struct cool_loop_config {
    double supply_c;   /* of what cools the equipment: coolant at the rack, air at the server's inlet */
    double rise_k;     /* of the water in the facility's loop */
    double exchange_k; /* supply of the equipment less supply of the facility's water (CDU; coil) */
};

/* Group "cooling". */
struct cool_config {
    double liquid_share; /* of the IT heat */
    double loss_liquid;  /* of the losses in the halls: converters inside liquid-cooled racks */
    struct cool_loop_config liquid, air;
    int rejection;
    bool chiller;
    double carnot, evaporator_k, condenser_k, condenser_rise_k, lift_min_k;
    double dry_approach_k, dry_fan, dry_air_rise_k; /* fan: W per W of heat at full speed */
    double adiabatic_effect;                        /* of the pads: (Tdb - Tin) / (Tdb - Twb) */
    double tower_approach_k, tower_fan, cycles, drift;
    double fan_flow_min;
    double air_fan, air_flow_min; /* hall air handlers: W per W of heat at design flow */
    double pump_dp_rack_pa, pump_dp_facility_pa, pump_dp_condenser_pa, pump_eta, pump_flow_min, pump_static;
    double margin; /* outdoor units built larger than the design heat by this share */
};
extern const struct plan_group cool_group;

/* One loop, prepared. */
struct cool_loop {
    double heat_w;                     /* design heat, 0: the loop does not exist */
    double supply_c, return_c;         /* facility water */
    double inverse_design_w_k;         /* (rise + approach) / (heat * (1 + margin)): K per W at full speed */
    double rise_k, inverse_heat;       /* 1 / heat_w */
    double fan_w, rejected_w;          /* outdoor fans at full speed, and the heat that they are for */
    double pump_w, rack_pump_w;        /* design */
    double hall_fan_w;                 /* design; 0 for liquid */
    double leaving_c, leaving_psat_pa; /* air leaving a tower in free cooling */
    double evaporator_k;               /* evaporating temperature, kelvin */
    double inverse_carnot_k;           /* 1 / (carnot * evaporator_k) */
};

struct cool_plant {
    struct cool_config c;
    struct cool_loop liquid, air;
    double approach_k, fan;             /* outdoor units: K; W per W at full speed */
    double condenser_above_k;           /* condensing temperature above the air's temperature */
    double condenser_pump, circulating; /* W and kg/s per W rejected through condensers */
};

struct cool_out {
    double power_w; /* all of the below */
    double chiller_w, outdoor_fan_w, pump_w, hall_fan_w;
    double rejected_w; /* to the outside: heat in + chillers + pumps + hall fans */
    double chilled_w;  /* heat taken by chillers */
    double evaporation_kg_s, blowdown_kg_s, drift_kg_s, water_kg_s; /* water_kg_s: the sum, taken in */
    double over_k; /* how much the supply is warmer than asked, without chillers; else 0 */
};

/* Sizes the plant for these heats. SIL_ARG for loops that cannot work (return below supply ...). */
sil_err cool_init(const struct cool_config *c, double liquid_heat_w, double air_heat_w, struct cool_plant *out,
                  struct sil_error *e);

/* One step. Pure; needs no history. Heats may exceed the design (fans at their limit, more by chillers). */
void cool_step(const struct cool_plant *p, const struct climate_step *now, double liquid_heat_w, double air_heat_w,
               struct cool_out *out);

#endif
