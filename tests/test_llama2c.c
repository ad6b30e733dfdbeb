/* llama2.c files: read, refused, and turned into GGUF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/llama2c.h"
#include "llama2c_cases.h"
#include "support.h"

enum { FILE_MAX = 64 << 20, DIM = 4, HIDDEN = 6, LAYERS = 2, KV = 2, CONTEXT = 16, HEAD = 2 };

static sil_err to_buf(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

struct files {
    struct buf model, vocab;
};

static struct files files_of(const struct llama2c_shape *s) {
    struct files f;
    buf_init(&f.model, mem_libc(), FILE_MAX);
    buf_init(&f.vocab, mem_libc(), FILE_MAX);
    llama2c_make_model(&f.model, s);
    llama2c_make_vocab(&f.vocab);
    return f;
}

static void free_files(struct files *f) {
    buf_free(&f->model);
    buf_free(&f->vocab);
}

static sil_err convert(const struct files *f, struct arena *a, struct buf *out, struct sil_error *e) {
    struct llama2c m;
    struct llama2c_vocab v;
    struct gguf_writer *w;
    sil_err err = llama2c_parse(buf_view(&f->model), &m, e);
    if (err == SIL_OK) err = llama2c_vocab(a, buf_view(&f->vocab), m.n_vocab, &v, e);
    if (err == SIL_OK) err = llama2c_gguf(a, &m, &v, &w, e);
    if (err == SIL_OK) err = gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = out}, e);
    return err;
}

/* The tensor must hold the floats that start at number `at` of the model file (see llama2c_make_model). */
static void expect(const struct gguf *g, const char *name, uint64_t d0, uint64_t d1, size_t at) {
    const struct gguf_tensor *t = gguf_tensor(g, name);
    if (!t) fail_msg("no %s", name);
    assert_int_equal(t->type, DTYPE_F32);
    assert_int_equal(t->n_dims, d1 ? 2 : 1);
    assert_int_equal(t->dims[0], d0);
    assert_int_equal(t->dims[1], d1 ? d1 : 1);
    for (size_t i = 0; i < d0 * (d1 ? d1 : 1); i++) {
        float f;
        memcpy(&f, t->data + 4 * i, 4);
        if (f != (float)(at + i) / 64) fail_msg("%s: element %zu is %g", name, i, (double)f);
    }
}

/* Where each array begins in the file, in floats. */
struct places {
    size_t embedding, att_norm, wq, wk, wv, wo, ffn_norm, gate, down, up, out_norm, output;
};

static struct places places_0(void) {
    struct places p = {0};
    p.att_norm = LLAMA2C_CASE_VOCAB * DIM;
    p.wq = p.att_norm + LAYERS * DIM;
    p.wk = p.wq + LAYERS * DIM * DIM;
    p.wv = p.wk + LAYERS * KV * DIM;
    p.wo = p.wv + LAYERS * KV * DIM;
    p.ffn_norm = p.wo + LAYERS * DIM * DIM;
    p.gate = p.ffn_norm + LAYERS * DIM;
    p.down = p.gate + LAYERS * HIDDEN * DIM;
    p.up = p.down + LAYERS * HIDDEN * DIM;
    p.out_norm = p.up + LAYERS * HIDDEN * DIM;
    p.output = p.out_norm + DIM + CONTEXT * HEAD;
    return p;
}

static struct places places_1(void) {
    struct places p = {0};
    p.ffn_norm = LAYERS * DIM;
    p.out_norm = p.ffn_norm + LAYERS * DIM;
    p.embedding = p.out_norm + DIM;
    p.wq = p.embedding + LLAMA2C_CASE_VOCAB * DIM;
    p.wk = p.wq + LAYERS * DIM * DIM;
    p.wv = p.wk + LAYERS * KV * DIM;
    p.wo = p.wv + LAYERS * KV * DIM;
    p.gate = p.wo + LAYERS * DIM * DIM;
    p.down = p.gate + LAYERS * HIDDEN * DIM;
    p.up = p.down + LAYERS * HIDDEN * DIM;
    p.output = p.up + LAYERS * HIDDEN * DIM;
    return p;
}

