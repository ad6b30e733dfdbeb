/* finance: one book per party, quarter by quarter; the project is their sum. Amounts fall at the beginning of their
 * quarter (the first is not discounted); taxes in the last quarter of their year. */
#include "plan/finance.h"

#include <math.h>
#include <string.h>

#include "base/err.h"

enum { Q = FIN_QUARTERS_MAX };

/* A party's book. Transfers between the parties cancel in the sum. */
struct book {
    double revenue[Q], opex[Q], capex[Q], resale[Q], depreciation[Q], transfer[Q];
    double drawn[Q], interest[Q], principal[Q], debt[Q];
    double tax[Q], project_tax[Q];
    double residual_base; /* what counts for the residual at the end */
    double invested;      /* first build */
};

struct work {
    const struct finance_config *c;
    const struct fin_input *in;
    struct finance *out;
    uint32_t n;            /* quarters */
    uint32_t first_online; /* first quarter of operation */
    double capex[FIN_N_ITEMS][Q];
    double opex[FIN_N_OPEX][Q];
    double mtokens[Q], gpu_hours[Q];
    double plant_spent[Q];  /* KRW spent on plant up to and with a quarter */
    double system_place[Q]; /* purchase price of the systems in place */
    struct book book[FIN_N_PARTIES];
};

/* ---- prices ---- */

static double grown(double rate, uint32_t q) {
    return pow(1 + rate, q / 4.0);
}

static double fx_at(const struct work *w, uint32_t q) {
    const struct finance_config *c = w->c;
    if (c->n_fx_path == 0) return c->fx * grown(c->fx_drift, q);
    uint32_t last = c->n_fx_path - 1, year = q / 4;
    return year <= last ? c->fx_path[year] : c->fx_path[last] * grown(c->fx_drift, q - 4 * last);
}

/* Prices that are set once a year. */
static double grown_year(double rate, uint32_t q) {
    uint32_t year = q / 4;
    return pow(1 + rate, year);
}

static double gpu_krw(const struct work *w, uint32_t q) {
    double usd = isnan(w->c->gpu_usd) ? w->in->gpu_usd : w->c->gpu_usd;
    return usd * fx_at(w, q);
}

/* ---- capex ---- */

static double tech_part(const struct finance_config *c, enum fin_item item) {
    switch (item) {
    case FIN_GPU:
    case FIN_NETWORK: return 1;
    case FIN_ENGINEERING: return c->tech_engineering;
    default: return 0;
    }
}

static bool is_system(enum fin_item item) {
    return item == FIN_GPU || item == FIN_NETWORK || item == FIN_ENGINEERING;
}

static bool has_residual(enum fin_item item) {
    return item == FIN_LAND || item == FIN_SHELL || item == FIN_GRID || item == FIN_PV || item == FIN_WIND;
}

static int64_t life_years(const struct finance_config *c, enum fin_item item) {
    if (is_system(item)) return c->life_gpu;
    if (item == FIN_SHELL || item == FIN_PERMITS) return c->life_building;
    if (item == FIN_PV || item == FIN_WIND || item == FIN_BATTERY) return c->life_renewable;
    return item == FIN_LAND ? 0 : c->life_plant;
}

/* Straight line from quarter q on; what is not written off by the end, is at the end. Life 0: at the end (land). */
static void depreciate(const struct work *w, struct book *b, double krw, uint32_t q, int64_t years) {
    double left = krw, part = years > 0 ? krw / (4.0 * (double)years) : 0;
    for (uint32_t i = q; i + 1 < w->n && years > 0 && i < q + 4 * (uint32_t)years; i++) {
        b->depreciation[i] += part;
        left -= part;
    }
    if (left > 0) b->depreciation[w->n - 1] += left;
}

/* A loan of `krw` in quarter q: interest from the next quarter on, an annuity after the grace time, the rest at the
 * end of the project. */
