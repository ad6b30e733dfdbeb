#include "text/hangul.h"

#include "base/err.h"
#include "base/utf8.h"

bool hangul_conjoins(uint32_t cp) {
    return (cp >= 0x1100 && cp <= 0x11ff) || (cp >= 0xa960 && cp <= 0xa97f) || (cp >= 0xd7b0 && cp <= 0xd7ff);
}

/* How many bytes of conjoining jamo the text ends with; they all have three bytes. */
static size_t jamo_tail(struct str s) {
    size_t n = 0;
    uint32_t cp;
    while (n + 3 <= s.n && utf8_decode(s.p + s.n - n - 3, 3, &cp) == 3 && hangul_conjoins(cp)) n += 3;
    return n;
}

sil_err hangul_push(struct hangul *h, struct str text, struct buf *out) {
    size_t tail = jamo_tail(text), whole = text.n - tail;
    if (text.n == 0) return SIL_OK;
    if (tail > HANGUL_HELD_MAX || (whole == 0 && h->n + tail > HANGUL_HELD_MAX)) {
        tail = 0;
        whole = text.n;
    }
    if (whole > 0) {
        SIL_TRY(buf_reserve(out, h->n + whole));
        SIL_TRY(buf_put(out, h->held, h->n));
        SIL_TRY(buf_put(out, text.p, whole));
        h->n = 0;
    }
    memcpy(h->held + h->n, text.p + whole, tail);
    h->n += tail;
    return SIL_OK;
}

sil_err hangul_end(struct hangul *h, struct buf *out) {
    sil_err err = buf_put(out, h->held, h->n);
    if (err == SIL_OK) h->n = 0;
    return err;
}
