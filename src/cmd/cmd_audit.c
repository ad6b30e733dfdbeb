/* sillok audit: checking the record of answers, proving and explaining entries, and computing answers again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cmd/audit.h"

static const char topics[] =
    "sillok audit: the record of answers, checked by anyone who has the public key.\n"
    "\n"
    "Usage: sillok audit verify [DIR]   check everything: signature, tree, entries, transcripts\n"
    "       sillok audit show N         an entry, and what was asked and answered where that is kept\n"
    "       sillok audit prove N        the receipt of an entry\n"
    "       sillok audit check FILE     a receipt that somebody has\n"
    "       sillok audit replay N       compute the answer again and compare every token\n"
    "       sillok audit erase N        erase a transcript; the entry stays and stays provable\n"
    "       sillok audit keygen FILE    a key to sign a record with\n"
    "\n"
    "N counts from 0: the x-sillok-entry of an answer; or the id of the answer or its request. sillok audit VERB "
    "--help tells more.\n";

sil_err audit_log_dir(const struct audit_args *a, char out[AUDIT_PATH], struct sil_error *e) {
    int n = a->log ? snprintf(out, AUDIT_PATH, "%s", a->log)
                   : snprintf(out, AUDIT_PATH, "%s/ledger", a->state ? a->state : "sillok-state");
    if (n < 0 || n >= AUDIT_PATH) return err_set(e, SIL_LIMIT, "the path of the record is too long");
    return SIL_OK;
}

/* --key: the key itself, or a file with it. */
static sil_err read_key(const char *given, struct ledger_key *k, struct sil_error *e) {
    struct buf b;
    if (strchr(given, '+') && !file_exists(given)) return ledger_key_verifier(str_of(given), k, e);
    buf_init(&b, mem_libc(), 4096);
    sil_err err = file_read(given, &b, e);
    if (err == SIL_OK) err = ledger_key_verifier(buf_view(&b), k, e);
    if (err != SIL_OK) err = err_prefix(e, err, "--key");
    buf_free(&b);
    return err;
}

sil_err audit_key(const struct audit_args *a, const char *dir, struct ledger_key *k, const struct ledger_key **out,
                  struct sil_error *e) {
    char beside[AUDIT_PATH + 8];
    *out = k;
    if (a->key) return read_key(a->key, k, e);
    snprintf(beside, sizeof beside, "%s.key.pub", dir);
    if (file_exists(beside)) return read_key(beside, k, e);
    *out = NULL;
    return SIL_OK;
}

/* A log to look into, with the key where one is known. */
sil_err audit_look(const struct audit_args *a, struct ledger_key *k, bool *signed_by, struct ledger **out,
                   struct sil_error *e) {
    char dir[AUDIT_PATH];
    const struct ledger_key *key = NULL;
    SIL_TRY(audit_log_dir(a, dir, e));
    SIL_TRY(audit_key(a, dir, k, &key, e));
    *signed_by = key != NULL;
    return audit_open(dir, key, mem_libc(), out, e);
}

/* ---- verify ---- */

static void print_finding(void *ctx, const char *text) {
    (void)ctx;
    fputs("  ", stdout);
    cmd_print_safe(stdout, str_of(text), false);
    fputc('\n', stdout);
}

static sil_err check_kept(const struct audit_args *a, const char *dir, const struct ledger_key *k,
                          struct audit_report *r, struct sil_error *e) {
    struct ledger *l = NULL;
    if (a->against.n == 0 || audit_open(dir, k, mem_libc(), &l, NULL) != SIL_OK) return SIL_OK; /* a finding already */
    sil_err err = SIL_OK;
    for (size_t i = 0; err == SIL_OK && i < a->against.n; i++) {
        struct sil_error why = {0};
        struct buf b;
        uint64_t size = 0;
        buf_init(&b, mem_libc(), LEDGER_RECEIPT_BYTES);
        err = file_read(a->against.text[i], &b, e);
        if (err == SIL_OK && audit_against(l, k, buf_view(&b), &size, &why) != SIL_OK) {
            (void)err_prefix(&why, why.code, "%s", a->against.text[i]);
            r->findings++;
            print_finding(NULL, why.text);
        } else if (err == SIL_OK) {
            printf("  %s: its %" PRIu64 " entries are the beginning of this log\n", a->against.text[i], size);
        }
        buf_free(&b);
    }
    ledger_close(l);
    return err;
}

