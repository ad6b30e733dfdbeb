/* var_json: declarations and values for forms. */
#include "plan/var_json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan/design_edit.h"

/* What a form shows first. `pools[0]` is the first element; `services[*]` stands for each element of the design. A
 * slider's ends and step are in the declared unit; 0 and 0: no number. */
struct main_var {
    const char *group, *path;
    double from, to, step;
};
static const struct main_var main_vars[] = {
    {"site", "site.contract", 50, 500, 5},
    {"site", "weather.normals", 0, 0, 0},
    {"site", "tariff.class", 0, 0, 0},
    {"site", "build.grid_lead", 0, 120, 3},
    {"gpu", "pools[0].hardware", 0, 0, 0},
    {"gpu", "pools[0].gpus", 0, 200000, 1000},
    {"gpu", "fleet.roof.production", 30, 100, 1},
    {"gpu", "services[*].gpu_share", 0, 100, 1},
    {"cooling", "cooling.rejection", 0, 0, 0},
    {"cooling", "cooling.liquid_share", 0, 100, 5},
    {"cooling", "cooling.liquid.supply", 15, 50, 1},
    {"cooling", "cooling.air.supply", 18, 32, 1},
    {"energy", "pv.capacity", 0, 500, 10},
    {"energy", "wind.capacity", 0, 500, 10},
    {"energy", "battery.power", 0, 200, 5},
    {"energy", "battery.energy", 0, 1000, 10},
    {"money", "finance.fx", 1000, 2000, 10},
    {"money", "revenue.realised", 10, 100, 1},
    {"money", "revenue.price_drift", -40, 10, 1},
    {"money", "opex.tariff_escalation", -5, 15, 0.5},
    {"money", "finance.discount", 0, 20, 0.5},
};
static const struct {
    const char *id;
    const char *en, *ko;
} groups[] = {
    {"site", "Site and power", "부지·전력"},
    {"gpu", "GPUs and services", "GPU·서비스"},
    {"cooling", "Cooling", "냉각"},
    {"energy", "Solar, wind, storage", "태양광·풍력·저장"},
    {"money", "Money", "재무"},
};

static json_t *number_json(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}

static const char *kind_name(enum plan_kind k) {
    static const char *const names[] = {
        [PLAN_NUM] = "number", [PLAN_INT] = "whole", [PLAN_BOOL] = "switch", [PLAN_CHOICE] = "choice",
        [PLAN_TEXT] = "text",  [PLAN_PATH] = "file", [PLAN_MONTH] = "month", [PLAN_NUMS] = "numbers"};
    return names[k];
}

static json_t *choices_json(const char *choices) {
    json_t *list = json_array();
    struct str word;
    for (int i = 0; (word = plan_choice_name(choices, i)).n > 0; i++) {
        json_array_append_new(list, json_stringn(word.p, word.n));
    }
    return list;
}

static json_t *default_json(const struct plan_var *v) {
    if (v->kind == PLAN_BOOL) return json_boolean(v->def > 0);
    if (v->kind == PLAN_NUM || v->kind == PLAN_INT) return number_json(v->def);
    if (v->kind == PLAN_TEXT) return json_string(v->text_def ? v->text_def : "");
    if (v->kind != PLAN_CHOICE) return json_null();
    struct str first = v->text_def ? str_of(v->text_def) : plan_choice_name(v->choices, 0);
    return json_stringn(first.p, first.n);
}

static json_t *var_json(const struct plan_group *g, const struct plan_list *l, const struct plan_var *v) {
    char path[PLAN_PATH_MAX];
    snprintf(path, sizeof path, "%s%s%s", l ? l->path : "", l ? "[]." : "", v->path);
    json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "path", path, "group", g->name, "en", v->help_en, "ko",
                            v->help_ko, "kind", kind_name(v->kind), "default", default_json(v));
    if (v->unit) json_object_set_new(one, "unit", json_string(v->unit));
    if (v->source) json_object_set_new(one, "source", json_string(v->source));
    if (v->choices) json_object_set_new(one, "choices", choices_json(v->choices));
    bool number = v->kind == PLAN_NUM || v->kind == PLAN_INT || v->kind == PLAN_NUMS;
    if (number && (v->lo != 0 || v->hi != 0)) {
        json_object_set_new(one, "least", json_real(v->lo));
        json_object_set_new(one, "most", json_real(v->hi));
    }
    return one;
}

