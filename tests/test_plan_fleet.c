/* Fleets: the count of GPUs by hand, balance of GPUs and power in every step, the order in which work is given up under
 * a limit, demand, backlog, and designs that cannot be. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "plan/calib.h"
#include "plan/fleet.h"
#include "support.h"

#define NEAR(got, want, tolerance) assert_true(fabs((got) - (want)) <= (tolerance))

enum { CHAT, CODE, BATCH, IMAGES, TRAINING };

static void add_service(struct fleet_config *c, const char *name, int kind) {
    struct fleet_service *s = &c->services[c->n_services++];
    plan_list_defaults(&fleet_group.lists[1], s);
    snprintf(s->name, PLAN_TEXT_MAX, "%s", name);
    s->kind = kind;
}

/* One pool of 1,000 B200 and the five kinds. */
static struct fleet_config example(void) {
    struct fleet_config c;
    plan_defaults(&fleet_group, &c);
    c.n_pools = 1;
    plan_list_defaults(&fleet_group.lists[0], &c.pools[0]);
    c.pools[0].hardware = (int)calib_hw("dgx-b200");
    c.pools[0].gpus = 1000;
    add_service(&c, "chat", FLEET_CHAT);
    add_service(&c, "code", FLEET_CODE);
    add_service(&c, "batch", FLEET_BATCH);
    add_service(&c, "images", FLEET_IMAGES);
    add_service(&c, "training", FLEET_TRAINING);
    return c;
}

static struct fleet *built(const struct fleet_config *c) {
    struct fleet *f = NULL;
    struct sil_error e = {0};
    sil_err err = fleet_build(c, 2e6, 1.2, mem_libc(), &f, &e);
    if (err != SIL_OK) fail_msg("%s", e.text);
    return f;
}

static struct fleet_in noon(void) {
    return (struct fleet_in){
        .dt_s = 300, .month = 5, .hour = 12, .ramp = 1, .online = {1, 1, 1, 1}, .limit_w = INFINITY, .deferrable = 1};
}

static void count_by_hand(void **state) {
    (void)state;
    /* 250 MW / 1.25 = 200 MW; 1,500 W x 1 + 500 W = 2 kW a GPU: 100,000; less 2 %: 98,000; systems of 72: 1,361. */
    NEAR(fleet_gpu_count(250e6, 1.25, 1500, 1, 500, .02, 72), 1361 * 72, 0);
    NEAR(fleet_gpu_count(250e6, 1.25, 1500, 1, 500, 0, 8), 100000, 0);
    NEAR(fleet_gpu_count(250e6, 1.25, 1500, 2, 500, 0, 1), floor(200e6 / 3500), 0);
    NEAR(fleet_gpu_count(1e3, 1.25, 1500, 1, 500, 0, 8), 0, 0);
    struct fleet_config c = example();
    c.pools[0].gpus = 0;
    c.pools[0].draw_w = 1300;
    struct fleet *f = built(&c);
    struct fleet_pool_facts p;
    fleet_pool_at(f, 0, &p);
    NEAR(p.formula_gpus, fleet_gpu_count(2e6, 1.2, 1300, 1, 200, .02, 8), 0);
    NEAR(p.gpus - p.spares, p.formula_gpus, 0);
    NEAR(p.available, 1 / (1 + .05 * 72 / 8760), 1e-12);
    fleet_free(f);
}

/* The sums of a step: GPUs, power, requests. */
static void balance(const struct fleet_config *c, const struct fleet_out *o, double limit) {
    double power = o->min_w + o->idle_w, gpus = 0;
    for (uint32_t i = 0; i < c->n_services; i++) {
        const struct fleet_service_out *s = &o->service[i];
        power += s->power_w;
        gpus += s->gpus;
        assert_true(s->served >= 0 && s->gpus >= 0 && s->slo >= 0 && s->slo <= 1 + 1e-12);
        assert_true(s->speed > 0 && s->speed <= 1);
        if (c->services[i].kind == FLEET_BATCH || c->services[i].kind == FLEET_TRAINING) NEAR(s->refused, 0, 0);
        else NEAR(s->served + s->refused, s->offered, 1e-6 * (s->offered + 1));
    }
    NEAR(o->it_w, power, 1e-9 * power);
    NEAR(o->gpus_used, gpus, 1e-9 * gpus + 1e-9);
    NEAR(o->gpus_used + o->gpus_idle + o->gpus_off, o->gpus_online, 1e-9 * o->gpus_online);
    assert_true(o->it_w <= fmax(limit, o->min_w));
    assert_true(o->it_w <= o->wanted_w * (1 + 1e-12));
    assert_true(o->util >= 0 && o->util <= 1);
}

