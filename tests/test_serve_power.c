/* The power budget of a server with two models: with an energy counter of the test's own, what the steps of both take
 * together stays below the cap, while a model is unloaded and loaded on the way. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http_client.h"
#include "serve_bed.h"

enum { ANSWERS = 6, BODY_MAX = 512, WAITS = 6000 };

static const double cap_w = 40, step_j = 1;

/* Every look at it costs a joule, so that a step, which has a look before and a look behind it, takes one: whatever the
 * machine under the test, however slow. The engine thread's alone. */
static bool read_meter(void *ctx, double *joules) {
    double *sum = ctx;
    *joules = *sum += step_j;
    return true;
}

static double counter;
static struct serve_bed bed;

static int start(void **state) {
    (void)state;
    serve_bed_open(&bed);
    bed.config.models[1] = bed.config.models[0];
    bed.config.models[1].name = "other";
    bed.config.n_models = 2;
    bed.meter = (struct meter){read_meter, &counter};
    return 0;
}

static int stop(void **state) {
    (void)state;
    bed.config.n_models = 1; /* what the second has is the first one's */
    serve_bed_close(&bed);
    return 0;
}

struct client {
    const char *model;
    atomic_uint answered;
};

static void *ask(void *arg) {
    struct client *c = arg;
    char body[BODY_MAX];
    snprintf(body, sizeof body, "{\"model\":\"%s\",\"prompt\":\"전력\",\"max_tokens\":4,\"ignore_eos\":true}",
             c->model);
    for (int i = 0; i < ANSWERS; i++) {
        struct http_reply r;
        http_post(bed.socket, "/v1/completions", body, &r);
        if (r.status == 200) atomic_fetch_add(&c->answered, 1);
        http_reply_free(&r);
    }
    return NULL;
}

static double metric(const char *name, const char *model) {
    struct http_reply r;
    char line[128];
    snprintf(line, sizeof line, "\n%s{model_name=\"%s\"} ", name, model);
    http_ask(bed.socket, "GET", "/metrics", NULL, NULL, 0, &r);
    const char *at = r.status == 200 ? strstr(buf_view(&r.body).p, line) : NULL;
    assert_non_null(at);
    double v = strtod(at + strlen(line), NULL);
    http_reply_free(&r);
    return v;
}

static double of_both(const char *name) {
    return metric(name, "test") + metric(name, "other");
}

/* To its end. */
static void move(const char *verb, const char *state) {
    char url[128], want[64];
    struct http_reply r;
    const struct timespec nap = {.tv_nsec = 10000000};
    snprintf(url, sizeof url, "/admin/models/other/%s", verb);
    http_ask(bed.socket, "POST", url, NULL, NULL, 0, &r);
    assert_int_equal(r.status, 202);
    http_reply_free(&r);
    snprintf(want, sizeof want, "\"state\":\"%s\"", state);
    for (int i = 0; i < WAITS; i++) {
        http_ask(bed.socket, "GET", "/admin/models", NULL, NULL, 0, &r);
        const char *other = strstr(buf_view(&r.body).p, "\"name\":\"other\"");
        bool there = other && strstr(other, want);
        http_reply_free(&r);
        if (there) return;
        nanosleep(&nap, NULL);
    }
    fail_msg("the model is not %s", state);
}

static void both(struct client c[2]) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        c[i] = (struct client){.model = i ? "other" : "test"};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &c[i]), 0);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) assert_int_equal(atomic_load(&c[i].answered), ANSWERS);
}

/* At the start there is nothing in the bucket: until time T the steps have had cap x T, and at most one step more. */
static void check(uint64_t began, double steps_at_least) {
    double joules = of_both("sillok_step_energy_joules_total"), steps = of_both("sillok_steps_total");
    double seconds = (double)(clock_now_ns(clock_system()) - began) * 1e-9;
    assert_float_equal(joules, steps * step_j, 1e-3 * steps);
    print_message("# %.0f steps, %.1f J in %.2f s: %.1f W of %.0f\n", steps, joules, seconds, joules / seconds, cap_w);
    assert_true(steps >= steps_at_least);
    assert_true(joules <= cap_w * seconds + step_j);
}

static void two_models_one_cap(void **state) {
    (void)state;
    struct client c[2];
    bed.config.watts_max = cap_w;
    uint64_t began = clock_now_ns(clock_system());
    serve_bed_start(&bed);
    both(c);
    check(began, 2 * ANSWERS * 4);
    move("unload?drain=1", "unloaded");
    move("load", "loaded");
    both(c);
    check(began, 4 * ANSWERS * 4);
    serve_bed_stop(&bed);
}

/* One that is unloaded while its requests wait for joules. */
static void unloaded_while_it_waits(void **state) {
    (void)state;
    pthread_t thread;
    struct client c = {.model = "other"};
    const struct timespec nap = {.tv_nsec = 1000000};
    uint64_t began = clock_now_ns(clock_system());
    serve_bed_start(&bed);
    assert_int_equal(pthread_create(&thread, NULL, ask, &c), 0);
    for (int i = 0; i < WAITS && atomic_load(&c.answered) == 0; i++) nanosleep(&nap, NULL);
    move("unload?drain=1", "unloaded");
    pthread_join(thread, NULL);
    assert_true(atomic_load(&c.answered) > 0);
    move("load", "loaded");
    struct client again[2];
    both(again);
    check(began, 2 * ANSWERS * 4);
    serve_bed_stop(&bed);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_models_one_cap), cmocka_unit_test(unloaded_while_it_waits)};
    return cmocka_run_group_tests(tests, start, stop);
}
