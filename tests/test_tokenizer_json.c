/* tokenizer.json: every supported rule against what Hugging Face's Rust library answers (tests/tokenizer_cases.json,
 * made with tokenizers 0.23.2), documents that must be refused, and the conformance vectors of llama.cpp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/jsonx.h"
#include "base/utf8.h"
#include "model/model_file.h"
#include "model/vocab.h"
#include "support.h"
#include "text/tokenizer.h"

enum { FILE_MAX = 256 << 20, IDS_MAX = 1 << 24 };

static const char CASES[] = "tests/tokenizer_cases.json";

static json_t *load_cases(void) {
    struct buf b;
    struct sil_error e = {0};
    json_t *cases;
    buf_init(&b, mem_libc(), FILE_MAX);
    test_read_file(CASES, &b);
    if (jsonx_parse(buf_view(&b), CASES, &cases, &e) != SIL_OK) fail_msg("%s", e.text);
    buf_free(&b);
    return cases;
}

static void put_token(json_t *vocab, const char *text) {
    if (!json_object_get(vocab, text))
        json_object_set_new(vocab, text, json_integer((json_int_t)json_object_size(vocab)));
}

/* The vocabulary that a case means: "symbols" says what comes before its "tokens". */
static json_t *vocab_of(const json_t *c) {
    json_t *vocab = json_object();
    const char *symbols = json_string_value(json_object_get(c, "symbols"));
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256 && strcmp(symbols, "chars") != 0; b++) {
        char text[8] = "";
        bool plain = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        if (strcmp(symbols, "bytes") == 0) text[utf8_encode(plain ? b : next++, text)] = '\0';
        else snprintf(text, sizeof(text), "<0x%02X>", b);
        put_token(vocab, text);
    }
    const json_t *tokens = json_object_get(c, "tokens");
    for (size_t i = 0; i < json_array_size(tokens); i++) put_token(vocab, json_string_value(json_array_get(tokens, i)));
    while (json_object_get(c, "added_tokens") && json_object_size(vocab) < 300) {
        char text[20];
        snprintf(text, sizeof(text), "unused%zu", json_object_size(vocab));
        put_token(vocab, text);
    }
    return vocab;
}

/* The tokenizer.json of a case. */
static char *document_of(const json_t *c) {
    static const char *const parts[] = {"added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder"};
    json_t *d = json_object(), *model = json_object();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        json_t *v = json_object_get(c, parts[i]);
        json_object_set_new(d, parts[i], v ? json_incref(v) : i ? json_null() : json_array());
    }
    if (json_object_get(c, "model")) json_object_update(model, json_object_get(c, "model"));
    json_object_set_new(model, "type", json_string("BPE"));
    json_object_set_new(model, "vocab", vocab_of(c));
    json_object_set(model, "merges", json_object_get(c, "merges"));
    json_object_set_new(d, "model", model);
    char *text = json_dumps(d, JSON_ENSURE_ASCII);
    assert_non_null(text);
    json_decref(d);
    return text;
}

static struct tokenizer *open_json(struct str text) {
    struct tokenizer *t;
    struct sil_error e = {0};
    if (tok_open_json(mem_libc(), text, &t, &e) != SIL_OK) fail_msg("%s", e.text);
    return t;
}

static void check_text(const struct tokenizer *t, const char *name, const json_t *text, unsigned flags) {
    const json_t *want = json_object_get(text, "ids"), *decoded = json_object_get(text, "decoded");
    struct str s = jsonx_str(text, "text");
    struct tok_ids ids;
    struct sil_error e = {0};
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    if (tok_encode(t, s, flags, &ids, &e) != SIL_OK) fail_msg("%s: %s", name, e.text);
    for (size_t i = 0; i < ids.n || i < json_array_size(want); i++) {
        long long a = i < ids.n ? (long long)ids.p[i] : -1;
        long long b = i < json_array_size(want) ? (long long)json_integer_value(json_array_get(want, i)) : -1;
        if (a != b) fail_msg("%s: \"%s\": id %zu is %lld, not %lld", name, s.p, i, a, b);
    }
    if (decoded) {
        struct buf b;
        buf_init(&b, mem_libc(), FILE_MAX);
        assert_int_equal(tok_decode(t, ids.p, ids.n, false, &b), SIL_OK);
        struct str w = jsonx_str(text, "decoded");
        if (!str_eq(buf_view(&b), w)) fail_msg("%s: \"%s\" decodes to \"%.*s\"", name, s.p, (int)b.n, b.p ? b.p : "");
        buf_free(&b);
    }
    tok_ids_free(&ids);
}

