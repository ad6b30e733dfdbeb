/* serving: one replica of a language model under load, in closed form: the analytic source of surface.h. replica.h
 * simulates the same replica step by step and is what the approximations were held against (tests, `plan check`).
 *
 * Continuous batching with chunked prefill: a step gives every sequence in the batch one token and takes in waiting
 * prompts up to `budget` tokens. For requests at rate r with O output tokens, of which b are in decode:
 *     a step takes t(b), and s more for a prompt; prompts take the share rho = r s of the time
 *     time per token  t(b) / (1 - rho)
 *     Little's law    r = b / (O t(b) + b s), rising in b, up to the batch that HBM, engine and budget hold
 *     first token     wait for a place (Erlang C) + rest of the step under way + the step, or when the budget is short
 *                     the steps, with the prompts that came before (busy cycle of a gated queue; G/G/1 behind a short
 *                     budget), over a lognormal of prompt lengths
 *     time per token of one answer: prompts that come in between its tokens (compound Poisson, by answer length) and
 *                     the slow fluctuation of the batch
 * Limits: no preemption, no disaggregated prefill, no speculation, random routing over replicas. */
#ifndef SIL_PLAN_SERVING_H
#define SIL_PLAN_SERVING_H

#include "plan/hw.h"
#include "plan/roof.h"
#include "plan/surface.h"

struct serving_load {
    double input, input_cv2, output, output_cv2; /* tokens; squared coefficients of variation */
    double long_input, long_output;              /* the class that `mix` is the share of; 0: none */
    double prefix_hit;                           /* share of the prompt in the prefix cache */
    double arrival_cv2;
};

struct serving_level {
    double ttft_s, tpot_s, quantile; /* each holds for this share of the requests; INFINITY: no limit */
};

struct serving {
    struct roof roof;
    struct hw_power power;
    struct serving_load load;
    struct serving_level level;
    double max_batch; /* of the engine */
    double budget;    /* prompt tokens that a step takes in at most */
};

/* Sequences in decode at most: by the engine and the HBM; below 1 when the model does not fit. */
double serving_batch_limit(const struct serving *s, double mix);
/* Requests/s of one replica with the batch full. */
double serving_capacity(const struct serving *s, double mix, double speed);
/* The highest rate (requests/s) that meets the level at full clock and this mix. SIL_ARG when even an empty replica
 * does not meet it: the text says which limit and what is reached. */
sil_err serving_rate(const struct serving *s, double mix, double *rate, struct sil_error *e);
/* As the eval of a surface_source; ctx is a struct serving. */
sil_err serving_eval(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                     struct sil_error *e);

/* Work that is one batchless job per request (an image): `flop` at `mfu` of the bf16 peak on one GPU. */
struct serving_job {
    const struct hw_system *hw;
    struct hw_power power;
    double flop, mfu, cv2; /* of the work per request */
    double arrival_cv2;
    struct serving_level level; /* ttft_s is the limit for the whole job */
    double shared;
};

sil_err serving_job_rate(const struct serving_job *j, double *rate, struct sil_error *e);
sil_err serving_job_eval(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                         struct sil_error *e);

#endif
