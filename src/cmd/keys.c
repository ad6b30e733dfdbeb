#include "cmd/keys.h"

#include <errno.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/utf8.h"

/* Waits for input with SIGINT let through only while waiting; false when interrupted or failed (errno). */
static bool wait_for_input(const struct keys *k) {
    sigset_t block, before;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &block, &before) != 0) return false;
    int n = -1, error = EINTR;
    while (!*k->interrupted) {
        fd_set input;
        FD_ZERO(&input);
        FD_SET(k->fd, &input);
        n = pselect(k->fd + 1, &input, NULL, NULL, NULL, &before);
        if (n >= 0 || errno != EINTR) break; /* otherwise a resized window, or the job continued */
    }
    if (n < 0 && !*k->interrupted) error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return n >= 0;
}

static int read_byte(const struct keys *k, char *c) {
    if (!wait_for_input(k)) return -1;
    return (int)read(k->fd, c, 1);
}

/* The editor's reader: 1 character read, 0 at the end, -1 with errno. */
static int read_key(EditLine *el, wchar_t *out) {
    struct keys *k = NULL;
    el_get(el, EL_CLIENTDATA, &k);
    char bytes[4];
    for (size_t n = 1; n <= sizeof bytes; n++) {
        int got = read_byte(k, bytes + n - 1);
        if (got <= 0) return got;
        uint32_t cp = 0;
        if (utf8_decode(bytes, n, &cp) == n) {
            *out = (wchar_t)cp;
            return 1;
        }
        if (utf8_tail(bytes, n) != n) break; /* no character begins so */
    }
    *out = 0xfffd;
    return 1;
}

bool keys_attach(EditLine *el, struct keys *k) {
    return el_set(el, EL_CLIENTDATA, k) == 0 && el_set(el, EL_GETCFN, read_key) == 0;
}
