/* Ids to text: the bytes of every token were worked out when the tokenizer was opened. */
#include "base/err.h"
#include "base/utf8.h"
#include "text/stream.h"
#include "text/tok_impl.h"

/* The bytes of a token, and nothing for control tokens unless `special`. */
static struct str piece_of(const struct tokenizer *t, uint32_t id, bool special) {
    if (!special && (t->type[id] == TOK_CONTROL || t->type[id] == TOK_UNKNOWN)) return (struct str){"", 0};
    return (struct str){t->piece + t->piece_off[id], t->piece_off[id + 1] - t->piece_off[id]};
}

sil_err tok_piece(const struct tokenizer *t, uint32_t id, bool special, struct buf *out) {
    return id < t->n_tokens ? buf_str(out, piece_of(t, id, special)) : SIL_ARG;
}

/* How many bytes at p, which begin no valid character, one U+FFFD stands for: the longest beginning of a valid
 * character, at least one byte (as the Unicode standard recommends, and as Rust and the web do). */
static size_t bad_bytes(const char *p, size_t n) {
    size_t k = 1, most = n < 3 ? n : 3;
    while (k < most && utf8_tail(p, k + 1) == k + 1) k++;
    return k;
}

/* Appends text to out with U+FFFD for what is not UTF-8; returns in *left how many bytes at the end may still become
 * a character. */
static sil_err put_lossy(struct str text, struct buf *out, size_t *left) {
    size_t tail = utf8_tail(text.p, text.n), end = text.n - tail, done = 0;
    *left = tail;
    for (size_t bad; done < end; done += bad) {
        size_t at;
        if (uchar_valid(text.p + done, end - done, &at)) break;
        SIL_TRY(buf_put(out, text.p + done, at));
        done += at;
        bad = bad_bytes(text.p + done, end - done);
        SIL_TRY(buf_str(out, STR("\xef\xbf\xbd")));
    }
    return done < end ? buf_put(out, text.p + done, end - done) : SIL_OK;
}

void stream_init(struct stream *s, struct mem mem, const struct tokenizer *tok, bool special) {
    *s = (struct stream){.tok = tok, .special = special, .first = true};
    buf_init(&s->held, mem, 1 << 20);
}

void stream_free(struct stream *s) {
    buf_free(&s->held);
}

sil_err stream_push(struct stream *s, uint32_t id, struct buf *out) {
    if (id >= s->tok->n_tokens) return SIL_ARG;
    struct str p = piece_of(s->tok, id, s->special);
    if (p.n == 0) return SIL_OK;
    bool drop = s->first && s->tok->strip_first_space && p.p[0] == ' ';
    size_t was = s->held.n, before = out->n, left;
    SIL_TRY(buf_put(&s->held, p.p + drop, p.n - drop));
    sil_err err = put_lossy(buf_view(&s->held), out, &left);
    if (err != SIL_OK) { /* as if nothing had been pushed */
        s->held.n = was;
        out->n = before;
        return err;
    }
    s->first = false;
    memmove(s->held.p, s->held.p + s->held.n - left, left);
    s->held.n = left;
    return SIL_OK;
}

sil_err stream_end(struct stream *s, struct buf *out) {
    sil_err err = s->held.n ? buf_str(out, STR("\xef\xbf\xbd")) : SIL_OK;
    if (err == SIL_OK) {
        s->held.n = 0;
        s->first = true;
    }
    return err;
}

sil_err tok_decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool special, struct buf *out) {
    struct stream s;
    size_t before = out->n;
    stream_init(&s, out->mem, t, special);
    sil_err err = SIL_OK;
    for (size_t i = 0; i < n && err == SIL_OK; i++) err = stream_push(&s, ids[i], out);
    if (err == SIL_OK) err = stream_end(&s, out);
    stream_free(&s);
    if (err != SIL_OK) out->n = before;
    return err;
}
