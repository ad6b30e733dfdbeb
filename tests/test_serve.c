/* The server as its clients see it: answers alone and among neighbours, streams, the record, bad input, clients that go
 * away. In one process, so that sanitizers watch all of its threads. tsan: threads. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "fields.h"
#include "http_client.h"
#include "serve_bed.h"
#include "support.h"

enum { CLIENTS = 32, SEED = 60601, BODY_MAX = 1 << 16 };

static struct serve_bed bed;

static int start(void **state) {
    (void)state;
    serve_bed_open(&bed);
    serve_bed_start(&bed);
    return 0;
}

static int stop(void **state) {
    (void)state;
    serve_bed_close(&bed);
    return 0;
}

/* ---- alone and together ---- */

/* Words of several lengths and scripts, without quotes and escapes. */
static void put_text(struct buf *b, struct rng *r, uint32_t words) {
    static const char *const some[] = {"전력 ", "데이터센터 ", "a ",  "kWh ",
                                       "응답 ", "그리고 ",     "x1 ", "\xe1\x84\x80\xe1\x85\xa1 "};
    for (uint32_t i = 0; i < words; i++)
        assert_int_equal(buf_str(b, str_of(some[rng_below(r, sizeof some / sizeof *some)])), SIL_OK);
}

/* Some request; the same number gives the same bytes. */
static void make_body(uint32_t number, bool stream, struct buf *b) {
    struct rng r = {.seed = SEED, .stream = number};
    buf_init(b, mem_libc(), BODY_MAX);
    buf_printf(b, "{\"model\":\"test\",\"messages\":[");
    if (rng_below(&r, 2)) { /* a beginning that several share */
        buf_printf(b, "{\"role\":\"system\",\"content\":\"");
        struct rng shared = {.seed = SEED, .stream = 1000 + rng_below(&r, 3)};
        put_text(b, &shared, 12);
        buf_printf(b, "\"},");
    }
    buf_printf(b, "{\"role\":\"user\",\"content\":\"");
    put_text(b, &r, 1 + (uint32_t)rng_below(&r, 20));
    buf_printf(b, "\"}],\"seed\":%u,\"max_tokens\":%u", (unsigned)rng_below(&r, 1000),
               1 + (unsigned)rng_below(&r, number % 2 ? 24 : 300));
    if (rng_below(&r, 3) == 0) buf_printf(b, ",\"temperature\":0");
    if (rng_below(&r, 3) == 0) buf_printf(b, ",\"n\":%u", 2 + (unsigned)rng_below(&r, 2));
    if (rng_below(&r, 3) == 0) buf_printf(b, ",\"top_p\":0.8,\"frequency_penalty\":0.5");
    if (rng_below(&r, 3) == 0) buf_printf(b, ",\"stop\":[\"a\",\"\xec\xa0\x84\"]");
    if (rng_below(&r, 3) == 0) buf_printf(b, ",\"logprobs\":true,\"top_logprobs\":3");
    buf_printf(b, ",\"stream\":%s}", stream ? "true" : "false");
}

