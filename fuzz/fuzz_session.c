/* fuzz_session: any bytes as a saved session, as they are and with the checksum made right. What is read must be what
 * would be written again. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/session_file.h"

enum { TOKENS = 200, PAGES = 4, PAGE_MAX = 832, KV_AT = 128, DIGEST = SHA_HEX - 1 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

/* As tests/tool_session_corpus.c has it. */
static const struct session_shape shapes[SIL_KV_KINDS] = {
    {"CA/fuzz", SIL_KV_F16, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1, 1, 1, 1000, 256},
    {"CA/fuzz", SIL_KV_INT8, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1, 1, 1, 1000, 832}};

struct input {
    const uint8_t *p;
    size_t n, at;
    _Alignas(4) uint8_t pages[PAGES][PAGE_MAX];
};

static sil_err get(void *ctx, void *p, size_t n, struct sil_error *e) {
    struct input *in = ctx;
    (void)e;
    if (n > in->n - in->at) return SIL_FORMAT;
    memcpy(p, in->p + in->at, n);
    in->at += n;
    return SIL_OK;
}

static sil_err put(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

static uint8_t *page(void *ctx, uint32_t i) {
    return i < PAGES ? ((struct input *)ctx)->pages[i] : NULL;
}

static void check(const uint8_t *p, size_t n) {
    const struct session_shape *shape = &shapes[n > KV_AT && p[KV_AT] == 2];
    struct input in = {.p = p, .n = n};
    struct sil_error e = {0};
    struct session_pages pages = {page, &in};
    uint32_t tokens[TOKENS], n_tokens = 0;
    sil_err err = session_file_read((struct session_source){get, &in, n}, shape, tokens, TOKENS, &n_tokens, pages, &e);
    if (err != SIL_OK) return;
    PROMISE(n_tokens <= TOKENS && in.at == n);
    for (uint32_t i = 0; i < n_tokens; i++) PROMISE(tokens[i] < shape->n_vocab);
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 20);
    PROMISE(session_file_write((struct session_sink){put, &b}, shape, tokens, n_tokens, pages, &e) == SIL_OK);
    PROMISE(b.n == n && memcmp(b.p, p, n) == 0);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    check(p, n);
    if (n < DIGEST) return 0;
    uint8_t *copy = malloc(n);
    char digest[SHA_HEX];
    if (!copy) return 0;
    sha_hex(p, n - DIGEST, digest);
    memcpy(copy, p, n - DIGEST);
    memcpy(copy + n - DIGEST, digest, DIGEST);
    check(copy, n);
    free(copy);
    return 0;
}
