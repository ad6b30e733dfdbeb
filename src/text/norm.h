/* norm: the normalisers of a tokenizer, applied to a text before it is split. */
#ifndef SIL_TEXT_NORM_H
#define SIL_TEXT_NORM_H

#include "base/buf.h"
#include "base/str.h"
#include "sillok.h"
#include "text/split.h"
#include "text/split_regex.h"
#include "text/uchar.h"

enum { NORM_STEPS_MAX = 32, NORM_OUT_MAX = 1 << 30 };

enum norm_kind {
    NORM_NFC,
    NORM_NFD,
    NORM_NFKC,
    NORM_NFKD,
    NORM_LOWER,
    NORM_PREPEND,      /* `to` before a text that is not empty */
    NORM_PREFIX,       /* `to` before a text that does not begin with it */
    NORM_PREFIX_FIRST, /* as NORM_PREFIX, at the beginning of the whole text only */
    NORM_REPLACE,      /* every `match` becomes `to` */
    NORM_STRIP,        /* white space at the ends */
    NORM_STRIP_ACCENTS /* marks go */
};

struct norm_step {
    enum norm_kind kind;
    bool left, right;        /* NORM_STRIP */
    struct split_step match; /* NORM_REPLACE: SPLIT_LITERAL or SPLIT_REGEX */
    struct str to;
};

/* Working memory of one thread. */
struct norm_scratch {
    struct buf a, b;
    int32_t *cp; /* code points of a part of the text */
    size_t cap;
    struct split_list list;
};
void norm_scratch_init(struct norm_scratch *s, struct mem mem);
void norm_scratch_free(struct norm_scratch *s);

/* Applies the steps to text (valid UTF-8), which is at the beginning of the input if `first`. *out is a view of text
 * itself or of the scratch. */
sil_err norm_apply(const struct norm_step *steps, size_t n, const struct uchar *u, struct norm_scratch *s,
                   struct split_matcher *m, struct str text, bool first, struct str *out, struct sil_error *e);

#endif
