/* ckpt: the state of a run in a file, from which it goes on with the same bits. Little-endian:
 *   "SILCKPT1"; digest of the run (64 hexadecimal digits); then u64: step, tokens, log bytes, sources, floats of an
 * array; per source u64 reading, next, given and f64 credit; the arrays w, m, v (f32); SHA-256 of all before (64
 * digits). A file takes its name only when it is whole, and the one before it is kept as PATH.old. */
#ifndef SIL_LEARN_CKPT_H
#define SIL_LEARN_CKPT_H

#include "base/sha.h"
#include "learn/data.h"
#include "learn/optim.h"

struct ckpt {
    char run[SHA_HEX]; /* digest of what decides the run: another recipe or other texts cannot go on */
    uint64_t step;     /* steps done */
    uint64_t tokens;   /* learnt so far */
    uint64_t log_bytes;
};

sil_err ckpt_save(const char *path, const struct ckpt *c, const struct optim *o, const struct dataset *d,
                  struct sil_error *e);

/* Reads PATH, or PATH.old when that is missing or damaged. *found is false when neither is there. SIL_ARG: of another
 * run; SIL_FORMAT: both damaged. On failure weights and states are not to be used. */
sil_err ckpt_load(const char *path, struct ckpt *c, struct optim *o, struct dataset *d, bool *found,
                  struct sil_error *e);

#endif
