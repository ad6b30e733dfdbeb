/* train: useful share of the time of a training job that is interrupted and restarts from checkpoints, and tokens.
 *
 * Source: Young 1974 (first-order optimum of the interval); interruption rate per GPU from the Llama 3 paper (419
 * unexpected interruptions in 54 days of 16,384 GPUs), which counts job interruptions, not broken hardware. */
#ifndef SIL_PLAN_TRAIN_H
#define SIL_PLAN_TRAIN_H

struct train_loss {
    double interval_s; /* between checkpoints */
    double between_s;  /* mean time between interruptions of the job */
    double checkpoint; /* share of the time that checkpoints take */
    double redone;     /* share lost behind the last checkpoint */
    double restart;    /* share that restarts take */
    double goodput;    /* what is left, >= 0 */
};

/* gpus of one job; rate: interruptions per GPU and second; checkpoint and restart in s. */
void train_loss(double gpus, double rate, double checkpoint_s, double restart_s, struct train_loss *out);

/* Interruptions per GPU and second from a count over days. */
double train_rate(double interruptions, double gpus, double days);

/* FLOP of training on `tokens`: 6 x weights used per token (forward 2, backward 4; Kaplan et al. 2020). */
double train_flop(double active_weights, double tokens);

#endif
