/* serving: one replica of a language model under load, in closed form: the analytic source of surface.h.
 *
 * Continuous batching with chunked prefill. For requests at rate r with O output tokens:
 *     b sequences are in decode; a decode step of b takes t(b), a prompt adds s to the step that takes it in;
 *     time per output token  t(b) / (1 - r s)                 (prompts take the share r s of the time)
 *     Little's law           b = r O t(b) / (1 - r s), so r = b / (O t(b) + b s): rising in b, up to the batch that
 *                            the HBM or the engine holds
 *     first token            wait for a place in the batch (Erlang C over its places) + wait for prefill (G/G/k, Allen
 *                            and Cunneen, k replicas behind one queue) + what is left of the running step + the step
 *                            with the prompt, over a lognormal of prompt lengths
 *     token times            normal around the mean: prompts that happen to come in between, batch fluctuation
 * Limits: no preemption, no disaggregated prefill, no speculation, lengths independent of load. */
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
    double shared;    /* replicas behind one queue: 1 is random routing, the pessimistic end */
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
