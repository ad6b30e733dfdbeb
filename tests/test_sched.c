/* The scheduler by hand: what each promise means in the smallest case. Random lives are in test_sched_sim.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sched/sched.h"
#include "support.h"

enum { MS = 1000000 };

struct bench {
    struct sched *s;
    struct sched_plan plan;
    uint64_t now;
    uint32_t n_pages;
    uint32_t held[64]; /* tokens in the session of each user */
};

static struct sched_config small(void) {
    return (struct sched_config){.n_ctx = 1024,
                                 .n_pages = 64,
                                 .step_rows = 64,
                                 .max_batch = 4,
                                 .max_requests = 16,
                                 .max_tenants = 4,
                                 .power = {.step = 1, .prefill = 0.1, .decode = 0.1},
                                 .idle_w = 10};
}

static void open_bench(struct bench *b, const struct sched_config *c) {
    struct sil_error e;
    *b = (struct bench){.n_pages = c->n_pages};
    if (sched_open(mem_libc(), c, &b->s, &e) != SIL_OK) fail_msg("%s", e.text);
}

static struct sched_request ask(uint64_t user, uint32_t tenant, uint32_t n_prompt, uint32_t max_new) {
    return (struct sched_request){.user = user, .tenant = tenant, .n_prompt = n_prompt, .max_new = max_new};
}

static sched_id submit(struct bench *b, struct sched_request r) {
    struct sched_answer a;
    sched_submit(b->s, b->now, &r, &a);
    assert_int_equal(a.verdict, SCHED_ACCEPTED);
    assert_true(a.id != 0);
    return a.id;
}

static enum sched_verdict verdict(struct bench *b, struct sched_request r) {
    struct sched_answer a;
    sched_submit(b->s, b->now, &r, &a);
    return a.verdict;
}

static uint32_t pages(const struct bench *b) {
    uint32_t n = b->n_pages;
    for (uint32_t i = 0; i < 64; i++) n -= (b->held[i] + 63) / 64;
    return n;
}

/* Plans until there is a step; STARTs succeed with nothing reused. Writes what happened as text: "S0 P0:16* D1 E2". */
static const char *plan(struct bench *b) {
    static char text[1024];
    size_t n = 0;
    text[0] = 0;
    do {
        sched_plan(b->s, b->now, pages(b), &b->plan);
        for (uint32_t i = 0; i < b->plan.n && n + 40 < sizeof text; i++) {
            const struct sched_decision *d = &b->plan.decisions[i];
            int user = (int)d->user;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%c%d", n ? " " : "", "EXSPD"[d->kind], user);
            if (d->kind == SCHED_PREFILL)
                n += (size_t)snprintf(text + n, sizeof text - n, ":%u%s", d->n_tokens, d->last ? "*" : "");
            if (d->kind == SCHED_START) sched_started(b->s, d->id, 0);
            if (d->kind == SCHED_END || d->kind == SCHED_PREEMPT) b->held[user] = 0;
        }
    } while (b->plan.again);
    return text;
}

/* The planned step is done: everything advances, a token each, in took_ns and so many joules. */
static void report(struct bench *b, uint64_t took_ns, double joules) {
    struct sched_result results[64];
    for (uint32_t i = 0; i < b->plan.n; i++) {
        const struct sched_decision *d = &b->plan.decisions[i];
        results[i] = (struct sched_result){.id = d->id, .advanced = true};
        results[i].made = d->kind == SCHED_DECODE || d->last;
        b->held[d->user] += d->n_tokens;
    }
    b->now += took_ns;
    sched_report(b->s, b->now, &(struct sched_step){results, b->plan.n, 0, took_ns, joules});
}

static void run(struct bench *b, uint32_t steps) {
    for (uint32_t i = 0; i < steps; i++) {
        plan(b);
        report(b, 10 * MS, -1);
    }
}

static struct sched_stats stats(const struct bench *b) {
    struct sched_stats st;
    sched_get_stats(b->s, &st);
    return st;
}

static uint64_t tokens(const struct bench *b, uint32_t tenant) {
    struct sched_tenant_stats t;
    assert_true(sched_get_tenant(b->s, tenant, &t));
    return t.tokens;
}

/* ---- opening ---- */

static sil_err open_in(void *ctx, struct mem mem) {
    struct sched *s = NULL;
    struct sched_config c = small();
    struct sil_error e;
    (void)ctx;
    sil_err err = sched_open(mem, &c, &s, &e);
    if (err == SIL_OK) sched_close(s);
    return err;
}

