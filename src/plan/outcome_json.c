/* outcome_json: results as JSON, and the year thinned out for plots. */
#include "plan/outcome_json.h"

#include <math.h>
#include <stdlib.h>

#include "plan/outcome_report.h"

enum { DAYS = 365, WEEK_DAYS = 7, DURATION_POINTS = 201, DAY_S = 86400 };

/* ---- results ---- */

static json_t *number_json(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

/* Adds to a list; without memory the list stays shorter, and the caller sees that by its own checks. */
static json_t *years_json(const struct plan_outcome *o) {
    json_t *years = json_array();
    for (uint32_t i = 0; i < o->n_years; i++) {
        const struct outcome_year *y = &o->years[i];
        json_t *one = json_object();
        json_object_set_new(one, "year", json_integer(y->year));
        json_object_set_new(one, "contract_mw", number_json(y->contract_w / 1e6));
        json_object_set_new(one, "gpu_share", number_json(y->gpu_share));
        json_object_set_new(one, "facility_gwh", number_json(y->sums.facility_j / 3.6e12));
        json_object_set_new(one, "import_gwh", number_json(y->sums.import_j / 3.6e12));
        json_object_set_new(one, "tokens_bn", number_json(y->sums.tokens / 1e9));
        json_object_set_new(one, "power_cost_krw_bn", number_json(y->energy.cost_krw / 1e9));
        json_object_set_new(one, "emission_kt", number_json(y->sums.emission_kg / 1e6));
        json_array_append_new(years, one);
    }
    return years;
}

static json_t *results_json(const struct plan_results *t) {
    static const char *const section[PLAN_N_SECS] = {
        [PLAN_SEC_SERVICE] = "service", [PLAN_SEC_FLEET] = "fleet",     [PLAN_SEC_POWER] = "power",
        [PLAN_SEC_ENERGY] = "energy",   [PLAN_SEC_COST] = "cost",       [PLAN_SEC_FINANCE] = "finance",
        [PLAN_SEC_BUILD] = "build",     [PLAN_SEC_CONSTRAINT] = "limit"};
    json_t *results = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct plan_result *r = &t->r[i];
        json_t *one = json_object();
        json_object_set_new(one, "key", json_string(r->key));
        if (r->of[0]) json_object_set_new(one, "of", json_string(r->of));
        json_object_set_new(one, "value", number_json(r->value));
        json_object_set_new(one, "unit", json_string(r->unit));
        json_object_set_new(one, "en", json_string(r->en));
        json_object_set_new(one, "ko", json_string(r->ko));
        json_object_set_new(one, "section", json_string(section[r->section]));
        json_object_set_new(one, "screen", json_boolean(r->screen));
        json_array_append_new(results, one);
    }
    return results;
}

static json_t *notes_json(const struct plan_outcome *o) {
    struct outcome_notes notes;
    json_t *list = json_array();
    plan_outcome_notes(o, &notes);
    for (size_t i = 0; i < notes.n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "en", notes.en[i], "ko", notes.ko[i]));
    return list;
}

json_t *plan_outcome_json(const struct plan_outcome *o) {
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:o}", "site", o->design->c.site.name, "design",
                     o->design->file, "sha256", o->design->digest, "year", (int)o->year, "weather",
                     sim_weather(o->sim)->origin, "results", results_json(&o->results), "years", years_json(o), "notes",
                     notes_json(o));
}

/* ---- plots ---- */

struct column {
    const char *name;
    size_t offset;
    double unit;
    bool highest; /* instead of the mean */
};
#define MW(n, f)                                                                                                       \
    { n, offsetof(struct plan_step, f), 1e6, false }
static const struct column columns[] = {
    MW("load", facility_w),
    MW("it", it_w),
    MW("import", import_w),
    MW("pv", pv_w),
    MW("wind", wind_w),
    MW("charge", charge_w),
    MW("discharge", discharge_w),
    {"stored", offsetof(struct plan_step, stored_j), 3.6e9, false},
    {"import_most", offsetof(struct plan_step, import_w), 1e6, true},
};

