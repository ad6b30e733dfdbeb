/* publish: bringing the files that others read to what the journal says, and beginning the journal anew. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/log.h"

/* ---- full tiles ----
 * They are synced only before the journal that has their entries goes away. */

static void level_prefix(uint32_t level, char out[16]) {
    snprintf(out, 16, "tile/%u", (unsigned)level);
}

/* The folder of partial tiles that a full one makes useless. */
static void drop_partial(const struct ledger *l, const char *prefix, uint64_t index) {
    char name[TILE_PATH], folder[TILE_PATH + 8];
    tile_path(name, prefix, index, 0);
    snprintf(folder, sizeof folder, "%s.p", name);
    disk_remove_folder(&l->disk, folder);
}

static sil_err put_full(struct ledger *l, const struct full_tile *f, struct sil_error *e) {
    char prefix[16], name[TILE_PATH];
    level_prefix(f->level, prefix);
    if (f->level == 0) {
        uint64_t first = f->index * TILE_WIDTH;
        tile_path(name, "tile/entries", f->index, 0);
        SIL_TRY(disk_put(&l->disk, name, log_recent_bytes(l, first, first + TILE_WIDTH), false, e));
    }
    tile_path(name, prefix, f->index, 0);
    SIL_TRY(disk_put(&l->disk, name, (struct str){(const char *)f->tile.node, TILE_BYTES}, false, e));
    if (f->level == 0) drop_partial(l, "tile/entries", f->index);
    drop_partial(l, prefix, f->index);
    return SIL_OK;
}

static sil_err put_all_full(struct ledger *l, struct sil_error *e) {
    for (struct full_tile *f; (f = l->full) != NULL;) {
        SIL_TRY(put_full(l, f, e));
        log_cache_put(l, f->level, f->index, &f->tile);
        l->full = f->next;
        if (!l->full) l->full_end = &l->full;
        mem_free(l->mem, f);
    }
    return SIL_OK;
}

/* ---- partial tiles and the checkpoint ---- */

/* Nothing here is waited for: after a crash they are made again from the journal. */
static sil_err put_partial(struct ledger *l, struct sil_error *e) {
    char prefix[16], name[TILE_PATH];
    uint64_t size = l->edge.size;
    for (uint32_t level = 0; level < TILE_LEVELS; level++) {
        uint32_t width = edge_width(size, level);
        uint64_t index = edge_tile(size, level);
        bool same =
            l->published_any && edge_width(l->published, level) == width && edge_tile(l->published, level) == index;
        if (width == 0 || same) continue;
        level_prefix(level, prefix);
        if (!l->published_any) drop_partial(l, prefix, index); /* a crash may have torn them */
        tile_path(name, prefix, index, width);
        SIL_TRY(disk_put(&l->disk, name,
                         (struct str){(const char *)l->edge.level[level].node, (size_t)width * LEDGER_HASH}, false, e));
        if (level > 0) continue;
        if (!l->published_any) drop_partial(l, "tile/entries", index);
        tile_path(name, "tile/entries", index, width);
        SIL_TRY(disk_put(&l->disk, name, log_recent_bytes(l, size - width, size), false, e));
    }
    return SIL_OK;
}

/* ---- transcripts ---- */

/* Opens the file that goes on, at its good length. */
static sil_err open_segment(struct ledger *l, const char *name, int *fd, struct sil_error *e) {
    struct stat st;
    SIL_TRY(disk_update(&l->disk, name, true, fd, e));
    sil_err err = SIL_OK;
    if (fstat(*fd, &st) != 0) {
        err = err_set(e, SIL_IO, "cannot examine %s", name);
    } else {
        uint64_t have = (uint64_t)st.st_size;
        if (l->segment_bytes == UINT64_MAX) l->segment_bytes = have;
        if (have < l->segment_bytes)
            err = err_set(e, SIL_FORMAT,
                          "%s/%s was cut: it has %llu bytes of %llu; restore it from a copy, or move it away (its "
                          "answers can then not be replayed)",
                          l->disk.root, name, (unsigned long long)have, (unsigned long long)l->segment_bytes);
        else if (have > l->segment_bytes) err = disk_cut(&l->disk, name, *fd, l->segment_bytes, e);
    }
    if (err != SIL_OK) close(*fd);
    return err;
}

/* A file that somebody moved away begins again. */
static void segment_moved(struct ledger *l, const char *name) {
    if (l->segment_bytes != 0 && l->segment_bytes != UINT64_MAX && !disk_exists(&l->disk, name)) l->segment_bytes = 0;
}

/* Writes the records at the front of what is unsent that go into one file. */
static sil_err put_segment(struct ledger *l, struct sil_error *e) {
    struct str all = buf_view(&l->unsent);
    struct transcript_record r;
    char name[TILE_PATH];
    bool done = false;
    int fd = -1;
    size_t end = l->unsent_at;
    SIL_TRY(transcript_next(all, end, &r, &done, e));
    uint64_t segment = r.index / TILE_WIDTH;
    for (; !done && r.index / TILE_WIDTH == segment;) {
        end += r.bytes;
        SIL_TRY(transcript_next(all, end, &r, &done, e));
    }
    if (segment != l->segment) {
        l->segment = segment;
        l->segment_bytes = 0;
    }
    transcript_path(segment * TILE_WIDTH, name);
    segment_moved(l, name);
    SIL_TRY(open_segment(l, name, &fd, e));
    struct str bytes = {all.p + l->unsent_at, end - l->unsent_at};
    sil_err err = disk_write(&l->disk, name, fd, l->segment_bytes, bytes, e);
    close(fd);
    SIL_TRY(err);
    l->segment_bytes += bytes.n;
    l->unsent_at = end;
    return SIL_OK;
}

