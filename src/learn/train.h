/* train: a whole run, from a recipe to a model file. Beside OUT it keeps OUT.ckpt (to go on from, and OUT.ckpt.old),
 * OUT.log.jsonl and OUT.svg. The same call goes on where an earlier one stopped, however it stopped. */
#ifndef SIL_LEARN_TRAIN_H
#define SIL_LEARN_TRAIN_H

#include <signal.h>

#include "base/clock.h"
#include "learn/recipe.h"

struct train_status {
    uint64_t step, steps; /* done, of all */
    uint64_t tokens;      /* learnt so far */
    double loss, rate;    /* of the last step */
    double eval;          /* of the last evaluation; NAN: none yet */
    double tokens_per_s;  /* since this process began */
    double left_s;        /* at that speed; NAN: not known yet */
};

struct train_hooks {
    struct clock clock;
    void *ctx;
    void (*progress)(void *ctx, const struct train_status *s); /* after each step */
    void (*note)(void *ctx, const char *text);                 /* something worth a line */
    const volatile sig_atomic_t
        *stop; /* becoming nonzero: the step is finished, a checkpoint is written. NULL: never */
};

struct train_options {
    uint32_t cpu_mask, n_threads;
    bool restart;   /* begin anew though there is a checkpoint */
    double minutes; /* stop after as many; 0: never */
    uint64_t until; /* stop after this step; 0: at the end */
    bool check;     /* read everything, describe the run, learn nothing */
};

struct train_result {
    struct train_status status;
    bool finished; /* the model is written; otherwise the run can go on */
};

/* SIL_NONFINITE: the loss is no number any more; SIL_IO: a file cannot be read or written (the last good checkpoint is
 * kept); SIL_ARG and SIL_FORMAT: recipe or data, with file and line. */
sil_err train_run(struct mem mem, const struct recipe *r, const struct train_options *o, const struct train_hooks *h,
                  struct train_result *out, struct sil_error *e);

#endif
