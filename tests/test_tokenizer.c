/* Tokenizers opened from a struct tok_spec: merging against the plainest implementation of the definition, added
 * tokens, decoding and streams, hard inputs, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "support.h"
#include "text/encode.h"
#include "text/stream.h"
#include "text_random.h"

enum { SEED = 77031, TOKENS_MAX = 2000, TEXT_MAX = 64 << 20, IDS_MAX = 64 << 20, SECONDS_MAX = 30 };

/* A vocabulary being made; texts live in `strings`. */
struct vocab {
    struct str tokens[TOKENS_MAX], merges[TOKENS_MAX];
    uint8_t types[TOKENS_MAX];
    float scores[TOKENS_MAX];
    uint32_t n, n_merges;
    char strings[1 << 18];
    size_t used;
};

static struct str keep(struct vocab *v, const char *p, size_t n) {
    assert_true(v->used + n <= sizeof(v->strings));
    memcpy(v->strings + v->used, p, n);
    v->used += n;
    return (struct str){v->strings + v->used - n, n};
}

static uint32_t put(struct vocab *v, struct str text, enum tok_type type, float score) {
    assert_true(v->n < TOKENS_MAX);
    v->tokens[v->n] = keep(v, text.p, text.n);
    v->types[v->n] = (uint8_t)type;
    v->scores[v->n] = score;
    return v->n++;
}

/* Byte b in GPT-2's alphabet, by the definition: printable Latin-1 as itself, the others in order from U+0100. */
static size_t alphabet(int b, char out[4]) {
    uint32_t next = 0x100;
    for (int k = 0; k <= b; k++) {
        bool plain = (k >= '!' && k <= '~') || (k >= 0xa1 && k <= 0xac) || (k >= 0xae && k <= 0xff);
        if (k == b) return utf8_encode(plain ? (uint32_t)b : next, out);
        next += !plain;
    }
    return 0;
}

/* All bytes, then tokens by random merges of tokens that are there: the shape of a trained vocabulary. */
static struct vocab *byte_vocab(uint64_t seed, uint32_t merges) {
    struct vocab *v = calloc(1, sizeof(*v));
    assert_non_null(v);
    struct rng r = {.seed = seed};
    for (int b = 0; b < 256; b++) {
        char u[4];
        put(v, (struct str){u, alphabet(b, u)}, TOK_NORMAL, 0);
    }
    static const char common[] = "aabc e\xea\xb0\x80";
    while (v->n_merges < merges) {
        uint32_t side[2];
        for (int k = 0; k < 2; k++) {
            bool byte = rng_below(&r, 3) != 0 || v->n == 256;
            side[k] =
                byte ? (uint8_t)common[rng_below(&r, sizeof(common) - 1)] : 256 + (uint32_t)rng_below(&r, v->n - 256);
        }
        struct str a = v->tokens[side[0]], b = v->tokens[side[1]];
        if (a.n + b.n > 24) continue;
        char whole[64], merge[64];
        memcpy(whole, a.p, a.n);
        memcpy(whole + a.n, b.p, b.n);
        snprintf(merge, sizeof(merge), "%.*s %.*s", (int)a.n, a.p, (int)b.n, b.p);
        bool there = false;
        for (uint32_t i = 0; i < v->n; i++) there = there || str_eq(v->tokens[i], (struct str){whole, a.n + b.n});
        if (!there) put(v, (struct str){whole, a.n + b.n}, TOK_NORMAL, 0);
        v->merges[v->n_merges++] = keep(v, merge, a.n + b.n + 1);
    }
    return v;
}

static struct tok_spec spec_of(const struct vocab *v, enum tok_kind kind, const char *pre) {
    return (struct tok_spec){.kind = kind,
                             .pre = str_of(pre),
                             .n_tokens = v->n,
                             .tokens = v->tokens,
                             .types = v->types,
                             .scores = v->scores,
                             .n_merges = v->n_merges,
                             .merges = v->merges,
                             .bos = -1,
                             .eos = -1,
                             .eot = -1,
                             .unk = -1};
}

