/* chart_time: pictures over time: weeks, duration curves, daily bands, months, cash by year. */
#include <math.h>
#include <stdio.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"

static double max2(double a, double b) {
    return b > a ? b : a;
}

static const char *class_of(char *out, size_t cap, char kind, const char *cls) {
    (void)snprintf(out, cap, "%c-%s", kind, cls);
    return out;
}

/* Largest sum of the layers over all points (negative values and gaps count as 0). */
static double stack_top(const struct chart_series *l, size_t n_layers, size_t n) {
    double top = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < n_layers; k++) sum += l[k].y[i] > 0 ? l[k].y[i] : 0;
        top = max2(top, sum);
    }
    return top;
}

static void draw_stack(const struct plot *p, const struct chart_series *l, size_t n_layers, size_t n, double step,
                       double sign) {
    double low[CHART_WEEK_MAX] = {0}, high[CHART_WEEK_MAX];
    char cls[40];
    for (size_t k = 0; k < n_layers; k++) {
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            double v = l[k].y[i] > 0 ? l[k].y[i] : 0;
            any = any || v > 0;
            high[i] = low[i] + sign * v;
        }
        if (any) plot_area(p, class_of(cls, sizeof cls, 'f', l[k].cls), low, high, n, 0.5 * step, step);
        for (size_t i = 0; i < n; i++) low[i] = high[i];
    }
}

/* A dashed line across the frame with its name on it, right-aligned above. */
static void draw_limit(const struct plot *p, double y, struct plan_label name) {
    if (!isfinite(y)) return;
    svg_line(p->s, "lim", p->x0, plot_y(p, y), p->x1, plot_y(p, y));
    svg_label(p->s, "limt", p->x1, plot_y(p, y) - 6, SVG_END, name);
}

void chart_balance(struct svg *s, const struct chart_balance *c, struct chart_size z) {
    size_t n = c->n < CHART_WEEK_MAX ? c->n : CHART_WEEK_MAX;
    double top = stack_top(c->up, c->n_up, n), bottom = stack_top(c->down, c->n_down, n);
    for (size_t k = 0; k < c->n_line; k++) top = max2(top, stack_top(&c->line[k], 1, n));
    if (isfinite(c->limit)) top = max2(top, c->limit);
    double h = z.narrow ? 250 : 300, low = -bottom * 1.25, high = top > 0 ? top * 1.1 : 1;
    struct plot_ticks t = plot_ticks_for(low, high, z.narrow ? 4 : 6, true);
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 42 : 52,
                     .y0 = 30,
                     .x1 = z.w - 8,
                     .y1 = h - 28,
                     .lo_x = 0,
                     .hi_x = c->days,
                     .lo_y = low,
                     .hi_y = high};
    svg_open(s, z.w, h, z.narrow ? "n" : "w", z.id);
    plot_axis_y(&p, t, c->unit);
    double step = n ? (double)c->days / (double)n : 1;
    draw_stack(&p, c->up, c->n_up, n, step, 1);
    draw_stack(&p, c->down, c->n_down, n, step, -1);
    char cls[40];
    for (size_t k = 0; k < c->n_line; k++)
        plot_line(&p, class_of(cls, sizeof cls, 's', c->line[k].cls), c->line[k].y, n, 0.5 * step, step);
    svg_line(s, "ax", p.x0, plot_y(&p, 0), p.x1, plot_y(&p, 0));
    for (int d = 0; d <= c->days; d++) {
        double x = plot_x(&p, d);
        svg_line(s, "day", x, p.y0, x, p.y1 + 4);
        if (d < c->days) svg_label(s, "tk", plot_x(&p, d + 0.5), p.y1 + 18, SVG_MIDDLE, c->day[d]);
    }
    draw_limit(&p, c->limit, c->limit_name);
    svg_close(s);
}

