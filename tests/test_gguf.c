/* GGUF: files made byte by byte and files made by the writer, right and wrong, whole and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "formats/gguf.h"
#include "gguf_cases.h"
#include "support.h"

enum { FILE_MAX = 64 << 20 };

static struct buf make(const struct gguf_case *c) {
    struct buf b;
    buf_init(&b, mem_libc(), FILE_MAX);
    c->make(&b);
    assert_int_equal(b.max, FILE_MAX);
    return b;
}

static sil_err to_buf(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)e;
    return buf_put(ctx, p, n);
}

/* Parses n bytes in an allocation of their own, so that ASan sees a read past the end. */
static sil_err parse_exact(const char *p, size_t n, bool lenient, struct sil_error *e) {
    char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n) memcpy(copy, p, n);
    struct arena a;
    struct gguf *g;
    arena_init(&a, mem_libc(), gguf_arena_limit(n));
    sil_err err = gguf_parse(&a, (struct str){copy, n}, lenient, &g, e);
    arena_free(&a);
    free(copy);
    return err;
}

/* Everything of g through the writer. */
static sil_err copy_all(const struct gguf *g, struct arena *a, struct buf *out, struct sil_error *e) {
    struct gguf_writer *w;
    sil_err err = gguf_writer_new(a, g->alignment, &w);
    for (size_t i = 0; err == SIL_OK && i < g->n_kv; i++) err = gguf_put_value(w, g->kv[i].key, &g->kv[i].value);
    for (size_t i = 0; err == SIL_OK && i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        char name[GGUF_NAME_MAX + 1];
        snprintf(name, sizeof name, "%.*s", (int)t->name.n, t->name.p);
        err = gguf_put_tensor(w, name, (enum dtype)t->type, t->n_dims, t->dims, t->data);
    }
    return err == SIL_OK ? gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = out}, e) : err;
}

static void parse_ok(struct arena *a, const struct buf *b, struct gguf **g) {
    struct sil_error e = {0};
    arena_init(a, mem_libc(), gguf_arena_limit(b->n));
    if (gguf_parse(a, buf_view(b), false, g, &e) != SIL_OK) fail_msg("%s", e.text);
}

/* Parse, write, and compare with the input (whose version may be 2, where the writer says 3). */
static void round_trip(const struct buf *b, const char *name) {
    struct arena a, b2;
    struct gguf *g;
    struct buf out;
    struct sil_error e = {0};
    parse_ok(&a, b, &g);
    arena_init(&b2, mem_libc(), FILE_MAX);
    buf_init(&out, mem_libc(), FILE_MAX);
    if (copy_all(g, &b2, &out, &e) != SIL_OK) fail_msg("%s: %s", name, e.text);
    out.p[4] = (char)g->version;
    if (out.n != b->n || memcmp(out.p, b->p, b->n) != 0) fail_msg("%s: %zu bytes became %zu others", name, b->n, out.n);
    buf_free(&out);
    arena_free(&b2);
    arena_free(&a);
}

static void test_good_files_survive_parsing_and_writing(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_good; i++) {
        struct buf b = make(&gguf_good[i]);
        round_trip(&b, gguf_good[i].name);
        buf_free(&b);
    }
}

static void test_values_are_read(void **state) {
    (void)state;
    struct buf b = make(&gguf_good[0]);
    struct arena a;
    struct gguf *g;
    parse_ok(&a, &b, &g);
    assert_int_equal(gguf_find(g, "kind.u8")->as.u, 255);
    assert_int_equal(gguf_find(g, "kind.i8")->as.i, -128);
    assert_int_equal(gguf_find(g, "kind.u16")->as.u, 0xfeff);
    assert_int_equal(gguf_find(g, "kind.i16")->as.i, -32768);
    assert_int_equal(gguf_find(g, "kind.u32")->as.u, 4000000000u);
    assert_int_equal(gguf_find(g, "kind.i32")->as.i, -7);
    assert_true(gguf_find(g, "kind.f32")->as.f == (double)1e-5f);
    assert_true(gguf_find(g, "kind.f64")->as.f == -2.5e300);
    assert_true(gguf_find(g, "kind.u64")->as.u == UINT64_MAX);
    assert_true(gguf_find(g, "kind.i64")->as.i == INT64_MIN);
    assert_true(str_eq(gguf_find(g, "kind.string")->as.s, STR("실록")));
    const struct gguf_array *v = gguf_find(g, "array.i32")->as.a;
    assert_int_equal(v->n, 3);
    assert_int_equal(gguf_array_int(v, 1), -2);
    assert_true(gguf_array_float(v, 2) == 3.0);
    v = gguf_find(g, "array.nested")->as.a;
    assert_int_equal(v->arrays[0].bytes[2], 3);
    assert_true(str_eq(v->arrays[1].strings[0], STR("deep")));
    assert_null(gguf_find(g, "kind"));
    assert_null(gguf_find(g, "kind.u8 "));
    assert_null(gguf_tensor(g, "kind.u8"));
    arena_free(&a);
    buf_free(&b);
}

