/* tokenizer: text to token ids and back, exactly as the model's own tokenizer does it.
 * Immutable after opening: may be used from any number of threads, each with its own tok_ids and buffers. */
#ifndef SIL_TEXT_TOKENIZER_H
#define SIL_TEXT_TOKENIZER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "sillok.h"

enum tok_kind {
    TOK_BYTE_BPE, /* byte-level BPE: GPT-2, Llama 3, Qwen, o200k */
    TOK_SPM,      /* SentencePiece BPE by scores with byte fallback: Llama 2, Gemma */
    TOK_UNIGRAM   /* the segmentation of the best sum of scores, over bytes (tok_spec: in the GPT-2 alphabet) or, from a
                     tokenizer.json, over characters */
};

/* As in GGUF's tokenizer.ggml.token_type. */
enum tok_type { TOK_NORMAL = 1, TOK_UNKNOWN = 2, TOK_CONTROL = 3, TOK_USER = 4, TOK_UNUSED = 5, TOK_BYTE = 6 };

/* What a tokenizer is made of, whatever file it came from. All views must outlive tok_open only. */
struct tok_spec {
    enum tok_kind kind;
    struct str pre; /* name of the pre-split rules as in tokenizer.ggml.pre: "llama-bpe", "qwen2", "gpt-2",
                       "gpt-4o", "default", ... ; empty for SPM */
    uint32_t n_tokens;
    const struct str *tokens; /* GGUF form: byte-level tokens in the GPT-2 byte alphabet, SPM tokens with U+2581 */
    const uint8_t *types;     /* enum tok_type; NULL: all TOK_NORMAL */
    const float *scores;      /* SPM and unigram */
    size_t n_merges;
    const struct str *merges;   /* byte-level BPE: "left right", ascending rank */
    int32_t bos, eos, eot, unk; /* ids, -1 for none */
    bool add_bos, add_eos;
    bool add_space_prefix; /* SPM: a space in front of the text */
    bool ignore_merges;    /* a whole pre-split piece that is a token stays one */
};

struct tokenizer;

/* SIL_UNSUPPORTED for a pre-split rule that Sillok does not know (named, with those it knows); SIL_FORMAT for tokens,
 * merges or ids that contradict each other. */
sil_err tok_open(struct mem mem, const struct tok_spec *spec, struct tokenizer **out, struct sil_error *e);
/* From the text of a Hugging Face tokenizer.json: normalisers, pre-tokenisers, added tokens with their strip flags,
 * post-processor (TemplateProcessing for BOS/EOS). */
sil_err tok_open_json(struct mem mem, struct str json, struct tokenizer **out, struct sil_error *e);
void tok_close(struct tokenizer *t); /* NULL is allowed */

/* Token ids, growing as asked, to at most `max`. */
struct tok_ids {
    struct mem mem;
    uint32_t *p;
    size_t n, cap, max;
};
void tok_ids_init(struct tok_ids *ids, struct mem mem, size_t max);
void tok_ids_free(struct tok_ids *ids);

enum {
    TOK_ADD_SPECIAL = 1,  /* BOS/EOS where the model wants them */
    TOK_PARSE_SPECIAL = 2 /* control tokens written in the text ("<|im_end|>") become their ids; without it they are
                             plain text, so that a user's words can never forge one */
};

/* Appends the ids of text. SIL_FORMAT for invalid UTF-8 (with the offset), SIL_LIMIT past ids->max. Linear in time. */
sil_err tok_encode(const struct tokenizer *t, struct str text, unsigned flags, struct tok_ids *ids,
                   struct sil_error *e);

/* As tok_encode with TOK_PARSE_SPECIAL, but control tokens become their ids only where every byte of theirs has the
 * origin 0 (one byte for each byte of text, see template_render_marked; NULL: all 0). */
sil_err tok_encode_marked(const struct tokenizer *t, struct str text, const uint8_t *origin, unsigned flags,
                          struct tok_ids *ids, struct sil_error *e);

/* Appends the bytes that a token stands for (maybe part of a character); control tokens give nothing unless
 * `special`. SIL_ARG for an id outside the vocabulary. */
sil_err tok_piece(const struct tokenizer *t, uint32_t id, bool special, struct buf *out);

/* Decodes a whole sequence as the model's own decoder does (SPM: the prefix space of the first token is dropped).
 * Bytes that are not UTF-8 become U+FFFD. */
sil_err tok_decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool special, struct buf *out);

uint32_t tok_count(const struct tokenizer *t);
enum tok_type tok_type_of(const struct tokenizer *t, uint32_t id); /* id < tok_count */
/* The text of a token as stored in the vocabulary; id < tok_count. */
struct str tok_text(const struct tokenizer *t, uint32_t id);
/* Exact text of a vocabulary entry to its id; -1 when there is none. */
int32_t tok_find(const struct tokenizer *t, struct str text);
int32_t tok_bos(const struct tokenizer *t);
int32_t tok_eos(const struct tokenizer *t);
/* True for every token that ends a generation: eos, eot, <|im_end|>, <|eot_id|>, <end_of_turn>, ... */
bool tok_is_end(const struct tokenizer *t, uint32_t id);

#endif
