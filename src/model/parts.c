#include "model/parts.h"

#include <string.h>

/* Outputs of a linear layer that one task computes: enough work to be worth a hand-over, few enough to share evenly. */
enum { OUTPUTS_PER_TASK = 64 };

/* What a task needs; each part fills what it uses. */
struct job {
    const struct model *m;
    struct model_step *s;
    const float *in, *w;
    float *out;
    float *sum; /* linear: what the outputs are added to, or NULL */
    const struct model_linear *linear;
    uint32_t cols, n_heads, layer;
    const uint32_t *row_of; /* which of the step's rows row r is; NULL: r itself */
    bool flag;              /* prepare: quantise; rope: halves */
    enum num_act_fn act;
};

static void embed_row(void *arg, uint32_t r, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    const struct model *m = j->m;
    struct model_step *s = j->s;
    uint32_t half = m->shape.rope.n_rot / 2;
    s->k->row[m->embed.type](&m->embed, s->rows[r].token, s->x + (size_t)r * m->shape.d_model);
    num_rope_angles(m->freq, half, m->rope_magnitude, s->rows[r].pos, s->cosine + (size_t)r * half,
                    s->sine + (size_t)r * half);
}

void parts_embed(const struct model *m, struct model_step *s) {
    pool_run(s->pool, s->n_rows, embed_row, &(struct job){.m = m, .s = s});
}

static void norm_row(void *arg, uint32_t r, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    size_t at = (size_t)r * j->m->shape.d_model;
    j->s->k->rmsnorm(j->in + at, j->w, j->m->shape.d_model, j->m->shape.norm_eps, j->out + at);
}

void parts_norm(const struct model *m, struct model_step *s, const float *x, const float *w, float *out) {
    pool_run(s->pool, s->n_rows, norm_row, &(struct job){.m = m, .s = s, .in = x, .w = w, .out = out});
}

/* A failed row goes on as zeros, so that no NaN reaches a kernel that others share. */
static void prepare_row(const struct job *j, uint32_t r) {
    struct model_step *s = j->s;
    size_t at = (size_t)r * j->cols, block = (size_t)r * (j->cols / NUM_BLOCK), n_blocks = j->cols / NUM_BLOCK;
    const float *x = j->in + at;
    bool ok = j->flag ? s->k->quantize(x, j->cols, s->act.q + at, s->act.d + block, s->act.asum + block)
                      : s->k->finite(x, j->cols);
    if (ok) return;
    s->rows[j->row_of ? j->row_of[r] : r].failed = true;
    memset(j->out + at, 0, j->cols * sizeof(float));
    if (!j->flag) return;
    memset(s->act.q + at, 0, j->cols);
    memset(s->act.d + block, 0, n_blocks * sizeof(float));
    memset(s->act.asum + block, 0, n_blocks * sizeof(int32_t));
}

/* As many rows as the kernels take together. */
static void prepare_rows(void *arg, uint32_t task, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    const struct num_kernels *k = j->s->k;
    uint32_t step = k->act_rows ? k->act_rows : 1, r0 = task * step, r1 = r0 + step;
    if (r1 > j->s->act.n_rows) r1 = j->s->act.n_rows;
    for (uint32_t r = r0; r < r1; r++) prepare_row(j, r);
    if (j->flag && k->pack_act) k->pack_act(&j->s->act, r0, r1);
}

/* The first n_rows rows of x, which stand for the step's rows row_of (NULL: the same). */
static void prepare(struct model_step *s, float *x, uint32_t n_rows, uint32_t cols, const uint32_t *row_of,
                    bool quant) {
    s->act.n_rows = n_rows;
    s->act.cols = cols;
    s->act.x = x;
    struct job j = {.s = s, .in = x, .out = x, .cols = cols, .row_of = row_of, .flag = quant};
    uint32_t step = s->k->act_rows ? s->k->act_rows : 1;
    pool_run(s->pool, (n_rows - 1) / step + 1, prepare_rows, &j);
}

static void linear_part(void *arg, uint32_t task, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    const struct num_matrix *w = &j->linear->w;
    uint32_t o0 = task * OUTPUTS_PER_TASK, o1 = o0 + OUTPUTS_PER_TASK;
    if (o1 > w->rows) o1 = w->rows;
    j->s->k->linear[w->type](w, &j->s->act, o0, o1, j->out, w->rows);
    for (uint32_t r = 0; r < j->s->act.n_rows && (j->linear->bias || j->sum); r++) {
        size_t at = (size_t)r * w->rows + o0;
        if (j->linear->bias) j->s->k->add(j->out + at, j->linear->bias + o0, o1 - o0);
        if (j->sum) j->s->k->add(j->sum + at, j->out + at, o1 - o0);
    }
}

