/* Systems, models, rooflines, calibration, queues, surfaces, training: against published counts, against hand
 * calculations, and in their limits. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan/calib.h"
#include "plan/check_fleet.h"
#include "plan/queue.h"
#include "plan/replica.h"
#include "plan/surface.h"
#include "plan/train.h"
#include "plan/var.h"
#include "support.h"

#define NEAR(got, want, tolerance) assert_true(fabs((got) - (want)) <= (tolerance))

/* Billions of weights as published: in all, and used per token (0: dense). The published count of active weights may or
 * may not hold the embeddings, so it gets a wider berth. */
static void counts_of_weights(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double total, active;
    } published[] = {
        {"llama2-70b", 69.0, 0},     {"llama3.1-8b", 8.03, 0},     {"llama3.3-70b", 70.6, 0},
        {"llama3.1-405b", 405.9, 0}, {"qwen3-32b", 32.8, 0},       {"qwen3-235b-a22b", 235, 22},
        {"gemma3-27b", 27.0, 0},     {"gpt-oss-120b", 116.8, 5.1}, {"deepseek-r1", 671, 37},
        {"exaone-4.0-32b", 32.0, 0}, {"k-exaone-236b", 236, 23},   {"solar-open-100b", 102.6, 12},
        {"ax-k1-519b", 519, 33},
    };
    assert_int_equal(sizeof published / sizeof *published, llm_n_models);
    for (size_t i = 0; i < llm_n_models; i++) {
        struct llm_count c;
        assert_string_equal(llm_models[i].name, published[i].name);
        llm_params(&llm_models[i], &c);
        NEAR(c.total / 1e9, published[i].total, .005 * published[i].total);
        if (published[i].active > 0) NEAR(c.active / 1e9, published[i].active, .08 * published[i].active);
        else assert_true(c.active <= c.total);
        struct str name = plan_choice_name(LLM_NAMES, (int)i);
        assert_true(str_eq(name, str_of(llm_models[i].name)));
    }
    for (size_t i = 0; i < hw_n_systems; i++)
        assert_true(str_eq(plan_choice_name(HW_NAMES, (int)i), str_of(hw_systems[i].name)));
}

static void kv_cache(void **state) {
    (void)state;
    const struct llm_model *m = &llm_models[calib_llm("llama2-70b")];
    NEAR(llm_kv_bytes(m, 2), 2 * 80 * 8 * 128 * 2, 0); /* 2 L Hkv d bytes */
    NEAR(llm_kv_sequence(m, 2, 1000), 1000 * llm_kv_bytes(m, 2), 0);
    const struct llm_model *latent = &llm_models[calib_llm("deepseek-r1")];
    NEAR(llm_kv_bytes(latent, 1), 61 * 576, 0);
    /* 18 of 36 layers keep 128 tokens at most. */
    const struct llm_model *local = &llm_models[calib_llm("gpt-oss-120b")];
    NEAR(llm_kv_sequence(local, 1, 100), 100 * llm_kv_bytes(local, 1), 0);
    NEAR(llm_kv_sequence(local, 1, 10000), 2 * 8 * 64 * (18.0 * 10000 + 18.0 * 128), 0);
}

static struct roof roof_of(const char *hw, const char *model, enum hw_precision p, double gpus) {
    struct roof r;
    roof_init(&r, &hw_systems[calib_hw(hw)], &llm_models[calib_llm(model)], p, gpus, &roof_declared);
    return r;
}

/* One sequence on one GPU is bound by reading the weights; many tokens by arithmetic; both by hand. */
static void roofline_limits(void **state) {
    (void)state;
    struct roof r = roof_of("dgx-h100", "llama3.1-8b", HW_BF16, 1);
    r.k.activation = 0;
    r.k.step_s = 0;
    struct roof_cost c;
    roof_step(&r, 1, 0, 0, 0, 1, &c);
    NEAR(c.time_s, 2 * r.count.fixed / (3.35e12 * .85), 1e-12);
    NEAR(c.bytes, 2 * r.count.fixed, 1);
    roof_step(&r, 4000, 0, 0, 0, 1, &c);
    NEAR(c.time_s, 2 * r.count.active * 4000 / (.989e15 * .7), 1e-9);
    /* Half the clock doubles arithmetic and leaves memory alone. */
    double full = c.time_s;
    roof_step(&r, 4000, 0, 0, 0, .5, &c);
    NEAR(c.time_s, 2 * full, 1e-9);
    struct roof_cost slow;
    roof_step(&r, 1, 0, 0, 0, 1, &c);
    roof_step(&r, 1, 0, 0, 0, .5, &slow);
    NEAR(slow.time_s, c.time_s, 0);
    /* A prompt of n without cache: 2 P n and the causal half of 4 L H d n^2. */
    roof_step(&r, 0, 0, 1000, 0, 1, &c);
    NEAR(c.flop, 2 * r.count.active * 1000 + 2.0 * 32 * 32 * 128 * 1000 * 1000, 1e6);
    /* All of it cached: nothing is new. */
    roof_step(&r, 0, 0, 1000, 1000, 1, &c);
    NEAR(c.flop, 0, 0);
}

