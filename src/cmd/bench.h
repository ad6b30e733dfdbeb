/* bench: measuring an engine: what `sillok bench` prints. */
#ifndef SIL_CMD_BENCH_H
#define SIL_CMD_BENCH_H

#include "base/pool.h"
#include "cmd/setup.h"

enum { BENCH_BATCHES_MAX = 16, BENCH_BATCH_MAX = 512 };
enum { BENCH_READ, BENCH_INT8, BENCH_F32, BENCH_LIMITS };

struct bench_limits {
    double read_gbs, int8_gops, f32_gflops; /* of all threads together */
};

struct bench_result {
    const char *test; /* "prefill", "decode" */
    uint32_t n, batch, depth;
    double tokens_per_s;
    double gops; /* billions of multiplications and additions of the linear layers, a second */
    double gbs;  /* billions of weight bytes, as in the file, that the passes go through, a second */
};

struct bench {
    struct setup setup;
    struct sil_model_info info;
    const char *path;
    uint32_t n_prompt, n_decode, depth, repeats;
    uint32_t batches[BENCH_BATCHES_MAX], n_batches;
    bool json, each;
    struct bench_limits limits;
    uint32_t n_results;

    uint32_t n_sessions, *prompt; /* prompt: token ids, as many as the longest test needs */
    struct sil_session **sessions;
    struct sil_step_item *items;
    double layer_ops, output_ops;     /* per token; per row of logits */
    double layer_bytes, output_bytes; /* of weights */
};

/* Opens model and engine with room for the largest test. */
sil_err bench_open(struct bench *b, struct sil_error *e);
void bench_close(struct bench *b);

/* Runs the test that r names once and fills in its figures. */
sil_err bench_measure(struct bench *b, struct bench_result *r, struct sil_error *e);

/* Measures once for each line of standard input and prints tokens per second (calibrate: the nanoseconds of a fixed
 * piece of integer work on all threads): for comparing engines in interleaved pairs. */
sil_err bench_each(struct bench *b, struct sil_error *e);

sil_err bench_limits(uint32_t threads, struct bench_limits *out, struct sil_error *e);

#endif
