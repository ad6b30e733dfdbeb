/* catalog: the models that this server has, by name. Made at the start, immutable afterwards (their engines belong to
 * the engine thread); read from any thread. */
#ifndef SIL_SERVE_CATALOG_H
#define SIL_SERVE_CATALOG_H

#include "serve/config.h"
#include "text/template.h"
#include "text/tokenizer.h"

struct metrics;
struct metrics_model;

struct catalog_model {
    const struct config_model *config; /* name, aliases, defaults */
    struct sil_model *model;
    const struct tokenizer *tok; /* never NULL */
    const struct template *chat; /* NULL: no template, so no /v1/chat/completions */
    const char *chat_error;      /* why, or NULL */
    struct sil_engine *engine;   /* the engine thread's */
    struct sil_model_info info;
    uint32_t n_ctx, n_sessions;
    char digest[SIL_DIGEST];           /* SHA-256 of the model's files */
    char tokenizer_digest[SIL_DIGEST]; /* SHA-256 over everything that makes token ids of text */
    const char *profile;               /* of the arithmetic: "CA/1" */
    char fingerprint[32];              /* system_fingerprint: "fp_" and 16 digits over digest and profile */
    int64_t created;                   /* modification time of the file, Unix seconds */
    struct metrics_model *metrics;
    uint32_t index; /* place in the catalog */
};

struct catalog {
    struct mem mem;
    struct catalog_model *models; /* [n] */
    uint32_t n;
};

/* Opens every model of the configuration, with its engine, and reads its files for their digest. metrics->models has a
 * place for each. SIL_LIMIT past the memory budget. */
sil_err catalog_open(const struct config *c, struct mem mem, struct metrics *metrics, struct catalog *out,
                     struct sil_error *e);
void catalog_close(struct catalog *c);

/* By name or alias; NULL when there is none. */
const struct catalog_model *catalog_find(const struct catalog *c, struct str name);

#endif
