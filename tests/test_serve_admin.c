/* Who may do what: keys of tenants and of administrators, over HTTP. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_client.h"
#include "make_model.h"
#include "serve/gate_db.h"
#include "serve_bed.h"

enum { WAIT_MS = 20000, BODY_MAX = 4096 };

static struct serve_bed bed;
static char admin[GATE_SECRET], plain[GATE_SECRET], other_path[96];

/* A key of a tenant, made beside the server as by `sillok key add`. */
static void add_key(const char *tenant, uint8_t byte, bool is_admin, const char *models, char secret[GATE_SECRET]) {
    struct gate_db *db = NULL;
    struct sil_error e = {0};
    struct gate_tenant t = {.weight = 1};
    struct gate_key k = {.created = 1, .admin = is_admin};
    uint8_t random[GATE_RANDOM];
    uint64_t id;
    memset(random, byte, sizeof random);
    snprintf(t.name, sizeof t.name, "%s", tenant);
    snprintf(k.name, sizeof k.name, "key");
    if (models) {
        t.own = GATE_OWN_MODELS | GATE_OWN_DAY;
        t.rates.tokens_day = 5000;
        snprintf(t.models, sizeof t.models, "%s", models);
    }
    gate_secret_text(random, secret);
    assert_int_equal(gate_db_open(bed.state, true, &db, &e), SIL_OK);
    assert_int_equal(gate_db_tenant_put(db, &t, 0, 1, &k.tenant, &e), SIL_OK);
    assert_true(gate_secret_hash(str_of(secret), gate_db_salt(db), k.hash));
    assert_int_equal(gate_db_key_add(db, &k, &id, &e), SIL_OK);
    gate_db_close(db);
}

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
    add_key("운영", 1, true, NULL, admin);
    add_key("법무부", 2, false, "test\nthird", plain);
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
    struct http_reply r;
    http_ask(bed.socket, method, url, key, NULL, 0, &r);
    if (r.status != status) fail_msg("%s %s: %d %s", method, url, r.status, buf_view(&r.body).p);
    json_t *j = http_json(&r);
    http_reply_free(&r);
    return j;
}

static void whoami(void **state) {
    (void)state;
    json_decref(ask("GET", "/whoami", NULL, 401));
    json_t *j = ask("GET", "/whoami", plain, 200);
    assert_string_equal(json_string_value(json_object_get(j, "tenant")), "법무부");
    assert_string_equal(json_string_value(json_object_get(j, "key")), "key");
    assert_true(json_is_false(json_object_get(j, "admin")));
    const json_t *models = json_object_get(j, "models"), *limits = json_object_get(j, "limits");
    assert_int_equal(json_array_size(models), 1); /* those that there are, of those allowed */
    assert_string_equal(json_string_value(json_array_get(models, 0)), "test");
    assert_int_equal(json_integer_value(json_object_get(limits, "tokens_per_day")), 5000);
    assert_true(json_is_null(json_object_get(limits, "requests_per_minute")));
    assert_int_equal(json_integer_value(json_object_get(j, "tokens_today")), 0);
    json_decref(j);
    j = ask("GET", "/whoami", admin, 200);
    assert_true(json_is_true(json_object_get(j, "admin")));
    json_decref(j);
}

/* The last hour's numbers: everything for administrators, the own tenant's for others. */
static void state_scopes(void **state) {
    (void)state;
    static const char body[] = "{\"model\":\"test\",\"prompt\":\"ab\",\"max_tokens\":4,\"ignore_eos\":true}";
    struct http_reply r;
    http_ask(bed.socket, "POST", "/v1/completions", plain, body, sizeof body - 1, &r);
    assert_int_equal(r.status, 200);
    http_reply_free(&r);
    json_t *j = ask("GET", "/admin/state", plain, 403);
    assert_string_equal(json_string_value(json_object_get(json_object_get(j, "error"), "code")), "admin_only");
    json_decref(j);
    json_decref(ask("GET", "/state", NULL, 401));
    json_decref(ask("GET", "/metrics", plain, 403));
    http_ask(bed.socket, "GET", "/metrics", admin, NULL, 0, &r);
    assert_int_equal(r.status, 200);
    http_reply_free(&r);
    /* Accounts are settled behind the answer's last byte. */
    j = ask("GET", "/state", plain, 200);
    for (int i = 0; i < 500 && json_integer_value(json_object_get(json_object_get(j, "minutes"), "requests")) == 0;
         i++) {
        json_decref(j);
        usleep(10000);
        j = ask("GET", "/state", plain, 200);
    }
    assert_string_equal(json_string_value(json_object_get(j, "tenant")), "법무부");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "minutes"), "requests")), 1);
    assert_null(json_object_get(j, "models"));
    json_decref(j);
    j = ask("GET", "/state", admin, 200); /* a tenant as others, there */
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "minutes"), "requests")), 0);
    json_decref(j);
    j = ask("GET", "/admin/state?after=0", admin, 200);
    const json_t *tenant = json_array_get(json_object_get(j, "tenants"), 0);
    assert_string_equal(json_string_value(json_object_get(tenant, "tenant")), "법무부");
    assert_int_equal(json_integer_value(json_object_get(tenant, "answer_tokens")), 4);
    assert_int_equal(json_array_size(json_object_get(j, "models")), bed.config.n_models);
    json_decref(j);
}

