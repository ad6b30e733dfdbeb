/* A task is one document and one key head. Rows of queries go in blocks; scores beyond the diagonal are +0 after the
 * softmax and are left out of products as far as blocks allow, which changes no bit (gemm.c). */
#include "learn/attn.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { ROWS = 128 /* queries of a block; divides LEARN_SEGMENT */ };

struct task {
    const struct net *net;
    const struct batch *b;
    const float *qkv, *datt;
    float *att, *dqkv;
};

/* A worker's buffers. */
struct work {
    float *packed_kt, *packed_vt, *packed_k, *packed_v, *packed_do, *packed_q; /* operands of products */
    float *p, *dp;                                                             /* [LEARN_SEGMENT][document] */
    float *block;
};

/* One query head of one document. */
struct head {
    const struct learn_kernels *k;
    uint32_t len, dim;
    size_t ld, ld_att; /* of qkv and of att */
    float scale;
    const float *q, *key, *value, *d_out;
    float *out, *dq, *dkey, *dvalue;
};

size_t attn_scratch(const struct learn_shape *s, uint32_t ctx) {
    return 2 * gemm_packed(s->head_dim, ctx) + 4 * gemm_packed(ctx, s->head_dim) + 2 * (size_t)LEARN_SEGMENT * ctx +
           gemm_block(ROWS);
}

