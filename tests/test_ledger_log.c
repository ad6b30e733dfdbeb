/* The record as a log on a disk that fails, fills up, loses power and is tampered with. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/rng.h"
#include "ledger_bed.h"
#include "support.h"

static const struct ledger_hooks no_hooks;

enum { ENTRIES_MAX = 4096, PATH = 600 };

/* What was acknowledged: the leaf of each index. */
struct acks {
    uint64_t n;
    uint8_t leaf[ENTRIES_MAX][LEDGER_HASH];
};

static void leaf_of(struct ledger *l, uint64_t index, uint8_t out[LEDGER_HASH]) {
    struct buf b;
    struct sil_error e = {0};
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    if (log_entry(l, index, &b, &e) != SIL_OK) fail_msg("%s", e.text);
    tree_leaf(buf_view(&b), out);
    buf_free(&b);
}

static void ack(struct acks *a, struct ledger *l) {
    for (; a->n < ledger_size(l); a->n++) leaf_of(l, a->n, a->leaf[a->n]);
}

static void check_acks(const struct acks *a, struct ledger *l, bool exactly) {
    uint8_t leaf[LEDGER_HASH];
    assert_true(ledger_size(l) >= a->n);
    if (exactly) assert_int_equal(ledger_size(l), a->n);
    for (uint64_t i = 0; i < a->n; i++) {
        if (i % 31 && i + 9 < a->n) continue; /* each of them reads a file; the audit sees all */
        leaf_of(l, i, leaf);
        assert_memory_equal(leaf, a->leaf[i], sizeof leaf);
    }
}

static void no_findings(const char *dir, uint64_t size) {
    char first[SIL_ERROR_TEXT];
    struct audit_report r;
    if (lb_audit(dir, first, &r) != 0) fail_msg("%llu findings: %s", (unsigned long long)r.findings, first);
    assert_int_equal(r.size, size);
}

static void join(char out[PATH], const char *dir, const char *name) {
    snprintf(out, PATH, "%.300s/%.255s", dir, name);
}

/* ---- the usual life ---- */

static void check_receipts(struct ledger *l, struct rng *r) {
    struct ledger_key key = lb_key(1);
    struct receipt *got = malloc(sizeof *got);
    struct sil_error e = {0};
    struct buf b;
    uint8_t salt[LEDGER_SALT] = {7};
    buf_init(&b, mem_libc(), LEDGER_RECEIPT_BYTES);
    for (int i = 0; i < 3; i++) {
        uint64_t index = rng_below(r, ledger_size(l));
        buf_clear(&b);
        assert_int_equal(ledger_receipt(l, index, i ? salt : NULL, &b, NULL), SIL_OK);
        if (receipt_open(buf_view(&b), &key, got, &e) != SIL_OK) fail_msg("%s", e.text);
        assert_int_equal(got->index, index);
        assert_int_equal(got->has_salt, i > 0);
        assert_int_equal(got->checkpoint.size, ledger_size(l));
        if (i) assert_memory_equal(got->salt, salt, sizeof salt);
    }
    assert_int_equal(ledger_receipt(l, ledger_size(l), NULL, &b, NULL), SIL_ARG);
    buf_free(&b);
    free(got);
}

static void life(void **state) {
    (void)state;
    char dir[256];
    struct rng r = {.seed = 1};
    struct acks *a = calloc(1, sizeof *a);
    struct ledger_key key = lb_key(1);
    struct buf kept;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    buf_init(&kept, mem_libc(), LEDGER_NOTE_BYTES);
    struct ledger *l = lb_open(dir, no_hooks);
    assert_int_equal(ledger_size(l), 0);
    no_findings(dir, 0);
    uint64_t n = 0;
    while (n < 1500) {
        uint32_t group = 1 + (uint32_t)rng_below(&r, n > 600 ? 700 : 40);
        lb_commit(l, n, group, (enum ledger_keep)rng_below(&r, 3));
        n += group;
        assert_int_equal(ledger_size(l), n);
        ack(a, l);
        check_receipts(l, &r);
        if (kept.n == 0 && n > 300) assert_int_equal(buf_str(&kept, ledger_checkpoint(l)), SIL_OK);
        if (rng_below(&r, 4) == 0) assert_int_equal(ledger_publish(l, NULL), SIL_OK);
        if (rng_below(&r, 3) == 0) no_findings(dir, n); /* while it is open */
        if (rng_below(&r, 4) == 0) {
            ledger_close(l);
            no_findings(dir, n);
            l = lb_open(dir, no_hooks);
            check_acks(a, l, true);
        }
    }
    uint64_t size = 0;
    assert_int_equal(audit_against(l, &key, buf_view(&kept), &size, NULL), SIL_OK);
    assert_true(size > 300 && size < n);
    ledger_close(l);
    no_findings(dir, n);
    buf_free(&kept);
    lb_remove(dir);
    free(a);
}