static void test_tensors_are_placed(void **state) {
    (void)state;
    struct buf b = make(&gguf_good[1]);
    struct arena a;
    struct gguf *g;
    parse_ok(&a, &b, &g);
    assert_int_equal(g->alignment, 64);
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct gguf_tensor *t = &g->tensors[i];
        const struct dtype_info *info = dtype_get(t->type);
        assert_true(str_eq(t->name, str_of(info->name)));
        assert_ptr_equal(gguf_tensor(g, info->name), t);
        assert_int_equal(t->n_bytes, 256 / info->block_len * info->block_bytes);
        assert_int_equal((size_t)(t->data - (const uint8_t *)b.p) % 64, 0);
        assert_int_equal(t->data[0], i);
        assert_int_equal(t->data[t->n_bytes - 1], (uint8_t)(t->n_bytes - 1 + i));
    }
    arena_free(&a);
    buf_free(&b);
}

static void test_bad_files_give_their_error(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_bad; i++) {
        const struct gguf_case *c = &gguf_bad[i];
        struct buf b = make(c);
        struct sil_error e = {0};
        sil_err err = parse_exact(b.p, b.n, false, &e);
        if (err != c->code || !strstr(e.text, c->text))
            fail_msg("%s: %s \"%s\" instead of %s \"...%s...\"", c->name, sil_err_name(err), e.text,
                     sil_err_name(c->code), c->text);
        assert_int_equal(parse_exact(b.p, b.n, false, NULL), c->code);
        buf_free(&b);
    }
}

/* Huge counts must not even try to allocate: 64 KiB suffice to refuse every bad file. */
static void test_bad_files_take_no_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_bad; i++) {
        struct buf b = make(&gguf_bad[i]);
        struct arena a;
        struct gguf *g;
        struct sil_error e = {0};
        arena_init(&a, mem_libc(), 64 * 1024);
        sil_err err = gguf_parse(&a, buf_view(&b), false, &g, &e);
        if (err != gguf_bad[i].code) fail_msg("%s: %s", gguf_bad[i].name, e.text);
        arena_free(&a);
        buf_free(&b);
    }
}

static void test_lenient_keeps_unknown_types(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_bad; i++) {
        if (strcmp(gguf_bad[i].name, "type_unknown") != 0 && strcmp(gguf_bad[i].name, "type_iq") != 0) continue;
        struct buf b = make(&gguf_bad[i]);
        struct arena a;
        struct gguf *g;
        arena_init(&a, mem_libc(), gguf_arena_limit(b.n));
        assert_int_equal(gguf_parse(&a, buf_view(&b), true, &g, NULL), SIL_OK);
        assert_null(g->tensors[0].data);
        assert_int_equal(g->tensors[0].n_bytes, 0);
        arena_free(&a);
        buf_free(&b);
    }
}

static void test_every_truncation_fails_cleanly(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_good; i++) {
        struct buf b = make(&gguf_good[i]);
        struct arena a;
        struct gguf *g;
        parse_ok(&a, &b, &g);
        size_t needed = b.n; /* the last tensor's padding may be missing */
        if (g->n_tensors) {
            const struct gguf_tensor *last = &g->tensors[g->n_tensors - 1];
            needed = (size_t)(last->data - (const uint8_t *)b.p) + (size_t)last->n_bytes;
        }
        arena_free(&a);
        for (size_t n = 0; n < b.n; n++) {
            struct sil_error e = {0};
            sil_err err = parse_exact(b.p, n, false, &e);
            if (err != (n < needed ? SIL_FORMAT : SIL_OK)) fail_msg("%s cut to %zu: %s", gguf_good[i].name, n, e.text);
            if (err != SIL_OK) assert_true(e.text[0] != '\0');
        }
        buf_free(&b);
    }
}

/* No single wrong byte may do more than fail (judged by the sanitizers). */
static void test_every_changed_byte_is_survived(void **state) {
    (void)state;
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    size_t refused = 0;
    for (size_t i = 0; i < gguf_n_good; i++) {
        struct buf b = make(&gguf_good[i]);
        for (size_t at = 0; at < b.n; at++)
            for (size_t k = 0; k < sizeof changes; k++) {
                b.p[at] = (char)(b.p[at] ^ changes[k]);
                refused += parse_exact(b.p, b.n, k == 0, NULL) != SIL_OK;
                b.p[at] = (char)(b.p[at] ^ changes[k]);
            }
        buf_free(&b);
    }
    assert_true(refused > 500);
}