static struct tokenizer *open_spec(const struct tok_spec *s) {
    struct tokenizer *t;
    struct sil_error e = {0};
    if (tok_open(mem_libc(), s, &t, &e) != SIL_OK) fail_msg("%s", e.text);
    return t;
}

static void encode(const struct tokenizer *t, struct str text, unsigned flags, struct tok_ids *ids) {
    struct sil_error e = {0};
    ids->n = 0;
    if (tok_encode(t, text, flags, ids, &e) != SIL_OK) fail_msg("%s", e.text);
}

static double seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

/* The definition of BPE: again and again the pair of lowest rank, the leftmost of these, over the whole list. */
static size_t naive_bpe(const struct vocab *v, struct str *word, size_t n) {
    for (;;) {
        size_t best = SIZE_MAX, at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            for (size_t m = 0; m < v->n_merges && m < best; m++) {
                struct str a = word[i], b = word[i + 1], merge = v->merges[m];
                if (merge.n == a.n + b.n + 1 && merge.p[a.n] == ' ' && memcmp(merge.p, a.p, a.n) == 0 &&
                    memcmp(merge.p + a.n + 1, b.p, b.n) == 0) {
                    best = m;
                    at = i;
                }
            }
        }
        if (best == SIZE_MAX) return n;
        struct str merge = v->merges[best];
        for (uint32_t k = 0; k < v->n; k++) { /* the token whose text both sides make */
            struct str tok = v->tokens[k];
            if (tok.n == merge.n - 1 && memcmp(tok.p, word[at].p, word[at].n) == 0 &&
                memcmp(tok.p + word[at].n, word[at + 1].p, word[at + 1].n) == 0) {
                word[at] = tok;
                break;
            }
        }
        memmove(word + at + 1, word + at + 2, (n - at - 2) * sizeof(*word));
        n--;
    }
}

static uint32_t id_of(const struct vocab *v, struct str text) {
    for (uint32_t i = 0; i < v->n; i++)
        if (str_eq(v->tokens[i], text)) return i;
    fail_msg("no token \"%.*s\"", (int)text.n, text.p);
    return 0;
}

/* Letters only, so that the pre-splitter leaves one piece; lengths on both sides of the two merging algorithms. */
static void bpe_equals_its_definition(void **state) {
    (void)state;
    struct rng r = {.seed = SEED};
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct vocab *v = byte_vocab(SEED + seed, 150);
        struct tok_spec s = spec_of(v, TOK_BYTE_BPE, "gpt-2");
        struct tokenizer *t = open_spec(&s);
        struct tok_scratch *scratch;
        struct tok_ids ids, cached;
        assert_int_equal(tok_scratch_new(t, mem_libc(), true, &scratch, NULL), SIL_OK);
        tok_ids_init(&ids, mem_libc(), IDS_MAX);
        tok_ids_init(&cached, mem_libc(), IDS_MAX);
        for (int i = 0; i < 150; i++) {
            static const char *const letters[] = {"a", "b", "c", "e", "\xea\xb0\x80"};
            char text[400];
            struct str word[400];
            size_t n = 0, count = 1 + rng_below(&r, i % 3 ? 12 : 100), k = 0;
            for (size_t j = 0; j < count; j++) {
                const char *l = letters[rng_below(&r, 5)];
                for (; *l; l++, n++, k++) {
                    text[n] = *l;
                    word[k] = v->tokens[(uint8_t)*l];
                }
            }
            k = naive_bpe(v, word, k);
            encode(t, (struct str){text, n}, 0, &ids);
            assert_int_equal(ids.n, k);
            for (size_t j = 0; j < k; j++) assert_int_equal(ids.p[j], id_of(v, word[j]));
            for (int again = 0; again < 2; again++) {
                cached.n = 0;
                assert_int_equal(tok_encode_with(scratch, (struct str){text, n}, 0, &cached, NULL), SIL_OK);
                assert_int_equal(cached.n, ids.n);
                assert_memory_equal(cached.p, ids.p, ids.n * sizeof(*ids.p));
            }
        }
        tok_ids_free(&ids);
        tok_ids_free(&cached);
        tok_scratch_free(scratch);
        tok_close(t);
        free(v);
    }
}

