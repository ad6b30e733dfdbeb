/* Whole models' own bits: SHA-256 over every row of logits and every token of 32 sequences (prompts and answers, greedy
 * and drawn), for small models of several formats. The constants define the profile (docs/arithmetic.md): they were
 * made by the scalar kernels, one thread, one sequence at a time, nothing shared and nothing guessed, and every other
 * way must give them again: each instruction set, 1 to 4 threads, 1 to 32 sequences in a step, prompts cut anyhow, with
 * and without the prefix tree, with and without guesses. Sanitized builds try two ways on this machine's best level,
 * emulated processors (SILLOK_TEST_EMULATED) other two of each model; SILLOK_TEST_FULL=1 tries every combination on
 * every level. */
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

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW_BUILD 1
#endif
#endif
#if !defined(SLOW_BUILD) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define SLOW_BUILD 1
#endif
#ifndef SLOW_BUILD
#define SLOW_BUILD 0
#endif

enum { VOCAB = 384, CTX = 192, SEQUENCES = 32, NEW_TOKENS = 10, PROMPT_MAX = 104, ROWS_MAX = 256 };

struct way {
    uint32_t threads, together, chunk, batch, draft;
    bool shared;
};

static const struct way plainest = {.threads = 1, .together = 1, .chunk = PROMPT_MAX, .batch = 256};

/* Sequence i: its prompt (some begin alike, some are one token) and its sampling. */
static uint32_t make_prompt(uint32_t i, uint32_t *tokens) {
    uint32_t n = i % 8 == 7 ? 1 : 12 + i * 29 % 90;
    for (uint32_t k = 0; k < n; k++) tokens[k] = i % 2 && k < 70 ? 5 + k * 7 % 90 : (i * 31 + k % (9 + i)) % VOCAB;
    return n;
}

static struct sil_sampling make_sampling(uint32_t i) {
    struct sil_sampling p = sil_sampling_default();
    p.seed = 1000 + i;
    if (i % 4 == 0) p.repeat_penalty = 0.2f; /* says the same again and again */
    if (i % 4 == 1) p.temperature = 0.5f;
    if (i % 4 == 2) p.temperature = 1.0f, p.top_k = 40, p.top_p = 0.9f;
    if (i % 4 == 3) p.temperature = 0.8f, p.min_p = 0.02f, p.repeat_penalty = 1.1f, p.frequency_penalty = 0.2f;
    return p;
}

struct sequence {
    struct sil_decoder d;
    struct sha sha;
    uint32_t prompt[PROMPT_MAX], n_prompt, at, n_new;
};

static void add_rows(struct sequence *q, const float *logits, uint32_t n_rows, const uint32_t *tokens) {
    for (uint32_t i = 0; i < n_rows; i++) {
        sha_add(&q->sha, logits + (size_t)i * VOCAB, VOCAB * sizeof *logits);
        sha_add(&q->sha, &tokens[i], sizeof *tokens);
    }
    q->n_new += n_rows;
}

static void begin(struct sil_engine *eng, struct sequence *q, uint32_t i, const struct way *w) {
    *q = (struct sequence){0};
    q->n_prompt = make_prompt(i, q->prompt);
    q->d = (struct sil_decoder){.sampling = make_sampling(i), .prompt_length = q->n_prompt, .n_draft = w->draft};
    sha_begin(&q->sha);
    sil_err err =
        w->shared ? sil_session_open_shared(eng, 1, &q->d.session, NULL) : sil_session_open(eng, &q->d.session, NULL);
    assert_int_equal(err, SIL_OK);
    q->at = sil_session_reuse(q->d.session, q->prompt, q->n_prompt);
}

/* One step of a group, prompts and answers mixed; false when all are done. */
static bool step_group(struct sil_engine *eng, struct sequence *q, uint32_t n, const struct way *w) {
    static struct sil_step_item items[SEQUENCES];
    uint32_t who[SEQUENCES], n_items = 0, tokens[1 + SIL_DRAFT_MAX], more;
    for (uint32_t i = 0; i < n; i++) {
        if (q[i].n_new == NEW_TOKENS) continue;
        struct sil_step_item *item = &items[n_items];
        uint32_t left = q[i].n_prompt - q[i].at, piece = left < w->chunk ? left : w->chunk;
        *item = (struct sil_step_item){
            .session = q[i].d.session, .tokens = q[i].prompt + q[i].at, .n_tokens = piece, .n_logits = piece == left};
        if (left == 0) sil_decode_item(&q[i].d, item);
        who[n_items++] = i;
    }
    if (n_items == 0) return false;
    assert_int_equal(sil_step(eng, items, n_items, NULL), SIL_OK);
    for (uint32_t k = 0; k < n_items; k++) {
        struct sequence *s = &q[who[k]];
        if (s->at == s->n_prompt) {
            assert_int_equal(sil_decode_take(&s->d, &items[k], NEW_TOKENS - s->n_new, tokens, &more, NULL), SIL_OK);
            add_rows(s, items[k].logits, more, tokens);
            continue;
        }
        s->at += items[k].n_tokens;
        if (s->at < s->n_prompt) continue;
        assert_int_equal(sil_decode_first(&s->d, items[k].logits, tokens, NULL), SIL_OK);
        add_rows(s, items[k].logits, 1, tokens);
    }
    return true;
}

