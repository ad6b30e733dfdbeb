#include "serve/loop.h"

#include <pthread.h>
#include <time.h>

#include "base/err.h"
#include "base/pool.h"

enum {
    NEWS_MAX = 64,
    NAP_NS = 200000000,     /* with nothing to do it looks around at least this often */
    IDLE_MIN_NS = 100000000 /* and a nap as long as this says what the machine takes when idle */
};

/* What another thread wants done with a lane: one at a time. */
struct order {
    enum { ORDER_NONE, ORDER_ADD, ORDER_REMOVE, ORDER_LEAVE } kind;
    uint32_t index;
    struct lane *lane; /* ADD: the new one; REMOVE: afterwards the old one */
    uint64_t within_ns;
};

struct loop {
    struct job_env *env;
    struct lane **lanes; /* [n_lanes], by the catalog's index; NULL: not loaded. The thread's alone while it runs */
    uint32_t n_lanes;
    struct meter meter;
    struct sched_budget *budget; /* power, of all models together; the thread's as the lanes are */
    pthread_t thread;
    bool running; /* the thread was started */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t something;
    struct request **queue; /* a ring of size cap */
    uint32_t cap, head, n;
    bool poked, stop, draining, drain_asked;
    struct order order;
    pthread_cond_t ordered; /* it is done */
    uint64_t drain_ns;
    _Atomic uint64_t beat_ns;
};

/* ---- from other threads ---- */

static void signal_locked(struct loop *l) {
    pthread_cond_signal(&l->something);
}

bool loop_submit(struct loop *l, struct request *r, struct fault *f) {
    bool ok = false;
    pthread_mutex_lock(&l->lock);
    if (l->draining || l->stop) {
        fault_set(f, 503, "stopping", NULL, "the server is stopping");
    } else if (l->n == l->cap) {
        fault_set(f, 503, "overloaded", NULL, "too many requests are waiting");
    } else {
        l->queue[(l->head + l->n++) % l->cap] = request_hold(r);
        signal_locked(l);
        ok = true;
    }
    pthread_mutex_unlock(&l->lock);
    if (!ok) f->retry_ms = 1000;
    return ok;
}

void loop_poke(struct loop *l) {
    pthread_mutex_lock(&l->lock);
    l->poked = true;
    signal_locked(l);
    pthread_mutex_unlock(&l->lock);
}

void loop_drain(struct loop *l, uint64_t within_ns) {
    pthread_mutex_lock(&l->lock);
    l->draining = l->drain_asked = true;
    l->drain_ns = within_ns;
    signal_locked(l);
    pthread_mutex_unlock(&l->lock);
}

uint64_t loop_beat_ns(const struct loop *l) {
    return atomic_load(&l->beat_ns);
}

/* ---- the thread ---- */

/* What came in since the last look. */
struct news {
    struct request *requests[NEWS_MAX];
    uint32_t n;
    bool poked, drain, stop, order;
    uint64_t drain_ns;
};

static void wait_locked(struct loop *l, uint64_t wait_ns) {
    struct timespec t;
    if (wait_ns > NAP_NS) wait_ns = NAP_NS;
    uint64_t now = clock_now_ns(l->env->clock) + wait_ns; /* the condition counts on the same clock */
    t.tv_sec = (time_t)(now / 1000000000u);
    t.tv_nsec = (long)(now % 1000000000u);
    pthread_cond_timedwait(&l->something, &l->lock, &t);
}

static struct news take_news(struct loop *l, uint64_t wait_ns) {
    struct news news = {0};
    pthread_mutex_lock(&l->lock);
    if (wait_ns && !l->n && !l->poked && !l->stop && !l->drain_asked && !l->order.kind) wait_locked(l, wait_ns);
    while (l->n && news.n < NEWS_MAX) {
        news.requests[news.n++] = l->queue[l->head];
        l->head = (l->head + 1) % l->cap;
        l->n--;
    }
    news.order = l->order.kind != ORDER_NONE;
    news.poked = l->poked;
    news.stop = l->stop;
    news.drain = l->drain_asked;
    news.drain_ns = l->drain_ns;
    l->poked = l->drain_asked = false;
    pthread_mutex_unlock(&l->lock);
    return news;
}

