/* For nftw. */
#define _GNU_SOURCE
#include "ledger_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>

#include <cmocka.h>

#include "support.h"

struct ledger_key lb_key(uint8_t seed) {
    uint8_t bytes[32];
    struct ledger_key k;
    memset(bytes, seed, sizeof bytes);
    assert_int_equal(ledger_key_make("test.example/log", bytes, &k, NULL), SIL_OK);
    return k;
}

void lb_answer(struct lb_answer *b, uint64_t i, enum ledger_keep keep) {
    memset(b, 0, sizeof *b);
    struct ledger_entry *t = &b->answer.entry;
    t->time_ms = 1700000000000 + i * 1000;
    snprintf(t->tenant, sizeof t->tenant, "tenant-%u", (unsigned)(i % 3));
    snprintf(t->request, sizeof t->request, "req-%llu \"\xed\x95\x9c\\", (unsigned long long)i);
    t->choice = (uint32_t)(i % 2);
    memset(t->model, 'a', SIL_DIGEST - 1);
    if (i % 2) memset(t->tokenizer, 'b', SIL_DIGEST - 1);
    snprintf(t->profile, sizeof t->profile, "CA/1");
    t->sampling = sil_sampling_default();
    t->sampling.temperature = i % 2 ? 0.7f : 0;
    t->sampling.top_p = 0.95f;
    t->sampling.seed = UINT64_MAX - i;
    snprintf(t->finish, sizeof t->finish, i % 2 ? "stop" : "length");
    snprintf(t->software, sizeof t->software, "sillok test");
    t->energy_mj = i % 3 ? (int64_t)i * 7 : -1;
    b->answer.n_in = (uint32_t)(i % LB_IDS);
    b->answer.n_out = (uint32_t)(i * 7 % LB_IDS);
    for (uint32_t k = 0; k < LB_IDS; k++) {
        b->in[k] = (uint32_t)i * 1000 + k;
        b->out[k] = (uint32_t)i * 1000 + 500 + k;
    }
    b->answer.in = b->in;
    b->answer.out = b->out;
    if (i % 4 == 3) {
        b->bias[0] = (struct sil_bias){7, 1.5f};
        b->bias[1] = (struct sil_bias){9, -100};
        t->sampling.bias = b->bias;
        t->sampling.n_bias = 2;
    }
    b->answer.keep = keep;
    int n = snprintf(b->text, sizeof b->text, "question and answer %llu", (unsigned long long)i);
    b->answer.prompt = (struct str){b->text, 8};
    b->answer.text = (struct str){b->text + 13, (size_t)n - 13};
}

struct ledger *lb_open(const char *dir, struct ledger_hooks hooks) {
    struct ledger_key key = lb_key(1);
    struct ledger *l = NULL;
    struct sil_error e = {0};
    struct ledger_config c = {.dir = dir, .key = &key, .mem = mem_libc(), .hooks = hooks};
    if (ledger_open(&c, &l, &e) != SIL_OK) fail_msg("%s", e.text);
    return l;
}

void lb_commit(struct ledger *l, uint64_t from, uint32_t n, enum ledger_keep keep) {
    struct sil_error e = {0};
    for (uint32_t i = 0; i < n; i++) {
        struct lb_answer b;
        struct ledger_ticket ticket;
        lb_answer(&b, from + i, keep);
        if (ledger_append(l, &b.answer, &ticket, &e) != SIL_OK) fail_msg("%s", e.text);
    }
    if (ledger_commit(l, &e) != SIL_OK) fail_msg("%s", e.text);
}

static void keep_first(void *ctx, const char *text) {
    char *first = ctx;
    if (first && !*first) snprintf(first, SIL_ERROR_TEXT, "%s", text);
}

uint64_t lb_audit(const char *dir, char *first, struct audit_report *out) {
    struct ledger_key key = lb_key(1);
    struct sil_error e = {0};
    struct audit_report r = {.finding = keep_first, .ctx = first};
    memset(key.seed, 0, sizeof key.seed);
    if (first) *first = '\0';
    if (audit_verify(dir, &key, mem_libc(), &r, &e) != SIL_OK) fail_msg("%s", e.text);
    if (out) *out = r;
    return r.findings;
}

const char *lb_folder(void) {
    static char path[64];
    snprintf(path, sizeof path, "/dev/shm/sillok-test-XXXXXX");
    return mkdtemp(path) ? path : test_folder();
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void lb_remove(const char *dir) {
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
