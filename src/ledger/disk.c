#include "ledger/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

sil_err disk_error(const char *what, const char *path, int number, struct sil_error *e) {
    char words[128];
    if (strerror_r(number, words, sizeof words) != 0) snprintf(words, sizeof words, "error %d", number);
    const char *todo = number == ENOSPC || number == EDQUOT ? "; free space there, the record then goes on" : "";
    return err_set(e, SIL_IO, "cannot %s %s: %s%s", what, path, words, todo);
}

void disk_path(const struct disk *d, const char *name, char out[DISK_PATH]) {
    snprintf(out, DISK_PATH, "%s/%.200s", d->root, name);
}

static int hook(const struct disk *d, const char *operation, const char *path) {
    return d->hooks.fault ? d->hooks.fault(d->hooks.ctx, operation, path) : 0;
}

static sil_err sync_folder(const struct disk *d, const char *path, struct sil_error *e) {
    int bad = hook(d, "sync folder", path);
    if (bad) return disk_error("sync", path, bad, e);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return disk_error("open", path, errno, e);
    bad = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return bad ? disk_error("sync", path, bad, e) : SIL_OK;
}

static void parent_of(const char *path, char out[DISK_PATH]) {
    const char *slash = strrchr(path, '/');
    if (!slash) snprintf(out, DISK_PATH, ".");
    else if (slash == path) snprintf(out, DISK_PATH, "/");
    else snprintf(out, DISK_PATH, "%.*s", (int)(slash - path), path);
}

/* One folder, durable where it holds what is durable. */
static sil_err make_folder(const struct disk *d, const char *path, mode_t mode, bool durable, struct sil_error *e) {
    char parent[DISK_PATH];
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode)) return SIL_OK;
        return err_set(e, SIL_IO, "%s is not a folder", path);
    }
    int bad = hook(d, "make folder", path);
    if (!bad && mkdir(path, mode) != 0 && errno != EEXIST) bad = errno;
    if (bad) return disk_error("make the folder", path, bad, e);
    parent_of(path, parent);
    return durable ? sync_folder(d, parent, e) : SIL_OK;
}

sil_err disk_view(struct disk *d, const char *dir, struct sil_error *e) {
    size_t n = strlen(dir);
    *d = (struct disk){.lock = -1};
    while (n > 1 && dir[n - 1] == '/') n--;
    if (n == 0 || n >= sizeof d->root)
        return err_set(e, SIL_ARG, "the path of a log is 1 to %zu bytes", sizeof d->root);
    memcpy(d->root, dir, n);
    struct stat st;
    if (stat(d->root, &st) != 0) return disk_error("open", d->root, errno, e);
    if (!S_ISDIR(st.st_mode)) return err_set(e, SIL_IO, "%s is not a folder; a log is one", d->root);
    return SIL_OK;
}

sil_err disk_open(struct disk *d, const char *dir, struct ledger_hooks hooks, struct sil_error *e) {
    char path[DISK_PATH];
    const struct disk bare = {.hooks = hooks, .lock = -1};
    if (strlen(dir) < sizeof d->root) SIL_TRY(make_folder(&bare, dir, 0777, true, e));
    SIL_TRY(disk_view(d, dir, e));
    d->hooks = hooks;
    disk_path(d, "lock", path);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0) return disk_error("open", path, errno, e);
    if (flock(d->lock, LOCK_EX | LOCK_NB) == 0) return SIL_OK;
    int number = errno;
    disk_close(d);
    if (number == EWOULDBLOCK)
        return err_set(e, SIL_IO, "%s is in use by another process (a running server?); one at a time may write", dir);
    return disk_error("lock", path, number, e);
}

bool ledger_in_use(const char *dir) {
    char path[DISK_PATH];
    int n = snprintf(path, sizeof path, "%s/lock", dir);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return false;
    bool in_use = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return in_use;
}

void disk_close(struct disk *d) {
    if (d->lock >= 0) close(d->lock);
    d->lock = -1;
}

/* The folders above root/name. Those of partial tiles come and go; nothing durable is in them. */
static sil_err make_parents(const struct disk *d, const char *name, struct sil_error *e) {
    char path[DISK_PATH];
    bool secret = strncmp(name, "transcripts/", 12) == 0;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(path, sizeof path, "%s/%.*s", d->root, (int)(slash - name), name);
        bool passing = slash - name > 2 && memcmp(slash - 2, ".p", 2) == 0;
        SIL_TRY(make_folder(d, path, secret ? 0700 : 0777, !passing, e));
    }
    return SIL_OK;
}

