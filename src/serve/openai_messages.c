/* Conversations as OpenAI's clients send them, in the form that chat templates read. */
#include <stdio.h>

#include "base/err.h"
#include "serve/openai_impl.h"

enum { JOINED_MAX = 64 << 20 /* bytes of one message's parts */ };

/* ---- content ---- */

/* The text of one part, or a fault. */
static bool part_text(const json_t *part, const char *param, struct str *out, struct fault *f) {
    char at[192];
    if (!json_is_object(part)) return openai_wrong_type(f, param, "an object with type and text", part);
    const json_t *type = json_object_get(part, "type");
    snprintf(at, sizeof at, "%s.type", param);
    if (!json_is_string(type)) return openai_wrong_type(f, at, "a string", type);
    bool refusal = str_eq(openai_str(type), STR("refusal"));
    if (!refusal && !str_eq(openai_str(type), STR("text")))
        return fault_set(f, 400, "unsupported_value", at, "%s is '%.*s'; this server reads parts of type text only", at,
                         STR_ARG(openai_str(type)));
    const char *key = refusal ? "refusal" : "text";
    const json_t *text = json_object_get(part, key);
    snprintf(at, sizeof at, "%s.%s", param, key);
    if (!json_is_string(text)) return openai_wrong_type(f, at, "a string", text);
    *out = openai_str(text);
    return true;
}

/* Parts on lines of their own, as vLLM and llama.cpp join them. */
static bool join_parts(const json_t *parts, const char *param, struct buf *b, struct fault *f) {
    for (size_t i = 0; i < json_array_size(parts); i++) {
        struct str text = {0};
        char at[128];
        snprintf(at, sizeof at, "%s[%zu]", param, i);
        if (!part_text(json_array_get(parts, i), at, &text, f)) return false;
        if ((i && buf_char(b, '\n') != SIL_OK) || buf_str(b, text) != SIL_OK) return openai_no_memory(f);
    }
    return true;
}

/* A message may come without content when it is a call of tools. */
static bool calls_tools(const json_t *message) {
    return json_array_size(json_object_get(message, "tool_calls")) > 0 ||
           json_is_object(json_object_get(message, "function_call"));
}

/* A new reference to the content as a string; NULL with f set. */
static json_t *content_of(const json_t *message, size_t index, struct mem mem, struct fault *f) {
    const json_t *v = json_object_get(message, "content");
    char param[96];
    snprintf(param, sizeof param, "messages[%zu].content", index);
    if (json_is_string(v)) return json_incref((json_t *)(uintptr_t)v);
    json_t *out = NULL;
    if ((!v || json_is_null(v)) && calls_tools(message)) {
        out = json_string("");
        if (!out) openai_no_memory(f);
        return out;
    }
    if (!json_is_array(v)) {
        openai_wrong_type(f, param, "a string or an array of parts", v);
        return NULL;
    }
    struct buf b;
    buf_init(&b, mem, JOINED_MAX);
    if (join_parts(v, param, &b, f)) {
        out = json_stringn(buf_view(&b).p, b.n);
        if (!out) openai_no_memory(f);
    }
    buf_free(&b);
    return out;
}

/* ---- messages ---- */

static bool check_role(const json_t *message, size_t index, struct str *role, struct fault *f) {
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool", "function"};
    char param[96];
    const json_t *v = json_object_get(message, "role");
    snprintf(param, sizeof param, "messages[%zu].role", index);
    if (!json_is_string(v)) return openai_wrong_type(f, param, "a string", v);
    *role = openai_str(v);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (str_eq(*role, str_of(roles[i]))) return true;
    return fault_set(f, 400, "invalid_value", param,
                     "%s is '%.*s'; expected system, developer, user, assistant, tool or function", param,
                     STR_ARG(*role));
}

/* Names that templates put into the text: strings, where they are given. */
static bool check_texts(const json_t *message, size_t index, struct fault *f) {
    static const char *const keys[] = {"name", "tool_call_id", "reasoning_content"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *v = json_object_get(message, keys[i]);
        char param[96];
        snprintf(param, sizeof param, "messages[%zu].%s", index, keys[i]);
        if (v && !json_is_null(v) && !json_is_string(v)) return openai_wrong_type(f, param, "a string", v);
    }
    return true;
}

