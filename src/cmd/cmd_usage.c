/* sillok usage: what tenants used, from the server's keys.db. */
#include <inttypes.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/state.h"
#include "serve/usage.h"

static const char NAME[] = "usage";

struct args {
    struct state state;
    const char *from, *to, *tenant;
    bool by_key, csv, json;
};

enum { LINE_MAX_BYTES = 1 << 16 };

struct report {
    const struct args *a;
    unsigned by;
    struct buf line;
    bool printed;
};

static void print_table(const struct report *r, const struct gate_usage *u) {
    char day[USAGE_DATE];
    bool by_key = r->a->by_key;
    if (!r->printed)
        printf("%-10s  %9s  %12s  %12s  %12s  %12s  %s\n", "day", "requests", "prompt", "(cached)", "answer", "joules",
               by_key ? "tenant/key, model" : "tenant, model");
    usage_date(u->day, day);
    printf("%-10s  %9" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "  ", day, u->requests, u->prompt_tokens,
           u->cached_tokens, u->answer_tokens);
    if (u->energy_j > 0) printf("%12.1f", u->energy_j);
    else printf("%12s", "-");
    printf("  %s%s%s, %s\n", u->tenant_name, by_key ? "/" : "", by_key ? u->key_name : "", u->model);
}

static sil_err each(void *arg, const struct gate_usage *u) {
    struct report *r = arg;
    sil_err err = SIL_OK;
    buf_clear(&r->line);
    if (r->a->csv && !r->printed) err = usage_csv(&r->line, r->by, NULL);
    if (r->a->json) err = buf_str(&r->line, r->printed ? STR(",\n  ") : STR("\n  "));
    if (err == SIL_OK && r->a->csv) err = usage_csv(&r->line, r->by, u);
    if (err == SIL_OK && r->a->json) err = usage_json(&r->line, r->by, false, u);
    if (!r->a->csv && !r->a->json) print_table(r, u);
    if (r->line.n) fwrite(r->line.p, 1, r->line.n, stdout);
    r->printed = true;
    return err;
}

static sil_err report(struct args *a, int64_t from, int64_t to, struct sil_error *e) {
    struct report r = {.a = a, .by = USAGE_BY_DAY | USAGE_BY_TENANT | USAGE_BY_MODEL};
    struct gate_usage_query q = {.from_day = from, .to_day = to, .all = !a->tenant, .limit = INT32_MAX};
    if (a->by_key) r.by |= USAGE_BY_KEY;
    q.by = r.by;
    SIL_TRY(state_open(&a->state, false, e));
    if (a->tenant && strcmp(a->tenant, "local") != 0)
        SIL_TRY(gate_db_tenant_find(a->state.db, a->tenant, &q.tenant, e));
    buf_init(&r.line, mem_libc(), LINE_MAX_BYTES);
    if (a->json) printf("[");
    sil_err err = gate_db_usage_sum(a->state.db, &q, each, &r, e);
    buf_free(&r.line);
    if (err != SIL_OK) return err;
    if (a->json) printf("%s]\n", r.printed ? "\n" : "");
    else if (!r.printed) fprintf(stderr, "sillok usage: nothing was used\n");
    return SIL_OK;
}

int cmd_usage_report(int argc, char **argv) {
    struct args a = {0};
    struct sil_error e = {0};
    int64_t from = INT64_MIN, to = INT64_MAX;
    const struct cmd_opt opts[] = {
        STATE_OPTIONS(&a.state),
        {"from", 0, CMD_TEXT, &a.from, "DATE", "first day, as 2026-11-22 (UTC)", 0, 0},
        {"to", 0, CMD_TEXT, &a.to, "DATE", "last day", 0, 0},
        {"tenant", 0, CMD_TEXT, &a.tenant, "NAME", "of one tenant only", 0, 0},
        {"by-key", 0, CMD_FLAG, &a.by_key, NULL, "each key by itself", 0, 0},
        {"csv", 0, CMD_FLAG, &a.csv, NULL, "as CSV", 0, 0},
        {"json", 0, CMD_FLAG, &a.json, NULL, "as JSON", 0, 0},
    };
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis = "[--from DATE] [--to DATE] [--tenant NAME] [--csv | --json]",
        .about = "What was used: requests and tokens for each day, tenant and model. A running server adds to it five\n"
                 "times a second.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, NULL, &n_args);
    if (rc != CMD_GO) return rc;
    if (a.csv && a.json) return cmd_usage(NAME, "--csv or --json, not both");
    if (a.from && !usage_parse_date(a.from, &from)) return cmd_usage(NAME, "--from needs a date as 2026-11-22");
    if (a.to && !usage_parse_date(a.to, &to)) return cmd_usage(NAME, "--to needs a date as 2026-11-22");
    sil_err err = report(&a, from, to, &e);
    state_close(&a.state);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}
