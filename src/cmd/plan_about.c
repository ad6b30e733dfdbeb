/* plan_about: `sillok plan check`, `sources` and `help`: what the declarations and the check rows say. */
#include <math.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/plan_print.h"
#include "plan/check_list.h"

/* ---- check ---- */

struct tally {
    uint32_t passed, missed, explained, skipped;
};

static void check_row(const struct plan_check *c, const struct plan_check_ctx *ctx, struct tally *t) {
    struct plan_check_result r;
    plan_check_eval(c, ctx, &r);
    printf("%-18s %-56s ", c->source, c->what);
    if (r.status == PLAN_CHECK_SKIP) {
        printf("skipped: %s\n", r.error.text);
        t->skipped++;
        return;
    }
    static const char *const words[] = {
        [PLAN_CHECK_PASS] = "pass", [PLAN_CHECK_MISS] = "MISS", [PLAN_CHECK_EXPLAINED] = "miss, explained"};
    t->passed += r.status == PLAN_CHECK_PASS;
    t->missed += r.status == PLAN_CHECK_MISS;
    t->explained += r.status == PLAN_CHECK_EXPLAINED;
    if (isnan(r.got)) {
        printf("MISS   %s\n", r.error.text);
        return;
    }
    double error = c->expected != 0 ? 100 * (r.got - c->expected) / fabs(c->expected) : 0;
    printf("%14.10g %14.10g %+9.2g %%  %s %s\n", c->expected, r.got, error, words[r.status],
           c->unit && strcmp(c->unit, "1") != 0 ? c->unit : "");
    if (c->note) printf("%-18s   %s\n", "", c->note);
}

int plan_check(int argc, char **argv) {
    const char *shared = getenv("SILLOK_SHARED");
    const struct cmd_opt opts[] = {{.name = "data",
                                    .kind = CMD_TEXT,
                                    .out = &shared,
                                    .value = "DIR",
                                    .help = "folder of the data files that some rows need"}};
    const struct cmd_spec spec = {
        .name = "plan check",
        .synopsis = "[--data DIR]",
        .about = "Prints published numbers, what the models give, and the error. Exit code 1 when a\n"
                 "number is missed by more than its stated tolerance.",
        .opts = opts,
        .n_opts = 1};
    int n, rc = cmd_parse(&spec, argc, argv, NULL, &n);
    if (rc != CMD_GO) return rc;
    struct plan_check_ctx ctx = {.shared = shared ? shared : "../shared", .mem = mem_libc()};
    struct tally t = {0};
    printf("%-18s %-56s %14s %14s %10s\n", "source", "what", "expected", "got", "error");
    for (size_t i = 0; i < plan_n_check_lists; i++)
        for (size_t k = 0; k < *plan_check_lists[i].n; k++) check_row(&plan_check_lists[i].rows[k], &ctx, &t);
    printf("%u passed, %u missed, %u missed with an explanation, %u skipped\n", t.passed, t.missed, t.explained,
           t.skipped);
    return t.missed ? CMD_FAILED : 0;
}

/* ---- sources ---- */

static void print_source(const struct plan_item *it, const struct plan_design *d, bool ko) {
    char path[PLAN_PATH_MAX], value[512];
    const struct plan_var *v = it->var;
    plan_item_path(it, path, sizeof path);
    plan_value_text(v, it->base, value, sizeof value);
    cmd_print_safe(stdout, str_of(path), false);
    printf(" = ");
    cmd_print_safe(stdout, str_of(value[0] ? value : "-"), false);
    if (v->unit) printf(" %s", v->unit);
    if (v->kind == PLAN_CHOICE) printf("  [%s]", v->choices);
    else if (v->kind == PLAN_MONTH && v->hi > 0)
        printf("  [%d-%02d .. %d-%02d]", (int)v->lo / 12, (int)v->lo % 12 + 1, (int)v->hi / 12, (int)v->hi % 12 + 1);
    else if (v->lo != 0 || v->hi != 0) printf("  [%.6g .. %.6g]", v->lo, v->hi);
    if (v->constant) printf("  constant");
    else if (it->line) printf("  %s:%u", d->file, (unsigned)it->line);
    else printf("  default");
    printf(ko ? "\n    %s. 출처: %s\n" : "\n    %s. Source: %s\n", ko ? v->help_ko : v->help_en,
           v->source ? v->source : "the design");
}

