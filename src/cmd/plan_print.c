/* plan_print: results as a table, JSON and CSV. */
#include "cmd/plan_print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "plan/outcome_json.h"
#include "plan/outcome_report.h"

enum { SCREEN_COLUMNS = 100, SCREEN_BYTES_MAX = 1 << 20, CSV_LINE_MAX = 1 << 16 };

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

void plan_print_json(const struct plan_outcome *o) {
    json_t *top = plan_outcome_json(o);
    if (top) json_dumpf(top, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(top);
}

/* What is counted of a service: see struct plan_step. */
static const char *service_unit(int kind) {
    return kind == FLEET_IMAGES ? "images/s" : kind == FLEET_TRAINING ? "GPUs computing" : "answer tokens/s";
}

/* hour,tdb_c,...,"chat, answer tokens/s" */
static sil_err csv_header(const struct fleet_config *c, struct buf *b) {
    SIL_TRY(buf_printf(b, "hour"));
    for (size_t i = 0; i < plan_n_columns; i++) SIL_TRY(buf_printf(b, ",%s", plan_columns[i].name));
    for (uint32_t i = 0; i < c->n_services; i++) {
        SIL_TRY(buf_printf(b, ",\""));
        for (const char *p = c->services[i].name; *p; p++) {
            if (*p == '"') SIL_TRY(buf_char(b, '"'));
            SIL_TRY(buf_char(b, *p));
        }
        SIL_TRY(buf_printf(b, ", %s\"", service_unit(c->services[i].kind)));
    }
    return buf_char(b, '\n');
}

static sil_err csv_row(const struct plan_outcome *o, uint32_t i, struct buf *b) {
    const struct plan_step *r = &o->series.row[i];
    SIL_TRY(buf_printf(b, "%.9g", i * o->series.dt_s / 3600));
    for (size_t c = 0; c < plan_n_columns; c++) {
        double v;
        memcpy(&v, (const char *)r + plan_columns[c].offset, sizeof v);
        SIL_TRY(buf_printf(b, ",%.12g", v));
    }
    for (uint32_t k = 0; k < o->design->c.fleet.n_services; k++) SIL_TRY(buf_printf(b, ",%.7g", (double)r->service[k]));
    return buf_char(b, '\n');
}

sil_err plan_write_csv(const struct plan_outcome *o, const char *path, struct sil_error *e) {
    struct file_out out;
    struct buf line;
    buf_init(&line, mem_libc(), CSV_LINE_MAX);
    SIL_TRY(file_create(path, &out, e));
    sil_err rc = csv_header(&o->design->c.fleet, &line);
    for (uint32_t i = 0; i < o->series.n && rc == SIL_OK; i++) {
        rc = file_write(&out, line.p, line.n, e);
        buf_clear(&line);
        if (rc == SIL_OK && csv_row(o, i, &line) != SIL_OK) rc = err_nomem(e, "a line of CSV", CSV_LINE_MAX);
    }
    if (rc == SIL_OK) rc = file_write(&out, line.p, line.n, e);
    if (rc == SIL_OK) rc = file_commit(&out, e);
    else file_discard(&out);
    buf_free(&line);
    return rc;
}

bool plan_show_progress(bool quiet) {
    return !quiet && isatty(STDERR_FILENO);
}

bool plan_lang_ok(const char *lang) {
    return strcmp(lang, "en") == 0 || strcmp(lang, "ko") == 0;
}
