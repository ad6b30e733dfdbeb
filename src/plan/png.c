/* png: chunks with their checksums, the pixels as stored deflate blocks, all of it in base64 on the way out. */
#include "plan/png.h"

#include <stddef.h>

/* Bytes on their way into base64: up to two wait for the third. */
struct b64 {
    struct buf *out;
    sil_err err;
    uint32_t bits, held; /* the bytes that wait, and how many */
    uint32_t crc;        /* of the open chunk */
};

static void b64_four(struct b64 *b, uint32_t keep) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char four[4];
    for (uint32_t i = 0; i < 4; i++) four[i] = i < keep ? digits[b->bits >> (18 - 6 * i) & 63] : '=';
    if (b->err == SIL_OK) b->err = buf_put(b->out, four, 4);
    b->bits = b->held = 0;
}

static void put_byte(struct b64 *b, uint8_t v) {
    b->bits |= (uint32_t)v << (16 - 8 * b->held);
    if (++b->held == 3) b64_four(b, 4);
    b->crc ^= v;
    for (int i = 0; i < 8; i++) b->crc = b->crc >> 1 ^ (b->crc & 1 ? 0xedb88320u : 0);
}

static void put_u32(struct b64 *b, uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) put_byte(b, (uint8_t)(v >> shift));
}

static void chunk(struct b64 *b, uint32_t n, const char type[5]) {
    put_u32(b, n);
    b->crc = 0xffffffffu;
    for (int i = 0; i < 4; i++) put_byte(b, (uint8_t)type[i]);
}

static void chunk_end(struct b64 *b) {
    put_u32(b, ~b->crc);
}

/* Each row is one stored block: a filter byte of 0 and the indices. */
static void put_pixels(struct b64 *b, uint32_t w, uint32_t h, const uint8_t *index) {
    uint32_t len = w + 1, s1 = 1, s2 = 0; /* Adler-32 */
    chunk(b, 2 + h * (5 + len) + 4, "IDAT");
    put_byte(b, 0x78);
    put_byte(b, 0x01);
    for (uint32_t y = 0; y < h; y++) {
        put_byte(b, y + 1 == h);
        put_byte(b, (uint8_t)len);
        put_byte(b, (uint8_t)(len >> 8));
        put_byte(b, (uint8_t)~len);
        put_byte(b, (uint8_t)(~len >> 8));
        for (uint32_t x = 0; x < len; x++) {
            uint8_t v = x == 0 ? 0 : index[(size_t)y * w + x - 1];
            put_byte(b, v);
            s1 = (s1 + v) % 65521;
            s2 = (s2 + s1) % 65521;
        }
    }
    put_u32(b, s2 << 16 | s1);
    chunk_end(b);
}

sil_err png_base64(struct buf *out, uint32_t w, uint32_t h, const uint8_t *index, const uint32_t colour[256]) {
    if (w == 0 || h == 0 || w > PNG_SIDE_MAX || h > PNG_SIDE_MAX) return SIL_ARG;
    static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct b64 b = {.out = out, .err = SIL_OK};
    for (size_t i = 0; i < sizeof magic; i++) put_byte(&b, magic[i]);
    chunk(&b, 13, "IHDR");
    put_u32(&b, w);
    put_u32(&b, h);
    put_byte(&b, 8); /* bits; 3: palette */
    put_byte(&b, 3);
    for (int i = 0; i < 3; i++) put_byte(&b, 0);
    chunk_end(&b);
    chunk(&b, 768, "PLTE");
    for (int i = 0; i < 256; i++)
        for (int shift = 16; shift >= 0; shift -= 8) put_byte(&b, (uint8_t)(colour[i] >> shift));
    chunk_end(&b);
    put_pixels(&b, w, h, index);
    chunk(&b, 0, "IEND");
    chunk_end(&b);
    if (b.held) b64_four(&b, b.held + 1);
    return b.err;
}
