/* load: a log from its directory, and the nodes and entries of an open one. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ledger/log.h"

enum { BUNDLE_MAX = TILE_WIDTH * (LEDGER_ENTRY_BYTES + 2) };

/* ---- recent entries ---- */

sil_err log_recent_reserve(struct ledger *l, size_t n, size_t bytes) {
    if (l->n_recent + n > l->cap_recent) {
        size_t cap = l->cap_recent ? l->cap_recent : TILE_WIDTH;
        while (cap < l->n_recent + n) cap *= 2;
        size_t *at = l->mem.resize(l->mem.ctx, l->recent_at, cap * sizeof *at);
        if (!at) return SIL_NOMEM;
        l->recent_at = at;
        l->cap_recent = cap;
    }
    return buf_reserve(&l->recent, bytes + 2 * n);
}

sil_err log_recent_add(struct ledger *l, struct str entry) {
    const uint8_t length[2] = {(uint8_t)(entry.n >> 8), (uint8_t)entry.n};
    SIL_TRY(log_recent_reserve(l, 1, entry.n));
    l->recent_at[l->n_recent++] = l->recent.n;
    (void)buf_put(&l->recent, length, sizeof length);
    return buf_str(&l->recent, entry);
}

static size_t recent_offset(const struct ledger *l, uint64_t index) {
    size_t i = (size_t)(index - l->recent_first);
    assert(index >= l->recent_first && i <= l->n_recent);
    return i < l->n_recent ? l->recent_at[i] : l->recent.n;
}

struct str log_recent_bytes(const struct ledger *l, uint64_t from, uint64_t to) {
    size_t a = recent_offset(l, from), b = recent_offset(l, to);
    return (struct str){buf_view(&l->recent).p + a, b - a};
}

void log_recent_drop(struct ledger *l, uint64_t first) {
    size_t cut = recent_offset(l, first), n = (size_t)(first - l->recent_first);
    if (n == 0) return;
    memmove(l->recent.p, l->recent.p + cut, l->recent.n - cut);
    l->recent.n -= cut;
    for (size_t i = n; i < l->n_recent; i++) l->recent_at[i - n] = l->recent_at[i] - cut;
    l->n_recent -= n;
    l->recent_first = first;
}

/* ---- nodes ---- */

void log_cache_put(struct ledger *l, uint32_t level, uint64_t index, const struct tile *t) {
    memmove(l->cache + 1, l->cache, (LOG_CACHE - 1) * sizeof *l->cache);
    l->cache[0].used = true;
    l->cache[0].level = level;
    l->cache[0].index = index;
    l->cache[0].tile = *t;
}

static sil_err tile_file(struct ledger *l, uint32_t level, uint64_t index, uint32_t width, struct tile *out,
                         struct sil_error *e) {
    char prefix[16], name[TILE_PATH], full[TILE_PATH];
    struct buf b;
    bool there = false;
    snprintf(prefix, sizeof prefix, "tile/%u", (unsigned)level);
    tile_path(name, prefix, index, width);
    tile_path(full, prefix, index, 0);
    buf_init(&b, l->mem, TILE_BYTES);
    sil_err err = disk_read(&l->disk, name, &b, &there, e);
    if (err == SIL_OK && !there) err = disk_read(&l->disk, full, &b, &there, e);
    if (err == SIL_OK && !there)
        err = err_set(e, SIL_FORMAT, "%s/%s is missing; restore it from a copy", l->disk.root, name);
    uint32_t want = width ? width : TILE_WIDTH;
    if (err == SIL_OK && (b.n % LEDGER_HASH || b.n < (size_t)want * LEDGER_HASH))
        err = err_set(e, SIL_FORMAT, "%s/%s has %zu bytes, not %zu; restore it from a copy", l->disk.root, name, b.n,
                      (size_t)want * LEDGER_HASH);
    out->n = 0;
    for (uint32_t i = 0; err == SIL_OK && i < want; i++) tile_push(out, (const uint8_t *)b.p + (size_t)i * LEDGER_HASH);
    buf_free(&b);
    return err;
}

static sil_err full_tile(struct ledger *l, uint32_t level, uint64_t index, const struct tile **out,
                         struct sil_error *e) {
    for (struct full_tile *f = l->full; f; f = f->next)
        if (f->level == level && f->index == index) return *out = &f->tile, SIL_OK;
    for (int i = 0; i < LOG_CACHE; i++)
        if (l->cache[i].used && l->cache[i].level == level && l->cache[i].index == index)
            return *out = &l->cache[i].tile, SIL_OK;
    struct cached_tile *last = &l->cache[LOG_CACHE - 1];
    last->used = false;
    SIL_TRY(tile_file(l, level, index, 0, &last->tile, e));
    last->used = true;
    last->level = level;
    last->index = index;
    return *out = &last->tile, SIL_OK;
}

