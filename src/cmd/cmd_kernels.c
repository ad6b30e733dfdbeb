/* sillok kernels: every kernel of every instruction set against the scalar definition, and its speed. */
#include <stdlib.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "cmd/cmd.h"
#include "num/selftest.h"

static void print_rate(double rate) {
    if (rate > 0) printf("%10.2f", rate);
    else printf("%10s", "");
}

static void print_row(void *ctx, const struct num_selftest_row *row) {
    const char *result = row->failures ? "FAILED" : row->is_reference ? "definition" : "equal";
    if (row->is_reference && row->gb_s == 0 && !row->failures) return; /* compared with itself: nothing to tell */
    printf("%-12s %-16s %6u  %-10s", (const char *)ctx, row->kernel, row->cases, result);
    print_rate(row->gb_s);
    print_rate(row->gop_s);
    putchar('\n');
    if (row->failures) printf("    %u cases differ, the first: %s\n", row->failures, row->first);
    fflush(stdout);
}

int cmd_kernels(int argc, char **argv) {
    const char *level = getenv("SILLOK_CPU");
    uint64_t seed = 1;
    uint32_t cases = 200;
    bool quick = false;
    const struct cmd_opt opts[] = {
        {.name = "cpu",
         .kind = CMD_TEXT,
         .out = &level,
         .value = "LEVEL",
         .help = "highest level to test: scalar, avx2, avx512, neon, native (default)"},
        {.name = "cases",
         .kind = CMD_U32,
         .out = &cases,
         .value = "N",
         .help = "random cases per kernel (default 200)",
         .min = 1,
         .max = 1000000},
        {.name = "seed", .kind = CMD_U64, .out = &seed, .value = "S", .help = "seed of the cases (default 1)"},
        {.name = "quick", .kind = CMD_FLAG, .out = &quick, .help = "do not measure speed"},
    };
    const struct cmd_spec spec = {
        .name = "kernels",
        .synopsis = "[--cpu LEVEL] [--cases N] [--seed S] [--quick]",
        .about = "Compares every kernel with the scalar definition of the arithmetic, bit for bit, and measures it\n"
                 "on one thread: GB/s of weights or values read with one row, GOP/s of products with 16 rows.\n"
                 "Exit code 1 when any bit differs.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
    };
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, NULL, &n_args);
    if (rc != CMD_GO) return rc;
    struct sil_error e = {0};
    uint32_t have = cpu_detect(), mask;
    if (cpu_parse(level ? level : "native", have, &mask, &e) != SIL_OK) return cmd_usage("kernels", "%s", e.text);
    if (!pool_fp_mode()) {
        fputs("sillok kernels: this processor's floating-point mode cannot be set as the arithmetic needs\n", stderr);
        return CMD_FAILED;
    }

    static const uint32_t levels[] = {
        0, CPU_AVX2, CPU_AVX2 | CPU_AVX512, CPU_AVX2 | CPU_AVX512 | CPU_VNNI, CPU_NEON, CPU_NEON | CPU_DOTPROD};
    struct clock clock = clock_system();
    uint32_t failures = 0;
    printf("%-12s %-16s %6s  %-10s%10s%10s\n", "level", "kernel", "cases", "result", "GB/s", "GOP/s");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (levels[i] & ~mask) continue;
        struct num_kernels kernels;
        uint32_t failed;
        num_kernels_init(&kernels, levels[i]);
        struct num_selftest test = {.kernels = &kernels,
                                    .seed = seed,
                                    .cases = cases,
                                    .clock = quick ? NULL : &clock,
                                    .mem = mem_libc(),
                                    .report = print_row};
        char name[32];
        snprintf(name, sizeof name, "%s", cpu_name(levels[i]));
        test.ctx = name;
        if (num_selftest(&test, &failed, &e) != SIL_OK) return cmd_fail("kernels", &e);
        failures += failed;
    }
    if (failures) printf("%u cases differ (seed %llu)\n", failures, (unsigned long long)seed);
    return failures ? CMD_FAILED : 0;
}
