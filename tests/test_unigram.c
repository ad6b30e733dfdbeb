/* Unigram tokenizers: segmentations against the plainest implementation of their definition, from a tok_spec and from a
 * tokenizer.json; the trainer's vocabulary, where memory may end, and texts that give it trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/sha.h"
#include "base/utf8.h"
#include "learn/unigram.h"
#include "support.h"
#include "text/encode.h"
#include "text/jscan.h"
#include "text/split.h"
#include "text/uchar.h"
#include "text/viterbi.h"

enum { SEED = 4411, TOKENS_MAX = 512, TEXT_MAX = 4096, SECONDS_MAX = 20 };

struct vocab {
    struct str tokens[TOKENS_MAX], bytes[TOKENS_MAX]; /* as stored; what they stand for */
    float scores[TOKENS_MAX];
    uint8_t types[TOKENS_MAX];
    uint32_t n;
    char strings[1 << 16];
    size_t used;
};

static struct str keep(struct vocab *v, const char *p, size_t n) {
    assert_true(v->used + n <= sizeof v->strings);
    memcpy(v->strings + v->used, p, n);
    v->used += n;
    return (struct str){v->strings + v->used - n, n};
}

/* A byte in GPT-2's alphabet. */
static size_t alphabet(unsigned char b, char *out) {
    uint32_t next = 0x100;
    for (unsigned k = 0;; k++) {
        bool plain = (k >= '!' && k <= '~') || (k >= 0xa1 && k <= 0xac) || k >= 0xae;
        if (k == b) return utf8_encode(plain ? k : next, out);
        next += !plain;
    }
}

static void put(struct vocab *v, const char *p, size_t n, float score) {
    char text[256];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) len += alphabet((unsigned char)p[i], text + len);
    for (uint32_t i = 0; i < v->n; i++)
        if (str_eq(v->bytes[i], (struct str){p, n})) return;
    assert_true(v->n < TOKENS_MAX && n < 64);
    v->bytes[v->n] = keep(v, p, n);
    v->tokens[v->n] = keep(v, text, len);
    v->types[v->n] = TOK_NORMAL;
    v->scores[v->n++] = score;
}

static const char *const chars[] = {"a", "b", "c", " ", "\xea\xb0\x80", "\xea\xb0\x81", "\xeb\x82\x98", "x"};
enum { CHARS = 8 };

/* All bytes and random pieces, whose few different scores make sums equal often. */
static struct vocab *random_vocab(uint64_t seed) {
    struct vocab *v = calloc(1, sizeof *v);
    struct rng r = {.seed = seed};
    assert_non_null(v);
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        put(v, &byte, 1, -8.0f);
    }
    for (int i = 0; i < 60; i++) {
        char text[64];
        size_t n = 0;
        for (size_t k = 1 + rng_below(&r, 4); k > 0; k--) {
            const char *c = chars[rng_below(&r, CHARS - 1)];
            memcpy(text + n, c, strlen(c));
            n += strlen(c);
        }
        put(v, text, n, -1.0f - 0.5f * (float)rng_below(&r, 9));
    }
    return v;
}

static struct tokenizer *open_vocab(const struct vocab *v, const char *pre) {
    struct tok_spec s = {.kind = TOK_UNIGRAM,
                         .pre = str_of(pre),
                         .n_tokens = v->n,
                         .tokens = v->tokens,
                         .types = v->types,
                         .scores = v->scores,
                         .bos = -1,
                         .eos = -1,
                         .eot = -1,
                         .unk = -1};
    struct tokenizer *t;
    struct sil_error e = {0};
    if (tok_open(mem_libc(), &s, &t, &e) != SIL_OK) fail_msg("%s", e.text);
    return t;
}

/* The definition: best sum up to each place, ends and beginnings ascending, and only a greater sum wins. */
static size_t definition(const struct vocab *v, const char *p, size_t n, uint32_t *out) {
    static double best[TEXT_MAX + 1];
    static uint32_t from[TEXT_MAX + 1], last[TEXT_MAX + 1];
    size_t count = 0;
    best[0] = 0;
    for (size_t end = 1; end <= n; end++) {
        bool any = false;
        for (size_t i = end > 64 ? end - 64 : 0; i < end; i++) {
            for (uint32_t k = 0; k < v->n; k++) {
                if (v->bytes[k].n != end - i || memcmp(v->bytes[k].p, p + i, end - i) != 0) continue;
                double sum = best[i] + (double)v->scores[k];
                if (any && sum <= best[end]) continue;
                any = true;
                best[end] = sum;
                from[end] = (uint32_t)i;
                last[end] = k;
            }
        }
    }
    for (size_t end = n; end > 0; end = from[end]) count++;
    for (size_t end = n, k = count; end > 0; end = from[end]) out[--k] = last[end];
    return count;
}

