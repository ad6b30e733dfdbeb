#include "serve/exchange.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "serve/admin.h"
#include "serve/record.h"

enum { DISCARD_MAX = 1 << 20, METRICS_MAX = 8 << 20, WHOAMI_MAX = 1 << 16 };

static struct job_env *env_of(const struct exchange *x) {
    return x->http->env.env;
}

static uint64_t from_now(const struct exchange *x, uint32_t ms) {
    return clock_now_ns(env_of(x)->clock) + ms * UINT64_C(1000000);
}

/* ---- sleeping ---- */

static void suspend(void *arg) {
    struct exchange *x = arg;
    watch_deadline(x->line, 0);
    MHD_suspend_connection(x->conn);
}

static void resume(void *arg) {
    MHD_resume_connection(((struct exchange *)arg)->conn);
}

bool exchange_sleep(struct exchange *x, bool until_end) {
    return answer_sleep(&x->r->answer, until_end, suspend, x);
}

/* ---- the head ---- */

static void make_id(char out[REQUEST_ID]) {
    uint8_t raw[12];
    char hex[2 * sizeof raw + 1];
    randombytes_buf(raw, sizeof raw);
    sodium_bin2hex(hex, sizeof hex, raw, sizeof raw);
    snprintf(out, REQUEST_ID, "req_%s", hex);
}

static bool make_request(struct exchange *x) {
    struct job_env *env = env_of(x);
    if (request_new(env->mem, &x->r) != SIL_OK) return false;
    make_id(x->r->id);
    x->r->arrival_ns = clock_now_ns(env->clock);
    x->r->unix_s = clock_unix_s(env->clock);
    randombytes_buf(&x->r->sampling.seed, sizeof x->r->sampling.seed);
    x->r->sampling.seed >>= 11; /* what clients that count in doubles can say again */
    x->r->answer.wake = resume;
    x->r->answer.wake_arg = x;
    watch_set_owner(x->http->watch, x->line, x);
    return true;
}

static struct str header(const struct exchange *x, const char *name) {
    const char *v = MHD_lookup_connection_value(x->conn, MHD_HEADER_KIND, name);
    return v ? str_of(v) : (struct str){"", 0};
}

/* The key: "Authorization: Bearer KEY", or as other kinds of clients send it. */
static struct str secret_of(const struct exchange *x) {
    struct str v = header(x, "Authorization");
    if (v.n > 7 && strncasecmp(v.p, "Bearer ", 7) == 0) {
        v = (struct str){v.p + 7, v.n - 7};
        while (v.n && v.p[0] == ' ') v.p++, v.n--;
        return v;
    }
    v = header(x, "x-api-key");
    return v.n ? v : header(x, "api-key");
}

static bool check_length(struct exchange *x) {
    struct str v = header(x, "Content-Length");
    uint64_t n = 0, max = env_of(x)->config->limits.body_bytes;
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9') return true; /* libmicrohttpd has refused it already */
        n = n * 10 + (uint64_t)(v.p[i] - '0');
        if (n > max)
            return fault_set(&x->fault, 413, "too_large", NULL, "the body is longer than the limit of %llu bytes",
                             (unsigned long long)max);
    }
    return true;
}

static bool is_preflight(const struct exchange *x, const char *method) {
    return env_of(x)->config->cors_origin && strcmp(method, "OPTIONS") == 0 &&
           header(x, "Access-Control-Request-Method").n > 0;
}

/* Who asks what, and may they? */
static bool read_head(struct exchange *x, const char *url, const char *method) {
    x->route = route_find(method, url, &x->allow, &x->fault);
    if (!x->route) return false;
    if (x->route->prefix) {
        struct str name = route_name(x->route, url);
        snprintf(x->name, sizeof x->name, "%.*s", STR_ARG(name));
    }
    x->r->kind = x->route->kind;
    bool open = x->route->open || (x->route->does == ROUTE_METRICS && env_of(x)->config->metrics_open);
    if (!open && !gate_authenticate(env_of(x)->gate, secret_of(x), &x->r->caller, &x->fault)) return false;
    if (!open && x->route->admin && !x->r->caller.admin)
        return fault_set(&x->fault, 403, "admin_only", NULL,
                         "This needs an administrator's key. The operator makes one: sillok key add NAME --admin.");
    return check_length(x);
}

