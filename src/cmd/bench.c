#include "cmd/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/err.h"
#include "engine/engine.h"
#include "num/peak.h"

enum { EACH_DEFAULT = 16, CALIBRATE_TURNS = 2000000, FIRST_TOKEN = 5 };

static void count_linear(const struct num_matrix *w, double *ops, double *bytes) {
    *ops += 2.0 * w->rows * w->cols;
    *bytes += (double)w->row_bytes * w->rows;
}

static void count_work(struct bench *b) {
    const struct model *m = b->setup.model->m;
    for (uint32_t i = 0; i < m->shape.n_layers; i++)
        for (uint32_t k = 0; k < MODEL_LINEARS; k++)
            count_linear(&model_linear_of(&m->layers[i], k)->w, &b->layer_ops, &b->layer_bytes);
    count_linear(&m->output.w, &b->output_ops, &b->output_bytes);
}

static sil_err open_engine(struct bench *b, uint32_t longest, struct sil_error *e) {
    struct setup *s = &b->setup;
    enum sil_kv kv;
    SIL_TRY(setup_kv(s, &kv, e));
    SIL_TRY(setup_open_model(s, b->path, e));
    sil_model_describe(s->model, &b->info);
    struct sil_engine_config c = {.n_ctx = s->ctx ? s->ctx : longest,
                                  .n_sessions = b->n_sessions,
                                  .n_batch = s->batch,
                                  .n_logits = b->n_sessions,
                                  .n_threads = s->threads,
                                  .kv = kv};
    return sil_engine_open(s->model, &c, &s->engine, e);
}

sil_err bench_open(struct bench *b, struct sil_error *e) {
    uint32_t longest = b->depth + (b->n_prompt > b->n_decode ? b->n_prompt : b->n_decode) + 1;
    if (b->setup.ctx > longest) longest = b->setup.ctx;
    b->n_sessions = b->each ? EACH_DEFAULT : 1;
    for (uint32_t i = 0; i < b->n_batches; i++)
        if (b->batches[i] > b->n_sessions) b->n_sessions = b->batches[i];
    SIL_TRY(open_engine(b, longest, e));
    b->prompt = mem_array(mem_libc(), longest, sizeof *b->prompt);
    b->sessions = mem_array(mem_libc(), b->n_sessions, sizeof(struct sil_session *));
    b->items = mem_array(mem_libc(), b->n_sessions, sizeof *b->items);
    if (!b->prompt || !b->sessions || !b->items) return err_nomem(e, "the benchmark", longest);
    for (uint32_t i = 0; i < longest; i++) b->prompt[i] = (FIRST_TOKEN + i) % b->info.n_vocab;
    for (uint32_t i = 0; i < b->n_sessions; i++) SIL_TRY(sil_session_open(b->setup.engine, &b->sessions[i], e));
    count_work(b);
    return SIL_OK;
}

void bench_close(struct bench *b) {
    for (uint32_t i = 0; b->sessions && i < b->n_sessions; i++) sil_session_close(b->sessions[i]);
    mem_free(mem_libc(), b->items);
    mem_free(mem_libc(), b->sessions);
    mem_free(mem_libc(), b->prompt);
    setup_close(&b->setup);
}

/* Brings the first `batch` sessions to `depth` tokens: position i always holds prompt[i], so what is there stays. */
static sil_err rewind_sessions(struct bench *b, uint32_t batch, uint32_t depth, struct sil_error *e) {
    for (uint32_t i = 0; i < batch; i++) {
        uint32_t there = 0;
        sil_session_tokens(b->sessions[i], &there);
        if (there > depth) there = depth;
        sil_session_truncate(b->sessions[i], there);
        struct sil_step_item item = {.session = b->sessions[i], .tokens = b->prompt + there, .n_tokens = depth - there};
        if (item.n_tokens) SIL_TRY(sil_step(b->setup.engine, &item, 1, e));
    }
    return SIL_OK;
}

static sil_err prefill(struct bench *b, struct bench_result *r, double *seconds, struct sil_error *e) {
    struct clock clock = clock_system();
    struct sil_step_item item = {
        .session = b->sessions[0], .tokens = b->prompt + r->depth, .n_tokens = r->n, .n_logits = 1};
    uint64_t begin = clock_now_ns(clock);
    SIL_TRY(sil_step(b->setup.engine, &item, 1, e));
    *seconds = (double)(clock_now_ns(clock) - begin) * 1e-9;
    r->gops = (b->layer_ops * r->n + b->output_ops) * 1e-9;
    r->gbs = (b->layer_bytes + b->output_bytes) * 1e-9;
    return SIL_OK;
}

