#include "ledger/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/utf8.h"

enum { ED25519 = 1, KEY_BYTES = 33, SIGNATURE = 4 + crypto_sign_BYTES, B64 = sodium_base64_VARIANT_ORIGINAL };

static const char dash[] = "\xe2\x80\x94 "; /* an em dash and a space begin a signature line */

void note_hash_text(const uint8_t hash[LEDGER_HASH], char out[NOTE_BASE64_HASH]) {
    sodium_bin2base64(out, NOTE_BASE64_HASH, hash, LEDGER_HASH, B64);
}

bool note_base64(struct str text, uint8_t *out, size_t max, size_t *n) {
    size_t digits = text.n;
    while (digits > 0 && text.n - digits < 2 && text.p[digits - 1] == '=') digits--;
    for (size_t i = 0; i < digits; i++) { /* libsodium takes some bytes above 127 for digits */
        char c = text.p[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '/') return false;
    }
    return text.n % 4 == 0 && sodium_base642bin(out, max, text.p, text.n, NULL, n, NULL, B64) == 0;
}

static bool base64_read(struct str text, uint8_t *out, size_t n) {
    size_t have = 0;
    return note_base64(text, out, n, &have) && have == n;
}

bool note_hash_read(struct str text, uint8_t out[LEDGER_HASH]) {
    return base64_read(text, out, LEDGER_HASH);
}

bool note_line(struct str *text, struct str *line) {
    const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
    if (!end) return false;
    *line = (struct str){text->p, (size_t)(end - text->p)};
    *text = (struct str){end + 1, text->n - line->n - 1};
    return true;
}