/* Uniform routing: one token reads `top` experts, very many read all. */
static void experts_read(void **state) {
    (void)state;
    struct roof r = roof_of("dgx-b200", "deepseek-r1", HW_FP8, 8);
    struct roof_cost c;
    r.k.activation = 0;
    roof_step(&r, 1, 0, 0, 0, 1, &c);
    NEAR(c.bytes, r.count.fixed + 8 * r.count.expert, 1e3);
    roof_step(&r, 1e4, 0, 0, 0, 1, &c);
    NEAR(c.bytes, r.count.fixed + 256 * r.count.expert, 1e3);
    /* Routing costs time, not weights. */
    struct roof_cost free;
    r.k.activation = 10;
    roof_step(&r, 100, 0, 0, 0, 1, &c);
    r.k.routing = 0;
    roof_step(&r, 100, 0, 0, 0, 1, &free);
    assert_true(free.time_s < c.time_s);
}

static void batch_by_memory(void **state) {
    (void)state;
    /* 2 x 80 GB x .9 hold 69 GB of fp8 weights and 75 GB of cache. */
    struct roof r = roof_of("dgx-h100", "llama2-70b", HW_FP8, 2);
    NEAR(roof_batch(&r, 1000), (144e9 - r.count.total) / (1000.0 * 163840), 1e-6);
    r = roof_of("dgx-h100", "llama2-70b", HW_FP8, 1);
    assert_true(roof_batch(&r, 1000) < 100);
    r = roof_of("dgx-h100", "llama3.1-405b", HW_FP8, 4);
    assert_true(roof_batch(&r, 1000) < 1);
}

/* ---- queues ---- */

static void queue_limits(void **state) {
    (void)state;
    /* One server: the share that waits is the load, the wait rho / (mu - lambda). */
    for (double rho = .1; rho < 1; rho += .2) {
        NEAR(queue_erlang_c(1, rho), rho, 1e-12);
        struct queue_wait w = queue_wait_of(1, rho, 1, 1, 1);
        NEAR(queue_wait_mean(w), rho / (1 - rho), 1e-9);
        NEAR(queue_wait_tail(w, queue_wait_quantile(w, .99)), .01, rho > .01 ? 1e-9 : 1);
        /* Deterministic service halves the wait (Pollaczek and Khinchine). */
        NEAR(queue_wait_mean(queue_wait_of(1, rho, 1, 1, 0)), rho / (1 - rho) / 2, 1e-9);
    }
    NEAR(queue_erlang_b(1, 1), .5, 1e-12);
    NEAR(queue_erlang_c(2, 1), 1.0 / 3, 1e-12);
    NEAR(queue_erlang_c(4, 4), 1, 0);
    assert_true(queue_erlang_c(1000, 500) < 1e-9);
    struct queue_wait full = queue_wait_of(3, 3, 1, 1, 1);
    NEAR(queue_wait_tail(full, 1e9), 1, 0);
    assert_true(isinf(queue_wait_quantile(full, .5)));
    NEAR(queue_wait_quantile(queue_wait_of(8, 1, 1, 1, 1), .99), 0, 0);
    NEAR(queue_wait_mean(queue_wait_of(8, 0, 1, 1, 1)), 0, 0);
}

