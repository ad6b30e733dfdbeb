#include "model/pack.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/err.h"

/* Huge pages save the address look-ups that cost a decode step a tenth of its bandwidth. */
enum { HUGE = 2 << 20, ALIGN = 64, PARTS = 32 };

/* A pass of so many rows packs all that is left; passes of fewer do in so many steps. */
enum { MANY_ROWS = 32, STEPS = 12 };

struct pack {
    pthread_rwlock_t lock; /* shared: a pass reads layouts; exclusive: they change */
    uint32_t next;         /* linear layer */
    uint8_t *at;           /* where it goes */
    atomic_bool begun, done;
};

/* In the order of their use; the last is the output. */
static struct model_linear *linear_at(struct model *m, uint32_t i) {
    return i < m->shape.n_layers * MODEL_LINEARS ? model_linear_of(&m->layers[i / MODEL_LINEARS], i % MODEL_LINEARS)
                                                 : &m->output;
}

static uint32_t n_linears(const struct model *m) {
    return m->shape.n_layers * MODEL_LINEARS + 1;
}

/* Packed bytes of a layer, rounded so that the next one is aligned; 0 when its kernels read the file's layout. */
static bool packed_bytes(const struct model *m, const struct model_linear *l, size_t *out) {
    *out = 0;
    enum dtype t = l->w.type;
    return m->k.pack_rows[t] == 0 || size_align(m->k.pack_bytes[t](&l->w), ALIGN, out);
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

/* Packs the next layer; returns its bytes. */
static size_t pack_next(struct model *m, struct pool *pool) {
    struct pack *p = m->pack;
    struct model_linear *l = linear_at(m, p->next++);
    size_t bytes = 0;
    bool fits = packed_bytes(m, l, &bytes); /* pack_open has asked before */
    assert(fits);
    (void)fits;
    if (bytes == 0) return 0;
    uint32_t unit = m->k.pack_rows[l->w.type], units = (l->w.rows - 1) / unit + 1;
    struct job j = {.m = m, .l = l, .to = p->at, .rows_per_part = ((units - 1) / PARTS + 1) * unit};
    pool_run(pool, (l->w.rows - 1) / j.rows_per_part + 1, pack_part, &j);
    l->w.packed = p->at;
    p->at += bytes;
    if (l->w.data != m->embed.data) model_file_release(m->file, l->w.data, l->w.row_bytes * l->w.rows);
    return bytes;
}

/* At least `share` bytes, as far as there are. */
static void pack_some(struct model *m, struct pool *pool, size_t share) {
    struct pack *p = m->pack;
    for (size_t done = 0; done < share && p->next < n_linears(m);) done += pack_next(m, pool);
    if (p->next == n_linears(m)) atomic_store_explicit(&p->done, true, memory_order_release);
}

void pack_all(struct model *m, struct pool *pool) {
    if (m->pack) pack_some(m, pool, SIZE_MAX);
}

bool pack_begin(struct model *m, struct pool *pool, uint32_t n_rows) {
    struct pack *p = m->pack;
    if (!p || atomic_load_explicit(&p->done, memory_order_acquire)) return false;
    if (n_rows >= MANY_ROWS || atomic_exchange_explicit(&p->begun, true, memory_order_relaxed)) {
        pthread_rwlock_wrlock(&p->lock);
        pack_some(m, pool, n_rows >= MANY_ROWS ? SIZE_MAX : m->packed_bytes / STEPS + 1);
        pthread_rwlock_unlock(&p->lock);
    }
    pthread_rwlock_rdlock(&p->lock);
    return true;
}

void pack_end(struct model *m) {
    pthread_rwlock_unlock(&m->pack->lock);
}

/* ---- memory ---- */

static sil_err lock_open(struct model *m, struct sil_error *e) {
    struct pack *p = mem_array(m->mem, 1, sizeof *p);
    if (!p) return err_nomem(e, "packing weights", sizeof *p);
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    /* Or passes that follow each other closely would keep the packing out. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&p->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    m->pack = p;
    return SIL_OK;
}

sil_err pack_open(struct model *m, struct sil_error *e) {
    size_t bytes = 0, with_slack = 0;
    for (uint32_t i = 0; i < n_linears(m); i++) {
        size_t one;
        if (!packed_bytes(m, linear_at(m, i), &one) || !size_add(bytes, one, &bytes))
            return err_set(e, SIL_LIMIT, "the weights are too large to be packed");
    }
    if (bytes == 0) return SIL_OK;
    if (!size_add(bytes, HUGE, &with_slack)) return err_set(e, SIL_LIMIT, "the weights are too large to be packed");
    SIL_TRY(lock_open(m, e));
    m->packed = mem_alloc(m->mem, with_slack);
    if (!m->packed) return err_nomem(e, "packed weights", with_slack);
    uintptr_t first = ((uintptr_t)m->packed + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
    m->pack->at = (uint8_t *)first;
    if (bytes >= HUGE && madvise(m->pack->at, bytes & ~(size_t)(HUGE - 1), MADV_HUGEPAGE) != 0) {
        /* A kernel without huge pages: only slower. */
    }
    m->packed_bytes = bytes;
    return SIL_OK;
}

void pack_free(struct model *m) {
    mem_free(m->mem, m->packed);
    m->packed = NULL;
    if (m->pack) pthread_rwlock_destroy(&m->pack->lock);
    mem_free(m->mem, m->pack);
    m->pack = NULL;
}
