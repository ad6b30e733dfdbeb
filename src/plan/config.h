/* config: the configurations of all modules in one struct, and the two small groups that belong to no model. */
#ifndef SIL_PLAN_CONFIG_H
#define SIL_PLAN_CONFIG_H

#include "plan/battery.h"
#include "plan/build.h"
#include "plan/cool.h"
#include "plan/elec.h"
#include "plan/finance.h"
#include "plan/fleet.h"
#include "plan/market.h"
#include "plan/pv.h"
#include "plan/rule.h"
#include "plan/tariff.h"
#include "plan/var.h"
#include "plan/weather.h"
#include "plan/wind.h"

/* How the simulation runs. */
struct run_config {
    double step_s;    /* of the year that is shown */
    double outline_s; /* of the other years of the horizon */
    int64_t year;     /* calendar year that is shown; 0: the first full year after the last phase */
};

/* The site and its connection. */
struct site_config {
    char name[PLAN_TEXT_MAX];
    char place[PLAN_TEXT_MAX];
    double contract_w;  /* contract power: import never passes it */
    double export_w;    /* most that may be fed in */
    double other_share; /* of the design IT power: lighting, offices, security, always on at full build */
    double design_pue;  /* facility power over IT power in the design hour; NAN: from the models */
};

extern const struct plan_group run_group, site_group;

struct plan_configs {
    struct run_config run;
    struct site_config site;
    struct build_config build;
    struct weather_config weather;
    struct fleet_config fleet;
    struct elec_config electrical;
    struct cool_config cooling;
    struct pv_config pv;
    struct wind_config wind;
    struct battery_config battery;
    struct rule_config rule;
    struct tariff_config tariff;
    struct market_config market;
    struct finance_config finance;
};

#endif
