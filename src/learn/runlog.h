/* runlog: the log of a run as JSON lines, one for each step, evaluation and sample; and the curve drawn from it. All
 * but the members "seconds" and "tokens_per_s" are the same in every run of a recipe. */
#ifndef SIL_LEARN_RUNLOG_H
#define SIL_LEARN_RUNLOG_H

#include "base/file.h"
#include "base/mem.h"

struct runlog {
    struct file_out out;
    uint64_t kept; /* bytes from before */
};

/* One run at a time: SIL_IO while another process has the log. */
sil_err runlog_open(const char *path, struct runlog *l, struct sil_error *e);
/* Goes on behind the first `keep` bytes of the file (0: anew). */
sil_err runlog_keep(struct runlog *l, uint64_t keep, struct sil_error *e);
void runlog_close(struct runlog *l);

struct runlog_step {
    uint64_t step, tokens;
    double loss, rate, norm, seconds, tokens_per_s;
};
sil_err runlog_step(struct runlog *l, const struct runlog_step *s, struct sil_error *e);
sil_err runlog_eval(struct runlog *l, uint64_t step, double loss, struct sil_error *e);
sil_err runlog_sample(struct runlog *l, uint64_t step, const char *prompt, struct str text, struct sil_error *e);

static inline uint64_t runlog_bytes(const struct runlog *l) {
    return l->kept + l->out.n;
}

/* Draws loss and evaluation loss of a log over the steps as an SVG file. */
sil_err runlog_curve(struct mem mem, const char *log_path, const char *svg_path, const char *title,
                     struct sil_error *e);

#endif
