/* gguf_write: keys are kept in the form that they take in the file, so that writing is copying. */
#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/err.h"
#include "formats/gguf_index.h"

#define ALIGNMENT_KEY "general.alignment"

enum { DEFAULT_ALIGNMENT = 32, STAGE = 64 * 1024, VERSION = 3 };

struct key_node {
    struct key_node *next;
    struct str key;
    const uint8_t *bytes; /* the whole record */
    size_t n;
};

struct tensor_node {
    struct tensor_node *next;
    struct str name;
    enum dtype type;
    uint32_t n_dims;
    uint64_t dims[GGUF_DIMS_MAX], n_bytes;
    const void *data;
};

struct gguf_writer {
    struct arena *arena;
    uint32_t alignment;
    size_t n_kv, n_tensors;
    struct key_node *keys, **last_key;
    struct tensor_node *tensors, **last_tensor;
    struct sil_error failed; /* the first failure */
};

sil_err gguf_writer_new(struct arena *a, uint32_t alignment, struct gguf_writer **out) {
    if (alignment < GGUF_ALIGN_MIN || alignment > GGUF_ALIGN_MAX || (alignment & (alignment - 1)) != 0) return SIL_ARG;
    struct gguf_writer *w = ARENA_NEW(a, struct gguf_writer);
    if (!w) return SIL_NOMEM;
    w->arena = a;
    w->alignment = alignment;
    w->last_key = &w->keys;
    w->last_tensor = &w->tensors;
    *out = w;
    return SIL_OK;
}

/* Bytes of a value in the file; false past a limit or for what no file can hold. Recursion: GGUF_DEPTH_MAX. */
static bool array_size(const struct gguf_array *a, unsigned depth, size_t *out) {
    size_t n = 4 + 8, part = 0, unit = gguf_type_size(a->type);
    if (depth > GGUF_DEPTH_MAX || (unsigned)a->type >= GGUF_TYPE_COUNT || a->n > GGUF_ARRAY_MAX) return false;
    if (unit && (!size_mul((size_t)a->n, unit, &part) || !size_add(n, part, &n))) return false;
    for (uint64_t i = 0; !unit && i < a->n; i++) {
        if (a->type == GGUF_ARRAY && !array_size(&a->arrays[i], depth + 1, &part)) return false;
        if (a->type == GGUF_STRING) {
            if (a->strings[i].n > GGUF_STRING_MAX) return false;
            part = 8 + a->strings[i].n;
        }
        if (!size_add(n, part, &n)) return false;
    }
    *out = n;
    return true;
}

static bool value_size(const struct gguf_value *v, size_t *out) {
    if ((unsigned)v->type >= GGUF_TYPE_COUNT) return false;
    if (v->type == GGUF_ARRAY) return array_size(v->as.a, 1, out);
    if (v->type == GGUF_STRING && v->as.s.n > GGUF_STRING_MAX) return false;
    *out = v->type == GGUF_STRING ? 8 + v->as.s.n : gguf_type_size(v->type);
    return true;
}

static uint8_t *put(uint8_t *at, const void *p, size_t n) {
    if (n) memcpy(at, p, n);
    return at + n;
}

static uint8_t *put_u32(uint8_t *at, uint32_t v) {
    return put(at, &v, sizeof v);
}

static uint8_t *put_u64(uint8_t *at, uint64_t v) {
    return put(at, &v, sizeof v);
}

static uint8_t *put_str(uint8_t *at, struct str s) {
    return put(put_u64(at, s.n), s.p, s.n);
}

static uint8_t *put_array(uint8_t *at, const struct gguf_array *a) {
    at = put_u64(put_u32(at, a->type), a->n);
    size_t unit = gguf_type_size(a->type);
    if (unit) return put(at, a->bytes, (size_t)a->n * unit);
    for (uint64_t i = 0; i < a->n; i++)
        at = a->type == GGUF_STRING ? put_str(at, a->strings[i]) : put_array(at, &a->arrays[i]);
    return at;
}

