/* energy: glue between the year's loop and calendar, tariff, market and dispatcher. */
#include "plan/energy.h"
#include "plan/least.h"

#include <math.h>
#include <string.h>

/* Contracts below 300 kW are billed on the smaller general class, which has no option III. */
static struct tariff_config tariff_for(const struct tariff_config *c, double contract_w) {
    struct tariff_config t = *c;
    struct tariff_rates r;
    if (contract_w >= TARIFF_SMALL_W || t.klass != TARIFF_GENERAL) return t;
    t.klass = TARIFF_GENERAL_SMALL;
    if (!tariff_rates(&t, (enum tariff_option)t.option, &r)) t.option = TARIFF_CHEAPEST;
    return t;
}

/* Whether a contract may choose a class at all. */
static bool offered(enum tariff_class klass, double contract_w) {
    return (klass == TARIFF_GENERAL_SMALL) == (contract_w < TARIFF_SMALL_W);
}

sil_err energy_begin(struct energy *en, struct energy_configs c, int year, double contract_w, const double mean[3],
                     struct sil_error *e) {
    en->c = c;
    en->contract_w = contract_w;
    en->tariff = tariff_for(c.tariff, contract_w);
    sil_err err = calendar_fill(year, c.tariff->labour_day, &en->calendar, e);
    if (err == SIL_OK) calendar_drop_leap_day(&en->calendar);
    if (err == SIL_OK) err = tariff_prepare(&en->tariff, &en->calendar, &en->year, e);
    if (err == SIL_OK) err = market_begin(&en->market, c.market, mean, e);
    if (err != SIL_OK) return err;
    tariff_meter_begin(&en->meter);
    en->billing_month = -1;
    rule_init(&en->rule, c.rule, c.battery, contract_w);
    struct plan_dispatcher d = rule_dispatcher(&en->rule);
    d.begin(d.state,
            &(struct plan_horizon){.n = en->year.n_hours, .dt_s = 3600, .price_krw_kwh = en->year.price_krw_kwh});
    return SIL_OK;
}

struct plan_dispatcher energy_dispatcher(struct energy *en) {
    return rule_dispatcher(&en->rule);
}

void energy_supply(struct energy *en, uint32_t step, double dt_s, const double unit[3], double pv_w, double wind_w,
                   double import_max_w, double export_max_w, struct plan_supply *out) {
    uint32_t hour = (uint32_t)(step * dt_s / 3600);
    int month = en->year.month[hour], period = en->year.slot[hour] & ~TARIFF_DISCOUNTED;
    double ppa_w = market_ppa_w(&en->market, unit);
    /* Demand in hours that are not billed is free. */
    bool counts = period != TARIFF_OFF || en->tariff.demand_in_offpeak;
    if (month != en->billing_month) {
        en->billing_month = month;
        en->billing_w = tariff_billing_w(&en->tariff, &en->meter, month, en->contract_w);
    }
    *out = (struct plan_supply){
        .step = step,
        .dt_s = dt_s,
        .month = month,
        .hour = (int)(hour % 24),
        .pv_w = pv_w,
        .wind_w = wind_w,
        .ppa_w = ppa_w,
        .import_max_w = import_max_w,
        .export_max_w = export_max_w,
        .price_krw_kwh = en->year.price_krw_kwh[hour],
        .export_krw_kwh = en->market.smp_krw_kwh[hour % 24],
        .period = period,
        .billing_w = counts ? en->billing_w : INFINITY,
    };
}

struct energy_settled energy_settle(struct energy *en, const struct plan_supply *s, const struct plan_flow *f,
                                    double load_w) {
    double ppa = least(f->import_w, s->ppa_w), kepco = f->import_w - ppa;
    uint32_t hour = (uint32_t)(s->step * s->dt_s / 3600);
    if (tariff_meter_step(&en->meter, &en->year, hour, s->dt_s, f->import_w, kepco)) en->billing_month = -1;
    double green = least(en->rule.green_w, load_w);
    double free_w =
        market_step(&en->market, s->hour, s->dt_s, load_w, f->import_w, f->export_w, f->pv_w + f->wind_w, green);
    return (struct energy_settled){
        .ppa_w = ppa, .carbon_free_w = free_w, .emission_kg_s = kepco * en->c.market->grid_carbon / 3.6e6};
}

sil_err energy_close(const struct energy *en, struct energy_result *out, struct sil_error *e) {
    memset(out, 0, sizeof *out);
    sil_err err = tariff_bill(&en->tariff, &en->meter, en->contract_w, NULL, &out->bill, e);
    if (err != SIL_OK) return err;
    for (int k = 0; k < TARIFF_CUSTOM; k++) {
        struct tariff_bill b;
        out->class_krw[k] = NAN;
        if (!offered((enum tariff_class)k, en->contract_w)) continue;
        err = tariff_bill_as(&en->tariff, (enum tariff_class)k, &en->meter, en->contract_w, &b, NULL);
        if (err == SIL_OK) out->class_krw[k] = b.year.total_krw;
    }
    market_close(&en->market, &out->market);
    const struct battery *b = &en->rule.battery;
    out->battery_in_kwh = b->charged_j / 3.6e6;
    out->battery_out_kwh = b->discharged_j / 3.6e6;
    out->battery_lost_kwh = b->lost_j / 3.6e6;
    out->battery_soh = b->soh;
    out->battery_life_years = b->c->energy_j > 0 ? battery_life_years(b) : 0;
    const struct market_result *m = &out->market;
    out->cost_krw = out->bill.year.total_krw - out->bill.year.vat_krw + m->ppa_krw + m->wheeling_krw -
                    m->ppa_surplus_krw - m->export_krw + m->rec_krw + m->carbon_krw;
    return SIL_OK;
}
