/* design_edit: finds the place of a value by the marks that libyaml keeps, and changes the bytes there. */
#include "plan/design_edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/yamlx.h"

enum { DEPTH_MAX = 8, VALUE_MAX = 2 * PLAN_TEXT_MAX };

/* ---- declarations ---- */

/* "services[chat].gpu_share" in three parts; false for a path of no list. Names may hold any character: the last "]."
 * ends one. */
struct list_path {
    struct str list, element;
    const char *var;
};

static bool split_path(const char *path, struct list_path *out) {
    const char *open = strchr(path, '['), *close = NULL;
    for (const char *p = path; (p = strstr(p, "].")); p++) close = p;
    if (!open || !close || close < open) return false;
    *out = (struct list_path){
        .list = {path, (size_t)(open - path)}, .element = {open + 1, (size_t)(close - open - 1)}, .var = close + 2};
    return true;
}

static const struct plan_var *var_of(const struct plan_var *vars, size_t n, const char *path) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(vars[i].path, path) == 0) return &vars[i];
    return NULL;
}

const struct plan_var *plan_var_find(const char *path, const struct plan_list **list) {
    struct list_path lp;
    bool in_list = split_path(path, &lp);
    *list = NULL;
    for (size_t m = 0; m < plan_n_modules; m++) {
        const struct plan_group *g = plan_modules[m].group;
        for (size_t i = 0; in_list && i < g->n_lists; i++) {
            if (!str_eq(str_of(g->lists[i].path), lp.list)) continue;
            *list = &g->lists[i];
            return var_of(g->lists[i].vars, g->lists[i].n_vars, lp.var);
        }
        const struct plan_var *v = in_list ? NULL : var_of(g->vars, g->n_vars, path);
        if (v) return v;
    }
    return NULL;
}

void plan_number_text(const struct plan_var *v, double declared, char *out, size_t cap) {
    char number[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, declared);
        if (strtod(number, NULL) == declared) break;
    }
    bool unit = v->unit && strcmp(v->unit, "1") != 0;
    snprintf(out, cap, "%s%s%s", number, unit ? " " : "", unit ? v->unit : "");
}

/* ---- places ---- */

struct editor {
    struct str text;
    struct yamlx y;
    struct sil_error *e;
    const char *path;
};

/* What happens to the text: n bytes at `at` become `put`. */
struct edit {
    size_t at, n;
    char put[VALUE_MAX + PLAN_PATH_MAX + 64];
};

/* libyaml counts characters. */
static size_t byte_of(const struct editor *ed, size_t characters) {
    size_t i = 0;
    for (; i < ed->text.n && characters > 0; characters--) {
        i++;
        while (i < ed->text.n && ((unsigned char)ed->text.p[i] & 0xc0) == 0x80) i++;
    }
    return i;
}

/* An alias stands elsewhere than where it is used: what is written there would change two values. */
static bool is_inside(const yaml_node_t *n, const yaml_node_t *of) {
    return n->start_mark.index >= of->start_mark.index && n->end_mark.index <= of->end_mark.index;
}

static bool is_value_of(const yaml_node_t *value, const yaml_node_t *key, const yaml_node_t *map) {
    return value->start_mark.index >= key->end_mark.index && is_inside(value, map);
}

static sil_err no_place(struct editor *ed, const yaml_node_t *n, const char *why) {
    return yamlx_error(&ed->y, n, ed->e, "%s cannot be changed here: %s", ed->path, why);
}

