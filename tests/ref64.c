#include "ref64.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "formats/gguf.h"

static const double PI = 3.14159265358979323846;

enum { LAYERS_MAX = 256 };

struct matrix {
    double *w; /* NULL: absent */
    enum dtype type;
    uint32_t rows, cols;
};

struct layer {
    struct matrix q, k, v, o, gate, up, down;
    struct matrix attn_norm, ffn_norm, q_norm, k_norm, q_bias, k_bias, v_bias, o_bias; /* one row each */
};

struct ref64 {
    struct file_map file;
    struct arena arena;
    bool halves; /* rope turns (i, i + n/2); otherwise (2i, 2i + 1) */
    uint32_t d, layers, heads, kv_heads, head_dim, ffn, vocab, n_rot;
    double eps, scale, magnitude;
    double *freq; /* n_rot/2 radians per position */
    struct matrix embedding, output, output_norm;
    struct layer layer[LAYERS_MAX];
};

/* --- reading --- */

static double number(const struct gguf *g, const char *arch, const char *key, double absent) {
    char name[128];
    snprintf(name, sizeof name, "%s.%s", arch, key);
    const struct gguf_value *v = gguf_find(g, name);
    if (!v) return absent;
    if (v->type == GGUF_F32 || v->type == GGUF_F64) return v->as.f;
    return (double)v->as.u;
}

static struct str text(const struct gguf *g, const char *arch, const char *key) {
    char name[128];
    snprintf(name, sizeof name, "%s.%s", arch, key);
    const struct gguf_value *v = gguf_find(g, name);
    return v && v->type == GGUF_STRING ? v->as.s : STR("");
}

/* A tensor of rows x cols as doubles; w is NULL when it is absent and optional. */
static sil_err load(struct ref64 *m, const struct gguf *g, int layer, const char *name, bool needed, uint32_t rows,
                    uint32_t cols, struct matrix *out, struct sil_error *e) {
    char full[128];
    if (layer >= 0) snprintf(full, sizeof full, "blk.%d.%s", layer, name);
    else snprintf(full, sizeof full, "%s", name);
    const struct gguf_tensor *t = gguf_tensor(g, full);
    *out = (struct matrix){.rows = rows, .cols = cols};
    if (!t) return needed ? err_set(e, SIL_FORMAT, "no tensor %s", full) : SIL_OK;
    if (t->dims[0] != cols || t->dims[1] != rows) return err_set(e, SIL_FORMAT, "tensor %s has another shape", full);
    size_t n = (size_t)rows * cols;
    out->type = (enum dtype)t->type;
    out->w = ARENA_ARRAY(&m->arena, n, double);
    if (!out->w) return err_nomem(e, full, n * sizeof(double));
    ref64_dequant(out->type, t->data, n, out->w);
    return SIL_OK;
}