static enum MHD_Result take_head(struct exchange *x, const char *url, const char *method) {
    metrics_add(&env_of(x)->metrics->http_requests, 1);
    if (!make_request(x)) return MHD_NO;
    if (is_preflight(x, method)) return reply_body(x, 204, NULL, STR(""), NULL);
    x->stage = read_head(x, url, method) ? STAGE_BODY : STAGE_DISCARD;
    watch_deadline(x->line, from_now(x, env_of(x)->config->limits.body_ms));
    if (x->stage == STAGE_DISCARD && x->fault.status == 413) return reply_fault(x, &x->fault);
    return MHD_YES;
}

/* ---- the body ---- */

static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *n) {
    if (x->stage == STAGE_BODY) {
        sil_err err = buf_put(&x->body, data, *n);
        if (err != SIL_OK) {
            x->stage = STAGE_DISCARD;
            if (err == SIL_LIMIT)
                fault_set(&x->fault, 413, "too_large", NULL, "the body is longer than the limit of %zu bytes",
                          x->body.max);
            else fault_set(&x->fault, 503, "unavailable", NULL, "not enough memory for the body");
            buf_free(&x->body);
        }
    } else {
        x->out_at += *n; /* how much was thrown away */
        if (x->out_at > DISCARD_MAX) return MHD_NO;
    }
    *n = 0;
    return MHD_YES;
}

/* ---- endpoints that answer at once ---- */

static enum MHD_Result do_metrics(struct exchange *x) {
    struct buf b;
    buf_init(&b, env_of(x)->mem, METRICS_MAX);
    struct ledger_writer_stats s;
    ledger_writer_stats(env_of(x)->ledger, &s);
    struct metrics *m = env_of(x)->metrics;
    metrics_set(&m->ledger_entries, s.entries);
    metrics_set(&m->ledger_commits, s.commits);
    metrics_set(&m->ledger_failures, s.failures);
    metrics_set(&m->ledger_sync_ns, s.sync_ns);
    metrics_set(&m->ledger_cpu_ns, s.cpu_ns);
    enum MHD_Result r = MHD_NO;
    if (metrics_write(m, env_of(x)->config->vllm_metrics, &b) == SIL_OK)
        r = reply_body(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_view(&b), NULL);
    buf_free(&b);
    return r;
}

static enum MHD_Result do_models(struct exchange *x) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, env_of(x)->mem, METRICS_MAX);
    bool ok = openai_models(x->http->env.catalog, str_of(x->name), &b, &f);
    enum MHD_Result r = ok ? reply_body(x, 200, "application/json", buf_view(&b), NULL) : reply_fault(x, &f);
    buf_free(&b);
    return r;
}

static enum MHD_Result do_ready(struct exchange *x) {
    struct ledger_writer_stats s;
    ledger_writer_stats(env_of(x)->ledger, &s);
    if (atomic_load(&x->http->draining))
        return reply_body(x, 503, "application/json", STR("{\"status\":\"draining\"}"), NULL);
    if (s.failing) return reply_body(x, 503, "application/json", STR("{\"status\":\"no record\"}"), NULL);
    return reply_body(x, 200, "application/json", STR("{\"status\":\"ready\"}"), NULL);
}

static enum MHD_Result do_page(struct exchange *x) {
    const struct page *p = x->http->pages;
    while (strcmp(p->path, x->route->path) != 0) p++; /* routes name no other */
    return reply_page(x, p);
}

static enum MHD_Result do_record_key(struct exchange *x) {
    const char *key = x->http->env.record_key;
    return reply_body(x, 200, "text/plain; charset=utf-8", str_of(key ? key : ""), NULL);
}

static enum MHD_Result do_whoami(struct exchange *x) {
    struct buf b;
    buf_init(&b, env_of(x)->mem, WHOAMI_MAX);
    enum MHD_Result r = MHD_NO;
    if (admin_whoami(env_of(x)->gate, x->http->env.catalog, &x->r->caller, &b) == SIL_OK)
        r = reply_body(x, 200, "application/json", buf_view(&b), NULL);
    buf_free(&b);
    return r;
}

/* A number of the query; 0 where there is none. */
static uint64_t query_number(const struct exchange *x, const char *name, bool *given) {
    const char *v = MHD_lookup_connection_value(x->conn, MHD_GET_ARGUMENT_KIND, name);
    uint64_t n = 0;
    if (given) *given = v && *v;
    for (; v && *v >= '0' && *v <= '9' && n < UINT64_MAX / 10 - 1; v++) n = n * 10 + (uint64_t)(*v - '0');
    return n;
}

