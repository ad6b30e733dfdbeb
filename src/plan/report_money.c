/* report_money: the figures about money, the timeline and the calibration. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/report_parts.h"

/* The unit of a money axis, for amounts up to `most`: its scale, and how often the Korean unit goes into it. */
static struct plan_label won_axis(double most, double *scale, double *ko) {
    *ko = 1;
    if (most >= 5e11) {
        *scale = 1e12;
        return L("조 원", "KRW tn");
    }
    if (most >= 5e9) {
        *scale = 1e9;
        *ko = 10;
        return L("억 원", "KRW bn");
    }
    *scale = 1e6;
    return L("백만 원", "KRW m");
}

static struct plan_label axis_of(struct plan_label what, struct plan_label unit, struct report_line *l) {
    return report_say(l, "%s (%s)", "%s (%s)", (const char *const[]){what.ko, unit.ko, "", ""},
                      (const char *const[]){what.en, unit.en, "", ""});
}

static void add_row(struct chart_waterfall *c, struct plan_label name, double value, bool total) {
    if (c->n < CHART_ROWS_MAX) c->row[c->n++] = (struct chart_step){name, value, total};
}

/* Items from the largest down; those below 1.5 % of all go together as the last. */
static void add_items(struct chart_waterfall *c, const double *v, const char *const *ko, const char *const *en,
                      size_t n, double sign, struct plan_label rest_name) {
    bool done[FIN_N_ITEMS] = {false};
    double all = 0, rest = 0;
    for (size_t i = 0; i < n; i++) all += fabs(v[i]);
    for (size_t k = 0; k < n; k++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if (!done[i] && (best == n || v[i] > v[best])) best = i;
        done[best] = true;
        if (v[best] > 0.015 * all) add_row(c, L(ko[best], en[best]), sign * v[best], false);
        else rest += v[best];
    }
    if (rest != 0) add_row(c, rest_name, sign * rest, false);
}

static void add_costs(struct chart_waterfall *c, const struct finance *f, double sign) {
    add_items(c, f->capex_pv, fin_item_ko, fin_item_en, FIN_N_ITEMS, sign, L("그 밖의 설비", "other capex"));
    add_items(c, f->opex_pv, fin_opex_ko, fin_opex_en, FIN_N_OPEX, sign, L("그 밖의 운영비", "other opex"));
}

static double sum_of(const double *v, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += v[i];
    return s;
}

static void waterfall_data(struct svg *s, const struct chart_waterfall *c) {
    double sum = 0;
    report_data(s, (const struct plan_label[]){L("항목", "Item"), L("금액", "Amount")}, 2);
    for (size_t i = 0; i < c->n; i++) {
        if (!c->row[i].total) sum += c->row[i].value;
        report_data_value(s, c->row[i].name, c->row[i].total ? sum : c->row[i].value, c->unit);
    }
    report_data_end(s);
}

static void waterfall_npv(struct svg *s, const struct finance *f) {
    struct chart_waterfall c = {.unit = "KRW"};
    add_row(&c, L("매출", "revenue"), f->revenue_pv, false);
    if (f->resale_pv != 0) add_row(&c, L("매각·잔존 가치", "resale and residual"), f->resale_pv, false);
    add_costs(&c, f, -1);
    if (f->tax_pv != 0) add_row(&c, L("법인세", "tax"), -f->tax_pv, false);
    add_row(&c, L("순현재가치", "NPV"), f->npv, true);
    struct report_line axis, about;
    struct plan_label unit = won_axis(fmax(f->revenue_pv, sum_of(f->capex_pv, FIN_N_ITEMS)), &c.axis_scale, &c.axis_ko);
    c.axis = axis_of(L("현재가치", "Present value"), unit, &axis);
    char ko[FMT_MAX], en[FMT_MAX];
    fmt_krw(ko, f->npv, PLAN_KO);
    fmt_krw(en, f->npv, PLAN_EN);
    report_figure(s, "f-npv", L("매출에서 순현재가치까지", "From revenue to net present value"),
                  report_say(&about, "사업 기간 전체를 할인한 금액. 세후 순현재가치 %s.",
                             "The whole life, discounted. Net present value after tax: %s.",
                             (const char *const[]){ko, "", "", ""}, (const char *const[]){en, "", "", ""}));
    REPORT_BOTH("f-npv", chart_waterfall(s, &c, z));
    waterfall_data(s, &c);
    report_figure_end(s);
}

