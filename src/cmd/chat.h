/* chat: conversations: their log as the template wants it, and the interactive loop. */
#ifndef SIL_CMD_CHAT_H
#define SIL_CMD_CHAT_H

#include <jansson.h>

#include "base/str.h"
#include "cmd/answer.h"

/* The messages of a conversation. */
struct chat_log {
    json_t *messages; /* [{"role": ..., "content": ...}] */
};

/* system may be NULL. */
sil_err chat_log_open(struct chat_log *log, const char *system, struct sil_error *e);
void chat_log_close(struct chat_log *log);
sil_err chat_log_add(struct chat_log *log, const char *role, struct str content, struct sil_error *e);
/* Token ids of the rendered conversation, ready for the assistant's answer; for sil_free. */
sil_err chat_log_ids(const struct chat_log *log, const struct sil_model *m, uint32_t **ids, size_t *n,
                     struct sil_error *e);
/* The same for a prompt that stands alone; raw, or without a template: the text as it is. system may be NULL. */
sil_err chat_prompt_ids(const struct sil_model *m, const char *system, bool raw, struct str prompt, uint32_t **ids,
                        size_t *n, struct sil_error *e);

struct chat {
    struct setup *setup;
    struct answer *answer;
    const char *system, *path;
    bool raw, stats;
    volatile sig_atomic_t *interrupted; /* set by Ctrl-C; the loop clears it */
};

/* Reads lines from the terminal and answers them until /quit or Ctrl-D. An error of one answer is printed and the
 * conversation goes on; what is returned is what makes going on impossible. */
sil_err chat_run(struct chat *c, struct sil_error *e);

#endif
