/* text_completion, whole and in chunks. */
#include <inttypes.h>

#include "serve/openai_impl.h"

static void put_text(struct openai_writer *w, uint32_t i, struct str text, const struct answer_event *const *ev,
                     struct jout *o) {
    openai_chunk_open(w, o);
    jout_fmt(o, "{\"index\":%" PRIu32 ",\"text\":", i);
    jout_text(o, text);
    jout_raw(o, ",\"logprobs\":");
    if (ev) openai_text_logprobs(o, w->r->model->tok, ev, 1, &w->choices[i].offset);
    else jout_raw(o, "null");
    jout_raw(o, ",\"finish_reason\":null}");
    openai_chunk_close(w, o);
}

static void begin(struct openai_writer *w, uint32_t i, struct jout *o) {
    if (w->choices[i].echo.n) put_text(w, i, w->choices[i].echo, NULL, o);
}

static void delta(struct openai_writer *w, const struct answer_event *ev, struct jout *o) {
    bool logprobs = w->r->logprobs && ev->n_tokens;
    if (ev->text.n || logprobs) put_text(w, ev->choice, ev->text, logprobs ? &ev : NULL, o);
}

static void end(struct openai_writer *w, uint32_t i, struct jout *o) {
    (void)w, (void)i, (void)o;
}

static void finish(struct openai_writer *w, uint32_t i, struct jout *o) {
    jout_fmt(o, "{\"index\":%" PRIu32 ",\"text\":\"\",\"logprobs\":null,", i);
    openai_put_finish(&w->choices[i], o);
    jout_raw(o, "}");
}

static void whole(struct openai_writer *w, uint32_t i, const struct answer_event *const *events, size_t n,
                  struct jout *o) {
    const struct openai_choice *c = &w->choices[i];
    uint64_t offset = c->offset;
    jout_fmt(o, "{\"index\":%" PRIu32 ",\"text\":\"", i);
    jout_escaped(o, c->echo.n ? c->echo.p : "", c->echo.n);
    for (size_t k = 0; k < n; k++) jout_escaped(o, events[k]->text.p, events[k]->text.n);
    jout_raw(o, "\",\"logprobs\":");
    if (w->r->logprobs) openai_text_logprobs(o, w->r->model->tok, events, n, &offset);
    else jout_raw(o, "null");
    jout_raw(o, ",");
    openai_put_finish(c, o);
    jout_raw(o, "}");
}

const struct openai_form openai_form_completion = {.prefix = "cmpl-",
                                                   .object = "text_completion",
                                                   .chunk = "text_completion",
                                                   .begin = begin,
                                                   .delta = delta,
                                                   .end = end,
                                                   .finish = finish,
                                                   .whole = whole};