/* The levelised cost per million tokens, split as the present values of the costs are. */
static void waterfall_token(struct svg *s, const struct finance *f) {
    double all = sum_of(f->capex_pv, FIN_N_ITEMS) + sum_of(f->opex_pv, FIN_N_OPEX), capex[FIN_N_ITEMS],
           opex[FIN_N_OPEX];
    if (!(all > 0) || !isfinite(f->krw_per_mtoken)) return;
    double per = f->krw_per_mtoken / all;
    struct chart_waterfall c = {
        .unit = "KRW", .axis_scale = 1, .up = "site", .axis = L("원 / 백만 토큰", "KRW per million tokens")};
    for (int i = 0; i < FIN_N_ITEMS; i++) capex[i] = f->capex_pv[i] * per;
    for (int i = 0; i < FIN_N_OPEX; i++) opex[i] = f->opex_pv[i] * per;
    add_items(&c, capex, fin_item_ko, fin_item_en, FIN_N_ITEMS, 1, L("그 밖의 설비", "other capex"));
    add_items(&c, opex, fin_opex_ko, fin_opex_en, FIN_N_OPEX, 1, L("그 밖의 운영비", "other opex"));
    add_row(&c, L("백만 토큰당 원가", "cost per million tokens"), 0, true);
    report_figure(
        s, "f-token", L("백만 토큰당 원가의 구성", "What a million tokens cost"),
        L("할인한 비용을 할인한 토큰 수로 나눈 평준화 원가를, 비용의 현재가치 비율로 나눈 것.",
          "Levelised cost (discounted cost over discounted tokens), split as the present values of the costs."));
    REPORT_BOTH("f-token", chart_waterfall(s, &c, z));
    waterfall_data(s, &c);
    report_figure_end(s);
}

static void cash_data(struct svg *s, const struct chart_cash *c) {
    report_data(
        s, (const struct plan_label[]){L("연도", "Year"), L("기술 측", "Technology"), L("인프라 측", "Infrastructure")},
        3);
    for (int i = 0; i < c->n; i++) {
        char year[16], ko[2][FMT_MAX], en[2][FMT_MAX];
        (void)snprintf(year, sizeof year, "%d", c->first_year + i);
        for (int k = 0; k < 2; k++) {
            fmt_krw(ko[k], c->party[k].y[i], PLAN_KO);
            fmt_krw(en[k], c->party[k].y[i], PLAN_EN);
        }
        report_data_row(s, plan_label_same(year), (const struct plan_label[]){L(ko[0], en[0]), L(ko[1], en[1])}, 2);
    }
    report_data_end(s);
}

static void cash(struct svg *s, const struct finance *f) {
    double flow[2][FIN_YEARS_MAX], most = 0, sum[2] = {0, 0};
    struct chart_cash c = {.first_year = f->start_year, .n = (int)f->n_years};
    for (uint32_t i = 0; i < f->n_years && i < FIN_YEARS_MAX; i++)
        for (int k = 0; k < 2; k++) {
            flow[k][i] = f->year[i].party[k];
            sum[k] += flow[k][i];
            most = fmax(most, fmax(fabs(flow[k][i]), fabs(sum[k])));
        }
    static const struct report_key key[4] = {{{"기술 측, 연도별", "technology, by year"}, "tech", 'f'},
                                             {{"기술 측, 누계", "technology, so far"}, "tech", 's'},
                                             {{"인프라 측, 연도별", "infrastructure, by year"}, "infra", 'f'},
                                             {{"인프라 측, 누계", "infrastructure, so far"}, "infra", 's'}};
    c.axis = won_axis(most, &c.axis_scale, &c.axis_ko);
    for (size_t k = 0; k < 2; k++) c.party[k] = (struct chart_series){key[2 * k].name, key[2 * k].cls, flow[k]};
    char t_ko[FMT_MAX], t_en[FMT_MAX], i_ko[FMT_MAX], i_en[FMT_MAX];
    fmt_krw(t_ko, f->party_npv[FIN_TECH], PLAN_KO);
    fmt_krw(t_en, f->party_npv[FIN_TECH], PLAN_EN);
    fmt_krw(i_ko, f->party_npv[FIN_INFRA], PLAN_KO);
    fmt_krw(i_en, f->party_npv[FIN_INFRA], PLAN_EN);
    struct report_line about;
    report_figure(
        s, "f-cash", L("당사자별 현금 흐름", "Cash of each party"),
        report_say(&about,
                   "기술 측은 칩·모델·엔지니어링, 인프라 측은 부지·전력·인허가·금융을 맡는다. 자기자본 흐름의 "
                   "순현재가치: 기술 %s, 인프라 %s.",
                   "Technology brings chips, models and engineering; infrastructure site, power, permits and "
                   "finance. NPV of the flows to equity: technology %s, infrastructure %s.",
                   (const char *const[]){t_ko, i_ko, "", ""}, (const char *const[]){t_en, i_en, "", ""}));
    report_legend(s, key, 4);
    REPORT_BOTH("f-cash", chart_cash(s, &c, z));
    cash_data(s, &c);
    report_figure_end(s);
}

