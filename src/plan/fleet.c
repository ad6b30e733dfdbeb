/* fleet: from a configuration to tables. */
#include "plan/fleet.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "plan/calib.h"
#include "plan/fleet_impl.h"
#include "plan/series.h"
#include "plan/serving.h"
#include "plan/trace.h"

_Static_assert((int)FLEET_SERVICES_MAX == (int)PLAN_SERVICES_MAX, "a column of the series for each service");

/* Weights of the hours. Assumptions: consumers peak in the evening with a lull at five; offices work from nine to six
 * with a dip at noon; night work begins when offices have closed. */
static const double shape[][24] = {
    [FLEET_CONSUMER] = {.62, .46, .36, .30, .28, .30, .38, .50, .62, .72, .78, .82,
                        .84, .84, .84, .85, .87, .90, .93, .96, .99, 1,   .92, .78},
    [FLEET_OFFICE] = {.12, .08, .06, .05, .05, .07, .12, .30, .70, .95, 1,   .97,
                      .70, .90, .98, 1,   .97, .85, .55, .40, .34, .30, .24, .17},
    [FLEET_FLAT] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    [FLEET_NIGHT] = {1, 1, 1, 1, 1, .95, .8, .6, .4, .3, .3, .3, .3, .3, .3, .3, .3, .35, .45, .6, .75, .9, 1, 1},
};
static const int shape_of_kind[] = {[FLEET_CHAT] = FLEET_CONSUMER,
                                    [FLEET_CODE] = FLEET_OFFICE,
                                    [FLEET_BATCH] = FLEET_FLAT,
                                    [FLEET_IMAGES] = FLEET_CONSUMER,
                                    [FLEET_TRAINING] = FLEET_FLAT};
static const char *const precision_names[] = {[HW_BF16] = "bf16", [HW_FP8] = "fp8", [HW_FP4] = "fp4"};

static enum hw_precision precision_of(const struct fleet_service *s, const struct hw_system *hw) {
    if (s->precision == FLEET_AUTO) {
        if (s->kind == FLEET_TRAINING || s->kind == FLEET_IMAGES) return HW_BF16;
        return hw->flops[HW_FP4] > 0 ? HW_FP4 : hw->flops[HW_FP8] > 0 ? HW_FP8 : HW_BF16;
    }
    return s->precision == FLEET_FP4 ? HW_FP4 : s->precision == FLEET_FP8 ? HW_FP8 : HW_BF16;
}

static void demand_of(const struct fleet_service *s, struct fleet_service_built *b) {
    int profile = s->profile == FLEET_BY_KIND ? shape_of_kind[s->kind] : s->profile;
    const double *hours = profile == FLEET_CUSTOM ? s->hours : shape[profile];
    double top = 0, month = 0;
    for (int h = 0; h < 24; h++) top = hours[h] > top ? hours[h] : top;
    for (int m = 0; m < 12; m++) month = s->months[m] > month ? s->months[m] : month;
    for (int h = 0; h < 24; h++) b->hour[h] = hours[h] / top;
    b->hour[24] = b->hour[0];
    for (int m = 0; m < 12; m++) {
        b->level[0][m] = s->months[m] / month;
        b->level[1][m] = b->level[0][m] * s->weekend;
    }
    b->growth = s->growth;
}

/* ---- one service ---- */

static void serving_of(const struct fleet_config *c, const struct fleet_service *s, const struct hw_system *hw,
                       const struct roof_factors *k, double gpus, struct serving *out) {
    *out = (struct serving){
        .power = c->power,
        .load = {.input = s->input_tokens,
                 .input_cv2 = s->input_cv2,
                 .output = s->output_tokens,
                 .output_cv2 = s->output_cv2,
                 .long_input = s->long_input_tokens,
                 .long_output = s->long_output_tokens,
                 .prefix_hit = s->prefix_hit,
                 .arrival_cv2 = s->arrival_cv2},
        .level = {.ttft_s = s->ttft_s, .tpot_s = s->tpot_s, .quantile = s->quantile},
        .max_batch = s->max_batch,
        .budget = s->prompt_budget,
    };
    if (s->kind == FLEET_BATCH) out->level.ttft_s = out->level.tpot_s = INFINITY;
    roof_init(&out->roof, hw, &llm_models[s->model], precision_of(s, hw), gpus, k);
}

