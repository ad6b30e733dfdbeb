#include "llama2c_cases.h"

#include <string.h>

#include "formats/llama2c.h"

const struct llama2c_shape llama2c_small = {{4, 6, 2, 2, 1, LLAMA2C_CASE_VOCAB, 16}, 0, true};

static void raw(struct buf *b, const void *p, size_t n) {
    if (buf_put(b, p, n) != SIL_OK) b->max = 0; /* seen by the caller */
}

static size_t count_floats(const struct llama2c_shape *s) {
    size_t dim = (size_t)s->h[0], hidden = (size_t)s->h[1], layers = (size_t)s->h[2], vocab = (size_t)s->h[5];
    size_t head = dim / (size_t)s->h[3], kv = head * (size_t)s->h[4];
    size_t n = vocab * dim * (s->tied ? 1 : 2) + dim;
    n += layers * (2 * dim + 2 * dim * dim + 2 * kv * dim + 3 * hidden * dim);
    return s->version == 0 ? n + (size_t)s->h[6] * head : n;
}

void llama2c_make_model(struct buf *b, const struct llama2c_shape *s) {
    int32_t h[7];
    memcpy(h, s->h, sizeof h);
    if (s->version == 0) {
        if (!s->tied) h[5] = -h[5];
        raw(b, h, sizeof h);
    } else {
        uint8_t tied = s->tied, zeros[256] = {0};
        size_t start = b->n;
        raw(b, "24ka", 4);
        raw(b, &s->version, 4);
        raw(b, h, sizeof h);
        raw(b, &tied, 1);
        raw(b, zeros, 256 - (b->n - start));
    }
    size_t n = count_floats(s);
    for (size_t i = 0; i < n; i++) {
        float f = (float)i / 64;
        raw(b, &f, sizeof f);
    }
}

void llama2c_make_vocab(struct buf *b) {
    static const char *const tokens[LLAMA2C_CASE_VOCAB] = {"<unk>", "\n<s>\n", "\n</s>\n", "<0x0A>",
                                                           " a",    "b",       " ",        "<0x0g>"};
    uint32_t longest = 6;
    raw(b, &longest, 4);
    for (int i = 0; i < LLAMA2C_CASE_VOCAB; i++) {
        float score = (float)-i;
        uint32_t n = (uint32_t)strlen(tokens[i]);
        raw(b, &score, 4);
        raw(b, &n, 4);
        raw(b, tokens[i], n);
    }
}

static void good_tied(struct buf *m, struct buf *v) {
    llama2c_make_model(m, &llama2c_small);
    llama2c_make_vocab(v);
}
static void good_untied(struct buf *m, struct buf *v) {
    struct llama2c_shape s = llama2c_small;
    s.tied = false;
    llama2c_make_model(m, &s);
    llama2c_make_vocab(v);
}
static void good_version_1(struct buf *m, struct buf *v) {
    struct llama2c_shape s = llama2c_small;
    s.version = 1;
    llama2c_make_model(m, &s);
    llama2c_make_vocab(v);
}
/* Replaces header field i of a version 0 model. */
static void field(struct buf *m, struct buf *v, int i, int32_t value) {
    good_tied(m, v);
    memcpy(m->p + 4 * i, &value, 4);
}
static void dim_zero(struct buf *m, struct buf *v) {
    field(m, v, 0, 0);
}
static void hidden_negative(struct buf *m, struct buf *v) {
    field(m, v, 1, -6);
}
static void layers_huge(struct buf *m, struct buf *v) {
    field(m, v, 2, INT32_MAX);
}
static void heads_zero(struct buf *m, struct buf *v) {
    field(m, v, 3, 0);
}
static void kv_heads_odd(struct buf *m, struct buf *v) {
    field(m, v, 4, 3);
}
static void vocab_min(struct buf *m, struct buf *v) {
    field(m, v, 5, INT32_MIN);
}
static void vocab_large(struct buf *m, struct buf *v) {
    field(m, v, 5, LLAMA2C_VOCAB_MAX);
}
static void context_large(struct buf *m, struct buf *v) {
    field(m, v, 6, LLAMA2C_CONTEXT_MAX);
}
static void cut(struct buf *m, struct buf *v) {
    good_tied(m, v);
    m->n--;
}
static void longer(struct buf *m, struct buf *v) {
    good_tied(m, v);
    raw(m, "", 1);
}
static void version_2(struct buf *m, struct buf *v) {
    struct llama2c_shape s = llama2c_small;
    s.version = 2;
    llama2c_make_model(m, &s);
    llama2c_make_vocab(v);
}
static void token_long(struct buf *m, struct buf *v) {
    uint32_t n = UINT32_MAX;
    good_tied(m, v);
    memcpy(v->p + 8, &n, 4);
}
static void tokens_few(struct buf *m, struct buf *v) {
    good_tied(m, v);
    v->n -= 14;
}
static void tokens_many(struct buf *m, struct buf *v) {
    good_tied(m, v);
    raw(v, "\0\0\0\0\1\0\0\0x", 9);
}

