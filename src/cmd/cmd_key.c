/* sillok key: tenants and their API keys, in the server's keys.db, also while it runs. */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd/cmd.h"
#include "cmd/state.h"
#include "serve/usage.h"

static const char NAME[] = "key";
static const uint64_t UNSET = UINT64_MAX;

struct args {
    struct state state;
    const char *verb, *who;
    const char *name, *transcript, *models;
    uint64_t requests, tokens, day, concurrent, weight, days;
    bool suspend, resume, defaults, json, admin;
};

static int64_t now_s(void) {
    return clock_unix_s(clock_system());
}

/* ---- tenants ---- */

static sil_err read_models(const char *list, struct gate_tenant *t, struct sil_error *e) {
    if (snprintf(t->models, sizeof t->models, "%s", list) >= (int)sizeof t->models)
        return err_set(e, SIL_LIMIT, "--models is too long");
    for (char *p = t->models; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\')
            return err_set(e, SIL_ARG, "--models: names without quotes and control characters, joined by commas");
        if (*p == ',') *p = '\n';
    }
    t->own |= GATE_OWN_MODELS;
    return SIL_OK;
}

static void own(struct gate_tenant *t, unsigned flag, uint64_t given, uint64_t *to) {
    if (given == UNSET) return;
    *to = given;
    t->own |= flag;
}

/* What the options say about a tenant. *any: they say something. */
static sil_err tenant_of(const struct args *a, struct gate_tenant *t, unsigned *unset, struct sil_error *e) {
    uint64_t weight = 1, concurrent = 0;
    *t = (struct gate_tenant){.weight = 1};
    *unset = a->defaults ? GATE_OWN_REQUESTS | GATE_OWN_TOKENS | GATE_OWN_DAY | GATE_OWN_CONCURRENT |
                               GATE_OWN_TRANSCRIPT | GATE_OWN_MODELS
                         : 0;
    if (!gate_name_ok(a->who))
        return err_set(e, SIL_ARG, "\"%s\" is no name: 1 to %d bytes without quotes and control characters", a->who,
                       CALLER_NAME - 1);
    snprintf(t->name, sizeof t->name, "%s", a->who);
    own(t, GATE_OWN_REQUESTS, a->requests, &t->rates.requests_minute);
    own(t, GATE_OWN_TOKENS, a->tokens, &t->rates.tokens_minute);
    own(t, GATE_OWN_DAY, a->day, &t->rates.tokens_day);
    own(t, GATE_OWN_CONCURRENT, a->concurrent, &concurrent);
    own(t, GATE_OWN_WEIGHT, a->weight, &weight);
    t->rates.concurrent = (uint32_t)concurrent;
    t->weight = (uint32_t)weight;
    if (a->suspend || a->resume) t->own |= GATE_OWN_SUSPENDED;
    t->suspended = a->suspend;
    if (a->models) SIL_TRY(read_models(a->models, t, e));
    if (!a->transcript) return SIL_OK;
    static const char *const names[] = {"none", "ids", "text"};
    for (int i = 0; i < 3; i++)
        if (strcmp(a->transcript, names[i]) == 0) {
            t->transcript = (enum caller_transcript)i;
            t->own |= GATE_OWN_TRANSCRIPT;
            return SIL_OK;
        }
    return err_set(e, SIL_ARG, "--transcript is none, ids or text, not \"%s\"", a->transcript);
}

static sil_err set(struct args *a, struct sil_error *e) {
    struct gate_tenant t;
    unsigned unset;
    uint64_t id;
    SIL_TRY(tenant_of(a, &t, &unset, e));
    if (t.own == 0 && unset == 0) return err_set(e, SIL_ARG, "nothing to set; sillok key --help names the limits");
    SIL_TRY(gate_db_tenant_find(a->state.db, a->who, &id, e));
    return gate_db_tenant_put(a->state.db, &t, unset, now_s(), &id, e);
}

/* ---- keys ---- */

