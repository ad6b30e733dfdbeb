/* Answers as they come (SSE) and whole: what both forms have in common. */
#include <inttypes.h>

#include "base/err.h"
#include "serve/openai_impl.h"

/* ---- the frame ---- */

static const struct openai_form *form_of(const struct openai_writer *w) {
    return w->r->kind == REQUEST_CHAT ? &openai_form_chat : &openai_form_completion;
}

/* "req_0123..." as "chatcmpl-0123...". */
static void put_head(const struct openai_writer *w, const char *object, struct jout *o) {
    const struct request *r = w->r;
    const char *id = strncmp(r->id, "req_", 4) == 0 ? r->id + 4 : r->id;
    jout_raw(o, "{\"id\":\"");
    jout_raw(o, form_of(w)->prefix);
    jout_raw(o, id);
    jout_raw(o, "\",\"object\":\"");
    jout_raw(o, object);
    jout_fmt(o, "\",\"created\":%" PRId64 ",\"model\":", r->unix_s);
    jout_text(o, str_of(r->model->config->name));
    jout_raw(o, ",\"system_fingerprint\":");
    jout_text(o, str_of(r->model->fingerprint));
    jout_raw(o, ",\"choices\":[");
}

void openai_chunk_open(const struct openai_writer *w, struct jout *o) {
    if (o->err == SIL_OK) o->err = buf_str(o->b, w->head);
}

void openai_chunk_close(const struct openai_writer *w, struct jout *o) {
    jout_raw(o, w->r->include_usage ? "],\"usage\":null}\n\n" : "]}\n\n");
}

void openai_put_finish(const struct openai_choice *c, struct jout *o) {
    jout_raw(o, "\"finish_reason\":");
    jout_text(o, str_of(answer_finish_name(c->finish)));
    jout_raw(o, ",\"stop_reason\":");
    jout_text_or_null(o, c->finish == FINISH_STOP ? c->stop : NULL);
}

/* ---- the end ---- */

static void put_usage(const struct openai_writer *w, const struct answer_usage *u, struct jout *o) {
    uint32_t thought = u->n_reasoning;
    for (uint32_t i = 0; !u->n_reasoning && i < request_choices(w->r); i++) thought += w->choices[i].n_reasoning;
    jout_fmt(o, "\"usage\":{\"prompt_tokens\":%" PRIu32 ",\"completion_tokens\":%" PRIu32 ",\"total_tokens\":%" PRIu64,
             u->n_prompt, u->n_answer, (uint64_t)u->n_prompt + u->n_answer);
    jout_fmt(o,
             ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu32
             "},\"completion_tokens_details\":{\"reasoning_tokens\":%" PRIu32 "}}",
             u->n_cached, thought);
}

static void put_receipt(const struct answer_record *record, uint32_t i, struct jout *o) {
    if (record->receipts[i].n) jout_text(o, record->receipts[i]);
    else jout_raw(o, "null");
}

/* Where the answer is on record: of the first choice, and where there are several, of all. */
static void put_record(const struct answer_event *done, struct jout *o) {
    const struct answer_record *record = done->record;
    if (!record || record->n == 0) {
        jout_raw(o, "\"sillok\":null");
        return;
    }
    jout_fmt(o, "\"sillok\":{\"entry\":%" PRIu64 ",\"receipt\":", record->entries[0]);
    put_receipt(record, 0, o);
    if (record->n > 1) {
        jout_raw(o, ",\"entries\":[");
        for (uint32_t i = 0; i < record->n; i++) jout_fmt(o, i ? ",%" PRIu64 : "%" PRIu64, record->entries[i]);
        jout_raw(o, "],\"receipts\":[");
        for (uint32_t i = 0; i < record->n; i++) {
            if (i) jout_raw(o, ",");
            put_receipt(record, i, o);
        }
        jout_raw(o, "]");
    }
    if (done->usage->energy_j >= 0) jout_fmt(o, ",\"energy_j\":%.6g", done->usage->energy_j);
    jout_raw(o, "}");
}

/* The last chunks of all choices: only now, so that no client takes for finished what is not on record. */
static void put_done(struct openai_writer *w, const struct answer_event *ev, struct jout *o) {
    uint32_t n = request_choices(w->r);
    for (uint32_t i = 0; i < n; i++) {
        openai_chunk_open(w, o);
        form_of(w)->finish(w, i, o);
        if (i + 1 < n || w->r->include_usage) {
            openai_chunk_close(w, o);
            continue;
        }
        jout_raw(o, "],");
        put_record(ev, o);
        jout_raw(o, "}\n\n");
    }
    if (w->r->include_usage) {
        openai_chunk_open(w, o);
        jout_raw(o, "],");
        put_usage(w, ev->usage, o);
        jout_raw(o, ",");
        put_record(ev, o);
        jout_raw(o, "}\n\n");
    }
    jout_raw(o, "data: [DONE]\n\n");
}

/* ---- streams ---- */

static void choice_begin(struct openai_writer *w, uint32_t i, struct jout *o) {
    if (w->choices[i].begun) return;
    w->choices[i].begun = true;
    form_of(w)->begin(w, i, o);
}

static void choice_finish(struct openai_writer *w, const struct answer_event *ev, struct jout *o) {
    struct openai_choice *c = &w->choices[ev->choice];
    choice_begin(w, ev->choice, o);
    if (!c->over) form_of(w)->end(w, ev->choice, o);
    c->over = true;
    c->finish = ev->finish;
    c->stop = ev->stop;
}

