#include "make_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "formats/gguf.h"
#include "make_model_vocab.h"
#include "num/encode.h"

enum { OUTLIERS_MAX = 64, NAME_MAX_BYTES = 64, PARTS_PER_LAYER = 14 };

/* What the elements of a tensor are. */
enum fill { FILL_MATRIX, FILL_NORM, FILL_BIAS, FILL_ROPE_FREQS };

struct tensor {
    char name[NAME_MAX_BYTES];
    enum fill fill;
    enum dtype type;
    uint32_t rows, cols;
    float scale;     /* standard deviation of a matrix or bias, middle of a norm */
    bool reads_norm; /* a matrix whose input is a norm's output, or that norm: has the outlier channels */
};

struct maker {
    struct mm_spec s;
    struct arena arena;
    struct tensor *tensors;
    uint32_t n_tensors;
    uint32_t outlier[OUTLIERS_MAX]; /* channels */
    float *row;                     /* the longest row, before and after encoding */
    uint8_t *encoded;
    struct buf *buf; /* where the file goes: one of the two */
    struct file_out *file;
};

struct mm_spec mm_default(void) {
    return (struct mm_spec){.type = DTYPE_F32,
                            .d = 256,
                            .layers = 3,
                            .heads = 4,
                            .kv_heads = 2,
                            .head_dim = 64,
                            .ffn = 512,
                            .vocab = 512,
                            .ctx = 512,
                            .eps = 1e-5f,
                            .seed = 1};
}

bool mm_preset(const char *name, struct mm_spec *s) {
    static const struct {
        const char *name;
        uint32_t d, layers, heads, kv_heads, head_dim, ffn, vocab, ctx;
        bool tied;
    } presets[] = {{"tiny", 256, 3, 4, 2, 64, 512, 512, 512, false},
                   {"100m", 768, 12, 12, 4, 64, 2048, 32000, 2048, true},
                   {"1.1b", 2048, 16, 32, 8, 64, 8192, 32000, 16384, false}};
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
        if (strcmp(presets[i].name, name) != 0) continue;
        s->d = presets[i].d;
        s->layers = presets[i].layers;
        s->heads = presets[i].heads;
        s->kv_heads = presets[i].kv_heads;
        s->head_dim = presets[i].head_dim;
        s->ffn = presets[i].ffn;
        s->vocab = presets[i].vocab;
        s->ctx = presets[i].ctx;
        s->tied = presets[i].tied;
        return true;
    }
    return false;
}

static sil_err check(const struct mm_spec *s, struct sil_error *e) {
    const struct dtype_info *t = dtype_get(s->type);
    uint32_t limit = 1 << 20;
    if (!t) return err_set(e, SIL_ARG, "not a tensor type");
    if (!s->d || !s->layers || !s->heads || !s->kv_heads || !s->head_dim || !s->ffn || !s->ctx || s->d > limit ||
        s->layers > 1024 || s->heads > 4096 || s->head_dim > 4096 || s->ffn > limit || s->vocab > limit)
        return err_set(e, SIL_ARG, "a size is zero or too large");
    if (s->heads % s->kv_heads) return err_set(e, SIL_ARG, "heads must be a multiple of KV heads");
    if (s->head_dim % 2) return err_set(e, SIL_ARG, "head_dim must be even");
    uint32_t block = s->mixture ? 256 : t->block_len;
    if (s->d % block || s->ffn % block || s->heads * s->head_dim % block)
        return err_set(e, SIL_ARG, "d, ffn and heads * head_dim must be multiples of %u for %s", block, t->name);
    if (s->vocab < MM_SPM_MIN) return err_set(e, SIL_ARG, "the vocabulary has at least %d tokens", MM_SPM_MIN);
    if (s->outliers > OUTLIERS_MAX || s->outliers * 8 > s->d) return err_set(e, SIL_ARG, "too many outlier channels");
    if (s->qwen3 && s->rope == MM_ROPE_LLAMA3) return err_set(e, SIL_ARG, "llama3 rope scaling is for llama");
    return SIL_OK;
}

/* --- elements --- */

static uint64_t name_hash(const char *s) {
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    return h;
}

