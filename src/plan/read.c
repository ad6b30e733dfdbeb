/* read: a design file into a struct plan_design, by the declarations. libyaml keeps line and column of every node. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/file.h"
#include "base/near.h"
#include "base/sha.h"
#include "base/utf8.h"
#include "base/yamlx.h"
#include "plan/design.h"
#include "plan/design_walk.h"

enum { KEYS_MAX = 512, DEPTH_MAX = 8 };

struct reader {
    yaml_document_t *doc;
    struct plan_design *d;
    struct sil_error *e;
    const char *name;
};

/* Where a mapping's keys belong: whole paths below a prefix, or one element of a list. */
struct place {
    char prefix[PLAN_PATH_MAX]; /* "" or "build." */
    size_t module;              /* with list */
    const struct plan_list *list;
    uint32_t element;
    char *base;
};

static struct str text_of(const yaml_node_t *n) {
    return (struct str){(const char *)n->data.scalar.value, n->data.scalar.length};
}

__attribute__((format(printf, 3, 4))) static sil_err bad(struct reader *r, const yaml_node_t *n, const char *fmt, ...) {
    char text[SIL_ERROR_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(r->e, SIL_FORMAT, "%s:%zu:%zu: %s", r->name, n->start_mark.line + 1, n->start_mark.column + 1, text);
}

static sil_err again(struct reader *r, const yaml_node_t *n, const struct plan_var *v, const struct sil_error *why) {
    return bad(r, n, "%s: %s", v->path, why->text);
}

/* ---- one value ---- */

static sil_err in_range(struct reader *r, const yaml_node_t *n, const struct plan_var *v, double si) {
    char got[32];
    if (v->lo == 0 && v->hi == 0) return SIL_OK;
    double shown = plan_shown(v, si);
    /* Half a unit of the twelfth place: 7 % read as 0.07 and shown again may differ in the last bit. */
    double slack = 1e-12 * (fabs(v->lo) + fabs(v->hi));
    if (shown >= v->lo - slack && shown <= v->hi + slack) return SIL_OK;
    snprintf(got, sizeof got, "%.6g", shown);
    const char *unit = v->unit ? v->unit : "";
    return bad(r, n, "%s is %s%s%s; allowed: %.10g to %.10g%s%s", v->path, got, *unit ? " " : "", unit, v->lo, v->hi,
               *unit ? " " : "", unit);
}

static sil_err read_number(struct reader *r, const yaml_node_t *n, const struct plan_var *v, double *out) {
    struct sil_error why = {0};
    if (n->type != YAML_SCALAR_NODE) return bad(r, n, "%s must be one value, not a list or mapping", v->path);
    if (plan_parse_number(text_of(n), plan_unit_find(str_of(v->unit ? v->unit : "")), out, &why) != SIL_OK)
        return again(r, n, v, &why);
    return in_range(r, n, v, *out);
}

static sil_err read_int(struct reader *r, const yaml_node_t *n, const struct plan_var *v, int64_t *out) {
    double x;
    SIL_TRY(read_number(r, n, v, &x));
    if (x != floor(x) || fabs(x) > 9e15) return bad(r, n, "%s must be a whole number", v->path);
    *out = (int64_t)x;
    return SIL_OK;
}

static bool two_digits(struct str s, size_t i, int *out) {
    if (i + 1 >= s.n || s.p[i] < '0' || s.p[i] > '9' || s.p[i + 1] < '0' || s.p[i + 1] > '9') return false;
    *out = (s.p[i] - '0') * 10 + (s.p[i + 1] - '0');
    return true;
}

static sil_err read_month(struct reader *r, const yaml_node_t *n, const struct plan_var *v, int64_t *out) {
    struct str s = text_of(n);
    int century, year, month = 0;
    bool ok = two_digits(s, 0, &century) && two_digits(s, 2, &year);
    if (ok && s.n == 7 && s.p[4] == '-') ok = two_digits(s, 5, &month);
    else if (ok && s.n == 6 && (s.p[4] == 'Q' || s.p[4] == 'q')) month = (s.p[5] - '1') * 3 + 1;
    else ok = false;
    if (!ok || month < 1 || month > 12)
        return bad(r, n, "%s is \"%.*s\"; it must be a month such as 2028-03 or a quarter such as 2028Q1", v->path,
                   STR_ARG(s));
    *out = (int64_t)(century * 100 + year) * 12 + month - 1;
    if (v->lo != 0 || v->hi != 0)
        if ((double)*out < v->lo || (double)*out > v->hi)
            return bad(r, n, "%s is %.*s; allowed: %04d-%02d to %04d-%02d", v->path, STR_ARG(s), (int)v->lo / 12,
                       (int)v->lo % 12 + 1, (int)v->hi / 12, (int)v->hi % 12 + 1);
    return SIL_OK;
}

static sil_err read_bool(struct reader *r, const yaml_node_t *n, const struct plan_var *v, bool *out) {
    struct str s = text_of(n);
    bool yes = str_eq(s, STR("true")) || str_eq(s, STR("yes")), no = str_eq(s, STR("false")) || str_eq(s, STR("no"));
    if (!yes && !no) return bad(r, n, "%s is \"%.*s\"; allowed: true, false", v->path, STR_ARG(s));
    *out = yes;
    return SIL_OK;
}

/* "a|b|c" as "a, b, c". */
static void with_commas(const char *choices, char *out, size_t cap) {
    size_t n = 0;
    for (const char *p = choices; *p && n + 3 < cap; p++) {
        out[n++] = *p == '|' ? ',' : *p;
        if (*p == '|') out[n++] = ' ';
    }
    out[n] = '\0';
}

static sil_err read_choice(struct reader *r, const yaml_node_t *n, const struct plan_var *v, int *out) {
    char all[400];
    *out = plan_choice_find(v->choices, text_of(n));
    if (*out >= 0) return SIL_OK;
    with_commas(v->choices, all, sizeof all);
    return bad(r, n, "%s is \"%.*s\"; allowed: %s", v->path, STR_ARG(text_of(n)), all);
}

static sil_err read_text(struct reader *r, const yaml_node_t *n, const struct plan_var *v, char *out) {
    struct str s = text_of(n);
    if (s.n >= PLAN_TEXT_MAX) return bad(r, n, "%s is longer than %d bytes", v->path, PLAN_TEXT_MAX - 1);
    bool ok = utf8_valid(s.p, s.n, NULL);
    for (size_t i = 0; ok && i < s.n; i++) ok = (unsigned char)s.p[i] >= 0x20 && s.p[i] != 0x7f;
    if (!ok) return bad(r, n, "%s holds control characters or is not UTF-8", v->path);
    memset(out, 0, PLAN_TEXT_MAX);
    if (s.n) memcpy(out, s.p, s.n);
    return SIL_OK;
}

static sil_err read_nums(struct reader *r, const yaml_node_t *n, const struct plan_var *v, char *base) {
    double *out = (void *)(base + v->offset);
    if (n->type != YAML_SEQUENCE_NODE) return bad(r, n, "%s must be a list of %u numbers: [1, 2, ...]", v->path, v->n);
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (v->count_offset ? count > v->n || count == 0 : count != v->n)
        return bad(r, n, "%s has %zu numbers; it needs %s%u", v->path, count, v->count_offset ? "1 to " : "", v->n);
    for (size_t i = 0; i < count; i++)
        SIL_TRY(read_number(r, yaml_document_get_node(r->doc, n->data.sequence.items.start[i]), v, &out[i]));
    uint32_t n32 = (uint32_t)count;
    if (v->count_offset) memcpy(base + v->count_offset, &n32, sizeof n32);
    return SIL_OK;
}

static sil_err read_value(struct reader *r, const yaml_node_t *n, const struct plan_var *v, char *base) {
    if (v->constant) return bad(r, n, "%s is a constant and cannot be set (sillok plan sources shows it)", v->path);
    if (v->kind != PLAN_NUMS && n->type != YAML_SCALAR_NODE)
        return bad(r, n, "%s must be one value, not a list or mapping", v->path);
    void *field = base + v->offset;
    switch (v->kind) {
    case PLAN_NUM: return read_number(r, n, v, field);
    case PLAN_INT: return read_int(r, n, v, field);
    case PLAN_MONTH: return read_month(r, n, v, field);
    case PLAN_BOOL: return read_bool(r, n, v, field);
    case PLAN_CHOICE: return read_choice(r, n, v, field);
    case PLAN_TEXT:
    case PLAN_PATH: return read_text(r, n, v, field);
    case PLAN_NUMS: return read_nums(r, n, v, base);
    }
    return SIL_OK;
}

/* ---- keys ---- */

static void add_key(const char *path, const char *prefix, const char **keys, char (*words)[48], size_t *n) {
    size_t skip = strlen(prefix);
    if (*n >= KEYS_MAX || strncmp(path, prefix, skip) != 0) return;
    size_t len = strcspn(path + skip, ".");
    if (len == 0 || len >= sizeof words[0]) return;
    for (size_t i = 0; i < *n; i++)
        if (strlen(keys[i]) == len && memcmp(keys[i], path + skip, len) == 0) return;
    memcpy(words[*n], path + skip, len);
    words[*n][len] = '\0';
    keys[*n] = words[*n];
    (*n)++;
}

/* The keys that may stand at a place. */
static size_t keys_at(const struct place *at, const char **keys, char (*words)[48]) {
    size_t n = 0;
    if (at->list) {
        for (size_t i = 0; i < at->list->n_vars; i++)
            if (!at->list->vars[i].constant) add_key(at->list->vars[i].path, at->prefix, keys, words, &n);
        return n;
    }
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        for (size_t i = 0; i < g->n_vars; i++)
            if (!g->vars[i].constant) add_key(g->vars[i].path, at->prefix, keys, words, &n);
        for (size_t i = 0; i < g->n_lists; i++) add_key(g->lists[i].path, at->prefix, keys, words, &n);
    }
    return n;
}

