/* report_table: the tables of the page, and the one-screen table for a terminal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "plan/fmt.h"
#include "plan/report_parts.h"

enum { COLUMN_GAP = 2 };

static void head_cell(struct svg *s, const char *cls, struct plan_label l) {
    svg_printf(s, "<th scope=\"col\"%s>", cls);
    svg_html_label(s, l);
    svg_raw(s, "</th>");
}

static struct plan_label section_name(enum plan_section k) {
    return L(plan_section_ko(k), plan_section_en(k));
}

static void result_value(struct svg *s, const struct plan_result *v) {
    char ko[FMT_MAX], en[FMT_MAX];
    fmt_value(ko, v->value, v->unit, 4, PLAN_KO);
    fmt_value(en, v->value, v->unit, 4, PLAN_EN);
    svg_raw(s, "<td class=\"r\">");
    svg_html_label(s, L(ko, en));
    svg_raw(s, "</td>");
}

static void result_row(struct svg *s, const struct plan_result *v) {
    svg_raw(s, "<tr><th scope=\"row\">");
    svg_html_title(s, L(v->ko, v->en));
    if (v->of[0]) {
        svg_raw(s, " · ");
        svg_html_label(s, L(report_of_text(v->of, PLAN_KO), report_of_text(v->of, PLAN_EN)));
    }
    svg_raw(s, "</th>");
    result_value(s, v);
    svg_raw(s, "</tr>\n");
}

static void result_head(struct svg *s) {
    svg_raw(s, "<thead><tr>");
    head_cell(s, "", L("항목", "Result"));
    head_cell(s, " class=\"r\"", L("값", "Value"));
    svg_raw(s, "</tr></thead>\n");
}

/* Results about one service, on the screen or all. */
static bool of_service(const struct plan_result *v, bool all) {
    return v->section == PLAN_SEC_SERVICE && v->of[0] && (all || v->screen);
}

/* The i-th result is the first with its key (or, by_of, of its service). */
static bool first_of(const struct plan_results *t, size_t i, bool by_of) {
    for (size_t k = 0; k < i; k++)
        if (of_service(&t->r[k], true) &&
            strcmp(by_of ? t->r[k].of : t->r[k].key, by_of ? t->r[i].of : t->r[i].key) == 0)
            return false;
    return true;
}

static void service_cell(struct svg *s, const struct plan_results *t, const char *key, const char *of) {
    const struct plan_result *v = plan_result_find(t, key, of);
    if (v) result_value(s, v);
    else svg_raw(s, "<td class=\"r\"></td>");
}

static bool any_service(const struct plan_results *t) {
    for (size_t i = 0; i < t->n; i++)
        if (of_service(&t->r[i], true)) return true;
    return false;
}

/* A row for each service, a column for each kind of result on the screen. */
void report_services(struct svg *s, const struct report *r) {
    const struct plan_results *t = r->results;
    if (!any_service(t)) return;
    svg_raw(s, "<div class=\"scroll\"><table><thead><tr>");
    head_cell(s, "", L("서비스", "Service"));
    for (size_t i = 0; i < t->n; i++) {
        if (!of_service(&t->r[i], false) || !first_of(t, i, false)) continue;
        svg_raw(s, "<th scope=\"col\" class=\"rw\">");
        svg_html_title(s, L(t->r[i].ko, t->r[i].en));
        svg_raw(s, "</th>");
    }
    svg_raw(s, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!of_service(&t->r[i], true) || !first_of(t, i, true)) continue;
        svg_raw(s, "<tr><th scope=\"row\">");
        svg_esc(s, t->r[i].of);
        svg_raw(s, "</th>");
        for (size_t k = 0; k < t->n; k++)
            if (of_service(&t->r[k], false) && first_of(t, k, false)) service_cell(s, t, t->r[k].key, t->r[i].of);
        svg_raw(s, "</tr>\n");
    }
    svg_raw(s, "</tbody></table></div>\n");
}

