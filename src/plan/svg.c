/* svg: text that draws. See svg.h; the escaping here is what stands between a design file and the reader's browser,
 * with the page's content policy (no scripts at all) behind it. */
#include "plan/svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "plan/png.h"

void svg_init(struct svg *s, struct buf *out) {
    *s = (struct svg){.out = out, .err = SIL_OK};
}

static void put(struct svg *s, const char *p, size_t n) {
    if (s->err == SIL_OK) s->err = buf_put(s->out, p, n);
}

void svg_raw(struct svg *s, const char *markup) {
    put(s, markup, strlen(markup));
}

void svg_printf(struct svg *s, const char *fmt, ...) {
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text) {
        if (s->err == SIL_OK) s->err = SIL_LIMIT;
        return;
    }
    put(s, text, (size_t)n);
}

/* Characters that would change what the reader sees around them: controls, and marks that reverse the direction. */
static bool unwanted(uint32_t cp) {
    if (cp == '\t' || cp == '\n') return false;
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
           cp == 0x200e || cp == 0x200f || cp == 0xfffe || cp == 0xffff;
}

void svg_esc(struct svg *s, const char *text) {
    size_t n = strlen(text), from = 0, i = 0;
    while (i < n && s->err == SIL_OK) {
        uint32_t cp = 0;
        size_t len = utf8_decode(text + i, n - i, &cp);
        const char *as = NULL;
        if (len == 0 || unwanted(cp)) as = "\xef\xbf\xbd";
        else if (cp == '&') as = "&amp;";
        else if (cp == '<') as = "&lt;";
        else if (cp == '>') as = "&gt;";
        else if (cp == '"') as = "&quot;";
        else if (cp == '\'') as = "&#39;";
        if (as) {
            put(s, text + from, i - from);
            svg_raw(s, as);
            from = i + (len ? len : 1);
        }
        i += len ? len : 1;
    }
    put(s, text + from, n - from);
}

/* x in units of 10^-decimals (1 or 2) as shortest decimal text. */
static void put_scaled(struct svg *s, long v, int decimals) {
    char t[32];
    long unit = decimals == 1 ? 10 : 100, a = v < 0 ? -v : v;
    long whole = a / unit, frac = a % unit;
    const char *sign = v < 0 ? "-" : "";
    if (frac == 0) (void)snprintf(t, sizeof t, "%s%ld", sign, whole);
    else if (decimals == 2 && frac % 10) (void)snprintf(t, sizeof t, "%s%ld.%02ld", sign, whole, frac);
    else (void)snprintf(t, sizeof t, "%s%ld.%ld", sign, whole, decimals == 2 ? frac / 10 : frac);
    svg_raw(s, t);
}

static double tame(double x) {
    if (isnan(x)) return 0;
    return x > 1e6 ? 1e6 : x < -1e6 ? -1e6 : x;
}

void svg_num(struct svg *s, double x) {
    put_scaled(s, lround(tame(x) * 100), 2);
}

static void attr(struct svg *s, const char *name, double x) {
    svg_printf(s, " %s=\"", name);
    svg_num(s, x);
    svg_raw(s, "\"");
}

void svg_html_label(struct svg *s, struct plan_label l) {
    if (strcmp(l.ko, l.en) == 0) {
        svg_esc(s, l.en);
        return;
    }
    svg_raw(s, "<span class=\"ko\" lang=\"ko\">");
    svg_esc(s, l.ko);
    svg_raw(s, "</span><span class=\"en\" lang=\"en\">");
    svg_esc(s, l.en);
    svg_raw(s, "</span>");
}

void svg_html_title(struct svg *s, struct plan_label l) {
    char en[512];
    size_t n = strlen(l.en);
    if (n == 0 || n >= sizeof en || l.en[0] < 'a' || l.en[0] > 'z') {
        svg_html_label(s, l);
        return;
    }
    memcpy(en, l.en, n + 1);
    en[0] = (char)(en[0] - 'a' + 'A');
    svg_html_label(s, (struct plan_label){l.ko == l.en ? en : l.ko, en});
}

void svg_open(struct svg *s, double w, double h, const char *cls, const char *id) {
    svg_printf(s, "<svg class=\"%s\" viewBox=\"0 0 ", cls);
    svg_num(s, w);
    svg_raw(s, " ");
    svg_num(s, h);
    svg_raw(s, "\"");
    attr(s, "width", w);
    attr(s, "height", h);
    svg_printf(s, " role=\"img\" aria-labelledby=\"%s-t\" aria-describedby=\"%s-d\">\n", id, id);
}

void svg_close(struct svg *s) {
    svg_raw(s, "</svg>\n");
}

void svg_group(struct svg *s, const char *cls) {
    svg_printf(s, "<g class=\"%s\">", cls);
}

void svg_group_end(struct svg *s) {
    svg_raw(s, "</g>\n");
}

void svg_line(struct svg *s, const char *cls, double x1, double y1, double x2, double y2) {
    svg_printf(s, "<line class=\"%s\"", cls);
    attr(s, "x1", x1);
    attr(s, "y1", y1);
    attr(s, "x2", x2);
    attr(s, "y2", y2);
    svg_raw(s, "/>\n");
}

