#include "plan/roof.h"

#include <math.h>

const struct roof_factors roof_declared = {.compute = ROOF_COMPUTE,
                                           .activation = ROOF_ACTIVATION,
                                           .routing = ROOF_ROUTING,
                                           .attention = ROOF_ATTENTION,
                                           .memory = ROOF_MEMORY,
                                           .link = ROOF_LINK,
                                           .hop_s = ROOF_HOP_S,
                                           .step_s = ROOF_STEP_S,
                                           .hbm = ROOF_HBM,
                                           .production = ROOF_PRODUCTION};

double roof_weight_bytes(enum hw_precision p) {
    return p == HW_BF16 ? 2 : p == HW_FP8 ? 1 : .5625;
}

void roof_init(struct roof *r, const struct hw_system *hw, const struct llm_model *model, enum hw_precision precision,
               double gpus, const struct roof_factors *k) {
    *r = (struct roof){.hw = hw,
                       .model = model,
                       .precision = precision,
                       .gpus = gpus,
                       .kv_value = precision == HW_BF16 ? 2 : 1,
                       .k = *k};
    llm_params(model, &r->count);
}

static double at_least(double a, double b) {
    return a > b ? a : b;
}

/* Multiply-adds of attention per head, layer and pair of positions, twice: scores and values. With a latent cache,
 * prompts expand it (192 and 128 wide), decode works inside it (576 and 512). */
static double pair_flop(const struct llm_model *m, int decode) {
    if (m->latent == 0) return 4 * m->heads * m->head;
    return m->heads * (decode ? 2 * m->latent + 2 * (m->latent - 64) : 2 * (m->head + 64) + 2 * m->head);
}

/* Pairs of positions over all layers: `n` new tokens, each seeing `seen` on average. */
static double pairs(const struct llm_model *m, double n, double seen) {
    double local = seen < m->window ? seen : m->window;
    return n * ((m->layers - m->local_layers) * seen + m->local_layers * local);
}

/* Bytes of the weights that a step with n tokens reads. */
static double weights_read(const struct roof *r, double n) {
    double touched = 0;
    if (r->model->experts > 0) touched = r->model->experts * (1 - pow(1 - r->model->top / r->model->experts, n));
    return roof_weight_bytes(r->precision) * (r->count.fixed + touched * r->count.expert);
}

/* Layers as far as work per token outside the products goes. */
static double layers_routed(const struct roof *r) {
    const struct llm_model *m = r->model;
    return m->experts > 0 ? m->layers + (m->layers - m->dense_layers) * r->k.routing * m->top : m->layers;
}

/* Both all-reduces of every layer for n tokens of 2-byte values (ring: 2 (g-1)/g of the data leaves each GPU). */
static double exchange_s(const struct roof *r, double n) {
    if (r->gpus <= 1) return 0;
    double data = n * r->model->width * 2 * 2 * (r->gpus - 1) / r->gpus;
    return 2 * (layers_routed(r) * data / (r->hw->link_rate / 2 * r->k.link) + r->model->layers * r->k.hop_s);
}

void roof_step(const struct roof *r, double batch, double context, double prompt, double cached, double speed,
               struct roof_cost *out) {
    const struct llm_model *m = r->model;
    double fresh = prompt > cached ? prompt - cached : 0, n = batch + fresh;
    double rate = r->gpus * r->hw->hbm_rate * r->k.memory;
    double peak = r->gpus * r->hw->flops[r->precision] * r->k.compute * speed;
    double peak16 = r->gpus * r->hw->flops[HW_BF16] * r->k.attention * speed;
    /* Only the last token of a prompt goes through the output matrix, but it is a part in a hundred of the work. */
    double flop = 2 * r->count.active * n, weights = weights_read(r, n);
    double decode = pair_flop(m, 1) * pairs(m, batch, context);
    double prefill = pair_flop(m, 0) * pairs(m, fresh, (prompt + cached) / 2);
    /* With more GPUs than KV heads some heads are held twice; a latent cache is split by sequence instead. */
    double copies = m->latent > 0 ? 1 : at_least(1, r->gpus / m->kv_heads);
    double kv = copies * batch * llm_kv_sequence(m, r->kv_value, context);
    double rest = n * layers_routed(r) * r->k.activation * m->width * 2;
    double time = at_least(flop / peak, weights / rate) + at_least(decode / peak16, kv / rate) + prefill / peak16 +
                  rest / rate + exchange_s(r, n) + r->k.step_s;
    *out = (struct roof_cost){
        .time_s = time / r->k.production, .flop = flop + decode + prefill, .bytes = weights + kv + rest};
}

double roof_batch(const struct roof *r, double tokens) {
    double room = r->gpus * r->hw->hbm_bytes * r->k.hbm - r->count.total * roof_weight_bytes(r->precision);
    double copies = r->model->latent > 0 ? 1 : at_least(1, r->gpus / r->model->kv_heads);
    return room / (copies * llm_kv_sequence(r->model, r->kv_value, tokens));
}
