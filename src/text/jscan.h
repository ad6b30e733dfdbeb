/* jscan: reads JSON from front to back without building a tree, for the two large parts of a tokenizer.json (half a
 * million merges as jansson nodes would take seconds and hundreds of MB). Strict about what it reads; what it skips is
 * only balanced, and is read by jansson afterwards. */
#ifndef SIL_TEXT_JSCAN_H
#define SIL_TEXT_JSCAN_H

#include "base/buf.h"
#include "base/str.h"
#include "sillok.h"

enum { JSCAN_DEPTH_MAX = 64 };

struct jscan {
    struct str text;
    size_t i;
    const char *what; /* the document's name, in errors */
};

/* SIL_FORMAT with line and column of the place. */
sil_err jscan_fail(const struct jscan *s, const char *message, struct sil_error *e);

/* Goes past open ('{' or '[') and says in *more whether an element follows. */
sil_err jscan_open(struct jscan *s, char open, bool *more, struct sil_error *e);
/* After an element: goes past ',' (*more) or close (not *more). */
sil_err jscan_more(struct jscan *s, char close, bool *more, struct sil_error *e);
/* A string: a view into the text when it has no escapes, otherwise decoded at the end of b, which must not move:
 * reserve first. */
sil_err jscan_string(struct jscan *s, struct buf *b, struct str *out, struct sil_error *e);
/* The key of an object and the ':' behind it. */
sil_err jscan_key(struct jscan *s, struct buf *b, struct str *out, struct sil_error *e);
/* A number without sign, fraction or exponent. */
sil_err jscan_u32(struct jscan *s, uint32_t *out, struct sil_error *e);
/* Any number, rounded once to binary64; SIL_FORMAT for one that is not finite there. */
sil_err jscan_number(struct jscan *s, double *out, struct sil_error *e);
/* Any value, unread. */
sil_err jscan_skip(struct jscan *s, struct str *out, struct sil_error *e);
/* The next character that is not white space, 0 at the end. */
char jscan_peek(struct jscan *s);

#endif
