#include "model/model.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "model/families.h"
#include "model/pack.h"
#include "model/shape.h"
#include "model/tensors.h"
#include "model/vocab.h"

const struct model_family *const model_families[] = {&llama_family, &qwen3_family, NULL};

static sil_err find_family(struct model *m, struct sil_error *e) {
    struct str arch;
    SIL_TRY(gguf_str(m->gguf, "general.architecture", &arch, e));
    char known[256];
    size_t n = 0;
    for (size_t i = 0; model_families[i]; i++) {
        if (str_eq(arch, str_of(model_families[i]->arch))) {
            m->family = model_families[i];
            return SIL_OK;
        }
        int k = snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", model_families[i]->arch);
        n += k > 0 && (size_t)k < sizeof known - n ? (size_t)k : 0;
    }
    return err_set(e, SIL_UNSUPPORTED, "architecture \"%.*s\" is not supported; supported: %s", STR_ARG(arch), known);
}

/* The embedding's rows are the vocabulary. */
static sil_err read_vocab_size(struct model *m, struct sil_error *e) {
    const struct gguf_tensor *t = gguf_tensor(m->gguf, "token_embd.weight");
    if (!t)
        return err_set(e, SIL_FORMAT, "tensor token_embd.weight is missing; the file holds no model%s",
                       m->gguf->n_tensors == 0 ? ", only a vocabulary" : "");
    if (t->dims[1] == 0 || t->dims[1] > MODEL_VOCAB_MAX)
        return err_set(e, SIL_LIMIT, "a vocabulary of %llu; 1 to %d are possible", (unsigned long long)t->dims[1],
                       MODEL_VOCAB_MAX);
    m->shape.n_vocab = (uint32_t)t->dims[1];
    return SIL_OK;
}

static sil_err open_ends(struct model *m, struct sil_error *e) {
    const struct model_shape *s = &m->shape;
    SIL_TRY(tensors_matrix(m, "token_embd.weight", s->n_vocab, s->d_model, &m->embed, e));
    SIL_TRY(tensors_vector(m, "output_norm.weight", s->d_model, &m->output_norm, e));
    m->tied = gguf_tensor(m->gguf, "output.weight") == NULL;
    if (!m->tied) return tensors_linear(m, -1, "output", s->n_vocab, s->d_model, &m->output, e);
    m->output.w = m->embed;
    return SIL_OK;
}

static sil_err open_rope(struct model *m, struct sil_error *e) {
    uint32_t half = m->shape.rope.n_rot / 2;
    SIL_TRY(tensors_vector_opt(m, "rope_freqs.weight", half, &m->rope_freqs, e));
    for (uint32_t i = 0; m->rope_freqs && i < half; i++)
        if (!(m->rope_freqs[i] > 0.0f))
            return err_set(e, SIL_FORMAT, "tensor rope_freqs.weight: element %u is %g; it must be above 0", i,
                           (double)m->rope_freqs[i]);
    m->shape.rope.freq_factors = m->rope_freqs;
    m->freq = ARENA_ARRAY(&m->arena, half, double);
    if (!m->freq) return err_nomem(e, "rotary frequencies", half * sizeof(double));
    num_rope_freqs(&m->shape.rope, m->freq, &m->rope_magnitude);
    return SIL_OK;
}

/* A template that Sillok cannot read is no reason to refuse the model: it stays usable for completion. */
static sil_err open_text(struct model *m, struct sil_error *e) {
    if (!gguf_find(m->gguf, "tokenizer.ggml.model")) return SIL_OK;
    SIL_TRY(vocab_open(m->gguf, m->mem, &m->tok, e));
    if (tok_count(m->tok) > m->shape.n_vocab)
        return err_set(e, SIL_FORMAT, "the tokenizer has %u tokens, the embedding only %u", tok_count(m->tok),
                       m->shape.n_vocab);
    struct str source = vocab_chat_template(m->gguf);
    if (source.n == 0) return SIL_OK;
    struct template_limits limits = template_limits_default();
    sil_err err = template_parse(m->mem, source, &limits, &m->chat, &m->chat_error);
    if (err == SIL_NOMEM) return err_nomem(e, "the chat template", source.n);
    if (err != SIL_OK) m->chat = NULL;
    return SIL_OK;
}

