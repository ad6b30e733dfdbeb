/* reply: responses of one exchange, with their headers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve/exchange.h"
#include "serve/record.h"

enum { BLOCK = 16 << 10 /* bytes that a stream hands over at once */, HEADER_MAX = 256 };

static struct job_env *env_of(const struct exchange *x) {
    return x->http->env.env;
}

static void touch(struct exchange *x) {
    watch_deadline(x->line, clock_now_ns(env_of(x)->clock) + env_of(x)->config->limits.idle_ms * UINT64_C(1000000));
}

/* ---- headers ---- */

static void add(struct MHD_Response *resp, const char *name, const char *value) {
    MHD_add_response_header(resp, name, value); /* without memory for a header the response goes without it */
}

static void add_u64(struct MHD_Response *resp, const char *name, uint64_t v) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, v);
    add(resp, name, text);
}

/* As OpenAI writes times until a reset: "120ms", "6s". */
static void add_reset(struct MHD_Response *resp, const char *name, uint32_t ms) {
    char text[32];
    if (ms < 1000) snprintf(text, sizeof text, "%" PRIu32 "ms", ms);
    else snprintf(text, sizeof text, "%" PRIu32 "s", (ms + 999) / 1000);
    add(resp, name, text);
}

static void add_rates(struct MHD_Response *resp, const struct gate_ticket *t) {
    if (t->requests.limit) {
        add_u64(resp, "x-ratelimit-limit-requests", t->requests.limit);
        add_u64(resp, "x-ratelimit-remaining-requests", t->requests.remaining);
        add_reset(resp, "x-ratelimit-reset-requests", t->requests.reset_ms);
    }
    if (t->tokens_rate.limit) {
        add_u64(resp, "x-ratelimit-limit-tokens", t->tokens_rate.limit);
        add_u64(resp, "x-ratelimit-remaining-tokens", t->tokens_rate.remaining);
        add_reset(resp, "x-ratelimit-reset-tokens", t->tokens_rate.reset_ms);
    }
}

static void add_cors(struct MHD_Response *resp, const struct exchange *x, int status) {
    const char *origin = env_of(x)->config->cors_origin;
    if (!origin) return;
    add(resp, "Access-Control-Allow-Origin", origin);
    add(resp, "Vary", "Origin");
    add(resp, "Access-Control-Expose-Headers",
        "x-request-id, x-sillok-entry, openai-processing-ms, retry-after, retry-after-ms");
    if (status != 204) return;
    add(resp, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
    add(resp, "Access-Control-Allow-Headers", "authorization, content-type, x-api-key, *");
    add(resp, "Access-Control-Max-Age", "600");
}

static void add_common(struct MHD_Response *resp, const struct exchange *x, int status) {
    if (x->route && x->route->admin) add(resp, "Cache-Control", "no-store"); /* a new key's secret, for one */
    add(resp, "x-request-id", x->r->id);
    add_u64(resp, "openai-processing-ms", (clock_now_ns(env_of(x)->clock) - x->r->arrival_ns) / 1000000);
    add_rates(resp, &x->r->ticket);
    add_cors(resp, x, status);
}

/* "12", or "12,13" for several choices. */
static void add_entries(struct MHD_Response *resp, const struct answer_record *record) {
    char text[HEADER_MAX];
    size_t n = 0;
    for (uint32_t i = 0; i < record->n && n + 24 < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, i ? ",%" PRIu64 : "%" PRIu64, record->entries[i]);
    add(resp, "x-sillok-entry", text);
}

/* ---- whole bodies ---- */

static enum MHD_Result queue(struct exchange *x, int status, struct MHD_Response *resp) {
    touch(x);
    x->stage = STAGE_SENT;
    enum MHD_Result r = MHD_queue_response(x->conn, (unsigned)status, resp);
    MHD_destroy_response(resp);
    return r;
}

enum MHD_Result reply_body(struct exchange *x, int status, const char *type, struct str body,
                           const struct answer_record *record) {
    struct MHD_Response *resp =
        MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
    if (!resp) return MHD_NO;
    if (type) add(resp, "Content-Type", type);
    add_common(resp, x, status);
    if (record) add_entries(resp, record);
    return queue(x, status, resp);
}

enum MHD_Result reply_event(struct exchange *x, const struct answer_event *ev) {
    char disposition[HEADER_MAX];
    struct MHD_Response *resp =
        MHD_create_response_from_buffer(ev->text.n, (void *)(uintptr_t)ev->text.p, MHD_RESPMEM_MUST_COPY);
    if (!resp) return MHD_NO;
    add(resp, "Content-Type", ev->type ? ev->type : "application/json");
    if (ev->file.n) {
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%.*s\"", STR_ARG(ev->file));
        add(resp, "Content-Disposition", disposition);
    }
    add_common(resp, x, 200);
    return queue(x, 200, resp);
}

