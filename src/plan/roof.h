/* roof: time, arithmetic and memory traffic of one engine step on one replica.
 *
 * A step holds `batch` sequences in decode and, perhaps, the new tokens of one prompt (chunked prefill). Its kernels
 * follow one another, each bound by arithmetic or by memory:
 *     products   max(2 x active weights x tokens / peak x compute, weights read / bandwidth x memory)
 *     attention  max(4 x layers x heads x dimension x pairs / bf16 peak x attention, KV bytes / bandwidth x memory)
 *     the rest   activation x width x layers x 2 B x tokens / bandwidth x memory   (norms, activations, quantising)
 *     exchange   2 all-reduces a layer over the links of the replica, each with a fixed delay
 *     engine     a fixed time per step
 * In layers with experts the rest and the exchange grow by 1 + routing x top: a token is sorted, sent to its experts
 * and gathered again, and the slowest expert is waited for. Experts: uniform routing, so that n tokens touch experts x
 * (1 - (1 - top/experts)^n) of them. The roofline: Williams, Waterman, Patterson 2009. `compute`, `activation` and
 * `routing` are calibrated (calib.h); the other factors are declared below. */
#ifndef SIL_PLAN_ROOF_H
#define SIL_PLAN_ROOF_H

#include "plan/hw.h"
#include "plan/llm.h"

#define ROOF_COMPUTE    .7 /* where the calibration starts */
#define ROOF_ACTIVATION 30 /* where the calibration starts */
#define ROOF_ROUTING    .5 /* where the calibration starts */
#define ROOF_ATTENTION  .5
#define ROOF_MEMORY     .85
#define ROOF_LINK       1
#define ROOF_HOP_S      8e-6
#define ROOF_STEP_S     1e-3
#define ROOF_HBM        .9
#define ROOF_PRODUCTION 1

struct roof_factors {
    double compute;    /* of the peak that large products reach; calibrated */
    double activation; /* reads and writes of a token's hidden state per layer outside the products; calibrated */
    double routing;    /* per expert of a token, of the work outside the products; calibrated */
    double attention;  /* of the bf16 peak that attention kernels reach */
    double memory;     /* of the HBM bandwidth */
    double link;       /* of one direction of the links */
    double hop_s;      /* fixed delay of an all-reduce */
    double step_s;     /* host work per step that is not hidden */
    double hbm;        /* share of the HBM for weights and KV */
    double production; /* speed of an engine in production, of one tuned for a benchmark: all times are longer by it */
};

/* The values above; their sources are with the variables fleet.roof.*. */
extern const struct roof_factors roof_declared;

struct roof {
    const struct hw_system *hw;
    const struct llm_model *model;
    enum hw_precision precision; /* of the weights and products */
    double gpus;                 /* that hold one copy of the weights together */
    double kv_value;             /* bytes per cached value */
    struct roof_factors k;
    struct llm_count count;
};

struct roof_cost {
    double time_s;
    double flop;  /* of products and attention */
    double bytes; /* to and from HBM, all GPUs of the replica together */
};

/* `k` is copied. */
void roof_init(struct roof *r, const struct hw_system *hw, const struct llm_model *model, enum hw_precision precision,
               double gpus, const struct roof_factors *k);

/* Bytes of a weight with its scales: 2, 1 and 0.5625 (one 8-bit scale for 16 values). */
double roof_weight_bytes(enum hw_precision p);

/* One step: `batch` sequences of mean length `context` in decode, and `prompt` tokens of a prompt of which `cached` are
 * already in the KV cache (prompt 0: none). speed: of the clock. */
void roof_step(const struct roof *r, double batch, double context, double prompt, double cached, double speed,
               struct roof_cost *out);

/* Sequences of `tokens` mean length that fit beside the weights; below 1 when not even one does. */
double roof_batch(const struct roof *r, double tokens);

#endif
