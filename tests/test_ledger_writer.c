/* The writer's thread: answers from many threads become entries, each told what became of it; a full disk; memory that
 * runs out. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "ledger_bed.h"
#include "support.h"

static const struct ledger_hooks no_hooks;

enum { CLIENTS = 4, EACH = 150 };

struct client {
    struct ledger_writer *w;
    uint64_t first;
    atomic_uint done, good, bad;
    uint64_t last;
    bool ordered;
};

static void on_done(void *ctx, const struct ledger_outcome *o) {
    struct client *c = ctx;
    struct ledger_key key = lb_key(1);
    struct receipt *r = malloc(sizeof *r);
    if (o->err == SIL_OK) {
        bool ok = receipt_open(o->receipt, &key, r, NULL) == SIL_OK && r->index == o->index;
        if (c->good && o->index <= c->last) c->ordered = false;
        c->last = o->index;
        if (ok) c->good++;
        else c->ordered = false;
    } else {
        if (o->error && o->error->text[0]) c->bad++;
    }
    free(r);
    c->done++;
}

static void *client_main(void *arg) {
    struct client *c = arg;
    for (uint64_t i = 0; i < EACH; i++) {
        struct lb_answer b;
        lb_answer(&b, c->first + i, (enum ledger_keep)(i % 3));
        while (ledger_writer_submit(c->w, &b.answer, on_done, c, NULL) == SIL_LIMIT) usleep(100);
        memset(&b, 0, sizeof b); /* it was copied */
    }
    return NULL;
}

