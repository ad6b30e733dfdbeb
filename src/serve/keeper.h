/* keeper: loads and unloads models while the server runs. One thread does it, so that no request waits for a file to
 * be read: who asks gets an answer at once and looks at the catalog for what became of it.
 *
 * Loading: within the memory budget; then the engine thread gets its lane, then clients get the model. Unloading: no
 * client gets it any more; what runs has limits.drain_ms; when nobody holds it, its lane goes, then its memory.
 *
 * Threads: keeper_load and keeper_unload from any. */
#ifndef SIL_SERVE_KEEPER_H
#define SIL_SERVE_KEEPER_H

#include "serve/loop.h"

struct keeper;

/* All of it must outlive the keeper. */
sil_err keeper_open(struct job_env *env, struct catalog *c, struct loop *l, struct keeper **out, struct sil_error *e);
/* Ends the thread; a file that is being read is given up, nothing new is begun. Before loop_stop. */
void keeper_stop(struct keeper *k);
/* Stops and frees, when nobody asks any more. NULL is allowed. */
void keeper_close(struct keeper *k);

struct keeper_said {
    uint32_t index; /* the model's place */
    bool begun;     /* it was not so already */
};
/* Asks for it. True when it is loaded or will be tried. False with f: 404 model_not_found, 409 model_busy while it is
 * being unloaded. who: for the log. */
bool keeper_load(struct keeper *k, struct str name, const struct caller *who, struct keeper_said *said,
                 struct fault *f);
/* The same; 409 model_in_use when somebody holds it, unless drain, and model_busy while it is being loaded. */
bool keeper_unload(struct keeper *k, struct str name, bool drain, const struct caller *who, struct keeper_said *said,
                   struct fault *f);

#endif
