/* A plan's outcome is the same to the byte for any number of threads. The thread sanitizer (tsan) runs this too. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/outcome.h"

static struct plan_outcome *outcome(const struct plan_design *d, uint32_t threads) {
    struct sil_error e = {0};
    struct pool *pool = NULL;
    struct plan_outcome *o = NULL;
    assert_int_equal(pool_open(threads, &pool, &e), SIL_OK);
    struct outcome_options opt = {.tornado = true, .pool = pool};
    if (plan_outcome_run(d, &opt, mem_libc(), &o, &e) != SIL_OK) fail_msg("%s", e.text);
    pool_close(pool);
    return o;
}

static void threads_change_nothing(void **state) {
    (void)state;
    struct plan_design *d = malloc(sizeof *d);
    struct sil_error e = {0};
    if (plan_design_read("examples/small-1mw.yaml", mem_libc(), d, &e) != SIL_OK) fail_msg("%s", e.text);
    d->c.run.step_s = d->c.run.outline_s;
    struct plan_outcome *one = outcome(d, 1), *four = outcome(d, 4);
    assert_int_equal(one->results.n, four->results.n);
    for (size_t i = 0; i < one->results.n; i++)
        assert_memory_equal(&one->results.r[i].value, &four->results.r[i].value, sizeof(double));
    assert_memory_equal(one->series.row, four->series.row, one->series.n * sizeof *one->series.row);
    assert_true(one->tornado->n > 20);
    assert_int_equal(one->tornado->n, four->tornado->n);
    for (uint32_t i = 0; i < one->tornado->n; i++) {
        const struct tornado_bar *a = &one->tornado->bar[i], *b = &four->tornado->bar[i];
        assert_ptr_equal(a->var, b->var);
        assert_memory_equal(&a->at_low, &b->at_low, 2 * sizeof(double));
    }
    /* With equal steps the tornado's middle is the outcome's own value. */
    assert_true(one->money->npv == one->tornado->base);
    plan_outcome_free(one);
    plan_outcome_free(four);
    free(d);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
