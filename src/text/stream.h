/* stream: token ids in, text out as it becomes certain. Never emits half a UTF-8 character; bytes that can no longer
 * become one are emitted as U+FFFD, as tok_decode would. Concatenated output == tok_decode of all the ids. */
#ifndef SIL_TEXT_STREAM_H
#define SIL_TEXT_STREAM_H

#include "text/tokenizer.h"

struct stream {
    const struct tokenizer *tok;
    bool special, first;
    struct buf held; /* bytes that may be the beginning of a character */
};

void stream_init(struct stream *s, struct mem mem, const struct tokenizer *tok, bool special);
void stream_free(struct stream *s);
/* Appends what became certain to out. */
sil_err stream_push(struct stream *s, uint32_t id, struct buf *out);
/* The sequence is over: what is held becomes U+FFFD. */
sil_err stream_end(struct stream *s, struct buf *out);

#endif
