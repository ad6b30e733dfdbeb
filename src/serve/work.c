#include "serve/work.h"

#include <pthread.h>

#include "base/err.h"
#include "serve/openai.h"
#include "serve/prompt.h"
#include "serve/record.h"

enum { WORK_THREADS_MAX = 64, REPLY_MAX = 256 << 20 };

struct item {
    enum work_kind kind;
    struct request *r;
    struct buf body;
};

struct work {
    struct job_env *env;
    const struct catalog *catalog;
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t something;
    struct item *queue; /* a ring of size cap */
    uint32_t cap, head, n;
    bool stop;
    uint32_t n_threads;
    pthread_t threads[WORK_THREADS_MAX];
};

bool work_submit(struct work *w, enum work_kind kind, struct request *r, struct buf *body, struct fault *f) {
    pthread_mutex_lock(&w->lock);
    bool ok = w->n < w->cap && !w->stop;
    if (ok) {
        w->queue[(w->head + w->n++) % w->cap] = (struct item){kind, request_hold(r), *body};
        buf_init(body, body->mem, body->max);
        pthread_cond_signal(&w->something);
    }
    pthread_mutex_unlock(&w->lock);
    if (ok) return true;
    fault_set(f, 503, "overloaded", NULL, "too many requests are waiting");
    f->retry_ms = 1000;
    return false;
}

/* ---- one request ---- */

static bool no_record_now(struct work *w, struct fault *f) {
    struct ledger_writer_stats s;
    ledger_writer_stats(w->env->ledger, &s);
    if (!s.failing) return false;
    fault_set(f, 503, "no_record", NULL,
              "answers cannot be put on record just now (is the disk full?), so none are given");
    f->retry_ms = 5000;
    return true;
}

/* To the engine, as far as the limits allow. */
static bool admit(struct work *w, struct request *r, uint64_t tokens, struct fault *f) {
    const struct config_limits *limits = &w->env->config->limits;
    if (limits->request_ms && !r->deadline_ns) r->deadline_ns = r->arrival_ns + limits->request_ms * UINT64_C(1000000);
    if (!gate_admit(w->env->gate, r, tokens, f)) return false;
    if (loop_submit(w->loop, r, f)) return true;
    gate_settle(w->env->gate, r, &(struct answer_usage){0});
    return false;
}

static bool generate(struct work *w, const struct item *it, struct fault *f) {
    struct request *r = it->r;
    struct str body = buf_view(&it->body);
    const struct config_limits *limits = &w->env->config->limits;
    if (no_record_now(w, f)) return false;
    bool ok = it->kind == WORK_CHAT ? openai_read_chat(body, w->catalog, limits, r, f)
                                    : openai_read_completion(body, w->catalog, limits, r, f);
    return ok && prompt_build(r, f) && admit(w, r, prompt_tokens_at_most(r), f);
}

static bool replay(struct work *w, const struct item *it, struct fault *f) {
    struct record *rec = w->env->record;
    struct request *r = it->r;
    if (!record_replay_begin(rec, r, buf_view(&it->body), f)) return false;
    if (!r->replaying)
        return record_replay_tell(r, NULL, 0, 0) == SIL_OK ||
               fault_set(f, 503, "unavailable", NULL, "not enough memory for the reply");
    if (admit(w, r, prompt_tokens_at_most(r), f)) return true;
    record_replay_end(rec, r);
    return false;
}

static bool of_record(struct work *w, const struct item *it, struct fault *f) {
    return it->r->ask.what == RECORD_REPLAY ? replay(w, it, f) : record_read(w->env->record, it->r, f);
}

static bool reply(struct work *w, const struct item *it, struct fault *f) {
    struct buf out;
    struct str body = buf_view(&it->body);
    buf_init(&out, w->env->mem, REPLY_MAX);
    bool ok = it->kind == WORK_TOKENIZE     ? openai_tokenize(body, w->catalog, it->r->unix_s, &out, f)
              : it->kind == WORK_DETOKENIZE ? openai_detokenize(body, w->catalog, &out, f)
                                            : openai_apply_template(body, w->catalog, it->r->unix_s, &out, f);
    if (ok && answer_reply(&it->r->answer, buf_view(&out)) != SIL_OK)
        ok = fault_set(f, 503, "unavailable", NULL, "not enough memory for the reply");
    buf_free(&out);
    return ok;
}

static void do_item(struct work *w, struct item *it) {
    struct fault f = {0};
    bool gone = answer_is_cancelled(&it->r->answer);
    bool ok = gone                          ? fault_set(&f, 408, "cancelled", NULL, "the client went away")
              : it->kind <= WORK_COMPLETION ? generate(w, it, &f)
              : it->kind == WORK_RECORD     ? of_record(w, it, &f)
                                            : reply(w, it, &f);
    if (!ok) answer_fault(&it->r->answer, &f);
    buf_free(&it->body);
    request_release(it->r);
}

static void *work_main(void *arg) {
    struct work *w = arg;
    for (;;) {
        pthread_mutex_lock(&w->lock);
        while (!w->n && !w->stop) pthread_cond_wait(&w->something, &w->lock);
        if (!w->n) {
            pthread_mutex_unlock(&w->lock);
            return NULL;
        }
        struct item it = w->queue[w->head];
        w->head = (w->head + 1) % w->cap;
        w->n--;
        pthread_mutex_unlock(&w->lock);
        do_item(w, &it);
    }
}

/* ---- open, close ---- */

sil_err work_open(struct job_env *env, const struct catalog *catalog, struct loop *loop, struct work **out,
                  struct sil_error *e) {
    struct work *w = mem_array(env->mem, 1, sizeof *w);
    uint32_t cap = env->config->limits.waiting;
    struct item *queue = mem_array(env->mem, cap, sizeof *queue);
    if (!w || !queue) {
        mem_free(env->mem, w);
        mem_free(env->mem, queue);
        return err_nomem(e, "the workers", cap * sizeof *queue);
    }
    *w = (struct work){.env = env, .catalog = catalog, .loop = loop, .queue = queue, .cap = cap};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->something, NULL);
    uint32_t n = env->config->workers < WORK_THREADS_MAX ? env->config->workers : WORK_THREADS_MAX;
    while (w->n_threads < n && pthread_create(&w->threads[w->n_threads], NULL, work_main, w) == 0) w->n_threads++;
    if (w->n_threads == n && n > 0) {
        *out = w;
        return SIL_OK;
    }
    work_close(w);
    return err_set(e, SIL_NOMEM, "the workers' threads could not be started");
}

void work_stop(struct work *w) {
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->something);
    pthread_mutex_unlock(&w->lock);
    for (uint32_t i = 0; i < w->n_threads; i++) pthread_join(w->threads[i], NULL);
    w->n_threads = 0;
}

void work_close(struct work *w) {
    if (!w) return;
    work_stop(w);
    pthread_cond_destroy(&w->something);
    pthread_mutex_destroy(&w->lock);
    struct mem mem = w->env->mem;
    mem_free(mem, w->queue);
    mem_free(mem, w);
}
