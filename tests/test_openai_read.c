/* Bodies of requests: what is understood, and what each mistake is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "openai_bed.h"
#include "serve/openai_impl.h"
#include "support.h"

static struct openai_bed bed;

static int open_bed(void **state) {
    (void)state;
    openai_bed_open(&bed);
    return 0;
}

static int close_bed(void **state) {
    (void)state;
    openai_bed_close(&bed);
    return 0;
}

static bool read_with(bool chat, struct str body, struct request *r, struct fault *f) {
    return chat ? openai_read_chat(body, &bed.catalog, &bed.limits, r, f)
                : openai_read_completion(body, &bed.catalog, &bed.limits, r, f);
}

/* The body is refused with this status, code and param (NULL: none); the words have `words` in them. */
static void refused(bool chat, struct str body, int status, const char *code, const char *param, const char *words) {
    struct request *r = openai_bed_request(mem_libc());
    struct fault f = {0};
    if (read_with(chat, body, r, &f)) fail_msg("accepted: %.*s", STR_ARG(body));
    if (f.status != status || strcmp(f.code, code) != 0 || strcmp(f.param, param ? param : "") != 0 ||
        !strstr(f.message, words))
        fail_msg("%.*s gave %d %s param '%s': %s", STR_ARG(body), f.status, f.code, f.param, f.message);
    request_release(r);
}

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

/* ---- what is no JSON object, or too much of it ---- */

static void test_broken_json(void **state) {
    (void)state;
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"", "empty"},
        {" ", "line 1, column 1: it ends too early"},
        {"{\n  \"model\": \"tiny\",\n  \"messages\": [}", "line 3, column 16: not JSON from here on"},
        {"{\"model\":\"tiny\"", "line 1, column 15: it ends too early"},
        {"{} {}", "something follows the JSON"},
        {"{\"n\":1,\"n\":2}", "a key is given twice"},
        {"{\"n\":123456789012345678901234567890}", "the number is too large"},
        {"{\"n\":1e999}", "the number is too large"},
        {"{\"a\":\"\\ud800\"}", "half of a pair"},
        {"{\"a\":\"\xff\"}", "not UTF-8"},
        {"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8"},
        {"{\"a\\u0000b\":1}", "\\u0000"},
        {"{'n':1}", "not JSON"},
        {"{\"n\":NaN}", "not JSON"},
        {"\xef\xbb\xbf{}", "not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(i % 2, str_of(cases[i].body), 400, "invalid_json", NULL, cases[i].words);
    refused(true, STR("[]"), 400, "invalid_type", NULL, "the body is an array; expected a JSON object");
    refused(true, STR("\"text\""), 400, "invalid_type", NULL, "a string");
    refused(true, (struct str){"{\"a\":\"x\0y\"}", 12}, 400, "invalid_json", NULL, "not JSON");
}

/* No word of a body that is no JSON comes back in the error, and so none reaches a log. */
static void test_secret(void **state) {
    (void)state;
    struct request *r = openai_bed_request(mem_libc());
    struct fault f;
    assert_false(read_with(true, STR("{\"messages\":[{\"content\":\"a\" SECRET}]}"), r, &f));
    assert_null(strstr(f.message, "SECRET"));
    request_release(r);
}

static char *repeated(const char *head, const char *middle, size_t n, const char *tail) {
    size_t a = strlen(head), b = strlen(middle), c = strlen(tail);
    char *p = malloc(a + n * b + c + 1);
    assert_non_null(p);
    memcpy(p, head, a);
    for (size_t i = 0; i < n; i++) memcpy(p + a + i * b, middle, b);
    memcpy(p + a + n * b, tail, c + 1);
    return p;
}

static void test_bombs(void **state) {
    (void)state;
    char *deep = repeated("{\"a\":", "[", 100000, "");
    refused(true, str_of(deep), 400, "invalid_json", NULL, "line 1, column 69: arrays and objects nest deeper");
    free(deep);
    char *wide = repeated("{\"a\":[", "[],", 500000, "1]}");
    refused(true, str_of(wide), 400, "invalid_json", NULL, "more than 262144 values");
    free(wide);
    char *objects = repeated("{\"a\":[", "{},", 500000, "1]}");
    refused(false, str_of(objects), 400, "invalid_json", NULL, "more than 262144 values");
    free(objects);
    char *brackets = repeated("{\"prompt\":\"", "[[[[{{{{,,,,\\\"", 100000, "\"}"); /* in a string they do not count */
    struct request *r = openai_bed_read(&bed, false, brackets);
    assert_int_equal(r->prompts[0].text.n, 13 * 100000);
    request_release(r);
    free(brackets);
}

