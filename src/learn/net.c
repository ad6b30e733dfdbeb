/* What is spread over the pool goes in blocks of rows, or of columns where rows are summed; matrix products spread
 * themselves. Every sum has one order, whatever the blocks: docs/arithmetic.md, section 12. */
#include "learn/net.h"

#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/err.h"
#include "learn/attn.h"
#include "learn/keep.h"
#include "num/rope.h"

enum { ROWS = 64, COLUMNS = 64 /* of a task */ };

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

size_t net_packed(const struct learn_shape *s, uint32_t n_max) {
    size_t d = s->width, q = (size_t)s->heads * s->head_dim, terms = most(n_max, LEARN_SEGMENT), n = 0;
    const size_t width[] = {d, q, shape_qkv(s), 2 * (size_t)s->ffn, s->ffn, s->vocab};
    for (size_t i = 0; i < sizeof width / sizeof *width; i++) {
        n = most(n, gemm_packed(d, width[i]));
        n = most(n, gemm_packed(width[i], d));
    }
    return most(n, most(gemm_packed(terms, most(d, q)), gemm_packed(terms, s->ffn)));
}

/* ---- memory: the same walk counts and places ---- */

struct place {
    float *base;
    size_t at;
};

static float *take(struct place *m, size_t n) {
    float *p = m->base ? m->base + m->at : NULL;
    m->at += (n + 31) / 16 * 16; /* some room behind each */
    return p;
}

static void place_layer(struct net_layer *l, const struct learn_shape *s, size_t t, struct place *m) {
    size_t d = s->width, q = (size_t)s->heads * s->head_dim, normed = (size_t)s->heads + s->kv_heads;
    bool qk = s->family == LEARN_QWEN3;
    l->x = take(m, t * d);
    l->xn1 = take(m, t * d);
    l->r1 = take(m, t);
    l->raw = qk ? take(m, t * normed * s->head_dim) : NULL;
    l->raw_r = qk ? take(m, t * normed) : NULL;
    l->qkv = take(m, t * shape_qkv(s));
    l->att = take(m, t * q);
    l->mid = take(m, t * d);
    l->xn2 = take(m, t * d);
    l->r2 = take(m, t);
    l->gate_up = take(m, t * 2 * s->ffn);
    l->h = take(m, t * s->ffn);
}

static uint16_t *take_half(struct place *m, size_t n) {
    return (uint16_t *)take(m, (n + 1) / 2);
}

/* One layer's arrays serve all; but the stream goes from one layer to the next, between two. */
static void place_kept(struct net *n, const struct learn_shape *s, struct place *m) {
    size_t t = n->n_max, d = s->width;
    struct net_layer work;
    place_layer(&work, s, t, m);
    float *x[2] = {work.x, take(m, t * d)};
    for (uint32_t i = 0; i < s->layers; i++) {
        struct net_kept k = {.x = take_half(m, t * d),
                             .qkv = take_half(m, t * shape_qkv(s)),
                             .att = take_half(m, t * s->heads * s->head_dim),
                             .mid = take_half(m, t * d),
                             .gate_up = take_half(m, t * 2 * s->ffn)};
        if (!n->kept) continue;
        n->kept[i] = k;
        n->layers[i] = work;
        n->layers[i].x = x[i % 2];
    }
}

