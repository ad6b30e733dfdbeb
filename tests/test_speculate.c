/* Guessing ahead changes no token: greedy and drawn, alone and beside others, with guesses good, bad and poisonous. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "engine/engine.h"
#include "engine/speculate.h"
#include "make_model.h"
#include "support.h"

enum { VOCAB = 512, N_PROMPT = 40, N_ANSWER = 120, POISON = 77 };

struct fixture {
    char path[TEST_PATH];
    struct sil_model *model;
    struct sil_engine *eng;
    uint32_t prompt[N_PROMPT];
};

/* One token's embedding is infinite: whoever computes it overflows. */
static void poison(struct buf *b) {
    struct arena a;
    struct gguf *g;
    arena_init(&a, mem_libc(), 64 << 20);
    assert_int_equal(gguf_parse(&a, buf_view(b), false, &g, NULL), SIL_OK);
    const struct gguf_tensor *t = gguf_tensor(g, "token_embd.weight");
    float inf = INFINITY;
    assert_int_equal(t->type, DTYPE_F32);
    memcpy(b->p + (t->data - (const uint8_t *)b->p) + POISON * t->dims[0] * sizeof inf, &inf, sizeof inf);
    arena_free(&a);
}

static void open_fixture(struct fixture *f, uint32_t n_ctx) {
    struct sil_error e = {0};
    struct mm_spec spec = mm_default();
    struct buf b;
    spec.layers = 1;
    buf_init(&b, mem_libc(), 64 << 20);
    if (mm_write_buf(&spec, &b, &e) != SIL_OK) fail_msg("%s", e.text);
    poison(&b);
    test_file(buf_view(&b), f->path);
    buf_free(&b);
    if (sil_model_open(f->path, NULL, &f->model, &e) != SIL_OK) fail_msg("%s", e.text);
    struct sil_engine_config c = {.n_ctx = n_ctx, .n_sessions = 4, .n_logits = 64, .n_threads = 1};
    if (sil_engine_open(f->model, &c, &f->eng, &e) != SIL_OK) fail_msg("%s", e.text);
    for (uint32_t i = 0; i < N_PROMPT; i++) f->prompt[i] = 100 + i % 9;
}

static void close_fixture(struct fixture *f) {
    sil_engine_close(f->eng);
    sil_model_close(f->model);
    unlink(f->path);
}

/* What spoils guesses between filling and stepping. */
typedef void (*meddle_fn)(struct sil_decoder *d, struct sil_step_item *item, struct rng *r);

struct run {
    struct sil_decoder d;
    uint32_t tokens[N_ANSWER + 16], n, steps;
    sil_err err;
};

static void begin(struct fixture *f, struct run *r, struct sil_sampling p, uint32_t n_draft) {
    *r = (struct run){.d = {.sampling = p, .prompt_length = N_PROMPT, .n_draft = n_draft}};
    assert_int_equal(sil_session_open(f->eng, &r->d.session, NULL), SIL_OK);
    struct sil_step_item item = {.session = r->d.session, .tokens = f->prompt, .n_tokens = N_PROMPT, .n_logits = 1};
    assert_int_equal(sil_step(f->eng, &item, 1, NULL), SIL_OK);
    assert_int_equal(sil_decode_first(&r->d, item.logits, &r->tokens[0], NULL), SIL_OK);
    r->n = 1;
}

static bool over(const struct fixture *f, const struct run *r) {
    return r->err != SIL_OK || r->n == N_ANSWER || sil_is_end(f->model, r->tokens[r->n - 1]);
}

static void take(struct run *r, const struct sil_step_item *item) {
    uint32_t more = 0;
    r->err = sil_decode_take(&r->d, item, N_ANSWER - r->n, r->tokens + r->n, &more, NULL);
    r->n += more;
    r->steps++;
    uint32_t have;
    sil_session_tokens(r->d.session, &have);
    if (r->err == SIL_OK) assert_int_equal(have, N_PROMPT + r->n - 1);
}

static void run_alone(struct fixture *f, struct run *r, struct sil_sampling p, uint32_t n_draft, meddle_fn meddle) {
    struct rng rng = {.seed = 8};
    begin(f, r, p, n_draft);
    while (!over(f, r)) {
        struct sil_step_item item = {0};
        sil_decode_item(&r->d, &item);
        assert_true(item.n_tokens <= 1 + n_draft && item.n_logits == item.n_tokens);
        if (meddle) meddle(&r->d, &item, &rng);
        (void)sil_step(f->eng, &item, 1, NULL);
        take(r, &item);
    }
}

static void same_run(const struct run *a, const struct run *b) {
    uint32_t n_a, n_b;
    const uint32_t *t_a = sil_session_tokens(a->d.session, &n_a), *t_b = sil_session_tokens(b->d.session, &n_b);
    assert_int_equal(a->err, b->err);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->tokens, b->tokens, a->n * sizeof *a->tokens);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(t_a, t_b, n_a * sizeof *t_a);
}

static struct sil_sampling way(int i) {
    struct sil_sampling p = sil_sampling_default();
    p.seed = (uint64_t)i;
    if (i % 4 == 1) p.temperature = 0.3f;
    if (i % 4 == 2) p.temperature = 1.0f, p.top_k = 3;
    if (i % 4 == 3) p.temperature = 0.5f, p.repeat_penalty = 1.05f, p.frequency_penalty = 0.1f, p.top_p = 0.9f;
    return p;
}

