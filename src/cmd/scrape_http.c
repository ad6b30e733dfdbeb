/* scrape_http: one GET, for numbers of a server beside us. HTTP/1.0, so that the answer ends with the connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cmd/scrape.h"
#include "cmd/scrape_link.h"

enum { HOST_MAX = 256 };

struct host {
    char name[HOST_MAX], port[8];
};

static sil_err failed(const struct scrape_link *l, struct sil_error *e) {
    int why = errno;
    const char *words = why == ECONNREFUSED                   ? "nothing listens there; is the server running?"
                        : why == ENOENT                       ? "there is no such socket; is the server running?"
                        : why == EAGAIN || why == EINPROGRESS ? "it does not answer in time"
                                                              : strerror(why);
    return err_set(e, SIL_IO, "%s: %s", l->where, words);
}

/* ---- connecting ---- */

bool scrape_link_time(const struct scrape_link *l) {
    uint64_t now = clock_now_ns(clock_system()), left = l->until_ns > now ? (l->until_ns - now) / 1000 : 0;
    if (left == 0) return errno = EAGAIN, false;
    const struct timeval t = {.tv_sec = (time_t)(left / 1000000), .tv_usec = (suseconds_t)(left % 1000000)};
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t); /* of connect too */
    return true;
}

static bool try_connect(struct scrape_link *l, int family, const struct sockaddr *a, socklen_t n) {
    l->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0) return false;
    if (scrape_link_time(l) && connect(l->fd, a, n) == 0) return true;
    int why = errno;
    close(l->fd);
    l->fd = -1;
    errno = why;
    return false;
}

static sil_err connect_unix(struct scrape_link *l, const char *path, struct sil_error *e) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof a.sun_path) return err_set(e, SIL_ARG, "%s is no path of a socket", path);
    memcpy(a.sun_path, path, n);
    return try_connect(l, AF_UNIX, (const struct sockaddr *)&a, sizeof a) ? SIL_OK : failed(l, e);
}

/* "name", "1.2.3.4" or "[::1]", with ":port" maybe, up to a slash. */
static sil_err read_host(const char *text, const char *port, struct host *out, struct sil_error *e) {
    size_t n = strcspn(text, "/");
    char name[HOST_MAX];
    if (n == 0 || n >= sizeof name) return err_set(e, SIL_ARG, "the address names no host");
    memcpy(name, text, n);
    name[n] = '\0';
    snprintf(out->port, sizeof out->port, "%s", port);
    char *colon = strrchr(name, ':'), *start = name, *end = strrchr(name, ']');
    if (colon && (!end || colon > end)) {
        snprintf(out->port, sizeof out->port, "%s", colon + 1);
        *colon = '\0';
    }
    if (*start == '[' && end) {
        start++;
        *end = '\0';
    }
    snprintf(out->name, sizeof out->name, "%s", start);
    return out->name[0] ? SIL_OK : err_set(e, SIL_ARG, "the address names no host");
}

static sil_err connect_tcp(struct scrape_link *l, const struct host *h, struct sil_error *e) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int rc = getaddrinfo(h->name, h->port, &hints, &list);
    if (rc != 0) return err_set(e, SIL_IO, "%s: %s", l->where, gai_strerror(rc));
    bool ok = false;
    for (const struct addrinfo *a = list; a && !ok; a = a->ai_next)
        ok = try_connect(l, a->ai_family, a->ai_addr, a->ai_addrlen);
    sil_err err = ok ? SIL_OK : failed(l, e);
    freeaddrinfo(list);
    return err;
}

static sil_err connect_to(struct scrape_link *l, const struct scrape_from *from, struct sil_error *e) {
    const char *where = from->where;
    struct host h;
    struct stat st;
    if (strncmp(where, "https://", 8) == 0) {
        SIL_TRY(read_host(where + 8, "443", &h, e));
        SIL_TRY(connect_tcp(l, &h, e));
        return scrape_tls_open(l, h.name, from->ca, e);
    }
    if (from->ca) return err_set(e, SIL_ARG, "--ca is for addresses with https://, which %s has not", where);
    if (strncmp(where, "unix:", 5) == 0) return connect_unix(l, where + 5, e);
    if (where[0] == '/' || where[0] == '.' || (stat(where, &st) == 0 && S_ISSOCK(st.st_mode)))
        return connect_unix(l, where, e);
    SIL_TRY(read_host(strncmp(where, "http://", 7) == 0 ? where + 7 : where, "80", &h, e));
    return connect_tcp(l, &h, e);
}

/* ---- talking ---- */