static void place_all(struct net *n, const struct learn_shape *s, struct place *m, uint32_t threads) {
    size_t t = n->n_max, d = s->width, q = (size_t)s->heads * s->head_dim, qkv = shape_qkv(s);
    size_t angles = (size_t)s->ctx * (s->head_dim / 2);
    if (n->storage == NET_BF16) place_kept(n, s, m);
    for (uint32_t i = 0; n->storage == NET_F32 && i < s->layers; i++) {
        struct net_layer none;
        place_layer(n->layers ? &n->layers[i] : &none, s, t, m);
    }
    n->x_end = take(m, t * d);
    n->xn_end = take(m, t * d);
    n->r_end = take(m, t);
    n->cosine = take(m, angles);
    n->sine = take(m, angles);
    n->minus_sine = take(m, angles);
    n->dx = take(m, t * d);
    n->dxn = take(m, t * d);
    n->dqkv = take(m, t * qkv);
    n->datt = take(m, t * q);
    n->dgu = take(m, t * 2 * s->ffn);
    n->dh = take(m, t * s->ffn);
    n->loss_x = take(m, LEARN_SEGMENT * d);
    n->loss_dx = take(m, LEARN_SEGMENT * d);
    n->logits = take(m, (size_t)LEARN_SEGMENT * s->vocab);
    n->losses = take(m, t);
    n->scratch_size = attn_scratch(s, s->ctx);
    n->scratch = take(m, n->scratch_size * threads);
}

size_t net_bytes(const struct learn_shape *s, uint32_t n_max, uint32_t n_threads, enum net_storage storage) {
    struct net n = {.n_max = n_max, .storage = storage};
    struct place m = {0};
    place_all(&n, s, &m, n_threads);
    return m.at * sizeof(float);
}

static sil_err rope_tables(struct net *n, struct sil_error *e) {
    const struct learn_shape *s = &n->p->shape;
    struct num_rope r = {.n_rot = s->head_dim,
                         .base = (double)(float)s->rope_base, /* as files hold it */
                         .factor = 1.0,
                         .attn_factor = 1.0};
    uint32_t half = s->head_dim / 2;
    double *freq = mem_array(n->mem, half, sizeof *freq), magnitude;
    if (!freq) return err_nomem(e, "rotary angles", half * sizeof *freq);
    num_rope_freqs(&r, freq, &magnitude);
    for (uint32_t p = 0; p < s->ctx; p++)
        num_rope_angles(freq, half, magnitude, p, n->cosine + (size_t)p * half, n->sine + (size_t)p * half);
    for (size_t i = 0; i < (size_t)s->ctx * half; i++) n->minus_sine[i] = -n->sine[i];
    mem_free(n->mem, freq);
    return SIL_OK;
}

sil_err net_open(struct mem mem, const struct params *p, struct gemm_env *env, uint32_t cpu_mask, uint32_t n_max,
                 enum net_storage storage, struct net *out, struct sil_error *e) {
    const struct learn_shape *s = &p->shape;
    struct net n = {.mem = mem, .p = p, .env = env, .n_max = n_max, .storage = storage};
    struct place m = {0};
    size_t bytes = net_bytes(s, n_max, pool_threads(env->pool), storage);
    n.layers = mem_array(mem, s->layers, sizeof *n.layers);
    if (storage == NET_BF16) n.kept = mem_array(mem, s->layers, sizeof *n.kept);
    n.loss_rows = mem_array(mem, n_max, sizeof *n.loss_rows);
    n.memory = m.base = mem_array(mem, bytes, 1);
    sil_err err = SIL_OK;
    if (!n.layers || (storage == NET_BF16 && !n.kept) || !n.loss_rows || !n.memory)
        err = err_nomem(e, "activations (fewer tokens in a batch take less)", bytes);
    if (err == SIL_OK) {
        place_all(&n, s, &m, pool_threads(env->pool));
        num_kernels_init(&n.num, cpu_mask);
        err = rope_tables(&n, e);
    }
    if (err != SIL_OK) net_close(&n);
    else *out = n;
    return err;
}

void net_close(struct net *n) {
    mem_free(n->mem, n->layers);
    mem_free(n->mem, n->kept);
    mem_free(n->mem, n->loss_rows);
    mem_free(n->mem, n->memory);
    *n = (struct net){0};
}

/* ---- row tasks ---- */

/* What the tasks of one step of a pass read. */
struct job {
    struct net *n;
    const struct batch *b;
    const float *w;
    float *g; /* NULL: forward only */
    const struct net_layer *l;
    const struct layer_params *lp;
    const struct net_kept *kept; /* NULL: the layers' own arrays are */
    /* of norms and their gradients */
    const float *x, *gain, *dy, *add;
    float *y, *r, *dx, *out;
    uint32_t width;
};

