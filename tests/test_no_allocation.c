/* A step allocates nothing, of the engine and of a simulated year: not through a struct mem and not behind its back.
 * The C library's allocator is counted, in sanitized builds through the sanitizer's hooks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "make_model.h"
#include "plan/sim.h"
#include "support.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

static _Atomic bool counting;
static _Atomic unsigned long allocations;

#ifdef SANITIZED
/* As in sanitizer/allocator_interface.h, which gcc does not install. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *p, size_t n),
                                              void (*on_free)(const volatile void *p));

static void on_malloc(const volatile void *p, size_t n) {
    (void)p;
    (void)n;
    if (counting) allocations++;
}

static void on_free(const volatile void *p) {
    (void)p;
}

static void hook(void) {
    assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
}
#else
/* glibc's own names for what these replace in this program. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n) {
    if (counting) allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    if (counting) allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
    if (counting) allocations++;
    return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n) {
    if (counting) allocations++;
    return __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n) {
    if (counting) allocations++;
    *out = __libc_memalign(align, n);
    return *out ? 0 : 12; /* ENOMEM */
}

static void hook(void) {
}
#endif

enum { SESSIONS = 3, N = 200, VOCAB = 512 };

struct fixture {
    char path[TEST_PATH];
    struct sil_model *model;
    struct sil_engine *eng;
    struct sil_session *s[SESSIONS];
    uint32_t tokens[N];
};

static void open_fixture(struct fixture *f, enum sil_kv kv) {
    struct sil_error e = {0};
    struct mm_spec spec = mm_default();
    spec.type = DTYPE_Q4_K;
    test_model(&spec, f->path);
    if (sil_model_open(f->path, NULL, &f->model, &e) != SIL_OK) fail_msg("%s", e.text);
    struct sil_engine_config c = {.n_pages = 9, .n_batch = 48, .n_threads = 2, .n_logits = 24, .kv = kv};
    if (sil_engine_open(f->model, &c, &f->eng, &e) != SIL_OK) fail_msg("%s", e.text);
    for (uint32_t i = 0; i < SESSIONS; i++)
        assert_int_equal(sil_session_open_shared(f->eng, 1, &f->s[i], NULL), SIL_OK);
    for (uint32_t i = 0; i < N; i++) f->tokens[i] = i % 40 * 3;
}

static void close_fixture(struct fixture *f) {
    for (uint32_t i = 0; i < SESSIONS; i++) sil_session_close(f->s[i]);
    sil_engine_close(f->eng);
    sil_model_close(f->model);
    unlink(f->path);
}

/* Prompts of all sessions together, found in part in the tree, others forgotten for them, then answers with guesses,
 * drawn with every filter, logprobs, a cut and a drop, a refusal and a cancelled item. */
static void everything(struct fixture *f) {
    struct sil_step_item items[SESSIONS] = {0};
    struct sil_decoder d[SESSIONS] = {0};
    struct sil_logprob top[5], one;
    uint32_t tokens[1 + SIL_DRAFT_MAX], n;
    for (uint32_t i = 0; i < SESSIONS; i++) {
        uint32_t n_prompt = 100 + 40 * i, have = sil_session_reuse(f->s[i], f->tokens, n_prompt);
        items[i] = (struct sil_step_item){
            .session = f->s[i], .tokens = f->tokens + have, .n_tokens = n_prompt - have, .n_logits = 1};
        d[i] = (struct sil_decoder){.session = f->s[i], .sampling = sil_sampling_default(), .n_draft = 5};
        d[i].sampling.temperature = 0.5f * (float)i;
        d[i].sampling.top_p = 0.9f;
        d[i].sampling.top_k = 40;
        d[i].sampling.min_p = 0.01f;
        d[i].sampling.repeat_penalty = 1.1f;
        d[i].prompt_length = n_prompt;
    }
    assert_int_equal(sil_step(f->eng, items, SESSIONS, NULL), SIL_OK);
    for (uint32_t i = 0; i < SESSIONS; i++) {
        assert_int_equal(sil_decode_first(&d[i], items[i].logits, tokens, NULL), SIL_OK);
        assert_int_equal(sil_logprobs(f->eng, items[i].logits, tokens[0], &one, 5, top, NULL), SIL_OK);
    }
    for (int k = 0; k < 4; k++) {
        for (uint32_t i = 0; i < SESSIONS; i++) sil_decode_item(&d[i], &items[i]);
        assert_int_equal(sil_step(f->eng, items, SESSIONS, NULL), SIL_OK);
        for (uint32_t i = 0; i < SESSIONS; i++)
            assert_int_equal(sil_decode_take(&d[i], &items[i], 1 + SIL_DRAFT_MAX, tokens, &n, NULL), SIL_OK);
    }
    struct sil_error e = {0};
    const float *logits;
    volatile int cancel = 1;
    assert_int_equal(sil_session_drop(f->s[0], 5, 20, NULL, &logits, &e), SIL_OK);
    items[0] = (struct sil_step_item){.session = f->s[0], .tokens = f->tokens, .n_tokens = 1, .cancel = &cancel};
    assert_int_equal(sil_step(f->eng, items, 1, &e), SIL_CANCELLED);
    items[0] = (struct sil_step_item){.session = f->s[0], .tokens = f->tokens, .n_tokens = N * 4};
    assert_int_equal(sil_step(f->eng, items, 1, &e), SIL_CONTEXT);
    for (uint32_t i = 0; i < SESSIONS; i++) sil_session_truncate(f->s[i], i * 30);
}

static void test_steps(void **state) {
    (void)state;
    for (int kv = 0; kv < SIL_KV_KINDS; kv++) {
        struct fixture f;
        open_fixture(&f, (enum sil_kv)kv);
        everything(&f);
        counting = true;
        everything(&f);
        counting = false;
        assert_int_equal(allocations, 0);
        close_fixture(&f);
    }
}

/* A simulated year with PV and a battery, its weather made anew. */
static void test_year(void **state) {
    (void)state;
    struct sil_error e = {0};
    struct plan_design *d = malloc(sizeof *d);
    struct sim_sums *sums = malloc(sizeof *sums);
    struct energy_result *energy = malloc(sizeof *energy);
    struct sim *s = NULL;
    if (plan_design_read("examples/small-1mw.yaml", mem_libc(), d, &e) != SIL_OK) fail_msg("%s", e.text);
    if (sim_open(d, 3600, NULL, mem_libc(), &s, &e) != SIL_OK) fail_msg("%s", e.text);
    struct plan_step *rows = calloc(sim_steps(s), sizeof *rows);
    counting = true;
    sil_err rc = sim_run(s, sim_year_shown(s), rows, sums, energy, &e);
    counting = false;
    assert_int_equal(rc, SIL_OK);
    assert_int_equal(allocations, 0);
    assert_true(sums->pv_j > 0 && sums->discharge_j > 0);
    sim_close(s);
    free(rows);
    free(energy);
    free(sums);
    free(d);
}

/* The counter counts. */
static void test_counter(void **state) {
    (void)state;
    counting = true;
    void *volatile p = malloc(10);
    p = realloc(p, 5000);
    void *volatile q = calloc(3, 7);
    counting = false;
    free(p);
    free(q);
    assert_true(allocations >= 3);
    allocations = 0;
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    hook();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counter), cmocka_unit_test(test_steps),
                                       cmocka_unit_test(test_year)};
    return cmocka_run_group_tests_name("no allocation", tests, NULL, NULL);
}