/* Three standard errors at these lengths; the same numbers for the same seed. */
static void queue_simulation(void **state) {
    (void)state;
    static const struct {
        uint32_t k;
        double lambda, tolerance;
    } at[] = {{1, .3, .02}, {1, .7, .04}, {4, 3, .04}, {16, 12, .06}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct queue_sim s, again;
        struct queue_wait w = queue_wait_of(at[i].k, at[i].lambda, 1, 1, 1);
        queue_simulate(at[i].k, at[i].lambda, 1, 1000000, 7, &s);
        NEAR(s.wait_mean, queue_wait_mean(w), at[i].tolerance * queue_wait_mean(w));
        NEAR(s.waited, w.p, at[i].tolerance * w.p);
        NEAR(s.wait_p99, queue_wait_quantile(w, .99), 1.5 * at[i].tolerance * queue_wait_quantile(w, .99));
        NEAR(s.busy, at[i].lambda, .01 * at[i].lambda);
        queue_simulate(at[i].k, at[i].lambda, 1, 1000000, 7, &again);
        assert_memory_equal(&s, &again, sizeof s);
    }
}

/* ---- serving ---- */

static struct serving serving_of(double ttft, double tpot) {
    struct roof_factors k;
    calib_fit(&roof_declared, NULL, &k, NULL);
    struct serving s = {.power = hw_power_default,
                        .load = {.input = 1155, .input_cv2 = .9, .output = 211, .output_cv2 = .6, .arrival_cv2 = 1},
                        .level = {.ttft_s = ttft, .tpot_s = tpot, .quantile = .99},
                        .max_batch = 512,
                        .budget = 2048};
    roof_init(&s.roof, &hw_systems[calib_hw("dgx-h200")], &llm_models[calib_llm("llama3.3-70b")], HW_FP8, 2, &k);
    return s;
}

static struct surface_point at(const struct serving *s, double rate, double speed) {
    struct surface_point p;
    struct sil_error e;
    assert_int_equal(serving_eval(s, rate, 0, speed, &p, &e), SIL_OK);
    return p;
}

/* Little's law, and everything that must rise with load. */
static void serving_laws(void **state) {
    (void)state;
    struct serving s = serving_of(2, .1);
    double rate, capacity = serving_capacity(&s, 0, 1);
    assert_int_equal(serving_rate(&s, 0, &rate, NULL), SIL_OK);
    assert_true(rate > 0 && rate <= capacity * (1 + 1e-9));
    struct surface_point last = at(&s, 0, 1);
    NEAR(last.v[SURFACE_SERVED], 0, 0);
    NEAR(last.v[SURFACE_POWER], 2 * hw_idle_power(s.roof.hw, &s.power), 1e-6);
    for (double load = .05; load <= 1; load += .05) {
        struct surface_point p = at(&s, load * rate, 1);
        NEAR(p.v[SURFACE_SERVED], load * rate, 1e-6 * rate);
        double mean = p.v[SURFACE_BATCH] / (load * rate * 211); /* Little's law gives the mean time per token */
        assert_true(mean >= .9 * p.v[SURFACE_TPOT_P50] && mean <= p.v[SURFACE_TPOT_P99]);
        for (int k = SURFACE_POWER; k < SURFACE_OUTS; k++) {
            if (k == SURFACE_SLO) assert_true(p.v[k] <= last.v[k] + 1e-9 && p.v[k] >= .98);
            else assert_true(p.v[k] >= last.v[k] - 1e-9);
        }
        assert_true(p.v[SURFACE_TTFT_P50] <= p.v[SURFACE_TTFT_P90] && p.v[SURFACE_TTFT_P90] <= p.v[SURFACE_TTFT_P99]);
        assert_true(p.v[SURFACE_TPOT_P50] <= p.v[SURFACE_TPOT_P99]);
        last = p;
    }
    /* At the rate of the level one of the two limits is just met. */
    struct surface_point edge = at(&s, rate, 1);
    assert_true(edge.v[SURFACE_TTFT_P99] <= 2.001 && edge.v[SURFACE_TPOT_P99] <= .1001);
    assert_true(edge.v[SURFACE_TTFT_P99] >= 1.99 || edge.v[SURFACE_TPOT_P99] >= .0999 || rate >= capacity * .999);
    /* Beyond capacity no more is served, and the level is not met. */
    struct surface_point over = at(&s, 1.2 * capacity, 1);
    NEAR(over.v[SURFACE_SERVED], capacity, 1e-6 * capacity);
    NEAR(over.v[SURFACE_SLO], 0, 0);
}

