/* outcome: the years, the money, the results and the tornado of one design. */
#include "plan/outcome.h"

#include <math.h>
#include <stdatomic.h>

#include "base/err.h"
#include "plan/results.h"
#include "plan/sim_impl.h"

#define J_PER_KWH 3.6e6

static void progress(const struct outcome_options *o, double done, const char *what) {
    if (o->progress) o->progress(o->ctx, done, what);
}

/* ---- the years ---- */

static sil_err run_shown(struct plan_outcome *o, struct sil_error *e) {
    uint32_t n = sim_steps(o->sim);
    struct plan_step *rows = mem_array(o->mem, n, sizeof *rows);
    if (!rows) return err_nomem(e, "the steps of a year", n * sizeof *rows);
    o->series = (struct plan_series){.row = rows, .n = n, .dt_s = o->design->c.run.step_s, .year = o->year};
    return sim_run(o->sim, o->year, rows, &o->sums, &o->energy, e);
}

/* Calendar years from the first start to the one shown, at most OUTCOME_YEARS_MAX of them. */
static uint32_t years_of(const struct sim *s, int32_t shown, int32_t *first) {
    *first = (int32_t)(build_first_month(sim_build(s)) / 12);
    int32_t n = shown - *first;
    return n < 0 ? 0 : n > OUTCOME_YEARS_MAX - 1 ? OUTCOME_YEARS_MAX - 1 : (uint32_t)n;
}

static sil_err run_outline(const struct plan_design *d, const struct sim *like, struct mem mem, int32_t first,
                           uint32_t n, struct outcome_year *years, struct sil_error *e) {
    struct sim *s;
    if (n == 0) return SIL_OK;
    SIL_TRY(sim_open(d, d->c.run.outline_s, like, mem, &s, e));
    sil_err rc = SIL_OK;
    for (uint32_t i = 0; i < n && rc == SIL_OK; i++) {
        struct outcome_year *y = &years[i];
        struct build_state b;
        y->year = first + (int32_t)i;
        build_at(sim_build(s), (int64_t)y->year * 12 + 11, &b);
        y->gpu_share = b.gpu_share;
        y->contract_w = b.contract_w;
        rc = sim_run(s, y->year, NULL, &y->sums, &y->energy, e);
    }
    sim_close(s);
    return rc;
}

/* ---- money ---- */

static uint32_t quarter_of(double month, int32_t start_year) {
    double q = floor((month - 12.0 * start_year) / 3);
    return q > 0 ? (uint32_t)q : 0;
}

/* The first month in which anything is spent: the decision, or the first chain that begins. */
static int32_t money_start(const struct build_plan *b) {
    return (int32_t)(b->config->decision / 12);
}

static double gpus_of(const struct plan_design *d, const struct sim *s, double *usd) {
    double gpus = 0, cost = 0;
    for (uint32_t i = 0; i < d->c.fleet.n_pools; i++) {
        struct fleet_pool_facts f;
        fleet_pool_at(sim_fleet(s), i, &f);
        gpus += f.gpus;
        cost += f.gpus * f.hw->price_usd;
    }
    *usd = gpus > 0 ? cost / gpus : 0;
    return gpus;
}

