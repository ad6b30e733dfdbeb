/* sillok perplexity: how well a model predicts a text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/setup.h"

enum { TEXT_MAX = 1 << 30, WINDOW_DEFAULT = 512 };

struct options {
    struct setup setup;
    uint32_t limit; /* tokens to read at most; 0: all */
};

/* What has been measured so far. */
struct score {
    uint64_t n; /* tokens predicted */
    double nll; /* sum of -log p, in nats */
};

/* -log p(token) under a row of logits, in binary64. */
static double row_nll(const float *row, uint32_t n, uint32_t token) {
    double max = (double)row[0], sum = 0;
    for (uint32_t i = 1; i < n; i++)
        if ((double)row[i] > max) max = (double)row[i];
    for (uint32_t i = 0; i < n; i++) sum += exp((double)row[i] - max);
    return log(sum) + max - (double)row[token];
}

/* Reads one window from an empty session; every token but the first is predicted from those before it. */
static sil_err score_window(struct setup *s, struct sil_session *session, const uint32_t *ids, uint32_t n,
                            struct score *score, struct sil_error *e) {
    struct sil_model_info info;
    sil_model_describe(s->model, &info);
    sil_session_truncate(session, 0);
    for (uint32_t at = 0; at + 1 < n;) {
        uint32_t m = n - 1 - at < SETUP_LOGITS ? n - 1 - at : SETUP_LOGITS;
        struct sil_step_item item = {.session = session, .tokens = ids + at, .n_tokens = m, .n_logits = m};
        SIL_TRY(sil_step(s->engine, &item, 1, e));
        for (uint32_t i = 0; i < m; i++)
            score->nll += row_nll(item.logits + (size_t)i * info.n_vocab, info.n_vocab, ids[at + i + 1]);
        score->n += m;
        at += m;
    }
    return SIL_OK;
}

static sil_err score_text(struct setup *s, const uint32_t *ids, size_t n, struct score *score, struct sil_error *e) {
    uint32_t window = sil_engine_ctx(s->engine);
    struct sil_session *session;
    SIL_TRY(sil_session_open(s->engine, &session, e));
    sil_err err = SIL_OK;
    for (size_t at = 0; at + 1 < n && err == SIL_OK; at += window) {
        uint32_t m = n - at < window ? (uint32_t)(n - at) : window;
        err = score_window(s, session, ids + at, m, score, e);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu tokens, perplexity so far %.4f ", at + m, n,
                    exp(score->nll / (double)(score->n ? score->n : 1)));
    }
    if (isatty(STDERR_FILENO)) fputs("\n", stderr);
    sil_session_close(session);
    return err;
}

static sil_err run(struct options *o, const char *model, const char *file, struct sil_error *e) {
    struct buf text;
    buf_init(&text, mem_libc(), TEXT_MAX);
    uint32_t *ids = NULL;
    size_t n = 0;
    struct score score = {0};
    sil_err err = file_read(file, &text, e);
    if (err == SIL_OK) err = setup_open(&o->setup, model, WINDOW_DEFAULT, e);
    if (err == SIL_OK) {
        struct str t = buf_view(&text);
        err = sil_tokenize(o->setup.model, t.p, t.n, SIL_ADD_SPECIAL, &ids, &n, e);
        if (err != SIL_OK) err_prefix(e, err, "%s", file);
    }
    if (err == SIL_OK && o->limit && n > o->limit) n = o->limit;
    if (err == SIL_OK && n < 2) err = err_set(e, SIL_ARG, "%s has %zu tokens; at least 2 are needed", file, n);
    if (err == SIL_OK) err = score_text(&o->setup, ids, n, &score, e);
    if (err == SIL_OK)
        printf("perplexity %.4f  (%llu tokens predicted, %.6f nats each, windows of %u)\n",
               exp(score.nll / (double)score.n), (unsigned long long)score.n, score.nll / (double)score.n,
               sil_engine_ctx(o->setup.engine));
    sil_free(ids);
    setup_close(&o->setup);
    buf_free(&text);
    return err;
}

int cmd_perplexity(int argc, char **argv) {
    struct options o = {0};
    const struct cmd_opt opts[] = {
        {.name = "limit",
         .kind = CMD_U32,
         .out = &o.limit,
         .value = "N",
         .min = 2,
         .max = 1 << 30,
         .help = "read at most N tokens"},
        SETUP_OPTIONS(o.setup),
    };
    const struct cmd_spec spec = {.name = "perplexity",
                                  .synopsis = "MODEL FILE [--ctx N] [--limit N]",
                                  .about =
                                      "Measures how well a model predicts a text (lower is better). The text is cut "
                                      "into windows of --ctx\ntokens (default 512) without overlap; all tokens of "
                                      "a window but its first are predicted. FILE may be -.",
                                  .opts = opts,
                                  .n_opts = sizeof opts / sizeof *opts,
                                  .min_args = 2,
                                  .max_args = 2,
                                  .missing = "a model file and a text file"};
    const char *args[2] = {NULL, NULL};
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, args, &n_args);
    if (rc != CMD_GO) return rc;
    struct sil_error e = {0};
    return run(&o, args[0], args[1], &e) == SIL_OK ? 0 : cmd_fail("perplexity", &e);
}
