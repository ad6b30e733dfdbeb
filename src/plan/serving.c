#include "plan/serving.h"

#include <math.h>

#include "base/err.h"
#include "plan/queue.h"

/* Cells of a standard normal: midpoints by probability, finer towards the long prompts that quantiles depend on. */
enum { CELLS = 12 };
static const double cell_z[CELLS] = {-1.64485, -1.03643, -.67449, -.38532, -.12566, .12566,
                                     .38532,   .67449,   1.03643, 1.47579, 1.95996, 2.57583};
static const double cell_w[CELLS] = {.1, .1, .1, .1, .1, .1, .1, .1, .1, .06, .03, .01};

/* Mean lengths at a mix, and the prompts of the cells. */
struct lengths {
    double output, context, prompt[CELLS];
};

/* One operating point by batch. */
struct point {
    double b, batch;    /* mean in decode over all time, and over the time with any */
    double step_s, rho; /* decode step; share of the time that prompts take */
    double rate;        /* requests/s */
    double tpot, tpot_sd;
    double take[CELLS];  /* what a prompt adds to its step */
    double mean, square; /* of take */
    double flop, bytes;  /* per second */
};

static void mixed_lengths(const struct serving_load *l, double mix, struct lengths *out) {
    if (l->long_input <= 0) mix = 0;
    double input = (1 - mix) * l->input + mix * l->long_input, output = (1 - mix) * l->output + mix * l->long_output;
    double in2 = ((1 - mix) * l->input * l->input + mix * l->long_input * l->long_input) * (1 + l->input_cv2);
    double out2 = ((1 - mix) * l->output * l->output + mix * l->long_output * l->long_output) * (1 + l->output_cv2);
    double sigma = sqrt(log(in2 / (input * input))), sum = 0;
    for (int i = 0; i < CELLS; i++) sum += cell_w[i] * (out->prompt[i] = exp(sigma * cell_z[i]));
    for (int i = 0; i < CELLS; i++) out->prompt[i] *= input / sum;
    out->output = output > 1 ? output : 1;
    out->context = input + out2 / output / 2; /* mean length seen by a token of a long or short answer */
}

static double batch_limit(const struct serving *s, const struct lengths *n) {
    double by_memory = roof_batch(&s->roof, n->context);
    return by_memory < s->max_batch ? by_memory : s->max_batch;
}

/* Everything that follows from the mean number b of sequences in decode. */
static void point_at(const struct serving *s, const struct lengths *n, double b, double speed, struct point *p) {
    struct roof_cost decode, more, with;
    p->b = b;
    p->batch = b < 1e-6 ? 1 : b / (1 - exp(-b));
    roof_step(&s->roof, p->batch, n->context, 0, 0, speed, &decode);
    roof_step(&s->roof, p->batch + sqrt(p->batch), n->context, 0, 0, speed, &more);
    p->step_s = decode.time_s;
    p->mean = p->square = p->flop = p->bytes = 0;
    for (int i = 0; i < CELLS; i++) {
        roof_step(&s->roof, p->batch, n->context, n->prompt[i], s->load.prefix_hit * n->prompt[i], speed, &with);
        p->take[i] = with.time_s - decode.time_s;
        p->mean += cell_w[i] * p->take[i];
        p->square += cell_w[i] * p->take[i] * p->take[i];
        p->flop += cell_w[i] * (with.flop - decode.flop);
        p->bytes += cell_w[i] * (with.bytes - decode.bytes);
    }
    p->rate = b / (n->output * p->step_s + b * p->mean);
    p->rho = p->rate * p->mean;
    p->tpot = p->step_s / (1 - p->rho);
    double fluctuation = (more.time_s - decode.time_s) / (1 - p->rho);
    p->tpot_sd = sqrt(p->rate * p->tpot * p->square / n->output + fluctuation * fluctuation);
    double steps = (1 - p->rho) * (1 - exp(-b)) / p->step_s;
    p->flop = p->flop * p->rate + steps * decode.flop;
    p->bytes = p->bytes * p->rate + steps * decode.bytes;
}