static void expect_layer(const struct gguf *g, size_t i, const struct places *p) {
    char name[64];
#define EXPECT(what, d0, d1, array)                                                                                    \
    snprintf(name, sizeof name, "blk.%zu." what ".weight", i);                                                         \
    expect(g, name, d0, d1, p->array + i * (d0) * ((d1) ? (d1) : 1))
    EXPECT("attn_norm", DIM, 0, att_norm);
    EXPECT("attn_q", DIM, DIM, wq);
    EXPECT("attn_k", DIM, KV, wk);
    EXPECT("attn_v", DIM, KV, wv);
    EXPECT("attn_output", DIM, DIM, wo);
    EXPECT("ffn_norm", DIM, 0, ffn_norm);
    EXPECT("ffn_gate", DIM, HIDDEN, gate);
    EXPECT("ffn_down", HIDDEN, DIM, down);
    EXPECT("ffn_up", DIM, HIDDEN, up);
#undef EXPECT
}

static void test_every_weight_finds_its_place(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        struct llama2c_shape s = llama2c_small;
        s.tied = k & 1;
        s.version = (uint32_t)k >> 1;
        struct places p = s.version ? places_1() : places_0();
        struct files f = files_of(&s);
        struct arena a;
        struct gguf *g;
        struct buf out;
        struct sil_error e = {0};
        arena_init(&a, mem_libc(), FILE_MAX);
        buf_init(&out, mem_libc(), FILE_MAX);
        if (convert(&f, &a, &out, &e) != SIL_OK) fail_msg("%s", e.text);
        if (gguf_parse(&a, buf_view(&out), false, &g, &e) != SIL_OK) fail_msg("%s", e.text);
        assert_int_equal(g->n_tensors, 9 * LAYERS + 2 + !s.tied);
        expect(g, "token_embd.weight", DIM, LLAMA2C_CASE_VOCAB, p.embedding);
        expect(g, "output_norm.weight", DIM, 0, p.out_norm);
        if (!s.tied) expect(g, "output.weight", DIM, LLAMA2C_CASE_VOCAB, p.output);
        for (size_t i = 0; i < LAYERS; i++) expect_layer(g, i, &p);
        buf_free(&out);
        arena_free(&a);
        free_files(&f);
    }
}

static void number_is(const struct gguf *g, const char *key, uint32_t want) {
    uint32_t u = ~want;
    struct sil_error e = {0};
    if (gguf_u32(g, key, &u, &e) != SIL_OK) fail_msg("%s", e.text);
    if (u != want) fail_msg("%s is %u", key, u);
}

static void test_keys_and_vocabulary(void **state) {
    (void)state;
    static const char *const texts[] = {"<unk>", "<s>", "</s>", "<0x0A>", "▁a", "b", "▁", "<0x0g>"};
    static const int types[] = {2, 3, 3, 6, 1, 1, 1, 1};
    struct files f = files_of(&llama2c_small);
    struct arena a;
    struct gguf *g;
    struct buf out;
    const struct gguf_array *tokens, *scores, *kinds;
    struct str s;
    float eps = 0;
    arena_init(&a, mem_libc(), FILE_MAX);
    buf_init(&out, mem_libc(), FILE_MAX);
    assert_int_equal(convert(&f, &a, &out, NULL), SIL_OK);
    assert_int_equal(gguf_parse(&a, buf_view(&out), false, &g, NULL), SIL_OK);
    number_is(g, "llama.embedding_length", DIM);
    number_is(g, "llama.feed_forward_length", HIDDEN);
    number_is(g, "llama.block_count", LAYERS);
    number_is(g, "llama.attention.head_count", 2);
    number_is(g, "llama.attention.head_count_kv", 1);
    number_is(g, "llama.context_length", CONTEXT);
    number_is(g, "llama.rope.dimension_count", HEAD);
    number_is(g, "tokenizer.ggml.bos_token_id", 1);
    number_is(g, "tokenizer.ggml.eos_token_id", 2);
    assert_int_equal(gguf_f32(g, "llama.attention.layer_norm_rms_epsilon", &eps, NULL), SIL_OK);
    assert_true(eps == 1e-5f);
    assert_int_equal(gguf_str(g, "tokenizer.ggml.model", &s, NULL), SIL_OK);
    assert_true(str_eq(s, STR("llama")));
    assert_int_equal(gguf_array(g, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, NULL), SIL_OK);
    assert_int_equal(gguf_array(g, "tokenizer.ggml.scores", GGUF_F32, &scores, NULL), SIL_OK);
    assert_int_equal(gguf_array(g, "tokenizer.ggml.token_type", GGUF_I32, &kinds, NULL), SIL_OK);
    for (uint64_t i = 0; i < LLAMA2C_CASE_VOCAB; i++) {
        if (!str_eq(tokens->strings[i], str_of(texts[i]))) fail_msg("token %d", (int)i);
        assert_int_equal(gguf_array_int(kinds, i), types[i]);
        assert_true(gguf_array_float(scores, i) == -(double)i);
    }
    buf_free(&out);
    arena_free(&a);
    free_files(&f);
}

