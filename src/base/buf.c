#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"

void buf_init(struct buf *b, struct mem mem, size_t max) {
    *b = (struct buf){.mem = mem, .max = max};
}

void buf_free(struct buf *b) {
    mem_free(b->mem, b->p);
    b->p = NULL;
    b->n = b->cap = 0;
}

void buf_clear(struct buf *b) {
    b->n = 0;
    if (b->p) b->p[0] = '\0';
}

sil_err buf_reserve(struct buf *b, size_t n) {
    if (n > b->max || b->n > b->max - n) return SIL_LIMIT;
    size_t need;
    if (!size_add(b->n, n, &need) || !size_add(need, 1, &need)) return SIL_LIMIT;
    if (need <= b->cap) return SIL_OK;
    size_t cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
    if (cap < need) cap = need;
    if (cap < 64) cap = 64;
    char *p = b->mem.resize(b->mem.ctx, b->p, cap);
    if (!p) return SIL_NOMEM;
    b->p = p;
    b->cap = cap;
    b->p[b->n] = '\0';
    return SIL_OK;
}

sil_err buf_put(struct buf *b, const void *p, size_t n) {
    sil_err err = buf_reserve(b, n);
    if (err != SIL_OK) return err;
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return SIL_OK;
}

sil_err buf_str(struct buf *b, struct str s) {
    return buf_put(b, s.p, s.n);
}

sil_err buf_char(struct buf *b, char c) {
    return buf_put(b, &c, 1);
}

sil_err buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    sil_err err = n < 0 ? SIL_ARG : buf_reserve(b, (size_t)n);
    if (err == SIL_OK) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    return err;
}