static void test_memory(void **state) {
    (void)state;
    assert_true(test_each_allocation(open_in, NULL) >= 5);
    sched_close(NULL);
}

/* After opening nothing is allocated any more. */
static void test_no_allocation(void **state) {
    (void)state;
    struct test_mem mem = {0};
    struct bench b = {.n_pages = 64};
    struct sched_config c = small();
    assert_int_equal(sched_open(test_mem(&mem), &c, &b.s, NULL), SIL_OK);
    size_t calls = mem.calls;
    for (uint32_t i = 0; i < 16; i++) submit(&b, ask(i, i % 4, 100, 50));
    run(&b, 400);
    assert_int_equal(stats(&b).n_ended, 16);
    assert_int_equal(mem.calls, calls);
    sched_close(b.s);
    assert_int_equal(mem.live, 0);
}

static void refuses(struct sched_config c, const char *name) {
    struct sched *s = NULL;
    struct sil_error e;
    assert_int_equal(sched_open(mem_libc(), &c, &s, &e), SIL_ARG);
    if (!strstr(e.text, name)) fail_msg("no \"%s\" in \"%s\"", name, e.text);
}

static void test_ranges(void **state) {
    (void)state;
    struct sched_config c = small();
    c.n_ctx = 0;
    refuses(c, "n_ctx");
    c = small();
    c.max_batch = 65;
    refuses(c, "max_batch");
    c = small();
    c.max_sessions = 3;
    refuses(c, "max_sessions");
    c = small();
    c.max_requests = SCHED_REQUESTS_MAX + 1;
    refuses(c, "max_requests");
    c = small();
    c.power.decode = -1;
    refuses(c, "energy");
    c = small();
    c.idle_w = 1.0 / 0.0;
    refuses(c, "idle");
    struct bench b;
    c = small();
    open_bench(&b, &c);
    assert_int_equal(sched_set_tenant(b.s, 4, &(struct sched_tenant){0}), SIL_ARG);
    assert_int_equal(sched_set_tenant(b.s, 0, &(struct sched_tenant){.weight = SCHED_WEIGHT_MAX + 1}), SIL_ARG);
    assert_int_equal(sched_set_cap(b.s, 0, 0.0 / 0.0), SIL_ARG);
    sched_close(b.s);
    c.power = (struct sched_cost){0};
    open_bench(&b, &c);
    assert_int_equal(sched_set_cap(b.s, 0, 100), SIL_UNSUPPORTED);
    assert_int_equal(sched_set_cap(b.s, 0, -1), SIL_OK);
    sched_close(b.s);
}

static void test_verdicts(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.max_requests = 3;
    open_bench(&b, &c);
    assert_int_equal(sched_set_tenant(b.s, 1, &(struct sched_tenant){.max_live = 1}), SIL_OK);
    assert_int_equal(verdict(&b, ask(0, 4, 1, 1)), SCHED_BAD_REQUEST);
    assert_int_equal(verdict(&b, ask(0, 0, 0, 1)), SCHED_BAD_REQUEST);
    assert_int_equal(verdict(&b, ask(0, 0, 1, 0)), SCHED_BAD_REQUEST);
    assert_int_equal(verdict(&b, ask(0, 0, 1000, 26)), SCHED_TOO_LONG);
    assert_int_equal(verdict(&b, ask(0, 0, UINT32_MAX, UINT32_MAX)), SCHED_TOO_LONG);
    assert_int_equal(verdict(&b, ask(0, 0, 1000, 25)), SCHED_ACCEPTED);
    assert_int_equal(verdict(&b, ask(1, 1, 1, 1)), SCHED_ACCEPTED);
    assert_int_equal(verdict(&b, ask(2, 1, 1, 1)), SCHED_TENANT_FULL);
    assert_int_equal(verdict(&b, ask(2, 2, 1, 1)), SCHED_ACCEPTED);
    assert_int_equal(verdict(&b, ask(3, 0, 1, 1)), SCHED_FULL);
    sched_drain(b.s, b.now, 1000 * MS, false);
    assert_int_equal(verdict(&b, ask(3, 0, 1, 1)), SCHED_DRAINING);
    sched_close(b.s);
}

/* ---- a request's life ---- */