/* More records than the limits, in files that really hold them. */
static void test_limits(void **state) {
    (void)state;
    struct buf b;
    struct sil_error e = {0};
    uint64_t n = GGUF_KEYS_MAX + 1, zero = 0;
    uint32_t version = 3;
    buf_init(&b, mem_libc(), FILE_MAX);
    buf_str(&b, STR("GGUF"));
    buf_put(&b, &version, 4);
    buf_put(&b, &zero, 8);
    buf_put(&b, &n, 8);
    assert_int_equal(buf_reserve(&b, (size_t)n * 20), SIL_OK);
    memset(b.p + b.n, 0, (size_t)n * 20);
    b.n += (size_t)n * 20;
    assert_int_equal(parse_exact(b.p, b.n, false, &e), SIL_LIMIT);
    assert_non_null(strstr(e.text, "65537 keys"));
    buf_free(&b);
}

/* The promise of gguf_arena_limit: arrays of arrays of a size that wastes the most of each chunk. */
static void test_dense_files_fit_their_arena(void **state) {
    (void)state;
    enum { OUTER = 12, STEP = 1013 };
    static struct gguf_array empty[27000];
    for (uint64_t inner = 1; inner < sizeof empty / sizeof *empty; inner += STEP) {
        struct gguf_array outer[OUTER], all = {.type = GGUF_ARRAY, .n = OUTER, .arrays = outer};
        struct arena a, ra;
        struct gguf *g;
        struct buf out;
        arena_init(&a, mem_libc(), FILE_MAX);
        for (int i = 0; i < OUTER; i++) outer[i] = (struct gguf_array){.type = GGUF_ARRAY, .n = inner, .arrays = empty};
        struct gguf_writer *w = NULL;
        assert_int_equal(gguf_writer_new(&a, 32, &w), SIL_OK);
        gguf_put_value(w, STR("dense"), &(struct gguf_value){.type = GGUF_ARRAY, .as.a = &all});
        buf_init(&out, mem_libc(), FILE_MAX);
        assert_int_equal(gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &out}, NULL), SIL_OK);
        parse_ok(&ra, &out, &g);
        arena_free(&ra);
        arena_free(&a);
        buf_free(&out);
    }
}

/* ---- typed access ---- */

struct access {
    struct arena a;
    struct buf file;
    struct gguf *g;
    struct sil_error e;
};

static void open_access(struct access *x) {
    struct arena wa;
    struct gguf_writer *w;
    memset(x, 0, sizeof *x);
    buf_init(&x->file, mem_libc(), FILE_MAX);
    arena_init(&wa, mem_libc(), FILE_MAX);
    gguf_writer_new(&wa, 32, &w);
    gguf_put_value(w, STR("big"), &(struct gguf_value){.type = GGUF_U64, .as.u = 1ull << 32});
    gguf_put_value(w, STR("negative"), &(struct gguf_value){.type = GGUF_I8, .as.i = -1});
    gguf_put_value(w, STR("i64"), &(struct gguf_value){.type = GGUF_I64, .as.i = 7});
    gguf_put_value(w, STR("wide"), &(struct gguf_value){.type = GGUF_F64, .as.f = 1e39});
    gguf_put_value(w, STR("nan"), &(struct gguf_value){.type = GGUF_F32, .as.f = (double)__builtin_nanf("")});
    gguf_put_f32(w, "f", 0.25f);
    gguf_put_bool(w, "yes", true);
    gguf_put_str(w, "text", STR("words"));
    gguf_put_array(w, "list", GGUF_I32, (const int32_t[]){1, 2}, 2);
    gguf_put_array_str(w, "names", &STR("n"), 1);
    assert_int_equal(gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &x->file}, NULL), SIL_OK);
    arena_free(&wa);
    parse_ok(&x->a, &x->file, &x->g);
}

static void close_access(struct access *x) {
    arena_free(&x->a);
    buf_free(&x->file);
}

#define REFUSED(call, words)                                                                                           \
    do {                                                                                                               \
        assert_int_equal(call, SIL_FORMAT);                                                                            \
        assert_string_equal(x.e.text, words);                                                                          \
    } while (0)

