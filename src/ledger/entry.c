/* entry: an answer as one line of canonical JSON, and salted digests. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/utf8.h"
#include "ledger/bytes.h"
#include "ledger/ledger.h"

static const uint64_t json_whole = (uint64_t)1 << 53; /* numbers below it are exact in every reader of JSON */

/* ---- digests ---- */

static void salted(crypto_hash_sha256_state *s, const uint8_t salt[LEDGER_SALT], const char *label) {
    crypto_hash_sha256_init(s);
    crypto_hash_sha256_update(s, salt, LEDGER_SALT);
    crypto_hash_sha256_update(s, (const uint8_t *)label, strlen(label));
}

void ledger_ids_digest(const uint8_t salt[LEDGER_SALT], enum ledger_part part, const uint32_t *ids, size_t n,
                       uint8_t out[LEDGER_HASH]) {
    enum { AT_ONCE = 256 };
    crypto_hash_sha256_state s;
    uint8_t words[AT_ONCE * 4];
    salted(&s, salt, part == LEDGER_IN ? "in\n" : "out\n");
    for (size_t at = 0; at < n; at += AT_ONCE) {
        size_t k = n - at < AT_ONCE ? n - at : AT_ONCE;
        for (size_t i = 0; i < k; i++) put_u32(words + i * 4, ids[at + i]);
        crypto_hash_sha256_update(&s, words, k * 4);
    }
    crypto_hash_sha256_final(&s, out);
}

void ledger_bias_digest(const uint8_t salt[LEDGER_SALT], const struct sil_bias *bias, size_t n,
                        uint8_t out[LEDGER_HASH]) {
    crypto_hash_sha256_state s;
    salted(&s, salt, "bias\n");
    for (size_t i = 0; i < n; i++) {
        uint8_t words[8];
        uint32_t bits;
        memcpy(&bits, &bias[i].bias, sizeof bits);
        put_u32(words, bias[i].token);
        put_u32(words + 4, bits);
        crypto_hash_sha256_update(&s, words, sizeof words);
    }
    crypto_hash_sha256_final(&s, out);
}

static const char *const keep_words[] = {"none", "ids", "text"};

sil_err ledger_keep_parse(struct str word, enum ledger_keep *out, struct sil_error *e) {
    for (int i = 0; i < 3; i++)
        if (str_eq(word, str_of(keep_words[i]))) return *out = (enum ledger_keep)i, SIL_OK;
    return err_set(e, SIL_ARG, "transcript \"%.*s\": none, ids or text", (int)(word.n < 40 ? word.n : 40), word.p);
}

/* ---- what a field may be ---- */

static bool is_name(const char *s, size_t room) {
    size_t n = strnlen(s, room);
    if (n == 0 || n == room) return false;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t k = utf8_decode(s + i, n - i, &cp);
        if (k == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) return false;
        i += k;
    }
    return true;
}

static bool is_word(const char *s) {
    size_t n = strnlen(s, LEDGER_WORD);
    if (n == 0 || n == LEDGER_WORD) return false;
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '_')) return false;
    return true;
}

static bool is_digest(const char *s) {
    if (strnlen(s, SIL_DIGEST) != SIL_DIGEST - 1) return false;
    return strspn(s, "0123456789abcdef") == SIL_DIGEST - 1;
}

static sil_err check(const struct ledger_entry *t, struct sil_error *e) {
    const struct sil_sampling *s = &t->sampling;
    const char *bad = NULL;
    if ((unsigned)t->keep > LEDGER_KEEP_TEXT) bad = "keep";
    else if (t->time_ms >= json_whole) bad = "time_ms";
    else if (!is_name(t->tenant, sizeof t->tenant)) bad = "tenant";
    else if (!is_name(t->request, sizeof t->request)) bad = "request";
    else if (!is_digest(t->model)) bad = "model";
    else if (t->tokenizer[0] && !is_digest(t->tokenizer)) bad = "tokenizer";
    else if (!is_name(t->profile, sizeof t->profile)) bad = "profile";
    else if (!is_word(t->finish)) bad = "finish";
    else if (!is_name(t->software, sizeof t->software)) bad = "software";
    else if (t->energy_mj >= (int64_t)json_whole) bad = "energy_mj";
    else if (!isfinite(s->temperature) || !isfinite(s->top_p) || !isfinite(s->min_p) || !isfinite(s->repeat_penalty) ||
             !isfinite(s->frequency_penalty) || !isfinite(s->presence_penalty))
        bad = "sampling";
    if (bad)
        return err_set(e, SIL_ARG, "an entry of the record cannot have this %s (docs/record.md says what may)", bad);
    return SIL_OK;
}

/* ---- writing ---- */

/* Room for any entry whose fields are checked. */
struct line {
    char p[LEDGER_ENTRY_BYTES];
    size_t n;
};

static void add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->p + l->n, sizeof l->p - l->n, fmt, ap);
    va_end(ap);
    if (n > 0) l->n += (size_t)n < sizeof l->p - l->n ? (size_t)n : sizeof l->p - l->n - 1;
}

