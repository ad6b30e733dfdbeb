/* Plans in the server: the same numbers as `sillok plan run`, inside limits, for whatever is sent; and reports as
 * documents of their own. tsan: threads. */
#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "fields.h"
#include "http_client.h"
#include "plan/outcome_report.h"
#include "serve/planner.h"
#include "serve_bed.h"
#include "support.h"

enum { BODY_MAX = 1 << 20, TRIES = 20 };

#define BASE "examples/korea-250mw.yaml"

static struct serve_bed bed;
static char key_a[GATE_SECRET], key_b[GATE_SECRET];

static int start(void **state) {
    (void)state;
    serve_bed_open(&bed);
    bed.config.keys = true;
    bed.config.limits.plan_ms = bed.config.limits.report_ms = 3600 * 1000; /* slow machines are no failure */
    serve_bed_key(&bed, "a", false, NULL, key_a);
    serve_bed_key(&bed, "b", false, NULL, key_b);
    serve_bed_start(&bed);
    return 0;
}

static int stop(void **state) {
    (void)state;
    serve_bed_close(&bed);
    return 0;
}

static void ask(const char *key, const char *url, const char *body, struct http_reply *r) {
    http_ask(bed.socket, body ? "POST" : "GET", url, key, body, body ? strlen(body) : 0, r);
}

static json_t *run(const char *body) {
    return http_expect(bed.socket, "POST", "/plan/run", key_a, body, 200);
}

/* ---- the same numbers ---- */

static struct plan_outcome *run_file(const char *path, struct plan_design *d) {
    struct plan_outcome *o = NULL;
    struct outcome_options opt = {0};
    struct sil_error e = {0};
    if (plan_design_read(path, mem_libc(), d, &e) != SIL_OK || plan_outcome_run(d, &opt, mem_libc(), &o, &e) != SIL_OK)
        fail_msg("%s", e.text);
    return o;
}

/* The reply has the very numbers of a run of that file. */
static void equals_file(const json_t *reply, const char *path) {
    struct plan_design *d = malloc(sizeof *d);
    assert_non_null(d);
    struct plan_outcome *o = run_file(path, d);
    const json_t *results = json_object_get(reply, "results");
    assert_string_equal(field_text(reply, "sha256"), d->digest);
    assert_int_equal(field_int(reply, "year"), o->year);
    assert_int_equal(json_array_size(results), o->results.n);
    for (size_t i = 0; i < o->results.n; i++) {
        const json_t *one = json_array_get(results, i), *value = json_object_get(one, "value");
        const struct plan_result *want = &o->results.r[i];
        assert_string_equal(field_text(one, "key"), want->key);
        if (isfinite(want->value)) assert_true(json_number_value(value) == want->value);
        else assert_true(json_is_null(value));
    }
    const json_t *import = field_at(reply, "series.day.import");
    assert_int_equal(json_array_size(import), 365);
    double gwh = 0, want = o->sums.import_j / 3.6e12;
    for (size_t i = 0; i < 365; i++) gwh += json_number_value(json_array_get(import, i)) * 24 / 1000;
    assert_true(fabs(gwh - want) < 1e-5 * want); /* six digits of each day */
    plan_outcome_free(o);
    free(d);
}

static void the_base_is_the_example(void **state) {
    (void)state;
    struct http_reply r;
    struct buf file;
    buf_init(&file, mem_libc(), BODY_MAX);
    test_read_file(BASE, &file);
    ask(key_a, "/plan/base", NULL, &r);
    assert_int_equal(r.status, 200);
    assert_true(str_eq(buf_view(&r.body), buf_view(&file)));
    http_reply_free(&r);
    buf_free(&file);
    json_t *j = http_expect(bed.socket, "GET", "/plan/variables", key_a, NULL, 200);
    assert_true(json_array_size(json_object_get(j, "main")) > 11);
    json_decref(j);
    json_decref(http_expect(bed.socket, "GET", "/plan/base", NULL, NULL, 401));
    json_decref(http_expect(bed.socket, "GET", "/plan/variables", NULL, NULL, 401));
    json_decref(http_expect(bed.socket, "POST", "/plan/run", NULL, "{}", 401));
}

static void the_numbers_are_those_of_the_command(void **state) {
    (void)state;
    json_t *j = run("{}");
    equals_file(j, BASE);
    json_decref(j);
}