/* ---- models ---- */

static json_t *model(const char *name) {
    json_t *all = ask("GET", "/admin/models", admin, 200), *one;
    size_t i;
    json_array_foreach(json_object_get(all, "models"), i, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), name) != 0) continue;
        json_incref(one);
        json_decref(all);
        return one;
    }
    fail_msg("no model %s", name);
    return NULL;
}

static bool has(const json_t *o, const char *key, const char *text) {
    const char *v = json_string_value(json_object_get(o, key));
    return v && strcmp(v, text) == 0;
}

/* Waits for a state; the model as it then is, the caller's. */
static json_t *wait_for(const char *name, const char *state) {
    const struct timespec nap = {.tv_nsec = 5000000};
    for (int i = 0; i < WAIT_MS / 5; i++) {
        json_t *m = model(name);
        if (has(m, "state", state)) return m;
        json_decref(m);
        nanosleep(&nap, NULL);
    }
    fail_msg("%s is not %s in time", name, state);
    return NULL;
}

static void order(const char *name, const char *verb, int status) {
    char url[128];
    snprintf(url, sizeof url, "/admin/models/%s/%s", name, verb);
    json_decref(ask("POST", url, admin, status));
}

/* A load or an unload, to its end. */
static void move(const char *name, const char *verb, const char *state) {
    order(name, verb, 202);
    json_decref(wait_for(name, state));
}

static int complete(const char *name, int n, struct http_reply *r) {
    char body[BODY_MAX];
    snprintf(body, sizeof body,
             "{\"model\":\"%s\",\"prompt\":\"전력\",\"seed\":3,\"max_tokens\":%d,\"ignore_eos\":true}", name, n);
    http_ask(bed.socket, "POST", "/v1/completions", admin, body, strlen(body), r);
    return r->status;
}

/* The text of an answer, the caller's. */
static char *text_of(const struct http_reply *r) {
    json_t *j = http_json(r);
    char *text = strdup(json_string_value(json_object_get(json_array_get(json_object_get(j, "choices"), 0), "text")));
    json_decref(j);
    return text;
}

static char *answer(const char *name, int n) {
    struct http_reply r;
    if (complete(name, n, &r) != 200) fail_msg("%d %s", r.status, buf_view(&r.body).p);
    char *text = text_of(&r);
    http_reply_free(&r);
    return text;
}

static void refused(const char *name, int status, const char *code) {
    struct http_reply r;
    if (complete(name, 4, &r) != status) fail_msg("%d %s", r.status, buf_view(&r.body).p);
    json_t *j = http_json(&r);
    assert_true(has(json_object_get(j, "error"), "code", code));
    json_decref(j);
    http_reply_free(&r);
}

