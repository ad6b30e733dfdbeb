/* audit: checking a whole record against the public key.
 *
 * The signed root decides what is right. Tiles first: when the hashes of level 0 lead to the root they are those that
 * were signed, and each entry is held against its hash. Otherwise the entries may lead to it, and the tiles are wrong.
 */
#include "ledger/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"

enum { BUNDLE_MAX = (TILE_WIDTH + 1) * (LEDGER_ENTRY_BYTES + 2), SLOTS = TILE_WIDTH + 1 };

struct hashes {
    uint32_t n;
    uint8_t hash[SLOTS][LEDGER_HASH];
};

struct audit {
    struct disk disk;
    const struct ledger_key *key;
    struct mem mem;
    struct audit_report *report;
    struct ledger *log; /* as it opens, journal included; NULL when it does not */
    bool transcripts;   /* there is a folder of them */
    bool has_erasing;   /* a server says that it is erasing one */
    uint64_t erasing;
    uint64_t newest; /* entries of the newest checkpoint that could be read */

    struct checkpoint head;
    bool tiles_right, entries_right;
    struct edge edge;
    struct hashes tile, entries;
    struct tile upper;
    struct buf file, kept, note;
};

static void finding(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void finding(struct audit *a, const char *fmt, ...) {
    char text[SIL_ERROR_TEXT * 2];
    struct sil_error safe = {0};
    va_list ap;
    if (++a->report->findings > AUDIT_FINDINGS_MAX || !a->report->finding) return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)err_set(&safe, SIL_FORMAT, "%s", text); /* control characters of what was read are made visible */
    a->report->finding(a->report->ctx, safe.text);
}

/* Reads a tile's or bundle's file of the given width, or the full one; name gets the one that was read. */
static sil_err read_tile(struct audit *a, const char *prefix, uint64_t index, uint32_t width, char name[TILE_PATH],
                         bool *there, struct sil_error *e) {
    char full[TILE_PATH];
    buf_clear(&a->file);
    tile_path(name, prefix, index, width);
    SIL_TRY(disk_read(&a->disk, name, &a->file, there, e));
    if (*there || width % TILE_WIDTH == 0) return SIL_OK;
    tile_path(full, prefix, index, 0);
    SIL_TRY(disk_read(&a->disk, full, &a->file, there, e));
    if (*there) memcpy(name, full, sizeof full);
    return SIL_OK;
}

/* Only memory ends an audit; a file that cannot be read is a finding. */
static bool unreadable(struct audit *a, sil_err err, const struct sil_error *e) {
    if (err == SIL_OK || err == SIL_NOMEM) return false;
    finding(a, "%s", e->text);
    return true;
}

static uint32_t width_at(const struct audit *a, uint64_t tile) {
    uint64_t left = a->head.size - tile * TILE_WIDTH;
    return left < TILE_WIDTH ? (uint32_t)left : TILE_WIDTH;
}

/* ---- the tiles ---- */

/* The hashes of a tile of level 0. What is missing is a finding when `loud`. */
static sil_err load_tile(struct audit *a, uint64_t index, bool loud, struct sil_error *e) {
    char name[TILE_PATH];
    uint32_t width = width_at(a, index);
    bool there = false;
    a->tile.n = 0;
    sil_err err = read_tile(a, "tile/0", index, width, name, &there, e);
    if (err == SIL_NOMEM) return err;
    if (err != SIL_OK || !there) {
        if (loud) finding(a, "%s is missing or cannot be read; restore it from a copy", name);
        return SIL_OK;
    }
    bool full_name = width < TILE_WIDTH && !strstr(name, ".p/");
    size_t n = a->file.n / LEDGER_HASH;
    if (loud && (a->file.n % LEDGER_HASH || n < width || (n > width && !full_name)))
        finding(a, "%s has %zu bytes instead of %zu; restore it from a copy", name, a->file.n,
                (size_t)width * LEDGER_HASH);
    a->tile.n = n < width ? (uint32_t)n : width;
    memcpy(a->tile.hash, buf_view(&a->file).p, (size_t)a->tile.n * LEDGER_HASH);
    return SIL_OK;
}

