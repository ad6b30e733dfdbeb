/* jsonx: jansson with Sillok's limits and errors. */
#ifndef SIL_BASE_JSONX_H
#define SIL_BASE_JSONX_H

#include <jansson.h>

#include "base/str.h"
#include "sillok.h"

/* Parses one JSON document (UTF-8, strict; NUL inside strings is allowed). `what` names it in errors, which give line
 * and column. The caller owns *out (json_decref). */
sil_err jsonx_parse(struct str text, const char *what, json_t **out, struct sil_error *e);

/* The string value of an object's key as a view into the object, or an empty view when absent or not a string. */
struct str jsonx_str(const json_t *object, const char *key);

#endif
