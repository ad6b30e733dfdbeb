/* Answers as bytes: every chunk of a stream, whole bodies, probabilities, reasoning told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/jsonx.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "openai_bed.h"
#include "serve/openai_impl.h"
#include "serve/prompt.h"
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

/* ---- making answers ---- */

static uint32_t id_of(const char *text) {
    int32_t id = tok_find(bed.entry.tok, str_of(text));
    assert_true(id >= 0);
    return (uint32_t)id;
}

static void delta(struct request *r, uint32_t choice, const char *text, uint32_t n_tokens) {
    struct answer_token tokens[8] = {{0}};
    assert_int_equal(answer_delta(&r->answer, choice, str_of(text), tokens, n_tokens), SIL_OK);
}

static void done(struct request *r, uint32_t n) {
    const uint64_t entries[] = {41, 42, 43};
    const struct str receipts[] = {STR("c2sp\n—"), STR("b"), STR("")};
    const struct answer_record record = {.n = n, .entries = entries, .receipts = receipts};
    const struct answer_usage usage = {.n_prompt = 10, .n_cached = 4, .n_answer = 5, .energy_j = -1};
    assert_int_equal(answer_done(&r->answer, &usage, &record), SIL_OK);
}

/* The bytes of the whole stream of what the answer has; the caller frees. */
static struct buf stream_of(struct request *r) {
    struct openai_writer w;
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 20);
    assert_int_equal(openai_begin(&w, r), SIL_OK);
    for (const struct answer_event *e; (e = answer_next(&r->answer));)
        assert_int_equal(openai_event(&w, e, &b), SIL_OK);
    return b;
}

static struct buf whole_of(struct request *r) {
    struct openai_writer w;
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 20);
    assert_int_equal(openai_begin(&w, r), SIL_OK);
    assert_int_equal(openai_whole(&w, &b), SIL_OK);
    return b;
}

static void same(struct buf b, const char *want) {
    if (!str_eq(buf_view(&b), str_of(want))) fail_msg("got\n%s\nexpected\n%s", b.p ? b.p : "", want);
    buf_free(&b);
}

#define CHAT_HEAD                                                                                                      \
    "data: {\"id\":\"chatcmpl-000102030405060708090a0b\",\"object\":\"chat.completion.chunk\",\"created\":1700000000," \
    "\"model\":\"tiny\",\"system_fingerprint\":\"fp_0123456789abcdef\",\"choices\":["
#define TEXT_HEAD                                                                                                      \
    "data: {\"id\":\"cmpl-000102030405060708090a0b\",\"object\":\"text_completion\",\"created\":1700000000,"           \
    "\"model\":\"tiny\",\"system_fingerprint\":\"fp_0123456789abcdef\",\"choices\":["
#define USAGE                                                                                                          \
    "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,\"prompt_tokens_details\":"           \
    "{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":0}}"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"

/* ---- streams ---- */

static void test_chat_stream(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, true, "{" HELLO ",\"stream\":true}");
    delta(r, 0, "안녕 \"\\\n\x01\x7f", 1);
    delta(r, 0, "", 1); /* a token without text says nothing */
    delta(r, 0, "!", 1);
    answer_finish(&r->answer, 0, FINISH_STOP, NULL);
    done(r, 1);
    same(stream_of(r), CHAT_HEAD
         "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
         "\"finish_reason\":null}]}\n\n" CHAT_HEAD
         "{\"index\":0,\"delta\":{\"content\":\"안녕 \\\"\\\\\\n\\u0001\\u007f\"},\"logprobs\":null,"
         "\"finish_reason\":null}]}\n\n" CHAT_HEAD
         "{\"index\":0,\"delta\":{\"content\":\"!\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n" CHAT_HEAD
         "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":null}],"
         "\"sillok\":{\"entry\":41,\"receipt\":\"c2sp\\n—\"}}\n\n"
         "data: [DONE]\n\n");
    request_release(r);
}