static void test_typed_access(void **state) {
    (void)state;
    struct access x;
    uint32_t u = 0;
    float f = 0;
    bool yes = false;
    struct str s = {0};
    const struct gguf_array *list = NULL;
    open_access(&x);
    assert_int_equal(gguf_u32(x.g, "i64", &u, &x.e), SIL_OK);
    assert_int_equal(u, 7);
    assert_int_equal(gguf_f32(x.g, "i64", &f, &x.e), SIL_OK);
    assert_true(f == 7.0f);
    assert_int_equal(gguf_f32(x.g, "f", &f, &x.e), SIL_OK);
    assert_true(f == 0.25f);
    assert_int_equal(gguf_bool(x.g, "yes", &yes, &x.e), SIL_OK);
    assert_true(yes);
    assert_int_equal(gguf_str(x.g, "text", &s, &x.e), SIL_OK);
    assert_true(str_eq(s, STR("words")));
    assert_int_equal(gguf_array(x.g, "list", GGUF_I32, &list, &x.e), SIL_OK);
    assert_int_equal(gguf_array_int(list, 1), 2);
    REFUSED(gguf_u32(x.g, "none", &u, &x.e), "key \"none\" is missing (an integer is needed)");
    REFUSED(gguf_u32(x.g, "big", &u, &x.e), "key \"big\" is 4294967296, which does not fit 32 bits");
    REFUSED(gguf_u32(x.g, "negative", &u, &x.e), "key \"negative\" is -1, but it cannot be negative");
    REFUSED(gguf_u32(x.g, "f", &u, &x.e), "key \"f\" has type f32, but an integer is needed");
    REFUSED(gguf_u32(x.g, "yes", &u, &x.e), "key \"yes\" has type bool, but an integer is needed");
    REFUSED(gguf_u32(x.g, "list", &u, &x.e), "key \"list\" is an array of i32, but an integer is needed");
    REFUSED(gguf_f32(x.g, "text", &f, &x.e), "key \"text\" has type string, but a number is needed");
    REFUSED(gguf_f32(x.g, "wide", &f, &x.e), "key \"wide\" is 1e+39, but a finite 32-bit number is needed");
    REFUSED(gguf_f32(x.g, "nan", &f, &x.e), "key \"nan\" is nan, but a finite 32-bit number is needed");
    REFUSED(gguf_bool(x.g, "i64", &yes, &x.e), "key \"i64\" has type i64, but a bool is needed");
    REFUSED(gguf_str(x.g, "f", &s, &x.e), "key \"f\" has type f32, but a string is needed");
    REFUSED(gguf_array(x.g, "names", GGUF_F32, &list, &x.e),
            "key \"names\" is an array of string, but an array of f32 is needed");
    REFUSED(gguf_array(x.g, "text", GGUF_F32, &list, &x.e),
            "key \"text\" has type string, but an array of f32 is needed");
    close_access(&x);
}

/* ---- the writer ---- */

static struct gguf_writer *writer(struct arena *a, uint32_t alignment) {
    struct gguf_writer *w = NULL;
    arena_init(a, mem_libc(), FILE_MAX);
    assert_int_equal(gguf_writer_new(a, alignment, &w), SIL_OK);
    return w;
}

static void expect_write(struct gguf_writer *w, sil_err code, const char *text) {
    struct buf out;
    struct sil_error e = {0};
    buf_init(&out, mem_libc(), FILE_MAX);
    sil_err err = gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &out}, &e);
    if (err != code || !strstr(e.text, text)) fail_msg("%s \"%s\"", sil_err_name(err), e.text);
    buf_free(&out);
}

static void test_writer_refuses(void **state) {
    (void)state;
    static const float data[64];
    struct arena a;
    struct gguf_writer *w;
    arena_init(&a, mem_libc(), FILE_MAX);
    static const uint32_t alignments[] = {0, 4, 48, 1u << 21, 0x80000000u};
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++)
        assert_int_equal(gguf_writer_new(&a, alignments[i], &w), SIL_ARG);
    arena_free(&a);

    w = writer(&a, 32); /* the first failure sticks and keeps its words */
    assert_int_equal(gguf_put_tensor(w, "t", DTYPE_Q8_0, 1, (const uint64_t[]){33}, data), SIL_ARG);
    assert_int_equal(gguf_put_u32(w, "fine", 1), SIL_ARG);
    expect_write(w, SIL_ARG, "tensor \"t\" cannot be written");
    arena_free(&a);

    w = writer(&a, 32);
    gguf_put_u32(w, "k", 1);
    gguf_put_u32(w, "k", 1);
    expect_write(w, SIL_FORMAT, "key \"k\" is there twice");
    arena_free(&a);

    w = writer(&a, 64);
    gguf_put_u32(w, "general.alignment", 32);
    expect_write(w, SIL_ARG, "general.alignment differs from the writer's alignment 64");
    arena_free(&a);

    w = writer(&a, 32);
    gguf_put_tensor(w, "t", DTYPE_F32, 1, (const uint64_t[]){64}, NULL);
    expect_write(w, SIL_ARG, "tensor \"t\" has no data");
    arena_free(&a);

    static const char *const names[] = {"", "a\nb", "\xff"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        w = writer(&a, 32);
        assert_int_equal(gguf_put_u32(w, names[i], 1), SIL_ARG);
        arena_free(&a);
        w = writer(&a, 32);
        assert_int_equal(gguf_put_tensor(w, names[i], DTYPE_F32, 1, (const uint64_t[]){64}, data), SIL_ARG);
        arena_free(&a);
    }

    static const uint64_t shapes[][4] = {{0, 1, 1, 1}, {1ull << 33, 1ull << 33, 1, 1}, {1ull << 62, 1, 1, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        w = writer(&a, 32);
        assert_int_equal(gguf_put_tensor(w, "t", DTYPE_F32, 4, shapes[i], data), SIL_ARG);
        arena_free(&a);
    }
    w = writer(&a, 32);
    assert_int_equal(gguf_put_tensor(w, "t", DTYPE_F32, 5, shapes[0], data), SIL_ARG);
    arena_free(&a);
}