/* ---- fields ---- */

static void test_wrong_fields(void **state) {
    (void)state;
    static const struct {
        const char *fields, *code, *param, *words;
    } cases[] = {
        {"\"temperature\":3", "invalid_value", "temperature", "temperature is 3; it must be from 0 to 2"},
        {"\"temperature\":\"hot\"", "invalid_type", "temperature", "a string; expected a number"},
        {"\"top_p\":-0.1", "invalid_value", "top_p", "from 0 to 1"},
        {"\"min_p\":2", "invalid_value", "min_p", "from 0 to 1"},
        {"\"top_k\":1.5", "invalid_type", "top_k", "whole"},
        {"\"top_k\":-2", "invalid_value", "top_k", "-1"},
        {"\"frequency_penalty\":2.1", "invalid_value", "frequency_penalty", "from -2 to 2"},
        {"\"presence_penalty\":[]", "invalid_type", "presence_penalty", "an array"},
        {"\"repetition_penalty\":0", "invalid_value", "repetition_penalty", "0.01"},
        {"\"seed\":\"1\"", "invalid_type", "seed", "a whole number"},
        {"\"n\":0", "invalid_value", "n", "from 1 to 128"},
        {"\"n\":17", "invalid_value", "n", "at most 16"},
        {"\"n\":true", "invalid_type", "n", "true"},
        {"\"max_tokens\":0", "invalid_value", "max_tokens", "from 1"},
        {"\"max_completion_tokens\":-1", "invalid_value", "max_completion_tokens", "from 1"},
        {"\"max_tokens\":5,\"max_completion_tokens\":6", "invalid_value", "max_tokens", "contradict"},
        {"\"stop\":5", "invalid_type", "stop", "a string or an array"},
        {"\"stop\":\"\"", "invalid_value", "stop", "1 to 4096 bytes"},
        {"\"stop\":[\"a\",\"b\\u0000\"]", "invalid_value", "stop[1]", "\\u0000"},
        {"\"stop\":[\"a\",7]", "invalid_type", "stop[1]", "a string"},
        {"\"stop\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "invalid_value", "stop", "at most 16"},
        {"\"stream\":1", "invalid_type", "stream", "true or false"},
        {"\"stream_options\":[]", "invalid_type", "stream_options", "an object"},
        {"\"stream_options\":{\"include_usage\":1}", "invalid_type", "stream_options.include_usage", "true or false"},
        {"\"logit_bias\":[1]", "invalid_type", "logit_bias", "an object"},
        {"\"logit_bias\":{\"1\":101}", "invalid_value", "logit_bias.1", "from -100 to 100"},
        {"\"logit_bias\":{\"1\":\"a\"}", "invalid_type", "logit_bias.1", "a number"},
        {"\"logit_bias\":{\"512\":1}", "invalid_value", "logit_bias.512", "from 0 to 511"},
        {"\"logit_bias\":{\"-1\":1}", "invalid_value", "logit_bias.-1", "token id"},
        {"\"logit_bias\":{\"\":1}", "invalid_value", "logit_bias.", "token id"},
        {"\"logit_bias\":{\"18446744073709551617\":1}", "invalid_value", "logit_bias.18446744073709551617", "token id"},
        {"\"priority\":1", "invalid_value", "priority", "from -1000 to 0"},
        {"\"best_of\":3", "unsupported_value", "best_of", "not there yet"},
        {"\"guided_json\":{\"type\":\"object\"}", "unsupported_parameter", "guided_json", "not there yet"},
        {"\"grammar\":\"root ::= x\"", "unsupported_parameter", "grammar", "not there yet"},
        {"\"min_tokens\":5", "unsupported_parameter", "min_tokens", "not there yet"},
        {"\"skip_special_tokens\":false", "unsupported_parameter", "skip_special_tokens", "control tokens"},
        {"\"prompt_logprobs\":0", "unsupported_parameter", "prompt_logprobs", "not there yet"},
        {"\"response_format\":{\"type\":\"json_object\"}", "unsupported_value", "response_format.type",
         "not there yet"},
        {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}", "unsupported_value",
         "response_format.type", "json_schema"},
        {"\"response_format\":\"json\"", "invalid_type", "response_format", "an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"model\":\"tiny\"," HELLO ",%s}", cases[i].fields);
        refused(true, str_of(body), 400, cases[i].code, cases[i].param, cases[i].words);
        snprintf(body, sizeof body, "{\"model\":\"tiny\",\"prompt\":\"hello\",%s}", cases[i].fields);
        refused(false, str_of(body), 400, cases[i].code, cases[i].param, cases[i].words);
    }
}