static void rows_of(uint32_t task, uint32_t n, uint32_t *from, uint32_t *to) {
    *from = task * ROWS;
    *to = least(*from + ROWS, n);
}

static void run_rows(struct job *j, pool_fn fn) {
    pool_run(j->n->env->pool, (j->b->n + ROWS - 1) / ROWS, fn, j);
}

static const float *weight(const struct job *j, uint32_t param) {
    return j->w + j->n->p->list[param].at;
}

static float *gradient(const struct job *j, uint32_t param) {
    return j->g + j->n->p->list[param].at;
}

static void embed_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from, to, d = j->n->p->shape.width;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    for (uint32_t i = from; i < to; i++)
        memcpy(j->y + (size_t)i * d, weight(j, j->n->p->embed) + (size_t)j->b->ids[i] * d, d * sizeof(float));
}

static void norm_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from, to;
    size_t d = j->width;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    for (uint32_t i = from; i < to; i++)
        j->r[i] = j->n->env->k.norm(j->x + i * d, j->gain, j->width, j->n->p->shape.eps, j->y + i * d);
}

static void norm_back_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from, to;
    size_t d = j->width;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    for (uint32_t i = from; i < to; i++)
        j->n->env->k.norm_back(j->x + i * d, j->gain, j->r[i], j->dy + i * d, j->width, j->add ? j->add + i * d : NULL,
                               j->dx + i * d);
}

/* Columns in blocks, all rows of each in ascending order. */
static void gain_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from = task * COLUMNS, n = least(COLUMNS, j->width - from);
    (void)worker;
    j->n->env->k.norm_weight(j->dy + from, j->width, j->x + from, j->width, j->r, j->b->n, 1, n, j->out + from);
}

static void bias_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from = task * COLUMNS, n = least(COLUMNS, j->width - from);
    (void)worker;
    j->n->env->k.column_sum(j->dy + from, j->width, j->b->n, n, j->out + from);
}

static void run_columns(struct job *j, pool_fn fn) {
    pool_run(j->n->env->pool, (j->width + COLUMNS - 1) / COLUMNS, fn, j);
}

static uint32_t position_of(const struct batch *b, uint32_t i, uint32_t *doc) {
    while (b->doc_at[*doc + 1] <= i) (*doc)++;
    return i - b->doc_at[*doc];
}

/* The document that row i lies in: found once for a task. */
static uint32_t document_of(const struct batch *b, uint32_t i) {
    uint32_t low = 0, high = b->n_docs;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (b->doc_at[mid] <= i) low = mid;
        else high = mid;
    }
    return low;
}

static void rotate(const struct net *n, float *head, const float *cosine, const float *sine) {
    uint32_t dim = n->p->shape.head_dim;
    (n->p->shape.family == LEARN_QWEN3 ? n->num.rope_halves : n->num.rope_pairs)(head, cosine, sine, dim);
}

/* 1/rms of a head of q or k: [n][heads] of q, and behind them [n][kv_heads] of k. */
static float *raw_r_at(const struct job *j, uint32_t row, uint32_t head) {
    const struct learn_shape *s = &j->n->p->shape;
    if (head < s->heads) return j->l->raw_r + (size_t)row * s->heads + head;
    return j->l->raw_r + (size_t)j->n->n_max * s->heads + (size_t)row * s->kv_heads + head - s->heads;
}

