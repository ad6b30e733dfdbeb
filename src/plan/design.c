/* design: the modules' tables put together; walking, finding and setting values. */
#include "plan/design.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "plan/design_walk.h"

#define MODULE(field, g)                                                                                               \
    { &(g), offsetof(struct plan_configs, field) }
/* clang-format off */
const struct plan_module plan_modules[] = {
    MODULE(run, run_group),
    MODULE(site, site_group),
    MODULE(build, build_group),
    MODULE(weather, weather_group),
    MODULE(fleet, fleet_group),
    MODULE(electrical, elec_group),
    MODULE(cooling, cool_group),
    MODULE(pv, pv_group),
    MODULE(wind, wind_group),
    MODULE(battery, battery_group),
    MODULE(rule, rule_group),
    MODULE(tariff, tariff_group),
    MODULE(market, market_group),
    MODULE(finance, finance_group),
};
/* clang-format on */
const size_t plan_n_modules = PLAN_COUNT(plan_modules);

size_t plan_place(size_t module, const struct plan_list *list, uint32_t element, size_t var) {
    size_t at = 0;
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        if (m == module && !list) return at + var;
        at += g->n_vars;
        for (size_t i = 0; i < g->n_lists; i++) {
            if (m == module && &g->lists[i] == list) return at + element * list->n_vars + var;
            at += (size_t)g->lists[i].max * g->lists[i].n_vars;
        }
    }
    return at; /* the number of places, for module == plan_n_modules */
}

void plan_design_defaults(struct plan_design *d) {
    memset(d, 0, sizeof *d);
    assert(plan_place(plan_n_modules, NULL, 0, 0) <= PLAN_PLACES_MAX);
    for (size_t m = 0; m < plan_n_modules; m++) plan_defaults(plan_modules[m].group, plan_config_of(d, m));
}

/* The next list of the module that has an element, from it->i_list on. */
static bool enter_list(const struct plan_design *d, struct plan_item *it) {
    const struct plan_group *g = it->module->group;
    const char *config = plan_const_config_of(d, it->i_module);
    for (; it->i_list < g->n_lists; it->i_list++) {
        it->list = &g->lists[it->i_list];
        it->element = 0;
        if (plan_list_count(it->list, config) > 0 && it->list->n_vars > 0) return true;
    }
    return false;
}

bool plan_item_next(const struct plan_design *d, struct plan_item *it) {
    if (!it->module) it->module = &plan_modules[0];
    else it->i_var++;
    for (;;) {
        const struct plan_group *g = it->module->group;
        const char *config = plan_const_config_of(d, it->i_module);
        size_t n = it->list ? it->list->n_vars : g->n_vars;
        if (it->i_var < n) {
            it->var = (it->list ? it->list->vars : g->vars) + it->i_var;
            it->base = it->list ? config + it->list->offset + it->element * it->list->elem_size : config;
            it->place = plan_place(it->i_module, it->list, it->element, it->i_var);
            it->line = d->line[it->place];
            return true;
        }
        it->i_var = 0;
        if (it->list && it->element + 1 < plan_list_count(it->list, config)) {
            it->element++;
            continue;
        }
        if (it->list) it->i_list++;
        if (enter_list(d, it)) continue;
        if (++it->i_module >= plan_n_modules) return false;
        it->module = &plan_modules[it->i_module];
        it->list = NULL;
        it->i_list = 0;
    }
}

/* The element's name, when its first variable is a text called "name" that is not empty. */
static const char *element_name(const struct plan_item *it) {
    const struct plan_var *v = &it->list->vars[0];
    if (v->kind != PLAN_TEXT || strcmp(v->path, "name") != 0) return NULL;
    const char *name = (const char *)it->base + v->offset;
    return name[0] ? name : NULL;
}

void plan_item_path(const struct plan_item *it, char *out, size_t cap) {
    if (!it->list) {
        snprintf(out, cap, "%s", it->var->path);
        return;
    }
    const char *name = element_name(it);
    if (name) snprintf(out, cap, "%s[%.*s].%s", it->list->path, STR_ARG(str_of(name)), it->var->path);
    else snprintf(out, cap, "%s[%u].%s", it->list->path, (unsigned)it->element, it->var->path);
}

bool plan_design_find(const struct plan_design *d, const char *path, struct plan_item *it) {
    char here[PLAN_PATH_MAX];
    memset(it, 0, sizeof *it);
    while (plan_item_next(d, it)) {
        plan_item_path(it, here, sizeof here);
        if (strcmp(here, path) == 0) return true;
        if (!it->list) continue;
        snprintf(here, sizeof here, "%s[%u].%s", it->list->path, (unsigned)it->element, it->var->path);
        if (strcmp(here, path) == 0) return true;
    }
    return false;
}

void plan_item_set(struct plan_design *d, const struct plan_item *it, double si) {
    char *config = plan_config_of(d, it->i_module);
    if (it->list) config += it->list->offset + it->element * it->list->elem_size;
    void *field = config + it->var->offset;
    assert(it->var->kind == PLAN_NUM || it->var->kind == PLAN_INT);
    if (it->var->kind == PLAN_NUM) *(double *)field = si;
    else *(int64_t *)field = (int64_t)llround(si);
}

sil_err plan_design_file(const struct plan_design *d, const char *path, char *out, size_t cap, struct sil_error *e) {
    const char *slash = strrchr(d->file, '/');
    int n = path[0] == '/' || !slash ? snprintf(out, cap, "%s", path)
                                     : snprintf(out, cap, "%.*s%s", (int)(slash - d->file) + 1, d->file, path);
    if (n < 0 || (size_t)n >= cap) return err_set(e, SIL_LIMIT, "the path of %s is too long", path);
    return SIL_OK;
}
