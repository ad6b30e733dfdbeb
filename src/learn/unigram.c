#include "learn/unigram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "learn/unigram_impl.h"
#include "num/elementary.h"

enum {
    SEEDS_EACH = 32,     /* first pieces for each one wanted ... */
    SEEDS_MIN = 1 << 17, /* ... but no fewer */
    ROUNDS = 2,          /* of expectation and maximisation between droppings */
    ROUNDS_LAST = 3
};

/* No probability is below e^-20, so that no product over a segment of 32 leaves the range of binary64. */
static const double LOG_LEAST = -20.0, EXPECTED_LEAST = 0.5, KEEP = 0.75;

/* ---- expectation and maximisation ---- */

/* Adds the expected counts of a segment's pieces: forward sums a, backward sums b, each edge in its order. */
static void expect_segment(const struct unigram *u, const struct uni_segment *s) {
    double a[UNIGRAM_SEGMENT + 1] = {1.0}, b[UNIGRAM_SEGMENT + 1];
    for (uint32_t i = 0; i < s->n; i++)
        for (size_t k = u->edge_at[s->at + i]; k < u->edge_at[s->at + i + 1]; k++)
            a[i + u->pieces[u->edges[k]].n] += a[i] * u->p[u->edges[k]];
    double share = (double)s->count / a[s->n];
    b[s->n] = 1.0;
    for (uint32_t i = s->n; i-- > 0;) {
        double sum = 0, front = a[i] * share;
        for (size_t k = u->edge_at[s->at + i]; k < u->edge_at[s->at + i + 1]; k++) {
            uint32_t id = u->edges[k];
            double part = u->p[id] * b[i + u->pieces[id].n];
            sum += part;
            u->expected[id] += front * part;
        }
        b[i] = sum;
    }
}

static void expect(struct unigram *u) {
    memset(u->expected, 0, u->n_pieces * sizeof *u->expected);
    for (size_t s = 0; s < u->n_segments; s++) expect_segment(u, &u->segments[s]);
}

/* The derivative of log gamma: recurrence up to 7, then the asymptotic series at x - 1/2. */
static double digamma(double x) {
    double sum = 0;
    while (x < 7.0) {
        sum -= 1.0 / x;
        x += 1.0;
    }
    double h = x - 0.5, r = 1.0 / (h * h);
    double series = r * (1.0 / 24.0 - r * (7.0 / 960.0 - r * (31.0 / 8064.0 - r * (127.0 / 30720.0))));
    return sum + num_log(h) + series;
}

/* Keeps the pieces that `keep` marks, and all characters. */
static void compact(struct unigram *u, const uint8_t *keep, uint32_t *new_id) {
    size_t n = 0, at = 0, from = 0;
    for (size_t i = 0; i < u->n_pieces; i++) {
        bool stays = i < u->n_own || keep[i];
        new_id[i] = stays ? (uint32_t)n : BPE_NONE;
        u->piece_of[u->pieces[i].node] = new_id[i];
        if (!stays) continue;
        u->pieces[n] = u->pieces[i];
        u->log_p[n] = u->log_p[i];
        u->p[n] = u->p[i];
        u->expected[n++] = u->expected[i];
    }
    u->n_pieces = n;
    for (size_t i = 0; i < u->n_sym; i++) {
        size_t end = u->edge_at[i + 1];
        u->edge_at[i] = at;
        for (; from < end; from++)
            if (new_id[u->edges[from]] != BPE_NONE) u->edges[at++] = new_id[u->edges[from]];
    }
    u->edge_at[u->n_sym] = u->n_edges = at;
}

/* Working memory of a number for each first piece. */
struct work {
    uint8_t *keep;
    uint32_t *new_id;
    struct ranked *ranks;
};

struct ranked {
    double value;
    uint32_t id;
};

/* Probabilities from the expected counts, as the variational Bayesian form has them (which prefers fewer pieces). */
static void maximise(struct unigram *u, const struct work *w, bool drop) {
    double sum = 0;
    for (size_t i = 0; drop && i < u->n_pieces; i++) w->keep[i] = u->expected[i] >= EXPECTED_LEAST;
    if (drop) compact(u, w->keep, w->new_id);
    for (size_t i = 0; i < u->n_pieces; i++) sum += u->expected[i];
    double all = digamma(sum);
    for (size_t i = 0; i < u->n_pieces; i++) {
        double x = u->expected[i] > 0.05 ? digamma(u->expected[i]) - all : LOG_LEAST;
        u->log_p[i] = x > LOG_LEAST ? x : LOG_LEAST;
        u->p[i] = num_exp(u->log_p[i]);
    }
}

/* ---- the best segmentation ---- */

/* best[k]: of the first k symbols; last[k]: its last piece. Among equals the one whose last piece begins first. */
struct path {
    double best[UNIGRAM_SEGMENT + 1];
    uint32_t last[UNIGRAM_SEGMENT + 1];
};

