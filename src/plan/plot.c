/* plot: see plot.h. */
#include "plan/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "plan/fmt.h"

const struct plan_label plot_month_names[12] = {
    {"1월", "Jan"}, {"2월", "Feb"}, {"3월", "Mar"}, {"4월", "Apr"},  {"5월", "May"},  {"6월", "Jun"},
    {"7월", "Jul"}, {"8월", "Aug"}, {"9월", "Sep"}, {"10월", "Oct"}, {"11월", "Nov"}, {"12월", "Dec"},
};

void plot_month_days(int days, int before[13]) {
    static const int len[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    before[0] = 0;
    for (int m = 0; m < 12; m++) before[m + 1] = before[m] + len[m] + (m == 1 && days == 366);
}

static int decimals_of(double step) {
    int d = 0;
    while (d < 6 && fabs(step - round(step)) > 1e-9 * fabs(step)) {
        step *= 10;
        d++;
    }
    return d;
}

struct plot_ticks plot_ticks_for(double lo, double hi, int target, bool inside) {
    static const double nice[] = {1, 2, 2.5, 5, 10};
    if (!isfinite(lo) || !isfinite(hi) || hi - lo < 1e-12 * (fabs(lo) + fabs(hi)) || !(hi > lo)) {
        lo = 0;
        hi = 1;
    }
    double raw = (hi - lo) / target, unit = pow(10, floor(log10(raw))), step = 10 * unit;
    for (size_t i = 0; i < sizeof nice / sizeof *nice; i++)
        if (nice[i] * unit >= raw * (1 - 1e-9)) {
            step = nice[i] * unit;
            break;
        }
    double a = lo / step, b = hi / step;
    double first = inside ? ceil(a - 1e-9) : floor(a + 1e-9), last = inside ? floor(b + 1e-9) : ceil(b - 1e-9);
    int n = (int)(last - first) + 1;
    if (n > PLOT_TICKS_MAX) n = PLOT_TICKS_MAX;
    return (struct plot_ticks){first * step, step, n, decimals_of(step)};
}

double plot_x(const struct plot *p, double x) {
    return p->x0 + (x - p->lo_x) / (p->hi_x - p->lo_x) * (p->x1 - p->x0);
}

double plot_y(const struct plot *p, double y) {
    return p->y1 - (y - p->lo_y) / (p->hi_y - p->lo_y) * (p->y1 - p->y0);
}

void plot_number(const struct plot *p, double x, double y, enum svg_anchor anchor, double v, int decimals) {
    char ko[FMT_MAX], en[FMT_MAX];
    double times = p->ko > 0 ? p->ko : 1;
    int less = times >= 10 ? (int)lround(log10(times)) : 0;
    fmt_fixed(en, v, decimals);
    fmt_fixed(ko, v * times, decimals > less ? decimals - less : 0);
    svg_label(p->s, "tk", x, y, anchor, (struct plan_label){ko, en});
}

void plot_axis_y(const struct plot *p, struct plot_ticks t, struct plan_label unit) {
    for (int i = 0; i < t.n; i++) {
        double v = t.first + i * t.step, y = plot_y(p, v);
        if (y < p->y0 - 0.5 || y > p->y1 + 0.5) continue;
        bool zero = fabs(v) < 1e-9 * t.step;
        svg_line(p->s, zero ? "ax" : "gr", p->x0, y, p->x1, y);
        plot_number(p, p->x0 - 7, y + 4, SVG_END, zero ? 0 : v, t.decimals);
    }
    svg_label(p->s, "un", p->x0 - 7, p->y0 - 12, SVG_END, unit);
}

void plot_axis_x(const struct plot *p, struct plot_ticks t, struct plan_label title) {
    char text[FMT_MAX];
    svg_line(p->s, "ax", p->x0, p->y1, p->x1, p->y1);
    for (int i = 0; i < t.n; i++) {
        double v = t.first + i * t.step, x = plot_x(p, v);
        if (x < p->x0 - 0.5 || x > p->x1 + 0.5) continue;
        svg_line(p->s, "ax", x, p->y1, x, p->y1 + 4);
        fmt_fixed(text, fabs(v) < 1e-9 * t.step ? 0 : v, t.decimals);
        svg_text(p->s, "tk", x, p->y1 + 18, SVG_MIDDLE, text);
    }
    svg_label(p->s, "un", (p->x0 + p->x1) / 2, p->y1 + 37, SVG_MIDDLE, title);
}

void plot_months(const struct plot *p, int days, int every) {
    int before[13];
    plot_month_days(days, before);
    svg_line(p->s, "ax", p->x0, p->y1, p->x1, p->y1);
    for (int m = 0; m <= 12; m++) {
        double x = plot_x(p, before[m]);
        svg_line(p->s, "ax", x, p->y1, x, p->y1 + 4);
        if (m < 12 && m % every == 0)
            svg_label(p->s, "tk", plot_x(p, 0.5 * (before[m] + before[m + 1])), p->y1 + 18, SVG_MIDDLE,
                      plot_month_names[m]);
    }
}

void plot_line(const struct plot *p, const char *cls, const double *y, size_t n, double first, double step) {
    bool down = false;
    svg_path(p->s, cls);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i])) {
            down = false;
            continue;
        }
        double px = plot_x(p, first + (double)i * step), py = plot_y(p, y[i]);
        if (down) svg_to(p->s, px, py);
        else svg_move(p->s, px, py);
        down = true;
    }
    svg_path_end(p->s);
}