/* What was run is in the reply, as a file that gives the same again. */
static void changed_values_make_a_file(void **state) {
    (void)state;
    char path[300];
    struct file_out out;
    struct sil_error e = {0};
    json_t *j = run("{\"set\":{\"site.contract\":260.5,\"pv.capacity\":50,\"pools[halls].gpus\":90000,"
                    "\"services[chat].gpu_share\":25,\"cooling.rejection\":\"dry\",\"cooling.chiller\":true,"
                    "\"site.name\":\"새만금 \\\"1\\\"\",\"battery.power\":\"20 MW\",\"battery.energy\":80}}");
    const char *text = field_text(j, "design");
    assert_non_null(strstr(text, "contract: 260.5 MW"));
    assert_non_null(strstr(text, "# The announced 250 MW case"));
    snprintf(path, sizeof path, "%s/changed.yaml", bed.dir);
    assert_int_equal(file_create(path, &out, &e), SIL_OK);
    assert_int_equal(file_write(&out, text, strlen(text), &e), SIL_OK);
    assert_int_equal(file_commit(&out, &e), SIL_OK);
    equals_file(j, path);
    const json_t *values = json_object_get(j, "values");
    assert_true(json_number_value(json_object_get(values, "site.contract")) == 260.5);
    assert_string_equal(json_string_value(json_object_get(values, "cooling.rejection")), "dry"); /* a name with a dot */
    /* Sent back as it came, it is the same design. */
    json_t *again = json_pack("{s:s}", "design", text);
    char *body = json_dumps(again, 0);
    json_t *k = run(body);
    assert_string_equal(field_text(j, "sha256"), field_text(k, "sha256"));
    assert_true(json_equal(json_object_get(j, "results"), json_object_get(k, "results")));
    free(body);
    json_decref(again);
    json_decref(k);
    json_decref(j);
}

/* ---- bad input ---- */

#define SMALL                                                                                                          \
    "site: {name: A, contract: 20 MW}\\npools: [{name: a}]\\nservices: [{name: c, kind: chat, model: "                 \
    "llama3.3-70b}]\\n"

#define SMALL_TEXT                                                                                                     \
    "site: {name: A, contract: 20 MW}\npools: [{name: a}]\nservices: [{name: c, kind: chat, model: llama3.3-70b}]\n"