static sil_err load_layer(struct ref64 *m, const struct gguf *g, int l, struct sil_error *e) {
    struct layer *w = &m->layer[l];
    uint32_t d = m->d, q = m->heads * m->head_dim, kv = m->kv_heads * m->head_dim, f = m->ffn;
    const struct {
        const char *name;
        bool needed;
        uint32_t rows, cols;
        struct matrix *to;
    } parts[] = {
        {"attn_norm.weight", true, 1, d, &w->attn_norm},
        {"attn_q.weight", true, q, d, &w->q},
        {"attn_k.weight", true, kv, d, &w->k},
        {"attn_v.weight", true, kv, d, &w->v},
        {"attn_output.weight", true, d, q, &w->o},
        {"attn_q_norm.weight", m->halves, 1, m->head_dim, &w->q_norm},
        {"attn_k_norm.weight", m->halves, 1, m->head_dim, &w->k_norm},
        {"attn_q.bias", false, 1, q, &w->q_bias},
        {"attn_k.bias", false, 1, kv, &w->k_bias},
        {"attn_v.bias", false, 1, kv, &w->v_bias},
        {"attn_output.bias", false, 1, d, &w->o_bias},
        {"ffn_norm.weight", true, 1, d, &w->ffn_norm},
        {"ffn_gate.weight", true, f, d, &w->gate},
        {"ffn_up.weight", true, f, d, &w->up},
        {"ffn_down.weight", true, d, f, &w->down},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        SIL_TRY(load(m, g, l, parts[i].name, parts[i].needed, parts[i].rows, parts[i].cols, parts[i].to, e));
    return SIL_OK;
}

/* YaRN (Peng et al., "YaRN: Efficient Context Window Extension", 2023): pairs that turn more than beta_fast times over
 * the original context keep their frequency, those below beta_slow are interpolated, a ramp over pair indices between.
 */
static void yarn(struct ref64 *m, const struct gguf *g, const char *arch, double base, double factor) {
    double ctx = number(g, arch, "rope.scaling.original_context_length", number(g, arch, "context_length", 0));
    double turns[2] = {number(g, arch, "rope.scaling.yarn_beta_fast", 32),
                       number(g, arch, "rope.scaling.yarn_beta_slow", 1)};
    double edge[2]; /* the pair index at which a pair makes that many turns */
    for (int i = 0; i < 2; i++) edge[i] = m->n_rot * log(ctx / (turns[i] * 2 * PI)) / (2 * log(base));
    double low = fmax(0, floor(edge[0])), high = fmin(m->n_rot - 1, ceil(edge[1]));
    for (uint32_t i = 0; i < m->n_rot / 2; i++) {
        double t = (i - low) / fmax(0.001, high - low);
        double keep = 1 - fmin(1, fmax(0, t));
        m->freq[i] = m->freq[i] * keep + m->freq[i] / factor * (1 - keep);
    }
    m->magnitude = (1 + 0.1 * log(factor)) * number(g, arch, "rope.scaling.attn_factor", 1);
}

static sil_err rope(struct ref64 *m, const struct gguf *g, const char *arch, struct sil_error *e) {
    double base = number(g, arch, "rope.freq_base", 10000), factor = number(g, arch, "rope.scaling.factor", 1);
    struct matrix divisors;
    struct str kind = text(g, arch, "rope.scaling.type");
    m->magnitude = 1;
    m->freq = ARENA_ARRAY(&m->arena, m->n_rot / 2, double);
    if (!m->freq) return err_nomem(e, "rope", m->n_rot);
    SIL_TRY(load(m, g, -1, "rope_freqs.weight", false, 1, m->n_rot / 2, &divisors, e));
    for (uint32_t i = 0; i < m->n_rot / 2; i++)
        m->freq[i] = pow(base, -2.0 * i / m->n_rot) / (divisors.w ? divisors.w[i] : 1);
    if (str_eq(kind, STR("yarn"))) yarn(m, g, arch, base, factor);
    else if (str_eq(kind, STR("linear")))
        for (uint32_t i = 0; i < m->n_rot / 2; i++) m->freq[i] /= factor;
    else if (kind.n && !str_eq(kind, STR("none"))) return err_set(e, SIL_UNSUPPORTED, "rope scaling");
    return SIL_OK;
}

static sil_err read_model(struct ref64 *m, struct sil_error *e) {
    struct gguf *g;
    struct str arch_name;
    char arch[32];
    SIL_TRY(gguf_parse(&m->arena, (struct str){(const char *)m->file.p, m->file.n}, false, &g, e));
    SIL_TRY(gguf_str(g, "general.architecture", &arch_name, e));
    m->halves = str_eq(arch_name, STR("qwen3"));
    if (!m->halves && !str_eq(arch_name, STR("llama"))) return err_set(e, SIL_UNSUPPORTED, "ref64: llama, qwen3 only");
    snprintf(arch, sizeof arch, "%.*s", STR_ARG(arch_name));
    const struct gguf_tensor *embedding = gguf_tensor(g, "token_embd.weight");
    if (!embedding) return err_set(e, SIL_FORMAT, "no token_embd.weight");
    m->vocab = (uint32_t)embedding->dims[1];
    m->d = (uint32_t)number(g, arch, "embedding_length", 0);
    m->layers = (uint32_t)number(g, arch, "block_count", 0);
    m->heads = (uint32_t)number(g, arch, "attention.head_count", 0);
    m->kv_heads = (uint32_t)number(g, arch, "attention.head_count_kv", m->heads);
    m->ffn = (uint32_t)number(g, arch, "feed_forward_length", 0);
    if (!m->d || !m->heads || !m->kv_heads || !m->ffn || !m->layers || m->layers > LAYERS_MAX)
        return err_set(e, SIL_FORMAT, "ref64: sizes");
    m->head_dim = (uint32_t)number(g, arch, "attention.key_length", m->d / m->heads);
    m->n_rot = (uint32_t)number(g, arch, "rope.dimension_count", m->head_dim);
    m->eps = number(g, arch, "attention.layer_norm_rms_epsilon", 0);
    m->scale = number(g, arch, "attention.scale", 0);
    if (m->scale == 0) m->scale = 1 / sqrt(m->head_dim);
    SIL_TRY(rope(m, g, arch, e));
    SIL_TRY(load(m, g, -1, "token_embd.weight", true, m->vocab, m->d, &m->embedding, e));
    SIL_TRY(load(m, g, -1, "output_norm.weight", true, 1, m->d, &m->output_norm, e));
    SIL_TRY(load(m, g, -1, "output.weight", false, m->vocab, m->d, &m->output, e));
    if (!m->output.w) m->output = m->embedding;
    for (uint32_t l = 0; l < m->layers; l++) SIL_TRY(load_layer(m, g, (int)l, e));
    return SIL_OK;
}

sil_err ref64_open(const char *path, struct ref64 **out, struct sil_error *e) {
    struct ref64 *m = calloc(1, sizeof *m);
    if (!m) return err_nomem(e, "ref64", sizeof *m);
    arena_init(&m->arena, mem_libc(), (size_t)4 << 30);
    sil_err err = file_map_open(path, &m->file, e);
    if (err != SIL_OK) {
        free(m);
        return err;
    }
    err = read_model(m, e);
    if (err != SIL_OK) ref64_close(m);
    else *out = m;
    return err;
}

void ref64_close(struct ref64 *m) {
    if (!m) return;
    file_map_close(&m->file);
    arena_free(&m->arena);
    free(m);
}

uint32_t ref64_vocab(const struct ref64 *m) {
    return m->vocab;
}

/* --- evaluation --- */

/* x to 8 bits in blocks of len: multiples of amax/127 (rule 2 of CA/1). half_scale: the multiple is rounded to binary16
 * once the integers are fixed, as in llama.cpp's Q8_0 and Q8_1. */
static void to_blocks(double *x, uint32_t n, uint32_t len, bool half_scale) {
    for (uint32_t b = 0; b < n; b += len) {
        double amax = 0;
        for (uint32_t i = b; i < b + len; i++) amax = fmax(amax, fabs(x[i]));
        double d = amax / 127;
        for (uint32_t i = b; i < b + len; i++)
            x[i] = amax < 0x1p-60 ? 0 : nearbyint(x[i] / d) * (half_scale ? ref64_half(d) : d);
    }
}

static double to_bfloat(double x) {
    int e;
    frexp(x, &e);
    return nearbyint(ldexp(x, 8 - e)) * ldexp(1, e - 8);
}

/* x as the matrix's input is rounded in this mode. */
static void round_input(const struct matrix *w, enum ref64_mode mode, double *x) {
    bool quant = dtype_is_quant(w->type), k = dtype_get(w->type)->block_len == 256;
    if (quant && (mode == REF64_CA1 || mode == REF64_INT8)) to_blocks(x, w->cols, 32, false);
    if (quant && mode == REF64_LLAMA) to_blocks(x, w->cols, k ? 256 : 32, !k);
    if (w->type == DTYPE_F16 && mode == REF64_LLAMA)
        for (uint32_t i = 0; i < w->cols; i++) x[i] = ref64_half(x[i]);
    if (w->type == DTYPE_BF16 && mode == REF64_LLAMA)
        for (uint32_t i = 0; i < w->cols; i++) x[i] = to_bfloat(x[i]);
}

/* y = W x + b */
static void linear(const struct matrix *w, const double *x, const struct matrix *b, enum ref64_mode mode, double *in,
                   double *y) {
    memcpy(in, x, w->cols * sizeof *in);
    round_input(w, mode, in);
    for (uint32_t r = 0; r < w->rows; r++) {
        double sum = 0;
        for (uint32_t c = 0; c < w->cols; c++) sum += w->w[(size_t)r * w->cols + c] * in[c];
        y[r] = sum + (b && b->w ? b->w[r] : 0);
    }
}

static void norm(const double *x, const double *w, uint32_t n, double eps, double *y) {
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += x[i] * x[i];
    double r = 1 / sqrt(sum / n + eps);
    for (uint32_t i = 0; i < n; i++) y[i] = x[i] * r * w[i];
}

static void rotate(const struct ref64 *m, double *x, size_t pos) {
    for (uint32_t i = 0; i < m->n_rot / 2; i++) {
        double *a = m->halves ? x + i : x + 2 * i, *b = m->halves ? a + m->n_rot / 2 : a + 1;
        double c = cos((double)pos * m->freq[i]) * m->magnitude, s = sin((double)pos * m->freq[i]) * m->magnitude;
        double u = *a, v = *b;
        *a = u * c - v * s;
        *b = u * s + v * c;
    }
}

/* The heads of one position: norm where the model has it, then rotation. */
static void turn_heads(const struct ref64 *m, double *x, uint32_t heads, const double *w, size_t pos) {
    for (uint32_t h = 0; h < heads; h++) {
        double *head = x + h * m->head_dim;
        if (w) norm(head, w, m->head_dim, m->eps, head);
        rotate(m, head, pos);
    }
}

/* Weights p[0 .. n-1] of values v, each times the scale of its value, to 8 bits in blocks of 32. */
static void round_weights(const struct ref64 *m, const double *v, size_t stride, size_t n, double *p) {
    for (size_t g = 0; g < n; g += 32) {
        uint32_t len = n - g < 32 ? (uint32_t)(n - g) : 32;
        double scale[32], w[32];
        for (uint32_t t = 0; t < len; t++) {
            scale[t] = 0;
            for (uint32_t i = 0; i < m->head_dim; i++) scale[t] = fmax(scale[t], fabs(v[(g + t) * stride + i]));
            w[t] = p[g + t] * scale[t];
        }
        to_blocks(w, len, len, false);
        for (uint32_t t = 0; t < len; t++) p[g + t] = scale[t] > 0 ? w[t] / scale[t] : 0;
    }
}

/* One query head over positions 0..pos; k and v step by `stride` per position. */
static void attend(const struct ref64 *m, const double *q, const double *k, const double *v, size_t stride, size_t pos,
                   enum ref64_mode mode, double *p, double *out) {
    double max = -INFINITY, sum = 0;
    for (size_t t = 0; t <= pos; t++) {
        p[t] = 0;
        for (uint32_t i = 0; i < m->head_dim; i++) p[t] += q[i] * k[t * stride + i];
        p[t] *= m->scale;
        max = fmax(max, p[t]);
    }
    for (size_t t = 0; t <= pos; t++) sum += p[t] = exp(p[t] - max);
    for (size_t t = 0; t <= pos; t++) p[t] = mode == REF64_LLAMA ? ref64_half(p[t] / sum) : p[t] / sum;
    if (mode == REF64_INT8) round_weights(m, v, stride, pos + 1, p);
    memset(out, 0, m->head_dim * sizeof *out);
    for (size_t t = 0; t <= pos; t++)
        for (uint32_t i = 0; i < m->head_dim; i++) out[i] += p[t] * v[t * stride + i];
}

struct ref64_run {
    const struct ref64 *m;
    enum ref64_mode mode;
    struct arena arena;
    size_t n, max;                          /* tokens so far; room */
    double *k, *v;                          /* [layer][max][kv_heads * head_dim] */
    double *x, *y, *q, *o, *a, *b, *p, *in; /* of one position; p: a weight per position */
};

static void attention(struct ref64_run *r, uint32_t layer) {
    const struct ref64 *m = r->m;
    const struct layer *l = &m->layer[layer];
    uint32_t q_len = m->heads * m->head_dim, kv_len = m->kv_heads * m->head_dim;
    double *keys = r->k + (size_t)layer * r->max * kv_len, *values = r->v + (size_t)layer * r->max * kv_len;
    double *k = keys + r->n * kv_len, *v = values + r->n * kv_len;
    norm(r->x, l->attn_norm.w, m->d, m->eps, r->y);
    linear(&l->q, r->y, &l->q_bias, r->mode, r->in, r->q);
    linear(&l->k, r->y, &l->k_bias, r->mode, r->in, k);
    linear(&l->v, r->y, &l->v_bias, r->mode, r->in, v);
    turn_heads(m, r->q, m->heads, l->q_norm.w, r->n);
    turn_heads(m, k, m->kv_heads, l->k_norm.w, r->n);
    for (uint32_t i = 0; r->mode == REF64_LLAMA && i < q_len; i++) r->q[i] = ref64_half(r->q[i]);
    if (r->mode == REF64_INT8) {
        to_blocks(r->q, q_len, m->head_dim, false);
        to_blocks(k, kv_len, m->head_dim, false);
        to_blocks(v, kv_len, m->head_dim, false);
    }
    for (uint32_t i = 0; r->mode != REF64_EXACT && r->mode != REF64_INT8 && i < kv_len; i++) {
        k[i] = ref64_half(k[i]);
        v[i] = ref64_half(v[i]);
    }
    for (uint32_t h = 0; h < m->heads; h++) {
        uint32_t at = h * m->head_dim, kv_at = h / (m->heads / m->kv_heads) * m->head_dim;
        attend(m, r->q + at, keys + kv_at, values + kv_at, kv_len, r->n, r->mode, r->p, r->o + at);
    }
    linear(&l->o, r->o, &l->o_bias, r->mode, r->in, r->y);
    for (uint32_t i = 0; i < m->d; i++) r->x[i] += r->y[i];
}

static void feed_forward(struct ref64_run *r, const struct layer *l) {
    const struct ref64 *m = r->m;
    norm(r->x, l->ffn_norm.w, m->d, m->eps, r->y);
    linear(&l->gate, r->y, NULL, r->mode, r->in, r->a);
    linear(&l->up, r->y, NULL, r->mode, r->in, r->b);
    for (uint32_t i = 0; i < m->ffn; i++) r->a[i] = r->a[i] / (1 + exp(-r->a[i])) * r->b[i];
    linear(&l->down, r->a, NULL, r->mode, r->in, r->y);
    for (uint32_t i = 0; i < m->d; i++) r->x[i] += r->y[i];
}

sil_err ref64_begin(const struct ref64 *m, size_t max_tokens, enum ref64_mode mode, struct ref64_run **out,
                    struct sil_error *e) {
    struct ref64_run *r = calloc(1, sizeof *r);
    if (!r) return err_nomem(e, "ref64", sizeof *r);
    r->m = m;
    r->mode = mode;
    r->max = max_tokens;
    arena_init(&r->arena, mem_libc(), (size_t)4 << 30);
    size_t q_len = (size_t)m->heads * m->head_dim;
    size_t kv_all = (size_t)m->layers * max_tokens * m->kv_heads * m->head_dim;
    const struct {
        double **to;
        size_t n;
    } parts[] = {
        {&r->k, kv_all}, {&r->v, kv_all}, {&r->x, m->d},   {&r->y, m->d},       {&r->q, q_len},
        {&r->o, q_len},  {&r->a, m->ffn}, {&r->b, m->ffn}, {&r->p, max_tokens}, {&r->in, m->d + m->ffn + q_len}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].to = ARENA_ARRAY(&r->arena, parts[i].n, double);
        if (*parts[i].to) continue;
        ref64_end(r);
        return err_nomem(e, "ref64 activations", parts[i].n);
    }
    *out = r;
    return SIL_OK;
}

