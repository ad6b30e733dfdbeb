/* chart_map: pictures whose ink is a density: the carpet of a year, the cloud of two values. */
#include <math.h>
#include <stdio.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"

enum { STOPS = 7, NO_VALUE = 0, SIDE_MAX = 366 * 96 };

/* From a paper-like tone to a deep one, so that the darker is the more, in print too; in the dark scheme the page turns
 * them round. Each falls evenly in lightness. */
static const uint32_t ramps[CHART_RAMPS][STOPS] = {
    [CHART_BLUE] = {0xf1f5fa, 0xc9dbf0, 0x8fb8e0, 0x4c8acb, 0x1f5fb0, 0x0b3a7a, 0x061f4a},
    [CHART_AMBER] = {0xf7f4ec, 0xf6dfa8, 0xefbe5a, 0xd9922b, 0xae6413, 0x743c0d, 0x3f1f08},
    [CHART_GREEN] = {0xf1f7f2, 0xc6e5cf, 0x8ccba4, 0x4ba97a, 0x1f8457, 0x0c5c3d, 0x053823},
    [CHART_RED] = {0xfbf3f0, 0xf6d0c2, 0xeba08b, 0xd66a58, 0xb43c36, 0x821e24, 0x4c0d16},
};

/* 256 colours: 0 for "no value", then the ramp. */
static void fill_colours(enum chart_ramp ramp, uint32_t out[256]) {
    out[NO_VALUE] = 0x9aa0a8;
    for (int i = 1; i < 256; i++) {
        int at = (i - 1) * (STOPS - 1), k = at / 254;
        if (k > STOPS - 2) k = STOPS - 2;
        int t = at - k * 254;
        uint32_t a = ramps[ramp][k], b = ramps[ramp][k + 1], c = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int x = (int)(a >> shift & 255), y = (int)(b >> shift & 255);
            c |= (uint32_t)(x + (y - x) * t / 254) << shift;
        }
        out[i] = c;
    }
}

static uint8_t shade(double v, double lo, double hi) {
    if (!isfinite(v)) return NO_VALUE;
    double t = (v - lo) / (hi - lo);
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return (uint8_t)(1 + lround(t * 254));
}

static void value_range(const double *v, size_t n, double *lo, double *hi) {
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) continue;
        if (v[i] < *lo) *lo = v[i];
        if (v[i] > *hi) *hi = v[i];
    }
    if (!(*hi > *lo)) {
        *lo = isfinite(*lo) ? *lo : 0;
        *hi = *lo + 1;
    }
}

/* The key to the colours: a bar with the ends' values, right-aligned at x. */
static void draw_key(struct svg *s, double x, double y, double lo, double hi, struct plan_label unit,
                     const uint32_t colour[256]) {
    uint8_t row[255];
    char a[FMT_MAX], b[FMT_MAX];
    for (int i = 0; i < 255; i++) row[i] = (uint8_t)(i + 1);
    struct plot_ticks t = plot_ticks_for(lo, hi, 4, true);
    fmt_fixed(a, lo, t.decimals);
    fmt_fixed(b, hi, t.decimals);
    double unit_w = svg_label_width(unit, 12) + 6, b_w = svg_text_width(b, 12) + 6, w = 110;
    svg_label(s, "un", x, y + 9, SVG_END, unit);
    svg_text(s, "tk", x - unit_w, y + 9, SVG_END, b);
    svg_image(s, x - unit_w - b_w - w, y, w, 10, 255, 1, row, colour);
    svg_text(s, "tk", x - unit_w - b_w - w - 6, y + 9, SVG_END, a);
}