/* What the ways have in fact made use of. */
static uint64_t guessed_rightly, found_shared;

static void digest(const struct sil_model *m, enum sil_kv kv, const struct way *w, char out[SHA_HEX]) {
    static struct sequence q[SEQUENCES];
    struct sil_engine_config c = {.n_ctx = CTX,
                                  .n_sessions = w->together + 2,
                                  .n_batch = w->batch,
                                  .n_logits = ROWS_MAX,
                                  .n_threads = w->threads,
                                  .kv = kv};
    struct sil_engine *eng = NULL;
    struct sil_error e = {0};
    struct sha all;
    if (sil_engine_open(m, &c, &eng, &e) != SIL_OK) fail_msg("%s", e.text);
    sha_begin(&all);
    for (uint32_t first = 0; first < SEQUENCES; first += w->together) {
        uint32_t n = SEQUENCES - first < w->together ? SEQUENCES - first : w->together;
        for (uint32_t i = 0; i < n; i++) begin(eng, &q[i], first + i, w);
        while (step_group(eng, q, n, w)) {
        }
        for (uint32_t i = 0; i < n; i++) {
            char one[SHA_HEX];
            sha_end(&q[i].sha, one);
            sha_add(&all, one, SHA_HEX);
            guessed_rightly += q[i].d.n_accepted;
            sil_session_close(q[i].d.session);
        }
    }
    struct sil_engine_stats st;
    sil_engine_stats(eng, &st);
    found_shared += st.reuse_found;
    sha_end(&all, out);
    sil_engine_close(eng);
}

static void check_way(const struct sil_model *m, enum sil_kv kv, const struct way *w, const char *want) {
    char got[SHA_HEX];
    digest(m, kv, w, got);
    if (strcmp(got, want) != 0)
        fail_msg("%s on %s, %u threads, %u together, chunks of %u, passes of %u, %s, %u guesses: instead of %s", got,
                 cpu_name(m->m->cpu_mask), w->threads, w->together, w->chunk, w->batch, w->shared ? "shared" : "alone",
                 w->draft, want);
}

static const uint32_t groups[] = {1, 3, 8, 32}, chunks[] = {1, 13, 64, PROMPT_MAX}, passes[] = {7, 32, 64, 256};

/* Sixteen ways in which every pair of threads and group size, and every single value of the rest, occurs; or all. */
static void check_level(const struct sil_model *m, enum sil_kv kv, uint32_t first, uint32_t n_ways, const char *want) {
    for (uint32_t i = first; i < first + n_ways; i++) {
        uint32_t t = i % 4, g = i / 4 % 4, rest = i < 16 ? t + g : i / 16;
        struct way w = {.threads = t + 1,
                        .together = groups[(g + t) % 4],
                        .chunk = chunks[(i < 16 ? t + 2 * g + 1 : rest / 4) % 4],
                        .batch = passes[(rest + g) % 4],
                        .draft = (i + i / 4) % 2 ? 5 : 0,
                        .shared = (i / 2 + i / 8) % 2};
        check_way(m, kv, &w, want);
    }
}

struct level {
    uint32_t mask, n_ways;
};

/* How much of this is tried. */
static bool full(void) {
    return getenv("SILLOK_TEST_FULL") != NULL;
}

static bool emulated(void) {
    return getenv("SILLOK_TEST_EMULATED") && !full();
}

/* Weights that the passes themselves pack: a part in each of many small ones, all in a large one. */
static void check_packed_later(const char *path, uint32_t mask, enum sil_kv kv, const char *want) {
    const struct way ways[] = {{.threads = 1, .together = 1, .chunk = 1, .batch = 64},
                               {.threads = 2, .together = 3, .chunk = 13, .batch = 7, .draft = 5},
                               {.threads = 3, .together = 8, .chunk = PROMPT_MAX, .batch = 256, .shared = true}};
    for (size_t i = 0; i < (SLOW_BUILD || emulated() ? 1 : 3); i++) {
        struct sil_error e = {0};
        struct sil_model m = {NULL};
        if (model_open(mem_libc(), path, mask, 0, &m.m, &e) != SIL_OK) fail_msg("%s", e.text);
        check_way(&m, kv, &ways[i], want);
        model_close(m.m);
    }
}

