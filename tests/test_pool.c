/* pool: every task once, on a worker of its own kind, in the floating-point mode of rule 1; under TSan as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "support.h"

enum { TASKS = 1000, RUNS = 300 };

struct work {
    uint32_t n_threads;
    uint32_t plain[TASKS];              /* each written by one worker in a run, read by the caller after it */
    _Atomic uint32_t wrong;             /* indices out of range, or a wrong floating-point mode */
    uint64_t scratch[POOL_THREADS_MAX]; /* per worker, without locks */
};

static void count(void *arg, uint32_t task, uint32_t worker) {
    struct work *w = arg;
    if (task >= TASKS || worker >= w->n_threads) {
        atomic_fetch_add(&w->wrong, 1);
        return;
    }
    w->plain[task]++;
    w->scratch[worker]++;
    volatile float smallest = 0x1p-149f;
    if (smallest * 1.0f == 0.0f) atomic_fetch_add(&w->wrong, 1); /* subnormals are kept */
}

static void every_task_once(void **state) {
    (void)state;
    for (uint32_t n = 1; n <= 4; n++) {
        static struct work w;
        memset(&w, 0, sizeof w);
        w.n_threads = n;
        struct pool *p;
        assert_int_equal(pool_open(n, &p, NULL), SIL_OK);
        assert_int_equal(pool_threads(p), n);
        uint32_t expected[TASKS] = {0};
        uint64_t total = 0, done = 0;
        for (uint32_t run = 0; run < RUNS; run++) {
            uint32_t n_tasks = run % 7 == 0 ? run % 3 : (run * 37) % (TASKS + 1);
            for (uint32_t i = 0; i < n_tasks; i++) expected[i]++;
            total += n_tasks;
            pool_run(p, n_tasks, count, &w);
        }
        pool_close(p);
        assert_memory_equal(w.plain, expected, sizeof expected);
        for (uint32_t i = 0; i < n; i++) done += w.scratch[i];
        assert_true(done == total);
        assert_int_equal(atomic_load(&w.wrong), 0);
    }
}

static void open_and_close(void **state) {
    (void)state;
    struct sil_error e = {0};
    struct pool *p = NULL;
    assert_int_equal(pool_open(0, &p, &e), SIL_ARG);
    assert_int_equal(pool_open(POOL_THREADS_MAX + 1, &p, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "from 1 to 256"));
    for (int i = 0; i < 50; i++) { /* closing at once, while workers still start */
        assert_int_equal(pool_open(3, &p, &e), SIL_OK);
        pool_close(p);
    }
    pool_close(NULL);
}

static void caller_mode(void **state) {
    (void)state;
    assert_true(pool_fp_mode());
    volatile float smallest = 0x1p-149f;
    assert_true(smallest * 1.0f != 0.0f);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_once),
        cmocka_unit_test(open_and_close),
        cmocka_unit_test(caller_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
