/* gguf: the GGUF container, versions 2 and 3, little-endian (format: docs/gguf.md of the ggml project).
 * Bytes in, fully validated, then trusted: after gguf_parse every view lies within the given bytes, every tensor's
 * shape times type equals its byte range, names are unique, and no size arithmetic has wrapped. No I/O here. */
#ifndef SIL_FORMATS_GGUF_H
#define SIL_FORMATS_GGUF_H

#include <stdint.h>

#include "base/arena.h"
#include "base/dtype.h"
#include "base/str.h"
#include "sillok.h"

/* Limits; a file beyond one is refused with SIL_LIMIT. */
enum {
    GGUF_KEYS_MAX = 1 << 16,
    GGUF_TENSORS_MAX = 1 << 17,
    GGUF_NAME_MAX = 1024,       /* bytes of a key or tensor name */
    GGUF_STRING_MAX = 64 << 20, /* bytes of one string value */
    GGUF_ARRAY_MAX = 64 << 20,  /* elements of one array */
    GGUF_DEPTH_MAX = 4,         /* arrays of arrays */
    GGUF_DIMS_MAX = 4,
    GGUF_SHARDS_MAX = 1024,
    GGUF_ALIGN_MIN = 8,
    GGUF_ALIGN_MAX = 1 << 20
};

enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPE_COUNT
};

struct gguf_array;

struct gguf_value {
    enum gguf_type type;
    union {
        uint64_t u;   /* U8..U64, BOOL */
        int64_t i;    /* I8..I64 */
        double f;     /* F32, F64 */
        struct str s; /* STRING: a view into the file */
        struct gguf_array *a;
    } as;
};

struct gguf_array {
    enum gguf_type type; /* of the elements */
    uint64_t n;
    const uint8_t *bytes; /* scalars: little-endian elements in the file, maybe unaligned; NULL for strings, arrays */
    const struct str *strings;       /* n views, for GGUF_STRING */
    const struct gguf_array *arrays; /* n, for GGUF_ARRAY */
};

struct gguf_kv {
    struct str key;
    struct gguf_value value;
};

struct gguf_tensor {
    struct str name;
    uint32_t type; /* GGUF number; enum dtype when dtype_get knows it */
    uint32_t n_dims;
    uint64_t dims[GGUF_DIMS_MAX]; /* dims[0] is the row length; unused ones are 1 */
    uint64_t offset;              /* from the start of its shard's tensor data */
    const uint8_t *data;          /* NULL when the type is unknown to Sillok */
    uint64_t n_bytes;
    uint32_t shard;
};

struct gguf {
    uint32_t version, alignment;
    size_t data_at; /* where the tensor data start in the (first) file */
    size_t n_kv, n_tensors;
    const struct gguf_kv *kv;          /* in file order */
    const struct gguf_tensor *tensors; /* in file order, shard after shard */
    /* Private: positions in kv and tensors, ascending by name (hostile names cannot make a look-up slow). */
    const uint32_t *kv_index, *tensor_index;
    uint32_t n_shards;
};

/* A limit for the arena of one parsed file that no file reaches: a record takes less than four times its bytes. */
static inline size_t gguf_arena_limit(size_t file_bytes) {
    return file_bytes < SIZE_MAX / 16 ? file_bytes * 8 + (1 << 20) : SIZE_MAX / 2;
}

/* Parses one file. Strings and tensor data are views into bytes, which must outlive *out; the rest lives in the arena.
 * A tensor of a type that Sillok does not know is kept with data == NULL if `lenient` (for inspect), otherwise it is
 * SIL_UNSUPPORTED and the error names the type and those that are supported. Big-endian files and version 1 are named
 * as such in the error. */
sil_err gguf_parse(struct arena *a, struct str bytes, bool lenient, struct gguf **out, struct sil_error *e);

/* Joins the parsed shards of one model (split.no 0..n-1, split.count, split.tensors.count checked): metadata of the
 * first, tensors of all. */
sil_err gguf_join(struct arena *a, struct gguf *const *shards, size_t n, struct gguf **out, struct sil_error *e);

/* NULL when there is none. */
const struct gguf_value *gguf_find(const struct gguf *g, const char *key);
const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name);

/* Typed access: SIL_FORMAT when the key is absent or has another type or does not fit; e names the key, what is there
 * and what was needed. The integer forms take any integer type, gguf_f32 also any float type. */
sil_err gguf_u32(const struct gguf *g, const char *key, uint32_t *out, struct sil_error *e);
sil_err gguf_f32(const struct gguf *g, const char *key, float *out, struct sil_error *e);
sil_err gguf_bool(const struct gguf *g, const char *key, bool *out, struct sil_error *e);
sil_err gguf_str(const struct gguf *g, const char *key, struct str *out, struct sil_error *e);
/* An array whose elements have the given type. */
sil_err gguf_array(const struct gguf *g, const char *key, enum gguf_type type, const struct gguf_array **out,
                   struct sil_error *e);

/* Element i of a scalar array (i < n); the integer form for integer and bool arrays. */
int64_t gguf_array_int(const struct gguf_array *a, uint64_t i);
double gguf_array_float(const struct gguf_array *a, uint64_t i);

/* "u8" ... "f64", "bool", "string", "array". Never NULL. */
const char *gguf_type_name(enum gguf_type t);
/* Bytes of a scalar; 0 for strings and arrays. */
size_t gguf_type_size(enum gguf_type t);

/* Writing: a file is described in memory, then written through a callback in one ascending pass (tensor data are given
 * when asked for, so that a large model is never held whole). Deterministic to the byte: order as added, padding 0.
 * The first failure sticks: later puts do nothing, and it comes out of gguf_write with its words, so that a caller may
 * check there only. */
struct gguf_writer; /* lives in an arena */

/* alignment: a power of two from 8 to GGUF_ALIGN_MAX (GGUF's default is 32; for another one the key general.alignment
 * is written first unless it is put). */
sil_err gguf_writer_new(struct arena *a, uint32_t alignment, struct gguf_writer **out);
sil_err gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t v);
sil_err gguf_put_f32(struct gguf_writer *w, const char *key, float v);
sil_err gguf_put_bool(struct gguf_writer *w, const char *key, bool v);
sil_err gguf_put_str(struct gguf_writer *w, const char *key, struct str v);
/* Any value, copied deeply: for passing on the metadata of a parsed file. */
sil_err gguf_put_value(struct gguf_writer *w, struct str key, const struct gguf_value *v);
sil_err gguf_put_array_str(struct gguf_writer *w, const char *key, const struct str *v, size_t n);
/* v: n native elements of a scalar type. */
sil_err gguf_put_array(struct gguf_writer *w, const char *key, enum gguf_type type, const void *v, size_t n);
/* Shape times type gives the byte count; data (borrowed until gguf_write returns) may be NULL when `fill` makes it. */
sil_err gguf_put_tensor(struct gguf_writer *w, const char *name, enum dtype type, uint32_t n_dims, const uint64_t *dims,
                        const void *data);

struct gguf_sink {
    sil_err (*write)(void *ctx, const void *p, size_t n, struct sil_error *e);
    /* Makes the data of tensor `index` (as added) that was put without data: calls write itself, n_bytes in all.
     * May be NULL when every tensor has data. */
    sil_err (*fill)(void *ctx, size_t index, uint64_t n_bytes, struct sil_error *e);
    void *ctx;
};
sil_err gguf_write(struct gguf_writer *w, struct gguf_sink sink, struct sil_error *e);

#endif