static void what_cannot_run_is_named(void **state) {
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *code, *param, *says;
    } cases[] = {
        {"x", 400, "invalid_json", NULL, "line 1"},
        {"[]", 400, "invalid_type", NULL, "JSON object"},
        {"{\"years\":3}", 400, "unknown_field", NULL, "allowed: design, set, lang"},
        {"{\"design\":3}", 400, "invalid_type", "design", "expected a string"},
        {"{\"set\":[]}", 400, "invalid_type", "set", "an object"},
        {"{\"lang\":\"fr\"}", 400, "invalid_value", "lang", "ko or en"},
        {"{\"set\":{\"site.contract\":99999}}", 400, "invalid_design", "site.contract",
         "design.yaml:11:13: site.contract is 99999 MW; allowed: 0.01 to 10000 MW"},
        {"{\"set\":{\"site.contract\":\"5 km\"}}", 400, "invalid_design", "site.contract", "design.yaml:11:13: "},
        {"{\"set\":{\"site.contract\":1e308}}", 400, "invalid_design", "site.contract", "allowed: "},
        {"{\"set\":{\"site.contract\":null}}", 400, "invalid_type", "site.contract", "must be a number"},
        {"{\"set\":{\"site.contract\":{}}}", 400, "invalid_type", "site.contract", "must be a number"},
        {"{\"set\":{\"site.contract\":1}}", 400, "invalid_design", "site.contract", "allowed: at most site.contract"},
        {"{\"set\":{\"build.phases[full].contract\":0.05,\"site.contract\":0.05,"
         "\"build.phases[0].contract\":0.01,\"build.phases[1].contract\":0.02}}",
         400, "invalid_design", "site.contract", "too little"},
        {"{\"set\":{\"pools[halls].gpus\":1.5}}", 400, "invalid_design", "pools[halls].gpus", "whole number"},
        {"{\"set\":{\"pools[none].gpus\":1}}", 400, "invalid_value", "pools[none].gpus", "has no pools[none]"},
        {"{\"set\":{\"cooling.rejection\":\"sea\"}}", 400, "invalid_design", "cooling.rejection",
         "allowed: dry, adiabatic, tower"},
        {"{\"set\":{\"site.contracts\":1}}", 400, "unknown_variable", "site.contracts", "no variable"},
        {"{\"set\":{\"weather.solar_constant\":1}}", 400, "invalid_value", "weather.solar_constant", "constant"},
        {"{\"set\":{\"site.name\":\"a\\u0000b\"}}", 400, "invalid_type", "site.name", "a word"},
        {"{\"set\":{\"site.name\":\"a\\nb\"}}", 400, "invalid_value", "site.name", "no control characters"},
        {"{\"set\":{\"run.step\":1}}", 400, "invalid_design", "run.step", "allowed on the server: 5 to 60 min"},
        {"{\"set\":{\"run.outline_step\":2}}", 400, "invalid_design", "run.outline_step", "5 to 60 min"},
        {"{\"set\":{\"weather.file\":\"/etc/passwd\"}}", 400, "invalid_design", "weather.file",
         "the server reads none"},
        {"{\"set\":{\"weather.source\":\"epw\"}}", 400, "invalid_design", "weather.source", "weather.file is missing"},
        {"{\"set\":{\"services[chat].trace\":\"../x.csv\"}}", 400, "invalid_design", "services[chat].trace",
         "names a file"},
        {"{\"design\":\"\"}", 400, "invalid_design", "design", "empty"},
        {"{\"design\":\"[\"}", 400, "invalid_design", "design", "design.yaml:2:1: not YAML"},
        {"{\"design\":\"site: {name: A}\\n\"}", 400, "invalid_design", "design", "site.contract is missing"},
        {"{\"design\":\"a: &a [*a, *a]\\n\"}", 400, "invalid_design", "design", "unknown key"},
        {"{\"design\":\"site: {name: A, contract: &c 20 MW, export: *c}\\n\",\"set\":{\"site.export\":3}}", 400,
         "invalid_design", "site.export", "is an alias"},
        {"{\"design\":\"" SMALL "\",\"set\":{\"site.contract\":0.02}}", 400, "invalid_design", "site.contract",
         "too little"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *j = http_expect(bed.socket, "POST", "/plan/run", key_a, cases[i].body, cases[i].status);
        bool named =
            cases[i].param ? field_is(j, "error.param", cases[i].param) : json_is_null(field_at(j, "error.param"));
        if (!named || !field_is(j, "error.code", cases[i].code) ||
            !strstr(field_text(j, "error.message"), cases[i].says)) {
            char *all = json_dumps(j, 0);
            fail_msg("%s\n%s", cases[i].body, all);
        }
        json_decref(j);
    }
}

static void expect(const char *body, int status, const char *code) {
    http_refused(bed.socket, "POST", "/plan/run", key_a, body, status, code);
}

