/* The record over HTTP: who sees which entries, receipts, the checkpoint, and answers that are computed again: equal,
 * with a transcript that was changed, beside live requests, cut off, without memory. tsan: threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include <cmocka.h>

#include "base/file.h"
#include "fields.h"
#include "http_client.h"
#include "ledger/audit.h"
#include "serve/record.h"
#include "serve_bed.h"
#include "support.h"

enum { URL = 200, BODY = 2048, LONG = 900 };

static struct serve_bed bed;
static char admin[GATE_SECRET], law[GATE_SECRET], tax[GATE_SECRET], quiet[GATE_SECRET];

static int start(void **state) {
    (void)state;
    serve_bed_open(&bed);
    bed.config.keys = true;
    const struct gate_tenant none = {.weight = 1, .own = GATE_OWN_TRANSCRIPT, .transcript = TRANSCRIPT_NONE};
    serve_bed_key(&bed, "운영", true, NULL, admin);
    serve_bed_key(&bed, "법무부", false, NULL, law);
    serve_bed_key(&bed, "국세청", false, NULL, tax);
    serve_bed_key(&bed, "조용한 곳", false, &none, quiet);
    serve_bed_start(&bed);
    return 0;
}

static int stop(void **state) {
    (void)state;
    serve_bed_close(&bed);
    return 0;
}

/* ---- asking ---- */

static json_t *ask(const char *method, const char *url, const char *key, const char *body, int status) {
    return http_expect(bed.socket, method, url, key, body, status);
}

static void refused(const char *method, const char *url, const char *key, int status, const char *code) {
    http_refused(bed.socket, method, url, key, NULL, status, code);
}

static const char *url_of(uint64_t index, const char *view) {
    static _Thread_local char url[URL];
    snprintf(url, sizeof url, "/record/entries/%llu%s", (unsigned long long)index, view);
    return url;
}

static void compose(char body[BODY], const char *words, const char *more) {
    snprintf(body, BODY, "{\"model\":\"test\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]%s}", words, more);
}

/* An answer on record: the number of its (first) entry; more: further fields of the request. */
static uint64_t answer(const char *key, const char *words, const char *more) {
    char body[BODY];
    compose(body, words, more);
    json_t *j = ask("POST", "/v1/chat/completions", key, body, 200);
    uint64_t index = (uint64_t)field_int(j, "sillok.entry");
    json_decref(j);
    return index;
}

static json_t *replay(const char *key, uint64_t index) {
    return ask("POST", url_of(index, "/replay"), key, NULL, 200);
}

/* ---- what an address says ---- */

static void addresses(void **state) {
    (void)state;
    static const struct {
        const char *rest;
        const char *method;
        int status;
        enum record_what what;
    } paths[] = {{"0", "GET", 0, RECORD_ENTRY},
                 {"12/receipt", "GET", 0, RECORD_RECEIPT},
                 {"7/transcript", "GET", 0, RECORD_TRANSCRIPT},
                 {"7/transcript", "DELETE", 0, RECORD_ERASE},
                 {"7/replay", "POST", 0, RECORD_REPLAY},
                 {"7/replay", "GET", 405, 0},
                 {"7/transcript", "POST", 405, 0},
                 {"7", "DELETE", 405, 0},
                 {"7/receipt", "DELETE", 405, 0},
                 {"x/transcript", "DELETE", 404, 0},
                 {"7", "POST", 405, 0},
                 {"7/", "GET", 404, 0},
                 {"", "GET", 404, 0},
                 {"07", "GET", 404, 0},
                 {"-1", "GET", 404, 0},
                 {"x", "GET", 404, 0},
                 {"7/receipts", "GET", 404, 0},
                 {"99999999999999999999", "GET", 404, 0}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct record_ask a;
        struct fault f = {0};
        record_ask_init(&a);
        bool ok = record_ask_path(&a, str_of(paths[i].rest), paths[i].method, &f);
        if (ok != (paths[i].status == 0) || f.status != paths[i].status) fail_msg("%s: %d", paths[i].rest, f.status);
        if (ok) assert_int_equal(a.what, paths[i].what);
    }
    static const char *const good[][2] = {{"limit", "1"}, {"limit", "200"}, {"before", "0"},    {"from", "0"},
                                          {"to", "9"},    {"model", ""},    {"request", "req"}, {"unknown", "?"}};
    static const char *const bad[][2] = {{"limit", "0"},  {"limit", "201"}, {"limit", ""},
                                         {"before", "x"}, {"from", "-1"},   {"to", "9007199254740992"}};
    struct record_ask a;
    struct fault f = {0};
    record_ask_init(&a);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(record_ask_parameter(&a, str_of(good[i][0]), str_of(good[i][1]), &f));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(record_ask_parameter(&a, str_of(bad[i][0]), str_of(bad[i][1]), &f));
        assert_int_equal(f.status, 400);
        assert_string_equal(f.param, bad[i][0]);
    }
}

/* ---- who sees what ---- */

