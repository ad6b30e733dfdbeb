/* chart_flow: an energy Sankey. Nodes keep their declared order, so the same design always gives the same picture. */
#include <math.h>

#include "plan/chart.h"
#include "plan/fmt.h"
#include "plan/plot.h"

enum { COLUMNS_MAX = 8 };

struct layout {
    double in[CHART_NODES_MAX], out[CHART_NODES_MAX], size[CHART_NODES_MAX]; /* values */
    double y[CHART_NODES_MAX];                                               /* top, in pixels */
    double total, scale;                                                     /* largest column; pixels per value */
    double slot, gap;                                                        /* least height of a node with its label */
    int columns;
};

static void sum_flows(const struct chart_sankey *c, struct layout *l) {
    for (size_t i = 0; i < c->n_links; i++) {
        if (!(c->link[i].value > 0)) continue;
        l->out[c->link[i].from] += c->link[i].value;
        l->in[c->link[i].to] += c->link[i].value;
    }
    double column[COLUMNS_MAX] = {0};
    for (size_t i = 0; i < c->n_nodes; i++) {
        l->size[i] = fmax(l->in[i], l->out[i]);
        int k = c->node[i].column;
        column[k] += l->size[i];
        if (l->size[i] > 0 && k + 1 > l->columns) l->columns = k + 1;
        l->total = fmax(l->total, column[k]);
    }
}

/* The height that a column takes at this scale. */
static double column_height(const struct chart_sankey *c, const struct layout *l, int column) {
    double h = -l->gap;
    for (size_t i = 0; i < c->n_nodes; i++)
        if (c->node[i].column == column && l->size[i] > 0) h += fmax(l->size[i] * l->scale, l->slot) + l->gap;
    return h > 0 ? h : 0;
}

/* Every column is centred on the tallest; a small node is centred in its slot, which its label needs. */
static double place_nodes(const struct chart_sankey *c, struct layout *l, double top) {
    double tallest = 0;
    for (int k = 0; k < l->columns; k++) tallest = fmax(tallest, column_height(c, l, k));
    for (int k = 0; k < l->columns; k++) {
        double y = top + (tallest - column_height(c, l, k)) / 2;
        for (size_t i = 0; i < c->n_nodes; i++) {
            if (c->node[i].column != k || !(l->size[i] > 0)) continue;
            double h = l->size[i] * l->scale, slot = fmax(h, l->slot);
            l->y[i] = y + (slot - h) / 2;
            y += slot + l->gap;
        }
    }
    return tallest;
}

static double column_x(const struct layout *l, int k, struct chart_size z, double node_w) {
    double left = 2, right = z.w - node_w - 2;
    return l->columns > 1 ? left + (right - left) * k / (l->columns - 1) : left;
}

/* Ribbons leave and enter in the order of their other ends, so they do not cross without need. */
static double ribbon_start(const struct chart_sankey *c, const struct layout *l, size_t link, bool leaving) {
    const struct chart_link *me = &c->link[link];
    int node = leaving ? me->from : me->to, other = leaving ? me->to : me->from;
    double before = 0;
    for (size_t i = 0; i < c->n_links; i++) {
        const struct chart_link *f = &c->link[i];
        if (i == link || !(f->value > 0) || (leaving ? f->from : f->to) != node) continue;
        int end = leaving ? f->to : f->from;
        if (l->y[end] < l->y[other] || (end == other && i < link)) before += f->value;
    }
    return before * l->scale;
}

static void draw_ribbon(struct svg *s, const struct chart_sankey *c, const struct layout *l, size_t i,
                        struct chart_size z, double node_w) {
    const struct chart_link *f = &c->link[i];
    double h = fmax(f->value * l->scale, 0.6), y0 = l->y[f->from] + ribbon_start(c, l, i, true),
           y1 = l->y[f->to] + ribbon_start(c, l, i, false);
    double xa = column_x(l, c->node[f->from].column, z, node_w) + node_w,
           xb = column_x(l, c->node[f->to].column, z, node_w);
    double mid = (xa + xb) / 2;
    /* A flow has the colour of its source, and behind the first column that of its use. */
    svg_printf(s, "<g class=\"r-%s\"><title>", c->node[c->node[f->from].column == 0 ? f->from : f->to].cls);
    char text[FMT_MAX];
    fmt_value(text, f->value, c->unit, 3, PLAN_EN);
    svg_esc(s, c->node[f->from].name.ko);
    svg_raw(s, " → ");
    svg_esc(s, c->node[f->to].name.ko);
    svg_raw(s, " · ");
    svg_esc(s, c->node[f->from].name.en);
    svg_raw(s, " → ");
    svg_esc(s, c->node[f->to].name.en);
    svg_printf(s, ": %s</title>", text);
    svg_path(s, "rb");
    svg_move(s, xa, y0);
    svg_curve(s, mid, y0, mid, y1, xb, y1);
    svg_to(s, xb, y1 + h);
    svg_curve(s, mid, y1 + h, mid, y0 + h, xa, y0 + h);
    svg_path_close(s);
    svg_path_end(s);
    svg_raw(s, "</g>\n");
}

/* Name and amount beside the node: to its right, in the last column to its left. */
static void draw_node(struct svg *s, const struct chart_sankey *c, const struct layout *l, size_t i,
                      struct chart_size z, double node_w) {
    const struct chart_node *n = &c->node[i];
    double x = column_x(l, n->column, z, node_w), h = fmax(l->size[i] * l->scale, 1.5), mid = l->y[i] + h / 2;
    svg_printf(s, "<g class=\"k-%s\">", n->cls);
    svg_rect(s, "nd", x, l->y[i], node_w, h);
    svg_raw(s, "</g>");
    char ko[FMT_MAX], en[FMT_MAX];
    fmt_value(ko, l->size[i], c->unit, 3, PLAN_KO);
    fmt_value(en, l->size[i], c->unit, 3, PLAN_EN);
    bool last = n->column + 1 == l->columns && l->columns > 1;
    double tx = last ? x - 6 : x + node_w + 6,
           room = (z.w - node_w) / (l->columns > 1 ? l->columns - 1 : 1) - node_w - 10;
    enum svg_anchor side = last ? SVG_END : SVG_START;
    plot_fit(s, "sn", tx, mid - 2, side, n->name, room, 13);
    svg_label(s, "sv", tx, mid + 13, side, (struct plan_label){ko, en});
}

void chart_sankey(struct svg *s, const struct chart_sankey *c, struct chart_size z) {
    struct layout l = {.slot = 31, .gap = 7};
    double node_w = z.narrow ? 8 : 12, room = z.narrow ? 330 : 300;
    sum_flows(c, &l);
    if (!(l.total > 0)) return;
    l.scale = room / l.total;
    double tallest = place_nodes(c, &l, 6);
    svg_open(s, z.w, tallest + 12, z.narrow ? "n" : "w", z.id);
    for (size_t i = 0; i < c->n_links; i++)
        if (c->link[i].value > 0) draw_ribbon(s, c, &l, i, z, node_w);
    for (size_t i = 0; i < c->n_nodes; i++)
        if (l.size[i] > 0) draw_node(s, c, &l, i, z, node_w);
    svg_close(s);
}
