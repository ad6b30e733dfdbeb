/* work: the threads that turn bodies into requests: JSON, template, tokenizer, limits; so that a prompt of megabytes
 * holds up neither the HTTP threads nor the engine. They meet the HTTP threads in a bounded queue. Plans, which compute
 * for seconds, have threads and a queue of their own, at a lower priority, so that no answer waits for one. */
#ifndef SIL_SERVE_WORK_H
#define SIL_SERVE_WORK_H

#include "serve/loop.h"
#include "serve/planner.h"

enum work_kind {
    WORK_CHAT,
    WORK_COMPLETION,
    WORK_TOKENIZE,
    WORK_DETOKENIZE,
    WORK_TEMPLATE,
    WORK_RECORD,
    WORK_PLAN_RUN,
    WORK_PLAN_REPORT,
    WORK_USAGE /* from here on: admin_ask.h */,
    WORK_KEYS,
    WORK_KEY_ADD,
    WORK_KEY_REVOKE
};

struct work;

sil_err work_open(struct job_env *env, const struct catalog *catalog, struct loop *loop, struct planner *planner,
                  struct work **out, struct sil_error *e);
/* Does what is queued, then ends the threads; what comes afterwards is refused. */
void work_stop(struct work *w);
/* Stops and frees. NULL is allowed. */
void work_close(struct work *w);

/* Queues a body; its bytes become the work's (body is empty afterwards), as does a reference to the request. The result
 * is in r->answer. False with f (503) when the queue is full; for plans see planner_begin. */
bool work_submit(struct work *w, enum work_kind kind, struct request *r, struct buf *body, struct fault *f);

#endif
