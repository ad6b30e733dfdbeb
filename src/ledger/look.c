/* look: finding entries of a log that is open for reading, and what is kept beside them. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "ledger/audit.h"

sil_err audit_entry(struct ledger *l, uint64_t index, struct buf *b, struct ledger_entry *out, struct sil_error *e) {
    size_t at = b->n;
    SIL_TRY(log_entry(l, index, b, e));
    return ledger_entry_decode((struct str){b->p + at, b->n - at}, out, e);
}

/* An id without what stands before it. */
static const char *bare(const char *id) {
    size_t n = strcspn(id, "_-");
    return id[n] ? id + n + 1 : id;
}

bool audit_is_request(const struct ledger_entry *entry, const char *id) {
    return strcmp(bare(entry->request), bare(id)) == 0;
}

sil_err audit_find(struct ledger *l, const char *text, uint64_t *out, struct sil_error *e) {
    struct buf b;
    sil_err err = SIL_OK;
    if (note_number(str_of(text), out)) return SIL_OK;
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    for (uint64_t i = ledger_size(l); err == SIL_OK && i-- > 0;) {
        struct ledger_entry entry;
        buf_clear(&b);
        err = log_entry(l, i, &b, e);
        if (err != SIL_OK || ledger_entry_decode(buf_view(&b), &entry, NULL) != SIL_OK) continue;
        if (!audit_is_request(&entry, text)) continue;
        *out = i;
        buf_free(&b);
        return SIL_OK;
    }
    buf_free(&b);
    if (err != SIL_OK) return err;
    return err_set(e, SIL_ARG, "no entry of the log is called \"%s\": give its number or its request's id", text);
}

sil_err audit_body(struct ledger *l, uint64_t index, struct buf *b, struct transcript *t, struct sil_error *e) {
    enum audit_kept kept = AUDIT_NONE;
    SIL_TRY(audit_transcript(l, index, b, &kept, e));
    if (kept == AUDIT_ERASED)
        return err_set(e, SIL_ARG, "the transcript of entry %" PRIu64 " was erased; its entry remains", index);
    if (kept == AUDIT_NONE) return err_set(e, SIL_ARG, "no transcript of entry %" PRIu64 " is here", index);
    return transcript_decode(buf_view(b), t, e);
}