static void print_report(const struct audit_report *r, const struct ledger_key *k) {
    char first[AUDIT_TIME], last[AUDIT_TIME];
    if (r->findings > AUDIT_FINDINGS_MAX) printf("  and %" PRIu64 " more\n", r->findings - AUDIT_FINDINGS_MAX);
    if (r->findings) {
        printf("NOT in order: %" PRIu64 " finding%s in %" PRIu64 " entries\n", r->findings, r->findings == 1 ? "" : "s",
               r->size);
        return;
    }
    printf("In order: %" PRIu64 " entries, signed by %s+%08" PRIx32 "\n", r->size, k->name, k->id);
    if (r->size) {
        audit_time(r->first_ms, first);
        audit_time(r->last_ms, last);
        printf("from %s to %s\n", first, last);
    }
    printf("%" PRIu64 " transcripts fit their entries, %" PRIu64 " were erased, %" PRIu64 " are not here\n",
           r->transcripts, r->erased, r->absent);
}

static int verify(int argc, char **argv) {
    struct audit_args a = {0};
    const struct cmd_opt opts[] = {AUDIT_OPTIONS(a),
                                   {.name = "against",
                                    .kind = CMD_TEXTS,
                                    .out = &a.against,
                                    .value = "FILE",
                                    .help = "a checkpoint or receipt kept since: it must be the log's beginning; only "
                                            "this shows that the end was not cut off"}};
    const struct cmd_spec spec = {
        .name = "audit verify",
        .synopsis = "[DIR] --key VKEY [--against FILE]...",
        .about =
            "Checks a record from the public key alone: that the checkpoint was signed, that every entry is the one\n"
            "that was signed, that tiles, journal and transcripts fit. Changes nothing; a server may be running.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .max_args = 1};
    struct ledger_key key;
    const struct ledger_key *k = NULL;
    struct audit_report r = {.finding = print_finding};
    struct sil_error e = {0};
    char dir[AUDIT_PATH];
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (n) a.log = args[0];
    sil_err err = audit_log_dir(&a, dir, &e);
    if (err == SIL_OK) err = audit_key(&a, dir, &key, &k, &e);
    if (err == SIL_OK && !k)
        return cmd_usage("audit verify", "--key is missing: the verifier key that the record's owner made public");
    if (err == SIL_OK) err = audit_verify(dir, k, mem_libc(), &r, &e);
    if (err == SIL_OK) err = check_kept(&a, dir, k, &r, &e);
    if (err != SIL_OK) return cmd_fail("audit verify", &e);
    print_report(&r, k);
    return r.findings ? CMD_FAILED : 0;
}

/* ---- prove, check ---- */

static int prove(int argc, char **argv) {
    struct audit_args a = {0};
    const struct cmd_opt opts[] = {AUDIT_OPTIONS(a),
                                   {.name = "salt",
                                    .kind = CMD_FLAG,
                                    .out = &a.salt,
                                    .help = "with the entry's salt, which opens its digests of token ids"}};
    const struct cmd_spec spec = {.name = "audit prove",
                                  .synopsis = "N [--state DIR | --log DIR] [--salt]",
                                  .about =
                                      "Prints the receipt of entry N (c2sp.org/tlog-proof@v1): the entry, its proof "
                                      "and the signed checkpoint.",
                                  .opts = opts,
                                  .n_opts = sizeof opts / sizeof *opts,
                                  .min_args = 1,
                                  .max_args = 1,
                                  .missing = "the entry's number or its request's id"};
    struct ledger *l = NULL;
    struct ledger_key key;
    struct sil_error e = {0};
    struct buf out, body;
    struct transcript t = {0};
    bool is_signed;
    uint64_t index = 0;
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    buf_init(&out, mem_libc(), LEDGER_RECEIPT_BYTES);
    buf_init(&body, mem_libc(), TRANSCRIPT_FILE_MAX);
    sil_err err = audit_look(&a, &key, &is_signed, &l, &e);
    if (err == SIL_OK) err = audit_find(l, args[0], &index, &e);
    if (err == SIL_OK && a.salt) err = audit_body(l, index, &body, &t, &e);
    if (err == SIL_OK) err = ledger_receipt(l, index, t.salt, &out, &e);
    if (err == SIL_OK) fwrite(out.p, 1, out.n, stdout);
    ledger_close(l);
    buf_free(&body);
    buf_free(&out);
    return err == SIL_OK ? 0 : cmd_fail("audit prove", &e);
}

static int check(int argc, char **argv) {
    struct audit_args a = {0};
    const struct cmd_opt opts[] = {AUDIT_KEY_OPTION(a)};
    const struct cmd_spec spec = {
        .name = "audit check",
        .synopsis = "RECEIPT --key VKEY",
        .about = "Checks a receipt (a file, or - for standard input): that its entry is in a tree that the key signed.",
        .opts = opts,
        .n_opts = 1,
        .min_args = 1,
        .max_args = 1,
        .missing = "a receipt"};
    struct receipt r;
    struct ledger_key key;
    struct sil_error e = {0};
    struct buf text;
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (!a.key)
        return cmd_usage("audit check", "--key is missing: the verifier key that the record's owner made public");
    buf_init(&text, mem_libc(), LEDGER_RECEIPT_BYTES);
    sil_err err = read_key(a.key, &key, &e);
    if (err == SIL_OK) err = file_read(args[0], &text, &e);
    if (err == SIL_OK) err = receipt_open(buf_view(&text), &key, &r, &e);
    if (err == SIL_OK) {
        printf("In order: entry %" PRIu64 " of the %" PRIu64 " that %s signed\n", r.index, r.checkpoint.size, key.name);
        audit_print_entry(&r.entry, r.index);
    }
    buf_free(&text);
    return err == SIL_OK ? 0 : cmd_fail("audit check", &e);
}

/* ---- erase, keygen ---- */

/* The server that has the record open can do it. which: as the entry was named. */
static sil_err ask_the_server(const struct audit_args *a, const char *dir, const char *which, struct sil_error *e) {
    struct ledger *l = NULL;
    struct ledger_key key;
    bool is_signed;
    uint64_t index;
    SIL_TRY(audit_look(a, &key, &is_signed, &l, e));
    sil_err err = audit_find(l, which, &index, e);
    ledger_close(l);
    SIL_TRY(err);
    return err_set(e, SIL_IO,
                   "a server is running on %s, and erases it by itself: send it DELETE /record/entries/%" PRIu64
                   "/transcript with an administrator's key, for example curl -X DELETE -H \"Authorization: Bearer "
                   "$SILLOK_KEY\" http://127.0.0.1:8080/record/entries/%" PRIu64 "/transcript",
                   dir, index, index);
}

static sil_err erase_one(const struct audit_args *a, const char *which, uint64_t *index, bool *had,
                         struct sil_error *e) {
    char dir[AUDIT_PATH], path[AUDIT_PATH + 8];
    struct ledger_key key;
    struct ledger *l = NULL;
    SIL_TRY(audit_log_dir(a, dir, e));
    snprintf(path, sizeof path, "%s.key", dir);
    if (ledger_in_use(dir)) return ask_the_server(a, dir, which, e);
    SIL_TRY(ledger_key_load(a->secret ? a->secret : path, &key, e));
    struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc()};
    SIL_TRY(ledger_open(&c, &l, e));
    sil_err err = audit_find(l, which, index, e);
    if (err == SIL_OK) err = ledger_erase(l, *index, had, e);
    ledger_close(l);
    return err;
}

