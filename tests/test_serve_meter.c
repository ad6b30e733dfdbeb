/* Energy counters: a made-up powercap folder, counters that begin again, counters that cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "serve/meter.h"
#include "support.h"

static char root[256];

static void put(const char *folder, const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void domain(const char *folder, const char *name, const char *energy) {
    put(folder, "name", name);
    put(folder, "max_energy_range_uj", "1000000000\n");
    put(folder, "energy_uj", energy);
}

static int setup(void **state) {
    (void)state;
    snprintf(root, sizeof root, "%s", test_folder());
    return 0;
}

static int teardown(void **state) {
    (void)state;
    static const char *const folders[] = {"intel-rapl:0/intel-rapl:0:0", "intel-rapl:0/intel-rapl:0:1", "intel-rapl:0",
                                          "intel-rapl:1"};
    static const char *const names[] = {"name", "max_energy_range_uj", "energy_uj"};
    char path[512];
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "%s/%s/%s", root, folders[i], names[k]);
            unlink(path);
        }
        snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        rmdir(path);
    }
    return rmdir(root);
}

static void counts(void **state) {
    (void)state;
    struct meter_machine *m;
    struct meter meter;
    const char *why;
    double j = -1;
    domain("intel-rapl:0", "package-0\n", "999000000\n");
    domain("intel-rapl:0/intel-rapl:0:0", "core\n", "5\n"); /* part of the package */
    domain("intel-rapl:0/intel-rapl:0:1", "dram\n", "0\n");
    domain("intel-rapl:1", "package-1\n", "7000000\n");
    assert_int_equal(meter_open(mem_libc(), root, &m, &meter, &why, NULL), SIL_OK);
    assert_null(why);
    assert_true(meter.read(meter.ctx, &j) && j == 0);
    put("intel-rapl:0", "energy_uj", "2000000\n"); /* over the end: 1 J to it, 2 J from there */
    put("intel-rapl:0/intel-rapl:0:0", "energy_uj", "900000000\n");
    put("intel-rapl:0/intel-rapl:0:1", "energy_uj", "500000\n");
    assert_true(meter.read(meter.ctx, &j));
    assert_true(j > 3.4999 && j < 3.5001);
    put("intel-rapl:1", "energy_uj", "nothing\n");
    assert_false(meter.read(meter.ctx, &j));
    put("intel-rapl:1", "energy_uj", "8000000\n");
    assert_true(meter.read(meter.ctx, &j));
    assert_true(j > 4.4999 && j < 4.5001);
    meter_close(m);
}

static void none(void **state) {
    (void)state;
    struct meter_machine *m;
    struct meter meter;
    const char *why;
    assert_int_equal(meter_open(mem_libc(), root, &m, &meter, &why, NULL), SIL_OK);
    assert_null(meter.read);
    assert_non_null(strstr(why, "no energy counters"));
    meter_close(m);
    domain("intel-rapl:0", "package-0\n", "");
    assert_int_equal(meter_open(mem_libc(), root, &m, &meter, &why, NULL), SIL_OK);
    assert_null(meter.read);
    assert_non_null(strstr(why, "cannot be read"));
    meter_close(m);
}

static sil_err allocate(void *ctx, struct mem mem) {
    struct meter_machine *m;
    struct meter meter;
    const char *why;
    SIL_TRY(meter_open(mem, ctx, &m, &meter, &why, NULL));
    meter_close(m);
    return SIL_OK;
}

static void allocation_failures(void **state) {
    (void)state;
    domain("intel-rapl:0", "package-0\n", "1\n");
    assert_true(test_each_allocation(allocate, root) >= 1);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts, setup, teardown),
        cmocka_unit_test_setup_teardown(none, setup, teardown),
        cmocka_unit_test_setup_teardown(allocation_failures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
