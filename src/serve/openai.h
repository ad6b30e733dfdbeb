/* openai: between JSON and the server's own structs, in OpenAI's form (docs: platform.openai.com/docs/api-reference,
 * and what the official clients rely on). Pure functions of their arguments: no I/O, no threads, no clock. Unknown
 * fields are ignored unless they contradict; what is known and not supported is a clear 400 with its `param`. */
#ifndef SIL_SERVE_OPENAI_H
#define SIL_SERVE_OPENAI_H

#include "base/buf.h"
#include "serve/catalog.h"
#include "serve/request.h"

/* ---- what is asked: on a worker thread ---- */

/* Each reads the body into r (the group "What is asked" of request.h, r->model included) and returns false with f
 * filled where it cannot: 400 with param and line:column for JSON that is none, 404 model_not_found, 413, 422. The
 * defaults of the model's configuration hold where the body says nothing. r->sampling.seed is set by the caller before,
 * and stays where the body gives none. limits: choices. */
bool openai_read_chat(struct str body, const struct catalog *c, const struct config_limits *limits, struct request *r,
                      struct fault *f);
bool openai_read_completion(struct str body, const struct catalog *c, const struct config_limits *limits,
                            struct request *r, struct fault *f);

/* ---- endpoints that generate nothing: body in, body out, on a worker thread ---- */

/* POST /tokenize {model?, content | prompt | messages, add_special, with_pieces}, POST /detokenize {model?, tokens},
 * POST /apply-template {model?, messages, tools, chat_template_kwargs, add_generation_prompt}. With one model `model`
 * may be left out. */
bool openai_tokenize(struct str body, const struct catalog *c, int64_t unix_s, struct buf *out, struct fault *f);
bool openai_detokenize(struct str body, const struct catalog *c, struct buf *out, struct fault *f);
bool openai_apply_template(struct str body, const struct catalog *c, int64_t unix_s, struct buf *out, struct fault *f);

/* GET /v1/models and /v1/models/NAME (name.n > 0). */
bool openai_models(const struct catalog *c, struct str name, struct buf *out, struct fault *f);

/* ---- what is answered: on the HTTP thread of the connection ---- */

/* One response being written. Zeroed by openai_begin; its memory is the request's arena or its own fixed fields. */
struct openai_writer {
    const struct request *r;
    struct openai_choice *choices; /* [request_choices(r)]: role sent, inside reasoning, ... */
    struct str head;               /* what all chunks begin with */
    bool begun;
};

/* Before the first event. */
sil_err openai_begin(struct openai_writer *w, struct request *r);
/* Streams: appends the SSE bytes of one event ("data: {...}\n\n"; maybe none). DONE brings the last chunks: with
 * include_usage the one with choices [] and usage, "sillok": {"entry", "receipt"} in the last chunk, then
 * "data: [DONE]\n\n". FAULT after the first bytes: an error object in data, then nothing. */
sil_err openai_event(struct openai_writer *w, const struct answer_event *ev, struct buf *out);
/* The whole JSON of an answer that has ended in DONE. */
sil_err openai_whole(struct openai_writer *w, struct buf *out);
/* {"error":{"message","type","param","code"}} */
sil_err openai_fault(const struct fault *f, struct buf *out);

#endif