/* With usage every chunk but the last has usage null, and the last has no choices. */
static void test_usage_stream(void **state) {
    (void)state;
    struct request *r = openai_bed_read(
        &bed, true, "{" HELLO ",\"stream\":true,\"n\":2,\"stream_options\":{\"include_usage\":true},\"stop\":\"끝\"}");
    delta(r, 1, "b", 1);
    answer_finish(&r->answer, 0, FINISH_LENGTH, NULL);
    answer_finish(&r->answer, 1, FINISH_STOP, r->stops[0].p);
    done(r, 2);
    same(stream_of(r), CHAT_HEAD
         "{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
         "\"finish_reason\":null}],\"usage\":null}\n\n" CHAT_HEAD
         "{\"index\":1,\"delta\":{\"content\":\"b\"},\"logprobs\":null,"
         "\"finish_reason\":null}],\"usage\":null}\n\n" CHAT_HEAD
         "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
         "\"finish_reason\":null}],\"usage\":null}\n\n" CHAT_HEAD
         "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\",\"stop_reason\":null}],"
         "\"usage\":null}\n\n" CHAT_HEAD
         "{\"index\":1,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":\"끝\"}],"
         "\"usage\":null}\n\n" CHAT_HEAD "]," USAGE
         ",\"sillok\":{\"entry\":41,\"receipt\":\"c2sp\\n—\",\"entries\":[41,42],"
         "\"receipts\":[\"c2sp\\n—\",\"b\"]}}\n\ndata: [DONE]\n\n");
    request_release(r);
}

static void test_fault_in_stream(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, false, "{\"prompt\":\"a\",\"stream\":true}");
    struct fault f;
    fault_set(&f, 503, "no_record", NULL, "the disk is \"full\"");
    delta(r, 0, "a", 1);
    answer_finish(&r->answer, 0, FINISH_STOP, NULL); /* not told to the client: it is not on record */
    answer_fault(&r->answer, &f);
    same(stream_of(r),
         TEXT_HEAD "{\"index\":0,\"text\":\"a\",\"logprobs\":null,\"finish_reason\":null}]}\n\n"
                   "data: {\"error\":{\"message\":\"the disk is \\\"full\\\"\",\"type\":\"service_unavailable_error\","
                   "\"param\":null,\"code\":\"no_record\"}}\n\n");
    request_release(r);
}

static void test_echo(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, false, "{\"prompt\":\"가나\",\"stream\":true,\"echo\":true}");
    delta(r, 0, "다", 1);
    answer_finish(&r->answer, 0, FINISH_TIMEOUT, NULL);
    done(r, 1);
    same(stream_of(r),
         TEXT_HEAD "{\"index\":0,\"text\":\"가나\",\"logprobs\":null,\"finish_reason\":null}]}\n\n" TEXT_HEAD
                   "{\"index\":0,\"text\":\"다\",\"logprobs\":null,\"finish_reason\":null}]}\n\n" TEXT_HEAD
                   "{\"index\":0,\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"timeout\",\"stop_reason\":null}],"
                   "\"sillok\":{\"entry\":41,\"receipt\":\"c2sp\\n—\"}}\n\ndata: [DONE]\n\n");
    request_release(r);
    char body[128]; /* ids are repeated as their text */
    snprintf(body, sizeof body, "{\"prompt\":[%u,%u,%u],\"echo\":true}", id_of("a"), id_of("bc"), id_of("<|im_end|>"));
    r = openai_bed_read(&bed, false, body);
    delta(r, 0, "x", 1);
    answer_finish(&r->answer, 0, FINISH_STOP, NULL);
    done(r, 1);
    struct buf b = whole_of(r);
    assert_non_null(strstr(b.p, "\"text\":\"abc<|im_end|>x\""));
    buf_free(&b);
    request_release(r);
}

/* ---- whole answers ---- */

