#include "engine/session_file.h"

#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/err.h"
#include "num/floatbits.h"
#include "num/kv_int8.h"

enum {
    AT_VERSION = 8,
    AT_HEADER = 12,
    AT_PROFILE = 16,
    AT_MODEL = 48,
    AT_SHAPE = 112,  /* six numbers */
    AT_TOKENS = 132, /* the last of them */
    AT_PAGE_BYTES = 136,
    AT_FILE_BYTES = 144,
    DIGEST = SHA_HEX - 1,
    PART = 512 /* tokens that pass through at once */
};

static const uint32_t kv_code[SIL_KV_KINDS] = {[SIL_KV_F16] = 1, [SIL_KV_INT8] = 2};

static const char magic[8] = {'S', 'I', 'L', 'L', 'O', 'K', 'K', 'V'};

static void put_u32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_u64(uint8_t *p, uint64_t v) {
    put_u32(p, (uint32_t)v);
    put_u32(p + 4, (uint32_t)(v >> 32));
}

static uint64_t get_u64(const uint8_t *p) {
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

static uint32_t pages_of(uint32_t n_tokens) {
    return n_tokens / NUM_KV_PAGE + (n_tokens % NUM_KV_PAGE != 0);
}

static uint64_t padding(uint32_t n_tokens) {
    return (64 - (uint64_t)n_tokens * 4 % 64) % 64;
}

/* False when it does not fit. */
static bool file_bytes(const struct session_shape *s, uint32_t n_tokens, uint64_t *out) {
    uint64_t pages, tokens = SESSION_FILE_HEADER + (uint64_t)n_tokens * 4 + padding(n_tokens) + DIGEST;
    return u64_mul(pages_of(n_tokens), s->page_bytes, &pages) && u64_add(pages, tokens, out);
}

/* The whole header, as the writer of this shape and length makes it. */
static sil_err make_header(const struct session_shape *s, uint32_t n_tokens, uint8_t out[SESSION_FILE_HEADER],
                           struct sil_error *e) {
    assert(strlen(s->profile) < SESSION_FILE_PROFILE && strlen(s->model) == DIGEST);
    const uint32_t shape[6] = {s->n_layers, s->n_kv_heads, s->head_dim, NUM_KV_PAGE, kv_code[s->kv], n_tokens};
    uint64_t bytes;
    if (!file_bytes(s, n_tokens, &bytes)) return err_set(e, SIL_LIMIT, "a session of %u tokens is too large", n_tokens);
    memset(out, 0, SESSION_FILE_HEADER);
    memcpy(out, magic, sizeof magic);
    put_u32(out + AT_VERSION, SESSION_FILE_VERSION);
    put_u32(out + AT_HEADER, SESSION_FILE_HEADER);
    memcpy(out + AT_PROFILE, s->profile, strlen(s->profile));
    memcpy(out + AT_MODEL, s->model, DIGEST);
    for (size_t i = 0; i < 6; i++) put_u32(out + AT_SHAPE + i * 4, shape[i]);
    put_u64(out + AT_PAGE_BYTES, s->page_bytes);
    put_u64(out + AT_FILE_BYTES, bytes);
    return SIL_OK;
}

/* ---- writing ---- */

struct writer {
    struct session_sink sink;
    struct sha sha;
};

static sil_err emit(struct writer *w, const void *p, size_t n, struct sil_error *e) {
    if (n == 0) return SIL_OK;
    sha_add(&w->sha, p, n);
    return w->sink.write(w->sink.ctx, p, n, e);
}

static sil_err emit_tokens(struct writer *w, const uint32_t *tokens, uint32_t n, struct sil_error *e) {
    static const uint8_t zeros[64];
    uint8_t part[PART * 4] = {0};
    for (uint32_t at = 0; at < n; at += PART) {
        uint32_t k = n - at < PART ? n - at : PART;
        for (uint32_t i = 0; i < k; i++) put_u32(part + (size_t)i * 4, tokens[at + i]);
        SIL_TRY(emit(w, part, (size_t)k * 4, e));
    }
    return emit(w, zeros, padding(n), e);
}

sil_err session_file_write(struct session_sink sink, const struct session_shape *shape, const uint32_t *tokens,
                           uint32_t n_tokens, struct session_pages pages, struct sil_error *e) {
    struct writer w = {.sink = sink};
    uint8_t header[SESSION_FILE_HEADER];
    char digest[SHA_HEX];
    SIL_TRY(make_header(shape, n_tokens, header, e));
    sha_begin(&w.sha);
    SIL_TRY(emit(&w, header, sizeof header, e));
    SIL_TRY(emit_tokens(&w, tokens, n_tokens, e));
    for (uint32_t i = 0; i < pages_of(n_tokens); i++) SIL_TRY(emit(&w, pages.page(pages.ctx, i), shape->page_bytes, e));
    sha_end(&w.sha, digest);
    return sink.write(sink.ctx, digest, DIGEST, e);
}

/* ---- reading ---- */

struct reader {
    struct session_source src;
    struct sha sha;
};

static sil_err take(struct reader *r, void *p, size_t n, struct sil_error *e) {
    if (n == 0) return SIL_OK;
    SIL_TRY(r->src.read(r->src.ctx, p, n, e));
    sha_add(&r->sha, p, n);
    return SIL_OK;
}

/* What another model, profile or version wrote is told from what is damaged. */
static sil_err explain_header(const uint8_t *h, const uint8_t *want, const struct session_shape *s,
                              struct sil_error *e) {
    if (memcmp(h, magic, sizeof magic) != 0) return err_set(e, SIL_FORMAT, "this is not a saved session");
    if (get_u32(h + AT_VERSION) != SESSION_FILE_VERSION)
        return err_set(e, SIL_UNSUPPORTED, "the session was saved in version %u of the format; this program reads %d",
                       get_u32(h + AT_VERSION), SESSION_FILE_VERSION);
    if (memcmp(h + AT_PROFILE, want + AT_PROFILE, SESSION_FILE_PROFILE) != 0)
        return err_set(e, SIL_ARG, "the session was computed by profile \"%.*s\", not \"%s\"; read its text again",
                       (int)strnlen((const char *)h + AT_PROFILE, SESSION_FILE_PROFILE), (const char *)h + AT_PROFILE,
                       s->profile);
    if (memcmp(h + AT_MODEL, want + AT_MODEL, DIGEST) != 0)
        return err_set(e, SIL_ARG, "the session belongs to another model (SHA-256 %.16s..., this one %.16s...)",
                       (const char *)h + AT_MODEL, s->model);
    return err_set(e, SIL_FORMAT, "the saved session is damaged: its header contradicts itself");
}

static sil_err read_header(struct reader *r, const struct session_shape *s, uint32_t max_tokens, uint32_t *n_tokens,
                           struct sil_error *e) {
    uint8_t h[SESSION_FILE_HEADER], want[SESSION_FILE_HEADER];
    if (r->src.size < SESSION_FILE_HEADER + DIGEST)
        return err_set(e, SIL_FORMAT, "the file is too short for a session");
    SIL_TRY(take(r, h, sizeof h, e));
    *n_tokens = get_u32(h + AT_TOKENS);
    SIL_TRY(make_header(s, *n_tokens, want, e));
    if (memcmp(h, want, sizeof h) != 0) return explain_header(h, want, s, e);
    uint64_t bytes = get_u64(h + AT_FILE_BYTES);
    if (bytes != r->src.size)
        return err_set(e, SIL_FORMAT, "the saved session is damaged: %llu bytes instead of %llu",
                       (unsigned long long)r->src.size, (unsigned long long)bytes);
    if (*n_tokens > max_tokens)
        return err_set(e, SIL_CONTEXT, "the saved session has %u tokens, the context is %u; open a longer one",
                       *n_tokens, max_tokens);
    return SIL_OK;
}

static sil_err read_tokens(struct reader *r, const struct session_shape *s, uint32_t *tokens, uint32_t n,
                           struct sil_error *e) {
    uint8_t part[PART * 4] = {0};
    for (uint32_t at = 0; at < n; at += PART) {
        uint32_t k = n - at < PART ? n - at : PART;
        SIL_TRY(take(r, part, (size_t)k * 4, e));
        for (uint32_t i = 0; i < k; i++) {
            tokens[at + i] = get_u32(part + (size_t)i * 4);
            if (tokens[at + i] >= s->n_vocab)
                return err_set(e, SIL_FORMAT, "the saved session is damaged: token %u is %u, the vocabulary has %u",
                               at + i, tokens[at + i], s->n_vocab);
        }
    }
    SIL_TRY(take(r, part, padding(n), e));
    for (uint64_t i = 0; i < padding(n); i++)
        if (part[i]) return err_set(e, SIL_FORMAT, "the saved session is damaged: padding is not zero");
    return SIL_OK;
}

/* A scale is 0 or, as that of a block with a largest value from 2^-60 on, a positive number; codes are above -128. */
static bool valid_int8(uint8_t *part, uint32_t head_dim) {
    struct kv8 p = kv8_part(part, head_dim);
    for (const int8_t *c = p.k; c < (const int8_t *)p.dk; c++)
        if (*c == INT8_MIN) return false;
    for (uint32_t i = 0; i < 2 * NUM_KV_PAGE; i++) {
        uint32_t d = float_bits(p.dk[i]);
        if (d != 0 && (d < float_bits(0x1p-60f / 127.0f) || d >= 0x7f800000u)) return false;
    }
    return true;
}

/* Keys and values were finite when they were stored. */
static bool all_valid(const struct session_shape *s, uint8_t *page) {
    if (s->kv == SIL_KV_F16) {
        for (size_t i = 1; i < s->page_bytes; i += 2)
            if ((page[i] & 0x7c) == 0x7c) return false;
        return true;
    }
    size_t part = num_kv_bytes(s->kv, s->head_dim);
    for (size_t at = 0; at + part <= s->page_bytes; at += part)
        if (!valid_int8(page + at, s->head_dim)) return false;
    return true;
}

sil_err session_file_read(struct session_source src, const struct session_shape *want, uint32_t *tokens,
                          uint32_t max_tokens, uint32_t *n_tokens, struct session_pages pages, struct sil_error *e) {
    struct reader r = {.src = src};
    char have[DIGEST], digest[SHA_HEX];
    sha_begin(&r.sha);
    SIL_TRY(read_header(&r, want, max_tokens, n_tokens, e));
    SIL_TRY(read_tokens(&r, want, tokens, *n_tokens, e));
    for (uint32_t i = 0; i < pages_of(*n_tokens); i++) {
        uint8_t *page = pages.page(pages.ctx, i);
        if (!page) return err_set(e, SIL_NOMEM, "all KV pages are in use; close a session or open the engine for more");
        SIL_TRY(take(&r, page, want->page_bytes, e));
        if (!all_valid(want, page))
            return err_set(e, SIL_FORMAT,
                           "the saved session is damaged: it has a key or value that cannot have been stored");
    }
    SIL_TRY(src.read(src.ctx, have, DIGEST, e));
    sha_end(&r.sha, digest);
    if (memcmp(have, digest, DIGEST) != 0)
        return err_set(e, SIL_FORMAT, "the saved session is damaged: its checksum is wrong");
    return SIL_OK;
}