/* A stricter level lowers the rate; a slower clock lowers power and capacity; a prefix cache raises the rate. */
static void serving_order(void **state) {
    (void)state;
    double loose, strict, cached;
    struct serving s = serving_of(4, .2);
    assert_int_equal(serving_rate(&s, 0, &loose, NULL), SIL_OK);
    s = serving_of(.5, .03);
    assert_int_equal(serving_rate(&s, 0, &strict, NULL), SIL_OK);
    assert_true(strict < loose);
    s.load.prefix_hit = .5;
    assert_int_equal(serving_rate(&s, 0, &cached, NULL), SIL_OK);
    assert_true(cached > strict);
    s = serving_of(2, .1);
    assert_true(serving_capacity(&s, 0, .6) < serving_capacity(&s, 0, 1));
    double rate = .5 * serving_capacity(&s, 0, .6);
    assert_true(at(&s, rate, .6).v[SURFACE_POWER] < at(&s, rate, 1).v[SURFACE_POWER]);
    assert_true(at(&s, rate, .6).v[SURFACE_TPOT_P50] > at(&s, rate, 1).v[SURFACE_TPOT_P50]);
}

static void serving_out_of_reach(void **state) {
    (void)state;
    struct sil_error e;
    double rate;
    struct serving s = serving_of(.001, .1);
    assert_int_equal(serving_rate(&s, 0, &rate, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "ttft: 0.001 s is out of reach"));
    s = serving_of(2, .001);
    assert_int_equal(serving_rate(&s, 0, &rate, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "tpot: 1 ms is out of reach"));
    s = serving_of(2, .1);
    s.roof.gpus = .25;
    assert_int_equal(serving_rate(&s, 0, &rate, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "no HBM"));
}

/* The closed form against the same replica simulated step by step: dense and with experts, short and long requests, one
 * with bursts and a small budget. */
static void against_simulation(void **state) {
    (void)state;
    static const struct {
        const char *hw, *model;
        enum hw_precision precision;
        double gpus;
        struct serving_load load;
        struct serving_level level;
        double budget, power, median; /* tolerances: gaps of bursts leave a replica idle for longer */
    } cases[] = {
        {"dgx-h200", "llama3.3-70b", HW_FP8, 2, {1155, .92, 211, .6, 0, 0, 0, 1}, {2, .05, .99}, 2048, .02, .1},
        {"dgx-b200", "llama3.3-70b", HW_FP4, 1, {1155, .92, 211, .6, 0, 0, .3, 1.5}, {2, .05, .99}, 8192, .02, .1},
        {"dgx-h200", "llama3.1-405b", HW_FP8, 8, {4000, .3, 600, 1, 0, 0, 0, 1}, {6, .175, .99}, 2048, .02, .1},
        {"gb300-nvl72", "deepseek-r1", HW_FP4, 4, {1155, .92, 800, .6, 0, 0, 0, 1}, {2, .05, .99}, 4096, .02, .1},
        {"dgx-b200", "llama3.3-70b", HW_FP4, 2, {2048, .93, 28, 4.6, 0, 0, 0, 2}, {1, .06, .99}, 2048, .06, .3},
    };
    struct roof_factors k;
    calib_fit(&roof_declared, NULL, &k, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct serving s = {.power = hw_power_default,
                            .load = cases[i].load,
                            .level = cases[i].level,
                            .max_batch = 1024,
                            .budget = cases[i].budget};
        double rate;
        roof_init(&s.roof, &hw_systems[calib_hw(cases[i].hw)], &llm_models[calib_llm(cases[i].model)],
                  cases[i].precision, cases[i].gpus, &k);
        assert_int_equal(serving_rate(&s, 0, &rate, NULL), SIL_OK);
        struct replica_sim sim = {.serving = &s, .requests = 4000, .seed = 3, .budget = s.budget, .mem = mem_libc()};
        for (double load = .5; load <= 1; load += .5) {
            struct surface_point form = at(&s, load * rate, 1), simulated;
            assert_int_equal(replica_eval(&sim, load * rate, 0, 1, &simulated, NULL), SIL_OK);
            const double *f = form.v, *m = simulated.v;
            NEAR(f[SURFACE_SERVED], m[SURFACE_SERVED], .05 * m[SURFACE_SERVED]);
            NEAR(f[SURFACE_POWER], m[SURFACE_POWER], cases[i].power * m[SURFACE_POWER]);
            NEAR(f[SURFACE_BATCH], m[SURFACE_BATCH], .15 * m[SURFACE_BATCH]);
            NEAR(f[SURFACE_TTFT_P50], m[SURFACE_TTFT_P50], .3 * m[SURFACE_TTFT_P50]);
            NEAR(f[SURFACE_TTFT_P99], m[SURFACE_TTFT_P99], .3 * m[SURFACE_TTFT_P99]);
            NEAR(f[SURFACE_TPOT_P50], m[SURFACE_TPOT_P50], cases[i].median * m[SURFACE_TPOT_P50]);
            NEAR(f[SURFACE_TPOT_P99], m[SURFACE_TPOT_P99], .25 * m[SURFACE_TPOT_P99]);
            NEAR(f[SURFACE_SLO], m[SURFACE_SLO], .025);
        }
    }
}

