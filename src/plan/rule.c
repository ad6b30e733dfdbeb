/* rule: see the header for the rules, in their order. */
#include "plan/rule.h"
#include "plan/least.h"

#include <math.h>
#include <string.h>

enum { DAY_S = 86400 };

void rule_init(struct rule *r, const struct rule_config *c, const struct battery_config *b, double contract_w) {
    memset(r, 0, sizeof *r);
    r->c = c;
    r->contract_w = contract_w;
    battery_begin(&r->battery, b);
}

static void begin(void *state, const struct plan_horizon *h) {
    struct rule *r = state;
    r->n_days = r->day = 0;
    if (!h || !h->price_krw_kwh) return;
    uint32_t per_day = (uint32_t)(DAY_S / h->dt_s), days = h->n / per_day;
    r->n_days = days < 366 ? days : 366;
    for (uint32_t d = 0; d < r->n_days; d++) {
        double low = INFINITY, high = -INFINITY;
        for (uint32_t i = d * per_day; i < (d + 1) * per_day; i++) {
            low = least(low, h->price_krw_kwh[i]);
            high = most(high, h->price_krw_kwh[i]);
        }
        r->day_low[d] = low;
        r->day_high[d] = high;
    }
}

static double available_w(const void *state, const struct plan_supply *s) {
    const struct rule *r = state;
    return s->pv_w + s->wind_w + s->import_max_w + battery_discharge_max_w(&r->battery, s->dt_s);
}

/* Whether the spread of this day pays for the losses of a full turn and wear. */
static bool spread_pays(const struct rule *r, uint32_t day) {
    if (!r->c->arbitrage || day >= r->n_days) return false;
    const struct battery_config *b = r->battery.c;
    double cost = r->day_low[day] / (b->eta_charge * b->eta_discharge) + r->c->wear;
    return r->day_high[day] > cost;
}

/* What the battery keeps for emergencies does not count for rules 3 to 5. */
static double free_discharge_w(const struct rule *r, double dt_s) {
    const struct battery *b = &r->battery;
    double floor_j = b->capacity_j * least(b->c->soc_min + r->c->reserve, b->c->soc_max);
    double w = (b->stored_j - floor_j) * b->c->eta_discharge / dt_s;
    return most(0, least(w, b->c->power_w));
}

static double target_w(const struct rule *r) {
    return isnan(r->c->demand_target) ? INFINITY : r->c->demand_target * r->contract_w;
}

/* Load less own generation, positive: what battery and grid share. */
static void deficit(struct rule *r, const struct plan_supply *s, double net, struct plan_flow *f) {
    uint32_t day = (uint32_t)(s->step * s->dt_s / DAY_S);
    bool pays = spread_pays(r, day);
    double need = most(0, net - s->import_max_w), shave = most(0, net - target_w(r));
    double give = most(need, least(shave, free_discharge_w(r, s->dt_s)));
    if (pays && s->price_krw_kwh >= r->day_high[day]) give = most(give, least(net, free_discharge_w(r, s->dt_s)));
    if (r->c->own_first) {
        double own = r->battery.green_j * r->battery.c->eta_discharge / s->dt_s;
        give = most(give, least(least(net, own), free_discharge_w(r, s->dt_s)));
    }
    give = least(give, battery_discharge_max_w(&r->battery, s->dt_s));
    if (give > 0) {
        f->discharge_w = give;
        r->green_w += battery_discharge(&r->battery, give, s->dt_s);
        return;
    }
    if (!pays || !r->c->grid_charge || s->price_krw_kwh > r->day_low[day]) return;
    double room = least(s->import_max_w, least(most(s->billing_w, 0), target_w(r))) - net;
    f->charge_w = least(most(room, 0), battery_charge_max_w(&r->battery, s->dt_s));
    if (f->charge_w > 0) battery_charge(&r->battery, f->charge_w, 0, s->dt_s);
}

/* Own generation beyond the load: stored, exported, curtailed (PV first: it stops without wear). */
static void surplus(struct rule *r, const struct plan_supply *s, double extra, struct plan_flow *f) {
    f->charge_w = least(extra, battery_charge_max_w(&r->battery, s->dt_s));
    if (f->charge_w > 0) battery_charge(&r->battery, f->charge_w, 1, s->dt_s);
    f->export_w = least(extra - f->charge_w, s->export_max_w);
    f->curtailed_w = most(0, extra - f->charge_w - f->export_w);
    double from_pv = least(f->curtailed_w, f->pv_w);
    f->pv_w -= from_pv;
    f->wind_w = most(0, f->wind_w - (f->curtailed_w - from_pv));
}

static void step(void *state, const struct plan_supply *s, double load_w, struct plan_flow *out) {
    struct rule *r = state;
    uint32_t day = (uint32_t)(s->step * s->dt_s / DAY_S);
    if (day != r->day) battery_day(&r->battery);
    r->day = day;
    *out = (struct plan_flow){.pv_w = s->pv_w, .wind_w = s->wind_w};
    double net = load_w - s->pv_w - s->wind_w;
    r->green_w = least(load_w, s->pv_w + s->wind_w);
    if (r->battery.c->energy_j > 0) {
        if (net >= 0) deficit(r, s, net, out);
        else surplus(r, s, -net, out);
        battery_pass(&r->battery, s->dt_s);
    } else if (net < 0) {
        surplus(r, s, -net, out);
    }
    plan_flow_close(s, load_w, out);
    out->stored_j = r->battery.stored_j;
}

struct plan_dispatcher rule_dispatcher(struct rule *r) {
    return (struct plan_dispatcher){
        .name = "rule", .state = r, .begin = begin, .available_w = available_w, .step = step};
}

#define AT(f) .offset = offsetof(struct rule_config, f)

static const struct plan_var vars[] = {
    {.path = "dispatch.own_first",
     .kind = PLAN_BOOL,
     .def = 1,
     .source = "design",
     .help_en = "stored own generation serves the next deficit",
     .help_ko = "저장한 자가발전 우선 사용",
     AT(own_first)},
    {.path = "dispatch.arbitrage",
     .kind = PLAN_BOOL,
     .def = 1,
     .source = "design",
     .help_en = "the battery follows the price of the day",
     .help_ko = "요금 차익 운전",
     AT(arbitrage)},
    {.path = "dispatch.grid_charge",
     .kind = PLAN_BOOL,
     .def = 1,
     .source = "design",
     .help_en = "the battery may charge from the grid",
     .help_ko = "계통 충전 허용",
     AT(grid_charge)},
    {.path = "dispatch.demand_target",
     .unit = "%",
     .lo = 10,
     .hi = 100,
     .def = NAN,
     .source = "design: none unless given",
     .help_en = "import shaved to this share of the contract",
     .help_ko = "최대수요 목표(계약전력 대비)",
     AT(demand_target)},
    {.path = "dispatch.reserve",
     .unit = "%",
     .lo = 0,
     .hi = 90,
     .def = 10,
     .source = "assumption: kept for loss of supply",
     .help_en = "charge kept above the lowest, of capacity",
     .help_ko = "비상 예비 충전율",
     AT(reserve)},
    {.path = "dispatch.wear",
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 1000,
     .def = 30,
     .source = "assumption: KRW 300,000/kWh over 10,000 full cycles",
     .help_en = "wear counted per kWh discharged",
     .help_ko = "방전 마모 비용",
     AT(wear)},
};

const struct plan_group rule_group = {
    .name = "dispatch",
    .title_en = "Dispatch",
    .title_ko = "급전 규칙",
    .size = sizeof(struct rule_config),
    .vars = vars,
    .n_vars = PLAN_COUNT(vars),
};
