/* report: a year's results as one HTML file that one would hand to a board: Korean and English in the same file (a
 * switch of style rules, no script), pictures as SVG, nothing loaded from anywhere, light, dark, print and phone.
 *
 * Everything from a design file is escaped, and the page's content policy allows no script at all. The same input gives
 * the same bytes. Size: below 1 MB for a year of 105,120 steps, since pictures show means (quarter hours at the
 * finest). Threads: a pure function. */
#ifndef SIL_PLAN_REPORT_H
#define SIL_PLAN_REPORT_H

#include "base/buf.h"
#include "base/mem.h"
#include "plan/build.h"
#include "plan/chart.h"
#include "plan/design.h"
#include "plan/finance.h"
#include "plan/label.h"
#include "plan/result.h"
#include "plan/series.h"
#include "plan/tornado.h"

enum { REPORT_BYTES_MAX = 16 << 20, REPORT_TORNADO_ROWS = 14 };

/* A row of `plan check`. */
enum report_status { REPORT_PASS, REPORT_FAIL, REPORT_SKIP };
struct report_check {
    const char *source, *what, *unit, *note; /* note may be NULL */
    double expected, got, tolerance;         /* tolerance: largest |got - expected| */
    enum report_status status;
};

/* What is known. Pointers may be NULL (counts 0): the section is left out. Nothing is kept after the call. */
struct report {
    const char *name;                /* of the design, from the file */
    const char *file;                /* its name, without folders */
    const char *digest;              /* of the file's bytes, hexadecimal */
    const char *version;             /* of Sillok */
    struct plan_label site, weather; /* one line each */
    double contract_w;               /* NAN: none */
    const struct plan_results *results;
    const struct plan_series *series;
    const struct finance *finance;
    const struct tornado *tornado; /* of tornado_name, in won */
    struct plan_label tornado_name;
    const struct plan_design *design; /* for the table of assumptions */
    const struct build_plan *build;
    const struct chart_point *calibration; /* tokens per second and GPU */
    size_t n_calibration;
    const struct plan_label *calibration_group;
    size_t n_calibration_groups;
    const struct report_check *check;
    size_t n_checks;
    const struct plan_label *note; /* what the reader must know: limits of the models, warnings of this run */
    size_t n_notes;
};

/* Appends the page to out, `lang` shown first. mem holds sums for the pictures and is given back. SIL_NOMEM, SIL_LIMIT
 * (the page would be longer than out->max), SIL_ARG (a series that is not a whole year of even steps). */
sil_err report_html(const struct report *r, enum plan_lang lang, struct mem mem, struct buf *out, struct sil_error *e);

/* The results as one screen of a terminal that is `width` columns wide (60-120 are used; from 96 on in two columns), or
 * all of them; plain text without escapes. */
sil_err report_screen(const struct plan_results *t, enum plan_lang lang, size_t width, bool all, struct mem mem,
                      struct buf *out, struct sil_error *e);

#endif
