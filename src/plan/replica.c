#include "plan/replica.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/rng.h"

struct request {
    double arrival, first; /* s */
    double prompt, answer; /* tokens */
    double done;           /* of the prompt, while it waits; of the answer, in the batch */
};

/* What a simulation needs at hand; one allocation. */
struct sim {
    const struct replica_sim *r;
    struct roof roof;
    double rate, mix, speed, now, next; /* next arrival */
    struct rng gaps, lengths;
    uint32_t batch, head, waiting, limit;
    uint64_t arrived, finished, counted, turned_away, in_level, warm;
    double busy_s, flop, bytes, batch_s, began;
    double context; /* sum over the batch */
    struct request running[REPLICA_BATCH];
    struct request queue[REPLICA_WAITING]; /* ring */
    float ttft[REPLICA_REQUESTS_MAX], tpot[REPLICA_REQUESTS_MAX];
};

static double uniform(struct rng *r) {
    return ((double)(rng_u64(r) >> 11) + .5) * 0x1p-53;
}

/* By Box and Muller. */
static double normal(struct rng *r) {
    double radius = sqrt(-2 * log(uniform(r)));
    return radius * cos(2 * M_PI * uniform(r));
}

static double lognormal(struct rng *r, double mean, double cv2) {
    double s2 = log(1 + cv2);
    return mean * exp(sqrt(s2) * normal(r) - s2 / 2);
}

/* Poisson, or for burstier arrivals a hyperexponential of two rates with balanced means. */
static void draw_gap(struct sim *s) {
    double cv2 = s->r->serving->load.arrival_cv2;
    double p = cv2 > 1 ? (1 + sqrt((cv2 - 1) / (cv2 + 1))) / 2 : .5;
    double rate = 2 * s->rate * (uniform(&s->gaps) < p ? p : 1 - p);
    s->next += -log(uniform(&s->gaps)) / rate;
}

static void arrive(struct sim *s) {
    const struct serving_load *l = &s->r->serving->load;
    bool big = l->long_input > 0 && uniform(&s->lengths) < s->mix;
    struct request q = {.arrival = s->next};
    q.prompt = ceil(lognormal(&s->lengths, big ? l->long_input : l->input, l->input_cv2));
    q.answer = ceil(lognormal(&s->lengths, big ? l->long_output : l->output, l->output_cv2) - .5);
    if (q.answer < 1) q.answer = 1;
    q.done = floor(q.prompt * l->prefix_hit);
    s->arrived++;
    if (s->waiting == REPLICA_WAITING) s->turned_away++;
    else s->queue[(s->head + s->waiting++) % REPLICA_WAITING] = q;
    draw_gap(s);
}

static void leave(struct sim *s, const struct request *q) {
    const struct serving_level *level = &s->r->serving->level;
    s->finished++;
    if (s->finished <= s->warm || s->counted == s->r->requests) return;
    double ttft = q->first - q->arrival, tpot = q->answer > 1 ? (s->now - q->first) / (q->answer - 1) : 0;
    s->ttft[s->counted] = (float)ttft;
    s->tpot[s->counted] = (float)tpot;
    s->counted++;
    if (ttft <= level->ttft_s && tpot <= level->tpot_s) s->in_level++;
}

/* Prompts of this step: time, work, and how many leave the queue. */
static uint32_t take_in(struct sim *s, const struct roof_cost *decode, double context, double *time) {
    double left = s->r->budget;
    uint32_t whole = 0;
    for (uint32_t i = 0; i < s->waiting && s->batch + i < s->limit && left > 0; i++) {
        struct request *q = &s->queue[(s->head + i) % REPLICA_WAITING];
        double chunk = q->prompt - q->done < left ? q->prompt - q->done : left;
        struct roof_cost with;
        roof_step(&s->roof, s->batch, context, q->done + chunk, q->done, s->speed, &with);
        *time += with.time_s - decode->time_s;
        s->flop += with.flop - decode->flop;
        s->bytes += with.bytes - decode->bytes;
        q->done += chunk;
        left -= chunk;
        if (q->done >= q->prompt) whole++;
    }
    return whole;
}

