/* log: opening, appending, committing. */
#include "ledger/log.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"

void log_random(const struct ledger *l, void *p, size_t n) {
    if (l->disk.hooks.random) l->disk.hooks.random(l->disk.hooks.ctx, p, n);
    else randombytes_buf(p, n);
}

/* ---- opening and closing ---- */

struct ledger *log_new(struct mem mem, struct sil_error *e) {
    struct ledger *l = sodium_init() >= 0 ? mem_array(mem, 1, sizeof *l) : NULL;
    struct cached_tile *cache = l ? mem_array(mem, LOG_CACHE, sizeof *cache) : NULL;
    if (!cache) {
        mem_free(mem, l);
        (void)err_nomem(e, "a log", sizeof *l + LOG_CACHE * sizeof *cache);
        return NULL;
    }
    l->mem = mem;
    l->cache = cache;
    l->disk.lock = l->journal = -1;
    l->full_end = &l->full;
    buf_init(&l->note, mem, LEDGER_NOTE_BYTES);
    buf_init(&l->next_note, mem, LEDGER_NOTE_BYTES);
    buf_init(&l->recent, mem, JOURNAL_BYTES_MAX);
    buf_init(&l->bundle, mem, (size_t)TILE_WIDTH * (LEDGER_ENTRY_BYTES + 2));
    buf_init(&l->batch, mem, LEDGER_BATCH_BYTES + LEDGER_NOTE_BYTES);
    buf_init(&l->body, mem, LEDGER_BATCH_BYTES);
    buf_init(&l->unsent, mem, JOURNAL_BYTES_MAX);
    return l;
}

static void free_full(struct ledger *l, struct full_tile *f) {
    while (f) {
        struct full_tile *next = f->next;
        mem_free(l->mem, f);
        f = next;
    }
}

void log_free(struct ledger *l) {
    if (!l) return;
    struct mem mem = l->mem;
    if (l->journal >= 0) close(l->journal);
    free_full(l, l->full);
    buf_free(&l->unsent);
    buf_free(&l->body);
    buf_free(&l->batch);
    buf_free(&l->bundle);
    buf_free(&l->recent);
    buf_free(&l->next_note);
    buf_free(&l->note);
    mem_free(mem, l->recent_at);
    mem_free(mem, l->cache);
    disk_close(&l->disk);
    sodium_memzero(&l->key, sizeof l->key);
    mem_free(mem, l);
}

static sil_err sign(struct ledger *l, const struct edge *edge, struct buf *out, struct sil_error *e) {
    struct log_nodes n = {l, edge};
    uint8_t root[LEDGER_HASH];
    SIL_TRY(tree_root(log_nodes(&n), edge->size, root, e));
    buf_clear(out);
    return note_sign(&l->key, edge->size, root, out, e);
}

static sil_err open_log(struct ledger *l, const struct ledger_config *c, struct sil_error *e) {
    bool fresh = false;
    SIL_TRY(disk_open(&l->disk, c->dir, c->hooks, e));
    SIL_TRY(log_load(l, &fresh, e));
    if (fresh) {
        SIL_TRY(sign(l, &l->edge, &l->note, e));
        SIL_TRY(log_rotate(l, e)); /* first of all, since without a journal a checkpoint would be taken for the log */
        return log_settle(l, false, e);
    }
    /* All is there; what a crash left half done is written anew. A disk that is full now can do that later. */
    l->torn = true;
    sil_err err = log_settle(l, true, e);
    if (err == SIL_OK) err = keep_finish(l, e);
    return err == SIL_IO ? SIL_OK : err;
}

sil_err ledger_open(const struct ledger_config *c, struct ledger **out, struct sil_error *e) {
    struct ledger *l = log_new(c->mem, e);
    if (!l) return SIL_NOMEM;
    l->key = *c->key;
    l->has_key = l->writes = true;
    sil_err err = open_log(l, c, e);
    if (err != SIL_OK) log_free(l);
    else *out = l;
    return err;
}

void ledger_close(struct ledger *l) {
    if (!l) return;
    if (l->writes) (void)log_settle(l, true, NULL); /* what is committed is in the journal either way */
    log_free(l);
}

/* ---- appending ---- */

