#include "plan/calib.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MLPERF "MLPerf Inference v5.1"
#define AICONF "aiconfigurator"
#define NO_LIMIT                                                                                                       \
    { INFINITY, INFINITY, .9 }
#define LEVEL_70                                                                                                       \
    { 2, .2, .99 }
#define LEVEL_405                                                                                                      \
    { 6, .175, .99 }
/* Each replica has its own queue (how the submissions spread requests is not published).
 * Spread of prompts and answers in server rows: 1 (exponential-like) for the short questions of the 70B set, .3 for the
 * long documents of the 405B set; neither is published. */
#define OFFLINE(sys, mdl, prec, in, out, tps)                                                                          \
    { CALIB_OFFLINE, CALIB_DENSE, prec, sys, mdl, in, out, 0, 0, 0, 0, tps, NO_LIMIT, MLPERF }
#define SERVER(sys, mdl, prec, in, out, icv, ocv, tps, lvl)                                                            \
    { CALIB_SERVER, CALIB_PREDICTED, prec, sys, mdl, in, out, 0, icv, ocv, 0, tps, lvl, MLPERF }
#define LATENCY(what, fit, sys, prec, in, out, conc, s)                                                                \
    { what, fit, prec, sys, "deepseek-r1", in, out, conc, 0, 0, 8, s, NO_LIMIT, AICONF }

/* clang-format off */
const struct calib_row calib_rows[] = {
    OFFLINE("dgx-h100",    "llama2-70b",    HW_FP8, 300, 294.45, 3902),
    OFFLINE("dgx-h200",    "llama2-70b",    HW_FP8, 300, 294.45, 4415),
    OFFLINE("dgx-b200",    "llama2-70b",    HW_FP4, 300, 294.45, 12864),
    OFFLINE("gb200-nvl72", "llama2-70b",    HW_FP4, 300, 294.45, 13015),
    OFFLINE("dgx-h200",    "llama3.1-405b", HW_FP8, 9400, 684.68, 69.1),
    OFFLINE("dgx-b200",    "llama3.1-405b", HW_FP4, 9400, 684.68, 207.6),
    SERVER("dgx-h100",    "llama2-70b",    HW_FP8, 300, 294.45, 1, 1, 3821, LEVEL_70),
    SERVER("dgx-h200",    "llama2-70b",    HW_FP8, 300, 294.45, 1, 1, 4274, LEVEL_70),
    SERVER("dgx-b200",    "llama2-70b",    HW_FP4, 300, 294.45, 1, 1, 12701, LEVEL_70),
    SERVER("gb200-nvl72", "llama2-70b",    HW_FP4, 300, 294.45, 1, 1, 12340, LEVEL_70),
    SERVER("dgx-h200",    "llama3.1-405b", HW_FP8, 9400, 684.68, .3, 1, 36.9, LEVEL_405),
    SERVER("dgx-b200",    "llama3.1-405b", HW_FP4, 9400, 684.68, .3, 1, 159.9, LEVEL_405),
    /* 420,000 tokens/s on 72 GPUs. */
    {CALIB_OFFLINE, CALIB_EXPERTS, HW_FP4, "gb300-nvl72", "deepseek-r1", 800, 3886, 0, 0, 0, 0, 5833, NO_LIMIT, MLPERF},
    LATENCY(CALIB_TTFT, CALIB_EXPERTS, "dgx-h200", HW_FP8, 1024, 8192, 16, .6169),
    LATENCY(CALIB_TPOT, CALIB_PREDICTED, "dgx-h200", HW_FP8, 1024, 8192, 16, .01139),
    /* The concurrency of this row is not stated; taken as that of the row above. */
    LATENCY(CALIB_TTFT, CALIB_PREDICTED, "dgx-b200", HW_FP8, 1024, 1024, 16, .5863),
    LATENCY(CALIB_TPOT, CALIB_PREDICTED, "dgx-b200", HW_FP8, 1024, 1024, 16, .01171),
};
/* clang-format on */
const size_t calib_n_rows = sizeof calib_rows / sizeof *calib_rows;

const char *const calib_systems[] = {"dgx-h100", "dgx-h200", "dgx-b200", "gb200-nvl72", "gb300-nvl72"};
const size_t calib_n_systems = sizeof calib_systems / sizeof *calib_systems;

/* Largest batch of an engine: of the order of the submissions' settings. */
#define ENGINE_BATCH  2048
#define ENGINE_BUDGET 8192

size_t calib_hw(const char *name) {
    size_t i = 0;
    while (i < hw_n_systems && strcmp(hw_systems[i].name, name) != 0) i++;
    return i;
}

size_t calib_llm(const char *name) {
    size_t i = 0;
    while (i < llm_n_models && strcmp(llm_models[i].name, name) != 0) i++;
    return i;
}

