/* Saved sessions: they go on with the same bits, elsewhere too; every damaged byte is found; nothing of another
 * session is written; and what cannot be read leaves the engine as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/file.h"
#include "engine/engine.h"
#include "make_model.h"
#include "support.h"

enum { VOCAB = 512, N = 150, CTX = 192 };

struct fixture {
    char dir[256], path[300], other[300], saved[300];
    struct sil_model *model;
    struct sil_engine *eng;
    struct sil_session *s;
    uint32_t tokens[N];
};

static struct sil_model *make_model(const char *path, uint64_t seed, const char *cpu) {
    struct sil_error e = {0};
    struct sil_model *m = NULL;
    struct mm_spec spec = mm_default();
    spec.d = 64;
    spec.layers = 2;
    spec.heads = 2;
    spec.kv_heads = 1;
    spec.head_dim = 32;
    spec.ffn = 64;
    spec.type = DTYPE_Q8_0;
    spec.seed = seed;
    if (mm_write_file(&spec, path, &e) != SIL_OK) fail_msg("%s", e.text);
    if (sil_model_open(path, &(struct sil_model_config){.cpu = cpu}, &m, &e) != SIL_OK) fail_msg("%s", e.text);
    return m;
}

static struct sil_engine *engine(const struct sil_model *m, enum sil_kv kv, uint32_t n_ctx, uint32_t n_pages) {
    struct sil_engine *eng = NULL;
    struct sil_engine_config c = {.n_ctx = n_ctx, .n_pages = n_pages, .n_threads = 1, .n_logits = 2, .kv = kv};
    assert_int_equal(sil_engine_open(m, &c, &eng, NULL), SIL_OK);
    return eng;
}

static sil_err step(struct sil_session *s, const uint32_t *tokens, uint32_t n, const float **logits) {
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = n, .n_logits = 1};
    sil_err err = sil_step(s->eng, &item, 1, NULL);
    if (logits) *logits = item.logits;
    return err;
}

static void open_fixture(struct fixture *f, enum sil_kv kv, uint32_t n_tokens) {
    snprintf(f->dir, sizeof f->dir, "%s", test_folder());
    snprintf(f->path, sizeof f->path, "%s/model.gguf", f->dir);
    snprintf(f->other, sizeof f->other, "%s/other.gguf", f->dir);
    snprintf(f->saved, sizeof f->saved, "%s/session", f->dir);
    f->model = make_model(f->path, 1, NULL);
    f->eng = engine(f->model, kv, CTX, 6);
    for (uint32_t i = 0; i < N; i++) f->tokens[i] = (i * 37 + 5) % VOCAB;
    assert_int_equal(sil_session_open(f->eng, &f->s, NULL), SIL_OK);
    if (n_tokens) assert_int_equal(step(f->s, f->tokens, n_tokens, NULL), SIL_OK);
    assert_int_equal(sil_session_save(f->s, f->saved, NULL), SIL_OK);
}

static void close_fixture(struct fixture *f) {
    sil_session_close(f->s);
    sil_engine_close(f->eng);
    sil_model_close(f->model);
    unlink(f->path);
    unlink(f->other);
    unlink(f->saved);
    assert_int_equal(rmdir(f->dir), 0); /* no temporary file is left */
}

static void read_bytes(const char *path, struct buf *b) {
    buf_init(b, mem_libc(), 64 << 20);
    assert_int_equal(file_read(path, b, NULL), SIL_OK);
}

static void write_bytes(const char *path, const char *p, size_t n) {
    FILE *out = fopen(path, "wb");
    assert_true(out && fwrite(p, 1, n, out) == n && fclose(out) == 0);
}

static void goes_on(enum sil_kv kv) {
    static const uint32_t lengths[] = {0, 1, 63, 64, 65, 130};
    static const char *const cpus[] = {"scalar", "native"};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct fixture f;
        float want[VOCAB];
        const float *logits;
        uint32_t next[3] = {9, 8, 7}, n;
        open_fixture(&f, kv, lengths[i]);
        assert_int_equal(step(f.s, next, 3, &logits), SIL_OK);
        memcpy(want, logits, sizeof want);
        for (int k = 0; k < 2; k++) {
            struct sil_model *m = make_model(f.other, 1, cpus[k]); /* the same bytes at another place */
            struct sil_engine *eng = engine(m, kv, 256, 0);
            struct sil_session *s;
            struct sil_error e = {0};
            if (sil_session_load(eng, f.saved, &s, &e) != SIL_OK) fail_msg("%s", e.text);
            assert_memory_equal(sil_session_tokens(s, &n), f.tokens, lengths[i] * sizeof *f.tokens);
            assert_int_equal(n, lengths[i]);
            assert_int_equal(step(s, next, 3, &logits), SIL_OK);
            assert_memory_equal(logits, want, sizeof want);
            sil_session_close(s);
            sil_engine_close(eng);
            sil_model_close(m);
        }
        close_fixture(&f);
    }
}

