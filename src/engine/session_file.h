/* session_file: the file format of a saved session, version 1. Little-endian, in this order:
 *
 *   0  "SILLOKKV"; u32 version (1); u32 bytes before the tokens (192)
 *  16  the arithmetic profile, 32 bytes, NUL-padded
 *  48  SHA-256 of the model's files one behind the other, 64 hexadecimal digits
 * 112  u32 layers, KV heads, head dimension, positions of a page (64), KV type (1: binary16, 2: int8), tokens
 * 136  u64 bytes of a page; u64 bytes of the file; zeros to 192
 * 192  u32 per token; zeros to a multiple of 64 bytes
 *      pages as they lie in memory (num.h), positions behind the last token all zero
 *      SHA-256 of everything before, 64 hexadecimal digits
 *
 * Reading checks every field, refuses what is not exactly as a writer would have written it, and trusts nothing before
 * it is checked; the checksum finds damage, not forgery: who may write the file decides what the model remembers. */
#ifndef SIL_ENGINE_SESSION_FILE_H
#define SIL_ENGINE_SESSION_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha.h"
#include "sillok.h"

enum { SESSION_FILE_VERSION = 1, SESSION_FILE_HEADER = 192, SESSION_FILE_PROFILE = 32 };

/* What a session belongs to: a file is good for exactly this. */
struct session_shape {
    const char *profile; /* below SESSION_FILE_PROFILE bytes */
    enum sil_kv kv;
    char model[SHA_HEX];
    uint32_t n_layers, n_kv_heads, head_dim, n_vocab;
    size_t page_bytes;
};

/* Fills p[n]; SIL_FORMAT when the file ends before. */
struct session_source {
    sil_err (*read)(void *ctx, void *p, size_t n, struct sil_error *e);
    void *ctx;
    uint64_t size; /* of the whole file */
};

struct session_sink {
    sil_err (*write)(void *ctx, const void *p, size_t n, struct sil_error *e);
    void *ctx;
};

/* Where page i lies. For reading: room to fill, NULL when there is none; for writing: its contents. */
struct session_pages {
    uint8_t *(*page)(void *ctx, uint32_t i);
    void *ctx;
};

/* tokens[max_tokens] is filled. SIL_FORMAT for a file that is damaged or no session, SIL_UNSUPPORTED for another
 * version, SIL_ARG for another model or profile, SIL_CONTEXT for more than max_tokens, SIL_NOMEM. */
sil_err session_file_read(struct session_source src, const struct session_shape *want, uint32_t *tokens,
                          uint32_t max_tokens, uint32_t *n_tokens, struct session_pages pages, struct sil_error *e);
sil_err session_file_write(struct session_sink sink, const struct session_shape *shape, const uint32_t *tokens,
                           uint32_t n_tokens, struct session_pages pages, struct sil_error *e);

#endif
