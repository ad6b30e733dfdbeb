/* tool_session_corpus DIR: writes the corpus of fuzz_session into DIR (fuzz/corpus/session). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "engine/session_file.h"

enum { PAGE = 256, PAGE_INT8 = 832 };

/* As fuzz/fuzz_session.c has it. */
static const struct session_shape shape = {
    "CA/fuzz", SIL_KV_F16, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1, 1, 1, 1000, PAGE};
static const struct session_shape int8 = {
    "CA/fuzz", SIL_KV_INT8, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 1, 1, 1,
    1000,      PAGE_INT8};

static sil_err put(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

static uint8_t *page(void *ctx, uint32_t i) {
    static uint8_t bytes[PAGE_INT8];
    memset(bytes, (int)(*(uint8_t *)ctx + i) & 0x3b, sizeof bytes); /* finite binary16, good codes and scales */
    return bytes;
}

static void make(struct buf *b, const struct session_shape *s, uint32_t n_tokens, uint32_t modulus, uint8_t fill) {
    const uint32_t first = 600;
    uint32_t tokens[200];
    for (uint32_t i = 0; i < n_tokens; i++) tokens[i] = (first + i * 7) % modulus;
    buf_clear(b);
    sil_err err = session_file_write((struct session_sink){put, b}, s, tokens, n_tokens,
                                     (struct session_pages){page, &fill}, NULL);
    if (err != SIL_OK) b->n = 0;
}

static int save(const char *dir, const char *name, const struct buf *b) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    int bad = !f || fwrite(b->p, 1, b->n, f) != b->n;
    if (f && fclose(f) != 0) bad = 1;
    if (bad) fprintf(stderr, "%s cannot be written\n", path);
    return bad;
}

static int write_bad(const char *dir, struct buf *b) {
    int bad = 0;
    struct session_shape other = shape;
    other.profile = "CA/other";
    make(b, &other, 3, 1000, 1);
    bad |= save(dir, "bad/profile", b);
    other = shape;
    other.model[5] = 'f';
    make(b, &other, 3, 1000, 1);
    bad |= save(dir, "bad/model", b);
    make(b, &shape, 70, 1200, 1); /* tokens beyond the vocabulary */
    bad |= save(dir, "bad/tokens", b);
    make(b, &shape, 3, 1000, 1);
    b->p[b->n - 1] ^= 1;
    bad |= save(dir, "bad/checksum", b);
    make(b, &shape, 3, 1000, 1);
    b->p[8] = 2;
    bad |= save(dir, "bad/version", b);
    make(b, &shape, 3, 1000, 1);
    memset(b->p + 132, 0xff, 4);
    bad |= save(dir, "bad/count", b);
    make(b, &shape, 3, 1000, 1);
    b->p[256 + 9] = 0x7c;
    bad |= save(dir, "bad/infinite", b);
    make(b, &shape, 3, 1000, 1);
    b->p[192 + 4 * 3 + 1] = 1;
    bad |= save(dir, "bad/padding", b);
    return bad;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s fuzz/corpus/session\n", argv[0]);
        return 2;
    }
    static const uint32_t lengths[] = {0, 1, 16, 64, 65, 190};
    struct buf b;
    char name[64], folder[1024];
    int bad = 0;
    mkdir(argv[1], 0777);
    for (int i = 0; i < 2; i++) {
        snprintf(folder, sizeof folder, "%s/%s", argv[1], i ? "bad" : "good");
        mkdir(folder, 0777);
    }
    buf_init(&b, mem_libc(), 1 << 20);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        make(&b, &shape, lengths[i], shape.n_vocab, (uint8_t)i);
        snprintf(name, sizeof name, "good/tokens-%u", lengths[i]);
        bad |= save(argv[1], name, &b);
    }
    make(&b, &int8, 70, int8.n_vocab, 0x30);
    bad |= save(argv[1], "good/int8", &b);
    b.p[b.n - 64 - 600] = (char)0x80; /* no code that is ever stored */
    bad |= save(argv[1], "bad/int8-code", &b);
    bad |= write_bad(argv[1], &b);
    buf_free(&b);
    return bad;
}