/* What is large, deep or repeated ends at once, with words. */
static void hostile_texts_end_soon(void **state) {
    (void)state;
    static const struct {
        const char *head, *unit, *tail;
        size_t times;
        int status;
        const char *code;
    } cases[] = {
        {"{\"design\":\"", "#", "\"}", PLANNER_DESIGN_MAX + 1, 413, "too_large"},
        {"{\"design\":\"", "#", "\"}", 5 * PLANNER_DESIGN_MAX, 413, "too_large"},
        {"{\"design\":\"", "[", "\"}", PLANNER_DESIGN_MAX - 1, 400, "invalid_design"},
        {"{\"design\":\"", "{a: ", "\"}", PLANNER_DESIGN_MAX / 4 - 1, 400, "invalid_design"},
        {"{\"design\":\"", "- ", "\"}", PLANNER_DESIGN_MAX / 2 - 1, 400, "invalid_design"},
        {"{\"design\":\"", "? ", "\"}", PLANNER_DESIGN_MAX / 2 - 1, 400, "invalid_design"},
        {"{\"design\":\"", "&a ", "\"}", PLANNER_DESIGN_MAX / 3 - 1, 400, "invalid_design"},
        {"{\"design\":\"site: {", "name: A, ", "}\"}", PLANNER_DESIGN_MAX / 10, 400, "invalid_design"},
        {"{\"design\":\"site: {name: '", "A", "'}\"}", PLANNER_DESIGN_MAX - 100, 400, "invalid_design"},
        {"{\"design\":\"services: [", "{}, ", "]\"}", PLANNER_DESIGN_MAX / 4 - 10, 400, "invalid_design"},
        {"", "[", "", 100, 400, "invalid_json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        buf_init(&b, mem_libc(), BODY_MAX);
        assert_int_equal(buf_str(&b, str_of(cases[i].head)), SIL_OK);
        for (size_t k = 0; k < cases[i].times; k++) assert_int_equal(buf_str(&b, str_of(cases[i].unit)), SIL_OK);
        assert_int_equal(buf_str(&b, str_of(cases[i].tail)), SIL_OK);
        expect(b.p, cases[i].status, cases[i].code);
        buf_free(&b);
    }
    struct buf b;
    buf_init(&b, mem_libc(), BODY_MAX);
    for (int i = 0; i <= PLANNER_SETS_MAX; i++)
        buf_printf(&b, "%s\"services[%d].gpu_share\":1", i ? "," : "{\"set\":{", i);
    buf_printf(&b, "}}");
    expect(b.p, 400, "invalid_value");
    buf_free(&b);
}

/* ---- several, and those that leave ---- */

/* A year in steps of an hour. */
#define HOURLY "{\"set\":{\"run.step\":60,\"run.outline_step\":60}}"

/* Whether a run of this key is there. It is asked with what is no design, which takes the key's place for no longer
 * than reading it takes. */
static bool is_planning(const char *key) {
    struct http_reply r;
    ask(key, "/plan/run", "[", &r);
    bool there = r.status == 429;
    if (there) {
        assert_non_null(strstr(r.body.p, "plan_running"));
        assert_true(http_header(&r, "retry-after-ms").n > 0);
    } else assert_int_equal(r.status, 400);
    http_reply_free(&r);
    return there;
}

static void plans(const char *key) {
    struct http_reply r;
    ask(key, "/plan/run", HOURLY, &r);
    assert_int_equal(r.status, 200);
    http_reply_free(&r);
}

/* Begins a report of b; true when it was seen to run, false when it was refused for the sake of such a look, or has
 * ended already. */
static bool report_runs(struct http_aside *a) {
    *a = (struct http_aside){.socket_path = bed.socket, .url = "/plan/report", .key = key_b, .body = HOURLY};
    http_aside_begin(a);
    while (!atomic_load(&a->done)) {
        if (is_planning(key_b)) return true;
        test_nap_ms(5);
    }
    return false;
}

/* Processor time, which other programs on the machine take nothing of. */
static double cpu_s(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}
static double report_cpu_s; /* of a report that was made to its end */

/* While a report of one key is made, another key plans, and the same key is told to wait. False when the report was
 * made before all was asked. */
static bool two_keys(void) {
    struct http_aside a;
    double from = cpu_s();
    bool seen = report_runs(&a);
    if (seen) {
        plans(key_a);
        seen = is_planning(key_b);
    }
    http_aside_end(&a);
    assert_true(a.reply.status == 200 || (!seen && a.reply.status == 429));
    if (a.reply.status == 200) report_cpu_s = cpu_s() - from;
    http_reply_free(&a.reply);
    plans(key_b); /* the place is free again */
    return seen;
}

static void one_run_for_each_key(void **state) {
    (void)state;
    bool seen = false;
    for (int i = 0; i < TRIES && !seen; i++) seen = two_keys();
    assert_true(seen);
}

/* A client that goes away gives its place back; its report is made no further. */
static void a_run_ends_with_its_client(void **state) {
    (void)state;
    int fd = -1;
    struct pollfd answered = {.events = POLLIN, .fd = -1};
    struct test_wait begins = {0}, ends = {0};
    do {
        if (fd >= 0 && poll(&answered, 1, 0) == 0) continue;
        if (fd >= 0) close(fd); /* refused for the sake of a look, or made already: again */
        answered.fd = fd = http_begin(bed.socket, "POST", "/plan/report", key_b, HOURLY, sizeof HOURLY - 1);
    } while (!is_planning(key_b) && test_wait(&begins));
    assert_int_equal(poll(&answered, 1, 0), 0);
    close(fd);
    double from = cpu_s();
    while (is_planning(key_b) && test_wait(&ends)) test_nap_ms(20);
    assert_true(cpu_s() - from < report_cpu_s / 2);
    plans(key_b);
}

/* ---- reports ---- */

static void a_report_is_a_document_of_its_own(void **state) {
    (void)state;
    static const char body[] = "{\"lang\":\"en\",\"design\":\"" SMALL "\"}";
    json_t *j = http_expect(bed.socket, "POST", "/plan/report", key_a, body, 200);
    struct http_reply r;
    ask(NULL, field_text(j, "report"), NULL, &r); /* the address is the key */
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.n, field_int(j, "bytes"));
    struct str policy = http_header(&r, "content-security-policy");
    static const char strict[] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
                                 "form-action 'none'; frame-ancestors 'none'; sandbox";
    assert_true(str_eq(policy, str_of(strict)));
    assert_true(str_eq(http_header(&r, "x-content-type-options"), STR("nosniff")));
    assert_true(str_eq(http_header(&r, "cache-control"), STR("no-store")));
    assert_true(str_eq(http_header(&r, "content-type"), STR("text/html; charset=utf-8")));
    assert_null(strstr(r.body.p, "<script"));
    /* The bytes of the command's own page, but for checks of data that the server has not got. */
    struct plan_design *d = malloc(sizeof *d);
    struct plan_outcome *o = NULL;
    struct buf html;
    struct sil_error e = {0};
    struct outcome_options opt = {.tornado = true};
    assert_non_null(d);
    assert_int_equal(plan_design_parse(STR(SMALL_TEXT), "design.yaml", d, &e), SIL_OK);
    assert_int_equal(plan_outcome_run(d, &opt, mem_libc(), &o, &e), SIL_OK);
    buf_init(&html, mem_libc(), REPORT_BYTES_MAX);
    assert_int_equal(plan_outcome_html(o, NULL, PLAN_EN, &html, &e), SIL_OK);
    assert_true(str_eq(buf_view(&html), buf_view(&r.body)));
    buf_free(&html);
    plan_outcome_free(o);
    free(d);
    http_reply_free(&r);
    static const char *const gone[] = {"/plan/report/00000000000000000000000000000000", "/plan/report/x",
                                       "/plan/report/../../etc/passwd"};
    for (int i = 0; i < 3; i++) {
        ask(NULL, gone[i], NULL, &r);
        assert_int_equal(r.status, 404);
        http_reply_free(&r);
    }
    json_decref(j);
}

