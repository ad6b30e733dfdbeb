/* The digest of a tokenizer: what is hashed is said here and nowhere else, because receipts carry it. Each key: its
 * length and bytes, the number of its type, its value. Integers and floats as eight bytes, strings as length and bytes,
 * arrays as type, count and elements; lengths, counts and type numbers as eight bytes; all little-endian. */
#include "base/sha.h"
#include "model/vocab.h"

static void add_u64(struct sha *s, uint64_t v) {
    uint8_t b[8];
    for (int i = 0; i < 8; i++) b[i] = (uint8_t)(v >> (8 * i));
    sha_add(s, b, sizeof b);
}

static void add_str(struct sha *s, struct str t) {
    add_u64(s, t.n);
    sha_add(s, t.p, t.n);
}

/* At most GGUF_DEPTH_MAX deep. */
static void add_array(struct sha *s, const struct gguf_array *a) {
    add_u64(s, (uint64_t)a->type);
    add_u64(s, a->n);
    if (a->bytes) sha_add(s, a->bytes, (size_t)a->n * gguf_type_size(a->type));
    for (uint64_t i = 0; a->strings && i < a->n; i++) add_str(s, a->strings[i]);
    for (uint64_t i = 0; a->arrays && i < a->n; i++) add_array(s, &a->arrays[i]);
}

static void add_value(struct sha *s, const struct gguf_value *v) {
    add_u64(s, (uint64_t)v->type);
    if (v->type == GGUF_STRING) add_str(s, v->as.s);
    else if (v->type == GGUF_ARRAY) add_array(s, v->as.a);
    else add_u64(s, v->as.u);
}

void vocab_digest(const struct gguf *g, char out[65]) {
    struct sha s;
    sha_begin(&s);
    for (size_t i = 0; i < g->n_kv; i++) {
        const struct gguf_kv *kv = &g->kv[g->kv_index[i]];
        if (!str_starts(kv->key, STR("tokenizer."))) continue;
        if (str_starts(kv->key, STR("tokenizer.chat_template"))) continue;
        add_str(&s, kv->key);
        add_value(&s, &kv->value);
    }
    sha_end(&s, out);
}