static void test_model_names(void **state) {
    (void)state;
    refused(true, STR("{\"model\":\"gpt-9\"," HELLO "}"), 404, "model_not_found", "model", "'gpt-9' does not exist");
    refused(true, STR("{\"model\":9," HELLO "}"), 400, "invalid_type", "model", "a whole number");
    struct request *r = openai_bed_read(&bed, true, "{\"model\":\"gpt-4o-mini\"," HELLO "}");
    assert_ptr_equal(r->model, &bed.entry);
    request_release(r);
    r = openai_bed_read(&bed, true, "{" HELLO "}"); /* one model needs no name */
    assert_ptr_equal(r->model, &bed.entry);
    request_release(r);
    struct catalog_model two[2] = {bed.entry, bed.entry};
    const struct catalog c = {.models = two, .n = 2};
    struct fault f;
    r = openai_bed_request(mem_libc());
    assert_false(openai_read_chat(STR("{" HELLO "}"), &c, &bed.limits, r, &f));
    assert_string_equal(f.code, "missing_required_parameter");
    request_release(r);
}

/* ---- conversations ---- */

static void test_wrong_messages(void **state) {
    (void)state;
    static const struct {
        const char *messages, *code, *param, *words;
    } cases[] = {
        {"5", "invalid_type", "messages", "an array"},
        {"[]", "invalid_value", "messages", "at least one"},
        {"[5]", "invalid_type", "messages[0]", "an object"},
        {"[{\"content\":\"a\"}]", "missing_required_parameter", "messages[0].role", "missing"},
        {"[{\"role\":\"robot\",\"content\":\"a\"}]", "invalid_value", "messages[0].role", "'robot'"},
        {"[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\"}]", "missing_required_parameter",
         "messages[1].content", "missing"},
        {"[{\"role\":\"user\",\"content\":null}]", "invalid_type", "messages[0].content", "null"},
        {"[{\"role\":\"user\",\"content\":7}]", "invalid_type", "messages[0].content", "a whole number"},
        {"[{\"role\":\"user\",\"content\":[\"a\"]}]", "invalid_type", "messages[0].content[0]", "an object"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]}]",
         "unsupported_value", "messages[0].content[1].type", "'image_url'"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "missing_required_parameter",
         "messages[0].content[0].text", "missing"},
        {"[{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}]", "missing_required_parameter",
         "messages[0].content[0].type", "missing"},
        {"[{\"role\":\"user\",\"content\":\"a\",\"name\":5}]", "invalid_type", "messages[0].name", "a string"},
        {"[{\"role\":\"assistant\",\"tool_calls\":5}]", "invalid_type", "messages[0].tool_calls", "an array"},
        {"[{\"role\":\"assistant\",\"tool_calls\":[{}]}]", "missing_required_parameter",
         "messages[0].tool_calls[0].function", "missing"},
        {"[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":1}}]}]", "invalid_type",
         "messages[0].tool_calls[0].function.name", "a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"messages\":%s}", cases[i].messages);
        refused(true, str_of(body), 400, cases[i].code, cases[i].param, cases[i].words);
    }
    refused(true, STR("{}"), 400, "missing_required_parameter", "messages", "missing");
}