/* n near-normal values of deviation 1: each the sum of the four bytes of a Philox word, less its mean. */
static void noise(uint64_t seed, uint64_t stream, uint32_t row, uint32_t n, float *x) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, u[4];
    for (uint32_t i = 0; i < n; i++) {
        if (i % 4 == 0) rng_philox(key, (uint32_t[]){i / 4, row, (uint32_t)stream, (uint32_t)(stream >> 32)}, u);
        uint32_t w = u[i % 4];
        int32_t sum = (int32_t)((w & 255) + (w >> 8 & 255) + (w >> 16 & 255) + (w >> 24)) - 510;
        x[i] = (float)sum * (1 / 147.8f);
    }
}

static void pick_outliers(struct maker *m) {
    struct rng r = {.seed = m->s.seed, .stream = 77};
    for (uint32_t i = 0; i < m->s.outliers;) {
        uint32_t c = (uint32_t)rng_below(&r, m->s.d), j = 0;
        while (j < i && m->outlier[j] != c) j++;
        if (j == i) m->outlier[i++] = c;
    }
}

/* Llama 3's scaling (factor 8, low 1, high 4, original context ctx/4) as the divisors that GGUF files store: periods
 * short against the original context keep their frequency, long ones are divided by 8, between them a ramp. */
static void rope_freqs(const struct mm_spec *s, float *x) {
    double orig = s->ctx / 4.0;
    for (uint32_t i = 0; i < s->head_dim / 2; i++) {
        double wavelength = 2 * 3.14159265358979 * pow(10000, 2.0 * i / s->head_dim);
        double t = (orig / wavelength - 1) / 3;
        double ramp = 1 / ((1 - t) / 8 + t);
        x[i] = (float)rint(1024 * (t >= 1 ? 1 : t <= 0 ? 8 : ramp)) / 1024; /* the same whatever the libm */
    }
}

static void make_row(const struct maker *m, const struct tensor *t, uint32_t row, float *x) {
    if (t->fill == FILL_ROPE_FREQS) {
        rope_freqs(&m->s, x);
        return;
    }
    noise(m->s.seed, name_hash(t->name), row, t->cols, x);
    for (uint32_t i = 0; i < t->cols; i++) x[i] = t->fill == FILL_NORM ? t->scale * (1 + 0.2f * x[i]) : t->scale * x[i];
    /* An eighth of the weight on a channel fifty times as large: together the outliers speak as loudly as the rest. */
    for (uint32_t i = 0; t->reads_norm && i < m->s.outliers; i++)
        x[m->outlier[i]] *= t->fill == FILL_NORM ? 50 : 0.125f;
}

/* --- the list of tensors --- */

