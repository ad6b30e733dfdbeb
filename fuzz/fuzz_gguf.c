/* fuzz_gguf: any bytes as a GGUF file. What parses must keep the promises of gguf.h and survive being written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "formats/gguf.h"

enum { OUT_MAX = 1 << 24 };

#define PROMISE(x)                                                                                                     \
    do {                                                                                                               \
        if (!(x)) abort();                                                                                             \
    } while (0)

static bool inside(struct str bytes, const void *p, uint64_t n) {
    uintptr_t at = (uintptr_t)p, start = (uintptr_t)bytes.p;
    return n == 0 || (at >= start && at - start <= bytes.n && n <= bytes.n - (at - start));
}

static void check_array(struct str bytes, const struct gguf_array *a, unsigned depth) {
    PROMISE(depth <= GGUF_DEPTH_MAX);
    size_t size = gguf_type_size(a->type);
    if (size) PROMISE(inside(bytes, a->bytes, a->n * size));
    for (uint64_t i = 0; !size && i < a->n; i++) {
        if (a->type == GGUF_STRING) PROMISE(inside(bytes, a->strings[i].p, a->strings[i].n));
        else check_array(bytes, &a->arrays[i], depth + 1);
    }
}

static void check(struct str bytes, const struct gguf *g) {
    char name[GGUF_NAME_MAX + 1];
    volatile uint8_t seen;
    for (size_t i = 0; i < g->n_kv; i++) {
        const struct gguf_kv *kv = &g->kv[i];
        snprintf(name, sizeof name, "%.*s", (int)kv->key.n, kv->key.p);
        PROMISE(gguf_find(g, name) == &kv->value);
        if (kv->value.type == GGUF_STRING) PROMISE(inside(bytes, kv->value.as.s.p, kv->value.as.s.n));
        if (kv->value.type == GGUF_ARRAY) check_array(bytes, kv->value.as.a, 1);
    }
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        snprintf(name, sizeof name, "%.*s", (int)t->name.n, t->name.p);
        PROMISE(gguf_tensor(g, name) == t);
        if (!t->data) continue;
        PROMISE(t->n_bytes > 0 && inside(bytes, t->data, t->n_bytes));
        seen = t->data[t->n_bytes - 1];
        (void)seen;
    }
}

static sil_err to_buf(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

/* What was read, written, gives the same keys and tensors when it is read again, and then the same bytes. */
static void rewrite(const struct gguf *g, struct arena *a, struct buf *out) {
    struct gguf_writer *w;
    char name[GGUF_NAME_MAX + 1];
    PROMISE(gguf_writer_new(a, g->alignment, &w) == SIL_OK);
    for (size_t i = 0; i < g->n_kv; i++) gguf_put_value(w, g->kv[i].key, &g->kv[i].value);
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        snprintf(name, sizeof name, "%.*s", (int)t->name.n, t->name.p);
        gguf_put_tensor(w, name, (enum dtype)t->type, t->n_dims, t->dims, t->data);
    }
    struct sil_error e = {0};
    sil_err err = gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = out}, &e);
    /* A file may state the alignment as another integer type than the writer does. */
    PROMISE(err == SIL_OK || err == SIL_LIMIT || strstr(e.text, "general.alignment"));
    if (err != SIL_OK) buf_clear(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct str bytes = {(const char *)p, n};
    struct arena a;
    struct gguf *g;
    struct sil_error e = {0};
    for (int lenient = 0; lenient < 2; lenient++) {
        arena_init(&a, mem_libc(), gguf_arena_limit(n) + OUT_MAX);
        sil_err err = gguf_parse(&a, bytes, lenient, &g, &e);
        PROMISE(err == SIL_OK || (err == e.code && err != SIL_NOMEM && e.text[0]));
        if (err == SIL_OK) check(bytes, g);
        if (err == SIL_OK && !lenient) {
            struct buf once, twice;
            buf_init(&once, mem_libc(), OUT_MAX);
            buf_init(&twice, mem_libc(), OUT_MAX);
            rewrite(g, &a, &once);
            if (once.n) {
                PROMISE(gguf_parse(&a, buf_view(&once), false, &g, &e) == SIL_OK);
                rewrite(g, &a, &twice);
                PROMISE(str_eq(buf_view(&once), buf_view(&twice)));
            }
            buf_free(&once);
            buf_free(&twice);
        }
        arena_free(&a);
    }
    return 0;
}
