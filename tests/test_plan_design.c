/* Design files: units, declarations, and messages with line and column that say what is allowed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "plan/design.h"

static double number(const char *text, const char *unit) {
    double v = NAN;
    struct sil_error e = {0};
    if (plan_parse_number(str_of(text), plan_unit_find(str_of(unit)), &v, &e) != SIL_OK)
        print_message("# %s\n", e.text);
    return v;
}

static void numbers_with_units(void **state) {
    (void)state;
    assert_true(number("250 MW", "W") == 250e6);
    assert_true(number("250MW", "W") == 250e6);
    assert_true(number("8,190 KRW/kW-month", "KRW/kW-month") == 8190);
    assert_true(number("7 %", "%") == 0.07);
    assert_true(number("0.07", "%") == 0.07);
    assert_true(number("-12.5 degC", "degC") == -12.5);
    assert_true(number("1e3 kWh", "J") == 3.6e9);
    assert_true(number("+1_000", "1") == 1000);
    assert_true(number(".5", "1") == 0.5);
    assert_true(number("10 KRW tn", "KRW") == 1e13);
    assert_true(isnan(number("250", "MW")) && isnan(number("250 kWh", "MW")) && isnan(number("abc", "1")));
    assert_true(isnan(number("1e999", "1")) && isnan(number("", "1")) && isnan(number("nan", "1")));
    assert_true(isnan(number("-", "1")) && isnan(number(".", "1")) && isnan(number("1 2", "1")));
}

/* Against strtod (in the C locale) over many digits and exponents. */
static void decimals_as_strtod(void **state) {
    (void)state;
    uint64_t seed = 12345;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int places = (int)(seed >> 60) % 9, exponent = (int)(seed >> 55) % 25 - 12;
        snprintf(text, sizeof text, "%.*fe%d", places, (double)(seed >> 40) / 1000.0, exponent);
        double want = strtod(text, NULL), got = number(text, "1");
        if (fabs(got - want) > 4e-16 * fabs(want)) fail_msg("%s: %.17g, not %.17g", text, got, want);
    }
}

static struct plan_design *design;
static struct sil_error err;

static const char *read_design(const char *yaml) {
    err = (struct sil_error){0};
    return plan_design_parse(str_of(yaml), "x.yaml", design, &err) == SIL_OK ? "" : err.text;
}

#define SITE "site:\n  name: A\n  contract: 250 MW\n"

#define FLEET                                                                                                          \
    "pools:\n  - {name: a, hardware: dgx-b200}\nservices:\n  - {name: talk, kind: chat, model: llama3.3-70b}\n"

static void starts(const char *got, const char *want) {
    if (strncmp(got, want, strlen(want)) != 0) fail_msg("got \"%s\", wanted \"%s...\"", got, want);
}

static void contains(const char *got, const char *want) {
    if (!strstr(got, want)) fail_msg("\"%s\" does not say \"%s\"", got, want);
}

static void bad_input_is_named(void **state) {
    (void)state;
    starts(read_design("site:\n  name: A\n  contrct: 250 MW\n"),
           "x.yaml:3:3: unknown key \"site.contrct\" (did you mean contract?)");
    starts(read_design("site:\n  name: A\n  contract: 250\n"),
           "x.yaml:3:13: site.contract: \"250\" needs a unit: W, kW, MW, GW");
    starts(read_design("site:\n  name: A\n  contract: 250 MWh\n"),
           "x.yaml:3:13: site.contract: wrong unit MWh; allowed: W, kW, MW, GW");
    starts(read_design("site:\n  name: A\n  contract: -3 MW\n"),
           "x.yaml:3:13: site.contract is -3 MW; allowed: 0.01 to 10000 MW");
    starts(read_design("site:\n  name: A\n"), "x.yaml:2: site.contract is missing");
    starts(read_design(""), "x.yaml:1:1: the file is empty");
    starts(read_design("- a\n"), "x.yaml:1:1: a design is a mapping");
    starts(read_design("site: [\n"), "x.yaml:2:1: not YAML");
    starts(read_design(SITE "site:\n  place: B\n"), "x.yaml:4:1: site was given before, in line 1");
    starts(read_design(SITE "site.contract: 3 MW\n"), "x.yaml:4:16: site.contract was given before, in line 3");
    starts(read_design("site: 3\n"), "x.yaml:1:7: site must be a mapping");
    starts(read_design("site:\n  name: [1]\n"), "x.yaml:2:9: site.name must be one value");
    starts(read_design(SITE "run:\n  step: 7 min\n"), "x.yaml:5: run.step must divide an hour");
    starts(read_design(SITE "build:\n  phases: 3\n"), "x.yaml:5:11: build.phases must be a list");
    contains(read_design(SITE "build:\n  phases:\n    - {name: 1, start: 2028Q5}\n"), "2028Q1");
    contains(read_design(SITE "build:\n  phases:\n    - {name: 1}\n"), "start is missing");
}

