/* chart_bar: pictures made of rows: waterfall, tornado, timeline. Wide, a row's name stands left of it; on a phone,
 * above. */
#include <math.h>
#include <stdio.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"

/* Where rows go: pitch and bar height, and the left edge of the frame. */
struct rows {
    double pitch, bar, names;
};

static struct rows rows_for(struct chart_size z, double name_width) {
    if (z.narrow) return (struct rows){42, 16, 8};
    double names = name_width + 18;
    if (names > z.w * 0.36) names = z.w * 0.36;
    return (struct rows){27, 17, names < 90 ? 90 : names};
}

/* The top of a row's bar; draws its name. */
static double row_top(struct svg *s, const struct rows *r, struct chart_size z, double y0, size_t i, const char *cls,
                      struct plan_label name) {
    double top = y0 + r->pitch * (double)i;
    if (z.narrow) {
        plot_fit(s, cls, r->names, top + 12, SVG_START, name, z.w - 16, 12.5);
        return top + 18;
    }
    plot_fit(s, cls, r->names - 10, top + r->pitch / 2 + 4.5, SVG_END, name, r->names - 12, 13);
    return top + (r->pitch - r->bar) / 2;
}

static void both_values(double v, const char *unit, int digits, char ko[FMT_MAX], char en[FMT_MAX]) {
    fmt_value(ko, v, unit, digits, PLAN_KO);
    fmt_value(en, v, unit, digits, PLAN_EN);
}

/* A frame for rows with its value axis above and below nothing: grid lines and numbers at the foot. */
static void value_axis(const struct plot *p, struct plot_ticks t, struct plan_label unit) {
    for (int i = 0; i < t.n; i++) {
        double v = t.first + i * t.step, x = plot_x(p, v);
        bool zero = fabs(v) < 1e-9 * t.step;
        svg_line(p->s, zero ? "ax" : "gr", x, p->y0, x, p->y1);
        plot_number(p, x, p->y1 + 16, SVG_MIDDLE, zero ? 0 : v, t.decimals);
    }
    svg_label(p->s, "un", (p->x0 + p->x1) / 2, p->y1 + 34, SVG_MIDDLE, unit);
}

void chart_waterfall(struct svg *s, const struct chart_waterfall *c, struct chart_size z) {
    double lo = 0, hi = 0, sum = 0, names = 0;
    const char *up = c->up ? c->up : "pos", *down = c->down ? c->down : "neg";
    for (size_t i = 0; i < c->n; i++) {
        if (!c->row[i].total) sum += c->row[i].value;
        lo = fmin(lo, sum);
        hi = fmax(hi, sum);
        names = fmax(names, svg_label_width(c->row[i].name, 13));
    }
    if (!(hi > lo)) hi = lo + c->axis_scale;
    struct rows r = rows_for(z, names);
    struct plot_ticks t = plot_ticks_for(lo / c->axis_scale, hi / c->axis_scale, z.narrow ? 4 : 7, true);
    struct plot p = {.s = s,
                     .x0 = r.names,
                     .y0 = 8,
                     .x1 = z.w - (z.narrow ? 14 : 110),
                     .y1 = 14 + r.pitch * (double)c->n,
                     .lo_x = lo / c->axis_scale,
                     .hi_x = hi / c->axis_scale,
                     .lo_y = 0,
                     .hi_y = 1,
                     .ko = c->axis_ko};
    svg_open(s, z.w, p.y1 + 42, z.narrow ? "n" : "w", z.id);
    value_axis(&p, t, c->axis);
    sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct chart_step *row = &c->row[i];
        double from = row->total ? 0 : sum, to = row->total ? sum : sum + row->value;
        double top = row_top(s, &r, z, p.y0 + 3, i, row->total ? "nb" : "nm", row->name);
        double xa = plot_x(&p, from / c->axis_scale), xb = plot_x(&p, to / c->axis_scale);
        char cls[40];
        (void)snprintf(cls, sizeof cls, "f-%s", row->total ? "total" : row->value < 0 ? down : up);
        svg_rect(s, cls, fmin(xa, xb), top, fmax(fabs(xb - xa), 1), r.bar);
        if (i + 1 < c->n) svg_line(s, "con", xb, top + r.bar, xb, top + r.pitch);
        char ko[FMT_MAX], en[FMT_MAX];
        both_values(row->total ? sum : row->value, c->unit, 3, ko, en);
        struct plan_label v = {ko, en};
        double right = fmax(xa, xb) + 6, width = svg_label_width(v, 12.5);
        if (z.narrow) svg_label(s, row->total ? "vb" : "vl", z.w - 8, top - 6, SVG_END, v);
        else if (right + width < z.w - 2) svg_label(s, row->total ? "vb" : "vl", right, top + 13, SVG_START, v);
        else svg_label(s, row->total ? "vb" : "vl", fmin(xa, xb) - 6, top + 13, SVG_END, v);
        sum = to;
    }
    svg_close(s);
}

