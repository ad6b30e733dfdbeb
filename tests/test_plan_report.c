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

static bool has(const struct buf *b, const char *text) {
    return strstr(b->p, text) != NULL;
}

static size_t count(const struct buf *b, const char *text) {
    size_t n = 0;
    for (const char *p = b->p; (p = strstr(p, text)); p += strlen(text)) n++;
    return n;
}

/* The next tag from p on: its name, whether it closes, whether it stands alone. Attributes must be name="value" with no
 * angle bracket inside. NULL at the end. */
static const char *next_tag(const char *p, char name[32], bool *closes, bool *alone) {
    p = strchr(p, '<');
    if (!p) return NULL;
    *closes = *++p == '/';
    if (*closes) p++;
    size_t n = strcspn(p, " >/\n");
    assert_in_range(n, 1, 31);
    memcpy(name, p, n);
    name[n] = 0;
    bool quoted = false;
    for (p += n; quoted || *p != '>'; p++) {
        assert_true(*p != 0 && *p != '<');
        if (*p == '"') quoted = !quoted;
        else if (!quoted) assert_null(strchr("'`", *p));
    }
    *alone = p[-1] == '/';
    return p + 1;
}

/* Every tag that opens is closed in order; returns how many there are. */
static size_t check_nesting(const struct buf *b) {
    char open[64][32], name[32];
    size_t depth = 0, n = 0;
    bool closes, alone;
    const char *p = strstr(b->p, "<html");
    while ((p = next_tag(p, name, &closes, &alone))) {
        n++;
        if (closes) {
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
        } else if (!alone && strcmp(name, "meta") != 0 && strcmp(name, "input") != 0 && strcmp(name, "br") != 0) {
            assert_true(depth < 64);
            strcpy(open[depth++], name);
        }
    }
    assert_int_equal(depth, 0);
    return n;
}

/* Every aria reference and every link inside the page has its target. */
static void check_references(const struct buf *b) {
    static const char *const keys[] = {"aria-labelledby=\"", "aria-describedby=\"", "href=\"#", " for=\""};
    char want[80];
    for (size_t k = 0; k < 4; k++)
        for (const char *p = b->p; (p = strstr(p, keys[k]));) {
            p += strlen(keys[k]);
            snprintf(want, sizeof want, " id=\"%.*s\"", (int)strcspn(p, "\""), p);
            if (!has(b, want)) fail_msg("nothing has%s", want);
        }
}

static void keep(const struct buf *b) {
    const char *path = getenv("SILLOK_REPORT_OUT");
    struct file_out f;
    struct sil_error e;
    if (!path) return;
    assert_int_equal(file_create(path, &f, &e), SIL_OK);
    assert_int_equal(file_write(&f, b->p, b->n, &e), SIL_OK);
    assert_int_equal(file_commit(&f, &e), SIL_OK);
}

static void test_page(void **state) {
    (void)state;
    static const char *const figures[] = {"f-summer",  "f-winter", "f-months", "f-sankey", "f-duration", "f-import",
                                          "f-green",   "f-busy",   "f-bands",  "f-cloud",  "f-npv",      "f-cash",
                                          "f-tornado", "f-token",  "f-gantt",  "f-calib"};
    struct sample *s = sample_open(300);
    struct buf ko, en;
    char id[40];
    make_page(&s->r, PLAN_KO, &ko);
    make_page(&s->r, PLAN_EN, &en);
    keep(&ko);
    assert_in_range(ko.n, 100000, 3000000);
    assert_true(check_nesting(&ko) > 1000);
    check_references(&ko);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        snprintf(id, sizeof id, "<figure id=\"%s\">", figures[i]);
        if (!has(&ko, id)) fail_msg("no figure %s", figures[i]);
        snprintf(id, sizeof id, "aria-labelledby=\"%s-t\"", figures[i]);
        assert_int_equal(count(&ko, id), 2); /* for a page and for a phone */
    }
    assert_true(has(&ko, "<html lang=\"ko\">") && has(&en, "<html lang=\"en\">"));
    assert_true(has(&ko, "id=\"lang-ko\" autocomplete=\"off\" checked") &&
                !has(&ko, "id=\"lang-en\" autocomplete=\"off\" checked"));
    assert_true(has(&en, "id=\"lang-en\" autocomplete=\"off\" checked"));
    assert_int_equal(count(&ko, "lang=\"ko\">"), count(&ko, "lang=\"en\">") + 1); /* html itself */
    buf_free(&ko);
    buf_free(&en);
    sample_close(s);
}

