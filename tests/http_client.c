#include "http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { REPLY_MAX = 64 << 20, WAIT_S = 120 };

/* -1: nobody listens. */
static int dial(const char *socket_path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval t = {.tv_sec = WAIT_S};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    return fd;
}

int http_dial(const char *socket_path) {
    int fd = dial(socket_path);
    if (fd < 0) fail_msg("nobody listens on %s", socket_path);
    return fd;
}

bool http_send(int fd, const void *p, size_t n) {
    const char *at = p;
    while (n > 0) {
        ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
        if (k <= 0) return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

/* ---- receiving ---- */

/* A reader that gives lines and counted bytes. */
struct reader {
    int fd;
    char buf[65536];
    size_t at, n;
};

static bool fill(struct reader *r) {
    ssize_t k = recv(r->fd, r->buf, sizeof r->buf, 0);
    r->at = 0;
    r->n = k > 0 ? (size_t)k : 0;
    return k > 0;
}

/* Appends one line with its end to b. */
static bool read_line(struct reader *r, struct buf *b) {
    for (;;) {
        if (r->at == r->n && !fill(r)) return false;
        char c = r->buf[r->at++];
        if (buf_char(b, c) != SIL_OK) return false;
        if (c == '\n') return true;
    }
}

static bool read_bytes(struct reader *r, size_t n, struct buf *b) {
    while (n > 0) {
        if (r->at == r->n && !fill(r)) return false;
        size_t k = r->n - r->at < n ? r->n - r->at : n;
        if (buf_put(b, r->buf + r->at, k) != SIL_OK) return false;
        r->at += k;
        n -= k;
    }
    return true;
}

static bool read_chunks(struct reader *r, struct buf *b) {
    struct buf line;
    bool ok = false;
    buf_init(&line, mem_libc(), 1 << 16);
    while (read_line(r, &line)) {
        size_t n = strtoul(line.p, NULL, 16);
        buf_clear(&line);
        if (n && !read_bytes(r, n, b)) break;
        if (!read_line(r, &line)) break;
        buf_clear(&line);
        if (n) continue;
        ok = true;
        break;
    }
    buf_free(&line);
    return ok;
}

struct str http_header(const struct http_reply *r, const char *name) {
    size_t n = strlen(name);
    for (const char *p = r->head.p; p && *p;) {
        const char *end = strstr(p, "\r\n");
        if (!end) break;
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            while (*p == ' ') p++;
            return (struct str){p, (size_t)(end - p)};
        }
        p = end + 2;
    }
    return STR("");
}

static void reply_init(struct http_reply *r) {
    memset(r, 0, sizeof *r);
    buf_init(&r->head, mem_libc(), REPLY_MAX);
    buf_init(&r->body, mem_libc(), REPLY_MAX);
}

void http_receive(int fd, struct http_reply *r) {
    static _Thread_local struct reader in;
    reply_init(r);
    in.fd = fd;
    in.at = in.n = 0;
    for (size_t before = 0; read_line(&in, &r->head); before = r->head.n)
        if (r->head.n - before <= 2) break;
    if (r->head.n < 12 || strncmp(r->head.p, "HTTP/1.", 7) != 0) return;
    r->status = (int)strtol(r->head.p + 9, NULL, 10);
    struct str length = http_header(r, "content-length");
    if (str_eq(http_header(r, "transfer-encoding"), STR("chunked"))) r->whole = read_chunks(&in, &r->body);
    else if (length.n) r->whole = read_bytes(&in, strtoul(length.p, NULL, 10), &r->body);
    else if (r->status == 204) r->whole = true;
    else
        while (read_bytes(&in, 1, &r->body)) r->whole = true;
}

void http_reply_free(struct http_reply *r) {
    buf_free(&r->head);
    buf_free(&r->body);
}

/* ---- asking ---- */

/* A refusal may come before everything is sent, so that not all of it need be. */
static void send_request(int fd, const char *method, const char *url, const char *key, const char *body, size_t n) {
    char head[1024];
    int k = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: test\r\n%s%s%sContent-Length: %zu\r\n\r\n", method,
                     url, key ? "Authorization: Bearer " : "", key ? key : "", key ? "\r\n" : "", n);
    if (http_send(fd, head, (size_t)k) && n) (void)http_send(fd, body, n);
}

int http_begin(const char *socket_path, const char *method, const char *url, const char *key, const char *body,
               size_t n) {
    int fd = http_dial(socket_path);
    send_request(fd, method, url, key, body, n);
    return fd;
}

void http_ask(const char *socket_path, const char *method, const char *url, const char *key, const char *body, size_t n,
              struct http_reply *r) {
    int fd = dial(socket_path);
    if (fd < 0) {
        reply_init(r);
        return;
    }
    send_request(fd, method, url, key, body, n);
    http_receive(fd, r);
    close(fd);
}

void http_post(const char *socket_path, const char *url, const char *body, struct http_reply *r) {
    http_ask(socket_path, "POST", url, NULL, body, strlen(body), r);
}

json_t *http_try_json(const struct http_reply *r) {
    return json_loadb(buf_view(&r->body).p, r->body.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

json_t *http_json(const struct http_reply *r) {
    json_t *j = http_try_json(r);
    if (!j) fail_msg("no JSON: %d %.300s", r->status, buf_view(&r->body).p);
    return j;
}

json_t *http_expect(const char *socket_path, const char *method, const char *url, const char *key, const char *body,
                    int status) {
    struct http_reply r;
    http_ask(socket_path, method, url, key, body, body ? strlen(body) : 0, &r);
    if (r.status != status)
        fail_msg("%s %s %.300s: %d %s", method, url, body ? body : "", r.status, buf_view(&r.body).p);
    json_t *j = http_json(&r);
    http_reply_free(&r);
    return j;
}

void http_refused(const char *socket_path, const char *method, const char *url, const char *key, const char *body,
                  int status, const char *code) {
    json_t *j = http_expect(socket_path, method, url, key, body, status);
    const char *got = json_string_value(json_object_get(json_object_get(j, "error"), "code"));
    if (!got || strcmp(got, code) != 0) fail_msg("%s %s %.300s: %s", method, url, body ? body : "", got ? got : "");
    json_decref(j);
}

/* ---- aside ---- */

static void *aside_main(void *arg) {
    struct http_aside *a = arg;
    http_ask(a->socket_path, "POST", a->url, a->key, a->body, strlen(a->body), &a->reply);
    atomic_store(&a->done, true);
    return NULL;
}

void http_aside_begin(struct http_aside *a) {
    assert_int_equal(pthread_create(&a->thread, NULL, aside_main, a), 0);
}

void http_aside_end(struct http_aside *a) {
    assert_int_equal(pthread_join(a->thread, NULL), 0);
}

json_t *http_events(const struct http_reply *r, bool *done) {
    json_t *list = json_array();
    const char *p = buf_view(&r->body).p;
    *done = false;
    while (strncmp(p, "data: ", 6) == 0) {
        const char *end = strstr(p, "\n\n");
        if (!end) break;
        json_error_t e;
        if (strncmp(p + 6, "[DONE]", 6) == 0) {
            *done = end[2] == '\0';
            break;
        }
        json_t *j = json_loadb(p + 6, (size_t)(end - p - 6), JSON_ALLOW_NUL, &e);
        if (!j) fail_msg("no JSON in data: %.200s", p);
        json_array_append_new(list, j);
        p = end + 2;
    }
    return list;
}
