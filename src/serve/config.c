/* config: defaults, and the checks that hold for files and arguments alike. */
#include "serve/config.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/file.h"
#include "base/utf8.h"
#include "serve/config_fields.h"

enum { NAME_MAX_BYTES = 128, ORIGIN_MAX_BYTES = 255 };

void config_model_default(struct config_model *m) {
    *m = (struct config_model){.load = true, .think_begin = "<think>", .think_end = "</think>"};
    m->sampling = sil_sampling_default();
    m->sampling.temperature = 1;
}

void config_default(struct config *c) {
    *c = (struct config){
        .listen = {{.address = "127.0.0.1", .port = 8080, .mode = 0660}},
        .n_listen = 1,
        .http_threads = 2,
        .workers = 2,
        .limits = {.connections = 4096,
                   .header_bytes = 32 << 10,
                   .body_bytes = 16 << 20,
                   .header_ms = 10000,
                   .body_ms = 60000,
                   .idle_ms = 75000,
                   .request_ms = 600000,
                   .drain_ms = 30000,
                   .plan_ms = 20000,
                   .report_ms = 120000,
                   .waiting = 1024,
                   .waiting_tenant = 256,
                   .choices = 16},
        .state = "sillok-state",
        .origin = "sillok.local/log",
        .transcript = TRANSCRIPT_IDS,
        .receipts = true,
        .keys = true,
        .vllm_metrics = true,
        .sandbox = true,
        .log_level = LOG_INFO,
    };
}

void config_free(struct config *c) {
    arena_free(&c->arena);
    config_default(c);
}

/* SIL_ARG, with the place in the file where there is one. */
static sil_err wrong(const struct config *c, const struct config_place *at, struct sil_error *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static sil_err wrong(const struct config *c, const struct config_place *at, struct sil_error *e, const char *fmt, ...) {
    char text[SIL_ERROR_TEXT];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->file && at && at->line) return err_set(e, SIL_ARG, "%s:%u:%u: %s", c->file, at->line, at->column, text);
    if (c->file) return err_set(e, SIL_ARG, "%s: %s", c->file, text);
    return err_set(e, SIL_ARG, "%s", text);
}

static sil_err check_ranges(const struct config *c, const struct config_table *t, const void *base,
                            const struct config_place *at, struct sil_error *e) {
    for (size_t i = 0; i < t->n; i++) {
        const struct config_field *f = &t->fields[i];
        const char *p = (const char *)base + f->at;
        if (config_is_number(f)) {
            double v = config_number(f, base);
            if (!(v >= f->low && v <= f->high))
                return wrong(c, at, e, "%s is %.10g; allowed: %.10g to %.10g", f->key, v, f->low, f->high);
        } else if (f->kind == CONFIG_GROUP) {
            SIL_TRY(check_ranges(c, f->table, p, at, e));
        } else if (f->kind == CONFIG_LIST) {
            uint32_t n = *(const uint32_t *)(const void *)((const char *)base + f->count_at);
            if (n > f->max) return wrong(c, at, e, "%s has %u elements; allowed: up to %u", f->key, n, f->max);
            for (uint32_t k = 0; k < n; k++, p += f->size)
                SIL_TRY(check_ranges(c, f->table, p, (const struct config_place *)(const void *)(p + f->place_at), e));
        }
    }
    return SIL_OK;
}