static void test_chat_only(void **state) {
    (void)state;
    static const struct {
        const char *fields, *code, *param;
    } cases[] = {
        {"\"tools\":[{\"type\":\"function\"}]", "unsupported_parameter", "tools"},
        {"\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"auto\"", "unsupported_parameter", "tools"},
        {"\"tools\":{}", "invalid_type", "tools"},
        {"\"tool_choice\":\"required\"", "unsupported_value", "tool_choice"},
        {"\"tool_choice\":{\"type\":\"function\"}", "unsupported_value", "tool_choice"},
        {"\"functions\":[{\"name\":\"f\"}]", "unsupported_parameter", "functions"},
        {"\"function_call\":{\"name\":\"f\"}", "unsupported_value", "function_call"},
        {"\"modalities\":[\"text\",\"audio\"]", "unsupported_value", "modalities"},
        {"\"echo\":true", "unsupported_parameter", "echo"},
        {"\"top_logprobs\":5", "invalid_value", "top_logprobs"},
        {"\"logprobs\":5", "invalid_type", "logprobs"},
        {"\"logprobs\":true,\"top_logprobs\":21", "invalid_value", "top_logprobs"},
        {"\"chat_template_kwargs\":[]", "invalid_type", "chat_template_kwargs"},
        {"\"chat_template_kwargs\":{\"messages\":1}", "invalid_value", "chat_template_kwargs.messages"},
        {"\"reasoning_effort\":1", "invalid_type", "reasoning_effort"},
        {"\"continue_final_message\":true", "unsupported_parameter", "continue_final_message"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[512];
        snprintf(body, sizeof body, "{" HELLO ",%s}", cases[i].fields);
        refused(true, str_of(body), 400, cases[i].code, cases[i].param, "");
    }
}

static struct str content(const struct request *r, size_t i) {
    return openai_str(json_object_get(json_array_get(r->messages, i), "content"));
}

static const char *role(const struct request *r, size_t i) {
    return json_string_value(json_object_get(json_array_get(r->messages, i), "role"));
}

static void test_messages(void **state) {
    (void)state;
    struct request *r = openai_bed_read(
        &bed, true,
        "{\"messages\":[{\"role\":\"developer\",\"content\":\"짧게\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"가\"},{\"type\":\"text\",\"text\":\"나\"}]},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"42\"},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}],\"refusal\":null},"
        "{\"role\":\"user\",\"name\":\"kim\",\"content\":\"a\\u0000b\"}],"
        "\"tools\":[{\"type\":\"function\"}],\"tool_choice\":\"none\",\"user\":\"u\",\"store\":false,\"metadata\":{}}");
    assert_int_equal(json_array_size(r->messages), 6);
    assert_string_equal(role(r, 0), "system");
    assert_true(str_eq(content(r, 1), STR("가\n나")));
    assert_true(str_eq(content(r, 2), STR("")));
    assert_int_equal(json_array_size(json_object_get(json_array_get(r->messages, 2), "tool_calls")), 1);
    assert_string_equal(role(r, 3), "tool");
    assert_true(str_eq(content(r, 4), STR("no")));
    assert_true(str_eq(content(r, 5), (struct str){"a\0b", 3}));
    assert_null(r->tools); /* a model that is shown tools would call them */
    assert_int_equal(r->n_prompts, 1);
    assert_true(r->add_generation_prompt);
    assert_true(r->split_reasoning);
    /* The body itself stays as it came. */
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(r->body, "messages"), 0), "role")),
        "developer");
    request_release(r);
}

static void test_template_vars(void **state) {
    (void)state;
    struct request *r =
        openai_bed_read(&bed, true, "{" HELLO ",\"reasoning_effort\":\"none\",\"reasoning_format\":\"none\"}");
    assert_string_equal(json_string_value(json_object_get(r->template_vars, "reasoning_effort")), "none");
    assert_true(json_is_false(json_object_get(r->template_vars, "enable_thinking")));
    assert_false(r->split_reasoning);
    request_release(r);
    r = openai_bed_read(&bed, true,
                        "{" HELLO ",\"reasoning_effort\":\"high\",\"chat_template_kwargs\":{\"enable_thinking\":true,"
                        "\"reasoning_effort\":\"low\"},\"add_generation_prompt\":false}");
    assert_string_equal(json_string_value(json_object_get(r->template_vars, "reasoning_effort")), "low");
    assert_true(json_is_true(json_object_get(r->template_vars, "enable_thinking")));
    assert_false(r->add_generation_prompt);
    request_release(r);
    r = openai_bed_read(&bed, true, "{" HELLO ",\"chat_template_kwargs\":null}");
    assert_null(r->template_vars);
    request_release(r);
}

/* ---- parameters ---- */

