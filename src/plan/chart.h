/* chart: the pictures of a report. Each draws one complete SVG of z.w pixels width into a writer; `narrow` is the
 * layout for a phone. Values are in the unit of the labels; not-a-number leaves a gap. Classes such as "pv" name the
 * colours of report_style.c. Pure functions; arrays and texts are the caller's. */
#ifndef SIL_PLAN_CHART_H
#define SIL_PLAN_CHART_H

#include "plan/svg.h"

enum {
    CHART_LAYERS_MAX = 8,
    CHART_NODES_MAX = 32,
    CHART_LINKS_MAX = 96,
    CHART_ROWS_MAX = 64,
    CHART_YEARS_MAX = 60,
    CHART_WEEK_MAX = 7 * 96, /* quarter hours of a week */
};

struct chart_size {
    const char *id; /* of the figure, for its accessible name */
    double w;
    bool narrow;
};

/* A series with its colour. */
struct chart_series {
    struct plan_label name;
    const char *cls;
    const double *y;
};

/* Power over some days: layers stacked upwards from 0 and downwards from 0, lines over them, an upper limit. */
struct chart_balance {
    size_t n; /* points, at most CHART_WEEK_MAX, evenly over `days` */
    int days; /* whole days, at most 14 */
    struct chart_series up[CHART_LAYERS_MAX], down[CHART_LAYERS_MAX], line[CHART_LAYERS_MAX];
    size_t n_up, n_down, n_line;
    double limit; /* NAN: none */
    struct plan_label limit_name, unit;
    const struct plan_label *day; /* `days` names under the axis */
};
void chart_balance(struct svg *s, const struct chart_balance *c, struct chart_size z);

/* Curves of values in falling order over the hours of a year: y[0] the largest; n points evenly from 0 to `hours`. */
struct chart_duration {
    size_t n;
    double hours, limit;
    struct chart_series curve[CHART_LAYERS_MAX];
    size_t n_curves;
    struct plan_label limit_name, unit, x_title;
    bool from_zero; /* the value axis begins at 0 */
};
void chart_duration(struct svg *s, const struct chart_duration *c, struct chart_size z);

/* The year as a carpet: a column for each day, a row for each part of a day (midnight at the bottom). */
enum chart_ramp { CHART_BLUE, CHART_AMBER, CHART_GREEN, CHART_RED, CHART_RAMPS };
struct chart_carpet {
    const double *v; /* v[day * slots + slot] */
    int days, slots; /* 365 or 366; a divisor of 1440 */
    double lo, hi;   /* ends of the colours; lo == hi: from the values */
    enum chart_ramp ramp;
    struct plan_label unit;
};
void chart_carpet(struct svg *s, const struct chart_carpet *c, struct chart_size z);

/* Bands of one year, one below the other: of each day the lowest, mean and highest value. */
struct chart_band {
    struct plan_label name, unit;
    const char *cls;
    const double *min, *mean, *max; /* one per day */
};
struct chart_bands {
    int days;
    struct chart_band band[4];
    size_t n;
};
void chart_bands(struct svg *s, const struct chart_bands *c, struct chart_size z);

/* How often two values occur together: x against y of n steps, darker is more hours. */
struct chart_cloud {
    const double *x, *y;
    size_t n;
    double step_h;
    struct plan_label x_title, y_title;
};
void chart_cloud(struct svg *s, const struct chart_cloud *c, struct chart_size z);

/* Energy by month and source, stacked; m[layer][month]. */
struct chart_months {
    struct chart_series layer[CHART_LAYERS_MAX]; /* y: 12 values */
    size_t n;
    struct plan_label unit;
};
void chart_months(struct svg *s, const struct chart_months *c, struct chart_size z);

/* Flows from left to right. Nodes stand in columns, in the order given; a node is as high as the larger of what enters
 * and leaves it. Nodes and flows without value are left out. */
struct chart_node {
    struct plan_label name;
    const char *cls;
    int column;
};
struct chart_link {
    int from, to;
    double value;
};
struct chart_sankey {
    struct chart_node node[CHART_NODES_MAX];
    size_t n_nodes;
    struct chart_link link[CHART_LINKS_MAX];
    size_t n_links;
    const char *unit; /* for fmt_value */
};
void chart_sankey(struct svg *s, const struct chart_sankey *c, struct chart_size z);

/* Steps that add up; a total starts from 0 and shows the sum so far (its value is ignored). */
struct chart_step {
    struct plan_label name;
    double value;
    bool total;
};
struct chart_waterfall {
    struct chart_step row[CHART_ROWS_MAX];
    size_t n;
    const char *unit;      /* for fmt_value */
    const char *up, *down; /* colours of steps above and below 0; NULL: pos, neg */
    struct plan_label axis;
    double axis_scale; /* values are divided by it on the axis: 1e12 for won in trillions */
    double axis_ko;    /* how many Korean units go into one of axis_scale, 10 for 억 and bn; 0 is 1 */
};
void chart_waterfall(struct svg *s, const struct chart_waterfall *c, struct chart_size z);

/* A value of an input, as text. */
struct chart_input {
    char ko[40], en[40];
};

/* What a result becomes when each input alone moves; sorted by the caller, widest first. */
struct chart_bar {
    struct plan_label name;
    struct chart_input low, high;
    double at_low, at_high;
};
struct chart_tornado {
    struct chart_bar row[CHART_ROWS_MAX];
    size_t n;
    double base;
    const char *unit;
    struct plan_label axis;
    double axis_scale, axis_ko;
};
void chart_tornado(struct svg *s, const struct chart_tornado *c, struct chart_size z);

/* Yearly amounts of two parties as bars beside each other, and each sum so far as a line. */
struct chart_cash {
    int first_year, n;
    struct chart_series party[2];
    struct plan_label axis;
    double axis_scale, axis_ko;
};
void chart_cash(struct svg *s, const struct chart_cash *c, struct chart_size z);

/* Tasks over months (year * 12 + month - 1; end is the first month after), in groups, with milestones. */
struct chart_task {
    struct plan_label name;
    const char *cls;
    double start, end; /* equal: a milestone */
};
struct chart_gantt {
    struct chart_task row[CHART_ROWS_MAX];
    size_t n;
};
void chart_gantt(struct svg *s, const struct chart_gantt *c, struct chart_size z);

/* Measured against predicted on equal logarithmic axes; marks by group. */
struct chart_point {
    const char *name;
    int group;
    double measured, predicted;
};
struct chart_scatter {
    const struct chart_point *point;
    size_t n;
    struct plan_label group[CHART_LAYERS_MAX];
    size_t n_groups;
    double band; /* 0.2: a band of +-20 % */
    struct plan_label x_title, y_title;
};
void chart_scatter(struct svg *s, const struct chart_scatter *c, struct chart_size z);

/* The class suffix of a group's mark: "g0" ... "g7". */
const char *chart_group_class(int group);
/* A mark of a group (circle, square, triangle, diamond, ...) at x, y. */
void chart_mark(struct svg *s, int group, double x, double y, double r);

#endif
