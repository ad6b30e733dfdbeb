/* Rates of the packed linear kernels on one thread, as shares of what this machine can do in the same minute:
 *   tool_kernel_rates [--cpu LEVEL] [--cols N] [TYPE...]
 * CSV. One row of activations over more weights than the caches hold (share of the read bandwidth), and 16 and 256 rows
 * over a layer of usual size (share of the integer or float peak). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "kernel_bed.h"

enum { TURNS = 4 };

static void measure(struct bed *b, enum dtype type) {
    if (!bed_weights(b, type)) return;
    struct bed_rates r = {0};
    for (int i = 0; i < TURNS; i++) {
        bed_limits(b, &r);
        bed_kernels(b, &r);
    }
    printf("%s,%s,%u,%.1f,%.1f,%.0f %%,%.0f,%.0f,%.0f %%,%.0f,%.0f %%\n", b->k.name, dtype_get(type)->name, b->cols,
           r.read, r.one, 100 * r.one / r.read, r.peak, r.some, 100 * r.some / r.peak, r.many, 100 * r.many / r.peak);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static const enum dtype all[] = {DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K, DTYPE_Q4_1,
                                     DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_F16,  DTYPE_BF16, DTYPE_F32};
    uint32_t mask = cpu_detect(), cols = 2048;
    int at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        struct sil_error e;
        if (strcmp(argv[at], "--cols") == 0) cols = (uint32_t)strtoul(argv[at + 1], NULL, 10);
        else if (strcmp(argv[at], "--cpu") != 0 || cpu_parse(argv[at + 1], mask, &mask, &e) != SIL_OK) return 2;
    }
    struct bed b;
    if (cols == 0 || cols % 256 != 0 || cols > 32768 || !pool_fp_mode() || !bed_open(&b, mask, cols)) return 2;
    puts("level,weights,columns,read GB/s,1 row GB/s,of read,peak Gop/s,16 rows Gop/s,of peak,256 rows Gop/s,of peak");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool wanted = at == argc;
        for (int k = at; k < argc; k++) wanted |= strcmp(argv[k], dtype_get(all[i])->name) == 0;
        if (wanted) measure(&b, all[i]);
    }
    return 0;
}