static sil_err write_all(struct scrape_link *l, const char *p, size_t n, struct sil_error *e) {
    if (l->tls) return scrape_tls_write(l, p, n, e);
    for (size_t done = 0; done < n;) {
        ssize_t k = scrape_link_time(l) ? send(l->fd, p + done, n - done, MSG_NOSIGNAL) : -1;
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return failed(l, e);
        done += (size_t)k;
    }
    return SIL_OK;
}

static sil_err read_some(struct scrape_link *l, char *p, size_t max, size_t *n, bool *cut, struct sil_error *e) {
    if (l->tls) return scrape_tls_read(l, p, max, n, cut, e);
    for (;;) {
        ssize_t k = scrape_link_time(l) ? recv(l->fd, p, max, 0) : -1;
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return failed(l, e);
        *n = (size_t)k;
        *cut = false;
        return SIL_OK;
    }
}

static sil_err exchange(struct scrape_link *l, const char *key, const char *path, struct buf *out, bool *cut,
                        struct sil_error *e) {
    char ask[1024], part[16384];
    size_t got = 0;
    int n = snprintf(ask, sizeof ask, "GET %s HTTP/1.0\r\nHost: localhost\r\n%s%s%s\r\n", path,
                     key ? "Authorization: Bearer " : "", key ? key : "", key ? "\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof ask || (key && strpbrk(key, "\r\n")))
        return err_set(e, SIL_ARG, "the key is no key");
    SIL_TRY(write_all(l, ask, (size_t)n, e));
    for (;;) {
        SIL_TRY(read_some(l, part, sizeof part, &got, cut, e));
        if (got == 0) return SIL_OK;
        sil_err err = buf_put(out, part, got);
        if (err != SIL_OK) return err_set(e, err, "%s sends too much", l->where);
    }
}

/* ---- the answer ---- */

/* How long the body is, as its head says; SIZE_MAX where it does not. */
static size_t stated_length(struct str head) {
    static const char name[] = "\r\nContent-Length:";
    size_t n = 0;
    for (size_t i = 0; i + sizeof name <= head.n; i++) {
        if (strncasecmp(head.p + i, name, sizeof name - 1) != 0) continue;
        i += sizeof name - 1;
        while (i < head.n && head.p[i] == ' ') i++;
        if (i == head.n || head.p[i] < '0' || head.p[i] > '9') return SIZE_MAX;
        for (; i < head.n && head.p[i] >= '0' && head.p[i] <= '9'; i++)
            if (n <= SCRAPE_BYTES_MAX) n = n * 10 + (size_t)(head.p[i] - '0');
        return n;
    }
    return SIZE_MAX;
}

/* Takes the head off: leaves the body of a 200. cut: the connection may have been ended by somebody in between. */
static sil_err take_head(struct buf *b, size_t from, bool cut, const char *where, struct sil_error *e) {
    const char *p = b->p ? b->p + from : "";
    size_t n = b->n - from;
    const char *end = n ? memmem(p, n, "\r\n\r\n", 4) : NULL;
    if (!end || n < 12 || strncmp(p, "HTTP/1.", 7) != 0) return err_set(e, SIL_FORMAT, "%s does not speak HTTP", where);
    if (strncmp(p + 9, "401", 3) == 0 || strncmp(p + 9, "403", 3) == 0)
        return err_set(e, SIL_ARG,
                       "%s asks for an administrator's key: set SILLOK_KEY (or metrics: open: true in its settings)",
                       where);
    if (strncmp(p + 9, "200", 3) != 0) return err_set(e, SIL_IO, "%s answers %.3s", where, p + 9);
    size_t head = (size_t)(end + 4 - p), length = stated_length((struct str){p, head});
    if (length == SIZE_MAX ? cut : n - head < length)
        return err_set(e, SIL_IO, "%s: the answer was cut off in the middle; try again", where);
    memmove(b->p + from, b->p + from + head, n - head);
    b->n -= head;
    b->p[b->n] = '\0';
    return SIL_OK;
}

sil_err scrape_get(const struct scrape_from *from, const char *path, struct buf *out, struct sil_error *e) {
    struct scrape_link l = {.where = from->where, .fd = -1};
    bool cut = false;
    size_t at = out->n;
    l.until_ns = clock_now_ns(clock_system()) + (uint64_t)(from->seconds * 1e9);
    sil_err err = connect_to(&l, from, e);
    if (err == SIL_OK) err = exchange(&l, from->key, path, out, &cut, e);
    scrape_tls_close(&l);
    if (l.fd >= 0) close(l.fd);
    return err == SIL_OK ? take_head(out, at, cut, from->where, e) : err;
}
