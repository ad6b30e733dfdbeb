/* inspect_json: the summary as one JSON object. Arrays in the metadata are cut to their first INSPECT_FIRST elements
 * and give their length. Bytes that are not UTF-8 become U+FFFD; infinity and NaN become null. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "cmd/inspect.h"

/* A JSON string of any bytes; NULL without memory. */
static json_t *text(struct str s) {
    json_t *j = json_stringn(s.p ? s.p : "", s.n);
    if (j || utf8_valid(s.p, s.n, NULL)) return j;
    struct buf b;
    buf_init(&b, mem_libc(), SIZE_MAX / 2);
    sil_err err = SIL_OK;
    for (size_t i = 0; i < s.n && err == SIL_OK;) {
        uint32_t cp;
        size_t n = utf8_decode(s.p + i, s.n - i, &cp);
        err = n ? buf_put(&b, s.p + i, n) : buf_str(&b, STR("\xef\xbf\xbd"));
        i += n ? n : 1;
    }
    if (err == SIL_OK) j = json_stringn(buf_view(&b).p, b.n);
    buf_free(&b);
    return j;
}

static json_t *number(double v, bool f32) {
    char digits[INSPECT_NUMBER];
    if (!isfinite(v)) return json_null();
    inspect_float(v, f32, digits);
    return json_real(strtod(digits, NULL));
}

static json_t *unsigned_number(uint64_t v) {
    return v <= INT64_MAX ? json_integer((json_int_t)v) : json_real((double)v);
}

static json_t *array(const struct gguf_array *a, unsigned depth);

static json_t *element(const struct gguf_array *a, uint64_t i, unsigned depth) {
    switch (a->type) {
    case GGUF_STRING: return text(a->strings[i]);
    case GGUF_ARRAY: return depth < GGUF_DEPTH_MAX ? array(&a->arrays[i], depth + 1) : json_null();
    case GGUF_F32:
    case GGUF_F64: return number(gguf_array_float(a, i), a->type == GGUF_F32);
    case GGUF_BOOL: return json_boolean(gguf_array_int(a, i));
    case GGUF_U64: return unsigned_number((uint64_t)gguf_array_int(a, i));
    default: return json_integer(gguf_array_int(a, i));
    }
}

/* Recursion: GGUF_DEPTH_MAX. */
static json_t *array(const struct gguf_array *a, unsigned depth) {
    json_t *first = json_array();
    for (uint64_t i = 0; first && i < a->n && i < INSPECT_FIRST; i++)
        if (json_array_append_new(first, element(a, i, depth)) != 0) {
            json_decref(first);
            first = NULL;
        }
    return json_pack("{s:s, s:o, s:o}", "of", gguf_type_name(a->type), "length", unsigned_number(a->n), "first", first);
}

static json_t *value(const struct gguf_value *v) {
    switch (v->type) {
    case GGUF_STRING: return text(v->as.s);
    case GGUF_ARRAY: return array(v->as.a, 1);
    case GGUF_F32:
    case GGUF_F64: return number(v->as.f, v->type == GGUF_F32);
    case GGUF_BOOL: return json_boolean(v->as.u);
    case GGUF_U8:
    case GGUF_U16:
    case GGUF_U32:
    case GGUF_U64: return unsigned_number(v->as.u);
    default: return json_integer(v->as.i);
    }
}

static json_t *metadata(const struct gguf *g) {
    json_t *all = json_object();
    for (size_t i = 0; all && i < g->n_kv; i++) {
        const struct gguf_kv *kv = &g->kv[i];
        json_t *one = json_pack("{s:s, s:o}", "type", gguf_type_name(kv->value.type), "value", value(&kv->value));
        char key[GGUF_NAME_MAX + 1];
        snprintf(key, sizeof key, "%.*s", (int)kv->key.n, kv->key.p);
        if (json_object_set_new(all, key, one) == 0) continue;
        json_decref(all);
        all = NULL;
    }
    return all;
}

