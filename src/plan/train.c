#include "plan/train.h"

#include <math.h>

void train_loss(double gpus, double rate, double checkpoint_s, double restart_s, struct train_loss *out) {
    *out = (struct train_loss){.interval_s = INFINITY, .between_s = INFINITY, .goodput = 1};
    if (gpus * rate <= 0) return;
    out->between_s = 1 / (gpus * rate);
    out->interval_s = sqrt(2 * checkpoint_s * out->between_s);
    out->checkpoint = out->interval_s > 0 ? checkpoint_s / out->interval_s : 0;
    out->redone = out->interval_s / 2 / out->between_s;
    out->restart = restart_s / out->between_s;
    double left = 1 - out->checkpoint - out->redone - out->restart;
    out->goodput = left > 0 ? left : 0;
}

double train_rate(double interruptions, double gpus, double days) {
    return interruptions / (gpus * days * 86400);
}

double train_flop(double active_weights, double tokens) {
    return 6 * active_weights * tokens;
}