void chart_duration(struct svg *s, const struct chart_duration *c, struct chart_size z) {
    double top = isfinite(c->limit) ? c->limit : 0, low = INFINITY;
    for (size_t k = 0; k < c->n_curves; k++) {
        top = max2(top, c->n ? c->curve[k].y[0] : 0);
        if (c->n && c->curve[k].y[c->n - 1] < low) low = c->curve[k].y[c->n - 1];
    }
    if (c->from_zero && low > 0) low = 0;
    if (!isfinite(low)) low = 0;
    struct plot_ticks t = plot_ticks_for(low, top * 1.04, 5, false);
    double h = z.narrow ? 260 : 300;
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 42 : 52,
                     .y0 = 30,
                     .x1 = z.w - 14,
                     .y1 = h - 46,
                     .lo_x = 0,
                     .hi_x = c->hours,
                     .lo_y = t.first,
                     .hi_y = t.first + (t.n - 1) * t.step};
    svg_open(s, z.w, h, z.narrow ? "n" : "w", z.id);
    plot_axis_y(&p, t, c->unit);
    plot_axis_x(&p, plot_ticks_for(0, c->hours, z.narrow ? 4 : 9, true), c->x_title);
    char cls[40];
    double step = c->n > 1 ? c->hours / (double)(c->n - 1) : 1;
    if (c->n > 1 && c->n_curves > 0) { /* the first is the one that the limit is about */
        svg_path(s, class_of(cls, sizeof cls, 'b', c->curve[0].cls));
        svg_to(s, plot_x(&p, 0), plot_y(&p, p.lo_y));
        for (size_t i = 0; i < c->n; i++) svg_to(s, plot_x(&p, (double)i * step), plot_y(&p, c->curve[0].y[i]));
        svg_to(s, plot_x(&p, c->hours), plot_y(&p, p.lo_y));
        svg_path_close(s);
        svg_path_end(s);
    }
    for (size_t k = 0; k < c->n_curves; k++)
        plot_line(&p, class_of(cls, sizeof cls, 's', c->curve[k].cls), c->curve[k].y, c->n, 0, step);
    draw_limit(&p, c->limit, c->limit_name);
    svg_close(s);
}

static void draw_band(struct svg *s, const struct chart_bands *c, const struct chart_band *b, struct chart_size z,
                      double y0, double y1) {
    double lo = INFINITY, hi = -INFINITY;
    for (int d = 0; d < c->days; d++) {
        if (b->min[d] < lo) lo = b->min[d];
        if (b->max[d] > hi) hi = b->max[d];
    }
    struct plot_ticks t = plot_ticks_for(lo, hi, 4, false);
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 42 : 52,
                     .y0 = y0,
                     .x1 = z.w - 8,
                     .y1 = y1,
                     .lo_x = 0,
                     .hi_x = c->days,
                     .lo_y = t.first,
                     .hi_y = t.first + (t.n - 1) * t.step};
    char cls[40];
    plot_axis_y(&p, t, (struct plan_label){"", ""});
    svg_label(s, "pt", p.x0, y0 - 12, SVG_START, b->name);
    svg_label(s, "un", p.x0 - 7, y0 - 12, SVG_END, b->unit);
    plot_area(&p, class_of(cls, sizeof cls, 'b', b->cls), b->min, b->max, (size_t)c->days, 0.5, 1);
    plot_line(&p, class_of(cls, sizeof cls, 's', b->cls), b->mean, (size_t)c->days, 0.5, 1);
    plot_months(&p, c->days, z.narrow ? 2 : 1);
}

void chart_bands(struct svg *s, const struct chart_bands *c, struct chart_size z) {
    double each = z.narrow ? 175 : 195;
    svg_open(s, z.w, each * (double)c->n, z.narrow ? "n" : "w", z.id);
    for (size_t k = 0; k < c->n; k++)
        draw_band(s, c, &c->band[k], z, each * (double)k + 30, each * (double)(k + 1) - 32);
    svg_close(s);
}

