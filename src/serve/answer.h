/* answer: what has become of one request so far, as a list of events that only grows. One thread writes at a time (the
 * worker that prepares the request, then the engine thread, then the ledger's), one reads (the HTTP thread of the
 * connection). An event never changes or moves once it is in the list, so the reader formats without a lock; a reader
 * with nothing to read goes to sleep and is woken by the next event. The writer never waits for a slow reader: the list
 * is bounded by the answer's own limit of tokens, and its memory belongs to the request.
 *
 * The order of events: for each choice BEGIN?, any number of DELTA, then FINISH; after all choices DONE. FAULT or REPLY
 * may come instead of everything; FAULT may also come in place of any later event, and is then the last.
 * An answer that is computed again for the record has its DELTAs (progress) and then a REPLY. */
#ifndef SIL_SERVE_ANSWER_H
#define SIL_SERVE_ANSWER_H

#include <pthread.h>

#include "base/arena.h"
#include "base/str.h"
#include "serve/fault.h"
#include "sillok.h"

enum { ANSWER_MEMORY_MAX = 256 << 20 /* bytes of one answer's events */, ANSWER_TOP_MAX = 20 };

enum answer_finish {
    FINISH_STOP,      /* a token that ends answers, or a stop string */
    FINISH_LENGTH,    /* max_tokens, or the context is full */
    FINISH_CANCELLED, /* the client went away, or the server drains */
    FINISH_TIMEOUT,   /* the deadline passed */
    FINISH_ERROR,     /* the model's numbers overflowed, or memory could not be had */
    FINISH_KINDS
};
/* "stop", "length", "cancelled", "timeout", "error": as logged and in the ledger. */
const char *answer_finish_name(enum answer_finish f);

/* One token of an answer. */
struct answer_token {
    uint32_t id;
    float logprob;                 /* natural logarithm; only where the request asks for it */
    const struct sil_logprob *top; /* [n_top], best first */
    uint32_t n_top;
};

struct answer_usage {
    uint32_t n_prompt;    /* tokens of all prompts */
    uint32_t n_cached;    /* of these found in the prefix cache (of the tenant itself) */
    uint32_t n_answer;    /* tokens of all choices, the one that ended each included */
    uint32_t n_reasoning; /* of n_answer, between the model's marks of reasoning; 0 where unknown */
    double energy_j;      /* of the machine, this answer's share; negative where there is no counter */
};

/* Where the answer is on record: one entry for each choice. */
struct answer_record {
    uint32_t n;
    const uint64_t *entries;    /* [n] indexes in the log */
    const struct str *receipts; /* [n] texts (c2sp.org/tlog-proof@v1), empty where the configuration wants none */
};

enum answer_kind {
    ANSWER_DELTA,  /* text and tokens of a choice, in order. text: whole UTF-8 characters, whole Hangul syllables, never
                      a part of a stop string; may be empty when tokens came to an end without text */
    ANSWER_FINISH, /* a choice is complete */
    ANSWER_DONE,   /* all choices are complete, and the record is durable */
    ANSWER_FAULT,  /* it failed; nothing follows */
    ANSWER_REPLY   /* a whole JSON reply of an endpoint that generates nothing (/tokenize); nothing follows */
};

struct answer_event {
    enum answer_kind kind;
    uint32_t choice;                   /* DELTA, FINISH: 0 to n_prompts * n - 1 */
    struct str text;                   /* DELTA; REPLY: the body */
    const char *type;                  /* REPLY: its media type, a literal; NULL: JSON */
    struct str file;                   /* REPLY: the name that a browser saves it by; empty: none */
    const struct answer_token *tokens; /* DELTA: those that the text comes from */
    uint32_t n_tokens;
    enum answer_finish finish;          /* FINISH */
    const char *stop;                   /* FINISH: the stop string that was met (the request's own), or NULL */
    const struct answer_usage *usage;   /* DONE */
    const struct answer_record *record; /* DONE */
    const struct fault *fault;          /* FAULT */
    const struct answer_event *next;    /* private: read through answer_next */
};

struct answer {
    struct arena arena;
    pthread_mutex_t lock;
    struct answer_event *first, *last;
    const struct answer_event *read; /* the reader's place: the event that it was given last */
    bool ended;                      /* DONE, FAULT or REPLY is in the list */
    bool asleep, until_end;          /* the reader waits; only for the end */
    volatile int cancelled;          /* set by answer_cancel: the engine ends the answer, within a layer if need be */
    void (*wake)(void *arg);         /* called with the lock held, once for each sleep; must not call back */
    void *wake_arg;
    struct fault fault; /* room that is kept for the one fault, and its event */
    struct answer_event fault_event;
};

sil_err answer_init(struct answer *a, struct mem mem);
void answer_free(struct answer *a);

/* ---- the writer ---- */

/* Each copies what it is given (stop and the literals of a fault excepted) and wakes the reader. SIL_NOMEM leaves the
 * list as it was. */
sil_err answer_delta(struct answer *a, uint32_t choice, struct str text, const struct answer_token *tokens,
                     uint32_t n_tokens);
sil_err answer_finish(struct answer *a, uint32_t choice, enum answer_finish finish, const char *stop);
sil_err answer_done(struct answer *a, const struct answer_usage *usage, const struct answer_record *record);
sil_err answer_reply(struct answer *a, struct str body);
/* One that is not JSON (type: a literal or NULL), or that is to be saved as a file (file: its name, or ""). */
sil_err answer_reply_as(struct answer *a, struct str body, const char *type, const char *file);
/* Cannot fail: room for one fault is kept from the beginning. A second one is ignored. */
void answer_fault(struct answer *a, const struct fault *f);

static inline bool answer_is_cancelled(const struct answer *a) {
    return __atomic_load_n(&a->cancelled, __ATOMIC_RELAXED) != 0;
}

/* ---- the reader ---- */

/* The next event, or NULL when there is none yet. */
const struct answer_event *answer_next(struct answer *a);
/* The first event, or NULL when there is none yet; the last one, or NULL while others may follow. For a reader that was
 * not put to sleep: it may have been cancelled, with the writer still at work. */
const struct answer_event *answer_first(struct answer *a);
const struct answer_event *answer_end(struct answer *a);
/* All events from the first one on, for formatting a whole answer: NULL, then each event gives the one behind it. Only
 * after the end. */
const struct answer_event *answer_after(const struct answer *a, const struct answer_event *e);
/* When there is nothing to read (until_end: when the end has not come), marks the reader asleep and calls sleep(arg),
 * which suspends the connection; the next event (until_end: the last) calls a->wake, and so does a cancel. All of it
 * under the lock, so that no event is missed. Returns false, having done nothing, when there is something to read. */
bool answer_sleep(struct answer *a, bool until_end, void (*sleep)(void *arg), void *arg);
/* From any thread: the client is gone or its time is over. Wakes the reader too. */
void answer_cancel(struct answer *a);
/* The reader leaves: nobody is woken any more. True when the answer had not ended: it is cancelled then. */
bool answer_detach(struct answer *a);

#endif
