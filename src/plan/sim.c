/* sim: the walk over the steps of a year. */
#include <assert.h>
#include <math.h>

#include "base/err.h"
#include "plan/sim_impl.h"

/* What holds for a whole month. */
struct month {
    double import_max_w, pv_w, wind_w; /* connection; capacities in service */
    double built, demand, years, gpu_share;
    double online[FLEET_POOLS_MAX];
    bool ramping;
};

struct walk {
    struct sim *s;
    struct sim_sums *sum;
    struct plan_dispatcher dispatcher;
    struct fleet_state fleet;
    struct month month[12];
    double last_import_w, window_j, window_s;
};

/* What one step worked out, before it is kept. */
struct now {
    uint32_t step;
    int month, day; /* day of the calendar */
    double hour;
    const struct climate_step *climate;
    struct plan_supply supply;
    struct fleet_out fleet;
    struct facility_out facility; /* of the part that is built */
    struct plan_flow flow;
    struct energy_settled settled;
    double wanted_w, load_w, scale;
    bool capped;
};

static void prepare_months(struct walk *w, int32_t year) {
    const struct plan_configs *c = &w->s->design->c;
    for (int m = 0; m < 12; m++) {
        struct month *o = &w->month[m];
        struct build_state b;
        build_at(&w->s->build, (int64_t)year * 12 + m, &b);
        o->import_max_w = fmin(b.contract_w, c->site.contract_w);
        o->pv_w = c->pv.capacity_w * b.pv_share;
        o->wind_w = c->wind.capacity_w * b.wind_share;
        o->built = b.built;
        o->demand = b.demand;
        o->years = b.years;
        o->gpu_share = b.gpu_share;
        o->ramping = b.gpu_share < b.built;
        for (int i = 0; i < FLEET_POOLS_MAX; i++) o->online[i] = b.gpu_share;
    }
}

/* Weather and generation of every step; the same in every year. */
static sil_err prepare_shapes(struct sim *s, struct sil_error *e) {
    const struct plan_configs *c = &s->design->c;
    if (!s->climate_ready) climate_fill(&s->climate, s->weather, &s->sun);
    s->climate_ready = true;
    if (s->shapes_ready) return SIL_OK;
    if (c->pv.capacity_w > 0 || c->market.n_ppa > 0) {
        struct pv_summary pv;
        SIL_TRY(pv_series(&c->pv, s->weather, &s->sun, s->pv, &pv, e));
        s->shape_mean[MARKET_PV] = pv.factor;
    }
    if (c->wind.capacity_w > 0 || c->market.n_ppa > 0) {
        struct wind_summary wind;
        SIL_TRY(wind_series(&c->wind, s->weather, s->per_hour, s->wind, &wind, e));
        s->shape_mean[MARKET_ONSHORE] = s->shape_mean[MARKET_OFFSHORE] = wind.factor;
    }
    s->shapes_ready = true;
    return SIL_OK;
}

/* The series of the steps, and the supply side of the year. */
static sil_err prepare_series(struct walk *w, int32_t year, struct sil_error *e) {
    struct sim *s = w->s;
    const struct plan_configs *c = &s->design->c;
    double contract = 0;
    SIL_TRY(prepare_shapes(s, e));
    for (int m = 0; m < 12; m++) contract = fmax(contract, w->month[m].import_max_w);
    s->battery = c->battery;
    struct build_state june;
    build_at(&s->build, (int64_t)year * 12 + 5, &june);
    s->battery.power_w *= june.battery_share;
    s->battery.energy_j *= june.battery_share;
    int32_t calendar = year < CALENDAR_FIRST ? CALENDAR_FIRST : year > CALENDAR_LAST ? CALENDAR_LAST : year;
    struct energy_configs configs = {&c->tariff, &c->market, &s->battery, &c->rule};
    SIL_TRY(energy_begin(s->energy, configs, calendar, fmax(contract, 1), s->shape_mean, e));
    w->dispatcher = energy_dispatcher(s->energy);
    return SIL_OK;
}

/* Losses and cooling of the built part: modular plant, so a part of it behaves like the whole. */
static void facility_of(const struct walk *w, struct now *n) {
    facility_step(&w->s->facility, n->climate, n->fleet.it_w / n->scale, &n->facility);
    n->load_w = n->facility.total_w * n->scale;
}

