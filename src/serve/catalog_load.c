/* catalog_load: a model's file, engine, digests, into its place, and out of it. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/sha.h"
#include "engine/engine.h"
#include "model/vocab.h"
#include "serve/catalog.h"
#include "serve/metrics.h"

enum { CTX_DEFAULT = 4096, SESSIONS_DEFAULT = 16, BATCH_DEFAULT = 256 };

static struct sil_engine_config engine_config(const struct config *c, const struct catalog_model *m) {
    const struct config_model *k = m->config;
    return (struct sil_engine_config){.n_ctx = m->n_ctx,
                                      .n_sessions = m->n_sessions,
                                      .n_batch = k->batch ? k->batch : BATCH_DEFAULT,
                                      .n_logits = m->n_sessions * (1 + k->speculate),
                                      .n_threads = c->threads,
                                      .kv = k->kv};
}

/* Pages for the bytes that the configuration gives, or for its sessions. */
static sil_err pages_for(struct catalog_model *m, struct sil_engine_config *c, struct sil_error *e) {
    uint64_t page = model_kv_page_bytes(m->model->m, c->kv);
    uint64_t n =
        m->config->kv_bytes ? m->config->kv_bytes / page : (uint64_t)m->n_sessions * ((m->n_ctx - 1) / NUM_KV_PAGE + 1);
    if (n == 0 || n > UINT32_MAX)
        return err_set(e, SIL_ARG, "model %s: %s gives no useful number of pages", m->config->name,
                       m->config->kv_bytes ? "kv_bytes" : "sessions times context");
    c->n_pages = (uint32_t)n;
    m->kv_pages = c->n_pages;
    m->kv_bytes = n * page;
    return SIL_OK;
}

/* ---- the memory budget ---- */

static uint64_t bytes_of(const struct catalog_model *m) {
    return m->info.n_bytes + m->kv_bytes;
}

static sil_err fits(const struct catalog *c, const struct config *config, const struct catalog_model *m, uint64_t bytes,
                    struct sil_error *e) {
    uint64_t total = bytes;
    for (uint32_t i = 0; i < c->n; i++)
        if (i != m->index && c->models[i].model) total += bytes_of(&c->models[i]);
    if (!config->memory_bytes || total <= config->memory_bytes) return SIL_OK;
    return err_set(e, SIL_LIMIT, "with %s the models need %llu MB, more than the memory budget of %llu MB",
                   m->config->name, (unsigned long long)total >> 20, (unsigned long long)config->memory_bytes >> 20);
}

/* ---- load, unload ---- */

static void fingerprint(struct catalog_model *m) {
    char text[2 * SIL_DIGEST + 64], hex[SHA_HEX];
    int n = snprintf(text, sizeof text, "%s\n%s\n", m->digest, m->profile);
    sha_hex(text, (size_t)n, hex);
    snprintf(m->fingerprint, sizeof m->fingerprint, "fp_%.16s", hex);
}

static sil_err open_text(struct catalog_model *m, struct sil_error *e) {
    const struct model *k = m->model->m;
    m->tok = k->tok;
    m->chat = k->chat;
    if (!m->tok)
        return err_set(e, SIL_UNSUPPORTED, "model %s: %s has no tokenizer, so it cannot be served", m->config->name,
                       m->config->path);
    if (!m->chat) m->chat_error = k->chat_error.code ? k->chat_error.text : "the model file has no chat template";
    vocab_digest(k->gguf, m->tokenizer_digest);
    return SIL_OK;
}

static sil_err open_engine(const struct catalog *c, const struct config *config, struct catalog_model *m,
                           struct sil_error *e) {
    struct sil_engine_config ec = engine_config(config, m);
    SIL_TRY(pages_for(m, &ec, e));
    SIL_TRY(fits(c, config, m, bytes_of(m), e));
    SIL_TRY(sil_engine_open(m->model, &ec, &m->engine, e));
    m->profile = sil_engine_profile(m->engine);
    return SIL_OK;
}

static sil_err load(const struct catalog *c, const struct config *config, struct catalog_model *m,
                    const _Atomic bool *stop, struct sil_error *e) {
    const struct config_model *k = m->config;
    struct sil_model_config mc = {.cpu = config->cpu, .n_threads = config->threads};
    if (stop) mc.n_threads = ((mc.n_threads ? mc.n_threads : cpu_threads()) + 1) / 2; /* others answer meanwhile */
    struct stat st;
    if (stat(k->path, &st) == 0) {
        m->created = (int64_t)st.st_mtime;
        SIL_TRY(fits(c, config, m, (uint64_t)st.st_size, e)); /* before it is read */
    }
    SIL_TRY(sil_model_open(k->path, &mc, &m->model, e));
    sil_model_describe(m->model, &m->info);
    m->n_ctx = k->ctx ? k->ctx : m->info.n_ctx < CTX_DEFAULT ? m->info.n_ctx : CTX_DEFAULT;
    m->n_sessions = k->sessions ? k->sessions : SESSIONS_DEFAULT;
    for (uint32_t i = 0; i < model_file_shards(m->model->m->file); i++)
        m->file_bytes += model_file_bytes(m->model->m->file, i).n;
    SIL_TRY(open_text(m, e));
    SIL_TRY(open_engine(c, config, m, e));
    if (!model_digest_until(m->model->m, stop, m->digest)) return err_set(e, SIL_CANCELLED, "the server is stopping");
    fingerprint(m);
    return SIL_OK;
}

/* What belongs to who holds it goes over under the lock, all at once; what is always there is not written, as anybody
 * may be reading it. */
static void put(struct catalog *c, const struct catalog_model *m) {
    struct catalog_place *p = &c->guard->places[m->index];
    pthread_mutex_lock(&c->guard->lock);
    const size_t from = offsetof(struct catalog_model, model);
    memcpy((char *)&c->models[m->index] + from, (const char *)m + from, sizeof *m - from);
    if (m->model) {
        bool other = p->digest[0] && strcmp(p->digest, m->digest) != 0;
        snprintf(p->before, sizeof p->before, "%s", other ? p->digest : "");
        p->file_bytes = m->file_bytes;
        snprintf(p->digest, sizeof p->digest, "%s", m->digest);
    }
    pthread_mutex_unlock(&c->guard->lock);
}

static struct catalog_model empty(const struct catalog_model *m) {
    return (struct catalog_model){.config = m->config, .metrics = m->metrics, .catalog = m->catalog, .index = m->index};
}

static void close_parts(struct catalog_model *m) {
    sil_engine_close(m->engine);
    sil_model_close(m->model);
}

sil_err catalog_load(struct catalog *c, uint32_t index, const struct config *config, const _Atomic bool *stop,
                     struct sil_error *e) {
    struct catalog_model m = empty(&c->models[index]);
    sil_err err = load(c, config, &m, stop, e);
    if (err == SIL_OK) put(c, &m);
    else close_parts(&m);
    return err;
}

void catalog_unload(struct catalog *c, uint32_t index) {
    struct catalog_model was = c->models[index], none = empty(&was);
    put(c, &none);
    close_parts(&was);
    if (!was.metrics) return;
    metrics_set(&was.metrics->pages, 0);
    metrics_set(&was.metrics->pages_used, 0);
    metrics_set(&was.metrics->running, 0);
    metrics_set(&was.metrics->waiting, 0);
}
