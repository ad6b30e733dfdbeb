/* calib: measured rows, and the two factors of the roofline that are fitted to them.
 *
 * Fitted: `compute` (share of the peak in large products) and `activation` (memory traffic per token outside them), to
 * the offline throughputs of MLPerf Inference v5.1, by least squares of the logarithm, the same for every system. Each
 * system is also predicted with its own rows left out: that error, not the one of the fit, is what a prediction for new
 * hardware deserves. Latency rows and server rows are predictions, never fitted.
 * Lengths: MLPerf states mean outputs (294.45 and 684.68 tokens); mean prompts are 300 (assumed: at most 1,024) and
 * 9,400 (MLCommons, v5.0). Server level: 99 % within 2 s and 200 ms (70B), 6 s and 175 ms (405B). */
#ifndef SIL_PLAN_CALIB_H
#define SIL_PLAN_CALIB_H

#include <stddef.h>
#include <stdint.h>

#include "plan/roof.h"
#include "plan/serving.h"

enum calib_kind {
    CALIB_OFFLINE, /* tokens/s per GPU, no service level: fitted */
    CALIB_SERVER,  /* tokens/s per GPU within the level: predicted */
    CALIB_TTFT,    /* mean s, `concurrency` requests in a closed loop: predicted */
    CALIB_TPOT,    /* mean s: predicted */
};

struct calib_row {
    enum calib_kind kind;
    enum hw_precision precision;
    const char *system, *model;
    double input, output, concurrency;
    double input_cv2, output_cv2;
    double gpus; /* per replica; 0: the best of 1, 2, 4, 8 */
    double measured;
    struct serving_level level;
    const char *source;
};

extern const struct calib_row calib_rows[];
extern const size_t calib_n_rows;

/* Systems with an offline row, by index below calib_n_systems. */
extern const char *const calib_systems[];
extern const size_t calib_n_systems;

/* Fits without the rows of `without` (NULL: all rows), starting from `declared`, whose other factors hold. A pure
 * function; some 2 ms. *rms gets the root mean square of log(predicted / measured) of the rows that were fitted; may be
 * NULL. */
void calib_fit(const struct roof_factors *declared, const char *without, struct roof_factors *out, double *rms);

/* What the model says for a row, in the unit of `measured`. */
double calib_predict(const struct calib_row *row, const struct roof_factors *k);

/* For plots and the report: predicted with all rows, and with the row's system left out. */
struct calib_point {
    const struct calib_row *row;
    double fitted, left_out;
};
/* One per row, calib_n_rows of them; some 10 ms. */
void calib_points(const struct roof_factors *declared, struct calib_point *out);

/* The index of a system or a model by name; hw_n_systems / llm_n_models when unknown. */
size_t calib_hw(const char *name);
size_t calib_llm(const char *name);

#endif