static sil_err put_transcripts(struct ledger *l, struct sil_error *e) {
    while (l->unsent_at < l->unsent.n) SIL_TRY(put_segment(l, e));
    l->unsent_at = 0;
    if (l->unsent.cap > LOG_UNSENT_BYTES) buf_free(&l->unsent);
    buf_clear(&l->unsent);
    return SIL_OK;
}

/* ---- making durable what the journal will not have any more ---- */

/* The files PREFIX/from to PREFIX/to - 1, those that are there, and their folders. */
static sil_err sync_range(struct ledger *l, const char *prefix, uint64_t from, uint64_t to, struct sil_error *e) {
    enum { FOLDER = 1000 };
    char name[TILE_PATH], last[TILE_PATH] = "";
    for (uint64_t i = from; i < to; i++) {
        int fd = -1;
        tile_path(name, prefix, i, 0);
        if (disk_exists(&l->disk, name)) {
            SIL_TRY(disk_update(&l->disk, name, false, &fd, e));
            sil_err err = disk_sync(&l->disk, name, fd, e);
            close(fd);
            SIL_TRY(err);
            memcpy(last, name, sizeof last);
        }
        if (!last[0] || (i % FOLDER < FOLDER - 1 && i + 1 < to)) continue;
        SIL_TRY(disk_sync_folder(&l->disk, last, e));
        last[0] = '\0';
    }
    return SIL_OK;
}

static sil_err sync_all(struct ledger *l, uint64_t first, struct sil_error *e) {
    char prefix[16];
    SIL_TRY(sync_range(l, "transcripts", l->segment_dirty, l->segment + 1, e));
    l->segment_dirty = l->segment;
    SIL_TRY(sync_range(l, "tile/entries", l->recent_first / TILE_WIDTH, first / TILE_WIDTH, e));
    for (uint32_t level = 0; level < TILE_LEVELS; level++) {
        level_prefix(level, prefix);
        SIL_TRY(sync_range(l, prefix, edge_tile(l->recent_first, level), edge_tile(first, level), e));
    }
    return SIL_OK;
}

/* ---- all of it ---- */

/* The durable length of the file of transcripts that goes on with the tile that is not full. */
static sil_err kept_bytes(struct ledger *l, uint64_t first, uint64_t *out, struct sil_error *e) {
    *out = 0;
    if (l->segment != first / TILE_WIDTH) return SIL_OK;
    if (l->segment_bytes == UINT64_MAX) { /* never written since it was found */
        char name[TILE_PATH], path[DISK_PATH];
        struct stat st;
        transcript_path(first, name);
        disk_path(&l->disk, name, path);
        l->segment_bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    (void)e;
    *out = l->segment_bytes;
    return SIL_OK;
}

static sil_err write_state(struct ledger *l, struct buf *b, uint64_t first, struct sil_error *e) {
    uint8_t kept[8];
    uint64_t bytes = 0;
    uint32_t n = edge_width(l->edge.size, 0);
    SIL_TRY(kept_bytes(l, first, &bytes, e));
    put_u64(kept, bytes);
    log_random(l, l->nonce, sizeof l->nonce);
    sil_err err = journal_head(b, l->nonce);
    size_t at = b->n;
    if (err == SIL_OK) err = journal_begin(b, first);
    if (err == SIL_OK) err = buf_put(b, kept, sizeof kept);
    for (uint32_t level = 1; err == SIL_OK && level < TILE_LEVELS; level++)
        err = buf_put(b, l->edge.level[level].node, (size_t)edge_width(first, level) * LEDGER_HASH);
    struct bytes entries = bytes_of(log_recent_bytes(l, first, l->edge.size));
    struct str entry;
    while (err == SIL_OK && bytes_entry(&entries, &entry)) err = journal_entry(b, entry, (struct str){"", 0});
    if (err == SIL_OK) err = journal_end(b, at, JOURNAL_STATE, n, buf_view(&l->note), l->nonce);
    return err == SIL_OK ? SIL_OK : err_nomem(e, "the journal", b->n);
}

sil_err log_rotate(struct ledger *l, struct sil_error *e) {
    struct buf b;
    uint64_t first = l->edge.size - edge_width(l->edge.size, 0);
    SIL_TRY(sync_all(l, first, e));
    l->torn = true; /* until the new one is in place for certain */
    buf_init(&b, l->mem, JOURNAL_BYTES_MAX);
    sil_err err = write_state(l, &b, first, e);
    if (err == SIL_OK) err = disk_put(&l->disk, "journal", buf_view(&b), true, e);
    l->journal_bytes = b.n;
    buf_free(&b);
    SIL_TRY(err);
    if (l->journal >= 0) close(l->journal);
    l->journal = -1;
    SIL_TRY(disk_update(&l->disk, "journal", false, &l->journal, e));
    l->torn = false;
    log_recent_drop(l, first);
    return SIL_OK;
}

sil_err log_settle(struct ledger *l, bool always, struct sil_error *e) {
    SIL_TRY(put_all_full(l, e));
    SIL_TRY(put_transcripts(l, e));
    if (!l->published_any || l->published != l->edge.size) {
        SIL_TRY(put_partial(l, e));
        SIL_TRY(disk_put(&l->disk, "checkpoint", buf_view(&l->note), false, e));
        l->published = l->edge.size;
        l->published_any = true;
    }
    if (always || l->torn || l->journal_bytes > LOG_ROTATE_BYTES) return log_rotate(l, e);
    return SIL_OK;
}

sil_err ledger_publish(struct ledger *l, struct sil_error *e) {
    return log_settle(l, false, e);
}
