/* Substrings are counted length by length: one of k characters is looked at only where both of its parts of k - 1 are
 * frequent, so that the work is about that of the frequent ones. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "learn/unigram_impl.h"
#include "num/elementary.h"

enum { MAP_FIRST = 1 << 12 };

static size_t map_slot(const struct uni_map *m, uint64_t key) {
    uint64_t h = key * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h ^ h >> 29) & (m->cap - 1);
    while (m->keys[i] != UINT64_MAX && m->keys[i] != key) i = (i + 1) & (m->cap - 1);
    return i;
}

uint32_t uni_map_get(const struct uni_map *m, uint64_t key) {
    size_t i = map_slot(m, key);
    return m->keys[i] == key ? m->values[i] : BPE_NONE;
}

static void map_free(struct mem mem, struct uni_map *m) {
    mem_free(mem, m->keys);
    mem_free(mem, m->values);
    *m = (struct uni_map){0};
}

static sil_err map_room(struct mem mem, struct uni_map *m, struct sil_error *e) {
    if ((m->n + 1) * 2 <= m->cap) return SIL_OK;
    struct uni_map new = {.n = m->n, .cap = m->cap ? m->cap * 2 : MAP_FIRST};
    new.keys = mem_array(mem, new.cap, sizeof *new.keys);
    new.values = mem_array(mem, new.cap, sizeof *new.values);
    if (!new.keys || !new.values) {
        map_free(mem, &new);
        return err_nomem(e, "the substrings of the texts", m->cap);
    }
    memset(new.keys, 0xff, new.cap * sizeof *new.keys);
    for (size_t k = 0; k < m->cap; k++) {
        if (m->keys[k] == UINT64_MAX) continue;
        size_t i = map_slot(&new, m->keys[k]);
        new.keys[i] = m->keys[k];
        new.values[i] = m->values[k];
    }
    map_free(mem, m);
    *m = new;
    return SIL_OK;
}

/* The number under a key; a new key gets `fresh`. */
static sil_err map_put(struct mem mem, struct uni_map *m, uint64_t key, uint32_t fresh, uint32_t *out,
                       struct sil_error *e) {
    SIL_TRY(map_room(mem, m, e));
    size_t i = map_slot(m, key);
    if (m->keys[i] != key) {
        m->keys[i] = key;
        m->values[i] = fresh;
        m->n++;
    }
    *out = m->values[i];
    return SIL_OK;
}

/* ---- words as symbols ---- */

static sil_err put_segment(struct unigram *u, size_t from, uint64_t count, struct sil_error *e) {
    for (size_t at = from; at < u->n_sym; at += UNIGRAM_SEGMENT) {
        size_t n = u->n_sym - at < UNIGRAM_SEGMENT ? u->n_sym - at : UNIGRAM_SEGMENT;
        SIL_TRY(bpe_grow(u->mem, &u->segments, u->n_segments + 1, &u->cap_segments, sizeof *u->segments, e));
        u->segments[u->n_segments++] = (struct uni_segment){at, (uint32_t)n, count};
    }
    return SIL_OK;
}

/* symbol_of: of each code point, or BPE_NONE. */
static sil_err put_words(struct unigram *u, const struct bpe *b, const uint32_t *symbol_of, struct sil_error *e) {
    for (size_t i = 0; i < b->n_words; i++) {
        const struct bpe_word *w = &b->words[i];
        size_t from = u->n_sym;
        SIL_TRY(bpe_grow(u->mem, &u->sym, u->n_sym + w->n, &u->cap_sym, sizeof *u->sym, e));
        for (size_t k = 0, n; k < w->n; k += n) {
            uint32_t cp;
            n = utf8_decode(b->bytes + w->at + k, w->n - k, &cp);
            if (symbol_of[cp] != BPE_NONE) {
                u->sym[u->n_sym++] = symbol_of[cp];
                continue;
            }
            u->gap_bytes += n * w->count;
            SIL_TRY(put_segment(u, from, w->count, e));
            from = u->n_sym;
        }
        SIL_TRY(put_segment(u, from, w->count, e));
    }
    return SIL_OK;
}

static sil_err make_symbols(struct unigram *u, const struct bpe *b, struct sil_error *e) {
    uint32_t *symbol_of = mem_array(u->mem, BPE_CODE_POINTS, sizeof *symbol_of);
    if (!symbol_of) return err_nomem(e, "the characters", BPE_CODE_POINTS);
    memset(symbol_of, 0xff, BPE_CODE_POINTS * sizeof *symbol_of);
    for (uint32_t i = 0; i < u->n_own; i++) symbol_of[u->code_points[i]] = i;
    sil_err err = put_words(u, b, symbol_of, e);
    mem_free(u->mem, symbol_of);
    return err;
}

/* ---- counting substrings ---- */

