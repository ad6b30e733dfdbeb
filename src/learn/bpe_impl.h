/* What bpe.c (words), bpe_merge.c (merges) and bpe_json.c (the file) share. */
#ifndef SIL_LEARN_BPE_IMPL_H
#define SIL_LEARN_BPE_IMPL_H

#include "learn/bpe.h"
#include "text/norm.h"
#include "text/uchar.h"

struct bpe_word {
    size_t at;  /* of its bytes */
    uint32_t n; /* bytes; while merging: symbols */
    uint32_t stamp;
    uint64_t count;
    size_t sym; /* of its symbols */
};

struct bpe_token {
    size_t at; /* bytes in `text` */
    uint32_t n;
    uint32_t left, right; /* what it was merged of; left == BPE_NONE: a byte */
};

struct bpe_pair {
    uint32_t left, right;
    int64_t count;
    uint32_t *where; /* words that had it; some twice, some no more */
    uint32_t n_where, cap_where;
    uint32_t stamp;
};

struct bpe_entry {
    int64_t count;
    uint32_t pair;
};

#define BPE_NONE UINT32_MAX
enum { BPE_CODE_POINTS = 0x110000 };

/* A growing array's memory. */
struct bpe_room {
    void *p;
    size_t cap;
};

struct bpe {
    struct mem mem;
    struct uchar uchar;
    struct norm_scratch norm;
    char *bytes; /* of the words */
    size_t n_bytes, cap_bytes;
    struct bpe_word *words;
    size_t n_words, cap_words;
    uint32_t *slots; /* index of a word + 1 */
    size_t n_slots;
    uint64_t *chars; /* count of each code point */
    uint64_t text_bytes, text_chars;

    char *text; /* bytes of the tokens */
    size_t n_text, cap_text;
    struct bpe_token *tokens;
    size_t n_tokens, cap_tokens;
    uint32_t *char_token; /* of each code point; BPE_NONE */
    uint32_t n_own;
    uint32_t *symbols;
    size_t n_symbols;
    struct bpe_pair *pairs;
    size_t n_pairs, cap_pairs;
    uint32_t *pair_slots;
    size_t n_pair_slots;
    struct bpe_entry *heap;
    size_t n_heap, cap_heap;
    uint32_t *touched;
    size_t n_touched, cap_touched;
    uint64_t n_pieces;
    int32_t *scores; /* unigram: of each token, in 1/4096; NULL: merges */
};

/* Room for `need` elements of a growing array. */
sil_err bpe_grow(struct mem mem, void *array, size_t need, size_t *cap, size_t size, struct sil_error *e);

/* Options and texts that something can be learnt from; SIL_ARG. */
sil_err bpe_check(const struct bpe *b, const struct bpe_options *o, struct sil_error *e);
/* The file, and what is said of it. */
sil_err bpe_finish(const struct bpe *b, const struct bpe_options *o, struct buf *out, struct bpe_report *report,
                   struct sil_error *e);

/* The characters beyond ASCII that get tokens of their own, most frequent first; the caller's to free (b->mem). */
sil_err bpe_frequent(const struct bpe *b, const struct bpe_options *o, uint32_t **out, size_t *n, struct sil_error *e);
sil_err bpe_put_token(struct bpe *b, const char *p, size_t n, uint32_t left, uint32_t right, uint32_t *id,
                      struct sil_error *e);
/* The 256 bytes, in the order of GPT-2's alphabet: visible ones first. */
sil_err bpe_put_bytes(struct bpe *b, uint32_t id_of[256], struct sil_error *e);

/* Fills tokens up to `limit`. */
sil_err bpe_merges(struct bpe *b, uint32_t limit, const struct bpe_options *o, struct sil_error *e);

sil_err bpe_json(const struct bpe *b, const struct bpe_options *o, struct buf *out);

#endif
