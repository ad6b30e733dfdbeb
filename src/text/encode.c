#include "text/encode.h"

#include <assert.h>

#include "base/err.h"
#include "text/split_regex.h"
#include "text/tok_impl.h"

enum { CACHE_SLOTS = 32768, CACHE_KEY = 30, CACHE_IDS = 8, CACHE_TEXT_MIN = 32 * 1024 };

/* One cache line: a word seen before, and its ids. */
struct cache_line {
    uint8_t key_n, ids_n; /* key_n 0: free */
    char key[CACHE_KEY];
    uint32_t ids[CACHE_IDS];
};

struct tok_scratch {
    const struct tokenizer *t;
    const uint8_t *origin; /* of each byte of the text that is being encoded, or NULL */
    struct mem mem;
    struct merge_scratch merge;
    struct viterbi_scratch viterbi;
    struct norm_scratch norm, pre_norm;
    struct split_matcher matcher;
    struct split_list lists[2];
    struct cache_line *cache;
    void *cache_block;
};

sil_err tok_scratch_new(const struct tokenizer *t, struct mem mem, bool with_cache, struct tok_scratch **out,
                        struct sil_error *e) {
    *out = NULL;
    struct tok_scratch *s = mem_array(mem, 1, sizeof(*s));
    if (!s) return err_nomem(e, "encoding", sizeof(*s));
    s->t = t;
    s->mem = mem;
    s->merge.mem = s->viterbi.mem = mem;
    s->matcher.mem = mem;
    s->lists[0].mem = s->lists[1].mem = mem;
    norm_scratch_init(&s->norm, mem);
    norm_scratch_init(&s->pre_norm, mem);
    if (with_cache) {
        s->cache_block = mem_array(mem, CACHE_SLOTS + 1, sizeof(struct cache_line));
        if (!s->cache_block) {
            tok_scratch_free(s);
            return err_nomem(e, "encoding", (CACHE_SLOTS + 1) * sizeof(struct cache_line));
        }
        s->cache = (struct cache_line *)(((uintptr_t)s->cache_block + 63) & ~(uintptr_t)63);
    }
    *out = s;
    return SIL_OK;
}

void tok_scratch_free(struct tok_scratch *s) {
    if (!s) return;
    merge_scratch_free(&s->merge);
    viterbi_scratch_free(&s->viterbi);
    norm_scratch_free(&s->norm);
    norm_scratch_free(&s->pre_norm);
    split_matcher_free(&s->matcher);
    split_list_free(&s->lists[0]);
    split_list_free(&s->lists[1]);
    mem_free(s->mem, s->cache_block);
    mem_free(s->mem, s);
}

static sil_err ids_reserve(struct tok_ids *ids, size_t n) {
    if (n > ids->max || ids->n > ids->max - n) return SIL_LIMIT;
    size_t need = ids->n + n;
    if (need <= ids->cap) return SIL_OK;
    size_t cap = ids->cap < SIZE_MAX / 16 && ids->cap * 2 > need ? ids->cap * 2 : need + 16;
    if (cap > ids->max) cap = ids->max;
    if (cap > SIZE_MAX / sizeof(uint32_t)) return SIL_LIMIT;
    uint32_t *p = ids->mem.resize(ids->mem.ctx, ids->p, cap * sizeof(uint32_t));
    if (!p) return SIL_NOMEM;
    ids->p = p;
    ids->cap = cap;
    return SIL_OK;
}

static sil_err ids_put(struct tok_ids *ids, const uint32_t *p, size_t n) {
    if (ids->cap - ids->n < n || n > ids->max - ids->n) SIL_TRY(ids_reserve(ids, n));
    if (n) memcpy(ids->p + ids->n, p, n * sizeof(uint32_t));
    ids->n += n;
    return SIL_OK;
}

/* The word as symbols in scratch. */
static size_t byte_symbols(const struct tokenizer *t, uint32_t *sym, const char *p, size_t n) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = t->byte_id[(uint8_t)p[i]];
        if (id == TOK_NONE && t->unk >= 0 && !(t->fuse_unk && k && sym[k - 1] == (uint32_t)t->unk))
            id = (uint32_t)t->unk;
        if (id != TOK_NONE) sym[k++] = id;
    }
    return k;
}

