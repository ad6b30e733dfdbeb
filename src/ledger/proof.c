/* proof: receipts in the form c2sp.org/tlog-proof@v1. The extra line holds what is needed to know the leaf: the entry,
 * and behind a newline the salt in hexadecimal when its owner is to have it. */
#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "ledger/audit.h"

enum {
    B64 = sodium_base64_VARIANT_ORIGINAL,
    EXTRA_MAX = LEDGER_ENTRY_BYTES + 1 + 2 * LEDGER_SALT,
    EXTRA_TEXT = (EXTRA_MAX + 2) / 3 * 4 + 1
};

static const char first_line[] = "c2sp.org/tlog-proof@v1";

/* ---- writing ---- */

static sil_err put_extra(struct ledger *l, uint64_t index, const uint8_t *salt, struct buf *out, struct sil_error *e) {
    char hex[2 * LEDGER_SALT + 1], text[EXTRA_TEXT];
    struct buf extra;
    buf_init(&extra, l->mem, EXTRA_MAX);
    sil_err err = log_entry(l, index, &extra, e);
    if (err == SIL_OK && salt) {
        sodium_bin2hex(hex, sizeof hex, salt, LEDGER_SALT);
        if (buf_printf(&extra, "\n%s", hex) != SIL_OK) err = err_nomem(e, "a receipt", extra.n);
        sodium_memzero(hex, sizeof hex);
    }
    if (err == SIL_OK) {
        sodium_bin2base64(text, sizeof text, (const uint8_t *)extra.p, extra.n, B64);
        if (buf_printf(out, "%s\nextra %s\nindex %" PRIu64 "\n", first_line, text, index) != SIL_OK)
            err = err_nomem(e, "a receipt", extra.n);
    }
    buf_free(&extra);
    return err;
}

static sil_err put_receipt(struct ledger *l, uint64_t index, const uint8_t *salt, struct buf *out,
                           struct sil_error *e) {
    uint8_t path[TREE_PATH_MAX][LEDGER_HASH];
    char hash[NOTE_BASE64_HASH];
    struct log_nodes n = {l, &l->edge};
    uint32_t n_path = 0;
    SIL_TRY(put_extra(l, index, salt, out, e));
    SIL_TRY(tree_path(log_nodes(&n), index, l->edge.size, path, &n_path, e));
    for (uint32_t i = 0; i < n_path; i++) {
        note_hash_text(path[i], hash);
        if (buf_printf(out, "%s\n", hash) != SIL_OK) return err_nomem(e, "a receipt", out->n);
    }
    if (buf_char(out, '\n') != SIL_OK || buf_str(out, buf_view(&l->note)) != SIL_OK)
        return err_nomem(e, "a receipt", out->n);
    return SIL_OK;
}

sil_err ledger_receipt(struct ledger *l, uint64_t index, const uint8_t salt[LEDGER_SALT], struct buf *out,
                       struct sil_error *e) {
    size_t before = out->n;
    sil_err err = put_receipt(l, index, salt, out, e);
    if (err != SIL_OK) out->n = before;
    return err;
}

/* ---- reading ---- */

static sil_err bad(struct sil_error *e, const char *what) {
    return err_set(e, SIL_FORMAT, "the receipt is damaged: %s", what);
}

static bool after(struct str line, const char *word, struct str *rest) {
    size_t n = strlen(word);
    if (line.n < n || memcmp(line.p, word, n) != 0) return false;
    *rest = (struct str){line.p + n, line.n - n};
    return true;
}

/* The entry, and the salt behind it. */
static sil_err read_extra(struct str text, struct receipt *r, struct sil_error *e) {
    uint8_t extra[EXTRA_MAX];
    size_t n = 0, k = 0;
    if (!note_base64(text, extra, sizeof extra, &n) || n == 0) return bad(e, "its extra line is not base64");
    const uint8_t *end = memchr(extra, '\n', n);
    r->n_text = end ? (size_t)(end - extra) : n;
    if (r->n_text >= sizeof r->text) return bad(e, "its entry is too long");
    memcpy(r->text, extra, r->n_text);
    r->has_salt = end != NULL;
    if (!end) return SIL_OK;
    size_t hex = n - r->n_text - 1;
    bool ok = hex == (size_t)2 * LEDGER_SALT;
    for (size_t i = 0; ok && i < hex; i++) ok = strchr("0123456789abcdef", end[1 + i]) && end[1 + i];
    if (!ok || sodium_hex2bin(r->salt, sizeof r->salt, (const char *)end + 1, hex, NULL, &k, NULL) != 0)
        return bad(e, "its salt is not 64 hexadecimal digits");
    return SIL_OK;
}

static sil_err read_head(struct str *text, struct receipt *r, struct sil_error *e) {
    struct str line, rest;
    if (!note_line(text, &line) || !str_eq(line, str_of(first_line)))
        return err_set(e, SIL_FORMAT, "this is no receipt: its first line is not %s", first_line);
    if (!note_line(text, &line)) return bad(e, "it ends too early");
    if (!after(line, "extra ", &rest))
        return err_set(e, SIL_UNSUPPORTED, "the receipt has no extra line, so it does not say which entry it proves");
    SIL_TRY(read_extra(rest, r, e));
    if (!note_line(text, &line) || !after(line, "index ", &rest) || !note_number(rest, &r->index))
        return bad(e, "it has no index");
    for (r->n_path = 0; note_line(text, &line); r->n_path++) {
        if (line.n == 0) return SIL_OK;
        if (r->n_path == TREE_PATH_MAX || !note_hash_read(line, r->path[r->n_path]))
            return bad(e, "a line of its proof is no hash");
    }
    return bad(e, "it ends before its checkpoint");
}

sil_err receipt_open(struct str text, const struct ledger_key *k, struct receipt *out, struct sil_error *e) {
    uint8_t leaf[LEDGER_HASH];
    memset(out, 0, sizeof *out);
    if (text.n >= LEDGER_RECEIPT_BYTES) return err_set(e, SIL_LIMIT, "the receipt is too long");
    SIL_TRY(read_head(&text, out, e));
    out->note = text;
    SIL_TRY(note_open(text, k, "the receipt's checkpoint", &out->checkpoint, e));
    struct str entry = {out->text, out->n_text};
    tree_leaf(entry, leaf);
    if (!tree_path_check(leaf, out->index, out->checkpoint.size, (const uint8_t(*)[LEDGER_HASH])out->path, out->n_path,
                         out->checkpoint.root))
        return err_set(e, SIL_FORMAT, "the receipt's entry is not entry %" PRIu64 " of the tree that was signed",
                       out->index);
    return ledger_entry_decode(entry, &out->entry, e);
}