static void one_writer(void **state) {
    (void)state;
    char dir[256];
    struct ledger_key key = lb_key(1), other = lb_key(2);
    struct sil_error e = {0};
    snprintf(dir, sizeof dir, "%s", lb_folder());
    struct ledger *l = lb_open(dir, no_hooks), *second = NULL;
    struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc()};
    assert_int_equal(ledger_open(&c, &second, &e), SIL_IO);
    assert_non_null(strstr(e.text, "another process"));
    lb_commit(l, 0, 5, LEDGER_KEEP_IDS);
    ledger_close(l);
    c.key = &other;
    assert_int_equal(ledger_open(&c, &second, &e), SIL_FORMAT);
    c.key = &key;
    c.dir = "/nonexistent/log";
    assert_int_equal(ledger_open(&c, &second, &e), SIL_IO);
    lb_remove(dir);
}

/* What users wrote is for the owner alone; what is published is for everyone. */
static void modes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"journal", 0600},    {"transcripts", 0700},          {"transcripts/000", 0600},
                 {"checkpoint", 0644}, {"tile/entries/000.p/3", 0644}, {"tile", 0755}};
    char dir[256], path[PATH];
    struct stat st;
    mode_t mask = umask(022);
    snprintf(dir, sizeof dir, "%s", lb_folder());
    struct ledger *l = lb_open(dir, no_hooks);
    lb_commit(l, 0, 3, LEDGER_KEEP_TEXT);
    ledger_close(l);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        join(path, dir, files[i].name);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, files[i].mode);
    }
    umask(mask);
    lb_remove(dir);
}

/* Where only what is published was copied, the log opens and goes on. */
static void public_copy(void **state) {
    (void)state;
    char dir[256], path[PATH];
    static const uint32_t sizes[] = {1, 255, 256, 257, 700};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct acks *a = calloc(1, sizeof *a);
        snprintf(dir, sizeof dir, "%s", lb_folder());
        struct ledger *l = lb_open(dir, no_hooks);
        lb_commit(l, 0, sizes[i], LEDGER_KEEP_IDS);
        ack(a, l);
        ledger_close(l);
        join(path, dir, "journal");
        assert_int_equal(remove(path), 0);
        no_findings(dir, sizes[i]);
        l = lb_open(dir, no_hooks);
        check_acks(a, l, true);
        lb_commit(l, sizes[i], 3, LEDGER_KEEP_IDS);
        ledger_close(l);
        no_findings(dir, sizes[i] + 3);
        lb_remove(dir);
        free(a);
    }
}

static void limits(void **state) {
    (void)state;
    char dir[256];
    struct lb_answer b;
    struct ledger_ticket t;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    struct ledger *l = lb_open(dir, no_hooks);
    lb_answer(&b, 1, LEDGER_KEEP_NONE);
    for (uint32_t i = 0; i < LEDGER_BATCH_ENTRIES; i++) assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_OK);
    assert_int_equal(t.index, LEDGER_BATCH_ENTRIES - 1);
    assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_LIMIT);
    assert_int_equal(ledger_commit(l, NULL), SIL_OK);
    b.answer.n_in = LEDGER_IDS_MAX + 1;
    assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_LIMIT);
    b.answer.n_in = 0;
    b.answer.entry.tenant[0] = '\0';
    assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_ARG);
    assert_int_equal(ledger_commit(l, NULL), SIL_OK);
    assert_int_equal(ledger_size(l), LEDGER_BATCH_ENTRIES);
    /* One answer as long as any, with text. */
    uint32_t *ids = calloc(LEDGER_IDS_MAX, sizeof *ids);
    char *text = calloc(1, LEDGER_TEXT_MAX);
    lb_answer(&b, 2, LEDGER_KEEP_TEXT);
    b.answer.in = b.answer.out = ids;
    b.answer.n_in = b.answer.n_out = LEDGER_IDS_MAX;
    b.answer.prompt = b.answer.text = (struct str){text, LEDGER_TEXT_MAX};
    assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_OK);
    assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_OK);
    assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_LIMIT);
    assert_int_equal(ledger_commit(l, NULL), SIL_OK);
    free(text);
    free(ids);
    ledger_close(l);
    no_findings(dir, LEDGER_BATCH_ENTRIES + 2);
    lb_remove(dir);
}

