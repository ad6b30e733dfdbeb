/* split: pre-splitting of text into the pieces inside which merges happen. The rules of the known model families are
 * written by hand as linear scanners (tests prove them equal to the published regular expressions); any other regular
 * expression that a tokenizer.json brings runs through PCRE2 with limits on matching, heap and depth. */
#ifndef SIL_TEXT_SPLIT_H
#define SIL_TEXT_SPLIT_H

#include "base/arena.h"
#include "base/str.h"
#include "sillok.h"
#include "text/uchar.h"

enum {
    SPLIT_STEPS_MAX = 16,
    SPLIT_PATTERN_MAX = 64 * 1024, /* bytes of a regular expression */
    SPLIT_MATCH_LIMIT = 10000000,  /* PCRE2: backtracking points of one match */
    SPLIT_DEPTH_LIMIT = 1000000,   /* PCRE2: nesting of backtracking points */
    SPLIT_HEAP_LIMIT_KIB = 64 * 1024
};

enum split_kind {
    SPLIT_GPT2,                   /* GPT-2; also the ByteLevel pre-tokenizer with use_regex */
    SPLIT_LLAMA3,                 /* Llama 3, cl100k */
    SPLIT_QWEN2,                  /* as Llama 3, but digits one by one */
    SPLIT_O200K,                  /* GPT-4o, gpt-oss */
    SPLIT_TEKKEN,                 /* as o200k without contractions, digits one by one */
    SPLIT_SCANNERS,               /* the kinds above match every character and need no behaviour */
    SPLIT_DIGIT = SPLIT_SCANNERS, /* a match is one numeric character */
    SPLIT_PUNCT,                  /* one punctuation character */
    SPLIT_SPACE,                  /* one white space character */
    SPLIT_LITERAL,
    SPLIT_REGEX
};

/* What becomes of the matches, as in Hugging Face's Split. */
enum split_behaviour { SPLIT_ISOLATED, SPLIT_REMOVED, SPLIT_MERGE_PREVIOUS, SPLIT_MERGE_NEXT, SPLIT_CONTIGUOUS };

struct split_step {
    enum split_kind kind;
    enum split_behaviour behaviour;
    bool invert;        /* what matches and what does not change places */
    struct str literal; /* SPLIT_LITERAL */
    void *regex;        /* SPLIT_REGEX: pcre2_code, read-only once made */
};

/* A list of pieces as offsets into one text. */
struct split_piece {
    size_t at, n;
};
struct split_list {
    struct mem mem;
    struct split_piece *p;
    size_t n, cap;
};
sil_err split_list_put(struct split_list *l, size_t at, size_t n);
void split_list_free(struct split_list *l);

/* Bytes of the first piece of the valid UTF-8 text p[0..n), n > 0; never 0. */
size_t split_scan(enum split_kind kind, const struct uchar *u, const char *p, size_t n);

/* The scanner for a published regular expression, or -1 when it is not one of them. */
int split_known(struct str pattern);
/* The published expression of a scanner, for tests. */
const char *split_pattern(enum split_kind kind);

struct split_matcher; /* see split_regex.h */

/* Appends the pieces of text[in.at .. in.at + in.n) to out. m may be NULL unless the step is SPLIT_REGEX. */
sil_err split_apply(const struct split_step *step, const struct uchar *u, struct split_matcher *m, const char *text,
                    struct split_piece in, struct split_list *out, struct sil_error *e);

#endif