/* Less work by priority until the load fits what can be supplied. */
static void cap(struct walk *w, struct now *n, struct fleet_in *in, const struct fleet_state *before,
                double available_w) {
    in->limit_w = facility_it_limit(&w->s->facility, n->climate, available_w / n->scale) * n->scale;
    w->fleet = *before;
    fleet_step(w->s->fleet, &w->fleet, in, &n->fleet);
    n->capped = true;
    facility_of(w, n);
    if (n->load_w <= available_w) return;
    /* Not even the equipment that never sleeps can be fed: it goes dark, and the load is what there is. */
    n->fleet.it_w = fmin(n->fleet.it_w, in->limit_w);
    for (uint32_t i = 0; i < w->sum->n_services; i++) {
        struct fleet_service_out *o = &n->fleet.service[i];
        *o = (struct fleet_service_out){.offered = o->offered, .refused = o->offered, .backlog = o->backlog};
    }
    n->fleet.util = 0;
    facility_of(w, n);
    if (n->load_w > available_w) n->load_w = available_w;
}

static void serve(struct walk *w, struct now *n) {
    const struct month *m = &w->month[n->month];
    const struct fleet_state before = w->fleet;
    struct fleet_in in = {.dt_s = w->s->step_s,
                          .month = n->month,
                          .rest_day = w->s->energy->calendar.kind[n->day] != CALENDAR_WORKDAY,
                          .hour = n->hour,
                          .years = m->years,
                          .ramp = m->demand,
                          .limit_w = INFINITY,
                          .deferrable = 1};
    memcpy(in.online, m->online, sizeof in.online);
    fleet_step(w->s->fleet, &w->fleet, &in, &n->fleet);
    facility_of(w, n);
    n->wanted_w = n->load_w;
    double available_w = w->dispatcher.available_w(w->dispatcher.state, &n->supply);
    if (n->load_w > available_w) cap(w, n, &in, &before, available_w);
}

static void supply(struct walk *w, struct now *n) {
    struct sim *s = w->s;
    const struct month *m = &w->month[n->month];
    double unit[3] = {s->pv[n->step], s->wind[n->step], s->wind[n->step]};
    energy_supply(s->energy, n->step, s->step_s, unit, unit[0] * m->pv_w, unit[1] * m->wind_w, m->import_max_w,
                  s->design->c.site.export_w, &n->supply);
}

/* ---- keeping ---- */

static double service_units(const struct fleet_service *c, const struct fleet_service_out *o) {
    if (c->kind == FLEET_IMAGES) return o->served;
    if (c->kind == FLEET_TRAINING) return o->gpus * o->util;
    return o->out_tokens;
}

static void keep_row(const struct walk *w, const struct now *n, struct plan_step *r) {
    const struct climate_step *c = n->climate;
    const struct fleet_config *fc = &w->s->design->c.fleet;
    double tokens = 0, offered = 0, in_time = 0;
    for (uint32_t i = 0; i < fc->n_services; i++) {
        const struct fleet_service_out *o = &n->fleet.service[i];
        tokens += o->in_tokens + o->out_tokens;
        if (fc->services[i].kind != FLEET_TRAINING) {
            offered += o->offered;
            in_time += o->offered * o->slo;
        }
        r->service[i] = (float)service_units(&fc->services[i], o);
    }
    for (uint32_t i = fc->n_services; i < PLAN_SERVICES_MAX; i++) r->service[i] = 0;
    r->tdb_c = c->dry_bulb_c;
    r->twb_c = c->wet_bulb_c;
    r->ghi_w_m2 = c->ghi_w_m2;
    r->wind_m_s = c->wind_m_s;
    r->wanted_w = n->wanted_w;
    r->it_w = n->fleet.it_w;
    r->cooling_w = n->facility.cool.power_w * n->scale;
    r->loss_w = n->facility.loss_w * n->scale;
    r->facility_w = n->load_w;
    r->other_w = n->load_w - r->it_w - r->cooling_w - r->loss_w;
    r->pv_w = n->flow.pv_w;
    r->wind_w = n->flow.wind_w;
    r->curtailed_w = n->flow.curtailed_w;
    r->charge_w = n->flow.charge_w;
    r->discharge_w = n->flow.discharge_w;
    r->stored_j = n->flow.stored_j;
    r->import_w = n->flow.import_w;
    r->export_w = n->flow.export_w;
    r->ppa_w = n->settled.ppa_w;
    r->price_krw_kwh = n->supply.price_krw_kwh;
    r->carbon_free_w = n->settled.carbon_free_w;
    r->emission_kg_s = n->settled.emission_kg_s;
    r->water_kg_s = n->facility.cool.water_kg_s * n->scale;
    r->gpus = n->fleet.gpus_online;
    r->busy = n->fleet.util;
    r->tokens_s = tokens;
    r->slo = offered > 0 ? in_time / offered : 1;
}

