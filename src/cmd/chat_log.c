#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"
#include "cmd/chat.h"
#include "engine/engine.h"
#include "text/chat.h"

enum { RENDERED_MAX = 64 << 20, IDS_MAX = 1 << 28 };

sil_err chat_log_open(struct chat_log *log, const char *system, struct sil_error *e) {
    log->messages = json_array();
    if (!log->messages) return err_nomem(e, "a conversation", 1);
    sil_err err = system ? chat_log_add(log, "system", str_of(system), e) : SIL_OK;
    if (err != SIL_OK) chat_log_close(log);
    return err;
}

void chat_log_close(struct chat_log *log) {
    json_decref(log->messages);
    log->messages = NULL;
}

sil_err chat_log_add(struct chat_log *log, const char *role, struct str content, struct sil_error *e) {
    size_t bad;
    if (!utf8_valid(content.p, content.n, &bad))
        return err_set(e, SIL_FORMAT, "the %s message is not UTF-8 at byte %zu", role, bad);
    json_t *m = json_pack("{s:s, s:s%}", "role", role, "content", content.p, content.n);
    if (!m || json_array_append_new(log->messages, m) != 0) return err_nomem(e, "a message", content.n);
    return SIL_OK;
}

/* The text of a special token, or nothing. */
static struct str token_text(const struct tokenizer *t, int32_t id) {
    return id < 0 ? STR("") : tok_text(t, (uint32_t)id);
}

sil_err chat_log_ids(const struct chat_log *log, const struct sil_model *m, uint32_t **ids, size_t *n,
                     struct sil_error *e) {
    const struct model *k = m->m;
    struct buf text, origin;
    struct tok_ids list;
    buf_init(&text, mem_libc(), RENDERED_MAX);
    buf_init(&origin, mem_libc(), RENDERED_MAX);
    tok_ids_init(&list, mem_libc(), IDS_MAX);
    struct str bos = token_text(k->tok, tok_bos(k->tok));
    sil_err err = chat_render_marked(k->chat, log->messages, NULL, true, bos, token_text(k->tok, tok_eos(k->tok)), NULL,
                                     clock_unix_s(clock_system()), &text, &origin, e);
    if (err != SIL_OK) err_prefix(e, err, "the model's chat template");
    /* Templates write BOS themselves where they want it; adding it again would double it. */
    struct str t = buf_view(&text);
    unsigned flags = bos.n && str_starts(t, bos) ? 0u : (unsigned)TOK_ADD_SPECIAL;
    if (err == SIL_OK) err = tok_encode_marked(k->tok, t, (const uint8_t *)buf_view(&origin).p, flags, &list, e);
    buf_free(&origin);
    buf_free(&text);
    if (err != SIL_OK) tok_ids_free(&list);
    *ids = list.p;
    *n = list.n;
    return err;
}

sil_err chat_prompt_ids(const struct sil_model *m, const char *system, bool raw, struct str prompt, uint32_t **ids,
                        size_t *n, struct sil_error *e) {
    if (raw || !m->m->chat) return sil_tokenize(m, prompt.p, prompt.n, SIL_ADD_SPECIAL, ids, n, e);
    struct chat_log log;
    SIL_TRY(chat_log_open(&log, system, e));
    sil_err err = chat_log_add(&log, "user", prompt, e);
    if (err == SIL_OK) err = chat_log_ids(&log, m, ids, n, e);
    chat_log_close(&log);
    return err;
}
