/* hangul: text in as it becomes certain, text out so that conjoining jamo stay together. Old Hangul and decomposed text
 * (NFD) spell one syllable as several characters, which a stream would otherwise cut in two; precomposed syllables,
 * which is what nearly all Korean text has, pass at once. */
#ifndef SIL_TEXT_HANGUL_H
#define SIL_TEXT_HANGUL_H

#include "base/buf.h"

enum { HANGUL_HELD_MAX = 64 /* bytes: longer runs of jamo are no syllable, and pass */ };

struct hangul {
    char held[HANGUL_HELD_MAX]; /* jamo that the next text may go on with */
    size_t n;
};

/* U+1100 to 11FF, A960 to A97F, D7B0 to D7FF. */
bool hangul_conjoins(uint32_t cp);

/* text: whole characters. SIL_NOMEM or SIL_LIMIT change nothing. h begins zeroed. */
sil_err hangul_push(struct hangul *h, struct str text, struct buf *out);
/* The text is over. */
sil_err hangul_end(struct hangul *h, struct buf *out);

#endif
