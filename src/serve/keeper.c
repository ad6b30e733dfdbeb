#include "serve/keeper.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

struct keeper {
    struct job_env *env;
    struct catalog *catalog;
    struct loop *loop;
    pthread_t thread;
    bool has_thread;
    _Atomic bool stop;
    pthread_cond_t *wake; /* the catalog's; its lock guards the next two */
    bool *todo;           /* [n] a load or an unload that the thread has not begun */
};

/* ---- from other threads ---- */

static void set_state(struct keeper *k, uint32_t i, enum catalog_state state) {
    struct catalog_place *p = &k->catalog->guard->places[i];
    p->state = state;
    p->since_s = clock_unix_s(k->env->clock);
    p->since_ns = clock_now_ns(k->env->clock);
    if (state != CATALOG_FAILED) p->why[0] = '\0';
    pthread_cond_broadcast(k->wake);
}

static void say(const struct keeper *k, uint32_t i, const char *what, const struct caller *who) {
    LOG(k->env->log, LOG_INFO, "model", LOG_S("gen_ai.request.model", k->catalog->models[i].config->name),
        LOG_S("state", what), LOG_S("tenant", who->tenant_name), LOG_S("key", who->key_name));
}

static bool find(const struct keeper *k, struct str name, uint32_t *index, struct fault *f) {
    const struct catalog_model *m = catalog_find(k->catalog, name);
    if (!m) return fault_set(f, 404, "model_not_found", "model", "there is no model '%.*s'", STR_ARG(name));
    *index = m->index;
    return true;
}

bool keeper_load(struct keeper *k, struct str name, const struct caller *who, struct keeper_said *said,
                 struct fault *f) {
    uint32_t i = 0;
    if (!find(k, name, &i, f)) return false;
    struct catalog_guard *g = k->catalog->guard;
    pthread_mutex_lock(&g->lock);
    enum catalog_state was = g->places[i].state;
    bool go = was == CATALOG_UNLOADED || was == CATALOG_FAILED;
    if (go) {
        k->todo[i] = true;
        set_state(k, i, CATALOG_LOADING);
    }
    pthread_mutex_unlock(&g->lock);
    if (was == CATALOG_UNLOADING)
        return fault_set(f, 409, "model_busy", "model", "the model is being unloaded; load it when that is done");
    if (go) say(k, i, "loading", who);
    *said = (struct keeper_said){i, go};
    return true;
}

bool keeper_unload(struct keeper *k, struct str name, bool drain, const struct caller *who, struct keeper_said *said,
                   struct fault *f) {
    uint32_t i = 0;
    if (!find(k, name, &i, f)) return false;
    struct catalog_guard *g = k->catalog->guard;
    pthread_mutex_lock(&g->lock);
    const struct catalog_place was = g->places[i];
    bool go = was.state == CATALOG_LOADED && (drain || was.n_held == 0);
    if (go) {
        k->todo[i] = true;
        set_state(k, i, CATALOG_UNLOADING);
    } else if (was.state == CATALOG_FAILED) set_state(k, i, CATALOG_UNLOADED);
    pthread_mutex_unlock(&g->lock);
    if (was.state == CATALOG_LOADING)
        return fault_set(f, 409, "model_busy", "model", "the model is being loaded; unload it when that is done");
    if (was.state == CATALOG_LOADED && !go)
        return fault_set(f, 409, "model_in_use", "model",
                         "%u requests are using the model; with ?drain=1 they end first, within %u s", was.n_held,
                         k->env->config->limits.drain_ms / 1000);
    if (go) say(k, i, "unloading", who);
    *said = (struct keeper_said){i, go};
    return true;
}

/* ---- the thread: all with the lock held, unless it says so ---- */

static void finish(struct keeper *k, uint32_t i, enum catalog_state state, const char *why) {
    if (why) snprintf(k->catalog->guard->places[i].why, SIL_ERROR_TEXT, "%s", why);
    set_state(k, i, state);
}

/* Without the lock. */
static sil_err load(struct keeper *k, uint32_t i, struct sil_error *e) {
    struct catalog *c = k->catalog;
    sil_err err = catalog_load(c, i, k->env->config, &k->stop, e);
    if (err == SIL_IO && k->env->config->sandbox &&
        strstr(e->text, "denied")) /* its rights belong to the file that was there at the start */
        return err_prefix(e, err, "in the sandbox a file that was replaced needs a restart");
    if (err != SIL_OK) return err;
    err = loop_add(k->loop, &c->models[i], e);
    if (err != SIL_OK) catalog_unload(c, i);
    return err;
}

