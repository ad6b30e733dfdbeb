/* Endpoints that generate nothing: /tokenize, /detokenize, /apply-template, as llama.cpp and vLLM have them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"
#include "serve/openai_impl.h"
#include "serve/prompt.h"

enum { IDS_MAX = 1 << 26 };

/* A body's working memory. */
struct text {
    json_t *body, *messages, *vars;
    const struct catalog_model *m;
    struct buf rendered, origin;
    struct tok_ids ids;
};

static bool text_open(struct text *t, struct str body, const struct catalog *c, struct mem mem, struct fault *f) {
    *t = (struct text){0};
    buf_init(&t->rendered, mem, PROMPT_TEXT_MAX);
    buf_init(&t->origin, mem, PROMPT_TEXT_MAX);
    tok_ids_init(&t->ids, mem, IDS_MAX);
    return openai_parse(body, &t->body, f) && openai_get_model(t->body, c, &t->m, f);
}

static void text_close(struct text *t) {
    catalog_release(t->m);
    json_decref(t->body);
    json_decref(t->messages);
    json_decref(t->vars);
    buf_free(&t->rendered);
    buf_free(&t->origin);
    tok_ids_free(&t->ids);
}

static bool close_fault(sil_err err, size_t before, struct buf *out, struct fault *f) {
    if (err == SIL_OK) return true;
    out->n = before;
    if (err == SIL_NOMEM) return openai_no_memory(f);
    return fault_set(f, 413, "too_large", NULL, "the reply would be larger than this server gives");
}

/* messages through the template into t->rendered. */
static bool render(struct text *t, int64_t unix_s, struct fault *f) {
    bool generation = true;
    json_t *tools = json_object_get(t->body, "tools");
    if (json_is_null(tools) || (json_is_array(tools) && json_array_size(tools) == 0)) tools = NULL;
    if (tools && !json_is_array(tools)) return openai_wrong_type(f, "tools", "an array", tools);
    return openai_get_messages(t->body, t->rendered.mem, &t->messages, f) &&
           openai_get_template_vars(t->body, &t->vars, f) &&
           openai_get_bool(t->body, "add_generation_prompt", &generation, f) &&
           prompt_render(t->m, t->messages, tools, t->vars, generation, unix_s, &t->rendered, &t->origin, f);
}

/* ---- /tokenize ---- */

static bool encode_text(struct text *t, struct str text, bool special, const char *param, struct fault *f) {
    struct sil_error e = {0};
    bool parse = false;
    if (!openai_get_bool(t->body, "add_special", &special, f) ||
        !openai_get_bool(t->body, "add_special_tokens", &special, f) ||
        !openai_get_bool(t->body, "parse_special", &parse, f))
        return false;
    unsigned flags = (special ? (unsigned)TOK_ADD_SPECIAL : 0u) | (parse ? (unsigned)TOK_PARSE_SPECIAL : 0u);
    return tok_encode(t->m->tok, text, flags, &t->ids, &e) == SIL_OK || fault_from(f, &e, param);
}

/* content (llama.cpp: no BOS unless asked), prompt (vLLM: with BOS), or messages. */
static bool encode_body(struct text *t, int64_t unix_s, struct fault *f) {
    struct str content = {0}, prompt = {0};
    if (!openai_get_str(t->body, "content", &content, f) || !openai_get_str(t->body, "prompt", &prompt, f))
        return false;
    if (content.p) return encode_text(t, content, false, "content", f);
    if (prompt.p) return encode_text(t, prompt, true, "prompt", f);
    if (json_object_get(t->body, "messages"))
        return render(t, unix_s, f) && prompt_tokens(t->m, buf_view(&t->rendered), &t->origin, &t->ids, f);
    return fault_set(f, 400, "missing_required_parameter", "prompt", "expected prompt, content or messages");
}

/* A piece as llama.cpp gives it: text, or an array of bytes where it is no whole characters. */
static void put_piece(struct jout *o, struct str piece) {
    if (utf8_valid(piece.p, piece.n, NULL)) {
        jout_text(o, piece);
        return;
    }
    jout_raw(o, "[");
    for (size_t i = 0; i < piece.n; i++) jout_fmt(o, i ? ",%u" : "%u", (unsigned char)piece.p[i]);
    jout_raw(o, "]");
}

static void put_tokens(const struct text *t, bool pieces, bool texts, struct jout *o) {
    struct buf piece;
    buf_init(&piece, o->b->mem, OPENAI_PIECE_MAX);
    jout_raw(o, "{\"tokens\":[");
    for (size_t i = 0; i < t->ids.n && o->err == SIL_OK; i++) {
        jout_fmt(o, pieces ? "%s{\"id\":%" PRIu32 ",\"piece\":" : "%s%" PRIu32, i ? "," : "", t->ids.p[i]);
        if (!pieces) continue;
        if (o->err == SIL_OK) o->err = openai_piece(t->m->tok, t->ids.p[i], &piece);
        put_piece(o, buf_view(&piece));
        jout_raw(o, "}");
    }
    jout_fmt(o, "],\"count\":%zu,\"max_model_len\":%" PRIu32, t->ids.n, t->m->n_ctx);
    if (texts) {
        jout_raw(o, ",\"token_strs\":[");
        for (size_t i = 0; i < t->ids.n && o->err == SIL_OK; i++) {
            o->err = openai_piece(t->m->tok, t->ids.p[i], &piece);
            if (i) jout_raw(o, ",");
            openai_put_piece(o, buf_view(&piece));
        }
        jout_raw(o, "]");
    }
    jout_raw(o, "}");
    buf_free(&piece);
}

