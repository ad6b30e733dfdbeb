/* energy: the supply side of a simulated year in one place: calendar, tariff, agreements, battery and rule dispatcher.
 *
 *     energy_begin(...);
 *     for each step: energy_supply(&en, ...)  -> what the dispatcher sees
 *                    available_w, the cap, the load ...
 *                    d.step(d.state, &supply, load_w, &flow)
 *                    energy_settle(&en, ...)  -> meters
 *     energy_close(&en, &bill_and_market);
 *
 * Threads: one struct energy per simulation. Nothing allocates (the struct is about 200 kB: keep it off the stack). */
#ifndef SIL_PLAN_ENERGY_H
#define SIL_PLAN_ENERGY_H

#include "plan/battery.h"
#include "plan/calendar.h"
#include "plan/dispatch.h"
#include "plan/market.h"
#include "plan/rule.h"
#include "plan/tariff.h"

struct energy_configs {
    const struct tariff_config *tariff;
    const struct market_config *market;
    const struct battery_config *battery;
    const struct rule_config *rule;
};

struct energy {
    struct energy_configs c;
    double contract_w;
    struct tariff_config tariff; /* class general below 300 kW: general_small */
    struct calendar calendar;
    struct tariff_year year;
    struct tariff_meter meter;
    struct market market;
    struct rule rule; /* with the battery */
    double billing_w; /* demand that already counts this month */
    int billing_month;
};

/* A year of the calendar, without 29 February; mean: as market_begin. The configurations must outlive en. */
sil_err energy_begin(struct energy *en, struct energy_configs c, int year, double contract_w, const double mean[3],
                     struct sil_error *e);

/* The dispatcher that belongs to en (state inside en). */
struct plan_dispatcher energy_dispatcher(struct energy *en);

/* Fills what depends on time, tariff and agreements. step, dt_s: from the beginning of the year. unit: outputs of PV,
 * onshore and offshore wind per nameplate, for agreements. pv_w, wind_w: on site. import_max_w: contract or the present
 * connection; export_max_w: most that may be fed in. */
void energy_supply(struct energy *en, uint32_t step, double dt_s, const double unit[3], double pv_w, double wind_w,
                   double import_max_w, double export_max_w, struct plan_supply *out);

struct energy_settled {
    double ppa_w;         /* delivered and taken, inside import */
    double carbon_free_w; /* part of the load, without the grid's share */
    double emission_kg_s; /* of import, location based, less what agreements delivered */
};

/* After the flow is closed. */
struct energy_settled energy_settle(struct energy *en, const struct plan_supply *s, const struct plan_flow *f,
                                    double load_w);

struct energy_result {
    struct tariff_bill bill;
    struct market_result market;
    double class_krw[TARIFF_CUSTOM]; /* the same year billed by class, cheapest option each; NAN where not offered */
    double battery_in_kwh, battery_out_kwh, battery_lost_kwh, battery_soh; /* soh: at the end of the year */
    double battery_life_years; /* until its end of life, used as in this year; 0 without a battery */
    double cost_krw; /* of energy in a year, before VAT: bill, agreements, certificates, carbon, less export */
};

sil_err energy_close(const struct energy *en, struct energy_result *out, struct sil_error *e);

#endif
