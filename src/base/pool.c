#include "base/pool.h"

#include <assert.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
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

/* The run in progress. A worker takes a task by lowering the count of `tickets`; while a task of a run is not done, the
 * run's other fields do not change. So a worker that wakes late finds no ticket and holds nobody up. */
struct pool {
    uint32_t n_threads;
    pthread_mutex_t lock; /* for sleeping only */
    pthread_cond_t work;
    pool_fn fn;
    void *arg;
    uint32_t n_tasks;
    _Atomic uint64_t tickets; /* number of the run << 32 | tasks not yet taken */
    _Atomic uint32_t done;    /* tasks finished */
    _Atomic uint32_t sleepers;
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

static bool has_tickets(const struct pool *p) {
    return (uint32_t)atomic_load_explicit(&p->tickets, memory_order_relaxed) != 0;
}

static void take_tasks(struct pool *p, uint32_t worker) {
    uint64_t t = atomic_load_explicit(&p->tickets, memory_order_relaxed);
    while ((uint32_t)t != 0) {
        if (!atomic_compare_exchange_weak_explicit(&p->tickets, &t, t - 1, memory_order_acquire, memory_order_relaxed))
            continue;
        p->fn(p->arg, p->n_tasks - (uint32_t)t, worker);
        atomic_fetch_add_explicit(&p->done, 1, memory_order_release);
        t = atomic_load_explicit(&p->tickets, memory_order_relaxed);
    }
}

/* Spins for a while, then sleeps, until there are tickets or the pool stops. */
static void wait_for_work(struct pool *p) {
    for (int i = 0; i < SPIN; i++) {
        if (has_tickets(p)) return;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1); /* before the last look: pool_run looks at both in the other order */
    while ((uint32_t)atomic_load(&p->tickets) == 0 && !atomic_load(&p->stop)) pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    struct pool *p = w->pool;
    bool ok = pool_fp_mode();
    assert(ok);
    (void)ok;
    while (!atomic_load(&p->stop)) {
        wait_for_work(p);
        take_tasks(p, w->index);
    }
    return NULL;
}

/* Ctrl-C and the like are for the threads of the program that uses us: a worker takes none, so that a wait elsewhere
 * is ended by them. A fault in a worker is still the worker's. */
static int start_worker(struct worker *w) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

sil_err pool_open(uint32_t n_threads, struct pool **out, struct sil_error *e) {
    if (n_threads < 1 || n_threads > POOL_THREADS_MAX)
        return err_set(e, SIL_ARG, "%u threads: a number from 1 to %d is needed", n_threads, POOL_THREADS_MAX);
    size_t bytes = sizeof(struct pool) + n_threads * sizeof(struct worker);
    struct pool *p = calloc(1, bytes);
    if (!p) return err_nomem(e, "worker threads", bytes);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    p->n_threads = 1;
    for (uint32_t i = 1; i < n_threads; i++) {
        p->workers[i] = (struct worker){.pool = p, .index = i};
        if (start_worker(&p->workers[i]) != 0) {
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
    p->fn = fn;
    p->arg = arg;
    p->n_tasks = n_tasks;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    uint64_t run = (atomic_load_explicit(&p->tickets, memory_order_relaxed) >> 32) + 1;
    atomic_store(&p->tickets, run << 32 | n_tasks);
    if (atomic_load(&p->sleepers)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->lock);
    }
    take_tasks(p, 0);
    /* What is left is being done by others: at most one task each. */
    for (int i = 0; atomic_load_explicit(&p->done, memory_order_acquire) != n_tasks; i++) {
        if (i < SPIN) relax();
        else sched_yield();
    }
}
