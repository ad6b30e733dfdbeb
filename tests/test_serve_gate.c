/* Keys, limits, usage: with a clock that the test moves, beside another process' changes, with a full disk. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>

#include "serve/catalog.h"
#include "serve/gate_impl.h"
#include "support.h"

enum { DAY_S = 86400, START_S = 1795354629 };

struct bed {
    char folder[256];
    struct config config;
    uint64_t ns;
    int64_t unix_s;
    struct gate *gate;
    struct gate_db *db; /* another process' */
    struct config_model models[2];
    struct catalog_model catalog[2];
};
static struct bed bed;

static uint64_t bed_ns(void *ctx) {
    return ((struct bed *)ctx)->ns;
}
static int64_t bed_unix(void *ctx) {
    return ((struct bed *)ctx)->unix_s;
}
static struct clock bed_clock(void) {
    return (struct clock){.now_ns = bed_ns, .unix_s = bed_unix, .ctx = &bed};
}

static void pass_ms(uint64_t ms) {
    bed.ns += ms * 1000000;
}

static void open_gate(void) {
    struct sil_error e = {0};
    if (gate_open_mem(mem_libc(), &bed.config, bed_clock(), false, &bed.gate, &e) != SIL_OK) fail_msg("%s", e.text);
}

static int setup(void **state) {
    (void)state;
    memset(&bed, 0, sizeof bed);
    snprintf(bed.folder, sizeof bed.folder, "%s", test_folder());
    config_default(&bed.config);
    bed.config.state = bed.folder;
    bed.ns = 5000000000;
    bed.unix_s = START_S;
    for (int i = 0; i < 2; i++) {
        bed.models[i].name = i ? "other" : "guide";
        bed.catalog[i].config = &bed.models[i];
    }
    struct sil_error e = {0};
    if (gate_db_open(bed.folder, true, &bed.db, &e) != SIL_OK) fail_msg("%s", e.text);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char path[300];
    gate_close(bed.gate);
    gate_db_close(bed.db);
    static const char *const names[] = {"keys.db", "keys.db-wal", "keys.db-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", bed.folder, names[i]);
        unlink(path);
    }
    return rmdir(bed.folder);
}

/* A tenant with the limits given (0: none), and a key of it. */
static uint64_t add_key(const char *tenant, struct config_rates rates, const char *name, char secret[GATE_SECRET]) {
    struct sil_error e = {0};
    uint8_t random[GATE_RANDOM];
    uint64_t id = 0, tenant_id = 0;
    struct gate_tenant t = {.rates = rates, .weight = 3};
    struct gate_key k = {.created = START_S};
    t.own = GATE_OWN_REQUESTS | GATE_OWN_TOKENS | GATE_OWN_DAY | GATE_OWN_CONCURRENT | GATE_OWN_WEIGHT;
    snprintf(t.name, sizeof t.name, "%s", tenant);
    if (gate_db_tenant_put(bed.db, &t, 0, START_S, &tenant_id, &e) != SIL_OK) fail_msg("%s", e.text);
    randombytes_buf(random, sizeof random);
    gate_secret_text(random, secret);
    assert_true(gate_secret_hash(str_of(secret), gate_db_salt(bed.db), k.hash));
    k.tenant = tenant_id;
    snprintf(k.name, sizeof k.name, "%s", name);
    if (gate_db_key_add(bed.db, &k, &id, &e) != SIL_OK) fail_msg("%s", e.text);
    return id;
}

/* HTTP status; 200 when the key is good. */
static int authenticate(const char *secret, struct caller *c) {
    struct fault f = {0};
    return gate_authenticate(bed.gate, str_of(secret), c, &f) ? 200 : f.status;
}

static void poll_gate(void) {
    struct sil_error e = {0};
    if (gate_poll(bed.gate, &e) != SIL_OK) fail_msg("%s", e.text);
}

/* One request of n tokens; the fault's status or 200. */
static int admit(struct request *r, const char *secret, uint64_t n, struct fault *f) {
    *r = (struct request){.model = &bed.catalog[0]};
    *f = (struct fault){0};
    if (!gate_authenticate(bed.gate, str_of(secret), &r->caller, f)) return f->status;
    return gate_admit(bed.gate, r, n, f) ? 200 : f->status;
}

static void settle(struct request *r, uint32_t n_prompt, uint32_t n_answer) {
    gate_settle(bed.gate, r, &(struct answer_usage){.n_prompt = n_prompt, .n_answer = n_answer, .energy_j = -1});
}

/* ---- keys ---- */

