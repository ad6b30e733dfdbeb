/* Who may do what: keys of tenants and of administrators, over HTTP. tsan: threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fields.h"
#include "http_client.h"
#include "make_model.h"
#include "serve_bed.h"
#include "support.h"

enum { BODY_MAX = 512, TRIES = 50 };

static struct serve_bed bed;
static char admin[GATE_SECRET], plain[GATE_SECRET], other_path[96];

/* Another model; the same seed gives the same file. */
static void make_other(uint64_t seed) {
    struct mm_spec m = mm_default();
    struct sil_error e = {0};
    m.seed = seed;
    m.byte_bpe = m.chat = true;
    m.d = 64;
    m.layers = m.heads = m.kv_heads = 1;
    m.ffn = 64;
    m.ctx = 1024;
    if (mm_write_file(&m, other_path, &e) != SIL_OK) fail_msg("%s", e.text);
}

static int start(void **state) {
    (void)state;
    serve_bed_open(&bed);
    snprintf(other_path, sizeof other_path, "%s/other.gguf", bed.dir);
    make_other(5);
    config_model_default(&bed.config.models[1]);
    bed.config.models[1].name = "other";
    bed.config.models[1].path = other_path;
    bed.config.models[1].sessions = 2;
    bed.config.n_models = 2;
    bed.config.keys = true;
    const struct gate_tenant law = {
        .weight = 1, .own = GATE_OWN_MODELS | GATE_OWN_DAY, .rates.tokens_day = 5000, .models = "test\nthird"};
    serve_bed_key(&bed, "운영", true, NULL, admin);
    serve_bed_key(&bed, "법무부", false, &law, plain);
    serve_bed_start(&bed);
    return 0;
}

static int stop(void **state) {
    (void)state;
    serve_bed_close(&bed);
    return 0;
}

/* The JSON of an answer, the caller's. */
static json_t *ask(const char *method, const char *url, const char *key, int status) {
    return http_expect(bed.socket, method, url, key, NULL, status);
}

static void refuses(const char *method, const char *url, const char *key, int status, const char *code) {
    http_refused(bed.socket, method, url, key, NULL, status, code);
}

static void whoami(void **state) {
    (void)state;
    json_decref(ask("GET", "/whoami", NULL, 401));
    json_t *j = ask("GET", "/whoami", plain, 200);
    assert_string_equal(field_text(j, "tenant"), "법무부");
    assert_string_equal(field_text(j, "key"), "key");
    assert_false(field_true(j, "admin"));
    assert_int_equal(json_array_size(field_at(j, "models")), 1); /* those that there are, of those allowed */
    assert_string_equal(field_text(j, "models.0"), "test");
    assert_int_equal(field_int(j, "limits.tokens_per_day"), 5000);
    assert_true(json_is_null(field_at(j, "limits.requests_per_minute")));
    assert_int_equal(field_int(j, "tokens_today"), 0);
    json_decref(j);
    j = ask("GET", "/whoami", admin, 200);
    assert_true(field_true(j, "admin"));
    json_decref(j);
}

