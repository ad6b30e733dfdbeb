/* writer: a thread that commits what others submit. While one group is being synced the next one gathers, so that
 * groups grow with the load and a single answer never waits for more than two syncs. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/err.h"
#include "ledger/ledger.h"

enum { QUEUE = 4096, PUBLISH_MS = 1000, RETRY_MS = 1000, QUEUE_BYTES = 1 << 30, ERASES_MAX = 64 };

struct job {
    struct job *next;
    struct ledger_answer answer; /* points into the bytes behind */
    ledger_done *done;
    void *ctx;
    size_t bytes;
    /* Of the writer. */
    struct ledger_ticket ticket;
    sil_err err;
    struct sil_error error; /* why it was not appended */
};

/* On the stack of who waits for it. */
struct erasure {
    struct erasure *next;
    uint64_t index;
    bool had, done;
    sil_err err;
    struct sil_error *error;
};

struct ledger_writer {
    struct ledger *log;
    struct mem mem;
    uint32_t max_queue, publish_ms;
    pthread_t thread;
    struct clock clock;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    pthread_cond_t erased;
    struct erasure *erasures, **erasures_end;
    uint32_t n_erasures; /* those that the thread has taken included */
    struct job *first, **end;
    size_t queued_bytes;
    bool stop;
    struct ledger_writer_stats stats;
};

/* ---- submitting ---- */

static bool job_bytes(const struct ledger_answer *a, size_t *out) {
    size_t ids, bias, n = sizeof(struct job);
    return size_mul((size_t)a->n_in + a->n_out, 4, &ids) &&
           size_mul(a->entry.sampling.n_bias, sizeof(struct sil_bias), &bias) && size_add(n, ids, &n) &&
           size_add(n, bias, &n) && size_add(n, a->prompt.n, &n) && size_add(n, a->text.n, &n) && (*out = n, true);
}

static void *copy(char **at, const void *p, size_t n) {
    char *to = *at;
    if (n) memcpy(to, p, n);
    *at += n;
    return to;
}

/* One block: the job and all that its answer points to, what needs alignment first. */
static struct job *job_new(struct ledger_writer *w, const struct ledger_answer *a) {
    size_t n;
    struct job *j = job_bytes(a, &n) ? mem_alloc(w->mem, n) : NULL;
    if (!j) return NULL;
    char *at = (char *)(j + 1);
    *j = (struct job){.answer = *a, .bytes = n};
    const struct sil_sampling *s = &a->entry.sampling;
    j->answer.entry.sampling.bias = copy(&at, s->bias, s->n_bias * sizeof *s->bias);
    j->answer.in = copy(&at, a->in, (size_t)a->n_in * 4);
    j->answer.out = copy(&at, a->out, (size_t)a->n_out * 4);
    j->answer.prompt.p = copy(&at, a->prompt.p, a->prompt.n);
    j->answer.text.p = copy(&at, a->text.p, a->text.n);
    return j;
}

