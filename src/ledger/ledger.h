/* ledger: the record of answers. Every answer is one entry, a leaf of an RFC 6962 tree (SHA-256) that only grows; a
 * commit makes a group of entries durable and signs a checkpoint over all of them; a receipt proves to anyone who has
 * the public key that an entry is in the signed tree. docs/record.md is the specification: entries, receipts, files.
 *
 * Data flow of a server: an answer ends -> ledger_append -> ledger_commit (one fsync for all appended) ->
 * ledger_receipt for each -> the answers are finished towards their clients. struct ledger_writer does this in a thread
 * of its own.
 *
 * Threads: a struct ledger belongs to one thread at a time, and its directory to one process (a lock). A ledger_writer
 * may be given answers from any thread. Nothing here prints or reads a clock. */
#ifndef SIL_LEDGER_LEDGER_H
#define SIL_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sillok.h"

enum {
    LEDGER_HASH = 32,                /* bytes of a SHA-256 digest */
    LEDGER_SALT = 32,                /* bytes of the salt of one entry */
    LEDGER_NAME = 129,               /* room for a name, its NUL included */
    LEDGER_WORD = 33,                /* room for a short word, its NUL included */
    LEDGER_VERSION = 1,              /* of the entry's form */
    LEDGER_ENTRY_BYTES = 4096,       /* an encoded entry is shorter */
    LEDGER_IDS_MAX = 1 << 20,        /* token ids of one answer, in and out each */
    LEDGER_TEXT_MAX = 8 << 20,       /* bytes of text of one answer, prompt and answer each */
    LEDGER_BATCH_ENTRIES = 4096,     /* appended entries that one commit takes */
    LEDGER_BATCH_BYTES = 64 << 20,   /* and their bytes, transcripts included */
    LEDGER_NOTE_BYTES = 128 << 10,   /* a checkpoint, signatures included, is shorter */
    LEDGER_RECEIPT_BYTES = 256 << 10 /* a receipt is shorter */
};

/* ---- keys ---- */

/* An Ed25519 key that signs checkpoints. `name` is the log's origin too: a schema-less URL such as
 * "sillok.example.go.kr/log1", without spaces and plus signs. */
struct ledger_key {
    char name[LEDGER_NAME];
    uint8_t public_key[32], seed[32];
    uint32_t id; /* SHA-256(name, newline, 1, public key), the first 32 bits */
};

enum { LEDGER_VKEY = LEDGER_NAME + 64 };

/* Makes a key from 32 random bytes. SIL_ARG for a name that is none. */
sil_err ledger_key_make(const char *name, const uint8_t seed[32], struct ledger_key *out, struct sil_error *e);
/* The public half as the C2SP verifier key "name+hash+key", NUL-terminated. */
void ledger_key_public(const struct ledger_key *k, char out[LEDGER_VKEY]);
/* Reads a verifier key; the seed is zero. SIL_FORMAT, SIL_UNSUPPORTED (not Ed25519). */
sil_err ledger_key_verifier(struct str text, struct ledger_key *out, struct sil_error *e);
/* A key file (mode 0600) in the C2SP form "PRIVATE+KEY+name+hash+key". Load refuses one that others may read. Save does
 * not replace a file that is there. */
sil_err ledger_key_save(const char *path, const struct ledger_key *k, struct sil_error *e);
sil_err ledger_key_load(const char *path, struct ledger_key *out, struct sil_error *e);
/* For a server's first start: loads the key at `path`, or makes one named `name` from the system's randomness and saves
 * it there, and the verifier key as path ".pub" (*made says so, unless NULL). */
sil_err ledger_key_load_or_make(const char *path, const char *name, struct ledger_key *out, bool *made,
                                struct sil_error *e);

/* ---- entries ---- */

/* What is kept beside an entry, outside of the tree. A transcript can be erased; the tree stays provable. */
enum ledger_keep {
    LEDGER_KEEP_NONE, /* nothing, not even the salt: only who has the receipt's salt can open the digests */
    LEDGER_KEEP_IDS,  /* salt, token ids, logit bias: what a replay needs */
    LEDGER_KEEP_TEXT  /* and the prompt's and answer's text */
};

/* One answer in the record. Names are UTF-8 without control characters. The caller of ledger_append fills the first
 * group; digests and counts are filled from the token ids. */