/* The last hour's numbers: everything for administrators, the own tenant's for others. */
static void state_scopes(void **state) {
    (void)state;
    static const char body[] = "{\"model\":\"test\",\"prompt\":\"ab\",\"max_tokens\":4,\"ignore_eos\":true}";
    struct http_reply r;
    struct test_wait w = {0};
    json_decref(http_expect(bed.socket, "POST", "/v1/completions", plain, body, 200));
    refuses("GET", "/admin/state", plain, 403, "admin_only");
    json_decref(ask("GET", "/state", NULL, 401));
    json_decref(ask("GET", "/metrics", plain, 403));
    http_ask(bed.socket, "GET", "/metrics", admin, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    http_reply_free(&r);
    /* Accounts are settled behind the answer's last byte. */
    json_t *j = ask("GET", "/state", plain, 200);
    while (field_int(j, "minutes.requests") == 0 && test_wait(&w)) {
        json_decref(j);
        j = ask("GET", "/state", plain, 200);
    }
    assert_string_equal(field_text(j, "tenant"), "법무부");
    assert_int_equal(field_int(j, "minutes.requests"), 1);
    assert_null(json_object_get(j, "models"));
    json_decref(j);
    j = ask("GET", "/state", admin, 200); /* a tenant as others, there */
    assert_int_equal(field_int(j, "minutes.requests"), 0);
    json_decref(j);
    j = ask("GET", "/admin/state?after=0", admin, 200);
    assert_string_equal(field_text(j, "tenants.0.tenant"), "법무부");
    assert_int_equal(field_int(j, "tenants.0.answer_tokens"), 4);
    assert_int_equal(json_array_size(json_object_get(j, "models")), bed.config.n_models);
    json_decref(j);
}

/* ---- models ---- */

static json_t *model(const char *name) {
    json_t *all = ask("GET", "/admin/models", admin, 200), *one;
    size_t i;
    json_array_foreach(json_object_get(all, "models"), i, one) {
        if (!field_is(one, "name", name)) continue;
        json_incref(one);
        json_decref(all);
        return one;
    }
    fail_msg("no model %s", name);
    return NULL;
}

/* Waits for a state; the model as it then is, the caller's. */
static json_t *wait_for(const char *name, const char *state) {
    struct test_wait w = {0};
    do {
        json_t *m = model(name);
        if (field_is(m, "state", state)) return m;
        json_decref(m);
    } while (test_wait(&w));
    fail_msg("%s is not %s in time", name, state);
    return NULL;
}

/* Loads or unloads; the status. */
static int orders(const char *name, const char *verb) {
    char url[128];
    struct http_reply r;
    snprintf(url, sizeof url, "/admin/models/%s/%s", name, verb);
    http_ask(bed.socket, "POST", url, admin, NULL, 0, &r);
    json_t *j = http_json(&r);
    int status = r.status;
    if (status == 409 && !field_is(j, "error.code", "model_in_use") && !field_is(j, "error.code", "model_busy"))
        fail_msg("%s: %s", url, r.body.p);
    json_decref(j);
    http_reply_free(&r);
    return status;
}

static void order(const char *name, const char *verb, int status) {
    assert_int_equal(orders(name, verb), status);
}

/* A load or an unload, to its end. */
static void move(const char *name, const char *verb, const char *state) {
    order(name, verb, 202);
    json_decref(wait_for(name, state));
}

static void completion(const char *name, int n, char body[BODY_MAX]) {
    snprintf(body, BODY_MAX, "{\"model\":\"%s\",\"prompt\":\"전력\",\"seed\":3,\"max_tokens\":%d,\"ignore_eos\":true}",
             name, n);
}

/* The text of an answer, the caller's; NULL when it is none. From any thread. */
static char *text_of(const struct http_reply *r) {
    json_t *j = r->status == 200 ? http_try_json(r) : NULL;
    const char *said = json_string_value(field_at(j, "choices.0.text"));
    char *text = said ? strdup(said) : NULL;
    json_decref(j);
    return text;
}

static char *answer(const char *name, int n) {
    char body[BODY_MAX];
    struct http_reply r;
    completion(name, n, body);
    http_ask(bed.socket, "POST", "/v1/completions", admin, body, strlen(body), &r);
    char *text = text_of(&r);
    if (!text) fail_msg("%d %s", r.status, buf_view(&r.body).p);
    http_reply_free(&r);
    return text;
}

static void refused(const char *name, int status, const char *code) {
    char body[BODY_MAX];
    completion(name, 4, body);
    http_refused(bed.socket, "POST", "/v1/completions", admin, body, status, code);
}

static void ordinary_keys_may_not(void **state) {
    (void)state;
    static const char *const gets[] = {"/admin/models", "/admin/keys", "/admin/usage"};
    static const char *const posts[] = {"/admin/models/test/load", "/admin/models/test/unload", "/admin/keys/1/revoke"};
    for (size_t i = 0; i < sizeof gets / sizeof *gets; i++) {
        refuses("GET", gets[i], plain, 403, "admin_only");
        json_decref(ask("GET", gets[i], NULL, 401));
    }
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        json_decref(ask("POST", posts[i], plain, 403));
        json_decref(ask("POST", posts[i], NULL, 401));
        json_decref(ask("GET", posts[i], admin, 405));
    }
}

