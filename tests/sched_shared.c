#include "sched_shared.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void bad(struct sched_shared *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void bad(struct sched_shared *w, const char *fmt, ...) {
    va_list ap;
    if (w->failure[0]) return;
    va_start(ap, fmt);
    vsnprintf(w->failure, sizeof w->failure, fmt, ap);
    va_end(ap);
}

static uint32_t below(struct sched_shared *w, uint32_t n) {
    return (uint32_t)rng_below(&w->rng, n);
}

static bool chance(struct sched_shared *w, double p) {
    return (double)rng_f32(&w->rng) < p;
}

static double rate_w(const struct sched_shared *w) {
    double rate = w->joules.cap_w - w->joules.idle_w;
    return rate > 0 ? rate : 0;
}

/* ---- every window ---- */

/* From here on windows are looked at anew: the cap, or the clock, is another. */
static void begin_windows(struct sched_shared *w) {
    w->excess_j = 0;
    memset(w->starved_j, 0, sizeof w->starved_j);
}

/* A step that began after `waited` of true time. Over all windows that end with it, the most that was drawn beyond the
 * rate, E(t, t') - rate (t' - t), is what it was before less what has come since, or nothing, and this step. */
static void check_windows(struct sched_shared *w, double joules) {
    if (w->joules.cap_w < 0) return;
    double bucket = sim_joules_bucket(&w->joules), most = fmax(bucket, joules);
    if (!w->exact) most = bucket + fmax(w->joules.largest_j, joules); /* a step's misjudgement, at most all of it */
    w->excess_j += joules;
    w->n_drawn++;
    if (bucket > 0) w->worst_window = fmax(w->worst_window, w->excess_j / most);
    if (w->excess_j > most * (1 + 1e-6) + 1e-6)
        bad(w, "a window has %g J more than the cap's rate; %g J may be", w->excess_j, most);
}

static void pass_windows(struct sched_shared *w, uint64_t ns) {
    w->excess_j = fmax(0, w->excess_j - rate_w(w) * (double)ns * 1e-9);
}

/* Whoever waits for joules with work that cannot wait: others may draw what they are behind (a bucket each) and a step
 * or two, not more. */
static void check_starved(struct sched_shared *w, uint32_t who, double joules) {
    double bucket = sim_joules_bucket(&w->joules), largest = w->joules.largest_j;
    double most = (SHARED_MODELS - 1) * (bucket + 2 * largest) + 2 * bucket;
    for (uint32_t i = 0; i < SHARED_MODELS; i++) {
        struct sim *s = &w->sims[i];
        bool waits =
            w->loaded[i] && i != who && w->joules.cap_w >= 0 && !s->stepped && s->n_alive && sched_sim_is_urgent(s);
        w->starved_j[i] = waits ? w->starved_j[i] + joules : 0;
        if (bucket > 0) w->worst_starved = fmax(w->worst_starved, w->starved_j[i] / most);
        if (w->starved_j[i] > most) bad(w, "model %u waits while others draw %g J", i, w->starved_j[i]);
    }
}

/* ---- models that come and go ---- */

static void load(struct sched_shared *w, uint32_t i) {
    struct sim *s = &w->sims[i];
    if (!sched_sim_open(s, w->next_seed++, w->n_steps, &w->joules)) {
        bad(w, "model %u: %s", i, s->failure);
        return;
    }
    s->now = w->now;
    s->exact = w->exact; /* the same for all, so that the windows are exact or not */
    if (w->exact) {
        s->time = s->c.time;
        s->power = s->c.power;
    }
    if (sched_join(s->sched, w->budget) != SIL_OK) bad(w, "model %u cannot join", i);
    if (sched_join(s->sched, w->budget) != SIL_ARG) bad(w, "model %u joins twice", i);
    w->loaded[i] = true;
    w->n_loads++;
}

static void unload(struct sched_shared *w, uint32_t i, bool left) {
    if (chance(w, 0.5)) sched_leave(w->sims[i].sched);
    if (!sched_sim_close(&w->sims[i], left)) bad(w, "model %u: %s", i, w->sims[i].failure);
    w->loaded[i] = false;
    w->n_unloads++;
}

static void set_cap(struct sched_shared *w, double watts) {
    sim_joules_pass(&w->joules, w->now, 0);
    if (sched_budget_set_cap(w->budget, w->now, watts) != SIL_OK) bad(w, "a cap is refused");
    sim_joules_set_cap(&w->joules, watts);
    begin_windows(w);
}

static void disturb(struct sched_shared *w) {
    uint32_t i = below(w, SHARED_MODELS);
    if (chance(w, 0.004)) {
        bool low = chance(w, 0.1);
        set_cap(w, chance(w, 0.2) ? -1 : w->joules.idle_w + (low ? 0 : 1 + below(w, 200)));
    }
    if (chance(w, 0.01) && !w->loaded[i]) load(w, i);
    if (chance(w, 0.004) && w->loaded[i]) unload(w, i, true);
    if (chance(w, 0.004)) {
        w->now += (uint64_t)below(w, 1000000) * 10000000;
        begin_windows(w);
    }
    if (chance(w, 0.002)) {
        w->now -= rng_below(&w->rng, w->now / 2);
        begin_windows(w);
    }
}

