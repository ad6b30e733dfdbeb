/* What CA/1 costs in accuracy, for every weight format, on a plain model and on one with outlier channels: KL
 * divergence and perplexity of the engine against a binary64 evaluation of the same weights, and of the weights before
 * encoding.
 *
 * The bounds come from the oracle too: run with CA/1's own roundings (REF64_CA1: 8-bit activations, binary16 keys and
 * values, the rest exact) it shows what these must cost on this very text. The engine's divergence may be 1.6 times
 * that (a quarter more error, squared): its roundings fall differently, so that its errors are others of the same size.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "make_model.h"
#include "ref64.h"
#include "sillok.h"
#include "support.h"

enum { N = 96, V = 512, ROWS = N * V };

static const enum dtype types[] = {DTYPE_F32,  DTYPE_F16,  DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q6_K, DTYPE_Q5_K,
                                   DTYPE_Q5_1, DTYPE_Q5_0, DTYPE_Q4_K, DTYPE_Q4_1, DTYPE_Q4_0};
enum { N_TYPES = sizeof types / sizeof *types };

/* The largest difference of two logits (of deviation 3 to 5) that is called agreement: some ten thousand operations of
 * binary32, and keys and values on the other side of a binary16 boundary, fit below it; a changed rounding of an
 * activation does not. */
static const double AGREE = 1e-4;

struct text {
    char path[TEST_PATH]; /* the model file, made anew for every format */
    uint32_t tokens[N + 1];
    double *origin; /* logits before encoding: [N][V] */
    double *exact, *expected, *engine;
};

/* How row-wise distributions q differ from p, and what both make of the text. */
struct figures {
    double kl, kl_max, log_ppl_ratio;
};

static struct figures compare(const struct text *t, const double *p, const double *q) {
    struct figures f = {0};
    for (int i = 0; i < N; i++) {
        double kl = ref64_kl(p + i * V, q + i * V, V);
        f.kl += kl / N;
        f.kl_max = fmax(f.kl_max, kl);
        f.log_ppl_ratio += (ref64_nll(q + i * V, V, t->tokens[i + 1]) - ref64_nll(p + i * V, V, t->tokens[i + 1])) / N;
    }
    return f;
}

static void ok(sil_err err, const struct sil_error *e) {
    if (err != SIL_OK) fail_msg("%s", e->text);
}

static void make(struct text *t, enum dtype type, uint32_t outliers) {
    struct mm_spec s = mm_default();
    struct sil_error e = {0};
    s.layers = 2;
    s.eps = 0x1p-10f; /* large enough to be missed if it were wrong */
    s.type = type;
    s.outliers = outliers;
    ok(mm_write_file(&s, t->path, &e), &e);
}

static void run_oracle(const struct text *t, const uint32_t *tokens, uint32_t n, enum ref64_mode mode, double *out) {
    struct ref64 *m = NULL;
    struct sil_error e = {0};
    ok(ref64_open(t->path, &m, &e), &e);
    ok(ref64_logits(m, tokens, n, mode, out, &e), &e);
    ref64_close(m);
}

static void run_engine(const struct text *t, enum sil_kv kv, const uint32_t *tokens, uint32_t n, double *out) {
    struct sil_model *m = NULL;
    struct sil_engine *eng = NULL;
    struct sil_session *s = NULL;
    struct sil_error e = {0};
    struct sil_engine_config c = {.n_ctx = N, .n_logits = N, .n_threads = 1, .kv = kv};
    ok(sil_model_open(t->path, NULL, &m, &e), &e);
    ok(sil_engine_open(m, &c, &eng, &e), &e);
    ok(sil_session_open(eng, &s, &e), &e);
    struct sil_step_item item = {.session = s, .tokens = tokens, .n_tokens = n, .n_logits = n};
    ok(sil_step(eng, &item, 1, &e), &e);
    for (uint32_t i = 0; i < n * V; i++) out[i] = (double)item.logits[i];
    sil_session_close(s);
    sil_engine_close(eng);
    sil_model_close(m);
}

static void write_text(struct text *t) {
    struct ref64 *m = NULL;
    struct sil_error e = {0};
    ok(ref64_open(t->path, &m, &e), &e);
    t->tokens[0] = 300;
    ok(ref64_write(m, 2026, N, t->tokens, t->origin, &e), &e);
    ref64_close(m);
}

/* The least of the greatest differences of logits, row by row. */
static double nearest_row(const double *p, const double *q, uint32_t n) {
    double least = INFINITY;
    for (uint32_t i = 0; i < n; i++) {
        double most = 0;
        for (uint32_t v = i * V; v < (i + 1) * V; v++) most = fmax(most, fabs(p[v] - q[v]));
        least = fmin(least, most);
    }
    return least;
}

/* Engine and oracle with the same roundings agree somewhere: in the text, or where a value beside a boundary at its
 * first token spoils all of it, after another first token. */
static double agreement(const struct text *t, enum ref64_mode mode, enum sil_kv kv) {
    double least = nearest_row(t->expected, t->engine, N);
    for (uint32_t token = 8; token < 16 && least > AGREE; token++) {
        double p[V], q[V];
        run_oracle(t, &token, 1, mode, p);
        run_engine(t, kv, &token, 1, q);
        least = fmin(least, nearest_row(p, q, 1));
    }
    return least;
}

