/* note: C2SP signed notes, as far as checkpoints need them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint). */
#ifndef SIL_LEDGER_NOTE_H
#define SIL_LEDGER_NOTE_H

#include "ledger/ledger.h"

enum { NOTE_SIGNATURES_MAX = 64, NOTE_BASE64_HASH = 45 /* base64 of 32 bytes and a NUL */ };

struct checkpoint {
    char origin[LEDGER_NAME];
    uint64_t size;
    uint8_t root[LEDGER_HASH];
};

/* Appends the checkpoint of a tree, signed by k. */
sil_err note_sign(const struct ledger_key *k, uint64_t size, const uint8_t root[LEDGER_HASH], struct buf *out,
                  struct sil_error *e);

/* Reads a checkpoint and checks k's signature and that the origin is k's name; k == NULL reads it unchecked. Signatures
 * by others are ignored, as the format wants. SIL_FORMAT says what is wrong; `what` names the note in errors. */
sil_err note_open(struct str text, const struct ledger_key *k, const char *what, struct checkpoint *out,
                  struct sil_error *e);

/* Splits name+id+base64(1, 32 bytes) into out->name and, where a public key stands, the 32 bytes. The id is not
 * checked: it belongs to the public key, which the 32 bytes need not be. */
sil_err note_key_read(struct str text, struct ledger_key *out, uint32_t *id, struct sil_error *e);

/* Standard base64, padded, without stray bits, to at most max bytes; false for anything else. */
bool note_base64(struct str text, uint8_t *out, size_t max, size_t *n);
/* Standard base64 of 32 bytes, and back; false unless text is exactly that. */
void note_hash_text(const uint8_t hash[LEDGER_HASH], char out[NOTE_BASE64_HASH]);
bool note_hash_read(struct str text, uint8_t out[LEDGER_HASH]);

/* Takes the next line, without its newline, off *text; false when there is no whole line. */
bool note_line(struct str *text, struct str *line);
/* A decimal number without leading zeros. */
bool note_number(struct str text, uint64_t *out);

#endif
