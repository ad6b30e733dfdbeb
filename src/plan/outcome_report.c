/* outcome_report: binds a run to the report: labels, notes, check rows, calibration. */
#include "plan/outcome_report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "plan/calib.h"
#include "plan/check_list.h"
#include "plan/fmt.h"

enum { NOTE_BYTES = OUTCOME_NOTE_BYTES, GROUPS_MAX = 8, LABEL_BYTES = 3 * PLAN_TEXT_MAX, POINT_NAME = 64 };

/* What the page points to while it is drawn. */
struct binding {
    char site[LABEL_BYTES], weather_en[LABEL_BYTES], weather_ko[LABEL_BYTES];
    struct outcome_notes notes;
    struct plan_label note[OUTCOME_NOTES_MAX];
    struct plan_label group[GROUPS_MAX];
    struct calib_point *calib;
    struct chart_point *point;
    char (*point_name)[POINT_NAME]; /* of each point */
    size_t n_points;
    struct report_check *check;
    size_t n_checks;
};

__attribute__((format(printf, 3, 4))) static void note(struct outcome_notes *t, const char *ko, const char *fmt, ...) {
    va_list ap;
    if (t->n >= OUTCOME_NOTES_MAX) return;
    va_start(ap, fmt);
    vsnprintf(t->en[t->n], NOTE_BYTES, fmt, ap);
    va_end(ap);
    snprintf(t->ko[t->n++], NOTE_BYTES, "%s", ko);
}

void plan_outcome_notes(const struct plan_outcome *o, struct outcome_notes *b) {
    char ko[NOTE_BYTES];
    b->n = 0;
    const struct build_plan *p = sim_build(o->sim);
    note(b,
         "명시된 가정에 따른 모의 계산 결과입니다(sillok plan sources로 모두 볼 수 있습니다). 계산 간격보다 짧은 "
         "변동은 다루지 않습니다.",
         "Results of a simulation under stated assumptions (sillok plan sources lists them all); nothing is claimed "
         "about "
         "swings shorter than a step.");
    if (o->design->c.weather.source == WEATHER_SYNTHETIC)
        note(b, "기상은 월 평년값으로 만든 합성 자료입니다. 같은 등급의 자료로 계산한 부지끼리만 비교할 수 있습니다.",
             "The weather is a synthetic year made from monthly normals. Sites may be compared only on the same class "
             "of "
             "weather data.");
    double gpus = plan_result_get(&o->results, "fleet.gpus", NULL);
    if (o->design->c.site.contract_w >= 100e6 && (gpus < 10000 || gpus > 99999)) {
        char count[FMT_MAX];
        fmt_fixed(count, gpus, 0);
        snprintf(ko, sizeof ko,
                 "GPU %s장은 1만~9만 9,999장 범위를 벗어납니다: 계약전력을 GPU당 실측 전력으로 나눈 값입니다.", count);
        note(b, ko,
             "%s GPUs are outside 10,000 to 99,999: that is what the contract carries at the measured draw per GPU.",
             count);
    }
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->late[i] <= 0) continue;
        snprintf(ko, sizeof ko, "\"%.80s\" 단계는 희망보다 %.0f개월 늦습니다: %s.", p->phase[i].name, p->late[i],
                 build_chain_ko(p->holds[i]));
        note(b, ko, "\"%.80s\" starts %.0f months later than wanted, held by: %s.", p->phase[i].name, p->late[i],
             build_chain_en(p->holds[i]));
    }
}

/* Throughput rows only: one unit on both axes. */
static sil_err calibration(struct binding *b, const struct plan_outcome *o, struct sil_error *e) {
    b->calib = mem_array(o->mem, calib_n_rows, sizeof *b->calib);
    b->point = mem_array(o->mem, calib_n_rows, sizeof *b->point);
    b->point_name = mem_array(o->mem, calib_n_rows, sizeof *b->point_name);
    if (!b->calib || !b->point || !b->point_name)
        return err_nomem(e, "the calibration", calib_n_rows * sizeof *b->calib);
    calib_points(&o->design->c.fleet.roof, b->calib);
    b->group[0] = (struct plan_label){.en = "offline", .ko = "오프라인"};
    b->group[1] = (struct plan_label){.en = "within the service level", .ko = "서비스 수준 내"};
    for (size_t i = 0; i < calib_n_rows; i++) {
        const struct calib_row *r = b->calib[i].row;
        if (r->kind != CALIB_OFFLINE && r->kind != CALIB_SERVER) continue;
        size_t hw = calib_hw(r->system), llm = calib_llm(r->model);
        char *name = b->point_name[b->n_points];
        snprintf(name, sizeof *b->point_name, "%.24s, %.30s", hw < hw_n_systems ? hw_systems[hw].title : r->system,
                 llm < llm_n_models ? llm_models[llm].title : r->model);
        b->point[b->n_points++] = (struct chart_point){
            .name = name, .group = r->kind == CALIB_SERVER, .measured = r->measured, .predicted = b->calib[i].left_out};
    }
    return SIL_OK;
}

