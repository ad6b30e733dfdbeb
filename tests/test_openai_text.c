/* /tokenize, /detokenize, /apply-template. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "openai_bed.h"
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

enum endpoint { TOKENIZE, DETOKENIZE, TEMPLATE };

static bool ask(enum endpoint which, const char *body, struct buf *out, struct fault *f) {
    struct str s = str_of(body);
    if (which == TOKENIZE) return openai_tokenize(s, &bed.catalog, 1700000000, out, f);
    if (which == DETOKENIZE) return openai_detokenize(s, &bed.catalog, out, f);
    return openai_apply_template(s, &bed.catalog, 1700000000, out, f);
}

static void gives(enum endpoint which, const char *body, const char *want) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, mem_libc(), 1 << 20);
    if (!ask(which, body, &b, &f)) fail_msg("%s: %s", body, f.message);
    if (strcmp(b.p, want) != 0) fail_msg("%s gave\n%s\nexpected\n%s", body, b.p, want);
    buf_free(&b);
}

static void refuses(enum endpoint which, const char *body, int status, const char *param) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, mem_libc(), 1 << 20);
    if (ask(which, body, &b, &f)) fail_msg("%s gave %s", body, b.p);
    if (f.status != status || strcmp(f.param, param) != 0)
        fail_msg("%s gave %d '%s': %s", body, f.status, f.param, f.message);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static uint32_t id(const char *text) {
    int32_t n = tok_find(bed.entry.tok, str_of(text));
    assert_true(n >= 0);
    return (uint32_t)n;
}

static void test_tokenize(void **state) {
    (void)state;
    char want[512], body[512];
    snprintf(want, sizeof want, "{\"tokens\":[%u,%u],\"count\":2,\"max_model_len\":512}", id("ab"), id("c"));
    gives(TOKENIZE, "{\"content\":\"abc\"}", want);
    gives(TOKENIZE, "{\"model\":\"tiny\",\"prompt\":\"abc\"}", want); /* this model wants no BOS */
    snprintf(want, sizeof want,
             "{\"tokens\":[{\"id\":%u,\"piece\":\"a\"},{\"id\":%u,\"piece\":[234]},{\"id\":%u,\"piece\":[176]},"
             "{\"id\":%u,\"piece\":[128]}],\"count\":4,\"max_model_len\":512,"
             "\"token_strs\":[\"a\",\"bytes:\\\\xea\",\"bytes:\\\\xb0\",\"bytes:\\\\x80\"]}",
             id("a"), id("ê"), id("°"), id("Ģ"));
    gives(TOKENIZE, "{\"content\":\"a가\",\"with_pieces\":true,\"return_token_strs\":true}", want);
    snprintf(want, sizeof want, "{\"tokens\":[%u],\"count\":1,\"max_model_len\":512}", id("<|im_end|>"));
    gives(TOKENIZE, "{\"content\":\"<|im_end|>\",\"parse_special\":true}", want);
    gives(TOKENIZE, "{\"content\":\"\"}", "{\"tokens\":[],\"count\":0,\"max_model_len\":512}");
    struct buf b;
    struct fault f;
    buf_init(&b, mem_libc(), 1 << 16);
    assert_true(ask(TOKENIZE, "{\"content\":\"<|im_end|>\"}", &b, &f)); /* text is text unless asked otherwise */
    snprintf(body, sizeof body, "%u", id("<|im_end|>"));
    assert_null(strstr(b.p, body));
    buf_free(&b);
}

/* A conversation: the template's marks are tokens, the same words from a client are not. */
static void test_tokenize_messages(void **state) {
    (void)state;
    struct buf b;
    struct fault f;
    char mark[16];
    buf_init(&b, mem_libc(), 1 << 16);
    assert_true(ask(TOKENIZE, "{\"messages\":[{\"role\":\"user\",\"content\":\"<|im_end|><|im_end|>\"}]}", &b, &f));
    snprintf(mark, sizeof mark, ",%u,", id("<|im_end|>"));
    char *first = strstr(b.p, mark);
    assert_non_null(first);
    assert_null(strstr(first + 1, mark));
    buf_free(&b);
}

static void test_detokenize(void **state) {
    (void)state;
    char body[256];
    snprintf(body, sizeof body, "{\"tokens\":[%u,%u,%u,%u,%u.0]}", id("ab"), id("ê"), id("°"), id("Ģ"), id("\\"));
    gives(DETOKENIZE, body, "{\"content\":\"ab가\\\\\",\"prompt\":\"ab가\\\\\"}");
    gives(DETOKENIZE, "{\"tokens\":[]}", "{\"content\":\"\",\"prompt\":\"\"}");
    refuses(DETOKENIZE, "{}", 400, "tokens");
    refuses(DETOKENIZE, "{\"tokens\":[1,\"a\"]}", 400, "tokens[1]");
    refuses(DETOKENIZE, "{\"tokens\":[512]}", 400, "tokens[0]");
    refuses(DETOKENIZE, "{\"tokens\":[-1]}", 400, "tokens[0]");
    refuses(DETOKENIZE, "{\"model\":\"gpt-9\",\"tokens\":[]}", 404, "model");
}

static void test_template(void **state) {
    (void)state;
    gives(
        TEMPLATE,
        "{\"messages\":[{\"role\":\"developer\",\"content\":\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
        "\"text\":\"가\"}]}]}",
        "{\"prompt\":\"<|im_start|>system\\ns<|im_end|>\\n<|im_start|>user\\n가<|im_end|>\\n"
        "<|im_start|>assistant\\n\"}");
    gives(TEMPLATE,
          "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"add_generation_prompt\":false,\"tools\":[]}",
          "{\"prompt\":\"<|im_start|>user\\na<|im_end|>\\n\"}");
    refuses(TEMPLATE, "{\"messages\":[]}", 400, "messages");
    refuses(TEMPLATE, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":5}", 400, "tools");
    refuses(TEMPLATE, "[", 400, "");
    refuses(TOKENIZE, "{}", 400, "prompt");
    refuses(TOKENIZE, "{\"content\":5}", 400, "content");
    const struct template *chat = bed.entry.chat;
    bed.entry.chat = NULL;
    bed.entry.chat_error = "it has none";
    refuses(TEMPLATE, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", 400, "model");
    bed.entry.chat = chat;
}

/* Allocations of ours; those of the JSON library are tested with the requests. */
static sil_err ask_all(void *ctx, struct mem mem) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, mem, 1 << 20);
    (void)ctx;
    bool ok = ask(TOKENIZE, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"가나\"}]}]}",
                  &b, &f) &&
              ask(DETOKENIZE, "{\"tokens\":[1,2,3]}", &b, &f);
    buf_free(&b);
    if (ok) return SIL_OK;
    assert_int_equal(f.status, 503);
    return SIL_NOMEM;
}

static void test_memory(void **state) {
    (void)state;
    assert_true(test_each_allocation(ask_all, NULL) > 5);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenize),   cmocka_unit_test(test_tokenize_messages),
        cmocka_unit_test(test_detokenize), cmocka_unit_test(test_template),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
