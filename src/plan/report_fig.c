/* report_fig: the figures about energy. Every picture is drawn twice, for a page and for a phone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"
#include "plan/report_parts.h"

static const struct report_key source_key[SRC_N] = {
    {{"한전 전력망", "grid (KEPCO)"}, "grid", 'f'},
    {{"전력구매계약(PPA)", "agreements (PPA)"}, "ppa", 'f'},
    {{"풍력", "wind"}, "wind", 'f'},
    {{"태양광", "solar"}, "pv", 'f'},
    {{"배터리 방전", "battery out"}, "batt", 'f'},
};

static bool any(const double *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v[i] > 1e-9) return true;
    return false;
}

static double largest(const double *v, size_t n) {
    double m = -INFINITY;
    for (size_t i = 0; i < n; i++) m = fmax(m, v[i]);
    return m;
}

static double mean(const double *v, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += v[i];
    return n ? s / (double)n : 0;
}

/* Month and day of the month of a day of the year, both from 0. */
static void date_of(int days, int day, int *month, int *mday) {
    int before[13];
    plot_month_days(days, before);
    *month = 0;
    while (*month < 11 && day >= before[*month + 1]) ++*month;
    *mday = day - before[*month];
}

struct day_names {
    char ko[7][32], en[7][32];
    struct plan_label label[7];
};

static void name_days(const struct report_year *y, int first, bool narrow, struct day_names *out) {
    static const char *const ko[7] = {"월", "화", "수", "목", "금", "토", "일"};
    static const char *const en[7] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (int i = 0; i < 7; i++) {
        int m, d, w = report_weekday(y, first + i);
        date_of(y->days, first + i, &m, &d);
        if (narrow) {
            (void)snprintf(out->ko[i], sizeof out->ko[i], "%d(%s)", d + 1, ko[w]);
            (void)snprintf(out->en[i], sizeof out->en[i], "%s %d", en[w], d + 1);
        } else {
            (void)snprintf(out->ko[i], sizeof out->ko[i], "%d월 %d일 (%s)", m + 1, d + 1, ko[w]);
            (void)snprintf(out->en[i], sizeof out->en[i], "%s %d %s", en[w], d + 1, plot_month_names[m].en);
        }
        out->label[i] = L(out->ko[i], out->en[i]);
    }
}

static void figure_week(struct svg *s, const struct report *r, const struct report_year *y, const char *id, int day,
                        struct plan_label title, struct plan_label why) {
    struct report_week week;
    report_week_fill(y, day, &week);
    struct chart_balance c = {.n = week.n,
                              .days = 7,
                              .limit = r->contract_w / y->unit_w,
                              .limit_name = L("계약전력", "Contract power"),
                              .unit = plan_label_same(y->power)};
    struct report_key key[9];
    size_t n_key = 0;
    for (int k = 0; k < SRC_N; k++) {
        if (!any(week.v[k], week.n)) continue;
        c.up[c.n_up++] = (struct chart_series){source_key[k].name, source_key[k].cls, week.v[k]};
        key[n_key++] = source_key[k];
    }
    static const struct report_key down[2] = {{{"배터리 충전", "battery in"}, "batt", 'b'},
                                              {{"판매(역송)", "export"}, "export", 'f'}};
    for (int k = 0; k < 2; k++) {
        if (!any(week.v[5 + k], week.n)) continue;
        c.down[c.n_down++] = (struct chart_series){down[k].name, down[k].cls, week.v[5 + k]};
        key[n_key++] = down[k];
        key[n_key - 1].kind = 'f';
        if (k == 0) key[n_key - 1].name = L("배터리 충전(0 아래)", "battery in (below 0)");
    }
    key[n_key++] = (struct report_key){L("구내 부하", "facility load"), "load", 's'};
    c.line[c.n_line++] = (struct chart_series){L("", ""), "load", week.v[7]};
    char top[FMT_MAX], avg[FMT_MAX];
    fmt_value(top, largest(week.v[7], week.n), y->power, 4, PLAN_EN);
    fmt_value(avg, mean(week.v[7], week.n), y->power, 4, PLAN_EN);
    struct report_line line;
    report_figure(s, id, title,
                  report_say(&line, "%s 15분 평균으로 구내 부하는 평균 %s, 최대 %s.",
                             "%s In quarter-hour means the facility draws %s on average and %s at most.",
                             (const char *const[]){why.ko, avg, top, ""}, (const char *const[]){why.en, avg, top, ""}));
    report_legend(s, key, n_key);
    struct day_names names;
    REPORT_BOTH(id, name_days(y, week.first_day, z.narrow, &names); c.day = names.label; chart_balance(s, &c, z));
    report_figure_end(s);
}

