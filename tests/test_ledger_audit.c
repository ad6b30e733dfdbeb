/* Tampering with a record: every byte that is changed is noticed, and the audit says what happened to which entry. */
#define _GNU_SOURCE
#include <dirent.h>
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

enum { PATH = 600, FILES_MAX = 64 };

static const struct ledger_hooks no_hooks;

static char *contents(const char *path, size_t *n) {
    struct buf b;
    buf_init(&b, mem_libc(), 64 << 20);
    test_read_file(path, &b);
    *n = b.n;
    if (!b.p) assert_int_equal(buf_reserve(&b, 1), SIL_OK);
    return b.p;
}

static void put_bytes(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f) fail_msg("%s cannot be written", path);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void list(const char *dir, char (*out)[PATH], int *n, int depth) {
    struct dirent **names;
    assert_true(depth < 8);
    int count = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct stat st;
        char path[PATH];
        snprintf(path, sizeof path, "%.300s/%.255s", dir, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode)) {
                list(path, out, n, depth + 1);
            } else {
                assert_true(*n < FILES_MAX);
                memcpy(out[(*n)++], path, sizeof path);
            }
        }
        free(names[i]);
    }
    free(names);
}

static void make_log(char dir[256], uint32_t n, enum ledger_keep keep) {
    bool had;
    snprintf(dir, 256, "%s", lb_folder());
    struct ledger *l = lb_open(dir, no_hooks);
    lb_commit(l, 0, n / 2, keep);
    assert_int_equal(ledger_publish(l, NULL), SIL_OK);
    lb_commit(l, n / 2, n - n / 2, keep);
    if (keep != LEDGER_KEEP_NONE) assert_int_equal(ledger_erase(l, 1, &had, NULL), SIL_OK);
    lb_commit(l, n, 1, keep);
    ledger_close(l);
    assert_int_equal(lb_audit(dir, NULL, NULL), 0);
}

/* ---- every byte ---- */

static void every_byte(void **state) {
    (void)state;
    char dir[256], first[SIL_ERROR_TEXT], (*files)[PATH] = calloc(FILES_MAX, PATH);
    int n_files = 0;
    size_t bytes = 0;
    struct rng r = {.seed = 4};
    make_log(dir, 3, LEDGER_KEEP_TEXT);
    list(dir, files, &n_files, 0);
    for (int i = 0; i < n_files; i++) {
        size_t n = 0;
        char *now = contents(files[i], &n);
        for (size_t at = 0; at < n; at++) {
            char was = now[at];
            now[at] ^= (char)(1 << rng_below(&r, 8));
            put_bytes(files[i], now, n);
            if (lb_audit(dir, first, NULL) == 0) fail_msg("%s, byte %zu: not noticed", files[i] + strlen(dir), at);
            assert_true(first[0]);
            now[at] = was;
            bytes++;
        }
        if (n > 0) { /* shorter, longer, gone */
            put_bytes(files[i], now, n - 1);
            assert_true(lb_audit(dir, NULL, NULL) > 0);
            char *longer = malloc(n + 1);
            memcpy(longer, now, n);
            longer[n] = 0;
            put_bytes(files[i], longer, n + 1);
            free(longer);
            bool grows =
                strstr(files[i], "/journal") || strstr(files[i], "/transcripts/"); /* a write that was cut off */
            if (lb_audit(dir, NULL, NULL) == 0 && !grows) fail_msg("%s: a byte more", files[i] + strlen(dir));
        }
        put_bytes(files[i], now, n);
        free(now);
    }
    printf("# %zu bytes in %d files\n", bytes, n_files);
    assert_true(bytes > 4000 && n_files > 6);
    assert_int_equal(lb_audit(dir, NULL, NULL), 0);
    free(files);
    lb_remove(dir);
}

/* ---- what happened to which entry ---- */

struct bundle {
    size_t n;
    struct {
        size_t at, bytes;
    } entry[TILE_WIDTH];
};

static void split(const char *p, size_t n, struct bundle *b) {
    struct bytes rest = {(const uint8_t *)p, n};
    struct str entry;
    for (b->n = 0; bytes_entry(&rest, &entry); b->n++) {
        b->entry[b->n].at = (size_t)(entry.p - p) - 2;
        b->entry[b->n].bytes = entry.n + 2;
    }
    assert_int_equal(rest.n, 0);
}

