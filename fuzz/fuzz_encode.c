/* fuzz_encode: text through every pre-split rule and both kinds of merging. Input: a byte that chooses the tokenizer
 * and the flags, then text. What is encoded must decode to the same text, whole and as a stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/stream.h"

enum { OUT_MAX = 1 << 26, IDS_MAX = 1 << 24, TOKENS = 300 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static const char *const rules[] = {"spm",    "gpt-2",   "llama-bpe",    "qwen2",       "gpt-4o", "tekken",
                                    "smollm", "default", "deepseek-llm", "deepseek-v3", "falcon"};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

/* All bytes, some pairs, a control token and a user token. */
static struct tokenizer *make(const char *rule) {
    static const char *const pairs[] = {
        "e r", "a a", "aa aa", "\xc4\xa0 a", "\xc3\xaa \xc2\xb0", "\xc3\xaa\xc2\xb0 \xc4\xa2"};
    struct str tokens[TOKENS], merges[8];
    char texts[TOKENS][16];
    uint8_t types[TOKENS];
    float scores[TOKENS] = {0};
    uint32_t n = 0, next = 0x100;
    size_t n_merges = 0;
    bool spm = strcmp(rule, "spm") == 0;
    for (uint32_t b = 0; b < 256; b++, n++) {
        bool plain = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        tokens[n].n = spm ? (size_t)snprintf(texts[n], 16, "<0x%02X>", b) : utf8_encode(plain ? b : next++, texts[n]);
        types[n] = spm ? TOK_BYTE : TOK_NORMAL;
    }
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++, n++) {
        const char *gap = strchr(pairs[i], ' ');
        tokens[n].n = (size_t)snprintf(texts[n], 16, "%.*s%s", (int)(gap - pairs[i]), pairs[i], gap + 1);
        types[n] = TOK_NORMAL;
        scores[n] = -(float)(i % 3);
        merges[n_merges++] = str_of(pairs[i]);
    }
    static const struct {
        const char *text;
        uint8_t type;
    } more[] = {{"<|x|>", TOK_CONTROL},
                {"<u>", TOK_USER},
                {"a", TOK_NORMAL},
                {"\xe2\x96\x81", TOK_NORMAL},
                {"\xe2\x96\x81"
                 "a",
                 TOK_NORMAL}};
    for (size_t i = 0; i < (spm ? 5 : 2); i++, n++) {
        tokens[n].n = (size_t)snprintf(texts[n], 16, "%s", more[i].text);
        types[n] = more[i].type;
    }
    for (uint32_t i = 0; i < n; i++) tokens[i].p = texts[i];
    struct tok_spec s = {.kind = spm ? TOK_SPM : TOK_BYTE_BPE,
                         .pre = str_of(rule),
                         .n_tokens = n,
                         .tokens = tokens,
                         .types = types,
                         .scores = scores,
                         .n_merges = spm ? 0 : n_merges,
                         .merges = merges,
                         .bos = -1,
                         .eos = -1,
                         .eot = -1,
                         .unk = -1};
    struct tokenizer *t;
    struct sil_error e = {0};
    PROMISE(tok_open(mem_libc(), &s, &t, &e) == SIL_OK);
    return t;
}

static const struct tokenizer *tokenizer_of(unsigned k) {
    static struct tokenizer *made[RULES]; /* as long as the fuzzer */
    if (!made[k]) made[k] = make(rules[k]);
    return made[k];
}

static void check_back(const struct tokenizer *t, const struct tok_ids *ids, struct str text, bool same) {
    struct buf whole, parts;
    struct stream st;
    buf_init(&whole, mem_libc(), OUT_MAX);
    buf_init(&parts, mem_libc(), OUT_MAX);
    PROMISE(tok_decode(t, ids->p, ids->n, true, &whole) == SIL_OK);
    stream_init(&st, mem_libc(), t, true);
    for (size_t i = 0; i < ids->n; i++) {
        size_t was = parts.n;
        PROMISE(stream_push(&st, ids->p[i], &parts) == SIL_OK);
        PROMISE(parts.n == was || utf8_valid(parts.p + was, parts.n - was, NULL));
    }
    PROMISE(stream_end(&st, &parts) == SIL_OK);
    stream_free(&st);
    PROMISE(str_eq(buf_view(&whole), buf_view(&parts)));
    if (same) PROMISE(str_eq(buf_view(&whole), text));
    buf_free(&whole);
    buf_free(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    if (n == 0) return 0;
    unsigned k = p[0] % RULES, flags = p[0] & 0x80 ? TOK_PARSE_SPECIAL : 0u;
    struct str text = {(const char *)p + 1, n - 1};
    struct tok_ids ids;
    struct sil_error e = {0};
    tok_ids_init(&ids, mem_libc(), IDS_MAX);
    const struct tokenizer *t = tokenizer_of(k);
    sil_err err = tok_encode(t, text, flags, &ids, &e);
    if (err == SIL_OK) {
        /* Qwen's rules normalise, and SentencePiece cannot tell U+2581 from a space */
        bool same = strcmp(rules[k], "qwen2") != 0 && strcmp(rules[k], "spm") != 0;
        check_back(t, &ids, text, same);
    } else {
        PROMISE(err == SIL_FORMAT || err == SIL_LIMIT);
        PROMISE(err != SIL_FORMAT || !utf8_valid(text.p, text.n, NULL));
    }
    tok_ids_free(&ids);
    return 0;
}