static void test_chat_whole(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, true, "{" HELLO ",\"n\":2,\"reasoning_format\":\"none\"}");
    delta(r, 1, "b", 1);
    delta(r, 0, "가", 1);
    delta(r, 1, "c", 1);
    delta(r, 0, "나", 1);
    answer_finish(&r->answer, 1, FINISH_STOP, NULL);
    answer_finish(&r->answer, 0, FINISH_LENGTH, NULL);
    done(r, 2);
    same(whole_of(r),
         "{\"id\":\"chatcmpl-000102030405060708090a0b\",\"object\":\"chat.completion\",\"created\":1700000000,"
         "\"model\":\"tiny\",\"system_fingerprint\":\"fp_0123456789abcdef\",\"choices\":["
         "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"가나\",\"refusal\":null},\"logprobs\":null,"
         "\"finish_reason\":\"length\",\"stop_reason\":null},"
         "{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":\"bc\",\"refusal\":null},\"logprobs\":null,"
         "\"finish_reason\":\"stop\",\"stop_reason\":null}]," USAGE
         ",\"sillok\":{\"entry\":41,\"receipt\":\"c2sp\\n—\",\"entries\":[41,42],\"receipts\":[\"c2sp\\n—\",\"b\"]}}");
    request_release(r);
}

/* An answer that has not ended gives no body. */
static void test_not_ended(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, true, "{" HELLO "}");
    struct openai_writer w;
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 16);
    delta(r, 0, "b", 1);
    assert_int_equal(openai_begin(&w, r), SIL_OK);
    assert_int_equal(openai_whole(&w, &b), SIL_ARG);
    assert_int_equal(b.n, 0);
    buf_free(&b);
    request_release(r);
}

/* ---- probabilities ---- */

/* Two tokens: "a", and half of a character; then the other half. */
static void put_logprobs(struct request *r, uint32_t n_top) {
    const struct sil_logprob top[] = {{id_of("b"), -0.25f}, {id_of("a"), -1.5f}};
    uint32_t lead = id_of("ê"), mid = id_of("°"); /* bytes ea and b0 in GPT-2's alphabet; 가 is ea b0 80 */
    const struct sil_logprob broken[] = {{lead, -0.5f}, {id_of("<|im_end|>"), -1e30f}};
    const struct answer_token one = {.id = id_of("a"), .logprob = -1.5f, .top = top, .n_top = n_top};
    const struct answer_token two[] = {{.id = lead, .logprob = -0.5f, .top = broken, .n_top = n_top},
                                       {.id = mid, .logprob = 0, .top = broken, .n_top = n_top}};
    assert_int_equal(answer_delta(&r->answer, 0, STR("a"), &one, 1), SIL_OK);
    assert_int_equal(answer_delta(&r->answer, 0, STR(""), two, 2), SIL_OK);
    answer_finish(&r->answer, 0, FINISH_STOP, NULL);
    done(r, 1);
}

#define TOKEN_A                                                                                                        \
    "{\"token\":\"a\",\"logprob\":-1.5,\"bytes\":[97],\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-0.25,"           \
    "\"bytes\":[98]},{\"token\":\"a\",\"logprob\":-1.5,\"bytes\":[97]}]}"
#define BROKEN_TOP                                                                                                     \
    "\"top_logprobs\":[{\"token\":\"bytes:\\\\xea\",\"logprob\":-0.5,\"bytes\":[234]},"                                \
    "{\"token\":\"<|im_end|>\",\"logprob\":-9999.0,\"bytes\":[60,124,105,109,95,101,110,100,124,62]}]}"
#define TOKENS_BROKEN                                                                                                  \
    "{\"token\":\"bytes:\\\\xea\",\"logprob\":-0.5,\"bytes\":[234]," BROKEN_TOP                                        \
    ",{\"token\":\"bytes:\\\\xb0\",\"logprob\":0,\"bytes\":[176]," BROKEN_TOP

static void test_chat_logprobs(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, true, "{" HELLO ",\"logprobs\":true,\"top_logprobs\":2,\"stream\":true}");
    put_logprobs(r, 2);
    struct buf b = whole_of(r);
    if (!strstr(b.p, "\"logprobs\":{\"content\":[" TOKEN_A "," TOKENS_BROKEN "],\"refusal\":null}"))
        fail_msg("%s", b.p);
    buf_free(&b);
    b = stream_of(r);
    if (!strstr(b.p, "{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[" TOKEN_A
                     "],\"refusal\":null},\"finish_reason\":null}]}\n\n" CHAT_HEAD
                     "{\"index\":0,\"delta\":{\"content\":\"\"},\"logprobs\":{\"content\":[" TOKENS_BROKEN
                     "],\"refusal\":null},\"finish_reason\":null}]}\n\n"))
        fail_msg("%s", b.p);
    buf_free(&b);
    request_release(r);
}