void chart_months(struct svg *s, const struct chart_months *c, struct chart_size z) {
    double top = stack_top(c->layer, c->n, 12);
    struct plot_ticks t = plot_ticks_for(0, top, 5, false);
    double h = z.narrow ? 240 : 270;
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 42 : 52,
                     .y0 = 30,
                     .x1 = z.w - 8,
                     .y1 = h - 28,
                     .lo_x = 0,
                     .hi_x = 12,
                     .lo_y = 0,
                     .hi_y = t.first + (t.n - 1) * t.step};
    svg_open(s, z.w, h, z.narrow ? "n" : "w", z.id);
    plot_axis_y(&p, t, c->unit);
    double slot = (p.x1 - p.x0) / 12, bar = slot * 0.66;
    char cls[40];
    for (int m = 0; m < 12; m++) {
        double sum = 0, x = p.x0 + slot * (m + 0.5);
        for (size_t k = 0; k < c->n; k++) {
            double v = c->layer[k].y[m] > 0 ? c->layer[k].y[m] : 0;
            double y1 = plot_y(&p, sum), y0 = plot_y(&p, sum + v);
            if (v > 0) svg_rect(s, class_of(cls, sizeof cls, 'f', c->layer[k].cls), x - bar / 2, y0, bar, y1 - y0);
            sum += v;
        }
        if (!z.narrow || m % 2 == 0) svg_label(s, "tk", x, p.y1 + 18, SVG_MIDDLE, plot_month_names[m]);
    }
    svg_line(s, "ax", p.x0, p.y1, p.x1, p.y1);
    svg_close(s);
}

void chart_cash(struct svg *s, const struct chart_cash *c, struct chart_size z) {
    int n = c->n < CHART_YEARS_MAX ? c->n : CHART_YEARS_MAX;
    double lo = 0, hi = 0, sum[2][CHART_YEARS_MAX];
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < n; i++) {
            double v = c->party[k].y[i] / c->axis_scale;
            sum[k][i] = v + (i ? sum[k][i - 1] : 0);
            lo = fmin(lo, fmin(v, sum[k][i]));
            hi = fmax(hi, fmax(v, sum[k][i]));
        }
    struct plot_ticks t = plot_ticks_for(lo, hi, 6, false);
    double h = z.narrow ? 290 : 330;
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 46 : 56,
                     .y0 = 30,
                     .x1 = z.w - 8,
                     .y1 = h - 28,
                     .lo_x = 0,
                     .hi_x = n,
                     .lo_y = t.first,
                     .hi_y = t.first + (t.n - 1) * t.step,
                     .ko = c->axis_ko};
    svg_open(s, z.w, h, z.narrow ? "n" : "w", z.id);
    plot_axis_y(&p, t, c->axis);
    double slot = (p.x1 - p.x0) / (n ? n : 1), bar = fmin(slot * 0.36, 22);
    char cls[40], text[16];
    int every = 1 + (int)((z.narrow ? 44 : 38) / slot);
    for (int i = 0; i < n; i++) {
        double x = plot_x(&p, i + 0.5);
        for (int k = 0; k < 2; k++) {
            double v = c->party[k].y[i] / c->axis_scale, ya = plot_y(&p, fmax(v, 0)), yb = plot_y(&p, fmin(v, 0));
            svg_rect(s, class_of(cls, sizeof cls, 'f', c->party[k].cls), x - bar + k * bar, ya, bar, yb - ya);
        }
        (void)snprintf(text, sizeof text, "%d", c->first_year + i);
        if (i % every == 0) svg_text(s, "tk", x, p.y1 + 18, SVG_MIDDLE, text);
    }
    svg_line(s, "ax", p.x0, plot_y(&p, 0), p.x1, plot_y(&p, 0));
    for (int k = 0; k < 2; k++) {
        plot_line(&p, "hl", sum[k], (size_t)n, 0.5, 1);
        plot_line(&p, class_of(cls, sizeof cls, 's', c->party[k].cls), sum[k], (size_t)n, 0.5, 1);
        for (int i = 0; i < n; i++)
            svg_circle(s, class_of(cls, sizeof cls, 'd', c->party[k].cls), plot_x(&p, i + 0.5), plot_y(&p, sum[k][i]),
                       2.6);
    }
    svg_close(s);
}