struct filler {
    struct buf out;
    size_t asked;
};

static sil_err fill_write(void *ctx, const void *p, size_t n, struct sil_error *e) {
    struct filler *f = ctx;
    (void)e;
    return buf_put(&f->out, p, n);
}

static sil_err fill(void *ctx, size_t index, uint64_t n_bytes, struct sil_error *e) {
    struct filler *f = ctx;
    (void)e;
    f->asked++;
    for (uint64_t i = 0; i < n_bytes; i++) assert_int_equal(buf_char(&f->out, (char)('a' + index)), SIL_OK);
    return SIL_OK;
}

static void test_tensors_made_while_writing(void **state) {
    (void)state;
    static const float given[3] = {1, 2, 3};
    struct filler f = {.asked = 0};
    struct arena a, ra;
    struct gguf *g;
    struct gguf_writer *w = writer(&a, 128); /* general.alignment is written by itself */
    buf_init(&f.out, mem_libc(), FILE_MAX);
    gguf_put_tensor(w, "a", DTYPE_F32, 2, (const uint64_t[]){5, 7}, NULL);
    gguf_put_tensor(w, "b", DTYPE_F32, 1, (const uint64_t[]){3}, given);
    gguf_put_tensor(w, "c", DTYPE_Q8_0, 1, (const uint64_t[]){64}, NULL);
    struct gguf_sink sink = {.write = fill_write, .fill = fill, .ctx = &f};
    assert_int_equal(gguf_write(w, sink, NULL), SIL_OK);
    assert_int_equal(f.asked, 2);
    size_t once = f.out.n;
    assert_int_equal(gguf_write(w, sink, NULL), SIL_OK); /* a writer may write again: the same bytes */
    assert_int_equal(f.out.n, 2 * once);
    assert_memory_equal(f.out.p, f.out.p + once, once);
    f.out.n = once;
    assert_int_equal(once % 128, 0);
    parse_ok(&ra, &f.out, &g);
    assert_int_equal(g->alignment, 128);
    assert_int_equal(gguf_tensor(g, "a")->data[139], 'a');
    assert_memory_equal(gguf_tensor(g, "b")->data, given, sizeof given);
    assert_int_equal(gguf_tensor(g, "c")->data[67], 'c');
    arena_free(&ra);
    arena_free(&a);
    buf_free(&f.out);
}

static sil_err full_disk(void *ctx, const void *p, size_t n, struct sil_error *e) {
    (void)p;
    size_t *left = ctx;
    if (n > *left) {
        if (e) e->code = SIL_IO;
        return SIL_IO;
    }
    *left -= n;
    return SIL_OK;
}

static void test_a_failing_sink_stops_the_writer(void **state) {
    (void)state;
    static const float data[40000];
    struct arena a;
    for (size_t room = 0; room < 200000; room += 13331) {
        struct gguf_writer *w = writer(&a, 32);
        gguf_put_u32(w, "k", 1);
        gguf_put_tensor(w, "t", DTYPE_F32, 1, (const uint64_t[]){40000}, data);
        size_t left = room;
        sil_err err = gguf_write(w, (struct gguf_sink){.write = full_disk, .ctx = &left}, NULL);
        assert_int_equal(err, room < 160128 ? SIL_IO : SIL_OK);
        arena_free(&a);
    }
}

/* ---- shards ---- */

struct shard {
    struct buf file;
    struct arena a;
    struct gguf *g;
};

static void make_shard(struct shard *s, uint32_t no, uint32_t count, uint32_t total, const char *name, bool keys) {
    static const float data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct arena a;
    struct gguf_writer *w = writer(&a, 32);
    buf_init(&s->file, mem_libc(), FILE_MAX);
    if (no == 0) gguf_put_str(w, "general.architecture", STR("llama"));
    if (keys) {
        uint16_t count16 = (uint16_t)count;
        gguf_put_value(w, STR("split.no"), &(struct gguf_value){.type = GGUF_U16, .as.u = no});
        gguf_put_value(w, STR("split.count"), &(struct gguf_value){.type = GGUF_U16, .as.u = count16});
        gguf_put_value(w, STR("split.tensors.count"), &(struct gguf_value){.type = GGUF_I32, .as.i = total});
    }
    if (name) gguf_put_tensor(w, name, DTYPE_F32, 1, (const uint64_t[]){8}, data);
    assert_int_equal(gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &s->file}, NULL), SIL_OK);
    arena_free(&a);
    parse_ok(&s->a, &s->file, &s->g);
}

static void free_shards(struct shard *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        arena_free(&s[i].a);
        buf_free(&s[i].file);
    }
}