/* A SentencePiece vocabulary: unknown, BOS, EOS, bytes, characters (but for 'q'), and words of them; scores of few
 * values, so that the leftmost rule matters. */
static struct vocab *spm_vocab(uint64_t seed, bool bytes) {
    struct vocab *v = calloc(1, sizeof(*v));
    assert_non_null(v);
    struct rng r = {.seed = seed};
    put(v, STR("<unk>"), TOK_UNKNOWN, 0);
    put(v, STR("<s>"), TOK_CONTROL, 0);
    put(v, STR("</s>"), TOK_CONTROL, 0);
    for (int b = 0; bytes && b < 256; b++) {
        char name[8];
        put(v, (struct str){name, (size_t)snprintf(name, sizeof(name), "<0x%02X>", b)}, TOK_BYTE, 0);
    }
    static const char *const chars[] = {"\xe2\x96\x81", "a", "b", "c", "<", "s", ">", "\xea\xb0\x80", "q"};
    for (int i = 0; i < 8; i++) put(v, str_of(chars[i]), TOK_NORMAL, -100);
    while (v->n < 460) {
        char text[40];
        size_t n = 0;
        for (size_t k = 2 + rng_below(&r, 3); k > 0; k--) {
            const char *c = chars[rng_below(&r, 9)];
            memcpy(text + n, c, strlen(c));
            n += strlen(c);
        }
        bool there = false;
        for (uint32_t i = 0; i < v->n; i++) there = there || str_eq(v->tokens[i], (struct str){text, n});
        if (!there) put(v, (struct str){text, n}, TOK_NORMAL, -(float)rng_below(&r, 40));
    }
    return v;
}

static int spm_find(const struct vocab *v, struct str s) {
    for (uint32_t i = 0; i < v->n; i++)
        if (v->types[i] == TOK_NORMAL && str_eq(v->tokens[i], s)) return (int)i;
    return -1;
}

/* SentencePiece's definition on the text with U+2581 for spaces. */
static void naive_spm(const struct vocab *v, struct str text, bool bytes, struct tok_ids *out) {
    struct str word[400];
    size_t n = 0;
    uint32_t cp;
    for (size_t i = 0, len; i < text.n; i += len) {
        len = utf8_decode(text.p + i, text.n - i, &cp);
        word[n++] = (struct str){text.p + i, len};
    }
    for (;;) {
        int best = -1;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            int id = spm_find(v, (struct str){word[i].p, word[i].n + word[i + 1].n});
            if (id >= 0 && (best < 0 || v->scores[id] > v->scores[best])) best = id, at = i;
        }
        if (best < 0) break;
        word[at].n += word[at + 1].n;
        memmove(word + at + 1, word + at + 2, (n - at - 2) * sizeof(*word));
        n--;
    }
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        int id = spm_find(v, word[i]);
        if (id >= 0) out->p[out->n++] = (uint32_t)id;
        else if (!bytes) out->p[out->n++] = 0;
        else
            for (size_t k = 0; k < word[i].n; k++) out->p[out->n++] = 3 + (uint8_t)word[i].p[k];
    }
}

