/* keep: reading and erasing transcripts of a log. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/audit.h"

/* Looks for an entry's record in a file's bytes; *found is false when there is none. */
static sil_err find(struct str file, uint64_t index, struct transcript_record *out, bool *found, struct sil_error *e) {
    bool done = false;
    *found = false;
    for (size_t at = 0;; at += out->bytes) {
        SIL_TRY(transcript_next(file, at, out, &done, e));
        if (done) return SIL_OK;
        if (out->index == index) return *found = true, SIL_OK;
    }
}

/* The file that may hold an entry's record, appended to b, and the record in it. */
static sil_err find_in_file(struct ledger *l, uint64_t index, char name[TILE_PATH], struct buf *b,
                            struct transcript_record *out, bool *found, struct sil_error *e) {
    bool there = false;
    transcript_path(index, name);
    *found = false;
    SIL_TRY(disk_read(&l->disk, name, b, &there, e));
    if (!there) return SIL_OK;
    sil_err err = find(buf_view(b), index, out, found, e);
    return err == SIL_OK ? err : err_prefix(e, err, "%s/%s", l->disk.root, name);
}

static sil_err take(const struct ledger *l, const struct transcript_record *r, struct buf *b, enum audit_kept *kept,
                    struct sil_error *e) {
    /* Its mark says it, though not all of it is zero: it is just being erased, or a crash came in between. */
    *kept = r->erased ? AUDIT_ERASED : AUDIT_THERE;
    if (r->erased) return SIL_OK;
    if (!r->sound)
        return err_set(e, SIL_FORMAT, "the transcript of entry %llu in %s is damaged; restore it from a copy",
                       (unsigned long long)r->index, l->disk.root);
    return buf_str(b, r->body) == SIL_OK ? SIL_OK : err_nomem(e, "a transcript", r->body.n);
}

sil_err audit_transcript(struct ledger *l, uint64_t index, struct buf *b, enum audit_kept *kept, struct sil_error *e) {
    struct transcript_record r;
    char name[TILE_PATH];
    struct buf file;
    bool found = false;
    *kept = AUDIT_NONE;
    /* Those of the journal first: their file may be half written. */
    SIL_TRY(find(buf_view(&l->unsent), index, &r, &found, e));
    if (found) return take(l, &r, b, kept, e);
    buf_init(&file, l->mem, TRANSCRIPT_FILE_MAX);
    sil_err err = find_in_file(l, index, name, &file, &r, &found, e);
    if (err == SIL_OK && found && !r.sound && !r.erased) {
        /* Bytes from before and behind a server's erasing may have been read together; then the mark is there by now.
         */
        buf_clear(&file);
        err = find_in_file(l, index, name, &file, &r, &found, e);
    }
    if (err == SIL_OK && found) err = take(l, &r, b, kept, e);
    buf_free(&file);
    return err;
}

/* ---- erasing ---- */

static const char erasing[] = "erasing"; /* the number of the entry that is being erased, and a newline */

sil_err keep_erasing(const struct disk *d, struct mem mem, bool *there, uint64_t *index, struct sil_error *e) {
    struct buf b;
    buf_init(&b, mem, 64);
    sil_err err = disk_read(d, erasing, &b, there, e);
    if (err == SIL_LIMIT || (err == SIL_IO && !disk_exists(d, erasing))) err = SIL_OK, *there = false; /* it is done */
    *there =
        *there && err == SIL_OK && b.n > 1 && b.p[b.n - 1] == '\n' && note_number((struct str){b.p, b.n - 1}, index);
    buf_free(&b);
    return err;
}

/* First the mark, then the zeros: whatever is interrupted is seen to be erased in part, and can be erased again. */
static sil_err wipe(struct ledger *l, const char *name, const struct transcript_record *r, struct sil_error *e) {
    static const char zeros[4096];
    int fd = -1;
    SIL_TRY(disk_update(&l->disk, name, false, &fd, e));
    sil_err err = disk_write(&l->disk, name, fd, r->at + 4, (struct str){zeros, 4}, e);
    if (err == SIL_OK) err = disk_sync(&l->disk, name, fd, e);
    if (err == SIL_OK) err = disk_write(&l->disk, name, fd, r->at + 24, (struct str){zeros, LEDGER_HASH}, e);
    for (size_t at = 0; err == SIL_OK && at < r->body.n; at += sizeof zeros) {
        size_t n = r->body.n - at < sizeof zeros ? r->body.n - at : sizeof zeros;
        err = disk_write(&l->disk, name, fd, r->at + TRANSCRIPT_HEAD + at, (struct str){zeros, n}, e);
    }
    if (err == SIL_OK) err = disk_sync(&l->disk, name, fd, e);
    close(fd);
    return err;
}

/* What is being erased is said first, durably: once the mark is made, a crash only puts the zeros off until the log is
 * opened again. *had: there was something to erase. */
static sil_err erase(struct ledger *l, uint64_t index, bool said, bool *had, struct sil_error *e) {
    struct transcript_record r;
    char name[TILE_PATH], line[32];
    struct buf file;
    bool found = false;
    buf_init(&file, l->mem, TRANSCRIPT_FILE_MAX);
    sil_err err = find_in_file(l, index, name, &file, &r, &found, e);
    *had = err == SIL_OK && found && !(r.erased && r.sound);
    int n = snprintf(line, sizeof line, "%llu\n", (unsigned long long)index);
    if (*had && !said) err = disk_put(&l->disk, erasing, (struct str){line, (size_t)n}, true, e);
    if (*had && err == SIL_OK) err = wipe(l, name, &r, e);
    buf_free(&file);
    return err == SIL_OK && (*had || said) ? disk_remove(&l->disk, erasing, e) : err;
}

sil_err keep_finish(struct ledger *l, struct sil_error *e) {
    bool there = false, had;
    uint64_t index = 0;
    SIL_TRY(keep_erasing(&l->disk, l->mem, &there, &index, e));
    return there && index < l->edge.size ? erase(l, index, true, &had, e) : SIL_OK;
}

sil_err ledger_erase(struct ledger *l, uint64_t index, bool *had, struct sil_error *e) {
    *had = false;
    if (index >= l->edge.size)
        return err_set(e, SIL_ARG, "the log has no entry %llu: it has %llu, counted from 0", (unsigned long long)index,
                       (unsigned long long)l->edge.size);
    SIL_TRY(log_settle(l, true, e)); /* the journal, which would bring it back, begins anew */
    SIL_TRY(keep_finish(l, e));
    return erase(l, index, false, had, e);
}