static sil_err get_node(void *ctx, uint32_t height, uint64_t index, uint8_t out[LEDGER_HASH], struct sil_error *e) {
    const struct log_nodes *n = ctx;
    uint32_t level = height / TILE_HEIGHT, within = height % TILE_HEIGHT;
    uint64_t tile = index >> (TILE_HEIGHT - within), at = index & ((1u << (TILE_HEIGHT - within)) - 1);
    const struct tile *t = &n->edge->level[level];
    if (tile != edge_tile(n->edge->size, level)) SIL_TRY(full_tile(n->l, level, tile, &t, e));
    const uint8_t *hash = tile_node(t, within, at);
    assert(hash);
    memcpy(out, hash, LEDGER_HASH);
    return SIL_OK;
}

struct tree_nodes log_nodes(struct log_nodes *n) {
    return (struct tree_nodes){get_node, n};
}

/* ---- entries ---- */

/* A full bundle, which never changes: kept, since entries are mostly read in order. */
static sil_err load_full(struct ledger *l, uint64_t index, struct sil_error *e) {
    char name[TILE_PATH];
    bool there = false;
    if (l->bundle.n && l->bundle_index == index) return SIL_OK;
    tile_path(name, "tile/entries", index, 0);
    buf_clear(&l->bundle);
    sil_err err = disk_read(&l->disk, name, &l->bundle, &there, e);
    if (err == SIL_OK && l->bundle.n == 0)
        err = err_set(e, SIL_FORMAT, "%s/%s is missing; restore it from a copy", l->disk.root, name);
    if (err != SIL_OK) buf_clear(&l->bundle);
    l->bundle_index = index;
    return err;
}

static sil_err from_bundle(struct ledger *l, uint64_t index, struct buf *out, struct sil_error *e) {
    struct str entry = {"", 0};
    SIL_TRY(load_full(l, index / TILE_WIDTH, e));
    struct bytes bytes = bytes_of(buf_view(&l->bundle));
    for (uint64_t i = 0; i <= index % TILE_WIDTH; i++)
        if (!bytes_entry(&bytes, &entry))
            return err_set(e, SIL_FORMAT, "the bundle of entry %llu in %s ends before it; restore it from a copy",
                           (unsigned long long)index, l->disk.root);
    return buf_str(out, entry) == SIL_OK ? SIL_OK : err_nomem(e, "an entry", entry.n);
}

sil_err log_entry(struct ledger *l, uint64_t index, struct buf *out, struct sil_error *e) {
    if (index >= l->edge.size)
        return err_set(e, SIL_ARG, "the log has no entry %llu: it has %llu, counted from 0", (unsigned long long)index,
                       (unsigned long long)l->edge.size);
    if (index < l->recent_first) return from_bundle(l, index, out, e);
    struct str bytes = log_recent_bytes(l, index, index + 1);
    if (buf_put(out, bytes.p + 2, bytes.n - 2) != SIL_OK) return err_nomem(e, "an entry", bytes.n);
    return SIL_OK;
}

/* ---- from the journal ---- */

static sil_err keep_full(void *ctx, uint32_t level, uint64_t index, const struct tile *t, struct sil_error *e) {
    struct ledger *l = ctx;
    struct full_tile *f = mem_alloc(l->mem, sizeof *f);
    if (!f) return err_nomem(e, "a tile", sizeof *f);
    f->next = NULL;
    f->level = level;
    f->index = index;
    f->tile = *t;
    *l->full_end = f;
    l->full_end = &f->next;
    return SIL_OK;
}

static sil_err on_state(void *ctx, uint64_t first, uint64_t kept, const uint8_t *hashes, struct sil_error *e) {
    struct ledger *l = ctx;
    (void)e;
    l->edge.size = first;
    for (uint32_t level = 1; level < TILE_LEVELS; level++)
        for (uint32_t i = 0; i < edge_width(first, level); i++, hashes += LEDGER_HASH)
            tile_push(&l->edge.level[level], hashes);
    l->recent_first = first;
    l->segment = first / TILE_WIDTH;
    l->segment_dirty = l->segment;
    l->segment_bytes = kept;
    return SIL_OK;
}

static sil_err on_entry(void *ctx, uint64_t index, struct str entry, struct str transcript, struct sil_error *e) {
    struct ledger *l = ctx;
    uint8_t leaf[LEDGER_HASH];
    tree_leaf(entry, leaf);
    SIL_TRY(edge_push(&l->edge, leaf, (struct edge_sink){keep_full, l}, e));
    if (log_recent_add(l, entry) != SIL_OK) return err_nomem(e, "the newest entries", l->recent.n);
    if (transcript.n && transcript_record(&l->unsent, index, transcript) != SIL_OK)
        return err_nomem(e, "the newest transcripts", l->unsent.n);
    return SIL_OK;
}

static sil_err on_note(void *ctx, uint64_t size, struct str note, struct sil_error *e) {
    struct ledger *l = ctx;
    (void)size;
    buf_clear(&l->note);
    return buf_str(&l->note, note) == SIL_OK ? SIL_OK : err_nomem(e, "a checkpoint", note.n);
}

static sil_err load_journal(struct ledger *l, struct str file, struct sil_error *e) {
    const struct journal_sink sink = {on_state, on_entry, on_note, l};
    size_t good = 0;
    sil_err err = journal_read(file, sink, l->nonce, &good, e);
    if (err != SIL_OK) return err_prefix(e, err, "%s/journal", l->disk.root);
    l->journal_bytes = good;
    return SIL_OK;
}

