/* Model files on disk: shards, and what is not a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "gguf_cases.h"
#include "llama2c_cases.h"
#include "model/model_file.h"
#include "support.h"

static char folder[4096];

static const char *at(const char *name) {
    static char path[8][5000];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static void save(const char *name, const void *p, size_t n) {
    struct file_out f;
    struct sil_error e = {0};
    if (file_create(at(name), &f, &e) != SIL_OK || file_write(&f, p, n, &e) != SIL_OK || file_commit(&f, &e) != SIL_OK)
        fail_msg("%s", e.text);
}

/* Shard no (from 1) of count with one tensor; count 0: a whole model. */
static void save_shard(const char *file, uint32_t no, uint32_t count, const char *tensor) {
    static const float data[4] = {1, 2, 3, 4};
    struct arena a;
    struct gguf_writer *w = NULL;
    struct sil_error e = {0};
    arena_init(&a, mem_libc(), 1 << 20);
    assert_int_equal(gguf_writer_new(&a, 32, &w), SIL_OK);
    if (count) {
        gguf_put_u32(w, "split.no", no - 1);
        gguf_put_u32(w, "split.count", count);
        gguf_put_u32(w, "split.tensors.count", count);
    }
    gguf_put_tensor(w, tensor, DTYPE_F32, 1, (const uint64_t[]){4}, data);
    if (model_file_write(w, at(file), &e) != SIL_OK) fail_msg("%s", e.text);
    arena_free(&a);
}