static enum MHD_Result do_state(struct exchange *x) {
    struct history *h = env_of(x)->history;
    struct history_query q = {.after = query_number(x, "after", NULL)};
    struct buf b;
    q.tenant = query_number(x, "tenant", &q.minutes);
    buf_init(&b, env_of(x)->mem, HISTORY_BYTES_MAX);
    sil_err err = x->route->admin ? history_write(h, &q, &b) : history_write_tenant(h, &x->r->caller, &b);
    struct fault f = {0};
    if (err != SIL_OK) fault_set(&f, 503, "unavailable", NULL, "not enough memory for the last hour's numbers");
    enum MHD_Result r = err == SIL_OK ? reply_body(x, 200, "application/json", buf_view(&b), NULL) : reply_fault(x, &f);
    buf_free(&b);
    return r;
}

static enum MHD_Result do_admin_models(struct exchange *x) {
    struct buf b;
    buf_init(&b, env_of(x)->mem, METRICS_MAX);
    enum MHD_Result r = MHD_NO;
    if (admin_models(x->http->env.catalog, env_of(x)->config, env_of(x)->clock, &b) == SIL_OK)
        r = reply_body(x, 200, "application/json", buf_view(&b), NULL);
    buf_free(&b);
    return r;
}

/* 202: it has begun, GET /admin/models says when it is done; 200: it was so already. */
static enum MHD_Result reply_model(struct exchange *x, uint32_t index, bool begun) {
    struct buf b;
    buf_init(&b, env_of(x)->mem, WHOAMI_MAX);
    enum MHD_Result r = MHD_NO;
    if (admin_model(x->http->env.catalog, index, env_of(x)->clock, &b) == SIL_OK)
        r = reply_body(x, begun ? 202 : 200, "application/json", buf_view(&b), NULL);
    buf_free(&b);
    return r;
}

static enum MHD_Result do_checkpoint(struct exchange *x) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, env_of(x)->mem, LEDGER_NOTE_BYTES);
    enum MHD_Result r = record_checkpoint(env_of(x)->record, &b, &f)
                            ? reply_body(x, 200, "text/plain; charset=utf-8", buf_view(&b), NULL)
                            : reply_fault(x, &f);
    buf_free(&b);
    return r;
}

static enum MHD_Result do_report(struct exchange *x) {
    struct buf b;
    struct fault f = {0};
    buf_init(&b, env_of(x)->mem, PLANNER_REPLY_MAX);
    bool ok = planner_report(x->http->env.planner, x->name, &b, &f);
    enum MHD_Result r = ok ? reply_report(x, buf_view(&b)) : reply_fault(x, &f);
    buf_free(&b);
    return r;
}

/* ---- what is asked of the record ---- */

static enum MHD_Result take_parameter(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value) {
    struct exchange *x = ctx;
    (void)kind;
    bool ok = record_ask_parameter(&x->r->ask, str_of(key), str_of(value ? value : ""), &x->fault);
    return ok ? MHD_YES : MHD_NO;
}

static bool read_ask(struct exchange *x) {
    struct record_ask *a = &x->r->ask;
    record_ask_init(a);
    a->what = strcmp(x->route->path, "/record") == 0 ? RECORD_HEAD : RECORD_LIST;
    if (x->route->prefix && !record_ask_path(a, str_of(x->name), x->route->method, &x->fault)) return false;
    MHD_get_connection_values(x->conn, MHD_GET_ARGUMENT_KIND, take_parameter, x);
    return x->fault.status == 0;
}

/* ---- what is asked of keys and usage ---- */

static enum MHD_Result take_admin_parameter(void *ctx, enum MHD_ValueKind kind, const char *key, const char *value) {
    struct exchange *x = ctx;
    (void)kind;
    return admin_ask_parameter(&x->r->admin, key, value ? value : "", &x->fault) ? MHD_YES : MHD_NO;
}

static bool read_admin(struct exchange *x) {
    struct admin_ask *a = &x->r->admin;
    admin_ask_init(a, x->r->unix_s, x->route->admin);
    if (x->route->work == WORK_KEY_REVOKE && !admin_ask_key(a, x->name, &x->fault)) return false;
    MHD_get_connection_values(x->conn, MHD_GET_ARGUMENT_KIND, take_admin_parameter, x);
    return x->fault.status == 0;
}

