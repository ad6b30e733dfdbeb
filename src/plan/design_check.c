/* design_check: what a design must give, and the modules' own checks, with the line to blame. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "plan/design.h"
#include "plan/design_walk.h"

/* The line to name for a path that may be missing: its own, or the nearest line that is given in the same list element,
 * or in the same module; 1 at last. */
static uint32_t blame(const struct plan_design *d, const struct plan_item *at) {
    uint32_t element = 0, module = 0;
    struct plan_item it = {0};
    if (at->line) return at->line;
    while (plan_item_next(d, &it)) {
        if (!it.line || it.i_module != at->i_module) continue;
        if (!module || it.line < module) module = it.line;
        if (it.list == at->list && it.element == at->element && (!element || it.line < element)) element = it.line;
    }
    return element ? element : module ? module : 1;
}

/* Is the value of an item one of "a|b"? */
static bool is_one_of(const struct plan_item *it, struct str words) {
    char text[PLAN_TEXT_MAX];
    plan_value_text(it->var, it->base, text, sizeof text);
    for (size_t i = 0; i <= words.n;) {
        size_t n = 0;
        while (i + n < words.n && words.p[i + n] != '|') n++;
        if (str_eq((struct str){words.p + i, n}, str_of(text))) return true;
        i += n + 1;
    }
    return false;
}

/* Does "path=a|b" hold, seen from an item? */
static bool condition(const struct plan_design *d, const struct plan_item *at, const char *rule) {
    struct plan_item it = {0};
    const char *equals = strchr(rule, '=');
    if (!equals) return strcmp(rule, "always") == 0;
    struct str path = {rule, (size_t)(equals - rule)}, words = str_of(equals + 1);
    bool sibling = at->list && !memchr(path.p, '.', path.n);
    while (plan_item_next(d, &it)) {
        if (!str_eq(str_of(it.var->path), path)) continue;
        if (sibling ? it.list == at->list && it.element == at->element : !it.list) return is_one_of(&it, words);
    }
    return false;
}

static sil_err check_required(const struct plan_design *d, struct sil_error *e) {
    struct plan_item it = {0};
    while (plan_item_next(d, &it)) {
        const struct plan_var *v = it.var;
        if (!v->required_if || v->constant || it.line || !condition(d, &it, v->required_if)) continue;
        bool always = strcmp(v->required_if, "always") == 0;
        return err_set(e, SIL_FORMAT, "%s:%u: %s%s%s is missing%s%s%s: %s%s%s", d->file, (unsigned)blame(d, &it),
                       it.list ? it.list->path : "", it.list ? ": " : "", v->path, always ? "" : " (needed when ",
                       always ? "" : v->required_if, always ? "" : ")", v->help_en, v->unit ? ", in " : "",
                       v->unit ? v->unit : "");
    }
    return SIL_OK;
}

/* Ranges of values that did not come from a file. */
static sil_err check_ranges(const struct plan_design *d, struct sil_error *e) {
    struct plan_item it = {0};
    char path[PLAN_PATH_MAX];
    while (plan_item_next(d, &it)) {
        const struct plan_var *v = it.var;
        if (v->kind != PLAN_NUM || v->constant || (v->lo == 0 && v->hi == 0)) continue;
        double si, slack = 1e-12 * (fabs(v->lo) + fabs(v->hi));
        memcpy(&si, (const char *)it.base + v->offset, sizeof si);
        double shown = plan_shown(v, si);
        if (isnan(si) || (shown >= v->lo - slack && shown <= v->hi + slack)) continue;
        plan_item_path(&it, path, sizeof path);
        return err_set(e, SIL_FORMAT, "%s:%u: %s is %.6g %s; allowed: %.10g to %.10g", d->file, (unsigned)blame(d, &it),
                       path, shown, v->unit ? v->unit : "", v->lo, v->hi);
    }
    return SIL_OK;
}

/* The line of the variable that a module's check blames. */
static uint32_t blame_path(const struct plan_design *d, size_t module, const char *path) {
    struct plan_item it = {0};
    uint32_t first = 0;
    while (plan_item_next(d, &it)) {
        if (it.i_module != module || !it.line) continue;
        if (!first || it.line < first) first = it.line;
        if (path && strcmp(it.var->path, path) == 0) return it.line;
        if (path && it.list && strcmp(it.list->path, path) == 0) return it.line;
    }
    return first ? first : 1;
}

static sil_err check_modules(const struct plan_design *d, struct sil_error *e) {
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        const char *path = NULL, *config = plan_const_config_of(d, m);
        for (size_t i = 0; i < g->n_lists; i++) {
            const struct plan_list *l = &g->lists[i];
            if (plan_list_count(l, config) < l->min)
                return err_set(e, SIL_FORMAT, "%s:1: %s is missing: at least %u (%s)", d->file, l->path, l->min,
                               l->help_en);
        }
        if (!g->check) continue;
        struct sil_error why = {0};
        sil_err rc = g->check(config, &path, &why);
        if (rc == SIL_OK) continue;
        return err_set(e, rc, "%s:%u: %s", d->file, (unsigned)blame_path(d, m, path), why.text);
    }
    return SIL_OK;
}

/* What concerns two modules. */
static sil_err check_together(const struct plan_design *d, struct sil_error *e) {
    const struct build_config *b = &d->c.build;
    for (uint32_t i = 0; i < b->n_phases; i++) {
        char path[PLAN_PATH_MAX];
        struct plan_item it;
        if (!(b->phases[i].contract_w > d->c.site.contract_w)) continue;
        snprintf(path, sizeof path, "build.phases[%u].contract", (unsigned)i);
        uint32_t line = plan_design_find(d, path, &it) ? it.line : 0;
        return err_set(e, SIL_FORMAT, "%s:%u: %s is %.6g MW; allowed: at most site.contract, %.6g MW", d->file,
                       (unsigned)line, path, b->phases[i].contract_w / 1e6, d->c.site.contract_w / 1e6);
    }
    return SIL_OK;
}

sil_err plan_design_check(const struct plan_design *d, struct sil_error *e) {
    SIL_TRY(check_required(d, e));
    SIL_TRY(check_ranges(d, e));
    SIL_TRY(check_modules(d, e));
    return check_together(d, e);
}
