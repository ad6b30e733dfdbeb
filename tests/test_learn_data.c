/* From recipe and texts to batches: what is learnt, in which order, and that memory may end anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "learn/bpe.h"
#include "learn/data.h"
#include "learn/export.h"
#include "learn/net.h"
#include "support.h"

static const char RECIPE[] = "tests/learn/nano.yaml";

struct rig {
    struct arena a;
    struct recipe r;
    struct learn_vocab v;
    struct dataset d;
};

static sil_err rig_open(struct rig *x, struct mem mem, struct sil_error *e) {
    memset(x, 0, sizeof *x);
    arena_init(&x->a, mem, 8 << 20);
    sil_err err = recipe_read(&x->a, RECIPE, &x->r, e);
    if (err == SIL_OK) err = learn_vocab_open(mem, x->r.tokenizer, x->r.pre, x->r.chat_template, &x->v, e);
    if (err == SIL_OK) {
        err = dataset_open(mem, x->r.data, x->r.n_data, &x->v, x->r.shape.ctx, x->r.seed, &x->d, e);
        if (err != SIL_OK) learn_vocab_close(&x->v);
    }
    if (err != SIL_OK) arena_free(&x->a);
    return err;
}

static void rig_close(struct rig *x) {
    dataset_close(&x->d);
    learn_vocab_close(&x->v);
    arena_free(&x->a);
}

static void text_of(const struct rig *x, const uint32_t *ids, const float *weights, uint32_t n, bool learnt,
                    struct buf *out) {
    buf_clear(out);
    for (uint32_t i = 0; i < n; i++)
        if (!learnt || weights[i] != 0.0f) assert_int_equal(tok_piece(x->v.tok, ids[i], true, out), SIL_OK);
}

static void answers_alone_are_learnt(void **state) {
    (void)state;
    struct rig x;
    struct batch b;
    struct buf t;
    struct sil_error e = {0};
    uint32_t doc = 0;
    assert_int_equal(rig_open(&x, mem_libc(), &e), SIL_OK);
    assert_int_equal(batch_open(mem_libc(), 128, &b, &e), SIL_OK);
    buf_init(&t, mem_libc(), 1 << 16);
    source_batch(&x.d.sources[1], &doc, 100, &b); /* the first dialogue */
    assert_int_equal(b.n_docs, 1);
    text_of(&x, b.ids, b.weights, b.n, false, &t);
    assert_non_null(
        strstr(t.p, "<|im_start|>user\n안녕<|im_end|>\n<|im_start|>assistant\n안녕하세요! 저는 실록입니다."));
    text_of(&x, b.targets, b.weights, b.n, true, &t);
    assert_string_equal(t.p, "안녕하세요! 저는 실록입니다.<|im_end|>");
    x.r.data[1].answer_tokens = 3;
    dataset_close(&x.d);
    assert_int_equal(dataset_open(mem_libc(), x.r.data, x.r.n_data, &x.v, x.r.shape.ctx, x.r.seed, &x.d, &e), SIL_OK);
    doc = 0;
    source_batch(&x.d.sources[1], &doc, 60, &b);
    text_of(&x, b.targets, b.weights, b.doc_at[1], true, &t); /* of the answer only its first three tokens */
    struct tok_ids first;
    struct buf three;
    tok_ids_init(&first, mem_libc(), 100);
    buf_init(&three, mem_libc(), 1 << 16);
    assert_int_equal(tok_encode(x.v.tok, STR("안녕하세요! 저는 실록입니다."), 0, &first, &e), SIL_OK);
    for (size_t i = 0; i < 3; i++) assert_int_equal(tok_piece(x.v.tok, first.p[i], true, &three), SIL_OK);
    assert_string_equal(t.p, three.p);
    assert_true(b.weights[b.doc_at[1] - 1] == 1.0f); /* nothing behind them */
    tok_ids_free(&first);
    buf_free(&three);
    doc = 0;
    source_batch(&x.d.sources[0], &doc, 100, &b); /* the first line: all but its first token, and the end */
    text_of(&x, b.targets, b.weights, b.n, true, &t);
    assert_non_null(strstr(t.p, "번호 0.<|endoftext|>"));
    for (uint32_t i = 0; i + 1 < b.doc_at[1]; i++) assert_int_equal(b.targets[i], b.ids[i + 1]);
    buf_free(&t);
    batch_close(mem_libc(), &b);
    rig_close(&x);
}