static void rules_as_in_the_rust_library(void **state) {
    (void)state;
    json_t *cases = load_cases();
    assert_true(json_array_size(cases) > 20);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *texts = json_object_get(c, "texts");
        char *document = document_of(c);
        struct tokenizer *t = open_json(str_of(document));
        unsigned flags = TOK_PARSE_SPECIAL | (json_is_true(json_object_get(c, "special")) ? TOK_ADD_SPECIAL : 0u);
        for (size_t k = 0; k < json_array_size(texts); k++)
            check_text(t, json_string_value(json_object_get(c, "name")), json_array_get(texts, k), flags);
        tok_close(t);
        free(document);
    }
    json_decref(cases);
}

struct replaced {
    const char *name, *from, *to; /* in the document of the case */
    sil_err err;
    const char *words;
};

static const struct replaced bad[] = {
    {"template", "\"BPE\"", "\"WordPiece\"", SIL_UNSUPPORTED, "WordPiece"},
    {"template", "\"BPE\"", "\"BPE\", \"dropout\": 0.5", SIL_UNSUPPORTED, "dropout"},
    {"template", "\"BPE\"", "\"BPE\", \"end_of_word_suffix\": \"</w>\"", SIL_UNSUPPORTED, "end_of_word_suffix"},
    {"template", "\"BPE\"", "\"BPE\", \"unk_token\": \"nonesuch\"", SIL_FORMAT, "nonesuch"},
    {"template", "\"ByteLevel\"", "\"Nonesuch\"", SIL_UNSUPPORTED, "Nonesuch"},
    {"template", "\"TemplateProcessing\"", "\"Nonesuch\"", SIL_UNSUPPORTED, "Nonesuch"},
    {"template", "\"ids\": [300]", "\"ids\": [3000]", SIL_FORMAT, "3000"},
    {"template", "\"ids\": [300]", "\"ids\": 300", SIL_FORMAT, "without ids"},
    {"template", "\"single\"", "\"singular\"", SIL_FORMAT, "single"},
    {"template", "\"vocab\"", "\"words\"", SIL_FORMAT, "vocab"},
    {"template", "\"merges\"", "\"mergers\"", SIL_FORMAT, "merges"},
    {"template", "\"model\"", "\"muddle\"", SIL_FORMAT, "model"},
    {"template", "\"h e\"", "\"he\"", SIL_FORMAT, "space"},
    {"template", "\"h e\"", "\"h x\"", SIL_FORMAT, "merge 0"},
    {"template", "\"h e\"", "[\"h\"]", SIL_FORMAT, "two tokens"},
    {"template", "\"h e\"", "[\"h\", \"e\", \"l\"]", SIL_FORMAT, "more than two"},
    {"template", "\"h e\"", "7", SIL_FORMAT, "string"},
    {"template", "\"h\": 104", "\"h\": -1", SIL_FORMAT, "token id"},
    {"template", "\"h\": 104", "\"h\": 105", SIL_FORMAT, "105"},
    {"template", "\"h\": 104", "\"h\": 4294967296", SIL_FORMAT, "token id"},
    {"template", "\"h\": 104", "\"h\": 2000000", SIL_LIMIT, "2000000"},
    {"template", "\"h\": 104", "\"\\ud800\": 104", SIL_FORMAT, "surrogate"},
    {"template", "\"h\": 104", "\"\\x\": 104", SIL_FORMAT, "escape"},
    {"template", "\"h\": 104", "\"h\": 104 5", SIL_FORMAT, "line 1, column"},
    {"template", "\"id\": 300, \"content\": \"<s>\"", "\"id\": 104, \"content\": \"<s>\"", SIL_FORMAT, "104"},
    {"template", "\"id\": 300, \"content\": \"<s>\"", "\"id\": 300, \"content\": 7", SIL_FORMAT, "added_tokens[0]"},
    {"template", "\"id\": 300, \"content\": \"<s>\"", "\"id\": 1e9, \"content\": \"<s>\"", SIL_FORMAT,
     "added_tokens[0]"},
    {"normalisers", "\"NFKC\"", "\"Precompiled\"", SIL_UNSUPPORTED, "Precompiled"},
    {"normalisers", "\"l{2,}\"", "\"l{2,}(\"", SIL_UNSUPPORTED, "regular expression"},
    {"normalisers", "\"normalizers\"", "\"normalisers\"", SIL_FORMAT, "normalizers"},
    {"normalisers", "\"normalizer\": {", "\"normalizer\": 5, \"x\": {", SIL_FORMAT, "not an object"},
    {"digits and punctuation", "\"Contiguous\"", "\"Nonesuch\"", SIL_UNSUPPORTED, "Nonesuch"},
    {"digits and punctuation", "\"Digits\"", "\"ByteLevel\"", SIL_UNSUPPORTED, "behind ByteLevel"},
    {"digits and punctuation", "\"add_prefix_space\": false", "\"add_prefix_space\": true", SIL_UNSUPPORTED,
     "first one only"},
    {"characters with metaspace", "\"decoder\": {\"type\": \"Metaspace\"", "\"decoder\": {\"type\": \"ByteLevel\"",
     SIL_UNSUPPORTED, "ByteLevel"},
    {"byte fallback", "\"start\": 1", "\"start\": 2", SIL_UNSUPPORTED, "Strip"},
};