struct gram {
    uint64_t count;
    size_t at; /* the first place */
    uint32_t n;
    bool covered; /* always goes on with the same character: the longer one serves as well */
};

struct candidate {
    uint64_t count;
    uint32_t gram; /* BPE_NONE: none yet */
};

struct counting {
    struct unigram *u;
    uint32_t *gram_at; /* the frequent substring of the present length at each symbol; BPE_NONE */
    struct gram *grams;
    size_t n_grams, cap_grams;
    struct candidate *candidates;
    size_t n_candidates, cap_candidates;
    struct uni_map map;
};

/* Does one of n symbols begin at i, both parts of which are frequent? */
static bool may_begin(const struct counting *c, size_t i, size_t end, uint32_t n) {
    return i + n <= end && c->gram_at[i] != BPE_NONE && c->gram_at[i + 1] != BPE_NONE;
}

static uint64_t key_at(const struct counting *c, size_t i, uint32_t n) {
    return (uint64_t)c->gram_at[i] << 32 | c->u->sym[i + n - 1];
}

static sil_err count_candidates(struct counting *c, uint32_t n, struct sil_error *e) {
    struct unigram *u = c->u;
    for (size_t s = 0; s < u->n_segments; s++) {
        size_t at = u->segments[s].at, end = at + u->segments[s].n;
        for (size_t i = at; i + n <= end; i++) {
            uint32_t k;
            if (!may_begin(c, i, end, n)) continue;
            SIL_TRY(map_put(u->mem, &c->map, key_at(c, i, n), (uint32_t)c->n_candidates, &k, e));
            if (k == c->n_candidates) {
                SIL_TRY(bpe_grow(u->mem, &c->candidates, c->n_candidates + 1, &c->cap_candidates, sizeof *c->candidates,
                                 e));
                c->candidates[c->n_candidates++] = (struct candidate){0, BPE_NONE};
            }
            c->candidates[k].count += u->segments[s].count;
        }
    }
    return SIL_OK;
}

static sil_err name_gram(struct counting *c, size_t i, uint32_t n, uint32_t *out, struct sil_error *e) {
    struct candidate *x = &c->candidates[uni_map_get(&c->map, key_at(c, i, n))];
    *out = x->gram;
    if (x->gram != BPE_NONE || x->count < c->u->o->min_count) return SIL_OK;
    if (c->n_grams >= BPE_NONE - 1) return err_set(e, SIL_LIMIT, "the texts have too many frequent substrings");
    SIL_TRY(bpe_grow(c->u->mem, &c->grams, c->n_grams + 1, &c->cap_grams, sizeof *c->grams, e));
    struct gram *parent = &c->grams[c->gram_at[i]];
    if (parent->count == x->count) parent->covered = true;
    c->grams[c->n_grams] = (struct gram){.count = x->count, .at = i, .n = n};
    *out = x->gram = (uint32_t)c->n_grams++;
    return SIL_OK;
}

/* The frequent ones get numbers, in the order of their first places. */
static sil_err name_grams(struct counting *c, uint32_t n, struct sil_error *e) {
    const struct unigram *u = c->u;
    for (size_t s = 0; s < u->n_segments; s++) {
        size_t at = u->segments[s].at, end = at + u->segments[s].n;
        for (size_t i = at; i < end; i++) {
            uint32_t gram = BPE_NONE;
            if (may_begin(c, i, end, n)) SIL_TRY(name_gram(c, i, n, &gram, e));
            c->gram_at[i] = gram;
        }
    }
    return SIL_OK;
}

static sil_err count_grams(struct counting *c, struct sil_error *e) {
    struct unigram *u = c->u;
    c->gram_at = mem_array(u->mem, u->n_sym + 1, sizeof *c->gram_at);
    if (!c->gram_at) return err_nomem(e, "the substrings of the texts", u->n_sym);
    SIL_TRY(bpe_grow(u->mem, &c->grams, u->n_own, &c->cap_grams, sizeof *c->grams, e));
    c->n_grams = u->n_own;
    memset(c->grams, 0, u->n_own * sizeof *c->grams);
    for (size_t s = 0; s < u->n_segments; s++) {
        for (size_t i = u->segments[s].at; i < u->segments[s].at + u->segments[s].n; i++) {
            struct gram *g = &c->grams[u->sym[i]];
            if (g->count == 0) *g = (struct gram){.at = i, .n = 1};
            g->count += u->segments[s].count;
            c->gram_at[i] = u->sym[i];
        }
    }
    c->gram_at[u->n_sym] = BPE_NONE;
    for (uint32_t n = 2; n <= UNIGRAM_CHARS; n++) {
        size_t before = c->n_grams;
        c->n_candidates = c->map.n = 0;
        if (c->map.cap) memset(c->map.keys, 0xff, c->map.cap * sizeof *c->map.keys);
        SIL_TRY(count_candidates(c, n, e));
        SIL_TRY(name_grams(c, n, e));
        if (c->n_grams == before) break;
    }
    return SIL_OK;
}

