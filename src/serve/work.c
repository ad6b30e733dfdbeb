#include "serve/work.h"

#include <pthread.h>
#include <sys/resource.h>

#include "base/err.h"
#include "serve/admin.h"
#include "serve/openai.h"
#include "serve/prompt.h"
#include "serve/record.h"

enum { WORK_THREADS_MAX = 64, REPLY_MAX = 256 << 20, ADMIN_REPLY_MAX = 64 << 20, PLAN_NICE = 10 };

struct item {
    enum work_kind kind;
    struct request *r;
    struct buf body;
};

/* A queue and the threads that empty it. */
struct crew {
    struct work *w;
    pthread_cond_t something;
    struct item *queue; /* a ring of size cap */
    uint32_t cap, head, n;
    uint32_t n_threads;
    pthread_t threads[WORK_THREADS_MAX];
};

struct work {
    struct job_env *env;
    const struct catalog *catalog;
    struct loop *loop;
    struct planner *planner;
    pthread_mutex_t lock; /* of both queues */
    bool stop;
    struct crew quick, plans;
};

static bool is_plan(enum work_kind k) {
    return k == WORK_PLAN_RUN || k == WORK_PLAN_REPORT;
}

bool work_submit(struct work *w, enum work_kind kind, struct request *r, struct buf *body, struct fault *f) {
    struct crew *c = is_plan(kind) ? &w->plans : &w->quick;
    if (is_plan(kind) && !planner_begin(w->planner, &r->caller, f)) return false;
    pthread_mutex_lock(&w->lock);
    bool ok = c->n < c->cap && !w->stop;
    if (ok) {
        c->queue[(c->head + c->n++) % c->cap] = (struct item){kind, request_hold(r), *body};
        buf_init(body, body->mem, body->max);
        pthread_cond_signal(&c->something);
    }
    pthread_mutex_unlock(&w->lock);
    if (ok) return true;
    if (is_plan(kind)) planner_end(w->planner, &r->caller);
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

static bool begin_replay(struct work *w, const struct item *it, struct fault *f) {
    struct record *rec = w->env->record;
    struct request *r = it->r;
    if (!record_replay_begin(rec, r, buf_view(&it->body), f)) return false;
    if (!r->replaying)
        return record_replay_tell(rec, r, NULL, 0, 0) == SIL_OK ||
               fault_set(f, 503, "unavailable", NULL, "not enough memory for the reply");
    if (admit(w, r, prompt_tokens_at_most(r), f)) return true;
    record_replay_end(rec, r);
    return false;
}

static bool replay(struct work *w, const struct item *it, struct fault *f) {
    if (begin_replay(w, it, f)) return true;
    record_replay_fault(w->env->record, it->r, f);
    return false;
}

static bool of_record(struct work *w, const struct item *it, struct fault *f) {
    switch (it->r->ask.what) {
    case RECORD_REPLAY: return replay(w, it, f);
    case RECORD_ERASE: return record_erase(w->env->record, w->env->ledger, w->env->log, it->r, f);
    default: return record_read(w->env->record, it->r, f);
    }
}

/* Keys and usage. */
static bool of_admin(struct work *w, const struct item *it, struct fault *f) {
    struct buf out;
    struct request *r = it->r;
    struct gate *g = w->env->gate;
    bool csv = it->kind == WORK_USAGE && r->admin.csv;
    buf_init(&out, w->env->mem, ADMIN_REPLY_MAX);
    bool ok = it->kind == WORK_USAGE     ? admin_usage(g, r, &out, f)
              : it->kind == WORK_KEYS    ? admin_keys(g, r, &out, f)
              : it->kind == WORK_KEY_ADD ? admin_key_add(g, w->env->log, r, buf_view(&it->body), &out, f)
                                         : admin_key_revoke(g, w->env->log, r, &out, f);
    if (ok && answer_reply_as(&r->answer, buf_view(&out), csv ? "text/csv; charset=utf-8" : NULL,
                              csv ? "usage.csv" : "") != SIL_OK)
        ok = fault_set(f, 503, "unavailable", NULL, "not enough memory for the reply");
    buf_free(&out);
    return ok;
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

/* The place is given back before the reply is there, so that the client may ask again at once. */
static bool plan(struct work *w, const struct item *it, struct fault *f) {
    struct buf out;
    buf_init(&out, w->env->mem, PLANNER_REPLY_MAX);
    bool ok = planner_do(w->planner, it->kind == WORK_PLAN_RUN ? PLANNER_RUN : PLANNER_REPORT, buf_view(&it->body),
                         it->r, &out, f);
    planner_end(w->planner, &it->r->caller);
    if (ok && answer_reply(&it->r->answer, buf_view(&out)) != SIL_OK)
        ok = fault_set(f, 503, "unavailable", NULL, "not enough memory for the reply");
    buf_free(&out);
    return ok;
}

static bool do_one(struct work *w, const struct item *it, struct fault *f) {
    if (is_plan(it->kind)) return plan(w, it, f);
    if (answer_is_cancelled(&it->r->answer)) return fault_set(f, 408, "cancelled", NULL, "the client went away");
    if (it->kind == WORK_RECORD) return of_record(w, it, f);
    if (it->kind >= WORK_USAGE) return of_admin(w, it, f);
    return it->kind <= WORK_COMPLETION ? generate(w, it, f) : reply(w, it, f);
}

static void do_item(struct work *w, struct item *it) {
    struct fault f = {0};
    if (!do_one(w, it, &f)) answer_fault(&it->r->answer, &f);
    buf_free(&it->body);
    request_release(it->r);
}

static void *work_main(void *arg) {
    struct crew *c = arg;
    struct work *w = c->w;
    /* 0 is this thread alone, on Linux. Where it is not allowed, plans run as fast as the rest. */
    if (c == &w->plans) (void)setpriority(PRIO_PROCESS, 0, PLAN_NICE);
    for (;;) {
        pthread_mutex_lock(&w->lock);
        while (!c->n && !w->stop) pthread_cond_wait(&c->something, &w->lock);
        if (!c->n) {
            pthread_mutex_unlock(&w->lock);
            return NULL;
        }
        struct item it = c->queue[c->head];
        c->head = (c->head + 1) % c->cap;
        c->n--;
        pthread_mutex_unlock(&w->lock);
        do_item(w, &it);
    }
}

/* ---- open, close ---- */

static sil_err open_crew(struct work *w, struct crew *c, uint32_t cap, uint32_t threads, struct sil_error *e) {
    c->cap = cap;
    c->queue = mem_array(w->env->mem, cap, sizeof *c->queue);
    if (!c->queue) return err_nomem(e, "the workers", cap * sizeof *c->queue);
    uint32_t n = threads < WORK_THREADS_MAX ? threads : WORK_THREADS_MAX;
    while (c->n_threads < n && pthread_create(&c->threads[c->n_threads], NULL, work_main, c) == 0) c->n_threads++;
    if (c->n_threads == n && n > 0) return SIL_OK;
    return err_set(e, SIL_NOMEM, "the workers' threads could not be started");
}

sil_err work_open(struct job_env *env, const struct catalog *catalog, struct loop *loop, struct planner *planner,
                  struct work **out, struct sil_error *e) {
    struct work *w = mem_array(env->mem, 1, sizeof *w);
    if (!w) return err_nomem(e, "the workers", sizeof *w);
    w->env = env;
    w->catalog = catalog;
    w->loop = loop;
    w->planner = planner;
    w->quick.w = w->plans.w = w;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->quick.something, NULL);
    pthread_cond_init(&w->plans.something, NULL);
    sil_err rc = open_crew(w, &w->quick, env->config->limits.waiting, env->config->workers, e);
    if (rc == SIL_OK) rc = open_crew(w, &w->plans, PLANNER_PLACES, PLANNER_THREADS, e);
    if (rc != SIL_OK) {
        work_close(w);
        return rc;
    }
    *out = w;
    return SIL_OK;
}

static void join(struct crew *c) {
    for (uint32_t i = 0; i < c->n_threads; i++) pthread_join(c->threads[i], NULL);
    c->n_threads = 0;
}

void work_stop(struct work *w) {
    planner_stop(w->planner);
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->quick.something);
    pthread_cond_broadcast(&w->plans.something);
    pthread_mutex_unlock(&w->lock);
    join(&w->quick);
    join(&w->plans);
}

void work_close(struct work *w) {
    if (!w) return;
    work_stop(w);
    pthread_cond_destroy(&w->quick.something);
    pthread_cond_destroy(&w->plans.something);
    pthread_mutex_destroy(&w->lock);
    struct mem mem = w->env->mem;
    mem_free(mem, w->quick.queue);
    mem_free(mem, w->plans.queue);
    mem_free(mem, w);
}
