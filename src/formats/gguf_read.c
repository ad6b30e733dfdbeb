/* gguf_read: bytes to struct gguf. Nothing is allocated for a count before that many records are shown to fit into the
 * bytes that are left; every sum and product is checked; nothing is trusted before gguf_parse returns SIL_OK. */
#include <stdio.h>

#include "base/checked.h"
#include "base/err.h"
#include "formats/gguf_index.h"
#include "formats/reader.h"

enum {
    DEFAULT_ALIGNMENT = 32,
    /* Least bytes of a record in a file. */
    STRING_MIN = 8,                    /* length */
    ARRAY_MIN = 4 + 8,                 /* element type, count */
    KV_MIN = 8 + 1 + 4 + 1,            /* name, type, value */
    TENSOR_MIN = 8 + 1 + 4 + 8 + 4 + 8 /* name, rank, one dimension, type, offset */
};

struct parse {
    struct reader r;
    struct arena *arena;
    struct sil_error *e;
    const char *what; /* "key" or "tensor" being read, with its name, for errors */
    struct str name;
    bool lenient;
};

static sil_err truncated(struct parse *p) {
    return err_set(p->e, SIL_FORMAT, "%s \"%.*s\": the file ends in the middle of it (%zu bytes; a broken download?)",
                   p->what, STR_ARG(p->name), p->r.n);
}

static sil_err nomem(struct parse *p, uint64_t n, size_t size) {
    return err_nomem(p->e, "the metadata of a GGUF file", (size_t)n * size);
}

/* A length and that many bytes. */
static sil_err read_string(struct parse *p, struct str *out) {
    uint64_t n;
    const uint8_t *bytes;
    if (!reader_u64(&p->r, &n)) return truncated(p);
    if (n > reader_left(&p->r))
        return err_set(p->e, SIL_FORMAT, "%s \"%.*s\": a string of %llu bytes, but only %zu are left in the file",
                       p->what, STR_ARG(p->name), (unsigned long long)n, reader_left(&p->r));
    if (n > GGUF_STRING_MAX)
        return err_set(p->e, SIL_LIMIT, "%s \"%.*s\": a string of %llu bytes; the limit is %d", p->what,
                       STR_ARG(p->name), (unsigned long long)n, GGUF_STRING_MAX);
    if (!reader_take(&p->r, n, &bytes)) return truncated(p);
    *out = (struct str){(const char *)bytes, (size_t)n};
    return SIL_OK;
}

/* The name of key or tensor number i, which later errors give. */
static sil_err read_name(struct parse *p, const char *what, size_t i, struct str *out) {
    char number[32];
    int n = snprintf(number, sizeof number, "number %zu", i);
    p->what = what;
    p->name = (struct str){number, (size_t)n};
    sil_err err = read_string(p, out);
    if (err == SIL_OK && out->n == 0) err = err_set(p->e, SIL_FORMAT, "%s number %zu has an empty name", what, i);
    else if (err == SIL_OK && out->n > GGUF_NAME_MAX)
        err = err_set(p->e, SIL_LIMIT, "%s number %zu has a name of %zu bytes; the limit is %d", what, i, out->n,
                      GGUF_NAME_MAX);
    else if (err == SIL_OK && !gguf_printable(*out))
        err = err_set(p->e, SIL_FORMAT, "%s number %zu has a name that is not printable UTF-8", what, i);
    p->name = err == SIL_OK ? *out : STR("");
    return err;
}

static sil_err bad_bool(struct parse *p, unsigned v) {
    return err_set(p->e, SIL_FORMAT, "%s \"%.*s\": a bool is %u; it can be 0 or 1", p->what, STR_ARG(p->name), v);
}

static sil_err read_scalar(struct parse *p, struct gguf_value *v) {
    const uint8_t *b;
    if (!reader_take(&p->r, gguf_type_size(v->type), &b)) return truncated(p);
    struct gguf_array one = {.type = v->type, .n = 1, .bytes = b};
    if (v->type == GGUF_F32 || v->type == GGUF_F64) v->as.f = gguf_array_float(&one, 0);
    else v->as.i = gguf_array_int(&one, 0);
    return v->type == GGUF_BOOL && v->as.u > 1 ? bad_bool(p, *b) : SIL_OK;
}

