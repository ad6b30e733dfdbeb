/* Shared pages: whatever is opened, stepped, reused, cut, dropped and closed, every page is accounted for and every
 * row of logits is that of a cold session of the same tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/engine.h"
#include "make_model.h"
#include "support.h"

enum { VOCAB = 512, PAGES = 14, SESSIONS = 5, CTX = 320, BLOCKS = 3 };

struct fixture {
    char path[TEST_PATH];
    struct sil_model *model;
    struct sil_engine *eng, *cold;
};

static struct sil_engine *engine(const struct sil_model *m, uint32_t pages) {
    struct sil_engine *eng = NULL;
    struct sil_error e = {0};
    struct sil_engine_config c = {.n_ctx = CTX, .n_pages = pages, .n_batch = 64, .n_threads = 1, .n_logits = 4};
    if (sil_engine_open(m, &c, &eng, &e) != SIL_OK) fail_msg("%s", e.text);
    return eng;
}

static void open_fixture(struct fixture *f) {
    struct sil_error e = {0};
    struct mm_spec spec = mm_default();
    spec.d = 64;
    spec.layers = 2;
    spec.heads = 2;
    spec.kv_heads = 1;
    spec.head_dim = 32;
    spec.ffn = 64;
    spec.vocab = VOCAB;
    spec.type = DTYPE_Q8_0;
    test_model(&spec, f->path);
    if (sil_model_open(f->path, NULL, &f->model, &e) != SIL_OK) fail_msg("%s", e.text);
    f->eng = engine(f->model, PAGES);
    f->cold = engine(f->model, 0);
}

static void close_fixture(struct fixture *f) {
    sil_engine_close(f->cold);
    sil_engine_close(f->eng);
    sil_model_close(f->model);
    unlink(f->path);
}

/* Logits after a session's tokens, computed from nothing by another engine. */
static const float *cold_logits(struct fixture *f, const struct sil_session *like) {
    uint32_t n;
    const uint32_t *tokens = sil_session_tokens(like, &n);
    struct sil_session *s = NULL;
    assert_int_equal(sil_session_open(f->cold, &s, NULL), SIL_OK);
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = n, .n_logits = 1};
    assert_int_equal(sil_step(f->cold, &item, 1, NULL), SIL_OK);
    sil_session_close(s);
    return item.logits;
}

static void check_logits(struct fixture *f, const struct sil_session *s, const float *got) {
    assert_memory_equal(got, cold_logits(f, s), VOCAB * sizeof(float));
}

static sil_err step(struct sil_session *s, const uint32_t *tokens, uint32_t n, const float **logits) {
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = n, .n_logits = 1};
    sil_err err = sil_step(s->eng, &item, 1, NULL);
    if (logits) *logits = item.logits;
    return err;
}

/* ---- the books: every page's references are exactly those that sessions and the tree hold ---- */

static void check_idle_list(const struct prefix *p) {
    uint32_t n = 0, last = PREFIX_NONE;
    for (uint32_t i = p->oldest; i != PREFIX_NONE; i = p->nodes[i].newer) {
        assert_true(p->nodes[i].used && p->kv->refs[i] == 1 && p->nodes[i].older == last);
        last = i;
        n++;
    }
    assert_int_equal(n, p->n_idle);
    assert_int_equal(p->newest, last);
}

/* Every page of the tree is in one list of kin, once. */
static void check_kin(const struct prefix *p) {
    uint32_t n = 0;
    for (uint32_t b = 0; b < p->n_buckets; b++)
        for (uint32_t i = p->kin[b], last = PREFIX_NONE; i != PREFIX_NONE; last = i, i = p->nodes[i].kin_next, n++)
            assert_true(p->nodes[i].used && p->nodes[i].kin_last == last);
    assert_int_equal(n, p->n_used);
}