static double joules_now(const struct loop *l) {
    double j = -1;
    return l->meter.read && l->meter.read(l->meter.ctx, &j) ? j : -1;
}

/* After a nap in which nothing was stepped. */
static void measure_idle(struct loop *l, uint64_t slept_ns, double before) {
    double after = before >= 0 && slept_ns >= IDLE_MIN_NS ? joules_now(l) : -1;
    if (after < before || after < 0) return;
    for (uint32_t i = 0; i < l->n_lanes; i++) {
        if (!l->lanes[i]) continue;
        lane_idle_power(l->lanes[i], (after - before) / ((double)slept_ns * 1e-9));
        return;
    }
}

/* Who ordered waits, so the order stays as it is meanwhile. */
static void carry_out(struct loop *l, uint64_t now_ns) {
    struct order *o = &l->order;
    struct lane **lane = &l->lanes[o->index];
    if (o->kind == ORDER_LEAVE && *lane) lane_leave(*lane, now_ns, o->within_ns);
    if (o->kind == ORDER_ADD) {
        *lane = o->lane;
        lane_enter(*lane, l->budget);
    }
    if (o->kind == ORDER_REMOVE) {
        o->lane = *lane;
        if (*lane) lane_exit(*lane);
        *lane = NULL;
    }
    pthread_mutex_lock(&l->lock);
    o->kind = ORDER_NONE;
    pthread_cond_signal(&l->ordered);
    pthread_mutex_unlock(&l->lock);
}

static void *loop_main(void *arg) {
    struct loop *l = arg;
    uint64_t wait_ns = 0;
    pool_fp_mode(); /* this thread computes too */
    for (;;) {
        uint64_t slept = clock_now_ns(l->env->clock);
        double joules = wait_ns >= IDLE_MIN_NS ? joules_now(l) : -1;
        struct news news = take_news(l, wait_ns);
        uint64_t now = clock_now_ns(l->env->clock);
        measure_idle(l, now - slept, joules);
        atomic_store(&l->beat_ns, now);
        if (news.order) carry_out(l, now);
        for (uint32_t i = 0; i < news.n; i++)
            lane_admit(l->lanes[news.requests[i]->model->index], now, news.requests[i]);
        if (news.stop) return NULL;
        wait_ns = UINT64_MAX;
        for (uint32_t i = 0; i < l->n_lanes; i++) {
            struct lane *lane = l->lanes[i];
            if (!lane) continue;
            if (news.poked) lane_cancels(lane);
            now = clock_now_ns(l->env->clock); /* a step of the one before has taken its time */
            if (news.drain) lane_drain(lane, now, news.drain_ns);
            uint64_t w = lane_turn(lane, now);
            if (w < wait_ns) wait_ns = w;
        }
    }
}

/* ---- open, close ---- */

