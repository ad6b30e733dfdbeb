/* ref64: an independent evaluation of Llama-class and Qwen3 models in binary64, as an oracle for tests. Loops as in the
 * papers, libm, exact softmax, no quantised activations; of src/ it uses the GGUF parser and the error text alone. */
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

enum ref64_kv { REF64_KV_EXACT, REF64_KV_F16 /* keys and values rounded to binary16 */ };

struct ref64;

/* Reads a GGUF file and holds all of its weights as doubles. */
sil_err ref64_open(const char *path, struct ref64 **out, struct sil_error *e);
void ref64_close(struct ref64 *m); /* NULL is allowed */
uint32_t ref64_vocab(const struct ref64 *m);

/* Logits of every position of tokens[n]: out[n][vocab]. */
sil_err ref64_logits(const struct ref64 *m, const uint32_t *tokens, size_t n, enum ref64_kv kv, double *out,
                     struct sil_error *e);

/* KL(p || q) in nats of the distributions of two rows of logits, and -log p(token). */
double ref64_kl(const double *p, const double *q, uint32_t n);
double ref64_nll(const double *logits, uint32_t n, uint32_t token);
uint32_t ref64_argmax(const double *logits, uint32_t n);

#endif