static sil_err edge_node(void *ctx, uint32_t height, uint64_t index, uint8_t out[LEDGER_HASH], struct sil_error *e) {
    const struct edge *edge = ctx;
    uint32_t level = height / TILE_HEIGHT, within = height % TILE_HEIGHT;
    const uint8_t *hash = tile_node(&edge->level[level], within, index & ((1u << (TILE_HEIGHT - within)) - 1));
    (void)e;
    memcpy(out, hash, LEDGER_HASH);
    return SIL_OK;
}

static bool leads_to_root(struct audit *a) {
    uint8_t root[LEDGER_HASH];
    if (a->edge.size != a->head.size) return false;
    (void)tree_root((struct tree_nodes){edge_node, &a->edge}, a->head.size, root, NULL);
    return memcmp(root, a->head.root, sizeof root) == 0;
}

static sil_err push_all(struct audit *a, const struct hashes *h, struct edge_sink sink, struct sil_error *e) {
    for (uint32_t i = 0; i < h->n; i++) SIL_TRY(edge_push(&a->edge, h->hash[i], sink, e));
    return SIL_OK;
}

static sil_err check_tiles(struct audit *a, struct sil_error *e) {
    memset(&a->edge, 0, sizeof a->edge);
    for (uint64_t t = 0; t * TILE_WIDTH < a->head.size; t++) {
        SIL_TRY(load_tile(a, t, true, e));
        if (a->tile.n < width_at(a, t)) return SIL_OK; /* the rest would be out of place */
        SIL_TRY(push_all(a, &a->tile, (struct edge_sink){NULL, NULL}, e));
    }
    a->tiles_right = leads_to_root(a);
    return SIL_OK;
}

/* ---- the entries ---- */

/* Leaf hashes of a bundle's entries, at most one more than there should be. *clean: the bytes end with the last. */
static sil_err load_bundle(struct audit *a, uint64_t index, char name[TILE_PATH], bool loud, bool *clean,
                           struct sil_error *e) {
    uint32_t width = width_at(a, index);
    bool there = false;
    struct str entry;
    a->entries.n = 0;
    *clean = true;
    sil_err err = read_tile(a, "tile/entries", index, width, name, &there, e);
    if (err == SIL_NOMEM) return err;
    if (err != SIL_OK || !there) {
        if (loud) finding(a, "%s is missing or cannot be read; restore it from a copy", name);
        return SIL_OK;
    }
    uint32_t most = width < TILE_WIDTH && !strstr(name, ".p/") ? width : width + 1;
    struct bytes b = bytes_of(buf_view(&a->file));
    while (a->entries.n < most && bytes_entry(&b, &entry)) tree_leaf(entry, a->entries.hash[a->entries.n++]);
    *clean = b.n == 0 || most == width;
    return SIL_OK;
}

static bool same(const uint8_t *x, const uint8_t *y) {
    return memcmp(x, y, LEDGER_HASH) == 0;
}

/* Whether from[k + 1...] is to[k...], for k from i on, of which there is one. */
static bool shifted(const struct hashes *from, const struct hashes *to, uint32_t i) {
    if (from->n != to->n + 1 || i >= to->n) return false;
    for (; i < to->n; i++)
        if (!same(from->hash[i + 1], to->hash[i])) return false;
    return true;
}

/* Says how the entries of a bundle differ from the signed hashes, from place i on. */
static void explain(struct audit *a, const char *name, uint64_t first, uint32_t i, bool clean) {
    const struct hashes *got = &a->entries, *want = &a->tile;
    if (shifted(want, got, i)) {
        finding(a, "%s: entry %" PRIu64 " was dropped; restore the file from a copy", name, first + i);
        return;
    }
    if (shifted(got, want, i)) {
        finding(a, "%s: an entry was added before entry %" PRIu64 "; restore the file from a copy", name, first + i);
        return;
    }
    for (; i < want->n; i++) {
        if (i >= got->n) {
            finding(a, "%s was truncated: entry %" PRIu64 " and those behind it are missing; restore it from a copy",
                    name, first + i);
            return;
        }
        if (same(got->hash[i], want->hash[i])) continue;
        uint32_t k = 0;
        while (k < want->n && !same(got->hash[i], want->hash[k])) k++;
        if (k < want->n)
            finding(a, "%s: entry %" PRIu64 " was reordered: entry %" PRIu64 " stands in its place; restore the file",
                    name, first + i, first + k);
        else finding(a, "%s: entry %" PRIu64 " was changed; restore the file from a copy", name, first + i);
    }
    if (!clean || got->n > want->n)
        finding(a, "%s: bytes were added behind entry %" PRIu64 "; restore the file from a copy", name,
                first + want->n - 1);
}