static void borrow(const struct work *w, struct book *b, double krw, uint32_t q) {
    const struct finance_config *c = w->c;
    uint32_t n = 4 * (uint32_t)c->debt_years, grace = 4 * (uint32_t)c->debt_grace_years;
    if (krw <= 0 || n == 0) return;
    double rate = pow(1 + c->debt_rate, 0.25) - 1, pay = krw * fin_annuity(rate, n), owed = krw;
    b->drawn[q] += krw;
    b->debt[q] += owed;
    for (uint32_t i = q + 1; i < w->n && owed > 0; i++) {
        double interest = owed * rate, principal = 0;
        if (i > q + grace) principal = i == q + grace + n ? owed : fmin(owed, pay - interest);
        if (i + 1 == w->n) principal = owed;
        b->interest[i] += interest;
        b->principal[i] += principal;
        owed -= principal;
        b->debt[i] += owed;
    }
}

/* Spends on an item in one quarter; it serves from quarter `online` on. first: of the first build (financed by debt).
 */
static void spend(struct work *w, enum fin_item item, double krw, uint32_t q, uint32_t online, bool first) {
    if (krw == 0) return;
    double part[FIN_N_PARTIES] = {tech_part(w->c, item), 1 - tech_part(w->c, item)};
    w->capex[item][q] += krw;
    if (first) w->out->capex[item] += krw;
    for (int p = 0; p < FIN_N_PARTIES; p++) {
        struct book *b = &w->book[p];
        double x = krw * part[p];
        b->capex[q] += x;
        if (first) b->invested += x;
        if (first && has_residual(item)) b->residual_base += x;
        depreciate(w, b, x, online < w->n ? online : w->n - 1, life_years(w->c, item));
        if (first && (w->c->debt_for_gpu || !is_system(item))) borrow(w, b, x * w->c->debt_share, q);
    }
}

/* Spends evenly from quarter a to the one before b (at least in a), prices growing. */
static double spend_over(struct work *w, enum fin_item item, double krw, uint32_t a, uint32_t b) {
    uint32_t n = b > a ? b - a : 1;
    double sum = 0;
    for (uint32_t q = a; q < a + n; q++) {
        double x = krw / n * grown(w->c->inflation, q);
        spend(w, item, x, q, b, true);
        sum += x;
    }
    return sum;
}

/* Upkeep is paid for plant from the quarter in which it works. */
static void add_plant(struct work *w, double krw, uint32_t online) {
    for (uint32_t q = online; q < w->n; q++) w->plant_spent[q] += krw;
}

static void build_plant(struct work *w, const struct fin_phase *p) {
    const struct finance_config *c = w->c;
    const struct {
        enum fin_item item;
        double krw;
    } lines[] = {
        {FIN_SHELL, p->it_kw * c->shell},
        {FIN_ELECTRICAL, p->it_kw * c->electrical},
        {FIN_COOLING, p->it_kw * c->cooling},
        {FIN_GRID, p->contract_kw * c->grid},
        {FIN_PV, p->pv_kw * c->pv},
        {FIN_WIND, p->onshore_kw * c->onshore + p->offshore_kw * c->offshore},
        {FIN_BATTERY, p->battery_kwh * c->battery_energy + p->battery_kw * c->battery_power},
    };
    double sum = 0, permits = p->contract_kw * c->permits;
    for (size_t i = 0; i < PLAN_COUNT(lines); i++) {
        double x = spend_over(w, lines[i].item, lines[i].krw, p->spend_quarter, p->online_quarter);
        add_plant(w, x, p->online_quarter);
        sum += lines[i].krw;
    }
    (void)spend_over(w, FIN_PERMITS, permits, p->spend_quarter, p->online_quarter);
    (void)spend_over(w, FIN_CONTINGENCY, (sum + permits) * c->contingency, p->spend_quarter, p->online_quarter);
    /* Storage wears out before the rest; it is replaced while at least half a life is left. */
    uint32_t life = 4 * (uint32_t)c->battery_years, aged = (uint32_t)(4 * w->in->battery_life_years);
    if (life > 0 && aged > 0 && aged < life) life = aged;
    for (uint32_t q = p->online_quarter + life; life > 0 && q + life / 2 < w->n; q += life)
        spend(w, FIN_BATTERY, lines[6].krw * grown(c->inflation, q), q, q, false);
}