/* Every sequence decodes r->n tokens; each takes part in every step. */
static sil_err decode(struct bench *b, struct bench_result *r, double *seconds, struct sil_error *e) {
    struct clock clock = clock_system();
    uint64_t begin = clock_now_ns(clock);
    for (uint32_t t = 0; t < r->n; t++) {
        for (uint32_t i = 0; i < r->batch; i++)
            b->items[i] = (struct sil_step_item){
                .session = b->sessions[i], .tokens = b->prompt + r->depth + t, .n_tokens = 1, .n_logits = 1};
        SIL_TRY(sil_step(b->setup.engine, b->items, r->batch, e));
    }
    *seconds = (double)(clock_now_ns(clock) - begin) * 1e-9;
    r->gops = (b->layer_ops + b->output_ops) * r->n * r->batch * 1e-9;
    r->gbs = (b->layer_bytes + b->output_bytes) * r->n * 1e-9;
    return SIL_OK;
}

sil_err bench_measure(struct bench *b, struct bench_result *r, struct sil_error *e) {
    double seconds = 0;
    SIL_TRY(rewind_sessions(b, r->batch, r->depth, e));
    SIL_TRY(strcmp(r->test, "prefill") == 0 ? prefill(b, r, &seconds, e) : decode(b, r, &seconds, e));
    r->tokens_per_s = (double)r->n * r->batch / seconds;
    r->gops /= seconds;
    r->gbs /= seconds;
    return SIL_OK;
}

static void calibrate_task(void *arg, uint32_t task, uint32_t worker) {
    (void)task, (void)worker;
    uint64_t done = peak_int8(*(const uint32_t *)arg, CALIBRATE_TURNS);
    (void)done;
}

static void calibrate(struct pool *pool) {
    struct clock clock = clock_system();
    uint32_t mask = cpu_detect();
    uint64_t begin = clock_now_ns(clock);
    pool_run(pool, pool_threads(pool), calibrate_task, &mask);
    printf("%llu\n", (unsigned long long)(clock_now_ns(clock) - begin));
}

/* Up to n numbers behind the first word of a line; how many there are, or 0 when one is not a number. */
static int numbers(const char *line, uint32_t *v, int n) {
    const char *p = strchr(line, ' ');
    for (int i = 0; i < n; i++) {
        char *end = NULL;
        unsigned long x = p ? strtoul(p, &end, 10) : 0;
        if (!p || end == p) return i;
        if (x > UINT32_MAX || (*end != ' ' && *end != '\n' && *end != '\0')) return 0;
        v[i] = (uint32_t)x;
        p = end;
    }
    return n;
}

/* What a line asks for; r->test stays NULL when it is none. */
static void parse_line(const char *line, struct bench_result *r) {
    uint32_t v[3] = {0, 1, r->depth};
    if (strncmp(line, "prefill ", 8) == 0) {
        uint32_t p[2] = {0, r->depth};
        if (numbers(line, p, 2) < 1) return;
        *r = (struct bench_result){.test = "prefill", .n = p[0], .batch = 1, .depth = p[1]};
    } else if (strncmp(line, "decode ", 7) == 0 && numbers(line, v, 3) >= 2) {
        *r = (struct bench_result){.test = "decode", .n = v[0], .batch = v[1], .depth = v[2]};
    }
}

static sil_err each_line(struct bench *b, struct pool *pool, const char *line, struct sil_error *e) {
    struct bench_result r = {.depth = b->depth};
    if (strncmp(line, "calibrate", 9) == 0) return calibrate(pool), SIL_OK;
    parse_line(line, &r);
    uint32_t longest = sil_engine_ctx(b->setup.engine);
    if (!r.test || r.n == 0 || r.depth > longest || r.n > longest - r.depth || r.batch == 0 || r.batch > b->n_sessions)
        return err_set(e, SIL_ARG,
                       "\"%.40s\": write prefill N [DEPTH], decode N SEQUENCES [DEPTH] or calibrate (N + DEPTH to %u, "
                       "%u sequences)",
                       line, longest, b->n_sessions);
    SIL_TRY(bench_measure(b, &r, e));
    printf("%.4f\n", r.tokens_per_s);
    return SIL_OK;
}

sil_err bench_each(struct bench *b, struct sil_error *e) {
    struct pool *pool = NULL;
    SIL_TRY(pool_open(sil_engine_threads(b->setup.engine), &pool, e));
    char line[128];
    sil_err err = SIL_OK;
    while (err == SIL_OK && fgets(line, sizeof line, stdin)) {
        err = each_line(b, pool, line, e);
        fflush(stdout);
    }
    pool_close(pool);
    return err;
}