/* Entries against hashes; which of them is at fault the roots have decided. */
static void compare(struct audit *a, const char *name, uint64_t tile, bool clean) {
    const struct hashes *got = &a->entries, *want = &a->tile;
    char tile_name[TILE_PATH];
    uint32_t i = 0;
    while (i < got->n && i < want->n && same(got->hash[i], want->hash[i])) i++;
    if (i == want->n && got->n == want->n && clean && want->n == width_at(a, tile)) return;
    if (a->tiles_right) {
        explain(a, name, tile * TILE_WIDTH, i, clean);
        return;
    }
    tile_path(tile_name, "tile/0", tile, width_at(a, tile));
    for (; i < got->n && i < want->n; i++) {
        if (same(got->hash[i], want->hash[i])) continue;
        if (a->entries_right)
            finding(a, "%s: hash %u is wrong, entry %" PRIu64 " is as it was signed; restore the tile", tile_name, i,
                    tile * TILE_WIDTH + i);
        else
            finding(a, "entry %" PRIu64 " in %s and its hash in %s disagree; restore both from a copy",
                    tile * TILE_WIDTH + i, name, tile_name);
    }
}

/* Whether the entries lead to the signed root; only asked when the hashes do not. */
static sil_err check_entries_root(struct audit *a, struct sil_error *e) {
    char name[TILE_PATH];
    bool clean;
    memset(&a->edge, 0, sizeof a->edge);
    for (uint64_t t = 0; t * TILE_WIDTH < a->head.size; t++) {
        SIL_TRY(load_bundle(a, t, name, false, &clean, e));
        if (a->entries.n != width_at(a, t)) return SIL_OK;
        SIL_TRY(push_all(a, &a->entries, (struct edge_sink){NULL, NULL}, e));
    }
    a->entries_right = leads_to_root(a);
    return SIL_OK;
}

/* ---- transcripts ---- */

/* Decoded entries of the bundle at hand. */
struct decoded {
    bool ok[TILE_WIDTH], seen[TILE_WIDTH];
    struct ledger_entry entry[TILE_WIDTH];
};

static void check_body(struct audit *a, const char *name, const struct transcript_record *r, struct decoded *d) {
    struct transcript t;
    struct sil_error e = {0};
    const char *what = NULL;
    uint32_t i = (uint32_t)(r->index % TILE_WIDTH);
    /* What a server says that it is erasing is so just now, or at its next start. */
    bool being_erased = r->erased && a->has_erasing && a->erasing == r->index;
    d->seen[i] = true;
    if (!r->sound && !being_erased) {
        finding(a, "%s: the transcript of entry %" PRIu64 " is %s", name, r->index,
                r->erased ? "erased in part only; erase it again" : "damaged; restore it from a copy");
    } else if (r->erased) {
        a->report->erased++;
    } else if (transcript_decode(r->body, &t, &e) != SIL_OK) {
        finding(a, "%s: entry %" PRIu64 ": %s", name, r->index, e.text);
    } else if (d->ok[i] && !transcript_matches(&t, &d->entry[i], &what)) {
        finding(a, "%s: the transcript of entry %" PRIu64 " is not of that answer: other %s", name, r->index, what);
    } else {
        a->report->transcripts++;
    }
}

/* How much of a file of transcripts the journal does not have again. What is behind may be half written. */
static size_t durable(const struct audit *a, uint64_t tile, size_t n) {
    if (!a->log || tile < a->log->segment) return n;
    if (tile > a->log->segment) return 0;
    return a->log->segment_bytes < n ? (size_t)a->log->segment_bytes : n;
}

