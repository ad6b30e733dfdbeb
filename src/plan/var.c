/* var: defaults, and values as text. */
#include "plan/var.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

static void put_text(char *field, const char *text) {
    size_t n = text ? strlen(text) : 0;
    assert(n < PLAN_TEXT_MAX);
    memset(field, 0, PLAN_TEXT_MAX);
    if (n) memcpy(field, text, n);
}

static void default_nums(const struct plan_var *v, char *base, double *field) {
    assert(v->n > 0 && v->n <= PLAN_NUMS_MAX);
    uint32_t n = v->n;
    if (v->count_offset) {
        n = v->defs ? (v->n_defs ? v->n_defs : v->n) : !isnan(v->def);
        memcpy(base + v->count_offset, &n, sizeof n);
    }
    for (uint32_t i = 0; i < v->n; i++) {
        double x = v->defs && i < n ? v->defs[i] : v->defs ? NAN : v->def;
        field[i] = isnan(x) ? NAN : plan_si(v, x);
    }
}

static void default_one(const struct plan_var *v, char *base) {
    if (v->offset == PLAN_NO_FIELD) return;
    void *field = base + v->offset;
    switch (v->kind) {
    case PLAN_NUM: *(double *)field = isnan(v->def) ? NAN : plan_si(v, v->def); break;
    case PLAN_INT:
    case PLAN_MONTH: *(int64_t *)field = isnan(v->def) ? 0 : (int64_t)v->def; break;
    case PLAN_BOOL: *(bool *)field = v->def > 0; break;
    case PLAN_CHOICE:
        *(int *)field = v->text_def ? plan_choice_find(v->choices, str_of(v->text_def)) : 0;
        assert(*(int *)field >= 0);
        break;
    case PLAN_TEXT:
    case PLAN_PATH: put_text(field, v->text_def); break;
    case PLAN_NUMS: default_nums(v, base, field); break;
    }
}

void plan_defaults(const struct plan_group *g, void *config) {
    memset(config, 0, g->size);
    for (size_t i = 0; i < g->n_vars; i++) default_one(&g->vars[i], config);
}

void plan_list_defaults(const struct plan_list *l, void *element) {
    memset(element, 0, l->elem_size);
    for (size_t i = 0; i < l->n_vars; i++) default_one(&l->vars[i], element);
}

static bool same_nums(const double *a, const double *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

static bool same_value(const struct plan_var *v, const char *a, const char *b) {
    const void *x = a + v->offset, *y = b + v->offset;
    switch (v->kind) {
    case PLAN_NUM: return same_nums(x, y, 1);
    case PLAN_INT:
    case PLAN_MONTH: return *(const int64_t *)x == *(const int64_t *)y;
    case PLAN_BOOL: return *(const bool *)x == *(const bool *)y;
    case PLAN_CHOICE: return *(const int *)x == *(const int *)y;
    case PLAN_TEXT:
    case PLAN_PATH: return strcmp(x, y) == 0;
    case PLAN_NUMS: return same_nums(x, y, v->n);
    }
    return false;
}

static bool same_vars(const struct plan_var *vars, size_t n, const char *a, const char *b) {
    for (size_t i = 0; i < n; i++)
        if (vars[i].offset != PLAN_NO_FIELD && !same_value(&vars[i], a, b)) return false;
    return true;
}

bool plan_same(const struct plan_group *g, const void *a, const void *b) {
    const char *x = a, *y = b;
    if (!same_vars(g->vars, g->n_vars, a, b)) return false;
    for (size_t k = 0; k < g->n_lists; k++) {
        const struct plan_list *l = &g->lists[k];
        uint32_t n, m;
        memcpy(&n, x + l->count_offset, sizeof n);
        memcpy(&m, y + l->count_offset, sizeof m);
        if (n != m) return false;
        for (uint32_t i = 0; i < n; i++) {
            size_t at = l->offset + i * l->elem_size;
            if (!same_vars(l->vars, l->n_vars, x + at, y + at)) return false;
        }
    }
    return true;
}

int plan_choice_find(const char *choices, struct str word) {
    int i = 0;
    for (const char *p = choices; p && *p; i++) {
        size_t n = strcspn(p, "|");
        if (str_eq((struct str){p, n}, word)) return i;
        p += n;
        if (*p == '|') p++;
    }
    return -1;
}

struct str plan_choice_name(const char *choices, int i) {
    const char *p = choices;
    for (; p && *p && i > 0; i--) {
        p += strcspn(p, "|");
        if (*p == '|') p++;
    }
    return p && i == 0 ? (struct str){p, strcspn(p, "|")} : STR("");
}

static void list_text(const double *x, uint32_t n, char *out, size_t cap) {
    size_t at = 0;
    for (uint32_t i = 0; i < n && at < cap; i++) {
        int k = snprintf(out + at, cap - at, "%s%.6g", i ? ", " : "", x[i]);
        if (k < 0) return;
        at += (size_t)k;
    }
}

static void nums_text(const struct plan_var *v, const char *base, char *out, size_t cap) {
    const double *field = (const void *)(base + v->offset);
    double shown[PLAN_NUMS_MAX];
    uint32_t n = v->n;
    if (v->count_offset) memcpy(&n, base + v->count_offset, sizeof n);
    for (uint32_t i = 0; i < n; i++) shown[i] = plan_shown(v, field[i]);
    list_text(shown, n, out, cap);
}

void plan_value_text(const struct plan_var *v, const void *config, char *out, size_t cap) {
    const char *base = config;
    const void *field = v->offset == PLAN_NO_FIELD ? NULL : base + v->offset;
    if (cap == 0) return;
    out[0] = '\0';
    if (!field) { /* a constant of the code: its declared default */
        if (v->text_def) snprintf(out, cap, "%s", v->text_def);
        else if (v->kind == PLAN_NUMS && v->defs) list_text(v->defs, v->n, out, cap);
        else snprintf(out, cap, "%.6g", v->def);
        return;
    }
    switch (v->kind) {
    case PLAN_NUM:
        if (!isnan(*(const double *)field)) snprintf(out, cap, "%.6g", plan_shown(v, *(const double *)field));
        break;
    case PLAN_INT: snprintf(out, cap, "%lld", (long long)*(const int64_t *)field); break;
    case PLAN_MONTH: {
        int64_t m = *(const int64_t *)field;
        if (m > 0) snprintf(out, cap, "%04lld-%02lld", (long long)(m / 12), (long long)(m % 12 + 1));
        break;
    }
    case PLAN_BOOL: snprintf(out, cap, "%s", *(const bool *)field ? "true" : "false"); break;
    case PLAN_CHOICE: {
        struct str s = plan_choice_name(v->choices, *(const int *)field);
        snprintf(out, cap, "%.*s", STR_ARG(s));
        break;
    }
    case PLAN_TEXT:
    case PLAN_PATH: snprintf(out, cap, "%s", (const char *)field); break;
    case PLAN_NUMS: nums_text(v, base, out, cap); break;
    }
}
