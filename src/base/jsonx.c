#include "base/jsonx.h"

#include "base/err.h"

sil_err jsonx_parse(struct str text, const char *what, json_t **out, struct sil_error *e) {
    json_error_t je;
    *out = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &je);
    if (*out) return SIL_OK;
    if (json_error_code(&je) == json_error_out_of_memory) return err_nomem(e, what, text.n);
    return err_set(e, SIL_FORMAT, "%s: line %d, column %d: %s", what, je.line, je.column, je.text);
}

struct str jsonx_str(const json_t *object, const char *key) {
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v)) return (struct str){"", 0};
    return (struct str){json_string_value(v), json_string_length(v)};
}