static void check_list(const char *query, const char *key, const uint64_t *want, size_t n) {
    char url[URL];
    snprintf(url, sizeof url, "/record/entries%.160s", query);
    json_t *j = ask("GET", url, key, NULL, 200);
    const json_t *data = json_object_get(j, "data");
    if (json_array_size(data) != n) fail_msg("%s: %zu entries, not %zu", query, json_array_size(data), n);
    for (size_t i = 0; i < n; i++) assert_int_equal(field_int(json_array_get(data, i), "entry"), want[i]);
    json_decref(j);
}

static void lists(void **state) {
    (void)state;
    uint64_t a = answer(law, "하나", ",\"max_tokens\":4"), b = answer(tax, "둘", ",\"max_tokens\":4,\"n\":2"),
             c = answer(law, "셋", ",\"max_tokens\":4"), d = answer(quiet, "넷", ",\"max_tokens\":4");
    assert_int_equal(b, a + 1);
    assert_int_equal(c, b + 2);
    check_list("", law, (uint64_t[]){c, a}, 2);
    check_list("", tax, (uint64_t[]){b + 1, b}, 2);
    check_list("", admin, (uint64_t[]){d, c, b + 1, b, a}, 5);
    check_list("?limit=2", admin, (uint64_t[]){d, c}, 2);
    check_list("?before=3&limit=2", admin, (uint64_t[]){2, 1}, 2);
    check_list("?tenant=%EA%B5%AD%EC%84%B8%EC%B2%AD", admin, (uint64_t[]){b + 1, b}, 2); /* 국세청 */
    check_list("?tenant=%EA%B5%AD%EC%84%B8%EC%B2%AD", law, NULL, 0);
    check_list("?model=test", law, (uint64_t[]){c, a}, 2);
    check_list("?from=1", law, (uint64_t[]){c, a}, 2);
    check_list("?to=1", law, NULL, 0);
    check_list("?request=req_none", admin, NULL, 0);
    refused("GET", "/record/entries?model=other", law, 400, "invalid_value");
    refused("GET", "/record/entries?limit=999", law, 400, "invalid_value");
    refused("GET", "/record/entries", NULL, 401, "invalid_api_key");

    json_t *j = ask("GET", "/record/entries?limit=3", admin, NULL, 200); /* and on from where it stopped */
    assert_int_equal(field_int(j, "next"), 2);
    const char *id = field_text(json_array_get(json_object_get(j, "data"), 1), "request");
    char query[URL];
    snprintf(query, sizeof query, "?request=chatcmpl-%s", id + 4);
    check_list(query, law, (uint64_t[]){c}, 1);
    check_list(query, tax, NULL, 0);
    json_decref(j);
    j = ask("GET", "/record/entries?before=2", admin, NULL, 200);
    assert_true(json_is_null(json_object_get(j, "next")));
    json_decref(j);
}

static void heads(void **state) {
    (void)state;
    struct http_reply r;
    json_t *j = ask("GET", "/record", admin, NULL, 200);
    assert_int_equal(field_int(j, "size"), 5);
    assert_int_equal(field_int(j, "counted"), 5);
    assert_int_equal(json_array_size(json_object_get(j, "tenants")), 3);
    assert_true(field_int(j, "time_ms") > 0);
    char *note = strdup(field_text(j, "checkpoint"));
    json_decref(j);
    j = ask("GET", "/record", tax, NULL, 200);
    const json_t *own = json_object_get(j, "tenants");
    assert_int_equal(json_array_size(own), 1);
    assert_string_equal(field_text(own, "0.tenant"), "국세청");
    assert_int_equal(field_int(own, "0.entries"), 2);
    json_decref(j);
    bool same = false;
    struct test_wait w = {0};
    do { /* what others see may lag by a second */
        http_ask(bed.socket, "GET", "/record/checkpoint", NULL, NULL, 0, &r);
        assert_int_equal(r.status, 200);
        same = str_eq(buf_view(&r.body), str_of(note));
        http_reply_free(&r);
    } while (!same && test_wait(&w));
    assert_true(same);
    free(note);
}

