/* answer: generating one answer and writing it as it comes. */
#ifndef SIL_CMD_ANSWER_H
#define SIL_CMD_ANSWER_H

#include <signal.h>
#include <stdio.h>

#include "base/buf.h"
#include "cmd/setup.h"

struct answer {
    struct sil_sampling sampling;
    uint32_t n_max;                    /* tokens to generate at most; 0: as many as the context holds */
    uint32_t n_draft;                  /* tokens to guess ahead in each step; changes the speed only */
    bool echo;                         /* write the prompt's text first */
    struct cmd_texts stops;            /* texts that end the answer and are no part of it */
    const volatile sig_atomic_t *stop; /* set from a signal handler to end the answer */
    FILE *out;                         /* NULL: the answer is only collected */
    struct buf *text;                  /* also collects the answer's text; may be NULL */

    /* Out. */
    uint32_t n_prompt, n_reused, n_answer; /* tokens; n_reused of the prompt were there from before */
    uint64_t n_drafted, n_accepted;        /* tokens guessed ahead, and guessed rightly */
    double prompt_s, answer_s;
    const char *profile; /* of the arithmetic */
    const char *reason;  /* "end", "length", "context", "stop string", "stopped" */
};

/* SIL_ARG or SIL_LIMIT for sampling or stop strings that are out of range. */
sil_err answer_check(const struct answer *a, struct sil_error *e);

/* Brings the session to exactly the tokens of prompt (keeping the prefix that it already has), then generates until an
 * end token, a stop string, n_max tokens, a full context or *stop. */
sil_err answer_run(struct setup *s, struct sil_session *session, const uint32_t *prompt, size_t n, struct answer *a,
                   struct sil_error *e);

/* One line about speed to f. */
void answer_stats(const struct answer *a, FILE *f);

#endif
