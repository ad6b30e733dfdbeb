/* The rules around the vocabulary of a tokenizer.json; see tok_json.c. `json` is one member of the document, maybe
 * "null" or empty. */
#ifndef SIL_TEXT_TOK_JSON_H
#define SIL_TEXT_TOK_JSON_H

#include "text/split_regex.h"
#include "text/tok_impl.h"

struct tok_json_rules {
    bool byte_level; /* the pre-tokenizer ends with ByteLevel: symbols are bytes */
    bool metaspace;  /* decoding turns U+2581 into a space */
    size_t n_pre;    /* pre-tokenizers read so far */
};

sil_err tok_json_pre(struct tokenizer *t, struct str json, struct tok_json_rules *r, struct sil_error *e);
sil_err tok_json_normalizer(struct tokenizer *t, struct str json, struct sil_error *e);
sil_err tok_json_decoder(struct tokenizer *t, struct str json, struct tok_json_rules *r, struct sil_error *e);
/* After the vocabulary is indexed. */
sil_err tok_json_post(struct tokenizer *t, struct str json, struct sil_error *e);

#endif
