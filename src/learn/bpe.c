/* Counting words, and the characters that become tokens. */
#include "learn/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "learn/bpe_impl.h"
#include "text/strtab.h"

enum { SLOTS_FIRST = 1 << 16, GROW_FIRST = 1024 };

sil_err bpe_grow(struct mem mem, void *array, size_t need, size_t *cap, size_t size, struct sil_error *e) {
    void *old, *p;
    if (need <= *cap) return SIL_OK;
    size_t n = *cap ? *cap : GROW_FIRST;
    while (n < need) n *= 2;
    memcpy(&old, array, sizeof old);
    p = n > SIZE_MAX / size ? NULL : mem.resize(mem.ctx, old, n * size);
    if (!p) return err_nomem(e, "the words of the texts", n);
    memcpy(array, &p, sizeof p);
    *cap = n;
    return SIL_OK;
}

sil_err bpe_new(struct mem mem, struct bpe **out, struct sil_error *e) {
    struct bpe *b = mem_array(mem, 1, sizeof *b);
    if (!b) return err_nomem(e, "training a tokenizer", sizeof *b);
    b->mem = mem;
    norm_scratch_init(&b->norm, mem);
    b->chars = mem_array(mem, BPE_CODE_POINTS, sizeof *b->chars);
    b->slots = mem_array(mem, SLOTS_FIRST, sizeof *b->slots);
    b->n_slots = SLOTS_FIRST;
    uchar_init(&b->uchar);
    if (!b->chars || !b->slots) {
        bpe_free(b);
        return err_nomem(e, "training a tokenizer", BPE_CODE_POINTS * sizeof(uint64_t));
    }
    *out = b;
    return SIL_OK;
}