static void test_equal_inputs_give_equal_bytes(void **state) {
    (void)state;
    struct buf out[2];
    for (int k = 0; k < 2; k++) {
        struct files f = files_of(&llama2c_small); /* elsewhere in memory each time */
        struct arena a;
        arena_init(&a, mem_libc(), FILE_MAX);
        buf_init(&out[k], mem_libc(), FILE_MAX);
        assert_int_equal(convert(&f, &a, &out[k], NULL), SIL_OK);
        arena_free(&a);
        if (k) free_files(&f);
        else {
            memset(f.model.p, 0xa5, f.model.n);
            free_files(&f);
        }
    }
    assert_int_equal(out[0].n, out[1].n);
    assert_memory_equal(out[0].p, out[1].p, out[0].n);
    buf_free(&out[0]);
    buf_free(&out[1]);
}

static void test_bad_files_give_their_error(void **state) {
    (void)state;
    static const struct {
        const char *name;
        sil_err code;
        const char *text;
    } want[] = {
        {"dim_zero", SIL_FORMAT, "header says dim 0"},
        {"hidden_negative", SIL_FORMAT, "hidden -6"},
        {"layers_huge", SIL_FORMAT, "layers 2147483647"},
        {"heads_zero", SIL_FORMAT, "heads 0"},
        {"kv_heads_odd", SIL_FORMAT, "2 heads and 3 KV heads do not go together"},
        {"vocab_min", SIL_FORMAT, "vocabulary -2147483648"},
        {"vocab_large", SIL_FORMAT, "too few for the model"},
        {"context_large", SIL_FORMAT, "too few for the model"},
        {"cut", SIL_FORMAT, "too few for the model"},
        {"longer", SIL_FORMAT, "1 bytes follow the model"},
        {"version_2", SIL_UNSUPPORTED, "version 2 (quantised)"},
        {"token_long", SIL_FORMAT, "token 0 has a length of 4294967295 bytes"},
        {"tokens_few", SIL_FORMAT, "the tokenizer ends before token 7 of 8"},
        {"head_odd", SIL_FORMAT, "dim 4, 4 heads and 1 KV heads do not go together"},
        {"flag_2", SIL_FORMAT, "the flag of a shared classifier is 2"},
        {"padding", SIL_FORMAT, "byte 255 of the header, which is padding,"},
        {"token_5000", SIL_FORMAT, "token 0 has a length of 5000 bytes"},
        {"score_nan", SIL_FORMAT, "token 0 has a score that is not a finite number"},
        {"tokens_many", SIL_FORMAT, "more than the model's 8 tokens"},
    };
    size_t judged = 0;
    for (size_t i = 0; i < llama2c_n_cases; i++)
        for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
            if (strcmp(llama2c_cases[i].name, want[k].name) != 0) continue;
            struct files f;
            struct buf out;
            struct arena a;
            struct sil_error e = {0};
            arena_init(&a, mem_libc(), FILE_MAX);
            buf_init(&f.model, mem_libc(), FILE_MAX);
            buf_init(&f.vocab, mem_libc(), FILE_MAX);
            buf_init(&out, mem_libc(), FILE_MAX);
            llama2c_cases[i].make(&f.model, &f.vocab);
            sil_err err = convert(&f, &a, &out, &e);
            if (err != want[k].code || !strstr(e.text, want[k].text))
                fail_msg("%s: %s \"%s\"", want[k].name, sil_err_name(err), e.text);
            assert_int_equal(out.n, 0);
            arena_free(&a);
            free_files(&f);
            judged++;
        }
    assert_int_equal(judged, sizeof want / sizeof *want);
    assert_int_equal(judged + 3, llama2c_n_cases); /* the three good ones */
}