static double revenue_usd(const struct fleet_service *c, const struct fleet_service_out *o) {
    if (c->kind == FLEET_IMAGES) return o->served * c->price_image;
    if (c->kind == FLEET_TRAINING) return o->gpus * c->price_gpu_hour / 3600;
    return (o->in_tokens * c->price_input + o->out_tokens * c->price_output) / 1e6;
}

static void keep_service(struct sim_service *t, const struct fleet_service *c, const struct fleet_service_out *o,
                         double dt) {
    t->offered += o->offered * dt;
    t->served += o->served * dt;
    t->refused += o->refused * dt;
    t->in_tokens += o->in_tokens * dt;
    t->out_tokens += o->out_tokens * dt;
    t->slo += o->slo * o->offered * dt;
    t->gpu_s += o->gpus * dt;
    t->busy_s += o->gpus * o->util * dt;
    t->energy_j += o->power_w * dt;
    t->ttft_p50 += o->ttft_p50 * o->served * dt;
    t->ttft_p99 += o->ttft_p99 * o->served * dt;
    t->tpot_p50 += o->tpot_p50 * o->served * dt;
    t->tpot_p99 += o->tpot_p99 * o->served * dt;
    t->backlog_max = fmax(t->backlog_max, o->backlog);
    t->revenue_usd += revenue_usd(c, o) * dt;
}

static void keep_limits(struct walk *w, const struct now *n, double dt) {
    double *t = w->sum->limit_s;
    const struct fleet_config *fc = &w->s->design->c.fleet;
    bool refused = false, late = false;
    for (uint32_t i = 0; i < fc->n_services; i++) {
        const struct fleet_service_out *o = &n->fleet.service[i];
        const struct fleet_service *c = &fc->services[i];
        refused = refused || o->refused > 1e-9 * o->offered;
        bool timed = c->kind == FLEET_CHAT || c->kind == FLEET_CODE || c->kind == FLEET_IMAGES;
        /* First token and pace must each hold for the quantile, so both together for its square. */
        late = late || (timed && o->offered > 0 && o->slo < c->quantile * c->quantile * (1 - 1e-9));
    }
    if (n->capped) t[SIM_LIMIT_CONTRACT] += dt;
    else if (refused) t[SIM_LIMIT_GPUS] += dt;
    if (late) t[SIM_LIMIT_SLO] += dt;
    if (n->facility.cool.chilled_w > 0) t[SIM_LIMIT_CHILLER] += dt;
    if (n->facility.cool.over_k > 0) t[SIM_LIMIT_HEAT] += dt;
    if (n->flow.curtailed_w > 0) t[SIM_LIMIT_CURTAIL] += dt;
    if (n->capped && w->s->battery.energy_j > 0) t[SIM_LIMIT_BATTERY] += dt;
    if (w->month[n->month].ramping) t[SIM_LIMIT_RAMP] += dt;
}

static void keep_peaks(struct walk *w, const struct now *n, double dt) {
    struct sim_sums *t = w->sum;
    const double import = n->flow.import_w;
    t->it_peak_w = fmax(t->it_peak_w, n->fleet.it_w);
    t->facility_peak_w = fmax(t->facility_peak_w, n->load_w);
    t->facility_min_w = fmin(t->facility_min_w, n->load_w);
    t->wanted_peak_w = fmax(t->wanted_peak_w, n->wanted_w);
    t->import_peak_w = fmax(t->import_peak_w, import);
    if (n->step > 0) t->step_max_w = fmax(t->step_max_w, fabs(import - w->last_import_w));
    w->last_import_w = import;
    w->window_j += import * dt;
    w->window_s += dt;
    if (w->window_s >= 900) {
        t->month_import_w[n->month] = fmax(t->month_import_w[n->month], w->window_j / w->window_s);
        w->window_j = w->window_s = 0;
    }
    t->balance_error = fmax(t->balance_error, plan_flow_error(&n->flow, n->load_w));
}