static void keys(void **state) {
    (void)state;
    char a[GATE_SECRET], b[GATE_SECRET], wrong[GATE_SECRET];
    struct caller c;
    add_key("법무부", (struct config_rates){0}, "laptop", a);
    add_key("b", (struct config_rates){0}, "laptop", b);
    open_gate();
    assert_true(strncmp(a, "sk-sillok-", 10) == 0 && strlen(a) == 53 && strcmp(a, b) != 0);
    assert_int_equal(authenticate(a, &c), 200);
    assert_string_equal(c.tenant_name, "법무부");
    assert_string_equal(c.key_name, "laptop");
    assert_int_equal(c.weight, 3);
    assert_int_equal(c.transcript, TRANSCRIPT_IDS);
    uint64_t tenant = c.tenant;
    assert_int_equal(authenticate(b, &c), 200);
    assert_true(tenant && c.tenant && c.tenant != tenant);
    assert_int_equal(authenticate("", &c), 401);
    assert_int_equal(authenticate("sk-sillok-", &c), 401);
    assert_int_equal(authenticate("' OR 1=1 --", &c), 401);
    for (size_t i = 0; i < strlen(a); i++) { /* every character counts */
        memcpy(wrong, a, sizeof wrong);
        wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
        assert_int_equal(authenticate(wrong, &c), 401);
    }
}

/* What is on disk never holds the key. */
static void only_hashes(void **state) {
    (void)state;
    char a[GATE_SECRET], path[300];
    struct buf b;
    struct stat st;
    add_key("a", (struct config_rates){0}, "k", a);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/keys.db%s", bed.folder, i ? "-wal" : "");
        buf_init(&b, mem_libc(), 1 << 24);
        test_read_file(path, &b);
        assert_null(memmem(b.p, b.n, a + 10, strlen(a) - 10));
        buf_free(&b);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
    }
    snprintf(path, sizeof path, "%s/keys.db-wal", bed.folder);
}

static void revoked_beside_a_running_server(void **state) {
    (void)state;
    char a[GATE_SECRET], b[GATE_SECRET];
    struct caller c;
    struct sil_error e = {0};
    bool was = true;
    uint64_t id = add_key("a", (struct config_rates){0}, "k", a);
    open_gate();
    assert_int_equal(authenticate(a, &c), 200);
    add_key("new", (struct config_rates){0}, "k", b);
    assert_int_equal(authenticate(b, &c), 401);
    poll_gate();
    assert_int_equal(authenticate(b, &c), 200);
    assert_int_equal(gate_db_key_revoke(bed.db, id, bed.unix_s, &was, &e), SIL_OK);
    assert_false(was);
    poll_gate();
    assert_int_equal(authenticate(a, &c), 403);
    assert_int_equal(authenticate(b, &c), 200);
    assert_int_equal(gate_db_key_revoke(bed.db, id, bed.unix_s, &was, &e), SIL_OK);
    assert_true(was);
    assert_int_equal(gate_db_key_revoke(bed.db, 999, bed.unix_s, &was, &e), SIL_ARG);
}

/* The same by the gate's own thread, in real time. */
static void revoked_within_a_second(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct caller c;
    struct sil_error e = {0};
    bool was;
    uint64_t id = add_key("a", (struct config_rates){0}, "k", a);
    assert_int_equal(gate_open(&bed.config, bed_clock(), &bed.gate, &e), SIL_OK);
    assert_int_equal(authenticate(a, &c), 200);
    assert_int_equal(gate_db_key_revoke(bed.db, id, bed.unix_s, &was, &e), SIL_OK);
    struct clock real = clock_system();
    struct test_wait w = {0};
    uint64_t begin = clock_now_ns(real);
    while (authenticate(a, &c) == 200 && test_wait(&w)) continue;
    uint64_t took_ms = (clock_now_ns(real) - begin) / 1000000;
    print_message("# revoked after %llu ms\n", (unsigned long long)took_ms);
    assert_int_equal(authenticate(a, &c), 403);
    assert_true(took_ms < 5000);
}