void plot_area(const struct plot *p, const char *cls, const double *low, const double *high, size_t n, double first,
               double step) {
    svg_path(p->s, cls);
    for (size_t i = 0; i < n; i++) svg_to(p->s, plot_x(p, first + (double)i * step), plot_y(p, high[i]));
    for (size_t i = n; i-- > 0;) svg_to(p->s, plot_x(p, first + (double)i * step), plot_y(p, low[i]));
    if (n > 0) svg_path_close(p->s);
    svg_path_end(p->s);
}

/* As much of the text as fits, with an ellipsis if that is not all. */
static bool cut(const char *text, double width, double size, char *out, size_t cap) {
    if (svg_text_width(text, size) <= width && strlen(text) < cap) {
        (void)snprintf(out, cap, "%s", text);
        return false;
    }
    size_t n = strlen(text), used = 0;
    double room = width - svg_text_width("…", size);
    char one[8];
    while (used < n && used + 8 < cap) {
        uint32_t cp = 0;
        size_t len = utf8_decode(text + used, n - used, &cp);
        if (len == 0) len = 1;
        memcpy(one, text + used, len);
        one[len] = 0;
        room -= svg_text_width(one, size);
        if (room < 0) break;
        used += len;
    }
    while (used > 0 && text[used - 1] == ' ') used--;
    memcpy(out, text, used);
    (void)snprintf(out + used, cap - used, "…");
    return true;
}

void plot_fit(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, struct plan_label l,
              double width, double size) {
    char ko[256], en[256], first[256];
    if (l.ko != l.en && l.en[0] >= 'a' && l.en[0] <= 'z' &&
        strlen(l.en) < sizeof first) { /* a name begins with a capital */
        (void)snprintf(first, sizeof first, "%s", l.en);
        first[0] = (char)(first[0] - 'a' + 'A');
        l.en = first;
    }
    bool c1 = cut(l.ko, width, size, ko, sizeof ko), c2 = cut(l.en, width, size, en, sizeof en);
    if (c1 || c2) {
        svg_raw(s, "<g><title>");
        svg_esc(s, l.ko);
        if (strcmp(l.ko, l.en) != 0) {
            svg_raw(s, " · ");
            svg_esc(s, l.en);
        }
        svg_raw(s, "</title>");
    }
    svg_label(s, cls, x, y, anchor, (struct plan_label){ko, en});
    if (c1 || c2) svg_raw(s, "</g>\n");
}
