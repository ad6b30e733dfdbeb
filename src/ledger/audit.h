/* audit: reading and checking a record that somebody else wrote. Needs no secret, changes nothing, and works while a
 * server writes. Everything read is treated as hostile. */
#ifndef SIL_LEDGER_AUDIT_H
#define SIL_LEDGER_AUDIT_H

#include "ledger/log.h"

/* ---- receipts ---- */

struct receipt {
    struct ledger_entry entry;
    char text[LEDGER_ENTRY_BYTES]; /* the entry as it is in the tree */
    size_t n_text;
    bool has_salt;
    uint8_t salt[LEDGER_SALT];
    uint64_t index;
    uint8_t path[TREE_PATH_MAX][LEDGER_HASH];
    uint32_t n_path;
    struct checkpoint checkpoint;
    struct str note; /* the signed checkpoint, a part of the input */
};

/* Reads a receipt and checks that its entry is in the tree of its checkpoint, which k signed (NULL: the signature is
 * not checked). SIL_FORMAT says what is wrong. */
sil_err receipt_open(struct str text, const struct ledger_key *k, struct receipt *out, struct sil_error *e);

/* ---- looking into a log ---- */

/* Opens a log for reading as it is now; k == NULL: the checkpoint's signature is not checked. Of the functions of
 * ledger.h it takes ledger_size, ledger_checkpoint, ledger_receipt and ledger_close. SIL_ARG: there is no log. */
sil_err audit_open(const char *dir, const struct ledger_key *k, struct mem mem, struct ledger **out,
                   struct sil_error *e);

enum audit_kept { AUDIT_NONE, AUDIT_THERE, AUDIT_ERASED };

/* The transcript of an entry: its body appended to b when there is one. SIL_FORMAT when it is damaged. */
sil_err audit_transcript(struct ledger *l, uint64_t index, struct buf *b, enum audit_kept *kept, struct sil_error *e);

/* An entry, decoded; its text appended to b. */
sil_err audit_entry(struct ledger *l, uint64_t index, struct buf *b, struct ledger_entry *out, struct sil_error *e);
/* Whether a name is of the entry's request: "req_628b..." and "chatcmpl-628b..." are of one. */
bool audit_is_request(const struct ledger_entry *entry, const char *id);
/* The entry that a user means: its number, or the id of its request or answer, of which the newest entry counts.
 * SIL_ARG when there is none. */
sil_err audit_find(struct ledger *l, const char *text, uint64_t *out, struct sil_error *e);
/* An entry's transcript: its body in b, taken apart in t. SIL_ARG when none is kept. */
sil_err audit_body(struct ledger *l, uint64_t index, struct buf *b, struct transcript *t, struct sil_error *e);

/* ---- checking all of it ---- */

enum { AUDIT_FINDINGS_MAX = 20 };

struct audit_report {
    uint64_t size;                        /* entries of the newest checkpoint, all of which were checked */
    uint64_t published;                   /* of the checkpoint that others see */
    uint64_t transcripts, erased, absent; /* of those entries that should have one: there, erased, neither */
    uint64_t first_ms, last_ms;           /* the earliest and latest time of an entry */
    uint64_t findings;
    /* Called for the first AUDIT_FINDINGS_MAX findings with what is wrong, where, and what to do. */
    void (*finding)(void *ctx, const char *text);
    void *ctx;
};

/* Checks signature, tree, every entry, every tile, journal and transcripts against the key. Fills r; SIL_OK when all
 * could be read, whatever was found (r->findings counts); an error only when the log cannot be checked at all (no
 * such directory, no memory). */
sil_err audit_verify(const char *dir, const struct ledger_key *k, struct mem mem, struct audit_report *r,
                     struct sil_error *e);

/* Whether a checkpoint that somebody kept (text: a checkpoint or a receipt) is the beginning of this log. SIL_FORMAT:
 * it is not: entries were changed or dropped since. *size: how many entries it covers. */
sil_err audit_against(struct ledger *l, const struct ledger_key *k, struct str text, uint64_t *size,
                      struct sil_error *e);

#endif
