/* tool_ledger: makes records for other tests.
 *   tool_ledger plain DIR N GROUP KEEP        N made-up answers in groups, signed by DIR.key (made where missing)
 *   tool_ledger answers DIR MODEL N           N short answers of a model, its tokens drawn in many ways
 *   tool_ledger rate DIR SECONDS GROUP [KEEP] entries and commits per second
 *   tool_ledger corpus DIR                    the corpus of fuzz_ledger; DIR/log.tmp is then of no use */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "ledger/audit.h"

enum { NAME = 600, PROMPT = 9, ANSWER = 12 };

static int failed(const struct sil_error *e) {
    fprintf(stderr, "tool_ledger: %s\n", e->text);
    return 1;
}

static sil_err open_log(const char *dir, struct ledger_key *key, struct ledger **l, struct sil_error *e) {
    char path[NAME];
    snprintf(path, sizeof path, "%s.key", dir);
    sil_err err = ledger_key_load_or_make(path, "test.example/log", key, NULL, e);
    struct ledger_config c = {.dir = dir, .key = key, .mem = mem_libc()};
    return err == SIL_OK ? ledger_open(&c, l, e) : err;
}

/* Everything of an entry that does not come from a model. */
static void fill(struct ledger_answer *a, uint64_t i) {
    struct ledger_entry *t = &a->entry;
    t->time_ms = 1700000000000 + i * 1000;
    snprintf(t->tenant, sizeof t->tenant, "tenant-%u", (unsigned)(i % 3));
    snprintf(t->request, sizeof t->request, "req-%llu \"\xed\x95\x9c\\", (unsigned long long)i);
    memset(t->model, 'a', SIL_DIGEST - 1);
    snprintf(t->profile, sizeof t->profile, SIL_PROFILE);
    t->sampling = sil_sampling_default();
    t->sampling.temperature = i % 2 ? 0.7f : 0;
    t->sampling.top_p = 0.95f;
    t->sampling.seed = UINT64_MAX - i;
    snprintf(t->finish, sizeof t->finish, "stop");
    snprintf(t->software, sizeof t->software, "sillok test");
    t->energy_mj = i % 3 ? (int64_t)i * 7 : -1;
}

struct made {
    uint32_t ids[64];
    char text[32];
};

static void made_up(struct ledger_answer *a, struct made *m, uint64_t i, enum ledger_keep keep) {
    memset(a, 0, sizeof *a);
    fill(a, i);
    for (uint32_t k = 0; k < 64; k++) m->ids[k] = (uint32_t)i * 100 + k;
    a->in = m->ids;
    a->out = m->ids + 30;
    a->n_in = (uint32_t)(i % 30);
    a->n_out = (uint32_t)(i * 7 % 34);
    a->keep = keep;
    int n = snprintf(m->text, sizeof m->text, "text %llu", (unsigned long long)i);
    a->prompt = a->text = (struct str){m->text, (size_t)n};
}

static sil_err one_group(struct ledger *l, uint64_t from, uint64_t n, enum ledger_keep keep, struct sil_error *e) {
    sil_err err = SIL_OK;
    for (uint64_t i = from; err == SIL_OK && i < from + n; i++) {
        struct ledger_answer a;
        struct ledger_ticket t;
        struct made m;
        made_up(&a, &m, i, keep);
        err = ledger_append(l, &a, &t, e);
    }
    return err == SIL_OK ? ledger_commit(l, e) : err;
}

static int plain(const char *dir, uint64_t n, uint64_t group, const char *word) {
    struct ledger_key key;
    struct ledger *l = NULL;
    struct sil_error e = {0};
    enum ledger_keep keep = LEDGER_KEEP_NONE;
    sil_err err = ledger_keep_parse(str_of(word), &keep, &e);
    if (err == SIL_OK) err = open_log(dir, &key, &l, &e);
    for (uint64_t i = 0; err == SIL_OK && i < n; i += group)
        err = one_group(l, i, n - i < group ? n - i : group, keep, &e);
    ledger_close(l);
    return err == SIL_OK ? 0 : failed(&e);
}