/* What covers most characters first; then the longer one, then the earlier one. */
static int by_cover(const void *x, const void *y) {
    const struct gram *a = x, *b = y;
    uint64_t p = a->count * a->n, q = b->count * b->n;
    if (p != q) return p < q ? 1 : -1;
    if (a->n != b->n) return a->n < b->n ? 1 : -1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* ---- the first pieces ---- */

static sil_err put_piece(struct unigram *u, const struct gram *g, struct sil_error *e) {
    uint32_t node = 0;
    SIL_TRY(bpe_grow(u->mem, &u->pieces, u->n_pieces + 1, &u->cap_pieces, sizeof *u->pieces, e));
    for (uint32_t k = 0; k < g->n; k++) {
        uint32_t fresh = (uint32_t)u->n_nodes;
        SIL_TRY(bpe_grow(u->mem, &u->piece_of, u->n_nodes + 1, &u->cap_nodes, sizeof *u->piece_of, e));
        SIL_TRY(map_put(u->mem, &u->tree, (uint64_t)node << 32 | u->sym[g->at + k], fresh, &node, e));
        if (node == fresh) u->piece_of[u->n_nodes++] = BPE_NONE;
    }
    u->piece_of[node] = (uint32_t)u->n_pieces;
    u->pieces[u->n_pieces++] = (struct uni_piece){g->at, g->n, node};
    return SIL_OK;
}

static sil_err put_pieces(struct unigram *u, struct counting *c, size_t most, struct sil_error *e) {
    size_t n = u->n_own;
    assert(c->grams); /* a segment has a character */
    for (size_t i = n; i < c->n_grams; i++)
        if (!c->grams[i].covered) c->grams[n++] = c->grams[i];
    if (n > u->n_own) qsort(c->grams + u->n_own, n - u->n_own, sizeof *c->grams, by_cover);
    if (n - u->n_own > most) n = u->n_own + most;
    SIL_TRY(bpe_grow(u->mem, &u->piece_of, 1, &u->cap_nodes, sizeof *u->piece_of, e));
    u->piece_of[u->n_nodes++] = BPE_NONE;
    for (size_t i = 0; i < n; i++) SIL_TRY(put_piece(u, &c->grams[i], e));
    u->p = mem_array(u->mem, n, sizeof *u->p);
    u->log_p = mem_array(u->mem, n, sizeof *u->log_p);
    u->expected = mem_array(u->mem, n, sizeof *u->expected);
    if (!u->p || !u->log_p || !u->expected) return err_nomem(e, "the pieces", n);
    for (size_t i = 0; i < n; i++) u->expected[i] = (double)c->grams[i].count * (double)c->grams[i].n;
    return SIL_OK;
}

static sil_err put_edges(struct unigram *u, struct sil_error *e) {
    u->edge_at = mem_array(u->mem, u->n_sym + 1, sizeof *u->edge_at);
    if (!u->edge_at) return err_nomem(e, "the pieces of each word", u->n_sym);
    for (size_t s = 0; s < u->n_segments; s++) {
        size_t at = u->segments[s].at, end = at + u->segments[s].n;
        for (size_t i = at; i < end; i++) {
            uint32_t node = 0;
            u->edge_at[i] = u->n_edges;
            SIL_TRY(bpe_grow(u->mem, &u->edges, u->n_edges + UNIGRAM_CHARS, &u->cap_edges, sizeof *u->edges, e));
            for (size_t k = i; k < end && k - i < UNIGRAM_CHARS; k++) {
                node = uni_map_get(&u->tree, (uint64_t)node << 32 | u->sym[k]);
                if (node == BPE_NONE) break;
                if (u->piece_of[node] != BPE_NONE) u->edges[u->n_edges++] = u->piece_of[node];
            }
        }
    }
    u->edge_at[u->n_sym] = u->n_edges;
    return SIL_OK;
}

sil_err unigram_seed(struct unigram *u, const struct bpe *b, size_t most, struct sil_error *e) {
    struct counting c = {.u = u};
    SIL_TRY(make_symbols(u, b, e));
    if (u->n_segments == 0) return err_set(e, SIL_ARG, "no character is frequent enough to learn from");
    sil_err err = count_grams(&c, e);
    if (err == SIL_OK) err = put_pieces(u, &c, most, e);
    mem_free(u->mem, c.gram_at);
    mem_free(u->mem, c.grams);
    mem_free(u->mem, c.candidates);
    map_free(u->mem, &c.map);
    return err == SIL_OK ? put_edges(u, e) : err;
}