static void step(struct sim *s) {
    double context = s->batch ? s->context / s->batch : 0;
    struct roof_cost decode;
    roof_step(&s->roof, s->batch, context, 0, 0, s->speed, &decode);
    double time = decode.time_s;
    uint32_t whole = take_in(s, &decode, context, &time), alive = 0;
    s->flop += decode.flop;
    s->bytes += decode.bytes;
    s->now += time;
    s->busy_s += time;
    s->batch_s += s->batch * time;
    for (uint32_t i = 0; i < s->batch; i++) {
        struct request q = s->running[i];
        q.done++;
        s->context++;
        if (q.done < q.answer) {
            s->running[alive++] = q;
            continue;
        }
        s->context -= q.prompt + q.done;
        leave(s, &q);
    }
    s->batch = alive;
    for (uint32_t i = 0; i < whole; i++) {
        struct request q = s->queue[s->head];
        s->head = (s->head + 1) % REPLICA_WAITING;
        s->waiting--;
        q.first = s->now;
        q.done = 1;
        if (q.answer <= 1) {
            leave(s, &q);
            continue;
        }
        s->running[s->batch++] = q;
        s->context += q.prompt + 1;
    }
}

static void run(struct sim *s) {
    uint64_t want = s->r->requests + s->warm;
    /* Everything that arrives is served in the end or turned away; the bound is for our own mistakes. */
    for (uint64_t steps = 0; s->counted < s->r->requests; steps++) {
        assert(steps < 4096 * (want + 1));
        if (s->batch == 0 && s->waiting == 0) s->now = s->next > s->now ? s->next : s->now;
        while (s->next <= s->now) arrive(s);
        if (s->finished <= s->warm) {
            s->began = s->now;
            s->busy_s = s->flop = s->bytes = s->batch_s = 0;
            s->turned_away = 0;
        }
        step(s);
    }
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void results(struct sim *s, struct surface_point *out) {
    uint64_t n = s->counted;
    double span = s->now - s->began, gpus = s->roof.gpus, busy = fmin(1, s->busy_s / span); /* rounding */
    const struct serving *v = s->r->serving;
    double gpu =
        hw_gpu_power(s->roof.hw, &v->power, busy, s->flop / span / (gpus * s->roof.hw->flops[s->roof.precision]),
                     s->bytes / span / (gpus * s->roof.hw->hbm_rate), s->speed);
    qsort(s->ttft, n, sizeof *s->ttft, by_value);
    qsort(s->tpot, n, sizeof *s->tpot, by_value);
    double *o = out->v, count = (double)n;
    o[SURFACE_SERVED] = count / span;
    o[SURFACE_POWER] = gpus * (gpu + hw_host_power(s->roof.hw, &v->power, busy));
    o[SURFACE_SLO] = (double)s->in_level / (count + (double)s->turned_away);
    o[SURFACE_UTIL] = busy;
    o[SURFACE_TTFT_P50] = (double)s->ttft[n / 2];
    o[SURFACE_TTFT_P90] = (double)s->ttft[n * 9 / 10];
    o[SURFACE_TTFT_P99] = (double)s->ttft[n * 99 / 100];
    o[SURFACE_TPOT_P50] = (double)s->tpot[n / 2];
    o[SURFACE_TPOT_P99] = (double)s->tpot[n * 99 / 100];
    o[SURFACE_BATCH] = s->batch_s / span;
}

sil_err replica_eval(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                     struct sil_error *e) {
    const struct replica_sim *r = ctx;
    assert(r->requests > 0 && r->requests <= REPLICA_REQUESTS_MAX && r->budget >= 1);
    double limit = serving_batch_limit(r->serving, mix);
    if (!(limit >= 1)) return err_set(e, SIL_ARG, "%s does not fit", r->serving->roof.model->name);
    if (rate <= 0) return serving_eval(r->serving, 0, mix, speed, out, e); /* nothing to simulate */
    struct sim *s = mem_array(r->mem, 1, sizeof *s);
    if (!s) return err_nomem(e, "a simulated replica", sizeof *s);
    s->r = r;
    s->roof = r->serving->roof;
    s->rate = rate;
    s->mix = mix;
    s->speed = speed;
    s->limit = limit < REPLICA_BATCH ? (uint32_t)limit : REPLICA_BATCH;
    s->warm = r->requests / 10 + 1;
    s->gaps = (struct rng){.seed = r->seed, .stream = 1};
    s->lengths = (struct rng){.seed = r->seed, .stream = 2};
    draw_gap(s);
    run(s);
    results(s, out);
    mem_free(r->mem, s);
    return SIL_OK;
}