static int make_files(void **state) {
    (void)state;
    struct buf b;
    snprintf(folder, sizeof folder, "%s", test_folder());
    save_shard("whole.gguf", 1, 0, "t");
    save_shard("m-00001-of-00003.gguf", 1, 3, "a");
    save_shard("m-00002-of-00003.gguf", 2, 3, "b");
    save_shard("m-00003-of-00003.gguf", 3, 3, "c");
    save_shard("gap-00001-of-00002.gguf", 1, 2, "a");
    save_shard("twice-00001-of-00002.gguf", 1, 2, "a");
    save_shard("twice-00002-of-00002.gguf", 1, 2, "b");
    save_shard("renamed.gguf", 1, 3, "a");
    save("empty.gguf", "", 0);
    save("x.safetensors", "\x10\0\0\0\0\0\0\0{\"a\":{}}", 16);
    save("weights", "\x10\0\0\0\0\0\0\0{\"a\":{}}", 16);
    save("p.bin", "PK\x03\x04 and more", 12);
    save("config.json", "{\"model_type\": \"llama\"}", 23);
    save("noise.bin", "0123456789012345678901234567890123456789", 40);
    buf_init(&b, mem_libc(), 1 << 20);
    llama2c_make_model(&b, &llama2c_small);
    save("stories.bin", b.p, b.n);
    buf_free(&b);
    for (size_t i = 0; i < gguf_n_bad; i++) {
        if (strcmp(gguf_bad[i].name, "type_iq") != 0) continue;
        buf_init(&b, mem_libc(), 1 << 20);
        gguf_bad[i].make(&b);
        save("iq.gguf", b.p, b.n);
        buf_free(&b);
    }
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    static const char *const names[] = {"whole.gguf",
                                        "m-00001-of-00003.gguf",
                                        "m-00002-of-00003.gguf",
                                        "m-00003-of-00003.gguf",
                                        "gap-00001-of-00002.gguf",
                                        "twice-00001-of-00002.gguf",
                                        "twice-00002-of-00002.gguf",
                                        "renamed.gguf",
                                        "empty.gguf",
                                        "x.safetensors",
                                        "weights",
                                        "p.bin",
                                        "config.json",
                                        "noise.bin",
                                        "stories.bin",
                                        "iq.gguf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(at(names[i]));
    return rmdir(folder); /* fails when a temporary file was left behind */
}

static void test_one_file(void **state) {
    (void)state;
    struct model_file *f;
    struct sil_error e = {0};
    if (model_file_open(at("whole.gguf"), mem_libc(), &f, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(model_file_shards(f), 1);
    float x;
    memcpy(&x, gguf_tensor(model_file_gguf(f), "t")->data + 12, 4);
    assert_true(x == 4.0f);
    struct stat st;
    assert_int_equal(stat(at("whole.gguf"), &st), 0);
    assert_int_equal(model_file_bytes(f, 0).n, st.st_size);
    model_file_close(f);
    model_file_close(NULL);
}

static void test_shards_are_found_and_joined(void **state) {
    (void)state;
    struct model_file *f;
    struct sil_error e = {0};
    if (model_file_open(at("m-00001-of-00003.gguf"), mem_libc(), &f, &e) != SIL_OK) fail_msg("%s", e.text);
    const struct gguf *g = model_file_gguf(f);
    assert_int_equal(model_file_shards(f), 3);
    assert_int_equal(g->n_tensors, 3);
    assert_int_equal(gguf_tensor(g, "c")->shard, 2);
    struct str third = model_file_bytes(f, 2);
    const char *data = (const char *)gguf_tensor(g, "c")->data;
    assert_true(data > third.p && data < third.p + third.n);
    model_file_close(f);
}

static void test_what_is_not_a_model_is_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        sil_err code;
        const char *text;
    } cases[] = {
        {"m-00002-of-00003.gguf", SIL_ARG, "is shard 2 of 3; give the first: "},
        {"m-00002-of-00003.gguf", SIL_ARG, "m-00001-of-00003.gguf"},
        {"gap-00001-of-00002.gguf", SIL_IO, "gap-00002-of-00002.gguf: No such file"},
        {"twice-00001-of-00002.gguf", SIL_FORMAT, "shard 2 of 2: split.no is 0"},
        {"renamed.gguf", SIL_FORMAT, "is one of 3 shards"},
        {"m-00000-of-00003.gguf", SIL_FORMAT, "shard 0 of 3"},
        {"m-00001-of-99999.gguf", SIL_FORMAT, "there can be 1 to 1024"},
        {"absent.gguf", SIL_IO, "absent.gguf: No such file"},
        {"empty.gguf", SIL_FORMAT, "is empty"},
        {"x.safetensors", SIL_UNSUPPORTED, "safetensors are not supported yet"},
        {"weights", SIL_UNSUPPORTED, "safetensors are not supported yet"},
        {"p.bin", SIL_UNSUPPORTED, "PyTorch"},
        {"config.json", SIL_FORMAT, "is JSON, not a model"},
        {"noise.bin", SIL_FORMAT, "noise.bin: not a GGUF file"},
        {"stories.bin", SIL_UNSUPPORTED, "convert it first: sillok convert "},
        {"stories.bin", SIL_UNSUPPORTED, "stories.bin.gguf --tokenizer tokenizer.bin"},
        {"iq.gguf", SIL_UNSUPPORTED, "iq.gguf: tensor \"blk.0.attn_q.weight\" has type 16 (IQ2_XXS)"},
        {"", SIL_UNSUPPORTED, "is a directory; Hugging Face directories are not supported yet"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_file *f = NULL;
        struct sil_error e = {0};
        sil_err err = model_file_open(at(cases[i].name), mem_libc(), &f, &e);
        if (err != cases[i].code || !strstr(e.text, cases[i].text))
            fail_msg("%s: %s \"%s\"", cases[i].name, sil_err_name(err), e.text);
        assert_null(f);
    }
}

static void test_inspection_keeps_unknown_types(void **state) {
    (void)state;
    struct model_file *f;
    assert_int_equal(model_file_inspect(at("iq.gguf"), mem_libc(), &f, NULL), SIL_OK);
    assert_null(model_file_gguf(f)->tensors[0].data);
    model_file_close(f);
}

static sil_err open_step(void *ctx, struct mem mem) {
    struct model_file *f = NULL;
    sil_err err = model_file_open(ctx, mem, &f, NULL);
    model_file_close(f);
    return err;
}

static void test_every_allocation_may_fail(void **state) {
    (void)state;
    char path[5000];
    snprintf(path, sizeof path, "%s", at("m-00001-of-00003.gguf"));
    assert_true(test_each_allocation(open_step, path) >= 3);
}

/* A failed write leaves the file that was there, and no other. */
static void test_a_failed_write_changes_nothing(void **state) {
    (void)state;
    struct arena a;
    struct gguf_writer *w = NULL;
    struct stat before, after;
    struct sil_error e = {0};
    arena_init(&a, mem_libc(), 1 << 20);
    assert_int_equal(stat(at("whole.gguf"), &before), 0);
    assert_int_equal(gguf_writer_new(&a, 32, &w), SIL_OK);
    gguf_put_tensor(w, "t", DTYPE_F32, 1, (const uint64_t[]){4}, NULL); /* nothing makes its data */
    assert_int_equal(model_file_write(w, at("whole.gguf"), &e), SIL_ARG);
    assert_int_equal(stat(at("whole.gguf"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(model_file_write(w, folder, &e), SIL_IO);
    assert_non_null(strstr(e.text, "is a directory"));
    arena_free(&a);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_file),
        cmocka_unit_test(test_shards_are_found_and_joined),
        cmocka_unit_test(test_what_is_not_a_model_is_named),
        cmocka_unit_test(test_inspection_keeps_unknown_types),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_a_failed_write_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