static void print_secret(const struct args *a, const struct gate_key *k, uint64_t id, const char *secret) {
    if (a->json)
        printf("{\"id\":%" PRIu64 ",\"tenant\":\"%s\",\"name\":\"%s\",\"key\":\"%s\",\"admin\":%s}\n", id, a->who,
               k->name, secret, k->admin ? "true" : "false");
    else {
        printf("%s\n", secret);
        fflush(stdout);
        fprintf(stderr, "sillok key: number %" PRIu64 ", \"%s\" of %s%s. It is shown this once; only a hash is kept.\n",
                id, k->name, a->who, k->admin ? ", an administrator's" : "");
    }
}

static sil_err add(struct args *a, struct sil_error *e) {
    struct gate_tenant t;
    struct gate_key k = {.created = now_s(), .admin = a->admin};
    char secret[GATE_SECRET];
    unsigned unset;
    if (a->name && !gate_name_ok(a->name))
        return err_set(e, SIL_ARG, "\"%s\" is no name: 1 to %d bytes without quotes and control characters", a->name,
                       CALLER_NAME - 1);
    SIL_TRY(tenant_of(a, &t, &unset, e));
    SIL_TRY(gate_db_tenant_put(a->state.db, &t, unset, k.created, &k.tenant, e));
    if (a->name) snprintf(k.name, sizeof k.name, "%s", a->name);
    if (a->days != UNSET) k.expires = k.created + (int64_t)a->days * 86400;
    sil_err err = gate_db_key_make(a->state.db, &k, secret, e);
    if (err == SIL_OK) print_secret(a, &k, k.id, secret);
    sodium_memzero(secret, sizeof secret);
    return err;
}

struct find {
    const char *who;
    uint64_t id;
};

/* "TENANT/NAME". */
static sil_err find_key(void *arg, const struct gate_key *k) {
    struct find *f = arg;
    size_t n = strlen(k->tenant_name);
    if (strncmp(f->who, k->tenant_name, n) == 0 && f->who[n] == '/' && strcmp(f->who + n + 1, k->name) == 0)
        f->id = k->id;
    return SIL_OK;
}

static sil_err revoke(struct args *a, struct sil_error *e) {
    struct find f = {.who = a->who};
    bool was, digits = true;
    for (const char *p = a->who; *p; p++) {
        digits = digits && *p >= '0' && *p <= '9' && p - a->who < 18;
        if (digits) f.id = f.id * 10 + (uint64_t)(*p - '0');
    }
    if (!digits) {
        f.id = 0;
        SIL_TRY(gate_db_keys(a->state.db, find_key, &f, e));
        if (!f.id)
            return err_set(e, SIL_ARG, "there is no key \"%s\"; give its number or TENANT/NAME (sillok key list)",
                           a->who);
    }
    SIL_TRY(gate_db_key_revoke(a->state.db, f.id, now_s(), &was, e));
    fprintf(stderr, "sillok key: number %" PRIu64 " %s\n", f.id, was ? "was revoked before" : "is revoked");
    return SIL_OK;
}

/* ---- lists ---- */

static const char *state_of(const struct gate_key *k, int64_t now) {
    return k->revoked ? "revoked" : k->expires && now >= k->expires ? "expired" : "active";
}

static void print_time(int64_t t) {
    char text[USAGE_DATE];
    usage_time(t, text);
    if (t) printf("\"%s\"", text);
    else printf("null");
}

static sil_err print_key(void *arg, const struct gate_key *k) {
    bool *json = arg; /* [0] wanted, [1] not the first */
    char created[USAGE_DATE], expires[USAGE_DATE] = "-";
    usage_time(k->created, created);
    if (k->expires) usage_time(k->expires, expires);
    if (json[0]) { /* names hold nothing that JSON escapes: gate_name_ok */
        printf("%s\n  {\"id\":%" PRIu64 ",\"tenant\":\"%s\",\"name\":\"%s\",\"state\":\"%s\",\"admin\":%s,\"created\":",
               json[1] ? "," : "", k->id, k->tenant_name, k->name, state_of(k, now_s()), k->admin ? "true" : "false");
        print_time(k->created);
        printf(",\"expires\":");
        print_time(k->expires);
        printf(",\"revoked\":");
        print_time(k->revoked);
        printf("}");
    } else
        printf("%6" PRIu64 "  %-8s  %-5s  %s  %-20s  %s/%s\n", k->id, state_of(k, now_s()), k->admin ? "admin" : "-",
               created, expires, k->tenant_name, k->name);
    json[1] = true;
    return SIL_OK;
}

