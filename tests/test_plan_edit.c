/* Designs changed by path: the text around a value stays as it was, what runs is what the text says; and what forms
 * are told of the variables is what is declared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "plan/design_edit.h"
#include "plan/outcome.h"
#include "plan/var_json.h"
#include "support.h"

enum { TEXT_MAX = 1 << 16 };

static struct sil_error err;

/* The changed text, or the error's; in a static buffer. */
static const char *edit(const char *yaml, const char *path, const char *value) {
    static char text[TEXT_MAX];
    struct buf out;
    buf_init(&out, mem_libc(), TEXT_MAX - 1);
    err = (struct sil_error){0};
    sil_err rc = plan_design_edit(str_of(yaml), "x.yaml", path, str_of(value), &out, &err);
    assert_int_equal(rc, err.code);
    snprintf(text, sizeof text, "%s", rc == SIL_OK ? buf_view(&out).p : err.text);
    buf_free(&out);
    return text;
}

static void values_are_replaced_where_they_stand(void **state) {
    (void)state;
    assert_string_equal(edit("site:\n  contract: 250 MW # as told\n  name: A\n", "site.contract", "300 MW"),
                        "site:\n  contract: 300 MW # as told\n  name: A\n");
    assert_string_equal(edit("site.contract: 250 MW\n", "site.contract", "1 MW"), "site.contract: 1 MW\n");
    assert_string_equal(edit("{site: {contract: 250 MW, name: A}}", "site.contract", "1 MW"),
                        "{site: {contract: 1 MW, name: A}}");
    assert_string_equal(edit("site:\r\n  contract: \"250 MW\"\r\n", "site.contract", "1 MW"),
                        "site:\r\n  contract: 1 MW\r\n");
    assert_string_equal(
        edit("\xef\xbb\xbfsite:\n  name: 새만금 전산센터\n  contract: 250 MW\n", "site.contract", "1 MW"),
        "\xef\xbb\xbfsite:\n  name: 새만금 전산센터\n  contract: 1 MW\n");
    assert_string_equal(edit("site:\n  name: '가나다'\n  place:\n", "site.place", "x"),
                        "site:\n  name: '가나다'\n  place: x\n");
    assert_string_equal(edit("cooling: {liquid.supply: 30 degC}\n", "cooling.liquid.supply", "25 degC"),
                        "cooling: {liquid.supply: 25 degC}\n");
    assert_string_equal(edit("services:\n  - {name: a, gpu_share: 3 %}\n  - {gpu_share: 4 %, name: 둘}\n",
                             "services[둘].gpu_share", "5 %"),
                        "services:\n  - {name: a, gpu_share: 3 %}\n  - {gpu_share: 5 %, name: 둘}\n");
    assert_string_equal(edit("services: [{name: a, gpu_share: 3 %}]", "services[0].gpu_share", "5 %"),
                        "services: [{name: a, gpu_share: 5 %}]");
}

static void values_are_added(void **state) {
    (void)state;
    assert_string_equal(edit("site:\n  name: A", "pv.capacity", "5 MW"), "site:\n  name: A\npv.capacity: 5 MW\n");
    assert_string_equal(edit("site:\n  name: A\n# end\n", "pv.capacity", "5 MW"),
                        "site:\n  name: A\n# end\npv.capacity: 5 MW\n");
    assert_string_equal(edit("  site: {name: A}\n", "pv.capacity", "5 MW"), "  site: {name: A}\n  pv.capacity: 5 MW\n");
    assert_string_equal(edit("site: {name: A}\n...\n", "pv.capacity", "5 MW"),
                        "site: {name: A}\npv.capacity: 5 MW\n...\n");
    assert_string_equal(edit("{site: {name: A}}", "pv.capacity", "5 MW"), "{pv.capacity: 5 MW, site: {name: A}}");
    assert_string_equal(edit("pools:\n  - name: a # 1\n    price: 3 USD\n  - name: b\n", "pools[a].gpus", "8 GPUs"),
                        "pools:\n  - name: a # 1\n    gpus: 8 GPUs\n    price: 3 USD\n  - name: b\n");
    assert_string_equal(edit("pools:\n- hardware: {}\n  name: a\n", "pools[a].gpus", "8 GPUs"),
                        "pools:\n- gpus: 8 GPUs\n  hardware: {}\n  name: a\n");
    assert_string_equal(edit("pools: [{name: a}]", "pools[a].gpus", "8 GPUs"), "pools: [{gpus: 8 GPUs, name: a}]");
}

