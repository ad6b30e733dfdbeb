/* battery: losses, limits, ageing. Ageing after REopt.jl's degradation model (calendar fade with a power of time, and
 * fade with the energy discharged); defaults of efficiency are assumptions for lithium iron phosphate with inverters.
 */
#include "plan/battery.h"

#include <assert.h>
#include <math.h>

#include "base/err.h"
#include "plan/least.h"

void battery_begin(struct battery *b, const struct battery_config *c) {
    *b = (struct battery){.c = c, .soh = c->soh_start, .capacity_j = c->energy_j * c->soh_start};
    b->stored_j = b->stored_start_j = b->capacity_j * c->soc_start;
}

double battery_charge_max_w(const struct battery *b, double dt_s) {
    double room = (b->capacity_j * b->c->soc_max - b->stored_j) / (b->c->eta_charge * dt_s);
    return most(0, least(room, b->c->power_w));
}

double battery_discharge_max_w(const struct battery *b, double dt_s) {
    double left = (b->stored_j - b->capacity_j * b->c->soc_min) * b->c->eta_discharge / dt_s;
    return most(0, least(left, b->c->power_w));
}

void battery_charge(struct battery *b, double w, double green, double dt_s) {
    double in = w * dt_s, kept = in * b->c->eta_charge;
    assert(w >= 0 && green >= 0 && green <= 1);
    b->stored_j += kept;
    b->green_j += kept * green;
    b->charged_j += in;
    b->lost_j += in - kept;
}

double battery_discharge(struct battery *b, double w, double dt_s) {
    double out = w * dt_s, taken = out / b->c->eta_discharge;
    double green = b->stored_j > 0 ? least(1, b->green_j / b->stored_j) : 0;
    assert(w >= 0);
    b->stored_j -= taken;
    b->green_j = most(0, b->green_j - taken * green);
    b->discharged_j += out;
    b->day_discharged_j += taken;
    b->lost_j += taken - out;
    return w * green;
}

/* Stored energy that goes without being used. */
static void lose(struct battery *b, double j) {
    double green = b->stored_j > 0 ? b->green_j / b->stored_j : 0;
    b->stored_j -= j;
    b->green_j = most(0, b->green_j - j * green);
    b->lost_j += j;
}

void battery_pass(struct battery *b, double dt_s) {
    if (b->c->self_discharge > 0) lose(b, b->stored_j * least(1, b->c->self_discharge * dt_s));
    b->day_j_s += b->stored_j * dt_s;
    b->day_s += dt_s;
}

static double fade(const struct battery_config *c, double days, double mean_j, double discharged_j) {
    if (c->energy_j <= 0) return 0;
    double calendar = c->calendar_fade * c->calendar_exponent * mean_j * pow(days, c->calendar_exponent - 1);
    return (calendar + c->cycle_fade * discharged_j) / c->energy_j;
}

void battery_day(struct battery *b) {
    b->days++;
    if (b->c->ageing && b->day_s > 0) {
        b->soh = most(0, b->soh - fade(b->c, b->days, b->day_j_s / b->day_s, b->day_discharged_j));
        b->capacity_j = b->c->energy_j * b->soh;
        if (b->stored_j > b->capacity_j) lose(b, b->stored_j - b->capacity_j);
    }
    b->all_j_s += b->day_j_s;
    b->all_s += b->day_s;
    b->all_discharged_j += b->day_discharged_j;
    b->day_j_s = b->day_s = b->day_discharged_j = 0;
}

double battery_soh_after(const struct battery_config *c, uint32_t days, double mean_soc, double cycles_per_day) {
    double soh = c->soh_start;
    for (uint32_t d = 1; d <= days && d <= 40000; d++)
        soh -= fade(c, d, mean_soc * c->energy_j, cycles_per_day * c->energy_j);
    return most(0, soh);
}

double battery_life_years(const struct battery *b) {
    enum { DAYS_MAX = 40 * 365 };
    double mean_j = b->all_s > 0 ? b->all_j_s / b->all_s : 0, soh = b->c->soh_start;
    double daily_j = b->all_s > 0 ? b->all_discharged_j / b->all_s * 86400 : 0;
    uint32_t d = 0;
    while (d < DAYS_MAX && soh > b->c->soh_end) soh -= fade(b->c, ++d, mean_j, daily_j);
    return d / 365.0;
}

#define AT(f) .offset = offsetof(struct battery_config, f)
#define REOPT "REopt.jl, electric storage degradation (NREL)"

