#include "serve/jout.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void jout_raw(struct jout *o, const char *text) {
    if (o->err == SIL_OK) o->err = buf_put(o->b, text, strlen(text));
}

void jout_fmt(struct jout *o, const char *fmt, ...) {
    char text[256]; /* numbers and short constants only */
    va_list ap;
    if (o->err != SIL_OK) return;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    o->err = n < 0 || (size_t)n >= sizeof text ? SIL_LIMIT : buf_put(o->b, text, (size_t)n);
}

static void put_escape(struct jout *o, unsigned char c) {
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *s = shorts; *s; s += 2) {
        if ((unsigned char)*s != c) continue;
        jout_fmt(o, "\\%c", s[1]);
        return;
    }
    jout_fmt(o, "\\u%04x", c);
}

void jout_escaped(struct jout *o, const char *p, size_t n) {
    size_t from = 0;
    for (size_t i = 0; i < n && o->err == SIL_OK; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) continue;
        o->err = buf_put(o->b, p + from, i - from);
        put_escape(o, c);
        from = i + 1;
    }
    if (o->err == SIL_OK) o->err = buf_put(o->b, p + from, n - from);
}

void jout_text(struct jout *o, struct str s) {
    jout_raw(o, "\"");
    jout_escaped(o, s.p, s.n);
    jout_raw(o, "\"");
}

void jout_text_or_null(struct jout *o, const char *s) {
    if (s) jout_text(o, str_of(s));
    else jout_raw(o, "null");
}

void jout_float(struct jout *o, float x) {
    if (!isfinite(x) || x < -9999.0f) jout_raw(o, "-9999.0"); /* what OpenAI gives for the impossible */
    else jout_fmt(o, "%.9g", (double)x);
}
