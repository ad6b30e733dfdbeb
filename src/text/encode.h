/* encode: encoding with working memory that is kept between texts. tok_encode makes and frees such memory itself;
 * whoever encodes many texts keeps a tok_scratch per thread, with its cache of words. */
#ifndef SIL_TEXT_ENCODE_H
#define SIL_TEXT_ENCODE_H

#include "text/tokenizer.h"

struct tok_scratch;

/* For this tokenizer only, which must outlive it; one thread at a time. with_cache: 2 MB of words seen before. */
sil_err tok_scratch_new(const struct tokenizer *t, struct mem mem, bool with_cache, struct tok_scratch **out,
                        struct sil_error *e);
void tok_scratch_free(struct tok_scratch *s); /* NULL is allowed */

/* As tok_encode. */
sil_err tok_encode_with(struct tok_scratch *s, struct str text, unsigned flags, struct tok_ids *ids,
                        struct sil_error *e);

#endif
