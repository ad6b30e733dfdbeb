/* sillok audit replay: an answer of the record, computed again from its token ids and compared token by token. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "cmd/audit.h"
#include "cmd/setup.h"
#include "ledger/bytes.h"

struct replay {
    struct audit_args audit;
    struct setup setup;
    struct cmd_texts models;
    const char *which;

    uint64_t index;
    struct ledger_entry entry;
    struct transcript t;
    struct sil_bias *bias;
    uint32_t *in, *out;
    uint32_t n_same; /* tokens of the answer that came out the same */
    uint32_t other;  /* and what came instead of the first that did not */
};

static sil_err words(const uint8_t *p, uint32_t n, uint32_t **out, struct sil_error *e) {
    *out = mem_array(mem_libc(), n ? n : 1, sizeof **out);
    if (!*out) return err_nomem(e, "token ids", (size_t)n * 4);
    for (uint32_t i = 0; i < n; i++) (*out)[i] = get_u32(p + (size_t)i * 4);
    return SIL_OK;
}

static sil_err read_bias(struct replay *r, struct sil_error *e) {
    if (r->t.n_bias == 0) return SIL_OK;
    r->bias = mem_array(mem_libc(), r->t.n_bias, sizeof *r->bias);
    if (!r->bias) return err_nomem(e, "the logit bias", r->t.n_bias * sizeof *r->bias);
    for (uint32_t i = 0; i < r->t.n_bias; i++) {
        uint32_t bits = get_u32(r->t.bias + (size_t)i * 8 + 4);
        r->bias[i].token = get_u32(r->t.bias + (size_t)i * 8);
        memcpy(&r->bias[i].bias, &bits, sizeof bits);
    }
    r->entry.sampling.bias = r->bias;
    r->entry.sampling.n_bias = r->t.n_bias;
    return SIL_OK;
}

/* The entry and what it was computed from, which its digests must confirm. */
static sil_err load(struct replay *r, struct buf *text, struct buf *body, struct sil_error *e) {
    struct ledger *l = NULL;
    struct ledger_key key;
    const char *what = NULL;
    bool is_signed = false;
    SIL_TRY(audit_look(&r->audit, &key, &is_signed, &l, e));
    sil_err err = audit_find(l, r->which, &r->index, e);
    if (err == SIL_OK) err = audit_entry(l, r->index, text, &r->entry, e);
    if (err == SIL_OK) err = audit_body(l, r->index, body, &r->t, e);
    ledger_close(l);
    SIL_TRY(err);
    if (!is_signed) fputs("sillok audit replay: no --key, so the record's signature was not checked\n", stderr);
    if (!transcript_matches(&r->t, &r->entry, &what))
        return err_set(e, SIL_FORMAT, "the transcript of entry %" PRIu64 " is not of that answer: other %s", r->index,
                       what);
    SIL_TRY(words(r->t.in, r->t.n_in, &r->in, e));
    SIL_TRY(words(r->t.out, r->t.n_out, &r->out, e));
    return read_bias(r, e);
}

/* The profile says how keys and values were stored. */
static sil_err open_model(struct replay *r, struct sil_error *e) {
    char digest[SIL_DIGEST];
    uint64_t need = (uint64_t)r->t.n_in + r->t.n_out;
    if (strcmp(r->entry.profile, SIL_PROFILE) != 0 && strcmp(r->entry.profile, SIL_PROFILE ";kv=int8") != 0)
        return err_set(e, SIL_UNSUPPORTED, "entry %" PRIu64 " was computed by the arithmetic %s; this program knows %s",
                       r->index, r->entry.profile, SIL_PROFILE);
    r->setup.kv = strchr(r->entry.profile, ';') ? "int8" : "f16";
    r->setup.ctx = need < UINT32_MAX ? (uint32_t)need : UINT32_MAX;
    for (size_t i = 0; i < r->models.n; i++) {
        SIL_TRY(setup_open_model(&r->setup, r->models.text[i], e));
        sil_model_digest(r->setup.model, digest);
        bool found = strcmp(digest, r->entry.model) == 0;
        setup_close(&r->setup);
        if (found) return setup_open(&r->setup, r->models.text[i], r->setup.ctx, e);
    }
    return err_set(e, SIL_ARG, "entry %" PRIu64 " was answered by the model of SHA-256 %s; %s", r->index,
                   r->entry.model, r->models.n == 1 ? "--model is another file" : "none of the --model files is it");
}