static void print_limit(const struct gate_tenant *t, bool json, const char *name, unsigned flag, uint64_t v) {
    if (json) {
        if (t->own & flag) printf(",\"%s\":%" PRIu64, name, v);
        else printf(",\"%s\":null", name);
    } else if (!(t->own & flag)) printf("  %12s", "-");
    else printf("  %12" PRIu64, v);
}

static void print_models(const char *p) {
    printf(",\"models\":[");
    for (bool first = true; *p; first = false) {
        int n = (int)strcspn(p, "\n");
        printf("%s\"%.*s\"", first ? "" : ",", n, p);
        p += n + (p[n] == '\n');
    }
    printf("]");
}

static sil_err print_tenant(void *arg, const struct gate_tenant *t) {
    static const char *const transcripts[] = {"none", "ids", "text"};
    bool *json = arg;
    const char *transcript = t->own & GATE_OWN_TRANSCRIPT ? transcripts[t->transcript] : "-";
    if (json[0])
        printf("%s\n  {\"tenant\":\"%s\",\"keys\":%" PRIu64 ",\"weight\":%u,\"suspended\":%s,\"transcript\":\"%s\"",
               json[1] ? "," : "", t->name, t->n_keys, t->weight, t->suspended ? "true" : "false", transcript);
    else
        printf("%-9s  %5" PRIu64 "  %6u  %-10s", t->suspended ? "suspended" : "active", t->n_keys, t->weight,
               transcript);
    print_limit(t, json[0], "requests_per_minute", GATE_OWN_REQUESTS, t->rates.requests_minute);
    print_limit(t, json[0], "tokens_per_minute", GATE_OWN_TOKENS, t->rates.tokens_minute);
    print_limit(t, json[0], "tokens_per_day", GATE_OWN_DAY, t->rates.tokens_day);
    print_limit(t, json[0], "concurrent", GATE_OWN_CONCURRENT, t->rates.concurrent);
    if (json[0] && t->own & GATE_OWN_MODELS) print_models(t->models);
    if (json[0]) printf("}");
    else printf("  %s\n", t->name);
    json[1] = true;
    return SIL_OK;
}

static sil_err list(struct args *a, struct sil_error *e) {
    bool json[2] = {a->json, false}, tenants = strcmp(a->verb, "tenants") == 0;
    if (json[0]) printf("[");
    else if (tenants)
        printf("%-9s  %5s  %6s  %-10s  %12s  %12s  %12s  %12s  %s\n", "state", "keys", "weight", "transcript",
               "requests/min", "tokens/min", "tokens/day", "at once", "tenant (-: as the server's settings say)");
    else printf("%6s  %-8s  %-5s  %-20s  %-20s  %s\n", "number", "state", "kind", "created", "expires", "tenant/name");
    sil_err err =
        tenants ? gate_db_tenants(a->state.db, print_tenant, json, e) : gate_db_keys(a->state.db, print_key, json, e);
    if (json[0]) printf("%s]\n", json[1] ? "\n" : "");
    return err;
}

/* ---- the command ---- */

static const struct verb {
    const char *name;
    sil_err (*run)(struct args *a, struct sil_error *e);
    bool needs_who, makes;
} verbs[] = {
    {"add", add, true, true},  {"list", list, false, false},    {"revoke", revoke, true, false},
    {"set", set, true, false}, {"tenants", list, false, false},
};