/* Systems of one phase, with their refreshes; infrastructure gets nothing from their sale. */
static void buy_systems(struct work *w, const struct fin_phase *p) {
    const struct finance_config *c = w->c;
    struct book *tech = &w->book[FIN_TECH];
    uint32_t life = 4 * (uint32_t)c->refresh_years, online = p->online_quarter;
    double price = 0, factor = 1;
    for (uint32_t at = online; at < w->n; at += life) {
        bool first = at == online;
        if (!first && at + life / 2 >= w->n) break;
        uint32_t pay = first && at > 0 ? at - 1 : at;
        if (!first) tech->resale[at] += price * c->resale;
        price = p->gpus * gpu_krw(w, pay) * factor;
        double network = price * c->network_share;
        spend(w, FIN_GPU, price, pay, at, first);
        spend(w, FIN_NETWORK, network, pay, at, first);
        spend(w, FIN_ENGINEERING, (price + network) * c->engineering_share, pay, at, first);
        uint32_t next = life > 0 && at + life + life / 2 < w->n ? at + life : w->n;
        for (uint32_t q = at; q < next; q++) w->system_place[q] += price + network;
        factor = c->refresh_cost;
        if (life == 0) break;
    }
    tech->resale[w->n - 1] += price * c->resale;
}

static void invest(struct work *w) {
    const struct finance_config *c = w->c;
    double contract = 0;
    uint32_t first = w->n, first_online = w->n, last_online = 0;
    for (uint32_t i = 0; i < w->in->n_phases; i++) {
        const struct fin_phase *p = &w->in->phase[i];
        contract += p->contract_kw;
        if (p->spend_quarter < first) first = p->spend_quarter;
        if (p->online_quarter < first_online) first_online = p->online_quarter;
        if (p->online_quarter > last_online) last_online = p->online_quarter;
    }
    /* Land for the full build is bought at once. */
    double area = isnan(c->land_area_m2) ? FIN_LAND_M2_KW * contract : c->land_area_m2;
    spend(w, FIN_LAND, area * c->land_price * grown(c->inflation, first), first, w->n - 1, true);
    spend(w, FIN_GRID, c->grid_fixed * grown(c->inflation, first), first, last_online, true);
    w->first_online = first_online;
    for (uint32_t i = 0; i < w->in->n_phases; i++) {
        build_plant(w, &w->in->phase[i]);
        buy_systems(w, &w->in->phase[i]);
    }
    for (int p = 0; p < FIN_N_PARTIES; p++) w->book[p].resale[w->n - 1] += w->book[p].residual_base * c->site_residual;
}

/* ---- operation ---- */

/* Tokens per GPU of systems bought `quarters` after the first operation, of the design's: a GPU-hour of theirs earns
 * new_systems a year more at prices that fell by the drift meanwhile. */
static double vintage(const struct finance_config *c, uint32_t quarters) {
    return pow((1 + c->new_systems) / (1 + c->token_price_drift), quarters / 4.0);
}

/* The same over the GPUs in operation. */
static double generation_gain(const struct work *w, uint32_t q) {
    const struct finance_config *c = w->c;
    uint32_t life = 4 * (uint32_t)c->refresh_years;
    double gpus = 0, gain = 0;
    for (uint32_t i = 0; i < w->in->n_phases; i++) {
        const struct fin_phase *p = &w->in->phase[i];
        uint32_t bought = p->online_quarter;
        if (bought > q) continue;
        while (life > 0 && bought + life <= q && bought + life + life / 2 < w->n) bought += life;
        gpus += p->gpus;
        gain += p->gpus * vintage(c, bought - (c->progress ? w->first_online : p->online_quarter));
    }
    return gpus > 0 ? gain / gpus : 1;
}

/* A year's operation belongs to its quarters by the GPUs that are there. */
static double quarter_part(const struct work *w, uint32_t q) {
    double here = 0, year = 0;
    for (uint32_t k = q / 4 * 4; k < q / 4 * 4 + 4; k++) {
        double gpus = 0;
        for (uint32_t i = 0; i < w->in->n_phases; i++)
            if (w->in->phase[i].online_quarter <= k) gpus += w->in->phase[i].gpus + 1e-9;
        year += gpus;
        if (k == q) here = gpus;
    }
    return year > 0 ? here / year : 0;
}

