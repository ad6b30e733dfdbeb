#include "serve/choice.h"

#include <string.h>

#include "base/err.h"
#include "ledger/replay.h"
#include "serve/catalog.h"

/* ---- open, close ---- */

static sil_err open_stops(struct choice *c, struct sil_error *e) {
    return stop_open(c->mem, c->r->stops, c->r->n_stops, &c->stop, e);
}

sil_err choice_open(struct choice *c, struct mem mem, struct job *job, struct request *r, uint32_t index,
                    struct sil_error *e) {
    c->job = job;
    c->r = r;
    c->index = index;
    c->prompt = &r->prompts[index / r->n];
    c->mem = mem;
    c->max_out = r->max_tokens;
    stream_init(&c->stream, mem, r->model->tok, false);
    buf_init(&c->piece, mem, CHOICE_TEXT_MAX);
    buf_init(&c->shown, mem, CHOICE_TEXT_MAX);
    buf_init(&c->ready, mem, CHOICE_TEXT_MAX);
    buf_init(&c->text, mem, CHOICE_TEXT_MAX);
    c->decoder = (struct sil_decoder){.sampling = r->sampling,
                                      .prompt_length = c->prompt->n_ids,
                                      .choice = r->replay ? r->replay->entry.choice : index % r->n,
                                      .n_draft = r->model->config->speculate};
    sil_err err = open_stops(c, e);
    if (err != SIL_OK) choice_close(c);
    return err;
}

void choice_close(struct choice *c) {
    stream_free(&c->stream);
    stop_close(&c->stop);
    buf_free(&c->piece);
    buf_free(&c->shown);
    buf_free(&c->ready);
    buf_free(&c->text);
    for (uint32_t i = 0; i < c->n_pending; i++) mem_free(c->mem, (void *)(uintptr_t)c->pending[i].top);
    mem_free(c->mem, c->pending);
    mem_free(c->mem, c->again);
    mem_free(c->mem, c->out);
    c->n_pending = 0;
    c->pending = NULL;
    c->again = c->out = NULL;
}

/* ---- tokens ---- */

sil_err choice_tokens(struct choice *c, const uint32_t **tokens, uint32_t *n) {
    if (c->n_out == 0) {
        *tokens = c->prompt->ids;
        *n = c->prompt->n_ids;
        return SIL_OK;
    }
    if (c->n_again != c->prompt->n_ids + c->n_out) {
        mem_free(c->mem, c->again);
        c->n_again = c->prompt->n_ids + c->n_out;
        c->again = mem_array(c->mem, c->n_again, sizeof *c->again);
        if (!c->again) {
            c->n_again = 0;
            return SIL_NOMEM;
        }
        memcpy(c->again, c->prompt->ids, c->prompt->n_ids * sizeof *c->again);
        memcpy(c->again + c->prompt->n_ids, c->out, c->n_out * sizeof *c->again);
    }
    *tokens = c->again;
    *n = c->n_again;
    return SIL_OK;
}

/* Room for one more element of a growing array. */
static bool room(struct mem mem, void **p, uint32_t n, uint32_t *cap, size_t size) {
    if (n < *cap) return true;
    uint32_t more = *cap ? *cap * 2 : 16;
    void *q = mem.resize(mem.ctx, *p, more * size);
    if (!q) return false;
    *p = q;
    *cap = more;
    return true;
}

static sil_err keep_token(struct choice *c, uint32_t token) {
    void *p = c->out;
    bool ok = room(c->mem, &p, c->n_out, &c->cap_out, sizeof *c->out);
    c->out = p;
    if (!ok) return SIL_NOMEM;
    c->out[c->n_out++] = token;
    return SIL_OK;
}

