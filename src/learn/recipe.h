/* recipe: everything that decides a training run, read from a YAML file. Paths in it are relative to the file. */
#ifndef SIL_LEARN_RECIPE_H
#define SIL_LEARN_RECIPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/dtype.h"
#include "learn/shape.h"

enum { RECIPE_BYTES_MAX = 1 << 20, RECIPE_SOURCES_MAX = 64, RECIPE_PROMPTS_MAX = 64 };

enum source_kind {
    SOURCE_LINES,      /* each line is a document */
    SOURCE_PARAGRAPHS, /* documents are separated by blank lines */
    SOURCE_FILE,       /* the whole file is one */
    SOURCE_DIALOGUE    /* each line is JSON: {"messages": [{"role": ..., "content": ...}, ...]} */
};

struct recipe_source {
    const char *path;
    int kind;                         /* enum source_kind */
    double weight, from, to;          /* share of tokens; the part of the run in which it is used, 0 to 1 */
    double repeat;                    /* the most often that it is read in all; 0: as often as needed */
    uint32_t answer_tokens;           /* of a dialogue's last answer only so many are read; 0: all */
    double drop_tokens, split_tokens; /* of a dialogue's questions: chance that a token is left out; cut in two */
};

struct recipe {
    struct learn_shape shape; /* vocab comes from the tokenizer */
    const char *name, *tokenizer, *pre, *chat_template, *shipped_template, *init_from, *out, *license;
    int type; /* enum dtype of matrices in the output */
    uint64_t seed, steps;
    uint32_t batch, accumulate; /* tokens of a batch; batches of a step */
    int storage;                /* enum net_storage */
    double init_std;
    double lr, min_lr, beta1, beta2, eps, decay, clip;
    uint64_t warmup;
    uint32_t n_data, n_eval, n_prompts;
    struct recipe_source data[RECIPE_SOURCES_MAX], eval[RECIPE_SOURCES_MAX];
    const char *prompts[RECIPE_PROMPTS_MAX];
    uint64_t eval_every, eval_tokens, sample_every, checkpoint_every;
    uint32_t sample_tokens;
};

/* Strings live in the arena. Errors begin with file:line:column. */
sil_err recipe_read(struct arena *a, const char *path, struct recipe *out, struct sil_error *e);
sil_err recipe_parse(struct arena *a, struct str yaml, const char *path, struct recipe *out, struct sil_error *e);

/* Appends every setting that changes a bit of the weights, one in a line; files are not named. */
sil_err recipe_canonical(const struct recipe *r, struct buf *out);

#endif