static void join(const struct shard *s, size_t n, sil_err code, const char *text) {
    struct gguf *g = NULL, *list[4];
    struct arena a;
    struct sil_error e = {0};
    arena_init(&a, mem_libc(), FILE_MAX);
    for (size_t i = 0; i < n; i++) list[i] = s[i].g;
    sil_err err = gguf_join(&a, list, n, &g, &e);
    if (err != code || (err != SIL_OK && !strstr(e.text, text))) fail_msg("%s \"%s\"", sil_err_name(err), e.text);
    if (err == SIL_OK) {
        assert_int_equal(g->n_tensors, 2);
        assert_int_equal(gguf_tensor(g, "a")->shard, 1);
        assert_int_equal(gguf_tensor(g, "b")->shard, 2);
        assert_ptr_equal(gguf_tensor(g, "b")->data, s[2].g->tensors[0].data);
        assert_non_null(gguf_find(g, "general.architecture"));
        assert_int_equal(g->n_shards, 3);
    }
    arena_free(&a);
}

static void test_shards(void **state) {
    (void)state;
    static const struct {
        uint32_t no[3], count[3], total;
        const char *names[3];
        bool keys;
        sil_err code;
        const char *text;
    } cases[] = {
        {{0, 1, 2}, {3, 3, 3}, 2, {NULL, "a", "b"}, true, SIL_OK, ""},
        {{0, 2, 1}, {3, 3, 3}, 2, {NULL, "a", "b"}, true, SIL_FORMAT, "shard 2 of 3: split.no is 2 where shard 1"},
        {{0, 1, 2}, {3, 4, 3}, 2, {NULL, "a", "b"}, true, SIL_FORMAT, "split.count is 4, but there are 3 shards"},
        {{0, 1, 2},
         {3, 3, 3},
         5,
         {NULL, "a", "b"},
         true,
         SIL_FORMAT,
         "split.tensors.count is 5, but the shards hold 2"},
        {{0, 1, 2}, {3, 3, 3}, 2, {NULL, "a", "a"}, true, SIL_FORMAT, "tensor \"a\" is there twice"},
        {{0, 1, 2}, {3, 3, 3}, 2, {NULL, "a", "b"}, false, SIL_FORMAT, "key \"split.no\" is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shard s[3];
        for (int k = 0; k < 3; k++)
            make_shard(&s[k], cases[i].no[k], cases[i].count[k], cases[i].total, cases[i].names[k], cases[i].keys);
        join(s, 3, cases[i].code, cases[i].text);
        free_shards(s, 3);
    }
    struct shard one;
    struct gguf *g = NULL;
    struct arena a;
    arena_init(&a, mem_libc(), FILE_MAX);
    make_shard(&one, 0, 1, 1, "a", false);
    assert_int_equal(gguf_join(&a, &one.g, 1, &g, NULL), SIL_OK);
    assert_ptr_equal(g, one.g);
    assert_int_equal(gguf_join(&a, &one.g, 0, &g, NULL), SIL_LIMIT);
    assert_int_equal(gguf_join(&a, &one.g, GGUF_SHARDS_MAX + 1, &g, NULL), SIL_LIMIT);
    free_shards(&one, 1);
    arena_free(&a);
}

/* ---- memory ---- */

static sil_err parse_and_write(void *ctx, struct mem mem) {
    const struct buf *b = ctx;
    struct arena a;
    struct gguf *g;
    struct buf out;
    arena_init(&a, mem, FILE_MAX);
    buf_init(&out, mem_libc(), FILE_MAX);
    sil_err err = gguf_parse(&a, buf_view(b), false, &g, NULL);
    if (err == SIL_OK) err = copy_all(g, &a, &out, NULL);
    buf_free(&out);
    arena_free(&a);
    return err;
}

static sil_err join_three(void *ctx, struct mem mem) {
    struct shard *s = ctx;
    struct gguf *list[3] = {s[0].g, s[1].g, s[2].g}, *g;
    struct arena a;
    arena_init(&a, mem, FILE_MAX);
    sil_err err = gguf_join(&a, list, 3, &g, NULL);
    arena_free(&a);
    return err;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_good; i++) {
        struct buf b = make(&gguf_good[i]);
        assert_true(test_each_allocation(parse_and_write, &b) >= 1);
        buf_free(&b);
    }
    struct shard s[3];
    for (uint32_t k = 0; k < 3; k++) make_shard(&s[k], k, 3, 3, (const char *const[]){"a", "b", "c"}[k], true);
    assert_true(test_each_allocation(join_three, s) >= 1);
    free_shards(s, 3);
}

/* An arena whose limit is reached at any byte gives SIL_NOMEM, never half a file. */
static void test_every_arena_limit(void **state) {
    (void)state;
    struct buf b = make(&gguf_good[1]);
    for (size_t limit = 0; limit < 6000; limit += 61) {
        struct arena a;
        struct gguf *g;
        arena_init(&a, mem_libc(), limit);
        sil_err err = gguf_parse(&a, buf_view(&b), false, &g, NULL);
        assert_true(err == SIL_OK || err == SIL_NOMEM);
        if (limit < 1000) assert_int_equal(err, SIL_NOMEM);
        arena_free(&a);
    }
    buf_free(&b);
}

