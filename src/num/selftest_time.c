/* Speeds of the self-test: one thread, data that fits the last-level cache or not as a real layer would. */
#include "num/ref.h"
#include "num/selftest_data.h"

enum { MIN_NS = 20000000, MAX_TURNS = 1 << 20 };

/* Seconds for one call of fn, the best of the calls that fit MIN_NS (at least two). */
static double best_time(struct st *st, void (*fn)(struct st *, void *), void *ctx) {
    uint64_t begin = clock_now_ns(*st->t->clock), best = UINT64_MAX;
    for (int turn = 0; turn < MAX_TURNS; turn++) {
        uint64_t a = clock_now_ns(*st->t->clock);
        fn(st, ctx);
        uint64_t b = clock_now_ns(*st->t->clock);
        if (b - a < best) best = b - a;
        if (turn >= 1 && b - begin > MIN_NS) break;
    }
    return best > 0 ? (double)best * 1e-9 : 1e-9;
}

struct linear_run {
    struct num_matrix w;
    struct num_act a;
    float *out;
};

static void linear_once(struct st *st, void *ctx) {
    struct linear_run *r = ctx;
    st->t->kernels->linear[r->w.type](&r->w, &r->a, 0, r->w.rows, r->out, r->w.rows);
}

void st_time_linear(struct st *st, enum dtype type) {
    enum { ROWS = 1024, COLS = 2048, BATCH = 16 };
    struct linear_run r;
    if (!st_matrix(st, type, ROWS, COLS, &r.w) || !st_act(st, BATCH, COLS, &r.a)) return;
    r.out = st_floats(st, (size_t)ROWS * BATCH);
    if (!r.out) return;
    double many = best_time(st, linear_once, &r);
    r.a.n_rows = 1;
    double one = best_time(st, linear_once, &r);
    st->row.gb_s = (double)r.w.row_bytes * ROWS / one * 1e-9;
    st->row.gop_s = 2.0 * ROWS * COLS * BATCH / many * 1e-9;
}

struct attend_run {
    uint8_t *pages[16];
    enum sil_kv kv;
    struct num_query q[NUM_ATTN_QUERIES];
    uint32_t n;
};

static void attend_once(struct st *st, void *ctx) {
    struct attend_run *r = ctx;
    st->t->kernels->attend[r->kv](r->q, r->n, r->pages, 0);
}

void st_time_attend(struct st *st, enum sil_kv kv) {
    enum { DIM = 128, PAGES = 16, N = NUM_ATTN_QUERIES };
    struct num_attn shape = {.head_dim = DIM, .n_pos = PAGES * NUM_KV_PAGE, .scale = 0.088f};
    struct attend_run r = {.n = N, .kv = kv};
    float *query = st_floats(st, (size_t)N * DIM), *out = st_floats(st, (size_t)N * DIM);
    for (int i = 0; i < PAGES; i++) {
        float k[DIM];
        r.pages[i] = st_bytes(st, num_kv_bytes(kv, DIM), 0);
        if (!r.pages[i]) return;
        for (uint32_t p = 0; p < NUM_KV_PAGE; p++) {
            for (int j = 0; j < DIM; j++) k[j] = rng_normal(&st->rng);
            st->ref.kv_store[kv](r.pages[i], p, k, k, DIM);
        }
    }
    if (st->nomem) return;
    for (uint32_t i = 0; i < N * DIM; i++) query[i] = rng_normal(&st->rng);
    for (uint32_t i = 0; i < N; i++) r.q[i] = (struct num_query){shape, query + (size_t)i * DIM, out + (size_t)i * DIM};
    double many = best_time(st, attend_once, &r);
    r.n = 1;
    double one = best_time(st, attend_once, &r);
    st->row.gb_s = (double)num_kv_bytes(kv, DIM) * PAGES / one * 1e-9;
    st->row.gop_s = 4.0 * DIM * PAGES * NUM_KV_PAGE * N / many * 1e-9;
}

struct rows_run {
    void (*once)(struct st *st, float *x, float *y, uint32_t n);
    float *x, *y;
    uint32_t n;
};

static void rows_once(struct st *st, void *ctx) {
    struct rows_run *r = ctx;
    r->once(st, r->x, r->y, r->n);
}

void st_time_rows(struct st *st, void (*once)(struct st *st, float *x, float *y, uint32_t n), double bytes_each) {
    enum { N = 8192 };
    struct rows_run r = {.once = once, .x = st_floats(st, N), .y = st_floats(st, N), .n = N};
    if (!r.x || !r.y) return;
    for (int i = 0; i < N; i++) {
        r.x[i] = rng_normal(&st->rng);
        r.y[i] = 0x1p-7f;
    }
    st->row.gb_s = bytes_each * N / best_time(st, rows_once, &r) * 1e-9;
}