struct ledger_entry {
    uint64_t time_ms;             /* when the answer ended: milliseconds since 1970 UTC, below 2^53 */
    char tenant[LEDGER_NAME];     /* who asked; an opaque name is best, since logs are shown to others */
    char request[LEDGER_NAME];    /* the request's id */
    uint32_t choice;              /* which of several parallel answers to the request */
    char model[SIL_DIGEST];       /* sil_model_digest */
    char tokenizer[SIL_DIGEST];   /* 64 hexadecimal digits, or "" */
    char profile[LEDGER_WORD];    /* sil_engine_profile */
    struct sil_sampling sampling; /* bias: hashed into bias_digest; NULL in a decoded entry */
    char finish[LEDGER_WORD];     /* why it ended: "stop", "length", ...; letters, digits, '_' */
    char software[LEDGER_WORD];   /* "sillok 0.1.0" */
    int64_t energy_mj;            /* millijoules, below 2^53; negative: not measured */

    uint32_t n_in, n_out;                                    /* token ids of the prompt, and those drawn */
    uint8_t in_digest[LEDGER_HASH], out_digest[LEDGER_HASH]; /* salted: ledger_ids_digest */
    enum ledger_keep keep;                                   /* whether there is, or was, a transcript beside it */
    uint32_t n_bias;
    uint8_t bias_digest[LEDGER_HASH]; /* of the logit bias, when n_bias > 0 */
};

enum ledger_part { LEDGER_IN, LEDGER_OUT };

/* SHA-256(salt, "in\n" or "out\n", ids as little-endian 32-bit words). Without the salt it tells nothing of the ids. */
void ledger_ids_digest(const uint8_t salt[LEDGER_SALT], enum ledger_part part, const uint32_t *ids, size_t n,
                       uint8_t out[LEDGER_HASH]);
/* SHA-256(salt, "bias\n", token and binary32 bits of each bias as little-endian 32-bit words). */
void ledger_bias_digest(const uint8_t salt[LEDGER_SALT], const struct sil_bias *bias, size_t n,
                        uint8_t out[LEDGER_HASH]);

/* The canonical form: one line of JSON, the same bytes for the same entry. Appends to b. SIL_ARG names a field that is
 * out of its range. */
sil_err ledger_entry_encode(const struct ledger_entry *entry, struct buf *b, struct sil_error *e);
/* Reads exactly what ledger_entry_encode writes, and nothing else. SIL_FORMAT, SIL_UNSUPPORTED (another version). */
sil_err ledger_entry_decode(struct str text, struct ledger_entry *out, struct sil_error *e);

/* ---- answers ---- */

/* "none", "ids" or "text"; SIL_ARG for another word. */
sil_err ledger_keep_parse(struct str word, enum ledger_keep *out, struct sil_error *e);

/* An answer handed to the record. Everything is the caller's and is copied. */
struct ledger_answer {
    struct ledger_entry entry; /* its first group */
    const uint32_t *in, *out;  /* the prompt's ids, and all ids drawn, the one that ended the answer included */
    uint32_t n_in, n_out;      /* at most LEDGER_IDS_MAX each */
    enum ledger_keep keep;
    struct str prompt, text; /* for LEDGER_KEEP_TEXT: UTF-8, at most LEDGER_TEXT_MAX each */
};

/* ---- the log ---- */

struct ledger;

/* Where I/O can be made to fail, and randomness be chosen, by tests. */
struct ledger_hooks {
    /* Called before each operation that changes a file ("write", "sync", "rename", ...) with its path; returns 0 or an
     * errno to fail with instead. NULL: none. */
    int (*fault)(void *ctx, const char *operation, const char *path);
    /* Fills p[n] with random bytes for salts. NULL: the system's. */
    void (*random)(void *ctx, void *p, size_t n);
    void *ctx;
};

struct ledger_config {
    const char *dir;              /* made when it is not there; its parent must be */
    const struct ledger_key *key; /* copied */
    struct mem mem;
    struct ledger_hooks hooks; /* zero outside of tests */
};

/* Opens a log, or begins one in an empty or new directory; what a crash left half done is repaired: entries that were
 * committed are there, others are gone. SIL_IO (also: another process has it), SIL_FORMAT with file and place when
 * committed entries are damaged or missing (nothing is changed then), SIL_ARG when the key is not this log's. */
sil_err ledger_open(const struct ledger_config *c, struct ledger **out, struct sil_error *e);
/* Whether another process has it open for writing just now: a server that runs. */
bool ledger_in_use(const char *dir);
/* Publishes what is committed, drops what is not, and gives back the lock. NULL is allowed. */
void ledger_close(struct ledger *l);