/* out = the layer's outputs; sum += out unless it is NULL. */
static void linear(struct model_step *s, const struct model_linear *l, float *out, float *sum) {
    uint32_t n_tasks = (l->w.rows + OUTPUTS_PER_TASK - 1) / OUTPUTS_PER_TASK;
    pool_run(s->pool, n_tasks, linear_part, &(struct job){.s = s, .linear = l, .out = out, .sum = sum});
}

static bool is_quant(const struct model_linear *l) {
    return dtype_is_quant(l->w.type);
}

void parts_qkv(const struct model *m, struct model_step *s, const struct model_layer *l) {
    bool quant = is_quant(&l->q) || is_quant(&l->k) || is_quant(&l->v);
    prepare(s, s->xn, s->n_rows, m->shape.d_model, NULL, quant);
    linear(s, &l->q, s->q, NULL);
    linear(s, &l->k, s->k_new, NULL);
    linear(s, &l->v, s->v_new, NULL);
}

void parts_attention_out(const struct model *m, struct model_step *s, const struct model_layer *l) {
    prepare(s, s->att, s->n_rows, m->shape.n_heads * m->shape.head_dim, NULL, is_quant(&l->o));
    linear(s, &l->o, s->xn, s->x);
}

static void gated_row(void *arg, uint32_t r, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    size_t at = (size_t)r * j->m->shape.d_ffn;
    j->s->k->gated(j->act, j->s->gate + at, j->s->up + at, j->m->shape.d_ffn);
}

void parts_mlp(const struct model *m, struct model_step *s, const struct model_layer *l, enum num_act_fn act) {
    prepare(s, s->xn, s->n_rows, m->shape.d_model, NULL, is_quant(&l->gate) || is_quant(&l->up));
    linear(s, &l->gate, s->gate, NULL);
    linear(s, &l->up, s->up, NULL);
    pool_run(s->pool, s->n_rows, gated_row, &(struct job){.m = m, .s = s, .act = act});
    prepare(s, s->gate, s->n_rows, m->shape.d_ffn, NULL, is_quant(&l->down));
    linear(s, &l->down, s->xn, s->x);
}

static void head_norm_row(void *arg, uint32_t r, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    uint32_t dim = j->m->shape.head_dim;
    float *x = j->out + (size_t)r * j->n_heads * dim;
    for (uint32_t h = 0; h < j->n_heads; h++, x += dim) j->s->k->rmsnorm(x, j->w, dim, j->m->shape.norm_eps, x);
}

void parts_head_norm(const struct model *m, struct model_step *s, float *x, uint32_t n_heads, const float *w) {
    pool_run(s->pool, s->n_rows, head_norm_row, &(struct job){.m = m, .s = s, .out = x, .n_heads = n_heads, .w = w});
}

static void rope_row(void *arg, uint32_t r, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    struct model_step *s = j->s;
    uint32_t dim = j->m->shape.head_dim, n_rot = j->m->shape.rope.n_rot;
    const float *cosine = s->cosine + (size_t)r * (n_rot / 2), *sine = s->sine + (size_t)r * (n_rot / 2);
    float *x = j->out + (size_t)r * j->n_heads * dim;
    for (uint32_t h = 0; h < j->n_heads; h++, x += dim) {
        if (j->flag) s->k->rope_halves(x, cosine, sine, n_rot);
        else s->k->rope_pairs(x, cosine, sine, n_rot);
    }
}

void parts_rope(const struct model *m, struct model_step *s, float *x, uint32_t n_heads, bool halves) {
    pool_run(s->pool, s->n_rows, rope_row, &(struct job){.m = m, .s = s, .out = x, .n_heads = n_heads, .flag = halves});
}

/* Where a layer's and KV head's part of a page begins. */
static size_t part_offset(const struct model *m, enum sil_kv kv, uint32_t layer, uint32_t kv_head) {
    return ((size_t)layer * m->shape.n_kv_heads + kv_head) * num_kv_bytes(kv, m->shape.head_dim);
}

