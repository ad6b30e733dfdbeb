/* chat.completion and chat.completion.chunk. */
#include <inttypes.h>

#include "serve/openai_impl.h"

/* ---- text, told apart into reasoning and answer ---- */

/* Text goes straight into the JSON of `o`, as members of the delta; at most one change of part in a piece, because
 * reasoning comes first. */
struct parts {
    struct jout *o;
    int open; /* the member that is being written: 0 none, 1 reasoning_content, 2 content */
};

static void put_part(struct parts *p, bool reasoning, const char *text, size_t n) {
    int want = reasoning ? 1 : 2;
    if (n == 0) return;
    if (p->open != want) {
        jout_raw(p->o, p->open ? "\",\"" : "\"");
        jout_raw(p->o, reasoning ? "reasoning_content\":\"" : "content\":\"");
        p->open = want;
    }
    jout_escaped(p->o, text, n);
}

static void split(struct openai_choice *c, struct str text, struct parts *p) {
    char out[sizeof c->reason.held];
    bool reasoning;
    for (size_t i = 0; i < text.n; i++) {
        size_t n = reason_push(&c->reason, text.p[i], out, &reasoning);
        put_part(p, reasoning, out, n);
    }
}

/* ---- streams ---- */

static void open_choice(const struct openai_writer *w, uint32_t i, struct jout *o) {
    openai_chunk_open(w, o);
    jout_fmt(o, "{\"index\":%" PRIu32 ",\"delta\":{", i);
}

static void close_choice(const struct openai_writer *w, struct jout *o) {
    jout_raw(o, ",\"finish_reason\":null}");
    openai_chunk_close(w, o);
}

static void begin(struct openai_writer *w, uint32_t i, struct jout *o) {
    open_choice(w, i, o);
    jout_raw(o, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null");
    close_choice(w, o);
}

static void delta(struct openai_writer *w, const struct answer_event *ev, struct jout *o) {
    struct openai_choice *c = &w->choices[ev->choice];
    struct parts p = {.o = o};
    size_t before = o->b->n;
    open_choice(w, ev->choice, o);
    if (c->split && c->reason.state != REASON_OUTSIDE) {
        split(c, ev->text, &p);
        if (c->reason.state == REASON_INSIDE) c->n_reasoning += ev->n_tokens;
    } else if (c->split && c->reason.trim) {
        split(c, ev->text, &p); /* white space behind the mark */
    } else {
        put_part(&p, false, ev->text.p, ev->text.n);
    }
    bool logprobs = w->r->logprobs && ev->n_tokens;
    if (!p.open && !logprobs) {
        o->b->n = before; /* nothing to say */
        return;
    }
    jout_raw(o, p.open ? "\"},\"logprobs\":" : "\"content\":\"\"},\"logprobs\":");
    if (logprobs) openai_chat_logprobs(o, w->r->model->tok, &ev, 1);
    else jout_raw(o, "null");
    close_choice(w, o);
}

/* What reasoning held back. */
static void end(struct openai_writer *w, uint32_t i, struct jout *o) {
    struct openai_choice *c = &w->choices[i];
    char held[sizeof c->reason.held];
    bool reasoning;
    size_t n = c->split ? reason_end(&c->reason, held, &reasoning) : 0;
    if (n == 0) return;
    struct parts p = {.o = o};
    open_choice(w, i, o);
    put_part(&p, reasoning, held, n);
    jout_raw(o, "\"},\"logprobs\":null");
    close_choice(w, o);
}

static void finish(struct openai_writer *w, uint32_t i, struct jout *o) {
    jout_fmt(o, "{\"index\":%" PRIu32 ",\"delta\":{},\"logprobs\":null,", i);
    openai_put_finish(&w->choices[i], o);
    jout_raw(o, "}");
}

/* ---- whole answers ---- */

/* The text of one part: reasoning, or the answer. The choice's splitter begins anew. */
static void put_whole_part(const struct openai_choice *c, bool wanted, const struct answer_event *const *events,
                           size_t n, struct jout *o) {
    struct reason r = c->reason;
    char out[sizeof r.held];
    bool reasoning;
    size_t k;
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < events[i]->text.n; b++) {
            k = reason_push(&r, events[i]->text.p[b], out, &reasoning);
            if (reasoning == wanted) jout_escaped(o, out, k);
        }
    k = reason_end(&r, out, &reasoning);
    if (reasoning == wanted) jout_escaped(o, out, k);
}

/* Tokens before the end of reasoning. */
static uint32_t count_reasoning(const struct openai_choice *c, const struct answer_event *const *events, size_t n) {
    struct reason r = c->reason;
    char out[sizeof r.held];
    bool reasoning;
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t b = 0; b < events[i]->text.n; b++) reason_push(&r, events[i]->text.p[b], out, &reasoning);
        if (r.state == REASON_INSIDE) count += events[i]->n_tokens;
    }
    return count;
}

static void put_message(struct openai_choice *c, const struct answer_event *const *events, size_t n, struct jout *o) {
    jout_raw(o, "\"message\":{\"role\":\"assistant\",\"content\":\"");
    if (c->split) {
        put_whole_part(c, false, events, n, o);
        jout_raw(o, "\",\"reasoning_content\":\"");
        put_whole_part(c, true, events, n, o);
        c->n_reasoning = count_reasoning(c, events, n);
    } else {
        for (size_t i = 0; i < n; i++) jout_escaped(o, events[i]->text.p, events[i]->text.n);
    }
    jout_raw(o, "\",\"refusal\":null}");
}

static void whole(struct openai_writer *w, uint32_t i, const struct answer_event *const *events, size_t n,
                  struct jout *o) {
    jout_fmt(o, "{\"index\":%" PRIu32 ",", i);
    put_message(&w->choices[i], events, n, o);
    jout_raw(o, ",\"logprobs\":");
    if (w->r->logprobs) openai_chat_logprobs(o, w->r->model->tok, events, n);
    else jout_raw(o, "null");
    jout_raw(o, ",");
    openai_put_finish(&w->choices[i], o);
    jout_raw(o, "}");
}

const struct openai_form openai_form_chat = {.prefix = "chatcmpl-",
                                             .object = "chat.completion",
                                             .chunk = "chat.completion.chunk",
                                             .begin = begin,
                                             .delta = delta,
                                             .end = end,
                                             .finish = finish,
                                             .whole = whole};