static void models_are_shown(void **state) {
    (void)state;
    json_t *m = model("other");
    assert_string_equal(field_text(m, "state"), "loaded");
    assert_string_equal(field_text(m, "family"), "llama");
    assert_string_equal(field_text(m, "file"), "other.gguf");
    assert_int_equal(strlen(field_text(m, "sha256")), 64);
    assert_int_equal(field_int(m, "context"), 1024);
    assert_int_equal(field_int(m, "sessions"), 2);
    assert_true(field_int(m, "weights_bytes") > 0);
    assert_true(field_int(m, "kv_bytes") > 0);
    assert_true(field_int(m, "file_bytes") > 0);
    json_decref(m);
    json_decref(ask("POST", "/admin/models/nothing/load", admin, 404));
    json_decref(ask("POST", "/admin/models//load", admin, 404));
    order("test", "load", 200); /* it is already */
}

static size_t n_listed(void) {
    json_t *j = ask("GET", "/v1/models", admin, 200);
    size_t n = json_array_size(json_object_get(j, "data"));
    json_decref(j);
    return n;
}

/* Out and in again: the same file gives the same bytes. */
static void out_and_in(void **state) {
    (void)state;
    char *before = answer("other", 20);
    assert_int_equal(n_listed(), 2);
    move("other", "unload?drain=1", "unloaded");
    assert_int_equal(n_listed(), 1);
    refused("other", 404, "model_not_loaded");
    json_decref(ask("GET", "/v1/models/other", admin, 404));
    refused("another", 404, "model_not_found");
    json_t *m = model("other");
    assert_null(json_object_get(m, "weights_bytes"));
    assert_int_equal(strlen(field_text(m, "sha256")), 64); /* as it was */
    json_decref(m);
    order("other", "unload", 200);
    move("other", "load", "loaded");
    char *after = answer("other", 20);
    assert_string_equal(before, after);
    m = model("other");
    assert_true(json_is_null(json_object_get(m, "sha256_before")));
    json_decref(m);
    free(before);
    free(after);
}

struct asking {
    const char *name;
    int n;
    char body[BODY_MAX];
    struct http_aside aside;
};

/* Begins an answer; behind it, it runs, or has ended already where this thread was not given its turn. */
static void begin(struct asking *a) {
    struct test_wait w = {0};
    bool runs = false;
    completion(a->name, a->n, a->body);
    a->aside = (struct http_aside){.socket_path = bed.socket, .url = "/v1/completions", .key = admin, .body = a->body};
    http_aside_begin(&a->aside);
    do {
        json_t *m = model(a->name);
        runs = field_int(m, "running") > 0;
        json_decref(m);
    } while (!runs && !atomic_load(&a->aside.done) && test_wait(&w));
    if (!runs && !atomic_load(&a->aside.done)) fail_msg("%s does not run", a->name);
}

/* The end of what was begun: its text, NULL when it was refused with 503. */
static char *end(struct asking *a) {
    http_aside_end(&a->aside);
    char *text = text_of(&a->aside.reply);
    if (!text) assert_int_equal(a->aside.reply.status, 503);
    http_reply_free(&a->aside.reply);
    return text;
}

static void ends_as(struct asking *a, const char *alone) {
    char *text = end(a);
    assert_non_null(text);
    assert_string_equal(text, alone); /* to its own end */
    free(text);
}