/* ---- failing operations ---- */

struct faults {
    uint64_t calls, from, count; /* operations from..from+count-1 fail, counted from 1 */
};

static int fault(void *ctx, const char *operation, const char *path) {
    struct faults *f = ctx;
    (void)operation;
    (void)path;
    f->calls++;
    return f->from && f->calls >= f->from && f->calls < f->from + f->count ? ENOSPC : 0;
}

/* What was erased stays so; what was not, or was interrupted, is whole or erased, and never anything between. */
static void kept_or_erased(struct ledger *l, uint64_t index, bool erased) {
    struct buf b;
    struct transcript t;
    enum audit_kept kept;
    buf_init(&b, mem_libc(), 1 << 20);
    assert_int_equal(audit_transcript(l, index, &b, &kept, NULL), SIL_OK);
    if (erased) assert_int_equal(kept, AUDIT_ERASED);
    if (kept == AUDIT_THERE) assert_int_equal(transcript_decode(buf_view(&b), &t, NULL), SIL_OK);
    buf_free(&b);
}

/* A little life over a boundary of tiles, with failures. Returns whether any commit failed. */
static bool troubled_life(const char *dir, struct faults *f, struct acks *a, bool *erased) {
    struct ledger_key key = lb_key(1);
    struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc(), .hooks = {.fault = fault, .ctx = f}};
    static const uint32_t groups[] = {3, 250, 2, 1, 4, 2};
    struct ledger *l = NULL;
    bool failed = ledger_open(&c, &l, NULL) != SIL_OK;
    if (failed) return true;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        struct ledger_ticket t;
        struct sil_error e = {0};
        struct lb_answer b;
        uint64_t before = ledger_size(l);
        for (uint32_t i = 0; i < groups[g]; i++) {
            lb_answer(&b, g * 1000 + i, LEDGER_KEEP_IDS);
            assert_int_equal(ledger_append(l, &b.answer, &t, &e), SIL_OK);
        }
        sil_err err = ledger_commit(l, &e);
        failed = failed || err != SIL_OK;
        if (err != SIL_OK) assert_true(err == SIL_IO && strstr(e.text, "No space") && ledger_size(l) == before);
        else assert_int_equal(ledger_size(l), before + groups[g]);
        check_acks(a, l, false);
        ack(a, l);
        if (g % 2) (void)ledger_publish(l, NULL);
        bool had = false;
        if (g == 4) *erased = ledger_erase(l, 1, &had, NULL) == SIL_OK && had;
    }
    ledger_close(l);
    return failed;
}

/* Each operation fails in turn, once or for a while; what was acknowledged is there, and the log goes on. */
static void each_operation(void **state) {
    (void)state;
    static const uint64_t lengths[] = {1, 7, UINT64_MAX / 2};
    struct acks *a = calloc(1, sizeof *a);
    uint64_t total = 0, failures = 0;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        for (uint64_t from = 1;; from++) {
            char dir[256];
            struct faults f = {.from = from, .count = lengths[k]};
            snprintf(dir, sizeof dir, "%s", lb_folder());
            a->n = 0;
            bool erased = false;
            failures += troubled_life(dir, &f, a, &erased);
            struct ledger *l = lb_open(dir, no_hooks);
            /* With the disk gone for good, one last group may have come to it without being acknowledged. */
            check_acks(a, l, false);
            lb_commit(l, 9000, 2, LEDGER_KEEP_IDS);
            kept_or_erased(l, 1, erased);
            uint64_t size = ledger_size(l);
            ledger_close(l);
            no_findings(dir, size);
            lb_remove(dir);
            total++;
            if (f.calls < from) break;
        }
    }
    printf("# %llu runs, %llu with failed commits\n", (unsigned long long)total, (unsigned long long)failures);
    assert_true(total > 100 && failures > 50);
    free(a);
}

