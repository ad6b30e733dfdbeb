/* vocab: the tokenizer of a training run, as the trained file will carry it: from a tokenizer.json (byte-level BPE or
 * unigram) or from the metadata of a GGUF file, and the chat template. Texts are tokenized by what is written into the
 * file, so that training sees what running sees. */
#ifndef SIL_LEARN_VOCAB_H
#define SIL_LEARN_VOCAB_H

#include "base/arena.h"
#include "formats/gguf.h"
#include "model/model_file.h"
#include "text/template.h"
#include "text/tokenizer.h"

struct learn_vocab {
    struct arena arena;
    struct mem mem;
    struct tok_spec spec;    /* of a tokenizer.json; n_tokens is set in either case */
    struct model_file *file; /* of a GGUF file */
    struct tokenizer *tok;
    struct str chat_source; /* empty: none */
    struct template *chat;  /* NULL: none */
};

/* path: .json or .gguf. pre: the name of its splitting rules in GGUF ("qwen2"), which must do what the tokenizer.json
 * says: texts are compared while tokenizing with learn_vocab_check. chat_path: a Jinja file or NULL (then: that of the
 * GGUF file, if any). */
sil_err learn_vocab_open(struct mem mem, const char *path, const char *pre, const char *chat_path,
                         struct learn_vocab *out, struct sil_error *e);
/* The model file shall carry this Jinja file instead of the template that texts are learnt with. */
sil_err learn_vocab_ship(struct learn_vocab *v, const char *path, struct sil_error *e);
void learn_vocab_close(struct learn_vocab *v);

/* Puts the tokenizer.* keys. SIL_NOMEM; other failures stay with the writer. */
sil_err learn_vocab_put(const struct learn_vocab *v, struct gguf_writer *w, struct sil_error *e);

#endif
