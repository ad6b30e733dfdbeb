/* The tokenizer in a GGUF file's metadata: files as others write them, and each way in which they can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/gguf.h"
#include "make_model_vocab.h"
#include "model/vocab.h"
#include "support.h"

enum { FILE_MAX = 64 << 20, TOKENS = 6 };

#define KEY "tokenizer.ggml."

/* What a file says; a change makes it say something else. */
struct file {
    struct arena a;
    struct gguf_writer *w;
    struct buf bytes;
    struct gguf *g;
};

static sil_err to_buf(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

static void begin(struct file *f) {
    arena_init(&f->a, mem_libc(), FILE_MAX);
    buf_init(&f->bytes, mem_libc(), FILE_MAX);
    assert_int_equal(gguf_writer_new(&f->a, 32, &f->w), SIL_OK);
}

static const struct gguf *finish(struct file *f) {
    struct sil_error e = {0};
    if (gguf_write(f->w, (struct gguf_sink){.write = to_buf, .ctx = &f->bytes}, &e) != SIL_OK) fail_msg("%s", e.text);
    if (gguf_parse(&f->a, buf_view(&f->bytes), false, &f->g, &e) != SIL_OK) fail_msg("%s", e.text);
    return f->g;
}

static void end(struct file *f) {
    buf_free(&f->bytes);
    arena_free(&f->a);
}

/* A small SentencePiece vocabulary, but for the key `without`. */
static void put_spm(struct file *f, const char *without) {
    const struct str tokens[TOKENS] = {STR("<unk>"),
                                       STR("<s>"),
                                       STR("</s>"),
                                       STR("\xe2\x96\x81"),
                                       STR("a"),
                                       STR("\xe2\x96\x81"
                                           "a")};
    const float scores[TOKENS] = {0, 0, 0, -1, -2, -3};
    const int32_t types[TOKENS] = {TOK_UNKNOWN, TOK_CONTROL, TOK_CONTROL, TOK_NORMAL, TOK_NORMAL, TOK_NORMAL};
#define UNLESS(key, put)                                                                                               \
    if (strcmp(without, key) != 0) assert_int_equal(put, SIL_OK)
    UNLESS(KEY "model", gguf_put_str(f->w, KEY "model", STR("llama")));
    UNLESS(KEY "tokens", gguf_put_array_str(f->w, KEY "tokens", tokens, TOKENS));
    UNLESS(KEY "scores", gguf_put_array(f->w, KEY "scores", GGUF_F32, scores, TOKENS));
    UNLESS(KEY "token_type", gguf_put_array(f->w, KEY "token_type", GGUF_I32, types, TOKENS));
    UNLESS(KEY "bos_token_id", gguf_put_u32(f->w, KEY "bos_token_id", 1));
    UNLESS(KEY "eos_token_id", gguf_put_u32(f->w, KEY "eos_token_id", 2));
    UNLESS(KEY "unknown_token_id", gguf_put_u32(f->w, KEY "unknown_token_id", 0));
#undef UNLESS
}

static void ids_are(const struct tokenizer *t, const char *text, const uint32_t *want, size_t n) {
    struct tok_ids ids;
    tok_ids_init(&ids, mem_libc(), 1000);
    assert_int_equal(tok_encode(t, str_of(text), TOK_ADD_SPECIAL, &ids, NULL), SIL_OK);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.p, want, n * sizeof(*want));
    tok_ids_free(&ids);
}

static struct tokenizer *open_ok(struct file *f) {
    struct tokenizer *t;
    struct sil_error e = {0};
    if (vocab_open(finish(f), mem_libc(), &t, &e) != SIL_OK) fail_msg("%s", e.text);
    return t;
}

static void sentencepiece_with_its_defaults(void **state) {
    (void)state;
    struct file f;
    begin(&f);
    put_spm(&f, "");
    assert_int_equal(gguf_put_str(f.w, "tokenizer.chat_template", STR("{{ x }}")), SIL_OK);
    struct tokenizer *t = open_ok(&f);
    ids_are(t, "a ab", (const uint32_t[]){1, 5, 5, 0}, 4); /* BOS, the space in front, and 'b' unknown */
    assert_int_equal(tok_eos(t), 2);
    assert_true(tok_is_end(t, 2));
    assert_true(str_eq(vocab_chat_template(f.g), STR("{{ x }}")));
    end(&f); /* the tokenizer does not need the file any more */
    ids_are(t, "a", (const uint32_t[]){1, 5}, 2);
    tok_close(t);

    begin(&f);
    put_spm(&f, "");
    assert_int_equal(gguf_put_bool(f.w, KEY "add_bos_token", false), SIL_OK);
    assert_int_equal(gguf_put_bool(f.w, KEY "add_eos_token", true), SIL_OK);
    assert_int_equal(gguf_put_bool(f.w, KEY "add_space_prefix", false), SIL_OK);
    t = open_ok(&f);
    ids_are(t, "a a", (const uint32_t[]){4, 5, 2}, 3);
    assert_int_equal(vocab_chat_template(f.g).n, 0);
    tok_close(t);
    end(&f);

    static const char *const optional[] = {KEY "token_type", KEY "bos_token_id", KEY "eos_token_id",
                                           KEY "unknown_token_id"};
    for (size_t i = 0; i < 4; i++) {
        begin(&f);
        put_spm(&f, optional[i]);
        tok_close(open_ok(&f));
        end(&f);
    }
}