/* Each allocation fails in turn. */
static void each_allocation(void **state) {
    (void)state;
    struct ledger_key key = lb_key(1);
    struct acks *a = calloc(1, sizeof *a);
    uint64_t n = 1;
    for (bool more = true; more; n++) {
        struct test_mem t = {.fail_at = n};
        char dir[256];
        struct ledger *l = NULL;
        struct ledger_ticket ticket;
        struct buf receipt;
        snprintf(dir, sizeof dir, "%s", lb_folder());
        a->n = 0;
        struct ledger_config c = {.dir = dir, .key = &key, .mem = test_mem(&t)};
        if (ledger_open(&c, &l, NULL) == SIL_OK) {
            for (uint64_t i = 0; i < 300; i++) {
                struct lb_answer b;
                lb_answer(&b, i, LEDGER_KEEP_TEXT);
                sil_err err = ledger_append(l, &b.answer, &ticket, NULL);
                assert_true(err == SIL_OK || err == SIL_NOMEM);
            }
            uint64_t before = ledger_size(l);
            sil_err err = ledger_commit(l, NULL);
            assert_true(err == SIL_OK || (err == SIL_NOMEM && ledger_size(l) == before));
            t.fail_at = 0;
            ack(a, l);
            t.fail_at = n;
            buf_init(&receipt, test_mem(&t), LEDGER_RECEIPT_BYTES);
            if (a->n) (void)ledger_receipt(l, 0, NULL, &receipt, NULL);
            buf_free(&receipt);
            (void)ledger_publish(l, NULL);
            ledger_close(l);
        }
        if (t.live)
            fail_msg("%zu blocks were not given back when allocation %llu failed", t.live, (unsigned long long)n);
        more = t.calls >= n;
        l = lb_open(dir, no_hooks);
        check_acks(a, l, true);
        ledger_close(l);
        lb_remove(dir);
    }
    assert_true(n > 20);
    free(a);
}

static sil_err verify_step(void *ctx, struct mem mem) {
    struct ledger_key key = lb_key(1);
    struct audit_report r = {.finding = NULL};
    sil_err err = audit_verify(ctx, &key, mem, &r, NULL);
    if (err == SIL_OK) assert_int_equal(r.findings, 0);
    return err;
}

static void audit_allocations(void **state) {
    (void)state;
    char dir[256];
    snprintf(dir, sizeof dir, "%s", lb_folder());
    struct ledger *l = lb_open(dir, no_hooks);
    lb_commit(l, 0, 300, LEDGER_KEEP_TEXT);
    ledger_close(l);
    assert_true(test_each_allocation(verify_step, dir) > 10);
    lb_remove(dir);
}

/* ---- loss of power ---- */

/* A disk that remembers what was synced. When the power goes, each file is what was synced last, or what was written
 * since, or a mixture. */
enum { POWER_FILES = 400 };

struct power_file {
    char path[PATH];
    char *synced, *renamed; /* durable; put in place by a rename that is not durable yet */
    size_t n_synced, n_renamed;
    bool durable, pending;
};

struct power {
    struct rng rng;
    uint64_t ops, cut_at;
    bool cut;
    uint32_t n;
    struct power_file file[POWER_FILES];
};

static struct power_file *power_file(struct power *p, const char *path) {
    for (uint32_t i = 0; i < p->n; i++)
        if (strcmp(p->file[i].path, path) == 0) return &p->file[i];
    assert_true(p->n < POWER_FILES);
    struct power_file *f = &p->file[p->n++];
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "%.599s", path);
    return f;
}

static char *contents(const char *path, size_t *n) {
    struct buf b;
    buf_init(&b, mem_libc(), 64 << 20);
    test_read_file(path, &b);
    *n = b.n;
    if (!b.p) assert_int_equal(buf_reserve(&b, 1), SIL_OK);
    return b.p;
}

