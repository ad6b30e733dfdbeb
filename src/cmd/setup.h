/* setup: opening a model and an engine with the options that several commands share. */
#ifndef SIL_CMD_SETUP_H
#define SIL_CMD_SETUP_H

#include "cmd/cmd.h"

enum { SETUP_LOGITS = 64 /* rows of logits that a step can give */, SETUP_CTX = 4096 /* the usual default context */ };

struct setup {
    /* From the command line; zero when not given. */
    uint32_t threads, ctx, batch;
    const char *cpu, *kv;
    bool soon; /* from the command: the first token matters more than the ones after it */
    /* After setup_open. */
    struct sil_model *model;
    struct sil_engine *engine;
};

/* Rows for a command's option table. */
#define SETUP_OPTIONS(s)                                                                                               \
    {.name = "threads",                                                                                                \
     .letter = 't',                                                                                                    \
     .kind = CMD_U32,                                                                                                  \
     .out = &(s).threads,                                                                                              \
     .value = "N",                                                                                                     \
     .min = 1,                                                                                                         \
     .max = 256,                                                                                                       \
     .help = "threads to use (default: what this process may use)"},                                                   \
        {.name = "cpu",                                                                                                \
         .kind = CMD_TEXT,                                                                                             \
         .out = &(s).cpu,                                                                                              \
         .value = "MASK",                                                                                              \
         .help = "scalar, avx2, avx512, neon or native (default; also SILLOK_CPU)"},                                   \
        {.name = "ctx",                                                                                                \
         .letter = 'c',                                                                                                \
         .kind = CMD_U32,                                                                                              \
         .out = &(s).ctx,                                                                                              \
         .value = "N",                                                                                                 \
         .min = 1,                                                                                                     \
         .max = 1 << 30,                                                                                               \
         .help = "longest sequence in tokens (default: the model's, at most 4096)"},                                   \
        {.name = "kv",                                                                                                 \
         .kind = CMD_TEXT,                                                                                             \
         .out = &(s).kv,                                                                                               \
         .value = "TYPE",                                                                                              \
         .help = "keys and values as f16 (default) or int8: half the memory, other results"},                          \
    {                                                                                                                  \
        .name = "batch", .kind = CMD_U32, .out = &(s).batch, .value = "N", .min = 1, .max = 65536,                     \
        .help = "prompt tokens computed together (default 256; never changes a result)"                                \
    }

/* Rows for a struct sil_sampling that starts as SAMPLING_DEFAULT. */
#define SAMPLING_DEFAULT ((struct sil_sampling){.temperature = 0.7f, .top_p = 0.95f, .repeat_penalty = 1.0f})
#define SAMPLING_OPTIONS(s)                                                                                            \
    {.name = "temp",                                                                                                   \
     .kind = CMD_F32,                                                                                                  \
     .out = &(s).temperature,                                                                                          \
     .value = "T",                                                                                                     \
     .min = 0,                                                                                                         \
     .max = 100,                                                                                                       \
     .help = "temperature; 0 takes the likeliest token (default 0.7)"},                                                \
        {.name = "top-k",                                                                                              \
         .kind = CMD_U32,                                                                                              \
         .out = &(s).top_k,                                                                                            \
         .value = "K",                                                                                                 \
         .min = 0,                                                                                                     \
         .max = 1 << 30,                                                                                               \
         .help = "choose among the K likeliest tokens only (default 0: all)"},                                         \
        {.name = "top-p",                                                                                              \
         .kind = CMD_F32,                                                                                              \
         .out = &(s).top_p,                                                                                            \
         .value = "P",                                                                                                 \
         .min = 0,                                                                                                     \
         .max = 1,                                                                                                     \
         .help = "choose among the likeliest tokens that make up P (default 0.95; 1: all)"},                           \
        {.name = "min-p",                                                                                              \
         .kind = CMD_F32,                                                                                              \
         .out = &(s).min_p,                                                                                            \
         .value = "P",                                                                                                 \
         .min = 0,                                                                                                     \
         .max = 1,                                                                                                     \
         .help = "leave out tokens below P times the likeliest (default 0)"},                                          \
        {.name = "repeat-penalty",                                                                                     \
         .kind = CMD_F32,                                                                                              \
         .out = &(s).repeat_penalty,                                                                                   \
         .value = "R",                                                                                                 \
         .min = 0.01,                                                                                                  \
         .max = 100,                                                                                                   \
         .help = "above 1 makes tokens that were there less likely (default 1)"},                                      \
        {.name = "frequency-penalty",                                                                                  \
         .kind = CMD_F32,                                                                                              \
         .out = &(s).frequency_penalty,                                                                                \
         .value = "F",                                                                                                 \
         .min = -100,                                                                                                  \
         .max = 100,                                                                                                   \
         .help = "taken off a token's logit for each time the answer has it (default 0)"},                             \
        {.name = "presence-penalty",                                                                                   \
         .kind = CMD_F32,                                                                                              \
         .out = &(s).presence_penalty,                                                                                 \
         .value = "F",                                                                                                 \
         .min = -100,                                                                                                  \
         .max = 100,                                                                                                   \
         .help = "taken off a token's logit once the answer has it (default 0)"},                                      \
    {                                                                                                                  \
        .name = "seed", .letter = 's', .kind = CMD_U64, .out = &(s).seed, .value = "S",                                \
        .help = "the same seed gives the same answer, on every machine (default 0)"                                    \
    }

/* --kv; SIL_ARG for another word. */
sil_err setup_kv(const struct setup *s, enum sil_kv *kv, struct sil_error *e);
/* Opens the model only. */
sil_err setup_open_model(struct setup *s, const char *path, struct sil_error *e);
/* Opens model and engine. default_ctx: the context when --ctx is not given, lowered to what the model allows. */
sil_err setup_open(struct setup *s, const char *path, uint32_t default_ctx, struct sil_error *e);
void setup_close(struct setup *s);

#endif