static sil_err open_parts(struct model *m, const char *path, struct sil_error *e) {
    SIL_TRY(model_file_open(path, m->mem, &m->file, e));
    m->gguf = model_file_gguf(m->file);
    m->tensor_used = ARENA_ARRAY(&m->arena, m->gguf->n_tensors, uint8_t);
    if (!m->tensor_used) return err_nomem(e, "the tensor list", m->gguf->n_tensors);
    SIL_TRY(find_family(m, e));
    SIL_TRY(shape_read(m->gguf, m->family->arch, &m->shape, e));
    SIL_TRY(read_vocab_size(m, e));
    SIL_TRY(open_ends(m, e));
    SIL_TRY(open_rope(m, e));
    SIL_TRY(m->family->open(m, e));
    SIL_TRY(tensors_all_used(m, e));
    return open_text(m, e);
}

sil_err model_open(struct mem mem, const char *path, uint32_t cpu_mask, uint32_t n_threads, struct model **out,
                   struct sil_error *e) {
    struct model *m = mem_array(mem, 1, sizeof *m);
    if (!m) return err_nomem(e, "a model", sizeof *m);
    m->mem = mem;
    m->cpu_mask = cpu_mask;
    num_kernels_init(&m->k, cpu_mask);
    arena_init(&m->arena, mem, SIZE_MAX);
    struct pool *pool = NULL;
    sil_err err = n_threads ? pool_open(n_threads, &pool, e) : SIL_OK;
    if (err == SIL_OK) err = open_parts(m, path, e);
    if (err == SIL_OK) err = pack_open(m, e);
    if (err == SIL_OK && pool) pack_all(m, pool);
    pool_close(pool);
    if (err != SIL_OK) {
        model_close(m);
        return e && !strstr(e->text, path) ? err_prefix(e, err, "%s", path) : err;
    }
    *out = m;
    return SIL_OK;
}

void model_close(struct model *m) {
    if (!m) return;
    template_free(m->chat);
    tok_close(m->tok);
    model_file_close(m->file);
    pack_free(m);
    arena_free(&m->arena);
    mem_free(m->mem, m);
}

void model_size(const struct model *m, uint64_t *n_params, uint64_t *n_bytes) {
    *n_params = *n_bytes = 0;
    for (size_t i = 0; i < m->gguf->n_tensors; i++) {
        const struct gguf_tensor *t = &m->gguf->tensors[i];
        *n_params += t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
        *n_bytes += t->n_bytes;
    }
}

bool model_digest_until(const struct model *m, const _Atomic bool *stop, char out[SHA_HEX]) {
    enum { PART = 16 << 20 };
    struct sha sha;
    sha_begin(&sha);
    for (uint32_t i = 0; i < model_file_shards(m->file); i++) {
        struct str bytes = model_file_bytes(m->file, i);
        for (size_t at = 0; at < bytes.n; at += PART) {
            size_t n = bytes.n - at < PART ? bytes.n - at : PART;
            if (stop && atomic_load(stop)) return false;
            sha_add(&sha, bytes.p + at, n);
            file_map_release(bytes.p + at, n); /* read once; not to stay in memory beside the packed weights */
        }
    }
    sha_end(&sha, out);
    return true;
}

void model_digest(const struct model *m, char out[SHA_HEX]) {
    (void)model_digest_until(m, NULL, out);
}

size_t model_kv_page_bytes(const struct model *m, enum sil_kv kv) {
    return (size_t)m->shape.n_layers * m->shape.n_kv_heads * num_kv_bytes(kv, m->shape.head_dim);
}
