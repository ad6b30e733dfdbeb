/* support: what several test programs need. Failures here are failures of the running test. */
#ifndef SIL_TESTS_SUPPORT_H
#define SIL_TESTS_SUPPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sillok.h"

/* Memory that fails the allocation number `fail_at` (1 is the first; 0: never) and all later ones, and counts blocks
 * that were not given back. Zero it, set fail_at, and pass test_mem(&t). */
struct test_mem {
    size_t fail_at, calls, live;
};
struct mem test_mem(struct test_mem *t);

/* Runs `step` with the first allocation failing, then the second, and so on until one run needs no failure. Each
 * failed run must return SIL_NOMEM, every run must give all memory back. Returns how many allocations there are. */
size_t test_each_allocation(sil_err (*step)(void *ctx, struct mem mem), void *ctx);

/* Memory of which every so many-th allocation fails, for programs with threads; one_in 0: none fails. Zero it, and set
 * one_in whenever it suits. */
struct test_scarce {
    _Atomic uint32_t calls, one_in;
};
struct mem test_scarce_mem(struct test_scarce *s);

/* For waiting until another thread or process has done something: `while (!done() && test_wait(&w)) continue;`. Naps
 * for 2 ms; false when two minutes have passed since the first call with this w, which a loaded machine does not need.
 * Zero it before. */
struct test_wait {
    uint64_t until_ns;
};
bool test_wait(struct test_wait *w);
void test_nap_ms(uint32_t ms);

/* Joins the folder of shared data (env SILLOK_SHARED, otherwise ../shared) and a path below it, in a static buffer. */
const char *test_shared(const char *path);
bool test_exists(const char *path);

/* The whole file, appended to b. */
void test_read_file(const char *path, struct buf *b);

/* A fresh folder below $TMPDIR, in a static buffer; the test removes what it puts there. */
const char *test_folder(void);

/* A new file with these bytes, for the test to remove; the same with a random model (make_model.h). */
enum { TEST_PATH = 64 };
struct mm_spec;
void test_file(struct str bytes, char path[TEST_PATH]);
void test_model(const struct mm_spec *s, char path[TEST_PATH]);

/* Skips the running test with the reason printed. */
#define TEST_SKIP(...)                                                                                                 \
    do {                                                                                                               \
        printf("# skip: ");                                                                                            \
        printf(__VA_ARGS__);                                                                                           \
        printf("\n");                                                                                                  \
        skip();                                                                                                        \
    } while (0)

#endif