/* Unloads a model while it answers. What is said while it is in use can only be seen while it is: false when the answer
 * ended before all was asked. */
static bool unload_in_use(const char *alone, const char *long_alone) {
    struct asking a = {.name = "test", .n = 900}, b = {.name = "other", .n = 900};
    begin(&b);
    begin(&a);
    int first = orders("test", "unload"), busy = 0;
    if (first == 409) {
        order("test", "unload?drain=1", 202);
        refused("test", 404, "model_not_loaded");
        busy = orders("test", "load");
    }
    assert_true(first == 409 || first == 202);
    assert_true(busy == 0 || busy == 409 || busy == 202);
    ends_as(&a, alone);
    if (busy != 202) {
        json_decref(wait_for("test", "unloaded"));
        order("test", "load", 202);
    }
    json_decref(wait_for("test", "loaded"));
    ends_as(&b, long_alone);
    return busy == 409;
}

/* A model that answers is not taken away; with drain it is when it has ended; others go on undisturbed. */
static void in_use(void **state) {
    (void)state;
    char *alone = answer("test", 900), *long_alone = answer("other", 900);
    bool seen = false;
    for (int i = 0; i < TRIES && !seen; i++) seen = unload_in_use(alone, long_alone);
    assert_true(seen);
    free(alone);
    free(long_alone);
}

/* Past the time to drain, what runs is ended. */
static void drain_has_an_end(void **state) {
    (void)state;
    struct asking a = {.name = "test", .n = 900};
    char *alone = answer("test", 900);
    serve_bed_stop(&bed);
    bed.config.limits.drain_ms = 1;
    serve_bed_start(&bed);
    begin(&a);
    move("test", "unload?drain=1", "unloaded");
    char *text = end(&a);
    assert_true(!text || strncmp(alone, text, strlen(text)) == 0);
    free(text);
    free(alone);
    move("test", "load", "loaded");
    serve_bed_stop(&bed);
    bed.config.limits.drain_ms = 30000;
    serve_bed_start(&bed);
}

static void files_that_change(void **state) {
    (void)state;
    char *before = answer("other", 20);
    move("other", "unload?drain=1", "unloaded");
    unlink(other_path);
    move("other", "load", "failed");
    json_t *m = model("other");
    assert_non_null(strstr(field_text(m, "error"), "other.gguf"));
    json_decref(m);
    refused("other", 404, "model_not_loaded");
    free(answer("test", 2)); /* nobody else is disturbed */
    make_other(6);
    move("other", "load", "loaded");
    m = model("other");
    assert_int_equal(strlen(field_text(m, "sha256_before")), 64);
    assert_true(json_is_null(json_object_get(m, "error")));
    json_decref(m);
    char *after = answer("other", 20);
    assert_string_not_equal(before, after);
    free(before);
    free(after);
    move("other", "unload?drain=1", "unloaded");
    FILE *f = fopen(other_path, "w"); /* not before: what is loaded is mapped */
    assert_non_null(f);
    fputs("no model", f);
    fclose(f);
    move("other", "load", "failed");
    order("other", "unload", 200); /* the error is seen */
    json_decref(wait_for("other", "unloaded"));
    make_other(5);
    move("other", "load", "loaded");
}

static uint64_t bytes_of(const char *name) {
    json_t *m = model(name);
    uint64_t n = (uint64_t)(field_int(m, "weights_bytes") + field_int(m, "kv_bytes"));
    json_decref(m);
    return n;
}