static const struct plan_var vars[] = {
    {.path = "battery.power",
     .unit = "MW",
     .lo = 0,
     .hi = 10000,
     .def = 0,
     .source = "design",
     .help_en = "battery, alternating current power",
     .help_ko = "배터리 출력",
     AT(power_w)},
    {.path = "battery.energy",
     .unit = "MWh",
     .lo = 0,
     .hi = 100000,
     .def = 0,
     .source = "design",
     .help_en = "battery, energy when new",
     .help_ko = "배터리 용량",
     AT(energy_j)},
    {.path = "battery.eta_charge",
     .unit = "%",
     .lo = 50,
     .hi = 100,
     .def = 94,
     .low = 92,
     .high = 96,
     .source = "assumption: 88 % round trip at the AC side; NREL ATB 2024 has 85 %",
     .help_en = "charging efficiency",
     .help_ko = "충전 효율",
     AT(eta_charge)},
    {.path = "battery.eta_discharge",
     .unit = "%",
     .lo = 50,
     .hi = 100,
     .def = 94,
     .low = 92,
     .high = 96,
     .source = "assumption: 88 % round trip at the AC side; NREL ATB 2024 has 85 %",
     .help_en = "discharging efficiency",
     .help_ko = "방전 효율",
     AT(eta_discharge)},
    {.path = "battery.soc_min",
     .unit = "%",
     .lo = 0,
     .hi = 90,
     .def = 10,
     .source = "assumption: usual for LFP",
     .help_en = "lowest state of charge",
     .help_ko = "최저 충전율",
     AT(soc_min)},
    {.path = "battery.soc_max",
     .unit = "%",
     .lo = 10,
     .hi = 100,
     .def = 95,
     .source = "assumption: usual for LFP",
     .help_en = "highest state of charge",
     .help_ko = "최고 충전율",
     AT(soc_max)},
    {.path = "battery.soc_start",
     .unit = "%",
     .lo = 0,
     .hi = 100,
     .def = 50,
     .source = "assumption",
     .help_en = "state of charge on 1 January",
     .help_ko = "초기 충전율",
     AT(soc_start)},
    {.path = "battery.self_discharge",
     .kind = PLAN_NUM,
     .unit = "1/s",
     .lo = 0,
     .hi = 1e-4,
     .def = 1.2e-8,
     .source = "assumption: 0.1 % a day for LFP",
     .help_en = "self-discharge",
     .help_ko = "자가방전",
     AT(self_discharge)},
    {.path = "battery.ageing",
     .kind = PLAN_BOOL,
     .def = 1,
     .source = "design",
     .help_en = "capacity fades",
     .help_ko = "열화 반영",
     AT(ageing)},
    {.path = "battery.soh_start",
     .unit = "%",
     .lo = 10,
     .hi = 100,
     .def = 100,
     .source = "design: a new battery",
     .help_en = "capacity at the beginning, of when new",
     .help_ko = "초기 건강도",
     AT(soh_start)},
    {.path = "battery.calendar_fade",
     .lo = 0,
     .hi = 0.1,
     .def = 1.16e-3,
     .source = REOPT,
     .help_en = "calendar fade coefficient",
     .help_ko = "달력 열화 계수",
     AT(calendar_fade)},
    {.path = "battery.calendar_exponent",
     .lo = 0.1,
     .hi = 1,
     .def = 0.428,
     .source = REOPT,
     .help_en = "calendar fade exponent of time",
     .help_ko = "달력 열화 지수",
     AT(calendar_exponent)},
    {.path = "battery.cycle_fade",
     .lo = 0,
     .hi = 0.01,
     .def = 2.46e-5,
     .source = REOPT,
     .help_en = "fade per energy discharged, of the capacity",
     .help_ko = "사이클 열화 계수",
     AT(cycle_fade)},
    {.path = "battery.soh_end",
     .unit = "%",
     .lo = 10,
     .hi = 100,
     .def = 70,
     .source = "assumption: usual end of warranty",
     .help_en = "replaced below this capacity",
     .help_ko = "교체 건강도",
     AT(soh_end)},
};

static sil_err check(const void *config, const char **path, struct sil_error *e) {
    const struct battery_config *c = config;
    if (c->soc_min >= c->soc_max) {
        *path = "battery.soc_min";
        return err_set(e, SIL_ARG, "battery.soc_min must be below battery.soc_max");
    }
    if (c->soc_start < c->soc_min || c->soc_start > c->soc_max) {
        *path = "battery.soc_start";
        return err_set(e, SIL_ARG, "battery.soc_start must lie between battery.soc_min and battery.soc_max");
    }
    if ((c->power_w > 0) != (c->energy_j > 0)) {
        *path = "battery.energy";
        return err_set(e, SIL_ARG, "battery.power and battery.energy: give both or neither");
    }
    return SIL_OK;
}

const struct plan_group battery_group = {
    .name = "battery",
    .title_en = "Battery",
    .title_ko = "배터리",
    .size = sizeof(struct battery_config),
    .vars = vars,
    .n_vars = PLAN_COUNT(vars),
    .check = check,
};
