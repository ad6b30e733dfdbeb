/* tariff: hours, meter and bill. The sheet is tariff_sheet.c.
 *
 * Billing demand and power factor: KEPCO terms of supply (general), articles on billing demand and power factor. The
 * sheet of 2024-07-01 says that demand on holidays is metered as off-peak demand; off-peak demand does not count. */
#include "plan/tariff.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "plan/least.h"

#define J_PER_KWH 3.6e6

enum { WINDOW_S = 900 };

enum tariff_season tariff_season_of(int month) {
    static const uint8_t season[12] = {
        TARIFF_WINTER, TARIFF_WINTER, TARIFF_SPRING_AUTUMN, TARIFF_SPRING_AUTUMN, TARIFF_SPRING_AUTUMN, TARIFF_SUMMER,
        TARIFF_SUMMER, TARIFF_SUMMER, TARIFF_SPRING_AUTUMN, TARIFF_SPRING_AUTUMN, TARIFF_WINTER,        TARIFF_WINTER};
    assert(month >= 0 && month < 12);
    return (enum tariff_season)season[month];
}

static bool discounted(const struct tariff_config *c, const struct calendar *cal, int day, int hour) {
    return c->klass == TARIFF_INDUSTRIAL && c->sheet == TARIFF_2026 && cal->year <= c->weekend_discount_to &&
           tariff_season_of(cal->month[day]) == TARIFF_SPRING_AUTUMN && cal->kind[day] != CALENDAR_WORKDAY &&
           hour >= 11 && hour < 14;
}

static int period_of(const char *hours, int kind, int hour) {
    if (kind == CALENDAR_HOLIDAY || hours[hour] == 'o') return TARIFF_OFF;
    return hours[hour] == 'P' && kind == CALENDAR_WORKDAY ? TARIFF_PEAK : TARIFF_MID;
}

/* The option whose prices stand for all before the bill is known. */
static bool price_rates(const struct tariff_config *c, struct tariff_rates *out) {
    if (c->option != TARIFF_CHEAPEST) return tariff_rates(c, (enum tariff_option)c->option, out);
    for (int o = TARIFF_III; o >= TARIFF_I; o--)
        if (tariff_rates(c, (enum tariff_option)o, out)) return true;
    return false;
}

sil_err tariff_prepare(const struct tariff_config *c, const struct calendar *cal, struct tariff_year *out,
                       struct sil_error *e) {
    struct tariff_rates r;
    if (!price_rates(c, &r))
        return err_set(e, SIL_ARG, "tariff.option: this class has no such option at this voltage; use cheapest");
    uint32_t h = 0, hours_in[12] = {0};
    memset(out->off_share, 0, sizeof out->off_share);
    for (int day = 0; day < cal->n_days; day++) {
        int month = cal->month[day];
        enum tariff_season season = tariff_season_of(month);
        const char *hours = tariff_hours(c, season);
        for (int hour = 0; hour < 24; hour++, h++) {
            int period = period_of(hours, cal->kind[day], hour);
            bool cut = discounted(c, cal, day, hour);
            out->slot[h] = (uint8_t)(period | (cut ? TARIFF_DISCOUNTED : 0));
            out->month[h] = (uint8_t)month;
            out->price_krw_kwh[h] =
                r.krw_kwh[season][period] * (cut ? 1 - c->weekend_discount : 1) + c->climate + c->fuel;
            out->off_share[month] += period == TARIFF_OFF;
            hours_in[month]++;
        }
    }
    out->n_hours = h;
    for (int m = 0; m < 12; m++) out->off_share[m] /= hours_in[m];
    return SIL_OK;
}

/* ---- meter ---- */

void tariff_meter_begin(struct tariff_meter *m) {
    *m = (struct tariff_meter){0};
}

bool tariff_meter_step(struct tariff_meter *m, const struct tariff_year *y, uint32_t hour, double dt_s, double import_w,
                       double kepco_w) {
    assert(hour < y->n_hours);
    int slot = y->slot[hour], month = y->month[hour];
    m->energy_j[month][slot] += kepco_w * dt_s;
    m->window_j += import_w * dt_s;
    m->window_s += dt_s;
    if (m->window_s < WINDOW_S) return false;
    double mean = m->window_j / m->window_s;
    double *top = &m->demand_w[month][slot & ~TARIFF_DISCOUNTED];
    m->window_j = m->window_s = 0;
    if (mean <= *top) return false;
    *top = mean;
    return true;
}

/* ---- bill ---- */

static double demand_of(const struct tariff_config *c, const struct tariff_meter *m, int month) {
    const double *d = m->demand_w[month];
    double top = most(d[TARIFF_MID], d[TARIFF_PEAK]);
    return c->demand_in_offpeak ? most(top, d[TARIFF_OFF]) : top;
}

/* The months whose demand binds for twelve months: December to February, July to September. */
static bool ratchet_month(int month) {
    return month <= 1 || month == 11 || (month >= 6 && month <= 8);
}

double tariff_billing_w(const struct tariff_config *c, const struct tariff_meter *m, int month, double contract_w) {
    double top = c->demand_floor * contract_w;
    for (int k = 0; k <= month; k++)
        if (k == month || ratchet_month(k)) top = most(top, demand_of(c, m, k));
    return top;
}

