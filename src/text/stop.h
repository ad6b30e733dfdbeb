/* stop: text in as it becomes certain, text out up to the first stop string. Nothing that may be part of a stop string
 * is given out, and nothing of one ever is. The result does not depend on how the text is cut into pieces: the stop
 * string that ends first counts, of several that end together the longest. */
#ifndef SIL_TEXT_STOP_H
#define SIL_TEXT_STOP_H

#include "base/arena.h"
#include "base/buf.h"

enum { STOP_WORDS_MAX = 64, STOP_WORD_BYTES_MAX = 4096 };

struct stop_word {
    struct str text;
    uint16_t *border; /* [text.n]: longest proper prefix of text[0..i] that ends it too (Knuth, Morris, Pratt 1977) */
    uint32_t at;      /* how many of its bytes the text ends with */
};

struct stop {
    struct arena arena; /* owns the words */
    struct stop_word *words;
    size_t n_words;
    struct buf held; /* the end of the text that may begin a stop string */
    int hit;         /* which word ended the text; -1: none so far */
};

/* Copies the words. SIL_ARG for an empty one or one that is not UTF-8 (the text is, so it could never come), SIL_LIMIT
 * past the limits above. */
sil_err stop_open(struct mem mem, const struct str *words, size_t n, struct stop *s, struct sil_error *e);
void stop_close(struct stop *s);

/* Appends to out what is certain; after a hit nothing more. SIL_NOMEM or SIL_LIMIT change nothing. */
sil_err stop_push(struct stop *s, struct str text, struct buf *out);
/* The text is over: what is held was no stop string. */
sil_err stop_end(struct stop *s, struct buf *out);

#endif
