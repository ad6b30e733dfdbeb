/* The engine's errors: each is named, nothing is lost, and other sessions go on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "engine/engine.h"
#include "make_model.h"
#include "support.h"

static const uint32_t tokens[300] = {1, 2, 3};

static void write_model(char path[TEST_PATH], void (*spoil)(struct buf *b)) {
    struct mm_spec spec = mm_default();
    struct sil_error e = {0};
    struct buf b;
    buf_init(&b, mem_libc(), 64 << 20);
    assert_int_equal(mm_write_buf(&spec, &b, &e), SIL_OK);
    if (spoil) spoil(&b);
    test_file(buf_view(&b), path);
    buf_free(&b);
}

struct fixture {
    char path[TEST_PATH];
    struct sil_model *model;
    struct sil_engine *eng;
};

static void open_fixture(struct fixture *f, struct sil_engine_config c, void (*spoil)(struct buf *b)) {
    struct sil_error e = {0};
    write_model(f->path, spoil);
    if (sil_model_open(f->path, NULL, &f->model, &e) != SIL_OK) fail_msg("%s", e.text);
    if (sil_engine_open(f->model, &c, &f->eng, &e) != SIL_OK) fail_msg("%s", e.text);
}

static void close_fixture(struct fixture *f) {
    sil_engine_close(f->eng);
    sil_model_close(f->model);
    unlink(f->path);
}

static struct sil_session *session(struct fixture *f) {
    struct sil_session *s = NULL;
    assert_int_equal(sil_session_open(f->eng, &s, NULL), SIL_OK);
    return s;
}

static uint32_t length(const struct sil_session *s) {
    uint32_t n = 0;
    sil_session_tokens(s, &n);
    return n;
}

static void test_context(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct sil_engine_config){.n_ctx = 100}, NULL);
    struct sil_session *s = session(&f);
    struct sil_error e = {0};
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = 101};
    assert_int_equal(sil_step(f.eng, &item, 1, &e), SIL_CONTEXT);
    assert_non_null(strstr(e.text, "context of 100"));
    assert_int_equal(length(s), 0);
    item.n_tokens = 100;
    assert_int_equal(sil_step(f.eng, &item, 1, &e), SIL_OK);
    item.n_tokens = 1;
    assert_int_equal(sil_step(f.eng, &item, 1, &e), SIL_CONTEXT);
    assert_int_equal(length(s), 100);
    sil_session_close(s);
    close_fixture(&f);
}

static void test_bad_items(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct sil_engine_config){.n_logits = 4, .n_sessions = 2}, NULL);
    struct sil_session *a = session(&f), *b = session(&f);
    struct sil_error e = {0};
    uint32_t outside = 512;
    struct sil_step_item items[2] = {{.session = a, .tokens = &outside, .n_tokens = 1, .n_logits = 1},
                                     {.session = b, .tokens = tokens, .n_tokens = 3, .n_logits = 1}};
    assert_int_equal(sil_step(f.eng, items, 2, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "512"));
    assert_int_equal(items[0].status, SIL_ARG);
    assert_int_equal(items[1].status, SIL_OK); /* the neighbour went on */
    assert_non_null(items[1].logits);
    assert_int_equal(length(b), 3);
    items[1].n_tokens = 0;
    items[1].n_logits = 0;
    assert_int_equal(sil_step(f.eng, &items[1], 1, &e), SIL_ARG);
    items[1].n_tokens = items[1].n_logits = 5;
    assert_int_equal(sil_step(f.eng, &items[1], 1, &e), SIL_LIMIT);
    sil_session_close(a);
    sil_session_close(b);
    close_fixture(&f);
}

static void test_pages_run_out(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct sil_engine_config){.n_ctx = 128, .n_sessions = 1}, NULL);
    struct sil_session *a = session(&f), *b = session(&f);
    struct sil_error e = {0};
    struct sil_step_item items[2] = {{.session = a, .tokens = tokens, .n_tokens = 65},
                                     {.session = b, .tokens = tokens, .n_tokens = 1}};
    assert_int_equal(sil_step(f.eng, items, 2, &e), SIL_NOMEM);
    assert_int_equal(items[0].status, SIL_OK);
    assert_int_equal(items[1].status, SIL_NOMEM);
    sil_session_truncate(a, 64); /* gives a page back */
    assert_int_equal(sil_step(f.eng, &items[1], 1, &e), SIL_OK);
    sil_session_close(a);
    sil_session_close(b);
    close_fixture(&f);
}

/* Makes one weight of the last MLP infinite: the file's last tensor data end with it. */
static void make_infinite(struct buf *b) {
    float inf = INFINITY;
    struct arena a;
    struct gguf *g;
    arena_init(&a, mem_libc(), 64 << 20);
    assert_int_equal(gguf_parse(&a, buf_view(b), false, &g, NULL), SIL_OK);
    const struct gguf_tensor *t = gguf_tensor(g, "blk.1.ffn_down.weight");
    memcpy(b->p + (t->data - (const uint8_t *)b->p), &inf, sizeof inf);
    arena_free(&a);
}

static void test_nonfinite(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct sil_engine_config){0}, make_infinite);
    struct sil_session *s = session(&f);
    struct sil_error e = {0};
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = 3, .n_logits = 1};
    assert_int_equal(sil_step(f.eng, &item, 1, &e), SIL_NONFINITE);
    assert_non_null(strstr(e.text, "infinity"));
    assert_int_equal(length(s), 0);
    sil_session_close(s);
    close_fixture(&f);
}

/* ---- allocation failures ---- */

struct failing {
    long left, live; /* allocations until failure; blocks not given back */
};

static void *failing_resize(void *ctx, void *p, size_t size) {
    struct failing *f = ctx;
    if (size == 0) {
        f->live -= p != NULL;
        free(p);
        return NULL;
    }
    if (f->left-- <= 0) return NULL;
    f->live += p == NULL;
    return realloc(p, size);
}

static sil_err open_all(const char *path, struct failing *f) {
    struct sil_model wrap = {NULL};
    struct sil_engine *eng = NULL;
    struct sil_session *s = NULL;
    sil_err err = model_open((struct mem){failing_resize, f}, path, cpu_detect(), 1, &wrap.m, NULL);
    if (err != SIL_OK) return err;
    struct sil_engine_config c = {.n_ctx = 64, .n_batch = 4, .n_logits = 1, .n_threads = 1};
    err = sil_engine_open(&wrap, &c, &eng, NULL);
    if (err == SIL_OK) err = sil_session_open(eng, &s, NULL);
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = 3, .n_logits = 1};
    if (err == SIL_OK) {
        f->left = 0; /* a step allocates nothing */
        assert_int_equal(sil_step(eng, &item, 1, NULL), SIL_OK);
    }
    sil_session_close(s);
    sil_engine_close(eng);
    model_close(wrap.m);
    return err;
}

static void test_allocations(void **state) {
    (void)state;
    char path[TEST_PATH];
    write_model(path, NULL);
    sil_err err = SIL_NOMEM;
    long n = 0;
    for (; err == SIL_NOMEM && n < 100000; n++) {
        struct failing f = {.left = n};
        err = open_all(path, &f);
        assert_int_equal(f.live, 0);
    }
    assert_int_equal(err, SIL_OK);
    assert_true(n > 10);
    unlink(path);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context),   cmocka_unit_test(test_bad_items),   cmocka_unit_test(test_pages_run_out),
        cmocka_unit_test(test_nonfinite), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