static json_t *types(const struct inspect *s) {
    char name[INSPECT_NUMBER];
    json_t *all = json_object();
    for (uint32_t i = 0; all && i < s->n_types; i++) {
        const struct inspect_type *k = &s->types[i];
        json_t *one = json_pack("{s:o, s:o, s:o, s:b}", "tensors", unsigned_number(k->tensors), "parameters",
                                unsigned_number(k->parameters), "bytes", unsigned_number(k->bytes), "supported",
                                dtype_get(k->type) != NULL);
        if (json_object_set_new(all, inspect_type_name(k->type, name), one) == 0) continue;
        json_decref(all);
        all = NULL;
    }
    return all;
}

static json_t *tensor(const struct gguf_tensor *t) {
    char name[INSPECT_NUMBER];
    json_t *dims = json_array();
    for (uint32_t d = 0; dims && d < t->n_dims; d++) json_array_append_new(dims, unsigned_number(t->dims[d]));
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:i}", "name", text(t->name), "type", inspect_type_name(t->type, name),
                     "shape", dims, "offset", unsigned_number(t->offset), "bytes", unsigned_number(t->n_bytes), "file",
                     (int)t->shard);
}

static json_t *tensors_of(const struct gguf *g) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < g->n_tensors; i++) {
        if (json_array_append_new(all, tensor(&g->tensors[i])) == 0) continue;
        json_decref(all);
        all = NULL;
    }
    return all;
}

/* Leaves the key out when the file does not say. */
#define OPTIONAL(field) s->field.has ? json_integer(s->field.v) : NULL

static json_t *shape(const struct inspect *s) {
    return json_pack("{s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "context_length", OPTIONAL(context), "layers",
                     OPTIONAL(layers), "width", OPTIONAL(width), "feed_forward", OPTIONAL(ffn), "heads",
                     OPTIONAL(heads), "kv_heads", OPTIONAL(kv_heads), "head_dim", OPTIONAL(head_dim));
}

static json_t *memory(const struct inspect *s) {
    if (!s->has_memory) return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "packed", unsigned_number(s->memory.packed), "mapped",
                     unsigned_number(s->memory.mapped), "kv_per_1000_tokens",
                     unsigned_number(s->memory.kv_per_1000[SIL_KV_F16]), "kv_int8_per_1000_tokens",
                     unsigned_number(s->memory.kv_per_1000[SIL_KV_INT8]), "step_of_256_rows",
                     unsigned_number(s->memory.step_256));
}

static json_t *tokenizer(const struct inspect *s) {
    if (s->tokens == 0) return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o*, s:o*, s:b}", "model", text(s->tok_model), "pre", text(s->tok_pre),
                     "tokens", unsigned_number(s->tokens), "merges", unsigned_number(s->merges), "bos", OPTIONAL(bos),
                     "eos", OPTIONAL(eos), "chat_template", s->chat_template.n != 0);
}

sil_err inspect_json(const struct inspect *s, bool tensors, struct sil_error *e) {
    json_t *all = json_pack("{s:o, s:s, s:i, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "file",
                            text(str_of(s->path)), "format", "GGUF", "version", (int)s->g->version, "bytes",
                            unsigned_number(s->bytes), "files", (int)s->n_files, "architecture", text(s->arch), "name",
                            text(s->name), "parameters", unsigned_number(s->parameters), "types", types(s), "shape",
                            shape(s), "memory", memory(s), "tokenizer", tokenizer(s), "metadata", metadata(s->g));
    int bad = !all;
    if (all && tensors) bad = json_object_set_new(all, "tensors", tensors_of(s->g)) != 0;
    if (!bad) bad = json_dumpf(all, stdout, JSON_INDENT(2)) != 0;
    if (!bad) putchar('\n');
    json_decref(all);
    return bad ? err_nomem(e, "the JSON text", 0) : SIL_OK;
}
