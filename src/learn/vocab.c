#include "learn/vocab.h"

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "model/vocab.h"

enum { JSON_MAX = 256 << 20, CHAT_MAX = 1 << 20, ARENA_MAX = 1 << 30 };

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static sil_err bad(struct sil_error *e, const char *what) {
    return err_set(e, SIL_FORMAT, "tokenizer.json: %s", what);
}

/* A copy that lives in the arena; p == NULL when there is no memory. */
static struct str keep(struct learn_vocab *v, const char *p, size_t n) {
    return (struct str){arena_copy(&v->arena, p, n), n};
}

static sil_err put_token(struct learn_vocab *v, struct str *tokens, uint8_t *types, const char *text, size_t n,
                         json_int_t id, uint8_t type, struct sil_error *e) {
    if (id < 0 || id >= v->spec.n_tokens) return bad(e, "the ids of its tokens have gaps");
    if (tokens[id].p && (tokens[id].n != n || memcmp(tokens[id].p, text, n) != 0))
        return bad(e, "an id is given twice");
    tokens[id] = keep(v, text, n);
    types[id] = type;
    return tokens[id].p ? SIL_OK : err_nomem(e, "the vocabulary", n);
}

/* Token i of a unigram model: ["text", score]. */
static sil_err put_scored(struct learn_vocab *v, struct str *tokens, uint8_t *types, float *scores, json_t *pair,
                          size_t i, struct sil_error *e) {
    json_t *text = json_array_get(pair, 0), *score = json_array_get(pair, 1);
    if (!json_is_string(text) || !json_is_number(score)) return bad(e, "a token is not a text and a score");
    scores[i] = (float)json_number_value(score);
    return put_token(v, tokens, types, json_string_value(text), json_string_length(text), (json_int_t)i, TOK_NORMAL, e);
}

/* vocab: {"text": id, ...} or of unigram models [["text", score], ...]. */
static sil_err put_vocab(struct learn_vocab *v, struct str *tokens, uint8_t *types, json_t *vocab,
                         struct sil_error *e) {
    const char *key;
    size_t key_len, n = json_array_size(vocab);
    json_t *id;
    json_object_keylen_foreach(vocab, key, key_len, id) {
        SIL_TRY(put_token(v, tokens, types, key, key_len, json_integer_value(id), TOK_NORMAL, e));
    }
    if (!json_is_array(vocab)) return SIL_OK;
    float *scores = ARENA_ARRAY(&v->arena, v->spec.n_tokens, float);
    if (!scores) return err_nomem(e, "the vocabulary", n);
    for (size_t i = 0; i < n; i++) SIL_TRY(put_scored(v, tokens, types, scores, json_array_get(vocab, i), i, e));
    v->spec.scores = scores;
    return SIL_OK;
}

/* Is the added token's id one of the vocabulary's n? */
static bool is_extra(json_t *added, size_t i, json_t *vocab, size_t n) {
    json_t *o = json_array_get(added, i);
    struct str s = jsonx_str(o, "content");
    if (json_is_array(vocab)) return json_integer_value(json_object_get(o, "id")) >= (json_int_t)n;
    return json_object_getn(vocab, s.p, s.n) == NULL;
}

static sil_err read_tokens(struct learn_vocab *v, json_t *vocab, json_t *added, struct sil_error *e) {
    size_t n = json_is_array(vocab) ? json_array_size(vocab) : json_object_size(vocab), extra = 0;
    for (size_t i = 0; i < json_array_size(added); i++) extra += is_extra(added, i, vocab, n);
    if (n + extra < 1 || n + extra > UINT32_MAX / 2) return bad(e, "there are no tokens, or too many");
    v->spec.n_tokens = (uint32_t)(n + extra);
    struct str *tokens = ARENA_ARRAY(&v->arena, n + extra, struct str);
    uint8_t *types = ARENA_ARRAY(&v->arena, n + extra, uint8_t);
    if (!tokens || !types) return err_nomem(e, "the vocabulary", n);
    SIL_TRY(put_vocab(v, tokens, types, vocab, e));
    for (size_t i = 0; i < json_array_size(added); i++) {
        json_t *o = json_array_get(added, i);
        struct str s = jsonx_str(o, "content");
        uint8_t type = json_is_true(json_object_get(o, "special")) ? TOK_CONTROL : TOK_USER;
        SIL_TRY(put_token(v, tokens, types, s.p, s.n, json_integer_value(json_object_get(o, "id")), type, e));
    }
    for (size_t i = 0; i < n + extra; i++)
        if (!tokens[i].p) return bad(e, "the ids of its tokens have gaps");
    v->spec.tokens = tokens;
    v->spec.types = types;
    return SIL_OK;
}