static uint8_t *put_value(uint8_t *at, const struct gguf_value *v) {
    float f32 = v->type == GGUF_F32 ? (float)v->as.f : 0;
    switch (v->type) {
    case GGUF_STRING: return put_str(at, v->as.s);
    case GGUF_ARRAY: return put_array(at, v->as.a);
    case GGUF_F32: return put(at, &f32, sizeof f32);
    case GGUF_F64: return put(at, &v->as.f, sizeof v->as.f);
    default: return put(at, &v->as.u, gguf_type_size(v->type)); /* the low bytes */
    }
}

static sil_err fail(struct gguf_writer *w, sil_err code, const char *what, struct str name) {
    return err_set(&w->failed, code, "%s \"%.*s\" cannot be written: %s", what, STR_ARG(name),
                   code == SIL_NOMEM   ? "not enough memory"
                   : code == SIL_LIMIT ? "it passes a limit of GGUF files"
                                       : "its name, value or shape is not one that GGUF allows");
}

/* The record of a key; NULL without memory. */
static struct key_node *make_key(struct gguf_writer *w, struct str key, const struct gguf_value *v,
                                 size_t value_bytes) {
    size_t n;
    if (!size_add(8 + key.n + 4, value_bytes, &n)) return NULL;
    struct key_node *node = ARENA_NEW(w->arena, struct key_node);
    uint8_t *bytes = arena_alloc(w->arena, n, 1);
    if (!node || !bytes) return NULL;
    uint8_t *end = put_value(put_u32(put_str(bytes, key), v->type), v);
    assert((size_t)(end - bytes) == n);
    *node = (struct key_node){.key = {(const char *)bytes + 8, key.n}, .bytes = bytes, .n = n};
    return node;
}

sil_err gguf_put_value(struct gguf_writer *w, struct str key, const struct gguf_value *v) {
    size_t bytes;
    if (w->failed.code != SIL_OK) return w->failed.code;
    if (key.n == 0 || !gguf_printable(key) || (v->type == GGUF_BOOL && v->as.u > 1))
        return fail(w, SIL_ARG, "key", key);
    if (key.n > GGUF_NAME_MAX || w->n_kv >= GGUF_KEYS_MAX || !value_size(v, &bytes))
        return fail(w, SIL_LIMIT, "key", key);
    struct key_node *node = make_key(w, key, v, bytes);
    if (!node) return fail(w, SIL_NOMEM, "key", key);
    *w->last_key = node;
    w->last_key = &node->next;
    w->n_kv++;
    return SIL_OK;
}

sil_err gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t v) {
    return gguf_put_value(w, str_of(key), &(struct gguf_value){.type = GGUF_U32, .as.u = v});
}

sil_err gguf_put_f32(struct gguf_writer *w, const char *key, float v) {
    return gguf_put_value(w, str_of(key), &(struct gguf_value){.type = GGUF_F32, .as.f = (double)v});
}

sil_err gguf_put_bool(struct gguf_writer *w, const char *key, bool v) {
    return gguf_put_value(w, str_of(key), &(struct gguf_value){.type = GGUF_BOOL, .as.u = v});
}

sil_err gguf_put_str(struct gguf_writer *w, const char *key, struct str v) {
    return gguf_put_value(w, str_of(key), &(struct gguf_value){.type = GGUF_STRING, .as.s = v});
}

sil_err gguf_put_array_str(struct gguf_writer *w, const char *key, const struct str *v, size_t n) {
    struct gguf_array a = {.type = GGUF_STRING, .n = n, .strings = v};
    return gguf_put_value(w, str_of(key), &(struct gguf_value){.type = GGUF_ARRAY, .as.a = &a});
}

sil_err gguf_put_array(struct gguf_writer *w, const char *key, enum gguf_type type, const void *v, size_t n) {
    if (w->failed.code != SIL_OK) return w->failed.code;
    if (gguf_type_size(type) == 0) return fail(w, SIL_ARG, "key", str_of(key));
    struct gguf_array a = {.type = type, .n = n, .bytes = v};
    return gguf_put_value(w, str_of(key), &(struct gguf_value){.type = GGUF_ARRAY, .as.a = &a});
}

