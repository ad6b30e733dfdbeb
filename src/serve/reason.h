/* reason: tells a model's reasoning from its answer by two marks ("<think>", "</think>"). Reasoning comes first or not
 * at all: a mark later in the answer is text. White space around the marks belongs to neither part. What may be the
 * beginning of a mark is held back, so the result does not depend on how the text is cut into pieces. */
#ifndef SIL_SERVE_REASON_H
#define SIL_SERVE_REASON_H

#include "base/str.h"

enum { REASON_MARK_MAX = 64, REASON_SPACE_MAX = 64 /* bytes held back; longer white space belongs to the part */ };

enum reason_state { REASON_START, REASON_INSIDE, REASON_OUTSIDE };

struct reason {
    struct str begin, end;
    enum reason_state state;
    bool trim; /* at the beginning of a part: white space is dropped */
    size_t n;
    char held[REASON_MARK_MAX + REASON_SPACE_MAX + 1];
};

/* The marks must outlive r. inside: the prompt has the first mark already. False when a mark is empty, too long or
 * begins with white space. */
bool reason_open(struct reason *r, struct str begin, struct str end, bool inside);
/* One byte in, up to sizeof r->held bytes out (to `out`, which has room for them), all of one part: *reasoning. Returns
 * how many. */
size_t reason_push(struct reason *r, char c, char *out, bool *reasoning);
/* How many of the n bytes at p would pass at once, all of the present part: they need not be pushed. */
size_t reason_plain(const struct reason *r, const char *p, size_t n);
/* The text is over: what was held. */
size_t reason_end(struct reason *r, char *out, bool *reasoning);

#endif
