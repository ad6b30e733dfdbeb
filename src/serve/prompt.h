/* prompt: what is asked as token ids, on a worker thread. Chat: messages through the model's template; only the
 * template's own text can give control tokens. Completion: text as it is. */
#ifndef SIL_SERVE_PROMPT_H
#define SIL_SERVE_PROMPT_H

#include "serve/catalog.h"
#include "serve/request.h"

enum { PROMPT_TEXT_MAX = 64 << 20 /* bytes of one rendered conversation */ };

/* The text that a conversation becomes, appended to out. origin, unless NULL, gets a byte for each byte of text: 0
 * where the template wrote it, 1 where it is data. False with f set where the template refuses. */
bool prompt_render(const struct catalog_model *m, const json_t *messages, const json_t *tools, const json_t *vars,
                   bool add_generation_prompt, int64_t unix_s, struct buf *out, struct buf *origin, struct fault *f);
/* Its token ids, appended to ids. origin may be empty: then all text is data. */
bool prompt_tokens(const struct catalog_model *m, struct str text, const struct buf *origin, struct tok_ids *ids,
                   struct fault *f);

/* Fills ids of all prompts, and max_tokens with the true bound. 400 context_length_exceeded where a prompt leaves no
 * room for an answer. */
bool prompt_build(struct request *r, struct fault *f);

/* The most tokens that the request can take: what gate_admit reserves. */
uint64_t prompt_tokens_at_most(const struct request *r);

#endif