static void test_life(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    assert_string_equal(plan(&b), "");
    assert_true(b.plan.wait_ns == SCHED_FOREVER);
    sched_id id = submit(&b, ask(7, 0, 100, 3));
    assert_string_equal(plan(&b), "S7 P7:64"); /* nobody writes: the whole step is the prompt's */
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "P7:36*");
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "D7");
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "D7");
    report(&b, MS, -1); /* the third token, and nobody said that it was the last */
    assert_string_equal(plan(&b), "E7");
    assert_int_equal(stats(&b).prefilled, 100);
    assert_int_equal(stats(&b).decoded, 3);
    assert_int_equal(stats(&b).n_ended, 1);
    assert_false(sched_cancel(b.s, id));
    assert_true(submit(&b, ask(8, 0, 1, 1)) != id); /* in the same place */
    assert_false(sched_drop(b.s, id));
    sched_close(b.s);
}

static void test_cancel(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    sched_id waiting = submit(&b, ask(0, 0, 10, 10));
    assert_true(sched_cancel(b.s, waiting));
    assert_string_equal(plan(&b), "E0");
    sched_id running = submit(&b, ask(1, 0, 10, 10));
    plan(&b);
    assert_true(sched_cancel(b.s, running)); /* between plan and report */
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "E1");
    sched_id dropped = submit(&b, ask(2, 0, 10, 10));
    plan(&b);
    assert_true(sched_drop(b.s, dropped));
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "");
    assert_int_equal(stats(&b).n_accepted, stats(&b).n_ended);
    sched_close(b.s);
}

static void test_deadline(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    struct sched_request r = ask(0, 0, 10, 100);
    r.timeout_ns = 50 * MS;
    submit(&b, r);
    run(&b, 4);
    b.now -= 30 * MS; /* a clock that goes back stands still */
    assert_string_equal(plan(&b), "D0");
    report(&b, 10 * MS, -1);
    assert_string_equal(plan(&b), "E0");
    r.timeout_ns = 3600000ull * MS;
    submit(&b, r);
    plan(&b);
    report(&b, MS, -1);
    b.now += 7200000ull * MS; /* one that jumps ahead counts max_gap_ns */
    assert_string_equal(plan(&b), "D0");
    sched_close(b.s);
}

static void test_drain(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.max_batch = 1;
    open_bench(&b, &c);
    submit(&b, ask(0, 0, 10, 100));
    submit(&b, ask(1, 0, 10, 100));
    plan(&b);
    report(&b, MS, -1);
    sched_drain(b.s, b.now, 25 * MS, true);
    assert_string_equal(plan(&b), "E1 D0");
    run(&b, 2);
    assert_string_equal(plan(&b), "D0");
    report(&b, 10 * MS, -1);
    assert_string_equal(plan(&b), "E0");
    sched_close(b.s);
}

/* ---- order ---- */

static void test_priority(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.max_batch = c.max_sessions = 1;
    open_bench(&b, &c);
    struct sched_request low = ask(0, 0, 10, 5), high = ask(1, 0, 10, 5);
    low.priority = 3;
    submit(&b, low);
    submit(&b, high);
    assert_string_equal(plan(&b), "S1 P1:10*");
    sched_close(b.s);
}

static void test_ageing(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.max_batch = c.max_sessions = 1;
    c.aging_ns = 100 * MS;
    open_bench(&b, &c);
    submit(&b, ask(9, 1, 10, 60)); /* has the place */
    plan(&b);
    report(&b, MS, -1);
    struct sched_request low = ask(0, 0, 10, 5);
    low.priority = 2;
    submit(&b, low);
    run(&b, 21); /* 210 ms */
    submit(&b, ask(1, 0, 10, 5));
    for (int i = 0; i < 80; i++) {
        const char *text = plan(&b);
        assert_null(strstr(text, "S1"));
        if (strstr(text, "S0")) {
            sched_close(b.s);
            return;
        }
        report(&b, 10 * MS, -1);
    }
    fail_msg("request 0 never starts");
}

/* Two that always have more to ask share by their weights. */
static void share(uint32_t weight, uint32_t steps) {
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    assert_int_equal(sched_set_tenant(b.s, 1, &(struct sched_tenant){.weight = weight}), SIL_OK);
    for (uint32_t i = 0; i < steps; i++) {
        for (uint32_t t = 0; t < 2; t++) {
            struct sched_tenant_stats st;
            sched_get_tenant(b.s, t, &st);
            for (uint32_t n = st.n_waiting; n < 3; n++) submit(&b, ask(t, t, t ? 200 : 20, t ? 10 : 60));
        }
        run(&b, 1);
    }
    double lead = (double)tokens(&b, 0) - (double)tokens(&b, 1) / weight;
    assert_true(tokens(&b, 0) > 2000);
    if (lead < -1500 || lead > 1500) fail_msg("a lead of %g after %g", lead, (double)tokens(&b, 0));
    sched_close(b.s);
}

static void test_fairness(void **state) {
    (void)state;
    share(1, 2000);
    share(3, 4000);
}