static void entries(void **state) {
    (void)state;
    json_t *j = ask("GET", url_of(0, ""), law, NULL, 200);
    const json_t *kept = json_object_get(j, "transcript"), *fields = json_object_get(j, "fields");
    assert_string_equal(field_text(kept, "state"), "kept");
    assert_true(field_true(kept, "fits") && field_true(kept, "readable"));
    assert_true(field_true(j, "replay.possible"));
    assert_string_equal(field_text(j, "model_name"), "test");
    assert_string_equal(field_text(fields, "tenant"), "법무부");
    json_error_t e;
    json_t *line = json_loads(field_text(j, "line"), 0, &e);
    assert_true(json_equal(line, fields));
    uint8_t leaf[LEDGER_HASH];
    char hex[2 * LEDGER_HASH + 1];
    tree_leaf(str_of(field_text(j, "line")), leaf);
    sodium_bin2hex(hex, sizeof hex, leaf, sizeof leaf);
    assert_string_equal(field_text(j, "leaf"), hex);
    json_decref(line);
    json_decref(j);

    static const char *const views[] = {"", "/receipt", "/transcript"};
    for (size_t i = 0; i < 3; i++) {
        refused("GET", url_of(1, views[i]), law, 404, "no_entry"); /* another's, as if it were not there */
        refused("GET", url_of(999, views[i]), law, 404, "no_entry");
        refused("GET", url_of(1, views[i]), NULL, 401, "invalid_api_key");
    }
    refused("POST", url_of(1, "/replay"), law, 404, "no_entry");
    refused("GET", url_of(1, "/replay"), law, 405, "method_not_allowed");
    refused("GET", url_of(1, "/other"), law, 404, "unknown_url");
    j = ask("GET", url_of(1, ""), admin, NULL, 200);
    assert_false(field_true(j, "transcript.readable")); /* but not its words */
    json_decref(j);
    refused("GET", url_of(1, "/transcript"), admin, 403, "not_yours");
    j = ask("GET", url_of(4, ""), quiet, NULL, 200);
    assert_string_equal(field_text(j, "transcript.state"), "none");
    assert_string_equal(field_text(j, "replay.why"), "no_transcript");
    json_decref(j);
    refused("GET", url_of(4, "/transcript"), quiet, 404, "no_transcript");
    refused("POST", url_of(4, "/replay"), quiet, 409, "no_transcript");
}

static void read_key(struct ledger_key *k) {
    struct http_reply r;
    struct sil_error e = {0};
    http_ask(bed.socket, "GET", "/record/key", NULL, NULL, 0, &r);
    assert_int_equal(ledger_key_verifier(buf_view(&r.body), k, &e), SIL_OK);
    http_reply_free(&r);
}

