/* Thousands of random lives of the scheduler (sched_sim.h). A failure names its seed; `SEED=n` lives that one alone,
 * `SEEDS=n` so many, `STEPS=n` longer ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sched_shared.h"

static uint64_t number(const char *name, uint64_t standard) {
    const char *v = getenv(name);
    return v ? strtoull(v, NULL, 10) : standard;
}

static struct sim sim; /* large */
static struct sched_shared shared;

static void test_lives(void **state) {
    (void)state;
    uint64_t first = number("SEED", 0), n = getenv("SEED") ? 1 : number("SEEDS", 3000);
    uint32_t steps = (uint32_t)number("STEPS", 150);
    uint64_t accepted = 0, preempted = 0, again = 0, fresh = 0;
    double worst = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        if (!sched_sim_run(&sim, seed, steps))
            fail_msg("SEED=%llu STEPS=%u: %s", (unsigned long long)seed, steps, sim.failure);
        accepted += sim.accepted;
        preempted += sim.n_preempted;
        again += sim.n_again;
        fresh += sim.n_fresh;
        if (sim.worst_lead > worst) worst = sim.worst_lead;
    }
    printf("# %llu lives: %llu requests, %llu tokens, %llu preemptions; the largest lead was %.2f of its bound\n",
           (unsigned long long)n, (unsigned long long)accepted, (unsigned long long)fresh,
           (unsigned long long)preempted, worst);
    if (n < 1000) return;
    assert_true(accepted > 10 * n && preempted > n && again > n); /* else the lives are too quiet to show anything */
}

/* Several schedulers under one cap: what all draw together never passes it, and none starves. */
static void test_shared_lives(void **state) {
    (void)state;
    uint64_t first = number("SEED", 0), n = getenv("SEED") ? 1 : number("SEEDS", 3000) / 3;
    uint32_t turns = (uint32_t)number("STEPS", 150);
    uint64_t loads = 0, unloads = 0, drawn = 0, waits = 0;
    double window = 0, starved = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        if (!sched_shared_run(&shared, seed, turns))
            fail_msg("SEED=%llu STEPS=%u: %s", (unsigned long long)seed, turns, shared.failure);
        loads += shared.n_loads;
        unloads += shared.n_unloads;
        drawn += shared.n_drawn;
        waits += shared.n_waits;
        if (shared.worst_window > window) window = shared.worst_window;
        if (shared.worst_starved > starved) starved = shared.worst_starved;
    }
    printf("# %llu machines: %llu models loaded, %llu steps under caps, %llu waits; the fullest window had %.2f of "
           "what it "
           "may, the longest wait %.2f of its bound\n",
           (unsigned long long)n, (unsigned long long)loads, (unsigned long long)drawn, (unsigned long long)waits,
           window, starved);
    if (n < 300) return;
    assert_true(loads > 3 * n && unloads == loads && drawn > 50 * n && waits > 5 * n); /* else too quiet */
    assert_true(window > 0.99 && starved > 0.05);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lives), cmocka_unit_test(test_shared_lives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