static void check_books(const struct sil_engine *eng, struct sil_session *const *sessions) {
    const struct kv *kv = &eng->kv;
    const struct prefix *p = &eng->prefix;
    uint32_t refs[PAGES] = {0}, children[PAGES] = {0}, n_used = 0, n_idle = 0, n_free = 0;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        const struct sil_session *s = sessions[i];
        if (!s) continue;
        assert_int_equal(s->n_pages, (s->n + NUM_KV_PAGE - 1) / NUM_KV_PAGE);
        for (uint32_t k = 0; k < s->n_pages; k++) refs[kv_number(kv, s->pages[k])]++;
        assert_true(s->n_in_tree * NUM_KV_PAGE <= s->n);
        for (uint32_t k = 0; k < s->n_in_tree; k++) {
            const struct prefix_node *n = &p->nodes[kv_number(kv, s->pages[k])];
            assert_true(n->used && n->space == s->space && n->n_tokens == NUM_KV_PAGE);
            assert_memory_equal(n->tokens, s->tokens + (size_t)k * NUM_KV_PAGE, sizeof n->tokens);
            assert_int_equal(n->parent, k ? kv_number(kv, s->pages[k - 1]) : (uint32_t)PREFIX_NONE);
        }
    }
    for (uint32_t i = 0; i < PAGES; i++) {
        const struct prefix_node *n = &p->nodes[i];
        if (n->used && n->parent != PREFIX_NONE) {
            assert_true(p->nodes[n->parent].used && p->nodes[n->parent].space == n->space);
            assert_int_equal(p->nodes[n->parent].n_tokens, NUM_KV_PAGE);
            children[n->parent]++;
        }
        n_idle += n->used && refs[i] == 0;
        refs[i] += n->used;
        n_used += n->used;
        assert_int_equal(kv->refs[i], refs[i]);
        n_free += refs[i] == 0;
    }
    for (uint32_t i = 0; i < PAGES; i++) assert_int_equal(p->nodes[i].used ? p->nodes[i].n_children : 0, children[i]);
    for (uint32_t i = 0; i < kv->n_free; i++) assert_int_equal(kv->refs[kv->free[i]], 0);
    assert_int_equal(kv->n_free, n_free);
    assert_int_equal(p->n_used, n_used);
    assert_int_equal(p->n_idle, n_idle);
    check_idle_list(p);
    check_kin(p);
}

/* ---- random operations ---- */

struct play {
    struct fixture *f;
    struct rng r;
    struct sil_session *s[SESSIONS];
    uint32_t hits, parts, refused, copied;
};

/* Sequences are put together from few blocks of a page, so that they often begin alike, with odd ends. */
static uint32_t make_tokens(struct rng *r, uint32_t *tokens, uint32_t max) {
    uint32_t n = 0, blocks = 1 + (uint32_t)rng_below(r, 4);
    for (uint32_t b = 0; b < blocks; b++) {
        uint32_t kind = (uint32_t)rng_below(r, BLOCKS);
        for (uint32_t i = 0; i < NUM_KV_PAGE && n < max; i++) tokens[n++] = (kind * 100 + i * 7) % VOCAB;
    }
    uint32_t end = (uint32_t)rng_below(r, NUM_KV_PAGE);
    for (uint32_t i = 0; i < end && n < max; i++) tokens[n++] = (uint32_t)rng_below(r, 2) + 300;
    return n;
}

static void play_open(struct play *p, uint32_t i) {
    uint64_t space = rng_below(&p->r, 2) ? 7 : UINT64_MAX;
    sil_err err = rng_below(&p->r, 6) ? sil_session_open_shared(p->f->eng, space, &p->s[i], NULL)
                                      : sil_session_open(p->f->eng, &p->s[i], NULL);
    assert_int_equal(err, SIL_OK);
}

/* As a server does it: reuse what there is, compute the rest. */
static void play_prompt(struct play *p, struct sil_session *s) {
    uint32_t tokens[CTX], n = make_tokens(&p->r, tokens, CTX), have;
    const float *logits = NULL;
    uint32_t had = 0;
    while (had < s->n && had < n && s->tokens[had] == tokens[had]) had++;
    have = sil_session_reuse(s, tokens, n);
    assert_true(have < n && have == s->n);
    assert_memory_equal(s->tokens, tokens, have * sizeof *tokens);
    check_books(p->f->eng, p->s);
    p->hits += have >= NUM_KV_PAGE;
    p->parts += have % NUM_KV_PAGE != 0 && have > had;
    uint32_t first = have + (uint32_t)rng_below(&p->r, n - have);
    if (first > have && step(s, tokens + have, first - have, NULL) != SIL_OK) {
        assert_int_equal(s->n, have);
        p->refused++;
        return;
    }
    if (step(s, tokens + first, n - first, &logits) != SIL_OK) {
        assert_int_equal(s->n, first);
        p->refused++;
        return;
    }
    check_logits(p->f, s, logits);
}

static void play_cut(struct play *p, struct sil_session *s) {
    uint32_t n = (uint32_t)rng_below(&p->r, s->n + 1);
    sil_session_truncate(s, n);
    if (n == 0) return;
    uint32_t token = (uint32_t)rng_below(&p->r, VOCAB), shared = 0;
    const float *logits = NULL;
    if (n % NUM_KV_PAGE) shared = p->f->eng->kv.refs[kv_number(&p->f->eng->kv, s->pages[n / NUM_KV_PAGE])] > 1;
    if (step(s, &token, 1, &logits) == SIL_OK) {
        check_logits(p->f, s, logits);
        p->copied += shared;
    } else if (n < CTX) {
        p->refused++;
    }
}

