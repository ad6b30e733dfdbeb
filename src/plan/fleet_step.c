/* fleet_step: one step of the year. Demand -> GPUs by priority -> power; then, above the limit, less by priority:
 * idle systems off, batch and training paused, clocks down as far as the service level allows, requests refused. */
#include <math.h>
#include <string.h>

#include "plan/fleet.h"
#include "plan/fleet_impl.h"

void fleet_start(struct fleet_state *s) {
    memset(s, 0, sizeof *s);
}

/* (1 + g)^years with the part of a year in a straight line; years up to 100. */
static double grown(double g, double years) {
    if (!(years > 0)) return 1;
    double f = 1;
    int whole = years < 100 ? (int)years : 100;
    for (int y = 0; y < whole; y++) f *= 1 + g;
    return f * (1 + g * (years - whole));
}

static double demand(const struct fleet_service_built *s, const struct fleet_in *in) {
    double x = in->hour - .5;
    if (x < 0) x += 24;
    int h = (int)x;
    if (h > 23) h = 23;
    double of_day = s->hour[h] + (s->hour[h + 1] - s->hour[h]) * (x - h);
    double rate = s->level[in->rest_day][in->month] * of_day * in->ramp;
    return s->growth == 0 ? rate : rate * grown(s->growth, in->years);
}

/* Replicas of one service in a step, with the operating point they share: between two points of the table, or (slower
 * clock) worked out in `own`, which then stands for both. */
struct run {
    double replicas, load; /* offered rate of a replica / rate within the level */
    const struct surface_point *at;
    double part;
    struct surface_point own[2];
};

static double value(const struct run *r, int k) {
    return r->at[0].v[k] + (r->at[1].v[k] - r->at[0].v[k]) * r->part;
}

static void look_up(const struct fleet_service_built *s, struct run *r, double speed) {
    if (speed >= 1) {
        r->at = surface_row(&s->surface, r->load, &r->part);
        return;
    }
    surface_at(&s->surface, r->load, 0, speed, &r->own[0]);
    r->own[1] = r->own[0];
    r->at = r->own;
    r->part = 0;
}

static double run_power(const struct run *r) {
    return r->replicas * value(r, SURFACE_POWER);
}

/* Whole numbers of replicas; x >= 0. A part in 1e9 does not ask for one more. */
static double whole_down(double x) {
    return (double)(int64_t)x;
}

static double whole_up(double x) {
    return (double)(int64_t)(x + (1 - 1e-9));
}

static void interactive(const struct fleet_service_built *s, double *left, struct run *r, struct fleet_service_out *o) {
    double want = whole_up(o->offered * s->need), can = whole_down(*left * s->per_replica);
    r->replicas = want < can ? want : can;
    double rate = r->replicas * s->rate;
    double served = o->offered < rate ? o->offered : rate;
    r->load = r->replicas > 0 ? served / rate : 0;
    *left -= r->replicas * s->replica_gpus;
    look_up(s, r, 1);
}

/* Batch takes what is left for as long as there is work; a step's arrivals may be done in the step. */
static void batch(const struct fleet_service_built *s, double backlog, const struct fleet_in *in, double *left,
                  struct run *r, struct fleet_service_out *o) {
    double work = o->offered + backlog / in->dt_s, can = whole_down(*left * in->deferrable * s->per_replica);
    double want = whole_up(work / s->rate);
    r->replicas = want < can ? want : can;
    double rate = r->replicas * s->rate;
    r->load = r->replicas > 0 ? (work < rate ? work / rate : 1) : 0;
    *left -= r->replicas * s->replica_gpus;
    look_up(s, r, 1);
}

static void training(const struct fleet_service_built *s, const struct fleet_in *in, double gpus, double *left,
                     struct run *r, struct fleet_service_out *o) {
    double want = whole_down(gpus * s->gpu_share * (in->ramp < 1 ? in->ramp : 1)), can = whole_down(*left);
    o->offered = want;
    if (want > can) want = can;
    r->replicas = whole_down(want * in->deferrable);
    r->load = 1;
    r->at = s->surface.at[0][0]; /* the same at every load */
    r->part = 0;
    *left -= r->replicas;
}

