/* Panels of B are packed once for all threads, in segments: [segment][panel of nr columns][k][nr]. A block of rows of A
 * is packed by the task that computes it: [panel of mr rows][k][mr]. Products with terms left out give the same bits as
 * with terms of +0: no chain and no sum here is ever -0 and added to. */
#include "learn/gemm.h"

#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/err.h"

enum { ROWS_PANELS = 8 /* panels of rows in a task, at most */, SLACK = 16 };

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

size_t gemm_packed(size_t k, size_t n) {
    return k * round_up(n, LEARN_NR_MAX) + SLACK;
}

size_t gemm_block(size_t m) {
    return (m + LEARN_MR_MAX) * LEARN_SEGMENT + SLACK;
}

sil_err gemm_open(struct gemm_env *env, struct mem mem, struct pool *pool, uint32_t cpu_mask, size_t packed,
                  struct sil_error *e) {
    *env = (struct gemm_env){.pool = pool, .mem = mem};
    learn_kernels_init(&env->k, cpu_mask);
    env->packed_max = packed;
    env->rows_max = gemm_block((size_t)ROWS_PANELS * env->k.mr);
    env->packed = mem_array(mem, packed, sizeof(float));
    env->rows = mem_array(mem, env->rows_max * pool_threads(pool), sizeof(float));
    if (env->packed && env->rows) return SIL_OK;
    gemm_close(env);
    return err_nomem(e, "buffers for matrix products", packed * sizeof(float));
}

void gemm_close(struct gemm_env *env) {
    mem_free(env->mem, env->packed);
    mem_free(env->mem, env->rows);
    env->packed = env->rows = NULL;
}

/* Short copies of a length that the compiler knows are a few moves. */
static inline __attribute__((always_inline)) void copy_width(const float *src, size_t ld, uint32_t n, float *dst,
                                                             uint32_t width) {
    for (uint32_t k = 0; k < n; k++, dst += width, src += ld) memcpy(dst, src, width * sizeof *dst);
}

/* dst[k*width + i] = src[k*ld + i], +0 from `rows` on. */
static void copy_columns(const float *src, size_t ld, uint32_t rows, uint32_t n, uint32_t width, float *dst) {
    if (rows == width) {
        switch (width) {
        case 6: copy_width(src, ld, n, dst, 6); return;
        case 8: copy_width(src, ld, n, dst, 8); return;
        case 14: copy_width(src, ld, n, dst, 14); return;
        case 16: copy_width(src, ld, n, dst, 16); return;
        case 32: copy_width(src, ld, n, dst, 32); return;
        default: break;
        }
    }
    for (uint32_t k = 0; k < n; k++, dst += width, src += ld) {
        memcpy(dst, src, rows * sizeof *dst);
        for (uint32_t i = rows; i < width; i++) dst[i] = 0.0f;
    }
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Columns j .. j+nr-1 of B, all segments. */
static void pack_panel(const struct learn_kernels *k, const struct gemm *g, uint32_t panel, float *packed) {
    uint32_t nr = k->nr, j = panel * nr, cols = least(nr, g->n - j);
    size_t padded = round_up(g->n, nr);
    for (uint32_t k0 = 0; k0 < g->k; k0 += LEARN_SEGMENT) {
        uint32_t len = least(LEARN_SEGMENT, g->k - k0);
        float *dst = packed + k0 * padded + (size_t)panel * nr * len;
        if (g->b_rows) k->pack(g->b + j * g->ldb + k0, g->ldb, cols, len, nr, dst);
        else copy_columns(g->b + k0 * g->ldb + j, g->ldb, cols, len, nr, dst);
    }
}

void gemm_pack(const struct learn_kernels *k, const struct gemm *g, float *packed) {
    uint32_t panels = (g->n + k->nr - 1) / k->nr;
    for (uint32_t p = 0; p < panels; p++) pack_panel(k, g, p, packed);
}

static void pack_rows(const struct learn_kernels *k, const struct gemm *g, uint32_t m0, uint32_t m1, uint32_t k0,
                      uint32_t len, float *block) {
    for (uint32_t i = m0; i < m1; i += k->mr, block += (size_t)len * k->mr) {
        uint32_t rows = least(k->mr, m1 - i);
        if (g->a_cols) copy_columns(g->a + k0 * g->lda + i, g->lda, rows, len, k->mr, block);
        else k->pack(g->a + i * g->lda + k0, g->lda, rows, len, k->mr, block);
    }
}

void gemm_rows(const struct learn_kernels *k, const struct gemm *g, uint32_t m0, uint32_t m1, uint32_t k0, uint32_t k1,
               const float *packed, float *block) {
    size_t padded = round_up(g->n, k->nr);
    bool fresh = !g->add;
    assert(k0 < k1 && k1 <= g->k);
    for (uint32_t s = k0 / LEARN_SEGMENT * LEARN_SEGMENT; s < k1; s += LEARN_SEGMENT) {
        uint32_t whole = least(LEARN_SEGMENT, g->k - s), from = k0 > s ? k0 - s : 0, len = least(whole, k1 - s) - from;
        pack_rows(k, g, m0, m1, s + from, len, block);
        for (uint32_t j = 0; j < g->n; j += k->nr) {
            const float *b = packed + s * padded + (size_t)j * whole + (size_t)from * k->nr, *a = block;
            uint32_t cols = least(k->nr, g->n - j);
            for (uint32_t i = m0; i < m1; i += k->mr, a += (size_t)len * k->mr)
                k->tile(least(k->mr, m1 - i), cols, len, a, b, g->c + i * g->ldc + j, g->ldc, fresh);
        }
        fresh = false;
    }
}

struct run {
    struct gemm_env *env;
    const struct gemm *g;
    uint32_t rows; /* of a task */
    uint32_t panels;
};

enum { PACK_PANELS = 4 };

static void pack_task(void *arg, uint32_t task, uint32_t worker) {
    struct run *r = arg;
    uint32_t end = least((task + 1) * PACK_PANELS, r->panels);
    (void)worker;
    for (uint32_t p = task * PACK_PANELS; p < end; p++) pack_panel(&r->env->k, r->g, p, r->env->packed);
}

static void rows_task(void *arg, uint32_t task, uint32_t worker) {
    struct run *r = arg;
    uint32_t m0 = task * r->rows, m1 = least(m0 + r->rows, r->g->m);
    gemm_rows(&r->env->k, r->g, m0, m1, 0, r->g->k, r->env->packed, r->env->rows + worker * r->env->rows_max);
}

void gemm_run(struct gemm_env *env, const struct gemm *g) {
    struct run r = {.env = env, .g = g, .panels = (g->n + env->k.nr - 1) / env->k.nr};
    assert(g->m && g->n && g->k && gemm_packed(g->k, g->n) <= env->packed_max);
    pool_run(env->pool, (r.panels + PACK_PANELS - 1) / PACK_PANELS, pack_task, &r);
    /* A few tasks for each thread, so that none waits long; how the rows are cut changes no bit. */
    uint32_t share = (g->m + env->k.mr - 1) / env->k.mr / (4 * pool_threads(env->pool));
    r.rows = env->k.mr * (share < 1 ? 1 : least(share, ROWS_PANELS));
    pool_run(env->pool, (g->m + r.rows - 1) / r.rows, rows_task, &r);
}