/* Bias, QK-norm and rotation of a row of qkv. */
static void heads_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    const struct learn_shape *s = &j->n->p->shape;
    uint32_t from, to, dim = s->head_dim, normed = s->heads + s->kv_heads, half = dim / 2;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    uint32_t doc = document_of(j->b, from);
    for (uint32_t i = from; i < to; i++) {
        float *row = j->l->qkv + (size_t)i * shape_qkv(s);
        uint32_t pos = position_of(j->b, i, &doc);
        if (s->bias) j->n->env->k.add(row, weight(j, j->lp->qkv_bias), shape_qkv(s));
        for (uint32_t h = 0; h < normed; h++) {
            float *head = row + (size_t)h * dim;
            if (s->family == LEARN_QWEN3) {
                float *raw = j->l->raw + ((size_t)i * normed + h) * dim;
                memcpy(raw, head, dim * sizeof *raw);
                const float *gain = weight(j, h < s->heads ? j->lp->q_norm : j->lp->k_norm);
                *raw_r_at(j, i, h) = j->n->env->k.norm(raw, gain, dim, s->eps, head);
            }
            rotate(j->n, head, j->n->cosine + (size_t)pos * half, j->n->sine + (size_t)pos * half);
        }
    }
}

/* Gradients of q and k back through the rotation: the rotation by the opposite angle. */
static void unrotate_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    const struct learn_shape *s = &j->n->p->shape;
    uint32_t from, to, dim = s->head_dim, normed = s->heads + s->kv_heads, half = dim / 2;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    uint32_t doc = document_of(j->b, from);
    for (uint32_t i = from; i < to; i++) {
        float *row = j->n->dqkv + (size_t)i * shape_qkv(s);
        uint32_t pos = position_of(j->b, i, &doc);
        for (uint32_t h = 0; h < normed; h++)
            rotate(j->n, row + (size_t)h * dim, j->n->cosine + (size_t)pos * half,
                   j->n->minus_sine + (size_t)pos * half);
    }
}

static void head_norm_back_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    const struct learn_shape *s = &j->n->p->shape;
    uint32_t from, to, dim = s->head_dim, normed = s->heads + s->kv_heads;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    for (uint32_t i = from; i < to; i++) {
        for (uint32_t h = 0; h < normed; h++) {
            float *dy = j->n->dqkv + (size_t)i * shape_qkv(s) + (size_t)h * dim;
            const float *gain = weight(j, h < s->heads ? j->lp->q_norm : j->lp->k_norm);
            j->n->env->k.norm_back(j->l->raw + ((size_t)i * normed + h) * dim, gain, *raw_r_at(j, i, h), dy, dim, NULL,
                                   dy);
        }
    }
}

static void swiglu_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from, to, f = j->n->p->shape.ffn;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    for (uint32_t i = from; i < to; i++) {
        const float *gate = j->l->gate_up + (size_t)i * 2 * f;
        j->n->env->k.swiglu(gate, gate + f, f, j->l->h + (size_t)i * f);
    }
}

static void swiglu_back_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t from, to, f = j->n->p->shape.ffn;
    (void)worker;
    rows_of(task, j->b->n, &from, &to);
    for (uint32_t i = from; i < to; i++) {
        const float *gate = j->l->gate_up + (size_t)i * 2 * f;
        float *d = j->n->dgu + (size_t)i * 2 * f;
        j->n->env->k.swiglu_back(gate, gate + f, j->n->dh + (size_t)i * f, f, d, d + f);
    }
}

/* Adds each row of dx to its token's row of the gradient; a task has some columns of all rows. */
static void embed_back_task(void *arg, uint32_t task, uint32_t worker) {
    const struct job *j = arg;
    uint32_t d = j->width, from = task * COLUMNS, n = least(COLUMNS, d - from);
    (void)worker;
    for (uint32_t i = 0; i < j->b->n; i++)
        j->n->env->k.add(j->out + (size_t)j->b->ids[i] * d + from, j->dy + (size_t)i * d + from, n);
}

/* ---- products ---- */

/* y (+)= x W' for all rows of the batch. */
static void linear(const struct job *j, uint32_t param, const float *x, float *y, bool add) {
    const struct param *p = &j->n->p->list[param];
    struct gemm g = {.a = x,
                     .lda = p->cols,
                     .b = j->w + p->at,
                     .ldb = p->cols,
                     .b_rows = true,
                     .c = y,
                     .ldc = p->rows,
                     .m = j->b->n,
                     .n = p->rows,
                     .k = p->cols,
                     .add = add};
    gemm_run(j->n->env, &g);
}