/* A character that is no token: its bytes, or the unknown token. */
static size_t fallback(const struct tokenizer *t, uint32_t *sym, size_t k, const char *p, size_t len) {
    size_t have = 0;
    while (t->byte_fallback && have < len && t->byte_id[(uint8_t)p[have]] != TOK_NONE) have++;
    if (have == len) {
        for (size_t i = 0; i < len; i++) sym[k++] = t->byte_id[(uint8_t)p[i]];
    } else if (t->unk >= 0 && !(t->fuse_unk && k && sym[k - 1] == (uint32_t)t->unk)) {
        sym[k++] = (uint32_t)t->unk;
    }
    return k;
}

static size_t char_symbols(const struct tokenizer *t, uint32_t *sym, const char *p, size_t n) {
    size_t k = 0;
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t cp, id;
        len = uchar_next(p + i, &cp);
        if (cp < 65536) {
            id = t->char_id[cp];
        } else {
            int32_t found = strtab_find(&t->by_key, p + i, len);
            id = found < 0 ? TOK_NONE : (uint32_t)found;
            for (uint32_t j = 0; found < 0 && j < t->n_pseudo; j++)
                if (t->pseudo[j] == cp) id = t->n_tokens + j;
        }
        if (id != TOK_NONE) sym[k++] = id;
        else k = fallback(t, sym, k, p + i, len);
    }
    return k;
}

/* Pseudo symbols that found no partner become bytes after all. Rare, so in a second buffer: the merge array. */
static size_t expand_pseudo(const struct tokenizer *t, struct merge_scratch *m, size_t k) {
    size_t i = 0, out = 0;
    while (i < k && m->sym[i] < t->n_tokens) i++;
    if (i == k) return k;
    uint32_t *to = m->merge;
    for (i = 0; i < k; i++) {
        if (m->sym[i] < t->n_tokens) {
            to[out++] = m->sym[i];
            continue;
        }
        char u[4];
        size_t len = 0;
        uint32_t cp = t->pseudo[m->sym[i] - t->n_tokens];
        if (cp < 0x80) u[len++] = (char)cp;
        else if (cp < 0x800) u[len++] = (char)(0xc0 | cp >> 6);
        else if (cp < 0x10000) u[len++] = (char)(0xe0 | cp >> 12);
        else u[len++] = (char)(0xf0 | cp >> 18), u[len++] = (char)(0x80 | (cp >> 12 & 63));
        if (cp >= 0x800) u[len++] = (char)(0x80 | (cp >> 6 & 63));
        if (cp >= 0x80) u[len++] = (char)(0x80 | (cp & 63));
        out = fallback(t, to, out, u, len);
    }
    memcpy(m->sym, to, out * sizeof(uint32_t));
    return out;
}

/* The best segmentation as symbols in scratch. */
static sil_err segment_word(struct tok_scratch *s, const char *p, size_t n, size_t *count) {
    const struct tokenizer *t = s->t;
    uint32_t *sym = s->merge.sym;
    size_t k = 0;
    SIL_TRY(viterbi_run(&t->viterbi, &s->viterbi, p, n, !t->byte_level));
    for (size_t i = 0, end; i < n; i = end) {
        end = s->viterbi.next[i];
        uint32_t id = s->viterbi.last[end];
        if (id != VITERBI_NONE) sym[k++] = id;
        else k = fallback(t, sym, k, p + i, end - i);
    }
    *count = k;
    return SIL_OK;
}

/* The ids of one word by merging (or as the best segmentation), left in s->merge.sym. */
static sil_err merge_word(struct tok_scratch *s, const char *p, size_t n, size_t *count) {
    const struct tokenizer *t = s->t;
    SIL_TRY(merge_reserve(&s->merge, n));
    if (t->kind == TOK_UNIGRAM) return segment_word(s, p, n, count);
    uint32_t *sym = s->merge.sym;
    size_t k = t->byte_level ? byte_symbols(t, sym, p, n) : char_symbols(t, sym, p, n);
    k = merge_run(&t->merges, &s->merge, k);
    *count = t->n_pseudo ? expand_pseudo(t, &s->merge, k) : k;
    return SIL_OK;
}

/* Is a word that equals token id always that token? */
static sil_err is_direct(struct tok_scratch *s, uint32_t id, const char *p, size_t n, bool *yes) {
    uint8_t *state = &s->t->direct[id], known = __atomic_load_n(state, __ATOMIC_RELAXED);
    if (known == 0) {
        size_t k;
        SIL_TRY(merge_word(s, p, n, &k));
        known = k == 1 && s->merge.sym[0] == id ? 1 : 2;
        __atomic_store_n(state, known, __ATOMIC_RELAXED);
    }
    *yes = known == 1;
    return SIL_OK;
}