static bool good_shape(enum dtype type, uint32_t n_dims, const uint64_t *in, uint64_t dims[GGUF_DIMS_MAX],
                       uint64_t *bytes) {
    const struct dtype_info *info = dtype_get(type);
    if (!info || n_dims == 0 || n_dims > GGUF_DIMS_MAX) return false;
    for (uint32_t i = 0; i < GGUF_DIMS_MAX; i++) {
        dims[i] = i < n_dims ? in[i] : 1;
        if (dims[i] == 0) return false;
    }
    return gguf_tensor_bytes(info, dims, bytes);
}

sil_err gguf_put_tensor(struct gguf_writer *w, const char *name, enum dtype type, uint32_t n_dims, const uint64_t *dims,
                        const void *data) {
    struct str s = str_of(name);
    struct tensor_node t = {.type = type, .n_dims = n_dims, .data = data};
    if (w->failed.code != SIL_OK) return w->failed.code;
    if (s.n == 0 || !gguf_printable(s) || !good_shape(type, n_dims, dims, t.dims, &t.n_bytes))
        return fail(w, SIL_ARG, "tensor", s);
    if (s.n > GGUF_NAME_MAX || w->n_tensors >= GGUF_TENSORS_MAX) return fail(w, SIL_LIMIT, "tensor", s);
    struct tensor_node *node = ARENA_NEW(w->arena, struct tensor_node);
    t.name = (struct str){arena_copy(w->arena, name, s.n), s.n};
    if (!node || !t.name.p) return fail(w, SIL_NOMEM, "tensor", s);
    *node = t;
    *w->last_tensor = node;
    w->last_tensor = &node->next;
    w->n_tensors++;
    return SIL_OK;
}

/* Small writes are gathered into large ones. */
struct stage {
    struct gguf_sink sink;
    struct sil_error *e;
    uint8_t *p;
    size_t n;
    uint64_t total;
};

static sil_err flush(struct stage *s) {
    size_t n = s->n;
    s->n = 0;
    return n ? s->sink.write(s->sink.ctx, s->p, n, s->e) : SIL_OK;
}

static sil_err emit(struct stage *s, const void *p, size_t n) {
    s->total += n;
    if (n > STAGE - s->n) SIL_TRY(flush(s));
    if (n > STAGE) return s->sink.write(s->sink.ctx, p, n, s->e);
    if (n) memcpy(s->p + s->n, p, n);
    s->n += n;
    return SIL_OK;
}

static sil_err pad(struct stage *s, uint32_t alignment) {
    static const uint8_t zeros[256];
    size_t n = (size_t)(-s->total & (alignment - 1));
    while (n > 0) {
        size_t k = n < sizeof zeros ? n : sizeof zeros;
        SIL_TRY(emit(s, zeros, k));
        n -= k;
    }
    return SIL_OK;
}

static sil_err emit_infos(const struct gguf_writer *w, struct stage *s) {
    uint64_t offset = 0;
    for (const struct tensor_node *t = w->tensors; t; t = t->next) {
        uint8_t record[8 + GGUF_NAME_MAX + 4 + 8 * GGUF_DIMS_MAX + 4 + 8];
        uint8_t *at = put_u32(put_str(record, t->name), t->n_dims);
        for (uint32_t i = 0; i < t->n_dims; i++) at = put_u64(at, t->dims[i]);
        at = put_u64(put_u32(at, t->type), offset);
        SIL_TRY(emit(s, record, (size_t)(at - record)));
        if (!u64_add(offset, t->n_bytes, &offset) || !u64_add(offset, w->alignment - 1, &offset))
            return err_set(s->e, SIL_LIMIT, "the tensors are too large for a file");
        offset &= ~(uint64_t)(w->alignment - 1);
    }
    return SIL_OK;
}