/* Type and count of an array, the count shown to fit. */
static sil_err read_array_head(struct parse *p, struct gguf_array *out) {
    uint32_t type;
    if (!reader_u32(&p->r, &type) || !reader_u64(&p->r, &out->n)) return truncated(p);
    if (type >= GGUF_TYPE_COUNT)
        return err_set(p->e, SIL_FORMAT, "%s \"%.*s\": an array of type %u, which GGUF does not have", p->what,
                       STR_ARG(p->name), type);
    out->type = (enum gguf_type)type;
    size_t size = gguf_type_size(out->type);
    if (size == 0) size = out->type == GGUF_STRING ? STRING_MIN : ARRAY_MIN;
    if (!reader_fits(&p->r, out->n, size))
        return err_set(p->e, SIL_FORMAT,
                       "%s \"%.*s\": an array of %llu elements, but only %zu bytes are left in the file", p->what,
                       STR_ARG(p->name), (unsigned long long)out->n, reader_left(&p->r));
    if (out->n > GGUF_ARRAY_MAX)
        return err_set(p->e, SIL_LIMIT, "%s \"%.*s\": an array of %llu elements; the limit is %d", p->what,
                       STR_ARG(p->name), (unsigned long long)out->n, GGUF_ARRAY_MAX);
    return SIL_OK;
}

static sil_err read_array_scalars(struct parse *p, struct gguf_array *out) {
    if (!reader_take(&p->r, out->n * gguf_type_size(out->type), &out->bytes)) return truncated(p);
    for (uint64_t i = 0; out->type == GGUF_BOOL && i < out->n; i++)
        if (out->bytes[i] > 1) return bad_bool(p, out->bytes[i]);
    return SIL_OK;
}

/* Recursion at most GGUF_DEPTH_MAX deep. */
static sil_err read_array(struct parse *p, unsigned depth, struct gguf_array *out) {
    if (depth > GGUF_DEPTH_MAX)
        return err_set(p->e, SIL_LIMIT, "%s \"%.*s\": arrays nested deeper than %d", p->what, STR_ARG(p->name),
                       GGUF_DEPTH_MAX);
    SIL_TRY(read_array_head(p, out));
    if (out->type == GGUF_STRING) {
        struct str *s = ARENA_ARRAY(p->arena, out->n, struct str);
        if (!s) return nomem(p, out->n, sizeof *s);
        for (uint64_t i = 0; i < out->n; i++) SIL_TRY(read_string(p, &s[i]));
        out->strings = s;
        return SIL_OK;
    }
    if (out->type == GGUF_ARRAY) {
        struct gguf_array *inner = ARENA_ARRAY(p->arena, out->n, struct gguf_array);
        if (!inner) return nomem(p, out->n, sizeof *inner);
        for (uint64_t i = 0; i < out->n; i++) SIL_TRY(read_array(p, depth + 1, &inner[i]));
        out->arrays = inner;
        return SIL_OK;
    }
    return read_array_scalars(p, out);
}

static sil_err read_kv(struct parse *p, size_t i, struct gguf_kv *kv) {
    uint32_t type;
    SIL_TRY(read_name(p, "key", i, &kv->key));
    if (!reader_u32(&p->r, &type)) return truncated(p);
    if (type >= GGUF_TYPE_COUNT)
        return err_set(p->e, SIL_FORMAT, "key \"%.*s\": a value of type %u, which GGUF does not have", STR_ARG(kv->key),
                       type);
    kv->value.type = (enum gguf_type)type;
    if (type == GGUF_STRING) return read_string(p, &kv->value.as.s);
    if (type != GGUF_ARRAY) return read_scalar(p, &kv->value);
    kv->value.as.a = ARENA_NEW(p->arena, struct gguf_array);
    if (!kv->value.as.a) return nomem(p, 1, sizeof *kv->value.as.a);
    return read_array(p, 1, kv->value.as.a);
}

static sil_err read_dims(struct parse *p, struct gguf_tensor *t) {
    uint64_t elements = 1;
    if (!reader_u32(&p->r, &t->n_dims)) return truncated(p);
    if (t->n_dims == 0 || t->n_dims > GGUF_DIMS_MAX)
        return err_set(p->e, SIL_FORMAT, "tensor \"%.*s\": %u dimensions; there can be 1 to %d", STR_ARG(t->name),
                       t->n_dims, GGUF_DIMS_MAX);
    for (uint32_t i = 0; i < GGUF_DIMS_MAX; i++) {
        t->dims[i] = 1;
        if (i >= t->n_dims) continue;
        if (!reader_u64(&p->r, &t->dims[i])) return truncated(p);
        if (t->dims[i] == 0)
            return err_set(p->e, SIL_FORMAT, "tensor \"%.*s\": dimension %u is 0", STR_ARG(t->name), i);
        if (!u64_mul(elements, t->dims[i], &elements) || elements > INT64_MAX)
            return err_set(p->e, SIL_FORMAT, "tensor \"%.*s\": the product of its dimensions overflows",
                           STR_ARG(t->name));
    }
    return SIL_OK;
}

