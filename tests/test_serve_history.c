/* The last hour in numbers: samples beside a simple account of what was counted, the ring's end, quantiles, tenants. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/jsonx.h"
#include "fields.h"
#include "serve/history.h"
#include "support.h"

enum { MODELS = 2, TAKEN = HISTORY_SAMPLES + 60 };
#define NS_PER_S UINT64_C(1000000000)

/* ---- a history on a clock of its own ---- */

struct bed {
    uint64_t ns;
    struct test_mem mem;
    struct metrics_model models[MODELS];
    struct metrics metrics;
    struct history *h;
};

static uint64_t bed_ns(void *ctx) {
    return ((struct bed *)ctx)->ns;
}
static int64_t bed_s(void *ctx) {
    return (int64_t)(bed_ns(ctx) / NS_PER_S) + 1795000000;
}
static int64_t bed_ms(void *ctx) {
    return (int64_t)(bed_ns(ctx) / 1000000) + 1795000000000;
}

static void open_bed(struct bed *b, bool metered) {
    *b = (struct bed){.ns = 77 * NS_PER_S, .models = {{.name = "guide"}, {.name = "둘"}}};
    b->metrics = (struct metrics){.models = b->models, .n_models = MODELS, .started_unix_s = 1795000077};
    struct history_config c = {
        .mem = test_mem(&b->mem), .clock = {bed_ns, bed_s, b, bed_ms}, .metrics = &b->metrics, .metered = metered};
    struct sil_error e = {0};
    assert_int_equal(history_open(&c, &b->h, &e), SIL_OK);
}

static void close_bed(struct bed *b) {
    history_close(b->h);
    assert_int_equal(b->mem.live, 0);
}

static void later(struct bed *b, double seconds) {
    b->ns += (uint64_t)(seconds * 1e9);
}

static json_t *read_all(struct bed *b, const struct history_query *q) {
    struct buf out;
    struct sil_error e = {0};
    json_t *j = NULL;
    buf_init(&out, mem_libc(), HISTORY_BYTES_MAX);
    assert_int_equal(history_write(b->h, q, &out), SIL_OK);
    if (jsonx_parse(buf_view(&out), "state", &j, &e) != SIL_OK) fail_msg("%s: %s", e.text, out.p);
    buf_free(&out);
    return j;
}

/* ---- quantiles ---- */

static void quantiles(void **state) {
    (void)state;
    uint64_t b[METRICS_BUCKETS + 1] = {0};
    assert_true(history_quantile(b, 0.5) < 0);
    b[0] = 10; /* up to 1 ms */
    assert_float_equal(history_quantile(b, 0.5), 0.0005, 1e-12);
    b[3] = 10; /* 4 to 8 ms */
    assert_float_equal(history_quantile(b, 0.5), 0.001, 1e-12);
    assert_float_equal(history_quantile(b, 0.75), 0.006, 1e-12);
    assert_float_equal(history_quantile(b, 1), 0.008, 1e-12);
    b[METRICS_BUCKETS] = 1000; /* above all bounds */
    assert_float_equal(history_quantile(b, 0.99), metrics_bounds_s[METRICS_BUCKETS - 1], 1e-12);
}

/* ---- samples ---- */

/* What the test itself remembers of a sample. */
struct kept {
    uint32_t answer_tokens, answers, failed, running, waiting, limited;
    uint64_t first[METRICS_BUCKETS + 1];
    double seconds;
};

static uint32_t draw(uint32_t *seed, uint32_t n) {
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*seed * n) >> 32);
}