static sil_err check_answer(const struct ledger_answer *a, struct sil_error *e) {
    if (a->n_in > LEDGER_IDS_MAX || a->n_out > LEDGER_IDS_MAX)
        return err_set(e, SIL_LIMIT, "an answer of %u and %u token ids is too long for the record (%d)", a->n_in,
                       a->n_out, LEDGER_IDS_MAX);
    if (a->entry.sampling.n_bias > LEDGER_IDS_MAX) return err_set(e, SIL_LIMIT, "too many logit biases for the record");
    if (a->keep == LEDGER_KEEP_TEXT && (a->prompt.n > LEDGER_TEXT_MAX || a->text.n > LEDGER_TEXT_MAX))
        return err_set(e, SIL_LIMIT, "a text of more than %d bytes is too long for the record", LEDGER_TEXT_MAX);
    return SIL_OK;
}

static sil_err seal(const struct ledger_answer *a, const uint8_t salt[LEDGER_SALT], struct buf *out,
                    struct sil_error *e) {
    struct ledger_entry t = a->entry;
    t.keep = a->keep;
    t.n_in = a->n_in;
    t.n_out = a->n_out;
    t.n_bias = t.sampling.n_bias;
    ledger_ids_digest(salt, LEDGER_IN, a->in, a->n_in, t.in_digest);
    ledger_ids_digest(salt, LEDGER_OUT, a->out, a->n_out, t.out_digest);
    if (t.n_bias) ledger_bias_digest(salt, t.sampling.bias, t.n_bias, t.bias_digest);
    return ledger_entry_encode(&t, out, e);
}

sil_err ledger_append(struct ledger *l, const struct ledger_answer *a, struct ledger_ticket *out, struct sil_error *e) {
    assert(l->writes);
    SIL_TRY(check_answer(a, e));
    if (l->n_batch == LEDGER_BATCH_ENTRIES) return err_set(e, SIL_LIMIT, "the group is full; commit it first");
    struct ledger_ticket ticket = {.index = l->edge.size + l->n_batch};
    log_random(l, ticket.salt, sizeof ticket.salt);
    buf_clear(&l->body);
    SIL_TRY(seal(a, ticket.salt, &l->body, e));
    size_t n_entry = l->body.n;
    if (transcript_encode(a, ticket.salt, &l->body) != SIL_OK) return err_nomem(e, "a transcript", l->body.n);
    if (l->n_batch && l->batch.n + l->body.n + 64 > LEDGER_BATCH_BYTES)
        return err_set(e, SIL_LIMIT, "the group is full; commit it first");
    if (l->batch.n == 0 && journal_begin(&l->batch, l->edge.size) != SIL_OK)
        return err_nomem(e, "a group of entries", l->batch.n);
    struct str entry = {l->body.p, n_entry}, transcript = {l->body.p + n_entry, l->body.n - n_entry};
    if (journal_entry(&l->batch, entry, transcript) != SIL_OK) return err_nomem(e, "a group of entries", l->batch.n);
    l->n_batch++;
    *out = ticket;
    return SIL_OK;
}

/* ---- committing ---- */

struct new_tiles {
    struct ledger *l;
    struct full_tile *first, **end;
};

static sil_err keep_new(void *ctx, uint32_t level, uint64_t index, const struct tile *t, struct sil_error *e) {
    struct new_tiles *n = ctx;
    struct full_tile *f = mem_alloc(n->l->mem, sizeof *f);
    if (!f) return err_nomem(e, "a tile", sizeof *f);
    f->next = NULL;
    f->level = level;
    f->index = index;
    f->tile = *t;
    *n->end = f;
    n->end = &f->next;
    return SIL_OK;
}

/* What the batch holds behind its head, entry by entry. */
static bool batch_next(struct bytes *b, struct str *entry, struct str *transcript) {
    uint32_t n;
    return bytes_entry(b, entry) && bytes_u32(b, &n) && bytes_str(b, n, transcript);
}

static struct bytes batch_entries(const struct ledger *l) {
    enum { HEAD = JOURNAL_RECORD + 12 };
    struct bytes b = bytes_of(buf_view(&l->batch));
    const uint8_t *head;
    bool ok = bytes_take(&b, HEAD, &head);
    assert(ok);
    return b;
}

