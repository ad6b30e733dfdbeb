#include "serve/prompt.h"

#include <string.h>

#include "base/err.h"
#include "text/chat.h"

/* ---- conversations ---- */

static struct str token_text(const struct tokenizer *t, int32_t id) {
    return id < 0 ? STR("") : tok_text(t, (uint32_t)id);
}

bool prompt_render(const struct catalog_model *m, const json_t *messages, const json_t *tools, const json_t *vars,
                   bool add_generation_prompt, int64_t unix_s, struct buf *out, struct buf *origin, struct fault *f) {
    struct sil_error e = {0};
    if (!m->chat)
        return fault_set(f, 400, "no_chat_template", "model",
                         "model %s takes no conversations: %s; use /v1/completions", m->config->name, m->chat_error);
    sil_err err =
        chat_render_marked(m->chat, messages, tools, add_generation_prompt, token_text(m->tok, tok_bos(m->tok)),
                           token_text(m->tok, tok_eos(m->tok)), vars, unix_s, out, origin, &e);
    return err == SIL_OK || fault_from(f, &e, "messages");
}

bool prompt_tokens(const struct catalog_model *m, struct str text, const struct buf *origin, struct tok_ids *ids,
                   struct fault *f) {
    struct sil_error e = {0};
    /* Templates write BOS themselves where they want it; adding it again would double it. */
    struct str bos = token_text(m->tok, tok_bos(m->tok));
    unsigned flags = bos.n && str_starts(text, bos) ? 0u : (unsigned)TOK_ADD_SPECIAL;
    sil_err err = origin->n ? tok_encode_marked(m->tok, text, (const uint8_t *)origin->p, flags, ids, &e)
                            : tok_encode(m->tok, text, flags, ids, &e);
    return err == SIL_OK || fault_from(f, &e, "messages");
}

/* ---- prompts ---- */

static bool keep_ids(struct request *r, struct request_prompt *p, const struct tok_ids *ids, struct fault *f) {
    struct sil_error e = {0};
    uint32_t *copy = ARENA_ARRAY(&r->arena, ids->n, uint32_t);
    if (!copy) {
        err_nomem(&e, "token ids", ids->n * sizeof *copy);
        return fault_from(f, &e, NULL);
    }
    if (ids->n) memcpy(copy, ids->p, ids->n * sizeof *copy);
    p->ids = copy;
    p->n_ids = (uint32_t)ids->n;
    return true;
}

/* Some templates begin the model's reasoning themselves. */
static bool ends_in(struct str text, const char *mark) {
    size_t n = mark ? strlen(mark) : 0;
    while (text.n && strchr(" \n\r\t", text.p[text.n - 1])) text.n--;
    return n && text.n >= n && memcmp(text.p + text.n - n, mark, n) == 0;
}

static bool chat_ids(struct request *r, struct tok_ids *ids, struct fault *f) {
    struct buf text, origin;
    buf_init(&text, r->arena.mem, PROMPT_TEXT_MAX);
    buf_init(&origin, r->arena.mem, PROMPT_TEXT_MAX);
    bool ok = prompt_render(r->model, r->messages, r->tools, r->template_vars, r->add_generation_prompt, r->unix_s,
                            &text, &origin, f) &&
              prompt_tokens(r->model, buf_view(&text), &origin, ids, f);
    r->reasoning_open = ok && r->split_reasoning && ends_in(buf_view(&text), r->model->config->think_begin);
    if (ok && r->caller.transcript == TRANSCRIPT_TEXT) r->prompts[0].text = request_copy(r, buf_view(&text));
    buf_free(&origin);
    buf_free(&text);
    return ok;
}

static bool text_ids(const struct request *r, const struct request_prompt *p, struct tok_ids *ids, struct fault *f) {
    struct sil_error e = {0};
    unsigned flags = TOK_ADD_SPECIAL | (r->parse_special ? (unsigned)TOK_PARSE_SPECIAL : 0u);
    return tok_encode(r->model->tok, p->text, flags, ids, &e) == SIL_OK || fault_from(f, &e, "prompt");
}

static bool check_given(const struct request *r, const struct request_prompt *p, struct fault *f) {
    for (uint32_t i = 0; i < p->n_ids; i++)
        if (p->ids[i] >= r->model->info.n_vocab)
            return fault_set(f, 400, "invalid_value", "prompt", "token id %u is outside the vocabulary of %u",
                             p->ids[i], r->model->info.n_vocab);
    return true;
}

static bool check_length(const struct request *r, const struct request_prompt *p, struct fault *f) {
    const char *param = r->kind == REQUEST_CHAT ? "messages" : "prompt";
    if (p->n_ids == 0) return fault_set(f, 400, "invalid_value", param, "the prompt is empty");
    if (p->n_ids < r->model->n_ctx) return true;
    return fault_set(f, 400, "context_length_exceeded", param,
                     "the prompt has %u tokens; the context of %s has %u, and an answer needs room too", p->n_ids,
                     r->model->config->name, r->model->n_ctx);
}

static bool build_one(struct request *r, struct request_prompt *p, struct fault *f) {
    struct tok_ids ids;
    if (p->ids) return check_given(r, p, f) && check_length(r, p, f);
    tok_ids_init(&ids, r->arena.mem, 1u << 28);
    bool ok = (r->kind == REQUEST_CHAT ? chat_ids(r, &ids, f) : text_ids(r, p, &ids, f)) && keep_ids(r, p, &ids, f);
    tok_ids_free(&ids);
    return ok && check_length(r, p, f);
}

bool prompt_build(struct request *r, struct fault *f) {
    uint32_t longest = 0;
    for (uint32_t i = 0; i < r->n_prompts; i++) {
        if (!build_one(r, &r->prompts[i], f)) return false;
        if (r->prompts[i].n_ids > longest) longest = r->prompts[i].n_ids;
    }
    uint32_t room = r->model->n_ctx - longest;
    if (r->max_tokens == 0 || r->max_tokens > room) r->max_tokens = room;
    return true;
}

uint64_t prompt_tokens_at_most(const struct request *r) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n_prompts; i++) n += r->prompts[i].n_ids;
    return n + (uint64_t)request_choices(r) * r->max_tokens;
}