static void play_drop(struct play *p, struct sil_session *s) {
    if (s->n < 2) return;
    uint32_t to = 1 + (uint32_t)rng_below(&p->r, s->n), from = 1 + (uint32_t)rng_below(&p->r, to);
    const float *logits = NULL;
    uint32_t want[CTX], n = s->n - (to - from);
    memcpy(want, s->tokens, from * sizeof *want);
    memcpy(want + from, s->tokens + to, (s->n - to) * sizeof *want);
    sil_err err = sil_session_drop(s, from, to, NULL, &logits, NULL);
    if (err != SIL_OK) { /* pages that it had in common with an open session are not there to write */
        assert_int_equal(err, SIL_NOMEM);
        assert_int_equal(s->n, from);
        p->refused++;
        return;
    }
    assert_int_equal(s->n, n);
    assert_memory_equal(s->tokens, want, n * sizeof *want);
    check_logits(p->f, s, logits);
}

static void play_once(struct play *p) {
    uint32_t i = (uint32_t)rng_below(&p->r, SESSIONS);
    uint64_t what = rng_below(&p->r, 10);
    if (!p->s[i]) {
        play_open(p, i);
    } else if (what < 5) {
        play_prompt(p, p->s[i]);
    } else if (what < 7) {
        play_cut(p, p->s[i]);
    } else if (what < 8) {
        play_drop(p, p->s[i]);
    } else {
        sil_session_close(p->s[i]);
        p->s[i] = NULL;
    }
    check_books(p->f->eng, p->s);
}

static void test_random(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    const char *rounds = getenv("SILLOK_TEST_ROUNDS");
    struct play p = {.f = &f, .r = {.seed = 3}};
    printf("# seed %llu\n", (unsigned long long)p.r.seed);
    for (int i = 0, n = rounds ? (int)strtol(rounds, NULL, 10) : 1500; i < n; i++) play_once(&p);
    printf("# %u hits, %u of parts of pages, %u refused for want of pages, %u copied on writing\n", p.hits, p.parts,
           p.refused, p.copied);
    assert_true(p.hits > 50 && p.parts > 10 && p.refused > 10 && p.copied > 10);
    for (uint32_t i = 0; i < SESSIONS; i++) sil_session_close(p.s[i]);
    memset(p.s, 0, sizeof p.s);
    check_books(f.eng, p.s);
    assert_int_equal(f.eng->kv.n_free + f.eng->prefix.n_idle, PAGES); /* nothing is lost */
    close_fixture(&f);
}

/* ---- single promises ---- */

static void prompt_of(uint32_t kind, uint32_t *tokens, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) tokens[i] = (kind * 131 + i * 5) % VOCAB;
}

static uint32_t run_prompt(struct fixture *f, struct sil_session *s, const uint32_t *tokens, uint32_t n) {
    uint32_t have = sil_session_reuse(s, tokens, n);
    const float *logits = NULL;
    assert_int_equal(step(s, tokens + have, n - have, &logits), SIL_OK);
    check_logits(f, s, logits);
    return have;
}

static struct sil_session *shared(struct fixture *f, uint64_t space) {
    struct sil_session *s = NULL;
    assert_int_equal(sil_session_open_shared(f->eng, space, &s, NULL), SIL_OK);
    return s;
}

static void test_spaces(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    uint32_t tokens[200];
    prompt_of(1, tokens, 200);
    struct sil_session *a = shared(&f, 1), *b = shared(&f, 1), *c = shared(&f, 2), *d = NULL;
    assert_int_equal(sil_session_open(f.eng, &d, NULL), SIL_OK);
    assert_int_equal(run_prompt(&f, a, tokens, 200), 0);
    assert_int_equal(run_prompt(&f, b, tokens, 200), 192); /* while a is open */
    assert_int_equal(run_prompt(&f, c, tokens, 200), 0);   /* another's */
    assert_int_equal(run_prompt(&f, d, tokens, 200), 0);   /* not shared */
    struct sil_engine_stats st;
    sil_engine_stats(f.eng, &st);
    assert_int_equal(st.n_pages - st.n_free, 3 + 1 + 1 + 4 + 4); /* a and b share three pages */
    assert_int_equal(st.reuse_asked, 600);
    assert_int_equal(st.reuse_found, 192);
    sil_session_close(a);
    sil_session_close(b);
    a = shared(&f, 1);
    assert_int_equal(run_prompt(&f, a, tokens, 192), 191); /* after both are closed; one token is left to compute */
    assert_int_equal(run_prompt(&f, a, tokens, 130), 129); /* its own */
    sil_session_close(a);
    sil_session_close(c);
    sil_session_close(d);
    close_fixture(&f);
}