static sil_err unknown_key(struct reader *r, const yaml_node_t *key, const struct place *at) {
    const char *keys[KEYS_MAX];
    char words[KEYS_MAX][48], given[48], list[320];
    size_t n = keys_at(at, keys, words), len = 0;
    snprintf(given, sizeof given, "%.*s", STR_ARG(text_of(key)));
    list[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        int k = snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", keys[i]);
        if (k < 0 || (size_t)k >= sizeof list - len) {
            snprintf(list + sizeof list - 5, 5, " ...");
            break;
        }
        len += (size_t)k;
    }
    const char *near = near_name(given, keys, n);
    return bad(r, key, "unknown key \"%s%s\"%s%s%s; allowed here: %s", at->prefix, given, near ? " (did you mean " : "",
               near ? near : "", near ? "?)" : "", list);
}

/* ---- mappings ---- */

static sil_err read_mapping(struct reader *r, const yaml_node_t *map, const struct place *at, int depth);

static sil_err read_list(struct reader *r, const yaml_node_t *n, size_t module, const struct plan_list *l) {
    char *config = plan_config_of(r->d, module);
    if (n->type != YAML_SEQUENCE_NODE) return bad(r, n, "%s must be a list: one \"- \" per element", l->path);
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (count > l->max || count < l->min)
        return bad(r, n, "%s has %zu elements; allowed: %u to %u", l->path, count, l->min, l->max);
    uint32_t n32 = (uint32_t)count;
    memcpy(config + l->count_offset, &n32, sizeof n32);
    for (uint32_t i = 0; i < n32; i++) {
        const yaml_node_t *one = yaml_document_get_node(r->doc, n->data.sequence.items.start[i]);
        struct place at = {.module = module, .list = l, .element = i, .base = config + l->offset + i * l->elem_size};
        plan_list_defaults(l, at.base);
        if (one->type != YAML_MAPPING_NODE) return bad(r, one, "an element of %s must be a mapping of keys", l->path);
        SIL_TRY(read_mapping(r, one, &at, 0));
    }
    return SIL_OK;
}