/* ---- from what is published ---- */

static sil_err load_bundle(struct ledger *l, uint64_t size, struct sil_error *e) {
    char name[TILE_PATH], full[TILE_PATH];
    struct buf b;
    struct str entry;
    bool there = false;
    uint32_t width = edge_width(size, 0);
    if (width == 0) return SIL_OK;
    tile_path(name, "tile/entries", size / TILE_WIDTH, width);
    tile_path(full, "tile/entries", size / TILE_WIDTH, 0);
    buf_init(&b, l->mem, BUNDLE_MAX);
    sil_err err = disk_read(&l->disk, name, &b, &there, e);
    if (err == SIL_OK && !there) err = disk_read(&l->disk, full, &b, &there, e);
    struct bytes bytes = bytes_of(buf_view(&b));
    for (uint32_t i = 0; err == SIL_OK && i < width; i++) {
        if (!bytes_entry(&bytes, &entry))
            err = err_set(e, SIL_FORMAT, "%s/%s is missing or too short; restore it from a copy", l->disk.root, name);
        else if (log_recent_add(l, entry) != SIL_OK) err = err_nomem(e, "the newest entries", b.n);
    }
    buf_free(&b);
    return err;
}

static sil_err load_public(struct ledger *l, struct sil_error *e) {
    struct checkpoint c;
    SIL_TRY(note_open(buf_view(&l->note), l->has_key ? &l->key : NULL, "the checkpoint", &c, e));
    if (c.size > UINT64_MAX / 2) return err_set(e, SIL_FORMAT, "the checkpoint's size is none");
    l->edge.size = c.size;
    l->recent_first = c.size - edge_width(c.size, 0);
    for (uint32_t level = 0; level < TILE_LEVELS; level++) {
        uint32_t width = edge_width(c.size, level);
        if (width) SIL_TRY(tile_file(l, level, edge_tile(c.size, level), width, &l->edge.level[level], e));
    }
    l->segment = l->segment_dirty = l->recent_first / TILE_WIDTH;
    l->segment_bytes = UINT64_MAX; /* as long as it is */
    return load_bundle(l, c.size, e);
}

/* ---- either ---- */

static sil_err check_root(struct ledger *l, struct str note, const char *what, struct sil_error *e) {
    struct checkpoint c;
    uint8_t root[LEDGER_HASH];
    struct log_nodes n = {l, &l->edge};
    SIL_TRY(note_open(note, l->has_key ? &l->key : NULL, what, &c, e));
    if (c.size > l->edge.size)
        return err_set(e, SIL_FORMAT, "%s in %s was signed over %llu entries, but only %llu are here; restore the rest",
                       what, l->disk.root, (unsigned long long)c.size, (unsigned long long)l->edge.size);
    SIL_TRY(tree_root(log_nodes(&n), c.size, root, e));
    if (memcmp(root, c.root, sizeof root) != 0)
        return err_set(e, SIL_FORMAT,
                       "%s in %s was signed over other entries than are here: sillok audit verify says where", what,
                       l->disk.root);
    return SIL_OK;
}

/* A checkpoint that others have seen is in the tree. One that is no checkpoint was torn by a crash and comes anew. */
static sil_err check_published(struct ledger *l, struct str note, struct sil_error *e) {
    struct checkpoint c;
    if (note_open(note, l->has_key ? &l->key : NULL, "the checkpoint", &c, NULL) != SIL_OK) return SIL_OK;
    return check_root(l, note, "the checkpoint", e);
}

static sil_err load_both(struct ledger *l, struct buf *journal, struct buf *public, bool *fresh, struct sil_error *e) {
    bool journaled = false, published = false;
    /* What is published first: the journal that is read after it has all of it, also while somebody writes. */
    SIL_TRY(disk_read(&l->disk, "checkpoint", public, &published, e));
    /* An auditor need not be let into the journal, which holds transcripts: what is published is there without it. */
    if (l->writes || !disk_closed(&l->disk, "journal")) SIL_TRY(disk_read(&l->disk, "journal", journal, &journaled, e));
    *fresh = !journaled && !published;
    if (*fresh) return SIL_OK;
    if (journaled) {
        SIL_TRY(load_journal(l, buf_view(journal), e));
        SIL_TRY(check_root(l, buf_view(&l->note), "the journal's checkpoint", e));
        return published ? check_published(l, buf_view(public), e) : SIL_OK;
    }
    if (buf_str(&l->note, buf_view(public)) != SIL_OK) return err_nomem(e, "a checkpoint", public->n);
    SIL_TRY(load_public(l, e));
    return check_root(l, buf_view(&l->note), "the checkpoint", e);
}

sil_err log_load(struct ledger *l, bool *fresh, struct sil_error *e) {
    struct buf journal, public;
    buf_init(&journal, l->mem, JOURNAL_BYTES_MAX);
    buf_init(&public, l->mem, LEDGER_NOTE_BYTES);
    sil_err err = load_both(l, &journal, &public, fresh, e);
    buf_free(&public);
    buf_free(&journal);
    return err;
}
