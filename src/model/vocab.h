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

#endif