static char *document_named(const json_t *cases, const char *name) {
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        if (strcmp(json_string_value(json_object_get(c, "name")), name) == 0) return document_of(c);
    }
    fail_msg("no case \"%s\"", name);
    return NULL;
}

static void bad_documents_are_refused(void **state) {
    (void)state;
    json_t *cases = load_cases();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *d = document_named(cases, bad[i].name), *hit = strstr(d, bad[i].from);
        struct buf b;
        struct tokenizer *t;
        struct sil_error e = {0};
        if (!hit) fail_msg("case %zu: %s is not in the document", i, bad[i].from);
        buf_init(&b, mem_libc(), FILE_MAX);
        assert_int_equal(buf_put(&b, d, (size_t)(hit - d)), SIL_OK);
        assert_int_equal(buf_str(&b, str_of(bad[i].to)), SIL_OK);
        assert_int_equal(buf_str(&b, str_of(hit + strlen(bad[i].from))), SIL_OK);
        sil_err err = tok_open_json(mem_libc(), buf_view(&b), &t, &e);
        if (err != bad[i].err || !strstr(e.text, bad[i].words))
            fail_msg("%s: %s: %s \"%s\"", bad[i].name, bad[i].to, sil_err_name(err), e.text);
        buf_free(&b);
        free(d);
    }
    json_decref(cases);
}

static void cut_documents_are_refused(void **state) {
    (void)state;
    json_t *cases = load_cases();
    char *d = document_named(cases, "added tokens");
    size_t n = strlen(d);
    for (size_t i = 0; i < n; i += i < n / 2 ? 7 : 3) {
        char *copy = malloc(i ? i : 1); /* exact, for ASan */
        struct tokenizer *t;
        assert_non_null(copy);
        memcpy(copy, d, i);
        assert_int_equal(tok_open_json(mem_libc(), (struct str){copy, i}, &t, NULL), SIL_FORMAT);
        free(copy);
    }
    free(d);
    json_decref(cases);
}

static sil_err open_step(void *ctx, struct mem mem) {
    struct tokenizer *t;
    struct sil_error e = {0};
    sil_err err = tok_open_json(mem, str_of(ctx), &t, &e);
    tok_close(t);
    return err;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static const char *const names[] = {"normalised added tokens", "an unknown regular expression", "byte fallback",
                                        "normalisers", "template"};
    json_t *cases = load_cases();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *d = document_named(cases, names[i]);
        assert_true(test_each_allocation(open_step, d) > 5);
        free(d);
    }
    json_decref(cases);
}

