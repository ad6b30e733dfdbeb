#include "base/yamlx.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static sil_err failed(const yaml_parser_t *p, const char *name, struct sil_error *e) {
    const char *problem = p->problem ? p->problem : "syntax error";
    if (p->error == YAML_MEMORY_ERROR) return err_nomem(e, name, 0);
    if (p->error == YAML_READER_ERROR)
        return err_set(e, SIL_FORMAT, "%s: byte %zu: not text in UTF-8 (%s)", name, p->problem_offset, problem);
    return err_set(e, SIL_FORMAT, "%s:%zu:%zu: not YAML: %s%s%s", name, p->problem_mark.line + 1,
                   p->problem_mark.column + 1, problem, p->context ? " " : "", p->context ? p->context : "");
}

sil_err yamlx_parse(struct str text, size_t max, const char *name, const char *what, struct yamlx *y,
                    struct sil_error *e) {
    yaml_parser_t parser;
    if (text.n > max) return err_set(e, SIL_LIMIT, "%s: %s has at most %zu bytes", name, what, max);
    if (!yaml_parser_initialize(&parser)) return err_nomem(e, "reading YAML", sizeof parser);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
    sil_err err = SIL_OK;
    if (!yaml_parser_load(&parser, &y->doc)) {
        err = failed(&parser, name, e);
    } else if (!yaml_document_get_root_node(&y->doc)) {
        yaml_document_delete(&y->doc);
        err = err_set(e, SIL_FORMAT, "%s:1:1: the file is empty; %s is a mapping of keys", name, what);
    }
    yaml_parser_delete(&parser);
    y->name = name;
    return err;
}

void yamlx_free(struct yamlx *y) {
    yaml_document_delete(&y->doc);
}

sil_err yamlx_error(const struct yamlx *y, const yaml_node_t *n, struct sil_error *e, const char *fmt, ...) {
    char text[SIL_ERROR_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, SIL_FORMAT, "%s:%zu:%zu: %s", y->name, n->start_mark.line + 1, n->start_mark.column + 1, text);
}

size_t yamlx_count(const yaml_node_t *n) {
    if (n->type == YAML_SEQUENCE_NODE) return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (n->type == YAML_MAPPING_NODE) return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
    return 0;
}

const yaml_node_t *yamlx_item(struct yamlx *y, const yaml_node_t *sequence, size_t i) {
    return yaml_document_get_node(&y->doc, sequence->data.sequence.items.start[i]);
}

void yamlx_pair(struct yamlx *y, const yaml_node_t *mapping, size_t i, const yaml_node_t **key,
                const yaml_node_t **value) {
    const yaml_node_pair_t *p = &mapping->data.mapping.pairs.start[i];
    *key = yaml_document_get_node(&y->doc, p->key);
    *value = yaml_document_get_node(&y->doc, p->value);
}

bool yamlx_number(const yaml_node_t *n, double *out) {
    if (n->type != YAML_SCALAR_NODE) return false;
    struct str s = yamlx_text(n);
    char text[64], *end;
    if (s.n == 0 || s.n >= sizeof text) return false;
    for (size_t i = 0; i < s.n; i++) { /* no hexadecimal, no names, no white space */
        bool ok = (s.p[i] >= '0' && s.p[i] <= '9') || memchr("+-.eE", s.p[i], 5);
        if (!ok) return false;
        text[i] = s.p[i];
    }
    text[s.n] = '\0';
    *out = strtod(text, &end); /* the program never leaves the C locale */
    return *end == '\0' && isfinite(*out);
}

sil_err yamlx_check_keys(struct yamlx *y, const yaml_node_t *mapping, struct sil_error *e) {
    const yaml_node_t *key, *other, *value;
    if (mapping->type != YAML_MAPPING_NODE) return yamlx_error(y, mapping, e, "a mapping of keys is needed here");
    for (size_t i = 0; i < yamlx_count(mapping); i++) {
        yamlx_pair(y, mapping, i, &key, &value);
        if (key->type != YAML_SCALAR_NODE) return yamlx_error(y, key, e, "a key must be a word");
        for (size_t k = 0; k < i; k++) {
            yamlx_pair(y, mapping, k, &other, &value);
            if (str_eq(yamlx_text(other), yamlx_text(key)))
                return yamlx_error(y, key, e, "%.*s was given before, in line %zu", STR_ARG(yamlx_text(key)),
                                   other->start_mark.line + 1);
        }
    }
    return SIL_OK;
}
