/* base: errors, checked sizes, buffers, arenas, UTF-8, random numbers, digests, JSON, element types, processor masks,
 * files. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/checked.h"
#include "base/cpu.h"
#include "base/dtype.h"
#include "base/err.h"
#include "base/file.h"
#include "base/jsonx.h"
#include "base/rng.h"
#include "base/sha.h"
#include "base/utf8.h"
#include "support.h"

static void errors(void **state) {
    (void)state;
    struct sil_error e = {0};
    assert_int_equal(err_set(NULL, SIL_IO, "nobody listens"), SIL_IO);
    assert_int_equal(err_set(&e, SIL_FORMAT, "key \"%s\"", "a\nb\x1b[2J\x7f"), SIL_FORMAT);
    assert_int_equal(e.code, SIL_FORMAT);
    assert_string_equal(e.text, "key \"a\\x0ab\\x1b[2J\\x7f\"");
    err_set(&e, SIL_ARG, "inner");
    assert_int_equal(err_prefix(&e, SIL_LIMIT, "file %d", 3), SIL_LIMIT);
    assert_string_equal(e.text, "file 3: inner");
    assert_int_equal(err_nomem(&e, "a cache", 123), SIL_NOMEM);
    assert_non_null(strstr(e.text, "a cache (123 bytes)"));
    for (int code = SIL_OK; code <= SIL_CANCELLED; code++) assert_memory_equal(sil_err_name((sil_err)code), "SIL_", 4);
    assert_string_equal(sil_err_name(SIL_CANCELLED), "SIL_CANCELLED");
    assert_string_equal(sil_err_name((sil_err)1000), "SIL_?");
}

/* A text of any length is cut between characters and ends in NUL. */
static void long_errors(void **state) {
    (void)state;
    char text[SIL_ERROR_TEXT * 3];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 3) memcpy(text + i, "\xec\x8b\xa4", 4); /* U+C2E4 */
        struct sil_error e;
        err_set(&e, SIL_FORMAT, "%s", text);
        size_t n = strlen(e.text);
        assert_in_range(n, SIL_ERROR_TEXT - 4, SIL_ERROR_TEXT - 1);
        assert_true(utf8_valid(e.text, n, NULL));
        err_prefix(&e, SIL_FORMAT, "%s", text);
        assert_true(utf8_valid(e.text, strlen(e.text), NULL));
    }
}

static void sizes(void **state) {
    (void)state;
    size_t r = 7;
    assert_true(size_add(SIZE_MAX - 1, 1, &r) && r == SIZE_MAX);
    assert_false(size_add(SIZE_MAX, 1, &r));
    assert_true(size_mul(SIZE_MAX / 2, 2, &r) && r == SIZE_MAX - 1);
    assert_false(size_mul(SIZE_MAX / 2 + 1, 2, &r));
    assert_true(r == SIZE_MAX - 1); /* left alone on failure */
    assert_true(size_align(33, 32, &r) && r == 64);
    assert_true(size_align(0, 32, &r) && r == 0);
    assert_false(size_align(SIZE_MAX - 5, 32, &r));
}

static void buffers(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, mem_libc(), 300);
    assert_int_equal(buf_view(&b).n, 0);
    assert_int_equal(buf_str(&b, STR("ab")), SIL_OK);
    assert_int_equal(buf_char(&b, 'c'), SIL_OK);
    assert_int_equal(buf_printf(&b, "%d-%s", 42, "x"), SIL_OK);
    assert_string_equal(b.p, "abc42-x");
    assert_int_equal(b.n, 7);
    for (int i = 0; i < 293; i++) assert_int_equal(buf_char(&b, '.'), SIL_OK);
    assert_int_equal(buf_char(&b, '.'), SIL_LIMIT);
    assert_int_equal(buf_put(&b, "", SIZE_MAX), SIL_LIMIT);
    assert_int_equal(buf_printf(&b, "%d", 1), SIL_LIMIT);
    assert_int_equal(b.n, 300);
    assert_int_equal(b.p[300], '\0');
    buf_clear(&b);
    assert_int_equal(b.n, 0);
    assert_string_equal(b.p, "");
    buf_free(&b);
}

static sil_err buffer_step(void *ctx, struct mem mem) {
    (void)ctx;
    struct buf b;
    buf_init(&b, mem, 1 << 20);
    sil_err err = SIL_OK;
    for (int i = 0; i < 5000 && err == SIL_OK; i++) {
        size_t n = b.n;
        err = buf_printf(&b, "line %d\n", i);
        if (err != SIL_OK) assert_true(b.n == n); /* unchanged */
    }
    buf_free(&b);
    return err;
}