/* What may not differ: everything about the choices. */
static char *choices_of(const struct http_reply *r) {
    if (r->status != 200) fail_msg("%d %s", r->status, buf_view(&r->body).p);
    json_t *j = http_json(r);
    json_t *choices = json_object_get(j, "choices");
    assert_true(json_array_size(choices) > 0);
    char *text = json_dumps(choices, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(j);
    return text;
}

/* The content of a choice of a stream, all pieces together; each must be whole characters. */
static void check_stream(const struct http_reply *r, const char *choices) {
    bool done;
    json_error_t e;
    json_t *want = json_loads(choices, JSON_ALLOW_NUL, &e), *events = http_events(r, &done), *ev, *choice;
    size_t i, k, n = json_array_size(want);
    struct buf text[8];
    assert_true(done && n <= 8);
    for (i = 0; i < n; i++) buf_init(&text[i], mem_libc(), BODY_MAX);
    json_array_foreach(events, i, ev) {
        assert_true(json_is_array(json_object_get(ev, "choices")));
        json_array_foreach(json_object_get(ev, "choices"), k, choice) {
            const json_t *piece = json_object_get(json_object_get(choice, "delta"), "content");
            if (!json_is_string(piece)) continue;
            size_t at = (size_t)json_integer_value(json_object_get(choice, "index"));
            assert_true(at < n);
            assert_int_equal(buf_put(&text[at], json_string_value(piece), json_string_length(piece)), SIL_OK);
        }
    }
    for (i = 0; i < n; i++) {
        const json_t *message = json_object_get(json_array_get(want, i), "message");
        const json_t *content = json_object_get(message, "content");
        struct str all = {json_string_value(content), json_string_length(content)};
        assert_true(str_eq(buf_view(&text[i]), all));
        buf_free(&text[i]);
    }
    json_decref(events);
    json_decref(want);
}

/* A request whose choices are known. */
struct client {
    uint32_t number;
    bool stream;
    struct buf body;
    struct http_aside aside;
};

static void begin(struct client *c, uint32_t number, bool stream) {
    *c = (struct client){.number = number, .stream = stream};
    make_body(number, stream, &c->body);
    c->aside = (struct http_aside){.socket_path = bed.socket, .url = "/v1/chat/completions", .body = c->body.p};
    http_aside_begin(&c->aside);
}

static void end(struct client *c) {
    http_reply_free(&c->aside.reply);
    buf_free(&c->body);
}

static void check_answer(const struct client *c, const char *expected) {
    if (c->stream) {
        check_stream(&c->aside.reply, expected);
        return;
    }
    char *got = choices_of(&c->aside.reply);
    if (strcmp(got, expected) != 0) fail_msg("request %u: %s\nalone: %s", c->number, got, expected);
    free(got);
}

static double metric(const char *name);

static char *alone[CLIENTS]; /* what each request's choices are when nobody else asks */

static void ask_alone(void) {
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct buf body;
        struct http_reply r;
        make_body(i, false, &body);
        http_post(bed.socket, "/v1/chat/completions", body.p, &r);
        alone[i] = choices_of(&r);
        http_reply_free(&r);
        buf_free(&body);
    }
}

/* All requests at once, one half of them as streams, each judged by `check` beside its choices alone. */
static void ask_all(bool stream, void (*check)(const struct client *c, const char *expected)) {
    static struct client clients[CLIENTS];
    for (uint32_t i = 0; i < CLIENTS; i++) begin(&clients[i], i, i % 2 == stream);
    for (uint32_t i = 0; i < CLIENTS; i++) http_aside_end(&clients[i].aside);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        check(&clients[i], alone[i]);
        end(&clients[i]);
    }
}

static void ask_together(bool stream) {
    ask_all(stream, check_answer);
}

static void alone_and_together(void **state) {
    (void)state;
    ask_alone();
    ask_together(false);
    ask_together(true);
}

/* Six long answers at once, which have no room in 14 pages. */
static char *ask_much(void) {
    struct http_reply r;
    http_post(bed.socket, "/v1/chat/completions",
              "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":280,"
              "\"ignore_eos\":true,\"seed\":9,\"n\":6}",
              &r);
    char *choices = choices_of(&r);
    http_reply_free(&r);
    return choices;
}

/* Too little memory for all (answers lose their pages and are computed again), guesses ahead, small steps, threads:
 * other ways to the same bytes. */
static void other_ways(void **state) {
    (void)state;
    const struct config before = bed.config;
    char *much = ask_much();
    enum { PAGE = 16 << 10, PAGES = 14 };
    for (int way = 0; way < 4; way++) {
        serve_bed_stop(&bed);
        bed.config = before;
        struct config_model *m = &bed.config.models[0];
        if (way == 0) m->kv_bytes = PAGES * PAGE;
        if (way == 1) m->speculate = 3;
        if (way == 2) m->batch = 8;
        if (way == 3) bed.config.threads = 2;
        serve_bed_start(&bed);
        ask_together(way % 2);
        char *again = ask_much();
        assert_string_equal(again, much);
        free(again);
        if (way == 0) assert_true(metric("sillok_preemptions_total") > 0);
    }
    free(much);
    serve_bed_stop(&bed);
    bed.config = before;
    serve_bed_start(&bed);
    for (uint32_t i = 0; i < CLIENTS; i++) free(alone[i]);
}