static void do_load(struct keeper *k, uint32_t i) {
    struct catalog_guard *g = k->catalog->guard;
    struct sil_error e = {0};
    const char *name = k->catalog->models[i].config->name;
    uint64_t begun = g->places[i].since_ns;
    pthread_mutex_unlock(&g->lock);
    sil_err err = load(k, i, &e);
    pthread_mutex_lock(&g->lock);
    finish(k, i, err == SIL_OK ? CATALOG_LOADED : CATALOG_FAILED, err == SIL_OK ? NULL : e.text);
    double seconds = (double)(clock_now_ns(k->env->clock) - begun) * 1e-9;
    if (err != SIL_OK) {
        LOG(k->env->log, LOG_ERROR, "model", LOG_S("gen_ai.request.model", name), LOG_S("state", "failed"),
            LOG_S("error", e.text));
        return;
    }
    const struct catalog_place *p = &g->places[i];
    LOG(k->env->log, p->before[0] ? LOG_WARN : LOG_INFO, "model", LOG_S("gen_ai.request.model", name),
        LOG_S("state", "loaded"), LOG_S("sha256", p->digest),
        LOG_S("sha256.before", p->before[0] ? p->before : NULL) /* the file was changed meanwhile */,
        LOG_F("duration_s", seconds));
}

static void do_unload(struct keeper *k, uint32_t i) {
    struct catalog_guard *g = k->catalog->guard;
    pthread_mutex_unlock(&g->lock);
    loop_remove(k->loop, i);
    catalog_unload(k->catalog, i);
    LOG(k->env->log, LOG_INFO, "model", LOG_S("gen_ai.request.model", k->catalog->models[i].config->name),
        LOG_S("state", "unloaded"));
    pthread_mutex_lock(&g->lock);
    finish(k, i, CATALOG_UNLOADED, NULL);
}

/* What runs of it may end. */
static void begin_unload(struct keeper *k, uint32_t i) {
    pthread_mutex_unlock(&k->catalog->guard->lock);
    loop_leave(k->loop, i, k->env->config->limits.drain_ms * UINT64_C(1000000));
    pthread_mutex_lock(&k->catalog->guard->lock);
}

/* One thing that can be done now; false when there is none. */
static bool do_one(struct keeper *k) {
    struct catalog_guard *g = k->catalog->guard;
    for (uint32_t i = 0; i < k->catalog->n; i++) {
        enum catalog_state state = g->places[i].state;
        bool begin = k->todo[i];
        k->todo[i] = false;
        if (begin && state == CATALOG_LOADING) do_load(k, i);
        else if (begin && state == CATALOG_UNLOADING) begin_unload(k, i);
        else if (state == CATALOG_UNLOADING && g->places[i].n_held == 0) do_unload(k, i);
        else continue;
        return true;
    }
    return false;
}

static void *keep(void *arg) {
    struct keeper *k = arg;
    struct catalog_guard *g = k->catalog->guard;
    pthread_mutex_lock(&g->lock);
    while (!atomic_load(&k->stop))
        if (!do_one(k)) pthread_cond_wait(k->wake, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- open, close ---- */

sil_err keeper_open(struct job_env *env, struct catalog *c, struct loop *l, struct keeper **out, struct sil_error *e) {
    struct keeper *k = mem_array(env->mem, 1, sizeof *k);
    bool *todo = mem_array(env->mem, c->n, sizeof *todo);
    if (!k || !todo) {
        mem_free(env->mem, k);
        mem_free(env->mem, todo);
        return err_nomem(e, "the keeper of models", sizeof *k);
    }
    *k = (struct keeper){.env = env, .catalog = c, .loop = l, .wake = &c->guard->moved, .todo = todo};
    k->has_thread = pthread_create(&k->thread, NULL, keep, k) == 0;
    *out = k;
    if (k->has_thread) return SIL_OK;
    keeper_close(k);
    *out = NULL;
    return err_set(e, SIL_NOMEM, "no thread for loading models");
}

void keeper_stop(struct keeper *k) {
    if (!k->has_thread) return;
    pthread_mutex_lock(&k->catalog->guard->lock);
    atomic_store(&k->stop, true);
    pthread_cond_broadcast(k->wake);
    pthread_mutex_unlock(&k->catalog->guard->lock);
    pthread_join(k->thread, NULL);
    k->has_thread = false;
}

void keeper_close(struct keeper *k) {
    if (!k) return;
    keeper_stop(k);
    mem_free(k->env->mem, k->todo);
    mem_free(k->env->mem, k);
}