/* The value that `path` has in a mapping, through mappings inside it and keys with dots; NULL: it is not given. */
static sil_err find_value(struct editor *ed, const yaml_node_t *map, const char *path, const yaml_node_t **out) {
    *out = NULL;
    for (int depth = 0; depth < DEPTH_MAX && map; depth++) {
        const yaml_node_t *next = NULL;
        const char *rest = path;
        for (size_t i = 0; i < yamlx_count(map); i++) {
            const yaml_node_t *key, *value;
            yamlx_pair(&ed->y, map, i, &key, &value);
            if (key->type != YAML_SCALAR_NODE) continue;
            struct str word = yamlx_text(key);
            if (word.n == 0 || !str_starts(str_of(path), word)) continue;
            bool whole = path[word.n] == '\0', part = path[word.n] == '.' && value->type == YAML_MAPPING_NODE;
            if (!whole && !part) continue;
            if (!is_value_of(value, key, map)) return no_place(ed, key, "its value is an alias (*)");
            if (whole) {
                *out = value;
                return SIL_OK;
            }
            next = value;
            rest = path + word.n + 1;
        }
        map = next;
        path = rest;
    }
    return SIL_OK;
}

/* The element of a list by its name or its number from 0. */
static sil_err find_element(struct editor *ed, const yaml_node_t *root, const struct list_path *lp,
                            const yaml_node_t **out) {
    char list[PLAN_PATH_MAX];
    const yaml_node_t *seq, *name;
    snprintf(list, sizeof list, "%.*s", STR_ARG(lp->list));
    SIL_TRY(find_value(ed, root, list, &seq));
    size_t count = seq && seq->type == YAML_SEQUENCE_NODE ? yamlx_count(seq) : 0;
    for (size_t i = 0; i < count; i++) {
        char number[24];
        const yaml_node_t *one = yamlx_item(&ed->y, seq, i);
        snprintf(number, sizeof number, "%zu", i);
        if (one->type != YAML_MAPPING_NODE) continue;
        SIL_TRY(find_value(ed, one, "name", &name));
        bool named = name && name->type == YAML_SCALAR_NODE && str_eq(yamlx_text(name), lp->element);
        if (!named && !str_eq(str_of(number), lp->element)) continue;
        if (!is_inside(one, seq)) return no_place(ed, seq, "the element is an alias (*)");
        *out = one;
        return SIL_OK;
    }
    return err_set(ed->e, SIL_ARG, "%s: the design has no %s[%.*s]", ed->y.name, list, STR_ARG(lp->element));
}

/* ---- changes ---- */

/* Plain where YAML reads it as it is, else between double quotes. Control characters are not for designs. */
static sil_err value_text(struct editor *ed, struct str value, char out[VALUE_MAX]) {
    size_t n = 0;
    bool plain = value.n > 0 && value.n < PLAN_TEXT_MAX && value.p[0] != ' ' && value.p[value.n - 1] != ' ';
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        plain =
            plain && (word || (i > 0 ? memchr(" .+-/%_", c, 7) != NULL : c == '-' && value.n > 1 && value.p[1] != ' '));
        if (c < 0x20 || c == 0x7f || value.n >= PLAN_TEXT_MAX)
            return err_set(ed->e, SIL_ARG, "%s: a value has at most %d bytes and no control characters", ed->path,
                           PLAN_TEXT_MAX - 1);
    }
    if (!plain) out[n++] = '"';
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\') out[n++] = '\\';
        out[n++] = value.p[i];
    }
    if (!plain) out[n++] = '"';
    out[n] = '\0';
    return SIL_OK;
}

static sil_err replace(struct editor *ed, const yaml_node_t *old, const char *value, struct edit *out) {
    if (old->type != YAML_SCALAR_NODE) return no_place(ed, old, "it is not one value");
    yaml_scalar_style_t style = old->data.scalar.style;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        return no_place(ed, old, "it is written as a block");
    out->at = byte_of(ed, old->start_mark.index);
    out->n = byte_of(ed, old->end_mark.index) - out->at;
    snprintf(out->put, sizeof out->put, "%s%s", out->n ? "" : " ", value); /* nothing stood behind the colon */
    return SIL_OK;
}

/* Where the line that holds a byte ends, before its line break. */
static size_t line_end(const struct editor *ed, size_t at) {
    while (at < ed->text.n && ed->text.p[at] != '\n' && ed->text.p[at] != '\r') at++;
    return at;
}

