/* The report with a made-up year: whole, well-formed, escaped, in both languages, small, the same every time. Set
 * SILLOK_REPORT_OUT=FILE.html to keep the page and look at it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "base/file.h"
#include "plan/fmt.h"
#include "plan/plot.h"
#include "plan/report_parts.h"
#include "support.h"

enum { DAYS = 365, PER_DAY = 288, CALIBRATION = 9 };

#define HOSTILE "<script>alert(1)</script>\"'&\xe2\x80\xae<img src=x onerror=y>"

/* A year that has the shape of one: hot summers, cold winters, sun, wind, weekday load. No model of anything. */
static void fill_row(struct plan_step *r, int step, double dt_s) {
    const double tau = 6.283185307179586;
    double t = step * dt_s, day = t / 86400, hour = fmod(t / 3600, 24);
    double season = -cos(tau * (day - 15) / 365), daily = -cos(tau * (hour - 4) / 24);
    double weather = sin(day * 0.9) + 0.6 * sin(day * 2.3 + 1) + 0.3 * sin(day * 5.1);
    r->tdb_c = 12.5 + 13.5 * season + 3.5 * daily + 2.5 * weather;
    r->twb_c = r->tdb_c - 2 - 1.2 * daily - 0.8 * fabs(weather);
    double sun = sin(tau * (hour - 6) / 24) * (0.72 + 0.28 * season) - 0.12;
    r->ghi_w_m2 = sun > 0 ? 900 * sun * (0.65 + 0.25 * sin(day * 1.7)) : 0;
    r->wind_m_s = 5 + 2.5 * weather - 1.2 * season;
    bool rest = (int)day % 7 >= 5;
    r->busy = (rest ? 0.62 : 0.78) + 0.13 * sin(tau * (hour - 9) / 24) + 0.03 * weather;
    r->it_w = 1e6 * (96 + 96 * r->busy);
    r->cooling_w = r->it_w * (0.035 + 0.0028 * fmax(r->twb_c - 8, 0));
    r->loss_w = r->it_w * 0.046;
    r->other_w = 1.8e6;
    r->wanted_w = r->facility_w = r->it_w + r->cooling_w + r->loss_w + r->other_w;
    r->pv_w = 60e3 * r->ghi_w_m2;
    r->wind_w = 1e6 * fmin(fmax(7 * (r->wind_m_s - 3), 0), 60);
    r->charge_w = hour >= 1 && hour < 5 ? 18e6 : 0;
    r->discharge_w = hour >= 17 && hour < 20 ? 20e6 : 0;
    double rest_w = r->facility_w + r->charge_w - r->pv_w - r->wind_w - r->discharge_w;
    r->import_w = fmax(rest_w, 0);
    r->export_w = fmax(-rest_w, 0);
    r->ppa_w = fmin(30e6, r->import_w);
    r->curtailed_w = weather > 1.4 ? 2e6 : 0;
    r->slo = 0.995;
    r->gpus = 98304;
}

/* A report on the heap with everything that it points to. */
struct sample {
    struct report r;
    struct plan_series series;
    struct plan_results results;
    struct finance finance;
    struct tornado tornado;
    struct build_plan build;
    struct plan_design *design;
    struct plan_step *row;
};

static const struct chart_point calibration[CALIBRATION] = {
    {"H100 70B", 0, 3902, 3610},        {"H100 70B server", 1, 3821, 3350}, {"H200 70B", 0, 4415, 4720},
    {"H200 70B server", 1, 4274, 4260}, {"B200 70B", 0, 12864, 11800},      {"B200 70B server", 1, 12701, 10450},
    {"GB200 70B", 0, 13015, 13900},     {"H200 405B", 0, 69.1, 74.2},       {"B200 405B", 0, 207.6, 196.0}};
static const struct plan_label calibration_group[2] = {{"오프라인", "offline"},
                                                       {"서버(지연 한도)", "server (within latency)"}};
static const struct report_check checks[] = {
    {"KEPCO 2023-07", "400 kW flat, July, general-eul B-II: total", "KRW", NULL, 52106522, 52106522, 1, REPORT_PASS},
    {"pvlib: SPA", "elevation 2003-10-17 12:30:30 MST", "deg", NULL, 39.872046, 39.871998, 1e-3, REPORT_PASS},
    {"Azure 2023", "conversation: mean input tokens", "tokens", "needs the traces", 1155, NAN, 1, REPORT_SKIP},
    {"MLPerf v5.1", "B200 Llama2-70B server", "tokens/s", "batching of the scheduler is not modelled", 12701, 10450,
     1270, REPORT_FAIL}};
static const struct plan_label sample_notes[2] = {
    {"기상 자료는 월별 평년값으로 만든 합성 연도이며 실제 관측이 아니다.",
     "The weather is a synthetic year made from monthly normals, not an observation."},
    {"장비 가격은 2026년 중반 언론 보도 수준의 불확실한 값이다.",
     "Hardware prices are press figures of mid-2026 and uncertain."}};

