/* sim: one year of one design, step by step:
 *
 *     weather -> demand -> GPUs -> IT power -> losses and cooling -> what the dispatcher can carry -> cap by priority
 *             -> dispatch -> import as the residual -> meters, carbon, water
 *
 * sim_open does everything that does not change from year to year (weather file, sun, tables of the fleet, sizes of
 * the plant) and all allocating; sim_run then makes the year's weather series and walks its steps, and allocates
 * nothing. A run is a pure function of the design, the data and the year.
 *
 * A year has 365 days; of a leap year 29 February is left out. Outside 2020 to 2040, which the calendar knows, holidays
 * are those of the nearest year. Threads: one struct sim per thread; sims may share what another has prepared (`like`),
 * which then only reads. */
#ifndef SIL_PLAN_SIM_H
#define SIL_PLAN_SIM_H

#include <stdint.h>

#include "base/mem.h"
#include "plan/build.h"
#include "plan/climate.h"
#include "plan/design.h"
#include "plan/energy.h"
#include "plan/facility.h"
#include "plan/fleet.h"
#include "plan/series.h"
#include "plan/stop.h"
#include "sillok.h"

/* Sums of a year of one service. */
struct sim_service {
    double offered, served, refused; /* requests (training: GPU-seconds) */
    double in_tokens, out_tokens;
    double slo;           /* share of the offered requests within the service level */
    double gpu_s, busy_s; /* GPU-seconds held, and computing */
    double energy_j;
    double ttft_p50, ttft_p99, tpot_p50, tpot_p99; /* s, weighted by served requests */
    double backlog_max;
    double revenue_usd;
};

/* What may stand in the way, in hours of the year. */
enum sim_limit {
    SIM_LIMIT_CONTRACT, /* power was capped: the connection could not carry more */
    SIM_LIMIT_GPUS,     /* every GPU in service was taken: requests waited or were refused */
    SIM_LIMIT_SLO,      /* less than the service level's share of the requests was in time */
    SIM_LIMIT_CHILLER,  /* free cooling was not enough */
    SIM_LIMIT_HEAT,     /* the coolant was warmer than asked */
    SIM_LIMIT_CURTAIL,  /* generation had no place to go */
    SIM_LIMIT_BATTERY,  /* the battery was empty while import stood at the limit */
    SIM_LIMIT_RAMP,     /* GPUs delivered were still being commissioned */
    SIM_N_LIMITS,
};

/* Sums of a year, J and s, over steps in order of time. */
struct sim_sums {
    double hours;
    double wanted_j, it_j, cooling_j, loss_j, other_j, facility_j;
    double pv_j, wind_j, curtailed_j, charge_j, discharge_j, import_j, export_j, ppa_j;
    double carbon_free_j; /* of the load, own and contracted */
    double emission_kg, water_kg;
    double it_peak_w, facility_peak_w, wanted_peak_w, import_peak_w, facility_min_w;
    double step_max_w;         /* largest change of import from one step to the next */
    double balance_error;      /* largest relative error of a step's balance */
    double gpu_s, busy_s;      /* GPU-seconds in service, and computing */
    double capped_s, capped_j; /* time with less power than wanted, and the energy not served */
    double tokens;             /* in and out */
    double month_import_w[12]; /* highest 15-minute mean (or step, when longer) */
    double month_facility_j[12], month_import_j[12];
    double limit_s[SIM_N_LIMITS];
    struct sim_service service[PLAN_SERVICES_MAX];
    uint32_t n_services;
};

struct sim;

/* Prepares a design for steps of step_s. like: NULL, or a sim whose weather, sun, climate and fleet are used where they
 * are the same; it and its design must outlive this one and stay as they are. Errors name the design's file and line
 * where they can. */
sil_err sim_open(const struct plan_design *d, double step_s, const struct sim *like, struct mem mem, struct sim **out,
                 struct sil_error *e);
void sim_close(struct sim *s);

/* sim_run of this simulation, and of those that are opened like it afterwards, ends with SIL_CANCELLED when it is asked
 * to. stop must outlive them; NULL: never. */
void sim_stop_when(struct sim *s, const struct plan_stop *stop);

/* Lets the next sim_run make the series of the weather anew, as the first one does; they are the same in every year. */
void sim_refresh(struct sim *s);

/* Steps of a year. */
uint32_t sim_steps(const struct sim *s);

/* The calendar year to show: run.year, or the first full one after the last phase. */
int32_t sim_year_shown(const struct sim *s);

/* One calendar year. rows: sim_steps of them, or NULL. energy may be NULL. Allocates nothing. */
sil_err sim_run(struct sim *s, int32_t year, struct plan_step *rows, struct sim_sums *sums,
                struct energy_result *energy, struct sil_error *e);

/* What was prepared; valid as long as the sim. */
const struct weather *sim_weather(const struct sim *s);
const struct facility *sim_facility(const struct sim *s);
const struct fleet *sim_fleet(const struct sim *s);
const struct build_plan *sim_build(const struct sim *s);

const char *sim_limit_en(enum sim_limit l);
const char *sim_limit_ko(enum sim_limit l);

#endif