static void add_vars(json_t *list, const struct plan_group *g, const struct plan_list *l, const struct plan_var *vars,
                     size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!vars[i].constant && vars[i].kind != PLAN_PATH) json_array_append_new(list, var_json(g, l, &vars[i]));
}

/* The declared path of a main variable: "pools[0].gpus" is "pools[].gpus". */
static void declared_path(const char *path, char *out, size_t cap) {
    const char *open = strchr(path, '['), *close = strchr(path, ']');
    if (open && close) snprintf(out, cap, "%.*s[%s", (int)(open - path), path, close);
    else snprintf(out, cap, "%s", path);
}

static json_t *main_json(const struct main_var *m) {
    char path[PLAN_PATH_MAX];
    const struct plan_list *list;
    declared_path(m->path, path, sizeof path);
    const struct plan_var *v = plan_var_find(path, &list);
    assert(v && (m->from == m->to || (m->from >= v->lo && m->to <= v->hi)));
    json_t *one = json_pack("{s:s, s:s, s:s}", "path", m->path, "variable", path, "group", m->group);
    if (m->from == m->to) return one;
    json_object_set_new(one, "from", json_real(m->from));
    json_object_set_new(one, "to", json_real(m->to));
    json_object_set_new(one, "step", json_real(m->step));
    return one;
}

json_t *plan_vars_json(void) {
    json_t *all = json_array(), *chosen = json_array(), *heads = json_array();
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        add_vars(all, g, NULL, g->vars, g->n_vars);
        for (size_t i = 0; i < g->n_lists; i++) add_vars(all, g, &g->lists[i], g->lists[i].vars, g->lists[i].n_vars);
    }
    for (size_t i = 0; i < PLAN_COUNT(main_vars); i++) json_array_append_new(chosen, main_json(&main_vars[i]));
    for (size_t i = 0; i < PLAN_COUNT(groups); i++)
        json_array_append_new(heads,
                              json_pack("{s:s, s:s, s:s}", "id", groups[i].id, "en", groups[i].en, "ko", groups[i].ko));
    return json_pack("{s:o, s:o, s:o}", "groups", heads, "main", chosen, "variables", all);
}

/* ---- values of a design ---- */

static json_t *value_json(const struct plan_item *it) {
    char text[PLAN_TEXT_MAX];
    const struct plan_var *v = it->var;
    const void *field = (const char *)it->base + v->offset;
    if (v->kind == PLAN_NUM) { /* 55 %, kept as 0.55, is not 55.00000000000001 */
        snprintf(text, sizeof text, "%.12g", plan_shown(v, *(const double *)field));
        return number_json(strtod(text, NULL));
    }
    if (v->kind == PLAN_INT) return json_integer(*(const int64_t *)field);
    if (v->kind == PLAN_BOOL) return json_boolean(*(const bool *)field);
    plan_value_text(v, it->base, text, sizeof text);
    return json_string(text);
}

static bool is_main(const struct plan_item *it) {
    char path[PLAN_PATH_MAX];
    snprintf(path, sizeof path, "%s%s%s", it->list ? it->list->path : "", it->list ? "[]." : "", it->var->path);
    for (size_t i = 0; i < PLAN_COUNT(main_vars); i++) {
        char declared[PLAN_PATH_MAX];
        declared_path(main_vars[i].path, declared, sizeof declared);
        if (strcmp(declared, path) == 0) return true;
    }
    return false;
}

json_t *plan_values_json(const struct plan_design *d) {
    json_t *values = json_object();
    struct plan_item it = {0};
    char path[PLAN_PATH_MAX];
    while (values && plan_item_next(d, &it)) {
        if (it.var->constant || it.var->offset == PLAN_NO_FIELD || (!it.line && !is_main(&it))) continue;
        plan_item_path(&it, path, sizeof path);
        json_object_set_new(values, path, value_json(&it));
    }
    return values;
}
