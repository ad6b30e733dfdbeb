/* planner_read: the body of a request to plan, as a design that may run here. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "plan/design_edit.h"
#include "serve/openai_impl.h"
#include "serve/planner.h"

#define DESIGN_NAME "design.yaml" /* what errors and reports call it */

/* ---- faults ---- */

const char *planner_blame(const struct planner_ask *a, const char *text) {
    const char *path;
    json_t *value;
    json_object_foreach(a->set, path, value) if (strstr(text, path)) return path;
    json_object_foreach(a->set, path, value) { /* inside a list the reader says its own name alone */
        const char *dot = strstr(path, "]."), *at = dot ? strstr(text, dot + 2) : NULL;
        if (at && (at == text || at[-1] == ' ')) return path;
    }
    return "design";
}

static bool bad_design(struct fault *f, const struct planner_ask *a, const struct sil_error *e) {
    if (e->code == SIL_NOMEM) return openai_no_memory(f);
    if (e->code == SIL_LIMIT)
        return fault_set(f, 413, "too_large", "design", "a design has at most %d bytes here", PLANNER_DESIGN_MAX);
    return fault_set(f, 400, "invalid_design", planner_blame(a, e->text), "%s", e->text);
}

/* ---- changes ---- */

static bool set_text(const char *path, const json_t *value, char text[PLAN_TEXT_MAX + 64], struct fault *f) {
    const struct plan_list *list;
    const struct plan_var *v = plan_var_find(path, &list);
    if (!v)
        return fault_set(f, 400, "unknown_variable", path, "there is no variable %.100s; see /plan/variables", path);
    if (json_is_string(value) && json_string_length(value) < PLAN_TEXT_MAX &&
        strlen(json_string_value(value)) == json_string_length(value))
        snprintf(text, PLAN_TEXT_MAX, "%s", json_string_value(value));
    else if (json_is_boolean(value)) snprintf(text, PLAN_TEXT_MAX, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_number(value)) plan_number_text(v, json_number_value(value), text, PLAN_TEXT_MAX);
    else
        return fault_set(f, 400, "invalid_type", path,
                         "%.100s must be a number, a word of at most %d bytes, or a switch", path, PLAN_TEXT_MAX - 1);
    return true;
}

/* One change after another: each makes a text anew, of at most PLANNER_DESIGN_MAX bytes. */
static bool change_all(struct mem mem, struct planner_ask *a, struct fault *f) {
    const char *path;
    json_t *value;
    struct sil_error e = {0};
    if (json_object_size(a->set) > PLANNER_SETS_MAX)
        return fault_set(f, 400, "invalid_value", "set", "set has at most %d variables", PLANNER_SETS_MAX);
    json_object_foreach(a->set, path, value) {
        char put[PLAN_TEXT_MAX + 64];
        struct buf changed;
        if (!set_text(path, value, put, f)) return false;
        buf_init(&changed, mem, PLANNER_DESIGN_MAX);
        sil_err rc = plan_design_edit(buf_view(&a->text), DESIGN_NAME, path, str_of(put), &changed, &e);
        if (rc != SIL_OK) {
            buf_free(&changed);
            return rc == SIL_ARG ? fault_set(f, 400, "invalid_value", path, "%s", e.text) : bad_design(f, a, &e);
        }
        buf_free(&a->text);
        a->text = changed;
    }
    return true;
}

/* Anchors and second documents can turn a change of the text into something else: the design must have the numbers. */
static bool check_changes(const struct planner_ask *a, struct fault *f) {
    const char *path;
    json_t *value;
    json_object_foreach(a->set, path, value) {
        struct plan_item it;
        double got = NAN, want = json_number_value(value);
        bool found = plan_design_find(&a->design, path, &it);
        if (!json_is_number(value)) continue;
        const void *field = found ? (const char *)it.base + it.var->offset : NULL;
        if (found && it.var->kind == PLAN_NUM) got = plan_shown(it.var, *(const double *)field);
        if (found && it.var->kind == PLAN_INT) got = (double)*(const int64_t *)field;
        if (fabs(got - want) <= 1e-9 * fabs(want)) continue;
        return fault_set(f, 400, "invalid_design", path, "%.100s cannot be changed in this design; write it there",
                         path);
    }
    return true;
}

/* ---- what runs here ---- */