double fin_revenue_usd(const struct finance_config *c, const struct fin_ops *op) {
    double served = (op->service_usd * c->realised + op->rental_usd) * (1 - c->gpu_hour_share);
    return served + op->gpu_hours * c->gpu_hour_share * c->gpu_hour_sold * c->gpu_hour_price;
}

static double revenue_of(struct work *w, const struct fin_ops *op, uint32_t q, double part) {
    const struct finance_config *c = w->c;
    double gain = generation_gain(w, q), serving = 1 - c->gpu_hour_share;
    /* Prices and systems of a design are of one time: that of its first operation. */
    double drift = grown(c->token_price_drift, q - w->first_online);
    w->mtokens[q] = op->mtokens * serving * gain * part;
    w->gpu_hours[q] = op->gpu_hours * part;
    double other = c->other_revenue * op->it_kw * grown_year(c->inflation, q);
    return (fin_revenue_usd(c, op) * gain * drift * fx_at(w, q) + other) * part;
}

static void pay(struct work *w, enum fin_opex item, uint32_t q, double krw, double tech) {
    w->opex[item][q] += krw;
    w->book[FIN_TECH].opex[q] += krw * tech;
    w->book[FIN_INFRA].opex[q] += krw * (1 - tech);
}

static void operate_quarter(struct work *w, uint32_t q) {
    const struct finance_config *c = w->c;
    uint32_t y = q / 4, last = w->in->n_ops - 1;
    const struct fin_ops *op = &w->in->op[y < last ? y : last];
    double part = quarter_part(w, q), inflation = grown_year(c->inflation, q);
    bool hosting = c->deal == FIN_HOSTING;
    if (part <= 0) return;
    double revenue = revenue_of(w, op, q, part), tech = hosting ? 1 : c->tech_revenue;
    w->book[FIN_TECH].revenue[q] += revenue * tech;
    w->book[FIN_INFRA].revenue[q] += revenue * (1 - tech);
    double bill = (op->power_krw + op->power_vat_krw * (1 - c->vat_recovered)) * grown_year(c->tariff_escalation, q);
    double power = bill + op->ppa_krw * grown_year(c->ppa_escalation, q), tech_power = hosting ? 1 : c->tech_power;
    pay(w, FIN_OP_POWER, q, power * part, tech_power);
    pay(w, FIN_OP_WATER, q, op->water_m3 * c->water_price * inflation * part, tech_power);
    pay(w, FIN_OP_STAFF, q, op->it_kw * c->staff * inflation * part, c->tech_staff);
    pay(w, FIN_OP_NETWORK, q, op->it_kw * c->network * inflation * part, 1);
    pay(w, FIN_OP_SITE, q, w->plant_spent[q] * c->site_upkeep / 4, 0);
    pay(w, FIN_OP_SYSTEM, q, w->system_place[q] * c->system_upkeep / 4, 1);
    double place = w->plant_spent[q] + w->system_place[q];
    pay(w, FIN_OP_INSURANCE, q, place * c->insurance / 4, place > 0 ? w->system_place[q] / place : 0);
    if (hosting) {
        double fee = c->hosting_fee * op->it_kw * 12 * inflation * part;
        w->book[FIN_TECH].transfer[q] -= fee;
        w->book[FIN_INFRA].transfer[q] += fee;
    }
}

/* ---- tax ---- */

/* Tax of each year into its last quarter. with_interest: interest is deducted. */
static void tax_book(const struct work *w, const struct book *b, bool with_interest, double *tax) {
    double losses = 0;
    for (uint32_t y = 0; y * 4 < w->n; y++) {
        double income = 0;
        for (uint32_t q = y * 4; q < y * 4 + 4; q++) {
            income += b->revenue[q] + b->resale[q] + b->transfer[q] - b->opex[q] - b->depreciation[q];
            if (with_interest) income -= b->interest[q];
        }
        if (income <= 0) {
            losses -= income;
            continue;
        }
        double used = fmin(losses, income * w->c->loss_limit);
        losses -= used;
        tax[y * 4 + 3] = (income - used) * w->c->tax_rate;
    }
}

/* ---- results ---- */

static double project_flow(const struct book *b, uint32_t q) {
    return b->revenue[q] + b->resale[q] + b->transfer[q] - b->opex[q] - b->capex[q] - b->project_tax[q];
}