static sil_err set_var(struct reader *r, const yaml_node_t *value, const struct place *at, size_t module, size_t var) {
    const struct plan_var *v = at->list ? &at->list->vars[var] : &plan_modules[module].group->vars[var];
    uint32_t *line = &r->d->line[plan_place(module, at->list, at->element, var)];
    if (*line) return bad(r, value, "%s was given before, in line %u", v->path, (unsigned)*line);
    *line = (uint32_t)value->start_mark.line + 1;
    return read_value(r, value, v, at->list ? at->base : plan_config_of(r->d, module));
}

/* What a whole path names; *found when something was read. */
static sil_err read_path(struct reader *r, const yaml_node_t *value, const struct place *at, const char *path,
                         bool *found) {
    *found = true;
    if (at->list) {
        for (size_t i = 0; i < at->list->n_vars; i++)
            if (strcmp(at->list->vars[i].path, path) == 0) return set_var(r, value, at, at->module, i);
    } else {
        for (size_t m = 0; m < plan_n_modules; m++) {
            const struct plan_group *g = plan_modules[m].group;
            for (size_t i = 0; i < g->n_vars; i++)
                if (strcmp(g->vars[i].path, path) == 0) return set_var(r, value, at, m, i);
            for (size_t i = 0; i < g->n_lists; i++)
                if (strcmp(g->lists[i].path, path) == 0) return read_list(r, value, m, &g->lists[i]);
        }
    }
    *found = false;
    return SIL_OK;
}

static bool begins_path(const struct place *at, const char *prefix) {
    const char *keys[KEYS_MAX];
    char words[KEYS_MAX][48];
    struct place below = *at;
    snprintf(below.prefix, sizeof below.prefix, "%s", prefix);
    return keys_at(&below, keys, words) > 0;
}