static enum MHD_Result do_keep(struct exchange *x, bool load) {
    const char *drain = MHD_lookup_connection_value(x->conn, MHD_GET_ARGUMENT_KIND, "drain");
    struct keeper *k = x->http->env.keeper;
    struct fault f = {0};
    struct keeper_said said = {0};
    bool ok = load ? keeper_load(k, str_of(x->name), &x->r->caller, &said, &f)
                   : keeper_unload(k, str_of(x->name), drain && *drain == '1', &x->r->caller, &said, &f);
    return ok ? reply_model(x, said.index, said.begun) : reply_fault(x, &f);
}

/* ---- the whole request is there ---- */

static enum MHD_Result hand_over(struct exchange *x) {
    struct fault f = {0};
    if (x->route->work == WORK_RECORD && !read_ask(x)) return reply_fault(x, &x->fault);
    if (x->route->work >= WORK_USAGE && !read_admin(x)) return reply_fault(x, &x->fault);
    if (!work_submit(x->http->env.work, x->route->work, x->r, &x->body, &f)) return reply_fault(x, &f);
    x->stage = STAGE_WAIT;
    exchange_sleep(x, false);
    return MHD_YES;
}

static enum MHD_Result whole(struct exchange *x) {
    struct request *r = x->r;
    struct buf b;
    buf_init(&b, env_of(x)->mem, ANSWER_MEMORY_MAX);
    enum MHD_Result result = MHD_NO;
    if (openai_begin(&x->writer, r) == SIL_OK && openai_whole(&x->writer, &b) == SIL_OK)
        result = reply_body(x, 200, "application/json", buf_view(&b), r->answer.last->record);
    buf_free(&b);
    return result;
}

/* The answer has gone on, or the client has gone. */
static enum MHD_Result go_on(struct exchange *x) {
    struct answer *a = &x->r->answer;
    if (exchange_sleep(x, false)) return MHD_YES; /* nothing is there yet */
    const struct answer_event *first = answer_first(a);
    if (!first) return MHD_NO; /* cancelled */
    if (first->kind == ANSWER_FAULT) return reply_fault(x, first->fault);
    if (first->kind == ANSWER_REPLY && !(x->r->replay && x->r->stream)) return reply_event(x, first);
    if (x->r->stream) return reply_stream(x);
    if (exchange_sleep(x, true)) return MHD_YES;
    const struct answer_event *last = answer_end(a);
    if (!last) return MHD_NO; /* cancelled */
    if (last->kind == ANSWER_FAULT) return reply_fault(x, last->fault);
    return last->kind == ANSWER_REPLY ? reply_event(x, last) : whole(x);
}

static enum MHD_Result complete(struct exchange *x) {
    if (x->stage == STAGE_DISCARD) return reply_fault(x, &x->fault);
    switch (x->route->does) {
    case ROUTE_HEALTH: return reply_body(x, 200, "application/json", STR("{\"status\":\"ok\"}"), NULL);
    case ROUTE_READY: return do_ready(x);
    case ROUTE_METRICS: return do_metrics(x);
    case ROUTE_MODELS: return do_models(x);
    case ROUTE_PAGE: return do_page(x);
    case ROUTE_RECORD_KEY: return do_record_key(x);
    case ROUTE_CHECKPOINT: return do_checkpoint(x);
    case ROUTE_WHOAMI: return do_whoami(x);
    case ROUTE_ADMIN_MODELS: return do_admin_models(x);
    case ROUTE_MODEL_LOAD: return do_keep(x, true);
    case ROUTE_MODEL_UNLOAD: return do_keep(x, false);
    case ROUTE_STATE: return do_state(x);
    case ROUTE_PLAN_BASE: return reply_body(x, 200, "application/yaml; charset=utf-8", planner_base(), NULL);
    case ROUTE_PLAN_VARIABLES:
        return reply_body(x, 200, "application/json", planner_variables(x->http->env.planner), NULL);
    case ROUTE_PLAN_REPORT: return do_report(x);
    default: return hand_over(x);
    }
}

enum MHD_Result exchange_handle(struct exchange *x, const char *url, const char *method, const char *data, size_t *n) {
    if (x->stage == STAGE_HEAD) return take_head(x, url, method);
    if (x->stage == STAGE_WAIT) return go_on(x);
    if (*n > 0) return take_body(x, data, n);
    return complete(x);
}

void exchange_end(struct exchange *x) {
    struct mem mem = x->http->mem;
    if (x->r) {
        watch_set_owner(x->http->watch, x->line, NULL);
        struct answer *a = &x->r->answer;
        if (answer_detach(a)) loop_poke(x->http->env.loop);
        request_release(x->r);
    }
    buf_free(&x->out);
    buf_free(&x->body);
    mem_free(mem, x);
}
