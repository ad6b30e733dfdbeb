/* split_regex: regular expressions that come from files, through PCRE2 with limits. */
#ifndef SIL_TEXT_SPLIT_REGEX_H
#define SIL_TEXT_SPLIT_REGEX_H

#include "text/split.h"

/* Compiles a regular expression written for Oniguruma (Ruby syntax) as far as PCRE2 means the same by it; what it
 * would understand differently is SIL_UNSUPPORTED. The code is freed with split_step_free;
 * *mem must live until then. */
sil_err split_compile(const struct mem *mem, struct str pattern, struct split_step *step, struct sil_error *e);
void split_step_free(struct split_step *step);

/* What one thread needs for matching. */
struct split_matcher {
    struct mem mem;
    void *general, *context, *data; /* PCRE2's; made on first use */
};
void split_matcher_free(struct split_matcher *m);

/* The first match at or after `from`. SIL_LIMIT when the expression backtracks too much on this text. */
sil_err split_regex_find(const struct split_step *s, struct split_matcher *m, struct str text, size_t from, bool *found,
                         size_t *at, size_t *end, struct sil_error *e);

#endif