static sil_err emit_data(const struct gguf_writer *w, struct stage *s) {
    size_t index = 0;
    for (const struct tensor_node *t = w->tensors; t; t = t->next, index++) {
        if (t->data) {
            SIL_TRY(emit(s, t->data, (size_t)t->n_bytes));
        } else {
            if (!s->sink.fill)
                return err_set(s->e, SIL_ARG, "tensor \"%.*s\" has no data and nothing makes it", STR_ARG(t->name));
            SIL_TRY(flush(s));
            SIL_TRY(s->sink.fill(s->sink.ctx, index, t->n_bytes, s->e));
            s->total += t->n_bytes;
        }
        SIL_TRY(pad(s, w->alignment));
    }
    return SIL_OK;
}

/* Names once each, and general.alignment as the writer was told. *implied: the key must be written, but was not put. */
static sil_err check(struct gguf_writer *w, bool *implied, struct sil_error *e) {
    struct gguf g = {.n_kv = w->n_kv, .n_tensors = w->n_tensors};
    struct gguf_kv *kv = ARENA_ARRAY(w->arena, w->n_kv, struct gguf_kv);
    struct gguf_tensor *tensors = ARENA_ARRAY(w->arena, w->n_tensors, struct gguf_tensor);
    if (!kv || !tensors) return err_nomem(e, "the names of a GGUF file", w->n_kv * sizeof *kv);
    size_t i = 0;
    for (const struct key_node *k = w->keys; k; k = k->next) {
        kv[i++].key = k->key;
        if (!str_eq(k->key, STR(ALIGNMENT_KEY))) continue;
        uint8_t want[8];
        put_u32(put_u32(want, GGUF_U32), w->alignment);
        if (k->n != 8 + k->key.n + sizeof want || memcmp(k->bytes + 8 + k->key.n, want, sizeof want) != 0)
            return err_set(e, SIL_ARG, ALIGNMENT_KEY " differs from the writer's alignment %u", w->alignment);
    }
    i = 0;
    for (const struct tensor_node *t = w->tensors; t; t = t->next) tensors[i++].name = t->name;
    g.kv = kv;
    g.tensors = tensors;
    SIL_TRY(gguf_index(w->arena, &g, e));
    *implied = w->alignment != DEFAULT_ALIGNMENT && !gguf_find(&g, ALIGNMENT_KEY);
    return SIL_OK;
}

static sil_err emit_keys(const struct gguf_writer *w, struct stage *s, bool implied) {
    uint8_t record[8 + sizeof ALIGNMENT_KEY - 1 + 4 + 4];
    put_u32(put_u32(put_str(record, STR(ALIGNMENT_KEY)), GGUF_U32), w->alignment);
    if (implied) SIL_TRY(emit(s, record, sizeof record));
    for (const struct key_node *k = w->keys; k; k = k->next) SIL_TRY(emit(s, k->bytes, k->n));
    return SIL_OK;
}

sil_err gguf_write(struct gguf_writer *w, struct gguf_sink sink, struct sil_error *e) {
    bool implied = false;
    if (w->failed.code != SIL_OK) return err_set(e, w->failed.code, "%s", w->failed.text);
    SIL_TRY(check(w, &implied, e));
    struct stage s = {.sink = sink, .e = e, .p = arena_alloc(w->arena, STAGE, 1)};
    if (!s.p) return err_nomem(e, "a write buffer", STAGE);
    uint8_t head[24];
    put_u64(put_u64(put_u32(put(head, "GGUF", 4), VERSION), w->n_tensors), w->n_kv + implied);
    SIL_TRY(emit(&s, head, sizeof head));
    SIL_TRY(emit_keys(w, &s, implied));
    SIL_TRY(emit_infos(w, &s));
    if (w->n_tensors) SIL_TRY(pad(&s, w->alignment));
    SIL_TRY(emit_data(w, &s));
    return flush(&s);
}
