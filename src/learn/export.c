/* Files have q, k and v, and gate and up, apart; params has them together. */
#include "learn/export.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "num/encode.h"
#include "num/num.h"

enum { SPLITS_MAX = 3, TENSOR_NAME = 64 };

/* Rows of one of our tensors under the file's name. */
struct piece {
    char name[TENSOR_NAME];
    uint32_t param, from, rows;
};

/* The pieces of tensor i; returns how many. */
static uint32_t pieces_of(const struct params *p, uint32_t i, struct piece out[SPLITS_MAX]) {
    const struct learn_shape *s = &p->shape;
    const struct param *t = &p->list[i];
    uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim, layer = 0;
    static const char *const qkv[] = {"q", "k", "v"}, *const gate_up[] = {"gate", "up"};
    while (layer < s->layers && p->layers[layer].down < i) layer++;
    bool in_layer = layer < s->layers && i >= p->layers[layer].attn_norm;
    const struct layer_params *l = in_layer ? &p->layers[layer] : NULL;
    if (l && (i == l->qkv || i == l->qkv_bias)) {
        for (uint32_t k = 0; k < 3; k++) {
            out[k] = (struct piece){.param = i, .from = k == 0 ? 0 : q + (k - 1) * kv, .rows = k == 0 ? q : kv};
            snprintf(out[k].name, TENSOR_NAME, "blk.%u.attn_%s.%s", layer, qkv[k], i == l->qkv ? "weight" : "bias");
        }
        return 3;
    }
    if (l && i == l->gate_up) {
        for (uint32_t k = 0; k < 2; k++) {
            out[k] = (struct piece){.param = i, .from = k * s->ffn, .rows = s->ffn};
            snprintf(out[k].name, TENSOR_NAME, "blk.%u.ffn_%s.weight", layer, gate_up[k]);
        }
        return 2;
    }
    out[0] = (struct piece){.param = i, .rows = t->rows};
    snprintf(out[0].name, TENSOR_NAME, "%s.weight", t->name);
    return 1;
}

struct writing {
    const struct params *p;
    const float *w;
    enum dtype type;
    struct piece *pieces; /* as added to the file */
    size_t n;
    struct file_out out;
    uint8_t *row;
};

/* Vectors: one row, which a split of bias cuts along its length. */
static void extent(const struct writing *x, const struct piece *c, uint32_t *rows, uint32_t *cols, size_t *at) {
    const struct param *t = &x->p->list[c->param];
    bool vector = t->rows == 1;
    *rows = vector ? 1 : c->rows;
    *cols = vector && c->rows > 1 ? c->rows : t->cols;
    *at = t->at + (vector ? c->from : (size_t)c->from * t->cols);
}

static sil_err to_file(void *ctx, const void *p, size_t n, struct sil_error *e) {
    struct writing *x = ctx;
    return file_write(&x->out, p, n, e);
}

static sil_err fill(void *ctx, size_t index, uint64_t n_bytes, struct sil_error *e) {
    struct writing *x = ctx;
    uint32_t rows, cols;
    size_t at;
    extent(x, &x->pieces[index], &rows, &cols, &at);
    const struct param *t = &x->p->list[x->pieces[index].param];
    enum dtype type = t->rows == 1 ? DTYPE_F32 : x->type;
    const struct dtype_info *d = dtype_get(type);
    size_t row_bytes = (size_t)cols / d->block_len * d->block_bytes;
    (void)n_bytes;
    for (uint32_t r = 0; r < rows; r++) {
        encode_row(type, x->w + at + (size_t)r * cols, cols, x->row);
        SIL_TRY(file_write(&x->out, x->row, row_bytes, e));
    }
    return SIL_OK;
}

static void put_keys(struct gguf_writer *w, const struct recipe *r, const struct params *p) {
    const struct learn_shape *s = &p->shape;
    const char *arch = s->family == LEARN_QWEN3 ? "qwen3" : "llama";
    static const struct {
        enum dtype type;
        uint32_t number;
    } file_type[] = {{DTYPE_F32, 0}, {DTYPE_F16, 1}, {DTYPE_Q8_0, 7}, {DTYPE_BF16, 32}};
    const struct {
        const char *name;
        uint32_t value;
    } numbers[] = {{"vocab_size", s->vocab},
                   {"context_length", s->ctx},
                   {"embedding_length", s->width},
                   {"block_count", s->layers},
                   {"feed_forward_length", s->ffn},
                   {"attention.head_count", s->heads},
                   {"attention.head_count_kv", s->kv_heads},
                   {"attention.key_length", s->head_dim},
                   {"attention.value_length", s->head_dim},
                   {"rope.dimension_count", s->head_dim}};
    char key[80];
    gguf_put_str(w, "general.architecture", str_of(arch));
    gguf_put_str(w, "general.name", str_of(r->name));
    if (r->license[0]) gguf_put_str(w, "general.license", str_of(r->license));
    for (size_t i = 0; i < sizeof file_type / sizeof *file_type; i++)
        if ((int)file_type[i].type == r->type) gguf_put_u32(w, "general.file_type", file_type[i].number);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        snprintf(key, sizeof key, "%s.%s", arch, numbers[i].name);
        gguf_put_u32(w, key, numbers[i].value);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    gguf_put_f32(w, key, s->eps);
    snprintf(key, sizeof key, "%s.rope.freq_base", arch);
    gguf_put_f32(w, key, (float)s->rope_base);
}

