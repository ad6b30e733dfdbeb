/* Every row of energy's checks passes, or says why not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plan/check_energy.h"

static void test_rows(void **state) {
    (void)state;
    struct plan_check_ctx ctx = {.shared = NULL, .mem = mem_libc()};
    for (size_t i = 0; i < energy_n_checks; i++) {
        const struct plan_check *c = &energy_checks[i];
        double got = NAN;
        assert_int_equal(c->got(&ctx, c->arg, &got, NULL), SIL_OK);
        printf("# %s, %s: %.10g, expected %.10g %s\n", c->source, c->what, got, c->expected, c->unit);
        assert_true(fabs(got - c->expected) <= fmax(c->abs, c->rel * fabs(c->expected)));
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
