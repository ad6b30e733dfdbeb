/* keyfile: the signing key in a file that only its owner reads, in the form of other tools for signed notes:
 * PRIVATE+KEY+name+id+base64(1, seed). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"
#include "base/file.h"
#include "ledger/disk.h"
#include "ledger/note.h"

static const char prefix[] = "PRIVATE+KEY+";

enum { KEY_FILE_MAX = sizeof prefix + LEDGER_VKEY };

/* A new file with these bytes, durable; never in the place of another. */
static sil_err put_new(const char *path, const char *text, mode_t mode, struct sil_error *e) {
    size_t n = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, SIL_IO, "%s is there already; a key is not replaced: name another file", path);
    if (fd < 0) return disk_error("create", path, errno, e);
    ssize_t k = write(fd, text, n);
    int bad = k < 0 ? errno : (size_t)k < n ? ENOSPC : 0;
    if (!bad && fsync(fd) != 0) bad = errno;
    if (close(fd) != 0 && !bad) bad = errno;
    if (!bad) return SIL_OK;
    unlink(path);
    return disk_error("write", path, bad, e);
}

sil_err ledger_key_save(const char *path, const struct ledger_key *k, struct sil_error *e) {
    struct ledger_key secret = *k;
    char vkey[LEDGER_VKEY], text[KEY_FILE_MAX + 1];
    /* The verifier's form, with the seed in the place of the public key. */
    memcpy(secret.public_key, k->seed, sizeof secret.public_key);
    ledger_key_public(&secret, vkey);
    snprintf(text, sizeof text, "%s%s\n", prefix, vkey);
    sil_err err = put_new(path, text, 0600, e);
    sodium_memzero(&secret, sizeof secret);
    sodium_memzero(vkey, sizeof vkey);
    sodium_memzero(text, sizeof text);
    return err;
}

static sil_err read_private(const char *path, char *text, size_t room, struct str *out, struct sil_error *e) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return disk_error("open", path, errno, e);
    sil_err err = SIL_OK;
    ssize_t n = 0;
    if (fstat(fd, &st) != 0) err = disk_error("examine", path, errno, e);
    else if (!S_ISREG(st.st_mode)) err = err_set(e, SIL_IO, "%s is not a regular file", path);
    else if (st.st_mode & 077)
        err = err_set(e, SIL_IO, "%s is a private key that others may read: chmod 600 %s", path, path);
    else if ((n = read(fd, text, room)) < 0) err = disk_error("read", path, errno, e);
    close(fd);
    *out = (struct str){text, n > 0 ? (size_t)n : 0};
    return err;
}

/* A seed in a verifier's form does not have the right id: it is that of the public key. */
static sil_err from_text(const char *path, struct str text, struct ledger_key *out, struct sil_error *e) {
    uint8_t seed[crypto_sign_SEEDBYTES];
    size_t skip = sizeof prefix - 1;
    if (!str_starts(text, str_of(prefix)))
        return err_set(e, SIL_FORMAT, "%s is no private key: sillok audit keygen makes one", path);
    uint32_t id = 0;
    struct ledger_key raw;
    text = (struct str){text.p + skip, text.n - skip};
    SIL_TRY(note_key_read(text, &raw, &id, e));
    memcpy(seed, raw.public_key, sizeof seed);
    sil_err err = ledger_key_make(raw.name, seed, out, e);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(&raw, sizeof raw);
    if (err == SIL_OK && out->id != id)
        err = err_set(e, SIL_FORMAT, "%s is damaged: its id does not belong to it", path);
    return err;
}

sil_err ledger_key_load(const char *path, struct ledger_key *out, struct sil_error *e) {
    char text[KEY_FILE_MAX + 1];
    struct str view = {text, 0};
    if (sodium_init() < 0) return err_set(e, SIL_IO, "libsodium does not start");
    sil_err err = read_private(path, text, sizeof text, &view, e);
    if (err == SIL_OK) err = from_text(path, view, out, e);
    sodium_memzero(text, sizeof text);
    return err;
}

sil_err ledger_key_load_or_make(const char *path, const char *name, struct ledger_key *out, bool *made,
                                struct sil_error *e) {
    uint8_t seed[crypto_sign_SEEDBYTES];
    char public_path[DISK_PATH], vkey[LEDGER_VKEY + 1];
    if (made) *made = false;
    if (file_exists(path)) return ledger_key_load(path, out, e);
    if (sodium_init() < 0) return err_set(e, SIL_IO, "libsodium does not start");
    int n = snprintf(public_path, sizeof public_path, "%s.pub", path);
    if (n < 0 || (size_t)n >= sizeof public_path) return err_set(e, SIL_ARG, "the path of the key is too long");
    randombytes_buf(seed, sizeof seed);
    sil_err err = ledger_key_make(name, seed, out, e);
    sodium_memzero(seed, sizeof seed);
    SIL_TRY(err);
    SIL_TRY(ledger_key_save(path, out, e));
    ledger_key_public(out, vkey);
    memcpy(vkey + strlen(vkey), "\n", 2);
    unlink(public_path); /* of a key that is gone */
    SIL_TRY(put_new(public_path, vkey, 0644, e));
    if (made) *made = true;
    return SIL_OK;
}