static int power_op(void *ctx, const char *operation, const char *path) {
    struct power *p = ctx;
    if (p->cut || ++p->ops == p->cut_at) return p->cut = true, EIO;
    if (strcmp(operation, "sync") == 0) {
        struct power_file *f = power_file(p, path);
        free(f->synced);
        f->synced = contents(path, &f->n_synced);
        f->durable = true;
    } else if (strcmp(operation, "rename") == 0) {
        char tmp[PATH];
        snprintf(tmp, sizeof tmp, "%.500s.new", path);
        struct power_file *from = power_file(p, tmp), *f = power_file(p, path);
        if (!from->durable) return 0; /* nobody waits for it */
        free(f->renamed);
        f->renamed = from->synced;
        f->n_renamed = from->n_synced;
        f->pending = true;
        *from = (struct power_file){.path = ""};
    } else if (strcmp(operation, "sync folder") == 0) {
        size_t n = strlen(path);
        for (uint32_t i = 0; i < p->n; i++) {
            struct power_file *f = &p->file[i];
            const char *slash = strrchr(f->path, '/');
            if (!f->pending || !slash || (size_t)(slash - f->path) != n || memcmp(f->path, path, n) != 0) continue;
            free(f->synced);
            f->synced = f->renamed;
            f->n_synced = f->n_renamed;
            f->renamed = NULL;
            f->durable = true;
            f->pending = false;
        }
    }
    return 0;
}

static void put_bytes(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f) fail_msg("%s cannot be written", path);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* What is left of one file. */
static void settle_file(struct power *p, const char *path, const char *name) {
    struct power_file *f = NULL;
    for (uint32_t i = 0; i < p->n; i++)
        if (strcmp(p->file[i].path, path) == 0) f = &p->file[i];
    uint64_t chance = rng_below(&p->rng, 4);
    if (strcmp(name, "lock") == 0) return;
    if (!f || (!f->durable && !f->pending)) { /* never synced */
        if (chance == 0) remove(path);
        else if (chance == 1) put_bytes(path, "", 0);
        return;
    }
    if (f->pending && (chance < 2 || !f->durable)) {
        if (chance == 0 && !f->durable) remove(path);
        else put_bytes(path, f->renamed, f->n_renamed);
        return;
    }
    if (chance < 2) { /* what came after the last sync is lost */
        put_bytes(path, f->synced, f->n_synced);
    } else if (chance == 2) { /* or only some of its blocks */
        size_t n = 0;
        char *now = contents(path, &n);
        for (size_t at = f->n_synced; at < n; at++)
            if (at / 64 % 2) now[at] = 0;
        put_bytes(path, now, n);
        free(now);
    }
}

/* After the power came back: what is there is there. */
static void power_kept(struct power *p, const char *path, const char *name) {
    struct power_file *f = power_file(p, path);
    (void)name;
    f->synced = contents(path, &f->n_synced);
    f->durable = true;
}

/* Calls `each` for every file. */
static void settle_folder(struct power *p, const char *dir, int depth,
                          void (*each)(struct power *p, const char *path, const char *name)) {
    struct dirent **names;
    assert_true(depth < 8);
    int n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PATH];
        struct stat st;
        join(path, dir, names[i]->d_name);
        bool dots = strcmp(names[i]->d_name, ".") == 0 || strcmp(names[i]->d_name, "..") == 0;
        if (!dots && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode)) settle_folder(p, path, depth + 1, each);
            else each(p, path, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
}

static void power_free(struct power *p) {
    for (uint32_t i = 0; i < p->n; i++) {
        free(p->file[i].synced);
        free(p->file[i].renamed);
    }
    p->n = 0;
}

/* Runs until the power goes at operation cut_at (or the end). True when it went. */
static bool until_cut(const char *dir, struct power *p, struct acks *a, bool *erased) {
    struct ledger_key key = lb_key(1);
    struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc(), .hooks = {.fault = power_op, .ctx = p}};
    static const uint32_t groups[] = {2, 251, 1, 1, 4, 7, 1, 3};
    struct ledger *l = NULL;
    if (ledger_open(&c, &l, NULL) != SIL_OK) return true;
    for (size_t g = 0; g < sizeof groups / sizeof *groups && !p->cut; g++) {
        struct ledger_ticket t;
        struct lb_answer b;
        bool had;
        for (uint32_t i = 0; i < groups[g]; i++) {
            lb_answer(&b, g * 1000 + i, (enum ledger_keep)(g % 3));
            assert_int_equal(ledger_append(l, &b.answer, &t, NULL), SIL_OK);
        }
        if (ledger_commit(l, NULL) == SIL_OK) ack(a, l);
        if (g % 3 == 1) (void)ledger_publish(l, NULL);
        if (g == 5 && ledger_erase(l, 2, &had, NULL) == SIL_OK && had) *erased = true;
    }
    ledger_close(l);
    return p->cut;
}