bool openai_tokenize(struct str body, const struct catalog *c, int64_t unix_s, struct buf *out, struct fault *f) {
    struct text t;
    struct jout o = {.b = out};
    size_t before = out->n;
    bool pieces = false, texts = false;
    bool ok = text_open(&t, body, c, out->mem, f) && openai_get_bool(t.body, "with_pieces", &pieces, f) &&
              openai_get_bool(t.body, "return_token_strs", &texts, f) && encode_body(&t, unix_s, f);
    if (ok) {
        put_tokens(&t, pieces, texts, &o);
        ok = close_fault(o.err, before, out, f);
    }
    text_close(&t);
    return ok;
}

/* ---- /detokenize ---- */

static bool get_ids(struct text *t, struct fault *f) {
    const json_t *list = json_object_get(t->body, "tokens");
    if (!json_is_array(list)) return openai_wrong_type(f, "tokens", "an array of token ids", list);
    size_t n = json_array_size(list);
    if (n == 0) return true;
    t->ids.p = mem_array(t->ids.mem, n, sizeof *t->ids.p);
    if (!t->ids.p) return openai_no_memory(f);
    t->ids.cap = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        char at[64];
        int64_t id;
        snprintf(at, sizeof at, "tokens[%zu]", i);
        if (!openai_whole_number(v, &id)) return openai_wrong_type(f, at, "a token id", v);
        if (id < 0 || id >= tok_count(t->m->tok))
            return fault_set(f, 400, "invalid_value", at, "%s: expected a token id from 0 to %" PRIu32, at,
                             tok_count(t->m->tok) - 1);
        t->ids.p[t->ids.n++] = (uint32_t)id;
    }
    return true;
}

/* The text under llama.cpp's name (content) and vLLM's (prompt). */
bool openai_detokenize(struct str body, const struct catalog *c, struct buf *out, struct fault *f) {
    struct text t;
    struct jout o = {.b = out};
    size_t before = out->n;
    bool ok = text_open(&t, body, c, out->mem, f) && get_ids(&t, f);
    if (ok) {
        o.err = tok_decode(t.m->tok, t.ids.p, t.ids.n, true, &t.rendered);
        jout_raw(&o, "{\"content\":");
        jout_text(&o, buf_view(&t.rendered));
        jout_raw(&o, ",\"prompt\":");
        jout_text(&o, buf_view(&t.rendered));
        jout_raw(&o, "}");
        ok = close_fault(o.err, before, out, f);
    }
    text_close(&t);
    return ok;
}

/* ---- /apply-template ---- */

bool openai_apply_template(struct str body, const struct catalog *c, int64_t unix_s, struct buf *out, struct fault *f) {
    struct text t;
    struct jout o = {.b = out};
    size_t before = out->n;
    bool ok = text_open(&t, body, c, out->mem, f) && render(&t, unix_s, f);
    if (ok) {
        jout_raw(&o, "{\"prompt\":");
        jout_text(&o, buf_view(&t.rendered));
        jout_raw(&o, "}");
        ok = close_fault(o.err, before, out, f);
    }
    text_close(&t);
    return ok;
}

/* ---- /v1/models ---- */

/* name: the model's own, or an alias, which then has the model as its root. */
static void put_model(const struct catalog_model *m, struct str name, struct jout *o) {
    jout_raw(o, "{\"id\":");
    jout_text(o, name);
    jout_fmt(o, ",\"object\":\"model\",\"created\":%" PRId64 ",\"owned_by\":\"sillok\",\"root\":", m->created);
    jout_text(o, str_of(m->config->name));
    jout_fmt(o, ",\"parent\":null,\"max_model_len\":%" PRIu32 ",\"chat\":%s,\"sillok\":{\"sha256\":", m->n_ctx,
             m->chat ? "true" : "false");
    jout_text(o, str_of(m->digest));
    jout_raw(o, ",\"tokenizer_sha256\":");
    jout_text(o, str_of(m->tokenizer_digest));
    jout_raw(o, ",\"profile\":");
    jout_text_or_null(o, m->profile);
    jout_raw(o, "}}");
}

bool openai_models(const struct catalog *c, struct str name, struct buf *out, struct fault *f) {
    struct jout o = {.b = out};
    size_t before = out->n;
    if (name.n) {
        const struct catalog_model *m = catalog_hold(c, name, f);
        if (!m) return false;
        put_model(m, name, &o);
        catalog_release(m);
        return close_fault(o.err, before, out, f);
    }
    jout_raw(&o, "{\"object\":\"list\",\"data\":[");
    bool any = false;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct catalog_model *m = catalog_hold_at(c, i);
        if (!m) continue;
        if (any) jout_raw(&o, ",");
        put_model(m, str_of(m->config->name), &o);
        for (uint32_t a = 0; a < m->config->n_aliases; a++) {
            jout_raw(&o, ",");
            put_model(m, str_of(m->config->aliases[a]), &o);
        }
        catalog_release(m);
        any = true;
    }
    jout_raw(&o, "]}");
    return close_fault(o.err, before, out, f);
}