static void expired_suspended_unknown_model(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct sil_error e = {0};
    struct request r;
    struct fault f;
    uint64_t id;
    add_key("a", (struct config_rates){0}, "k", a);
    open_gate();
    struct gate_tenant t = {.own = GATE_OWN_MODELS | GATE_OWN_TRANSCRIPT, .name = "a", .models = "gui\nguide2\nother"};
    t.transcript = TRANSCRIPT_NONE;
    assert_int_equal(gate_db_tenant_put(bed.db, &t, 0, START_S, &id, &e), SIL_OK);
    poll_gate();
    assert_int_equal(admit(&r, a, 1, &f), 403);
    assert_string_equal(f.code, "model_not_allowed");
    assert_string_equal(f.param, "model");
    assert_int_equal(r.caller.transcript, TRANSCRIPT_NONE);
    assert_int_equal(r.caller.weight, 3); /* what was not given stays */
    snprintf(t.models, sizeof t.models, "other\nguide");
    assert_int_equal(gate_db_tenant_put(bed.db, &t, GATE_OWN_TRANSCRIPT, START_S, &id, &e), SIL_OK);
    poll_gate();
    assert_int_equal(admit(&r, a, 1, &f), 200);
    assert_int_equal(r.caller.transcript, TRANSCRIPT_IDS);
    settle(&r, 0, 0);
    t = (struct gate_tenant){.own = GATE_OWN_SUSPENDED, .name = "a", .suspended = true};
    assert_int_equal(gate_db_tenant_put(bed.db, &t, 0, START_S, &id, &e), SIL_OK);
    poll_gate();
    assert_int_equal(admit(&r, a, 1, &f), 403);
    t.suspended = false;
    assert_int_equal(gate_db_tenant_put(bed.db, &t, 0, START_S, &id, &e), SIL_OK);
    struct gate_key k = {.tenant = id, .name = "short", .created = START_S, .expires = START_S + 10};
    assert_true(gate_secret_hash(str_of("sk-sillok-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), gate_db_salt(bed.db),
                                 k.hash));
    assert_int_equal(gate_db_key_add(bed.db, &k, &id, &e), SIL_OK);
    assert_int_equal(gate_db_key_add(bed.db, &k, &id, &e), SIL_ARG);
    poll_gate();
    struct caller c;
    assert_int_equal(authenticate("sk-sillok-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &c), 200);
    bed.unix_s += 10;
    assert_int_equal(authenticate("sk-sillok-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &c), 403);
}

/* Admin is a property of the key, not of its tenant. */
static void admin_keys(void **state) {
    (void)state;
    char plain[GATE_SECRET];
    static const char admin[] = "sk-sillok-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct sil_error e = {0};
    struct caller c;
    uint64_t id;
    add_key("a", (struct config_rates){.requests_minute = 7}, "plain", plain);
    open_gate();
    assert_int_equal(authenticate(plain, &c), 200);
    assert_false(c.admin);
    struct gate_key k = {.tenant = c.tenant, .name = "boss", .created = START_S, .admin = true};
    assert_true(gate_secret_hash(str_of(admin), gate_db_salt(bed.db), k.hash));
    assert_int_equal(gate_db_key_add(bed.db, &k, &id, &e), SIL_OK);
    poll_gate();
    assert_int_equal(authenticate(admin, &c), 200);
    assert_true(c.admin);
    assert_int_equal(authenticate(plain, &c), 200);
    assert_false(c.admin);
    struct gate_terms terms;
    gate_terms(bed.gate, &c, &terms);
    assert_int_equal(terms.rates.requests_minute, 7);
    assert_false(terms.some_models);
    assert_true(gate_terms_allow(&terms, "whatever"));
}

static sil_err count_row(void *arg, const struct gate_usage *u) {
    struct gate_usage *sum = arg;
    sum->requests += u->requests;
    sum->answer_tokens += u->answer_tokens;
    sum->day++; /* rows */
    return SIL_OK;
}

/* Sums by what is asked, of one tenant or all; one that would take too long is given up. */
static void usage_sums(void **state) {
    (void)state;
    enum { DAYS = 3000, KEYS = 10 };
    static struct gate_usage rows[DAYS * KEYS];
    struct sil_error e = {0};
    char secret[GATE_SECRET];
    add_key("a", (struct config_rates){0}, "k", secret);
    for (size_t i = 0; i < DAYS * KEYS; i++) {
        uint64_t k = i % KEYS;
        rows[i] = (struct gate_usage){.day = (int64_t)(i / KEYS),
                                      .tenant = 1 + k % 2,
                                      .key = k,
                                      .model = "guide",
                                      .requests = 1,
                                      .answer_tokens = k};
    }
    assert_int_equal(gate_db_usage_add(bed.db, rows, DAYS * KEYS, &e), SIL_OK);
    static const struct {
        unsigned by;
        int64_t rows;
    } cases[] = {{USAGE_BY_DAY, DAYS},
                 {USAGE_BY_TENANT, 2},
                 {USAGE_BY_MODEL, 1},
                 {USAGE_BY_KEY | USAGE_BY_TENANT, KEYS},
                 {USAGE_BY_DAY | USAGE_BY_TENANT, 2 * DAYS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_usage sum = {0};
        struct gate_usage_query q = {.by = cases[i].by, .to_day = DAYS, .all = true, .limit = INT32_MAX};
        assert_int_equal(gate_db_usage_sum(bed.db, &q, count_row, &sum, &e), SIL_OK);
        assert_int_equal(sum.day, cases[i].rows);
        assert_int_equal(sum.requests, DAYS * KEYS);
        assert_int_equal(sum.answer_tokens, DAYS * (KEYS * (KEYS - 1) / 2));
        q.all = false;
        q.tenant = 2;
        sum = (struct gate_usage){0};
        assert_int_equal(gate_db_usage_sum(bed.db, &q, count_row, &sum, &e), SIL_OK);
        assert_int_equal(sum.requests, DAYS * KEYS / 2);
    }
    struct gate_usage sum = {0};
    struct gate_usage_query q = {.by = 15, .to_day = DAYS, .all = true, .limit = INT32_MAX, .within_ms = 1};
    assert_int_equal(gate_db_usage_sum(bed.db, &q, count_row, &sum, &e), SIL_LIMIT);
    q.within_ms = 60000;
    assert_int_equal(gate_db_usage_sum(bed.db, &q, count_row, &sum, &e), SIL_OK); /* and none later */
}

/* A file as Sillok made it before there were admin keys. */
static void older_tables(void **state) {
    (void)state;
    char a[GATE_SECRET], path[300];
    struct sil_error e = {0};
    struct caller c;
    sqlite3 *sql;
    add_key("a", (struct config_rates){0}, "k", a);
    gate_db_close(bed.db);
    bed.db = NULL;
    snprintf(path, sizeof path, "%s/keys.db", bed.folder);
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "ALTER TABLE keys DROP COLUMN admin; PRAGMA user_version = 1", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(sql);
    open_gate();
    assert_int_equal(authenticate(a, &c), 200);
    assert_false(c.admin);
    assert_int_equal(gate_db_open(bed.folder, true, &bed.db, &e), SIL_OK); /* a second time there is nothing to do */
    poll_gate();
    assert_int_equal(authenticate(a, &c), 200);
}

static void without_keys(void **state) {
    (void)state;
    struct caller c;
    bed.config.keys = false;
    open_gate();
    assert_int_equal(authenticate("", &c), 200);
    assert_int_equal(authenticate("sk-whatever", &c), 200);
    assert_true(c.tenant == 0);
    assert_string_equal(c.tenant_name, "local");
    assert_true(c.admin);
    struct request r;
    struct fault f;
    assert_int_equal(admit(&r, "", 5, &f), 200);
    settle(&r, 3, 2);
}

/* ---- limits ---- */

static void requests_a_minute(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct request r;
    struct fault f;
    add_key("a", (struct config_rates){.requests_minute = 6}, "k", a);
    open_gate();
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(admit(&r, a, 1, &f), 200);
        assert_int_equal(r.ticket.requests.limit, 6);
        assert_int_equal(r.ticket.requests.remaining, 5 - i);
        assert_int_equal(r.ticket.requests.reset_ms, (i + 1) * 10000);
        assert_int_equal(r.ticket.tokens_rate.limit, 0);
        settle(&r, 1, 0);
    }
    assert_int_equal(admit(&r, a, 1, &f), 429);
    assert_int_equal(f.retry_ms, 10000);
    assert_false(f.do_not_retry);
    assert_string_equal(f.code, "rate_limit_exceeded");
    assert_int_equal(r.ticket.requests.remaining, 0);
    pass_ms(9999);
    assert_int_equal(admit(&r, a, 1, &f), 429);
    assert_int_equal(f.retry_ms, 1);
    pass_ms(1);
    assert_int_equal(admit(&r, a, 1, &f), 200);
    settle(&r, 1, 0);
}

static void tokens_a_minute(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct request r, second;
    struct fault f;
    add_key("a", (struct config_rates){.tokens_minute = 600}, "k", a);
    open_gate();
    assert_int_equal(admit(&r, a, 500, &f), 200);
    assert_int_equal(r.ticket.tokens_rate.remaining, 100);
    assert_int_equal(admit(&second, a, 200, &f), 429);
    assert_int_equal(f.retry_ms, 10000);
    settle(&r, 40, 60); /* 400 come back */
    assert_int_equal(admit(&second, a, 500, &f), 200);
    assert_int_equal(second.ticket.tokens_rate.remaining, 0);
    settle(&second, 100, 400);
    /* More than a minute's worth: when the bucket is full, and on credit. */
    assert_int_equal(admit(&r, a, 1200, &f), 429);
    assert_int_equal(f.retry_ms, 60000);
    pass_ms(60000);
    assert_int_equal(admit(&r, a, 1200, &f), 200);
    settle(&r, 600, 600);
    assert_int_equal(admit(&r, a, 600, &f), 429);
    assert_int_equal(f.retry_ms, 120000);
}

/* Over an hour of greedy clients, at most 61 minutes' worth passes. */
static void bucket_bound(void **state) {
    (void)state;
    struct gate_bucket b = {0};
    uint64_t now = 77, taken = 0, seed = 1;
    gate_bucket_set(&b, 1000, now);
    for (int i = 0; i < 200000 && now < UINT64_C(3600) * 1000000000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t n = 1 + (seed >> 40) % 300;
        if (gate_bucket_wait(&b, n, now) == 0) {
            gate_bucket_take(&b, n);
            taken += n;
        }
        now += (seed >> 33) % 40000000;
    }
    assert_true(taken <= 61 * 1000);
    assert_true(taken >= 59 * 1000);
}

static void clocks_that_jump(void **state) {
    (void)state;
    struct gate_bucket b = {0};
    gate_bucket_set(&b, 60, 1000000000000);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(gate_bucket_wait(&b, 1, 1000000000000), 0);
        gate_bucket_take(&b, 1);
    }
    assert_int_equal(gate_bucket_wait(&b, 1, 5), 1000); /* back: nothing comes, nothing is lost */
    assert_int_equal(gate_bucket_wait(&b, 1, 1000000005), 0);
    assert_int_equal(gate_bucket_wait(&b, 61, UINT64_MAX), 0); /* far ahead: full, no more */
    assert_int_equal(gate_bucket_rate(&b).remaining, 60);
    gate_bucket_take(&b, 60);
    assert_int_equal(gate_bucket_wait(&b, 1, UINT64_MAX), 1000);
    /* Days: ahead a year, and back, finds what was used. */
    struct gate_days d = {0};
    gate_days_at(&d, 20000)->used = 7;
    gate_days_at(&d, 20001)->used = 8;
    assert_int_equal(gate_days_at(&d, 20365)->used, 0);
    assert_int_equal(gate_days_at(&d, 20001)->used, 8);
    assert_int_equal(gate_day_of(0), 0);
    assert_int_equal(gate_day_of(-1), -1);
    assert_int_equal(gate_day_of(86399), 0);
}

static void tokens_a_day(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct request r, second;
    struct fault f;
    add_key("a", (struct config_rates){.tokens_day = 1000}, "k", a);
    open_gate();
    assert_int_equal(admit(&r, a, 900, &f), 200);
    assert_int_equal(admit(&second, a, 200, &f), 429); /* the first may give some back */
    assert_false(f.do_not_retry);
    assert_true(f.retry_ms > 0);
    settle(&r, 500, 100);
    assert_int_equal(admit(&second, a, 401, &f), 429);
    assert_true(f.do_not_retry);
    assert_int_equal(f.retry_ms, 0);
    assert_string_equal(f.type, "insufficient_quota");
    assert_int_equal(admit(&second, a, 400, &f), 200);
    settle(&second, 0, 0);
    /* Another process of the server finds what was used. */
    gate_close(bed.gate);
    open_gate();
    assert_int_equal(admit(&second, a, 401, &f), 429);
    bed.unix_s += DAY_S;
    assert_int_equal(admit(&second, a, 1000, &f), 200);
    settle(&second, 0, 0);
    bed.unix_s -= DAY_S; /* the clock was set back */
    assert_int_equal(admit(&second, a, 401, &f), 429);
}

static void at_once(void **state) {
    (void)state;
    char a[GATE_SECRET], b[GATE_SECRET];
    struct request r[3], other;
    struct fault f;
    add_key("a", (struct config_rates){.concurrent = 2}, "k", a);
    add_key("b", (struct config_rates){.concurrent = 2}, "k", b);
    open_gate();
    assert_int_equal(admit(&r[0], a, 1, &f), 200);
    assert_int_equal(admit(&r[1], a, 1, &f), 200);
    assert_int_equal(admit(&r[2], a, 1, &f), 429);
    assert_int_equal(admit(&other, b, 1, &f), 200); /* nobody else is touched */
    settle(&r[0], 0, 0);
    settle(&r[0], 0, 0); /* once only */
    assert_int_equal(admit(&r[2], a, 1, &f), 200);
    assert_int_equal(admit(&r[0], a, 1, &f), 429);
    settle(&r[1], 0, 0);
    settle(&r[2], 0, 0);
    settle(&other, 0, 0);
}

/* SIGHUP: limits of the file for tenants without their own. */
static void reload(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct request r;
    struct fault f;
    struct sil_error e = {0};
    uint64_t id;
    add_key("a", (struct config_rates){0}, "k", a);
    struct gate_tenant t = {.name = "a"};
    assert_int_equal(gate_db_tenant_put(bed.db, &t, GATE_OWN_REQUESTS, START_S, &id, &e), SIL_OK);
    open_gate();
    for (int i = 0; i < 50; i++) {
        assert_int_equal(admit(&r, a, 1, &f), 200);
        settle(&r, 0, 0);
    }
    bed.config.rates.requests_minute = 2;
    assert_int_equal(gate_reload(bed.gate, &bed.config, &e), SIL_OK);
    assert_int_equal(admit(&r, a, 1, &f), 200);
    assert_int_equal(r.ticket.requests.limit, 2);
    settle(&r, 0, 0);
    assert_int_equal(admit(&r, a, 1, &f), 200);
    settle(&r, 0, 0);
    assert_int_equal(admit(&r, a, 1, &f), 429);
    bed.config.rates.requests_minute = 0;
    assert_int_equal(gate_reload(bed.gate, &bed.config, &e), SIL_OK);
    assert_int_equal(admit(&r, a, 1, &f), 200);
    settle(&r, 0, 0);
}

/* ---- usage ---- */

struct sum {
    size_t rows;
    uint64_t requests, prompt, answer;
    double joules;
};

static sil_err each_usage(void *arg, const struct gate_usage *u) {
    struct sum *s = arg;
    s->rows++;
    s->requests += u->requests;
    s->prompt += u->prompt_tokens;
    s->answer += u->answer_tokens;
    s->joules += u->energy_j;
    return SIL_OK;
}

static struct sum usage(void) {
    struct sum s = {0};
    struct sil_error e = {0};
    if (gate_db_usage(bed.db, INT64_MIN, INT64_MAX, each_usage, &s, &e) != SIL_OK) fail_msg("%s", e.text);
    return s;
}

static void usage_is_counted(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct request r;
    struct fault f;
    add_key("a", (struct config_rates){0}, "k", a);
    open_gate();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(admit(&r, a, 100, &f), 200);
        r.model = &bed.catalog[1]; /* counted where it was admitted */
        gate_settle(bed.gate, &r,
                    &(struct answer_usage){.n_prompt = 10, .n_answer = 5, .n_cached = 3, .energy_j = 0.5});
        if (i % 3 == 0) poll_gate();
        if (i == 4) bed.unix_s += DAY_S;
    }
    assert_int_equal(bed.gate->n_rows, 1); /* memory grows by keys and models, not by requests */
    gate_close(bed.gate);
    bed.gate = NULL;
    struct sum s = usage();
    assert_int_equal(s.rows, 2);
    assert_int_equal(s.requests, 10);
    assert_int_equal(s.prompt, 100);
    assert_int_equal(s.answer, 50);
    assert_true(s.joules == 5.0);
}

/* Many rows and many keys: the table of rows grows. */
static void many_keys(void **state) {
    (void)state;
    enum { N = 300 };
    static char secrets[N][GATE_SECRET];
    struct sil_error e = {0};
    struct request r;
    struct fault f;
    assert_int_equal(sqlite3_threadsafe() != 0, 1);
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "key %d", i);
        add_key(i % 2 ? "a" : "b", (struct config_rates){0}, name, secrets[i]);
    }
    open_gate();
    for (int i = 0; i < N; i++) {
        assert_int_equal(admit(&r, secrets[i], 1, &f), 200);
        settle(&r, (uint32_t)i, 1);
        assert_int_equal(admit(&r, secrets[i / 2], 1, &f), 200);
        gate_settle(bed.gate, &r, &(struct answer_usage){0});
    }
    assert_int_equal(bed.gate->n_rows, N);
    assert_int_equal(gate_poll(bed.gate, &e), SIL_OK);
    struct sum s = usage();
    assert_int_equal(s.rows, N);
    assert_int_equal(s.prompt, N * (N - 1) / 2);
}

/* Nothing can be written for a while: requests go on, nothing is lost. */
static void full_disk(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct request r;
    struct fault f;
    struct sil_error e = {0};
    struct rlimit old, none;
    add_key("a", (struct config_rates){0}, "k", a);
    open_gate();
    poll_gate();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    char path[300];
    struct gate_db *none_made = NULL;
    snprintf(path, sizeof path, "%s/another", bed.folder);
    assert_int_equal(gate_db_open(path, true, &none_made, &e), SIL_IO);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(admit(&r, a, 2, &f), 200);
        settle(&r, 1, 1);
        if (i % 5 == 0) assert_int_equal(gate_poll(bed.gate, &e), SIL_IO);
        if (i == 9) bed.unix_s += DAY_S;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    print_message("# %s\n", e.text);
    poll_gate();
    struct sum s = usage();
    assert_int_equal(s.rows, 2);
    assert_int_equal(s.requests, 20);
    assert_int_equal(s.answer, 20);
    assert_int_equal(gate_db_open(path, true, &none_made, &e), SIL_OK); /* what was left there is no hindrance */
    gate_db_close(none_made);
    char file[320];
    snprintf(file, sizeof file, "%s/keys.db", path);
    unlink(file);
    rmdir(path);
}

/* ---- bad files, memory, threads ---- */

static void other_files(void **state) {
    (void)state;
    struct sil_error e = {0};
    struct gate_db *db = NULL;
    char path[300];
    gate_db_close(bed.db);
    bed.db = NULL;
    snprintf(path, sizeof path, "%s/keys.db", bed.folder);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 1000; i++) fputs("this is no database", f);
    fclose(f);
    assert_int_equal(gate_db_open(bed.folder, true, &db, &e), SIL_FORMAT);
    print_message("# %s\n", e.text);
    unlink(path);
    sqlite3 *sql;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "CREATE TABLE a(b)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    assert_int_equal(gate_db_open(bed.folder, true, &db, &e), SIL_FORMAT);
    assert_non_null(strstr(e.text, "another program"));
    unlink(path);
    assert_int_equal(gate_db_open(bed.folder, true, &db, &e), SIL_OK);
    gate_db_close(db);
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(sql);
    assert_int_equal(gate_db_open(bed.folder, true, &db, &e), SIL_UNSUPPORTED);
    assert_int_equal(gate_db_open("/proc/no/such", true, &db, &e), SIL_IO);
}

