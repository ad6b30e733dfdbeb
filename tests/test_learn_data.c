/* From recipe and texts to batches: what is learnt, in which order, and that memory may end anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
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

/* tokenizer: NULL for the recipe's, which has no merges. */
static sil_err rig_open_with(struct rig *x, struct mem mem, const char *tokenizer, struct sil_error *e) {
    memset(x, 0, sizeof *x);
    arena_init(&x->a, mem, 8 << 20);
    sil_err err = recipe_read(&x->a, RECIPE, &x->r, e);
    if (err == SIL_OK)
        err = learn_vocab_open(mem, tokenizer ? tokenizer : x->r.tokenizer, x->r.pre, x->r.chat_template, &x->v, e);
    if (err == SIL_OK) {
        err = dataset_open(mem, x->r.data, x->r.n_data, &x->v, x->r.shape.ctx, x->r.seed, &x->d, e);
        if (err != SIL_OK) learn_vocab_close(&x->v);
    }
    if (err != SIL_OK) arena_free(&x->a);
    return err;
}

static sil_err rig_open(struct rig *x, struct mem mem, struct sil_error *e) {
    return rig_open_with(x, mem, NULL, e);
}

/* Writes a tokenizer of the dialogues' own words. */
static void make_tokenizer(char path[512]) {
    static const char *const specials[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    const struct bpe_options o = {.vocab = 420, .min_count = 1, .coverage = 1, .specials = specials, .n_specials = 3};
    struct bpe *b;
    struct buf text, json;
    struct bpe_report report;
    struct file_out out;
    struct sil_error e = {0};
    buf_init(&text, mem_libc(), 1 << 20);
    buf_init(&json, mem_libc(), 1 << 20);
    snprintf(path, 512, "%s/merges.json", test_folder());
    assert_int_equal(bpe_new(mem_libc(), &b, &e), SIL_OK);
    assert_int_equal(file_read("tests/learn/dialogue.jsonl", &text, &e), SIL_OK);
    assert_int_equal(bpe_add(b, buf_view(&text), &e), SIL_OK);
    assert_int_equal(bpe_train(b, &o, &json, &report, &e), SIL_OK);
    assert_int_equal(file_create(path, &out, &e), SIL_OK);
    assert_int_equal(file_write(&out, json.p, json.n, &e), SIL_OK);
    assert_int_equal(file_commit(&out, &e), SIL_OK);
    bpe_free(b);
    buf_free(&text);
    buf_free(&json);
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

/* Opens the texts anew, with questions of the dialogues altered. */
static void reopen(struct rig *x, double drop, double split) {
    struct sil_error e = {0};
    dataset_close(&x->d);
    x->r.data[1].drop_tokens = drop;
    x->r.data[1].split_tokens = split;
    if (dataset_open(mem_libc(), x->r.data, x->r.n_data, &x->v, x->r.shape.ctx, x->r.seed, &x->d, &e) != SIL_OK)
        fail_msg("%s", e.text);
}

/* What is left of a document's question: its text without template, answer and end. */
static void question_of(const struct rig *x, const struct batch *b, uint32_t doc, struct buf *out) {
    uint32_t from = b->doc_at[doc], to = b->doc_at[doc + 1];
    text_of(x, b->ids + from, b->weights + from, to - from, false, out);
    static const char before[] = "<|im_start|>user\n", after[] = "<|im_end|>\n<|im_start|>assistant\n";
    char *p = strstr(out->p, before), *q = strstr(out->p, after); /* the template's own words stay */
    assert_true(p && q);
    p += sizeof before - 1;
    out->n = (size_t)(q - p);
    memmove(out->p, p, out->n);
    out->p[out->n] = '\0';
}

/* Batches of five readings of the dialogues: tokens of questions in all, and how many questions are not what they were.
 */
static void read_questions(struct rig *x, struct batch *b, double *tokens, uint32_t *readings, uint32_t *changed) {
    struct batch plain;
    struct buf was, is;
    struct sil_error e = {0};
    const struct source *s = &x->d.sources[1];
    buf_init(&was, mem_libc(), 1 << 16);
    buf_init(&is, mem_libc(), 1 << 16);
    assert_int_equal(batch_open(mem_libc(), 256, &plain, &e), SIL_OK);
    *readings = *changed = 0;
    *tokens = 0;
    for (struct source_state at = x->d.state[1]; at.reading < 5; at = x->d.state[1]) {
        dataset_next(&x->d, 0.7, 128, b);                  /* lines end at 0.6 */
        if (x->d.state[1].reading != at.reading) continue; /* s->order is of the next one */
        for (uint32_t i = 0; i < b->n_docs; i++) {
            uint32_t doc = s->order[at.next++], end = doc + 1;
            uint64_t n = s->docs[end] - s->docs[doc] - 1;
            source_batch(s, &doc, (uint32_t)n, &plain);
            question_of(x, &plain, 0, &was);
            question_of(x, b, i, &is);
            *changed += strcmp(was.p, is.p) != 0;
            *tokens += b->doc_at[i + 1] - b->doc_at[i];
            ++*readings;
            for (uint32_t k = b->doc_at[i]; k + 1 < b->doc_at[i + 1]; k++)
                assert_int_equal(b->targets[k], b->ids[k + 1]);
        }
    }
    *tokens /= *readings;
    batch_close(mem_libc(), &plain);
    buf_free(&was);
    buf_free(&is);
}

/* Leaving tokens out makes questions shorter, splitting them longer with the same text; template and answer stay. */
static void questions_differ_at_each_reading(void **state) {
    (void)state;
    struct rig x;
    struct batch b, again;
    struct sil_error e = {0};
    double plain, fewer, more;
    uint32_t readings, changed;
    char tokenizer[512];
    make_tokenizer(tokenizer);
    assert_int_equal(rig_open_with(&x, mem_libc(), tokenizer, &e), SIL_OK);
    assert_int_equal(batch_open(mem_libc(), 256, &b, &e), SIL_OK);
    assert_int_equal(batch_open(mem_libc(), 256, &again, &e), SIL_OK);
    reopen(&x, 0, 0);
    read_questions(&x, &b, &plain, &readings, &changed);
    assert_true(readings > 40);
    assert_int_equal(changed, 0);
    reopen(&x, 0.3, 0);
    read_questions(&x, &b, &fewer, &readings, &changed);
    assert_true(fewer < plain && changed > readings / 4);
    reopen(&x, 0, 0.9);
    read_questions(&x, &b, &more, &readings, &changed);
    assert_int_equal(changed, 0);
    assert_true(more > plain);

    reopen(&x, 0.3, 0.3);
    struct source_state begin = x.d.state[1];
    dataset_next(&x.d, 0.7, 256, &b);
    x.d.state[1] = begin; /* as from a checkpoint */
    dataset_next(&x.d, 0.7, 256, &again);
    assert_int_equal(b.n, again.n);
    assert_memory_equal(b.ids, again.ids, b.n * sizeof *b.ids);
    batch_close(mem_libc(), &b);
    batch_close(mem_libc(), &again);
    rig_close(&x);
    remove(tokenizer);
}

static const struct parts *of_fives(struct parts *p, uint32_t list[10]) {
    memset(list, 0xff, 10 * sizeof *list);
    list[2 * 4] = list[2 * 4 + 1] = 3; /* 4 is 3 3; 3 is 1 2 */
    list[2 * 3] = 1;
    list[2 * 3 + 1] = 2;
    *p = (struct parts){.of = list};
    return p;
}

/* How often tokens are left out and cut; what never changes; the most that a document becomes. */
static void chances_and_limits(void **state) {
    (void)state;
    enum { N = 20000 };
    uint32_t *in = mem_array(mem_libc(), N, sizeof *in), *out = mem_array(mem_libc(), (size_t)4 * N, sizeof *out);
    uint32_t list[10];
    struct parts p;
    assert_true(in && out);
    for (uint32_t i = 0; i < N; i++) in[i] = 1 | DATA_ASKED;
    struct noise x = {.drop = 0.25};
    struct rng r = {.seed = 3};
    uint32_t n = noise_apply(&x, NULL, &r, in, N, N, out);
    assert_true(n > N * 74 / 100 && n < N * 76 / 100);
    for (uint32_t i = 0; i < N; i++) in[i] = 3 | (i % 2 ? DATA_ASKED : DATA_LEARN);
    x = (struct noise){.drop = 0.9, .split = 0.9};
    n = noise_apply(&x, of_fives(&p, list), &r, in, N, 4 * N, out);
    uint32_t learnt = 0;
    for (uint32_t i = 0; i < n; i++) learnt += out[i] == (3 | DATA_LEARN);
    assert_int_equal(learnt, N / 2);
    for (uint32_t i = 0; i < N; i++) in[i] = 4 | DATA_ASKED;
    x = (struct noise){.split = 0.5};
    n = noise_apply(&x, &p, &r, in, N, 4 * N, out); /* 1 + 0.5 (1 + 2 * 0.5) */
    assert_true(n > N * 197 / 100 && n < N * 203 / 100);
    assert_int_equal(out[0], 4 | DATA_ASKED); /* the first token stays */
    for (uint32_t i = 0, k = 0; i < n; i++) { /* what is spelt is the same: 4 as 1 2 1 2 */
        uint32_t id = out[i] & DATA_ID;
        assert_true(out[i] & DATA_ASKED && id >= 1 && id <= 4);
        if (id == 3) assert_true(k % 2 == 0);
        if (id < 3) assert_int_equal(id, k % 2 + 1);
        k += id == 4 ? 4 : id == 3 ? 2 : 1;
    }
    assert_int_equal(noise_apply(&x, &p, &r, in, N, N + 100, out), N + 100);
    mem_free(mem_libc(), in);
    mem_free(mem_libc(), out);
}

struct opening {
    struct rig rig;
    char tokenizer[512];
};

static sil_err open_once(void *ctx, struct mem mem) {
    struct opening *o = ctx;
    struct rig *x = &o->rig;
    sil_err err = rig_open_with(x, mem, o->tokenizer, NULL);
    if (err != SIL_OK) return err;
    struct dataset altered;
    x->r.data[1].drop_tokens = x->r.data[1].split_tokens = 0.2;
    err = dataset_open(mem, &x->r.data[1], 1, &x->v, x->r.shape.ctx, 1, &altered, NULL);
    if (err == SIL_OK) dataset_close(&altered);
    rig_close(x);
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
    static struct opening o;
    make_tokenizer(o.tokenizer);
    assert_true(test_each_allocation(bpe_once, NULL) > 10);
    assert_true(test_each_allocation(open_once, &o) > 10);
    remove(o.tokenizer);
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
    r.data[1].drop_tokens = 0.25;
    assert_int_equal(recipe_canonical(&r, &bf16), SIL_OK);
    assert_null(strstr(f32.p, "storage"));
    assert_non_null(strstr(bf16.p, "storage 0x1p+0\n"));
    assert_true(!strstr(f32.p, "drop_tokens") && !strstr(f32.p, "split_tokens") && !strstr(bf16.p, "split_tokens"));
    assert_non_null(strstr(bf16.p, "drop_tokens 0x1p-2\n"));
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_alone_are_learnt),
                                       cmocka_unit_test(order_and_shares),
                                       cmocka_unit_test(questions_differ_at_each_reading),
                                       cmocka_unit_test(chances_and_limits),
                                       cmocka_unit_test(allocations_may_fail),
                                       cmocka_unit_test(weights_go_out_and_in),
                                       cmocka_unit_test(settings_that_decide_the_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
