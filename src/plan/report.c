/* report: the page around the figures. */
#include "plan/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "plan/fmt.h"
#include "plan/report_parts.h"

enum { ARENA_MAX = 64 << 20, CARDS_LEAST = 4, AMOUNT_MAX = 32 };

/* Copies fmt to out with each "%s" replaced by the next of four texts; nothing else in fmt is special. Short texts are
 * amounts or names: their spaces do not break lines (1.2억 원). */
static void say(char *out, size_t cap, const char *fmt, const char *const *arg) {
    static const char nbsp[] = "\xc2\xa0";
    size_t n = 0;
    for (int k = 0; *fmt && n + 4 < cap; fmt++) {
        if (fmt[0] != '%' || fmt[1] != 's' || k >= 4) {
            out[n++] = *fmt;
            continue;
        }
        const char *text = arg[k++];
        bool keep = strlen(text) < AMOUNT_MAX;
        for (; *text && n + 4 < cap; text++) {
            if (*text == ' ' && keep) {
                memcpy(out + n, nbsp, 2);
                n += 2;
            } else {
                out[n++] = *text;
            }
        }
        fmt++;
    }
    if (n + 4 >= cap) { /* cut: without the last character, which may not be whole */
        while (n > 0 && ((unsigned char)out[n - 1] & 0xc0) == 0x80) n--;
        if (n > 0) n--;
    }
    out[n] = 0;
}

struct plan_label report_say(struct report_line *l, const char *ko, const char *en, const char *const *ko_arg,
                             const char *const *en_arg) {
    say(l->ko, sizeof l->ko, ko, ko_arg);
    say(l->en, sizeof l->en, en, en_arg);
    return L(l->ko, l->en);
}

void report_figure(struct svg *s, const char *id, struct plan_label title, struct plan_label about) {
    svg_printf(s, "<figure id=\"%s\"><h3 id=\"%s-t\">", id, id);
    svg_html_label(s, title);
    svg_printf(s, "</h3>\n<p class=\"cap\" id=\"%s-d\">", id);
    svg_html_label(s, about);
    svg_raw(s, "</p>\n");
}

void report_figure_end(struct svg *s) {
    svg_raw(s, "</figure>\n");
}

void report_data(struct svg *s, const struct plan_label *head, size_t columns) {
    svg_raw(s, "<details><summary>");
    svg_html_label(s, L("수치로 보기", "As numbers"));
    svg_raw(s, "</summary><div class=\"scroll\"><table><thead><tr>");
    for (size_t i = 0; i < columns; i++) {
        svg_printf(s, "<th scope=\"col\"%s>", i ? " class=\"r\"" : "");
        svg_html_title(s, head[i]);
        svg_raw(s, "</th>");
    }
    svg_raw(s, "</tr></thead><tbody>\n");
}

void report_data_row(struct svg *s, struct plan_label name, const struct plan_label *cell, size_t columns) {
    svg_raw(s, "<tr><th scope=\"row\">");
    svg_html_title(s, name);
    svg_raw(s, "</th>");
    for (size_t i = 0; i < columns; i++) {
        svg_raw(s, "<td class=\"r\">");
        svg_html_label(s, cell[i]);
        svg_raw(s, "</td>");
    }
    svg_raw(s, "</tr>\n");
}

void report_data_value(struct svg *s, struct plan_label name, double value, const char *unit) {
    char ko[FMT_MAX], en[FMT_MAX];
    fmt_value(ko, value, unit, 4, PLAN_KO);
    fmt_value(en, value, unit, 4, PLAN_EN);
    report_data_row(s, name, &L(ko, en), 1);
}

void report_data_end(struct svg *s) {
    svg_raw(s, "</tbody></table></div></details>\n");
}

void report_legend(struct svg *s, const struct report_key *k, size_t n) {
    svg_raw(s, "<ul class=\"key\">");
    for (size_t i = 0; i < n; i++) {
        svg_raw(s, "<li><svg viewBox=\"0 0 20 12\" aria-hidden=\"true\">");
        if (k[i].kind == 's') svg_printf(s, "<path class=\"s-%s\" d=\"M0 6h20\"/>", k[i].cls);
        else if (k[i].kind == 'g') chart_mark(s, k[i].cls[1] - '0', 10, 6, 4.6);
        else svg_printf(s, "<rect class=\"%c-%s\" width=\"20\" height=\"12\"/>", k[i].kind, k[i].cls);
        svg_raw(s, "</svg>");
        svg_html_title(s, k[i].name);
        svg_raw(s, "</li>");
    }
    svg_raw(s, "</ul>\n");
}

