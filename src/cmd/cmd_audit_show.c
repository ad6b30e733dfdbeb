/* sillok audit show: an entry of the record in words. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/audit.h"

void audit_time(uint64_t ms, char out[AUDIT_TIME]) {
    time_t t = (time_t)(ms / 1000);
    struct tm tm = {0};
    char seconds[24];
    if (!gmtime_r(&t, &tm) || strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm) == 0) seconds[0] = '\0';
    snprintf(out, AUDIT_TIME, "%s.%03uZ", seconds, (unsigned)(ms % 1000));
}

static void row(const char *key, const char *value) {
    printf("  %-13s", key);
    cmd_print_safe(stdout, str_of(value), false);
    putchar('\n');
}

static void digest_row(const char *key, uint32_t n, const char *unit, const uint8_t digest[LEDGER_HASH]) {
    char hex[SIL_DIGEST];
    sodium_bin2hex(hex, sizeof hex, digest, LEDGER_HASH);
    printf("  %-13s%u %s, salted SHA-256 %s\n", key, n, unit, hex);
}

static void print_sampling(const struct ledger_entry *t) {
    const struct sil_sampling *s = &t->sampling;
    printf("  %-13stemperature %g, top_k %u, top_p %g, min_p %g, seed %" PRIu64 "\n", "sampling",
           (double)s->temperature, s->top_k, (double)s->top_p, (double)s->min_p, s->seed);
    if (s->repeat_penalty != 1 || s->frequency_penalty != 0 || s->presence_penalty != 0)
        printf("  %-13srepeat %g, frequency %g, presence %g\n", "penalties", (double)s->repeat_penalty,
               (double)s->frequency_penalty, (double)s->presence_penalty);
    if (t->n_bias) digest_row("logit bias", t->n_bias, "tokens", t->bias_digest);
}

void audit_print_entry(const struct ledger_entry *t, uint64_t index) {
    static const char *const keep[] = {"nothing beside the entry", "token ids", "token ids and text"};
    char when[AUDIT_TIME];
    audit_time(t->time_ms, when);
    printf("entry %" PRIu64 "\n", index);
    row("time", when);
    row("tenant", t->tenant);
    printf("  %-13s", "request");
    cmd_print_safe(stdout, str_of(t->request), false);
    printf(", choice %u\n", t->choice);
    row("model", t->model);
    if (t->tokenizer[0]) row("tokenizer", t->tokenizer);
    row("arithmetic", t->profile);
    print_sampling(t);
    digest_row("prompt", t->n_in, "tokens", t->in_digest);
    digest_row("answer", t->n_out, "tokens", t->out_digest);
    row("ended by", t->finish);
    if (t->energy_mj >= 0) printf("  %-13s%.3f J\n", "energy", (double)t->energy_mj / 1000);
    row("software", t->software);
    row("kept", keep[t->keep]);
}

static void print_part(const char *title, struct str text) {
    printf("%s\n", title);
    cmd_print_safe(stdout, text, true);
    if (text.n == 0 || text.p[text.n - 1] != '\n') putchar('\n');
}

static sil_err show(const struct audit_args *a, const char *which, bool json, struct sil_error *e) {
    struct ledger *l = NULL;
    struct ledger_key key;
    struct ledger_entry entry;
    struct transcript t = {0};
    struct sil_error why = {0};
    struct buf b, body;
    bool is_signed = false;
    uint64_t index = 0;
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    buf_init(&body, mem_libc(), TRANSCRIPT_FILE_MAX);
    sil_err err = audit_look(a, &key, &is_signed, &l, e);
    if (err == SIL_OK) err = audit_find(l, which, &index, e);
    if (err == SIL_OK) err = audit_entry(l, index, &b, &entry, e);
    if (err == SIL_OK && json) {
        fwrite(b.p, 1, b.n, stdout);
        putchar('\n');
    } else if (err == SIL_OK) {
        const char *what = NULL;
        audit_print_entry(&entry, index);
        if (!is_signed) fputs("sillok audit show: no --key, so the record's signature was not checked\n", stderr);
        if (audit_body(l, index, &body, &t, &why) != SIL_OK) {
            if (entry.keep != LEDGER_KEEP_NONE) fprintf(stderr, "sillok audit show: %s\n", why.text);
        } else if (!transcript_matches(&t, &entry, &what)) {
            err = err_set(e, SIL_FORMAT, "the transcript of entry %" PRIu64 " is not of that answer: other %s", index,
                          what);
        } else if (entry.keep == LEDGER_KEEP_TEXT) {
            print_part("prompt:", t.prompt);
            print_part("answer:", t.text);
        }
    }
    ledger_close(l);
    buf_free(&body);
    buf_free(&b);
    return err;
}

int audit_show(int argc, char **argv) {
    struct audit_args a = {0};
    bool json = false;
    const struct cmd_opt opts[] = {
        AUDIT_OPTIONS(a),
        {.name = "json", .kind = CMD_FLAG, .out = &json, .help = "the entry's bytes as they are in the tree"}};
    const struct cmd_spec spec = {.name = "audit show",
                                  .synopsis = "N [--state DIR | --log DIR] [--key VKEY] [--json]",
                                  .about = "Prints entry N in words, and the texts that are kept beside it.",
                                  .opts = opts,
                                  .n_opts = sizeof opts / sizeof *opts,
                                  .min_args = 1,
                                  .max_args = 1,
                                  .missing = "the entry's number or its request's id"};
    struct sil_error e = {0};
    const char *args[1];
    int n = 0, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    return show(&a, args[0], json, &e) == SIL_OK ? 0 : cmd_fail("audit show", &e);
}