/* Any hour, any limit: the balance closes and the limit holds. */
static void steps_balance(void **state) {
    (void)state;
    struct fleet_config c = example();
    struct fleet *f = built(&c);
    struct rng r = {.seed = 20261122};
    struct fleet_state st;
    fleet_start(&st);
    for (int i = 0; i < 20000; i++) {
        struct fleet_in in = noon();
        struct fleet_out o;
        in.month = (int)rng_below(&r, 12);
        in.hour = 24 * (double)rng_f32(&r);
        in.rest_day = rng_below(&r, 2);
        in.online[0] = (double)rng_f32(&r);
        in.ramp = 1.5 * (double)rng_f32(&r);
        in.deferrable = (double)rng_f32(&r);
        if (rng_below(&r, 4)) in.limit_w = 1.6e6 * (double)rng_f32(&r);
        fleet_step(f, &st, &in, &o);
        balance(&c, &o, in.limit_w);
        assert_int_equal(o.capped, o.wanted_w > in.limit_w);
        if (!o.capped) NEAR(o.it_w, o.wanted_w, 1e-9 * o.wanted_w);
    }
    fleet_free(f);
}

/* A falling limit takes idle power first, then training and batch, then clocks, then requests; the first service by
 * priority is the last to lose one. */
static void order_of_cap(void **state) {
    (void)state;
    struct fleet_config c = example();
    c.services[CHAT].priority = 1;
    c.services[CODE].priority = 2;
    c.services[IMAGES].priority = 3;
    struct fleet *f = built(&c);
    struct fleet_in in = noon();
    struct fleet_out full, o, last;
    fleet_step(f, NULL, &in, &full);
    last = full;
    for (in.limit_w = full.wanted_w; in.limit_w > full.min_w; in.limit_w -= .005 * full.wanted_w) {
        fleet_step(f, NULL, &in, &o);
        balance(&c, &o, in.limit_w);
        bool idle_left = o.idle_w > 1e-6, deferred_left = o.service[BATCH].gpus + o.service[TRAINING].gpus > 1e-6;
        bool slowed = false, refused = false;
        for (uint32_t i = 0; i < c.n_services; i++) {
            if (o.service[i].speed < 1) slowed = true;
            if (o.service[i].refused > 1e-6 * o.service[i].offered) refused = true;
            assert_true(o.service[i].served <= last.service[i].served * (1 + 1e-9));
        }
        if (idle_left) assert_false(o.service[TRAINING].gpus < full.service[TRAINING].gpus);
        if (deferred_left) assert_false(slowed || refused);
        if (o.service[CHAT].refused > 1e-6) assert_true(o.service[CODE].served + o.service[IMAGES].served < 1e-6);
        if (o.service[CODE].refused > 1e-6) assert_true(o.service[IMAGES].served < 1e-6);
        /* Slower clocks alone keep the level. */
        if (!refused && slowed) assert_true(o.service[CHAT].slo >= .98);
        last = o;
    }
    assert_true(last.service[CHAT].served < .05 * full.service[CHAT].served);
    fleet_free(f);
}

