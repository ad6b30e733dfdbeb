#include "formats/llama2c.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/err.h"
#include "formats/reader.h"

enum {
    MAGIC = 0x616b3432, /* "ak42" */
    HEADER_1 = 256,     /* bytes of a version 1 header, padded with zeros */
    UNK = 0,
    BOS = 1,
    EOS = 2,
    TYPE_NORMAL = 1,
    TYPE_UNKNOWN = 2,
    TYPE_CONTROL = 3,
    TYPE_BYTE = 6
};

/* The constants of llama2.c, which its files do not carry. */
static const float RMS_EPS = 1e-5f, ROPE_BASE = 10000.0f;

static bool between(int32_t v, int32_t most) {
    return v >= 1 && v <= most;
}

/* Fills the parameters from the seven integers; SIL_FORMAT when they cannot be a model. */
static sil_err parameters(const int32_t h[7], bool tied, struct llama2c *m, struct sil_error *e) {
    bool good = between(h[0], LLAMA2C_DIM_MAX) && between(h[1], LLAMA2C_HIDDEN_MAX) &&
                between(h[2], LLAMA2C_LAYERS_MAX) && between(h[3], LLAMA2C_HEADS_MAX) &&
                between(h[4], LLAMA2C_HEADS_MAX) && between(h[5], LLAMA2C_VOCAB_MAX) &&
                between(h[6], LLAMA2C_CONTEXT_MAX);
    if (!good)
        return err_set(e, SIL_FORMAT,
                       "not a llama2.c model: its header says dim %d, hidden %d, layers %d, heads %d, KV heads %d, "
                       "vocabulary %d, context %d",
                       h[0], h[1], h[2], h[3], h[4], h[5], h[6]);
    if (h[0] % h[3] != 0 || h[0] / h[3] % 2 != 0 || h[3] % h[4] != 0)
        return err_set(e, SIL_FORMAT, "not a llama2.c model: dim %d, %d heads and %d KV heads do not go together", h[0],
                       h[3], h[4]);
    m->dim = (uint32_t)h[0];
    m->hidden = (uint32_t)h[1];
    m->n_layers = (uint32_t)h[2];
    m->n_heads = (uint32_t)h[3];
    m->n_kv_heads = (uint32_t)h[4];
    m->n_vocab = (uint32_t)h[5];
    m->n_ctx = (uint32_t)h[6];
    m->output = tied ? NULL : (const uint8_t *)""; /* placed with the others */
    return SIL_OK;
}

static sil_err header_0(struct reader *r, struct llama2c *m, struct sil_error *e) {
    int32_t h[7];
    if (!reader_bytes(r, h, sizeof h))
        return err_set(e, SIL_FORMAT, "not a llama2.c model: it has only %zu bytes", r->n);
    bool tied = h[5] > 0;
    if (h[5] < 0 && h[5] > INT32_MIN) h[5] = -h[5];
    return parameters(h, tied, m, e);
}

static sil_err header_1(struct reader *r, struct llama2c *m, struct sil_error *e) {
    int32_t h[7];
    uint8_t tied, pad;
    if (!reader_bytes(r, h, sizeof h) || !reader_bytes(r, &tied, 1))
        return err_set(e, SIL_FORMAT, "the file ends in the middle of its header (a broken download?)");
    if (tied > 1) return err_set(e, SIL_FORMAT, "the flag of a shared classifier is %u; it can be 0 or 1", tied);
    for (size_t at = r->at; at < HEADER_1; at++)
        if (!reader_bytes(r, &pad, 1) || pad != 0)
            return err_set(e, SIL_FORMAT, "byte %zu of the header, which is padding, is missing or not 0", at);
    return parameters(h, tied, m, e);
}

/* The next count * rows * cols floats; false when the file is too short. */
static bool floats(struct reader *r, uint64_t count, uint64_t rows, uint64_t cols, const uint8_t **out) {
    uint64_t n;
    return u64_mul(count, rows, &n) && u64_mul(n, cols, &n) && u64_mul(n, sizeof(float), &n) && reader_take(r, n, out);
}

