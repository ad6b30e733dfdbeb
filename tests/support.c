#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

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
