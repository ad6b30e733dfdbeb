/* planner: places, runs within their limits, and the reports that are kept for a while. */
#include "serve/planner.h"

#include <sodium.h>
#include <stdatomic.h>

#include "base/embed.h"
#include "base/err.h"
#include "plan/outcome_json.h"
#include "plan/outcome_report.h"
#include "plan/var_json.h"

EMBED(planner_korea, "examples/korea-250mw.yaml");

struct place {
    bool taken;
    uint64_t tenant, key;
};

struct report_kept {
    char id[PLANNER_ID]; /* empty: none */
    uint64_t key, made_ns;
    struct buf html;
};

struct planner {
    struct job_env *env;
    char *variables; /* jansson's */
    _Atomic bool stopped;
    pthread_mutex_t lock; /* of what follows */
    struct place places[PLANNER_PLACES];
    struct report_kept reports[PLANNER_REPORTS];
};

struct str planner_base(void) {
    return (struct str){planner_korea, (size_t)planner_korea_size};
}

struct str planner_variables(const struct planner *p) {
    return str_of(p->variables);
}

/* ---- open, close ---- */

sil_err planner_open(struct job_env *env, struct planner **out, struct sil_error *e) {
    struct planner *p = mem_array(env->mem, 1, sizeof *p);
    json_t *variables = plan_vars_json();
    char *text = variables ? json_dumps(variables, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(variables);
    if (!p || !text) {
        free(text);
        mem_free(env->mem, p);
        return err_nomem(e, "the planner", sizeof *p);
    }
    p->env = env;
    p->variables = text;
    pthread_mutex_init(&p->lock, NULL);
    for (int i = 0; i < PLANNER_REPORTS; i++) buf_init(&p->reports[i].html, env->mem, PLANNER_REPLY_MAX);
    *out = p;
    return SIL_OK;
}

void planner_stop(struct planner *p) {
    atomic_store(&p->stopped, true);
}

void planner_close(struct planner *p) {
    if (!p) return;
    for (int i = 0; i < PLANNER_REPORTS; i++) buf_free(&p->reports[i].html);
    pthread_mutex_destroy(&p->lock);
    free(p->variables);
    mem_free(p->env->mem, p);
}

/* ---- places ---- */

static bool same(const struct place *place, const struct caller *c) {
    return place->taken && place->tenant == c->tenant && place->key == c->key;
}

bool planner_begin(struct planner *p, const struct caller *c, struct fault *f) {
    struct place *empty = NULL;
    bool own = false;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PLANNER_PLACES; i++) {
        own = own || same(&p->places[i], c);
        if (!p->places[i].taken) empty = &p->places[i];
    }
    if (!own && empty) *empty = (struct place){true, c->tenant, c->key};
    pthread_mutex_unlock(&p->lock);
    if (!own && empty) return true;
    if (own) fault_set(f, 429, "plan_running", NULL, "a plan of this key is running; wait for its end, or close it");
    else fault_set(f, 503, "plans_full", NULL, "%d plans are running already; try again in a moment", PLANNER_PLACES);
    f->retry_ms = own ? 300 : 2000;
    return false;
}

void planner_end(struct planner *p, const struct caller *c) {
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < PLANNER_PLACES; i++)
        if (same(&p->places[i], c)) p->places[i].taken = false;
    pthread_mutex_unlock(&p->lock);
}

/* ---- reports ---- */

static bool is_alive(const struct planner *p, const struct report_kept *r) {
    uint64_t age = clock_now_ns(p->env->clock) - r->made_ns;
    return r->id[0] && age < PLANNER_REPORT_KEPT_S * UINT64_C(1000000000);
}

/* An empty place, or that of the oldest of the same key, or of the oldest. */
static struct report_kept *room_for(struct planner *p, uint64_t key) {
    struct report_kept *own = NULL, *oldest = &p->reports[0];
    for (int i = 0; i < PLANNER_REPORTS; i++) {
        struct report_kept *r = &p->reports[i];
        if (!is_alive(p, r)) return r;
        if (r->key == key && (!own || r->made_ns < own->made_ns)) own = r;
        if (r->made_ns < oldest->made_ns) oldest = r;
    }
    return own ? own : oldest;
}

/* Keeps a page, which becomes the planner's (html is empty afterwards). */
static void keep_report(struct planner *p, const struct caller *c, struct buf *html, char id[PLANNER_ID]) {
    uint8_t raw[(PLANNER_ID - 1) / 2];
    randombytes_buf(raw, sizeof raw);
    sodium_bin2hex(id, PLANNER_ID, raw, sizeof raw);
    pthread_mutex_lock(&p->lock);
    struct report_kept *r = room_for(p, c->key);
    buf_free(&r->html);
    r->html = *html;
    buf_init(html, html->mem, html->max);
    r->key = c->key;
    r->made_ns = clock_now_ns(p->env->clock);
    memcpy(r->id, id, PLANNER_ID);
    pthread_mutex_unlock(&p->lock);
}

bool planner_report(struct planner *p, const char *id, struct buf *out, struct fault *f) {
    bool known = strlen(id) == PLANNER_ID - 1, found = false;
    sil_err rc = SIL_OK;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; known && i < PLANNER_REPORTS && !found; i++) {
        const struct report_kept *r = &p->reports[i];
        found = is_alive(p, r) && sodium_memcmp(r->id, id, PLANNER_ID - 1) == 0;
        if (found) rc = buf_str(out, buf_view(&r->html));
    }
    pthread_mutex_unlock(&p->lock);
    if (!found)
        return fault_set(f, 404, "report_gone", NULL, "this report is not kept any more; make it again (10 minutes)");
    if (rc == SIL_OK) return true;
    fault_set(f, 503, "unavailable", NULL, "not enough memory for the report");
    f->retry_ms = 1000;
    return false;
}