/* Where an answer will be in the log once it is committed. */
struct ledger_ticket {
    uint64_t index;
    uint8_t salt[LEDGER_SALT]; /* opens the digests; goes into the client's receipt */
};

/* Adds an answer to the group that the next commit makes durable. SIL_LIMIT when the group is full (commit first; one
 * answer alone always fits), SIL_ARG (a field out of range), SIL_NOMEM; the group is then as before. */
sil_err ledger_append(struct ledger *l, const struct ledger_answer *a, struct ledger_ticket *out, struct sil_error *e);

/* Makes the group durable: on SIL_OK every entry of it survives a crash of process and machine. On failure (SIL_IO:
 * disk full, device error; SIL_NOMEM) none of the group is in the record, its tickets are void, and the next commit
 * begins by repairing the files, so that the log goes on as soon as it can be written again. An empty group is fine;
 * it tries the repair when one is due. */
sil_err ledger_commit(struct ledger *l, struct sil_error *e);

/* Brings the files that others read (checkpoint, tiles, transcripts) to the last commit. Commits do it themselves for
 * full tiles; a server calls this when idle and at least every second. A failure loses nothing. */
sil_err ledger_publish(struct ledger *l, struct sil_error *e);

/* Entries that are committed. */
uint64_t ledger_size(const struct ledger *l);
/* The signed checkpoint over them; valid until the next commit. */
struct str ledger_checkpoint(const struct ledger *l);

/* Appends the receipt of a committed entry to out: a c2sp.org/tlog-proof@v1 with the newest checkpoint, whose extra
 * line holds the entry and, unless it is NULL, the salt. About 1.5 kB of text. SIL_ARG for an index that is not there.
 */
sil_err ledger_receipt(struct ledger *l, uint64_t index, const uint8_t salt[LEDGER_SALT], struct buf *out,
                       struct sil_error *e);

/* Overwrites an entry's transcript with zeros, durably; *had says whether there was one. The entry stays. On failure,
 * or when a crash comes in between, it is kept or erased, and in the second case the rest follows with the next
 * opening. */
sil_err ledger_erase(struct ledger *l, uint64_t index, bool *had, struct sil_error *e);

/* ---- a writer in a thread of its own ---- */

struct ledger_writer;

/* What became of an answer. Called once for each submitted answer, in order of submission, from the writer's thread;
 * must not block. err == SIL_OK: index and receipt (NUL-terminated, valid during the call) are set; otherwise error has
 * the words, and the answer is not in the record. */
struct ledger_outcome {
    sil_err err;
    uint64_t index;
    struct str receipt;
    const struct sil_error *error;
};
typedef void ledger_done(void *ctx, const struct ledger_outcome *outcome);

struct ledger_writer_config {
    uint32_t max_queue;  /* answers waiting; 0: 4096 */
    uint32_t publish_ms; /* how far what others read may lag; 0: 1000 */
    struct mem mem;
};

struct ledger_writer_stats {
    uint64_t entries, commits, failures; /* failures: commits that failed */
    uint64_t sync_ns;                    /* spent in commits */
    uint64_t cpu_ns;                     /* processor time of the thread, as of its last commit */
    uint32_t waiting;
    bool failing; /* the last commit failed: answer 503 until it is false again. An idle writer tries every second */
};

/* Starts the thread; the ledger is the writer's until ledger_writer_stop. */
sil_err ledger_writer_start(struct ledger *l, const struct ledger_writer_config *c, struct ledger_writer **out,
                            struct sil_error *e);
/* From any thread. Copies the answer. SIL_LIMIT when the queue is full, SIL_NOMEM; `done` is then not called. */
sil_err ledger_writer_submit(struct ledger_writer *w, const struct ledger_answer *a, ledger_done *done, void *ctx,
                             struct sil_error *e);
/* ledger_erase between two commits: from any thread, which waits until it is done. SIL_LIMIT when too many wait. */
sil_err ledger_writer_erase(struct ledger_writer *w, uint64_t index, bool *had, struct sil_error *e);
void ledger_writer_stats(struct ledger_writer *w, struct ledger_writer_stats *out);
/* Commits what waits, calls what is owed, ends the thread. NULL is allowed. */
void ledger_writer_stop(struct ledger_writer *w);

#endif