static void texts_are_quoted_where_they_must_be(void **state) {
    (void)state;
    assert_string_equal(edit("site: {name: A}", "site.name", "a: [b] \"c\" \\ #d"),
                        "site: {name: \"a: [b] \\\"c\\\" \\\\ #d\"}");
    assert_string_equal(edit("site: {name: A}", "site.name", ""), "site: {name: \"\"}");
    assert_string_equal(edit("site: {name: A}", "site.name", "- x"), "site: {name: \"- x\"}");
    assert_string_equal(edit("site: {name: A}", "site.name", " x"), "site: {name: \" x\"}");
    assert_string_equal(edit("site: {name: A}", "site.name", "*x"), "site: {name: \"*x\"}");
    assert_string_equal(edit("revenue: {price_drift: 1 %/year}", "revenue.price_drift", "-3 %/year"),
                        "revenue: {price_drift: -3 %/year}");
    edit("site: {name: A}", "site.name", "a\nweather: {source: epw}");
    assert_int_equal(err.code, SIL_ARG);
}

/* What has no place, or would change more than was asked for. */
static void the_rest_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *path, *says;
    } cases[] = {
        {"site: {name: A}", "site.nam", "no variable site.nam"},
        {"site: {name: A}", "pools[a].x", "no variable"},
        {"site: {name: A}", "", "no variable"},
        {"site: {name: A}", "weather.solar_constant", "is a constant"},
        {"site: {name: A}", "weather.temperature", "list of numbers"},
        {"site: {name: A}", "pools[a].gpus", "x.yaml: the design has no pools[a]"},
        {"pools: [{name: a}]", "pools[1].gpus", "has no pools[1]"},
        {"pools: {name: a}", "pools[a].gpus", "has no pools[a]"},
        {"a: &x 1\nsite: {contract: *x}", "site.contract", "x.yaml:2:8: site.contract cannot be changed here: its"},
        {"a: &x {contract: 1}\nsite: *x", "site.contract", "its value is an alias"},
        {"a: &x {name: a}\npools: [*x]", "pools[a].gpus", "the element is an alias"},
        {"site:\n  name: |\n    A\n", "site.name", "written as a block"},
        {"site: {name: [A]}", "site.name", "not one value"},
        {"- a", "site.name", "mapping of keys"},
        {"!!map {site: {name: A}}", "pv.capacity", "anchor or tag"},
        {"site: [", "site.name", "x.yaml:2:1: not YAML"},
        {"", "site.name", "empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = edit(cases[i].yaml, cases[i].path, "1");
        if (err.code == SIL_OK || !strstr(got, cases[i].says)) fail_msg("case %zu: \"%s\"", i, got);
    }
    struct buf out;
    buf_init(&out, mem_libc(), TEXT_MAX);
    sil_err rc =
        plan_design_edit((struct str){"\"site\\0x\": {name: 1}", 20}, "x.yaml", "site.name", STR("A"), &out, &err);
    assert_int_equal(rc, SIL_OK);
    assert_string_equal(out.p, "\"site\\0x\": {name: 1}\nsite.name: A\n");
    buf_free(&out);
    buf_init(&out, mem_libc(), 8);
    assert_int_equal(plan_design_edit(STR("site: {name: A}"), "x.yaml", "site.name", STR("B"), &out, &err), SIL_LIMIT);
    buf_free(&out);
}

static void numbers_read_back_as_they_were(void **state) {
    (void)state;
    const struct plan_list *list;
    const struct plan_var *v = plan_var_find("site.contract", &list),
                          *share = plan_var_find("services[x].gpu_share", &list);
    char text[64];
    assert_non_null(v);
    assert_true(share && list && strcmp(list->path, "services") == 0);
    assert_null(plan_var_find("services.gpu_share", &list));
    plan_number_text(v, 250, text, sizeof text);
    assert_string_equal(text, "250 MW");
    plan_number_text(share, 0.1 + 0.2, text, sizeof text);
    assert_string_equal(text, "0.30000000000000004 %");
    plan_number_text(plan_var_find("cooling.carnot", &list), 0.5, text, sizeof text);
    assert_string_equal(text, "0.5");
}