static void tornado_range(const struct chart_tornado *c, double *lo, double *hi, double *names) {
    *lo = *hi = c->base;
    *names = 0;
    for (size_t i = 0; i < c->n; i++) {
        *lo = fmin(*lo, fmin(c->row[i].at_low, c->row[i].at_high));
        *hi = fmax(*hi, fmax(c->row[i].at_low, c->row[i].at_high));
        *names = fmax(*names, svg_label_width(c->row[i].name, 13));
    }
}

/* A row: a bar from the base to what each of the input's values gives, that value at its end. When both lie on one
 * side, the shorter bar lies inside the longer one and its value stands across the base. */
static void tornado_row(const struct plot *p, const struct chart_bar *b, double base, double scale, double top,
                        double bar, struct chart_size z) {
    double at[2] = {plot_x(p, b->at_low / scale), plot_x(p, b->at_high / scale)}, x0 = plot_x(p, base);
    const struct plan_label text[2] = {{b->low.ko, b->low.en}, {b->high.ko, b->high.en}};
    static const char *const cls[2] = {"f-low", "f-high"};
    int big = fabs(at[1] - x0) > fabs(at[0] - x0), small = 1 - big;
    bool same = (at[0] - x0) * (at[1] - x0) > 0;
    svg_rect(p->s, cls[big], fmin(x0, at[big]), top, fabs(at[big] - x0), bar);
    svg_rect(p->s, cls[small], fmin(x0, at[small]), same ? top + bar / 3 : top, fabs(at[small] - x0),
             same ? bar / 3 : bar);
    for (int k = 0; k < 2; k++) {
        double end = same && k == small ? x0 : at[k], width = svg_label_width(text[k], 12) + 6;
        bool right = same && k == small ? at[k] < x0 : at[k] >= x0;
        if (at[k] == x0) right = at[1 - k] < x0; /* without effect: across from the other */
        if (right && end + width > z.w - 2) right = false;
        else if (!right && end - width < 2) right = true;
        svg_label(p->s, "vh", right ? end + 5 : end - 5, top + bar / 2 + 4, right ? SVG_START : SVG_END, text[k]);
    }
}

void chart_tornado(struct svg *s, const struct chart_tornado *c, struct chart_size z) {
    double lo, hi, names;
    tornado_range(c, &lo, &hi, &names);
    if (!(hi > lo)) hi = lo + c->axis_scale;
    struct rows r = rows_for(z, names);
    double pad = z.narrow ? 62 : 84, y_end = 34 + r.pitch * (double)c->n;
    struct plot_ticks t = plot_ticks_for(lo / c->axis_scale, hi / c->axis_scale, z.narrow ? 3 : 6, true);
    struct plot p = {.s = s,
                     .x0 = r.names + pad,
                     .y0 = 28,
                     .x1 = z.w - pad,
                     .y1 = y_end,
                     .lo_x = lo / c->axis_scale,
                     .hi_x = hi / c->axis_scale,
                     .lo_y = 0,
                     .hi_y = 1,
                     .ko = c->axis_ko};
    svg_open(s, z.w, y_end + 42, z.narrow ? "n" : "w", z.id);
    value_axis(&p, t, c->axis);
    double base = c->base / c->axis_scale;
    for (size_t i = 0; i < c->n; i++) {
        double top = row_top(s, &r, z, p.y0 + 3, i, "nm", c->row[i].name);
        tornado_row(&p, &c->row[i], base, c->axis_scale, top, r.bar, z);
    }
    char ko[FMT_MAX], en[FMT_MAX];
    both_values(c->base, c->unit, 3, ko, en);
    double x = plot_x(&p, base);
    svg_line(s, "base", x, p.y0 - 6, x, p.y1);
    struct plan_label v = {ko, en};
    double half = svg_label_width(v, 13) / 2;
    svg_label(s, "vb", fmin(fmax(x, half + 2), z.w - half - 2), p.y0 - 11, SVG_MIDDLE, v);
    svg_close(s);
}

