/* Bodies of requests for answers: conversations and completions. */
#include <stdio.h>

#include "base/err.h"
#include "serve/openai_impl.h"

/* ---- both ---- */

static bool begin(struct str body, const struct catalog *c, enum request_kind kind, struct request *r,
                  struct fault *f) {
    r->kind = kind;
    return openai_parse(body, &r->body, f) && openai_get_model(r->body, c, &r->model, f) &&
           openai_refuse_unsupported(r->body, f);
}

/* NULL with f set. */
static struct request_prompt *prompts_new(struct request *r, size_t n, struct fault *f) {
    struct request_prompt *p = NULL;
    if (n > REQUEST_CHOICES_MAX) {
        fault_set(f, 400, "invalid_value", "prompt", "%zu prompts; at most %d are possible in one request", n,
                  REQUEST_CHOICES_MAX);
        return NULL;
    }
    p = ARENA_ARRAY(&r->arena, n, struct request_prompt);
    if (!p) openai_no_memory(f);
    r->prompts = p;
    r->n_prompts = (uint32_t)n;
    return p;
}

static void set_top(struct request *r, int64_t n) {
    r->logprobs = true;
    r->n_top = n > r->model->info.n_vocab ? r->model->info.n_vocab : (uint32_t)n;
}

/* ---- conversations ---- */

/* Tools are never called here; a client that needs it must not believe otherwise. */
static bool check_tools(const json_t *o, struct fault *f) {
    const json_t *tools = json_object_get(o, "tools"), *choice = json_object_get(o, "tool_choice");
    const json_t *call = json_object_get(o, "function_call");
    bool none = json_is_string(choice) && str_eq(openai_str(choice), STR("none"));
    bool relaxed =
        !choice || json_is_null(choice) || none || (json_is_string(choice) && str_eq(openai_str(choice), STR("auto")));
    if (tools && !json_is_null(tools) && !json_is_array(tools)) return openai_wrong_type(f, "tools", "an array", tools);
    if (json_array_size(tools) > 0 && !none)
        return fault_set(f, 400, "unsupported_parameter", "tools",
                         "calls of tools are not there yet; leave tools away or set tool_choice to 'none'");
    if (!relaxed)
        return fault_set(f, 400, "unsupported_value", "tool_choice",
                         "calls of tools are not there yet; tool_choice can be 'none' or 'auto'");
    if (call && !json_is_null(call) &&
        !(json_is_string(call) && (str_eq(openai_str(call), STR("none")) || str_eq(openai_str(call), STR("auto")))))
        return fault_set(f, 400, "unsupported_value", "function_call", "calls of functions are not there yet");
    return true;
}

static bool check_format(const json_t *o, struct fault *f) {
    const json_t *format = json_object_get(o, "response_format");
    if (!format || json_is_null(format)) return true;
    if (!json_is_object(format)) return openai_wrong_type(f, "response_format", "an object", format);
    const json_t *type = json_object_get(format, "type");
    if (!json_is_string(type)) return openai_wrong_type(f, "response_format.type", "a string", type);
    if (str_eq(openai_str(type), STR("text"))) return true;
    return fault_set(f, 400, "unsupported_value", "response_format.type",
                     "response_format.type '%.*s' is not there yet: answers are plain text, so 'text' is the only one",
                     STR_ARG(openai_str(type)));
}

static bool check_modalities(const json_t *o, struct fault *f) {
    const json_t *list = json_object_get(o, "modalities");
    if (!list || json_is_null(list)) return true;
    if (!json_is_array(list)) return openai_wrong_type(f, "modalities", "an array", list);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_string(v) || !str_eq(openai_str(v), STR("text")))
            return fault_set(f, 400, "unsupported_value", "modalities", "this server answers in text only");
    }
    return true;
}

static bool get_chat_logprobs(const json_t *o, struct request *r, struct fault *f) {
    int64_t n = 0;
    bool given, on = false;
    if (!openai_get_bool(o, "logprobs", &on, f) || !openai_get_int(o, "top_logprobs", 0, ANSWER_TOP_MAX, &n, &given, f))
        return false;
    if (given && n > 0 && !on)
        return fault_set(f, 400, "invalid_value", "top_logprobs", "top_logprobs needs logprobs: true");
    if (on) set_top(r, n);
    return true;
}

/* Whether what is between the model's marks is told apart. "none" is llama.cpp's word for leaving it in the text. */
static bool get_reasoning(const json_t *o, struct request *r, struct fault *f) {
    struct str format = {0};
    if (!openai_get_str(o, "reasoning_format", &format, f)) return false;
    const struct config_model *k = r->model->config;
    r->split_reasoning = k->think_begin && k->think_end && !(format.p && str_eq(format, STR("none")));
    return true;
}