static void figure_months(struct svg *s, const struct report_year *y) {
    struct chart_months c = {.unit = plan_label_same(y->energy_unit)};
    struct report_key key[SRC_N];
    for (int k = 0; k < SRC_N; k++) {
        if (!any(y->month_energy[k], 12)) continue;
        key[c.n] = source_key[k];
        c.layer[c.n++] = (struct chart_series){source_key[k].name, source_key[k].cls, y->month_energy[k]};
    }
    report_figure(
        s, "f-months", L("월별 전원 구성", "Supply by month"),
        L("구내에 들어온 전력량을 월별, 전원별로 나눈 것. 배터리 방전은 앞서 충전한 전력량을 포함한다.",
          "Energy that entered the site by month and source; what the battery gives back was charged before."));
    report_legend(s, key, c.n);
    REPORT_BOTH("f-months", chart_months(s, &c, z));
    struct report_line first;
    struct plan_label head[SRC_N + 1] = {report_say(&first, "월 (%s)", "Month (%s)",
                                                    (const char *const[]){y->energy_unit, "", "", ""},
                                                    (const char *const[]){y->energy_unit, "", "", ""})};
    for (size_t k = 0; k < c.n; k++) head[k + 1] = c.layer[k].name;
    report_data(s, head, c.n + 1);
    for (int m = 0; m < 12; m++) {
        char text[SRC_N][FMT_MAX];
        struct plan_label cell[SRC_N];
        for (size_t k = 0; k < c.n; k++) {
            fmt_fixed(text[k], c.layer[k].y[m], 1);
            cell[k] = plan_label_same(text[k]);
        }
        report_data_row(s, plot_month_names[m], cell, c.n);
    }
    report_data_end(s);
    report_figure_end(s);
}

static void figure_duration(struct svg *s, const struct report *r, const struct report_year *y) {
    struct chart_duration c = {.n = CURVE_POINTS,
                               .hours = y->days * 24,
                               .limit = r->contract_w / y->unit_w,
                               .limit_name = L("계약전력", "Contract power"),
                               .unit = plan_label_same(y->power),
                               .x_title = L("이 값 이상인 시간 (h/년)", "Hours of the year at or above"),
                               .from_zero = true};
    static const struct report_key key[3] = {{{"수전 전력(15분 수요)", "import (15-minute demand)"}, "grid", 's'},
                                             {{"구내 부하", "facility load"}, "load", 's'},
                                             {{"IT 부하", "IT load"}, "it", 's'}};
    const double *curve[3] = {y->import_curve, y->facility_curve, y->it_curve};
    for (int k = 0; k < 3; k++) c.curve[c.n_curves++] = (struct chart_series){key[k].name, key[k].cls, curve[k]};
    char top[FMT_MAX], low[FMT_MAX], limit[FMT_MAX];
    fmt_value(top, y->import_curve[0], y->power, 5, PLAN_EN);
    fmt_value(low, y->import_curve[CURVE_POINTS - 1], y->power, 5, PLAN_EN);
    fmt_value(limit, r->contract_w, "W", 6, PLAN_EN);
    struct report_line line;
    report_figure(s, "f-duration", L("부하지속곡선", "Load-duration curve"),
                  report_say(&line, "수전 전력의 15분 평균을 큰 순서로 늘어놓은 것. 최대 %s, 최소 %s, 계약전력 %s.",
                             "Quarter-hour means of the import in falling order: %s at most, %s at least, under a "
                             "contract of %s.",
                             (const char *const[]){top, low, limit, ""}, (const char *const[]){top, low, limit, ""}));
    report_legend(s, key, 3);
    REPORT_BOTH("f-duration", chart_duration(s, &c, z));
    report_figure_end(s);
}

static void figure_carpet(struct svg *s, const struct report_year *y, const char *id, const double *v,
                          enum chart_ramp ramp, struct plan_label unit, struct plan_label title,
                          struct plan_label about) {
    struct chart_carpet c = {.v = v, .days = y->days, .slots = y->slots, .ramp = ramp, .unit = unit};
    report_figure(s, id, title, about);
    REPORT_BOTH(id, chart_carpet(s, &c, z));
    report_figure_end(s);
}