void svg_rect(struct svg *s, const char *cls, double x, double y, double w, double h) {
    svg_printf(s, "<rect class=\"%s\"", cls);
    attr(s, "x", x);
    attr(s, "y", y);
    attr(s, "width", w > 0 ? w : 0);
    attr(s, "height", h > 0 ? h : 0);
    svg_raw(s, "/>\n");
}

void svg_circle(struct svg *s, const char *cls, double x, double y, double r) {
    svg_printf(s, "<circle class=\"%s\"", cls);
    attr(s, "cx", x);
    attr(s, "cy", y);
    attr(s, "r", r);
    svg_raw(s, "/>\n");
}

/* The pen holds what was written, in tenths, so that rounding does not add up along a path. */
static long tenths(double x) {
    return lround(tame(x) * 10);
}

static void put_pair(struct svg *s, long x, long y) {
    put_scaled(s, x, 1);
    if (y >= 0) svg_raw(s, " ");
    put_scaled(s, y, 1);
}

void svg_path(struct svg *s, const char *cls) {
    svg_printf(s, "<path class=\"%s\" d=\"", cls);
    s->moved = false;
}

void svg_move(struct svg *s, double x, double y) {
    long tx = tenths(x), ty = tenths(y);
    svg_raw(s, "M");
    put_pair(s, tx, ty);
    s->pen_x = (double)tx;
    s->pen_y = (double)ty;
    s->moved = true;
}

void svg_to(struct svg *s, double x, double y) {
    if (!s->moved) {
        svg_move(s, x, y);
        return;
    }
    long tx = tenths(x), ty = tenths(y), dx = tx - (long)s->pen_x, dy = ty - (long)s->pen_y;
    if (dx == 0 && dy == 0) return;
    if (dy == 0) {
        svg_raw(s, "h");
        put_scaled(s, dx, 1);
    } else if (dx == 0) {
        svg_raw(s, "v");
        put_scaled(s, dy, 1);
    } else {
        svg_raw(s, "l");
        put_pair(s, dx, dy);
    }
    s->pen_x = (double)tx;
    s->pen_y = (double)ty;
}

void svg_curve(struct svg *s, double x1, double y1, double x2, double y2, double x, double y) {
    svg_raw(s, "C");
    put_pair(s, tenths(x1), tenths(y1));
    svg_raw(s, " ");
    put_pair(s, tenths(x2), tenths(y2));
    svg_raw(s, " ");
    put_pair(s, tenths(x), tenths(y));
    s->pen_x = (double)tenths(x);
    s->pen_y = (double)tenths(y);
    s->moved = true;
}

void svg_path_close(struct svg *s) {
    svg_raw(s, "z");
    s->moved = false;
}

void svg_path_end(struct svg *s) {
    svg_raw(s, "\"/>\n");
}

static void text_lang(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, const char *lang,
                      const char *text) {
    svg_printf(s, "<text class=\"%s%s%s%s\"", cls,
               anchor == SVG_MIDDLE ? " am"
               : anchor == SVG_END  ? " ae"
                                    : "",
               lang ? " " : "", lang ? lang : "");
    if (lang) svg_printf(s, " lang=\"%s\"", lang);
    attr(s, "x", x);
    attr(s, "y", y);
    svg_raw(s, ">");
    svg_esc(s, text);
    svg_raw(s, "</text>\n");
}

void svg_text(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, const char *text) {
    text_lang(s, cls, x, y, anchor, NULL, text);
}

void svg_label(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, struct plan_label l) {
    if (strcmp(l.ko, l.en) == 0) {
        text_lang(s, cls, x, y, anchor, NULL, l.en);
        return;
    }
    text_lang(s, cls, x, y, anchor, "ko", l.ko);
    text_lang(s, cls, x, y, anchor, "en", l.en);
}

void svg_image(struct svg *s, double x, double y, double width, double height, uint32_t w, uint32_t h,
               const uint8_t *index, const uint32_t colour[256]) {
    svg_raw(s, "<image class=\"px\" preserveAspectRatio=\"none\"");
    attr(s, "x", x);
    attr(s, "y", y);
    attr(s, "width", width);
    attr(s, "height", height);
    svg_raw(s, " href=\"data:image/png;base64,");
    if (s->err == SIL_OK) s->err = png_base64(s->out, w, h, index, colour);
    svg_raw(s, "\"/>\n");
}

double svg_text_width(const char *text, double size) {
    double em = 0;
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = utf8_decode(text + i, n - i, &cp);
        if (len == 0) len = 1;
        if (cp >= 0x1100 && cp != 0x2212 && (cp < 0x2000 || cp >= 0x2e80)) em += 0.92;
        else if (cp == ' ' || cp == 0xa0 || strchr("il.,:;'|!()[]/", cp < 128 ? (int)cp : ' ')) em += 0.3;
        else if (cp < 128 && strchr("mwMW%@", (int)cp)) em += 0.86;
        else if (cp >= 'A' && cp <= 'Z') em += 0.67;
        else em += 0.56;
        i += len;
    }
    return em * size;
}

double svg_label_width(struct plan_label l, double size) {
    double ko = svg_text_width(l.ko, size), en = svg_text_width(l.en, size);
    return ko > en ? ko : en;
}
