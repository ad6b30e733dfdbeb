/* battery: stored energy with losses, limits and ageing. Powers are at the AC side, W; energies in J.
 *
 * Each step is one of battery_charge, battery_discharge or neither, then battery_pass; at the end of each day
 * battery_day. Conservation: charged_j - discharged_j - lost_j = stored_j - stored_start_j (tests hold it to rounding).
 */
#ifndef SIL_PLAN_BATTERY_H
#define SIL_PLAN_BATTERY_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/var.h"
#include "sillok.h"

struct battery_config {
    double power_w, energy_j; /* rated AC power both ways; energy when new. 0: no battery */
    double eta_charge, eta_discharge;
    double soc_min, soc_max, soc_start; /* of the present capacity */
    double self_discharge;              /* of the stored energy, 1/s */
    bool ageing;
    double soh_start;                                    /* capacity of when new */
    double calendar_fade, calendar_exponent, cycle_fade; /* see battery_day */
    double soh_end;                                      /* replaced below it (finance) */
};

extern const struct plan_group battery_group;

struct battery {
    const struct battery_config *c;
    double stored_j, capacity_j;
    double stored_start_j;
    double green_j;                          /* part of stored_j that came from carbon-free supply */
    double charged_j, discharged_j, lost_j;  /* sums since battery_begin, AC side */
    double day_j_s, day_s, day_discharged_j; /* today's integral of stored energy, time, and energy out of the cells */
    double all_j_s, all_s, all_discharged_j; /* the same of all days that ended */
    uint32_t days;                           /* of age */
    double soh;
};

/* A battery at the beginning of its life (or of the run). c must outlive b. */
void battery_begin(struct battery *b, const struct battery_config *c);

/* The most AC power that it could take or give over a whole step. */
double battery_charge_max_w(const struct battery *b, double dt_s);
double battery_discharge_max_w(const struct battery *b, double dt_s);

/* At most battery_charge_max_w; green: carbon-free share of that power, 0..1. */
void battery_charge(struct battery *b, double w, double green, double dt_s);
/* At most battery_discharge_max_w. Returns the carbon-free part of it, W. */
double battery_discharge(struct battery *b, double w, double dt_s);
/* Ends the step: self-discharge, and what ageing needs to know. */
void battery_pass(struct battery *b, double dt_s);

/* Ends a day: capacity fades as in REopt.jl (degradation of electric storage, daily, capacities in kWh):
 * dSOH = -(calendar_fade * exponent * Emean * d^(exponent - 1) + cycle_fade * Edischarged) / Enew, d = age in days. */
void battery_day(struct battery *b);

/* Years until soh_end at the mean charge and use of the days that ended; 40 when it is not reached before. */
double battery_life_years(const struct battery *b);

/* Share of the new capacity after some days at a mean state of charge (of the new capacity), with so many full cycles
 * a day. */
double battery_soh_after(const struct battery_config *c, uint32_t days, double mean_soc, double cycles_per_day);

#endif