bool openai_read_chat(struct str body, const struct catalog *c, const struct config_limits *limits, struct request *r,
                      struct fault *f) {
    bool echo = false;
    if (!begin(body, c, REQUEST_CHAT, r, f)) return false;
    const json_t *o = r->body;
    if (!check_tools(o, f) || !check_format(o, f) || !check_modalities(o, f) || !openai_get_bool(o, "echo", &echo, f))
        return false;
    if (echo)
        return fault_set(f, 400, "unsupported_parameter", "echo", "echo: only /v1/completions repeats its prompt");
    r->add_generation_prompt = true;
    return prompts_new(r, 1, f) && openai_get_messages(o, r->arena.mem, &r->messages, f) &&
           openai_get_template_vars(o, &r->template_vars, f) &&
           openai_get_bool(o, "add_generation_prompt", &r->add_generation_prompt, f) &&
           openai_get_params(o, limits, r, f) && get_chat_logprobs(o, r, f) && get_reasoning(o, r, f);
}

/* ---- completions ---- */

static bool put_ids(struct request *r, struct request_prompt *p, const json_t *list, const char *param,
                    struct fault *f) {
    size_t n = json_array_size(list);
    uint32_t *ids = n ? ARENA_ARRAY(&r->arena, n, uint32_t) : NULL;
    if (n == 0) return fault_set(f, 400, "invalid_value", param, "%s is empty", param);
    if (!ids) return openai_no_memory(f);
    for (size_t i = 0; i < n; i++) {
        char at[96];
        int64_t id = -1;
        if (openai_whole_number(json_array_get(list, i), &id) && id >= 0 && id < r->model->info.n_vocab) {
            ids[i] = (uint32_t)id;
            continue;
        }
        snprintf(at, sizeof at, "%s[%zu]", param, i);
        if (!json_is_number(json_array_get(list, i)))
            return openai_wrong_type(f, at, "a token id", json_array_get(list, i));
        return fault_set(f, 400, "invalid_value", at, "%s: expected a token id from 0 to %u", at,
                         r->model->info.n_vocab - 1);
    }
    p->ids = ids;
    p->n_ids = (uint32_t)n;
    return true;
}

static bool put_prompt(struct request *r, struct request_prompt *p, const json_t *v, const char *param,
                       struct fault *f) {
    if (json_is_array(v)) return put_ids(r, p, v, param, f);
    if (!json_is_string(v)) return openai_wrong_type(f, param, "a string or an array of token ids", v);
    p->text = openai_str(v); /* the body lives as long as the request */
    return true;
}

/* A string, token ids, or an array of these. */
static bool get_prompts(const json_t *o, struct request *r, struct fault *f) {
    const json_t *v = json_object_get(o, "prompt");
    struct request_prompt *prompts;
    const char *expected = "a string, an array of strings, or token ids";
    if (!v || json_is_null(v)) return openai_wrong_type(f, "prompt", expected, NULL);
    if (!json_is_array(v) && !json_is_string(v)) return openai_wrong_type(f, "prompt", expected, v);
    if (json_is_string(v) || json_is_number(json_array_get(v, 0)))
        return (prompts = prompts_new(r, 1, f)) && put_prompt(r, prompts, v, "prompt", f);
    size_t n = json_array_size(v);
    if (n == 0) return fault_set(f, 400, "invalid_value", "prompt", "prompt is empty; expected %s", expected);
    if (!(prompts = prompts_new(r, n, f))) return false;
    for (size_t i = 0; i < n; i++) {
        char at[64];
        snprintf(at, sizeof at, "prompt[%zu]", i);
        if (!put_prompt(r, &prompts[i], json_array_get(v, i), at, f)) return false;
    }
    return true;
}

static bool get_text_logprobs(const json_t *o, struct request *r, struct fault *f) {
    int64_t n = 0;
    bool given;
    if (json_is_false(json_object_get(o, "logprobs"))) return true;
    if (!openai_get_int(o, "logprobs", 0, ANSWER_TOP_MAX, &n, &given, f)) return false;
    if (given) set_top(r, n);
    if (given && r->echo)
        return fault_set(f, 400, "unsupported_parameter", "logprobs",
                         "logprobs with echo: probabilities of the prompt's tokens are not there yet");
    return true;
}

bool openai_read_completion(struct str body, const struct catalog *c, const struct config_limits *limits,
                            struct request *r, struct fault *f) {
    struct str suffix = {0};
    if (!begin(body, c, REQUEST_COMPLETION, r, f)) return false;
    const json_t *o = r->body;
    if (!openai_get_str(o, "suffix", &suffix, f)) return false;
    if (suffix.n) return fault_set(f, 400, "unsupported_parameter", "suffix", "suffix: filling in is not there yet");
    return check_format(o, f) && get_prompts(o, r, f) && openai_get_params(o, limits, r, f) &&
           openai_get_bool(o, "echo", &r->echo, f) && openai_get_bool(o, "parse_special", &r->parse_special, f) &&
           get_text_logprobs(o, r, f);
}
