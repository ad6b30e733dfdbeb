#include "learn/keep.h"

#include "num/fp16.h"

enum { BLOCK = 1 << 14 /* numbers of a task */ };

struct job {
    const float *from;
    const uint16_t *kept_from;
    float *to;
    uint16_t *kept_to;
    size_t n;
};

static size_t end_of(const struct job *j, uint32_t task) {
    size_t end = ((size_t)task + 1) * BLOCK;
    return end < j->n ? end : j->n;
}

static void store_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    size_t end = end_of(j, task);
    (void)worker;
    for (size_t i = (size_t)task * BLOCK; i < end; i++) j->kept_to[i] = num_f32_to_bf16(j->from[i]);
}

static void load_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    size_t end = end_of(j, task);
    (void)worker;
    for (size_t i = (size_t)task * BLOCK; i < end; i++) j->to[i] = num_bf16_to_f32(j->kept_from[i]);
}

void keep_store(struct pool *pool, const float *x, size_t n, uint16_t *out) {
    struct job j = {.from = x, .kept_to = out, .n = n};
    pool_run(pool, (uint32_t)((n + BLOCK - 1) / BLOCK), store_task, &j);
}

void keep_load(struct pool *pool, const uint16_t *x, size_t n, float *out) {
    struct job j = {.kept_from = x, .to = out, .n = n};
    pool_run(pool, (uint32_t)((n + BLOCK - 1) / BLOCK), load_task, &j);
}