/* ---- small helpers ---- */

static int status_of(const char *method, const char *url, const char *body, size_t n) {
    struct http_reply r;
    http_ask(bed.socket, method, url, NULL, body, n, &r);
    int status = r.status;
    if (status >= 400 && status != 408) { /* every refusal is OpenAI's error object */
        json_t *j = http_json(&r);
        assert_true(json_is_string(json_object_get(json_object_get(j, "error"), "message")));
        json_decref(j);
    }
    http_reply_free(&r);
    return status;
}

/* What /metrics says of a name with its labels; -1 when there is no such line. */
static double metric(const char *name) {
    struct http_reply r;
    http_ask(bed.socket, "GET", "/metrics", NULL, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    double v = -1;
    for (const char *p = buf_view(&r.body).p; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, name, strlen(name)) == 0) v = strtod(strchr(p, ' ') + 1, NULL);
    http_reply_free(&r);
    return v;
}

static bool is_ready(void) {
    struct http_reply r;
    http_ask(bed.socket, "GET", "/ready", NULL, NULL, 0, &r);
    assert_true(r.status == 200 || r.status == 503);
    http_reply_free(&r);
    return r.status == 200;
}

/* The record's thread tries once a second whether it can write again. */
static void wait_until_ready(void) {
    struct test_wait w = {0};
    while (!is_ready() && test_wait(&w)) continue;
    assert_true(is_ready());
}

static const char small[] =
    "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"안녕\"}],\"max_tokens\":4,"
    "\"seed\":1}";

/* ---- the record ---- */

static void every_answer_has_its_entry(void **state) {
    (void)state;
    struct http_reply r;
    double before = metric("sillok_ledger_entries_total");
    http_post(bed.socket, "/v1/chat/completions", small, &r);
    json_t *j = http_json(&r);
    char index[32];
    snprintf(index, sizeof index, "%lld", (long long)field_int(j, "sillok.entry"));
    assert_true(str_eq(http_header(&r, "x-sillok-entry"), str_of(index)));
    assert_true(str_starts(str_of(field_text(j, "sillok.receipt")), STR("c2sp.org/tlog-proof@v1\n")));
    assert_true(metric("sillok_ledger_entries_total") == before + 1);
    json_decref(j);
    http_reply_free(&r);
}

/* A disk without room (files may not grow): no answer without a record; recovery by itself. */
static void full_disk(void **state) {
    (void)state;
    struct rlimit before, none;
    struct http_reply r;
    bool done;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    http_post(bed.socket, "/v1/chat/completions",
              "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":4,"
              "\"ignore_eos\":true,\"stream\":true}",
              &r);
    json_t *events = http_events(&r, &done);
    assert_false(done);
    json_t *last = json_array_get(events, json_array_size(events) - 1);
    assert_int_equal(r.status, 200); /* the head was sent before; the error comes in the stream */
    assert_true(json_is_object(json_object_get(last, "error")));
    json_decref(events);
    http_reply_free(&r);
    http_post(bed.socket, "/v1/chat/completions", small, &r);
    assert_int_equal(r.status, 503);
    assert_true(http_header(&r, "retry-after").n > 0);
    http_reply_free(&r);
    assert_false(is_ready());
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    wait_until_ready();
    assert_int_equal(status_of("POST", "/v1/chat/completions", small, sizeof small - 1), 200);
}

/* ---- models, tenants ---- */

