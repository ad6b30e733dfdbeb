#include "cmd/answer.h"

#include "base/clock.h"
#include "base/err.h"
#include "engine/engine.h"
#include "text/stream.h"

enum { PROMPT_CHUNK = 256 }; /* tokens between two looks at *stop while a prompt is read */

static bool stopped(const struct answer *a) {
    return a->stop && *a->stop;
}

/* Tokens that the session and the prompt have in common; the last one of the prompt is always computed again, because
 * its logits are wanted. */
static uint32_t common_prefix(const struct sil_session *session, const uint32_t *prompt, size_t n) {
    uint32_t have = 0, i = 0;
    const uint32_t *old = sil_session_tokens(session, &have);
    while (i < have && i + 1 < n && old[i] == prompt[i]) i++;
    return i;
}

static sil_err read_prompt(struct setup *s, struct sil_session *session, const uint32_t *prompt, uint32_t n,
                           struct answer *a, const float **logits, struct sil_error *e) {
    a->n_prompt = n;
    a->n_reused = common_prefix(session, prompt, n);
    sil_session_truncate(session, a->n_reused);
    for (uint32_t at = a->n_reused; at < n; at += PROMPT_CHUNK) {
        if (stopped(a)) return SIL_CANCELLED;
        uint32_t m = n - at < PROMPT_CHUNK ? n - at : PROMPT_CHUNK;
        struct sil_step_item item = {.session = session, .tokens = prompt + at, .n_tokens = m, .n_logits = at + m == n};
        SIL_TRY(sil_step(s->engine, &item, 1, e));
        *logits = item.logits;
    }
    return SIL_OK;
}

/* Writes bytes that became certain, at once, and collects them. */
static sil_err emit(struct answer *a, struct buf *piece, struct sil_error *e) {
    if (piece->n) {
        fwrite(piece->p, 1, piece->n, a->out);
        fflush(a->out);
        if (ferror(a->out)) return err_set(e, SIL_IO, "cannot write the answer: standard output is closed or full");
        if (a->text && buf_put(a->text, piece->p, piece->n) != SIL_OK)
            return err_set(e, SIL_LIMIT, "the answer is too long to keep");
    }
    buf_clear(piece);
    return SIL_OK;
}

static sil_err generate(struct setup *s, struct sil_session *session, const float *logits, struct stream *stream,
                        struct buf *piece, struct answer *a, struct sil_error *e) {
    for (;;) {
        uint32_t have = 0, token = 0;
        sil_session_tokens(session, &have);
        if (a->n_max && a->n_answer == a->n_max) return a->reason = "length", SIL_OK;
        if (stopped(a)) return a->reason = "stopped", SIL_OK;
        SIL_TRY(sil_sample(session, &a->sampling, logits, a->n_prompt, 0, &token, e));
        if (sil_is_end(s->model, token)) return a->reason = "end", SIL_OK;
        a->n_answer++;
        if (stream_push(stream, token, piece) != SIL_OK) return err_nomem(e, "the answer", piece->n);
        SIL_TRY(emit(a, piece, e));
        if (have == sil_engine_ctx(s->engine)) return a->reason = "context", SIL_OK;
        struct sil_step_item item = {.session = session, .tokens = &token, .n_tokens = 1, .n_logits = 1};
        SIL_TRY(sil_step(s->engine, &item, 1, e));
        logits = item.logits;
    }
}

static sil_err run(struct setup *s, struct sil_session *session, const uint32_t *prompt, uint32_t n, struct answer *a,
                   struct stream *stream, struct buf *piece, struct sil_error *e) {
    struct clock clock = clock_system();
    uint64_t begin = clock_now_ns(clock);
    for (uint32_t i = 0; a->echo && i < n; i++)
        if (stream_push(stream, prompt[i], piece) != SIL_OK) return err_nomem(e, "the prompt", piece->n);
    struct buf *text = a->text;
    a->text = NULL; /* the echo is not part of the answer */
    SIL_TRY(emit(a, piece, e));
    a->text = text;
    const float *logits = NULL;
    sil_err err = read_prompt(s, session, prompt, n, a, &logits, e);
    uint64_t middle = clock_now_ns(clock);
    a->prompt_s = (double)(middle - begin) * 1e-9;
    if (err == SIL_CANCELLED) return a->reason = "stopped", SIL_OK;
    SIL_TRY(err);
    SIL_TRY(generate(s, session, logits, stream, piece, a, e));
    a->answer_s = (double)(clock_now_ns(clock) - middle) * 1e-9;
    if (stream_end(stream, piece) != SIL_OK) return err_nomem(e, "the answer", piece->n);
    return emit(a, piece, e);
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
    a->answer_s = 0;
    struct stream stream;
    struct buf piece;
    stream_init(&stream, mem_libc(), s->model->m->tok, false);
    buf_init(&piece, mem_libc(), PIECE_MAX);
    sil_err err = run(s, session, prompt, (uint32_t)n, a, &stream, &piece, e);
    buf_free(&piece);
    stream_free(&stream);
    return err;
}

void answer_stats(const struct answer *a, FILE *f) {
    uint32_t read = a->n_prompt - a->n_reused;
    fprintf(f, "prompt %u tokens (%u reused) at %.1f/s; answer %u tokens at %.1f/s; ended by %s; seed %llu\n",
            a->n_prompt, a->n_reused, a->prompt_s > 0 ? read / a->prompt_s : 0.0, a->n_answer,
            a->answer_s > 0 ? a->n_answer / a->answer_s : 0.0, a->reason, (unsigned long long)a->sampling.seed);
}