const char *report_of_text(const char *of, enum plan_lang lang) {
    static const struct { const char *of, *ko; } names[] = {{"technology", "기술 측"}, {"infrastructure", "인프라 측"}};
    for (size_t i = 0; i < sizeof names / sizeof *names && lang == PLAN_KO; i++)
        if (strcmp(of, names[i].of) == 0) return names[i].ko;
    return of;
}

static void value_label(const struct plan_result *r, char ko[FMT_MAX], char en[FMT_MAX]) {
    fmt_value(ko, r->value, r->unit, 4, PLAN_KO);
    fmt_value(en, r->value, r->unit, 4, PLAN_EN);
}

static void section(struct svg *s, const char *id, struct plan_label title) {
    svg_printf(s, "<h2 id=\"%s\">", id);
    svg_html_label(s, title);
    svg_raw(s, "</h2>\n");
}

static void head(struct svg *s, const struct report *r, enum plan_lang lang) {
    svg_printf(s, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n", lang == PLAN_KO ? "ko" : "en");
    svg_raw(s, "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
               "img-src data:; base-uri 'none'; form-action 'none'\">\n"
               "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    svg_esc(s, r->name);
    svg_raw(s, lang == PLAN_KO ? " — AI 데이터센터 계획 보고서" : " — AI data centre plan");
    svg_raw(s, "</title>\n");
    report_style(s);
    svg_raw(s, "</head>\n<body>\n");
    for (int k = 0; k < 2; k++)
        svg_printf(s,
                   "<input type=\"radio\" class=\"lang\" name=\"lang\" id=\"lang-%s\" autocomplete=\"off\"%s "
                   "aria-label=\"%s\">\n",
                   k ? "en" : "ko", (k == 0) == (lang == PLAN_KO) ? " checked" : "", k ? "English" : "한국어");
}

static void title_block(struct svg *s, const struct report *r) {
    svg_raw(s, "<div class=\"page\">\n<header><div class=\"top\"><span>");
    svg_html_label(s, L("실록 · AI 데이터센터 계획", "Sillok · AI data centre plan"));
    svg_raw(s, "</span><span class=\"switch\"><label for=\"lang-ko\" lang=\"ko\">한국어</label>"
               "<label for=\"lang-en\" lang=\"en\">English</label></span></div>\n<h1>");
    svg_esc(s, r->name);
    svg_raw(s, "</h1>\n<p class=\"lede\">");
    svg_html_label(s, r->site);
    svg_raw(s, "</p>\n<p class=\"lede\">");
    svg_html_label(s, r->weather);
    svg_raw(s, "</p>\n</header>\n");
}

static void contents(struct svg *s, const struct report *r) {
    const struct {
        bool there;
        const char *id;
        struct plan_label name;
    } part[] = {
        {r->results != NULL, "s-service", L("서비스와 제약", "Services and constraints")},
        {r->series != NULL, "s-energy", L("전력", "Energy")},
        {r->finance != NULL || r->tornado != NULL, "s-money", L("재무", "Finance")},
        {r->build != NULL, "s-build", L("건설 일정", "Timeline")},
        {r->n_calibration > 0 || r->n_checks > 0, "s-check", L("검증", "Validation")},
        {r->results != NULL, "s-results", L("모든 결과", "All results")},
        {r->design != NULL, "s-assume", L("가정과 출처", "Assumptions")},
    };
    svg_raw(s, "<nav>");
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (!part[i].there) continue;
        svg_printf(s, "<a href=\"#%s\">", part[i].id);
        svg_html_label(s, part[i].name);
        svg_raw(s, "</a>\n");
    }
    svg_raw(s, "</nav>\n");
}

static void card(struct svg *s, const struct plan_result *v, struct plan_label name) {
    char ko[FMT_MAX], en[FMT_MAX];
    value_label(v, ko, en);
    svg_raw(s, "<div><dt>");
    svg_html_title(s, name);
    svg_raw(s, "</dt><dd>");
    svg_html_label(s, L(ko, en));
    svg_raw(s, "</dd></div>\n");
}

/* The numbers that a board asks for first, under names that stand alone; if the run has none, the first of the screen.
 */
void report_cards(struct svg *s, const struct report *r) {
    static const struct {
        const char *key;
        struct plan_label name;
    } cards[] = {
        {"finance.npv", {"순현재가치(세후)", "NPV after tax"}},
        {"finance.irr", {"내부수익률(IRR)", "IRR"}},
        {"finance.payback", {"투자 회수 기간", "Payback"}},
        {"finance.dscr_min", {"최저 부채상환비율(DSCR)", "Lowest DSCR"}},
        {"cost.capex", {"초기 투자비", "First capex"}},
        {"cost.power", {"연간 전력비", "Power cost a year"}},
        {"cost.mtoken", {"백만 토큰당 원가", "Cost per million tokens"}},
        {"cost.gpu_hour", {"GPU 시간당 원가", "Cost per GPU-hour"}},
        {"fleet.gpus", {"설치 GPU", "GPUs installed"}},
        {"fleet.use", {"GPU 가동률", "GPU use"}},
        {"service.all_tokens", {"연간 처리 토큰", "Tokens served a year"}},
        {"service.all_slo", {"서비스 수준 달성률", "Service level met"}},
        {"power.facility_peak", {"최대 구내 전력", "Peak facility power"}},
        {"power.pue", {"연간 PUE", "PUE of the year"}},
        {"carbon.cfe", {"무탄소 비율(시간 일치)", "Carbon-free, hourly"}},
        {"carbon.location", {"연간 탄소 배출", "Carbon a year"}},
    };
    size_t n = 0;
    svg_raw(s, "<dl class=\"cards\">");
    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
        const struct plan_result *v = plan_result_find(r->results, cards[i].key, "");
        if (!v) continue;
        card(s, v, cards[i].name);
        n++;
    }
    for (size_t i = 0; i < r->results->n && n < CARDS_LEAST; i++) {
        const struct plan_result *v = &r->results->r[i];
        if (!v->screen || v->of[0]) continue;
        card(s, v, L(v->ko, v->en));
        n++;
    }
    svg_raw(s, "</dl>\n");
}

