#include "serve/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

enum { BACKLOG = 512 };

static sil_err fail(int fd, const char *what, const char *where, struct sil_error *e) {
    int why = errno;
    if (fd >= 0) close(fd);
    const char *hint = why == EADDRINUSE      ? "; something else listens there"
                       : why == EACCES        ? "; ports below 1024 need rights"
                       : why == EADDRNOTAVAIL ? "; this machine has no such address"
                                              : "";
    return err_set(e, SIL_IO, "cannot %s %s: %s%s", what, where, strerror(why), hint);
}

/* ---- TCP ---- */

static uint16_t port_of(int fd) {
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0) return 0;
    uint16_t port =
        a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port;
    return ntohs(port);
}

static sil_err listen_tcp(const struct config_listen *c, int *out, char *text, size_t size, struct sil_error *e) {
    char port[8], where[96];
    struct addrinfo *list,
        hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof port, "%u", c->port);
    snprintf(where, sizeof where, "%.64s port %s", c->address, port);
    if (getaddrinfo(c->address, port, &hints, &list) != 0)
        return err_set(e, SIL_ARG, "\"%.64s\" is no numeric address such as 127.0.0.1 or ::1", c->address);
    bool v6 = list->ai_family == AF_INET6;
    int one = 1, fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              (!v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0) &&
              bind(fd, list->ai_addr, list->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int why = errno;
    freeaddrinfo(list);
    errno = why;
    if (!ok) return fail(fd, "listen on", where, e);
    snprintf(text, size, "%s://%s%.64s%s:%u", c->tls_cert ? "https" : "http", v6 ? "[" : "", c->address, v6 ? "]" : "",
             port_of(fd));
    *out = fd;
    return SIL_OK;
}

/* ---- Unix ---- */

/* A socket file that a server which is gone left behind. */
static bool is_stale(const struct sockaddr_un *a) {
    struct stat st;
    if (lstat(a->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return refused;
}

static sil_err listen_unix(const struct config_listen *c, int *out, char *text, size_t size, struct sil_error *e) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(c->path);
    if (n >= sizeof a.sun_path)
        return err_set(e, SIL_LIMIT, "the path of the Unix socket has %zu bytes; at most %zu are possible", n,
                       sizeof a.sun_path - 1);
    memcpy(a.sun_path, c->path, n);
    if (is_stale(&a)) unlink(c->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0777 & ~(mode_t)(c->mode ? c->mode : 0660)); /* right from the beginning */
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0 && listen(fd, BACKLOG) == 0;
    int why = errno;
    umask(mask);
    errno = why;
    if (!ok) return fail(fd, "listen on", c->path, e);
    snprintf(text, size, "unix:%s", c->path);
    *out = fd;
    return SIL_OK;
}

sil_err socket_listen(const struct config_listen *c, int *fd, char *text, size_t size, struct sil_error *e) {
    return c->path ? listen_unix(c, fd, text, size, e) : listen_tcp(c, fd, text, size, e);
}

void socket_forget(const struct config_listen *c) {
    if (c->path) unlink(c->path);
}
