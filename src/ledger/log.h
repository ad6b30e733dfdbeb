/* log: the state of an open log, shared by the files of this module that work on it. */
#ifndef SIL_LEDGER_LOG_H
#define SIL_LEDGER_LOG_H

#include "ledger/disk.h"
#include "ledger/journal.h"
#include "ledger/note.h"
#include "ledger/transcript.h"
#include "ledger/tree.h"

enum {
    LOG_CACHE = 4,
    LOG_ROTATE_BYTES = 4 << 20,  /* a journal that is longer begins anew when everything is published */
    LOG_UNSENT_BYTES = 16 << 20, /* transcripts in memory that make a commit publish */
    LOG_UNSENT_MAX = 256 << 20,
    LOG_RECENT_MAX = 64 << 20
};

/* A full tile that is not in its file yet. */
struct full_tile {
    struct full_tile *next;
    uint32_t level;
    uint64_t index;
    struct tile tile;
};

struct cached_tile {
    bool used;
    uint32_t level;
    uint64_t index;
    struct tile tile;
};

struct ledger {
    struct mem mem;
    struct disk disk;
    struct ledger_key key;
    bool has_key, writes;

    struct edge edge; /* of what is committed */
    struct buf note;  /* and its signed checkpoint */
    struct edge next; /* scratch of a commit */
    struct buf next_note;

    /* The entries from recent_first on, as in a bundle; recent_at[i] is where entry recent_first + i begins. */
    uint64_t recent_first;
    struct buf recent;
    size_t *recent_at;
    size_t n_recent, cap_recent;

    struct full_tile *full, **full_end; /* oldest first */
    struct cached_tile *cache;          /* LOG_CACHE of them, the one used last in front */
    struct buf bundle;                  /* the full one that was read last; empty: none */
    uint64_t bundle_index;

    struct buf batch; /* the record of the next commit */
    uint32_t n_batch;
    struct buf body; /* scratch: a transcript */

    int journal; /* -1 while there is none */
    uint64_t journal_bytes;
    uint8_t nonce[JOURNAL_NONCE];
    bool torn; /* the journal has to begin anew before anything is added to it */

    /* Transcripts: records not in their file yet; the file that goes on and its good length; where syncing is due. */
    struct buf unsent;
    size_t unsent_at;
    uint64_t segment, segment_bytes, segment_dirty;

    bool published_any; /* since opening */
    uint64_t published; /* size of the checkpoint that others see */
};

/* Reads what the directory has: from the journal, or where there is none from checkpoint and tiles. *fresh: there is
 * nothing. Checks the root against the last checkpoint, and its signature when there is a key. */
sil_err log_load(struct ledger *l, bool *fresh, struct sil_error *e);

struct ledger *log_new(struct mem mem, struct sil_error *e);
void log_free(struct ledger *l);

/* Where the tree's complete nodes are: in an edge, in full tiles waiting, in files. */
struct log_nodes {
    struct ledger *l;
    const struct edge *edge;
};
struct tree_nodes log_nodes(struct log_nodes *n);

/* Adds an entry behind the recent ones. */
sil_err log_recent_add(struct ledger *l, struct str entry);
/* Room for so many more entries and bytes, so that log_recent_add cannot fail. */
sil_err log_recent_reserve(struct ledger *l, size_t n, size_t bytes);
/* The bundle bytes of the recent entries [from, to). */
struct str log_recent_bytes(const struct ledger *l, uint64_t from, uint64_t to);
/* Forgets recent entries below `first`. */
void log_recent_drop(struct ledger *l, uint64_t first);

/* Begins the journal anew; everything committed has been published. */
sil_err log_rotate(struct ledger *l, struct sil_error *e);
/* Publishes, and rotates when a repair is due or `always`. */
sil_err log_settle(struct ledger *l, bool always, struct sil_error *e);
/* Keeps a tile for proofs. */
void log_cache_put(struct ledger *l, uint32_t level, uint64_t index, const struct tile *t);
/* An entry of a log that is open for reading or writing, appended to out. SIL_ARG when there is none. */
sil_err log_entry(struct ledger *l, uint64_t index, struct buf *out, struct sil_error *e);

/* keep.c: which entry is just being erased, if one is; *there is false for a file that says no number. */
sil_err keep_erasing(const struct disk *d, struct mem mem, bool *there, uint64_t *index, struct sil_error *e);
/* Finishes what a crash interrupted. Everything committed has been published. */
sil_err keep_finish(struct ledger *l, struct sil_error *e);

void log_random(const struct ledger *l, void *p, size_t n);

#endif