static double value_of(const struct plan_step *r, const struct column *c) {
    double v;
    memcpy(&v, (const char *)r + c->offset, sizeof v);
    return v / c->unit;
}

/* One number for each stretch of `each` rows from `from` on. */
static sil_err put_column(const struct plan_series *s, const struct column *c, uint32_t from, uint32_t count,
                          uint32_t each, struct buf *out) {
    SIL_TRY(buf_printf(out, "\"%s\":[", c->name));
    for (uint32_t i = 0; i < count; i++) {
        double sum = 0, most = 0;
        for (uint32_t k = 0; k < each; k++) {
            double v = value_of(&s->row[from + i * each + k], c);
            sum += v;
            most = fmax(most, v);
        }
        SIL_TRY(buf_printf(out, "%s%.6g", i ? "," : "", c->highest ? most : sum / each));
    }
    return buf_char(out, ']');
}

static sil_err put_stretch(const struct plan_series *s, uint32_t from, uint32_t count, uint32_t each, struct buf *out) {
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        SIL_TRY(buf_char(out, i ? ',' : '{'));
        SIL_TRY(put_column(s, &columns[i], from, count, each, out));
    }
    return buf_char(out, '}');
}

/* The first of the seven days around the highest import. */
static uint32_t peak_week(const struct plan_series *s, uint32_t per_day) {
    uint32_t peak = 0;
    for (uint32_t i = 1; i < s->n; i++)
        if (s->row[i].import_w > s->row[peak].import_w) peak = i;
    uint32_t day = peak / per_day;
    day = day > WEEK_DAYS / 2 ? day - WEEK_DAYS / 2 : 0;
    return day + WEEK_DAYS > DAYS ? DAYS - WEEK_DAYS : day;
}

static int falling(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static sil_err put_duration(const struct plan_series *s, size_t column, double *sorted, struct buf *out) {
    for (uint32_t i = 0; i < s->n; i++) sorted[i] = value_of(&s->row[i], &columns[column]);
    qsort(sorted, s->n, sizeof *sorted, falling);
    SIL_TRY(buf_printf(out, "\"%s\":[", columns[column].name));
    for (uint32_t i = 0; i < DURATION_POINTS; i++) {
        uint32_t at = (uint32_t)((uint64_t)i * (s->n - 1) / (DURATION_POINTS - 1));
        SIL_TRY(buf_printf(out, "%s%.6g", i ? "," : "", sorted[at]));
    }
    return buf_char(out, ']');
}

static sil_err put_series(const struct plan_series *s, double *sorted, struct buf *out) {
    uint32_t per_day = (uint32_t)lround(DAY_S / s->dt_s), first = peak_week(s, per_day);
    SIL_TRY(buf_printf(out, "{\"year\":%d,\"day\":", (int)s->year));
    SIL_TRY(put_stretch(s, 0, DAYS, per_day, out));
    SIL_TRY(buf_printf(out, ",\"week_from_day\":%u,\"week\":", (unsigned)first));
    SIL_TRY(put_stretch(s, first * per_day, WEEK_DAYS * 24, per_day / 24, out));
    SIL_TRY(buf_str(out, STR(",\"duration\":{")));
    SIL_TRY(put_duration(s, 0, sorted, out));
    SIL_TRY(buf_char(out, ','));
    SIL_TRY(put_duration(s, 2, sorted, out));
    return buf_str(out, STR("}}"));
}

sil_err plan_outcome_series(const struct plan_outcome *o, struct mem mem, struct buf *out) {
    double *sorted = mem_array(mem, o->series.n, sizeof *sorted);
    if (!sorted) return SIL_NOMEM;
    sil_err rc = put_series(&o->series, sorted, out);
    mem_free(mem, sorted);
    return rc;
}