static void keep_sums(struct walk *w, const struct now *n, double dt) {
    struct sim_sums *t = w->sum;
    const struct plan_flow *f = &n->flow;
    t->wanted_j += n->wanted_w * dt;
    t->it_j += n->fleet.it_w * dt;
    t->cooling_j += n->facility.cool.power_w * n->scale * dt;
    t->loss_j += n->facility.loss_w * n->scale * dt;
    t->facility_j += n->load_w * dt;
    t->pv_j += f->pv_w * dt;
    t->wind_j += f->wind_w * dt;
    t->curtailed_j += f->curtailed_w * dt;
    t->charge_j += f->charge_w * dt;
    t->discharge_j += f->discharge_w * dt;
    t->import_j += f->import_w * dt;
    t->export_j += f->export_w * dt;
    t->ppa_j += n->settled.ppa_w * dt;
    t->carbon_free_j += n->settled.carbon_free_w * dt;
    t->emission_kg += n->settled.emission_kg_s * dt;
    t->water_kg += n->facility.cool.water_kg_s * n->scale * dt;
    t->gpu_s += n->fleet.gpus_online * dt;
    t->busy_s += n->fleet.gpus_online * n->fleet.util * dt;
    t->month_facility_j[n->month] += n->load_w * dt;
    t->month_import_j[n->month] += f->import_w * dt;
    if (n->capped) {
        t->capped_s += dt;
        t->capped_j += (n->wanted_w - n->load_w) * dt;
    }
    const struct fleet_config *fc = &w->s->design->c.fleet;
    for (uint32_t i = 0; i < fc->n_services; i++)
        keep_service(&t->service[i], &fc->services[i], &n->fleet.service[i], dt);
    keep_limits(w, n, dt);
    keep_peaks(w, n, dt);
}

/* ---- the year ---- */

static void one_step(struct walk *w, struct now *n, uint32_t i, int month, struct plan_step *row) {
    struct sim *s = w->s;
    uint32_t per_day = 24 * s->per_hour;
    n->step = i;
    n->month = month;
    n->climate = &s->climate.step[i];
    n->day = (int)(i / per_day);
    n->hour = ((double)(i % per_day) + 0.5) / s->per_hour;
    n->scale = w->month[month].built;
    n->capped = false;
    if (n->scale <= 0) { /* nothing stands yet */
        if (row) *row = (struct plan_step){.tdb_c = n->climate->dry_bulb_c, .twb_c = n->climate->wet_bulb_c, .slo = 1};
        w->sum->facility_min_w = 0;
        return;
    }
    supply(w, n);
    serve(w, n);
    w->dispatcher.step(w->dispatcher.state, &n->supply, n->load_w, &n->flow);
    plan_flow_close(&n->supply, n->load_w, &n->flow);
    n->settled = energy_settle(s->energy, &n->supply, &n->flow, n->load_w);
    keep_sums(w, n, s->step_s);
    if (row) keep_row(w, n, row);
}

static void finish(struct walk *w) {
    struct sim_sums *t = w->sum;
    t->hours = w->s->n * w->s->step_s / 3600;
    t->other_j = t->facility_j - t->it_j - t->cooling_j - t->loss_j;
    for (uint32_t i = 0; i < t->n_services; i++) {
        struct sim_service *v = &t->service[i];
        v->slo = v->offered > 0 ? v->slo / v->offered : 1;
        double served = v->served > 0 ? v->served : 1;
        v->ttft_p50 /= served;
        v->ttft_p99 /= served;
        v->tpot_p50 /= served;
        v->tpot_p99 /= served;
        t->tokens += v->in_tokens + v->out_tokens;
    }
}

sil_err sim_run(struct sim *s, int32_t year, struct plan_step *rows, struct sim_sums *sums,
                struct energy_result *energy, struct sil_error *e) {
    static const uint16_t first_day[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    struct walk w = {.s = s, .sum = sums};
    struct now now; /* every step sets what it uses: clearing it each time would cost a tenth of the year */
    memset(sums, 0, sizeof *sums);
    sums->n_services = s->design->c.fleet.n_services;
    sums->facility_min_w = INFINITY;
    prepare_months(&w, year);
    SIL_TRY(prepare_series(&w, year, e));
    fleet_start(&w.fleet);
    for (int m = 0; m < 12; m++) {
        SIL_TRY(plan_stop_check(s->stop, e));
        uint32_t end = first_day[m + 1] * 24u * s->per_hour;
        for (uint32_t i = first_day[m] * 24u * s->per_hour; i < end; i++)
            one_step(&w, &now, i, m, rows ? &rows[i] : NULL);
    }
    finish(&w);
    return energy ? energy_close(s->energy, energy, e) : SIL_OK;
}

const char *sim_limit_en(enum sim_limit l) {
    static const char *const names[] = {"power capped at the contract", "all GPUs taken",
                                        "service level missed",         "free cooling not enough (chillers)",
                                        "coolant warmer than asked",    "generation curtailed",
                                        "battery empty while capped",   "GPUs being commissioned"};
    assert(l < SIM_N_LIMITS);
    return names[l];
}

const char *sim_limit_ko(enum sim_limit l) {
    static const char *const names[] = {
        "계약전력 상한",    "GPU 포화",      "서비스 수준 미달",         "자연냉방 부족(냉동기 가동)",
        "냉각수 온도 초과", "발전 출력제한", "상한 중 배터리 방전 완료", "GPU 시운전 중"};
    assert(l < SIM_N_LIMITS);
    return names[l];
}
