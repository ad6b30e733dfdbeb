#include "plan/serving.h"

#include <math.h>

#include "base/err.h"
#include "plan/queue.h"

/* Cells of a standard normal: midpoints by probability, finer towards the long prompts that quantiles depend on. */
enum { CELLS = 12 };
static const double cell_z[CELLS] = {-1.64485, -1.03643, -.67449, -.38532, -.12566, .12566,
                                     .38532,   .67449,   1.03643, 1.47579, 1.95996, 2.57583};
static const double cell_w[CELLS] = {.1, .1, .1, .1, .1, .1, .1, .1, .1, .06, .03, .01};

/* Mean lengths at a mix, and the prompts and answers of the cells. */
struct lengths {
    double input, output, context, prompt[CELLS], answer[CELLS];
};

/* One operating point by batch. */
struct point {
    double b, batch;     /* mean in decode over all time, and over the time with any */
    double step_s, rho;  /* decode step; share of the time that prompts take */
    double most_s;       /* the most that prompts can add to a step */
    double rate;         /* requests/s */
    double tpot;         /* mean */
    double slow;         /* deviation of the time per token by the fluctuation of the batch */
    double take[CELLS];  /* what a prompt adds to its steps */
    double mean, square; /* of take */
    double flop, bytes;  /* per second */
};

/* Cells of a lognormal of this mean and mean square, with the mean kept. */
static void lognormal_cells(double mean, double square, double *cell) {
    double sigma = sqrt(log(square / (mean * mean))), sum = 0;
    for (int i = 0; i < CELLS; i++) sum += cell_w[i] * (cell[i] = exp(sigma * cell_z[i]));
    for (int i = 0; i < CELLS; i++) cell[i] *= mean / sum;
}

static void mixed_lengths(const struct serving_load *l, double mix, struct lengths *out) {
    if (l->long_input <= 0) mix = 0;
    double input = (1 - mix) * l->input + mix * l->long_input, output = (1 - mix) * l->output + mix * l->long_output;
    double in2 = ((1 - mix) * l->input * l->input + mix * l->long_input * l->long_input) * (1 + l->input_cv2);
    double out2 = ((1 - mix) * l->output * l->output + mix * l->long_output * l->long_output) * (1 + l->output_cv2);
    lognormal_cells(input, in2, out->prompt);
    lognormal_cells(output, out2, out->answer);
    out->input = input;
    out->output = output > 1 ? output : 1;
    out->context = input + out2 / output / 2; /* mean length seen by a token of a long or short answer */
}

/* Places by HBM, by engine, and by the prompts that come with b answers and must fit into a step. */
static double batch_limit(const struct serving *s, const struct lengths *n) {
    double limit = roof_batch(&s->roof, n->context), fresh = n->input * (1 - s->load.prefix_hit);
    double by_prompts = fresh > 0 ? .98 * s->budget * n->output / fresh : INFINITY;
    if (s->max_batch < limit) limit = s->max_batch;
    return by_prompts < limit && limit >= 1 ? (by_prompts > 1e-3 ? by_prompts : 1e-3) : limit;
}

