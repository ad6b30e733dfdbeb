/* sillok audit replay: an answer of the record, computed again from its token ids and compared token by token. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "cmd/audit.h"
#include "cmd/setup.h"
#include "ledger/replay.h"

struct args {
    struct audit_args audit;
    struct setup setup;
    struct cmd_texts models;
    const char *which;
    struct replay replay;
    struct replay_result result;
};

static sil_err no_transcript(uint64_t index, enum audit_kept kept, struct sil_error *e) {
    if (kept == AUDIT_ERASED)
        return err_set(e, SIL_ARG, "the transcript of entry %" PRIu64 " was erased; its entry remains", index);
    return err_set(e, SIL_ARG, "no transcript of entry %" PRIu64 " is here", index);
}

/* The entry and what it was computed from, which its digests must confirm. */
static sil_err load(struct args *a, struct sil_error *e) {
    struct ledger *l = NULL;
    struct ledger_key key;
    enum audit_kept kept = AUDIT_NONE;
    bool is_signed = false;
    uint64_t index = 0;
    SIL_TRY(audit_look(&a->audit, &key, &is_signed, &l, e));
    sil_err err = audit_find(l, a->which, &index, e);
    if (err == SIL_OK) err = replay_load(l, index, mem_libc(), &a->replay, &kept, e);
    if (err == SIL_OK && kept != AUDIT_THERE) err = no_transcript(index, kept, e);
    ledger_close(l);
    SIL_TRY(err);
    if (!is_signed) fputs("sillok audit replay: no --key, so the record's signature was not checked\n", stderr);
    unsigned altered = a->replay.altered;
    if (!altered) return SIL_OK;
    return err_set(e, SIL_FORMAT, "the transcript of entry %" PRIu64 " is not of that answer: other %s", index,
                   altered & TRANSCRIPT_IN    ? "token ids of the prompt"
                   : altered & TRANSCRIPT_OUT ? "token ids of the answer"
                                              : "logit bias");
}

/* The profile says how keys and values were stored. */
static sil_err open_model(struct args *a, struct sil_error *e) {
    char digest[SIL_DIGEST];
    const struct replay *r = &a->replay;
    uint64_t need = (uint64_t)r->n_in + r->n_out;
    a->setup.kv = replay_kv(&r->entry);
    if (!a->setup.kv)
        return err_set(e, SIL_UNSUPPORTED, "entry %" PRIu64 " was computed by the arithmetic %s; this program knows %s",
                       r->index, r->entry.profile, SIL_PROFILE);
    a->setup.ctx = need < UINT32_MAX ? (uint32_t)need : UINT32_MAX;
    for (size_t i = 0; i < a->models.n; i++) {
        SIL_TRY(setup_open_model(&a->setup, a->models.text[i], e));
        sil_model_digest(a->setup.model, digest);
        bool found = strcmp(digest, r->entry.model) == 0;
        setup_close(&a->setup);
        if (found) return setup_open(&a->setup, a->models.text[i], a->setup.ctx, e);
    }
    return err_set(e, SIL_ARG, "entry %" PRIu64 " was answered by the model of SHA-256 %s; %s", r->index,
                   r->entry.model, a->models.n == 1 ? "--model is another file" : "none of the --model files is it");
}

static int report(const struct args *a) {
    struct sil_model_info info;
    const struct replay *r = &a->replay;
    sil_model_describe(a->setup.model, &info);
    if (a->result.equal) {
        uint32_t threads = sil_engine_threads(a->setup.engine);
        printf("The same: entry %" PRIu64 ", all %u tokens of its answer to %u, computed again on %s with %u thread%s "
               "(%s)\n",
               r->index, r->n_out, r->n_in, info.cpu, threads, threads == 1 ? "" : "s", r->entry.profile);
        return 0;
    }
    printf("NOT the same: entry %" PRIu64
           ": token %u of its answer is %u on record, but %u when computed again (%s, %s)\n",
           r->index, a->result.n_same, a->result.kept, a->result.computed, info.cpu, r->entry.profile);
    return CMD_FAILED;
}

static int replay(struct args *a) {
    struct sil_error e = {0};
    sil_err err = load(a, &e);
    if (err == SIL_OK) err = open_model(a, &e);
    if (err == SIL_OK) err = replay_run(&a->replay, a->setup.engine, &a->result, &e);
    int rc = err == SIL_OK ? report(a) : cmd_fail("audit replay", &e);
    setup_close(&a->setup);
    replay_free(&a->replay);
    return rc;
}

int audit_replay(int argc, char **argv) {
    struct args a = {.replay.mem = mem_libc()};
    const struct cmd_opt opts[] = {
        AUDIT_OPTIONS(a.audit),
        {.name = "model",
         .letter = 'm',
         .kind = CMD_TEXTS,
         .out = &a.models,
         .value = "FILE",
         .help = "the model; may be given several times, the one with the entry's digest is used"},
        {.name = "threads",
         .letter = 't',
         .kind = CMD_U32,
         .out = &a.setup.threads,
         .value = "N",
         .min = 1,
         .max = 256,
         .help = "threads to use (default: what this process may use)"},
        {.name = "cpu",
         .kind = CMD_TEXT,
         .out = &a.setup.cpu,
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
    a.which = args[0];
    if (a.models.n == 0) return cmd_usage("audit replay", "--model is missing: the file that answered");
    return replay(&a);
}
