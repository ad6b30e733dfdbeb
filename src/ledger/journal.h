/* journal: the one file that a commit waits for. It begins with the state of the tree and goes on with a record for
 * each commit; what is in it is in the log, whether or not tiles and checkpoint were written for others to read.
 *
 *   0  "SILLOKJ1"; 16 random bytes, the nonce
 *  24  records: "SJR1"; u32 kind (1 state, 2 commit); u64 bytes of the payload; payload;
 *      SHA-256(nonce, everything of the record before this)
 *
 * Payload, little-endian: u64 index of its first entry; u32 number of entries; in a state, u64 durable bytes of the
 * file of transcripts that goes on, and for the levels 1 to 7 the hashes of the tile at the right edge; for each entry
 * its 16-bit big-endian length and bytes, u32 length and bytes of its transcript; u32 length and bytes of the signed
 * checkpoint behind it. The first record is the only state; it begins with the first entry of the tile that is not
 * full. The nonce keeps what users wrote from looking like a record. */
#ifndef SIL_LEDGER_JOURNAL_H
#define SIL_LEDGER_JOURNAL_H

#include "ledger/tree.h"

enum {
    JOURNAL_NONCE = 16,
    JOURNAL_HEAD = 8 + JOURNAL_NONCE,
    JOURNAL_RECORD = 16,
    JOURNAL_STATE = 1,
    JOURNAL_COMMIT = 2,
    JOURNAL_BYTES_MAX = 512 << 20 /* larger is no journal of ours */
};

/* Appends the header. */
sil_err journal_head(struct buf *b, const uint8_t nonce[JOURNAL_NONCE]);

/* A record under construction in a buffer, from b->n at journal_begin. */
sil_err journal_begin(struct buf *b, uint64_t first);
sil_err journal_entry(struct buf *b, struct str entry, struct str transcript);
/* Completes the record that began at `at` with n entries. */
sil_err journal_end(struct buf *b, size_t at, uint32_t kind, uint32_t n, struct str note,
                    const uint8_t nonce[JOURNAL_NONCE]);

/* Called as a journal is read; each may refuse. */
struct journal_sink {
    /* hashes: those of a state, lowest level first; kept: bytes of the file of transcripts. */
    sil_err (*state)(void *ctx, uint64_t first, uint64_t kept, const uint8_t *hashes, struct sil_error *e);
    sil_err (*entry)(void *ctx, uint64_t index, struct str entry, struct str transcript, struct sil_error *e);
    sil_err (*note)(void *ctx, uint64_t size, struct str note, struct sil_error *e);
    void *ctx;
};

/* Reads a whole journal. A last record that was not finished is left out: *good is where it begins, otherwise the end.
 * SIL_FORMAT for damage that no crash explains. */
sil_err journal_read(struct str file, struct journal_sink sink, uint8_t nonce[JOURNAL_NONCE], size_t *good,
                     struct sil_error *e);

#endif