/* The same the other way round, with everything that is known: services side by side. */
static void service_matrix(struct svg *s, const struct plan_results *t) {
    if (!any_service(t)) return;
    svg_raw(s, "<div class=\"scroll\"><table><thead><tr>");
    head_cell(s, "", section_name(PLAN_SEC_SERVICE));
    for (size_t i = 0; i < t->n; i++) {
        if (!of_service(&t->r[i], true) || !first_of(t, i, true)) continue;
        svg_raw(s, "<th scope=\"col\" class=\"rw\">");
        svg_esc(s, t->r[i].of);
        svg_raw(s, "</th>");
    }
    svg_raw(s, "</tr></thead><tbody>\n");
    for (size_t k = 0; k < t->n; k++) {
        if (!of_service(&t->r[k], true) || !first_of(t, k, false)) continue;
        svg_raw(s, "<tr><th scope=\"row\">");
        svg_html_title(s, L(t->r[k].ko, t->r[k].en));
        svg_raw(s, "</th>");
        for (size_t i = 0; i < t->n; i++)
            if (of_service(&t->r[i], true) && first_of(t, i, true)) service_cell(s, t, t->r[k].key, t->r[i].of);
        svg_raw(s, "</tr>\n");
    }
    svg_raw(s, "</tbody></table></div>\n");
}

/* All results, a table for each section; two beside each other where there is room. */
void report_results(struct svg *s, const struct report *r) {
    service_matrix(s, r->results);
    svg_raw(s, "<div class=\"cols\">\n");
    for (int k = 0; k < PLAN_N_SECS; k++) {
        bool open = false;
        for (size_t i = 0; i < r->results->n; i++) {
            const struct plan_result *v = &r->results->r[i];
            if ((int)v->section != k || of_service(v, true)) continue;
            if (!open) {
                svg_raw(s, "<table><caption>");
                svg_html_label(s, section_name((enum plan_section)k));
                svg_raw(s, "</caption><tbody>\n");
                open = true;
            }
            result_row(s, v);
        }
        if (open) svg_raw(s, "</tbody></table>\n");
    }
    svg_raw(s, "</div>\n");
}

/* What stood in the way, in the order of the results. */
void report_limits(struct svg *s, const struct report *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->results->n; i++) {
        const struct plan_result *v = &r->results->r[i];
        if (v->section != PLAN_SEC_CONSTRAINT || !v->screen) continue;
        if (n++ == 0) {
            svg_raw(s, "<table><caption>");
            svg_html_label(s, L("가장 자주 걸리는 제약(한 해의 시간)", "What binds most (hours of the year)"));
            svg_raw(s, "</caption>");
            result_head(s);
            svg_raw(s, "<tbody>\n");
        }
        result_row(s, v);
    }
    if (n > 0) svg_raw(s, "</tbody></table>\n");
}

static void assume_range(struct svg *s, const struct plan_var *v) {
    char lo[FMT_MAX], hi[FMT_MAX];
    if (v->low < v->high) {
        fmt_plain(lo, v->low);
        fmt_plain(hi, v->high);
    } else if (v->lo < v->hi && v->kind == PLAN_NUM) {
        fmt_plain(lo, v->lo);
        fmt_plain(hi, v->hi);
    } else {
        return;
    }
    svg_printf(s, "%s – %s", lo, hi);
}

/* As the design file would give it; numbers grouped, nothing as a dash. */
static void assume_value(const struct plan_item *it, char *out, size_t cap) {
    plan_value_text(it->var, it->base, out, cap);
    if (it->var->kind == PLAN_NUM && it->var->offset != PLAN_NO_FIELD) {
        double si;
        char num[FMT_MAX];
        memcpy(&si, (const char *)it->base + it->var->offset, sizeof si);
        fmt_plain(num, plan_shown(it->var, si));
        (void)snprintf(out, cap, "%s", num);
    } else if (out[0] == 0) {
        (void)snprintf(out, cap, "–");
    }
}

static void assume_row(struct svg *s, const struct plan_item *it) {
    char path[256], value[512];
    const struct plan_var *v = it->var;
    plan_item_path(it, path, sizeof path);
    assume_value(it, value, sizeof value);
    svg_raw(s, "<tr><th scope=\"row\">");
    svg_html_title(s, L(v->help_ko ? v->help_ko : path, v->help_en ? v->help_en : path));
    svg_raw(s, "<br><code>");
    svg_esc(s, path);
    svg_printf(s, "</code></th><td class=\"v%s\">", it->line ? " given" : "");
    svg_esc(s, value);
    svg_raw(s, "</td><td class=\"u\">");
    svg_esc(s, v->unit && strcmp(v->unit, "1") != 0 ? v->unit : "");
    svg_raw(s, "</td><td class=\"s u hide\">");
    assume_range(s, v);
    svg_raw(s, "</td><td class=\"s\">");
    if (v->constant) svg_html_label(s, L("프로그램 상수. ", "Constant of the program. "));
    if (it->line) { /* what the declaration cites is about the default */
        char line[2][40];
        (void)snprintf(line[0], sizeof line[0], "설계 파일 %u행", it->line);
        (void)snprintf(line[1], sizeof line[1], "design file, line %u", it->line);
        svg_html_label(s, L(line[0], line[1]));
    } else {
        svg_esc(s, v->source ? v->source : "");
    }
    svg_raw(s, "</td></tr>\n");
}

