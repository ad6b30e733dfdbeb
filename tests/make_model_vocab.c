#include "make_model_vocab.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

/* Token types as in tokenizer.ggml.token_type. */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6 };

struct vocab {
    struct arena *a;
    struct str *tokens, *merges;
    int32_t *types;
    float *scores;
    uint32_t n, n_merges;
    bool failed;
};

static void add(struct vocab *v, const char *s, size_t n, int32_t type) {
    char *copy = arena_copy(v->a, s, n);
    if (!copy) {
        v->failed = true;
        return;
    }
    v->types[v->n] = type;
    v->scores[v->n] = type == NORMAL ? -(float)v->n : 0;
    v->tokens[v->n++] = (struct str){copy, n};
}

/* Word k of the sequence aa, ab, ..., zz, aaa, ...: each is an earlier word (or letter) and one letter more. */
static size_t word(uint32_t k, char out[8]) {
    size_t len = 2;
    for (uint32_t count = 26 * 26; k >= count && len < 7; len++, count *= 26) k -= count;
    for (size_t i = len; i-- > 0; k /= 26) out[i] = (char)('a' + k % 26);
    return len;
}

static bool vocab_new(struct vocab *v, struct arena *a, uint32_t n) {
    *v = (struct vocab){.a = a,
                        .tokens = ARENA_ARRAY(a, n, struct str),
                        .merges = ARENA_ARRAY(a, n, struct str),
                        .types = ARENA_ARRAY(a, n, int32_t),
                        .scores = ARENA_ARRAY(a, n, float)};
    return v->tokens && v->merges && v->types && v->scores;
}

static sil_err put_common(struct gguf_writer *w, const char *model, const struct vocab *v) {
    SIL_TRY(gguf_put_str(w, "tokenizer.ggml.model", str_of(model)));
    SIL_TRY(gguf_put_array_str(w, "tokenizer.ggml.tokens", v->tokens, v->n));
    return gguf_put_array(w, "tokenizer.ggml.token_type", GGUF_I32, v->types, v->n);
}

sil_err mm_put_spm(struct gguf_writer *w, struct arena *a, uint32_t n) {
    struct vocab v;
    char s[8];
    if (!vocab_new(&v, a, n)) return SIL_NOMEM;
    add(&v, "<unk>", 5, UNKNOWN);
    add(&v, "<s>", 3, CONTROL);
    add(&v, "</s>", 4, CONTROL);
    for (unsigned i = 0; i < 256; i++) {
        snprintf(s, sizeof s, "<0x%02X>", i);
        add(&v, s, 6, BYTE);
    }
    add(&v, "\xe2\x96\x81", 3, NORMAL);
    for (char c = '!'; c <= '~'; c++) add(&v, &c, 1, NORMAL);
    for (uint32_t k = 0; v.n < n && !v.failed; k++) add(&v, s, word(k, s), NORMAL);
    if (v.failed) return SIL_NOMEM;
    SIL_TRY(put_common(w, "llama", &v));
    SIL_TRY(gguf_put_array(w, "tokenizer.ggml.scores", GGUF_F32, v.scores, v.n));
    SIL_TRY(gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 1));
    SIL_TRY(gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 2));
    SIL_TRY(gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 0));
    SIL_TRY(gguf_put_bool(w, "tokenizer.ggml.add_bos_token", true));
    return gguf_put_bool(w, "tokenizer.ggml.add_eos_token", false);
}

/* The 256 bytes as GPT-2 writes them: printable Latin-1 as itself, the others as U+0100 onwards. */
static void add_bytes(struct vocab *v) {
    bool plain[256];
    for (int b = 0; b < 256; b++) plain[b] = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    char s[4];
    for (int pass = 1; pass >= 0; pass--) {
        uint32_t next = 0x100;
        for (int b = 0; b < 256; b++) {
            if (plain[b] != pass) continue;
            add(v, s, utf8_encode(pass ? (uint32_t)b : next++, s), NORMAL);
        }
    }
}

/* Its own wording of what <|im_start|> and <|im_end|> are for. */
static const char chatml[] = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
                             "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

sil_err mm_put_chatml(struct gguf_writer *w) {
    return gguf_put_str(w, "tokenizer.chat_template", str_of(chatml));
}

sil_err mm_put_bpe(struct gguf_writer *w, struct arena *a, uint32_t n, const char *pre) {
    struct vocab v;
    char s[8], pair[16];
    if (!vocab_new(&v, a, n)) return SIL_NOMEM;
    add_bytes(&v);
    for (uint32_t k = 0; v.n + 3 < n && !v.failed; k++) {
        size_t len = word(k, s);
        snprintf(pair, sizeof pair, "%.*s %c", (int)len - 1, s, s[len - 1]);
        add(&v, s, len, NORMAL);
        v.merges[v.n_merges++] = (struct str){arena_copy(a, pair, len + 1), len + 1};
        if (!v.merges[v.n_merges - 1].p) v.failed = true;
    }
    uint32_t eos = v.n + 2;
    add(&v, "<|endoftext|>", 13, CONTROL);
    add(&v, "<|im_start|>", 12, CONTROL);
    add(&v, "<|im_end|>", 10, CONTROL);
    if (v.failed) return SIL_NOMEM;
    SIL_TRY(put_common(w, "gpt2", &v));
    SIL_TRY(gguf_put_str(w, "tokenizer.ggml.pre", str_of(pre)));
    SIL_TRY(gguf_put_array_str(w, "tokenizer.ggml.merges", v.merges, v.n_merges));
    SIL_TRY(gguf_put_u32(w, "tokenizer.ggml.bos_token_id", eos - 2));
    SIL_TRY(gguf_put_u32(w, "tokenizer.ggml.eos_token_id", eos));
    return gguf_put_bool(w, "tokenizer.ggml.add_bos_token", false);
}