static sil_err read_prompt(struct replay *r, struct sil_session *s, const float **logits, struct sil_error *e) {
    enum { CHUNK = 1024 };
    for (uint32_t at = 0; at < r->t.n_in; at += CHUNK) {
        uint32_t n = r->t.n_in - at < CHUNK ? r->t.n_in - at : CHUNK;
        struct sil_step_item item = {
            .session = s, .tokens = r->in + at, .n_tokens = n, .n_logits = at + n == r->t.n_in};
        SIL_TRY(sil_step(r->setup.engine, &item, 1, e));
        *logits = item.logits;
    }
    return SIL_OK;
}

static sil_err compare(struct replay *r, struct sil_session *s, struct sil_error *e) {
    const float *logits = NULL;
    SIL_TRY(read_prompt(r, s, &logits, e));
    for (r->n_same = 0; r->n_same < r->t.n_out; r->n_same++) {
        SIL_TRY(sil_sample(s, &r->entry.sampling, logits, r->t.n_in, r->entry.choice, &r->other, e));
        if (r->other != r->out[r->n_same]) return SIL_OK;
        if (r->n_same + 1 == r->t.n_out) continue;
        struct sil_step_item item = {.session = s, .tokens = &r->other, .n_tokens = 1, .n_logits = 1};
        SIL_TRY(sil_step(r->setup.engine, &item, 1, e));
        logits = item.logits;
    }
    return SIL_OK;
}

static sil_err run(struct replay *r, struct sil_error *e) {
    struct sil_session *s = NULL;
    if (r->t.n_in == 0) return err_set(e, SIL_FORMAT, "entry %" PRIu64 " has no prompt to begin with", r->index);
    SIL_TRY(open_model(r, e));
    SIL_TRY(sil_session_open(r->setup.engine, &s, e));
    sil_err err = compare(r, s, e);
    sil_session_close(s);
    return err;
}

static int report(const struct replay *r) {
    struct sil_model_info info;
    sil_model_describe(r->setup.model, &info);
    if (r->n_same == r->t.n_out) {
        uint32_t threads = sil_engine_threads(r->setup.engine);
        printf("The same: entry %" PRIu64 ", all %u tokens of its answer to %u, computed again on %s with %u thread%s "
               "(%s)\n",
               r->index, r->t.n_out, r->t.n_in, info.cpu, threads, threads == 1 ? "" : "s", r->entry.profile);
        return 0;
    }
    printf("NOT the same: entry %" PRIu64
           ": token %u of its answer is %u on record, but %u when computed again (%s, %s)\n",
           r->index, r->n_same, r->out[r->n_same], r->other, info.cpu, r->entry.profile);
    return CMD_FAILED;
}

static int replay(struct replay *r) {
    struct sil_error e = {0};
    struct buf text, body;
    buf_init(&text, mem_libc(), LEDGER_ENTRY_BYTES);
    buf_init(&body, mem_libc(), TRANSCRIPT_FILE_MAX);
    sil_err err = load(r, &text, &body, &e);
    if (err == SIL_OK) err = run(r, &e);
    int rc = err == SIL_OK ? report(r) : cmd_fail("audit replay", &e);
    setup_close(&r->setup);
    mem_free(mem_libc(), r->bias);
    mem_free(mem_libc(), r->in);
    mem_free(mem_libc(), r->out);
    buf_free(&body);
    buf_free(&text);
    return rc;
}

int audit_replay(int argc, char **argv) {
    struct replay r = {0};
    const struct cmd_opt opts[] = {
        AUDIT_OPTIONS(r.audit),
        {.name = "model",
         .letter = 'm',
         .kind = CMD_TEXTS,
         .out = &r.models,
         .value = "FILE",
         .help = "the model; may be given several times, the one with the entry's digest is used"},
        {.name = "threads",
         .letter = 't',
         .kind = CMD_U32,
         .out = &r.setup.threads,
         .value = "N",
         .min = 1,
         .max = 256,
         .help = "threads to use (default: what this process may use)"},
        {.name = "cpu",
         .kind = CMD_TEXT,
         .out = &r.setup.cpu,
         .value = "MASK",
         .help = "scalar, avx2, avx512, neon or native (default; also SILLOK_CPU)"}};
    const struct cmd_spec spec = {
        .name = "audit replay",
        .synopsis = "N --model FILE [--state DIR | --log DIR] [--threads N] [--cpu MASK]",
        .about =
            "Computes the answer of entry N again from its kept token ids and compares every token with the record,\n"
            "whose digests must confirm them first. The result is the same on any processor and with any threads.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 1,
        .missing = "the entry's number or its request's id"};
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    r.which = args[0];
    if (r.models.n == 0) return cmd_usage("audit replay", "--model is missing: the file that answered");
    return replay(&r);
}