/* The simulation itself: the same numbers for the same seed; nothing lost when it is offered too much. */
static void simulation(void **state) {
    (void)state;
    struct serving s = serving_of(2, .1);
    struct replica_sim sim = {.serving = &s, .requests = 5000, .seed = 1, .budget = 2048, .mem = mem_libc()};
    struct surface_point a, b;
    double capacity = serving_capacity(&s, 0, 1);
    assert_int_equal(replica_eval(&sim, .5 * capacity, 0, 1, &a, NULL), SIL_OK);
    assert_int_equal(replica_eval(&sim, .5 * capacity, 0, 1, &b, NULL), SIL_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(replica_eval(&sim, 3 * capacity, 0, 1, &b, NULL), SIL_OK);
    assert_true(b.v[SURFACE_SLO] < .5 && b.v[SURFACE_UTIL] > .99);
    NEAR(b.v[SURFACE_SERVED], capacity, .05 * capacity);
    assert_true(b.v[SURFACE_BATCH] <= serving_batch_limit(&s, 0));
    /* An empty replica has no queue: both are the same. */
    assert_int_equal(replica_eval(&sim, 0, 0, 1, &b, NULL), SIL_OK);
    a = at(&s, 0, 1);
    assert_memory_equal(&a, &b, sizeof a);
    s.roof.gpus = .25;
    assert_int_equal(replica_eval(&sim, 1, 0, 1, &b, NULL), SIL_ARG);
}

static sil_err simulate_once(void *ctx, struct mem mem) {
    struct replica_sim sim = *(const struct replica_sim *)ctx;
    struct surface_point p;
    sim.mem = mem;
    return replica_eval(&sim, .1, 0, 1, &p, NULL);
}

static void simulation_without_memory(void **state) {
    (void)state;
    struct serving s = serving_of(2, .1);
    struct replica_sim sim = {.serving = &s, .requests = 10, .seed = 1, .budget = 2048};
    assert_int_equal(test_each_allocation(simulate_once, &sim), 1);
}

/* Jobs without batching are a plain queue: M/D/k. */
static void jobs(void **state) {
    (void)state;
    struct serving_job j = {.hw = &hw_systems[0],
                            .power = hw_power_default,
                            .flop = .4 * .989e15, /* one second */
                            .mfu = .4,
                            .arrival_cv2 = 1,
                            .level = {20, INFINITY, .99},
                            .shared = 1};
    double rate;
    struct surface_point p;
    assert_int_equal(serving_job_rate(&j, &rate, NULL), SIL_OK);
    assert_int_equal(serving_job_eval(&j, rate, 0, 1, &p, NULL), SIL_OK);
    NEAR(p.v[SURFACE_TTFT_P99], 20, .01);
    NEAR(p.v[SURFACE_UTIL], rate, 1e-9);
    assert_int_equal(serving_job_eval(&j, 0, 0, 1, &p, NULL), SIL_OK);
    NEAR(p.v[SURFACE_TTFT_P50], 1, 1e-5);
    struct sil_error e;
    j.level.ttft_s = .9;
    assert_int_equal(serving_job_rate(&j, &rate, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "out of reach"));
}

/* ---- surfaces ---- */

/* A source that is linear in every axis is given back exactly between the points. */
static sil_err plane(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                     struct sil_error *e) {
    (void)ctx, (void)e;
    for (int k = 0; k < SURFACE_OUTS; k++) out->v[k] = k + 2 * rate + 3 * mix + 5 * speed;
    return SIL_OK;
}

static sil_err broken(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                      struct sil_error *e) {
    (void)e;
    if (rate > 5 && mix > .9 && speed > .9) return SIL_ARG;
    return plane(ctx, rate, mix, speed, out, e);
}

static void surface_interpolates(void **state) {
    (void)state;
    static struct surface s;
    struct surface_source src = {.eval = plane, .rate_slo = 10, .speed_min = .4, .mixes = SURFACE_MIXES};
    assert_int_equal(surface_fill(&s, &src, NULL), SIL_OK);
    for (double load = 0; load <= 1.5; load += .07) {
        for (double mix = 0; mix <= 1; mix += .13) {
            for (double speed = .4; speed <= 1; speed += .11) {
                struct surface_point p;
                surface_at(&s, load, mix, speed, &p);
                for (int k = 0; k < SURFACE_OUTS; k++) NEAR(p.v[k], k + 20 * load + 3 * mix + 5 * speed, 1e-9);
            }
        }
    }
    /* Outside, the edge holds. */
    struct surface_point edge, out;
    surface_at(&s, 1.5, 1, .4, &edge);
    surface_at(&s, 9, 7, .1, &out);
    assert_memory_equal(&edge, &out, sizeof edge);
    surface_at(&s, 0, 0, 1, &edge);
    surface_at(&s, -1, -1, 2, &out);
    assert_memory_equal(&edge, &out, sizeof edge);
    src.eval = broken;
    assert_int_equal(surface_fill(&s, &src, NULL), SIL_ARG);
}

/* Between its points the table of a real service is near the model. */
static void surface_is_close(void **state) {
    (void)state;
    static struct surface s;
    struct serving v = serving_of(2, .1);
    struct surface_source src = {.eval = serving_eval, .ctx = &v, .speed_min = .5, .mixes = 1};
    assert_int_equal(serving_rate(&v, 0, &src.rate_slo, NULL), SIL_OK);
    assert_int_equal(surface_fill(&s, &src, NULL), SIL_OK);
    for (double load = .107; load < .95; load += .0317) {
        struct surface_point want = at(&v, load * src.rate_slo, 1), got;
        surface_at(&s, load, 0, 1, &got);
        NEAR(got.v[SURFACE_SERVED], want.v[SURFACE_SERVED], 1e-9 * src.rate_slo);
        NEAR(got.v[SURFACE_POWER], want.v[SURFACE_POWER], .005 * want.v[SURFACE_POWER]);
        NEAR(got.v[SURFACE_TPOT_P50], want.v[SURFACE_TPOT_P50], .02 * want.v[SURFACE_TPOT_P50]);
        NEAR(got.v[SURFACE_TTFT_P99], want.v[SURFACE_TTFT_P99], .05 * want.v[SURFACE_TTFT_P99]);
        NEAR(got.v[SURFACE_SLO], want.v[SURFACE_SLO], .002);
    }
}

/* ---- calibration ---- */

static void calibration(void **state) {
    (void)state;
    struct roof_factors all, again;
    double rms, alone;
    calib_fit(&roof_declared, NULL, &all, &rms);
    calib_fit(&roof_declared, NULL, &again, NULL);
    assert_memory_equal(&all, &again, sizeof all);
    assert_true(all.compute > 0 && all.compute <= .95 && all.activation > 0 && all.routing > 0);
    /* The fit is a minimum: a step to either side is worse. */
    struct roof_factors off = all;
    off.activation *= 1.1;
    double sum = 0, moved = 0;
    for (size_t i = 0; i < calib_n_rows; i++) {
        if (calib_rows[i].fit != CALIB_DENSE) continue;
        double a = log(calib_predict(&calib_rows[i], &all) / calib_rows[i].measured);
        double b = log(calib_predict(&calib_rows[i], &off) / calib_rows[i].measured);
        sum += a * a, moved += b * b;
    }
    assert_true(sum < moved);
    NEAR(rms, sqrt(sum / 6), 1e-12);
    /* Without a system the other rows fit no worse. */
    calib_fit(&roof_declared, "dgx-h100", &again, &alone);
    assert_true(alone <= rms);
    struct calib_point points[64];
    assert_true(calib_n_rows <= 64);
    calib_points(&roof_declared, points);
    for (size_t i = 0; i < calib_n_rows; i++) {
        assert_ptr_equal(points[i].row, &calib_rows[i]);
        assert_true(points[i].fitted > 0 && points[i].left_out > 0);
        assert_true(calib_hw(calib_rows[i].system) < hw_n_systems && calib_llm(calib_rows[i].model) < llm_n_models);
    }
    assert_int_equal(calib_hw("abacus"), hw_n_systems);
    assert_int_equal(calib_llm("abacus"), llm_n_models);
}

/* Rows within tolerance stay there; the ones that are missed say why. */
static void check_rows(void **state) {
    (void)state;
    struct plan_check_ctx ctx = {.shared = NULL, .mem = mem_libc()};
    for (size_t i = 0; i < fleet_n_checks; i++) {
        const struct plan_check *c = &fleet_checks[i];
        double got = NAN;
        struct sil_error e = {0};
        if (c->needs) continue;
        assert_int_equal(c->got(&ctx, c->arg, &got, &e), SIL_OK);
        if (fabs(got - c->expected) <= fmax(c->abs, c->rel * fabs(c->expected))) continue;
        print_message("# missed: %s, %s: %g of %g\n", c->source, c->what, got, c->expected);
        assert_non_null(c->note);
        assert_non_null(strstr(c->note, "missed: "));
    }
}

/* ---- power and training ---- */

static void power(void **state) {
    (void)state;
    const struct hw_system *s = &hw_systems[calib_hw("dgx-b200")];
    const struct hw_power *p = &hw_power_default;
    double idle = hw_gpu_power(s, p, 0, 0, 0, 1);
    NEAR(idle, s->gpu_w * p->idle, 1e-9);
    NEAR(hw_gpu_power(s, p, 1, 1, 1, 1), s->gpu_w, 0); /* never above the limit */
    assert_true(hw_gpu_power(s, p, 1, 0, 1, 1) < hw_gpu_power(s, p, 1, .5, 1, 1));
    assert_true(hw_gpu_power(s, p, 1, .4, .5, .7) < hw_gpu_power(s, p, 1, .4, .5, 1));
    assert_true(hw_idle_power(s, p) > idle);
    for (size_t i = 0; i < hw_n_systems; i++) {
        double busiest = hw_gpu_power(&hw_systems[i], p, 1, 1, 1, 1) + hw_host_power(&hw_systems[i], p, 1);
        assert_true(busiest <= hw_systems[i].system_w / hw_systems[i].gpus);
    }
}

static void training(void **state) {
    (void)state;
    struct train_loss l;
    train_loss(1000, 1e-6, 18, 0, &l); /* an interruption every 1,000 s */
    NEAR(l.between_s, 1000, 1e-9);
    NEAR(l.interval_s, sqrt(2 * 18 * 1000.0), 1e-9);
    NEAR(l.checkpoint, l.redone, 1e-12); /* at Young's interval both losses are equal */
    NEAR(l.goodput, 1 - 2 * l.checkpoint, 1e-12);
    train_loss(1000, 0, 18, 600, &l);
    NEAR(l.goodput, 1, 0);
    train_loss(1e6, 1e-3, 1000, 1e5, &l);
    NEAR(l.goodput, 0, 0);
    NEAR(train_flop(1e9, 1e12), 6e21, 0);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_weights),
        cmocka_unit_test(kv_cache),
        cmocka_unit_test(roofline_limits),
        cmocka_unit_test(experts_read),
        cmocka_unit_test(batch_by_memory),
        cmocka_unit_test(queue_limits),
        cmocka_unit_test(queue_simulation),
        cmocka_unit_test(serving_laws),
        cmocka_unit_test(serving_order),
        cmocka_unit_test(serving_out_of_reach),
        cmocka_unit_test(against_simulation),
        cmocka_unit_test(simulation),
        cmocka_unit_test(simulation_without_memory),
        cmocka_unit_test(jobs),
        cmocka_unit_test(surface_interpolates),
        cmocka_unit_test(surface_is_close),
        cmocka_unit_test(calibration),
        cmocka_unit_test(check_rows),
        cmocka_unit_test(power),
        cmocka_unit_test(training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