static void vocabularies_of_made_models(void **state) {
    (void)state;
    static const char *const rules[] = {NULL, "gpt-2", "qwen2", "llama-bpe", "gpt-4o"};
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct file f;
        begin(&f);
        assert_int_equal(rules[i] ? mm_put_bpe(f.w, &f.a, 700, rules[i]) : mm_put_spm(f.w, &f.a, 700), SIL_OK);
        struct tokenizer *t = open_ok(&f);
        struct tok_ids ids;
        struct buf back;
        const char *text = "Hello, \xed\x95\x9c\xea\xb8\x80 123";
        tok_ids_init(&ids, mem_libc(), 1000);
        buf_init(&back, mem_libc(), 1000);
        assert_int_equal(tok_encode(t, str_of(text), 0, &ids, NULL), SIL_OK);
        assert_int_equal(tok_decode(t, ids.p, ids.n, false, &back), SIL_OK);
        assert_true(str_eq(buf_view(&back), str_of(text)));
        tok_ids_free(&ids);
        buf_free(&back);
        tok_close(t);
        end(&f);
    }
}

static sil_err put_wrong(struct file *f, const char *key, int how) {
    const uint32_t numbers[3] = {1, 2, 3};
    const struct str words[2] = {STR("x"), STR("y")};
    if (how == 0) return gguf_put_str(f->w, key, STR("nonesuch"));
    if (how == 1) return gguf_put_array(f->w, key, GGUF_U32, numbers, 3);
    if (how == 2) return gguf_put_array_str(f->w, key, words, 2);
    return gguf_put_u32(f->w, key, 4000000000u);
}

static void refused(struct file *f, const char *words) {
    struct tokenizer *t;
    struct sil_error e = {0};
    sil_err err = vocab_open(finish(f), mem_libc(), &t, &e);
    assert_null(t);
    if ((err != SIL_FORMAT && err != SIL_UNSUPPORTED) || !strstr(e.text, words))
        fail_msg("%s: %s \"%s\"", words, sil_err_name(err), e.text);
    end(f);
}

static void missing_and_wrong_keys_are_refused(void **state) {
    (void)state;
    static const char *const needed[] = {"model", "tokens", "scores"};
    static const char *const all[] = {"model",        "tokens",       "scores",          "token_type",
                                      "bos_token_id", "eos_token_id", "unknown_token_id"};
    struct file f;
    char key[64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(key, sizeof(key), KEY "%s", needed[i]);
        begin(&f);
        put_spm(&f, key);
        refused(&f, key);
    }
    for (size_t i = 0; i < 7; i++) {
        for (int how = 0; how < 4; how++) {
            snprintf(key, sizeof(key), KEY "%s", all[i]);
            if (how == 2 && i == 1) continue; /* two tokens: said of the scores */
            begin(&f);
            put_spm(&f, key);
            assert_int_equal(put_wrong(&f, key, how), SIL_OK);
            refused(&f, i == 0 && how == 0 ? "nonesuch" : key);
        }
    }
    begin(&f);
    put_spm(&f, KEY "tokens");
    assert_int_equal(put_wrong(&f, KEY "tokens", 2), SIL_OK);
    refused(&f, "6 elements, but there are 2 tokens");
    begin(&f);
    put_spm(&f, KEY "model");
    assert_int_equal(gguf_put_str(f.w, KEY "model", STR("gpt2")), SIL_OK);
    refused(&f, KEY "merges");
    begin(&f);
    put_spm(&f, KEY "model");
    assert_int_equal(gguf_put_str(f.w, KEY "model", STR("gpt2")), SIL_OK);
    assert_int_equal(gguf_put_str(f.w, KEY "pre", STR("nonesuch")), SIL_OK);
    assert_int_equal(put_wrong(&f, KEY "merges", 2), SIL_OK);
    refused(&f, "nonesuch");
    begin(&f);
    refused(&f, KEY "model");
}

static sil_err open_step(void *ctx, struct mem mem) {
    struct tokenizer *t;
    struct sil_error e = {0};
    sil_err err = vocab_open(ctx, mem, &t, &e);
    tok_close(t);
    return err;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct file f;
    begin(&f);
    put_spm(&f, "");
    finish(&f);
    assert_true(test_each_allocation(open_step, f.g) > 5);
    end(&f);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentencepiece_with_its_defaults),
        cmocka_unit_test(vocabularies_of_made_models),
        cmocka_unit_test(missing_and_wrong_keys_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