/* Some traffic of the second model. */
static struct kept traffic(struct bed *b, uint32_t *seed) {
    struct metrics_model *m = &b->models[1];
    struct kept k = {.answer_tokens = draw(seed, 500), .answers = draw(seed, 5), .failed = draw(seed, 2)};
    k.running = draw(seed, 9);
    k.waiting = draw(seed, 3);
    k.limited = draw(seed, 4);
    k.seconds = 4.5 + draw(seed, 1000) * 0.001;
    metrics_add(&m->step_answer_tokens, k.answer_tokens);
    metrics_add(&m->finished[FINISH_STOP], k.answers);
    metrics_add(&m->failed, k.failed);
    metrics_set(&m->running, k.running);
    metrics_set(&m->waiting, k.waiting);
    metrics_add(&b->metrics.http_refused[3], k.limited);
    if (draw(seed, 3) == 0) /* minutes without any are to happen too */
        for (uint32_t i = draw(seed, 20); i > 0; i--) {
            uint32_t bucket = draw(seed, 12);
            metrics_observe(&m->first_token, (uint64_t)(metrics_bounds_s[bucket] * 1e9));
            k.first[bucket]++;
        }
    later(b, k.seconds);
    return k;
}

static void compare_quantile(const struct kept *all, uint32_t newest, const json_t *got) {
    uint64_t sum[METRICS_BUCKETS + 1] = {0};
    uint32_t oldest = TAKEN - HISTORY_SAMPLES, from = newest + 1 > HISTORY_SMOOTH ? newest + 1 - HISTORY_SMOOTH : 0;
    for (uint32_t k = from > oldest ? from : oldest; k <= newest; k++)
        for (int i = 0; i <= METRICS_BUCKETS; i++) sum[i] += all[k].first[i];
    double want = history_quantile(sum, 0.95) * 1e3;
    if (want < 0) assert_true(json_is_null(got));
    else assert_true(fabs(json_number_value(got) - want) <= want * 1e-4);
}

static void compare(const struct kept *all, const json_t *j, uint32_t first) {
    uint32_t n = TAKEN - first;
    assert_int_equal(field_real(j, "first"), first);
    assert_int_equal(field_real(j, "next"), TAKEN);
    assert_int_equal(json_array_size(field_at(j, "times_ms")), n);
    assert_int_equal(json_array_size(field_at(j, "models.1.running")), n);
    for (uint32_t i = 0; i < n; i++) {
        const struct kept *k = &all[first + i];
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "models.1.answer_tokens"), i)),
                         k->answer_tokens);
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "models.0.answer_tokens"), i)), 0);
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "models.1.answers"), i)), k->answers);
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "models.1.failed"), i)), k->failed);
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "models.1.running"), i)), k->running);
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "models.1.waiting"), i)), k->waiting);
        assert_int_equal(json_integer_value(json_array_get(field_at(j, "server.limited"), i)), k->limited);
        assert_true(fabs(json_number_value(json_array_get(field_at(j, "server.seconds"), i)) - k->seconds) < 1e-3);
        compare_quantile(all, first + i, json_array_get(field_at(j, "models.1.first_token_ms.p95"), i));
    }
}

static void samples(void **state) {
    (void)state;
    static struct bed b;
    static struct kept all[TAKEN];
    uint32_t seed = 7;
    open_bed(&b, false);
    metrics_add(&b.models[1].step_answer_tokens, 1); /* belongs to the first sample */
    size_t calls = b.mem.calls;
    for (uint32_t k = 0; k < TAKEN; k++) {
        all[k] = traffic(&b, &seed);
        all[k].answer_tokens += k == 0;
        history_sample(b.h);
    }
    assert_int_equal(b.mem.calls, calls); /* sampling takes no memory */
    json_t *j = read_all(&b, &(struct history_query){0});
    compare(all, j, TAKEN - HISTORY_SAMPLES);
    uint64_t tokens = 0;
    for (uint32_t k = TAKEN - HISTORY_SAMPLES; k < TAKEN; k++) tokens += all[k].answer_tokens;
    assert_int_equal(field_real(j, "models.1.hour.answer_tokens"), tokens);
    assert_string_equal(json_string_value(field_at(j, "models.1.model")), "둘");
    assert_true(json_is_null(field_at(j, "models.1.now.watts")));
    assert_int_equal(field_real(j, "started_s"), 1795000077);
    json_decref(j);
    static const uint32_t afters[] = {TAKEN, TAKEN - 1, TAKEN - 13, TAKEN - HISTORY_SAMPLES + 5};
    for (size_t i = 0; i < sizeof afters / sizeof *afters; i++) {
        j = read_all(&b, &(struct history_query){.after = afters[i]});
        compare(all, j, afters[i]);
        json_decref(j);
    }
    j = read_all(&b, &(struct history_query){.after = TAKEN + 1}); /* of a server that was restarted */
    compare(all, j, TAKEN - HISTORY_SAMPLES);
    json_decref(j);
    close_bed(&b);
}

