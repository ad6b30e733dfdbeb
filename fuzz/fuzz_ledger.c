/* fuzz_ledger: any bytes as a form of the record, chosen by the first: E an entry, N a checkpoint, V a key, R a
 * receipt, J a journal, T a file of transcripts, B a bundle of entries. What is read is what would be written. */
#include <stdlib.h>
#include <string.h>

#include "ledger/audit.h"

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static void check_entry(struct str text) {
    struct ledger_entry t;
    struct sil_error e = {0};
    struct buf b;
    if (ledger_entry_decode(text, &t, &e) != SIL_OK) {
        PROMISE(e.text[0]);
        return;
    }
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    PROMISE(ledger_entry_encode(&t, &b, &e) == SIL_OK && str_eq(buf_view(&b), text));
    buf_free(&b);
}

static void check_key(struct str text) {
    struct ledger_key k, again;
    char out[LEDGER_VKEY];
    if (ledger_key_verifier(text, &k, NULL) != SIL_OK) return;
    ledger_key_public(&k, out);
    PROMISE(ledger_key_verifier(str_of(out), &again, NULL) == SIL_OK && again.id == k.id);
}

static void check_note(struct str text) {
    static const uint8_t seed[32] = {1};
    struct ledger_key k;
    struct checkpoint c;
    struct sil_error e = {0};
    PROMISE(ledger_key_make("test.example/log", seed, &k, NULL) == SIL_OK);
    (void)note_open(text, &k, "it", &c, &e);
    (void)note_open(text, NULL, "it", &c, &e);
}

static void check_receipt(struct str text) {
    struct receipt *r = malloc(sizeof *r);
    struct sil_error e = {0};
    if (r && receipt_open(text, NULL, r, &e) == SIL_OK) check_entry((struct str){r->text, r->n_text});
    free(r);
}

struct seen {
    uint64_t next;
    bool begun;
};

static sil_err on_state(void *ctx, uint64_t first, uint64_t kept, const uint8_t *hashes, struct sil_error *e) {
    struct seen *s = ctx;
    (void)kept;
    (void)e;
    PROMISE(!s->begun);
    volatile uint8_t last = 0;
    for (uint32_t level = 1, i = 0; level < TILE_LEVELS; level++)
        for (uint32_t k = 0; k < edge_width(first, level); k++, i++) last = hashes[(size_t)i * LEDGER_HASH + 31];
    (void)last;
    s->begun = true;
    s->next = first;
    return SIL_OK;
}

static sil_err on_entry(void *ctx, uint64_t index, struct str entry, struct str transcript, struct sil_error *e) {
    struct seen *s = ctx;
    struct transcript t;
    uint8_t leaf[LEDGER_HASH];
    PROMISE(s->begun && index == s->next++);
    tree_leaf(entry, leaf);
    (void)transcript_decode(transcript, &t, e);
    return SIL_OK;
}

static sil_err on_note(void *ctx, uint64_t size, struct str note, struct sil_error *e) {
    struct seen *s = ctx;
    (void)e;
    PROMISE(size == s->next && (note.n == 0 || note.p));
    return SIL_OK;
}

/* As it is, and with the sums of its records made right. */
static void check_journal(struct str text) {
    uint8_t nonce[JOURNAL_NONCE];
    size_t good = 0;
    struct sil_error e = {0};
    struct seen s = {0};
    struct journal_sink sink = {on_state, on_entry, on_note, &s};
    if (journal_read(text, sink, nonce, &good, &e) == SIL_OK) PROMISE(good <= text.n);
    if (text.n < JOURNAL_HEAD + JOURNAL_RECORD + 12 + LEDGER_HASH) return;
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 24);
    size_t body = text.n - JOURNAL_HEAD - JOURNAL_RECORD - 12 - LEDGER_HASH;
    if (journal_head(&b, nonce) == SIL_OK && buf_put(&b, text.p + JOURNAL_HEAD, JOURNAL_RECORD + 12 + body) == SIL_OK &&
        journal_end(&b, JOURNAL_HEAD, JOURNAL_STATE,
                    get_u32((const uint8_t *)text.p + JOURNAL_HEAD + JOURNAL_RECORD + 8), (struct str){"note", 4},
                    nonce) == SIL_OK) {
        s = (struct seen){0};
        (void)journal_read(buf_view(&b), sink, nonce, &good, &e);
    }
    buf_free(&b);
}

static void check_transcripts(struct str text) {
    struct transcript_record r;
    struct transcript t;
    struct ledger_entry entry = {0};
    const char *what;
    bool done = false;
    for (size_t at = 0; transcript_next(text, at, &r, &done, NULL) == SIL_OK && !done; at += r.bytes) {
        PROMISE(r.bytes >= TRANSCRIPT_HEAD && r.at + r.bytes <= text.n);
        if (transcript_decode(r.body, &t, NULL) == SIL_OK) (void)transcript_matches(&t, &entry, &what);
    }
    if (transcript_decode(text, &t, NULL) == SIL_OK) (void)transcript_matches(&t, &entry, &what);
}

static void check_bundle(struct str text) {
    struct bytes b = bytes_of(text);
    struct str entry;
    while (bytes_entry(&b, &entry)) check_entry(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    if (n == 0) return 0;
    struct str text = {(const char *)p + 1, n - 1};
    switch (p[0]) {
    case 'E': check_entry(text); break;
    case 'N': check_note(text); break;
    case 'V': check_key(text); break;
    case 'R': check_receipt(text); break;
    case 'J': check_journal(text); break;
    case 'T': check_transcripts(text); break;
    case 'B': check_bundle(text); break;
    default: break;
    }
    return 0;
}
