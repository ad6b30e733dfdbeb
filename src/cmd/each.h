/* each: answers to many prompts, each by itself. */
#ifndef SIL_CMD_EACH_H
#define SIL_CMD_EACH_H

#include "base/str.h"
#include "cmd/answer.h"

/* Answers each line of prompts as if it were the first of a conversation (empty lines are passed over), and writes for
 * each a line of JSON: {"prompt": ..., "answer": ..., "ended": why}. system may be NULL; raw: without the template. */
sil_err each_run(struct setup *s, struct answer *a, const char *system, bool raw, struct str prompts,
                 struct sil_error *e);

#endif