static void writer(void **state) {
    (void)state;
    char dir[256];
    struct client c[CLIENTS] = {0};
    pthread_t thread[CLIENTS];
    struct ledger_writer *w = NULL;
    struct ledger_writer_stats stats;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    struct ledger *l = lb_open(dir, no_hooks);
    struct ledger_writer_config config = {.mem = mem_libc(), .max_queue = 50, .publish_ms = 10};
    assert_int_equal(ledger_writer_start(l, &config, &w, NULL), SIL_OK);
    for (int i = 0; i < CLIENTS; i++) {
        c[i].w = w;
        c[i].first = (uint64_t)i * 1000;
        c[i].ordered = true;
        assert_int_equal(pthread_create(&thread[i], NULL, client_main, &c[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) pthread_join(thread[i], NULL);
    ledger_writer_stats(w, &stats);
    assert_false(stats.failing);
    assert_true(stats.cpu_ns > 0 && stats.sync_ns > 0);
    ledger_writer_stop(w);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(c[i].good, EACH);
        assert_true(c[i].ordered);
    }
    assert_int_equal(ledger_size(l), CLIENTS * EACH);
    ledger_close(l);
    assert_int_equal(lb_audit(dir, NULL, NULL), 0);
    lb_remove(dir);
}

static atomic_bool disk_full;

static int full(void *ctx, const char *operation, const char *path) {
    (void)ctx;
    (void)operation;
    (void)path;
    return disk_full ? ENOSPC : 0;
}

static void wait_for(const struct client *c, unsigned n) {
    struct test_wait w = {0};
    while (c->done < n && test_wait(&w)) continue;
    assert_int_equal(c->done, n);
}

/* A full disk: answers fail with words, nothing is acknowledged; with space again the writer goes on. */
static void writer_full_disk(void **state) {
    (void)state;
    char dir[256];
    struct client c = {.ordered = true};
    struct lb_answer b;
    struct ledger_writer_stats stats;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    disk_full = false;
    struct ledger *l = lb_open(dir, (struct ledger_hooks){.fault = full});
    struct ledger_writer_config config = {.mem = mem_libc()};
    assert_int_equal(ledger_writer_start(l, &config, &c.w, NULL), SIL_OK);
    lb_answer(&b, 1, LEDGER_KEEP_IDS);
    assert_int_equal(ledger_writer_submit(c.w, &b.answer, on_done, &c, NULL), SIL_OK);
    wait_for(&c, 1);
    disk_full = true;
    for (int i = 0; i < 5; i++) assert_int_equal(ledger_writer_submit(c.w, &b.answer, on_done, &c, NULL), SIL_OK);
    wait_for(&c, 6);
    assert_int_equal(c.bad, 5);
    ledger_writer_stats(c.w, &stats);
    assert_true(stats.failing && stats.failures > 0);
    disk_full = false;
    struct test_wait w = {0};
    while (stats.failing && test_wait(&w)) ledger_writer_stats(c.w, &stats); /* it tries by itself */
    assert_false(stats.failing);
    b.answer.entry.tenant[0] = '\0'; /* one that is refused does not disturb the next */
    assert_int_equal(ledger_writer_submit(c.w, &b.answer, on_done, &c, NULL), SIL_OK);
    b.answer.entry.tenant[0] = 't';
    assert_int_equal(ledger_writer_submit(c.w, &b.answer, on_done, &c, NULL), SIL_OK);
    wait_for(&c, 8);
    assert_int_equal(c.good, 2);
    assert_int_equal(c.bad, 6);
    ledger_writer_stop(c.w);
    assert_int_equal(ledger_size(l), 2);
    ledger_close(l);
    assert_int_equal(lb_audit(dir, NULL, NULL), 0);
    lb_remove(dir);
}

/* Counting memory for two threads. */
struct shared_mem {
    pthread_mutex_t lock;
    struct test_mem t;
};

static void *shared_resize(void *ctx, void *p, size_t size) {
    struct shared_mem *m = ctx;
    pthread_mutex_lock(&m->lock);
    struct mem inner = test_mem(&m->t);
    void *q = inner.resize(inner.ctx, p, size);
    pthread_mutex_unlock(&m->lock);
    return q;
}

/* Memory that runs out anywhere: refused, or told; what is said to be on record is. */
static void writer_allocations(void **state) {
    (void)state;
    for (size_t n = 1, more = 1; more; n++) {
        char dir[256];
        struct shared_mem m = {.lock = PTHREAD_MUTEX_INITIALIZER, .t = {.fail_at = n}};
        struct client c = {.ordered = true};
        struct lb_answer b;
        unsigned taken = 0;
        snprintf(dir, sizeof dir, "%s", lb_folder());
        struct ledger *l = lb_open(dir, no_hooks);
        struct ledger_writer_config config = {.mem = {shared_resize, &m}};
        sil_err err = ledger_writer_start(l, &config, &c.w, NULL);
        assert_true(err == SIL_OK || err == SIL_NOMEM);
        for (uint64_t i = 0; err == SIL_OK && i < 3; i++) {
            lb_answer(&b, i, LEDGER_KEEP_TEXT);
            sil_err sent = ledger_writer_submit(c.w, &b.answer, on_done, &c, NULL);
            assert_true(sent == SIL_OK || sent == SIL_NOMEM);
            taken += sent == SIL_OK;
            wait_for(&c, taken);
        }
        if (err == SIL_OK) ledger_writer_stop(c.w);
        assert_int_equal(m.t.live, 0);
        more = m.t.calls >= n;
        assert_true(ledger_size(l) >= c.good);
        ledger_close(l);
        lb_remove(dir);
    }
}

/* ---- erasing beside everything ---- */

enum { KEPT = 300, ERASERS = 2, READERS = 2 };

struct erasing {
    struct ledger_writer *w;
    const char *dir;
    atomic_bool erased[KEPT], over;
    atomic_uint looks, gone;
};

static void *eraser_main(void *arg) {
    struct erasing *x = arg;
    for (uint64_t i = 0; i < KEPT; i += 3) {
        bool had;
        struct sil_error e = {0};
        if (ledger_writer_erase(x->w, i, &had, &e) != SIL_OK) return arg;
        atomic_store(&x->erased[i], true);
    }
    return NULL;
}

/* Whole, or erased; and erased, when it was so before the look began. */
static void *reader_main(void *arg) {
    struct erasing *x = arg;
    struct ledger_key key = lb_key(1);
    for (uint64_t i = 0; !atomic_load(&x->over) || i < KEPT; i++) {
        uint64_t at = i * 7 % KEPT;
        bool must = atomic_load(&x->erased[at]);
        struct ledger *l = NULL;
        struct transcript t;
        struct buf b;
        enum audit_kept kept = AUDIT_NONE;
        if (audit_open(x->dir, &key, mem_libc(), &l, NULL) != SIL_OK) return arg;
        buf_init(&b, mem_libc(), 1 << 20);
        bool ok = audit_transcript(l, at, &b, &kept, NULL) == SIL_OK && kept != AUDIT_NONE;
        ok = ok && (kept == AUDIT_ERASED || (!must && transcript_decode(buf_view(&b), &t, NULL) == SIL_OK));
        buf_free(&b);
        ledger_close(l);
        if (!ok) return arg;
        atomic_fetch_add(&x->looks, 1);
        if (kept == AUDIT_ERASED) atomic_fetch_add(&x->gone, 1);
    }
    return NULL;
}

static void *verifier_main(void *arg) {
    struct erasing *x = arg;
    struct audit_report r;
    char first[SIL_ERROR_TEXT];
    for (int i = 0; !atomic_load(&x->over) || i < 2; i++)
        if (lb_audit(x->dir, first, &r) != 0) {
            printf("# %s\n", first);
            return arg;
        }
    return NULL;
}

static void erases_beside_everything(void **state) {
    (void)state;
    char dir[256];
    struct erasing *x = calloc(1, sizeof *x);
    struct client c = {.first = 5000, .ordered = true};
    pthread_t erasers[ERASERS], readers[READERS], verifier, client;
    void *bad = NULL, *any = NULL;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    x->dir = dir;
    struct ledger *l = lb_open(dir, no_hooks);
    lb_commit(l, 0, KEPT, LEDGER_KEEP_TEXT);
    struct ledger_writer_config config = {.mem = mem_libc(), .publish_ms = 10};
    assert_int_equal(ledger_writer_start(l, &config, &x->w, NULL), SIL_OK);
    c.w = x->w;
    bool had;
    struct sil_error e = {0};
    assert_int_equal(ledger_writer_erase(x->w, 1000000, &had, &e), SIL_ARG);
    assert_true(e.text[0]);
    pthread_create(&client, NULL, client_main, &c);
    for (int i = 0; i < READERS; i++) pthread_create(&readers[i], NULL, reader_main, x);
    pthread_create(&verifier, NULL, verifier_main, x);
    for (int i = 0; i < ERASERS; i++) pthread_create(&erasers[i], NULL, eraser_main, x);
    for (int i = 0; i < ERASERS; i++) pthread_join(erasers[i], &bad), any = any ? any : bad;
    assert_null(any);
    atomic_store(&x->over, true);
    for (int i = 0; i < READERS; i++) pthread_join(readers[i], &bad), any = any ? any : bad;
    assert_null(any);
    pthread_join(verifier, &bad);
    assert_null(bad);
    pthread_join(client, NULL);
    ledger_writer_stop(x->w);
    assert_int_equal(c.good, EACH); /* and answers went on record all the while */
    assert_true(c.ordered && x->gone > 0 && x->looks >= READERS * KEPT);
    struct audit_report r;
    ledger_close(l);
    assert_int_equal(lb_audit(dir, NULL, &r), 0);
    assert_int_equal(r.erased, KEPT / 3);
    free(x);
    lb_remove(dir);
}

/* Where the disk fails: said so, and erased or kept; and no erasure is forgotten when the writer stops. */
static void erases_without_disk(void **state) {
    (void)state;
    char dir[256];
    struct ledger_writer *w = NULL;
    struct sil_error e = {0};
    bool had = true;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    disk_full = false;
    struct ledger *l = lb_open(dir, (struct ledger_hooks){.fault = full});
    lb_commit(l, 0, 3, LEDGER_KEEP_IDS);
    struct ledger_writer_config config = {.mem = mem_libc()};
    assert_int_equal(ledger_writer_start(l, &config, &w, NULL), SIL_OK);
    disk_full = true;
    assert_int_equal(ledger_writer_erase(w, 1, &had, &e), SIL_IO);
    assert_true(!had && strstr(e.text, "No space"));
    disk_full = false;
    assert_int_equal(ledger_writer_erase(w, 1, &had, &e), SIL_OK);
    assert_true(had);
    ledger_writer_stop(w);
    ledger_close(l);
    struct audit_report r;
    assert_int_equal(lb_audit(dir, NULL, &r), 0);
    assert_int_equal(r.erased, 1);
    lb_remove(dir);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(writer), cmocka_unit_test(writer_full_disk),
                                       cmocka_unit_test(writer_allocations), cmocka_unit_test(erases_beside_everything),
                                       cmocka_unit_test(erases_without_disk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