static void put_tensors(struct gguf_writer *w, struct writing *x) {
    for (uint32_t i = 0; i < x->p->n; i++) {
        const struct param *t = &x->p->list[i];
        uint32_t n = pieces_of(x->p, i, &x->pieces[x->n]), rows, cols;
        size_t at;
        for (uint32_t k = 0; k < n; k++, x->n++) {
            extent(x, &x->pieces[x->n], &rows, &cols, &at);
            uint64_t dims[2] = {cols, rows};
            gguf_put_tensor(w, x->pieces[x->n].name, t->rows == 1 ? DTYPE_F32 : x->type, t->rows == 1 ? 1 : 2, dims,
                            NULL);
        }
    }
}

sil_err export_gguf(struct mem mem, const struct recipe *r, const struct learn_vocab *v, const struct params *p,
                    const float *w, const char *path, struct sil_error *e) {
    struct arena a;
    struct gguf_writer *g;
    struct writing x = {.p = p, .w = w, .type = (enum dtype)r->type, .out = {.fd = -1}};
    arena_init(&a, mem, (size_t)1 << 30);
    x.pieces = ARENA_ARRAY(&a, (size_t)p->n * SPLITS_MAX, struct piece);
    x.row = arena_alloc(&a, (size_t)4 * (LEARN_FFN_MAX + shape_qkv(&p->shape)), 64);
    if (!x.pieces || !x.row || gguf_writer_new(&a, 32, &g) != SIL_OK) {
        arena_free(&a);
        return err_nomem(e, "a model file", 0);
    }
    put_keys(g, r, p);
    sil_err err = learn_vocab_put(v, g, e);
    put_tensors(g, &x);
    file_sweep(path);
    if (err == SIL_OK) err = file_create(path, &x.out, e);
    if (err == SIL_OK) err = gguf_write(g, (struct gguf_sink){.write = to_file, .fill = fill, .ctx = &x}, e);
    if (err == SIL_OK) err = file_commit(&x.out, e);
    else file_discard(&x.out);
    arena_free(&a);
    return err;
}

static sil_err import_piece(const struct gguf *g, const struct num_kernels *k, const struct writing *x,
                            const struct piece *c, float *w, struct sil_error *e) {
    uint32_t rows, cols;
    size_t at;
    extent(x, c, &rows, &cols, &at);
    const struct gguf_tensor *t = gguf_tensor(g, c->name);
    if (!t) return err_set(e, SIL_FORMAT, "there is no tensor %s", c->name);
    const struct dtype_info *d = dtype_get(t->type);
    if (!t->data || !d || t->dims[0] != cols || t->dims[1] != rows)
        return err_set(e, SIL_FORMAT, "tensor %s is %llu by %llu; the recipe's model has %u by %u", c->name,
                       (unsigned long long)t->dims[1], (unsigned long long)t->dims[0], rows, cols);
    struct num_matrix m = {.type = (enum dtype)t->type,
                           .rows = rows,
                           .cols = cols,
                           .data = t->data,
                           .row_bytes = (size_t)cols / d->block_len * d->block_bytes};
    for (uint32_t r = 0; r < rows; r++) k->row[m.type](&m, r, w + at + (size_t)r * cols);
    return SIL_OK;
}

sil_err import_gguf(struct mem mem, const char *path, const struct params *p, float *w, struct sil_error *e) {
    struct model_file *f;
    struct num_kernels k;
    struct str arch;
    struct writing x = {.p = p};
    SIL_TRY(model_file_open(path, mem, &f, e));
    const struct gguf *g = model_file_gguf(f);
    num_kernels_init(&k, 0);
    sil_err err = gguf_str(g, "general.architecture", &arch, e);
    if (err == SIL_OK && !str_eq(arch, p->shape.family == LEARN_QWEN3 ? STR("qwen3") : STR("llama")))
        err = err_set(e, SIL_ARG, "it is of the family %.*s, the recipe's model is not", STR_ARG(arch));
    memset(w, 0, p->size * sizeof *w);
    for (uint32_t i = 0; err == SIL_OK && i < p->n; i++) {
        struct piece c[SPLITS_MAX];
        uint32_t n = pieces_of(p, i, c);
        for (uint32_t j = 0; err == SIL_OK && j < n; j++) err = import_piece(g, &k, &x, &c[j], w, e);
    }
    model_file_close(f);
    return err == SIL_OK ? SIL_OK : err_prefix(e, err, "%s", path);
}