void ref64_end(struct ref64_run *r) {
    if (!r) return;
    arena_free(&r->arena);
    free(r);
}

sil_err ref64_step(struct ref64_run *r, uint32_t token, double *logits, struct sil_error *e) {
    const struct ref64 *m = r->m;
    if (token >= m->vocab) return err_set(e, SIL_ARG, "token %u outside the vocabulary", token);
    if (r->n == r->max) return err_set(e, SIL_CONTEXT, "ref64: more than %zu tokens", r->max);
    memcpy(r->x, m->embedding.w + (size_t)token * m->d, m->d * sizeof(double));
    for (uint32_t l = 0; l < m->layers; l++) {
        attention(r, l);
        feed_forward(r, &m->layer[l]);
    }
    r->n++;
    norm(r->x, m->output_norm.w, m->d, m->eps, r->y);
    linear(&m->output, r->y, NULL, r->mode, r->in, logits);
    return SIL_OK;
}

sil_err ref64_logits(const struct ref64 *m, const uint32_t *tokens, size_t n, enum ref64_mode mode, double *out,
                     struct sil_error *e) {
    struct ref64_run *r = NULL;
    sil_err err = ref64_begin(m, n, mode, &r, e);
    for (size_t t = 0; err == SIL_OK && t < n; t++) err = ref64_step(r, tokens[t], out + t * m->vocab, e);
    ref64_end(r);
    return err;
}