/* The replica with the most requests per GPU within the level: powers of two inside the link domain, at most 32
 * (beyond, engines of today split work in other ways than this model), or what the design says. */
static sil_err choose_replica(const struct fleet_config *c, const struct fleet_service *s, const struct hw_system *hw,
                              const struct roof_factors *k, struct serving *best, double *rate, struct sil_error *e) {
    int64_t asked = s->replica_gpus, last = hw->domain < 32 ? (int64_t)hw->domain : 32;
    double most = 0;
    struct sil_error why = {0};
    for (int64_t gpus = asked > 0 ? asked : 1; gpus <= (asked > 0 ? asked : last); gpus *= 2) {
        struct serving now;
        double r = 0;
        serving_of(c, s, hw, k, (double)gpus, &now);
        if (serving_rate(&now, s->long_share, &r, &why) != SIL_OK) continue;
        if (r / (double)gpus > most) {
            most = r / (double)gpus;
            *best = now;
            *rate = r;
        }
    }
    return most > 0 ? SIL_OK : err_set(e, SIL_ARG, "services[%s].%s", s->name, why.text);
}

static void facts_of(const struct fleet_service *s, const struct serving *v, struct fleet_service_built *b) {
    struct surface_point empty, full;
    surface_at(&b->surface, 0, 0, 1, &empty);
    surface_at(&b->surface, 1, 0, 1, &full);
    b->facts.replica_gpus = b->replica_gpus;
    b->facts.replica_rate = b->rate;
    b->facts.replica_tokens = b->rate * b->output / b->replica_gpus;
    b->facts.batch_limit = v ? serving_batch_limit(v, s->long_share) : 1;
    b->facts.ttft_min = empty.v[SURFACE_TTFT_P50];
    b->facts.tpot_min = empty.v[SURFACE_TPOT_P50];
    b->facts.joules_per_token = full.v[SURFACE_POWER] / (full.v[SURFACE_SERVED] * b->output);
}

/* A source at the one mix that a service has: exact, where the table would be straight between its points. */
struct at_mix {
    const struct serving *serving;
    double mix;
};

static sil_err eval_at_mix(const void *ctx, double rate, double mix, double speed, struct surface_point *out,
                           struct sil_error *e) {
    const struct at_mix *a = ctx;
    (void)mix;
    return serving_eval(a->serving, rate, a->mix, speed, out, e);
}

static sil_err build_serving(const struct fleet_config *c, const struct fleet_service *s, const struct hw_system *hw,
                             const struct roof_factors *k, struct fleet_service_built *b, struct sil_error *e) {
    struct serving v = {0};
    SIL_TRY(choose_replica(c, s, hw, k, &v, &b->rate, e));
    double mix = s->long_input_tokens > 0 ? s->long_share : 0;
    struct at_mix at = {&v, mix};
    struct surface_source src = {
        .eval = eval_at_mix, .ctx = &at, .rate_slo = b->rate, .speed_min = c->speed_min, .mixes = 1};
    b->replica_gpus = v.roof.gpus;
    b->input = (1 - mix) * s->input_tokens + mix * s->long_input_tokens;
    b->output = (1 - mix) * s->output_tokens + mix * s->long_output_tokens;
    SIL_TRY(surface_fill(&b->surface, &src, e));
    facts_of(s, &v, b);
    return SIL_OK;
}

