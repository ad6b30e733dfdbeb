/* model: an opened model file as validated shapes over mapped weights, and its forward pass.
 * Immutable after model_open; any number of engines and threads may read it. */
#ifndef SIL_MODEL_MODEL_H
#define SIL_MODEL_MODEL_H

#include "base/arena.h"
#include "base/sha.h"
#include "formats/gguf.h"
#include "model/model_file.h"
#include "num/num.h"
#include "num/rope.h"
#include "sillok.h"
#include "text/template.h"
#include "text/tokenizer.h"

/* Limits of shapes; a file beyond one is refused with SIL_LIMIT. */
enum {
    MODEL_LAYERS_MAX = 1024,
    MODEL_WIDTH_MAX = 1 << 17, /* d_model, heads * head_dim */
    MODEL_FFN_MAX = 1 << 20,
    MODEL_HEADS_MAX = 1 << 12,
    MODEL_VOCAB_MAX = 1 << 22,
    MODEL_CTX_MAX = 1 << 30
};

/* What the metadata of a dense decoder says, checked for consistency. */
struct model_shape {
    uint32_t n_layers, d_model, n_heads, n_kv_heads, head_dim, d_ffn, n_vocab;
    uint32_t n_ctx;  /* the longest context the model was made for */
    uint32_t window; /* sliding-window length, 0 for full attention */
    float norm_eps;
    float attn_scale; /* multiplies each q.k */
    struct num_rope rope;
};

/* y = W x + b; bias is NULL where the model has none. */
struct model_linear {
    struct num_matrix w;
    const float *bias;
};

/* One decoder layer of the Llama class. */
struct model_layer {
    const float *attn_norm, *ffn_norm; /* [d_model] */
    const float *q_norm, *k_norm;      /* [head_dim], or NULL: Qwen3's QK-norm */
    struct model_linear q, k, v, o;
    struct model_linear gate, up, down;
};

enum { MODEL_LINEARS = 7 }; /* linear layers of a model_layer */

/* Linear layer k < MODEL_LINEARS of a layer, in the order of their use. */
static inline struct model_linear *model_linear_of(struct model_layer *l, uint32_t k) {
    struct model_linear *const all[MODEL_LINEARS] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
    return all[k];
}

struct model;
struct model_step;

/* A family of architectures: how its file is read and how its layers are run. One source file each. */
struct model_family {
    const char *arch; /* general.architecture */
    /* Fills m->layers from the file; shape, embedding, output and tokenizer are read before. */
    sil_err (*open)(struct model *m, struct sil_error *e);
    void (*forward)(const struct model *m, struct model_step *step);
};

struct model {
    struct arena arena; /* lifetime: the model's */
    struct mem mem;
    struct model_file *file;
    const struct gguf *gguf;
    const struct model_family *family;
    uint32_t cpu_mask;
    struct num_kernels k; /* for cpu_mask; weights are laid out for them */
    struct model_shape shape;
    struct num_matrix embed;    /* [n_vocab][d_model] */
    struct model_linear output; /* the same matrix when tied */
    bool tied;
    const float *output_norm;
    const float *rope_freqs; /* [n_rot/2] divisors, or NULL */
    struct model_layer *layers;
    void *packed; /* linear layers in the layout of k; NULL when k reads the file's */
    size_t packed_bytes;
    struct pack *pack;           /* what is not packed yet; NULL: nothing ever is */
    double *freq;                /* [n_rot/2], radians per position */
    double rope_magnitude;       /* multiplies cosine and sine */
    struct tokenizer *tok;       /* NULL when the file has none */
    struct template *chat;       /* NULL when the file has none */
    uint8_t *tensor_used;        /* while opening: which tensors a family has taken */
    struct sil_error chat_error; /* why chat is NULL although the file has a template */
};

/* Opens and validates for the kernels of a CPU mask (base/cpu.h), packing weights with n_threads, or with 0 leaving
 * that to the first steps; SIL_UNSUPPORTED names an architecture or weight type that Sillok lacks, and those it has. */
sil_err model_open(struct mem mem, const char *path, uint32_t cpu_mask, uint32_t n_threads, struct model **out,
                   struct sil_error *e);
void model_close(struct model *m); /* NULL is allowed */

/* Parameters (elements of all tensors) and bytes of the tensors in the file. */
void model_size(const struct model *m, uint64_t *n_params, uint64_t *n_bytes);

/* SHA-256 of the model's files, one behind the other: `cat FILES | sha256sum`. Reads all of them. */
void model_digest(const struct model *m, char out[SHA_HEX]);
/* The same, until *stop is set by another thread (NULL: nobody does). False when it was. */
bool model_digest_until(const struct model *m, const _Atomic bool *stop, char out[SHA_HEX]);

/* Bytes of one KV page: NUM_KV_PAGE positions of every layer and KV head. */
size_t model_kv_page_bytes(const struct model *m, enum sil_kv kv);

/* The families, NULL-terminated. */
extern const struct model_family *const model_families[];

#endif