static void moment(void **state) {
    (void)state;
    static struct bed b;
    open_bed(&b, true);
    json_t *j = read_all(&b, &(struct history_query){0}); /* nothing was sampled yet, and no time has gone */
    assert_int_equal(json_array_size(field_at(j, "times_ms")), 0);
    assert_float_equal(field_real(j, "models.0.now.answer_tokens_per_s"), 0, 0);
    json_decref(j);
    later(&b, 5);
    history_sample(b.h);
    later(&b, 5);
    metrics_add(&b.models[0].step_answer_tokens, 60);
    metrics_add(&b.models[0].step_energy_uj, 90000000);
    history_sample(b.h);
    later(&b, 1);
    metrics_set(&b.models[0].pages, 64);
    metrics_set(&b.models[0].pages_used, 3);
    j = read_all(&b, &(struct history_query){0});
    assert_float_equal(field_real(j, "models.0.now.answer_tokens_per_s"), 10, 1e-6); /* 60 in 6 s */
    assert_float_equal(field_real(j, "models.0.now.watts"), 15, 1e-6);
    assert_float_equal(field_real(j, "models.0.energy_j.1"), 90, 1e-6);
    assert_int_equal(field_real(j, "models.0.now.pages_used"), 3);
    assert_int_equal(field_real(j, "models.0.pages_used.1"), 0); /* as it was then */
    json_decref(j);
    close_bed(&b);
}

/* ---- tenants ---- */

static void count(struct bed *b, uint64_t tenant, uint32_t n_answer, bool failed) {
    struct request r = {.caller = {.tenant = tenant}, .arrival_ns = b->ns, .first_token_ns = b->ns + 20000000};
    struct answer_usage u = {.n_prompt = 3, .n_answer = n_answer, .energy_j = 2};
    snprintf(r.caller.tenant_name, CALLER_NAME, "t%u", (unsigned)tenant);
    history_count(b->h, &r, &u, failed);
}

static json_t *read_tenant(struct bed *b, uint64_t tenant) {
    struct buf out;
    struct sil_error e = {0};
    json_t *j = NULL;
    struct caller who = {.tenant = tenant, .tenant_name = "법무부"};
    buf_init(&out, mem_libc(), HISTORY_BYTES_MAX);
    assert_int_equal(history_write_tenant(b->h, &who, &out), SIL_OK);
    assert_int_equal(jsonx_parse(buf_view(&out), "state", &j, &e), SIL_OK);
    buf_free(&out);
    return j;
}