static void spm_equals_its_definition(void **state) {
    (void)state;
    static const char *const chars[] = {" ",  "a", "b", "c", "<", "s", ">", "\xea\xb0\x80", "q", "\xf0\x9f\x98\x80",
                                        "<s>"};
    struct rng r = {.seed = SEED};
    for (uint64_t seed = 0; seed < 8; seed++) {
        bool bytes = seed % 2 == 0, prefix = seed % 4 < 2;
        struct vocab *v = spm_vocab(SEED + seed, bytes);
        struct tok_spec s = spec_of(v, TOK_SPM, "");
        s.unk = 0;
        s.add_space_prefix = prefix;
        struct tokenizer *t = open_spec(&s);
        struct tok_ids ids, want;
        tok_ids_init(&ids, mem_libc(), IDS_MAX);
        want = (struct tok_ids){.mem = mem_libc(), .p = calloc(2000, sizeof(uint32_t))};
        assert_non_null(want.p);
        for (int i = 0; i < 200; i++) {
            char text[1000], bars[1400];
            size_t n = 0, m = 0;
            for (size_t k = 1 + rng_below(&r, i % 4 ? 14 : 90); k > 0; k--) {
                const char *c = chars[rng_below(&r, 11)];
                memcpy(text + n, c, strlen(c));
                n += strlen(c);
            }
            if (prefix) memcpy(bars, "\xe2\x96\x81", 3), m = 3;
            for (size_t k = 0; k < n; k++) {
                if (text[k] != ' ') bars[m++] = text[k];
                else memcpy(bars + m, "\xe2\x96\x81", 3), m += 3;
            }
            naive_spm(v, (struct str){bars, m}, bytes, &want);
            encode(t, (struct str){text, n}, 0, &ids);
            assert_int_equal(ids.n, want.n);
            assert_memory_equal(ids.p, want.p, ids.n * sizeof(*ids.p));
        }
        tok_ids_free(&ids);
        tok_ids_free(&want);
        tok_close(t);
        free(v);
    }
}

/* bytes 0-255, then <|x|> (control), "<think>" (user), "<thinking>" (user), "<|x|>y" (control) */
static struct tokenizer *special_tokenizer(void) {
    struct vocab *v = calloc(1, sizeof(*v));
    assert_non_null(v);
    for (int b = 0; b < 256; b++) {
        char u[4];
        put(v, (struct str){u, alphabet(b, u)}, TOK_NORMAL, 0);
    }
    put(v, STR("<|x|>"), TOK_CONTROL, 0);
    put(v, STR("<think>"), TOK_USER, 0);
    put(v, STR("<thinking>"), TOK_USER, 0);
    put(v, STR("<|x|>y"), TOK_CONTROL, 0);
    put(v, STR("<|im_end|>"), TOK_CONTROL, 0);
    put(v, STR("<|eot|>"), TOK_CONTROL, 0);
    struct tok_spec s = spec_of(v, TOK_BYTE_BPE, "qwen2");
    s.bos = 256;
    s.eos = 259;
    s.eot = 261;
    s.add_bos = s.add_eos = true;
    struct tokenizer *t = open_spec(&s);
    free(v);
    return t;
}