static sil_err unknown_type(struct parse *p, const struct gguf_tensor *t) {
    const char *name = dtype_gguf_name(t->type);
    return err_set(p->e, SIL_UNSUPPORTED,
                   "tensor \"%.*s\" has type %u (%s); supported are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, "
                   "Q4_K, Q5_K and Q6_K",
                   STR_ARG(t->name), t->type, name ? name : "unknown");
}

static sil_err read_tensor(struct parse *p, size_t i, struct gguf_tensor *t) {
    SIL_TRY(read_name(p, "tensor", i, &t->name));
    SIL_TRY(read_dims(p, t));
    if (!reader_u32(&p->r, &t->type) || !reader_u64(&p->r, &t->offset)) return truncated(p);
    const struct dtype_info *info = dtype_get(t->type);
    if (!info) return p->lenient ? SIL_OK : unknown_type(p, t);
    if (t->dims[0] % info->block_len != 0)
        return err_set(p->e, SIL_FORMAT, "tensor \"%.*s\": rows of %llu elements, but %s needs multiples of %u",
                       STR_ARG(t->name), (unsigned long long)t->dims[0], info->name, info->block_len);
    if (!gguf_tensor_bytes(info, t->dims, &t->n_bytes))
        return err_set(p->e, SIL_FORMAT, "tensor \"%.*s\": the product of its dimensions overflows", STR_ARG(t->name));
    return SIL_OK;
}

static sil_err read_alignment(const struct gguf *g, uint32_t *out, struct sil_error *e) {
    *out = DEFAULT_ALIGNMENT;
    if (!gguf_find(g, "general.alignment")) return SIL_OK;
    SIL_TRY(gguf_u32(g, "general.alignment", out, e));
    if (*out < GGUF_ALIGN_MIN || *out > GGUF_ALIGN_MAX || (*out & (*out - 1)) != 0)
        return err_set(e, SIL_FORMAT, "general.alignment is %u; it must be a power of two from %d to %d", *out,
                       GGUF_ALIGN_MIN, GGUF_ALIGN_MAX);
    return SIL_OK;
}

/* Gives tensor t its bytes within data[0..n). */
static sil_err place(struct gguf_tensor *t, uint32_t alignment, const uint8_t *data, size_t n, struct sil_error *e) {
    if (t->offset % alignment != 0)
        return err_set(e, SIL_FORMAT, "tensor \"%.*s\": offset %llu is not a multiple of the alignment %u",
                       STR_ARG(t->name), (unsigned long long)t->offset, alignment);
    if (t->offset > n || t->n_bytes > n - t->offset)
        return err_set(
            e, SIL_FORMAT,
            "tensor \"%.*s\": %llu bytes at offset %llu, but the file has %zu bytes of tensor data (a broken "
            "download?)",
            STR_ARG(t->name), (unsigned long long)t->n_bytes, (unsigned long long)t->offset, n);
    t->data = dtype_get(t->type) ? data + t->offset : NULL;
    return SIL_OK;
}

static bool offset_before(const void *ctx, uint32_t a, uint32_t b) {
    const struct gguf_tensor *t = ctx;
    return t[a].offset < t[b].offset;
}

static sil_err check_overlap(struct arena *a, const struct gguf_tensor *t, size_t n, struct sil_error *e) {
    uint32_t *order = gguf_sorted(a, n, offset_before, t);
    if (!order) return err_nomem(e, "the order of tensors", n * sizeof *order);
    for (size_t i = 1; i < n; i++) {
        const struct gguf_tensor *x = &t[order[i - 1]], *y = &t[order[i]];
        uint64_t taken = x->n_bytes ? x->n_bytes : 1; /* of an unknown type: at least something */
        if (y->offset - x->offset < taken)
            return err_set(e, SIL_FORMAT, "tensors \"%.*s\" and \"%.*s\" overlap", STR_ARG(x->name), STR_ARG(y->name));
    }
    return SIL_OK;
}

/* Shapes are known; now the bytes. The data begin at the next multiple of the alignment behind the records. */
static sil_err read_data(struct parse *p, struct gguf *g, struct gguf_tensor *t) {
    size_t start;
    SIL_TRY(read_alignment(g, &g->alignment, p->e));
    if (!size_align(p->r.at, g->alignment, &start) || start > p->r.n) {
        if (g->n_tensors) return err_set(p->e, SIL_FORMAT, "the file ends before its tensor data (a broken download?)");
        start = p->r.n;
    }
    g->data_at = start;
    for (size_t i = 0; i < g->n_tensors; i++) SIL_TRY(place(&t[i], g->alignment, p->r.p + start, p->r.n - start, p->e));
    return check_overlap(p->arena, t, g->n_tensors, p->e);
}