/* The order of version 0, which also stores the rotary angles that nobody reads any more. */
static bool arrays_0(struct reader *r, struct llama2c *m) {
    assert(m->n_heads > 0); /* parameters() made sure */
    uint64_t n = m->n_layers, dim = m->dim, hidden = m->hidden, kv = dim / m->n_heads * m->n_kv_heads;
    const uint8_t *unused;
    return floats(r, 1, m->n_vocab, dim, &m->embedding) && floats(r, n, 1, dim, &m->att_norm) &&
           floats(r, n, dim, dim, &m->wq) && floats(r, n, kv, dim, &m->wk) && floats(r, n, kv, dim, &m->wv) &&
           floats(r, n, dim, dim, &m->wo) && floats(r, n, 1, dim, &m->ffn_norm) &&
           floats(r, n, hidden, dim, &m->gate) && floats(r, n, dim, hidden, &m->down) &&
           floats(r, n, hidden, dim, &m->up) && floats(r, 1, 1, dim, &m->out_norm) &&
           floats(r, m->n_ctx, 1, dim / m->n_heads, &unused) &&
           (!m->output || floats(r, 1, m->n_vocab, dim, &m->output));
}

static bool arrays_1(struct reader *r, struct llama2c *m) {
    assert(m->n_heads > 0); /* parameters() made sure */
    uint64_t n = m->n_layers, dim = m->dim, hidden = m->hidden, kv = dim / m->n_heads * m->n_kv_heads;
    return floats(r, n, 1, dim, &m->att_norm) && floats(r, n, 1, dim, &m->ffn_norm) &&
           floats(r, 1, 1, dim, &m->out_norm) && floats(r, 1, m->n_vocab, dim, &m->embedding) &&
           floats(r, n, dim, dim, &m->wq) && floats(r, n, kv, dim, &m->wk) && floats(r, n, kv, dim, &m->wv) &&
           floats(r, n, dim, dim, &m->wo) && floats(r, n, hidden, dim, &m->gate) &&
           floats(r, n, dim, hidden, &m->down) && floats(r, n, hidden, dim, &m->up) &&
           (!m->output || floats(r, 1, m->n_vocab, dim, &m->output));
}

sil_err llama2c_parse(struct str bytes, struct llama2c *out, struct sil_error *e) {
    struct reader r = reader_over(bytes.p, bytes.n);
    struct llama2c m = {0};
    uint32_t magic = 0;
    bool has_magic = reader_u32(&r, &magic) && magic == MAGIC;
    if (has_magic) {
        if (!reader_u32(&r, &m.version)) return err_set(e, SIL_FORMAT, "the file ends after its magic number");
        if (m.version != 1)
            return err_set(e, SIL_UNSUPPORTED, "a llama2.c model of version %u%s; versions 0 and 1 are supported",
                           m.version, m.version == 2 ? " (quantised)" : "");
        SIL_TRY(header_1(&r, &m, e));
    } else {
        r = reader_over(bytes.p, bytes.n);
        SIL_TRY(header_0(&r, &m, e));
    }
    if (!(has_magic ? arrays_1(&r, &m) : arrays_0(&r, &m)))
        return err_set(e, SIL_FORMAT,
                       "the file's %zu bytes are too few for the model that its header describes (a "
                       "broken download?)",
                       bytes.n);
    if (reader_left(&r) != 0)
        return err_set(e, SIL_FORMAT, "%zu bytes follow the model that the header describes", reader_left(&r));
    *out = m;
    return SIL_OK;
}

/* <0xNN> */
static bool is_byte_token(struct str s) {
    if (s.n != 6 || memcmp(s.p, "<0x", 3) != 0 || s.p[5] != '>') return false;
    for (int i = 3; i < 5; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'A' && s.p[i] <= 'F'))) return false;
    return true;
}

