/* What operators read: log lines are JSON whatever they are given, metrics are Prometheus text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/jsonx.h"
#include "serve/log.h"
#include "serve/metrics.h"
#include "support.h"

/* ---- log ---- */

static int64_t fixed_ms(void *ctx) {
    return *(int64_t *)ctx;
}
static uint64_t no_ns(void *ctx) {
    (void)ctx;
    return 0;
}
static int64_t no_s(void *ctx) {
    (void)ctx;
    return 0;
}

struct capture {
    int fds[2];
    int64_t ms;
    struct log *log;
    char line[2 * LOG_LINE_MAX];
};

static void begin(struct capture *c, enum log_level least) {
    assert_int_equal(pipe(c->fds), 0);
    c->ms = 1795354629042; /* 2026-11-22T13:37:09.042Z */
    assert_int_equal(log_open(c->fds[1], least, (struct clock){no_ns, no_s, &c->ms, fixed_ms}, &c->log), SIL_OK);
}

/* The lines written so far, as one JSON object: the caller's. */
static json_t *end(struct capture *c) {
    log_close(c->log);
    close(c->fds[1]);
    ssize_t n = read(c->fds[0], c->line, sizeof c->line - 1);
    close(c->fds[0]);
    c->line[n > 0 ? n : 0] = '\0';
    if (n <= 0) return NULL;
    assert_true(c->line[n - 1] == '\n' && !memchr(c->line, '\n', (size_t)n - 1));
    json_t *j = NULL;
    struct sil_error e = {0};
    if (jsonx_parse((struct str){c->line, (size_t)n}, "a line", &j, &e) != SIL_OK) fail_msg("%s: %s", e.text, c->line);
    return j;
}

static void log_line(void **state) {
    (void)state;
    struct capture c;
    begin(&c, LOG_INFO);
    LOG(c.log, LOG_DEBUG, "unseen", LOG_U("n", 1));
    LOG(NULL, LOG_ERROR, "nowhere", LOG_U("n", 1));
    LOG(c.log, LOG_WARN, "answer", LOG_S("gen_ai.request.model", "guide"),
        LOG_U("gen_ai.usage.input_tokens", INT64_MAX), LOG_F("seconds", 0.25), LOG_F("left.out", (double)NAN),
        LOG_S("absent", NULL), LOG_B("stream", true));
    json_t *j = end(&c);
    assert_string_equal(c.line, "{\"time\":\"2026-11-22T13:37:09.042Z\",\"level\":\"warn\",\"event\":\"answer\","
                                "\"gen_ai.request.model\":\"guide\",\"gen_ai.usage.input_tokens\":9223372036854775807,"
                                "\"seconds\":0.25,\"stream\":true}\n");
    json_decref(j);
}

static void log_hostile(void **state) {
    (void)state;
    struct capture c;
    char longer[4000], huge[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memset(huge, 1, sizeof huge - 1); /* six bytes each, escaped */
    huge[sizeof huge - 1] = '\0';
    begin(&c, LOG_DEBUG);
    LOG(c.log, LOG_INFO, "a\"b", LOG_S("bad", "\xff\n\x1b[31m \"\\ 실록 \xc2\x85"), LOG_S("long", longer),
        LOG_S("huge", huge), LOG_U("after", 7));
    json_t *j = end(&c);
    assert_string_equal(json_string_value(json_object_get(j, "event")), "a\"b");
    assert_string_equal(json_string_value(json_object_get(j, "bad")), "\xef\xbf\xbd\n\x1b[31m \"\\ 실록 \xc2\x85");
    assert_null(strchr(c.line, 0x1b));
    assert_int_equal(json_string_length(json_object_get(j, "long")), 2048 + 3);
    assert_null(json_object_get(j, "huge")); /* it does not fit; the rest does */
    assert_int_equal(json_integer_value(json_object_get(j, "after")), 7);
    assert_true(json_is_true(json_object_get(j, "cut")));
    json_decref(j);
}

static void log_full_disk(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        TEST_SKIP("no /dev/full");
        return;
    }
    struct log *l;
    int64_t ms = 0;
    assert_int_equal(log_open(fileno(full), LOG_INFO, (struct clock){no_ns, no_s, &ms, fixed_ms}, &l), SIL_OK);
    for (int i = 0; i < 3; i++) LOG(l, LOG_INFO, "lost", LOG_U("i", (uint64_t)i));
    log_level_set(l, LOG_ERROR);
    LOG(l, LOG_INFO, "unseen", LOG_U("i", 1));
    assert_int_equal(log_lost(l), 3);
    log_close(l);
    fclose(full);
}

/* ---- metrics ---- */

static char *text_of(const struct metrics *m, bool vllm, struct buf *b) {
    buf_init(b, mem_libc(), 1 << 20);
    assert_int_equal(metrics_write(m, vllm, b), SIL_OK);
    return b->p;
}