/* Every request of a batch service is served or waits. */
static void batch_waits(void **state) {
    (void)state;
    struct fleet_config c = example();
    struct fleet *f = built(&c);
    struct fleet_state st;
    double came = 0, done = 0;
    bool late = false, late_first = false;
    fleet_start(&st);
    for (int i = 0; i < 288 * 4; i++) {
        struct fleet_in in = noon();
        struct fleet_out o;
        in.hour = (i % 288 + .5) / 12;
        in.deferrable = i < 288 * 2 ? 0 : 1; /* two days of waiting: past the deadline */
        fleet_step(f, &st, &in, &o);
        came += o.service[BATCH].offered * in.dt_s;
        done += o.service[BATCH].served * in.dt_s;
        if (i < 288 * 2) NEAR(o.service[BATCH].served, 0, 0);
        if (i == 0) late_first = o.service[BATCH].slo < 1;
        if (o.service[BATCH].slo < 1) late = true;
        NEAR(st.backlog[BATCH], came - done, 1e-6 * came);
        NEAR(o.service[BATCH].backlog, st.backlog[BATCH], 0);
    }
    assert_true(late && late_first);
    NEAR(st.backlog[BATCH], 0, 1e-6 * came); /* and two days to work it off */
    assert_true(st.training_s[TRAINING] > 0);
    fleet_free(f);
}

static void demand_shape(void **state) {
    (void)state;
    struct fleet_config c = example();
    struct fleet_service *s = &c.services[CHAT];
    s->peak_rate = 100;
    s->profile = FLEET_CUSTOM;
    for (int h = 0; h < 24; h++) s->hours[h] = h < 12 ? 1 : 3;
    for (int m = 0; m < 12; m++) s->months[m] = m == 0 ? 2 : 1;
    s->weekend = .5;
    s->growth = .1;
    struct fleet *f = built(&c);
    struct fleet_in in = noon();
    struct fleet_out o;
    in.month = 0;
    in.hour = 18.5;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].offered, 100, 1e-9); /* the busiest hour of the busiest month */
    in.month = 3;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].offered, 50, 1e-9);
    in.rest_day = true;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].offered, 25, 1e-9);
    in.hour = 12; /* half way between the middles of two hours */
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].offered, 25 * (1 + 1.0 / 3) / 2, 1e-9);
    in.hour = 0; /* and over midnight */
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].offered, 25 * (1 + 1.0 / 3) / 2, 1e-9);
    in.years = 2;
    in.ramp = .5;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].offered, .5 * 1.21 * 25 * (1 + 1.0 / 3) / 2, 1e-9);
    fleet_free(f);
}

/* The share of the pool that the busiest hour needs is what it then holds. */
static void peak_by_share(void **state) {
    (void)state;
    struct fleet_config c = example();
    struct fleet *f = built(&c);
    struct fleet_service_facts s;
    fleet_service_at(f, CHAT, &s);
    NEAR(s.peak_gpus, .45 * 980, s.replica_gpus + 1);
    assert_string_equal(s.precision, "fp4");
    struct fleet_in in = noon();
    struct fleet_out o;
    in.hour = 21.5;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[CHAT].gpus, s.peak_gpus, 1e-6);
    NEAR(o.service[CHAT].offered, s.peak_rate, 1e-6 * s.peak_rate);
    assert_true(o.service[CHAT].slo >= .98);
    double idle, peak;
    fleet_power_range(f, in.online, &idle, &peak);
    assert_true(idle < o.it_w && o.it_w <= peak);
    in.ramp = 0;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.it_w, idle, 1e-6 * idle);
    fleet_free(f);
}

/* A mix of long requests lies between the two classes. */
static void long_requests(void **state) {
    (void)state;
    struct fleet_config c = example();
    struct fleet_service_facts plain, mixed, all;
    struct fleet *f = built(&c);
    fleet_service_at(f, CHAT, &plain);
    fleet_free(f);
    c.services[CHAT].long_input_tokens = 8000;
    c.services[CHAT].long_output_tokens = 500;
    c.services[CHAT].long_share = .2;
    f = built(&c);
    fleet_service_at(f, CHAT, &mixed);
    struct fleet_in in = noon();
    struct fleet_out o;
    fleet_step(f, NULL, &in, &o);
    assert_true(o.service[CHAT].slo >= .98);
    NEAR(o.service[CHAT].in_tokens, o.service[CHAT].served * (.8 * 1155 + .2 * 8000), 1e-6 * o.service[CHAT].in_tokens);
    fleet_free(f);
    c.services[CHAT].long_share = 1;
    f = built(&c);
    fleet_service_at(f, CHAT, &all);
    fleet_free(f);
    assert_true(all.replica_rate / all.replica_gpus < mixed.replica_rate / mixed.replica_gpus);
    assert_true(mixed.replica_rate / mixed.replica_gpus < plain.replica_rate / plain.replica_gpus);
}