static void values_arrive(void **state) {
    (void)state;
    assert_string_equal(
        read_design(SITE "build:\n  decision: 2026Q3\n  score.grid_margin: 20\n  phases:\n"
                         "    - {name: one, start: 2029-04, gpus: 40 %}\n    - {name: two, start: 2030Q1}\n" FLEET),
        "");
    assert_true(design->c.site.contract_w == 250e6);
    assert_int_equal(design->c.build.decision, 2026 * 12 + 6);
    assert_int_equal(design->c.build.n_phases, 2);
    assert_int_equal(design->c.build.phases[0].start, 2029 * 12 + 3);
    assert_true(design->c.build.phases[0].gpu_share == 0.4 && design->c.build.phases[1].gpu_share == 1);
    assert_true(design->c.build.score[0] == 20);
    struct plan_item it;
    assert_true(plan_design_find(design, "build.phases[one].gpus", &it));
    assert_int_equal(it.line, 8);
    plan_item_set(design, &it, 0.25);
    assert_true(design->c.build.phases[0].gpu_share == 0.25);
    assert_false(plan_design_find(design, "build.phases[three].gpus", &it));
}

/* Every declaration is complete: a unit that exists, a default within its range, texts in both languages, a source. */
static void declarations_are_complete(void **state) {
    (void)state;
    struct plan_item it = {0};
    size_t n = 0, missing = 0;
    plan_design_defaults(design);
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        for (size_t i = 0; i < g->n_vars + g->n_lists; i++) {
            size_t n_vars = i == 0 ? g->n_vars : i <= g->n_lists ? g->lists[i - 1].n_vars : 0;
            const struct plan_var *vars = i == 0 ? g->vars : n_vars ? g->lists[i - 1].vars : NULL;
            for (size_t k = 0; k < n_vars; k++, n++) {
                const struct plan_var *v = &vars[k];
                if (!plan_unit_find(str_of(v->unit ? v->unit : ""))) fail_msg("%s: unit %s", v->path, v->unit);
                bool ranged = (v->kind == PLAN_NUM || v->kind == PLAN_INT) && (v->lo != 0 || v->hi != 0);
                if (ranged && !isnan(v->def) && (v->def < v->lo || v->def > v->hi))
                    fail_msg("%s: default %g outside %g..%g", v->path, v->def, v->lo, v->hi);
                if (v->low != 0 || v->high != 0)
                    if (!(v->low < v->high) || (ranged && (v->low < v->lo || v->high > v->hi)))
                        fail_msg("%s: spread %g..%g", v->path, v->low, v->high);
                bool number = i == 0 && (v->kind == PLAN_NUM || v->kind == PLAN_NUMS) && !isnan(v->def);
                if (!v->help_en || !v->help_ko || (!v->source && number)) {
                    print_message("# %s: help or source is missing\n", v->path);
                    missing++;
                }
                if (v->kind == PLAN_CHOICE && !v->choices) fail_msg("%s: no choices", v->path);
            }
        }
    }
    while (plan_item_next(design, &it)) n++;
    print_message("# %zu declarations\n", n);
    assert_int_equal(missing, 0);
}

/* Every cut and every damaged byte of a good file ends in a message or a design, never in anything else. */
static void damage_is_survived(void **state) {
    (void)state;
    static const char good[] = SITE "build:\n  phases:\n    - {name: one, start: 2029-04, gpus: 40 %}\n";
    char text[sizeof good];
    for (size_t i = 0; i < sizeof good - 1; i++) {
        static const char swaps[] = "\0\n:-[{&*!|>'\"%@ \xff";
        memcpy(text, good, sizeof good);
        text[i] = '\0';
        read_design(text);
        for (size_t k = 0; k < sizeof swaps - 1; k++) {
            memcpy(text, good, sizeof good);
            text[i] = swaps[k];
            (void)plan_design_parse((struct str){text, sizeof good - 1}, "x.yaml", design, &err);
        }
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    design = malloc(sizeof *design);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_with_units),        cmocka_unit_test(decimals_as_strtod),
        cmocka_unit_test(bad_input_is_named),        cmocka_unit_test(values_arrive),
        cmocka_unit_test(declarations_are_complete), cmocka_unit_test(damage_is_survived),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(design);
    return rc;
}
