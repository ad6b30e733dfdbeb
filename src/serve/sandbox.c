/* sandbox: Landlock. Interface: the kernel's Documentation/userspace-api/landlock.rst. The numbers are written out
 * because system headers are older than kernels. */
#define _GNU_SOURCE
#include "serve/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "serve/log.h"

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, VERSION_FLAG = 1, PATH_BENEATH = 1 };

enum right {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    REMOVE_DIR = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_DIR = 1 << 7,
    MAKE_REG = 1 << 8,
    MAKE_SOCK = 1 << 9,
    ALL_1 = (1 << 13) - 1, /* of the first version */
    REFER = 1 << 13,       /* version 2 */
    TRUNCATE = 1 << 14,    /* version 3 */
    IOCTL_DEV = 1 << 15    /* version 5 */
};
enum { CONNECT_TCP = 1 << 1 /* version 4 */, SCOPE_SIGNALS = 1 << 1 /* version 6 */ };

struct ruleset_attr {
    uint64_t fs, net, scoped;
};
struct path_attr {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

struct rules {
    int fd;
    uint64_t handled; /* rights of files that this kernel knows */
    struct sil_error *e;
};

static sil_err refused(struct sil_error *e, const char *what, const char *path) {
    char words[128];
    int why = errno;
    if (strerror_r(why, words, sizeof words) != 0) snprintf(words, sizeof words, "error %d", why);
    return err_set(e, SIL_IO, "sandbox: %s %s: %s (sandbox: false in the settings runs without)", what, path, words);
}

/* Rights on a file, or on everything below a folder. One that is not there is an error unless `maybe`. */
static sil_err allow(struct rules *r, const char *path, uint64_t rights, bool maybe) {
    struct stat st;
    struct path_attr a = {.fd = open(path, O_PATH | O_CLOEXEC)};
    if (a.fd < 0) return maybe && errno == ENOENT ? SIL_OK : refused(r->e, "cannot open", path);
    if (fstat(a.fd, &st) == 0 && !S_ISDIR(st.st_mode)) rights &= READ_FILE | WRITE_FILE | TRUNCATE | EXECUTE;
    a.allowed = rights & r->handled;
    long rc = a.allowed ? syscall(ADD_RULE, r->fd, PATH_BENEATH, &a, 0) : 0;
    sil_err err = rc == 0 ? SIL_OK : refused(r->e, "cannot allow", path);
    close(a.fd);
    return err;
}

/* The folder of a path, in out. */
static bool folder_of(const char *path, char *out, size_t size) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;
    if (n == 0) n = 1; /* "/" */
    if (n >= size) return false;
    memcpy(out, slash ? path : ".", n);
    out[n] = '\0';
    return true;
}

/* A file that may be replaced by another of its name while the server runs (settings, certificates). Rights belong to
 * files, not to names, so its folder can be read, when that is one below /etc, where such files are kept; elsewhere the
 * file alone, since the folder may be somebody's home: there a replaced file needs a restart. */
static sil_err allow_replaced(struct rules *r, const char *path) {
    char folder[4096], real[4096], *resolved = realpath(path, NULL);
    if (!resolved) return refused(r->e, "cannot find", path);
    snprintf(real, sizeof real, "%s", resolved);
    free(resolved);
    const char *const names[] = {path, real};
    for (int i = 0; i < 2; i++) {
        bool etc = folder_of(names[i], folder, sizeof folder) && strncmp(folder, "/etc/", 5) == 0;
        SIL_TRY(allow(r, etc ? folder : names[i], READ_FILE, false));
    }
    return SIL_OK;
}

static sil_err allow_model(struct rules *r, const char *path) {
    char folder[4096];
    SIL_TRY(allow(r, path, READ_FILE, false));
    /* Further parts of a split model are beside the first one. */
    if (!strstr(path, "-of-") || !folder_of(path, folder, sizeof folder)) return SIL_OK;
    return allow(r, folder, READ_FILE, false);
}

static sil_err allow_all(struct rules *r, const struct config *c) {
    char folder[4096];
    const uint64_t state =
        READ_FILE | WRITE_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE;
    SIL_TRY(allow(r, c->state, state, false));
    if (c->file) SIL_TRY(allow_replaced(r, c->file));
    for (uint32_t i = 0; i < c->n_models; i++) SIL_TRY(allow_model(r, c->models[i].path));
    for (uint32_t i = 0; i < c->n_listen; i++) {
        const struct config_listen *l = &c->listen[i];
        if (l->tls_cert) SIL_TRY(allow_replaced(r, l->tls_cert));
        if (l->tls_key) SIL_TRY(allow_replaced(r, l->tls_key));
        if (l->path && folder_of(l->path, folder, sizeof folder))
            SIL_TRY(allow(r, folder, MAKE_SOCK | REMOVE_FILE, false));
    }
    SIL_TRY(allow(r, "/proc", READ_FILE | READ_DIR, true));
    SIL_TRY(allow(r, "/sys", READ_FILE | READ_DIR, true));
    SIL_TRY(allow(r, "/dev/urandom", READ_FILE, true));
    return allow(r, "/dev/null", READ_FILE | WRITE_FILE, true);
}

static sil_err restrict_files(struct rules *r, const struct config *c, int version) {
    struct ruleset_attr a = {.fs = ALL_1};
    if (version >= 2) a.fs |= REFER;
    if (version >= 3) a.fs |= TRUNCATE;
    if (version >= 4) a.net = CONNECT_TCP;
    if (version >= 5) a.fs |= IOCTL_DEV;
    if (version >= 6) a.scoped = SCOPE_SIGNALS;
    r->handled = a.fs;
    r->fd = (int)syscall(CREATE_RULESET, &a, version >= 6 ? sizeof a : version >= 4 ? 16 : 8, 0);
    if (r->fd < 0) return refused(r->e, "cannot make", "rules");
    sil_err err = allow_all(r, c);
    if (err == SIL_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        err = refused(r->e, "cannot give up", "privileges");
    if (err == SIL_OK && syscall(RESTRICT_SELF, r->fd, 0) != 0) err = refused(r->e, "cannot enforce", "rules");
    close(r->fd);
    return err;
}

sil_err sandbox_files(const struct config *c, struct sandbox *s, struct sil_error *e) {
    struct rules r = {.e = e};
    if (mkdir(c->state, 0700) != 0 && errno != EEXIST) return refused(e, "cannot make", c->state);
    long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
    s->landlock = version > 0 ? (int)version : 0;
    if (version <= 0) {
        snprintf(s->files_why, sizeof s->files_why, "%s",
                 errno == EOPNOTSUPP ? "Landlock is switched off (lsm= on the kernel's command line)"
                 : errno == EPERM    ? "an outer sandbox (a container's) forbids Landlock"
                                     : "this kernel has no Landlock (Linux 5.13 or newer)");
        return SIL_OK;
    }
    SIL_TRY(restrict_files(&r, c, s->landlock));
    s->files = true;
    return SIL_OK;
}

void sandbox_log(const struct sandbox *s, struct log *l) {
    LOG(l, s->files && s->calls ? LOG_INFO : LOG_WARN, "sandbox", LOG_B("files", s->files),
        LOG_U("landlock", (uint64_t)s->landlock), LOG_B("calls", s->calls),
        LOG_S("files.why_not", s->files ? NULL : s->files_why), LOG_S("calls.why_not", s->calls ? NULL : s->calls_why));
}
