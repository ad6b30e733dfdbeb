/* catalog: the models of the configuration, by name. Each has a fixed place; what is loaded there comes and goes with
 * keeper.h. Who uses a model holds it: what it points to stays as it is until everybody has let it go.
 *
 * Threads: catalog_hold, catalog_release and catalog_look from any; the rest says. */
#ifndef SIL_SERVE_CATALOG_H
#define SIL_SERVE_CATALOG_H

#include <pthread.h>

#include "serve/config.h"
#include "serve/fault.h"
#include "text/template.h"
#include "text/tokenizer.h"

struct catalog;
struct metrics;
struct metrics_model;

enum catalog_state {
    CATALOG_LOADED,
    CATALOG_UNLOADED,  /* somebody took it out, or `load: false` */
    CATALOG_LOADING,   /* asked for, or being read */
    CATALOG_UNLOADING, /* nobody gets it any more; who has it goes on */
    CATALOG_FAILED     /* it could not be loaded: `why` */
};
/* "loaded", "unloaded", ... */
const char *catalog_state_name(enum catalog_state s);

/* What of a model does not change while it is loaded. */
struct catalog_model {
    /* Always there. */
    const struct config_model *config; /* name, aliases, defaults */
    struct metrics_model *metrics;
    struct catalog *catalog;
    uint32_t index; /* place in the catalog */

    /* While it is held: from here to the end. */
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
    uint64_t file_bytes, kv_bytes;     /* of the model's files; of the pages for keys and values */
    uint32_t kv_pages;
};

/* What does: guarded by the catalog's lock. */
struct catalog_place {
    enum catalog_state state;
    uint32_t n_held;
    int64_t since_s;          /* Unix seconds: the state's beginning */
    uint64_t since_ns;        /* the same of the monotonic clock */
    char digest[SIL_DIGEST];  /* of the last time that it was loaded; empty: never */
    char before[SIL_DIGEST];  /* of the time before that, where the file was another; else empty */
    uint64_t file_bytes;      /* of the model's files; before the first time, of the one that is configured */
    char why[SIL_ERROR_TEXT]; /* FAILED */
};

struct catalog {
    struct mem mem;
    struct catalog_model *models; /* [n] */
    uint32_t n;
    struct catalog_guard *guard; /* NULL in tests: everything is loaded and stays */
};

struct catalog_guard {
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a state, or that nobody holds a model any more; counts on the monotonic clock */
    struct catalog_place places[];
};

/* Opens every model of the configuration that is to be loaded, with its engine, and reads its files for their digest.
 * metrics->models has a place for each. SIL_LIMIT past the memory budget. */
sil_err catalog_open(const struct config *c, struct mem mem, struct metrics *metrics, struct catalog *out,
                     struct sil_error *e);
/* Nobody holds anything any more. */
void catalog_close(struct catalog *c);

/* A model by name or alias, held for the caller. NULL with f: 404 model_not_found; 404, while it is being loaded 503,
 * model_not_loaded. */
const struct catalog_model *catalog_hold(const struct catalog *c, struct str name, struct fault *f);
/* The same by its place; NULL when it is not loaded. */
const struct catalog_model *catalog_hold_at(const struct catalog *c, uint32_t index);
void catalog_release(const struct catalog_model *m); /* NULL is allowed */

/* A place by the model's name or alias, loaded or not; NULL when there is none. Only what is always there may be read
 * of it without holding it. */
const struct catalog_model *catalog_find(const struct catalog *c, struct str name);

/* How it stands with a place. *model: a copy, whose texts but `config`, `profile` and the digests are not valid; all
 * zero but `config` and `index` unless it is loaded or unloading. */
void catalog_look(const struct catalog *c, uint32_t index, struct catalog_place *place, struct catalog_model *model);

/* ---- keeper's: one thread ---- */

/* Reads and opens a model into its place, which nobody uses. stop: looked at while its files are read; SIL_CANCELLED.
 * The place's state is the caller's to set. */
sil_err catalog_load(struct catalog *c, uint32_t index, const struct config *config, const _Atomic bool *stop,
                     struct sil_error *e);
/* Frees what is in a place, which nobody uses. */
void catalog_unload(struct catalog *c, uint32_t index);

#endif
