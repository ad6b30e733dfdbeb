/* report_parts: what the files of the report share. Not for others. */
#ifndef SIL_PLAN_REPORT_PARTS_H
#define SIL_PLAN_REPORT_PARTS_H

#include "base/arena.h"
#include "plan/report.h"
#include "plan/svg.h"

enum { REPORT_WIDE = 920, REPORT_NARROW = 356, CURVE_POINTS = 401, REPORT_DAYS_MAX = 366 };

#define L(ko, en) ((struct plan_label){(ko), (en)})

/* Draws for a page and for a phone: `draw` uses z. */
#define REPORT_BOTH(id_, draw)                                                                                         \
    for (int wide_ = 1; wide_ >= 0; wide_--) {                                                                         \
        struct chart_size z = {.id = (id_), .w = wide_ ? REPORT_WIDE : REPORT_NARROW, .narrow = !wide_};               \
        draw;                                                                                                          \
    }

/* A colour of the page by name, for light and dark paper (0xRRGGBB). `text`: used for words, so that it needs the
 * higher contrast; the others are for areas and lines. */
struct report_colour {
    const char *name;
    uint32_t light, dark;
    bool text;
};
extern const struct report_colour report_colours[];
extern const size_t report_n_colours;
extern const struct report_colour report_paper; /* what they stand on */

/* The style sheet, with the rules that every colour gives. */
void report_style(struct svg *s);

/* Means of the year for the pictures; from the arena. */
struct report_year {
    const struct plan_series *series;
    double unit_w; /* of all powers here: 1e6 or, for a small site, 1e3; energies in thousands of unit_w hours */
    const char *power, *energy_unit; /* their names: "MW", "GWh" */
    int days, slots;                 /* slots: parts of a day in the carpets, 96 or the steps of a day if fewer */
    uint32_t per_day;                /* steps */
    int first_weekday;               /* of 1 January, 0 is Monday */
    int skipped; /* the day (from 0) that is left out of a leap year of 365 days; a later one otherwise */
    double *import_power, *green_power, *pue, *busy;                     /* [day * slots + slot] */
    double *twb_min, *twb_mean, *twb_max, *pue_min, *pue_mean, *pue_max; /* [day] */
    double *hour_twb, *hour_pue;                                         /* [day * 24 + hour] */
    double import_curve[CURVE_POINTS], facility_curve[CURVE_POINTS], it_curve[CURVE_POINTS];
    double month_energy[6][12]; /* by report_source */
    double energy[12];          /* by report_flow */
    bool has_green, has_busy;
};

enum report_source { SRC_GRID, SRC_PPA, SRC_WIND, SRC_PV, SRC_BATTERY, SRC_N };
enum report_flow {
    FLOW_GRID,
    FLOW_PPA,
    FLOW_WIND,
    FLOW_PV,
    FLOW_DISCHARGE, /* in */
    FLOW_IT,
    FLOW_COOLING,
    FLOW_LOSS,
    FLOW_OTHER,
    FLOW_CHARGE,
    FLOW_EXPORT, /* out */
    FLOW_CURTAILED,
};

sil_err report_year_fill(const struct plan_series *series, struct arena *a, struct report_year *out,
                         struct sil_error *e);

/* A week in quarter hours (or steps, if longer), powers in unit_w. */
struct report_week {
    size_t n;
    int first_day;               /* of the year, from 0 */
    double v[8][CHART_WEEK_MAX]; /* grid, PPA, wind, PV, discharge, charge, export, facility */
};
/* 0 is Monday. */
int report_weekday(const struct report_year *y, int day);
/* The seven days from Monday around a day, moved into the year. */
void report_week_fill(const struct report_year *y, int day, struct report_week *out);
/* The day with the highest mean wet bulb in June to August, the lowest mean of dry bulb in the other half. */
int report_summer_day(const struct report_year *y);
int report_winter_day(const struct report_year *y);

/* Sections; each writes nothing when it has no data. */
void report_figures_energy(struct svg *s, const struct report *r, const struct report_year *y);
void report_figures_money(struct svg *s, const struct report *r);
void report_figures_build(struct svg *s, const struct report *r);
void report_figures_check(struct svg *s, const struct report *r);
void report_cards(struct svg *s, const struct report *r);
void report_services(struct svg *s, const struct report *r);
void report_limits(struct svg *s, const struct report *r);
void report_results(struct svg *s, const struct report *r);
void report_assumptions(struct svg *s, const struct report *r);
void report_checks(struct svg *s, const struct report *r);

/* <figure> with its heading (id-t) and description (id-d). */
void report_figure(struct svg *s, const char *id, struct plan_label title, struct plan_label about);
void report_figure_end(struct svg *s);
/* The numbers of a picture as a table that opens on request: for those who cannot see it, and for copying. */
void report_data(struct svg *s, const struct plan_label *head, size_t columns);
void report_data_row(struct svg *s, struct plan_label name, const struct plan_label *cell, size_t columns);
void report_data_value(struct svg *s, struct plan_label name, double value, const char *unit); /* a row with one cell */
void report_data_end(struct svg *s);
/* The key of a picture: names with their colours; kind 'f' areas, 's' lines. */
struct report_key {
    struct plan_label name;
    const char *cls;
    char kind;
};
void report_legend(struct svg *s, const struct report_key *k, size_t n);
/* What a result is about; the two parties have Korean names. */
const char *report_of_text(const char *of, enum plan_lang lang);
/* A label made of a Korean and an English format over the same texts, in buffers of the caller. */
struct report_line {
    char ko[400], en[400];
};
struct plan_label report_say(struct report_line *l, const char *ko, const char *en, const char *const *ko_arg,
                             const char *const *en_arg);

#endif