static void notes(struct svg *s, const struct report *r) {
    if (r->n_notes == 0) return;
    svg_raw(s, "<div class=\"notes\"><strong>");
    svg_html_label(s, L("읽기 전에", "Before reading"));
    svg_raw(s, "</strong><ul>");
    for (size_t i = 0; i < r->n_notes; i++) {
        svg_raw(s, "<li>");
        svg_html_label(s, r->note[i]);
        svg_raw(s, "</li>");
    }
    svg_raw(s, "</ul></div>\n");
}

static void foot(struct svg *s, const struct report *r) {
    svg_raw(s, "<footer><p>");
    svg_html_label(s, L("설계 파일", "Design file"));
    svg_raw(s, " ");
    svg_esc(s, r->file);
    svg_raw(s, r->digest[0] ? " · SHA-256 <code>" : "");
    svg_esc(s, r->digest);
    svg_raw(s, r->digest[0] ? "</code>" : "");
    svg_raw(s, " · Sillok ");
    svg_esc(s, r->version);
    svg_raw(s, "</p><p>");
    svg_html_label(s, L("같은 설계 파일, 같은 기상 자료, 같은 판의 프로그램은 언제나 같은 보고서를 만든다.",
                        "The same design file, weather data and program version always give this same report."));
    svg_raw(s, "</p></footer>\n");
}

static void page(struct svg *s, const struct report *r, const struct report_year *y, enum plan_lang lang) {
    head(s, r, lang);
    title_block(s, r);
    if (r->results) report_cards(s, r);
    contents(s, r);
    notes(s, r);
    svg_raw(s, "<main>\n");
    if (r->results) {
        section(s, "s-service", L("서비스와 제약", "Services and constraints"));
        report_services(s, r);
        report_limits(s, r);
    }
    if (y) {
        section(s, "s-energy", L("전력", "Energy"));
        report_figures_energy(s, r, y);
    }
    if (r->finance || r->tornado) {
        section(s, "s-money", L("재무", "Finance"));
        report_figures_money(s, r);
    }
    if (r->build) {
        section(s, "s-build", L("건설 일정", "Timeline"));
        report_figures_build(s, r);
    }
    if (r->n_calibration > 0 || r->n_checks > 0) {
        section(s, "s-check", L("검증", "Validation"));
        report_figures_check(s, r);
        report_checks(s, r);
    }
    if (r->results) {
        section(s, "s-results", L("모든 결과", "All results"));
        report_results(s, r);
    }
    if (r->design) {
        section(s, "s-assume", L("가정과 출처", "Assumptions and sources"));
        report_assumptions(s, r);
    }
    svg_raw(s, "</main>\n");
    foot(s, r);
    svg_raw(s, "</div>\n</body></html>\n");
}

sil_err report_html(const struct report *r, enum plan_lang lang, struct mem mem, struct buf *out, struct sil_error *e) {
    struct arena a;
    struct report_year year;
    struct svg s;
    arena_init(&a, mem, ARENA_MAX);
    svg_init(&s, out);
    sil_err err = r->series ? report_year_fill(r->series, &a, &year, e) : SIL_OK;
    if (err == SIL_OK) {
        page(&s, r, r->series ? &year : NULL, lang);
        if (s.err != SIL_OK) err = err_set(e, s.err, "report: the page does not fit %zu bytes of memory", out->max);
    }
    arena_free(&a);
    return err;
}