/* ---- a run ---- */

/* One run, with what ends it. */
struct run {
    struct planner *p;
    const struct request *r;
    struct planner_ask ask;
    uint64_t from_ns, until_ns;
    struct mem_bound bound;
    struct plan_outcome *outcome;
};

static bool must_stop(void *ctx) {
    const struct run *t = ctx;
    return atomic_load(&t->p->stopped) || answer_is_cancelled(&t->r->answer) ||
           clock_now_ns(t->p->env->clock) > t->until_ns;
}

static bool why_stopped(const struct run *t, struct fault *f) {
    if (answer_is_cancelled(&t->r->answer)) return fault_set(f, 408, "cancelled", NULL, "the client went away");
    if (atomic_load(&t->p->stopped)) return fault_set(f, 503, "draining", NULL, "the server is stopping");
    return fault_set(f, 422, "plan_too_long", NULL,
                     "the run took more than %.0f s and was ended; a shorter time until the last phase, longer steps "
                     "or fewer services are computed sooner",
                     (double)(t->until_ns - t->from_ns) / 1e9);
}

static bool failed(const struct run *t, const struct sil_error *e, struct fault *f) {
    if (e->code == SIL_CANCELLED) return why_stopped(t, f);
    if (t->bound.full)
        return fault_set(f, 422, "plan_too_large", NULL, "the run needs more than %d MiB", PLANNER_MEMORY_MAX >> 20);
    if (e->code == SIL_NOMEM || e->code == SIL_IO) return fault_from(f, e, NULL);
    return fault_set(f, 400, "invalid_design", planner_blame(&t->ask, e->text), "%s", e->text);
}

/* The results of the design as it ran, what it was, and the year for plots. */
static sil_err put_reply(struct run *t, struct buf *out) {
    json_t *top = plan_outcome_json(t->outcome), *values = plan_values_json(&t->ask.design);
    struct str text = buf_view(&t->ask.text);
    char *json = NULL;
    if (top && values) {
        json_object_set_new(top, "design", json_stringn(text.p, text.n));
        json_object_set(top, "values", values);
        json = json_dumps(top, JSON_COMPACT | JSON_REAL_PRECISION(17));
    }
    json_decref(top);
    json_decref(values);
    size_t n = json ? strlen(json) : 0;
    sil_err rc = n > 1 ? buf_put(out, json, n - 1) : SIL_NOMEM; /* without its brace: the series follow */
    free(json);
    if (rc == SIL_OK) rc = buf_str(out, STR(",\"series\":"));
    if (rc == SIL_OK) rc = plan_outcome_series(t->outcome, mem_bounded(&t->bound), out);
    return rc == SIL_OK ? buf_char(out, '}') : rc;
}

static sil_err put_report(struct run *t, struct buf *out, struct sil_error *e) {
    struct buf html;
    char id[PLANNER_ID];
    buf_init(&html, t->p->env->mem, PLANNER_REPLY_MAX);
    sil_err rc = plan_outcome_html(t->outcome, NULL, t->ask.lang, &html, e);
    size_t n = html.n;
    if (rc == SIL_OK) {
        keep_report(t->p, &t->r->caller, &html, id);
        rc = buf_printf(out, "{\"report\":\"/plan/report/%s\",\"bytes\":%zu,\"kept_s\":%d}", id, n,
                        PLANNER_REPORT_KEPT_S);
    }
    buf_free(&html);
    return rc;
}

static bool compute(struct run *t, enum planner_what what, struct buf *out, struct fault *f) {
    struct sil_error e = {0};
    struct mem mem = mem_bounded(&t->bound);
    const struct plan_stop stop = {must_stop, t};
    const struct outcome_options opt = {.tornado = what == PLANNER_REPORT, .stop = &stop};
    sil_err rc = plan_outcome_run(&t->ask.design, &opt, mem, &t->outcome, &e);
    if (rc == SIL_OK) rc = what == PLANNER_REPORT ? put_report(t, out, &e) : put_reply(t, out);
    if (rc != SIL_OK && e.code == SIL_OK) err_set(&e, rc, "not enough memory for the reply");
    plan_outcome_free(t->outcome);
    return rc == SIL_OK || failed(t, &e, f);
}

bool planner_do(struct planner *p, enum planner_what what, struct str body, const struct request *r, struct buf *out,
                struct fault *f) {
    struct job_env *env = p->env;
    const struct config_limits *limits = &env->config->limits;
    struct run *t = mem_array(env->mem, 1, sizeof *t);
    if (!t) {
        fault_set(f, 503, "unavailable", NULL, "not enough memory for a plan now; try again later");
        f->retry_ms = 1000;
        return false;
    }
    t->p = p;
    t->r = r;
    t->bound = (struct mem_bound){.under = env->mem, .max = PLANNER_MEMORY_MAX};
    t->from_ns = clock_now_ns(env->clock);
    t->until_ns = t->from_ns + (what == PLANNER_RUN ? limits->plan_ms : limits->report_ms) * UINT64_C(1000000);
    bool ok = planner_read(env->mem, body, &t->ask, f) && compute(t, what, out, f);
    planner_ask_free(&t->ask);
    LOG(env->log, LOG_INFO, "plan", LOG_S("request", r->id), LOG_S("tenant", r->caller.tenant_name),
        LOG_S("what", what == PLANNER_RUN ? "run" : "report"), LOG_S("error", ok ? NULL : f->code),
        LOG_F("duration_s", (double)(clock_now_ns(env->clock) - t->from_ns) / 1e9));
    mem_free(env->mem, t);
    return ok;
}