/* A budget for one of two, of which none is loaded at the start. */
static void memory_budget(void **state) {
    (void)state;
    uint64_t test = bytes_of("test"), other = bytes_of("other");
    serve_bed_stop(&bed);
    bed.config.memory_bytes = (test > other ? test : other) + 4096;
    bed.config.models[0].load = bed.config.models[1].load = false;
    serve_bed_start(&bed);
    assert_int_equal(n_listed(), 0);
    refused("test", 404, "model_not_loaded");
    json_t *m = model("test");
    assert_true(field_int(m, "file_bytes") > 0);
    json_decref(m);
    move("test", "load", "loaded");
    free(answer("test", 3));
    move("other", "load", "failed");
    m = model("other");
    assert_non_null(strstr(field_text(m, "error"), "memory budget"));
    json_decref(m);
    move("test", "unload?drain=1", "unloaded");
    move("other", "load", "loaded");
    free(answer("other", 3));
    serve_bed_stop(&bed);
    bed.config.memory_bytes = 0;
    bed.config.models[0].load = bed.config.models[1].load = true;
    serve_bed_start(&bed);
}

/* ---- keys ---- */

static json_t *post(const char *url, const char *key, const char *body, int status) {
    struct http_reply r;
    http_ask(bed.socket, "POST", url, key, body, strlen(body), &r);
    if (r.status != status) fail_msg("%s %s: %d %s", url, body, r.status, buf_view(&r.body).p);
    assert_true(status == 401 || status == 405 || str_eq(http_header(&r, "cache-control"), STR("no-store")));
    json_t *j = http_json(&r);
    http_reply_free(&r);
    return j;
}

static json_t *key_of(long long id) {
    json_t *all = ask("GET", "/admin/keys", admin, 200), *one, *found = NULL;
    size_t i;
    json_array_foreach(json_object_get(all, "keys"), i, one) {
        assert_null(json_object_get(one, "key"));
        assert_null(json_object_get(one, "hash"));
        if (json_integer_value(json_object_get(one, "id")) == id) found = json_incref(one);
    }
    json_decref(all);
    return found;
}

/* Made, shown once, good at once, revoked, bad at once. */
static void keys_come_and_go(void **state) {
    (void)state;
    char secret[GATE_SECRET], url[64];
    json_decref(post("/admin/keys", plain, "{\"tenant\":\"법무부\"}", 403));
    json_t *j = post("/admin/keys", admin, "{\"tenant\":\"감사실\",\"name\":\"노트북\",\"expires_days\":30}", 200);
    long long id = field_int(j, "id");
    snprintf(secret, sizeof secret, "%s", field_text(j, "key"));
    assert_int_equal(strlen(secret), GATE_SECRET - 1);
    assert_false(field_true(j, "admin"));
    assert_int_equal(field_int(j, "expires") - field_int(j, "created"), 30 * 86400);
    json_decref(j);
    j = ask("GET", "/whoami", secret, 200);
    assert_true(field_is(j, "tenant", "감사실") && field_is(j, "key", "노트북"));
    assert_int_equal(field_int(j, "key_id"), id);
    json_decref(j);
    json_decref(ask("GET", "/admin/keys", secret, 403));
    j = key_of(id);
    assert_true(field_is(j, "state", "active") && field_is(j, "tenant", "감사실"));
    json_decref(j);
    json_decref(post("/admin/keys", admin, "{\"tenant\":\"감사실\",\"name\":\"노트북\"}", 409));
    snprintf(url, sizeof url, "/admin/keys/%lld/revoke", id);
    j = post(url, admin, "", 200);
    assert_string_equal(field_text(j, "state"), "revoked");
    json_decref(j);
    json_decref(ask("GET", "/whoami", secret, 403));
    json_decref(post(url, admin, "", 200)); /* again: nothing new */
    j = key_of(id);
    assert_string_equal(field_text(j, "state"), "revoked");
    json_decref(j);
    j = post("/admin/keys", admin, "{\"tenant\":\"감사실\",\"admin\":true}", 200);
    assert_true(field_true(j, "admin"));
    snprintf(secret, sizeof secret, "%s", field_text(j, "key"));
    json_decref(j);
    json_decref(ask("GET", "/admin/keys", secret, 200));
}