/* ---- limits, with a clock of the test ---- */

struct hands {
    uint64_t now_ns, each_ns;
};

static uint64_t tick(void *ctx) {
    struct hands *h = ctx;
    return h->now_ns += h->each_ns;
}

static int64_t no_day(void *ctx) {
    (void)ctx;
    return 0;
}

struct alone {
    struct hands hands;
    struct config config;
    struct job_env env;
    struct planner *p;
    struct request *r;
    struct buf out;
};

static void open_alone(struct alone *a, struct mem mem) {
    struct sil_error e = {0};
    *a = (struct alone){.env = {.mem = mem, .config = &a->config}};
    config_default(&a->config);
    a->env.clock = (struct clock){.now_ns = tick, .unix_s = no_day, .ctx = &a->hands};
    assert_int_equal(planner_open(&a->env, &a->p, &e), SIL_OK);
    assert_int_equal(request_new(mem_libc(), &a->r), SIL_OK);
    buf_init(&a->out, mem, PLANNER_REPLY_MAX);
}

static void close_alone(struct alone *a) {
    buf_free(&a->out);
    request_release(a->r);
    planner_close(a->p);
}

static void a_run_has_its_time(void **state) {
    (void)state;
    struct alone a;
    struct fault f = {0};
    open_alone(&a, mem_libc());
    a.hands.each_ns = 1000000000; /* every look at the clock is a second */
    assert_false(planner_do(a.p, PLANNER_RUN, STR("{}"), a.r, &a.out, &f));
    assert_int_equal(f.status, 422);
    assert_string_equal(f.code, "plan_too_long");
    assert_int_equal(a.out.n, 0);
    a.hands.each_ns = 0;
    answer_cancel(&a.r->answer);
    assert_false(planner_do(a.p, PLANNER_RUN, STR("{}"), a.r, &a.out, &f));
    assert_string_equal(f.code, "cancelled");
    close_alone(&a);
    open_alone(&a, mem_libc());
    planner_stop(a.p);
    assert_false(planner_do(a.p, PLANNER_REPORT, STR("{}"), a.r, &a.out, &f));
    assert_int_equal(f.status, 503);
    close_alone(&a);
}