static inline void offer(const struct unigram *u, struct path *x, uint32_t i, uint32_t id) {
    uint32_t end = i + u->pieces[id].n;
    double sum = x->best[i] + u->log_p[id];
    if (x->last[end] != BPE_NONE && !(sum > x->best[end])) return;
    x->best[end] = sum;
    x->last[end] = id;
}

static void path_begin(struct path *x) {
    memset(x->last, 0xff, sizeof x->last);
    memset(x->best, 0, sizeof x->best);
}

static void best_path(const struct unigram *u, const struct uni_segment *s, struct path *x) {
    path_begin(x);
    for (uint32_t i = 0; i < s->n; i++)
        for (size_t k = u->edge_at[s->at + i]; k < u->edge_at[s->at + i + 1]; k++) offer(u, x, i, u->edges[k]);
}

/* How often each piece is in the best segmentations, into expected; returns how many pieces the texts become. */
static uint64_t count_best(struct unigram *u) {
    struct path x;
    uint64_t n = 0;
    memset(u->expected, 0, u->n_pieces * sizeof *u->expected);
    for (size_t s = 0; s < u->n_segments; s++) {
        best_path(u, &u->segments[s], &x);
        for (uint32_t end = u->segments[s].n; end > 0; end -= u->pieces[x.last[end]].n) {
            u->expected[x.last[end]] += (double)u->segments[s].count;
            n += u->segments[s].count;
        }
    }
    return n;
}

/* The best segmentation of a piece without itself. */
static void path_without(const struct unigram *u, uint32_t id, struct path *x) {
    const struct uni_piece *c = &u->pieces[id];
    path_begin(x);
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t node = 0;
        for (uint32_t k = i; k < c->n; k++) {
            node = uni_map_get(&u->tree, (uint64_t)node << 32 | u->sym[c->at + k]);
            if (node == BPE_NONE) break;
            if (u->piece_of[node] != BPE_NONE && u->piece_of[node] != id) offer(u, x, i, u->piece_of[node]);
        }
    }
}

/* ---- dropping ---- */

/* What the logarithm of the texts' likelihood loses when a piece of the best segmentations goes and its next best parts
 * take its place. */
static double loss_of(const struct unigram *u, uint32_t id, const struct path *x, double all) {
    double own = u->expected[id], sum = 0;
    uint32_t n = 0;
    for (uint32_t end = u->pieces[id].n; end > 0; end -= u->pieces[x->last[end]].n) {
        sum += num_log(u->expected[x->last[end]] + own);
        n++;
    }
    return own * ((num_log(own) - num_log(all)) - (sum - (double)n * num_log(all + own * (double)(n - 1))));
}

