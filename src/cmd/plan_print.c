/* plan_print: results as a table, JSON and CSV. */
#include "cmd/plan_print.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "base/utf8.h"
#include "cmd/cmd.h"

/* Columns of a terminal that a text takes: Hangul, CJK and full-width forms take two. */
static int width(const char *s) {
    int w = 0;
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t k = utf8_decode(s + i, n - i, &c);
        bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60);
        w += wide ? 2 : 1;
        i += k ? k : 1;
    }
    return w;
}

/* Four significant digits at least, thousands apart; a dash for what does not exist. */
static void number_text(double v, char *out, size_t cap) {
    char plain[64];
    if (isnan(v)) {
        snprintf(out, cap, "-");
        return;
    }
    double m = fabs(v);
    int places = m >= 1000 ? 0 : m >= 100 ? 1 : m >= 10 ? 2 : m >= 1 ? 3 : m == 0 ? 0 : m >= 0.001 ? 4 : -1;
    if (places < 0) snprintf(plain, sizeof plain, "%.2e", v);
    else snprintf(plain, sizeof plain, "%.*f", places, v);
    size_t len = strlen(plain), at = 0, digits = strcspn(plain + (v < 0), ".e");
    if (m < 1000 || places < 0) {
        snprintf(out, cap, "%s", plain);
        return;
    }
    for (size_t i = 0; i < len && at + 2 < cap; i++) {
        size_t from = i - (v < 0);
        if (from > 0 && from < digits && (digits - from) % 3 == 0 && !(v < 0 && i == 0)) out[at++] = ',';
        out[at++] = plain[i];
    }
    out[at] = '\0';
}

static void print_row(const struct plan_result *r, bool ko) {
    char value[64];
    const char *label = ko ? r->ko : r->en;
    number_text(r->value, value, sizeof value);
    int used = width(label) + width(r->of) + (r->of[0] ? 2 : 0);
    printf("  ");
    if (r->of[0]) {
        cmd_print_safe(stdout, str_of(r->of), false);
        printf(": ");
    }
    printf("%s%*s%14s %s\n", label, used < 46 ? 46 - used : 1, "", value, strcmp(r->unit, "1") == 0 ? "" : r->unit);
}

void plan_print_table(const struct plan_outcome *o, bool ko, bool all) {
    enum plan_section last = PLAN_N_SECS;
    cmd_print_safe(stdout, str_of(o->design->c.site.name), false);
    printf(ko ? ", %d년, %s\n" : ", year %d, %s\n", (int)o->year, sim_weather(o->sim)->origin);
    for (size_t i = 0; i < o->results.n; i++) {
        const struct plan_result *r = &o->results.r[i];
        if (!r->screen && !all) continue;
        if (r->section != last) printf("%s\n", ko ? plan_section_ko(r->section) : plan_section_en(r->section));
        last = r->section;
        print_row(r, ko);
    }
}

static json_t *number_json(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

void plan_print_json(const struct plan_outcome *o) {
    json_t *results = json_array();
    for (size_t i = 0; i < o->results.n; i++) {
        const struct plan_result *r = &o->results.r[i];
        json_t *one = json_object();
        json_object_set_new(one, "key", json_string(r->key));
        if (r->of[0]) json_object_set_new(one, "of", json_string(r->of));
        json_object_set_new(one, "value", number_json(r->value));
        json_object_set_new(one, "unit", json_string(r->unit));
        json_object_set_new(one, "en", json_string(r->en));
        json_object_set_new(one, "ko", json_string(r->ko));
        json_array_append_new(results, one);
    }
    json_t *top = json_pack("{s:s, s:s, s:i, s:s, s:o}", "site", o->design->c.site.name, "design", o->design->file,
                            "year", (int)o->year, "weather", sim_weather(o->sim)->origin, "results", results);
    if (top) json_dumpf(top, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(top);
}

sil_err plan_write_csv(const struct plan_series *s, const char *path, struct sil_error *e) {
    struct file_out out;
    char line[1024];
    SIL_TRY(file_create(path, &out, e));
    size_t n = (size_t)snprintf(line, sizeof line, "hour");
    for (size_t c = 0; c < plan_n_columns; c++)
        n += (size_t)snprintf(line + n, sizeof line - n, ",%s", plan_columns[c].name);
    line[n++] = '\n';
    sil_err rc = file_write(&out, line, n, e);
    for (uint32_t i = 0; i < s->n && rc == SIL_OK; i++) {
        n = (size_t)snprintf(line, sizeof line, "%.6g", i * s->dt_s / 3600);
        for (size_t c = 0; c < plan_n_columns; c++) {
            double v;
            memcpy(&v, (const char *)&s->row[i] + plan_columns[c].offset, sizeof v);
            n += (size_t)snprintf(line + n, sizeof line - n, ",%.12g", v);
        }
        line[n++] = '\n';
        rc = file_write(&out, line, n, e);
    }
    if (rc == SIL_OK) return file_commit(&out, e);
    file_discard(&out);
    return rc;
}

bool plan_show_progress(bool quiet) {
    return !quiet && isatty(STDERR_FILENO);
}