static sil_err check_version(uint32_t version, struct sil_error *e) {
    if (version == 2 || version == 3) return SIL_OK;
    if (version == 1)
        return err_set(e, SIL_UNSUPPORTED,
                       "GGUF version 1 is not supported (2 and 3 are); convert the model again with a "
                       "current converter");
    if (version != 0 && (version & 0xffff) == 0)
        return err_set(e, SIL_UNSUPPORTED, "a big-endian GGUF file; only little-endian ones are supported");
    return err_set(e, SIL_UNSUPPORTED, "GGUF version %u is not supported (2 and 3 are)", version);
}

static sil_err read_magic(struct parse *p) {
    char magic[4];
    if (!reader_bytes(&p->r, magic, sizeof magic))
        return err_set(p->e, SIL_FORMAT, "not a GGUF file: it has only %zu bytes", p->r.n);
    if (memcmp(magic, "FUGG", 4) == 0)
        return err_set(p->e, SIL_UNSUPPORTED, "a big-endian GGUF file; only little-endian ones are supported");
    if (memcmp(magic, "lmgg", 4) == 0 || memcmp(magic, "tjgg", 4) == 0 || memcmp(magic, "fmgg", 4) == 0)
        return err_set(p->e, SIL_UNSUPPORTED,
                       "a GGML file from before GGUF; convert the model again with a current "
                       "converter");
    if (memcmp(magic, "GGUF", 4) != 0) return err_set(p->e, SIL_FORMAT, "not a GGUF file: it does not begin with GGUF");
    return SIL_OK;
}

/* Magic, version and the two counts, shown to fit. */
static sil_err read_head(struct parse *p, struct gguf *g) {
    uint64_t n_tensors, n_kv;
    SIL_TRY(read_magic(p));
    if (!reader_u32(&p->r, &g->version)) return err_set(p->e, SIL_FORMAT, "the file ends after its magic number");
    SIL_TRY(check_version(g->version, p->e));
    if (!reader_u64(&p->r, &n_tensors) || !reader_u64(&p->r, &n_kv))
        return err_set(p->e, SIL_FORMAT, "the file ends in the middle of its header");
    if (!reader_fits(&p->r, n_kv, KV_MIN) || !reader_fits(&p->r, n_tensors, TENSOR_MIN))
        return err_set(p->e, SIL_FORMAT, "%llu keys and %llu tensors cannot be in the %zu bytes that are left",
                       (unsigned long long)n_kv, (unsigned long long)n_tensors, reader_left(&p->r));
    if (n_kv > GGUF_KEYS_MAX || n_tensors > GGUF_TENSORS_MAX)
        return err_set(p->e, SIL_LIMIT, "%llu keys and %llu tensors; the limits are %d and %d",
                       (unsigned long long)n_kv, (unsigned long long)n_tensors, GGUF_KEYS_MAX, GGUF_TENSORS_MAX);
    g->n_kv = (size_t)n_kv;
    g->n_tensors = (size_t)n_tensors;
    return SIL_OK;
}

sil_err gguf_parse(struct arena *a, struct str bytes, bool lenient, struct gguf **out, struct sil_error *e) {
    struct parse p = {.r = reader_over(bytes.p, bytes.n), .arena = a, .e = e, .lenient = lenient};
    struct gguf *g = ARENA_NEW(a, struct gguf);
    if (!g) return nomem(&p, 1, sizeof *g);
    g->n_shards = 1;
    SIL_TRY(read_head(&p, g));
    struct gguf_kv *kv = ARENA_ARRAY(a, g->n_kv, struct gguf_kv);
    if (!kv) return nomem(&p, g->n_kv, sizeof *kv);
    for (size_t i = 0; i < g->n_kv; i++) SIL_TRY(read_kv(&p, i, &kv[i]));
    struct gguf_tensor *t = ARENA_ARRAY(a, g->n_tensors, struct gguf_tensor);
    if (!t) return nomem(&p, g->n_tensors, sizeof *t);
    for (size_t i = 0; i < g->n_tensors; i++) SIL_TRY(read_tensor(&p, i, &t[i]));
    g->kv = kv;
    g->tensors = t;
    SIL_TRY(gguf_index(a, g, e));
    SIL_TRY(read_data(&p, g, t));
    *out = g;
    return SIL_OK;
}