static int run_verb(struct args *a, const struct verb *v) {
    struct sil_error e = {0};
    if (v->needs_who && !a->who)
        return cmd_usage(NAME, "%s needs %s", v->name,
                         v->run == revoke ? "a key: its number or TENANT/NAME" : "a tenant's name");
    if (!v->needs_who && a->who) return cmd_usage(NAME, "\"%s\" is one argument too many", a->who);
    sil_err err = state_open(&a->state, v->makes, &e);
    if (err == SIL_OK) err = v->run(a, &e);
    state_close(&a->state);
    return err == SIL_OK ? 0 : cmd_fail(NAME, &e);
}

int cmd_key(int argc, char **argv) {
    struct args a = {
        .requests = UNSET, .tokens = UNSET, .day = UNSET, .concurrent = UNSET, .weight = UNSET, .days = UNSET};
    const struct cmd_opt opts[] = {
        STATE_OPTIONS(&a.state),
        {"name", 0, CMD_TEXT, &a.name, "NAME", "add: what the key is called (default: key- and the time)", 0, 0},
        {"expires", 0, CMD_U64, &a.days, "DAYS", "add: the key ends after so many days", 1, 36500},
        {"admin", 0, CMD_FLAG, &a.admin, NULL, "add: an administrator's key: sees and manages everything", 0, 0},
        {"requests-minute", 0, CMD_U64, &a.requests, "N", "add, set: requests a minute of the tenant; 0: no limit", 0,
         1e15},
        {"tokens-minute", 0, CMD_U64, &a.tokens, "N", "add, set: tokens a minute, prompts and answers; 0: no limit", 0,
         1e15},
        {"tokens-day", 0, CMD_U64, &a.day, "N", "add, set: tokens a day (UTC); 0: no limit", 0, 1e15},
        {"concurrent", 0, CMD_U64, &a.concurrent, "N", "add, set: requests at once; 0: no limit", 0, 1 << 20},
        {"weight", 0, CMD_U64, &a.weight, "N", "add, set: share of the machine beside others, 1 to 1000", 1, 1000},
        {"transcript", 0, CMD_TEXT, &a.transcript, "WHAT", "add, set: kept beside the record: none, ids, text", 0, 0},
        {"models", 0, CMD_TEXT, &a.models, "A,B", "add, set: only these models", 0, 0},
        {"defaults", 0, CMD_FLAG, &a.defaults, NULL, "set: limits, transcript and models as the settings say", 0, 0},
        {"suspend", 0, CMD_FLAG, &a.suspend, NULL, "set: refuse all keys of the tenant", 0, 0},
        {"resume", 0, CMD_FLAG, &a.resume, NULL, "set: accept them again", 0, 0},
        {"json", 0, CMD_FLAG, &a.json, NULL, "add, list, tenants: as JSON", 0, 0},
    };
    const struct cmd_spec spec = {
        .name = NAME,
        .synopsis = "add TENANT | list | revoke KEY | set TENANT | tenants",
        .about = "API keys of the server and limits of their tenants. A running server follows within a second.\n"
                 "add makes the tenant where it is new, and prints the key, once. KEY: its number, or TENANT/NAME.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 2,
        .missing = "add, list, revoke, set or tenants",
    };
    const char *args[2] = {NULL, NULL}, *names[sizeof verbs / sizeof *verbs];
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, args, &n_args);
    if (rc != CMD_GO) return rc;
    a.verb = args[0];
    a.who = args[1];
    if (a.suspend && a.resume) return cmd_usage(NAME, "--suspend or --resume, not both");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, a.verb) == 0) return run_verb(&a, &verbs[i]);
        names[i] = verbs[i].name;
    }
    const char *near = cmd_nearest(a.verb, names, sizeof verbs / sizeof *verbs);
    if (near) return cmd_usage(NAME, "unknown \"%s\" (did you mean %s?)", a.verb, near);
    return cmd_usage(NAME, "unknown \"%s\": add, list, revoke, set or tenants", a.verb);
}