/* dx = dy W, and the gradient of W += dy' x, for m rows. */
static void linear_back(const struct job *j, uint32_t param, const float *dy, const float *x, float *dx, uint32_t m) {
    const struct param *p = &j->n->p->list[param];
    struct gemm to_x = {.a = dy,
                        .lda = p->rows,
                        .b = j->w + p->at,
                        .ldb = p->cols,
                        .c = dx,
                        .ldc = p->cols,
                        .m = m,
                        .n = p->cols,
                        .k = p->rows};
    gemm_run(j->n->env, &to_x);
    struct gemm to_w = {.a = dy,
                        .lda = p->rows,
                        .a_cols = true,
                        .b = x,
                        .ldb = p->cols,
                        .c = j->g + p->at,
                        .ldc = p->cols,
                        .m = p->rows,
                        .n = p->cols,
                        .k = m,
                        .add = true};
    gemm_run(j->n->env, &to_w);
}

/* ---- the pass ---- */

static void norm_rows(struct job *j, uint32_t param, const float *x, float *y, float *r) {
    j->x = x;
    j->gain = weight(j, param);
    j->y = y;
    j->r = r;
    j->width = j->n->p->shape.width;
    run_rows(j, norm_task);
}

/* dx = add + gradient through a norm whose output has the gradient dy. */
static void norm_rows_back(struct job *j, uint32_t param, const float *x, float *r, const float *dy, const float *add,
                           float *dx) {
    j->x = x;
    j->gain = weight(j, param);
    j->r = r;
    j->dy = dy;
    j->add = add;
    j->dx = dx;
    j->out = gradient(j, param);
    j->width = j->n->p->shape.width;
    run_columns(j, gain_task); /* before dx, which may be dy */
    run_rows(j, norm_back_task);
}

static void keep(const struct job *j, const float *x, size_t width, uint16_t *out) {
    keep_store(j->n->env->pool, x, j->b->n * width, out);
}

static void keep_layer(const struct job *j, const struct net_layer *l) {
    const struct learn_shape *s = &j->n->p->shape;
    keep(j, l->x, s->width, j->kept->x);
    keep(j, l->att, (size_t)s->heads * s->head_dim, j->kept->att);
    keep(j, l->mid, s->width, j->kept->mid);
    keep(j, l->gate_up, 2 * (size_t)s->ffn, j->kept->gate_up);
}

static void layer_forward(struct job *j, const struct net_layer *l, const struct layer_params *lp, float *x_out) {
    size_t stream = (size_t)j->b->n * j->n->p->shape.width * sizeof(float);
    j->l = l;
    j->lp = lp;
    norm_rows(j, lp->attn_norm, l->x, l->xn1, l->r1);
    linear(j, lp->qkv, l->xn1, l->qkv, false);
    if (j->kept) keep(j, l->qkv, shape_qkv(&j->n->p->shape), j->kept->qkv);
    run_rows(j, heads_task);
    attn_forward(j->n, j->b, l->qkv, l->att);
    memcpy(l->mid, l->x, stream);
    linear(j, lp->o, l->att, l->mid, true);
    norm_rows(j, lp->ffn_norm, l->mid, l->xn2, l->r2);
    linear(j, lp->gate_up, l->xn2, l->gate_up, false);
    run_rows(j, swiglu_task);
    memcpy(x_out, l->mid, stream);
    linear(j, lp->down, l->h, x_out, true);
    if (j->kept) keep_layer(j, l);
}