/* Every variable is there once, with what its declaration says; sliders lie inside what is allowed. */
static void forms_are_told_what_is_declared(void **state) {
    (void)state;
    json_t *all = plan_vars_json(), *one;
    assert_non_null(all);
    size_t i, n = 0, main_ones = 0;
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        for (size_t k = 0; k < g->n_vars; k++) n += !g->vars[k].constant && g->vars[k].kind != PLAN_PATH;
        for (size_t l = 0; l < g->n_lists; l++)
            for (size_t k = 0; k < g->lists[l].n_vars; k++) n += g->lists[l].vars[k].kind != PLAN_PATH;
    }
    assert_int_equal(json_array_size(json_object_get(all, "variables")), n);
    json_array_foreach(json_object_get(all, "variables"), i, one) {
        const struct plan_list *list;
        const struct plan_var *v = plan_var_find(json_string_value(json_object_get(one, "path")), &list);
        assert_non_null(v);
        assert_string_equal(json_string_value(json_object_get(one, "ko")), v->help_ko);
        if (v->kind == PLAN_NUM && !isnan(v->def))
            assert_true(json_number_value(json_object_get(one, "default")) == v->def);
        if (v->kind == PLAN_NUM && v->hi != 0) assert_true(json_number_value(json_object_get(one, "most")) == v->hi);
    }
    json_array_foreach(json_object_get(all, "main"), i, one) {
        const struct plan_list *list;
        const struct plan_var *v = plan_var_find(json_string_value(json_object_get(one, "variable")), &list);
        assert_non_null(v);
        assert_true(v->kind == PLAN_CHOICE || json_number_value(json_object_get(one, "step")) > 0);
        main_ones++;
    }
    assert_true(main_ones > 11);
    json_decref(all);
}

static void values_are_those_of_the_design(void **state) {
    (void)state;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    assert_non_null(d);
    if (plan_design_read("examples/korea-250mw.yaml", mem_libc(), d, &e) != SIL_OK) fail_msg("%s", e.text);
    json_t *v = plan_values_json(d);
    assert_true(json_number_value(json_object_get(v, "site.contract")) == 250);
    assert_true(json_number_value(json_object_get(v, "revenue.realised")) == 55);
    assert_true(json_number_value(json_object_get(v, "services[chat].gpu_share")) == 30);
    assert_true(json_number_value(json_object_get(v, "build.phases[first hall].contract")) == 80);
    assert_string_equal(json_string_value(json_object_get(v, "pools[halls].hardware")), "dgx-b300");
    assert_string_equal(json_string_value(json_object_get(v, "build.decision")), "2026-07");
    assert_null(json_object_get(v, "fleet.headroom"));
    json_decref(v);
    free(d);
}

/* ---- stopping, memory ---- */

struct after {
    int left;
};

static bool after_some(void *ctx) {
    struct after *a = ctx;
    return a->left-- <= 0;
}

static void a_run_stops_when_it_is_asked_to(void **state) {
    (void)state;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    assert_non_null(d);
    assert_int_equal(plan_design_read("examples/small-1mw.yaml", mem_libc(), d, &e), SIL_OK);
    for (int tornado = 0; tornado < 2; tornado++) {
        int stopped = 0, before = -1;
        for (int n = 0; before != stopped; n = n * 2 + 1) { /* until one run comes to its end */
            struct test_mem mem = {0};
            struct after a = {n};
            const struct plan_stop stop = {after_some, &a};
            struct outcome_options opt = {.tornado = tornado, .stop = &stop};
            struct plan_outcome *o = NULL;
            before = stopped;
            sil_err rc = plan_outcome_run(d, &opt, test_mem(&mem), &o, &e);
            stopped += rc == SIL_CANCELLED;
            assert_true(rc == SIL_CANCELLED ? !o : rc == SIL_OK && a.left > 0);
            plan_outcome_free(o);
            assert_int_equal(mem.live, 0);
        }
        assert_true(stopped > 3);
    }
    free(d);
}

static void bounded_memory_counts(void **state) {
    (void)state;
    struct test_mem under = {0};
    struct mem_bound b = {.under = test_mem(&under), .max = 1000};
    struct mem m = mem_bounded(&b);
    void *p = mem_alloc(m, 400), *q = mem_alloc(m, 400);
    assert_true(p && q && !b.full);
    assert_null(mem_alloc(m, 400));
    assert_true(b.full);
    assert_null(m.resize(m.ctx, p, 900));
    p = m.resize(m.ctx, p, 500);
    assert_non_null(p);
    memset(p, 1, 500);
    assert_null(mem_alloc(m, SIZE_MAX));
    assert_null(mem_alloc(m, SIZE_MAX - 8));
    mem_free(m, p);
    mem_free(m, q);
    assert_int_equal(b.used, 0);
    assert_int_equal(under.live, 0);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_replaced_where_they_stand),
        cmocka_unit_test(values_are_added),
        cmocka_unit_test(texts_are_quoted_where_they_must_be),
        cmocka_unit_test(the_rest_is_refused),
        cmocka_unit_test(numbers_read_back_as_they_were),
        cmocka_unit_test(forms_are_told_what_is_declared),
        cmocka_unit_test(values_are_those_of_the_design),
        cmocka_unit_test(a_run_stops_when_it_is_asked_to),
        cmocka_unit_test(bounded_memory_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
