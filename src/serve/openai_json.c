/* Bodies as JSON, with limits on what they can grow to, and their members by type. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "serve/openai_impl.h"

/* ---- the text ---- */

static bool at_place(struct fault *f, struct str s, size_t at, const char *what) {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        if (s.p[i] == '\n') line++, column = 1;
        else if (((unsigned char)s.p[i] & 0xc0) != 0x80) column++;
    }
    return fault_set(f, 400, "invalid_json", NULL, "the body: line %zu, column %zu: %s", line, column, what);
}

/* Bounds depth and count before anything is built: 16 MiB of "[[],[],[]..." would become a gigabyte. Quotes and
 * brackets are where they are whether or not the rest is JSON. */
static bool check_size(struct str s, struct fault *f) {
    size_t depth = 0, values = 1;
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
            continue;
        }
        if (c == '"') quoted = true;
        else if (c == '[' || c == '{') depth++, values++;
        else if (c == ',') values++;
        else if ((c == ']' || c == '}') && depth) depth--;
        if (depth > OPENAI_DEPTH_MAX) return at_place(f, s, i, "arrays and objects nest deeper than 64");
        if (values > OPENAI_VALUES_MAX) return at_place(f, s, i, "more than 262144 values");
    }
    return true;
}

/* Why it is no JSON. jansson's own words quote the body, which may be somebody's prompt: they are not passed on. */
static const char *reason_of(const json_error_t *je) {
    switch (json_error_code(je)) {
    case json_error_invalid_utf8: return "the bytes here are not UTF-8";
    case json_error_premature_end_of_input: return "it ends too early";
    case json_error_end_of_input_expected: return "something follows the JSON";
    case json_error_duplicate_key: return "a key is given twice";
    case json_error_numeric_overflow: return "the number is too large";
    case json_error_null_byte_in_key: return "a key holds \\u0000";
    case json_error_stack_overflow: return "it nests too deep";
    default:
        return strncmp(je->text, "invalid Unicode", 15) == 0 ? "a \\u escape that is no character (half of a pair)"
                                                             : "not JSON from here on";
    }
}

bool openai_no_memory(struct fault *f) {
    fault_set(f, 503, "unavailable", NULL, "not enough memory for this request now; try again later");
    f->retry_ms = 1000;
    return false;
}

bool openai_parse(struct str body, json_t **out, struct fault *f) {
    json_error_t je = {0};
    *out = NULL;
    if (body.n == 0) return fault_set(f, 400, "invalid_json", NULL, "the body is empty; send a JSON object");
    if (!check_size(body, f)) return false;
    json_t *j = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &je);
    /* Without memory jansson says so, says nothing, or, inside a string, takes it for a mistake in the text. */
    if (!j && (json_error_code(&je) == json_error_out_of_memory || !je.text[0])) return openai_no_memory(f);
    if (!j)
        return fault_set(f, 400, "invalid_json", NULL, "the body: line %d, column %d: %s", je.line, je.column,
                         reason_of(&je));
    if (!json_is_object(j)) {
        openai_wrong_type(f, NULL, "a JSON object", j);
        json_decref(j);
        return false;
    }
    *out = j;
    return true;
}

/* ---- members ---- */

bool openai_wrong_type(struct fault *f, const char *param, const char *expected, const json_t *v) {
    static const char *const names[] = {"an object", "an array", "a string", "a whole number",
                                        "a number",  "true",     "false",    "null"};
    const char *is = v ? names[json_typeof(v)] : "missing";
    return fault_set(f, 400, v ? "invalid_type" : "missing_required_parameter", param, "%s is %s; expected %s",
                     param ? param : "the body", is, expected);
}

static const json_t *member(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_null(v) ? NULL : v;
}

bool openai_get_bool(const json_t *o, const char *key, bool *out, struct fault *f) {
    const json_t *v = member(o, key);
    if (!v) return true;
    if (!json_is_boolean(v)) return openai_wrong_type(f, key, "true or false", v);
    *out = json_is_true(v);
    return true;
}

bool openai_whole_number(const json_t *v, int64_t *out) {
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return true;
    }
    double x = json_is_real(v) ? json_real_value(v) : 0.5;
    if (!(fabs(x) <= 9007199254740992.0) || x != floor(x)) return false;
    *out = (int64_t)x;
    return true;
}

bool openai_get_int(const json_t *o, const char *key, int64_t low, int64_t high, int64_t *out, bool *given,
                    struct fault *f) {
    const json_t *v = member(o, key);
    int64_t n;
    if (given) *given = v != NULL;
    if (!v) return true;
    if (!openai_whole_number(v, &n)) return openai_wrong_type(f, key, "a whole number", v);
    if (n < low || n > high)
        return fault_set(f, 400, "invalid_value", key, "%s is %lld; it must be from %lld to %lld", key, (long long)n,
                         (long long)low, (long long)high);
    *out = n;
    return true;
}

bool openai_get_number(const json_t *o, const char *key, double low, double high, float *out, struct fault *f) {
    const json_t *v = member(o, key);
    if (!v) return true;
    if (!json_is_number(v)) return openai_wrong_type(f, key, "a number", v);
    double x = json_number_value(v);
    if (!(x >= low && x <= high))
        return fault_set(f, 400, "invalid_value", key, "%s is %g; it must be from %g to %g", key, x, low, high);
    *out = (float)x;
    return true;
}

bool openai_get_str(const json_t *o, const char *key, struct str *out, struct fault *f) {
    const json_t *v = member(o, key);
    if (!v) return true;
    if (!json_is_string(v)) return openai_wrong_type(f, key, "a string", v);
    *out = openai_str(v);
    return true;
}
