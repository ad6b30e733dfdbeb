/* transcript: what is kept beside the tree for replays, 256 entries to a file, in order of their index:
 *
 *   "SJT1"; u32 state (1 there, 0 erased); u64 index; u64 bytes of the body; SHA-256 of the body; body
 *
 * The body, little-endian: salt (32 bytes); u32 counts of ids in, ids out, biases, bytes of prompt text, bytes of
 * answer text; ids in; ids out; token and binary32 bits of each bias; the texts. An erased one has zeros for digest and
 * body. */
#ifndef SIL_LEDGER_TRANSCRIPT_H
#define SIL_LEDGER_TRANSCRIPT_H

#include "ledger/bytes.h"
#include "ledger/disk.h"
#include "ledger/tree.h"

enum { TRANSCRIPT_HEAD = 56, TRANSCRIPT_FILE_MAX = 1 << 30 };

/* A body, taken apart; points into the body's bytes. Ids are read with get_u32. */
struct transcript {
    const uint8_t *salt, *in, *out, *bias; /* 32 bytes; 4 for each id; 8 for each bias */
    uint32_t n_in, n_out, n_bias;
    struct str prompt, text;
};

/* Appends the body of an answer's transcript; nothing for LEDGER_KEEP_NONE. Only SIL_LIMIT or SIL_NOMEM of the buffer.
 */
sil_err transcript_encode(const struct ledger_answer *a, const uint8_t salt[LEDGER_SALT], struct buf *b);
/* SIL_FORMAT unless the bytes are exactly one body. */
sil_err transcript_decode(struct str body, struct transcript *out, struct sil_error *e);
enum { TRANSCRIPT_IN = 1, TRANSCRIPT_OUT = 2, TRANSCRIPT_BIAS = 4 };
/* Which parts are not those that the entry has digests of; 0: all are. */
unsigned transcript_differs(const struct transcript *t, const struct ledger_entry *entry);
/* Whether ids and bias are those that the entry has digests of; *what names the part that is not. */
bool transcript_matches(const struct transcript *t, const struct ledger_entry *entry, const char **what);

/* One record of a file of transcripts. */
struct transcript_record {
    uint64_t index;
    bool erased;
    bool sound; /* the digest is right; of an erased one, that all is zero */
    struct str body;
    size_t at, bytes; /* of the record in the file */
};

/* The record at byte `at` of a file. *done at its end. SIL_FORMAT where no whole record is. */
sil_err transcript_next(struct str file, size_t at, struct transcript_record *out, bool *done, struct sil_error *e);
/* Appends a record. */
sil_err transcript_record(struct buf *b, uint64_t index, struct str body);

/* The file that holds an entry's transcript. */
void transcript_path(uint64_t index, char out[TILE_PATH]);

#endif