sil_err ledger_writer_submit(struct ledger_writer *w, const struct ledger_answer *a, ledger_done *done, void *ctx,
                             struct sil_error *e) {
    struct job *j = job_new(w, a);
    if (!j) return err_nomem(e, "an answer on its way to the record", sizeof *j);
    j->done = done;
    j->ctx = ctx;
    pthread_mutex_lock(&w->lock);
    bool full = w->stats.waiting >= w->max_queue || w->queued_bytes + j->bytes > QUEUE_BYTES || w->stop;
    if (!full) {
        *w->end = j;
        w->end = &j->next;
        w->queued_bytes += j->bytes;
        w->stats.waiting++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    if (!full) return SIL_OK;
    mem_free(w->mem, j);
    return err_set(e, SIL_LIMIT, "too many answers wait for the record; try again");
}

sil_err ledger_writer_erase(struct ledger_writer *w, uint64_t index, bool *had, struct sil_error *e) {
    struct erasure own = {.index = index, .error = e};
    *had = false;
    pthread_mutex_lock(&w->lock);
    bool full = w->n_erasures == ERASES_MAX || w->stop;
    if (!full) {
        *w->erasures_end = &own;
        w->erasures_end = &own.next;
        w->n_erasures++;
        pthread_cond_signal(&w->wake);
        while (!own.done) pthread_cond_wait(&w->erased, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    if (full) return err_set(e, SIL_LIMIT, "too many transcripts wait to be erased; try again");
    *had = own.had;
    return own.err;
}

/* ---- the thread ---- */

static void erase_all(struct ledger_writer *w, struct erasure *list) {
    while (list) {
        struct erasure *x = list;
        list = x->next; /* once it is done, it is gone */
        x->err = ledger_erase(w->log, x->index, &x->had, x->error);
        pthread_mutex_lock(&w->lock);
        x->done = true;
        w->n_erasures--;
        pthread_cond_broadcast(&w->erased);
        pthread_mutex_unlock(&w->lock);
    }
}

static void wait_ms(struct ledger_writer *w, uint32_t ms) {
    uint64_t at = clock_now_ns(w->clock) + (uint64_t)ms * 1000000;
    struct timespec until = {.tv_sec = (time_t)(at / 1000000000), .tv_nsec = (long)(at % 1000000000)};
    (void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

static void finish(struct ledger_writer *w, struct job *j, struct buf *receipt, const struct sil_error *e) {
    struct ledger_outcome o = {.err = j->err, .index = j->ticket.index, .error = e};
    struct sil_error own = {0};
    if (j->err == SIL_OK) {
        buf_clear(receipt);
        o.err = ledger_receipt(w->log, j->ticket.index, j->ticket.salt, receipt, &own);
        o.receipt = buf_view(receipt);
        if (o.err != SIL_OK) o.error = &own; /* it is in the record, but cannot be shown */
    }
    j->done(j->ctx, &o);
}

static void count(struct ledger_writer *w, sil_err err, uint32_t entries, uint64_t from) {
    pthread_mutex_lock(&w->lock);
    w->stats.failing = err != SIL_OK;
    if (err != SIL_OK) w->stats.failures++;
    else if (entries) w->stats.commits++;
    if (err == SIL_OK) w->stats.entries += entries;
    w->stats.sync_ns += clock_now_ns(w->clock) - from;
    w->stats.cpu_ns = clock_thread_cpu_ns();
    pthread_mutex_unlock(&w->lock);
}

/* Appends jobs up to what one commit takes; returns where it stopped. */
static struct job *append_some(struct ledger_writer *w, struct job *j, uint32_t *n) {
    for (; j; j = j->next) {
        j->err = ledger_append(w->log, &j->answer, &j->ticket, &j->error);
        if (j->err == SIL_LIMIT && *n > 0) break; /* the group is full */
        if (j->err == SIL_OK) ++*n;
    }
    return j;
}

/* Commits a list of jobs and tells what became of each, in order. */
static void commit_jobs(struct ledger_writer *w, struct job *j, struct buf *receipt) {
    while (j) {
        struct sil_error failed = {0};
        uint32_t n = 0;
        struct job *rest = append_some(w, j, &n);
        uint64_t from = clock_now_ns(w->clock);
        sil_err err = ledger_commit(w->log, &failed);
        count(w, err, n, from);
        while (j != rest) {
            struct job *next = j->next;
            bool own = j->err != SIL_OK;
            if (!own) j->err = err;
            finish(w, j, receipt, own ? &j->error : &failed);
            mem_free(w->mem, j);
            j = next;
        }
    }
}

/* Takes what is queued; NULL after a pause without work. */
static struct job *take(struct ledger_writer *w, bool dirty, struct erasure **erasures, bool *stop) {
    pthread_mutex_lock(&w->lock);
    if (!w->first && !w->erasures && !w->stop) {
        if (dirty || w->stats.failing) wait_ms(w, w->stats.failing ? RETRY_MS : w->publish_ms);
        else pthread_cond_wait(&w->wake, &w->lock);
    }
    struct job *j = w->first;
    *erasures = w->erasures;
    w->erasures = NULL;
    w->erasures_end = &w->erasures;
    w->first = NULL;
    w->end = &w->first;
    w->queued_bytes = 0;
    w->stats.waiting = 0;
    *stop = w->stop;
    pthread_mutex_unlock(&w->lock);
    return j;
}

static void *writer_main(void *arg) {
    struct ledger_writer *w = arg;
    struct buf receipt;
    struct erasure *erasures = NULL;
    bool stop = false, dirty = false;
    uint64_t published = clock_now_ns(w->clock);
    buf_init(&receipt, w->mem, LEDGER_RECEIPT_BYTES);
    for (;;) {
        struct job *j = take(w, dirty, &erasures, &stop);
        if (!j && !erasures && stop) break;
        if (j) {
            commit_jobs(w, j, &receipt);
            dirty = true;
        } else if (w->stats.failing) { /* only this thread writes it */
            uint64_t from = clock_now_ns(w->clock);
            count(w, ledger_commit(w->log, NULL), 0, from);
        }
        erase_all(w, erasures); /* what is to be erased was committed before it was asked */
        uint64_t now = clock_now_ns(w->clock);
        if (dirty && (!j || now - published >= (uint64_t)w->publish_ms * 1000000)) {
            dirty = ledger_publish(w->log, NULL) != SIL_OK;
            published = now;
        }
    }
    buf_free(&receipt);
    return NULL;
}

/* ---- starting and stopping ---- */

/* Signals are for the other threads. */
static int start_thread(struct ledger_writer *w) {
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int bad = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return bad;
}

sil_err ledger_writer_start(struct ledger *l, const struct ledger_writer_config *c, struct ledger_writer **out,
                            struct sil_error *e) {
    struct ledger_writer *w = mem_array(c->mem, 1, sizeof *w);
    if (!w) return err_nomem(e, "the record's writer", sizeof *w);
    w->log = l;
    w->mem = c->mem;
    w->max_queue = c->max_queue ? c->max_queue : QUEUE;
    w->publish_ms = c->publish_ms ? c->publish_ms : PUBLISH_MS;
    w->clock = clock_system();
    w->end = &w->first;
    w->erasures_end = &w->erasures;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, &attr);
    pthread_cond_init(&w->erased, &attr);
    pthread_condattr_destroy(&attr);
    if (start_thread(w) == 0) return *out = w, SIL_OK;
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->erased);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->mem, w);
    return err_set(e, SIL_NOMEM, "the system starts no thread for the record's writer");
}

void ledger_writer_stats(struct ledger_writer *w, struct ledger_writer_stats *out) {
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    pthread_mutex_unlock(&w->lock);
}

void ledger_writer_stop(struct ledger_writer *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->erased);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->mem, w);
}