static void serving_of(const struct calib_row *row, double gpus, const struct roof_factors *k, struct serving *s) {
    size_t hw = calib_hw(row->system), model = calib_llm(row->model);
    assert(hw < hw_n_systems && model < llm_n_models);
    *s = (struct serving){.power = hw_power_default,
                          .load = {.input = row->input,
                                   .input_cv2 = row->input_cv2,
                                   .output = row->output,
                                   .output_cv2 = row->output_cv2,
                                   .arrival_cv2 = 1},
                          .level = row->level,
                          .max_batch = ENGINE_BATCH,
                          .budget = ENGINE_BUDGET};
    roof_init(&s->roof, &hw_systems[hw], &llm_models[model], row->precision, gpus, k);
}

/* Tokens/s per GPU of replicas of `gpus`; 0 when the model does not fit or the level is out of reach. */
static double tokens_of(const struct calib_row *row, double gpus, const struct roof_factors *k) {
    struct serving s;
    double rate = 0;
    serving_of(row, gpus, k, &s);
    if (!(serving_batch_limit(&s, 0) >= 1)) return 0;
    if (row->kind == CALIB_OFFLINE) rate = serving_capacity(&s, 0, 1);
    else if (serving_rate(&s, 0, &rate, NULL) != SIL_OK) return 0;
    return rate * row->output / gpus;
}

/* A closed loop of requests of equal length: `concurrency` are in the batch, and as they end together they start
 * together, so that a first token waits for half of the prompts of its wave. What a front end adds is not in here. */
static double latency_of(const struct calib_row *row, const struct roof_factors *k) {
    struct serving s;
    struct roof_cost step, with;
    serving_of(row, row->gpus, k, &s);
    double context = row->input + row->output / 2;
    roof_step(&s.roof, row->concurrency, context, 0, 0, 1, &step);
    roof_step(&s.roof, row->concurrency, context, row->input, 0, 1, &with);
    double take = with.time_s - step.time_s;
    if (row->kind == CALIB_TPOT) return step.time_s + take * row->concurrency / row->output;
    return step.time_s + take * (row->concurrency + 1) / 2;
}

double calib_predict(const struct calib_row *row, const struct roof_factors *k) {
    if (row->kind == CALIB_TTFT || row->kind == CALIB_TPOT) return latency_of(row, k);
    if (row->gpus > 0) return tokens_of(row, row->gpus, k);
    double best = 0;
    double domain = hw_systems[calib_hw(row->system)].domain;
    for (int gpus = 1; gpus <= 32 && gpus <= domain; gpus *= 2) {
        double tokens = tokens_of(row, gpus, k);
        if (tokens > best) best = tokens;
    }
    return best;
}

/* Mean square of log(predicted / measured) over the rows of a fit but those of `without`; 0 when none is left. */
static double misfit(enum calib_fit fit, const char *without, const struct roof_factors *k) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < calib_n_rows; i++) {
        const struct calib_row *row = &calib_rows[i];
        if (row->fit != fit || (without && strcmp(row->system, without) == 0)) continue;
        double off = log(calib_predict(row, k) / row->measured);
        sum += off * off, n++;
    }
    return n > 0 ? sum / n : 0;
}

/* One factor up or down by a step; keeps what is better. */
static int better(enum calib_fit fit, const char *without, struct roof_factors *k, double *factor, double most,
                  double step, double *best) {
    double was = *factor;
    for (int sign = 1; sign >= -1; sign -= 2) {
        *factor = was * exp(sign * step);
        double found = *factor <= most ? misfit(fit, without, k) : INFINITY;
        if (found < *best) {
            *best = found;
            return 1;
        }
    }
    *factor = was;
    return 0;
}

/* Pattern searches: few factors, smooth functions with kinks where the best replica size changes. No kernel passes 95 %
 * of the peak; the other two have no natural bound. */
void calib_fit(const struct roof_factors *declared, const char *without, struct roof_factors *out, double *rms) {
    *out = *declared;
    out->production = 1; /* the rows are benchmarks */
    double best = misfit(CALIB_DENSE, without, out), compute = .3, activation = .3, routing = .3;
    for (int i = 0; i < 200 && (compute > 1e-4 || activation > 1e-4); i++) {
        if (!better(CALIB_DENSE, without, out, &out->compute, .95, compute, &best)) compute *= .6;
        if (!better(CALIB_DENSE, without, out, &out->activation, 1e4, activation, &best)) activation *= .6;
    }
    if (rms) *rms = sqrt(best);
    best = misfit(CALIB_EXPERTS, without, out);
    for (int i = 0; i < 200 && routing > 1e-4; i++) {
        if (!better(CALIB_EXPERTS, without, out, &out->routing, 1e3, routing, &best)) routing *= .6;
    }
}

void calib_points(const struct roof_factors *declared, struct calib_point *out) {
    struct roof_factors all, without;
    calib_fit(declared, NULL, &all, NULL);
    for (size_t i = 0; i < calib_n_rows; i++)
        out[i] = (struct calib_point){.row = &calib_rows[i], .fitted = calib_predict(&calib_rows[i], &all)};
    for (size_t s = 0; s < calib_n_systems; s++) {
        calib_fit(declared, calib_systems[s], &without, NULL);
        for (size_t i = 0; i < calib_n_rows; i++) {
            if (strcmp(calib_rows[i].system, calib_systems[s]) == 0)
                out[i].left_out = calib_predict(&calib_rows[i], &without);
        }
    }
}
