/* The inside of a tokenizer, shared by the files that open it (tok_build.c, tok_spec.c, tok_json.c), encode with it
 * (encode.c) and decode with it (decode.c, stream.c). */
#ifndef SIL_TEXT_TOK_IMPL_H
#define SIL_TEXT_TOK_IMPL_H

#include "text/added.h"
#include "text/merge.h"
#include "text/norm.h"
#include "text/split.h"
#include "text/strtab.h"
#include "text/tokenizer.h"
#include "text/uchar.h"
#include "text/viterbi.h"

enum {
    TOK_TOKENS_MAX = MERGE_ID_MAX - 1,
    TOK_VOCAB_BYTES_MAX = 1 << 30, /* all token texts together */
    TOK_TEXT_MAX = 1 << 30,        /* bytes of one text to encode */
    TOK_AROUND_MAX = 8             /* special tokens before or behind a sequence */
};
#define TOK_NONE UINT32_MAX

struct tokenizer {
    struct mem mem;
    struct arena arena; /* everything below */
    enum tok_kind kind;
    bool byte_level; /* symbols are bytes and the vocabulary is keyed by them; otherwise symbols are characters */
    uint32_t n_tokens;

    /* Texts as stored, and the bytes that each token stands for; n + 1 offsets each. */
    char *text, *piece;
    uint32_t *text_off, *piece_off;
    uint8_t *type;   /* enum tok_type */
    uint8_t *direct; /* does a piece equal to this token become it? 0: not found out yet, 1: yes, 2: no. Written with
                        relaxed atomics: every thread finds the same answer. */
    struct strtab by_key;  /* tokens that merging can make: byte_level: by piece; otherwise by text */
    struct strtab by_text; /* all others, by text */

    struct merge_table merges;
    struct viterbi viterbi; /* TOK_UNIGRAM: instead of merges */
    uint32_t byte_id[256];  /* the token of a byte: a one-byte token, or <0xNN>; TOK_NONE */
    uint32_t *char_id;      /* not byte_level: symbol of each character below U+10000, or TOK_NONE */
    uint64_t *bigrams;      /* Bloom filter of the character pairs that stand inside tokens */
    uint32_t *pseudo;       /* characters that are no tokens but parts of some; symbol n_tokens + i */
    uint32_t n_pseudo;
    bool byte_fallback, fuse_unk, ignore_merges;
    bool cut; /* pieces may be cut where no token has the pair of characters: see encode_piece */
    int32_t unk;

    struct uchar uchar;
    struct added added, added_norm; /* looked for before and after normalising */
    struct norm_step norm[NORM_STEPS_MAX];
    size_t n_norm;
    struct norm_step pre_norm[2]; /* what pre-tokenizers change: applied between added tokens */
    size_t n_pre_norm;
    struct split_step split[SPLIT_STEPS_MAX];
    size_t n_split;

    uint32_t before[TOK_AROUND_MAX], behind[TOK_AROUND_MAX]; /* TOK_ADD_SPECIAL */
    size_t n_before, n_behind;
    int32_t bos, eos, eot;
    bool strip_first_space; /* decoding: a space at the very beginning of the output is dropped */
    uint8_t *is_end;        /* one byte a token */
};

enum { TOK_BIGRAM_BITS = 1 << 22 };

static inline uint32_t tok_bigram(uint32_t a, uint32_t b) {
    return (uint32_t)(((uint64_t)a << 21 | b) * 0x9e3779b97f4a7c15u >> 42);
}

static inline bool tok_bigram_in(const struct tokenizer *t, uint32_t a, uint32_t b) {
    uint32_t h = tok_bigram(a, b);
    return t->bigrams[h >> 6] >> (h & 63) & 1;
}

/* Opening, in this order. Each step names its failure in e. */

/* The tokenizer itself, with its vocabulary: texts[i] may be empty (an id that nothing uses). */
sil_err tok_new(struct mem mem, uint32_t n_tokens, const struct str *texts, const uint8_t *types,
                struct tokenizer **out, struct sil_error *e);
/* Sets pieces, from what each token's text means: GPT-2 alphabet if byte_level, otherwise U+2581 for spaces (if
 * `metaspace`) and <0xNN> for bytes (if byte_fallback). `raw` tokens (NULL: none) stand for
 * their text. Texts that are
 * not written in the alphabet, though they should be, are taken out of in_merges. */
sil_err tok_pieces(struct tokenizer *t, bool metaspace, const uint8_t *raw, uint8_t *in_merges, struct sil_error *e);
/* Fills by_key with the tokens that `in_merges` marks and by_text with the others and the `raw` ones; then byte_id. */
sil_err tok_index(struct tokenizer *t, const uint8_t *in_merges, const uint8_t *raw, struct sil_error *e);
/* One merge by the texts of its sides, as stored in the vocabulary. Room was made with merge_init. */
sil_err tok_merge_put(struct tokenizer *t, struct str left, struct str right, bool replace, struct sil_error *e);
/* All merges that SentencePiece would find, from scores. */
sil_err tok_merges_by_score(struct tokenizer *t, const float *scores, struct sil_error *e);
/* Unigram: the scores of all tokens, n_tokens of them, which live as long as the tokenizer (its arena). Merges are not
 * looked at. */
sil_err tok_scores(struct tokenizer *t, const double *scores, const uint8_t *in_merges, struct sil_error *e);
/* The tables that merges imply, and the end tokens; the last step. */
sil_err tok_finish(struct tokenizer *t, struct sil_error *e);

/* Decodes GPT-2's byte alphabet: writes at most s.n bytes; false when s is not written in it. */
bool tok_alphabet(struct str s, char *out, size_t *n);

/* Pre-split rules by the name in tokenizer.ggml.pre. */
sil_err tok_pre_rules(struct tokenizer *t, struct str name, struct sil_error *e);

#endif
