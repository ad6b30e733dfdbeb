#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "make_model.h"

enum { NAP_MS = 2, PATIENCE_S = 120 };

static void *counted_resize(void *ctx, void *p, size_t size) {
    struct test_mem *t = ctx;
    if (size == 0) {
        if (p) t->live--;
        free(p);
        return NULL;
    }
    t->calls++;
    if (t->fail_at && t->calls >= t->fail_at) return NULL;
    void *q = realloc(p, size);
    if (q && !p) t->live++;
    return q;
}

struct mem test_mem(struct test_mem *t) {
    return (struct mem){counted_resize, t};
}

size_t test_each_allocation(sil_err (*step)(void *ctx, struct mem mem), void *ctx) {
    enum { ALLOCATIONS_MAX = 1000000 };
    for (size_t n = 1; n < ALLOCATIONS_MAX; n++) {
        struct test_mem t = {.fail_at = n};
        sil_err err = step(ctx, test_mem(&t));
        if (t.live) fail_msg("%zu blocks were not given back when allocation %zu failed", t.live, n);
        if (t.calls < n) {
            assert_int_equal(err, SIL_OK);
            return n - 1;
        }
        if (err != SIL_NOMEM) fail_msg("%s where allocation %zu failed", sil_err_name(err), n);
    }
    fail_msg("the step allocates without end");
    return 0;
}

static void *scarce_resize(void *ctx, void *p, size_t size) {
    struct test_scarce *s = ctx;
    uint32_t one_in = atomic_load(&s->one_in);
    if (size && one_in && atomic_fetch_add(&s->calls, 1) % one_in == one_in - 1) return NULL;
    return mem_libc().resize(mem_libc().ctx, p, size);
}

struct mem test_scarce_mem(struct test_scarce *s) {
    return (struct mem){scarce_resize, s};
}

void test_nap_ms(uint32_t ms) {
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

bool test_wait(struct test_wait *w) {
    uint64_t now = clock_now_ns(clock_system());
    if (!w->until_ns) w->until_ns = now + PATIENCE_S * UINT64_C(1000000000);
    if (now >= w->until_ns) return false;
    test_nap_ms(NAP_MS);
    return true;
}

const char *test_shared(const char *path) {
    static char full[4096];
    const char *root = getenv("SILLOK_SHARED");
    snprintf(full, sizeof full, "%s/%s", root && *root ? root : "../shared", path);
    return full;
}

bool test_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

void test_read_file(const char *path, struct buf *b) {
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s cannot be opened", path);
    char part[65536];
    for (size_t k; (k = fread(part, 1, sizeof part, f)) > 0;) assert_int_equal(buf_put(b, part, k), SIL_OK);
    assert_false(ferror(f));
    fclose(f);
}

const char *test_folder(void) {
    static char path[4096];
    const char *root = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/sillok-test-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(path)) fail_msg("no folder %s", path);
    return path;
}

void test_file(struct str bytes, char path[TEST_PATH]) {
    snprintf(path, TEST_PATH, "/tmp/sillok-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
    close(fd);
}

void test_model(const struct mm_spec *s, char path[TEST_PATH]) {
    struct sil_error e = {0};
    test_file(STR(""), path);
    if (mm_write_file(s, path, &e) != SIL_OK) fail_msg("%s", e.text);
}