static void check_mask(const char *path, uint32_t mask, enum sil_kv kv, uint32_t first, uint32_t n_ways,
                       const char *want) {
    struct sil_error e = {0};
    struct sil_model m = {NULL};
    if (model_open(mem_libc(), path, mask, 2, &m.m, &e) != SIL_OK) fail_msg("%s", e.text);
    if (mask == 0) check_way(&m, kv, &plainest, want);
    check_level(&m, kv, first, n_ways, want);
    model_close(m.m);
    check_packed_later(path, mask, kv, want);
}

static void check_model(const struct mm_spec *spec, enum sil_kv kv, const char *want) {
    static const struct level levels[] = {{0, 1},
                                          {CPU_AVX2, 4},
                                          {CPU_AVX2 | CPU_AVX512, 4},
                                          {CPU_AVX2 | CPU_AVX512 | CPU_VNNI, 16},
                                          {CPU_NEON, 4},
                                          {CPU_NEON | CPU_DOTPROD, 16}};
    static uint32_t n_models;
    uint32_t other = 2 * n_models++ % 16;
    char path[TEST_PATH];
    test_model(spec, path);
    guessed_rightly = found_shared = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (levels[i].mask & ~cpu_detect()) continue;
        if (full()) check_mask(path, levels[i].mask, kv, 0, 256, want);
        else if (emulated() && levels[i].mask != 0) check_mask(path, levels[i].mask, kv, other + i % 2, 1, want);
        else if (!SLOW_BUILD && !emulated()) check_mask(path, levels[i].mask, kv, 0, levels[i].n_ways, want);
    }
    if (SLOW_BUILD && !full()) check_mask(path, cpu_detect(), kv, 0, 2, want);
    unlink(path);
    printf("# %llu guesses came true, %llu tokens were found in the tree\n", (unsigned long long)guessed_rightly,
           (unsigned long long)found_shared);
    if (!SLOW_BUILD && !emulated()) assert_true(found_shared > 0 && guessed_rightly > 0);
}

static struct mm_spec small(enum dtype type) {
    struct mm_spec s = mm_default();
    s.type = type;
    s.layers = 2;
    s.ffn = 256;
    s.vocab = VOCAB;
    return s;
}

static void test_q8_0(void **state) {
    (void)state;
    struct mm_spec s = small(DTYPE_Q8_0);
    s.rope = MM_ROPE_LLAMA3;
    check_model(&s, SIL_KV_F16, "0d8b544922ae9825e158162218438c3b698a0ceb563c29c5eaa01834a4a640be");
}

static void test_q4_k_m(void **state) {
    (void)state;
    struct mm_spec s = small(DTYPE_Q4_K);
    s.mixture = true;
    s.outliers = 3;
    check_model(&s, SIL_KV_F16, "24ee727086fd36eb705f3cac4862916fc40e831917051d0560bfffb74e1090ce");
}

static void test_qwen3_q4_0(void **state) {
    (void)state;
    struct mm_spec s = small(DTYPE_Q4_0);
    s.qwen3 = s.byte_bpe = s.tied = true;
    check_model(&s, SIL_KV_F16, "557e8844abdf146999bed4f8bf4e4fd91071f30b8331f37a15cafa258d660377");
}

static void test_bf16(void **state) {
    (void)state;
    struct mm_spec s = small(DTYPE_BF16);
    s.bias = true;
    s.rope = MM_ROPE_YARN;
    check_model(&s, SIL_KV_F16, "4cb0551668ee57893e2292222c1daf5cf94f2ce9691f728f511126ee1ab0a86f");
}

/* Profile CA/1;kv=int8. */
static void test_q8_0_int8(void **state) {
    (void)state;
    struct mm_spec s = small(DTYPE_Q8_0);
    s.rope = MM_ROPE_LLAMA3;
    check_model(&s, SIL_KV_INT8, "142ed48995e67825af99df5deafe2fbe47df34fc9cf0e592427ef14524afc49d");
}

static void test_qwen3_int8(void **state) {
    (void)state;
    struct mm_spec s = small(DTYPE_Q4_0);
    s.qwen3 = s.byte_bpe = s.tied = true;
    s.head_dim = 32;
    check_model(&s, SIL_KV_INT8, "bdbe2f7e41b5a0b5d497e055466ffb8943ef67a61a10c78f55913d4b94776863");
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_q8_0),       cmocka_unit_test(test_q4_k_m),
                                       cmocka_unit_test(test_qwen3_q4_0), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_q8_0_int8),  cmocka_unit_test(test_qwen3_int8)};
    return cmocka_run_group_tests_name("golden model", tests, NULL, NULL);
}
