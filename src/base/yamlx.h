/* yamlx: libyaml documents with Sillok's limits and errors, which give file, line and column. */
#ifndef SIL_BASE_YAMLX_H
#define SIL_BASE_YAMLX_H

#include <stdbool.h>
#include <yaml.h>

#include "base/str.h"
#include "sillok.h"

/* A document and the name that errors give it; the caller's to free. */
struct yamlx {
    yaml_document_t doc;
    const char *name;
};

/* Parses the first document of a text of at most `max` bytes. what: "a recipe", for errors. name must outlive *y. */
sil_err yamlx_parse(struct str text, size_t max, const char *name, const char *what, struct yamlx *y,
                    struct sil_error *e);
void yamlx_free(struct yamlx *y);

/* SIL_FORMAT: "name:line:column: ...". */
sil_err yamlx_error(const struct yamlx *y, const yaml_node_t *n, struct sil_error *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static inline struct str yamlx_text(const yaml_node_t *scalar) {
    return (struct str){(const char *)scalar->data.scalar.value, scalar->data.scalar.length};
}

/* Elements of a sequence, pairs of a mapping, 0 of anything else. */
size_t yamlx_count(const yaml_node_t *n);
const yaml_node_t *yamlx_item(struct yamlx *y, const yaml_node_t *sequence, size_t i);
void yamlx_pair(struct yamlx *y, const yaml_node_t *mapping, size_t i, const yaml_node_t **key,
                const yaml_node_t **value);

/* A scalar as a finite number (decimal, no locale, nothing behind it). */
bool yamlx_number(const yaml_node_t *n, double *out);

/* Keys of a mapping must be words, each given once. */
sil_err yamlx_check_keys(struct yamlx *y, const yaml_node_t *mapping, struct sil_error *e);

#endif