static void arenas(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, mem_libc(), 1 << 20);
    struct rng r = {.seed = 1};
    unsigned char *last = NULL;
    size_t last_n = 0;
    for (int i = 0; i < 400; i++) {
        size_t align = (size_t)1 << rng_below(&r, 13), n = (size_t)rng_below(&r, 600);
        unsigned char *p = arena_alloc(&a, n, align);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p & (align - 1), 0);
        for (size_t k = 0; k < n; k++) assert_int_equal(p[k], 0); /* cleared */
        memset(p, 0xaa, n);
        for (size_t k = 0; k < last_n; k++) assert_int_equal(last[k], 0xbb); /* apart from the one before */
        memset(p, 0xbb, n);
        last = p;
        last_n = n;
    }
    assert_true(a.used <= a.limit);
    assert_null(arena_alloc(&a, 1 << 20, 1));
    assert_null(arena_alloc(&a, SIZE_MAX, 4096));
    assert_null(arena_array(&a, SIZE_MAX / 2, 3, 1));
    assert_string_equal(arena_copy(&a, "abcdef", 3), "abc");
    arena_free(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(ARENA_NEW(&a, int)); /* usable again */
    arena_free(&a);
}

static sil_err arena_step(void *ctx, struct mem mem) {
    (void)ctx;
    struct arena a;
    arena_init(&a, mem, 8 << 20);
    sil_err err = SIL_OK;
    for (int i = 0; i < 100 && err == SIL_OK; i++)
        if (!arena_alloc(&a, 20000, 64)) err = SIL_NOMEM;
    arena_free(&a);
    return err;
}

static void allocation_failures(void **state) {
    (void)state;
    assert_true(test_each_allocation(buffer_step, NULL) > 3);
    assert_true(test_each_allocation(arena_step, NULL) > 3);
}

/* Every scalar value goes there and back; everything else is refused, at the right place. */
static void utf8_all(void **state) {
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        char s[4];
        uint32_t back = 0;
        size_t n = utf8_encode(cp, s);
        if (utf8_decode(s, n, &back) != n || back != cp) fail_msg("U+%04X", cp);
        for (size_t k = 1; k < n; k++)
            if (utf8_decode(s, k, &back) != 0 || utf8_tail(s, k) != k) fail_msg("U+%04X cut to %zu", cp, k);
        if (utf8_tail(s, n) != 0) fail_msg("U+%04X is whole", cp);
    }
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
                                      "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff",         "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char s[8] = "ab";
        size_t at = 99, n = strlen(bad[i]);
        memcpy(s + 2, bad[i], n);
        assert_false(utf8_valid(s, n + 2, &at));
        assert_int_equal(at, 2);
        assert_int_equal(utf8_tail(bad[i], n), 0);
    }
}

