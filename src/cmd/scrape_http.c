/* scrape_http: one GET, for numbers of a server beside us. HTTP/1.0, so that the answer ends with the connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/scrape.h"

static sil_err failed(struct sil_error *e, const char *where) {
    int why = errno;
    const char *words = why == ECONNREFUSED ? "nothing listens there; is the server running?"
                        : why == ENOENT     ? "there is no such socket; is the server running?"
                        : why == EAGAIN     ? "it does not answer"
                                            : strerror(why);
    return err_set(e, SIL_IO, "%s: %s", where, words);
}

static void set_timeouts(int fd) {
    const struct timeval t = {.tv_sec = SCRAPE_TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static sil_err connect_unix(const char *path, int *out, struct sil_error *e) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof a.sun_path) return err_set(e, SIL_ARG, "%s is no path of a socket", path);
    memcpy(a.sun_path, path, n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed(e, path);
    set_timeouts(fd);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        sil_err err = failed(e, path);
        close(fd);
        return err;
    }
    *out = fd;
    return SIL_OK;
}

/* host: "name", "1.2.3.4" or "[::1]", with ":port" maybe; n bytes. */
static sil_err connect_tcp(const char *host, size_t n, int *out, struct sil_error *e) {
    char name[256], port[8] = "80";
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    if (n == 0 || n >= sizeof name) return err_set(e, SIL_ARG, "the address names no host");
    memcpy(name, host, n);
    name[n] = '\0';
    char *colon = strrchr(name, ':'), *start = name, *end = strrchr(name, ']');
    if (colon && (!end || colon > end)) {
        snprintf(port, sizeof port, "%s", colon + 1);
        *colon = '\0';
    }
    if (*start == '[' && end) {
        start++;
        *end = '\0';
    }
    int rc = getaddrinfo(start, port, &hints, &list);
    if (rc != 0) return err_set(e, SIL_IO, "%s: %s", host, gai_strerror(rc));
    int fd = -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        set_timeouts(fd);
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
        int why = errno;
        close(fd);
        fd = -1;
        errno = why;
    }
    sil_err err = fd < 0 ? failed(e, host) : SIL_OK;
    freeaddrinfo(list);
    *out = fd;
    return err;
}

static sil_err connect_to(const char *where, int *fd, struct sil_error *e) {
    if (strncmp(where, "https://", 8) == 0)
        return err_set(e, SIL_ARG, "%s: no TLS here; give the server a Unix socket too (listen: - path: ...)", where);
    if (strncmp(where, "unix:", 5) == 0) return connect_unix(where + 5, fd, e);
    struct stat st;
    if (where[0] == '/' || where[0] == '.' || (stat(where, &st) == 0 && S_ISSOCK(st.st_mode)))
        return connect_unix(where, fd, e);
    if (strncmp(where, "http://", 7) == 0) where += 7;
    return connect_tcp(where, strcspn(where, "/"), fd, e);
}

static sil_err exchange(int fd, const char *where, const char *key, const char *path, struct buf *out,
                        struct sil_error *e) {
    char ask[1024], part[16384];
    int n = snprintf(ask, sizeof ask, "GET %s HTTP/1.0\r\nHost: localhost\r\n%s%s%s\r\n", path,
                     key ? "Authorization: Bearer " : "", key ? key : "", key ? "\r\n" : "");
    if (n < 0 || (size_t)n >= sizeof ask || (key && strpbrk(key, "\r\n")))
        return err_set(e, SIL_ARG, "the key is no key");
    for (int done = 0; done < n;) {
        ssize_t k = send(fd, ask + done, (size_t)(n - done), MSG_NOSIGNAL);
        if (k <= 0) return failed(e, where);
        done += (int)k;
    }
    for (;;) {
        ssize_t k = recv(fd, part, sizeof part, 0);
        if (k == 0) return SIL_OK;
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return failed(e, where);
        sil_err err = buf_put(out, part, (size_t)k);
        if (err != SIL_OK) return err_set(e, err, "%s sends too much", where);
    }
}

/* Takes the head off: leaves the body of a 200. */
static sil_err take_head(struct buf *b, size_t from, const char *where, struct sil_error *e) {
    const char *p = b->p ? b->p + from : "";
    size_t n = b->n - from;
    const char *end = n ? memmem(p, n, "\r\n\r\n", 4) : NULL;
    if (!end || n < 12 || strncmp(p, "HTTP/1.", 7) != 0) return err_set(e, SIL_FORMAT, "%s does not speak HTTP", where);
    if (strncmp(p + 9, "401", 3) == 0 || strncmp(p + 9, "403", 3) == 0)
        return err_set(e, SIL_ARG,
                       "%s asks for an administrator's key: set SILLOK_KEY (or metrics: open: true in its settings)",
                       where);
    if (strncmp(p + 9, "200", 3) != 0) return err_set(e, SIL_IO, "%s answers %.3s", where, p + 9);
    size_t head = (size_t)(end + 4 - p);
    memmove(b->p + from, b->p + from + head, n - head);
    b->n -= head;
    b->p[b->n] = '\0';
    return SIL_OK;
}

sil_err scrape_get(const char *where, const char *key, const char *path, struct buf *out, struct sil_error *e) {
    int fd = -1;
    size_t from = out->n;
    SIL_TRY(connect_to(where, &fd, e));
    sil_err err = exchange(fd, where, key, path, out, e);
    close(fd);
    return err == SIL_OK ? take_head(out, from, where, e) : err;
}
