/* The engine's promise: a session's logits do not depend on processor level, threads, batch, chunks or neighbours. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cpu.h"
#include "base/sha.h"
#include "engine/engine.h"
#include "make_model.h"
#include "support.h"

enum { N_PROMPT = 90, N_VOCAB = 512 };

struct fixture {
    char path[TEST_PATH];
    struct sil_model *model;
    uint32_t prompt[N_PROMPT];
};

static struct sil_model *open_model(const char *path, const char *cpu) {
    struct sil_model *m = NULL;
    struct sil_error e = {0};
    if (sil_model_open(path, &(struct sil_model_config){.cpu = cpu}, &m, &e) != SIL_OK) fail_msg("%s", e.text);
    return m;
}

static void open_fixture(struct fixture *f, bool qwen3, enum dtype type) {
    struct mm_spec spec = mm_default();
    spec.qwen3 = qwen3;
    spec.byte_bpe = qwen3;
    spec.type = type;
    spec.layers = 2;
    test_model(&spec, f->path);
    f->model = open_model(f->path, NULL);
    for (uint32_t i = 0; i < N_PROMPT; i++) f->prompt[i] = (i * 37 + 5) % N_VOCAB;
}

static void close_fixture(struct fixture *f) {
    sil_model_close(f->model);
    unlink(f->path);
}

static struct sil_engine *engine(const struct sil_model *m, struct sil_engine_config c) {
    struct sil_engine *eng = NULL;
    struct sil_error e = {0};
    if (!c.n_logits) c.n_logits = N_PROMPT;
    if (sil_engine_open(m, &c, &eng, &e) != SIL_OK) fail_msg("%s", e.text);
    return eng;
}

static struct sil_session *session(struct sil_engine *eng) {
    struct sil_session *s = NULL;
    assert_int_equal(sil_session_open(eng, &s, NULL), SIL_OK);
    return s;
}

/* Digest of the logits of every prompt position, with the prompt fed in pieces of `chunk` tokens. */
static sil_err digest(struct sil_session *s, struct sil_engine *eng, const struct fixture *f, uint32_t chunk,
                      char out[SHA_HEX]) {
    struct sha sha;
    sha_begin(&sha);
    for (uint32_t at = 0; at < N_PROMPT; at += chunk) {
        uint32_t n = N_PROMPT - at < chunk ? N_PROMPT - at : chunk;
        struct sil_step_item item = {.session = s, .tokens = f->prompt + at, .n_tokens = n, .n_logits = n};
        sil_err err = sil_step(eng, &item, 1, NULL);
        if (err != SIL_OK) return err;
        sha_add(&sha, item.logits, (size_t)n * N_VOCAB * sizeof(float));
    }
    sha_end(&sha, out);
    return SIL_OK;
}

static void digest_chunks(struct sil_engine *eng, const struct fixture *f, uint32_t chunk, char out[SHA_HEX]) {
    struct sil_session *s = session(eng);
    assert_int_equal(digest(s, eng, f, chunk, out), SIL_OK);
    sil_session_close(s);
}

static void expect_digest(const struct fixture *f, const char *cpu, struct sil_engine_config c, uint32_t chunk,
                          const char *want) {
    struct sil_model *m = open_model(f->path, cpu);
    struct sil_engine *eng = engine(m, c);
    char got[SHA_HEX];
    digest_chunks(eng, f, chunk, got);
    sil_engine_close(eng);
    sil_model_close(m);
    if (strcmp(got, want) != 0)
        fail_msg("threads %u, batch %u, cpu %s, chunk %u: %s instead of %s", c.n_threads, c.n_batch, cpu, chunk, got,
                 want);
}

static void same_everywhere(bool qwen3, enum dtype type) {
    struct fixture f;
    open_fixture(&f, qwen3, type);
    struct sil_model *scalar = open_model(f.path, "scalar");
    struct sil_engine *eng = engine(scalar, (struct sil_engine_config){.n_threads = 1});
    char want[SHA_HEX];
    digest_chunks(eng, &f, N_PROMPT, want);
    sil_engine_close(eng);
    sil_model_close(scalar);
    static const char *const cpus[] = {"scalar", "avx2", "avx512", "neon", "native"};
    static const uint32_t chunks[] = {1, 7, 64, N_PROMPT};
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        uint32_t mask;
        if (cpu_parse(cpus[i], cpu_detect(), &mask, NULL) != SIL_OK) continue;
        expect_digest(&f, cpus[i], (struct sil_engine_config){.n_threads = 2}, N_PROMPT, want);
    }
    for (uint32_t t = 1; t <= 4; t++)
        expect_digest(&f, "native", (struct sil_engine_config){.n_threads = t, .n_batch = 13 * t}, 64, want);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        expect_digest(&f, "native", (struct sil_engine_config){.n_threads = 2}, chunks[i], want);
    close_fixture(&f);
}

static void test_same_llama_f16(void **state) {
    (void)state;
    same_everywhere(false, DTYPE_F16);
}

static void test_same_llama_q8(void **state) {
    (void)state;
    same_everywhere(false, DTYPE_Q8_0);
}

static void test_same_qwen3_q4k(void **state) {
    (void)state;
    same_everywhere(true, DTYPE_Q4_K);
}

