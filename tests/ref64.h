/* ref64: an independent evaluation of Llama-class and Qwen3 models in binary64, as an oracle for tests. Loops as in the
 * papers, libm, exact softmax, nothing rounded unless asked; of src/ it uses the GGUF parser and the error text alone.
 */
#ifndef SIL_TESTS_REF64_H
#define SIL_TESTS_REF64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dtype.h"
#include "sillok.h"

/* The n values of an encoded row (n a multiple of the type's block), exactly: every format's value fits a double. */
void ref64_dequant(enum dtype type, const uint8_t *p, size_t n, double *out);

/* The nearest binary16 value, ties to even, saturating. */
double ref64_half(double x);

/* What is rounded on the way, all else being binary64: an engine that rounds the same things shows errors of the same
 * size (not the same errors: a value next to a rounding boundary goes either way, and the difference spreads). */
enum ref64_mode {
    REF64_EXACT,
    REF64_KV,   /* keys and values to binary16 */
    REF64_CA1,  /* as KV, and before every quantised matrix the activations to 8 bits in blocks of 32 */
    REF64_INT8, /* as CA1, but queries, keys and values to 8 bits by head, and attention weights times their values'
                   scales to 8 bits in blocks of 32 positions: CA/1;kv=int8 */
    REF64_LLAMA /* what llama.cpp rounds on a CPU: keys, values, queries and attention weights to binary16, activations
                   to 8 bits in blocks of 32 (256 for K-quants), or to the matrix's own 16-bit format */
};

struct ref64;

/* Reads a GGUF file and holds all of its weights as doubles. */
sil_err ref64_open(const char *path, struct ref64 **out, struct sil_error *e);
void ref64_close(struct ref64 *m); /* NULL is allowed */
uint32_t ref64_vocab(const struct ref64 *m);

/* One sequence: each step appends a token and gives the logits after it (vocab doubles). At most max_tokens. The
 * model must outlive the run. */
struct ref64_run;
sil_err ref64_begin(const struct ref64 *m, size_t max_tokens, enum ref64_mode mode, struct ref64_run **out,
                    struct sil_error *e);
sil_err ref64_step(struct ref64_run *r, uint32_t token, double *logits, struct sil_error *e);
void ref64_end(struct ref64_run *r); /* NULL is allowed */

/* Logits of every position of tokens[n]: out[n][vocab]. */
sil_err ref64_logits(const struct ref64 *m, const uint32_t *tokens, size_t n, enum ref64_mode mode, double *out,
                     struct sil_error *e);

/* A text of n tokens that the model writes itself, in exact arithmetic at temperature 1: on it a perplexity means
 * something. tokens[0] is given; tokens[1 .. n] are drawn, with tokens[i + 1] after logits[i][vocab]. */
sil_err ref64_write(const struct ref64 *m, uint64_t seed, size_t n, uint32_t *tokens, double *logits,
                    struct sil_error *e);

/* KL(p || q) in nats of the distributions of two rows of logits, and -log p(token). */
double ref64_kl(const double *p, const double *q, uint32_t n);
double ref64_nll(const double *logits, uint32_t n, uint32_t token);
uint32_t ref64_argmax(const double *logits, uint32_t n);

#endif