#define BROKEN_MAP "{\"bytes:\\\\xea\":-0.5,\"<|im_end|>\":-9999.0"

static void test_text_logprobs(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, false, "{\"prompt\":\"가나\",\"logprobs\":2,\"stream\":true}");
    put_logprobs(r, 2);
    struct buf b = whole_of(r);
    if (!strstr(b.p,
                "\"logprobs\":{\"tokens\":[\"a\",\"bytes:\\\\xea\",\"bytes:\\\\xb0\"],\"token_logprobs\":[-1.5,-0.5,0],"
                "\"top_logprobs\":[{\"b\":-0.25,\"a\":-1.5}," BROKEN_MAP "}," BROKEN_MAP ",\"bytes:\\\\xb0\":0}],"
                "\"text_offset\":[0,1,2]}"))
        fail_msg("%s", b.p);
    buf_free(&b);
    b = stream_of(r); /* offsets go on from chunk to chunk */
    if (!strstr(b.p, "\"text\":\"\",\"logprobs\":{\"tokens\":[\"bytes:\\\\xea\",\"bytes:\\\\xb0\"]") ||
        !strstr(b.p, "\"text_offset\":[1,2]}"))
        fail_msg("%s", b.p);
    buf_free(&b);
    request_release(r);
    r = openai_bed_read(&bed, false, "{\"prompt\":\"a\",\"logprobs\":0}"); /* the chosen token alone */
    put_logprobs(r, 0);
    b = whole_of(r);
    if (!strstr(b.p, "\"top_logprobs\":[{\"a\":-1.5},{\"bytes:\\\\xea\":-0.5},{\"bytes:\\\\xb0\":0}]"))
        fail_msg("%s", b.p);
    buf_free(&b);
    request_release(r);
}

/* ---- reasoning ---- */

/* All of one member of a stream's deltas, joined. */
static void gather(struct buf stream, const char *member, struct buf *out) {
    for (char *at = stream.p; (at = strstr(at, "data: {"));) {
        char *end = strstr(at, "\n\n");
        json_t *j;
        assert_int_equal(jsonx_parse((struct str){at + 6, (size_t)(end - at - 6)}, "chunk", &j, NULL), SIL_OK);
        const json_t *d = json_object_get(json_array_get(json_object_get(j, "choices"), 0), "delta");
        assert_int_equal(buf_str(out, jsonx_str(d, member)), SIL_OK);
        json_decref(j);
        at = end;
    }
}

/* Text cut at random places, streamed and whole, gives these two parts. */
static void check_split(const char *text, bool open, const char *reasoning, const char *answer) {
    struct rng rng = {.seed = 3};
    for (int round = 0; round < 20; round++) {
        struct request *r = openai_bed_read(&bed, true, "{" HELLO ",\"stream\":true}");
        r->reasoning_open = open;
        for (size_t at = 0, n = strlen(text); at < n;) {
            size_t k = round == 0 ? n : 1 + rng_below(&rng, 6);
            if (k > n - at) k = n - at;
            while (((unsigned char)text[at + k] & 0xc0) == 0x80) k++;
            assert_int_equal(answer_delta(&r->answer, 0, (struct str){text + at, k}, NULL, 0), SIL_OK);
            at += k;
        }
        answer_finish(&r->answer, 0, FINISH_STOP, NULL);
        done(r, 1);
        struct buf b = stream_of(r), part;
        assert_true(utf8_valid(b.p, b.n, NULL));
        buf_init(&part, mem_libc(), 1 << 16);
        gather(b, "reasoning_content", &part);
        assert_string_equal(part.p ? part.p : "", reasoning);
        buf_clear(&part);
        gather(b, "content", &part);
        assert_string_equal(part.p ? part.p : "", answer);
        buf_free(&part);
        buf_free(&b);
        b = whole_of(r);
        json_t *j;
        assert_int_equal(jsonx_parse(buf_view(&b), "body", &j, NULL), SIL_OK);
        const json_t *m = json_object_get(json_array_get(json_object_get(j, "choices"), 0), "message");
        assert_true(str_eq(jsonx_str(m, "reasoning_content"), str_of(reasoning)));
        assert_true(str_eq(jsonx_str(m, "content"), str_of(answer)));
        assert_int_equal(json_object_get(m, "reasoning_content") != NULL, reasoning[0] != '\0');
        json_decref(j);
        buf_free(&b);
        request_release(r);
    }
}