/* Units are short or have a Korean word; others go without. */
static void input_text(struct chart_input *out, const struct plan_var *v, double si) {
    static const struct {
        const char *unit, *ko, *en;
    } units[] = {{"months", "개월", " months"}, {"years", "년", " years"},      {"year", "년", " years"},
                 {"degC", " °C", " °C"},        {"%/year", " %/년", " %/year"}, {"h", "시간", " h"},
                 {"days", "일", " days"}};
    char num[FMT_MAX];
    double shown = plan_shown(v, si);
    fmt_plain(num, fabs(shown) < 1e4 ? round(shown * 1e3) / 1e3 : round(shown));
    const char *ko = "", *en = "";
    char tail[16] = "";
    if (v->unit && strlen(v->unit) <= 3 && strcmp(v->unit, "1") != 0) {
        (void)snprintf(tail, sizeof tail, " %.4s", v->unit);
        ko = en = tail;
    }
    for (size_t i = 0; v->unit && i < sizeof units / sizeof *units; i++)
        if (strcmp(v->unit, units[i].unit) == 0) {
            ko = units[i].ko;
            en = units[i].en;
        }
    (void)snprintf(out->ko, sizeof out->ko, "%.22s%.14s", num, ko);
    (void)snprintf(out->en, sizeof out->en, "%.22s%.14s", num, en);
}

static void tornado_data(struct svg *s, const struct chart_tornado *c) {
    report_data(s,
                (const struct plan_label[]){L("입력", "Input"), L("낮은 값", "Low value"),
                                            L("그때의 결과", "Result there"), L("높은 값", "High value"),
                                            L("그때의 결과", "Result there")},
                5);
    for (size_t i = 0; i < c->n; i++) {
        const struct chart_bar *b = &c->row[i];
        char ko[2][FMT_MAX], en[2][FMT_MAX];
        fmt_krw(ko[0], b->at_low, PLAN_KO);
        fmt_krw(en[0], b->at_low, PLAN_EN);
        fmt_krw(ko[1], b->at_high, PLAN_KO);
        fmt_krw(en[1], b->at_high, PLAN_EN);
        report_data_row(s, b->name,
                        (const struct plan_label[]){L(b->low.ko, b->low.en), L(ko[0], en[0]), L(b->high.ko, b->high.en),
                                                    L(ko[1], en[1])},
                        4);
    }
    report_data_end(s);
}

static void tornado(struct svg *s, const struct report *r) {
    const struct tornado *t = r->tornado;
    struct chart_tornado c = {.base = t->base, .unit = "KRW"};
    double most = fabs(t->base);
    size_t flips = 0;
    for (uint32_t i = 0; i < t->n && c.n < REPORT_TORNADO_ROWS; i++) {
        const struct tornado_bar *b = &t->bar[i];
        if (!isfinite(b->at_low) || !isfinite(b->at_high)) continue;
        struct chart_bar *row = &c.row[c.n++];
        row->name = L(b->var->help_ko, b->var->help_en);
        input_text(&row->low, b->var, b->low);
        input_text(&row->high, b->var, b->high);
        row->at_low = b->at_low;
        row->at_high = b->at_high;
        most = fmax(most, fmax(fabs(b->at_low), fabs(b->at_high)));
        flips += (b->at_low < 0) != (t->base < 0) || (b->at_high < 0) != (t->base < 0);
    }
    struct report_line axis, about;
    c.axis = axis_of(r->tornado_name, won_axis(most, &c.axis_scale, &c.axis_ko), &axis);
    char n[16];
    (void)snprintf(n, sizeof n, "%zu", flips);
    static const struct report_key key[2] = {{{"입력이 낮은 값일 때", "input at its low value"}, "low", 'f'},
                                             {{"입력이 높은 값일 때", "input at its high value"}, "high", 'f'}};
    bool coarse = r->finance && fabs(r->finance->npv - t->base) > 1e-6 * fabs(t->base);
    report_figure(
        s, "f-tornado", L("무엇이 결과를 바꾸는가", "What moves the result"),
        report_say(
            &about,
            "입력 하나만 그럴듯한 낮은 값과 높은 값으로 바꾼 %s. 막대 끝의 수는 그 입력값이다. 부호를 바꾸는 입력: "
            "%s개.%s",
            "%s when one input alone takes its plausible low and high value (the numbers at the bars). Inputs that "
            "change its sign: %s.%s",
            (const char *const[]){r->tornado_name.ko, n, coarse ? " 이 그림은 한 시간 간격으로 계산했다." : "", ""},
            (const char *const[]){r->tornado_name.en, n, coarse ? " Computed in hourly steps." : "", ""}));
    report_legend(s, key, 2);
    REPORT_BOTH("f-tornado", chart_tornado(s, &c, z));
    tornado_data(s, &c);
    report_figure_end(s);
}