/* What layer_forward computed, from what was kept of it. */
static void layer_again(struct job *j, const struct net_layer *l, const struct layer_params *lp,
                        const struct net_kept *k) {
    const struct learn_shape *s = &j->n->p->shape;
    struct pool *pool = j->n->env->pool;
    size_t rows = j->b->n;
    j->l = l;
    j->lp = lp;
    keep_load(pool, k->x, rows * s->width, l->x);
    keep_load(pool, k->qkv, rows * shape_qkv(s), l->qkv);
    keep_load(pool, k->att, rows * s->heads * s->head_dim, l->att);
    keep_load(pool, k->mid, rows * s->width, l->mid);
    keep_load(pool, k->gate_up, rows * 2 * s->ffn, l->gate_up);
    norm_rows(j, lp->attn_norm, l->x, l->xn1, l->r1);
    run_rows(j, heads_task);
    norm_rows(j, lp->ffn_norm, l->mid, l->xn2, l->r2);
    run_rows(j, swiglu_task);
}

static void heads_back(struct job *j) {
    const struct learn_shape *s = &j->n->p->shape;
    const struct learn_kernels *k = &j->n->env->k;
    run_rows(j, unrotate_task);
    if (s->family == LEARN_QWEN3) {
        /* The norms' weights are few: one thread. */
        size_t ld = shape_qkv(s), ldx = ((size_t)s->heads + s->kv_heads) * s->head_dim,
               q = (size_t)s->heads * s->head_dim;
        k->norm_weight(j->n->dqkv, ld, j->l->raw, ldx, j->l->raw_r, j->b->n * s->heads, s->heads, s->head_dim,
                       gradient(j, j->lp->q_norm));
        k->norm_weight(j->n->dqkv + q, ld, j->l->raw + q, ldx, raw_r_at(j, 0, s->heads), j->b->n * s->kv_heads,
                       s->kv_heads, s->head_dim, gradient(j, j->lp->k_norm));
        run_rows(j, head_norm_back_task);
    }
    if (s->bias) {
        j->dy = j->n->dqkv;
        j->width = shape_qkv(s);
        j->out = gradient(j, j->lp->qkv_bias);
        run_columns(j, bias_task);
    }
}

static void layer_backward(struct job *j, const struct net_layer *l, const struct layer_params *lp) {
    struct net *n = j->n;
    uint32_t rows = j->b->n;
    j->l = l;
    j->lp = lp;
    linear_back(j, lp->down, n->dx, l->h, n->dh, rows);
    run_rows(j, swiglu_back_task);
    linear_back(j, lp->gate_up, n->dgu, l->xn2, n->dxn, rows);
    norm_rows_back(j, lp->ffn_norm, l->mid, l->r2, n->dxn, n->dx, n->dx);
    linear_back(j, lp->o, n->dx, l->att, n->datt, rows);
    attn_backward(n, j->b, l->qkv, n->datt, n->dqkv);
    heads_back(j);
    linear_back(j, lp->qkv, n->dqkv, l->xn1, n->dxn, rows);
    norm_rows_back(j, lp->attn_norm, l->x, l->r1, n->dxn, n->dx, n->dx);
}

/* ---- the loss ---- */

struct loss_job {
    struct net *n;
    const struct batch *b;
    const uint32_t *rows;
    uint32_t count;
    float scale; /* 0: no gradient */
    float *losses;
};

static void loss_task(void *arg, uint32_t task, uint32_t worker) {
    const struct loss_job *j = arg;
    uint32_t i = task, row = j->rows[i], v = j->n->p->shape.vocab;
    (void)worker;
    float weight_of = j->b->weights[row] * j->scale;
    j->losses[row] = j->n->env->k.cross_entropy(j->n->logits + (size_t)i * v, v, j->b->targets[row], weight_of);
}

/* Rows with a loss, LEARN_SEGMENT at a time: logits, losses, and their gradients down to the last norm's output. */
static void loss_rows(struct job *j, const uint32_t *rows, uint32_t count, float scale) {
    struct net *n = j->n;
    const struct param *p = &n->p->list[n->p->output];
    size_t d = p->cols;
    for (uint32_t i = 0; i < count; i++) memcpy(n->loss_x + i * d, n->xn_end + rows[i] * d, d * sizeof(float));
    struct gemm g = {.a = n->loss_x,
                     .lda = d,
                     .b = j->w + p->at,
                     .ldb = d,
                     .b_rows = true,
                     .c = n->logits,
                     .ldc = p->rows,
                     .m = count,
                     .n = p->rows,
                     .k = p->cols};
    gemm_run(n->env, &g);
    struct loss_job l = {n, j->b, rows, count, j->g ? scale : 0.0f, n->losses};
    pool_run(n->env->pool, count, loss_task, &l);
    if (!j->g) return;
    linear_back(j, n->p->output, n->logits, n->loss_x, n->loss_dx, count);
    for (uint32_t i = 0; i < count; i++) memcpy(n->dxn + rows[i] * d, n->loss_dx + i * d, d * sizeof(float));
}

