#define _GNU_SOURCE /* nftw */
#include "serve_bed.h"

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "make_model.h"
#include "support.h"

void serve_bed_open(struct serve_bed *b) {
    struct sil_error e = {0};
    struct mm_spec m = mm_default();
    memset(b, 0, sizeof *b);
    b->mem = mem_libc();
    const char *root = getenv("TMPDIR"); /* if it is not too long for the path of a socket */
    snprintf(b->dir, sizeof b->dir, "%s/sillok-serve-XXXXXX", root && *root && strlen(root) < 40 ? root : "/tmp");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->socket, sizeof b->socket, "%s/socket", b->dir);
    snprintf(b->state, sizeof b->state, "%s/state", b->dir);
    snprintf(b->model, sizeof b->model, "%s/model.gguf", b->dir);
    m.byte_bpe = m.chat = true;
    m.d = 64;
    m.layers = 2;
    m.heads = 2;
    m.kv_heads = 1;
    m.head_dim = 32;
    m.ffn = 128;
    m.ctx = 1024;
    if (mm_write_file(&m, b->model, &e) != SIL_OK) fail_msg("%s", e.text);
    config_default(&b->config);
    config_model_default(&b->config.models[0]);
    b->config.models[0].name = "test";
    b->config.models[0].path = b->model;
    b->config.models[0].sessions = 8;
    b->config.n_models = 1;
    memset(&b->config.listen[0], 0, sizeof b->config.listen[0]);
    b->config.listen[0].path = b->socket;
    b->config.listen[0].mode = 0600;
    b->config.n_listen = 1;
    b->config.state = b->state;
    b->config.keys = false;
    b->config.sandbox = false;
    b->config.threads = 1;
    signal(SIGPIPE, SIG_IGN);
}

void serve_bed_start(struct serve_bed *b) {
    struct sil_error e = {0};
    const struct meter *meter = b->meter.read ? &b->meter : NULL;
    if (server_open_metered(&b->config, NULL, b->mem, meter, &b->server, &e) != SIL_OK) fail_msg("%s", e.text);
}

void serve_bed_stop(struct serve_bed *b) {
    server_close(b->server);
    b->server = NULL;
}

void serve_bed_idle(struct serve_bed *b) {
    struct test_wait w = {0};
    while (!server_is_idle(b->server) && test_wait(&w)) continue;
    if (!server_is_idle(b->server)) fail_msg("answers do not end");
}

void serve_bed_key(struct serve_bed *b, const char *tenant, bool admin, const struct gate_tenant *own,
                   char secret[GATE_SECRET]) {
    struct gate_db *db = NULL;
    struct sil_error e = {0};
    struct gate_tenant t = own ? *own : (struct gate_tenant){.weight = 1};
    struct gate_key k = {.created = 1, .admin = admin, .name = "key"};
    uint8_t random[GATE_RANDOM];
    uint64_t id;
    memset(random, ++b->n_keys, sizeof random);
    snprintf(t.name, sizeof t.name, "%s", tenant);
    gate_secret_text(random, secret);
    if (gate_db_open(b->state, true, &db, &e) != SIL_OK) fail_msg("%s", e.text);
    assert_int_equal(gate_db_tenant_put(db, &t, 0, 1, &k.tenant, &e), SIL_OK);
    assert_true(gate_secret_hash(str_of(secret), gate_db_salt(db), k.hash));
    assert_int_equal(gate_db_key_add(db, &k, &id, &e), SIL_OK);
    gate_db_close(db);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void serve_bed_close(struct serve_bed *b) {
    serve_bed_stop(b);
    config_free(&b->config);
    nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