static void refuse(struct fleet_config *c, double contract, const char *words) {
    struct fleet *f = NULL;
    struct sil_error e = {0};
    assert_int_equal(fleet_build(c, contract, 1.2, mem_libc(), &f, &e), SIL_ARG);
    assert_null(f);
    if (!strstr(e.text, words)) fail_msg("\"%s\" is not in \"%s\"", words, e.text);
}

static void impossible(void **state) {
    (void)state;
    struct fleet_config c = example();
    c.services[CHAT].ttft_s = .001;
    refuse(&c, 2e6, "services[chat].ttft: 0.001 s is out of reach");
    c = example();
    c.services[CODE].tpot_s = 1e-4;
    refuse(&c, 2e6, "services[code].tpot: 0.1 ms is out of reach");
    c = example();
    c.services[IMAGES].ttft_s = .1;
    refuse(&c, 2e6, "services[images].ttft: 0.1 s is out of reach");
    c = example();
    c.pools[0].hardware = (int)calib_hw("dgx-h100");
    c.services[CHAT].precision = FLEET_FP4;
    refuse(&c, 2e6, "services[chat].precision: dgx-h100 has no fp4");
    c = example();
    c.services[CHAT].model = (int)calib_llm("llama3.1-405b");
    c.services[CHAT].replica_gpus = 1;
    refuse(&c, 2e6, "services[chat].model: llama3.1-405b in 1 GPUs");
    c = example();
    c.pools[0].gpus = 0;
    refuse(&c, 5e3, "do not feed one dgx-b200");
    c = example();
    const char *path = NULL;
    struct sil_error e;
    assert_int_equal(fleet_group.check(&c, &path, &e), SIL_OK);
    snprintf(c.services[0].pool, PLAN_TEXT_MAX, "%s", "nowhere");
    assert_int_equal(fleet_group.check(&c, &path, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "there is no pool \"nowhere\""));
    c = example();
    snprintf(c.services[1].name, PLAN_TEXT_MAX, "%s", "chat");
    assert_int_equal(fleet_group.check(&c, &path, &e), SIL_ARG);
    c = example();
    memset(c.services[0].months, 0, sizeof c.services[0].months);
    assert_int_equal(fleet_group.check(&c, &path, &e), SIL_ARG);
    c = example();
    c.services[0].long_share = .1;
    assert_int_equal(fleet_group.check(&c, &path, &e), SIL_ARG);
}

/* Custom hardware with the figures of a catalogue system gives the same fleet. */
static void custom_hardware(void **state) {
    (void)state;
    struct fleet_config c = example(), own = example();
    own.pools[0].hardware = (int)hw_n_systems;
    own.pools[0].own = hw_systems[calib_hw("dgx-b200")];
    struct fleet *a = built(&c), *b = built(&own);
    struct fleet_in in = noon();
    struct fleet_out x, y;
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    fleet_step(a, NULL, &in, &x);
    fleet_step(b, NULL, &in, &y);
    assert_memory_equal(&x, &y, sizeof x);
    struct fleet_pool_facts p;
    fleet_pool_at(b, 0, &p);
    assert_string_equal(p.hw->name, "custom");
    fleet_free(a);
    fleet_free(b);
}