static void head_odd(struct buf *m, struct buf *v) {
    field(m, v, 3, 4);
}
static void flag_2(struct buf *m, struct buf *v) {
    good_version_1(m, v);
    m->p[36] = 2;
}
static void padding(struct buf *m, struct buf *v) {
    good_version_1(m, v);
    m->p[255] = 1;
}
/* Token 0 is replaced by one of n bytes with this score. */
static void first_token(struct buf *m, struct buf *v, float score, uint32_t n) {
    struct buf rest;
    good_tied(m, v);
    buf_init(&rest, v->mem, v->max);
    raw(&rest, v->p + 17, v->n - 17);
    v->n = 4;
    raw(v, &score, 4);
    raw(v, &n, 4);
    for (uint32_t i = 0; i < n; i++) raw(v, "x", 1);
    raw(v, rest.p, rest.n);
    buf_free(&rest);
}
static void token_5000(struct buf *m, struct buf *v) {
    first_token(m, v, 0, 5000);
}
static void score_nan(struct buf *m, struct buf *v) {
    first_token(m, v, __builtin_nanf(""), 5);
}

const struct llama2c_case llama2c_cases[] = {
    {"tied", true, good_tied},
    {"untied", true, good_untied},
    {"version_1", true, good_version_1},
    {"dim_zero", false, dim_zero},
    {"hidden_negative", false, hidden_negative},
    {"layers_huge", false, layers_huge},
    {"heads_zero", false, heads_zero},
    {"kv_heads_odd", false, kv_heads_odd},
    {"vocab_min", false, vocab_min},
    {"vocab_large", false, vocab_large},
    {"context_large", false, context_large},
    {"cut", false, cut},
    {"longer", false, longer},
    {"version_2", false, version_2},
    {"token_long", false, token_long},
    {"tokens_few", false, tokens_few},
    {"tokens_many", false, tokens_many},
    {"head_odd", false, head_odd},
    {"flag_2", false, flag_2},
    {"padding", false, padding},
    {"token_5000", false, token_5000},
    {"score_nan", false, score_nan},
};
const size_t llama2c_n_cases = sizeof llama2c_cases / sizeof *llama2c_cases;

void llama2c_make_case(const struct llama2c_case *c, struct buf *out) {
    struct buf model, vocab;
    buf_init(&model, mem_libc(), 1 << 20);
    buf_init(&vocab, mem_libc(), 1 << 20);
    c->make(&model, &vocab);
    uint32_t n = (uint32_t)model.n;
    raw(out, &n, 4);
    raw(out, model.p, model.n);
    raw(out, vocab.p, vocab.n);
    if (model.max == 0 || vocab.max == 0) out->max = 0;
    buf_free(&model);
    buf_free(&vocab);
}