/* A token's text as GGUF has it: llama2.c writes spaces where SentencePiece has U+2581. */
static sil_err spaced(struct arena *a, struct str in, struct str *out, struct sil_error *e) {
    static const char lower_block[3] = "\xe2\x96\x81";
    size_t spaces = 0, k = 0;
    for (size_t i = 0; i < in.n; i++) spaces += in.p[i] == ' ';
    char *p = arena_alloc(a, in.n + 2 * spaces + 1, 1);
    if (!p) return err_nomem(e, "the vocabulary", in.n);
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != ' ') {
            p[k++] = in.p[i];
            continue;
        }
        memcpy(p + k, lower_block, sizeof lower_block);
        k += sizeof lower_block;
    }
    *out = (struct str){p, k};
    return SIL_OK;
}

static sil_err read_token(struct arena *a, struct reader *r, uint32_t id, struct llama2c_vocab *v,
                          struct sil_error *e) {
    uint32_t n;
    const uint8_t *p;
    if (!reader_bytes(r, &v->scores[id], sizeof(float)) || !reader_u32(r, &n))
        return err_set(e, SIL_FORMAT, "the tokenizer ends before token %u of %u; is it the one of this model?", id,
                       v->n);
    if (n > LLAMA2C_TOKEN_MAX || !reader_take(r, n, &p))
        return err_set(e, SIL_FORMAT, "token %u has a length of %u bytes: beyond the file or the limit of %d", id, n,
                       LLAMA2C_TOKEN_MAX);
    if (!isfinite(v->scores[id])) return err_set(e, SIL_FORMAT, "token %u has a score that is not a finite number", id);
    struct str text = {(const char *)p, n};
    v->types[id] = TYPE_NORMAL;
    if (is_byte_token(text)) v->types[id] = TYPE_BYTE;
    if (id == UNK) v->types[id] = TYPE_UNKNOWN;
    if (id != BOS && id != EOS) return spaced(a, text, &v->tokens[id], e);
    /* llama2.c writes these with line ends around them. */
    v->types[id] = TYPE_CONTROL;
    v->tokens[id] = id == BOS ? STR("<s>") : STR("</s>");
    return SIL_OK;
}

sil_err llama2c_vocab(struct arena *a, struct str bytes, uint32_t n_vocab, struct llama2c_vocab *out,
                      struct sil_error *e) {
    struct reader r = reader_over(bytes.p, bytes.n);
    struct llama2c_vocab v = {.n = n_vocab};
    uint32_t longest;
    if (!reader_u32(&r, &longest) || !reader_fits(&r, n_vocab, 8))
        return err_set(e, SIL_FORMAT,
                       "%zu bytes are too few for a tokenizer of %u tokens; is it the one of this model?", bytes.n,
                       n_vocab);
    v.tokens = ARENA_ARRAY(a, n_vocab, struct str);
    v.scores = ARENA_ARRAY(a, n_vocab, float);
    v.types = ARENA_ARRAY(a, n_vocab, int32_t);
    if (!v.tokens || !v.scores || !v.types) return err_nomem(e, "the vocabulary", n_vocab * sizeof *v.tokens);
    for (uint32_t i = 0; i < n_vocab; i++) SIL_TRY(read_token(a, &r, i, &v, e));
    if (reader_left(&r) != 0)
        return err_set(e, SIL_FORMAT, "the tokenizer has more than the model's %u tokens; is it the one of this model?",
                       n_vocab);
    *out = v;
    return SIL_OK;
}

