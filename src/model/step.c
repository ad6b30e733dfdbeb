#include "model/step.h"

#include <assert.h>

#include "base/err.h"

static uint32_t widest_input(const struct model_shape *s) {
    uint32_t width = s->n_heads * s->head_dim;
    if (s->d_model > width) width = s->d_model;
    return s->d_ffn > width ? s->d_ffn : width;
}

static float *floats(struct arena *a, size_t rows, size_t cols) {
    enum { CACHE_LINE = 64 };
    size_t n;
    return __builtin_mul_overflow(rows, cols, &n) ? NULL : arena_array(a, n, sizeof(float), CACHE_LINE);
}

static bool allocate(const struct model *m, struct model_step *s) {
    const struct model_shape *shape = &m->shape;
    struct arena *a = &s->arena;
    size_t n = s->max_rows, wide = widest_input(shape);
    size_t blocks = (wide + NUM_BLOCK - 1) / NUM_BLOCK;
    s->rows = ARENA_ARRAY(a, n, struct step_row);
    s->logit_rows = ARENA_ARRAY(a, s->max_logits, uint32_t);
    s->logits = floats(a, s->max_logits, shape->n_vocab);
    s->x = floats(a, n, shape->d_model);
    s->xn = floats(a, n, shape->d_model);
    s->q = floats(a, n, (size_t)shape->n_heads * shape->head_dim);
    s->k_new = floats(a, n, (size_t)shape->n_kv_heads * shape->head_dim);
    s->v_new = floats(a, n, (size_t)shape->n_kv_heads * shape->head_dim);
    s->att = floats(a, n, (size_t)shape->n_heads * shape->head_dim);
    s->gate = floats(a, n, shape->d_ffn);
    s->up = floats(a, n, shape->d_ffn);
    s->cosine = floats(a, n, shape->rope.n_rot / 2);
    s->sine = floats(a, n, shape->rope.n_rot / 2);
    s->groups = ARENA_ARRAY(a, n, uint32_t);
    s->act.q = arena_array(a, n, wide, 64);
    s->act.d = floats(a, n, blocks);
    s->act.asum = arena_array(a, n, blocks * sizeof(int32_t), 64);
    s->act.panels = arena_array(a, 1, num_panel_bytes(n, wide), 64);
    return s->rows && s->logit_rows && s->logits && s->x && s->xn && s->q && s->k_new && s->v_new && s->att &&
           s->gate && s->up && s->cosine && s->sine && s->groups && s->act.q && s->act.d && s->act.asum &&
           s->act.panels;
}

uint64_t step_bytes(const struct model_shape *shape, uint32_t max_rows, uint32_t max_logits) {
    uint64_t wide = widest_input(shape), blocks = (wide + NUM_BLOCK - 1) / NUM_BLOCK;
    uint64_t floats_per_row = 2 * (uint64_t)shape->d_model + 2 * (uint64_t)shape->n_heads * shape->head_dim +
                              2 * (uint64_t)shape->n_kv_heads * shape->head_dim + 2 * (uint64_t)shape->d_ffn +
                              2 * (uint64_t)(shape->rope.n_rot / 2) + 2 * blocks;
    uint64_t per_row = floats_per_row * 4 + wide + blocks * NUM_PANEL_ROW + sizeof(struct step_row) + sizeof(uint32_t);
    return max_rows * per_row + max_logits * ((uint64_t)shape->n_vocab * 4 + sizeof(uint32_t));
}

sil_err step_open(struct mem mem, const struct model *m, enum sil_kv kv, struct pool *pool, uint32_t max_rows,
                  uint32_t max_logits, struct model_step *s, struct sil_error *e) {
    assert(max_rows > 0 && max_logits > 0);
    *s = (struct model_step){.k = &m->k, .pool = pool, .kv = kv, .max_rows = max_rows, .max_logits = max_logits};
    arena_init(&s->arena, mem, SIZE_MAX);
    if (allocate(m, s)) return SIL_OK;
    step_close(s);
    return err_set(e, SIL_NOMEM,
                   "not enough memory for steps of %u tokens (%llu MiB); use a smaller batch, or free some", max_rows,
                   (unsigned long long)(step_bytes(&m->shape, max_rows, max_logits) >> 20));
}

void step_close(struct model_step *s) {
    arena_free(&s->arena);
    *s = (struct model_step){0};
}

void step_run(const struct model *m, struct model_step *s) {
    assert(s->n_rows > 0 && s->n_rows <= s->max_rows && s->n_logits <= s->max_logits);
    bool mode = pool_fp_mode();
    assert(mode);
    (void)mode;
    for (uint32_t i = 0; i < s->n_rows; i++) {
        assert(s->rows[i].token < m->shape.n_vocab);
        s->rows[i].failed = false;
    }
    s->stopped = false;
    m->family->forward(m, s);
}

bool step_stopped(struct model_step *s) {
    if (!s->stopped && s->stop) s->stopped = s->stop(s->stop_ctx);
    return s->stopped;
}
