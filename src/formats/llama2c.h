/* llama2c: the model and tokenizer files of llama2.c (formats: export.py and tokenizer.py of karpathy's llama2.c, which
 * write them), read and turned into a GGUF file. Bytes in, no I/O. Versions: the headerless one ("version 0") and the
 * float32 one with the magic ak42 (version 1); the quantised version 2 is named in an error. */
#ifndef SIL_FORMATS_LLAMA2C_H
#define SIL_FORMATS_LLAMA2C_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "formats/gguf.h"
#include "sillok.h"

/* Limits; a header beyond one is not taken for a model. */
enum {
    LLAMA2C_DIM_MAX = 1 << 16,
    LLAMA2C_HIDDEN_MAX = 1 << 20,
    LLAMA2C_LAYERS_MAX = 1024,
    LLAMA2C_HEADS_MAX = 1024,
    LLAMA2C_VOCAB_MAX = 1 << 22,
    LLAMA2C_CONTEXT_MAX = 1 << 24,
    LLAMA2C_TOKEN_MAX = 4096 /* bytes of one token */
};

/* Each array lies in the file; layers one behind the other. Shapes are row-major, the last dimension the row length. */
struct llama2c {
    uint32_t version;
    uint32_t dim, hidden, n_layers, n_heads, n_kv_heads, n_vocab, n_ctx;
    const uint8_t *embedding;        /* [vocab][dim] */
    const uint8_t *att_norm;         /* [layer][dim] */
    const uint8_t *wq, *wk, *wv;     /* [layer][dim or kv dim][dim] */
    const uint8_t *wo;               /* [layer][dim][dim] */
    const uint8_t *ffn_norm;         /* [layer][dim] */
    const uint8_t *gate, *down, *up; /* w1 [layer][hidden][dim], w2 [layer][dim][hidden], w3 as w1 */
    const uint8_t *out_norm;         /* [dim] */
    const uint8_t *output;           /* [vocab][dim]; NULL: tied to the embedding */
};

/* SIL_FORMAT when the header or the size of the file is not that of a llama2.c model. The views lie in bytes. */
sil_err llama2c_parse(struct str bytes, struct llama2c *out, struct sil_error *e);

/* Tokens in the form that GGUF keeps them: U+2581 for spaces; types as in tokenizer.ggml.token_type. */
struct llama2c_vocab {
    uint32_t n;
    struct str *tokens;
    float *scores;
    int32_t *types;
};

/* tokenizer.bin for a model with n_vocab tokens; what it makes lives in the arena. SIL_FORMAT when the file does not
 * hold exactly n_vocab tokens. */
sil_err llama2c_vocab(struct arena *a, struct str bytes, uint32_t n_vocab, struct llama2c_vocab *out,
                      struct sil_error *e);

/* The model as a GGUF file of architecture "llama", all tensors F32, ready for gguf_write. It depends on nothing but
 * the two files, whose bytes must outlive the writing. */
sil_err llama2c_gguf(struct arena *a, const struct llama2c *m, const struct llama2c_vocab *v, struct gguf_writer **out,
                     struct sil_error *e);

#endif
