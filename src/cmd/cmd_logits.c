/* sillok logits: what the model thinks comes next, as raw numbers or as their digest. */
#include <limits.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/sha.h"
#include "cmd/cmd.h"
#include "cmd/setup.h"

enum { TOKENS_MAX = 1 << 20 };

struct options {
    struct setup setup;
    const char *tokens, *out;
    bool hash, all;
};

/* "1,2,3" to ids. */
static sil_err parse_ids(const char *text, uint32_t *ids, uint32_t *n, struct sil_error *e) {
    *n = 0;
    for (const char *p = text;; p++) {
        char *end;
        unsigned long v = *p >= '0' && *p <= '9' ? strtoul(p, &end, 10) : ULONG_MAX;
        if (v > UINT32_MAX || (*end != ',' && *end != '\0'))
            return err_set(e, SIL_ARG, "--tokens: \"%.20s\" is not a token id; write ids with commas: 1,2,3", p);
        if (*n == TOKENS_MAX) return err_set(e, SIL_LIMIT, "--tokens: more than %d ids", TOKENS_MAX);
        ids[(*n)++] = (uint32_t)v;
        if (*end == '\0') return SIL_OK;
        p = end;
    }
}

/* Where rows of logits go. */
struct sink {
    struct file_out file;
    struct sha sha;
    const struct options *o;
};

static sil_err give_row(struct sink *k, const float *row, uint32_t n, struct sil_error *e) {
    if (k->o->hash) sha_add(&k->sha, row, n * sizeof *row);
    else if (k->o->out) return file_write(&k->file, row, n * sizeof *row, e);
    else
        for (uint32_t i = 0; i < n; i++) printf("%.9g\n", (double)row[i]);
    return SIL_OK;
}

static sil_err evaluate(struct setup *s, const uint32_t *ids, uint32_t n, struct sink *k, struct sil_error *e) {
    struct sil_session *session;
    SIL_TRY(sil_session_open(s->engine, &session, e));
    struct sil_model_info info;
    sil_model_describe(s->model, &info);
    uint32_t chunk = k->o->all ? SETUP_LOGITS : n;
    sil_err err = SIL_OK;
    for (uint32_t at = 0; at < n && err == SIL_OK; at += chunk) {
        uint32_t m = n - at < chunk ? n - at : chunk;
        struct sil_step_item item = {
            .session = session, .tokens = ids + at, .n_tokens = m, .n_logits = k->o->all ? m : 1};
        err = sil_step(s->engine, &item, 1, e);
        for (uint32_t i = 0; err == SIL_OK && i < item.n_logits; i++)
            err = give_row(k, item.logits + (size_t)i * info.n_vocab, info.n_vocab, e);
    }
    sil_session_close(session);
    return err;
}

static sil_err run(struct options *o, const char *path, struct sil_error *e) {
    uint32_t *ids = malloc(TOKENS_MAX * sizeof *ids), n = 0;
    if (!ids) return err_nomem(e, "token ids", TOKENS_MAX * sizeof *ids);
    struct sink k = {.o = o, .file = {.fd = -1}};
    o->setup.soon = true;
    sha_begin(&k.sha);
    sil_err err = parse_ids(o->tokens, ids, &n, e);
    if (err == SIL_OK) err = setup_open(&o->setup, path, n > SETUP_CTX ? n : SETUP_CTX, e);
    if (err == SIL_OK && o->out) err = file_create(o->out, &k.file, e);
    if (err == SIL_OK) err = evaluate(&o->setup, ids, n, &k, e);
    if (err == SIL_OK && o->hash) {
        char hex[SHA_HEX];
        sha_end(&k.sha, hex);
        puts(hex);
    }
    if (o->out) {
        if (err == SIL_OK) err = file_commit(&k.file, e);
        else file_discard(&k.file);
    }
    setup_close(&o->setup);
    free(ids);
    return err;
}

int cmd_logits(int argc, char **argv) {
    struct options o = {0};
    const struct cmd_opt opts[] = {
        {.name = "tokens", .kind = CMD_TEXT, .out = &o.tokens, .value = "1,2,3", .help = "token ids to read"},
        {.name = "all", .kind = CMD_FLAG, .out = &o.all, .help = "logits after every token, not only the last"},
        {.name = "out",
         .kind = CMD_TEXT,
         .out = &o.out,
         .value = "FILE.f32",
         .help = "write little-endian 32-bit floats"},
        {.name = "hash", .kind = CMD_FLAG, .out = &o.hash, .help = "print the SHA-256 of those bytes instead"},
        SETUP_OPTIONS(o.setup),
    };
    const struct cmd_spec spec = {.name = "logits",
                                  .synopsis = "MODEL --tokens 1,2,3 [--all] [--out FILE.f32 | --hash]",
                                  .about = "Prints the logits of the next token, one number a line in the order of "
                                           "token ids.\nThe same file and tokens give the same bits on every machine.",
                                  .opts = opts,
                                  .n_opts = sizeof opts / sizeof *opts,
                                  .min_args = 1,
                                  .max_args = 1,
                                  .missing = "a model file"};
    const char *path = NULL;
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, &path, &n_args);
    if (rc != CMD_GO) return rc;
    if (!o.tokens) return cmd_usage("logits", "--tokens is missing: which token ids are to be read?");
    if (o.out && o.hash) return cmd_usage("logits", "--out and --hash exclude each other");
    struct sil_error e = {0};
    return run(&o, path, &e) == SIL_OK ? 0 : cmd_fail("logits", &e);
}
