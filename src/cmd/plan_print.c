/* plan_print: results as a table, JSON and CSV. */
#include "cmd/plan_print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "cmd/cmd.h"
#include "plan/outcome_report.h"

enum { SCREEN_COLUMNS = 100, SCREEN_BYTES_MAX = 1 << 20 };

/* Of the terminal; without one, as wide as two columns need. */
static size_t columns(void) {
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) return w.ws_col;
    return SCREEN_COLUMNS;
}

static void print_notes(const struct plan_outcome *o, bool ko) {
    struct outcome_notes notes;
    plan_outcome_notes(o, &notes);
    putchar('\n');
    for (size_t i = 0; i < notes.n; i++) {
        printf(ko ? "참고: " : "Note: ");
        cmd_print_safe(stdout, str_of(ko ? notes.ko[i] : notes.en[i]), false);
        putchar('\n');
    }
}

int plan_print_table(const struct plan_outcome *o, bool ko, bool all) {
    struct sil_error e = {0};
    struct buf b;
    buf_init(&b, mem_libc(), SCREEN_BYTES_MAX);
    sil_err rc = report_screen(&o->results, ko ? PLAN_KO : PLAN_EN, columns(), all, mem_libc(), &b, &e);
    if (rc == SIL_OK) {
        cmd_print_safe(stdout, str_of(o->design->c.site.name), false);
        printf(ko ? " · %d년 · %s\n\n" : " · year %d · %s\n\n", (int)o->year, sim_weather(o->sim)->origin);
        fwrite(b.p, 1, b.n, stdout);
        print_notes(o, ko);
    }
    buf_free(&b);
    return rc == SIL_OK ? 0 : cmd_fail("plan run", &e);
}

static json_t *number_json(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

/* The years of the build in outline. */
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
    json_t *top = json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o}", "site", o->design->c.site.name, "design",
                            o->design->file, "sha256", o->design->digest, "year", (int)o->year, "weather",
                            sim_weather(o->sim)->origin, "results", results, "years", years_json(o));
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