/* The batch at which the replica serves `rate`: false position on a rising function, with the halved weight of the end
 * that stays (Illinois). The full batch when the rate is out of reach. */
static void point_of_rate(const struct serving *s, const struct lengths *n, double rate, double speed,
                          struct point *p) {
    double lo = 0, hi = batch_limit(s, n), flo = -rate, fhi;
    point_at(s, n, hi, speed, p);
    fhi = p->rate - rate;
    if (fhi <= 0) return;
    for (int i = 0, side = 0; i < 60; i++) {
        double b = (lo * fhi - hi * flo) / (fhi - flo);
        point_at(s, n, b, speed, p);
        double f = p->rate - rate;
        if (fabs(f) <= 1e-9 * rate || hi - lo < 1e-12 * hi) return;
        if (f > 0) {
            hi = b, fhi = f;
            if (side == 1) flo /= 2;
            side = 1;
        } else {
            lo = b, flo = f;
            if (side == -1) fhi /= 2;
            side = -1;
        }
    }
}

/* Waiting before the first token. */
struct first {
    const struct point *p;
    struct queue_wait place, prefill;
    double rest;
};

static void first_of(const struct serving *s, const struct point *p, double limit, struct first *f) {
    f->p = p;
    double cv2 = p->square / (p->mean * p->mean) - 1, k = s->shared;
    f->prefill = queue_wait_of(k, k * p->rate, 1 / p->mean, s->load.arrival_cv2, cv2 > 0 ? cv2 : 0);
    /* Below 70 % of the places nobody waits for one (Erlang C of 8 places at .7 is the worst case, .27; of 64, 5e-3).
     */
    f->place = (struct queue_wait){0, INFINITY};
    if (p->b > .7 * limit && limit >= 1) {
        double life = p->b / p->rate; /* of a sequence in the batch */
        double places = floor(limit), at_most = .999 * places * k;
        double a = p->b * k < at_most ? p->b * k : at_most;
        f->place = queue_wait_of(places * k, a / life, 1 / life, s->load.arrival_cv2, 1);
    }
    f->rest = (1 - exp(-p->b)) * p->step_s / 2;
}

static double first_tail(const struct first *f, double t) {
    double sum = 0;
    for (int i = 0; i < CELLS; i++) {
        double left = t - f->rest - f->p->step_s - f->p->take[i];
        double a = queue_wait_tail(f->place, left), b = queue_wait_tail(f->prefill, left);
        sum += cell_w[i] * (left < 0 ? 1 : 1 - (1 - a) * (1 - b));
    }
    return sum;
}

/* The time that a share q does not exceed, by halving. */
static double first_quantile(const struct first *f, double q) {
    double lo = 0, hi = f->rest + f->p->step_s + f->p->take[CELLS - 1];
    for (int i = 0; i < 60 && first_tail(f, hi) > 1 - q; i++) hi *= 2;
    for (int i = 0; i < 22; i++) {
        double mid = (lo + hi) / 2;
        if (first_tail(f, mid) > 1 - q) lo = mid;
        else hi = mid;
    }
    return hi;
}

/* P(normal <= x). */
static double normal_below(double x, double mean, double sd) {
    if (x == INFINITY) return 1;
    return sd > 0 ? .5 * erfc((mean - x) / (sd * M_SQRT2)) : x >= mean;
}

static double ttft_share(const struct serving *s, const struct first *f) {
    return s->level.ttft_s == INFINITY ? 1 : 1 - first_tail(f, s->level.ttft_s);
}

static double tpot_share(const struct serving *s, const struct point *p) {
    return normal_below(s->level.tpot_s, p->tpot, p->tpot_sd);
}

double serving_batch_limit(const struct serving *s, double mix) {
    struct lengths n;
    mixed_lengths(&s->load, mix, &n);
    return batch_limit(s, &n);
}