static void add(struct sample *s, const char *key, enum plan_section sec, double v, const char *unit, const char *en,
                const char *ko, const char *of, bool screen) {
    struct plan_result *r = &s->results.r[s->results.n++];
    *r = (struct plan_result){
        .key = key, .section = sec, .value = v, .unit = unit, .en = en, .ko = ko, .screen = screen};
    snprintf(r->of, sizeof r->of, "%s", of);
}

static void fill_results(struct sample *s) {
    add(s, "service.tokens", PLAN_SEC_SERVICE, 3.214e13, "tokens", "output tokens a year", "연간 출력 토큰", "", true);
    add(s, "service.tokens", PLAN_SEC_SERVICE, 2.1e13, "tokens", "output tokens a year", "연간 출력 토큰", "chat",
        true);
    add(s, "service.slo", PLAN_SEC_SERVICE, 99.42, "%", "requests within their service level", "서비스 수준 달성률", "",
        true);
    add(s, "fleet.gpus", PLAN_SEC_FLEET, 98304, "GPU", "GPUs", "GPU 수", "", true);
    add(s, "power.it_mean", PLAN_SEC_POWER, 171.3, "MW", "IT power, mean", "IT 전력 평균", "", true);
    add(s, "power.facility_peak", PLAN_SEC_POWER, 238.72, "MW", "facility power, peak", "구내 전력 최대", "", true);
    add(s, "power.pue", PLAN_SEC_POWER, 1.1043, "1", "PUE of the year", "연간 PUE", "", true);
    add(s, "power.wue", PLAN_SEC_POWER, 0.32, "L/kWh", "WUE of the year", "연간 WUE", "", true);
    add(s, "energy.cfe", PLAN_SEC_ENERGY, 38.1, "%", "hourly matched carbon-free share", "시간 단위 무탄소 비율", "",
        true);
    add(s, "energy.carbon", PLAN_SEC_ENERGY, 513000, "tCO2", "carbon of the import", "수전 전력의 탄소 배출", "", true);
    add(s, "cost.mtoken", PLAN_SEC_COST, 412.7, "KRW", "cost per million tokens", "백만 토큰당 원가", "", true);
    add(s, "cost.capex", PLAN_SEC_COST, 10412.5, "KRW bn", "capex, first build", "초기 투자비", "", true);
    add(s, "finance.npv", PLAN_SEC_FINANCE, 1234.5, "KRW bn", "NPV after tax", "세후 순현재가치", "", true);
    add(s, "finance.irr", PLAN_SEC_FINANCE, 11.4, "%", "IRR", "내부수익률", "", true);
    add(s, "finance.payback", PLAN_SEC_FINANCE, 7.25, "year", "payback", "투자 회수 기간", "", true);
    add(s, "finance.irr_tech", PLAN_SEC_FINANCE, NAN, "%", "IRR of technology", "기술 측 내부수익률", "", false);
}

static void fill_finance(struct finance *f) {
    static const double capex[FIN_N_ITEMS] = {5800, 740, 330, 90, 610, 980, 720, 310, 120, 0, 160, 60, 410};
    static const double opex[FIN_N_OPEX] = {2650, 40, 260, 420, 690, 110, 230};
    f->n_years = 16;
    f->start_year = 2027;
    for (int i = 0; i < FIN_N_ITEMS; i++) f->capex_pv[i] = capex[i] * 1e9;
    for (int i = 0; i < FIN_N_OPEX; i++) f->opex_pv[i] = opex[i] * 1e9;
    f->revenue_pv = 16420e9;
    f->resale_pv = 260e9;
    f->tax_pv = 715e9;
    f->npv = f->revenue_pv + f->resale_pv - f->tax_pv;
    for (int i = 0; i < FIN_N_ITEMS; i++) f->npv -= f->capex_pv[i];
    for (int i = 0; i < FIN_N_OPEX; i++) f->npv -= f->opex_pv[i];
    f->krw_per_mtoken = 412.7;
    f->party_npv[FIN_TECH] = 812e9;
    f->party_npv[FIN_INFRA] = 422.5e9;
    for (uint32_t i = 0; i < f->n_years; i++) {
        f->year[i].party[FIN_TECH] = i < 2 ? -1900e9 : i == 8 ? -1100e9 : 480e9 + 15e9 * i;
        f->year[i].party[FIN_INFRA] = i < 3 ? -820e9 : 270e9 + 6e9 * i;
    }
}