static void several_models(void **state) {
    (void)state;
    const struct config before = bed.config;
    serve_bed_stop(&bed);
    bed.config.models[1] = bed.config.models[0];
    bed.config.models[1].name = "second";
    bed.config.models[1].aliases[0] = "other-name";
    bed.config.models[1].n_aliases = 1;
    bed.config.models[1].sampling.temperature = 0; /* its own default */
    bed.config.n_models = 2;
    serve_bed_start(&bed);
    static const char *const names[] = {"test", "second", "other-name"};
    for (int i = 0; i < 3; i++) {
        char body[256];
        struct http_reply r;
        int n = snprintf(body, sizeof body, "{\"model\":\"%s\",\"prompt\":\"x\",\"max_tokens\":3}", names[i]);
        assert_true(n > 0);
        http_post(bed.socket, "/v1/completions", body, &r);
        assert_int_equal(r.status, 200);
        http_reply_free(&r);
    }
    serve_bed_stop(&bed);
    bed.config.memory_bytes = 1 << 20; /* a budget that they pass */
    struct sil_error e = {0};
    assert_int_equal(server_open(&bed.config, NULL, bed.mem, &bed.server, &e), SIL_LIMIT);
    assert_non_null(strstr(e.text, "memory budget"));
    bed.server = NULL;
    bed.config = before;
    serve_bed_start(&bed);
}

/* How many tokens of a long prompt were in the cache for who has this key. */
static long long cached_for(const char *key) {
    struct buf b;
    buf_init(&b, mem_libc(), BODY_MAX);
    buf_str(&b, STR("{\"model\":\"test\",\"max_tokens\":1,\"prompt\":\""));
    for (int i = 0; i < 60; i++) buf_str(&b, STR("전력 "));
    buf_str(&b, STR("\"}"));
    json_t *j = http_expect(bed.socket, "POST", "/v1/completions", key, b.p, 200);
    long long n = field_int(j, "usage.prompt_tokens_details.cached_tokens");
    json_decref(j);
    buf_free(&b);
    return n;
}

/* What one tenant asked makes nothing faster for another: a cache that is shared tells what others ask. */
static void tenants_share_no_cache(void **state) {
    (void)state;
    char a[GATE_SECRET], b[GATE_SECRET];
    serve_bed_stop(&bed);
    bed.config.keys = true;
    serve_bed_key(&bed, "a", false, NULL, a);
    serve_bed_key(&bed, "b", false, NULL, b);
    serve_bed_start(&bed);
    assert_int_equal(cached_for(a), 0);
    assert_true(cached_for(a) > 0);
    assert_int_equal(cached_for(b), 0);
    assert_true(cached_for(b) > 0);
    assert_int_equal(status_of("POST", "/v1/completions", "{}", 2), 401);
    assert_int_equal(status_of("GET", "/v1/models", NULL, 0), 401);
    assert_int_equal(status_of("GET", "/metrics", NULL, 0), 401);
    assert_int_equal(status_of("GET", "/health", NULL, 0), 200);
    serve_bed_stop(&bed);
    bed.config.keys = false;
    serve_bed_start(&bed);
}

/* ---- bad input ---- */

