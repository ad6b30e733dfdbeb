/* chart_scatter: what the model predicts against what was measured, on equal logarithmic axes. */
#include <math.h>
#include <stdio.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"

enum { LABELS_MAX = 64, BOXES_MAX = 128, PLACES = 6 };

const char *chart_group_class(int group) {
    static const char *const cls[CHART_LAYERS_MAX] = {"g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7"};
    return cls[group >= 0 ? group % CHART_LAYERS_MAX : 0];
}

static void polygon(struct svg *s, const char *cls, double x, double y, double r, const double *at, int n) {
    svg_path(s, cls);
    for (int i = 0; i < n; i++) svg_to(s, x + r * at[(size_t)i * 2], y + r * at[(size_t)i * 2 + 1]);
    svg_path_close(s);
    svg_path_end(s);
}

void chart_mark(struct svg *s, int group, double x, double y, double r) {
    static const double square[] = {-.86, -.86, .86, -.86, .86, .86, -.86, .86};
    static const double up[] = {0, -1.15, 1.1, .8, -1.1, .8};
    static const double diamond[] = {0, -1.25, 1.25, 0, 0, 1.25, -1.25, 0};
    static const double down[] = {0, 1.15, 1.1, -.8, -1.1, -.8};
    const char *cls = chart_group_class(group);
    switch (group % 5) {
    case 0: svg_circle(s, cls, x, y, r); break;
    case 1: polygon(s, cls, x, y, r, square, 4); break;
    case 2: polygon(s, cls, x, y, r, up, 3); break;
    case 3: polygon(s, cls, x, y, r, diamond, 4); break;
    default: polygon(s, cls, x, y, r, down, 3); break;
    }
}

struct box {
    double x0, y0, x1, y1;
};