enum tamper { CHANGE, DROP, ADD, SWAP, TRUNCATE, APPEND };

/* Writes the bundle's entries again, with one thing done to entry i. */
static void tamper(const char *path, enum tamper what, size_t i) {
    size_t n = 0;
    char *p = contents(path, &n);
    struct bundle *b = malloc(sizeof *b);
    struct buf out;
    split(p, n, b);
    buf_init(&out, mem_libc(), 1 << 20);
    for (size_t k = 0; k < b->n; k++) {
        size_t from = k;
        if (what == SWAP && k == i) from = i + 1;
        if (what == SWAP && k == i + 1) from = i;
        if (what == DROP && k == i) continue;
        if (what == TRUNCATE && k >= i) continue;
        struct str entry = {p + b->entry[from].at, b->entry[from].bytes};
        if (what == ADD && k == i) assert_int_equal(buf_put(&out, "\0\5added", 7), SIL_OK);
        assert_int_equal(buf_str(&out, entry), SIL_OK);
        if (what == CHANGE && k == i) out.p[out.n - 9] ^= 1;
    }
    if (what == APPEND) assert_int_equal(buf_put(&out, "\0\5added", 7), SIL_OK);
    put_bytes(path, out.p, out.n);
    buf_free(&out);
    free(b);
    free(p);
}

static void names_the_entry(void **state) {
    (void)state;
    static const struct {
        enum tamper what;
        size_t i;
        const char *full, *partial;
    } cases[] = {
        {CHANGE, 3, "entry 3 was changed", "entry 259 was changed"},
        {DROP, 2, "entry 2 was dropped", "entry 258 was dropped"},
        {DROP, 0, "entry 0 was dropped", "entry 256 was dropped"},
        {ADD, 5, "an entry was added before entry 5", "an entry was added before entry 261"},
        {SWAP, 7, "entry 7 was reordered: entry 8", "entry 263 was reordered: entry 264"},
        {TRUNCATE, 10, "truncated: entry 10 and those behind it", "truncated: entry 266 and those behind it"},
        {APPEND, 0, "bytes were added behind entry 255", "bytes were added behind entry 276"},
    };
    char dir[256], path[PATH], first[SIL_ERROR_TEXT];
    make_log(dir, 276, LEDGER_KEEP_IDS);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int partial = 0; partial < 2; partial++) {
            size_t n = 0;
            snprintf(path, sizeof path, "%s/tile/entries/%s", dir, partial ? "001.p/21" : "000");
            char *was = contents(path, &n);
            tamper(path, cases[c].what, cases[c].i);
            uint64_t found = lb_audit(dir, first, NULL);
            const char *want = partial ? cases[c].partial : cases[c].full;
            if (found == 0 || !strstr(first, want)) fail_msg("\"%s\" instead of \"%s\"", first, want);
            assert_non_null(strstr(first, partial ? "tile/entries/001.p/21" : "tile/entries/000"));
            put_bytes(path, was, n);
            free(was);
        }
    assert_int_equal(lb_audit(dir, first, NULL), 0);
    lb_remove(dir);
}

/* Tiles: the file and the hash; a checkpoint that was kept: what was signed once. */
static void names_the_tile(void **state) {
    (void)state;
    static const struct {
        const char *file, *want;
    } cases[] = {
        {"tile/0/000", "tile/0/000: hash 2 is wrong"},
        {"tile/1/000.p/1", "tile/1/000.p/1: hash 0 is not that of the tile below"},
        {"tile/0/001.p/21", "tile/0/001.p/21: hash 2 is wrong"},
        {"checkpoint", "the checkpoint"},
    };
    char dir[256], path[PATH], first[SIL_ERROR_TEXT];
    make_log(dir, 276, LEDGER_KEEP_NONE);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t n = 0;
        snprintf(path, sizeof path, "%s/%s", dir, cases[c].file);
        char *was = contents(path, &n);
        size_t at = n > 64 + 5 ? 64 + 5 : 5;
        was[at] ^= 1;
        put_bytes(path, was, n);
        assert_true(lb_audit(dir, first, NULL) > 0);
        if (!strstr(first, cases[c].want)) fail_msg("\"%s\" instead of \"%s\"", first, cases[c].want);
        was[at] ^= 1;
        put_bytes(path, was, n);
        remove(path);
        assert_true(lb_audit(dir, first, NULL) > 0);
        assert_non_null(strstr(first, "missing"));
        put_bytes(path, was, n);
        free(was);
    }
    lb_remove(dir);
}

