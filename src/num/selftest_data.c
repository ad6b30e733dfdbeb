#include "num/selftest_data.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "num/fp16.h"
#include "num/ref.h"

void *st_bytes(struct st *st, size_t bytes, uint32_t shift) {
    assert(st->n_bufs < ST_BUFS);
    bool bordered = st->row.cases % 2 != 0;
    size_t before = bordered ? ST_BORDER + (shift ? st_below(st, shift + 1) : 0) : 0;
    size_t size = bytes + before + (bordered ? ST_BORDER : 0);
    uint8_t *p = mem_alloc(st->t->mem, size ? size : 1);
    if (!p) {
        st->nomem = true;
        return NULL;
    }
    memset(p, 0xff, size);
    st->bufs[st->n_bufs++] = p;
    return p + before;
}

float *st_floats(struct st *st, size_t n) {
    return st_bytes(st, n * sizeof(float), 0);
}

void st_release(struct st *st) {
    while (st->n_bufs > 0) mem_free(st->t->mem, st->bufs[--st->n_bufs]);
}

uint32_t st_below(struct st *st, uint32_t n) {
    return (uint32_t)rng_below(&st->rng, n);
}

uint32_t st_pick(struct st *st, const uint32_t *from, uint32_t n) {
    return from[st_below(st, n)];
}

static float special(struct st *st) {
    static const float values[] = {0.0f,      -0.0f,    0x1p-149f, -0x1p-149f, 0x1.8p-130f, -0x1p-126f, 0x1p-61f,
                                   -0x1p-60f, 0x1p-59f, 1.0f,      -1.0f,      0.5f,        -1.5f,      3.0f};
    return values[st_below(st, sizeof values / sizeof *values)];
}

void st_fill(struct st *st, float *x, size_t n) {
    uint32_t kind = st_below(st, 6);
    for (size_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)rng_u64(&st->rng);
        if (kind <= 1) x[i] = rng_normal(&st->rng);
        else if (kind == 2) x[i] = bits_float((u & 0x807fffffu) | (100 + (u >> 24 & 63) % 50) << 23);
        else if (kind == 3) x[i] = u & 1u ? special(st) : rng_normal(&st->rng) * 0x1p-60f;
        else if (kind == 4) x[i] = u & 3u ? bits_float(u & 0x80000000u) : rng_normal(&st->rng);
        else x[i] = i % NUM_BLOCK == 5 ? 127.0f : (float)((int)(u % 254) - 127) + 0.5f;
    }
}

/* Makes a 16-bit float of random bits finite and at most 2^6 or so, so that sums stay finite. */
static uint16_t tame(uint16_t h, enum dtype type) {
    if (type == DTYPE_BF16) return (uint16_t)((h & 0x807fu) | (100u + (h >> 7 & 31u)) << 7);
    return (h & 0x7c00u) > 0x5400u ? h & 0xabffu : h;
}

static void tame_at(uint8_t *p, enum dtype type) {
    uint16_t h = tame((uint16_t)(p[0] | p[1] << 8), type);
    p[0] = (uint8_t)h;
    p[1] = (uint8_t)(h >> 8);
}

static void tame_row(struct st *st, enum dtype type, uint8_t *row, uint32_t cols) {
    const struct dtype_info *info = dtype_get(type);
    for (uint32_t b = 0; b < cols / info->block_len; b++, row += info->block_bytes) {
        if (type == DTYPE_F32) {
            float v = rng_normal(&st->rng) * (st_below(st, 8) ? 1.0f : 0x1p-120f);
            memcpy(row, &v, sizeof v);
        } else {
            bool second = type == DTYPE_Q4_1 || type == DTYPE_Q5_1 || type == DTYPE_Q4_K || type == DTYPE_Q5_K;
            tame_at(type == DTYPE_Q6_K ? row + info->block_bytes - 2 : row, type);
            if (second) tame_at(row + 2, type);
        }
    }
}

bool st_matrix(struct st *st, enum dtype type, uint32_t rows, uint32_t cols, struct num_matrix *w) {
    const struct dtype_info *info = dtype_get(type);
    size_t used = (size_t)cols / info->block_len * info->block_bytes, row_bytes = used + st_below(st, 3) * 2;
    uint8_t *data = st_bytes(st, row_bytes * (rows - 1) + used, 3);
    if (!data) return false;
    for (uint32_t r = 0; r < rows; r++) {
        uint8_t *row = data + r * row_bytes;
        uint32_t extreme = st_below(st, 6); /* now and then all codes at one end */
        for (size_t i = 0; i < used; i++)
            row[i] = extreme == 0 ? 0xff : extreme == 1 ? 0x80 : (uint8_t)(rng_u64(&st->rng) >> 13);
        tame_row(st, type, row, cols);
    }
    *w = (struct num_matrix){.type = type, .rows = rows, .cols = cols, .data = data, .row_bytes = row_bytes};
    return true;
}

bool st_act(struct st *st, uint32_t n_rows, uint32_t cols, struct num_act *a) {
    size_t n = (size_t)n_rows * cols, blocks = n / NUM_BLOCK;
    *a = (struct num_act){.n_rows = n_rows, .cols = cols};
    float *x = st_floats(st, n);
    if (!x) return false;
    st_fill(st, x, n);
    a->x = x;
    if (cols % NUM_BLOCK != 0) return true;
    a->q = st_bytes(st, n, 3);
    a->d = st_floats(st, blocks);
    a->asum = st_bytes(st, blocks * sizeof *a->asum, 0);
    if (!a->q || !a->d || !a->asum) return false;
    bool ok = ref_quantize(x, (uint32_t)n, a->q, a->d, a->asum);
    assert(ok);
    return ok;
}

bool st_panels(struct st *st, struct num_act *a) {
    const struct num_kernels *k = st->t->kernels;
    a->panels = st_bytes(st, num_panel_bytes(a->n_rows, a->cols), 3);
    if (!a->panels) return false;
    uint32_t half = a->n_rows / 2 / k->act_rows * k->act_rows;
    k->pack_act(a, half, a->n_rows); /* parts come in any order */
    k->pack_act(a, 0, half);
    return true;
}

bool st_same(const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (float_bits(a[i]) != float_bits(b[i]) && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}
