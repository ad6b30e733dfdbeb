/* chat: a conversation as the text that a model reads, through its chat template. */
#ifndef SIL_TEXT_CHAT_H
#define SIL_TEXT_CHAT_H

#include "text/template.h"

/* Appends the conversation to out, with the variables that transformers' apply_chat_template passes: messages, tools
 * and documents (none when not given), add_generation_prompt, bos_token, eos_token. messages: an array of objects with
 * at least a string "role". tools: an array, or NULL. bos, eos: the tokens' texts; p == NULL leaves the variable
 * undefined. extra: an object of further variables (enable_thinking, date_string, ...) or NULL; it may not hold any
 * of the others. now_unix_s: the recorded time of the request. Arguments of tool calls that come as JSON text (OpenAI's
 * form) are given to the template as the object they hold, which is what templates are written for; text that is not a
 * JSON object stays text. SIL_ARG for messages, tools or extra of another form, and for what the template refuses or
 * cannot work with; otherwise as template_render. Borrows everything; the JSON values are left as they were. */
sil_err chat_render(const struct template *t, const json_t *messages, const json_t *tools, bool add_generation_prompt,
                    struct str bos, struct str eos, const json_t *extra, int64_t now_unix_s, struct buf *out,
                    struct sil_error *e);

/* As chat_render, and appends to origin who wrote each byte (template_render_marked). */
sil_err chat_render_marked(const struct template *t, const json_t *messages, const json_t *tools,
                           bool add_generation_prompt, struct str bos, struct str eos, const json_t *extra,
                           int64_t now_unix_s, struct buf *out, struct buf *origin, struct sil_error *e);

#endif