/* Takes a share of the replicas away to save `excess` W; what they served is refused (or waits). */
static void shed(struct run *r, double *excess) {
    double power = run_power(r);
    if (power <= 0) return;
    double part = *excess < power ? *excess / power : 1;
    r->replicas = part < 1 ? r->replicas * (1 - part) : 0;
    *excess -= part < 1 ? *excess : power;
}

/* A copy whose `own` points are its own. */
static void copy_run(struct run *to, const struct run *from) {
    *to = *from;
    if (from->at == from->own) to->at = to->own;
}

/* Slower clocks for one service, while its level holds and power falls. Returns the clock. */
static double slow(const struct fleet *f, const struct fleet_service_built *s, struct run *r, double *excess) {
    double speed = 1, now = run_power(r), need = now - *excess, power = now;
    struct run next;
    if (f->speed_min >= 1 || now <= 0) return 1;
    copy_run(&next, r);
    for (int i = SURFACE_CAPS - 2; i >= 0 && power > need * (1 + 1e-12); i--) {
        double slower = f->speed_min + (1 - f->speed_min) * i / (SURFACE_CAPS - 1), before = power;
        look_up(s, &next, slower);
        power = run_power(&next);
        if (value(&next, SURFACE_SLO) < s->quantile * s->quantile * (1 - 1e-9) || power >= before) break;
        if (power < need) { /* power is linear in the clock between two points of the table */
            slower += (speed - slower) * (need - power) / (before - power);
            look_up(s, &next, slower);
            power = run_power(&next);
        }
        copy_run(r, &next);
        speed = slower;
    }
    double saved = now - run_power(r);
    *excess = saved < *excess ? *excess - saved : 0;
    return speed;
}

struct work {
    struct run run[FLEET_SERVICES_MAX];
    double left[FLEET_POOLS_MAX], off[FLEET_POOLS_MAX]; /* GPUs without work, with power and without */
    double idle_w;
};

/* Everything above the limit, in the order of the header. */
static void cap(const struct fleet *f, double excess, struct work *w, struct fleet_out *out) {
    double part = w->idle_w > 0 ? (excess < w->idle_w ? excess / w->idle_w : 1) : 0;
    excess -= part < 1 ? (w->idle_w > 0 ? excess : 0) : w->idle_w;
    w->idle_w = part < 1 ? w->idle_w * (1 - part) : 0;
    for (uint32_t i = 0; i < f->n_pools; i++) {
        w->off[i] += w->left[i] * part;
        w->left[i] -= w->left[i] * part;
    }
    for (int pass = 0; pass < 3; pass++) { /* pause, slow, refuse */
        for (uint32_t i = f->n_services; i-- > 0 && excess > 0;) {
            uint32_t id = f->order[i];
            const struct fleet_service_built *s = &f->service[id];
            double before = w->run[id].replicas;
            if (fleet_defers(s->kind) != (pass == 0)) continue;
            if (pass == 1) {
                out->service[id].speed = slow(f, s, &w->run[id], &excess);
                continue;
            }
            shed(&w->run[id], &excess);
            w->off[s->pool] += (before - w->run[id].replicas) * s->replica_gpus;
        }
    }
}

static void finish_batch(const struct fleet_service_built *s, double *backlog, double dt_s,
                         struct fleet_service_out *o) {
    double waiting = (backlog ? *backlog : 0) + (o->offered - o->served) * dt_s;
    o->backlog = waiting > 0 ? waiting : 0;
    if (backlog) *backlog = o->backlog;
    /* First come, first served: what is in front of a request now is its delay. */
    double delay = o->served > 0 ? o->backlog / o->served : o->backlog > 0 ? INFINITY : 0;
    o->slo = delay <= s->deadline_s ? 1 : s->deadline_s / delay;
}