/* Puts a token among those whose text is to come, with its probabilities where they are asked for. */
static sil_err keep_pending(struct choice *c, const struct sil_engine *eng, uint32_t token, const float *row,
                            struct sil_error *e) {
    void *p = c->pending;
    bool ok = room(c->mem, &p, c->n_pending, &c->cap_pending, sizeof *c->pending);
    c->pending = p;
    if (!ok) return err_nomem(e, "an answer", sizeof *c->pending);
    struct answer_token *t = &c->pending[c->n_pending];
    *t = (struct answer_token){.id = token};
    if (c->r->logprobs) {
        struct sil_logprob chosen, *top = NULL;
        if (c->r->n_top) top = mem_array(c->mem, c->r->n_top, sizeof *top);
        if (c->r->n_top && !top) return err_nomem(e, "probabilities", c->r->n_top * sizeof *top);
        sil_err err = sil_logprobs(eng, row, token, &chosen, c->r->n_top, top, e);
        if (err != SIL_OK) {
            mem_free(c->mem, top);
            return err;
        }
        t->logprob = chosen.logprob;
        t->top = top;
        t->n_top = c->r->n_top;
    }
    c->n_pending++;
    return SIL_OK;
}

/* ---- text ---- */

/* Through the stages: c->piece is what became certain of the characters. */
static sil_err pass_on(struct choice *c) {
    SIL_TRY(stop_push(&c->stop, buf_view(&c->piece), &c->shown));
    buf_clear(&c->piece);
    SIL_TRY(hangul_push(&c->hangul, buf_view(&c->shown), &c->ready));
    buf_clear(&c->shown);
    return SIL_OK;
}

/* The answer is over: nothing is held back any more, but what a stop string took. */
static sil_err flush(struct choice *c) {
    if (c->stop.hit < 0) {
        SIL_TRY(stream_end(&c->stream, &c->piece));
        SIL_TRY(pass_on(c));
    }
    if (c->stop.hit < 0) {
        SIL_TRY(stop_end(&c->stop, &c->shown));
        SIL_TRY(hangul_push(&c->hangul, buf_view(&c->shown), &c->ready));
        buf_clear(&c->shown);
    }
    return hangul_end(&c->hangul, &c->ready);
}

/* Hands what is ready to the reader, with the tokens that it comes from. */
static sil_err show(struct choice *c) {
    if (c->ready.n == 0 && !(c->over && c->n_pending)) return SIL_OK;
    if (c->r->caller.transcript == TRANSCRIPT_TEXT) SIL_TRY(buf_str(&c->text, buf_view(&c->ready)));
    SIL_TRY(answer_delta(&c->r->answer, c->index, buf_view(&c->ready), c->pending, c->n_pending));
    buf_clear(&c->ready);
    for (uint32_t i = 0; i < c->n_pending; i++) mem_free(c->mem, (void *)(uintptr_t)c->pending[i].top);
    c->n_pending = 0;
    return SIL_OK;
}

static void finish(struct choice *c, enum answer_finish why) {
    c->over = true;
    c->finish = why;
}

/* One token. */
static sil_err take_one(struct choice *c, const struct sil_engine *eng, uint32_t token, const float *row,
                        struct sil_error *e) {
    if (keep_token(c, token) != SIL_OK) return err_nomem(e, "an answer", sizeof token);
    if (!c->r->ignore_end && sil_is_end(c->r->model->model, token)) {
        finish(c, FINISH_STOP);
        return SIL_OK;
    }
    SIL_TRY(keep_pending(c, eng, token, row, e));
    if (stream_push(&c->stream, token, &c->piece) != SIL_OK || pass_on(c) != SIL_OK)
        return err_nomem(e, "an answer's text", c->piece.n);
    if (c->stop.hit >= 0) {
        c->stop_met = c->r->stops[c->stop.hit].p;
        finish(c, FINISH_STOP);
    } else if (c->n_out >= c->max_out) {
        finish(c, FINISH_LENGTH);
    }
    return SIL_OK;
}

sil_err choice_take(struct choice *c, const struct sil_engine *eng, const uint32_t *tokens, uint32_t n,
                    const float *rows, uint32_t n_vocab, uint32_t *used, struct sil_error *e) {
    *used = 0;
    for (uint32_t i = 0; i < n && !c->over; i++) {
        SIL_TRY(take_one(c, eng, tokens[i], rows + (size_t)i * n_vocab, e));
        ++*used;
    }
    if (c->over && flush(c) != SIL_OK) return err_nomem(e, "an answer's text", c->ready.n);
    return show(c) == SIL_OK ? SIL_OK : err_nomem(e, "an answer's text", c->ready.n);
}

void choice_end(struct choice *c, enum answer_finish why) {
    if (c->over) return;
    finish(c, why);
    if (flush(c) != SIL_OK || show(c) != SIL_OK) c->finish = FINISH_ERROR;
}