static void test_parameters(void **state) {
    (void)state;
    struct request *r = openai_bed_read(
        &bed, true,
        "{" HELLO ",\"temperature\":0.5,\"top_p\":0.9,\"top_k\":40,\"min_p\":0.05,\"frequency_penalty\":-1,"
        "\"presence_penalty\":2,\"repetition_penalty\":1.1,\"seed\":-1,\"n\":2,\"max_completion_tokens\":16.0,"
        "\"stop\":[\"끝\",\"\\n\\n\"],\"logit_bias\":{\"0\":-100,\"511\":1.5},\"stream\":true,\"priority\":-5,"
        "\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":true},\"logprobs\":true,"
        "\"top_logprobs\":20,\"ignore_eos\":true,\"response_format\":{\"type\":\"text\"},\"tools\":[],"
        "\"unknown\":{\"a\":[1]},\"service_tier\":\"auto\",\"best_of\":null,\"grammar\":\"\"}");
    assert_float_equal(r->sampling.temperature, 0.5f, 0);
    assert_float_equal(r->sampling.top_p, 0.9f, 0);
    assert_int_equal(r->sampling.top_k, 40);
    assert_float_equal(r->sampling.min_p, 0.05f, 0);
    assert_float_equal(r->sampling.frequency_penalty, -1, 0);
    assert_float_equal(r->sampling.presence_penalty, 2, 0);
    assert_float_equal(r->sampling.repeat_penalty, 1.1f, 0);
    assert_true(r->seed_given && r->sampling.seed == UINT64_MAX);
    assert_int_equal(r->n, 2);
    assert_int_equal(r->max_tokens, 16);
    assert_int_equal(r->n_stops, 2);
    assert_string_equal(r->stops[0].p, "끝");
    assert_string_equal(r->stops[1].p, "\n\n");
    assert_int_equal(r->sampling.n_bias, 2);
    assert_int_equal(r->sampling.bias[1].token, 511);
    assert_float_equal(r->sampling.bias[1].bias, 1.5f, 0);
    assert_true(r->stream && r->include_usage && r->logprobs && r->ignore_end);
    assert_int_equal(r->n_top, 20);
    assert_int_equal(r->priority, -5);
    request_release(r);
}

static void test_defaults(void **state) {
    (void)state;
    bed.config.max_tokens = 33;
    struct request *r = openai_bed_read(&bed, true, "{" HELLO ",\"stop\":null,\"seed\":null,\"stream_options\":{}}");
    bed.config.max_tokens = 0;
    assert_float_equal(r->sampling.temperature, 1, 0);
    assert_float_equal(r->sampling.top_p, 1, 0);
    assert_true(!r->seed_given && r->sampling.seed == 7);
    assert_int_equal(r->max_tokens, 33);
    assert_true(!r->stream && !r->include_usage && !r->logprobs && r->n_stops == 0 && r->n == 1);
    request_release(r);
    /* The ends of ranges that the sampler itself does not take. */
    r = openai_bed_read(&bed, true, "{" HELLO ",\"temperature\":1e-8,\"top_p\":0,\"top_k\":-1}");
    assert_float_equal(r->sampling.temperature, 0, 0);
    assert_true(r->sampling.top_p > 0 && r->sampling.top_p < 1e-5f);
    assert_int_equal(r->sampling.top_k, 0);
    request_release(r);
    r = openai_bed_read(&bed, true,
                        "{" HELLO ",\"stream_options\":{\"include_usage\":true}}"); /* without stream: nothing */
    assert_false(r->include_usage);
    request_release(r);
}

/* ---- completions ---- */

static void test_prompts(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, false, "{\"prompt\":\"가나\",\"echo\":true,\"parse_special\":true}");
    assert_true(r->kind == REQUEST_COMPLETION && r->n_prompts == 1 && r->echo && r->parse_special);
    assert_true(str_eq(r->prompts[0].text, STR("가나")));
    request_release(r);
    r = openai_bed_read(&bed, false, "{\"prompt\":[\"a\",\"b\"],\"n\":3,\"best_of\":3,\"logprobs\":0}");
    assert_int_equal(request_choices(r), 6);
    assert_true(str_eq(r->prompts[1].text, STR("b")));
    assert_true(r->logprobs && r->n_top == 0);
    request_release(r);
    r = openai_bed_read(&bed, false, "{\"prompt\":[1,2,511],\"logprobs\":false}");
    assert_true(r->n_prompts == 1 && !r->logprobs);
    assert_true(!r->prompts[0].text.p && r->prompts[0].n_ids == 3 && r->prompts[0].ids[2] == 511);
    request_release(r);
    r = openai_bed_read(&bed, false, "{\"prompt\":[[1],[2,3]],\"logprobs\":5}");
    assert_true(r->n_prompts == 2 && r->prompts[1].n_ids == 2 && r->prompts[1].ids[1] == 3 && r->n_top == 5);
    request_release(r);
}

