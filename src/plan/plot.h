/* plot: frames, ticks and axes for charts. */
#ifndef SIL_PLAN_PLOT_H
#define SIL_PLAN_PLOT_H

#include "plan/svg.h"

enum { PLOT_TICKS_MAX = 16 };

/* Round numbers from first in steps of step; last = first + (n - 1) * step. */
struct plot_ticks {
    double first, step;
    int n, decimals;
};

/* About `target` (2-12) ticks that span lo..hi; when `inside`, none lies outside of it, otherwise the first is at most
 * lo and the last at least hi. Not-a-number or an empty range gives 0..1. */
struct plot_ticks plot_ticks_for(double lo, double hi, int target, bool inside);

/* The frame in pixels (x0 left, y0 top) and what its edges stand for. */
struct plot {
    struct svg *s;
    double x0, y0, x1, y1;
    double lo_x, hi_x, lo_y, hi_y;
    double ko; /* numbers on the axis are so many times larger in Korean units (억 for bn: 10); 0 is 1 */
};

double plot_x(const struct plot *p, double x);
double plot_y(const struct plot *p, double y);

/* A number on an axis, in both languages' units. */
void plot_number(const struct plot *p, double x, double y, enum svg_anchor anchor, double v, int decimals);
/* Grid lines and numbers on the left, the unit above them; below: ticks and numbers, the title under them. */
void plot_axis_y(const struct plot *p, struct plot_ticks t, struct plan_label unit);
void plot_axis_x(const struct plot *p, struct plot_ticks t, struct plan_label title);
/* The months of a year of `days` under a frame whose x runs in days from 0; `every` = 1, 2 or 3 months a name. */
void plot_months(const struct plot *p, int days, int every);

/* A line through n points, at x = first + i * step. Gaps at not-a-number. */
void plot_line(const struct plot *p, const char *cls, const double *y, size_t n, double first, double step);
/* The area between two rows of n points. */
void plot_area(const struct plot *p, const char *cls, const double *low, const double *high, size_t n, double first,
               double step);

/* A name, in English with a capital, cut with "…" so that it fits `width` pixels at `size`; the whole text stays as a
 * tooltip. */
void plot_fit(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, struct plan_label l,
              double width, double size);

extern const struct plan_label plot_month_names[12]; /* "1월", "Jan" */
/* Days before each month of a year (13 values) that is a leap year or not. */
void plot_month_days(int days, int before[13]);

#endif
