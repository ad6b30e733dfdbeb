/* make_model: small random models as GGUF files, the same bytes for the same spec on every machine. The weights before
 * encoding depend on seed, sizes and tensor names only, so files that differ in `type` hold the same model. Scales are
 * such that the next-token distributions are far from uniform and attention is not flat. */
#ifndef SIL_TESTS_MAKE_MODEL_H
#define SIL_TESTS_MAKE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/dtype.h"
#include "sillok.h"

enum mm_rope { MM_ROPE_NONE, MM_ROPE_LINEAR, MM_ROPE_LLAMA3, MM_ROPE_YARN };

struct mm_spec {
    bool qwen3;      /* else llama */
    enum dtype type; /* of every matrix; norms and biases are F32 */
    bool mixture;    /* as Q4_K_M: type for most, Q6_K for the output and half of attn_v and ffn_down */
    uint32_t d, layers, heads, kv_heads, head_dim, ffn, vocab, ctx;
    bool tied; /* no output.weight */
    bool bias; /* QKV bias */
    enum mm_rope rope;
    uint32_t outliers; /* channels whose normalised activations are 50 times the others' */
    bool chat;         /* with a ChatML template (byte_bpe only: its tokens are in that vocabulary) */
    bool byte_bpe;     /* byte-level BPE vocabulary, else SentencePiece */
    float eps;         /* of the norms */
    uint64_t seed;
};

/* llama, F32, d 256, 3 layers, 4 heads of 64 over 2, ffn 512, vocabulary 512, context 512, SentencePiece, untied. */
struct mm_spec mm_default(void);
/* "tiny" (the default), "100m", "1.1b" (the shape of the speed goals): sizes only. False for another name. */
bool mm_preset(const char *name, struct mm_spec *s);

/* SIL_ARG when the sizes do not fit each other or the type's blocks. Writes the model to a file, or appends it to b. */
sil_err mm_write_file(const struct mm_spec *s, const char *path, struct sil_error *e);
sil_err mm_write_buf(const struct mm_spec *s, struct buf *b, struct sil_error *e);

#endif
