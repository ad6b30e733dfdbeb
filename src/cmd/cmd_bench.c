/* sillok bench: tokens per second, and the shares of what this machine can do at most. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/err.h"
#include "base/mem.h"
#include "cmd/bench.h"
#include "num/peak.h"

enum { HUGE = 2 << 20, READ_BYTES = 256 << 20, INT8_TURNS = 20000000, F32_TURNS = 10000000, REPEATS = 3 };

/* ---- limits of the machine ---- */

struct limit_job {
    uint32_t mask;
    int kind;
    const uint8_t *bytes;
    size_t share; /* of bytes, for each task */
    uint64_t sink[POOL_THREADS_MAX];
};

static void limit_task(void *arg, uint32_t task, uint32_t worker) {
    (void)worker;
    struct limit_job *j = arg;
    if (j->kind == BENCH_READ) j->sink[task] = peak_read(j->mask, j->bytes + task * j->share, j->share);
    else if (j->kind == BENCH_INT8) j->sink[task] = peak_int8(j->mask, INT8_TURNS);
    else j->sink[task] = peak_f32(j->mask, F32_TURNS);
}

/* Billions of operations or bytes a second, all threads together. */
static double limit_once(struct pool *pool, struct limit_job *j) {
    struct clock clock = clock_system();
    uint32_t n = pool_threads(pool);
    uint64_t begin = clock_now_ns(clock), done = 0;
    pool_run(pool, n, limit_task, j);
    double ns = (double)(clock_now_ns(clock) - begin);
    for (uint32_t i = 0; i < n; i++) done += j->kind == BENCH_READ ? j->share : j->sink[i];
    return (double)done / ns;
}

sil_err bench_limits(uint32_t threads, struct bench_limits *out, struct sil_error *e) {
    struct pool *pool = NULL;
    SIL_TRY(pool_open(threads, &pool, e));
    struct limit_job *j = mem_array(mem_libc(), 1, sizeof *j);
    void *bytes = NULL;
    if (!j || posix_memalign(&bytes, HUGE, READ_BYTES) != 0) {
        mem_free(mem_libc(), j);
        pool_close(pool);
        return err_nomem(e, "measuring this machine", READ_BYTES);
    }
    if (madvise(bytes, READ_BYTES, MADV_HUGEPAGE) != 0) {
        /* A kernel without huge pages: only slower, as for the weights. */
    }
    memset(bytes, 1, READ_BYTES);
    j->mask = cpu_detect();
    j->bytes = bytes;
    j->share = READ_BYTES / threads & ~(size_t)4095;
    double best[BENCH_LIMITS] = {0};
    for (int r = 0; r < REPEATS; r++)
        for (j->kind = 0; j->kind < BENCH_LIMITS; j->kind++) {
            double v = limit_once(pool, j);
            if (v > best[j->kind]) best[j->kind] = v;
        }
    *out = (struct bench_limits){
        .read_gbs = best[BENCH_READ], .int8_gops = best[BENCH_INT8], .f32_gflops = best[BENCH_F32]};
    free(bytes);
    mem_free(mem_libc(), j);
    pool_close(pool);
    return SIL_OK;
}

/* ---- what is printed ---- */

static void print_limits(const struct bench *b) {
    printf("%s, %" PRIu32 " threads, %s; this machine: %.1f GB/s read, %.0f GOP/s int8, %.0f GFLOP/s f32\n", b->path,
           sil_engine_threads(b->setup.engine), b->info.cpu, b->limits.read_gbs, b->limits.int8_gops,
           b->limits.f32_gflops);
    printf("%-22s %12s %10s %8s %10s %8s\n", "", "tokens/s", "GOP/s", "of peak", "GB/s", "of read");
}

static void print_result(const struct bench *b, const struct bench_result *r) {
    if (b->json) {
        printf("%s{\"test\":\"%s\",\"n\":%" PRIu32 ",\"batch\":%" PRIu32 ",\"depth\":%" PRIu32
               ",\"tokens_per_s\":%.3f,\"gops\":%.3f,\"share_of_int8_peak\":%.4f,\"gbs\":%.3f,"
               "\"share_of_read\":%.4f}",
               b->n_results ? "," : "", r->test, r->n, r->batch, r->depth, r->tokens_per_s, r->gops,
               r->gops / b->limits.int8_gops, r->gbs, r->gbs / b->limits.read_gbs);
        return;
    }
    char name[64];
    snprintf(name, sizeof name, r->batch > 1 ? "%s %" PRIu32 " x %" PRIu32 : "%s %" PRIu32, r->test,
             r->batch > 1 ? r->batch : r->n, r->n);
    printf("%-22s %12.2f %10.1f %7.1f%% %10.2f %7.1f%%\n", name, r->tokens_per_s, r->gops,
           100 * r->gops / b->limits.int8_gops, r->gbs, 100 * r->gbs / b->limits.read_gbs);
    fflush(stdout);
}