/* Nothing is fetched or run, whatever the design says, and its texts come out as texts. */
static void test_hostile_texts(void **state) {
    (void)state;
    static const char *const never[] = {"<script",  "javascript:", "<iframe",    "<object",     "<img",
                                        "<link",    "<b>",         "onerror=\"", "onload=",     "http://",
                                        "https://", "url(",        "@import",    "\xe2\x80\xae"};
    struct sample *s = sample_open(3600);
    struct buf b;
    struct plan_label evil = plan_label_same(HOSTILE);
    s->r.name = s->r.file = s->r.digest = s->r.version = HOSTILE;
    s->r.site = s->r.weather = s->r.tornado_name = evil;
    snprintf(s->build.phase[0].name, sizeof s->build.phase[0].name, "%s", HOSTILE);
    for (size_t i = 0; i < 3; i++) snprintf(s->results.r[i].of, sizeof s->results.r[i].of, "%.60s", HOSTILE);
    struct chart_point points[2] = {{HOSTILE, 0, 10, 11}, {HOSTILE, 1, 1000, 900}};
    s->r.calibration = points;
    s->r.n_calibration = 2;
    struct report_check check = {HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, 1, 0, REPORT_PASS};
    s->r.check = &check;
    s->r.n_checks = 1;
    s->r.note = &evil;
    s->r.n_notes = 1;
    make_page(&s->r, PLAN_EN, &b);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (has(&b, never[i])) fail_msg("the page contains %s", never[i]);
    assert_true(count(&b, "&lt;script&gt;alert(1)&lt;/script&gt;") > 10);
    assert_true(has(&b, "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"));
    (void)check_nesting(&b);
    buf_free(&b);
    sample_close(s);
}