static int erase(int argc, char **argv) {
    struct audit_args a = {0};
    const struct cmd_opt opts[] = {AUDIT_DIR_OPTIONS(a),
                                   {.name = "signing-key",
                                    .kind = CMD_TEXT,
                                    .out = &a.secret,
                                    .value = "FILE",
                                    .help = "the record's private key (default: beside the record, DIR.key)"}};
    const struct cmd_spec spec = {
        .name = "audit erase",
        .synopsis = "N [--state DIR | --log DIR]",
        .about =
            "Overwrites the transcript of entry N (token ids, salt, text) with zeros. The entry stays, and everything\n"
            "stays provable; the answer can no longer be replayed. A server that is running does it itself, by\n"
            "DELETE /record/entries/N/transcript with an administrator's key. Copies elsewhere, and what a disk\n"
            "keeps of overwritten blocks, are out of its reach.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 1,
        .missing = "the entry's number or its request's id"};
    struct sil_error e = {0};
    uint64_t index = 0;
    bool had = false;
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (erase_one(&a, args[0], &index, &had, &e) != SIL_OK) return cmd_fail("audit erase", &e);
    printf(had ? "The transcript of entry %" PRIu64 " is erased.\n" : "Entry %" PRIu64 " has no transcript.\n", index);
    return 0;
}

