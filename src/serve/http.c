#include "serve/http.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/sha.h"
#include "serve/exchange.h"
#include "serve/socket.h"

enum { PEM_MAX = 1 << 20, CONNECTION_MEMORY_MIN = 16 << 10 };

/* ---- what libmicrohttpd calls ---- */

static struct watch_line *line_of(struct MHD_Connection *conn) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static uint64_t from_now(const struct http *h, uint32_t ms) {
    return clock_now_ns(h->env.env->clock) + ms * UINT64_C(1000000);
}

static const struct config_limits *limits_of(const struct http *h) {
    return &h->env.env->config->limits;
}

/* A connection begins or ends. One that is too many gets no line, and so no answer. */
static void on_connection(void *cls, struct MHD_Connection *conn, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    struct http *h = cls;
    struct watch_line *line = *context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (!line) return;
        watch_remove(h->watch, line);
        mem_free(h->mem, line);
        atomic_fetch_sub(&h->env.env->metrics->connections, 1);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    line = info ? mem_array(h->mem, 1, sizeof *line) : NULL;
    if (!line) return;
    watch_deadline(line, from_now(h, limits_of(h)->idle_ms));
    if (!watch_add(h->watch, line, info->connect_fd)) {
        mem_free(h->mem, line);
        return;
    }
    atomic_fetch_add(&h->env.env->metrics->connections, 1);
    *context = line;
}

/* The request line has come: the rest of the head has its time from here on. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *conn) {
    struct http *h = cls;
    (void)uri;
    struct watch_line *line = line_of(conn);
    struct exchange *x = line ? mem_array(h->mem, 1, sizeof *x) : NULL;
    if (!x) return NULL;
    x->http = h;
    x->conn = conn;
    x->line = line;
    buf_init(&x->body, h->mem, (size_t)limits_of(h)->body_bytes);
    buf_init(&x->out, h->mem, 0);
    watch_deadline(line, from_now(h, limits_of(h)->header_ms));
    return x;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **context) {
    (void)cls, (void)conn, (void)version;
    struct exchange *x = *context;
    return x ? exchange_handle(x, url, method, data, n) : MHD_NO;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **context, enum MHD_RequestTerminationCode code) {
    struct http *h = cls;
    (void)conn, (void)code;
    struct exchange *x = *context;
    if (!x) return;
    watch_deadline(x->line, from_now(h, limits_of(h)->idle_ms));
    exchange_end(x);
    *context = NULL;
}

static void on_message(void *cls, const char *fmt, va_list ap) {
    struct http *h = cls;
    char text[256];
    vsnprintf(text, sizeof text, fmt, ap);
    LOG(h->env.env->log, LOG_DEBUG, "http", LOG_S("text", text));
}

/* The watcher: the client of an exchange has gone. */
static void on_gone(void *owner) {
    struct exchange *x = owner;
    answer_cancel(&x->r->answer);
    loop_poke(x->http->env.loop);
}

/* ---- open ---- */

static sil_err read_pem(const char *path, struct buf *b, struct sil_error *e) {
    buf_init(b, mem_libc(), PEM_MAX);
    return path ? file_read(path, b, e) : SIL_OK;
}

static struct MHD_Daemon *start(struct http *h, int fd, const char *cert, const char *key) {
    const struct config *c = h->env.env->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[16];
    unsigned n = 0;
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_message, h};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, fd, NULL};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, c->limits.connections, NULL};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, (c->limits.idle_ms + 999) / 1000, NULL};
    size_t memory = c->limits.header_bytes + CONNECTION_MEMORY_MIN;
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)memory, NULL};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, h};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_request_line, h};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h};
    options[n++] = (struct MHD_OptionItem){MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL};
    if (c->http_threads > 1) options[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, c->http_threads, NULL};
    if (cert) {
        flags |= MHD_USE_TLS;
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert};
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key};
    }
    options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* Certificate and key of a listener, and a digest of both; empty without TLS. */
struct pem {
    struct buf cert, key;
    char digest[SHA_HEX];
};

static void pem_free(struct pem *p) {
    if (p->key.p) sodium_memzero(p->key.p, p->key.n);
    buf_free(&p->cert);
    buf_free(&p->key);
}

static sil_err pem_read(const struct config_listen *c, struct pem *p, struct sil_error *e) {
    struct sha s;
    *p = (struct pem){0};
    SIL_TRY(read_pem(c->tls_cert, &p->cert, e));
    SIL_TRY(read_pem(c->tls_key, &p->key, e));
    sha_begin(&s);
    sha_add(&s, buf_view(&p->cert).p, p->cert.n);
    sha_add(&s, buf_view(&p->key).p, p->key.n);
    sha_end(&s, p->digest);
    return SIL_OK;
}