/* ---- listeners ---- */

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static sil_err check_listen(const struct config *c, const struct config_listen *l, struct sil_error *e) {
    unsigned char raw[16];
    if (!l->address == !l->path)
        return wrong(c, &l->place, e, "listen: give an address (with a port) or the path of a Unix socket");
    if (l->address && inet_pton(AF_INET, l->address, raw) != 1 && inet_pton(AF_INET6, l->address, raw) != 1)
        return wrong(c, &l->place, e, "listen: \"%s\" is not an IP address such as 127.0.0.1, ::1 or 0.0.0.0",
                     l->address);
    if (l->path && strlen(l->path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return wrong(c, &l->place, e, "listen: the path of a Unix socket has at most %zu bytes",
                     sizeof((struct sockaddr_un *)0)->sun_path - 1);
    if (!l->tls_cert != !l->tls_key) return wrong(c, &l->place, e, "listen: tls_cert and tls_key belong together");
    if (l->path && l->tls_cert) return wrong(c, &l->place, e, "listen: a Unix socket has no TLS");
    if (l->tls_cert && !file_exists(l->tls_cert))
        return wrong(c, &l->place, e, "listen: tls_cert %s is not there", l->tls_cert);
    if (l->tls_key && !file_exists(l->tls_key))
        return wrong(c, &l->place, e, "listen: tls_key %s is not there", l->tls_key);
    if (!c->keys && l->address && !is_loopback(l->address))
        return wrong(c, &l->place, e, "listen: without keys (keys: false) only 127.0.0.1, ::1 and Unix sockets, not %s",
                     l->address);
    return SIL_OK;
}

static bool same_listen(const struct config_listen *a, const struct config_listen *b) {
    if (a->path || b->path) return a->path && b->path && strcmp(a->path, b->path) == 0;
    return a->port != 0 && a->port == b->port && a->address && b->address && strcmp(a->address, b->address) == 0;
}

static sil_err check_listens(const struct config *c, struct sil_error *e) {
    if (c->n_listen == 0) return wrong(c, NULL, e, "listen: at least one address or path");
    for (uint32_t i = 0; i < c->n_listen; i++) {
        SIL_TRY(check_listen(c, &c->listen[i], e));
        for (uint32_t k = 0; k < i; k++)
            if (same_listen(&c->listen[i], &c->listen[k]))
                return wrong(c, &c->listen[i].place, e, "listen: the same as one before");
    }
    return SIL_OK;
}

/* ---- models ---- */

/* Names go into headers, logs, labels and URLs. */
static bool is_name(const char *s) {
    size_t n = strlen(s);
    if (n == 0 || n > NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = utf8_decode(s + i, n - i, &cp);
        if (len == 0 || cp <= 0x20 || cp == 0x7f || cp == '"' || cp == '\\' || (cp >= 0x80 && cp < 0xa1)) return false;
        i += len;
    }
    return true;
}

/* Name k of model i: 0 is its own, others are aliases. NULL behind the last. */
static const char *name_of(const struct config_model *m, uint32_t k) {
    return k == 0 ? m->name : k <= m->n_aliases ? m->aliases[k - 1] : NULL;
}

static sil_err check_name(const struct config *c, uint32_t i, uint32_t k, struct sil_error *e) {
    const char *name = name_of(&c->models[i], k), *other;
    if (!is_name(name))
        return wrong(c, &c->models[i].place, e,
                     "models: \"%s\" is no name: 1 to %d bytes of UTF-8 without spaces, quotes and backslashes", name,
                     NAME_MAX_BYTES);
    for (uint32_t j = 0; j <= i; j++)
        for (uint32_t l = 0; (other = name_of(&c->models[j], l)) && !(j == i && l == k); l++)
            if (strcmp(name, other) == 0)
                return wrong(c, &c->models[i].place, e, "models: two are called \"%s\"", name);
    return SIL_OK;
}

static sil_err check_model(const struct config *c, uint32_t i, struct sil_error *e) {
    const struct config_model *m = &c->models[i];
    if (!m->name) return wrong(c, &m->place, e, "models: name is missing");
    if (!m->path) return wrong(c, &m->place, e, "models: path is missing: the GGUF file of \"%s\"", m->name);
    for (uint32_t k = 0; name_of(m, k); k++) SIL_TRY(check_name(c, i, k, e));
    if (!file_exists(m->path)) return wrong(c, &m->place, e, "models: %s is not there", m->path);
    if (m->sessions && m->kv_bytes)
        return wrong(c, &m->place, e, "models: sessions or kv_memory, not both: each says how much memory there is");
    if (!m->think_begin != !m->think_end)
        return wrong(c, &m->place, e, "models: think_begin and think_end belong together");
    return SIL_OK;
}

/* ---- the rest ---- */

/* The first line of a checkpoint (c2sp.org/tlog-checkpoint): no space, no plus, one line. */
static bool is_origin(const char *s) {
    size_t n = s ? strlen(s) : 0;
    if (n == 0 || n > ORIGIN_MAX_BYTES) return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] == '+' || s[i] == 0x7f) return false;
    return true;
}

static bool is_cors(const char *s) {
    if (strcmp(s, "*") == 0) return true;
    const char *host = strstr(s, "://");
    if (!host || strlen(s) > ORIGIN_MAX_BYTES) return false;
    for (const char *p = s; *p; p++)
        if (*p <= ' ' || *p == 0x7f || (p >= host + 3 && *p == '/')) return false;
    return host[3] != '\0';
}

sil_err config_check(const struct config *c, struct sil_error *e) {
    uint32_t mask;
    struct sil_error why = {0};
    SIL_TRY(check_ranges(c, &config_root, c, NULL, e));
    SIL_TRY(check_listens(c, e));
    if (c->n_models == 0) return wrong(c, NULL, e, "models: none is given; give at least one with name and path");
    for (uint32_t i = 0; i < c->n_models; i++) SIL_TRY(check_model(c, i, e));
    if (cpu_parse(c->cpu ? c->cpu : "native", cpu_detect(), &mask, &why) != SIL_OK)
        return wrong(c, NULL, e, "cpu: %s", why.text);
    if (!c->state) return wrong(c, NULL, e, "state: a folder is needed");
    if (!is_origin(c->origin))
        return wrong(c, NULL, e, "ledger.origin: a name like example.go.kr/log, without spaces and plus signs");
    if (c->cors_origin && !is_cors(c->cors_origin))
        return wrong(c, NULL, e, "cors_origin: https://host (no path), or *");
    if (c->limits.waiting_tenant > c->limits.waiting)
        return wrong(c, NULL, e, "limits.waiting_per_tenant is above limits.waiting");
    return SIL_OK;
}