static void test_reasoning(void **state) {
    (void)state;
    check_split("<think>\n생각 하나\n</think>\n\n답", false, "생각 하나", "답");
    check_split(" \n<think>a < b </thin> c</think>d", false, "a < b </thin> c", "d");
    check_split("생각\n</think>\n답 </think> 더", true, "생각", "답 </think> 더");
    check_split("답뿐 <think>아님</think>", false, "", "답뿐 <think>아님</think>");
    check_split("  답", false, "", "  답");
    check_split("<thin", false, "", "<thin");
    check_split("<think>끝나지 않음 </thi", false, "끝나지 않음 </thi", "");
    check_split("<think></think>", false, "", "");
    check_split("<think>\n\n</think>\n\n<think>", false, "", "<think>");
    check_split("<think>a</</think>b", false, "a</", "b");
    check_split("<think>a\n                                                                      \n</think>b", false,
                "a\n       ", "b"); /* more white space than is held back belongs to the reasoning */
}

/* A template that begins the reasoning itself: the answer begins inside. */
static void test_open_reasoning(void **state) {
    (void)state;
    static const char *const templates[] = {"{{ messages[0].content }}<think>\n\n",
                                            "{{ messages[0].content }}<think>a"};
    const struct template *own = bed.entry.chat;
    for (int i = 0; i < 2; i++) {
        struct template *t;
        const struct template_limits limits = template_limits_default();
        struct fault f;
        assert_int_equal(template_parse(mem_libc(), str_of(templates[i]), &limits, &t, NULL), SIL_OK);
        bed.entry.chat = t;
        struct request *r = openai_bed_read(&bed, true, "{" HELLO "}");
        assert_true(prompt_build(r, &f));
        assert_int_equal(r->reasoning_open, i == 0);
        request_release(r);
        r = openai_bed_read(&bed, true, "{" HELLO ",\"reasoning_format\":\"none\"}");
        assert_true(prompt_build(r, &f));
        assert_false(r->reasoning_open);
        request_release(r);
        template_free(t);
    }
    bed.entry.chat = own;
}

/* Tokens of reasoning are counted where the engine does not. */
static void test_reasoning_usage(void **state) {
    (void)state;
    for (int stream = 0; stream < 2; stream++) {
        struct request *r =
            openai_bed_read(&bed, true, "{" HELLO ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        delta(r, 0, "<think>", 1);
        delta(r, 0, "가나", 2);
        delta(r, 0, "</think>", 1);
        delta(r, 0, "답", 1);
        answer_finish(&r->answer, 0, FINISH_STOP, NULL);
        done(r, 1);
        struct buf b = stream ? stream_of(r) : whole_of(r);
        assert_non_null(strstr(b.p, "\"reasoning_tokens\":3}"));
        buf_free(&b);
        request_release(r);
    }
}

/* ---- errors, models ---- */

static void test_fault(void **state) {
    (void)state;
    struct fault f;
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 16);
    fault_set(&f, 400, NULL, "messages[2].content", "it is %s", "한글 \"x\"");
    assert_int_equal(openai_fault(&f, &b), SIL_OK);
    same(b, "{\"error\":{\"message\":\"it is 한글 \\\"x\\\"\",\"type\":\"invalid_request_error\","
            "\"param\":\"messages[2].content\",\"code\":null}}");
}

#define MODEL(id)                                                                                                      \
    "{\"id\":\"" id "\",\"object\":\"model\",\"created\":1600000000,\"owned_by\":\"sillok\",\"root\":\"tiny\","        \
    "\"parent\":null,\"max_model_len\":512,\"chat\":true,\"sillok\":{\"sha256\":\"00ff\",\"tokenizer_sha256\":"        \
    "\"ff00\",\"profile\":\"CA/1\"}}"

