/* sim_impl: what sim_open prepares and sim_run walks over. */
#ifndef SIL_PLAN_SIM_IMPL_H
#define SIL_PLAN_SIM_IMPL_H

#include "plan/sim.h"

struct sim {
    const struct plan_design *design;
    struct mem mem;
    const struct sim *like;       /* owner of weather, sun, climate and fleet where they are the same pointers */
    const struct plan_stop *stop; /* NULL: never */
    double step_s;
    uint32_t per_hour, n;                 /* n: steps of 365 days */
    struct weather_config weather_config; /* with the file's path resolved */
    struct weather *weather;
    struct sun_year sun;
    struct build_plan build;
    struct facility facility;
    struct fleet *fleet;
    double fleet_contract_w, fleet_pue; /* that it was built for */
    struct battery_config battery;      /* of the year in progress */
    struct energy *energy;
    struct climate climate;
    bool climate_ready, shapes_ready; /* filled: they are the same in every year */
    double shape_mean[3];             /* of pv, wind, wind */
    double *pv, *wind;                /* W per W of capacity in each step */
};

#endif
