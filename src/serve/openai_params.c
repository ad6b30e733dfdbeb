/* Parameters that requests for conversations and completions share. Names and ranges are OpenAI's; those that only
 * llama.cpp and vLLM have go by their names there. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "serve/openai_impl.h"
#include "text/stop.h"

bool openai_get_model(const json_t *o, const struct catalog *c, const struct catalog_model **out, struct fault *f) {
    struct str name = {0};
    if (!openai_get_str(o, "model", &name, f)) return false;
    if (!name.p && c->n == 1) name = str_of(c->models[0].config->name);
    if (!name.p)
        return fault_set(f, 400, "missing_required_parameter", "model",
                         "model is missing; GET /v1/models lists the names");
    *out = catalog_hold(c, name, f);
    return *out != NULL;
}

/* ---- sampling ---- */

/* Temperatures so low that the sampler does not take them mean the likeliest token, as 0 does. */
static float temperature_of(float t) {
    return t < 0.001f ? 0.0f : t;
}

static bool get_sampling(const json_t *o, struct request *r, struct fault *f) {
    struct sil_sampling *s = &r->sampling;
    int64_t k = s->top_k, seed = 0;
    if (!openai_get_number(o, "temperature", 0, 2, &s->temperature, f) ||
        !openai_get_number(o, "top_p", 0, 1, &s->top_p, f) || !openai_get_number(o, "min_p", 0, 1, &s->min_p, f) ||
        !openai_get_int(o, "top_k", -1, INT32_MAX, &k, NULL, f) ||
        !openai_get_number(o, "frequency_penalty", -2, 2, &s->frequency_penalty, f) ||
        !openai_get_number(o, "presence_penalty", -2, 2, &s->presence_penalty, f) ||
        !openai_get_number(o, "repeat_penalty", 0.01, 100, &s->repeat_penalty, f) ||
        !openai_get_number(o, "repetition_penalty", 0.01, 100, &s->repeat_penalty, f) ||
        !openai_get_int(o, "seed", INT64_MIN, INT64_MAX, &seed, &r->seed_given, f))
        return false;
    s->temperature = temperature_of(s->temperature);
    if (s->top_p < 1e-6f) s->top_p = 1e-6f; /* 0: the likeliest token alone */
    s->top_k = k < 0 ? 0 : (uint32_t)k;
    if (r->seed_given) s->seed = (uint64_t)seed;
    return true;
}

/* A token id as JSON has it for a key: digits. */
static bool parse_id(const char *key, uint32_t n_vocab, uint32_t *out) {
    uint64_t n = 0;
    size_t i = 0;
    for (; key[i] >= '0' && key[i] <= '9' && i < 10; i++) n = n * 10 + (uint64_t)(key[i] - '0');
    *out = (uint32_t)n;
    return i > 0 && key[i] == '\0' && n < n_vocab;
}

static bool get_bias(const json_t *o, struct request *r, struct fault *f) {
    const json_t *map = json_object_get(o, "logit_bias"), *v;
    const char *key;
    if (!map || json_is_null(map)) return true;
    if (!json_is_object(map)) return openai_wrong_type(f, "logit_bias", "an object of token ids and numbers", map);
    size_t n = json_object_size(map), i = 0;
    if (n == 0) return true;
    if (n > REQUEST_BIAS_MAX)
        return fault_set(f, 400, "invalid_value", "logit_bias", "logit_bias has %zu tokens; at most %d are possible", n,
                         REQUEST_BIAS_MAX);
    struct sil_bias *bias = ARENA_ARRAY(&r->arena, n, struct sil_bias);
    if (!bias) return openai_no_memory(f);
    json_object_foreach((json_t *)(uintptr_t)map, key, v) {
        char param[96];
        snprintf(param, sizeof param, "logit_bias.%.40s", key);
        if (!parse_id(key, r->model->info.n_vocab, &bias[i].token))
            return fault_set(f, 400, "invalid_value", param, "%s: expected a token id from 0 to %u", param,
                             r->model->info.n_vocab - 1);
        if (!json_is_number(v)) return openai_wrong_type(f, param, "a number", v);
        double x = json_number_value(v);
        if (!(x >= -100 && x <= 100))
            return fault_set(f, 400, "invalid_value", param, "%s is %g; it must be from -100 to 100", param, x);
        bias[i++].bias = (float)x;
    }
    r->sampling.bias = bias;
    r->sampling.n_bias = (uint32_t)n;
    return true;
}

