/* results: from a run's sums to its named numbers, in the order of printing. */
#include "plan/results.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"

#define J_PER_GWH 3.6e12
#define KRW_BN    1e9

struct adder {
    struct plan_outcome *o;
    struct sil_error *e;
    sil_err rc;
    enum plan_section section;
};

enum { HIDE = 0, SCREEN = 1 };

static void add_of(struct adder *a, const char *key, const char *of, double value, const char *unit, const char *en,
                   const char *ko, int screen) {
    if (a->rc != SIL_OK) return;
    struct plan_result r = {.key = key,
                            .section = a->section,
                            .value = value,
                            .unit = unit,
                            .en = en,
                            .ko = ko,
                            .screen = screen == SCREEN};
    struct str name = str_of(of);
    size_t n = name.n < PLAN_RESULT_OF_MAX ? name.n : PLAN_RESULT_OF_MAX - 1;
    while (n < name.n && n > 0 && ((unsigned char)name.p[n] & 0xc0) == 0x80) n--; /* not inside a character */
    memcpy(r.of, name.p, n);
    a->rc = plan_result_add(&a->o->results, &r, a->e);
}

static void add(struct adder *a, const char *key, double value, const char *unit, const char *en, const char *ko,
                int screen) {
    add_of(a, key, "", value, unit, en, ko, screen);
}

static double ratio(double x, double y) {
    return y > 0 ? x / y : NAN;
}

static void add_service(struct adder *a, const struct fleet_service *c, const struct sim_service *t) {
    const char *n = c->name;
    if (c->kind == FLEET_TRAINING) {
        add_of(a, "service.gpu_hours", n, t->gpu_s / 3600e6, "M GPU-h", "GPU-hours held", "사용 GPU 시간", SCREEN);
    } else if (c->kind == FLEET_IMAGES) {
        add_of(a, "service.images", n, t->served / 1e6, "M", "images", "이미지", SCREEN);
    } else {
        add_of(a, "service.tokens_out", n, t->out_tokens / 1e9, "bn tokens", "answer tokens", "생성 토큰", SCREEN);
        add_of(a, "service.tokens_in", n, t->in_tokens / 1e9, "bn tokens", "prompt tokens", "입력 토큰", HIDE);
    }
    if (c->kind != FLEET_TRAINING) {
        add_of(a, "service.requests", n, t->served / 1e6, "M", "requests served", "처리 요청", SCREEN);
        add_of(a, "service.refused", n, 100 * ratio(t->refused, t->offered), "%", "requests refused", "거절 요청",
               HIDE);
        add_of(a, "service.slo", n, 100 * t->slo, "%", "within the service level", "서비스 수준 충족", SCREEN);
        add_of(a, "service.ttft_p50", n, t->ttft_p50 * 1e3, "ms", "first token, median", "첫 토큰 중앙값", HIDE);
        add_of(a, "service.ttft_p99", n, t->ttft_p99 * 1e3, "ms", "first token, 99 %", "첫 토큰 99 %", HIDE);
        add_of(a, "service.tpot_p50", n, t->tpot_p50 * 1e3, "ms", "per token, median", "토큰당 중앙값", HIDE);
    }
    add_of(a, "service.gpus_mean", n, t->gpu_s / (a->o->sums.hours * 3600), "GPUs", "GPUs held, mean", "평균 점유 GPU",
           HIDE);
    add_of(a, "service.energy", n, t->energy_j / J_PER_GWH, "GWh", "energy of its systems", "시스템 전력량", HIDE);
    add_of(a, "service.revenue", n, t->revenue_usd / 1e6, "USD M", "revenue at the design's prices", "매출(설계 단가)",
           HIDE);
}

static void services(struct adder *a) {
    const struct fleet_config *c = &a->o->design->c.fleet;
    double slo = 0, offered = 0;
    a->section = PLAN_SEC_SERVICE;
    for (uint32_t i = 0; i < c->n_services; i++) {
        add_service(a, &c->services[i], &a->o->sums.service[i]);
        bool timed = c->services[i].kind == FLEET_CHAT || c->services[i].kind == FLEET_CODE ||
                     c->services[i].kind == FLEET_IMAGES;
        if (timed) {
            slo += a->o->sums.service[i].slo * a->o->sums.service[i].offered;
            offered += a->o->sums.service[i].offered;
        }
    }
    add(a, "service.all_tokens", a->o->sums.tokens / 1e12, "tn tokens", "tokens served, prompt and answer",
        "처리 토큰(입력+생성)", SCREEN);
    add(a, "service.all_slo", 100 * ratio(slo, offered), "%", "interactive requests within their level",
        "대화형 요청 수준 충족", SCREEN);
}

