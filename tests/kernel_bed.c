#define _GNU_SOURCE
#include "kernel_bed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/dtype.h"
#include "base/rng.h"
#include "num/peak.h"

enum {
    HUGE = 2 << 20,
    READ_BYTES = 192 << 20,
    SLICES = 8,
    ROWS = 2048,
    PART = 64, /* outputs of a task, as in a model */
    MOST = 256,
    PEAK_TURNS = 200000
};

static void *big(size_t bytes) {
    void *p = aligned_alloc(HUGE, (bytes + HUGE - 1) / HUGE * HUGE);
    if (!p) return NULL;
    if (madvise(p, bytes, MADV_HUGEPAGE) != 0) {
        /* A kernel without huge pages: only slower. */
    }
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

void bed_limits(struct bed *b, struct bed_rates *r) {
    double t = now_s();
    if (dtype_get(b->w.type)->block_len == 1) keep(&r->peak, (double)peak_f32(b->mask, PEAK_TURNS), t);
    else keep(&r->peak, (double)peak_int8(b->mask, PEAK_TURNS), t);
    for (size_t at = 0; at < READ_BYTES; at += READ_BYTES / SLICES) {
        t = now_s();
        b->sink += peak_read(b->mask, b->packed + at, READ_BYTES / SLICES);
        keep(&r->read, READ_BYTES / SLICES, t);
    }
}

static void arrange(struct bed *b, uint32_t m) {
    b->a.n_rows = m;
    if (b->k.pack_act) b->k.pack_act(&b->a, 0, m);
}

/* m rows over all outputs, in parts: the best part. */
static void measure_rows(struct bed *b, uint32_t m, double *best) {
    arrange(b, m);
    b->w.packed = b->packed;
    for (uint32_t o = 0; o < ROWS; o += PART) {
        double t = now_s();
        b->k.linear[b->w.type](&b->w, &b->a, o, o + PART, b->out, ROWS);
        keep(best, 2.0 * PART * b->cols * m, t);
    }
}

/* One row over every copy of the weights, some copies at a time. */
static void measure_one(struct bed *b, double *best) {
    size_t bytes = b->k.pack_bytes[b->w.type](&b->w), copies = READ_BYTES / bytes;
    arrange(b, 1);
    for (size_t i = 0, n = copies / SLICES; n > 0 && i + n <= copies; i += n) {
        double t = now_s();
        for (size_t c = i; c < i + n; c++) {
            b->w.packed = b->packed + c * bytes;
            b->k.linear[b->w.type](&b->w, &b->a, 0, ROWS, b->out, ROWS);
        }
        keep(best, (double)(bytes * n), t);
    }
}

void bed_kernels(struct bed *b, struct bed_rates *r) {
    measure_one(b, &r->one);
    measure_rows(b, 16, &r->some);
    measure_rows(b, MOST, &r->many);
}

bool bed_weights(struct bed *b, enum dtype type) {
    const struct dtype_info *info = dtype_get(type);
    b->w = (struct num_matrix){.type = type, .rows = ROWS, .cols = b->cols, .data = b->file};
    b->w.row_bytes = (size_t)b->cols / info->block_len * info->block_bytes;
    if (!b->k.pack_bytes[type]) return false;
    size_t bytes = b->k.pack_bytes[type](&b->w), copies = READ_BYTES / bytes;
    b->k.pack[type](&b->w, b->packed, 0, ROWS);
    for (size_t i = 1; i < copies; i++) memcpy(b->packed + i * bytes, b->packed, bytes);
    return true;
}

bool bed_open(struct bed *b, uint32_t cpu_mask, uint32_t cols) {
    size_t n = (size_t)MOST * cols, file_bytes = (size_t)ROWS * cols * 4;
    *b = (struct bed){.mask = cpu_mask, .cols = cols, .packed = big(READ_BYTES), .file = big(file_bytes)};
    num_kernels_init(&b->k, cpu_mask);
    float *x = big(n * sizeof *x);
    b->a = (struct num_act){.n_rows = MOST, .cols = cols, .x = x, .q = big(n), .d = big(n / 8), .asum = big(n / 8)};
    b->a.panels = big(num_panel_bytes(MOST, cols));
    b->out = big((size_t)MOST * ROWS * sizeof(float));
    if (!b->packed || !b->file || !x || !b->a.q || !b->a.d || !b->a.asum || !b->a.panels || !b->out) return false;
    for (size_t i = 0; i < file_bytes; i++) b->file[i] = (uint8_t)(i * 2654435761u >> 13) & 0xb7u;
    struct rng rng = {.seed = 1};
    for (size_t i = 0; i < n; i++) x[i] = rng_normal(&rng);
    return b->k.quantize(x, (uint32_t)n, b->a.q, b->a.d, b->a.asum);
}