static struct work work_of(const struct net *n, uint32_t worker) {
    const struct learn_shape *s = &n->p->shape;
    size_t across = gemm_packed(s->head_dim, s->ctx), along = gemm_packed(s->ctx, s->head_dim);
    struct work w = {.packed_kt = n->scratch + worker * n->scratch_size};
    w.packed_vt = w.packed_kt + across;
    w.packed_k = w.packed_vt + across;
    w.packed_v = w.packed_k + along;
    w.packed_do = w.packed_v + along;
    w.packed_q = w.packed_do + along;
    w.p = w.packed_q + along;
    w.dp = w.p + (size_t)LEARN_SEGMENT * s->ctx;
    w.block = w.dp + (size_t)LEARN_SEGMENT * s->ctx;
    return w;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static void head_at(const struct task *t, uint32_t doc, uint32_t kv, uint32_t q_head, struct head *h) {
    const struct learn_shape *s = &t->net->p->shape;
    uint32_t first = t->b->doc_at[doc];
    size_t ld = shape_qkv(s), ld_att = (size_t)s->heads * s->head_dim, row = first * ld;
    size_t q = row + (size_t)q_head * s->head_dim, k = row + ((size_t)s->heads + kv) * s->head_dim;
    size_t v = k + (size_t)s->kv_heads * s->head_dim, o = first * ld_att + (size_t)q_head * s->head_dim;
    *h = (struct head){.k = &t->net->env->k,
                       .len = t->b->doc_at[doc + 1] - first,
                       .dim = s->head_dim,
                       .ld = ld,
                       .ld_att = ld_att,
                       .scale = 1.0f / sqrtf((float)s->head_dim),
                       .q = t->qkv + q,
                       .key = t->qkv + k,
                       .value = t->qkv + v};
    if (t->att) h->out = t->att + o;
    if (!t->dqkv) return;
    h->d_out = t->datt + o;
    h->dq = t->dqkv + q;
    h->dkey = t->dqkv + k;
    h->dvalue = t->dqkv + v;
}

/* Products of rows with all keys or values: [len][dim] as outputs. */
static struct gemm across(const struct head *h, const float *rows, const float *packed_from, uint32_t i1) {
    return (struct gemm){
        .b = packed_from, .ldb = h->ld, .b_rows = true, .a = rows, .n = i1, .k = h->dim, .ldc = h->len};
}

/* Sums over keys or values: [len][dim] as terms. */
static struct gemm along(const struct head *h, const float *b, size_t ldb, uint32_t terms) {
    return (struct gemm){.b = b, .ldb = ldb, .n = h->dim, .k = terms};
}

static void pack_across(const struct head *h, const float *b, float *packed) {
    struct gemm g = across(h, NULL, b, h->len);
    gemm_pack(h->k, &g, packed);
}

static void pack_along(const struct head *h, const float *b, size_t ldb, uint32_t terms, float *packed) {
    struct gemm g = along(h, b, ldb, terms);
    gemm_pack(h->k, &g, packed);
}

/* c[i - i0][j] = rows[i] . packed[j] for j < i1. There is one segment (head_dim <= LEARN_SEGMENT), so that a packed
 * operand of more columns serves. */
static void dot_rows(const struct head *h, const struct work *w, const float *rows, size_t ld, uint32_t i0, uint32_t i1,
                     const float *packed, float *c) {
    struct gemm g = across(h, rows + i0 * ld, NULL, i1);
    g.lda = ld;
    g.m = i1 - i0;
    g.c = c;
    gemm_rows(h->k, &g, 0, g.m, 0, g.k, packed, w->block);
}

static void weights_block(const struct head *h, const struct work *w, uint32_t i0, uint32_t i1, float *p) {
    dot_rows(h, w, h->q, h->ld, i0, i1, w->packed_kt, p);
    for (uint32_t i = i0; i < i1; i++) h->k->softmax(p + (size_t)(i - i0) * h->len, i + 1, i1, h->scale);
}

/* c[i] = sum over j < i1 of p[i - i0][j] * packed[j]. */
static void sum_rows(const struct head *h, const struct work *w, const float *p, uint32_t i0, uint32_t i1,
                     const float *packed, float *c, size_t ldc) {
    struct gemm g = along(h, NULL, 0, h->len);
    g.a = p;
    g.lda = h->len;
    g.m = i1 - i0;
    g.c = c + i0 * ldc;
    g.ldc = ldc;
    gemm_rows(h->k, &g, 0, g.m, 0, i1, packed, w->block);
}

/* c[j] += sum over rows s0 <= i < s1 of p[i - s0][j] * packed[i - s0], for j < s1. */
static void sum_columns(const struct head *h, const struct work *w, const float *p, uint32_t s0, uint32_t s1,
                        const float *packed, float *c) {
    struct gemm g = along(h, NULL, 0, s1 - s0);
    g.a = p;
    g.lda = h->len;
    g.a_cols = true;
    g.m = s1;
    g.c = c;
    g.ldc = h->ld;
    g.add = true;
    for (uint32_t j = 0; j < s1; j += ROWS)
        gemm_rows(h->k, &g, j, least(j + ROWS, s1), j > s0 ? j - s0 : 0, s1 - s0, packed, w->block);
}

static void forward_task(void *arg, uint32_t task, uint32_t worker) {
    const struct task *t = arg;
    const struct learn_shape *s = &t->net->p->shape;
    uint32_t doc = task / s->kv_heads, kv = task % s->kv_heads, group = s->heads / s->kv_heads;
    struct work w = work_of(t->net, worker);
    struct head h;
    head_at(t, doc, kv, kv * group, &h);
    pack_across(&h, h.key, w.packed_kt);
    pack_along(&h, h.value, h.ld, h.len, w.packed_v);
    for (uint32_t q = kv * group; q < (kv + 1) * group; q++) {
        head_at(t, doc, kv, q, &h);
        for (uint32_t i0 = 0; i0 < h.len; i0 += ROWS) {
            uint32_t i1 = least(i0 + ROWS, h.len);
            weights_block(&h, &w, i0, i1, w.p);
            sum_rows(&h, &w, w.p, i0, i1, w.packed_v, h.out, h.ld_att);
        }
    }
}

void attn_forward(const struct net *n, const struct batch *b, const float *qkv, float *att) {
    struct task t = {.net = n, .b = b, .qkv = qkv, .att = att};
    pool_run(n->env->pool, b->n_docs * n->p->shape.kv_heads, forward_task, &t);
}

static void backward_segment(const struct head *h, const struct work *w, uint32_t s0, uint32_t s1) {
    for (uint32_t i0 = s0; i0 < s1; i0 += ROWS) {
        uint32_t i1 = least(i0 + ROWS, s1);
        float *p = w->p + (size_t)(i0 - s0) * h->len, *dp = w->dp + (size_t)(i0 - s0) * h->len;
        weights_block(h, w, i0, i1, p);
        dot_rows(h, w, h->d_out, h->ld_att, i0, i1, w->packed_vt, dp);
        for (uint32_t i = i0; i < i1; i++) {
            size_t row = (size_t)(i - i0) * h->len;
            h->k->softmax_back(p + row, dp + row, i + 1, i1, h->scale);
        }
        sum_rows(h, w, dp, i0, i1, w->packed_k, h->dq, h->ld);
    }
    pack_along(h, h->d_out + s0 * h->ld_att, h->ld_att, s1 - s0, w->packed_do);
    pack_along(h, h->q + s0 * h->ld, h->ld, s1 - s0, w->packed_q);
    sum_columns(h, w, w->p, s0, s1, w->packed_do, h->dvalue);
    sum_columns(h, w, w->dp, s0, s1, w->packed_q, h->dkey);
}

static void backward_task(void *arg, uint32_t task, uint32_t worker) {
    const struct task *t = arg;
    const struct learn_shape *s = &t->net->p->shape;
    uint32_t doc = task / s->kv_heads, kv = task % s->kv_heads, group = s->heads / s->kv_heads;
    struct work w = work_of(t->net, worker);
    struct head h;
    head_at(t, doc, kv, kv * group, &h);
    pack_across(&h, h.key, w.packed_kt);
    pack_across(&h, h.value, w.packed_vt);
    pack_along(&h, h.key, h.ld, h.len, w.packed_k);
    assert(h.dkey && h.dvalue);
    for (uint32_t i = 0; i < h.len; i++) {
        memset(h.dkey + i * h.ld, 0, h.dim * sizeof(float));
        memset(h.dvalue + i * h.ld, 0, h.dim * sizeof(float));
    }
    for (uint32_t q = kv * group; q < (kv + 1) * group; q++) {
        head_at(t, doc, kv, q, &h);
        for (uint32_t s0 = 0; s0 < h.len; s0 += LEARN_SEGMENT)
            backward_segment(&h, &w, s0, least(s0 + LEARN_SEGMENT, h.len));
    }
}

void attn_backward(const struct net *n, const struct batch *b, const float *qkv, const float *datt, float *dqkv) {
    struct task t = {.net = n, .b = b, .qkv = qkv, .datt = datt, .dqkv = dqkv};
    pool_run(n->env->pool, b->n_docs * n->p->shape.kv_heads, backward_task, &t);
}
