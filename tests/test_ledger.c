/* The record's forms: entries, keys, checkpoints, the tree, receipts, transcripts, journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/rng.h"
#include "ledger_bed.h"
#include "support.h"

/* ---- entries ---- */

static void entry_of(struct ledger_entry *t, uint64_t i) {
    struct lb_answer b;
    lb_answer(&b, i, LEDGER_KEEP_IDS);
    *t = b.answer.entry;
    t->keep = LEDGER_KEEP_IDS;
    t->n_in = 3;
    t->n_out = 4;
    t->n_bias = t->sampling.n_bias;
    memset(t->in_digest, 0x11, LEDGER_HASH);
    memset(t->out_digest, 0x22, LEDGER_HASH);
    memset(t->bias_digest, 0x33, LEDGER_HASH);
}

static void entry_form(void **state) {
    (void)state;
    static const char want[] =
        "{\"choice\":1,\"energy_mj\":7,\"finish\":\"stop\",\"in\":{\"n\":3,\"sha256\":"
        "\"1111111111111111111111111111111111111111111111111111111111111111\"},\"keep\":\"ids\",\"model\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"out\":{\"n\":4,\"sha256\":"
        "\"2222222222222222222222222222222222222222222222222222222222222222\"},\"profile\":\"CA/1\",\"request\":"
        "\"req-1 \\\"\xed\x95\x9c\\\\\",\"sampling\":{\"frequency_penalty\":0,\"min_p\":0,\"presence_penalty\":0,"
        "\"repeat_penalty\":1,\"seed\":\"18446744073709551614\",\"temperature\":0.7,\"top_k\":0,\"top_p\":0.95},"
        "\"software\":\"sillok test\",\"tenant\":\"tenant-1\",\"time_ms\":1700000001000,\"tokenizer\":"
        "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"v\":1}";
    struct ledger_entry t, back;
    struct buf b;
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    entry_of(&t, 1);
    assert_int_equal(ledger_entry_encode(&t, &b, NULL), SIL_OK);
    assert_string_equal(b.p, want);
    assert_int_equal(ledger_entry_decode(buf_view(&b), &back, NULL), SIL_OK);
    t.sampling.bias = NULL;
    t.sampling.n_bias = 0;
    memset(t.bias_digest, 0, LEDGER_HASH);
    assert_int_equal(back.sampling.seed, t.sampling.seed);
    assert_memory_equal(&back.sampling.temperature, &t.sampling.temperature, sizeof(float));
    assert_string_equal(back.request, t.request);
    assert_memory_equal(back.in_digest, t.in_digest, LEDGER_HASH);
    buf_free(&b);
}

static bool decodes(const char *p, size_t n) {
    struct ledger_entry t;
    return ledger_entry_decode((struct str){p, n}, &t, NULL) == SIL_OK;
}

/* Whatever is read is written again as it was; so no byte can change without changing the entry or being refused. */
static void entry_canonical(void **state) {
    (void)state;
    struct ledger_entry t, back;
    struct buf b, again;
    uint32_t accepted = 0;
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    buf_init(&again, mem_libc(), LEDGER_ENTRY_BYTES);
    for (uint64_t i = 0; i < 4; i++) {
        buf_clear(&b);
        entry_of(&t, i);
        assert_int_equal(ledger_entry_encode(&t, &b, NULL), SIL_OK);
        for (size_t cut = 0; cut < b.n; cut++) assert_false(decodes(b.p, cut));
        for (size_t at = 0; at < b.n; at++)
            for (int bit = 0; bit < 8; bit++) {
                b.p[at] ^= (char)(1 << bit);
                if (ledger_entry_decode(buf_view(&b), &back, NULL) == SIL_OK) {
                    accepted++;
                    buf_clear(&again);
                    assert_int_equal(ledger_entry_encode(&back, &again, NULL), SIL_OK);
                    assert_int_equal(again.n, b.n);
                    assert_memory_equal(again.p, b.p, b.n);
                }
                b.p[at] ^= (char)(1 << bit);
            }
    }
    assert_true(accepted > 100);
    buf_free(&again);
    buf_free(&b);
}