/* A tenant with long answers in every place does not keep another out. */
static void test_guest(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    for (uint32_t i = 0; i < 6; i++) submit(&b, ask(i, 0, 10, 900 / 4));
    run(&b, 3);
    submit(&b, ask(9, 1, 10, 10));
    uint32_t steps = 0;
    while (!strstr(plan(&b), "S9")) {
        report(&b, 10 * MS, -1);
        assert_true(++steps < 256 / 4 + 4); /* a slice, four tokens a step */
    }
    assert_true(steps > 10);
    sched_close(b.s);
}

static void test_deferrable(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.max_batch = c.max_sessions = 1;
    c.defer_max_ns = 1000 * MS;
    open_bench(&b, &c);
    struct sched_request late = ask(0, 0, 10, 50);
    late.deferrable = true;
    submit(&b, late);
    assert_string_equal(plan(&b), "S0 P0:10*");
    report(&b, 10 * MS, -1);
    submit(&b, ask(1, 1, 10, 3));
    assert_string_equal(plan(&b), "X0 S1 P1:10*"); /* there is one session only */
    report(&b, 10 * MS, -1);
    run(&b, 2);
    submit(&b, ask(2, 1, 10, 150));
    submit(&b, ask(3, 1, 10, 150));
    assert_string_equal(plan(&b), "E1 S2 P2:10*");
    report(&b, 10 * MS, -1);
    run(&b, 149);
    assert_string_equal(plan(&b), "E2 S0 P0:11*"); /* after 1.5 s it counts as the others, and had less than they */
    sched_close(b.s);
}

/* ---- prompts beside answers ---- */

static void test_chunks(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.time = (struct sched_cost){.step = 10e-3, .prefill = 1e-3, .decode = 1e-3};
    c.stall_percent = 210;
    c.min_chunk = 4;
    open_bench(&b, &c);
    submit(&b, ask(0, 0, 1, 100));
    plan(&b);
    report(&b, 11 * MS, -1);
    submit(&b, ask(1, 1, 500, 10));
    assert_string_equal(plan(&b), "S1 D0 P1:12"); /* 11 ms alone, 23 ms with 12 rows more */
    report(&b, 23 * MS, -1);
    submit(&b, ask(2, 1, 3, 10));
    assert_string_equal(plan(&b), "S2 D0 P1:9 P2:3*"); /* the short question does not wait for the long one */
    report(&b, 23 * MS, -1);
    sched_close(b.s);
}

static void test_drafts(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.max_draft = 7;
    c.max_logits = 8;
    open_bench(&b, &c);
    submit(&b, ask(0, 0, 1, 100));
    run(&b, 1);
    plan(&b);
    assert_int_equal(b.plan.decisions[0].n_draft, 7);
    report(&b, MS, -1);
    submit(&b, ask(1, 0, 1, 3));
    run(&b, 1);
    plan(&b);
    assert_int_equal(b.plan.decisions[0].n_draft, 3); /* two share eight rows of logits */
    assert_int_equal(b.plan.decisions[1].n_draft, 1); /* and no guess goes beyond max_new */
    sched_close(b.s);
}

/* ---- pages ---- */

static void test_pages(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.n_pages = 10;
    c.step_rows = 256;
    open_bench(&b, &c);
    submit(&b, ask(0, 0, 128, 300));
    submit(&b, ask(1, 1, 128, 300));
    assert_string_equal(plan(&b), "S0 S1 P0:128* P1:128*");
    report(&b, MS, -1);
    run(&b, 64 * 3);                        /* five pages each now */
    assert_string_equal(plan(&b), "X1 D0"); /* who came later gives way */
    report(&b, MS, -1);
    run(&b, 300 - 64 * 3 - 2 - 1);
    assert_string_equal(plan(&b), "D0");
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "E0 S1 P1:256"); /* and is computed again, with its 193 tokens */
    report(&b, MS, -1);
    assert_string_equal(plan(&b), "P1:65*");
    report(&b, MS, -1);
    assert_int_equal(stats(&b).recomputed, 128 + 192);
    assert_int_equal(tokens(&b, 1), 128 + 194);
    sched_close(b.s);
}

static void test_reuse(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    sched_id id = submit(&b, ask(0, 0, 640, 10));
    sched_plan(b.s, b.now, pages(&b), &b.plan);
    assert_int_equal(b.plan.decisions[0].kind, SCHED_START);
    assert_int_equal(b.plan.decisions[0].n_tokens, 640);
    sched_started(b.s, id, 630);
    assert_string_equal(plan(&b), "P0:10*"); /* the first token comes with the first step */
    assert_int_equal(b.plan.decisions[0].from, 630);
    report(&b, MS, -1);
    assert_int_equal(tokens(&b, 0), 11); /* what is reused costs nothing */
    assert_int_equal(stats(&b).cached, 630);
    sched_close(b.s);
}