/* A whole log that was cut back, or written anew with the same key, is consistent in itself; whoever kept a checkpoint
 * or a receipt notices. */
static void kept_checkpoints(void **state) {
    (void)state;
    char a[256], b[256];
    struct ledger_key key = lb_key(1);
    struct sil_error e = {0};
    struct ledger *l = NULL;
    struct buf receipt;
    uint64_t size = 0;
    make_log(a, 30, LEDGER_KEEP_NONE);
    make_log(b, 20, LEDGER_KEEP_NONE);
    buf_init(&receipt, mem_libc(), LEDGER_RECEIPT_BYTES);
    assert_int_equal(audit_open(a, &key, mem_libc(), &l, NULL), SIL_OK);
    assert_int_equal(ledger_receipt(l, 4, NULL, &receipt, NULL), SIL_OK);
    assert_int_equal(audit_against(l, &key, buf_view(&receipt), &size, NULL), SIL_OK);
    assert_int_equal(size, 31);
    ledger_close(l);
    assert_int_equal(audit_open(b, &key, mem_libc(), &l, NULL), SIL_OK);
    assert_int_equal(audit_against(l, &key, buf_view(&receipt), &size, &e), SIL_FORMAT);
    assert_non_null(strstr(e.text, "the log was cut"));
    ledger_close(l);
    l = lb_open(b, no_hooks);
    lb_commit(l, 1000, 50, LEDGER_KEEP_NONE);
    assert_int_equal(audit_against(l, &key, buf_view(&receipt), &size, &e), SIL_FORMAT);
    assert_non_null(strstr(e.text, "the log was changed"));
    ledger_close(l);
    assert_int_equal(audit_open("/dev/shm", &key, mem_libc(), &l, &e), SIL_ARG);
    buf_free(&receipt);
    lb_remove(a);
    lb_remove(b);
}

/* A receipt: no bit of it can change, nor be cut off. */
static void receipt_bits(void **state) {
    (void)state;
    char dir[256];
    struct ledger_key key = lb_key(1), other = lb_key(2);
    struct receipt *r = malloc(sizeof *r);
    struct ledger *l = NULL;
    struct buf b;
    static const uint8_t salt[LEDGER_SALT] = {1, 2, 3};
    make_log(dir, 30, LEDGER_KEEP_NONE);
    buf_init(&b, mem_libc(), LEDGER_RECEIPT_BYTES);
    assert_int_equal(audit_open(dir, &key, mem_libc(), &l, NULL), SIL_OK);
    assert_int_equal(ledger_receipt(l, 12, salt, &b, NULL), SIL_OK);
    assert_int_equal(receipt_open(buf_view(&b), &key, r, NULL), SIL_OK);
    assert_memory_equal(r->salt, salt, sizeof salt);
    assert_int_equal(r->entry.time_ms, 1700000012000);
    assert_int_equal(receipt_open(buf_view(&b), &other, r, NULL), SIL_FORMAT);
    assert_int_equal(receipt_open(buf_view(&b), NULL, r, NULL), SIL_OK);
    for (size_t at = 0; at < b.n; at++)
        for (int bit = 0; bit < 8; bit++) {
            b.p[at] ^= (char)(1 << bit);
            bool ok = receipt_open(buf_view(&b), &key, r, NULL) == SIL_OK;
            bool other_salt = r->has_salt && memcmp(r->salt, salt, sizeof salt) != 0; /* its owner's own matter */
            if (ok && !other_salt) fail_msg("byte %zu, bit %d: not noticed", at, bit);
            b.p[at] ^= (char)(1 << bit);
        }
    for (size_t cut = 0; cut < b.n; cut++)
        assert_int_not_equal(receipt_open((struct str){b.p, cut}, &key, r, NULL), SIL_OK);
    ledger_close(l);
    buf_free(&b);
    free(r);
    lb_remove(dir);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte),       cmocka_unit_test(names_the_entry), cmocka_unit_test(names_the_tile),
        cmocka_unit_test(kept_checkpoints), cmocka_unit_test(receipt_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