static void store_row(void *arg, uint32_t r, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    const struct model_shape *shape = &j->m->shape;
    struct step_row *row = &j->s->rows[r];
    uint8_t *page = row->pages[row->pos / NUM_KV_PAGE];
    for (uint32_t h = 0; h < shape->n_kv_heads; h++) {
        size_t at = ((size_t)r * shape->n_kv_heads + h) * shape->head_dim;
        void *part = page + part_offset(j->m, j->s->kv, j->layer, h);
        if (!j->s->k->kv_store[j->s->kv](part, row->pos, j->s->k_new + at, j->s->v_new + at, shape->head_dim))
            row->failed = true;
    }
    size_t width = (size_t)shape->n_heads * shape->head_dim;
    if (!j->s->k->finite(j->s->q + r * width, width)) row->failed = true;
}

/* Rows of one sequence whose queries fit one call of attend: their keys and values are read once for all. */
static void find_groups(const struct model_shape *shape, struct model_step *s) {
    uint32_t heads = shape->n_heads / shape->n_kv_heads, most = NUM_ATTN_QUERIES / heads;
    if (most == 0) most = 1;
    s->n_groups = 0;
    for (uint32_t r = 0; r < s->n_rows; r++) {
        uint32_t begin = s->n_groups ? s->groups[s->n_groups - 1] : 0;
        if (r == 0 || s->rows[r].pages != s->rows[begin].pages || r - begin == most) s->groups[s->n_groups++] = r;
    }
}

/* One task is one KV head of one group of rows: the query heads that share its keys. */
static void attend_group(void *arg, uint32_t task, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    const struct model_shape *shape = &j->m->shape;
    struct model_step *s = j->s;
    uint32_t g = task / shape->n_kv_heads, kv = task % shape->n_kv_heads, heads = shape->n_heads / shape->n_kv_heads;
    uint32_t r0 = s->groups[g], r1 = g + 1 < s->n_groups ? s->groups[g + 1] : s->n_rows, n = 0;
    struct num_query queries[NUM_ATTN_QUERIES];
    size_t offset = part_offset(j->m, s->kv, j->layer, kv);
    for (uint32_t r = r0; r < r1; r++) {
        const struct step_row *row = &s->rows[r];
        struct num_attn a = {.head_dim = shape->head_dim, .n_pos = row->pos + 1, .scale = shape->attn_scale};
        if (shape->window && a.n_pos > shape->window) a.first = a.n_pos - shape->window;
        size_t at = ((size_t)r * shape->n_heads + (size_t)kv * heads) * shape->head_dim;
        if (row->failed) {
            memset(s->att + at, 0, (size_t)heads * shape->head_dim * sizeof(float));
            continue;
        }
        for (uint32_t h = 0; h < heads; h++, at += shape->head_dim) {
            queries[n++] = (struct num_query){.shape = a, .query = s->q + at, .out = s->att + at};
            if (n < NUM_ATTN_QUERIES) continue;
            s->k->attend[s->kv](queries, n, row->pages, offset);
            n = 0;
        }
    }
    if (n > 0) s->k->attend[s->kv](queries, n, s->rows[r0].pages, offset);
}

void parts_attention(const struct model *m, struct model_step *s, uint32_t layer) {
    struct job j = {.m = m, .s = s, .layer = layer};
    pool_run(s->pool, s->n_rows, store_row, &j);
    if (layer == 0) find_groups(&m->shape, s); /* the same in every layer */
    pool_run(s->pool, s->n_groups * m->shape.n_kv_heads, attend_group, &j);
}

static void output_norm_row(void *arg, uint32_t i, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    struct model_step *s = j->s;
    size_t d = j->m->shape.d_model;
    s->k->rmsnorm(s->x + s->logit_rows[i] * d, j->m->output_norm, j->m->shape.d_model, j->m->shape.norm_eps,
                  s->xn + i * d);
}

static void check_logits(void *arg, uint32_t i, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    struct model_step *s = j->s;
    size_t n = j->m->shape.n_vocab;
    if (!s->k->finite(s->logits + i * n, n)) s->rows[s->logit_rows[i]].failed = true;
}

void parts_logits(const struct model *m, struct model_step *s) {
    if (s->n_logits == 0 || s->stopped) return;
    struct job j = {.m = m, .s = s};
    pool_run(s->pool, s->n_logits, output_norm_row, &j);
    prepare(s, s->xn, s->n_logits, m->shape.d_model, s->logit_rows, is_quant(&m->output));
    linear(s, &m->output, s->logits, NULL);
    pool_run(s->pool, s->n_logits, check_logits, &j);
}