static sil_err read_key(struct reader *r, const yaml_node_t *key, const yaml_node_t *value, const struct place *at,
                        int depth) {
    struct place below = *at;
    bool found;
    if (key->type != YAML_SCALAR_NODE) return bad(r, key, "a key must be a word");
    struct str word = text_of(key);
    size_t used = strlen(at->prefix);
    if (word.n == 0 || used + word.n + 2 > sizeof below.prefix || memchr(word.p, '\0', word.n))
        return unknown_key(r, key, at);
    memcpy(below.prefix + used, word.p, word.n);
    below.prefix[used + word.n] = '\0';
    SIL_TRY(read_path(r, value, at, below.prefix, &found));
    if (found) return SIL_OK;
    below.prefix[used + word.n] = '.';
    below.prefix[used + word.n + 1] = '\0';
    if (!begins_path(at, below.prefix)) return unknown_key(r, key, at);
    if (value->type != YAML_MAPPING_NODE) return bad(r, value, "%.*s must be a mapping of keys", STR_ARG(word));
    return read_mapping(r, value, &below, depth + 1);
}

/* Recursion is bounded by the number of dots in the declared paths, and by DEPTH_MAX. */
static sil_err read_mapping(struct reader *r, const yaml_node_t *map, const struct place *at, int depth) {
    if (depth > DEPTH_MAX) return bad(r, map, "nested too deeply");
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
        const yaml_node_t *key = yaml_document_get_node(r->doc, p->key),
                          *value = yaml_document_get_node(r->doc, p->value);
        for (yaml_node_pair_t *q = map->data.mapping.pairs.start; key->type == YAML_SCALAR_NODE && q < p; q++) {
            const yaml_node_t *other = yaml_document_get_node(r->doc, q->key);
            if (other->type == YAML_SCALAR_NODE && str_eq(text_of(other), text_of(key)))
                return bad(r, key, "%.*s was given before, in line %zu", STR_ARG(text_of(key)),
                           other->start_mark.line + 1);
        }
        SIL_TRY(read_key(r, key, value, at, depth));
    }
    return SIL_OK;
}

static sil_err read_document(struct reader *r) {
    const yaml_node_t *root = yaml_document_get_root_node(r->doc);
    if (root->type != YAML_MAPPING_NODE) return bad(r, root, "a design is a mapping of keys (site:, services:, ...)");
    struct place top = {0};
    SIL_TRY(read_mapping(r, root, &top, 0));
    SIL_TRY(plan_design_check(r->d, r->e));
    fleet_resolve(&r->d->c.fleet); /* so that assumptions show what is used */
    return SIL_OK;
}

sil_err plan_design_parse(struct str yaml, const char *name, struct plan_design *d, struct sil_error *e) {
    struct yamlx y;
    plan_design_defaults(d);
    if (strlen(name) >= sizeof d->file) return err_set(e, SIL_LIMIT, "the path of the design file is too long");
    memcpy(d->file, name, strlen(name));
    sha_hex(yaml.p, yaml.n, d->digest);
    SIL_TRY(yamlx_parse(yaml, PLAN_DESIGN_BYTES_MAX, name, "a design", &y, e));
    struct reader r = {.doc = &y.doc, .d = d, .e = e, .name = name};
    sil_err rc = read_document(&r);
    yamlx_free(&y);
    return rc;
}

/* Services that name a trace take lengths and burstiness from it. */
static sil_err take_traces(struct plan_design *d, struct mem mem, struct sil_error *e) {
    for (uint32_t i = 0; i < d->c.fleet.n_services; i++) {
        struct fleet_service *s = &d->c.fleet.services[i];
        char file[PLAN_FILE_MAX], where[PLAN_PATH_MAX];
        struct plan_item it;
        if (!s->trace[0]) continue;
        sil_err rc = plan_design_file(d, s->trace, file, sizeof file, e);
        if (rc == SIL_OK) rc = fleet_take_trace(s, file, mem, e);
        if (rc == SIL_OK) continue;
        snprintf(where, sizeof where, "services[%u].trace", (unsigned)i);
        return err_prefix(e, rc, "%s:%u", d->file, plan_design_find(d, where, &it) ? (unsigned)it.line : 0);
    }
    return SIL_OK;
}

sil_err plan_design_read(const char *path, struct mem mem, struct plan_design *d, struct sil_error *e) {
    struct buf text;
    buf_init(&text, mem, PLAN_DESIGN_BYTES_MAX);
    sil_err rc = file_read(path, &text, e);
    if (rc == SIL_OK) rc = plan_design_parse(buf_view(&text), path, d, e);
    buf_free(&text);
    return rc == SIL_OK ? take_traces(d, mem, e) : rc;
}
