#include "base/pool.h"

#include <assert.h>
#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* How often a worker looks for new work before it sleeps: some tens of microseconds, so that the many short runs of
 * one forward pass find it awake. */
enum { SPIN = 4000 };

struct worker {
    struct pool *pool;
    pthread_t thread;
    uint32_t index;
};

struct pool {
    uint32_t n_threads;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    /* The run in progress; written under the lock before `run` rises. */
    pool_fn fn;
    void *arg;
    uint32_t n_tasks;
    _Atomic uint32_t next; /* next task to take */
    _Atomic uint32_t busy; /* workers still in this run */
    _Atomic uint64_t run;  /* number of the run; rises by one each time */
    _Atomic bool stop;
    struct worker workers[];
};

static void relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

bool pool_fp_mode(void) {
    bool ok = fesetround(FE_TONEAREST) == 0;
#if defined(__x86_64__)
    _mm_setcsr(0x1f80); /* all exceptions masked, nearest even, FTZ and DAZ off */
    ok = ok && (_mm_getcsr() & ~0x3fu) == 0x1f80;
#elif defined(__aarch64__)
    uint64_t zero = 0, fpcr;
    __asm__ volatile("msr fpcr, %0" : : "r"(zero));
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    ok = ok && fpcr == 0;
#endif
    return ok;
}

static void take_tasks(struct pool *p, uint32_t worker) {
    for (;;) {
        uint32_t task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (task >= p->n_tasks) return;
        p->fn(p->arg, task, worker);
    }
}

/* Waits until a run after `seen` begins or the pool stops; returns that run's number, or `seen` to stop. */
static uint64_t wait_for_run(struct pool *p, uint64_t seen) {
    for (int i = 0; i < SPIN; i++) {
        uint64_t now = atomic_load_explicit(&p->run, memory_order_acquire);
        if (now != seen) return now;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->run) == seen && !atomic_load(&p->stop)) pthread_cond_wait(&p->work, &p->lock);
    uint64_t now = atomic_load(&p->run);
    pthread_mutex_unlock(&p->lock);
    return now;
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    struct pool *p = w->pool;
    bool ok = pool_fp_mode();
    assert(ok);
    (void)ok;
    uint64_t seen = 0;
    for (;;) {
        uint64_t now = wait_for_run(p, seen);
        if (now == seen) return NULL;
        seen = now;
        take_tasks(p, w->index);
        if (atomic_fetch_sub_explicit(&p->busy, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

sil_err pool_open(uint32_t n_threads, struct pool **out, struct sil_error *e) {
    if (n_threads < 1 || n_threads > POOL_THREADS_MAX)
        return err_set(e, SIL_ARG, "%u threads: a number from 1 to %d is needed", n_threads, POOL_THREADS_MAX);
    size_t bytes = sizeof(struct pool) + n_threads * sizeof(struct worker);
    struct pool *p = calloc(1, bytes);
    if (!p) return err_nomem(e, "worker threads", bytes);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    p->n_threads = 1;
    for (uint32_t i = 1; i < n_threads; i++) {
        p->workers[i] = (struct worker){.pool = p, .index = i};
        if (pthread_create(&p->workers[i].thread, NULL, worker_main, &p->workers[i]) != 0) {
            pool_close(p);
            return err_set(e, SIL_NOMEM, "cannot start thread %u of %u; ask for fewer", i + 1, n_threads);
        }
        p->n_threads = i + 1;
    }
    *out = p;
    return SIL_OK;
}

void pool_close(struct pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 1; i < p->n_threads; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

uint32_t pool_threads(const struct pool *p) {
    return p->n_threads;
}

void pool_run(struct pool *p, uint32_t n_tasks, pool_fn fn, void *arg) {
    if (p->n_threads == 1 || n_tasks <= 1) {
        for (uint32_t i = 0; i < n_tasks; i++) fn(arg, i, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->arg = arg;
    p->n_tasks = n_tasks;
    atomic_store(&p->next, 0);
    atomic_store(&p->busy, p->n_threads - 1);
    atomic_fetch_add_explicit(&p->run, 1, memory_order_release);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    take_tasks(p, 0);
    for (int i = 0; i < SPIN && atomic_load_explicit(&p->busy, memory_order_acquire); i++) relax();
    if (!atomic_load_explicit(&p->busy, memory_order_acquire)) return;
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->busy)) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
