/* market: agreements and certificates are settled per step; carbon accounts follow the GHG Protocol's two scope 2
 * methods (location and market based). The hourly matched share is the one of CarbonExplorer and 24/7 CFE work. */
#include "plan/market.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "plan/least.h"

#define J_PER_KWH 3.6e6

sil_err market_begin(struct market *m, const struct market_config *c, const double mean[3], struct sil_error *e) {
    memset(m, 0, sizeof *m);
    m->c = c;
    double sum = 0;
    for (int h = 0; h < 24; h++) sum += c->smp_hour[h];
    for (int h = 0; h < 24; h++) m->smp_krw_kwh[h] = sum > 0 ? c->smp * c->smp_hour[h] * 24 / sum : c->smp;
    for (uint32_t i = 0; i < c->n_ppa; i++) {
        const struct market_ppa *p = &c->ppa[i];
        if (p->shape == MARKET_BASELOAD) {
            m->scale[i] = p->capacity_w * p->capacity_factor;
            continue;
        }
        if (!(mean[p->shape] > 0))
            return err_set(e, SIL_ARG, "ppa %s: no weather shape to follow; use shape baseload or give the site's",
                           p->name);
        m->scale[i] = p->capacity_w * p->capacity_factor / mean[p->shape];
    }
    return SIL_OK;
}

double market_ppa_w(struct market *m, const double unit[3]) {
    double total = 0;
    for (uint32_t i = 0; i < m->c->n_ppa; i++) {
        const struct market_ppa *p = &m->c->ppa[i];
        double w = p->shape == MARKET_BASELOAD ? m->scale[i] : least(m->scale[i] * unit[p->shape], p->capacity_w);
        m->ppa_w[i] = w;
        total += w;
    }
    return m->ppa_total_w = total;
}

double market_step(struct market *m, int hour, double dt_s, double load_w, double import_w, double export_w,
                   double own_w, double green_w) {
    struct market_sums *s = &m->sum;
    double used = least(import_w, m->ppa_total_w);
    double share = m->ppa_total_w > 0 ? used / m->ppa_total_w : 0;
    for (uint32_t i = 0; i < m->c->n_ppa; i++) {
        double made = m->ppa_w[i] * dt_s;
        s->ppa_made_j[i] += made;
        s->ppa_used_j[i] += made * share;
        if (m->c->ppa[i].settlement == MARKET_AS_PRODUCED)
            s->ppa_surplus_krw += made * (1 - share) / J_PER_KWH * m->smp_krw_kwh[hour];
    }
    double free_w = least(load_w, green_w + used);
    s->import_j += import_w * dt_s;
    s->kepco_j += (import_w - used) * dt_s;
    s->export_j += export_w * dt_s;
    s->export_krw += export_w * dt_s / J_PER_KWH * m->smp_krw_kwh[hour];
    s->own_j += own_w * dt_s;
    s->load_j += load_w * dt_s;
    s->carbon_free_j += free_w * dt_s;
    s->matched_j += market_cfe_w(load_w, free_w, m->c->grid_carbon_free) * dt_s;
    return free_w;
}

void market_close(const struct market *m, struct market_result *out) {
    const struct market_config *c = m->c;
    const struct market_sums *s = &m->sum;
    double used = 0;
    *out = (struct market_result){.ppa_surplus_krw = s->ppa_surplus_krw, .export_krw = s->export_krw};
    for (uint32_t i = 0; i < c->n_ppa; i++) {
        double paid = c->ppa[i].settlement == MARKET_AS_PRODUCED ? s->ppa_made_j[i] : s->ppa_used_j[i];
        out->ppa_krw += paid / J_PER_KWH * c->ppa[i].price;
        out->wheeling_krw += s->ppa_used_j[i] / J_PER_KWH * c->ppa[i].wheeling;
        used += s->ppa_used_j[i];
    }
    out->ppa_kwh = used / J_PER_KWH;
    out->export_kwh = s->export_j / J_PER_KWH;
    double kepco = s->kepco_j / J_PER_KWH, own = s->own_j / J_PER_KWH;
    /* Certificates of own generation that are sold belong to somebody else's claim. */
    double sold = c->own_rec == MARKET_REC_SELL ? own : 0, bought = kepco * c->rec_buy;
    out->rec_kwh = bought - sold;
    out->rec_krw = out->rec_kwh * c->rec_price;
    out->location_t = (kepco + out->ppa_kwh) * c->grid_carbon / 1e3;
    out->market_t = (kepco - bought + sold) * c->grid_carbon / 1e3;
    out->carbon_krw = most(0, out->market_t) * c->carbon_paid * c->carbon_price;
    if (s->load_j <= 0) return;
    out->carbon_free_share = s->matched_j / s->load_j;
    out->carbon_free_own = s->carbon_free_j / s->load_j;
    out->renewable_annual = (s->own_j + used + (bought - sold) * J_PER_KWH) / s->load_j;
}

#define AT(f)  .offset = offsetof(struct market_config, f)
#define PPA(f) .offset = offsetof(struct market_ppa, f)

/* Means by hour of KPX's mainland SMP, 2025-01-01 to 2025-08-18 (230 days), of their mean of 115.84 KRW/kWh. */
static const double smp_hours[24] = {0.981, 0.869, 0.839, 0.805, 0.819, 0.872, 0.936, 1.018,
                                     1.071, 1.110, 1.092, 0.946, 0.834, 0.888, 1.028, 1.092,
                                     1.090, 1.117, 1.134, 1.143, 1.126, 1.095, 1.067, 1.028};

