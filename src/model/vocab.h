/* vocab: the tokenizer that a GGUF file carries in its metadata (keys: docs/gguf.md of the ggml project). */
#ifndef SIL_MODEL_VOCAB_H
#define SIL_MODEL_VOCAB_H

#include "formats/gguf.h"
#include "text/tokenizer.h"

/* From the keys tokenizer.ggml.*. The tokenizer is independent of g afterwards. SIL_FORMAT when a key is missing, has
 * the wrong type or contradicts another; SIL_UNSUPPORTED for a kind of tokenizer that Sillok does not know. */
sil_err vocab_open(const struct gguf *g, struct mem mem, struct tokenizer **out, struct sil_error *e);

/* The chat template, a view into the file; empty when there is none. */
struct str vocab_chat_template(const struct gguf *g);

/* SHA-256 over everything in the metadata that makes token ids of text: the keys tokenizer.* but chat templates, with
 * their values, in ascending order of keys. out: 64 hexadecimal digits and a NUL (SHA_HEX). */
void vocab_digest(const struct gguf *g, char out[65]);

#endif