/* A design names no files here, and its steps are not shorter than memory and time allow. */
static bool check_here(const struct plan_design *d, struct fault *f) {
    struct plan_item it = {0};
    char path[PLAN_PATH_MAX];
    while (plan_item_next(d, &it)) {
        if (it.var->kind != PLAN_PATH || ((const char *)it.base + it.var->offset)[0] == '\0') continue;
        plan_item_path(&it, path, sizeof path);
        return fault_set(f, 400, "invalid_design", path,
                         "%s:%u: %s names a file, and the server reads none; allowed: leave it out "
                         "(weather.source: synthetic)",
                         d->file, (unsigned)it.line, path);
    }
    if (d->c.weather.source != WEATHER_FROM_NORMALS)
        return fault_set(f, 400, "invalid_design", "weather.source",
                         "%s: weather.source needs a file; allowed: synthetic", d->file);
    bool shown = d->c.run.step_s < PLANNER_STEP_MIN * 60;
    if (shown || d->c.run.outline_s < PLANNER_STEP_MIN * 60)
        return fault_set(f, 400, "invalid_design", shown ? "run.step" : "run.outline_step",
                         "%s: %s is %.6g min; allowed on the server: %d to 60 min", d->file,
                         shown ? "run.step" : "run.outline_step", (shown ? d->c.run.step_s : d->c.run.outline_s) / 60,
                         PLANNER_STEP_MIN);
    return true;
}

/* libyaml looks at every open bracket for every token: 64 KiB of them would take it seconds. */
static bool check_brackets(struct str text, struct fault *f) {
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) n += text.p[i] == '[' || text.p[i] == '{';
    if (n <= PLANNER_BRACKETS_MAX) return true;
    return fault_set(f, 400, "invalid_design", "design", "a design has at most %d brackets [ and { here",
                     PLANNER_BRACKETS_MAX);
}

static bool read_design(struct mem mem, const json_t *body, struct planner_ask *a, struct fault *f) {
    struct str text = planner_base();
    struct sil_error e = {0};
    if (!openai_get_str(body, "design", &text, f)) return false;
    a->set = json_incref(json_object_get(body, "set"));
    if (a->set && !json_is_object(a->set)) return openai_wrong_type(f, "set", "an object", a->set);
    if (!check_brackets(text, f)) return false;
    sil_err rc = buf_str(&a->text, text);
    if (rc != SIL_OK) return bad_design(f, a, &(struct sil_error){.code = rc});
    if (!change_all(mem, a, f)) return false;
    if (plan_design_parse(buf_view(&a->text), DESIGN_NAME, &a->design, &e) != SIL_OK) return bad_design(f, a, &e);
    return check_changes(a, f) && check_here(&a->design, f);
}

static bool read_body(struct mem mem, const json_t *body, struct planner_ask *a, struct fault *f) {
    static const char *const known[] = {"design", "set", "lang"};
    struct str lang = STR("ko");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)body, key, value) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) is_known = is_known || strcmp(key, known[i]) == 0;
        if (!is_known)
            return fault_set(f, 400, "unknown_field", NULL, "unknown field \"%.60s\"; allowed: design, set, lang", key);
    }
    if (!openai_get_str(body, "lang", &lang, f)) return false;
    if (!str_eq(lang, STR("ko")) && !str_eq(lang, STR("en")))
        return fault_set(f, 400, "invalid_value", "lang", "lang is ko or en");
    a->lang = str_eq(lang, STR("ko")) ? PLAN_KO : PLAN_EN;
    return read_design(mem, body, a, f);
}

bool planner_read(struct mem mem, struct str body, struct planner_ask *a, struct fault *f) {
    json_t *j = NULL;
    a->set = NULL;
    buf_init(&a->text, mem, PLANNER_DESIGN_MAX);
    if (body.n == 0) body = STR("{}");
    if (body.n > PLANNER_BODY_MAX)
        return fault_set(f, 413, "too_large", NULL, "the body has at most %d bytes here", PLANNER_BODY_MAX);
    if (!openai_parse(body, &j, f)) return false;
    bool ok = read_body(mem, j, a, f);
    json_decref(j);
    return ok;
}

void planner_ask_free(struct planner_ask *a) {
    buf_free(&a->text);
    json_decref(a->set);
}