/* Everything that can fail before the file is touched: the new edge, its checkpoint, room in memory. */
static sil_err prepare(struct ledger *l, struct new_tiles *tiles, struct sil_error *e) {
    struct bytes b = batch_entries(l);
    struct str entry, transcript;
    uint8_t leaf[LEDGER_HASH];
    size_t kept = 0;
    edge_copy(&l->next, &l->edge);
    for (uint32_t i = 0; i < l->n_batch; i++) {
        bool ok = batch_next(&b, &entry, &transcript);
        assert(ok);
        tree_leaf(entry, leaf);
        SIL_TRY(edge_push(&l->next, leaf, (struct edge_sink){keep_new, tiles}, e));
        if (transcript.n) kept += transcript.n + TRANSCRIPT_HEAD;
    }
    SIL_TRY(sign(l, &l->next, &l->next_note, e));
    if (log_recent_reserve(l, l->n_batch, l->batch.n) != SIL_OK || (kept && buf_reserve(&l->unsent, kept) != SIL_OK))
        return err_nomem(e, "a group of entries", l->batch.n);
    if (journal_end(&l->batch, 0, JOURNAL_COMMIT, l->n_batch, buf_view(&l->next_note), l->nonce) != SIL_OK)
        return err_nomem(e, "a group of entries", l->batch.n);
    return SIL_OK;
}

/* The group is durable: the state in memory follows. Cannot fail, since there is room. */
static void accept(struct ledger *l, struct new_tiles *tiles) {
    struct bytes b = batch_entries(l);
    struct str entry, transcript;
    uint64_t index = l->edge.size;
    for (uint32_t i = 0; i < l->n_batch; i++, index++) {
        bool ok = batch_next(&b, &entry, &transcript) && log_recent_add(l, entry) == SIL_OK;
        if (ok && transcript.n) ok = transcript_record(&l->unsent, index, transcript) == SIL_OK;
        assert(ok);
    }
    edge_copy(&l->edge, &l->next);
    struct buf note = l->note;
    l->note = l->next_note;
    l->next_note = note;
    l->journal_bytes += l->batch.n;
    if (tiles->first) {
        *l->full_end = tiles->first;
        l->full_end = tiles->end;
    }
}

static sil_err write_group(struct ledger *l, struct new_tiles *tiles, struct sil_error *e) {
    SIL_TRY(prepare(l, tiles, e));
    sil_err err = disk_write(&l->disk, "journal", l->journal, l->journal_bytes, buf_view(&l->batch), e);
    if (err == SIL_OK) err = disk_sync(&l->disk, "journal", l->journal, e);
    if (err != SIL_OK) { /* how much of it is on the disk nobody knows */
        (void)disk_cut(&l->disk, "journal", l->journal, l->journal_bytes, NULL);
        l->torn = true;
    }
    return err;
}

static void drop_batch(struct ledger *l) {
    enum { USUAL = 1 << 20 };
    if (l->batch.cap > USUAL) buf_free(&l->batch);
    buf_clear(&l->batch);
    if (l->body.cap > USUAL) buf_free(&l->body);
    l->n_batch = 0;
}

/* What an earlier failure left to do comes first; so no more than one group's tiles ever wait. */
static sil_err commit(struct ledger *l, struct new_tiles *tiles, struct sil_error *e) {
    if (l->torn || l->full || l->unsent.n > LOG_UNSENT_BYTES) SIL_TRY(log_settle(l, false, e));
    if (l->n_batch == 0) return SIL_OK;
    SIL_TRY(write_group(l, tiles, e));
    accept(l, tiles);
    tiles->first = NULL;
    bool due = l->full || l->unsent.n > LOG_UNSENT_BYTES || l->journal_bytes > LOG_ROTATE_BYTES;
    if (due) (void)log_settle(l, false, NULL); /* the group is durable whether or not this works */
    return SIL_OK;
}

sil_err ledger_commit(struct ledger *l, struct sil_error *e) {
    assert(l->writes);
    struct new_tiles tiles = {.l = l, .end = &tiles.first};
    sil_err err = commit(l, &tiles, e);
    free_full(l, tiles.first);
    drop_batch(l);
    return err;
}

uint64_t ledger_size(const struct ledger *l) {
    return l->edge.size;
}

struct str ledger_checkpoint(const struct ledger *l) {
    return buf_view(&l->note);
}
