/* calib: measured rows, and the factors of the roofline that are fitted to them.
 *
 * Fitted, the same for every system, by least squares of log(predicted / measured):
 *     compute, activation   to the offline throughputs of dense models (MLPerf Inference v5.1)
 *     routing               to DeepSeek R1: offline throughput (GB300) and first tokens (H200)
 * Each system is also predicted with its own rows left out: that error, not the one of the fit, is what a prediction
 * for new hardware deserves. Other latency rows and all server rows are predictions, never fitted. Lengths: MLPerf
 * states mean outputs (294.45, 684.68 and 3,886 tokens); mean prompts are 300 (assumed: at most 1,024), 9,400
 * (MLCommons, v5.0) and 800 (assumed). Server level: 99 % within 2 s and 200 ms (70B), 6 s and 175 ms (405B). Software
 * moves these numbers: R1 on the same GB300 went from 5,830 to 8,660 tokens/s per GPU within half a year. */
#ifndef SIL_PLAN_CALIB_H
#define SIL_PLAN_CALIB_H

#include <stddef.h>
#include <stdint.h>

#include "plan/roof.h"
#include "plan/serving.h"

enum calib_kind {
    CALIB_OFFLINE, /* tokens/s per GPU, no service level */
    CALIB_SERVER,  /* tokens/s per GPU within the level */
    CALIB_TTFT,    /* mean s, `concurrency` requests in a closed loop */
    CALIB_TPOT,    /* mean s */
};

enum calib_fit { CALIB_PREDICTED, CALIB_DENSE, CALIB_EXPERTS }; /* which fit a row takes part in */

struct calib_row {
    enum calib_kind kind;
    enum calib_fit fit;
    enum hw_precision precision;
    const char *system, *model;
    double input, output, concurrency;
    double input_cv2, output_cv2;
    double gpus; /* per replica; 0: the best of 1, 2, 4 ... 32 inside the links' domain */
    double measured;
    struct serving_level level;
    const char *source;
};

extern const struct calib_row calib_rows[];
extern const size_t calib_n_rows;

/* Systems with an offline row, by index below calib_n_systems. */
extern const char *const calib_systems[];
extern const size_t calib_n_systems;

/* Fits without the rows of `without` (NULL: all rows), starting from `declared`, whose other factors hold (but
 * `production`, which is 1 here). A pure function; some 3 ms. *rms gets the root mean square of log(predicted /
 * measured) of the rows that were fitted; may be NULL. */
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