/* ---- random files ---- */

static void random_value(struct rng *r, struct arena *a, unsigned depth, struct gguf_value *v);

static struct str random_text(struct rng *r, struct arena *a, size_t most) {
    size_t n = (size_t)rng_below(r, most);
    char *p = arena_alloc(a, n, 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) p[i] = (char)rng_u64(r);
    return (struct str){p, n};
}

static void random_array(struct rng *r, struct arena *a, unsigned depth, struct gguf_array *out) {
    *out = (struct gguf_array){.n = rng_below(r, 6)};
    do out->type = (enum gguf_type)rng_below(r, GGUF_TYPE_COUNT);
    while (out->type == GGUF_ARRAY && depth == GGUF_DEPTH_MAX);
    struct str *s = ARENA_ARRAY(a, out->n, struct str);
    struct gguf_array *inner = ARENA_ARRAY(a, out->n, struct gguf_array);
    uint8_t *bytes = arena_alloc(a, (size_t)out->n * 8, 1);
    for (uint64_t i = 0; i < out->n; i++) {
        if (out->type == GGUF_STRING) s[i] = random_text(r, a, 40);
        if (out->type == GGUF_ARRAY) random_array(r, a, depth + 1, &inner[i]);
    }
    for (uint64_t i = 0; i < out->n * 8; i++)
        bytes[i] = (uint8_t)(out->type == GGUF_BOOL ? rng_below(r, 2) : rng_u64(r));
    if (out->type == GGUF_STRING) out->strings = s;
    else if (out->type == GGUF_ARRAY) out->arrays = inner;
    else out->bytes = bytes;
}

static void random_value(struct rng *r, struct arena *a, unsigned depth, struct gguf_value *v) {
    *v = (struct gguf_value){.type = (enum gguf_type)rng_below(r, GGUF_TYPE_COUNT)};
    size_t size = gguf_type_size(v->type);
    uint64_t bits = rng_u64(r);
    if (v->type == GGUF_STRING) v->as.s = random_text(r, a, 300);
    else if (v->type == GGUF_BOOL) v->as.u = bits & 1;
    else if (v->type == GGUF_F32) v->as.f = (double)rng_normal(r);
    else if (v->type == GGUF_F64) v->as.f = (double)rng_normal(r) * 1e200;
    else if (v->type == GGUF_I8 || v->type == GGUF_I16 || v->type == GGUF_I32 || v->type == GGUF_I64)
        v->as.i = (int64_t)bits >> (64 - 8 * size);
    else if (v->type == GGUF_ARRAY) {
        v->as.a = ARENA_NEW(a, struct gguf_array);
        random_array(r, a, depth, v->as.a);
    } else v->as.u = bits >> (64 - 8 * size);
}

static bool same_array(const struct gguf_array *x, const struct gguf_array *y) {
    if (x->type != y->type || x->n != y->n) return false;
    size_t size = gguf_type_size(x->type);
    if (size) return x->n == 0 || memcmp(x->bytes, y->bytes, (size_t)x->n * size) == 0;
    for (uint64_t i = 0; i < x->n; i++) {
        if (x->type == GGUF_STRING && !str_eq(x->strings[i], y->strings[i])) return false;
        if (x->type == GGUF_ARRAY && !same_array(&x->arrays[i], &y->arrays[i])) return false;
    }
    return true;
}

static bool same_value(const struct gguf_value *x, const struct gguf_value *y) {
    if (x->type != y->type) return false;
    if (x->type == GGUF_STRING) return str_eq(x->as.s, y->as.s);
    if (x->type == GGUF_ARRAY) return same_array(x->as.a, y->as.a);
    return x->as.u == y->as.u;
}

