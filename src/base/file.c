#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static sil_err io_error(struct sil_error *e, const char *what, const char *path, int number) {
    char words[128];
    /* The XSI form: fills words and returns an int. */
    if (strerror_r(number, words, sizeof words) != 0) snprintf(words, sizeof words, "error %d", number);
    return err_set(e, SIL_IO, "cannot %s %s: %s", what, path, words);
}

static sil_err open_regular(const char *path, int *fd, size_t *size, struct sil_error *e) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return io_error(e, "open", path, errno);
    struct stat st;
    sil_err err = SIL_OK;
    if (fstat(*fd, &st) != 0) err = io_error(e, "examine", path, errno);
    else if (S_ISDIR(st.st_mode)) err = err_set(e, SIL_IO, "%s is a directory; a file is needed here", path);
    else if (!S_ISREG(st.st_mode)) err = err_set(e, SIL_IO, "%s is not a regular file", path);
    else if ((uintmax_t)st.st_size > SIZE_MAX) err = err_set(e, SIL_LIMIT, "%s is too large to map", path);
    if (err != SIL_OK) {
        close(*fd);
        return err;
    }
    *size = (size_t)st.st_size;
    return SIL_OK;
}

sil_err file_map_open(const char *path, struct file_map *out, struct sil_error *e) {
    int fd = -1;
    size_t n = 0;
    SIL_TRY(open_regular(path, &fd, &n, e));
    *out = (struct file_map){(const uint8_t *)"", 0};
    if (n > 0) {
        void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            int number = errno;
            close(fd);
            return io_error(e, "map", path, number);
        }
        *out = (struct file_map){p, n};
    }
    close(fd);
    return SIL_OK;
}

void file_map_close(struct file_map *m) {
    if (m->n) munmap((void *)(uintptr_t)m->p, m->n);
    *m = (struct file_map){(const uint8_t *)"", 0};
}

void file_map_release(const void *p, size_t n) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)p + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)p + n) & ~(page - 1);
    /* A refusal costs memory only. */
    if (to > from && madvise((void *)from, to - from, MADV_DONTNEED) != 0) return;
}

static sil_err read_all(int fd, const char *path, struct buf *b, struct sil_error *e) {
    for (;;) {
        char part[65536];
        ssize_t k = read(fd, part, sizeof part);
        if (k == 0) return SIL_OK;
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return io_error(e, "read", path, errno);
        sil_err err = buf_put(b, part, (size_t)k);
        if (err == SIL_LIMIT) return err_set(e, err, "%s is larger than the limit of %zu bytes", path, b->max);
        if (err != SIL_OK) return err_nomem(e, path, b->n + (size_t)k);
    }
}

sil_err file_read(const char *path, struct buf *b, struct sil_error *e) {
    if (strcmp(path, "-") == 0) return read_all(STDIN_FILENO, "standard input", b, e);
    int fd = -1;
    size_t n = 0;
    SIL_TRY(open_regular(path, &fd, &n, e));
    sil_err err = read_all(fd, path, b, e);
    close(fd);
    return err;
}

sil_err file_open(const char *path, struct file_in *in, struct sil_error *e) {
    size_t size = 0;
    *in = (struct file_in){.fd = -1, .path = path};
    SIL_TRY(open_regular(path, &in->fd, &size, e));
    in->size = size;
    return SIL_OK;
}