static void test_goes_on(void **state) {
    (void)state;
    goes_on(SIL_KV_F16);
    goes_on(SIL_KV_INT8);
}

/* The same tokens give the same file, whatever the pages held before. */
static void nothing_else(enum sil_kv kv) {
    struct fixture f;
    struct buf a, b;
    open_fixture(&f, kv, 70);
    read_bytes(f.saved, &a);
    sil_session_truncate(f.s, 0);
    uint32_t other[N];
    for (uint32_t i = 0; i < N; i++) other[i] = 400 + i % 50;
    assert_int_equal(step(f.s, other, N, NULL), SIL_OK);
    sil_session_truncate(f.s, 0);
    assert_int_equal(step(f.s, f.tokens, 70, NULL), SIL_OK);
    assert_int_equal(sil_session_save(f.s, f.saved, NULL), SIL_OK);
    read_bytes(f.saved, &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    buf_free(&a);
    buf_free(&b);
    close_fixture(&f);
}

static void test_nothing_else(void **state) {
    (void)state;
    nothing_else(SIL_KV_F16);
    nothing_else(SIL_KV_INT8);
}

static sil_err load(struct fixture *f, struct sil_error *e) {
    struct sil_session *s = NULL;
    uint32_t n_free = f->eng->kv.n_free;
    sil_err err = sil_session_load(f->eng, f->saved, &s, e);
    assert_true((err == SIL_OK) == (s != NULL));
    sil_session_close(s);
    assert_int_equal(f->eng->kv.n_free, n_free);
    return err;
}

static void damage(enum sil_kv kv) {
    struct fixture f;
    struct buf b;
    struct sil_error e = {0};
    open_fixture(&f, kv, 70);
    read_bytes(f.saved, &b);
    for (size_t at = 0; at < b.n; at += at < 600 ? 1 : 331) {
        b.p[at] ^= 0x10;
        write_bytes(f.saved, b.p, b.n);
        sil_err err = load(&f, &e);
        assert_true(err == SIL_FORMAT || err == SIL_UNSUPPORTED || err == SIL_ARG);
        assert_non_null(strstr(e.text, "session"));
        b.p[at] ^= 0x10;
    }
    for (size_t n = 0; n < b.n; n += n < 300 ? 1 : 997) {
        write_bytes(f.saved, b.p, n);
        assert_int_equal(load(&f, &e), SIL_FORMAT);
    }
    assert_int_equal(buf_char(&b, 'x'), SIL_OK);
    write_bytes(f.saved, b.p, b.n);
    assert_int_equal(load(&f, &e), SIL_FORMAT);
    write_bytes(f.saved, b.p, b.n - 1);
    assert_int_equal(load(&f, &e), SIL_OK);
    buf_free(&b);
    close_fixture(&f);
}

static void test_damage(void **state) {
    (void)state;
    damage(SIL_KV_F16);
    damage(SIL_KV_INT8);
}

/* A code or a scale that nothing stored, under a checksum that is right. */
static void test_impossible(void **state) {
    (void)state;
    static const struct {
        size_t from_end;
        uint8_t bytes[4];
        uint32_t n;
    } bad[] = {{2000, {0x80}, 1}, {4, {0, 0, 0x80, 0x7f}, 4}, {4, {0, 0, 0, 0x80}, 4}, {4, {1, 0, 0, 0}, 4}};
    struct fixture f;
    struct buf b;
    struct sil_error e = {0};
    open_fixture(&f, SIL_KV_INT8, 64);
    read_bytes(f.saved, &b);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *digest = b.p + b.n - (SHA_HEX - 1), *at = digest - bad[i].from_end, hex[SHA_HEX];
        uint8_t good[4];
        memcpy(good, at, bad[i].n);
        memcpy(at, bad[i].bytes, bad[i].n);
        sha_hex(b.p, (size_t)(digest - b.p), hex);
        memcpy(digest, hex, SHA_HEX - 1);
        write_bytes(f.saved, b.p, b.n);
        assert_int_equal(load(&f, &e), SIL_FORMAT);
        assert_non_null(strstr(e.text, "cannot have been stored"));
        memcpy(at, good, bad[i].n);
    }
    buf_free(&b);
    close_fixture(&f);
}

