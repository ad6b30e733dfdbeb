#include "learn/noise.h"

#include <string.h>

#include "base/err.h"
#include "text/template.h"

enum { PIECE_MAX = 1 << 16, DEEP = 32 /* parts of one token that wait */ };
#define WHOLE UINT32_MAX

/* ---- what tokens are made of ---- */

/* "left right" as two tokens and the one that they make; false: not all of them are tokens. */
static bool read_merge(const struct tokenizer *t, struct str merge, struct buf *whole, uint32_t id[3]) {
    const char *gap = merge.n > 1 ? memchr(merge.p + 1, ' ', merge.n - 1) : NULL;
    if (!gap) return false;
    struct str left = {merge.p, (size_t)(gap - merge.p)}, right = {gap + 1, merge.n - left.n - 1};
    buf_clear(whole);
    if (buf_str(whole, left) != SIL_OK || buf_str(whole, right) != SIL_OK) return false;
    int32_t found[3] = {tok_find(t, left), tok_find(t, right), tok_find(t, buf_view(whole))};
    for (int i = 0; i < 3; i++) {
        if (found[i] < 0) return false;
        id[i] = (uint32_t)found[i];
    }
    return true;
}

/* Does this token begin with a character, not inside of one? */
static bool begins_character(const struct tokenizer *t, uint32_t id, struct buf *piece) {
    buf_clear(piece);
    return tok_piece(t, id, true, piece) == SIL_OK && piece->n > 0 && ((uint8_t)piece->p[0] & 0xc0) != 0x80;
}

static sil_err merges_of(const struct learn_vocab *v, const struct str **list, size_t *n, struct sil_error *e) {
    const struct gguf_array *a;
    *list = v->spec.merges;
    *n = v->spec.n_merges;
    if (v->file && gguf_find(model_file_gguf(v->file), "tokenizer.ggml.merges")) {
        SIL_TRY(gguf_array(model_file_gguf(v->file), "tokenizer.ggml.merges", GGUF_STRING, &a, e));
        *list = a->strings;
        *n = (size_t)a->n;
    }
    if (*n) return SIL_OK;
    return err_set(e, SIL_ARG, "split_tokens cuts tokens where they were merged; this tokenizer has no merges");
}

sil_err parts_open(struct mem mem, const struct learn_vocab *v, struct parts *out, struct sil_error *e) {
    const struct str *merges;
    size_t n;
    struct buf text;
    *out = (struct parts){.mem = mem};
    SIL_TRY(merges_of(v, &merges, &n, e));
    out->of = mem_array(mem, (size_t)tok_count(v->tok) * 2, sizeof *out->of);
    if (!out->of) return err_nomem(e, "the parts of tokens", tok_count(v->tok));
    memset(out->of, 0xff, (size_t)tok_count(v->tok) * 2 * sizeof *out->of);
    buf_init(&text, mem, PIECE_MAX);
    sil_err err = buf_reserve(&text, PIECE_MAX); /* it takes no more memory from here on */
    for (size_t i = 0; err == SIL_OK && i < n; i++) {
        uint32_t id[3];
        if (!read_merge(v->tok, merges[i], &text, id)) continue;
        uint32_t *of = out->of + (size_t)2 * id[2];
        if (of[0] != WHOLE || !begins_character(v->tok, id[1], &text)) continue;
        of[0] = id[0];
        of[1] = id[1];
    }
    buf_free(&text);
    if (err == SIL_OK) return SIL_OK;
    parts_close(out);
    return err_nomem(e, "the parts of tokens", PIECE_MAX);
}

void parts_close(struct parts *p) {
    if (p->of) mem_free(p->mem, p->of);
    *p = (struct parts){0};
}

/* ---- which tokens may change ---- */

sil_err noise_mark(const struct learn_vocab *v, struct str text, const char *origin, uint32_t *tokens, size_t n,
                   struct sil_error *e) {
    struct buf piece;
    size_t at = 0;
    sil_err err = SIL_OK;
    buf_init(&piece, v->mem, PIECE_MAX);
    for (size_t i = 0; err == SIL_OK && i < n; i++) {
        buf_clear(&piece);
        err = tok_piece(v->tok, tokens[i], true, &piece);
        if (err != SIL_OK) break;
        /* A token that stands for nothing of the text begins or ends it (BOS). */
        if (!str_starts((struct str){text.p + at, text.n - at}, buf_view(&piece))) continue;
        bool asked = piece.n > 0;
        for (size_t k = 0; k < piece.n; k++) asked = asked && origin[at + k] == TEMPLATE_DATA;
        if (asked) tokens[i] |= DATA_ASKED;
        at += piece.n;
    }
    buf_free(&piece);
    if (err == SIL_NOMEM) return err_nomem(e, "a token's text", PIECE_MAX);
    if (err == SIL_OK && at == text.n) return SIL_OK;
    return err_set(e, SIL_ARG,
                   "drop_tokens and split_tokens need a tokenizer whose tokens spell the text; here they stop at byte "
                   "%zu of %zu",
                   at, text.n);
}

/* ---- a reading ---- */

static bool draw(struct rng *r, double chance) {
    return (double)rng_f32(r) < chance;
}

/* One token as it is or in parts, the left part before the right one; *room: how many more tokens there may be. */
static uint32_t put_parts(const struct noise *x, const struct parts *p, struct rng *r, uint32_t token, uint32_t *room,
                          uint32_t *out) {
    uint32_t wait[DEEP] = {token}, waiting = 1, n = 0;
    while (waiting) {
        uint32_t t = wait[--waiting], flags = t & ~DATA_ID;
        const uint32_t *of = p->of + (size_t)2 * (t & DATA_ID);
        if (of[0] == WHOLE || !*room || waiting + 2 > DEEP || !draw(r, x->split)) {
            out[n++] = t;
            continue;
        }
        --*room;
        wait[waiting++] = of[1] | flags;
        wait[waiting++] = of[0] | flags;
    }
    return n;
}

uint32_t noise_apply(const struct noise *x, const struct parts *p, struct rng *r, const uint32_t *in, uint32_t n,
                     uint32_t n_max, uint32_t *out) {
    uint32_t k = 0, room = n_max - n;
    for (uint32_t i = 0; i < n; i++) {
        bool asked = i > 0 && in[i] & DATA_ASKED;
        if (asked && x->drop > 0 && draw(r, x->drop)) continue;
        if (asked && p && x->split > 0) k += put_parts(x, p, r, in[i], &room, out + k);
        else out[k++] = in[i];
    }
    return k;
}