/* Gives the divergence that encoding alone makes. */
static double check_type(struct text *t, enum dtype type, const char *kind) {
    run_oracle(t, t->tokens, N, REF64_EXACT, t->exact);
    run_oracle(t, t->tokens, N, REF64_CA1, t->expected);
    run_engine(t, SIL_KV_F16, t->tokens, N, t->engine);
    struct figures own = compare(t, t->exact, t->engine), expected = compare(t, t->exact, t->expected);
    struct figures whole = compare(t, t->origin, t->engine), weights = compare(t, t->origin, t->exact);
    double near = agreement(t, REF64_CA1, SIL_KV_F16);
    print_message("# %s %-4s against the same weights: KL %.1e (expected %.1e) max %.1e ppl x%.5f, nearest row %.1e; "
                  "against F32 weights: KL %.1e (encoding alone %.1e) ppl x%.4f\n",
                  kind, dtype_get(type)->name, own.kl, expected.kl, own.kl_max, exp(own.log_ppl_ratio), near, whole.kl,
                  weights.kl, exp(whole.log_ppl_ratio));
    assert_true(near <= AGREE);
    assert_true(own.kl <= 1.6 * expected.kl);
    /* log p/q of a token drawn from p is KL on average, with a variance near 2 KL; here are N of them. */
    assert_true(fabs(own.log_ppl_ratio) <= own.kl + 4 * sqrt(2 * own.kl / N));
    /* Errors of encoding and of arithmetic are independent: their divergences add. */
    assert_true(whole.kl <= 1.6 * (weights.kl + expected.kl));
    return weights.kl;
}

/* Profile CA/1;kv=int8 on the same weights. Its divergence is that of binary16 keys and values and what 8 bits add. */
static void check_int8(struct text *t, enum dtype type, const char *kind) {
    run_oracle(t, t->tokens, N, REF64_EXACT, t->exact);
    run_oracle(t, t->tokens, N, REF64_INT8, t->expected);
    run_engine(t, SIL_KV_INT8, t->tokens, N, t->engine);
    struct figures own = compare(t, t->exact, t->engine), expected = compare(t, t->exact, t->expected);
    double near = agreement(t, REF64_INT8, SIL_KV_INT8);
    run_engine(t, SIL_KV_F16, t->tokens, N, t->engine);
    struct figures f16 = compare(t, t->exact, t->engine);
    print_message("# %s %-4s with int8 keys and values: KL %.1e (expected %.1e, with f16 %.1e) max %.1e ppl x%.5f, "
                  "nearest row %.1e\n",
                  kind, dtype_get(type)->name, own.kl, expected.kl, f16.kl, own.kl_max, exp(own.log_ppl_ratio), near);
    assert_true(near <= AGREE);
    assert_true(own.kl <= 1.6 * expected.kl);
    assert_true(fabs(own.log_ppl_ratio) <= own.kl + 4 * sqrt(2 * own.kl / N));
    if (type == DTYPE_F32) assert_true(f16.kl < own.kl); /* the type was really used */
}

static void check_model(const char *kind, uint32_t outliers) {
    struct text t = {0};
    test_file(STR(""), t.path);
    double *rows = calloc((size_t)4 * ROWS, sizeof *rows);
    assert_non_null(rows);
    t.origin = rows;
    t.exact = rows + ROWS;
    t.expected = rows + 2 * ROWS;
    t.engine = rows + 3 * ROWS;
    make(&t, DTYPE_F32, outliers);
    write_text(&t);
    double encoding[DTYPE_COUNT];
    for (int i = 0; i < N_TYPES; i++) {
        make(&t, types[i], outliers);
        encoding[types[i]] = check_type(&t, types[i], kind);
        if (types[i] == DTYPE_F32 || types[i] == DTYPE_Q8_0 || types[i] == DTYPE_Q4_K) check_int8(&t, types[i], kind);
    }
    /* Fewer bits, more loss, in either kind of format. */
    static const enum dtype finer[][2] = {{DTYPE_F32, DTYPE_F16},   {DTYPE_F16, DTYPE_BF16},  {DTYPE_BF16, DTYPE_Q8_0},
                                          {DTYPE_Q8_0, DTYPE_Q6_K}, {DTYPE_Q6_K, DTYPE_Q5_K}, {DTYPE_Q5_K, DTYPE_Q4_K},
                                          {DTYPE_Q8_0, DTYPE_Q5_0}, {DTYPE_Q5_0, DTYPE_Q4_0}, {DTYPE_Q5_1, DTYPE_Q4_1}};
    for (size_t i = 0; i < sizeof finer / sizeof *finer; i++)
        assert_true(encoding[finer[i][0]] < encoding[finer[i][1]]);
    unlink(t.path);
    free(rows);
}

static void test_plain(void **state) {
    (void)state;
    check_model("plain", 0);
}

static void test_outliers(void **state) {
    (void)state;
    check_model("outliers", 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_outliers)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
