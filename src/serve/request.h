/* request: everything about one request, from its bytes to its receipt. This is the struct that the whole server hands
 * on; the ledger and the logs only read it.
 *
 * Life: made by http.c when the head of a request has come (arrival, caller, request id); filled from the body by
 * openai.c (what is asked), prompt.c (token ids) and the gate (ticket) on a worker thread; handed to the engine thread,
 * which writes r->answer; read by the HTTP thread, which formats. Two owners hold a reference (the connection, and who
 * works on it); the last one frees it, arena and all. What is not marked "later" never changes once the worker hands
 * the request to the engine, so it is read without locks. */
#ifndef SIL_SERVE_REQUEST_H
#define SIL_SERVE_REQUEST_H

#include <jansson.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "serve/admin_ask.h"
#include "serve/answer.h"
#include "serve/caller.h"
#include "serve/gate_ticket.h"
#include "serve/record_ask.h"
#include "sillok.h"

struct catalog_model;
struct replay;

enum {
    REQUEST_ID = 64,
    REQUEST_CHOICES_MAX = 128, /* prompts times n */
    REQUEST_N_MAX = 128,
    REQUEST_STOPS_MAX = 16,
    REQUEST_BIAS_MAX = 4096,
    REQUEST_MEMORY_MAX = 512 << 20 /* bytes of one request's arena */
};

enum request_kind {
    REQUEST_CHAT,       /* POST /v1/chat/completions */
    REQUEST_COMPLETION, /* POST /v1/completions */
    REQUEST_OTHER       /* answered by a whole reply: /tokenize, ... */
};

/* What one prompt of the request is. Chat: messages through the model's template. Completion: text or ids. */
struct request_prompt {
    struct str text;     /* completion: as given; p == NULL for ids */
    const uint32_t *ids; /* token ids, filled by prompt.c unless they were given */
    uint32_t n_ids;
};

struct request {
    struct arena arena; /* owns everything below that is a pointer, the JSON excepted */
    _Atomic uint32_t refs;
    struct answer answer;

    /* From the connection (http.c). */
    char id[REQUEST_ID]; /* "req_" and 24 hexadecimal digits; x-request-id */
    enum request_kind kind;
    struct caller caller;
    uint64_t arrival_ns; /* of the monotonic clock, when the head had come */
    int64_t unix_s;      /* the same moment: `created`, the template's clock, the ledger's time */

    /* What is asked (openai.c). */
    const struct catalog_model *model; /* held */
    /* JSON: one reference each, given back with the request; or NULL. */
    json_t *body;          /* the whole body */
    json_t *messages;      /* chat: array of {role, content: string, ...}; "developer" is "system" already and parts of
                              text are joined */
    json_t *tools;         /* chat */
    json_t *template_vars; /* chat: chat_template_kwargs, reasoning_effort */
    bool add_generation_prompt;     /* chat: true unless the client continues its own last message */
    struct request_prompt *prompts; /* [n_prompts]; chat: one */
    uint32_t n_prompts, n;          /* n answers to each prompt; choice c belongs to prompt c / n */
    struct sil_sampling sampling;   /* seed is always set: by the client, else drawn by http.c. Bias in the arena */
    bool seed_given;
    uint32_t max_tokens;     /* of each choice; 0: what the context leaves. prompt.c sets it to the true bound */
    const struct str *stops; /* [n_stops]; NUL-terminated copies */
    uint32_t n_stops;
    bool logprobs;              /* of each token chosen */
    uint32_t n_top;             /* and of the likeliest, at most ANSWER_TOP_MAX */
    bool stream, include_usage; /* stream_options */
    bool echo;                  /* completion: the prompt's text comes first */
    bool parse_special;         /* completion: control tokens written in the text are read as such (default: no) */
    bool ignore_end;            /* tokens that end an answer do not (benchmarks) */
    bool split_reasoning;       /* what is between the model's marks goes into reasoning_content */
    bool reasoning_open;        /* chat: the template's text ends behind the first mark already (prompt.c) */
    int32_t priority;           /* higher is sooner; clients may lower theirs (below 0: deferrable) */
    uint64_t deadline_ns;       /* of the monotonic clock; 0: none */

    struct record_ask ask;  /* GET and POST /record...: http.c */
    struct admin_ask admin; /* keys and usage: the same */
    struct replay *replay;  /* an answer of the record that is computed again (record_replay_begin): n and n_prompts are
                               1, and nothing of it goes on record. NULL for every other request; owned */
    bool replaying;         /* record_replay_end is owed */
    bool replay_asked;      /* it is among the replays asked; once it is among their results: */
    bool replay_counted;

    struct gate_ticket ticket; /* what the limits said (gate.h) */

    /* Later: written by the engine thread, read by it, and by others only after the end. */
    uint64_t admitted_ns, first_token_ns, last_token_ns, done_ns;
};

/* A request with one reference; http.c sets the first group. */
sil_err request_new(struct mem mem, struct request **out);
struct request *request_hold(struct request *r);
void request_release(struct request *r); /* NULL is allowed */

/* A copy in the request's arena, NUL-terminated; p == NULL when memory could not be had. */
struct str request_copy(struct request *r, struct str s);

static inline uint32_t request_choices(const struct request *r) {
    return r->n_prompts * r->n;
}

#endif
