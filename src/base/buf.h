/* buf: a growing byte buffer with a declared maximum. The bytes are followed by a NUL that does not count. */
#ifndef SIL_BASE_BUF_H
#define SIL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"
#include "sillok.h"

struct buf {
    struct mem mem;
    char *p; /* NULL while empty */
    size_t n, cap, max;
};

/* An empty buffer that may hold at most max bytes. Allocates nothing yet. */
void buf_init(struct buf *b, struct mem mem, size_t max);
void buf_free(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */

/* Makes room for n more bytes. SIL_LIMIT past max, SIL_NOMEM; the buffer is unchanged on failure. */
sil_err buf_reserve(struct buf *b, size_t n);
sil_err buf_put(struct buf *b, const void *p, size_t n);
sil_err buf_str(struct buf *b, struct str s);
sil_err buf_char(struct buf *b, char c);
sil_err buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline struct str buf_view(const struct buf *b) {
    return (struct str){b->p ? b->p : "", b->n};
}

#endif