sil_err file_get(struct file_in *in, void *p, size_t n, struct sil_error *e) {
    for (uint8_t *at = p; n > 0;) {
        ssize_t k = read(in->fd, at, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return io_error(e, "read", in->path, errno);
        if (k == 0) return err_set(e, SIL_FORMAT, "%s ends too early", in->path);
        at += k;
        n -= (size_t)k;
    }
    return SIL_OK;
}

void file_close(struct file_in *in) {
    if (in->fd >= 0) close(in->fd);
    in->fd = -1;
}

sil_err file_create(const char *path, struct file_out *out, struct sil_error *e) {
    struct stat st;
    *out = (struct file_out){.fd = -1};
    /* The rename at the end would put a file in the place of a device. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(e, SIL_IO, "%s is %s; a file name is needed for the output", path,
                       S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
    size_t n = strlen(path) + sizeof ".tmp-XXXXXX";
    out->path = strdup(path);
    out->tmp = malloc(n);
    if (!out->path || !out->tmp) {
        file_discard(out);
        return err_nomem(e, "a file name", n);
    }
    snprintf(out->tmp, n, "%s.tmp-XXXXXX", path);
    out->fd = mkstemp(out->tmp);
    if (out->fd < 0) {
        int number = errno;
        free(out->tmp);
        out->tmp = NULL;
        file_discard(out);
        return io_error(e, "create a file beside", path, number);
    }
    return SIL_OK;
}

sil_err file_write(struct file_out *out, const void *p, size_t n, struct sil_error *e) {
    const char *at = p;
    while (n > 0) {
        ssize_t k = write(out->fd, at, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return io_error(e, "write", out->path, errno);
        at += k;
        n -= (size_t)k;
        out->n += (uint64_t)k;
    }
    return SIL_OK;
}

/* mkstemp makes files that only the owner reads; give what open(2) would have given. */
static void usual_mode(int fd) {
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0) return; /* the file stays private: no harm */
}

sil_err file_commit(struct file_out *out, struct sil_error *e) {
    usual_mode(out->fd);
    int bad = fsync(out->fd) != 0 ? errno : 0;
    if (close(out->fd) != 0 && !bad) bad = errno;
    out->fd = -1;
    if (!bad && rename(out->tmp, out->path) != 0) bad = errno;
    sil_err err = bad ? io_error(e, "finish writing", out->path, bad) : SIL_OK;
    if (!bad) {
        free(out->tmp);
        out->tmp = NULL;
    }
    file_discard(out);
    return err;
}

void file_discard(struct file_out *out) {
    if (out->fd >= 0) close(out->fd);
    if (out->tmp) unlink(out->tmp);
    free(out->tmp);
    free(out->path);
    *out = (struct file_out){.fd = -1};
}

sil_err file_append(const char *path, struct file_out *out, struct sil_error *e) {
    struct stat st;
    *out = (struct file_out){.fd = -1};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) return err_set(e, SIL_IO, "%s is not a regular file", path);
    out->path = strdup(path);
    if (!out->path) return err_nomem(e, "a file name", strlen(path));
    out->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (out->fd >= 0 && flock(out->fd, LOCK_EX | LOCK_NB) == 0) return SIL_OK;
    int number = errno;
    file_discard(out);
    if (number == EWOULDBLOCK) return err_set(e, SIL_IO, "%s is in use by another process", path);
    return io_error(e, "open", path, number);
}

sil_err file_cut(struct file_out *out, uint64_t keep, struct sil_error *e) {
    struct stat st;
    bool ok = fstat(out->fd, &st) == 0;
    if (ok && (uint64_t)st.st_size > keep) ok = ftruncate(out->fd, (off_t)keep) == 0;
    return ok ? SIL_OK : io_error(e, "cut", out->path, errno);
}

sil_err file_move(const char *from, const char *to, struct sil_error *e) {
    if (rename(from, to) == 0 || errno == ENOENT) return SIL_OK;
    return io_error(e, "rename", from, errno);
}

bool file_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

void file_sweep(const char *path) {
    char folder[4096], full[4608];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    int len = snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./");
    DIR *d = len > 0 && (size_t)len < sizeof folder ? opendir(folder) : NULL;
    if (!d) return;
    for (const struct dirent *f; (f = readdir(d)) != NULL;) {
        if (strncmp(f->d_name, name, n) != 0 || strncmp(f->d_name + n, ".tmp-", 5) != 0) continue;
        if (strlen(f->d_name) != n + 11) continue; /* ".tmp-" and six characters */
        len = snprintf(full, sizeof full, "%s%s", folder, f->d_name);
        if (len > 0 && (size_t)len < sizeof full) unlink(full);
    }
    closedir(d);
}