static void phases_of_money(const struct plan_design *d, const struct sim *s, struct fin_input *in) {
    const struct build_plan *b = sim_build(s);
    const struct plan_configs *c = &d->c;
    double gpus = gpus_of(d, s, &in->gpu_usd), it_kw = sim_facility(s)->design_it_w / 1e3;
    struct build_phase before = {0};
    in->start_year = money_start(b);
    in->n_phases = b->n;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct build_phase *p = &b->phase[i];
        double begin = b->start[i], wind_kw = c->wind.capacity_w * (p->wind_share - before.wind_share) / 1e3;
        for (uint32_t k = 0; k < b->n_bars; k++)
            if (b->bar[k].phase == (int)i && b->bar[k].chain == BUILD_HALLS) begin = b->bar[k].begin;
        in->phase[i] = (struct fin_phase){
            .gpus = gpus * (p->gpu_share - before.gpu_share),
            .contract_kw = (p->contract_w - before.contract_w) / 1e3,
            .it_kw = it_kw * (p->gpu_share - before.gpu_share),
            .pv_kw = c->pv.capacity_w * (p->pv_share - before.pv_share) / 1e3,
            .onshore_kw = c->wind.offshore ? 0 : wind_kw,
            .offshore_kw = c->wind.offshore ? wind_kw : 0,
            .battery_kw = c->battery.power_w * (p->battery_share - before.battery_share) / 1e3,
            .battery_kwh = c->battery.energy_j * (p->battery_share - before.battery_share) / J_PER_KWH,
            .spend_quarter = quarter_of(begin, in->start_year),
            .online_quarter = quarter_of(b->start[i], in->start_year),
        };
        before = *p;
    }
}

static void operation(const struct sim *s, const struct sim_sums *t, const struct energy_result *en,
                      struct fin_ops *op) {
    const struct market_result *m = &en->market;
    memset(op, 0, sizeof *op);
    for (uint32_t i = 0; i < t->n_services; i++) {
        bool rental = s->design->c.fleet.services[i].kind == FLEET_TRAINING;
        *(rental ? &op->rental_usd : &op->service_usd) += t->service[i].revenue_usd;
    }
    op->mtokens = t->tokens / 1e6;
    op->gpu_hours = t->gpu_s / 3600;
    op->power_krw = en->bill.year.total_krw - en->bill.year.vat_krw;
    op->power_vat_krw = en->bill.year.vat_krw;
    op->ppa_krw = m->ppa_krw + m->wheeling_krw - m->ppa_surplus_krw - m->export_krw + m->rec_krw + m->carbon_krw;
    op->water_m3 = t->water_kg / 1000;
    /* In operation: the plant of the GPUs in service. */
    double gpus = 0;
    for (uint32_t i = 0; i < s->design->c.fleet.n_pools; i++) {
        struct fleet_pool_facts f;
        fleet_pool_at(s->fleet, i, &f);
        gpus += (f.gpus - f.spares) * f.available;
    }
    double share = gpus > 0 ? t->gpu_s / (t->hours * 3600) / gpus : 0;
    op->it_kw = s->facility.design_it_w / 1e3 * (share < 1 ? share : 1);
}

static sil_err money(const struct plan_design *d, const struct sim *s, const struct outcome_year *years, uint32_t n,
                     const struct sim_sums *shown, const struct energy_result *energy, int32_t year,
                     struct fin_input *in, struct finance *out, struct sil_error *e) {
    memset(in, 0, sizeof *in);
    phases_of_money(d, s, in);
    for (uint32_t i = 0; i < n; i++) {
        int32_t at = years[i].year - in->start_year;
        if (at >= 0 && at < FIN_YEARS_MAX) operation(s, &years[i].sums, &years[i].energy, &in->op[at]);
    }
    int32_t last = year - in->start_year;
    if (last < 0 || last >= FIN_YEARS_MAX)
        return err_set(e, SIL_ARG, "%s: the year shown (%d) is not within %d years of build.decision", d->file,
                       (int)year, FIN_YEARS_MAX);
    operation(s, shown, energy, &in->op[last]);
    in->n_ops = (uint32_t)last + 1;
    in->battery_life_years = energy->battery_life_years;
    sil_err rc = finance_run(&d->c.finance, in, out, e);
    return rc == SIL_OK ? rc : err_prefix(e, rc, "%s", d->file);
}

/* ---- a value under other inputs ---- */

/* The years of a design in the outline's steps, and the money of them. */
struct scenario {
    struct outcome_year years[OUTCOME_YEARS_MAX];
    uint32_t n;
    int32_t shown;
    struct sim_sums sums;
    struct energy_result energy;
    struct fin_input in;
    struct finance out;
};