static void gantt_years(const struct plot *p, double first, double last, struct chart_size z) {
    char text[16];
    double year_px = 12 / (last - first) * (p->x1 - p->x0);
    int every = 1 + (int)((z.narrow ? 36 : 34) / year_px);
    for (int y = (int)first / 12; y <= (int)last / 12; y++) {
        double x = plot_x(p, y * 12);
        svg_line(p->s, "gr", x, p->y0, x, p->y1);
        for (int q = 1; q < 4 && year_px > 60; q++) {
            double xq = plot_x(p, y * 12 + 3 * q);
            if (xq < p->x1) svg_line(p->s, "qt", xq, p->y0, xq, p->y1);
        }
        if ((y - (int)first / 12) % every || y * 12 >= (int)last) continue;
        (void)snprintf(text, sizeof text, "%d", y);
        svg_text(p->s, "tk", year_px > 44 ? plot_x(p, y * 12 + 6) : x, p->y0 - 8, year_px > 44 ? SVG_MIDDLE : SVG_START,
                 text);
    }
}

static void gantt_row(const struct plot *p, const struct rows *r, struct chart_size z, size_t i,
                      const struct chart_task *task) {
    struct svg *s = p->s;
    double top = row_top(s, r, z, p->y0 + 3, i, "nm", task->name), xa = plot_x(p, task->start),
           xb = plot_x(p, task->end);
    char cls[40], text[FMT_MAX], a[FMT_MAX], b[FMT_MAX];
    if (!(task->end > task->start)) {
        svg_path(s, "mile");
        double y = top + r->bar / 2;
        svg_move(s, xa, y - 7);
        svg_to(s, xa + 7, y);
        svg_to(s, xa, y + 7);
        svg_to(s, xa - 7, y);
        svg_path_close(s);
        svg_path_end(s);
        (void)snprintf(text, sizeof text, "%d-%02d", (int)task->start / 12, (int)task->start % 12 + 1);
    } else {
        (void)snprintf(cls, sizeof cls, "f-%s", task->cls);
        svg_rect(s, cls, xa, top, xb - xa, r->bar);
        (void)snprintf(a, sizeof a, "%d-%02d", (int)task->start / 12, (int)task->start % 12 + 1);
        int end = (int)task->end - 1;
        (void)snprintf(b, sizeof b, "%d-%02d", end / 12, end % 12 + 1);
        (void)snprintf(text, sizeof text, "%.10s – %.10s", a, b);
    }
    double width = svg_text_width(text, 12);
    if (z.narrow) svg_text(s, "vl", z.w - 8, top - 6, SVG_END, text);
    else if (xb + 12 + width < z.w - 2) svg_text(s, "vh", xb + 10, top + 13, SVG_START, text);
    else svg_text(s, "vh", xa - 10, top + 13, SVG_END, text);
}

void chart_gantt(struct svg *s, const struct chart_gantt *c, struct chart_size z) {
    double first = INFINITY, last = -INFINITY, names = 0;
    for (size_t i = 0; i < c->n; i++) {
        first = fmin(first, c->row[i].start);
        last = fmax(last, fmax(c->row[i].end, c->row[i].start + 1));
        names = fmax(names, svg_label_width(c->row[i].name, 13));
    }
    if (!(last > first)) return;
    first = floor(first / 12) * 12;
    last = ceil(last / 12) * 12;
    struct rows r = rows_for(z, names);
    struct plot p = {.s = s,
                     .x0 = r.names,
                     .y0 = 26,
                     .x1 = z.w - 12,
                     .y1 = 34 + r.pitch * (double)c->n,
                     .lo_x = first,
                     .hi_x = last,
                     .lo_y = 0,
                     .hi_y = 1};
    svg_open(s, z.w, p.y1 + 6, z.narrow ? "n" : "w", z.id);
    gantt_years(&p, first, last, z);
    for (size_t i = 0; i < c->n; i++) gantt_row(&p, &r, z, i, &c->row[i]);
    svg_close(s);
}
