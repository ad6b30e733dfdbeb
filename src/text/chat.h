/* chat: a conversation through a model's chat template. */
#ifndef SIL_TEXT_CHAT_H
#define SIL_TEXT_CHAT_H

#include "text/template.h"

/* Renders messages ([{"role", "content", ...}]) with the variables that templates of model files expect: messages,
 * tools (NULL: not defined), add_generation_prompt, bos_token, eos_token, and the members of extra (NULL: none), which
 * win over these. All JSON is borrowed. Appends to out; errors are those of template_render. */
sil_err chat_render(const struct template *t, const json_t *messages, const json_t *tools, bool add_generation_prompt,
                    struct str bos, struct str eos, const json_t *extra, int64_t now_unix_s, struct buf *out,
                    struct sil_error *e);

#endif