static void put_event(struct openai_writer *w, const struct answer_event *ev, struct jout *o) {
    switch (ev->kind) {
    case ANSWER_DELTA:
        choice_begin(w, ev->choice, o);
        form_of(w)->delta(w, ev, o);
        break;
    case ANSWER_FINISH: choice_finish(w, ev, o); break;
    case ANSWER_DONE: put_done(w, ev, o); break;
    case ANSWER_FAULT:
        jout_raw(o, "data: ");
        if (o->err == SIL_OK) o->err = openai_fault(ev->fault, o->b);
        jout_raw(o, "\n\n");
        break;
    case ANSWER_REPLY:
        if (o->err == SIL_OK) o->err = buf_str(o->b, ev->text);
        break;
    }
}

sil_err openai_event(struct openai_writer *w, const struct answer_event *ev, struct buf *out) {
    struct jout o = {.b = out};
    size_t before = out->n;
    put_event(w, ev, &o);
    if (o.err != SIL_OK) out->n = before;
    return o.err;
}

/* ---- whole answers ---- */

/* All DELTAs, those of choice i at events[start[i]] to events[start[i + 1]]. */
struct sorted {
    const struct answer_event **events;
    size_t *start;
    const struct answer_event *done;
};

static sil_err sort_events(struct openai_writer *w, struct arena *arena, struct sorted *s) {
    const struct answer *a = &w->r->answer;
    uint32_t n = request_choices(w->r);
    s->start = ARENA_ARRAY(arena, (size_t)n + 2, size_t); /* counted two places on, then filled one place on */
    s->done = NULL;
    if (!s->start) return SIL_NOMEM;
    for (const struct answer_event *e = answer_after(a, NULL); e; e = answer_after(a, e)) {
        if (e->kind == ANSWER_DELTA) s->start[e->choice + 2]++;
        if (e->kind == ANSWER_DONE) s->done = e;
    }
    if (!s->done) return SIL_ARG;
    for (uint32_t i = 2; i <= n + 1; i++) s->start[i] += s->start[i - 1];
    size_t total = s->start[n + 1];
    s->events = ARENA_ARRAY(arena, total + 1, const struct answer_event *);
    if (!s->events) return SIL_NOMEM;
    for (const struct answer_event *e = answer_after(a, NULL); e; e = answer_after(a, e)) {
        if (e->kind == ANSWER_DELTA) s->events[s->start[e->choice + 1]++] = e;
        if (e->kind != ANSWER_FINISH) continue;
        w->choices[e->choice].finish = e->finish;
        w->choices[e->choice].stop = e->stop;
    }
    return SIL_OK;
}

sil_err openai_whole(struct openai_writer *w, struct buf *out) {
    struct jout o = {.b = out};
    size_t before = out->n;
    struct sorted s = {0};
    struct arena arena;
    arena_init(&arena, w->r->arena.mem, ANSWER_MEMORY_MAX);
    o.err = sort_events(w, &arena, &s);
    put_head(w, form_of(w)->object, &o);
    for (uint32_t i = 0; i < request_choices(w->r) && o.err == SIL_OK; i++) {
        if (i) jout_raw(&o, ",");
        form_of(w)->whole(w, i, s.events + s.start[i], s.start[i + 1] - s.start[i], &o);
    }
    jout_raw(&o, "],");
    if (o.err == SIL_OK && s.done) {
        put_usage(w, s.done->usage, &o);
        jout_raw(&o, ",");
        put_record(s.done, &o);
    }
    jout_raw(&o, "}");
    arena_free(&arena);
    if (o.err != SIL_OK) out->n = before;
    return o.err;
}

/* ---- begin ---- */

/* The text that a completion with echo repeats. */
static sil_err set_echo(struct openai_choice *c, const struct request *r, uint32_t i, struct arena *arena) {
    const struct request_prompt *p = &r->prompts[i / r->n];
    c->echo = p->text;
    if (!p->text.p) {
        struct buf b;
        buf_init(&b, arena->mem, ANSWER_MEMORY_MAX);
        sil_err err = tok_decode(r->model->tok, p->ids, p->n_ids, true, &b);
        const char *copy = err == SIL_OK ? arena_copy(arena, buf_view(&b).p, b.n) : NULL;
        c->echo = (struct str){copy, copy ? b.n : 0};
        buf_free(&b);
        if (!copy) return err == SIL_OK ? SIL_NOMEM : err;
    }
    c->offset = openai_characters(c->echo);
    return SIL_OK;
}

static sil_err set_head(struct openai_writer *w, struct arena *arena) {
    struct buf b;
    struct jout o = {.b = &b};
    buf_init(&b, arena->mem, OPENAI_PIECE_MAX);
    jout_raw(&o, "data: ");
    put_head(w, form_of(w)->chunk, &o);
    const char *copy = o.err == SIL_OK ? arena_copy(arena, buf_view(&b).p, b.n) : NULL;
    w->head = (struct str){copy, copy ? b.n : 0};
    buf_free(&b);
    return copy ? SIL_OK : o.err == SIL_OK ? SIL_NOMEM : o.err;
}

sil_err openai_begin(struct openai_writer *w, struct request *r) {
    const struct config_model *k = r->model->config;
    uint32_t n = request_choices(r);
    *w = (struct openai_writer){.r = r, .choices = ARENA_ARRAY(&r->arena, n, struct openai_choice)};
    if (!w->choices) return SIL_NOMEM;
    SIL_TRY(set_head(w, &r->arena));
    for (uint32_t i = 0; i < n; i++) {
        struct openai_choice *c = &w->choices[i];
        c->split = r->split_reasoning &&
                   reason_open(&c->reason, str_of(k->think_begin), str_of(k->think_end), r->reasoning_open);
        if (r->echo) SIL_TRY(set_echo(c, r, i, &r->arena));
    }
    w->begun = true;
    return SIL_OK;
}
