#include "model/vocab.h"

#include "base/err.h"

#define KEY "tokenizer.ggml."

static const struct gguf_value *find(const struct gguf *g, const char *key) {
    return gguf_find(g, key);
}

/* A key that may be absent, but is of the right type when it is there. */
static sil_err optional_id(const struct gguf *g, const char *key, int32_t *out, struct sil_error *e) {
    *out = -1;
    if (!find(g, key)) return SIL_OK;
    uint32_t v;
    SIL_TRY(gguf_u32(g, key, &v, e));
    if (v == UINT32_MAX) return SIL_OK; /* written for "none" by some converters */
    if (v > INT32_MAX) return err_set(e, SIL_FORMAT, "%s is %u, which is no token", key, v);
    *out = (int32_t)v;
    return SIL_OK;
}

static sil_err optional_bool(const struct gguf *g, const char *key, bool *out, struct sil_error *e) {
    return find(g, key) ? gguf_bool(g, key, out, e) : SIL_OK;
}

static sil_err get_kind(const struct gguf *g, struct tok_spec *s, struct sil_error *e) {
    struct str model;
    SIL_TRY(gguf_str(g, KEY "model", &model, e));
    if (str_eq(model, STR("llama"))) {
        s->kind = TOK_SPM;
        s->add_bos = s->add_space_prefix = true; /* what is meant when the file does not say */
        return SIL_OK;
    }
    if (!str_eq(model, STR("gpt2")) && !str_eq(model, STR("unigram")))
        return err_set(e, SIL_UNSUPPORTED,
                       "tokenizer \"%.*s\" is not supported; supported are \"llama\" (SentencePiece BPE), \"gpt2\" "
                       "(byte-level BPE) and \"unigram\" (byte-level unigram)",
                       STR_ARG(model));
    s->kind = str_eq(model, STR("unigram")) ? TOK_UNIGRAM : TOK_BYTE_BPE;
    if (find(g, KEY "pre")) SIL_TRY(gguf_str(g, KEY "pre", &s->pre, e));
    static const char *const with_bos[] = {"llama-bpe", "llama3",   "llama-v3", "falcon3", "falcon-h1",
                                           "pixtral",   "midm-2.0", "lfm2",     "tekken"};
    for (size_t i = 0; i < sizeof(with_bos) / sizeof(with_bos[0]); i++)
        if (str_eq(s->pre, str_of(with_bos[i]))) s->add_bos = true;
    return SIL_OK;
}

static sil_err get_tokens(const struct gguf *g, struct tok_spec *s, struct sil_error *e) {
    const struct gguf_array *a;
    SIL_TRY(gguf_array(g, KEY "tokens", GGUF_STRING, &a, e));
    if (a->n == 0 || a->n > UINT32_MAX) return err_set(e, SIL_FORMAT, KEY "tokens has no elements or too many");
    s->n_tokens = (uint32_t)a->n;
    s->tokens = a->strings;
    if (s->kind != TOK_BYTE_BPE) return SIL_OK;
    SIL_TRY(gguf_array(g, KEY "merges", GGUF_STRING, &a, e));
    s->n_merges = (size_t)a->n;
    s->merges = a->strings;
    return SIL_OK;
}

static sil_err same_length(const struct gguf_array *a, uint32_t n, const char *key, struct sil_error *e) {
    if (a->n == n) return SIL_OK;
    return err_set(e, SIL_FORMAT, "%s has %llu elements, but there are %u tokens", key, (unsigned long long)a->n, n);
}

/* Copies of the numeric arrays, whose elements may be unaligned in the file. */
static sil_err get_numbers(const struct gguf *g, struct tok_spec *s, struct mem mem, uint8_t **types, float **scores,
                           struct sil_error *e) {
    const struct gguf_array *a;
    if (find(g, KEY "token_type")) {
        SIL_TRY(gguf_array(g, KEY "token_type", GGUF_I32, &a, e));
        SIL_TRY(same_length(a, s->n_tokens, KEY "token_type", e));
        if (!(*types = mem_array(mem, s->n_tokens, 1))) return err_nomem(e, "the vocabulary", s->n_tokens);
        for (uint32_t i = 0; i < s->n_tokens; i++) {
            int64_t y = gguf_array_int(a, i);
            (*types)[i] = y == 0 ? TOK_NORMAL : y < 0 || y > TOK_BYTE ? 255 : (uint8_t)y; /* 255: tok_open says so */
        }
    }
    if (s->kind != TOK_BYTE_BPE) {
        SIL_TRY(gguf_array(g, KEY "scores", GGUF_F32, &a, e));
        SIL_TRY(same_length(a, s->n_tokens, KEY "scores", e));
        if (!(*scores = mem_array(mem, s->n_tokens, sizeof(float)))) return err_nomem(e, "the vocabulary", s->n_tokens);
        for (uint32_t i = 0; i < s->n_tokens; i++) (*scores)[i] = (float)gguf_array_float(a, i);
    }
    s->types = *types;
    s->scores = *scores;
    return SIL_OK;
}

static sil_err get_rest(const struct gguf *g, struct tok_spec *s, struct sil_error *e) {
    SIL_TRY(optional_id(g, KEY "bos_token_id", &s->bos, e));
    SIL_TRY(optional_id(g, KEY "eos_token_id", &s->eos, e));
    SIL_TRY(optional_id(g, KEY "eot_token_id", &s->eot, e));
    SIL_TRY(optional_id(g, KEY "unknown_token_id", &s->unk, e));
    SIL_TRY(optional_bool(g, KEY "add_bos_token", &s->add_bos, e));
    SIL_TRY(optional_bool(g, KEY "add_eos_token", &s->add_eos, e));
    return optional_bool(g, KEY "add_space_prefix", &s->add_space_prefix, e);
}

sil_err vocab_open(const struct gguf *g, struct mem mem, struct tokenizer **out, struct sil_error *e) {
    struct tok_spec s = {0};
    uint8_t *types = NULL;
    float *scores = NULL;
    *out = NULL;
    sil_err err = get_kind(g, &s, e);
    if (err == SIL_OK) err = get_tokens(g, &s, e);
    if (err == SIL_OK) err = get_numbers(g, &s, mem, &types, &scores, e);
    if (err == SIL_OK) err = get_rest(g, &s, e);
    if (err == SIL_OK) err = tok_open(mem, &s, out, e);
    mem_free(mem, types);
    mem_free(mem, scores);
    return err;
}

struct str vocab_chat_template(const struct gguf *g) {
    const struct gguf_value *v = gguf_find(g, "tokenizer.chat_template");
    return v && v->type == GGUF_STRING ? v->as.s : STR("");
}
