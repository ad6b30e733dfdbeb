/* Who may do what: keys of tenants and of administrators, over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http_client.h"
#include "serve/gate_db.h"
#include "serve_bed.h"

static struct serve_bed bed;
static char admin[GATE_SECRET], plain[GATE_SECRET];

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

static int start(void **state) {
    (void)state;
    serve_bed_open(&bed);
    bed.config.keys = true;
    add_key("운영", 1, true, NULL, admin);
    add_key("법무부", 2, false, "test\nother", plain);
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
        cmocka_unit_test(without_keys),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
