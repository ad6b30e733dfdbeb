/* tool_peak: fused multiply-adds that N threads of this machine do in registers, in billions of float operations a
 * second, best of three: what bench/train.sh states shares of. usage: tool_peak THREADS */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "num/peak.h"

enum { TURNS = 10000000, REPEATS = 3, THREADS_MAX = 64 };

struct job {
    uint32_t mask;
    uint64_t done[THREADS_MAX];
};

static void peak_task(void *arg, uint32_t task, uint32_t worker) {
    struct job *j = arg;
    (void)worker;
    j->done[task] = peak_f32(j->mask, TURNS);
}

int main(int argc, char **argv) {
    unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct job j = {.mask = cpu_detect()};
    struct clock clock = clock_system();
    struct pool *pool;
    double best = 0;
    if (n < 1 || n > THREADS_MAX || pool_open((uint32_t)n, &pool, NULL) != SIL_OK) {
        fprintf(stderr, "usage: tool_peak THREADS (1 to %d)\n", THREADS_MAX);
        return 2;
    }
    for (int r = 0; r < REPEATS; r++) {
        uint64_t begin = clock_now_ns(clock), sum = 0;
        pool_run(pool, (uint32_t)n, peak_task, &j);
        double ns = (double)(clock_now_ns(clock) - begin);
        for (unsigned long i = 0; i < n; i++) sum += j.done[i];
        best = (double)sum / ns > best ? (double)sum / ns : best;
    }
    pool_close(pool);
    printf("%.1f\n", best);
    return 0;
}