void bpe_free(struct bpe *b) {
    if (!b) return;
    struct mem m = b->mem;
    norm_scratch_free(&b->norm);
    for (size_t i = 0; i < b->n_pairs; i++) mem_free(m, b->pairs[i].where);
    void *all[] = {b->bytes,   b->words, b->slots,      b->chars, b->text,    b->tokens, b->char_token,
                   b->symbols, b->pairs, b->pair_slots, b->heap,  b->touched, b->scores, b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(m, all[i]);
}

static sil_err rehash(struct bpe *b, struct sil_error *e) {
    size_t n = b->n_slots * 2;
    uint32_t *slots = mem_array(b->mem, n, sizeof *slots);
    if (!slots) return err_nomem(e, "the words of the texts", n);
    for (size_t i = 0; i < b->n_words; i++) {
        const struct bpe_word *w = &b->words[i];
        size_t k = strtab_hash(b->bytes + w->at, w->n) & (n - 1);
        while (slots[k]) k = (k + 1) & (n - 1);
        slots[k] = (uint32_t)i + 1;
    }
    mem_free(b->mem, b->slots);
    b->slots = slots;
    b->n_slots = n;
    return SIL_OK;
}

static sil_err count_word(struct bpe *b, const char *p, size_t n, struct sil_error *e) {
    size_t k = strtab_hash(p, n) & (b->n_slots - 1);
    for (; b->slots[k]; k = (k + 1) & (b->n_slots - 1)) {
        struct bpe_word *w = &b->words[b->slots[k] - 1];
        if (w->n != n || memcmp(b->bytes + w->at, p, n) != 0) continue;
        w->count++;
        return SIL_OK;
    }
    if (b->n_words >= BPE_WORDS_MAX || n > UINT32_MAX / 2)
        return err_set(e, SIL_LIMIT, "the texts have more than %d words that differ", BPE_WORDS_MAX);
    SIL_TRY(bpe_grow(b->mem, &b->bytes, b->n_bytes + n, &b->cap_bytes, 1, e));
    SIL_TRY(bpe_grow(b->mem, &b->words, b->n_words + 1, &b->cap_words, sizeof *b->words, e));
    memcpy(b->bytes + b->n_bytes, p, n);
    b->words[b->n_words] = (struct bpe_word){.at = b->n_bytes, .n = (uint32_t)n, .count = 1};
    b->n_bytes += n;
    b->slots[k] = (uint32_t)++b->n_words;
    return b->n_words * 2 > b->n_slots ? rehash(b, e) : SIL_OK;
}

sil_err bpe_add(struct bpe *b, struct str text, struct sil_error *e) {
    static const struct norm_step nfc = {.kind = NORM_NFC};
    struct str s;
    size_t bad;
    uint32_t cp;
    if (!utf8_valid(text.p, text.n, &bad)) return err_set(e, SIL_FORMAT, "not UTF-8 at byte %zu", bad);
    if (text.n == 0) return SIL_OK;
    SIL_TRY(norm_apply(&nfc, 1, &b->uchar, &b->norm, NULL, text, true, &s, e));
    for (size_t i = 0, n; i < s.n; i += n) {
        n = split_scan(SPLIT_QWEN2, &b->uchar, s.p + i, s.n - i);
        SIL_TRY(count_word(b, s.p + i, n, e));
    }
    for (size_t i = 0, n; i < s.n; i += n) {
        n = utf8_decode(s.p + i, s.n - i, &cp);
        b->chars[cp]++;
        b->text_chars++;
    }
    b->text_bytes += s.n;
    return SIL_OK;
}

/* ---- tokens of bytes and characters ---- */

sil_err bpe_put_token(struct bpe *b, const char *p, size_t n, uint32_t left, uint32_t right, uint32_t *id,
                      struct sil_error *e) {
    SIL_TRY(bpe_grow(b->mem, &b->text, b->n_text + n, &b->cap_text, 1, e));
    SIL_TRY(bpe_grow(b->mem, &b->tokens, b->n_tokens + 1, &b->cap_tokens, sizeof *b->tokens, e));
    memcpy(b->text + b->n_text, p, n);
    b->tokens[b->n_tokens] = (struct bpe_token){b->n_text, (uint32_t)n, left, right};
    b->n_text += n;
    *id = (uint32_t)b->n_tokens++;
    return SIL_OK;
}

static bool visible(unsigned c) {
    return (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;
}

sil_err bpe_put_bytes(struct bpe *b, uint32_t id_of[256], struct sil_error *e) {
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned c = 0; c < 256; c++) {
            char byte = (char)c;
            if (visible(c) == (pass == 0)) SIL_TRY(bpe_put_token(b, &byte, 1, BPE_NONE, BPE_NONE, &id_of[c], e));
        }
    }
    return SIL_OK;
}

/* The token of n bytes among those from 256 on, all of which are characters or their beginnings. */
static uint32_t find_token(const struct bpe *b, const char *p, size_t n) {
    for (size_t i = 256; i < b->n_tokens; i++)
        if (b->tokens[i].n == n && memcmp(b->text + b->tokens[i].at, p, n) == 0) return (uint32_t)i;
    return BPE_NONE;
}

/* Byte by byte; stops at the limit. */
static sil_err put_char(struct bpe *b, uint32_t cp, const uint32_t id_of[256], uint32_t limit, struct sil_error *e) {
    char p[4];
    size_t n = utf8_encode(cp, p);
    uint32_t left = id_of[(unsigned char)p[0]], id = left;
    for (size_t k = 2; k <= n; k++) {
        id = find_token(b, p, k);
        if (id == BPE_NONE) {
            if (b->n_tokens >= limit) return SIL_OK;
            SIL_TRY(bpe_put_token(b, p, k, left, id_of[(unsigned char)p[k - 1]], &id, e));
        }
        left = id;
    }
    b->char_token[cp] = id;
    b->n_own += n > 1;
    return SIL_OK;
}

struct counted {
    uint64_t count;
    uint32_t cp;
};