static void tenants(void **state) {
    (void)state;
    static struct bed b;
    open_bed(&b, true);
    count(&b, 1, 10, false);
    count(&b, 2, 5, true);
    later(&b, 60);
    count(&b, 1, 20, false);
    json_t *j = read_all(&b, &(struct history_query){.tenant = 1, .minutes = true});
    assert_int_equal(json_array_size(field_at(j, "tenants")), 2);
    assert_string_equal(json_string_value(field_at(j, "tenants.0.tenant")), "t1");
    assert_int_equal(field_real(j, "tenants.0.answer_tokens"), 30);
    assert_int_equal(field_real(j, "tenants.1.failed"), 1);
    assert_float_equal(field_real(j, "tenants.0.first_token_ms"), 20, 1e-3);
    assert_float_equal(field_real(j, "tenants.0.energy_j"), 4, 1e-6);
    const json_t *column = field_at(j, "minutes.by_minute.answer_tokens");
    assert_int_equal(json_array_size(column), HISTORY_MINUTES);
    assert_int_equal(json_integer_value(json_array_get(column, HISTORY_MINUTES - 1)), 20);
    assert_int_equal(json_integer_value(json_array_get(column, HISTORY_MINUTES - 2)), 10);
    assert_int_equal(json_integer_value(json_array_get(column, HISTORY_MINUTES - 3)), 0);
    json_decref(j);
    j = read_tenant(&b, 2);
    assert_string_equal(json_string_value(field_at(j, "scope")), "tenant");
    assert_int_equal(field_real(j, "minutes.answer_tokens"), 5);
    assert_null(field_at(j, "models"));
    assert_null(field_at(j, "tenants"));
    json_decref(j);
    j = read_tenant(&b, 3); /* has asked nothing */
    assert_int_equal(field_real(j, "minutes.requests"), 0);
    json_decref(j);
    later(&b, 59 * 60); /* the first minute is an hour old */
    j = read_all(&b, &(struct history_query){0});
    assert_int_equal(json_array_size(field_at(j, "tenants")), 1);
    assert_int_equal(field_real(j, "tenants.0.answer_tokens"), 20);
    json_decref(j);
    close_bed(&b);
}

static void many_tenants(void **state) {
    (void)state;
    static struct bed b;
    open_bed(&b, false);
    for (uint64_t t = 1; t <= HISTORY_TENANTS; t++) count(&b, t, 1, false);
    count(&b, 1000, 7, false);
    count(&b, 1001, 8, false);
    json_t *j = read_all(&b, &(struct history_query){0});
    const json_t *list = field_at(j, "tenants"), *rest = json_array_get(list, HISTORY_TENANTS);
    assert_int_equal(json_array_size(list), HISTORY_TENANTS + 1);
    assert_true(json_is_null(field_at(rest, "tenant")));
    assert_int_equal(field_real(rest, "answer_tokens"), 15);
    json_decref(j);
    later(&b, 3601); /* all are old: places are free again */
    count(&b, 2000, 9, false);
    j = read_all(&b, &(struct history_query){0});
    assert_int_equal(json_array_size(field_at(j, "tenants")), 1);
    assert_string_equal(json_string_value(field_at(j, "tenants.0.tenant")), "t2000");
    json_decref(j);
    close_bed(&b);
}

/* ---- thread and memory ---- */

static void thread(void **state) {
    (void)state;
    static struct bed b;
    struct sil_error e = {0};
    open_bed(&b, false);
    assert_int_equal(history_start(b.h, &e), SIL_OK);
    close_bed(&b); /* ends at once, though the clock stands still */
}

static sil_err allocate(void *ctx, struct mem mem) {
    struct bed *b = ctx;
    struct history_config c = {.mem = mem, .clock = {bed_ns, bed_s, b, bed_ms}, .metrics = &b->metrics};
    struct sil_error e = {0};
    struct buf out;
    SIL_TRY(history_open(&c, &b->h, &e));
    count(b, 1, 1, false);
    buf_init(&out, mem, HISTORY_BYTES_MAX);
    sil_err err = history_write(b->h, &(struct history_query){.tenant = 1, .minutes = true}, &out);
    buf_free(&out);
    history_close(b->h);
    return err;
}

static void memory(void **state) {
    (void)state;
    static struct bed b;
    open_bed(&b, false);
    history_close(b.h);
    assert_true(test_each_allocation(allocate, &b) >= 8);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles),    cmocka_unit_test(samples), cmocka_unit_test(moment), cmocka_unit_test(tenants),
        cmocka_unit_test(many_tenants), cmocka_unit_test(thread),  cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
