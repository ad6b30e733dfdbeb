/* inspect: private to cmd_inspect.c and inspect_json.c. What a model file says about itself. */
#ifndef SIL_CMD_INSPECT_H
#define SIL_CMD_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/memory.h"
#include "model/model_file.h"

enum { INSPECT_TYPES_MAX = 64, INSPECT_NUMBER = 40, INSPECT_FIRST = 8 };

struct inspect_type {
    uint32_t type;
    uint64_t tensors, parameters, bytes; /* bytes 0 when the type is unknown to Sillok */
};

/* Views into the file; numbers with has_ == false are not in it. */
struct inspect {
    const char *path;
    const struct gguf *g;
    uint32_t n_files;
    uint64_t bytes, parameters;
    struct inspect_type types[INSPECT_TYPES_MAX]; /* as they come; further types are not counted apart */
    uint32_t n_types;
    struct str arch, name, tok_model, tok_pre, chat_template; /* n == 0: none */
    struct {
        bool has;
        uint32_t v;
    } context, layers, width, ffn, heads, kv_heads, head_dim, bos, eos;
    uint64_t tokens, merges;
    bool has_memory; /* false when Sillok cannot run the model */
    struct model_memory memory;
};

/* "Q4_K", or "type 77" in `out` for a number without a name. */
const char *inspect_type_name(uint32_t type, char out[INSPECT_NUMBER]);

/* The shortest decimal that reads back as the same f32 (f64): locale-independent. */
void inspect_float(double v, bool f32, char out[INSPECT_NUMBER]);

/* Prints the whole as JSON. */
sil_err inspect_json(const struct inspect *s, bool tensors, struct sil_error *e);

#endif
