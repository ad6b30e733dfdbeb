/* llama2c_cases: a small llama2.c model and tokenizer, for test_llama2c and the corpus of its fuzz target. */
#ifndef SIL_TESTS_LLAMA2C_CASES_H
#define SIL_TESTS_LLAMA2C_CASES_H

#include <stdint.h>

#include "base/buf.h"

enum { LLAMA2C_CASE_VOCAB = 8 };

/* dim, hidden, layers, heads, KV heads, vocabulary, context; the tokenizer has LLAMA2C_CASE_VOCAB tokens. */
struct llama2c_shape {
    int32_t h[7];
    uint32_t version;
    bool tied;
};

extern const struct llama2c_shape llama2c_small;

/* Appends a model whose float number i (in file order) is i / 64. A version 0 header gives an untied model by a
 * negative vocabulary. */
void llama2c_make_model(struct buf *b, const struct llama2c_shape *s);
void llama2c_make_vocab(struct buf *b);

/* Inputs of the fuzz target: bytes of the model as u32, the model, the tokenizer. */
struct llama2c_case {
    const char *name;
    bool good;
    void (*make)(struct buf *model, struct buf *vocab);
};
extern const struct llama2c_case llama2c_cases[];
extern const size_t llama2c_n_cases;
void llama2c_make_case(const struct llama2c_case *c, struct buf *out);

#endif