static int rate(const char *dir, double seconds, uint64_t group, const char *word) {
    struct ledger_key key;
    struct ledger *l = NULL;
    struct sil_error e = {0};
    enum ledger_keep keep = LEDGER_KEEP_NONE;
    struct clock clock = clock_system();
    sil_err err = ledger_keep_parse(str_of(word), &keep, &e);
    if (err == SIL_OK) err = open_log(dir, &key, &l, &e);
    uint64_t n = 0, commits = 0, from = clock_now_ns(clock), spent = 0;
    while (err == SIL_OK && (double)spent < seconds * 1e9) {
        err = one_group(l, n, group, keep, &e);
        n += group;
        commits++;
        spent = clock_now_ns(clock) - from;
    }
    ledger_close(l);
    if (err != SIL_OK) return failed(&e);
    printf("%llu,%s,%.0f,%.0f\n", (unsigned long long)group, word, (double)n / ((double)spent / 1e9),
           (double)commits / ((double)spent / 1e9));
    return 0;
}

/* ---- answers of a model ---- */

static sil_err draw(struct sil_engine *eng, struct ledger_answer *a, uint32_t *in, uint32_t *out, struct sil_error *e) {
    struct sil_session *s = NULL;
    sil_err err = sil_session_open(eng, &s, e);
    struct sil_step_item item = {.session = s, .tokens = in, .n_tokens = PROMPT, .n_logits = 1};
    for (uint32_t k = 0; err == SIL_OK && k < ANSWER; k++) {
        err = sil_step(eng, &item, 1, e);
        if (err == SIL_OK) err = sil_sample(s, &a->entry.sampling, item.logits, PROMPT, a->entry.choice, &out[k], e);
        item = (struct sil_step_item){.session = s, .tokens = &out[k], .n_tokens = 1, .n_logits = 1};
    }
    sil_session_close(s);
    return err;
}

static sil_err one_answer(struct sil_engine *eng, const char *digest, struct ledger *l, uint64_t i,
                          struct sil_error *e) {
    static const struct sil_bias bias[] = {{5, 3.5f}, {9, -50}};
    uint32_t in[PROMPT], out[ANSWER];
    struct ledger_answer a = {0};
    struct ledger_ticket t;
    fill(&a, i);
    memcpy(a.entry.model, digest, SIL_DIGEST);
    snprintf(a.entry.profile, sizeof a.entry.profile, "%s", sil_engine_profile(eng));
    a.entry.choice = (uint32_t)(i % 3);
    a.entry.sampling.temperature = (float)i * 0.3f;
    a.entry.sampling.repeat_penalty = i % 2 ? 1.1f : 1;
    a.entry.sampling.frequency_penalty = i % 4 ? 0 : 0.5f;
    if (i % 3 == 2) {
        a.entry.sampling.bias = bias;
        a.entry.sampling.n_bias = 2;
    }
    for (uint32_t k = 0; k < PROMPT; k++) in[k] = 3 + (uint32_t)(i * 31 + k * 7) % 100;
    sil_err err = draw(eng, &a, in, out, e);
    if (err != SIL_OK) return err;
    a.in = in;
    a.out = out;
    a.n_in = PROMPT;
    a.n_out = ANSWER;
    a.keep = i == 1 ? LEDGER_KEEP_NONE : i == 2 ? LEDGER_KEEP_TEXT : LEDGER_KEEP_IDS;
    a.prompt = str_of("what was asked");
    a.text = str_of("what was answered \x1b[2J");
    return ledger_append(l, &a, &t, e);
}

static sil_err all_answers(const char *dir, const char *model, uint64_t n, enum sil_kv kv, struct sil_error *e) {
    struct ledger_key key;
    struct ledger *l = NULL;
    struct sil_model *m = NULL;
    struct sil_engine *eng = NULL;
    struct sil_engine_config c = {.n_threads = 1, .n_ctx = 64, .kv = kv};
    char digest[SIL_DIGEST];
    sil_err err = sil_model_open(model, NULL, &m, e);
    if (err == SIL_OK) err = sil_engine_open(m, &c, &eng, e);
    if (err == SIL_OK) err = open_log(dir, &key, &l, e);
    if (err == SIL_OK) sil_model_digest(m, digest);
    for (uint64_t i = 0; err == SIL_OK && i < n; i++) err = one_answer(eng, digest, l, i, e);
    if (err == SIL_OK) err = ledger_commit(l, e);
    ledger_close(l);
    sil_engine_close(eng);
    sil_model_close(m);
    return err;
}

static int answers(const char *dir, const char *model, uint64_t n) {
    struct sil_error e = {0};
    sil_err err = all_answers(dir, model, n, SIL_KV_F16, &e);
    if (err == SIL_OK) err = all_answers(dir, model, 1, SIL_KV_INT8, &e);
    return err == SIL_OK ? 0 : failed(&e);
}

/* ---- the corpus ---- */

