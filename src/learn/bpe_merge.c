/* Merging the most frequent pair until the vocabulary is full. A pair knows the words that have it; a heap gives the
 * best pair, where entries of old counts are put right when they come up. */
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "learn/bpe_impl.h"

enum { PAIR_SLOTS_FIRST = 1 << 16 };

static bool better(const struct bpe *b, const struct bpe_entry *x, const struct bpe_entry *y) {
    const struct bpe_pair *p = &b->pairs[x->pair], *q = &b->pairs[y->pair];
    if (x->count != y->count) return x->count > y->count;
    return p->left != q->left ? p->left < q->left : p->right < q->right;
}

static sil_err heap_put(struct bpe *b, uint32_t pair, struct sil_error *e) {
    SIL_TRY(bpe_grow(b->mem, &b->heap, b->n_heap + 1, &b->cap_heap, sizeof *b->heap, e));
    struct bpe_entry x = {b->pairs[pair].count, pair};
    size_t i = b->n_heap++;
    for (; i > 0 && better(b, &x, &b->heap[(i - 1) / 2]); i = (i - 1) / 2) b->heap[i] = b->heap[(i - 1) / 2];
    b->heap[i] = x;
    return SIL_OK;
}

static struct bpe_entry heap_take(struct bpe *b) {
    struct bpe_entry top = b->heap[0], x = b->heap[--b->n_heap];
    size_t i = 0;
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= b->n_heap) break;
        if (k + 1 < b->n_heap && better(b, &b->heap[k + 1], &b->heap[k])) k++;
        if (!better(b, &b->heap[k], &x)) break;
        b->heap[i] = b->heap[k];
        i = k;
    }
    if (b->n_heap) b->heap[i] = x;
    return top;
}

static size_t slot_of(uint32_t left, uint32_t right, size_t n) {
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
    return (size_t)(h ^ h >> 29) & (n - 1);
}

static sil_err pair_rehash(struct bpe *b, struct sil_error *e) {
    size_t n = b->n_pair_slots ? b->n_pair_slots * 2 : PAIR_SLOTS_FIRST;
    uint32_t *slots = mem_array(b->mem, n, sizeof *slots);
    if (!slots) return err_nomem(e, "the pairs of symbols", n);
    for (size_t i = 0; i < b->n_pairs; i++) {
        size_t k = slot_of(b->pairs[i].left, b->pairs[i].right, n);
        while (slots[k]) k = (k + 1) & (n - 1);
        slots[k] = (uint32_t)i + 1;
    }
    mem_free(b->mem, b->pair_slots);
    b->pair_slots = slots;
    b->n_pair_slots = n;
    return SIL_OK;
}

/* The pair, made if it is new. */
static sil_err pair_of(struct bpe *b, uint32_t left, uint32_t right, uint32_t *out, struct sil_error *e) {
    if ((b->n_pairs + 1) * 2 > b->n_pair_slots) SIL_TRY(pair_rehash(b, e));
    size_t k = slot_of(left, right, b->n_pair_slots);
    for (; b->pair_slots[k]; k = (k + 1) & (b->n_pair_slots - 1)) {
        *out = b->pair_slots[k] - 1;
        if (b->pairs[*out].left == left && b->pairs[*out].right == right) return SIL_OK;
    }
    if (b->n_pairs >= UINT32_MAX - 1) return err_set(e, SIL_LIMIT, "too many pairs of symbols");
    SIL_TRY(bpe_grow(b->mem, &b->pairs, b->n_pairs + 1, &b->cap_pairs, sizeof *b->pairs, e));
    *out = (uint32_t)b->n_pairs++;
    b->pairs[*out] = (struct bpe_pair){.left = left, .right = right};
    b->pair_slots[k] = *out + 1;
    return SIL_OK;
}

static sil_err add_where(struct bpe *b, uint32_t pair, uint32_t word, struct sil_error *e) {
    struct bpe_pair *p = &b->pairs[pair];
    size_t cap = p->cap_where;
    if (p->n_where && p->where[p->n_where - 1] == word) return SIL_OK;
    if (p->n_where == p->cap_where) {
        cap = cap ? cap * 2 : 4;
        uint32_t *w = cap > UINT32_MAX / 8 ? NULL : b->mem.resize(b->mem.ctx, p->where, cap * sizeof *w);
        if (!w) return err_nomem(e, "the pairs of symbols", cap);
        p->where = w;
        p->cap_where = (uint32_t)cap;
    }
    p->where[p->n_where++] = word;
    return SIL_OK;
}

/* Adds sign times the word's count to all of its pairs. Those that hold `fresh` (BPE_NONE: all) get to know the word.
 */
static sil_err count_pairs(struct bpe *b, uint32_t word, int sign, uint32_t fresh, uint32_t stamp,
                           struct sil_error *e) {
    const struct bpe_word *w = &b->words[word];
    const uint32_t *s = b->symbols + w->sym;
    for (uint32_t i = 0; i + 1 < w->n; i++) {
        uint32_t pair = 0;
        if (s[i] == BPE_NONE || s[i + 1] == BPE_NONE) continue;
        SIL_TRY(pair_of(b, s[i], s[i + 1], &pair, e));
        b->pairs[pair].count += sign * (int64_t)w->count;
        if (sign < 0 || (fresh != BPE_NONE && s[i] != fresh && s[i + 1] != fresh)) continue;
        SIL_TRY(add_where(b, pair, word, e));
        if (b->pairs[pair].stamp == stamp) continue;
        b->pairs[pair].stamp = stamp;
        SIL_TRY(bpe_grow(b->mem, &b->touched, b->n_touched + 1, &b->cap_touched, sizeof *b->touched, e));
        b->touched[b->n_touched++] = pair;
    }
    return SIL_OK;
}