static void places_are_few(void **state) {
    (void)state;
    struct alone a;
    struct fault f = {0};
    struct caller c[PLANNER_PLACES + 1] = {{0}};
    open_alone(&a, mem_libc());
    for (uint64_t i = 0; i <= PLANNER_PLACES; i++) c[i].key = i;
    for (int i = 0; i < PLANNER_PLACES; i++) assert_true(planner_begin(a.p, &c[i], &f));
    assert_false(planner_begin(a.p, &c[0], &f));
    assert_int_equal(f.status, 429);
    assert_false(planner_begin(a.p, &c[PLANNER_PLACES], &f));
    assert_int_equal(f.status, 503);
    assert_true(f.retry_ms > 0);
    planner_end(a.p, &c[1]);
    assert_true(planner_begin(a.p, &c[PLANNER_PLACES], &f));
    close_alone(&a);
}

/* A small design, so that reports are made quickly. */
#define TINY "{\"design\":\"" SMALL "\",\"set\":{\"run.step\":60}}"

static void report_id(struct alone *a, char id[PLANNER_ID]) {
    struct fault f = {0};
    buf_clear(&a->out);
    if (!planner_do(a->p, PLANNER_REPORT, STR(TINY), a->r, &a->out, &f)) fail_msg("%s", f.message);
    assert_int_equal(sscanf(a->out.p, "{\"report\":\"/plan/report/%32[0-9a-f]\"", id), 1);
}

static bool is_kept(struct alone *a, const char *id) {
    struct fault f = {0};
    struct buf html;
    buf_init(&html, mem_libc(), PLANNER_REPLY_MAX);
    bool kept = planner_report(a->p, id, &html, &f);
    assert_true(kept ? html.n > 1000 : f.status == 404);
    buf_free(&html);
    return kept;
}

static void reports_are_kept_for_a_while(void **state) {
    (void)state;
    struct alone a;
    char first[PLANNER_ID], second[PLANNER_ID];
    open_alone(&a, mem_libc());
    report_id(&a, first);
    assert_true(is_kept(&a, first));
    a.hands.now_ns += (PLANNER_REPORT_KEPT_S - 1) * UINT64_C(1000000000);
    report_id(&a, second);
    assert_true(is_kept(&a, first) && is_kept(&a, second));
    a.hands.now_ns += UINT64_C(1000000000);
    assert_false(is_kept(&a, first));
    assert_true(is_kept(&a, second));
    first[0] = '\0';
    assert_false(is_kept(&a, first));
    close_alone(&a);
}

/* Without memory: a refusal, and nothing lost. */
static void memory_may_run_out(void **state) {
    (void)state;
    for (size_t n = 1; n < 400; n++) {
        struct test_mem t = {0};
        struct alone a;
        struct fault f = {0};
        open_alone(&a, test_mem(&t));
        t.calls = 0;
        t.fail_at = n;
        bool ok = planner_do(a.p, PLANNER_RUN, STR(TINY), a.r, &a.out, &f);
        if (!ok && f.status != 503 && f.status != 413) fail_msg("allocation %zu: %d %s", n, f.status, f.message);
        close_alone(&a);
        assert_int_equal(t.live, 0);
        if (ok) return;
    }
    fail_msg("a run has more than 400 allocations");
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_base_is_the_example),      cmocka_unit_test(the_numbers_are_those_of_the_command),
        cmocka_unit_test(changed_values_make_a_file),   cmocka_unit_test(what_cannot_run_is_named),
        cmocka_unit_test(hostile_texts_end_soon),       cmocka_unit_test(one_run_for_each_key),
        cmocka_unit_test(a_run_ends_with_its_client),   cmocka_unit_test(a_report_is_a_document_of_its_own),
        cmocka_unit_test(a_run_has_its_time),           cmocka_unit_test(places_are_few),
        cmocka_unit_test(reports_are_kept_for_a_while), cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
