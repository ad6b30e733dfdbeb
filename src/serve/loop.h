/* loop: the engine thread. It owns every engine, KV memory and scheduler; requests come to it through one bounded
 * queue, answers leave through each request's list of events. Models take turns, one step each. */
#ifndef SIL_SERVE_LOOP_H
#define SIL_SERVE_LOOP_H

#include "serve/lane.h"

struct loop;

/* env and catalog must outlive the loop; the engines of loaded models are the loop's until loop_remove or loop_close.
 * Starts the thread. */
sil_err loop_open(struct job_env *env, const struct catalog *catalog, struct meter meter, struct loop **out,
                  struct sil_error *e);

/* From any thread: hands a request over, with a reference of its own. False with f (503) when the queue is full or the
 * server is stopping; then nothing has happened. */
bool loop_submit(struct loop *l, struct request *r, struct fault *f);
/* From any thread: some request was cancelled (answer_cancel). */
void loop_poke(struct loop *l);
/* Models that come and go while the thread runs; one other thread at a time, which waits until the engine thread has
 * taken it over (at most for one step). Before its first request, and when nobody holds the model any more. */
sil_err loop_add(struct loop *l, const struct catalog_model *m, struct sil_error *e);
void loop_remove(struct loop *l, uint32_t index);
/* What runs or waits of this model has within_ns to end. */
void loop_leave(struct loop *l, uint32_t index, uint64_t within_ns);

/* From any thread: nothing is accepted any more; what runs has within_ns to end. */
void loop_drain(struct loop *l, uint64_t within_ns);
/* When the loop's thread last went round, for a watchdog: nanoseconds of the clock. */
uint64_t loop_beat_ns(const struct loop *l);
/* Ends what is left with a fault, and the thread; what comes afterwards is refused. */
void loop_stop(struct loop *l);
/* Stops and frees. NULL is allowed. */
void loop_close(struct loop *l);

#endif