static double equity_flow(const struct book *b, uint32_t q) {
    return b->revenue[q] + b->resale[q] + b->transfer[q] - b->opex[q] - b->capex[q] - b->tax[q] + b->drawn[q] -
           b->interest[q] - b->principal[q];
}

static void sum_quarter(const struct work *w, struct fin_year *y, uint32_t q) {
    for (int i = 0; i < FIN_N_ITEMS; i++) y->capex[i] += w->capex[i][q];
    for (int i = 0; i < FIN_N_OPEX; i++) y->opex[i] += w->opex[i][q];
    y->mtokens += w->mtokens[q];
    y->gpu_hours += w->gpu_hours[q];
    y->debt = 0;
    for (int p = 0; p < FIN_N_PARTIES; p++) {
        const struct book *b = &w->book[p];
        double equity = equity_flow(b, q);
        y->revenue += b->revenue[q];
        y->resale += b->resale[q];
        y->depreciation += b->depreciation[q];
        y->drawn += b->drawn[q];
        y->interest += b->interest[q];
        y->principal += b->principal[q];
        y->project_tax += b->project_tax[q];
        y->tax += b->tax[q];
        y->project += project_flow(b, q);
        y->party[p] += equity;
        y->equity += equity;
        y->debt += b->debt[q];
    }
}

static void cover_debt(struct finance *f) {
    double sum = 0;
    uint32_t n = 0;
    f->dscr_min = f->dscr_mean = NAN;
    for (uint32_t k = 0; k < f->n_years; k++) {
        struct fin_year *y = &f->year[k];
        double opex = 0, service = y->interest + y->principal;
        for (int i = 0; i < FIN_N_OPEX; i++) opex += y->opex[i];
        y->dscr = y->principal > 0 ? (y->revenue - opex - y->tax) / service : NAN;
        if (isnan(y->dscr)) continue;
        f->dscr_min = n == 0 ? y->dscr : fmin(f->dscr_min, y->dscr);
        sum += y->dscr;
        n++;
    }
    if (n) f->dscr_mean = sum / n;
}

/* Present values by line. */
static void present(const struct work *w, struct finance *f) {
    double r = w->c->discount, flow[Q], cost = 0;
    for (int i = 0; i < FIN_N_ITEMS; i++) cost += f->capex_pv[i] = fin_npv(w->capex[i], w->n, r, 4);
    for (int i = 0; i < FIN_N_OPEX; i++) cost += f->opex_pv[i] = fin_npv(w->opex[i], w->n, r, 4);
    for (int p = 0; p < FIN_N_PARTIES; p++) {
        f->revenue_pv += fin_npv(w->book[p].revenue, w->n, r, 4);
        f->resale_pv += fin_npv(w->book[p].resale, w->n, r, 4);
        f->tax_pv += fin_npv(w->book[p].project_tax, w->n, r, 4);
    }
    for (uint32_t q = 0; q < w->n; q++)
        flow[q] = project_flow(&w->book[FIN_TECH], q) + project_flow(&w->book[FIN_INFRA], q);
    f->npv = fin_npv(flow, w->n, r, 4);
    f->irr = fin_irr(flow, w->n, 4);
    double tokens = fin_npv(w->mtokens, w->n, r, 4), hours = fin_npv(w->gpu_hours, w->n, r, 4);
    cost -= f->resale_pv;
    f->krw_per_mtoken = tokens > 0 ? cost * (1 - w->c->gpu_hour_share) / tokens : NAN;
    f->krw_per_gpu_hour = hours > 0 ? cost / hours : NAN;
    double before = 0;
    f->payback_years = NAN;
    for (uint32_t q = 0; q < w->n; q++) {
        double after = before + flow[q];
        if (isnan(f->payback_years) && before < 0 && after >= 0)
            f->payback_years = (q + before / (before - after)) / 4.0;
        before = after;
    }
}

static void by_party(const struct work *w, struct finance *f) {
    double flow[Q], both[Q] = {0};
    for (int p = 0; p < FIN_N_PARTIES; p++) {
        for (uint32_t q = 0; q < w->n; q++) both[q] += flow[q] = equity_flow(&w->book[p], q);
        f->party_npv[p] = fin_npv(flow, w->n, w->c->equity_discount, 4);
        f->party_irr[p] = fin_irr(flow, w->n, 4);
        f->party_capex[p] = w->book[p].invested;
    }
    f->equity_npv = fin_npv(both, w->n, w->c->equity_discount, 4);
    f->equity_irr = fin_irr(both, w->n, 4);
}