/* ---- turns ---- */

/* The budget has no more than is kept here a second time; it may have less, since it takes a step's joules out behind
 * the step, when what came meanwhile may have found the bucket full. */
static void check_level(struct sched_shared *w) {
    double cap, idle, credit;
    sched_budget_get(w->budget, &cap, &idle, &credit);
    if (cap != (w->joules.cap_w < 0 ? -1 : w->joules.cap_w) || idle != w->joules.idle_w) bad(w, "another cap");
    if (w->exact && cap >= 0 && credit > w->joules.level_j + 1e-6 * (1 + sim_joules_bucket(&w->joules)))
        bad(w, "the budget has %g J, not %g", credit, w->joules.level_j);
}

/* Each loaded model's turn, as on the server's engine thread. */
static void take_turns(struct sched_shared *w) {
    uint64_t wait = UINT64_MAX;
    for (uint32_t i = 0; i < SHARED_MODELS && !w->failure[0]; i++) {
        if (!w->loaded[i]) continue;
        struct sim *s = &w->sims[i];
        double before = w->joules.drawn_j;
        s->now = w->now - (chance(w, 0.1) && w->now > 1000000 ? below(w, 1000000) : 0); /* a little late, maybe */
        uint64_t from = w->now;
        sched_sim_turn(s);
        if (s->failure[0]) bad(w, "model %u: %s", i, s->failure);
        if (s->stepped) {
            double joules = w->joules.drawn_j - before;
            check_windows(w, joules);
            check_starved(w, i, joules);
            w->starved_j[i] = 0;
            wait = 0;
        } else if (s->wait_ns < wait) {
            wait = s->wait_ns;
        }
        if (s->now > w->now) w->now = s->now;
        pass_windows(w, w->now - from);
        check_level(w);
    }
    if (wait == 0) return;
    w->n_waits++;
    wait = wait < 1000000000 ? wait : chance(w, 0.5) ? 1000000000 : 1000000;
    w->now += wait;
    pass_windows(w, wait);
}

static bool open_all(struct sched_shared *w) {
    struct sched_budget_config c = {.max_schedulers = SHARED_MODELS, .idle_w = below(w, 30), .max_gap_ns = 500000000};
    c.window_ns = (uint64_t)(1 + below(w, 10)) * 200000000;
    w->joules = (struct sim_joules){
        .cap_w = -1, .idle_w = c.idle_w, .window_ns = c.window_ns, .max_gap_ns = c.max_gap_ns, .shared = true};
    if (sched_budget_open(mem_libc(), &c, &w->budget, NULL) != SIL_OK) {
        bad(w, "no budget");
        return false;
    }
    w->exact = chance(w, 0.5);
    w->now = 1 + rng_below(&w->rng, 1ull << 50);
    set_cap(w, w->joules.idle_w + 1 + below(w, 60));
    for (uint32_t i = 0; i < SHARED_MODELS; i++)
        if (chance(w, 0.7)) load(w, i);
    return !w->failure[0];
}

/* Without a cap everything comes to its end. */
static void close_all(struct sched_shared *w) {
    uint64_t left = 2000;
    if (!w->failure[0]) set_cap(w, -1);
    for (uint32_t i = 0; i < SHARED_MODELS; i++) {
        if (!w->loaded[i]) continue;
        sched_sim_ebb(&w->sims[i]);
        for (uint32_t k = 0; k < SIM_REQUESTS; k++)
            left += 4 * (uint64_t)(w->sims[i].requests[k].n_prompt + w->sims[i].requests[k].max_new);
    }
    for (bool alive = true; alive && left && !w->failure[0]; left--) {
        alive = false;
        take_turns(w);
        for (uint32_t i = 0; i < SHARED_MODELS; i++) alive |= w->loaded[i] && w->sims[i].n_alive;
    }
    for (uint32_t i = 0; i < SHARED_MODELS; i++)
        if (w->loaded[i]) unload(w, i, w->failure[0] != '\0');
    sched_budget_close(w->budget);
}

bool sched_shared_run(struct sched_shared *w, uint64_t seed, uint32_t n_turns) {
    memset(w, 0, sizeof *w);
    w->rng.seed = seed;
    w->seed = seed;
    w->next_seed = seed * 1000;
    w->n_steps = n_turns;
    bool open = open_all(w);
    for (uint32_t i = 0; open && i < n_turns && !w->failure[0]; i++) {
        disturb(w);
        if (!w->failure[0]) take_turns(w);
    }
    if (w->budget) close_all(w);
    return !w->failure[0];
}
