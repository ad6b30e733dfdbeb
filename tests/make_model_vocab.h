/* Vocabularies for make_model: every token can be reached, none means anything. */
#ifndef SIL_TESTS_MAKE_MODEL_VOCAB_H
#define SIL_TESTS_MAKE_MODEL_VOCAB_H

#include "base/arena.h"
#include "formats/gguf.h"

enum { MM_SPM_MIN = 3 + 256 + 95, MM_BPE_MIN = 256 + 3 };

/* The tokenizer.* metadata of n tokens; strings live in the arena. pre: name of the pre-split rules (BPE). */
sil_err mm_put_spm(struct gguf_writer *w, struct arena *a, uint32_t n);
sil_err mm_put_bpe(struct gguf_writer *w, struct arena *a, uint32_t n, const char *pre);
/* A ChatML template over <|im_start|> and <|im_end|>, which mm_put_bpe gives. */
sil_err mm_put_chatml(struct gguf_writer *w);

#endif