static void test_models(void **state) {
    (void)state;
    struct fault f;
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 16);
    assert_true(openai_models(&bed.catalog, (struct str){0}, &b, &f));
    same(b, "{\"object\":\"list\",\"data\":[" MODEL("tiny") "," MODEL("gpt-4o-mini") "]}");
    buf_init(&b, mem_libc(), 1 << 16);
    assert_true(openai_models(&bed.catalog, STR("gpt-4o-mini"), &b, &f));
    same(b, MODEL("gpt-4o-mini"));
    buf_init(&b, mem_libc(), 1 << 16);
    assert_false(openai_models(&bed.catalog, STR("gpt-9"), &b, &f));
    assert_int_equal(f.status, 404);
    assert_string_equal(f.code, "model_not_found");
    buf_init(&b, mem_libc(), 10);
    assert_false(openai_models(&bed.catalog, STR("tiny"), &b, &f));
    assert_int_equal(f.status, 413);
    buf_free(&b);
}

/* ---- memory ---- */

/* Whatever allocation fails: SIL_NOMEM, no half of a chunk, and everything given back. */
static sil_err write_all(void *ctx, struct mem mem) {
    struct request *given = ctx;
    struct request *r = openai_bed_request(mem);
    struct openai_writer w;
    struct buf b;
    if (!r) return SIL_NOMEM;
    r->kind = given->kind;
    r->model = given->model;
    r->prompts = given->prompts;
    r->n_prompts = given->n_prompts;
    r->n = given->n;
    r->echo = given->echo;
    r->logprobs = given->logprobs;
    r->split_reasoning = given->split_reasoning;
    buf_init(&b, mem, 1 << 20);
    sil_err err = openai_begin(&w, r);
    for (const struct answer_event *e = NULL; err == SIL_OK && (e = answer_after(&given->answer, e));) {
        size_t before = b.n;
        err = openai_event(&w, e, &b);
        if (err != SIL_OK) assert_int_equal(b.n, before);
    }
    buf_free(&b);
    request_release(r);
    return err;
}

static sil_err write_whole(void *ctx, struct mem mem) {
    struct request *r = ctx;
    struct openai_writer w;
    struct buf b;
    buf_init(&b, mem, 1 << 20);
    assert_int_equal(openai_begin(&w, r), SIL_OK);
    struct mem own = r->arena.mem;
    r->arena.mem = mem;
    sil_err err = openai_whole(&w, &b);
    r->arena.mem = own;
    if (err != SIL_OK) assert_int_equal(b.n, 0);
    buf_free(&b);
    return err;
}

static void test_memory(void **state) {
    (void)state;
    struct request *r = openai_bed_read(&bed, true, "{" HELLO ",\"logprobs\":true,\"top_logprobs\":2,\"stream\":true}");
    put_logprobs(r, 2);
    assert_true(test_each_allocation(write_all, r) > 3);
    assert_true(test_each_allocation(write_whole, r) > 3);
    request_release(r);
    r = openai_bed_read(&bed, false, "{\"prompt\":[1,2,3],\"logprobs\":2,\"stream\":true}");
    r->echo = true;
    put_logprobs(r, 2);
    assert_true(test_each_allocation(write_all, r) > 3);
    assert_true(test_each_allocation(write_whole, r) > 3);
    request_release(r);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chat_stream),     cmocka_unit_test(test_usage_stream),
        cmocka_unit_test(test_fault_in_stream), cmocka_unit_test(test_echo),
        cmocka_unit_test(test_chat_whole),      cmocka_unit_test(test_not_ended),
        cmocka_unit_test(test_chat_logprobs),   cmocka_unit_test(test_text_logprobs),
        cmocka_unit_test(test_reasoning),       cmocka_unit_test(test_open_reasoning),
        cmocka_unit_test(test_reasoning_usage), cmocka_unit_test(test_fault),
        cmocka_unit_test(test_models),          cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, open_bed, close_bed);
}