static void refused_line(const char *text, sil_err want) {
    struct ledger_entry t;
    struct sil_error e = {0};
    assert_int_equal(ledger_entry_decode(str_of(text), &t, &e), want);
    assert_true(e.text[0]);
}

static void entry_refused(void **state) {
    (void)state;
    struct ledger_entry t;
    struct buf b;
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
#define BAD(change)                                                                                                    \
    do {                                                                                                               \
        entry_of(&t, 1);                                                                                               \
        change;                                                                                                        \
        assert_int_equal(ledger_entry_encode(&t, &b, NULL), SIL_ARG);                                                  \
    } while (0)
    BAD(t.time_ms = (uint64_t)1 << 53);
    BAD(t.tenant[0] = '\0');
    BAD(t.tenant[1] = '\n');
    BAD(memset(t.tenant, 'x', sizeof t.tenant));
    BAD(t.request[0] = (char)0xff);
    BAD(t.model[3] = 'A');
    BAD(t.model[63] = '\0');
    BAD(t.tokenizer[0] = 'z');
    BAD(t.finish[0] = ' ');
    BAD(t.finish[0] = '\0');
    BAD(t.sampling.top_p = 1.0f / 0.0f);
    BAD(t.energy_mj = (int64_t)1 << 53);
    BAD(t.keep = (enum ledger_keep)3);
#undef BAD
    buf_free(&b);
    refused_line("", SIL_FORMAT);
    refused_line("{\"choice\":0}", SIL_FORMAT);
    refused_line("{\"new\":0,\"v\":2}", SIL_UNSUPPORTED);
    refused_line("{\"new\":0,\"v\":1}", SIL_FORMAT);
    char *long_one = calloc(1, LEDGER_ENTRY_BYTES + 2);
    memset(long_one, '0', LEDGER_ENTRY_BYTES + 1);
    refused_line(long_one, SIL_FORMAT);
    free(long_one);
    enum ledger_keep keep;
    assert_int_equal(ledger_keep_parse(STR("text"), &keep, NULL), SIL_OK);
    assert_int_equal(keep, LEDGER_KEEP_TEXT);
    assert_int_equal(ledger_keep_parse(STR("all"), &keep, NULL), SIL_ARG);
}

/* The longest names, each of characters that are escaped, still fit. */
static void entry_longest(void **state) {
    (void)state;
    struct ledger_entry t;
    struct buf b;
    buf_init(&b, mem_libc(), LEDGER_ENTRY_BYTES);
    entry_of(&t, 3);
    memset(t.tenant, '"', LEDGER_NAME - 1);
    memset(t.request, '\\', LEDGER_NAME - 1);
    memset(t.profile, '"', LEDGER_WORD - 1);
    memset(t.software, '"', LEDGER_WORD - 1);
    t.tenant[LEDGER_NAME - 1] = t.request[LEDGER_NAME - 1] = t.profile[LEDGER_WORD - 1] = '\0';
    t.software[LEDGER_WORD - 1] = '\0';
    t.n_in = t.n_out = t.n_bias = t.choice = t.sampling.top_k = UINT32_MAX;
    t.sampling.min_p = t.sampling.top_p = -1.23456789e-38f;
    t.energy_mj = ((int64_t)1 << 53) - 1;
    assert_int_equal(ledger_entry_encode(&t, &b, NULL), SIL_OK);
    assert_true(b.n < LEDGER_ENTRY_BYTES / 2);
    assert_true(decodes(b.p, b.n));
    buf_free(&b);
}

/* ---- keys and checkpoints ---- */