/* ---- lengths ---- */

static bool get_max_tokens(const json_t *o, struct request *r, struct fault *f) {
    int64_t old = 0, new = 0;
    bool has_old, has_new;
    if (!openai_get_int(o, "max_tokens", 1, INT32_MAX, &old, &has_old, f) ||
        !openai_get_int(o, "max_completion_tokens", 1, INT32_MAX, &new, &has_new, f))
        return false;
    if (has_old && has_new && old != new)
        return fault_set(f, 400, "invalid_value", "max_tokens",
                         "max_tokens and max_completion_tokens contradict each other; give one");
    r->max_tokens = has_new ? (uint32_t) new : has_old ? (uint32_t)old : r->model->config->max_tokens;
    return true;
}

static bool get_count(const json_t *o, const struct config_limits *limits, struct request *r, struct fault *f) {
    int64_t n = 1, best = 0;
    bool has_best;
    uint32_t most = limits->choices < REQUEST_CHOICES_MAX ? limits->choices : REQUEST_CHOICES_MAX;
    if (!openai_get_int(o, "n", 1, REQUEST_N_MAX, &n, NULL, f) ||
        !openai_get_int(o, "best_of", 1, REQUEST_N_MAX, &best, &has_best, f))
        return false;
    if (has_best && best != n)
        return fault_set(f, 400, "unsupported_value", "best_of",
                         "best_of other than n is not there yet: this server gives every answer that it generates");
    r->n = (uint32_t)n;
    if ((uint64_t)n * r->n_prompts <= most) return true;
    return fault_set(f, 400, "invalid_value", n > 1 ? "n" : "prompt",
                     "%u answers to each of %u prompts; at most %u answers in one request are possible here", r->n,
                     r->n_prompts, most);
}

/* ---- stop strings ---- */

static bool put_stop(struct request *r, struct str *out, const json_t *v, const char *param, struct fault *f) {
    if (!json_is_string(v)) return openai_wrong_type(f, param, "a string", v);
    struct str s = openai_str(v);
    if (s.n == 0 || s.n > STOP_WORD_BYTES_MAX || memchr(s.p, 0, s.n))
        return fault_set(f, 400, "invalid_value", param, "%s must have 1 to %d bytes and no \\u0000", param,
                         STOP_WORD_BYTES_MAX);
    *out = request_copy(r, s);
    return out->p || openai_no_memory(f);
}

static bool get_stops(const json_t *o, struct request *r, struct fault *f) {
    const json_t *v = json_object_get(o, "stop");
    if (!v || json_is_null(v)) return true;
    bool array = json_is_array(v);
    size_t n = array ? json_array_size(v) : 1;
    if (!array && !json_is_string(v)) return openai_wrong_type(f, "stop", "a string or an array of strings", v);
    if (n > REQUEST_STOPS_MAX)
        return fault_set(f, 400, "invalid_value", "stop", "stop has %zu strings; at most %d are possible", n,
                         REQUEST_STOPS_MAX);
    if (n == 0) return true;
    struct str *stops = ARENA_ARRAY(&r->arena, n, struct str);
    if (!stops) return openai_no_memory(f);
    for (size_t i = 0; i < n; i++) {
        char param[32] = "stop";
        if (array) snprintf(param, sizeof param, "stop[%zu]", i);
        if (!put_stop(r, &stops[i], array ? json_array_get(v, i) : v, param, f)) return false;
    }
    r->stops = stops;
    r->n_stops = (uint32_t)n;
    return true;
}

/* ---- the rest ---- */

/* stream_options: members that are not known are ignored, as is the whole without stream. */
static bool get_stream(const json_t *o, struct request *r, struct fault *f) {
    const json_t *options = json_object_get(o, "stream_options"), *usage;
    if (!openai_get_bool(o, "stream", &r->stream, f)) return false;
    if (!options || json_is_null(options)) return true;
    if (!json_is_object(options)) return openai_wrong_type(f, "stream_options", "an object", options);
    usage = json_object_get(options, "include_usage");
    if (!usage || json_is_null(usage)) return true;
    if (!json_is_boolean(usage)) return openai_wrong_type(f, "stream_options.include_usage", "true or false", usage);
    r->include_usage = r->stream && json_is_true(usage);
    return true;
}