/* Sequences of different lengths stepped together give what each gives alone. */
static void test_neighbours(void **state) {
    (void)state;
    enum { N = 8 };
    struct fixture f;
    open_fixture(&f, false, DTYPE_Q8_0);
    struct sil_engine *eng = engine(f.model, (struct sil_engine_config){.n_sessions = N, .n_batch = 50, .n_logits = N});
    struct sil_session *s[N];
    struct sil_step_item items[N];
    static float alone[N][N_VOCAB];
    for (uint32_t i = 0; i < N; i++) {
        s[i] = session(eng);
        items[i] =
            (struct sil_step_item){.session = s[i], .tokens = f.prompt + i, .n_tokens = 1 + i * 11, .n_logits = 1};
        assert_int_equal(sil_step(eng, &items[i], 1, NULL), SIL_OK);
        memcpy(alone[i], items[i].logits, sizeof alone[i]);
        sil_session_truncate(s[i], 0);
    }
    assert_int_equal(sil_step(eng, items, N, NULL), SIL_OK);
    for (uint32_t i = 0; i < N; i++) assert_memory_equal(items[i].logits, alone[i], sizeof alone[i]);
    for (uint32_t i = 0; i < N; i++) sil_session_close(s[i]);
    sil_engine_close(eng);
    close_fixture(&f);
}

struct packer {
    const struct fixture *f;
    struct sil_engine *eng;
    struct sil_session *s;
    uint32_t chunk;
    sil_err err;
    char got[SHA_HEX];
};

static struct packer packer(const struct fixture *f, struct sil_model *m, uint32_t chunk) {
    struct packer p = {.f = f, .eng = engine(m, (struct sil_engine_config){.n_threads = 2}), .chunk = chunk};
    p.s = session(p.eng);
    return p;
}

/* In a thread of its own, where no test may fail. */
static void *packer_main(void *arg) {
    struct packer *p = arg;
    p->err = digest(p->s, p->eng, p->f, p->chunk, p->got);
    return NULL;
}

static void packer_end(struct packer *p) {
    assert_int_equal(p->err, SIL_OK);
    sil_session_close(p->s);
    sil_engine_close(p->eng);
}

/* Two engines of one model, whose passes pack its weights while they use them. */
static void test_packed_later(void **state) {
    (void)state;
    struct fixture f;
    struct sil_error e = {0};
    struct packer p[3];
    open_fixture(&f, true, DTYPE_Q8_0);
    p[2] = packer(&f, f.model, N_PROMPT);
    packer_main(&p[2]);
    packer_end(&p[2]);
    for (int round = 0; round < 4; round++) {
        struct sil_model_config c = {.pack_later = true};
        struct sil_model *m = NULL;
        pthread_t thread;
        if (sil_model_open(f.path, &c, &m, &e) != SIL_OK) fail_msg("%s", e.text);
        assert_true(m->m->packed_bytes == 0 || !m->m->output.w.packed);
        for (uint32_t i = 0; i < 2; i++) p[i] = packer(&f, m, i && round > 1 ? 45 : 3);
        assert_int_equal(pthread_create(&thread, NULL, packer_main, &p[0]), 0);
        packer_main(&p[1]);
        pthread_join(thread, NULL);
        for (uint32_t i = 0; i < 2; i++) packer_end(&p[i]);
        assert_true(m->m->packed_bytes == 0 || m->m->output.w.packed);
        for (uint32_t i = 0; i < 2; i++) assert_string_equal(p[i].got, p[2].got);
        sil_model_close(m);
    }
    close_fixture(&f);
}

/* Dropped tokens leave no trace. */
static void test_truncate(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, true, DTYPE_F32);
    struct sil_engine *eng = engine(f.model, (struct sil_engine_config){0});
    struct sil_session *s = session(eng);
    static float want[N_VOCAB];
    struct sil_step_item whole = {.session = s, .tokens = f.prompt, .n_tokens = N_PROMPT, .n_logits = 1};
    assert_int_equal(sil_step(eng, &whole, 1, NULL), SIL_OK);
    memcpy(want, whole.logits, sizeof want);
    sil_session_truncate(s, 0);
    uint32_t other[70];
    for (uint32_t i = 0; i < 70; i++) other[i] = 7;
    struct sil_step_item parts[3] = {{.session = s, .tokens = f.prompt, .n_tokens = 60},
                                     {.session = s, .tokens = other, .n_tokens = 70},
                                     {.session = s, .tokens = f.prompt + 60, .n_tokens = N_PROMPT - 60, .n_logits = 1}};
    assert_int_equal(sil_step(eng, &parts[0], 1, NULL), SIL_OK);
    assert_int_equal(sil_step(eng, &parts[1], 1, NULL), SIL_OK);
    sil_session_truncate(s, 60);
    assert_int_equal(sil_step(eng, &parts[2], 1, NULL), SIL_OK);
    assert_memory_equal(parts[2].logits, want, sizeof want);
    sil_session_close(s);
    sil_engine_close(eng);
    close_fixture(&f);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_llama_f16), cmocka_unit_test(test_same_llama_q8),
        cmocka_unit_test(test_same_qwen3_q4k), cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_packed_later),   cmocka_unit_test(test_truncate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