/* Two pools share the work by the names of their services. */
static void two_pools(void **state) {
    (void)state;
    struct fleet_config c = example();
    plan_list_defaults(&fleet_group.lists[0], &c.pools[1]);
    snprintf(c.pools[1].name, PLAN_TEXT_MAX, "%s", "old");
    c.pools[1].hardware = (int)calib_hw("dgx-h100");
    c.pools[1].gpus = 512;
    c.n_pools = 2;
    snprintf(c.services[TRAINING].pool, PLAN_TEXT_MAX, "%s", "old");
    struct fleet *f = built(&c);
    struct fleet_in in = noon();
    struct fleet_out o;
    fleet_step(f, NULL, &in, &o);
    balance(&c, &o, INFINITY);
    NEAR(o.service[TRAINING].gpus, floor(.2 * floor(512 * .98) / (1 + .05 * 72 / 8760)), 1e-6);
    in.online[1] = 0;
    fleet_step(f, NULL, &in, &o);
    NEAR(o.service[TRAINING].gpus, 0, 0);
    balance(&c, &o, INFINITY);
    fleet_free(f);
}

static void from_trace(void **state) {
    (void)state;
    struct fleet_config c = example();
    struct sil_error e;
    assert_int_equal(fleet_take_trace(&c.services[CHAT], "fuzz/corpus/trace/good/two.csv", mem_libc(), &e), SIL_OK);
    NEAR(c.services[CHAT].input_tokens, 385, 1e-9);
    NEAR(c.services[CHAT].output_tokens, 76.5, 1e-9);
    assert_int_equal(fleet_take_trace(&c.services[CHAT], "fuzz/corpus/trace/bad/back.csv", mem_libc(), &e), SIL_FORMAT);
    assert_non_null(strstr(e.text, "back.csv: line 3"));
    assert_int_equal(fleet_take_trace(&c.services[CHAT], "fuzz/corpus/trace/none.csv", mem_libc(), &e), SIL_IO);
}

static sil_err build_once(void *ctx, struct mem mem) {
    struct fleet *f;
    sil_err err = fleet_build(ctx, 2e6, 1.2, mem, &f, NULL);
    if (err == SIL_OK) fleet_free(f);
    return err;
}

static void no_memory(void **state) {
    (void)state;
    struct fleet_config c = example();
    c.n_services = 1;
    assert_int_equal(test_each_allocation(build_once, &c), 1);
}

static void check_var(const struct plan_var *v) {
    assert_non_null(v->help_en);
    assert_non_null(v->help_ko);
    assert_non_null(plan_unit_find(str_of(v->unit ? v->unit : "")));
    if (v->kind != PLAN_NUM && v->kind != PLAN_INT) return;
    if (!isnan(v->def) && v->hi > v->lo) assert_true(v->def >= v->lo && v->def <= v->hi);
    if (v->high > v->low && v->hi > v->lo) assert_true(v->low >= v->lo && v->high <= v->hi);
    if (v->high > v->low) assert_non_null(v->source); /* a plausible spread comes from somewhere */
}

static void declarations(void **state) {
    (void)state;
    for (size_t i = 0; i < fleet_group.n_vars; i++) check_var(&fleet_group.vars[i]);
    for (size_t l = 0; l < fleet_group.n_lists; l++) {
        for (size_t i = 0; i < fleet_group.lists[l].n_vars; i++) check_var(&fleet_group.lists[l].vars[i]);
    }
    struct fleet_config c = example();
    assert_true(isnan(c.services[CHAT].input_tokens));
    fleet_resolve(&c);
    NEAR(c.services[CHAT].input_tokens, 1155, 0);
    NEAR(c.services[CODE].output_tokens, 28, 0);
    NEAR(c.roof.production, .65, 1e-12);
    c.roof.production = roof_declared.production;
    assert_true(memcmp(&c.roof, &roof_declared, sizeof c.roof) == 0);
    assert_true(memcmp(&c.power, &hw_power_default, sizeof c.power) == 0);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_by_hand), cmocka_unit_test(steps_balance), cmocka_unit_test(order_of_cap),
        cmocka_unit_test(batch_waits),   cmocka_unit_test(demand_shape),  cmocka_unit_test(peak_by_share),
        cmocka_unit_test(long_requests), cmocka_unit_test(impossible),    cmocka_unit_test(custom_hardware),
        cmocka_unit_test(two_pools),     cmocka_unit_test(from_trace),    cmocka_unit_test(no_memory),
        cmocka_unit_test(declarations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
