/* Tokens as text and bytes, for clients that ask for probabilities. */
#include "base/utf8.h"
#include "serve/openai_impl.h"

uint64_t openai_characters(struct str s) {
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

sil_err openai_piece(const struct tokenizer *t, uint32_t id, struct buf *out) {
    buf_clear(out);
    return id < tok_count(t) ? tok_piece(t, id, true, out) : SIL_OK; /* ids beyond the vocabulary have no text */
}

void openai_put_piece(struct jout *o, struct str piece) {
    if (utf8_valid(piece.p, piece.n, NULL)) {
        jout_text(o, piece);
        return;
    }
    jout_raw(o, "\"bytes:");
    for (size_t i = 0; i < piece.n; i++) jout_fmt(o, "\\\\x%02x", (unsigned char)piece.p[i]);
    jout_raw(o, "\"");
}

/* What runs over the tokens of some events. */
struct tokens {
    struct jout *o;
    const struct tokenizer *tok;
    const struct answer_event *const *events;
    size_t n;
    struct buf piece;
};

static struct str piece_of(struct tokens *s, uint32_t id) {
    if (s->o->err == SIL_OK) s->o->err = openai_piece(s->tok, id, &s->piece);
    return s->o->err == SIL_OK ? buf_view(&s->piece) : STR("");
}

/* f(token) for each, with commas between. */
static void each(struct tokens *s, void (*f)(struct tokens *s, const struct answer_token *t)) {
    bool first = true;
    for (size_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; k < s->events[i]->n_tokens && s->o->err == SIL_OK; k++) {
            if (!first) jout_raw(s->o, ",");
            first = false;
            f(s, &s->events[i]->tokens[k]);
        }
}

/* ---- chat ---- */

/* "token":"a","logprob":-0.5,"bytes":[97] */
static void put_one(struct tokens *s, uint32_t id, float logprob) {
    struct str p = piece_of(s, id);
    jout_raw(s->o, "\"token\":");
    openai_put_piece(s->o, p);
    jout_raw(s->o, ",\"logprob\":");
    jout_float(s->o, logprob);
    jout_raw(s->o, ",\"bytes\":[");
    for (size_t i = 0; i < p.n; i++) jout_fmt(s->o, i ? ",%u" : "%u", (unsigned char)p.p[i]);
    jout_raw(s->o, "]");
}

static void put_chat_token(struct tokens *s, const struct answer_token *t) {
    jout_raw(s->o, "{");
    put_one(s, t->id, t->logprob);
    jout_raw(s->o, ",\"top_logprobs\":[");
    for (uint32_t i = 0; i < t->n_top; i++) {
        jout_raw(s->o, i ? ",{" : "{");
        put_one(s, t->top[i].token, t->top[i].logprob);
        jout_raw(s->o, "}");
    }
    jout_raw(s->o, "]}");
}

void openai_chat_logprobs(struct jout *o, const struct tokenizer *t, const struct answer_event *const *events,
                          size_t n) {
    struct tokens s = {.o = o, .tok = t, .events = events, .n = n};
    buf_init(&s.piece, o->b->mem, OPENAI_PIECE_MAX);
    jout_raw(o, "{\"content\":[");
    each(&s, put_chat_token);
    jout_raw(o, "],\"refusal\":null}");
    buf_free(&s.piece);
}

/* ---- completions ---- */

static void put_name(struct tokens *s, const struct answer_token *t) {
    openai_put_piece(s->o, piece_of(s, t->id));
}

static void put_logprob(struct tokens *s, const struct answer_token *t) {
    jout_float(s->o, t->logprob);
}

/* One object by the tokens' texts. Of two tokens with one text the likelier stays: JSON keys are unique. */
static bool named_before(struct tokens *s, const struct answer_token *t, uint32_t n, struct str piece) {
    struct buf other;
    bool found = false;
    buf_init(&other, s->o->b->mem, OPENAI_PIECE_MAX);
    for (uint32_t i = 0; i < n && !found && s->o->err == SIL_OK; i++) {
        s->o->err = openai_piece(s->tok, t->top[i].token, &other);
        found = str_eq(buf_view(&other), piece);
    }
    buf_free(&other);
    return found;
}

static void put_top(struct tokens *s, const struct answer_token *t) {
    bool chosen = false;
    uint32_t n = 0;
    jout_raw(s->o, "{");
    for (uint32_t i = 0; i <= t->n_top; i++) {
        bool last = i == t->n_top; /* the chosen one, which may not be among the likeliest */
        uint32_t id = last ? t->id : t->top[i].token;
        struct str p = piece_of(s, id);
        if ((last && chosen) || named_before(s, t, i, p)) continue;
        chosen |= id == t->id;
        if (n++) jout_raw(s->o, ",");
        openai_put_piece(s->o, p);
        jout_raw(s->o, ":");
        jout_float(s->o, last ? t->logprob : t->top[i].logprob);
    }
    jout_raw(s->o, "}");
}

void openai_text_logprobs(struct jout *o, const struct tokenizer *t, const struct answer_event *const *events, size_t n,
                          uint64_t *offset) {
    struct tokens s = {.o = o, .tok = t, .events = events, .n = n};
    bool first = true;
    buf_init(&s.piece, o->b->mem, OPENAI_PIECE_MAX);
    jout_raw(o, "{\"tokens\":[");
    each(&s, put_name);
    jout_raw(o, "],\"token_logprobs\":[");
    each(&s, put_logprob);
    jout_raw(o, "],\"top_logprobs\":[");
    each(&s, put_top);
    jout_raw(o, "],\"text_offset\":[");
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < events[i]->n_tokens; k++) {
            jout_fmt(o, first ? "%llu" : ",%llu", (unsigned long long)*offset);
            first = false;
            *offset += openai_characters(piece_of(&s, events[i]->tokens[k].id));
        }
    jout_raw(o, "]}");
    buf_free(&s.piece);
}