/* The example of the Go package golang.org/x/mod/sumdb/note. */
static void key_known(void **state) {
    (void)state;
    static const char text[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n";
    struct ledger_key k;
    char again[LEDGER_VKEY];
    assert_int_equal(ledger_key_verifier(str_of(text), &k, NULL), SIL_OK);
    assert_string_equal(k.name, "PeterNeumann");
    assert_int_equal(k.id, 0xc74f20a3);
    ledger_key_public(&k, again);
    assert_memory_equal(again, text, strlen(again));
    assert_int_equal(
        ledger_key_verifier(STR("PeterNeumann+c74f20a2+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &k, NULL),
        SIL_FORMAT);
    assert_int_equal(
        ledger_key_verifier(STR("PeterNeumann+c74f20a3+AhpcZQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &k, NULL),
        SIL_UNSUPPORTED);
    static const char *const bad[] = {
        "", "x", "a+b", "a+c74f20a3+", "a+c74f20a3+ARpc2Q", " +c74f20a3+AA==", "a b+c74f20a3+AA=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(ledger_key_verifier(str_of(bad[i]), &k, NULL), SIL_OK);
    uint8_t seed[32] = {0};
    assert_int_equal(ledger_key_make("a+b", seed, &k, NULL), SIL_ARG);
    assert_int_equal(ledger_key_make("a b", seed, &k, NULL), SIL_ARG);
    assert_int_equal(ledger_key_make("", seed, &k, NULL), SIL_ARG);
}

static void key_files(void **state) {
    (void)state;
    char dir[256], path[300], public_path[320];
    struct ledger_key a = lb_key(5), b;
    struct stat st;
    struct sil_error e = {0};
    bool made = false;
    snprintf(dir, sizeof dir, "%s", test_folder());
    snprintf(path, sizeof path, "%s/key", dir);
    snprintf(public_path, sizeof public_path, "%s.pub", path);
    assert_int_equal(ledger_key_load(path, &b, NULL), SIL_IO);
    assert_int_equal(ledger_key_save(path, &a, NULL), SIL_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ledger_key_save(path, &a, NULL), SIL_IO);
    assert_int_equal(ledger_key_load(path, &b, NULL), SIL_OK);
    assert_memory_equal(a.seed, b.seed, 32);
    assert_memory_equal(a.public_key, b.public_key, 32);
    assert_string_equal(a.name, b.name);
    assert_int_equal(a.id, b.id);
    chmod(path, 0640);
    assert_int_equal(ledger_key_load(path, &b, &e), SIL_IO);
    assert_non_null(strstr(e.text, "chmod 600"));
    remove(path);
    assert_int_equal(ledger_key_load_or_make(path, "a/b", &a, &made, NULL), SIL_OK);
    assert_true(made);
    assert_int_equal(ledger_key_load_or_make(path, "other", &b, &made, NULL), SIL_OK);
    assert_false(made);
    assert_memory_equal(a.seed, b.seed, 32);
    struct buf text;
    buf_init(&text, mem_libc(), 1000);
    test_read_file(public_path, &text);
    assert_int_equal(ledger_key_verifier(buf_view(&text), &b, NULL), SIL_OK);
    assert_memory_equal(a.public_key, b.public_key, 32);
    buf_free(&text);
    lb_remove(dir);
}

static bool opens(const char *text, const struct ledger_key *k) {
    struct checkpoint c;
    struct sil_error e = {0};
    bool ok = note_open(str_of(text), k, "it", &c, &e) == SIL_OK;
    assert_true(ok || e.text[0]);
    return ok;
}

static void checkpoints(void **state) {
    (void)state;
    struct ledger_key k = lb_key(1), other = lb_key(2);
    struct checkpoint c;
    uint8_t root[LEDGER_HASH];
    struct buf b;
    buf_init(&b, mem_libc(), LEDGER_NOTE_BYTES);
    memset(root, 9, sizeof root);
    assert_int_equal(note_sign(&k, 12345, root, &b, NULL), SIL_OK);
    assert_int_equal(note_open(buf_view(&b), &k, "it", &c, NULL), SIL_OK);
    assert_int_equal(c.size, 12345);
    assert_memory_equal(c.root, root, sizeof root);
    assert_string_equal(c.origin, k.name);
    assert_false(opens(b.p, &other));
    /* No bit of it can change. */
    for (size_t at = 0; at < b.n; at++)
        for (int bit = 0; bit < 8; bit++) {
            b.p[at] ^= (char)(1 << bit);
            assert_false(note_open(buf_view(&b), &k, "it", &c, NULL) == SIL_OK);
            b.p[at] ^= (char)(1 << bit);
        }
    for (size_t cut = 0; cut < b.n; cut++)
        assert_int_not_equal(note_open((struct str){b.p, cut}, &k, "it", &c, NULL), SIL_OK);
    /* Signatures by others, of the same name too, are ignored. */
    char more[1000];
    snprintf(more, sizeof more, "%s\xe2\x80\x94 witness.example AAAA\n\xe2\x80\x94 %s AAAAAAAA\n", b.p, k.name);
    assert_true(opens(more, &k));
    snprintf(more, sizeof more, "%s\xe2\x80\x94 witness.example\n", b.p);
    assert_false(opens(more, &k));
    assert_false(opens("", &k));
    assert_false(opens("\n\n", &k));
    assert_false(opens("test.example/log\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n", NULL));
    assert_true(opens("test.example/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a b\n", NULL));
    assert_false(
        opens("test.example/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n\xe2\x80\x94 a b\n", NULL));
    buf_free(&b);
}

/* ---- the tree ---- */

enum { LEAVES = 1200 };

struct leaves {
    uint8_t leaf[LEAVES][LEDGER_HASH];
    struct edge edge;
    struct {
        uint32_t level;
        uint64_t index;
        struct tile tile;
    } full[8];
    uint32_t n_full;
};

/* RFC 6962, section 2.1, word for word. */
static void naive(const struct leaves *t, uint64_t lo, uint64_t hi, uint8_t out[LEDGER_HASH]) {
    uint8_t a[LEDGER_HASH], b[LEDGER_HASH];
    if (hi - lo == 1) {
        memcpy(out, t->leaf[lo], LEDGER_HASH);
        return;
    }
    uint64_t k = 1;
    while (k * 2 < hi - lo) k *= 2;
    naive(t, lo, lo + k, a);
    naive(t, lo + k, hi, b);
    tree_join(a, b, out);
}

static sil_err keep_tile(void *ctx, uint32_t level, uint64_t index, const struct tile *t, struct sil_error *e) {
    struct leaves *l = ctx;
    (void)e;
    assert_true(l->n_full < 8);
    l->full[l->n_full].level = level;
    l->full[l->n_full].index = index;
    l->full[l->n_full++].tile = *t;
    return SIL_OK;
}

static sil_err any_node(void *ctx, uint32_t height, uint64_t index, uint8_t out[LEDGER_HASH], struct sil_error *e) {
    (void)e;
    naive(ctx, index << height, (index + 1) << height, out);
    return SIL_OK;
}

static struct leaves *leaves_new(void) {
    struct leaves *t = calloc(1, sizeof *t);
    for (uint32_t i = 0; i < LEAVES; i++) tree_leaf((struct str){(const char *)&i, sizeof i}, t->leaf[i]);
    return t;
}

static void tree_known(void **state) {
    (void)state;
    struct leaves *t = leaves_new();
    uint8_t root[LEDGER_HASH];
    char hex[65];
    /* Of the tests of Certificate Transparency: no leaf; one empty leaf; leaves "" and 00. */
    assert_int_equal(tree_root((struct tree_nodes){any_node, t}, 0, root, NULL), SIL_OK);
    sodium_bin2hex(hex, sizeof hex, root, 32);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    tree_leaf(STR(""), t->leaf[0]);
    sodium_bin2hex(hex, sizeof hex, t->leaf[0], 32);
    assert_string_equal(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    tree_leaf((struct str){"\0", 1}, t->leaf[1]);
    naive(t, 0, 2, root);
    sodium_bin2hex(hex, sizeof hex, root, 32);
    assert_string_equal(hex, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    free(t);
}

static sil_err edge_and_full(void *ctx, uint32_t height, uint64_t index, uint8_t out[LEDGER_HASH],
                             struct sil_error *e) {
    const struct leaves *t = ctx;
    uint32_t level = height / TILE_HEIGHT, within = height % TILE_HEIGHT;
    uint64_t tile = index >> (TILE_HEIGHT - within), at = index & ((1u << (TILE_HEIGHT - within)) - 1);
    const uint8_t *hash = NULL;
    (void)e;
    if (tile == edge_tile(t->edge.size, level)) hash = tile_node(&t->edge.level[level], within, at);
    for (uint32_t i = 0; i < t->n_full; i++)
        if (t->full[i].level == level && t->full[i].index == tile) hash = tile_node(&t->full[i].tile, within, at);
    assert_non_null(hash);
    memcpy(out, hash, LEDGER_HASH);
    return SIL_OK;
}

/* Roots and paths from tiles are those of the definition; every wrong bit, index and size is refused. */
static void tree_paths(void **state) {
    (void)state;
    struct leaves *t = leaves_new();
    uint8_t root[LEDGER_HASH], want[LEDGER_HASH], path[TREE_PATH_MAX][LEDGER_HASH];
    uint32_t n = 0;
    struct rng r = {.seed = 6};
    for (uint64_t size = 1; size <= LEAVES; size++) {
        assert_int_equal(edge_push(&t->edge, t->leaf[size - 1], (struct edge_sink){keep_tile, t}, NULL), SIL_OK);
        naive(t, 0, size, want);
        struct tree_nodes nodes = {edge_and_full, t};
        assert_int_equal(tree_root(nodes, size, root, NULL), SIL_OK);
        assert_memory_equal(root, want, sizeof root);
        bool all = size < 20;
        for (uint64_t i = 0; i < (all ? size : 3); i++) {
            uint64_t index = all ? i : rng_below(&r, size);
            assert_int_equal(tree_path(nodes, index, size, path, &n, NULL), SIL_OK);
            const uint8_t(*p)[LEDGER_HASH] = (const uint8_t(*)[LEDGER_HASH])path;
            assert_true(tree_path_check(t->leaf[index], index, size, p, n, root));
            assert_false(tree_path_check(t->leaf[index], index ^ 1, size, p, n, root) && size > 1);
            assert_false(tree_path_check(t->leaf[index], index, size, p, n + 1, root));
            assert_false(n > 0 && tree_path_check(t->leaf[index], index, size, p, n - 1, root));
            assert_false(tree_path_check(t->leaf[index], index + size, size, p, n, root));
            if (n == 0) continue;
            path[rng_below(&r, n)][5] ^= 4;
            assert_false(tree_path_check(t->leaf[index], index, size, p, n, root));
        }
    }
    assert_int_equal(t->n_full, LEAVES / TILE_WIDTH);
    free(t);
}

static void tile_names(void **state) {
    (void)state;
    char name[TILE_PATH];
    tile_path(name, "tile/0", 0, 0);
    assert_string_equal(name, "tile/0/000");
    tile_path(name, "tile/3", 1234067, 0);
    assert_string_equal(name, "tile/3/x001/x234/067");
    tile_path(name, "tile/entries", 273, 112);
    assert_string_equal(name, "tile/entries/273.p/112");
    tile_path(name, "tile/entries", 1000, 256);
    assert_string_equal(name, "tile/entries/x001/000");
    tile_path(name, "transcripts", UINT64_MAX, 0);
    assert_string_equal(name, "transcripts/x018/x446/x744/x073/x709/x551/615");
    /* The example of c2sp.org/tlog-tiles: a tree of 70,000. */
    assert_int_equal(edge_width(70000, 0), 112);
    assert_int_equal(edge_tile(70000, 0), 273);
    assert_int_equal(edge_width(70000, 1), 17);
    assert_int_equal(edge_tile(70000, 1), 1);
    assert_int_equal(edge_width(70000, 2), 1);
    assert_int_equal(edge_width(256, 0), 0);
    assert_int_equal(edge_width(256, 1), 1);
}

/* ---- transcripts ---- */

static void transcripts(void **state) {
    (void)state;
    struct lb_answer b;
    struct transcript t;
    struct ledger_entry entry;
    uint8_t salt[LEDGER_SALT];
    const char *what = NULL;
    struct buf body;
    buf_init(&body, mem_libc(), 1 << 20);
    memset(salt, 3, sizeof salt);
    lb_answer(&b, 11, LEDGER_KEEP_TEXT);
    assert_int_equal(transcript_encode(&b.answer, salt, &body), SIL_OK);
    assert_int_equal(transcript_decode(buf_view(&body), &t, NULL), SIL_OK);
    assert_int_equal(t.n_in, b.answer.n_in);
    assert_int_equal(t.n_out, b.answer.n_out);
    assert_int_equal(t.n_bias, 2);
    assert_int_equal(get_u32(t.in + 4), b.in[1]);
    assert_true(str_eq(t.text, b.answer.text) && str_eq(t.prompt, b.answer.prompt));
    entry = b.answer.entry;
    entry.n_in = t.n_in;
    entry.n_out = t.n_out;
    entry.n_bias = 2;
    ledger_ids_digest(salt, LEDGER_IN, b.in, t.n_in, entry.in_digest);
    ledger_ids_digest(salt, LEDGER_OUT, b.out, t.n_out, entry.out_digest);
    ledger_bias_digest(salt, b.bias, 2, entry.bias_digest);
    assert_true(transcript_matches(&t, &entry, &what));
    size_t digested = body.n - b.answer.prompt.n - b.answer.text.n;
    for (size_t at = 0; at < digested; at++) { /* what the entry has digests of cannot change */
        body.p[at] ^= 1;
        bool same = transcript_decode(buf_view(&body), &t, NULL) == SIL_OK && transcript_matches(&t, &entry, &what);
        bool lengths = at >= LEDGER_SALT + 12 && at < LEDGER_SALT + 20;
        assert_false(same && !lengths);
        body.p[at] ^= 1;
    }
    for (size_t cut = 0; cut < body.n; cut++)
        assert_int_equal(transcript_decode((struct str){body.p, cut}, &t, NULL), SIL_FORMAT);
    buf_clear(&body);
    b.answer.keep = LEDGER_KEEP_IDS;
    assert_int_equal(transcript_encode(&b.answer, salt, &body), SIL_OK);
    assert_int_equal(transcript_decode(buf_view(&body), &t, NULL), SIL_OK);
    assert_int_equal(t.text.n + t.prompt.n, 0);
    buf_clear(&body);
    b.answer.keep = LEDGER_KEEP_NONE;
    assert_int_equal(transcript_encode(&b.answer, salt, &body), SIL_OK);
    assert_int_equal(body.n, 0);
    buf_free(&body);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (sodium_init() < 0) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_form),    cmocka_unit_test(entry_canonical), cmocka_unit_test(entry_refused),
        cmocka_unit_test(entry_longest), cmocka_unit_test(key_known),       cmocka_unit_test(key_files),
        cmocka_unit_test(checkpoints),   cmocka_unit_test(tree_known),      cmocka_unit_test(tree_paths),
        cmocka_unit_test(tile_names),    cmocka_unit_test(transcripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