static void finish_service(const struct fleet_service_built *s, const struct run *r, struct fleet_state *state,
                           uint32_t id, double dt_s, struct fleet_service_out *o) {
    o->gpus = r->replicas * s->replica_gpus;
    o->util = value(r, SURFACE_UTIL);
    o->power_w = run_power(r);
    if (s->kind == FLEET_TRAINING) {
        o->served = o->gpus * s->goodput;
        o->out_tokens = o->served * s->tokens_per_gpu;
        o->slo = o->offered > 0 ? o->gpus / o->offered : 1;
        if (state) state->training_s[id] += o->served * dt_s;
        return;
    }
    double wanted = r->load * s->rate, can = value(r, SURFACE_SERVED);
    o->served = r->replicas * (can < wanted ? can : wanted);
    o->in_tokens = o->served * s->input;
    o->out_tokens = o->served * s->output;
    if (s->kind == FLEET_BATCH) {
        finish_batch(s, state ? &state->backlog[id] : NULL, dt_s, o);
        return;
    }
    bool all = o->served >= o->offered * (1 - 1e-12);
    o->refused = all ? 0 : o->offered - o->served;
    o->slo = all ? value(r, SURFACE_SLO) : value(r, SURFACE_SLO) * o->served / o->offered;
    if (o->offered <= 0) o->slo = 1;
    if (o->served <= 0) return;
    o->ttft_p50 = value(r, SURFACE_TTFT_P50);
    o->ttft_p99 = value(r, SURFACE_TTFT_P99);
    o->tpot_p50 = value(r, SURFACE_TPOT_P50);
    o->tpot_p99 = value(r, SURFACE_TPOT_P99);
}

/* GPUs to services; returns the power without a limit. */
static double allot(const struct fleet *f, const struct fleet_state *state, const struct fleet_in *in, struct work *w,
                    struct fleet_out *out) {
    double working[FLEET_POOLS_MAX], total = 0;
    for (uint32_t i = 0; i < f->n_pools; i++) {
        const struct fleet_pool_built *p = &f->pool[i];
        double powered = p->powered * in->online[i];
        w->left[i] = working[i] = powered * p->facts.available;
        out->gpus_online += working[i];
        out->min_w += powered * p->fixed_w;
    }
    for (uint32_t i = 0; i < f->n_services; i++) {
        uint32_t id = f->order[i];
        const struct fleet_service_built *s = &f->service[id];
        struct fleet_service_out *o = &out->service[id];
        struct run *r = &w->run[id];
        double *left = &w->left[s->pool];
        o->speed = 1;
        if (s->kind != FLEET_TRAINING) o->offered = demand(s, in);
        if (s->kind == FLEET_TRAINING) training(s, in, working[s->pool], left, r, o);
        else if (s->kind == FLEET_BATCH) batch(s, state ? state->backlog[id] : 0, in, left, r, o);
        else interactive(s, left, r, o);
        total += run_power(r);
    }
    for (uint32_t i = 0; i < f->n_pools; i++) {
        w->off[i] = w->left[i] * f->pool[i].off_share;
        w->left[i] -= w->off[i];
        w->idle_w += w->left[i] * f->pool[i].facts.idle_w;
    }
    return out->min_w + w->idle_w + total;
}

void fleet_step(const struct fleet *f, struct fleet_state *state, const struct fleet_in *in, struct fleet_out *out) {
    struct work w;
    w.idle_w = 0;
    memset(out, 0, offsetof(struct fleet_out, service) + f->n_services * sizeof *out->service);
    out->wanted_w = allot(f, state, in, &w, out);
    if (out->wanted_w > in->limit_w) {
        out->capped = true;
        cap(f, out->wanted_w - in->limit_w, &w, out);
    }
    out->it_w = out->min_w + w.idle_w;
    out->idle_w = w.idle_w;
    double busy = 0;
    for (uint32_t i = 0; i < f->n_services; i++) {
        struct fleet_service_out *o = &out->service[i];
        finish_service(&f->service[i], &w.run[i], state, i, in->dt_s, o);
        out->it_w += o->power_w;
        out->gpus_used += o->gpus;
        busy += o->gpus * o->util;
    }
    for (uint32_t i = 0; i < f->n_pools; i++) {
        out->gpus_idle += w.left[i];
        out->gpus_off += w.off[i];
    }
    /* The sum in another order may pass the limit by a rounding. */
    if (out->capped && out->it_w > in->limit_w && out->min_w < in->limit_w) out->it_w = in->limit_w;
    out->util = out->gpus_online > 0 ? busy / out->gpus_online : 0;
}