static void check_records(struct audit *a, const char *name, struct str file, uint64_t tile, struct decoded *d) {
    struct transcript_record r;
    struct sil_error e = {0};
    bool done = false;
    uint64_t next = tile * TILE_WIDTH, end = next + TILE_WIDTH;
    file.n = durable(a, tile, file.n);
    for (size_t at = 0;; at += r.bytes) {
        if (transcript_next(file, at, &r, &done, &e) != SIL_OK) {
            finding(a, "%s is damaged: %s; restore it from a copy", name, e.text);
            return;
        }
        if (done) return;
        if (r.index < next || r.index >= end || r.index >= a->newest) {
            finding(a, "%s: a transcript at byte %zu says that it is of entry %" PRIu64 ", which has no place there",
                    name, at, r.index);
            return;
        }
        next = r.index + 1;
        if (r.index < a->head.size) check_body(a, name, &r, d);
    }
}

static void check_unsent(struct audit *a, uint64_t tile, struct decoded *d) {
    struct transcript_record r;
    bool done = false;
    if (!a->log) return;
    for (size_t at = 0; transcript_next(buf_view(&a->log->unsent), at, &r, &done, NULL) == SIL_OK && !done;
         at += r.bytes)
        if (r.index / TILE_WIDTH == tile && r.index < a->head.size && !d->seen[r.index % TILE_WIDTH])
            check_body(a, "journal", &r, d);
}

static bool all_sound(struct str file) {
    struct transcript_record r = {.sound = true};
    bool done = false;
    for (size_t at = 0; !done && r.sound; at += r.bytes)
        if (transcript_next(file, at, &r, &done, NULL) != SIL_OK) return true; /* the rest is told by what checks it */
    return r.sound;
}

/* A file of transcripts. One that is read while a server erases in it may have been read in part before and in part
 * behind that: it is read again. */
static sil_err read_transcripts(struct audit *a, const char *name, bool *there, struct sil_error *e) {
    enum { TRIES = 3 };
    sil_err err = SIL_OK;
    for (int i = 0; i < TRIES && err == SIL_OK; i++) {
        err = keep_erasing(&a->disk, a->mem, &a->has_erasing, &a->erasing, e);
        buf_clear(&a->kept);
        if (err == SIL_OK) err = disk_read(&a->disk, name, &a->kept, there, e);
        if (!*there || all_sound(buf_view(&a->kept))) break;
    }
    return err;
}

static sil_err check_transcripts(struct audit *a, uint64_t tile, struct decoded *d, struct sil_error *e) {
    char name[TILE_PATH];
    bool there = false;
    memset(d->seen, 0, sizeof d->seen);
    transcript_path(tile * TILE_WIDTH, name);
    sil_err err = read_transcripts(a, name, &there, e);
    if (err == SIL_NOMEM) return err;
    if (!unreadable(a, err, e) && there) check_records(a, name, buf_view(&a->kept), tile, d);
    check_unsent(a, tile, d);
    for (uint32_t i = 0; i < width_at(a, tile); i++) {
        if (!d->ok[i] || d->seen[i] || d->entry[i].keep == LEDGER_KEEP_NONE) continue;
        a->report->absent++;
        if (a->transcripts)
            finding(a, "%s: the transcript of entry %" PRIu64 " is missing, and was not erased by sillok audit erase",
                    name, tile * TILE_WIDTH + i);
    }
    return SIL_OK;
}

/* ---- entries, one by one ---- */

static void note_time(struct audit_report *r, uint64_t ms) {
    if (r->first_ms == 0 || ms < r->first_ms) r->first_ms = ms;
    if (ms > r->last_ms) r->last_ms = ms;
}

static void decode_one(struct audit *a, struct str text, uint64_t index, struct ledger_entry *out, bool *ok) {
    struct sil_error e = {0};
    sil_err err = ledger_entry_decode(text, out, &e);
    *ok = err == SIL_OK;
    if (*ok) note_time(a->report, out->time_ms);
    else if (err != SIL_UNSUPPORTED) finding(a, "entry %" PRIu64 ": %s", index, e.text);
}

/* The bundle that load_bundle left in a->file. */
static void decode_all(struct audit *a, uint64_t tile, struct decoded *d) {
    struct bytes b = bytes_of(buf_view(&a->file));
    struct str text;
    memset(d->ok, 0, sizeof d->ok);
    for (uint32_t i = 0; i < width_at(a, tile) && bytes_entry(&b, &text); i++)
        if (i < a->tile.n && i < a->entries.n && same(a->tile.hash[i], a->entries.hash[i]))
            decode_one(a, text, tile * TILE_WIDTH + i, &d->entry[i], &d->ok[i]);
}