static bool check_calls(const json_t *message, size_t index, struct fault *f) {
    const json_t *calls = json_object_get(message, "tool_calls");
    char param[96];
    snprintf(param, sizeof param, "messages[%zu].tool_calls", index);
    if (!calls || json_is_null(calls)) return true;
    if (!json_is_array(calls)) return openai_wrong_type(f, param, "an array", calls);
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *function = json_object_get(json_array_get(calls, i), "function");
        const json_t *name = json_object_get(function, "name");
        snprintf(param, sizeof param, "messages[%zu].tool_calls[%zu].function", index, i);
        if (!json_is_object(function)) return openai_wrong_type(f, param, "an object", function);
        snprintf(param, sizeof param, "messages[%zu].tool_calls[%zu].function.name", index, i);
        if (!json_is_string(name)) return openai_wrong_type(f, param, "a string", name);
    }
    return true;
}

/* A new message; NULL with f set. */
static json_t *convert(const json_t *message, size_t index, struct mem mem, struct fault *f) {
    struct str role = {0};
    char param[96];
    snprintf(param, sizeof param, "messages[%zu]", index);
    if (!json_is_object(message)) {
        openai_wrong_type(f, param, "an object with role and content", message);
        return NULL;
    }
    if (!check_role(message, index, &role, f) || !check_texts(message, index, f) || !check_calls(message, index, f))
        return NULL;
    json_t *content = content_of(message, index, mem, f);
    if (!content) return NULL;
    json_t *copy = json_copy((json_t *)(uintptr_t)message);
    bool ok = copy && json_object_set(copy, "content", content) == 0;
    if (ok && str_eq(role, STR("developer"))) ok = json_object_set_new(copy, "role", json_string("system")) == 0;
    json_decref(content);
    if (ok) return copy;
    json_decref(copy);
    openai_no_memory(f);
    return NULL;
}

bool openai_get_messages(const json_t *o, struct mem mem, json_t **out, struct fault *f) {
    const json_t *list = json_object_get(o, "messages");
    *out = NULL;
    if (!json_is_array(list)) return openai_wrong_type(f, "messages", "an array", list);
    if (json_array_size(list) == 0)
        return fault_set(f, 400, "invalid_value", "messages", "messages is empty; expected at least one message");
    json_t *made = json_array();
    if (!made) return openai_no_memory(f);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *m = convert(json_array_get(list, i), i, mem, f);
        if (m && json_array_append_new(made, m) == 0) continue;
        if (m) openai_no_memory(f);
        json_decref(made);
        return false;
    }
    *out = made;
    return true;
}

/* ---- variables of the template ---- */

static bool check_vars(const json_t *kwargs, struct fault *f) {
    static const char *const own[] = {"messages", "tools", "documents", "add_generation_prompt"};
    if (!json_is_object(kwargs)) return openai_wrong_type(f, "chat_template_kwargs", "an object", kwargs);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        char param[96];
        snprintf(param, sizeof param, "chat_template_kwargs.%s", own[i]);
        if (json_object_get(kwargs, own[i]))
            return fault_set(f, 400, "invalid_value", param, "%s is set by the request itself", param);
    }
    return true;
}

/* Effort as templates know it: by its name, and none as thinking switched off. */
static bool put_effort(json_t *vars, struct str effort) {
    if (json_object_get(vars, "reasoning_effort")) return true;
    if (json_object_set_new(vars, "reasoning_effort", json_stringn(effort.p, effort.n)) != 0) return false;
    if (!str_eq(effort, STR("none")) || json_object_get(vars, "enable_thinking")) return true;
    return json_object_set_new(vars, "enable_thinking", json_false()) == 0;
}

bool openai_get_template_vars(const json_t *o, json_t **out, struct fault *f) {
    json_t *kwargs = json_object_get(o, "chat_template_kwargs");
    struct str effort = {0};
    *out = NULL;
    if (json_is_null(kwargs)) kwargs = NULL;
    if (kwargs && !check_vars(kwargs, f)) return false;
    if (!openai_get_str(o, "reasoning_effort", &effort, f)) return false;
    if (!kwargs && !effort.p) return true;
    json_t *vars = kwargs ? json_copy(kwargs) : json_object();
    if (vars && (!effort.p || put_effort(vars, effort))) {
        *out = vars;
        return true;
    }
    json_decref(vars);
    return openai_no_memory(f);
}
