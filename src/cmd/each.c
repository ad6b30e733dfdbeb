#include "cmd/each.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "cmd/chat.h"
#include "engine/engine.h"

enum { ANSWER_MAX = 64 << 20 };

/* Cuts the first line off *rest, without its end. */
static struct str first_line(struct str *rest) {
    const char *end = memchr(rest->p, '\n', rest->n);
    struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = line.n + (end != NULL);
    rest->p += used;
    rest->n -= used;
    while (line.n && line.p[line.n - 1] == '\r') line.n--;
    return line;
}

static sil_err print_line(FILE *out, struct str prompt, struct str answer, const char *ended, struct sil_error *e) {
    json_t *o = json_pack("{s:s%, s:s%, s:s}", "prompt", prompt.p, prompt.n, "answer", answer.n ? answer.p : "",
                          answer.n, "ended", ended);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text) return err_set(e, SIL_FORMAT, "a prompt or its answer is not UTF-8, or there is no memory for it");
    bool written = fprintf(out, "%s\n", text) > 0 && fflush(out) == 0;
    free(text);
    return written ? SIL_OK : err_set(e, SIL_IO, "cannot write the answer: standard output is closed or full");
}

static sil_err one(struct setup *s, struct sil_session *session, struct answer *a, const char *system, bool raw,
                   struct str prompt, FILE *out, struct sil_error *e) {
    uint32_t *ids = NULL;
    size_t n = 0;
    SIL_TRY(chat_prompt_ids(s->model, system, raw, prompt, &ids, &n, e));
    buf_clear(a->text);
    sil_err err = answer_run(s, session, ids, n, a, e);
    sil_free(ids);
    if (err == SIL_OK && !(a->stop && *a->stop)) err = print_line(out, prompt, buf_view(a->text), a->reason, e);
    return err;
}

sil_err each_run(struct setup *s, struct answer *a, const char *system, bool raw, struct str prompts,
                 struct sil_error *e) {
    struct sil_session *session;
    struct buf text;
    FILE *out = a->out;
    SIL_TRY(sil_session_open(s->engine, &session, e));
    buf_init(&text, mem_libc(), ANSWER_MAX);
    a->out = NULL;
    a->text = &text;
    sil_err err = SIL_OK;
    for (size_t line = 1; err == SIL_OK && prompts.n && !(a->stop && *a->stop); line++) {
        struct str p = first_line(&prompts);
        if (p.n) err = one(s, session, a, system, raw, p, out, e);
        if (err != SIL_OK) err = err_prefix(e, err, "line %zu", line);
    }
    a->out = out;
    a->text = NULL;
    buf_free(&text);
    sil_session_close(session);
    return err;
}
