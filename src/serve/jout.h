/* jout: writing JSON. The first failure stays in err, and nothing is written after it. */
#ifndef SIL_SERVE_JOUT_H
#define SIL_SERVE_JOUT_H

#include "base/buf.h"
#include "base/str.h"

struct jout {
    struct buf *b;
    sil_err err;
};
void jout_raw(struct jout *o, const char *text);
/* At most 255 bytes: numbers and short constants. */
void jout_fmt(struct jout *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void jout_escaped(struct jout *o, const char *p, size_t n); /* inside quotes */
void jout_text(struct jout *o, struct str s);               /* with quotes */
void jout_text_or_null(struct jout *o, const char *s);
void jout_float(struct jout *o, float x); /* shortest that reads back alike; -9999 for what JSON cannot say */

#endif