/* --- distributions --- */

static double log_total(const double *x, uint32_t n) {
    double max = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++) max = fmax(max, x[i]);
    for (uint32_t i = 0; i < n; i++) sum += exp(x[i] - max);
    return max + log(sum);
}

double ref64_kl(const double *p, const double *q, uint32_t n) {
    double lp = log_total(p, n), lq = log_total(q, n), kl = 0;
    for (uint32_t i = 0; i < n; i++) kl += exp(p[i] - lp) * ((p[i] - lp) - (q[i] - lq));
    return kl;
}

double ref64_nll(const double *logits, uint32_t n, uint32_t token) {
    return log_total(logits, n) - logits[token];
}

uint32_t ref64_argmax(const double *logits, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

sil_err ref64_write(const struct ref64 *m, uint64_t seed, size_t n, uint32_t *tokens, double *logits,
                    struct sil_error *e) {
    struct rng rng = {.seed = seed};
    struct ref64_run *r = NULL;
    sil_err err = ref64_begin(m, n, REF64_EXACT, &r, e);
    for (size_t i = 0; err == SIL_OK && i < n; i++) {
        double *row = logits + i * m->vocab, left = (double)rng_f32(&rng);
        err = ref64_step(r, tokens[i], row, e);
        if (err != SIL_OK) break;
        double total = log_total(row, m->vocab);
        tokens[i + 1] = 0;
        while (tokens[i + 1] < m->vocab - 1 && (left -= exp(row[tokens[i + 1]] - total)) >= 0) tokens[i + 1]++;
    }
    ref64_end(r);
    return err;
}
