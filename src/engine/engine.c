#include "engine/engine.h"

#include "base/cpu.h"
#include "base/err.h"
#include "num/sample.h"

enum { CTX_DEFAULT = 4096, BATCH_DEFAULT = 256, BATCH_MAX = 1 << 16, LOGITS_DEFAULT = 16, SESSIONS_MAX = 1 << 16 };

static sil_err choose_context(struct sil_engine *eng, const struct sil_engine_config *c, struct sil_error *e) {
    uint32_t own = eng->m->shape.n_ctx;
    eng->n_ctx = c->n_ctx ? c->n_ctx : own < CTX_DEFAULT ? own : CTX_DEFAULT;
    if (eng->n_ctx > own)
        return err_set(e, SIL_ARG, "a context of %u; this model was made for at most %u", eng->n_ctx, own);
    eng->pages_per_session = (eng->n_ctx - 1) / NUM_KV_PAGE + 1;
    return SIL_OK;
}

static sil_err open_memory(struct sil_engine *eng, const struct sil_engine_config *c, struct sil_error *e) {
    uint32_t sessions = c->n_sessions ? c->n_sessions : 1, batch = c->n_batch ? c->n_batch : BATCH_DEFAULT;
    uint32_t logits = c->n_logits ? c->n_logits : LOGITS_DEFAULT;
    if (sessions > SESSIONS_MAX || batch > BATCH_MAX || logits > BATCH_MAX)
        return err_set(e, SIL_ARG, "%u sessions, a batch of %u, %u rows of logits; the limits are %d, %d, %d", sessions,
                       batch, logits, SESSIONS_MAX, BATCH_MAX, BATCH_MAX);
    uint64_t pages = c->n_pages ? c->n_pages : (uint64_t)sessions * eng->pages_per_session;
    if (pages > KV_PAGES_MAX) return err_set(e, SIL_LIMIT, "too many sessions for so long a context");
    SIL_TRY(kv_open(eng->mem, model_kv_page_bytes(eng->m, eng->kv_type), (uint32_t)pages, &eng->kv, e));
    SIL_TRY(prefix_open(eng->mem, &eng->kv, &eng->prefix, e));
    SIL_TRY(step_open(eng->mem, eng->m, eng->kv_type, eng->pool, batch, logits, &eng->step, e));
    eng->logits = eng->step.logits;
    uint32_t n_vocab = eng->m->shape.n_vocab;
    eng->sample_logits = mem_array(eng->mem, n_vocab, sizeof(float));
    eng->sample_scratch = mem_alloc(eng->mem, num_sample_scratch(n_vocab));
    if (!eng->sample_logits || !eng->sample_scratch)
        return err_nomem(e, "sampling", num_sample_scratch(n_vocab) + n_vocab * sizeof(float));
    return SIL_OK;
}

static sil_err open_parts(struct sil_engine *eng, const struct sil_engine_config *c, struct sil_error *e) {
    if ((unsigned)c->kv >= SIL_KV_KINDS) return err_set(e, SIL_ARG, "no type %d of keys and values", (int)c->kv);
    eng->kv_type = c->kv;
    SIL_TRY(choose_context(eng, c, e));
    SIL_TRY(pool_open(c->n_threads ? c->n_threads : cpu_threads(), &eng->pool, e));
    return open_memory(eng, c, e);
}

sil_err sil_engine_open(const struct sil_model *m, const struct sil_engine_config *c, struct sil_engine **out,
                        struct sil_error *e) {
    struct mem mem = m->m->mem;
    struct sil_engine *eng = mem_array(mem, 1, sizeof *eng);
    if (!eng) return err_nomem(e, "an engine", sizeof *eng);
    eng->mem = mem;
    eng->m = m->m;
    sil_err err = open_parts(eng, c ? c : &(struct sil_engine_config){0}, e);
    if (err != SIL_OK) {
        sil_engine_close(eng);
        return err;
    }
    *out = eng;
    return SIL_OK;
}

void sil_engine_close(struct sil_engine *eng) {
    if (!eng) return;
    mem_free(eng->mem, eng->sample_scratch);
    mem_free(eng->mem, eng->sample_logits);
    step_close(&eng->step);
    prefix_close(&eng->prefix);
    kv_close(&eng->kv);
    pool_close(eng->pool);
    mem_free(eng->mem, eng);
}

uint32_t sil_engine_threads(const struct sil_engine *eng) {
    return pool_threads(eng->pool);
}

uint32_t sil_engine_ctx(const struct sil_engine *eng) {
    return eng->n_ctx;
}

const char *sil_engine_profile(const struct sil_engine *eng) {
    return eng->kv_type == SIL_KV_INT8 ? SIL_PROFILE ";kv=int8" : SIL_PROFILE;
}

void sil_engine_stats(const struct sil_engine *eng, struct sil_engine_stats *out) {
    *out = (struct sil_engine_stats){.n_pages = eng->kv.n_pages,
                                     .n_free = eng->kv.n_free,
                                     .n_idle = eng->prefix.n_idle,
                                     .page_bytes = eng->kv.page_bytes,
                                     .reuse_asked = eng->reuse_asked,
                                     .reuse_found = eng->reuse_found};
}
