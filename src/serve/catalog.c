#include "serve/catalog.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "serve/metrics.h"

const char *catalog_state_name(enum catalog_state s) {
    static const char *const names[] = {"loaded", "unloaded", "loading", "unloading", "failed"};
    return names[s];
}

/* ---- open, close ---- */

static bool open_guard(struct catalog *c, uint32_t n) {
    pthread_condattr_t attr;
    struct catalog_guard *g = mem_array(c->mem, 1, sizeof *g + n * sizeof g->places[0]);
    if (!g) return false;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->moved, &attr);
    pthread_condattr_destroy(&attr);
    c->guard = g;
    return true;
}

static sil_err open_place(struct catalog *c, uint32_t i, const struct config *config, struct metrics *metrics,
                          struct sil_error *e) {
    struct catalog_place *p = &c->guard->places[i];
    const struct clock clock = clock_system();
    c->models[i] =
        (struct catalog_model){.config = &config->models[i], .metrics = &metrics->models[i], .catalog = c, .index = i};
    struct stat st;
    if (stat(config->models[i].path, &st) == 0) p->file_bytes = (uint64_t)st.st_size;
    p->state = config->models[i].load ? CATALOG_LOADED : CATALOG_UNLOADED;
    sil_err err = p->state == CATALOG_LOADED ? catalog_load(c, i, config, NULL, e) : SIL_OK;
    p->since_s = clock_unix_s(clock);
    p->since_ns = clock_now_ns(clock);
    return err;
}

sil_err catalog_open(const struct config *c, struct mem mem, struct metrics *metrics, struct catalog *out,
                     struct sil_error *e) {
    *out = (struct catalog){.mem = mem};
    out->models = mem_array(mem, c->n_models, sizeof *out->models);
    if (!out->models || !open_guard(out, c->n_models)) {
        mem_free(mem, out->models);
        *out = (struct catalog){.mem = mem};
        return err_nomem(e, "the models", c->n_models * sizeof *out->models);
    }
    sil_err err = SIL_OK;
    for (uint32_t i = 0; i < c->n_models && err == SIL_OK; i++) {
        out->n++;
        err = open_place(out, i, c, metrics, e);
    }
    if (err != SIL_OK) catalog_close(out);
    return err;
}

void catalog_close(struct catalog *c) {
    for (uint32_t i = 0; i < c->n; i++) catalog_unload(c, i);
    if (c->guard) {
        pthread_cond_destroy(&c->guard->moved);
        pthread_mutex_destroy(&c->guard->lock);
    }
    mem_free(c->mem, c->guard);
    mem_free(c->mem, c->models);
    *c = (struct catalog){.mem = c->mem};
}

/* ---- holding ---- */

const struct catalog_model *catalog_find(const struct catalog *c, struct str name) {
    for (uint32_t i = 0; i < c->n; i++) {
        const struct config_model *k = c->models[i].config;
        if (str_eq(name, str_of(k->name))) return &c->models[i];
        for (uint32_t a = 0; a < k->n_aliases; a++)
            if (str_eq(name, str_of(k->aliases[a]))) return &c->models[i];
    }
    return NULL;
}

/* Holds it when it is loaded. */
static enum catalog_state hold(const struct catalog *c, uint32_t i) {
    struct catalog_guard *g = c->guard;
    if (!g) return CATALOG_LOADED;
    pthread_mutex_lock(&g->lock);
    enum catalog_state state = g->places[i].state;
    if (state == CATALOG_LOADED) g->places[i].n_held++;
    pthread_mutex_unlock(&g->lock);
    return state;
}

const struct catalog_model *catalog_hold_at(const struct catalog *c, uint32_t index) {
    return hold(c, index) == CATALOG_LOADED ? &c->models[index] : NULL;
}

const struct catalog_model *catalog_hold(const struct catalog *c, struct str name, struct fault *f) {
    const struct catalog_model *m = catalog_find(c, name);
    if (!m) {
        fault_set(f, 404, "model_not_found", "model",
                  "the model '%.*s' does not exist; GET /v1/models lists those that do", STR_ARG(name));
        return NULL;
    }
    enum catalog_state state = hold(c, m->index);
    if (state == CATALOG_LOADED) return m;
    if (state == CATALOG_LOADING) {
        fault_set(f, 503, "model_not_loaded", "model", "the model '%s' is being loaded; try again in a while",
                  m->config->name);
        f->retry_ms = 5000;
    } else
        fault_set(f, 404, "model_not_loaded", "model",
                  "the model '%s' is not loaded now; GET /v1/models lists those that are, the operator can load it",
                  m->config->name);
    return NULL;
}

void catalog_release(const struct catalog_model *m) {
    if (!m || !m->catalog || !m->catalog->guard) return;
    struct catalog_guard *g = m->catalog->guard;
    pthread_mutex_lock(&g->lock);
    struct catalog_place *p = &g->places[m->index];
    if (--p->n_held == 0 && p->state == CATALOG_UNLOADING) pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

void catalog_look(const struct catalog *c, uint32_t index, struct catalog_place *place, struct catalog_model *model) {
    const struct catalog_model *m = &c->models[index];
    *place = (struct catalog_place){0};
    if (c->guard) {
        pthread_mutex_lock(&c->guard->lock);
        *place = c->guard->places[index];
    }
    *model = (struct catalog_model){.config = m->config, .index = index, .metrics = m->metrics};
    if (place->state == CATALOG_LOADED || place->state == CATALOG_UNLOADING) *model = *m;
    if (c->guard) pthread_mutex_unlock(&c->guard->lock);
}