/* Appends the ids of a word; piece_at is where its piece began in ids, for unknown tokens that fuse. */
static sil_err put_word(struct tok_scratch *s, struct tok_ids *ids, size_t piece_at, const uint32_t *p, size_t n) {
    const struct tokenizer *t = s->t;
    if (n && t->fuse_unk && p[0] == (uint32_t)t->unk && ids->n > piece_at && ids->p[ids->n - 1] == p[0]) p++, n--;
    return ids_put(ids, p, n);
}

static sil_err encode_word(struct tok_scratch *s, const char *p, size_t n, struct tok_ids *ids, size_t piece_at) {
    const struct tokenizer *t = s->t;
    uint64_t hash = strtab_hash(p, n);
    struct cache_line *line = s->cache && n <= CACHE_KEY ? &s->cache[hash % CACHE_SLOTS] : NULL;
    if (line && line->key_n == n && memcmp(line->key, p, n) == 0)
        return put_word(s, ids, piece_at, line->ids, line->ids_n);
    int32_t whole = strtab_get(&t->by_key, p, n, hash);
    bool direct = false;
    uint32_t one;
    const uint32_t *out = &one;
    size_t k = 1;
    if (whole >= 0 && t->ignore_merges) direct = t->type[whole] != TOK_CONTROL;
    else if (whole >= 0) SIL_TRY(is_direct(s, (uint32_t)whole, p, n, &direct));
    if (direct) {
        one = (uint32_t)whole;
    } else {
        SIL_TRY(merge_word(s, p, n, &k));
        out = s->merge.sym;
    }
    if (line && k <= CACHE_IDS) {
        line->key_n = (uint8_t)n;
        line->ids_n = (uint8_t)k;
        memcpy(line->key, p, n);
        memcpy(line->ids, out, k * sizeof(uint32_t));
    }
    return put_word(s, ids, piece_at, out, k);
}

/* A piece of the pre-splitter. Character pieces (often a whole text) are cut where no token has such a pair of
 * characters: no merge can cross, so the words are independent, and the cache gets to see words. */
static sil_err encode_piece(struct tok_scratch *s, const char *p, size_t n, struct tok_ids *ids) {
    const struct tokenizer *t = s->t;
    size_t piece_at = ids->n;
    if (!t->cut) return encode_word(s, p, n, ids, piece_at);
    uint32_t last, cp;
    size_t start = 0, i = uchar_next(p, &last);
    for (size_t len; i < n; i += len, last = cp) {
        len = uchar_next(p + i, &cp);
        if (tok_bigram_in(t, last, cp)) continue;
        SIL_TRY(encode_word(s, p + start, i - start, ids, piece_at));
        start = i;
    }
    return encode_word(s, p + start, n - start, ids, piece_at);
}

/* A text without added tokens, normalised. */
static sil_err encode_plain(struct tok_scratch *s, struct str text, struct tok_ids *ids, struct sil_error *e) {
    const struct tokenizer *t = s->t;
    if (t->n_split == 1 && t->split[0].kind < SPLIT_SCANNERS) {
        for (size_t i = 0, n; i < text.n; i += n) {
            n = split_scan(t->split[0].kind, &t->uchar, text.p + i, text.n - i);
            SIL_TRY(encode_piece(s, text.p + i, n, ids));
        }
        return SIL_OK;
    }
    struct split_list *from = &s->lists[0], *to = &s->lists[1];
    from->n = 0;
    SIL_TRY(split_list_put(from, 0, text.n));
    for (size_t k = 0; k < t->n_split; k++) {
        to->n = 0;
        for (size_t i = 0; i < from->n; i++)
            SIL_TRY(split_apply(&t->split[k], &t->uchar, &s->matcher, text.p, from->p[i], to, e));
        struct split_list *swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < from->n; i++) SIL_TRY(encode_piece(s, text.p + from->p[i].at, from->p[i].n, ids));
    return SIL_OK;
}

/* The stretches between the added tokens of one set, and these tokens. level 0: tokens looked for in the text as it
 * came; level 1: in the normalised text. (Calls itself once, for level 1.) */
static sil_err encode_level(struct tok_scratch *s, struct str text, int level, bool first, unsigned flags,
                            struct tok_ids *ids, struct sil_error *e);