/* Ids as "97 256 ..." */
static void ids_are(const struct tokenizer *t, const char *text, unsigned flags, const char *want) {
    struct tok_ids ids;
    char got[400] = "";
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    encode(t, str_of(text), flags, &ids);
    for (size_t i = 0, n = 0; i < ids.n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%u", i ? " " : "", ids.p[i]);
    assert_string_equal(got, want);
    tok_ids_free(&ids);
}

static void added_tokens(void **state) {
    (void)state;
    struct tokenizer *t = special_tokenizer();
    ids_are(t, "a<|x|>b", TOK_PARSE_SPECIAL, "97 256 98");
    ids_are(t, "<|x|>y<|x|>z", TOK_PARSE_SPECIAL, "259 256 122");
    ids_are(t, "a<|x|>", 0, "97 60 124 120 124 62");
    ids_are(t, "<think>a<thinking><thin", 0, "257 97 258 60 116 104 105 110");
    ids_are(t, "<|x<think>", TOK_PARSE_SPECIAL, "60 124 120 257");
    ids_are(t, "", 0, "");
    ids_are(t, "", TOK_ADD_SPECIAL, "256 259");
    ids_are(t, "a", TOK_ADD_SPECIAL, "256 97 259");
    assert_int_equal(tok_bos(t), 256);
    assert_int_equal(tok_eos(t), 259);
    assert_int_equal(tok_count(t), 262);
    assert_int_equal(tok_type_of(t, 257), TOK_USER);
    assert_int_equal(tok_find(t, STR("<think>")), 257);
    assert_int_equal(tok_find(t, STR("\xc4\xa0")), ' ');
    assert_int_equal(tok_find(t, STR(" ")), -1);
    assert_int_equal(tok_find(t, STR("ab")), -1);
    for (uint32_t id = 0; id < 262; id++) assert_int_equal(tok_is_end(t, id), id >= 259);
    assert_false(tok_is_end(t, 262));
    tok_close(t);
    tok_close(NULL);
}

static void decode_is(const struct tokenizer *t, const uint32_t *ids, size_t n, bool special, const char *want) {
    struct buf b;
    buf_init(&b, mem_libc(), TEXT_MAX);
    assert_int_equal(tok_decode(t, ids, n, special, &b), SIL_OK);
    if (!str_eq(buf_view(&b), str_of(want))) fail_msg("\"%.*s\" is not \"%s\"", (int)b.n, b.p ? b.p : "", want);
    buf_free(&b);
}

static void decoding(void **state) {
    (void)state;
    struct tokenizer *t = special_tokenizer();
    const uint32_t a[] = {256, 'a', 0xea, 0xb0, 0x80, 257, 259};
    decode_is(t, a, 7, false, "a\xea\xb0\x80<think>");
    decode_is(t, a, 7, true, "<|x|>a\xea\xb0\x80<think><|x|>y");
    const uint32_t broken[] = {0xea, 0xb0, 'a', 0xff, 0xf0, 0x9f, 0x98, 257, 0xed, 0xa0, 0x80, 0xc3};
    decode_is(t, broken, 12, false,
              "\xef\xbf\xbd"
              "a\xef\xbf\xbd\xef\xbf\xbd<think>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    struct buf b;
    buf_init(&b, mem_libc(), 16);
    assert_int_equal(tok_piece(t, 0xea, false, &b), SIL_OK);
    assert_int_equal(b.n, 1);
    assert_int_equal((uint8_t)b.p[0], 0xea);
    assert_int_equal(tok_piece(t, 262, false, &b), SIL_ARG);
    const uint32_t outside[] = {'a', 262};
    assert_int_equal(tok_decode(t, outside, 2, false, &b), SIL_ARG);
    assert_int_equal(b.n, 1);
    buf_free(&b);
    tok_close(t);
}

static void spm_decoding_drops_the_prefix_space(void **state) {
    (void)state;
    struct vocab *v = spm_vocab(1, true);
    uint32_t word = put(v, STR("\xe2\x96\x81hi\xe2\x96\x81"), TOK_NORMAL, -1);
    struct tok_spec s = spec_of(v, TOK_SPM, "");
    s.unk = 0;
    s.add_space_prefix = true;
    struct tokenizer *t = open_spec(&s);
    const uint32_t ids[] = {1, word, word, 3 + 0xc3, 3 + 0xa9, 0};
    decode_is(t, ids, 6, false, "hi  hi \xc3\xa9");
    decode_is(t, ids, 6, true, "<s> hi  hi \xc3\xa9<unk>");
    tok_close(t);
    s.add_space_prefix = false;
    t = open_spec(&s);
    decode_is(t, ids, 2, false, " hi ");
    tok_close(t);
    free(v);
}

/* Random ids: every part that comes out is whole characters; together they are what tok_decode gives. */
static void streams_give_whole_characters(void **state) {
    (void)state;
    struct vocab *v = byte_vocab(SEED, 300);
    put(v, STR("<|x|>"), TOK_CONTROL, 0);
    struct tok_spec s = spec_of(v, TOK_BYTE_BPE, "llama-bpe");
    struct tokenizer *t = open_spec(&s);
    struct rng r = {.seed = SEED};
    struct buf whole, parts, text;
    buf_init(&whole, mem_libc(), TEXT_MAX);
    buf_init(&parts, mem_libc(), TEXT_MAX);
    buf_init(&text, mem_libc(), TEXT_MAX);
    for (int i = 0; i < 3000; i++) {
        uint32_t ids[64];
        size_t n = rng_below(&r, 64);
        buf_clear(&text);
        text_random(&r, 64, &text);
        for (size_t k = 0; k < n; k++) /* bytes of text, broken now and then */
            ids[k] = rng_below(&r, 6) ? (uint8_t)text.p[k] : (uint32_t)rng_below(&r, v->n);
        bool special = i % 2;
        struct stream st;
        buf_clear(&whole);
        buf_clear(&parts);
        stream_init(&st, mem_libc(), t, special);
        for (size_t k = 0; k < n; k++) {
            size_t was = parts.n;
            assert_int_equal(stream_push(&st, ids[k], &parts), SIL_OK);
            assert_true(utf8_valid(parts.p + was, parts.n - was, NULL) || parts.n == was);
            assert_true(st.held.n <= 3);
        }
        assert_int_equal(stream_end(&st, &parts), SIL_OK);
        stream_free(&st);
        assert_int_equal(tok_decode(t, ids, n, special, &whole), SIL_OK);
        assert_true(str_eq(buf_view(&whole), buf_view(&parts)));
        assert_true(utf8_valid(buf_view(&whole).p, whole.n, NULL));
    }
    buf_free(&whole);
    buf_free(&parts);
    buf_free(&text);
    tok_close(t);
    free(v);
}

/* Valid text comes back from its ids, byte for byte. */
static void round_trips(void **state) {
    (void)state;
    static const char *const rules[] = {"gpt-2",  "llama-bpe", "qwen2",  "gpt-4o",       "tekken",
                                        "smollm", "default",   "falcon", "deepseek-llm", "deepseek-v3"};
    struct vocab *v = byte_vocab(SEED, 300);
    struct rng r = {.seed = SEED};
    struct buf text, back;
    buf_init(&text, mem_libc(), TEXT_MAX);
    buf_init(&back, mem_libc(), TEXT_MAX);
    for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++) {
        struct tok_spec s = spec_of(v, TOK_BYTE_BPE, rules[k]);
        struct tokenizer *t = open_spec(&s);
        struct tok_ids ids;
        tok_ids_init(&ids, mem_libc(), IDS_MAX);
        for (int i = 0; i < 300; i++) {
            buf_clear(&text);
            buf_clear(&back);
            text_random(&r, rng_below(&r, 80), &text);
            encode(t, buf_view(&text), 0, &ids);
            assert_int_equal(tok_decode(t, ids.p, ids.n, false, &back), SIL_OK);
            /* Qwen's rules normalise */
            if (strcmp(rules[k], "qwen2") != 0 && !str_eq(buf_view(&text), buf_view(&back)))
                fail_msg("seed %d, %s: \"%.*s\"", SEED, rules[k], (int)text.n, text.p);
        }
        tok_ids_free(&ids);
        tok_close(t);
    }
    buf_free(&text);
    buf_free(&back);
    free(v);
}

static void long_runs_take_little_time(void **state) {
    (void)state;
    static const char *const units[] = {"a",        "ab", "\xea\xb0\x80", " ",      "\n", "!",
                                        "\xcc\x81", "7",  "\xe2\x96\x81", "aabcaeb"};
    enum { BYTES = 1 << 20 };
    char *text = malloc(BYTES);
    assert_non_null(text);
    struct vocab *bv = byte_vocab(SEED, 800), *sv = spm_vocab(SEED, true);
    struct tok_spec specs[] = {spec_of(bv, TOK_BYTE_BPE, "llama-bpe"), spec_of(bv, TOK_BYTE_BPE, "qwen2"),
                               spec_of(bv, TOK_BYTE_BPE, "deepseek-llm"), spec_of(sv, TOK_SPM, "")};
    double slowest = 0;
    for (size_t s = 0; s < 4; s++) {
        struct tokenizer *t = open_spec(&specs[s]);
        struct tok_ids ids;
        tok_ids_init(&ids, mem_libc(), IDS_MAX);
        for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
            size_t len = strlen(units[k]), n = BYTES / len * len;
            for (size_t i = 0; i < n; i += len) memcpy(text + i, units[k], len);
            double start = seconds();
            encode(t, (struct str){text, n}, 0, &ids);
            double took = seconds() - start;
            if (took > slowest) slowest = took;
            assert_true(ids.n > 0);
        }
        tok_ids_free(&ids);
        tok_close(t);
    }
    printf("# the slowest of 40 texts of 1 MiB without a word boundary: %.2f s\n", slowest);
    assert_true(slowest < SECONDS_MAX); /* under sanitizers and emulation too; anything quadratic takes hours */
    free(text);
    free(bv);
    free(sv);
}