static void random_file(uint64_t seed) {
    enum { KEYS = 40, TENSORS = 12 };
    static const enum dtype types[] = {DTYPE_F32,  DTYPE_F16,  DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1,
                                       DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K};
    struct rng r = {.seed = seed};
    struct arena a, ra;
    struct gguf *g;
    struct gguf_value v[KEYS];
    struct buf out;
    char name[64];
    uint32_t alignment = 8u << rng_below(&r, 8);
    struct gguf_writer *w = writer(&a, alignment);
    size_t n_keys = (size_t)rng_below(&r, KEYS), n_tensors = (size_t)rng_below(&r, TENSORS);
    buf_init(&out, mem_libc(), FILE_MAX);
    for (size_t i = 0; i < n_keys; i++) {
        random_value(&r, &a, 1, &v[i]);
        snprintf(name, sizeof name, "k%llx.%zu", (unsigned long long)rng_u64(&r), i);
        assert_int_equal(gguf_put_value(w, str_of(name), &v[i]), SIL_OK);
    }
    for (size_t i = 0; i < n_tensors; i++) {
        enum dtype type = types[rng_below(&r, sizeof types / sizeof *types)];
        const struct dtype_info *info = dtype_get(type);
        uint64_t dims[4], bytes = info->block_bytes;
        for (int d = 0; d < 4; d++) bytes *= dims[d] = 1 + rng_below(&r, 4);
        dims[0] *= info->block_len;
        uint8_t *data = arena_alloc(&a, (size_t)bytes, 1);
        for (uint64_t k = 0; k < bytes; k++) data[k] = (uint8_t)rng_u64(&r);
        snprintf(name, sizeof name, "t%zu", i);
        assert_int_equal(gguf_put_tensor(w, name, type, 4, dims, data), SIL_OK);
    }
    assert_int_equal(gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &out}, NULL), SIL_OK);
    parse_ok(&ra, &out, &g);
    size_t first = alignment == 32 ? 0 : 1; /* general.alignment */
    if (g->n_kv != n_keys + first || g->n_tensors != n_tensors || g->alignment != alignment)
        fail_msg("seed %llu", (unsigned long long)seed);
    for (size_t i = 0; i < n_keys; i++)
        if (!same_value(&v[i], &g->kv[i + first].value)) fail_msg("seed %llu, key %zu", (unsigned long long)seed, i);
    round_trip(&out, "random");
    arena_free(&ra);
    arena_free(&a);
    buf_free(&out);
}

static void test_random_files(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) random_file(seed);
}

/* Names that would collide in a weak hash table: look-ups stay logarithmic, and each finds its own. */
static void test_many_names(void **state) {
    (void)state;
    enum { N = 20000 };
    struct arena a, ra;
    struct gguf *g;
    struct buf out;
    char name[64];
    struct gguf_writer *w = writer(&a, 32);
    for (uint32_t i = 0; i < N; i++) {
        snprintf(name, sizeof name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%05u", (i * 7919) % N);
        assert_int_equal(gguf_put_u32(w, name, (i * 7919) % N), SIL_OK);
    }
    buf_init(&out, mem_libc(), FILE_MAX);
    assert_int_equal(gguf_write(w, (struct gguf_sink){.write = to_buf, .ctx = &out}, NULL), SIL_OK);
    parse_ok(&ra, &out, &g);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t u = N;
        snprintf(name, sizeof name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%05u", i);
        assert_int_equal(gguf_u32(g, name, &u, NULL), SIL_OK);
        assert_int_equal(u, i);
    }
    assert_null(gguf_find(g, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    arena_free(&ra);
    arena_free(&a);
    buf_free(&out);
}

/* The corpus in the repository is what the tool makes of the cases. */
static void corpus_is(const struct gguf_case *c, const char *kind) {
    char path[256];
    struct buf b = make(c), file;
    snprintf(path, sizeof path, "fuzz/corpus/gguf/%s/%s", kind, c->name);
    buf_init(&file, mem_libc(), FILE_MAX);
    test_read_file(path, &file);
    if (!str_eq(buf_view(&file), buf_view(&b)))
        fail_msg("%s is old: run build/tests/tool_gguf_corpus fuzz/corpus", path);
    buf_free(&file);
    buf_free(&b);
}

static void test_corpus_is_current(void **state) {
    (void)state;
    for (size_t i = 0; i < gguf_n_good; i++) corpus_is(&gguf_good[i], "good");
    for (size_t i = 0; i < gguf_n_bad; i++) corpus_is(&gguf_bad[i], "bad");
}

static void test_files_from_elsewhere(void **state) {
    (void)state;
    static const char *const files[] = {
        "data/vocab_gguf/ggml-vocab-gpt-2.gguf",        "data/vocab_gguf/ggml-vocab-llama-spm.gguf",
        "data/vocab_gguf/ggml-vocab-deepseek-llm.gguf", "data/vocab_gguf/ggml-vocab-phi-3.gguf",
        "data/models/llama-2-tiny-random.gguf",
    };
    if (!test_exists(test_shared(files[0]))) TEST_SKIP("no %s", test_shared(files[0]));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf b;
        buf_init(&b, mem_libc(), FILE_MAX);
        test_read_file(test_shared(files[i]), &b);
        round_trip(&b, files[i]);
        buf_free(&b);
    }
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files_survive_parsing_and_writing),
        cmocka_unit_test(test_values_are_read),
        cmocka_unit_test(test_tensors_are_placed),
        cmocka_unit_test(test_bad_files_give_their_error),
        cmocka_unit_test(test_bad_files_take_no_memory),
        cmocka_unit_test(test_lenient_keeps_unknown_types),
        cmocka_unit_test(test_every_truncation_fails_cleanly),
        cmocka_unit_test(test_every_changed_byte_is_survived),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dense_files_fit_their_arena),
        cmocka_unit_test(test_typed_access),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_tensors_made_while_writing),
        cmocka_unit_test(test_a_failing_sink_stops_the_writer),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_every_arena_limit),
        cmocka_unit_test(test_random_files),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_corpus_is_current),
        cmocka_unit_test(test_files_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