static sil_err check_input(const struct finance_config *c, const struct fin_input *in, struct sil_error *e) {
    if (in->n_phases == 0 || in->n_ops == 0 || in->n_phases > FIN_PHASES_MAX || in->n_ops > FIN_YEARS_MAX)
        return err_set(e, SIL_ARG, "finance: there is no phase or no year of operation");
    if (c->years < 1 || c->years > FIN_YEARS_MAX)
        return err_set(e, SIL_ARG, "finance.years must be 1 to %d", FIN_YEARS_MAX);
    for (uint32_t i = 0; i < in->n_phases; i++) {
        const struct fin_phase *p = &in->phase[i];
        if (p->spend_quarter > p->online_quarter || p->online_quarter >= 4 * (uint32_t)c->years)
            return err_set(e, SIL_ARG,
                           "phase %u starts operating %u quarters after the first spending, finance.years (%d) end "
                           "before; give more years",
                           i + 1, p->online_quarter, (int)c->years);
    }
    return SIL_OK;
}

sil_err finance_run(const struct finance_config *c, const struct fin_input *in, struct finance *out,
                    struct sil_error *e) {
    SIL_TRY(check_input(c, in, e));
    struct work w = {.c = c, .in = in, .out = out, .n = 4 * (uint32_t)c->years};
    memset(out, 0, sizeof *out);
    out->n_years = (uint32_t)c->years;
    out->start_year = in->start_year;
    invest(&w);
    for (uint32_t q = 0; q < w.n; q++) operate_quarter(&w, q);
    for (int p = 0; p < FIN_N_PARTIES; p++) {
        tax_book(&w, &w.book[p], true, w.book[p].tax);
        tax_book(&w, &w.book[p], false, w.book[p].project_tax);
    }
    for (uint32_t q = 0; q < w.n; q++) sum_quarter(&w, &out->year[q / 4], q);
    for (int i = 0; i < FIN_N_ITEMS; i++) {
        out->capex_first += out->capex[i];
        for (uint32_t k = 0; k < out->n_years; k++) out->capex_all += out->year[k].capex[i];
    }
    cover_debt(out);
    present(&w, out);
    by_party(&w, out);
    return SIL_OK;
}

void finance_scale(const struct finance_config *c, struct fin_input *in, const struct fin_ops *full) {
    double gpus = 0, it = 0;
    for (uint32_t i = 0; i < in->n_phases; i++) {
        gpus += in->phase[i].gpus;
        it += in->phase[i].it_kw;
    }
    in->n_ops = (uint32_t)c->years <= FIN_YEARS_MAX ? (uint32_t)c->years : FIN_YEARS_MAX;
    for (uint32_t y = 0; y < in->n_ops; y++) {
        double there = 0, sold = 0, site = 0;
        for (uint32_t k = 0; k < 4 * in->n_phases; k++) {
            const struct fin_phase *p = &in->phase[k / 4];
            uint32_t q = 4 * y + k % 4;
            if (p->online_quarter > q) continue;
            uint32_t age = q - p->online_quarter, last = c->n_ramp - 1;
            double ramp = c->n_ramp ? c->ramp[age < last ? age : last] : 1;
            there += gpus > 0 ? p->gpus / gpus / 4 : 0;
            sold += gpus > 0 ? p->gpus / gpus / 4 * ramp : 0;
            site += it > 0 ? p->it_kw / it / 4 : 0;
        }
        in->op[y] = (struct fin_ops){
            .service_usd = full->service_usd * sold,
            .rental_usd = full->rental_usd * sold,
            .mtokens = full->mtokens * sold,
            .gpu_hours = full->gpu_hours * there,
            .power_krw = full->power_krw * there,
            .power_vat_krw = full->power_vat_krw * there,
            .ppa_krw = full->ppa_krw * there,
            .water_m3 = full->water_m3 * there,
            .it_kw = full->it_kw * site,
        };
    }
}
