/* engine: what is behind the engine and session types of sillok.h. */
#ifndef SIL_ENGINE_ENGINE_H
#define SIL_ENGINE_ENGINE_H

#include "base/sha.h"
#include "engine/kv.h"
#include "engine/prefix.h"
#include "model/step.h"

struct sil_model {
    struct model *m;
};

struct sil_engine {
    struct mem mem;
    struct model *m; /* read, but for what pack.h does */
    struct pool *pool;
    struct model_step step;
    float *logits; /* [max_logits][n_vocab], where step.logits points at the beginning of a step */
    struct kv kv;
    struct prefix prefix;
    uint64_t reuse_asked, reuse_found; /* tokens */
    const struct sil_step_item *items; /* of the step that is being run */
    uint32_t n_ctx, pages_per_session;
    enum sil_kv kv_type;
    char model_digest[SHA_HEX]; /* empty until it is needed */
    float *sample_logits;       /* [n_vocab]: sampling changes them */
    void *sample_scratch;
};

struct sil_session {
    struct sil_engine *eng;
    uint32_t n; /* tokens so far */
    uint32_t n_pages;
    uint32_t *tokens;                     /* [n_ctx] */
    uint8_t **pages;                      /* [pages_per_session], the first n_pages are taken */
    bool shared;                          /* full pages go into the prefix tree of `space` */
    const struct sil_step_item *stepping; /* its item in the step that is being run, or NULL */
    uint64_t space;
    uint32_t n_in_tree; /* of the pages, the first so many are the tree's */
};

/* Takes the pages that n_tokens more need, writable from the session's end on. False, with everything as before, when
 * there are too few. */
bool session_make_room(struct sil_session *s, uint32_t n_tokens);
/* Appends tokens whose keys and values are in the pages, and gives the tree what became full. */
void session_append(struct sil_session *s, const uint32_t *tokens, uint32_t n_tokens);

/* sil_sample with only the first n of the session's tokens. */
sil_err session_sample(const struct sil_session *s, uint32_t n, const struct sil_sampling *p, const float *logits,
                       uint32_t prompt_length, uint32_t choice, uint32_t *token, struct sil_error *e);

#endif