void report_assumptions(struct svg *s, const struct report *r) {
    const struct plan_group *open = NULL;
    svg_raw(s, "<p class=\"cap\">");
    svg_html_label(
        s,
        L("계산에 들어간 모든 수와 그 출처. 굵은 값은 설계 파일이 정한 것, 나머지는 기본값이다. 범위는 민감도 분석에 "
          "쓰는 그럴듯한 폭이며, 없으면 허용 범위다.",
          "Every number that went in, and where it comes from. Bold values are the design file's, the others are "
          "defaults. The range is the plausible spread of the tornado, or else what is allowed."));
    svg_raw(s, "</p>\n<div class=\"scroll\"><table class=\"stack\"><thead><tr>");
    head_cell(s, " class=\"w34\"", L("항목", "Variable"));
    head_cell(s, " class=\"r w14\"", L("값", "Value"));
    head_cell(s, " class=\"w12\"", L("단위", "Unit"));
    head_cell(s, " class=\"w12 hide\"", L("범위", "Range"));
    head_cell(s, "", L("출처", "Source"));
    svg_raw(s, "</tr></thead>\n");
    struct plan_item it = {0};
    while (plan_item_next(r->design, &it)) {
        const struct plan_group *g = it.module->group;
        if (g != open) {
            svg_raw(s, open ? "</tbody>\n<tbody>" : "<tbody>");
            svg_raw(s, "<tr class=\"grp\"><th scope=\"rowgroup\" colspan=\"5\">");
            svg_html_label(s, L(g->title_ko, g->title_en));
            svg_raw(s, "</th></tr>\n");
            open = g;
        }
        assume_row(s, &it);
    }
    svg_raw(s, open ? "</tbody></table></div>\n" : "</table></div>\n");
}

static void check_row(struct svg *s, const struct report_check *c) {
    static const struct {
        const char *cls;
        struct plan_label text;
    } status[] = {{"ok", {"통과", "pass"}}, {"bad", {"벗어남", "off"}}, {"skip", {"자료 없음", "no data"}}};
    char want[FMT_MAX], got[FMT_MAX], off[FMT_MAX];
    fmt_value(want, c->expected, "1", 7, PLAN_EN);
    fmt_value(got, c->got, "1", 7, PLAN_EN);
    fmt_fixed(off, 100 * (c->got / c->expected - 1), 2);
    svg_raw(s, "<tr><th scope=\"row\">");
    svg_esc(s, c->what);
    svg_raw(s, "<br><code>");
    svg_esc(s, c->source);
    svg_raw(s, "</code>");
    if (c->note) {
        svg_raw(s, "<br><span class=\"skip small\">");
        svg_esc(s, c->note);
        svg_raw(s, "</span>");
    }
    svg_printf(s, "</th><td class=\"r\">%s</td><td class=\"r\">%s</td><td class=\"u\">", want,
               c->status == REPORT_SKIP ? "–" : got);
    svg_esc(s, c->unit && strcmp(c->unit, "1") != 0 ? c->unit : "");
    svg_printf(s, "</td><td class=\"r hide\">%s</td><td class=\"%s\">",
               c->status == REPORT_SKIP || c->expected == 0 ? "–" : off, status[c->status].cls);
    svg_html_label(s, status[c->status].text);
    svg_raw(s, "</td></tr>\n");
}

void report_checks(struct svg *s, const struct report *r) {
    if (r->n_checks == 0) return;
    svg_raw(s, "<div class=\"scroll\"><table class=\"stack check\"><caption>");
    svg_html_label(s, L("공표된 값의 재현", "Published numbers reproduced"));
    svg_raw(s, "</caption><thead><tr>");
    head_cell(s, "", L("무엇", "What"));
    head_cell(s, " class=\"r w14\"", L("공표값", "Published"));
    head_cell(s, " class=\"r w14\"", L("계산값", "Computed"));
    head_cell(s, " class=\"w12\"", L("단위", "Unit"));
    head_cell(s, " class=\"r w9 hide\"", L("차이 %", "Error %"));
    head_cell(s, " class=\"w9\"", L("판정", "Result"));
    svg_raw(s, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < r->n_checks; i++) check_row(s, &r->check[i]);
    svg_raw(s, "</tbody></table></div>\n");
}