/* Words become symbols: characters with a token, and gaps for the bytes of others. */
static sil_err make_symbols(struct bpe *b, struct sil_error *e) {
    b->symbols = mem_array(b->mem, b->n_bytes + 1, sizeof *b->symbols);
    if (!b->symbols) return err_nomem(e, "the words' symbols", b->n_bytes);
    for (size_t i = 0; i < b->n_words; i++) {
        struct bpe_word *w = &b->words[i];
        uint32_t count = 0, cp;
        w->sym = b->n_symbols;
        for (size_t k = 0, n; k < w->n; k += n) {
            n = utf8_decode(b->bytes + w->at + k, w->n - k, &cp);
            uint32_t id = b->char_token[cp];
            for (size_t g = 0; g < (id == BPE_NONE ? n : 1); g++) b->symbols[b->n_symbols + count++] = id;
        }
        w->n = count;
        b->n_symbols += count;
    }
    return SIL_OK;
}

static void replace(struct bpe *b, struct bpe_word *w, const struct bpe_pair *p, uint32_t id) {
    uint32_t *s = b->symbols + w->sym, out = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        bool here = i + 1 < w->n && s[i] == p->left && s[i + 1] == p->right;
        s[out++] = here ? id : s[i];
        i += here;
    }
    w->n = out;
}

/* A pair becomes a token; one whose bytes are a token already becomes that one, which merging then reaches twice. */
static sil_err token_of(struct bpe *b, uint32_t pair, uint32_t *id, struct sil_error *e) {
    const struct bpe_pair *p = &b->pairs[pair];
    const struct bpe_token x = b->tokens[p->left], y = b->tokens[p->right];
    SIL_TRY(bpe_grow(b->mem, &b->text, b->n_text + x.n + y.n, &b->cap_text, 1, e));
    SIL_TRY(bpe_grow(b->mem, &b->tokens, b->n_tokens + 1, &b->cap_tokens, sizeof *b->tokens, e));
    memcpy(b->text + b->n_text, b->text + x.at, x.n);
    memcpy(b->text + b->n_text + x.n, b->text + y.at, y.n);
    b->tokens[b->n_tokens] = (struct bpe_token){b->n_text, x.n + y.n, p->left, p->right};
    b->n_text += (size_t)x.n + y.n;
    *id = (uint32_t)b->n_tokens++;
    return SIL_OK;
}

static bool is_token(const struct bpe *b, const struct bpe_pair *p) {
    const struct bpe_token *x = &b->tokens[p->left], *y = &b->tokens[p->right];
    for (size_t i = 0; i < b->n_tokens; i++) {
        const struct bpe_token *t = &b->tokens[i];
        if (t->n == x->n + y->n && memcmp(b->text + t->at, b->text + x->at, x->n) == 0 &&
            memcmp(b->text + t->at + x->n, b->text + y->at, y->n) == 0)
            return true;
    }
    return false;
}

static sil_err merge(struct bpe *b, uint32_t pair, struct sil_error *e) {
    uint32_t id, stamp = (uint32_t)b->n_tokens;
    SIL_TRY(token_of(b, pair, &id, e));
    struct bpe_pair p = b->pairs[pair]; /* the array may move */
    b->pairs[pair].where = NULL;
    b->pairs[pair].n_where = b->pairs[pair].cap_where = 0;
    b->n_touched = 0;
    sil_err err = SIL_OK;
    for (uint32_t i = 0; err == SIL_OK && i < p.n_where; i++) {
        struct bpe_word *w = &b->words[p.where[i]];
        if (w->stamp == stamp) continue;
        w->stamp = stamp;
        err = count_pairs(b, p.where[i], -1, BPE_NONE, stamp, e);
        replace(b, w, &p, id);
        if (err == SIL_OK) err = count_pairs(b, p.where[i], 1, id, stamp, e);
    }
    mem_free(b->mem, p.where);
    for (size_t i = 0; err == SIL_OK && i < b->n_touched; i++) err = heap_put(b, b->touched[i], e);
    return err;
}

sil_err bpe_merges(struct bpe *b, uint32_t limit, const struct bpe_options *o, struct sil_error *e) {
    SIL_TRY(make_symbols(b, e));
    for (size_t i = 0; i < b->n_words; i++) SIL_TRY(count_pairs(b, (uint32_t)i, 1, BPE_NONE, 1, e));
    for (size_t i = 0; i < b->n_touched; i++) SIL_TRY(heap_put(b, b->touched[i], e));
    while (b->n_tokens < limit && b->n_heap) {
        struct bpe_entry x = heap_take(b);
        struct bpe_pair *p = &b->pairs[x.pair];
        if (x.count != p->count) { /* the count has fallen since */
            if (p->count > 0) SIL_TRY(heap_put(b, x.pair, e));
            continue;
        }
        if (x.count < (int64_t)o->min_count || x.count <= 0) break;
        if (b->tokens[p->left].n + b->tokens[p->right].n > BPE_TOKEN_BYTES || is_token(b, p)) continue;
        SIL_TRY(merge(b, x.pair, e));
    }
    for (size_t i = 0; i < b->n_words; i++) b->n_pieces += b->words[i].n * b->words[i].count;
    return SIL_OK;
}
