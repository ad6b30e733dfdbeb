/* choice: one of the answers to a request while it is being written: its tokens, its session, and the way from a token
 * to text that is shown: whole characters (text/stream), no stop string (text/stop), whole syllables (text/hangul).
 * Belongs to the engine thread. */
#ifndef SIL_SERVE_CHOICE_H
#define SIL_SERVE_CHOICE_H

#include "sched/sched.h"
#include "serve/request.h"
#include "text/hangul.h"
#include "text/stop.h"
#include "text/stream.h"

enum { CHOICE_TEXT_MAX = 16 << 20 /* bytes of one answer's text */ };

struct job;

struct choice {
    struct job *job;
    struct request *r;
    uint32_t index;                      /* among the request's choices */
    const struct request_prompt *prompt; /* the request's */
    struct mem mem;

    /* The scheduler and the engine. */
    sched_id id;                 /* 0: not handed over yet */
    struct sil_session *session; /* NULL: waiting, put off, or over */
    struct sil_decoder decoder;
    uint32_t *again; /* prompt and answer in one piece, after a preemption; else NULL */
    uint32_t n_again;

    /* The answer so far. */
    uint32_t *out; /* [n_out] every token drawn, the one that ended it included */
    uint32_t n_out, cap_out, max_out;
    uint32_t n_cached;
    bool over;
    enum answer_finish finish;
    const char *stop_met;

    /* Text. */
    struct stream stream;
    struct stop stop;
    struct hangul hangul;
    struct buf piece, shown, ready; /* one step's text between the stages */
    struct buf text;                /* all of it, where the transcript keeps text */
    struct answer_token *pending;   /* [n_pending] tokens whose text is not shown yet */
    uint32_t n_pending, cap_pending;
};

/* c is zeroed. SIL_ARG or SIL_LIMIT for stop strings that are out of range. */
sil_err choice_open(struct choice *c, struct mem mem, struct job *job, struct request *r, uint32_t index,
                    struct sil_error *e);
/* Gives everything back; the session was closed before. */
void choice_close(struct choice *c);

/* The tokens that a session of this choice must hold before it goes on: the prompt, and after a preemption what was
 * drawn. Valid until the next preemption. SIL_NOMEM. */
sil_err choice_tokens(struct choice *c, const uint32_t **tokens, uint32_t *n);

/* n new tokens, each with the row of logits that it was drawn from (rows in order). Shows what became certain. Sets
 * over and finish when the answer ends with one of them; the rest is dropped then. *used: how many count. */
sil_err choice_take(struct choice *c, const struct sil_engine *eng, const uint32_t *tokens, uint32_t n,
                    const float *rows, uint32_t n_vocab, uint32_t *used, struct sil_error *e);
/* Ends it for a reason that is not one of its tokens; what was held back is shown. */
void choice_end(struct choice *c, enum answer_finish finish);

#endif
