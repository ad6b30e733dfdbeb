/* file: the place where Sillok opens files (those of the record have one of their own, ledger/disk.h). Errors name the
 * path and the system's reason. */
#ifndef SIL_BASE_FILE_H
#define SIL_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sillok.h"

/* A whole file, mapped read-only. An empty file has n == 0 and a valid pointer. */
struct file_map {
    const uint8_t *p;
    size_t n;
};

/* Directories, devices and unreadable files are SIL_IO with the reason. */
sil_err file_map_open(const char *path, struct file_map *out, struct sil_error *e);
void file_map_close(struct file_map *m);

/* Gives back the memory behind n mapped bytes at p, whole pages only; reading them again reads the file again. */
void file_map_release(const void *p, size_t n);

/* Appends the whole of a file ("-" is standard input) to b. SIL_LIMIT past b->max. */
sil_err file_read(const char *path, struct buf *b, struct sil_error *e);

/* A file being read from its beginning, for formats that are checked as they come. */
struct file_in {
    int fd;
    const char *path; /* the caller's */
    uint64_t size;    /* when it was opened */
};

/* Errors as file_map_open. */
sil_err file_open(const char *path, struct file_in *in, struct sil_error *e);
/* The next n bytes; SIL_FORMAT when the file ends before. */
sil_err file_get(struct file_in *in, void *p, size_t n, struct sil_error *e);
void file_close(struct file_in *in);

/* A file being written: bytes go to a temporary file beside `path`, which takes its name only in file_commit, so that
 * a full disk or a crash leaves an existing file as it was. */
struct file_out {
    int fd;
    char *path, *tmp;
    uint64_t n; /* bytes written so far */
};

/* SIL_IO also when path is there and is not a regular file. */
sil_err file_create(const char *path, struct file_out *out, struct sil_error *e);
sil_err file_write(struct file_out *out, const void *p, size_t n, struct sil_error *e);
/* Syncs, renames and closes. On failure the temporary file is removed. */
sil_err file_commit(struct file_out *out, struct sil_error *e);
/* Closes and removes the temporary file; harmless after file_commit. */
void file_discard(struct file_out *out);

/* Opens a file for adding to, or makes it, for one process at a time (SIL_IO while another has it). Written with
 * file_write, closed with file_discard; what is written is there at once. */
sil_err file_append(const char *path, struct file_out *out, struct sil_error *e);
/* Cuts such a file off behind its first `keep` bytes, and goes on there. */
sil_err file_cut(struct file_out *out, uint64_t keep, struct sil_error *e);

/* Gives a file another name, in the place of one that may have it. A file that is not there is no error. */
sil_err file_move(const char *from, const char *to, struct sil_error *e);

/* True when there is a regular file. */
bool file_exists(const char *path);

/* Removes what file_create left beside `path` when its process was killed. */
void file_sweep(const char *path);

#endif
