#include "text/stop.h"

#include "base/err.h"
#include "base/utf8.h"

enum { HELD_MAX = 1 << 30 };

static sil_err add_word(struct stop *s, struct stop_word *w, struct str text, struct sil_error *e) {
    size_t bad;
    if (text.n == 0) return err_set(e, SIL_ARG, "a stop string is empty");
    if (text.n > STOP_WORD_BYTES_MAX)
        return err_set(e, SIL_LIMIT, "a stop string has %zu bytes; at most %d are possible", text.n,
                       STOP_WORD_BYTES_MAX);
    if (!utf8_valid(text.p, text.n, &bad)) return err_set(e, SIL_ARG, "a stop string is not UTF-8 (at byte %zu)", bad);
    const char *copy = arena_copy(&s->arena, text.p, text.n);
    w->border = ARENA_ARRAY(&s->arena, text.n, uint16_t);
    if (!copy || !w->border) return err_nomem(e, "stop strings", text.n);
    w->text = (struct str){copy, text.n};
    for (size_t i = 1; i < text.n; i++) {
        uint16_t k = w->border[i - 1];
        while (k > 0 && copy[k] != copy[i]) k = w->border[k - 1];
        w->border[i] = (uint16_t)(k + (copy[k] == copy[i]));
    }
    return SIL_OK;
}

sil_err stop_open(struct mem mem, const struct str *words, size_t n, struct stop *s, struct sil_error *e) {
    *s = (struct stop){.n_words = n, .hit = -1};
    arena_init(&s->arena, mem, (size_t)4 << 20);
    buf_init(&s->held, mem, HELD_MAX);
    sil_err err = SIL_OK;
    if (n > STOP_WORDS_MAX) err = err_set(e, SIL_LIMIT, "%zu stop strings; at most %d", n, STOP_WORDS_MAX);
    if (err == SIL_OK && n > 0) {
        s->words = ARENA_ARRAY(&s->arena, n, struct stop_word);
        if (!s->words) err = err_nomem(e, "stop strings", n * sizeof *s->words);
    }
    for (size_t i = 0; i < n && err == SIL_OK; i++) err = add_word(s, &s->words[i], words[i], e);
    if (err != SIL_OK) stop_close(s);
    return err;
}

void stop_close(struct stop *s) {
    buf_free(&s->held);
    arena_free(&s->arena);
    s->words = NULL;
    s->n_words = 0;
}

/* Moves every word on by one byte. True when one is complete; then *longest is its length and s->hit says which. */
static bool advance(struct stop *s, char c, size_t *longest) {
    *longest = 0;
    for (size_t i = 0; i < s->n_words; i++) {
        struct stop_word *w = &s->words[i];
        while (w->at > 0 && w->text.p[w->at] != c) w->at = w->border[w->at - 1];
        w->at += w->text.p[w->at] == c;
        if (w->at < w->text.n) continue;
        w->at = 0; /* nothing comes after a hit */
        if (w->text.n <= *longest) continue;
        *longest = w->text.n;
        s->hit = (int)i;
    }
    return *longest > 0;
}

static void release(struct stop *s, size_t n, size_t drop, struct buf *out) {
    sil_err err = buf_put(out, s->held.p ? s->held.p : "", n); /* reserved before */
    (void)err;
    s->held.n -= n + drop;
    if (!s->held.p) return;
    memmove(s->held.p, s->held.p + n, s->held.n);
    s->held.p[s->held.n] = '\0';
}

sil_err stop_push(struct stop *s, struct str text, struct buf *out) {
    if (s->hit >= 0) return SIL_OK;
    SIL_TRY(buf_reserve(out, s->held.n + text.n));
    size_t before = s->held.n, longest;
    SIL_TRY(buf_put(&s->held, text.p, text.n));
    for (size_t i = before; i < s->held.n; i++) {
        if (!advance(s, s->held.p[i], &longest)) continue;
        s->held.n = i + 1;
        release(s, i + 1 - longest, longest, out);
        return SIL_OK;
    }
    uint32_t keep = 0;
    for (size_t i = 0; i < s->n_words; i++)
        if (s->words[i].at > keep) keep = s->words[i].at;
    release(s, s->held.n - keep, 0, out);
    return SIL_OK;
}

sil_err stop_end(struct stop *s, struct buf *out) {
    SIL_TRY(buf_put(out, s->held.p ? s->held.p : "", s->held.n));
    buf_clear(&s->held);
    for (size_t i = 0; i < s->n_words; i++) s->words[i].at = 0;
    return SIL_OK;
}
