/* Cancelling: the session is as before, the neighbours go on, and a pass ends between two layers. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "engine/engine.h"
#include "make_model.h"
#include "support.h"

enum { N = 400, VOCAB = 512 };

struct fixture {
    char path[TEST_PATH];
    struct sil_model *model;
    struct sil_engine *eng;
    struct sil_session *a, *b;
    uint32_t tokens[N * 3];
};

static void open_fixture(struct fixture *f) {
    struct sil_error e = {0};
    struct mm_spec spec = mm_default();
    spec.type = DTYPE_Q8_0;
    test_model(&spec, f->path);
    if (sil_model_open(f->path, NULL, &f->model, &e) != SIL_OK) fail_msg("%s", e.text);
    struct sil_engine_config c = {.n_sessions = 2, .n_batch = 32, .n_threads = 2};
    if (sil_engine_open(f->model, &c, &f->eng, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(sil_session_open(f->eng, &f->a, NULL), SIL_OK);
    assert_int_equal(sil_session_open(f->eng, &f->b, NULL), SIL_OK);
    for (uint32_t i = 0; i < N * 3; i++) f->tokens[i] = i * 11 % VOCAB;
}

static void close_fixture(struct fixture *f) {
    sil_session_close(f->a);
    sil_session_close(f->b);
    sil_engine_close(f->eng);
    sil_model_close(f->model);
    unlink(f->path);
}

static void test_neighbour(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sil_error e = {0};
    volatile int cancel = 1;
    struct sil_step_item items[2] = {
        {.session = f.a, .tokens = f.tokens, .n_tokens = 100, .n_logits = 1, .cancel = &cancel},
        {.session = f.b, .tokens = f.tokens, .n_tokens = 50, .n_logits = 1}};
    uint32_t n;
    assert_int_equal(sil_step(f.eng, items, 2, &e), SIL_CANCELLED);
    assert_int_equal(e.code, SIL_CANCELLED);
    assert_int_equal(items[0].status, SIL_CANCELLED);
    assert_null(items[0].logits);
    assert_int_equal(items[1].status, SIL_OK);
    sil_session_tokens(f.a, &n);
    assert_int_equal(n, 0);
    sil_session_tokens(f.b, &n);
    assert_int_equal(n, 50);
    close_fixture(&f);
}

struct canceller {
    atomic_bool begun; /* the step */
    long after_ns;
    volatile int flag;
};

static void *cancel_soon(void *arg) {
    struct canceller *c = arg;
    while (!atomic_load(&c->begun)) sched_yield();
    nanosleep(&(struct timespec){.tv_nsec = c->after_ns}, NULL);
    __atomic_store_n(&c->flag, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* A thread sets the flag while the step runs: it ends early, and the same step afterwards gives the usual bits. */
static void test_from_thread(void **state) {
    (void)state;
    struct fixture f;
    static float want[VOCAB];
    open_fixture(&f);
    struct sil_step_item first = {.session = f.a, .tokens = f.tokens, .n_tokens = 70};
    struct sil_step_item item = {.session = f.a, .tokens = f.tokens + 70, .n_tokens = N - 70, .n_logits = 1};
    assert_int_equal(sil_step(f.eng, &first, 1, NULL), SIL_OK);
    assert_int_equal(sil_step(f.eng, &item, 1, NULL), SIL_OK);
    memcpy(want, item.logits, sizeof want);
    uint32_t n, n_free = f.eng->kv.n_free;
    int seen = 0;
    for (int i = 0; i < 400 && !seen; i++) { /* from 2 ms down to none, which is sooner than the step's end */
        struct canceller c = {.after_ns = 2000000 - i % 40 * 50000L};
        pthread_t thread;
        sil_session_truncate(f.a, 70);
        item.cancel = &c.flag;
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &c), 0);
        atomic_store(&c.begun, true);
        sil_err err = sil_step(f.eng, &item, 1, NULL);
        pthread_join(thread, NULL);
        sil_session_tokens(f.a, &n);
        assert_true(err == SIL_OK ? n == N : err == SIL_CANCELLED && n == 70 && item.logits == NULL);
        seen += err == SIL_CANCELLED;
    }
    assert_true(seen);
    item.cancel = NULL;
    assert_int_equal(sil_step(f.eng, &item, 1, NULL), SIL_OK);
    assert_memory_equal(item.logits, want, sizeof want);
    assert_int_equal(f.eng->kv.n_free, n_free);
    close_fixture(&f);
}

static bool at_second_layer(void *ctx) {
    return ++*(int *)ctx == 2;
}

static void test_between_layers(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    int asked = 0;
    uint8_t *pages[1] = {kv_take(&f.eng->kv)};
    struct model_step *s = &f.eng->step;
    s->stop = at_second_layer;
    s->stop_ctx = &asked;
    s->n_rows = s->n_logits = 1;
    s->rows[0] = (struct step_row){.token = 1, .pages = pages};
    s->logit_rows[0] = 0;
    step_run(f.eng->m, s);
    assert_true(s->stopped);
    assert_int_equal(asked, 2); /* of the model's three layers */
    kv_give(&f.eng->kv, pages[0]);
    close_fixture(&f);
}

static void test_twice_in_a_step(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sil_step_item items[3] = {{.session = f.a, .tokens = f.tokens, .n_tokens = N * 3},
                                     {.session = f.a, .tokens = f.tokens, .n_tokens = 3},
                                     {.session = f.a, .tokens = f.tokens, .n_tokens = 5}};
    uint32_t n;
    assert_int_equal(sil_step(f.eng, items, 3, NULL), SIL_CONTEXT); /* the context is 512 */
    assert_int_equal(items[1].status, SIL_OK);
    assert_int_equal(items[2].status, SIL_ARG);
    sil_session_tokens(f.a, &n);
    assert_int_equal(n, 3);
    assert_int_equal(sil_step(f.eng, &items[2], 1, NULL), SIL_OK);
    close_fixture(&f);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_neighbour), cmocka_unit_test(test_from_thread),
                                       cmocka_unit_test(test_between_layers), cmocka_unit_test(test_twice_in_a_step)};
    return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