static void bad_keys(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"tenant\":\"\"}",
        "{\"tenant\":7}",
        "{\"tenant\":\"a\\\"b\"}",
        "{\"tenant\":\"a\\nb\"}",
        "{\"tenant\":\"a\\u0000b\"}",
        "{\"tenant\":\" a\"}",
        "{\"tenant\":\"a\",\"name\":\"\\u202e\"}",
        "{\"tenant\":\"a\",\"admin\":\"yes\"}",
        "{\"tenant\":\"a\",\"expires_days\":0}",
        "{\"tenant\":\"0123456789012345678901234567890123456789012345678901234567890123\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) json_decref(post("/admin/keys", admin, bodies[i], 400));
    json_decref(post("/admin/keys/999999/revoke", admin, "", 404));
    json_decref(post("/admin/keys/x/revoke", admin, "", 404));
    json_decref(post("/admin/keys/99999999999999999999/revoke", admin, "", 404));
    json_t *me = ask("GET", "/whoami", admin, 200);
    char url[64];
    snprintf(url, sizeof url, "/admin/keys/%lld/revoke", (long long)field_int(me, "key_id"));
    refuses("POST", url, admin, 409, "own_key");
    json_decref(me);
}

/* ---- usage ---- */

static long long total(const char *url, const char *key, size_t *n_rows) {
    json_t *j = ask("GET", url, key, 200);
    long long n = field_int(j, "total.requests");
    *n_rows = json_array_size(json_object_get(j, "rows"));
    json_decref(j);
    return n;
}

/* Usage is settled a moment after the client has its answer. */
static void wait_total(const char *url, const char *key, long long n, size_t *rows) {
    struct test_wait w = {0};
    long long have = total(url, key, rows);
    while (have < n && test_wait(&w)) have = total(url, key, rows);
    assert_int_equal(have, n);
}

static void one_answer(const char *key) {
    const char *body = "{\"model\":\"test\",\"prompt\":\"a\",\"max_tokens\":2}";
    json_decref(http_expect(bed.socket, "POST", "/v1/completions", key, body, 200));
}

static int64_t today(void) {
    return clock_unix_s(clock_system()) / 86400;
}

/* What was used shows at once; an ordinary key sees its tenant's only. */
static void usage_is_shown(void **state) {
    (void)state;
    size_t rows;
    int64_t day = today();
    long long before = total("/admin/usage", admin, &rows), own = total("/usage", plain, &rows);
    one_answer(plain);
    one_answer(plain);
    one_answer(admin);
    wait_total("/usage", plain, own + 2, &rows);
    if (today() == day) assert_int_equal(rows, 1);
    wait_total("/admin/usage", admin, before + 3, &rows);
    assert_int_equal(total("/usage?tenant=%EC%9A%B4%EC%98%81", plain, &rows), own + 2); /* its own whatever it says */
    assert_int_equal(total("/admin/usage?tenant=%EB%B2%95%EB%AC%B4%EB%B6%80", admin, &rows), own + 2);
    assert_int_equal(total("/admin/usage?by=day", admin, &rows), before + 3);
    if (today() == day) assert_int_equal(rows, 1);
    total("/admin/usage?by=key", admin, &rows);
    assert_true(rows >= 2);
    assert_int_equal(total("/admin/usage?from=2001-01-01&to=2001-02-01", admin, &rows), 0);
    static const char *const bad[] = {
        "from=1", "to=2026-13-01", "by=all", "by=", "by=day,", "format=xml", "from=2026-02-01&to=2026-01-01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char url[96];
        snprintf(url, sizeof url, "/admin/usage?%s", bad[i]);
        json_decref(ask("GET", url, admin, 400));
    }
    json_decref(ask("GET", "/admin/usage?tenant=nobody", admin, 404));
    struct http_reply r;
    http_ask(bed.socket, "GET", "/usage?by=tenant,model&format=csv", plain, NULL, 0, &r);
    assert_true(str_eq(http_header(&r, "content-type"), STR("text/csv; charset=utf-8")));
    char want[256];
    snprintf(want, sizeof want,
             "tenant,model,requests,prompt_tokens,cached_tokens,answer_tokens,energy_j\n\"법무부\",\"test\",%lld,",
             own + 2);
    assert_memory_equal(r.body.p, want, strlen(want));
    http_reply_free(&r);
}