static size_t random_text(struct rng *r, size_t length, char *text) {
    size_t n = 0;
    for (size_t k = 0; k < length; k++) {
        const char *c = chars[rng_below(r, CHARS)];
        memcpy(text + n, c, strlen(c));
        n += strlen(c);
    }
    return n;
}

/* Splits by the rules of GPT-2 and asks the definition for each part. */
static void segmentations_equal_the_definition(void **state) {
    (void)state;
    struct rng r = {.seed = SEED};
    struct uchar u;
    uchar_init(&u);
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct vocab *v = random_vocab(SEED + seed);
        struct tokenizer *t = open_vocab(v, "gpt-2");
        struct tok_ids ids;
        tok_ids_init(&ids, mem_libc(), 1 << 20);
        for (int trial = 0; trial < 300; trial++) {
            char text[TEXT_MAX];
            uint32_t want[TEXT_MAX];
            size_t n = random_text(&r, 1 + rng_below(&r, trial % 10 ? 20 : 100), text), k = 0;
            for (size_t i = 0, len; i < n; i += len) {
                len = split_scan(SPLIT_GPT2, &u, text + i, n - i);
                k += definition(v, text + i, len, want + k);
            }
            ids.n = 0;
            assert_int_equal(tok_encode(t, (struct str){text, n}, 0, &ids, NULL), SIL_OK);
            assert_int_equal(ids.n, k);
            assert_memory_equal(ids.p, want, k * sizeof *want);
        }
        tok_ids_free(&ids);
        tok_close(t);
        free(v);
    }
}

static void expect_ids(const struct tokenizer *t, const char *text, size_t n, const uint32_t *want) {
    struct tok_ids ids;
    tok_ids_init(&ids, mem_libc(), 1000);
    assert_int_equal(tok_encode(t, str_of(text), 0, &ids, NULL), SIL_OK);
    assert_int_equal(ids.n, n);
    assert_memory_equal(ids.p, want, n * sizeof *want);
    tok_ids_free(&ids);
}

static struct tokenizer *open_json(const char *model) {
    char json[2048];
    struct tokenizer *t;
    struct sil_error e = {0};
    snprintf(json, sizeof json,
             "{\"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xe2\x96\x81\", \"prepend_scheme\": "
             "\"always\"}, \"model\": {\"type\": \"Unigram\", %s}}",
             model);
    if (tok_open_json(mem_libc(), str_of(json), &t, &e) != SIL_OK) fail_msg("%s", e.text);
    return t;
}

/* Over characters, as SentencePiece's files come: an unknown character is one token, or its bytes. */
static void characters_and_unknown_ones(void **state) {
    (void)state;
    struct tokenizer *t =
        open_json("\"unk_id\": 0, \"vocab\": [[\"<unk>\", 0.0], [\"\xe2\x96\x81\", -2.5], "
                  "[\"\xe2\x96\x81\x61\", -2], [\"a\", -1.25e0], [\"\xea\xb0\x80\xea\xb0\x80\", -3]]");
    const uint32_t ab[] = {2, 0, 3}, ga[] = {1, 0, 4};
    expect_ids(t, "abbxa", 3, ab);                                /* unknown ones in a row are one */
    expect_ids(t, "\xea\xb0\x80\xea\xb0\x80\xea\xb0\x80", 3, ga); /* equal sums: the last token begins first */
    tok_close(t);
    t = open_json("\"unk_id\": 0, \"byte_fallback\": true, \"vocab\": [[\"<unk>\", 0], [\"\xe2\x96\x81\", -2], [\"a\", "
                  "-1], [\"<0xEA>\", 0], [\"<0xB0>\", 0], [\"<0x80>\", 0]]");
    const uint32_t bytes[] = {1, 2, 3, 4, 5, 0};
    expect_ids(t, "a\xea\xb0\x80z", 6, bytes);
    tok_close(t);
}

static void numbers_are_those_of_json(void **state) {
    (void)state;
    static const char *const good[] = {"0", "-0.5", "12.25e-1", "1E2", "-3.8512282371520996"};
    static const double want[] = {0, -0.5, 1.225, 100, -3.8512282371520996};
    static const char *const bad[] = {"", "-", "01", ".5", "1.", "1e", "inf", "nan", "0x1p3", "+1", "1e999"};
    double x;
    for (size_t i = 0; i < 5; i++) {
        struct jscan s = {.text = str_of(good[i]), .what = "test"};
        assert_int_equal(jscan_number(&s, &x, NULL), SIL_OK);
        assert_true(x == want[i] && s.i == s.text.n);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct jscan s = {.text = str_of(bad[i]), .what = "test"};
        struct sil_error e = {0};
        if (jscan_number(&s, &x, &e) == SIL_OK && s.i == s.text.n) fail_msg("%s was taken for a number", bad[i]);
    }
}

