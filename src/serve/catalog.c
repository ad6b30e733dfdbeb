#include "serve/catalog.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/sha.h"
#include "engine/engine.h"
#include "model/vocab.h"
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

/* Pages for the bytes that the configuration gives; 0: by sessions. */
static sil_err pages_for(const struct catalog_model *m, struct sil_engine_config *c, struct sil_error *e) {
    if (!m->config->kv_bytes) return SIL_OK;
    uint64_t n = m->config->kv_bytes / model_kv_page_bytes(m->model->m, c->kv);
    if (n == 0 || n > UINT32_MAX)
        return err_set(e, SIL_ARG, "model %s: kv_bytes gives no useful number of pages", m->config->name);
    c->n_pages = (uint32_t)n;
    return SIL_OK;
}

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

static sil_err open_one(const struct config *c, const struct config_model *k, struct catalog_model *m,
                        struct sil_error *e) {
    struct sil_model_config mc = {.cpu = c->cpu, .n_threads = c->threads};
    struct stat st;
    m->config = k;
    SIL_TRY(sil_model_open(k->path, &mc, &m->model, e));
    sil_model_describe(m->model, &m->info);
    m->created = stat(k->path, &st) == 0 ? (int64_t)st.st_mtime : 0;
    m->n_ctx = k->ctx ? k->ctx : m->info.n_ctx < CTX_DEFAULT ? m->info.n_ctx : CTX_DEFAULT;
    m->n_sessions = k->sessions ? k->sessions : SESSIONS_DEFAULT;
    SIL_TRY(open_text(m, e));
    struct sil_engine_config ec = engine_config(c, m);
    SIL_TRY(pages_for(m, &ec, e));
    SIL_TRY(sil_engine_open(m->model, &ec, &m->engine, e));
    m->profile = sil_engine_profile(m->engine);
    sil_model_digest(m->model, m->digest);
    fingerprint(m);
    return SIL_OK;
}

static uint64_t bytes_of(const struct catalog_model *m) {
    struct sil_engine_stats s;
    sil_engine_stats(m->engine, &s);
    return m->info.n_bytes + (uint64_t)s.n_pages * s.page_bytes;
}

sil_err catalog_open(const struct config *c, struct mem mem, struct metrics *metrics, struct catalog *out,
                     struct sil_error *e) {
    *out = (struct catalog){.mem = mem};
    out->models = mem_array(mem, c->n_models, sizeof *out->models);
    if (!out->models) return err_nomem(e, "the models", c->n_models * sizeof *out->models);
    uint64_t total = 0;
    for (uint32_t i = 0; i < c->n_models; i++) {
        struct catalog_model *m = &out->models[out->n++];
        m->index = i;
        m->metrics = &metrics->models[i];
        sil_err err = open_one(c, &c->models[i], m, e);
        if (err == SIL_OK && c->memory_bytes && (total += bytes_of(m)) > c->memory_bytes)
            err = err_set(e, SIL_LIMIT, "with %s the models need %llu MB, more than the memory budget of %llu MB",
                          m->config->name, (unsigned long long)total >> 20, (unsigned long long)c->memory_bytes >> 20);
        if (err == SIL_OK) continue;
        catalog_close(out);
        return err;
    }
    return SIL_OK;
}

void catalog_close(struct catalog *c) {
    for (uint32_t i = 0; i < c->n; i++) {
        sil_engine_close(c->models[i].engine);
        sil_model_close(c->models[i].model);
    }
    mem_free(c->mem, c->models);
    *c = (struct catalog){.mem = c->mem};
}

const struct catalog_model *catalog_find(const struct catalog *c, struct str name) {
    for (uint32_t i = 0; i < c->n; i++) {
        const struct config_model *k = c->models[i].config;
        if (str_eq(name, str_of(k->name))) return &c->models[i];
        for (uint32_t a = 0; a < k->n_aliases; a++)
            if (str_eq(name, str_of(k->aliases[a]))) return &c->models[i];
    }
    return NULL;
}