static int write_all(const struct disk *d, const char *path, int fd, uint64_t at, struct str bytes) {
    int bad = hook(d, "write", path);
    if (bad) bytes.n /= 2; /* a disk that fills up takes a part */
    while (bytes.n > 0) {
        ssize_t k = pwrite(fd, bytes.p, bytes.n, (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return k < 0 ? errno : EIO;
        bytes = (struct str){bytes.p + k, bytes.n - (size_t)k};
        at += (uint64_t)k;
    }
    return bad;
}

static int sync_file(const struct disk *d, const char *path, int fd) {
    int bad = hook(d, "sync", path);
    if (!bad && fdatasync(fd) != 0) bad = errno;
    return bad;
}

sil_err disk_put(const struct disk *d, const char *name, struct str bytes, bool durable, struct sil_error *e) {
    char path[DISK_PATH], tmp[DISK_PATH], folder[DISK_PATH];
    SIL_TRY(make_parents(d, name, e));
    disk_path(d, name, path);
    parent_of(path, folder);
    snprintf(tmp, sizeof tmp, "%s/%.200s.new", d->root, name);
    mode_t mode = strcmp(name, "journal") == 0 ? 0600 : 0666; /* it holds transcripts too */
    int bad = hook(d, "create", tmp), fd = bad ? -1 : open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) return disk_error("create", tmp, bad ? bad : errno, e);
    bad = write_all(d, tmp, fd, 0, bytes);
    if (!bad && durable) bad = sync_file(d, tmp, fd);
    if (close(fd) != 0 && !bad) bad = errno;
    if (!bad) bad = hook(d, "rename", path);
    if (!bad && rename(tmp, path) != 0) bad = errno;
    if (bad) {
        unlink(tmp);
        return disk_error("write", path, bad, e);
    }
    return durable ? sync_folder(d, folder, e) : SIL_OK;
}

sil_err disk_update(const struct disk *d, const char *name, bool make, int *fd, struct sil_error *e) {
    char path[DISK_PATH];
    if (make) SIL_TRY(make_parents(d, name, e));
    disk_path(d, name, path);
    int bad = hook(d, "open", path);
    *fd = bad ? -1 : open(path, O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC, 0600);
    return *fd < 0 ? disk_error("open", path, bad ? bad : errno, e) : SIL_OK;
}

sil_err disk_write(const struct disk *d, const char *name, int fd, uint64_t at, struct str bytes, struct sil_error *e) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    int bad = write_all(d, path, fd, at, bytes);
    return bad ? disk_error("write", path, bad, e) : SIL_OK;
}

sil_err disk_sync(const struct disk *d, const char *name, int fd, struct sil_error *e) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    int bad = sync_file(d, path, fd);
    return bad ? disk_error("sync", path, bad, e) : SIL_OK;
}

sil_err disk_cut(const struct disk *d, const char *name, int fd, uint64_t keep, struct sil_error *e) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    int bad = hook(d, "cut", path);
    if (!bad && ftruncate(fd, (off_t)keep) != 0) bad = errno;
    return bad ? disk_error("cut", path, bad, e) : SIL_OK;
}

sil_err disk_sync_folder(const struct disk *d, const char *name, struct sil_error *e) {
    char path[DISK_PATH], folder[DISK_PATH];
    disk_path(d, name, path);
    parent_of(path, folder);
    return sync_folder(d, folder, e);
}

sil_err disk_remove(const struct disk *d, const char *name, struct sil_error *e) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    int bad = hook(d, "remove", path);
    if (!bad && unlink(path) != 0 && errno != ENOENT) bad = errno;
    return bad ? disk_error("remove", path, bad, e) : SIL_OK;
}

void disk_remove_folder(const struct disk *d, const char *name) {
    char path[DISK_PATH], file[DISK_PATH + 300];
    disk_path(d, name, path);
    if (hook(d, "remove", path)) return;
    DIR *folder = opendir(path);
    if (!folder) return;
    for (const struct dirent *f; (f = readdir(folder)) != NULL;) {
        if (f->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, f->d_name);
        unlink(file);
    }
    closedir(folder);
    rmdir(path);
}

void disk_numbers(const struct disk *d, const char *name, bool *there, uint32_t n) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    memset(there, 0, n * sizeof *there);
    DIR *folder = opendir(path);
    if (!folder) return;
    for (const struct dirent *f; (f = readdir(folder)) != NULL;) {
        uint32_t w = 0;
        const char *c = f->d_name;
        if (*c == '0') continue;
        for (; *c >= '0' && *c <= '9' && w < n; c++) w = w * 10 + (uint32_t)(*c - '0');
        if (!*c && w > 0 && w < n) there[w] = true;
    }
    closedir(folder);
}

bool disk_closed(const struct disk *d, const char *name) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    return access(path, R_OK) != 0 && errno == EACCES;
}

bool disk_exists(const struct disk *d, const char *name) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    return file_exists(path);
}

sil_err disk_read(const struct disk *d, const char *name, struct buf *b, bool *there, struct sil_error *e) {
    char path[DISK_PATH];
    disk_path(d, name, path);
    *there = file_exists(path);
    return *there ? file_read(path, b, e) : SIL_OK;
}