/* Where sequences part inside a page, its beginning is copied; an end that is not full is found after closing. */
static void test_parts(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    uint32_t tokens[200];
    prompt_of(1, tokens, 200);
    struct sil_session *a = shared(&f, 1), *b = shared(&f, 1), *c = shared(&f, 2);
    assert_int_equal(run_prompt(&f, a, tokens, 200), 0);
    sil_session_close(a); /* leaves three pages and 8 tokens */
    assert_int_equal(run_prompt(&f, b, tokens, 200), 199);
    assert_int_equal(run_prompt(&f, c, tokens, 200), 0); /* another's */
    tokens[150] = 5;
    a = shared(&f, 1);
    assert_int_equal(run_prompt(&f, a, tokens, 190), 150); /* two pages and 22 tokens of the third */
    sil_session_close(a);
    prompt_of(2, tokens, 60);
    a = shared(&f, 1);
    assert_int_equal(run_prompt(&f, a, tokens, 30), 0);
    assert_int_equal(run_prompt(&f, a, tokens, 60), 30);
    sil_session_close(a);
    struct sil_engine_stats before, after;
    sil_engine_stats(f.eng, &before);
    a = shared(&f, 1);
    assert_int_equal(run_prompt(&f, a, tokens, 40), 39);
    sil_session_close(a); /* what it ends in is there already */
    sil_engine_stats(f.eng, &after);
    assert_int_equal(after.n_idle, before.n_idle);
    assert_int_equal(after.n_free, before.n_free);
    sil_session_close(b);
    sil_session_close(c);
    close_fixture(&f);
}

/* The least recently used prefix goes first, its end before its beginning. */
static void test_eviction(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    uint32_t tokens[4][257];
    for (uint32_t i = 0; i < 4; i++) {
        prompt_of(i, tokens[i], 257);
        if (i == 3) break;
        struct sil_session *s = shared(&f, 1);
        run_prompt(&f, s, tokens[i], 257);
        sil_session_close(s);
    }
    struct sil_session *s = shared(&f, 1);
    assert_int_equal(sil_session_reuse(s, tokens[0], 257), 256); /* 0 is now used later than 1 and 2 */
    sil_session_close(s);
    s = shared(&f, 1);
    run_prompt(&f, s, tokens[3], 257); /* 5 pages; 2 were free */
    struct sil_session *t = shared(&f, 1);
    assert_int_equal(sil_session_reuse(t, tokens[0], 257), 256);
    assert_int_equal(sil_session_reuse(t, tokens[2], 257), 256);
    assert_int_equal(sil_session_reuse(t, tokens[1], 257), 64);
    sil_session_close(s);
    sil_session_close(t);
    close_fixture(&f);
}

/* A session that fills the whole pool can be cut and written even where its pages are the tree's. */
static void test_own_without_room(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sil_engine *small = engine(f.model, 2);
    struct sil_session *s = NULL;
    uint32_t tokens[128];
    const float *logits = NULL;
    prompt_of(1, tokens, 128);
    assert_int_equal(sil_session_open_shared(small, 5, &s, NULL), SIL_OK);
    assert_int_equal(step(s, tokens, 128, NULL), SIL_OK);
    assert_int_equal(small->prefix.n_used, 2);
    sil_session_truncate(s, 100);
    assert_int_equal(step(s, tokens + 3, 5, &logits), SIL_OK);
    check_logits(&f, s, logits);
    sil_session_close(s);
    sil_engine_close(small);
    close_fixture(&f);
}

static void test_drop_refusals(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sil_session *s = shared(&f, 1);
    uint32_t tokens[70];
    const float *logits;
    struct sil_error e = {0};
    prompt_of(1, tokens, 70);
    assert_int_equal(step(s, tokens, 70, NULL), SIL_OK);
    assert_int_equal(sil_session_drop(s, 5, 4, NULL, NULL, &e), SIL_ARG);
    assert_int_equal(sil_session_drop(s, 5, 71, NULL, NULL, &e), SIL_ARG);
    assert_int_equal(sil_session_drop(s, 0, 70, NULL, &logits, &e), SIL_ARG); /* nothing to give logits of */
    assert_int_equal(s->n, 70);
    assert_int_equal(sil_session_drop(s, 9, 9, NULL, NULL, &e), SIL_OK);
    assert_int_equal(s->n, 70);
    volatile int cancel = 1;
    assert_int_equal(sil_session_drop(s, 9, 30, &cancel, NULL, &e), SIL_CANCELLED);
    assert_int_equal(s->n, 9);
    assert_int_equal(sil_session_drop(s, 0, 9, NULL, NULL, &e), SIL_OK);
    assert_int_equal(s->n, 0);
    sil_session_close(s);
    close_fixture(&f);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),   cmocka_unit_test(test_spaces),           cmocka_unit_test(test_parts),
        cmocka_unit_test(test_eviction), cmocka_unit_test(test_own_without_room), cmocka_unit_test(test_drop_refusals)};
    return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