static void add(struct maker *m, const char *name, enum fill fill, uint32_t rows, uint32_t cols, float scale,
                bool reads_norm) {
    struct tensor *t = &m->tensors[m->n_tensors++];
    *t = (struct tensor){.fill = fill,
                         .type = fill == FILL_MATRIX ? m->s.type : DTYPE_F32,
                         .rows = rows,
                         .cols = cols,
                         .scale = scale,
                         .reads_norm = reads_norm};
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void add_layer(struct maker *m, uint32_t l) {
    const struct mm_spec *s = &m->s;
    uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim, n = s->layers;
    float in = 1 / sqrtf((float)s->d);
    const struct {
        const char *name;
        bool used;
        enum fill fill;
        uint32_t rows, cols;
        float scale;
        bool reads_norm;
    } parts[PARTS_PER_LAYER] = {
        {"attn_norm.weight", true, FILL_NORM, 1, s->d, 1, true},
        {"attn_q.weight", true, FILL_MATRIX, q, s->d, 1.2f * in, true},
        {"attn_k.weight", true, FILL_MATRIX, kv, s->d, 1.2f * in, true},
        {"attn_v.weight", true, FILL_MATRIX, kv, s->d, in, true},
        {"attn_output.weight", true, FILL_MATRIX, s->d, q, 1 / sqrtf((float)q), false},
        {"attn_q_norm.weight", s->qwen3, FILL_NORM, 1, s->head_dim, 1.2f, false},
        {"attn_k_norm.weight", s->qwen3, FILL_NORM, 1, s->head_dim, 1.2f, false},
        {"attn_q.bias", s->bias, FILL_BIAS, 1, q, 0.3f, false},
        {"attn_k.bias", s->bias, FILL_BIAS, 1, kv, 0.3f, false},
        {"attn_v.bias", s->bias, FILL_BIAS, 1, kv, 0.3f, false},
        {"ffn_norm.weight", true, FILL_NORM, 1, s->d, 1, true},
        {"ffn_gate.weight", true, FILL_MATRIX, s->ffn, s->d, 1.4f * in, true},
        {"ffn_up.weight", true, FILL_MATRIX, s->ffn, s->d, 1.4f * in, true},
        {"ffn_down.weight", true, FILL_MATRIX, s->d, s->ffn, 1 / sqrtf((float)s->ffn), false},
    };
    for (int i = 0; i < PARTS_PER_LAYER; i++) {
        char name[NAME_MAX_BYTES];
        if (!parts[i].used) continue;
        snprintf(name, sizeof name, "blk.%u.%s", l, parts[i].name);
        add(m, name, parts[i].fill, parts[i].rows, parts[i].cols, parts[i].scale, parts[i].reads_norm);
        bool more_bits = l < n / 8 || l >= 7 * n / 8 || (l - n / 8) % 3 == 2; /* llama.cpp's choice for Q4_K_M */
        bool chosen = strstr(parts[i].name, "attn_v.w") || strstr(parts[i].name, "ffn_down");
        if (s->mixture && more_bits && chosen) m->tensors[m->n_tensors - 1].type = DTYPE_Q6_K;
    }
}

static sil_err add_all(struct maker *m) {
    const struct mm_spec *s = &m->s;
    m->tensors = ARENA_ARRAY(&m->arena, 4 + (size_t)s->layers * PARTS_PER_LAYER, struct tensor);
    if (!m->tensors) return SIL_NOMEM;
    /* Logits of deviation 3 or so. A tied embedding is small beside what the layers add, lest the last token predict
     * itself; its norm makes up for it. */
    float d = sqrtf((float)s->d);
    add(m, "token_embd.weight", FILL_MATRIX, s->vocab, s->d, s->tied ? 0.1f : 1, false);
    if (s->mixture && s->tied) m->tensors[0].type = DTYPE_Q6_K;
    add(m, "output_norm.weight", FILL_NORM, 1, s->d, s->tied ? 30 / d : 1, !s->tied);
    if (!s->tied) {
        add(m, "output.weight", FILL_MATRIX, s->vocab, s->d, 3 / d, true);
        if (s->mixture) m->tensors[m->n_tensors - 1].type = DTYPE_Q6_K;
    }
    if (s->rope == MM_ROPE_LLAMA3) add(m, "rope_freqs.weight", FILL_ROPE_FREQS, 1, s->head_dim / 2, 1, false);
    for (uint32_t l = 0; l < s->layers; l++) add_layer(m, l);
    return SIL_OK;
}

/* --- the file --- */

static uint32_t file_type(const struct mm_spec *s) {
    switch (s->type) {
    case DTYPE_F16: return 1;
    case DTYPE_Q4_0: return 2;
    case DTYPE_Q4_1: return 3;
    case DTYPE_Q8_0: return 7;
    case DTYPE_Q5_0: return 8;
    case DTYPE_Q5_1: return 9;
    case DTYPE_Q4_K: return s->mixture ? 15 : 14;
    case DTYPE_Q5_K: return 16;
    case DTYPE_Q6_K: return 18;
    case DTYPE_BF16: return 32;
    default: return 0;
    }
}

static sil_err put_sizes(struct gguf_writer *w, const struct mm_spec *s) {
    const char *arch = s->qwen3 ? "qwen3" : "llama";
    const struct {
        const char *key;
        uint32_t value;
    } sizes[] = {{"context_length", s->ctx},
                 {"embedding_length", s->d},
                 {"block_count", s->layers},
                 {"feed_forward_length", s->ffn},
                 {"attention.head_count", s->heads},
                 {"attention.head_count_kv", s->kv_heads},
                 {"attention.key_length", s->head_dim},
                 {"attention.value_length", s->head_dim},
                 {"rope.dimension_count", s->head_dim},
                 {"vocab_size", s->vocab}};
    char key[96];
    SIL_TRY(gguf_put_str(w, "general.architecture", str_of(arch)));
    SIL_TRY(gguf_put_str(w, "general.name", STR("random weights for tests")));
    SIL_TRY(gguf_put_u32(w, "general.file_type", file_type(s)));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(key, sizeof key, "%s.%s", arch, sizes[i].key);
        SIL_TRY(gguf_put_u32(w, key, sizes[i].value));
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", arch);
    SIL_TRY(gguf_put_f32(w, key, s->eps));
    snprintf(key, sizeof key, "%s.rope.freq_base", arch);
    return gguf_put_f32(w, key, 10000);
}

static sil_err put_rope(struct gguf_writer *w, const struct mm_spec *s) {
    const char *arch = s->qwen3 ? "qwen3" : "llama";
    char key[96];
    if (s->rope != MM_ROPE_LINEAR && s->rope != MM_ROPE_YARN) return SIL_OK;
    snprintf(key, sizeof key, "%s.rope.scaling.type", arch);
    SIL_TRY(gguf_put_str(w, key, s->rope == MM_ROPE_LINEAR ? STR("linear") : STR("yarn")));
    snprintf(key, sizeof key, "%s.rope.scaling.factor", arch);
    SIL_TRY(gguf_put_f32(w, key, 4));
    snprintf(key, sizeof key, "%s.rope.scaling.original_context_length", arch);
    return gguf_put_u32(w, key, s->ctx / 4);
}

static sil_err maker_write(void *ctx, const void *p, size_t n, struct sil_error *e) {
    struct maker *m = ctx;
    if (m->file) return file_write(m->file, p, n, e);
    sil_err err = buf_put(m->buf, p, n);
    return err == SIL_OK ? err : err_set(e, err, "no room for the model");
}

static sil_err maker_fill(void *ctx, size_t index, uint64_t n_bytes, struct sil_error *e) {
    struct maker *m = ctx;
    const struct tensor *t = &m->tensors[index];
    const struct dtype_info *info = dtype_get(t->type);
    size_t row_bytes = (size_t)t->cols / info->block_len * info->block_bytes;
    if (row_bytes * t->rows != n_bytes) return err_set(e, SIL_FORMAT, "%s: another size than was put", t->name);
    for (uint32_t r = 0; r < t->rows; r++) {
        make_row(m, t, r, m->row);
        encode_row(t->type, m->row, t->cols, m->encoded);
        SIL_TRY(maker_write(m, m->encoded, row_bytes, e));
    }
    return SIL_OK;
}

static sil_err make(struct maker *m, struct sil_error *e) {
    struct gguf_writer *w;
    const struct mm_spec *s = &m->s;
    SIL_TRY(check(s, e));
    pick_outliers(m);
    SIL_TRY(add_all(m));
    SIL_TRY(gguf_writer_new(&m->arena, 32, &w));
    SIL_TRY(put_sizes(w, s));
    SIL_TRY(put_rope(w, s));
    SIL_TRY(s->byte_bpe ? mm_put_bpe(w, &m->arena, s->vocab, s->qwen3 ? "qwen2" : "llama-bpe")
                        : mm_put_spm(w, &m->arena, s->vocab));
    if (s->chat) SIL_TRY(mm_put_chatml(w));
    uint32_t longest = 0;
    for (uint32_t i = 0; i < m->n_tensors; i++) {
        const struct tensor *t = &m->tensors[i];
        SIL_TRY(
            gguf_put_tensor(w, t->name, t->type, t->fill == FILL_MATRIX ? 2 : 1, (uint64_t[]){t->cols, t->rows}, NULL));
        longest = t->cols > longest ? t->cols : longest;
    }
    m->row = ARENA_ARRAY(&m->arena, longest, float);
    m->encoded = ARENA_ARRAY(&m->arena, (size_t)longest * 4, uint8_t);
    if (!m->row || !m->encoded) return SIL_NOMEM;
    return gguf_write(w, (struct gguf_sink){maker_write, maker_fill, m}, e);
}

static sil_err run(struct maker *m, struct sil_error *e) {
    arena_init(&m->arena, mem_libc(), (size_t)1 << 30);
    sil_err err = make(m, e);
    arena_free(&m->arena);
    if (err == SIL_NOMEM) err_set(e, err, "no memory to make a model");
    return err;
}

sil_err mm_write_file(const struct mm_spec *s, const char *path, struct sil_error *e) {
    struct file_out file;
    SIL_TRY(file_create(path, &file, e));
    struct maker m = {.s = *s, .file = &file};
    sil_err err = run(&m, e);
    if (err == SIL_OK) return file_commit(&file, e);
    file_discard(&file);
    return err;
}

sil_err mm_write_buf(const struct mm_spec *s, struct buf *b, struct sil_error *e) {
    struct maker m = {.s = *s, .buf = b};
    return run(&m, e);
}