static int keygen(int argc, char **argv) {
    const char *name = NULL;
    const struct cmd_opt opts[] = {{.name = "name",
                                    .kind = CMD_TEXT,
                                    .out = &name,
                                    .value = "NAME",
                                    .help = "what the log is called, such as ai.example.kr/log1"}};
    const struct cmd_spec spec = {
        .name = "audit keygen",
        .synopsis = "FILE --name NAME",
        .about =
            "Makes an Ed25519 key in FILE (mode 0600) and its public half in FILE.pub, which it prints: give that to\n"
            "everyone who is to check the record. A server makes one by itself when it has none.",
        .opts = opts,
        .n_opts = 1,
        .min_args = 1,
        .max_args = 1,
        .missing = "a file name"};
    struct ledger_key key;
    struct sil_error e = {0};
    char text[LEDGER_VKEY];
    bool made = false;
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (!name)
        return cmd_usage("audit keygen", "--name is missing: what the log is called, such as ai.example.kr/log1");
    sil_err err = ledger_key_load_or_make(args[0], name, &key, &made, &e);
    if (err == SIL_OK && !made) err = err_set(&e, SIL_IO, "%s is there already; a key is not replaced", args[0]);
    if (err != SIL_OK) return cmd_fail("audit keygen", &e);
    ledger_key_public(&key, text);
    puts(text);
    return 0;
}

int cmd_audit(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"verify", verify},       {"show", audit_show}, {"prove", prove},  {"check", check},
                 {"replay", audit_replay}, {"erase", erase},     {"keygen", keygen}};
    enum { N = sizeof verbs / sizeof *verbs };
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(topics, argc < 2 ? stderr : stdout);
        return argc < 2 ? CMD_USAGE : 0;
    }
    const char *names[N];
    for (size_t i = 0; i < N; i++) {
        names[i] = verbs[i].name;
        if (strcmp(argv[1], verbs[i].name) == 0) return verbs[i].run(argc - 1, argv + 1);
    }
    const char *near = cmd_nearest(argv[1], names, N);
    if (near) return cmd_usage("audit", "unknown command \"%s\" (did you mean %s?)", argv[1], near);
    return cmd_usage("audit", "unknown command \"%s\": verify, show, prove, check, replay, erase or keygen", argv[1]);
}