static void expect(const char *text, const char *line) {
    if (!strstr(text, line)) fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void metrics_text(void **state) {
    (void)state;
    struct metrics_model models[2] = {{.name = "guide"}, {.name = "a\"b\\c\nd"}};
    struct metrics m = {.models = models, .n_models = 2, .started_unix_s = 1795354629};
    struct buf b;
    metrics_add(&models[0].prompt_tokens, 100);
    metrics_add(&models[0].generation_tokens, 40);
    metrics_add(&models[0].energy_uj, 10000000);
    metrics_set(&models[0].running, 3);
    metrics_set(&models[0].pages, 8);
    metrics_set(&models[0].pages_used, 2);
    metrics_add(&models[0].finished[FINISH_CANCELLED], 2);
    metrics_add(&models[0].finished[FINISH_TIMEOUT], 1);
    metrics_add(&models[0].step_ns, 1500000000);
    metrics_observe(&models[0].first_token, 0);
    metrics_observe(&models[0].first_token, 1000000); /* a bound belongs to its bucket */
    metrics_observe(&models[0].first_token, 1000001);
    metrics_observe(&models[0].first_token, UINT64_C(600) * 1000000000);
    metrics_add(&m.http_refused[3], 5);
    metrics_add(&m.replays_asked, 9);
    metrics_add(&m.replays[METRICS_REPLAY_DIFFERENT], 2);
    const char *t = text_of(&m, true, &b);
    expect(t, "\nsillok_prompt_tokens_total{model_name=\"guide\"} 100\n");
    expect(t, "\nvllm:prompt_tokens_total{model_name=\"guide\"} 100\n");
    expect(t, "{model_name=\"a\\\"b\\\\c\\nd\"}");
    expect(t, "\nvllm:kv_cache_usage_perc{model_name=\"guide\"} 0.250000\n");
    expect(t, "\nvllm:request_success_total{model_name=\"guide\",finished_reason=\"abort\"} 3\n");
    expect(t, "\nsillok_answers_total{model_name=\"guide\",finish=\"timeout\"} 1\n");
    expect(t, "\nsillok_energy_joules_total{model_name=\"guide\"} 10.000000\n");
    expect(t, "\nsillok_energy_joules_per_token{model_name=\"guide\"} 0.250000\n");
    expect(t, "\nsillok_step_seconds_total{model_name=\"guide\"} 1.500000000\n");
    expect(t, "\nsillok_http_refused_total{status=\"429\"} 5\n");
    expect(t, "\nsillok_replays_asked_total 9\n");
    expect(t, "\nsillok_replays_total{result=\"equal\"} 0\n");
    expect(t, "\nsillok_replays_total{result=\"different\"} 2\n");
    expect(t, "\nsillok_replays_total{result=\"refused\"} 0\n");
    expect(t, "\nsillok_replays_total{result=\"failed\"} 0\n");
    expect(t, "\nsillok_replays_total{result=\"cancelled\"} 0\n");
    expect(t, "\nvllm:time_to_first_token_seconds_bucket{model_name=\"guide\",le=\"0.001\"} 2\n");
    expect(t, "\nvllm:time_to_first_token_seconds_bucket{model_name=\"guide\",le=\"0.002\"} 3\n");
    expect(t, "\nvllm:time_to_first_token_seconds_bucket{model_name=\"guide\",le=\"524.288\"} 3\n");
    expect(t, "\nvllm:time_to_first_token_seconds_bucket{model_name=\"guide\",le=\"+Inf\"} 4\n");
    expect(t, "\nvllm:time_to_first_token_seconds_count{model_name=\"guide\"} 4\n");
    expect(t, "\nvllm:time_to_first_token_seconds_sum{model_name=\"guide\"} 600.002000001\n");
    buf_free(&b);
    t = text_of(&m, false, &b);
    assert_null(strstr(t, "vllm"));
    buf_free(&b);
}

/* Every line is a comment or a name, labels and a number; a name has its lines together, behind its TYPE. */
static void metrics_grammar(void **state) {
    (void)state;
    struct metrics_model models[2] = {{.name = "a"}, {.name = "b"}};
    struct metrics m = {.models = models, .n_models = 2};
    struct buf b;
    char type[128] = "";
    size_t lines = 0;
    text_of(&m, true, &b);
    for (const char *p = b.p; *p; lines++) {
        size_t n = strcspn(p, "\n");
        assert_true(p[n] == '\n');
        if (strncmp(p, "# TYPE ", 7) == 0) snprintf(type, sizeof type, "%.*s", (int)strcspn(p + 7, " "), p + 7);
        else if (*p != '#') {
            if (strncmp(p, type, strlen(type)) != 0) fail_msg("not behind its TYPE: %.*s", (int)n, p);
            const char *space = memchr(p, ' ', n);
            char *after = NULL;
            assert_non_null(space);
            strtod(space + 1, &after);
            assert_true(after == p + n);
        }
        p += n + 1;
    }
    assert_true(lines > 100);
    buf_free(&b);
}

static sil_err allocate(void *ctx, struct mem mem) {
    struct buf b;
    buf_init(&b, mem, 1 << 20);
    sil_err err = metrics_write(ctx, true, &b);
    buf_free(&b);
    return err;
}

static void metrics_memory(void **state) {
    (void)state;
    struct metrics_model model = {.name = "a"};
    struct metrics m = {.models = &model, .n_models = 1};
    assert_true(test_each_allocation(allocate, &m) >= 1);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_line),     cmocka_unit_test(log_hostile),     cmocka_unit_test(log_full_disk),
        cmocka_unit_test(metrics_text), cmocka_unit_test(metrics_grammar), cmocka_unit_test(metrics_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