static bool init_lock(struct loop *l) {
    pthread_condattr_t attr;
    if (pthread_mutex_init(&l->lock, NULL) != 0) return false;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    bool ok = pthread_cond_init(&l->something, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (!ok) pthread_mutex_destroy(&l->lock);
    else pthread_cond_init(&l->ordered, NULL);
    return ok;
}

static sil_err new_lane(struct loop *l, const struct catalog_model *m, struct lane **out, struct sil_error *e) {
    struct lane *lane = mem_array(l->env->mem, 1, sizeof *lane);
    if (!lane) return err_nomem(e, "a model's queue", sizeof *lane);
    sil_err err = lane_open(lane, l->env, m, l->meter, e);
    if (err == SIL_OK) *out = lane;
    else mem_free(l->env->mem, lane);
    return err;
}

static void free_lane(struct loop *l, struct lane *lane) {
    if (!lane) return;
    lane_close(lane);
    mem_free(l->env->mem, lane);
}

static sil_err open_budget(struct loop *l, uint32_t n_models, struct sil_error *e) {
    const struct sched_budget_config c = {.max_schedulers = n_models};
    double watts = l->env->config->watts_max;
    if (watts > 0 && !l->meter.read)
        return err_set(e, SIL_UNSUPPORTED, "a power budget of %g W: this machine shows no energy counter to keep it by",
                       watts);
    SIL_TRY(sched_budget_open(l->env->mem, &c, &l->budget, e));
    sil_err err = watts > 0 ? sched_budget_set_cap(l->budget, clock_now_ns(l->env->clock), watts) : SIL_OK;
    return err == SIL_OK ? err : err_set(e, err, "a power budget of %g W cannot be kept", watts);
}

static sil_err open_lanes(struct loop *l, const struct catalog *catalog, struct sil_error *e) {
    for (uint32_t i = 0; i < catalog->n; i++) {
        if (!catalog->models[i].engine) continue;
        SIL_TRY(new_lane(l, &catalog->models[i], &l->lanes[i], e));
        lane_enter(l->lanes[i], l->budget);
    }
    return SIL_OK;
}

sil_err loop_open(struct job_env *env, const struct catalog *catalog, struct meter meter, struct loop **out,
                  struct sil_error *e) {
    struct loop *l = mem_array(env->mem, 1, sizeof *l);
    if (!l) return err_nomem(e, "the engine thread", sizeof *l);
    l->env = env;
    l->meter = meter;
    l->cap = env->config->limits.waiting;
    l->queue = mem_array(env->mem, l->cap, sizeof(struct request *));
    l->lanes = mem_array(env->mem, catalog->n, sizeof(struct lane *));
    l->n_lanes = catalog->n;
    if (!l->queue || !l->lanes || !init_lock(l)) {
        size_t bytes = l->cap * sizeof(struct request *);
        mem_free(env->mem, l->queue);
        mem_free(env->mem, l->lanes);
        mem_free(env->mem, l);
        return err_nomem(e, "the engine thread", bytes);
    }
    sil_err err = open_budget(l, catalog->n, e);
    if (err == SIL_OK) err = open_lanes(l, catalog, e);
    if (err == SIL_OK && pthread_create(&l->thread, NULL, loop_main, l) != 0)
        err = err_set(e, SIL_NOMEM, "a thread could not be started");
    if (err != SIL_OK) {
        loop_close(l);
        return err;
    }
    l->running = true;
    *out = l;
    return SIL_OK;
}

void loop_stop(struct loop *l) {
    if (l->running) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        signal_locked(l);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
        l->running = false;
    }
    while (l->n) { /* what came in behind the last look */
        struct request *r = l->queue[l->head];
        l->head = (l->head + 1) % l->cap;
        l->n--;
        lane_admit(l->lanes[r->model->index], clock_now_ns(l->env->clock), r);
    }
    for (uint32_t i = 0; i < l->n_lanes; i++) free_lane(l, l->lanes[i]);
    l->n_lanes = 0;
}

/* ---- models that come and go ---- */

static void order(struct loop *l, struct order *o) {
    pthread_mutex_lock(&l->lock);
    l->order = *o;
    signal_locked(l);
    while (l->order.kind != ORDER_NONE) pthread_cond_wait(&l->ordered, &l->lock);
    *o = l->order;
    pthread_mutex_unlock(&l->lock);
}

sil_err loop_add(struct loop *l, const struct catalog_model *m, struct sil_error *e) {
    struct order o = {.kind = ORDER_ADD, .index = m->index};
    SIL_TRY(new_lane(l, m, &o.lane, e));
    order(l, &o);
    return SIL_OK;
}

void loop_remove(struct loop *l, uint32_t index) {
    struct order o = {.kind = ORDER_REMOVE, .index = index};
    order(l, &o);
    free_lane(l, o.lane);
}

void loop_leave(struct loop *l, uint32_t index, uint64_t within_ns) {
    struct order o = {.kind = ORDER_LEAVE, .index = index, .within_ns = within_ns};
    order(l, &o);
}

void loop_close(struct loop *l) {
    if (!l) return;
    loop_stop(l);
    struct mem mem = l->env->mem;
    sched_budget_close(l->budget); /* no lane is left */
    pthread_cond_destroy(&l->something);
    pthread_cond_destroy(&l->ordered);
    pthread_mutex_destroy(&l->lock);
    mem_free(mem, l->queue);
    mem_free(mem, l->lanes);
    mem_free(mem, l);
}