static void gpus(struct adder *a) {
    const struct fleet_config *c = &a->o->design->c.fleet;
    double all = 0;
    a->section = PLAN_SEC_FLEET;
    for (uint32_t i = 0; i < c->n_pools; i++) {
        struct fleet_pool_facts f;
        fleet_pool_at(sim_fleet(a->o->sim), i, &f);
        all += f.gpus;
        add_of(a, "fleet.pool_gpus", c->pools[i].name, f.gpus, "GPUs", "GPUs installed", "설치 GPU", c->n_pools > 1);
        add_of(a, "fleet.formula_gpus", c->pools[i].name, f.formula_gpus, "GPUs", "what the contract allows",
               "계약전력 허용 GPU", HIDE);
        add_of(a, "fleet.draw", c->pools[i].name, f.draw_w, "W", "system draw per GPU at the design point",
               "GPU당 시스템 전력(설계점)", HIDE);
    }
    const struct sim_sums *t = &a->o->sums;
    add(a, "fleet.gpus", all, "GPUs", "GPUs installed", "설치 GPU", SCREEN);
    add(a, "fleet.in_service", t->gpu_s / (t->hours * 3600), "GPUs", "in service, mean of the year", "가동 GPU(연평균)",
        SCREEN);
    add(a, "fleet.use", 100 * ratio(t->busy_s, t->gpu_s), "%", "of their time computing", "연산 시간 비율", SCREEN);
}

static void power(struct adder *a) {
    const struct sim_sums *t = &a->o->sums;
    double s = t->hours * 3600;
    a->section = PLAN_SEC_POWER;
    add(a, "power.it_mean", t->it_j / s / 1e6, "MW", "IT, mean", "IT 평균", SCREEN);
    add(a, "power.it_peak", t->it_peak_w / 1e6, "MW", "IT, peak", "IT 최대", SCREEN);
    add(a, "power.facility_mean", t->facility_j / s / 1e6, "MW", "facility, mean", "시설 평균", SCREEN);
    add(a, "power.facility_peak", t->facility_peak_w / 1e6, "MW", "facility, peak", "시설 최대", SCREEN);
    add(a, "power.import_peak", t->import_peak_w / 1e6, "MW", "import, peak", "수전 최대", SCREEN);
    add(a, "power.contract", a->o->design->c.site.contract_w / 1e6, "MW", "contract", "계약전력", SCREEN);
    add(a, "power.wanted_peak", t->wanted_peak_w / 1e6, "MW", "facility without the cap, peak", "상한 없는 시설 최대",
        HIDE);
    add(a, "power.step_max", t->step_max_w / 1e6, "MW", "largest change of import between steps", "수전 최대 변동",
        HIDE);
    add(a, "power.load_factor", 100 * ratio(t->import_j / s, t->import_peak_w), "%", "load factor of import",
        "수전 부하율", HIDE);
    add(a, "power.pue", ratio(t->facility_j, t->it_j), "1", "PUE of the year", "연간 PUE", SCREEN);
    add(a, "power.design_pue", sim_facility(a->o->sim)->design_pue, "1", "PUE in the design hour", "설계 시각 PUE",
        HIDE);
    add(a, "power.wue", ratio(t->water_kg, t->it_j / 3.6e6), "L/kWh", "WUE of the year", "연간 WUE", SCREEN);
    add(a, "power.water", t->water_kg / 1e6, "ML", "water taken in", "용수 사용", HIDE);
    add(a, "power.capped_hours", t->capped_s / 3600, "h", "hours with power capped", "전력 제한 시간", SCREEN);
    add(a, "power.not_served", t->capped_j / J_PER_GWH, "GWh", "energy not served", "미공급 전력량", HIDE);
    add(a, "power.balance", t->balance_error, "1", "largest error of a step's balance", "스텝 수지 최대 오차", HIDE);
}