/* A new key in a mapping: behind its first line, or at the end of the whole design. */
static sil_err insert(struct editor *ed, const yaml_node_t *map, bool root, const char *key, const char *value,
                      struct edit *out) {
    size_t begin = byte_of(ed, map->start_mark.index);
    out->n = 0;
    if (map->data.mapping.style == YAML_FLOW_MAPPING_STYLE) {
        if (begin >= ed->text.n || ed->text.p[begin] != '{')
            return no_place(ed, map, "the mapping has an anchor or tag");
        out->at = begin + 1;
        snprintf(out->put, sizeof out->put, "%s: %s%s", key, value, yamlx_count(map) ? ", " : "");
        return SIL_OK;
    }
    const yaml_node_t *first, *behind;
    if (yamlx_count(map) == 0) return no_place(ed, map, "the mapping is empty");
    yamlx_pair(&ed->y, map, 0, &first, &behind);
    int column = first->start_mark.column < 100 ? (int)first->start_mark.column : 100;
    if (root) {
        out->at = byte_of(ed, map->end_mark.index);
        bool fresh = out->at == 0 || ed->text.p[out->at - 1] == '\n' || ed->text.p[out->at - 1] == '\r';
        snprintf(out->put, sizeof out->put, "%s%*s%s: %s\n", fresh ? "" : "\n", column, "", key, value);
        return SIL_OK;
    }
    bool line = behind->type == YAML_SCALAR_NODE && behind->start_mark.line == behind->end_mark.line &&
                is_value_of(behind, first, map);
    if (line) {
        out->at = line_end(ed, byte_of(ed, behind->end_mark.index));
        snprintf(out->put, sizeof out->put, "\n%*s%s: %s", column, "", key, value);
    } else {
        out->at = byte_of(ed, first->start_mark.index);
        snprintf(out->put, sizeof out->put, "%s: %s\n%*s", key, value, column, "");
    }
    return SIL_OK;
}

static sil_err make_edit(struct editor *ed, const char *value, struct edit *out) {
    struct list_path lp;
    const yaml_node_t *root = yaml_document_get_root_node(&ed->y.doc), *map = root, *old;
    const char *key = ed->path;
    if (root->type != YAML_MAPPING_NODE) return no_place(ed, root, "a design is a mapping of keys");
    if (split_path(ed->path, &lp)) {
        SIL_TRY(find_element(ed, root, &lp, &map));
        key = lp.var;
    }
    SIL_TRY(find_value(ed, map, key, &old));
    return old ? replace(ed, old, value, out) : insert(ed, map, map == root, key, value, out);
}

static sil_err check_path(const char *path, struct sil_error *e) {
    const struct plan_list *list;
    const struct plan_var *v = strlen(path) < PLAN_PATH_MAX ? plan_var_find(path, &list) : NULL;
    if (!v) return err_set(e, SIL_ARG, "there is no variable %.100s (sillok plan help lists them)", path);
    if (v->constant) return err_set(e, SIL_ARG, "%s is a constant and cannot be set", path);
    if (v->kind == PLAN_NUMS) return err_set(e, SIL_ARG, "%s is a list of numbers; write it into the design", path);
    return SIL_OK;
}

sil_err plan_design_edit(struct str yaml, const char *name, const char *path, struct str value, struct buf *out,
                         struct sil_error *e) {
    struct editor ed = {.text = yaml, .e = e, .path = path};
    struct edit edit = {0};
    char put[VALUE_MAX] = "";
    SIL_TRY(check_path(path, e));
    SIL_TRY(value_text(&ed, value, put));
    SIL_TRY(yamlx_parse(yaml, PLAN_DESIGN_BYTES_MAX, name, "a design", &ed.y, e));
    sil_err rc = make_edit(&ed, put, &edit);
    yamlx_free(&ed.y);
    if (rc != SIL_OK) return rc;
    rc = buf_put(out, yaml.p, edit.at);
    if (rc == SIL_OK) rc = buf_str(out, str_of(edit.put));
    if (rc == SIL_OK) rc = buf_put(out, yaml.p + edit.at + edit.n, yaml.n - edit.at - edit.n);
    return rc == SIL_OK ? rc : err_set(e, rc, "%s: no room for the changed design", name);
}
