/* pool: worker threads that live as long as an engine. Each worker runs in the floating-point mode of rule 1 (round to
 * nearest even, subnormals kept). One thread at a time may call pool_run. */
#ifndef SIL_BASE_POOL_H
#define SIL_BASE_POOL_H

#include <stdint.h>

#include "sillok.h"

enum { POOL_THREADS_MAX = 256 };

struct pool;

/* A task: index below n_tasks; worker below pool_threads (0 is the caller), for per-worker scratch. */
typedef void (*pool_fn)(void *arg, uint32_t task, uint32_t worker);

/* n_threads in all, the caller's included; 1 starts none. SIL_ARG above POOL_THREADS_MAX or for 0. */
sil_err pool_open(uint32_t n_threads, struct pool **out, struct sil_error *e);
void pool_close(struct pool *p); /* NULL is allowed */
uint32_t pool_threads(const struct pool *p);

/* Runs fn for every task and returns when all are done. Tasks are taken in ascending order by whoever is free, so a
 * task's result must not depend on its worker. Allocates nothing. */
void pool_run(struct pool *p, uint32_t n_tasks, pool_fn fn, void *arg);

/* Sets the calling thread's floating-point mode as rule 1 asks (rounding to nearest even, no FTZ, no DAZ, exceptions
 * masked), and says whether it holds afterwards. */
bool pool_fp_mode(void);

#endif
