/* SIGKILL at random moments of a process that writes the record: whatever it said was committed is there, and the log
 * always opens. SILLOK_CRASHES sets how often (100; the figure is 1000). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/rng.h"
#include "ledger_bed.h"
#include "support.h"

enum { CRASHES = 100, ACKS_MAX = 1 << 20, RENEW = 12000 };

struct said {
    uint64_t index;
    uint8_t leaf[LEDGER_HASH];
};

static void leaf_of(struct ledger *l, uint64_t index, uint8_t out[LEDGER_HASH]) {
    struct buf b;
    struct sil_error e = {0};
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    if (log_entry(l, index, &b, &e) != SIL_OK) fail_msg("%s", e.text);
    tree_leaf(buf_view(&b), out);
    buf_free(&b);
}

/* The victim: groups of all sizes, each said only when it is committed; publishing and erasing in between. Never ends.
 */
static void victim(const char *dir, int to, uint64_t seed) {
    struct ledger_key key = lb_key(1);
    struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc()};
    struct rng r = {.seed = seed, .stream = 1};
    struct ledger *l = NULL;
    if (ledger_open(&c, &l, NULL) != SIL_OK) _exit(3);
    for (;;) {
        uint32_t n = 1 + (uint32_t)rng_below(&r, rng_below(&r, 10) == 0 ? 300 : 5);
        uint64_t first = ledger_size(l);
        for (uint32_t i = 0; i < n; i++) {
            struct lb_answer b;
            struct ledger_ticket t;
            lb_answer(&b, rng_below(&r, 1000000), (enum ledger_keep)rng_below(&r, 3));
            if (ledger_append(l, &b.answer, &t, NULL) != SIL_OK) _exit(3);
        }
        if (ledger_commit(l, NULL) != SIL_OK) _exit(4);
        for (uint64_t i = first; i < ledger_size(l); i++) {
            struct said s = {.index = i};
            leaf_of(l, i, s.leaf);
            if (write(to, &s, sizeof s) != sizeof s) _exit(5);
        }
        bool had;
        if (rng_below(&r, 5) == 0 && ledger_publish(l, NULL) != SIL_OK) _exit(6);
        if (rng_below(&r, 4) == 0 && ledger_erase(l, rng_below(&r, ledger_size(l)), &had, NULL) != SIL_OK) _exit(7);
    }
}

/* One life and its end. Adds what it said to leaf[]; returns how many there are. */
static uint64_t crash(const char *dir, uint64_t seed, uint64_t pause_us, uint8_t (*leaf)[LEDGER_HASH], uint64_t n) {
    int pipes[2];
    struct said s;
    assert_int_equal(pipe(pipes), 0);
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        victim(dir, pipes[1], seed);
    }
    close(pipes[1]);
    struct clock clock = clock_system();
    uint64_t until = clock_now_ns(clock) + pause_us * 1000;
    bool killed = false;
    /* A full pipe would stop it: read all the while. */
    for (ssize_t k; (k = read(pipes[0], &s, sizeof s)) > 0;) {
        if ((size_t)k == sizeof s && s.index < ACKS_MAX) {
            memcpy(leaf[s.index], s.leaf, sizeof s.leaf);
            if (s.index >= n) n = s.index + 1;
        }
        if (!killed && clock_now_ns(clock) > until) killed = kill(child, SIGKILL) == 0;
    }
    int status = 0;
    if (!killed) kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(pipes[0]);
    if (!WIFSIGNALED(status)) fail_msg("seed %llu: the writer ended by itself: %d", (unsigned long long)seed, status);
    return n;
}

/* Entries that were committed when the writer died, but not said any more, are part of the log from now on: returns how
 * many there are now. */
static uint64_t check(const char *dir, uint8_t (*leaf)[LEDGER_HASH], uint64_t n, uint64_t seed) {
    uint8_t have[LEDGER_HASH];
    struct ledger *l = lb_open(dir, (struct ledger_hooks){.fault = NULL});
    if (ledger_size(l) < n)
        fail_msg("seed %llu: %llu entries were acknowledged, %llu are here", (unsigned long long)seed,
                 (unsigned long long)n, (unsigned long long)ledger_size(l));
    for (uint64_t i = 0; i < n; i++) {
        if (i % 97 && i + 20 < n) continue; /* the audit recomputes the tree over all of them */
        leaf_of(l, i, have);
        assert_memory_equal(have, leaf[i], sizeof have);
    }
    for (; n < ledger_size(l); n++) leaf_of(l, n, leaf[n]);
    ledger_close(l);
    return n;
}

static void killed_at_any_moment(void **state) {
    (void)state;
    const char *env = getenv("SILLOK_CRASHES");
    uint64_t crashes = env && *env ? strtoull(env, NULL, 10) : CRASHES, total = 0, n = 0, erased = 0;
    uint8_t(*leaf)[LEDGER_HASH] = calloc(ACKS_MAX, LEDGER_HASH);
    struct rng r = {.seed = 7};
    char dir[256], first[SIL_ERROR_TEXT];
    snprintf(dir, sizeof dir, "%s", test_folder());
    for (uint64_t i = 0; i < crashes; i++) {
        n = crash(dir, i, rng_below(&r, 30000), leaf, n);
        n = check(dir, leaf, n, i);
        if (i % 10 == 9 || n > RENEW) {
            struct audit_report report;
            if (lb_audit(dir, first, &report) > 0) fail_msg("%s", first);
            erased += report.erased;
        }
        if (n > RENEW) {
            total += n;
            n = 0;
            lb_remove(dir);
            snprintf(dir, sizeof dir, "%s", test_folder());
        }
    }
    printf("# killed %llu times; %llu entries were acknowledged, %llu erased ones seen\n", (unsigned long long)crashes,
           (unsigned long long)(total + n), (unsigned long long)erased);
    assert_true(total + n > crashes);
    lb_remove(dir);
    free(leaf);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_any_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