static void bad_requests(void **state) {
    (void)state;
    static const struct {
        const char *method, *url, *body;
        int status;
    } cases[] = {
        {"GET", "/nothing", "", 404},
        {"GET", "/v1/chat/completions", "", 405},
        {"POST", "/health", "{}", 405},
        {"GET", "/v1/models/other", "", 404},
        {"POST", "/v1/chat/completions", "", 400},
        {"POST", "/v1/chat/completions", "{", 400},
        {"POST", "/v1/chat/completions", "[]", 400},
        {"POST", "/v1/chat/completions", "{\"model\":\"test\"}", 400},
        {"POST", "/v1/chat/completions", "{\"model\":\"test\",\"messages\":\"x\"}", 400},
        {"POST", "/v1/chat/completions", "{\"model\":\"other\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
         404},
        {"POST", "/v1/chat/completions", "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}",
         400},
        {"POST", "/v1/chat/completions",
         "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"hot\"}", 400},
        {"POST", "/v1/completions", "{\"model\":\"test\",\"prompt\":[99999999]}", 400},
        {"POST", "/v1/completions", "{\"model\":\"test\",\"prompt\":\"\"}", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = status_of(cases[i].method, cases[i].url, cases[i].body, strlen(cases[i].body));
        if (status != cases[i].status) fail_msg("%s %s: %d", cases[i].url, cases[i].body, status);
    }
    assert_int_equal(status_of("GET", "/health", NULL, 0), 200);
}

/* A megabyte-long prompt is refused by its length, a longer body by its size, nested JSON by its depth. */
static void large_requests(void **state) {
    (void)state;
    static const char head[] = "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"", tail[] = "\"}]}";
    size_t n = 10 << 20;
    struct buf b;
    buf_init(&b, mem_libc(), 64 << 20);
    buf_str(&b, str_of(head));
    while (b.n < n) buf_str(&b, STR("서울 전력 1 "));
    buf_str(&b, str_of(tail));
    assert_int_equal(status_of("POST", "/v1/chat/completions", b.p, b.n), 400);
    buf_clear(&b);
    for (size_t i = 0; i < 1 << 20; i++) buf_char(&b, '[');
    assert_int_equal(status_of("POST", "/v1/chat/completions", b.p, b.n), 400);
    struct http_reply r;
    int fd = http_dial(bed.socket);
    static const char huge[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{";
    assert_true(http_send(fd, huge, sizeof huge - 1));
    http_receive(fd, &r);
    assert_int_equal(r.status, 413);
    http_reply_free(&r);
    close(fd);
    buf_free(&b);
    assert_int_equal(status_of("GET", "/health", NULL, 0), 200);
}

/* Bytes that are no HTTP: an error or a closed connection, and nobody else notices. */
static void malformed_http(void **state) {
    (void)state;
    static const char *const cases[] = {
        "\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET /health HTTP/9.9\r\n\r\n",
        "GET /health HTTP/1.1\r\nno colon here\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxx",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_reply r;
        int fd = http_dial(bed.socket);
        http_send(fd, cases[i], strlen(cases[i]));
        shutdown(fd, SHUT_WR);
        http_receive(fd, &r);
        if (r.status != 0 && r.status / 100 != 4 && r.status / 100 != 5) fail_msg("%s: %d", cases[i], r.status);
        http_reply_free(&r);
        close(fd);
    }
    struct buf b; /* headers without end */
    struct http_reply r;
    buf_init(&b, mem_libc(), 1 << 21);
    buf_printf(&b, "GET /health HTTP/1.1\r\nHost: x\r\n");
    while (b.n < 1 << 20) buf_printf(&b, "X-Header-%zu: %064d\r\n", b.n, 0);
    int fd = http_dial(bed.socket);
    http_send(fd, b.p, b.n);
    http_receive(fd, &r);
    assert_true(r.status == 0 || r.status / 100 == 4);
    http_reply_free(&r);
    close(fd);
    buf_free(&b);
    assert_int_equal(status_of("GET", "/health", NULL, 0), 200);
}

/* ---- memory that is not there ---- */

/* The right bytes, or a refusal, or a closed connection; never other bytes. */
static void check_scarce(const struct client *c, const char *expected) {
    const struct http_reply *r = &c->aside.reply;
    const char *text = buf_view(&r->body).p;
    if (r->status == 200) {
        if (strstr(text, "\"finish_reason\":\"error\"")) return; /* ended in the middle, and said so */
        if (r->whole && (!c->stream || strstr(text, "[DONE]"))) check_answer(c, expected);
    } else if (r->status != 0 && r->status != 503 && r->status != 500) {
        fail_msg("request %u: %d %s", c->number, r->status, text);
    }
}

static void memory_runs_out(void **state) {
    (void)state;
    struct test_scarce scarce = {0};
    const struct mem before = bed.mem;
    serve_bed_stop(&bed);
    bed.mem = test_scarce_mem(&scarce);
    serve_bed_start(&bed);
    ask_alone();
    for (uint32_t one_in = 7; one_in < 200; one_in = one_in * 2 + 3) {
        atomic_store(&scarce.one_in, one_in);
        ask_all(true, check_scarce);
    }
    atomic_store(&scarce.one_in, 0);
    wait_until_ready();
    ask_together(true); /* as if nothing had been */
    for (uint32_t i = 0; i < CLIENTS; i++) free(alone[i]);
    serve_bed_stop(&bed);
    bed.mem = before;
    serve_bed_start(&bed);
}

/* ---- clients that go away ---- */

/* Begins a stream of many tokens and leaves in the middle. */
static void begin_and_leave(const char *path, bool read_some) {
    static const char body[] =
        "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":900,"
        "\"ignore_eos\":true,\"stream\":true}";
    char some[2048];
    int fd = http_begin(path, "POST", "/v1/chat/completions", NULL, body, sizeof body - 1);
    if (read_some) assert_true(read(fd, some, sizeof some) > 0);
    close(fd);
}

static void wait_until_nothing_runs(void) {
    struct test_wait w = {0};
    do {
        if (metric("sillok_requests_running") == 0 && metric("sillok_requests_waiting") == 0 &&
            server_is_idle(bed.server))
            return;
    } while (test_wait(&w));
    fail_msg("answers go on for clients that are gone");
}

static void gone_clients_are_noticed(void **state) {
    (void)state;
    for (int i = 0; i < 12; i++) begin_and_leave(bed.socket, i % 3 != 0);
    wait_until_nothing_runs();
    assert_int_equal(status_of("POST", "/v1/chat/completions", small, sizeof small - 1), 200);
}

/* ---- forms of HTTP ---- */

/* What is sent at once, and a piece that some reply to it must have. */
static void exchange_has(const char *sent, const char *wanted) {
    char got[8192];
    size_t n = 0;
    int fd = http_dial(bed.socket);
    assert_true(http_send(fd, sent, strlen(sent)));
    got[0] = '\0';
    while (n < sizeof got - 1 && !strstr(got, wanted)) {
        ssize_t k = recv(fd, got + n, sizeof got - 1 - n, 0);
        if (k <= 0) break;
        n += (size_t)k;
        got[n] = '\0';
    }
    if (!strstr(got, wanted)) fail_msg("%s is not in: %s", wanted, got);
    close(fd);
}

static void forms_of_http(void **state) {
    (void)state;
    exchange_has("HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "Content-Length: 15\r\n");
    exchange_has("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found");
    exchange_has("POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "8\r\n{\"conten\r\n7\r\nt\":\"a\"}\r\n0\r\n\r\n",
                 "\"tokens\"");
    exchange_has("POST /v1/completions HTTP/1.0\r\nContent-Length: 58\r\n\r\n"
                 "{\"model\":\"test\",\"prompt\":\"x\",\"max_tokens\":2,\"stream\":true}",
                 "data: [DONE]");
    exchange_has(
        "OPTIONS /v1/models HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\n\r\n",
        "405 Method Not Allowed");
    const struct config before = bed.config;
    serve_bed_stop(&bed);
    bed.config.cors_origin = "https://a";
    serve_bed_start(&bed);
    exchange_has(
        "OPTIONS /v1/models HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\n\r\n",
        "Access-Control-Allow-Origin: https://a\r\n");
    serve_bed_stop(&bed);
    bed.config.cors_origin = NULL;
    bed.config.watts_max = 100; /* nothing to keep it by, or kept */
    struct sil_error e = {0};
    sil_err err = server_open(&bed.config, NULL, bed.mem, &bed.server, &e);
    assert_true(err == SIL_OK || (err == SIL_UNSUPPORTED && strstr(e.text, "energy counter")));
    if (err == SIL_OK) serve_bed_stop(&bed);
    bed.server = NULL;
    bed.config = before;
    serve_bed_start(&bed);
}

/* ---- limits in time, drain ---- */

/* Whether the server shuts a connection, in the end, though something comes all the time. */
static bool is_shut(int fd) {
    struct test_wait w = {0};
    char c;
    do {
        if (!http_send(fd, "y", 1) || recv(fd, &c, 1, MSG_DONTWAIT) == 0) return true;
        test_nap_ms(50);
    } while (test_wait(&w));
    return false;
}

static void slow_heads_are_shut_out(void **state) {
    (void)state;
    const struct config before = bed.config;
    serve_bed_stop(&bed);
    bed.config.limits.header_ms = 300;
    bed.config.limits.body_ms = 300;
    serve_bed_start(&bed);
    static const char *const begun[] = {
        "GET /health HTTP/1.1\r\nX-Slow: ",
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n{"};
    for (int k = 0; k < 2; k++) {
        int fd = http_dial(bed.socket);
        assert_true(http_send(fd, begun[k], strlen(begun[k])));
        assert_true(is_shut(fd));
        close(fd);
    }
    serve_bed_stop(&bed); /* such limits are for nobody else on a loaded machine */
    bed.config = before;
    serve_bed_start(&bed);
    assert_int_equal(status_of("GET", "/health", NULL, 0), 200);
}

/* Who asks for much and reads nothing holds up neither the engine nor, for longer than the limit, a connection. */
static void slow_readers_are_shut_out(void **state) {
    (void)state;
    enum { WAIT_MS = 120000 };
    static const char body[] =
        "{\"model\":\"test\",\"prompt\":\"x\",\"max_tokens\":1000,\"ignore_eos\":true,\"stream\":true,"
        "\"n\":4,\"logprobs\":5,\"temperature\":1.9}";
    const struct config before = bed.config;
    serve_bed_stop(&bed);
    bed.config.limits.idle_ms = 600;
    serve_bed_start(&bed);
    int fd = http_begin(bed.socket, "POST", "/v1/completions", NULL, body, sizeof body - 1);
    struct pollfd shut = {.fd = fd}; /* for being hung up on, which needs no reading */
    assert_int_equal(poll(&shut, 1, WAIT_MS), 1);
    struct http_reply r;
    http_receive(fd, &r); /* what had been sent before */
    assert_int_equal(r.status, 200);
    assert_false(r.whole);
    http_reply_free(&r);
    close(fd);
    serve_bed_idle(&bed);
    serve_bed_stop(&bed);
    bed.config = before;
    serve_bed_start(&bed);
    assert_int_equal(status_of("GET", "/health", NULL, 0), 200);
}

static const char long_body[] =
    "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":900,"
    "\"ignore_eos\":true,\"seed\":3}";

static void drain_lets_answers_end(void **state) {
    (void)state;
    struct http_aside a = {.socket_path = bed.socket, .url = "/v1/chat/completions", .body = long_body};
    struct test_wait w = {0};
    assert_true(is_ready());
    http_aside_begin(&a);
    while (server_is_idle(bed.server) && !atomic_load(&a.done) && test_wait(&w)) continue;
    server_drain(bed.server);
    assert_false(is_ready());
    assert_int_equal(status_of("POST", "/v1/chat/completions", small, sizeof small - 1), 503);
    http_aside_end(&a);
    assert_int_equal(a.reply.status, 200);
    http_reply_free(&a.reply);
    serve_bed_idle(&bed);
}

/* Stopped in the middle of everything: everybody gets an answer or an error, nothing hangs or leaks. */
static void stop_in_the_middle(void **state) {
    (void)state;
    int fd[6];
    struct test_wait w = {0};
    serve_bed_stop(&bed);
    serve_bed_start(&bed);
    for (int i = 0; i < 6; i++)
        fd[i] = http_begin(bed.socket, "POST", "/v1/chat/completions", NULL, long_body, sizeof long_body - 1);
    struct pollfd answered = {.fd = fd[0], .events = POLLIN};
    while (server_is_idle(bed.server) && poll(&answered, 1, 0) == 0 && test_wait(&w)) continue;
    serve_bed_stop(&bed);
    for (int i = 0; i < 6; i++) {
        struct http_reply r;
        http_receive(fd[i], &r);
        if (r.status != 200 && r.status != 503 && r.status != 0) fail_msg("status %d", r.status);
        http_reply_free(&r);
        close(fd[i]);
    }
    serve_bed_start(&bed);
    assert_int_equal(status_of("POST", "/v1/chat/completions", small, sizeof small - 1), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_and_together),
        cmocka_unit_test(other_ways),
        cmocka_unit_test(every_answer_has_its_entry),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(several_models),
        cmocka_unit_test(tenants_share_no_cache),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(large_requests),
        cmocka_unit_test(malformed_http),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(gone_clients_are_noticed),
        cmocka_unit_test(forms_of_http),
        cmocka_unit_test(slow_heads_are_shut_out),
        cmocka_unit_test(slow_readers_are_shut_out),
        cmocka_unit_test(drain_lets_answers_end),
        cmocka_unit_test(stop_in_the_middle),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, start, stop);
}