static void loss_of_power(void **state) {
    (void)state;
    struct power *p = calloc(1, sizeof *p);
    struct acks *a = calloc(1, sizeof *a);
    uint64_t cuts = 0;
    for (uint64_t seed = 0; seed < 3; seed++) {
        bool went = true;
        for (uint64_t cut = 1; went; cut++) {
            char dir[256];
            snprintf(dir, sizeof dir, "%s", lb_folder());
            a->n = 0;
            bool erased = false;
            for (int again = 0; again < 2 && went; again++) { /* and once more while it recovers */
                p->rng = (struct rng){.seed = seed, .stream = cut, .position = (uint64_t)again * 1000};
                p->ops = 0;
                p->cut = false;
                p->cut_at = again ? 1 + rng_below(&p->rng, 40) : cut;
                bool cut_now = until_cut(dir, p, a, &erased);
                if (!again) went = cut_now;
                settle_folder(p, dir, 0, settle_file);
                power_free(p);
                settle_folder(p, dir, 0, power_kept);
            }
            struct ledger_key key = lb_key(1);
            struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc()};
            struct sil_error e = {0};
            struct ledger *l = NULL;
            if (ledger_open(&c, &l, &e) != SIL_OK)
                fail_msg("seed %llu, operation %llu: %s", (unsigned long long)seed, (unsigned long long)cut, e.text);
            check_acks(a, l, false);
            lb_commit(l, 8000, 4, LEDGER_KEEP_IDS);
            if (ledger_size(l) > 250) kept_or_erased(l, 2, erased);
            uint64_t size = ledger_size(l);
            ledger_close(l);
            no_findings(dir, size);
            lb_remove(dir);
            power_free(p);
            cuts++;
        }
    }
    printf("# %llu losses of power\n", (unsigned long long)cuts);
    assert_true(cuts > 100);
    free(a);
    free(p);
}

/* ---- erasing ---- */

static void erasing(void **state) {
    (void)state;
    char dir[256];
    struct audit_report r;
    struct buf b;
    enum audit_kept kept;
    bool had = false;
    snprintf(dir, sizeof dir, "%s", lb_folder());
    buf_init(&b, mem_libc(), 1 << 20);
    struct ledger *l = lb_open(dir, no_hooks);
    lb_commit(l, 0, 300, LEDGER_KEEP_TEXT);
    assert_int_equal(audit_transcript(l, 17, &b, &kept, NULL), SIL_OK);
    assert_int_equal(kept, AUDIT_THERE);
    assert_int_equal(ledger_erase(l, 17, &had, NULL), SIL_OK);
    assert_true(had);
    assert_int_equal(ledger_erase(l, 299, &had, NULL), SIL_OK);
    assert_true(had);
    assert_int_equal(ledger_erase(l, 17, &had, NULL), SIL_OK);
    assert_false(had);
    assert_int_equal(ledger_erase(l, 300, &had, NULL), SIL_ARG);
    lb_commit(l, 300, 1, LEDGER_KEEP_NONE);
    assert_int_equal(ledger_erase(l, 300, &had, NULL), SIL_OK);
    assert_false(had);
    ledger_close(l);
    for (int open = 0; open < 2; open++) { /* it stays erased */
        lb_audit(dir, NULL, &r);
        assert_int_equal(r.findings, 0);
        assert_int_equal(r.erased, 2);
        assert_int_equal(r.transcripts, 298);
        l = lb_open(dir, no_hooks);
        assert_int_equal(audit_transcript(l, 17, &b, &kept, NULL), SIL_OK);
        assert_int_equal(kept, AUDIT_ERASED);
        assert_int_equal(audit_transcript(l, 300, &b, &kept, NULL), SIL_OK);
        assert_int_equal(kept, AUDIT_NONE);
        ledger_close(l);
    }
    /* The text is in no file. */
    char path[PATH];
    join(path, dir, "transcripts/001");
    size_t n = 0;
    char *bytes = contents(path, &n);
    assert_null(memmem(bytes, n, "answer 299", 10));
    assert_non_null(memmem(bytes, n, "answer 298", 10));
    free(bytes);
    buf_free(&b);
    lb_remove(dir);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life),
        cmocka_unit_test(modes),
        cmocka_unit_test(one_writer),
        cmocka_unit_test(public_copy),
        cmocka_unit_test(limits),
        cmocka_unit_test(each_operation),
        cmocka_unit_test(each_allocation),
        cmocka_unit_test(audit_allocations),
        cmocka_unit_test(loss_of_power),
        cmocka_unit_test(erasing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