enum MHD_Result reply_page(struct exchange *x, const struct page *p) {
    bool same = page_is_same(MHD_lookup_connection_value(x->conn, MHD_HEADER_KIND, "If-None-Match"), p->etag);
    struct str body = same ? STR("") : p->body;
    struct MHD_Response *resp =
        MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_PERSISTENT);
    const char *name, *value;
    if (!resp) return MHD_NO;
    if (!same) add(resp, "Content-Type", p->type);
    add(resp, "ETag", p->etag);
    for (unsigned i = 0; page_header(i, &name, &value); i++) add(resp, name, value);
    add(resp, "x-request-id", x->r->id);
    return queue(x, same ? 304 : 200, resp);
}

enum MHD_Result reply_report(struct exchange *x, struct str html) {
    struct MHD_Response *resp =
        MHD_create_response_from_buffer(html.n, (void *)(uintptr_t)html.p, MHD_RESPMEM_MUST_COPY);
    const char *name, *value;
    if (!resp) return MHD_NO;
    add(resp, "Content-Type", "text/html; charset=utf-8");
    for (unsigned i = 0; page_report_header(i, &name, &value); i++) add(resp, name, value);
    add(resp, "x-request-id", x->r->id);
    return queue(x, 200, resp);
}

static void count_refusal(const struct exchange *x, int status) {
    _Atomic uint64_t *c = env_of(x)->metrics->http_refused;
    unsigned i = status == 401 ? 1 : status == 403 ? 2 : status == 429 ? 3 : status == 503 ? 5 : status >= 500 ? 4 : 0;
    metrics_add(&c[i], 1);
}

enum MHD_Result reply_fault(struct exchange *x, const struct fault *f) {
    struct buf b;
    buf_init(&b, env_of(x)->mem, 1 << 16);
    struct MHD_Response *resp = NULL;
    count_refusal(x, f->status);
    if (openai_fault(f, &b) == SIL_OK) resp = MHD_create_response_from_buffer(b.n, b.p, MHD_RESPMEM_MUST_COPY);
    buf_free(&b);
    if (!resp) return MHD_NO;
    add(resp, "Content-Type", "application/json");
    if (f->status == 401) add(resp, "WWW-Authenticate", "Bearer");
    if (x->allow) add(resp, "Allow", x->allow);
    if (f->retry_ms) {
        add_u64(resp, "retry-after-ms", f->retry_ms);
        add_u64(resp, "retry-after", (f->retry_ms + 999) / 1000);
    }
    if (f->do_not_retry) add(resp, "x-should-retry", "false");
    add_common(resp, x, f->status);
    return queue(x, f->status, resp);
}

/* ---- streams ---- */

/* Formats what has come since, up to about a block. */
static sil_err format_more(struct exchange *x) {
    buf_clear(&x->out);
    x->out_at = 0;
    while (!x->out_ended && x->out.n < BLOCK) {
        const struct answer_event *ev = answer_next(&x->r->answer);
        if (!ev) break;
        sil_err err =
            x->r->replay ? record_replay_event(x->r, ev, &x->replayed, &x->out) : openai_event(&x->writer, ev, &x->out);
        if (err != SIL_OK) return err;
        x->out_ended = ev->kind >= ANSWER_DONE;
    }
    return SIL_OK;
}

/* What libmicrohttpd calls when the socket takes more. */
static ssize_t read_stream(void *arg, uint64_t pos, char *to, size_t max) {
    struct exchange *x = arg;
    (void)pos;
    for (;;) {
        if (x->out_at < x->out.n) {
            size_t n = x->out.n - x->out_at < max ? x->out.n - x->out_at : max;
            memcpy(to, x->out.p + x->out_at, n);
            x->out_at += n;
            touch(x);
            return (ssize_t)n;
        }
        if (x->out_ended) return MHD_CONTENT_READER_END_OF_STREAM;
        if (format_more(x) != SIL_OK) return MHD_CONTENT_READER_END_WITH_ERROR;
        if (x->out.n || x->out_ended) continue;
        if (exchange_sleep(x, false)) return 0;
        if (answer_is_cancelled(&x->r->answer)) return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

enum MHD_Result reply_stream(struct exchange *x) {
    if (!x->r->replay && openai_begin(&x->writer, x->r) != SIL_OK) return MHD_NO;
    buf_init(&x->out, env_of(x)->mem, ANSWER_MEMORY_MAX);
    struct MHD_Response *resp = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, x, NULL);
    if (!resp) return MHD_NO;
    add(resp, "Content-Type", "text/event-stream; charset=utf-8");
    add(resp, "Cache-Control", "no-cache");
    add(resp, "X-Accel-Buffering", "no");
    add_common(resp, x, 200);
    return queue(x, 200, resp);
}