static void ordinary_keys_may_not(void **state) {
    (void)state;
    static const char *const gets[] = {"/admin/models", "/admin/keys", "/admin/usage"};
    static const char *const posts[] = {"/admin/models/test/load", "/admin/models/test/unload", "/admin/keys/1/revoke"};
    for (size_t i = 0; i < sizeof gets / sizeof *gets; i++) {
        json_t *j = ask("GET", gets[i], plain, 403);
        assert_true(has(json_object_get(j, "error"), "code", "admin_only"));
        json_decref(j);
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
    assert_true(has(m, "state", "loaded"));
    assert_true(has(m, "family", "llama"));
    assert_true(has(m, "file", "other.gguf"));
    assert_int_equal(strlen(json_string_value(json_object_get(m, "sha256"))), 64);
    assert_int_equal(json_integer_value(json_object_get(m, "context")), 1024);
    assert_int_equal(json_integer_value(json_object_get(m, "sessions")), 2);
    assert_true(json_integer_value(json_object_get(m, "weights_bytes")) > 0);
    assert_true(json_integer_value(json_object_get(m, "kv_bytes")) > 0);
    assert_true(json_integer_value(json_object_get(m, "file_bytes")) > 0);
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
    assert_int_equal(strlen(json_string_value(json_object_get(m, "sha256"))), 64); /* as it was */
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
    int n, status;
    char *text;
};

static void *ask_thread(void *arg) {
    struct asking *a = arg;
    struct http_reply r;
    a->status = complete(a->name, a->n, &r);
    a->text = a->status == 200 ? text_of(&r) : NULL;
    http_reply_free(&r);
    return NULL;
}

static void begin(pthread_t *t, struct asking *a) {
    const struct timespec nap = {.tv_nsec = 2000000};
    assert_int_equal(pthread_create(t, NULL, ask_thread, a), 0);
    for (int i = 0; i < WAIT_MS / 2; i++) { /* until it runs */
        json_t *m = model(a->name);
        bool runs = json_integer_value(json_object_get(m, "running")) > 0;
        json_decref(m);
        if (runs) return;
        nanosleep(&nap, NULL);
    }
    fail_msg("%s does not run", a->name);
}

/* A model that answers is not taken away; with drain it is when it has ended; others go on undisturbed. */
static void in_use(void **state) {
    (void)state;
    pthread_t t, beside;
    char *alone = answer("test", 600), *long_alone = answer("other", 600);
    struct asking a = {.name = "test", .n = 600}, b = {.name = "other", .n = 600};
    begin(&beside, &b);
    begin(&t, &a);
    json_t *j = ask("POST", "/admin/models/test/unload", admin, 409);
    assert_true(has(json_object_get(j, "error"), "code", "model_in_use"));
    json_decref(j);
    order("test", "unload?drain=1", 202);
    refused("test", 404, "model_not_loaded");
    j = ask("POST", "/admin/models/test/load", admin, 409);
    assert_true(has(json_object_get(j, "error"), "code", "model_busy"));
    json_decref(j);
    pthread_join(t, NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.text, alone); /* to its own end */
    json_decref(wait_for("test", "unloaded"));
    move("test", "load", "loaded");
    pthread_join(beside, NULL);
    assert_string_equal(b.text, long_alone);
    free(a.text);
    free(b.text);
    free(alone);
    free(long_alone);
}

/* Past the time to drain, what runs is ended. */
static void drain_has_an_end(void **state) {
    (void)state;
    pthread_t t;
    struct asking a = {.name = "test", .n = 900};
    char *alone = answer("test", 900);
    serve_bed_stop(&bed);
    bed.config.limits.drain_ms = 1;
    serve_bed_start(&bed);
    begin(&t, &a);
    move("test", "unload?drain=1", "unloaded");
    pthread_join(t, NULL);
    assert_true(a.status == 503 || (a.text && strlen(a.text) <= strlen(alone)));
    free(a.text);
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
    assert_non_null(strstr(json_string_value(json_object_get(m, "error")), "other.gguf"));
    json_decref(m);
    refused("other", 404, "model_not_loaded");
    free(answer("test", 2)); /* nobody else is disturbed */
    make_other(6);
    move("other", "load", "loaded");
    m = model("other");
    assert_int_equal(strlen(json_string_value(json_object_get(m, "sha256_before"))), 64);
    assert_true(json_is_null(json_object_get(m, "error")));
    json_decref(m);
    char *after = answer("other", 20);
    assert_string_not_equal(before, after);
    free(before);
    free(after);
    FILE *f = fopen(other_path, "w");
    move("other", "unload?drain=1", "unloaded");
    fputs("no model", f);
    fclose(f);
    move("other", "load", "failed");
    order("other", "unload", 200); /* the error is seen */
    json_decref(wait_for("other", "unloaded"));
    make_other(5);
    move("other", "load", "loaded");
}

/* A budget for one of two, of which none is loaded at the start. */
static void memory_budget(void **state) {
    (void)state;
    json_t *m = model("test"), *o = model("other");
    uint64_t test = (uint64_t)json_integer_value(json_object_get(m, "weights_bytes")) +
                    (uint64_t)json_integer_value(json_object_get(m, "kv_bytes"));
    uint64_t other = (uint64_t)json_integer_value(json_object_get(o, "weights_bytes")) +
                     (uint64_t)json_integer_value(json_object_get(o, "kv_bytes"));
    json_decref(m);
    json_decref(o);
    serve_bed_stop(&bed);
    bed.config.memory_bytes = (test > other ? test : other) + 4096;
    bed.config.models[0].load = bed.config.models[1].load = false;
    serve_bed_start(&bed);
    assert_int_equal(n_listed(), 0);
    refused("test", 404, "model_not_loaded");
    m = model("test");
    assert_true(json_integer_value(json_object_get(m, "file_bytes")) > 0);
    json_decref(m);
    move("test", "load", "loaded");
    free(answer("test", 3));
    move("other", "load", "failed");
    m = model("other");
    assert_non_null(strstr(json_string_value(json_object_get(m, "error")), "memory budget"));
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
    long long id = json_integer_value(json_object_get(j, "id"));
    snprintf(secret, sizeof secret, "%s", json_string_value(json_object_get(j, "key")));
    assert_int_equal(strlen(secret), GATE_SECRET - 1);
    assert_true(json_is_false(json_object_get(j, "admin")));
    assert_int_equal(json_integer_value(json_object_get(j, "expires")) -
                         json_integer_value(json_object_get(j, "created")),
                     30 * 86400);
    json_decref(j);
    j = ask("GET", "/whoami", secret, 200);
    assert_true(has(j, "tenant", "감사실") && has(j, "key", "노트북"));
    assert_int_equal(json_integer_value(json_object_get(j, "key_id")), id);
    json_decref(j);
    json_decref(ask("GET", "/admin/keys", secret, 403));
    j = key_of(id);
    assert_true(has(j, "state", "active") && has(j, "tenant", "감사실"));
    json_decref(j);
    json_decref(post("/admin/keys", admin, "{\"tenant\":\"감사실\",\"name\":\"노트북\"}", 409));
    snprintf(url, sizeof url, "/admin/keys/%lld/revoke", id);
    j = post(url, admin, "", 200);
    assert_true(has(j, "state", "revoked"));
    json_decref(j);
    json_decref(ask("GET", "/whoami", secret, 403));
    json_decref(post(url, admin, "", 200)); /* again: nothing new */
    j = key_of(id);
    assert_true(has(j, "state", "revoked"));
    json_decref(j);
    j = post("/admin/keys", admin, "{\"tenant\":\"감사실\",\"admin\":true}", 200);
    assert_true(json_is_true(json_object_get(j, "admin")));
    snprintf(secret, sizeof secret, "%s", json_string_value(json_object_get(j, "key")));
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
    snprintf(url, sizeof url, "/admin/keys/%lld/revoke", (long long)json_integer_value(json_object_get(me, "key_id")));
    json_t *j = post(url, admin, "", 409);
    assert_true(has(json_object_get(j, "error"), "code", "own_key"));
    json_decref(j);
    json_decref(me);
}

/* ---- usage ---- */

static long long total(const char *url, const char *key, size_t *n_rows) {
    json_t *j = ask("GET", url, key, 200);
    long long n = json_integer_value(json_object_get(json_object_get(j, "total"), "requests"));
    *n_rows = json_array_size(json_object_get(j, "rows"));
    json_decref(j);
    return n;
}

/* Usage is settled a moment after the client has its answer. */
static void wait_total(const char *url, const char *key, long long n, size_t *rows) {
    const struct timespec nap = {.tv_nsec = 2000000};
    long long have = total(url, key, rows);
    for (int i = 0; i < WAIT_MS / 2 && have < n; i++) {
        nanosleep(&nap, NULL);
        have = total(url, key, rows);
    }
    assert_int_equal(have, n);
}

static void one_answer(const char *key) {
    struct http_reply r;
    const char *body = "{\"model\":\"test\",\"prompt\":\"a\",\"max_tokens\":2}";
    http_ask(bed.socket, "POST", "/v1/completions", key, body, strlen(body), &r);
    assert_int_equal(r.status, 200);
    http_reply_free(&r);
}

/* What was used shows at once; an ordinary key sees its tenant's only. */
static void usage_is_shown(void **state) {
    (void)state;
    size_t rows;
    long long before = total("/admin/usage", admin, &rows), own = total("/usage", plain, &rows);
    one_answer(plain);
    one_answer(plain);
    one_answer(admin);
    wait_total("/usage", plain, own + 2, &rows);
    assert_int_equal(rows, 1);
    wait_total("/admin/usage", admin, before + 3, &rows);
    assert_int_equal(total("/usage?tenant=%EC%9A%B4%EC%98%81", plain, &rows), own + 2); /* its own whatever it says */
    assert_int_equal(total("/admin/usage?tenant=%EB%B2%95%EB%AC%B4%EB%B6%80", admin, &rows), own + 2);
    assert_int_equal(total("/admin/usage?by=day", admin, &rows), before + 3);
    assert_int_equal(rows, 1);
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
    while (!atomic_load(&c->stop)) {
        struct http_reply r;
        int status = complete(c->name, 12, &r);
        if (status == 200) {
            char *text = text_of(&r);
            if (strcmp(text, c->expected) != 0) atomic_fetch_add(&c->wrong, 1);
            atomic_fetch_add(&c->answered, 1);
            free(text);
        } else {
            json_t *j = http_json(&r);
            if (!has(json_object_get(j, "error"), "code", "model_not_loaded")) atomic_fetch_add(&c->wrong, 1);
            atomic_fetch_add(&c->refused, 1);
            json_decref(j);
        }
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
        const struct timespec nap = {.tv_nsec = 2000000};
        for (int k = 0; k < WAIT_MS / 2 && atomic_load(&go.answered) == before; k++) nanosleep(&nap, NULL);
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
    assert_string_equal(json_string_value(json_object_get(j, "tenant")), "local");
    assert_true(json_is_true(json_object_get(j, "admin")));
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
