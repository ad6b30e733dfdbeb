#include "text/chat.h"

#include "base/err.h"
#include "base/jsonx.h"

/* Functions here that return json_t * give a new reference, or NULL when memory could not be had. */

/* jansson counts references inside a value; nothing else of a borrowed value changes. */
static json_t *share(const json_t *j) {
    return json_incref((json_t *)(uintptr_t)j);
}

/* A shallow copy of an object with one member replaced; takes the reference to value. */
static json_t *replaced(const json_t *object, const char *key, json_t *value) {
    json_t *copy = value ? json_copy((json_t *)(uintptr_t)object) : NULL;
    if (!copy) {
        json_decref(value);
        return NULL;
    }
    if (json_object_set_new(copy, key, value) == 0) return copy;
    json_decref(copy);
    return NULL;
}

/* A tool call (or its "function") with arguments as an object where they came as the text of one. */
static json_t *parse_arguments(const json_t *call) {
    const json_t *function = json_object_get(call, "function");
    struct str text = jsonx_str(call, "arguments");
    json_t *arguments = NULL;
    if (json_is_object(function) && jsonx_str(function, "arguments").n)
        return replaced(call, "function", parse_arguments(function));
    if (text.n == 0 || jsonx_parse(text, "arguments", &arguments, NULL) != SIL_OK) return share(call);
    if (json_is_object(arguments)) return replaced(call, "arguments", arguments);
    json_decref(arguments);
    return share(call);
}

/* A new array of f of each element. */
static json_t *map(const json_t *array, json_t *(*f)(const json_t *)) {
    json_t *out = json_array();
    for (size_t i = 0; out && i < json_array_size(array); i++) {
        json_t *item = f(json_array_get(array, i));
        if (item && json_array_append_new(out, item) == 0) continue;
        json_decref(out);
        out = NULL;
    }
    return out;
}

static json_t *prepare_message(const json_t *message) {
    const json_t *calls = json_object_get(message, "tool_calls");
    if (!json_is_array(calls) || json_array_size(calls) == 0) return share(message);
    return replaced(message, "tool_calls", map(calls, parse_arguments));
}

static sil_err check(const json_t *messages, const json_t *tools, const json_t *extra, struct sil_error *e) {
    static const char *const own[] = {"messages",  "tools",    "documents", "add_generation_prompt",
                                      "bos_token", "eos_token"};
    if (!json_is_array(messages)) return err_set(e, SIL_ARG, "messages: expected an array");
    for (size_t i = 0; i < json_array_size(messages); i++)
        if (!json_is_string(json_object_get(json_array_get(messages, i), "role")))
            return err_set(e, SIL_ARG, "messages[%zu]: expected an object with a string \"role\"", i);
    if (tools && !json_is_array(tools) && !json_is_null(tools)) return err_set(e, SIL_ARG, "tools: expected an array");
    if (extra && !json_is_object(extra)) return err_set(e, SIL_ARG, "template variables: expected an object");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (json_object_get(extra, own[i])) return err_set(e, SIL_ARG, "template variables: may not hold %s", own[i]);
    return SIL_OK;
}

static bool set_token(json_t *vars, const char *name, struct str text) {
    return !text.p || json_object_set_new(vars, name, json_stringn(text.p, text.n)) == 0;
}

sil_err chat_render_marked(const struct template *t, const json_t *messages, const json_t *tools,
                           bool add_generation_prompt, struct str bos, struct str eos, const json_t *extra,
                           int64_t now_unix_s, struct buf *out, struct buf *origin, struct sil_error *e) {
    SIL_TRY(check(messages, tools, extra, e));
    json_t *vars = json_object();
    bool ok = vars && json_object_set_new(vars, "messages", map(messages, prepare_message)) == 0 &&
              json_object_set_new(vars, "tools", tools ? share(tools) : json_null()) == 0 &&
              json_object_set_new(vars, "documents", json_null()) == 0 &&
              json_object_set_new(vars, "add_generation_prompt", json_boolean(add_generation_prompt)) == 0 &&
              set_token(vars, "bos_token", bos) && set_token(vars, "eos_token", eos) &&
              (!extra || json_object_update(vars, (json_t *)(uintptr_t)extra) == 0);
    sil_err err = ok ? template_render_marked(t, vars, now_unix_s, out, origin, e) : err_nomem(e, "a conversation", 0);
    json_decref(vars);
    return err;
}

sil_err chat_render(const struct template *t, const json_t *messages, const json_t *tools, bool add_generation_prompt,
                    struct str bos, struct str eos, const json_t *extra, int64_t now_unix_s, struct buf *out,
                    struct sil_error *e) {
    return chat_render_marked(t, messages, tools, add_generation_prompt, bos, eos, extra, now_unix_s, out, NULL, e);
}