static bool get_priority(const json_t *o, struct request *r, struct fault *f) {
    int64_t p = 0;
    if (!openai_get_int(o, "priority", OPENAI_PRIORITY_LEAST, 0, &p, NULL, f)) return false;
    r->priority = (int32_t)p;
    return true;
}

bool openai_get_params(const json_t *o, const struct config_limits *limits, struct request *r, struct fault *f) {
    struct sil_sampling defaults = r->model->config->sampling;
    defaults.seed = r->sampling.seed;
    r->sampling = defaults;
    return get_sampling(o, r, f) && get_bias(o, r, f) && get_max_tokens(o, r, f) && get_count(o, limits, r, f) &&
           get_stops(o, r, f) && get_stream(o, r, f) && get_priority(o, r, f) &&
           openai_get_bool(o, "ignore_eos", &r->ignore_end, f);
}

/* ---- what is not there ---- */

static const struct {
    const char *name;
    double plain; /* the number that asks for nothing, besides false, null and what is empty */
    const char *why;
} unsupported[] = {
    {"functions", 0, "calls of functions are not there yet"},
    {"audio", 0, "this server reads and writes text only"},
    {"web_search_options", 0, "this server reaches no network"},
    {"guided_json", 0, "structured output is not there yet"},
    {"guided_regex", 0, "structured output is not there yet"},
    {"guided_choice", 0, "structured output is not there yet"},
    {"guided_grammar", 0, "structured output is not there yet"},
    {"structured_outputs", 0, "structured output is not there yet"},
    {"grammar", 0, "structured output is not there yet"},
    {"json_schema", 0, "structured output is not there yet"},
    {"min_tokens", 0, "a least length is not there yet"},
    {"n_predict", -1, "the name here is max_tokens"},
    {"n_probs", 0, "the names here are logprobs and top_logprobs"},
    {"stop_token_ids", 0, "the name here is stop, with strings"},
    {"include_stop_str_in_output", 0, "a stop string is never part of an answer here"},
    {"bad_words", 0, "the name here is logit_bias"},
    {"allowed_token_ids", 0, "the name here is logit_bias"},
    {"logits_processors", 0, "there are none here"},
    {"use_beam_search", 0, "search by beams is not there"},
    {"length_penalty", 1, "search by beams is not there"},
    {"prompt_logprobs", NAN, "probabilities of the prompt's tokens are not there yet"},
    {"typical_p", 1, "this sampler is not there"},
    {"mirostat", 0, "this sampler is not there"},
    {"dynatemp_range", 0, "this sampler is not there"},
    {"xtc_probability", 0, "this sampler is not there"},
    {"dry_multiplier", 0, "this sampler is not there"},
    {"truncate_prompt_tokens", NAN, "prompts are never shortened here"},
    {"lora", 0, "adapters are not there yet"},
    {"prompt_embeds", 0, "prompts are text or token ids"},
    {"documents", 0, "put documents into the messages"},
    {"continue_final_message", 0, "answers begin with a turn of their own"},
    {"return_token_ids", 0, "logprobs give the bytes of each token"},
};

static bool asks_nothing(const json_t *v, double plain) {
    switch (json_typeof(v)) {
    case JSON_OBJECT: return json_object_size(v) == 0;
    case JSON_ARRAY: return json_array_size(v) == 0;
    case JSON_STRING: return json_string_length(v) == 0;
    case JSON_INTEGER:
    case JSON_REAL: return json_number_value(v) == plain;
    case JSON_TRUE: return false;
    default: return true;
    }
}

bool openai_refuse_unsupported(const json_t *o, struct fault *f) {
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        const json_t *v = json_object_get(o, unsupported[i].name);
        if (v && !asks_nothing(v, unsupported[i].plain))
            return fault_set(f, 400, "unsupported_parameter", unsupported[i].name, "%s: %s", unsupported[i].name,
                             unsupported[i].why);
    }
    bool special = true;
    if (!openai_get_bool(o, "skip_special_tokens", &special, f)) return false;
    return special || fault_set(f, 400, "unsupported_parameter", "skip_special_tokens",
                                "skip_special_tokens: control tokens are never part of an answer's text here");
}