static sil_err read_merges(struct learn_vocab *v, json_t *merges, struct sil_error *e) {
    size_t n = json_array_size(merges);
    struct str *out = ARENA_ARRAY(&v->arena, n + 1, struct str);
    if (!out) return err_nomem(e, "the merges", n);
    for (size_t i = 0; i < n; i++) {
        json_t *m = json_array_get(merges, i), *a = json_array_get(m, 0), *b = json_array_get(m, 1);
        if (json_is_string(m)) {
            out[i] = keep(v, json_string_value(m), json_string_length(m));
        } else {
            if (!json_is_string(a) || !json_is_string(b)) return bad(e, "a merge is not two tokens");
            size_t na = json_string_length(a), nb = json_string_length(b);
            char *p = arena_alloc(&v->arena, na + nb + 2, 1);
            if (p) {
                memcpy(p, json_string_value(a), na);
                p[na] = ' ';
                memcpy(p + na + 1, json_string_value(b), nb);
            }
            out[i] = (struct str){p, na + nb + 1};
        }
        if (!out[i].p) return err_nomem(e, "the merges", n);
    }
    v->spec.merges = out;
    v->spec.n_merges = n;
    return SIL_OK;
}

static int32_t id_of(const struct learn_vocab *v, const char *const *names, size_t n) {
    for (size_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < v->spec.n_tokens; i++)
            if (str_eq(v->spec.tokens[i], str_of(names[k]))) return (int32_t)i;
    return -1;
}

static sil_err read_json(struct learn_vocab *v, struct str text, const char *pre, struct sil_error *e) {
    static const char *const ends[] = {"<|endoftext|>", "</s>", "<|end_of_text|>"};
    static const char *const turns[] = {"<|im_end|>", "<|eot_id|>"};
    json_t *root;
    SIL_TRY(jsonx_parse(text, "tokenizer.json", &root, e));
    json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    struct str type = jsonx_str(model, "type");
    sil_err err = SIL_OK;
    bool unigram = str_eq(type, STR("Unigram")), bpe = type.n == 0 || str_eq(type, STR("BPE"));
    if (!(unigram && json_is_array(vocab)) &&
        !(bpe && json_is_object(vocab) && json_is_array(json_object_get(model, "merges"))))
        err = err_set(e, SIL_UNSUPPORTED,
                      "a tokenizer.json of type %.*s; training takes byte-level BPE and unigram (make one with "
                      "sillok train-tokenizer)",
                      STR_ARG(type));
    if (err == SIL_OK) err = read_tokens(v, vocab, json_object_get(root, "added_tokens"), e);
    if (err == SIL_OK) err = read_merges(v, json_object_get(model, "merges"), e);
    json_decref(root);
    if (err != SIL_OK) return err;
    v->spec.kind = unigram ? TOK_UNIGRAM : TOK_BYTE_BPE;
    v->spec.pre = keep(v, pre, strlen(pre));
    v->spec.bos = v->spec.unk = -1;
    v->spec.eos = id_of(v, ends, 3);
    v->spec.eot = id_of(v, turns, 2);
    if (v->spec.eos < 0) v->spec.eos = v->spec.eot;
    if (v->spec.eos < 0) return bad(e, "there is no token that ends a text (<|endoftext|> or </s>)");
    return tok_open(v->mem, &v->spec, &v->tok, e);
}

/* The tokenizer.json's own rules and those of the GGUF name must give the same tokens. */
static sil_err compare_rules(const struct learn_vocab *v, struct str json, const char *pre, struct sil_error *e) {
    static const char text[] =
        "한국어 모델은 2026년 11월에, 스물두 번째로 다시! I'm don't WE'LL  x=12345.67\r\n\n\t끝…  "
        "日本語 ก็ 👩‍💻é e\xcc\x81 \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab";
    struct tokenizer *other;
    struct tok_ids a, b;
    SIL_TRY(tok_open_json(v->mem, json, &other, e));
    tok_ids_init(&a, v->mem, 4096);
    tok_ids_init(&b, v->mem, 4096);
    sil_err err = tok_encode(v->tok, STR(text), 0, &a, e);
    if (err == SIL_OK) err = tok_encode(other, STR(text), 0, &b, e);
    if (err == SIL_OK && (a.n != b.n || memcmp(a.p, b.p, a.n * sizeof *a.p) != 0))
        err = err_set(e, SIL_ARG, "pre: \"%s\" does not split texts as this tokenizer.json does", pre);
    tok_ids_free(&a);
    tok_ids_free(&b);
    tok_close(other);
    return err;
}

static sil_err open_json(struct learn_vocab *v, const char *path, const char *pre, struct sil_error *e) {
    struct buf text;
    buf_init(&text, v->mem, JSON_MAX);
    sil_err err = file_read(path, &text, e);
    if (err == SIL_OK) err = read_json(v, buf_view(&text), pre, e);
    if (err == SIL_OK) err = compare_rules(v, buf_view(&text), pre, e);
    buf_free(&text);
    return err;
}

