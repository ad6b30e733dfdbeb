/* What the canonical order of additions costs: the tile kernels for AVX-512 VNNI beside the same kernels built free to
 * add in any order (two chains per output where few rows leave registers, -ffast-math, and a minimum times what was
 * rounded once per row). CSV: the best rates of both, and canonical/free as the median of interleaved rounds.
 *   tool_free_order_vnni [TYPE...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "kernel_bed.h"

#if defined(__AVX512VNNI__)
#include "num/tile_vnni.h"

static inline __attribute__((always_inline)) __m256i dot_u(__m256i w, __m256i a) {
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, a);
}

#define TILE_FREE_ORDER 1
#include "num/tile_quant.h"

enum { ROUNDS = 9, SIZES = 3 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* rates: GB/s with one row, Gop/s with 16 and 256. */
static void one_round(struct bed *b, double rates[SIZES]) {
    struct bed_rates r = {0};
    for (int turn = 0; turn < 2; turn++) bed_kernels(b, &r);
    rates[0] = r.one;
    rates[1] = r.some;
    rates[2] = r.many;
}

static void compare(struct bed *b, const struct num_kernels *free_order, enum dtype type) {
    const struct num_kernels canonical = b->k;
    double ratio[SIZES][ROUNDS], best[2][SIZES] = {{0}};
    for (int i = 0; i < ROUNDS; i++) {
        double r[2][SIZES];
        for (int k = 0; k < 2; k++) {
            int which = (k + i) % 2; /* who goes first alternates */
            b->k = which ? *free_order : canonical;
            one_round(b, r[which]);
        }
        for (int s = 0; s < SIZES; s++) {
            ratio[s][i] = r[0][s] / r[1][s];
            for (int k = 0; k < 2; k++)
                if (r[k][s] > best[k][s]) best[k][s] = r[k][s];
        }
    }
    b->k = canonical;
    printf("%s", dtype_get(type)->name);
    for (int s = 0; s < SIZES; s++) {
        qsort(ratio[s], ROUNDS, sizeof(double), ascending);
        printf(s == 0 ? ",%.1f,%.1f,%.2f" : ",%.0f,%.0f,%.2f", best[0][s], best[1][s], ratio[s][ROUNDS / 2]);
    }
    putchar('\n');
    fflush(stdout);
}

static __attribute__((noinline)) int compare_all(int argc, char **argv) {
    static const enum dtype all[] = {DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q5_K,
                                     DTYPE_Q6_K, DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1};
    struct bed b;
    if (!pool_fp_mode() || !bed_open(&b, cpu_detect(), 2048)) return 2;
    struct num_kernels free_order = b.k;
    tile_quant_install(&free_order);
    puts("weights,1 row GB/s,free,canonical/free,16 rows Gop/s,free,canonical/free,256 rows Gop/s,free,canonical/free");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool wanted = argc == 1;
        for (int k = 1; k < argc; k++) wanted |= strcmp(argv[k], dtype_get(all[i])->name) == 0;
        if (wanted && bed_weights(&b, all[i])) compare(&b, &free_order, all[i]);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (cpu_detect() & CPU_VNNI) return compare_all(argc, argv);
    fputs("tool_free_order_vnni: this processor has no AVX-512 VNNI\n", stderr);
    return 1;
}
#else
int main(void) {
    fputs("tool_free_order_vnni: not built for AVX-512 VNNI\n", stderr);
    return 1;
}
#endif