static sil_err one(struct bench *b, const char *test, uint32_t n, uint32_t batch, struct sil_error *e) {
    struct bench_result best = {0};
    for (uint32_t i = 0; i < b->repeats; i++) {
        struct bench_result r = {.test = test, .n = n, .batch = batch, .depth = b->depth};
        SIL_TRY(bench_measure(b, &r, e));
        if (r.tokens_per_s > best.tokens_per_s) best = r;
    }
    print_result(b, &best);
    b->n_results++;
    return SIL_OK;
}

static sil_err all_tests(struct bench *b, struct sil_error *e) {
    if (b->json)
        printf(
            "{\"model\":\"%s\",\"threads\":%" PRIu32
            ",\"cpu\":\"%s\",\"profile\":\"%s\",\"read_gbs\":%.3f,\"int8_gops\":%.2f,\"f32_gflops\":%.2f,\"results\":[",
            b->info.architecture, sil_engine_threads(b->setup.engine), b->info.cpu, sil_engine_profile(b->setup.engine),
            b->limits.read_gbs, b->limits.int8_gops, b->limits.f32_gflops);
    else print_limits(b);
    if (b->n_prompt) SIL_TRY(one(b, "prefill", b->n_prompt, 1, e));
    for (uint32_t i = 0; b->n_decode && i < b->n_batches; i++) SIL_TRY(one(b, "decode", b->n_decode, b->batches[i], e));
    if (b->json) puts("]}");
    return SIL_OK;
}

/* ---- arguments ---- */

static bool parse_batches(const char *text, struct bench *b) {
    for (const char *p = text; b->n_batches < BENCH_BATCHES_MAX; p++) {
        char *end;
        unsigned long v = *p >= '1' && *p <= '9' ? strtoul(p, &end, 10) : 0;
        if (v == 0 || v > BENCH_BATCH_MAX) return false;
        b->batches[b->n_batches++] = (uint32_t)v;
        if (*end == '\0') return true;
        if (*end != ',') return false;
        p = end;
    }
    return false;
}

int cmd_bench(int argc, char **argv) {
    struct bench b = {.n_prompt = 256, .n_decode = 32, .repeats = REPEATS};
    const char *batches = "1,4,16";
    const struct cmd_opt opts[] = {
        {.name = "prompt",
         .letter = 'p',
         .kind = CMD_U32,
         .out = &b.n_prompt,
         .value = "N",
         .max = 1 << 20,
         .help = "tokens of the prompt that is read (default 256; 0: leave out)"},
        {.name = "tokens",
         .letter = 'n',
         .kind = CMD_U32,
         .out = &b.n_decode,
         .value = "N",
         .max = 1 << 20,
         .help = "tokens that each sequence decodes (default 32; 0: leave out)"},
        {.name = "sequences",
         .letter = 'b',
         .kind = CMD_TEXT,
         .out = &batches,
         .value = "1,4,16",
         .help = "how many sequences decode together"},
        {.name = "depth",
         .letter = 'd',
         .kind = CMD_U32,
         .out = &b.depth,
         .value = "D",
         .max = 1 << 20,
         .help = "tokens that are there before (default 0)"},
        {.name = "repeat",
         .letter = 'r',
         .kind = CMD_U32,
         .out = &b.repeats,
         .value = "R",
         .min = 1,
         .max = 1000,
         .help = "times to measure; the best counts (default 3)"},
        {.name = "json", .kind = CMD_FLAG, .out = &b.json, .help = "print JSON"},
        {.name = "each",
         .kind = CMD_FLAG,
         .out = &b.each,
         .help =
             "measure once for each line of standard input: prefill N [DEPTH], decode N SEQUENCES [DEPTH], calibrate"},
        SETUP_OPTIONS(b.setup),
    };
    const struct cmd_spec spec = {
        .name = "bench",
        .synopsis = "MODEL [-p 256] [-n 32] [-b 1,4,16] [--depth D] [--threads N] [--json]",
        .about = "Measures tokens per second and states them as shares of this machine's own integer peak and read\n"
                 "bandwidth, measured in the same run.",
        .opts = opts,
        .n_opts = sizeof opts / sizeof *opts,
        .min_args = 1,
        .max_args = 1,
        .missing = "a model file"};
    int n_args = 0, rc = cmd_parse(&spec, argc, argv, &b.path, &n_args);
    if (rc != CMD_GO) return rc;
    if (!parse_batches(batches, &b))
        return cmd_usage("bench", "-b %s: write numbers from 1 to %d with commas: 1,4,16", batches, BENCH_BATCH_MAX);
    struct sil_error e = {0};
    sil_err err = bench_open(&b, &e);
    if (err == SIL_OK)
        err = b.each ? bench_each(&b, &e) : bench_limits(sil_engine_threads(b.setup.engine), &b.limits, &e);
    if (err == SIL_OK && !b.each) err = all_tests(&b, &e);
    bench_close(&b);
    return err == SIL_OK ? 0 : cmd_fail("bench", &e);
}
