#include "learn/sample.h"

#include <string.h>

#include "base/err.h"
#include "text/chat.h"

enum { TEXT_MAX = 1 << 20 };

static sil_err prompt_text(const struct learn_vocab *v, const char *prompt, struct buf *out, struct sil_error *e) {
    int32_t bos = tok_bos(v->tok), eos = tok_eos(v->tok);
    struct str none = {0};
    if (!v->chat) return buf_str(out, str_of(prompt)) == SIL_OK ? SIL_OK : err_nomem(e, "a prompt", 0);
    json_t *messages = json_pack("[{s:s,s:s}]", "role", "user", "content", prompt);
    if (!messages) return err_set(e, SIL_ARG, "the prompt \"%s\" is not valid UTF-8", prompt);
    sil_err err = chat_render(v->chat, messages, NULL, true, bos < 0 ? none : tok_text(v->tok, (uint32_t)bos),
                              eos < 0 ? none : tok_text(v->tok, (uint32_t)eos), NULL, 0, out, e);
    json_decref(messages);
    return err;
}

static sil_err generate(const struct sil_model *m, struct sil_session *s, struct sil_engine *eng, uint32_t *ids,
                        size_t n_prompt, uint32_t n_max, size_t *n, struct sil_error *e) {
    struct sil_sampling greedy = sil_sampling_default();
    struct sil_step_item item = {.session = s, .tokens = ids, .n_tokens = (uint32_t)n_prompt, .n_logits = 1};
    *n = n_prompt;
    for (uint32_t i = 0; i < n_max && *n < sil_engine_ctx(eng); i++) {
        uint32_t token;
        SIL_TRY(sil_step(eng, &item, 1, e));
        SIL_TRY(sil_sample(s, &greedy, item.logits, (uint32_t)n_prompt, 0, &token, e));
        if (sil_is_end(m, token)) return SIL_OK;
        ids[*n] = token;
        item.tokens = ids + (*n)++;
        item.n_tokens = 1;
    }
    return SIL_OK;
}

static sil_err one(struct mem mem, const struct recipe *r, const struct learn_vocab *v, const struct sil_model *m,
                   struct sil_engine *eng, uint32_t index, uint64_t step, struct runlog *log, struct sil_error *e) {
    struct buf text;
    struct sil_session *s = NULL;
    uint32_t *ids = NULL, *all = NULL;
    char *answer = NULL;
    size_t n_prompt = 0, n = 0, n_text = 0;
    buf_init(&text, mem, TEXT_MAX);
    sil_err err = prompt_text(v, r->prompts[index], &text, e);
    if (err == SIL_OK)
        err = sil_tokenize(m, buf_view(&text).p, text.n, SIL_ADD_SPECIAL | SIL_PARSE_SPECIAL, &ids, &n_prompt, e);
    if (err == SIL_OK && n_prompt > 0 && n_prompt < sil_engine_ctx(eng)) {
        all = mem_array(mem, sil_engine_ctx(eng), sizeof *all);
        if (all) memcpy(all, ids, n_prompt * sizeof *all);
        err = all ? sil_session_open(eng, &s, e) : err_nomem(e, "a sample", 0);
        if (err == SIL_OK) err = generate(m, s, eng, all, n_prompt, r->sample_tokens, &n, e);
        if (err == SIL_OK) err = sil_detokenize(m, all + n_prompt, n - n_prompt, &answer, &n_text, e);
        if (err == SIL_OK) err = runlog_sample(log, step, r->prompts[index], (struct str){answer, n_text}, e);
    }
    sil_session_close(s);
    sil_free(answer);
    sil_free(ids);
    mem_free(mem, all);
    buf_free(&text);
    return err;
}

sil_err sample_texts(struct mem mem, const struct recipe *r, const struct learn_vocab *v, uint32_t n_threads,
                     uint64_t step, struct runlog *log, struct sil_error *e) {
    struct sil_model *m;
    struct sil_engine *eng;
    const struct sil_model_config mc = {.n_threads = n_threads};
    const struct sil_engine_config ec = {.n_threads = n_threads, .n_sessions = 1};
    SIL_TRY(sil_model_open(r->out, &mc, &m, e));
    sil_err err = sil_engine_open(m, &ec, &eng, e);
    if (err == SIL_OK) {
        for (uint32_t i = 0; err == SIL_OK && i < r->n_prompts; i++) err = one(mem, r, v, m, eng, i, step, log, e);
        sil_engine_close(eng);
    }
    sil_model_close(m);
    return err;
}