static sil_err encode_stretch(struct tok_scratch *s, struct str text, int level, bool first, unsigned flags,
                              struct tok_ids *ids, struct sil_error *e) {
    const struct tokenizer *t = s->t;
    struct str out;
    if (level == 0) {
        SIL_TRY(norm_apply(t->norm, t->n_norm, &t->uchar, &s->norm, &s->matcher, text, first, &out, e));
        return encode_level(s, out, 1, first, flags, ids, e);
    }
    SIL_TRY(norm_apply(t->pre_norm, t->n_pre_norm, &t->uchar, &s->pre_norm, &s->matcher, text, first, &out, e));
    return out.n ? encode_plain(s, out, ids, e) : SIL_OK;
}

static sil_err encode_level(struct tok_scratch *s, struct str text, int level, bool first, unsigned flags,
                            struct tok_ids *ids, struct sil_error *e) {
    const struct tokenizer *t = s->t;
    const struct added *a = level == 0 ? &t->added : &t->added_norm;
    struct added_match m;
    size_t done = 0;
    /* Behind a normaliser a byte's origin is not known any more. */
    bool control = (flags & TOK_PARSE_SPECIAL) && !(level == 1 && s->origin);
    const uint8_t *origin = level == 0 ? s->origin : NULL;
    while (done < text.n && added_find(a, &t->uchar, text, done, control, origin, &m)) {
        struct str gap = {text.p + done, m.at - done};
        if (gap.n) SIL_TRY(encode_stretch(s, gap, level, first && done == 0, flags, ids, e));
        SIL_TRY(ids_put(ids, &m.id, 1));
        done = m.end;
    }
    struct str rest = {text.p + done, text.n - done};
    return rest.n ? encode_stretch(s, rest, level, first && done == 0, flags, ids, e) : SIL_OK;
}

static sil_err fail(sil_err err, size_t start, struct tok_ids *ids, struct sil_error *e) {
    ids->n = start;
    if (e && e->code != SIL_OK) return err;
    if (err == SIL_LIMIT) return err_set(e, err, "the text has more than %zu tokens", ids->max - start);
    return err_set(e, err, "no memory for encoding a text");
}

static sil_err encode(struct tok_scratch *s, struct str text, unsigned flags, struct tok_ids *ids,
                      struct sil_error *e) {
    const struct tokenizer *t = s->t;
    size_t bad, start = ids->n;
    if (text.n > TOK_TEXT_MAX)
        return err_set(e, SIL_LIMIT, "a text of %zu bytes; at most %d are encoded at once", text.n, TOK_TEXT_MAX);
    if (!uchar_valid(text.p, text.n, &bad))
        return err_set(e, SIL_FORMAT, "the text is not valid UTF-8 at byte %zu", bad);
    struct sil_error local = {0};
    if (!e) e = &local;
    e->code = SIL_OK;
    sil_err err = SIL_OK;
    if (flags & TOK_ADD_SPECIAL) err = ids_put(ids, t->before, t->n_before);
    if (err == SIL_OK && text.n) err = encode_level(s, text, 0, true, flags, ids, e);
    if (err == SIL_OK && (flags & TOK_ADD_SPECIAL)) err = ids_put(ids, t->behind, t->n_behind);
    return err == SIL_OK ? SIL_OK : fail(err, start, ids, e);
}

sil_err tok_encode_with(struct tok_scratch *s, struct str text, unsigned flags, struct tok_ids *ids,
                        struct sil_error *e) {
    return encode(s, text, flags, ids, e);
}

static sil_err encode_once(const struct tokenizer *t, struct str text, const uint8_t *origin, unsigned flags,
                           struct tok_ids *ids, struct sil_error *e) {
    struct tok_scratch *s = NULL;
    sil_err err = tok_scratch_new(t, ids->mem, text.n >= CACHE_TEXT_MIN, &s, e);
    if (err != SIL_OK || !s) return err;
    s->origin = origin;
    err = encode(s, text, flags, ids, e);
    tok_scratch_free(s);
    return err;
}

sil_err tok_encode(const struct tokenizer *t, struct str text, unsigned flags, struct tok_ids *ids,
                   struct sil_error *e) {
    return encode_once(t, text, NULL, flags, ids, e);
}

sil_err tok_encode_marked(const struct tokenizer *t, struct str text, const uint8_t *origin, unsigned flags,
                          struct tok_ids *ids, struct sil_error *e) {
    return encode_once(t, text, origin, flags | (unsigned)TOK_PARSE_SPECIAL, ids, e);
}