static void energy(struct adder *a) {
    const struct sim_sums *t = &a->o->sums;
    const struct energy_result *en = &a->o->energy;
    a->section = PLAN_SEC_ENERGY;
    add(a, "energy.facility", t->facility_j / J_PER_GWH, "GWh", "facility", "시설 사용", SCREEN);
    add(a, "energy.import", t->import_j / J_PER_GWH, "GWh", "import", "수전", SCREEN);
    add(a, "energy.ppa", t->ppa_j / J_PER_GWH, "GWh", "of it by agreements (PPA)", "그중 PPA", t->ppa_j > 0);
    add(a, "energy.pv", t->pv_j / J_PER_GWH, "GWh", "own PV", "자가 태양광", t->pv_j > 0);
    add(a, "energy.wind", t->wind_j / J_PER_GWH, "GWh", "own wind", "자가 풍력", t->wind_j > 0);
    add(a, "energy.curtailed", t->curtailed_j / J_PER_GWH, "GWh", "curtailed", "출력제한", t->curtailed_j > 0);
    add(a, "energy.battery_out", t->discharge_j / J_PER_GWH, "GWh", "through the battery", "배터리 방전",
        t->discharge_j > 0);
    add(a, "energy.battery_health", 100 * en->battery_soh, "%", "battery health after the year", "배터리 건전도(연말)",
        HIDE);
    add(a, "energy.export", t->export_j / J_PER_GWH, "GWh", "export", "송전", t->export_j > 0);
    add(a, "energy.cooling", t->cooling_j / J_PER_GWH, "GWh", "cooling", "냉각", HIDE);
    add(a, "energy.losses", t->loss_j / J_PER_GWH, "GWh", "electrical losses", "전기 손실", HIDE);
    add(a, "carbon.cfe", 100 * en->market.carbon_free_share, "%", "carbon-free, matched by the hour",
        "무탄소 비율(시간별)", SCREEN);
    add(a, "carbon.cfe_own", 100 * en->market.carbon_free_own, "%", "the same without the grid's share",
        "무탄소 비율(계통 제외)", HIDE);
    add(a, "carbon.renewable_annual", 100 * en->market.renewable_annual, "%", "renewable, by the year (not matched)",
        "재생에너지 비율(연간)", HIDE);
    add(a, "carbon.location", en->market.location_t / 1e3, "kt CO2", "carbon, by the grid's factor", "탄소(계통 계수)",
        SCREEN);
    add(a, "carbon.market", en->market.market_t / 1e3, "kt CO2", "carbon, less agreements and certificates",
        "탄소(계약·인증서 차감)", HIDE);
}

static const char *class_name(int k, const char **ko) {
    static const char *const names[TARIFF_CUSTOM][2] = {{"general (eul)", "일반용(을)"},
                                                        {"industrial (eul)", "산업용(을)"},
                                                        {"PPA customer", "PPA 고객"},
                                                        {"general, small", "일반용(갑)"}};
    *ko = names[k][1];
    return names[k][0];
}

static void cost(struct adder *a) {
    const struct energy_result *en = &a->o->energy;
    const struct tariff_month *y = &en->bill.year;
    const struct finance *f = a->o->money;
    a->section = PLAN_SEC_COST;
    add(a, "cost.power", en->cost_krw / KRW_BN, "KRW bn", "power a year, before VAT", "연간 전력비(부가세 제외)",
        SCREEN);
    add(a, "cost.power_kwh", ratio(en->cost_krw, a->o->sums.facility_j / 3.6e6), "KRW/kWh", "the same per kWh used",
        "kWh당 전력비", SCREEN);
    add(a, "cost.base", y->base_krw / KRW_BN, "KRW bn", "base charge", "기본요금", HIDE);
    add(a, "cost.energy", y->energy_krw / KRW_BN, "KRW bn", "energy charge", "전력량요금", HIDE);
    add(a, "cost.climate", y->climate_krw / KRW_BN, "KRW bn", "climate charge", "기후환경요금", HIDE);
    add(a, "cost.fuel", y->fuel_krw / KRW_BN, "KRW bn", "fuel charge", "연료비조정", HIDE);
    add(a, "cost.fund", y->fund_krw / KRW_BN, "KRW bn", "power industry fund", "전력산업기반기금", HIDE);
    add(a, "cost.vat", y->vat_krw / KRW_BN, "KRW bn", "VAT", "부가가치세", HIDE);
    for (int k = 0; k < TARIFF_CUSTOM; k++) {
        const char *ko, *name = class_name(k, &ko);
        if (!isnan(en->class_krw[k]))
            add_of(a, "cost.class", name, en->class_krw[k] / KRW_BN, "KRW bn", "bill of the year in this class",
                   "이 종별의 연간 요금", HIDE);
    }
    add(a, "cost.capex", f->capex_first / 1e12, "KRW tn", "capex, first build", "초기 투자비", SCREEN);
    add(a, "cost.capex_all", f->capex_all / 1e12, "KRW tn", "capex with refreshes", "교체 포함 투자비", HIDE);
    for (int i = 0; i < FIN_N_ITEMS; i++)
        add_of(a, "cost.capex_item", fin_item_en[i], f->capex[i] / KRW_BN, "KRW bn", "capex by item", "항목별 투자비",
               HIDE);
    add(a, "cost.mtoken", f->krw_per_mtoken, "KRW", "per million tokens, levelised", "백만 토큰당 비용(균등화)",
        SCREEN);
    add(a, "cost.gpu_hour", f->krw_per_gpu_hour, "KRW", "per GPU-hour, levelised", "GPU 시간당 비용(균등화)", SCREEN);
}