static void test_same_tokens(void **state) {
    (void)state;
    static const uint32_t drafts[] = {1, 2, 5, 15};
    struct fixture f;
    open_fixture(&f, 0);
    uint64_t drafted = 0, accepted = 0, steps = 0, tokens = 0;
    for (int i = 0; i < 12; i++) {
        struct run plain, guess;
        run_alone(&f, &plain, way(i), 0, NULL);
        assert_int_equal(plain.d.n_drafted, 0);
        for (int k = 0; k < 4; k++) {
            run_alone(&f, &guess, way(i), drafts[k], NULL);
            same_run(&plain, &guess);
            drafted += guess.d.n_drafted;
            accepted += guess.d.n_accepted;
            steps += guess.steps;
            tokens += guess.n;
            sil_session_close(guess.d.session);
        }
        sil_session_close(plain.d.session);
    }
    printf("# %llu of %llu guesses came true; %llu tokens in %llu steps\n", (unsigned long long)accepted,
           (unsigned long long)drafted, (unsigned long long)tokens, (unsigned long long)steps);
    assert_true(accepted > 100 && accepted < drafted && steps < tokens);
    close_fixture(&f);
}

/* Guesses of any kind: the plain answer itself, noise, a token that overflows. */
static void noise(struct sil_decoder *d, struct sil_step_item *item, struct rng *r) {
    if (d->plain) return;
    uint32_t n = (uint32_t)rng_below(r, 1 + d->n_draft);
    for (uint32_t i = 0; i < n; i++)
        d->tokens[1 + i] = rng_below(r, 9) == 0 ? POISON : d->session->tokens[rng_below(r, d->session->n)];
    item->n_tokens = item->n_logits = 1 + n;
}

static void test_any_guess(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 0);
    for (int i = 0; i < 12; i++) {
        struct run plain, guess;
        run_alone(&f, &plain, way(i), 0, NULL);
        run_alone(&f, &guess, way(i), 6, noise);
        same_run(&plain, &guess);
        sil_session_close(plain.d.session);
        sil_session_close(guess.d.session);
    }
    close_fixture(&f);
}

/* Four answers in shared steps, each with another number of guesses. */
static void test_together(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 0);
    struct run plain[4], r[4];
    for (int i = 0; i < 4; i++) {
        run_alone(&f, &plain[i], way(i), 0, NULL);
        uint32_t n = plain[i].n;
        sil_session_close(plain[i].d.session);
        begin(&f, &r[i], way(i), (uint32_t)i * 4);
        plain[i].n = n;
    }
    for (bool live = true; live;) {
        struct sil_step_item items[4] = {0};
        int who[4], n = 0;
        for (int i = 0; i < 4; i++)
            if (!over(&f, &r[i])) {
                sil_decode_item(&r[i].d, &items[n]);
                who[n++] = i;
            }
        (void)sil_step(f.eng, items, (size_t)n, NULL);
        for (int k = 0; k < n; k++) take(&r[who[k]], &items[k]);
        live = n > 0;
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(r[i].n, plain[i].n);
        assert_memory_equal(r[i].tokens, plain[i].tokens, r[i].n * sizeof *r[i].tokens);
        sil_session_close(r[i].d.session);
    }
    close_fixture(&f);
}

/* An answer ends at the same token: at the end token, and where the context is full. */
static void test_ends(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 90);
    uint32_t eos = (uint32_t)tok_eos(f.model->m->tok);
    assert_true(sil_is_end(f.model, eos));
    struct run plain, guess;
    for (int i = 0; i < 16; i++) {
        struct sil_bias bias = {eos, (float)i * 2.0f};
        struct sil_sampling p = way(i);
        p.bias = &bias;
        p.n_bias = 1;
        run_alone(&f, &plain, p, 0, NULL);
        run_alone(&f, &guess, p, 7, NULL);
        same_run(&plain, &guess);
        sil_session_close(plain.d.session);
        sil_session_close(guess.d.session);
        if (i == 0) assert_int_equal(plain.err, SIL_CONTEXT);
        if (i == 15) assert_true(plain.err == SIL_OK && plain.n < N_ANSWER);
    }
    close_fixture(&f);
}

static void test_draft(void **state) {
    (void)state;
    static const uint32_t again[] = {1, 2, 3, 4, 9, 1, 2, 3, 5, 9, 2, 3}, loop[] = {7, 1, 2, 1, 2, 1, 2};
    static const uint32_t longer[] = {4, 1, 2, 3, 8, 5, 2, 3, 9, 1, 2, 3};
    uint32_t d[8];
    assert_int_equal(spec_draft(again, 12, 3, d), 3); /* the latest of two matches of equal length */
    assert_true(d[0] == 5 && d[1] == 9 && d[2] == 2);
    assert_int_equal(spec_draft(longer, 12, 2, d), 2); /* the longer one before the latest */
    assert_true(d[0] == 8 && d[1] == 5);
    assert_int_equal(spec_draft(loop, 7, 5, d), 5); /* into its own guesses */
    assert_true(d[0] == 1 && d[1] == 2 && d[2] == 1 && d[3] == 2 && d[4] == 1);
    assert_int_equal(spec_draft(again, 4, 8, d), 0);
    assert_int_equal(spec_draft(again, 1, 8, d), 0);
    assert_int_equal(spec_draft(again, 0, 8, d), 0);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_draft), cmocka_unit_test(test_same_tokens),
                                       cmocka_unit_test(test_any_guess), cmocka_unit_test(test_together),
                                       cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests_name("speculate", tests, NULL, NULL);
}