/* llama.cpp's vectors: texts with a separator line after each, one line of ids for each. */
static void vectors(const char *name, const struct tokenizer *t) {
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char path[2][256];
    struct buf in, out;
    buf_init(&in, mem_libc(), FILE_MAX);
    buf_init(&out, mem_libc(), FILE_MAX);
    snprintf(path[0], sizeof(path[0]), "data/vocab_gguf/ggml-vocab-%s.gguf.inp", name);
    snprintf(path[1], sizeof(path[1]), "data/vocab_gguf/ggml-vocab-%s.gguf.out", name);
    test_read_file(test_shared(path[0]), &in);
    test_read_file(test_shared(path[1]), &out);
    size_t count = 0;
    char *text = in.p, *line = out.p;
    for (char *end; (end = strstr(text, separator)); text = end + sizeof(separator) - 1, count++) {
        struct tok_ids ids;
        struct sil_error e = {0};
        tok_ids_init(&ids, mem_libc(), IDS_MAX);
        if (tok_encode(t, (struct str){text, (size_t)(end - text)}, 0, &ids, &e) != SIL_OK) fail_msg("%s", e.text);
        size_t k = 0;
        for (; *line && *line != '\n'; k++) {
            unsigned long want = strtoul(line, &line, 10);
            if (k >= ids.n || ids.p[k] != want) fail_msg("%s: text %zu, id %zu is not %lu", name, count, k, want);
            while (*line == ' ') line++;
        }
        assert_int_equal(k, ids.n);
        assert_int_equal(*line++, '\n');
        tok_ids_free(&ids);
    }
    printf("# %s: %zu vectors\n", name, count);
    assert_int_equal(*line, '\0');
    assert_true(count > 40);
    buf_free(&in);
    buf_free(&out);
}

static void vectors_from_gguf(void **state) {
    (void)state;
    static const char *const names[] = {"gpt-2", "llama-spm", "phi-3", "deepseek-llm"};
    if (!test_exists(test_shared("data/vocab_gguf"))) TEST_SKIP("no vocab_gguf in the shared data");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[256];
        struct model_file *f;
        struct tokenizer *t;
        struct sil_error e = {0};
        snprintf(path, sizeof(path), "data/vocab_gguf/ggml-vocab-%s.gguf", names[i]);
        if (model_file_open(test_shared(path), mem_libc(), &f, &e) != SIL_OK) fail_msg("%s", e.text);
        if (vocab_open(model_file_gguf(f), mem_libc(), &t, &e) != SIL_OK) fail_msg("%s", e.text);
        model_file_close(f);
        vectors(names[i], t);
        tok_close(t);
    }
}

/* `zstd -dc` of a shared file, through the shell's own tools. */
static void read_zst(const char *path, struct buf *b) {
    char command[600], chunk[65536];
    assert_true(strlen(path) < 500 && !strchr(path, '\''));
    snprintf(command, sizeof(command), "zstd -dcq '%s'", path);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): a fixed command on a path of ours */
    assert_non_null(f);
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;) assert_int_equal(buf_put(b, chunk, n), SIL_OK);
    assert_int_equal(pclose(f), 0);
}

static void vectors_from_tokenizer_json(void **state) {
    (void)state;
    static const char *const names[][2] = {{"qwen2", "data/tokenizers/qwen3/tokenizer.json.zst"},
                                           {"llama-bpe", "data/tokenizers/llama3_1/tokenizer.json.zst"}};
    if (!test_exists(test_shared(names[0][1]))) TEST_SKIP("no tokenizers in the shared data");
    for (size_t i = 0; i < 2; i++) {
        struct buf b;
        buf_init(&b, mem_libc(), FILE_MAX);
        read_zst(test_shared(names[i][1]), &b);
        struct tokenizer *t = open_json(buf_view(&b));
        vectors(names[i][0], t);
        tok_close(t);
        buf_free(&b);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_as_in_the_rust_library),
        cmocka_unit_test(bad_documents_are_refused),
        cmocka_unit_test(cut_documents_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(vectors_from_gguf),
        cmocka_unit_test(vectors_from_tokenizer_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