static sil_err check_entries(struct audit *a, struct decoded *d, struct sil_error *e) {
    char name[TILE_PATH];
    bool clean = true;
    if (!a->tiles_right) SIL_TRY(check_entries_root(a, e));
    for (uint64_t t = 0; t * TILE_WIDTH < a->head.size; t++) {
        SIL_TRY(load_tile(a, t, false, e));
        SIL_TRY(load_bundle(a, t, name, true, &clean, e));
        if (a->tile.n == 0 && a->entries.n == 0) break; /* nothing more is here */
        if (a->file.n || a->entries.n) compare(a, name, t, clean);
        decode_all(a, t, d);
        SIL_TRY(check_transcripts(a, t, d, e));
    }
    if (!a->tiles_right && !a->entries_right)
        finding(a, "the entries here are not those that the checkpoint of %" PRIu64 " was signed over", a->head.size);
    return SIL_OK;
}

/* ---- upper tiles, and what lies beside ---- */

static sil_err check_upper(struct audit *a, uint32_t level, uint64_t index, const struct tile *want, uint32_t width,
                           struct sil_error *e) {
    char prefix[16], name[TILE_PATH];
    bool there = false;
    snprintf(prefix, sizeof prefix, "tile/%u", (unsigned)level);
    sil_err err = read_tile(a, prefix, index, width, name, &there, e);
    if (err == SIL_NOMEM) return err;
    if (unreadable(a, err, e)) return SIL_OK;
    size_t n = (size_t)width * LEDGER_HASH;
    bool full_name = width < TILE_WIDTH && !strstr(name, ".p/");
    if (!there) finding(a, "%s is missing; restore it from a copy", name);
    else if (a->file.n < n || (a->file.n > n && !full_name))
        finding(a, "%s has %zu bytes instead of %zu; restore it from a copy", name, a->file.n, n);
    else
        for (uint32_t i = 0; i < width; i++)
            if (!same((const uint8_t *)a->file.p + (size_t)i * LEDGER_HASH, want->node[i]))
                finding(a, "%s: hash %u is not that of the tile below it; restore the tile from a copy", name, i);
    return SIL_OK;
}

static sil_err on_full(void *ctx, uint32_t level, uint64_t index, const struct tile *t, struct sil_error *e) {
    return level == 0 ? SIL_OK : check_upper(ctx, level, index, t, TILE_WIDTH, e);
}

/* Partial tiles beside the one that counts: one of fewer entries is its beginning; one that reaches beyond every
 * checkpoint is no part of the log. */
static sil_err check_beside(struct audit *a, const char *prefix, uint64_t index, uint32_t width, struct sil_error *e) {
    char name[TILE_PATH], folder[TILE_PATH + 8];
    bool partial[TILE_WIDTH], there = false, bundle = strcmp(prefix, "tile/entries") == 0;
    struct str entry;
    tile_path(name, prefix, index, 0);
    snprintf(folder, sizeof folder, "%s.p", name);
    disk_numbers(&a->disk, folder, partial, TILE_WIDTH);
    bool ours = a->newest > a->head.size; /* the journal has more: somebody is writing */
    if (!ours && disk_exists(&a->disk, name)) finding(a, "%s is full, but the checkpoint ends before", name);
    if (width) SIL_TRY(read_tile(a, prefix, index, width, name, &there, e));
    struct bytes whole = bytes_of(buf_view(&a->file));
    for (uint32_t w = 1; w < TILE_WIDTH; w++) {
        size_t n = (size_t)w * LEDGER_HASH;
        bool within = there && w < width;
        if (within && bundle && !bytes_entry(&whole, &entry)) return SIL_OK;
        if (within && bundle) n = a->file.n - whole.n;
        if (!partial[w] || w == width || (w > width && ours)) continue;
        tile_path(name, prefix, index, w);
        bool older = false;
        buf_clear(&a->kept);
        if (within) SIL_TRY(disk_read(&a->disk, name, &a->kept, &older, e));
        if (older && (a->kept.n != n || memcmp(buf_view(&a->kept).p, a->file.p, n) != 0))
            finding(a, "%s is not the beginning of the tile that it was; remove it", name);
        if (w > width)
            finding(a, "%s holds more than the %" PRIu64 " entries that the checkpoint was signed over", name,
                    a->head.size);
    }
    return SIL_OK;
}