void chart_carpet(struct svg *s, const struct chart_carpet *c, struct chart_size z) {
    static const char *const hours[] = {"0", "6", "12", "18", "24"};
    double lo = c->lo, hi = c->hi, h = z.narrow ? 190 : 218;
    uint32_t colour[256];
    uint8_t index[SIDE_MAX];
    if (c->days <= 0 || c->slots <= 0 || c->days > 366 || c->slots > 96) return;
    size_t days = (size_t)c->days, slots = (size_t)c->slots;
    if (!(hi > lo)) value_range(c->v, days * slots, &lo, &hi);
    fill_colours(c->ramp, colour);
    for (size_t y = 0; y < slots; y++)
        for (size_t x = 0; x < days; x++) index[y * days + x] = shade(c->v[x * slots + (slots - 1 - y)], lo, hi);
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 42 : 52,
                     .y0 = 30,
                     .x1 = z.w - 8,
                     .y1 = h - 28,
                     .lo_x = 0,
                     .hi_x = c->days,
                     .lo_y = 0,
                     .hi_y = 24};
    svg_open(s, z.w, h, z.narrow ? "n" : "w", z.id);
    svg_group(s, "map");
    svg_image(s, p.x0, p.y0, p.x1 - p.x0, p.y1 - p.y0, (uint32_t)days, (uint32_t)slots, index, colour);
    draw_key(s, p.x1, 6, lo, hi, c->unit, colour);
    svg_group_end(s);
    svg_label(s, "un", p.x0 - 7, p.y0 - 12, SVG_END, (struct plan_label){"시", "hour"});
    for (int i = 0; i < 5; i++) {
        double y = plot_y(&p, 6.0 * i);
        svg_line(s, "ax", p.x0 - 4, y, p.x0, y);
        svg_text(s, "tk", p.x0 - 7, y + 4, SVG_END, hours[i]);
    }
    plot_months(&p, c->days, z.narrow ? 2 : 1);
    svg_close(s);
}

enum { CLOUD_X = 56, CLOUD_Y = 36, CLOUD_SHADES = 6 };

/* Hours in each cell; *most is the largest. */
static void count_cells(const struct chart_cloud *c, const struct plot *p, double cell[CLOUD_Y][CLOUD_X],
                        double *most) {
    *most = 0;
    for (size_t i = 0; i < c->n; i++) {
        double fx = (c->x[i] - p->lo_x) / (p->hi_x - p->lo_x), fy = (c->y[i] - p->lo_y) / (p->hi_y - p->lo_y);
        if (!(fx >= 0 && fx <= 1 && fy >= 0 && fy <= 1)) continue;
        int ix = (int)(fx * CLOUD_X), iy = (int)(fy * CLOUD_Y);
        if (ix == CLOUD_X) ix--;
        if (iy == CLOUD_Y) iy--;
        cell[iy][ix] += c->step_h;
        if (cell[iy][ix] > *most) *most = cell[iy][ix];
    }
}

void chart_cloud(struct svg *s, const struct chart_cloud *c, struct chart_size z) {
    double lo_x, hi_x, lo_y, hi_y, cell[CLOUD_Y][CLOUD_X] = {{0}}, most = 0, h = z.narrow ? 280 : 320;
    value_range(c->x, c->n, &lo_x, &hi_x);
    value_range(c->y, c->n, &lo_y, &hi_y);
    struct plot_ticks tx = plot_ticks_for(lo_x, hi_x, z.narrow ? 5 : 9, false);
    struct plot_ticks ty = plot_ticks_for(lo_y, hi_y, 5, false);
    struct plot p = {.s = s,
                     .x0 = z.narrow ? 42 : 52,
                     .y0 = 30,
                     .x1 = z.w - 14,
                     .y1 = h - 46,
                     .lo_x = tx.first,
                     .hi_x = tx.first + (tx.n - 1) * tx.step,
                     .lo_y = ty.first,
                     .hi_y = ty.first + (ty.n - 1) * ty.step};
    svg_open(s, z.w, h, z.narrow ? "n" : "w", z.id);
    plot_axis_y(&p, ty, c->y_title);
    plot_axis_x(&p, tx, c->x_title);
    count_cells(c, &p, cell, &most);
    double dx = (p.x1 - p.x0) / CLOUD_X, dy = (p.y1 - p.y0) / CLOUD_Y;
    char cls[8];
    for (int k = 1; k <= CLOUD_SHADES && most > 0; k++) {
        (void)snprintf(cls, sizeof cls, "q%d", k);
        svg_path(s, cls);
        for (int y = 0; y < CLOUD_Y; y++)
            for (int x = 0; x < CLOUD_X; x++) {
                if (!(cell[y][x] > 0)) continue;
                int level = 1 + (int)(log1p(cell[y][x]) / log1p(most) * (CLOUD_SHADES - 1e-9));
                if (level != k) continue;
                double px = p.x0 + x * dx, py = p.y1 - (y + 1) * dy;
                svg_move(s, px, py);
                svg_to(s, px + dx, py);
                svg_to(s, px + dx, py + dy);
                svg_to(s, px, py + dy);
                svg_path_close(s);
            }
        svg_path_end(s);
    }
    svg_close(s);
}