static void refused(const char *model, const char *why) {
    char json[2048];
    struct tokenizer *t;
    struct sil_error e = {0};
    snprintf(json, sizeof json, "{\"model\": {\"type\": \"Unigram\", %s}}", model);
    assert_int_not_equal(tok_open_json(mem_libc(), str_of(json), &t, &e), SIL_OK);
    assert_null(t);
    if (!strstr(e.text, why)) fail_msg("%s: %s", model, e.text);
}

static void bad_vocabularies_are_refused(void **state) {
    (void)state;
    refused("\"vocab\": {\"a\": 0}", "an array is expected");
    refused("\"vocab\": [[\"a\"]]", "a text and a score");
    refused("\"vocab\": [[]]", "a text and a score");
    refused("\"vocab\": [[\"a\", -1, 2]]", "more than a text and a score");
    refused("\"vocab\": [[\"a\", null]]", "a number");
    refused("\"vocab\": [[\"a\", -1]], \"unk_id\": 7", "unknown token 7");
    refused("\"unk_id\": 0", "no \"vocab\"");
    char model[900] = "\"vocab\": [[\"";
    memset(model + strlen(model), 'a', VITERBI_TOKEN_MAX + 1);
    strncat(model, "\", 0]]", 10);
    refused(model, "longer than 512 bytes");
    struct vocab *v = random_vocab(1);
    struct tok_spec s = {.kind = TOK_UNIGRAM, .pre = STR("gpt-2"), .n_tokens = v->n, .tokens = v->tokens};
    struct tokenizer *t;
    s.bos = s.eos = s.eot = s.unk = -1;
    assert_int_equal(tok_open(mem_libc(), &s, &t, NULL), SIL_FORMAT); /* no scores */
    v->scores[7] = 1.0f / 0.0f;
    s.scores = v->scores;
    assert_int_equal(tok_open(mem_libc(), &s, &t, NULL), SIL_FORMAT);
    free(v);
}

/* A word of a megabyte and tokens as long as they may be. */
static void long_words_take_little_time(void **state) {
    (void)state;
    struct vocab *v = random_vocab(2);
    size_t n = 1 << 20;
    char *text = malloc(n), run[60];
    assert_non_null(text);
    memset(run, 'a', sizeof run);
    for (size_t k = 2; k < sizeof run; k++) put(v, run, k, -1.0f);
    memset(text, 'a', n);
    struct tokenizer *t = open_vocab(v, "gpt-2");
    struct tok_ids ids;
    tok_ids_init(&ids, mem_libc(), n);
    clock_t begin = clock();
    assert_int_equal(tok_encode(t, (struct str){text, n}, 0, &ids, NULL), SIL_OK);
    assert_true(clock() - begin < (clock_t)SECONDS_MAX * CLOCKS_PER_SEC);
    assert_true(ids.n == (n + 58) / 59);
    tok_ids_free(&ids);
    tok_close(t);
    free(text);
    free(v);
}

/* ---- the trainer ---- */

static sil_err train(struct mem mem, const char *text, const struct bpe_options *o, struct buf *out,
                     struct bpe_report *report, struct sil_error *e) {
    struct bpe *b;
    SIL_TRY(bpe_new(mem, &b, e));
    sil_err err = bpe_add(b, str_of(text), e);
    if (err == SIL_OK) err = unigram_train(b, o, out, report, e);
    bpe_free(b);
    return err;
}

static const char sample[] = "실록은 한국어를 배운다. 실록은 한국어를 기록한다. 한국어를 실록이 2026년에 배운다! "
                             "the engine reads the weights, the engine writes the weights. 뷁";

static void sha_of(const struct buf *b, char hex[SHA_HEX]) {
    struct sha h;
    sha_begin(&h);
    sha_add(&h, b->p, b->n);
    sha_end(&h, hex);
}