static void test_wrong_prompts(void **state) {
    (void)state;
    static const struct {
        const char *body, *code, *param;
    } cases[] = {
        {"{}", "missing_required_parameter", "prompt"},
        {"{\"prompt\":null}", "missing_required_parameter", "prompt"},
        {"{\"prompt\":5}", "invalid_type", "prompt"},
        {"{\"prompt\":[]}", "invalid_value", "prompt"},
        {"{\"prompt\":[1,\"a\"]}", "invalid_type", "prompt[1]"},
        {"{\"prompt\":[1,512]}", "invalid_value", "prompt[1]"},
        {"{\"prompt\":[-1]}", "invalid_value", "prompt[0]"},
        {"{\"prompt\":[1.5]}", "invalid_value", "prompt[0]"},
        {"{\"prompt\":[[1],[]]}", "invalid_value", "prompt[1]"},
        {"{\"prompt\":[[1],[2,4294967297]]}", "invalid_value", "prompt[1][1]"},
        {"{\"prompt\":[\"a\",1]}", "invalid_type", "prompt[1]"},
        {"{\"prompt\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"],\"n\":2}", "invalid_value", "n"},
        {"{\"prompt\":\"a\",\"suffix\":\"b\"}", "unsupported_parameter", "suffix"},
        {"{\"prompt\":\"a\",\"logprobs\":21}", "invalid_value", "logprobs"},
        {"{\"prompt\":\"a\",\"logprobs\":true}", "invalid_type", "logprobs"},
        {"{\"prompt\":\"a\",\"logprobs\":1,\"echo\":true}", "unsupported_parameter", "logprobs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(false, str_of(cases[i].body), 400, cases[i].code, cases[i].param, "");
    char *many = repeated("{\"prompt\":[", "\"a\",", 200, "\"a\"]}");
    refused(false, str_of(many), 400, "invalid_value", "prompt", "201 prompts");
    free(many);
}

/* ---- memory ---- */

static size_t json_calls, json_fail_at;

static void *json_alloc(size_t n) {
    return ++json_calls == json_fail_at ? NULL : malloc(n);
}

/* Whatever allocation fails, of ours or of the JSON library, the answer is 503 and nothing is lost (the sanitizer looks
 * for leaks). */
static void test_memory(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
        "\"text\":\"b\"}]}],\"stop\":[\"x\",\"y\"],\"logit_bias\":{\"1\":1},\"reasoning_effort\":\"none\"}",
        "{\"prompt\":[[1,2],[3]],\"stop\":\"x\",\"logit_bias\":{\"1\":1}}",
    };
    for (int chat = 0; chat < 2; chat++)
        for (int of_json = 0; of_json < 2; of_json++)
            for (size_t at = 1;; at++) {
                struct test_mem tm = {0};
                struct fault f = {0};
                struct request *r = openai_bed_request(test_mem(&tm));
                assert_non_null(r);
                if (!of_json) tm.fail_at = tm.calls + at;
                json_calls = 0;
                json_fail_at = of_json ? at : 0;
                json_set_alloc_funcs(json_alloc, free);
                bool ok = read_with(chat, str_of(bodies[!chat]), r, &f);
                json_set_alloc_funcs(malloc, free);
                if (!ok && !(of_json && f.code && strcmp(f.code, "invalid_json") == 0)) /* see openai_parse */
                    assert_int_equal(f.status, 503);
                request_release(r);
                assert_int_equal(tm.live, 0);
                if (ok) break;
                assert_true(at < 1000);
            }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_json),   cmocka_unit_test(test_secret),      cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_wrong_fields),  cmocka_unit_test(test_model_names), cmocka_unit_test(test_wrong_messages),
        cmocka_unit_test(test_chat_only),     cmocka_unit_test(test_messages),    cmocka_unit_test(test_template_vars),
        cmocka_unit_test(test_parameters),    cmocka_unit_test(test_defaults),    cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_wrong_prompts), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