/* Every prefix of both files, each in its own allocation. */
static void test_every_truncation_fails_cleanly(void **state) {
    (void)state;
    for (uint32_t version = 0; version < 2; version++) {
        struct llama2c_shape s = llama2c_small;
        s.version = version;
        struct files f = files_of(&s);
        for (size_t n = 0; n < f.model.n; n++) {
            struct llama2c m;
            struct sil_error e = {0};
            char *copy = malloc(n ? n : 1);
            memcpy(copy, f.model.p, n);
            assert_int_equal(llama2c_parse((struct str){copy, n}, &m, &e), SIL_FORMAT);
            assert_true(e.text[0] != '\0');
            free(copy);
        }
        for (size_t n = 0; n < f.vocab.n; n++) {
            struct llama2c_vocab v;
            struct arena a;
            char *copy = malloc(n ? n : 1);
            memcpy(copy, f.vocab.p, n);
            arena_init(&a, mem_libc(), FILE_MAX);
            assert_int_equal(llama2c_vocab(&a, (struct str){copy, n}, LLAMA2C_CASE_VOCAB, &v, NULL), SIL_FORMAT);
            arena_free(&a);
            free(copy);
        }
        free_files(&f);
    }
}

static sil_err convert_step(void *ctx, struct mem mem) {
    struct arena a;
    struct buf out;
    arena_init(&a, mem, FILE_MAX);
    buf_init(&out, mem_libc(), FILE_MAX);
    sil_err err = convert(ctx, &a, &out, NULL);
    buf_free(&out);
    arena_free(&a);
    return err;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    struct files f = files_of(&llama2c_small);
    assert_true(test_each_allocation(convert_step, &f) >= 1);
    free_files(&f);
}

/* Whatever limit the arena meets in the middle is reported as memory, and nothing is written. */
static void test_every_arena_limit(void **state) {
    (void)state;
    struct files f = files_of(&llama2c_small);
    sil_err err = SIL_NOMEM;
    for (size_t limit = 0; limit < 200000 && err != SIL_OK; limit += 97) {
        struct arena a;
        struct buf out;
        arena_init(&a, mem_libc(), limit);
        buf_init(&out, mem_libc(), FILE_MAX);
        err = convert(&f, &a, &out, NULL);
        assert_true(err == SIL_OK || (err == SIL_NOMEM && out.n == 0));
        buf_free(&out);
        arena_free(&a);
    }
    assert_int_equal(err, SIL_OK);
    free_files(&f);
}

static void test_corpus_is_current(void **state) {
    (void)state;
    for (size_t i = 0; i < llama2c_n_cases; i++) {
        const struct llama2c_case *c = &llama2c_cases[i];
        char path[256];
        struct buf made, file;
        snprintf(path, sizeof path, "fuzz/corpus/llama2c/%s/%s", c->good ? "good" : "bad", c->name);
        buf_init(&made, mem_libc(), FILE_MAX);
        buf_init(&file, mem_libc(), FILE_MAX);
        llama2c_make_case(c, &made);
        test_read_file(path, &file);
        if (!str_eq(buf_view(&made), buf_view(&file)))
            fail_msg("%s is old: run build/tests/tool_gguf_corpus fuzz/corpus", path);
        buf_free(&made);
        buf_free(&file);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_weight_finds_its_place),
        cmocka_unit_test(test_keys_and_vocabulary),
        cmocka_unit_test(test_equal_inputs_give_equal_bytes),
        cmocka_unit_test(test_bad_files_give_their_error),
        cmocka_unit_test(test_every_truncation_fails_cleanly),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_every_arena_limit),
        cmocka_unit_test(test_corpus_is_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