/* Rows that somebody changed by hand. */
static void hostile_rows(void **state) {
    (void)state;
    char a[GATE_SECRET], path[300];
    struct sil_error e = {0};
    struct caller c;
    sqlite3 *sql;
    add_key("a", (struct config_rates){0}, "k", a);
    open_gate();
    snprintf(path, sizeof path, "%s/keys.db", bed.folder);
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    sqlite3_busy_timeout(sql, 1000);
    static const char *const bad[] = {
        "UPDATE tenants SET name = 'a' || char(10) || 'b'",
        "UPDATE tenants SET name = 'a', transcript = 17",
        "UPDATE tenants SET transcript = NULL; UPDATE keys SET hash = x'00'",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sqlite3_exec(sql, bad[i], NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(gate_poll(bed.gate, &e), SIL_FORMAT);
        assert_int_equal(authenticate(a, &c), 200); /* as before */
    }
    assert_int_equal(sqlite3_exec(sql,
                                  "DELETE FROM keys; UPDATE tenants SET weight = -5, requests_minute = -1,"
                                  " concurrent = 9223372036854775807, tokens_day = 9223372036854775807",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(sql);
    poll_gate();
    assert_int_equal(authenticate(a, &c), 401);
}

static sil_err open_and_ask(void *ctx, struct mem mem) {
    struct gate *g = NULL;
    struct sil_error e = {0};
    struct request r = {.model = &bed.catalog[0]};
    struct fault f = {0};
    sil_err err = gate_open_mem(mem, &bed.config, bed_clock(), false, &g, &e);
    if (err != SIL_OK) return err;
    assert_true(gate_authenticate(g, str_of(ctx), &r.caller, &f));
    if (gate_admit(g, &r, 1, &f)) gate_settle(g, &r, &(struct answer_usage){.n_prompt = 1});
    else err = f.status == 503 ? SIL_NOMEM : SIL_ARG;
    if (err == SIL_OK) err = gate_reload(g, &bed.config, &e);
    gate_close(g);
    return err;
}

static void allocation_failures(void **state) {
    (void)state;
    char a[GATE_SECRET];
    add_key("a", (struct config_rates){0}, "k", a);
    assert_true(test_each_allocation(open_and_ask, a) >= 8);
}

/* SQLite's own memory: each allocation fails in turn. */
static sqlite3_mem_methods libc_memory;
static size_t sql_calls, sql_fail_at; /* 0: never */

static void *sql_malloc(int n) {
    sql_calls++;
    return sql_fail_at && sql_calls >= sql_fail_at ? NULL : libc_memory.xMalloc(n);
}
static void *sql_realloc(void *p, int n) {
    sql_calls++;
    return sql_fail_at && sql_calls >= sql_fail_at ? NULL : libc_memory.xRealloc(p, n);
}

/* Before SQLite is used for the first time. */
static void hook_sqlite(void) {
    sqlite3_mem_methods ours;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &libc_memory), SQLITE_OK);
    ours = libc_memory;
    ours.xMalloc = sql_malloc;
    ours.xRealloc = sql_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
}

static sil_err count_tenant(void *arg, const struct gate_tenant *t) {
    *(size_t *)arg += t->n_keys;
    return SIL_OK;
}

static sil_err use_db(struct sil_error *e) {
    struct gate_db *db = NULL;
    struct gate_usage row = {.day = 3, .model = "guide", .requests = 1};
    struct gate_tenant t = {.name = "again", .own = GATE_OWN_MODELS, .models = "guide"};
    struct sum s = {0};
    size_t keys = 0;
    uint64_t id;
    sil_err err = gate_db_open(bed.folder, true, &db, e);
    if (err != SIL_OK) return err;
    err = gate_db_usage_add(db, &row, 1, e);
    if (err == SIL_OK) err = gate_db_tenant_put(db, &t, 0, START_S, &id, e);
    if (err == SIL_OK) err = gate_db_tenants(db, count_tenant, &keys, e);
    if (err == SIL_OK) err = gate_db_usage(db, 0, 10, each_usage, &s, e);
    if (err == SIL_OK) assert_true(keys == 1 && s.requests >= 1);
    gate_db_close(db);
    return err;
}

static void sqlite_allocation_failures(void **state) {
    (void)state;
    char a[GATE_SECRET];
    struct sil_error e = {0};
    size_t failures = 0;
    sil_err err = SIL_NOMEM;
    add_key("a", (struct config_rates){0}, "k", a);
    gate_db_close(bed.db);
    bed.db = NULL;
    sqlite3_int64 before = sqlite3_memory_used();
    for (size_t n = 1; err != SIL_OK; n++) {
        assert_true(n < 100000);
        sql_calls = 0;
        sql_fail_at = n;
        err = use_db(&e);
        sql_fail_at = 0;
        if (err == SIL_OK && sql_calls >= n) err = SIL_NOMEM; /* it did without */
        else if (err != SIL_OK) failures++;
        if (err != SIL_OK && err != SIL_NOMEM && err != SIL_IO) fail_msg("allocation %zu: %s", n, e.text);
        assert_true(sqlite3_memory_used() == before);
    }
    print_message("# %zu of SQLite's allocations, of which %zu must not fail\n", sql_calls, failures);
    assert_true(failures > 50);
}

struct worker {
    const char *secret;
    uint64_t admitted;
    uint32_t turns;
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct request r;
    struct fault f;
    for (uint32_t i = 0; i < w->turns; i++) {
        if (admit(&r, w->secret, 10, &f) != 200) continue;
        settle(&r, 4, 3);
        w->admitted++;
    }
    return NULL;
}

static void *disturb(void *arg) {
    (void)arg;
    for (int i = 0; i < 20; i++) {
        struct sil_error e = {0};
        gate_poll(bed.gate, &e);
        if (i % 4 == 0) gate_reload(bed.gate, &bed.config, &e);
    }
    return NULL;
}

static void many_threads(void **state) {
    (void)state;
    enum { THREADS = 6, TURNS = 2000 };
    char a[2][GATE_SECRET];
    pthread_t threads[THREADS + 1];
    struct worker w[THREADS];
    uint64_t admitted = 0;
    struct sil_error e = {0};
    add_key("a", (struct config_rates){.concurrent = 3}, "k", a[0]);
    add_key("b", (struct config_rates){.requests_minute = 50}, "k", a[1]);
    assert_int_equal(gate_open(&bed.config, bed_clock(), &bed.gate, &e), SIL_OK);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.secret = a[i % 2], .turns = TURNS};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &w[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[THREADS], NULL, disturb, NULL), 0);
    for (int i = 0; i <= THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) admitted += w[i].admitted;
    assert_int_equal(w[1].admitted + w[3].admitted + w[5].admitted, 50); /* the clock stands still */
    gate_close(bed.gate);
    bed.gate = NULL;
    struct sum s = usage();
    assert_int_equal(s.requests, admitted);
    assert_int_equal(s.prompt, admitted * 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    hook_sqlite();
    const struct CMUnitTest tests[] = {
        T(keys),
        T(only_hashes),
        T(revoked_beside_a_running_server),
        T(revoked_within_a_second),
        T(expired_suspended_unknown_model),
        T(admin_keys),
        T(usage_sums),
        T(older_tables),
        T(without_keys),
        T(requests_a_minute),
        T(tokens_a_minute),
        T(bucket_bound),
        T(clocks_that_jump),
        T(tokens_a_day),
        T(at_once),
        T(reload),
        T(usage_is_counted),
        T(many_keys),
        T(full_disk),
        T(other_files),
        T(hostile_rows),
        T(allocation_failures),
        T(sqlite_allocation_failures),
        T(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