bool note_number(struct str text, uint64_t *out) {
    uint64_t v = 0;
    if (text.n == 0 || text.n > 20 || (text.n > 1 && text.p[0] == '0')) return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') return false;
        uint64_t digit = (uint64_t)(text.p[i] - '0');
        if (v > (UINT64_MAX - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

/* ---- keys ---- */

static bool name_ok(struct str name) {
    if (name.n == 0 || name.n >= LEDGER_NAME) return false;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == '+') return false;
    return true;
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static sil_err set_name(struct ledger_key *k, struct str name, struct sil_error *e) {
    if (!name_ok(name))
        return err_set(e, SIL_ARG,
                       "\"%.*s\" cannot name a log: 1 to 128 ASCII characters without spaces and +, best like "
                       "ai.example.kr/log1",
                       STR_ARG(name));
    memcpy(k->name, name.p, name.n);
    k->name[name.n] = '\0';
    return SIL_OK;
}

static void set_id(struct ledger_key *k) {
    uint8_t digest[crypto_hash_sha256_BYTES];
    static const uint8_t between[2] = {'\n', ED25519};
    crypto_hash_sha256_state s;
    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, (const uint8_t *)k->name, strlen(k->name));
    crypto_hash_sha256_update(&s, between, sizeof between);
    crypto_hash_sha256_update(&s, k->public_key, sizeof k->public_key);
    crypto_hash_sha256_final(&s, digest);
    k->id = be32(digest);
}

sil_err ledger_key_make(const char *name, const uint8_t seed[32], struct ledger_key *out, struct sil_error *e) {
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    *out = (struct ledger_key){.id = 0};
    SIL_TRY(set_name(out, str_of(name), e));
    memcpy(out->seed, seed, sizeof out->seed);
    crypto_sign_seed_keypair(out->public_key, secret, seed);
    sodium_memzero(secret, sizeof secret);
    set_id(out);
    return SIL_OK;
}

/* name+id+base64(type, key) */
static void key_text(const struct ledger_key *k, const uint8_t key[32], char out[LEDGER_VKEY]) {
    uint8_t typed[KEY_BYTES] = {ED25519};
    char text[sodium_base64_ENCODED_LEN(KEY_BYTES, B64)];
    memcpy(typed + 1, key, KEY_BYTES - 1);
    sodium_bin2base64(text, sizeof text, typed, sizeof typed, B64);
    snprintf(out, LEDGER_VKEY, "%s+%08" PRIx32 "+%s", k->name, k->id, text);
    sodium_memzero(typed, sizeof typed);
    sodium_memzero(text, sizeof text);
}

void ledger_key_public(const struct ledger_key *k, char out[LEDGER_VKEY]) {
    key_text(k, k->public_key, out);
}

/* White space around it is allowed. */
sil_err note_key_read(struct str text, struct ledger_key *k, uint32_t *id, struct sil_error *e) {
    uint8_t typed[KEY_BYTES], id_bytes[4];
    size_t n = 0;
    *k = (struct ledger_key){.id = 0};
    while (text.n && strchr(" \t\r\n", text.p[text.n - 1]) && text.p[text.n - 1]) text.n--;
    while (text.n && strchr(" \t\r\n", text.p[0]) && text.p[0]) text = (struct str){text.p + 1, text.n - 1};
    const char *first = text.n ? memchr(text.p, '+', text.n) : NULL;
    size_t left = first ? text.n - (size_t)(first - text.p) - 1 : 0;
    if (left < 10 || first[9] != '+')
        return err_set(e, SIL_FORMAT, "this is no verifier key: name+8 hexadecimal digits+base64 is wanted");
    SIL_TRY(set_name(k, (struct str){text.p, (size_t)(first - text.p)}, e));
    if (sodium_hex2bin(id_bytes, 4, first + 1, 8, NULL, &n, NULL) != 0 || n != 4)
        return err_set(e, SIL_FORMAT, "the key of %s is damaged: its id is not hexadecimal", k->name);
    if (!note_base64((struct str){first + 10, left - 9}, typed, sizeof typed, &n) || n < 1)
        return err_set(e, SIL_FORMAT, "the key of %s is damaged: its base64 is wrong", k->name);
    if (typed[0] != ED25519)
        return err_set(e, SIL_UNSUPPORTED, "the key of %s is of type %d; this program knows Ed25519 (1)", k->name,
                       typed[0]);
    if (n != sizeof typed) return err_set(e, SIL_FORMAT, "the key of %s is damaged: it is too short", k->name);
    memcpy(k->public_key, typed + 1, sizeof k->public_key);
    *id = be32(id_bytes);
    sodium_memzero(typed, sizeof typed);
    return SIL_OK;
}

sil_err ledger_key_verifier(struct str text, struct ledger_key *out, struct sil_error *e) {
    uint32_t id = 0;
    SIL_TRY(note_key_read(text, out, &id, e));
    set_id(out);
    if (out->id != id)
        return err_set(e, SIL_FORMAT, "the key of %s is damaged: its id does not belong to it", out->name);
    return SIL_OK;
}

/* ---- checkpoints ---- */

sil_err note_sign(const struct ledger_key *k, uint64_t size, const uint8_t root[LEDGER_HASH], struct buf *out,
                  struct sil_error *e) {
    char hash[NOTE_BASE64_HASH], body[LEDGER_NAME + 80], signature[sodium_base64_ENCODED_LEN(SIGNATURE, B64)];
    uint8_t public_key[32], secret[crypto_sign_SECRETKEYBYTES], signed_by[SIGNATURE];
    note_hash_text(root, hash);
    int n = snprintf(body, sizeof body, "%s\n%" PRIu64 "\n%s\n", k->name, size, hash);
    for (int i = 0; i < 4; i++) signed_by[i] = (uint8_t)(k->id >> (24 - 8 * i));
    crypto_sign_seed_keypair(public_key, secret, k->seed);
    crypto_sign_detached(signed_by + 4, NULL, (const uint8_t *)body, (size_t)n, secret);
    sodium_memzero(secret, sizeof secret);
    sodium_bin2base64(signature, sizeof signature, signed_by, sizeof signed_by, B64);
    if (buf_printf(out, "%s\n%s%s %s\n", body, dash, k->name, signature) != SIL_OK)
        return err_nomem(e, "a checkpoint", (size_t)n);
    return SIL_OK;
}

static bool text_ok(struct str text) {
    if (!utf8_valid(text.p, text.n, NULL)) return false;
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' && text.p[i] != '\n') return false;
    return true;
}

/* Behind the last empty line. 0: there is none. */
static size_t signatures_at(struct str text) {
    for (size_t i = text.n; i >= 2; i--)
        if (text.p[i - 1] == '\n' && text.p[i - 2] == '\n') return i;
    return 0;
}

/* One signature line. *good: it is k's, and right. False when it is malformed, or k's and wrong. */
static bool signature_line(struct str line, struct str body, const struct ledger_key *k, bool *good) {
    uint8_t signature[SIGNATURE];
    size_t n = strlen(k->name), skip = sizeof dash - 1;
    if (!str_starts(line, STR(dash))) return false;
    line = (struct str){line.p + skip, line.n - skip};
    const char *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
    if (!space || space == line.p || space + 1 == line.p + line.n) return false;
    struct str name = {line.p, (size_t)(space - line.p)}, text = {space + 1, line.n - (size_t)(space - line.p) - 1};
    if (name.n != n || memcmp(name.p, k->name, n) != 0) return true;
    /* The same name may have keys of other kinds. */
    if (!base64_read(text, signature, sizeof signature) || be32(signature) != k->id) return true;
    *good = crypto_sign_verify_detached(signature + 4, (const uint8_t *)body.p, body.n, k->public_key) == 0;
    return *good;
}

static sil_err check_signatures(struct str text, struct str body, const struct ledger_key *k, const char *what,
                                struct sil_error *e) {
    struct str line;
    bool good = false;
    for (int n = 0; note_line(&text, &line); n++) {
        if (n == NOTE_SIGNATURES_MAX)
            return err_set(e, SIL_LIMIT, "%s has more than %d signatures", what, NOTE_SIGNATURES_MAX);
        if (!signature_line(line, body, k, &good))
            return err_set(e, SIL_FORMAT, "%s is not what the key %s+%08" PRIx32 " signed", what, k->name, k->id);
    }
    if (text.n || !good)
        return err_set(e, SIL_FORMAT, "%s has no signature by the key %s+%08" PRIx32, what, k->name, k->id);
    return SIL_OK;
}

static bool body_read(struct str body, struct checkpoint *out) {
    struct str origin, size, root, more;
    if (!note_line(&body, &origin) || !note_line(&body, &size) || !note_line(&body, &root)) return false;
    if (!name_ok(origin) || !note_number(size, &out->size) || !note_hash_read(root, out->root)) return false;
    while (note_line(&body, &more))
        if (more.n == 0) return false;
    memcpy(out->origin, origin.p, origin.n);
    out->origin[origin.n] = '\0';
    return body.n == 0;
}

sil_err note_open(struct str text, const struct ledger_key *k, const char *what, struct checkpoint *out,
                  struct sil_error *e) {
    if (text.n >= LEDGER_NOTE_BYTES) return err_set(e, SIL_LIMIT, "%s is too long for a checkpoint", what);
    size_t at = text_ok(text) ? signatures_at(text) : 0;
    struct str body = {text.p, at ? at - 1 : 0}, signatures = {text.p + at, text.n - at};
    if (at < 3 || !body_read(body, out)) return err_set(e, SIL_FORMAT, "%s is not a checkpoint", what);
    if (!k) return SIL_OK;
    if (strcmp(out->origin, k->name) != 0)
        return err_set(e, SIL_FORMAT, "%s belongs to the log %s, the key to %s", what, out->origin, k->name);
    return check_signatures(signatures, body, k, what, e);
}