/* More frequent first, then the lower code point. */
static int by_count(const void *x, const void *y) {
    const struct counted *a = x, *b = y;
    if (a->count != b->count) return a->count < b->count ? 1 : -1;
    return a->cp < b->cp ? -1 : a->cp > b->cp;
}

sil_err bpe_frequent(const struct bpe *b, const struct bpe_options *o, uint32_t **out, size_t *n_out,
                     struct sil_error *e) {
    size_t n = 0, k = 0;
    uint64_t seen = 0;
    for (uint32_t c = 0; c < BPE_CODE_POINTS; c++) n += c >= 128 && b->chars[c];
    struct counted *list = mem_array(b->mem, n + 1, sizeof *list);
    *out = mem_array(b->mem, n + 1, sizeof **out);
    if (!list || !*out) {
        mem_free(b->mem, list);
        mem_free(b->mem, *out);
        return err_nomem(e, "the characters", n);
    }
    for (uint32_t c = 0; c < 128; c++) seen += b->chars[c];
    for (uint32_t c = 128; c < BPE_CODE_POINTS; c++)
        if (b->chars[c]) list[k++] = (struct counted){b->chars[c], c};
    qsort(list, n, sizeof *list, by_count);
    for (k = 0; k < n; k++) {
        if ((double)seen >= o->coverage * (double)b->text_chars || list[k].count < o->min_count) break;
        (*out)[k] = list[k].cp;
        seen += list[k].count;
    }
    *n_out = k;
    mem_free(b->mem, list);
    return SIL_OK;
}

static sil_err put_characters(struct bpe *b, uint32_t limit, const struct bpe_options *o, struct sil_error *e) {
    uint32_t id_of[256], *list;
    size_t n;
    b->char_token = mem_array(b->mem, BPE_CODE_POINTS, sizeof *b->char_token);
    if (!b->char_token) return err_nomem(e, "the characters", BPE_CODE_POINTS);
    SIL_TRY(bpe_put_bytes(b, id_of, e));
    for (uint32_t c = 0; c < BPE_CODE_POINTS; c++) b->char_token[c] = c < 128 ? id_of[c] : BPE_NONE;
    SIL_TRY(bpe_frequent(b, o, &list, &n, e));
    sil_err err = SIL_OK;
    for (size_t i = 0; err == SIL_OK && i < n && b->n_tokens < limit; i++) err = put_char(b, list[i], id_of, limit, e);
    mem_free(b->mem, list);
    return err;
}

sil_err bpe_check(const struct bpe *b, const struct bpe_options *o, struct sil_error *e) {
    if (o->vocab < 256 + o->n_specials + 1 || o->vocab > BPE_VOCAB_MAX)
        return err_set(e, SIL_ARG,
                       "a vocabulary of %u tokens; it must hold 256 bytes and %u special tokens, and at most %d",
                       o->vocab, o->n_specials, BPE_VOCAB_MAX);
    return b->n_words ? SIL_OK : err_set(e, SIL_ARG, "there is no text to learn from");
}

sil_err bpe_finish(const struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                   struct sil_error *e) {
    if (bpe_json(b, o, out) != SIL_OK) return err_nomem(e, "tokenizer.json", out->n);
    *report = (struct bpe_report){.n_bytes = b->text_bytes,
                                  .n_chars = b->text_chars,
                                  .n_words = b->n_words,
                                  .n_tokens = (uint32_t)b->n_tokens + o->n_specials,
                                  .n_own_chars = b->n_own,
                                  .n_pieces = b->n_pieces};
    return SIL_OK;
}

sil_err bpe_train(struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                  struct sil_error *e) {
    uint32_t limit = o->vocab - o->n_specials;
    SIL_TRY(bpe_check(b, o, e));
    SIL_TRY(put_characters(b, limit, o, e));
    SIL_TRY(bpe_merges(b, limit, o, e));
    return bpe_finish(b, o, out, report, e);
}