static void bad_texts_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n, at;
    } bad[] = {
        {"ab\xff", 3, 2}, {"\xc3", 1, 0}, {"a\xed\xa0\x80", 4, 1}, {"\xf4\x90\x80\x80", 4, 0}, {"12345678\x80", 9, 8}};
    struct tokenizer *t = special_tokenizer();
    struct tok_ids ids;
    tok_ids_init(&ids, mem_libc(), 5);
    encode(t, STR("abc"), 0, &ids);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sil_error e = {0};
        char want[40];
        assert_int_equal(tok_encode(t, (struct str){bad[i].text, bad[i].n}, 0, &ids, &e), SIL_FORMAT);
        snprintf(want, sizeof(want), "at byte %zu", bad[i].at);
        assert_non_null(strstr(e.text, want));
        assert_int_equal(ids.n, 3);
    }
    struct sil_error e = {0};
    assert_int_equal(tok_encode(t, STR("abc"), 0, &ids, &e), SIL_LIMIT);
    assert_int_equal(ids.n, 3);
    assert_int_equal(tok_encode(t, STR("de"), 0, &ids, &e), SIL_OK);
    assert_int_equal(ids.n, 5);
    /* NUL is a character like any other */
    ids.n = 0;
    assert_int_equal(tok_encode(t, (struct str){"a\0b", 3}, 0, &ids, &e), SIL_OK);
    assert_int_equal(ids.n, 3);
    assert_int_equal(ids.p[1], 0);
    tok_ids_free(&ids);
    tok_close(t);
}