static int falling(const void *x, const void *y) {
    const struct ranked *a = x, *b = y;
    if (a->value != b->value) return a->value < b->value ? 1 : -1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Down to `most` pieces beside the characters, or a quarter fewer than there are. */
static void prune(struct unigram *u, const struct work *w, size_t most) {
    struct path x;
    double all = 0;
    size_t n = 0, quarter = (size_t)((double)(u->n_pieces - u->n_own) * KEEP), left = most > quarter ? most : quarter;
    count_best(u);
    for (size_t i = 0; i < u->n_pieces; i++) all += u->expected[i];
    memset(w->keep, 0, u->n_pieces);
    for (size_t i = u->n_own; i < u->n_pieces; i++) {
        if (u->expected[i] == 0) continue;
        path_without(u, (uint32_t)i, &x);
        if (x.best[u->pieces[i].n] > u->log_p[i]) continue; /* its parts are better than itself */
        w->ranks[n++] = (struct ranked){loss_of(u, (uint32_t)i, &x, all), (uint32_t)i};
    }
    qsort(w->ranks, n, sizeof *w->ranks, falling);
    for (size_t i = 0; i < n && i < left; i++) w->keep[w->ranks[i].id] = 1;
    compact(u, w->keep, w->new_id);
}

/* Leaves the most probable pieces beside the characters. */
static void cut(struct unigram *u, const struct work *w, size_t most) {
    size_t n = 0;
    memset(w->keep, 0, u->n_pieces);
    for (size_t i = u->n_own; i < u->n_pieces; i++) w->ranks[n++] = (struct ranked){u->log_p[i], (uint32_t)i};
    qsort(w->ranks, n, sizeof *w->ranks, falling);
    for (size_t i = 0; i < n && i < most; i++) w->keep[w->ranks[i].id] = 1;
    compact(u, w->keep, w->new_id);
}

/* What is missed least goes until there is half more than wanted; of that the most probable stay, which makes fewer
 * tokens of a text than dropping to the end (and as few as SentencePiece). */
static void learn(struct unigram *u, const struct work *w, size_t wanted) {
    size_t most = wanted + wanted / 2;
    maximise(u, w, false); /* from the first counts */
    for (;;) {
        for (int i = 0; i < ROUNDS; i++) {
            expect(u);
            maximise(u, w, u->n_pieces - u->n_own > most);
        }
        if (u->n_pieces - u->n_own <= most) break;
        prune(u, w, most);
    }
    cut(u, w, wanted);
    for (int i = 0; i < ROUNDS_LAST; i++) {
        expect(u);
        maximise(u, w, false);
    }
}

/* ---- the vocabulary ---- */

static sil_err choose_characters(struct unigram *u, const struct bpe *b, struct sil_error *e) {
    uint32_t *list, limit = u->o->vocab - u->o->n_specials - 256;
    size_t n;
    SIL_TRY(bpe_frequent(b, u->o, &list, &n, e));
    if (n > limit) n = limit;
    u->code_points = mem_array(u->mem, n + 128, sizeof *u->code_points);
    if (!u->code_points) {
        mem_free(u->mem, list);
        return err_nomem(e, "the characters", n);
    }
    for (uint32_t c = 0; c < 128; c++)
        if (b->chars[c]) u->code_points[u->n_own++] = c;
    for (size_t i = 0; i < n; i++) u->code_points[u->n_own++] = list[i];
    mem_free(u->mem, list);
    return SIL_OK;
}

static int32_t score_of(const struct unigram *u, size_t id) {
    return (int32_t)rint(u->log_p[id] * UNIGRAM_SCORE);
}

static sil_err put_one(const struct unigram *u, struct bpe *b, uint32_t id, struct sil_error *e) {
    char text[UNIGRAM_CHARS * 4];
    size_t n = 0;
    uint32_t token;
    for (uint32_t k = 0; k < u->pieces[id].n; k++)
        n += utf8_encode(u->code_points[u->sym[u->pieces[id].at + k]], text + n);
    SIL_TRY(bpe_put_token(b, text, n, BPE_NONE, BPE_NONE, &token, e));
    b->scores[token] = score_of(u, id);
    return SIL_OK;
}

/* The bytes, then all pieces that are no bytes. A byte that is no character of the texts gets ten less than the least
 * score: bytes are never better than the character that they make up. */
static sil_err put_vocabulary(const struct unigram *u, struct bpe *b, struct ranked *order, struct sil_error *e) {
    uint32_t id_of[256];
    int32_t least = 0;
    size_t n = 0;
    b->scores = mem_array(u->mem, u->n_pieces + 256, sizeof *b->scores);
    if (!b->scores) return err_nomem(e, "the vocabulary", u->n_pieces);
    SIL_TRY(bpe_put_bytes(b, id_of, e));
    for (size_t i = 0; i < u->n_pieces; i++) least = score_of(u, i) < least ? score_of(u, i) : least;
    for (int i = 0; i < 256; i++) b->scores[i] = least - 10 * UNIGRAM_SCORE;
    for (uint32_t i = 0; i < u->n_pieces; i++) {
        if (i < u->n_own && u->code_points[i] < 128) b->scores[id_of[u->code_points[i]]] = score_of(u, i);
        else order[n++] = (struct ranked){(double)score_of(u, i), i};
        b->n_own += i < u->n_own && u->code_points[i] >= 128;
    }
    qsort(order, n, sizeof *order, falling);
    for (size_t i = 0; i < n; i++) SIL_TRY(put_one(u, b, order[i].id, e));
    return SIL_OK;
}

static void unigram_free(struct unigram *u) {
    void *all[] = {u->code_points, u->sym,       u->segments,    u->pieces,   u->p,       u->log_p,
                   u->expected,    u->tree.keys, u->tree.values, u->piece_of, u->edge_at, u->edges};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(u->mem, all[i]);
}

static sil_err train(struct unigram *u, struct bpe *b, struct sil_error *e) {
    SIL_TRY(choose_characters(u, b, e));
    size_t own = 0, most = (size_t)u->o->vocab - u->o->n_specials - 256;
    for (uint32_t i = 0; i < u->n_own; i++) own += u->code_points[i] >= 128;
    most -= own;
    SIL_TRY(unigram_seed(u, b, most * SEEDS_EACH > SEEDS_MIN ? most * SEEDS_EACH : SEEDS_MIN, e));
    struct work w = {.keep = mem_array(u->mem, u->n_pieces, 1),
                     .new_id = mem_array(u->mem, u->n_pieces, sizeof *w.new_id),
                     .ranks = mem_array(u->mem, u->n_pieces, sizeof *w.ranks)};
    sil_err err;
    if (!w.keep || !w.new_id || !w.ranks) {
        err = err_nomem(e, "the pieces", u->n_pieces);
    } else {
        learn(u, &w, most);
        b->n_pieces = count_best(u) + u->gap_bytes;
        err = put_vocabulary(u, b, w.ranks, e);
    }
    mem_free(u->mem, w.keep);
    mem_free(u->mem, w.new_id);
    mem_free(u->mem, w.ranks);
    return err;
}

sil_err unigram_train(struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                      struct sil_error *e) {
    struct unigram u = {.mem = b->mem, .o = o};
    SIL_TRY(bpe_check(b, o, e));
    sil_err err = train(&u, b, e);
    unigram_free(&u);
    return err == SIL_OK ? bpe_finish(b, o, out, report, e) : err;
}
