/* How long a simulated year takes.  tool_plan_speed DESIGN.yaml ROUNDS
 * Prints one line of JSON: steps, and for each round the milliseconds of processor time of one year on one thread, the
 * sun's geometry kept, the weather's series made anew and every step kept. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "plan/sim.h"

enum { ROUNDS_MAX = 1000 };

static int fail(const char *what) {
    fprintf(stderr, "tool_plan_speed: %s\n", what);
    return 1;
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
    struct sil_error e = {0};
    struct plan_design *d = malloc(sizeof *d);
    struct sim_sums *sums = malloc(sizeof *sums);
    struct energy_result *energy = malloc(sizeof *energy);
    struct sim *s;
    if (argc != 3 || !d || !sums || !energy) return fail("DESIGN.yaml ROUNDS");
    long rounds = strtol(argv[2], NULL, 10);
    if (rounds < 1 || rounds > ROUNDS_MAX) return fail("ROUNDS is 1 to 1000");
    if (plan_design_read(argv[1], mem_libc(), d, &e) != SIL_OK) return fail(e.text);
    if (sim_open(d, d->c.run.step_s, NULL, mem_libc(), &s, &e) != SIL_OK) return fail(e.text);
    uint32_t n = sim_steps(s);
    struct plan_step *rows = calloc(n, sizeof *rows);
    if (!rows) return fail("no memory");
    printf("{\"steps\": %u, \"ms\": [", n);
    for (long i = 0; i < rounds; i++) {
        sim_refresh(s);
        double from = now_ms();
        if (sim_run(s, sim_year_shown(s), rows, sums, energy, &e) != SIL_OK) return fail(e.text);
        printf("%s%.3f", i ? ", " : "", now_ms() - from);
    }
    printf("]}\n");
    sim_close(s);
    free(rows);
    free(energy);
    free(sums);
    free(d);
    return 0;
}