static void finance(struct adder *a) {
    const struct finance *f = a->o->money;
    a->section = PLAN_SEC_FINANCE;
    const struct fin_input *in = &a->o->money_in;
    double revenue = fin_revenue_usd(&a->o->design->c.finance, &in->op[in->n_ops - 1]);
    add(a, "finance.revenue", revenue * a->o->design->c.finance.fx / KRW_BN, "KRW bn",
        "revenue of the year, today's prices", "연 매출(현재 단가)", SCREEN);
    const struct fin_ops *op = &in->op[in->n_ops - 1];
    add(a, "finance.gpu_hour_revenue",
        op->gpu_hours > 0 ? fin_revenue_usd(&a->o->design->c.finance, op) / op->gpu_hours : NAN, "USD/h",
        "revenue per GPU-hour in service", "GPU 시간당 매출", SCREEN);
    add(a, "finance.npv", f->npv / KRW_BN, "KRW bn", "NPV of the project, after tax", "사업 NPV(세후)", SCREEN);
    add(a, "finance.irr", 100 * f->irr, "%", "IRR of the project", "사업 IRR", SCREEN);
    add(a, "finance.payback", f->payback_years, "years", "payback from the first spending", "회수 기간", SCREEN);
    add(a, "finance.dscr_min", f->dscr_min, "1", "DSCR, least", "DSCR 최저", SCREEN);
    add(a, "finance.dscr_mean", f->dscr_mean, "1", "DSCR, mean", "DSCR 평균", HIDE);
    add(a, "finance.equity_npv", f->equity_npv / KRW_BN, "KRW bn", "NPV to equity", "자기자본 NPV", HIDE);
    add(a, "finance.equity_irr", 100 * f->equity_irr, "%", "IRR to equity", "자기자본 IRR", HIDE);
    static const char *const party[FIN_N_PARTIES] = {"technology", "infrastructure"};
    for (int i = 0; i < FIN_N_PARTIES; i++) {
        add_of(a, "finance.party_npv", party[i], f->party_npv[i] / KRW_BN, "KRW bn", "NPV of its cash", "당사자 NPV",
               SCREEN);
        add_of(a, "finance.party_irr", party[i], 100 * f->party_irr[i], "%", "IRR of its cash", "당사자 IRR", SCREEN);
        add_of(a, "finance.party_capex", party[i], f->party_capex[i] / KRW_BN, "KRW bn", "its capex", "당사자 투자비",
               HIDE);
    }
}

static void build(struct adder *a) {
    const struct build_plan *b = sim_build(a->o->sim);
    a->section = PLAN_SEC_BUILD;
    for (uint32_t i = 0; i < b->n; i++) {
        double month = b->start[i];
        add_of(a, "build.start", b->phase[i].name, floor(month / 12) + (fmod(month, 12)) / 12, "year",
               "operation begins", "가동 시작", HIDE);
        add_of(a, "build.late", b->phase[i].name, b->late[i], "months", "later than wanted", "희망보다 지연",
               b->late[i] > 0);
    }
    add(a, "build.score", a->o->score, "points", "impact assessment (70 passes)", "영향평가 점수(70점 통과)",
        a->o->design->c.site.contract_w >= 10e6);
}

static void constraints(struct adder *a) {
    int order[SIM_N_LIMITS];
    const double *t = a->o->sums.limit_s;
    a->section = PLAN_SEC_CONSTRAINT;
    for (int i = 0; i < SIM_N_LIMITS; i++) {
        int k = i;
        for (; k > 0 && t[order[k - 1]] < t[i]; k--) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int i = 0; i < SIM_N_LIMITS; i++) {
        enum sim_limit l = (enum sim_limit)order[i];
        add(a, "constraint.hours", t[l] / 3600, "h", sim_limit_en(l), sim_limit_ko(l), t[l] > 0 && i < 5);
    }
}

sil_err plan_results_fill(struct plan_outcome *o, struct sil_error *e) {
    struct adder a = {.o = o, .e = e};
    o->results.n = 0;
    services(&a);
    gpus(&a);
    power(&a);
    energy(&a);
    cost(&a);
    finance(&a);
    build(&a);
    constraints(&a);
    return a.rc;
}
