#include "ledger/transcript.h"

#include <sodium.h>

#include "base/checked.h"
#include "base/err.h"

static const char magic[] = "SJT1";

enum { COUNTS = 5, BODY_HEAD = LEDGER_SALT + COUNTS * 4, THERE = 1 };

static sil_err put_words(struct buf *b, const uint32_t *ids, size_t n) {
    enum { AT_ONCE = 256 };
    uint8_t part[AT_ONCE * 4];
    for (size_t at = 0; at < n; at += AT_ONCE) {
        size_t k = n - at < AT_ONCE ? n - at : AT_ONCE;
        for (size_t i = 0; i < k; i++) put_u32(part + i * 4, ids[at + i]);
        SIL_TRY(buf_put(b, part, k * 4));
    }
    return SIL_OK;
}

sil_err transcript_encode(const struct ledger_answer *a, const uint8_t salt[LEDGER_SALT], struct buf *b) {
    if (a->keep == LEDGER_KEEP_NONE) return SIL_OK;
    const struct sil_sampling *s = &a->entry.sampling;
    struct str prompt = a->keep == LEDGER_KEEP_TEXT ? a->prompt : (struct str){"", 0};
    struct str text = a->keep == LEDGER_KEEP_TEXT ? a->text : (struct str){"", 0};
    const uint32_t counts[COUNTS] = {a->n_in, a->n_out, s->n_bias, (uint32_t)prompt.n, (uint32_t)text.n};
    SIL_TRY(buf_put(b, salt, LEDGER_SALT));
    SIL_TRY(put_words(b, counts, COUNTS));
    SIL_TRY(put_words(b, a->in, a->n_in));
    SIL_TRY(put_words(b, a->out, a->n_out));
    for (uint32_t i = 0; i < s->n_bias; i++) {
        uint32_t words[2] = {s->bias[i].token, 0};
        memcpy(&words[1], &s->bias[i].bias, sizeof words[1]);
        SIL_TRY(put_words(b, words, 2));
    }
    SIL_TRY(buf_str(b, prompt));
    return buf_str(b, text);
}

sil_err transcript_decode(struct str body, struct transcript *out, struct sil_error *e) {
    struct bytes b = bytes_of(body);
    uint32_t n[COUNTS];
    bool ok = bytes_take(&b, LEDGER_SALT, &out->salt);
    for (int i = 0; ok && i < COUNTS; i++) ok = bytes_u32(&b, &n[i]);
    ok = ok && n[0] <= LEDGER_IDS_MAX && n[1] <= LEDGER_IDS_MAX && n[2] <= LEDGER_IDS_MAX;
    ok = ok && bytes_take(&b, (size_t)n[0] * 4, &out->in) && bytes_take(&b, (size_t)n[1] * 4, &out->out) &&
         bytes_take(&b, (size_t)n[2] * 8, &out->bias) && bytes_str(&b, n[3], &out->prompt) &&
         bytes_str(&b, n[4], &out->text) && b.n == 0;
    if (!ok) return err_set(e, SIL_FORMAT, "the transcript is not in the form of docs/record.md");
    out->n_in = n[0];
    out->n_out = n[1];
    out->n_bias = n[2];
    return SIL_OK;
}

static void digest(const uint8_t *salt, const char *label, const uint8_t *p, size_t n, uint8_t out[LEDGER_HASH]) {
    crypto_hash_sha256_state s;
    crypto_hash_sha256_init(&s);
    crypto_hash_sha256_update(&s, salt, LEDGER_SALT);
    crypto_hash_sha256_update(&s, (const uint8_t *)label, strlen(label));
    crypto_hash_sha256_update(&s, p, n);
    crypto_hash_sha256_final(&s, out);
}

unsigned transcript_differs(const struct transcript *t, const struct ledger_entry *entry) {
    uint8_t sum[LEDGER_HASH];
    unsigned parts = 0;
    digest(t->salt, "in\n", t->in, (size_t)t->n_in * 4, sum);
    if (t->n_in != entry->n_in || memcmp(sum, entry->in_digest, sizeof sum) != 0) parts |= TRANSCRIPT_IN;
    digest(t->salt, "out\n", t->out, (size_t)t->n_out * 4, sum);
    if (t->n_out != entry->n_out || memcmp(sum, entry->out_digest, sizeof sum) != 0) parts |= TRANSCRIPT_OUT;
    digest(t->salt, "bias\n", t->bias, (size_t)t->n_bias * 8, sum);
    bool same = t->n_bias == entry->n_bias && (t->n_bias == 0 || memcmp(sum, entry->bias_digest, sizeof sum) == 0);
    return same ? parts : parts | TRANSCRIPT_BIAS;
}

bool transcript_matches(const struct transcript *t, const struct ledger_entry *entry, const char **what) {
    unsigned parts = transcript_differs(t, entry);
    *what = parts & TRANSCRIPT_IN    ? "token ids of the prompt"
            : parts & TRANSCRIPT_OUT ? "token ids of the answer"
                                     : "logit bias";
    return parts == 0;
}

/* ---- files ---- */

void transcript_path(uint64_t index, char out[TILE_PATH]) {
    tile_path(out, "transcripts", index / TILE_WIDTH, 0);
}

sil_err transcript_record(struct buf *b, uint64_t index, struct str body) {
    uint8_t head[TRANSCRIPT_HEAD];
    memcpy(head, magic, 4);
    put_u32(head + 4, THERE);
    put_u64(head + 8, index);
    put_u64(head + 16, body.n);
    crypto_hash_sha256(head + 24, (const uint8_t *)body.p, body.n);
    SIL_TRY(buf_reserve(b, sizeof head + body.n));
    (void)buf_put(b, head, sizeof head);
    return buf_str(b, body);
}

static bool all_zero(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

sil_err transcript_next(struct str file, size_t at, struct transcript_record *out, bool *done, struct sil_error *e) {
    uint8_t sum[LEDGER_HASH];
    *done = at >= file.n;
    if (*done) return SIL_OK;
    struct bytes b = {(const uint8_t *)file.p + at, file.n - at};
    const uint8_t *head;
    if (!bytes_take(&b, TRANSCRIPT_HEAD, &head) || memcmp(head, magic, 4) != 0 || get_u32(head + 4) > THERE ||
        get_u64(head + 16) > b.n)
        return err_set(e, SIL_FORMAT, "no whole transcript begins at byte %zu", at);
    uint32_t there = get_u32(head + 4);
    *out = (struct transcript_record){.index = get_u64(head + 8), .erased = !there, .at = at};
    (void)bytes_str(&b, (size_t)get_u64(head + 16), &out->body);
    out->bytes = TRANSCRIPT_HEAD + out->body.n;
    crypto_hash_sha256(sum, (const uint8_t *)out->body.p, out->body.n);
    const uint8_t *body = (const uint8_t *)out->body.p;
    out->sound = there ? memcmp(sum, head + 24, sizeof sum) == 0
                       : all_zero(head + 24, sizeof sum) && all_zero(body, out->body.n);
    return SIL_OK;
}