/* The receipt of an entry holds. */
static void check_receipt(uint64_t index, const char *key, const struct ledger_key *k) {
    struct http_reply r;
    struct receipt proof;
    struct sil_error e = {0};
    http_ask(bed.socket, "GET", url_of(index, "/receipt"), key, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    if (receipt_open(buf_view(&r.body), k, &proof, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(proof.index, index);
    http_reply_free(&r);
}

static void receipts(void **state) {
    (void)state;
    struct http_reply r;
    struct ledger_key k;
    struct receipt proof;
    struct sil_error e = {0};
    struct ledger *l = NULL;
    struct buf own;
    char dir[URL];
    read_key(&k);
    http_ask(bed.socket, "GET", url_of(2, "/receipt"), tax, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    assert_true(str_eq(http_header(&r, "content-type"), STR("text/plain; charset=utf-8")));
    assert_true(str_eq(http_header(&r, "content-disposition"), STR("attachment; filename=\"sillok-2.tlog-proof\"")));
    if (receipt_open(buf_view(&r.body), &k, &proof, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(proof.index, 2);
    assert_false(proof.has_salt);
    snprintf(dir, sizeof dir, "%s/ledger", bed.state);
    buf_init(&own, mem_libc(), LEDGER_RECEIPT_BYTES); /* what sillok audit prove prints */
    assert_int_equal(audit_open(dir, &k, mem_libc(), &l, &e), SIL_OK);
    assert_int_equal(ledger_receipt(l, 2, NULL, &own, &e), SIL_OK);
    assert_true(str_eq(buf_view(&own), buf_view(&r.body)));
    ledger_close(l);
    buf_free(&own);
    http_reply_free(&r);
}

static void transcripts(void **state) {
    (void)state;
    json_t *j = ask("GET", url_of(0, "/transcript"), law, NULL, 200),
           *entry = ask("GET", url_of(0, ""), law, NULL, 200);
    const json_t *fields = json_object_get(entry, "fields"), *out = json_object_get(j, "out");
    uint32_t ids[64];
    uint8_t salt[LEDGER_SALT], sum[LEDGER_HASH];
    char hex[2 * LEDGER_HASH + 1];
    size_t n = json_array_size(out);
    assert_true(n > 0 && n <= 64);
    for (size_t i = 0; i < n; i++) ids[i] = (uint32_t)json_integer_value(json_array_get(out, i));
    assert_int_equal(sodium_hex2bin(salt, sizeof salt, field_text(j, "salt"), 64, NULL, NULL, NULL), 0);
    ledger_ids_digest(salt, LEDGER_OUT, ids, n, sum);
    sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
    assert_string_equal(field_text(fields, "out.sha256"), hex);
    assert_non_null(strstr(field_text(j, "prompt"), "하나"));
    assert_true(json_is_string(json_object_get(j, "answer")));
    json_decref(entry);
    json_decref(j);
}

/* ---- computing again ---- */

static void equal_again(const char *key, uint64_t index) {
    json_t *j = replay(key, index);
    if (!field_true(j, "equal")) {
        char *said = json_dumps(j, 0);
        fail_msg("entry %llu: %s", (unsigned long long)index, said);
    }
    assert_true(field_true(j, "on_record") && field_true(j, "computed"));
    assert_true(json_is_null(json_object_get(j, "reason")) && json_is_null(json_object_get(j, "first_difference")));
    assert_int_equal(field_int(j, "same"), field_int(j, "tokens"));
    assert_string_equal(field_text(j, "model"), "test");
    assert_string_equal(field_text(j, "profile"), SIL_PROFILE);
    json_decref(j);
}

static void equal(void **state) {
    (void)state;
    static const char *const ways[] = {",\"max_tokens\":40",
                                       ",\"max_tokens\":40,\"temperature\":0",
                                       ",\"max_tokens\":60,\"seed\":7,\"n\":3,\"top_p\":0.7",
                                       ",\"max_tokens\":60,\"frequency_penalty\":0.7,\"presence_penalty\":0.3",
                                       ",\"max_tokens\":60,\"stop\":[\"a\",\"e\"],\"ignore_eos\":true",
                                       ",\"max_tokens\":30,\"logit_bias\":{\"97\":5,\"98\":-5}",
                                       ",\"max_tokens\":300,\"ignore_eos\":true,\"temperature\":1.3"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        uint64_t index = answer(law, "다시 계산", ways[i]);
        for (uint64_t k = index; k < index + (i == 2 ? 3 : 1); k++) equal_again(law, k);
        equal_again(admin, index);
    }
    json_t *before = ask("GET", "/record", admin, NULL, 200);
    equal_again(tax, 1);
    json_t *after = ask("GET", "/record", admin, NULL, 200);
    assert_int_equal(field_int(before, "size"), field_int(after, "size")); /* it is no answer */
    json_decref(before);
    json_decref(after);
}

static void streamed(void **state) {
    (void)state;
    uint64_t index = answer(law, "흐름", ",\"max_tokens\":200,\"ignore_eos\":true");
    struct http_reply r;
    bool done;
    static const char body[] = "{\"stream\":true}";
    http_ask(bed.socket, "POST", url_of(index, "/replay"), law, body, sizeof body - 1, &r);
    assert_int_equal(r.status, 200);
    json_t *events = http_events(&r, &done);
    size_t n = json_array_size(events);
    int64_t last = 0;
    assert_true(n > 2);
    for (size_t i = 0; i + 1 < n; i++) {
        const json_t *ev = json_array_get(events, i);
        assert_string_equal(field_text(ev, "object"), "record.replay.progress");
        assert_true(field_int(ev, "done") > last);
        last = field_int(ev, "done");
        assert_int_equal(field_int(ev, "tokens"), 200);
    }
    assert_int_equal(last, 200);
    assert_true(field_true(json_array_get(events, n - 1), "equal"));
    json_decref(events);
    http_reply_free(&r);
    refused("POST", url_of(index, "/replay"), quiet, 404, "no_entry");
}

/* ---- a transcript that somebody changed ---- */

/* Changes the body of an entry's transcript on the disk; with `sealed` its checksum follows, as somebody would do who
 * knows the format. */
static void change(uint64_t index, size_t at, uint8_t by, bool sealed) {
    struct sil_error e = {0};
    struct transcript_record t;
    struct buf b;
    char path[URL];
    bool done = false;
    snprintf(path, sizeof path, "%s/ledger/transcripts/000", bed.state);
    buf_init(&b, mem_libc(), TRANSCRIPT_FILE_MAX);
    assert_int_equal(file_read(path, &b, &e), SIL_OK);
    for (size_t from = 0;; from += t.bytes) {
        assert_int_equal(transcript_next(buf_view(&b), from, &t, &done, &e), SIL_OK);
        assert_false(done);
        if (t.index == index) break;
    }
    uint8_t *body = (uint8_t *)b.p + t.at + TRANSCRIPT_HEAD;
    assert_true(at < t.body.n);
    body[at] ^= by;
    if (sealed) crypto_hash_sha256((uint8_t *)b.p + t.at + 24, body, t.body.n);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fwrite(b.p, 1, b.n, f), b.n);
    assert_int_equal(fclose(f), 0);
    buf_free(&b);
}

static void altered(void **state) {
    (void)state;
    enum { HEAD = LEDGER_SALT + 20 };
    uint64_t index = answer(law, "바뀐 기록", ",\"max_tokens\":12,\"ignore_eos\":true");
    json_t *j = replay(law, index);
    assert_true(field_true(j, "equal"));
    size_t in = (size_t)field_int(j, "prompt_tokens") * 4;
    json_decref(j);
    serve_bed_stop(&bed); /* while it runs the journal has the newest ones too */
    change(index, HEAD + in + 5 * 4, 1, true);
    serve_bed_start(&bed);
    j = replay(law, index);
    assert_false(field_true(j, "equal"));
    assert_string_equal(field_text(j, "reason"), "transcript_altered");
    assert_string_equal(field_text(j, "altered.0"), "answer");
    assert_true(field_true(j, "computed") && field_true(j, "on_record")); /* the record itself stands */
    assert_int_equal(field_int(j, "same"), 5);
    const json_t *first = json_object_get(j, "first_difference");
    assert_int_equal(field_int(first, "at"), 5);
    assert_int_equal(field_int(first, "kept"), field_int(first, "computed") ^ 1);
    json_decref(j);
    j = ask("GET", url_of(index, ""), law, NULL, 200);
    assert_false(field_true(j, "transcript.fits"));
    json_decref(j);

    serve_bed_stop(&bed);
    change(index, HEAD + in + 5 * 4, 1, true); /* back */
    change(index, HEAD, 1, true);              /* the prompt's first id */
    serve_bed_start(&bed);
    j = replay(law, index);
    assert_false(field_true(j, "equal") || field_true(j, "computed") || field_true(j, "on_record"));
    assert_string_equal(field_text(j, "altered.0"), "prompt");
    json_decref(j);

    serve_bed_stop(&bed);
    change(index, HEAD, 1, true);
    change(index, HEAD + 1, 1, false);
    serve_bed_start(&bed);
    refused("POST", url_of(index, "/replay"), law, 409, "transcript_damaged");
    refused("GET", url_of(index, "/transcript"), law, 409, "transcript_damaged");
    j = ask("GET", url_of(index, ""), law, NULL, 200);
    assert_string_equal(field_text(j, "transcript.state"), "damaged");
    json_decref(j);
    serve_bed_stop(&bed);
    change(index, HEAD + 1, 1, false);
    serve_bed_start(&bed);
    equal_again(law, index);
}

/* The record of the stopped server, for writing; the caller's. */
static struct ledger *open_ledger(struct ledger_key *key) {
    struct sil_error e = {0};
    struct ledger *l = NULL;
    char path[URL], dir[URL];
    snprintf(path, sizeof path, "%s/ledger.key", bed.state);
    snprintf(dir, sizeof dir, "%s/ledger", bed.state);
    assert_int_equal(ledger_key_load(path, key, &e), SIL_OK);
    struct ledger_config c = {.dir = dir, .key = key, .mem = mem_libc()};
    if (ledger_open(&c, &l, &e) != SIL_OK) fail_msg("%s", e.text);
    return l;
}

static void erased(void **state) {
    (void)state;
    uint64_t index = answer(law, "지울 기록", ",\"max_tokens\":4");
    struct ledger_key key;
    struct sil_error e = {0};
    bool had = false;
    serve_bed_stop(&bed);
    struct ledger *l = open_ledger(&key);
    assert_int_equal(ledger_erase(l, index, &had, &e), SIL_OK);
    ledger_close(l);
    assert_true(had);
    serve_bed_start(&bed);
    refused("POST", url_of(index, "/replay"), law, 409, "transcript_erased");
    refused("GET", url_of(index, "/transcript"), law, 404, "transcript_erased");
}

/* ---- erased by the server ---- */

/* The reply's words; the caller's to have asked rightly. */
static void erase(uint64_t index, bool had, const char *state) {
    json_t *j = ask("DELETE", url_of(index, "/transcript"), admin, NULL, 200);
    assert_string_equal(field_text(j, "object"), "record.erasure");
    assert_int_equal(field_int(j, "entry"), index);
    assert_int_equal(field_true(j, "had"), had);
    assert_string_equal(field_text(j, "transcript"), state);
    json_decref(j);
}

static void erased_while_it_runs(void **state) {
    (void)state;
    uint64_t index = answer(law, "지우라는 기록", ",\"max_tokens\":4");
    uint64_t none = answer(quiet, "남지 않은 기록", ",\"max_tokens\":4"),
             other = answer(law, "남을 기록", ",\"max_tokens\":4");
    json_t *before = ask("GET", url_of(index, ""), law, NULL, 200);
    refused("DELETE", url_of(index, "/transcript"), law, 403, "admin_only"); /* not even one's own */
    refused("DELETE", url_of(index, "/transcript"), NULL, 401, "invalid_api_key");
    refused("DELETE", url_of(index, ""), admin, 405, "method_not_allowed");
    refused("DELETE", url_of(1000000, "/transcript"), admin, 404, "no_entry");
    json_decref(ask("GET", url_of(index, "/transcript"), law, NULL, 200)); /* nothing of it is gone */
    erase(index, true, "erased");
    erase(index, false, "erased");
    erase(none, false, "none");
    for (int again = 0; again < 2; again++) {
        refused("POST", url_of(index, "/replay"), law, 409, "transcript_erased");
        refused("GET", url_of(index, "/transcript"), law, 404, "transcript_erased");
        json_t *j = ask("GET", url_of(index, ""), law, NULL, 200);
        assert_string_equal(field_text(j, "transcript.state"), "erased");
        assert_string_equal(field_text(j, "replay.why"), "transcript_erased");
        assert_string_equal(field_text(j, "line"), field_text(before, "line")); /* the entry is as it was */
        json_decref(j);
        equal_again(law, other);
        serve_bed_stop(&bed);
        serve_bed_start(&bed);
    }
    json_decref(before);
    struct http_reply r;
    http_ask(bed.socket, "GET", url_of(index, "/receipt"), law, NULL, 0, &r);
    assert_int_equal(r.status, 200); /* and provable */
    http_reply_free(&r);
}

enum { GONE = 24, LOOKERS = 3 };

struct lookers {
    uint64_t first;
    atomic_bool erased[GONE], over;
    atomic_uint wrong, equal, gone, busy;
};

/* Asks for what is being erased, or computes it again: whole or erased, and nothing else. */
static void *look_on(void *arg) {
    struct lookers *x = arg;
    for (uint32_t i = 0; !atomic_load(&x->over) || i < 2 * GONE; i++) {
        uint32_t at = i * 5 % GONE;
        bool again = i % 3 == 0, must = atomic_load(&x->erased[at]);
        struct http_reply r;
        http_ask(bed.socket, again ? "POST" : "GET", url_of(x->first + at, again ? "/replay" : "/transcript"), law,
                 NULL, 0, &r);
        const char *body = buf_view(&r.body).p;
        if (r.status == 503 || r.status == 429) atomic_fetch_add(&x->busy, 1);
        else if (r.status == (again ? 409 : 404) && strstr(body, "transcript_erased")) atomic_fetch_add(&x->gone, 1);
        else if (r.status == 200 && !must && (!again || strstr(body, "\"equal\":true"))) atomic_fetch_add(&x->equal, 1);
        else {
            atomic_fetch_add(&x->wrong, 1);
            print_message("# %d %s\n", r.status, body);
        }
        http_reply_free(&r);
    }
    return NULL;
}

static void erased_beside_replays(void **state) {
    (void)state;
    struct lookers x = {0};
    pthread_t threads[LOOKERS];
    for (uint32_t i = 0; i < GONE; i++) {
        uint64_t index = answer(law, "지워질 기록", ",\"max_tokens\":30,\"ignore_eos\":true");
        if (i == 0) x.first = index;
    }
    for (int i = 0; i < LOOKERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, look_on, &x), 0);
    for (uint32_t i = 0; i < GONE; i++) {
        int status = 503;
        while (status == 503) { /* a reader's place is needed too */
            struct http_reply r;
            http_ask(bed.socket, "DELETE", url_of(x.first + i, "/transcript"), admin, NULL, 0, &r);
            status = r.status;
            http_reply_free(&r);
        }
        assert_int_equal(status, 200);
        atomic_store(&x.erased[i], true);
    }
    atomic_store(&x.over, true);
    for (int i = 0; i < LOOKERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&x.wrong), 0);
    assert_true(atomic_load(&x.gone) > 0);
    for (uint32_t i = 0; i < GONE; i++) refused("POST", url_of(x.first + i, "/replay"), law, 409, "transcript_erased");
    char dir[URL];
    struct ledger_key k;
    struct audit_report report = {0};
    struct sil_error e = {0};
    read_key(&k);
    snprintf(dir, sizeof dir, "%s/ledger", bed.state);
    assert_int_equal(audit_verify(dir, &k, mem_libc(), &report, &e), SIL_OK);
    assert_int_equal(report.findings, 0);
    assert_true(report.erased >= GONE);
}

/* ---- a long record ---- */

/* Entries of a tenant without keys, as an older server left them. */
static void write_many(uint32_t n) {
    struct ledger_key key;
    struct sil_error e = {0};
    struct ledger *l = open_ledger(&key);
    for (uint32_t i = 0; i < n; i++) {
        struct ledger_answer a = {.entry = {.time_ms = 1000 + i, .sampling = {.top_p = 1, .repeat_penalty = 1}},
                                  .keep = LEDGER_KEEP_NONE};
        struct ledger_ticket t;
        snprintf(a.entry.tenant, sizeof a.entry.tenant, "옛 기관");
        snprintf(a.entry.request, sizeof a.entry.request, "req_old%u", i);
        memset(a.entry.model, 'a', SIL_DIGEST - 1);
        snprintf(a.entry.profile, sizeof a.entry.profile, "CA/0");
        snprintf(a.entry.finish, sizeof a.entry.finish, "stop");
        snprintf(a.entry.software, sizeof a.entry.software, "sillok 0.0.1");
        if (ledger_append(l, &a, &t, &e) != SIL_OK) fail_msg("%s", e.text);
        if (i % 4000 == 3999 || i + 1 == n) assert_int_equal(ledger_commit(l, &e), SIL_OK);
    }
    ledger_close(l);
}

static void long_records(void **state) {
    (void)state;
    enum { MANY = 9000 };
    json_t *j = ask("GET", "/record", admin, NULL, 200);
    uint64_t first = (uint64_t)field_int(j, "size"), size = first + MANY;
    json_decref(j);
    serve_bed_stop(&bed);
    write_many(MANY);
    serve_bed_start(&bed);
    j = ask("GET", "/record", admin, NULL, 200);
    assert_int_equal(field_int(j, "size"), size);
    assert_int_equal(field_int(j, "counted"), size);
    json_decref(j);
    check_list("?limit=2", admin, (uint64_t[]){size - 1, size - 2}, 2);
    uint32_t calls = 0, found = 0; /* one call looks at so much and no more */
    for (int64_t before = (int64_t)size; before >= 0; calls++) {
        char url[URL];
        snprintf(url, sizeof url, "/record/entries?before=%lld&limit=200", (long long)before);
        j = ask("GET", url, tax, NULL, 200);
        assert_true(field_int(j, "looked") <= RECORD_SCAN_MAX);
        found += (uint32_t)json_array_size(json_object_get(j, "data"));
        const json_t *next = json_object_get(j, "next");
        before = json_is_null(next) ? -1 : json_integer_value(next);
        json_decref(j);
    }
    assert_true(calls == MANY / RECORD_SCAN_MAX + 1 && found > 0);
    j = ask("GET", "/record/entries?from=1700000000000", admin, NULL, 200); /* and stops at once where all are older */
    assert_int_equal(field_int(j, "looked"), 1);
    assert_true(json_is_null(json_object_get(j, "next")));
    json_decref(j);
    j = ask("GET", url_of(first + 5, ""), admin, NULL, 200);
    assert_string_equal(field_text(j, "fields.request"), "req_old5");
    assert_true(json_is_null(json_object_get(j, "model_name")));
    json_decref(j);
    struct ledger_key k;
    read_key(&k);
    check_receipt(first + 5, admin, &k);
    equal_again(law, 0);
}

/* ---- many at once ---- */

static void one_at_a_time(void **state) {
    (void)state;
    enum { N = 6 };
    uint64_t index = answer(law, "길게", ",\"max_tokens\":600,\"ignore_eos\":true");
    struct http_aside c[N];
    const char *url = url_of(index, "/replay");
    int good = 0, busy = 0;
    for (int i = 0; i < N; i++) {
        c[i] = (struct http_aside){.socket_path = bed.socket, .url = url, .key = law, .body = ""};
        http_aside_begin(&c[i]);
    }
    for (int i = 0; i < N; i++) http_aside_end(&c[i]);
    for (int i = 0; i < N; i++) {
        int status = c[i].reply.status;
        json_t *j = http_json(&c[i].reply);
        good += status == 200 && field_true(j, "equal");
        busy += status == 429 || status == 503; /* its tenant's place, or a reader's */
        json_decref(j);
        http_reply_free(&c[i].reply);
    }
    assert_int_equal(good + busy, N);
    assert_true(good > 0);
    equal_again(law, index); /* the place is free again */
}

static void send_replay_and_leave(uint64_t index, const char *key, uint32_t after_ms) {
    int fd = http_begin(bed.socket, "POST", url_of(index, "/replay"), key, NULL, 0);
    test_nap_ms(after_ms);
    close(fd);
}

/* Computed again once the places of those before are free. */
static void equal_in_the_end(uint64_t index, const char *key) {
    struct test_wait w = {0};
    struct http_reply r;
    for (;;) {
        http_ask(bed.socket, "POST", url_of(index, "/replay"), key, NULL, 0, &r);
        if ((r.status != 429 && r.status != 503) || !test_wait(&w)) break;
        http_reply_free(&r);
    }
    assert_int_equal(r.status, 200);
    json_t *j = http_json(&r);
    assert_true(field_true(j, "equal"));
    json_decref(j);
    http_reply_free(&r);
}

/* A client that leaves gives its place back. */
static void left_alone(void **state) {
    (void)state;
    uint64_t index = answer(tax, "떠나기", ",\"max_tokens\":900,\"ignore_eos\":true");
    for (uint32_t i = 0; i < 3; i++) {
        send_replay_and_leave(index, tax, 10 * i); /* at different places on its way */
        equal_in_the_end(index, tax);
    }
}

/* ---- counted ---- */

struct counts {
    double asked, result[METRICS_REPLAYS];
};

static double metric(const char *text, const char *name) {
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void read_counts(struct counts *c) {
    struct http_reply r;
    char name[URL];
    http_ask(bed.socket, "GET", "/metrics", admin, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    c->asked = metric(buf_view(&r.body).p, "\nsillok_replays_asked_total ");
    for (int i = 0; i < METRICS_REPLAYS; i++) {
        snprintf(name, sizeof name, "\nsillok_replays_total{result=\"%s\"} ", metrics_replay_names[i]);
        c->result[i] = metric(buf_view(&r.body).p, name);
    }
    http_reply_free(&r);
}

/* From one look to the next: so many asked, of these so many with that result, and nothing else. */
static void counted(struct counts *before, int asked, enum metrics_replay result) {
    struct counts now;
    read_counts(&now);
    assert_true(now.asked - before->asked == asked);
    for (int i = 0; i < METRICS_REPLAYS; i++)
        assert_true(now.result[i] - before->result[i] == (i == (int)result ? asked : 0));
    *before = now;
}

static void counts(void **state) {
    (void)state;
    enum { HEAD = LEDGER_SALT + 20 };
    uint64_t index = answer(law, "세기", ",\"max_tokens\":5,\"ignore_eos\":true");
    uint64_t longer = answer(law, "오래 세기", ",\"max_tokens\":900,\"ignore_eos\":true");
    struct counts before, now = {0};
    serve_bed_stop(&bed);
    change(index, HEAD, 1, true); /* its prompt: told without the engine */
    serve_bed_start(&bed);
    read_counts(&before);
    assert_true(before.asked == 0);
    for (int i = 0; i < 3; i++) equal_again(law, longer);
    counted(&before, 3, METRICS_REPLAY_EQUAL);
    json_decref(replay(law, index));
    counted(&before, 1, METRICS_REPLAY_DIFFERENT);
    refused("POST", url_of(index, "/replay"), tax, 404, "no_entry");
    counted(&before, 1, METRICS_REPLAY_REFUSED);
    refused("POST", url_of(4, "/replay"), quiet, 409, "no_transcript");
    counted(&before, 1, METRICS_REPLAY_REFUSED);
    refused("POST", url_of(index, "/replay"), NULL, 401, "invalid_api_key"); /* never came to the record */
    refused("GET", url_of(index, "/replay"), law, 405, "method_not_allowed");
    counted(&before, 0, METRICS_REPLAY_REFUSED);

    /* Who leaves is counted once, whichever of the two came first; if soon enough, not even as asked. */
    for (int i = 0; i < 3; i++) send_replay_and_leave(longer, law, 20);
    equal_in_the_end(longer, law);
    double ended = -1;
    struct test_wait w = {0};
    do {
        read_counts(&now);
        ended = 0;
        for (int k = 0; k < METRICS_REPLAYS; k++) ended += now.result[k];
    } while (ended != now.asked && test_wait(&w));
    assert_true(now.asked > before.asked && ended == now.asked);
    assert_true(now.result[METRICS_REPLAY_EQUAL] > before.result[METRICS_REPLAY_EQUAL]);
    assert_true(now.result[METRICS_REPLAY_DIFFERENT] == before.result[METRICS_REPLAY_DIFFERENT]);
    serve_bed_stop(&bed);
    change(index, HEAD, 1, true);
    serve_bed_start(&bed);
}

/* ---- beside the writer ---- */

struct writing {
    char body[BODY];
    atomic_bool done;
    int n_bad; /* answers that were refused */
};

static void *write_answers(void *arg) {
    struct writing *w = arg;
    for (int i = 0; i < 60; i++) {
        struct http_reply r;
        http_ask(bed.socket, "POST", "/v1/chat/completions", law, w->body, strlen(w->body), &r);
        w->n_bad += r.status != 200;
        http_reply_free(&r);
    }
    atomic_store(&w->done, true);
    return NULL;
}

static void beside_the_writer(void **state) {
    (void)state;
    static struct writing writing;
    pthread_t thread;
    struct ledger_key k;
    int64_t size = 0;
    read_key(&k);
    compose(writing.body, "쓰기", ",\"max_tokens\":3,\"n\":4");
    assert_int_equal(pthread_create(&thread, NULL, write_answers, &writing), 0);
    for (uint32_t i = 0; !atomic_load(&writing.done) || i < 5; i++) {
        json_t *j = ask("GET", "/record", admin, NULL, 200);
        assert_true(field_int(j, "size") >= size);
        size = field_int(j, "size");
        json_decref(j);
        uint64_t newest = (uint64_t)size - 1;
        check_receipt(newest, admin, &k);
        if (i % 4 == 0) equal_again(admin, newest);
    }
    pthread_join(thread, NULL);
    assert_int_equal(writing.n_bad, 0);
}

/* ---- without memory ---- */

static void memory_runs_out(void **state) {
    (void)state;
    struct test_scarce scarce = {0};
    const struct mem before = bed.mem;
    serve_bed_stop(&bed);
    bed.mem = test_scarce_mem(&scarce);
    serve_bed_start(&bed);
    static const char *const views[] = {"", "/receipt", "/transcript"};
    uint32_t good = 0;
    for (uint32_t n = 5; n < 400; n += n / 6 + 1) {
        atomic_store(&scarce.one_in, n);
        for (int i = 0; i < 5; i++) {
            struct http_reply r;
            const char *url = i < 3 ? url_of(0, views[i]) : i == 3 ? "/record" : "/record/entries";
            http_ask(bed.socket, "GET", url, law, NULL, 0, &r);
            if (r.status && r.status != 200 && r.status != 503)
                fail_msg("%s: %d %s", url, r.status, buf_view(&r.body).p);
            good += r.status == 200;
            http_reply_free(&r);
        }
        struct http_reply r;
        http_ask(bed.socket, "POST", url_of(0, "/replay"), law, NULL, 0, &r);
        if (r.status && r.status != 200 && r.status != 503 && r.status != 500)
            fail_msg("replay: %d %s", r.status, buf_view(&r.body).p);
        if (r.status == 200) {
            json_t *j = http_json(&r);
            assert_true(field_true(j, "equal"));
            json_decref(j);
        }
        http_reply_free(&r);
    }
    atomic_store(&scarce.one_in, 0);
    assert_true(good > 0);
    equal_again(law, 0); /* as if nothing had been */
    serve_bed_stop(&bed);
    bed.mem = before;
    serve_bed_start(&bed);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(lists),
        cmocka_unit_test(heads),
        cmocka_unit_test(entries),
        cmocka_unit_test(receipts),
        cmocka_unit_test(transcripts),
        cmocka_unit_test(equal),
        cmocka_unit_test(streamed),
        cmocka_unit_test(altered),
        cmocka_unit_test(erased),
        cmocka_unit_test(erased_while_it_runs),
        cmocka_unit_test(erased_beside_replays),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(left_alone),
        cmocka_unit_test(counts),
        cmocka_unit_test(beside_the_writer),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(long_records),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
