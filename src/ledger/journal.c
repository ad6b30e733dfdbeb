#include "ledger/journal.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "ledger/bytes.h"

static const char file_magic[] = "SILLOKJ1", record_magic[] = "SJR1";

enum { AT_N = JOURNAL_RECORD + 8, ENTRIES_MAX = 1 << 20, LOOKS_MAX = 4096 };

/* ---- writing ---- */

sil_err journal_head(struct buf *b, const uint8_t nonce[JOURNAL_NONCE]) {
    SIL_TRY(buf_put(b, file_magic, 8));
    return buf_put(b, nonce, JOURNAL_NONCE);
}

sil_err journal_begin(struct buf *b, uint64_t first) {
    uint8_t head[JOURNAL_RECORD + 12] = {0};
    put_u64(head + JOURNAL_RECORD, first);
    return buf_put(b, head, sizeof head);
}

sil_err journal_entry(struct buf *b, struct str entry, struct str transcript) {
    uint8_t length[4] = {(uint8_t)(entry.n >> 8), (uint8_t)entry.n};
    SIL_TRY(buf_reserve(b, entry.n + transcript.n + 6));
    (void)buf_put(b, length, 2);
    (void)buf_str(b, entry);
    put_u32(length, (uint32_t)transcript.n);
    (void)buf_put(b, length, 4);
    return buf_str(b, transcript);
}

static void record_sum(const uint8_t nonce[JOURNAL_NONCE], const uint8_t *p, size_t n, uint8_t out[LEDGER_HASH]) {
    crypto_hash_sha256_state s;
    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, nonce, JOURNAL_NONCE);
    crypto_hash_sha256_update(&s, p, n);
    crypto_hash_sha256_final(&s, out);
}

sil_err journal_end(struct buf *b, size_t at, uint32_t kind, uint32_t n, struct str note,
                    const uint8_t nonce[JOURNAL_NONCE]) {
    uint8_t length[4], sum[LEDGER_HASH];
    SIL_TRY(buf_reserve(b, note.n + 4 + sizeof sum));
    put_u32(length, (uint32_t)note.n);
    (void)buf_put(b, length, 4);
    (void)buf_str(b, note);
    uint8_t *p = (uint8_t *)b->p + at;
    memcpy(p, record_magic, 4);
    put_u32(p + 4, kind);
    put_u64(p + 8, b->n - at - JOURNAL_RECORD);
    put_u32(p + AT_N, n);
    record_sum(nonce, p, b->n - at, sum);
    return buf_put(b, sum, sizeof sum);
}

/* ---- reading ---- */

/* The record at the beginning of b: false when it is not whole or its sum is wrong. */
static bool whole(struct bytes b, const uint8_t nonce[JOURNAL_NONCE], size_t *bytes) {
    uint8_t sum[LEDGER_HASH];
    if (b.n < JOURNAL_RECORD + LEDGER_HASH || memcmp(b.p, record_magic, 4) != 0) return false;
    uint64_t n = get_u64(b.p + 8);
    if (n > b.n - JOURNAL_RECORD - LEDGER_HASH) return false;
    *bytes = JOURNAL_RECORD + (size_t)n + LEDGER_HASH;
    record_sum(nonce, b.p, JOURNAL_RECORD + (size_t)n, sum);
    return memcmp(sum, b.p + JOURNAL_RECORD + n, sizeof sum) == 0;
}

/* A whole record behind the bad one tells damage from a write that was cut off. */
static bool goes_on(struct bytes b, const uint8_t nonce[JOURNAL_NONCE]) {
    size_t bytes;
    uint32_t looks = 0;
    for (size_t i = 1; i + JOURNAL_RECORD + LEDGER_HASH <= b.n; i++) {
        const uint8_t *next = memchr(b.p + i, record_magic[0], b.n - i);
        if (!next) return false;
        i = (size_t)(next - b.p);
        if (b.n - i < 4 || memcmp(next, record_magic, 4) != 0) continue;
        if (++looks > LOOKS_MAX || whole((struct bytes){next, b.n - i}, nonce, &bytes)) return true;
    }
    return false;
}

static sil_err broken(struct sil_error *e, const char *what) {
    return err_set(e, SIL_FORMAT, "a record of the journal contradicts itself (%s)", what);
}

static sil_err read_entries(struct bytes *b, uint64_t first, uint32_t n, struct journal_sink sink,
                            struct sil_error *e) {
    for (uint32_t i = 0; i < n; i++) {
        struct str entry, transcript;
        uint32_t length;
        if (!bytes_entry(b, &entry) || !bytes_u32(b, &length) || !bytes_str(b, length, &transcript))
            return broken(e, "an entry");
        SIL_TRY(sink.entry(sink.ctx, first + i, entry, transcript, e));
    }
    return SIL_OK;
}

static sil_err read_record(uint32_t kind, struct bytes b, uint64_t *size, bool begins, struct journal_sink sink,
                           struct sil_error *e) {
    uint64_t first;
    uint32_t n, length;
    struct str note;
    if (kind != (begins ? JOURNAL_STATE : JOURNAL_COMMIT)) return broken(e, "its kind");
    if (!bytes_u64(&b, &first) || !bytes_u32(&b, &n) || n > ENTRIES_MAX || first > UINT64_MAX / 2)
        return broken(e, "its numbers");
    if (begins) {
        const uint8_t *hashes;
        uint64_t kept;
        size_t n_hashes = 0;
        if (first % TILE_WIDTH || n >= TILE_WIDTH) return broken(e, "its numbers");
        for (uint32_t level = 1; level < TILE_LEVELS; level++) n_hashes += edge_width(first, level);
        if (!bytes_u64(&b, &kept) || !bytes_take(&b, n_hashes * LEDGER_HASH, &hashes)) return broken(e, "its hashes");
        SIL_TRY(sink.state(sink.ctx, first, kept, hashes, e));
    } else if (first != *size) {
        return broken(e, "its place");
    }
    SIL_TRY(read_entries(&b, first, n, sink, e));
    *size = first + n;
    if (!bytes_u32(&b, &length) || !bytes_str(&b, length, &note) || b.n) return broken(e, "its checkpoint");
    return sink.note(sink.ctx, *size, note, e);
}

sil_err journal_read(struct str file, struct journal_sink sink, uint8_t nonce[JOURNAL_NONCE], size_t *good,
                     struct sil_error *e) {
    struct bytes b = bytes_of(file);
    const uint8_t *p;
    uint64_t size = 0;
    bool begins = true;
    if (!bytes_take(&b, 8, &p) || memcmp(p, file_magic, 8) != 0 || !bytes_take(&b, JOURNAL_NONCE, &p))
        return err_set(e, SIL_FORMAT, "this is not a journal of the record");
    memcpy(nonce, p, JOURNAL_NONCE);
    for (size_t bytes = 0; b.n > 0; begins = false) {
        *good = file.n - b.n;
        if (!whole(b, nonce, &bytes)) {
            if (begins || goes_on(b, nonce))
                return err_set(
                    e, SIL_FORMAT,
                    "the journal is damaged at byte %zu, though it was written whole; restore it from a copy", *good);
            return SIL_OK;
        }
        struct bytes payload = {b.p + JOURNAL_RECORD, bytes - JOURNAL_RECORD - LEDGER_HASH};
        SIL_TRY(read_record(get_u32(b.p + 4), payload, &size, begins, sink, e));
        (void)bytes_take(&b, bytes, &p);
    }
    *good = file.n;
    return begins ? err_set(e, SIL_FORMAT, "the journal has no record") : SIL_OK;
}