static void put_keys(struct gguf_writer *w, const struct llama2c *m, const struct llama2c_vocab *v) {
    gguf_put_str(w, "general.architecture", STR("llama"));
    gguf_put_u32(w, "general.file_type", 0); /* all F32 */
    gguf_put_u32(w, "llama.vocab_size", m->n_vocab);
    gguf_put_u32(w, "llama.context_length", m->n_ctx);
    gguf_put_u32(w, "llama.embedding_length", m->dim);
    gguf_put_u32(w, "llama.block_count", m->n_layers);
    gguf_put_u32(w, "llama.feed_forward_length", m->hidden);
    gguf_put_u32(w, "llama.attention.head_count", m->n_heads);
    gguf_put_u32(w, "llama.attention.head_count_kv", m->n_kv_heads);
    gguf_put_f32(w, "llama.attention.layer_norm_rms_epsilon", RMS_EPS);
    gguf_put_u32(w, "llama.rope.dimension_count", m->dim / m->n_heads);
    gguf_put_f32(w, "llama.rope.freq_base", ROPE_BASE);
    gguf_put_str(w, "tokenizer.ggml.model", STR("llama"));
    gguf_put_str(w, "tokenizer.ggml.pre", STR("default"));
    gguf_put_array_str(w, "tokenizer.ggml.tokens", v->tokens, v->n);
    gguf_put_array(w, "tokenizer.ggml.scores", GGUF_F32, v->scores, v->n);
    gguf_put_array(w, "tokenizer.ggml.token_type", GGUF_I32, v->types, v->n);
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", BOS);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", EOS);
    gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", UNK);
    gguf_put_bool(w, "tokenizer.ggml.add_bos_token", true);
    gguf_put_bool(w, "tokenizer.ggml.add_eos_token", false);
    gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", true);
}

/* One layer's part of an array of rows * cols floats per layer; rows == 0: a vector. */
static sil_err put_part(struct gguf_writer *w, uint32_t layer, const char *name, const uint8_t *all, uint64_t rows,
                        uint64_t cols) {
    char full[64];
    uint64_t dims[2] = {cols, rows};
    size_t part = (size_t)((rows ? rows : 1) * cols * sizeof(float)); /* lies in the file: cannot wrap */
    snprintf(full, sizeof full, "blk.%u.%s.weight", layer, name);
    return gguf_put_tensor(w, full, DTYPE_F32, rows ? 2 : 1, dims, all + part * layer);
}

/* llama2.c rotates adjacent pairs, as GGUF's llama does: no row changes its place. */
static sil_err put_layer(struct gguf_writer *w, const struct llama2c *m, uint32_t i) {
    uint64_t dim = m->dim, kv = dim / m->n_heads * m->n_kv_heads;
    put_part(w, i, "attn_norm", m->att_norm, 0, dim);
    put_part(w, i, "attn_q", m->wq, dim, dim);
    put_part(w, i, "attn_k", m->wk, kv, dim);
    put_part(w, i, "attn_v", m->wv, kv, dim);
    put_part(w, i, "attn_output", m->wo, dim, dim);
    put_part(w, i, "ffn_norm", m->ffn_norm, 0, dim);
    put_part(w, i, "ffn_gate", m->gate, m->hidden, dim);
    put_part(w, i, "ffn_up", m->up, m->hidden, dim);
    return put_part(w, i, "ffn_down", m->down, dim, m->hidden);
}

sil_err llama2c_gguf(struct arena *a, const struct llama2c *m, const struct llama2c_vocab *v, struct gguf_writer **out,
                     struct sil_error *e) {
    struct gguf_writer *w;
    if (v->n != m->n_vocab) return err_set(e, SIL_ARG, "the tokenizer has %u tokens, the model %u", v->n, m->n_vocab);
    if (m->n_vocab <= EOS) return err_set(e, SIL_FORMAT, "a vocabulary of %u tokens has no </s>", m->n_vocab);
    if (gguf_writer_new(a, 32, &w) != SIL_OK) return err_nomem(e, "the description of a GGUF file", 0);
    put_keys(w, m, v);
    uint64_t table[2] = {m->dim, m->n_vocab};
    sil_err err = gguf_put_tensor(w, "token_embd.weight", DTYPE_F32, 2, table, m->embedding);
    for (uint32_t i = 0; err == SIL_OK && i < m->n_layers; i++) err = put_layer(w, m, i);
    if (err == SIL_OK) err = gguf_put_tensor(w, "output_norm.weight", DTYPE_F32, 1, table, m->out_norm);
    if (err == SIL_OK && m->output) err = gguf_put_tensor(w, "output.weight", DTYPE_F32, 2, table, m->output);
    if (err != SIL_OK) return err_nomem(e, "the description of a GGUF file", 0);
    *out = w;
    return SIL_OK;
}
