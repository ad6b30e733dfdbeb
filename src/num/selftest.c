#include "num/selftest.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "num/fp16.h"
#include "num/ref.h"
#include "num/selftest_data.h"

/* Notes what differed; false, so that a case can end in `return differs(...)`. */
static bool differs(struct st *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool differs(struct st *st, const char *fmt, ...) {
    if (st->row.failures > 0) return false;
    va_list args;
    va_start(args, fmt);
    vsnprintf(st->row.first, sizeof st->row.first, fmt, args);
    va_end(args);
    return false;
}

/* Two outputs of n floats, filled with the same pattern, borders included. */
struct outputs {
    float *want, *got;
    size_t n;
};

static bool outputs(struct st *st, size_t n, struct outputs *o) {
    o->n = n + 2 * ST_BORDER;
    o->want = st_floats(st, o->n);
    o->got = st_floats(st, o->n);
    if (!o->want || !o->got) return false;
    o->want += ST_BORDER;
    o->got += ST_BORDER;
    return true;
}

static bool outputs_same(const struct outputs *o) {
    return st_same(o->want - ST_BORDER, o->got - ST_BORDER, o->n);
}

#define PICK(st, ...)                                                                                                  \
    st_pick(st, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static uint32_t any_cols(struct st *st, enum dtype type) {
    uint32_t block = dtype_get(type)->block_len;
    if (block == 1) return PICK(st, 1, 2, 3, 7, 8, 9, 15, 17, 31, 64, 65, 100, 511, 512, 513, 640, 1030);
    return block * (block == NUM_BLOCK ? PICK(st, 1, 2, 3, 5, 17, 33) : PICK(st, 1, 2, 3, 5));
}

/* Sizes of a linear layer; now and then more rows or columns than kernels take in hand at a time, with few outputs. */
static void any_sizes(struct st *st, enum dtype type, uint32_t *rows, uint32_t *cols, uint32_t *n_rows) {
    *rows = PICK(st, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 40, 65);
    *cols = any_cols(st, type);
    *n_rows = PICK(st, 1, 1, 2, 3, 5, 16, 17, 33);
    uint32_t special = st_below(st, 32);
    if (special < 2) *rows = PICK(st, 1, 3, 9);
    if (special == 0) *n_rows = PICK(st, 130, 173, 259, 300);
    if (special == 1) *cols = PICK(st, 2048, 4352, 33536);
    if (special == 1) *n_rows = PICK(st, 1, 2, 7, 17);
}

static bool case_linear(struct st *st, enum dtype type) {
    uint32_t rows, cols, n_rows;
    any_sizes(st, type, &rows, &cols, &n_rows);
    uint32_t o0 = st_below(st, rows), stride = rows + st_below(st, 4), o1 = o0 + 1 + st_below(st, rows - o0);
    struct num_matrix w;
    struct num_act a;
    struct outputs out;
    if (!st_matrix(st, type, rows, cols, &w) || !st_act(st, n_rows, cols, &a)) return true;
    if (!outputs(st, (size_t)n_rows * stride, &out)) return true;
    st->ref.linear[type](&w, &a, o0, o1, out.want, stride);
    const struct num_kernels *k = st->t->kernels;
    if (k->pack_bytes[type] && st_below(st, 4)) { /* now and then the file's layout */
        void *packed = st_bytes(st, k->pack_bytes[type](&w), 0);
        if (!packed) return true;
        k->pack[type](&w, packed, 0, rows);
        w.packed = packed;
    }
    if (k->pack_act && cols % NUM_BLOCK == 0 && st_below(st, 4) && !st_panels(st, &a)) return true;
    k->linear[type](&w, &a, o0, o1, out.got, stride);
    if (outputs_same(&out)) return true;
    return differs(st, "outputs %u..%u of %u, %u inputs, %u rows of activations, stride %u", o0, o1, rows, cols, n_rows,
                   stride);
}

static bool case_row(struct st *st, enum dtype type) {
    uint32_t rows = 1 + st_below(st, 4), cols = any_cols(st, type), row = st_below(st, rows);
    struct num_matrix w;
    struct outputs out;
    if (!st_matrix(st, type, rows, cols, &w) || !outputs(st, cols, &out)) return true;
    st->ref.row[type](&w, row, out.want);
    st->t->kernels->row[type](&w, row, out.got);
    return outputs_same(&out) || differs(st, "row %u of %u, %u columns", row, rows, cols);
}

/* Puts an infinity or a NaN somewhere in one of four cases; true when it did. */
static bool poison(struct st *st, float *x, uint32_t n) {
    static const uint32_t bad[] = {0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800001u, 0xffffffffu};
    if (st_below(st, 4) != 0) return false;
    x[st_below(st, n)] = bits_float(st_pick(st, bad, 5));
    return true;
}

static bool case_quantize(struct st *st) {
    uint32_t blocks = 1 + st_below(st, 9), n = blocks * NUM_BLOCK;
    float *x = st_floats(st, n);
    struct outputs d;
    int8_t *q[2];
    int32_t *sum[2];
    for (int i = 0; i < 2; i++) {
        q[i] = st_bytes(st, n + 2, 0);
        sum[i] = st_bytes(st, (blocks + 1) * sizeof(int32_t), 0);
    }
    if (!outputs(st, blocks, &d) || st->nomem) return true;
    st_fill(st, x, n);
    if (st_below(st, 3) == 0)
        for (uint32_t i = 0; i < NUM_BLOCK; i++) x[i] = x[i] * 0x1p-62f; /* around the limit of zero blocks */
    bool bad = poison(st, x, n);
    bool a = st->ref.quantize(x, n, q[0], d.want, sum[0]);
    bool b = st->t->kernels->quantize(x, n, q[1], d.got, sum[1]);
    if (a == bad || a != b) return differs(st, "%u values: finite %d, reference %d", n, b, a);
    if (bad) return true;
    if (memcmp(q[0], q[1], n + 2) != 0) return differs(st, "%u values: codes", n);
    if (memcmp(sum[0], sum[1], (blocks + 1) * sizeof(int32_t)) != 0) return differs(st, "%u values: sums", n);
    return outputs_same(&d) || differs(st, "%u values: scales", n);
}

static bool case_finite(struct st *st) {
    uint32_t n = 1 + st_below(st, 100);
    float *x = st_floats(st, n);
    if (!x) return true;
    st_fill(st, x, n);
    bool bad = poison(st, x, n), got = st->t->kernels->finite(x, n);
    return got == !bad || differs(st, "%u values", n);
}

static bool case_rmsnorm(struct st *st) {
    uint32_t n = 1 + st_below(st, st_below(st, 2) ? 40 : 2100);
    float *x = st_floats(st, n), *w = st_floats(st, n), eps = st_below(st, 2) ? 1e-5f : 1e-6f;
    struct outputs out;
    if (!outputs(st, n, &out) || st->nomem) return true;
    st_fill(st, x, n);
    st_fill(st, w, n);
    bool in_place = st_below(st, 2);
    if (in_place) memcpy(out.got, x, n * sizeof *x);
    st->ref.rmsnorm(x, w, n, eps, out.want);
    st->t->kernels->rmsnorm(in_place ? out.got : x, w, n, eps, out.got);
    return outputs_same(&out) || differs(st, "%u values", n);
}

static bool case_rope(struct st *st, bool pairs) {
    uint32_t n = 2 * (1 + st_below(st, 70));
    float *c = st_floats(st, n / 2), *s = st_floats(st, n / 2);
    struct outputs out;
    if (!outputs(st, n + 3, &out) || st->nomem) return true;
    st_fill(st, c, n / 2);
    st_fill(st, s, n / 2);
    st_fill(st, out.want, n);
    memcpy(out.got, out.want, n * sizeof *c);
    (pairs ? st->ref.rope_pairs : st->ref.rope_halves)(out.want, c, s, n);
    (pairs ? st->t->kernels->rope_pairs : st->t->kernels->rope_halves)(out.got, c, s, n);
    return outputs_same(&out) || differs(st, "%u values", n);
}

static bool case_gated(struct st *st, enum num_act_fn act) {
    uint32_t n = 1 + st_below(st, 200);
    float *up = st_floats(st, n), spread = st_below(st, 2) ? 1.0f : 20.0f;
    struct outputs out;
    if (!outputs(st, n, &out) || st->nomem) return true;
    st_fill(st, out.want, n);
    st_fill(st, up, n);
    for (uint32_t i = 0; i < n; i++) out.want[i] = out.want[i] * spread;
    poison(st, out.want, n);
    memcpy(out.got, out.want, n * sizeof *up);
    st->ref.gated(act, out.want, up, n);
    st->t->kernels->gated(act, out.got, up, n);
    return outputs_same(&out) || differs(st, "%u values", n);
}

static bool case_add(struct st *st) {
    uint32_t n = 1 + st_below(st, 100);
    float *y = st_floats(st, n);
    struct outputs out;
    if (!outputs(st, n, &out) || st->nomem) return true;
    st_fill(st, out.want, n);
    st_fill(st, y, n);
    memcpy(out.got, out.want, n * sizeof *y);
    st->ref.add(out.want, y, n);
    st->t->kernels->add(out.got, y, n);
    return outputs_same(&out) || differs(st, "%u values", n);
}

static uint32_t any_head_dim(struct st *st) {
    return PICK(st, 1, 2, 7, 8, 16, 20, 32, 40, 64, 80, 100, 128, 256, 512);
}

static bool kv_store(struct st *st, enum sil_kv kv) {
    uint32_t d = any_head_dim(st), pos = st_below(st, 1000);
    size_t bytes = num_kv_bytes(kv, d);
    float *k = st_floats(st, d), *v = st_floats(st, d);
    uint8_t *part[2] = {st_bytes(st, bytes, 0), st_bytes(st, bytes, 0)};
    if (st->nomem) return true;
    st_fill(st, k, d);
    st_fill(st, v, d);
    if (st_below(st, 3) == 0) k[st_below(st, d)] = st_below(st, 2) ? 65519.99f : -3e38f; /* saturates */
    bool bad = poison(st, st_below(st, 2) ? k : v, d);
    bool a = st->ref.kv_store[kv](part[0], pos, k, v, d), b = st->t->kernels->kv_store[kv](part[1], pos, k, v, d);
    if (a == bad || a != b) return differs(st, "head_dim %u: finite %d, reference %d", d, b, a);
    return bad || memcmp(part[0], part[1], bytes) == 0 || differs(st, "head_dim %u, position %u", d, pos);
}

enum { ATTN_PAGES = 5 };

/* Pages whose positions outside first .. n_pos-1 stay NaN. */
static bool fill_pages(struct st *st, enum sil_kv kv, const struct num_attn *shape, size_t offset,
                       uint8_t *pages[ATTN_PAGES]) {
    uint32_t d = shape->head_dim;
    float *k = st_floats(st, d), *v = st_floats(st, d);
    for (int i = 0; i < ATTN_PAGES; i++) pages[i] = st_bytes(st, offset + num_kv_bytes(kv, d), 0);
    if (st->nomem) return false;
    for (uint32_t p = shape->first; p < shape->n_pos; p++) {
        for (uint32_t i = 0; i < d; i++) {
            k[i] = rng_normal(&st->rng);
            v[i] = rng_normal(&st->rng);
        }
        if (p % 7 == 0) st_fill(st, v, d);
        st->ref.kv_store[kv](pages[p / NUM_KV_PAGE] + offset, p, k, v, d);
    }
    return true;
}

/* Some rows of a sequence, some heads each, in one call. */
static bool attend(struct st *st, enum sil_kv kv) {
    uint32_t n = st_below(st, 4) ? 1 + st_below(st, NUM_ATTN_QUERIES) : 1, d = any_head_dim(st);
    uint32_t n_pos = 1 + st_below(st, st_below(st, 2) ? 70 : ATTN_PAGES * NUM_KV_PAGE - 1),
             heads = PICK(st, 1, 2, 4, 5);
    struct num_attn all = {.head_dim = d, .n_pos = n_pos, .scale = 0.125f};
    struct num_query want[NUM_ATTN_QUERIES], got[NUM_ATTN_QUERIES];
    uint32_t window = st_below(st, 2) ? 1 + st_below(st, 100) : 0;
    uint8_t *pages[ATTN_PAGES];
    size_t offset = (size_t)st_below(st, 3) * 64;
    float *query = st_floats(st, (size_t)n * d);
    struct outputs out;
    if (!outputs(st, (size_t)n * d, &out) || st->nomem) return true;
    for (uint32_t i = n; i-- > 0;) { /* the last row is the latest; all.first ends as the earliest row's */
        struct num_attn one = {.head_dim = d, .scale = all.scale, .n_pos = n_pos, .has_sink = st_below(st, 3) == 0};
        one.sink = rng_normal(&st->rng) * 4.0f;
        one.first = all.first = window && n_pos > window ? n_pos - window : 0;
        for (uint32_t k = 0; k < d; k++) query[(size_t)i * d + k] = rng_normal(&st->rng);
        want[i] = (struct num_query){one, query + (size_t)i * d, out.want + (size_t)i * d};
        got[i] = (struct num_query){one, query + (size_t)i * d, out.got + (size_t)i * d};
        if (i % heads == 0 && n_pos > 1) n_pos -= st_below(st, 8) ? 1 : 1 + st_below(st, n_pos - 1);
    }
    if (!fill_pages(st, kv, &all, offset, pages)) return true;
    st->ref.attend[kv](want, n, pages, offset);
    st->t->kernels->attend[kv](got, n, pages, offset);
    if (!ref_finite(out.want, (size_t)n * d)) return differs(st, "the reference is not finite");
    return outputs_same(&out) ||
           differs(st, "head_dim %u, %u queries, up to position %u, window %u", d, n, all.n_pos - 1, window);
}

/* --- the list --- */

static bool case_rope_pairs(struct st *st) {
    return case_rope(st, true);
}
static bool case_rope_halves(struct st *st) {
    return case_rope(st, false);
}
static bool case_kv_store(struct st *st) {
    return kv_store(st, SIL_KV_F16);
}
static bool case_kv_store_int8(struct st *st) {
    return kv_store(st, SIL_KV_INT8);
}
static bool case_attend(struct st *st) {
    return attend(st, SIL_KV_F16);
}
static bool case_attend_int8(struct st *st) {
    return attend(st, SIL_KV_INT8);
}
static bool case_silu(struct st *st) {
    return case_gated(st, NUM_SILU);
}
static bool case_gelu_tanh(struct st *st) {
    return case_gated(st, NUM_GELU_TANH);
}
static bool case_gelu_erf(struct st *st) {
    return case_gated(st, NUM_GELU_ERF);
}
static bool case_relu(struct st *st) {
    return case_gated(st, NUM_RELU);
}

static void once_quantize(struct st *st, float *x, float *y, uint32_t n) {
    int8_t *q = (int8_t *)y; /* 4 n bytes: codes, scales and sums fit */
    st->t->kernels->quantize(x, n, q, y + n / 2, (int32_t *)(y + n / 2 + n / NUM_BLOCK));
}
static void once_rmsnorm(struct st *st, float *x, float *y, uint32_t n) {
    st->t->kernels->rmsnorm(x, x, n, 1e-5f, y);
}
static void once_silu(struct st *st, float *x, float *y, uint32_t n) {
    st->t->kernels->gated(NUM_SILU, x, y, n);
}
static void once_gelu_tanh(struct st *st, float *x, float *y, uint32_t n) {
    st->t->kernels->gated(NUM_GELU_TANH, x, y, n);
}
static void once_gelu_erf(struct st *st, float *x, float *y, uint32_t n) {
    st->t->kernels->gated(NUM_GELU_ERF, x, y, n);
}

#define FIELD(name) offsetof(struct num_kernels, name)
static const struct {
    const char *name;
    size_t field; /* of the table */
    bool (*run)(struct st *st);
    void (*once)(struct st *st, float *x, float *y, uint32_t n);
    double bytes_each;
} simple[] = {
    {"quantize", FIELD(quantize), case_quantize, once_quantize, 4},
    {"finite", FIELD(finite), case_finite, NULL, 0},
    {"rmsnorm", FIELD(rmsnorm), case_rmsnorm, once_rmsnorm, 4},
    {"rope pairs", FIELD(rope_pairs), case_rope_pairs, NULL, 0},
    {"rope halves", FIELD(rope_halves), case_rope_halves, NULL, 0},
    {"gated silu", FIELD(gated), case_silu, once_silu, 8},
    {"gated gelu_tanh", FIELD(gated), case_gelu_tanh, once_gelu_tanh, 8},
    {"gated gelu_erf", FIELD(gated), case_gelu_erf, once_gelu_erf, 8},
    {"gated relu", FIELD(gated), case_relu, NULL, 0},
    {"add", FIELD(add), case_add, NULL, 0},
    {"kv_store", FIELD(kv_store[SIL_KV_F16]), case_kv_store, NULL, 0},
    {"kv_store int8", FIELD(kv_store[SIL_KV_INT8]), case_kv_store_int8, NULL, 0},
    {"attend", FIELD(attend[SIL_KV_F16]), case_attend, NULL, 0},
    {"attend int8", FIELD(attend[SIL_KV_INT8]), case_attend_int8, NULL, 0},
};

/* True when the function pointer at `field` is the reference's. */
static bool is_reference(const struct st *st, size_t field) {
    return memcmp((const char *)st->t->kernels + field, (const char *)&st->ref + field, sizeof(void (*)(void))) == 0;
}

static void finish(struct st *st, uint32_t *failures) {
    *failures += st->row.failures;
    if (!st->nomem && st->t->report) st->t->report(st->t->ctx, &st->row);
}

static void begin(struct st *st, const char *name) {
    st->row = (struct num_selftest_row){.kernel = name};
    st->rng.position = 0;
    st->rng.stream++;
}

/* Runs the cases of one kernel: fn for simple ones, typed(type) for the others. */
static void run_cases(struct st *st, bool (*fn)(struct st *), bool (*typed)(struct st *, enum dtype), enum dtype type) {
    while (st->row.cases < st->t->cases && !st->nomem) {
        bool ok = fn ? fn(st) : typed(st, type);
        st->row.failures += !ok;
        st->row.cases++;
        st_release(st);
    }
}

static void run_type(struct st *st, enum dtype type, uint32_t *failures) {
    char name[32];
    snprintf(name, sizeof name, "linear %s", dtype_get(type)->name);
    begin(st, name);
    st->row.is_reference = st->t->kernels->linear[type] == st->ref.linear[type];
    run_cases(st, NULL, case_linear, type);
    if (st->t->clock && !st->nomem) st_time_linear(st, type);
    st_release(st);
    finish(st, failures);
    snprintf(name, sizeof name, "row %s", dtype_get(type)->name);
    begin(st, name);
    st->row.is_reference = st->t->kernels->row[type] == st->ref.row[type];
    run_cases(st, NULL, case_row, type);
    finish(st, failures);
}

sil_err num_selftest(const struct num_selftest *t, uint32_t *failures, struct sil_error *e) {
    struct st st = {.t = t, .rng = {.seed = t->seed}};
    *failures = 0;
    num_kernels_init(&st.ref, 0);
    for (uint32_t type = 0; type < DTYPE_COUNT && !st.nomem; type++)
        if (dtype_get(type)) run_type(&st, (enum dtype)type, failures);
    for (size_t i = 0; i < sizeof simple / sizeof *simple && !st.nomem; i++) {
        begin(&st, simple[i].name);
        st.row.is_reference = is_reference(&st, simple[i].field);
        run_cases(&st, simple[i].run, NULL, DTYPE_F32);
        bool timed = t->clock && !st.nomem;
        if (timed && simple[i].once) st_time_rows(&st, simple[i].once, simple[i].bytes_each);
        if (timed && simple[i].run == case_attend) st_time_attend(&st, SIL_KV_F16);
        if (timed && simple[i].run == case_attend_int8) st_time_attend(&st, SIL_KV_INT8);
        st_release(&st);
        finish(&st, failures);
    }
    if (st.nomem) return err_set(e, SIL_NOMEM, "no memory for the kernel self-test");
    return SIL_OK;
}
