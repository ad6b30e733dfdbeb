/* tokenizer.json as Hugging Face's library reads it. */
#include <stdio.h>

#include "base/utf8.h"
#include "learn/bpe_impl.h"
#include "learn/unigram.h"

static void put_escaped(struct buf *out, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '"' || c == '\\') buf_char(out, '\\');
        if (c < 0x20) buf_printf(out, "\\u%04x", c);
        else buf_char(out, (char)c);
    }
}

/* A byte in GPT-2's alphabet: visible ones stand for themselves, the n-th other one for U+0100 + n. */
static void put_byte(struct buf *out, unsigned char c) {
    uint32_t cp = c;
    char p[4];
    bool visible = (c >= 33 && c <= 126) || (c >= 161 && c <= 172) || c >= 174;
    if (!visible) cp = c <= 32 ? 256u + c : c <= 160 ? 256u + 33 + (c - 127u) : 256u + 67;
    size_t n = utf8_encode(cp, p);
    put_escaped(out, p, n);
}

static void put_token(struct buf *out, const struct bpe *b, size_t id) {
    for (uint32_t i = 0; i < b->tokens[id].n; i++) put_byte(out, (unsigned char)b->text[b->tokens[id].at + i]);
}

static void put_specials(struct buf *out, const struct bpe *b, const struct bpe_options *o) {
    for (uint32_t i = 0; i < o->n_specials; i++) {
        buf_printf(out, "%s\n    {\"id\": %zu, \"content\": \"", i ? "," : "", b->n_tokens + i);
        put_escaped(out, o->specials[i], strlen(o->specials[i]));
        buf_printf(out, "\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                        "\"special\": true}");
    }
}

/* Exact: a score is a multiple of 2^-12, and 10^12 / 2^12 is whole. */
static void put_score(struct buf *out, int32_t score) {
    uint32_t a = (uint32_t)(score < 0 ? -(int64_t)score : score);
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%012llu", (unsigned long long)(a % UNIGRAM_SCORE) * 244140625u);
    while (n > 1 && digits[n - 1] == '0') n--;
    buf_printf(out, "%s%u.%.*s", score < 0 ? "-" : "", a / UNIGRAM_SCORE, n, digits);
}

static void put_unigram(struct buf *out, const struct bpe *b) {
    buf_printf(out, "  \"model\": {\"type\": \"Unigram\", \"unk_id\": null, \"byte_fallback\": false,\n  \"vocab\": [");
    for (size_t i = 0; i < b->n_tokens; i++) {
        buf_printf(out, "%s\n    [\"", i ? "," : "");
        put_token(out, b, i);
        buf_printf(out, "\", ");
        put_score(out, b->scores[i]);
        buf_char(out, ']');
    }
    buf_printf(out, "]");
}

static void put_bpe(struct buf *out, const struct bpe *b) {
    buf_printf(out, "  \"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
                    "\"continuing_subword_prefix\": \"\", \"end_of_word_suffix\": \"\", \"fuse_unk\": false, "
                    "\"byte_fallback\": false, \"ignore_merges\": false,\n  \"vocab\": {");
    for (size_t i = 0; i < b->n_tokens; i++) {
        buf_printf(out, "%s\n    \"", i ? "," : "");
        put_token(out, b, i);
        buf_printf(out, "\": %zu", i);
    }
    buf_printf(out, "},\n  \"merges\": [");
    bool first = true;
    for (size_t i = 0; i < b->n_tokens; i++) {
        if (b->tokens[i].left == BPE_NONE) continue;
        buf_printf(out, "%s\n    \"", first ? "" : ",");
        put_token(out, b, b->tokens[i].left);
        buf_char(out, ' ');
        put_token(out, b, b->tokens[i].right);
        buf_char(out, '"');
        first = false;
    }
    buf_printf(out, "]");
}

sil_err bpe_json(const struct bpe *b, const struct bpe_options *o, struct buf *out) {
    static const char byte_level[] =
        "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": false, \"use_regex\": false}";
    const char *pattern = split_pattern(SPLIT_QWEN2);
    buf_printf(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [");
    put_specials(out, b, o);
    buf_printf(out, "],\n  \"normalizer\": {\"type\": \"NFC\"},\n  \"pre_tokenizer\": {\"type\": \"Sequence\", "
                    "\"pretokenizers\": [\n    {\"type\": \"Split\", \"pattern\": {\"Regex\": \"");
    put_escaped(out, pattern, strlen(pattern));
    buf_printf(out, "\"}, \"behavior\": \"Isolated\", \"invert\": false},\n    %s]},\n", byte_level);
    buf_printf(out, "  \"post_processor\": %s,\n  \"decoder\": %s,\n", byte_level, byte_level);
    if (b->scores) put_unigram(out, b);
    else put_bpe(out, b);
    return buf_printf(out, "}\n}\n");
}