/* ---- power ---- */

static void test_power(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    c.power_window_ns = 1000ull * MS;
    c.power_stall_ns = 500ull * MS;
    open_bench(&b, &c);
    for (uint32_t i = 0; i < 4; i++) submit(&b, ask(i, i, 1, 1000));
    run(&b, 1);
    assert_int_equal(sched_set_cap(b.s, b.now, 12.8), SIL_OK); /* 2.8 W above idle; an answer's step takes 1.1 J */
    uint64_t begin = b.now, steps = 0;
    while (b.now - begin < 60000ull * MS) {
        plan(&b);
        assert_true(b.plan.n > 0 || b.plan.wait_ns > 0);
        if (b.plan.n) report(&b, 10 * MS, -1), steps++;
        else b.now += b.plan.wait_ns;
    }
    /* 168 J, at most a window's 2.8 J more: all four in each step (1.4 J, a step each half second) */
    assert_true(steps >= 118 && steps <= 122);
    assert_int_equal(sched_set_cap(b.s, b.now, 9), SIL_OK); /* below idle: nothing runs */
    plan(&b);
    assert_int_equal(b.plan.n, 0);
    assert_true(b.plan.wait_ns == SCHED_FOREVER);
    assert_int_equal(sched_set_cap(b.s, b.now, -1), SIL_OK);
    plan(&b);
    assert_int_equal(b.plan.n, 4);
    sched_close(b.s);
}

/* The batch shrinks where steps of all would come too seldom. */
static void test_power_batch(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    for (uint32_t i = 0; i < 4; i++) submit(&b, ask(i, i, 1, 1000));
    run(&b, 1);
    assert_int_equal(sched_set_cap(b.s, b.now, 12.5), SIL_OK); /* 1.25 J in half a second: a step of two */
    for (;;) {
        plan(&b);
        if (b.plan.n) break;
        b.now += b.plan.wait_ns;
    }
    assert_int_equal(b.plan.n, 2);
    sched_close(b.s);
}

static void test_learning(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    submit(&b, ask(0, 0, 1, 1000));
    for (int i = 0; i < 200; i++) {
        plan(&b);
        report(&b, 30 * MS, 30e-3 * 10 + 5); /* steps of 30 ms and 5 J above idle */
    }
    struct sched_stats st = stats(&b);
    double step_s = st.time.step + st.time.decode, step_j = st.power.step + st.power.decode;
    assert_true(step_s > 0.027 && step_s < 0.033);
    assert_true(step_j > 4.5 && step_j < 5.5);
    sched_idle_power(b.s, 100);
    assert_true(stats(&b).idle_w > 10 && stats(&b).idle_w < 100);
    sched_close(b.s);
}

static void test_estimates(void **state) {
    (void)state;
    struct bench b;
    struct sched_config c = small();
    open_bench(&b, &c);
    struct sched_answer a;
    struct sched_request r = ask(0, 0, 100, 200);
    sched_submit(b.s, 0, &r, &a);
    assert_true(a.wait_ns == 0);
    uint64_t before = 0;
    for (int i = 0; i < 15; i++) {
        sched_submit(b.s, 0, &r, &a);
        assert_true(a.wait_ns >= before);
        before = a.wait_ns;
    }
    assert_true(before > 100 * MS);
    sched_submit(b.s, 0, &r, &a);
    assert_int_equal(a.verdict, SCHED_FULL);
    assert_true(a.wait_ns > 0 && a.wait_ns < before);
    r.n_prompt = 5000;
    sched_submit(b.s, 0, &r, &a);
    assert_true(a.wait_ns == SCHED_FOREVER);
    sched_close(b.s);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_no_allocation), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_verdicts),    cmocka_unit_test(test_life),          cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_deadline),    cmocka_unit_test(test_drain),         cmocka_unit_test(test_priority),
        cmocka_unit_test(test_ageing),      cmocka_unit_test(test_fairness),      cmocka_unit_test(test_guest),
        cmocka_unit_test(test_deferrable),  cmocka_unit_test(test_chunks),        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_pages),       cmocka_unit_test(test_reuse),         cmocka_unit_test(test_power),
        cmocka_unit_test(test_power_batch), cmocka_unit_test(test_learning),      cmocka_unit_test(test_estimates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
