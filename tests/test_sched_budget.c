/* Several schedulers that share one power budget: who gets how many of its joules. That all together never pass it is
 * held against random lives in test_sched_sim.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sched/sched.h"
#include "support.h"

enum { MS = 1000000, MODELS = 3, PAGES = 2 * 10000 / 64 + 1, ANSWER = 10000 };

static const uint64_t second = 1000ull * MS;
static const double rate_w = 4, window_s = 1, idle_w = 10;

/* A model whose every step takes the same joules, and which always has something to do while `asks`. */
struct model {
    struct sched *s;
    double step_j, drawn_j;
    bool asks, deferrable;
    sched_id id; /* of its request; 0: none */
};

struct machine {
    struct sched_budget *budget;
    struct model models[MODELS];
    uint64_t now;
};

static void open_model(struct machine *m, uint32_t i, double step_j) {
    struct sil_error e;
    struct model *one = &m->models[i];
    const struct sched_config c = {.n_ctx = 2 * ANSWER,
                                   .n_pages = PAGES,
                                   .step_rows = 8,
                                   .max_batch = 1,
                                   .max_requests = 4,
                                   .max_tenants = 1,
                                   .power = {.step = step_j},
                                   .power_stall_ns = 1, /* a step is as large as it is */
                                   .power_window_ns = second};
    *one = (struct model){.step_j = step_j};
    if (sched_open(mem_libc(), &c, &one->s, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(sched_join(one->s, m->budget), SIL_OK);
}

static void open_machine(struct machine *m) {
    struct sil_error e;
    const struct sched_budget_config c = {.max_schedulers = MODELS, .idle_w = idle_w, .window_ns = second};
    *m = (struct machine){.now = 5 * second};
    if (sched_budget_open(mem_libc(), &c, &m->budget, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(sched_budget_set_cap(m->budget, m->now, idle_w + rate_w), SIL_OK);
}

static void close_model(struct model *one) {
    sched_close(one->s);
    *one = (struct model){0};
}

static void close_machine(struct machine *m) {
    for (uint32_t i = 0; i < MODELS; i++) close_model(&m->models[i]);
    sched_budget_close(m->budget);
}

static void submit(struct machine *m, struct model *one) {
    struct sched_answer a;
    const struct sched_request r = {
        .n_prompt = 1, .max_new = one->step_j > 0 ? ANSWER : 1, .deferrable = one->deferrable};
    sched_submit(one->s, m->now, &r, &a);
    assert_int_equal(a.verdict, SCHED_ACCEPTED);
    one->id = a.id;
}

/* 0 when it stepped, otherwise how long it waits. */
static uint64_t turn(struct machine *m, struct model *one) {
    struct sched_plan p;
    struct sched_result result = {.advanced = true};
    if (one->asks && !one->id) submit(m, one);
    if (!one->asks && one->id) sched_drop(one->s, one->id), one->id = 0;
    do {
        sched_plan(one->s, m->now, PAGES, &p);
        for (uint32_t i = 0; i < p.n; i++) {
            if (p.decisions[i].kind == SCHED_START) sched_started(one->s, p.decisions[i].id, 0);
            if (p.decisions[i].kind == SCHED_END) one->id = 0;
        }
    } while (p.again);
    if (p.n == 0) return p.wait_ns;
    result.id = p.decisions[0].id;
    result.made = 1;
    m->now += 10 * MS;
    one->drawn_j += one->step_j;
    sched_report(one->s, m->now, &(struct sched_step){&result, 1, 0, 10 * MS, -1});
    return 0;
}

static void run(struct machine *m, uint64_t seconds) {
    uint64_t end = m->now + seconds * second;
    while (m->now < end) {
        uint64_t wait = 100 * MS;
        for (uint32_t i = 0; i < MODELS; i++) {
            if (!m->models[i].s) continue;
            uint64_t w = turn(m, &m->models[i]);
            if (w < wait) wait = w;
        }
        m->now += wait;
    }
}

static double drawn(const struct machine *m) {
    double sum = 0;
    for (uint32_t i = 0; i < MODELS; i++) sum += m->models[i].drawn_j;
    return sum;
}

static void forget(struct machine *m) {
    for (uint32_t i = 0; i < MODELS; i++) m->models[i].drawn_j = 0;
}

/* All of it is used, whoever works; those that want more than there is get the same, whatever their steps take. */
static void test_shares(void **state) {
    (void)state;
    struct machine m;
    open_machine(&m);
    open_model(&m, 0, 0.2);
    open_model(&m, 1, 3.9); /* nearly the bucket's 4 J */
    m.models[0].asks = m.models[1].asks = true;
    run(&m, 100);
    assert_true(drawn(&m) <= rate_w * (100 + window_s) + 4 && drawn(&m) >= rate_w * 99);
    assert_float_equal(m.models[0].drawn_j, m.models[1].drawn_j, 4 + 0.2);
    open_model(&m, 2, 1); /* a third, which is loaded now, is owed nothing from before */
    forget(&m);
    m.models[2].asks = true;
    run(&m, 90);
    for (uint32_t i = 0; i < MODELS; i++) assert_float_equal(m.models[i].drawn_j, rate_w * 30, 4 + 4);
    forget(&m);
    m.models[0].asks = m.models[2].asks = false;
    run(&m, 20); /* one alone has all */
    assert_true(m.models[1].drawn_j >= rate_w * 20 - 4 && m.models[1].drawn_j <= rate_w * 21 + 4);
    close_model(&m.models[1]);
    forget(&m);
    m.models[0].asks = m.models[2].asks = true; /* those that come back have no debts to each other either */
    run(&m, 2);
    assert_float_equal(m.models[0].drawn_j, m.models[2].drawn_j, 1 + 0.2);
    close_machine(&m);
}

/* Whoever was idle long is not ahead of those that worked meanwhile. */
static void test_back(void **state) {
    (void)state;
    struct machine m;
    open_machine(&m);
    open_model(&m, 0, 0.1);
    open_model(&m, 1, 0.1);
    m.models[0].asks = true;
    run(&m, 50);
    forget(&m);
    m.models[1].asks = true;
    run(&m, 1);
    assert_float_equal(m.models[0].drawn_j, m.models[1].drawn_j, 0.3);
    close_machine(&m);
}

/* Without a cap, or while steps take what they take, nothing is held against anyone later. */
static void test_before_the_cap(void **state) {
    (void)state;
    struct machine m;
    open_machine(&m);
    open_model(&m, 0, 3);
    open_model(&m, 1, 0.1);
    assert_int_equal(sched_budget_set_cap(m.budget, m.now, 1e6), SIL_OK); /* more than they can take */
    m.models[0].asks = m.models[1].asks = true;
    run(&m, 20);
    assert_true(m.models[0].drawn_j > 20 * m.models[1].drawn_j);
    assert_int_equal(sched_budget_set_cap(m.budget, m.now, idle_w + rate_w), SIL_OK);
    run(&m, 5); /* at most a bucket behind */
    forget(&m);
    run(&m, 60);
    assert_float_equal(m.models[0].drawn_j, m.models[1].drawn_j, 3 + 4);
    close_machine(&m);
}

/* What can wait waits for other models' requests too, and keeps none of them waiting. */
static void test_deferrable(void **state) {
    (void)state;
    struct machine m;
    open_machine(&m);
    open_model(&m, 0, 3.5);
    open_model(&m, 1, 1);
    m.models[0].deferrable = true;
    m.models[0].asks = true;
    run(&m, 20);
    assert_true(m.models[0].drawn_j >= rate_w * 15); /* alone it may */
    forget(&m);
    m.models[1].asks = true;
    run(&m, 20);
    assert_true(m.models[0].drawn_j == 0 && m.models[1].drawn_j >= rate_w * 19);
    close_machine(&m);

    open_machine(&m); /* nor does it eat up what a larger step of another has begun to wait for */
    open_model(&m, 0, 1);
    open_model(&m, 1, 3);
    m.models[0].deferrable = true;
    m.models[1].asks = true;
    run(&m, 10);
    m.models[0].asks = true;
    forget(&m);
    run(&m, 20);
    assert_true(m.models[0].drawn_j == 0 && m.models[1].drawn_j >= rate_w * 19);
    close_machine(&m);
}

/* A step that can wait, and is larger than what is there, does not hold others up. */
static void test_deferrable_holds_nobody_up(void **state) {
    (void)state;
    struct machine m;
    double cap, idle, credit = 0;
    open_machine(&m);
    open_model(&m, 0, 3.5);
    open_model(&m, 1, 1);
    m.models[0].deferrable = true;
    m.models[1].asks = true;
    run(&m, 10);
    m.models[1].asks = false;
    (void)turn(&m, &m.models[1]);
    m.models[0].asks = true; /* and has drawn less */
    while (credit < 2.5) {
        (void)turn(&m, &m.models[0]);
        assert_true(m.models[0].drawn_j == 0);
        m.now += 50 * MS;
        sched_budget_get(m.budget, &cap, &idle, &credit);
    }
    m.models[1].asks = true;
    forget(&m);
    for (int i = 0; i < 3; i++) (void)turn(&m, &m.models[1]); /* at the same time, or nearly */
    assert_true(m.models[1].drawn_j > 0);
    close_machine(&m);
}

/* Rows of the first step of a long prompt. */
static uint32_t first_rows(struct machine *m, struct model *one) {
    struct sched_answer a;
    struct sched_plan p;
    sched_submit(one->s, m->now, &(struct sched_request){.n_prompt = 500, .max_new = 1}, &a);
    do {
        sched_plan(one->s, m->now, PAGES, &p);
        for (uint32_t i = 0; i < p.n; i++)
            if (p.decisions[i].kind == SCHED_START) sched_started(one->s, p.decisions[i].id, 0);
    } while (p.again);
    assert_int_equal(p.n, 1);
    sched_drop(one->s, a.id);
    return p.decisions[0].n_tokens;
}

/* Steps are so large that each model that has work advances about as often as one alone would. */
static void test_step_size(void **state) {
    (void)state;
    struct machine m;
    struct sched_config c = {.n_ctx = 1000, .n_pages = PAGES, .step_rows = 400, .max_batch = 1, .max_requests = 4};
    struct sil_error e;
    c.max_tenants = 1;
    c.min_chunk = 1;
    c.power = (struct sched_cost){.step = 0.125, .prefill = 0.125};
    c.power_stall_ns = second; /* of which there are 4 J */
    open_machine(&m);
    for (int i = 0; i < 2; i++) {
        if (sched_open(mem_libc(), &c, &m.models[i].s, &e) != SIL_OK) fail_msg("%s", e.text);
        assert_int_equal(sched_join(m.models[i].s, m.budget), SIL_OK);
    }
    m.now += 10 * second;
    assert_int_equal(first_rows(&m, &m.models[0]), 31);
    m.models[1].asks = true;
    submit(&m, &m.models[1]);
    assert_int_equal(first_rows(&m, &m.models[0]), 15);
    close_machine(&m);
}

static void test_membership(void **state) {
    (void)state;
    struct machine m;
    struct sched *s = NULL;
    struct sched_config c = {
        .n_ctx = 8, .n_pages = 1, .step_rows = 1, .max_batch = 1, .max_requests = 1, .max_tenants = 1};
    struct sil_error e;
    double cap, idle, credit;
    open_machine(&m);
    if (sched_open(mem_libc(), &c, &s, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(sched_join(s, m.budget), SIL_UNSUPPORTED); /* it does not know what its steps take */
    assert_int_equal(sched_budget_set_cap(m.budget, m.now, -1), SIL_OK);
    assert_int_equal(sched_join(s, m.budget), SIL_OK);
    assert_int_equal(sched_join(s, m.budget), SIL_ARG);
    assert_int_equal(sched_budget_set_cap(m.budget, m.now, 20), SIL_UNSUPPORTED);
    assert_int_equal(sched_budget_set_cap(m.budget, m.now, 0.0 / 0.0), SIL_ARG);
    sched_leave(s);
    assert_int_equal(sched_budget_set_cap(m.budget, m.now, 20), SIL_OK);
    sched_close(s);
    for (uint32_t i = 0; i < MODELS; i++) open_model(&m, i, 1);
    c.power.step = 1;
    if (sched_open(mem_libc(), &c, &s, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(sched_join(s, m.budget), SIL_LIMIT);
    sched_leave(s); /* it never joined */
    sched_close(s);
    sched_idle_power(m.models[1].s, 60); /* told to one of them */
    sched_budget_get(m.budget, &cap, &idle, &credit);
    assert_true(cap == 20 && idle > idle_w && idle < 60);
    struct sched_stats st;
    sched_get_stats(m.models[0].s, &st);
    assert_true(st.cap_w == cap && st.idle_w == idle && st.credit_j == credit);
    assert_int_equal(sched_budget_open(mem_libc(), &(struct sched_budget_config){0}, &m.budget, &e), SIL_ARG);
    close_machine(&m);
}

static sil_err open_in(void *ctx, struct mem mem) {
    struct sched_budget *b = NULL;
    (void)ctx;
    sil_err err = sched_budget_open(mem, &(struct sched_budget_config){.max_schedulers = 4}, &b, NULL);
    sched_budget_close(b);
    return err;
}

static void test_memory(void **state) {
    (void)state;
    assert_true(test_each_allocation(open_in, NULL) >= 2);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_back),
        cmocka_unit_test(test_before_the_cap),
        cmocka_unit_test(test_deferrable),
        cmocka_unit_test(test_deferrable_holds_nobody_up),
        cmocka_unit_test(test_step_size),
        cmocka_unit_test(test_membership),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