static sil_err open_chat(struct learn_vocab *v, const char *path, struct sil_error *e) {
    struct template_limits limits = template_limits_default();
    struct buf text;
    buf_init(&text, v->mem, CHAT_MAX);
    sil_err err = path ? file_read(path, &text, e) : SIL_OK;
    if (path && err == SIL_OK) v->chat_source = keep(v, buf_view(&text).p, text.n);
    else if (err == SIL_OK && v->file) v->chat_source = vocab_chat_template(model_file_gguf(v->file));
    buf_free(&text);
    if (err != SIL_OK || v->chat_source.n == 0) return err;
    return template_parse(v->mem, v->chat_source, &limits, &v->chat, e);
}

sil_err learn_vocab_open(struct mem mem, const char *path, const char *pre, const char *chat_path,
                         struct learn_vocab *out, struct sil_error *e) {
    *out = (struct learn_vocab){.mem = mem};
    arena_init(&out->arena, mem, ARENA_MAX);
    sil_err err;
    if (ends_with(path, ".gguf")) {
        err = model_file_open(path, mem, &out->file, e);
        if (err == SIL_OK) err = vocab_open(model_file_gguf(out->file), mem, &out->tok, e);
    } else {
        err = open_json(out, path, pre, e);
    }
    if (err == SIL_OK) out->spec.n_tokens = tok_count(out->tok);
    if (err != SIL_OK) err = err_prefix(e, err, "%s", path);
    else err = open_chat(out, chat_path, e);
    if (err != SIL_OK) learn_vocab_close(out);
    return err;
}

sil_err learn_vocab_ship(struct learn_vocab *v, const char *path, struct sil_error *e) {
    struct template_limits limits = template_limits_default();
    struct template *parsed = NULL;
    struct buf text;
    buf_init(&text, v->mem, CHAT_MAX);
    sil_err err = file_read(path, &text, e);
    struct str source = {NULL, 0};
    if (err == SIL_OK) {
        source = keep(v, buf_view(&text).p, text.n);
        err = source.p ? template_parse(v->mem, source, &limits, &parsed, e) : err_nomem(e, "a template", text.n);
        if (err != SIL_OK) err = err_prefix(e, err, "%s", path);
    }
    if (err == SIL_OK) v->chat_source = source;
    template_free(parsed);
    buf_free(&text);
    return err;
}

void learn_vocab_close(struct learn_vocab *v) {
    template_free(v->chat);
    tok_close(v->tok);
    model_file_close(v->file);
    arena_free(&v->arena);
    *v = (struct learn_vocab){0};
}

static void put_spec(const struct learn_vocab *v, struct gguf_writer *w, int32_t *types) {
    const struct tok_spec *s = &v->spec;
    for (uint32_t i = 0; i < s->n_tokens; i++) types[i] = s->types[i];
    gguf_put_str(w, "tokenizer.ggml.model", s->kind == TOK_UNIGRAM ? STR("unigram") : STR("gpt2"));
    gguf_put_str(w, "tokenizer.ggml.pre", s->pre);
    gguf_put_array_str(w, "tokenizer.ggml.tokens", s->tokens, s->n_tokens);
    gguf_put_array(w, "tokenizer.ggml.token_type", GGUF_I32, types, s->n_tokens);
    if (s->kind == TOK_UNIGRAM) gguf_put_array(w, "tokenizer.ggml.scores", GGUF_F32, s->scores, s->n_tokens);
    else gguf_put_array_str(w, "tokenizer.ggml.merges", s->merges, s->n_merges);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", (uint32_t)s->eos);
    if (s->eot >= 0) gguf_put_u32(w, "tokenizer.ggml.eot_token_id", (uint32_t)s->eot);
    gguf_put_bool(w, "tokenizer.ggml.add_bos_token", false);
}

sil_err learn_vocab_put(const struct learn_vocab *v, struct gguf_writer *w, struct sil_error *e) {
    if (v->file) {
        const struct gguf *g = model_file_gguf(v->file);
        for (size_t i = 0; i < g->n_kv; i++)
            if (str_starts(g->kv[i].key, STR("tokenizer.")) && !str_eq(g->kv[i].key, STR("tokenizer.chat_template")))
                gguf_put_value(w, g->kv[i].key, &g->kv[i].value);
    } else {
        int32_t *types = mem_array(v->mem, v->spec.n_tokens, sizeof *types);
        if (!types) return err_nomem(e, "the vocabulary", v->spec.n_tokens * sizeof *types);
        put_spec(v, w, types);
        mem_free(v->mem, types);
    }
    if (v->chat_source.n) gguf_put_str(w, "tokenizer.chat_template", v->chat_source);
    return SIL_OK;
}