static sil_err build_images(const struct fleet_config *c, const struct fleet_service *s, const struct hw_system *hw,
                            struct fleet_service_built *b, struct sil_error *e) {
    struct serving_job j = {.hw = hw,
                            .power = c->power,
                            .flop = s->image_flop,
                            .mfu = s->image_mfu,
                            .arrival_cv2 = s->arrival_cv2,
                            .level = {s->ttft_s, INFINITY, s->quantile},
                            .shared = c->shared_replicas};
    struct sil_error why = {0};
    sil_err err = serving_job_rate(&j, &b->rate, &why);
    if (err != SIL_OK) return err_set(e, err, "services[%s].%s", s->name, why.text);
    struct surface_source src = {
        .eval = serving_job_eval, .ctx = &j, .rate_slo = b->rate, .speed_min = c->speed_min, .mixes = 1};
    b->replica_gpus = 1;
    b->input = 0;
    b->output = 1;
    SIL_TRY(surface_fill(&b->surface, &src, e));
    facts_of(s, NULL, b);
    b->input = b->output = 0; /* an image has no tokens */
    return SIL_OK;
}

static void build_training(const struct fleet_config *c, const struct fleet_service *s, const struct hw_system *hw,
                           struct fleet_service_built *b) {
    struct train_loss loss;
    struct llm_count count;
    llm_params(&llm_models[s->model], &count);
    train_loss((double)s->job_gpus, s->interruption_per_s, s->checkpoint_s, s->restart_s, &loss);
    b->goodput = loss.goodput;
    b->replica_gpus = 1;
    b->tokens_per_gpu = s->mfu * hw->flops[precision_of(s, hw)] / train_flop(count.active, 1);
    b->gpu_w = hw->gpu_w * s->training_power + hw_host_power(hw, &c->power, 1);
    for (int i = 0; i < 2; i++) { /* what the step reads */
        b->surface.at[0][0][i].v[SURFACE_POWER] = b->gpu_w;
        b->surface.at[0][0][i].v[SURFACE_UTIL] = b->goodput;
    }
    b->facts.replica_gpus = 1;
    b->facts.training_goodput = loss.goodput;
    b->facts.replica_tokens = b->tokens_per_gpu * loss.goodput;
    b->facts.joules_per_token = b->gpu_w / b->facts.replica_tokens;
}

static sil_err build_service(const struct fleet_config *c, const struct fleet_service *s, const struct roof_factors *k,
                             struct fleet *f, struct fleet_service_built *b, struct sil_error *e) {
    b->kind = s->kind;
    for (uint32_t i = 0; i < c->n_pools && s->pool[0]; i++) {
        if (strcmp(s->pool, c->pools[i].name) == 0) b->pool = (int)i;
    }
    const struct hw_system *hw = f->pool[b->pool].facts.hw;
    enum hw_precision precision = precision_of(s, hw);
    if (!(hw->flops[precision] > 0))
        return err_set(e, SIL_ARG, "services[%s].precision: %s has no %s; allowed: what the hardware has", s->name,
                       hw->name, precision_names[precision]);
    b->quantile = s->quantile;
    b->deadline_s = s->deadline_s;
    b->gpu_share = s->gpu_share;
    demand_of(s, b);
    b->facts.model = s->kind == FLEET_IMAGES ? NULL : &llm_models[s->model];
    b->facts.precision = precision_names[precision];
    b->facts.pool = b->pool;
    struct fleet_pool_built *p = &f->pool[b->pool];
    double gpu_w;
    if (s->kind == FLEET_TRAINING) {
        build_training(c, s, hw, b);
        gpu_w = b->gpu_w;
    } else {
        SIL_TRY(s->kind == FLEET_IMAGES ? build_images(c, s, hw, b, e) : build_serving(c, s, hw, k, b, e));
        struct surface_point full;
        surface_at(&b->surface, 1, 0, 1, &full);
        gpu_w = full.v[SURFACE_POWER] / b->replica_gpus;
    }
    if (gpu_w > p->peak_w) p->peak_w = gpu_w;
    return SIL_OK;
}

/* ---- pools ---- */

double fleet_gpu_count(double contract_w, double pue, double draw_w, double oversubscription, double extra_w,
                       double spare_share, double system) {
    double gpus = contract_w / pue / (draw_w * oversubscription + extra_w) * (1 - spare_share);
    /* One part in 1e12 keeps a count that divides exactly from falling to the next lower system. */
    return gpus > 0 ? floor(gpus / system * (1 + 1e-12)) * system : 0;
}

