/* chat.completion and chat.completion.chunk. */
#include <inttypes.h>

#include "serve/openai_impl.h"

/* ---- text, told apart into reasoning and answer ---- */

/* Text goes straight into the JSON of `o`, as members of the delta; at most one change of part in a piece, because
 * reasoning comes first. */
struct parts {
    struct jout *o;
    int open; /* the member that is being written: 0 none, 1 reasoning_content, 2 content */
    int only; /* a whole answer: one part alone, without its name; 0: both, as members */
};

static void put_part(struct parts *p, bool reasoning, const char *text, size_t n) {
    int want = reasoning ? 1 : 2;
    if (n == 0 || (p->only && p->only != want)) return;
    if (!p->only && p->open != want) {
        jout_raw(p->o, p->open ? "\",\"" : "\"");
        jout_raw(p->o, reasoning ? "reasoning_content\":\"" : "content\":\"");
        p->open = want;
    }
    jout_escaped(p->o, text, n);
}

static void split(struct reason *r, struct str text, struct parts *p) {
    char out[sizeof r->held];
    bool reasoning;
    for (size_t i = 0; i < text.n;) {
        size_t n = reason_plain(r, text.p + i, text.n - i);
        if (n) {
            put_part(p, r->state == REASON_INSIDE, text.p + i, n);
            i += n;
            continue;
        }
        n = reason_push(r, text.p[i++], out, &reasoning);
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
    if (c->split) split(&c->reason, ev->text, &p);
    else put_part(&p, false, ev->text.p, ev->text.n);
    if (c->split && c->reason.state == REASON_INSIDE) c->n_reasoning += ev->n_tokens;
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

/* The text of one part, 1 reasoning or 2 the answer. The choice's splitter begins anew. Returns how many tokens come
 * before the end of reasoning. */
static uint32_t put_whole_part(const struct openai_choice *c, int part, const struct answer_event *const *events,
                               size_t n, struct jout *o) {
    struct reason r = c->reason;
    struct parts p = {.o = o, .only = part};
    char out[sizeof r.held];
    bool reasoning;
    uint32_t thought = 0;
    for (size_t i = 0; i < n; i++) {
        split(&r, events[i]->text, &p);
        if (r.state == REASON_INSIDE) thought += events[i]->n_tokens;
    }
    size_t k = reason_end(&r, out, &reasoning);
    put_part(&p, reasoning, out, k);
    return thought;
}

static void put_message(struct openai_choice *c, const struct answer_event *const *events, size_t n, struct jout *o) {
    jout_raw(o, "\"message\":{\"role\":\"assistant\",\"content\":\"");
    if (c->split) {
        put_whole_part(c, 2, events, n, o);
        size_t before = o->b->n;
        jout_raw(o, "\",\"reasoning_content\":\"");
        size_t empty = o->b->n;
        c->n_reasoning = put_whole_part(c, 1, events, n, o);
        if (o->b->n == empty) o->b->n = before; /* there was none */
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