/* A daemon on listener i. Closes fd on failure. */
static sil_err start_on(struct http *h, uint32_t i, int fd, const struct pem *p, struct MHD_Daemon **out,
                        struct sil_error *e) {
    *out = start(h, fd, p->cert.p, p->key.p);
    if (*out) {
        memcpy(h->pem[i], p->digest, SHA_HEX);
        return SIL_OK;
    }
    close(fd);
    return err_set(e, SIL_IO, "%s could not be started%s", h->address[i],
                   p->cert.p ? "; do certificate and key belong together, in PEM form?" : "");
}

static sil_err open_one(struct http *h, const struct config_listen *c, struct sil_error *e) {
    struct pem p;
    int fd = -1;
    sil_err err = pem_read(c, &p, e);
    if (err == SIL_OK) err = socket_listen(c, &fd, h->address[h->n], sizeof h->address[h->n], e);
    if (err == SIL_OK) err = start_on(h, h->n, fd, &p, &h->daemons[h->n], e);
    if (err == SIL_OK) h->n++;
    pem_free(&p);
    return err;
}

/* ---- new certificates ---- */

/* Ends daemons that nobody is connected to any more. */
static void sweep_retired(struct http *h) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < h->n_retired; i++) {
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->retired[i], MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        if (info && info->num_connections == 0) MHD_stop_daemon(h->retired[i]);
        else h->retired[n++] = h->retired[i];
    }
    h->n_retired = n;
}

/* A second daemon begins to accept on the same socket before the first one ends accepting: no client is turned away. */
static sil_err renew(struct http *h, uint32_t i, const struct pem *p, struct sil_error *e) {
    struct MHD_Daemon *fresh;
    sweep_retired(h);
    if (h->n_retired == HTTP_RETIRED_MAX)
        return err_set(e, SIL_LIMIT, "%s: %d older certificates still have clients; try later", h->address[i],
                       HTTP_RETIRED_MAX);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemons[i], MHD_DAEMON_INFO_LISTEN_FD);
    int fd = info ? fcntl(info->listen_fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0) return err_set(e, SIL_IO, "%s: no new socket for the new certificate", h->address[i]);
    SIL_TRY(start_on(h, i, fd, p, &fresh, e));
    int old = MHD_quiesce_daemon(h->daemons[i]);
    if (old >= 0) close(old);
    h->retired[h->n_retired++] = h->daemons[i];
    h->daemons[i] = fresh;
    return SIL_OK;
}

sil_err http_reload(struct http *h, const struct config *c, struct sil_error *e) {
    for (uint32_t i = 0; i < h->n && i < c->n_listen; i++) {
        const struct config_listen *was = &h->env.env->config->listen[i];
        struct pem p;
        if (!was->tls_cert || !c->listen[i].tls_cert || strcmp(was->address, c->listen[i].address) != 0) continue;
        sil_err err = pem_read(&c->listen[i], &p, e);
        if (err == SIL_OK && strcmp(p.digest, h->pem[i]) != 0) err = renew(h, i, &p, e);
        pem_free(&p);
        if (err != SIL_OK) return err;
    }
    return SIL_OK;
}

sil_err http_open(const struct http_env *env, struct http **out, struct sil_error *e) {
    struct mem mem = env->env->mem;
    const struct config *c = env->env->config;
    struct http *h = mem_array(mem, 1, sizeof *h);
    if (!h) return err_nomem(e, "the HTTP server", sizeof *h);
    h->env = *env;
    h->mem = mem;
    page_files(h->pages);
    sil_err err = watch_open(mem, env->env->clock, c->limits.connections * (c->n_listen ? c->n_listen : 1), on_gone,
                             &h->watch, e);
    for (uint32_t i = 0; i < c->n_listen && err == SIL_OK; i++) err = open_one(h, &c->listen[i], e);
    if (err != SIL_OK) {
        http_close(h);
        return err;
    }
    *out = h;
    return SIL_OK;
}

const char *http_address(const struct http *h, uint32_t i) {
    return i < h->n ? h->address[i] : NULL;
}

void http_drain(struct http *h) {
    atomic_store(&h->draining, true);
}

void http_close(struct http *h) {
    if (!h) return;
    for (uint32_t i = 0; i < h->n_retired; i++) MHD_stop_daemon(h->retired[i]);
    for (uint32_t i = 0; i < h->n; i++) {
        MHD_stop_daemon(h->daemons[i]);
        socket_forget(&h->env.env->config->listen[i]);
    }
    watch_close(h->watch);
    mem_free(h->mem, h);
}
