/* build: the chains of each phase, and what operates in a month. */
#include "plan/build.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"

#define MONTH_S (365.0 * 86400.0 / 12)

static double months(double seconds) {
    return seconds / MONTH_S;
}

static void bar(struct build_plan *p, uint32_t phase, enum build_chain chain, double begin, double end) {
    p->bar[p->n_bars++] = (struct build_bar){(int)phase, chain, begin, end};
}

/* The chains of one phase. Halls and machines aim at the wanted start but begin no earlier than the decision. */
static void schedule(struct build_plan *p, uint32_t i) {
    const struct build_config *c = p->config;
    const struct build_phase *f = &p->phase[i];
    double grid0 = (double)(f->grid_order ? f->grid_order : c->decision), grid1 = grid0 + months(c->grid_lead_s);
    double permit = months(c->permit_s), halls = months(c->construction_s), gpus = months(c->delivery_s);
    double first = (double)c->decision, want = (double)f->start;
    /* The permit is the site's: later phases stand on the first one's. */
    double halls0 = fmax(want - halls, first + permit), halls1 = halls0 + halls;
    double gpus0 = fmax(want - gpus, first), gpus1 = gpus0 + gpus;
    double ready = fmax(grid1, fmax(halls1, gpus1));
    double before = i > 0 ? p->start[i - 1] : 0; /* phases stay in order */
    p->start[i] = fmax(ceil(fmax(want, ready) - 1e-9), before);
    p->late[i] = p->start[i] - want;
    p->holds[i] = ready == grid1 ? BUILD_GRID : ready == halls1 ? BUILD_HALLS : BUILD_DELIVERY;
    if (p->holds[i] == BUILD_HALLS && halls0 == first + permit && permit > halls) p->holds[i] = BUILD_PERMIT;
    bar(p, i, BUILD_GRID, grid0, grid1);
    if (i == 0) bar(p, i, BUILD_PERMIT, first, first + permit);
    bar(p, i, BUILD_HALLS, halls0, halls1);
    bar(p, i, BUILD_DELIVERY, gpus0, gpus1);
    bar(p, i, BUILD_COMMISSIONING, p->start[i], p->start[i] + months(c->commissioning_s));
}

void build_make(const struct build_config *c, double contract_w, const double *ramp, uint32_t n_ramp,
                struct build_plan *out) {
    memset(out, 0, sizeof *out);
    out->ramp = ramp;
    out->n_ramp = n_ramp;
    out->config = c;
    out->n = c->n_phases;
    memcpy(out->phase, c->phases, sizeof out->phase);
    if (out->n == 0) { /* one phase, as early as its chains allow */
        out->n = 1;
        out->phase[0] = (struct build_phase){.name = "All", .start = c->decision, .gpu_share = 1};
        out->phase[0].contract_w = contract_w;
        out->phase[0].pv_share = out->phase[0].wind_share = out->phase[0].battery_share = 1;
    }
    for (uint32_t i = 0; i < out->n; i++) {
        struct build_phase *f = &out->phase[i];
        if (isnan(f->contract_w)) f->contract_w = contract_w;
        f->pv_share = isnan(f->pv_share) ? f->gpu_share : f->pv_share;
        f->wind_share = isnan(f->wind_share) ? f->gpu_share : f->wind_share;
        f->battery_share = isnan(f->battery_share) ? f->gpu_share : f->battery_share;
        schedule(out, i);
    }
    if (c->n_phases == 0) out->late[0] = 0; /* nothing was wanted earlier */
}

static double ramp_at(const struct build_plan *p, double since) {
    if (p->n_ramp == 0) return 1;
    double q = since / 3;
    return p->ramp[q >= p->n_ramp - 1 ? p->n_ramp - 1 : (uint32_t)q];
}

void build_at(const struct build_plan *p, int64_t month, struct build_state *out) {
    double mid = (double)month + 0.5, before = 0, sold = 0;
    double commissioning = months(p->config->commissioning_s);
    memset(out, 0, sizeof *out);
    out->phase = -1;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct build_phase *f = &p->phase[i];
        if (mid < p->start[i]) break;
        double done = commissioning > 0 ? fmin(1, (mid - p->start[i]) / commissioning) : 1;
        out->phase = (int)i;
        out->contract_w = f->contract_w;
        double added = (f->gpu_share - before) * done;
        out->gpu_share += added;
        sold += added * ramp_at(p, mid - p->start[i]);
        before = f->gpu_share;
        out->built = f->gpu_share;
        out->pv_share = f->pv_share;
        out->wind_share = f->wind_share;
        out->battery_share = f->battery_share;
    }
    if (out->phase < 0) return;
    out->years = (mid - p->start[0]) / 12;
    out->demand = out->gpu_share > 0 ? sold / out->gpu_share : 0;
}

int64_t build_first_month(const struct build_plan *p) {
    return (int64_t)p->start[0];
}

int32_t build_full_year(const struct build_plan *p) {
    double end = p->start[p->n - 1] + months(p->config->commissioning_s);
    double sold = p->start[p->n - 1] + 3.0 * (p->n_ramp > 0 ? p->n_ramp - 1 : 0);
    if (sold > end) end = sold;
    return (int32_t)ceil(end / 12 - 1e-9);
}

/* ---- impact assessment ---- */

/* Items and maxima of the grid impact assessment for power users of 10 MW and more. */
const struct build_item build_scores[BUILD_SCORES] = {
    {"grid supply margin", "계통 공급 여유도", 25, 0},
    {"difficulty of reinforcement", "계통 보강 난이도", 20, 0},
    {"own generation", "자가발전", 10, 0},
    {"energy efficiency", "에너지 효율", 5, 0},
    {"local business", "지역 산업", 5, 0},
    {"local community and value", "지역사회·부가가치", 5, 0},
    {"regional value", "지역 가치", 5, 0},
    {"jobs", "고용", 5, 0},
    {"regional power self-sufficiency", "지역 전력 자립도", 10, 0},
    {"policy", "정책", 10, 0},
};

double build_score(const struct build_config *c, double self_generation, double pue, double points[BUILD_SCORES]) {
    double sum = 0;
    for (int i = 0; i < BUILD_SCORES; i++) {
        points[i] = isnan(c->score[i]) ? 0 : fmin(c->score[i], build_scores[i].max);
        if (i == BUILD_SCORE_SELF && isnan(c->score[i])) points[i] = 10 * fmin(1, self_generation / 0.2);
        if (i == BUILD_SCORE_EFFICIENCY && isnan(c->score[i])) points[i] = 5 * fmax(0, fmin(1, (1.5 - pue) / 0.4));
        sum += points[i];
    }
    return sum + c->dispersion;
}

const char *build_chain_en(enum build_chain c) {
    static const char *const names[] = {"grid connection", "assessment and permits", "halls", "GPU delivery",
                                        "commissioning"};
    assert(c < BUILD_N_CHAINS);
    return names[c];
}

const char *build_chain_ko(enum build_chain c) {
    static const char *const names[] = {"계통 연계", "영향평가·인허가", "전산동 건설", "GPU 납품", "시운전"};
    assert(c < BUILD_N_CHAINS);
    return names[c];
}