static void fill_tornado(struct tornado *t) {
    static const struct plan_var v[] = {
        {.path = "finance.token_price", .unit = "USD/Mtoken", .help_en = "token price", .help_ko = "토큰 가격"},
        {.path = "finance.fx",
         .unit = "KRW/USD",
         .help_en = "won per dollar at the beginning",
         .help_ko = "초기 환율(원/달러)"},
        {.path = "finance.gpu_usd",
         .unit = "USD",
         .help_en = "price per GPU with its share of system, rack and links",
         .help_ko = "GPU당 가격(시스템·랙·링크 몫 포함)"},
        {.path = "finance.discount", .unit = "%", .help_en = "WACC", .help_ko = "가중평균자본비용(WACC)"},
        {.path = "tariff.class", .unit = "KRW/kWh", .help_en = "energy price", .help_ko = "전력량 요금"},
        {.path = "build.grid_lead",
         .unit = "months",
         .help_en = "grid connection: from application to energised",
         .help_ko = "계통 연계: 신청부터 수전까지"},
        {.path = "cooling.supply", .unit = "degC", .help_en = "supply temperature", .help_ko = "냉각수 공급 온도"}};
    static const double low[][2] = {{0.2, -3900}, {1200, 2280},  {30000, 2450}, {0.06, 2130},
                                    {95, 1890},   {6.3e7, 1500}, {30, 1170}};
    static const double high[][2] = {{0.6, 5900}, {1600, -420}, {50000, -310}, {0.12, 390},
                                     {160, 640},  {2.2e8, 700}, {45, 1290}};
    t->base = 1234.5e9;
    t->n = 7;
    for (uint32_t i = 0; i < t->n; i++)
        t->bar[i] = (struct tornado_bar){
            .var = &v[i], .low = low[i][0], .high = high[i][0], .at_low = low[i][1] * 1e9, .at_high = high[i][1] * 1e9};
}

static void fill_build(struct build_plan *b) {
    b->n = 3;
    for (int p = 0; p < 3; p++) {
        snprintf(b->phase[p].name, sizeof b->phase[p].name, p == 1 ? "2단계 <b>" : "%d단계", p + 1);
        double t = 2026 * 12 + 6 + 15 * p;
        const double bars[5][2] = {{t, t + 36}, {t, t + 12}, {t + 12, t + 32}, {t + 26, t + 35}, {t + 36, t + 42}};
        for (int k = 0; k < 5; k++)
            b->bar[b->n_bars++] =
                (struct build_bar){.phase = p, .chain = (enum build_chain)k, .begin = bars[k][0], .end = bars[k][1]};
        b->start[p] = t + 36;
    }
}

static struct sample *sample_open(double dt_s) {
    struct sample *s = calloc(1, sizeof *s);
    assert_non_null(s);
    int per_day = (int)(86400 / dt_s);
    s->row = calloc((size_t)DAYS * (size_t)per_day, sizeof *s->row);
    s->design = calloc(1, sizeof *s->design);
    assert_true(s->row && s->design);
    for (int i = 0; i < DAYS * per_day; i++) fill_row(&s->row[i], i, dt_s);
    plan_design_defaults(s->design);
    snprintf(s->design->c.site.name, sizeof s->design->c.site.name, "%s", HOSTILE);
    s->series = (struct plan_series){.row = s->row, .n = (uint32_t)(DAYS * per_day), .dt_s = dt_s, .year = 2030};
    fill_results(s);
    fill_finance(&s->finance);
    fill_tornado(&s->tornado);
    fill_build(&s->build);
    s->r = (struct report){.name = "한국 250 MW 소버린 AI 데이터센터",
                           .file = "korea-250mw.yaml",
                           .digest = "0123abcd",
                           .version = "0",
                           .site = {"부지 미공개, 전남 기준 설계", "site undisclosed, base design for Jeonnam"},
                           .weather = {"합성 연도(군산 평년값), 2030년, 5분 간격",
                                       "synthetic year (normals of Gunsan), 2030, 5-minute steps"},
                           .contract_w = 250e6,
                           .results = &s->results,
                           .series = &s->series,
                           .finance = &s->finance,
                           .tornado = &s->tornado,
                           .tornado_name = {"순현재가치", "Net present value"},
                           .build = &s->build,
                           .design = s->design,
                           .calibration = calibration,
                           .n_calibration = CALIBRATION,
                           .calibration_group = calibration_group,
                           .n_calibration_groups = 2,
                           .check = checks,
                           .n_checks = sizeof checks / sizeof *checks,
                           .note = sample_notes,
                           .n_notes = 2};
    return s;
}

static void sample_close(struct sample *s) {
    free(s->row);
    free(s->design);
    free(s);
}

static void make_page(const struct report *r, enum plan_lang lang, struct buf *out) {
    struct sil_error e = {0};
    buf_init(out, mem_libc(), REPORT_BYTES_MAX);
    sil_err err = report_html(r, lang, mem_libc(), out, &e);
    if (err != SIL_OK) fail_msg("%s", e.text);
}

static void test_page(void **state) {
    (void)state;
    struct sample *s = sample_open(300);
    struct buf a;
    make_page(&s->r, PLAN_KO, &a);
    const char *keep = getenv("SILLOK_REPORT_OUT");
    if (keep) {
        struct file_out f;
        struct sil_error e;
        assert_int_equal(file_create(keep, &f, &e), SIL_OK);
        assert_int_equal(file_write(&f, a.p, a.n, &e), SIL_OK);
        assert_int_equal(file_commit(&f, &e), SIL_OK);
    }
    buf_free(&a);
    sample_close(s);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