/* Everything that follows from the mean number b of sequences in decode. */
static void point_at(const struct serving *s, const struct lengths *n, double b, double speed, struct point *p) {
    struct roof_cost decode, more, with;
    p->b = b;
    p->batch = b < 1e-6 ? 1 : b / (1 - exp(-b));
    roof_step(&s->roof, p->batch, n->context, 0, 0, speed, &decode);
    roof_step(&s->roof, p->batch * 1.1, n->context, 0, 0, speed, &more);
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
    roof_step(&s->roof, p->batch, n->context, s->budget, 0, speed, &with);
    p->most_s = with.time_s - decode.time_s;
    p->rate = b / (n->output * p->step_s + b * p->mean);
    p->rho = p->rate * p->mean;
    p->tpot = p->step_s / (1 - p->rho);
    /* The batch is Poisson but for the feedback that more sequences stay longer: elasticity of the step's time. */
    double elasticity = fmin(.95, log(more.time_s / decode.time_s) / log(1.1));
    p->slow = p->tpot * elasticity / sqrt(p->batch * (1 - elasticity));
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

/* A lognormal by its mean and variance; scale 0: always the mean. */
struct lognormal {
    double mu, scale, mean; /* scale: 1 / (sigma sqrt 2) */
};

static struct lognormal lognormal_of(double mean, double variance) {
    struct lognormal l = {.mean = mean};
    if (variance <= 1e-18 * mean * mean) return l;
    double s2 = log(1 + variance / (mean * mean));
    l.mu = log(mean) - s2 / 2;
    l.scale = 1 / sqrt(2 * s2);
    return l;
}

/* P(X > x). */
static double lognormal_above(const struct lognormal *l, double x) {
    if (x <= 0) return 1;
    return l->scale > 0 ? .5 * erfc((log(x) - l->mu) * l->scale) : l->mean > x;
}

/* Waiting before the first token. */
struct first {
    const struct point *p;
    struct queue_wait place;
    double busy;           /* share of the arrivals that find the replica busy */
    struct lognormal wait; /* of those */
    double longer;         /* a prompt's own time, as decode steps go on between its chunks */
};

/* Steps follow one another without a break while there is work. A step takes t and the prompts that came during the
 * step before it, if they fit. Its length C so has
 *     mean t / (1 - rho),  variance rate x E[take^2] x mean / (1 - rho^2)   (arrivals of a step are Poisson in number)
 * An arrival finds a step under way, longer than the mean one (length-biased), waits for its rest (uniform) and then in
 * its own step for the prompts of the whole step before. What does not fit into a step waits as in G/G/1. */
static void first_of(const struct serving *s, const struct point *p, double limit, struct first *f) {
    double t = p->step_s, burst = p->square + (s->load.arrival_cv2 - 1) * p->mean * p->mean;
    double mean = t / (1 - p->rho), v = p->rate * burst * mean / (1 - p->rho * p->rho);
    double top = t + p->most_s, third = mean > t ? 2 * v * v / (mean - t) : 0; /* third moment as of a gamma */
    double found = mean + v / mean, found2 = mean * mean + 3 * v + third / mean;
    if (found > top) found2 *= top * top / (found * found), found = top; /* no step is longer */
    double spread = found2 - found * found > 0 ? found2 - found * found : 0;
    f->p = p;
    f->busy = 1 - (1 - p->rho) * exp(-p->b);
    f->longer = 1 + t / p->most_s;
    double wait = found * (.5 + p->rho);
    double variance = found2 / 12 + p->rate * found * burst + (.5 + p->rho) * (.5 + p->rho) * spread;
    double load = fmin(.999, p->rho * f->longer), cv2 = p->square / (p->mean * p->mean) - 1;
    double behind = p->mean * f->longer / (1 - load) * (s->load.arrival_cv2 + cv2) / 2; /* of those that wait */
    if (load * behind > f->busy * wait) {
        f->busy = load;
        wait = behind + t / 2;
        variance = behind * behind;
    }
    f->wait = lognormal_of(wait, variance);
    /* Below 70 % of the places nobody waits for one (Erlang C of 8 places at .7 is the worst case, .27; of 64, 5e-3).
     */
    f->place = (struct queue_wait){0, INFINITY};
    if (p->b > .7 * limit && limit >= 1) {
        double life = p->b / p->rate, places = floor(limit); /* life of a sequence in the batch */
        double a = p->b < .999 * places ? p->b : .999 * places;
        f->place = queue_wait_of(places, a / life, 1 / life, s->load.arrival_cv2, 1);
    }
}

static double first_tail(const struct first *f, double t) {
    double sum = 0;
    for (int i = 0; i < CELLS; i++) {
        double left = t - f->p->step_s - f->p->take[i] * f->longer;
        double a = queue_wait_tail(f->place, left), b = f->busy * lognormal_above(&f->wait, left);
        sum += cell_w[i] * (left < 0 ? 1 : 1 - (1 - a) * (1 - b));
    }
    return sum;
}

/* What prompts add between the tokens of an answer, by answer length: none, one (whose length is known), or more
 * (lognormal by the moments of a compound Poisson sum; longer steps bring more prompts: 1 / (1 - rho)). */
struct tokens {
    const struct point *p;
    double steps[CELLS], one[CELLS], more[CELLS];
    struct lognormal sum[CELLS];
};

/* Between n tokens lie m = n - 1 steps. Prompts lengthen them that came in the step of the answer's own prompt and in
 * all steps but the last. */
static void tokens_of(const struct lengths *n, const struct point *p, struct tokens *k) {
    double own = (p->step_s + p->mean) / (1 - p->rho), feedback = 1 / ((1 - p->rho) * (1 - p->rho));
    k->p = p;
    for (int i = 0; i < CELLS; i++) {
        double m = k->steps[i] = n->answer[i] - 1;
        double hits = p->rate * ((m > 1 ? m - 1 : 0) * p->tpot + own), none = exp(-hits);
        k->one[i] = hits * none;
        k->more[i] = 1 - none - k->one[i];
        if (k->more[i] < 1e-9) k->more[i] = 0;
        double part = k->more[i] > 0 ? 1 / k->more[i] : 0, mean = (hits - k->one[i]) * p->mean * part;
        double square = (hits * feedback - k->one[i]) * p->square + hits * hits * p->mean * p->mean;
        double variance = fmax(0, square * part - mean * mean) + m * m * p->slow * p->slow;
        if (part > 0) k->sum[i] = lognormal_of(mean, variance);
    }
}

/* The share of answers with a time per token above x; no step is longer than with a full load of prompts. */
static double token_tail(const struct tokens *k, double x) {
    const struct point *p = k->p;
    double tail = 0;
    if (x >= p->step_s + p->most_s + 3 * p->slow) return 0;
    for (int i = 0; i < CELLS; i++) {
        double added = (x - p->step_s) * k->steps[i], one = 0;
        if (k->steps[i] < .5) continue; /* one token: no time between tokens */
        if (added < 0) {
            tail += cell_w[i];
            continue;
        }
        for (int j = CELLS - 1; j >= 0 && p->take[j] > added; j--) one += cell_w[j];
        tail += cell_w[i] * k->one[i] * one;
        if (k->more[i] > 0) tail += cell_w[i] * k->more[i] * lognormal_above(&k->sum[i], added);
    }
    return tail;
}

/* Halvings of a quantile's bracket: to 1e-4 of it, below what the approximations know. */
enum { HALVINGS = 14 };

/* The time that a share q does not exceed. */
static double first_quantile(const struct first *f, double q) {
    double lo = 0, hi = f->p->step_s + f->p->take[CELLS - 1];
    for (int i = 0; i < 60 && first_tail(f, hi) > 1 - q; i++) lo = hi, hi *= 2;
    for (int i = 0; i < HALVINGS; i++) {
        double mid = (lo + hi) / 2;
        if (first_tail(f, mid) > 1 - q) lo = mid;
        else hi = mid;
    }
    return hi;
}

static double token_quantile(const struct tokens *k, double q) {
    double lo = k->p->step_s, hi = k->p->step_s + k->p->most_s + 3 * k->p->slow;
    for (int i = 0; i < HALVINGS; i++) {
        double mid = (lo + hi) / 2;
        if (token_tail(k, mid) > 1 - q) lo = mid;
        else hi = mid;
    }
    return hi;
}

static double ttft_share(const struct serving *s, const struct first *f) {
    return s->level.ttft_s == INFINITY ? 1 : 1 - first_tail(f, s->level.ttft_s);
}

static double tpot_share(const struct serving *s, const struct tokens *k) {
    return s->level.tpot_s == INFINITY ? 1 : 1 - token_tail(k, s->level.tpot_s);
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
    struct tokens k;
    mixed_lengths(&s->load, mix, &n);
    double limit = batch_limit(s, &n), lo = 0, hi = limit;
    if (!(limit >= 1))
        return err_set(e, SIL_ARG, "model: %s in %.3g GPUs of %s leaves no HBM for one sequence of %.0f tokens",
                       s->roof.model->name, s->roof.gpus, s->roof.hw->name, n.context);
    point_at(s, &n, 1e-3 < limit ? 1e-3 : limit, 1, &p);
    first_of(s, &p, limit, &f);
    tokens_of(&n, &p, &k);
    if (ttft_share(s, &f) < s->level.quantile)
        return err_set(e, SIL_ARG,
                       "ttft: %.4g s is out of reach; allowed: above %.4g s, which it takes at %.4g %% on an empty "
                       "replica (%.3g x %s)",
                       s->level.ttft_s, first_quantile(&f, s->level.quantile), 100 * s->level.quantile, s->roof.gpus,
                       s->roof.hw->name);
    if (tpot_share(s, &k) < s->level.quantile)
        return err_set(
            e, SIL_ARG,
            "tpot: %.4g ms is out of reach; allowed: above %.4g ms, which it takes on an empty replica (%.3g x %s)",
            1e3 * s->level.tpot_s, 1e3 * p.tpot, s->roof.gpus, s->roof.hw->name);
    for (int i = 0; i < 50; i++) {
        double b = i == 0 ? hi : (lo + hi) / 2; /* the whole batch first: without limits it is the answer */
        point_at(s, &n, b, 1, &p);
        first_of(s, &p, limit, &f);
        tokens_of(&n, &p, &k);
        if (ttft_share(s, &f) >= s->level.quantile && tpot_share(s, &k) >= s->level.quantile) lo = b;
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
    struct tokens k;
    mixed_lengths(&s->load, mix, &n);
    double limit = batch_limit(s, &n);
    if (!(limit >= 1)) return err_set(e, SIL_ARG, "%s does not fit", s->roof.model->name);
    if (rate > 0) point_of_rate(s, &n, rate, speed, &p);
    else point_at(s, &n, 0, speed, &p);
    first_of(s, &p, limit, &f);
    tokens_of(&n, &p, &k);
    double busy = 1 - (1 - p.rho) * exp(-p.b), gpus = s->roof.gpus;
    double gpu = hw_gpu_power(s->roof.hw, &s->power, busy, p.flop / (gpus * s->roof.hw->flops[s->roof.precision]),
                              p.bytes / (gpus * s->roof.hw->hbm_rate), speed);
    double served = p.rate < rate ? p.rate : rate;
    double *v = out->v;
    v[SURFACE_SERVED] = served;
    v[SURFACE_POWER] = gpus * (gpu + hw_host_power(s->roof.hw, &s->power, busy));
    v[SURFACE_SLO] = ttft_share(s, &f) * tpot_share(s, &k);
    /* A queue that only grows keeps no promise about the first token. */
    if (rate > p.rate * (1 + 1e-6) && s->level.ttft_s < INFINITY) v[SURFACE_SLO] = 0;
    v[SURFACE_UTIL] = busy;
    v[SURFACE_TTFT_P50] = first_quantile(&f, .5);
    v[SURFACE_TTFT_P90] = first_quantile(&f, .9);
    v[SURFACE_TTFT_P99] = first_quantile(&f, .99);
    v[SURFACE_TPOT_P50] = token_quantile(&k, .5);
    v[SURFACE_TPOT_P99] = token_quantile(&k, .99);
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
    for (int i = 0; i < HALVINGS; i++) {
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