static void add_text(struct line *l, const char *key, const char *text) {
    add(l, "\"%s\":\"", key);
    for (; *text && l->n + 3 < sizeof l->p; text++) {
        if (*text == '"' || *text == '\\') l->p[l->n++] = '\\';
        l->p[l->n++] = *text;
    }
    add(l, "\"");
}

static uint32_t float_word(float v) {
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* The fewest digits that read back as the same number. */
static void add_float(struct line *l, const char *key, float v) {
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (float_word(strtof(text, NULL)) == float_word(v)) break;
    }
    add(l, "\"%s\":%s", key, text);
}

static void add_digest(struct line *l, const char *key, uint32_t n, const uint8_t digest[LEDGER_HASH]) {
    char hex[SIL_DIGEST];
    sodium_bin2hex(hex, sizeof hex, digest, LEDGER_HASH);
    add(l, "\"%s\":{\"n\":%u,\"sha256\":\"%s\"}", key, n, hex);
}

static void add_sampling(struct line *l, const struct ledger_entry *t) {
    const struct sil_sampling *s = &t->sampling;
    add(l, "\"sampling\":{");
    if (t->n_bias) {
        add_digest(l, "bias", t->n_bias, t->bias_digest);
        add(l, ",");
    }
    add_float(l, "frequency_penalty", s->frequency_penalty);
    add(l, ",");
    add_float(l, "min_p", s->min_p);
    add(l, ",");
    add_float(l, "presence_penalty", s->presence_penalty);
    add(l, ",");
    add_float(l, "repeat_penalty", s->repeat_penalty);
    add(l, ",\"seed\":\"%llu\",", (unsigned long long)s->seed);
    add_float(l, "temperature", s->temperature);
    add(l, ",\"top_k\":%u,", s->top_k);
    add_float(l, "top_p", s->top_p);
    add(l, "},");
}

static void write_line(struct line *l, const struct ledger_entry *t) {
    l->n = 0;
    add(l, "{\"choice\":%u,", t->choice);
    if (t->energy_mj >= 0) add(l, "\"energy_mj\":%lld,", (long long)t->energy_mj);
    add_text(l, "finish", t->finish);
    add(l, ",");
    add_digest(l, "in", t->n_in, t->in_digest);
    add(l, ",\"keep\":\"%s\",\"model\":\"%s\",", keep_words[t->keep], t->model);
    add_digest(l, "out", t->n_out, t->out_digest);
    add(l, ",");
    add_text(l, "profile", t->profile);
    add(l, ",");
    add_text(l, "request", t->request);
    add(l, ",");
    add_sampling(l, t);
    add_text(l, "software", t->software);
    add(l, ",");
    add_text(l, "tenant", t->tenant);
    add(l, ",\"time_ms\":%llu,", (unsigned long long)t->time_ms);
    if (t->tokenizer[0]) add(l, "\"tokenizer\":\"%s\",", t->tokenizer);
    add(l, "\"v\":%d}", LEDGER_VERSION);
}

sil_err ledger_entry_encode(const struct ledger_entry *entry, struct buf *b, struct sil_error *e) {
    struct line l;
    SIL_TRY(check(entry, e));
    write_line(&l, entry);
    if (buf_put(b, l.p, l.n) != SIL_OK) return err_nomem(e, "an entry of the record", l.n);
    return SIL_OK;
}

/* ---- reading ---- */

static bool lit(struct str *s, const char *text) {
    size_t n = strlen(text);
    if (s->n < n || memcmp(s->p, text, n) != 0) return false;
    *s = (struct str){s->p + n, s->n - n};
    return true;
}

static bool read_u64(struct str *s, uint64_t max, uint64_t *out) {
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(s->p[i] - '0');
        if (v > (max - digit) / 10 || digit > max) return false;
        v = v * 10 + digit;
    }
    *s = (struct str){s->p + i, s->n - i};
    *out = v;
    return i > 0;
}

static bool read_u32(struct str *s, const char *key, uint32_t *out) {
    uint64_t v;
    if (!lit(s, key) || !read_u64(s, UINT32_MAX, &v)) return false;
    *out = (uint32_t)v;
    return true;
}

static bool read_text(struct str *s, const char *key, char *out, size_t room) {
    size_t n = 0, i = 0;
    if (!lit(s, key) || !lit(s, "\"")) return false;
    for (; i < s->n && s->p[i] != '"'; i++) {
        if (s->p[i] == '\\') {
            i++;
            if (i == s->n || (s->p[i] != '"' && s->p[i] != '\\')) return false;
        }
        if (s->p[i] == '\0' || n + 1 >= room) return false;
        out[n++] = s->p[i];
    }
    out[n] = '\0';
    *s = (struct str){s->p + i, s->n - i};
    return lit(s, "\"");
}