static void refused(struct tok_spec s, sil_err want, const char *words) {
    struct tokenizer *t;
    struct sil_error e = {0};
    assert_int_equal(tok_open(mem_libc(), &s, &t, &e), want);
    assert_null(t);
    if (!strstr(e.text, words)) fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

static void bad_vocabularies_are_refused(void **state) {
    (void)state;
    struct vocab *v = byte_vocab(SEED, 20);
    struct tok_spec good = spec_of(v, TOK_BYTE_BPE, "gpt-2"), s = good;
    s.n_tokens = 0;
    refused(s, SIL_FORMAT, "without tokens");
    s = good;
    s.tokens = NULL;
    refused(s, SIL_FORMAT, "without tokens");
    s = good;
    s.pre = STR("nonesuch");
    refused(s, SIL_UNSUPPORTED, "nonesuch");
    refused(s, SIL_UNSUPPORTED, "qwen2");
    s = good;
    s.bos = (int32_t)v->n;
    refused(s, SIL_FORMAT, "BOS");
    s = good;
    s.unk = -2;
    refused(s, SIL_FORMAT, "unknown");
    s = good;
    s.kind = TOK_SPM;
    s.scores = NULL;
    refused(s, SIL_FORMAT, "scores");
    s = good;
    s.merges = NULL;
    refused(s, SIL_FORMAT, "merges");
    s = good;
    s.n_tokens = UINT32_MAX;
    refused(s, SIL_LIMIT, "at most");
    s = good;
    v->types[7] = 9;
    refused(s, SIL_FORMAT, "token 7");
    v->types[7] = TOK_NORMAL;
    struct str merge = v->merges[3];
    static const char *const bad[] = {"", " ", "ab", "a", "nonesuch b", "a \xe2\x82\xac", "\xff a", "z z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        v->merges[3] = str_of(bad[i]);
        refused(s, SIL_FORMAT, "merge 3");
    }
    v->merges[3] = merge;
    v->scores[5] = -1.0f / 0.0f;
    s.kind = TOK_SPM;
    refused(s, SIL_FORMAT, "token 5");
    v->scores[5] = 0;
    free(v);
}

/* One token of many characters, and many tokens: splitting each in every place must stay within a bound. */
static void hostile_score_vocabularies_are_refused(void **state) {
    (void)state;
    enum { LONG = 60000 };
    char *text = malloc(LONG);
    assert_non_null(text);
    memset(text, 'a', LONG);
    struct str tokens[] = {STR("a"), {text, LONG}};
    float scores[2] = {0, 0};
    struct tok_spec s = {
        .kind = TOK_SPM, .n_tokens = 2, .tokens = tokens, .scores = scores, .bos = -1, .eos = -1, .eot = -1, .unk = -1};
    refused(s, SIL_LIMIT, "too long");
    free(text);
}

struct failing {
    struct tok_spec spec;
    const struct tokenizer *t;
    struct str text;
};

static sil_err open_step(void *ctx, struct mem mem) {
    struct tokenizer *t;
    struct sil_error e = {0};
    sil_err err = tok_open(mem, &((struct failing *)ctx)->spec, &t, &e);
    tok_close(t);
    return err;
}

static sil_err encode_step(void *ctx, struct mem mem) {
    const struct failing *f = ctx;
    struct tok_ids ids;
    struct sil_error e = {0};
    tok_ids_init(&ids, mem, IDS_MAX);
    sil_err err = tok_encode(f->t, f->text, TOK_ADD_SPECIAL, &ids, &e);
    if (err != SIL_OK) assert_int_equal(ids.n, 0);
    tok_ids_free(&ids);
    return err;
}

static sil_err decode_step(void *ctx, struct mem mem) {
    const struct failing *f = ctx;
    const uint32_t ids[] = {'a', 0xea, 0xb0, 0x80, 'b'};
    struct buf b;
    buf_init(&b, mem, TEXT_MAX);
    sil_err err = tok_decode(f->t, ids, 5, false, &b);
    if (err != SIL_OK) assert_int_equal(b.n, 0);
    buf_free(&b);
    return err;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    struct vocab *bv = byte_vocab(SEED, 60), *sv = spm_vocab(SEED, true);
    struct failing f = {.spec = spec_of(bv, TOK_BYTE_BPE, "deepseek-llm")};
    assert_true(test_each_allocation(open_step, &f) > 3);
    struct tokenizer *t = open_spec(&f.spec);
    f.t = t;
    char text[400];
    memset(text, 'a', sizeof(text));
    memcpy(text, "e\xcc\x81 12", 6);
    f.text = (struct str){text, sizeof(text)};
    assert_true(test_each_allocation(encode_step, &f) > 3);
    assert_true(test_each_allocation(decode_step, &f) > 1);
    tok_close(t);
    f.spec.pre = STR("qwen2");
    f.t = t = open_spec(&f.spec);
    assert_true(test_each_allocation(encode_step, &f) > 3);
    tok_close(t);
    f.spec = spec_of(sv, TOK_SPM, "");
    assert_true(test_each_allocation(open_step, &f) > 3);
    f.t = t = open_spec(&f.spec);
    assert_true(test_each_allocation(encode_step, &f) > 3);
    tok_close(t);
    free(bv);
    free(sv);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bpe_equals_its_definition),
        cmocka_unit_test(spm_equals_its_definition),
        cmocka_unit_test(added_tokens),
        cmocka_unit_test(decoding),
        cmocka_unit_test(spm_decoding_drops_the_prefix_space),
        cmocka_unit_test(streams_give_whole_characters),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(long_runs_take_little_time),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(bad_vocabularies_are_refused),
        cmocka_unit_test(hostile_score_vocabularies_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