/* ---- many at once ---- */

struct crowd {
    const char *name, *expected;
    atomic_bool stop;
    atomic_uint answered, refused, wrong;
};

static void *crowd_thread(void *arg) {
    struct crowd *c = arg;
    char body[BODY_MAX];
    completion(c->name, 12, body);
    while (!atomic_load(&c->stop)) {
        struct http_reply r;
        http_ask(bed.socket, "POST", "/v1/completions", admin, body, strlen(body), &r);
        char *text = text_of(&r);
        json_t *j = text ? NULL : http_try_json(&r);
        bool right = text ? strcmp(text, c->expected) == 0 : field_is(j, "error.code", "model_not_loaded");
        atomic_fetch_add(text ? &c->answered : &c->refused, 1);
        if (!right) atomic_fetch_add(&c->wrong, 1);
        json_decref(j);
        free(text);
        http_reply_free(&r);
    }
    return NULL;
}

/* Clients of one model that comes and goes, and of one that stays. */
static void crowds(void **state) {
    (void)state;
    enum { THREADS = 3, ROUNDS = 12 };
    pthread_t goes[THREADS], stays[THREADS];
    char *a = answer("other", 12), *b = answer("test", 12);
    struct crowd go = {.name = "other", .expected = a}, stay = {.name = "test", .expected = b};
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&goes[i], NULL, crowd_thread, &go), 0);
        assert_int_equal(pthread_create(&stays[i], NULL, crowd_thread, &stay), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        unsigned before = atomic_load(&go.answered);
        move("other", "unload?drain=1", "unloaded");
        move("other", "load", "loaded");
        struct test_wait w = {0};
        while ((atomic_load(&go.answered) == before || !atomic_load(&stay.answered)) && test_wait(&w)) continue;
    }
    atomic_store(&go.stop, true);
    atomic_store(&stay.stop, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(goes[i], NULL);
        pthread_join(stays[i], NULL);
    }
    print_message("# came and went: %u answers, %u refused; stayed: %u answers\n", atomic_load(&go.answered),
                  atomic_load(&go.refused), atomic_load(&stay.answered));
    assert_int_equal(atomic_load(&go.wrong) + atomic_load(&stay.wrong) + atomic_load(&stay.refused), 0);
    assert_true(atomic_load(&go.answered) >= ROUNDS && atomic_load(&stay.answered) > 0);
    free(a);
    free(b);
}

/* The server ends while a model is being loaded or unloaded. */
static void stop_in_the_middle(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        order("other", "unload?drain=1", 202);
        if (i % 2) json_decref(wait_for("other", "unloaded"));
        if (i % 2) order("other", "load", 202);
        serve_bed_stop(&bed);
        serve_bed_start(&bed);
    }
}

static void without_keys(void **state) {
    (void)state;
    serve_bed_stop(&bed);
    bed.config.keys = false;
    serve_bed_start(&bed);
    json_t *j = ask("GET", "/whoami", NULL, 200);
    assert_string_equal(field_text(j, "tenant"), "local");
    assert_true(field_true(j, "admin"));
    json_decref(j);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoami),
        cmocka_unit_test(state_scopes),
        cmocka_unit_test(ordinary_keys_may_not),
        cmocka_unit_test(models_are_shown),
        cmocka_unit_test(out_and_in),
        cmocka_unit_test(in_use),
        cmocka_unit_test(drain_has_an_end),
        cmocka_unit_test(files_that_change),
        cmocka_unit_test(memory_budget),
        cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(bad_keys),
        cmocka_unit_test(usage_is_shown),
        cmocka_unit_test(crowds),
        cmocka_unit_test(stop_in_the_middle),
        cmocka_unit_test(without_keys),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