static sil_err scenario_years(struct scenario *w, struct sim *s, struct sil_error *e) {
    int32_t first;
    w->shown = sim_year_shown(s);
    w->n = years_of(s, w->shown, &first);
    for (uint32_t i = 0; i < w->n; i++) {
        struct outcome_year *y = &w->years[i];
        y->year = first + (int32_t)i;
        SIL_TRY(sim_run(s, y->year, NULL, &y->sums, &y->energy, e));
    }
    return sim_run(s, w->shown, NULL, &w->sums, &w->energy, e);
}

static sil_err scenario_money(struct scenario *w, const struct plan_design *d, const struct sim *s, double *npv,
                              struct sil_error *e) {
    SIL_TRY(money(d, s, w->years, w->n, &w->sums, &w->energy, w->shown, &w->in, &w->out, e));
    *npv = w->out.npv;
    return SIL_OK;
}

sil_err plan_outcome_npv(const struct plan_design *d, const struct sim *like, struct mem mem, double *npv,
                         struct sil_error *e) {
    struct scenario *w = mem_array(mem, 1, sizeof *w);
    struct sim *s = NULL;
    if (!w) return err_nomem(e, "a scenario", sizeof *w);
    sil_err rc = sim_open(d, d->c.run.outline_s, like, mem, &s, e);
    if (rc == SIL_OK) rc = scenario_years(w, s, e);
    if (rc == SIL_OK) rc = scenario_money(w, d, s, npv, e);
    sim_close(s);
    mem_free(mem, w);
    return rc;
}

/* ---- tornado ---- */

struct tornado_run {
    const struct plan_outcome *o;
    struct sim *base;             /* in the outline's steps */
    const struct scenario *years; /* of the design as it is: what money alone moves needs no other simulation */
    const struct outcome_options *opt;
    uint32_t total; /* evaluations */
    _Atomic uint32_t *done;
};

/* The NPV when only money changes. */
static double money_value(const struct tornado_run *t, const struct plan_design *d) {
    double npv = NAN;
    struct scenario *w = mem_alloc(t->o->mem, sizeof *w);
    if (!w) return NAN;
    *w = *t->years;
    if (scenario_money(w, d, t->base, &npv, NULL) != SIL_OK) npv = NAN;
    mem_free(t->o->mem, w);
    return npv;
}

static double tornado_value(void *ctx, const struct tornado_bar *bar, double value, uint32_t worker) {
    const struct tornado_run *t = ctx;
    struct mem mem = t->o->mem;
    struct plan_design *d = mem_alloc(mem, sizeof *d);
    double npv = NAN;
    uint32_t done = atomic_fetch_add(t->done, 1);
    if (worker == 0) progress(t->opt, 0.3 + 0.7 * done / t->total, "what moves the result");
    if (!d || plan_stop_check(t->opt->stop, NULL) != SIL_OK) {
        mem_free(mem, d);
        return NAN;
    }
    *d = *t->o->design;
    char *config = (char *)&d->c + plan_modules[bar->group].offset;
    memcpy(config + bar->var->offset, &value, sizeof value);
    if (plan_modules[bar->group].group == &finance_group) npv = money_value(t, d);
    else if (plan_outcome_npv(d, t->base, mem, &npv, NULL) != SIL_OK) npv = NAN;
    mem_free(mem, d);
    return npv;
}

/* Variables with a spread, two ends each. */
static uint32_t evaluations(void) {
    uint32_t n = 0;
    for (size_t m = 0; m < plan_n_modules; m++)
        for (size_t i = 0; i < plan_modules[m].group->n_vars; i++)
            n += 2 * (plan_modules[m].group->vars[i].low < plan_modules[m].group->vars[i].high);
    return n ? n : 1;
}

