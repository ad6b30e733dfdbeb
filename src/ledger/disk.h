/* disk: the operations that change files of the record, each of which a test can make fail. What is said to be durable
 * survives a crash of the machine. Errors name the path and the system's reason. */
#ifndef SIL_LEDGER_DISK_H
#define SIL_LEDGER_DISK_H

#include "ledger/ledger.h"

enum { DISK_PATH = 1024 };

struct disk {
    char root[DISK_PATH - 256]; /* the log's directory */
    struct ledger_hooks hooks;
    int lock;
};

/* Makes the directory where needed (durably) and takes its lock. SIL_IO while another process has it. */
sil_err disk_open(struct disk *d, const char *dir, struct ledger_hooks hooks, struct sil_error *e);
/* For reading only: no lock, nothing made. */
sil_err disk_view(struct disk *d, const char *dir, struct sil_error *e);
void disk_close(struct disk *d);

/* root/name */
void disk_path(const struct disk *d, const char *name, char out[DISK_PATH]);
/* The system's words for an errno, behind "cannot WHAT PATH". */
sil_err disk_error(const char *what, const char *path, int number, struct sil_error *e);

/* Puts a whole file in the place of what may be there, at once; folders are made. Durable on request. */
sil_err disk_put(const struct disk *d, const char *name, struct str bytes, bool durable, struct sil_error *e);
/* Opens for reading and writing, makes it when asked (folders too); mode 0600. */
sil_err disk_update(const struct disk *d, const char *name, bool make, int *fd, struct sil_error *e);
sil_err disk_write(const struct disk *d, const char *name, int fd, uint64_t at, struct str bytes, struct sil_error *e);
sil_err disk_sync(const struct disk *d, const char *name, int fd, struct sil_error *e);
sil_err disk_cut(const struct disk *d, const char *name, int fd, uint64_t keep, struct sil_error *e);
/* Makes the entries of the folder that holds `name` durable. */
sil_err disk_sync_folder(const struct disk *d, const char *name, struct sil_error *e);
/* Removes a file; one that is not there is fine. */
sil_err disk_remove(const struct disk *d, const char *name, struct sil_error *e);
/* Removes a folder and the files right in it, as well as it can. */
void disk_remove_folder(const struct disk *d, const char *name);

/* Reads a file of at most max bytes; *there is false, and nothing read, when there is none. Never follows a hook. */
sil_err disk_read(const struct disk *d, const char *name, struct buf *b, bool *there, struct sil_error *e);
bool disk_exists(const struct disk *d, const char *name);
/* True when it is there, but not for this user. */
bool disk_closed(const struct disk *d, const char *name);
/* Sets there[w] for each file of a folder whose name is a number 1 <= w < n. */
void disk_numbers(const struct disk *d, const char *name, bool *there, uint32_t n);

#endif