static void figure_sankey(struct svg *s, const struct report_year *y) {
    enum { BUS = SRC_N, FIRST_USE };
    static const struct chart_node uses[] = {
        {{"IT 장비", "IT equipment"}, "it", 2},          {{"냉각", "cooling"}, "cool", 2},
        {{"전기 손실", "electrical losses"}, "loss", 2}, {{"조명·사무 등", "lights, offices"}, "other", 2},
        {{"배터리 충전", "battery in"}, "batt", 2},      {{"판매(역송)", "export"}, "export", 2},
    };
    struct chart_sankey c = {.unit = y->energy_unit};
    for (int k = 0; k < SRC_N; k++) {
        c.node[c.n_nodes++] = (struct chart_node){source_key[k].name, source_key[k].cls, 0};
        c.link[c.n_links++] = (struct chart_link){k, BUS, y->energy[FLOW_GRID + k]};
    }
    c.node[c.n_nodes++] = (struct chart_node){L("구내 모선", "site busbar"), "total", 1};
    for (int k = 0; k < 6; k++) {
        c.node[c.n_nodes++] = uses[k];
        c.link[c.n_links++] = (struct chart_link){BUS, FIRST_USE + k, y->energy[FLOW_IT + k]};
    }
    char cut_ko[FMT_MAX], load[FMT_MAX];
    fmt_value(cut_ko, y->energy[FLOW_CURTAILED], y->energy_unit, 3, PLAN_EN);
    fmt_value(load, y->energy[FLOW_IT] + y->energy[FLOW_COOLING] + y->energy[FLOW_LOSS] + y->energy[FLOW_OTHER],
              y->energy_unit, 4, PLAN_EN);
    struct report_line line;
    report_figure(s, "f-sankey", L("한 해의 전력 흐름", "Energy flow of the year"),
                  report_say(&line, "띠의 너비가 전력량이다. 구내 부하는 %s, 쓰지 못하고 버린 발전량(출력 제한)은 %s.",
                             "Width is energy. The facility uses %s; generation that found no use (curtailed) is %s.",
                             (const char *const[]){load, cut_ko, "", ""}, (const char *const[]){load, cut_ko, "", ""}));
    REPORT_BOTH("f-sankey", chart_sankey(s, &c, z));
    report_data(s, (const struct plan_label[]){L("흐름", "Flow"), L("전력량", "Energy")}, 2);
    for (size_t i = 0; i < c.n_links; i++) {
        const struct chart_link *f = &c.link[i];
        struct report_line name;
        if (!(f->value > 0)) continue;
        struct plan_label a = c.node[f->from].name, b = c.node[f->to].name;
        report_data_value(s,
                          report_say(&name, "%s → %s", "%s → %s", (const char *const[]){a.ko, b.ko, "", ""},
                                     (const char *const[]){a.en, b.en, "", ""}),
                          f->value, c.unit);
    }
    report_data_end(s);
    report_figure_end(s);
}

static void figure_bands(struct svg *s, const struct report_year *y) {
    struct chart_bands c = {.days = y->days, .n = 2};
    c.band[0] =
        (struct chart_band){L("습구온도", "Wet bulb"), L("°C", "°C"), "twb", y->twb_min, y->twb_mean, y->twb_max};
    c.band[1] =
        (struct chart_band){L("전력사용효율(PUE)", "PUE"), L("", ""), "pue", y->pue_min, y->pue_mean, y->pue_max};
    report_figure(s, "f-bands", L("습구온도와 PUE", "Wet bulb and PUE"),
                  L("시간 값으로 본 하루의 범위(옅은 띠)와 평균(선).",
                    "Each day's range of hourly values (pale) and mean (line)."));
    REPORT_BOTH("f-bands", chart_bands(s, &c, z));
    report_figure_end(s);
    struct chart_cloud q = {.x = y->hour_twb,
                            .y = y->hour_pue,
                            .n = (size_t)y->days * 24,
                            .step_h = 1,
                            .x_title = L("습구온도 (°C)", "Wet bulb (°C)"),
                            .y_title = L("PUE", "PUE")};
    report_figure(s, "f-cloud", L("시간별 습구온도와 PUE의 관계", "PUE against wet bulb, hour by hour"),
                  L("한 해의 모든 시간. 짙을수록 그 조합에 해당하는 시간이 많다(로그 단계).",
                    "Every hour of the year; darker cells hold more hours (logarithmic shades)."));
    REPORT_BOTH("f-cloud", chart_cloud(s, &q, z));
    report_figure_end(s);
}

void report_figures_energy(struct svg *s, const struct report *r, const struct report_year *y) {
    figure_week(s, r, y, "f-summer", report_summer_day(y), L("여름 한 주의 전력 수급", "Power balance, a summer week"),
                L("6~8월 중 하루 평균 습구온도가 가장 높은 날이 든 주.",
                  "The week of the day with the highest mean wet bulb from June to August."));
    figure_week(s, r, y, "f-winter", report_winter_day(y), L("겨울 한 주의 전력 수급", "Power balance, a winter week"),
                L("한 해에서 가장 추운 날이 든 주.", "The week of the coldest day."));
    figure_months(s, y);
    figure_sankey(s, y);
    figure_duration(s, r, y);
    figure_carpet(s, y, "f-import", y->import_power, CHART_BLUE, plan_label_same(y->power),
                  L("한 해의 수전 전력", "Import through the year"),
                  L("가로는 날, 세로는 시각. 한 점이 15분(또는 한 단계)의 평균이다.",
                    "Days from left to right, hours from bottom to top; each point is the mean of a quarter hour (or "
                    "of a step)."));
    if (y->has_green)
        figure_carpet(s, y, "f-green", y->green_power, CHART_AMBER, plan_label_same(y->power),
                      L("한 해의 구내 태양광·풍력", "On-site solar and wind through the year"),
                      L("쓰거나 저장하거나 판매한 발전량.", "Generation that was used, stored or exported."));
    if (y->has_busy)
        figure_carpet(
            s, y, "f-busy", y->busy, CHART_GREEN, L("%", "%"), L("한 해의 GPU 가동률", "GPU use through the year"),
            L("가동 중인 GPU가 계산에 쓴 시간의 비율.", "Share of their time in which the GPUs in service compute."));
    figure_bands(s, y);
}
