/* The models that other tests are made of: the same bytes everywhere, one model whatever the format, and an oracle that
 * behaves as a causal language model. That the oracle is right is for tests/js/llama_peer.mjs and test_accuracy to say.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sha.h"
#include "formats/gguf.h"
#include "make_model.h"
#include "ref64.h"
#include "support.h"

enum { MODEL_BYTES_MAX = 64 << 20 };

static void model_hash(const struct mm_spec *s, char hex[SHA_HEX]) {
    struct buf b;
    struct sil_error e = {0};
    buf_init(&b, mem_libc(), MODEL_BYTES_MAX);
    if (mm_write_buf(s, &b, &e) != SIL_OK) fail_msg("%s", e.text);
    sha_hex(b.p, b.n, hex);
    buf_free(&b);
}

static void test_same_bytes(void **state) {
    (void)state;
    struct mm_spec llama = mm_default(), qwen = mm_default();
    llama.type = DTYPE_Q4_K;
    llama.mixture = true;
    llama.rope = MM_ROPE_LLAMA3;
    llama.outliers = 3;
    qwen.type = DTYPE_Q5_0;
    qwen.qwen3 = qwen.byte_bpe = qwen.tied = true;
    qwen.rope = MM_ROPE_YARN;
    char hex[SHA_HEX];
    model_hash(&llama, hex);
    assert_string_equal(hex, "6e5bb80775b2fe08d715e2961809fa26c8fc9bbb06c0b9a3dcb3ca4889c2660a");
    model_hash(&qwen, hex);
    assert_string_equal(hex, "5d200f3a624a973aef43623eb7b744f7b351e30494a6de07f6b5143225cfa880");
}

/* The matrices of two formats are two roundings of the same numbers. */
static void test_one_model(void **state) {
    (void)state;
    struct mm_spec s = mm_default();
    struct arena a;
    struct buf b[2];
    struct gguf *g[2];
    struct sil_error e = {0};
    arena_init(&a, mem_libc(), MODEL_BYTES_MAX);
    for (int i = 0; i < 2; i++) {
        s.type = i ? DTYPE_Q8_0 : DTYPE_F32;
        buf_init(&b[i], mem_libc(), MODEL_BYTES_MAX);
        assert_int_equal(mm_write_buf(&s, &b[i], &e), SIL_OK);
        assert_int_equal(gguf_parse(&a, buf_view(&b[i]), false, &g[i], &e), SIL_OK);
    }
    assert_int_equal(g[0]->n_tensors, g[1]->n_tensors);
    for (size_t t = 0; t < g[0]->n_tensors; t++) {
        const struct gguf_tensor *p = &g[0]->tensors[t], *q = &g[1]->tensors[t];
        size_t n = p->dims[0] * p->dims[1];
        double *x = calloc(2 * n, sizeof *x), error = 0, power = 0;
        assert_non_null(x);
        ref64_dequant(p->type, p->data, n, x);
        ref64_dequant(q->type, q->data, n, x + n);
        for (size_t i = 0; i < n; i++) {
            error += (x[i] - x[n + i]) * (x[i] - x[n + i]);
            power += x[i] * x[i];
        }
        assert_true(power > 0);
        assert_true(sqrt(error / power) < 3.5 / 127 / sqrt(12)); /* no value beyond 3.5 deviations */
        free(x);
    }
    for (int i = 0; i < 2; i++) buf_free(&b[i]);
    arena_free(&a);
}

static void test_bad_specs(void **state) {
    (void)state;
    struct mm_spec bad[8];
    for (int i = 0; i < 8; i++) bad[i] = mm_default();
    bad[0].d = 250;
    bad[0].type = DTYPE_Q8_0;
    bad[1].kv_heads = 3;
    bad[2].vocab = 100;
    bad[3].layers = 0;
    bad[4].head_dim = 63;
    bad[5].type = (enum dtype)9;
    bad[6].outliers = 65;
    bad[7].qwen3 = true;
    bad[7].rope = MM_ROPE_LLAMA3;
    for (int i = 0; i < 8; i++) {
        struct buf b;
        struct sil_error e = {0};
        buf_init(&b, mem_libc(), MODEL_BYTES_MAX);
        assert_int_equal(mm_write_buf(&bad[i], &b, &e), SIL_ARG);
        assert_true(e.text[0]);
        buf_free(&b);
    }
}

/* Later tokens change nothing, earlier ones do; rounding the keys and values to binary16 changes a little; the
 * distribution is far from uniform. */
static void test_oracle(void **state) {
    (void)state;
    char path[TEST_PATH];
    struct mm_spec s = mm_default();
    struct sil_error e = {0};
    struct ref64 *m = NULL;
    s.qwen3 = true;
    test_model(&s, path);
    assert_int_equal(ref64_open(path, &m, &e), SIL_OK);
    unlink(path);
    enum { N = 12, V = 512 };
    assert_int_equal(ref64_vocab(m), V);
    uint32_t tokens[N] = {5, 6, 7, 300, 9, 10, 400, 12, 13, 14, 15, 500};
    double *x = calloc((size_t)3 * N * V, sizeof *x), entropy = 0;
    assert_non_null(x);
    assert_int_equal(ref64_logits(m, tokens, N, REF64_EXACT, x, &e), SIL_OK);
    assert_int_equal(ref64_logits(m, tokens, N, REF64_KV, x + N * V, &e), SIL_OK);
    tokens[6] = 401;
    assert_int_equal(ref64_logits(m, tokens, N, REF64_EXACT, x + 2 * N * V, &e), SIL_OK);
    for (int t = 0; t < N; t++) {
        double *row = x + t * V;
        double rounded = ref64_kl(row, row + N * V, V), changed = ref64_kl(row, row + 2 * N * V, V);
        assert_true(rounded < 1e-4 && (t == 0 || rounded > 0));
        assert_true(t < 6 ? changed == 0 : changed > 1e-3);
        for (uint32_t i = 0; i < V; i++) entropy += exp(-ref64_nll(row, V, i)) * ref64_nll(row, V, i) / N;
    }
    print_message("# mean entropy %.2f of at most %.2f nats\n", entropy, log(V));
    assert_true(entropy < 0.75 * log(V));
    tokens[0] = V;
    assert_int_equal(ref64_logits(m, tokens, N, REF64_EXACT, x, &e), SIL_ARG);
    free(x);
    ref64_close(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_one_model),
        cmocka_unit_test(test_bad_specs),
        cmocka_unit_test(test_oracle),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
