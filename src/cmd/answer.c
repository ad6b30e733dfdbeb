#include "cmd/answer.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/engine.h"
#include "num/sample.h"
#include "text/stop.h"
#include "text/stream.h"

enum { PROMPT_CHUNK = 256 }; /* tokens between two looks at *stop while a prompt is read */

static bool stopped(const struct answer *a) {
    return a->stop && *a->stop;
}

static sil_err read_prompt(struct setup *s, struct sil_session *session, const uint32_t *prompt, uint32_t n,
                           struct answer *a, const float **logits, struct sil_error *e) {
    a->n_prompt = n;
    a->n_reused = sil_session_reuse(session, prompt, n);
    for (uint32_t at = a->n_reused; at < n; at += PROMPT_CHUNK) {
        if (stopped(a)) return SIL_CANCELLED;
        uint32_t m = n - at < PROMPT_CHUNK ? n - at : PROMPT_CHUNK;
        struct sil_step_item item = {
            .session = session, .tokens = prompt + at, .n_tokens = m, .n_logits = at + m == n, .cancel = a->stop};
        SIL_TRY(sil_step(s->engine, &item, 1, e));
        *logits = item.logits;
    }
    return SIL_OK;
}

/* Past stdio, which forgets how far it came when Ctrl-C interrupts a write. */
static bool write_all(FILE *f, const char *p, size_t n) {
    if (fflush(f) != 0 && errno != EINTR) return false;
    while (n > 0) {
        ssize_t k = write(fileno(f), p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* Writes bytes that became certain, at once, and collects them. */
static sil_err emit(struct answer *a, struct buf *piece, struct sil_error *e) {
    if (piece->n) {
        if (a->out && !write_all(a->out, piece->p, piece->n))
            return err_set(e, SIL_IO, "cannot write the answer: standard output is closed or full");
        if (a->text && buf_put(a->text, piece->p, piece->n) != SIL_OK)
            return err_set(e, SIL_LIMIT, "the answer is too long to keep");
    }
    buf_clear(piece);
    return SIL_OK;
}

/* From tokens to what is written: whole characters, up to a stop string. */
struct writer {
    struct stream stream;
    struct stop stop;
    struct buf piece, out;
};

/* Gives out tokens; a->reason is set when the answer ends with one of them. */
static sil_err give_out(struct setup *s, const uint32_t *tokens, uint32_t n, struct writer *w, struct answer *a,
                        struct sil_error *e) {
    for (uint32_t i = 0; i < n && !a->reason; i++) {
        if (sil_is_end(s->model, tokens[i])) {
            a->reason = "end";
            break;
        }
        a->n_answer++;
        if (stream_push(&w->stream, tokens[i], &w->piece) != SIL_OK ||
            stop_push(&w->stop, buf_view(&w->piece), &w->out) != SIL_OK)
            return err_nomem(e, "the answer", w->piece.n);
        buf_clear(&w->piece);
        if (w->stop.hit >= 0) a->reason = "stop string";
        else if (a->n_answer == a->n_max) a->reason = "length";
    }
    return emit(a, &w->out, e);
}

/* The answer is over: what was held back comes out, unless it ended at a stop string. */
static sil_err finish(struct writer *w, struct answer *a, struct sil_error *e) {
    if (w->stop.hit >= 0) return SIL_OK;
    if (stream_end(&w->stream, &w->piece) != SIL_OK || stop_push(&w->stop, buf_view(&w->piece), &w->out) != SIL_OK ||
        (w->stop.hit < 0 && stop_end(&w->stop, &w->out) != SIL_OK))
        return err_nomem(e, "the answer", w->piece.n);
    return emit(a, &w->out, e);
}

static sil_err generate(struct setup *s, struct sil_session *session, const float *logits, struct writer *w,
                        struct answer *a, struct sil_error *e) {
    struct sil_decoder d = {
        .session = session, .sampling = a->sampling, .prompt_length = a->n_prompt, .n_draft = a->n_draft};
    uint32_t tokens[1 + SIL_DRAFT_MAX], n = 1, have = 0;
    sil_err err = sil_decode_first(&d, logits, tokens, e);
    while (err == SIL_OK) {
        err = give_out(s, tokens, n, w, a, e);
        if (err != SIL_OK || a->reason) break;
        sil_session_tokens(session, &have);
        if (have == sil_engine_ctx(s->engine)) a->reason = "context";
        else if (stopped(a)) a->reason = "stopped";
        if (a->reason) break;
        struct sil_step_item item = {.cancel = a->stop};
        sil_decode_item(&d, &item);
        (void)sil_step(s->engine, &item, 1, e); /* the item's status says it too */
        err = sil_decode_take(&d, &item, a->n_max ? a->n_max - a->n_answer : UINT32_MAX, tokens, &n, e);
        if (err == SIL_CANCELLED) {
            a->reason = "stopped";
            err = SIL_OK;
            break;
        }
    }
    a->n_drafted = d.n_drafted;
    a->n_accepted = d.n_accepted;
    return err;
}

static sil_err run(struct setup *s, struct sil_session *session, const uint32_t *prompt, uint32_t n, struct writer *w,
                   struct answer *a, struct sil_error *e) {
    struct clock clock = clock_system();
    uint64_t begin = clock_now_ns(clock);
    for (uint32_t i = 0; a->echo && i < n; i++)
        if (stream_push(&w->stream, prompt[i], &w->out) != SIL_OK) return err_nomem(e, "the prompt", w->out.n);
    struct buf *text = a->text;
    a->text = NULL; /* the echo is not part of the answer */
    SIL_TRY(emit(a, &w->out, e));
    a->text = text;
    const float *logits = NULL;
    sil_err err = read_prompt(s, session, prompt, n, a, &logits, e);
    uint64_t middle = clock_now_ns(clock);
    a->prompt_s = (double)(middle - begin) * 1e-9;
    if (err == SIL_CANCELLED) return a->reason = "stopped", SIL_OK;
    SIL_TRY(err);
    SIL_TRY(generate(s, session, logits, w, a, e));
    a->answer_s = (double)(clock_now_ns(clock) - middle) * 1e-9;
    return finish(w, a, e);
}

static sil_err open_stops(const struct answer *a, struct stop *stop, struct sil_error *e) {
    struct str words[CMD_TEXTS_MAX];
    for (size_t i = 0; i < a->stops.n; i++) words[i] = str_of(a->stops.text[i]);
    return stop_open(mem_libc(), words, a->stops.n, stop, e);
}

sil_err answer_check(const struct answer *a, struct sil_error *e) {
    struct stop stop;
    SIL_TRY(num_sampling_check(&a->sampling, e));
    SIL_TRY(open_stops(a, &stop, e));
    stop_close(&stop);
    return SIL_OK;
}

sil_err answer_run(struct setup *s, struct sil_session *session, const uint32_t *prompt, size_t n, struct answer *a,
                   struct sil_error *e) {
    enum { PIECE_MAX = 64 << 20 };
    uint32_t ctx = sil_engine_ctx(s->engine);
    if (n == 0) return err_set(e, SIL_ARG, "the prompt is empty, and this model has no token to begin with");
    if (n > ctx)
        return err_set(e, SIL_CONTEXT, "the prompt has %zu tokens, the context only %u; shorten it or raise --ctx", n,
                       ctx);
    a->n_answer = 0;
    a->reason = NULL;
    a->profile = sil_engine_profile(s->engine);
    a->answer_s = 0;
    struct writer w;
    SIL_TRY(open_stops(a, &w.stop, e));
    stream_init(&w.stream, mem_libc(), s->model->m->tok, false);
    buf_init(&w.piece, mem_libc(), PIECE_MAX);
    buf_init(&w.out, mem_libc(), PIECE_MAX);
    sil_err err = run(s, session, prompt, (uint32_t)n, &w, a, e);
    buf_free(&w.out);
    buf_free(&w.piece);
    stream_free(&w.stream);
    stop_close(&w.stop);
    return err;
}

void answer_stats(const struct answer *a, FILE *f) {
    uint32_t read = a->n_prompt - a->n_reused;
    fprintf(f, "prompt %u tokens (%u reused) at %.1f/s; answer %u tokens at %.1f/s; ended by %s; seed %llu; %s\n",
            a->n_prompt, a->n_reused, a->prompt_s > 0 ? read / a->prompt_s : 0.0, a->n_answer,
            a->answer_s > 0 ? a->n_answer / a->answer_s : 0.0, a->reason, (unsigned long long)a->sampling.seed,
            a->profile);
    if (a->n_drafted)
        fprintf(f, "guessed ahead %llu tokens, %.1f %% of them rightly\n", (unsigned long long)a->n_drafted,
                100.0 * (double)a->n_accepted / (double)a->n_drafted);
}