static sil_err checks(struct binding *b, const struct plan_outcome *o, const char *shared, struct sil_error *e) {
    static const enum report_status status[] = {[PLAN_CHECK_PASS] = REPORT_PASS,
                                                [PLAN_CHECK_MISS] = REPORT_FAIL,
                                                [PLAN_CHECK_EXPLAINED] = REPORT_FAIL,
                                                [PLAN_CHECK_SKIP] = REPORT_SKIP};
    struct plan_check_ctx ctx = {.shared = shared, .mem = o->mem};
    size_t n = plan_check_count();
    b->check = mem_array(o->mem, n, sizeof *b->check);
    if (!b->check) return err_nomem(e, "the check rows", n * sizeof *b->check);
    for (size_t i = 0; i < plan_n_check_lists; i++) {
        for (size_t k = 0; k < *plan_check_lists[i].n; k++) {
            const struct plan_check *c = &plan_check_lists[i].rows[k];
            struct plan_check_result r;
            plan_check_eval(c, &ctx, &r);
            b->check[b->n_checks++] = (struct report_check){
                .source = c->source,
                .what = c->what,
                .unit = c->unit,
                .note = c->note,
                .expected = c->expected,
                .got = r.got,
                .tolerance = r.tolerance,
                .status = status[r.status],
            };
        }
    }
    return SIL_OK;
}

static void labels(struct binding *b, const struct plan_outcome *o) {
    const struct plan_configs *c = &o->design->c;
    const struct weather *w = sim_weather(o->sim);
    snprintf(b->site, sizeof b->site, "%.*s", (int)(sizeof b->site - 1), c->site.place[0] ? c->site.place : w->place);
    static const char *const ko[] = {[WEATHER_SYNTHETIC] = "월 평년값으로 만든 합성 연도",
                                     [WEATHER_EPW] = "실측 기반 표준 연도(EPW)",
                                     [WEATHER_TMY3] = "실측 기반 표준 연도(TMY3)"};
    double minutes = o->series.dt_s / 60;
    snprintf(b->weather_en, sizeof b->weather_en, "Weather: %.100s, %.120s. Year %d in steps of %.6g minutes", w->place,
             w->origin, (int)o->year, minutes);
    snprintf(b->weather_ko, sizeof b->weather_ko, "기상: %.100s, %s. %d년, %.6g분 간격", w->place, ko[w->class],
             (int)o->year, minutes);
}

static struct report bound(const struct binding *b, const struct plan_outcome *o) {
    const struct plan_design *d = o->design;
    const char *slash = strrchr(d->file, '/');
    return (struct report){.name = d->c.site.name,
                           .file = slash ? slash + 1 : d->file,
                           .digest = d->digest,
                           .version = SIL_VERSION,
                           .site = plan_label_same(b->site),
                           .weather = {.en = b->weather_en, .ko = b->weather_ko},
                           .contract_w = d->c.site.contract_w,
                           .results = &o->results,
                           .series = &o->series,
                           .finance = o->money,
                           .tornado = o->tornado,
                           .tornado_name = {.en = "NPV of the project", .ko = "사업 NPV"},
                           .design = d,
                           .build = sim_build(o->sim),
                           .calibration = b->point,
                           .n_calibration = b->n_points,
                           .calibration_group = b->group,
                           .n_calibration_groups = b->n_points ? 2 : 0,
                           .check = b->check,
                           .n_checks = b->n_checks,
                           .note = b->note,
                           .n_notes = b->notes.n};
}

sil_err plan_outcome_html(const struct plan_outcome *o, const char *shared, enum plan_lang lang, struct buf *out,
                          struct sil_error *e) {
    struct binding *b = mem_array(o->mem, 1, sizeof *b);
    if (!b) return err_nomem(e, "the report", sizeof *b);
    labels(b, o);
    plan_outcome_notes(o, &b->notes);
    for (size_t i = 0; i < b->notes.n; i++)
        b->note[i] = (struct plan_label){.en = b->notes.en[i], .ko = b->notes.ko[i]};
    sil_err rc = calibration(b, o, e);
    if (rc == SIL_OK) rc = checks(b, o, shared, e);
    if (rc == SIL_OK) {
        struct report r = bound(b, o);
        rc = report_html(&r, lang, o->mem, out, e);
    }
    mem_free(o->mem, b->calib);
    mem_free(o->mem, b->point);
    mem_free(o->mem, b->point_name);
    mem_free(o->mem, b->check);
    mem_free(o->mem, b);
    return rc;
}