static const struct plan_var ppa_vars[] = {
    {.path = "name",
     .kind = PLAN_TEXT,
     .text_def = "PPA",
     .source = "design",
     .help_en = "name",
     .help_ko = "이름",
     PPA(name)},
    {.path = "shape",
     .kind = PLAN_CHOICE,
     .choices = "pv|onshore|offshore|baseload",
     .required_if = "always",
     .source = "design",
     .help_en = "shape of delivery",
     .help_ko = "공급 형태",
     PPA(shape)},
    {.path = "capacity",
     .unit = "MW",
     .lo = 0,
     .hi = 100000,
     .def = 0,
     .required_if = "always",
     .source = "design",
     .help_en = "nameplate of the generator; baseload: delivered power",
     .help_ko = "설비용량(기저형: 공급 전력)",
     PPA(capacity_w)},
    {.path = "capacity_factor",
     .unit = "%",
     .lo = 1,
     .hi = 100,
     .def = 15.8,
     .required_if = "always",
     .source = "PV 15.8 % Jeonnam 2021; onshore 23-25 %, offshore 30-35 % (uncertain); baseload: availability",
     .help_en = "annual capacity factor",
     .help_ko = "이용률",
     PPA(capacity_factor)},
    {.path = "price",
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 1000,
     .def = 157.3,
     .source = "auction ceilings: PV 157.3, onshore 163.8, offshore 176.6",
     .help_en = "price at the generator",
     .help_ko = "계약 단가",
     PPA(price)},
    {.path = "wheeling",
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 200,
     .def = 25,
     .source = "assumption: grid use, losses, ancillary and settlement charges of a direct agreement",
     .help_en = "charges on top of the price",
     .help_ko = "망이용료 등 부대비용",
     PPA(wheeling)},
    {.path = "settlement",
     .kind = PLAN_CHOICE,
     .choices = "as_produced|as_consumed",
     .source = "design",
     .help_en = "what is paid",
     .help_ko = "정산 방식",
     PPA(settlement)},
};

static const struct plan_list lists[] = {
    {.path = "ppa",
     .vars = ppa_vars,
     .n_vars = PLAN_COUNT(ppa_vars),
     .offset = offsetof(struct market_config, ppa),
     .elem_size = sizeof(struct market_ppa),
     .count_offset = offsetof(struct market_config, n_ppa),
     .max = MARKET_PPA_MAX,
     .help_en = "power purchase agreements",
     .help_ko = "전력구매계약"},
};

static const struct plan_var vars[] = {
    {.path = "market.smp",
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 1000,
     .def = 121,
     .low = 100,
     .high = 150,
     .source = "KPX: about 121-124 in spring 2025",
     .help_en = "system marginal price, mean",
     .help_ko = "계통한계가격(SMP)",
     AT(smp)},
    {.path = "market.smp_hours",
     .kind = PLAN_NUMS,
     .lo = 0,
     .hi = 10,
     .n = 24,
     .defs = smp_hours,
     .source = "KPX: mainland SMP by hour, 2025-01-01 to 2025-08-18",
     .help_en = "SMP by hour of day, of the mean",
     .help_ko = "시간대별 SMP 비율",
     AT(smp_hour)},
    {.path = "market.rec_price",
     .unit = "KRW/kWh",
     .lo = 0,
     .hi = 500,
     .def = 72.8,
     .low = 50,
     .high = 90,
     .source = "KPX: spot REC about 72,800 KRW/MWh",
     .help_en = "renewable energy certificate",
     .help_ko = "REC 단가",
     AT(rec_price)},
    {.path = "market.own_rec",
     .kind = PLAN_CHOICE,
     .choices = "keep|sell",
     .source = "design",
     .help_en = "certificates of own generation",
     .help_ko = "자가발전 REC",
     AT(own_rec)},
    {.path = "market.rec_buy",
     .unit = "%",
     .lo = 0,
     .hi = 100,
     .def = 0,
     .source = "design",
     .help_en = "grid power covered by bought certificates",
     .help_ko = "REC 구매 비율",
     AT(rec_buy)},
    {.path = "market.grid_carbon",
     .unit = "kgCO2/kWh",
     .lo = 0,
     .hi = 2,
     .def = 0.4173,
     .source = "Korea 2023, consumption end (Greenhouse Gas Inventory and Research Center)",
     .help_en = "emission factor of the grid",
     .help_ko = "전력 배출계수",
     AT(grid_carbon)},
    {.path = "market.grid_carbon_free",
     .unit = "%",
     .lo = 0,
     .hi = 100,
     .def = 40,
     .source = "assumption: nuclear 31.7 % and renewables 10.5 % of generation in 2024, rounded down",
     .help_en = "carbon-free share of the grid, g",
     .help_ko = "계통 무탄소 비율",
     AT(grid_carbon_free)},
    {.path = "market.carbon_price",
     .unit = "KRW/tCO2",
     .lo = 0,
     .hi = 1e6,
     .def = 10000,
     .low = 8000,
     .high = 40000,
     .source = "assumption: Korean allowance units about 10,000 in 2025-26",
     .help_en = "emission allowance",
     .help_ko = "배출권 가격",
     AT(carbon_price)},
    {.path = "market.carbon_paid",
     .unit = "%",
     .lo = 0,
     .hi = 100,
     .def = 10,
     .source = "K-ETS: 10 % of allowances auctioned",
     .help_en = "emissions that are paid for",
     .help_ko = "유상할당 비율",
     AT(carbon_paid)},
};

const struct plan_group market_group = {
    .name = "market",
    .title_en = "Market, agreements and carbon",
    .title_ko = "전력시장·PPA·탄소",
    .size = sizeof(struct market_config),
    .vars = vars,
    .n_vars = PLAN_COUNT(vars),
    .lists = lists,
    .n_lists = PLAN_COUNT(lists),
};