/* The tree once more, with its upper tiles. */
static sil_err check_above(struct audit *a, struct sil_error *e) {
    char prefix[16], name[TILE_PATH];
    bool clean;
    memset(&a->edge, 0, sizeof a->edge);
    for (uint64_t t = 0; t * TILE_WIDTH < a->head.size; t++) {
        SIL_TRY(a->tiles_right ? load_tile(a, t, false, e) : load_bundle(a, t, name, false, &clean, e));
        SIL_TRY(push_all(a, a->tiles_right ? &a->tile : &a->entries, (struct edge_sink){on_full, a}, e));
    }
    for (uint32_t level = 0; level < TILE_LEVELS; level++) {
        uint32_t width = edge_width(a->head.size, level);
        uint64_t index = edge_tile(a->head.size, level);
        if (level > 0 && width) SIL_TRY(check_upper(a, level, index, &a->edge.level[level], width, e));
        snprintf(prefix, sizeof prefix, "tile/%u", (unsigned)level);
        for (int entries = 0; entries < (level == 0 ? 2 : 1); entries++) {
            const char *where = entries ? "tile/entries" : prefix;
            sil_err err = level == 0 || width ? check_beside(a, where, index, width, e) : SIL_OK;
            if (err == SIL_NOMEM) return err;
            (void)unreadable(a, err, e);
        }
    }
    return SIL_OK;
}

/* ---- the log as it opens: journal, newest entries ---- */

/* The transcripts of the journal that others do not see yet, each held against its entry. */
static sil_err check_newest_kept(struct audit *a, struct decoded *d, struct sil_error *e) {
    struct transcript_record r;
    bool done = false;
    struct str unsent = buf_view(&a->log->unsent);
    for (size_t at = 0; transcript_next(unsent, at, &r, &done, NULL) == SIL_OK && !done; at += r.bytes) {
        if (r.index < a->head.size || r.index >= a->newest) continue;
        uint32_t i = (uint32_t)(r.index % TILE_WIDTH);
        buf_clear(&a->kept);
        sil_err err = log_entry(a->log, r.index, &a->kept, e);
        if (err == SIL_NOMEM) return err;
        d->ok[i] = err == SIL_OK && ledger_entry_decode(buf_view(&a->kept), &d->entry[i], NULL) == SIL_OK;
        check_body(a, "journal", &r, d);
    }
    return SIL_OK;
}

static sil_err check_newest(struct audit *a, struct decoded *d, struct sil_error *e) {
    struct ledger_entry entry;
    bool ok = false;
    for (uint64_t i = a->head.size; a->log && i < a->newest; i++) {
        buf_clear(&a->kept);
        sil_err err = log_entry(a->log, i, &a->kept, e);
        if (err == SIL_NOMEM) return err;
        if (!unreadable(a, err, e)) decode_one(a, buf_view(&a->kept), i, &entry, &ok);
    }
    return a->log ? check_newest_kept(a, d, e) : SIL_OK;
}

/* The published checkpoint: what is to be checked. False when there is nothing to go by. */
static sil_err read_head(struct audit *a, bool *have, struct sil_error *e) {
    struct sil_error why = {0};
    bool there = false;
    *have = false;
    sil_err err = disk_read(&a->disk, "checkpoint", &a->note, &there, e);
    if (err == SIL_NOMEM) return err;
    if (unreadable(a, err, e)) return SIL_OK;
    if (!there) {
        finding(a, "%s/checkpoint is missing; open the log with its server, or restore it", a->disk.root);
        return SIL_OK;
    }
    struct str text = buf_view(&a->note);
    if (note_open(text, a->key, "the checkpoint", &a->head, &why) != SIL_OK) finding(a, "%s", why.text);
    *have = note_open(text, NULL, "the checkpoint", &a->head, NULL) == SIL_OK && a->head.size < UINT64_MAX / 2;
    return SIL_OK;
}