/* Every document once in each reading, in another order; shares by weight; sources only in their part of the run. */
static void order_and_shares(void **state) {
    (void)state;
    struct rig x;
    struct batch b;
    struct sil_error e = {0};
    assert_int_equal(rig_open(&x, mem_libc(), &e), SIL_OK);
    assert_int_equal(batch_open(mem_libc(), 256, &b, &e), SIL_OK);
    for (int i = 0; i < 60; i++) {
        dataset_next(&x.d, 0.1, 256, &b);
        assert_true(b.n > 128 && b.n <= 256); /* full but for what does not fit */
    }
    double lines = (double)x.d.state[0].given, dialogues = (double)x.d.state[1].given;
    assert_true(dialogues / lines > 1.95 && dialogues / lines < 2.05); /* weight: 2 */
    const struct source *s = &x.d.sources[1];
    bool seen[64] = {false}, moved = false;
    assert_true(s->n_docs <= 64);
    for (uint32_t i = 0; i < s->n_docs; i++) {
        assert_true(s->order[i] < s->n_docs && !seen[s->order[i]]);
        seen[s->order[i]] = true;
        moved = moved || s->order[i] != i;
    }
    assert_true(moved);
    uint64_t before = x.d.state[0].given;
    dataset_next(&x.d, 0.7, 256, &b); /* lines end at 0.6 */
    assert_int_equal(x.d.state[0].given, before);
    batch_close(mem_libc(), &b);
    rig_close(&x);
}

static sil_err open_once(void *ctx, struct mem mem) {
    struct rig *x = ctx;
    sil_err err = rig_open(x, mem, NULL);
    if (err == SIL_OK) rig_close(x);
    return err;
}

static sil_err bpe_once(void *ctx, struct mem mem) {
    static const char text[] = "한국어 모델 한국어 모델이 배운다 2026 the the model";
    const struct bpe_options o = {.vocab = 300, .min_count = 1, .coverage = 1};
    struct bpe *b;
    struct buf out;
    struct bpe_report report;
    (void)ctx;
    sil_err err = bpe_new(mem, &b, NULL);
    if (err != SIL_OK) return err;
    buf_init(&out, mem, 1 << 20);
    err = bpe_add(b, STR(text), NULL);
    if (err == SIL_OK) err = bpe_train(b, &o, &out, &report, NULL);
    buf_free(&out);
    bpe_free(b);
    return err;
}

static void allocations_may_fail(void **state) {
    (void)state;
    static struct rig x;
    assert_true(test_each_allocation(bpe_once, NULL) > 10);
    assert_true(test_each_allocation(open_once, &x) > 10);
}

/* What decides the weights: a setting that came later changes nothing where it has its default, so that runs begun
 * before it go on. */
static void settings_that_decide_the_weights(void **state) {
    (void)state;
    static struct recipe r;
    struct arena a;
    struct buf f32, bf16;
    struct sil_error e = {0};
    arena_init(&a, mem_libc(), 8 << 20);
    buf_init(&f32, mem_libc(), 1 << 16);
    buf_init(&bf16, mem_libc(), 1 << 16);
    assert_int_equal(recipe_read(&a, RECIPE, &r, &e), SIL_OK);
    assert_int_equal(r.storage, NET_F32);
    assert_int_equal(recipe_canonical(&r, &f32), SIL_OK);
    r.storage = NET_BF16;
    assert_int_equal(recipe_canonical(&r, &bf16), SIL_OK);
    assert_null(strstr(f32.p, "storage"));
    assert_non_null(strstr(bf16.p, "storage 0x1p+0\n"));
    buf_free(&f32);
    buf_free(&bf16);
    arena_free(&a);
}

/* What is written is read back: F32 in every bit. */
static void weights_go_out_and_in(void **state) {
    (void)state;
    static struct rig x;
    struct params p;
    struct sil_error e = {0};
    char path[512];
    assert_int_equal(rig_open(&x, mem_libc(), &e), SIL_OK);
    snprintf(path, sizeof path, "%s/model.gguf", test_folder());
    for (int family = 0; family < 2; family++) {
        x.r.shape.family = (enum learn_family)family;
        x.r.shape.vocab = x.v.spec.n_tokens;
        x.r.shape.bias = x.r.shape.tied = family == 1;
        x.r.type = DTYPE_F32;
        assert_int_equal(params_open(mem_libc(), &x.r.shape, 0.5f, &p, &e), SIL_OK);
        float *w = mem_array(mem_libc(), p.size, sizeof *w), *back = mem_array(mem_libc(), p.size, sizeof *w);
        assert_true(w && back);
        params_init(&p, 5, w);
        for (uint32_t i = 0; i < p.n; i++) w[p.list[i].at] = (float)i;
        assert_int_equal(export_gguf(mem_libc(), &x.r, &x.v, &p, w, path, &e), SIL_OK);
        if (import_gguf(mem_libc(), path, &p, back, &e) != SIL_OK) fail_msg("%s", e.text);
        assert_memory_equal(w, back, p.size * sizeof *w);
        mem_free(mem_libc(), w);
        mem_free(mem_libc(), back);
        params_close(&p);
    }
    remove(path);
    rig_close(&x);
}

int main(void) {
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_alone_are_learnt), cmocka_unit_test(order_and_shares),
                                       cmocka_unit_test(allocations_may_fail), cmocka_unit_test(weights_go_out_and_in),
                                       cmocka_unit_test(settings_that_decide_the_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