static void begin_pool(const struct fleet_config *c, const struct fleet_pool *p, struct fleet_pool_built *b) {
    b->own = p->own;
    b->own.name = b->own.title = "custom";
    const struct hw_system *hw = (size_t)p->hardware < hw_n_systems ? &hw_systems[p->hardware] : &b->own;
    b->facts.hw = hw;
    b->facts.idle_w = hw_idle_power(hw, &c->power);
    b->facts.nameplate_w = hw->system_w / hw->gpus;
    double down = p->failure_per_year * p->repair_s / (365 * 86400.0);
    b->facts.available = 1 / (1 + down);
    b->fixed_w = p->network_w + p->storage_w + p->cpu_w;
    b->off_share = p->idle_off_share;
}

static sil_err finish_pool(const struct fleet_pool *p, double contract_w, double pue, struct fleet_pool_built *b,
                           struct sil_error *e) {
    /* Without a service the systems are taken at a busy host and the GPUs at their limit. */
    if (!(b->peak_w > 0)) b->peak_w = b->facts.hw->gpu_w + (b->facts.nameplate_w - b->facts.hw->gpu_w) / 2;
    b->facts.draw_w = isnan(p->draw_w) ? b->peak_w : p->draw_w;
    double system = b->facts.hw->gpus;
    b->facts.formula_gpus = fleet_gpu_count(contract_w * p->power_share, pue, b->facts.draw_w, p->oversubscription,
                                            b->fixed_w, p->spare_share, system);
    b->powered = p->gpus > 0 ? floor((double)p->gpus * (1 - p->spare_share)) : b->facts.formula_gpus;
    if (!(b->powered >= 1))
        return err_set(e, SIL_ARG, "pools[%s].gpus: %.4g kW of contract at PUE %.3g do not feed one %s of %.4g kW",
                       p->name, contract_w * p->power_share / 1e3, pue, b->facts.hw->name,
                       b->facts.draw_w * system / 1e3);
    b->facts.gpus = p->gpus > 0 ? (double)p->gpus : ceil(b->powered / (1 - p->spare_share));
    b->facts.spares = b->facts.gpus - b->powered;
    return SIL_OK;
}

static void finish_service(const struct fleet_config *c, const struct fleet_service *s, const struct fleet *f,
                           struct fleet_service_built *b) {
    const struct fleet_pool_built *p = &f->pool[b->pool];
    double gpus = p->powered * p->facts.available;
    b->per_replica = 1 / b->replica_gpus;
    if (s->kind == FLEET_TRAINING) {
        b->facts.peak_gpus = floor(gpus * s->gpu_share);
        return;
    }
    double replicas = gpus * s->gpu_share / b->replica_gpus;
    double peak = isnan(s->peak_rate) ? replicas * b->rate / (1 + c->headroom) : s->peak_rate;
    b->need = (1 + c->headroom) / b->rate;
    for (int m = 0; m < 12; m++) b->level[0][m] *= peak, b->level[1][m] *= peak;
    b->facts.peak_rate = peak;
    b->facts.peak_gpus = ceil(peak * b->need) * b->replica_gpus;
}

/* Interactive before deferrable, then by priority, then as written. */
static void sort_services(const struct fleet_config *c, struct fleet *f) {
    for (uint32_t i = 0; i < f->n_services; i++) {
        uint32_t at = i;
        const struct fleet_service *s = &c->services[i];
        for (; at > 0; at--) {
            const struct fleet_service *o = &c->services[f->order[at - 1]];
            bool later = fleet_defers(o->kind), now = fleet_defers(s->kind);
            if (later < now || (later == now && o->priority <= s->priority)) break;
            f->order[at] = f->order[at - 1];
        }
        f->order[at] = i;
    }
}