double serving_capacity(const struct serving *s, double mix, double speed) {
    struct lengths n;
    struct point p;
    mixed_lengths(&s->load, mix, &n);
    point_at(s, &n, batch_limit(s, &n), speed, &p);
    return p.rate;
}

sil_err serving_rate(const struct serving *s, double mix, double *rate, struct sil_error *e) {
    struct lengths n;
    struct point p;
    struct first f;
    mixed_lengths(&s->load, mix, &n);
    double limit = batch_limit(s, &n), lo = 0, hi = limit;
    if (!(limit >= 1))
        return err_set(e, SIL_ARG, "model: %s in %.3g GPUs of %s leaves no HBM for one sequence of %.0f tokens",
                       s->roof.model->name, s->roof.gpus, s->roof.hw->name, n.context);
    point_at(s, &n, 1e-3 < limit ? 1e-3 : limit, 1, &p);
    first_of(s, &p, limit, &f);
    if (ttft_share(s, &f) < s->level.quantile)
        return err_set(e, SIL_ARG,
                       "ttft: %.4g s is out of reach; allowed: above %.4g s, which it takes at %.4g %% on an empty "
                       "replica (%.3g x %s)",
                       s->level.ttft_s, first_quantile(&f, s->level.quantile), 100 * s->level.quantile, s->roof.gpus,
                       s->roof.hw->name);
    if (tpot_share(s, &p) < s->level.quantile)
        return err_set(
            e, SIL_ARG,
            "tpot: %.4g ms is out of reach; allowed: above %.4g ms, which it takes on an empty replica (%.3g x %s)",
            1e3 * s->level.tpot_s, 1e3 * p.tpot, s->roof.gpus, s->roof.hw->name);
    for (int i = 0; i < 50; i++) {
        double b = i == 0 ? hi : (lo + hi) / 2; /* the whole batch first: without limits it is the answer */
        point_at(s, &n, b, 1, &p);
        first_of(s, &p, limit, &f);
        if (ttft_share(s, &f) >= s->level.quantile && tpot_share(s, &p) >= s->level.quantile) lo = b;
        else hi = b;
        if (hi - lo <= 1e-9 * hi) break;
    }
    point_at(s, &n, lo > 1e-3 ? lo : 1e-3, 1, &p);
    *rate = p.rate;
    return SIL_OK;
}

sil_err serving_eval(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                     struct sil_error *e) {
    const struct serving *s = ctx;
    struct lengths n;
    struct point p;
    struct first f;
    mixed_lengths(&s->load, mix, &n);
    double limit = batch_limit(s, &n);
    if (!(limit >= 1)) return err_set(e, SIL_ARG, "%s does not fit", s->roof.model->name);
    if (rate > 0) point_of_rate(s, &n, rate, speed, &p);
    else point_at(s, &n, 0, speed, &p);
    first_of(s, &p, limit, &f);
    double busy = 1 - (1 - p.rho) * exp(-p.b), gpus = s->roof.gpus;
    double gpu = hw_gpu_power(s->roof.hw, &s->power, busy, p.flop / (gpus * s->roof.hw->flops[s->roof.precision]),
                              p.bytes / (gpus * s->roof.hw->hbm_rate), speed);
    double served = p.rate < rate ? p.rate : rate;
    double *v = out->v;
    v[SURFACE_SERVED] = served;
    v[SURFACE_POWER] = gpus * (gpu + hw_host_power(s->roof.hw, &s->power, busy));
    v[SURFACE_SLO] = ttft_share(s, &f) * tpot_share(s, &p);
    /* A queue that only grows keeps no promise about the first token. */
    if (rate > p.rate * (1 + 1e-6) && s->level.ttft_s < INFINITY) v[SURFACE_SLO] = 0;
    v[SURFACE_UTIL] = busy;
    v[SURFACE_TTFT_P50] = first_quantile(&f, .5);
    v[SURFACE_TTFT_P90] = first_quantile(&f, .9);
    v[SURFACE_TTFT_P99] = first_quantile(&f, .99);
    v[SURFACE_TPOT_P50] = p.tpot;
    v[SURFACE_TPOT_P99] = p.tpot + 2.32635 * p.tpot_sd;
    v[SURFACE_BATCH] = p.b;
    return SIL_OK;
}