void report_figures_money(struct svg *s, const struct report *r) {
    if (r->finance) {
        waterfall_npv(s, r->finance);
        cash(s, r->finance);
    }
    if (r->tornado && r->tornado->n > 0) tornado(s, r);
    if (r->finance) waterfall_token(s, r->finance);
}

void report_figures_build(struct svg *s, const struct report *r) {
    static const char *const cls[BUILD_N_CHAINS] = {[BUILD_GRID] = "site",
                                                    [BUILD_PERMIT] = "permit",
                                                    [BUILD_HALLS] = "build",
                                                    [BUILD_DELIVERY] = "chips",
                                                    [BUILD_COMMISSIONING] = "ramp"};
    const struct build_plan *b = r->build;
    struct chart_gantt c = {.n = 0};
    struct report_line name[CHART_ROWS_MAX];
    struct report_key key[BUILD_N_CHAINS];
    for (int k = 0; k < BUILD_N_CHAINS; k++)
        key[k] = (struct report_key){L(build_chain_ko(k), build_chain_en(k)), cls[k], 'f'};
    for (uint32_t p = 0; p < b->n; p++) {
        const char *phase = b->phase[p].name[0] ? b->phase[p].name : "1";
        for (uint32_t i = 0; i < b->n_bars && c.n < CHART_ROWS_MAX; i++) {
            const struct build_bar *bar = &b->bar[i];
            if (bar->phase != (int)p || !(bar->end > bar->begin)) continue;
            struct plan_label l = report_say(&name[c.n], "%s · %s", "%s · %s",
                                             (const char *const[]){phase, build_chain_ko(bar->chain), "", ""},
                                             (const char *const[]){phase, build_chain_en(bar->chain), "", ""});
            c.row[c.n++] = (struct chart_task){l, cls[bar->chain], bar->begin, bar->end};
        }
        if (c.n >= CHART_ROWS_MAX) break;
        struct plan_label l =
            report_say(&name[c.n], "%s · 운영 개시", "%s · operation starts", (const char *const[]){phase, "", "", ""},
                       (const char *const[]){phase, "", "", ""});
        c.row[c.n++] = (struct chart_task){l, "run", b->start[p], b->start[p]};
    }
    report_figure(
        s, "f-gantt", L("단계별 일정", "Phases and their chains"),
        L("한 단계는 계통, 전산동, 장비 가운데 가장 늦은 것이 끝나야 운영을 시작한다. 마름모는 운영 개시 시점이다.",
          "A phase starts operating when the last of grid, halls and machines is done. Diamonds mark the start."));
    report_legend(s, key, BUILD_N_CHAINS);
    REPORT_BOTH("f-gantt", chart_gantt(s, &c, z));
    report_figure_end(s);
}

void report_figures_check(struct svg *s, const struct report *r) {
    if (r->n_calibration == 0) return;
    struct chart_scatter c = {.point = r->calibration,
                              .n = r->n_calibration,
                              .n_groups = r->n_calibration_groups,
                              .band = 0.2,
                              .x_title = L("측정값 (GPU당 토큰/s)", "Measured (tokens/s per GPU)"),
                              .y_title = L("예측값 (GPU당 토큰/s)", "Predicted (tokens/s per GPU)")};
    struct report_key key[CHART_LAYERS_MAX];
    size_t n = r->n_calibration_groups < CHART_LAYERS_MAX ? r->n_calibration_groups : CHART_LAYERS_MAX;
    for (size_t i = 0; i < n; i++)
        key[i] = (struct report_key){r->calibration_group[i], chart_group_class((int)i), 'g'};
    double sum = 0, worst = 0;
    for (size_t i = 0; i < c.n; i++) {
        double off = fabs(c.point[i].predicted / c.point[i].measured - 1);
        sum += off;
        worst = fmax(worst, off);
    }
    char mean[FMT_MAX], top[FMT_MAX];
    fmt_fixed(mean, 100 * sum / (double)c.n, 1);
    fmt_fixed(top, 100 * worst, 1);
    struct report_line about;
    report_figure(s, "f-calib", L("처리량 모형의 검증", "The throughput model against measurements"),
                  report_say(&about,
                             "해당 시스템의 측정값을 빼고 보정한 예측이다. 평균 오차 %s %, 최대 %s %. 띠는 ±20 %.",
                             "Each system predicted by a fit without its own rows. Mean error %s %, largest %s %. The "
                             "band is ±20 %.",
                             (const char *const[]){mean, top, "", ""}, (const char *const[]){mean, top, "", ""}));
    report_legend(s, key, n);
    REPORT_BOTH("f-calib", chart_scatter(s, &c, z));
    report_figure_end(s);
}