static sil_err run(struct audit *a, struct decoded *d, struct sil_error *e) {
    struct sil_error why = {0};
    struct stat st;
    char path[DISK_PATH];
    bool have = false;
    /* The published state first: what is opened afterwards can only be newer. */
    SIL_TRY(read_head(a, &have, e));
    sil_err err = audit_open(a->disk.root, a->key, a->mem, &a->log, &why);
    if (err == SIL_NOMEM) return err_set(e, err, "%s", why.text);
    if (err != SIL_OK) finding(a, "%s", why.text);
    disk_path(&a->disk, "transcripts", path);
    a->transcripts = stat(path, &st) == 0 && !disk_closed(&a->disk, "transcripts");
    a->newest = a->log ? ledger_size(a->log) : 0;
    if (have && a->newest < a->head.size) a->newest = a->head.size;
    a->report->size = a->newest;
    a->report->published = have ? a->head.size : 0;
    if (!have) return SIL_OK;
    SIL_TRY(check_tiles(a, e));
    SIL_TRY(check_entries(a, d, e));
    if (a->tiles_right || a->entries_right) SIL_TRY(check_above(a, e));
    return check_newest(a, d, e);
}

sil_err audit_verify(const char *dir, const struct ledger_key *k, struct mem mem, struct audit_report *r,
                     struct sil_error *e) {
    struct audit *a = mem_array(mem, 1, sizeof *a);
    struct decoded *d = a ? mem_array(mem, 1, sizeof *d) : NULL;
    if (!a || !d) {
        mem_free(mem, a);
        return err_nomem(e, "an audit", sizeof *a + sizeof *d);
    }
    a->key = k;
    a->mem = mem;
    a->report = r;
    buf_init(&a->file, mem, BUNDLE_MAX);
    buf_init(&a->kept, mem, TRANSCRIPT_FILE_MAX);
    buf_init(&a->note, mem, LEDGER_NOTE_BYTES);
    sil_err err = disk_view(&a->disk, dir, e);
    if (err == SIL_OK) err = run(a, d, e);
    ledger_close(a->log);
    buf_free(&a->note);
    buf_free(&a->kept);
    buf_free(&a->file);
    mem_free(mem, d);
    mem_free(mem, a);
    return err;
}

/* ---- looking in ---- */

sil_err audit_open(const char *dir, const struct ledger_key *k, struct mem mem, struct ledger **out,
                   struct sil_error *e) {
    bool fresh = false;
    struct ledger *l = log_new(mem, e);
    if (!l) return SIL_NOMEM;
    if (k) l->key = *k;
    l->has_key = k != NULL;
    sil_err err = disk_view(&l->disk, dir, e);
    if (err == SIL_OK) err = log_load(l, &fresh, e);
    if (err == SIL_OK && fresh)
        err = err_set(e, SIL_ARG, "%s holds no record: neither a journal nor a checkpoint is in it", dir);
    if (err != SIL_OK) log_free(l);
    else *out = l;
    return err;
}

sil_err audit_against(struct ledger *l, const struct ledger_key *k, struct str text, uint64_t *size,
                      struct sil_error *e) {
    struct checkpoint c;
    uint8_t root[LEDGER_HASH];
    struct log_nodes n = {l, &l->edge};
    /* Of a receipt the checkpoint is what follows the first empty line. */
    if (str_starts(text, STR("c2sp.org/tlog-proof@v1\n"))) {
        struct str line;
        while (note_line(&text, &line) && line.n > 0) {
        }
    }
    SIL_TRY(note_open(text, k, "the kept checkpoint", &c, e));
    *size = c.size;
    if (c.size > l->edge.size)
        return err_set(e, SIL_FORMAT,
                       "%" PRIu64 " entries were signed once, only %" PRIu64 " are here: the log was cut", c.size,
                       l->edge.size);
    SIL_TRY(tree_root(log_nodes(&n), c.size, root, e));
    if (memcmp(root, c.root, sizeof root) != 0)
        return err_set(e, SIL_FORMAT,
                       "the first %" PRIu64 " entries are not those that were signed once: the log was changed",
                       c.size);
    return SIL_OK;
}