/* ---- jobs ---- */

static double job_seconds(const struct serving_job *j, double speed) {
    return j->flop / (j->mfu * j->hw->flops[HW_BF16] * speed);
}

/* P(wait + own time > t) with the own time at its mean and one deviation to either side. */
static double job_tail(const struct serving_job *j, struct queue_wait w, double own, double t) {
    double sd = sqrt(j->cv2) * own;
    double low = own > sd ? own - sd : 0;
    return .25 * queue_wait_tail(w, t - low) + .5 * queue_wait_tail(w, t - own) +
           .25 * queue_wait_tail(w, t - own - sd);
}

static double job_share(const struct serving_job *j, double rate, double speed) {
    double own = job_seconds(j, speed);
    struct queue_wait w = queue_wait_of(j->shared, j->shared * rate, 1 / own, j->arrival_cv2, j->cv2);
    if (j->level.ttft_s == INFINITY) return rate * own < 1;
    return w.rate > 0 ? 1 - job_tail(j, w, own, j->level.ttft_s) : 0;
}

sil_err serving_job_rate(const struct serving_job *j, double *rate, struct sil_error *e) {
    double lo = 0, hi = 1 / job_seconds(j, 1);
    if (job_share(j, 0, 1) < j->level.quantile)
        return err_set(e, SIL_ARG, "ttft: %.4g s is out of reach; allowed: above %.4g s, which the job computes on %s",
                       j->level.ttft_s, job_seconds(j, 1), j->hw->name);
    for (int i = 0; i < 50; i++) {
        double mid = (lo + hi) / 2;
        if (job_share(j, mid, 1) >= j->level.quantile) lo = mid;
        else hi = mid;
    }
    *rate = lo;
    return SIL_OK;
}

static double job_quantile(const struct serving_job *j, struct queue_wait w, double own, double q) {
    double lo = 0, hi = own * (1 + sqrt(j->cv2));
    for (int i = 0; i < 60 && job_tail(j, w, own, hi) > 1 - q; i++) hi *= 2;
    for (int i = 0; i < 22; i++) {
        double mid = (lo + hi) / 2;
        if (job_tail(j, w, own, mid) > 1 - q) lo = mid;
        else hi = mid;
    }
    return hi;
}

sil_err serving_job_eval(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                         struct sil_error *e) {
    (void)mix, (void)e;
    const struct serving_job *j = ctx;
    double own = job_seconds(j, speed), most = .999 / own, served = rate < most ? rate : most, busy = served * own;
    struct queue_wait w = queue_wait_of(j->shared, j->shared * served, 1 / own, j->arrival_cv2, j->cv2);
    /* Diffusion is bound by arithmetic; a third of the bandwidth goes with it. */
    double gpu = hw_gpu_power(j->hw, &j->power, busy, busy * j->mfu * speed, busy / 3 * speed, speed);
    double *v = out->v;
    v[SURFACE_SERVED] = served;
    v[SURFACE_POWER] = gpu + hw_host_power(j->hw, &j->power, busy);
    v[SURFACE_SLO] = rate > most ? 0 : job_share(j, rate, speed);
    v[SURFACE_UTIL] = busy;
    v[SURFACE_TTFT_P50] = job_quantile(j, w, own, .5);
    v[SURFACE_TTFT_P90] = job_quantile(j, w, own, .9);
    v[SURFACE_TTFT_P99] = job_quantile(j, w, own, .99);
    v[SURFACE_TPOT_P50] = v[SURFACE_TPOT_P99] = 0;
    v[SURFACE_BATCH] = busy;
    return SIL_OK;
}
