/* sillok usage: what tenants used, from the server's keys.db. */
#include <inttypes.h>

#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/state.h"

static const char NAME[] = "usage";

struct args {
    struct state state;
    const char *from, *to, *tenant;
    bool by_key, csv, json;
};

/* Rows come by day, tenant, model, key; those that differ only in the key become one. */
struct sum {
    const struct args *a;
    struct gate_usage now;
    char model[512];
    bool any, printed;
};

static void print_csv_text(const char *s) {
    putchar('"');
    for (; *s; s++) {
        if (*s == '"') putchar('"');
        putchar(*s);
    }
    putchar('"');
}

static void print_csv(const struct sum *s, const char *day) {
    const struct gate_usage *u = &s->now;
    if (!s->printed)
        printf("day,tenant,%smodel,requests,prompt_tokens,cached_tokens,answer_tokens,energy_j\n",
               s->a->by_key ? "key," : "");
    printf("%s,", day);
    print_csv_text(u->tenant_name);
    putchar(',');
    if (s->a->by_key) {
        print_csv_text(u->key_name);
        putchar(',');
    }
    print_csv_text(u->model);
    printf(",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.3f\n", u->requests, u->prompt_tokens, u->cached_tokens,
           u->answer_tokens, u->energy_j);
}

static void print_json(const struct sum *s, const char *day) {
    const struct gate_usage *u = &s->now; /* names hold nothing that JSON escapes: gate_name_ok, config_check */
    printf("%s\n  {\"day\":\"%s\",\"tenant\":\"%s\",", s->printed ? "," : "", day, u->tenant_name);
    if (s->a->by_key) printf("\"key\":\"%s\",", u->key_name);
    printf("\"model\":\"%s\",\"requests\":%" PRIu64 ",\"prompt_tokens\":%" PRIu64 ",\"cached_tokens\":%" PRIu64
           ",\"answer_tokens\":%" PRIu64 ",\"energy_j\":%.3f}",
           u->model, u->requests, u->prompt_tokens, u->cached_tokens, u->answer_tokens, u->energy_j);
}

static void print_table(const struct sum *s, const char *day) {
    const struct gate_usage *u = &s->now;
    if (!s->printed)
        printf("%-10s  %9s  %12s  %12s  %12s  %12s  %s\n", "day", "requests", "prompt", "(cached)", "answer", "joules",
               s->a->by_key ? "tenant/key, model" : "tenant, model");
    printf("%-10s  %9" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "  ", day, u->requests, u->prompt_tokens,
           u->cached_tokens, u->answer_tokens);
    if (u->energy_j > 0) printf("%12.1f", u->energy_j);
    else printf("%12s", "-");
    printf("  %s%s%s, %s\n", u->tenant_name, s->a->by_key ? "/" : "", s->a->by_key ? u->key_name : "", u->model);
}

static void print_sum(struct sum *s) {
    char day[STATE_DATE];
    if (!s->any) return;
    state_date(s->now.day, day);
    if (s->a->csv) print_csv(s, day);
    else if (s->a->json) print_json(s, day);
    else print_table(s, day);
    s->printed = true;
}

static bool same(const struct sum *s, const struct gate_usage *u) {
    return s->any && !s->a->by_key && u->day == s->now.day && u->tenant == s->now.tenant &&
           strcmp(u->model, s->now.model) == 0;
}

static sil_err each(void *arg, const struct gate_usage *u) {
    struct sum *s = arg;
    if (s->a->tenant && strcmp(s->a->tenant, u->tenant_name) != 0) return SIL_OK;
    if (same(s, u)) {
        s->now.requests += u->requests;
        s->now.prompt_tokens += u->prompt_tokens;
        s->now.cached_tokens += u->cached_tokens;
        s->now.answer_tokens += u->answer_tokens;
        s->now.energy_j += u->energy_j;
        return SIL_OK;
    }
    print_sum(s);
    s->now = *u;
    snprintf(s->model, sizeof s->model, "%s", u->model);
    s->now.model = s->model;
    s->any = true;
    return SIL_OK;
}

static sil_err report(struct args *a, int64_t from, int64_t to, struct sil_error *e) {
    struct sum s = {.a = a};
    uint64_t id;
    SIL_TRY(state_open(&a->state, false, e));
    if (a->tenant && strcmp(a->tenant, "local") != 0) SIL_TRY(gate_db_tenant_find(a->state.db, a->tenant, &id, e));
    if (a->json) printf("[");
    SIL_TRY(gate_db_usage(a->state.db, from, to, each, &s, e));
    print_sum(&s);
    if (a->json) printf("%s]\n", s.printed ? "\n" : "");
    else if (!s.printed) fprintf(stderr, "sillok usage: nothing was used\n");
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
    if (a.from && !state_parse_date(a.from, &from)) return cmd_usage(NAME, "--from needs a date as 2026-11-22");
    if (a.to && !state_parse_date(a.to, &to)) return cmd_usage(NAME, "--to needs a date as 2026-11-22");
    sil_err err = report(&a, from, to, &e);
    state_close(&a.state);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}