static sil_err build(const struct fleet_config *c, double contract_w, double pue, struct fleet *f,
                     struct sil_error *e) {
    struct roof_factors k;
    calib_fit(&c->roof, NULL, &k, NULL);
    k.production = c->roof.production;
    f->n_pools = c->n_pools;
    f->n_services = c->n_services;
    f->headroom = c->headroom;
    f->speed_min = c->speed_min;
    for (uint32_t i = 0; i < c->n_pools; i++) begin_pool(c, &c->pools[i], &f->pool[i]);
    for (uint32_t i = 0; i < c->n_services; i++) SIL_TRY(build_service(c, &c->services[i], &k, f, &f->service[i], e));
    for (uint32_t i = 0; i < c->n_pools; i++) SIL_TRY(finish_pool(&c->pools[i], contract_w, pue, &f->pool[i], e));
    for (uint32_t i = 0; i < c->n_services; i++) finish_service(c, &c->services[i], f, &f->service[i]);
    sort_services(c, f);
    return SIL_OK;
}

sil_err fleet_take_trace(struct fleet_service *s, const char *path, struct mem mem, struct sil_error *e) {
    struct file_map map;
    struct trace_stats t;
    SIL_TRY(file_map_open(path, &map, e));
    sil_err err = trace_read((struct str){(const char *)map.p, map.n}, mem, &t, e);
    file_map_close(&map);
    if (err != SIL_OK) return err_prefix(e, err, "%s", path);
    if (!(t.input.mean >= 1 && t.output.mean >= 1))
        return err_set(e, SIL_FORMAT, "%s: prompts and answers need one token at least on average", path);
    s->input_tokens = t.input.mean;
    s->input_cv2 = t.input.cv2;
    s->output_tokens = t.output.mean;
    s->output_cv2 = t.output.cv2;
    s->arrival_cv2 = t.dispersion < 200 ? t.dispersion : 200; /* what a design may say, too */
    return SIL_OK;
}

sil_err fleet_build(const struct fleet_config *c, double contract_w, double design_pue, struct mem mem,
                    struct fleet **out, struct sil_error *e) {
    struct fleet_config resolved = *c;
    fleet_resolve(&resolved);
    if (c->n_pools < 1 || c->n_pools > FLEET_POOLS_MAX || c->n_services > FLEET_SERVICES_MAX)
        return err_set(e, SIL_ARG, "a fleet needs 1 to %d pools and at most %d services", FLEET_POOLS_MAX,
                       FLEET_SERVICES_MAX);
    if (!(contract_w > 0) || !(design_pue >= 1))
        return err_set(e, SIL_ARG, "contract must be above 0 and PUE at least 1");
    struct fleet *f = mem_array(mem, 1, sizeof *f);
    if (!f) return err_nomem(e, "tables of the fleet", sizeof *f);
    f->mem = mem;
    sil_err err = build(&resolved, contract_w, design_pue, f, e);
    if (err != SIL_OK) {
        mem_free(mem, f);
        return err;
    }
    *out = f;
    return SIL_OK;
}

void fleet_free(struct fleet *f) {
    if (f) mem_free(f->mem, f);
}

void fleet_pool_at(const struct fleet *f, uint32_t pool, struct fleet_pool_facts *out) {
    assert(pool < f->n_pools);
    *out = f->pool[pool].facts;
}

void fleet_service_at(const struct fleet *f, uint32_t service, struct fleet_service_facts *out) {
    assert(service < f->n_services);
    *out = f->service[service].facts;
}

void fleet_power_range(const struct fleet *f, const double online[FLEET_POOLS_MAX], double *idle_w, double *peak_w) {
    *idle_w = *peak_w = 0;
    for (uint32_t i = 0; i < f->n_pools; i++) {
        const struct fleet_pool_built *p = &f->pool[i];
        double gpus = p->powered * online[i], working = gpus * p->facts.available;
        *idle_w += gpus * p->fixed_w + working * (1 - p->off_share) * p->facts.idle_w;
        *peak_w += gpus * p->fixed_w + working * p->peak_w;
    }
}