static bool read_float(struct str *s, const char *key, float *out) {
    char text[32], *end;
    size_t n = 0;
    if (!lit(s, key)) return false;
    while (n < s->n && n < sizeof text - 1 && s->p[n] && strchr("+-.0123456789e", s->p[n])) {
        text[n] = s->p[n];
        n++;
    }
    text[n] = '\0';
    *out = strtof(text, &end);
    *s = (struct str){s->p + n, s->n - n};
    return n > 0 && !*end && isfinite(*out);
}

static bool read_digest(struct str *s, const char *key, uint32_t *n, uint8_t out[LEDGER_HASH]) {
    char hex[SIL_DIGEST];
    size_t k;
    if (!lit(s, key) || !read_u32(s, "{\"n\":", n) || !read_text(s, ",\"sha256\":", hex, sizeof hex)) return false;
    if (!is_digest(hex) || !lit(s, "}")) return false;
    return sodium_hex2bin(out, LEDGER_HASH, hex, SIL_DIGEST - 1, NULL, &k, NULL) == 0 && k == LEDGER_HASH;
}

static bool read_sampling(struct str *s, struct ledger_entry *t) {
    struct sil_sampling *p = &t->sampling;
    if (!lit(s, ",\"sampling\":{")) return false;
    if (s->n > 2 && s->p[1] == 'b') {
        if (!read_digest(s, "\"bias\":", &t->n_bias, t->bias_digest) || t->n_bias == 0 || !lit(s, ",")) return false;
    }
    return read_float(s, "\"frequency_penalty\":", &p->frequency_penalty) && read_float(s, ",\"min_p\":", &p->min_p) &&
           read_float(s, ",\"presence_penalty\":", &p->presence_penalty) &&
           read_float(s, ",\"repeat_penalty\":", &p->repeat_penalty) && lit(s, ",\"seed\":\"") &&
           read_u64(s, UINT64_MAX, &p->seed) && read_float(s, "\",\"temperature\":", &p->temperature) &&
           read_u32(s, ",\"top_k\":", &p->top_k) && read_float(s, ",\"top_p\":", &p->top_p) && lit(s, "}");
}

static bool read_line(struct str s, struct ledger_entry *t) {
    uint64_t energy;
    char keep[8];
    memset(t, 0, sizeof *t);
    t->energy_mj = -1;
    if (!read_u32(&s, "{\"choice\":", &t->choice)) return false;
    if (lit(&s, ",\"energy_mj\":")) {
        if (!read_u64(&s, json_whole - 1, &energy)) return false;
        t->energy_mj = (int64_t)energy;
    }
    if (!read_text(&s, ",\"finish\":", t->finish, sizeof t->finish) ||
        !read_digest(&s, ",\"in\":", &t->n_in, t->in_digest) || !read_text(&s, ",\"keep\":", keep, sizeof keep) ||
        ledger_keep_parse(str_of(keep), &t->keep, NULL) != SIL_OK ||
        !read_text(&s, ",\"model\":", t->model, sizeof t->model) ||
        !read_digest(&s, ",\"out\":", &t->n_out, t->out_digest) ||
        !read_text(&s, ",\"profile\":", t->profile, sizeof t->profile) ||
        !read_text(&s, ",\"request\":", t->request, sizeof t->request) || !read_sampling(&s, t) ||
        !read_text(&s, ",\"software\":", t->software, sizeof t->software) ||
        !read_text(&s, ",\"tenant\":", t->tenant, sizeof t->tenant) || !lit(&s, ",\"time_ms\":") ||
        !read_u64(&s, json_whole - 1, &t->time_ms))
        return false;
    if (s.n > 3 && s.p[2] == 't' && !read_text(&s, ",\"tokenizer\":", t->tokenizer, sizeof t->tokenizer)) return false;
    return lit(&s, ",\"v\":1}") && s.n == 0;
}

/* An entry of a later program: its last key is the version. */
static bool other_version(struct str s) {
    static const char key[] = "\"v\":";
    size_t n = s.n;
    if (n < 2 || s.p[n - 1] != '}') return false;
    for (n--; n > 0 && s.p[n - 1] >= '0' && s.p[n - 1] <= '9';) n--;
    size_t k = sizeof key - 1;
    return n >= k && memcmp(s.p + n - k, key, k) == 0 && s.n - 1 > n && !(s.n - 2 == n && s.p[n] == '1');
}

sil_err ledger_entry_decode(struct str text, struct ledger_entry *out, struct sil_error *e) {
    struct line again;
    if (text.n >= LEDGER_ENTRY_BYTES) return err_set(e, SIL_FORMAT, "an entry of %zu bytes is too long", text.n);
    if (!read_line(text, out)) {
        if (other_version(text))
            return err_set(e, SIL_UNSUPPORTED, "the entry has another version; read it with a newer sillok");
        return err_set(e, SIL_FORMAT, "the entry is not in the form of docs/record.md");
    }
    struct sil_error why = {0};
    if (check(out, &why) != SIL_OK) return err_set(e, SIL_FORMAT, "%s", why.text);
    write_line(&again, out);
    if (again.n != text.n || memcmp(again.p, text.p, text.n) != 0)
        return err_set(e, SIL_FORMAT, "the entry is not in its canonical form");
    return SIL_OK;
}
