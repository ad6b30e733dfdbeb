/* gguf: what a parsed file says. */
#include "formats/gguf.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "formats/gguf_index.h"

static const struct {
    const char *name;
    size_t size;
} types[GGUF_TYPE_COUNT] = {
    [GGUF_U8] = {"u8", 1},         [GGUF_I8] = {"i8", 1},       [GGUF_U16] = {"u16", 2}, [GGUF_I16] = {"i16", 2},
    [GGUF_U32] = {"u32", 4},       [GGUF_I32] = {"i32", 4},     [GGUF_F32] = {"f32", 4}, [GGUF_BOOL] = {"bool", 1},
    [GGUF_STRING] = {"string", 0}, [GGUF_ARRAY] = {"array", 0}, [GGUF_U64] = {"u64", 8}, [GGUF_I64] = {"i64", 8},
    [GGUF_F64] = {"f64", 8},
};

const char *gguf_type_name(enum gguf_type t) {
    return (unsigned)t < GGUF_TYPE_COUNT ? types[t].name : "unknown";
}

size_t gguf_type_size(enum gguf_type t) {
    return (unsigned)t < GGUF_TYPE_COUNT ? types[t].size : 0;
}

const struct gguf_value *gguf_find(const struct gguf *g, const char *key) {
    struct str want = str_of(key);
    for (size_t lo = 0, hi = g->n_kv; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        const struct gguf_kv *kv = &g->kv[g->kv_index[mid]];
        int c = gguf_compare(kv->key, want);
        if (c == 0) return &kv->value;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

const struct gguf_tensor *gguf_tensor(const struct gguf *g, const char *name) {
    struct str want = str_of(name);
    for (size_t lo = 0, hi = g->n_tensors; lo < hi;) {
        size_t mid = lo + (hi - lo) / 2;
        const struct gguf_tensor *t = &g->tensors[g->tensor_index[mid]];
        int c = gguf_compare(t->name, want);
        if (c == 0) return t;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

/* The value of a key of which `what` is needed, or NULL with the error set. */
static const struct gguf_value *need(const struct gguf *g, const char *key, const char *what, struct sil_error *e) {
    const struct gguf_value *v = gguf_find(g, key);
    if (!v) err_set(e, SIL_FORMAT, "key \"%s\" is missing (%s is needed)", key, what);
    return v;
}

static sil_err wrong_type(const char *key, const struct gguf_value *v, const char *what, struct sil_error *e) {
    if (v->type == GGUF_ARRAY)
        return err_set(e, SIL_FORMAT, "key \"%s\" is an array of %s, but %s is needed", key,
                       gguf_type_name(v->as.a->type), what);
    return err_set(e, SIL_FORMAT, "key \"%s\" has type %s, but %s is needed", key, gguf_type_name(v->type), what);
}

static bool is_signed(enum gguf_type t) {
    return t == GGUF_I8 || t == GGUF_I16 || t == GGUF_I32 || t == GGUF_I64;
}

static bool is_unsigned(enum gguf_type t) {
    return t == GGUF_U8 || t == GGUF_U16 || t == GGUF_U32 || t == GGUF_U64;
}

sil_err gguf_u32(const struct gguf *g, const char *key, uint32_t *out, struct sil_error *e) {
    const struct gguf_value *v = need(g, key, "an integer", e);
    if (!v) return SIL_FORMAT;
    if (is_signed(v->type) && v->as.i < 0)
        return err_set(e, SIL_FORMAT, "key \"%s\" is %lld, but it cannot be negative", key, (long long)v->as.i);
    if (!is_signed(v->type) && !is_unsigned(v->type)) return wrong_type(key, v, "an integer", e);
    if (v->as.u > UINT32_MAX)
        return err_set(e, SIL_FORMAT, "key \"%s\" is %llu, which does not fit 32 bits", key,
                       (unsigned long long)v->as.u);
    *out = (uint32_t)v->as.u;
    return SIL_OK;
}

sil_err gguf_f32(const struct gguf *g, const char *key, float *out, struct sil_error *e) {
    const struct gguf_value *v = need(g, key, "a number", e);
    if (!v) return SIL_FORMAT;
    double f;
    if (v->type == GGUF_F32 || v->type == GGUF_F64) f = v->as.f;
    else if (is_signed(v->type)) f = (double)v->as.i;
    else if (is_unsigned(v->type)) f = (double)v->as.u;
    else return wrong_type(key, v, "a number", e);
    if (!isfinite(f) || f > (double)FLT_MAX || f < -(double)FLT_MAX)
        return err_set(e, SIL_FORMAT, "key \"%s\" is %g, but a finite 32-bit number is needed", key, f);
    *out = (float)f;
    return SIL_OK;
}

sil_err gguf_bool(const struct gguf *g, const char *key, bool *out, struct sil_error *e) {
    const struct gguf_value *v = need(g, key, "a bool", e);
    if (!v) return SIL_FORMAT;
    if (v->type != GGUF_BOOL) return wrong_type(key, v, "a bool", e);
    *out = v->as.u != 0;
    return SIL_OK;
}

sil_err gguf_str(const struct gguf *g, const char *key, struct str *out, struct sil_error *e) {
    const struct gguf_value *v = need(g, key, "a string", e);
    if (!v) return SIL_FORMAT;
    if (v->type != GGUF_STRING) return wrong_type(key, v, "a string", e);
    *out = v->as.s;
    return SIL_OK;
}

sil_err gguf_array(const struct gguf *g, const char *key, enum gguf_type type, const struct gguf_array **out,
                   struct sil_error *e) {
    const struct gguf_value *v = need(g, key, "an array", e);
    if (!v) return SIL_FORMAT;
    if (v->type != GGUF_ARRAY || v->as.a->type != type) {
        char what[64];
        snprintf(what, sizeof what, "an array of %s", gguf_type_name(type));
        return wrong_type(key, v, what, e);
    }
    *out = v->as.a;
    return SIL_OK;
}

/* Element i of type T at bytes that may be unaligned. */
#define ELEMENT(T)                                                                                                     \
    do {                                                                                                               \
        T v;                                                                                                           \
        memcpy(&v, a->bytes + i * sizeof v, sizeof v);                                                                 \
        return v;                                                                                                      \
    } while (0)

int64_t gguf_array_int(const struct gguf_array *a, uint64_t i) {
    switch (a->type) {
    case GGUF_U8:
    case GGUF_BOOL: return a->bytes[i];
    case GGUF_I8: ELEMENT(int8_t);
    case GGUF_U16: ELEMENT(uint16_t);
    case GGUF_I16: ELEMENT(int16_t);
    case GGUF_U32: ELEMENT(uint32_t);
    case GGUF_I32: ELEMENT(int32_t);
    case GGUF_U64:
    case GGUF_I64: ELEMENT(int64_t);
    default: return 0;
    }
}

double gguf_array_float(const struct gguf_array *a, uint64_t i) {
    switch (a->type) {
    case GGUF_F32: ELEMENT(float);
    case GGUF_F64: ELEMENT(double);
    default: return (double)gguf_array_int(a, i);
    }
}