static void test_refusals(void **state) {
    (void)state;
    struct fixture f;
    struct sil_error e = {0};
    struct sil_session *s = NULL;
    open_fixture(&f, SIL_KV_F16, 130);
    struct sil_model *m = make_model(f.other, 2, NULL); /* other weights, the same shape */
    struct sil_engine *eng = engine(m, SIL_KV_F16, CTX, 0), *small = engine(f.model, SIL_KV_F16, 128, 0);
    struct sil_engine *full = engine(f.model, SIL_KV_F16, CTX, 2), *int8 = engine(f.model, SIL_KV_INT8, CTX, 0);
    assert_int_equal(sil_session_load(eng, f.saved, &s, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "another model"));
    assert_non_null(strstr(e.text, f.saved));
    assert_int_equal(sil_session_load(small, f.saved, &s, &e), SIL_CONTEXT);
    assert_non_null(strstr(e.text, "130"));
    assert_int_equal(sil_session_load(full, f.saved, &s, &e), SIL_NOMEM);
    assert_int_equal(full->kv.n_free, 2);
    assert_int_equal(sil_session_load(eng, f.dir, &s, &e), SIL_IO);
    assert_int_equal(sil_session_load(eng, "/nonexistent/file", &s, &e), SIL_IO);
    assert_int_equal(sil_session_load(f.eng, f.path, &s, &e), SIL_FORMAT);
    assert_non_null(strstr(e.text, "not a saved session"));
    assert_int_equal(sil_session_save(f.s, "/nonexistent/file", &e), SIL_IO);
    assert_int_equal(sil_session_save(f.s, f.dir, &e), SIL_IO);
    assert_null(s);
    assert_int_equal(sil_session_load(int8, f.saved, &s, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "not \"" SIL_PROFILE ";kv=int8\""));
    assert_null(s);
    sil_engine_close(int8);
    sil_engine_close(full);
    sil_engine_close(small);
    sil_engine_close(eng);
    sil_model_close(m);
    close_fixture(&f);
}

struct attempt {
    const char *model, *saved;
};

static sil_err each_allocation(void *ctx, struct mem mem) {
    const struct attempt *t = ctx;
    struct sil_model wrap = {NULL};
    struct sil_engine *eng = NULL;
    struct sil_session *s = NULL;
    struct sil_engine_config c = {.n_ctx = CTX, .n_threads = 1};
    sil_err err = model_open(mem, t->model, cpu_detect(), 1, &wrap.m, NULL);
    if (err != SIL_OK) return err;
    err = sil_engine_open(&wrap, &c, &eng, NULL);
    if (err == SIL_OK) err = sil_session_load(eng, t->saved, &s, NULL);
    if (err == SIL_OK) err = sil_session_save(s, t->saved, NULL);
    sil_session_close(s);
    sil_engine_close(eng);
    model_close(wrap.m);
    return err;
}

static void test_allocations(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, SIL_KV_F16, 70);
    struct attempt t = {f.path, f.saved};
    assert_true(test_each_allocation(each_allocation, &t) > 10);
    close_fixture(&f);
}

static void test_digest(void **state) {
    (void)state;
    struct fixture f;
    struct buf b;
    char got[SIL_DIGEST], want[SHA_HEX];
    open_fixture(&f, SIL_KV_F16, 0);
    sil_model_digest(f.model, got);
    read_bytes(f.path, &b);
    sha_hex(b.p, b.n, want);
    assert_string_equal(got, want);
    buf_free(&b);
    close_fixture(&f);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goes_on),    cmocka_unit_test(test_nothing_else),
                                       cmocka_unit_test(test_damage),     cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_digest),     cmocka_unit_test(test_impossible),
                                       cmocka_unit_test(test_allocations)};
    return cmocka_run_group_tests_name("session file", tests, NULL, NULL);
}