/* Billing demand of a month with the eleven before it; prior: see tariff_bill. */
static double billing_of(const struct tariff_config *c, const struct tariff_meter *m, int month, double contract_w,
                         const double prior[12]) {
    double top = most(c->demand_floor * contract_w, demand_of(c, m, month));
    for (int k = 0; k < 12; k++) {
        if (!ratchet_month(k)) continue;
        double d = k <= month || !prior ? demand_of(c, m, k) : prior[k];
        top = most(top, d);
    }
    return top;
}

/* Change of the base charge, of it: pf_rate for each full per cent above (less) or below (more) the reference. */
static double power_factor_share(const struct tariff_config *c) {
    double pf = least(most(c->power_factor, c->pf_low), c->pf_high);
    double points = round((c->pf_reference - pf) * 1e4) / 100; /* free of binary dust before the floor */
    return c->pf_rate * (points < 0 ? -floor(-points) : ceil(points));
}

static void bill_month(const struct tariff_config *c, const struct tariff_rates *r, const struct tariff_meter *m,
                       int month, struct tariff_month *b) {
    const double *rate = r->krw_kwh[tariff_season_of(month)];
    double energy = 0, kwh = 0;
    for (int p = 0; p < TARIFF_N_PERIODS; p++) {
        double full = m->energy_j[month][p] / J_PER_KWH, cut = m->energy_j[month][p | TARIFF_DISCOUNTED] / J_PER_KWH;
        b->kwh[p] = full + cut;
        kwh += b->kwh[p];
        energy += full * rate[p] + cut * rate[p] * (1 - c->weekend_discount);
    }
    /* A sum of products such as 152,000 * 92.1 lies a hair beside the won that it is; the floor must not see that. */
    const double hair = 1e-6;
    b->base_krw = floor(r->base_krw_kw * b->billing_kw + hair);
    b->power_factor_krw = trunc(b->base_krw * power_factor_share(c));
    b->energy_krw = floor(energy + hair);
    b->climate_krw = floor(kwh * c->climate + hair);
    b->fuel_krw = trunc(kwh * c->fuel + (c->fuel < 0 ? -hair : hair));
    double charge = b->base_krw + b->power_factor_krw + b->energy_krw + b->climate_krw + b->fuel_krw;
    b->vat_krw = floor(charge * c->vat + 0.5);
    b->fund_krw = floor(charge * c->fund / 10 + hair) * 10;
    b->total_krw = charge + b->vat_krw + b->fund_krw;
}

static void add_month(struct tariff_month *y, const struct tariff_month *m) {
    for (int p = 0; p < TARIFF_N_PERIODS; p++) y->kwh[p] += m->kwh[p];
    y->demand_kw = most(y->demand_kw, m->demand_kw);
    y->billing_kw = most(y->billing_kw, m->billing_kw);
    y->base_krw += m->base_krw;
    y->power_factor_krw += m->power_factor_krw;
    y->energy_krw += m->energy_krw;
    y->climate_krw += m->climate_krw;
    y->fuel_krw += m->fuel_krw;
    y->vat_krw += m->vat_krw;
    y->fund_krw += m->fund_krw;
    y->total_krw += m->total_krw;
}

static bool bill_option(const struct tariff_config *c, enum tariff_option option, const struct tariff_meter *m,
                        double contract_w, const double prior[12], struct tariff_bill *out) {
    struct tariff_rates r;
    if (!tariff_rates(c, option, &r)) return false;
    out->year = (struct tariff_month){0};
    for (int k = 0; k < 12; k++) {
        struct tariff_month *b = &out->month[k];
        b->demand_kw = demand_of(c, m, k) / 1e3;
        b->billing_kw = billing_of(c, m, k, contract_w, prior) / 1e3;
        bill_month(c, &r, m, k, b);
        add_month(&out->year, b);
    }
    out->option = option;
    return true;
}

static double load_factor(const struct tariff_month *y, double hours) {
    double kwh = y->kwh[TARIFF_OFF] + y->kwh[TARIFF_MID] + y->kwh[TARIFF_PEAK];
    return y->demand_kw > 0 ? kwh / (y->demand_kw * hours) : 0;
}

sil_err tariff_bill(const struct tariff_config *c, const struct tariff_meter *m, double contract_w,
                    const double prior_w[12], struct tariff_bill *out, struct sil_error *e) {
    enum tariff_option best = TARIFF_CHEAPEST;
    struct tariff_bill b = {0};
    for (int o = TARIFF_CHEAPEST; o <= TARIFF_III; o++) out->option_krw[o] = NAN;
    for (int o = TARIFF_I; o <= TARIFF_III; o++) {
        if (!bill_option(c, (enum tariff_option)o, m, contract_w, prior_w, &b)) continue;
        out->option_krw[o] = b.year.total_krw;
        if (best == TARIFF_CHEAPEST || out->option_krw[o] < out->option_krw[best]) best = (enum tariff_option)o;
    }
    if (c->option != TARIFF_CHEAPEST) best = (enum tariff_option)c->option;
    if (best == TARIFF_CHEAPEST || !bill_option(c, best, m, contract_w, prior_w, out))
        return err_set(e, SIL_ARG, "tariff.option: this class has no such option at this voltage; use cheapest");
    out->load_factor = load_factor(&out->year, 8760);
    return SIL_OK;
}

sil_err tariff_bill_as(const struct tariff_config *c, enum tariff_class klass, const struct tariff_meter *m,
                       double contract_w, struct tariff_bill *out, struct sil_error *e) {
    struct tariff_config other = *c;
    other.klass = (int)klass;
    other.option = TARIFF_CHEAPEST;
    return tariff_bill(&other, m, contract_w, NULL, out, e);
}
