/* engine: what is behind the engine and session types of sillok.h. */
#ifndef SIL_ENGINE_ENGINE_H
#define SIL_ENGINE_ENGINE_H

#include "engine/kv.h"
#include "model/step.h"

struct sil_model {
    struct model *m;
};

struct sil_engine {
    struct mem mem;
    const struct model *m;
    struct pool *pool;
    struct model_step step;
    float *logits; /* [max_logits][n_vocab], where step.logits points at the beginning of a step */
    struct kv kv;
    uint32_t n_ctx, pages_per_session;
    float *sample_logits; /* [n_vocab]: sampling changes them */
    void *sample_scratch;
};

struct sil_session {
    struct sil_engine *eng;
    uint32_t n; /* tokens so far */
    uint32_t n_pages;
    uint32_t *tokens; /* [n_ctx] */
    uint8_t **pages;  /* [pages_per_session], the first n_pages are taken */
};

#endif