static void vocabulary_of_a_text(void **state) {
    (void)state;
    const char *specials[] = {"<|end|>"};
    const struct bpe_options o = {.vocab = 320, .min_count = 2, .coverage = 1, .specials = specials, .n_specials = 1};
    struct bpe_report r;
    struct buf out, again, back;
    struct sil_error e = {0};
    struct tokenizer *t;
    struct tok_ids ids;
    char hex[SHA_HEX];
    buf_init(&out, mem_libc(), 1 << 20);
    buf_init(&again, mem_libc(), 1 << 20);
    buf_init(&back, mem_libc(), 1 << 16);
    if (train(mem_libc(), sample, &o, &out, &r, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(train(mem_libc(), sample, &o, &again, &r, &e), SIL_OK);
    assert_true(str_eq(buf_view(&out), buf_view(&again)));
    assert_true(r.n_tokens > 280 && r.n_tokens <= 320);
    sha_of(&out, hex);
    assert_string_equal(hex, "453559258f4b627a6bc700e4441c87dd229f7646fa6924eb4d2123538129e65d"); /* on every machine */
    if (tok_open_json(mem_libc(), buf_view(&out), &t, &e) != SIL_OK) fail_msg("%s", e.text);
    tok_ids_init(&ids, mem_libc(), 1 << 16);
    assert_int_equal(tok_encode(t, STR(sample), 0, &ids, &e), SIL_OK);
    assert_int_equal(ids.n, r.n_pieces); /* what training says of its texts is what reading finds */
    assert_int_equal(tok_decode(t, ids.p, ids.n, false, &back), SIL_OK);
    assert_string_equal(back.p, sample);
    ids.n = 0;
    assert_int_equal(tok_encode(t, STR("한국어를 뷁"), 0, &ids, &e), SIL_OK);
    assert_int_equal(ids.n, 1 + 1 + 3); /* a word seen often; a space and the bytes of a character seen once */
    tok_ids_free(&ids);
    tok_close(t);
    buf_free(&out);
    buf_free(&again);
    buf_free(&back);
}

/* Words far longer than a segment, of one character or with improbable ones, keep all sums finite. */
static void long_words_are_learnt_from(void **state) {
    (void)state;
    char text[3000];
    const struct bpe_options o = {.vocab = 300, .min_count = 1, .coverage = 1};
    struct bpe_report r;
    struct buf out;
    struct sil_error e = {0};
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 0; i < 2000; i++) text[i] = (char)('b' + i * i % 23);
    text[sizeof text - 1] = '\0';
    buf_init(&out, mem_libc(), 1 << 20);
    if (train(mem_libc(), text, &o, &out, &r, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_null(strstr(out.p, "nan"));
    assert_null(strstr(out.p, "inf"));
    assert_true(r.n_tokens > 280 && r.n_tokens <= 300);
    assert_true(r.n_pieces < 1200);
    buf_free(&out);
}

static void little_text(void **state) {
    (void)state;
    struct bpe_options o = {.vocab = 400, .min_count = 2, .coverage = 1};
    struct bpe_report r;
    struct buf out;
    struct sil_error e = {0};
    buf_init(&out, mem_libc(), 1 << 20);
    assert_int_equal(train(mem_libc(), "a", &o, &out, &r, &e), SIL_OK);
    assert_int_equal(r.n_tokens, 256);
    assert_int_equal(train(mem_libc(), "", &o, &out, &r, &e), SIL_ARG);
    assert_int_equal(train(mem_libc(), "\xea\xb0\x80", &o, &out, &r, &e), SIL_ARG);
    o.vocab = 256;
    assert_int_equal(train(mem_libc(), "a", &o, &out, &r, &e), SIL_ARG);
    buf_free(&out);
}

static sil_err train_once(void *ctx, struct mem mem) {
    const struct bpe_options o = {.vocab = 300, .min_count = 1, .coverage = 1};
    struct bpe_report r;
    struct buf out;
    (void)ctx;
    buf_init(&out, mem, 1 << 20);
    sil_err err = train(mem, "한국어 모델 한국어 모델이 배운다 2026 the the model", &o, &out, &r, NULL);
    buf_free(&out);
    return err;
}

static sil_err open_and_encode(void *ctx, struct mem mem) {
    const struct vocab *v = ctx;
    struct tok_spec s = {.kind = TOK_UNIGRAM, .pre = STR("gpt-2"), .n_tokens = v->n, .tokens = v->tokens};
    struct tokenizer *t;
    struct tok_ids ids;
    s.scores = v->scores;
    s.bos = s.eos = s.eot = s.unk = -1;
    sil_err err = tok_open(mem, &s, &t, NULL);
    if (err != SIL_OK) return err;
    tok_ids_init(&ids, mem, 1000);
    err = tok_encode(t, STR("abc abca"), 0, &ids, NULL);
    tok_ids_free(&ids);
    tok_close(t);
    return err;
}

static void allocations_may_fail(void **state) {
    (void)state;
    struct vocab *v = random_vocab(3);
    assert_true(test_each_allocation(open_and_encode, v) > 5);
    assert_true(test_each_allocation(train_once, NULL) > 15);
    free(v);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segmentations_equal_the_definition),
        cmocka_unit_test(characters_and_unknown_ones),
        cmocka_unit_test(numbers_are_those_of_json),
        cmocka_unit_test(bad_vocabularies_are_refused),
        cmocka_unit_test(long_words_take_little_time),
        cmocka_unit_test(vocabulary_of_a_text),
        cmocka_unit_test(long_words_are_learnt_from),
        cmocka_unit_test(little_text),
        cmocka_unit_test(allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