/* Known answers of the authors' own implementation (Random123, kat_vectors, philox4x32 10). */
static void philox(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        rng_philox(known[i].key, known[i].counter, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void random_streams(void **state) {
    (void)state;
    struct rng a = {.seed = 5}, b = {.seed = 5, .stream = 1}, late = {.seed = 5, .position = 9};
    uint64_t tenth = 0;
    for (int i = 0; i < 10; i++) tenth = rng_u64(&a);
    assert_true(tenth == rng_u64(&late)); /* a draw does not depend on those before it */
    assert_true(tenth != rng_u64(&b));
    double sum = 0, squares = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        float u = rng_f32(&a), z = rng_normal(&a);
        assert_true(u >= 0.0f && u < 1.0f);
        assert_true(rng_below(&a, 10) < 10);
        sum += (double)z;
        squares += (double)z * (double)z;
    }
    /* Standard errors: 0.0022 and 0.0031 (kurtosis of twelve uniforms: 2.9); five of them. */
    assert_true(sum / N > -0.0112 && sum / N < 0.0112);
    assert_true(squares / N > 0.984 && squares / N < 1.016);
}

static void digests(void **state) {
    (void)state;
    char hex[SHA_HEX]; /* FIPS 180-2, appendix B */
    sha_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void json(void **state) {
    (void)state;
    struct sil_error e = {0};
    json_t *j = NULL;
    assert_int_equal(jsonx_parse(STR("{\"a\": \"x\\u0000y\", \"n\": 1}"), "here", &j, &e), SIL_OK);
    assert_true(str_eq(jsonx_str(j, "a"), STR("x\0y")));
    assert_int_equal(jsonx_str(j, "n").n, 0);
    assert_int_equal(jsonx_str(j, "none").n, 0);
    json_decref(j);
    static const char *const bad[] = {"", "{", "{\"a\":1,\"a\":2}", "[1] x", "\"\xff\"", "nul"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(jsonx_parse(str_of(bad[i]), "here", &j, &e), SIL_FORMAT);
        assert_memory_equal(e.text, "here: line ", 11);
    }
}

static void types(void **state) {
    (void)state;
    for (uint32_t t = 0; t < 300; t++) {
        const struct dtype_info *d = dtype_get(t);
        if (!d) continue;
        enum dtype back;
        assert_true(dtype_parse(d->name, &back));
        assert_int_equal(back, t);
        assert_string_equal(dtype_gguf_name(t), d->name);
        assert_int_equal(dtype_is_quant(back), d->block_len > 1);
    }
    enum dtype any;
    assert_true(dtype_parse("q4_k", &any));
    assert_int_equal(any, DTYPE_Q4_K);
    assert_false(dtype_parse("q4", &any));
    assert_null(dtype_get(UINT32_MAX));
    assert_null(dtype_gguf_name(4));
    assert_null(dtype_gguf_name(UINT32_MAX));
}

static void processor(void **state) {
    (void)state;
    struct sil_error e = {0};
    uint32_t mask = 77, x86 = CPU_AVX2 | CPU_AVX512 | CPU_VNNI;
    assert_int_equal(cpu_parse("scalar", x86, &mask, &e), SIL_OK);
    assert_int_equal(mask, 0);
    assert_int_equal(cpu_parse("avx2", x86, &mask, &e), SIL_OK);
    assert_int_equal(mask, CPU_AVX2);
    assert_int_equal(cpu_parse("avx512", x86, &mask, &e), SIL_OK);
    assert_int_equal(mask, x86);
    assert_string_equal(cpu_name(mask), "avx512+vnni");
    assert_int_equal(cpu_parse("native", CPU_NEON, &mask, &e), SIL_OK);
    assert_int_equal(mask, CPU_NEON);
    assert_int_equal(cpu_parse("avx512", CPU_AVX2, &mask, &e), SIL_ARG);
    assert_non_null(strstr(e.text, "no avx512 (it has: avx2)"));
    assert_int_equal(cpu_parse("sse9", x86, &mask, &e), SIL_ARG);
    assert_int_equal(cpu_parse("native", cpu_detect(), &mask, &e), SIL_OK);
    assert_in_range(cpu_threads(), 1, 4096);
}

static void files(void **state) {
    (void)state;
    struct sil_error e = {0};
    const char *dir = test_folder();
    char path[4096];
    snprintf(path, sizeof path, "%s/file", dir);
    struct file_out out;
    assert_int_equal(file_create(path, &out, &e), SIL_OK);
    assert_int_equal(file_write(&out, "first", 5, &e), SIL_OK);
    assert_int_equal(access(path, F_OK), -1); /* not there before it is complete */
    assert_int_equal(file_commit(&out, &e), SIL_OK);
    file_discard(&out); /* harmless */
    assert_int_equal(file_create(path, &out, &e), SIL_OK);
    assert_int_equal(file_write(&out, "second", 6, &e), SIL_OK);
    file_discard(&out); /* given up: the old one stays */
    struct file_map m;
    assert_int_equal(file_map_open(path, &m, &e), SIL_OK);
    assert_int_equal(m.n, 5);
    assert_memory_equal(m.p, "first", 5);
    file_map_close(&m);
    struct buf b;
    buf_init(&b, mem_libc(), 4);
    assert_int_equal(file_read(path, &b, &e), SIL_LIMIT);
    assert_non_null(strstr(e.text, "larger than the limit of 4 bytes"));
    buf_free(&b);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(file_map_open(path, &m, &e), SIL_OK);
    assert_true(m.n == 0 && m.p);
    file_map_close(&m);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_map_open(path, &m, &e), SIL_IO);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(file_map_open(dir, &m, &e), SIL_IO);
    assert_non_null(strstr(e.text, "is a directory"));
    assert_int_equal(file_create(dir, &out, &e), SIL_IO);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(file_map_open(path, &m, &e), SIL_IO); /* and does not wait for a writer */
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/none/file", dir);
    assert_int_equal(file_create(path, &out, &e), SIL_IO);
    assert_int_equal(rmdir(dir), 0); /* nothing was left behind */
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),    cmocka_unit_test(long_errors), cmocka_unit_test(sizes),
        cmocka_unit_test(buffers),   cmocka_unit_test(arenas),      cmocka_unit_test(allocation_failures),
        cmocka_unit_test(utf8_all),  cmocka_unit_test(philox),      cmocka_unit_test(random_streams),
        cmocka_unit_test(digests),   cmocka_unit_test(json),        cmocka_unit_test(types),
        cmocka_unit_test(processor), cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