/* The same bytes every time; hours as well as minutes; with nothing known still a page. */
static void test_same_and_bare(void **state) {
    (void)state;
    struct sample *s = sample_open(3600);
    struct buf a, b;
    make_page(&s->r, PLAN_KO, &a);
    make_page(&s->r, PLAN_KO, &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    buf_free(&a);
    buf_free(&b);
    struct report bare = {
        .name = "x", .file = "", .digest = "", .version = "", .site = {"", ""}, .weather = {"", ""}, .contract_w = NAN};
    make_page(&bare, PLAN_EN, &a);
    (void)check_nesting(&a);
    check_references(&a);
    buf_free(&a);
    sample_close(s);
}

static void test_refused(void **state) {
    (void)state;
    struct sample *s = sample_open(3600);
    struct sil_error e = {0};
    struct buf b;
    buf_init(&b, mem_libc(), REPORT_BYTES_MAX);
    s->series.n--;
    assert_int_equal(report_html(&s->r, PLAN_KO, mem_libc(), &b, &e), SIL_ARG);
    s->series.n++;
    s->series.dt_s = 7000;
    assert_int_equal(report_html(&s->r, PLAN_KO, mem_libc(), &b, &e), SIL_ARG);
    s->series.dt_s = 3600;
    buf_free(&b);
    buf_init(&b, mem_libc(), 10000);
    assert_int_equal(report_html(&s->r, PLAN_KO, mem_libc(), &b, &e), SIL_LIMIT);
    buf_free(&b);
    sample_close(s);
}

static sil_err page_with(void *ctx, struct mem mem) {
    struct sample *s = ctx;
    struct sil_error e;
    struct buf b;
    buf_init(&b, mem, REPORT_BYTES_MAX);
    sil_err err = report_html(&s->r, PLAN_KO, mem, &b, &e);
    buf_free(&b);
    return err;
}

static sil_err screen_with(void *ctx, struct mem mem) {
    struct sample *s = ctx;
    struct sil_error e;
    struct buf b;
    buf_init(&b, mem, REPORT_BYTES_MAX);
    sil_err err = report_screen(&s->results, PLAN_KO, 100, true, mem, &b, &e);
    buf_free(&b);
    return err;
}

static void test_no_memory(void **state) {
    (void)state;
    struct sample *s = sample_open(3600);
    assert_true(test_each_allocation(page_with, s) > 10);
    assert_true(test_each_allocation(screen_with, s) >= 2);
    sample_close(s);
}

/* Sums for the pictures against the rows themselves. */
static void test_year(void **state) {
    (void)state;
    struct sample *s = sample_open(300);
    struct arena a;
    struct report_year y;
    struct report_week w;
    struct sil_error e;
    arena_init(&a, mem_libc(), 64 << 20);
    assert_int_equal(report_year_fill(&s->series, &a, &y, &e), SIL_OK);
    double it = 0, pv = 0, import = 0, quarter = 0, top = 0;
    for (uint32_t i = 0; i < s->series.n; i++) {
        it += s->row[i].it_w / 12e9;
        pv += s->row[i].pv_w / 12e9;
        import += s->row[i].import_w / 12e9;
        quarter += s->row[i].import_w / 3e6;
        if (i % 3 == 2) {
            top = fmax(top, quarter);
            quarter = 0;
        }
    }
    double months = 0;
    for (int m = 0; m < 12; m++) months += y.month_energy[SRC_PV][m];
    assert_true(fabs(y.energy[FLOW_IT] - it) < 1e-9 * it);
    assert_true(fabs(months - pv) < 1e-9 * pv && fabs(y.energy[FLOW_PV] - pv) < 1e-9 * pv);
    assert_true(fabs(y.energy[FLOW_GRID] + y.energy[FLOW_PPA] - import) < 1e-9 * import);
    assert_true(fabs(y.import_curve[0] - top) < 1e-9 * top);
    for (int i = 1; i < CURVE_POINTS; i++) assert_true(y.import_curve[i] <= y.import_curve[i - 1]);
    assert_int_equal(y.slots, 96);
    assert_int_equal(report_weekday(&y, 0), 1); /* 1 January 2030 is a Tuesday */
    report_week_fill(&y, report_summer_day(&y), &w);
    assert_int_equal(report_weekday(&y, w.first_day), 0);
    assert_int_equal(w.n, 672);
    report_week_fill(&y, 0, &w);
    assert_int_equal(w.first_day, 6); /* moved into the year */
    report_week_fill(&y, 364, &w);
    assert_in_range(w.first_day, 352, 358);
    s->series.year = 2028; /* without 29 February: 1 March is a Wednesday */
    arena_free(&a);
    assert_int_equal(report_year_fill(&s->series, &a, &y, &e), SIL_OK);
    assert_int_equal(report_weekday(&y, 0), 5);
    assert_int_equal(report_weekday(&y, 59), 2);
    arena_free(&a);
    sample_close(s);
}

/* WCAG 2.1, 1.4.3 and 1.4.11: relative luminance and contrast. */
static double luminance(uint32_t rgb) {
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double c = (double)(rgb >> (16 - 8 * i) & 255) / 255;
        sum += weight[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(uint32_t a, uint32_t b) {
    double x = luminance(a), y = luminance(b);
    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

static void test_contrast(void **state) {
    (void)state;
    for (size_t i = 0; i < report_n_colours; i++) {
        const struct report_colour *c = &report_colours[i];
        double need = c->text ? 4.5 : 3, light = contrast(c->light, report_paper.light),
               dark = contrast(c->dark, report_paper.dark);
        if (light < need || dark < need)
            fail_msg("%s: contrast %.2f on light paper, %.2f on dark", c->name, light, dark);
    }
    assert_true(fabs(contrast(0xffffff, 0x000000) - 21) < 1e-9);
}

/* Lines never pass the width, count Hangul as two, and hold every value that belongs to the screen. */
static void test_screen(void **state) {
    (void)state;
    static const size_t widths[] = {60, 80, 100, 120};
    struct sample *s = sample_open(3600);
    for (size_t i = 0; i < 4; i++)
        for (int lang = 0; lang < PLAN_LANGS; lang++) {
            struct sil_error e;
            struct buf b;
            buf_init(&b, mem_libc(), 1 << 20);
            assert_int_equal(report_screen(&s->results, (enum plan_lang)lang, widths[i], false, mem_libc(), &b, &e),
                             SIL_OK);
            assert_true(has(&b, "238.7 MW") && has(&b, lang == PLAN_KO ? "10조 4,125억 원" : "KRW 10.41 tn"));
            assert_true(!has(&b, "기술 측 내부수익률") && !has(&b, "IRR of technology"));
            char line[512];
            for (const char *p = b.p; *p; p += strcspn(p, "\n") + 1) {
                snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
                assert_true(fmt_columns(line) <= widths[i]);
            }
            buf_free(&b);
        }
    sample_close(s);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),     cmocka_unit_test(test_hostile_texts), cmocka_unit_test(test_same_and_bare),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_year),
        cmocka_unit_test(test_contrast), cmocka_unit_test(test_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