static int save(const char *dir, const char *name, char kind, struct str bytes) {
    char path[NAME];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    int bad = !f || fputc(kind, f) == EOF || fwrite(bytes.p, 1, bytes.n, f) != bytes.n;
    if (f && fclose(f) != 0) bad = 1;
    if (bad) fprintf(stderr, "%s cannot be written\n", path);
    return bad;
}

/* As it is into good, and with a byte changed, and cut, into bad. */
static int save_all(const char *dir, const char *name, char kind, struct str bytes) {
    char file[64], *copy = malloc(bytes.n + 1);
    if (!copy) return 1;
    memcpy(copy, bytes.p, bytes.n);
    snprintf(file, sizeof file, "good/%s", name);
    int bad = save(dir, file, kind, bytes);
    snprintf(file, sizeof file, "bad/%s-cut", name);
    bad |= save(dir, file, kind, (struct str){copy, bytes.n * 2 / 3});
    copy[bytes.n / 2] ^= 1;
    snprintf(file, sizeof file, "bad/%s-bit", name);
    bad |= save(dir, file, kind, (struct str){copy, bytes.n});
    free(copy);
    return bad;
}

static int save_file(const char *dir, const char *log, const char *from, const char *name, char kind) {
    char path[NAME];
    struct buf b;
    snprintf(path, sizeof path, "%s/%s", log, from);
    FILE *f = fopen(path, "rb");
    buf_init(&b, mem_libc(), 1 << 20);
    char part[4096];
    for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;) (void)buf_put(&b, part, n);
    if (f) fclose(f);
    int bad = b.n == 0 || save_all(dir, name, kind, buf_view(&b));
    buf_free(&b);
    return bad;
}

static void zeros(void *ctx, void *p, size_t n) {
    (void)ctx;
    memset(p, 7, n);
}

static int corpus(const char *dir) {
    char log[NAME], folder[NAME];
    static const uint8_t seed[32] = {1};
    struct ledger_key key;
    struct ledger *l = NULL;
    struct sil_error e = {0};
    struct buf b;
    mkdir(dir, 0777);
    for (int i = 0; i < 2; i++) {
        snprintf(folder, sizeof folder, "%s/%s", dir, i ? "bad" : "good");
        mkdir(folder, 0777);
    }
    snprintf(log, sizeof log, "%s/log.tmp", dir);
    buf_init(&b, mem_libc(), LEDGER_RECEIPT_BYTES);
    sil_err err = ledger_key_make("test.example/log", seed, &key, &e);
    struct ledger_config c = {.dir = log, .key = &key, .mem = mem_libc(), .hooks = {.random = zeros}};
    if (err == SIL_OK) err = ledger_open(&c, &l, &e);
    if (err == SIL_OK) err = one_group(l, 0, 3, LEDGER_KEEP_TEXT, &e);
    int bad = err != SIL_OK || save_file(dir, log, "journal", "journal", 'J');
    if (err == SIL_OK) err = one_group(l, 3, 2, LEDGER_KEEP_IDS, &e);
    if (err == SIL_OK) err = ledger_publish(l, &e);
    if (err == SIL_OK) err = ledger_receipt(l, 2, seed, &b, &e);
    if (err == SIL_OK) bad |= save_all(dir, "receipt", 'R', buf_view(&b));
    buf_clear(&b);
    if (err == SIL_OK) err = log_entry(l, 1, &b, &e);
    if (err == SIL_OK) bad |= save_all(dir, "entry", 'E', buf_view(&b));
    if (err == SIL_OK) bad |= save_all(dir, "note", 'N', ledger_checkpoint(l));
    ledger_close(l);
    bad |= save_file(dir, log, "transcripts/000", "transcripts", 'T');
    bad |= save_file(dir, log, "tile/entries/000.p/5", "bundle", 'B');
    bad |= save_all(dir, "vkey", 'V', str_of("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n"));
    buf_free(&b);
    return err == SIL_OK ? bad : failed(&e);
}

int main(int argc, char **argv) {
    const char *verb = argc > 2 ? argv[1] : "";
    uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (strcmp(verb, "plain") == 0 && argc == 6) return plain(argv[2], n, strtoull(argv[4], NULL, 10), argv[5]);
    if (strcmp(verb, "answers") == 0 && argc == 5) return answers(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    if (strcmp(verb, "rate") == 0 && argc >= 5)
        return rate(argv[2], strtod(argv[3], NULL), strtoull(argv[4], NULL, 10), argc > 5 ? argv[5] : "none");
    if (strcmp(verb, "corpus") == 0 && argc == 3) return corpus(argv[2]);
    fprintf(stderr, "usage: see the head of tests/tool_ledger.c\n");
    return 2;
}