static double loss(struct job *j, float scale) {
    struct net *n = j->n;
    uint32_t count = 0;
    double sum = 0;
    for (uint32_t i = 0; i < j->b->n; i++)
        if (j->b->weights[i] != 0.0f) n->loss_rows[count++] = i;
    if (j->g) memset(n->dxn, 0, (size_t)j->b->n * n->p->shape.width * sizeof(float));
    for (uint32_t at = 0; at < count; at += LEARN_SEGMENT)
        loss_rows(j, n->loss_rows + at, least(LEARN_SEGMENT, count - at), scale);
    for (uint32_t i = 0; i < count; i++)
        sum += (double)j->b->weights[n->loss_rows[i]] * (double)n->losses[n->loss_rows[i]];
    return sum;
}

static void forward(struct job *j) {
    struct net *n = j->n;
    const struct params *p = n->p;
    j->y = n->layers[0].x;
    run_rows(j, embed_task);
    for (uint32_t i = 0; i < p->shape.layers; i++) {
        j->kept = n->kept && j->g ? &n->kept[i] : NULL;
        layer_forward(j, &n->layers[i], &p->layers[i], i + 1 < p->shape.layers ? n->layers[i + 1].x : n->x_end);
    }
    norm_rows(j, p->out_norm, n->x_end, n->xn_end, n->r_end);
}

static void check(const struct net *n, const struct batch *b) {
    assert(b->n >= 1 && b->n <= n->n_max && b->n_docs >= 1 && b->doc_at[b->n_docs] == b->n);
    for (uint32_t d = 0; d < b->n_docs; d++)
        assert(b->doc_at[d] < b->doc_at[d + 1] && b->doc_at[d + 1] - b->doc_at[d] <= n->p->shape.ctx);
    for (uint32_t i = 0; i < b->n; i++) assert(b->ids[i] < n->p->shape.vocab && b->targets[i] < n->p->shape.vocab);
    (void)n;
    (void)b;
}

double net_pass(struct net *n, const float *w, const struct batch *b, float scale, float *g) {
    struct job j = {.n = n, .b = b, .w = w, .g = g};
    const struct params *p = n->p;
    check(n, b);
    forward(&j);
    double sum = loss(&j, scale);
    if (!g) return sum;
    norm_rows_back(&j, p->out_norm, n->x_end, n->r_end, n->dxn, NULL, n->dx);
    for (uint32_t i = p->shape.layers; i-- > 0;) {
        if (n->kept) layer_again(&j, &n->layers[i], &p->layers[i], &n->kept[i]);
        layer_backward(&j, &n->layers[i], &p->layers[i]);
    }
    j.dy = n->dx;
    j.width = p->shape.width;
    j.out = gradient(&j, p->embed);
    run_columns(&j, embed_back_task);
    return sum;
}

void net_logits(struct net *n, const float *w, const struct batch *b, float *out) {
    struct job j = {.n = n, .b = b, .w = w};
    const struct param *p = &n->p->list[n->p->output];
    check(n, b);
    forward(&j);
    struct gemm g = {.a = n->xn_end + (size_t)(b->n - 1) * p->cols,
                     .lda = p->cols,
                     .b = w + p->at,
                     .ldb = p->cols,
                     .b_rows = true,
                     .c = out,
                     .ldc = p->rows,
                     .m = 1,
                     .n = p->rows,
                     .k = p->cols};
    gemm_run(n->env, &g);
}
