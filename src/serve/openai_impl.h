/* openai_impl: what the files behind openai.h share. Functions that return bool are true, or fill the fault. */
#ifndef SIL_SERVE_OPENAI_IMPL_H
#define SIL_SERVE_OPENAI_IMPL_H

#include <jansson.h>

#include "serve/jout.h"
#include "serve/openai.h"
#include "serve/reason.h"

enum {
    OPENAI_DEPTH_MAX = 64,        /* of nested arrays and objects in a body */
    OPENAI_VALUES_MAX = 1 << 18,  /* in a body: arrays, objects and commas; bounds what a small text can grow to */
    OPENAI_PIECE_MAX = 1 << 20,   /* bytes of one token's text */
    OPENAI_PRIORITY_LEAST = -1000 /* the lowest that a client may give itself */
};

/* ---- openai_json.c: reading JSON ---- */

/* The body as a JSON object. The caller owns *out. */
bool openai_parse(struct str body, json_t **out, struct fault *f);
/* 400 invalid_type: what was expected at param, and what is there. */
bool openai_wrong_type(struct fault *f, const char *param, const char *expected, const json_t *v);
bool openai_no_memory(struct fault *f);

/* Members of an object. Absent and null leave *out alone (*given, unless NULL, says which). */
bool openai_get_bool(const json_t *o, const char *key, bool *out, struct fault *f);
bool openai_get_int(const json_t *o, const char *key, int64_t low, int64_t high, int64_t *out, bool *given,
                    struct fault *f);
bool openai_get_number(const json_t *o, const char *key, double low, double high, float *out, struct fault *f);
bool openai_get_str(const json_t *o, const char *key, struct str *out, struct fault *f);
/* A JSON number without fraction, as far as 2^53 also in the form 16.0. */
bool openai_whole_number(const json_t *v, int64_t *out);
static inline struct str openai_str(const json_t *v) {
    return (struct str){json_string_value(v), json_string_length(v)};
}

/* ---- openai_params.c: what both forms of request have ---- */

/* model, or the only one; held for the caller. */
bool openai_get_model(const json_t *o, const struct catalog *c, const struct catalog_model **out, struct fault *f);
/* Sampling, lengths, stop strings, stream, priority: r->model is set. */
bool openai_get_params(const json_t *o, const struct config_limits *limits, struct request *r, struct fault *f);
/* Fields that are known and not supported here, unless they ask for nothing. */
bool openai_refuse_unsupported(const json_t *o, struct fault *f);

/* ---- openai_messages.c ---- */

/* A new array in the form that templates read: developer is system, parts of text are joined, content is a string. */
bool openai_get_messages(const json_t *o, struct mem mem, json_t **out, struct fault *f);
/* chat_template_kwargs and reasoning_effort as one object, or NULL. */
bool openai_get_template_vars(const json_t *o, json_t **out, struct fault *f);

/* ---- openai_token.c: tokens as text and bytes ---- */

/* Chat: {"content":[...],"refusal":null}. Each of events [n] is a DELTA. */
void openai_chat_logprobs(struct jout *o, const struct tokenizer *t, const struct answer_event *const *events,
                          size_t n);
/* Completion: the four arrays. *offset, in characters, moves on. */
void openai_text_logprobs(struct jout *o, const struct tokenizer *t, const struct answer_event *const *events, size_t n,
                          uint64_t *offset);
/* How many characters a text of whole ones has. */
uint64_t openai_characters(struct str s);
/* A token's bytes into the emptied buffer. */
sil_err openai_piece(const struct tokenizer *t, uint32_t id, struct buf *out);
/* As JSON text: itself, or "bytes:\xec\x95" where it is no whole characters. */
void openai_put_piece(struct jout *o, struct str piece);

/* ---- openai_write.c, openai_chat.c, openai_completion.c: answers ---- */

struct openai_choice {
    bool begun, over; /* its first chunk is written; FINISH has come */
    enum answer_finish finish;
    const char *stop;
    bool split; /* reasoning is told from the answer */
    struct reason reason;
    uint32_t n_reasoning; /* tokens before the end of reasoning */
    struct str echo;      /* completion: the prompt's text */
    uint64_t offset;      /* completion: of the next token's text, in characters */
};

/* What an event does to a stream. The last chunks come with DONE. */
struct openai_form {
    const char *prefix, *object, *chunk;
    /* Chunks of a choice that begins; of a piece of text (and of what reasoning held back, at the end). */
    void (*begin)(struct openai_writer *w, uint32_t choice, struct jout *o);
    void (*delta)(struct openai_writer *w, const struct answer_event *ev, struct jout *o);
    void (*end)(struct openai_writer *w, uint32_t choice, struct jout *o);
    void (*finish)(struct openai_writer *w, uint32_t choice, struct jout *o); /* without the chunk's frame */
    /* One element of "choices" of a whole answer; events [n]: the choice's DELTAs. */
    void (*whole)(struct openai_writer *w, uint32_t choice, const struct answer_event *const *events, size_t n,
                  struct jout *o);
};
extern const struct openai_form openai_form_chat, openai_form_completion;

/* data: {"id": ... "choices":[ ; and its end: ] and usage null where the client wants usage }. */
void openai_chunk_open(const struct openai_writer *w, struct jout *o);
void openai_chunk_close(const struct openai_writer *w, struct jout *o);
/* "finish_reason":"stop","stop_reason":... */
void openai_put_finish(const struct openai_choice *c, struct jout *o);

#endif
