#include "model/pack.h"

#include <assert.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/err.h"

/* Huge pages save the address look-ups that cost a decode step a tenth of its bandwidth. */
enum { HUGE = 2 << 20, ALIGN = 64, PARTS = 32 };

/* Calls fn for each linear layer of the model, in the order of their use; stops at a false. */
static bool each_linear(struct model *m, bool (*fn)(struct model *m, struct model_linear *l, void *arg), void *arg) {
    for (uint32_t i = 0; i < m->shape.n_layers; i++)
        for (uint32_t k = 0; k < MODEL_LINEARS; k++)
            if (!fn(m, model_linear_of(&m->layers[i], k), arg)) return false;
    return fn(m, &m->output, arg);
}

/* Packed bytes of a layer, rounded so that the next one is aligned; 0 when its kernels read the file's layout. */
static bool packed_bytes(const struct model *m, const struct model_linear *l, size_t *out) {
    *out = 0;
    enum dtype t = l->w.type;
    return m->k.pack_rows[t] == 0 || size_align(m->k.pack_bytes[t](&l->w), ALIGN, out);
}

static bool add_bytes(struct model *m, struct model_linear *l, void *arg) {
    size_t bytes, *total = arg;
    return packed_bytes(m, l, &bytes) && size_add(*total, bytes, total);
}

struct job {
    const struct model *m;
    struct model_linear *l;
    void *to;
    uint32_t rows_per_part;
};

static void pack_part(void *arg, uint32_t part, uint32_t worker) {
    (void)worker;
    const struct job *j = arg;
    uint32_t r0 = part * j->rows_per_part, r1 = r0 + j->rows_per_part;
    if (r1 > j->l->w.rows) r1 = j->l->w.rows;
    j->m->k.pack[j->l->w.type](&j->l->w, j->to, r0, r1);
}

struct cursor {
    struct pool *pool;
    uint8_t *at;
};

static bool pack_linear(struct model *m, struct model_linear *l, void *arg) {
    struct cursor *c = arg;
    size_t bytes = 0;
    bool fits = packed_bytes(m, l, &bytes); /* add_bytes has asked before */
    assert(fits);
    (void)fits;
    if (bytes == 0) return true;
    uint32_t unit = m->k.pack_rows[l->w.type], units = (l->w.rows - 1) / unit + 1;
    struct job j = {.m = m, .l = l, .to = c->at, .rows_per_part = ((units - 1) / PARTS + 1) * unit};
    pool_run(c->pool, (l->w.rows - 1) / j.rows_per_part + 1, pack_part, &j);
    l->w.packed = c->at;
    c->at += bytes;
    if (l->w.data != m->embed.data) model_file_release(m->file, l->w.data, l->w.row_bytes * l->w.rows);
    return true;
}

sil_err pack_model(struct model *m, struct pool *pool, struct sil_error *e) {
    size_t bytes = 0, with_slack = 0;
    if (!each_linear(m, add_bytes, &bytes) || !size_add(bytes, HUGE, &with_slack))
        return err_set(e, SIL_LIMIT, "the weights are too large to be packed");
    if (bytes == 0) return SIL_OK;
    m->packed = mem_alloc(m->mem, with_slack);
    if (!m->packed) return err_nomem(e, "packed weights", with_slack);
    uintptr_t first = ((uintptr_t)m->packed + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
    struct cursor c = {.pool = pool, .at = (uint8_t *)first};
    if (bytes >= HUGE && madvise(c.at, bytes & ~(size_t)(HUGE - 1), MADV_HUGEPAGE) != 0) {
        /* A kernel without huge pages: only slower. */
    }
    m->packed_bytes = bytes;
    each_linear(m, pack_linear, &c);
    return SIL_OK;
}

void pack_free(struct model *m) {
    mem_free(m->mem, m->packed);
    m->packed = NULL;
}