static sil_err draw_tornado(struct plan_outcome *o, struct scenario *w, const struct outcome_options *opt,
                            struct sil_error *e) {
    enum { GROUPS_MAX = 32 };
    const struct plan_group *groups[GROUPS_MAX] = {NULL};
    size_t n = 0;
    for (; n < plan_n_modules && n < GROUPS_MAX; n++) groups[n] = plan_modules[n].group;
    _Atomic uint32_t done = 0;
    struct tornado_run t = {.o = o, .years = w, .opt = opt, .total = evaluations(), .done = &done};
    double base = NAN;
    SIL_TRY(sim_open(o->design, o->design->c.run.outline_s, o->sim, o->mem, &t.base, e));
    sil_err rc = scenario_years(w, t.base, e);
    if (rc == SIL_OK) rc = scenario_money(w, o->design, t.base, &base, e);
    if (rc == SIL_OK) tornado_run(groups, n, base, tornado_value, &t, opt->pool, o->tornado);
    sim_close(t.base);
    return rc;
}

static sil_err run_tornado(struct plan_outcome *o, const struct outcome_options *opt, struct sil_error *e) {
    struct scenario *w = mem_array(o->mem, 1, sizeof *w);
    o->tornado = mem_array(o->mem, 1, sizeof(struct tornado));
    sil_err rc = o->tornado && w ? draw_tornado(o, w, opt, e) : err_nomem(e, "the tornado", sizeof *w);
    mem_free(o->mem, w);
    return rc;
}

/* ---- all of it ---- */

static sil_err run(struct plan_outcome *o, const struct outcome_options *opt, struct sil_error *e) {
    const struct plan_design *d = o->design;
    progress(opt, 0, "weather, plant and fleet");
    SIL_TRY(sim_open(d, d->c.run.step_s, NULL, o->mem, &o->sim, e));
    sim_stop_when(o->sim, opt->stop);
    o->year = sim_year_shown(o->sim);
    weather_summarise(sim_weather(o->sim), &o->weather);
    progress(opt, 0.05, "the year");
    SIL_TRY(run_shown(o, e));
    int32_t first;
    o->n_years = years_of(o->sim, o->year, &first);
    o->years = mem_array(o->mem, o->n_years + 1, sizeof(struct outcome_year));
    o->money = mem_array(o->mem, 1, sizeof(struct finance));
    if (!o->years || !o->money)
        return err_nomem(e, "the years of the build", (o->n_years + 1) * sizeof(struct outcome_year));
    progress(opt, 0.15, "the other years");
    SIL_TRY(run_outline(d, o->sim, o->mem, first, o->n_years, o->years, e));
    SIL_TRY(money(d, o->sim, o->years, o->n_years, &o->sums, &o->energy, o->year, &o->money_in, o->money, e));
    double own = o->sums.facility_j > 0 ? (o->sums.pv_j + o->sums.wind_j) / o->sums.facility_j : 0;
    double pue = o->sums.it_j > 0 ? o->sums.facility_j / o->sums.it_j : NAN;
    o->score = build_score(&d->c.build, own, pue, o->score_points);
    if (opt->tornado) SIL_TRY(run_tornado(o, opt, e));
    SIL_TRY(plan_stop_check(opt->stop, e));
    progress(opt, 1, "done");
    return plan_results_fill(o, e);
}

sil_err plan_outcome_run(const struct plan_design *d, const struct outcome_options *opt, struct mem mem,
                         struct plan_outcome **out, struct sil_error *e) {
    struct plan_outcome *o = mem_array(mem, 1, sizeof *o);
    if (!o) return err_nomem(e, "an outcome", sizeof *o);
    o->design = d;
    o->mem = mem;
    sil_err rc = run(o, opt, e);
    if (rc != SIL_OK) {
        plan_outcome_free(o);
        return rc;
    }
    *out = o;
    return SIL_OK;
}

void plan_outcome_free(struct plan_outcome *o) {
    if (!o) return;
    struct mem mem = o->mem;
    union {
        const struct plan_step *c;
        struct plan_step *p;
    } rows = {.c = o->series.row};
    mem_free(mem, rows.p);
    mem_free(mem, o->years);
    mem_free(mem, o->money);
    mem_free(mem, o->tornado);
    sim_close(o->sim);
    mem_free(mem, o);
}
