/* svg: drawing as text. Every text is escaped, every number printed with a fixed count of decimals, so the same picture
 * is the same bytes everywhere. Colours come from classes of the page's style sheet (report_style.c), never from here.
 * Also the one place where HTML text is escaped. Coordinates are CSS pixels, y downwards. */
#ifndef SIL_PLAN_SVG_H
#define SIL_PLAN_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "plan/label.h"

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* A writer on a buffer; the first failure is kept in err and everything after it is skipped. */
struct svg {
    struct buf *out;
    sil_err err;
    double pen_x, pen_y; /* of the open path */
    bool moved;
};

void svg_init(struct svg *s, struct buf *out);

/* Markup of our own (constants only), text from anywhere (escaped for element content and quoted attributes; bytes that
 * are not UTF-8, control characters and bidirectional overrides become U+FFFD), and a coordinate (two decimals at most,
 * trailing zeros dropped; not-a-number is 0, magnitude capped at 1e6). */
void svg_raw(struct svg *s, const char *markup);
void svg_esc(struct svg *s, const char *text);
void svg_num(struct svg *s, double x);
void svg_printf(struct svg *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A label as <span class=ko lang=ko>..</span><span class=en lang=en>..</span>; once, without span, if both are the
 * same. */
void svg_html_label(struct svg *s, struct plan_label l);

/* The same with the English text's first letter as a capital: for headings and table rows. */
void svg_html_title(struct svg *s, struct plan_label l);

/* The picture's root: shown as image whose name and description are the elements `id`-t and `id`-d of the page. */
void svg_open(struct svg *s, double w, double h, const char *cls, const char *id);
void svg_close(struct svg *s);
void svg_group(struct svg *s, const char *cls);
void svg_group_end(struct svg *s);

void svg_line(struct svg *s, const char *cls, double x1, double y1, double x2, double y2);
void svg_rect(struct svg *s, const char *cls, double x, double y, double w, double h);
void svg_circle(struct svg *s, const char *cls, double x, double y, double r);

/* A path: moves and lines are written relative to the pen with one decimal. */
void svg_path(struct svg *s, const char *cls);
void svg_move(struct svg *s, double x, double y);
void svg_to(struct svg *s, double x, double y);
void svg_curve(struct svg *s, double x1, double y1, double x2, double y2, double x, double y);
void svg_path_close(struct svg *s); /* back to the start; another move may follow */
void svg_path_end(struct svg *s);

void svg_text(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, const char *text);
void svg_label(struct svg *s, const char *cls, double x, double y, enum svg_anchor anchor, struct plan_label l);

/* w x h pixels of indices into 256 colours (0xRRGGBB) as an embedded PNG, stretched without smoothing. */
void svg_image(struct svg *s, double x, double y, double width, double height, uint32_t w, uint32_t h,
               const uint8_t *index, const uint32_t colour[256]);

/* An estimate of a text's width at a size in pixels: good to some 10 %, for margins and collisions. */
double svg_text_width(const char *text, double size);
double svg_label_width(struct plan_label l, double size); /* the wider of the two */

#endif