static bool overlaps(const struct box *a, const struct box *b) {
    return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

/* Puts names where they meet no mark and no other name; one that finds no place stays a tooltip. */
static void draw_names(const struct plot *p, const struct chart_scatter *c, struct chart_size z) {
    static const double dx[PLACES] = {9, -9, 9, -9, 0, 0}, dy[PLACES] = {4, 4, 13, -6, -10, 18};
    struct box taken[BOXES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < c->n && n < LABELS_MAX; i++) {
        double x = plot_x(p, log10(c->point[i].measured)), y = plot_y(p, log10(c->point[i].predicted));
        if (isfinite(x) && isfinite(y)) taken[n++] = (struct box){x - 6, y - 6, x + 6, y + 6};
    }
    for (size_t i = 0; i < c->n && n < BOXES_MAX; i++) {
        double x = plot_x(p, log10(c->point[i].measured)), y = plot_y(p, log10(c->point[i].predicted));
        double w = svg_text_width(c->point[i].name, 11.5);
        for (int k = 0; k < PLACES && isfinite(x) && isfinite(y); k++) {
            double left = dx[k] > 0 ? x + dx[k] : dx[k] < 0 ? x + dx[k] - w : x - w / 2, base = y + dy[k];
            struct box b = {left, base - 10, left + w, base + 3};
            bool free = b.x0 > p->x0 + 2 && b.x1 < z.w - 2 && b.y0 > p->y0 && b.y1 < p->y1 - 2;
            for (size_t j = 0; j < n && free; j++) free = !overlaps(&b, &taken[j]);
            if (!free) continue;
            svg_text(p->s, "sc", left, base, SVG_START, c->point[i].name);
            taken[n++] = b;
            break;
        }
    }
}

static void log_axes(const struct plot *p, const struct chart_scatter *c) {
    char text[FMT_MAX];
    static const double nine[] = {1, 2, 5};
    double span = p->hi_x - p->lo_x;
    for (int e = (int)floor(p->lo_x); e <= (int)ceil(p->hi_x); e++)
        for (int k = 0; k < 3; k++) {
            double v = nine[k] * pow(10, e), at = log10(v);
            if (at < p->lo_x - 1e-9 || at > p->hi_x + 1e-9 || (k > 0 && span > 2.3)) continue;
            double x = plot_x(p, at), y = plot_y(p, at);
            svg_line(p->s, "gr", x, p->y0, x, p->y1);
            svg_line(p->s, "gr", p->x0, y, p->x1, y);
            fmt_signif(text, v, 1);
            svg_text(p->s, "tk", x, p->y1 + 17, SVG_MIDDLE, text);
            svg_text(p->s, "tk", p->x0 - 7, y + 4, SVG_END, text);
        }
    svg_label(p->s, "un", (p->x0 + p->x1) / 2, p->y1 + 36, SVG_MIDDLE, c->x_title);
    svg_label(p->s, "un", p->x0 > 100 ? p->x0 : 2, p->y0 - 12, SVG_START, c->y_title);
}

/* The band of +-c->band and the line of equality. */
static void draw_band(const struct plot *p, double band) {
    double up = log10(1 + band), down = log10(1 - band);
    svg_path(p->s, "tol");
    svg_move(p->s, plot_x(p, p->lo_x), plot_y(p, p->lo_x));
    svg_to(p->s, plot_x(p, p->lo_x), plot_y(p, p->lo_x + up));
    svg_to(p->s, plot_x(p, p->hi_x - up), plot_y(p, p->hi_x));
    svg_to(p->s, plot_x(p, p->hi_x), plot_y(p, p->hi_x));
    svg_to(p->s, plot_x(p, p->hi_x), plot_y(p, p->hi_x + down));
    svg_to(p->s, plot_x(p, p->lo_x - down), plot_y(p, p->lo_x));
    svg_path_close(p->s);
    svg_path_end(p->s);
    svg_line(p->s, "eq", p->x0, p->y1, p->x1, p->y0);
}

void chart_scatter(struct svg *s, const struct chart_scatter *c, struct chart_size z) {
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        double a = log10(c->point[i].measured), b = log10(c->point[i].predicted);
        if (!isfinite(a) || !isfinite(b)) continue;
        lo = fmin(lo, fmin(a, b));
        hi = fmax(hi, fmax(a, b));
    }
    if (!(hi >= lo)) return;
    double pad = fmax(0.12, 0.05 * (hi - lo)), side = z.narrow ? z.w - 62 : 420;
    double x0 = z.narrow ? 50 : (z.w - side) / 2;
    struct plot p = {.s = s,
                     .x0 = x0,
                     .y0 = 30,
                     .x1 = x0 + side,
                     .y1 = 30 + side,
                     .lo_x = lo - pad,
                     .hi_x = hi + pad,
                     .lo_y = lo - pad,
                     .hi_y = hi + pad};
    svg_open(s, z.w, p.y1 + 46, z.narrow ? "n" : "w", z.id);
    draw_band(&p, c->band);
    log_axes(&p, c);
    svg_line(s, "ax", p.x0, p.y1, p.x1, p.y1);
    svg_line(s, "ax", p.x0, p.y0, p.x0, p.y1);
    for (size_t i = 0; i < c->n; i++) {
        double a = log10(c->point[i].measured), b = log10(c->point[i].predicted);
        if (!isfinite(a) || !isfinite(b)) continue;
        char m[FMT_MAX], q[FMT_MAX], d[FMT_MAX];
        fmt_signif(m, c->point[i].measured, 4);
        fmt_signif(q, c->point[i].predicted, 4);
        fmt_fixed(d, (c->point[i].predicted / c->point[i].measured - 1) * 100, 1);
        svg_raw(s, "<g><title>");
        svg_esc(s, c->point[i].name);
        svg_printf(s, ": %s → %s (%s %%)</title>", m, q, d);
        chart_mark(s, c->point[i].group, plot_x(&p, a), plot_y(&p, b), 4.6);
        svg_raw(s, "</g>\n");
    }
    draw_names(&p, c, z);
    svg_close(s);
}
