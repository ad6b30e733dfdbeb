/* Rates of the packed linear kernels on one thread, as shares of what this machine can do in the same minute:
 *   tool_kernel_rates [--csv] [--cpu LEVEL] [--cols N] [TYPE...]
 * One row of activations over more weights than the caches hold (share of the read bandwidth), and 16 and 256 rows over
 * a layer of usual size (share of the integer or float peak). */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/dtype.h"
#include "base/pool.h"
#include "base/rng.h"
#include "num/num.h"
#include "num/peak.h"

enum {
    HUGE = 2 << 20,
    READ_BYTES = 192 << 20,
    SLICES = 8,
    ROWS = 2048,
    PART = 64,
    MOST = 256,
    TURNS = 4,
    PEAK_TURNS = 200000
};

struct bed {
    struct num_kernels k;
    uint32_t mask;
    uint8_t *file, *packed; /* the weights as in a file; many copies of them packed */
    struct num_act a;
    float *out;
    uint64_t sink;
};

static void *big(size_t bytes) {
    void *p = aligned_alloc(HUGE, (bytes + HUGE - 1) / HUGE * HUGE);
    if (!p) exit(1);
    madvise(p, bytes, MADV_HUGEPAGE);
    memset(p, 1, bytes);
    return p;
}

static double now_s(void) {
    return (double)clock_now_ns(clock_system()) * 1e-9;
}

/* Keeps the larger of *best and of work / (seconds since begin), in billions. What is timed is short, so that on a busy
 * machine some of it falls between the turns of others. */
static void keep(double *best, double work, double begin) {
    double v = work / (now_s() - begin) * 1e-9;
    if (v > *best) *best = v;
}

struct rates {
    double read, peak, one, some, many; /* GB/s read; Gop/s at most; GB/s with 1 row, Gop/s with 16 and 256 */
};

static void measure_limits(struct bed *b, bool is_float, struct rates *r) {
    double t = now_s();
    if (is_float) keep(&r->peak, (double)peak_f32(b->mask, PEAK_TURNS), t);
    else keep(&r->peak, (double)peak_int8(b->mask, PEAK_TURNS), t);
    for (size_t at = 0; at < READ_BYTES; at += READ_BYTES / SLICES) {
        t = now_s();
        b->sink += peak_read(b->mask, b->packed + at, READ_BYTES / SLICES);
        keep(&r->read, READ_BYTES / SLICES, t);
    }
}

/* m rows over all outputs, in parts as a model's tasks: the best part. */
static void measure_rows(struct bed *b, struct num_matrix *w, uint32_t m, double *best) {
    b->a.n_rows = m;
    if (b->k.pack_act) b->k.pack_act(&b->a, 0, m);
    w->packed = b->packed;
    for (uint32_t o = 0; o < ROWS; o += PART) {
        double t = now_s();
        b->k.linear[w->type](w, &b->a, o, o + PART, b->out, ROWS);
        keep(best, 2.0 * PART * w->cols * m, t);
    }
}

/* One row over every copy of the weights, some copies at a time. */
static void measure_one(struct bed *b, struct num_matrix *w, size_t bytes, size_t copies, double *best) {
    b->a.n_rows = 1;
    if (b->k.pack_act) b->k.pack_act(&b->a, 0, 1);
    for (size_t i = 0, n = copies / SLICES; i + n <= copies; i += n) {
        double t = now_s();
        for (size_t c = i; c < i + n; c++) {
            w->packed = b->packed + c * bytes;
            b->k.linear[w->type](w, &b->a, 0, w->rows, b->out, ROWS);
        }
        keep(best, (double)(bytes * n), t);
    }
}

static void measure(struct bed *b, enum dtype type, uint32_t cols, bool csv) {
    const struct dtype_info *info = dtype_get(type);
    struct num_matrix w = {.type = type, .rows = ROWS, .cols = cols, .data = b->file};
    w.row_bytes = (size_t)cols / info->block_len * info->block_bytes;
    if (!b->k.pack_bytes[type]) {
        fprintf(stderr, "%s: no packed kernel at this level\n", info->name);
        return;
    }
    size_t bytes = b->k.pack_bytes[type](&w), copies = READ_BYTES / bytes;
    b->k.pack[type](&w, b->packed, 0, ROWS);
    for (size_t i = 1; i < copies; i++) memcpy(b->packed + i * bytes, b->packed, bytes);
    struct rates r = {0};
    for (int i = 0; i < TURNS; i++) {
        measure_limits(b, info->block_len == 1, &r);
        measure_one(b, &w, bytes, copies, &r.one);
        measure_rows(b, &w, 16, &r.some);
        measure_rows(b, &w, MOST, &r.many);
    }
    printf(csv ? "%s,%.1f,%.1f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f\n"
               : "%-5s %6.1f of %5.1f GB/s %4.0f%%   peak %6.0f   16 rows %6.0f %5.1f%%   256 rows %6.0f %5.1f%%\n",
           info->name, r.one, r.read, 100 * r.one / r.read, r.peak, r.some, 100 * r.some / r.peak, r.many,
           100 * r.many / r.peak);
    fflush(stdout);
}

static void make_inputs(struct bed *b, uint32_t cols) {
    size_t n = (size_t)MOST * cols;
    struct rng rng = {.seed = 1};
    b->packed = big(READ_BYTES);
    b->file = big((size_t)ROWS * cols * 4);
    for (size_t i = 0; i < (size_t)ROWS * cols * 4; i++) b->file[i] = (uint8_t)(i * 2654435761u >> 13) & 0xb7u;
    b->a = (struct num_act){.n_rows = MOST, .cols = cols, .q = big(n), .d = big(n / 8), .asum = big(n / 8)};
    float *x = big(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = rng_normal(&rng);
    b->a.x = x;
    if (!b->k.quantize(x, (uint32_t)n, b->a.q, b->a.d, b->a.asum)) exit(1);
    b->a.panels = big(num_panel_bytes(MOST, cols));
    b->out = big((size_t)MOST * ROWS * sizeof(float));
}

int main(int argc, char **argv) {
    static const enum dtype all[] = {DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_K, DTYPE_Q6_K, DTYPE_Q5_K, DTYPE_Q4_1,
                                     DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_F16,  DTYPE_BF16, DTYPE_F32};
    struct bed b = {.mask = cpu_detect()};
    bool csv = false;
    uint32_t cols = 2048;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        struct sil_error e;
        if (strcmp(argv[at], "--csv") == 0) csv = true;
        else if (strcmp(argv[at], "--cols") == 0 && at + 1 < argc) cols = (uint32_t)strtoul(argv[++at], NULL, 10);
        else if (strcmp(argv[at], "--cpu") == 0 && at + 1 < argc) {
            if (cpu_parse(argv[++at], b.mask, &b.mask, &e) != SIL_OK) return 2;
        } else return 2;
    }
    if (cols == 0 || cols % 256 != 0 || cols > 32768 || !pool_fp_mode()) return 2;
    num_kernels_init(&b.k, b.mask);
    make_inputs(&b, cols);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool wanted = at == argc;
        for (int k = at; k < argc; k++) wanted |= strcmp(argv[k], dtype_get(all[i])->name) == 0;
        if (wanted) measure(&b, all[i], cols, csv);
    }
    return 0;
}