int plan_sources(int argc, char **argv) {
    const char *lang = "en";
    const struct cmd_opt opts[] = {PLAN_LANG(lang)};
    const struct cmd_spec spec = {
        .name = "plan sources",
        .opts = opts,
        .n_opts = 1,
        .synopsis = "[FILE.yaml] [--lang ko]",
        .about = "Prints every variable and constant with its value, unit, allowed range and source: of a\n"
                 "design, or the defaults.",
        .max_args = 1};
    const char *args[1];
    int n, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (!plan_lang_ok(lang)) return cmd_usage("plan sources", "--lang is en or ko, not \"%s\"", lang);
    bool ko = strcmp(lang, "ko") == 0;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    if (!d) return CMD_FAILED;
    plan_design_defaults(d);
    if (n == 1 && plan_design_read(args[0], mem_libc(), d, &e) != SIL_OK) {
        free(d);
        return cmd_fail("plan sources", &e);
    }
    struct plan_item it = {0};
    const struct plan_module *last = NULL;
    while (plan_item_next(d, &it)) {
        if (it.module != last)
            printf("%s# %s\n", last ? "\n" : "", ko ? it.module->group->title_ko : it.module->group->title_en);
        last = it.module;
        print_source(&it, d, ko);
    }
    free(d);
    return 0;
}

/* ---- help ---- */

static void help_var(const struct plan_var *v, const char *prefix, bool ko) {
    printf("  %s%s", prefix, v->path);
    switch (v->kind) {
    case PLAN_CHOICE: {
        struct str first = v->text_def ? str_of(v->text_def) : plan_choice_name(v->choices, 0);
        printf(": %s, default %.*s", v->choices, STR_ARG(first));
        break;
    }
    case PLAN_BOOL: printf(": true|false, default %s", v->def > 0 ? "true" : "false"); break;
    case PLAN_TEXT: printf(": text"); break;
    case PLAN_PATH: printf(": path of a file"); break;
    case PLAN_MONTH: printf(": month, 2028-03 or 2028Q1"); break;
    case PLAN_NUMS: printf(": [%u numbers%s%s]", v->n, v->unit ? " in " : "", v->unit ? v->unit : ""); break;
    case PLAN_NUM:
    case PLAN_INT:
        printf(": number%s%s", v->unit ? " in " : "", v->unit ? v->unit : "");
        if (v->lo != 0 || v->hi != 0) printf(", %.6g to %.6g", v->lo, v->hi);
        if (!isnan(v->def)) printf(", default %.6g", v->def);
        break;
    }
    if (v->required_if)
        printf(" (required%s%s)", strcmp(v->required_if, "always") ? " if " : "",
               strcmp(v->required_if, "always") ? v->required_if : "");
    printf("\n      %s\n", ko ? v->help_ko : v->help_en);
}

static bool matches(const char *path, const char *word) {
    return !word || strstr(path, word);
}

static uint32_t help_group(const struct plan_group *g, const char *word, bool ko) {
    uint32_t n = 0;
    bool whole = word && strcmp(word, g->name) == 0;
    for (size_t i = 0; i < g->n_vars; i++)
        if (!g->vars[i].constant && (whole || matches(g->vars[i].path, word))) {
            if (n++ == 0) printf("%s\n", ko ? g->title_ko : g->title_en);
            help_var(&g->vars[i], "", ko);
        }
    for (size_t k = 0; k < g->n_lists; k++) {
        const struct plan_list *l = &g->lists[k];
        bool list = whole || matches(l->path, word);
        for (size_t i = 0; i < l->n_vars; i++)
            if (!l->vars[i].constant && (list || matches(l->vars[i].path, word))) {
                if (n++ == 0) printf("%s\n", ko ? g->title_ko : g->title_en);
                char prefix[64];
                snprintf(prefix, sizeof prefix, "%s[].", l->path);
                help_var(&l->vars[i], prefix, ko);
            }
    }
    return n;
}

int plan_help(int argc, char **argv) {
    const char *lang = "en";
    const struct cmd_opt opts[] = {PLAN_LANG(lang)};
    const struct cmd_spec spec = {
        .name = "plan help",
        .opts = opts,
        .n_opts = 1,
        .synopsis = "[WORD] [--lang ko]",
        .about = "Prints the keys of a design file whose path contains WORD; without WORD the groups.",
        .max_args = 1};
    const char *args[1];
    int n, rc = cmd_parse(&spec, argc, argv, args, &n);
    if (rc != CMD_GO) return rc;
    if (!plan_lang_ok(lang)) return cmd_usage("plan help", "--lang is en or ko, not \"%s\"", lang);
    bool ko = strcmp(lang, "ko") == 0;
    uint32_t found = 0;
    if (n == 0) {
        puts("Groups of a design file; sillok plan help WORD prints their keys.");
        for (size_t m = 0; m < plan_n_modules; m++) {
            const struct plan_group *g = plan_modules[m].group;
            printf("  %-12s%s", g->name, ko ? g->title_ko : g->title_en);
            for (size_t k = 0; k < g->n_lists; k++) printf("%s%s", k ? ", " : "; lists: ", g->lists[k].path);
            putchar('\n');
        }
        return 0;
    }
    for (size_t m = 0; m < plan_n_modules; m++) found += help_group(plan_modules[m].group, args[0], ko);
    if (found) return 0;
    return cmd_usage("plan help", "no key of a design file contains \"%s\"", args[0]);
}
