/* template: chat templates, in the Jinja that model files carry. Templates are hostile input: no I/O, no attribute
 * access beyond the data given, and stated bounds on source, steps, depth and output. */
#ifndef SIL_TEXT_TEMPLATE_H
#define SIL_TEXT_TEMPLATE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"
#include "sillok.h"

struct template_limits {
    size_t source;  /* bytes of a template */
    uint64_t steps; /* nodes evaluated, loop turns, and bytes copied / 64 */
    uint32_t depth; /* of nested expressions, blocks, macro calls and data; at most 1000 */
    size_t output;  /* bytes */
    size_t memory;  /* bytes of values made in one rendering (all go at its end), and of a parsed template */
};
/* 1 MiB, 50 million, 200, 64 MiB, 256 MiB. */
struct template_limits template_limits_default(void);

struct template;

/* SIL_FORMAT with line and column for what is not Jinja, SIL_UNSUPPORTED for what Sillok's Jinja lacks. Immutable
 * afterwards; may be rendered from several threads. */
sil_err template_parse(struct mem mem, struct str source, const struct template_limits *limits, struct template **out,
                       struct sil_error *e);
void template_free(struct template *t); /* NULL is allowed */

/* Renders with the members of `vars` (a JSON object, borrowed: messages, tools, add_generation_prompt, bos_token, ...)
 * as global variables. now_unix_s is the recorded time of the request, which strftime_now formats (UTC+9 unless the
 * variable "timezone_offset_s" says otherwise). Appends to out. raise_exception in the template is SIL_ARG with its
 * message, as is every error of the template at run time (an undefined value used, wrong types); passing a limit is
 * SIL_LIMIT. Errors begin "chat template, line L, column C: ". On failure `out` is as it was before. */
sil_err template_render(const struct template *t, const json_t *vars, int64_t now_unix_s, struct buf *out,
                        struct sil_error *e);

/* Who wrote a byte of what was rendered. */
enum template_origin { TEMPLATE_OWN = 0, TEMPLATE_DATA = 1 };

/* As template_render, and says for each byte that is appended to `out`, by one byte appended to `origin`, whether the
 * template wrote it or it came from the variables. Own are the template's literal text, the variables bos_token and
 * eos_token, the usual names of roles under the key "role" (templates write them inside of control tokens), and what is
 * put together of these; everything else is data. A tokenizer that reads control tokens only where every byte is the
 * template's own (tok_encode_marked) cannot be made to read one by what a user writes, however the template cuts and
 * joins it. */
sil_err template_render_marked(const struct template *t, const json_t *vars, int64_t now_unix_s, struct buf *out,
                               struct buf *origin, struct sil_error *e);

#endif
